"""Is g(u) = A·p(u) + b for some A and b free of u? Numbers decide where symbols don't: a point can refute it.

Two tests, for fixed values of everything but u. Where u moves in one direction, and p with it in a direction that is
the same at two points, the slopes of g by p must agree there. And whatever affine relation Σ λ_k p(u_k) = 0, Σ λ_k = 0
holds between outputs at some points must hold between the values of g there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from random import Random
from typing import Any

from symderiv.facts import Facts
from symderiv.held import broken_at, imposed, points_under
from symderiv.ir import Expr, Symbol, depends, free_symbols
from symderiv.points import OutsideDomainError, Value, draws, evaluate, indices, mp, sizes_of, text_of

STEP = mp.mpf(10) ** -12
SMALL = mp.mpf(10) ** -12
CANDIDATES: tuple[tuple[Any, str], ...] = (
    (mp.mpf(0), "0"),
    (-mp.log(3), "-log 3"),
    (mp.log(3), "log 3"),
    (mp.mpf(-1), "-1"),
    (mp.mpf(1), "1"),
    (mp.mpf(-2), "-2"),
    (mp.mpf(2), "2"),
    (mp.mpf(-1) / 2, "-1/2"),
    (mp.mpf(1) / 2, "1/2"),
    (mp.mpf(-5), "-5"),
    (mp.mpf(5), "5"),
)


@dataclass(frozen=True)
class Counterexample:
    """Points at which an affine relation can't hold: either ``slopes`` of an entry of the gradient by the module's
    output at two points, which differ, or ``weights`` λ of a relation between outputs that the gradients break.

    ``given`` are the values of all but the input; ``text`` says it in a sentence.
    """

    points: tuple[Any, ...]
    given: dict[str, Any]
    entry: tuple[int, ...]
    slopes: tuple[float, ...]
    weights: tuple[float, ...]
    text: str


@dataclass(frozen=True)
class Pair:
    """What is tested: the gradient and the module's output as functions of u, under facts."""

    gradient: Expr
    output: Expr
    u: Symbol
    target: Symbol
    names: tuple[str, str]
    """how the gradient and the output are called"""
    facts: Facts


def refute(pair: Pair, settings: int = 12) -> Counterexample | None:
    """A counterexample, or None where an affine relation fits every point tried; ``settings`` of all but u are tried.

    Raises NotEvaluableError where there are no numbers, OutsideDomainError where no point was found.
    """
    random = Random(0)
    others = [s for s in free_symbols(pair.gradient, pair.output, *pair.facts.expressions)
              if s.kind in ("variable", "formal") and s is not pair.u]
    tried = 0
    small, large = (_sizes(pair, size) for size in (2, 3))
    settled = islice(
        zip(_settings(pair, others, small, random), _settings(pair, others, large, random), strict=False), settings
    )
    for few, more in settled:
        test = _At(pair, few, small, random)
        found = test.by_slopes()
        tried += test.usable
        if found is None and tried <= 4:
            test = _At(pair, more, large, random)
            found = test.by_relations()
            tried += test.usable
        if found is not None:
            return found
    if not tried:
        raise OutsideDomainError("no point was found at which module and loss have real values")
    return None


def _sizes(pair: Pair, size: int) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for root in (*pair.facts.expressions, pair.output, pair.gradient):
        sizes.update(sizes_of(root, size))
    return sizes


def _settings(
    pair: Pair, others: Sequence[Symbol], sizes: dict[str, int], random: Random
) -> Iterator[dict[Symbol, Value]]:
    """Values of all symbols but u: first a simple target, then random ones; all keep the facts that don't speak of u."""
    facts = Facts(tuple(f for f in pair.facts if not any(depends(e, pair.u) for e in f.expressions)))
    about = {f.kind for f in facts if f.subject == pair.target}
    places = indices(pair.target.shape, sizes)
    for k, given in enumerate(points_under(others, facts, sizes, random)):
        simple = {at: mp.mpf(not at or at[-1] == 0 or "onehot" not in about) for at in places}
        tried = {**given, pair.target: simple}
        told = k == 0 and pair.target in given and about <= {"onehot"} and not broken_at(facts, tried, sizes)
        yield tried if told else given


