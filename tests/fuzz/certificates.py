"""The fuzzer of curvature: random functions, what `curvature` says of them, and numbers that share no code with it.

    python -m tests.fuzz.certificates --programs 2000 --seed 0 --minutes 10 [--report FILE] [--depth 2]

Each certificate is judged by chords of the text itself, evaluated by NumPy between points that keep the facts; by the
eigenvalues of Hessians that JAX takes of that text, where it is installed; and by the checker of proof trees. A
counterexample is evaluated again, by the text. Rounding is allowed for: what the last digits of the arguments move isn't
held against a certificate.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from itertools import count as counter
from typing import Any
from zlib import crc32

import numpy as np

import symderiv as sd
from symderiv.certificates import check_proof
from symderiv.certificates.domain import domain_facts
from symderiv.draw import broken_fact, draw, draw_sizes, key_of
from symderiv.errors import SymderivError
from symderiv.evaluate import nodes_of
from symderiv.frontend.inputs import parse
from symderiv.proving.numeric.definite import leaves_domain
from symderiv.rounding import DIGITS, last_digits
from tests.fuzz.checks import JAX_EVERY, Counted, WrongError, run
from tests.fuzz.curved import Asked, functions
from tests.fuzz.namespace import numpy_space, space
from tests.fuzz.run import fuzzed, options, row, slowest, told

POINTS = 10
LARGE = 1e10
CACHED = 300
TOLERANCE = 1e-9
SHARES = (0.5, 0.1, 0.9, 0.37)
STYLES: tuple[Any, ...] = ("real", "positive", "unit", "real")
Values = Mapping[str, Any]


def judge(asked: Asked, tally: Counted, hessian: Callable[..., Any] | None = None, every: int = 1) -> None:
    """Every check of one function, Hessians of one in ``every``; WrongError for a wrong answer, foreign exceptions go through."""
    started = time.process_time()
    tally.programs += 1
    wrt = list(asked.wrt)
    try:
        found = sd.curvature(asked.text, wrt if len(wrt) > 1 else wrt[0], shapes=asked.shapes, assume=list(asked.assume))
        f, names, facts = parse(asked.text, asked.shapes, list(asked.assume))
    except SymderivError as refusal:
        tally.refused[f"{type(refusal).__name__}: {refusal.message[:60]}"] += 1
        return
    tally.verdicts[found.verdict + (", strictly" if found.strict else "")] += 1
    if found.proof is not None:
        tally.rules.update(n.rule for n in found.proof.walk())
        if not check_proof(found.proof, facts):
            raise WrongError(f"the checker refuses the proof of {found.verdict}")
    if found.verdict in ("convex", "concave", "affine"):
        ends = [end for end in _chords(asked, names.symbols, domain_facts(f, facts), f) if end is not None]
        for low, high in ends:
            _contradicts(found.verdict, low, high, "a chord")
        tally.checks["chords"] += len(ends)
        if hessian is not None and crc32(asked.text.encode()) % every == 0:
            _by_eigenvalues(asked, names.symbols, domain_facts(f, facts), f, found, hessian, tally)
    elif found.verdict == "neither":
        for shown, sign in ((found.counterexample, -1), (found.positive, 1)):
            _shows(asked, shown, sign, hessian, tally)
    tally.took(time.process_time() - started, asked.call())


def _contradicts(verdict: str, low: float, high: float, what: str) -> None:
    """Low and high are what bends down and up, beyond rounding."""
    if (low < 0 and verdict != "concave") or (high > 0 and verdict != "convex"):
        raise WrongError(f"called {verdict}, but {what} bends by {low if low < 0 else high:.3g}")


# ---------------------------------------------------------------- numbers
def _points(symbols: Mapping[str, Any], facts: Any, f: Any, count: int, by: int) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """Points by name that keep the facts."""
    drawn = list(symbols.values())
    for k in range(count):
        sizes = draw_sizes([f, *drawn], k % 3)
        rng = np.random.default_rng([by, k])
        try:
            values = draw(drawn, facts, rng, sizes, STYLES[k % len(STYLES)])
        except (SymderivError, np.linalg.LinAlgError):
            continue
        if broken_fact(facts, values, sizes) is None:
            yield {n: values[key_of(s)] for n, s in symbols.items()}, sizes


def _chords(asked: Asked, symbols: Mapping[str, Any], facts: Any, f: Any) -> Iterator[tuple[float, float] | None]:
    """(how far f lies above its chord if it does, as a negative number; how far below), or None where nothing is told."""
    names = numpy_space()
    rng = np.random.default_rng(8)

    def value(at: Values, sizes: Mapping[str, int]) -> float:
        with np.errstate(all="ignore"):
            return float(run(asked.text, at, sizes, names))

    points = list(_points(symbols, facts, f, POINTS, 11))
    others = list(_points(symbols, facts, f, POINTS, 12))
    for (one, sizes), (two, two_sizes) in zip(points, others, strict=False):
        if sizes != two_sizes:
            continue
        two = {n: two[n] if n in asked.wrt else v for n, v in one.items()}
        for share in SHARES:
            between = {n: share * one[n] + (1 - share) * two[n] if n in asked.wrt else v for n, v in one.items()}
            if any(broken_fact(facts, {key_of(symbols[n]): v for n, v in at.items()}, sizes) is not None for at in (between, two)):
                continue
            gaps, scale = [], 0.0
            for step in (0.0, DIGITS, DIGITS):
                a, b, middle = (value(last_digits(at, rng, step), sizes) for at in (one, two, between))
                gaps.append(share * a + (1 - share) * b - middle)
                scale = max(scale, abs(a), abs(b), abs(middle))
            noise = max(gaps) - min(gaps)
            if not np.isfinite(scale) or scale > LARGE:
                yield None
                continue
            slack = TOLERANCE * max(scale, 1.0) + 10 * noise
            low, high = min(gaps[0] + slack, 0.0), max(gaps[0] - slack, 0.0)
            yield None if (low or high) and _leaves(f, symbols, one, two, sizes) else (low, high)


def _leaves(f: Any, symbols: Mapping[str, Any], one: Values, two: Values, sizes: Mapping[str, int]) -> bool:
    """Whether the function isn't defined all along the chord."""

    def at(t: float) -> dict[Any, Any]:
        return {key_of(symbols[n]): (v + two[n]) / 2 + t * (two[n] - v) / 2 for n, v in one.items()}

    return leaves_domain(nodes_of(f), at, sizes)


