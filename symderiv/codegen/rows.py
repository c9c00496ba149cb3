"""Small texts of generated code: what is read of, and put into, the rows of the tables of functions."""

from __future__ import annotations

from fractions import Fraction

OF_MATRICES = {"heaviside": "np.maximum(np.sign({x}), 0.0)"}
"""the same values, nan included, for functions that NumPy computes entry by entry: three times as fast on large arrays"""


def ties(pattern: tuple[int, ...]) -> str:
    groups: dict[int, list[int]] = {}
    for axis, first in enumerate(pattern):
        groups.setdefault(first, []).append(axis)
    return " and ".join(f"axes {', '.join(map(str, g))}" for g in groups.values() if len(g) > 1)


def parameter(value: Fraction) -> str:
    text = repr(float(value))
    return f"({text})" if value < 0 else text


def outermost(text: str) -> str:
    """The outermost operator of a row's source, read from its brackets."""
    depth = 0
    level = "atom"
    for k, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif depth == 0 and character in "+-" and (k == 0 or text[k - 1] not in "eE*/"):
            return "add"
        elif depth == 0 and character in "*/@":
            level = "mul"
    return level
