"""A product with a sum, built first or multiplied out: which multiplies less may depend on sizes known only when it runs.

(A B − C) D of n×k, k×n, n×n and n×k matrices takes two products of n² k multiplications, A (B D) − C D one of these and two of
n k². Where sizes decide, both forms are written, and a line of the code compares them. Either is rounded alike: the error
of an entry is a few ε times the same entry of (|A| |B| + |C|) |D|, however much of it the subtraction cancels. What is
exactly 0 in one form, as where C was computed as A B, need not be so in the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from itertools import combinations
from math import gcd
from typing import NamedTuple, Protocol

from symderiv.codegen.order import EXACT, Pairs
from symderiv.codegen.terms import MOST_TERMS, Labels, Term, splice
from symderiv.dims import Dim, Monomial, dim_atoms, dim_product, dim_sum, dim_terms

SKEW = 16
"""by how much one size, or two, are taken to be larger than the others, or one smaller, to see what a form is worth then"""
LEAST_GAIN = 1.25
"""how many times as fast it has to be there to be worth a test"""


class Sizer(Protocol):
    """Orders of contraction, planned for typical sizes or for others."""

    def planned(self, factors: Sequence[Labels], out: Labels, dims: Sequence[Dim], sizes: Mapping[str, int] | None = None
                ) -> tuple[Pairs, float]: ...

    def typical(self, dim: Dim, sizes: Mapping[str, int] | None = None) -> int: ...


class Choice(NamedTuple):
    """Terms that a product is where ``more`` > ``less``, always if that is 0, planned for ``sizes``; ``work`` counts the
    multiplications of these and of the product, in the highest degree."""

    terms: list[Term]
    sizes: dict[str, int]
    more: Dim
    less: Dim
    work: tuple[Dim, Dim]


def multiplied_out(term: Term, place: int, inner: Sequence[Term], sizer: Sizer) -> Choice | None:
    """The product with its factor at ``place``, a sum, multiplied out; None where that gains nothing at any sizes,
    and where a term would have more factors than all orders are tried of."""
    longest = len(term.factors) - 1 + max((len(t.factors) for t in inner), default=0)
    if not 2 <= len(inner) <= MOST_TERMS or longest > EXACT or any(t.structured for t in inner) or not any(map(_is_product, inner)):
        return None
    term = replace(term, coefficient=Fraction(1))
    spliced = [splice(term, place, t) for t in inner]
    best: tuple[float, dict[str, int]] = (LEAST_GAIN, {})
    for sizes in _skewed(sorted({x for t in (term, *inner) for d in t.dims if d != 0 for x in dim_atoms(d)}), sizer):
        gain = sum(_order(t, sizer, sizes)[1] for t in (term, *inner)) / sum(_order(t, sizer, sizes)[1] for t in spliced)
        best = max(best, (gain, sizes), key=lambda found: found[0])
    sizes = best[1]
    if not sizes:
        return None
    built, out = Counter[Monomial](), Counter[Monomial]()
    for t in (term, *inner):
        built.update(_multiplications(t, _order(t, sizer)[0]))
    for t in spliced:
        out.update(_multiplications(t, _order(t, sizer, sizes)[0]))
    degree = max(map(len, (*built, *out)))
    saved = {m: built[m] - out[m] for m in {*built, *out} if len(m) == degree and built[m] != out[m]}
    if not any(c > 0 for c in saved.values()):
        return None
    saved = _reduced(saved)
    return Choice(
        spliced, sizes,
        _dim({m: c for m, c in saved.items() if c > 0}), _dim({m: -c for m, c in saved.items() if c < 0}),
        (_dim({m: c for m, c in out.items() if len(m) == degree}), _dim({m: c for m, c in built.items() if len(m) == degree})),
    )  # fmt: skip


def _skewed(atoms: Sequence[str], sizer: Sizer) -> Iterator[dict[str, int]]:
    """Sizes unlike the typical ones."""
    typical = {atom: sizer.typical(atom) for atom in atoms}
    for chosen in (*combinations(atoms, 1), *combinations(atoms, 2)):
        yield {atom: SKEW * typical[atom] for atom in chosen}
    for atom in atoms:
        yield {atom: max(typical[atom] // SKEW, 1)}


def _is_product(term: Term) -> bool:
    """Whether a term is a product of arrays that is summed over something: its entries are rounded sums."""
    return len(term.factors) > 1 and not term.carried <= set(term.out)


def _order(term: Term, sizer: Sizer, sizes: Mapping[str, int] | None = None) -> tuple[Pairs, float]:
    return sizer.planned([ls for _, ls in term.factors], term.out, term.dims, sizes)


def _multiplications(term: Term, pairs: Pairs) -> Counter[Monomial]:
    """How many multiplications the pairs take, as a polynomial; a size that is a number counts as a name."""
    groups = {k: set(ls) for k, (_, ls) in enumerate(term.factors)}
    total = Counter[Monomial]()
    for number, (a, b) in enumerate(pairs, len(groups)):
        both = groups.pop(a) | groups.pop(b)
        count = dim_product(*(term.dims[x] for x in both if not isinstance(term.dims[x], int)))
        numbers = [str(term.dims[x]) for x in both if isinstance(term.dims[x], int) and term.dims[x] != 1]
        for factor, names in dim_terms(count):
            total[tuple(sorted([*names, *numbers]))] += factor
        groups[number] = both & {*term.out, *(x for ls in groups.values() for x in ls)}
    return total


def _reduced(polynomial: Mapping[Monomial, int]) -> dict[Monomial, int]:
    """The polynomial without what all its terms have in common."""
    shared = reduce(lambda x, y: x & y, (Counter(m) for m in polynomial))
    divisor = reduce(gcd, polynomial.values())
    return {tuple(sorted((Counter(m) - shared).elements())): c // divisor for m, c in polynomial.items()}


def _dim(polynomial: Mapping[Monomial, int]) -> Dim:
    terms = [dim_product(c, *(int(x) if x.isdigit() else x for x in m)) for m, c in polynomial.items()]
    total: Dim = 0
    for term in terms:
        total = dim_sum(total, term)
    return total
