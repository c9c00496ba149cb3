"""Perspectives of convex functions: x²/t, t log(t/x), relative entropies."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symderiv.build import add, contract, power
from symderiv.certificates.parts import distributed, opened, with_factor
from symderiv.certificates.proof import ProofNode
from symderiv.ir import Add, Contract, Expr, Map, base_and_exponent

if TYPE_CHECKING:
    from symderiv.certificates.compose import Composition


def perspective(search: Composition, node: Contract) -> ProofNode | None:
    """Σ w t f(x/t) with t > 0 affine, x affine and f convex or concave; also where t is told as a factor of x/t's inverse."""
    moving = [k for k, f in enumerate(node.factors) if search.moves(f)]
    if len(moving) != 2:
        return None
    for first, second in (moving, moving[::-1]):
        t, outer = node.factors[first], opened(node.factors[second])
        if isinstance(outer, Add) and node.labels[first] == node.labels[second]:
            found = _log_ratio(search, node, t, outer, [f for k, f in enumerate(node.factors) if k not in moving])
            if found is not None:
                return found
        if not isinstance(outer, Map) or outer.generic or outer.fn == "pow":
            continue
        ratio = _ratio(search, outer.arg, t)
        if ratio is None or ratio[1].shape != t.shape or node.labels[first] != node.labels[second]:
            continue
        sense, over, proofs = ratio
        search.signs.used.clear()
        if not search.signs.of(t).positive or (sense < 0 and not search.signs.of(over).positive):
            continue
        convexity, _ = search.facts_of(outer)
        if sense < 0:  # t f(t/x) is a perspective of f(1/s): told for the logarithm alone
            convexity = "convex" if outer.fn == "log" else None
        used = search.used()
        sign = search.sign_of([f for k, f in enumerate(node.factors) if k not in moving])
        if convexity not in ("convex", "concave") or sign is None:
            continue
        shape = convexity if sign > 0 else {"convex": "concave", "concave": "convex"}[convexity]
        return search.made(node, shape, "perspective", proofs, tuple(dict.fromkeys((*used, *search.used()))))
    return None


def _log_ratio(search: Composition, node: Expr, t: Expr, outer: Add, weights: list[Expr]) -> ProofNode | None:
    """t (log t − log s), with t and s affine and positive: the perspective of −log."""
    if len(outer.terms) != 2 or any(not isinstance(opened(m), Map) for _, m in outer.terms):
        return None
    logs = [(c, m) for c, e in outer.terms if isinstance(m := opened(e), Map) and m.fn == "log"]
    own = next(((c, m) for c, m in logs if m.arg is t), None)
    other = next(((c, m) for c, m in logs if m.arg is not t), None)
    if own is None or other is None or own[0] != -other[0]:
        return None
    return _relative_entropy(search, node, t, other[1].arg, own[0], weights)


def _relative_entropy(
    search: Composition, node: Expr, t: Expr, s: Expr, c: Fraction, weights: list[Expr]
) -> ProofNode | None:
    known = [p for p in map(search.prove, (t, s)) if p is not None and p.relation == "affine"]
    sign = search.sign_of(weights)
    if len(known) < 2 or sign is None or not search.signs.of(t).positive or not search.signs.of(s).positive:
        return None
    return search.made(node, "convex" if c * sign > 0 else "concave", "perspective", known, search.used())


def entropies(search: Composition, node: Add) -> ProofNode | None:
    """c Σ w t log t − c Σ w t log s, beside other terms."""
    for k, (c, one) in enumerate(node.terms):
        whole = opened(one)
        if not isinstance(whole, Contract):
            continue
        for place, f in enumerate(whole.factors):
            if not isinstance(f, Map) or f.fn != "log":
                continue
            for j, (b, two) in enumerate(node.terms):
                found = _paired_logs(search, whole, place, f, two) if j != k and b == -c else None
                if found is None:
                    continue
                rest = add([term for i, term in enumerate(node.terms) if i not in (j, k)], node.shape)
                wanted = "convex" if (c > 0) == (found.relation == "convex") else "concave"
                others = search.prove(rest)
                if others is not None and others.relation in (wanted, "affine"):
                    return search.made(node, wanted, "sum of functions", (found, others))
    return None


def _paired_logs(search: Composition, whole: Contract, place: int, f: Map, two: Expr) -> ProofNode | None:
    """That w t log t − w t log s is convex, where ``whole`` is w t log t and ``two`` w t log s."""
    second = opened(two)
    at = next((k for k, t in enumerate(whole.factors) if t is f.arg and whole.labels[k] == whole.labels[place]), None)
    if at is None or not isinstance(second, Contract):
        return None
    for g in second.factors:
        if not isinstance(g, Map) or g.fn != "log" or g.shape != f.shape:
            continue
        if with_factor(whole, place, g) is second:
            weights = [w for k, w in enumerate(whole.factors) if k not in (place, at)]
            both = add([(1, whole), (-1, second)], whole.shape)
            if any(search.moves(w) for w in weights):
                return None
            return _relative_entropy(search, both, f.arg, g.arg, Fraction(1), weights)
    return None


def _ratio(search: Composition, arg: Expr, t: Expr) -> tuple[int, Expr, list[ProofNode]] | None:
    """(1, x, …) where arg is x/t, (−1, x, …) where it is t/x, with t and x affine."""
    arg = opened(arg)
    if not isinstance(arg, Add | Contract) or t.shape != arg.shape:
        return None
    axes = tuple(range(len(t.shape)))
    over = distributed(contract((arg, t), (axes, axes), axes))
    under = contract((power(arg, -1), t), (axes, axes), axes)
    for sense, x in ((1, over), (-1, under)):
        if base_and_exponent(x)[1] > 0 and not any(
            search.moves(f) and base_and_exponent(f)[1] < 0 for f in (x.factors if isinstance(x, Contract) else (x,))
        ):
            proofs = [search.prove(e) for e in (t, x)]
            known = [p for p in proofs if p is not None and p.relation == "affine"]
            if len(known) == 2:
                return sense, x, known
    return None


__all__ = ["entropies", "perspective"]
