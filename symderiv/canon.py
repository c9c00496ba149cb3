"""Canonical labels for contractions: colour refinement, ties individualised (McKay & Piperno 2014).

A contraction is a hypergraph: factors are vertices, labels are edges. Two contractions that differ only in how their
labels are called must become the same node, so labels are ranked by colours that depend on structure alone
(dimension, place in the output, the factors that carry the label). Ties are broken by trying each member of a tied
class and keeping the smallest certificate; members that a transposition maps onto each other are tried once.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Factor = tuple[Any, tuple[int, ...], tuple[int, ...]]
"""(digest, or its rank among those that are there, class of each axis: equal classes are interchangeable axes, label of each axis)"""

LEAF_LIMIT = 400


def _refine(factors: Sequence[Factor], colour: list[int]) -> list[int]:
    """Refine label colours until the partition is stable; the colours returned are ranks 0, 1, …"""
    count = len(set(colour))
    while True:
        keys: list[list[object]] = [[] for _ in colour]
        for digest, classes, labels in factors:
            places = list(zip(classes, labels, strict=True))
            signature = (digest, tuple(sorted([(c, colour[x]) for c, x in places])))
            for c, x in places:
                keys[x].append((signature, c))
        full = [(colour[x], tuple(sorted(keys[x]))) for x in range(len(colour))]  # type: ignore[type-var]  # uniform tuples
        rank = {key: r for r, key in enumerate(sorted(set(full)))}
        colour = [rank[key] for key in full]
        if len(rank) == count:
            return colour
        count = len(rank)


def _certificate(factors: Sequence[Factor], colour: list[int]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    return tuple(sorted((d, _ordered(cl, tuple(colour[x] for x in ls))) for d, cl, ls in factors))


def _ordered(classes: tuple[int, ...], ranks: tuple[int, ...]) -> tuple[int, ...]:
    """Ranks with those of interchangeable axes sorted."""
    if len(set(classes)) == len(classes):
        return ranks
    pools: dict[int, list[int]] = {}
    for c, r in zip(classes, ranks, strict=True):
        pools.setdefault(c, []).append(r)
    for pool in pools.values():
        pool.sort(reverse=True)
    return tuple(pools[c].pop() for c in classes)


def _swappable(factors: Sequence[Factor], a: int, b: int) -> bool:
    """True if exchanging labels a and b maps the contraction onto itself."""
    swap = {a: b, b: a}
    touched = [f for f in factors if a in f[2] or b in f[2]]
    before = sorted((d, _ordered(cl, ls)) for d, cl, ls in touched)
    after = sorted((d, _ordered(cl, tuple(swap.get(x, x) for x in ls))) for d, cl, ls in touched)
    return before == after


def canonical_ranks(factors: Sequence[Factor], seeds: Sequence[object]) -> list[int]:
    """Rank each label 0 … L-1 canonically; ``seeds[x]`` is what distinguishes label x from outside (dimension, output places).

    >>> canonical_ranks([(b"A", (0, 1), (0, 1)), (b"A", (0, 1), (1, 2))], ["out0", "", "out1"])
    [1, 0, 2]
    """
    order = {seed: r for r, seed in enumerate(sorted(set(seeds)))}  # type: ignore[type-var]  # seeds are uniform tuples
    colour = [order[s] for s in seeds]
    if len(order) == len(colour):
        return colour
    known = {digest: r for r, digest in enumerate(sorted({d for d, _, _ in factors}))}
    factors = [(known[d], classes, labels) for d, classes, labels in factors]
    colour = _refine(factors, colour)
    if len(set(colour)) == len(colour):
        return colour
    best: list[int] | None = None
    best_certificate: object = None
    stack = [colour]
    leaves = 0
    while stack:
        colour = stack.pop()
        cells: dict[int, list[int]] = {}
        for x, c in enumerate(colour):
            cells.setdefault(c, []).append(x)
        tied = next((cells[c] for c in sorted(cells) if len(cells[c]) > 1), None)
        if tied is None:
            leaves += 1
            certificate = _certificate(factors, colour)
            if best is None or certificate < best_certificate:  # type: ignore[operator]  # tuples of one type
                best, best_certificate = colour, certificate
            if leaves >= LEAF_LIMIT:
                break
            continue
        representatives: list[int] = []
        for x in tied:
            if not any(_swappable(factors, r, x) for r in representatives):
                representatives.append(x)
        for x in reversed(representatives):
            split = [2 * c for c in colour]
            split[x] -= 1
            stack.append(_refine(factors, _dense(split)))
    assert best is not None
    return best


def _dense(colour: list[int]) -> list[int]:
    rank = {c: r for r, c in enumerate(sorted(set(colour)))}
    return [rank[c] for c in colour]


def canonical_order(factors: Sequence[Factor], ranks: Sequence[int]) -> list[tuple[int, tuple[int, ...]]]:
    """Order the factors: pairs (index of the factor, its labels as ranks), interchangeable axes sorted."""
    rows = [(_ordered(cl, tuple(ranks[x] for x in ls)), d, k) for k, (d, cl, ls) in enumerate(factors)]
    rows.sort(key=lambda row: (row[1], row[0]))
    return [(k, labels) for labels, _, k in rows]
