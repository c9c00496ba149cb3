"""Collecting without expanding: factor out what all terms share; distribute one sum where that lowers the weight."""
from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import prod
from typing import Any

from symderiv.build import ONE, add, apply, contract, ones, power, symbol, view
from symderiv.dims import Dim
from symderiv.ir import Add, Contract, Expr, base_and_exponent
from symderiv.patterns import components
from symderiv.rules.base import Context, rule

Choice = tuple[tuple[int, int], ...]
"""pairs (term, factor) of the sums that are multiplied out; a contraction is its own only term, 0"""
TERM_LIMIT = 12


def _opened(node: Expr, j: int) -> Expr:
    """The contraction with its j-th factor, a sum, multiplied out."""
    assert isinstance(node, Contract)
    inner = node.factors[j]
    assert isinstance(inner, Add)
    dims = dict(enumerate(node.dims))
    terms = [(c, contract([t if k == j else f for k, f in enumerate(node.factors)], node.labels, node.out, dims))
             for c, t in inner.terms]
    return add(terms, node.shape)


def sums_in(node: Expr) -> list[int]:
    """Which factors are sums, arrays before numbers."""
    found = [k for k, f in enumerate(node.factors) if isinstance(f, Add)] if isinstance(node, Contract) else []
    return sorted(found, key=lambda k: not node.kids[k].shape)


def distributions(node: Expr, context: Context) -> Iterator[Choice]:
    """Each way to multiply out one sum; of an Add, one sum in one of its terms, or one in each."""
    if isinstance(node, Contract):
        yield from (((0, j),) for j in sums_in(node))
    elif isinstance(node, Add) and len(node.terms) > 1:
        open_terms = [(i, sums_in(t)) for i, (_, t) in enumerate(node.terms) if sums_in(t)]
        for i, places in open_terms:
            yield from (((i, j),) for j in places)
        if 1 < len(open_terms) <= 4:
            size = prod(len(node.terms[i][1].kids[places[0]].kids) for i, places in open_terms)
            if size <= TERM_LIMIT:
                yield tuple((i, places[0]) for i, places in open_terms)


def _example() -> tuple[Expr, Context]:
    a, b = symbol("a", (3,)), symbol("b", (3,))
    return contract((power(a, -1), add([(1, a), (1, b)], (3,))), (("i",), ("i",)), ("i",)), Context()


@rule("distribute", r"a\,(b+c)=ab+ac", [Contract, Add], example=_example, choices=distributions)
def distribute(node: Expr, context: Context, choice: Choice) -> Expr | None:
    """Multiply out the sums named in ``choice``; the engine does so only where the weight falls."""
    chosen = dict(choice)
    if isinstance(node, Contract):
        return _opened(node, chosen[0]) if chosen.keys() == {0} else None
    if not isinstance(node, Add):
        return None
    return add([(c, _opened(t, chosen[i]) if i in chosen else t) for i, (c, t) in enumerate(node.terms)], node.shape)


# ---------------------------------------------------------------- factoring
Term = tuple[list[tuple[Expr, tuple[int, ...]]], tuple[int, ...], dict[int, Dim]]


def _as_term(t: Expr) -> Term:
    if isinstance(t, Contract):
        return list(zip(t.factors, t.labels, strict=True)), t.out, dict(enumerate(t.dims))
    labels = tuple(range(len(t.shape)))
    return [(t, labels)], labels, dict(enumerate(t.shape))


def _signature(labels: tuple[int, ...], out: tuple[int, ...]) -> tuple[tuple[Any, ...], ...]:
    """What must agree between terms: each axis's output places, or which summed axis it repeats."""
    return tuple(tuple(p for p, y in enumerate(out) if y == x) or ("summed", labels.index(x)) for x in labels)


def _factoring() -> tuple[Expr, Context]:
    x, p, y = symbol("X", (3, 2)), symbol("p", (3,)), symbol("y", (3,))
    terms = [(1, contract((x, p), (("i", "j"), ("i",)), ("j",))), (-1, contract((x, y), (("i", "j"), ("i",)), ("j",)))]
    return add(terms, (2,)), Context()


