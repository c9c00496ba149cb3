"""The natural gradient F⁻¹ ∇L (Amari 1998), and that a linear change of the parameters leaves it where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symderiv import derive
from symderiv.build import add, call, contract, identity, name, symbol
from symderiv.derive import Derivation
from symderiv.dims import Dim
from symderiv.engine import Engine
from symderiv.errors import ShapeError
from symderiv.information import Fisher
from symderiv.ir import Expr, Symbol, free_name, names_in
from symderiv.ops import shape_text
from symderiv.record import chain
from symderiv.services import service
from symderiv.statements import Statements, statement


@dataclass(frozen=True)
class NaturalGradient(Statements):
    """``direction`` derives (F + λI)⁻¹ ∇L; ``fisher`` and ``gradient`` what it is made of.

    ``invariance`` is the verdict on A (AᵀFA)⁻¹ Aᵀ∇L = F⁻¹∇L: with w = A v the step in v is, mapped by A, that in w.
    """

    direction: Derivation
    gradient: Derivation
    fisher: Fisher
    invariance: Any

    @property
    def result(self) -> Expr:
        found: Expr = self.direction.result
        return found

    @property
    def parts(self) -> tuple[Derivation, ...]:
        return (self.gradient, self.fisher.information, self.direction)

    def verify(self, trials: int = 6, seed: int = 0) -> bool:
        """Check ∇L and F on independent numbers; their product with the inverse isn't evaluated: F may be singular."""
        return all(bool(part.verify(trials, seed)) for part in (self.gradient, self.fisher.information)) and \
            self.direction.replay() is self.result

    def summary(self) -> str:
        return f"a linear change of the parameters leaves the step where it is: {self.invariance.status}"


def natural_gradient_of(f: Expr, w: Symbol, fisher: Fisher, damping: Symbol | None) -> NaturalGradient:
    """F⁻¹ ∇f by a vector w; with damping (F + λI)⁻¹ ∇f."""
    if len(w.shape) != 1:
        raise ShapeError(f"the natural gradient takes a vector of parameters; '{w.name}' is {shape_text(w.shape)}",
                         hint="for the weights of a layer see sd.kfac(…).step()", shapes=(w.shape,))
    gradient = derive.gradient(f, [w], fisher.information.facts)
    (proof,) = gradient.flat
    (information,) = fisher.information.flat
    taken = names_in(f, information.after, *([] if damping is None else [damping]))
    held = name(free_name(taken, "F", "Fisher"), information.after)
    damped: Expr = held
    if damping is not None:
        unit = contract((damping, identity(w.shape)), ((), ("i", "j")), ("i", "j"))
        damped = add([(1, held), (1, unit)], held.shape)
    inverse = call("inv", (damped,), held.shape)
    engine = Engine(gradient.facts)
    goal = contract((inverse, proof.before), (("i", "j"), ("j",)), ("i",))
    put_in = engine.fill(goal, {proof.before: proof})
    direction = statement("d", "natural gradient", f, (w,), chain(goal, [put_in], engine.context), gradient.facts)
    return NaturalGradient(direction, gradient, fisher, invariance(w.shape[0]))


def invariance(n: Dim) -> Any:
    """The verdict on A (AᵀFA)⁻¹ Aᵀ g = F⁻¹ g, for any F, g and A with inverses."""
    a, f, g = symbol("A", (n, n)), symbol("F", (n, n)), symbol("g", (n,))
    def inv(x: Expr) -> Expr:
        return call("inv", (x,), x.shape)
    inner = contract((a, f, a), (("k", "i"), ("k", "m"), ("m", "j")), ("i", "j"))
    left = contract((a, inv(inner), a, g), (("i", "k"), ("k", "m"), ("l", "m"), ("l",)), ("i",))
    return service("prove")(left, contract((inv(f), g), (("i", "j"), ("j",)), ("i",)), derive.Facts(), trials=8)


__all__ = ["NaturalGradient", "invariance", "natural_gradient_of"]
