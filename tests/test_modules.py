"""Modules are thin: their program is a text, their parameters are SymPy matrices."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from symderiv import modules as sd
from symderiv.build import apply, name
from symderiv.errors import ParseError, ShapeError, SymderivError
from symderiv.frontend.inputs import parse, to_expr
from symderiv.functions import MODULES
from symderiv.losses import LOSS_MODULES
from symderiv.modules import CLASSES, Abstract, Dropout, Elementwise, Identity, Input, Linear, Residual, Sequential

n, h, o = sp.symbols("n h o", integer=True, positive=True)


def mlp():
    return Linear("n", "h", name="1") >> sd.Tanh() >> Linear("h", "o", name="2")


def test_two_layers_are_called_as_in_a_textbook():
    net = mlp() >> sd.Softmax() >> sd.LogLikelihood(target="y")
    assert net.program().splitlines() == [
        "z = W1 @ x + b1", "a = tanh(z)", "u = W2 @ a + b2", "p = softmax(u)", "log_likelihood(p, y)",
    ]  # fmt: skip
    assert net.shapes() == {"x": "n", "W1": "h n", "b1": "h", "W2": "o h", "b2": "o", "y": "o"}
    assert net.parameters == {
        "W1": sp.MatrixSymbol("W1", h, n), "b1": sp.MatrixSymbol("b1", h, 1),
        "W2": sp.MatrixSymbol("W2", o, h), "b2": sp.MatrixSymbol("b2", o, 1),
    }  # fmt: skip
    assert list(net.parameters) == ["W1", "b1", "W2", "b2"]
    assert net.input == sp.MatrixSymbol("x", n, 1)
    value, environment, _ = to_expr(net)
    assert value is parse("z = W1@x + b1; a = tanh(z); u = W2@a + b2; p = softmax(u); y @ log(p)", net.shapes())[0]
    assert list(environment.names) == ["z", "a", "u", "p"]


def test_a_module_without_a_loss_ends_in_its_name():
    assert mlp().program().splitlines()[-1] == "u = W2 @ a + b2"
    assert to_expr(mlp())[0] is to_expr(mlp())[1].names["u"]


def test_letters_are_numbered_where_needed():
    net = Linear("n", "h") >> sd.ReLU() >> Linear("h", "h") >> sd.ReLU() >> Linear("h", 10) >> sd.CrossEntropy()
    assert net.program().splitlines() == [
        "z1 = W1 @ x + b1", "a1 = relu(z1)", "z2 = W2 @ a1 + b2", "a2 = relu(z2)", "u = W3 @ a2 + b3",
        "cross_entropy(u, y)",
    ]  # fmt: skip
    assert net.shapes()["W3"] == "10 h" and net.shapes()["y"] == "10"


def test_names_that_are_taken_are_avoided():
    net = Input("n", name="z") >> Linear("n", "h") >> sd.Tanh() >> Linear("h", "o") >> sd.MSE(target="u")
    assert net.program().splitlines() == ["z1 = W1 @ z + b1", "a = tanh(z1)", "u1 = W2 @ a + b2", "mse(u1, u)"]
    assert to_expr(net)[0].shape == ()


def test_a_batch_has_samples_in_its_rows():
    net = (
        Input("n", name="X", batch="m")
        >> Linear("n", "h")
        >> sd.Tanh()
        >> Linear("h", "o")
        >> sd.CrossEntropy(target="Y")
    )
    assert net.program().splitlines()[0] == "z = X @ W1.T + b1"
    assert net.shapes()["X"] == "m n" and net.shapes()["Y"] == "m o" and net.input.shape[0].name == "m"
    text = "z = X @ W1.T + b1; a = tanh(z); u = a @ W2.T + b2; -sum(Y*log_softmax(u))/m"
    assert to_expr(net)[0] is parse(text, net.shapes())[0]


def test_residual_norms_and_the_rest():
    net = (
        Linear("n", "h")
        >> sd.LayerNorm("h")
        >> sd.GELU()
        >> Residual(Linear("h", "h"), sd.ReLU())
        >> Dropout(0.1)
        >> Identity()
    )
    assert net.program().splitlines() == [
        "z = W1 @ x + b1", "s = g * layer_norm(z) + c", "a1 = gelu(s)", "u = W2 @ a1 + b2", "a2 = relu(u)",
        "r = a1 + a2",
    ]  # fmt: skip
    assert to_expr(net)[0].shape == ("h",)
    assert sd.RMSNorm().program() == "s = rms_norm(x)"
    assert (sd.RMSNorm("n", eps=0.5) >> sd.RMSNorm("n")).program().splitlines() == [
        "s1 = g1 * rms_norm(x, eps=1/2)", "s2 = g2 * rms_norm(s1)"]  # fmt: skip


def test_generic_and_abstract_modules():
    net = Linear("n", "h", bias=False) >> Elementwise("f")
    assert net.program() == "u = W @ x\na = f(u)" and list(net.parameters) == ["W"]
    value, environment, _ = to_expr(net)
    assert value is name("a", apply("f", environment.names["u"], generic=True))
    net = Input("n", name="w") >> Abstract("N", "n -> o") >> Abstract("L", "o -> ")
    assert to_expr(net)[0] is parse("u = N(w); L(u)", {"w": "n", "N": "n -> o", "L": "o -> "})[0]


@pytest.mark.parametrize("cls", [*MODULES, *LOSS_MODULES])
def test_every_row_is_a_module(cls):
    module = getattr(sd, cls)()
    value, environment, _ = to_expr(module)
    assert value.shape == (() if cls in LOSS_MODULES else ("n",))
    assert environment.symbols["x"].shape == ("n",)
    assert cls in repr(module) and CLASSES[cls] is type(module) and type(module).__doc__
    net = Input("n", name="X", batch="m") >> getattr(sd, cls)()
    assert to_expr(net)[0].shape == (() if cls in LOSS_MODULES else ("m", "n"))


def test_parameters_of_rows():
    assert sd.LeakyReLU(slope=0.2).program() == "a = leaky_relu(x, slope=1/5)"
    assert sd.Softmax(axis=0).program() == "p = softmax(x, axis=0)"
    assert sd.Huber(delta=2, reduction="sum").program() == 'huber(x, y, delta=2, reduction="sum")'
    assert to_expr(sd.LeakyReLU(slope=0.2))[0].body.params[0] == sp.Rational(1, 5)


def test_shapes_given_by_the_user():
    assert to_expr(sd.Tanh(), {"x": "m n"})[0].shape == ("m", "n")
    with pytest.raises(ShapeError, match="k and h"):
        to_expr(Linear("n", "h"), {"W": "k n"})


def test_composition_is_associative():
    a, b, c = Linear("n", "h"), sd.Tanh(), Linear("h", "o")
    assert ((a >> b) >> c).program() == (a >> (b >> c)).program() == Sequential(a, b, c).program()
    assert repr(a >> b) == "Linear('n', 'h') >> Tanh()"


BAD = [
    (
        lambda: Linear("n", "h") >> sd.Tanh() >> Linear("k", "o"),
        ShapeError,
        ["Tanh() gives h", "Linear('k', 'o') takes k"],
    ),
    (lambda: sd.MSE() >> sd.Tanh(), ShapeError, ["MSE(target='y') gives a scalar", "Tanh()"]),
    (lambda: Residual(Linear("n", "h")), ShapeError, ["size n, to h"]),
    (lambda: Linear("n", "h", name="1") >> Linear("h", "h", name="1"), ParseError, ["'W1'"]),
    (lambda: Linear("n n", "h"), ShapeError, ["one dimension"]),
    (lambda: Linear("n", "h") >> sd.MSE(target="x"), ParseError, ["'x'"]),
    (lambda: sd.Tanh(slope=1), ParseError, ["no parameter 'slope'"]),
    (lambda: sd.MSE(weight=1), ParseError, ["no parameter 'weight'"]),
    (lambda: sd.LeakyReLU(slope="s").program(), SymderivError, ["number"]),
    (lambda: mlp() >> 3, SymderivError, ["int"]),
    (lambda: Sequential(), SymderivError, ["at least one"]),
    (lambda: sd.Tanh() >> Input("n"), SymderivError, ["can't follow"]),
    (lambda: Abstract("N", "n, m -> o"), ShapeError, ["signature"]),
    (lambda: Input("n", name="a b").program(), ParseError, ["not a name"]),
]


@pytest.mark.parametrize(("make", "kind", "words"), BAD)
def test_errors(make, kind, words):
    with pytest.raises(kind) as caught:
        make()
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("slope", [float("nan"), float("inf"), "1", [1]])
def test_a_parameter_that_is_no_number_is_refused(slope):
    with pytest.raises(SymderivError, match="must be a number"):
        (Linear("n", "h") >> CLASSES["LeakyReLU"](slope=slope)).program()


def test_a_parameter_may_be_a_number_of_numpy():
    assert "slope=1/10" in (Linear("n", "h") >> CLASSES["LeakyReLU"](slope=np.float64(0.1))).program()


@pytest.mark.parametrize("reduction", ["{9}", "avg", 3])
def test_a_reduction_is_one_of_three(reduction):
    with pytest.raises(ParseError, match="no reduction"):
        CLASSES["CrossEntropy"](reduction=reduction)
