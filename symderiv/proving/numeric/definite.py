"""Eigenvalues at random points: what shows that a form is not semidefinite, and what a proof's claims are checked against."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symderiv.build import add, apply, call, ones, remake, symbol
from symderiv.draw import broken_fact, draw, draw_sizes, key_of, kink_distance, relevant
from symderiv.errors import SymderivError
from symderiv.evaluate import evaluate, nodes_of
from symderiv.facts import Fact, Facts
from symderiv.functions import SCALAR
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, Symbol
from symderiv.proving.extremes import CLEAR, Extreme, Range
from symderiv.rounding import DIGITS, all_finite, last_digits

NEAR_KINK = 1e-4
GRID, LEVEL = 33, 1e-9
LOST = 1e-7
"""a value smaller than this part of the terms that make it has lost too many digits to have a sign"""
STEADY = ((DIGITS, 4e-10), (1e-4, 0.2))
"""(relative change of the arrays, how much of the value may change): rounding shows by the first or by the second"""
SMALL = 1e-200
NOISE = 5.0
"""how many times as large as what rounding makes of it a second difference has to be"""
STYLES: tuple[Any, ...] = ("real", "positive", "real", "unit", None, "negative", "large")


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
    facts: Facts,
    trials: int = 24,
    seed: int = 0,
    symmetric: bool | str = False,
    about: Sequence[Expr] = (),
) -> Range:
    """The extreme eigenvalues of a form on its axes, over random points; without axes, of its entries.

    With ``symmetric`` the directions are symmetric matrices, with "diagonal" diagonal ones. Points are taken where all of
    ``about`` has finite values too.
    """
    least: Extreme | None = None
    most: Extreme | None = None
    count = 0
    for values, sizes in points([node, *about], facts, trials, seed):
        try:
            memo: dict[Expr, Any] = {}
            array, *others = (evaluate(e, values, sizes, memo) for e in (node, *about))
            if not all_finite(array, *others) or _unsteady(node, array, values, sizes):
                continue
            with np.errstate(all="ignore"):
                found = list(_extremes(array, left, right, symmetric, magnitude(node, values, sizes)))
        except (np.linalg.LinAlgError, SymderivError):
            continue
        count += 1
        for ends in found:
            low, high = (Extreme(e[0], e[1], e[2], values, sizes) for e in ends)
            if least is None or low.relative < least.relative:
                least = low
            if most is None or high.relative > most.relative:
                most = high
    return Range(least, most, count)


def _unsteady(node: Expr, array: Any, values: Mapping[Any, Any], sizes: Mapping[str, int]) -> bool:
    """Whether a change in the last digit changes the value by more than rounding may: a point where nothing can be told."""
    rng = np.random.default_rng(3)
    size = np.max(abs(array), initial=0.0)
    if 0 < size < SMALL:
        return True                                             # too near the smallest numbers to have digits
    if LOST * np.max(magnitude(node, values, sizes), initial=0.0) > size:
        return True                                             # what is left is the rounding of larger terms
    for step, allowed in STEADY:
        moved = evaluate(node, last_digits(values, rng, step), sizes, None, rng)
        if not np.all(abs(moved - array) <= allowed * size):
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


def _extremes(
    array: Any, left: Sequence[int], right: Sequence[int], symmetric: bool | str, terms: Any
) -> Iterator[tuple[Any, Any]]:
    """((value, relative, direction) of the smallest and of the largest eigenvalue) of each matrix in the array, but of those
    that are what rounding left of larger terms."""
    if not left:
        scale = float(np.max(abs(array), initial=0.0)) or 1.0
        low, high = float(np.min(array)), float(np.max(array))
        yield (low, low / scale, None), (high, high / scale, None)
        return
    batch = [a for a in range(array.ndim) if a not in (*left, *right)]
    shape = [array.shape[a] for a in left]
    n = math.prod(shape)
    stacked, large = (np.transpose(a, (*batch, *left, *right)).reshape(-1, n, n) for a in (array, terms))
    basis = _basis(shape[0], symmetric == "diagonal") if symmetric else np.eye(n)
    for matrix, term in zip(stacked, large, strict=True):
        if LOST * np.max(term, initial=0.0) > np.max(abs(matrix), initial=0.0):
            continue
        form = basis.T @ ((matrix + matrix.T) / 2) @ basis
        found, vectors = np.linalg.eigh(form)
        scale = float(np.max(abs(found), initial=0.0)) or 1.0
        ends = [(float(found[k]), float(found[k]) / scale, (basis @ vectors[:, k]).reshape(shape)) for k in (0, -1)]
        yield ends[0], ends[1]


def _basis(n: int, diagonal: bool) -> Any:
    """An orthonormal basis of the symmetric matrices, or of the diagonal ones."""
    columns = []
    for i in range(n):
        for j in range(i, i + 1 if diagonal else n):
            e = np.zeros((n, n))
            e[i, j] = e[j, i] = 1.0 if i == j else math.sqrt(0.5)
            columns.append(e.reshape(-1))
    return np.array(columns).T


Bend = tuple[dict[Any, Any], list[Any], float]
"""(values, a direction for each variable, f(x + v) + f(x − v) − 2 f(x))"""
SAMPLES = np.linspace(-1.0, 1.0, 9)
ZOOMS, TOUCH = 10, 1e-5
"""how often what lies between two samples is looked at closer, and what part of its size counts as zero then"""


def second_differences(
    f: Expr, wrt: Symbol | Sequence[Symbol], facts: Iterable[Fact], trials: int = 48, seed: int = 0
) -> tuple[Bend | None, Bend | None]:
    """The clearest negative and positive second difference of any entry of f along random lines, where there are some."""
    low: Bend | None = None
    high: Bend | None = None
    for values, directions, least, most, scale in bends(f, wrt, facts, trials, seed):
        if least < -CLEAR * scale and (low is None or least < low[2]):
            low = (values, directions, least)
        if most > CLEAR * scale and (high is None or most > high[2]):
            high = (values, directions, most)
    return low, high


def bends(
    f: Expr, wrt: Symbol | Sequence[Symbol], facts: Iterable[Fact], trials: int, seed: int
) -> Iterator[tuple[dict[Any, Any], list[Any], float, float, float]]:
    """(values, directions, the smallest and largest second difference, how large their terms are) along random lines."""
    variables = [wrt] if isinstance(wrt, Symbol) else list(wrt)
    every = nodes_of(f, *variables)
    facts = relevant(facts, [n for n in every if isinstance(n, Symbol)])
    rng = np.random.default_rng([seed, 5])
    for values, sizes in points([f, *variables], facts, trials, seed):
        directions = [_direction(x, values[key_of(x)], facts, rng) for x in variables]

        def at(t: float) -> dict[Any, Any]:
            return {**values, **{key_of(x): values[key_of(x)] + t * v for x, v in zip(variables, directions, strict=True)}}  # noqa: B023  (called within the turn that makes it)

        if any(broken_fact(facts, at(s), sizes) is not None for s in SAMPLES):
            continue
        try:
            if leaves_domain(every, at, sizes):
                continue
            terms = [evaluate(f, at(t), sizes) for t in (0, 1, -1)]
            if not all_finite(*terms):
                continue
            bend, scale = _bend(*terms), float(np.max(sum(abs(t) for t in terms), initial=1.0))
            if np.max(abs(bend), initial=0.0) > CLEAR * scale:
                shaken = _bend(*(evaluate(f, last_digits(at(t), rng), sizes, None, rng) for t in (0, 1, -1)))
                bend = np.where(abs(bend) > NOISE * abs(shaken - bend), bend, 0.0)  # rounding alone is no bend
        except (np.linalg.LinAlgError, SymderivError):
            continue
        yield values, directions, float(np.min(bend)), float(np.max(bend)), scale


def _bend(middle: Any, one: Any, other: Any) -> Any:
    return one + other - 2 * middle


def _direction(x: Symbol, value: Any, facts: Iterable[Fact], rng: np.random.Generator) -> Any:
    """A random direction that keeps the variable's structure, and its sum where that is given."""
    v = rng.normal(size=np.shape(value)) * rng.choice([0.1, 0.5, 1.0])
    for fact in facts:
        if fact.subject is x and fact.kind == "sum":
            v = v - np.mean(v, axis=fact.axes, keepdims=True)  # along the set on which the sum is what it is
    if np.ndim(v) == 2 and any(f.subject is x and f.kind == "diagonal" for f in facts):
        return v * np.eye(len(v))
    return (v + v.T) / 2 if "symmetric" in x.props else v


