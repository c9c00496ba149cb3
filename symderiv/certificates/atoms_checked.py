"""The check of claims about norms, products of powers, perspectives, matrices and largest values: each step taken again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from symderiv.build import add, apply, contract, power
from symderiv.certificates.forms_checked import is_proved
from symderiv.certificates.judged import Judge, fits, on_grid, parted, turned
from symderiv.certificates.parts import of_anything, opened, with_factor
from symderiv.certificates.proof import ProofNode
from symderiv.ir import Add, Call, Contract, Expr, Map, base_and_exponent

Term = tuple[Fraction, Expr]


# ---------------------------------------------------------------- norms and products of powers
def norm(node: ProofNode, judge: Judge) -> bool:
    """√(Σ w g² + constants ≥ 0), where |g| of each child is convex; what is squared is looked for among the children."""
    e = node.expr
    if not isinstance(e, Map) or e.fn != "pow" or e.params != (Fraction(1, 2),) or node.relation != "convex":
        return False
    inside = opened(e.arg)
    by_expr = {c.expr: c for c in node.children}
    return all(
        c > 0 and _squared(opened(t), by_expr, judge)
        for c, t in (inside.terms if isinstance(inside, Add) else ((Fraction(1), inside),))
    )


def _squared(term: Expr, children: dict[Expr, ProofNode], judge: Judge) -> bool:
    moving, weights = parted(term, judge)
    if not moving:
        return judge.is_signed(term, 1)
    if len(moving) == 2 and moving[0] is moving[1] and moving[0] in children:  # gᵀ P g
        return children[moving[0]].relation == "affine" and is_proved(of_anything(term, moving[0]), (), (), judge)
    base, q = base_and_exponent(moving[0])
    return (
        len(moving) == 1
        and q == 2
        and base in children
        and _sized(children[base], judge)
        and all(judge.is_signed(w, 1) for w in weights)
    )


def _sized(child: ProofNode, judge: Judge) -> bool:
    """|g| is convex: g is affine, or convex and ≥ 0, or concave and ≤ 0."""
    return child.relation == "affine" or judge.is_signed(child.expr, 1 if child.relation == "convex" else -1)


def powers(node: ProofNode, judge: Judge) -> bool:
    """w Π g^a, or a power of it: the exponents' condition, which children may be convex, their signs, and that of w."""
    whole, q = node.expr, Fraction(1)
    e = whole
    if isinstance(whole, Map) and whole.fn == "pow":
        e, q = opened(whole.arg), whole.params[0]
        if isinstance(e, Contract) and len(set(e.out)) != len(e.dims):
            return False  # a sum to a power
    if not isinstance(e, Contract):
        return False
    moving, weights = parted(e, judge)
    powers = [base_and_exponent(f) for f in moving]
    sign = judge.sign_of(weights)
    if [c.expr for c in node.children] != [b for b, _ in powers] or sign is None or (q != 1 and sign < 0) or len(powers) < 2:
        return False
    exponents = [a * q for _, a in powers]
    above = [a for a in exponents if a > 0]
    concave = len(above) == len(exponents) and sum(above) <= 1
    if not concave and not (not above or (len(above) == 1 and sum(exponents) >= 1)):
        return False
    for (_, own), a, child in zip(powers, exponents, node.children, strict=True):
        wanted = "convex" if a > 0 and not concave else "concave"
        even = wanted == "convex" and own.denominator == 1 and own % 2 == 0 and _sized(child, judge)
        if not even and not (fits(child.relation, wanted) and judge.is_signed(child.expr, 1, strict=a < 0)):
            return False
    return node.relation == turned("concave" if concave else "convex", sign)


# ---------------------------------------------------------------- perspectives
def perspective(node: ProofNode, judge: Judge) -> bool:
    """w t f(x/t), w t f(t/x) with f = log, or w t (log t − log x): t and x affine and positive where they must be."""
    if len(node.children) != 2 or any(c.relation != "affine" for c in node.children):
        return False
    t, x = (c.expr for c in node.children)
    if t.shape != x.shape or not judge.is_signed(t, 1, strict=True):
        return False
    return _entropy(node, t, x, judge) or any(node.relation == s for s in _ratios(node.expr, t, x, judge))


