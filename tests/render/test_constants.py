"""Long numbers: named, or decimals; what is printed has just the value that it had."""
from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import scale
from symderiv.functions import SCALAR
from symderiv.functions.constants import constants, decimal, named
from symderiv.present import written
from symderiv.render import signs, style
from symderiv.render.signs import signed
from symderiv.render.style import PlainStyle, Style
from tests.fuzz.grammar import Program
from tests.latex.test_latex_means import check_lines, check_result
from tests.render.arrays import evaluate

SELU = SCALAR["selu"].defaults
LONGEST_NUMBER = 9
"""digits of a number in a formula, in a row"""


@pytest.mark.parametrize(("value", "plain", "latex"), [
    (Fraction(44715, 10**6), "0.044715", "0.044715"), (Fraction(1, 10**5), "10⁻⁵", "10^{-5}"),
    (Fraction(1, 100), "1/100", r"\tfrac{1}{100}"),
    (Fraction(1, 1024), "1/1024", r"\tfrac{1}{1024}"), (Fraction(5, 3), "5/3", r"\tfrac{5}{3}"), (Fraction(1), "1", "1"),
    (SELU["scale"] * SELU["alpha"], "λ_selu α_selu", r"\lambda_{\mathrm{selu}}\,\alpha_{\mathrm{selu}}"),
    (2 * SELU["scale"]**2 / 3, "2/3 λ_selu²", r"\tfrac{2}{3}\,\lambda_{\mathrm{selu}}^2"),
])
def test_numbers(value, plain, latex) -> None:
    assert PlainStyle().number(value) == plain
    assert Style().number(value) == latex


def test_names_and_decimals_are_exact() -> None:
    for i in range(-2, 3):
        for j in range(-1, 2):
            value = Fraction(7, 6) * SELU["scale"]**i * SELU["alpha"]**j
            found = named(value)
            if i or j:
                assert found is not None
                rest, powers = found
                for name, q in powers:
                    rest *= constants()[name]**q
                assert rest == value
    for value in (Fraction(1, 7), Fraction(10**12 + 1, 10**11), SELU["alpha"]):
        text = decimal(value)
        assert text is None or Fraction(text) == value
    assert named(SELU["scale"] + Fraction(1, 10**28)) is None


FUNCTIONS = [name for name, row in SCALAR.items() if row.module]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("notation", ["matrix", "index"])
def test_no_line_of_an_activation_has_a_long_number(name, notation) -> None:
    for d in (sd.gradient(f"sum({name}(x))", "x", x="n"), sd.gradient(f"mean({name}(x)**2)", "x", x="n"),
              sd.hessian(f"sum({name}(x))", "x", x="n")):
        for line in written(d, notation, "full"):
            if not line.plain_lhs.startswith(("α_", "λ_")):
                for text in (line.plain_rhs, line.rhs, d.result.text()):
                    assert not re.search(rf"\d{{{LONGEST_NUMBER + 1}}}", text), text


def test_what_the_names_are_is_said() -> None:
    text = sd.gradient("sum(selu(x)**2)", "x", x="n").text()
    assert "λ_selu = 1.05070098735548049341933498529" in text and "α_selu = 1.67326324235437728481704299167" in text
    assert "λ_selu =" not in sd.gradient("sum(elu(x)**2)", "x", x="n").text()


@pytest.mark.parametrize("text", ["sum(selu(x)**2)", "sum(y * selu(x * y))", "sum(tanh(y*(x + 0.044715*x**3)))"])
def test_the_latex_means_what_was_derived(text) -> None:
    seen: Counter[str] = Counter()
    program = Program(text, {"x": "n", "y": "n"}, (), "x", 1)
    check_result(program, seen)
    check_lines(program, seen)
    assert seen["matrix"] == seen["index"] == 1, seen


def large() -> list[sd.Expr]:
    x = {"x": "n", "y": "n", "z": "m"}
    return [sd.parse(text, shapes=x) for text in (
        "x*(x + 0.044715*x**3)*y", "(8943*x + 200000*y)**2*x", "(123456*x - y)**3", "sum((1000*x - 7000*y)**2*x)", "exp(x*(x - 12345*y))")]


def wrong() -> int:
    return sum(not np.allclose(evaluate(signed(e, {})), evaluate(e)) for e in large())


def test_other_numbers_inside_a_sum_leave_the_value(monkeypatch) -> None:
    assert wrong() == 0
    assert sum(signed(e, {}) is not e for e in large()) >= 2
    monkeypatch.setattr(signs, "box", lambda held, note: scale(3, held))
    assert wrong() >= 1


def test_a_constant_that_is_off_is_noticed(monkeypatch) -> None:
    monkeypatch.setattr(style, "named", lambda value: None)
    with pytest.raises(AssertionError):
        test_no_line_of_an_activation_has_a_long_number("selu", "matrix")


def test_layer_norm_has_a_power_of_ten() -> None:
    assert "10⁻⁵ + " in sd.jacobian("layer_norm(x)", "x", x="n").result.text()
    assert "10^{-5}+" in sd.jacobian("layer_norm(x)", "x", x="n").result.latex()
    assert "sqrt(2/π)" in sd.gradient("sum(gelu_tanh(x))", "x", x="n").text(notation="index")
