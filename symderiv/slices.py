"""Matrix formulas of tensors with some axes fixed: H_{i,:,:}, and sums over slices, Σ_k (J_L)_k h_{N_k}.

``index`` has a letter for each fixed axis and None for each free one. A δ between a fixed and a free axis is a unit
vector e_i.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

from symderiv.build import axis_classes
from symderiv.ir import SIGNED, Add, Box, Call, Contract, Der, Expr, Map, Name, Symbol
from symderiv.network import Network
from symderiv.render.construct import held, power, scale, total, unit
from symderiv.render.letters import SCALAR_POOL, next_letter, taken_names
from symderiv.render.tree import (
    SCALAR,
    Bracketed,
    Entry,
    Func,
    Leaf,
    Scale,
    Shape2,
    Slice,
    SumOver,
    Transpose,
    Tree,
    is_differential,
)

Index = tuple[str | None, ...]
TreeOf = Callable[[Expr], Tree | None]
MOST_LETTERS = 3


def free_shape(node: Expr, index: Index) -> Shape2 | None:
    """The shape of what is left, if it is at most a matrix."""
    free = [d for d, x in zip(node.shape, index, strict=True) if x is None]
    return None if len(free) > 2 else ((*free, None, None)[0], (*free, None, None)[1])


def slice_tree(node: Expr, index: Index, tree_of: TreeOf) -> Tree | None:
    """The matrix tree of a node with axes fixed; None where it has none. ``tree_of`` lifts whole nodes."""
    if all(x is None for x in index):
        return tree_of(node)
    shape = free_shape(node, index)
    if isinstance(node, Map):
        arg = slice_tree(node.arg, index, tree_of)
        if arg is None:
            return None
        return power(arg, node.params[0]) if node.fn == "pow" else Func(arg.shape, node, arg)
    if isinstance(node, Add):
        terms = [slice_tree(t, index, tree_of) for _, t in node.terms]
        if shape is None or any(t is None for t in terms):
            return None
        return total([scale(c, (), t) for (c, _), t in zip(node.terms, terms, strict=True) if t is not None], shape)
    if isinstance(node, Box):
        body = slice_tree(node.body, index, tree_of)
        return None if body is None else held(body) if node.note == SIGNED else Bracketed(body.shape, body, node.note)
    if isinstance(node, Contract):
        if len(node.shape) <= 2 and any(x not in node.out for ls in node.labels for x in ls):
            whole = tree_of(node)
            if whole is not None:
                return entry(whole, index)
        fixed = {x: letter for x, letter in zip(node.out, index, strict=True) if letter is not None}
        clash = any(letter is not None and fixed[x] != letter for x, letter in zip(node.out, index, strict=True))
        out = tuple(x for x, letter in zip(node.out, index, strict=True) if letter is None)
        return None if clash else contract_tree(node, fixed, out, tree_of) or sum_of_slices(node, tree_of, fixed, out)
    if shape is None:
        return None
    if isinstance(node, Symbol | Name) or (isinstance(node, Call) and node.ders):
        free = [c for c, x in zip(axis_classes(node), index, strict=True) if x is None]
        return Slice(shape, node, index, len(free) == 2 and free[0] == free[1])
    if isinstance(node, Call | Der) and len(node.shape) <= 2:
        whole = tree_of(node)
        return None if whole is None else entry(whole, index)
    return None


def entry(tree: Tree, index: Index) -> Tree:
    """A part of a matrix formula: its entry, its row as a column, its column."""
    if isinstance(tree, Leaf):
        return slice_tree(tree.node, index, lambda node: tree) or tree
    if isinstance(tree, Transpose) and isinstance(tree.arg, Leaf) and len(index) == 2:
        return entry(tree.arg, index[::-1])
    if isinstance(tree, Scale) and tree.body is not None:
        return scale(tree.coefficient, tree.scalars, entry(tree.body, index))
    free = [d for d, x in zip(tree.shape, index, strict=False) if x is None]
    return Entry((free[0] if free else None, None) if len(free) < 2 else tree.shape, tree, index)


def contract_tree(node: Contract, fixed: Mapping[int, str], out: tuple[int, ...], tree_of: TreeOf) -> Tree | None:
    """The tree of a contraction with some labels fixed at letters; ``out`` are the output labels that stay."""
    if len(out) > 2:
        return None
    network = Network(node.dims, out)
    for factor, labels in zip(node.factors, node.labels, strict=True):
        index = tuple(fixed.get(x) for x in labels)
        tree = slice_tree(factor, index, tree_of)
        if tree is None:
            return None
        kept = tuple(x for x in labels if x not in fixed)
        if len(kept) > 2:
            return None
        network.put(tree, kept, len(kept) == len(labels) == 2 and axis_classes(factor) == (0, 0))
    for x, letter in fixed.items():
        if x in out:
            network.put(unit(node.dims[x], letter), (x,))
        else:
            del network.weights[x]
    return network.result(out) if network.reduce() else None


def sum_of_slices(node: Contract, tree_of: TreeOf, fixed: Mapping[int, str] | None = None,
                  out: tuple[int, ...] | None = None) -> Tree | None:
    """Σ_k c_k M_k: fix as few summed labels as it takes for the rest to be a matrix formula."""
    known = dict(fixed or {})
    out = node.out if out is None else out
    if len(out) > 2:
        return None
    inner = [x for x in range(len(node.dims)) if x not in node.out]
    rows = list(zip(node.factors, node.labels, strict=True))
    order = {x: max((len(f.shape) for f, ls in rows if x in ls), default=0) for x in inner}
    alone = {x: any(set(ls) - set(known) == {x} for ls in node.labels) for x in inner}
    moving = {x: any(x in ls and _moves(f) for f, ls in rows) for x in inner}
    axis = {x: min((ls.index(x) for f, ls in rows if x in ls and len(f.shape) > 2), default=0) for x in inner}
    inner.sort(key=lambda x: (-order[x], moving[x], not alone[x], axis[x], x))
    avoid = taken_names(node)
    for count in range(1, min(MOST_LETTERS, len(inner)) + 1):
        for chosen in combinations(inner, count):
            letters: list[str] = []
            for _ in chosen:
                letters.append(next_letter([*letters, *known.values(), "i", "j"], avoid, SCALAR_POOL))
            body = contract_tree(node, {**known, **dict(zip(chosen, letters, strict=True))}, out, tree_of)
            if body is not None:
                return _sum_over(tuple(letters), body)
    return None


def _moves(node: Expr) -> bool:
    return isinstance(node, Der) or is_differential(node)


def _sum_over(letters: tuple[str, ...], body: Tree) -> Tree:
    """Scalars with a letter go under the sum, the others before it."""
    if not isinstance(body, Scale):
        return SumOver(body.shape, letters, (), body)
    inside = tuple(s for s in body.scalars if _has_letter(s, letters))
    outside = tuple(s for s in body.scalars if not _has_letter(s, letters))
    within = SumOver(SCALAR if body.body is None else body.body.shape, letters, inside, body.body)
    return scale(body.coefficient, outside, within)


def _has_letter(tree: Tree, letters: tuple[str, ...]) -> bool:
    stack = [tree]
    while stack:
        t = stack.pop()
        if isinstance(t, Slice | Entry) and set(t.index) & set(letters):
            return True
        stack.extend(t.kids)
    return False
