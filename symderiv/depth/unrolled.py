"""The same network at a depth that is a number: the loss, and the recursions carried out, as expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symderiv.arguments import whole
from symderiv.build import add, contract, identity, name, remake
from symderiv.depth.layer import Layer, indexed_symbol
from symderiv.depth.recursion import Recursion, end_slope, slope
from symderiv.errors import TooLargeError
from symderiv.ir import Expr, Name, Symbol, postorder

DEEPEST = 200


@dataclass(frozen=True)
class Part:
    """One derivative of the unrolled network: of what, by which symbols, and what the recursion gives for it."""

    label: str
    subject: Expr
    by: tuple[Symbol, ...]
    value: Expr


def states(layer: Layer, depth: int) -> list[Expr]:
    """a_0, …, a_L."""
    depth = whole("depth", depth, 1, "the number of layers")
    if depth > DEEPEST:
        raise TooLargeError(f"a network of {depth} layers, written out", hint=f"ask for at most {DEEPEST}, or use .numpy()")
    found: list[Expr] = [layer.state_at("0")]
    for k in range(1, depth + 1):
        found.append(layer.step(found[-1], str(k)))
    return found


def unrolled(layer: Layer, depth: int) -> Expr:
    """The loss of the network with this many layers."""
    return layer.loss_at(states(layer, depth)[-1])


def parts(recursion: Recursion, depth: int) -> list[Part]:
    """Every derivative that the recursion gives of the network with this many layers."""
    return _forward(recursion, depth) if recursion.kind == "jacobian" else _backward(recursion, depth)


def _forward(recursion: Recursion, depth: int) -> list[Part]:
    layer = recursion.layer
    row = states(layer, depth)
    first = layer.state_at("0")
    value: Expr = identity(first.shape)
    (equation,) = recursion.equations
    for k in range(1, depth + 1):
        given: dict[Expr, Expr] = {_hypothesis(recursion, 1): value, layer.state_at(layer.at(-1)): row[k - 1]}
        value = _put(recursion, equation.right, k, given)
    return [Part(f"{layer.state.name}_{depth} by {first.name}", row[-1], (first,), value)]


def _hypothesis(recursion: Recursion, order: int) -> Symbol:
    """The hypothesis about the whole derivative: the one of most axes."""
    return max(recursion.hypotheses.values(), key=lambda s: len(s.shape)) if order else next(iter(recursion.hypotheses.values()))


def _backward(recursion: Recursion, depth: int) -> list[Part]:
    layer = recursion.layer
    row = states(layer, depth)
    loss = layer.loss_at(row[-1])
    second = recursion.kind == "hessian"
    held: dict[Expr, Expr] = dict(zip(recursion.hypotheses.values(), _bases(recursion, row[-1]), strict=True))
    sums: dict[Symbol, list[Expr]] = {}
    found: list[Part] = []
    down = slope(recursion) if second else None
    for k in range(depth, 0, -1):
        given: dict[Expr, Expr] = {**held, layer.state_at(layer.at(-1)): row[k - 1]}
        values = [_put(recursion, e.right, k, given) for e in recursion.equations]
        for equation, value in zip(recursion.equations[1:], values[1:], strict=True):
            if equation.summed:
                sums.setdefault(equation.by, []).append(value)
            else:
                x = _numbered(equation.by, layer, k)
                found.append(Part(f"by {x.name}", loss, (x, x) if second else (x,), value))
        hypotheses = list(held)
        if down is not None:
            held[hypotheses[0]] = _put(recursion, down, k, given)
            held[hypotheses[1]] = values[0]
        else:
            held[hypotheses[0]] = values[0]
    x = layer.state_at("0")
    found.append(Part(f"by {x.name}", loss, (x, x) if second else (x,), held[list(held)[1 if second else 0]]))
    for s, terms in sums.items():
        found.append(Part(f"by {s.name}", loss, (s,), add([(1, t) for t in terms], s.shape)))
    return found


def _bases(recursion: Recursion, last: Expr) -> list[Expr]:
    """What the hypotheses are at the last layer; sums over later layers are empty there."""
    layer = recursion.layer
    end = layer.state_at(layer.depth)

    def at_end(value: Expr) -> Expr:
        return _replaced(value, {end: last})

    if recursion.kind == "hessian":
        return [at_end(end_slope(recursion)), at_end(recursion.base.result)]
    zeros = [add([], s.shape) for s in list(recursion.hypotheses.values())[1:]]
    return [at_end(recursion.base.result), *zeros]


def _numbered(x: Symbol, layer: Layer, k: int) -> Symbol:
    """The array of layer k, of that of layer l."""
    plain = next(s for s in layer.own if f"{s.name}_{layer.at()}" == x.name)
    return indexed_symbol(plain, str(k))


def _put(recursion: Recursion, right: Expr, k: int, given: Mapping[Expr, Expr]) -> Expr:
    """One equation at layer k."""
    layer = recursion.layer
    own: dict[Expr, Expr] = {indexed_symbol(s, layer.at()): indexed_symbol(s, str(k)) for s in layer.own}
    return _replaced(right, {**own, **given}, layer.at(), str(k))


def _replaced(root: Expr, leaves: Mapping[Expr, Expr], old: str = "", new: str = "") -> Expr:
    """Leaves replaced, and the index on names; a name whose body is a whole value already keeps that value's."""
    done: dict[Expr, Expr] = {}
    for n in postorder(root):
        if n in leaves:
            done[n] = leaves[n]
            continue
        made = remake(n, [done[k] for k in n.kids])
        if isinstance(made, Name) and isinstance(n, Name) and old and n.name.endswith(f"_{old}"):
            made = name(n.name.removesuffix(old) + new, made.body, n.role)
        done[n] = made
    return done[root]


def factors(recursion: Recursion, depth: int) -> Expr:
    """J_L J_{L−1} ⋯ J_1, multiplied out of the layers' Jacobians."""
    assert recursion.factor is not None
    layer = recursion.layer
    row = states(layer, depth)
    order = len(layer.state.shape)
    value: Expr = identity(layer.state.shape)
    for k in range(1, depth + 1):
        j = _put(recursion, recursion.factor.result, k, {layer.state_at(layer.at(-1)): row[k - 1]})
        i, m, o = (tuple((x, p) for p in range(order)) for x in "imo")
        value = contract((j, value), (i + m, m + o), i + o)
    return value


__all__ = ["Part", "factors", "parts", "states", "unrolled"]
