"""Drawings as inline SVG: they take the colours and the font of the page around them.

>>> from symderiv.handout.drawing import Drawing, Label
>>> svg(Drawing(4, 2, (Label(2, 1, "W"),)), "a letter")[-28:]
'x="32" y="16">W</text></svg>'
"""

from __future__ import annotations

import html
import re

from symderiv.handout.drawing import Box, Drawing, Item, Label, Path, head, number
from symderiv.handout.formula import parse
from symderiv.handout.linear import linear

UNIT = 16
"""units of the drawing in one em"""


STYLE = (
    'text{font:15px "STIX Two Text","Latin Modern Roman",Georgia,serif;fill:#1a1a1a;dominant-baseline:central;text-anchor:middle}'
    ".start{text-anchor:start}.end{text-anchor:end}.formula{font-style:italic}.up{font-style:normal}.script{font-size:.72em}"
    "text.axis{font-size:12px;fill:#5a5f66}.box{fill:#f5f7fa;stroke:#dcdfe3}.box.loss{stroke:#1f4e8c}"
    ".line{fill:none;stroke:#5a5f66;stroke-width:1.2;stroke-linejoin:round}.head{fill:#5a5f66}"
    ".line.first{stroke:#1f4e8c;stroke-width:1.8}.line.second{stroke:#a3281f;stroke-width:1.8}"
    ".line.third{stroke:#20703a;stroke-width:1.8}text.first{fill:#1f4e8c}text.second{fill:#a3281f}text.third{fill:#20703a}"
    ".dashed{stroke-dasharray:6 4}.dotted{stroke-dasharray:1.5 3.5}"
)
"""the look of a drawing that stands alone"""
_PRIMES = re.compile("[′″‴]+")
"""they stand clear of the letter before, which leans towards them"""
_UPRIGHT = re.compile(r"(?<!&)[A-Za-z]{3,}|[0-9.]*[0-9]|[()]")
"""functions' names, numbers and brackets in a formula whose letters are italic"""


def svg(drawing: Drawing, alt: str = "", style: str = "") -> str:
    """An ``<svg>`` element; ``alt`` says what is to be seen, ``style`` is for one that stands alone."""
    wide, high = number(drawing.width * UNIT), number(drawing.height * UNIT)
    title = f"<title>{html.escape(alt)}</title>" if alt else ""
    space = ' xmlns="http://www.w3.org/2000/svg"' if style else ""
    look = f"<style>{style}</style>" if style else ""
    return (
        f'<svg{space} class="drawing" role="img" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}">'
        f"{title}{look}{''.join(map(_item, drawing.items))}</svg>"
    )


def _item(item: Item) -> str:
    match item:
        case Label():
            kind = " ".join(filter(None, ("words" if item.words else "formula", item.anchor, item.kind)))
            text = html.escape(item.latex) if item.words else formula(item.latex)
            return f'<text class="{kind}" x="{_at(item.x)}" y="{_at(item.y)}">{text}</text>'
        case Box(x, y, width, height, kind):
            radius = 0.5 if kind == "value" else 0.12
            return (
                f'<rect class="box {kind}" x="{_at(x - width / 2)}" y="{_at(y - height / 2)}" width="{_at(width)}" '
                f'height="{_at(height)}" rx="{_at(radius)}"/>'
            )
        case Path():
            points = " ".join(f"{_at(x)},{_at(y)}" for x, y in item.points)
            line = f'<polyline class="line {item.kind} {item.style}" points="{points}"/>'
            return line + (_head(item) if item.arrow else "")


def formula(latex: str) -> str:
    r"""A formula in one line, as the inside of a ``<text>``: sub- and superscripts are small and moved.

    >>> formula("x_i+1")
    'x<tspan class="script" dy="3.2">i</tspan><tspan dy="-3.2">+<tspan class="up">1</tspan></tspan>'
    """
    found, shift = "", 0.0
    for script, text in _runs(latex):
        wanted = {"_": 3.2, "^": -5.2}.get(script, 0.0)
        look = f' class="script" dy="{number(wanted - shift)}"' if wanted else f' dy="{number(-shift)}"' if shift else ""
        shown = _UPRIGHT.sub(r'<tspan class="up">\g<0></tspan>', html.escape(text.replace("''", "″").replace("'", "′"), quote=False))
        shown = _PRIMES.sub(r'<tspan class="up" dx="2">\g<0></tspan>', shown)
        found += f"<tspan{look}>{shown}</tspan>" if look else shown
        shift = wanted
    return found


def _runs(latex: str) -> list[tuple[str, str]]:
    """(``_``, ``^`` or nothing, text) of each run of a formula."""
    runs: list[tuple[str, str]] = []
    line = ""
    for node in parse(latex):
        inside = latex[node.start + 1 : node.end].strip()
        if node.text in ("_", "^") and inside not in (r"\top", r"\prime", r"{\prime}"):
            runs += [("", linear(line))] if line else []
            runs.append((node.text, linear(inside.removeprefix("{").removesuffix("}"))))
            line = ""
        else:
            line += latex[node.start : node.end] + " "
    return [*runs, ("", linear(line))] if line else runs


def _head(path: Path) -> str:
    corners = " ".join(f"{_at(x)},{_at(y)}" for x, y in head(*path.points[-2:]))
    return f'<polygon class="head {path.kind}" points="{corners}"/>'


def _at(value: float) -> str:
    return number(value * UNIT)
