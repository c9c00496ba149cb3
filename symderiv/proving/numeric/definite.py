"""Eigenvalues at random points: what shows that a form is not semidefinite, and what a proof's claims are checked against."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symderiv.build import add, remake
from symderiv.draw import broken_fact, draw, draw_sizes, key_of, kink_distance, relevant
from symderiv.errors import SymderivError
from symderiv.evaluate import evaluate, nodes_of
from symderiv.facts import Fact
from symderiv.ir import Add, Box, Contract, Expr, Name, Symbol

NEAR_KINK = 1e-4
CLEAR = 1e-7
LOST = 1e-7
"""a value smaller than this part of the terms that make it has lost too many digits to have a sign"""
STEADY = ((1e-15, 1e-10), (1e-4, 0.2))
"""(relative change of the arrays, how much of the value may change): rounding shows by the first or by the second"""
STYLES: tuple[Any, ...] = ("real", "positive", "real", "unit", None, "negative", "large")


@dataclass(frozen=True)
class Extreme:
    """The smallest or largest eigenvalue found, relative to the matrix, with its vector and the point."""

    value: float
    relative: float
    direction: Any
    values: Mapping[Any, Any]
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Range:
    """What eigenvalues, or entries, were found; None where no point could be evaluated."""

    least: Extreme | None
    most: Extreme | None
    points: int


def points(
    nodes: Sequence[Expr], facts: Iterable[Fact], trials: int, seed: int
) -> Iterator[tuple[dict[Any, Any], dict[str, int]]]:
    """Random points that keep the facts, away from kinks; small integers first."""
    every = nodes_of(*nodes)
    facts = relevant(facts, [n for n in every if isinstance(n, Symbol)])
    for trial in range(trials):
        rng = np.random.default_rng([seed, trial])
        sizes = draw_sizes(every, trial % 4)
        for attempt in range(len(STYLES)):
            style = STYLES[(trial + attempt) % len(STYLES)]
            try:
                values = draw(every, facts, rng, sizes, style)
                if trial % 3 == 0:
                    whole = {k: v if callable(v) else np.round(1.6 * v) + 0.0 for k, v in values.items()}
                    values = whole if broken_fact(facts, whole, sizes) is None else values
                elif trial % 3 == 1:
                    wide = {k: v if callable(v) else 3.0 * v for k, v in values.items()}
                    values = wide if broken_fact(facts, wide, sizes) is None else values
                if broken_fact(facts, values, sizes) is None and kink_distance(every, values, sizes) > NEAR_KINK:
                    yield values, sizes
                    break
            except (np.linalg.LinAlgError, SymderivError):
                continue


def spectrum(
    node: Expr,
    left: Sequence[int],
    right: Sequence[int],
    facts: Iterable[Fact],
    trials: int = 24,
    seed: int = 0,
    symmetric: bool = False,
) -> Range:
    """The extreme eigenvalues of a form on its axes, over random points; without axes, of its entries.

    With ``symmetric`` the directions are symmetric matrices.
    """
    facts = list(facts)
    least: Extreme | None = None
    most: Extreme | None = None
    count = 0
    for values, sizes in points([node], facts, trials, seed):
        try:
            array = evaluate(node, values, sizes)
        except (np.linalg.LinAlgError, SymderivError):
            continue
        if not np.all(np.isfinite(array)) or _unsteady(node, array, values, sizes):
            continue
        count += 1
        for ends in _extremes(array, left, right, symmetric):
            low, high = (Extreme(e[0], e[1], e[2], values, sizes) for e in ends)
            if least is None or low.relative < least.relative:
                least = low
            if most is None or high.relative > most.relative:
                most = high
    return Range(least, most, count)


def _unsteady(node: Expr, array: Any, values: Mapping[Any, Any], sizes: Mapping[str, int]) -> bool:
    """Whether a change in the last digit changes the value by more than rounding may: a point where nothing can be told."""
    rng = np.random.default_rng(3)
    size = np.max(abs(array), initial=1e-30)
    if LOST * np.max(magnitude(node, values, sizes), initial=0.0) > size:
        return True                                             # what is left is the rounding of larger terms
    for step, allowed in STEADY:
        moved = {k: v if callable(v) else v * (1 + step * rng.normal(size=np.shape(v))) for k, v in values.items()}
        with np.errstate(all="ignore"):
            if not np.all(abs(evaluate(node, moved, sizes) - array) <= allowed * size):
                return True
    return False


def magnitude(node: Expr, values: Mapping[Any, Any], sizes: Mapping[str, int]) -> Any:
    """The value with every term and factor taken positive: how large the terms are that cancel."""
    atoms: dict[Expr, Any] = {}

    def positive(n: Expr) -> Expr:
        if isinstance(n, Name | Box):
            return positive(n.body)
        if isinstance(n, Add):
            return add([(abs(c), positive(t)) for c, t in n.terms], n.shape)
        if isinstance(n, Contract):
            return remake(n, [positive(f) for f in n.factors])
        if n not in atoms:
            atoms[n] = abs(evaluate(n, values, sizes))
        return n

    whole = positive(node)
    return evaluate(whole, values, sizes, atoms) if whole not in atoms else atoms[whole]


def _extremes(array: Any, left: Sequence[int], right: Sequence[int], symmetric: bool) -> Iterator[tuple[Any, Any]]:
    """((value, relative, direction) of the smallest and of the largest eigenvalue) of each matrix in the array."""
    if not left:
        scale = float(np.max(abs(array), initial=0.0)) or 1.0
        low, high = float(np.min(array)), float(np.max(array))
        yield (low, low / scale, None), (high, high / scale, None)
        return
    batch = [a for a in range(array.ndim) if a not in (*left, *right)]
    shape = [array.shape[a] for a in left]
    n = math.prod(shape)
    stacked = np.transpose(array, (*batch, *left, *right)).reshape(-1, n, n)
    basis = _symmetric_basis(shape[0]) if symmetric else np.eye(n)
    for matrix in stacked:
        form = basis.T @ ((matrix + matrix.T) / 2) @ basis
        found, vectors = np.linalg.eigh(form)
        scale = float(np.max(abs(found), initial=0.0)) or 1.0
        ends = [(float(found[k]), float(found[k]) / scale, (basis @ vectors[:, k]).reshape(shape)) for k in (0, -1)]
        yield ends[0], ends[1]


def _symmetric_basis(n: int) -> Any:
    columns = []
    for i in range(n):
        for j in range(i, n):
            e = np.zeros((n, n))
            e[i, j] = e[j, i] = 1.0 if i == j else math.sqrt(0.5)
            columns.append(e.reshape(-1))
    return np.array(columns).T


Bend = tuple[dict[Any, Any], Any, float]
"""(values, direction v, f(x + v) + f(x − v) − 2 f(x))"""


def second_differences(
    f: Expr, wrt: Symbol, facts: Iterable[Fact], trials: int = 48, seed: int = 0
) -> tuple[Bend | None, Bend | None]:
    """The clearest negative and positive second difference of any entry of f along random lines, where there are some."""
    facts = list(facts)
    low: Bend | None = None
    high: Bend | None = None
    key = key_of(wrt)
    rng = np.random.default_rng([seed, 5])
    for values, sizes in points([f, wrt], facts, trials, seed):
        v = rng.normal(size=np.shape(values[key])) * rng.choice([0.1, 0.5, 1.0])
        if "symmetric" in wrt.props:
            v = (v + v.T) / 2
        sides = [{**values, key: values[key] + s * v} for s in (1, -1)]
        if any(broken_fact(facts, side, sizes) is not None for side in sides):
            continue
        try:
            middle, one, other = (evaluate(f, p, sizes) for p in (values, *sides))
        except (np.linalg.LinAlgError, SymderivError):
            continue
        bend = one + other - 2 * middle
        if not np.all(np.isfinite(bend)):
            continue
        scale = float(np.max(abs(one) + abs(other) + 2 * abs(middle), initial=1.0))
        least, most = float(np.min(bend)), float(np.max(bend))
        if least < -CLEAR * scale and (low is None or least < low[2]):
            low = (values, v, least)
        if most > CLEAR * scale and (high is None or most > high[2]):
            high = (values, v, most)
    return low, high


__all__ = ["CLEAR", "Extreme", "Range", "points", "second_differences", "spectrum"]
