"""The lift: trees and their text have the value of the expression, sizes all different; formulas read as in books."""
from __future__ import annotations

import random

import numpy as np
import pytest

from symderiv import network
from symderiv.build import apply, box, call, contract, der, identity, name, number, permute, power, scale, symbol
from symderiv.errors import TooLargeError
from symderiv.handout.mathml import mathml
from symderiv.ir import Expr, Symbol, postorder
from symderiv.lift import lift, lift_any
from symderiv.ops import (
    add_all,
    diag,
    divide,
    dot,
    inverse,
    matmul,
    multiply,
    ones,
    outer,
    subtract,
    sum_over,
    trace,
    transpose,
)
from symderiv.render.matrix import matrix_latex
from symderiv.render.notation import Notation
from symderiv.render.symbols import name_text
from symderiv.render.text import plain, tree_text
from tests.render.arrays import evaluate, read_text, tree_value
from tests.render.random_expressions import random_contraction, random_expression


def compare(e: Expr, value: np.ndarray) -> None:
    expected = evaluate(e)
    shape = (*expected.shape, 1, 1)[:2]
    assert np.allclose(value, expected.reshape(shape), rtol=1e-9), (e, plain(e))


@pytest.mark.parametrize("seed", range(400))
def test_random_trees_have_the_value_of_the_expression(seed: int) -> None:
    e = random_expression(random.Random(seed))
    tree = lift(e)
    if tree is not None:
        compare(e, tree_value(tree))


def symbols_of(e: Expr) -> dict[str, np.ndarray]:
    """The arrays by their names in text."""
    found = {}
    for s in postorder(e):
        if isinstance(s, Symbol):
            value = evaluate(s)
            found[name_text(s.name)] = value.reshape((*value.shape, 1, 1)[:2])
    return found


@pytest.mark.parametrize("seed", range(400))
def test_random_texts_read_back_to_the_value_of_the_expression(seed: int) -> None:
    e = random_expression(random.Random(1000 + seed))
    tree = lift(e)
    if tree is not None:
        compare(e, read_text(tree_text(tree, Notation(sizes=True)), symbols_of(e)))


def test_most_random_expressions_have_a_matrix_form() -> None:
    found = [lift(random_expression(random.Random(seed))) is not None for seed in range(400)]
    assert sum(found) > 380


def test_a_lost_transpose_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network.Edge, "from_", lambda self, vertex: self.tree)
    wrong = 0
    for seed in range(100):
        e = random_expression(random.Random(seed))
        try:
            tree = lift(e)
            if tree is not None:
                compare(e, tree_value(tree))
        except (AssertionError, ValueError):
            wrong += 1
    assert wrong > 20


@pytest.mark.parametrize("seed", range(100))
def test_any_expression_gets_a_formula(seed: int) -> None:
    rng = random.Random(7000 + seed)
    e = random_contraction(rng, most_orders=3, factors=6)
    assert mathml(matrix_latex(e))
    assert plain(e)


o, n, m = "o", "n", "m"
W, W2, X = symbol("W", (o, n)), symbol("W2", (o, "h")), symbol("X", (m, n))
A, B = symbol("A", (n, n)), symbol("B", (n, n))
h, w, u, v, y, p, t, a = (symbol(k, (d,)) for k, d in zip("hwuvypta", (n, n, o, o, m, m, m, "h"), strict=True))
s = symbol("s")
e_u = apply("exp", u)
P = name("p", call("softmax", (u,), u.shape, (0,)))
delta = name("delta_u", subtract(P, u), "cotangent")
one_minus = subtract(ones((m,)), p)
DX = symbol("d", (), "formal")


def f(x: Expr, order: int = 0) -> Expr:
    return apply("f", x, order=order, generic=True)


MODULE = call("N", (w,), (o,), abstract=True)
J_N, H_N = (call("N", (w,), (o,), abstract=True, ders=d) for d in ((0,), (0, 0)))
J_L, H_L = (call("L", (MODULE,), (), abstract=True, ders=d) for d in ((0,), (0, 0)))
GAUSS_NEWTON = contract((J_N, H_L, J_N), ("ki", "kl", "lj"), "ij")
REMAINDER = contract((J_L, H_N), ("k", "kij"), "ij")

