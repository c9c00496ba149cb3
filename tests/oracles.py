"""Independent numbers for the engine's tests: plain einsum, numeric derivatives, and faults planted on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import count
from typing import Any

import numpy as np

from symderiv import engine
from symderiv.build import ones, permute, scale
from symderiv.derive import Derivation
from symderiv.evaluate import evaluate
from symderiv.ir import Expr, is_zero
from symderiv.rules import RULES, Rule, Used
from symderiv.splits import GaussNewton

Array = Any
SIZES = {"n": 2, "o": 3, "h": 4, "m": 5, "q": 6, "r": 7, "s": 8}
"""All different, so that a lost transpose is seen."""
ATOL = 1e-8


def arrays(seed: int = 0, **shapes: str) -> dict[str, Array]:
    """A random array for each shape text: ``W="o n"``."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(size=tuple(SIZES[d] if d in SIZES else int(d) for d in text.split()))
        for name, text in shapes.items()
    }


def one_hot(size: int, at: int = 1) -> Array:
    return np.eye(size)[at]


def softmax(u: Array) -> Array:
    e = np.exp(u)
    return e / e.sum(-1, keepdims=True)


# ---------------------------------------------------------------- a contraction, by plain einsum
def plain_contraction(
    factors: Sequence[Array], labels: Sequence[Sequence[int]], out: Sequence[int], sizes: Mapping[int, int]
) -> Array:
    """Σ over the labels not in out, with an explicit unit matrix for a repeated output label and ones for bare ones."""
    operands: list[Any] = []
    for factor, ls in zip(factors, labels):
        operands += [factor, list(ls)]
    fresh = count(max(sizes, default=0) + 1)
    final: list[int] = []
    for x in out:
        if x in final:
            copy = next(fresh)
            operands += [np.eye(sizes[x]), [x, copy]]
            final.append(copy)
        else:
            final.append(x)
    for x in sizes:
        operands += [np.ones(sizes[x]), [x]]
    return np.einsum(*operands, final)


# ---------------------------------------------------------------- numeric derivatives
def numeric_jacobian(f: Callable[[Array], Array], x: Array) -> Array:
    """Central differences of order 8, of shape f.shape + x.shape."""
    x = np.asarray(x, float)
    weights = ((4 / 5, 1), (-1 / 5, 2), (4 / 105, 3), (-1 / 280, 4))
    step, columns = 2e-2, []
    for place in np.ndindex(x.shape):
        d = np.zeros_like(x)
        d[place] = step
        columns.append(sum(w * (np.asarray(f(x + k * d)) - np.asarray(f(x - k * d))) for w, k in weights) / step)
    found = np.stack(columns, -1)
    return found.reshape((*found.shape[:-1], *x.shape))


def complex_jacobian(f: Callable[[Array], Array], x: Array) -> Array:
    """Complex steps, of shape f.shape + x.shape: exact to rounding, for f made of analytic NumPy functions."""
    columns = []
    for place in np.ndindex(np.shape(x)):
        z = np.asarray(x, complex).copy()
        z[place] += 1e-30j
        columns.append(np.imag(np.asarray(f(z))) / 1e-30)
    found = np.stack(columns, -1)
    return found.reshape((*found.shape[:-1], *np.shape(x)))


def complex_hessian(f: Callable[[Array], Array], x: Array) -> Array:
    """Differences of order 8 of complex steps."""
    return numeric_jacobian(lambda y: complex_jacobian(f, y), x)


def value_of(result: Any, values: Mapping[str, Any]) -> Any:
    """An expression's value by the independent evaluator; of a tuple, a tuple."""
    if isinstance(result, tuple):
        return tuple(value_of(part, values) for part in result)
    return evaluate(result, values, SIZES)


def close(a: Array, b: Array, atol: float = ATOL) -> None:
    """Equal shapes and equal numbers."""
    assert np.shape(a) == np.shape(b), (np.shape(a), np.shape(b))
    np.testing.assert_allclose(a, b, rtol=atol, atol=atol)


# ---------------------------------------------------------------- planted faults
def off(after: Expr) -> Expr:
    """One part in a million too large; of zero, one."""
    if is_zero(after):
        return ones(after.shape)
    return scale(Fraction(1_000_001, 1_000_000), after)


def negated(after: Expr) -> Expr:
    return scale(-1, after)


def transposed(after: Expr) -> Expr:
    """The last two axes exchanged, where they are of one size; else a sign."""
    order = len(after.shape)
    if order < 2 or after.shape[-1] != after.shape[-2]:
        return negated(after)
    return permute(after, [*range(order - 2), order - 1, order - 2])


FAULTS = {"off": off, "negated": negated, "transposed": transposed}


@contextmanager
def broken(law: Rule | str, fault: Callable[[Expr], Expr]) -> Iterator[None]:
    """Within this, the rule gives wrong results; lemmas proved before are forgotten, as are those proved within."""
    law = RULES[law] if isinstance(law, str) else law
    real = law.apply

    def wrong(*args: Any) -> Any:
        result = real(*args)
        if result is None:
            return None
        return Used(fault(result.after), result.facts) if isinstance(result, Used) else fault(result)

    engine._LEMMAS.clear()
    object.__setattr__(law, "apply", wrong)
    try:
        yield
    finally:
        object.__setattr__(law, "apply", real)
        engine._LEMMAS.clear()


def rules_of(*made: Derivation | GaussNewton) -> list[str]:
    """The rules that fired in these derivations, by name."""
    flat = [d for m in made for d in (m.parts if isinstance(m, GaussNewton) else (m,))]
    return list(dict.fromkeys(step.fire.rule for d in flat for step in d.steps))
