r"""Small arrays as formulas, with exact entries where they are exact, and derivations evaluated at them.

>>> import numpy as np
>>> array_latex(np.array([[0.1875, -0.0625], [0.25, 0.0]]))
'\\frac{1}{16}\\begin{bmatrix}3&-1\\\\4&0\\end{bmatrix}'
>>> array_latex(np.array([0.4621171572600098, 1.0]))
'\\begin{bmatrix}0.4621\\\\1\\end{bmatrix}'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from math import isfinite, lcm
from typing import Any

import numpy as np
import sympy

from symderiv.api import parse
from symderiv.errors import SymderivError
from symderiv.present import expr_latex
from symderiv.render.symbols import name_latex

LARGEST_DENOMINATOR = 999
EXACT = 1e-12
DIGITS = 4
EQUALS = {True: "=", False: r"\approx "}
"""before digits, by whether they are all of them"""


def value_of(entry: Any) -> float:
    """A number given as one, or as a short text such as "log(2)" or "1/3"."""
    value = float(sympy.sympify(entry, rational=True)) if isinstance(entry, str) else float(entry)
    if not isfinite(value):
        raise SymderivError(f"{entry} can't be a number of an example", hint="numbers on a page are finite")
    return value


def array_of(given: Any) -> Any:
    """Nested lists of numbers and texts as an array."""
    if isinstance(given, list | tuple):
        return np.array([array_of(entry) for entry in given], dtype=float)
    return np.asarray(value_of(given))


def given_latex(given: Any) -> str:
    """Nested lists of numbers and texts as they were given."""
    if not isinstance(given, list | tuple):
        return _entry_latex(given)
    rows = [[_entry_latex(e) for e in row] if isinstance(row, list | tuple) else [_entry_latex(row)] for row in given]
    return matrix(rows)


def _entry_latex(entry: Any) -> str:
    text = str(sympy.latex(sympy.sympify(str(entry), rational=True)))
    return re.sub(r"\\log\{\\left\((\w+) \\right\)\}", r"\\log \1", text)


def matrix(rows: list[list[str]]) -> str:
    body = r"\\".join("&".join(row) for row in rows)
    return rf"\begin{{bmatrix}}{body}\end{{bmatrix}}"


def exact(array: Any) -> bool:
    """Whether every entry is shown as it is: as a whole number, or all over one denominator.

    >>> exact([1, 0.5]), exact([1 / 7, 1 / 997])
    (True, False)
    """
    return _over_one(array) is not None


def _over_one(array: Any) -> tuple[int, list[Fraction]] | None:
    """(the denominator that all entries are shown over, the entries); None where they are shown as decimals."""
    found = [_fraction(v) for v in np.ravel(array)]
    known = [f for f in found if f is not None]
    whole = lcm(*(f.denominator for f in known)) if known else 1
    return None if len(known) < len(found) or whole > LARGEST_DENOMINATOR else (whole, known)


def _fraction(value: float) -> Fraction | None:
    found = Fraction(float(value)).limit_denominator(LARGEST_DENOMINATOR)
    return found if abs(float(found) - value) <= EXACT * max(1.0, abs(value)) else None


def array_latex(array: Any) -> str:
    """A number, column or matrix: as fractions over one denominator where these are exact, else with a few digits."""
    array = np.asarray(array)
    shared = _over_one(array)
    if shared is None:
        return _laid_out(array, [_decimal(v) for v in np.ravel(array)])
    whole, known = shared
    if not array.ndim:
        return _number(known[0])
    front = "" if whole == 1 else rf"\frac{{1}}{{{whole}}}"
    return front + _laid_out(array, [str(int(f * whole)) for f in known])


def slices(name: str, array: Any) -> list[tuple[str, Any]]:
    """(LaTeX, array) of at most two axes each: a 3-D array by its first index, a 4-D one as a matrix, columns stacked."""
    if array.ndim == 3:
        return [(rf"{name}_{{{k + 1},:,:}}", array[k]) for k in range(len(array))]
    if array.ndim == 4:
        m, n, p, q = array.shape
        return [(name, array.transpose(1, 0, 3, 2).reshape(m * n, p * q))]
    return [(name, array)]


def _laid_out(array: Any, texts: list[str]) -> str:
    if array.ndim == 0:
        return texts[0]
    columns = array.shape[1] if array.ndim > 1 else 1
    return matrix([texts[k : k + columns] for k in range(0, len(texts), columns)])


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return rf"{'-' if value < 0 else ''}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _decimal(value: float) -> str:
    fraction = _fraction(value)
    if fraction is not None and fraction.denominator == 1:
        return str(fraction.numerator)
    text = f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
    return text if float(text) else "0"


def error_latex(value: float) -> str:
    r"""A small number with two digits.

    >>> error_latex(2.14e-15), error_latex(0.0)
    ('2.1\\cdot10^{-15}', '0')
    """
    if not value:
        return "0"
    digits, power = f"{value:.1e}".split("e")
    return rf"{digits}\cdot10^{{{int(power)}}}"


def arrays(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays among the numbers: what is no text of a function."""
    return {k: array_of(v) for k, v in numbers.items() if not is_function(v)}


def numbers_given(numbers: Mapping[str, Any]) -> tuple[str, ...]:
    r"""Numbers, arrays and functions that are given, each as a formula; a function at the argument that its text has.

    >>> numbers_given({"x": [1, 2], "f": "lambda u: u**2"})
    ('x=\\begin{bmatrix}1\\\\2\\end{bmatrix}', 'f(u)=u^2')
    """
    return tuple(_function(name, value) if is_function(value) else f"{name_latex(name)}={given_latex(value)}"
                 for name, value in numbers.items())  # fmt: skip


def _function(name: str, text: str) -> str:
    head, body = text.split(":", 1)
    argument = head.strip().removeprefix("lambda").strip()
    return f"{name_latex(name)}({name_latex(argument)})={expr_latex(parse(body, shapes={argument: ''}))}"


def is_function(given: Any) -> bool:
    return isinstance(given, str) and given.lstrip().startswith("lambda")
