"""Figures: the graph has every value with its shape, curves have the function's values, SVG and LaTeX draw one layout."""

from __future__ import annotations

import re
import shutil
from itertools import combinations

import numpy as np
import pytest

import symderiv as sd
from symderiv.errors import SymderivError, TooLargeError
from symderiv.handout.blocks import page
from symderiv.handout.drawing import Box, Drawing, Label, Path
from symderiv.handout.graphs import graph as graph_of
from symderiv.handout.model import Figure, Page, Section
from symderiv.handout.pdf import pdf
from symderiv.handout.picture import picture
from symderiv.handout.plots import Curve, round_ticks
from symderiv.handout.plots import plot as drawing_of
from symderiv.handout.source import SourceError, graph, handout, plot, section
from symderiv.handout.svg import svg
from symderiv.handout.writers import html, tex

NETWORK = """
    z = W1 @ x + b1
    a = tanh(z)
    u = W2 @ a + b2
    -y @ log_softmax(u)
"""
SHAPES = {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "b2": "o", "y": "o"}
RESIDUAL = "a = tanh(W1 @ x); r = x + W2 @ a; s = relu(W3 @ r); t = s + x; sum((t - y)**2)"
needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex isn't installed")


def figure(*items: object) -> Figure:
    (block,) = page(handout("A", section("B", *items)), "a").sections[0].blocks
    assert isinstance(block, Figure)
    return block


def labels(drawing: Drawing) -> dict[str, tuple[float, float]]:
    return {item.latex: (item.x, item.y) for item in drawing.items if isinstance(item, Label)}


# ---------------------------------------------------------------- graphs
def test_every_value_stands_in_the_graph_with_its_shape_below_what_it_is_made_of() -> None:
    drawing = graph_of(sd.parse(NETWORK, shapes=SHAPES), ["x", "y"])
    found = labels(drawing)
    assert {"x", "W_1", "b_1", "W_2", "b_2", "y", r"h\times n", r"o\times h"} <= found.keys()
    rows = [found[name][1] for name in ("x", "z=W_1 x+b_1", r"a=\tanh(z)", "u=W_2 a+b_2")]
    assert rows == sorted(rows) and len(set(rows)) == 4
    assert len([item for item in drawing.items if isinstance(item, Box)]) == 4
    assert len([item for item in drawing.items if isinstance(item, Path)]) == 3 + 1 + 3 + 2


@pytest.mark.parametrize("program", [NETWORK, RESIDUAL])
def test_boxes_do_not_overlap_and_no_arrow_crosses_one(program: str) -> None:
    shapes = SHAPES if program is NETWORK else {"W1": "h n", "x": "n", "W2": "n h", "W3": "n n", "y": "n"}
    drawing = graph_of(sd.parse(program, shapes=shapes))
    boxes = [item for item in drawing.items if isinstance(item, Box)]
    for one, other in combinations(boxes, 2):
        apart = abs(one.x - other.x) >= (one.width + other.width) / 2 or abs(one.y - other.y) >= (one.height + other.height) / 2
        assert apart
    for path in (item for item in drawing.items if isinstance(item, Path)):
        (_, y0), *_, (_, y1) = path.points
        assert y0 < y1 and path.arrow
        for box in boxes:
            for (a, b), (c, d) in zip(path.points, path.points[1:], strict=False):
                for t in np.linspace(0.02, 0.98, 25):
                    inside = abs(a + t * (c - a) - box.x) < box.width / 2 - 0.05 and abs(b + t * (d - b) - box.y) < box.height / 2 - 0.05
                    assert not inside
    assert all(0 <= item.x <= drawing.width and 0 <= item.y <= drawing.height for item in drawing.items if not isinstance(item, Path))


def test_what_can_not_be_drawn_is_an_error() -> None:
    with pytest.raises(SymderivError, match="nothing to draw"):
        graph_of(sd.parse("x", x="n"))
    deep = "; ".join(["a0 = tanh(x)", *(f"a{k} = tanh(a{k - 1})" for k in range(1, 60)), "sum(a59)"])
    with pytest.raises(TooLargeError, match="draw a part"):
        graph_of(sd.parse(deep, x="n"))
    with pytest.raises(SourceError, match="test_figures.py:.*'q' isn't in the program"):
        figure(graph("tanh(W @ x)", inputs="q", W="h n", x="n"))


# ---------------------------------------------------------------- plots
def test_curves_have_the_values_of_the_function_its_slope_and_its_curvature() -> None:
    made = figure(plot("(sigmoid(u) - y)**2/2", "u", between=(-3, 3), numbers={"y": 1}, derivatives=2))
    curves = [item for item in made.drawing.items if isinstance(item, Path) and item.kind in ("first", "second", "third")]
    assert len(curves) == 3 and {"L", "L'", "L''"} <= labels(made.drawing).keys()
    u = np.linspace(-3, 3, 161)
    p = 1 / (1 + np.exp(-u))
    slope = (p - 1) * p * (1 - p)
    values = [(p - 1) ** 2 / 2, slope, p * (1 - p) * (p * (1 - p) + (p - 1) * (1 - 2 * p))]
    for curve, value in zip(curves, values, strict=True):
        height = np.array([y for _, y in curve.points])
        assert abs(np.corrcoef(height, -value)[0, 1] - 1) < 1e-9     # y runs downwards
    assert min(values[2]) < 0                                        # the loss isn't convex: what the figure is to show


