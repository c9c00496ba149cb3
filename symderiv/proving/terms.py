"""Sums of monomials: what an expression is once names are opened and products distributed.

A monomial is a contraction of atoms with exponents, its labels canonical; a `Poly` maps monomials to coefficients, so
two sums are equal exactly where their dicts are. Relations (a fact, s·s⁻¹ = 1, X⁻¹X = I) replace the monomial that
leads them wherever it occurs in another. Each rewriting counts against a budget: beyond it `GiveUp` is raised, and
nothing is proved.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import count, product
from math import prod

from symderiv.build import ONE, add, axis_classes, contract, power, symbol, zero
from symderiv.dims import Dim, dim_terms
from symderiv.errors import SymderivError
from symderiv.ir import Expr, Shape
from symderiv.proving.matching import matches
from symderiv.proving.pieces import Factor, parts_of, piece_of

Label = Hashable
Open = tuple[Expr, Fraction, tuple[Label, ...]]
"""a factor whose labels aren't canonical yet"""
F1 = Fraction(1)
_fresh = count()
TICKS = 20
MOST_FACTORS = 24


class GiveUp(SymderivError):
    """The normal form would be too large."""


@dataclass(frozen=True, eq=False, slots=True)
class Mono:
    """A canonical monomial; one object per content within a `Ring`."""

    factors: tuple[Factor, ...]
    out: tuple[int, ...]
    dims: tuple[Dim, ...]
    key: tuple[object, ...]

    @property
    def degree(self) -> Fraction:
        return sum((abs(q) for _, q, _ in self.factors), Fraction(0))

    @property
    def plain(self) -> bool:
        """No δ among the axes."""
        return len(set(self.out)) == len(self.out)


Terms = dict[Mono, Fraction]


@dataclass(frozen=True, eq=False)
class Poly:
    """Σ coefficient · monomial, all of one shape."""

    shape: Shape
    terms: Terms

    def __bool__(self) -> bool:
        return bool(self.terms)

    def same(self, other: Poly) -> bool:
        return self.shape == other.shape and self.terms == other.terms

    def single(self) -> tuple[Mono, Fraction] | None:
        """The only term, if there is just one."""
        return next(iter(self.terms.items())) if len(self.terms) == 1 else None

    def number(self) -> Fraction | None:
        """The value of a scalar that is a plain number."""
        if not self.terms:
            return Fraction(0)
        one = self.single()
        return one[1] if one and not one[0].factors and not one[0].dims else None

    def ordered(self) -> list[tuple[Mono, Fraction]]:
        return sorted(self.terms.items(), key=lambda row: (row[0].degree, len(row[0].factors), row[0].key))

    def lead(self) -> Mono:
        """The largest monomial."""
        return self.ordered()[-1][0]


@dataclass(frozen=True, eq=False)
class Relation:
    """pattern = replacement, for all values of the labels ``out``, which are the axes of the replacement."""

    pattern: tuple[Open, ...]
    out: tuple[Label, ...]
    replacement: Poly
    text: str = ""

    @cached_property
    def atoms(self) -> frozenset[Expr]:
        return frozenset(f[0] for f in self.pattern)


