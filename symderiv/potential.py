"""The loss that matches a module: L(u, y) = Φ(u) − ⟨y, u⟩ with ∇Φ = M, so that dL/du = M(u) − y.

Such a Φ exists exactly where the Jacobian of M is symmetric. It is integrated entry by entry for elementwise modules
(from the rows' derivatives, else by SymPy), and along a ray for others: Φ(u) = ∫₀¹ ⟨M(tu), u⟩ dt, which is
⟨M(u), u⟩/(k + 1) where M(tu) = tᵏ M(u). Whatever was found, the engine differentiates it again: that is the proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from random import Random
from typing import Any

import sympy as sp

from symderiv.affinity import flat
from symderiv.build import ONE, add, apply, call, contract, der, identity, permute, power, scale, view, zero
from symderiv.engine import Engine
from symderiv.errors import NoMatchingLossError, NoRuleError
from symderiv.facts import Facts
from symderiv.frontend.rows import definition_of, derivative_of, has_definition
from symderiv.functions import SCALAR
from symderiv.integrals import antiderivative
from symderiv.ir import Add, Call, Contract, Expr, Map, Symbol, depends, free_symbols, is_zero, scaled
from symderiv.ops import dot, shape_text
from symderiv.points import (
    NotEvaluableError,
    OutsideDomainError,
    Value,
    draws,
    evaluate,
    indices,
    mp,
    sizes_of,
    text_of,
)
from symderiv.rational import Scalars
from symderiv.record import Cong, Fire, Item, Proof, chain
from symderiv.rules.base import peel
from symderiv.rules.splitting import same_fraction
from symderiv.services import service

NONE = Facts()
STEP = mp.mpf(10) ** -12
SMALL = mp.mpf(10) ** -20
DEGREES = (0, 1, 2, 3, 4, -2, -3)


@dataclass(frozen=True)
class MatchingLoss:
    """``loss`` has the gradient module − target in the input.

    ``proof`` derives the gradient, and ``difference`` takes gradient − (module − target) to 0; then ``status`` is
    "proved", else "checked" (at points).
    ``convex`` is "convex", "concave", "affine", "neither" or "unknown", of the loss in its input: "convex" only where a
    row says that the module increases, or its Jacobian is known to be positive semi-definite.
    """

    loss: Expr
    potential: Expr
    module: Expr
    input: Symbol
    target: Symbol
    convex: str
    status: str
    proof: Proof
    difference: Proof
    reason: str


def find_matching_loss(module: Expr, input: Symbol, target: Symbol, facts: Facts = NONE) -> MatchingLoss:
    """The loss whose gradient in the input is module − target.

    Raises NoMatchingLossError, with two entries of the Jacobian that differ, where there is none, and NoRuleError
    where there may be one, but none in the functions of the table.

    >>> from symderiv.build import symbol
    >>> u, y = symbol("u", ("o",)), symbol("y", ("o",))
    >>> find_matching_loss(apply("tanh", u), u, y).potential
    <{logcosh(u)_i}>
    """
    if module.shape != input.shape:
        raise NoMatchingLossError(
            f"the module takes {shape_text(input.shape)} to {shape_text(module.shape)}, and a gradient keeps the shape",
            hint="a loss matches a module whose output has the shape of its input",
        )
    engine = Engine(facts)
    value = peel(engine.simplify(module).after)
    jacobian = engine.jacobian(value, input).after
    _expect_symmetric(jacobian, input, facts)
    potential = _Search(engine, input, facts).potential(value)
    loss = add([(1, potential), (-1, dot(target, input))], ())
    proof, difference = _gradient(loss, value, input, target, facts)
    proved = is_zero(difference.after)
    reason = "" if proved else _expect_gradient(potential, value, input, facts)
    convex = _convexity(value, jacobian, input, facts)
    status = "proved" if proved else "checked"
    return MatchingLoss(loss, potential, module, input, target, convex, status, proof, difference, reason)


def _gradient(loss: Expr, module: Expr, u: Symbol, target: Symbol, facts: Facts) -> tuple[Proof, Proof]:
    """The derivation of the loss's gradient, and the proof of what gradient − (module − target) comes to."""
    engine = Engine(facts)
    begun = engine.begin(loss)
    start = der(loss, u)
    items: list[Item] = []
    if begun.after is not loss:
        items.append(Cong(start, der(begun.after, u), (begun,)))
    items.append(engine.gradients(begun.after, [u])[0])
    items.append(engine.unname(items[-1].after))
    proof = chain(start, items, engine.context)
    wanted = add([(1, module), (-1, target)], u.shape)
    gap = add([(1, proof.after), (-1, wanted)], u.shape)
    found = engine.simplify(gap)
    if not is_zero(found.after):
        used = same_fraction.fire(gap, engine.context, zero(u.shape))
        if used is not None:
            step = Fire(same_fraction.name, gap, used.after, zero(u.shape), (), used.facts)
            found = chain(gap, [step], engine.context)
    return proof, found


