"""Determinants: of products; of X + M where X⁻¹ is known, det X · det(I + X⁻¹M); det(I + UV) = det(I + VU).

Together these are the matrix determinant lemma, Sylvester's identity and Schur's complements (Horn and Johnson, Matrix
Analysis, section 0.8). What has an inverse on either side of a claim is invertible wherever both sides are defined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from symderiv.build import add, apply, call, contract, number, size
from symderiv.dims import Dim
from symderiv.ir import Call, Expr
from symderiv.proving.joins import split
from symderiv.proving.matrices import chain_of, content_of, inverse, inverse_call, oriented, transposed
from symderiv.proving.terms import F1, GiveUp, Label, Mono, Open, Poly, Relation, to_expr
from symderiv.rules.joins import kronecker_sides

if TYPE_CHECKING:
    from symderiv.proving.forms import Forms

MOST_TURNS = 24
PRODUCT = (0,)
"""the parameters of a product over the axis of a vector"""


# ---------------------------------------------------------------- the two functions
def determinant(forms: Forms, p: Poly) -> Poly:
    """det(AB) = det A det B; det(Aᵀ) = det A; det(A⁻¹) = 1/det A; det(diag(d) A) = Πd det A; det(cA) = cⁿ det A, where
    n is a number or c is positive."""
    n = p.shape[0]
    one = p.single()
    chain = chain_of(one[0]) if one else None
    if one and chain is not None:
        path, vectors, scalars = chain
        scale = _to_size(forms, one[1], [(a, q) for a, q, _ in scalars], n)
        if scale is not None:
            factors = [_of_atom(forms, a) for a, _, _ in path]
            factors += [forms.power(_product_of(forms, diagonal_of(forms, a)), q) for a, q, _ in vectors]
            return forms.ring.times(scale, *factors)
    if one and isinstance(n, int) and n > 1 and one[0].plain and one[0].out[1] not in _reached(one[0], one[0].out[0], None):
        return forms.ring.constant(Fraction(0))                 # of rank one
    if len(p.terms) > 1 and all(m.out[0] == m.out[1] for m in p.terms):
        return product(forms, forms.ring.contract([p], [("i", "i")], ("i",)))
    outside, rest = _pulled(forms, p)
    made = _atom(forms, "det", rest) if (scalar := _scalar(forms, rest)) is None else scalar
    return forms.ring.times(made, *(determinant(forms, x) for x in outside))


def log_determinant(forms: Forms, p: Poly) -> Poly:
    """log|det AB| = log|det A| + log|det B|; log|det A⁻¹| = −log|det A|; log|det cA| = n log|c| + log|det A|."""
    one = p.single()
    chain = chain_of(one[0]) if one else None
    if one and chain is not None:
        rows = [(F1, _log_of_atom(forms, a)) for a, _, _ in chain[0]]
        for a, q, _ in chain[1]:                                # log|det diag(d)| = Σ log|d|
            each = forms.form(apply("log", apply("abs", to_expr(diagonal_of(forms, a)))))
            rows.append((q, forms.ring.contract([each], [("i",)], ())))
        rows += [(q, _log_scale(forms, forms.form(apply("log", apply("abs", a))), p)) for a, q, _ in chain[2]]
        return forms.ring.sum([*rows, (F1, _log_of_number(forms, abs(one[1]), p))], ())
    if not p.terms:
        raise GiveUp("the logarithm of zero")
    if len(p.terms) > 1 and all(m.out[0] == m.out[1] for m in p.terms):
        diagonal = to_expr(forms.ring.contract([p], [("i", "i")], ("i",)))
        return forms.ring.contract([forms.form(apply("log", apply("abs", diagonal)))], [("i",)], ())
    outside, rest = _pulled(forms, p)
    rows = [(F1, log_determinant(forms, x)) for x in outside]
    scalar = _scalar(forms, rest)
    if scalar is not None:
        return forms.ring.sum([*rows, (F1, forms.form(apply("log", apply("abs", to_expr(scalar)))))], ())
    c, primitive = content_of(rest)
    rows.append((F1, _atom(forms, "logdet", primitive)))
    return forms.ring.sum([*rows, (F1, _log_of_number(forms, abs(c), rest))], ())


def of_kronecker(forms: Forms, x: Expr) -> Poly | None:
    """det(A ⊗ B) = det(A)ᵐ det(B)ⁿ, for A n×n and B m×m; powers as in `_to_size`."""
    sides = kronecker_sides(*split(x))
    if sides is None:
        return None
    rows = []
    for a, d in zip(sides, (y.shape[0] for y in reversed(sides)), strict=True):
        one = determinant(forms, forms.form(a)).single()
        if one is None or one[0].dims:
            return None
        rows.append(_to_size(forms, one[1], [(atom, q) for atom, q, _ in one[0].factors], d))
    first, second = rows
    return None if first is None or second is None else forms.ring.times(first, second)


def product(forms: Forms, p: Poly) -> Poly:
    """Π(uv) = Πu Πv of the entries of a vector; Π(cu) = cⁿ Πu."""
    one = p.single()
    if one is not None and all(set(ls) <= {one[0].out[0]} for _, _, ls in one[0].factors) and len(one[0].dims) == 1:
        scale = _to_size(forms, one[1], [(a, q) for a, q, ls in one[0].factors if not ls], p.shape[0])
        if scale is not None:
            rows = [(diagonal_of(forms, a), q) for a, q, ls in one[0].factors if ls]
            return forms.ring.times(scale, *(forms.power(_product_of(forms, v), q) for v, q in rows))
    return _product_of(forms, p)


def _product_of(forms: Forms, p: Poly) -> Poly:
    return forms.ring.atom(call("prod", (to_expr(p),), (), PRODUCT))


def diagonal_of(forms: Forms, a: Expr) -> Poly:
    """The vector that a factor is, or the diagonal of the matrix that it is."""
    return forms.ring.contract([forms.ring.atom(a)], [("i",) * len(a.shape)], ("i",))


def _to_size(forms: Forms, c: Fraction, scalars: Sequence[tuple[Expr, Fraction]], n: Dim) -> Poly | None:
    """(c Π a^q)ⁿ; None where n is a symbol and what has it as its exponent isn't known to be positive."""
    if isinstance(n, int):
        made = [forms.power(forms.ring.atom(a), q * n) for a, q in scalars]
        return forms.ring.scale(c**n, forms.ring.times(forms.ring.constant(F1), *made))
    if c <= 0 or not all(forms.positive(a) for a, _ in scalars):
        return None
    if c == 1 and not scalars:
        return forms.ring.constant(F1)
    logs = [(q, apply("log", a)) for a, q in scalars] + ([(F1, apply("log", number(c)))] if c != 1 else [])
    return forms.form(apply("exp", contract((size(n), add(logs, ())), ((), ()), ())))


