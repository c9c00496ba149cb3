"""Patterns that the constructors look for: groups of factors, shared structure of terms, rational roots."""
from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import isqrt

from symderiv.ir import Call, Contract, Expr, base_and_exponent

Atom = tuple[Expr, tuple[int, ...]]
"""a factor and its labels"""


def components(atoms: list[Atom], cut: set[int]) -> list[list[Atom]]:
    """Factors grouped by the labels they share, labels in ``cut`` not counting."""
    owner: dict[int, int] = {}
    root = list(range(len(atoms)))

    def find(k: int) -> int:
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k
    for k, (_, ls) in enumerate(atoms):
        for x in ls:
            if x not in cut and owner.setdefault(x, k) != k:
                root[find(k)] = find(owner[x])
    groups: dict[int, list[Atom]] = {}
    for k, atom in enumerate(atoms):
        groups.setdefault(find(k), []).append(atom)
    return list(groups.values())


def cuts(atoms: list[Atom], out: tuple[int, ...]) -> list[set[int]]:
    """Labels at which a product may fall apart: the output's, with none, one or two of the summed ones."""
    summed = sorted({x for _, ls in atoms for x in ls} - set(out))
    more = [(), *((x,) for x in summed), *combinations(summed, 2)] if len(summed) <= 8 else [()]
    return [set(out) | set(cut) for cut in more]


def derivative_classes(node: Call) -> tuple[int, ...]:
    """A class for each axis: those of derivatives by one vector argument may be exchanged."""
    order = len(node.shape)
    classes = list(range(order))
    position = order - sum(len(node.args[d].shape) for d in node.ders)
    first: dict[int, int] = {}
    for d in node.ders:
        if len(node.args[d].shape) == 1:
            classes[position] = first.setdefault(d, position)
        position += len(node.args[d].shape)
    return tuple(classes)


def is_one_sum(groups: list[list[Atom]], out: tuple[int, ...]) -> bool:
    """True for a single group that is summed over and carries all output labels: its powers don't split."""
    if len(groups) != 1:
        return False
    used = {x for _, ls in groups[0] for x in ls}
    return used > set(out)


def may_merge(groups: list[list[Atom]], cut: set[int]) -> bool:
    """A cheap test for two groups of equal factors on the same labels, or a group beside a power of a contraction."""
    seen: set[tuple[object, ...]] = set()
    powers: set[frozenset[int]] = set()
    sums: set[frozenset[int]] = set()
    for group in groups:
        labels = {x for _, ls in group for x in ls}
        boundary = frozenset(labels & cut)
        bases = [base_and_exponent(f)[0] for f, _ in group]
        if len(bases) == 1 and isinstance(bases[0], Contract):
            powers.add(boundary)
        if len(boundary) < len(labels):
            sums.add(boundary)
        key = (boundary, *(sorted([b.digest for b in bases]) if len(bases) > 1 else [bases[0].digest]))
        if key in seen:
            return True
        seen.add(key)
    return not powers.isdisjoint(sums)


def common_structure(terms: Sequence[Expr], order: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """(out labels, labels that remain) of the δ and broadcast axes that all terms share; None if there are none."""
    patterns = []
    for t in terms:
        if not isinstance(t, Contract):
            return None
        used = {x for ls in t.labels for x in ls}
        patterns.append((t.out, used))
    ids: dict[tuple[int, ...], int] = {}
    out = tuple(ids.setdefault(tuple(pattern[p] for pattern, _ in patterns), len(ids)) for p in range(order))
    kept = []
    for x in range(len(ids)):
        positions = [p for p in range(order) if out[p] == x]
        if any(pattern[positions[0]] in used or _delta_leaves(pattern, positions) for pattern, used in patterns):
            kept.append(x)
    if len(kept) == order:
        return None
    return out, tuple(kept)


def _delta_leaves(pattern: tuple[int, ...], positions: list[int]) -> bool:
    """True if this term's δ ties the axis to further ones, outside the common class."""
    return any(pattern[p] == pattern[positions[0]] for p in range(len(pattern)) if p not in positions)


def rational_power(c: Fraction, q: Fraction) -> Fraction | None:
    """c**q where it is rational."""
    if q.denominator == 1:
        if (c == 0 and q < 0) or abs(q) > 512:
            return None
        return c ** int(q)
    if c < 0 or q.denominator != 2 or abs(q) > 512:
        return None
    n, d = isqrt(c.numerator), isqrt(c.denominator)
    if n * n != c.numerator or d * d != c.denominator or (c == 0 and q < 0):
        return None
    return Fraction(n, d) ** int(q.numerator)
