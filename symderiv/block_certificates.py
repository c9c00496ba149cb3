"""Whether the whole matrix of Gauss–Newton blocks is semidefinite.

G is J_uᵀ h J_u with J_u = [∂u/∂x₁ … ∂u/∂x_k], so h decides where it has a sign; else a diagonal block that takes both
signs, or two that take opposite ones, show that G does.
"""
from __future__ import annotations

from dataclasses import replace

from symderiv.build import contract, symbol
from symderiv.certificates import Certificate, certificate
from symderiv.facts import Facts
from symderiv.ir import Expr, free_symbols

TOGETHER = "N"
"""the number of all parameters together"""


def certify_blocks(blocks: tuple[tuple[Expr, ...], ...], outer: Expr, facts: Facts) -> Certificate:
    """The verdict on [[G_11, …], …, [G_k1, …]] = Jᵀ h J, where h is the loss's Hessian in the intermediate value.

    A proof is one about Jᵀ h J for every J; a counterexample is one of a diagonal block, the other directions zero.
    """
    half = outer.shape[:len(outer.shape) // 2]
    taken = {s.name for s in free_symbols(outer)} | {str(d) for d in outer.shape}
    size = TOGETHER if TOGETHER not in taken else TOGETHER + "_all"
    jac = symbol("J" if "J" not in taken else "J_all", (*half, size))
    k, m = tuple(("k", p) for p in range(len(half))), tuple(("m", p) for p in range(len(half)))
    whole = certificate(contract((jac, outer, jac), ((*k, "i"), k + m, (*m, "j")), ("i", "j")), facts)
    if whole.verdict in ("psd", "nsd"):
        return replace(whole, strict=False)
    found = [certificate(blocks[n][n], facts) for n in range(len(blocks))]
    both = next((c for c in found if c.verdict == "indefinite"), None)
    if both is not None:
        return replace(both, reason="a block on the diagonal takes both signs")
    return Certificate("unknown", whole.expr, undecided=whole.undecided, facts=whole.facts,
                       reason="the Hessian of the loss in the intermediate value has no certified sign, "
                              "and no block on the diagonal shows one")


__all__ = ["certify_blocks"]
