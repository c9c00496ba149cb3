"""Expressions as sums of products whose δ are still open.

A factor such as diag(p) − p pᵀ is never built to be multiplied: the product is distributed over its terms, where δ
identifies labels and p pᵀ stays two vectors. `Opened` finds these factors, everything else is a factor by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from symderiv.build import add, contract, size
from symderiv.codegen.regroup import outer_factors, without_factors
from symderiv.dims import Dim
from symderiv.ir import Add, Box, Contract, Expr, Name, postorder

Labels = tuple[int, ...]

MOST_TERMS = 8
ENTRY = 1e-9
"""seconds to write an entry"""


@dataclass(frozen=True)
class Term:
    """coefficient · Σ Π factors; ``out`` may repeat a label (δ) or hold one that no factor carries (broadcast).

    ``dims`` is by label; 0 marks a label that is used no more.
    """

    coefficient: Fraction
    factors: tuple[tuple[Expr, tuple[int, ...]], ...]
    out: tuple[int, ...]
    dims: tuple[Dim, ...]

    @property
    def has_delta(self) -> bool:
        return len(set(self.out)) < len(self.out)

    @property
    def carried(self) -> set[int]:
        return {x for _, ls in self.factors for x in ls}

    def axes(self, labels: tuple[int, ...]) -> tuple[int, ...]:
        """The output axes that labels stand at, −1 for one that is summed or stands at several."""
        return tuple(self.out.index(x) if self.out.count(x) == 1 else -1 for x in labels)

    def without(self, common: Iterable[tuple[Expr, tuple[int, ...]]]) -> Term:
        """The term less these of its factors."""
        factors = list(self.factors)
        for factor in common:
            factors.remove(factor)
        return Term(self.coefficient, tuple(factors), self.out, self.dims)

    @property
    def structured(self) -> bool:
        return self.has_delta or not set(self.out) <= self.carried


class Planner(Protocol):
    """Estimates of the code generator's planner."""

    def time(self, term: Term) -> float: ...

    def entries(self, term: Term, labels: Iterable[int] | None = None) -> float: ...