# ---------------------------------------------------------------- is there one?
def _points(u: Symbol, others: list[Symbol], facts: Facts, size: int, roots: tuple[Expr, ...]) -> Iterator[Any]:
    """(point, sizes) at random."""
    random = Random(3)
    sizes: dict[str, int] = {}
    for root in roots:
        sizes.update(sizes_of(root, size))
    streams = {s: draws(s.shape, s, facts, sizes, random) for s in (u, *others)}
    while True:
        yield {s: next(stream) for s, stream in streams.items()}, sizes


def _others(u: Symbol, *roots: Expr) -> list[Symbol]:
    return [s for s in free_symbols(*roots) if s.kind == "variable" and s is not u]


def _expect_symmetric(jacobian: Expr, u: Symbol, facts: Facts) -> None:
    n = len(u.shape)
    swapped = permute(jacobian, (*range(n, 2 * n), *range(n)))
    if jacobian is swapped:
        return
    try:
        for point, sizes in islice(_points(u, _others(u, jacobian), facts, 3, (jacobian,)), 6):
            try:
                value = evaluate(jacobian, point, sizes)
            except OutsideDomainError:
                continue
            for at in value:
                back = (*at[n:], *at[:n])
                if abs(value[at] - value[back]) > 1e-12 * (1 + abs(value[at])):
                    i, j = (",".join(str(k + 1) for k in part) for part in (at[:n], at[n:]))
                    raise NoMatchingLossError(
                        f"the module is no gradient: its Jacobian isn't symmetric, entry ({i}; {j}) is"
                        f" {text_of(value[at])} and entry ({j}; {i}) is {text_of(value[back])} at {u.name} ="
                        f" {flat(point[u])}",
                        hint="only a module with a symmetric Jacobian has a matching loss",
                    )
    except NotEvaluableError as error:
        raise NoMatchingLossError(
            f"nothing says that the module's Jacobian is symmetric: {error.message}",
            hint="give the module's definition",
        ) from None


# ---------------------------------------------------------------- its potential
class _Search:
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
        bare = peel(node)
        return (
            self.softmax(bare)
            or self.row(bare)
            or self.opened(bare)
            or self.elementwise(node)
            or self.homogeneous(node)
        )

    def opened(self, node: Expr) -> Expr | None:
        """Of a function whose definition is a sum: term by term."""
        if not isinstance(node, Map) or not has_definition(node):
            return None
        value = self.engine.simplify(definition_of(node)).after
        if not isinstance(value, Add) or len(value.terms) < 2:
            return None
        parts = [(c, self.term(t)) for c, t in value.terms]
        return None if any(p is None for _, p in parts) else add([(c, p) for c, p in parts if p is not None], ())

    def slope(self, arg: Expr) -> Expr | None:
        """c where arg is c·u + constant, a number or a scalar without u in it."""
        jacobian = self.engine.jacobian(arg, self.u).after
        unit = identity(self.u.shape)
        if arg.shape != self.u.shape or is_zero(jacobian):
            return None
        c, rest = scaled(jacobian)
        if rest is unit:
            return scale(c, ONE)
        if not isinstance(rest, Contract) or depends(rest, self.u):
            return None
        rows = list(zip(rest.factors, rest.labels, strict=True))
        scalars = [f for f, labels in rows if not labels]
        array = [row for row in rows if row[1]]
        core = contract([f for f, _ in array], [labels for _, labels in array], rest.out, dict(enumerate(rest.dims)))
        return scale(c, contract(scalars, [()] * len(scalars), ())) if core is unit else None

    @staticmethod
    def over(slope: Expr, total: Expr) -> Expr:
        return contract((power(slope, -1), total), ((), ()), ())

    def softmax(self, node: Expr) -> Expr | None:
        """Of softmax(cu + d): the sum of logsumexp(cu + d)/c."""
        if not isinstance(node, Call) or node.fn != "softmax" or node.ders:
            return None
        c = self.slope(node.args[0])
        if c is None:
            return None
        kept = tuple(d for k, d in enumerate(node.shape) if k != node.params[0])
        found = call("logsumexp", node.args, kept, node.params)
        return self.over(c, view(found, tuple(range(len(kept))), ()))

    def row(self, node: Expr) -> Expr | None:
        """Of f(cu + d) where the table has a row F with F' = f: the sum of F(cu + d)/c."""
        if not isinstance(node, Map) or node.generic or node.fn == "pow":
            return None
        c = self.slope(node.arg)
        if c is None:
            return None
        for row in SCALAR.values():
            made = apply(row.name, node.arg, [v for _, v in row.params])
            if made.shape != node.shape or not isinstance(made, Map):
                continue
            if self.engine.simplify(derivative_of(made)).after is node:
                return self.over(c, view(made, tuple(range(len(node.shape))), ()))
        return None

    def homogeneous(self, node: Expr) -> Expr | None:
        """⟨M(u), u⟩/(k + 1) where J u = k M (Euler), so that M(tu) = tᵏ M(u)."""
        n = len(self.u.shape)
        if node.shape != self.u.shape:
            return None
        jacobian = self.engine.jacobian(node, self.u).after
        moved = contract((jacobian, self.u), (tuple(range(2 * n)), tuple(range(n, 2 * n))), tuple(range(n)))
        for k in DEGREES:
            if is_zero(self.engine.simplify(add([(1, moved), (-k, node)], node.shape)).after):
                return scale(Fraction(1, k + 1), dot(node, self.u))
        degree = self.degree(node)
        return None if degree is None else scale(Fraction(1, degree + 1), dot(node, self.u))

    def degree(self, node: Expr) -> int | None:
        """The k that M(2u) = 2ᵏ M(u) shows at some points; what comes of it is checked in the end."""
        seen: set[int] = set()
        for point, sizes in islice(_points(self.u, _others(self.u, node), self.facts, 3, (node,)), 6):
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
        found = None if integral is None else scalars.expression(self.with_real_logarithms(integral, scalars))
        return None if found is None else view(found, tuple(range(len(node.shape))), ())

    def with_real_logarithms(self, integral: sp.Expr, scalars: Scalars) -> sp.Expr:
        """log(−w) for log(w) where w is negative at the points that the facts allow: both have one derivative."""
        for term in integral.atoms(sp.log):
            inside = scalars.expression(term.args[0])
            if inside is None:
                continue
            signs = set()
            for point, sizes in islice(_points(self.u, _others(self.u, inside), self.facts, 1, (inside,)), 12):
                try:
                    signs |= {mp.sign(v) for v in evaluate(inside, point, sizes).values()}
                except OutsideDomainError:
                    continue
            if signs == {-1}:
                integral = integral.xreplace({term: sp.log(-term.args[0])})
            elif -1 in signs:
                integral = integral.xreplace({term: sp.log(sp.Abs(term.args[0], evaluate=False))})
        return integral


