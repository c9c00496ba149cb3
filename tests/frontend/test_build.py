"""Texts mean what NumPy makes of them, and errors show the text, a caret and both shapes."""

from __future__ import annotations

import numpy as np
import pytest
from ir_values import arrays, expr_value, text_value

from symderiv.build import apply, call, name, size, symbol
from symderiv.errors import (
    AssumptionError,
    NoRuleError,
    ParseError,
    ShapeError,
    SymderivError,
    UnknownNameError,
)
from symderiv.frontend.build_text import build_text
from symderiv.frontend.environment import declare
from symderiv.frontend.inputs import parse, to_expr
from symderiv.frontend.rows import definition_of, derivative_of, has_definition
from symderiv.functions import SCALAR, TENSOR
from symderiv.ir import Name

SHAPES = {
    "W": "o n", "x": "n", "b": "o", "y": "o", "X": "m n", "Y": "m n", "A": "n n", "C": "n n", "V": "p q", "t": "",
    "T": "m n o", "c": "m", "w": "n", "one": "1 n", "col": "m 1", "f": "elementwise", "N": "n -> o", "L": "o -> ",
    "B": "m, n -> m", "k": "m",
}  # fmt: skip

TEXTS = """
W @ x + b
x @ W.T * b
X @ W.T + b
-x
+x - -w
2*x/3 - w*0.125 + 1e-2
x + 1
1 - x
X*x + col
one*X
X - X.T.T
x @ w
x @ A @ w
T @ W @ x
X @ T
T.T @ c
x**2
x**0.5
x**-1.5
2**x
e**x
(x + w)**3
x**w
x**t
t**(1/2)
sqrt(x)
square(x) + reciprocal(w)
power(x, 3)
tanh(W @ x)
f(A @ x)
gelu(x) + silu(w)
leaky_relu(x - 1, slope=0.3)
leaky_relu(x - 1, slope=t)
softmax(x)
softmax(X, axis=0)
softmax(X)
log_softmax(X)
logsumexp(X)
logsumexp(X, axis=1)
logsumexp(X, axis=(0, 1), keepdims=True)
X - logsumexp(X, axis=0, keepdims=True)
logsumexp(T, axis=(0, 2))
sum(X)
sum(X, axis=0)
sum(X, 1)
sum(T, axis=(0, -1))
sum(X, axis=-1, keepdims=True)
x.sum() + X.mean(axis=0)
mean(T, axis=(1, 2))
var(X, axis=1)
std(x)
norm(x) + norm(X)
norm(X, axis=0)
max(X, axis=1)
maximum(x, w)
minimum(x, 1)
layer_norm(X)
trace(A) + trace(A @ C.T)
det(A) + logdet(A)
inv(A)
solve(A, x)
diag(x)
diag(A)
A @ diag(x)
outer(x, b)
kron(A, V)
kron(x, b)
kron(X, x)
trace(kron(A, C))
vec(V)
vec(X) @ vec(Y)
kron(A, W) @ vec(A @ C)
dot(x, w)
dot(X, A)
inner(X, Y)
einsum("ij,j->i", W, x)
einsum("ij,kj", X, Y)
einsum("ii->i", A)
einsum("ijk->kij", T)
einsum("ij,ij->", X, Y)
transpose(X)
sum((X @ x - c)**2)/m
sum(x)/n + size(X) + size(X, 1) + len(X)
x[:, None]*b
X[:, None, :] + A
T[None].sum(axis=0)
ones(n) - x + zeros((n,))
eye(n)*t + A
ones((m, n)) * X
pi*x + e
N(x) @ y
L(N(x))
B(c, x)
mse(X, Y)
mse(x, w)
mse(x, 0)
huber(X, Y, delta=0.25)
cross_entropy(x, softmax(w))
cross_entropy(X, softmax(Y))
z = W @ x + b; a = tanh(z); -y @ log_softmax(a)
z = X @ W.T\\nz2 = z*z\\nz2 @ b
n2 = sum(x*x); x/sqrt(n2)
u = W @ x
"""
CASES = [line.replace("\\n", "\n") for line in TEXTS.strip().splitlines()]


