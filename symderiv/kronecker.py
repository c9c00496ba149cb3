"""Tensors as matrices by grouping axes: Kronecker products, vec, and the commutation matrix for a crossed order."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from symderiv.build import contract, view
from symderiv.dims import dim_product
from symderiv.ir import Add, Call, Contract, Expr, scaled
from symderiv.render.construct import diagonal, hadamard, product, scale, total, transpose
from symderiv.render.tree import Commutation, Identity, Kron, Product, Scale, Shape2, Tree, Vec

TreeOf = Callable[[Expr], Tree | None]
Part = tuple[Expr, tuple[int, ...]]


def components(t: Expr) -> list[Part]:
    """The connected parts of a product, each with the axes of the whole that its own axes are."""
    if not isinstance(t, Contract):
        return [(t, tuple(range(len(t.shape))))]
    root = list(range(len(t.dims)))

    def find(x: int) -> int:
        while root[x] != x:
            x = root[x]
        return x

    for ls in t.labels:
        for x in ls[1:]:
            root[find(x)] = find(ls[0])
    parts: dict[int, list[int]] = {}
    for k, ls in enumerate(t.labels):
        parts.setdefault(find(ls[0]) if ls else -1 - k, []).append(k)
    for x in t.out:
        parts.setdefault(find(x), [])
    result: list[Part] = []
    for label, members in parts.items():
        axes = tuple(p for p, x in enumerate(t.out) if label >= 0 and find(x) == label)
        out = tuple(t.out[p] for p in axes)
        result.append((contract([t.factors[k] for k in members], [t.labels[k] for k in members], out,
                                {x: t.dims[x] for x in out}), axes))
    return result


def grouped(expr: Expr, rows: Sequence[int], columns: Sequence[int], tree_of: TreeOf) -> Tree | None:
    """The matrix whose rows run through the axes ``rows``, the first one slowest, its columns through ``columns``."""
    c, node = scaled(expr)
    if isinstance(node, Call) and node.fn == "reshape" and not node.ders:
        inner = grouped(node.args[0], _opened(rows, node.params), _opened(columns, node.params), tree_of)
        return None if inner is None else scale(c, (), inner)
    if len(rows) > 2 or len(columns) > 2:
        return None
    terms = expr.terms if isinstance(expr, Add) else (scaled(expr),)
    trees: list[Tree] = []
    for c, t in terms:
        tree = _term(t, list(rows), list(columns), tree_of)
        if tree is None:
            return None
        trees.append(scale(c, (), tree))
    return total(trees, trees[0].shape) if trees else None


def _opened(axes: Sequence[int], widths: Sequence[int]) -> list[int]:
    """Axes of the argument of a reshape that make up these axes of its value."""
    return [sum(widths[:a]) + k for a in axes for k in range(widths[a])]


def _term(t: Expr, rows: list[int], columns: list[int], tree_of: TreeOf) -> Tree | None:
    parts = components(t)
    scalars = [tree_of(e) for e, axes in parts if not axes]
    parts = [(e, axes) for e, axes in parts if axes]
    if len(parts) == 1 and isinstance(parts[0][0], Add):
        e, axes = parts[0]
        body = grouped(e, [axes.index(a) for a in rows], [axes.index(a) for a in columns], tree_of)
        found = tuple(s for s in scalars if s is not None)
        return None if body is None or len(found) < len(scalars) else scale(Fraction(1), found, body) if found else body
    body = _vectorised(t, parts, rows, columns, tree_of) or _product(t, parts, rows, columns, tree_of) \
        or _weighted(t, rows, columns, tree_of)
    if body is None or any(s is None for s in scalars):
        return None
    found = tuple(s for s in scalars if s is not None)
    return Scale(body.shape, Fraction(1), found, body) if found else body


def _vectorised(t: Expr, parts: list[Part], rows: list[int], columns: list[int], tree_of: TreeOf) -> Tree | None:
    """vec(A) vec(B)ᵀ: the rows in one part and the columns in others."""
    sides: list[Tree] = []
    if not any(len(axes) == 2 and set(axes) in (set(rows), set(columns)) for _, axes in parts):
        return None
    for group in (rows, columns):
        own = [(e, axes) for e, axes in parts if set(axes) <= set(group)]
        if not group:
            continue
        if len(own) == 1 and len(group) == 2:
            e, axes = own[0]
            tree = tree_of(e if axes == tuple(group[::-1]) else contract((e,), (axes,), tuple(group[::-1])))
            if tree is None:
                return None
            sides.append(Vec((dim_product(*(t.shape[a] for a in group)), None), tree))
        else:
            other = _product(t, own, group, [], tree_of)
            if other is None or sum(len(axes) for _, axes in own) != len(group):
                return None
            sides.append(other)
    return sides[0] if not columns else transpose(sides[-1]) if not rows else product([sides[0], transpose(sides[1])])


def _product(t: Expr, parts: list[Part], rows: list[int], columns: list[int], tree_of: TreeOf) -> Tree | None:
    """A Kronecker product of parts, each in at most one row axis and one column axis; the same order on both sides."""
    owner = {a: k for k, (_, axes) in enumerate(parts) for a in axes}
    if any(a not in owner for a in (*rows, *columns)):
        return None
    row_order, column_order = [owner[a] for a in rows], [owner[a] for a in columns]
    crossed = len(rows) == len(columns) == 2 and row_order == column_order[::-1] and row_order[0] != row_order[1]
    if crossed:
        column_order.reverse()
    sequence = _merged(row_order, column_order)
    if sequence is None:
        return None
    items: list[Tree] = []
    for k in sequence:
        e, axes = parts[k]
        down, across = [a for a in axes if a in rows], [a for a in axes if a in columns]
        if len(down) > 1 or len(across) > 1:
            return None
        tree = tree_of(e if axes == (*down, *across) else contract((e,), (axes,), (*down, *across)))
        if tree is None:
            return None
        tree = tree if down else transpose(tree)
        if items and tree.order == items[-1].order == 1 and (tree.shape[0] is None) != (items[-1].shape[0] is None):
            items[-1] = product([tree, items[-1]] if down else [items[-1], tree])      # u ⊗ vᵀ = vᵀ ⊗ u = u vᵀ
        else:
            items.append(tree)
    body: Tree = Kron(_shape(items), tuple(items)) if len(items) > 1 else items[0]
    if crossed:
        q, p = (t.shape[a] for a in columns)
        size = dim_product(p, q)
        body = Product((body.shape[0], size), (body, Commutation((size, size), p, q)))
    return body


def _weighted(t: Expr, rows: list[int], columns: list[int], tree_of: TreeOf) -> Tree | None:
    """diag(vec A) M, or M diag(vec A): a matrix with both axes among the rows, or among the columns, weighs them."""
    if not isinstance(t, Contract):
        return None
    for group, left in ((rows, True), (columns, False)):
        at = [t.out[a] for a in group]
        found = [k for k, ls in enumerate(t.labels) if len(ls) == 2 and set(ls) == set(at)] if len(set(at)) == 2 else []
        if not found:
            continue
        k = found[0]
        own = tree_of(view(t.factors[k], t.labels[k], tuple(at[::-1])))
        others = [j for j in range(len(t.factors)) if j != k]
        rest = contract([t.factors[j] for j in others], [t.labels[j] for j in others], t.out, dict(enumerate(t.dims)))
        body = grouped(rest, rows, columns, tree_of)
        if own is None or body is None:
            return None
        weight = Vec((dim_product(*(t.shape[a] for a in group)), None), own)
        if not (rows and columns):
            return hadamard([weight, body])
        if isinstance(body, Kron) and all(isinstance(x, Identity) for x in body.items):
            return diagonal(weight)
        return product([diagonal(weight), body] if left else [body, diagonal(weight)])
    return None


def _shape(items: list[Tree]) -> Shape2:
    rows, columns = ([d for t in items if (d := t.shape[axis]) is not None] for axis in (0, 1))
    return dim_product(*rows) if rows else None, dim_product(*columns) if columns else None


def _merged(rows: list[int], columns: list[int]) -> list[int] | None:
    """The parts in one order that both sides keep; None if there is none."""
    result: list[int] = []
    r, c = list(dict.fromkeys(rows)), list(dict.fromkeys(columns))
    while r or c:
        if r and (r[0] not in c or c[0] == r[0]):
            x = r[0]
        elif c and c[0] not in r:
            x = c[0]
        else:
            return None
        result.append(x)
        r, c = [y for y in r if y != x], [y for y in c if y != x]
    return result
