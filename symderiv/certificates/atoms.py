"""Functions whose curvature isn't read off their parts one by one: norms, quotients, perspectives, largest values.

Each rule takes a node and returns a proof, or None where it doesn't apply; the inequality behind it is its law.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symderiv.certificates.maxima import huber, pointwise_maximum, sums_of_maxima
from symderiv.certificates.parts import of_anything, opened, sized, under_logarithm
from symderiv.certificates.perspective import entropies, perspective
from symderiv.certificates.proof import ProofNode
from symderiv.functions import SCALAR
from symderiv.ir import Add, Call, Contract, Expr, Map, base_and_exponent

if TYPE_CHECKING:
    from symderiv.certificates.compose import Composition


HALF = Fraction(1, 2)


# ---------------------------------------------------------------- norms
def norm(search: Composition, node: Map) -> ProofNode | None:
    """√(c + Σ w g²) with w, c ≥ 0 and each g affine, or convex and nonnegative: the norm of a vector of these."""
    if node.fn != "pow" or node.params[0] != HALF:
        return None
    arg = opened(node.arg)
    search.signs.used.clear()
    children: list[ProofNode] = []
    for c, term in arg.terms if isinstance(arg, Add) else ((Fraction(1), arg),):
        found = _square(search, term) if c > 0 else None
        if found is None:
            return None
        children.extend(found)
    return search.made(node, "convex", "norm", children, search.used()) if children else None


def _square(search: Composition, term: Expr) -> list[ProofNode] | None:
    """What is squared in w·g², or nothing for a constant ≥ 0; None where the term is neither."""
    term = opened(term)
    if not search.moves(term):
        return [] if search.signs.of(term).nonnegative else None
    found: list[ProofNode] = []
    if isinstance(term, Contract) and _quadratic(search, term):
        return [p for p in [search.prove(next(f for f in term.factors if search.moves(f)))] if p is not None]
    for f in term.factors if isinstance(term, Contract) else (term,):
        base, q = base_and_exponent(f)
        if not search.moves(f):
            if not search.signs.of(f).nonnegative:
                return None
            continue
        inner = search.prove(base)
        if inner is None or q != 2 or found or not sized(search, inner):
            return None
        found.append(inner)
    return found


def _quadratic(search: Composition, term: Contract) -> bool:
    """Whether the term is gᵀ P g with g affine and P free of the variables, and it is known that it is ≥ 0."""
    from symderiv.certificates.definite import Definite

    moving = [f for f in term.factors if search.moves(f)]
    if len(moving) != 2 or moving[0] is not moving[1]:
        return False
    inner = search.prove(moving[0])
    if inner is None or inner.relation != "affine":
        return False
    found = Definite(search.facts).prove(of_anything(term, moving[0]))
    if found is not None:
        search.signs.used.update((f, None) for f in search.facts if f.text in found.assumptions)
    return found is not None


# ---------------------------------------------------------------- logarithms
def log_concave(search: Composition, node: Map) -> ProofNode | None:
    """log f(g), or log(1 − f(g)) for f between 0 and 1, with g affine and f log-concave."""
    found = under_logarithm(node)
    inner = search.prove(found[0].arg) if found is not None and SCALAR[found[0].fn].log_concave else None
    return search.made(node, "concave", "log-concave function", (inner,)) if inner and inner.relation == "affine" else None


# ---------------------------------------------------------------- products
def product(search: Composition, node: Contract) -> ProofNode | None:
    """Products of more than one factor that moves."""
    return _of_powers(search, node) or perspective(search, node) or _matrix_fraction(search, node)


def _of_powers(search: Composition, node: Contract) -> ProofNode | None:
    """Π g_i^{a_i}: concave where all a > 0 and Σ a ≤ 1; convex where all a < 0, or one is positive and Σ a ≥ 1.

    What has a positive exponent in a convex product is affine or convex, all else affine or concave; all are positive,
    but that under an even exponent only |g| counts.
    """
    return _powers(search, node, node, Fraction(1))


def power_of_product(search: Composition, node: Map) -> ProofNode | None:
    """(Π g_i^{a_i})^q, entry by entry: the exponents times q."""
    inner = opened(node.arg)
    if node.fn != "pow" or not isinstance(inner, Contract) or len(set(inner.out)) != len(inner.dims):
        return None
    return _powers(search, node, inner, node.params[0])


def _powers(search: Composition, node: Expr, inner: Contract, q: Fraction) -> ProofNode | None:
    powers: list[tuple[Expr, Fraction]] = []
    weights: list[Expr] = []
    for f in inner.factors:
        if search.moves(f):
            powers.append(base_and_exponent(f))
        else:
            weights.append(f)
    sign = search.sign_of(weights)
    if sign is None or len(powers) < 2 or (q != 1 and sign < 0):
        return None
    proofs = [search.prove(base) for base, _ in powers]
    known = [p for p in proofs if p is not None]
    if len(known) < len(powers):
        return None
    exponents = tuple(a * q for _, a in powers)
    total = sum(exponents, Fraction(0))
    above = [k for k, a in enumerate(exponents) if a > 0]
    concave = len(above) == len(powers) and total <= 1
    if not concave and not (not above or (len(above) == 1 and total >= 1)):
        return None
    for k, ((base, own), a, proof) in enumerate(zip(powers, exponents, known, strict=True)):
        where = search.signs.of(base)
        if not concave and k in above:
            even = own.denominator == 1 and own % 2 == 0
            if not (even and sized(search, proof)) and not (
                where.nonnegative and proof.relation in ("affine", "convex")
            ):
                return None
        elif proof.relation not in ("affine", "concave") or not (where.nonnegative if a > 0 else where.positive):
            return None
    shape = "concave" if concave == (sign > 0) else "convex"
    return search.made(node, shape, "product of powers", known, search.used(), exponents=exponents)


def _matrix_fraction(search: Composition, node: Contract) -> ProofNode | None:
    """aᵀ X⁻¹ a with a affine and X affine, symmetric and positive definite."""
    inverses = [k for k, f in enumerate(node.factors) if isinstance(f, Call) and f.fn == "inv" and not f.ders]
    if len(inverses) != 1 or node.shape:
        return None
    (k,) = inverses
    inverse = node.factors[k]
    others = [j for j in range(len(node.factors)) if j != k]
    if len(others) != 2 or node.factors[others[0]] is not node.factors[others[1]]:
        return None
    (one, two), vector = (node.labels[j] for j in others), node.factors[others[0]]
    shared = [(x, y) for x, y in zip(one, two, strict=True) if x != y]
    if len(shared) != 1 or set(shared[0]) != set(node.labels[k]):
        return None
    assert isinstance(inverse, Call)
    proofs = [search.prove(e) for e in (vector, inverse.args[0])]
    known = [p for p in proofs if p is not None and p.relation == "affine"]
    facts = _definite(search, inverse.args[0])
    if len(known) != 2 or facts is None:
        return None
    return search.made(node, "convex", "matrix fraction", known, facts)


def of_definite_matrix(search: Composition, node: Call, inner: ProofNode) -> ProofNode | None:
    """log det X is concave where X is affine, symmetric and positive definite."""
    facts = _definite(search, node.args[0]) if node.fn == "logdet" else None
    return None if facts is None else search.made(node, "concave", "log det", (inner,), facts)


def _definite(search: Composition, matrix: Expr) -> tuple[str, ...] | None:
    """The facts by which a matrix is positive definite where it has an inverse, None where that isn't known."""
    from symderiv.certificates.definite import Definite

    found = Definite(search.facts).prove(matrix, (0,), (1,))
    return None if found is None else found.assumptions


OF_SUMS = (pointwise_maximum, sums_of_maxima, huber, entropies)
OF_MAPS = (norm, power_of_product, log_concave)

__all__ = ["OF_MAPS", "OF_SUMS", "of_definite_matrix", "product"]
