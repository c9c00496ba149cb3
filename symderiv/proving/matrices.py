"""Inverses and determinants: of products, transposes, diagonal and orthogonal matrices; of sums, by B·B⁻¹ = I."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from symderiv.build import apply, call, number, size
from symderiv.ir import Call, Expr
from symderiv.proving.terms import F1, Factor, GiveUp, Mono, Poly, Relation, to_expr

if TYPE_CHECKING:
    from symderiv.proving.forms import Forms

Chain = tuple[list[Factor], list[Factor], list[Factor]]
"""(square matrices on the path from the first axis to the second, vectors on its places, scalars)"""


def chain_of(m: Mono) -> Chain | None:
    """The monomial as a product of square matrices, diagonal ones and scalars; None where it isn't."""
    if len(m.out) != 2 or any(d != m.dims[m.out[0]] for d in m.dims):
        return None
    start, end = m.out
    matrices = [f for f in m.factors if len(f[2]) == 2 and f[2][0] != f[2][1]]
    vectors = [f for f in m.factors if len(set(f[2])) == 1]
    scalars = [f for f in m.factors if not f[2]]
    if len(matrices) + len(vectors) + len(scalars) != len(m.factors) or any(q != 1 for _, q, _ in matrices):
        return None
    place, path, left = start, [], list(matrices)
    while left:
        following = [f for f in left if place in f[2]]
        if len(following) != 1:
            return None
        path.append(following[0])
        left.remove(following[0])
        a, b = following[0][2]
        place = b if a == place else a
    if place != end or len(path) != len(m.dims) - 1:
        return None
    return path, vectors, scalars


def transposed(forms: Forms, p: Poly) -> Poly:
    return forms.ring.contract([p], [(0, 1)], (1, 0))


def oriented(forms: Forms, p: Poly) -> tuple[Poly, bool]:
    """(p or its transpose, whether it is the transpose): of the two, always the same."""
    other = transposed(forms, p)
    a, b = ([(m.degree, m.key, c) for m, c in x.ordered()] for x in (p, other))
    return (other, True) if b < a else (p, False)


def _content(forms: Forms, p: Poly) -> tuple[Fraction, Poly]:
    lead = p.terms[p.lead()]
    return lead, forms.ring.scale(1 / lead, p)


def connected(m: Mono) -> bool:
    """All factors with axes hang together by summed labels: then a pattern made of it is found in one way only."""
    rows = [set(ls) for _, _, ls in m.factors if ls]
    if not rows:
        return False
    found = rows.pop()
    while True:
        near = [r for r in rows if (r & found) - set(m.out) or r <= set(m.out) & found]
        if not near:
            return not rows
        for r in near:
            rows.remove(r)
            found |= r


# ---------------------------------------------------------------- inverse
def inverse(forms: Forms, p: Poly) -> Poly:
    """inv(AB) = inv(B) inv(A) for square A, B; inv(Aᵀ) = inv(A)ᵀ; inv(diag v) = diag(1/v)."""
    one = p.single()
    if one is not None:
        m, c = one
        chain = chain_of(m)
        if chain is not None:
            path, vectors, scalars = chain
            every = tuple(range(len(m.dims)))
            shape = tuple(m.dims)
            rest = [(a, -q, ls) for a, q, ls in (*vectors, *scalars)]
            entries = forms.ring.poly([(1 / c, rest, every, dict(enumerate(shape)))], shape)  # type: ignore[list-item]
            polys = [entries, *(_inverse_of_atom(forms, a) for a, _, _ in path)]
            labels = [every, *(tuple(reversed(ls)) for _, _, ls in path)]
            return forms.ring.contract(polys, labels, tuple(reversed(m.out)), dict(enumerate(shape)))
    if not p.terms:
        raise GiveUp("the inverse of zero")
    c, primitive = _content(forms, p)
    base, turned = oriented(forms, primitive)
    found = _inverse_of_sum(forms, base)
    return forms.ring.scale(1 / c, transposed(forms, found) if turned else found)


def _inverse_of_atom(forms: Forms, a: Expr) -> Poly:
    if a in forms.inverses:
        return forms.inverses[a]
    if a in forms.orthogonal:
        forms.ring.used[forms.orthogonal[a].text] = None
        return transposed(forms, forms.ring.atom(a))
    return _inverse_of_sum(forms, forms.ring.atom(a))


