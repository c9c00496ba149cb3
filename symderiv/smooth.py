"""Random smooth functions, drawn to stand for a generic function or an abstract module; their derivatives are exact.

>>> f = SmoothFunction(np.random.default_rng(0))
>>> N = SmoothMap([(3,)], (2,), np.random.default_rng(0))          # N: ℝ³ → ℝ²
>>> x = np.array([0.1, 0.2, 0.3])
>>> f(x).shape, f(x, 2).shape, N(x).shape, N.derivative([x], (0, 0)).shape
((3,), (3,), (2,), (2, 3, 3))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from symderiv.jets import Array, Value, lift, linear, linear_sum

Curvature = Literal["convex", "concave"]

FEATURES = 6


class SmoothFunction:
    """a sin(b x + c) + d e^(g x) + p x + q x²/2 + r x³/6 with random coefficients; (x, k) gives its k-th derivative.

    ``count`` functions are drawn at once for the last axis of x. A convex one has no sine and no cube.
    """

    def __init__(self, rng: np.random.Generator, curvature: Curvature | None = None, count: int | None = None):
        size = () if count is None else (count,)
        self.a, self.c, self.p, self.r = (rng.normal(size=size) for _ in range(4))
        self.b, self.d, self.q = (rng.uniform(0.5, 1.5, size=size) for _ in range(3))
        self.g = rng.choice([-1.0, 1.0], size=size) * rng.uniform(0.3, 0.8, size=size)
        if curvature is None:
            self.d, self.q = (rng.choice([-1.0, 1.0], size=size) * v for v in (self.d, self.q))
        else:
            self.a, self.r = 0.0 * self.a, 0.0 * self.r
        if curvature == "concave":
            self.d, self.q = -self.d, -self.q

    def __call__(self, x: Array, order: int = 0) -> Array:
        """The derivative of this order at x, entry by entry."""
        wave = self.a * self.b**order * np.sin(self.b * x + self.c + order * math.pi / 2)
        result = wave + self.d * self.g**order * np.exp(self.g * x)
        for k, coefficient in enumerate((self.p, self.q, self.r), start=1):
            if order <= k:
                result = result + coefficient * x ** (k - order) / math.factorial(k - order)
        return np.asarray(result)


class SmoothMap:
    """N(x, y, …) = Σ_f w_f s_f(⟨A_f, x⟩ + ⟨B_f, y⟩ + …) with random smooth s_f: a map of arrays, of full rank.

    ``shapes`` are those of the arguments, ``out`` that of the value. With a curvature every entry of the value is
    convex, or concave, in all arguments together.
    """

    def __init__(
        self,
        shapes: Sequence[tuple[int, ...]],
        out: tuple[int, ...],
        rng: np.random.Generator,
        curvature: Curvature | None = None,
    ):
        self.shapes, self.out = [tuple(shape) for shape in shapes], tuple(out)
        count = max([FEATURES, *(min(math.prod(shape), 40) for shape in self.shapes)])
        self.forms = [rng.normal(size=(count, *shape)) / math.sqrt(math.prod(shape)) for shape in self.shapes]
        self.weights = rng.normal(size=(*self.out, count)) / math.sqrt(count)
        self.functions = SmoothFunction(rng, curvature, count)
        if curvature is not None:
            self.weights = abs(self.weights)

    def __call__(self, *args: Value) -> Value:
        return self.derivative(args, ())

    def derivative(self, args: Sequence[Value], ders: Sequence[int]) -> Value:
        """∂ᵏN by the arguments numbered in ``ders``: shape out + the shapes of those arguments, in that order."""
        features = linear_sum(tuple(self._form(k, x) for k, x in enumerate(args)))
        slopes = lift(lambda j, t: self.functions(t, len(ders) + j), features)
        tensor = np.moveaxis(self.weights, -1, 0)
        for d in ders:
            form = self.forms[d]
            tensor = tensor.reshape(*tensor.shape, *(1,) * (form.ndim - 1)) * form.reshape(
                -1, *(1,) * (tensor.ndim - 1), *form.shape[1:]
            )
        return linear(lambda a: np.tensordot(a, tensor, axes=([-1], [0])), slopes)

    def _form(self, k: int, x: Value) -> Value:
        """All ⟨A_f, x⟩, along one last axis."""
        matrix = self.forms[k].reshape(len(self.forms[k]), -1).T
        order = len(self.shapes[k])
        return linear(lambda a: a.reshape(*a.shape[: a.ndim - order], -1) @ matrix, x)
