"""Long numbers of the tables, by name: selu's λ and α have thirty digits, and nobody reads them in a formula."""
from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from itertools import product

from symderiv.functions import SCALAR

LONG = 10**9
"""a numerator or denominator from which on a number is long"""
MOST_POWERS = 4
SHORT = 10**6
"""what is left of a number when its names are taken out is shorter than this"""


def decimal(value: Fraction) -> str | None:
    """The number with all its digits, if they end; None if they don't.

    >>> decimal(Fraction(8943, 200000)), decimal(Fraction(-5, 2)), decimal(Fraction(1, 3))
    ('0.044715', '-2.5', None)
    """
    places, rest = 0, value.denominator
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        places = max(places, count)
    if rest != 1:
        return None
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{text}" if value < 0 else text


def long(value: Fraction) -> bool:
    return max(abs(value.numerator), value.denominator) >= LONG


@lru_cache(maxsize=1)
def constants() -> dict[str, Fraction]:
    """The long numbers that are parameters of a row: each under its letter and the row's name.

    >>> sorted(constants())
    ['alpha_selu', 'lambda_selu']
    """
    return {f"{dict(row.letters).get(name, name)}_{row.name}": value for row in SCALAR.values() for name, value in row.params
            if long(value)}


@lru_cache(maxsize=4096)
def named(value: Fraction) -> tuple[Fraction, tuple[tuple[str, int], ...]] | None:
    """(what is left, names with their exponents) of a long number that is a product of constants; None for any other.

    >>> named(6 * constants()["lambda_selu"]**2)
    (Fraction(6, 1), (('lambda_selu', 2),))
    """
    if not long(value):
        return None
    known = list(constants().items())
    powers = sorted(product(range(-MOST_POWERS, MOST_POWERS + 1), repeat=len(known)), key=lambda p: (sum(map(abs, p)), p))
    for exponents in powers:
        if not 0 < sum(map(abs, exponents)) <= MOST_POWERS:
            continue
        rest = value
        for (_, constant), q in zip(known, exponents, strict=True):
            rest /= constant**q
        if max(abs(rest.numerator), rest.denominator) < SHORT:
            return rest, tuple((name, q) for (name, _), q in reversed(list(zip(known, exponents, strict=True))) if q)
    return None
