"""The functions by name for use in code: SymPy matrices in, a SymPy matrix out; an Expr in, an Expr out.

>>> import sympy
>>> n, o = sympy.symbols("n o", integer=True, positive=True)
>>> W, v = sympy.MatrixSymbol("W", o, n), sympy.MatrixSymbol("v", n, 1)
>>> FUNCTIONS["tanh"](W * v), FUNCTIONS["softmax"](W * v).shape, FUNCTIONS["sum"](W * v).shape
(tanh(W*v), (o, 1), (1, 1))

Within a traced Python function they take its arguments, as NumPy's functions do.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import sympy
from sympy.core.symbol import Str

from symderiv.errors import SymderivError
from symderiv.frontend.build_text import expand
from symderiv.frontend.from_function import Tracer, call, value_of
from symderiv.frontend.from_sympy import ModuleExpr
from symderiv.frontend.notation import call_function, known_functions
from symderiv.functions import SCALAR, canonical_name
from symderiv.ir import Expr

_SYMPY_NAMES = {"abs": "Abs", "heaviside": "Heaviside"}
_SYMPY_OWN = frozenset(
    {
        "exp",
        "log",
        "sin",
        "cos",
        "tan",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "asinh",
        "atanh",
        "abs",
        "sign",
        "erf",
        "erfc",
        "heaviside",
    }
)


def named_function(name: str) -> Callable[..., Any]:
    """The function of that name, for SymPy matrices, expressions and traced arrays."""

    def function(*arguments: Any, **params: Any) -> Any:
        if any(isinstance(a, Tracer) for a in arguments):
            return call(name, *arguments, **params)
        if any(isinstance(a, Expr) for a in arguments):
            return call_function(
                name, [value_of(a) for a in arguments], {k: value_of(v) for k, v in params.items()}, expand
            )
        if any(isinstance(a, sympy.MatrixExpr | sympy.MatrixBase) for a in arguments):
            return ModuleExpr(
                canonical_name(name),
                [(Str(k), _param(v)) for k, v in sorted(params.items()) if v is not None],
                *arguments,
            )
        if len(arguments) == 1 and not params and isinstance(arguments[0], sympy.Expr | int | float | Fraction):
            return _scalar(name, sympy.sympify(arguments[0]))
        kinds = ", ".join(type(a).__name__ for a in arguments)
        raise SymderivError(
            f"{name} takes SymPy matrices, expressions or traced arrays, not {kinds or 'nothing'}",
            hint=f'a text is read whole: sd.parse("{name}(x)", x="n")',
        )

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name}, of SymPy matrices, of expressions, or within a traced Python function."
    return function


def _scalar(name: str, x: Any) -> Any:
    """A function of a SymPy scalar: SymPy's own where it has one."""
    row = canonical_name(name)
    if row in ("sqrt", "square", "reciprocal", "rsqrt"):
        powers = {"sqrt": sympy.Rational(1, 2), "square": 2, "reciprocal": -1, "rsqrt": -sympy.Rational(1, 2)}
        return x ** powers[row]
    if row not in SCALAR:
        raise SymderivError(f"{name} takes matrices, not a scalar")
    own = getattr(sympy, _SYMPY_NAMES.get(row, row), None) if row in _SYMPY_OWN else None
    return (own or sympy.Function(row))(x)


def _param(value: Any) -> Any:
    return Str(value) if isinstance(value, str) else sympy.sympify(value)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: named_function(name) for name in known_functions() if name != "einsum"
}
"""Every function of the notation, of the tables and every loss, by name."""


def __getattr__(name: str) -> Callable[..., Any]:
    try:
        return FUNCTIONS[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
