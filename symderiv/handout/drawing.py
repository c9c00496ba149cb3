"""Drawings before they are SVG or LaTeX: boxes, arrows, curves and labels in a plane whose y runs downwards.

Lengths are in em of the text. Labels are formulas; ``anchor`` says which point of a label stands at its place.

>>> Drawing(4, 2, (Label(1, 1, "x"),)).items[0].latex
'x'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]


@dataclass(frozen=True)
class Label:
    """A formula (or, with ``words``, text) at a place."""

    x: float
    y: float
    latex: str
    anchor: Literal["start", "middle", "end"] = "middle"
    kind: str = ""
    words: bool = False


@dataclass(frozen=True)
class Box:
    """A box around its middle; ``kind`` chooses its look: "input", "parameter", "value", "loss"."""

    x: float
    y: float
    width: float
    height: float
    kind: str = ""


@dataclass(frozen=True)
class Path:
    """Straight lines through points: an axis, an arrow (``arrow`` puts a head at its end), a curve of a plot.

    ``style`` is "solid", "dashed" or "dotted"; ``kind`` chooses the colour: "axis", "first", "second", "third".
    """

    points: tuple[Point, ...]
    kind: str = "axis"
    style: Literal["solid", "dashed", "dotted"] = "solid"
    arrow: bool = False


Item = Label | Box | Path


@dataclass(frozen=True)
class Drawing:
    """A drawing of that width and height."""

    width: float
    height: float
    items: tuple[Item, ...]


def number(value: float) -> str:
    """A coordinate with at most two digits after the point, the same in every process.

    >>> number(1.005), number(-0.001), number(2.50)
    ('1', '0', '2.5')
    """
    text = f"{round(value, 2):.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


HEAD, HALF = 0.42, 0.19
"""the length of an arrow's head, and half its width, in em"""


def head(start: Point, end: Point) -> tuple[Point, Point, Point]:
    """The corners of the head of an arrow, its tip first."""
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5 or 1.0
    dx, dy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    x, y = end[0] - HEAD * dx, end[1] - HEAD * dy
    return end, (x - HALF * dy, y + HALF * dx), (x + HALF * dy, y - HALF * dx)
