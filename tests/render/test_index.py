"""Index form: its text has the value of the expression entry by entry; letters and order are inherited."""
from __future__ import annotations

import random

import numpy as np
import pytest

from symderiv.build import apply, box, call, contract, der, identity, name, power, symbol
from symderiv.handout.mathml import mathml
from symderiv.ir import Contract, Expr, Symbol, postorder
from symderiv.ops import add_all, diag, matmul, multiply, ones, outer, subtract, sum_over
from symderiv.render.index import index_latex, index_text, written
from symderiv.render.letters import Letters
from symderiv.render.notation import Notation
from symderiv.render.style import PlainStyle
from symderiv.render.symbols import name_text
from tests.render.arrays import SIZES, evaluate, read_entry
from tests.render.random_expressions import random_expression

SIZED = PlainStyle(Notation(sizes=True))


def arrays_of(e: Expr) -> dict[str, np.ndarray]:
    found = {}
    for s in postorder(e):
        if isinstance(s, Symbol):
            value = evaluate(s)
            found[name_text(s.name)] = value.reshape((*value.shape, 1, 1)[:2])
    return found


def sizes_of(e: Expr, letters: Letters) -> dict[str, int]:
    """The range of each letter."""
    shapes = {n.digest: n.shape for n in postorder(e)}
    sizes: dict[str, int] = {}
    for digest, at in letters.places:
        for letter, dim in zip(at, shapes.get(digest, ()), strict=False):
            sizes[letter] = SIZES[str(dim)]
    return sizes


@pytest.mark.parametrize("seed", range(300))
def test_random_entries_have_the_value_of_the_expression(seed: int) -> None:
    rng = random.Random(5000 + seed)
    e = random_expression(rng)
    expected = evaluate(e)
    text, letters = written(e, "ij", None, SIZED)
    sizes = sizes_of(e, letters)
    if np.prod([sizes[x] for x in sizes]) > 20000:
        return
    for _ in range(2):
        at = tuple(rng.randrange(d) for d in expected.shape)
        value = read_entry(text, arrays_of(e), dict(zip("ij", at, strict=False)), sizes)
        assert np.isclose(value, expected[at], rtol=1e-9), (text, value, expected[at])


@pytest.mark.parametrize("seed", range(100))
def test_inherited_letters_change_no_value(seed: int) -> None:
    rng = random.Random(9000 + seed)
    before, e = random_expression(rng), random_expression(rng)
    _, previous = written(before, "ij", None, SIZED)
    text, letters = written(e, "ij", previous, SIZED)
    expected, sizes = evaluate(e), sizes_of(e, letters)
    at = tuple(rng.randrange(d) for d in expected.shape)
    if np.prod([sizes[x] for x in sizes]) < 20000:
        value = read_entry(text, arrays_of(e), dict(zip("ij", at, strict=False)), sizes)
        assert np.isclose(value, expected[at], rtol=1e-9), text


def lines(out: str, *states: Expr) -> list[str]:
    found, previous = [], None
    for state in states:
        text, previous = index_latex(state, out, previous)
        found.append(text)
    return found


o, n = "o", "n"
W, h, u, w = symbol("W", (o, n)), symbol("h", (n,)), symbol("u", (o,)), symbol("w", (n,))
z = name("z", matmul(W, h))
slope = apply("f", z, order=1, generic=True)


def test_the_jacobian_of_an_activated_layer_line_by_line() -> None:
    chain = ("i", "ik", "kj")
    assert lines("ij", contract((slope, der(z, h)), ("i", "ij"), "ij"), contract((slope, W, der(h, h)), chain, "ij"),
                 contract((slope, W, box(identity((n,)))), chain, "ij"), contract((slope, W), ("i", "ij"), "ij")) == [
        r"f'(z_i)\,\frac{\partial z_i}{\partial h_j}",
        r"f'(z_i)\sum_k W_{ik}\,\frac{\partial h_k}{\partial h_j}",
        r"f'(z_i)\sum_k W_{ik}\,\delta_{kj}",
        r"f'(z_i)\,W_{ij}"]


