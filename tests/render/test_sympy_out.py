"""SymPy out: read back it is the same object, and its numbers are those of the expression."""
from __future__ import annotations

import random

import numpy as np
import pytest
import sympy

from symderiv import derivative, parse
from symderiv.build import apply, call, contract, der, name, power, symbol
from symderiv.errors import NoRuleError
from symderiv.evaluate import evaluate as values_of
from symderiv.frontend.from_sympy import from_sympy
from symderiv.functions import SCALAR
from symderiv.ir import Expr
from symderiv.lift import lift, to_sympy
from symderiv.ops import (
    add_all,
    diag,
    inverse,
    log_determinant,
    matmul,
    multiply,
    outer,
    subtract,
    sum_over,
    trace,
    transpose,
)
from tests.render.arrays import evaluate
from tests.render.random_expressions import random_contraction

A, W = symbol("A", ("n", "n")), symbol("W", ("o", "n"))
w, u = symbol("w", ("n",)), symbol("u", ("o",))


@pytest.mark.parametrize("seed", range(60))
def test_random_contractions_keep_their_numbers(seed: int) -> None:
    e = random_contraction(random.Random(3000 + seed), factors=3)
    if lift(e) is None:
        return
    expected = evaluate(e)
    back = evaluate(from_sympy(to_sympy(e)))
    assert np.allclose(back.reshape(-1), expected.reshape(-1))


@pytest.mark.parametrize("e", [
    matmul(W, w), matmul(add := subtract(A, transpose(A)), w), trace(matmul(A, add)), outer(u, w),
    matmul(inverse(A), w), multiply(u, apply("tanh", matmul(W, w))), matmul(diag(apply("exp", u)), W),
    sum_over(power(w, 2)), multiply(power(sum_over(w), -1), w),
    log_determinant(A), apply("sigmoid", w), apply("f", w, generic=True),
], ids=str)
def test_read_back_it_is_the_same_object(e: Expr) -> None:
    back = from_sympy(to_sympy(e))
    assert back is e or back.shape == e.shape


BY_CASES = sorted(fn for fn, row in SCALAR.items() if "Piecewise" in (row.sympy or ""))


@pytest.mark.parametrize("fn", BY_CASES)
def test_functions_by_cases_are_read_back(fn: str) -> None:
    e = parse(f"{fn}(w)", w="n")
    x = {"w": np.array([-7.0, -3.0, -0.6, 0.0, 0.4, 1.7, 3.0, 9.0])}
    back = from_sympy(to_sympy(e))
    assert np.allclose(values_of(back, x, {"n": 8}).reshape(-1), values_of(e, x, {"n": 8}))
    if fn == "relu":
        assert "relu" in str(back)


def test_what_sympy_would_reorder_is_written_as_it_stands() -> None:
    """|1ᵀ relu(x − p)|: SymPy's |·| turns the sign of a difference within, which a matrix doesn't allow."""
    x, p = symbol("x", ("n",)), symbol("p", ("n",))
    r = apply("relu", subtract(x, p))
    at = {"x": np.array([1.0, -2.0, 3.0]), "p": np.array([0.5, 0.4, 2.0]), "A": np.diag([1.0, 2.0, 4.0])}
    for e in (apply("softsign", sum_over(r)), log_determinant(add_all(A, outer(r, r)))):
        assert np.allclose(values_of(from_sympy(to_sympy(e)), at, {"n": 3}), values_of(e, at, {"n": 3}))


@pytest.mark.parametrize("text", [
    "reciprocal(1 + sigmoid(gelu_tanh(reciprocal(1 + sigmoid(t)))))", "sin(sinh(tanh(t)))*cos(t)", "sigmoid(tanh(t)) * (v @ v) * x",
    "relu(tanh(sigmoid(t))*t)", "tanh(elu(tanh(t)))",
])  # fmt: skip
def test_functions_within_functions(text: str) -> None:
    """SymPy isn't asked what it can't say soon: whether tanh of such a thing is real took minutes."""
    e = derivative(text, "t", t="", v="n", x="m").result
    written = to_sympy(e)
    assert {s.name for s in written.free_symbols} <= {"t", "v", "x", "n", "m"}
    at = {"t": 0.7, "v": np.array([1.0, -2.0, 3.0]), "x": np.array([0.5, 0.4])}
    assert np.allclose(values_of(from_sympy(written), at, {"n": 3, "m": 2}).reshape(-1), np.reshape(values_of(e, at, {"n": 3, "m": 2}), -1))


@pytest.mark.parametrize("text", ["exp(norm(A + outer(x, w))**2)", "norm(A + outer(x, w))**-3", "sqrt(1 + exp(sum((A + w)*(A + w))))"])
def test_powers_of_a_norm(text: str) -> None:
    e = parse(text, A="m n", x="m", w="n")
    at = {"A": np.array([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]]), "x": np.array([0.2, -0.3]), "w": np.array([0.5, 0.1, -0.4])}
    at = {name: value for name, value in at.items() if name != "x" or "x" in text.replace("exp", "")}
    assert np.allclose(values_of(from_sympy(to_sympy(e)), at, {"m": 2, "n": 3}), values_of(e, at, {"m": 2, "n": 3}))
    for of in ("A", "w"):
        assert to_sympy(derivative(text, of, A="m n", x="m", w="n").result) is not None


def test_cases_within_cases_are_written() -> None:
    """Their conditions are put together by SymPy; by hand that ended in its ZeroDivisionError."""
    written = to_sympy(derivative("elu(relu(t))", "t", t="").result)
    (t,) = written.free_symbols
    assert [float(written.subs(t, at)) for at in (-2, 3)] == [0.0, 1.0]


def test_names_are_opened() -> None:
    z = name("z", matmul(W, w))
    n, o = sympy.symbols("n o", integer=True, positive=True)
    assert to_sympy(z) == sympy.MatrixSymbol("W", o, n) * sympy.MatrixSymbol("w", n, 1)


def test_softmax_is_written_out() -> None:
    p = call("softmax", (u,), u.shape, (0,))
    e = subtract(diag(p), outer(p, p))
    U = np.arange(5.0)
    value = to_sympy(e).subs(sympy.Symbol("o", integer=True, positive=True), 5).subs(
        sympy.MatrixSymbol("u", 5, 1), sympy.Matrix(U)).doit().as_explicit().doit()
    q = np.exp(U) / np.exp(U).sum()
    assert np.allclose(np.array(value).astype(float), np.diag(q) - np.outer(q, q))


@pytest.mark.parametrize("e", [
    der(matmul(W, w), w), call("N", (w,), ("o",), abstract=True), symbol("T", ("n", "n", "n")),
    contract((W, symbol("d", ("n",), "differential")), ("ij", "j"), "i"),
])
def test_what_sympy_cannot_hold_is_refused(e: Expr) -> None:
    with pytest.raises(NoRuleError):
        to_sympy(e)