def _atom(forms: Forms, fn: str, p: Poly) -> Poly:
    return forms.ring.atom(_call(fn, oriented(forms, p)[0]))


def _call(fn: str, p: Poly) -> Call:
    return call(fn, (to_expr(p),), ())


def _of_atom(forms: Forms, a: Expr) -> Poly:
    if a in forms.inverses:
        return forms.power(determinant(forms, forms.inverses[a]), -F1)
    found = _call("det", oriented(forms, forms.ring.atom(a))[0])
    if a in forms.orthogonal and found not in forms.unimodular:
        forms.unimodular.add(found)                             # det(Q)² = 1
        pattern: tuple[Open, ...] = ((found, Fraction(2), ()),)
        forms.ring.relate(Relation(pattern, (), forms.ring.constant(F1), forms.orthogonal[a].text))
    return forms.ring.atom(found)


def _log_of_number(forms: Forms, c: Fraction, p: Poly) -> Poly:
    return forms.ring.constant(Fraction(0)) if c == 1 else _log_scale(forms, forms.form(apply("log", number(c))), p)


def _log_scale(forms: Forms, log: Poly, p: Poly) -> Poly:
    return forms.ring.times(forms.form(size(p.shape[0])), log)


def _log_of_atom(forms: Forms, a: Expr) -> Poly:
    if a in forms.inverses:
        return forms.ring.scale(-F1, log_determinant(forms, forms.inverses[a]))
    if a in forms.orthogonal:
        forms.ring.used[forms.orthogonal[a].text] = None
        return forms.ring.constant(Fraction(0))
    return _atom(forms, "logdet", forms.ring.atom(a))


# ---------------------------------------------------------------- det(X + M) = det X det(I + X⁻¹M)
def _pulled(forms: Forms, p: Poly) -> tuple[list[Poly], Poly]:
    """(matrices whose determinants are factors, what is left): the left one is I + M in the order that is always the same."""
    outside: list[Poly] = []
    if len(p.terms) > 1 and not any(_is_unit(m) and c == 1 for m, c in p.terms.items()):
        found = next(((m, c) for m, c in p.ordered() if _invertible(forms, m, c)), None)
        if found is None:
            return outside, p
        x = Poly(p.shape, {found[0]: found[1]})
        outside.append(x)
        p = forms.ring.contract([inverse(forms, x), p], [("i", "k"), ("k", "j")], ("i", "j"))
    rest = [(m, c) for m, c in p.terms.items() if not _is_unit(m)]
    if len(rest) != 1 or len(p.terms) != 2:
        return outside, p
    (m, c) = rest[0]
    if _invertible(forms, m, c):                                # det(I + M) = det M det(I + M⁻¹)
        x = Poly(p.shape, {m: c})
        least, other = _least_turn(forms, p), _least_turn(
            forms, forms.ring.sum([(F1, inverse(forms, x)), (F1, _unit(forms, p.shape[0]))], p.shape)
        )
        return ([*outside, x], other) if _key(forms, other) < _key(forms, least) else (outside, least)
    return outside, _least_turn(forms, p)


