"""Marks of print that would be read otherwise without their brackets, and signs of ours beside names of the user's."""

from __future__ import annotations

import re

import numpy as np
import pytest

import symderiv as sd
from symderiv.evaluate import evaluate
from symderiv.frontend.environment import declare
from symderiv.render.apart import beside
from symderiv.render.forms import forms
from tests.latex.reader import read
from tests.latex.values import as_matrix


@pytest.mark.parametrize(
    ("exponent", "shown"), [("1.25", "(5/4) x^⊙(1/4) ⊙ y"), ("3", "3 x ⊙ x ⊙ y"), ("5", "5 x^⊙4 ⊙ y"), ("7/3", "(7/3) x^⊙(4/3) ⊙ y")]
)
def test_an_exponent_that_is_a_fraction_stands_in_brackets(exponent: str, shown: str) -> None:
    """x^⊙4/3 would be a third of x^⊙4."""
    assert sd.gradient(f"y @ x**({exponent})", "x", x="n", y="n").result.text() == shown


# ---------------------------------------------------------------- names that look like others, or like signs of ours
@pytest.mark.parametrize(
    ("one", "other"),
    [("W1", "W_1"), ("lam", "lambda_"), ("eps", "epsilon"), ("x_", "x"), ("σ", "sigma"), ("sigma_", "sigma"), ("x__y", "x_y")],
)
def test_two_names_in_a_formula_look_different(one: str, other: str) -> None:
    expr = sd.parse(f"{one} - {other}", shapes={one: "n", other: "n"})
    for shown in (expr.latex(), expr.latex(notation="index"), expr.text()):
        left, right = re.split("[-−]", shown)
        assert left.strip().removesuffix("_i") != right.strip().removesuffix("_i"), shown
    alone = sd.parse(f"{one} + 1", shapes={one: ""}).latex()
    assert "mathtt" not in alone, "a name by itself is written as always"


MATRIX = np.array([[1.0, 0.5, 0.0], [-0.5, 0.75, 0.25], [0.0, 0.5, 1.5]])
VALUES = {"x": np.array([0.5, -1.25, 2.0]), "sigma": 0.75, "e": 1.5, "H": MATRIX, "Phi": MATRIX, "I": MATRIX, "delta": MATRIX}


@pytest.mark.parametrize(
    ("text", "name"),
    [("sigmoid(sigma * x)", "sigma"), ("sigma * log_sigmoid(x)**2", "sigma"), ("e * exp(x)", "e"), ("relu(H @ x)", "H"),
     ("Phi @ gelu(x)", "Phi"), ("x + tanh(I @ x)", "I"), ("I @ x + 2*x", "I"), ("x + tanh(delta @ x)", "delta")],
)  # fmt: skip
def test_a_name_is_never_read_as_a_sign_of_ours(text: str, name: str) -> None:
    """σ σ(σ x), I + I, Σ_k δ_ik δ_kj: who reads such a name as what it is has the right value."""
    shapes = {"x": "n", name: "n n" if np.ndim(VALUES[name]) else ""}
    found = sd.jacobian(text, "x", shapes=shapes)
    values = {k: VALUES[k] for k in shapes}
    truth = evaluate(found.result, {s: values[s.name] for s in declare(shapes).symbols.values()}, {"n": 3})
    latex = found.result.latex()
    if name == "I":
        assert "I_n" in latex and re.search(r"I(?!_n)", latex)
        latex = re.sub(r"I(?!_n)", "Q", latex).replace("I_n", "I")
        values["Q"] = values.pop("I")
    assert np.allclose(as_matrix(read(latex, frozenset({name})), values, truth.shape), truth, rtol=1e-12), latex
    index = found.result.latex(notation="index")
    if name == "delta":
        assert "[i=j]" in index and index.count(r"\delta") == found.result.latex().count(r"\delta")


def test_a_differential_is_no_name() -> None:
    told = sd.gradient("sum(dx * x**2)", "x", dx="n", x="n")
    assert "dxᵀ d(x ⊙ x)" in told.text("differential") and "d(x))" in told.text("differential")


def test_a_part_of_a_tensor_has_a_letter_that_no_name_has() -> None:
    (core,) = [f for f in forms(sd.jacobian("W @ (C @ x)", "W", W="o m", C="m n", x="n").result, "J") if f.view == "core"]
    assert core.rhs == r"\delta_{ij}\,X_k,\quad X=C x"


@pytest.mark.parametrize(
    ("text", "shapes"),
    [("j * (A @ x) + i * x", {"i": "", "j": "", "A": "n n", "x": "n"}), ("mean(A @ x) * A", {"A": "i j", "x": "j"}),
     ("k * einsum('ab,c->abc', A, x)", {"k": "", "A": "n n", "x": "n"})],
)  # fmt: skip
def test_an_index_is_no_name(text: str, shapes: dict[str, str]) -> None:
    """j A_ij + i δ_ij would have two meanings of i and j in one line."""
    found = sd.jacobian(text, "x", shapes=shapes)
    names = {name for name in (*shapes, "i" if "mean" in text else "") if len(name) == 1}
    for line in found.text("index").splitlines():
        assert not names & set(re.findall(r"[a-z]", "".join(re.findall(r"\[([a-z,]*)\]", line)))), line
    inside = "".join(re.findall(r"_\{?([a-z]+)\}?", found.result.latex(notation="index").replace(r"\operatorname", "")))
    assert inside and not names & set(inside)


def test_a_value_of_the_users_is_no_cotangent_of_ours() -> None:
    """delta_z = 2 z is what the user says; the cotangent of z has another name on both sides of its line."""
    found = sd.gradient("z = W @ x\ndelta_z = 2*z\nsum(delta_z * tanh(delta_z))", "W", W="o n", x="n")
    with beside(found.subject):
        lines = [line.split(" = ")[0].strip() for line in found.text("matrix").splitlines()]
    assert "g_z" in lines and "δ_z" not in lines


@pytest.mark.parametrize(
    ("text", "shapes", "shown"),
    [
        ("J_N @ N(x)", {"J_N": "m o", "N": "n -> o", "x": "n"}, r"J_N\,J_{(N)}"),
        ("j_L @ x + L(x)", {"j_L": "n", "L": "n -> ", "x": "n"}, "j_{(L)}+j_L"),
    ],
)
def test_a_name_is_no_derivative_of_ours(text: str, shapes: dict[str, str], shown: str) -> None:
    found = sd.gradient if "L(" in text else sd.jacobian
    assert found(text, "x", shapes=shapes).result.latex() == shown


def test_a_unit_vector_is_no_name() -> None:
    found = sd.gradient("e_0 @ x + x[0]", "x", e_0="3", x="3").result
    assert found.text() == "1[i = 0] + e_0" or found.text() == "e_0 + 1[i = 0]"
