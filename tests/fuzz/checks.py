"""What has to hold for every program: the text, its derivative, its code, its matrices, its pages.

Each check compares two ways that share no code: NumPy's own reading of the text with the engine's evaluator; the derived
result with numeric derivatives; the generated code with the evaluator; SymPy's matrices, read back, with the result.
"""

from __future__ import annotations

import inspect
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

import symderiv as sd
from symderiv.draw import draw, draw_sizes
from symderiv.errors import EvaluationError, NoRuleError, SymderivError, TooLargeError
from symderiv.evaluate import evaluate
from symderiv.frontend.environment import declare
from symderiv.ir import Expr, postorder
from symderiv.rounding import last_digits
from symderiv.rules.base import Context
from symderiv.simplify import Normaliser
from tests.fuzz.grammar import Program
from tests.latex.back import INDEX, MATRIX, WrongLineError, WrongResultError, at, lines_back, result_back

TOLERANCE = 1e-7
#: A derivation that takes longer is told of: nothing may hang.
SLOW = 20.0
TRIALS = 2
#: JAX compiles each program: that takes longer than all else.
JAX_EVERY = 8


class WrongError(AssertionError):
    """A wrong answer: what was compared, and by how much it is off."""


@dataclass
class Counted:
    """What either fuzzer counts: what was tried, verdicts, rules, other checks, refusals, and the five slowest calls."""

    programs: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)

    def took(self, seconds: float, call: str) -> None:
        self.slowest[call] = seconds
        self.slowest = dict(sorted(self.slowest.items(), key=lambda told: -told[1])[:5])


@dataclass
class Tally(Counted):
    """Of programs also their orders, kinds of nodes, and what was asked."""

    orders: Counter[int] = field(default_factory=Counter)
    nodes: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)


def check(program: Program, tally: Tally, jax: Callable[..., Any] | None = None) -> None:
    """All checks of one program; WrongError for a wrong answer, and any foreign exception goes through."""
    started = time.process_time()
    tally.programs += 1
    tally.orders[program.order] += 1
    tally.asked["derivative by one symbol"] += 1
    try:
        value = sd.parse(program.text, assume=program.assume, shapes=program.shapes)
        found = sd.derivative(program.text, program.wrt, order=program.order, assume=program.assume, shapes=program.shapes)
    except (NoRuleError, TooLargeError) as refusal:
        tally.refused[f"{type(refusal).__name__}: {refusal.message[:60]}"] += 1
        return
    result = found.result
    assert isinstance(result, Expr)
    tally.rules.update(step.fire.rule for step in found.steps)
    tally.nodes.update(type(n).__name__ for n in postorder(value, result))
    if found.replay() is not result:
        raise WrongError("replay gives another result")
    report = found.verify(trials=TRIALS)
    tally.verdicts[report.verdict] += 1
    if report.verdict == "refuted":
        raise WrongError(f"refuted: {report.summary()} {report.counterexample}")
    points = _point(program, value, found.facts)
    if points is not None:
        _text_by_numpy(program, value, points, tally)
        _code(found, result, points, tally)
        if jax is not None and report.verdict == "checked" and crc32(program.text.encode()) % JAX_EVERY == 0:
            _by_jax(program, result, points, jax, tally)
    _lifted(result, points, tally)
    _idempotent(found, result, points, tally)
    notation = shown(found, program.call(), tally)
    _read_back(program, found, points, notation, tally)
    tally.took(time.process_time() - started, program.call())


Point = tuple[Mapping[str, Any], Mapping[str, int]]


def _point(program: Program, value: Expr, facts: Any) -> Point | None:
    """Arrays at which the value is finite; None where there are none."""
    symbols = list(declare(program.shapes).symbols.values())  # those that cancel are in the text too
    sizes = draw_sizes([value, *symbols], 1)
    for turn, style in enumerate(("real", "positive", "unit")):
        try:
            values = draw(symbols, facts, np.random.default_rng([turn, 5]), sizes, style)
            if np.all(np.isfinite(evaluate(value, values, sizes))):
                return values, sizes
        except (EvaluationError, np.linalg.LinAlgError):
            continue
    return None