def _unit(forms: Forms, n: Dim) -> Poly:
    return forms.ring.poly([(F1, [], ("i", "i"), {"i": n})], (n, n))


def _is_unit(m: Mono) -> bool:
    return not m.factors and len(m.out) == 2 and m.out[0] == m.out[1]


def _invertible(forms: Forms, m: Mono, c: Fraction) -> bool:
    """Known to have an inverse wherever both sides are defined."""
    chain = chain_of(m)
    if chain is None or (not any(chain) and c == 1):
        return False
    path, vectors, scalars = chain
    if _to_size(forms, c, [(a, q) for a, q, _ in scalars], m.dims[m.out[0]]) is None:
        return False                                            # cⁿ with a symbol n has a form for a positive c only
    return all(_has_inverse(forms, a) for a, _, _ in path) and all(
        q < 0 or a in forms.nonzero or forms.positive(a) for a, q, _ in (*vectors, *scalars)
    )


def _has_inverse(forms: Forms, a: Expr) -> bool:
    if a in forms.inverses or a in forms.orthogonal:
        return True
    plain = forms.ring.atom(a)
    return any(inverse_call(x) in forms.inverses for x in (plain, transposed(forms, plain)))


def _key(forms: Forms, p: Poly) -> tuple[object, ...]:
    return tuple((m.degree, m.key, c) for m, c in oriented(forms, p)[0].ordered())


# ---------------------------------------------------------------- det(I + UV) = det(I + VU)
def _scalar(forms: Forms, p: Poly) -> Poly | None:
    """det(I + c u vᵀ) = 1 + c vᵀu, for a matrix of rank one."""
    rest = [(m, c) for m, c in p.terms.items() if not _is_unit(m)]
    if len(rest) != 1 or len(p.terms) != 2 or next(c for m, c in p.terms.items() if _is_unit(m)) != 1:
        return None
    (m, c) = rest[0]
    if not m.plain or m.out[1] in _reached(m, m.out[0], None):
        return None
    trace = forms.ring.contract([Poly(p.shape, {m: c})], [("i", "i")], ())
    return forms.ring.sum([(F1, forms.ring.constant(F1)), (F1, trace)], ())


def _least_turn(forms: Forms, p: Poly) -> Poly:
    """Of all I + M′ with the determinant of I + M that come by turning products, always the same."""
    rest = [(m, c) for m, c in p.terms.items() if not _is_unit(m)]
    if len(rest) != 1 or len(p.terms) != 2 or next(c for m, c in p.terms.items() if _is_unit(m)) != 1:
        return p
    ((m, c),) = rest
    seen: dict[Mono, None] = {m: None}
    waiting = [m]
    while waiting and len(seen) < MOST_TURNS:
        for new in _turns(forms, waiting.pop()):
            if new not in seen:
                seen[new] = None
                waiting.append(new)
    found = []
    for turned in seen:
        n = turned.dims[turned.out[0]]
        found.append(forms.ring.sum([(F1, _unit(forms, n)), (c, Poly((n, n), {turned: F1}))], (n, n)))
    return min(found, key=lambda q: _key(forms, q))


def _turns(forms: Forms, m: Mono) -> Iterator[Mono]:
    """VU for each way to read the monomial as UV."""
    i, j = m.out
    if i == j:
        return
    scales = [f for f in m.factors if set(f[2]) == {i}]
    if scales:                                                  # det(I + diag(d) A) = det(I + A diag(d))
        moved = [(a, q, tuple(j for _ in ls)) if (a, q, ls) in scales else (a, q, ls) for a, q, ls in m.factors]
        yield forms.ring.mono(moved, m.out, dict(enumerate(m.dims)))
    for x in range(len(m.dims)):
        if x in m.out:
            continue
        left = _reached(m, i, x)
        if j in left or x not in _reached(m, i, None):
            continue
        rows: list[Open] = []
        for a, q, ls in m.factors:
            cut = "column" if (set(ls) - {x}) & left else "row"     # a vector on the cut goes with what follows
            rows.append((a, q, tuple(cut if y == x else i if y == j else y for y in ls)))
        dims: dict[Label, Dim] = {**dict(enumerate(m.dims)), "row": m.dims[x], "column": m.dims[x]}
        made = forms.ring.poly([(F1, rows, ("row", "column"), {k: d for k, d in dims.items() if k not in (j, x)})],
                               (m.dims[x], m.dims[x]))
        one = made.single()
        if one is not None and one[1] == 1 and not _is_unit(one[0]):
            yield one[0]


def _reached(m: Mono, start: int, without: int | None) -> set[int]:
    """The labels that hang together with ``start``, if one label is taken away."""
    found, grown = {start}, True
    while grown:
        grown = False
        for _, _, ls in m.factors:
            near = set(ls) - {without}
            if near & found and not near <= found:
                found |= near
                grown = True
    return found


FORMS = {"det": determinant, "logdet": log_determinant}

__all__ = ["FORMS", "determinant", "log_determinant"]
