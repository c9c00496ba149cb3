"""Differences keep the sign that the user gave them, in every line and notation; the value stays what it was."""
from __future__ import annotations

import random
import re

import numpy as np
import pytest
import sympy as sp

import symderiv as sd
from symderiv.build import scale
from symderiv.ir import Add, Expr, postorder
from symderiv.present import chapters_of, written
from symderiv.render import signs
from symderiv.render.signs import is_difference, signed, signs_of
from symderiv.render.text import plain
from symderiv.verify import same_value
from tests.render.arrays import evaluate
from tests.render.random_expressions import random_expression

SHAPES = {"X": "m n", "W": "n k", "Y": "m k", "w": "n", "y": "m", "v": "m"}
NOTATIONS = ("matrix", "index", "differential")
DETAILS = ("brief", "normal", "full")
KEPT = [
    ("sum(({})**2)/2", "X @ w - y", "w"), ("mean(({})**2)", "X @ w - y", "w"), ("norm({})", "X @ w - y", "w"),
    ("norm({})**2", "X @ W - Y", "W"), ("v @ ({})**2", "X @ w - y", "w"), ("exp(-sum(({})**2))", "X @ w - y", "w"),
    ("sum(logcosh({}))", "X @ w - y", "w"), ("sum(1/(1 + ({})**2))", "X @ w - y", "w"), ("({}) @ ({})", "X @ w - y", "w"),
]


def swapped(difference: str) -> str:
    left, right = difference.split(" - ")
    return f"{right} - {left}"


def shown(difference: str) -> str:
    """As matrix notation prints it."""
    return difference.replace(" @ ", " ").replace("-", "−")


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize(("frame", "difference", "by"), KEPT)
@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_line_has_the_difference_as_it_was_typed(frame, difference, by, turn, notation) -> None:
    typed = swapped(difference) if turn else difference
    other = difference if turn else swapped(difference)
    d = sd.gradient(frame.replace("{}", typed), by, shapes=SHAPES)
    for detail in DETAILS:
        lines = [line.plain_rhs for line in written(d, notation, detail)]
        assert any(shown(typed) in line or "[i] − " in line for line in lines), lines
        assert not any(shown(other) in line for line in lines), lines
        tail = "y[i] − " if not turn and "Y" not in difference else ""
        assert not tail or not any(tail in line for line in lines), lines


def test_every_way_in_keeps_the_sign() -> None:
    m, n = sp.symbols("m n", integer=True, positive=True)
    X, w, y = sp.MatrixSymbol("X", m, n), sp.MatrixSymbol("w", n, 1), sp.MatrixSymbol("y", m, 1)
    for r, own in ((X * w - y, "X w − y"), (y - X * w, "y − X w")):
        assert own in sd.gradient(r.T * r, w).text()
    assert "u − y" in sd.gradient(lambda u, y: ((u - y)**2).sum(), "u", u="n", y="n").text()
    assert "y − u" in sd.gradient(lambda u, y: ((y - u)**2).sum(), "u", u="n", y="n").text()
    assert "(X w − y)" in sd.gradient("mse(X @ w, y)", "w", shapes=SHAPES).text()
    assert "(X w − y)" in sd.gradient(sd.parse("sum((y - X @ w)**2)", shapes=SHAPES), "w").text()     # an Expr says nothing


def test_two_derivations_of_one_expression_keep_each_their_own_sign() -> None:
    first, second = (sd.gradient(f"sum(({r})**2)", "w", shapes=SHAPES) for r in ("X @ w - y", "y - X @ w"))
    assert first.result is second.result and first.subject is second.subject
    assert "2 Xᵀ (X w − y)" in first.text()
    assert "−2 Xᵀ (y − X w)" in second.text()


def random_signs(expr: Expr, rng: random.Random) -> dict[Expr, int]:
    written_ = [scale(rng.choice([-1, 1]), n) for n in postorder(expr) if isinstance(n, Add) and is_difference(n)]
    return signs_of(written_, expr)


def mismatches(count: int = 300) -> int:
    wrong = 0
    for number in range(count):
        rng = random.Random(number)
        e = random_expression(rng)
        kept = random_signs(e, rng)
        wrong += not np.allclose(evaluate(signed(e, kept)), evaluate(e))
    return wrong