@pytest.mark.parametrize("text", CASES)
def test_meaning(text):
    values = arrays(SHAPES)
    value, assigned = build_text(text, declare(SHAPES))
    wanted = np.asarray(text_value(text, values))
    got = expr_value(value, values)
    assert got.shape == wanted.shape
    assert got == pytest.approx(wanted, rel=1e-12)
    assert all(expr_value(v, values).shape is not None for v in assigned.values())


def test_meaning_has_a_control():
    values = arrays(SHAPES)
    for text, wrong in (("x @ A @ w", "x @ A.T @ w"), ("sum(X, axis=0)", "X[0]"), ("kron(A, V)", "kron(A.T, V)")):
        value = build_text(text, declare(SHAPES))[0]
        assert not np.allclose(expr_value(value, values), text_value(wrong, values))


def test_names_are_nodes():
    value, names = build_text("z = W @ x; a = tanh(z)", declare(SHAPES))
    assert isinstance(value, Name) and value is names["a"] and value.role == "user"
    assert value.body is apply("tanh", names["z"])
    assert names["z"] is name("z", build_text("W @ x", declare(SHAPES))[0])


def test_declared_names_come_first():
    shapes = {"x": "n", "n": "n", "e": ""}
    assert build_text("n", declare(shapes))[0] is symbol("n", ("n",))
    assert build_text("e", declare(shapes))[0] is symbol("e")
    assert build_text("n", declare({"x": "n"}))[0] is size("n")
    assert build_text("m", declare({"x": "m*q"}))[0] is size("m")


def test_spellings_are_one_node():
    environment = declare(SHAPES)
    same = [["sqrt(x)", "x**0.5", "x**(1/2)", "np.sqrt(x)", "power(x, 1/2)"], ["swish(x)", "silu(x)"],
            ["softmax(x)", "softmax(x, axis=0)", "softmax(x, -1)"], ["logsumexp(x)", "logsumexp(x, axis=-1)"],
            ["X.sum(axis=1)", "np.sum(X, axis=-1)", "sum(X, (1,))"], ["mse(x, w)", "mse(input=x, target=w)"],
            ["x/2", "0.5*x", "x*1/2", "5e-1*x"], ["log_softmax(x)", "x - logsumexp(x)"]]  # fmt: skip
    for texts in same:
        assert len({build_text(text, environment)[0] for text in texts}) == 1, texts


ERRORS = [
    ("tanh(W @ y)", ShapeError, "W @ y", ["o×n", " o "]),
    ("x + b", ShapeError, "x + b", ["n and o"]),
    ("1 + softmax(W @ (x + b))", ShapeError, "(x + b)", ["n and o"]),
    ("y * W", ShapeError, "y * W", ["o and o×n", "did you mean '@'"]),
    ("W @ y", ShapeError, "W @ y", ["did you mean W.T @ y?"]),
    ("x @ W", ShapeError, "x @ W", ["did you mean x @ W.T?"]),
    ("X @ Y", ShapeError, "X @ Y", ["m×n", "did you mean '*'"]),
    ("sum(x, axis=1)", ShapeError, "sum(x, axis=1)", ["axis 1"]),
    ("trace(X)", ShapeError, "trace(X)", ["m×n"]),
    ("det(X)", ShapeError, "det(X)", ["square"]),
    ("N(b)", ShapeError, "N(b)", ["n", "o"]),
    ("einsum('ij,j->i', W, y)", ShapeError, "einsum('ij,j->i', W, y)", ["n and o"]),
    ("mse(x, b)", ShapeError, "mse(x, b)", ["n and o"]),
    ("softmax(t)", ShapeError, "softmax(t)", ["scalar"]),
    ("x/0", ShapeError, "x/0", ["zero"]),
    ("x[:, :]", ShapeError, "x[:, :]", ["n"]),
    ("outer(X, x)", ShapeError, "outer(X, x)", ["m×n"]),
    ("W @ hh", UnknownNameError, "hh", ["hh='n'"]),
    ("Wx @ x", UnknownNameError, "Wx", ["did you mean"]),
    ("sofmax(x)", UnknownNameError, "sofmax", ["did you mean 'softmax'"]),
    ("qqq(x)", UnknownNameError, "qqq", ['"elementwise"']),
    ("x(2)", ParseError, "x(2)", ["no function"]),
    ("f", ParseError, "f", ["f(…)"]),
    ("N", ParseError, "N", ["a module n → o"]),
    ("N(x, x)", ParseError, "N(x, x)", ["1 argument (n); 2"]),
    ("N(x=x)", ParseError, "N(x=x)", ["keywords"]),
    ("f(x, x)", ParseError, "f(x, x)", ["1 argument"]),
    ("tanh()", ParseError, "tanh()", ["none was given"]),
    ("softmax(x, dims=0)", ParseError, "softmax(x, dims=0)", ["no 'dims='", "axis="]),
    ("softmax(x, axis=0.5)", ParseError, "softmax(x, axis=0.5)", ["whole"]),
    ("softmax(x, axis=x)", ParseError, "softmax(x, axis=x)", ["number"]),
    ("sum(x, keepdims=1)", ParseError, "sum(x, keepdims=1)", ["True or False"]),
    ("norm(x, -3)", NoRuleError, "norm(x, -3)", ["ord=-3", "norm(X, 2)"]),
    ("mse(x)", ParseError, "mse(x)", ["'target' is missing"]),
    ('mse(x, w, reduction="all")', ParseError, 'mse(x, w, reduction="all")', ['"mean"']),
    ('x + sum("ij")', ParseError, 'sum("ij")', ["quotes"]),
    ("x + (1, 2)", ParseError, "x + (1, 2)", ["tuple"]),
    ("eye(x)", ParseError, "eye(x)", ["size"]),
    ("x = 3; x", ParseError, "x", ["declared as an array of shape n"]),
    ("x[0, 1]", ShapeError, "x[0, 1]", ["2 indices"]),
    ("argmax(x)", NoRuleError, "argmax(x)", ["derivative"]),
    ("0**-1", SymderivError, "0**-1", ["zero"]),
    ("(-2)**0.5", SymderivError, "(-2)**0.5", ["negative"]),
]


