"""The functions of the table for the evaluator, written anew from their mathematical definitions.

Nothing here looks at a row's definition, derivative or NumPy source: these functions are what those are checked
against. Each takes arrays, real or complex, and jets; its parameters come in the row's order. A row that is missing
here is evaluated from its SymPy body, by SymPy's own derivatives.

>>> SCALAR["gelu"](np.array([1.0])), TENSOR["softmax"](np.array([0.0, 0.0]), 1)
(array([0.84134475]), array([0.5, 0.5]))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import sympy

from symderiv.errors import TooLargeError, UnknownNameError
from symderiv.evaluate_axes import SIMPLEX, Axis, axes, total
from symderiv.evaluate_matrices import SPECTRA, inv, matmul
from symderiv.functions import SCALAR as ROWS
from symderiv.jets import (
    Array,
    Jet,
    Value,
    absolute,
    asinh,
    atan,
    atanh,
    base,
    choose,
    cos,
    erf,
    erfc,
    exp,
    expm1,
    heaviside,
    lift,
    linear,
    linear_sum,
    log,
    log1p,
    power,
    sigmoid,
    sign,
    sin,
    tan,
    tanh,
)

Scalar = Callable[..., Value]
LARGEST_EXPANSION = 9


# ---------------------------------------------------------------- elementwise
def relu(x: Value) -> Value:
    return choose(base(x).real > 0, x, np.zeros(()))


def softplus(x: Value) -> Value:
    """log(1 + eˣ), by max(x, 0) + log(1 + e^-|x|)."""
    right = base(x).real > 0
    return choose(right, x + log1p(exp(-x)), log1p(exp(x)))


def logcosh(x: Value) -> Value:
    return choose(base(x).real > 0, x + log1p(exp(-2 * x)) - math.log(2), log1p(exp(2 * x)) - x - math.log(2))


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)


def fermi_dirac(x: Value) -> Value:
    """π²/12 and the integral of softplus from 0 to x, by a Gauss rule."""
    terms = tuple(x * softplus(x * float((t + 1) / 2)) * float(w / 2) for t, w in zip(_NODES, _WEIGHTS, strict=True))
    return linear_sum(terms) + math.pi**2 / 12


def normal_cdf(x: Value) -> Value:
    return erfc(x * -math.sqrt(0.5)) * 0.5


def normal_pdf(x: Value) -> Value:
    return exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))


def clip(x: Value, low: float, high: float) -> Value:
    """x between low and high; the ends count as inside, which no derivative sees."""
    r = base(x).real
    return choose(r > high, np.full((), float(high)), choose(r < low, np.full((), float(low)), x))


def elu(x: Value, alpha: float = 1.0) -> Value:
    return choose(base(x).real > 0, x, expm1(x) * alpha)


def selu(x: Value, alpha: float = 1.6732632423543772, scale: float = 1.0507009873554805) -> Value:
    return elu(x, alpha) * scale


def shrink(x: Value, lambd: float, towards_zero: float) -> Value:
    r = base(x).real
    return choose(r > lambd, x - towards_zero, choose(r < -lambd, x + towards_zero, np.zeros(())))


SCALAR: dict[str, Scalar] = {
    "exp": exp,
    "log": log,
    "expm1": expm1,
    "log1p": log1p,
    "sin": sin,
    "cos": cos,
    "tan": tan,
    "atan": atan,
    "sinh": lambda x: (exp(x) - exp(-x)) * 0.5,
    "cosh": lambda x: (exp(x) + exp(-x)) * 0.5,
    "tanh": tanh,
    "asinh": asinh,
    "atanh": atanh,
    "logit": lambda x: log(x) - log1p(-x),
    "logcosh": logcosh,
    "heaviside": heaviside,
    "sign": sign,
    "abs": absolute,
    "erf": erf,
    "erfc": erfc,
    "fermi_dirac": fermi_dirac,
    "normal_pdf": normal_pdf,
    "normal_cdf": normal_cdf,
    "sigmoid": sigmoid,
    "log_sigmoid": lambda x: -softplus(-x),
    "softplus": softplus,
    "relu": relu,
    "relu6": lambda x: clip(x, 0, 6),
    "leaky_relu": lambda x, slope=0.01: choose(base(x).real > 0, x, x * slope),
    "elu": elu,
    "selu": selu,
    "celu": lambda x, alpha=1.0: choose(base(x).real > 0, x, expm1(x * (1 / alpha)) * alpha),
    "gelu": lambda x: x * normal_cdf(x),
    "gelu_tanh": lambda x: x * 0.5 * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * power(x, 3)))),
    "silu": lambda x: x * sigmoid(x),
    "mish": lambda x: x * tanh(softplus(x)),
    "hardtanh": lambda x: clip(x, -1, 1),
    "hardsigmoid": lambda x: clip(x + 3, 0, 6) * (1 / 6),
    "hardswish": lambda x: x * clip(x + 3, 0, 6) * (1 / 6),
    "softsign": lambda x: x / (1 + absolute(x)),
    "tanhshrink": lambda x: x - tanh(x),
    "softshrink": lambda x, lambd=0.5: shrink(x, lambd, lambd),
    "hardshrink": lambda x, lambd=0.5: shrink(x, lambd, 0.0),
}

#: Where a function, or a derivative of it, jumps, by its parameters.
KINKS: dict[str, Callable[..., tuple[float, ...]]] = {
    **dict.fromkeys(("heaviside", "sign", "abs", "relu", "leaky_relu"), lambda *_: (0.0,)),
    **dict.fromkeys(("elu", "selu", "celu", "softsign"), lambda *_: (0.0,)),
    "relu6": lambda: (0.0, 6.0),
    "hardtanh": lambda: (-1.0, 1.0),
    "hardsigmoid": lambda: (-3.0, 3.0),
    "hardswish": lambda: (-3.0, 3.0),
    "softshrink": lambda lambd=0.5: (-lambd, lambd),
    "hardshrink": lambda lambd=0.5: (-lambd, lambd),
}


def scalar_function(name: str) -> Scalar:
    """The function of one variable; UnknownNameError if there is none."""
    if name in SCALAR:
        return SCALAR[name]
    if name in ROWS:
        return _from_sympy(name)
    raise UnknownNameError.among(name, (*SCALAR, *ROWS), "elementwise function")


def _from_sympy(name: str) -> Scalar:
    names = [p for p, _ in ROWS[name].params]
    defaults = [float(value) for _, value in ROWS[name].params]

    def f(x: Value, *given: float) -> Value:
        params = (*given, *defaults[len(given) :])
        return lift(lambda k, a: np.asarray(_sympy_derivative(name, tuple(names), k)(a, *params) + 0 * a), x)

    return f


def _polylog(order: int, z: Any) -> Any:
    """Li_1 or Li_2 of numbers at or near the negative axis: -log(1 - z), and its integral over t of Li_1(z t)/t."""
    if order == 1:
        return -np.log1p(-z)
    t = (_NODES + 1) / 2
    far = np.abs(z) > 2
    near = np.asarray(np.where(far, 1 / np.where(far, z, 1.0), z))
    inner = (-np.log1p(-near[..., None] * t) / t) @ _WEIGHTS / 2
    turned = -np.log(np.where(far, -z, 1.0))
    return np.where(far, -math.pi**2 / 6 - turned * turned / 2 - inner, inner)


@lru_cache(maxsize=256)
def _sympy_derivative(name: str, params: tuple[str, ...], order: int) -> Callable[..., Any]:
    """The k-th derivative of a row's SymPy body, as a function of arrays."""
    x = sympy.Symbol("x", real=True)
    known = {p: sympy.Symbol(p, real=True) for p in params}
    body = sympy.sympify(ROWS[name].sympy, locals={"x": x, **known}).diff(x, order)
    own = {"polylog": _polylog, "erf": erf, "erfc": erfc, "Heaviside": lambda t, *_: heaviside(t), "sign": sign, "Abs": absolute,
           "DiracDelta": lambda t, *_: np.zeros_like(t)}  # fmt: skip
    return sympy.lambdify((x, *known.values()), body, modules=[own, "numpy"])


