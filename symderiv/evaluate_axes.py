"""Sums along axes, and the functions that project onto a simplex, for the evaluator: by other ways than generated code.

>>> sparsemax(np.array([0.3, 2.0, 1.5]), 1)
array([0.  , 0.75, 0.25])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from symderiv.jets import Value, base, choose, linear, power

Axis = int | Sequence[int] | None


def axes(axis: Axis, order: int) -> tuple[int, ...]:
    """Axes counted from the end (axes before a value's own hold other things); None stands for all ``order`` axes."""
    if axis is None:
        return tuple(range(-order, 0))
    given = axis if isinstance(axis, Sequence) else (axis,)
    return tuple(sorted(int(a) % order - order for a in given))


def total(x: Value, order: int, axis: Axis = None, keepdims: bool = False) -> Value:
    return linear(lambda a: np.asarray(np.sum(a, axis=axes(axis, order), keepdims=keepdims)), x)


def _threshold(z: Value, order: int, axis: Axis, keepdims: bool, degree: int) -> Value:
    """τ with Σ max(z − τ, 0)^degree = 1: the support by bisection, then the root of the equation on it."""
    real, where = base(z).real, axes(axis, order)
    high = np.max(real, axis=where, keepdims=True)
    low = high - 1.0
    for _ in range(200):
        middle = (low + high) / 2
        large = np.sum(np.maximum(real - middle, 0.0) ** degree, axis=where, keepdims=True) > 1
        low, high = np.where(large, middle, low), np.where(large, high, middle)
    inside = real > (low + high) / 2
    k = np.sum(inside, axis=where, keepdims=True).astype(float)
    m = total(choose(inside, z, np.zeros(())), order, axis, True) / k
    if degree == 1:
        found = m - 1 / k
    else:
        d = z - m
        found = m - power((1 - total(choose(inside, d * d, np.zeros(())), order, axis, True)) / k, 0.5)
    return found if keepdims else linear(lambda a: np.squeeze(a, axis=where), found)


def sparsemax_threshold(x: Value, order: int, axis: Axis = None, keepdims: bool = False) -> Value:
    return _threshold(x, order, axis, keepdims, 1)


def entmax15_threshold(x: Value, order: int, axis: Axis = None, keepdims: bool = False) -> Value:
    return _threshold(x * 0.5, order, axis, keepdims, 2)


def _positive(x: Value) -> Value:
    return choose(base(x).real > 0, x, np.zeros(()))


def sparsemax(x: Value, order: int, axis: Axis = -1) -> Value:
    return _positive(x - sparsemax_threshold(x, order, axis, True))


def entmax15(x: Value, order: int, axis: Axis = -1) -> Value:
    return power(_positive(x * 0.5 - entmax15_threshold(x, order, axis, True)), 2)


SIMPLEX: dict[str, Callable[..., Value]] = {
    "sparsemax": sparsemax, "sparsemax_threshold": sparsemax_threshold,
    "entmax15": entmax15, "entmax15_threshold": entmax15_threshold,
}  # fmt: skip
