"""What rules of composition ask of the parts of a node."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symderiv.build import add, contract, ones, substitute, symbol
from symderiv.certificates.proof import ProofNode
from symderiv.functions import SCALAR
from symderiv.intervals import is_nonpositive
from symderiv.ir import Add, Box, Contract, Expr, Map, Name
from symderiv.rules.algebra import sums_in

MOST_TERMS = 12

if TYPE_CHECKING:
    from symderiv.certificates.compose import Composition


def opened(node: Expr) -> Expr:
    while isinstance(node, Name | Box):
        node = node.body
    return node


def with_factor(whole: Contract, place: int, new: Expr) -> Expr:
    factors = [new if j == place else g for j, g in enumerate(whole.factors)]
    return contract(factors, whole.labels, whole.out, dict(enumerate(whole.dims)))


def distributed(form: Expr) -> Expr:
    """The form with sums among the factors of its terms multiplied out, up to `MOST_TERMS` terms."""
    terms = list(form.terms) if isinstance(form, Add) else [(Fraction(1), form)]
    for _ in range(MOST_TERMS):  # a sum that is only put on a diagonal comes back whole
        if len(terms) > MOST_TERMS:
            break
        at = next(((k, j) for k, (_, t) in enumerate(terms) for j in sums_in(t)), None)
        if at is None:
            break
        c, t = terms[at[0]]
        assert isinstance(t, Contract)
        inner = t.factors[at[1]]
        assert isinstance(inner, Add)
        opened = [
            (
                c * d,
                contract(
                    [u if k == at[1] else f for k, f in enumerate(t.factors)], t.labels, t.out, dict(enumerate(t.dims))
                ),
            )
            for d, u in inner.terms
        ]
        whole = add([*terms[: at[0]], *terms[at[0] + 1 :], *opened], form.shape)
        terms = list(whole.terms) if isinstance(whole, Add) else [(Fraction(1), whole)]
    return add(terms, form.shape)


def of_anything(form: Expr, g: Expr) -> Expr:
    """A quadratic form in g, of another vector: what is known of gᵀPg where it is defined says nothing of P."""
    return substitute(form, {g: symbol("anything", g.shape, "formal")})


def under_logarithm(node: Expr) -> tuple[Map, bool] | None:
    """(f(g), False) of log f(g), (f(g), True) of log(1 − f(g)) with f between 0 and 1."""
    if not isinstance(node, Map) or node.fn != "log":
        return None
    arg = opened(node.arg)
    terms = [(c, opened(t)) for c, t in arg.terms] if isinstance(arg, Add) else [(Fraction(1), arg)]
    maps = [(c, t) for c, t in terms if isinstance(t, Map) and not t.generic and not t.order and t.fn in SCALAR]
    if len(maps) != 1 or not isinstance(maps[0][1], Map):
        return None
    (c, f), rest = maps[0], [(c, t) for c, t in terms if t is not maps[0][1]]
    if c == 1 and not rest:
        return f, False
    unit = add([(Fraction(1), ones(node.shape))], node.shape)
    between = SCALAR[f.fn].range.nonnegative and SCALAR[f.fn].range.hi == 1
    return (f, True) if c == -1 and between and add(rest, node.shape) is unit else None


def sized(search: Composition, inner: ProofNode) -> bool:
    """|g| is convex: g is affine, or convex and nonnegative, or concave and nonpositive."""
    if inner.relation == "affine":
        return True
    where = search.signs.of(inner.expr)
    return where.nonnegative if inner.relation == "convex" else is_nonpositive(where)


__all__ = ["distributed", "of_anything", "opened", "sized", "under_logarithm", "with_factor"]
