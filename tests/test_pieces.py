"""Products of H(x), max(x, 0), sign x, |x| and x: every one up to four factors, at both sides of 0 and at 0."""
from fractions import Fraction
from itertools import combinations_with_replacement
from math import prod

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import add, apply, contract, ones, power, scale, symbol
from symderiv.ir import postorder
from symderiv.rules import RULES, Context
from tests.oracles import value_of

X = symbol("x", (5,))
AT = {"x": np.array([-1.5, -0.5, 0.0, 0.25, 3.0])}
FACTORS = {
    "x": X, "|x|": apply("abs", X), "x+": apply("relu", X), "x-": apply("relu", scale(-1, X)),
    "sign": apply("sign", X), "H": apply("heaviside", X), "H-": apply("heaviside", scale(-1, X)),
}
PLAIN = {
    "x": lambda t: t, "|x|": abs, "x+": lambda t: max(t, 0.0), "x-": lambda t: max(-t, 0.0),
    "sign": np.sign, "H": lambda t: float(t > 0), "H-": lambda t: float(t < 0),
}
PRODUCTS = [p for k in (1, 2, 3, 4) for p in combinations_with_replacement(FACTORS, k)]


def _product(names):
    return contract([FACTORS[x] for x in names], ["i"] * len(names), "i")


def _expected(names):
    return np.array([prod(PLAIN[x](t) for x in names) for t in AT["x"]])


def _settled(node):
    for _ in range(4):
        used = RULES["fold_pieces"].fire(node, Context())
        if used is None:
            return node
        node = used.after
    raise AssertionError("it doesn't come to rest")


@pytest.mark.parametrize("names", PRODUCTS, ids=" ".join)
def test_a_product_of_pieces_keeps_its_value_at_0_too(names):
    np.testing.assert_allclose(value_of(_settled(_product(names)), AT), _expected(names), rtol=0, atol=1e-14)


def test_equal_products_become_one_node():
    """What is equal at all points is one and the same, but x² beside |x| sign x times x, which the powers tell apart."""
    by_value = {}
    for names in PRODUCTS:
        by_value.setdefault(tuple(_expected(names)), set()).add(_settled(_product(names)))
    several = {key: found for key, found in by_value.items() if len(found) > 1}
    assert not several, several


@pytest.mark.parametrize("q", [Fraction(1, 2), Fraction(3, 2), -1, Fraction(-3, 2), 2, 3])
def test_powers_that_are_no_whole_number_are_left_and_keep_their_value(q):
    at = {"x": np.array([-1.5, -0.5, 0.75, 0.25, 3.0])}
    for name in ("|x|", "x+"):
        node = contract((power(FACTORS[name], q), FACTORS["sign"], X), ["i"] * 3, "i")
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = np.array([PLAIN[name](t) for t in at["x"]]) ** float(q) * abs(at["x"])
            np.testing.assert_allclose(value_of(_settled(node), at), expected, rtol=1e-14)


def test_what_only_looks_like_it_is_left_alone():
    shifted = apply("relu", add([(1, X), (1, ones((5,)))], (5,)))
    for node in (contract((apply("heaviside", X), shifted), ("i", "i"), "i"),
                 contract((apply("heaviside", X), apply("relu", X)), ("i", "j"), "ij"),
                 power(apply("abs", X), Fraction(3, 2)), power(apply("relu", X), Fraction(1, 2)), power(apply("abs", X), -2)):
        assert RULES["fold_pieces"].fire(node, Context()) is None


@pytest.mark.parametrize(("text", "gone", "expected"), [
    ("sum(relu(1 - y * (X @ w))**2)", "heaviside", "−2 Xᵀ (y ⊙ relu(1 − y ⊙ (X w)))"),
    ("sum(abs(X @ w)**3)", "sign", "3 Xᵀ ((X w) ⊙ abs(X w))"),
    ("huber(X @ w, y)", "heaviside", None),
    ("z = relu(X @ w)\nsum(z * z * y)", "heaviside", "2 Xᵀ (y ⊙ z)"),
])  # fmt: skip
def test_gradients_of_hinges_and_powers_of_absolute_values(text, gone, expected):
    found = sd.gradient(text, "w", X="m n", w="n", y="m")
    assert found.verify(trials=5)
    assert not [node for node in postorder(found.result) if getattr(node, "fn", "") == gone]
    assert expected is None or found.result.text() == expected
