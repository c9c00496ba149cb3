"""Expressions and derivations as NumPy functions."""
from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from symderiv.codegen import Compressed, Generated, generate
from symderiv.derive import IDENTITY, Derivation
from symderiv.errors import SymderivError
from symderiv.ir import Expr, Symbol, free_symbols
from symderiv.ops import shape_text


class NumpyFunction(Protocol):
    """A NumPy function made from a derivation: call it with the symbols as keywords; ``source()`` is its text.

    It is a plain Python function. Lists, integers and float32 arrays are taken as float64; no argument is changed.
    Raises EvaluationError for a missing or unknown argument, ShapeError for a wrong shape, and TooLargeError, before it
    allocates, for a result that would not fit in memory.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The value."""

    def source(self) -> str:
        """Source text that needs only NumPy."""


def _function(source: str, called: Callable[..., Any]) -> NumpyFunction:
    called.source = lambda: source  # type: ignore[attr-defined]  # a function that carries its text
    return cast(NumpyFunction, called)


def _inputs(*roots: Expr) -> list[Symbol]:
    return [s for s in dict.fromkeys(free_symbols(*roots)) if s.kind == "variable"]


def expr_numpy(expr: Expr, compress: bool = False, backend: str = "numpy") -> NumpyFunction:
    """A function of the expression's symbols."""
    options = {"name": "value", "doc": f"Evaluate {expr.text()}."[:200]}
    made = _generated(backend, expr, _inputs(expr), compress, options)
    return _function(made.source, made.function)


def derivation_numpy(derivation: Derivation, compress: bool = False, backend: str = "numpy",
                     also: Derivation | Sequence[Derivation] = ()) -> NumpyFunction:
    """The derivative as a function; for several variables a tuple, what they share computed once.

    ``backend`` is "numpy", or "jax", "torch" or "dask" for a function of that library's arrays. With ``also`` the function
    returns the results of other derivations too, as full arrays: a tuple, this derivation's result first.
    """
    others = (also,) if isinstance(also, Derivation) else tuple(also)
    parts = (derivation, *others)
    if others and any(d.vec for d in parts):
        raise SymderivError("with vec a function has one result", hint="leave out also= or vec")
    flat = [proof.after for d in parts for proof in d.flat]
    asked = [proof.before for d in parts for proof in d.flat]   # a variable may cancel, and so may the v of times="v"
    subjects = [d.subject for d in parts]
    inputs = list(dict.fromkeys([*_inputs(*subjects, *flat, *asked), *(x for d in parts for x in d.wrt)]))
    name = derivation.kind
    doc = "; ".join(map(_said, parts)) + "."
    if name.startswith(IDENTITY):                               # what it is called on a page
        name = "_".join(re.findall(r"[A-Za-z]+", derivation.source))
    pattern = tuple(d.result for d in parts) if others else derivation.result
    single = not isinstance(pattern, tuple)
    symmetric = all(_symmetric(d) for d in parts if any(len(p.after.shape) == 4 for p in d.flat))
    options: dict[str, Any] = {"name": name or "value", "doc": doc, "pattern": None if single else pattern, "symmetric": symmetric}
    packed = [True] * len(derivation.flat) + [False] * (len(flat) - len(derivation.flat)) if compress else False
    made = _generated(backend, flat[0] if single else flat, inputs, packed, options)
    if derivation.vec:
        return _function(_vec_source(made, derivation, backend), _with_vec(made.function, derivation, backend))
    return _function(made.source, made.function)


def _said(derivation: Derivation) -> str:
    """What a derivation gives, as a docstring says it."""
    shape = shape_text(derivation.flat[0].after.shape) if derivation.vec else _shapes(derivation)
    if derivation.kind.startswith(IDENTITY):
        return f"{derivation.source[:1].upper()}{derivation.source[1:]}, of shape {shape}"
    return f"{derivation.kind.capitalize()} by {', '.join(x.name for x in derivation.wrt)}, of shape {shape}"


def _generated(backend: str, roots: Any, inputs: list[Symbol], compress: bool | list[bool], options: dict[str, Any]) -> Generated:
    if backend == "numpy":
        return generate(roots, inputs, compress=compress, **options)
    from symderiv.codegen.backends import generate_for

    if compress:
        raise SymderivError(f'compress=True is not there for backend="{backend}"', hint="leave one of the two out")
    return generate_for(backend, roots, inputs, **options)


def _symmetric(derivation: Derivation) -> bool:
    """Whether this is a second derivative of a scalar by one variable: its two groups of axes can change places."""
    if derivation.kind not in ("hessian", "G", "R") or len(derivation.wrt) != 1 or derivation.subject.shape:
        return False
    return isinstance(derivation.result, Expr) and derivation.result.shape == derivation.wrt[0].shape * 2


def _shapes(derivation: Derivation) -> str:
    found = derivation.shape
    return shape_text(found) if not found or not isinstance(found[0], tuple) else "as the variables"


def _vec_source(made: Generated, derivation: Derivation, backend: str) -> str:
    """The source of the array, and of a function that lays it out as a matrix, column-major."""
    names = ", ".join(a.variable for a in made.arguments)
    axes = len(derivation.flat[0].after.shape)
    count = axes - len(derivation.wrt[0].shape)
    laid = f'full.reshape((int(np.prod(full.shape[:{count}])), -1), order="F")'
    if backend != "numpy":
        turned = (*reversed(range(count)), *reversed(range(count, axes)))
        height = " * ".join(f"full.shape[{k}]" for k in range(count)) or "1"
        laid = f"xp.reshape(xp.permute_dims(full, {turned}), ({height}, -1))"
    return (f"{made.source.rstrip()}\n\n\ndef {derivation.kind}_by_vec({names}):\n"
            f'    """{derivation.kind.capitalize()} by vec({derivation.wrt[0].name}), of shape {_shapes(derivation)}: '
            'columns stacked."""\n'
            f"    full = {made.name}({names})\n"
            f"    return {laid}\n")


def _with_vec(function: Callable[..., Any], derivation: Derivation, backend: str) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        return _vec(function(*args, **kwargs), derivation, backend)

    called.__name__ = called.__qualname__ = function.__name__
    called.__doc__ = function.__doc__
    return called


def _vec(value: Any, derivation: Derivation, backend: str) -> Any:
    """The axes of the variable, and of the output, as one each, column-major."""
    array = value.dense() if isinstance(value, Compressed) else value
    (x,) = derivation.wrt
    rows = array.shape[:array.ndim - len(x.shape)]
    columns = array.shape[array.ndim - len(x.shape):]
    height, width = math.prod(rows), math.prod(columns)
    if backend != "numpy":                                      # row-major of the axes in reverse
        from array_api_compat import array_namespace

        xp, front, back = array_namespace(array), range(len(rows)), range(len(rows), array.ndim)
        return xp.reshape(xp.permute_dims(array, (*reversed(front), *reversed(back))), (height, width))
    turned = array.reshape(rows + (width,), order="F") if len(columns) > 1 else array
    if len(rows) > 1:
        turned = turned.reshape((height, turned.shape[-1]), order="F")
    return turned.reshape(height, width)


__all__ = ["NumpyFunction", "derivation_numpy", "expr_numpy"]
