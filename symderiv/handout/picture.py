r"""Drawings as LaTeX: macros of the preamble, which draws with TikZ where it is loaded, else with ``picture``.

>>> from symderiv.handout.drawing import Drawing, Label
>>> print(picture(Drawing(4, 2, (Label(2, 1, "W_1"),)), str, str), end="")
\begin{drawing}{4}{2}
\drawlabel{2}{1}{c}{}{$W_1$}
\end{drawing}
"""

from __future__ import annotations

from collections.abc import Callable

from symderiv.handout.drawing import Box, Drawing, Item, Label, Path, Point, head, number

_ANCHORS = {"start": "l", "middle": "c", "end": "r"}


def picture(drawing: Drawing, math: Callable[[str], str], text: Callable[[str], str]) -> str:
    """The drawing in LaTeX; ``math`` and ``text`` make formulas and words safe. Here y runs upwards."""
    lines = "".join(line + "\n" for item in drawing.items for line in _item(item, drawing.height, math, text))
    return f"\\begin{{drawing}}{{{number(drawing.width)}}}{{{number(drawing.height)}}}\n{lines}\\end{{drawing}}\n"


def _item(item: Item, top: float, math: Callable[[str], str], text: Callable[[str], str]) -> list[str]:
    match item:
        case Label(x, y, latex, anchor, kind, words):
            shown = text(latex) if words else f"${math(latex)}$"
            return [f"\\drawlabel{{{number(x)}}}{{{number(top - y)}}}{{{_ANCHORS[anchor]}}}{{{kind}}}{{{shown}}}"]
        case Box(x, y, width, height, kind):
            corner = f"{{{number(x - width / 2)}}}{{{number(top - y - height / 2)}}}"
            return [f"\\drawbox{corner}{{{number(width)}}}{{{number(height)}}}{{{kind}}}"]
        case Path(points, kind, style, arrow):
            up = [(x, top - y) for x, y in points]
            places = "".join(f"({number(x)},{number(y)})" for x, y in up)
            lines = [f"\\drawline{{{kind}}}{{{style}}}{{{places}}}"]
            return [*lines, f"\\drawhead{_numbers(*head(up[-2], up[-1]))}{{{kind}}}"] if arrow else lines


def _numbers(*points: Point) -> str:
    return "".join(f"{{{number(x)}}}{{{number(y)}}}" for x, y in points)
