"""Recursions over layers: the step is derived on one generic layer, before a continuation of which nothing is known.

Backwards, C_l is the loss as a function of a_l alone: C_L = E, and C_{l−1}(a) = C_l(F(a; θ_l)). The engine differentiates
C_l(F(a_{l−1}; θ_l)) with an abstract C_l; its derivative is called δ_{a_l}, and what the engine proves for every C_l is the
recursion. Forwards, a_{l−1} is an abstract function of a_0. See Rumelhart, Hinton and Williams 1986 for the first,
Botev, Ritter and Barber 2017, equation (12), for the Hessian's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from symderiv import derive
from symderiv.build import add, call, name, remake, substitute, symbol
from symderiv.depth.layer import Layer
from symderiv.derive import Derivation
from symderiv.ir import Call, Expr, Name, Symbol, depends, postorder
from symderiv.services import service

if TYPE_CHECKING:
    from symderiv.depth.induction import Induction
    from symderiv.facts import Facts

KINDS = ("gradient", "jacobian", "hessian")


@dataclass(frozen=True)
class Equation:
    """``left`` = ``right``: of what it is the derivative by ``by``; ``right`` speaks of the layer's arrays and of hypotheses.

    ``summed`` says that the equation is one term of a sum over all layers.
    """

    by: Symbol
    left: str
    right: Expr
    summed: bool = False


@dataclass(frozen=True)
class Recursion:
    """What holds from layer to layer of one derivative of a network whose depth is a symbol.

    ``kind`` is "gradient", "jacobian" or "hessian". ``base`` and ``step`` are derivations by the engine, ``step`` of one
    generic layer; ``equations`` are the step's results with ``hypotheses`` in place of the derivatives of the abstract
    continuation. ``induction`` joins them, and checks itself.
    """

    kind: str
    layer: Layer
    facts: Facts
    base: Derivation
    step: Derivation
    equations: tuple[Equation, ...]
    hypotheses: Mapping[Expr, Symbol]
    factor: Derivation | None = None
    cut: Cut | None = None

    @property
    def lemmas(self) -> tuple[Derivation, ...]:
        """The derivations that the recursion rests on."""
        extra = (self.factor, self.cut.step if self.cut else None)
        return (self.base, self.step, *(d for d in extra if d is not None))

    @cached_property
    def induction(self) -> Induction:
        """Base and step as one argument, which can be checked."""
        found: Induction = service("deep.induction")(self)
        return found

    def check(self) -> Any:
        """Check the induction: every step replayed, the hypothesis used for an abstract continuation only; true where it holds."""
        return self.induction.check()

    def verify(self, depths: tuple[int, ...] = (2, 3, 5), trials: int = 3, seed: int = 0) -> Any:
        """Compare with numeric derivatives of the whole network at these depths; the report is true or false."""
        return service("deep.verify")(self, depths=depths, trials=trials, seed=seed)

    def numpy(self) -> Any:
        """A NumPy function of the layer's arrays, stacked along a first axis of length L; ``source()`` is its text."""
        return service("deep.numpy")(self)

    def text(self, detail: str = "normal") -> str:
        """Base, step and what follows, as plain text; detail "brief" leaves the derivation of the step out."""
        text: str = service("deep.text")(self, detail=detail)
        return text

    def latex(self, detail: str = "normal") -> str:
        """The same as LaTeX: ``aligned`` blocks with words between them."""
        text: str = service("deep.latex")(self, detail=detail)
        return text

    def markdown(self, detail: str = "normal") -> str:
        """The same as Markdown."""
        text: str = service("deep.markdown")(self, detail=detail)
        return text

    def __repr__(self) -> str:
        return self.text(detail="brief")


@dataclass(frozen=True)
class Cut:
    """The recursion between the named values of neighbouring layers: δ_{z_l} by δ_{z_{l+1}}."""

    value: Name
    step: Derivation
    left: str
    right: Expr
    hypotheses: Mapping[Expr, Symbol] = field(default_factory=dict)


# ---------------------------------------------------------------- backwards
def continuation(layer: Layer, at: Expr, place: str) -> Call:
    """The loss as an abstract function of a state, and of what the layers share."""
    fn = f"{layer.fresh('C', 'K')}_{place}"
    return call(fn, [at, *layer.shared], (), (), True)


