"""Derivations in which, with the rows of the seed and the cases, every rule fires; and where each rule was seen to fire.

    python -m tests.firings docs

writes ``rules_fired.json`` there: what ``python -m symderiv.reference docs`` says of each rule beside its law, and then
that page.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from symderiv import reference
from symderiv.handout.calls import Call, fisher, gauss_newton, gradient, hessian, jacobian, matching
from symderiv.handout.load import load
from symderiv.record import fires
from symderiv.rules import RULES
from tests.cases_cookbook import COOKBOOK
from tests.cases_table import EVERYDAY
from tests.oracles import rules_of
from tests.rule_cases import cases
from tests.test_cases import derive, spellings
from tests.test_seed import ROWS

ROOT = Path(__file__).parent.parent
NET = "z = W1 @ x + b1; a = tanh(z); u = W2 @ a + b2; -y @ log_softmax(u)"
SHAPES = {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "b2": "o", "y": "o"}
OUTPUTS = {"input": "u", "output": "p", "target": "y", "u": "o", "y": "o"}

EVERYWHERE: tuple[Call, ...] = (
    fisher("u = X @ w; sum(exp(u) - y*u)", "w", part="covariance", at="u", family="poisson", X="m n", w="n", y="m"),
    gauss_newton("p = softmax(u); -y @ log(p)", "u", at="p", u="o", y="o", assume="onehot(y)"),
    gradient("log(abs(det(S)))", "S", S="n n"),
    gradient(NET, ["W1", "W2"], assume="sum(y) == 1", shapes=SHAPES),
    gauss_newton(NET, ["W1", "W2"], at="u", assume="sum(y) == 1", shapes=SHAPES),
    hessian(NET, "W1", assume="sum(y) == 1", shapes=SHAPES),
    hessian("sum(log(1 + exp(-t * (X @ w))))", "w", X="m n", w="n", t="m", assume="t**2 == 1"),
    gradient("-sum(y * log(sigmoid(u)) + (1 - y) * log(1 - sigmoid(u)))", "u", u="o", y="o"),
    gradient("y @ log(exp(u - logsumexp(u)))", "u", u="o", y="o"),
    gradient("sum(log(sum(exp(U), axis=1)))", "U", U="m o"),
    hessian("y @ log(softmax(u))", "u", u="o", y="o", assume="onehot(y)"),
    jacobian("outer(y, y) @ (y * u)", "u", u="o", y="o", assume="onehot(y)"),
    gradient("sum((Q @ x - y)**2)", "x", Q="n n", x="n", y="n", assume="orthogonal(Q)"),
    hessian("sum((Q @ x - y)**2)", "x", Q="n n", x="n", y="n", assume="orthogonal(Q)"),
    gradient("logdet(S) + trace(S @ inv(S))", "S", S="n n", assume="symmetric(S)"),
    gradient("trace(A @ S)", "S", S="n n", A="n n", assume="symmetric(S)", structured=True),
    gradient("trace(A @ D)", "D", D="n n", A="n n", assume="diagonal(D)", structured=True),
    jacobian("L(N(w))", "w", N="n -> o", L="o -> q", w="n"),
    jacobian("vec(outer(x, a))", "x", x="n", a="o"),
    gradient("trace(kron(X, X))", "X", X="n n"),
    jacobian("1 / (1 + exp(-v))", "v", v="n"),
    jacobian("exp(v) / (1 + exp(v))", "v", v="n"),
    jacobian("c", "v", v="n", c="o"),
    jacobian("1 - sigmoid(-v)", "v", v="n"),
    jacobian("log1p(exp(v)) + tanh(-v) + exp(log(v)) + v * exp(v - v)", "v", v="n"),
    jacobian("sigmoid(v) * sigmoid(-v)", "v", v="n"),
    hessian("layer_norm(x)", "x", x="n"),
    jacobian("c = x - mean(x); c/sqrt(sum(c**2)/n + 1)", "x", x="n"),
    gradient("-sum(log(sigmoid(t * (X @ w))))", "w", X="m n", w="n", t="m"),
    gradient("sum((1 - sigmoid(u))**2 * softplus(-u))", "u", u="o"),
    gradient("sum(y * log((1 + tanh(u / 2)) / 2))", "u", u="o", y="o"),
    jacobian("(exp(2*v) - 1) / (exp(2*v) + 1)", "v", v="n"),
    gradient("sum(maximum(u, 0) - y*u + log1p(exp(-abs(u))))", "u", u="o", y="o"),
    gradient("-sum(y * log(exp(u - max(u)) / sum(exp(u - max(u)))))", "u", u="o", y="o"),
    gradient("-(1 - c) * (y @ log_softmax(u)) - c * mean(log_softmax(u))", "u", u="o", y="o", c="", assume="sum(y) == 1"),
    gradient("sum(u * logsumexp(u + c))", "u", u="o", c=""),
    gradient("sum(u * log(sigmoid(u)))", "u", u="o"),
    jacobian("r*exp(u)/(1 - exp(u))", "u", u="n", r=""),
    gradient("sum(relu(1 - y * (X @ w))**2)", "w", X="m n", w="n", y="m"),
    gradient("p = softmax(u); p @ A @ p", "u", u="o", A="o o"),
    gradient("sum(softmax(U, axis=1) @ w)", "U", U="m o", w="o"),
    hessian("-log(softmax(u)[2])", "u", u="o"),
    gradient("diag(x)[0] @ w", "x", x="n", w="n"),
    gradient("sum(x[0] * x)", "x", x="n"),
    gradient("sum(outer(x, x)[0, 1:] * x[1:]) * sum(x[0] * x[1:])", "x", x="n"),
    gradient("trace(sinm(X)) * t", "X", X="n n", t=""),
    gradient("sum(x * sum(softmax(u)))", "x", x="n", u="o"),
    gauss_newton(
        "u = W @ tanh(x); -y @ log_softmax(u)", "x", at="u", W="o n", x="n", y="o", assume="sum(y) == 1"
    ),
    matching("sigmoid(u)", "mse(p, y)", **OUTPUTS),
    matching("sigmoid(u)", "sum((p - y)**2 * p)", **OUTPUTS),
    matching("exp(u)", "sum((p - y)**3)", **OUTPUTS),
    matching("sigmoid(u)", "sum(log(1 + exp(-y*u)))", **OUTPUTS, assume="y**2 == 1"),
    matching("tanh(u)", "sum(log(cosh(u)) - y*u)", **OUTPUTS),
    matching("-1/u", "sum(-log(-u) - y*u)", **OUTPUTS, assume="u < 0"),
    matching("u / (1 + exp(-u))", "sum((p - y)**2)/2", **OUTPUTS),
)
"""Derivations and matching pairs, chosen so that no rule is left out."""

OTHERWISE = {
    "structured_derivative": (
        "test_rules.py::test_a_structured_derivative_is_the_gradient_by_the_entries_below_the_diagonal",
        "test_rules.py::test_a_broken_structured_derivative_is_seen",
    ),
    "diagonal_derivative": (
        "test_attacked.py::test_within_diagonal_matrices",
        "test_rules.py::test_a_broken_structured_derivative_is_seen",
    ),
}
"""The tests of rules that change more than the form, so that a case can't compare before and after."""


