"""Bounds of the entries of expressions, as far as they are seen at once: for √ of what is never negative."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from symderiv.functions import SCALAR, TENSOR, Interval
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, Symbol

Bounds = tuple[float, float]
ALL: Bounds = (-inf, inf)
_PROPS: dict[str, Bounds] = {
    "positive": (0.0, inf),
    "nonnegative": (0.0, inf),
    "negative": (-inf, 0.0),
    "nonpositive": (-inf, 0.0),
}


def bounds(nodes: Iterable[Expr]) -> dict[Expr, Bounds]:
    """(least, greatest) entry of each node; the nodes come kids first.

    >>> from symderiv.build import apply, symbol
    >>> from symderiv.ir import postorder
    >>> p = apply("sigmoid", symbol("z", ("n",)))
    >>> bounds(postorder(p))[p]
    (0.0, 1.0)
    """
    known: dict[Expr, Bounds] = {}
    for node in nodes:
        known[node] = _bounds(node, known)
    return known


def _bounds(node: Expr, known: dict[Expr, Bounds]) -> Bounds:
    if isinstance(node, Symbol):
        if node.kind in ("dim", "const"):
            return (0.0, inf)
        if node.kind == "structure":
            return (0.0, 1.0)
        return next((_PROPS[p] for p in sorted(node.props) if p in _PROPS), ALL)
    if isinstance(node, Name | Box):
        return known[node.kids[0]]
    if isinstance(node, Add):
        total = (0.0, 0.0)
        for c, t in node.terms:
            total = _plus(total, _times((float(c), float(c)), known[t]))
        return total
    if isinstance(node, Contract):
        result = (1.0, 1.0)
        for factor in node.factors:
            result = _times(result, known[factor])
        if len(node.dims) > len(set(node.out)):
            result = (0.0, inf) if result[0] >= 0 else (-inf, 0.0) if result[1] <= 0 else ALL
        if len(set(node.out)) < len(node.out):
            result = (min(result[0], 0.0), max(result[1], 0.0))
        return result
    if isinstance(node, Map):
        if node.fn == "pow":
            return _power(known[node.arg], node)
        scalar = SCALAR.get(node.fn)
        if scalar is None or node.generic:
            return ALL
        values = {name: value for (name, _), value in zip(scalar.params, node.params, strict=False)}
        return _of(scalar.range) if scalar.facts_hold(**values) else ALL
    if isinstance(node, Call) and not node.abstract and not node.ders:
        tensor = TENSOR.get(node.fn)
        return _of(tensor.range) if tensor else ALL
    return ALL


def _power(base: Bounds, node: Map) -> Bounds:
    q = node.params[0]
    if (q.denominator == 1 and q % 2 == 0) or q.denominator % 2 == 0:
        if q.denominator == 1 and q > 0 and max(abs(base[0]), abs(base[1])) < inf and q < 64:
            return (0.0, max(abs(base[0]), abs(base[1])) ** int(q))
        return (0.0, inf)
    return (0.0, inf) if base[0] >= 0 else ALL


def _of(interval: Interval) -> Bounds:
    return (-inf if interval.lo is None else float(interval.lo), inf if interval.hi is None else float(interval.hi))


def _plus(a: Bounds, b: Bounds) -> Bounds:
    return (a[0] + b[0], a[1] + b[1])


def _times(a: Bounds, b: Bounds) -> Bounds:
    ends = [0.0 if x == 0 or y == 0 else x * y for x in a for y in b]
    return (min(ends), max(ends))
