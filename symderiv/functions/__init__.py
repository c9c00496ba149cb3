"""The table of functions: everything the package knows about tanh, softmax, … stands in one row each.

To add a function, add a row to `elementary`, `activations` or `tensor`; its derivatives, LaTeX, NumPy source, tests and
documentation follow. The table imports nothing but the standard library.
"""

from __future__ import annotations

from fractions import Fraction

from symderiv.functions.activations import ACTIVATIONS
from symderiv.functions.elementary import ELEMENTARY
from symderiv.functions.matrices import MATRIX_FUNCTIONS
from symderiv.functions.rows import REALS, Interval, ScalarFunction, TensorFunction, fill, interval
from symderiv.functions.tensor import TENSOR_FUNCTIONS

__all__ = [
    "ALIASES",
    "MODULES",
    "POWERS",
    "REALS",
    "SCALAR",
    "TENSOR",
    "Interval",
    "ScalarFunction",
    "TensorFunction",
    "canonical_name",
    "fill",
    "function_names",
    "interval",
]

#: Elementwise functions by name.
SCALAR: dict[str, ScalarFunction] = {row.name: row for row in (*ELEMENTARY, *ACTIVATIONS)}

#: Functions of whole arrays by name.
TENSOR: dict[str, TensorFunction] = {row.name: row for row in (*TENSOR_FUNCTIONS, *MATRIX_FUNCTIONS)}

#: Names for powers: `x**q` is a notion of its own and needs no row.
POWERS: dict[str, Fraction] = {
    "sqrt": Fraction(1, 2),
    "square": Fraction(2),
    "reciprocal": Fraction(-1),
    "rsqrt": Fraction(-1, 2),
}

#: Other names in use for the same functions.
ALIASES: dict[str, str] = {
    "arctan": "atan",
    "arcsinh": "asinh",
    "arctanh": "atanh",
    "ln": "log",
    "absolute": "abs",
    "fabs": "abs",
    "sgn": "sign",
    "step": "heaviside",
    "logistic": "sigmoid",
    "sigma": "sigmoid",
    "expit": "sigmoid",
    "logsigmoid": "log_sigmoid",
    "swish": "silu",
    "leakyrelu": "leaky_relu",
    "hard_tanh": "hardtanh",
    "hard_sigmoid": "hardsigmoid",
    "hard_swish": "hardswish",
    "soft_sign": "softsign",
    "log_cosh": "logcosh",
    "ndtr": "normal_cdf",
    "lse": "logsumexp",
    "log_sum_exp": "logsumexp",
    "logsoftmax": "log_softmax",
    "average": "mean",
    "layernorm": "layer_norm",
    "rmsnorm": "rms_norm",
    "amax": "max",
    "inverse": "inv",
    "determinant": "det",
}

#: The rows that are modules, by class name ("Tanh", "Softmax", …).
MODULES: dict[str, ScalarFunction | TensorFunction] = {
    **{row.module: row for row in SCALAR.values() if row.module is not None},
    **{row.module: row for row in TENSOR.values() if row.module is not None},
}


def canonical_name(name: str) -> str:
    """The row's own name for an alias; any other name is returned as it is.

    >>> canonical_name("swish"), canonical_name("tanh")
    ('silu', 'tanh')
    """
    return ALIASES.get(name, name)


def function_names() -> tuple[str, ...]:
    """Every name that the table, its powers and its aliases know, sorted.

    >>> "swish" in function_names() and "sqrt" in function_names()
    True
    """
    return tuple(sorted({*SCALAR, *TENSOR, *POWERS, *ALIASES}))
