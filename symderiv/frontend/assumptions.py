"""Gives assumptions their meaning: facts about expressions, checked against the environment and each other.

>>> from symderiv.frontend.environment import declare
>>> for fact in build_facts(parse_assumptions("sum(Y, axis=1) == 1, x > 0"), declare({"Y": "m o", "x": "n"})):
...     print(fact.kind, fact.subject, fact.axes, fact.value)
sum <Y> (1,) <1>
positive <x> () None
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from symderiv import ops
from symderiv.build import power
from symderiv.errors import AssumptionError, ShapeError, SymderivError, nearest
from symderiv.facts import Fact, Facts, facts
from symderiv.frontend.assume import Fact as ParsedFact
from symderiv.frontend.assume import PropertyFact, RelationFact, parse_assumptions
from symderiv.frontend.build_text import CONSTANTS, build_expression
from symderiv.frontend.environment import Environment
from symderiv.frontend.syntax import Call, Node, names
from symderiv.frontend.values import as_axis
from symderiv.ir import Expr, Map, free_symbols, is_zero, number_of, postorder
from symderiv.ops import shape_text

SYMMETRIC = frozenset({"symmetric", "psd", "pd", "diagonal"})
_OF_FUNCTIONS = frozenset({"convex", "concave"})
_SIGNS: Mapping[str, str] = {">": "positive", "<": "negative", ">=": "nonnegative", "<=": "nonpositive"}
_MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "=="}
_CLASHES = {
    "positive": frozenset({"negative", "nonpositive"}), "negative": frozenset({"positive", "nonnegative", "onehot"}),
    "nonnegative": frozenset({"negative"}), "nonpositive": frozenset({"positive"}),
}  # fmt: skip


def symmetric_names(parsed: Iterable[ParsedFact]) -> frozenset[str]:
    """The names that are symmetric by these assumptions: their symbols are made so."""
    return frozenset(f.name for f in parsed if isinstance(f, PropertyFact) and f.kind in SYMMETRIC)


def build_facts(parsed: Iterable[ParsedFact], environment: Environment) -> Facts:
    """The facts that are stated; AssumptionError for one that is about nothing, misshapen, or contradicts another."""
    found: list[Fact] = []
    for assumption in parsed:
        fact = (
            _property(assumption, environment)
            if isinstance(assumption, PropertyFact)
            else _relation(assumption, environment)
        )
        fact = _turned(fact)
        _check_against(found, fact, assumption)
        _check_circle(found, fact, assumption)
        found.append(fact)
        found.extend(_implied(fact))
    return facts(found)


def _error(message: str, assumption: ParsedFact, hint: str | None = None) -> AssumptionError:
    return AssumptionError(message, assumption.source, assumption.span, hint=hint)


# ---------------------------------------------------------------- properties
def _property(assumption: PropertyFact, environment: Environment) -> Fact:
    name, kind = assumption.name, assumption.kind
    if kind in _OF_FUNCTIONS:
        if name not in environment.modules and name not in environment.functions:
            known = (*environment.modules, *environment.functions)
            raise _missing(name, known, assumption, f"declare it: {name}='o -> ', or {name}='elementwise'")
        return Fact(kind, name, assumption.text)
    subject = environment.lookup(name)
    if subject is None:
        raise _missing(name, environment.nearby(), assumption, f"give its shape: {name}='n n', or drop the assumption")
    if kind == "onehot" and not subject.shape:
        raise _error(f"'{name}' is a scalar, and can't be one-hot", assumption)
    if kind != "onehot" and (len(subject.shape) != 2 or subject.shape[0] != subject.shape[1]):
        raise _error(f"'{kind}' needs a square matrix; {name} is {shape_text(subject.shape)}", assumption)
    return Fact(kind, subject, assumption.text)


def _missing(name: str, known: Iterable[str], assumption: ParsedFact, advice: str) -> AssumptionError:
    close = nearest(name, known)
    return _error(
        f"the assumption is about '{name}', which isn't there",
        assumption,
        f"did you mean '{close}'?" if close else advice,
    )


# ---------------------------------------------------------------- relations
def _relation(assumption: RelationFact, environment: Environment) -> Fact:
    left, right, operator = assumption.left, assumption.right, assumption.operator
    for name in sorted(names(left) | names(right)):
        if environment.lookup(name) is None and name not in environment.dims and name not in CONSTANTS:
            raise _missing(
                name, environment.nearby(), assumption, f"give its shape: {name}='n', or drop the assumption"
            )
    a, b = (build_expression(side, assumption.source, environment) for side in (left, right))
    if not free_symbols(a) or (number_of(a) is not None and number_of(b) is None):
        a, b, left, right, operator = b, a, right, left, _MIRRORED[operator]
    if not any(s.kind == "variable" for s in free_symbols(a, b)):
        raise _error(f"'{assumption.text}' says nothing about a symbol", assumption)
    try:
        shape = ops.broadcast_shape([a.shape, b.shape], operator)
        if shape != a.shape:
            raise ShapeError(
                f"the sides of '{operator}' have the shapes {shape_text(a.shape)} and {shape_text(b.shape)}",
                shapes=(a.shape, b.shape),
            )
    except ShapeError as error:
        raise _error(error.message, assumption, error.hint) from None
    if operator != "==":
        return Fact(_SIGNS[operator], a if number_of(b) == 0 else ops.subtract(a, b), assumption.text)
    total = _sum_of(left, assumption.source, environment)
    if total is not None:
        subject, axes = total
        return Fact("sum", subject, assumption.text, ops.broadcast(b, shape), axes)
    if a is b:
        raise _error(f"'{assumption.text}' holds always", assumption)
    return Fact("equal", a, assumption.text, ops.broadcast(b, shape))


def _sum_of(node: Node, source: str, environment: Environment) -> tuple[Expr, tuple[int, ...]] | None:
    """(what is summed, along which axes) of ``sum(x, axis=…)``; None for anything else."""
    if not isinstance(node, Call) or node.function != "sum" or any(k.name == "keepdims" for k in node.keywords):
        return None
    x = build_expression(node.arguments[0], source, environment)
    given = [*node.arguments[1:], *(k.value for k in node.keywords if k.name == "axis")]
    axis = None
    if given:
        try:
            axis = as_axis(build_expression(given[0], source, environment))
        except SymderivError:
            return None  # a tuple of axes: kept as an equality
    return x, tuple(sorted(ops.axes_of(x, axis)))


def _implied(fact: Fact) -> list[Fact]:
    """√a = c says a = c² as well."""
    a, c = fact.subject, fact.value
    if (
        fact.kind == "equal"
        and isinstance(a, Map)
        and a.fn == "pow"
        and a.params == (Fraction(1, 2),)
        and c is not None
    ):
        return [Fact("equal", a.arg, fact.text, power(c, 2))]
    return []


# ---------------------------------------------------------------- contradictions
def _check_against(found: list[Fact], fact: Fact, assumption: ParsedFact) -> None:
    """Refuses a fact that can't hold together with one before it."""
    for other in facts(found):
        if other.subject != fact.subject:
            continue
        signs = fact.kind in _CLASHES.get(other.kind, ()) or other.kind in _CLASHES.get(fact.kind, ())
        values = fact.kind == other.kind and fact.axes == other.axes and _differ(fact.value, other.value)
        if signs or values:
            raise _error(f"'{fact.text}' contradicts '{other.text}'", assumption, "drop one of them")