class _At:
    """The tests at one setting of all but u."""

    def __init__(self, pair: Pair, given: Mapping[Symbol, Value], sizes: dict[str, int], random: Random) -> None:
        self.pair, self.given, self.sizes, self.random = pair, given, sizes, random
        self.places = indices(pair.u.shape, sizes)
        self.usable = False
        kinds = {f.kind for f in pair.facts if f.subject == pair.u}
        self.sign = -1 if kinds & {"negative", "nonpositive"} else 1 if kinds & {"positive", "nonnegative"} else 0

    def values(self, u: Value) -> tuple[Value, Value]:
        point: dict[Expr, Value] = {self.pair.u: u, **dict(self.given.items())}
        if broken_at(self.pair.facts, point, self.sizes):
            raise OutsideDomainError("a point at which an assumption doesn't hold")
        p, g = (evaluate(e, point, self.sizes) for e in (self.pair.output, self.pair.gradient))
        self.usable = True
        return p, g

    # ------------------------------------------------------------ slopes
    def by_slopes(self) -> Counterexample | None:
        for base in (-1, 1):
            if base * self.sign < 0:
                continue
            rows = []
            for c, text in CANDIDATES:
                if c * self.sign >= 0 and (c or not self.sign):
                    row = self.slope({at: mp.mpf(base) if k else c for k, at in enumerate(self.places)})
                    if row is not None:
                        rows.append((text, c, *row))
            for first, second in combinations(rows, 2):
                entry = _differing(first[2:], second[2:])
                if entry is not None:
                    return self.told(first, second, entry, base)
        return None

    def slope(self, u: Value) -> tuple[Value, Value] | None:
        """(dp, dg) as the first entry of u moves, both divided by the first entry of dp that isn't zero."""
        first = self.places[0]
        try:
            (p0, g0), (p1, g1), (p2, g2) = (self.values({**u, first: u[first] + k * STEP}) for k in (-1, 0, 1))
        except OutsideDomainError:
            return None
        dp, dg = ({at: (c[at] - a[at]) / (2 * STEP) for at in a} for a, c in ((p0, p2), (g0, g2)))
        rough = max(
            abs((c[at] - b[at]) - (b[at] - a[at])) / STEP for a, b, c in ((p0, p1, p2), (g0, g1, g2)) for at in a
        )
        scale = max(abs(v) for v in [*dp.values(), *dg.values()])
        if rough > 1e-6 * (1 + scale):
            return None  # a kink
        unit = next((v for v in dp.values() if abs(v) > SMALL), None)
        if unit is None:
            return None
        return {at: v / unit for at, v in dp.items()}, {at: v / unit for at, v in dg.items()}

    def told(self, first: Any, second: Any, entry: tuple[int, ...], base: int) -> Counterexample:
        (text1, c1, dp, dg1), (text2, c2, _, dg2) = first, second
        g, p, u, y = *self.pair.names, self.pair.u.name, self.pair.target.name
        moving = [at for at, v in dp.items() if abs(v) > SMALL]
        points = tuple({at: mp.mpf(base) if k else c for k, at in enumerate(self.places)} for c in (c1, c2))
        slopes = (dg1[entry], dg2[entry])
        target = self.given.get(self.pair.target)
        alone = len(moving) == 1 and moving[0] == entry and all(abs(v) < SMALL for at, v in dg1.items() if at != entry)
        if alone:
            index = "_i" if self.pair.u.shape else ""
            at = f"at {y}{index} = {text_of(target[entry])} " if target and entry in target else ""
            text = (
                f"{at}the slope d{g}{index}/d{p}{index} is {text_of(slopes[0])} for {u}{index} = {text1}"
                f" and {text_of(slopes[1])} for {u}{index} = {text2}"
            )
        else:
            at = f"at {y} = {flat(target)} " if target else ""
            text = (
                f"{at}as {u}{_subscript(self.places[0])} moves, {p} moves in one direction at {u} = {flat(points[0])}"
                f" and at {u} = {flat(points[1])}, but {g}{_subscript(entry)} by {p}{_subscript(moving[0])} has the"
                f" slopes {text_of(slopes[0])} and {text_of(slopes[1])} there"
            )
        return Counterexample(
            tuple(nested(x) for x in points),
            {s.name: nested(v) for s, v in self.given.items()},
            entry,
            (float(slopes[0]), float(slopes[1])),
            (),
            text,
        )

    # ------------------------------------------------------------ relations
    def by_relations(self) -> Counterexample | None:
        """Points at random, all affine relations between the outputs there, and whether the gradients keep them."""
        wanted = len(indices(self.pair.output.shape, self.sizes)) + 3
        rows: list[tuple[Value, Value, Value]] = []
        for u in islice(self.inputs(), 8 * wanted):
            try:
                rows.append((u, *self.values(u)))
            except OutsideDomainError:
                continue
            if len(rows) == wanted:
                break
        else:
            return None
        outputs = [[*p.values(), mp.mpf(1)] for _, p, _ in rows]
        for weights in relations(outputs):
            for entry in rows[0][2]:
                terms = [w * g[entry] for w, (_, _, g) in zip(weights, rows, strict=True)]
                if abs(mp.fsum(terms)) > 1e-9 * (1 + max(abs(t) for t in terms)):
                    return self.broken(rows, weights, entry)
        return None

    def inputs(self) -> Iterator[Value]:
        """Random values of u, moved so that equations about it hold where this is known how."""
        u, facts = self.pair.u, self.pair.facts
        for value in draws(u.shape, u, facts, self.sizes, self.random):
            yield imposed(facts, {u: value, **self.given}, self.sizes)[u]

    def broken(
        self, rows: Sequence[tuple[Value, Value, Value]], weights: Sequence[Any], entry: tuple[int, ...]
    ) -> Counterexample:
        g, p, u = *self.pair.names, self.pair.u.name
        used = [k for k, w in enumerate(weights) if abs(w) > SMALL]
        off = mp.fsum(weights[k] * rows[k][2][entry] for k in used)
        text = (
            f"there are {len(used)} points {u}_k and weights w_k with sum_k w_k = 0 and sum_k w_k {p}({u}_k) = 0,"
            f" but sum_k w_k {g}{_subscript(entry)}({u}_k) = {text_of(off)}"
        )
        return Counterexample(
            tuple(nested(rows[k][0]) for k in used),
            {s.name: nested(v) for s, v in self.given.items()},
            entry,
            (),
            tuple(float(weights[k]) for k in used),
            text,
        )


