"""Antiderivatives of one entry's formula, by SymPy: only such as the table of functions can say."""

from __future__ import annotations

from itertools import pairwise

import sympy as sp
from sympy.integrals.manualintegrate import manualintegrate

from symderiv.rational import heaviside, relu


def antiderivative(formula: sp.Expr, x: sp.Symbol) -> sp.Expr | None:
    """A continuous antiderivative in closed form, or None.

    With steps at numbers the line falls into pieces, and F is the sum of what each adds: F_0(min(x, e_1)) + Σ_i F_i(x held
    between e_i and e_{i+1}) − F_i(e_i); of polynomials, the first's and what changes at each edge.

    >>> x = sp.Symbol("x", real=True)
    >>> antiderivative(x * heaviside(x), x), antiderivative(x**3, x)
    (relu(x)**2/2, x**4/4)
    >>> antiderivative(heaviside(x) + heaviside(-x) * sp.exp(x), x)
    relu(x) + exp(-relu(-x))
    """
    if not formula.has(heaviside):
        return _smooth_antiderivative(formula, x)
    pieces = _pieces(formula, x, -sp.oo, sp.oo)
    return _one_step_a_term(formula, x) if pieces is None else _joined(pieces, x)


Piece = tuple[sp.Expr, sp.Expr, sp.Expr]
"""(from, to, the formula there)"""


def _pieces(formula: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr) -> list[Piece] | None:
    """The formula without steps on the intervals between numbers; None where a step isn't at numbers."""
    steps = [h for h in formula.atoms(heaviside) if not h.args[0].has(heaviside)]
    if not steps:
        return [(lo, hi, sp.expand(formula))]
    step = min(steps, key=str)
    where = sp.expand(step.args[0])
    if not where.is_polynomial(x) or where.free_symbols - {x} or sp.degree(where, x) > 2:
        return None
    edges = [r for r in sorted(sp.real_roots(where, x) if where.has(x) else []) if lo < r < hi]
    found: list[Piece] = []
    for a, b in pairwise([lo, *dict.fromkeys(edges), hi]):
        inside = b - 1 if a == -sp.oo else a + 1 if b == sp.oo else (a + b) / 2
        on = where.subs(x, 0 if a == -sp.oo and b == sp.oo else inside) > 0
        below = _pieces(formula.xreplace({step: sp.Integer(1 if on else 0)}), x, a, b)
        if below is None:
            return None
        found += below
    return found


def monotone(formula: sp.Expr, x: sp.Symbol) -> str | None:
    """"increasing", "decreasing", "constant" or "neither" of a formula that is linear in pieces, at jumps too; else None.

    >>> x = sp.Symbol("x", real=True)
    >>> monotone(heaviside(x) * x - heaviside(x - 2) * (x - 2), x), monotone(x - 2 * heaviside(x), x)
    ('increasing', 'neither')
    """
    pieces = _pieces(formula, x, -sp.oo, sp.oo)
    if pieces is None or any(not f.is_polynomial(x) or f.free_symbols - {x} or sp.degree(f, x) > 1 for _, _, f in pieces):
        return None
    changes = [sp.diff(f, x) for _, _, f in pieces]
    changes += [(after - before).subs(x, edge) for (_, _, before), (edge, _, after) in pairwise(pieces)]
    signs = {int(sp.sign(change)) for change in changes} - {0}
    return "neither" if len(signs) == 2 else {1: "increasing", -1: "decreasing"}[signs.pop()] if signs else "constant"


def _joined(pieces: list[Piece], x: sp.Symbol) -> sp.Expr | None:
    """The antiderivative over all pieces, of which neighbours with one formula are one."""
    merged: list[Piece] = []
    for a, b, f in pieces:
        if merged and merged[-1][2] == f:
            a = merged.pop()[0]
        merged.append((a, b, f))
    if all(f.is_polynomial(x) for _, _, f in merged):
        return _of_polynomials(merged, x)
    total: sp.Expr = sp.Integer(0)
    for a, b, f in merged:
        found = _smooth_antiderivative(f, x)
        if found is None:
            return None
        held = x if a == -sp.oo else a + relu(x - a)
        if b != sp.oo:
            held = b - relu(b - x) if a == -sp.oo else held - relu(x - b)
        total += found.subs(x, held) - (0 if a == -sp.oo else found.subs(x, a))
    return total


def _of_polynomials(pieces: list[Piece], x: sp.Symbol) -> sp.Expr:
    """The first piece's, and what changes at each edge: a polynomial in max(x − e, 0)."""
    total: sp.Expr = sp.integrate(pieces[0][2], x)
    for (_, _, before), (edge, _, after) in pairwise(pieces):
        change = sp.integrate(sp.expand((after - before).subs(x, x + edge)), x)
        total += change.subs(x, relu(x - edge))
    return total


def _one_step_a_term(formula: sp.Expr, x: sp.Symbol) -> sp.Expr | None:
    """Of terms with one step each, at the zero of an affine function whose coefficients may be symbols."""
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