# ---------------------------------------------------------------- checks
def _expect_gradient(potential: Expr, module: Expr, u: Symbol, facts: Facts) -> str:
    """Central differences of the potential against the module, at random points."""
    done = 0
    for point, sizes in islice(_points(u, _others(u, potential, module), facts, 3, (potential, module)), 20):
        try:
            value = evaluate(module, point, sizes)
            for at in indices(u.shape, sizes):
                moved: list[Value] = [{**point[u], at: point[u][at] + k * STEP} for k in (1, -1)]
                up, down = (evaluate(potential, {**point, u: v}, sizes)[()] for v in moved)
                if abs((up - down) / (2 * STEP) - value[at]) > 1e-9 * (1 + abs(value[at])):
                    raise NoRuleError("the module's matching loss has no closed form in the table of functions")
        except OutsideDomainError:
            continue
        done += 1
    if not done:
        raise NoRuleError("the module's matching loss could not be checked: no point was found in its domain")
    return f"its gradient was compared with the module's value at {done} points"


def _convexity(module: Expr, jacobian: Expr, u: Symbol, facts: Facts) -> str:
    """Convex where it is known that the Jacobian is positive semi-definite; neither where two directions show it."""
    if not depends(jacobian, u) and is_zero(jacobian):
        return "affine"
    if isinstance(module, Map) and not module.generic and module.arg is u and SCALAR.get(module.fn):
        kind = SCALAR[module.fn].monotone
        if kind is not None:
            return "convex" if kind == "increasing" else "concave"
    if module is u or (isinstance(module, Call) and module.fn == "softmax" and module.args[0] is u):
        return "convex"
    try:
        verdict = service("certificate")(jacobian, facts).verdict
    except (ImportError, AttributeError):  # nothing certifies: only a counterexample is looked for
        verdict = "unknown"
    if verdict in ("psd", "nsd", "indefinite"):
        return {"psd": "convex", "nsd": "concave", "indefinite": "neither"}[verdict]
    n, signs = len(u.shape), set()
    random = Random(4)
    try:
        for point, sizes in islice(_points(u, _others(u, jacobian), facts, 3, (jacobian,)), 20):
            try:
                value = evaluate(jacobian, point, sizes)
            except OutsideDomainError:
                continue
            for direction in islice(draws(u.shape, u, Facts(), sizes, random), 8):
                form = sum(v * direction[at[:n]] * direction[at[n:]] for at, v in value.items())
                if abs(form) > 1e-12:
                    signs.add(mp.sign(form))
    except NotEvaluableError:
        return "unknown"
    return "neither" if len(signs) == 2 else "unknown"


__all__ = ["MatchingLoss", "find_matching_loss"]