def backward_subject(layer: Layer) -> tuple[Expr, Call]:
    """(C_l(F(a_{l−1}; θ_l)) under the loss's name, the continuation)."""
    ahead = continuation(layer, layer.step(layer.state_at(layer.at(-1)), layer.at()), layer.at())
    return name(layer.letter, ahead), ahead


def variables(layer: Layer) -> list[Symbol]:
    """The state before the layer and the layer's own arrays, with their indices, and those that are shared."""
    place = layer.at()
    own = [symbol(f"{s.name}_{place}", s.shape, s.kind, s.props) for s in layer.own]
    return [layer.state_at(layer.at(-1)), *own, *layer.shared]


def gradient(layer: Layer, facts: Facts) -> Recursion:
    """δ_{a_{l−1}} by δ_{a_l}, and the gradients by the layer's arrays; by shared ones as a sum."""
    subject, ahead = backward_subject(layer)
    by = variables(layer)
    step = derive.gradient(subject, by, facts, several=True)
    base = derive.gradient(layer.named_loss(), [layer.state_at(layer.depth)], facts)
    hypotheses: dict[Expr, Symbol] = {_derivative(ahead, 0): symbol(f"delta_{layer.state.name}_{layer.at()}", layer.state.shape)}
    for k, s in enumerate(layer.shared, 1):
        hypotheses[_derivative(ahead, k)] = symbol(f"{layer.fresh('S', 'T')}_{s.name}_{layer.at()}", s.shape)
    found = tuple(equations(step, hypotheses, layer, f"delta_{layer.state.name}_{layer.at(-1)}"))
    return Recursion("gradient", layer, facts, base, step, found, hypotheses, None, cut_at_name(layer, facts))


def equations(step: Derivation, hypotheses: Mapping[Expr, Symbol], layer: Layer, left: str) -> list[Equation]:
    """What the step says under the hypotheses: first of the state, named ``left``, then of each other variable."""
    results = [assumed(proof.after, hypotheses) for proof in step.flat]
    found = [Equation(step.wrt[0], left, results[0])]
    sums = list(hypotheses.values())[1:] if step.kind == "gradient" else []
    for x, result in zip(step.wrt[1:], results[1:], strict=True):
        shared = x in layer.shared
        right = local_term(result, sums[layer.shared.index(x)]) if shared else result
        found.append(Equation(x, x.name, right, shared))
    return found


def local_term(total: Expr, rest: Symbol) -> Expr:
    """What one layer adds to the gradient by a shared array: the total without the sum over the later layers."""
    return add([(1, total), (-1, rest)], total.shape)


def hessian(layer: Layer, facts: Facts) -> Recursion:
    """The Hessian by a_{l−1}, and the layerwise ones by the layer's own arrays, by that by a_l."""
    subject, ahead = backward_subject(layer)
    step_by = [x for x in variables(layer) if x not in layer.shared]
    steps = [derive.derivative(subject, [x], facts, 2, "hessian") for x in step_by]
    last = layer.state_at(layer.depth)
    base = derive.derivative(layer.named_loss(), [last], facts, 2, "hessian")
    big = layer.fresh("H", "B")
    hypotheses: dict[Expr, Symbol] = {
        _derivative(ahead, 0): symbol(f"delta_{layer.state.name}_{layer.at()}", layer.state.shape),
        _derivative(ahead, 0, 0): symbol(f"{big}_{layer.at()}", (*layer.state.shape, *layer.state.shape), props=_schwarz(layer)),
    }
    joined = Derivation("hessian", subject, tuple(step_by), tuple(d.proofs for d in steps), facts, 2, several=True)
    found = tuple(equations(joined, hypotheses, layer, f"{big}_{layer.at(-1)}"))
    return Recursion("hessian", layer, facts, base, joined, found, hypotheses)


def _schwarz(layer: Layer) -> tuple[str, ...]:
    """A second derivative by a vector is a symmetric matrix."""
    return ("symmetric",) if len(layer.state.shape) == 1 else ()


def slope(r: Recursion) -> Expr:
    """The recursion of δ_a: a Hessian's needs it beside its own."""
    return r.equations[0].right if r.kind == "gradient" else gradient(r.layer, r.facts).equations[0].right