def relations(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """A basis of the weights w with Σ_k w_k row_k = 0.

    >>> [[float(w) for w in relation] for relation in relations([[1, 1], [2, 2], [0, 3]])]
    [[-2.0, 1.0, 0.0]]
    """
    count, width = len(rows), len(rows[0])
    matrix = [[mp.mpf(rows[k][j]) for k in range(count)] for j in range(width)]
    pivots: list[int] = []
    for column in range(count):
        top = len(pivots)
        best = max(range(top, width), key=lambda j: abs(matrix[j][column]), default=None)
        if best is None or abs(matrix[best][column]) < mp.mpf(10) ** -20:
            continue
        matrix[top], matrix[best] = matrix[best], matrix[top]
        matrix[top] = [v / matrix[top][column] for v in matrix[top]]
        for j in range(width):
            if j != top:
                matrix[j] = [v - matrix[j][column] * w for v, w in zip(matrix[j], matrix[top], strict=True)]
        pivots.append(column)
    basis = []
    for free in (k for k in range(count) if k not in pivots):
        weights = [mp.mpf(0)] * count
        weights[free] = mp.mpf(1)
        for j, column in enumerate(pivots):
            weights[column] = -matrix[j][free]
        basis.append(weights)
    return basis


def _differing(first: Sequence[Value], second: Sequence[Value]) -> tuple[int, ...] | None:
    """The first entry whose slopes differ, where the directions are the same."""
    (dp1, dg1), (dp2, dg2) = first, second
    if any(abs(dp1[at] - dp2[at]) > SMALL * (1 + abs(dp1[at])) for at in dp1):
        return None
    return next((at for at in dg1 if abs(dg1[at] - dg2[at]) > 1e-8 * (1 + abs(dg1[at]))), None)


def _subscript(at: tuple[int, ...]) -> str:
    return "_" + ",".join(str(k + 1) for k in at) if at else ""


def nested(value: Value) -> Any:
    """A tensor as nested lists of floats.

    >>> nested({(0, 0): 1, (0, 1): 2})
    [[1.0, 2.0]]
    """
    if () in value:
        return float(value[()])
    heads = dict.fromkeys(at[0] for at in value)
    return [nested({at[1:]: v for at, v in value.items() if at[0] == head}) for head in heads]


def flat(value: Value) -> str:
    """A tensor in brackets, rows apart.

    >>> flat({(0,): mp.mpf(1), (1,): mp.mpf(0.5)})
    '[1, 1/2]'
    """
    if () in value:
        return text_of(value[()])
    if len(next(iter(value))) == 1:
        return "[" + ", ".join(_short(v) for v in value.values()) + "]"
    heads = dict.fromkeys(at[0] for at in value)
    return "[" + ", ".join(flat({at[1:]: v for at, v in value.items() if at[0] == head}) for head in heads) + "]"


def _short(v: Any) -> str:
    return next((text for c, text in CANDIDATES if c == v), text_of(v))
