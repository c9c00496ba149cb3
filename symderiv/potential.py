"""The loss that matches a module: L(u, y) = Φ(u) − ⟨y, u⟩ with ∇Φ = M, so that dL/du = M(u) − y.

Such a Φ exists exactly where the Jacobian of M is symmetric. It is integrated entry by entry for elementwise modules
(from the rows' derivatives, else by SymPy), and along a ray for others: Φ(u) = ∫₀¹ ⟨M(tu), u⟩ dt, which is
⟨M(u), u⟩/(k + 1) where M(tu) = tᵏ M(u). Whatever was found, the engine differentiates it again: that is the proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any

from symderiv.affinity import flat
from symderiv.antigradient import Search, in_pieces, jumps, others_in, points
from symderiv.build import add, der, permute, zero
from symderiv.decision import Decision
from symderiv.engine import Engine
from symderiv.errors import NoMatchingLossError, NoRuleError
from symderiv.facts import Facts
from symderiv.functions import SCALAR
from symderiv.integrals import monotone
from symderiv.ir import Call, Expr, Map, Symbol, is_zero
from symderiv.ops import dot, shape_text
from symderiv.points import (
    NotEvaluableError,
    OutsideDomainError,
    Value,
    draws,
    evaluate,
    indices,
    mp,
    text_of,
)
from symderiv.proving.domain import partial
from symderiv.rational import Scalars
from symderiv.record import Cong, Fire, Item, Proof, chain
from symderiv.rules.base import peel
from symderiv.rules.splitting import same_fraction
from symderiv.services import service

NONE = Facts()
STEP = mp.mpf(10) ** -12
PAIRS, REACH, STRETCHES, HALVINGS = 4, 4, 24, 40
SMALL = mp.mpf(10) ** -20


@dataclass(frozen=True, repr=False)
class MatchingLoss(Decision):
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

    >>> from symderiv.build import apply, symbol
    >>> u, y = symbol("u", ("o",)), symbol("y", ("o",))
    >>> find_matching_loss(apply("tanh", u), u, y).potential
    <1ᵀ logcosh(u)>
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
    potential = Search(engine, input, facts).potential(value)
    _expect_continuous(potential, input, facts)
    loss = add([(1, potential), (-1, dot(target, input))], ())
    proof, difference = _gradient(loss, value, input, target, facts)
    proved = is_zero(difference.after)
    reason = "" if proved else _expect_gradient(potential, value, input, facts)
    convex = _convexity(potential, value, jacobian, input, facts)
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
def _expect_symmetric(jacobian: Expr, u: Symbol, facts: Facts) -> None:
    n = len(u.shape)
    swapped = permute(jacobian, (*range(n, 2 * n), *range(n)))
    if jacobian is swapped:
        return
    found: list[tuple[Any, tuple[int, ...], Value, Value]] = []           # the entry that differs at each point
    try:
        for point, sizes in islice(points(u, others_in(u, jacobian), facts, 3, (jacobian,)), 6):
            try:
                value = evaluate(jacobian, point, sizes)
            except OutsideDomainError:
                continue
            gaps = ((abs(value[at] - value[_turned(at)]), at) for at in value)
            found += [(*row, value, point[u]) for row in islice((g for g in gaps if g[0] > 1e-12 * (1 + abs(value[g[1]]))), 1)]
    except NotEvaluableError as error:
        raise NoMatchingLossError(
            f"nothing says that the module's Jacobian is symmetric: {error.message}",
            hint="give the module's definition",
        ) from None
    if found:
        _, at, value, where = max(found, key=lambda row: row[0])
        (i, j), between = ((",".join(str(k + 1) for k in part) for part in (at[:n], at[n:])), ", " if n == 1 else "; ")
        raise NoMatchingLossError(
            f"the module is no gradient: its Jacobian isn't symmetric, entry ({i}{between}{j}) is {text_of(value[at])} and entry"
            f" ({j}{between}{i}) is {text_of(value[_turned(at)])} at {u.name} = {flat(where)}",
            hint="only a module with a symmetric Jacobian has a matching loss",
        )


def _turned(at: tuple[int, ...]) -> tuple[int, ...]:
    """The place of an entry of the transposed Jacobian."""
    n = len(at) // 2
    return (*at[n:], *at[:n])


# ---------------------------------------------------------------- checks
def _expect_gradient(potential: Expr, module: Expr, u: Symbol, facts: Facts) -> str:
    """Central differences of the potential against the module, at random points."""
    done = 0
    for point, sizes in islice(points(u, others_in(u, potential, module), facts, 3, (potential, module)), 20):
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


def _expect_continuous(potential: Expr, u: Symbol, facts: Facts) -> None:
    """Of a potential in pieces: where it jumps its gradient is right almost everywhere, and it is no integral.

    Between points on either side the stretch with the largest change is halved again and again: at a kink the change
    goes to 0 with the stretch, at a jump it stays.
    """
    if not in_pieces(potential):
        return
    drawn = points(u, others_in(u, potential), facts, 2, (potential,))
    for (first, sizes), (second, _) in islice(zip(drawn, drawn, strict=False), PAIRS):
        reach = 1 if facts else REACH

        def along(t: Any, a: Any = first, b: Any = second, sizes: Any = sizes, reach: int = reach) -> Any:
            at = {k: reach * ((1 - t) * v + t * b[u][k]) for k, v in a[u].items()}
            return evaluate(potential, {**a, u: at}, sizes)[()]

        try:
            grid = [mp.mpf(k) / STRETCHES for k in range(STRETCHES + 1)]
            values = [along(t) for t in grid]
            for k in sorted(range(STRETCHES), key=lambda k: -abs(values[k + 1] - values[k]))[:3]:
                lo, hi, low, high = grid[k], grid[k + 1], values[k], values[k + 1]
                for _ in range(HALVINGS):
                    t = (lo + hi) / 2
                    middle = along(t)
                    lo, hi, low, high = (lo, t, low, middle) if abs(middle - low) > abs(high - middle) else (t, hi, middle, high)
                if abs(high - low) > mp.mpf(10) ** -6 * (1 + abs(low)):
                    raise NoRuleError("the module's matching loss has no closed form in the table of functions",
                                      hint="the antiderivative that was found jumps where pieces of the module meet")
        except OutsideDomainError:
            continue


def _convexity(potential: Expr, module: Expr, jacobian: Expr, u: Symbol, facts: Facts) -> str:
    """Convex where it is known that the Jacobian is positive semi-definite; neither where two directions show it."""
    if not jumps(module) and is_zero(jacobian):
        return "affine"
    if isinstance(module, Map) and not module.generic and module.arg is u and module.fn in SCALAR:
        row = SCALAR[module.fn]
        known = row.facts_hold(**dict(zip((p for p, _ in row.params), module.params, strict=True)))
        if row.monotone is not None and known:
            return "convex" if row.monotone == "increasing" else "concave"
    if module is u or (isinstance(module, Call) and module.fn == "softmax" and module.args[0] is u):
        return "convex"
    scalars = Scalars(module.shape, u)
    formula = scalars.entry(module) if in_pieces(module) and module.shape == u.shape else None
    entries = [x for (e, _), x in scalars.atoms.items() if e is u]
    moves = monotone(formula, entries[0]) if formula is not None and len(entries) == 1 else None
    if moves is not None and not (moves == "neither" and facts.about([u])):     # on a part of the line it may be one of them
        return {"increasing": "convex", "decreasing": "concave", "constant": "affine", "neither": "neither"}[moves]
    if jumps(module):                                           # which its Jacobian doesn't see
        return str(service("curvature")(potential, u, facts).verdict)
    try:
        verdict = service("certificate")(jacobian, facts).verdict
    except (ImportError, AttributeError):  # nothing certifies: only a counterexample is looked for
        verdict = "unknown"
    if verdict in ("psd", "nsd") or (verdict == "indefinite" and not partial(module)):
        return {"psd": "convex", "nsd": "concave", "indefinite": "neither"}[verdict]
    curved = str(service("curvature")(potential, u, facts).verdict)       # 1/(1 + u) < 0 where log(1 + u) isn't defined
    if curved != "unknown":
        return curved
    n, signs = len(u.shape), set()
    random = Random(4)
    try:
        for point, sizes in islice(points(u, others_in(u, jacobian, module), facts, 3, (jacobian, module)), 20):
            try:
                evaluate(module, point, sizes)                  # only where the module itself is defined
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
