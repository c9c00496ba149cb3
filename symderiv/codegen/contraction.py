"""One product of several arrays, contracted pair by pair into the array program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, permutations
from math import prod
from typing import NamedTuple

from symderiv.codegen.kernels import leading
from symderiv.codegen.order import MANY, Pairs, contraction_order
from symderiv.codegen.program import Program
from symderiv.codegen.symmetry import symmetric_in
from symderiv.codegen.terms import Term
from symderiv.dims import Dim, dim_product, dim_terms

Labels = tuple[int, ...]
Factor = tuple[int, Labels]
TYPICAL = 64


class Square(NamedTuple):
    """A product that is its own mirror image: Σ half · middle · the half again, with the output labels ``ends`` exchanged.

    ``shared`` are the labels that both halves have, ``inner`` those of the middle.
    """

    half: list[Factor]
    middle: list[Factor]
    shared: set[int]
    inner: set[int]
    ends: tuple[int, int]
    out: Labels
    dims: Mapping[int, Dim]


class Contractor:
    """Plans contractions with typical sizes; the sizes given by name are used where there are any."""

    def __init__(self, program: Program, sizes: Mapping[str, int]) -> None:
        self.program = program
        self.sizes = sizes
        self.leading: set[Dim] = set()
        """sizes of axes that stand first where they can"""
        self.summed_later: set[int] = set()
        """labels of the product that is being made that the next one sums over"""
        self.any_order = False
        """the product asked for isn't a result: how its axes lie is free"""
        self.whole_is_symmetric = False
        """the product asked for is a result of four axes in which the first two can change places with the last two"""

    def typical(self, dim: Dim, sizes: Mapping[str, int] | None = None) -> int:
        """The size that is planned with; ``sizes`` go before the typical ones."""
        if isinstance(dim, int):
            return dim
        total = 0
        for factor, atoms in dim_terms(dim):
            for atom in atoms:
                factor *= (sizes or self.sizes).get(atom) or self.sizes.get(atom, TYPICAL)
            total += factor
        return max(total, 2)

    def contract(self, factors: Sequence[Factor], out: Labels, dims: Mapping[int, Dim]) -> int:
        """Σ over the labels not in ``out`` of the product; every output label is carried by a factor, none repeats."""
        if not factors:
            return self.program.emit("number", (), Fraction(1), ())
        lying = self.forward(out, dims) if self.any_order and len(out) > 2 else out
        if lying != out:
            return self.arranged((self.contract(factors, lying, dims), lying), out)
        simple = [self.diagonal(f) for f in factors]
        carriers: dict[int, int] = {}
        for _, ls in simple:
            for x in ls:
                carriers[x] = carriers.get(x, 0) + 1
        simple = [self.reduce(f, {x for x in f[1] if carriers[x] == 1 and x not in out}) for f in simple]
        symmetric = self.symmetric(simple, out, dims) if len(simple) > 1 else None
        if symmetric is not None:
            return symmetric
        if len(simple) == 1:
            return self.arranged(simple[0], out)
        if 2 < len(simple) <= MANY:
            simple = self.with_known(simple, out, dims)
        pairs, _ = self.planned([ls for _, ls in simple], out, dims)
        return self.arranged(self.follow(pairs, simple, out, dims), out)

    def with_known(self, factors: list[Factor], out: Labels, dims: Mapping[int, Dim]) -> list[Factor]:
        """The factors, with products of two of them that were computed before, where these take no more time."""
        while len(factors) > 2:
            time = self.planned([ls for _, ls in factors], out, dims)[1]
            for a, b in combinations(range(len(factors)), 2):
                rest = [f for k, f in enumerate(factors) if k not in (a, b)]
                needed = {*out, *(x for _, ls in rest for x in ls)}
                found = self.known(factors[a], factors[b], needed & {*factors[a][1], *factors[b][1]}, dims)
                if found is not None and self.planned([ls for _, ls in (found, *rest)], out, dims)[1] <= time:
                    factors = [found, *rest]
                    break
            else:
                break
        return factors

    def planned(
        self, factors: Sequence[Labels], out: Labels, dims: Mapping[int, Dim] | Sequence[Dim], sizes: Mapping[str, int] | None = None
    ) -> tuple[Pairs, float]:
        """The order in which factors with these labels are joined, and its modelled time; see `typical` for ``sizes``."""
        carried = sorted({x for ls in factors for x in ls})
        bit = {x: 1 << k for k, x in enumerate(carried)}
        masks = tuple(sum(bit[x] for x in set(ls)) for ls in factors)
        kept = sum(bit[x] for x in set(out) if x in bit)
        return contraction_order(masks, kept, tuple(self.typical(dims[x], sizes) for x in carried)) if len(masks) > 1 else ((), 0.0)

    def known(self, left: Factor, right: Factor, kept: set[int], dims: Mapping[int, Dim]) -> Factor | None:
        """The product of two, if the program has it already, in any order of its axes."""
        self.program.probing = True
        try:
            for out in (None, *permutations(sorted(kept))) if len(kept) < 3 else (None,):
                for one, other in ((left, right), (right, left)):
                    try:
                        return self.pair(one, other, kept, out, dims)
                    except LookupError:
                        continue
        finally:
            self.program.probing = False
        return None

    def follow(self, pairs: Pairs, factors: Sequence[Factor], out: Labels, dims: Mapping[int, Dim]) -> Factor:
        """The factors, joined in the order that was planned."""
        groups: dict[int, Factor] = dict(enumerate(factors))
        carriers: dict[int, int] = {}
        for x in (x for _, ls in factors for x in ls):
            carriers[x] = carriers.get(x, 0) + 1
        for number, (a, b) in enumerate(pairs, len(factors)):
            left, right = groups.pop(a), groups.pop(b)
            for x in set(left[1]) & set(right[1]):
                carriers[x] -= 1
            kept = {
                x for x in (*left[1], *right[1]) if x in out or carriers[x] > 1 or (x in left[1]) != (x in right[1])
            }
            self.summed_later = kept - set(out)
            groups[number] = self.pair(left, right, kept, out if kept == set(out) else None, dims)
        self.summed_later = set()
        (result,) = groups.values()
        return result

    def time(self, term: Term) -> float:
        """The modelled time of a term."""
        return self.planned([ls for _, ls in term.factors], term.out, term.dims)[1]

    def entries(self, term: Term, labels: Iterable[int] | None = None) -> float:
        """The entries of a term's result, as it is when its δ is written out, or of an array with these labels."""
        return prod(float(self.typical(term.dims[x])) for x in (term.out if labels is None else labels))

    # ------------------------------------------------------------ single factors
    def diagonal(self, factor: Factor) -> Factor:
        position, labels = factor
        once = tuple(dict.fromkeys(labels))
        if once == labels:
            return factor
        names = {x: k for k, x in enumerate(once)}
        dims = self.program.ops[position].dims
        spec = (tuple(names[x] for x in labels), tuple(range(len(once))))
        return self.program.emit("diagonal", (position,), spec, [dims[labels.index(x)] for x in once]), once

    def reduce(self, factor: Factor, summed: set[int]) -> Factor:
        position, labels = factor
        if not summed:
            return factor
        op = self.program.ops[position]
        if op.kind == "diagonal" and len(summed) == len(labels) == 1 and op.spec[0] == (0, 0):
            return self.program.emit("trace", op.args, None, ()), ()
        axes = tuple(k for k, x in enumerate(labels) if x in summed)
        kept = tuple(x for x in labels if x not in summed)
        dims = [d for k, d in enumerate(op.dims) if k not in axes]
        return self.keep_sign(self.program.emit("reduce", (position,), axes, dims), position), kept

    def arranged(self, factor: Factor, out: Labels) -> int:
        position, labels = factor
        if labels == out:
            return position
        order = tuple(labels.index(x) for x in out)
        dims = self.program.ops[position].dims
        return self.keep_sign(self.program.emit("transpose", (position,), order, [dims[k] for k in order]), position)

    def keep_sign(self, position: int, *arguments: int) -> int:
        if all(a in self.program.nonnegative for a in arguments):
            self.program.nonnegative.add(position)
        return position

    # ------------------------------------------------------------ pairs
    def pair(self, left: Factor, right: Factor, kept: set[int], out: Labels | None, dims: Mapping[int, Dim]) -> Factor:
        """The product of two, summed over what is no longer needed; ``out`` asks for an order of the axes."""
        (a, la), (b, lb) = left, right
        if len(lb) > len(la) and kept >= {*la, *lb}:
            a, la, b, lb = b, lb, a, la
        if kept >= {*la, *lb}:
            order = out or self.forward(la + tuple(x for x in lb if x not in la), dims)
            spec = (tuple(order.index(x) for x in la), tuple(order.index(x) for x in lb))
            position = self.program.emit("product", (a, b), spec, [dims[x] for x in order])
            if (a, la) == (b, lb):
                self.program.nonnegative.add(position)
            return self.keep_sign(position, a, b), order
        batch = tuple(x for x in la if x in lb and x in kept)
        free_a = tuple(x for x in la if x not in lb)
        free_b = tuple(x for x in lb if x not in la)
        if out is None and len(la) == len(lb) == 2 and la[0] in lb and lb[1] in la:
            a, la, b, lb, free_a, free_b = b, lb, a, la, free_b, free_a  # B @ A needs no transposition
        if batch and not free_a and not free_b:
            found = self.known((a, la), (b, lb), {*la, *lb}, dims)
            if found is not None:  # computed entry by entry before
                return self.reduce(found, {*la, *lb} - kept)
        natural = batch + free_a + free_b
        if out is None and self.forward(natural, dims) != natural and len(free_a) == len(free_b) == 1:
            a, la, b, lb, natural = b, lb, a, la, natural[::-1]
        if out is not None and out == batch + free_b + free_a and free_a and free_b:
            a, la, b, lb, natural = b, lb, a, la, out
        summed = [x for x in la if x in lb and x not in kept]
        if len(summed) == 1 and len(la) == 2 and la[0] == summed[0] and symmetric_in(self.program, a, 0, 1):
            la = la[::-1]  # read so that it needs no transposition
        if len(summed) == 1 and len(lb) == 2 and lb[1] == summed[0] and symmetric_in(self.program, b, 0, 1):
            lb = lb[::-1]
        if len(summed) == 1 and not batch:
            natural = leading(la, lb, summed[0]) or natural
        names = {x: k for k, x in enumerate(dict.fromkeys((*la, *lb)))}
        labels = tuple(tuple(names[x] for x in ls) for ls in (la, lb, natural))
        position = self.program.emit("contract", (a, b), labels, [dims[x] for x in natural])
        return self.keep_sign(position, a, b), natural

    def forward(self, labels: Labels, dims: Mapping[int, Dim]) -> Labels:
        """The axes of a matrix, those of samples first; of a larger array also those that the next product sums, last."""
        if len(labels) < 2:
            return labels
        last = self.summed_later if len(labels) > 2 else set()
        return tuple(sorted(labels, key=lambda x: 0 if dims[x] in self.leading else 2 if x in last else 1))

    # ------------------------------------------------------------ Aᵀ A
    def symmetric(self, factors: Sequence[Factor], out: Labels, dims: Mapping[int, Dim]) -> int | None:
        """Tᵀ diag(m) T with m ≥ 0 as (√m T)ᵀ (√m T), half the work of a general product; None where it isn't that."""
        places = combinations(range(len(out)), 2)
        for i, j in sorted(places, key=lambda p: (p[1] != len(out) - 1, (p[1] - p[0]) * 2 != len(out), p)):
            ends = out[i], out[j]
            found = self.mirrored(factors, *ends) if dims[out[i]] == dims[out[j]] else None
            if found is None or any(x in out for x in (*found[2], *found[2].values()) if x not in ends):
                continue
            left, middle, paired = found
            half, rest = [factors[k] for k in left], [factors[k] for k in middle]
            square = Square(half, rest, {x for _, ls in half for x in ls} - set(paired), {x for _, ls in rest for x in ls}, ends, out, dims)
            result = self.gram(square)
            if result is None:
                result = self.blocks(square)
            if result is not None:
                return result
        return None

    def mirrored(self, factors: Sequence[tuple[object, Labels]], i: int, j: int) -> tuple[list[int], list[int], dict[int, int]] | None:
        """(left half, middle, left label to right label) if exchanging i and j maps the product onto itself."""
        paired = {i: j}
        work, left, used = [i], [], set[int]()
        while work:
            x = work.pop()
            for f, (value, ls) in enumerate(factors):
                if f in used or x not in ls:
                    continue
                for g, (other, ms) in enumerate(factors):
                    if g == f or g in used or other != value or paired[x] not in ms:
                        continue
                    new = {p: q for p, q in zip(ls, ms, strict=True) if p != q and p not in paired}
                    if (
                        all(paired.get(p, new.get(p, p)) == q for p, q in zip(ls, ms, strict=True))
                        and i not in ms
                        and not set(new) & (set(paired.values()) | set(new.values()))
                    ):
                        paired.update(new)
                        work.extend(new)
                        left.append(f)
                        used |= {f, g}
                        break
                else:
                    return None
        either = set(paired) | set(paired.values())
        middle = [k for k in range(len(factors)) if k not in used]
        return None if any(set(factors[k][1]) & either for k in middle) else (left, middle, paired)

    def gram(self, q: Square) -> int | None:
        """(√m T)ᵀ (√m T), for each entry of what is batched; None where m may be negative or holds an end."""
        batch = tuple(x for x in q.out if x in q.shared)
        summed = tuple(x for x in sorted(q.shared, key=lambda x: (q.dims[x] not in self.leading, x)) if x not in q.out)
        if not summed or not (q.inner & set(q.out)) <= q.shared or set(q.out) != {*q.ends, *batch}:
            return None
        half = list(q.half)
        if q.middle:
            if not all(position in self.program.nonnegative for position, _ in q.middle):
                return None
            touching = tuple(x for x in (*batch, *summed) if x in q.inner)
            weight = self.contract(q.middle, touching, q.dims)
            root = self.program.emit("map", (weight,), ("pow", (Fraction(1, 2),)), [q.dims[x] for x in touching])
            half.append((root, touching))
        i, j = q.ends
        position = self.contract(half, (*batch, *summed, i), q.dims)
        lead = [q.dims[x] for x in batch]
        if len(summed) > 1:
            rows = dim_product(*(q.dims[x] for x in summed))
            position = self.program.emit("reshape", (position,), None, [*lead, rows, q.dims[i]])
        n = len(batch)
        head = tuple(range(n))
        spec = ((*head, n, n + 1), (*head, n, n + 2), (*head, n + 1, n + 2))
        result = self.program.emit("contract", (position, position), spec, [*lead, q.dims[i], q.dims[j]])
        return self.arranged((result, (*batch, i, j)), q.out)

    # ------------------------------------------------------------ Tᵀ M_i T
    def blocks(self, q: Square) -> int | None:
        """Σ_s M_s Y_s Yᵀ_s, of order 3 or 4, where the middle carries the other axes: made block by block."""
        summed = [x for x in q.shared if x not in q.out]
        others = tuple(x for x in q.out if x not in q.ends)
        if len(summed) != 1 or q.shared & set(q.out) or not {*others, *summed} <= q.inner or len(others) not in (1, 2):
            return None
        (s,) = summed
        half = self.contract(q.half, (s, q.ends[0]), q.dims)
        if len(others) == 1:
            rest = self.contract(q.middle, (*others, s), q.dims)
            natural: Labels = (*others, *q.ends)
            spec = "slices"
        else:
            rest = self.contract(q.middle, (s, *others), q.dims)
            rest = self.arranged((rest, (s, *others)), (others[0], s, others[1]))
            natural = (others[0], q.ends[0], others[1], q.ends[1])
            spec = "mirrored" if self.mirrored_output(natural, q.out) or symmetric_in(self.program, rest, 0, 2) else "all"
        position = self.program.emit("slabs", (rest, half), spec, [q.dims[x] for x in natural])
        return self.arranged((position, natural), q.out)

    def mirrored_output(self, natural: Labels, out: Labels) -> bool:
        """Whether this is a result that is known to be its own mirror image."""
        return self.whole_is_symmetric and natural == out
