"""The checker of saved derivations: small enough to read in one sitting, and it derives nothing.

A derivation holds if (1) its proofs start from the derivatives that it claims and end at its results, (2) its facts are
what their texts state, and its expression is what its text is, (3) each step is its rule at its node, with no fact
left unsaid, and each replacement inside a node gives the node that its constructor makes, (4) no step under a
derivative not yet taken uses what would change that derivative.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from symderiv.build import remake
from symderiv.derive import Derivation
from symderiv.errors import SymderivError, UnknownNameError, clip
from symderiv.facts import Fact
from symderiv.frontend.assumptions import build_facts, parse_assumptions
from symderiv.frontend.environment import Environment, environment_of
from symderiv.frontend.inputs import to_expr
from symderiv.frontend.shapes import ElementwiseDecl, ShapeDecl
from symderiv.ir import Box, Der, Expr, Name, Symbol, depends
from symderiv.record import Cong, Fire, Proof, fires, proofs, subproofs
from symderiv.rules import RULES, Context
from symderiv.rules.structure import structure_of
from symderiv.saved.form import SavedError, guarded
from symderiv.saved.goals import goals, opened, split_goals
from symderiv.simplify import Normaliser
from symderiv.splits import GaussNewton

MOST_FAILURES = 20
SHOWN = 200
NARROW = frozenset({"sum", "equal", "onehot", "orthogonal", "symmetric", "diagonal", "psd", "pd"})
"""facts that hold on a set without interior: used before a derivative is taken, they would change it"""


@dataclass(frozen=True)
class Checked:
    """What checking found; true where nothing failed. ``rules`` counts the steps by rule."""

    failures: tuple[str, ...]
    steps: int
    rules: dict[str, int] = field(repr=False)
    assumptions: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return not self.failures

    def summary(self) -> str:
        """One line.

        >>> Checked((), 1, {"sum_rule": 1}, ("sum(y) == 1",)).summary()
        '1 step by 1 rule holds, under sum(y) == 1'
        """
        if self.failures:
            more = f" and {len(self.failures) - 1} more" if len(self.failures) > 1 else ""
            return f"doesn't hold: {self.failures[0]}{more}"
        steps, rules = (f"{n} {what}{'' if n == 1 else 's'}" for n, what in ((self.steps, "step"), (len(self.rules), "rule")))
        under = f", under {', '.join(self.assumptions)}" if self.assumptions else ""
        return f"{steps} by {rules} hold{'s' if self.steps == 1 else ''}{under}"


def check_all(named: Sequence[tuple[str, Derivation, Any]], split: GaussNewton | None = None) -> Checked:
    """Check derivations, each with its name and the results claimed; a split's parts with each other as well."""
    failures: list[str] = []
    notes: list[str] = []
    for label, derivation, results in named:
        if derivation.result != results:
            failures.append(f"{label}: the result isn't what its steps end at")
        if split is None:
            _claim(label, goals(derivation), derivation, failures)
    main = split.H if split is not None else named[0][1]
    if split is not None:
        _check_split(split, failures)
    for message in (*_check_facts(main), *_check_symmetric(main, (p for _, d, _ in named for p in d.flat))):
        failures.append(message)
    for message, failed in _check_text(main):
        (failures if failed else notes).append(message)
    roots = [proof for _, d, _ in named for proof in d.flat]
    failures.extend(_check_steps(roots, {id(p): d for _, d, _ in named for p in d.flat}))
    steps = {id(f): f for root in roots for f, _ in fires(root)}.values()
    rules = Counter(f.rule for f in steps)
    used = tuple(dict.fromkeys(f.text for step in steps for f in step.facts))
    return Checked(tuple(failures[:MOST_FAILURES]), len(steps), dict(sorted(rules.items())), used, tuple(notes))


# ---------------------------------------------------------------- (1) the claim
def _claim(label: str, claimed: Any, derivation: Derivation, failures: list[str]) -> None:
    started = _nested(derivation.proofs, lambda p: p.before)
    if claimed is None or started != claimed:
        failures.append(f"{label}: the steps don't start from the {derivation.kind} of {_told(derivation.subject)} "
                        f"by {', '.join(x.name for x in derivation.wrt)}")


