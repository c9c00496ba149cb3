"""Numbers: those that a caller gives, refused with their name and value where they can't be meant; and their nearest floats."""

from __future__ import annotations

import math
from operator import index
from typing import Any

from symderiv.errors import SymderivError


def whole(name: str, value: Any, least: int, what: str) -> int:
    """A whole number of at least ``least``; SymderivError for anything else, a truth value too.

    >>> whole("order", 3, 1, "the order of a derivative")
    3
    >>> whole("order", 1.5, 1, "the order of a derivative")
    Traceback (most recent call last):
    symderiv.errors.SymderivError: order=1.5: the order of a derivative is a whole number, at least 1
    """
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise SymderivError(f"{name}={value!r}: {what} is a whole number, at least {least}")
    return number


def as_float(value: Any) -> float:
    """The nearest double: infinite where a number is larger than any.

    >>> as_float(10**300), as_float(-(10**400))
    (1e+300, -inf)
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


__all__ = ["as_float", "whole"]
