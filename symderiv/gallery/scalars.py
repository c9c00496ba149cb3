"""Entries of the elementwise functions."""

from __future__ import annotations

from fractions import Fraction

import symderiv as sd
from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.functions import REALS, Interval, ScalarFunction
from symderiv.gallery.curves import continuous, drawn, sampled
from symderiv.gallery.markdown import Entry, display, entry_text, facts, folded, plot_file
from symderiv.intervals import Intervals
from symderiv.reference import interval_text, params_text

LONG = 400
"""a formula with more letters than this is left to the derivation"""


def derivatives(row: ScalarFunction, named: bool = False) -> tuple[sd.Derivation, sd.Derivation]:
    """f′ and f″ at a number x; ``named``: with the parameters as symbols, else at their defaults."""
    given = {name: "" for name, _ in row.params} if named else {}
    text = f"{row.name}({', '.join(['x', *(f'{name}={name}' for name in given)])})"
    first = sd.derivative(text, "x", x="", shapes=given)
    second = sd.derivative(text, "x", order=2, x="", shapes=given)
    return first, second


def lipschitz(row: ScalarFunction, first: sd.Derivation) -> Fraction | None:
    """A bound of the slope on all of ℝ, by intervals; None where none is known or f may jump.

    >>> from symderiv.functions import SCALAR
    >>> [lipschitz(SCALAR[name], derivatives(SCALAR[name])[0]) for name in ("tanh", "relu6", "heaviside", "exp")]
    [Fraction(1, 1), Fraction(1, 1), None, None]
    """
    if row.domain != REALS or not continuous(row):
        return None
    return _largest(Intervals(Facts()).of(first.result))


def _largest(where: Interval) -> Fraction | None:
    return None if where.lo is None or where.hi is None else max(abs(where.lo), abs(where.hi))


def curvature_text(f: str, wrt: str, **declared: str) -> str:
    """What is proved about an expression's curvature.

    >>> curvature_text("sum(exp(x))", "x", x="n"), curvature_text("sum(tanh(x))", "x", x="n")
    ('strictly convex (proved)', 'neither convex nor concave (its second derivative takes both signs)')
    """
    found = sd.curvature(f, wrt, shapes=declared)
    if found.verdict == "neither":
        return "neither convex nor concave" + (" (its second derivative takes both signs)" if found.positive else "")
    if found.verdict == "unknown":
        return "unknown"
    return f"{'strictly ' if found.strict else ''}{found.verdict} (proved)"


def _matching(row: ScalarFunction) -> tuple[str, str]:
    """What is said of the matching loss, and its formula."""
    if row.module is None:
        return "", ""
    try:
        found = sd.matching_loss(f"{row.name}(u)", input="u", u="", y="")
    except SymderivError as error:
        return f"none is given: {error.reason if hasattr(error, 'reason') else str(error).splitlines()[0]}", ""
    shape = {"convex": "convex", "neither": "not convex, since the function isn't monotone"}.get(found.convex, found.convex)
    return f"{found.status} to have the gradient {row.name}(u) − y; {shape}", found.loss.latex()


def _short(latex: str) -> str:
    return latex if len(latex) <= LONG else r"\text{(long: see the code)}"


def scalar_entry(row: ScalarFunction) -> Entry:
    """The entry of a function ℝ → ℝ."""
    first, second = derivatives(row)
    shown = derivatives(row, named=True) if row.params else (first, second)
    value = sd.parse(f"{row.name}(x)", x="")
    plot = drawn(row, sampled(row, (value.numpy(), first.numpy(), second.numpy())))
    defined = sd.parse(row.definition, x="", shapes={p: "" for p, _ in row.params}).latex() if row.definition else ""
    values = {name: sd.parse(name, shapes={name: ""}).latex() for name, _ in row.params}
    left = row.tex("x", **values)
    equations = [("f(x)", f"{left} = {defined}" if defined else left), ("f'(x)", _short(shown[0].result.latex()))]
    equations += [("f''(x)", _short(shown[1].result.latex()))]
    bound, bound2 = lipschitz(row, first), None
    if not row.rough and row.domain == REALS and not row.excluded:
        bound2 = _largest(Intervals(Facts()).of(second.result))
    matching, loss = _matching(row)
    verdicts = {d.verify(trials=3, seed=0).verdict for d in (first, second)}
    about = [
        ("In code", f"`sd.{row.name}`" + (f", as a module `sd.{row.module}()`" if row.module else "")),
        ("Parameters", f"`{params_text(row.params)}`" if row.params else ""),
        ("Defined on", f"${interval_text(row.domain)}$" if row.domain != REALS else f"ℝ, but {row.excluded}" if row.excluded else "ℝ"),
        ("Values in", f"${interval_text(row.range)}$" if row.range != REALS else "ℝ"),
        ("Shape", ", ".join(filter(None, [row.parity, row.monotone, curvature_text(f"sum({row.name}(x))", "x", x="n")]))),
        ("No first derivative at", ", ".join(f"`{k}`" for k in row.kinks) + (" (there: torch's value)" if row.kinks else "")),
        ("A higher derivative is missing at", ", ".join(f"`{k}`" for k in row.bends)),
        ("Slope", f"|f′| ≤ {bound} (proved by intervals), so it is Lipschitz with this constant" if bound is not None else ""),
        ("Second derivative", f"|f″| ≤ {bound2} (proved by intervals)" if bound2 is not None else ""),
        ("Inverse", f"`{row.inverse}`" if row.inverse else ""),
        ("Matching loss", matching),
        ("Derivatives", f"derived by the rules, and {' and '.join(sorted(verdicts))} by complex steps"),
        ("Source", row.source),
    ]
    parts = [f"![{row.name}, its first and its second derivative]({plot_file(row.name)})", display(equations), facts(about)]
    parts += [display([(r"\ell(u,y)", loss)])] if loss and len(loss) <= LONG else []
    parts += [folded("NumPy: the first derivative", first.numpy().source())]
    return Entry(row.name, entry_text(row.name, parts), plot)
