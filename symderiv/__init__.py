"""symderiv: derivatives of network modules and losses, explained step by step, proved or checked, and made NumPy.

>>> import symderiv as sd
>>> sd.gradient("-y @ log(softmax(u))", "u", u="o", y="o", assume="sum(y) == 1").result.text()
'softmax(u) − y'

Nothing is loaded before it is used: the import itself costs next to nothing, and a test plugin that imports it doesn't
load SymPy.
"""
from __future__ import annotations

from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symderiv.api import curvature, derivative, gauss_newton, gradient, hessian, jacobian, parse, prove
    from symderiv.bounds import limits
    from symderiv.consequences import (
        bregman,
        faa_di_bruno,
        fenchel_young,
        fisher,
        glm,
        glm_table,
        hessian_backpropagation,
        kfac,
        matched_curvature,
        natural_gradient,
    )
    from symderiv.conventions import convert
    from symderiv.depth import deep
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
    from symderiv.matched import matching, matching_loss
    from symderiv.render.notation import Notation, notation
    from symderiv.splits import GaussNewton
    from symderiv.torch_models import from_torch

__version__ = "0.1.0"

_WHERE = {
    "api": "curvature derivative gauss_newton gradient hessian jacobian parse prove",
    "consequences": "bregman faa_di_bruno fenchel_young fisher glm glm_table hessian_backpropagation kfac matched_curvature "
                    "natural_gradient",
    "conventions": "convert",
    "depth": "deep",
    "derive": "Derivation Step",
    "errors": "AssumptionError EvaluationError NoMatchingLossError NoRuleError ParseError ShapeError SymderivError "
              "TooLargeError UnknownNameError",
    "ir": "Expr",
    "bounds": "limits",
    "matched": "matching matching_loss",
    "render.notation": "Notation notation",
    "splits": "GaussNewton",
    "torch_models": "from_torch",
}
_HOME = {name: module for module, names in _WHERE.items() for name in names.split()}

__all__ = [
    "AssumptionError", "Derivation", "EvaluationError", "Expr", "GaussNewton", "NoMatchingLossError", "NoRuleError",
    "Notation", "ParseError", "ShapeError", "Step", "SymderivError", "TooLargeError", "UnknownNameError", "bregman", "convert",
    "curvature", "deep", "derivative", "faa_di_bruno", "fenchel_young", "fisher", "from_torch", "gauss_newton", "glm",
    "glm_table", "gradient", "hessian", "hessian_backpropagation", "jacobian", "kfac", "limits", "matched_curvature",
    "matching", "matching_loss", "natural_gradient", "notation", "parse", "prove",
]


def __getattr__(name: str) -> Any:
    """What the package offers, loaded when first asked for; then modules (Linear, …) and named functions (tanh, …)."""
    if name in _HOME:
        found = getattr(_import_module(f"symderiv.{_HOME[name]}"), name)
        globals()[name] = found
        return found
    if name.startswith("_") or _find_spec(f"symderiv.{name}"):  # a submodule, which the import statement loads itself
        raise AttributeError(name)
    for where in ("modules", "sympy_functions"):
        try:
            return getattr(_import_module(f"symderiv.{where}"), name)
        except AttributeError:
            continue
    raise AttributeError(f"symderiv has no '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
