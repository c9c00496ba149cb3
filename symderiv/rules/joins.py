"""vec and kron: joined axes float outwards, and two joined axes that are summed against each other are split."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import accumulate

from symderiv.build import add, apply, call, contract, identity, remake, scale, symbol, view
from symderiv.dims import Dim, dim_product
from symderiv.ir import Add, Call, Contract, Expr, Map, scaled
from symderiv.rules.base import Context, rule

Groups = tuple[int, ...]


def joined(node: Expr, groups: Groups) -> Expr:
    """The node with consecutive axes joined."""
    if all(g == 1 for g in groups):
        return node
    starts = [0, *accumulate(groups)]
    shape = tuple(dim_product(*node.shape[a : a + g]) for a, g in zip(starts, groups, strict=False))
    return call("reshape", (node,), shape, groups)


def split(node: Expr) -> tuple[Expr, Groups]:
    """(inner node, how many of its axes each axis is made of)."""
    if isinstance(node, Call) and node.fn == "reshape" and not node.ders:
        return node.args[0], tuple(node.params)
    return node, (1,) * len(node.shape)


def outward(n: Expr, kids: Sequence[Expr]) -> Expr:
    """The node over these kids, with joins that stand right below it moved out of it where they can be."""
    if isinstance(n, Call) and n.fn == "reshape" and not n.ders:
        c, bare = scaled(kids[0])
        inner, groups = split(bare)
        outer: list[int] = []
        position = 0
        for g in n.params:
            outer.append(sum(groups[position : position + g]))
            position += g
        return scale(c, joined(inner, tuple(outer)))
    parts = [split(k) for k in kids]
    if all(all(g == 1 for g in groups) for _, groups in parts):
        return remake(n, kids)
    if isinstance(n, Map):
        inner, groups = parts[0]
        return joined(apply(n.fn, inner, n.params, n.order, n.generic), groups)
    if isinstance(n, Add) and len(parts) > 1:
        first, groups = parts[0]
        if all(g == groups and inner.shape == first.shape for inner, g in parts):
            return joined(
                add([(c, inner) for (c, _), (inner, _) in zip(n.terms, parts, strict=True)], first.shape), groups
            )
    if isinstance(n, Contract):
        return _contract(n, kids, parts)
    if isinstance(n, Call) and n.fn in ("inv", "det", "logdet") and not n.ders:
        found = _of_kronecker(n.fn, *parts[0])
        if found is not None:
            return found
    return remake(n, kids)


def _contract(n: Contract, kids: Sequence[Expr], parts: Sequence[tuple[Expr, Groups]]) -> Expr:
    """A label is split where all that carry it are joined of the same sizes; else the joins that meet it stay."""
    opened = list(parts)
    while True:
        sizes: dict[int, tuple[Dim, ...]] = {}
        clash = None
        for (inner, groups), ls in zip(opened, n.labels, strict=True):
            starts = [0, *accumulate(groups)]
            for x, a, g in zip(ls, starts, groups, strict=False):
                dims = tuple(inner.shape[a : a + g])
                if sizes.setdefault(x, dims) != dims:
                    clash = x
        if clash is None:
            break
        for k, ls in enumerate(n.labels):
            if clash in ls:
                opened[k] = (kids[k], (1,) * len(kids[k].shape))
        if all(all(g == 1 for g in groups) for _, groups in opened):
            return remake(n, kids)

    def spread(x: int) -> tuple[Hashable, ...]:
        return tuple((x, p) for p in range(len(sizes.get(x, (n.dims[x],)))))

    labels = [tuple(y for x in ls for y in spread(x)) for ls in n.labels]
    out = tuple(y for x in n.out for y in spread(x))
    widths: dict[Hashable, Dim] = {}
    for x, dim in enumerate(n.dims):
        widths.update(zip(spread(x), sizes.get(x, (dim,)), strict=True))
    return joined(contract([inner for inner, _ in opened], labels, out, widths), tuple(len(spread(x)) for x in n.out))


def kronecker_sides(inner: Expr, groups: Groups) -> tuple[Expr, Expr] | None:
    """(A, B) of A ⊗ B, both square; inner has the axes (A's row, B's row, A's column, B's column)."""
    if (
        groups != (2, 2)
        or not isinstance(inner, Contract)
        or inner.shape[:2] != inner.shape[2:]
        or len(set(inner.out)) != 4
    ):
        return None
    sides: list[Expr] = []
    for row, column in ((0, 2), (1, 3)):
        mine = {inner.out[row], inner.out[column]}
        other = set(inner.out) - mine
        grown = True
        while grown:
            grown = False
            for ls in inner.labels:
                if mine & set(ls) and not set(ls) <= mine:
                    mine |= set(ls)
                    grown = True
        if mine & other:
            return None
        chosen = [k for k, ls in enumerate(inner.labels) if ls and set(ls) <= mine]
        if not chosen:
            return None
        sides.append(
            contract(
                [inner.factors[k] for k in chosen],
                [inner.labels[k] for k in chosen],
                (inner.out[row], inner.out[column]),
            )
        )
    a, b = sides
    if contract([a, b], [("i", "k"), ("j", "l")], ("i", "j", "k", "l")) is not inner:
        return None
    return a, b


def _of_kronecker(fn: str, inner: Expr, groups: Groups) -> Expr | None:
    """The inverse or a determinant of A ⊗ B."""
    sides = kronecker_sides(inner, groups)
    if sides is None:
        return None
    a, b = sides
    if fn == "inv":
        inverses = [call("inv", (x,), x.shape) for x in sides]
        return joined(contract(inverses, [("i", "k"), ("j", "l")], ("i", "j", "k", "l")), groups)
    n, m = a.shape[0], b.shape[0]
    if fn == "logdet":
        return add(
            [
                (1, view(contract([call("logdet", (x,), ()), identity((d,))], [(), ("i", "i")], ()), (), ()))
                for x, d in ((a, m), (b, n))
            ],
            (),
        )
    if isinstance(n, int) and isinstance(m, int):
        return contract([apply("pow", call("det", (x,), ()), (d,)) for x, d in ((a, m), (b, n))], [(), ()], ())
    return None


def _summed() -> tuple[Expr, Context]:
    a, b, x = symbol("A", (2, 3)), symbol("B", (2, 3)), symbol("X", (3, 3))
    kron = joined(contract((a, b), (("i", "k"), ("j", "l")), ("i", "j", "k", "l")), (2, 2))
    return contract((kron, joined(x, (2,))), (("r", "c"), ("c",)), ("r",)), Context()


@rule("joined axes", r"(A\otimes B)\operatorname{vec}(X)=\operatorname{vec}(B\,X\,A^\top)", [Map, Contract, Add, Call], example=_summed)
def move_join_outwards(node: Expr, context: Context) -> Expr | None:
    """Joined axes leave a function, a sum or a product; joined axes that are summed against each other are split."""
    if not any(_is_join(scaled(kid)[1]) for kid in node.kids):
        return None
    after = outward(node, node.kids)
    return None if after is node else after


def _is_join(node: Expr) -> bool:
    return isinstance(node, Call) and node.fn == "reshape" and not node.ders


__all__ = ["joined", "move_join_outwards", "outward", "split"]
