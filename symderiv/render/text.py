"""Expressions as plain text, in Unicode."""
from __future__ import annotations

from symderiv.ir import Expr
from symderiv.lift import lift_any
from symderiv.render.apart import beside
from symderiv.render.index import entries_of
from symderiv.render.notation import DEFAULT, Notation
from symderiv.render.signs import signed
from symderiv.render.style import PlainStyle
from symderiv.render.tree import Tree
from symderiv.render.writer import Writer

__all__ = ["plain", "tree_text"]


def plain(expr: Expr) -> str:
    """Readable text of an expression.

    >>> from symderiv.build import apply, symbol
    >>> from symderiv.ops import diag, matmul
    >>> W, h = symbol("W", ("o", "n")), symbol("h", ("n",))
    >>> print(plain(matmul(diag(apply("f", matmul(W, h), order=1, generic=True)), W)))
    diag(f'(W h)) W
    """
    with beside(expr):
        return tree_text(lift_any(signed(expr, {})))


def tree_text(tree: Tree, notation: Notation = DEFAULT) -> str:
    """Plain text of a matrix tree."""
    style = PlainStyle(notation)
    return Writer(style, entries_of(style)).write(tree)
