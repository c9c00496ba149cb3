"""Where a function is defined, as facts: curvature is told of convex sets within that."""

from __future__ import annotations

from collections.abc import Sequence

from symderiv.build import unnamed
from symderiv.facts import Fact, Facts
from symderiv.intervals import Intervals, excludes_zero
from symderiv.ir import Call, Expr, Map, Symbol, depends, postorder

DEFINED = "on convex sets where it is defined"


def domain_facts(f: Expr, facts: Facts) -> Facts:
    """The facts, and that arguments of logarithms are positive, and those of roots positive or not negative.

    >>> from symderiv.build import apply, symbol
    >>> [fact.kind for fact in domain_facts(apply("log", symbol("x", ("n",))), Facts())]
    ['positive']
    """
    found: dict[Fact, None] = {}
    known = Intervals(facts)
    for node in postorder(unnamed(f)):
        if not isinstance(node, Map) or node.generic:
            continue
        root = node.fn == "pow" and node.params[0].denominator != 1
        if node.fn == "log" or (root and node.params[0] < 0):
            if not known.of(node.arg).positive:
                found[Fact("positive", node.arg, DEFINED)] = None
        elif root and not known.of(node.arg).nonnegative:
            found[Fact("nonnegative", node.arg, DEFINED)] = None
    return Facts((*facts, *found))


def domain_note(f: Expr, wrt: Sequence[Expr], facts: Facts) -> tuple[str, ...]:
    """A note where the function isn't defined everywhere: then convex sets within its domain are meant."""
    signs = Intervals(facts)
    for n in postorder(unnamed(f)):
        if not any(depends(n, x) for x in wrt):
            continue
        pole = isinstance(n, Map) and n.fn == "pow" and n.params[0] < 0 and not excludes_zero(signs.of(n.arg))
        singular = isinstance(n, Call) and n.fn in ("inv", "logdet") and facts.find(n.args[0], "pd") is None
        if pole or singular or (isinstance(n, Map) and n.fn == "tan") or _of_part(n, signs):
            return (DEFINED,)
    return ()


def _of_part(node: Expr, signs: Intervals) -> bool:
    """A logarithm or a root whose argument may be negative."""
    if not isinstance(node, Map) or node.generic:
        return False
    where = signs.of(node.arg)
    if node.fn == "log":
        return not where.positive
    return node.fn == "pow" and node.params[0].denominator != 1 and not where.nonnegative


def structure_of(x: Symbol, facts: Facts) -> str:
    """Which directions count: those that keep the variable's structure."""
    if len(x.shape) != 2:
        return ""
    if facts.find(x, "diagonal") is not None:
        return "diagonal"
    return "symmetric" if "symmetric" in x.props or facts.find(x, "symmetric", "psd", "pd") is not None else ""


__all__ = ["DEFINED", "domain_facts", "domain_note", "structure_of"]
