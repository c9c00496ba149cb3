"""Intervals of entries: they hold the values, and stay short whatever the powers are."""

from __future__ import annotations

import time
from fractions import Fraction
from random import Random

import pytest

import symderiv as sd
from symderiv.functions import Interval
from symderiv.intervals import MOST_BITS, Intervals, _power, plus, times

EXPONENTS = (2, 3, 4, 7, 8, 9, 100, 101, 4000, -1, -2, -3, -100, -4000)


def drawn(random: Random) -> tuple[Interval, list[Fraction]]:
    """An interval, and numbers in it."""
    a, b = sorted(Fraction(random.randint(-400, 400), random.randint(1, 300)) for _ in range(2))
    b = b + Fraction(1, 7) if a == b else b
    opened = random.random() < 0.5, random.random() < 0.5
    inside = [a + (b - a) * t for t in (Fraction(1, 1000), Fraction(1, 7), Fraction(1, 2), Fraction(999, 1000))]
    return Interval(a, b, *opened), [*inside, *([] if opened[0] else [a]), *([] if opened[1] else [b])]


def bits(x: Interval) -> int:
    return max((end.numerator.bit_length() + end.denominator.bit_length() for end in (x.lo, x.hi) if end is not None), default=0)


def test_an_interval_of_a_power_holds_the_powers() -> None:
    random = Random(0)
    for _ in range(600):
        of, numbers = drawn(random)
        q = random.choice(EXPONENTS)
        found = _power(of, Fraction(q))
        assert all(x**q in found for x in numbers if x or q > 0)
        assert bits(found) <= 3 * MOST_BITS


def test_sums_and_products_hold_theirs() -> None:
    random = Random(1)
    for _ in range(300):
        (a, xs), (b, ys) = drawn(random), drawn(random)
        assert all(x + y in plus(a, b) and x * y in times(a, b) for x in xs for y in ys)
    beyond = Interval(Fraction(10**400), None, False, True)
    assert plus(Interval(), beyond) == Interval() and plus(beyond, beyond).lo is not None


@pytest.mark.parametrize("text", ["relu6(x)**100000000", "(2 + sigmoid(x))**-100000000", "(1 + relu6(x))**100000001"])
def test_a_power_of_any_size_has_an_interval_at_once(text: str) -> None:
    start = time.monotonic()
    found = Intervals(sd.gradient("x", "x", x="").facts).of(sd.parse(text, x=""))
    assert found.nonnegative and time.monotonic() - start < 2


def test_values_that_are_squared_again_and_again_keep_a_short_interval() -> None:
    lines = [f"y{k + 1} = (1 + y{k})**2" for k in range(40)]
    found = Intervals(sd.gradient("x", "x", x="").facts).of(sd.parse("\n".join(["y0 = 2 + sigmoid(x)", *lines, "y40"]), x=""))
    assert found.positive and bits(found) <= 3 * MOST_BITS
