"""Inverses: of products, transposes, diagonal and orthogonal matrices; of sums, by B·B⁻¹ = I."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symderiv.build import call
from symderiv.ir import Expr
from symderiv.proving.terms import F1, Factor, GiveUp, Label, Mono, Open, Poly, Relation, to_expr

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


def content_of(p: Poly) -> tuple[Fraction, Poly]:
    """(the coefficient of the largest monomial, the sum with coefficient one there)."""
    lead = p.terms[p.lead()]
    return lead, Poly(p.shape, {m: c / lead for m, c in p.terms.items()})


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
            rest: list[Open] = [(a, -q, ls) for a, q, ls in (*vectors, *scalars)]
            entries = forms.ring.poly([(1 / c, rest, every, dict(enumerate(shape)))], shape)
            polys = [entries, *(inverse_of_atom(forms, a) for a, _, _ in path)]
            labels = [every, *(tuple(reversed(ls)) for _, _, ls in path)]
            return forms.ring.contract(polys, labels, tuple(reversed(m.out)), dict(enumerate(shape)))
    if not p.terms:
        raise GiveUp("the inverse of zero")
    c, primitive = content_of(p)
    base, turned = oriented(forms, primitive)
    found = _inverse_of_sum(forms, base)
    return forms.ring.scale(1 / c, transposed(forms, found) if turned else found)


def inverse_of_atom(forms: Forms, a: Expr) -> Poly:
    """The inverse of a square matrix that stands in a product."""
    if a in forms.inverses:
        return forms.inverses[a]
    if a in forms.orthogonal:
        forms.ring.used[forms.orthogonal[a].text] = None
        return transposed(forms, forms.ring.atom(a))
    return _inverse_of_sum(forms, forms.ring.atom(a))


def inverse_call(base: Poly) -> Expr:
    """The node of the inverse of a sum or an atom, whether it is known or not."""
    return call("inv", (to_expr(base),), base.shape)


def _inverse_of_sum(forms: Forms, base: Poly) -> Poly:
    """An atom N with B·N = N·B = I."""
    atom = inverse_call(base)
    own = Poly(base.shape, {forms.ring.mono([(atom, F1, (0, 1))], (0, 1), dict(enumerate(base.shape))): F1})
    if atom not in forms.inverses:
        forms.inverses[atom] = base
        leads = [m for m, _ in reversed(base.ordered()) if connected(m)] or [base.lead()]
        lead = leads[forms.turn % len(leads)]
        others = Poly(base.shape, {m: d for m, d in base.terms.items() if m is not lead})
        if lead.factors:
            _lead_away(forms, lead, base.terms[lead], others, own)
        complete(forms, atom)
    return own


def _lead_away(forms: Forms, lead: Mono, c: Fraction, others: Poly, own: Poly) -> None:
    """lead·N = (I − others·N)/c, and N·lead = (I − N·others)/c."""
    n = own.shape[0]
    atom = next(iter(own.terms)).factors[0][0]
    unit = forms.ring.poly([(F1, [], ("i", "i"), {"i": n})], own.shape)
    i, k = lead.out
    for left in (True, False):
        pair = (others, own) if left else (own, others)
        product = forms.ring.contract(pair, [("i", "k"), ("k", "j")], ("i", "j"))
        value = forms.ring.sum([(1 / c, unit), (-1 / c, product)], own.shape)
        beside: Open = (atom, F1, (k, "end")) if left else (atom, F1, ("end", i))
        axes: tuple[Label, ...] = (i, "end") if left else ("end", k)
        forms.ring.relate(Relation((*lead.factors, beside), axes, value))


def complete(forms: Forms, atom: Expr) -> None:
    """Where B = X + … and Z·X = I is known, Z·B·N = Z and N·B·Z = Z: they lead where the X has been cancelled."""
    base = forms.inverses[atom]
    own = Poly(base.shape, {forms.ring.mono([(atom, F1, (0, 1))], (0, 1), dict(enumerate(base.shape))): F1})
    for m in base.terms:
        if len(m.factors) != 1 or len(base.terms) == 1 or m.factors[0][1] != 1 or len(m.factors[0][2]) != 2 or not m.plain:
            continue
        x = m.factors[0][0]
        z = forms.inverses.get(x)
        if z is None:
            plain = forms.ring.atom(x)
            partner = inverse_call(plain)
            other = inverse_call(transposed(forms, plain))
            known = partner if partner in forms.inverses else other if other in forms.inverses else None
            if known is None or (known, atom) in forms.completed:
                continue
            forms.completed.add((known, atom))
            z = forms.ring.atom(known)
            z = z if known is partner else transposed(forms, z)
        z = z if m.factors[0][2] == m.out else transposed(forms, z)
        for first, second in ((z, base), (base, z)):
            product = forms.ring.contract([first, second], [("i", "k"), ("k", "j")], ("i", "j"))
            pair = (product, own) if first is z else (own, product)
            product = forms.ring.contract(pair, [("i", "k"), ("k", "j")], ("i", "j"))
            forms.vanishes(forms.ring.sum([(F1, product), (-F1, z)], z.shape), "")


__all__ = ["chain_of", "complete", "content_of", "inverse", "inverse_call", "inverse_of_atom", "oriented", "transposed"]