def _inverse_of_sum(forms: Forms, base: Poly) -> Poly:
    """An atom N with B·N = N·B = I."""
    node = to_expr(base)
    atom = call("inv", (node,), node.shape)
    if atom not in forms.inverses:
        forms.inverses[atom] = base
        leads = [m for m, _ in reversed(base.ordered()) if connected(m)] or [base.lead()]
        lead = leads[forms.turn % len(leads)]
        c = base.terms[lead]
        others = Poly(base.shape, {m: d for m, d in base.terms.items() if m is not lead})
        n = base.shape[0]
        unit = forms.ring.poly([(F1, [], ("i", "i"), {"i": n})], base.shape)
        own = Poly(base.shape, {forms.ring.mono([(atom, F1, (0, 1))], (0, 1), {0: n, 1: n}): F1})
        if lead.plain and lead.factors:
            i, k = lead.out
            for left in (True, False):
                pair = (others, own) if left else (own, others)
                product = forms.ring.contract(pair, [("i", "k"), ("k", "j")], ("i", "j"))
                value = forms.ring.sum([(1 / c, unit), (-1 / c, product)], base.shape)
                beside: Factor = (atom, F1, (k, -1)) if left else (atom, F1, (-1, i))
                axes = (i, -1) if left else (-1, k)
                forms.ring.relate(Relation((*lead.factors, beside), axes, value))
        _complete(forms, base, own)
    return Poly(base.shape, {forms.ring.mono([(atom, F1, (0, 1))], (0, 1), {0: base.shape[0], 1: base.shape[1]}): F1})


def _complete(forms: Forms, base: Poly, own: Poly) -> None:
    """Where B = X⁻¹ + …, also X·B·N = X and N·B·X = X: they lead where the X⁻¹ has been cancelled."""
    for m in base.terms:
        if len(m.factors) != 1 or len(base.terms) == 1 or m.factors[0][0] not in forms.inverses:
            continue
        x = forms.inverses[m.factors[0][0]]
        x = x if m.factors[0][2] == m.out else transposed(forms, x)
        for first, second in ((x, base), (base, x)):
            product = forms.ring.contract([first, second], [("i", "k"), ("k", "j")], ("i", "j"))
            pair = (product, own) if first is x else (own, product)
            product = forms.ring.contract(pair, [("i", "k"), ("k", "j")], ("i", "j"))
            forms.vanishes(forms.ring.sum([(F1, product), (-F1, x)], x.shape), "")


# ---------------------------------------------------------------- determinant
def determinant(forms: Forms, p: Poly) -> Poly:
    """det(AB) = det A det B; det(Aᵀ) = det A; det(A⁻¹) = 1/det A; det(cA) = cⁿ det A where n is a number."""
    n = p.shape[0]
    one = p.single()
    chain = chain_of(one[0]) if one else None
    if one and chain is not None and not chain[1]:
        path, _, scalars = chain
        if isinstance(n, int) or (not scalars and one[1] == 1):
            power = n if isinstance(n, int) else 0
            factors = [_determinant_of_atom(forms, a) for a, _, _ in path]
            factors += [forms.power(forms.ring.atom(a), q * power) for a, q, _ in scalars]
            return forms.ring.scale(one[1] ** power, forms.ring.times(forms.ring.constant(F1), *factors))
    return forms.ring.atom(_det("det", oriented(forms, p)[0]))


def _det(fn: str, p: Poly) -> Call:
    return call(fn, (to_expr(p),), ())


def _determinant_of_atom(forms: Forms, a: Expr) -> Poly:
    if a in forms.inverses:
        return forms.power(determinant(forms, forms.inverses[a]), -F1)
    return forms.ring.atom(_det("det", oriented(forms, forms.ring.atom(a))[0]))


def log_determinant(forms: Forms, p: Poly) -> Poly:
    """log|det AB| = log|det A| + log|det B|; log|det A⁻¹| = −log|det A|; log|det cA| = n log|c| + log|det A|."""
    one = p.single()
    chain = chain_of(one[0]) if one else None
    if one and chain is not None and not chain[1] and not chain[2]:
        rows = [(F1, _log_determinant_of_atom(forms, a)) for a, _, _ in chain[0]]
        return forms.ring.sum([*rows, (F1, _log_scale(forms, abs(one[1]), p))], ())
    if not p.terms:
        raise GiveUp("the logarithm of zero")
    c, primitive = _content(forms, p)
    rest = forms.ring.atom(_det("logdet", oriented(forms, primitive)[0]))
    return forms.ring.sum([(F1, rest), (F1, _log_scale(forms, abs(c), p))], ())


def _log_scale(forms: Forms, c: Fraction, p: Poly) -> Poly:
    if c == 1:
        return forms.ring.constant(Fraction(0))
    return forms.ring.times(forms.form(size(p.shape[0])), forms.form(apply("log", number(c))))


def _log_determinant_of_atom(forms: Forms, a: Expr) -> Poly:
    if a in forms.inverses:
        return forms.ring.scale(-F1, log_determinant(forms, forms.inverses[a]))
    if a in forms.orthogonal:
        forms.ring.used[forms.orthogonal[a].text] = None
        return forms.ring.constant(Fraction(0))
    return forms.ring.atom(_det("logdet", oriented(forms, forms.ring.atom(a))[0]))


FORMS: dict[str, Callable[[Forms, Poly], Poly]] = {"inv": inverse, "det": determinant, "logdet": log_determinant}

__all__ = ["FORMS", "inverse", "log_determinant", "transposed"]
