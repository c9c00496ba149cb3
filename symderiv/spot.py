"""Derivations against numbers where NumPy isn't there: differences to many digits, in plain Python.

The derivative of what was differentiated is taken by differences with a step of 10⁻²⁵, in numbers of so many digits that
nothing is lost; it shares no rule with what is checked. Slower than `verify`, and at fewer points: where NumPy is, that is used.

>>> from symderiv.build import contract, symbol
>>> W, h = symbol("W", ("o", "n")), symbol("h", ("n",))
>>> product = contract((W, h), ("ij", "j"), "i")
>>> check_part(product, (h,), W).verdict, check_part(product, (h,), contract((W, W, W), ("ij", "kj", "kl"), "il")).verdict
('checked', 'refuted')
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, product
from random import Random
from typing import Any

from symderiv.build import add
from symderiv.derive import Derivation, is_whole
from symderiv.dims import dim_value
from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.held import broken_at
from symderiv.ir import Call, Contract, Expr, Map, Symbol, postorder
from symderiv.points import (
    NotEvaluableError,
    OutsideDomainError,
    Point,
    Sizes,
    Value,
    evaluate,
    indices,
    mp,
    sizes_of,
    unfolded,
)
from symderiv.proving.domain import points_of
from symderiv.proving.precise import PRECISION
from symderiv.splits import GaussNewton

LIMIT = 1e-12  # the table has constants to 16 digits
STEP_DIGITS = 25
DRAWS_PER_SIZES = 2
SMALLEST = (2, 3)
"""the sizes are 2, 3, … and 3, 4, …, in both orders: a 2 that should be n is seen"""
MOST_WORK = 4_000_000
"""multiplications at one point"""
TOO_LARGE = "this is too large to check without NumPy"
SECONDS = 20.0
FEATURES = 5
NO_FACTS = Facts()
STYLES: tuple[Any, ...] = (
    lambda v: v + mp.mpf(1) / 7919,  # off the kinks
    lambda v: abs(v) + mp.mpf(1) / 3,
    lambda v: (abs(v) + 1) / 8,
    lambda v: -abs(v) - 1,
)


@dataclass(frozen=True)
class Spot:
    """What a check found; ``summary()`` says it in one line."""

    verdict: str
    draws: int = 0
    seed: int = 0
    sizes: Sizes | None = None
    worst: float = 0.0
    digits: int = 0
    reason: str = ""

    def __bool__(self) -> bool:
        return self.verdict == "checked"

    def summary(self) -> str:
        """One line.

        >>> Spot("checked", 4, 0, {"n": 2}, 1e-24, 75).summary()
        '4 draws · seed 0 · sizes n=2 · worst relative error 1.0e-24 (limit 1e-12, differences to 75 digits)'
        """
        if self.verdict == "unknown":
            return f"not checked: {self.reason}"
        named = ", ".join(f"{atom}={size}" for atom, size in (self.sizes or {}).items())
        shown = [f"{self.draws} draw{'' if self.draws == 1 else 's'}", f"seed {self.seed}", *([f"sizes {named}"] if named else [])]
        return " · ".join([*([self.reason] if self.reason else []), *shown,
                           f"worst relative error {self.worst:.1e} (limit 1e-12, differences to {self.digits} digits)"])


# ---------------------------------------------------------------- what is offered
def spot_check(derivation: Derivation, seed: int = 0) -> Spot:
    """Whether each part of a derivation is the derivative it says, at a few points."""
    if is_whole(derivation.kind):
        return Spot("unknown", reason="this kind is checked with NumPy only")
    within = next((_WITHIN[s.rule] for s in derivation.steps if s.rule in _WITHIN), None)
    return _worst([check_part(derivation.subject, by, result, derivation.facts, seed, within) for by, result in _parts(derivation)])


def spot_check_split(split: GaussNewton, seed: int = 0) -> Spot:
    """Whether H is the Hessian, and G + R is H, at a few points."""
    sums = [check_part(add([(1, g.after), (1, r.after)], h.after.shape), (), h.after, split.facts, seed)
            for h, g, r in zip(split.H.flat, split.G.flat, split.R.flat, strict=True)]
    return _worst([spot_check(split.H, seed), *sums])


def _parts(derivation: Derivation) -> list[tuple[tuple[Expr, ...], Expr]]:
    flat, wrt = [proof.after for proof in derivation.flat], derivation.wrt
    if not derivation.several:
        return [(wrt * derivation.order if len(wrt) == 1 else wrt, flat[0])]
    return list(zip(product(wrt, repeat=derivation.order), flat, strict=True))


def _worst(found: Sequence[Spot]) -> Spot:
    """Refuted if any is, else unknown if any is, else checked."""
    telling = min(found, key=lambda spot: ("refuted", "unknown", "checked").index(spot.verdict))
    if telling.verdict == "unknown":
        return telling
    return replace(telling, worst=max(s.worst for s in found), draws=min(s.draws for s in found), digits=max(s.digits for s in found))


# ---------------------------------------------------------------- one derivative
def check_part(
    body: Expr, by: Sequence[Expr], result: Expr, facts: Facts = NO_FACTS, seed: int = 0, within: Any = None
) -> Spot:
    """Whether ``result`` is the derivative of ``body`` by the symbols ``by``, one after the other; without any, its value."""
    digits = 50 + STEP_DIGITS * len(by)
    with PRECISION:
        kept = mp.dps
        mp.dps = digits
        try:
            return _checked(body, tuple(by), result, facts, seed, within, digits)
        except NotEvaluableError as error:
            return Spot("unknown", reason=f"{error.message} without NumPy")
        except SymderivError as error:
            return Spot("unknown", reason=error.message)
        finally:
            mp.dps = kept


def _checked(body: Expr, by: tuple[Expr, ...], result: Expr, facts: Facts, seed: int, within: Any, digits: int) -> Spot:
    smallest = {**sizes_of(body, SMALLEST[0]), **sizes_of(result, SMALLEST[0])}
    if _work(body, smallest) * _evaluations(by, smallest) + _work(result, smallest) > MOST_WORK:  # before anything is drawn
        return Spot("unknown", reason=TOO_LARGE)
    drawn: dict[tuple[int, ...], int] = {}
    worst, shown, end = 0.0, None, time.monotonic() + SECONDS
    for point, sizes in _points(body, result, facts, seed):
        turn = tuple(sizes.values())
        if drawn.get(turn, 0) >= DRAWS_PER_SIZES or (drawn and time.monotonic() > end):
            continue
        if _work(body, sizes) * _evaluations(by, sizes) + _work(result, sizes) > MOST_WORK:
            continue
        try:
            right = evaluate(result, point, sizes)
            left = _differences(body, by, point, sizes)
        except (OutsideDomainError, ZeroDivisionError):
            continue
        left = within(left) if within else left
        lead = len(next(iter(right))) - len(next(iter(left)))
        scale = max([mp.mpf(1), *map(abs, left.values()), *map(abs, right.values())])
        errors = {at: abs(v - right[(0,) * lead + at]) / scale for at, v in left.items()}
        at = max(errors, key=lambda k: errors[k])
        worst, shown = max(worst, float(errors[at])), shown or sizes
        drawn[turn] = drawn.get(turn, 0) + 1
        if errors[at] > LIMIT:
            place = f" at [{', '.join(map(str, at))}]" if at else ""
            says = f"{mp.nstr(left[at], 6)} against {mp.nstr(right[(0,) * lead + at], 6)}{place}"
            return Spot("refuted", sum(drawn.values()), seed, sizes, worst, digits, f"refuted: {says}")
    if not drawn:
        return Spot("unknown", reason="no point was found at which both sides are defined")
    return Spot("checked", sum(drawn.values()), seed, shown, worst, digits)


def _points(body: Expr, result: Expr, facts: Facts, seed: int) -> Iterator[tuple[dict[Any, Any], Sizes]]:
    """Points that keep the facts, with functions for the generic ones."""
    random = Random(seed)
    for point, sizes in chain(*(points_of(body, result, facts, random, STYLES, smallest) for smallest in SMALLEST)):
        point = _by_name(point)
        if broken_at(facts, point, sizes):
            continue
        functions: dict[str, Any] = {}
        for node in postorder(body, result):
            if isinstance(node, Map) and node.generic:
                functions.setdefault(node.fn, SpotFunction(random, _curvature(node.fn, facts)))
            elif isinstance(node, Call) and node.abstract:
                functions.setdefault(node.fn, SpotMap(random, _curvature(node.fn, facts)))
        yield {**point, **functions}, sizes


def _by_name(point: Mapping[Any, Any]) -> dict[Any, Any]:
    """One value for all symbols of a name: a result may hold X with a property where the subject holds it without."""
    values = {_key(x): value for x, value in sorted(point.items(), key=lambda item: len(item[0].props))}
    return {x: values[_key(x)] for x in point}


def _key(x: Any) -> Any:
    return x.name if isinstance(x, Symbol) and x.kind == "variable" else x


def _curvature(name: str, facts: Facts) -> int:
    return next((1 if f.kind == "convex" else -1 for f in facts if f.subject == name and f.kind in ("convex", "concave")), 0)


def _work(root: Expr, sizes: Sizes) -> int:
    """The multiplications of one evaluation, and the entries on the way."""
    nodes = postorder(unfolded(root))
    return sum(math.prod(dim_value(d, sizes) for d in (n.dims if isinstance(n, Contract) else n.shape)) * (len(n.kids) + 1) for n in nodes)


def _evaluations(by: Sequence[Expr], sizes: Sizes) -> int:
    return math.prod(1 + math.prod(dim_value(d, sizes) for d in x.shape) for x in by)


def _differences(body: Expr, by: tuple[Expr, ...], point: Point, sizes: Sizes) -> Value:
    """The derivative: Σ over the subsets S of its directions of (-1)^(k - |S|) f(x + h Σ_S e) / hᵏ."""
    step = mp.mpf(10) ** -STEP_DIGITS
    known: dict[tuple[Any, ...], Value] = {}
    same = {x: [y for y in point if _key(y) == _key(x) and not isinstance(y, str)] for x in by}

    def value(shifts: tuple[Any, ...]) -> Value:
        key = tuple(sorted(shifts, key=repr))
        if key not in known:
            moved: dict[Any, Any] = dict(point)
            for x, at in shifts:
                for y in same[x]:
                    moved[y] = {**moved[y], at: moved[y][at] + step}
            known[key] = evaluate(body, moved, sizes)
        return known[key]

    found: Value = {}
    order = len(by)
    for places in product(*(indices(x.shape, sizes) for x in by)):
        directions = list(zip(by, places, strict=True))
        total: Value = dict.fromkeys(indices(body.shape, sizes), mp.mpf(0))
        for count in range(order + 1):
            for chosen in combinations(range(order), count):
                sign = (-1) ** (order - count)
                for at, v in value(tuple(directions[k] for k in chosen)).items():
                    total[at] += sign * v
        for at, v in total.items():
            found[at + tuple(i for place in places for i in place)] = v / step**order
    return found


def _structured(gradient: Value) -> Value:
    """The ambient gradient by the entries of a symmetric matrix on and below the diagonal."""
    return {(i, j): v if i == j else v + gradient[j, i] for (i, j), v in gradient.items()}


def _diagonal(gradient: Value) -> Value:
    return {(i, j): v if i == j else mp.mpf(0) for (i, j), v in gradient.items()}


_WITHIN: Mapping[str, Any] = {"structured derivative": _structured, "diagonal derivative": _diagonal}


# ---------------------------------------------------------------- functions that stand for any
class SpotFunction:
    """a sin(b x + c) + d e^(g x) + q x²/2, with random coefficients; (x, k) gives its k-th derivative at a number."""

    def __init__(self, random: Random, curvature: int = 0):
        def drawn(low: int, high: int) -> Any:
            return mp.mpf(random.randint(low, high)) / 997

        self.a = mp.mpf(0) if curvature else drawn(300, 1500)
        self.b, self.c, self.g = drawn(500, 1500), drawn(-900, 900), drawn(300, 800)
        self.d, self.q = (v * (curvature or 1) for v in (drawn(500, 1500), drawn(500, 1500)))

    def __call__(self, x: Any, order: int) -> Any:
        wave = self.a * self.b**order * mp.sin(self.b * x + self.c + order * mp.pi / 2)
        square = self.q * (x**2 / 2, x, 1, 0)[min(order, 3)]
        return wave + self.d * self.g**order * mp.exp(self.g * x) + square


class SpotMap:
    """N(x, y, …) = Σ_f w_f s_f(⟨A_f, x⟩ + ⟨B_f, y⟩ + …); called with the values of the arguments, those it is
    differentiated by, the number of the value's own axes, and all places of the result."""

    def __init__(self, random: Random, curvature: int = 0):
        self.random, self.curvature = random, curvature
        self.functions = [SpotFunction(random, curvature) for _ in range(FEATURES)]
        self.drawn: dict[tuple[Any, ...], Any] = {}

    def _coefficient(self, *key: Any) -> Any:
        if key not in self.drawn:
            v = mp.mpf(self.random.randint(-900, 900)) / 997
            self.drawn[key] = abs(v) if self.curvature and key[0] == "w" else v
        return self.drawn[key]

    def __call__(self, args: Sequence[Value], ders: Sequence[int], own: int, places: Sequence[tuple[int, ...]]) -> Value:
        inner = [mp.fsum(self._coefficient(f, k, at) * v for k, x in enumerate(args) for at, v in x.items()) for f in range(FEATURES)]
        slopes = [function(t, len(ders)) for function, t in zip(self.functions, inner, strict=True)]
        ranks = [len(next(iter(x))) for x in args]
        found: Value = {}
        for at in places:
            rest, total = at[own:], mp.mpf(0)
            cuts = []
            for d in ders:
                cuts.append((d, rest[: ranks[d]]))
                rest = rest[ranks[d] :]
            for f, slope in enumerate(slopes):
                total += self._coefficient("w", f, at[:own]) * slope * math.prod(self._coefficient(f, d, cut) for d, cut in cuts)
            found[at] = total
        return found


__all__ = ["Spot", "check_part", "spot_check", "spot_check_split"]
