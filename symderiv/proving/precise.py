"""Counterexamples that floating point doesn't see: points far away, and differences in the twentieth digit.

A point counts where no value on the way is huge or tiny, and where a thousand digits say the same as sixty: what is left
of a cancellation is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from threading import Lock
from typing import Any

from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.held import broken_at
from symderiv.ir import Expr, Symbol, postorder
from symderiv.points import OutsideDomainError, Point, Sizes, Value, every_value, mp
from symderiv.proving.domain import points_of

LARGEST_CLAIM = 400
DIGITS = (60, 1000)
CLEAR = mp.mpf(10) ** -25
HUGE = mp.mpf(10) ** 300
STYLES: tuple[Any, ...] = (
    lambda v: v,
    lambda v: 12 * v,
    lambda v: abs(v) + 20,
    lambda v: 100 * v,
    lambda v: -60 * abs(v),
)
PRECISION = Lock()
"""held while the precision of `mp` is another one"""


@dataclass(frozen=True)
class Difference:
    """Where the sides differ: a point, both values, and their largest difference beside the values."""

    point: Point
    sizes: Sizes
    left: Value
    right: Value
    relative: Any

    @property
    def values(self) -> dict[str, Value]:
        return {x.name: v for x, v in self.point.items() if isinstance(x, Symbol)}


def differ(lhs: Expr, rhs: Expr, facts: Facts, seed: int = 0) -> Difference | None:
    """A point at which the sides differ, near or far, or None.

    >>> from symderiv.build import add, apply, symbol
    >>> x = symbol("x", ("n",))
    >>> differ(apply("relu6", x), apply("relu", x), Facts()) is None, differ(x, x, Facts())
    (False, None)
    """
    if sum(1 for _ in postorder(lhs, rhs)) > LARGEST_CLAIM:
        return None
    with PRECISION:
        kept = mp.dps
        try:
            return next(_differences(lhs, rhs, facts, seed), None)
        finally:
            mp.dps = kept


def _differences(lhs: Expr, rhs: Expr, facts: Facts, seed: int) -> Iterator[Difference]:
    for point, sizes in points_of(lhs, rhs, facts, Random(seed), STYLES):
        try:
            if broken_at(facts, point, sizes):
                continue
            seen = _compared(lhs, rhs, point, sizes, DIGITS[0])
            if seen is None or seen.relative < CLEAR:
                continue
            sure = _compared(lhs, rhs, point, sizes, DIGITS[1])
        except (ZeroDivisionError, OutsideDomainError):
            continue
        except SymderivError:
            return  # something without a value at points
        if sure is not None and abs(sure.relative - seen.relative) <= seen.relative / 100:
            yield sure


def _compared(lhs: Expr, rhs: Expr, point: Point, sizes: Sizes, digits: int) -> Difference | None:
    mp.dps = digits
    sides = [every_value(side, point, sizes) for side in (lhs, rhs)]
    if any(v and not 1 / HUGE < abs(v) < HUGE for _, done in sides for value in done.values() for v in value.values()):
        return None
    left, right = (value for value, _ in sides)
    scale = max([mp.mpf(1), *(abs(v) for v in (*left.values(), *right.values()))])
    return Difference(point, sizes, left, right, max(abs(left[at] - right[at]) for at in left) / scale)


__all__ = ["PRECISION", "Difference", "differ"]
