"""Numbers for the evaluator: arrays, real or complex, and jets, which carry derivatives along exactly.

A jet is a number a + Σ b_S ε_S with nilpotent units, ε_k² = 0: the part at ε_1 ε_2 of f(x + u ε_1 + v ε_2) is the
second derivative of f at x in the directions u and v, to rounding error, whatever the step (there is none). The units
are bits of an integer, the parts are arrays. A plain array is a number too, and every function here takes both.

The axes of a node's value are the *last* axes of a part. Axes before them hold many directions at once.

>>> x = Jet({0: np.array(2.0), 1: np.array(1.0)})                  # 2 + ε
>>> float(part(x * x * x, 1)), round(float(part(exp(x) / x, 1)), 6)  # 3·2², e²/2 - e²/4
(12.0, 1.847264)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial import Polynomial

Array = npt.NDArray[Any]
Derivative = Callable[[int, Array], Array]


class Jet:
    """Σ parts[S] ε_S; the part 0 is the number itself, a part that is absent is zero."""

    __slots__ = ("parts",)
    __array_ufunc__ = None  # array * jet is the jet's business

    def __init__(self, parts: Mapping[int, Array]):
        self.parts = dict(parts)

    def __add__(self, other: Value | float) -> Value:
        return linear_sum((self, other))

    def __sub__(self, other: Value | float) -> Value:
        return linear_sum((self, -other))

    def __rsub__(self, other: Value | float) -> Value:
        return linear_sum((-self, other))

    def __neg__(self) -> Value:
        return linear(np.negative, self)

    def __mul__(self, other: Value | float) -> Value:
        return bilinear(np.multiply, self, other)

    def __truediv__(self, other: Value | float) -> Value:
        return self * power(other, -1)

    def __rtruediv__(self, other: Value | float) -> Value:
        return power(self, -1) * other

    __radd__ = __add__
    __rmul__ = __mul__


Value = Array | Jet


def parts_of(x: Value | float) -> dict[int, Array]:
    return x.parts if isinstance(x, Jet) else {0: np.asarray(x)}


def part(x: Value | float, units: int) -> Array | None:
    """The part at a set of units, given as bits; None if it is zero."""
    return parts_of(x).get(units)


def base(x: Value | float) -> Array:
    """The number without its ε."""
    return parts_of(x)[0]


def _number(parts: Mapping[int, Array]) -> Value:
    return parts[0] if len(parts) == 1 and 0 in parts else Jet(parts)


def linear(f: Callable[[Array], Array], x: Value | float) -> Value:
    """A linear map of arrays, on every part."""
    return _number({units: f(a) for units, a in parts_of(x).items()})


def bilinear(f: Callable[[Array, Array], Array], x: Value | float, y: Value | float) -> Value:
    """A bilinear map of arrays, as products of jets go: parts that share a unit vanish."""
    parts: dict[int, Array] = {}
    for left, a in parts_of(x).items():
        for right, b in parts_of(y).items():
            if not left & right:
                term = f(a, b)
                parts[left | right] = parts[left | right] + term if left | right in parts else term
    return _number(parts)


def linear_sum(xs: tuple[Value | float, ...]) -> Value:
    """The sum, part by part; where one is broadcast (a column to a matrix), all of its parts are."""
    parts: dict[int, Array] = {}
    for x in xs:
        for units, a in parts_of(x).items():
            parts[units] = parts[units] + a if units in parts else a
    whole = np.shape(parts.get(0, 0.0))
    return _number({u: a if np.shape(a) == whole else _stretched(a, whole) for u, a in parts.items()})


def _stretched(a: Array, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(a, np.broadcast_shapes(np.shape(a), shape))


def lift(derivative: Derivative, x: Value | float) -> Value:
    """f(x) for a scalar function, from derivative(k, a) = f⁽ᵏ⁾(a): the Taylor series, which ends as ε is nilpotent."""
    a = base(x)
    rest = {units: b for units, b in parts_of(x).items() if units}
    result: Value = np.asarray(derivative(0, a))
    power_of_rest: Value = np.ones(())
    for k in range(1, max((units.bit_count() for units in _union(rest)), default=0) + 1):
        parts = {u: p for u, p in parts_of(bilinear(np.multiply, power_of_rest, Jet(rest))).items() if u}
        if not parts:
            break
        power_of_rest = Jet(parts)
        coefficient = np.asarray(derivative(k, a)) / math.factorial(k)
        result = linear_sum((result, bilinear(np.multiply, coefficient, power_of_rest)))
    return result


def _union(parts: Mapping[int, Array]) -> tuple[int, ...]:
    """All units that occur, as one set (no power of the nilpotent rest is longer)."""
    union = 0
    for units in parts:
        union |= units
    return (union,) if union else ()


def choose(condition: Array, x: Value | float, y: Value | float) -> Value:
    """x where the condition holds, else y: for functions that are given piece by piece."""
    xs, ys = parts_of(x), parts_of(y)
    zero = np.zeros(())
    return _number({u: np.where(condition, xs.get(u, zero), ys.get(u, zero)) for u in sorted({*xs, *ys})})


# ---------------------------------------------------------------- functions whose derivatives are written out here
def _autonomous(f: Callable[[Array], Array], right: list[float]) -> Callable[[Value | float], Value]:
    """A solution of f' = P(f): its k-th derivative is a polynomial in f."""
    field = Polynomial(right)

    def derivative(k: int, a: Array) -> Array:
        polynomial = Polynomial([0.0, 1.0])
        for _ in range(k):
            polynomial = polynomial.deriv() * field
        return np.asarray(polynomial(f(a))) if k else f(a)

    return lambda x: lift(derivative, x)


