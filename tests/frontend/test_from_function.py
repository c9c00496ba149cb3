"""Python functions are traced to the same expressions as their texts."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from symderiv import sympy_functions as sd
from symderiv.errors import NoRuleError, ParseError, ShapeError, SymderivError, UnknownNameError
from symderiv.evaluate import evaluate
from symderiv.frontend.from_function import from_function
from symderiv.frontend.inputs import parse, to_expr

SHAPES = {"W": "o n", "x": "n", "y": "o", "X": "m n", "A": "n n", "t": ""}

CASES = [
    (lambda W, x: np.tanh(W @ x), "tanh(W @ x)"),
    (lambda x, t: 2 * x / 3 - x * 0.5 + 1 - t**2 + 2**x, "2*x/3 - x*0.5 + 1 - t**2 + 2**x"),
    (lambda x: -(+x) + abs(x) + np.abs(x), "-x + 2*abs(x)"),
    (lambda x, y, W: y.T @ W @ x, "y @ W @ x"),
    (lambda X: X.sum(axis=0) + np.sum(X, axis=0) + X.mean(axis=0), "2*sum(X, axis=0) + mean(X, axis=0)"),
    (lambda X: X.T @ X / X.shape[0], "X.T @ X / m"),
    (lambda X: X / X.size + X.ndim, "X/size(X) + 2"),
    (lambda X, x: (X - X.mean(axis=1, keepdims=True)) @ x, "(X - mean(X, axis=1, keepdims=True)) @ x"),
    (lambda x: np.exp(x) / np.exp(x).sum(), "exp(x)/sum(exp(x))"),
    (lambda x: np.maximum(x, 0) + np.minimum(x, 1) + np.sqrt(x), "maximum(x, 0) + minimum(x, 1) + sqrt(x)"),
    (lambda x: np.log10(x) + np.log2(x), "log(x)/log(10) + log(x)/log(2)"),
    (lambda x: np.multiply(x, 2) - np.divide(1, x) + np.power(x, 3) + np.square(x), "2*x - 1/x + x**3 + x**2"),
    (lambda A: np.linalg.inv(A) + np.trace(A) * np.diag(np.diag(A)) + np.linalg.det(A),
     "inv(A) + trace(A)*diag(diag(A)) + det(A)"),
    (lambda A, x: np.linalg.solve(A, x) * np.linalg.norm(x), "solve(A, x)*norm(x)"),
    (lambda A: np.linalg.slogdet(A)[1], "logdet(A)"),
    (lambda W, x: np.einsum("ij,j->i", W, x), 'einsum("ij,j->i", W, x)'),
    (lambda x, y: np.outer(x, y) + np.kron(x[:, None], y[None, :]), "outer(x, y) + kron(x[:, None], y[None, :])"),
    (lambda A, x: np.dot(A, x) + A.dot(x) + np.matmul(A, x), "3*(A @ x)"),
    (lambda x: np.add.reduce(x) * np.array(2.0) + np.float64(0.5) + math.pi, "2*sum(x) + 0.5 + pi"),
    (lambda x: sd.softmax(x) + sd.gelu(x), "softmax(x) + gelu(x)"),
    (lambda W, x, y: sd.cross_entropy(W @ x, y), "cross_entropy(W @ x, y)"),
    (lambda X: np.var(X, axis=1) + np.max(X, axis=1) + X.max(axis=-1), "var(X, axis=1) + 2*max(X, axis=1)"),
    (lambda x: 3, "3"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "text"), CASES, ids=[text for _, text in CASES])
def test_same_as_the_text(function, text):
    assert to_expr(function, SHAPES)[0] is parse(text, SHAPES)[0]


def test_modules_and_generic_functions():
    shapes = {"w": "n", "N": "n -> o", "L": "o -> ", "f": "elementwise"}
    value, environment, facts = to_expr(lambda w, N, L, f: L(f(N(w))), shapes, "convex(L)")
    assert value is parse("L(f(N(w)))", shapes)[0]
    assert environment.describe("N") == "a module n → o" and facts.find("L", "convex")


def test_local_names_are_kept():
    def network(W1, b1, W2, x):
        z = W1 @ x + b1
        a = np.tanh(z)
        u = W2 @ a
        return np.sum(u * u)

    shapes = {"W1": "h n", "b1": "h", "W2": "o h", "x": "n"}
    value, environment, _ = to_expr(network, shapes)
    assert value is parse("z = W1 @ x + b1; a = tanh(z); u = W2 @ a; sum(u * u)", shapes)[0]
    assert list(environment.names) == ["z", "a", "u"]


def test_names_that_are_taken():
    def loop(A, x, depth=3):
        for _ in range(depth):
            x = np.tanh(A @ x)
        return x

    value, environment = from_function(loop, {"A": "n n", "x": "n"})
    assert list(environment.names) == ["x2", "x3", "x4"]
    assert value is environment.names["x4"]


def test_the_tracing_leaves_nothing_behind():
    before = sys.gettrace()
    with pytest.raises(ShapeError):
        from_function(lambda W, x: x @ W, SHAPES)
    assert sys.gettrace() is before


def decides(x):
    if x.sum() > 0:
        return x
    return -x


def loops(x):
    total = 0
    for entry in x:
        total = total + entry
    return total


BAD = [
    (lambda W, x: W.T @ x, ShapeError, ["n×o and n", "W.T @ x"]),
    (decides, NoRuleError, ["decision", "if x.sum() > 0:", "relu"]),
    (lambda x: x if x else -x, NoRuleError, ["decision"]),
    (loops, NoRuleError, ["loop over the entries", "for entry in x:"]),
    (lambda x: x == 0, NoRuleError, ["comparison"]),
    (lambda x: math.exp(x), NoRuleError, ["math module"]),
    (lambda x: np.asarray(x), NoRuleError, ["entries"]),
    (lambda x: np.where(x, 1, 0), ParseError, ["where takes a comparison"]),
    (lambda x: np.arctan2(x, x), UnknownNameError, ["arctan2"]),
    (lambda x: x[0, 1], ShapeError, ["2 indices"]),
    (lambda x: x + np.ones(3), NoRuleError, ["make it an argument"]),
    (lambda x: x + None, NoRuleError, ["NoneType"]),
    (lambda x: x.reshape(3), ShapeError, ["can't be reshaped to 3"]),
    (lambda x: range(len(x)), NoRuleError, ["x.shape[0]"]),
    (lambda x: (x, x), SymderivError, ["tuple", "one array"]),
    (lambda x: None, SymderivError, ["NoneType", "return"]),
    (lambda x: {}["k"], SymderivError, ["KeyError"]),
    (lambda q: q, UnknownNameError, ["'q' has no shape", "q='n'"]),
    (lambda *args: args, ParseError, ["args"]),
    (lambda x: np.exp(x, out=np.zeros(3)), NoRuleError, ["out="]),
    (lambda x: np.multiply.outer(x, x), NoRuleError, ["np.outer"]),
    (lambda x: x * float("inf"), NoRuleError, ["inf"]),
    (lambda x: np.linalg.norm(x, -3), NoRuleError, ["ord=-3"]),
]


@pytest.mark.parametrize(("function", "kind", "words"), BAD)
def test_errors(function, kind, words):
    with pytest.raises(kind) as caught:
        to_expr(function, {"x": "n", "W": "o n"})
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert not isinstance(caught.value, AttributeError)


def changed_in_place(x):
    z = x * 2
    y = z
    z += x
    return y


def view_changed(x):
    z = x + 0
    y = z[1:]
    y += 1
    return z


def grown(x):
    z = x * 1
    z += np.ones((2, 1)) * 0 + 1
    return z


def test_who_holds_an_array_sees_that_it_changes():
    values = {"x": np.array([0.5, -1.0, 2.0])}
    found = evaluate(from_function(changed_in_place, {"x": "3"})[0], values, {})
    np.testing.assert_allclose(found, changed_in_place(values["x"]))


@pytest.mark.parametrize("function", [view_changed, grown, lambda x: np.exp(x, where=False)])
def test_what_numpy_would_do_to_entries_is_refused(function):
    with pytest.raises(SymderivError):
        from_function(function, {"x": "3"})