@rule("factor out", r"ab+ac=a\,(b+c)", [Add], example=_factoring)
def factor_common(node: Add, context: Context) -> Expr | None:
    """A factor that every term has, at the same output places, is taken out of the sum."""
    if len(node.terms) < 2:
        return None
    terms = [_as_term(t) for _, t in node.terms]
    first, _first_out, _ = terms[0]
    candidates = sorted(range(len(first)), key=lambda k: (-first[k][0].weight, first[k][0].digest))
    for k in candidates:
        result = _take_out(node, terms, k)
        if result is not None and (result.weight < node.weight or (result.weight == node.weight and _as_power(terms, k))):
            return result
    return None


def _as_power(terms: list[Term], k: int) -> bool:
    """True for a scalar power, such as the 1/s of a/s − b/s²: it goes out at equal weight too."""
    base, q = base_and_exponent(terms[0][0][k][0])
    return not base.shape and q < 0


def _take_out(node: Add, terms: list[Term], k: int) -> Expr | None:
    first, first_out, _ = terms[0]
    base, q = base_and_exponent(first[k][0])
    signature = _signature(first[k][1], first_out)
    places = [k]
    exponents = [q]
    for factors, out, _ in terms[1:]:
        found = None
        for j, (f, ls) in enumerate(factors):
            b, r = base_and_exponent(f)
            if b is base and _signature(ls, out) == signature and (r > 0) == (q > 0) and \
                    (r == q or (r.denominator == q.denominator == 1)):
                found, exponent = j, r
                break
        if found is None:
            return None
        places.append(found)
        exponents.append(exponent)
    common = min(exponents) if q > 0 else max(exponents)
    order = len(node.shape)
    carried = {p for axis in signature if axis[:1] != ("summed",) for p in axis}
    rests: list[tuple[list[tuple[Expr, tuple[int, ...]]], tuple[int, ...], tuple[int, ...], dict[int, Dim]]] = []
    for (factors, out, dims), j, r in zip(terms, places, exponents, strict=True):
        f, ls = factors[j]
        if order and ls and not any(factors[j] in group and any(x in out for _, at in group for x in at)
                                    for group in components(factors, set(out))):
            return None                                         # part of a number, such as the xᵀAx of (xᵀAx) x
        rest = [row for m, row in enumerate(factors) if m != j]
        if r != common:
            rest.append((power(base, r - common), ls))
        rests.append((rest, out, ls, dims))
    kept: list[int] = []
    for p in range(order):
        users = [any(out[p] in ls for _, ls in rest) or out.count(out[p]) > 1 for rest, out, _, _ in rests]
        if p not in carried or any(users):
            kept.append(p)
        if p in carried and any(users) and any(rest and not used for (rest, _, _, _), used in zip(rests, users, strict=True)):
            return None                                         # in a ⊙ x + x it leaves a + 1; not in a ⊙ x + s x
    summed = [a for a, s in enumerate(signature) if s == ("summed", a)]
    if len(kept) + len(summed) > max(order, 2):
        return None                                             # would lose the matrix form
    inner_terms = []
    for (c, _), (rest, out, ls, dims) in zip(node.terms, rests, strict=True):
        inner_out = tuple(out[p] for p in kept) + tuple(ls[a] for a in summed)
        inner_terms.append((c, contract([f for f, _ in rest], [x for _, x in rest], inner_out,
                                        {x: dims[x] for x in inner_out})))
    shape = tuple(node.shape[p] for p in kept) + tuple(base.shape[a] for a in summed)
    inner = add(inner_terms, shape)
    out_labels = tuple(range(order))
    factor_labels: list[object] = []
    for s in signature:
        factor_labels.append(s[0] if s[:1] != ("summed",) else s)
    inner_labels = tuple(kept) + tuple(("summed", a) for a in summed)
    return contract((power(base, common), inner), (factor_labels, inner_labels), out_labels, dict(enumerate(node.shape)))


