"""Rebuilding expressions over other parts, through the constructors."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from symderiv.construct import add, apply, contract
from symderiv.ir import Add, Box, Call, Contract, Der, Expr, Map, Name, free_symbols, postorder
from symderiv.nodes import box, call, der, name, value_shape


def remake(node: Expr, kids: Sequence[Expr]) -> Expr:
    """The same node over other kids, through its constructor."""
    if all(a is b for a, b in zip(node.kids, kids, strict=True)):
        return node
    if isinstance(node, Contract):
        return contract(kids, node.labels, node.out, dict(enumerate(node.dims)))
    if isinstance(node, Add):
        return add([(c, k) for (c, _), k in zip(node.terms, kids, strict=True)], node.shape)
    if isinstance(node, Map):
        return apply(node.fn, kids[0], node.params, node.order, node.generic)
    if isinstance(node, Call):
        return call(node.fn, kids, value_shape(node), node.params, node.abstract, node.ders)
    if isinstance(node, Name):
        return name(node.name, kids[0], node.role)
    if isinstance(node, Der):
        return der(kids[0], node.wrt)
    if isinstance(node, Box):
        return box(kids[0], node.note)
    raise AssertionError(node)


def substitute(root: Expr, mapping: Mapping[Expr, Expr]) -> Expr:
    """Replace nodes by others of the same shape, and rebuild what stands above them."""
    return transform(root, lambda node: mapping.get(node))


def transform(root: Expr, replace: Callable[[Expr], Expr | None]) -> Expr:
    """Replace each node for which ``replace`` gives one (nothing below it is visited), and rebuild what stands above."""
    done: dict[Expr, Expr] = {}
    stack: list[tuple[Expr, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node in done:
            continue
        if ready:
            done[node] = remake(node, [done[k] for k in node.kids])
            continue
        new = replace(node)
        if new is not None:
            done[node] = new
        else:
            stack.append((node, True))
            stack.extend((k, False) for k in node.kids)
    return done[root]


def unnamed(root: Expr) -> Expr:
    """The expression with every name opened."""
    done: dict[Expr, Expr] = {}
    for node in postorder(root):
        done[node] = done[node.kids[0]] if isinstance(node, Name) else remake(node, [done[k] for k in node.kids])
    return done[root]


def alike(*roots: Expr) -> list[Expr]:
    """The expressions with each array in one form: one that is symmetric in one of them is so in all.

    >>> from symderiv.nodes import symbol
    >>> plain, symmetric = symbol("X", ("n", "n")), symbol("X", ("n", "n"), props=("symmetric",))
    >>> alike(plain, symmetric) == [symmetric, symmetric]
    True
    """
    symbols = free_symbols(*roots)
    known = {(s.name, s.kind, s.shape): s for s in symbols if "symmetric" in s.props}
    swap: dict[Expr, Expr] = {s: known[s.name, s.kind, s.shape] for s in symbols if not s.props and (s.name, s.kind, s.shape) in known}
    return [substitute(root, swap) for root in roots] if swap else list(roots)
