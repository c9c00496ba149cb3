"""Σ_s A_s X_s X_s − Σ_s B_s X_s X_s is one product: what all terms of a sum have is taken out, its summed label included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from symderiv.build import add, contract
from symderiv.codegen.terms import Term
from symderiv.ir import Expr

Row = tuple[Expr, tuple[int, ...]]

LEAST = 3
"""axes of a result that this is worth it for"""


class Shared(NamedTuple):
    """``rows`` are the common factors, labelled as those of the first term are; ``rest`` has the axes ``labels``."""

    rows: list[Row]
    rest: Expr
    labels: tuple[int, ...]
    summed: int


def shared(terms: Sequence[Term], order: int) -> Shared | None:
    """The factors that all terms have at one summed label, where the sum of what is left has fewer axes than the result."""
    if len(terms) < 2 or order < LEAST or any(t.has_delta for t in terms):
        return None
    for s in sorted(terms[0].carried - set(terms[0].out)):
        found = _touching(terms[0], s)
        labels = [s]
        for t in terms[1:]:
            choices = [(found & _touching(t, x), x) for x in sorted(t.carried - set(t.out))]
            if not choices:
                return None
            found, x = max(choices, key=lambda pair: (pair[0].total(), -pair[1]))
            labels.append(x)
        if found:
            result = _taken(terms, labels, found, order)
            if result is not None:
                return result
    return None


def _touching(term: Term, s: int) -> Counter[Row]:
    """The factors that hold s and output axes, no other summed label; s is written −1."""
    out = set(term.out)
    rows = [(f, ls) for f, ls in term.factors if ls.count(s) == 1 and len(ls) > 1 and all(x == s or x in out for x in ls)]
    return Counter((f, tuple(-1 if x == s else x for x in ls)) for f, ls in rows)


def _taken(terms: Sequence[Term], labels: Sequence[int], found: Counter[Row], order: int) -> Shared | None:
    lefts = []
    for t, s in zip(terms, labels, strict=True):
        gone, left = Counter(found), []
        for f, ls in t.factors:
            row = f, tuple(-1 if x == s else x for x in ls)
            if gone[row]:
                gone[row] -= 1
            else:
                left.append((f, ls))
        lefts.append(left)
    used = {x for left in lefts for _, ls in left for x in ls}
    kept = tuple(x for x in range(order) if x in used)
    if len(kept) + 1 >= order or not all(any(s in ls for _, ls in left) for left, s in zip(lefts, labels, strict=True)):
        return None
    if any(x not in {y for _, ls in left for y in ls} for left in lefts for x in kept):
        return None
    parts = [(t.coefficient, contract([f for f, _ in left], [ls for _, ls in left], (s, *kept),
                                      {x: t.dims[x] for x in {s, *kept, *(x for _, ls in left for x in ls)}}))
             for t, s, left in zip(terms, labels, lefts, strict=True)]
    s, dims = labels[0], terms[0].dims
    rest = add(parts, (dims[s], *(dims[x] for x in kept)))
    rows = [(f, tuple(s if x < 0 else x for x in ls)) for f, ls in found.elements()]
    return Shared(rows, rest, (s, *kept), s)