def test_the_curvature_of_several_functions_in_their_stead() -> None:
    made = figure(plot({"y=0": "softplus(u)", "y=3": "softplus(u) - 3*log(softplus(u))"}, "u", between=(-3, 3), order=2))
    curves = [item for item in made.drawing.items if isinstance(item, Path) and item.kind in ("first", "second")]
    assert len(curves) == 2 and {"y=0", "y=3"} <= labels(made.drawing).keys()
    u = np.linspace(-3, 3, 161)
    p, s = 1 / (1 + np.exp(-u)), np.log1p(np.exp(u))
    for curve, value in zip(curves, [p * (1 - p), p * (1 - p) * (1 - 3 / s) + 3 * (p / s) ** 2], strict=True):
        assert abs(np.corrcoef(np.array([y for _, y in curve.points]), -value)[0, 1] - 1) < 1e-9


def test_what_is_not_finite_or_out_of_the_span_interrupts_a_curve() -> None:
    x = tuple(np.linspace(-2, 2, 41))
    y = tuple(1 / v if abs(v) > 1e-9 else np.inf for v in x)
    made = drawing_of([Curve("f", x, y)], "x", (-5, 5))
    assert len([item for item in made.items if isinstance(item, Path) and item.kind == "first"]) == 2


@pytest.mark.parametrize("low", [-4.2, 0.0, 1e-3, -1e6])
@pytest.mark.parametrize("wide", [1e-3, 1.0, 7.3, 1e5])
def test_ticks_are_round_and_inside(low: float, wide: float) -> None:
    ticks = round_ticks(low, low + wide)
    assert 2 <= len(ticks) <= 7
    assert all(low - 1e-6 * wide <= t <= low + wide * (1 + 1e-6) for t in ticks)
    steps = np.diff(ticks)
    assert np.allclose(steps, steps[0]) and f"{steps[0]:.0e}"[0] in "125"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plot("u", "u", between=(1, 1)), "nothing lies between"),
        (lambda: plot({"a": "u", "b": "u"}, "u", derivatives=1), "of one function"),
        (lambda: plot("u", "u", derivatives=1, order=2), "order .1 or 2."),
        (lambda: figure(plot("log(u)", "u", between=(-2, -1))), "no finite value"),
        (lambda: figure(plot("y", "u", numbers={"y": 1})), "doesn't depend on u"),
        (lambda: figure(plot("u*y", "u", numbers={"y": [1, 2]})), "isn't a number"),
        (lambda: figure(plot("tanh(u", "u")), r"test_figures.py:\d+"),
    ],
)
def test_what_can_not_be_plotted_is_an_error(make, message: str) -> None:
    with pytest.raises(SymderivError, match=message):
        make()


# ---------------------------------------------------------------- one layout, two texts
def test_svg_and_latex_have_the_same_boxes_and_labels() -> None:
    drawing = graph_of(sd.parse(NETWORK, shapes=SHAPES))
    drawn, typed = svg(drawing, "alt & text"), picture(drawing, str, str)
    assert drawn.count("<rect") == typed.count("\\drawbox") == 4
    assert drawn.count("<text") == typed.count("\\drawlabel")
    assert drawn.count("<polygon") == typed.count("\\drawhead") == 9
    boxes = [tuple(float(v) for v in re.findall(r' (?:x|y|width|height)="([-.\d]+)"', tag)) for tag in re.findall(r"<rect[^>]*>", drawn)]
    typed_boxes = [tuple(map(float, re.findall(r"\{([-.\d]+)\}", line))) for line in typed.splitlines() if "drawbox" in line]
    for (x, y, w, h), (a, b, c, d) in zip(boxes, typed_boxes, strict=True):
        assert np.allclose((x / 16, w / 16, h / 16, drawing.height - y / 16 - d), (a, c, d, b), atol=0.02)
    assert "alt &amp; text" in drawn


@needs_latex
def test_drawings_compile_with_and_without_tikz(tmp_path) -> None:
    drawings = [graph_of(sd.parse(RESIDUAL, W1="h n", x="n", W2="n h", W3="n n", y="n")),
                drawing_of([Curve(c, (0.0, 1.0, 2.0), (0.0, k, 1.0)) for k, c in enumerate("abcdef")], "x")]  # fmt: skip
    text = tex.write(Page("A", "a", None, (Section("B", tuple(Figure(d, "$x$", "y") for d in drawings)),)))
    package = "\\IfFileExists{tikz.sty}{\\usepackage{tikz}}{}"
    assert package in text
    assert pdf(text, tmp_path / "a.pdf").warnings == ()
    assert pdf(text.replace(package, ""), tmp_path / "b.pdf").warnings == ()


def test_hostile_words_stay_words() -> None:
    drawing = Drawing(9, 3, (Label(1, 1, "<script>alert(1)</script>", words=True), Label(1, 2, r"\mathrm{<b>}")))
    written = html.write(Page("A", "a", None, (Section("B", (Figure(drawing, "<i>", '"><script>'),)),)))
    assert "<script" not in written and "<b>" not in written.replace("<b>Convention", "")