def _nested(parts: Any, of: Callable[[Proof], Expr]) -> Any:
    return of(parts) if isinstance(parts, Proof) else tuple(_nested(part, of) for part in parts)


def _check_split(split: GaussNewton, failures: list[str]) -> None:
    """G, R and what they are made of are of one loss, which is the one that H is of."""
    loss, x = split.slope.subject, split.H.wrt[0]
    claimed = split_goals(loss, split.at, x)
    for label in claimed:
        _claim(label, claimed[label], getattr(split, label), failures)
    _claim("H", goals(split.H), split.H, failures)
    if depends(loss, x) and not _only_through(loss, x, split.at):
        failures.append(f"the loss depends on {x.name} past {split.at.name}")
    whole = Normaliser(Context(split.facts))
    if whole.normal(opened(loss)) is not whole.normal(opened(split.H.subject)):
        failures.append(f"the loss that is split at {split.at.name} isn't the one that H is the Hessian of")


def _only_through(root: Expr, x: Expr, at: Expr) -> bool:
    stack, seen = [root], set()
    while stack:
        node = stack.pop()
        if node is x:
            return False
        if node is not at and node not in seen:
            seen.add(node)
            stack.extend(node.kids)
    return True


# ---------------------------------------------------------------- (2) facts and text
def _environment(derivation: Derivation) -> Environment:
    found = environment_of(derivation.subject)
    for fact in derivation.facts:
        for node in (fact.subject, fact.value):
            if isinstance(node, Expr):
                other = environment_of(node)
                found = Environment({**other.symbols, **found.symbols}, {**other.modules, **found.modules},
                                    found.functions | other.functions, {**other.names, **found.names},
                                    found.extra_dims | other.extra_dims)
    return found


def _check_facts(derivation: Derivation) -> Iterator[str]:
    """Each fact is read again from its text."""
    texts = list(derivation.facts.texts())
    try:
        stated = build_facts(parse_assumptions(texts), _environment(derivation))
    except SymderivError as error:
        yield f"the assumptions can't be read: {error.message}"
        return
    missing = [f for f in derivation.facts if f not in stated.facts]
    if missing:
        yield f"'{missing[0].text}' doesn't state the fact that the steps use under it"


def _check_symmetric(derivation: Derivation, roots: Iterable[Proof]) -> Iterator[str]:
    """A matrix is symmetric only where it is assumed so."""
    known = {f.subject.name for f in derivation.facts.of("symmetric", "diagonal", "psd", "pd") if isinstance(f.subject, Symbol)}
    seen: set[Expr] = set()
    stack: list[Expr] = [derivation.subject, *(n for root in roots for p in proofs(root) for n in (p.before, p.after))]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.kids)
            if isinstance(node, Symbol) and node.kind == "variable" and "symmetric" in node.props and node.name not in known:
                yield f"'{node.name}' is taken as symmetric, which isn't assumed"


def _check_text(derivation: Derivation) -> Iterator[tuple[str, bool]]:
    """(what is to be said, whether it is a failure) of the text that the expression was read from."""
    if not derivation.source:
        return
    env = _environment(derivation)
    shapes = {**{n: ShapeDecl(s.shape) for n, s in env.symbols.items() if s.kind == "variable"}, **env.modules,
              **dict.fromkeys(env.functions, ElementwiseDecl())}
    try:
        again, _, _ = to_expr(derivation.source, shapes, list(derivation.facts.texts()), [x.name for x in derivation.wrt])
    except UnknownNameError as error:                           # a name that cancels has left no shape
        yield f"the text isn't compared with the expression: {error.message}", False
    except SymderivError as error:
        yield f"the text can't be read: {error.message}", True
    else:
        if again is not derivation.subject:
            yield f"the text says {_told(again)}; what was differentiated is {_told(derivation.subject)}", True


