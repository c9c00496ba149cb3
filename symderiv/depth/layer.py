"""A layer and the loss behind it, its arrays given the index of the layer.

Layer l takes the state a_{l−1} to a_l. Parameters, and whatever else a layer is given, carry the index l; what the layers
share doesn't. A layer or a loss that itself calls something ``a_L``, ``W_1`` or ``delta_a`` is refused, and no letter is an
index that stands behind one of their names already, so that indexed symbols meet no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from symderiv.build import call, name, remake, symbol
from symderiv.errors import ShapeError, SymderivError, UnknownNameError
from symderiv.facts import Facts
from symderiv.frontend.build_text import build_text
from symderiv.frontend.environment import Environment
from symderiv.frontend.inputs import to_expr
from symderiv.ir import Call, Expr, Name, Symbol, depends, free_name, free_symbols, names_in, postorder
from symderiv.modules import Input
from symderiv.network_text import Module
from symderiv.ops import shape_text


@dataclass(frozen=True)
class Layer:
    """``body`` gives the next ``state``; ``own`` are arrays of each layer, ``shared`` of all; ``loss`` is of the last state."""

    body: Expr
    state: Symbol
    own: tuple[Symbol, ...]
    shared: tuple[Symbol, ...]
    loss: Expr
    depth: str
    index: str
    source: str

    # ------------------------------------------------------------ with indices
    def at(self, shift: int = 0) -> str:
        """The index of a layer as a part of names: l, l-1, l+1."""
        return self.index + (f"{shift:+d}" if shift else "")

    def indexed(self, root: Expr, place: str, before: Expr | None = None) -> Expr:
        """An expression of one layer with the index ``place`` on its arrays and names, and its state replaced."""
        own = set(self.own)

        def leaf(s: Symbol) -> Expr:
            if s is self.state and before is not None:
                return before
            return indexed_symbol(s, place) if s in own else s

        return relabelled(root, leaf, place)

    def state_at(self, place: str) -> Symbol:
        return indexed_symbol(self.state, place)

    def step(self, before: Expr, place: str) -> Name:
        """The state of layer ``place``, of the one before it."""
        inner = self.body.body if isinstance(self.body, Name) else self.body
        made = self.indexed(inner, place, before)
        return name(f"{self.state.name}_{place}", made)

    def loss_at(self, last: Expr) -> Expr:
        """The loss, of a last state."""
        return relabelled(self.loss, lambda s: last if s is self.state else s, "")

    @property
    def letter(self) -> str:
        """What the loss is called: as the abstract one, or E."""
        if isinstance(self.loss, Call) and self.loss.abstract:
            return self.loss.fn
        return self.fresh("E", "R")

    def named_loss(self) -> Name:
        """The loss of the last state, under its name."""
        return name(self.letter, self.loss_at(self.state_at(self.depth)))

    @property
    def taken(self) -> set[str]:
        """Every name in use."""
        return names_in(self.body, self.loss)

    def fresh(self, *wanted: str) -> str:
        """The first of these names that isn't in use."""
        return free_name(self.taken | {self.depth, self.index}, *wanted)


def indexed_symbol(s: Symbol, place: str) -> Symbol:
    """The symbol of one layer."""
    return symbol(f"{s.name}_{place}", s.shape, s.kind, s.props)


def relabelled(root: Expr, leaf: Any, place: str) -> Expr:
    """The expression with other leaves, and with the index on its names."""
    done: dict[Expr, Expr] = {}
    for n in postorder(root):
        if isinstance(n, Symbol):
            done[n] = leaf(n)
        else:
            made = remake(n, [done[k] for k in n.kids])
            done[n] = name(f"{n.name}_{place}", made.body, n.role) if place and isinstance(made, Name) and isinstance(n, Name) else made
    return done[root]


