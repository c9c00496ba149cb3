"""A printed part of a formula: its text, and how tightly it holds together."""
from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from symderiv.render.tree import Tree

SUM, BIG, HADAMARD, PRODUCT, RAISED, ATOM = range(6)
"""a sum, Σ_k …, a⊙b, AB, x², x"""


class Piece(NamedTuple):
    text: str
    level: int


Of = Callable[[Tree], Piece]
"""the piece of a tree below"""


_HEAD = re.compile(r"(?:\\[A-Za-z]+(?:\{[^{}]*\})?|[\w\u0300-\u036f\u20d7]+)(?:_(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|\w))?"
                   r"(?:\[[^\]]*\])?(?:'*|\^\{\(\d+\)\})(?:\\[bB]igg?l?)?")
"""one sign, with its index, axis and primes"""


@lru_cache(maxsize=4096)
def applied_level(text: str) -> int:
    r"""How tightly a function at its arguments holds together: f(x)^2 is the square of f(x), but \log\cosh(x)^2 isn't that of log cosh x.

    >>> [applied_level(text) == ATOM for text in (r"\log(x)", r"f'(x)", r"\lvert x\rvert", r"\operatorname{entmax}_{1.5}(x)")]
    [True, True, True, True]
    >>> [applied_level(text) == ATOM for text in (r"\log\cosh(x)", r"\log\lvert\det(X)\rvert", r"\textstyle\sum_k\lambda_k(X)")]
    [False, False, False]
    """
    if text.startswith(r"\lvert") and text.endswith(r"\rvert"):
        return ATOM
    return ATOM if text.endswith(")") and _HEAD.fullmatch(text.partition("(")[0]) else RAISED
