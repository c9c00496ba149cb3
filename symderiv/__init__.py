"""symderiv: derivatives of network modules and losses, explained step by step, proved or checked, and made NumPy.

>>> import symderiv as sd
>>> sd.gradient("-y @ log(softmax(u))", "u", u="o", y="o", assume="sum(y) == 1").result.text()
'softmax(u) − y'
"""
from __future__ import annotations

from typing import Any

from symderiv import modules as _modules
from symderiv import sympy_functions as _functions
from symderiv.api import curvature, derivative, gauss_newton, gradient, hessian, jacobian, parse, prove
from symderiv.derive import Derivation, Step
from symderiv.errors import (
    AssumptionError,
    EvaluationError,
    NoMatchingLossError,
    NoRuleError,
    ParseError,
    ShapeError,
    SymderivError,
    TooLargeError,
    UnknownNameError,
)
from symderiv.ir import Expr
from symderiv.services import service as _service
from symderiv.splits import GaussNewton

__version__ = "0.1.0"

__all__ = [
    "AssumptionError", "Derivation", "EvaluationError", "Expr", "GaussNewton", "NoMatchingLossError", "NoRuleError",
    "ParseError", "ShapeError", "Step", "SymderivError", "TooLargeError", "UnknownNameError", "curvature", "derivative", "gauss_newton",
    "gradient", "hessian", "jacobian", "matching", "parse", "prove",
]


def __getattr__(name: str) -> Any:
    """Modules (Linear, Tanh, CrossEntropy, …) and named functions of SymPy matrices (tanh, softmax, …), by name."""
    if name in ("matching", "matching_loss"):
        return _service(name)
    if name.startswith("_"):
        raise AttributeError(name)
    for where in (_modules, _functions):
        try:
            return getattr(where, name)
        except AttributeError:
            continue
    raise AttributeError(f"symderiv has no '{name}'")