def shape_on_grid(f: Callable[[Expr], Expr], low: float, high: float) -> tuple[set[str], set[str]]:
    """(affine, convex, concave; increasing, decreasing): what an elementwise function may be, by its values between two."""
    if high - low < LEVEL:
        return {"affine", "convex", "concave"}, {"increasing", "decreasing"}
    t = symbol("t", (GRID,))
    whole, at, rng = f(t), {t: np.linspace(low, high, GRID)}, np.random.default_rng(4)
    values, *moved = (evaluate(whole, at, {}, None, rng if k else None) for k in range(4))
    finite = np.all(np.isfinite([values, *moved]), axis=0)
    values, moved = values[finite], [m[finite] for m in moved]
    noise = NOISE * np.max(abs(np.array(moved) - values), axis=0, initial=0.0)
    if len(values) < 3:
        return set(), set()  # nothing is seen there
    slack = LEVEL * (1 + float(np.max(abs(values)))) + noise
    second, first = np.diff(values, 2), np.diff(values)
    room, step = slack[:-2] + 2 * slack[1:-1] + slack[2:], slack[:-1] + slack[1:]
    bends = {s for s, ok in (("convex", second > -room), ("concave", second < room)) if ok.all()}
    rises = {s for s, ok in (("increasing", first > -step), ("decreasing", first < step)) if ok.all()}
    return bends | ({"affine"} if len(bends) == 2 else set()), rises


