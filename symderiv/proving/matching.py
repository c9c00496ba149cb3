"""Where a relation's pattern occurs in a term."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import permutations
from typing import TYPE_CHECKING

from symderiv.build import axis_classes
from symderiv.ir import Expr

MOST_TRIALS = 400

if TYPE_CHECKING:
    from symderiv.proving.terms import Label, Open, Relation


def matches(
    relation: Relation, factors: Sequence[Open], out: tuple[Label, ...], tick: Callable[[], None]
) -> Iterator[tuple[list[Open], dict[Label, Label]]]:
    """(the other factors, where the pattern's labels stand): summed labels of the pattern must occur in it alone."""
    pattern = relation.pattern
    stack: list[tuple[int, dict[Label, Label], dict[int, Fraction]]] = [(0, {}, {})]
    for _ in range(MOST_TRIALS):
        if not stack:
            return
        tick()
        k, at, taken = stack.pop()
        if k == len(pattern):
            rest = [(a, q - taken.get(j, Fraction(0)), ls) for j, (a, q, ls) in enumerate(factors)]
            rest = [row for row in rest if row[1]]
            summed = {at[x] for x in at if x not in relation.out}
            if (
                len(summed) == sum(x not in relation.out for x in at)
                and not summed & set(out)
                and not any(summed & set(ls) for _, _, ls in rest)
                and not summed & {at[x] for x in relation.out}
            ):
                yield rest, at
            continue
        atom, q, ls = pattern[k]
        for j, (a, r, lj) in enumerate(factors):
            left = r - taken.get(j, Fraction(0))
            if a is not atom or not (left >= q > 0 or left <= q < 0):
                continue
            for spelled in _spellings(a, lj):
                new = dict(at)
                if all(new.setdefault(x, y) == y for x, y in zip(ls, spelled, strict=True)):
                    stack.append((k + 1, new, {**taken, j: taken.get(j, Fraction(0)) + q}))


def _spellings(a: Expr, labels: tuple[Label, ...]) -> Iterator[tuple[Label, ...]]:
    """The labels, interchangeable axes in every order."""
    classes = axis_classes(a)
    if len(set(classes)) == len(classes):
        yield labels
        return
    for order in permutations(range(len(labels))):
        if all(classes[k] == classes[j] for k, j in enumerate(order)):
            yield tuple(labels[j] for j in order)


__all__ = ["matches"]