def test_the_value_stays_whatever_the_signs() -> None:
    assert mismatches() == 0


def test_a_sign_that_is_lost_is_noticed(monkeypatch) -> None:
    monkeypatch.setattr(signs, "box", lambda held, note: scale(-1, held))
    assert mismatches() > 20


@pytest.mark.parametrize(("frame", "difference", "by"), KEPT)
def test_holes_and_differentials_keep_their_value(frame, difference, by) -> None:
    d = sd.gradient(frame.replace("{}", swapped(difference)), by, shapes=SHAPES)
    kept = signs_of(d.facts.sums, d.subject)
    for chapter in chapters_of(d, "full"):
        for line in chapter.lines:
            assert same_value(signed(line.state, kept), line.state, d.facts, 2)


def test_without_a_context_the_longer_part_stands_first() -> None:
    assert re.fullmatch(r"\(X w − y\)\^⊙2", plain(sd.parse("(y - X @ w)**2", shapes=SHAPES)))
    assert plain(sd.parse("v * (y - X @ w)", shapes=SHAPES)) == "v ⊙ (y − X w)"
    assert plain(sd.parse("(y - X @ w)**3", shapes=SHAPES)) in ("(y − X w)^⊙3", "−(X w − y)^⊙3")


def test_differentiating_under_a_sum_is_no_line_of_its_own() -> None:
    """∂ goes into Σ together with the first rule inside; in full it's a line."""
    d = sd.gradient("mean((X @ w - y)**2)", "w", shapes=SHAPES)
    assert next(line.why for line in written(d, "matrix", "normal")) == "elementwise chain rule"
    assert next(line.why for line in written(d, "matrix", "full")) == "linearity"


def test_a_named_difference_keeps_its_sign_though_its_name_was_made_simpler() -> None:
    """The engine names tanh(W1 x) inside u; u is still the u that was typed."""
    net = {"W1": "h n", "W2": "o h", "x": "n", "y": "o"}
    for typed, own in (("y - u", "−2 (y − u)"), ("u - y", "2 (u − y)")):
        d = sd.gradient(f"u = W2 @ tanh(W1 @ x); sum(({typed})**2)", "W1", shapes=net)
        assert [line.plain_rhs for line in written(d) if line.plain_lhs == "δ_u"] == [own]
    inside = sd.hessian("sum((b - tanh(W1 @ x))**2)", "x", W1="h n", x="n", b="h")
    assert "(a − b)" not in inside.text() and "(b − a)" in inside.text()


def test_a_number_stands_first_before_a_function_and_last_after_a_symbol() -> None:
    text = sd.gradient("sum((1 - tanh(x)**2)**2) + sum((x - 1)**2)", "x", x="n").text(notation="index")
    assert "(1 − tanh(x[i])²)²" in text and "(x[i] − 1)²" in text


@pytest.mark.parametrize("shape", ["", "n"])
def test_a_function_stands_before_the_same_of_the_opposite(shape: str) -> None:
    for typed in ("exp(x) + exp(-x)", "exp(-x) + exp(x)"):
        node = sd.parse(typed, x=shape)
        assert node.text() == "exp(x) + exp(−x)"
        entry = "x_i" if shape else "x"
        assert node.latex("index") == f"e^{{{entry}}}+e^{{-{entry}}}"
        again = sd.parse(node.text().replace("−", "-"), x=shape)
        assert again is node
    assert sd.parse("log(1 + exp(-x)) + exp(x)", x=shape).text().startswith("log(")    # long before short


def test_formulas_have_no_brackets_factors_or_slashes_that_say_nothing() -> None:
    root = sd.gradient("sum(sqrt(1 + r**2))", "r", r="m")
    assert root.result.text() == "r ⊘ sqrt(1 + r ⊙ r)"
    scalar = sd.derivative("sin(x)*exp(2*x)", "x", x="").text(notation="index", detail="full").splitlines()
    assert scalar[0].startswith("∂L/∂x = ") and not any(" 1 " in f"{line}  " for line in scalar)
    assert any(line.endswith("elementwise chain rule, sin′=cos, exp′=exp") for line in scalar)
    quotient = sd.jacobian("-(y*log(p) + (1 - y)*log(1 - p))", "p", p="", y="").text(detail="full")
    assert "((1 − y)/(1 − p)) ∂(1 − p)/∂p" in quotient
