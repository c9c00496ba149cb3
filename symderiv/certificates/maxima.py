"""Largest and smallest values, told as sums with relu or |·|, and Huber's function."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symderiv.build import add, power
from symderiv.certificates.parts import opened, with_factor
from symderiv.certificates.proof import ProofNode
from symderiv.ir import Add, Contract, Expr, Map, base_and_exponent

if TYPE_CHECKING:
    from symderiv.certificates.compose import Composition


def pointwise_maximum(search: Composition, node: Add) -> ProofNode | None:
    """r + c relu(d) is the larger of r and r + c d; r + c |d| that of r + c d and r − c d."""
    for k, (c, t) in enumerate(node.terms):
        found = _lone(opened(t))
        if found is None:
            continue
        fn, d = found
        rest = [term for j, term in enumerate(node.terms) if j != k]
        low = add([*rest, (-c, d)] if fn == "abs" else rest, node.shape)
        high = add([*rest, (c, d)], node.shape)
        wanted = "convex" if c > 0 else "concave"
        proofs = [search.prove(e) for e in (low, high)]
        known = [p for p in proofs if p is not None and p.relation in (wanted, "affine")]
        if len(known) == 2:
            return search.made(node, wanted, "pointwise maximum" if c > 0 else "pointwise minimum", known)
    return None


def sums_of_maxima(search: Composition, node: Add) -> ProofNode | None:
    """c Σ w b + c Σ w relu(d) is c Σ w max(b, b + d), entry by entry, beside other terms: b and b + d are convex in either sense."""
    for k, (c, t) in enumerate(node.terms):
        whole = opened(t)
        if not isinstance(whole, Contract):
            continue
        for place, f in enumerate(whole.factors):
            if not (isinstance(f, Map) and f.fn == "relu" and isinstance(f.arg, Add)):
                continue
            weights = [g for j, g in enumerate(whole.factors) if j != place]
            if any(search.moves(g) for g in weights):
                continue
            rest = [term for j, term in enumerate(node.terms) if j != k]
            base: list[tuple[Fraction, Expr]] = []
            for a, part in f.arg.terms:
                shown = add([(a, with_factor(whole, place, part))], node.shape)
                ((b, inside),) = shown.terms if isinstance(shown, Add) and len(shown.terms) == 1 else ((1, shown),)
                at = next((j for j, (e, s) in enumerate(rest) if s is inside and e * b * c < 0), None)
                if at is not None and abs(rest[at][0]) >= abs(c * b):
                    rest[at] = (rest[at][0] + c * b, rest[at][1])
                    base.append((-a, part))
            sign = search.sign_of(weights)
            if not base or sign is None:
                continue
            wanted = "convex" if c * sign > 0 else "concave"
            low = add(base, f.shape)
            rest = [(e, s) for e, s in rest if e]
            parts = [(low, "convex"), (add([(1, low), (1, f.arg)], f.shape), "convex")]
            parts += [(add(rest, node.shape), wanted)] if rest else []
            known = [p for e, sense in parts if (p := search.prove(e)) is not None and p.relation in (sense, "affine")]
            if len(known) == len(parts):
                rule = "pointwise maximum" if wanted == "convex" else "pointwise minimum"
                return search.made(node, wanted, rule, known, search.used())
    return None


def _lone(term: Expr) -> tuple[str, Expr] | None:
    """(relu or abs, its argument summed as the term sums the function)."""
    if isinstance(term, Map) and term.fn in ("relu", "abs"):
        return term.fn, term.arg
    return None


def huber(search: Composition, node: Add) -> ProofNode | None:
    """c Σ w g² − c Σ w relu(|g| − δ)² with g affine and δ ≥ 0, beside convex terms: what Huber's function makes of g."""
    for k, (c, t) in enumerate(node.terms):
        if c >= 0:
            continue
        for j, (b, square) in enumerate(node.terms):
            if b < -c or j == k:
                continue
            g = _clipped_square(search, t, square)
            if g is None:
                continue
            rest = [term for i, term in enumerate(node.terms) if i not in (j, k)]
            rest += [(b + c, square)] if b + c else []
            left = search.prove(add(rest, node.shape)) if rest else None
            if not rest or (left is not None and left.relation in ("affine", "convex")):
                children = [g] if left is None else [g, left]
                return search.made(node, "convex", "Huber function", children, search.used())
    return None


def _clipped_square(search: Composition, clipped: Expr, square: Expr) -> ProofNode | None:
    """That g is affine, where the terms are w relu(|g| − δ)² and w g²."""
    clipped, square = opened(clipped), opened(square)
    parts = clipped.factors if isinstance(clipped, Contract) else (clipped,)
    for k, f in enumerate(parts):
        base, q = base_and_exponent(f)
        base = opened(base)
        if q != 2 or not isinstance(base, Map) or base.fn != "relu" or not isinstance(base.arg, Add):
            continue
        for c, t in base.arg.terms:
            if c != 1 or not isinstance(t, Map) or t.fn != "abs":
                continue
            margin = add([(-b, s) for b, s in base.arg.terms if s is not t], base.shape)
            swapped = power(t.arg, 2)
            if isinstance(clipped, Contract):
                swapped = with_factor(clipped, k, swapped)
            if swapped is not square or search.moves(margin):
                continue
            sign = search.sign_of([p for i, p in enumerate(parts) if i != k])
            inner = search.prove(t.arg)
            if sign == 1 and inner is not None and inner.relation == "affine" and search.signs.of(margin).nonnegative:
                return inner
    return None


__all__ = ["huber", "pointwise_maximum", "sums_of_maxima"]
