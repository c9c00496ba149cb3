"""Antiderivatives of one entry's formula, by SymPy: only such as the table of functions can say."""

from __future__ import annotations

import sympy as sp
from sympy.integrals.manualintegrate import manualintegrate

from symderiv.rational import heaviside


def antiderivative(formula: sp.Expr, x: sp.Symbol) -> sp.Expr | None:
    """A continuous antiderivative in closed form, or None; steps at zeros of affine functions are integrated apart.

    >>> x = sp.Symbol("x", real=True)
    >>> antiderivative(x * heaviside(x), x), antiderivative(x**3, x)
    (x**2*heaviside(x)/2, x**4/4)
    """
    steps = sorted(formula.atoms(heaviside), key=str)
    if not steps:
        return _smooth_antiderivative(formula, x)
    total: sp.Expr = sp.Integer(0)
    mark = sp.Dummy()
    for term in sp.Add.make_args(sp.expand(formula)):
        inside = sorted(term.atoms(heaviside), key=str)
        if any(not term.xreplace({h: mark}).is_polynomial(mark) for h in inside):
            return None
        found = _smooth_antiderivative(term.xreplace({h: sp.Integer(1) for h in inside}), x)
        if found is None or len(inside) > 1:
            return None
        if inside:
            edge = sp.Poly(inside[0].args[0], x) if inside[0].args[0].is_polynomial(x) else None
            if edge is None or edge.degree() != 1:
                return None
            found = (found - found.subs(x, -edge.nth(0) / edge.nth(1))) * inside[0]
        total += found
    return total


def _smooth_antiderivative(formula: sp.Expr, x: sp.Symbol) -> sp.Expr | None:
    in_exp = _of_exponential(formula, x)
    if in_exp is not None:
        return in_exp
    if any(a.has(sp.exp) for log in formula.atoms(sp.log) for a in log.args) or sp.denom(sp.together(formula)).has(
        sp.exp
    ):
        return None  # a polylogarithm, as a rule
    found = manualintegrate(formula, x)
    if found.has(sp.Integral) and formula.has(sp.erf) and not formula.has(sp.log):
        found = sp.integrate(sp.expand(formula), x)
    return found if all(isinstance(part, _KNOWN) for part in sp.preorder_traversal(found)) else None


_KNOWN = (
    sp.Add, sp.Mul, sp.Pow, sp.exp, sp.log, sp.sin, sp.cos, sp.atan, sp.erf, sp.Symbol, sp.Number, sp.NumberSymbol
)  # fmt: skip


def _of_exponential(formula: sp.Expr, x: sp.Symbol) -> sp.Expr | None:
    """∫ R(e^x) dx = ∫ R(t)/t dt for a rational function R, None for anything else."""
    t = sp.Dummy("t", positive=True)
    powers = {e: t ** (e.args[0] / x) for e in formula.atoms(sp.exp) if (e.args[0] / x).is_Integer}
    rational = sp.cancel(sp.together(formula.xreplace(powers))) if powers else formula
    if rational.has(x) or not rational.is_rational_function(t):
        return None
    found = sp.Add(*(manualintegrate(part, t) for part in sp.Add.make_args(sp.apart(rational / t, t))))
    if not all(isinstance(part, _KNOWN) for part in sp.preorder_traversal(found)):
        return None
    return found.xreplace({sp.log(t): x}).xreplace({t: sp.exp(x)})