def end_slope(r: Recursion) -> Expr:
    """The loss's derivative by the last state."""
    if r.kind == "gradient":
        return r.base.result
    last = r.layer.state_at(r.layer.depth)
    return derive.gradient(r.layer.loss_at(last), [last], r.facts).result


def _derivative(ahead: Call, *ders: int) -> Expr:
    return call(ahead.fn, ahead.args, (), (), True, ders)


def assumed(result: Expr, hypotheses: Mapping[Expr, Symbol]) -> Expr:
    """The result with hypotheses for the derivatives of the continuation; names of nothing else are opened.

    The continuation is told by its name and what it is differentiated by: its argument may have been made simpler.
    """
    known = {(n.fn, n.ders): s for n, s in hypotheses.items() if isinstance(n, Call)}
    done: dict[Expr, Expr] = {}
    for n in postorder(result):
        told = known.get((n.fn, n.ders)) if isinstance(n, Call) and n.abstract else None
        made: Expr = told or remake(n, [done[k] for k in n.kids])
        if isinstance(made, Name) and isinstance(made.body, Symbol) and made.body.name == made.name:
            made = made.body
        done[n] = made
    return done[result]


# ---------------------------------------------------------------- forwards
def by_state(value: Expr, state: Symbol, facts: Facts) -> Derivation:
    """The Jacobian of one state by another; of scalars it is a scalar."""
    return derive.jacobian(value, [state], facts) if state.shape else derive.gradient(value, [state], facts)


def jacobian(layer: Layer, facts: Facts) -> Recursion:
    """∂a_l/∂a_0 by ∂a_{l−1}/∂a_0: the product of the layers' Jacobians."""
    first = layer.state_at("0")
    before = call(f"{layer.state.name}_{layer.at(-1)}", [first], layer.state.shape, (), True)
    step = by_state(layer.step(before, layer.at()), first, facts)
    base = by_state(first, first, facts)
    inside = layer.state_at(layer.at(-1))
    factor = by_state(layer.step(inside, layer.at()), inside, facts)
    big = layer.fresh("P", "D")
    square = (*layer.state.shape, *layer.state.shape)
    hypotheses: dict[Expr, Symbol] = {
        call(before.fn, [first], layer.state.shape, (), True, (0,)): symbol(f"{big}_{layer.at(-1)}", square),
        before: inside,
    }
    found = tuple(equations(step, hypotheses, layer, f"{big}_{layer.at()}"))
    return Recursion("jacobian", layer, facts, base, step, found, hypotheses, factor)


# ---------------------------------------------------------------- between named values
def cut_at_name(layer: Layer, facts: Facts) -> Cut | None:
    """The recursion of the first named value that all of the state passes through: textbooks' δ_l."""
    value = next((n for n in postorder(layer.body) if isinstance(n, Name) and _cuts(n, layer)), None)
    if value is None:
        return None
    here, ahead = layer.at(), layer.at(1)
    stand_in = symbol(f"{value.name}_{here}", value.shape)
    inner = layer.body.body if isinstance(layer.body, Name) else layer.body
    after = layer.indexed(substitute(inner, {value: symbol(value.name, value.shape, "formal")}), here)
    after = substitute(after, {symbol(value.name, value.shape, "formal"): stand_in})
    middle = name(f"{layer.state.name}_{here}", after)
    following = layer.indexed(value, ahead, middle)
    rest = continuation(layer, following, ahead)
    subject = name(layer.letter, rest)
    step = derive.gradient(subject, [stand_in], facts)
    hypotheses: dict[Expr, Symbol] = {_derivative(rest, 0): symbol(f"delta_{value.name}_{ahead}", value.shape)}
    right = assumed(step.result, hypotheses)
    if any(isinstance(n, Call) and n.fn == rest.fn and n.ders for n in postorder(right)):
        return None
    return Cut(value, step, f"delta_{value.name}_{here}", right, hypotheses)


def _cuts(n: Name, layer: Layer) -> bool:
    if n is layer.body or not depends(n, layer.state):
        return False
    formal = symbol(n.name, n.shape, "formal")
    return not depends(substitute(layer.body, {n: formal}), layer.state)


MAKERS = {"gradient": gradient, "jacobian": jacobian, "hessian": hessian}

__all__ = ["MAKERS", "Cut", "Equation", "Recursion", "assumed"]