def _by_eigenvalues(
    asked: Asked, symbols: Mapping[str, Any], facts: Any, f: Any, found: Any, hessian: Any, tally: Counted
) -> None:
    definite, told = False, 0
    for at, sizes in _points(symbols, facts, f, 3, 13):
        matrix = hessian(asked, at, sizes)
        if not np.all(np.isfinite(matrix)) or np.max(abs(matrix), initial=0.0) > LARGE:
            continue
        values = np.linalg.eigvalsh((matrix + matrix.T) / 2)
        slack = 1e-8 * max(1.0, float(np.max(abs(values))))
        _contradicts(found.verdict, min(float(values[0]) + slack, 0.0), max(float(values[-1]) - slack, 0.0), "an eigenvalue")
        told += 1
        definite = definite or bool(np.all(abs(values) > 1e-13 * float(np.max(abs(values), initial=1e-300))))
    tally.checks["eigenvalues"] += told
    if found.strict and told == 3 and not definite:
        raise WrongError(f"called strictly {found.verdict}, but flat along a direction at every point")


def _shows(asked: Asked, shown: Any, sign: int, hessian: Any, tally: Counted) -> None:
    """The counterexample bends as it says: along the line, in more digits than a double's, or by the Hessian's form."""
    several, alone = isinstance(shown.direction, Mapping), 1.0 if shown.direction is None else shown.direction
    directions = {n: np.asarray(v, dtype=float) for n, v in (shown.direction if several else {asked.wrt[0]: alone}).items()}
    at = {n: np.asarray(v, dtype=float) for n, v in shown.values.items()}
    sizes = {d: k for n, v in at.items() for d, k in zip(asked.shapes[n].split(), v.shape, strict=True)}
    at |= {n: np.ones([sizes.get(d, 2) for d in s.split()]) for n, s in asked.shapes.items() if n not in at}  # it cancels
    if not np.isfinite(_precise(asked, at, sizes)):
        tally.checks["points where only the simplified text is defined"] += 1  # √g² is read as g
        return
    for step in (1.0, 1e-1, 1e-2, 1e-3, 1e-4):
        one, other, middle = (_precise(asked, {n: v + t * step * directions.get(n, 0.0) for n, v in at.items()}, sizes) for t in (1, -1, 0))
        bend, scale = one + other - 2 * middle, abs(one) + abs(other) + 2 * abs(middle)
        if np.isfinite(bend) and sign * bend > 1e-12 * scale:
            tally.checks["counterexamples"] += 1
            return
    if hessian is not None:
        matrix, along = hessian(asked, at, sizes), np.concatenate([np.ravel(directions[n]) for n in asked.wrt])
        if np.all(np.isfinite(matrix)) and len(matrix) == len(along) and sign * along @ matrix @ along > 0:
            tally.checks["counterexamples"] += 1
            return
    raise WrongError(f"no bend {'down' if sign < 0 else 'up'} at the point that shows it ({shown.value:.3g})")