@pytest.mark.parametrize(("text", "kind", "guilty", "words"), ERRORS, ids=[e[0] for e in ERRORS])
def test_errors_show_the_text(text, kind, guilty, words):
    with pytest.raises(kind) as caught:
        build_text(text, declare(SHAPES))
    error = caught.value
    assert error.text == text
    start, stop = error.span
    assert text[start:stop] == guilty
    shown = str(error)
    lines = shown.splitlines()
    assert lines[1].strip() == text
    assert lines[2].count("^") == len(guilty) and lines[2].index("^") == 4 + start
    assert all(word in shown for word in words), shown


def test_errors_inside_a_definition_show_the_users_call():
    with pytest.raises(ShapeError) as caught:
        build_text("1 + layer_norm(x, axis=3)", declare(SHAPES))
    assert "layer_norm(x, axis=3)" in str(caught.value) and "keepdims" not in str(caught.value)


def test_declarations():
    with pytest.raises(ParseError, match="in the shape of 'W'"):
        declare({"W": "o n n+"})
    with pytest.raises(ParseError, match="function of the table"):
        declare({"tanh": "n -> n"})
    with pytest.raises(ParseError, match="not a name"):
        declare({"a b": "n"})
    with pytest.raises(SymderivError):
        to_expr(3)
    assert parse("x", {"x": "n", "unused": "m"})[0] is symbol("x", ("n",))


def test_deep_texts():
    text = "z0 = tanh(W @ x)\n" + "\n".join(f"z{k} = tanh(W @ z{k - 1})" for k in range(1, 500))
    assert parse(text, {"W": "n n", "x": "n"})[0].shape == ("n",)
    assert parse(" + ".join(["x"] * 3000), {"x": "n"})[0] is build_text("3000*x", declare({"x": "n"}))[0]


# ---------------------------------------------------------------- the tables
def test_every_row_can_be_built():
    v = symbol("v", ("m", "n"))
    for row in SCALAR.values():
        node = apply(row.name, v, [default for _, default in row.params])
        assert build_text(f"{row.name}(v)", declare({"v": "m n"}))[0] is node
        assert derivative_of(node).shape == v.shape
        assert not has_definition(node) or definition_of(node).shape == v.shape
    for row in TENSOR.values():
        arguments = ["a", "b"][: len(row.arguments)]
        value = build_text(f"{row.name}({', '.join(arguments)})", declare({"a": "n n", "b": "n n"}))[0]
        assert not has_definition(value) or definition_of(value).shape == value.shape


