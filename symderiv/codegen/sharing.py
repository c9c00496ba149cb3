"""Σ_k L x_k as L Σ_k x_k: what terms of a sum have in common at a summed label is applied once, to the sum of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from symderiv.build import add, contract
from symderiv.codegen.terms import ENTRY, Planner, Term
from symderiv.ir import Expr

Row = tuple[Expr, tuple[int, ...]]

MOST = 12
"""terms of a sum that are looked at"""


class Merged(NamedTuple):
    """One term in the place of two; ``rest`` is the factor that is the sum of what they don't share."""

    term: Term
    rest: Expr
    saved: float


def merged(terms: Sequence[Term], order: int, planner: Planner) -> tuple[list[Term], list[Expr]]:
    """The terms, fewer where that takes less time, and the sums that they have as factors now."""
    found, rests = list(terms), []
    while 1 < len(found) <= MOST:
        options = [(one, i, j) for i, j in combinations(range(len(found)), 2)
                   if (one := _pair(found[i], found[j], order, planner)) is not None]
        if not options:
            break
        best, i, j = max(options, key=lambda option: (option[0].saved, -option[1], -option[2]))
        found = [best.term, *(t for k, t in enumerate(found) if k not in (i, j))]
        rests.append(best.rest)
    return found, rests


def unsummed(terms: Sequence[Term]) -> Iterator[tuple[Expr, tuple[int, ...]]]:
    """What a sum of several terms is the sum of, over one label of each, −1 now; and its axes: first or last that label."""
    summed = [[x for x in t.carried if x not in t.out] for t in terms]
    sizes = {t.dims[x] for t, s in zip(terms, summed, strict=True) for x in s}
    if len(terms) < 2 or len(sizes) > 1 or any(t.structured or len(s) != 1 for t, s in zip(terms, summed, strict=True)):
        return
    out = sorted(set(terms[0].out))
    dims = {**{x: terms[0].dims[x] for x in out}, -1: sizes.pop()}
    for axes in ((-1, *out), (*out, -1)):
        rows = [[(f, tuple(-1 if x == s else x for x in ls)) for f, ls in t.factors] for t, (s,) in zip(terms, summed, strict=True)]
        parts = [(t.coefficient, contract([f for f, _ in row], [ls for _, ls in row], axes)) for t, row in zip(terms, rows, strict=True)]
        yield add(parts, tuple(dims[x] for x in axes)), axes


def _pair(a: Term, b: Term, order: int, planner: Planner) -> Merged | None:
    """The best way to make one term of two, if one saves time."""
    if a.has_delta or b.has_delta or a.carried & set(a.out) != b.carried & set(b.out):
        return None
    best: Merged | None = None
    for s in sorted(a.carried - set(a.out)):
        here = _touching(a, s)
        for x in sorted(b.carried - set(b.out)) if here else ():
            common = here & _touching(b, x)
            found = _taken((a, b), (s, x), common, order, planner) if common else None
            if found is not None and found.saved > (best.saved if best else 0):
                best = found
    return best


def _touching(term: Term, s: int) -> Counter[Row]:
    """The factors that hold s and output axes, no other summed label; s is written −1."""
    out = set(term.out)
    rows = [(f, ls) for f, ls in term.factors if ls.count(s) == 1 and len(ls) > 1 and all(x == s or x in out for x in ls)]
    return Counter((f, tuple(-1 if x == s else x for x in ls)) for f, ls in rows)


def _taken(terms: Sequence[Term], labels: Sequence[int], common: Counter[Row], order: int, planner: Planner) -> Merged | None:
    lefts = []
    for t, s in zip(terms, labels, strict=True):
        gone, left = Counter(common), []
        for f, ls in t.factors:
            row = f, tuple(-1 if x == s else x for x in ls)
            if gone[row]:
                gone[row] -= 1
            else:
                left.append((f, ls))
        lefts.append(left)
    used = [{x for _, ls in left for x in ls} for left in lefts]
    kept = tuple(x for x in range(order) if any(x in u for u in used))
    if any(not {*kept, s} <= u for u, s in zip(used, labels, strict=True)):
        return None
    first = terms[0]
    parts, time = [], 0.0
    for t, s, left in zip(terms, labels, lefts, strict=True):
        axes = (*kept, s) if order < 3 else (s, *kept)
        dims = {x: t.dims[x] for x in {*axes, *(x for _, ls in left for x in ls)}}  # no others: they'd be summed
        inner = contract([f for f, _ in left], [ls for _, ls in left], axes, dims)
        parts.append((t.coefficient / first.coefficient, inner))
        time += planner.time(t) - planner.time(Term(t.coefficient, tuple(left), axes, t.dims))
    s = labels[0]
    axes = (*kept, s) if order < 3 else (s, *kept)
    rest = add(parts, tuple(first.dims[x] for x in axes))
    rows = [(f, tuple(s if x < 0 else x for x in ls)) for f, ls in common.elements()]
    term = Term(first.coefficient, (*rows, (rest, axes)), first.out, first.dims)
    time += ENTRY * (planner.entries(term) - planner.entries(term, axes))
    return Merged(term, rest, time - planner.time(term))
