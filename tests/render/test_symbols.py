"""Names in formulas: readable, and nothing that a name holds can reach LaTeX as a command."""
from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symderiv.build import symbol
from symderiv.handout.mathml import mathml
from symderiv.render.index import index_latex
from symderiv.render.matrix import matrix_latex
from symderiv.render.symbols import GREEK, name_latex, name_text, shape_latex

_ALLOWED = {*GREEK, "mathrm", "hat", "bar", "tilde", "dot", "vec", "prime", "star", "_"}


@pytest.mark.parametrize(("name", "latex", "text"), [
    ("W", "W", "W"), ("W1", "W_1", "W₁"), ("W12", "W_{12}", "W₁₂"), ("delta_z", r"\delta_z", "δ_z"),
    ("delta_W1", r"\delta_{W_1}", "δ_W₁"), ("theta", r"\theta", "θ"), ("lam", r"\lambda", "λ"),
    ("x_hat", r"\hat{x}", "x\u0302"),
    ("W_out", r"W_{\mathrm{out}}", "W_out"), ("loss", r"\mathrm{loss}", "loss"), ("σ", r"\sigma", "σ"),
    ("a1_hat", r"\hat{a}_1", "a\u0302₁"), ("x_star", r"x^{\star}", "x_star"), ("W_q1", "W_{q_1}", "W_q₁"),
])
def test_names(name: str, latex: str, text: str) -> None:
    assert name_latex(name) == latex
    assert name_text(name) == text


@given(st.text(max_size=12))
def test_hostile_names_are_harmless(name: str) -> None:
    for latex in (name_latex(name), matrix_latex(symbol(name, ("n",))), index_latex(symbol(name, ("n",)), "i")[0]):
        assert set(re.findall(r"\\([A-Za-z]+|.)", latex)) <= _ALLOWED
        assert latex.isascii()
        assert not set(latex) & set("<>&%$#~\"`|\n")
        depth = 0
        for c in latex:
            depth += (c == "{") - (c == "}")
            assert depth >= 0
        assert depth == 0
        assert mathml(latex)
    assert not set(name_text(name)) & set("<>&\n")


def test_input_stays_out() -> None:
    assert name_latex(r"x}\input{secret}") == r"\mathrm{xinputsecret}"


def test_shapes() -> None:
    assert shape_latex(()) == "1"
    assert shape_latex(("o", "n")) == r"o\times n"
    assert shape_latex(("m*q", "n + 1")) == r"m q\times (n + 1)"
