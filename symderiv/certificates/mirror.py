"""Mirror halves: a contraction A(L, l) M(l, r) A(R, r) whose right half is its left half with other labels.

A mirror is an involution of the labels that exchanges the left output labels with the right ones and takes the factors
to each other. Factors that are their own image stand in the middle: on labels that stay in place they are weights, on
pairs they are matrices. All others must hang on one side only; then the whole is a sum, over the labels that stay, of
congruences Aᵀ M A, which has the sign of the product of what is in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from symderiv.build import axis_classes, permute
from symderiv.ir import Call, Contract, Expr

MOST_FACTORS = 14
MOST_MIRRORS = 60


@dataclass(frozen=True)
class Middle:
    """A factor that is its own image, and which of its axes mirror each other (the others stay in place)."""

    factor: int
    left: tuple[int, ...]
    right: tuple[int, ...]


@dataclass(frozen=True)
class Mirror:
    """``image`` is the involution of labels; ``swapped`` are the factors of the left half."""

    image: tuple[int, ...]
    middle: tuple[Middle, ...]
    swapped: tuple[int, ...]

    def fixed(self, label: int) -> bool:
        return self.image[label] == label


def mirrors(node: Contract, left: Sequence[int], right: Sequence[int]) -> Iterator[Mirror]:
    """Mirrors of a contraction, at most `MOST_MIRRORS` of them."""
    if len(node.factors) > MOST_FACTORS:
        return
    start: dict[int, int] = {}
    for a, b in zip(left, right, strict=True):
        if not _join(start, node.out[a], node.out[b]):
            return
    for position, x in enumerate(node.out):
        if position not in (*left, *right) and not _join(start, x, x):
            return
    found = 0
    for image, partner in _involutions(node, start):
        made = _sided(node, image, partner, left, right)
        if made is not None:
            found += 1
            yield made
            if found >= MOST_MIRRORS:
                return


def _join(image: dict[int, int], x: int, y: int) -> bool:
    return image.setdefault(x, y) == y and image.setdefault(y, x) == x


def _involutions(node: Contract, start: Mapping[int, int]) -> Iterator[tuple[dict[int, int], dict[int, int]]]:
    """(labels to labels, factors to factors); matrices and pairs of equal factors before single weights."""
    stack: list[tuple[dict[int, int], dict[int, int]]] = [(dict(start), {})]
    tried = 0
    while stack:
        image, partner = stack.pop()
        open_factors = [k for k in range(len(node.factors)) if k not in partner]
        tried += 1
        if tried > 3000:
            return
        if not open_factors:
            if len(image) == len(node.dims):
                yield image, partner
            continue
        k = max(open_factors, key=lambda f: (sum(x in image for x in node.labels[f]), -f))
        choices = []
        for j in open_factors:
            if node.factors[j] is node.factors[k]:
                for labels in _spelled(node, j):
                    new = dict(image)
                    if all(_join(new, x, y) for x, y in zip(node.labels[k], labels, strict=True)):
                        choices.append((new, {**partner, k: j, j: k}))
        stack.extend(reversed(choices))


def _spelled(node: Contract, factor: int) -> Iterator[tuple[int, ...]]:
    """The factor's labels, interchangeable axes in every order."""
    classes, labels = axis_classes(node.factors[factor]), node.labels[factor]
    for order in permutations(range(len(labels))):
        if all(classes[k] == classes[j] for k, j in enumerate(order)):
            yield tuple(labels[j] for j in order)
    half = len(labels) // 2
    if len(labels) >= 4 and halves_mirror(node.factors[factor]):
        yield labels[half:] + labels[:half]


def halves_mirror(node: Expr) -> bool:
    """Whether exchanging the first half of the axes with the second leaves the value as it is."""
    half = len(node.shape) // 2
    if node.shape[:half] != node.shape[half:]:
        return False
    if isinstance(node, Call) and node.abstract and len(node.ders) == 2 and node.ders[0] == node.ders[1]:
        return len(node.args[node.ders[0]].shape) == half
    order = (*range(half, 2 * half), *range(half))
    return half > 0 and permute(node, order) is node


def _sided(
    node: Contract, image: Mapping[int, int], partner: Mapping[int, int], left: Sequence[int], right: Sequence[int]
) -> Mirror | None:
    """The mirror, if every label that moves belongs to one side, and factors that move don't join the sides."""
    moving = [x for x in range(len(node.dims)) if image[x] != x]
    side: dict[int, int] = {}
    work: list[tuple[int, int]] = []
    for a, b in zip(left, right, strict=True):
        if node.out[a] != node.out[b]:
            work.extend(((node.out[a], 0), (node.out[b], 1)))
    pending = list(moving)
    while True:
        while work:
            x, s = work.pop()
            if x in side:
                if side[x] != s:
                    return None
                continue
            side[x] = s
            work.append((image[x], 1 - s))
            for k, ls in enumerate(node.labels):
                if x in ls and partner[k] != k:
                    work.extend((y, s) for y in ls if image[y] != y)
        pending = [x for x in pending if x not in side]
        if not pending:
            break
        work.append((pending[0], 0))
    middle = []
    for k, ls in enumerate(node.labels):
        if partner[k] == k:
            here = [a for a, x in enumerate(ls) if image[x] != x and side[x] == 0]
            there = []
            for a in here:
                match = [b for b, y in enumerate(ls) if y == image[ls[a]] and b not in there]
                if not match:
                    return None
                there.append(match[0])
            if len(here) + len(there) != sum(image[x] != x for x in ls):
                return None
            middle.append(Middle(k, tuple(here), tuple(there)))
    swapped = tuple(k for k, ls in enumerate(node.labels) if partner[k] != k and any(side.get(x) == 0 for x in ls))
    if len(middle) + 2 * len(swapped) != len(node.factors):
        return None
    return Mirror(tuple(image[x] for x in range(len(node.dims))), tuple(middle), swapped)


__all__ = ["Middle", "Mirror", "halves_mirror", "mirrors"]
