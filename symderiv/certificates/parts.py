"""What rules of composition ask of the parts of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symderiv.build import contract
from symderiv.certificates.proof import ProofNode
from symderiv.intervals import is_nonpositive
from symderiv.ir import Box, Contract, Expr, Name

if TYPE_CHECKING:
    from symderiv.certificates.compose import Composition


def opened(node: Expr) -> Expr:
    while isinstance(node, Name | Box):
        node = node.body
    return node


def with_factor(whole: Contract, place: int, new: Expr) -> Expr:
    factors = [new if j == place else g for j, g in enumerate(whole.factors)]
    return contract(factors, whole.labels, whole.out, dict(enumerate(whole.dims)))


def sized(search: Composition, inner: ProofNode) -> bool:
    """|g| is convex: g is affine, or convex and nonnegative, or concave and nonpositive."""
    if inner.relation == "affine":
        return True
    where = search.signs.of(inner.expr)
    return where.nonnegative if inner.relation == "convex" else is_nonpositive(where)


__all__ = ["opened", "sized", "with_factor"]
