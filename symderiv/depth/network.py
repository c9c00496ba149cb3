"""A network of equal layers, its depth a symbol: what `sd.deep` gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from symderiv.bounds import in_force, limited
from symderiv.depth.layer import Layer, read_layer
from symderiv.depth.recursion import MAKERS, Recursion
from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.frontend.inputs import Assume
from symderiv.ir import Expr
from symderiv.services import service


@dataclass(frozen=True)
class Deep:
    """L equal layers a_l = F(a_{l−1}; θ_l) and a loss of a_L; its derivatives are recursions over l."""

    layer: Layer
    facts: Facts

    @cached_property
    def gradient(self) -> Recursion:
        """Backpropagation: δ_{a_{l−1}} by δ_{a_l}, the gradients by each layer's arrays, and by shared ones as a sum."""
        return MAKERS["gradient"](self.layer, self.facts)

    @cached_property
    def jacobian(self) -> Recursion:
        """∂a_L/∂a_0 as a product of the layers' Jacobians."""
        return MAKERS["jacobian"](self.layer, self.facts)

    @cached_property
    def hessian(self) -> Recursion:
        """The Hessians of the loss by each state and by each layer's own arrays."""
        return MAKERS["hessian"](self.layer, self.facts)

    def unrolled(self, depth: int) -> Expr:
        """The loss of the network with this many layers, an expression: W_1, W_2, … are its arrays."""
        found: Expr = service("deep.unrolled")(self.layer, depth)
        return found

    def __repr__(self) -> str:
        return str(service("deep.describe")(self.layer))


@limited
def deep(
    layer: Any,
    /,
    state: str,
    *,
    depth: str = "L",
    loss: Any = None,
    shared: Iterable[str] = (),
    assume: Assume = None,
    shapes: Mapping[str, Any] | None = None,
    **declared: Any,
) -> Deep:
    """A network of ``depth`` equal layers, the depth a symbol: its gradient, Jacobian and Hessian as recursions.

    ``layer`` is a text, a program, a module or an expression that gives the next ``state`` from ``state``, both of one
    shape. Its other arrays are each layer's own, but for those named in ``shared``, as a recurrent network has them.
    ``loss`` is a text in the last state; left out, it is an abstract function of it. Raises ShapeError where the layer
    changes its state's shape, UnknownNameError for names that the layer doesn't have.

    >>> net = deep("z = W @ a + b; tanh(z)", "a", W="h h", a="h", b="h")
    >>> print(net.gradient.text(detail="brief"))
    δ_a_L = j_E
    δ_z_l = δ_a_l ⊙ (1 − a_l ⊙ a_l)
    δ_a_(l−1) = W_lᵀ δ_z_l
    ∇_W_l E = δ_z_l a_(l−1)ᵀ
    ∇_b_l E = δ_z_l
    δ_z_l = (W_(l+1)ᵀ δ_z_(l+1)) ⊙ (1 − a_l ⊙ a_l)
    >>> bool(net.gradient.check()), bool(net.gradient.verify())
    (True, True)
    """
    clash = sorted(set(shapes or {}) & set(declared))
    if clash:
        raise SymderivError(f"the shape of '{clash[0]}' is given twice", hint="give it in shapes= or as a keyword")
    read, facts = read_layer(layer, state, depth, loss, shared, assume, {**(shapes or {}), **declared})
    found = Deep(read, facts)
    if in_force():
        _ = found.gradient, found.jacobian, found.hessian       # the limits hold for all of them
    return found


__all__ = ["Deep", "deep"]
