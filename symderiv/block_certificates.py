"""Whether the whole matrix of Gauss–Newton blocks is semidefinite.

G is J_uᵀ h J_u with J_u = [∂u/∂x₁ … ∂u/∂x_k], so h decides where it has a sign; else a diagonal block that takes both
signs, or two that take opposite ones, show that G does.
"""
from __future__ import annotations

from dataclasses import replace

from symderiv.build import contract, symbol
from symderiv.certificates import Certificate, certificate
from symderiv.dims import dim_atoms
from symderiv.facts import Facts
from symderiv.ir import Expr, free_name, names_in, postorder

TOGETHER = "N"
"""the number of all parameters together"""


def certify_blocks(blocks: tuple[tuple[Expr, ...], ...], outer: Expr, facts: Facts) -> Certificate:
    """The verdict on [[G_11, …], …, [G_k1, …]] = Jᵀ h J, where h is the loss's Hessian in the intermediate value.

    A proof is one about Jᵀ h J for every J; a counterexample is one of a diagonal block, the other directions zero.
    """
    half = outer.shape[:len(outer.shape) // 2]
    taken = names_in(outer) | {atom for n in postorder(outer) for d in n.shape for atom in dim_atoms(d)}
    jac = symbol(free_name(taken, "J", "J_all"), (*half, free_name(taken, TOGETHER, f"{TOGETHER}_all")))
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