FORMULAS = [
    (matmul(diag(f(matmul(W, h), 1)), W), r"\operatorname{diag}(f'(W h))\,W", "diag(f'(W h)) W"),
    (subtract(diag(P), outer(P, P)), r"\operatorname{diag}(p)-p\,p^\top", "diag(p) − p pᵀ"),
    (scale(-1, matmul(transpose(X), subtract(y, p))), r"X^\top(p-y)", "Xᵀ (p − y)"),
    (GAUSS_NEWTON, r"J_N^\top\,h_L\,J_N", "J_Nᵀ h_L J_N"),
    (add_all(GAUSS_NEWTON, REMAINDER), r"J_N^\top\,h_L\,J_N+\sum_k(J_L)_k\,h_{N_k}",
     "J_Nᵀ h_L J_N + Σ_k J_L[k] H_N[k,:,:]"),
    (matmul(transpose(J_N), J_L), r"J_N^\top\,j_L", "J_Nᵀ j_L"),
    (multiply(matmul(transpose(W2), delta), subtract(ones(("h",)), power(a, 2))),
     r"(W_2^\top \delta_u) \odot (\mathbf{1}-a \odot a)", "(W₂ᵀ δ_u) ⊙ (1 − a ⊙ a)"),
    (outer(delta, h), r"\delta_u\,h^\top", "δ_u hᵀ"),
    (sum_over(power(subtract(matmul(X, w), y), 2)), r"\lVert X w-y\rVert^2", "‖X w − y‖²"),
    (sum_over(power(X, 2)), r"\lVert X\rVert_F^2", "‖X‖_F²"),
    (dot(w, w), r"w^\top w", "wᵀ w"),
    (sum_over(w), r"\mathbf{1}^\top w", "1ᵀ w"),
    (dot(w, matmul(A, w)), r"w^\top A w", "wᵀ A w"),
    (matmul(add_all(A, transpose(A)), w), r"(A+A^\top)\,w", "(A + Aᵀ) w"),
    (trace(matmul(A, B)), r"\operatorname{tr}(A B)", "tr(A B)"),
    (dot(A, B), r"\langle A,B\rangle", "⟨A, B⟩"),
    (divide(y, p), r"y \oslash p", "y ⊘ p"),
    (power(p, -1), r"\mathbf{1} \oslash p", "1 ⊘ p"),
    (matmul(transpose(inverse(A)), w), r"A^{-\top}\,w", "A⁻ᵀ w"),
    (subtract(multiply(power(s, -1), diag(e_u)), multiply(power(s, -2), outer(e_u, e_u))),
     r"\frac{1}{s}\operatorname{diag}(e^{u})-\frac{1}{s^2}\,e^{u}\,(e^{u})^\top",
     "(1/s) diag(exp(u)) − (1/s²) exp(u) exp(u)ᵀ"),
    (contract((X, multiply(p, one_minus), X), ("ij", "i", "ik"), "jk"),
     r"X^\top\operatorname{diag}(p \odot (\mathbf{1}-p))\,X", "Xᵀ diag(p ⊙ (1 − p)) X"),
    (subtract(multiply(sum_over(y), p), y), r"(\mathbf{1}^\top y)\,p-y", "(1ᵀ y) p − y"),
    (contract((A, B), ("ij", "ji"), "i"), r"\operatorname{diag}(A B)", "diag(A B)"),
    (multiply(A, identity((n,))), r"A \odot I", "A ⊙ I"),
    (outer(w, ones((m,))), r"w\,\mathbf{1}^\top", "w 1ᵀ"),
    (multiply(power(sum_over(power(w, 2)), -1), w), r"\frac{1}{w^\top w}\,w", "(1/(wᵀ w)) w"),
    (contract((w,), ("j",), "ij", {"i": 1}), r"w^\top", "wᵀ"),
    (contract((f(u, 1), der(matmul(W, h), h)), ("i", "ij"), "ij"),
     r"\operatorname{diag}(f'(u))\,\frac{\partial(W h)}{\partial h^\top}", "diag(f'(u)) ∂(W h)/∂hᵀ"),
    (contract((e_u, der(s, u), power(s, -2)), ("i", "j", ""), "ij"),
     r"\frac{1}{s^2}\,e^{u}\,\frac{\partial s}{\partial u^\top}", "(1/s²) exp(u) ∂s/∂uᵀ"),
    (matmul(W, der(h, DX)), r"W\,\mathrm{d}h", "W dh"),
    (multiply(f(u, 1), matmul(W, der(h, DX))), r"f'(u) \odot (W\,\mathrm{d}h)", "f'(u) ⊙ (W dh)"),
    (contract((P, P, der(u, DX)), ("i", "j", "j"), "i"), r"p\,p^\top \mathrm{d}u", "p pᵀ du"),
    (matmul(W, box(identity((n,)))), "W", "W"),
    (multiply(number(3), s), r"3\,s", "3 s"),
    (subtract(s, s), "0", "0"),
    (call("softmax", (X,), X.shape, (0,)), r"\operatorname{softmax}_{\mathrm{axis}\,0}(X)", "softmax[axis 0](X)"),
]