def _algebraic_derivative(f: Callable[[Array], Array], sign: float, exponent: float) -> Derivative:
    """A function with f' = (1 + sign·x²)^exponent: its derivatives are polynomials times such powers."""

    def derivative(k: int, a: Array) -> Array:
        if k == 0:
            return f(a)
        polynomial, inner = Polynomial([1.0]), Polynomial([1.0, 0.0, sign])
        for j in range(k - 1):
            polynomial = polynomial.deriv() * inner + Polynomial([0.0, 2 * sign * (exponent - j)]) * polynomial
        return np.asarray(polynomial(a) * _power(1 + sign * a * a, exponent - k + 1))

    return derivative


def _reciprocal_derivative(f: Callable[[Array], Array], shift: float) -> Derivative:
    """A function with f' = 1/(x + shift)."""
    return lambda k, a: (-1) ** (k - 1) * math.factorial(k - 1) * _power(a + shift, -k) if k else f(a)


def _sigmoid(a: Array) -> Array:
    small = np.exp(np.where(a.real < 0, a, -a))
    return np.asarray(np.where(a.real < 0, small / (1 + small), 1 / (1 + small)))


def _within(defined: Callable[[Array], Array], derivative: Derivative) -> Derivative:
    """The same derivatives where the function is real for real arguments, nan elsewhere."""

    def masked(k: int, a: Array) -> Array:
        with np.errstate(all="ignore"):
            found = derivative(k, a)
        nothing = complex(math.nan, math.nan) if np.iscomplexobj(found) else math.nan
        return np.asarray(np.where(defined(a.real), found, nothing))

    return masked


exp = _autonomous(np.exp, [0, 1])
tanh = _autonomous(np.tanh, [1, 0, -1])
tan = _autonomous(np.tan, [1, 0, 1])
sigmoid = _autonomous(_sigmoid, [0, 1, -1])
_atan = _algebraic_derivative(np.arctan, 1, -1)
_asinh = _algebraic_derivative(np.arcsinh, 1, -0.5)
_atanh = _algebraic_derivative(np.arctanh, -1, -1)
_log = _reciprocal_derivative(np.log, 0)
_log1p = _reciprocal_derivative(np.log1p, 1)


def atan(x: Value | float) -> Value:
    return lift(_atan, x)


def asinh(x: Value | float) -> Value:
    return lift(_asinh, x)


def atanh(x: Value | float) -> Value:
    return lift(_within(lambda r: abs(r) < 1, _atanh), x)


