"""Looks for a potential of a module: a scalar function whose gradient it is. What is found is checked elsewhere.

Each way is a law of integration: a row whose derivative another row is; by parts; entry by entry by SymPy; a gradient
taken through an affine map or a scalar function of one; and along a ray from 0, for what is homogeneous (Euler).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from random import Random
from typing import Any

import sympy as sp

from symderiv.build import ONE, add, apply, contract, power, scale, substitute, symbol, view
from symderiv.engine import Engine
from symderiv.errors import NoRuleError
from symderiv.facts import Facts
from symderiv.frontend.build_text import expand
from symderiv.frontend.notation import tensor_params
from symderiv.frontend.rows import definition_of, derivative_of, has_definition
from symderiv.functions import SCALAR, TENSOR
from symderiv.held import points_under
from symderiv.integrals import antiderivative
from symderiv.ir import (
    Add,
    Call,
    Contract,
    Expr,
    Map,
    Symbol,
    depends,
    free_name,
    free_symbols,
    is_zero,
    names_in,
    postorder,
    scaled,
)
from symderiv.ops import dot
from symderiv.patterns import components
from symderiv.points import NotEvaluableError, OutsideDomainError, evaluate, mp, sizes_of
from symderiv.rational import Scalars
from symderiv.rules.base import peel

NONE = Facts()
SMALL = mp.mpf(10) ** -20
JUMPS = frozenset({"heaviside", "sign", "hardshrink"})
"""the rows that jump at a kink"""
DEGREES = (0, 1, 2, 3, 4, -2, -3)
Rows = list[tuple[Expr, tuple[int, ...]]]


def points(u: Symbol, others: list[Symbol], facts: Facts, size: int, roots: tuple[Expr, ...]) -> Iterator[Any]:
    """(point, sizes) at random, where the facts hold; it ends where no such point is met."""
    sizes: dict[str, int] = {}
    for root in (*facts.expressions, *roots):
        sizes.update(sizes_of(root, size))
    for point in points_under((u, *others), facts, sizes, Random(3)):
        yield point, sizes


def others_in(u: Symbol, *roots: Expr) -> list[Symbol]:
    return [s for s in free_symbols(*roots) if s.kind == "variable" and s is not u]


def in_pieces(*roots: Expr) -> bool:
    """Whether there are steps or kinks, at which a law that looks at one point sees nothing."""
    return any(_rough(n) for n in postorder(*roots))


def _rough(node: Expr) -> bool:
    if isinstance(node, Map):
        return not node.generic and node.fn in SCALAR and bool(SCALAR[node.fn].rough)
    return isinstance(node, Call) and not node.abstract and node.fn in TENSOR and TENSOR[node.fn].pieces


def _over(rows: Rows, out: tuple[int, ...], dims: dict[int, Any] | None = None) -> Expr:
    """A product of factors at labels."""
    return contract([f for f, _ in rows], [ls for _, ls in rows], out, dims)


def _summed(*factors: Expr) -> Expr:
    """The sum over all entries of a product of arrays of one shape."""
    labels = tuple(range(len(factors[0].shape)))
    return contract(factors, [labels] * len(factors), ())


def _number(c: Expr | None) -> Expr | None:
    """c where all entries are it, as a scalar."""
    if c is None or not c.shape:
        return c
    q, rest = scaled(c)
    if not isinstance(rest, Contract) or {x for ls in rest.labels for x in ls} & set(rest.out) or len(set(rest.out)) < len(rest.out):
        return None
    return scale(q, contract(rest.factors, rest.labels, ()))


def jumps(root: Expr) -> bool:
    """Whether something in an expression has jumps, and not only kinks."""
    return any((isinstance(n, Map) and not n.generic and n.fn in JUMPS) or (isinstance(n, Call) and n.fn == "is_max")
               for n in postorder(root))


class Search:
    """Looks for a potential of each term of a module."""

    def __init__(self, engine: Engine, u: Symbol, facts: Facts) -> None:
        self.engine, self.u, self.facts = engine, u, facts

    def potential(self, module: Expr) -> Expr:
        terms = module.terms if isinstance(module, Add) else ((Fraction(1), module),)
        parts = [self.term(t) for _, t in terms]
        if any(p is None for p in parts):
            whole = self.term(module)
            if whole is None:
                raise NoRuleError(
                    "the module's matching loss has no closed form in the table of functions",
                    hint="it is the integral of the module along a ray from 0",
                )
            return self.engine.simplify(whole).after
        found = add([(c, p) for (c, _), p in zip(terms, parts, strict=True) if p is not None], ())
        return self.engine.simplify(found).after

    def term(self, node: Expr) -> Expr | None:
        if not depends(node, self.u):
            return dot(node, self.u)
        factor, bare = self.constant_apart(peel(node))
        if factor is not ONE:
            found = self.term(bare)
            return None if found is None else contract((factor, found), ((), ()), ())
        return (
            self.whole(bare)
            or self.row(bare)
            or self.by_parts(bare)
            or self.composed(bare)
            or self.radial(bare)
            or self.opened(bare)
            or (self.homogeneous(node) if in_pieces(node) else None)
            or self.elementwise(node)
            or self.homogeneous(node)
        )

    def constant_apart(self, node: Expr) -> tuple[Expr, Expr]:
        """(c, M) for c M(u) with a number c in which u doesn't stand."""
        c, rest = scaled(node)
        if not isinstance(rest, Contract):
            return scale(c, ONE), rest
        groups = components(list(zip(rest.factors, rest.labels, strict=True)), set(rest.out))
        numbers = [g for g in groups if not any(x in rest.out for _, ls in g for x in ls)
                   and not any(depends(f, self.u) for f, _ in g)]
        if not numbers or len(numbers) == len(groups):
            return scale(c, ONE), rest
        moved = [row for g in numbers for row in g]
        kept = [row for g in groups if g not in numbers for row in g]
        return scale(c, _over(moved, ())), _over(kept, rest.out, dict(enumerate(rest.dims)))

    def opened(self, node: Expr) -> Expr | None:
        """Of a function by its definition: a sum term by term."""
        if not isinstance(node, Map) or not has_definition(node):
            return None
        value = self.engine.simplify(definition_of(node)).after
        if not isinstance(value, Add) or len(value.terms) < 2:
            return self.by_parts(peel(value)) or self.composed(peel(value))
        parts = [(c, self.term(t)) for c, t in value.terms]
        return None if any(p is None for _, p in parts) else add([(c, p) for c, p in parts if p is not None], ())

    def slope(self, arg: Expr) -> Expr | None:
        """c where arg is c ⊙ u + constant, an array of u's shape."""
        if arg.shape != self.u.shape:
            return None
        jacobian = self.engine.jacobian(arg, self.u).after
        labels = tuple(range(len(arg.shape)))
        if is_zero(jacobian) or depends(jacobian, self.u):
            return None
        c = view(jacobian, labels + labels, labels)
        diagonal = self.engine.simplify(view(c, labels, labels + labels)).after
        return c if diagonal is jacobian else None

    # ------------------------------------------------------------ by the table
    def integral(self, node: Expr) -> Expr | None:
        """F(x) of f(x), where F is a row with the derivative f."""
        if not isinstance(node, Map) or node.generic or node.fn == "pow":
            return None
        for row in SCALAR.values():
            made = apply(row.name, node.arg, [v for _, v in row.params])
            if made.shape == node.shape and isinstance(made, Map) \
                    and self.engine.simplify(derivative_of(made)).after is node:
                return made
        return None

    def row(self, node: Expr) -> Expr | None:
        """Of f(c ⊙ u + d) where the table has a row F with F' = f: the sum of F(c ⊙ u + d)/c."""
        found = self.integral(node)
        c = self.slope(node.arg) if found is not None and isinstance(node, Map) else None
        return None if c is None or found is None else _summed(found, power(c, -1))

    def by_parts(self, node: Expr) -> Expr | None:
        """∫ r f = r F − ∫ r′ F, for an affine r, where the table has F′ = f, and G′ = F."""
        if not isinstance(node, Contract) or node.shape != self.u.shape or len(set(node.out)) < len(node.out):
            return None
        rows = list(zip(node.factors, node.labels, strict=True))
        for k, (f, labels) in enumerate(rows):
            inner = peel(f)
            c = self.slope(inner.arg) if labels == node.out and isinstance(inner, Map) else None
            first = None if c is None else self.integral(inner)
            if c is None or first is None:
                continue
            rest = _over(rows[:k] + rows[k + 1 :], node.out, dict(enumerate(node.dims)))
            through = power(c, -1)
            whole = _summed(rest, first, through)
            if not depends(rest, self.u):
                return whole
            b, second = self.slope(rest), self.integral(first)
            if b is not None and second is not None:
                return add([(1, whole), (-1, _summed(b, second, through, through))], ())
        return None

    # ------------------------------------------------------------ through another function
    def whole(self, node: Expr) -> Expr | None:
        """Of a function of whole arrays whose row states a potential, at cu + d with a number c: it, divided by c."""
        row = TENSOR.get(node.fn) if isinstance(node, Call) and not node.abstract and not node.ders else None
        if row is None or not row.potential or not isinstance(node, Call):
            return None
        c = _number(self.slope(node.args[0]))
        if c is None:
            return None
        scope = {**dict(zip(row.arguments, node.args, strict=True)), **tensor_params(node)}
        return contract((power(c, -1), expand(row.potential, scope)), ((), ()), ())

    def composed(self, node: Expr) -> Expr | None:
        """Of Jᵀ g(z) with z(u) affine, J its Jacobian: a potential of g, at z."""
        for factor in node.factors if isinstance(node, Contract) else (node,):
            g = peel(factor)
            z = g.args[0] if isinstance(g, Call) and len(g.args) == 1 and not g.ders else g.arg if isinstance(g, Map) else None
            if z is None or z is self.u or z.shape != g.shape or not depends(z, self.u):
                continue
            jacobian = self.engine.jacobian(z, self.u).after
            if depends(jacobian, self.u):
                continue
            m, n = len(z.shape), len(self.u.shape)
            zs, us = tuple(range(m)), tuple(range(m, m + n))
            made = self.engine.simplify(contract((jacobian, factor), (zs + us, zs), us)).after
            (a, one), (b, other) = scaled(made), scaled(node)
            if one is not other:
                continue
            v = symbol(free_name(names_in(node), "v", "z"), z.shape)
            try:
                found = Search(self.engine, v, NONE).potential(substitute(g, {z: v}))
            except NoRuleError:
                continue
            return scale(b / a, substitute(found, {v: z}))
        return None

    def radial(self, node: Expr) -> Expr | None:
        """Of h(q) ∇q with a scalar q(u): the integral of h, at q."""
        if not isinstance(node, Contract):
            return None
        rows = list(zip(node.factors, node.labels, strict=True))
        for k, (f, labels) in enumerate(rows):
            h = peel(f)
            if labels or not isinstance(h, Map) or h.generic or not depends(h.arg, self.u):
                continue
            q = h.arg
            if h.fn != "pow":
                found = self.integral(h)
            elif h.params[0] == -1:
                found = apply("log", apply("abs", q))
            else:
                found = scale(1 / (h.params[0] + 1), power(q, h.params[0] + 1))
            rest = _over(rows[:k] + rows[k + 1 :], node.out, dict(enumerate(node.dims)))
            (a, one), (b, other) = self.constant_apart(self.engine.jacobian(q, self.u).after), self.constant_apart(rest)
            if found is not None and one is other:
                return contract((b, power(a, -1), found), ((), (), ()), ())
        return None

    # ------------------------------------------------------------ along a ray
    def homogeneous(self, node: Expr) -> Expr | None:
        """⟨M(u), u⟩/(k + 1) where J u = k M (Euler), so that M(tu) = tᵏ M(u)."""
        n = len(self.u.shape)
        if node.shape != self.u.shape:
            return None
        jacobian = self.engine.jacobian(node, self.u).after
        moved = contract((jacobian, self.u), (tuple(range(2 * n)), tuple(range(n, 2 * n))), tuple(range(n)))
        if in_pieces(node) and not self.bent_at_zero(node):
            return None
        for k in DEGREES:
            if is_zero(self.engine.simplify(add([(1, moved), (-k, node)], node.shape)).after):
                return scale(Fraction(1, k + 1), dot(node, self.u))
        degree = self.degree(node)
        return None if degree is None else scale(Fraction(1, degree + 1), dot(node, self.u))

    def bent_at_zero(self, node: Expr) -> bool:
        """Whether all steps and kinks are of multiples of u at 0, so that each ray from 0 stays in one piece."""
        rough = [n for n in postorder(node) if _rough(n)]
        return all(isinstance(n, Map) and SCALAR[n.fn].rough == ("0",) and scaled(n.arg)[1] is self.u for n in rough)

    def degree(self, node: Expr) -> int | None:
        """The k that M(2u) = 2ᵏ M(u) shows at some points; what comes of it is checked in the end."""
        seen: set[int] = set()
        for point, sizes in islice(points(self.u, others_in(self.u, node), self.facts, 3, (node,)), 6):
            try:
                one = evaluate(node, point, sizes)
                two = evaluate(node, {**point, self.u: {at: 2 * v for at, v in point[self.u].items()}}, sizes)
            except OutsideDomainError:
                continue
            except NotEvaluableError:
                return None
            fits = [k for k in DEGREES if all(abs(two[at] - 2**k * one[at]) < SMALL * (1 + abs(one[at])) for at in one)]
            seen.add(fits[0] if len(fits) == 1 else -1)
        return seen.pop() if len(seen) == 1 and seen != {-1} else None

    # ------------------------------------------------------------ entry by entry
    def elementwise(self, node: Expr) -> Expr | None:
        """The sum over entries of the integral of one entry's formula."""
        scalars = Scalars(node.shape, self.u)
        formula = scalars.entry(node) if node.shape == self.u.shape else None
        entries = [s for (e, _), s in scalars.atoms.items() if e is self.u]
        if formula is None or len(entries) != 1 or (self.u, scalars.letters) not in scalars.atoms:
            return None
        integral = antiderivative(formula, entries[0])
        found = None if integral is None else scalars.expression(self.with_real_logarithms(integral, scalars, node))
        return None if found is None else view(found, tuple(range(len(node.shape))), ())

    def with_real_logarithms(self, integral: sp.Expr, scalars: Scalars, module: Expr) -> sp.Expr:
        """log(−w) for log(w) where w is negative at the points that the facts allow: both have one derivative."""
        for term in integral.atoms(sp.log):
            inside = scalars.expression(term.args[0])
            if inside is None:
                continue
            signs = set()
            for point, sizes in islice(points(self.u, others_in(self.u, inside, module), self.facts, 1, (inside, module)), 12):
                try:
                    evaluate(module, point, sizes)               # only where the module itself is defined
                    signs |= {mp.sign(v) for v in evaluate(inside, point, sizes).values()}
                except OutsideDomainError:
                    continue
            if signs == {-1}:
                integral = integral.xreplace({term: sp.log(-term.args[0])})
            elif -1 in signs:
                integral = integral.xreplace({term: sp.log(sp.Abs(term.args[0], evaluate=False))})
        return integral