# ---------------------------------------------------------------- whole arrays
def mean(x: Value, order: int, axis: Axis = None, keepdims: bool = False) -> Value:
    return linear(lambda a: np.asarray(np.mean(a, axis=axes(axis, order), keepdims=keepdims)), x)


def var(x: Value, order: int, axis: Axis = None, keepdims: bool = False) -> Value:
    d = x - mean(x, order, axis, True)
    return mean(d * d, order, axis, keepdims)


def norm(x: Value, order: int, axis: Axis = None, keepdims: bool = False) -> Value:
    return power(total(x * x, order, axis, keepdims), 0.5)


def softmax(x: Value, order: int, axis: Axis = -1) -> Value:
    """Shifted by the largest entry, a constant that cancels."""
    e = exp(x - np.max(base(x).real, axis=axes(axis, order), keepdims=True))
    return e / total(e, order, axis, True)


def logsumexp(x: Value, order: int, axis: Axis = None, keepdims: bool = False) -> Value:
    top = np.max(base(x).real, axis=axes(axis, order), keepdims=True)
    found = log(total(exp(x - top), order, axis, True)) + top
    return found if keepdims else linear(lambda a: np.squeeze(a, axis=axes(axis, order)), found)


def largest(x: Value, order: int, axis: Axis = None, keepdims: bool = False) -> Value:
    """The entry that is largest (the first of several)."""
    where = axes(axis, order)
    kept = [a for a in range(-order, 0) if a not in where]

    def flat(a: Array) -> Array:
        lead = a.ndim - order
        moved = np.transpose(a, [*range(lead), *(lead + order + k for k in (*kept, *where))])
        return moved.reshape(*moved.shape[: lead + len(kept)], -1)

    place = np.argmax(flat(base(x).real), axis=-1)[..., None]

    def pick(a: Array) -> Array:
        f = flat(a)
        shape = np.broadcast_shapes(f.shape[:-1], place.shape[:-1])
        f, p = np.broadcast_to(f, (*shape, f.shape[-1])), np.broadcast_to(place, (*shape, 1))
        found = np.take_along_axis(f, p, axis=-1)[..., 0]
        return np.expand_dims(found, where) if keepdims else found

    return linear(pick, x)


