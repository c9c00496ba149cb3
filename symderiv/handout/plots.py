"""Functions of one number as a drawing: axes with round ticks, curves that carry their names at their ends.

>>> round_ticks(-4.2, 4.2)
(-4.0, -2.0, 0.0, 2.0, 4.0)
>>> made = plot([Curve("x^2", (-1.0, 0.0, 1.0), (1.0, 0.0, 1.0))], "x")
>>> made.width, made.height
(30.0, 15.0)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from symderiv.errors import SymderivError
from symderiv.handout.drawing import Drawing, Item, Label, Path, number
from symderiv.handout.formula import width

WIDE, HIGH = 30.0, 15.0
LEFT, TOP, BOTTOM = 2.6, 0.8, 1.9
LINE = 1.25
"""names at the ends of curves stand as far apart at least"""
LOOKS = (("first", "solid"), ("second", "dashed"), ("third", "dotted"), ("axis", "solid"), ("first", "dotted"), ("second", "solid"))


@dataclass(frozen=True)
class Curve:
    """A name (a formula), and points; what isn't finite is left out."""

    latex: str
    x: tuple[float, ...]
    y: tuple[float, ...]


def plot(curves: Sequence[Curve], over: str, span: tuple[float, float] | None = None) -> Drawing:
    """Curves over one variable; ``span`` bounds what is shown of their values.

    Raises SymderivError where there is nothing finite to show, or more curves than can be told apart.
    """
    if not curves or len(curves) > len(LOOKS):
        raise SymderivError(f"a plot shows 1 to {len(LOOKS)} curves, not {len(curves)}")
    xs = [x for c in curves for x in c.x]
    ys = [y for c in curves for y in c.y if math.isfinite(y)]
    if not ys or min(xs) == max(xs):
        raise SymderivError("the curves have no finite value to show", hint="take another interval")
    low, high = span or _padded(min(ys), max(ys))
    names = max(width(c.latex) for c in curves) + 1.0
    frame = _Frame(min(xs), max(xs), low, high, LEFT, WIDE - names, TOP, HIGH - BOTTOM)
    ends = _ends(curves, frame)
    items: list[Item] = [*frame.axes(over)]
    for curve, (kind, style), at in zip(curves, LOOKS, ends, strict=False):
        items += [Path(part, kind, style) for part in frame.parts(curve)]  # type: ignore[arg-type]  # LOOKS has a kind and a style
        items.append(Label(frame.right + 0.5, at, curve.latex, "start", kind))
    return Drawing(WIDE, HIGH, tuple(items))


def _padded(low: float, high: float) -> tuple[float, float]:
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


@dataclass(frozen=True)
class _Frame:
    x0: float
    x1: float
    y0: float
    y1: float
    left: float
    right: float
    top: float
    bottom: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        across = self.left + (x - self.x0) / (self.x1 - self.x0) * (self.right - self.left)
        return across, self.bottom - (y - self.y0) / (self.y1 - self.y0) * (self.bottom - self.top)

    def axes(self, over: str) -> list[Item]:
        """The frame's left and lower side, round ticks with their numbers, and lines where a coordinate is 0."""
        items: list[Item] = [Path(((self.left, self.top), (self.left, self.bottom), (self.right, self.bottom)))]
        for x in round_ticks(self.x0, self.x1):
            across, _ = self.at(x, self.y0)
            items.append(Path(((across, self.bottom), (across, self.bottom + 0.25))))
            items.append(Label(across, self.bottom + 0.85, number(x).replace("-", "−"), kind="axis", words=True))
        for y in round_ticks(self.y0, self.y1):
            _, up = self.at(self.x0, y)
            items.append(Path(((self.left - 0.25, up), (self.left, up))))
            items.append(Label(self.left - 0.45, up, number(y).replace("-", "−"), "end", "axis", True))
        if self.y0 < 0 < self.y1:
            items.append(Path((self.at(self.x0, 0.0), self.at(self.x1, 0.0)), style="dotted"))
        return [*items, Label(self.right + 0.5, self.bottom, over, "start")]

    def parts(self, curve: Curve) -> list[tuple[tuple[float, float], ...]]:
        """The runs of a curve that lie in the frame."""
        runs: list[list[tuple[float, float]]] = [[]]
        for x, y in zip(curve.x, curve.y, strict=True):
            if math.isfinite(y) and self.y0 <= y <= self.y1:
                runs[-1].append(self.at(x, y))
            elif runs[-1]:
                runs.append([])
        return [tuple(run) for run in runs if len(run) > 1]


def _ends(curves: Sequence[Curve], frame: _Frame) -> list[float]:
    """How high each name stands: at its curve's end, moved apart where they would overlap."""
    wanted = []
    for curve in curves:
        last = next((y for y in reversed(curve.y) if math.isfinite(y)), 0.0)
        wanted.append(frame.at(frame.x1, min(max(last, frame.y0), frame.y1))[1])
    order = sorted(range(len(curves)), key=lambda k: wanted[k])
    free = frame.bottom - LINE                                  # the variable's name stands at the axis' end
    for above, below in itertools.pairwise(order):
        wanted[below] = max(wanted[below], wanted[above] + LINE)
    for k in reversed(order):
        wanted[k], free = min(wanted[k], free), min(wanted[k], free) - LINE
    return wanted


def round_ticks(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """Multiples of 1, 2 or 5 times a power of ten, at most so many."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return tuple(round(k * step, 12) + 0.0 for k in range(first, math.floor(high / step + 1e-9) + 1))