def leaves_domain(every: Iterable[Expr], at: Callable[[float], Mapping[Any, Any]], sizes: Mapping[str, int]) -> bool:
    """Whether a line from −1 to 1 has points at which one of the nodes isn't defined."""
    return any(_leaves(part, zero, at, sizes) for part, zero in _bounds(every))


def _bounds(every: Iterable[Expr]) -> list[tuple[Expr, bool]]:
    """(what mustn't change its sign on a line within the domain, whether it mayn't be zero there either)."""
    found: list[tuple[Expr, bool]] = []
    for n in every:
        if isinstance(n, Map) and not n.generic and n.fn == "pow" and (n.params[0] < 0 or n.params[0].denominator != 1):
            found.append((n.arg, n.params[0] < 0))
        elif isinstance(n, Map) and not n.generic and n.fn == "tan":
            found.append((apply("cos", n.arg), True))
        elif isinstance(n, Map) and not n.generic and n.fn in SCALAR:
            domain = SCALAR[n.fn].domain
            for end, open_end in ((domain.lo, domain.lo_open), (domain.hi, domain.hi_open)):
                if end is not None:
                    found.append((add([(1, n.arg), (-end, ones(n.shape))], n.shape), open_end))
        elif isinstance(n, Call) and n.fn in ("inv", "logdet") and not n.ders:
            found.append((call("det", n.args, n.args[0].shape[:-2]), True))
    return list(dict.fromkeys(found))


def _leaves(part: Expr, zero: bool, at: Callable[[float], Mapping[Any, Any]], sizes: Mapping[str, int]) -> bool:
    """Whether an expression changes its sign between the ends of a line, or has a zero where it mayn't.

    What is nearest to zero is looked for between the samples too: an absolute value or a square touches zero, and a product
    may change its sign for a moment.
    """
    grid = SAMPLES
    values = np.array([np.ravel(evaluate(part, at(t), sizes)) for t in grid])
    if not values.size:
        return False
    size, sign = np.max(abs(values), axis=0), np.sign(np.take_along_axis(values, np.argmax(abs(values), axis=0)[None], axis=0)[0])
    if not all_finite(values) or np.any(sign * values < 0) or (zero and np.any(values == 0)):
        return True
    for k in range(values.shape[1]):
        along = sign[k] * values[:, k]
        for i in range(1, len(grid) - 1):
            if along[i] > min(along[i - 1], along[i + 1]):
                continue
            low, high = grid[i - 1], grid[i + 1]
            least = along[i]
            for _ in range(ZOOMS):
                closer = np.linspace(low, high, 9)
                near = [sign[k] * float(np.ravel(evaluate(part, at(t), sizes))[k]) for t in closer]
                j = int(np.argmin(near))
                least = min(least, near[j])
                low, high = closer[max(j - 1, 0)], closer[min(j + 1, 8)]
            if least < 0 or (zero and least <= TOUCH * size[k]):
                return True
    return False


__all__ = ["CLEAR", "Extreme", "Range", "bends", "leaves_domain", "points", "second_differences", "shape_on_grid", "spectrum"]