@dataclass
class Ring:
    """Makes canonical monomials, and rewrites terms by relations until none applies."""

    budget: int = 5000
    special: Callable[[Fraction, list[Open], tuple[Label, ...], dict[Label, Dim]], list[Work] | None] | None = None
    relations: dict[Expr, list[Relation]] = field(default_factory=dict)
    used: dict[str, None] = field(default_factory=dict)
    _monos: dict[tuple[object, ...], Mono] = field(default_factory=dict)
    _ticks: int = 0

    def spend(self, amount: int = 1) -> None:
        self.budget -= amount
        if self.budget < 0:
            raise GiveUp("the normal form would be too large")

    def tick(self) -> None:
        """A small piece of work: some of them make one step."""
        self._ticks += 1
        if self._ticks % TICKS == 0:
            self.spend()

    def relate(self, relation: Relation) -> None:
        """Use a relation from now on, wherever the first atom of its pattern occurs."""
        if not set(relation.out) <= {x for _, _, ls in relation.pattern for x in ls}:
            return  # it says nothing about the axes that it doesn't carry
        atom = min((f[0] for f in relation.pattern), key=lambda a: a.digest)
        self.relations.setdefault(atom, []).append(relation)

    # ------------------------------------------------------------ monomials
    def mono(self, factors: Sequence[Open], out: Sequence[Label], dims: Mapping[Label, Dim]) -> Mono:
        """The canonical monomial; every label that isn't in ``out`` must be carried by a factor.

        Parts that share no summed label are brought into order apart, and then sorted.
        """
        if len(factors) > MOST_FACTORS:
            raise GiveUp(f"a product of {len(factors)} factors")
        index: dict[Label, int] = {}
        for x in out:
            index.setdefault(x, len(index))
        outer = len(index)
        for _, _, ls in factors:
            for x in ls:
                index.setdefault(x, len(index))
        sizes = [dims[x] for x in index]
        rows: list[Factor] = [(a, q, tuple(index[x] for x in ls)) for a, q, ls in factors]
        ordered: list[Factor] = []
        order = list(range(outer))
        for piece in sorted((piece_of(part, outer, sizes) for part in parts_of(rows, outer)), key=lambda p: p.key):
            final = {x: x for x in piece.outer} | {x: len(order) + k for k, x in enumerate(piece.inner)}
            order.extend(piece.inner)
            ordered.extend((a, q, tuple(final[x] for x in ls)) for a, q, ls in piece.rows)
        new_out = tuple(index[x] for x in out)
        final_sizes = tuple(sizes[x] for x in order)
        key = (new_out, tuple(str(d) for d in final_sizes), tuple((a.digest, q, ls) for a, q, ls in ordered))
        if key not in self._monos:
            self._monos[key] = Mono(tuple(ordered), new_out, final_sizes, key)
        return self._monos[key]

    # ------------------------------------------------------------ sums
    def poly(self, works: Sequence[Work], shape: Shape) -> Poly:
        """Rewrite terms until nothing applies, and collect."""
        todo = list(reversed(works))
        terms: Terms = {}
        while todo:
            self.spend()
            c, factors, out, dims = todo.pop()
            merged = _merge(factors)
            bare = _bare(merged, out, dims)
            if bare is not None:
                todo.extend(_counted(c, merged, out, dims, bare))
                continue
            used = {x for _, _, ls in merged for x in ls} | set(out)
            sizes = {x: d for x, d in dims.items() if x in used}
            new = self.special(c, merged, out, sizes) if self.special else None
            if new is None:
                new = self._related(c, merged, out, sizes)
            if new is not None:
                todo.extend(reversed(new))
                continue
            m = self.mono(merged, out, sizes)
            terms[m] = terms.get(m, Fraction(0)) + c
        return Poly(shape, {m: c for m, c in terms.items() if c})

    def _related(
        self, c: Fraction, factors: list[Open], out: tuple[Label, ...], dims: dict[Label, Dim]
    ) -> list[Work] | None:
        if not self.relations:
            return None
        present = {f[0] for f in factors}
        for atom in {f[0]: None for f in factors}:
            for relation in self.relations.get(atom, ()):
                if not relation.atoms <= present:
                    continue
                for match in matches(relation, factors, out, self.tick):
                    self.used[relation.text] = None
                    rest, at = match
                    gone = {at[x] for x in at if x not in relation.out}
                    kept = {x: d for x, d in dims.items() if x not in gone}
                    return [(c * d, *made) for d, made in _put(relation.replacement, rest, at, relation.out, out, kept)]
        return None

    def sum(self, rows: Sequence[tuple[Fraction, Poly]], shape: Shape) -> Poly:
        terms: Terms = {}
        for c, p in rows:
            for m, d in p.terms.items():
                terms[m] = terms.get(m, Fraction(0)) + c * d
        return Poly(shape, {m: c for m, c in terms.items() if c})

    def scale(self, c: Fraction, p: Poly) -> Poly:
        return self.sum([(c, p)], p.shape)

    def contract(
        self,
        polys: Sequence[Poly],
        labels: Sequence[Sequence[Label]],
        out: Sequence[Label],
        dims: Mapping[Label, Dim] | None = None,
    ) -> Poly:
        """The contraction of sums, distributed."""
        sizes: dict[Label, Dim] = dict(dims or {})
        for p, ls in zip(polys, labels, strict=True):
            sizes.update(zip(ls, p.shape, strict=True))
        expected = prod(len(p.terms) for p in polys)
        if expected > self.budget:
            self.spend(expected)
        works: list[Work] = []
        for choice in product(*(p.terms.items() for p in polys)):
            c = prod((d for _, d in choice), start=F1)
            works.append(
                joined([(m, tuple(ls)) for (m, _), ls in zip(choice, labels, strict=True)], tuple(out), sizes, c)
            )
        return self.poly(works, tuple(sizes[x] for x in out))

    def times(self, *polys: Poly) -> Poly:
        """The elementwise product of sums of one shape."""
        labels = tuple(range(len(polys[0].shape)))
        return self.contract(polys, [labels] * len(polys), labels, dict(enumerate(polys[0].shape)))

    def constant(self, c: Fraction, shape: Shape = ()) -> Poly:
        labels = tuple(range(len(shape)))
        return Poly(shape, {self.mono((), labels, dict(enumerate(shape))): c} if c else {})

    def atom(self, node: Expr, exponent: Fraction = F1) -> Poly:
        """One atom as a sum."""
        labels = tuple(range(len(node.shape)))
        return self.poly([(F1, [(node, exponent, labels)], labels, dict(enumerate(node.shape)))], node.shape)


