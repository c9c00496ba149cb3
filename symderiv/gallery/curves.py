"""A function of one number with its first two derivatives, as a plot. Where one of them jumps, its line is broken.

>>> from symderiv.functions import SCALAR
>>> span(SCALAR["relu"]), span(SCALAR["logit"])
((-4.0, 4.0), (0.01, 0.99))
>>> rough_points(SCALAR["relu6"])
(0.0, 6.0)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symderiv.functions import SCALAR, ScalarFunction
from symderiv.handout.plots import Curve, plot
from symderiv.handout.svg import STYLE, svg

POINTS = 241
WIDE, MARGIN, HIGHEST = 4.0, 0.01, 4.0
NAMES = ("f", "f'", "f''")


def rough_points(row: ScalarFunction) -> tuple[float, ...]:
    """Where some derivative is missing, with the parameters at their defaults."""
    values = {name: float(value) for name, value in row.params}
    return tuple(sign * values.get(text.lstrip("-"), 0.0) if text.lstrip("-") in values else float(text)
                 for text in row.rough for sign in ((-1.0 if text.startswith("-") else 1.0),))


def span(row: ScalarFunction) -> tuple[float, float]:
    """What is shown: around 0 and all rough points, within the domain."""
    reach = max([WIDE, *(abs(x) + 2.0 for x in rough_points(row))])
    low = -reach if row.domain.lo is None else max(-reach, float(row.domain.lo) + MARGIN)
    high = reach if row.domain.hi is None else min(reach, float(row.domain.hi) - MARGIN)
    return low, high


def continuous(row: ScalarFunction) -> bool:
    """Whether it is known to be continuous on its domain: smooth, or convex, or made of such functions.

    >>> continuous(SCALAR["hardtanh"]), continuous(SCALAR["hardshrink"]), continuous(SCALAR["heaviside"])
    (True, False, False)
    """
    if not row.rough or row.convexity is not None:
        return not row.excluded
    if row.definition is None or row.excluded:
        return False
    called = [SCALAR[name] for name in re.findall(r"(\w+)\(", row.definition) if name in SCALAR]
    return bool(called) and all(continuous(other) for other in called)


def sampled(row: ScalarFunction, functions: Sequence[Callable[..., Any]]) -> tuple[Curve, ...]:
    """The curves of f, f′ and f″, from the functions that compute them at a number."""
    low, high = span(row)
    points = {low + (high - low) * k / (POINTS - 1) for k in range(POINTS)}
    holes = {x for x in rough_points(row) if low < x < high}
    points = {x for x in points if all(abs(x - hole) > 1e-9 for hole in holes)}
    points |= {x + side for x in holes for side in (-1e-9, 0.0, 1e-9)}
    xs = tuple(sorted(points))
    curves = []
    for order, (name, function) in enumerate(zip(NAMES, functions, strict=True)):
        whole = order == 0 and continuous(row)
        with np.errstate(all="ignore"):
            ys = tuple(float("nan") if x in holes and not whole else float(function(x=x)) for x in xs)
        curves.append(Curve(name, xs, _torn(ys)))
    return tuple(curves)


def _torn(ys: Sequence[float]) -> tuple[float, ...]:
    """Breaks a line where a pole lies between two points: far out on one side, far out on the other."""
    torn = list(ys)
    for k in range(1, len(ys)):
        if ys[k - 1] * ys[k] < 0 and min(abs(ys[k - 1]), abs(ys[k])) > HIGHEST:
            torn[k] = float("nan")
    return tuple(torn)


def drawn(row: ScalarFunction, curves: Sequence[Curve]) -> str:
    """The plot as a file of its own."""
    finite = [y for curve in curves for y in curve.y if np.isfinite(y)]
    low, high = max(min(finite), -HIGHEST), min(max(finite), max(HIGHEST, span(row)[1]))
    room = 0.06 * (high - low)
    shown = [Curve(curve.latex, *_straightened(curve)) for curve in curves]
    picture = plot(shown, "x", (low - room, high + room))
    return svg(picture, f"{row.name} with its first and second derivative", STYLE) + "\n"


def _straightened(curve: Curve) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The points without those on a straight line between their neighbours."""
    xs, ys = curve.x, curve.y
    kept = [0]
    for k in range(1, len(xs) - 1):
        slope = (ys[k + 1] - ys[k]) / (xs[k + 1] - xs[k]) - (ys[k] - ys[k - 1]) / (xs[k] - xs[k - 1])
        if not abs(slope) < 1e-6 or xs[k + 1] - xs[k] < 1e-8 or xs[k] - xs[k - 1] < 1e-8:
            kept.append(k)
    kept.append(len(xs) - 1)
    return tuple(xs[k] for k in kept), tuple(ys[k] for k in kept)