def rules_in(made: Any) -> set[str]:
    """The rules that fired in what a call gave: a derivation, a split, or a matching pair."""
    return {step.rule for step, _ in fires(made.proof)} if hasattr(made, "proof") else set(rules_of(made))


def derivations() -> Iterator[tuple[str, set[str]]]:
    """What is derived by the tests' tables, by its name, with the rules that fired in it."""
    for case in (*EVERYDAY, *COOKBOOK):
        yield f"{case.name}, {case.operator} by {case.wrt}", rules_in(derive(case, next(spellings(case))[1]))
    for name, row in ROWS.items():
        yield name.replace("_", " "), set(rules_of(*row()))
    for call in EVERYWHERE:
        yield " ".join(call.code().removeprefix("sd.").split()), rules_in(call.run())


def handouts() -> Iterator[tuple[str, set[str]]]:
    """The handouts, with the rules that fired in what they derive."""
    for path in sorted((ROOT / "derivations").glob("*.py")):
        yield path.stem, set().union(*(rules_in(call.run()) for call in load(path).calls()))


def tests_of(rule: str) -> list[str]:
    """The tests of a rule: two for each case, of what it means and of what is planted; or those listed."""
    ids = [str(case) for case in cases() if case.rule == rule]
    both = ("test_a_rule_keeps_the_value", "test_a_rule_that_is_broken_is_seen")
    return [f"test_rules.py::{test}[{name}]" for name in ids for test in both] or list(OTHERWISE.get(rule, ()))


def fired() -> dict[str, dict[str, list[str]]]:
    """For each rule the first derivations in which it fires, the handouts in which it does, and its tests."""
    made, told = list(derivations()), list(handouts())
    return {
        rule: {
            "derivations": [name for name, rules in made if rule in rules][: reference.SHOWN],
            "handouts": [name for name, rules in told if rule in rules],
            "tests": tests_of(rule),
        }
        for rule in RULES
    }


def lacking(found: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    """The rules that fire nowhere, or have no test that fails when they are wrong."""
    return [rule for rule, seen in found.items() if not (seen["derivations"] or seen["handouts"]) or len(seen["tests"]) < 2]


def main(folder: Path) -> int:
    (folder / reference.FIRED).write_text(json.dumps(fired(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return reference.main([str(folder)])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
