"""Expectations over a target as weighted sums: over all outcomes where there are few, else over points of equal moments.

Families with finitely many outcomes are summed over; for the others, and where the outcomes are too many, the points
μ ± √(N V_i) e_i have the mean and the covariance of independent entries, so that they are exact to the second degree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from symderiv.errors import EvaluationError, TooLargeError
from symderiv.jets import Array

MOST_OUTCOMES = 256
VARIANCES: dict[str, Callable[[Array, Mapping[Any, Any]], Array]] = {
    "gaussian": lambda m, given: np.ones_like(m),
    "bernoulli": lambda m, given: m * (1 - m),
    "binomial": lambda m, given: m * (given["k"] - m) / given["k"],
    "poisson": lambda m, given: m,
    "gamma": lambda m, given: m * m,
    "inverse_gaussian": lambda m, given: m**3,
    "negative_binomial": lambda m, given: m * (given["r"] + m) / given["r"],
}


def outcomes(family: str, mean: Any, given: Mapping[Any, Any]) -> Iterator[tuple[float, Array]]:
    """(weight, y): what an expectation over y is summed over.

    >>> [(round(float(w), 2), y.tolist()) for w, y in outcomes("categorical", np.array([0.25, 0.75]), {})]
    [(0.25, [1.0, 0.0]), (0.75, [0.0, 1.0])]
    """
    if not isinstance(mean, np.ndarray):
        raise EvaluationError("an expectation inside a derivative isn't evaluated")
    if family == "categorical":
        yield from _categorical(mean)
    elif family == "bernoulli" and 2**mean.size <= MOST_OUTCOMES:
        for bits in product((0.0, 1.0), repeat=mean.size):
            y = np.array(bits).reshape(mean.shape)
            yield float(np.prod(np.where(y == 1, mean, 1 - mean))), y
    else:
        if family not in VARIANCES:
            raise EvaluationError(f"no variance is known for the family '{family}'")
        spread = np.sqrt(mean.size * np.asarray(VARIANCES[family](mean, given), dtype=float))
        for at in np.ndindex(mean.shape):
            for sign in (1.0, -1.0):
                y = mean.astype(float).copy()
                y[at] += sign * spread[at]
                yield 1 / (2 * mean.size), y


def _categorical(mean: Array) -> Iterator[tuple[float, Array]]:
    rows = mean.reshape(-1, mean.shape[-1])
    if rows.shape[1] ** len(rows) > MOST_OUTCOMES:
        raise TooLargeError(f"an expectation over {rows.shape[1] ** len(rows)} outcomes", hint="give smaller arrays")
    for classes in product(range(rows.shape[1]), repeat=len(rows)):
        weight = float(np.prod([row[c] for row, c in zip(rows, classes, strict=True)]))
        yield weight, np.eye(rows.shape[1])[list(classes)].reshape(mean.shape)
