"""SymPy results as programs that build them again (as a formula, a matrix of ones would be printed as 1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import sympy

_IMPORTS = """from sympy import *
from sympy.core.symbol import Str
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
"""
_BOUND = re.compile(r"Dummy\((?P<name>'[^']*'), dummy_index=\d+(?P<facts>(?:, \w+=\w+)*)\)")
"""a bound variable: SymPy numbers it anew in each process"""


def sympy_program(values: Iterable[tuple[str, Any]]) -> str:
    """A program that gives each name its value, the same text in every process.

    >>> print(sympy_program([("J", sympy.MatrixSymbol("W", 2, 3))]).splitlines()[-1])
    J = MatrixSymbol(Str('W'), Integer(2), Integer(3))
    """
    return "\n".join([_IMPORTS, *(f"{name} = {_BOUND.sub(_bound, sympy.srepr(value))}" for name, value in values)])


def _bound(found: re.Match[str]) -> str:
    return f"Symbol({found['name']}{found['facts']})"


__all__ = ["sympy_program"]
