"""Monomials in parts: factors that hang together by summed labels, each part brought into canonical order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from symderiv.build import axis_classes
from symderiv.canon import canonical_order, canonical_ranks
from symderiv.dims import Dim
from symderiv.ir import Expr

Factor = tuple[Expr, Fraction, tuple[int, ...]]
"""(atom, exponent, labels)"""


@dataclass(frozen=True)
class Piece:
    """Factors that hang together by summed labels, in canonical order, and these labels in order."""

    rows: list[Factor]
    outer: list[int]
    inner: list[int]
    key: tuple[object, ...]


def parts_of(rows: Sequence[Factor], outer: int) -> list[list[Factor]]:
    """The factors grouped by the labels from ``outer`` on that they share."""
    groups: list[tuple[set[int], list[Factor]]] = []
    for row in rows:
        inner = {x for x in row[2] if x >= outer}
        touched = [g for g in groups if g[0] & inner]
        merged = (inner.union(*(g[0] for g in touched)), [*(r for g in touched for r in g[1]), row])
        groups = [*(g for g in groups if g not in touched), merged]
    return [g for _, g in groups]


def piece_of(rows: list[Factor], outer: int, sizes: Sequence[Dim]) -> Piece:
    outs = sorted({x for _, _, ls in rows for x in ls if x < outer})
    inner = list(dict.fromkeys(x for _, _, ls in rows for x in ls if x >= outer))
    local = {x: k for k, x in enumerate([*outs, *inner])}
    graph = [(a.digest + str(q).encode(), axis_classes(a), tuple(local[x] for x in ls)) for a, q, ls in rows]
    seeds = [(0, x, "") for x in outs] + [(1, 0, str(sizes[x])) for x in inner]
    ranks = canonical_ranks(graph, seeds) if inner else list(range(len(outs)))
    inner.sort(key=lambda x: ranks[local[x]])
    back = {ranks[k]: x for x, k in local.items()}
    ordered = canonical_order(graph, ranks)
    found = [(rows[k][0], rows[k][1], tuple(back[r] for r in ls)) for k, ls in ordered]
    digests = tuple((rows[k][0].digest, rows[k][1], ls) for k, ls in ordered)
    return Piece(found, outs, inner, (tuple(outs), digests, tuple(str(sizes[x]) for x in inner)))


__all__ = ["Factor", "Piece", "parts_of", "piece_of"]
