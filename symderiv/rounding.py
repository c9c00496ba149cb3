"""What rounding may do to a value: where its last digits move a result, the result says nothing.

>>> import numpy as np
>>> moved = last_digits({"x": np.ones(3)}, np.random.default_rng(0))["x"]
>>> bool(np.all(moved != 1)), bool(np.all(abs(moved - 1) <= DIGITS))
(True, True)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

DIGITS = 4e-15
"""relative change: some units in the last place of a double"""
SMALLEST = 4e-323
"""absolute change: some units of the subnormal numbers, which have fewer digits the smaller they are"""


def last_digits(values: Mapping[Any, Any], rng: np.random.Generator, step: float = DIGITS) -> dict[Any, Any]:
    """The arrays changed in their last digits; functions stay."""
    return {
        k: v if callable(v) else v * (1 + step * rng.uniform(-1, 1, size=np.shape(v))) for k, v in values.items()
    }


def all_finite(*values: Any) -> bool:
    """Whether no value is infinite or not a number: arctan(1/0) looks finite, and isn't defined.

    >>> all_finite(np.array([1.0, 2.0])), all_finite(np.array([np.inf]), 1.0)
    (True, False)
    """
    return all(np.all(np.isfinite(v)) for v in values if isinstance(v, (np.ndarray, float)))


__all__ = ["DIGITS", "SMALLEST", "all_finite", "last_digits"]
