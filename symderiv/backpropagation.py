"""Hessian backpropagation: the Hessian in each named value of a network from that in the next one.

With δ and H the gradient and the Hessian of the loss in v, where v is computed from z, H_z = Jᵀ H_v J + Σ_k δ_k ∂²v_k/∂z∂z
(Bishop 1992; Dangel, Harmeling & Hennig 2020): a Gauss–Newton part that is passed back, and a part of the layer's own
curvature. Of weights, z = W a, H_W = (a aᵀ) ⊗ H_z.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from symderiv.build import add, axes, box, contract, name, substitute, symbol
from symderiv.derive import Derivation, expect_scalar
from symderiv.engine import Engine
from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.ir import Expr, Name, Symbol, depends, free_name, names_in, postorder
from symderiv.statements import Statements, filled, statement


@dataclass(frozen=True)
class Backpropagation(Statements):
    """``first`` derives the Hessian in the last named value; ``steps`` that in each earlier one from the next, by name.

    ``gradients`` are δ of each value from the next; ``weights`` the Hessians by the parameters from those of the values
    that they enter. In the results δ and H of the next value are symbols, `delta_u` and `H_u`.
    """

    first: tuple[Derivation, Derivation]
    steps: dict[str, Derivation]
    gradients: dict[str, Derivation]
    weights: dict[str, Derivation]

    @property
    def parts(self) -> tuple[Derivation, ...]:
        pairs = [d for n in self.steps for d in (self.gradients[n], self.steps[n])]
        return (*self.first, *pairs, *self.weights.values())

    def summary(self) -> str:
        return "H is passed back through " + " → ".join([_label(self.first[1]), *(_label(d) for d in self.steps.values())])


def _label(d: Derivation) -> str:
    return d.kind.rpartition(" ")[2].removeprefix("H_")


def backpropagation_of(f: Expr, facts: Facts, order: Iterable[str] = ()) -> Backpropagation:
    """The steps through the named values of f that all ways to the loss lead through."""
    expect_scalar(f, "hessian_backpropagation", "give a scalar loss")
    names = [n for n in postorder(f) if isinstance(n, Name) and n.role == "user" and not isinstance(n.body, Symbol)]
    through = [n for n in names if not _passed_by(f, n)]
    if not through:
        raise SymderivError("no named value lies on all ways to the loss", hint="write the network as a program: z = W @ x; a = tanh(z); …")
    last = through[-1]
    taken = names_in(f)
    clash = [t for n in through for t in (f"H_{n.name}", f"delta_{n.name}") if t in taken]
    if clash:
        raise SymderivError(f"'{clash[0]}' is the name of a derivative here", hint="give that value another name")
    first = _first(f, last, facts)
    steps, gradients = {}, {}
    for z, v in reversed(list(pairwise(through))):
        gradients[z.name], steps[z.name] = _step(f, z, v, z, facts)
    weights = {}
    for w in [n for n in postorder(f) if isinstance(n, Symbol) and n.kind == "variable" and len(n.shape) == 2]:
        entered = next((n for n in through if depends(n, w)), None)
        if entered is not None and not depends(substitute(f, {entered: symbol("u", entered.shape, "formal")}), w):
            weights[w.name] = _step(f, w, entered, w, facts)[1]
    return Backpropagation(first, steps, gradients, weights)


def _passed_by(f: Expr, n: Name) -> bool:
    """Whether something that the value depends on reaches the loss past it, or it doesn't reach the loss at all."""
    stand_in = symbol(n.name, n.shape, "formal")
    rest = substitute(f, {n: stand_in})
    values = [k for k in postorder(n.body) if isinstance(k, Name) and k.role == "user"]
    return rest is f or any(depends(rest, v) for v in values)


def _first(f: Expr, u: Name, facts: Facts) -> tuple[Derivation, Derivation]:
    held = name(u.name, box(u.body, "silent"))
    engine = Engine(facts)
    loss = name(free_name(names_in(f, functions=False), "L"), engine.begin(substitute(f, {u: held})).after)
    held = next((n for n in postorder(loss) if isinstance(n, Name) and n.name == u.name), held)
    slope = engine.jacobian(loss, held)
    second = engine.second(slope, held, engine.jacobian(slope.after, held))
    return (statement(f"delta_{u.name}", "gradient", f, (held,), slope, facts),
            statement(f"H_{u.name}", "Hessian of the loss", f, (held,), second, facts))


def _step(f: Expr, z: Name | Symbol, v: Name, below: Expr, facts: Facts) -> tuple[Derivation, Derivation]:
    """(δ_z, H_z) from δ_v and H_v."""
    held: Name | Symbol = name(z.name, box(z.body, "silent")) if isinstance(z, Name) else z
    engine = Engine(facts, (held,))
    value = substitute(v, {z: held}) if isinstance(z, Name) else v
    engine.begin(value)
    k, m, i, j = axes("k", v), axes("m", v), axes("i", held), axes("j", held)
    delta = symbol(f"delta_{v.name}", v.shape)
    hessian = symbol(f"H_{v.name}", v.shape * 2, props=("symmetric",) if len(v.shape) == 1 else ())
    first = engine.jacobian(value, held)
    second = engine.second(first, held, engine.jacobian(first.after, held))
    lemmas = {first.before: first, second.before: second}
    back = contract((first.before, delta), (k + i, k), i)
    own = contract((delta, second.before), (k, k + i + j), i + j)
    goal = add([(1, contract((first.before, hessian, first.before), (k + i, k + m, m + j), i + j)), (1, own)], held.shape * 2)
    gradient = statement(f"delta_{z.name}", f"from {v.name}", f, (held,), filled(engine, back, lemmas), facts)
    return gradient, statement(f"H_{z.name}", f"from {v.name}", f, (held,), filled(engine, goal, lemmas), facts)


__all__ = ["Backpropagation", "backpropagation_of"]
