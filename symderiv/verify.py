"""Checks equations and derivatives at random points, with an evaluator that shares no code with what is checked.

A check ends as *checked* (every draw agrees, with the worst error), *refuted* (with a counterexample) or *unknown* (no
point was found at which both sides are defined): the last two are false.

>>> from symderiv.build import contract, symbol
>>> W, h = symbol("W", ("o", "n")), symbol("h", ("n",))
>>> report = check_derivative(contract((W, h), ("ij", "j"), "i"), h, 1, W, trials=3)
>>> bool(report), report.verdict, report.sizes
(True, 'checked', {'n': 2, 'o': 3})
>>> same_value(contract((W, W), ("ij", "kj"), "ik"), contract((W, W), ("ij", "ij"), "ii")).verdict
'refuted'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from symderiv.draw import NEAREST_KINK, STYLES, Style, broken_fact, draw, draw_sizes, kink_distance, relevant
from symderiv.errors import EvaluationError, ShapeError, TooLargeError
from symderiv.evaluate import evaluate, nodes_of, numeric_derivative, shape_text
from symderiv.ir import Der, Expr, Symbol
from symderiv.jets import Array
from symderiv.rounding import all_finite, last_digits

if TYPE_CHECKING:
    from symderiv.facts import Fact

LIMIT = 1e-9
TRIALS = 20
ATTEMPTS = 24
#: An error counts as rounding where a change of the arrays in their last digit makes as much as a part of it.
ROUNDING_SHARE = 1e-3
MOVES = 4

Verdict = Literal["checked", "refuted", "unknown"]


@dataclass(frozen=True)
class Derivative:
    """∂ᵏbody by the k nodes of ``wrt``, as a number only: of shape body.shape + theirs."""

    body: Expr
    wrt: tuple[Expr, ...]


Side = Expr | Derivative


@dataclass(frozen=True)
class Claim:
    """left = right; ``arrange`` lays the left array out as the right one is."""

    label: str
    left: Side
    right: Side
    arrange: Callable[[Array], Array] | None = None


@dataclass(frozen=True)
class Counterexample:
    """Where a claim fails: the arrays by symbol, both sides, and the index of their largest difference."""

    label: str
    values: Mapping[Any, Any]
    sizes: Mapping[str, int]
    left: Array
    right: Array
    index: tuple[int, ...]

    def __str__(self) -> str:
        place = f" at [{', '.join(map(str, self.index))}]" if self.index else ""
        what = f"{self.label}: " if self.label else ""
        return f"{what}{self.left[self.index]:.6g} against {self.right[self.index]:.6g}{place}"


@dataclass(frozen=True, repr=False)
class Report:
    """What a check found; true where every draw agrees. ``steps`` has the worst error of each claim by its label."""

    verdict: Verdict
    worst: float
    limit: float
    trials: int
    seed: int
    sizes: Mapping[str, int]
    method: str
    steps: tuple[tuple[str, float], ...] = ()
    counterexample: Counterexample | None = None
    reason: str | None = None
    all_sizes: tuple[Mapping[str, int], ...] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return self.verdict == "checked"

    def __repr__(self) -> str:
        return f"Report({self.verdict}: {self.summary()})"

    @property
    def ok(self) -> bool:
        return bool(self)

    def summary(self) -> str:
        """One line.

        >>> Report("checked", 2.1e-15, 1e-9, 20, 0, {"o": 3, "n": 5}, "complex step").summary()
        '20 draws · seed 0 · sizes o=3, n=5 · worst relative error 2.1e-15 (limit 1e-9, complex step)'
        """
        if self.verdict == "unknown":
            return f"not checked: {self.reason} · seed {self.seed}"
        named = ", ".join(f"{atom}={size}" for atom, size in self.sizes.items())
        others = f" and {len(self.all_sizes) - 1} more" if len(self.all_sizes) > 1 else ""
        sizes = [f"sizes {named}{others}"] if named else []
        limit = f"{self.limit:.0e}".replace("e-0", "e-")
        error = f"worst relative error {self.worst:.1e} (limit {limit}, {self.method})"
        draws = f"{self.trials} draw{'' if self.trials == 1 else 's'}"
        failed = [f"refuted: {self.counterexample}"] if self.counterexample else []
        return " · ".join([*failed, draws, f"seed {self.seed}", *sizes, error])


Comparison = Report


# ---------------------------------------------------------------- what is offered
def same_value(
    a: Expr,
    b: Expr,
    facts: Iterable[Fact] = (),
    trials: int = TRIALS,
    seed: int = 0,
    *,
    sizes: Mapping[str, int] | None = None,
    limit: float = LIMIT,
) -> Comparison:
    """Whether two expressions of one shape have the same value wherever the facts hold and both are defined."""
    return check([Claim("", a, b)], facts, trials, seed, sizes=sizes, limit=limit, method="evaluation")


def check_derivative(
    f: Expr,
    wrt: Expr | Sequence[Expr],
    order: int,
    result: Expr,
    facts: Iterable[Fact] = (),
    trials: int = TRIALS,
    seed: int = 0,
    *,
    steps: Iterable[tuple[str, Expr, Expr]] = (),
    arrange: Callable[[Array], Array] | None = None,
    sizes: Mapping[str, int] | None = None,
    limit: float = LIMIT,
) -> Report:
    """Whether ``result`` is the derivative of f of this order by ``wrt``, or by as many nodes as the order says.

    The result has the shape f.shape + those of wrt, perhaps after a leading 1 (a row), or as ``arrange`` lays it out.
    The first derivative is taken by a complex step, which knows no derivative of any function; a higher one by a
    complex step of the exact arithmetic of `jets`. Steps are (label, before, after), checked at the same points.
    """
    by = (wrt,) * order if isinstance(wrt, Expr) else tuple(wrt)
    if len(by) != order:
        raise EvaluationError(f"a derivative of order {order} by {len(by)} variables")
    method = "evaluation" if order == 0 else "complex step" if order == 1 else "complex step of a power series"
    claims = [Claim("result", Derivative(f, by), result, arrange), *(Claim(*step) for step in steps)]
    return check(claims, facts, trials, seed, sizes=sizes, limit=limit, method=method)


def check_steps(
    steps: Iterable[tuple[str, Expr, Expr]],
    facts: Iterable[Fact] = (),
    trials: int = TRIALS,
    seed: int = 0,
    *,
    sizes: Mapping[str, int] | None = None,
    limit: float = LIMIT,
) -> Report:
    """Whether before = after in every step (label, before, after), each at the points where it is defined."""
    claims = [Claim(*step) for step in steps]
    return check(claims, facts, trials, seed, sizes=sizes, limit=limit, method="evaluation", main=0)


def check(
    claims: Sequence[Claim],
    facts: Iterable[Fact] = (),
    trials: int = TRIALS,
    seed: int = 0,
    *,
    sizes: Mapping[str, int] | None = None,
    limit: float = LIMIT,
    method: str = "evaluation",
    main: int = 1,
) -> Report:
    """Check all claims at the same draws; the first ``main`` of them must be defined where a draw is to count."""
    return _Check(claims, facts, seed, sizes, limit, method, main).run(trials)


# ---------------------------------------------------------------- how it is done
class _Check:
    def __init__(
        self,
        claims: Sequence[Claim],
        facts: Iterable[Fact],
        seed: int,
        sizes: Mapping[str, int] | None,
        limit: float,
        method: str,
        main: int,
    ):
        self.claims, self.main, self.seed, self.given = claims, main, seed, sizes
        self.limit, self.method = limit, method
        self.nodes = nodes_of(*(node for c in claims for side in (c.left, c.right) for node in _roots(side)))
        self.facts = relevant(facts, [n for n in self.nodes if isinstance(n, Symbol)])
        about = (e for fact in self.facts for e in fact.expressions)
        self.nodes = nodes_of(*self.nodes, *about)
        self.kinks_matter = any(isinstance(n, Der) for n in self.nodes) or any(
            isinstance(side, Derivative) for c in claims for side in (c.left, c.right)
        )
        self.styles: list[Style | None] = ["real", "real", *STYLES]
        self.worst = [0.0] * len(claims)
        self.counted = [0] * len(claims)
        self.drawn: list[Mapping[str, int]] = []
        self.failures: Counter[str] = Counter()
        self.counterexample: Counterexample | None = None

    def run(self, trials: int) -> Report:
        evaluated = 0
        for trial in range(trials):
            try:
                evaluated += self.trial(trial)
            except TooLargeError as error:
                self.failures[f"too large: {error.message}"] += 1
                break
            if self.counterexample or (trial >= 2 and not evaluated):
                break
        return self.report(evaluated)

    def report(self, evaluated: int) -> Report:
        verdict: Verdict = "refuted" if self.counterexample else "checked"
        reason = None
        missing = [c.label for c, count in zip(self.claims, self.counted, strict=True) if not count]
        if not self.counterexample and (not evaluated or missing):
            verdict = "unknown"
            what = f"'{missing[0]}' was never evaluated" if evaluated else "no point could be evaluated"
            found = self.failures.most_common(1)
            otherwise = "not defined at the points drawn" if evaluated else "no draws were asked for"
            reason = f"{what}: {found[0][0] if found else otherwise}"
        sizes = list({tuple(s.items()): s for s in self.drawn}.values())
        steps = tuple((c.label, worst) for c, worst in zip(self.claims, self.worst, strict=True))
        shown = self.counterexample.sizes if self.counterexample else sizes[0] if sizes else {}
        worst = max(self.worst, default=0.0)
        return Report(
            verdict, worst, self.limit, evaluated, self.seed, shown, self.method, steps, self.counterexample, reason,
            tuple(sizes),
        )  # fmt: skip

    def trial(self, trial: int) -> bool:
        """Draw until a point can be used; whether one was found. If not, sizes change places: XᵀX needs m ≥ n."""
        turned = bool(trial % 2) and not all(self.counted)
        sizes = [draw_sizes(self.nodes, trial, self.given, way) for way in (turned, not turned)]
        return any(self.at_sizes(s, trial) for s in sizes[: 1 + (sizes[0] != sizes[1])])

    def at_sizes(self, sizes: Mapping[str, int], trial: int) -> bool:
        rng = np.random.default_rng([self.seed, trial])
        turn = trial % len(self.styles) if trial and not all(self.counted) else 0
        styles = [*self.styles[turn:], *self.styles[:turn]]
        for attempt in range(ATTEMPTS):
            style = styles[attempt] if attempt < len(styles) else None
            if self.attempt(style, rng, sizes, at_kinks=not self.kinks_matter and attempt >= len(styles)):
                if style and attempt > 1 and not turn:
                    self.styles = [style, *(s for s in self.styles if s != style)]
                self.drawn.append(sizes)
                return True
        return False

    def attempt(
        self, style: Style | None, rng: np.random.Generator, sizes: Mapping[str, int], at_kinks: bool = False
    ) -> bool:
        """Draw once; whether the point could be used. Values may be told at kinks, derivatives never."""
        values = draw(self.nodes, self.facts, rng, sizes, style)
        broken = broken_fact(self.facts, values, sizes)
        if broken:
            self.failures[f"no values were found for which {broken.text} holds"] += 1
            return False
        try:
            near = not at_kinks and kink_distance(self.nodes, values, sizes) < NEAREST_KINK
        except np.linalg.LinAlgError:
            near = True
        if near:
            self.failures["every point is at a kink, or singular"] += 1
            return False
        errors: list[float | None] = []
        memo: dict[Expr, Array] = {}
        for k, claim in enumerate(self.claims):
            error = self.error(claim, values, sizes, memo, rng)
            errors.append(error)
            if error is None and k < self.main:
                return False
        for k, error in enumerate(errors):
            if error is not None:
                self.worst[k] = max(self.worst[k], error)
                self.counted[k] += 1
        return any(error is not None for error in errors)

    def error(
        self, claim: Claim, values: Mapping[Any, Any], sizes: Mapping[str, int], memo: dict[Expr, Array], rng: Any
    ) -> float | None:
        """The relative error of a claim at a point, None where it can't be told; a failure is kept."""
        sides = self.sides(claim, values, sizes, memo)
        if sides is None:
            return None
        worst = float(np.max(errors := relative_errors(*sides), initial=0.0))
        if worst > self.limit:
            if not all_finite(*memo.values()):
                self.failures["a value on the way is infinite or not a number"] += 1
                return None
            if self.is_rounding(claim, values, sizes, sides, worst, rng):
                self.failures["rounding alone makes that difference"] += 1
                return None
            if self.counterexample is None:
                index = tuple(int(i) for i in np.unravel_index(np.argmax(errors), errors.shape))
                self.counterexample = Counterexample(claim.label, values, sizes, *sides, index)
        return worst

    def is_rounding(
        self,
        claim: Claim,
        values: Mapping[Any, Any],
        sizes: Mapping[str, int],
        sides: tuple[Array, Array],
        worst: float,
        rng: Any,
    ) -> bool:
        """Whether the last digits of the arrays, and of what is computed, move a side by as much as a part of the error."""
        for _ in range(MOVES):
            moved = self.sides(claim, last_digits(values, rng), sizes, {}, rng)
            if moved is None or worst * ROUNDING_SHARE < max(
                float(np.max(relative_errors(a, b), initial=0.0)) for a, b in zip(sides, moved, strict=True)
            ):
                return True
        return False

    def sides(
        self, claim: Claim, values: Mapping[Any, Any], sizes: Mapping[str, int], memo: dict[Expr, Array], shaken: Any = None
    ) -> tuple[Array, Array] | None:
        """Both sides as arrays of one shape; None where one isn't finite."""
        try:
            left, right = (_value(side, values, sizes, memo, shaken) for side in (claim.left, claim.right))
        except np.linalg.LinAlgError:
            self.failures["a matrix is singular"] += 1
            return None
        left = claim.arrange(left) if claim.arrange else left
        if right.shape == (1, *left.shape) or left.shape == (1, *right.shape):
            left, right = (a.reshape(max(left.shape, right.shape, key=len)) for a in (left, right))
        if left.shape != right.shape:
            what = f"{shape_text(left.shape)} and {shape_text(right.shape)}" + (f" in '{claim.label}'" if claim.label else "")
            raise ShapeError(f"the sides have the shapes {what}", shapes=(left.shape, right.shape))
        if not (np.all(np.isfinite(left)) and np.all(np.isfinite(right))):
            self.failures["a value is infinite or not a number"] += 1
            return None
        return left, right


def relative_errors(a: Array, b: Array) -> Array:
    """|a - b|, relative to the larger entry; entries are not taken as smaller than 1e-3 of the largest, nor than 1e-4.

    >>> float(relative_errors(np.array([2.0, 0.0]), np.array([2.0, 1e-9])).max())
    5e-07
    """
    largest = max(float(np.max(abs(a), initial=0.0)), float(np.max(abs(b), initial=0.0)))
    return np.asarray(abs(a - b) / np.maximum(np.maximum(abs(a), abs(b)), max(1e-3 * largest, 1e-4)))


def _roots(side: Side) -> tuple[Expr, ...]:
    return (side.body, *side.wrt) if isinstance(side, Derivative) else (side,)


def _value(side: Side, values: Mapping[Any, Any], sizes: Mapping[str, int], memo: dict[Expr, Array], shaken: Any) -> Array:
    if isinstance(side, Derivative):
        return numeric_derivative(side.body, side.wrt, values, sizes, shaken)
    return evaluate(side, values, sizes, memo, shaken)


__all__ = [
    "Claim", "Comparison", "Counterexample", "Derivative", "Report", "check", "check_derivative",
    "check_steps", "relative_errors", "same_value",
]  # fmt: skip