def _ratios(e: Expr, t: Expr, x: Expr, judge: Judge) -> Iterator[str]:
    """The curvatures that w t f(x/t) has by that of f."""
    if not isinstance(e, Contract):
        return
    for k, j in ((k, j) for k, f in enumerate(e.factors) if f is t for j in range(len(e.factors)) if j != k):
        f = opened(e.factors[j])
        sign = judge.sign_of([w for i, w in enumerate(e.factors) if i not in (j, k)])
        if not isinstance(f, Map) or f.generic or e.labels[j] != e.labels[k] or sign is None:
            continue
        axes = tuple(range(len(t.shape)))
        if judge.same(contract((opened(f.arg), t), (axes, axes), axes), x):  # the argument is x/t
            yield from (turned(s, sign) for s in on_grid(f, judge)[0])
        inverse = f.fn == "log" and judge.is_signed(x, 1, strict=True)  # t log(t/x)
        if inverse and judge.same(contract((opened(f.arg), x), (axes, axes), axes), t):
            yield turned("convex", sign)


def _entropy(node: ProofNode, t: Expr, s: Expr, judge: Judge) -> bool:
    """c Σ w t log t − c Σ w t log s, the logarithms in one bracket or in two terms."""
    if not judge.is_signed(s, 1, strict=True):
        return False
    terms = node.expr.terms if isinstance(node.expr, Add) else ((Fraction(1), node.expr),)
    flat = [(c * b, w) for c, e in terms for b, w in _spread(opened(e))]
    if len(flat) != 2:
        return False
    logs = {t: apply("log", t), s: apply("log", s)}
    for (c, one), (b, two) in (flat, flat[::-1]):
        if b != -c or not isinstance(one, Contract):
            continue
        for place, f in enumerate(one.factors):
            if f is not logs[t] or logs[s].shape != f.shape or with_factor(one, place, logs[s]) is not two:
                continue
            at = [k for k, g in enumerate(one.factors) if g is t and one.labels[k] == one.labels[place]]
            sign = judge.sign_of([g for k, g in enumerate(one.factors) if k not in (place, *at[:1])]) if at else None
            if sign is not None and node.relation == turned("convex", sign if c > 0 else -sign):
                return True
    return False


def _spread(e: Expr) -> Iterator[Term]:
    """The terms of a product with one sum among its factors."""
    sums = [k for k, f in enumerate(e.factors) if isinstance(opened(f), Add)] if isinstance(e, Contract) else []
    if len(sums) != 1 or not isinstance(e, Contract):
        yield Fraction(1), e
        return
    inner = opened(e.factors[sums[0]])
    assert isinstance(inner, Add)
    for c, t in inner.terms:
        yield c, with_factor(e, sums[0], opened(t))


# ---------------------------------------------------------------- matrices
def matrix_fraction(node: ProofNode, judge: Judge) -> bool:
    """aᵀ X⁻¹ a, both affine and X semidefinite: so definite, where it has an inverse."""
    e = node.expr
    if not isinstance(e, Contract) or e.shape or len(e.factors) != 3 or len(node.children) != 2 or node.relation != "convex":
        return False
    (a, matrix), relations = (c.expr for c in node.children), [c.relation for c in node.children]
    found = [k for k, f in enumerate(e.factors) if isinstance(f, Call) and f.fn == "inv" and f.args[0] is matrix and not f.ders]
    if len(found) != 1 or relations != ["affine", "affine"]:
        return False
    one, two = (ls for k, ls in enumerate(e.labels) if k != found[0])
    if any(f is not a for k, f in enumerate(e.factors) if k != found[0]):
        return False
    apart = [{y, z} for y, z in zip(one, two, strict=True) if y != z]
    return apart == [set(e.labels[found[0]])] and is_proved(matrix, (0,), (1,), judge)


def log_det(node: ProofNode, judge: Judge) -> bool:
    e = node.expr
    if not isinstance(e, Call) or e.fn != "logdet" or e.ders or len(node.children) != 1:
        return False
    (child,) = node.children
    affine = child.expr is e.args[0] and child.relation == "affine"
    return affine and node.relation == "concave" and is_proved(child.expr, (0,), (1,), judge)


