"""The constructors, in one place: leaves, the canonical forms of contractions, sums and functions, and rebuilding.

All are idempotent: ``remake(n, n.kids) is n``.
"""
from __future__ import annotations

from symderiv.construct import (
    add,
    apply,
    axis_classes,
    contract,
    permute,
    power,
    scale,
    size,
    view,
)
from symderiv.nodes import ONE, axes, box, call, der, identity, name, number, ones, primitive, symbol, value_shape, zero
from symderiv.rebuild import alike, remake, substitute, transform, unnamed

__all__ = [
    "ONE", "add", "alike", "apply", "axes", "axis_classes", "box", "call", "contract", "der", "identity", "name", "number", "ones",
    "permute", "power", "primitive", "remake", "scale", "size", "substitute", "symbol", "transform", "unnamed",
    "value_shape", "view", "zero",
]