def _same(what: str, a: Any, b: Any, tally: Tally, noise: Callable[[], float] = lambda: 0.0) -> None:
    """Equal but for rounding: ``noise`` says what it makes of the value, relative to its size."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    tally.checks[what] += 1
    if a.shape != b.shape:
        raise WrongError(f"{what}: the shapes {a.shape} and {b.shape}")
    finite = np.isfinite(a) & np.isfinite(b)
    if not finite.all() and (np.isfinite(a) != np.isfinite(b)).any() and float(np.max(abs(a[finite]), initial=0)) < 1e12:
        tally.checks[what + ", where one side overflows"] += 1
    scale = max(1.0, float(np.max(abs(b[finite]), initial=0.0)))
    worst = float(np.max(abs(a - b)[finite], initial=0.0)) / scale
    if worst > TOLERANCE and worst > TOLERANCE + 100 * noise():
        raise WrongError(f"{what}: off by {worst:.1e}")


# ---------------------------------------------------------------- the ways
def _text_by_numpy(program: Program, value: Expr, point: Point, tally: Tally) -> None:
    values, sizes = point
    with np.errstate(all="ignore"):
        told, right = run(program.text, values, sizes), evaluate(value, values, sizes)
        _same("text, by NumPy", told, right, tally, lambda: _noise(value, right, values, sizes))


def _noise(value: Expr, right: Any, values: Mapping[str, Any], sizes: Mapping[str, int]) -> float:
    """How far the last digits of the arrays, and of what is computed, move the value: log det P + vvᵀ with a huge v, say."""
    rng = np.random.default_rng(1)
    moved = [evaluate(value, last_digits(values, rng), sizes, None, rng) for _ in range(2)]
    scale = max(1.0, float(np.max(abs(right), initial=0.0)))
    return float(max(np.max(abs(m - right), initial=0.0) for m in moved)) / scale


def _code(found: Any, result: Expr, point: Point, tally: Tally) -> None:
    values, sizes = point
    function = found.numpy()
    wanted = set(inspect.signature(function).parameters)
    kept = {n: np.array(v) for n, v in {**sizes, **values}.items() if n in wanted}
    copies = {n: v.copy() for n, v in kept.items()}
    with np.errstate(all="ignore"):
        try:
            mine, right = function(**kept), evaluate(result, values, sizes)
        except np.linalg.LinAlgError:                           # a singular matrix, as NumPy says
            return
        _same("generated code", mine, right, tally, lambda: _noise(result, right, values, sizes))
    if any(not np.array_equal(kept[n], copies[n]) for n in kept):
        raise WrongError("the generated code changed an argument")


def _lifted(result: Expr, point: Point | None, tally: Tally) -> None:
    if len(result.shape) > 2 or point is None:
        return
    try:
        matrix = result.to_sympy()
        back = sd.parse("a", a="") if matrix is None else sd.api.to_expr(matrix)[0]
    except SymderivError as error:
        tally.refused[f"to_sympy: {error.message[:50]}"] += 1
        return
    values, sizes = point
    with np.errstate(all="ignore"):
        try:
            _same("SymPy's matrices", np.squeeze(evaluate(back, values, sizes)), np.squeeze(evaluate(result, values, sizes)), tally)
        except (EvaluationError, np.linalg.LinAlgError) as error:
            tally.refused[f"to_sympy, evaluated: {str(error)[:50]}"] += 1


def _idempotent(found: Any, result: Expr, point: Point | None, tally: Tally) -> None:
    after = Normaliser(Context(found.facts)).normal(result)
    tally.checks["normal form kept" if after is result else "normal form changed again"] += 1
    if point is not None:
        values, sizes = point
        with np.errstate(all="ignore"):
            try:
                pair = evaluate(after, values, sizes), evaluate(result, values, sizes)
            except np.linalg.LinAlgError:                       # a singular matrix, as NumPy says
                return
            _same("simplified again", *pair, tally)


def shown(found: Any, call: str, tally: Tally) -> str:
    """One notation, as text or LaTeX, by the lot that the call draws: writing all six takes longer than all else. Which it was."""
    lot = crc32(call.encode())
    notation = ("matrix", "index", "differential")[lot % 3]
    text = found.latex(notation=notation) if lot % 2 else found.text(notation=notation)
    if not text.strip() or "cannot display" in text or (lot % 2 and text.count("{") != text.count("}")):
        raise WrongError(f"the {notation} notation isn't written: {text[:200]}")
    tally.checks[f"{notation} notation"] += 1
    return notation


def _read_back(program: Program, found: Any, point: Point | None, notation: str, tally: Tally) -> None:
    """The LaTeX of the result, or of each line of the steps, has the value that was derived, at one of the points.

    What is wrong at one of them alone is rounding: 1 − σ(z) has no digits left at a large z, as it is printed.
    """
    if point is None:
        return
    values, sizes = point
    symbols = list(declare(program.shapes).symbols.values())
    others = draw(symbols, found.facts, np.random.default_rng(6), sizes, "unit")
    small = {} if program.assume else {name: 0.3 * np.asarray(array) for name, array in others.items()}
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for arrays in filter(None, (values, others, small)):
        here = at(found, arrays, sizes)
        if here is None:
            continue
        try:
            result_back(found, here, INDEX if notation == INDEX else MATRIX, seen)
            if program.order == 1 and notation != INDEX:
                lines_back(found, program.wrt, here, notation, seen)
            break
        except (WrongLineError, WrongResultError) as error:
            wrong.append(str(error))
    else:
        if wrong:
            raise WrongError(f"the LaTeX means something else: {wrong[-1]}")
    for what, count in seen.items():
        if not what.startswith("not read: "):
            tally.checks[f"LaTeX read back: {what}"] += count


def _by_jax(program: Program, result: Expr, point: Point, jax: Callable[..., Any], tally: Tally) -> None:
    values, sizes = point
    right = jax(program, values, sizes)
    if right is None or not np.all(np.isfinite(right)):
        return
    with np.errstate(all="ignore"):
        mine = evaluate(result, values, sizes)
    if np.all(np.isfinite(mine)):
        _same("derivative, by JAX", np.asarray(mine).reshape(np.shape(right)), right, tally)


# ---------------------------------------------------------------- the text as Python
def run(text: str, values: Mapping[str, Any], sizes: Mapping[str, int], space: Mapping[str, Any] | None = None) -> Any:
    """The value of a program of ours, by Python and the functions of ``space`` (NumPy's without one)."""
    from tests.fuzz.namespace import numpy_space

    names = {**(numpy_space() if space is None else space), **{str(k): v for k, v in sizes.items()}, **values}
    *lines, last = text.split("\n")
    for line in lines:
        name, _, body = line.partition(" = ")
        names[name] = eval(body, names)  # a text that the grammar made
    return eval(last, names)


__all__ = ["Counted", "Tally", "WrongError", "check", "run", "shown"]
