"""Factors of a sum, entry by entry: what powers, logarithms and roots need, what denominators are made of."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING

from symderiv.dims import Dim
from symderiv.ir import Expr
from symderiv.proving.terms import F1, Factor, Label, Mono, Open, Poly, Relation, Work, to_expr

if TYPE_CHECKING:
    from symderiv.proving.forms import Forms

LARGEST_FACTORED = 30
Variable = tuple[Expr, tuple[int, ...]]
"""an atom at labels"""
Powers = dict[Variable, Fraction]
Product = tuple[Fraction, list[Factor]]
"""coefficient and factors, their labels the positions of the sum's axes"""


def factorised(forms: Forms, p: Poly) -> Product | None:
    """p = c · Π atom^q, entry by entry; sums and contractions are atoms too. None for sums with δ, and for zero."""
    common: Powers = {}
    for _ in range(12):
        if not p.terms or not all(m.plain for m in p.terms):
            return None
        rows = [(_variables(forms, m), c) for m, c in p.ordered()]
        least: Powers = {}
        for variable in {v: None for row, _ in rows for v in row}:
            q = min(row.get(variable, Fraction(0)) for row, _ in rows)
            if q:
                least[variable] = q
        for v, q in least.items():
            common[v] = common.get(v, Fraction(0)) + q
        rest = [({v: row.get(v, Fraction(0)) - least.get(v, 0) for v in (*row, *least)}, c) for row, c in rows]
        rest = [({v: q for v, q in row.items() if q}, c) for row, c in rest]
        if len(rest) == 1:
            return rest[0][1], _listed(common)
        above = [v for row, _ in rest for v, q in row.items() if q > 0 and v[0] in forms.sums]
        if all(_component(forms, a) for a, _ in above):
            c, factors = _numerator(forms, rest, p)
            for v, q in factors:
                common[v] = common.get(v, Fraction(0)) + q
            return c, _listed(common)
        p = _rebuilt(forms, rest, p)
    return None


def _listed(common: Powers) -> list[Factor]:
    return [(a, q, ls) for (a, ls), q in common.items() if q]


def _component(forms: Forms, atom: Expr) -> bool:
    """A contraction that stands for itself: expanded, it is one monomial."""
    return len(forms.sums[atom].terms) == 1


def _variables(forms: Forms, m: Mono) -> Powers:
    """The monomial as a product of entries: factors that share summed labels are one atom."""
    outer = set(m.out)
    owner: dict[int, int] = {}
    root = list(range(len(m.factors)))

    def find(k: int) -> int:
        while root[k] != k:
            k = root[k]
        return k

    for k, (_, _, ls) in enumerate(m.factors):
        for x in ls:
            if x not in outer:
                root[find(k)] = find(owner.setdefault(x, k))
    groups: dict[int, list[int]] = {}
    for k in range(len(m.factors)):
        groups.setdefault(find(k), []).append(k)
    found: Powers = {}
    for group in groups.values():
        rows = [m.factors[k] for k in group]
        if len(rows) == 1 and set(rows[0][2]) <= outer:
            atom, q, ls = rows[0]
        else:
            ls = tuple(sorted({x for _, _, row in rows for x in row} & outer))
            part = forms.ring.mono(rows, ls, dict(enumerate(m.dims)))
            atom, q = forms.summed(Poly(tuple(m.dims[x] for x in ls), {part: F1})), F1
        found[atom, ls] = found.get((atom, ls), Fraction(0)) + q
    return found


def _rebuilt(forms: Forms, rows: Sequence[tuple[Powers, Fraction]], p: Poly) -> Poly:
    labels: tuple[Label, ...] = tuple(range(len(p.shape)))
    works: list[Work] = []
    for row, c in rows:
        works.append((c, [(a, q, ls) for (a, ls), q in row.items()], labels, dict(enumerate(p.shape))))
    return forms.ring.poly(works, p.shape)


def _numerator(
    forms: Forms, rows: list[tuple[Powers, Fraction]], p: Poly
) -> tuple[Fraction, list[tuple[Variable, Fraction]]]:
    """Irreducible factors of a sum without common factors, where it is small; else the sum itself."""
    variables = list({v: None for row, _ in rows for v in row})
    if len(rows) <= LARGEST_FACTORED and len(variables) <= 10:
        found = _factor_list(forms, rows, variables, p)
        if found is not None:
            return found
    c, atom, ls = _primitive(forms, _rebuilt(forms, rows, p))
    return c, [((atom, ls), F1)]


def _factor_list(
    forms: Forms, rows: list[tuple[Powers, Fraction]], variables: list[Variable], p: Poly
) -> tuple[Fraction, list[tuple[Variable, Fraction]]] | None:
    import sympy as sp

    scales = {v: lcm(*(row[v].denominator for row, _ in rows if v in row)) for v in variables}
    if max(sum(q * scales[v] for v, q in row.items()) for row, _ in rows) > 24:
        return None
    symbols = sp.symbols(f"v:{len(variables)}")
    content: dict[tuple[int, ...], sp.Rational] = {}
    for row, c in rows:
        key = tuple(int(row.get(v, 0) * scales[v]) for v in variables)
        content[key] = content.get(key, 0) + sp.Rational(c.numerator, c.denominator)
    lead, factors = sp.factor_list(sp.Poly(content, *symbols, domain="QQ"))
    c = Fraction(int(lead.p), int(lead.q))
    result = []
    for factor, times in factors:
        part = []
        for exponents, d in factor.terms():
            row = {v: Fraction(e, scales[v]) for v, e in zip(variables, exponents, strict=True) if e}
            part.append((row, Fraction(int(d.p), int(d.q))))
        if len(part) == 1 and len(part[0][0]) == 1:
            ((v, q),) = part[0][0].items()
            c *= part[0][1] ** times
            result.append((v, q * times))
            continue
        d, atom, ls = _primitive(forms, _rebuilt(forms, part, p))
        c *= d**times
        result.append(((atom, ls), Fraction(times)))
    return c, result


def _primitive(forms: Forms, p: Poly) -> tuple[Fraction, Expr, tuple[int, ...]]:
    """(content, the sum as an atom on the axes that it depends on, these axes)."""
    rows = p.ordered()
    content = Fraction(gcd(*(c.numerator for _, c in rows)), lcm(*(c.denominator for _, c in rows)))
    if rows[-1][1] < 0:
        content = -content
    reduced, axes = forms.reduced(forms.ring.scale(1 / content, p))
    return content, forms.summed(reduced), axes


def register(forms: Forms, p: Poly) -> Expr:
    """The sum as an atom s; from now on lead(s)·s⁻¹ is replaced by 1 − (the rest of s)·s⁻¹."""
    atom = to_expr(p)
    if atom in forms.sums:
        return atom
    forms.sums[atom] = p
    lead = p.lead()
    c = p.terms[lead]
    labels: tuple[Label, ...] = tuple(range(len(p.shape)))
    sizes: dict[Label, Dim] = dict(enumerate(p.shape))
    works: list[Work] = [(1 / c, [], labels, sizes)]
    for m, d in p.terms.items():
        if m is not lead:
            factors: list[Open] = [*m.factors, (atom, -F1, labels)]
            works.append((-d / c, factors, labels, {**sizes, **dict(enumerate(m.dims))}))
    pattern: tuple[Open, ...] = (*lead.factors, (atom, -F1, labels))
    forms.ring.relate(Relation(pattern, labels, forms.ring.poly(works, p.shape)))
    return atom


__all__ = ["factorised", "register"]