# ---------------------------------------------------------------- largest values
def largest(node: ProofNode, judge: Judge) -> bool:
    """The larger of two convex children, or the smaller of two concave ones; or c Σ w of the larger of two convex ones, beside
    what a third child is: concave where c Σ w is not positive."""
    wanted = "convex" if node.rule == "pointwise maximum" else "concave"
    if node.relation != wanted or len(node.children) not in (2, 3) or node.children[0].expr.shape != node.children[1].expr.shape:
        return False
    (low, high), others = node.children[:2], node.children[2:]
    if not others and _fit((low, high), wanted) and low.expr.shape == node.expr.shape:
        first, second, sense = (low.expr, high.expr, 1) if wanted == "convex" else (high.expr, low.expr, -1)
        chosen = add([(Fraction(1), low.expr), (Fraction(sense), _beyond(second, first))], low.expr.shape)
        if judge.same(node.expr, chosen):
            return True
    return _fit((low, high), "convex") and _fit(others, wanted) and _weighted_maximum(node, low.expr, high.expr, judge)


def _fit(children: Sequence[ProofNode], wanted: str) -> bool:
    return all(fits(c.relation, wanted) for c in children)


def _beyond(high: Expr, low: Expr) -> Expr:
    """max(high − low, 0)."""
    return apply("relu", add([(Fraction(1), high), (Fraction(-1), low)], low.shape))


def _weighted_maximum(node: ProofNode, low: Expr, high: Expr, judge: Judge) -> bool:
    """Whether the whole is c Σ w max(low, high) and the third child, with the sense of c w."""
    gap, sense = _beyond(high, low), 1 if node.relation == "convex" else -1
    larger = add([(Fraction(1), low), (Fraction(1), gap)], low.shape)
    for c, t in node.expr.terms if isinstance(node.expr, Add) else ():
        whole = opened(t)
        for place, f in enumerate(whole.factors) if isinstance(whole, Contract) else ():
            assert isinstance(whole, Contract)
            sign = judge.sign_of([w for j, w in enumerate(whole.factors) if j != place]) if f is gap else None
            if sign is not None and sign * c * sense > 0:
                shown = [(c, with_factor(whole, place, larger)), *((Fraction(1), o.expr) for o in node.children[2:])]
                if judge.same(node.expr, add(shown, node.expr.shape)):
                    return True
    return False


def huber(node: ProofNode, judge: Judge) -> bool:
    """c Σ w (g² − max(|g| − δ, 0)²) with c, w, δ ≥ 0 and g affine, beside what a second child is."""
    if node.relation != "convex" or not 1 <= len(node.children) <= 2 or not isinstance(node.expr, Add):
        return False
    g, others = node.children[0], node.children[1:]
    if g.relation != "affine" or any(not fits(c.relation, "convex") for c in others):
        return False
    for c, t in node.expr.terms:
        whole = opened(t)
        factors = whole.factors if isinstance(whole, Contract) else (whole,)
        for place, f in enumerate(factors):
            if c > 0 or not _is_clipped(f, g.expr, judge):
                continue
            square = with_factor(whole, place, power(g.expr, 2)) if isinstance(whole, Contract) else power(g.expr, 2)
            shown = [(-c, square), (c, whole), *((Fraction(1), o.expr) for o in others)]
            weights = [w for j, w in enumerate(factors) if j != place]
            if judge.sign_of(weights) == 1 and judge.same(node.expr, add(shown, node.expr.shape)):
                return True
    return False


def _is_clipped(f: Expr, g: Expr, judge: Judge) -> bool:
    """Whether f is max(|g| − δ, 0)² with δ ≥ 0 free of the variables."""
    base, q = base_and_exponent(f)
    base = opened(base)
    if q != 2 or not isinstance(base, Map) or base.fn != "relu":
        return False
    margin = add([(Fraction(1), apply("abs", g)), (Fraction(-1), base.arg)], g.shape) if base.arg.shape == g.shape else g
    return not judge.moves(margin) and judge.is_signed(margin, 1)


__all__ = ["huber", "largest", "log_det", "matrix_fraction", "norm", "perspective", "powers"]
