"""What a potential gives: its Bregman divergence, and its Fenchel–Young loss.

D(x, y) = φ(x) − φ(y) − ⟨∇φ(y), x − y⟩ (Bregman 1967) and L(u; y) = Ω*(u) + Ω(y) − ⟨u, y⟩ (Blondel, Martins & Niculae 2020).
Both have the potential's Hessian; the Fenchel–Young loss matches the module ∇Ω*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symderiv import derive
from symderiv.build import add, contract, substitute, symbol
from symderiv.derive import Derivation, expect_scalar
from symderiv.engine import Engine
from symderiv.errors import ShapeError, SymderivError
from symderiv.facts import Facts
from symderiv.ir import Expr, Symbol, depends, free_name, names_in
from symderiv.ops import shape_text
from symderiv.services import service
from symderiv.statements import Statements, filled, statement


def inner(a: Expr, b: Expr) -> Expr:
    """⟨a, b⟩."""
    labels = tuple(range(len(a.shape)))
    return contract((a, b), (labels, labels), ())


@dataclass(frozen=True)
class Bregman(Statements):
    """``divergence`` derives D(x, y); ``gradient`` and ``hessian`` are its derivatives by x, the Hessian φ's own.

    ``curvature`` is the verdict on φ: where it is convex D ≥ 0, and D is convex in x.
    """

    divergence: Derivation
    gradient: Derivation
    hessian: Derivation
    curvature: Any

    @property
    def result(self) -> Expr:
        found: Expr = self.divergence.result
        return found

    @property
    def nonnegative(self) -> bool | None:
        """True where the potential is certified convex, None where it isn't decided."""
        return {"convex": True, "affine": True, "neither": False, "concave": False}.get(self.curvature.verdict)

    @property
    def parts(self) -> tuple[Derivation, ...]:
        return (self.divergence, self.gradient, self.hessian)

    def summary(self) -> str:
        known = {True: "D ≥ 0", False: "D takes negative values", None: "the sign of D is open"}[self.nonnegative]
        return f"φ is {self.curvature.verdict}: {known}"


def bregman_of(potential: Expr, x: Symbol, y: Symbol, facts: Facts) -> Bregman:
    """D(x, y) of a potential written in x."""
    expect_scalar(potential, "bregman", "give a scalar potential")
    if not depends(potential, x):
        raise SymderivError(f"the potential doesn't mention '{x.name}'", hint="name its variable")
    if x.shape != y.shape:
        raise ShapeError(f"'{y.name}' has shape {shape_text(y.shape)}; '{x.name}' has {shape_text(x.shape)}",
                         hint="both points lie in one space", shapes=(y.shape, x.shape))
    if depends(potential, y):
        raise SymderivError(f"'{y.name}' occurs in the potential", hint="give the second point another name with other=")
    engine = Engine(facts, (x, y))
    at_y = substitute(potential, {x: y})
    slope = engine.jacobian(at_y, y)
    goal = add([(1, potential), (-1, at_y), (-1, inner(slope.before, add([(1, x), (-1, y)], x.shape)))], ())
    proof = filled(engine, goal, {slope.before: slope})
    divergence = statement("D", "Bregman divergence", goal, (x,), proof, facts)
    return Bregman(divergence, derive.gradient(proof.after, [x], facts), derive.derivative(proof.after, [x], facts, 2, "hessian"),
                   service("curvature")(potential, x, facts))


@dataclass(frozen=True)
class FenchelYoung(Statements):
    """The loss of a potential Ω*, and its module M = ∇Ω*.

    ``gradient`` derives M(u) − y, ``hessian`` J_M; ``loss`` is without Ω(y) unless a conjugate was given: then
    ``at_module`` is the verdict on L(u; M(u)) = 0. ``bregman`` is the divergence that the loss is at targets M(v), and
    ``is_bregman`` the verdict on that.
    """

    loss: Expr
    module: Expr
    gradient: Derivation
    hessian: Derivation
    curvature: Any
    bregman: Bregman
    is_bregman: Any
    at_module: Any

    @property
    def parts(self) -> tuple[Derivation, ...]:
        return (self.gradient, self.hessian)

    def summary(self) -> str:
        end = "" if self.at_module is None else f"; L(u; M(u)) = 0 ({self.at_module.status})"
        return (f"matches M(u) = {self.module.text()}, {self.curvature.verdict}; at targets M(v) it is the Bregman divergence "
                f"D(u, v) of its potential ({self.is_bregman.status}){end}")


def fenchel_young_of(potential: Expr, u: Symbol, y: Symbol, conjugate: Expr | None, facts: Facts) -> FenchelYoung:
    """Ω*(u) + Ω(y) − ⟨u, y⟩ of a potential Ω* written in u."""
    expect_scalar(potential, "fenchel_young", "give a scalar potential")
    if not depends(potential, u) or depends(potential, y):
        raise SymderivError(f"the potential is to be written in '{u.name}', without the target '{y.name}'",
                            hint="name the target with target=")
    if u.shape != y.shape:
        raise ShapeError(f"the target has shape {shape_text(y.shape)}, '{u.name}' {shape_text(u.shape)}",
                         hint="both lie in dual spaces of one shape", shapes=(y.shape, u.shape))
    rest = [] if conjugate is None else [(1, conjugate)]
    loss = add([(1, potential), *rest, (-1, inner(u, y))], ())
    module: Expr = derive.gradient(potential, [u], facts).result
    v = symbol(free_name(names_in(potential, u, y, *([] if conjugate is None else [conjugate])), "v", "w", "z"), u.shape)
    about_v = Facts((*facts, *(type(f)(f.kind, substitute(f.subject, {u: v}) if isinstance(f.subject, Expr) else f.subject, f.text,
                                       f.value, f.axes) for f in facts)))
    divergence = bregman_of(potential, u, v, about_v)
    at_v = substitute(module, {u: v})
    dual = add([(1, inner(v, at_v)), (-1, substitute(potential, {u: v}))], ())
    whole = add([(1, potential), (1, dual), (-1, inner(u, at_v))], ())
    prove = service("prove")
    zero_at = None if conjugate is None else prove(substitute(loss, {y: module}), add((), ()), facts, trials=8)
    return FenchelYoung(loss, module, derive.gradient(loss, [u], facts), derive.derivative(loss, [u], facts, 2, "hessian"),
                        service("curvature")(potential, u, facts), divergence, prove(whole, divergence.result, about_v, trials=8), zero_at)


__all__ = ["Bregman", "FenchelYoung", "bregman_of", "fenchel_young_of"]