class Opened:
    """The terms of nodes: ``own`` for sums and products, ``inside`` where a product should distribute over them."""

    def __init__(self, uses: dict[Expr, int], planner: Planner) -> None:
        self.planner = planner
        self.own: dict[Expr, list[Term]] = {}
        self.inside: dict[Expr, list[Term]] = {}
        self.uses = uses

    def see(self, nodes: Iterable[Expr]) -> None:
        """Take in nodes, kids first."""
        for node in nodes:
            if node in self.own:
                continue
            if isinstance(node, Contract):
                term = Term(Fraction(1), tuple(zip(node.factors, node.labels, strict=True)), node.out, node.dims)
                self.own[node] = self.outside(node) or self.expand(term)
            elif isinstance(node, Add):
                self.own[node] = self.sum_of(node)
            elif isinstance(node, Name) and self.passing(node):
                self.own[node] = self.inside[node] = self.factored(self.own[node.body], node.shape)
            elif isinstance(node, Name | Box) and node.kids[0] in self.inside:
                self.own[node] = self.inside[node.kids[0]]
            else:
                continue
            terms = self.own[node]
            structured = any(t.has_delta for t in terms) or (len(terms) == 1 and terms[0].structured)
            large = isinstance(node, Add) and len(node.shape) > 2 and self.uses.get(node, 1) == 1 and len(terms) <= 3
            if (structured or large) and len(terms) <= MOST_TERMS:
                self.inside[node] = terms

    def outside(self, node: Contract) -> list[Term] | None:
        """A product of order 4 with outer factors, as these times the rest, where the rest is one product too: no sum is as large."""
        if len(node.shape) < 4 or not any(len(self.inside.get(f, ())) > 1 for f in node.factors):
            return None
        outer = outer_factors(node)
        if not outer:
            return None
        left, kept = without_factors(node, outer)
        self.see(postorder(left))
        terms = self.factored(self.own.get(left, []), left.shape)
        if len(terms) != 1:
            return None
        rows = ((left, kept), *((f, axes) for f, axes, _ in outer))
        return [splice(Term(Fraction(1), rows, tuple(range(len(node.shape))), node.shape), 0, terms[0])]

    def passing(self, node: Name) -> bool:
        """Of order 3 or more and used once: what uses it may have a better order for all the factors."""
        return len(node.shape) > 2 and self.uses.get(node, 1) == self.uses.get(node.body, 1) == 1 and node.body in self.own

    def factored(self, terms: list[Term], shape: tuple[Dim, ...]) -> list[Term]:
        """Σ_t a T_t as one product of a and a sum, where the terms share factors a at the same axes."""
        if len(terms) < 2:
            return terms
        order = len(shape)
        placed = [[(f, t.axes(ls)) for f, ls in t.factors] for t in terms]
        shared = Counter(placed[0])
        for rows in placed[1:]:
            shared &= Counter(rows)
        common = [(f, axes) for f, axes in shared.elements() if axes and all(0 <= x < order for x in axes)]
        if not common:
            return terms
        left = []
        for t, rows in zip(terms, placed, strict=True):
            gone = Counter(common)
            kept = []
            for row, whole in zip(rows, t.factors, strict=True):
                if gone[row]:
                    gone[row] -= 1
                else:
                    kept.append(whole)
            left.append(kept)
        needed = [p for p in range(order) if any(t.out.count(t.out[p]) > 1 or any(t.out[p] in ls for _, ls in kept)
                                                 for t, kept in zip(terms, left, strict=True))]
        parts = []
        for t, kept in zip(terms, left, strict=True):
            out = [t.out[p] for p in needed]
            dims = {x: t.dims[x] for x in {*out, *(x for _, ls in kept for x in ls)}}  # no others: they'd be summed
            parts.append((t.coefficient, contract([f for f, _ in kept], [ls for _, ls in kept], out, dims)))
        rest = add(parts, tuple(shape[p] for p in needed))
        self.see(postorder(rest))
        return [Term(Fraction(1), (*common, (rest, tuple(needed))), tuple(range(order)), shape)]

    def sum_of(self, node: Add) -> list[Term]:
        result: list[Term] = []
        for c, t in node.terms:
            inner = self.own.get(t) if isinstance(t, Contract | Name) else None
            if inner is None or (t not in self.inside and (isinstance(t, Name) or self.uses.get(t, 1) > 1)):
                labels = tuple(range(len(node.shape)))
                inner = [Term(Fraction(1), ((t, labels),), labels, node.shape)]
            result.extend(Term(c * u.coefficient, u.factors, u.out, u.dims) for u in inner)
        return result

    def expand(self, term: Term) -> list[Term]:
        """The term, distributed over the factors that hold δ."""
        done: list[Term] = []
        work = [(term, 0)]
        count = 1
        while work:
            term, start = work.pop()
            for k in range(start, len(term.factors)):
                inner = self.inside.get(term.factors[k][0])
                if inner is None or count + len(inner) - 1 > MOST_TERMS:
                    continue
                spliced = [splice(term, k, t) for t in inner]
                if len(inner) == 1 or self.pays(term, inner, spliced):
                    count += len(inner) - 1
                    work.extend((t, k) for t in reversed(spliced))
                    break
            else:
                done.append(_without_bare_labels(term))
        return done

    def pays(self, term: Term, inner: list[Term], spliced: list[Term]) -> bool:
        """Whether to distribute over a factor takes less time than to build it and multiply by it."""
        built = sum(self.planner.time(t) for t in inner) + ENTRY * len(inner) * self.planner.entries(inner[0])
        summed = ENTRY * (len(spliced) - 1) * max(self.planner.entries(t, set(t.out)) for t in spliced)
        return sum(self.planner.time(t) for t in spliced) + summed < built + self.planner.time(term)


def splice(host: Term, place: int, inner: Term) -> Term:
    """The host with its factor at ``place`` replaced by what that factor is."""
    labels = host.factors[place][1]
    dims = list(host.dims)
    same = list(range(len(dims)))

    def find(x: int) -> int:
        while same[x] != x:
            x = same[x]
        return x

    mapped: dict[int, int] = {}
    for position, x in enumerate(inner.out):
        if x in mapped:
            a, b = find(mapped[x]), find(labels[position])
            same[max(a, b)] = min(a, b)
        else:
            mapped[x] = labels[position]
    for x, dim in enumerate(inner.dims):
        if x not in mapped:
            mapped[x] = len(dims)
            same.append(len(dims))
            dims.append(dim)
    new = [(f, tuple(mapped[x] for x in ls)) for f, ls in inner.factors]
    factors = [*host.factors[:place], *new, *host.factors[place + 1 :]]
    return Term(
        host.coefficient * inner.coefficient,
        tuple((f, tuple(find(x) for x in ls)) for f, ls in factors),
        tuple(find(x) for x in host.out),
        tuple(dim if same[x] == x else 0 for x, dim in enumerate(dims)),
    )


def _without_bare_labels(term: Term) -> Term:
    """A summed label that no factor carries is its size."""
    used = term.carried | set(term.out)
    bare = [x for x, dim in enumerate(term.dims) if x not in used and dim != 0]
    if not bare:
        return term
    factors = term.factors
    coefficient = term.coefficient
    for x in bare:
        dim = term.dims[x]
        if isinstance(dim, int):
            coefficient *= dim
        else:
            factors += ((size(dim), ()),)
    dims = tuple(0 if x in bare else dim for x, dim in enumerate(term.dims))
    return Term(coefficient, factors, term.out, dims)