# ---------------------------------------------------------------- factoring in part
def _diagonal_and_outer() -> tuple[Expr, Context]:
    p, v = symbol("p", (3,)), symbol("v", (3,))
    return add([(1, contract((p, v), ("i", "i"), "i")), (-1, contract((p, p, v), ("i", "k", "k"), "i"))], (3,)), Context()


@rule("factor out", r"a\odot v-(b^\top v)\,c=(\operatorname{diag}(a)-c\,b^\top)\,v", [Add], example=_diagonal_and_outer)
def factor_vector(node: Add, context: Context) -> Expr | None:
    """What a diagonal matrix and outer products are both applied to is taken out of the sum, unless that is heavier."""
    if len(node.terms) < 2 or not 1 <= len(node.shape) <= 2:
        return None
    terms = [_as_term(t) for _, t in node.terms]
    for f in sorted({f for f, _ in terms[0][0] if f.shape}, key=lambda f: (-f.weight, f.digest)):
        result = _matrix_times(node, terms, f)
        if result is not None and result.weight <= node.weight:
            return result
    return None


def _matrix_times(node: Add, terms: list[Term], f: Expr) -> Expr | None:
    """The sum as a matrix times f along f's first axis, further axes of f being the last of the result."""
    order, n = len(node.shape), len(f.shape)
    if n != order:
        return None
    inner_terms: list[tuple[Fraction, Expr]] = []
    kinds: set[str] = set()
    for (c, _), (factors, out, dims) in zip(node.terms, terms, strict=True):
        places = [k for k, (g, _) in enumerate(factors) if g is f]
        if len(places) != 1:
            return None
        rest = [row for k, row in enumerate(factors) if k != places[0]]
        x, *others = factors[places[0]][1]
        used = {y for _, ls in rest for y in ls}
        if others != list(out[1:]) or len(set(out)) < order or set(others) & used:
            return None
        if x == out[0]:
            kinds.add("diagonal")
        elif x not in out and out[0] in used and all(not {x, out[0]} <= set(ls) for ls in _connected(rest, {x, out[0]})):
            kinds.add("outer")
        else:
            return None
        inner_terms.append((c, contract([g for g, _ in rest], [ls for _, ls in rest], (out[0], x), {y: dims[y] for y in (out[0], x)})))
    if kinds != {"diagonal", "outer"}:
        return None
    inner = add(inner_terms, (node.shape[0], f.shape[0]))
    return contract((inner, f), (("i", "k"), ("k", *range(1, n))), ("i", *range(1, n)))


def _connected(rows: list[tuple[Expr, tuple[int, ...]]], cut: set[int]) -> list[tuple[int, ...]]:
    """The labels of each group of factors that hang together, labels in ``cut`` not counting."""
    return [tuple(x for _, ls in group for x in ls) for group in components(rows, cut)]


def _scalars() -> tuple[Expr, Context]:
    p, y, c = symbol("p", (3,)), symbol("y", (3,)), symbol("c", ())
    complement = add([(1, ONE), (-1, c)], ())
    return add([(1, contract((complement, p), ((), "i"), "i")), (1, contract((c, p), ((), "i"), "i")), (-1, y)], (3,)), Context()


@rule("collect", r"s\,a+t\,a+b=(s+t)\,a+b", [Add], example=_scalars)
def collect_scalars(node: Add, context: Context) -> Expr | None:
    """Terms that differ by numbers in front alone are put together, where the sum then weighs less."""
    groups: dict[Expr, list[tuple[Fraction, Expr]]] = {}
    for c, t in node.terms:
        factors, out, dims = _as_term(t)
        numbers = [g for g, ls in factors if not ls] if len(factors) > 1 else []
        rest = [row for row in factors if row[1]] if numbers else factors
        core = contract([g for g, _ in rest], [ls for _, ls in rest], out, dims)
        groups.setdefault(core, []).append((c, contract(numbers, [()] * len(numbers), ())))
    if all(len(rows) == 1 for rows in groups.values()) or len(groups) < 2:
        return None
    labels = tuple(range(len(node.shape)))
    terms = [(1, contract((add(rows, ()), core), ((), labels), labels)) for core, rows in groups.items()]
    result = add(terms, node.shape)
    return result if result.weight < node.weight else None


