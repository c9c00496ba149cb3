"""Series–parallel reduction: a contraction of scalars, vectors and matrices as one matrix formula.

Labels are the vertices of a network, vectors weigh on vertices, matrices are edges. What hangs on one vertex only goes
there as a weight, (W v); a vertex between two edges joins them, A diag(w) B; edges side by side are an elementwise
product; what is closed is a scalar: a trace, an inner product. Output labels are the terminals and are kept.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from symderiv.dims import Dim
from symderiv.render.construct import (
    diagonal,
    diagonal_of,
    fewer_turns,
    frobenius,
    hadamard,
    ones,
    product,
    reading_order,
    scale,
    squared_norm,
    trace,
    transpose,
)
from symderiv.render.tree import Leaf, Ones, Power, Product, Tree


@dataclass
class Edge:
    """A matrix with rows at vertex ``start`` and columns at vertex ``end``."""

    start: int
    end: int
    tree: Tree
    symmetric: bool = False

    def from_(self, vertex: int) -> Tree:
        """The matrix with its rows at this vertex."""
        return self.tree if self.start == vertex or self.symmetric else transpose(self.tree)

    def other(self, vertex: int) -> int:
        return self.end if self.start == vertex else self.start


class Network:
    """The state of one reduction; `reduce` runs it to its end."""

    def __init__(self, dims: tuple[Dim, ...], out: Iterable[int]) -> None:
        self.dims = dims
        self.out = set(out)
        self.weights: dict[int, list[Tree]] = {x: [] for x in range(len(dims))}
        self.edges: list[Edge] = []
        self.scalars: list[Tree] = []

    def put(self, tree: Tree, labels: tuple[int, ...], symmetric: bool = False) -> None:
        """Place a factor that is a scalar, a column or a matrix."""
        if not labels:
            self.scalars.append(tree)
        elif len(labels) == 1:
            self.weights[labels[0]].append(tree)
        else:
            self.edges.append(Edge(labels[0], labels[1], tree, symmetric))

    def reduce(self) -> bool:
        """True if nothing but terminals remains; False if it is stuck."""
        while self.loop() or self.dead_end() or self.series() or self.pair() or self.parallel():
            pass
        inner = [x for x in self.weights if x not in self.out]
        if any(self.at(x) for x in inner):
            return False
        for x in inner:
            self.scalars.append(self.closed(x))
            del self.weights[x]
        return True

    def at(self, vertex: int) -> list[Edge]:
        return [e for e in self.edges if vertex in (e.start, e.end)]

    def inner(self) -> list[int]:
        return [x for x in self.weights if x not in self.out]

    def weight(self, vertex: int) -> Tree:
        """The product of a vertex's weights."""
        return hadamard([ones(self.dims[vertex]), *self.weights[vertex]])

    def remove(self, vertex: int, *edges: Edge) -> None:
        self.edges = [e for e in self.edges if not any(e is f for f in edges)]
        if vertex not in self.out:
            del self.weights[vertex]

    # ------------------------------------------------------------ one reduction each; True if it was done
    def loop(self) -> bool:
        """A matrix with both axes at one vertex: its trace, or its diagonal as a weight."""
        for e in self.edges:
            if e.start == e.end:
                alone = e.start not in self.out and not self.weights[e.start] and len(self.at(e.start)) == 1
                if alone:
                    self.scalars.append(trace(e.tree))
                    self.remove(e.start, e)
                else:
                    self.weights[e.start].append(diagonal_of(e.tree))
                    self.edges = [f for f in self.edges if f is not e]
                return True
        return False

    def dead_end(self) -> bool:
        for x in self.inner():
            edges = self.at(x)
            if len(edges) == 1:
                e, = edges
                other = e.other(x)
                bare = other not in self.out and not self.weights[x] and not self.weights[other]
                if bare and self.lone_norm(e, x, other):
                    return True
                self.weights[other].append(product([e.from_(other), self.weight(x)]))
                self.remove(x, e)
                return True
        return False

    def lone_norm(self, e: Edge, x: int, other: int) -> bool:
        """Σ_ij A_ij² is a squared norm, Σ_ij A_ij B_ij an inner product."""
        t = e.tree
        if len(self.at(other)) > 1 or not (isinstance(t, Power) and t.exponent == 2):
            return False
        self.scalars.append(squared_norm(t.base))
        self.remove(x, e)
        self.remove(other)
        return True

    def series(self) -> bool:
        for x in self.inner():
            edges = self.at(x)
            if len(edges) == 2:
                e, f = edges
                start, end = e.other(x), f.other(x)
                if start == end:
                    continue
                middle = [diagonal(self.weight(x))] if self.weights[x] else []
                self.edges.append(Edge(start, end, product([e.from_(start), *middle, f.from_(x)])))
                self.remove(x, e, f)
                return True
        return False

    def pair(self) -> bool:
        """Two matrices between a summed vertex and another one, and nothing else at the first: a trace, or diag(AB)."""
        for x in self.inner():
            edges = self.at(x)
            if len(edges) != 2 or edges[0].other(x) != edges[1].other(x):
                continue
            e, f = edges
            y = e.other(x)
            closed = y not in self.out and len(self.at(y)) == 2
            if closed and not (self.weights[x] and self.weights[y]):
                v = x if self.weights[x] else y
                u = y if v == x else x
                middle = [diagonal(self.weight(v))] if self.weights[v] else []
                cycle = trace(product([e.from_(u), *middle, f.from_(v)]))
                inner = frobenius(e.from_(u), f.from_(u))
                plain = not self.weights[v] and inner.turns < cycle.turns
                self.scalars.append(inner if plain else cycle)
                self.remove(x, e, f)
                self.remove(y)
                return True
            if not closed and not self.weights[x]:
                straight = fewer_turns(product([e.from_(y), f.from_(x)]))
                beside = hadamard([e.from_(y), f.from_(y)])
                if straight.turns < beside.turns:
                    self.weights[y].append(diagonal_of(straight))
                    self.remove(x, e, f)
                    return True
        return False

    def parallel(self) -> bool:
        for k, e in enumerate(self.edges):
            beside = [f for f in self.edges[k + 1:] if {f.start, f.end} == {e.start, e.end}]
            if beside:
                start, end = e.start, e.end
                same = hadamard([e.tree, *(f.from_(start) for f in beside)])
                turned = transpose(same)
                if turned.turns < same.turns:
                    start, end, same = end, start, turned
                self.edges = [f for f in self.edges if f is not e and not any(f is g for g in beside)]
                self.edges.append(Edge(start, end, same))
                return True
        return False

    # ------------------------------------------------------------ reading the result
    def closed(self, x: int) -> Tree:
        """Σ over one vertex of its weights: an inner product, a squared norm, a sum of entries."""
        return sum_of_entries([w for w in self.weights[x] if not isinstance(w, Ones)], self.dims[x])

    def result(self, out: tuple[int, ...]) -> Tree | None:
        """The formula for the output labels (at most two), after `reduce`."""
        if len(out) > 2 or (len(set(out)) < len(out) and self.edges):
            return None
        body: Tree | None = None
        if len(out) == 1:
            body = self.weight(out[0])
        elif len(out) == 2 and out[0] == out[1]:
            body = diagonal(self.weight(out[0]))
        elif len(out) == 2:
            i, j = out
            if self.edges:
                e, = self.edges
                left = [diagonal(self.weight(i))] if self.weights[i] else []
                right = [diagonal(self.weight(j))] if self.weights[j] else []
                body = product([*left, e.from_(i), *right])
            else:
                body = product([self.weight(i), transpose(self.weight(j))])
        return scale(Fraction(1), self.scalars, body)


