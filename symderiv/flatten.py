"""Flattening: nested contractions opened, with a union–find for labels that δ identifies; and their canonical order."""
from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from symderiv.canon import canonical_order, canonical_ranks
from symderiv.dims import Dim
from symderiv.errors import ShapeError
from symderiv.ir import Add, Contract, Expr, Map, scaled
from symderiv.nodes import primitive
from symderiv.patterns import Atom

Label = Hashable
_F1 = Fraction(1)


class Flattening:
    """Factors over labels that are ints: no factor is a contraction, a scaled node or a sum with a common content."""

    def __init__(self, factors: Sequence[Expr], labels: Sequence[Sequence[Label]], out: Sequence[Label],
                 dims: Mapping[Any, Dim]) -> None:
        self.parent: list[int] = []
        self.dim: list[Dim] = []
        self.coefficient = _F1
        self.vanishes = False
        ids: dict[Label, int] = {}
        self.atoms: list[Atom] = []
        work: list[Atom] = []
        for factor, ls in zip(factors, labels, strict=True):
            if len(ls) != len(factor.shape):
                raise ShapeError(f"{len(ls)} labels for a factor of shape {factor.shape}")
            row = []
            for label, dim in zip(ls, factor.shape, strict=True):
                if label not in ids:
                    ids[label] = self.fresh(dim)
                elif self.dim[ids[label]] != dim:
                    raise ShapeError(f"the sizes {self.dim[ids[label]]} and {dim} of one index differ")
                row.append(ids[label])
            work.append((factor, tuple(row)))
        for label, dim in dims.items():
            if label not in ids:
                ids[label] = self.fresh(dim)
        self.out = tuple(ids[x] for x in out)
        self.flatten(work)

    def fresh(self, dim: Dim) -> int:
        self.parent.append(len(self.parent))
        self.dim.append(dim)
        return len(self.parent) - 1

    def find(self, x: int) -> int:
        while self.parent[x] != x:
            self.parent[x] = self.parent[self.parent[x]]
            x = self.parent[x]
        return x

    def flatten(self, work: list[Atom]) -> None:
        """Open nested contractions; take coefficients and the content of sums out."""
        work.reverse()
        while work:
            f, ls = work.pop()
            if isinstance(f, Contract):
                outer: dict[int, int] = {}
                for position, inner in enumerate(f.out):
                    if inner in outer:
                        a, b = self.find(outer[inner]), self.find(ls[position])
                        if a != b:
                            if self.dim[a] != self.dim[b]:
                                raise ShapeError(f"the sizes {self.dim[a]} and {self.dim[b]} of one index differ")
                            self.parent[max(a, b)] = min(a, b)
                    else:
                        outer[inner] = ls[position]
                for inner, dim in enumerate(f.dims):
                    if inner not in outer:
                        outer[inner] = self.fresh(dim)
                for g, gl in zip(f.factors, f.labels, strict=True):
                    work.append((g, tuple(outer[x] for x in gl)))
            elif isinstance(f, Add):
                if not f.terms:
                    self.vanishes = True
                    return
                if len(f.terms) == 1:
                    self.coefficient *= f.terms[0][0]
                    work.append((f.terms[0][1], ls))
                else:
                    content, rest = primitive(f)
                    self.coefficient *= content
                    self.atoms.append((rest, ls))
            else:
                self.atoms.append((f, ls))

    def numbered(self) -> tuple[list[Atom], tuple[int, ...], list[Dim], int]:
        """(factors, out, dims, how many labels are outer ones) with labels 0, 1, … in order of use, outer ones first."""
        index: dict[int, int] = {}
        for x in self.out:
            index.setdefault(x, len(index))
        outer = len(index)
        for _, ls in self.atoms:
            for x in ls:
                index.setdefault(x, len(index))
        rows = [(f, tuple(index[x] for x in ls)) for f, ls in self.atoms]
        return rows, tuple(index[x] for x in self.out), [self.dim[x] for x in index], outer


_under_test = threading.local()


@contextmanager
def under_test(node: Expr) -> Iterator[bool]:
    """Whether a test of this node begins here: false within one, in this thread; an interruption leaves nothing behind."""
    nodes: set[Expr] = _under_test.__dict__.setdefault("nodes", set())
    first = node not in nodes
    nodes.add(node)
    try:
        yield first
    finally:
        if first:
            nodes.discard(node)


def turnable(node: Expr) -> bool:
    """True for a sum, and for a function of a sum or a product: its axes can be brought into another order inside."""
    inner = node
    while isinstance(inner, Map):
        inner = scaled(inner.arg)[1]
    return isinstance(inner, Add) or (inner is not node and isinstance(inner, Contract))


def turns(node: Expr) -> int:
    """How many matrices stand transposed in a sum: what counts when one of A − Bᵀ and Aᵀ − B is chosen."""
    if isinstance(node, Add):
        return sum(turns(t) for t in node.kids)
    if not isinstance(node, Contract):
        return turns(node.kids[0]) if isinstance(node, Map) else 0
    place = {x: p for p, x in enumerate(node.out)}
    last = len(node.out) - 1
    count = 0
    for ls in node.labels:
        known = [place.get(x) for x in ls]
        if len(ls) > 1:
            count += known[0] == last or known[-1] == 0
    return count


def sorted_labels(labels: tuple[int, ...], classes: tuple[int, ...]) -> tuple[int, ...]:
    """Labels with those of interchangeable axes (of one class) in order."""
    if len(set(classes)) == len(classes):
        return labels
    result = list(labels)
    for c in set(classes):
        places = [k for k, other in enumerate(classes) if other == c]
        for k, x in zip(places, sorted(labels[k] for k in places), strict=True):
            result[k] = x
    return tuple(result)


def canonical_rows(rows: list[Atom], classes: Sequence[tuple[int, ...]], out: tuple[int, ...], dims: list[Dim],
                   outer: int) -> tuple[list[Atom], list[Dim]]:
    """Factors in canonical order, summed labels (those from ``outer`` on) renumbered canonically."""
    places: list[list[int]] = [[] for _ in dims]
    for position, x in enumerate(out):
        places[x].append(position)
    graph = [(f.digest, c, ls) for (f, ls), c in zip(rows, classes, strict=True)]
    ranks = canonical_ranks(graph, [(str(d), tuple(p)) for d, p in zip(dims, places, strict=True)])
    inner = sorted(range(outer, len(dims)), key=lambda x: ranks[x])
    final = list(range(outer)) + [0] * len(inner)
    for k, x in enumerate(inner):
        final[x] = outer + k
    order = canonical_order(graph, final)
    return [(rows[k][0], ls) for k, ls in order], dims[:outer] + [dims[x] for x in inner]
