"""The gallery: an entry for each row of the tables; what is plotted and printed are the functions, by another evaluator."""

from __future__ import annotations

import math
import re
from functools import cache

import pytest

import symderiv as sd
from symderiv.functions import SCALAR, TENSOR
from symderiv.gallery import arrays, book, losses, scalars
from symderiv.gallery.curves import HIGHEST, continuous, rough_points, sampled, span
from symderiv.gallery.markdown import Entry, plot_file
from symderiv.handout.plots import Curve
from symderiv.losses import LOSSES

STEP = 1e-5


def value(name: str, x: float) -> float:
    """A function at a number, by the evaluator that shares no code with the generated NumPy."""
    from symderiv.evaluate import evaluate

    return float(evaluate(sd.parse(f"{name}(x)", x=""), {"x": x}))


@cache
def curves(name: str) -> tuple[Curve, ...]:
    row = SCALAR[name]
    first, second = scalars.derivatives(row)
    return sampled(row, (sd.parse(f"{name}(x)", x="").numpy(), first.numpy(), second.numpy()))


def check_curves(name: str, f: Curve, first: Curve, second: Curve) -> None:
    """At points away from where the row is rough: f by the evaluator; each derivative by differences of the one before."""
    low, high = span(SCALAR[name])
    points = [k for k, x in enumerate(f.x) if min((abs(x - r) for r in rough_points(SCALAR[name])), default=1.0) > 0.01]
    points = [k for k in points if low + 0.02 < f.x[k] < high - 0.02 and abs(f.y[k]) < HIGHEST][::17]
    assert len(points) > 3
    slopes = scalars.derivatives(SCALAR[name])[0].numpy()
    for k in points:
        x = f.x[k]
        assert f.y[k] == pytest.approx(value(name, x), rel=1e-9, abs=1e-9)
        slope = (value(name, x + STEP) - value(name, x - STEP)) / (2 * STEP)
        assert first.y[k] == pytest.approx(slope, rel=1e-4, abs=1e-5)
        bend = (float(slopes(x=x + STEP)) - float(slopes(x=x - STEP))) / (2 * STEP)
        assert second.y[k] == pytest.approx(bend, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", SCALAR)
def test_what_is_plotted_is_the_function(name: str) -> None:
    check_curves(name, *curves(name))


def test_a_wrong_curve_is_seen() -> None:
    """Planted faults: the derivative's sign, f in the place of f″."""
    f, first, second = curves("tanh")
    turned = Curve(first.latex, first.x, tuple(-y for y in first.y))
    for wrong in ((f, turned, second), (f, first, f)):
        with pytest.raises(AssertionError):
            check_curves("tanh", *wrong)


@pytest.mark.parametrize("name", SCALAR)
def test_a_line_is_broken_where_it_jumps(name: str) -> None:
    f, first, _ = curves(name)
    for x in rough_points(SCALAR[name]):
        assert math.isnan(first.y[first.x.index(x)])
        assert math.isnan(f.y[f.x.index(x)]) != continuous(SCALAR[name])


@pytest.mark.parametrize("name", SCALAR)
def test_a_bound_of_the_slope_holds(name: str) -> None:
    """Between any two points of the plot, jumps and kinks between them included."""
    bound = scalars.lipschitz(SCALAR[name], scalars.derivatives(SCALAR[name])[0])
    low, high = span(SCALAR[name])
    xs = [low + (high - low) * k / 53 for k in range(54)]
    ys = [value(name, x) for x in xs]
    steepest = max(abs(b - a) / (v - u) for u, v, a, b in zip(xs, xs[1:], ys, ys[1:], strict=False))
    assert bound is None or steepest <= float(bound) + 1e-9


def test_functions_that_jump_have_no_bound() -> None:
    for name in ("heaviside", "sign", "hardshrink"):
        assert scalars.lipschitz(SCALAR[name], scalars.derivatives(SCALAR[name])[0]) is None


@pytest.mark.parametrize("name", ["tanh", "elu", "hardshrink"])
def test_an_entry_of_a_function(name: str) -> None:
    entry = scalars.scalar_entry(SCALAR[name])
    assert "f'(x)" in entry.text and "f''(x)" in entry.text and "and checked by complex steps" in entry.text
    assert plot_file(name) in entry.text and entry.plot.startswith("<svg xmlns=") and entry.plot.count("<polyline") > 3
    assert scalars.scalar_entry(SCALAR[name]) == entry
    assert len(entry.plot) < 20_000


def test_entries_of_arrays_and_losses() -> None:
    softmax = arrays.array_entry(TENSOR["softmax"]).text
    assert r"\operatorname{diag}(\operatorname{softmax}(x))" in softmax and "checked by complex steps" in softmax
    assert "Fréchet" in arrays.array_entry(TENSOR["expm"]).text
    loss = losses.loss_entry(LOSSES["cross_entropy"]).text
    assert r"\operatorname{softmax}(u)-y" in loss and "convex in u (proved" in loss and "`Softmax`" in loss


@pytest.mark.parametrize("name", ["log_likelihood", "soft_margin"])
def test_a_loss_says_what_it_needs(name: str) -> None:
    row = LOSSES[name]
    text = losses.loss_entry(row).text
    assert all(f"`{losses.told(row, fact)}`" in text for fact in row.needs)
    assert f"{row.convexity} in u" in text


def test_every_row_has_its_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which rows are where; the entries themselves are made by the tests above, and by make docs."""
    for maker in ("scalar_entry", "array_entry", "loss_entry"):
        monkeypatch.setattr(book, maker, lambda row: Entry(row.name, f"## `{row.name}` {{ #{row.name} }}"))
    made = {page.file: page.text for page in book.pages.__wrapped__()}
    shown = {file: re.findall(r"^## `(\w+)`", text, re.MULTILINE) for file, text in made.items()}
    assert sorted(shown["activations.md"] + shown["elementary.md"]) == sorted(SCALAR)
    assert shown["arrays.md"] == list(TENSOR)
    assert shown["losses.md"] == list(LOSSES)
