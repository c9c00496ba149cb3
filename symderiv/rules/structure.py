"""Derivatives within a structure of the variable."""
from __future__ import annotations

from symderiv.build import add, permute, view
from symderiv.facts import Facts
from symderiv.ir import Expr, Symbol
from symderiv.rules.base import Context, rule


@rule("structured derivative", r"\mathrm{d}f/\mathrm{d}X=G+G^\top-G\odot I\text{ for symmetric }X", [Expr],
      source="Petersen & Pedersen 2012, eq. (138)", choices=None, family="structure",
      example=None)
def structured_derivative(node: Expr, context: Context) -> Expr | None:
    """From the ambient gradient G to the one by the entries on and below the diagonal; not an equality of values."""
    if len(node.shape) != 2 or node.shape[0] != node.shape[1]:
        return None
    return add([(1, node), (1, permute(node, (1, 0))), (-1, _on_diagonal(node))], node.shape)


@rule("diagonal derivative", r"\mathrm{d}f/\mathrm{d}X=G\odot I\text{ for diagonal }X", [Expr],
      source="Petersen & Pedersen 2012, section 2.8", choices=None, family="structure", example=None)
def diagonal_derivative(node: Expr, context: Context) -> Expr | None:
    """From the ambient gradient G to the one by the diagonal entries; not an equality of values."""
    if len(node.shape) != 2 or node.shape[0] != node.shape[1]:
        return None
    return _on_diagonal(node)


def structure_of(x: Symbol, facts: Facts) -> str | None:
    """The name of the rule that ends a gradient by x within x's structure; None where it has none.

    >>> from symderiv.build import symbol
    >>> structure_of(symbol("X", ("n", "n"), props=("symmetric",)), Facts())
    'structured_derivative'
    """
    def has(*kinds: str) -> bool:
        return bool(x.props & set(kinds)) or facts.find(x, *kinds) is not None
    if has("diagonal"):
        return diagonal_derivative.name
    return structured_derivative.name if has("symmetric", "psd", "pd") else None


def _on_diagonal(node: Expr) -> Expr:
    return view(view(node, (0, 0), (0,)), (0,), (0, 0))


__all__ = ["diagonal_derivative", "structure_of", "structured_derivative"]