def _precise(asked: Asked, at: Values, sizes: Mapping[str, int]) -> Any:
    """The text's value, in long doubles where NumPy has the functions for them."""
    names = numpy_space()
    with np.errstate(all="ignore"):
        try:
            return run(asked.text, {n: np.asarray(v, dtype=np.longdouble) for n, v in at.items()}, sizes, names)
        except (TypeError, np.linalg.LinAlgError):
            return float(run(asked.text, at, sizes, names))


def jax_hessian() -> Callable[[Asked, Values, Mapping[str, int]], Any] | None:
    """(function, arrays, sizes) -> the Hessian by all its variables, flattened; symmetric ones in symmetric directions."""
    if find_spec("jax") is None:
        return None
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree
    from jax.scipy.special import erf, erfc

    jax.config.update("jax_enable_x64", True)
    names, calls = space(jnp, erf, erfc), counter()

    def hessian(asked: Asked, at: Values, sizes: Mapping[str, int]) -> Any:
        if next(calls) % CACHED == CACHED - 1:
            jax.clear_caches()  # what was compiled for functions that don't come again
        fixed = {n: jnp.asarray(v) for n, v in at.items() if n not in asked.wrt}
        moving = {n: jnp.asarray(at[n]) for n in asked.wrt}
        bases = {n: _basis(n, np.shape(at[n])) for n in asked.wrt}

        def f(steps: Any) -> Any:
            shifted = {n: v + (bases[n] @ steps[n]).reshape(v.shape) for n, v in moving.items()}
            return jnp.asarray(run(asked.text, {**fixed, **shifted}, sizes, names))

        start = {n: jnp.zeros(b.shape[1]) for n, b in bases.items()}
        flat, back = ravel_pytree(start)
        with np.errstate(all="ignore"):
            return np.asarray(jax.jacfwd(jax.jacrev(lambda z: f(back(z))))(flat))

    return hessian


def _basis(name: str, shape: tuple[int, ...]) -> Any:
    """Columns that span the directions of a variable: symmetric ones of X."""
    size = int(np.prod(shape, dtype=int))
    every = np.eye(size)
    if name != "X":
        return every
    n = shape[0]
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    columns = [(every[:, i * n + j] + every[:, j * n + i]) / (2 if i == j else np.sqrt(2)) for i, j in pairs]
    return np.array(columns).T


def report(tally: Counted, failures: list[str], seconds: float, cpu: float) -> str:
    """What was tried, as Markdown."""
    lines = [
        f"{tally.programs} functions in {seconds:.0f} s ({cpu:.0f} s of CPU time), {len(failures)} failures.", "",
        row("verdicts", tally.verdicts), row("numbers", tally.checks), row("rules of proofs", tally.rules),
        row("refused", tally.refused), "",
        "Slowest:", *slowest(tally),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> int:
    given = options(__doc__ or "", 2).parse_args()
    tally, hessian = Counted(), jax_hessian()
    started, cpu = time.monotonic(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn = functions(given.depth)
        failures = fuzzed(drawn, lambda asked: judge(asked, tally, hessian, JAX_EVERY), given.programs, given.seed, given.minutes)
    told(report(tally, failures, time.monotonic() - started, time.process_time() - cpu), failures, given.report)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
