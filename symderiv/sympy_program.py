"""SymPy results as programs that build them again (as a formula, a matrix of ones would be printed as 1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import sympy

_BOUND = re.compile(r"Dummy\((?P<name>'[^']*'), dummy_index=\d+(?P<facts>(?:, \w+=\w+)*)\)")
"""a bound variable: SymPy numbers it anew in each process"""


def sympy_program(values: Iterable[tuple[str, Any]]) -> str:
    """A program that gives each name its value, the same text in every process.

    >>> print(sympy_program([("J", sympy.MatrixSymbol("W", 2, 3))]).splitlines()[-1])
    J = MatrixSymbol(Str('W'), Integer(2), Integer(3))
    """
    named = list(values)
    lines = [f"{name} = {_BOUND.sub(_bound, sympy.srepr(value))}" for name, value in named]
    return "\n".join([*_imports([value for _, value in named], "\n".join(lines)), "", *lines])


def _imports(values: Iterable[Any], text: str) -> list[str]:
    """What ``from sympy import *`` gives, and the classes of the text that it doesn't."""
    kinds = {type(node) for value in values for node in sympy.preorder_traversal(value)}
    others = sorted((kind.__module__, kind.__name__) for kind in kinds
                    if not hasattr(sympy, kind.__name__) and f"{kind.__name__}(" in text)
    return ["from sympy import *", *(f"from {module} import {name}" for module, name in others)]


def _bound(found: re.Match[str]) -> str:
    return f"Symbol({found['name']}{found['facts']})"


__all__ = ["sympy_program"]