def layer_norm(x: Value, order: int, axis: Axis = -1, eps: float = 1e-5) -> Value:
    return (x - mean(x, order, axis, True)) / power(var(x, order, axis, True) + eps, 0.5)


def rms_norm(x: Value, order: int, axis: Axis = -1, eps: float = 0.0) -> Value:
    return x / power(mean(x * x, order, axis, True) + eps, 0.5)


def det(x: Value, order: int = 2) -> Value:
    """Σ over permutations of sign · Π entries (Leibniz), expanded row by row from the last one, minor by minor."""
    n = base(x).shape[-1]
    if n > LARGEST_EXPANSION:
        if isinstance(x, Jet):
            hint = f"sizes up to {LARGEST_EXPANSION} are evaluated"
            raise TooLargeError(f"the derivative of a determinant of size {n}", hint=hint)
        return np.asarray(np.linalg.det(x))
    minors: dict[tuple[int, ...], Value] = {(): np.ones(())}
    for row in reversed(range(n)):
        minors = {
            columns: linear_sum(
                tuple(
                    linear(lambda a, r=row, c=column, s=(-1) ** k: s * a[..., r, c], x)  # type: ignore[misc]  # defaults of a lambda aren't inferred
                    * minors[columns[:k] + columns[k + 1 :]]
                    for k, column in enumerate(columns)
                )
            )
            for columns in combinations(range(n), n - row)
        }
    return minors[tuple(range(n))]


