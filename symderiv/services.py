"""Where what stands above an object is found: evaluation, generated code and pages, each loaded when first asked for.

Expressions and derivations offer them as methods, without importing what is above them; so deriving and printing load
neither NumPy nor a page writer. To add an output format, add a line.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

WHERE = {
    "expr.latex": "symderiv.present:expr_latex",
    "expr.text": "symderiv.present:expr_text",
    "expr.numpy": "symderiv.compiled:expr_numpy",
    "expr.to_sympy": "symderiv.lift:to_sympy",
    "decision.html": "symderiv.notebook:decision_html",
    "decision.latex": "symderiv.present.decisions:latex",
    "decision.text": "symderiv.present.decisions:text",
    "deep": "symderiv.depth:deep",
    "deep.describe": "symderiv.depth.telling:describe",
    "deep.induction": "symderiv.depth.induction:induction",
    "deep.latex": "symderiv.depth.telling:latex",
    "deep.markdown": "symderiv.depth.telling:markdown",
    "deep.numpy": "symderiv.depth.code:deep_numpy",
    "deep.text": "symderiv.depth.telling:text",
    "deep.unrolled": "symderiv.depth.unrolled:unrolled",
    "deep.verify": "symderiv.depth.numeric:verify",
    "matching": "symderiv.matched:matching",
    "matching_loss": "symderiv.matched:matching_loss",
    "prove": "symderiv.verdicts:prove_exprs",
    "certificate": "symderiv.certificates:certificate",
    "certificate.blocks": "symderiv.block_certificates:certify_blocks",
    "curvature": "symderiv.certificates:curvature_of",
    "split.latex": "symderiv.present:split_latex",
    "split.text": "symderiv.present:split_text",
    "split.verify": "symderiv.checking:verify_split",
    "split.spot_check": "symderiv.spot:spot_check_split",
    "derivation.latex": "symderiv.present:latex",
    "derivation.text": "symderiv.present:text",
    "derivation.markdown": "symderiv.present:markdown",
    "derivation.bundle": "symderiv.notebook:bundle",
    "derivations.bundle": "symderiv.notebook:bundle_of_several",
    "derivation.html": "symderiv.notebook:html",
    "derivation.json": "symderiv.saved:to_json",
    "derivation.numpy": "symderiv.compiled:derivation_numpy",
    "derivation.specialize": "symderiv.api:specialize",
    "derivation.verify": "symderiv.checking:verify",
    "derivation.spot_check": "symderiv.spot:spot_check",
}


@cache
def service(name: str) -> Callable[..., Any]:
    """The function that offers a service."""
    module, _, function = WHERE[name].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
