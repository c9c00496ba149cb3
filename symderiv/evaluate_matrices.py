"""Spectra and functions of matrices for the evaluator: from their defining equations, on arrays and on jets.

Eigenpairs are solved for by Newton's iteration on (S − λI)v = 0, vᵀv = 1 from those of the real part; on a jet (or a
complex step) each turn gets one order more right. No derivative of an eigenvalue is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symderiv.errors import EvaluationError
from symderiv.jets import Jet, Value, base, bilinear, linear, linear_sum, parts_of, power

TERMS = 16


def matmul(x: Value, y: Value) -> Value:
    return bilinear(np.matmul, x, y)


def inv(x: Value, order: int = 2) -> Value:
    """(A + N)⁻¹ = Σ (-A⁻¹N)ᵏ A⁻¹, which ends as N is nilpotent."""
    first = np.linalg.inv(base(x))
    change = Jet({units: -first @ a for units, a in parts_of(x).items() if units})
    result: Value = first
    term: Value = first
    while True:
        term = matmul(change, term)
        if not parts_of(term):
            return result
        result = linear_sum((result, term))


def _transposed(x: Value) -> Value:
    return linear(lambda a: np.swapaxes(a, -1, -2), x)


def _column(x: Value) -> Value:
    return linear(lambda a: a[..., None], x)


def _scalar(x: Value) -> Value:
    """A 1×1 matrix as a number."""
    return linear(lambda a: a[..., 0, 0], x)


def _matrix(x: Value) -> Value:
    return linear(lambda a: np.asarray(a)[..., None, None], x)


def _orders(x: Value) -> int:
    """How many turns the iteration needs: one for each nilpotent unit, one for a complex step, and one to be sure."""
    union = 0
    for units in parts_of(x):
        union |= units
    return union.bit_count() + 2


def _eigenpair(x: Value, k: int) -> tuple[Value, Value]:
    """The k-th eigenvalue (ascending) and unit eigenvector, a column whose largest entry is positive."""
    s = (x + _transposed(x)) * 0.5
    real = base(s).real
    values, vectors = np.linalg.eigh(real)
    start = vectors[..., :, k]
    largest = np.take_along_axis(start, np.argmax(abs(start), axis=-1)[..., None], axis=-1)
    v0, l0 = (start * np.sign(largest))[..., None], values[..., k][..., None, None]
    n = real.shape[-1]
    bordered = np.block([[real - l0 * np.eye(n), -v0], [np.swapaxes(v0, -1, -2), np.zeros((*v0.shape[:-2], 1, 1))]])
    inverse = np.linalg.inv(bordered)
    v: Value = v0
    value: Value = l0
    for _ in range(_orders(x)):
        rest = matmul(s, v) - v * value
        size = (matmul(_transposed(v), v) - np.ones((1, 1))) * 0.5
        v = v - linear_sum((matmul(inverse[..., :n, :n], rest), matmul(inverse[..., :n, n:], size)))
        value = value - linear_sum((matmul(inverse[..., n:, :n], rest), matmul(inverse[..., n:, n:], size)))
    return value, v


def _side_by_side(columns: list[Value]) -> Value:
    """Columns as one matrix."""
    units = np.eye(len(columns))
    return linear_sum(tuple(c * units[k] for k, c in enumerate(columns)))


def eigvalsh(x: Value, order: int = 2) -> Value:
    n = base(x).shape[-1]
    return linear(lambda a: a[..., 0, :], _side_by_side([_eigenpair(x, k)[0] for k in range(n)]))


def eigenvectors(x: Value, order: int = 2) -> Value:
    return _side_by_side([_eigenpair(x, k)[1] for k in range(base(x).shape[-1])])


def inverse_gaps(x: Value, order: int = 2) -> Value:
    values = eigvalsh(x)
    unit = np.eye(base(values).shape[-1])
    gaps = linear(lambda a: a[..., None, :], values) - linear(lambda a: a[..., :, None], values)
    return power(gaps + unit, -1) * (1 - unit)


def eigmax(x: Value, order: int = 2) -> Value:
    return _scalar(_eigenpair(x, -1)[0])


def top_eigenvector(x: Value, order: int = 2) -> Value:
    return linear(lambda a: a[..., 0], _eigenpair(x, -1)[1])


def top_resolvent(x: Value, order: int = 2) -> Value:
    """(λI − S + v vᵀ)⁻¹ − v vᵀ."""
    value, v = _eigenpair(x, -1)
    outer = matmul(v, _transposed(v))
    s = (x + _transposed(x)) * 0.5
    return inv(value * np.eye(base(x).shape[-1]) - s + outer) - outer


def _gram(x: Value) -> Value:
    return matmul(_transposed(x), x)


def spectral_norm(x: Value, order: int = 2) -> Value:
    return power(eigmax(_gram(x)), 0.5)


def right_singular(x: Value, order: int = 2) -> Value:
    return top_eigenvector(_gram(x))


def left_singular(x: Value, order: int = 2) -> Value:
    image = linear(lambda a: a[..., 0], matmul(x, _column(right_singular(x))))
    return image * power(linear(lambda a: np.asarray(a)[..., None], spectral_norm(x)), -1)


# ---------------------------------------------------------------- power series
def _scaled(x: Value) -> tuple[Value, int]:
    """x / 2ˢ, small, and s."""
    size = float(np.max(np.sum(abs(base(x)), axis=-2), initial=1e-9))
    if not np.isfinite(size):
        raise EvaluationError("a matrix function of entries that aren't finite")
    s = max(0, int(np.ceil(np.log2(size))) + 2)
    return x * 2.0**-s, s


def _series(x: Value, coefficient: Callable[[int], float]) -> Value:
    """Σ c_k Xᵏ / k!, so many terms as a small x needs."""
    term: Value = np.eye(base(x).shape[-1])
    result: Value = term * coefficient(0)
    for k in range(1, TERMS + 2 * _orders(x)):
        term = matmul(term, x) * (1 / k)
        result = linear_sum((result, term * coefficient(k)))
    return result


def expm(x: Value, order: int = 2) -> Value:
    small, s = _scaled(x)
    result = _series(small, lambda k: 1.0)
    for _ in range(s):
        result = matmul(result, result)
    return result


def _sine_and_cosine(x: Value) -> tuple[Value, Value]:
    small, s = _scaled(x)
    sine = _series(small, lambda k: (0.0, 1.0, 0.0, -1.0)[k % 4])
    cosine = _series(small, lambda k: (1.0, 0.0, -1.0, 0.0)[k % 4])
    for _ in range(s):
        sine, cosine = matmul(sine, cosine) * 2, matmul(cosine, cosine) - matmul(sine, sine)
    return sine, cosine


def trace(x: Value, order: int = 2) -> Value:
    return linear(lambda a: np.asarray(np.trace(a, axis1=-2, axis2=-1)), x)


def _no_single_ones(x: Value, order: int = 2) -> Value:
    raise EvaluationError("single eigenvalues may be complex", hint="write sum(eigvals(X)) or prod(eigvals(X))")


SPECTRA: dict[str, Callable[..., Any]] = {
    "eigvals": _no_single_ones,
    "eigenvalue_sum": trace,
    "eigvalsh": eigvalsh,
    "eigenvectors": eigenvectors,
    "inverse_gaps": inverse_gaps,
    "eigmax": eigmax,
    "eigmin": lambda x, order=2: -eigmax(-x),
    "top_eigenvector": top_eigenvector,
    "top_resolvent": top_resolvent,
    "spectral_norm": spectral_norm,
    "left_singular": left_singular,
    "right_singular": right_singular,
    "expm": expm,
    "sinm": lambda x, order=2: _sine_and_cosine(x)[0],
    "cosm": lambda x, order=2: _sine_and_cosine(x)[1],
    "trace_expm": lambda x, order=2: trace(expm(x)),
    "trace_sinm": lambda x, order=2: trace(_sine_and_cosine(x)[0]),
    "trace_cosm": lambda x, order=2: trace(_sine_and_cosine(x)[1]),
}
"""Functions of one matrix, as `evaluate_functions.TENSOR` holds them."""