@pytest.mark.parametrize(("e", "latex", "text"), FORMULAS, ids=[text for _, _, text in FORMULAS])
def test_formulas(e: Expr, latex: str, text: str) -> None:
    assert matrix_latex(e) == latex
    assert plain(e) == text
    assert mathml(latex)


def test_there_is_no_matrix_form_where_the_network_is_stuck() -> None:
    shapes = {"A": "lm", "B": "ln", "C": "om", "D": "on", "E": "mn"}
    bridge = contract([symbol(k, tuple(d)) for k, d in shapes.items()], ("ik", "il", "jk", "jl", "kl"), "ij")
    assert lift(bridge) is None
    assert "\\sum" in matrix_latex(bridge)
    closed = contract([symbol(k, tuple(d)) for k, d in shapes.items()], ("ik", "il", "jk", "jl", "kl"), "")
    tree = lift(closed)
    assert tree is not None
    compare(closed, tree_value(tree))


def test_symmetric_factors_have_no_transpose() -> None:
    C = symbol("C", (n, n), props=("symmetric",))
    assert plain(contract((C, w), ("ij", "i"), "j")) == "C w"
    inner = add_all(diag(P), outer(P, P))
    assert plain(contract((W, inner), ("ij", "ik"), "jk")) == "Wᵀ (p pᵀ + diag(p))"


def test_modules_taken_at_two_places_say_where() -> None:
    other = call("N", (h,), (o,), abstract=True, ders=(0,))
    assert plain(add_all(J_N, other)) == "J_N(h) + J_N(w)"


def test_pairing_writes_inner_products_with_a_differential() -> None:
    e = contract((delta, der(W, DX), h), ("i", "ij", "j"), "")
    assert matrix_latex(e, Notation(pairing=True)) == r"\langle \delta_u\,h^\top,\mathrm{d}W\rangle"


def test_deep_expressions_need_no_stack() -> None:
    x: Expr = u
    square = symbol("S", (o, o))
    for _ in range(2000):
        x = apply("tanh", matmul(square, x))
    assert plain(x).count("tanh") == 2000


def test_a_formula_without_end_is_refused() -> None:
    x: Expr = u
    for _ in range(40):
        x = multiply(apply("tanh", x), apply("exp", x))
    with pytest.raises(TooLargeError):
        plain(x)


def test_entries_in_brackets_stand_for_what_has_no_other_form() -> None:
    tensor = symbol("T", (n, n, n))
    e = apply("tanh", contract((call("g", (tensor,), (n, n), abstract=True), w), ("ij", "j"), "i"))
    assert mathml(matrix_latex(e))
    assert lift_any(permute(tensor, (2, 0, 1))).shape == (n, n)