# ---------------------------------------------------------------- fractions
def _fractions() -> tuple[Expr, Context]:
    e = apply("exp", symbol("v", (2,)))
    below = add([(1, ones((2,))), (-1, e)], (2,))
    return add([(1, ones((2,))), (1, contract((e, power(below, -1)), ("i", "i"), "i"))], (2,)), Context()


@rule("common denominator", r"\frac{a}{b}+c=\frac{a+c\,b}{b}", [Add], example=_fractions)
def common_denominator(node: Add, context: Context) -> Expr | None:
    """Of a/bᵖ⁺¹ and c/bᵖ with a number c, entry by entry, where the numerator a + c b is shorter."""
    labels = tuple(range(len(node.shape)))
    for i, (d, t) in enumerate(node.terms):
        factors, out, dims = _as_term(t)
        for k, (f, ls) in enumerate(factors):
            b, q = base_and_exponent(f)
            if q >= 0 or not isinstance(b, Add) or ls != out or len(set(out)) < len(out):
                continue
            other = power(b, q + 1) if q != -1 else ones(node.shape)
            c = next((c for c, u in node.terms if u is other), None)
            if c is None:
                continue
            rest = contract([g for m, (g, _) in enumerate(factors) if m != k], [x for m, (_, x) in enumerate(factors) if m != k], out, dims)
            above = add([(d, rest), (c, b)], node.shape)
            whole = contract((above, f), (labels, labels), labels)
            kept = [(e, u) for j, (e, u) in enumerate(node.terms) if j != i and u is not other]
            result = add([*kept, (1, whole)], node.shape)
            if result.weight < node.weight:
                return result
    return None


# ---------------------------------------------------------------- sums of sums
def _constant_term() -> tuple[Expr, Context]:
    return view(add([(1, ones((3,))), (-1, symbol("y", (3,)))], (3,)), "i", ""), Context()


@rule("sum term by term", r"\textstyle\sum_i(c+a_i)=n\,c+\sum_i a_i", [Contract], example=_constant_term)
def sum_constants(node: Contract, context: Context) -> Expr | None:
    """Terms of a sum that are constant along an axis, or diagonal in it, leave a sum over that axis."""
    for j in sums_in(node):
        inner = node.factors[j]
        assert isinstance(inner, Add)
        elsewhere = {x for k, ls in enumerate(node.labels) if k != j for x in ls} | set(node.out)
        alone = [a for a, x in enumerate(node.labels[j]) if x not in elsewhere and node.labels[j].count(x) == 1]
        easy = [(c, t) for c, t in inner.terms if any(free_along(t, a) for a in alone)]
        if easy:
            rest = [(c, t) for c, t in inner.terms if (c, t) not in easy]
            parts = [*easy, *([(Fraction(1), add(rest, inner.shape))] if rest else [])]
            return add([(c, _replaced(node, j, t)) for c, t in parts], node.shape)
    return None


def free_along(t: Expr, axis: int) -> bool:
    """True for a term that no factor carries this axis of, or in which it is one of a δ."""
    if not isinstance(t, Contract):
        return False
    x = t.out[axis]
    return t.out.count(x) > 1 or all(x not in ls for ls in t.labels)


def _replaced(node: Contract, j: int, t: Expr) -> Expr:
    return contract([t if k == j else f for k, f in enumerate(node.factors)], node.labels, node.out, dict(enumerate(node.dims)))


__all__ = ["collect_scalars", "common_denominator", "distribute", "distributions", "factor_common", "factor_vector", "free_along",
           "sum_constants", "sums_in"]
