"""A printed part of a formula: its text, and how tightly it holds together."""
from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from symderiv.render.tree import Tree

SUM, BIG, HADAMARD, PRODUCT, RAISED, ATOM = range(6)
"""a sum, Σ_k …, a⊙b, AB, x², x"""


class Piece(NamedTuple):
    text: str
    level: int


Of = Callable[[Tree], Piece]
"""the piece of a tree below"""