Work = tuple[Fraction, list[Open], tuple[Label, ...], dict[Label, Dim]]
"""(coefficient, factors, out, dims): a term that isn't canonical yet"""


def joined(
    parts: Sequence[tuple[Mono, tuple[Label, ...]]], out: tuple[Label, ...], dims: Mapping[Label, Dim], c: Fraction
) -> Work:
    """The product of monomials whose axes are called as given: δ identifies labels, inner labels get new names."""
    rename: dict[Label, Label] = {}

    def find(x: Label) -> Label:
        while x in rename:
            x = rename[x]
        return x

    factors: list[Open] = []
    sizes = dict(dims)
    for m, ls in parts:
        names: dict[int, Label] = {}
        for x, label in zip(m.out, ls, strict=True):
            if x in names:
                a, b = find(names[x]), find(label)
                if a != b:
                    rename[b] = a
            else:
                names[x] = label
        for x, d in enumerate(m.dims):
            if x not in names:
                names[x] = ("in", next(_fresh))
                sizes[names[x]] = d
        factors.extend((a, q, tuple(names[x] for x in fl)) for a, q, fl in m.factors)
    found = [(a, q, tuple(find(x) for x in fl)) for a, q, fl in factors]
    return c, found, tuple(find(x) for x in out), {x: d for x, d in sizes.items() if x not in rename}


def _put(
    p: Poly,
    rest: list[Open],
    at: Mapping[Label, Label],
    axes: tuple[Label, ...],
    out: tuple[Label, ...],
    dims: dict[Label, Dim],
) -> Iterator[tuple[Fraction, tuple[list[Open], tuple[Label, ...], dict[Label, Dim]]]]:
    """The rest of a term times each term of p, whose axes stand at the labels that ``at`` gives."""
    for m, d in p.terms.items():
        _, factors, _, sizes = joined([(m, tuple(at[x] for x in axes))], (), dims, F1)
        rename: dict[Label, Label] = {}

        def find(x: Label, rename: dict[Label, Label] = rename) -> Label:
            while x in rename:
                x = rename[x]
            return x

        first: dict[int, Label] = {}
        for x, axis in zip(m.out, axes, strict=True):
            a, b = find(first.setdefault(x, at[axis])), find(at[axis])
            if a != b:
                rename[b] = a
        rows = [(f, q, tuple(find(x) for x in ls)) for f, q, ls in (*rest, *factors)]
        yield d, (rows, tuple(find(x) for x in out), {x: s for x, s in {**dims, **sizes}.items() if x not in rename})


def _merge(factors: Sequence[Open]) -> list[Open]:
    """Equal atoms at equal labels as powers."""
    found: dict[tuple[Expr, tuple[Label, ...]], Fraction] = {}
    spelled: dict[tuple[Expr, tuple[Label, ...]], tuple[Label, ...]] = {}
    for a, q, ls in factors:
        key = (a, _sorted(a, ls))
        found[key] = found.get(key, Fraction(0)) + q
        spelled.setdefault(key, ls)
    return [(a, q, spelled[a, ls]) for (a, ls), q in found.items() if q]


def _sorted(a: Expr, labels: tuple[Label, ...]) -> tuple[Label, ...]:
    """Labels of interchangeable axes in an order of their own."""
    classes = axis_classes(a)
    if len(set(classes)) == len(classes):
        return labels
    pools: dict[int, list[Label]] = {}
    for c, x in zip(classes, labels, strict=True):
        pools.setdefault(c, []).append(x)
    for pool in pools.values():
        pool.sort(key=repr, reverse=True)
    return tuple(pools[c].pop() for c in classes)


def _bare(factors: Sequence[Open], out: tuple[Label, ...], dims: Mapping[Label, Dim]) -> Label | None:
    """A summed label that no factor carries."""
    used = {x for _, _, ls in factors for x in ls} | set(out)
    return next((x for x in dims if x not in used), None)


def _counted(
    c: Fraction, factors: list[Open], out: tuple[Label, ...], dims: dict[Label, Dim], bare: Label
) -> Iterator[Work]:
    """The label's size as a factor."""
    rest = {x: d for x, d in dims.items() if x != bare}
    for d, atoms in dim_terms(dims[bare]):
        yield c * d, [*factors, *((symbol(a, (), "dim"), F1, ()) for a in atoms)], out, rest


# ---------------------------------------------------------------- back
def mono_expr(m: Mono) -> Expr:
    """The monomial as an expression."""
    return contract(
        [power(a, q) for a, q, _ in m.factors], [ls for _, _, ls in m.factors], m.out, dict(enumerate(m.dims))
    )


def to_expr(p: Poly) -> Expr:
    """The sum as an expression."""
    if not p.terms:
        return zero(p.shape)
    return add([(c, mono_expr(m)) for m, c in p.ordered()], p.shape)


__all__ = ["ONE", "GiveUp", "Mono", "Poly", "Relation", "Ring", "Work", "joined", "mono_expr", "to_expr"]
