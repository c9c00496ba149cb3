"""Random questions other than "the derivative by one symbol": gradients by several symbols, structured ones, splits, Fisher
matrices, abstract modules, matching losses.

Each is told as the call that asks it. What is given back is verified by numbers that share no code with it, replayed,
and written in one notation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

import symderiv as sd
from symderiv.build import add, contract
from symderiv.errors import NoMatchingLossError, NoRuleError, SymderivError, TooLargeError
from symderiv.frontend.inputs import parse
from symderiv.ir import depends, is_zero
from symderiv.record import fires
from symderiv.verify import check_derivative, same_value
from tests.fuzz.checks import Tally, WrongError, shown
from tests.fuzz.grammar import FACTS, NAME, SYMBOLS, Grammar

HOLE = re.compile(r"\{(\w+)\}")
MODULES = (
    "sigmoid(u)", "tanh(u)", "exp(u)", "softplus(u)", "relu(u)", "u", "2*u + 1", "u**3", "softmax(u)", "-1/u", "1/(1 + exp(u))",
    "exp(u)/(1 + exp(u))", "u / (1 + exp(-u))", "log_softmax(u)", "atan(u)", "normal_cdf(u)", "1 - exp(-exp(u))", "sigmoid(2*u)",
    "tanh(u)**2", "softsign(u)", "u - mean(u)", "log(1 + exp(u))", "u*abs(u)",
)  # fmt: skip
LOSSES = (
    "mse(p, y)", "sum((p - y)**2)/2", "-y @ log(p)", "-sum(y * log(p) + (1 - y) * log(1 - p))", "sum(log(1 + exp(-y*u)))",
    "sum(log(1 + exp(-2*y*u)))", "sum((p - y)**2 * p)", "sum(p - y * log(p))", "sum(-log(p) - y/p)", "sum((p - y)**3)", "y @ p",
    "sum(log(cosh(u)) - y*u)", "logsumexp(u) - y @ u", "sum(exp(u) - y*u)", "sum(p**2 * y)", "sum(abs(p - y))", "-y @ p + sum(p**2)",
    "sum(-log(-u) - y*u)", "bce_with_logits(u, y)", "cross_entropy(u, y)", "poisson_nll(u, y)", "sum(softplus(u) - y*u)",
    "sum(maximum(0, 1 - y*p))", "-y @ log_softmax(u)", "sum((p - y)**4)", "sum(p * log(p) - p * log(y))", "norm(p - y)",
)  # fmt: skip
#: Pairs that a rule of their own is for: drawn at random they would hardly meet.
FITTING = (
    ("sigmoid(u)", "sum(log(1 + exp(-y*u)))", ["y**2 == 1"]), ("1/(1 + exp(-u))", "sum(log(1 + exp(-y*u)))", ["y**2 == 1"]),
    ("tanh(u)", "sum(log(1 + exp(-2*y*u)))", ["y**2 == 1"]), ("softmax(u)", "-y @ log(p)", ["sum(y) == 1"]),
    ("softmax(u)", "-y @ log(p)", ["onehot(y)"]), ("exp(u)", "sum(p - y * log(p))", []),
)
#: Axes that are joined: Jacobians by whatever stands in them.
ARRANGED = (
    "vec({mn})", "vec({mn}) * vec({mn})", "tanh(vec({nn}))", "kron({n}, {m})", "kron({mn}, {n})", "vec(outer({m}, {n}))",
    "reshape({mn}, n*m)", "ravel({mn}) * c", "trace(kron({nn}, {mm}))", "sum(kron({n}, {m})**2)",
)
TARGETS = ("sum(y) == 1", "y**2 == 1", "onehot(y)", "y > 0", "u < 0")
LIKELIHOODS: Mapping[str, str] = {
    "gaussian": "sum((u - y)**2)/2", "bernoulli": "sum(softplus(u) - y*u)", "poisson": "sum(exp(u) - y*u)",
    "categorical": "-y @ log_softmax(u)",
}  # fmt: skip
OUTER = (
    "sum((u - v)**2)/2", "-h @ log_softmax(u)", "logsumexp(u)", "sum(softplus(u) - v*u)", "sum(exp(u) - v*u)", "norm(u)", "mse(u, v)",
    "sum(u**4)", "(u @ R @ u)", "(-log(softmax(u)[0]))", "sum(log(1 + exp(-v*u)))", "sum(tanh(u))", "prod(u)", "max(u)",
)  # fmt: skip
ABSTRACT = (
    "L(N(z))", "L(N(z)) * sum(z)", "z @ N(z)", "sum(tanh(N(z)))", "L(N(z) + z)", "sum((N(z) - y)**2)", "N(N(z)) @ y", "L(C @ N(z))",
    "exp(L(z) + L(N(z)))", "softmax(N(z)) @ y", "L(N(z) * z)",
)  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """A function of the package, its arguments, and its options."""

    function: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]

    def call(self) -> str:
        """The call, to be pasted."""
        return f"sd.{self.function}({', '.join([*map(repr, self.arguments), *(f'{k}={v!r}' for k, v in self.options.items())])})"

    def __call__(self) -> Any:
        return getattr(sd, self.function)(*self.arguments, **self.options)


# ---------------------------------------------------------------- making them
def _described(text: str, more: Mapping[str, str] | None = None) -> tuple[dict[str, str], list[str]]:
    """The shapes of the symbols that a text uses, one for each size that it uses, and the facts about them."""
    used = [n for n in SYMBOLS if n in set(NAME.findall(text))]
    sizes = set(NAME.findall(text)) & {"n", "m", "k"} - {d for n in used for d in SYMBOLS[n].split()}
    used += [{"n": "x", "m": "u", "k": "w"}[d] for d in sorted(sizes)]
    return {**{n: SYMBOLS[n] for n in used}, **(more or {})}, [FACTS[n] for n in used if n in FACTS]


def _written(g: Grammar, shape: tuple[str, ...], depth: int) -> str:
    """A value in which u is free for the intermediate one."""
    return NAME.sub(lambda found: "v" if found.group() == "u" else found.group(), g.value(shape, depth))


def _gradients(draw: Callable[..., Any], g: Grammar, depth: int) -> Ask:
    for _ in range(draw(st.integers(1, 3))):
        g.line(draw(st.integers(1, depth)))
    text = "; ".join([*g.lines, g.value((), depth)])
    shapes, facts = _described(text)
    if not shapes:
        text, shapes = f"{text}; c", {"c": ""}
    wrt = draw(st.lists(st.sampled_from(sorted(shapes)), min_size=1, max_size=3, unique=True))
    return Ask("gradient", (text, wrt), {"shapes": shapes, "assume": facts})


def _structured(draw: Callable[..., Any], g: Grammar, depth: int) -> Ask:
    by = draw(st.sampled_from("SE"))
    text = f"{g.value((), depth)} + {draw(st.sampled_from(('trace(C @ {})', 'x @ {} @ y', 'trace({0} @ {0} @ C)'))).format(by)}"
    shapes, facts = _described(text)
    return Ask("gradient", (text, by), {"shapes": shapes, "assume": facts, "structured": True})


def _split(draw: Callable[..., Any], g: Grammar, depth: int) -> Ask:
    by = draw(st.sampled_from(("x", "A", "t")))
    inner = {"x": "A @ x", "A": "A @ x", "t": "t * (A @ x)"}[by]
    text = f"u = {_written(g, ('m',), depth)} + {inner}; {draw(st.sampled_from(OUTER))}"
    at = draw(st.sampled_from("uuup"))
    if at == "p":
        text = text.rpartition("; ")[0] + "; p = softmax(u); -h @ log(p)"
    shapes, facts = _described(text)
    for name in ("u", *at):
        shapes.pop(name, None)
    several = ["A", "x"] if inner == "A @ x" and draw(st.booleans()) else by
    return Ask("gauss_newton", (text, several), {"at": at, "shapes": shapes, "assume": facts})


def _fisher(draw: Callable[..., Any], g: Grammar, depth: int) -> Ask:
    family = draw(st.sampled_from(sorted(LIKELIHOODS)))
    text = f"u = {_written(g, ('m',), depth)} + A @ x; {LIKELIHOODS[family].replace('y', 'target')}"
    shapes, facts = _described(text, {"target": "m"})
    shapes.pop("u", None)
    return Ask("fisher", (text, "x"), {"at": "u", "family": family, "target": "target", "shapes": shapes, "assume": facts})


def _abstract(draw: Callable[..., Any], g: Grammar, depth: int) -> Ask:
    inner = draw(st.sampled_from(("x", "C @ x", "tanh(C @ x)", "x * x")))
    text = f"z = {inner}; {draw(st.sampled_from(ABSTRACT))}"
    shapes, _ = _described(text)
    return Ask("derivative", (text, "x"), {"order": draw(st.integers(1, 2)), "shapes": {**shapes, "N": "n -> n", "L": "n -> "}})


def _arranged(draw: Callable[..., Any], g: Grammar, depth: int) -> Ask:
    text = HOLE.sub(lambda hole: g.value(tuple(hole.group(1)), depth - 1), draw(st.sampled_from(ARRANGED)))
    shapes, facts = _described(text)
    shapes = shapes or {"c": ""}
    return Ask("derivative", (text, draw(st.sampled_from(sorted(shapes)))), {"shapes": shapes, "assume": facts})


def _matching(draw: Callable[..., Any], g: Grammar, depth: int) -> Ask:
    module, loss = draw(st.sampled_from(MODULES)), draw(st.sampled_from(LOSSES))
    facts = draw(st.lists(st.sampled_from(TARGETS), max_size=2, unique=True))
    if draw(st.integers(0, 3)) == 0:
        module, loss, facts = draw(st.sampled_from(FITTING))
    return Ask("matching", (module, loss), {"input": "u", "output": "p", "target": "y", "assume": facts, "u": "o", "y": "o"})


def _matching_loss(draw: Callable[..., Any], g: Grammar, depth: int) -> Ask:
    return Ask("matching_loss", (draw(st.sampled_from(MODULES)),), {"input": "u", "target": "y", "u": "o", "y": "o"})


KINDS = (
    _gradients, _gradients, _gradients, _structured, _split, _split, _fisher, _abstract, _arranged, _matching, _matching, _matching_loss,
)  # fmt: skip


@st.composite
def asks(draw: Callable[..., Any], depth: int = 2) -> Ask:
    """One of these questions."""
    g = Grammar(draw, kinks=draw(st.booleans()))
    return draw(st.sampled_from(KINDS))(draw, g, draw(st.integers(1, depth)))


# ---------------------------------------------------------------- checking what comes back
def check_ask(ask: Ask, tally: Tally) -> None:
    """Every check of one question; WrongError for a wrong answer, and any foreign exception goes through."""
    tally.programs += 1
    kind = f"{ask.function}{', structured' if ask.options.get('structured') else ''}"
    tally.asked[kind] += 1
    try:
        found = ask()
    except (NoRuleError, TooLargeError, NoMatchingLossError) as refusal:
        tally.refused[f"{ask.function}, {type(refusal).__name__}: {refusal.message[:40]}"] += 1
        return
    except SymderivError as refusal:
        if ask.function in ("derivative", "gradient"):
            raise
        tally.refused[f"{ask.function}: {refusal.message[:40]}"] += 1
        return
    if ask.function in ("matching", "matching_loss"):
        _matched(ask, found, tally)
        return
    parts = getattr(found, "parts", (found,))
    for part in parts:
        tally.rules.update(step.fire.rule for step in part.steps)
        part_result = part.result if isinstance(part.result, tuple) else (part.result,)
        replayed = part.replay()
        if any(a is not b for a, b in zip(_flat(replayed), _flat(part_result), strict=True)):
            raise WrongError("replay gives another result")
        shown(part, ask.call(), tally)
    reports = [part.verify(2) for part in parts] if ask.function == "fisher" else [found.verify(2)]
    verdict = min((report.verdict for report in reports), key=("refuted", "unknown", "checked").index)
    tally.verdicts[verdict] += 1
    if verdict == "refuted":
        raise WrongError(f"refuted: {'; '.join(report.summary() for report in reports)}")


def _flat(nested: Any) -> list[Any]:
    return [x for part in nested for x in _flat(part)] if isinstance(nested, tuple) else [nested]


def _matched(ask: Ask, found: Any, tally: Tally) -> None:
    """A, b and the remainder give the loss's numeric gradient, A and b free of u; a loss found has the gradient M(u) − y."""
    proofs = [found.proof, *([found.difference] if hasattr(found, "difference") else [])]
    tally.rules.update(step.rule for proof in proofs for step, _ in fires(proof))
    tally.verdicts[f"{ask.function} {found.status}"] += 1
    u = found.input
    if ask.function == "matching_loss":
        wanted = add([(1, found.module), (-1, found.target)], u.shape)
        _holds(check_derivative(found.loss, u, 1, wanted, (), 3, 1), f"the loss hasn't the gradient M(u) − y ({found.status})", tally)
        return
    module, loss = ask.arguments
    whole, _, facts = parse(f"p = {module}; {loss}", {"u": "o", "y": "o"}, ask.options["assume"])
    _holds(check_derivative(whole, u, 1, found.gradient, facts, 3, 1), "the gradient by u", tally)
    if found.A is not None and found.b is not None:
        parts = add([(1, _times(found.A, found.output)), (1, found.b), (1, found.remainder)], u.shape)
        _holds(same_value(parts, found.gradient, facts, 3, 1), f"A M(u) + b + remainder ({found.status})", tally)
        if found.matches and not (is_zero(found.remainder) and not depends(found.A, u) and not depends(found.b, u)):
            raise WrongError(f"said to match, with A = {found.A.text()}, b = {found.b.text()}, remainder {found.remainder.text()}")


def _holds(report: Any, what: str, tally: Tally) -> None:
    tally.checks[f"{what.partition(' (')[0]}: {report.verdict}"] += 1
    if report.verdict == "refuted":
        raise WrongError(f"{what}: {report.summary()}")


def _times(A: Any, p: Any) -> Any:
    """A p: a matrix times a vector, or a number."""
    if len(A.shape) == 2 * len(p.shape):
        return contract((A, p), ("ij", "j"), "i")
    return contract((A, p), ("", "i"), "i")


__all__ = ["Ask", "asks", "check_ask"]
