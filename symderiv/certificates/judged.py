"""What the claims of a proof tree are judged by: the facts that count, signs by intervals and by numbers, equal values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import inf

from symderiv.build import apply
from symderiv.certificates.proof import ProofNode
from symderiv.facts import Facts
from symderiv.intervals import Intervals, is_negative, is_nonpositive
from symderiv.ir import Contract, Expr, Map, Symbol, depends

TOLERANCE = 1e-9
WIDEST = 20.0
TURNED = {"affine": "affine", "convex": "concave", "concave": "convex"}
DIRECTED = "symmetric directions"
"""the one rule whose claim isn't about all directions"""
ABOUT = {
    "matrix": ("⪰", "≻", "⪯", "≺"),
    "entries": ("≥", ">", "≤", "<"),
    "function": ("convex", "concave", "affine"),
}


@dataclass(frozen=True)
class Judge:
    """One tree's facts (those that it lists, and those of the domain), its variables, and how many points are tried."""

    facts: Facts
    wrt: tuple[Symbol, ...]
    structures: tuple[str, ...]
    trials: int = 8
    seed: int = 0

    @cached_property
    def signs(self) -> Intervals:
        return Intervals(self.facts)

    def moves(self, e: Expr) -> bool:
        return any(depends(e, x) for x in self.wrt)

    def is_signed(self, e: Expr, sign: int, strict: bool = False) -> bool:
        """Whether every entry has the sign, by its interval; numbers must not speak against it."""
        where = self.signs.of(e)
        if sign > 0:
            told = where.positive if strict else where.nonnegative
        else:
            told = is_negative(where) if strict else is_nonpositive(where)
        low, high = self.ends(e)
        return told and (low >= 0 if sign > 0 else high <= 0)

    def sign_of(self, weights: Sequence[Expr]) -> int | None:
        """+1 or −1 where the product of weights free of the variables has one sign (in the wide sense), else None."""
        sign = 1
        for w in weights:
            if self.moves(w):
                return None
            if self.is_signed(w, 1):
                continue
            if not self.is_signed(w, -1):
                return None
            sign = -sign
        return sign

    def ends(self, e: Expr) -> tuple[float, float]:
        """The least and the largest entry seen, rounding taken as zero."""
        from symderiv.proving.numeric.definite import spectrum

        found = spectrum(e, (), (), self.facts, self.trials, self.seed)
        low = found.least.value if found.least else 0.0
        high = found.most.value if found.most else 0.0
        return (0.0 if abs(low) < TOLERANCE else low), (0.0 if abs(high) < TOLERANCE else high)

    def same(self, a: Expr, b: Expr) -> bool:
        """Whether both are one node, or have the same values at random points."""
        from symderiv.verify import same_value

        return a.shape == b.shape and (a is b or same_value(a, b, self.facts, self.trials).verdict in ("checked", "proved"))


def is_well_formed(node: ProofNode, judge: Judge) -> bool:
    """The claim is one that can be made of such an expression, and its children are claims that hold everywhere."""
    second = node.rule == "second derivative"
    if node.relation not in ABOUT[node.kind] or any(c.rule == DIRECTED and not second for c in node.children):
        return False
    if any((c.kind == "function") != (node.kind == "function") for c in node.children) and not second:
        return False
    if node.kind == "function":
        return tuple(node.detail["wrt"]) == judge.wrt
    shape, axes = node.expr.shape, (*node.left, *node.right)
    return (
        bool(node.left) == (node.kind == "matrix")
        and len(set(axes)) == len(axes)
        and set(axes) <= set(range(len(shape)))
        and [shape[a] for a in node.left] == [shape[b] for b in node.right]
    )


def holds(node: ProofNode, judge: Judge) -> bool:
    """The claim at random points: eigenvalues of its form, its entries, or second differences along lines have the sign."""
    from symderiv.proving.numeric.definite import second_differences, spectrum

    if node.kind == "function":
        low, high = second_differences(node.expr, judge.wrt, judge.facts, judge.trials, judge.seed)
        return not (low and node.relation != "concave") and not (high and node.relation != "convex")
    along = node.rule == DIRECTED and next(filter(None, judge.structures), "symmetric")
    found = spectrum(node.expr, node.left, node.right, judge.facts, judge.trials, judge.seed, along)
    end = found.least if node.sign > 0 else found.most
    return end is None or node.sign * end.relative >= -TOLERANCE  # a strict sign may round to zero


def is_weaker(claim: ProofNode, known: ProofNode) -> bool:
    """Whether a claim of a form has the sign of another one on the same axes, and isn't stricter."""
    return (
        (claim.left, claim.right, claim.sign) == (known.left, known.right, known.sign)
        and known.kind == claim.kind
        and (known.strict or not claim.strict)
    )


def fits(relation: str, wanted: str) -> bool:
    return relation in (wanted, "affine")


def turned(relation: str, sign: Fraction | int) -> str:
    return relation if sign > 0 else TURNED[relation]


def parted(e: Expr, judge: Judge) -> tuple[list[Expr], list[Expr]]:
    """(factors that depend on the variables, the others)."""
    factors = e.factors if isinstance(e, Contract) else (e,)
    return [f for f in factors if judge.moves(f)], [f for f in factors if not judge.moves(f)]


def on_grid(e: Map, judge: Judge, outer: Callable[[Expr], Expr] = lambda e: e) -> tuple[set[str], set[str]]:
    """How an elementwise function, under another one, bends and rises over the interval of its argument."""
    from symderiv.proving.numeric.definite import shape_on_grid

    where = judge.signs.of(e.arg)
    low = -inf if where.lo is None else float(where.lo)
    high = inf if where.hi is None else float(where.hi)
    near = min(max(low, 0.0), high)  # the part of the interval that is nearest to zero
    return shape_on_grid(lambda t: outer(apply(e.fn, t, e.params, e.order)), max(low, near - WIDEST), min(high, near + WIDEST))


__all__ = ["DIRECTED", "TOLERANCE", "Judge", "fits", "holds", "is_weaker", "is_well_formed", "on_grid", "parted", "turned"]
