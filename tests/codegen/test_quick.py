"""The text that is run computes what the text that is read computes, bit for bit."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import add, apply, contract, scale, symbol
from symderiv.codegen import generate, memory
from symderiv.codegen.quick import number, quick
from symderiv.errors import TooLargeError
from symderiv.functions import SCALAR


def spelled(text: str, **ranks: int) -> str:
    return ast.unparse(quick(text, ranks)[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = 1 - x", "y = _1 - x"),
        ("y = x*(-1/3)", "y = x * _1"),
        ("x *= 2", "x *= _1"),
        ("y = x[:, None]*2 + 2*x.T", "y = x[:, None] * _1 + _1 * x.T"),
        ("y = 1 - A.dot(x)", "y = _1 - A.dot(x)"),
        ("np.tanh(x, out=x)", "_np_tanh(x, x)"),
        ("y = A.sum(axis=1, keepdims=True)", "y = _np_add.reduce(A, axis=1, keepdims=True)"),
        ("y = 1 - x.dot(x)", "y = 1 - x.dot(x)"),  # a number
        ("y = 1 - s", "y = 1 - s"),
        ("y = np.zeros((2*n, 1))", "y = _np_zeros((2 * n, 1))"),
        ("y = x**2", "y = x ** 2"),  # NumPy squares
        ("y = x[0]*2", "y = x[0] * 2"),
        ("y = x[:, None]*x", "y = _outer(x, x)"),
        ("y = (2*x)[:, None]*np.exp(-x)", "y = _outer(_1 * x, _np_exp(-x))"),
        ("y = x[:, None]*A", "y = x[:, None] * A"),
        ("y = x[:, None]*unknown", "y = x[:, None] * unknown"),
        ("y = x.reshape(m*3)", "y = x.reshape(m * 3)"),
    ],
)
def test_what_is_begun_at_less_cost(text: str, expected: str) -> None:
    assert spelled(text, x=1, A=2, s=0) == expected


def test_numbers_that_are_written_out() -> None:
    values = {"1": 1.0, "-1/3": -1 / 3, "2.5": 2.5, "True": None, "n": None, "1/0": None, "'a'": None}
    assert {text: number(ast.parse(text, mode="eval").body) for text in values} == values


@pytest.mark.parametrize("fn", sorted(name for name, row in SCALAR.items() if not row.params))
def test_every_function_is_the_same_to_the_bit(fn: str) -> None:
    """Of vectors and matrices, with what is beside the numbers of ordinary size."""
    x, X = symbol("x", ("n",)), symbol("X", ("m", "n"))
    made = generate([add([(2, apply(fn, x)), (-1, x)], ("n",)), scale(3, apply(fn, X))], [x, X])
    values = np.array([0.3, -0.0, 0.0, -1.7, 40.0, -800.0, np.inf, -np.inf, np.nan])
    matrix = values.reshape(3, 3).repeat(3, 1)
    with np.errstate(all="ignore"):
        for ours, read in zip(made(x=values, X=matrix), made.raw(values, matrix), strict=True):
            assert ours.dtype == read.dtype == float and ours.tobytes() == read.tobytes()


def test_an_outer_product_is_the_same_but_for_the_sign_of_a_zero() -> None:
    x, y = symbol("x", ("m",)), symbol("y", ("n",))
    made = generate(contract((x, y), ("m", "n"), "mn"), [x, y])
    special = np.array([0.0, -0.0, 1.5, -3e-310, 1e308, np.inf, -np.inf, np.nan])
    for a, b in ((special, special[::-1]), (special[:0], special), (special[::2], special[1:2])):
        with np.errstate(all="ignore"):
            ours, read = made(x=a, y=b), made.raw(a, b)
        assert ours.shape == read.shape and np.array_equal(ours, read, equal_nan=True)


def test_names_of_the_caller_are_left_alone() -> None:
    """Arguments that are called as the new names are."""
    names = ("_1", "_np_exp", "c1", "np_exp", "np")
    xs = [symbol(text, ("n",)) for text in names]
    made = generate(add([(1, apply("exp", x)) for x in xs], ("n",)), xs)
    values = {text: np.full(2, k / 4) for k, text in enumerate(names)}
    assert np.allclose(made(**values), sum(np.exp(v) for v in values.values()))


def _compiled(monkeypatch: pytest.MonkeyPatch, make: Callable[[], Any]) -> tuple[str, Any]:
    calling = importlib.import_module("symderiv.codegen.calling")
    texts: list[str] = []
    monkeypatch.setattr(calling, "compile", lambda tree, *rest: texts.append(ast.unparse(tree)) or compile(tree, *rest), raising=False)
    made = make()
    return texts[0], made


def test_one_look_at_the_sizes_where_there_are_many_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small sizes pass one test; large ones are told which array wouldn't fit, as if there were no such test."""
    shapes = {"W1": "p n", "W2": "q p", "W3": "o q", "x": "n", "y": "o"}
    text, made = _compiled(monkeypatch, lambda: sd.hessian(
        "-y @ log_softmax(W3 @ tanh(W2 @ tanh(W1 @ x)))", "W1", assume="sum(y) == 1", shapes=shapes).numpy())
    assert text.count("** 4 > _memory.MEMORY_LIMIT") == 1
    sizes = {"p": 2, "n": 60, "q": 2, "o": 2}
    given = {k: np.ones([sizes[d] for d in v.split()]) for k, v in shapes.items()}
    made(**given)
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 8 * 4 * 3600 - 1)
    with pytest.raises(TooLargeError):
        made(**given)