def _turned(fact: Fact) -> Fact:
    """x = x² is read as x² → x: a fact that gave a value by itself would rewrite for ever."""
    a, b = fact.subject, fact.value
    if fact.kind == "equal" and isinstance(a, Expr) and b is not None and a.shape == b.shape and _holds(b, a):
        return Fact("equal", b, fact.text, a)
    return fact


def _holds(root: Expr, part: Expr) -> bool:
    return any(node is part for node in postorder(root))


def _left(fact: Fact) -> Expr | None:
    """What an equation rewrites."""
    if not isinstance(fact.subject, Expr) or fact.value is None:
        return None
    return ops.sum_over(fact.subject, fact.axes) if fact.kind == "sum" else fact.subject


def _check_circle(found: list[Fact], fact: Fact, assumption: ParsedFact) -> None:
    """Refuses an equation that never holds, and one that leads back to its own left side."""
    start = _left(fact)
    if start is None or fact.value is None:
        return
    if start.shape == fact.value.shape and _differ(start, fact.value):
        raise _error(f"'{fact.text}' never holds", assumption, "drop it")
    rows = [(left, f) for f in found if (left := _left(f)) is not None]
    seen: list[Fact] = []
    reached = [fact]
    while reached:
        value = reached.pop().value
        assert value is not None
        if _holds(value, start):
            others = ", ".join(f"'{f.text}'" for f in seen) or "itself"
            raise _error(f"'{fact.text}' gives a value by {others}, in a circle", assumption,
                         "solve it for a name that its right side doesn't hold, or drop it")
        new = [f for left, f in rows if f not in seen and _holds(value, left)]
        seen += new
        reached += new


def _differ(a: Expr | None, b: Expr | None) -> bool:
    """Whether two values are different numbers."""
    if a is None or b is None:
        return False
    difference = ops.subtract(a, b)
    return not free_symbols(difference) and not is_zero(difference)


__all__ = ["build_facts", "parse_assumptions", "symmetric_names"]