def sum_of_entries(weights: list[Tree], dim: Dim) -> Tree:
    """Σ_i of the product of columns.

    One column v gives 1ᵀv (xᵀx or ‖v‖² for squares); of several, one is the row of an inner product.
    """
    if len(weights) == 1:
        w, = weights
        if isinstance(w, Power) and w.exponent == 2:
            return squared_norm(w.base)
        return bilinear(ones(dim), w)
    ordered = sorted(weights, key=reading_order)
    chains = [w for w in ordered if isinstance(w, Product)]
    tail = chains[-1] if chains else ordered[-1] if len(ordered) == 2 else None
    if tail is None:
        leaf = next((w for w in ordered if isinstance(w, Leaf)), ordered[0])
        rest = [w for w in ordered if w is not leaf]
        return product([transpose(leaf), hadamard(rest)])
    return bilinear(hadamard([w for w in ordered if w is not tail]), tail)


def bilinear(u: Tree, v: Tree) -> Tree:
    """uᵀv or vᵀu: with fewer transposed matrices, then with the simpler one first."""
    both = [product([transpose(a), b]) for a, b in ((u, v), (v, u))]
    if both[0].turns != both[1].turns:
        return min(both, key=lambda t: t.turns)
    simple_first = isinstance(u, Ones) or (not isinstance(v, Ones) and reading_order(u) <= reading_order(v))
    return both[0] if simple_first else both[1]
