"""Functions of the table in prove's form: exp, log, sin, cos, the step function, and those known by parity alone."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from symderiv.build import apply, number, power, scale
from symderiv.frontend.rows import definition_of
from symderiv.intervals import is_nonpositive
from symderiv.ir import Call, Expr, Map, number_of
from symderiv.proving import factors as factoring
from symderiv.proving.determinants import log_determinant
from symderiv.proving.terms import F1, Factor, Mono, Poly, Relation, mono_expr, to_expr

if TYPE_CHECKING:
    from symderiv.proving.forms import Forms

LARGEST_NUMBER = 10**6
MOST_ANGLES = 4


def euler(forms: Forms) -> Poly:
    return exponential(forms, forms.ring.constant(F1))


# ---------------------------------------------------------------- exp and log
def exponential(forms: Forms, p: Poly) -> Poly:
    """exp(Σ c m) = Π exp(m)^c; exp(c log s) = s^c."""
    result: list[Factor] = []
    whole: list[tuple[Mono, Fraction]] = []
    for m, c in p.ordered():
        if not m.plain:
            whole.append((m, c))
            continue
        axes = tuple(sorted({x for _, _, ls in m.factors for x in ls} & set(m.out)))
        if (
            len(m.factors) == 1
            and m.factors[0][1] == 1
            and m.factors[0][0] in forms.logarithms
            and set(m.factors[0][2]) <= set(m.out)
        ):
            result.extend(forms.atom_power(forms.logarithms[m.factors[0][0]], c, m.factors[0][2]))
            continue
        part = forms.ring.mono(m.factors, axes, dict(enumerate(m.dims)))
        atom = apply("exp", mono_expr(part))
        if atom not in forms.exponents:
            forms.exponents[atom] = Poly(atom.shape, {part: F1})
        result.append((atom, c, axes))
    made = forms.product(F1, result, p)
    if whole:
        rest = Poly(p.shape, dict(whole))
        made = forms.ring.times(made, forms.leaf(apply("exp", to_expr(rest))))
    return made


def logarithm(forms: Forms, p: Poly, of_size: bool = False) -> Poly:
    """log(c Π a^q) = log|c| + Σ q log|a|: where it is defined, the product is positive; ``of_size`` asks for log|p|."""
    found = factoring.factorised(forms, p)
    if found is None:
        return forms.leaf(apply("log", apply("abs", to_expr(p)) if of_size else to_expr(p)))
    c, factors = found
    shape = p.shape
    rows: list[tuple[Fraction, Poly]] = [(q, _log_of_number(forms, k, p)) for k, q in _primes(abs(c))]
    rest: list[Factor] = []
    signed = of_size or any(_is_determinant(a) and not forms.positive(a) for a, _, _ in factors)
    for a, q, ls in factors:
        if a in forms.exponents:
            rows.append((q, forms._at(forms.exponents[a], ls, p)))
        elif forms.positive(a) or _is_determinant(a):
            rows.append((q, _log_of_atom(forms, a, ls, p)))
        else:
            rest.append((a, q, ls))
    if len(rest) == 1 and c > 0 and not signed and rest[0][1].denominator == 1 and rest[0][1] % 2:
        a, q, ls = rest[0]
        rows.append((q, _log_of_atom(forms, a, ls, p)))
    elif rest and all(q.denominator == 1 for _, q, _ in rest):  # log of a positive product is Σ q log|a|
        rows.extend((q, forms._at(forms.leaf(apply("log", apply("abs", a))), ls, p)) for a, q, ls in rest)
    elif rest and not signed:
        base, axes = forms.reduced(forms.product(Fraction(1 if c > 0 else -1), rest, p))
        rows.append((F1, _log_of_atom(forms, forms.summed(base), axes, p)))
    elif rest:
        return forms.leaf(apply("log", apply("abs", to_expr(p)) if of_size else to_expr(p)))
    return forms.ring.sum(rows, shape)


def absolute(forms: Forms, p: Poly) -> Poly:
    """|c Π a^q| = |c| Π |a|^q, for whole q."""
    found = factoring.factorised(forms, p)
    size = apply("abs", to_expr(p))
    if found is None or not isinstance(size, Map) or any(q.denominator != 1 for _, q, _ in found[1]):
        return forms.form(definition_of(size)) if isinstance(size, Map) else forms.leaf(size)
    c, factors = found
    parts = [forms.power(forms._at(_size(forms, a), ls, p), q) for a, q, ls in factors]
    return forms.ring.times(forms.ring.constant(abs(c), p.shape), *parts)


def _size(forms: Forms, a: Expr) -> Poly:
    """|a| of one atom: a itself where it is positive, 1 for the determinant of an orthogonal matrix."""
    if forms.positive(a):
        return forms.form(a) if a not in forms.sums else forms.sums[a]
    if isinstance(a, Call) and _is_determinant(a) and a.args[0] in forms.orthogonal:
        forms.ring.used[forms.orthogonal[a.args[0]].text] = None
        return forms.ring.constant(F1)
    found = apply("abs", a)
    return forms.form(definition_of(found)) if isinstance(found, Map) else forms.leaf(found)


def _is_determinant(a: Expr) -> bool:
    return isinstance(a, Call) and a.fn == "det" and not a.ders


def _log_of_atom(forms: Forms, a: Expr, labels: tuple[int, ...], like: Poly) -> Poly:
    """log|a|, for an a that is positive or a determinant."""
    if isinstance(a, Call) and _is_determinant(a):
        return forms._at(log_determinant(forms, forms.form(a.args[0])), labels, like)
    if a in forms.roots and forms.roots[a][0] is not None:
        base, d, _ = forms.roots[a]
        assert base is not None
        return forms.ring.scale(Fraction(1, d), _log_of_atom(forms, base, labels, like))
    atom = apply("log", a)
    if not isinstance(atom, Map):
        return forms._at(forms.leaf(atom), labels, like)
    forms.logarithms[atom] = a
    return forms.product(F1, [(atom, F1, labels)], like)


def _log_of_number(forms: Forms, k: int, like: Poly) -> Poly:
    return forms._at(forms.ring.atom(apply("log", number(k))), (), like)


def _primes(c: Fraction) -> list[tuple[int, Fraction]]:
    """c as a product of prime powers; a large number stays whole."""
    found: dict[int, Fraction] = {}
    for n, sign in ((c.numerator, F1), (c.denominator, -F1)):
        if n > LARGEST_NUMBER:
            found[n] = found.get(n, Fraction(0)) + sign
            continue
        k = 2
        while n > 1:
            if k * k > n:
                k = n
            while n % k == 0:
                n //= k
                found[k] = found.get(k, Fraction(0)) + sign
            k += 1
    return [(k, q) for k, q in found.items() if q]


def number_power(forms: Forms, c: Fraction, q: Fraction) -> tuple[Fraction, list[Factor]]:
    """c^q for c > 0: a rational number times roots of primes."""
    coefficient = F1
    roots: list[Factor] = []
    for k, e in _primes(c):
        whole, left = divmod(e * q, 1)
        coefficient *= Fraction(k) ** int(whole)
        if left:
            root = power(number(k), Fraction(1, left.denominator))
            value = number_of(root)
            if value is not None:
                coefficient *= value**left.numerator
            else:
                forms.roots.setdefault(root, (None, left.denominator, Fraction(k)))
                roots.append((root, Fraction(left.numerator), ()))
    return coefficient, roots


# ---------------------------------------------------------------- odd, even, trigonometric
def _odd(fn: str) -> Callable[[Forms, Poly], Poly]:
    def form(forms: Forms, p: Poly) -> Poly:
        if not p.terms:
            return p
        sign = _sign(p)
        return forms.ring.scale(sign, forms.leaf(apply(fn, to_expr(forms.ring.scale(sign, p)))))

    return form


def _sign(p: Poly) -> Fraction:
    return Fraction(1 if p.ordered()[-1][1] > 0 else -1)


def _sine_and_cosine(forms: Forms, p: Poly) -> tuple[Poly, Poly]:
    """By the addition theorems, term by term; an angle c·m with c = ±p/d is p times m/d."""
    one, nothing = forms.ring.constant(F1, p.shape), forms.ring.constant(Fraction(0), p.shape)
    if not p.terms:
        return nothing, one
    rows = p.ordered()
    if sum(abs(c.numerator) for _, c in rows) > MOST_ANGLES:
        sign = _sign(p)
        arg = to_expr(forms.ring.scale(sign, p))
        return forms.ring.scale(sign, forms.leaf(apply("sin", arg))), forms.leaf(apply("cos", arg))
    sine, cosine = nothing, one
    for m, c in rows:
        angle = scale(Fraction(1, c.denominator), mono_expr(m))
        s, k = forms.leaf(apply("sin", angle)), forms.leaf(apply("cos", angle))
        s = forms.ring.scale(Fraction(1 if c > 0 else -1), s)
        for _ in range(abs(c.numerator)):
            times, total = forms.ring.times, forms.ring.sum
            sine, cosine = (
                total([(F1, times(sine, k)), (F1, times(cosine, s))], p.shape),
                total([(F1, times(cosine, k)), (-F1, times(sine, s))], p.shape),
            )
    return sine, cosine


def step(forms: Forms, p: Poly) -> Poly:
    """H(c v) = H(v) for c > 0; H(v)H(−v) = 0; v H(−v) = v − v H(v)."""
    if not p.terms:
        return p
    known = forms.signs.of(to_expr(p))
    if known.positive or is_nonpositive(known):
        return forms.ring.constant(Fraction(1 if known.positive else 0), p.shape)
    if not all(m.plain for m in p.terms):
        return forms.leaf(apply("heaviside", to_expr(p)))
    found = factoring.factorised(forms, p)
    kept = [f for f in found[1] if not forms.positive(f[0])] if found else []
    if found and 0 < len(kept) < len(found[1]):
        p = forms.product(found[0], kept, p)
    content = p.ordered()[-1][1]
    v, axes = forms.reduced(forms.ring.scale(1 / content, p))
    up, down = apply("heaviside", to_expr(v)), apply("heaviside", to_expr(forms.ring.scale(-F1, v)))
    if content < 0 and isinstance(down, Map) and isinstance(up, Map) and down not in forms.steps:
        forms.steps.add(down)
        labels = tuple(range(len(v.shape)))
        nothing = Poly(v.shape, {})
        forms.ring.relate(Relation(((up, F1, labels), (down, F1, labels)), labels, nothing))
        lead = v.lead()
        c = v.terms[lead]
        others = Poly(v.shape, {m: d for m, d in v.terms.items() if m is not lead})
        value = forms.ring.sum(
            [
                (1 / c, v),
                (-1 / c, forms.ring.times(v, forms.ring.atom(up))),
                (-1 / c, forms.ring.times(others, forms.ring.atom(down))),
            ],
            v.shape,
        )
        forms.ring.relate(Relation((*lead.factors, (down, F1, labels)), labels, value))
    return forms._at(forms.leaf(up if content > 0 else down), axes, p)


FORMS: dict[str, Callable[[Forms, Poly], Poly]] = {
    "exp": exponential,
    "log": lambda forms, p: logarithm(forms, p),
    "sin": lambda forms, p: _sine_and_cosine(forms, p)[0],
    "cos": lambda forms, p: _sine_and_cosine(forms, p)[1],
    "heaviside": step,
    "abs": absolute,
    "erf": _odd("erf"),
    "atan": _odd("atan"),
}
"""Functions with a form of their own; all others are unfolded by their definitions."""

__all__ = ["FORMS", "euler", "number_power"]
