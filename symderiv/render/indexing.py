"""The order in which a product and a sum are written in index form."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from symderiv.build import axis_classes, contract
from symderiv.ir import SIGNED, Add, Box, Call, Contract, Der, Expr, Map, Name, Symbol, free_symbols
from symderiv.render.letters import Letters
from symderiv.render.pieces import Piece
from symderiv.render.tree import is_differential

Row = tuple[Expr, tuple[int, ...]]


@dataclass
class Factor:
    """A factor of a product; ``below`` is its text in a denominator, for powers −k."""

    node: Expr
    piece: Piece
    below: Piece | None
    exponent: Fraction

    @property
    def order(self) -> int:
        return len(self.node.shape)

    @property
    def hole(self) -> bool:
        return isinstance(self.node, Der)

    @property
    def fraction(self) -> bool:
        return isinstance(self.node, Map) and self.node.fn == "pow"


@dataclass
class Group:
    """Factors held together by summed labels."""

    members: list[int]
    labels: list[int]
    scalar: bool


@dataclass
class Layout:
    """The factors of a product: free of sums, in sums, and those that stand last."""

    free: list[int]
    sums: list[Group]
    late: list[int]
    carried: set[int]
    """labels that some factor has"""

    @property
    def order(self) -> list[int]:
        """All factors as they are printed."""
        scalar = [k for g in self.sums if g.scalar for k in g.members]
        return scalar + self.free + [k for g in self.sums if not g.scalar for k in g.members] + self.late


def kind(node: Expr) -> int:
    """Names, functions, sums, brackets, holes, deltas."""
    if isinstance(node, Map):
        return kind(node.arg) if node.fn == "pow" and isinstance(node.arg, Symbol | Name | Call) else 1
    if isinstance(node, Der) or is_differential(node):
        return 8
    if isinstance(node, Box):
        if node.note == SIGNED:
            return kind(node.body)
        return 9 if isinstance(node.body, Contract) and not node.body.factors else 7
    return 0 if isinstance(node, Symbol | Name) else 2 if isinstance(node, Call) else 4


def words(node: Expr) -> tuple[str, ...]:
    """Names, for an order that a reader would choose."""
    if isinstance(node, Symbol | Name):
        return (node.name,)
    return tuple(sorted(s.name for s in free_symbols(node)))


def lay_out(rows: Sequence[Row], out: tuple[int, ...], previous: Letters | None) -> Layout:
    """Split a product into groups and order each."""
    outer = set(out)
    groups = _groups(rows, outer)
    free: list[int] = []
    late: list[int] = []
    sums: list[Group] = []
    for members in groups:
        labels = {x for k in members for x in rows[k][1]}
        inner = labels - outer
        if not inner:
            (late if kind(rows[members[0]][0]) >= 8 else free).extend(members)
        else:
            order = _chain(members, rows, out)
            order = inherit(order, [rows[k][0] for k in order], previous)
            order.sort(key=lambda k: max(kind(rows[k][0]), 7))
            sums.append(Group(order, list(dict.fromkeys(x for k in order for x in rows[k][1] if x in inner)),
                              not labels & outer))
    position = {x: p for p, x in reversed(list(enumerate(out)))}

    def first(k: int) -> tuple[int, int, int, tuple[str, ...], bytes]:
        places = [position[x] for x in rows[k][1]]
        return len(places) and min(places) + 1, len(places), kind(rows[k][0]), words(rows[k][0]), rows[k][0].digest
    free.sort(key=first)
    free = inherit(free, [rows[k][0] for k in free], previous)
    late.sort(key=first)

    def reached(g: Group) -> tuple[bool, int]:
        return not g.scalar, min((position[x] for k in g.members for x in rows[k][1] if x in position), default=0)

    sums.sort(key=reached)
    return Layout(free, sums, late, {x for _, ls in rows for x in ls})


def _groups(rows: Sequence[Row], outer: set[int]) -> list[list[int]]:
    groups: list[tuple[set[int], list[int]]] = []
    for k, (_, ls) in enumerate(rows):
        labels, members = set(ls) - outer, [k]
        for other in [g for g in groups if g[0] & labels]:
            labels |= other[0]
            members = other[1] + members
            groups.remove(other)
        groups.append((labels, members))
    return [sorted(members) for _, members in groups]


def summed_groups(rows: Sequence[Row], out: tuple[int, ...]) -> list[list[int]]:
    """The groups of factors that have a sum in them."""
    return [g for g in _groups(rows, set(out)) if any(x not in out for k in g for x in rows[k][1])]


def compacted(node: Contract, groups: Sequence[Sequence[int]]) -> list[Row]:
    """The factors, each group joined to one; the factors as they are where a number would come out of a group."""
    rows: list[Row] = list(zip(node.factors, node.labels, strict=True))
    joined: list[Row] = [rows[k] for k in range(len(rows)) if not any(k in g for g in groups)]
    for group in groups:
        kept = tuple(x for x in dict.fromkeys(node.out) if any(x in rows[k][1] for k in group))
        whole = contract([rows[k][0] for k in group], [rows[k][1] for k in group], kept)
        if isinstance(whole, Add):
            return rows
        joined.append((whole, kept))
    return joined


def _chain(members: Sequence[int], rows: Sequence[Row], out: tuple[int, ...]) -> list[int]:
    """Factors in the order in which one walks from the first output index along the shared labels."""

    def plain(k: int) -> tuple[int, int, tuple[str, ...], bytes, tuple[int, ...]]:
        node, labels = rows[k]
        return kind(node), len(labels), words(node), node.digest, labels

    left = sorted(members, key=plain)
    starts = [x for x in out if any(x in rows[k][1] for k in left)]
    walk = [starts[:1]]
    order = [k for k in left if _row_like(rows[k][0])]
    left = [k for k in left if k not in order]
    if not starts and not order:
        heads = {rows[k][1][0] for k in left if len(rows[k][1]) == 2}
        left.sort(key=lambda k: len(rows[k][1]) == 1 and rows[k][1][0] not in heads)
    while left:
        reached = {x for group in walk for x in group}
        nxt = left[0]
        for x in (x for group in reversed(walk) for x in group):
            touching = [k for k in left if x in rows[k][1]]
            if touching:
                late = {k: kind(rows[k][0]) >= 8 for k in touching}
                nxt = min(touching, key=lambda k: (late[k], not set(rows[k][1]) <= reached, left.index(k)))
                break
        left.remove(nxt)
        order.append(nxt)
        walk.append(sorted((x for x in rows[nxt][1] if x not in reached), key=lambda x: x in out))
    return order


def _row_like(node: Expr) -> bool:
    """The derivative of a scalar function, J_L: written before what it multiplies."""
    return isinstance(node, Call) and len(node.ders) == 1 == len(node.shape) and node.args[node.ders[0]].shape == node.shape


def inherit(order: list[int], nodes: Sequence[Expr], previous: Letters | None) -> list[int]:
    """The factors that the line before had keep their order among themselves."""
    if previous is None:
        return order
    seen: set[bytes] = set()                                    # of equal factors, the first one is the old one
    ranked: list[tuple[int, int]] = []
    slots: list[int] = []
    for p, (n, k) in enumerate(zip(nodes, order, strict=True)):
        if n.digest in previous.first and n.digest not in seen:
            seen.add(n.digest)
            ranked.append((previous.first[n.digest], k))
            slots.append(p)
    known = [k for _, k in sorted(ranked)]
    if previous.open:                                           # sums that fill a hole stand where it stood
        new = [p for p, n in enumerate(nodes) if p not in slots and kind(n) >= 4]
        order = [k for p, k in enumerate(order) if p not in new] + [order[p] for p in new]
        slots = [p for p, k in enumerate(order) if k in known]
    result = list(order)
    for p, k in zip(slots, known, strict=True):
        result[p] = k
    return result


def in_reading_order(node: Expr, labels: tuple[int, ...], seen: Sequence[int]) -> tuple[int, ...]:
    """Labels of interchangeable axes in the order in which a reader meets them: J_ij h_im for J_ij h_mi."""
    classes = axis_classes(node)
    if len(set(classes)) == len(classes):
        return labels
    result = list(labels)
    for c in dict.fromkeys(classes):
        places = [p for p, other in enumerate(classes) if other == c]
        met = sorted((labels[p] for p in places), key=lambda x: seen.index(x) if x in seen else len(seen))
        for p, x in zip(places, met, strict=True):
            result[p] = x
    return tuple(result)


def is_one(node: Expr) -> bool:
    """1, or ones of any shape without δ."""
    return isinstance(node, Contract) and not node.factors and len(set(node.out)) == len(node.out)


def term_key(c: Fraction, t: Expr, previous: Letters | None) -> tuple[bool, bool, float, int, tuple[str, ...], bool, bytes]:
    """Positive terms first, numbers before the rest, then as in the line before, then long before short, f(x) before f(−x)."""
    rank = previous.rank(t) if previous is not None else None
    mirrored = isinstance(t, Map) and isinstance(t.arg, Add) and all(factor < 0 for factor, _ in t.arg.terms)
    return c < 0, not is_one(t), 1e9 if rank is None else rank, -t.weight, words(t), mirrored, t.digest


def flippable(node: Expr) -> bool:
    """A difference that takes a minus sign gladly: −(y − p) is p − y, but −(1 − a²) stays."""
    if not isinstance(node, Add):
        return False
    return any(c < 0 for c, _ in node.terms) and all(c < 0 for c, t in node.terms if is_one(t))
