"""What a matching pair gives: H_{L∘M} = A J_M, and G = J_Nᵀ A J_{M∘N} for a network N before the module.

The gradient is A·M(u) + b with A and b free of u, so one more derivative is A J_M; with J_{M∘N} = J_M J_N the
Gauss–Newton matrix J_Nᵀ (A J_M) J_N needs no second derivative (Schraudolph 2002, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass

from symderiv.build import axes, contract, substitute
from symderiv.derive import Derivation
from symderiv.engine import Engine
from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.ir import Der, Expr, Symbol, depends
from symderiv.pairing import Matching
from symderiv.splits import GaussNewton, split
from symderiv.statements import Statements, filled, statement
from symderiv.verdicts import prove_exprs


@dataclass(frozen=True)
class MatchedCurvature(Statements):
    """``hessian`` derives ∂²(L∘M)/∂u∂u, ``product`` A J_M; ``gauss_newton`` J_Nᵀ A J_{M∘N}, ``split`` G the usual way.

    ``status`` says how it is known that both are one, ``network_status`` the same of G (None without a network).
    """

    pair: Matching
    hessian: Derivation
    product: Derivation
    status: str
    gauss_newton: Derivation | None = None
    split: GaussNewton | None = None
    network_status: str | None = None

    @property
    def parts(self) -> tuple[Derivation, ...]:
        return (self.hessian, self.product, *([self.gauss_newton] if self.gauss_newton else []))

    def summary(self) -> str:
        first = f"H = A J_M ({self.status})"
        return first if self.network_status is None else f"{first}; G = J_Nᵀ A J_(M∘N) ({self.network_status})"


def curvature_of_pair(pair: Matching, network: Expr | None, wrt: Symbol | None, facts: Facts) -> MatchedCurvature:
    """What follows of a pair that matches, with an A that is known."""
    if not pair.matches or pair.A is None:
        raise SymderivError(f"the loss doesn't match the module ({pair.verdict}): {pair.reason or 'no A is known'}",
                            hint="its Hessian depends on the target; see sd.glm and sd.gauss_newton")
    u, p = pair.input, pair.output
    engine = Engine(facts)
    engine.begin(p)
    k, i, j = axes("k", p), axes("i", u), axes("j", u)
    second = engine.second(pair.proof, u, engine.jacobian(pair.proof.after, u))
    to_u = engine.jacobian(p, u)
    product = filled(engine, contract((pair.A, to_u.before), (i + k, k + j), i + j), {to_u.before: to_u})
    first = pair.proof.before
    assert isinstance(first, Der)
    hessian = statement("H", "Hessian of the pair", first.body, (u,), second, facts)
    by_product = statement("A J_M", "slope times Jacobian", first.body, (u,), product, facts)
    status = _same(engine, second.after, product.after, facts)
    if network is None or wrt is None:
        return MatchedCurvature(pair, hessian, by_product, status)
    if network.shape != u.shape or not depends(network, wrt):
        raise SymderivError(f"the network has to give '{u.name}' from '{wrt.name}'", hint="as in network='N(w)', wrt='w'")
    whole = substitute(p, {u: network})
    inner, outer = Engine(facts, (wrt,)), substitute(pair.A, {u: network})
    inner.begin(whole)
    to_w, through = inner.jacobian(network, wrt), inner.jacobian(whole, wrt)
    goal = contract((to_w.before, outer, through.before), (i + axes("a", wrt), i + k, k + axes("b", wrt)), axes("a", wrt) + axes("b", wrt))
    g = filled(inner, goal, {to_w.before: to_w, through.before: through})
    usual = split(substitute(first.body, {u: network}), wrt, network, facts)
    return MatchedCurvature(pair, hessian, by_product, status, statement("G", "Gauss–Newton term", first.body, (wrt,), g, facts), usual,
                            _same(inner, usual.G.result, g.after, facts))


def _same(engine: Engine, left: Expr, right: Expr, facts: Facts) -> str:
    if left is right or engine.simplify(left).after is engine.simplify(right).after:
        return "proved"
    return str(prove_exprs(left, right, facts, trials=8).status)


__all__ = ["MatchedCurvature", "curvature_of_pair"]