def log(x: Value | float) -> Value:
    """The natural logarithm; nan below zero, in complex arithmetic too."""
    return lift(_within(lambda r: r >= 0, _log), x)


def log1p(x: Value | float) -> Value:
    return lift(_within(lambda r: r >= -1, _log1p), x)


def sin(x: Value | float) -> Value:
    return lift(lambda k, a: (np.sin(a), np.cos(a), -np.sin(a), -np.cos(a))[k % 4], x)


def cos(x: Value | float) -> Value:
    return lift(lambda k, a: (np.cos(a), -np.sin(a), -np.cos(a), np.sin(a))[k % 4], x)


def expm1(x: Value | float) -> Value:
    return lift(lambda k, a: np.exp(a) if k else np.expm1(a), x)


def power(x: Value | float, q: float) -> Value:
    """x**q; a whole q by multiplication, so that negative bases stay real; a broken one for x ≥ 0 only, else nan.

    >>> power(np.array([-2.0, 4.0]), 3), power(np.array([4.0, -1.0]), 0.5)
    (array([-8., 64.]), array([ 2., nan]))
    """

    def derivative(k: int, a: Array) -> Array:
        factor = math.prod(q - j for j in range(k))
        return factor * _power(a, q - k) if factor else np.zeros_like(a)

    return lift(derivative, x)


def _power(a: Array, q: float) -> Array:
    if float(q).is_integer():
        a = np.asarray(a, dtype=np.result_type(a, float))
        result = np.ones_like(a)
        square, n = a, abs(int(q))
        while n:
            result = result * square if n & 1 else result
            square, n = square * square if n > 1 else square, n >> 1
        return result if q >= 0 else 1 / result
    return _within(lambda r: r >= 0, lambda _, t: np.asarray(np.power(t, q)))(0, np.asarray(a))


def heaviside(x: Value | float) -> Value:
    """1 for x > 0, else 0."""
    return np.asarray(base(x).real > 0, dtype=float)


def sign(x: Value | float) -> Value:
    return np.asarray(np.sign(base(x).real))


def absolute(x: Value | float) -> Value:
    """|x| on the reals, continued analytically on either side of 0 (not the modulus of a complex number)."""
    return x * sign(x)


# ---------------------------------------------------------------- the error function
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)
_erf_real = np.frompyfunc(math.erf, 1, 1)
_erfc_real = np.frompyfunc(math.erfc, 1, 1)


def _from_real_axis(a: Array) -> Array:
    """2/√π times the integral of exp(-z²) from the real part of a up to a."""
    s = (_NODES + 1) / 2
    path = a.real[..., None] + 1j * a.imag[..., None] * s
    return np.asarray(1j * a.imag / math.sqrt(math.pi) * (np.exp(-path * path) @ _WEIGHTS))


def _gauss_derivative(k: int, a: Array) -> Array:
    """The k-th derivative of erf, k ≥ 1: 2/√π (-1)^(k-1) H_(k-1)(a) e^(-a²), by Hermite's polynomials."""
    hermite = Polynomial([1.0])
    for _ in range(k - 1):
        hermite = hermite.deriv() - Polynomial([0.0, 2.0]) * hermite
    return np.asarray(2 / math.sqrt(math.pi) * hermite(a) * np.exp(-a * a))


def erf(x: Value | float) -> Value:
    """The error function, of complex numbers with a moderate imaginary part too.

    >>> erf(np.array(0.5)), erf(np.array(1 + 1j))
    (array(0.52049988), array(1.31615128+0.19045347j))
    """

    def value(a: Array) -> Array:
        real = np.asarray(_erf_real(a.real), dtype=float)
        return real + _from_real_axis(a) if np.iscomplexobj(a) else real

    return lift(lambda k, a: _gauss_derivative(k, a) if k else value(a), x)


def erfc(x: Value | float) -> Value:
    """1 - erf(x), without cancellation for large x."""

    def value(a: Array) -> Array:
        real = np.asarray(_erfc_real(a.real), dtype=float)
        return real - _from_real_axis(a) if np.iscomplexobj(a) else real

    return lift(lambda k, a: -_gauss_derivative(k, a) if k else value(a), x)
