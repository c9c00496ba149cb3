"""Comparisons as values: 1 where they hold and 0 elsewhere, as NumPy has them; `where` over them."""
import numpy as np
import pytest

import symderiv as sd
from symderiv.errors import NoRuleError, ParseError, ShapeError, UnknownNameError
from tests.oracles import value_of

X = np.array([-2.0, -1.0, -0.25, 0.0, 0.5, 1.0, 3.0])
SHAPES = {"x": "7", "c": ""}
TEXTS = [
    "(x > 0) * x", "(x >= 0) + (x < 0)", "(x <= c) * (x - c)", "sum((x > 0))", "where(x > 0, x, 0.1*x)", "where(x >= 0, 1, -1)",
    "where(abs(x) <= 1, x**2/2, abs(x) - 1/2)", "where((0 < x)*(x < 1), x, 0)", "where(x < c, c, x)", "m = (x > 0); where(m, x, -x)",
    "where(x > 0, 0, 0)", "where(x > 0, x, exp(x) - 1)", "np.where(x[1:] > x[:-1], x[1:], 2)",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("c", [-1.0, 0.5])
def test_a_comparison_has_numpys_value_also_where_both_sides_are_equal(text, c):
    *lines, last = text.split("; ")
    names = {"x": X, "c": c, "np": np, "where": np.where, "abs": abs, "exp": np.exp, "sum": np.sum}
    for line in lines:
        name, value = line.split(" = ")
        names[name] = eval(value, dict(names))
    expected = eval(last, dict(names))
    given = {"x": X, "c": np.array(c)}
    np.testing.assert_allclose(value_of(sd.parse(text, shapes=SHAPES), given), expected, rtol=1e-15)


@pytest.mark.parametrize("text", [t for t in TEXTS if not t.startswith("sum")])
def test_and_is_differentiated_piece_by_piece(text):
    found = sd.jacobian(text, "x", shapes=SHAPES)
    assert found.verify(trials=4)
    assert found.replay() is found.result


def test_huber_by_cases_is_hubers_loss():
    by_cases = "mean(where(abs(u - y) <= 1, (u - y)**2/2, abs(u - y) - 1/2))"
    assert sd.prove(by_cases, "huber(u, y)", u="n", y="n").status == "proved"
    assert sd.prove(by_cases.replace("- 1/2", "- 1/3"), "huber(u, y)", u="n", y="n").status == "refuted"
    assert sd.prove("where(x > 0, x, 0)", "relu(x)", x="n").status == "proved"


def test_a_python_function_is_read_so_too():
    def leaky(x):
        return np.where(x > 0, x, 0.1 * x)

    assert sd.parse("where(x > 0, x, 0.1*x)", x="n") is sd.jacobian(leaky, "x", x="n").subject
    value = sd.jacobian(lambda x: (x < 1) * x + x * (x >= 1), "x", x="n")
    assert value.verify(trials=3)


def test_shapes_that_dont_fit_are_shown():
    with pytest.raises(ShapeError, match="x > y"):
        sd.parse("sum((x > y))", x="n", y="m")


@pytest.mark.parametrize(("text", "error", "words"), [
    ("sum((0 < x < 1))", ParseError, ["chained", "(0 < x)*(x < 1)"]),
    ("x > 0", ParseError, ["comparison", "with its brackets"]),
    ("sum((x == 0))", ParseError, ["comparison", "== has no such value"]),
    ("where(x, 1, 0)", ParseError, ["where takes a comparison", "where(x > 0, x, 0)"]),
    ("where(2*(x > 0), 1, 0)", ParseError, ["where takes a comparison"]),
    ("where(x > 0)", ParseError, ["where takes 3 arguments"]),
    ("x if x > 0 else 0", ParseError, ["where(x > 0, x, y)"]),
    ("max(0, x[0])", ParseError, ["maximum(x, y)"]),
    ("min(x[0], 0)", ParseError, ["minimum(x, y)"]),
    ("I(n) @ x", NoRuleError, ["eye(n)"]),
    ("F.sum()", UnknownNameError, ["'F'"]),
])  # fmt: skip
def test_what_cant_be_read_says_what_to_write(text, error, words):
    with pytest.raises(error) as caught:
        sd.parse(text, x="n")
    assert not [word for word in words if word not in str(caught.value)], caught.value


def test_torchs_names():
    given = {"X": "m n"}
    assert sd.parse("F.softmax(X, dim=0)", shapes=given) is sd.parse("softmax(X, axis=0)", shapes=given)
    assert sd.parse("torch.sum(X, dim=1, keepdim=True)", shapes=given) is sd.parse("X.sum(axis=1, keepdims=True)", shapes=given)
    assert sd.parse("F.sum() + F.T[0, 0]", F="m n").shape == ()  # a symbol of that name keeps its methods
