"""Figures in a source, and what becomes of them: computation graphs, and plots of losses with their slope and curvature.

>>> plot("log(1 + exp(u)) - y*u", "u", between=(-4, 4), numbers={"y": 1}, derivatives=2).derivatives
2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import symderiv
from symderiv.errors import SymderivError
from symderiv.handout.calls import Place, SourceError, here
from symderiv.handout.checked import check
from symderiv.handout.graphs import graph as graph_of
from symderiv.handout.model import Figure
from symderiv.handout.plots import Curve
from symderiv.handout.plots import plot as drawing_of
from symderiv.handout.values import arrays, given_latex
from symderiv.ir import Name, free_symbols, postorder
from symderiv.present import expr_latex
from symderiv.render.matrix import shape_latex
from symderiv.render.symbols import name_latex

POINTS = 161
_PRIMES = ("", "'", "''")


@dataclass(frozen=True)
class Graph:
    """The computation graph of a program."""

    text: str
    inputs: tuple[str, ...]
    shapes: Mapping[str, Any]
    caption: str
    place: Place


@dataclass(frozen=True)
class Plot:
    """Functions of one number; of a single one also its first ``derivatives``, as they are derived.

    With an ``order``, each function's derivative of that order is drawn in its stead.
    """

    texts: tuple[tuple[str, str], ...]
    over: str
    between: tuple[float, float]
    numbers: Mapping[str, Any]
    derivatives: int
    order: int
    span: tuple[float, float] | None
    caption: str
    place: Place


def graph(text: str, /, *, inputs: str = "", caption: str = "", **shapes: Any) -> Graph:
    """The computation graph of a program with shapes; ``inputs`` names the symbols that are data ("x y")."""
    return Graph(text, tuple(inputs.split()), shapes, caption, here())


def plot(
    text: str | Mapping[str, str],
    over: str,
    /,
    *,
    between: tuple[float, float] = (-4, 4),
    numbers: Mapping[str, Any] | None = None,
    derivatives: int = 0,
    order: int = 0,
    span: tuple[float, float] | None = None,
    caption: str = "",
) -> Plot:
    """A text as a function of one number, with its slope and curvature; or several, by the names (LaTeX) they are given.

    ``order=2`` draws the curvature of each in its stead.
    """
    texts = tuple(text.items()) if isinstance(text, Mapping) else (("L", text),)
    if not 0 <= derivatives < len(_PRIMES) or (derivatives and len(texts) > 1):
        raise SymderivError("plot: derivatives (0, 1 or 2) are shown of one function", hint="or give each its own text")
    if not 0 <= order < len(_PRIMES) or (order and derivatives):
        raise SymderivError("plot: order (1 or 2) is the derivative that is drawn of each function", hint="leave derivatives out")
    if not between[0] < between[1]:
        raise SymderivError(f"plot: nothing lies between {between[0]} and {between[1]}")
    return Plot(texts, over, (between[0], between[1]), numbers or {}, derivatives, order, span, caption, here())


# ---------------------------------------------------------------- as blocks
def graph_figure(item: Graph) -> Figure:
    """The graph with words for those who can't see it."""
    expr = symderiv.parse(item.text, shapes=dict(item.shapes))
    symbols = {s.name for s in free_symbols(expr)}
    unknown = [name for name in item.inputs if name not in symbols]
    if unknown:
        raise SourceError(item.place, f"'{unknown[0]}' isn't in the program: its symbols are {', '.join(sorted(symbols))}")
    names = [n for n in postorder(expr) if isinstance(n, Name) and n.role == "user"]
    steps = [f"{n.name} ({shape_latex(n.shape).replace(chr(92) + 'times', '×')})" for n in names]
    alt = "Computation graph: " + ", then ".join([*steps, "the result"])
    return Figure(graph_of(expr, item.inputs), item.caption, alt)


def plot_figure(item: Plot) -> Figure:
    """The curves, evaluated; a derivative is derived and checked before it is drawn."""
    x = np.linspace(*item.between, POINTS)
    values = arrays(item.numbers)
    curves: list[Curve] = []
    shapes = {item.over: "", **{name: " ".join(map(str, np.shape(v))) for name, v in values.items()}}
    for latex, text in item.texts:
        expr = symderiv.parse(text, shapes=shapes)
        if expr.shape:
            raise SourceError(item.place, f"'{text}' isn't a number: a plot shows functions with values that are")
        if item.over not in {s.name for s in free_symbols(expr)}:
            raise SourceError(item.place, f"'{text}' doesn't depend on {item.over}")
        shown = _derived(text, item, item.order, shapes) if item.order else expr
        curves.append(_curve(latex, shown, item, x, values))
        for order in range(1, item.derivatives + 1):
            curves.append(_curve(latex + _PRIMES[order], _derived(text, item, order, shapes), item, x, values))
    given = ", ".join(f"${name_latex(name)}={given_latex(value)}$" for name, value in item.numbers.items())
    caption = item.caption or ", ".join([f"${c}={expr_latex(symderiv.parse(t, shapes=shapes))}$" for c, t in item.texts])
    low, high = item.between
    alt = f"Plot of {', '.join(c.latex for c in curves)} for {item.over} from {low:g} to {high:g}"
    return Figure(drawing_of(curves, name_latex(item.over), item.span), caption + (f" at {given}" if given else ""), alt)


def _derived(text: str, item: Plot, order: int, shapes: Mapping[str, str]) -> Any:
    """A derivative, derived and checked."""
    told = symderiv.derivative(text, item.over, order=order, shapes=shapes)
    found = check(told, 5)
    if not found.ok:
        raise SourceError(item.place, f"the derivative isn't confirmed: {found.trouble}")
    return told.result


def _curve(latex: str, expr: Any, item: Plot, x: Any, values: Mapping[str, Any]) -> Curve:
    used = {s.name for s in free_symbols(expr)}
    function, given = expr.numpy(), {name: v for name, v in values.items() if name in used}
    with np.errstate(all="ignore"):
        y = [float(function(**given, **({item.over: at} if item.over in used else {}))) for at in x]
    return Curve(latex, tuple(map(float, x)), tuple(y))

