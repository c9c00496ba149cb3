"""Expressions as LaTeX in matrix form."""
from __future__ import annotations

from symderiv.ir import Expr
from symderiv.lift import lift_any
from symderiv.render.apart import beside
from symderiv.render.index import entries_of
from symderiv.render.notation import DEFAULT, Notation
from symderiv.render.signs import signed
from symderiv.render.style import Style
from symderiv.render.symbols import shape_latex
from symderiv.render.tree import Tree
from symderiv.render.writer import Writer

__all__ = ["matrix_latex", "shape_latex", "tree_latex"]


def matrix_latex(expr: Expr, notation: Notation = DEFAULT) -> str:
    r"""LaTeX of an expression of order ≤ 2 in matrix form.

    >>> from symderiv.build import symbol
    >>> from symderiv.ops import matmul, subtract, transpose
    >>> X, p, y = symbol("X", ("m", "n")), symbol("p", ("m",)), symbol("y", ("m",))
    >>> print(matrix_latex(matmul(transpose(X), subtract(p, y))))
    X^\top(p-y)
    """
    with beside(expr):
        return tree_latex(lift_any(signed(expr, {})), notation)


def tree_latex(tree: Tree, notation: Notation = DEFAULT) -> str:
    """LaTeX of a matrix tree."""
    style = Style(notation)
    return Writer(style, entries_of(style)).write(tree)