def test_definitions_mean_their_functions():
    values = arrays(SHAPES)
    for text in (
        "softmax(X)",
        "softmax(X, axis=0)",
        "logsumexp(X, axis=1)",
        "logsumexp(T, axis=(0, 2))",
        "logsumexp(T)",
    ):
        value = build_text(text, declare(SHAPES))[0]
        opened = definition_of(value)
        assert opened is not value
        assert expr_value(opened, values) == pytest.approx(expr_value(value, values), rel=1e-12)
    with pytest.raises(NoRuleError):
        definition_of(call("inv", (symbol("A", ("n", "n")),), ("n", "n")))
    with pytest.raises(NoRuleError):
        derivative_of(apply("f", symbol("x", ("n",)), generic=True))


# ---------------------------------------------------------------- assumptions
def facts(assume):
    return parse("u = W @ x; u @ y", SHAPES, assume)[2]


def test_facts():
    y, x = symbol("y", ("o",)), symbol("x", ("n",))
    (total,) = facts("sum(y) == 1")
    assert (total.kind, total.subject, total.axes, total.text) == ("sum", y, (0,), "sum(y) == 1")
    assert [f.axes for f in facts(["sum(X, axis=1) == 1", "X.sum(axis=0) == x", "1 == sum(T, -1)"])] == [
        (1,),
        (0,),
        (2,),
    ]
    (square,) = facts("y**2 == 1")
    assert square.kind == "equal" and square.value.shape == ("o",)
    assert [f.kind for f in facts("x > 0, w >= 0, 0 > c, k <= 0")] == [
        "positive",
        "nonnegative",
        "negative",
        "nonpositive",
    ]
    assert next(iter(facts("0 < x"))).subject is x
    assert next(iter(facts("u < 0"))).subject.name == "u"
    assert facts("onehot(y)").find(y, "sum") is not None
    assert facts("convex(L)").find("L", "convex") is not None
    assert [f.kind for f in facts("norm(x) == 1")] == ["equal", "equal"]
    assert {f.text for f in facts("0 < x < 1")} == {"0 < x", "x < 1"}


def test_symmetric_symbols_are_their_own_transposes():
    for fact in ("symmetric(A)", "psd(A)", "pd(A)", "diagonal(A)"):
        value, environment, found = parse("A.T", SHAPES, fact)
        assert value is environment.symbols["A"] and found.find(value, fact[:-3]) is not None
    assert parse("A.T", SHAPES, "orthogonal(A)")[0] is not symbol("A", ("n", "n"))


BAD_FACTS = [
    ("onehot(z)", "isn't there"), ("sum(yy) == 1", "'yy'"), ("symmetric(W)", "square"), ("onehot(t)", "scalar"),
    ("convex(M)", "isn't there"), ("x > 0, x < 0", "contradicts"), ("x <= 0; x > 0", "contradicts"),
    ("sum(y) == 1, sum(y) == 2", "contradicts"), ("onehot(y), y < 0", "contradicts"),
    ("1 < 2", "no"), ("x == y", "n and o"),
    ("t == x", "scalar and n"), ("x == x", "always"), ("nice(A)", "unknown property"),
]  # fmt: skip


@pytest.mark.parametrize(("assume", "word"), BAD_FACTS, ids=[b[0] for b in BAD_FACTS])
def test_bad_facts(assume, word):
    with pytest.raises(AssumptionError) as caught:
        facts(assume)
    assert word in str(caught.value) and assume in str(caught.value) and "^" in str(caught.value)


def test_expressions_as_input():
    value, _, _ = parse("z = A @ x; f(N(z)) @ y", SHAPES)
    again, environment, found = to_expr(value, {}, ["symmetric(A)", "sum(z) == 1", "convex(N)"])
    assert environment.symbols["A"].props == {"symmetric"} and again is not value
    assert "z" in environment.names and environment.describe("N") == "a module n → o"
    assert len(found.facts) == 3
    with pytest.raises(ShapeError, match="is declared as"):
        to_expr(value, {"A": "n m"})


def test_large_powers_end():
    for text in ("t**1e30", "(1/3)**999", "x**-77777"):
        assert build_text(text, declare(SHAPES))[0] is not None
