"""Whether a difference vanishes: its form, denominators multiplied out, inverses on its axes multiplied away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from symderiv.dims import Dim
from symderiv.ir import Expr
from symderiv.proving.forms import Forms
from symderiv.proving.matrices import transposed
from symderiv.proving.terms import Label, Mono, Open, Poly, Work, to_expr

Way = Callable[[Forms, Poly], tuple[Expr, Poly] | None]

ROUNDS = 8
MOST_TERMS = 40


@dataclass(frozen=True)
class Decision:
    """``zero`` is true only if the two sides are equal; then ``form`` is what both came to."""

    zero: bool
    form: Expr | None
    multiplied: tuple[Expr, ...] = ()


def decide(forms: Forms, lhs: Expr, rhs: Expr) -> Decision:
    """Whether lhs − rhs is zero by prove's form; raises GiveUp beyond the budget."""
    forms.divisors(lhs, rhs)
    left, right = forms.form(lhs), forms.form(rhs)
    difference = forms.ring.sum([(Fraction(1), left), (Fraction(-1), right)], left.shape)
    if not difference:
        return Decision(True, to_expr(left))
    for ways in ((_denominator, _inverse), (_inverse, _denominator)):
        rest, by = _multiplied(forms, difference, ways)
        if not rest or _by_entries(forms, rest):
            return Decision(True, to_expr(left), tuple(by))
        if not forms.inverses:
            break
    return Decision(False, None)


def _multiplied(forms: Forms, p: Poly, ways: Sequence[Way]) -> tuple[Poly, list[Expr]]:
    """(what is left after multiplying by what isn't zero, the factors), the first way that applies at each turn."""
    by: list[Expr] = []
    most = max(MOST_TERMS, 4 * len(p.terms))
    for _ in range(ROUNDS):
        if len(p.terms) > most:
            break  # it grows, and doesn't cancel
        step = next((found for way in ways if (found := way(forms, p)) is not None), None)
        if step is None:
            break
        factor, p = step
        by.append(factor)
        if not p:
            break
    return p, by


def _by_entries(forms: Forms, p: Poly) -> bool:
    """Whether Σ_x T(x) vanishes because T(x) does, for a summed label x of all terms that a denominator carries."""
    for where in _common_labels(p):
        out_shape: tuple[Dim, ...] = ()
        works: list[Work] = []
        for m, c in p.terms.items():
            x = where[m]
            works.append((c, list(m.factors), (*m.out, x), dict(enumerate(m.dims))))
            out_shape = (*p.shape, m.dims[x])
        freed = forms.ring.poly(works, out_shape)
        for _ in range(ROUNDS):
            step = _denominator(forms, freed)
            if step is None:
                break
            freed = step[1]
            if not freed:
                return True
        if not freed or _by_entries(forms, freed):
            return True
    return False


def _common_labels(p: Poly) -> list[dict[Mono, int]]:
    """Ways to pick a summed label in each term: at the one place of a factor that all have, or the only one."""
    if not any(q < 0 and not set(ls) <= set(m.out) for m in p.terms for _, q, ls in m.factors):
        return []
    found: list[dict[Mono, int]] = []
    first = next(iter(p.terms))
    for atom, q, ls in first.factors:
        for axis in range(len(ls)):
            rows: dict[Mono, int] = {}
            for m in p.terms:
                places = [lm[axis] for a, r, lm in m.factors if a is atom and r == q]
                if len(places) != 1 or places[0] in m.out:
                    break
                rows[m] = places[0]
            if len(rows) == len(p.terms):
                found.append(rows)
    inner = {m: [x for x in range(len(m.dims)) if x not in m.out] for m in p.terms}
    if all(len(xs) == 1 for xs in inner.values()) and len({str(m.dims[xs[0]]) for m, xs in inner.items()}) == 1:
        found.append({m: xs[0] for m, xs in inner.items()})
    return found[:6]


def _denominator(forms: Forms, p: Poly) -> tuple[Expr, Poly] | None:
    """p times the power of a denominator on output axes that clears it; it isn't zero where p is defined."""
    found: dict[tuple[Expr, tuple[int, ...]], int] = {}
    for m in p.terms:
        for a, q, ls in m.factors:
            if q < 0 and a not in forms.exponents and q.denominator == 1 and set(ls) <= set(m.out):
                places = tuple(m.out.index(x) for x in ls)
                found[a, places] = max(found.get((a, places), 0), int(-q))
    if not found:
        return None
    (atom, places), k = min(found.items(), key=lambda row: (-row[0][0].weight, row[0][0].digest, row[0][1]))
    works: list[Work] = []
    for m, c in p.terms.items():
        labels: tuple[Label, ...] = tuple(m.out[x] for x in places)
        factors: list[Open] = [*m.factors, (atom, Fraction(k), labels)]
        works.append((c, _merged(factors), m.out, dict(enumerate(m.dims))))
    return atom, forms.ring.poly(works, p.shape)


def _merged(factors: list[Open]) -> list[Open]:
    *rest, (atom, k, labels) = factors
    for j, (a, q, ls) in enumerate(rest):
        if a is atom and ls == labels:
            rest[j] = (a, q + k, ls)
            return [row for row in rest if row[1]]
    return factors


def _inverse(forms: Forms, p: Poly) -> tuple[Expr, Poly] | None:
    """p times B along an axis on which the inverse of a sum B stands: B is invertible, so nothing is lost."""
    found: dict[tuple[Expr, int, int], None] = {}
    for m in p.terms:
        for a, q, ls in m.factors:
            if a in forms.inverses and len(forms.inverses[a].terms) > 1 and q == 1:
                for axis, x in enumerate(ls):
                    if x in m.out:
                        found[a, axis, m.out.index(x)] = None
    if not found:
        return None
    atom, axis, place = min(found, key=lambda row: (-row[0].weight, row[0].digest, row[1:]))
    base = forms.inverses[atom]
    labels: tuple[Label, ...] = tuple(range(len(p.shape)))
    out = tuple("new" if x == place else x for x in labels)
    matrix = base if axis == 0 else transposed(forms, base)
    return atom, forms.ring.contract([matrix, p], [("new", place), labels], out)


__all__ = ["Decision", "decide"]
