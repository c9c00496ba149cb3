"""Expressions and derivations as NumPy functions."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symderiv.codegen import Compressed, Generated, generate
from symderiv.derive import Derivation
from symderiv.errors import SymderivError
from symderiv.ir import Expr, Symbol, free_symbols
from symderiv.ops import shape_text


class NumpyFunction:
    """A NumPy function made from a derivation: call it with the symbols as keywords; ``source()`` is its text.

    Lists, integers and float32 arrays are taken as float64; no argument is changed. Raises EvaluationError for a missing
    or unknown argument and ShapeError for a wrong shape.
    """

    def __init__(self, generated: Generated, finish: Callable[[Any], Any]) -> None:
        self.generated, self._finish = generated, finish
        self.__doc__ = generated.function.__doc__
        self.__name__ = generated.function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._finish(self.generated(*args, **kwargs))

    def source(self) -> str:
        """Source text that needs only NumPy."""
        return self.generated.source

    def __repr__(self) -> str:
        arguments = ", ".join(a.name for a in self.generated.arguments)
        return f"<numpy function {self.__name__}({arguments})>"


def _inputs(*roots: Expr) -> list[Symbol]:
    return [s for s in dict.fromkeys(free_symbols(*roots)) if s.kind == "variable"]


def expr_numpy(expr: Expr, compress: bool = False) -> NumpyFunction:
    """A function of the expression's symbols."""
    made = generate(expr, _inputs(expr), name="value", compress=compress, doc=f"Evaluate {expr.text()}."[:200])
    return NumpyFunction(made, lambda value: value)


def derivation_numpy(derivation: Derivation, compress: bool = False, backend: str = "numpy") -> NumpyFunction:
    """The derivative as a function; for several variables a tuple, what they share computed once."""
    if backend != "numpy":
        raise SymderivError(f"backend='{backend}' isn't there yet", hint="leave it out: NumPy is the backend")
    flat = [proof.after for proof in derivation.flat]
    inputs = _inputs(derivation.subject, *flat)
    doc = f"{derivation.kind.capitalize()} by {', '.join(x.name for x in derivation.wrt)}, of shape {_shapes(derivation)}."
    single = not isinstance(derivation.result, tuple)
    made = generate(flat[0] if single else flat, inputs, name=derivation.kind, compress=compress, doc=doc)

    def finish(value: Any) -> Any:
        if derivation.vec:
            return _vec(value, derivation)
        return value if single else _arranged(derivation.result, iter(value))
    return NumpyFunction(made, finish)


def _shapes(derivation: Derivation) -> str:
    found = derivation.shape
    return shape_text(found) if not found or not isinstance(found[0], tuple) else "as the variables"


def _arranged(pattern: Any, values: Any) -> Any:
    return tuple(_arranged(part, values) for part in pattern) if isinstance(pattern, tuple) else next(values)


def _vec(value: Any, derivation: Derivation) -> Any:
    """The axes of the variable, and of the output, as one each, column-major."""
    array = value.dense() if isinstance(value, Compressed) else value
    (x,) = derivation.wrt
    rows = array.shape[:array.ndim - len(x.shape)]
    columns = array.shape[array.ndim - len(x.shape):]
    height = int(np.prod(rows, dtype=int))
    turned = array.reshape(rows + (int(np.prod(columns, dtype=int)),), order="F") if len(columns) > 1 else array
    if len(rows) > 1:
        turned = turned.reshape((height, turned.shape[-1]), order="F")
    return turned.reshape(height, -1)


__all__ = ["NumpyFunction", "derivation_numpy", "expr_numpy"]
