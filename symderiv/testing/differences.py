"""Derivatives of a function that is nothing but a function: central differences, extrapolated, with an error estimate.

The scheme is Ridders' (Advances in Engineering Software 4, 1982): steps that shrink, extrapolated to step 0, the best
entry of the tableau by its difference from its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

STEP, SHRINK, ROWS = 0.05, 1.6, 8


def derivative(f: Callable[[Array], Array], x: Array) -> tuple[Array, float]:
    """(the derivative of f at x, of shape f.shape + x.shape; the largest estimated error, relative to its size).

    >>> value, error = derivative(lambda x: np.array(np.sum(x**3)), np.array([1.0, 2.0]))
    >>> value.round(9).tolist(), error < 1e-9
    ([3.0, 12.0], True)
    """
    x = np.asarray(x, dtype=float)
    columns, worst = [], 0.0
    for at in np.ndindex(x.shape):
        column, error = _along(f, x, at)
        columns.append(column)
        worst = max(worst, error)
    shape = columns[0].shape if columns else np.asarray(f(x)).shape
    stacked = np.stack(columns, axis=-1) if columns else np.zeros((*shape, 0))
    size = float(np.max(abs(stacked), initial=0.0))
    return stacked.reshape((*shape, *x.shape)), worst / max(size, 1e-3)


def _along(f: Callable[[Array], Array], x: Array, at: tuple[int, ...]) -> tuple[Array, float]:
    step = STEP * max(1.0, abs(float(x[at])))
    tableau: list[list[Array]] = []
    best, error = np.array(np.nan), np.inf
    for row in range(ROWS):
        there, here = x.copy(), x.copy()
        there[at] += step
        here[at] -= step
        entries = [(np.asarray(f(there), dtype=float) - np.asarray(f(here), dtype=float)) / (there[at] - here[at])]
        factor = SHRINK**2
        for k in range(row):
            entries.append((entries[k] * factor - tableau[-1][k]) / (factor - 1))
            factor *= SHRINK**2
            from_neighbours = np.maximum(abs(entries[k + 1] - entries[k]), abs(entries[k + 1] - tableau[-1][k]))
            estimate = float(np.max(from_neighbours, initial=0.0))
            if estimate < error:
                best, error = entries[k + 1], estimate
        tableau.append(entries)
        step /= SHRINK
    return best, error


__all__ = ["derivative"]
