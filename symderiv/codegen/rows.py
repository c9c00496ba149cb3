"""Small texts of generated code: of the rows of the tables of functions, of constant arrays, of tests of sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from symderiv.dims import Dim
from symderiv.structures import Structure

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


def structured(spec: str, dims: Sequence[Dim], size_text: Callable[[Dim], str]) -> str:
    """An array of ones where a condition on the indices holds; what stands outside of the array raises IndexError."""
    where, sizes = Structure.read(spec), [size_text(d) for d in dims]
    unit = where.unit()
    if unit is not None:
        return f"np.eye({sizes[0]})[{size_text(unit)}]"
    terms = []
    for k, (c, n) in enumerate(zip(where.coefficients, sizes, strict=True)):
        grid = f"np.arange({n})" + (f"[:{', None' * (len(sizes) - 1 - k)}]" if k < len(sizes) - 1 else "")
        terms.append(grid if c == 1 else f"-{grid}" if c == -1 else f"({size_text(c)})*{grid}")
    text = " + ".join(terms).replace("+ -", "- ")
    text += f" + ({size_text(where.constant)})" if where.constant != 0 else ""
    return f"np.where({text} {where.relation.replace('=', '==') if where.relation == '=' else '>='} 0, 1.0, 0.0)"


def test(spec: Sequence[Dim], size_text: Callable[[Dim], str]) -> str:
    """When the first of two forms is computed: it takes fewer multiplications then."""
    more, less, *_ = map(size_text, spec)
    return f"{more} > {less}"


def branches(spec: Sequence[Dim], size_text: Callable[[Dim], str]) -> tuple[str, str]:
    """The lines that two forms stand below."""
    _, _, out, built = map(size_text, spec)
    return f"if {test(spec, size_text)}:  # multiplied out: {out} multiplications, not {built}", "else:"
