"""Outer factors float up before anything is planned: x stands outside Σ_k W_ik (M_kj x_l), which is then a matrix less.

An outer factor of a product is one that holds an axis of the result by itself. It is taken out of a name that the engine
gave, and out of a sum all of whose terms have it at the same axes; the products that hold these then see it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from symderiv.build import add, apply, contract, name, ones, remake, scale
from symderiv.ir import Add, Box, Contract, Expr, Map, Name, postorder

Outer = tuple[Expr, tuple[int, ...], tuple[int, ...]]
"""a factor, the axes of the result that its axes are, those that only it has"""

LEAST = 3
"""axes of a result that outer factors are looked for in"""


def regrouped(roots: Sequence[Expr]) -> list[Expr]:
    """The expressions, equal in value, with outer factors outside.

    >>> from symderiv.build import symbol
    >>> M, x, W = symbol("M", ("m", "p", "q")), symbol("x", ("n",)), symbol("W", ("q", "r"))
    >>> J = name("J", contract((M, x), ("ijk", "l"), "ijkl"), "auto")
    >>> regrouped([contract((W, J), ("kr", "ijkl"), "ijlr")])
    [<x[k] Σ_s J[i,j,s] W[s,l]>]
    """
    done: dict[Expr, Expr] = {}
    for node in postorder(*roots):
        new = remake(node, [done[k] for k in node.kids])
        if isinstance(new, Contract):
            new = _slope_of_sigmoid(new)
        if len(new.shape) >= LEAST:
            if isinstance(new, Name) and new.role != "user":
                new = _out_of_name(new)
            elif isinstance(new, Add):
                new = _out_of_sum(new)
        done[node] = new
    return [done[r] for r in roots]


def _slope_of_sigmoid(node: Contract) -> Expr:
    """σ(z) (1 − σ(z)) as e/(1 + e)² with e = exp(−|z|): one exponential, and exact where 1 − σ(z) would be rounded off."""
    rows = list(zip(node.factors, node.labels, strict=True))
    for k, (sigma, ls) in enumerate(rows):
        inner = sigma
        while isinstance(inner, Name | Box):
            inner = inner.kids[0]
        if not isinstance(inner, Map) or inner.fn != "sigmoid" or inner.generic:
            continue
        for other in (sigma, inner):
            rest = add([(1, ones(sigma.shape)), (-1, other)], sigma.shape)
            if (rest, ls) in rows:
                e = apply("exp", scale(-1, apply("abs", inner.arg)))
                below = apply("pow", add([(1, ones(e.shape)), (1, e)], e.shape), (-2,))
                left = [row for j, row in enumerate(rows) if j not in (k, rows.index((rest, ls)))]
                rows = [*left, (e, ls), (below, ls)]
                return contract([f for f, _ in rows], [ls for _, ls in rows], node.out, dict(enumerate(node.dims)))
    return node


def outer_factors(node: Expr) -> list[Outer]:
    """The outer factors of a product, as long as something else is left."""
    if not isinstance(node, Contract) or len(node.factors) < 2:
        return []
    axes = Counter(node.out)
    holders = Counter(x for ls in node.labels for x in set(ls))
    found: list[Outer] = []
    for factor, ls in zip(node.factors, node.labels, strict=True):
        alone = tuple(node.out.index(x) for x in ls if holders[x] == 1 and axes[x] == 1)
        if alone and len(set(ls)) == len(ls) and all(axes[x] == 1 for x in ls):
            found.append((factor, tuple(node.out.index(x) for x in ls), alone))
    return found[: len(node.factors) - 1]


def _out_of_name(node: Name) -> Expr:
    outer = outer_factors(node.body)
    if not outer:
        return node
    left, kept = without_factors(node.body, outer)
    return _put_back([(name(node.name, left, node.role), kept)], outer, node)


def _out_of_sum(node: Add) -> Expr:
    common = [outer_factors(t) for _, t in node.terms]
    shared = [x for x in common[0] if all(x in other for other in common[1:])] if common else []
    if not shared or any(len(shared) >= len(t.factors) for _, t in node.terms if isinstance(t, Contract)):
        return node
    parts = [(c, *without_factors(t, shared)) for c, t in node.terms]
    kept = parts[0][2]
    inner = add([(c, t) for c, t, _ in parts], [node.shape[a] for a in kept])
    return _put_back([(inner, kept)], shared, node)


def without_factors(node: Expr, outer: Sequence[Outer]) -> tuple[Expr, tuple[int, ...]]:
    """The product without these factors, and the axes that are left."""
    assert isinstance(node, Contract), node
    gone = {a for _, _, alone in outer for a in alone}
    removed = Counter((f, tuple(node.out[a] for a in axes)) for f, axes, _ in outer)
    factors = []
    for f, ls in zip(node.factors, node.labels, strict=True):
        if removed[f, ls]:
            removed[f, ls] -= 1
        else:
            factors.append((f, ls))
    kept = tuple(a for a in range(len(node.out)) if a not in gone)
    out = tuple(node.out[a] for a in kept)
    dims = {x: node.dims[x] for x in {*out, *(x for _, ls in factors for x in ls)}}
    return contract([f for f, _ in factors], [ls for _, ls in factors], out, dims), kept


def _put_back(parts: list[tuple[Expr, tuple[int, ...]]], outer: Sequence[Outer], node: Expr) -> Expr:
    rows = [*parts, *((f, axes) for f, axes, _ in outer)]
    out = tuple(range(len(node.shape)))
    return contract([e for e, _ in rows], [ls for _, ls in rows], out, dict(enumerate(node.shape)))
