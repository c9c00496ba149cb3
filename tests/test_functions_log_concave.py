"""Which functions of the table have a concave logarithm, by midpoints between many digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from symderiv.functions.rows import REALS, ScalarFunction
from tests.test_functions_table import ON_INTERVALS, exact, points


@ON_INTERVALS
def test_log_concavity_holds_and_is_missing_nowhere(row: ScalarFunction) -> None:
    """Of the functions that are positive everywhere, and of one minus those between 0 and 1."""
    if not (row.range.positive and row.domain == REALS):
        assert not row.log_concave
        return
    truth = exact(row)
    at = [mpmath.mpf(p) for p in points(row, row.defaults, reach=8, count=60)]

    def concave(f: Callable[[Any], Any]) -> bool:
        return bool(min(f((p + q) / 2) - (f(p) + f(q)) / 2 for p in at for q in at) > -1e-50)

    assert row.name == "exp" or row.log_concave == concave(lambda p: mpmath.log(truth(p)))  # log exp is affine
    if row.log_concave and row.range.hi == 1:
        assert concave(lambda p: mpmath.log(1 - truth(p)))