# ---------------------------------------------------------------- (3) steps
def _check_steps(roots: Sequence[Proof], owner: dict[int, Derivation]) -> Iterator[str]:
    seen: set[int] = set()
    for root in roots:
        for proof in proofs(root):
            if id(proof) in seen:
                continue
            seen.add(id(proof))
            for item in proof.items:
                problem = None
                if isinstance(item, Fire):
                    problem = _fire_fails(item, proof.context, owner.get(id(proof)))
                elif isinstance(item, Cong):
                    problem = _inside_fails(item)
                if problem:
                    yield problem


def _told(node: Expr) -> str:
    """A node in a message."""
    return clip(node.text(), SHOWN) if node.weight <= SHOWN else f"an expression of weight {node.weight}"


def _fire_fails(step: Fire, context: Context, whole: Derivation | None) -> str | None:
    """Why a step isn't its rule at its node; None where it is."""
    problem = _rule_fails(step, context, whole)
    return problem and f"'{step.law.title}' at {_told(step.before)}: {problem}"


def _rule_fails(step: Fire, context: Context, whole: Derivation | None) -> str | None:
    law = RULES[step.rule]
    facts: tuple[Fact, ...]
    if law.family == "structure" and not _within_structure(step, whole):
        return "it may only end a gradient by a symmetric matrix"
    if (law.choices is None and step.choice is not None) or (law.family != "lemma" and step.cited):
        return "the rule takes no choice, or no lemma"
    try:
        with guarded("the step", "the rule fails at it"):
            if law.family == "lemma":
                after, facts = law.apply(step.before, context, step.choice, step.cited), ()
            else:
                used = law.fire(step.before, context, step.choice)
                after, facts = (None, ()) if used is None else used
    except SavedError as error:
        return error.message
    if after is not step.after:
        return f"it doesn't give {_told(step.after)}"
    if tuple(facts) != step.facts:
        return "it uses other facts than it says"
    return None


def _within_structure(step: Fire, whole: Derivation | None) -> bool:
    return whole is not None and whole.kind == "gradient" and any(
        x.shape == step.before.shape and structure_of(x, whole.facts) == step.rule for x in whole.wrt)


def _inside_fails(step: Cong) -> str | None:
    """Why a replacement inside a node doesn't give what it says; None where it does."""
    problem = _parts_fail(step) or (_under_hole_fails(step.before, step) if isinstance(step.before, Der) else None)
    return problem and f"inside {_told(step.before)}: {problem}"


def _parts_fail(step: Cong) -> str | None:
    node = step.before
    if len(step.kids) != len(node.kids):
        return "not one proof for each part"
    for kid, sub in zip(node.kids, step.kids, strict=True):
        if sub is not None and sub.before is not kid:
            return f"a proof about {_told(sub.before)} is used for {_told(kid)}"
    if remake(node, [kid if sub is None else sub.after for kid, sub in zip(node.kids, step.kids, strict=True)]) is not step.after:
        return f"the parts don't make {_told(step.after)}"
    return None


# ---------------------------------------------------------------- (4) under a derivative not yet taken
def _under_hole_fails(hole: Der, step: Cong) -> str | None:
    """A step under ∂/∂x may not look inside x, nor use a fact that holds only for some x."""
    x = hole.wrt
    if not isinstance(x, Symbol) and not (isinstance(x, Name) and isinstance(x.body, Box)):
        return "the variable isn't kept whole"
    stack, seen = list(subproofs(step)), set()
    while stack:
        proof = stack.pop()
        if id(proof) in seen:
            continue
        seen.add(id(proof))
        for item in proof.items:
            stack.extend(subproofs(item))
            if isinstance(item, Fire):
                if item.before is x:
                    return f"'{item.law.title}' changes the variable"
                for fact in item.facts:
                    if fact.kind in NARROW and isinstance(fact.subject, Expr) and depends(fact.subject, x):
                        return f"'{fact.text}' is about the variable, and its derivative isn't taken yet"
    return None


__all__ = ["Checked", "check_all"]
