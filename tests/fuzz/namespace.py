"""What the functions of the notation are in NumPy and in JAX, written here once more, from their definitions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

_SAME = (
    *("sum", "mean", "var", "trace", "outer", "diag", "einsum", "maximum", "minimum", "ones", "eye", "where", "clip", "logaddexp"),
    *("cumsum", "max", "min", "prod", "kron"),
)


def numpy_space() -> dict[str, Any]:
    """By name, for NumPy."""
    return space(np, np.vectorize(math.erf, otypes=[float]), np.vectorize(math.erfc, otypes=[float]))


def space(xp: ModuleType, erf: Callable[[Any], Any], erfc: Callable[[Any], Any]) -> dict[str, Any]:
    """By name, for an array module with NumPy's functions; ``erf`` and ``erfc`` are what NumPy lacks."""

    def sigmoid(x: Any) -> Any:
        return xp.exp(-xp.logaddexp(0.0, -x))  # all digits, however small it is

    def softplus(x: Any) -> Any:
        return xp.logaddexp(x, 0.0)

    def relu(x: Any) -> Any:
        return xp.maximum(x, 0.0)

    def expneg(x: Any) -> Any:
        return xp.exp(-relu(-x)) - 1

    def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        top = xp.max(x, axis=axis, keepdims=True)
        found = top + xp.log(xp.sum(xp.exp(x - top), axis=axis, keepdims=True))
        return found if keepdims else found.reshape(()) if axis is None else xp.squeeze(found, axis)

    def log_softmax(x: Any, axis: int = -1) -> Any:
        return x - logsumexp(x, axis, True)

    def softmax(x: Any, axis: int = -1) -> Any:
        return xp.exp(log_softmax(x, axis))

    def norm(x: Any, axis: Any = None) -> Any:
        return xp.sqrt(xp.sum(x**2, axis=axis))

    def normalize(x: Any, axis: int = -1) -> Any:
        return x / xp.sqrt(xp.sum(x**2, axis=axis, keepdims=True))

    def layer_norm(x: Any, axis: int = -1) -> Any:
        c = x - xp.mean(x, axis=axis, keepdims=True)
        return c / xp.sqrt(xp.mean(c**2, axis=axis, keepdims=True) + 1e-5)

    def hardsigmoid(x: Any) -> Any:
        return xp.clip(x / 6 + 0.5, 0.0, 1.0)

    def huber(a: Any, b: Any) -> Any:
        d = xp.abs(a - b)
        return xp.mean(xp.where(d <= 1, d**2 / 2, d - 0.5))

    def of_matrix(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def value(X: Any) -> Any:
            roots, vectors = np.linalg.eig(X)
            return np.real(vectors @ np.diag(f(roots)) @ np.linalg.inv(vectors))

        return value

    pdf, cdf = (lambda x: xp.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)), (lambda x: 0.5 * erfc(-x / math.sqrt(2)))
    elementwise: Mapping[str, Callable[..., Any]] = {
        **{n: getattr(xp, n) for n in ("tanh", "exp", "sin", "cos", "sinh", "cosh", "log", "sqrt", "log1p", "expm1", "abs", "sign")},
        "atan": xp.arctan, "asinh": xp.arcsinh, "square": xp.square, "erf": erf, "erfc": erfc,
        "sigmoid": sigmoid, "softplus": softplus, "log_sigmoid": lambda x: -softplus(-x), "relu": relu,
        "gelu": lambda x: x * cdf(x), "normal_cdf": cdf, "normal_pdf": pdf, "silu": lambda x: x * sigmoid(x),
        "gelu_tanh": lambda x: 0.5 * x * (1 + xp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        "mish": lambda x: x * xp.tanh(softplus(x)), "tanhshrink": lambda x: x - xp.tanh(x),
        "logcosh": lambda x: xp.logaddexp(x, -x) - math.log(2), "rsqrt": lambda x: 1 / xp.sqrt(x),
        "reciprocal": lambda x: 1 / x, "leaky_relu": lambda x: xp.where(x > 0, x, 0.01 * x),
        "elu": lambda x: relu(x) + expneg(x), "celu": lambda x: relu(x) + expneg(x),
        "selu": lambda x: 1.0507009873554805 * (relu(x) + 1.6732632423543772 * expneg(x)),
        "relu6": lambda x: xp.clip(x, 0.0, 6.0), "hardtanh": lambda x: xp.clip(x, -1.0, 1.0),
        "hardsigmoid": hardsigmoid, "hardswish": lambda x: x * hardsigmoid(x),
        "softsign": lambda x: x / (1 + xp.abs(x)), "softshrink": lambda x: relu(x - 0.5) - relu(-x - 0.5),
        "hardshrink": lambda x: xp.where(xp.abs(x) > 0.5, x, 0.0), "heaviside": lambda x: xp.where(x > 0, 1.0, 0.0 * x),
    }
    losses: Mapping[str, Callable[..., Any]] = {
        "mse": lambda a, b: xp.mean((a - b) ** 2), "half_squared_error": lambda a, b: xp.sum((a - b) ** 2) / 2,
        "cross_entropy": lambda a, b: -xp.sum(b * log_softmax(a)), "huber": huber,
        "log_cosh": lambda a, b: xp.mean(elementwise["logcosh"](a - b)),
        "bce_with_logits": lambda a, b: xp.mean(softplus(a) - b * a),
        "poisson_nll": lambda a, b: xp.mean(xp.exp(a) - b * a), "hinge": lambda a, b: xp.mean(relu(1 - a * b)),
        "soft_margin": lambda a, b: xp.mean(softplus(-a * b)),
    }
    return {
        **elementwise,
        **losses,
        **{n: getattr(xp, n) for n in _SAME},
        "det": xp.linalg.det, "inv": xp.linalg.inv, "solve": xp.linalg.solve, "logdet": lambda x: xp.linalg.slogdet(x)[1],
        "norm": norm, "logsumexp": logsumexp, "softmax": softmax, "log_softmax": log_softmax, "layer_norm": layer_norm,
        "softmin": lambda x: softmax(-x), "normalize": normalize,
        "rms_norm": lambda x: x / xp.sqrt(xp.mean(x**2, axis=-1, keepdims=True)),
        "pi": math.pi,
        **({"sinm": of_matrix(np.sin), "expm": of_matrix(np.exp)} if xp is np else {}),
    }


__all__ = ["numpy_space", "space"]