def product(x: Value, order: int, axis: Axis = None, keepdims: bool = False) -> Value:
    """Entry by entry, so that zeros and signs do no harm."""
    where = axes(axis, order)

    for one in where:
        size = base(x).shape[one]
        parts = [linear(lambda a, k=k, one=one: np.take(a, [k], axis=one), x) for k in range(size)]  # type: ignore[misc]  # defaults of a lambda aren't inferred
        x = parts[0]
        for part in parts[1:]:
            x = x * part
    return x if keepdims else linear(lambda a: np.squeeze(a, axis=where), x)


def is_largest(x: Value, order: int, axis: Any = None) -> Value:
    """1 where an entry is the largest along the axis, else 0."""
    a = base(x).real
    own = range(a.ndim - order, a.ndim)
    along = tuple(own) if axis is None else tuple(own[k] for k in ((axis,) if isinstance(axis, int) else axis))
    return np.where(a == a.max(axis=along, keepdims=True), 1.0, 0.0)


def logdet(x: Value, order: int = 2) -> Value:
    """log |det x|."""
    return log(absolute(det(x)))


def reshape(x: Value, order: int, *groups: int) -> Value:
    """Consecutive axes joined, as many as each group says; the last axis of a group runs fastest."""

    def joined(a: Array) -> Array:
        lead, core = a.shape[: a.ndim - order], list(a.shape[a.ndim - order :])
        return a.reshape((*lead, *(math.prod(core.pop(0) for _ in range(width)) for width in groups)))

    return linear(joined, x)


TENSOR: dict[str, Scalar] = {
    **SIMPLEX,
    "softmax": softmax,
    "softmin": lambda x, order, axis=-1: softmax(-x, order, axis),
    "logsumexp": logsumexp,
    "log_softmax": lambda x, order, axis=-1: x - logsumexp(x, order, axis, True),
    "mean": mean,
    "var": var,
    "std": lambda x, order, axis=None, keepdims=False: power(var(x, order, axis, keepdims), 0.5),
    "norm": norm,
    "normalize": lambda x, order, axis=-1: x / norm(x, order, axis, True),
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "entropy": lambda x, order, axis=None, keepdims=False: -total(x * log(x), order, axis, keepdims),
    "max": largest,
    "min": lambda x, order, axis=None, keepdims=False: -largest(-x, order, axis, keepdims),
    "prod": product,
    "is_max": is_largest,
    "det": det,
    "inv": inv,
    "logdet": logdet,
    "reshape": reshape,
    **SPECTRA,
    "eigenvalue_product": det,
}
"""Functions of one array: f(x, order, *parameters), where ``order`` is the number of x's own axes, which come last."""

TENSOR_OF_TWO: dict[str, Scalar] = {
    "maximum": lambda x, y, order: choose(base(x).real > base(y).real, x, y),
    "minimum": lambda x, y, order: choose(base(x).real < base(y).real, x, y),
    "cosine_similarity": lambda x, y, order: total(x * y, order) / (norm(x, order) * norm(y, order)),
    "solve": lambda x, y, order: linear(
        lambda a: a if order > 1 else a[..., 0], matmul(inv(x), linear(lambda a: a if order > 1 else a[..., None], y))
    ),
}
"""Functions of two arrays; ``order`` is the number of the second one's axes."""


def tensor_function(name: str, count: int) -> Scalar:
    """The function of ``count`` whole arrays; UnknownNameError if there is none."""
    table = TENSOR if count == 1 else TENSOR_OF_TWO
    if name not in table:
        raise UnknownNameError.among(name, table, f"function of {count} array{'s' if count > 1 else ''}")
    return table[name]