# ---------------------------------------------------------------- reading
def read_layer(
    layer: Any, state: str, depth: str, loss: Any, shared: Iterable[str], assume: Any, shapes: Mapping[str, Any]
) -> tuple[Layer, Facts]:
    """The layer that a text, a module or an expression is; raises an error of the tree for what can't be a layer."""
    if isinstance(shared, str):
        shared = shared.replace(",", " ").split()
    elif not isinstance(shared, Iterable):
        raise SymderivError(f"shared={shared!r} names no arrays", hint="as in shared=['W', 'b']")
    shared = list(shared)
    body, environment, facts = to_expr(layer, shapes, assume, shared)
    _expect_depth(depth, environment, body)
    known = {s.name: s for s in free_symbols(body) if s.kind == "variable"}
    if not isinstance(state, str) or state not in known:
        raise UnknownNameError.among(str(state), known, "state", f"the layer reads {', '.join(known) or 'no array'}")
    a = known[state]
    if body is a:
        raise SymderivError(f"the layer is its state '{state}' and does nothing", hint="give what one layer computes")
    if body.shape != a.shape:
        raise ShapeError(
            f"the layer takes '{state}' of shape {shape_text(a.shape)} and gives {shape_text(body.shape)}",
            hint="layers of equal shape can follow one another to any depth",
            shapes=(a.shape, body.shape),
        )
    for text in shared:
        if text not in known or text == state:
            options = [k for k in known if k != state]
            raise UnknownNameError.among(str(text), options, "shared array", f"layers can share {', '.join(options)}")
    end = _loss(loss, a, environment)
    both = tuple(known[t] for t in dict.fromkeys(shared))
    own = tuple(s for s in known.values() if s is not a and s not in both)
    taken = {s.name: s for s in own}
    clash = next((s.name for s in free_symbols(end) if s.name in taken), None)
    if clash is not None:
        raise SymderivError(
            f"the loss reads '{clash}', which each layer has its own of",
            hint=f"name it otherwise in the loss, or share it: shared=['{clash}']",
        )
    about = [f for f in facts if isinstance(f.subject, Expr) and (depends(f.subject, a) or any(depends(f.subject, s) for s in own))]
    if about:
        raise SymderivError(
            f"the assumption '{about[0].text}' is about an array of one layer",
            hint="assume what holds of the loss's arrays, or of shared ones",
        )
    index = _index(depth, environment, body, end)
    _expect_apart([a.name, *(s.name for s in own)], depth, body, end)
    return Layer(body, a, own, both, end, depth, index, layer if isinstance(layer, str) else _program(layer)), facts


def _program(layer: Any) -> str:
    return layer.program() if isinstance(layer, Module) else ""


def _expect_depth(depth: Any, environment: Environment, body: Expr) -> None:
    if not isinstance(depth, str) or not depth.isidentifier():
        hint = "name it, as depth='L'; a network whose depth is a number is a program of so many lines"
        raise SymderivError(f"depth={depth!r} isn't a symbol", hint=hint)
    names = {n.name for n in postorder(body) if isinstance(n, Name)}
    if environment.declares(depth) or depth in environment.dims or depth in names:
        raise SymderivError(f"'{depth}' is the depth, and is declared as something else too", hint="take another name for one of them")


def _index(depth: str, environment: Environment, body: Expr, loss: Expr) -> str:
    """The letter that counts layers: of L it is l, of T it is t."""
    used = names_in(body, loss)
    taken = used | {t.rpartition("_")[2] for t in used} | set(environment.dims) | {depth}
    wanted = [*([depth.lower()] if len(depth) == 1 else []), "l", "t", "k", "m", *"abcdefghijnopqrsuvwxyz"]
    return free_name(taken, *wanted)


def _expect_apart(indexed: Iterable[str], depth: str, body: Expr, loss: Expr) -> None:
    """Refuse what is called as an array of one layer is, or as a derivative by a state or a value of it."""
    values = [n.name for n in postorder(body) if isinstance(n, Name)]
    stems = {*indexed, *values}
    for text in sorted(names_in(body, loss)):
        stem, _, place = text.rpartition("_")
        if stem in stems and (place == depth or place.isdigit()):
            what = "in the last layer" if place == depth else f"in layer {place}"
            raise SymderivError(f"'{text}' is what '{stem}' is called {what}", hint="give it another name")
        if text.partition("_")[0] in ("delta", "δ") and text.partition("_")[2] in stems:
            raise SymderivError(f"'{text}' is the name of a derivative here", hint="give it another name")


def _loss(loss: Any, state: Symbol, environment: Environment) -> Expr:
    if loss is None:
        taken = {*environment.symbols, *environment.modules, *environment.functions, *environment.names}
        return call(free_name(taken, "E", "R", "loss"), [state], (), (), True)
    if isinstance(loss, str):
        end, _ = build_text(loss, Environment(environment.symbols, environment.modules, environment.functions, {}, environment.dims))
    elif isinstance(loss, Module) and 1 <= len(state.shape) <= 2:
        *batch, size = state.shape
        end, _, _ = to_expr(Input(size, state.name, *batch) >> loss, {}, None)
    elif isinstance(loss, Expr):
        end = loss
    else:
        hint = "give a text in the state, an expression, or, for vectors and batches of them, a module such as CrossEntropy()"
        raise SymderivError(f"a loss of type {type(loss).__name__} can't be read here", hint=hint)
    if end.shape:
        what = f"the loss must be a scalar; this is {shape_text(end.shape)}"
        raise ShapeError(what, hint="sum it, or take its mean", shapes=(end.shape,))
    if not depends(end, state):
        raise SymderivError(f"the loss doesn't depend on the last state '{state.name}'", hint=f"write it in terms of {state.name}")
    return end


__all__ = ["Layer", "indexed_symbol", "read_layer", "relabelled"]
