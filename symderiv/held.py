"""Facts at single points: entries moved so that equations hold, and whether they do.

>>> from symderiv.build import ONE, symbol
>>> from symderiv.facts import Fact
>>> x, given = symbol("x", (2,)), Facts((Fact("sum", symbol("x", (2,)), "sum(x) == 1", ONE, (0,)),))
>>> point = {x: {(0,): mp.mpf(3), (1,): mp.mpf(-1)}}
>>> broken_at(given, point, {}), broken_at(given, imposed(given, point, {}), {})
(True, False)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from random import Random
from typing import Any

from symderiv.errors import SymderivError
from symderiv.facts import Fact, Facts
from symderiv.ir import Expr, Map, Symbol, free_symbols
from symderiv.points import Point, Sizes, Value, draws, evaluate, mp

ROUNDS = 4
MISSES = 300
"""points in a row that break a fact, after which no more are drawn"""
CLOSE = mp.mpf(10) ** -25


def imposed(facts: Facts, point: Mapping[Any, Value], sizes: Sizes) -> dict[Expr, Value]:
    """The point with its entries moved until equations and sums hold, where this is known how."""
    moved = dict(point)
    for _ in range(ROUNDS):
        for fact in facts.of("equal", "sum"):
            if isinstance(fact.subject, Expr) and fact.value is not None and _broken(fact, moved, sizes):
                try:
                    _impose(fact, fact.subject, moved, sizes)
                except (SymderivError, ZeroDivisionError):
                    continue
        if not broken_at(facts, moved, sizes):
            break
    return moved


def points_under(symbols: Iterable[Symbol], facts: Facts, sizes: Sizes, random: Random) -> Iterator[dict[Symbol, Value]]:
    """Random points of symbols, and of what facts tie to them, at which the facts hold; none where none are met.

    >>> from symderiv.build import symbol
    >>> x = symbol("x", ())
    >>> given = Facts((Fact("positive", x, "x > 0"),))
    >>> all(next(points_under([x], given, {}, Random(0)))[x][()] > 0 for _ in range(5))
    True
    """
    wanted = list(symbols)
    tied = facts.about(wanted)
    every = dict.fromkeys([*wanted, *(s for s in free_symbols(*tied.expressions) if s.kind in ("variable", "formal"))])
    streams = {s: draws(s.shape, s, tied, sizes, random) for s in every}
    missed = 0
    while missed < MISSES:
        point = imposed(tied, {s: next(stream) for s, stream in streams.items()}, sizes)
        if broken_at(tied, point, sizes):
            missed += 1
        else:
            missed = 0
            yield {s: point[s] for s in every}


def broken_at(facts: Facts, point: Point, sizes: Sizes) -> bool:
    """True if an equation, a sum or a sign among the facts doesn't hold at the point."""
    return any(_broken(fact, point, sizes) for fact in facts if isinstance(fact.subject, Expr))


def _broken(fact: Fact, point: Point, sizes: Sizes) -> bool:
    assert isinstance(fact.subject, Expr)
    try:
        x = evaluate(fact.subject, point, sizes)
        if fact.kind in _SIGNS:
            return broken_signs(fact.kind, x.values())
        if fact.value is None or fact.kind not in ("equal", "sum"):
            return False
        left = summed(x, fact.axes) if fact.kind == "sum" else x
        right = evaluate(fact.value, point, sizes)
    except ZeroDivisionError:
        return True
    except SymderivError:
        return False
    return any(abs(left[at] - right[at]) > CLOSE * (1 + abs(left[at])) for at in left)


_SIGNS: Mapping[str, Any] = {
    "positive": lambda v: v > 0,
    "negative": lambda v: v < 0,
    "nonnegative": lambda v: v >= 0,
    "nonpositive": lambda v: v <= 0,
}


def broken_signs(kind: str, values: Iterable[Any]) -> bool:
    """Whether one of the values hasn't the sign that a fact of this kind says."""
    return not all(_SIGNS[kind](v) for v in values)


def summed(x: Value, axes: Sequence[int]) -> Value:
    """The sums over some axes."""
    totals: Value = {}
    for at, v in x.items():
        rest = _rest(at, axes)
        totals[rest] = totals.get(rest, 0) + v
    return totals


def _rest(at: tuple[int, ...], axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(x for k, x in enumerate(at) if k not in axes)


def _impose(fact: Fact, subject: Expr, point: dict[Expr, Value], sizes: Sizes) -> None:
    assert fact.value is not None
    target = evaluate(fact.value, point, sizes)
    if fact.kind == "sum" and isinstance(subject, Symbol):
        x = point[subject]
        totals = summed(x, fact.axes)
        count = prod(len({at[a] for at in x}) for a in fact.axes)
        scaled = all(v > 0 for v in x.values()) and all(v > 0 for v in target.values())
        point[subject] = {
            at: v * target[r] / totals[r] if scaled else v + (target[r] - totals[r]) / count
            for at, v in x.items()
            for r in (_rest(at, fact.axes),)
        }
    elif fact.kind == "equal" and isinstance(subject, Symbol):
        point[subject] = target
    elif fact.kind == "equal" and isinstance(subject, Map) and subject.fn == "pow" and subject.params[0] == 2:
        if isinstance(subject.arg, Symbol) and fact.value is not subject.arg and all(t >= 0 for t in target.values()):
            x = point[subject.arg]
            point[subject.arg] = {at: mp.sqrt(target[at]) * (1 if v >= 0 else -1) for at, v in x.items()}
    else:
        _scale(fact, subject, target, point, sizes)


def _scale(fact: Fact, subject: Expr, target: Value, point: dict[Expr, Value], sizes: Sizes) -> None:
    """Scale the one symbol of a homogeneous scalar subject, as in xᵀx = 1."""
    symbols = [s for s in free_symbols(subject) if s in point]
    if len(symbols) != 1 or len(target) != 1:
        return
    (x,) = symbols

    def total(by: Any) -> Any:
        value = evaluate(subject, {**point, x: {at: by * v for at, v in point[x].items()}}, sizes)
        return summed(value, fact.axes)[()] if fact.kind == "sum" else value[()]

    once, twice = total(1), total(2)
    if once == 0 or twice / once <= 0 or target[()] / once <= 0 or twice == once:
        return
    degree = mp.log(twice / once, 2)
    point[x] = {at: v * (target[()] / once) ** (1 / degree) for at, v in point[x].items()}


__all__ = ["broken_at", "broken_signs", "imposed", "points_under", "summed"]