def test_the_hessian_of_a_composition_keeps_its_letters() -> None:
    module = call("N", (w,), (o,), abstract=True)
    j, h3 = (call("N", (w,), (o,), abstract=True, ders=d) for d in ((0,), (0, 0)))
    row, square = (call("L", (module,), (), abstract=True, ders=d) for d in ((0,), (0, 0)))
    first = add_all(contract((der(row, w), j), ("kj", "ki"), "ij"), contract((row, der(j, w)), ("k", "kij"), "ij"))
    second = add_all(contract((square, j, j), ("kl", "lj", "ki"), "ij"), contract((row, der(j, w)), ("k", "kij"), "ij"))
    third = add_all(contract((square, j, j), ("kl", "lj", "ki"), "ij"), contract((row, h3), ("k", "kij"), "ij"))
    assert lines("ij", first, second, third) == [
        r"\sum_k(J_N)_{ki}\,\frac{\partial(J_L)_k}{\partial w_j}"
        r"+\sum_k(J_L)_k\,\frac{\partial(J_N)_{ki}}{\partial w_j}",
        r"\sum_{k,l}(J_N)_{ki}\,(h_L)_{kl}\,(J_N)_{lj}+\sum_k(J_L)_k\,\frac{\partial(J_N)_{ki}}{\partial w_j}",
        r"\sum_{k,l}(J_N)_{ki}\,(h_L)_{kl}\,(J_N)_{lj}+\sum_k(J_L)_k\,(H_N)_{kij}"]


def test_softmax_and_its_gradient() -> None:
    p = name("p", call("softmax", (u,), u.shape, (0,)))
    y, s, e = symbol("Y", (o,)), symbol("s"), apply("exp", u)
    jacobian = subtract(diag(p), outer(p, p))
    assert index_latex(jacobian, "ij")[0] == r"p_i\,\delta_{ij}-p_i\,p_j"
    raw = subtract(multiply(diag(e), power(s, -1)), multiply(power(s, -2), outer(e, e)))
    assert index_latex(raw, "ij")[0] == r"\frac{e^{u_i}}{s}\,\delta_{ij}-\frac{e^{u_i}\,e^{u_j}}{s^2}"
    assert lines("j", contract((y, der(apply("log", p), u)), ("i", "ij"), "j"),
                 contract((y, power(p, -1), der(p, u)), ("i", "i", "ij"), "j"),
                 subtract(y, multiply(sum_over(y), p))) == [
        r"\sum_i Y_i\,\frac{\partial\log(p_i)}{\partial u_j}",
        r"\sum_i\frac{Y_i}{p_i}\,\frac{\partial p_i}{\partial u_j}",
        r"Y_j-\biggl(\sum_i Y_i\biggr)\,p_j"]


def test_names_with_a_subscript_are_bracketed_and_sums_go_last() -> None:
    a, w2 = symbol("a", ("h",)), symbol("W2", (o, "h"))
    delta = name("delta_u", u, "cotangent")
    e = multiply(contract((w2, delta), ("ki", "k"), "i"), subtract(ones(("h",)), power(a, 2)))
    assert index_latex(e, "i")[0] == r"(1-a_i^2)\sum_k(W_2)_{ki}\,(\delta_u)_k"


def test_dummies_stay_clear_of_names() -> None:
    k = symbol("k", (n,))
    assert index_latex(contract((symbol("l", (n,)), k), ("i", "i"), ""), "")[0] == r"\sum_i k_i\,l_i"
    assert index_latex(contract((W, k), ("ij", "j"), "i"), "i")[0] == r"\sum_l W_{il}\,k_l"
    text, _ = index_latex(contract((W, W, W, W), ("ia", "ba", "bc", "dc"), "id"), "ij")
    assert text == r"\sum_{k,l,m} W_{ik}\,W_{lk}\,W_{lm}\,W_{jm}"


def test_a_hole_of_a_compound_body_is_bracketed() -> None:
    e = der(matmul(W, h), h)
    assert index_latex(e, "ij")[0] == r"\frac{\partial}{\partial h_j}\biggl(\sum_k W_{ik}\,h_k\biggr)"
    second = der(der(symbol("s"), h), h)
    assert index_latex(second, "ij")[0] == r"\frac{\partial^2 s}{\partial h_i\,\partial h_j}"


def test_deep_expressions_need_no_stack() -> None:
    x: Expr = u
    square = symbol("A", (o, o))
    for _ in range(1100):
        x = apply("tanh", add_all(x, u))
    text, _ = index_latex(x, "i")
    assert text.count("tanh") == 1100
    assert isinstance(matmul(square, x), Contract)


@pytest.mark.parametrize("seed", range(60))
def test_pages_can_show_every_formula(seed: int) -> None:
    e = random_expression(random.Random(seed))
    assert mathml(index_latex(e, "ij")[0])
    assert index_text(e, "ij")[0]
