"""What a failed check says: arrays, the first wrong entry, and what the mistake looks like."""

from __future__ import annotations

from typing import Any

import numpy as np

from symderiv.verify import relative_errors

LONGEST_ARRAY = 60
DIGITS = 6
#: Below this relative error two entries are called the same, where a mistake is guessed.
ALIKE = 1e-5


def array_text(value: Any) -> str:
    """An array on one line, a large one shortened.

    >>> array_text(np.array([[1.0, 2.5], [0.0, 1 / 3]])), array_text(np.arange(3)), array_text(2.0)
    ('[[1.0, 2.5], [0.0, 0.333333]]', '[0, 1, 2]', '2.0')
    """
    x = np.asarray(value)
    if x.size > LONGEST_ARRAY:
        return f"array of shape {x.shape}, from {_number(x.min())} to {_number(x.max())}"
    return _nested(x)


def _nested(x: np.ndarray[Any, Any]) -> str:
    return "[" + ", ".join(map(_nested, x)) + "]" if x.ndim else _number(x[()])


def _number(x: Any) -> str:
    if isinstance(x, np.bool_ | np.integer):
        return str(x.item())
    return repr(float(f"{float(x):.{DIGITS}g}")) if np.isrealobj(x) else str(x)


def indented(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())


def first_difference(own: Any, right: Any, tolerance: float = 1e-9) -> tuple[str, str, str] | None:
    """(where, own entry, right entry) of the first entry that is wrong; None where there is none. A number has no place.

    >>> first_difference(np.array([1.0, 2.0]), np.array([1.0, 3.0])), first_difference(1.0, 2.0)
    (('first at [1], where ', '2.0', '3.0'), ('', '1.0', '2.0'))
    """
    a, b = np.asarray(own, dtype=float), np.asarray(right, dtype=float)
    wrong = np.argwhere(~(relative_errors(a, b) <= tolerance))
    if not len(wrong):
        return None
    at = tuple(int(i) for i in wrong[0])
    return f"first at [{', '.join(map(str, at))}], where " if at else "", _number(a[at]), _number(b[at])


def guess(own: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> str | None:
    """What the mistake looks like: a transpose, a sign, a constant factor, a missing axis; None where nothing fits.

    >>> x = np.array([[1.0, 2.0], [3.0, 5.0]])
    >>> guess(x.T, x), guess(-x, x), guess(x / 2, x), guess(x[None], x), guess(x + 1, x)
    ('it is the transpose', 'the sign is wrong', 'it is 0.5 times the right one', 'its shape has an axis of size 1 too many', None)
    """
    if own.shape != right.shape:
        if own.size == right.size and own.squeeze().shape == right.squeeze().shape and _same(own.squeeze(), right.squeeze()):
            return f"its shape has an axis of size 1 too {'many' if own.ndim > right.ndim else 'few'}"
        return "it is the transpose" if own.shape == right.T.shape and _same(own, right.T) else None
    if right.ndim >= 2 and own.shape == right.T.shape and _same(own, right.T):
        return "it is the transpose"
    if _same(own, -right):
        return "the sign is wrong"
    scale = float(np.vdot(right, right).real)
    factor = float(np.vdot(right, own).real) / scale if scale else 0.0
    if factor and abs(factor) > ALIKE and _same(own, factor * right):
        return f"it is {_number(np.float64(factor))} times the right one"
    return None


def _same(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    return a.shape == b.shape and bool(np.all(relative_errors(a, b) <= ALIKE))


__all__ = ["array_text", "first_difference", "guess", "indented"]
