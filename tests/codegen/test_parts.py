"""Parts of the code generator by themselves, and the portable emitter on NumPy, whose namespace has the standard's names."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import inf
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import add, apply, call, contract, identity, power, symbol
from symderiv.codegen import backends, generate, memory
from symderiv.codegen.bounds import bounds
from symderiv.codegen.kernels import Code, leading, literal, placed
from symderiv.codegen.mathematics import mathematics
from symderiv.codegen.names import Names
from symderiv.codegen.portable import ported
from symderiv.codegen.program import Program
from symderiv.codegen.symmetry import symmetric_in
from symderiv.errors import EvaluationError, NoRuleError, ShapeError, TooLargeError
from symderiv.ir import Expr, free_symbols, postorder

A, B, x, y = symbol("A", ("n", "n")), symbol("B", ("n", "n")), symbol("x", ("n",)), symbol("y", ("n",))
SIZES = {"n": 3, "m": 2, "o": 4, "b": 2}


def source(expr: Expr) -> str:
    return generate(expr, sorted(free_symbols(expr), key=lambda s: s.name), name="f").source


# ---------------------------------------------------------------- parts
def test_bounds_of_sums_and_products() -> None:
    """A sum of what isn't negative isn't; 0·∞ is 0 at an end, and no nan."""
    relu, positive = apply("relu", x), apply("exp", y)
    total, both = contract((relu,), ("i",), ""), contract((relu, positive), ("i", "i"), "i")
    minus = contract((apply("sin", x), apply("log_sigmoid", y)), ("i", "i"), "")
    opposite = contract((apply("log_sigmoid", x), apply("relu", y)), ("i", "i"), "i")
    found = bounds([n for e in (total, both, minus, opposite) for n in postorder(e)])
    assert found[total] == (0.0, inf)
    assert found[both] == (0.0, inf)
    assert found[minus] == (-inf, inf)
    assert found[opposite] == (-inf, 0.0)


def test_whole_numbers_beyond_the_mantissa_are_floats() -> None:
    assert literal(Fraction(2**53)) == str(2**53)
    assert literal(Fraction(2**53 + 2)) == "9007199254740994.0"
    assert "/" in literal(Fraction(1, 2**53 - 1)) and "/" not in literal(Fraction(1, 2**53 + 1))


def test_names_are_counted_from_two() -> None:
    names = Names(["x"])
    assert [names.fresh(text) for text in ("x", "x", "y", "lambda", "lambda")] == ["x_2", "x_3", "y", "lambda_", "lambda_3"]


def test_new_axes_are_written_once() -> None:
    code = Code("a", "atom", rank=2)
    assert placed(code, (0, 2), 3).text == "a[:, None, :]"
    assert placed(code, (1, 2), 3).text == "a"
    assert placed(Code("a", "atom", rank=3), (0, 2, 3), 4).text == "a[:, None, ...]"
    assert placed(Code("a", "atom", rank=1), (0,), 4).text == "a[:, None, None, None]"


def test_an_array_that_begins_with_what_is_summed_is_tensordots() -> None:
    assert leading((0, 1, 2), (0, 3), 0) is None
    assert leading((1, 0, 2), (0, 3), 0) == (1, 3, 2)
    assert leading((0, 3), (1, 0, 2), 0) == (1, 3, 2)
    assert leading((1, 2, 0), (0, 3), 0) == (1, 2, 3)


def test_the_memory_of_this_machine_is_more_than_a_quarter_of_a_gigabyte() -> None:
    assert memory._physical_memory() > 2**28


def test_a_sum_within_a_call_stands_in_its_brackets_alone() -> None:
    text = source(call("det", (add([(1, A), (1, B)], ("n", "n")),), ()))
    assert "np.linalg.det(A + B)" in text


def test_powers_are_told_by_their_signs() -> None:
    told = [mathematics(power(x, q)) for q in (2, 3, -1, -2, Fraction(1, 2), 5)]
    assert told == ["x_i²", "x_i³", "x_i⁻¹", "x_i⁻²", "√x_i", "x_i^(5)"]
    assert mathematics(power(add([(1, x), (1, y)], ("n",)), 3)) == "(x_i + y_i)³"


def test_sizes_that_are_sums_keep_their_brackets() -> None:
    rng = np.random.default_rng(5)
    shapes = {"T": "b i n+1 m", "U": "b n+1 m l"}
    made = sd.parse('einsum("bijk,bjkl->bil", T, U)', shapes=shapes).numpy()
    t, u = rng.normal(size=(2, 3, 5, 7)), rng.normal(size=(2, 5, 7, 4))
    np.testing.assert_allclose(made(T=t, U=u), np.einsum("bijk,bjkl->bil", t, u), rtol=1e-12)
    assert "(n + 1)*m" in made.source()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_an_array_larger_than_its_inputs_is_measured_first(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of n×size×o entries each axis counts, the given one as well."""
    made = sd.parse('tanh(einsum("i,j,k->ijk", x, y, z))', x="n", y=str(size), z="o").numpy()
    given, needed = {"x": np.ones(30), "y": np.ones(size), "z": np.ones(40)}, 8 * 30 * 40 * size
    monkeypatch.setattr(memory, "MEMORY_LIMIT", needed)
    assert made(**given).shape == (30, size, 40)
    monkeypatch.setattr(memory, "MEMORY_LIMIT", needed - 1)
    with pytest.raises(TooLargeError):
        made(**given)


# ---------------------------------------------------------------- the portable emitter
@pytest.fixture
def portable(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Generates for JAX and PyTorch, with NumPy standing in for both."""
    for backend in ("jax", "torch"):
        monkeypatch.setitem(backends.BACKENDS, backend, ("import numpy as xp", ()))
    return backends.generate_for


TEXTS = [
    ("x + 1", {"x": "n"}),
    ("outer(x, y) + ones(n, m)", {"x": "n", "y": "m"}),
    ("W @ tanh(X @ W)", {"W": "o n", "X": "n o"}),
    ("diag(x) + outer(x, x)", {"x": "n"}),
    ("diag(X) + x", {"X": "n n", "x": "n"}),
    ("trace(X @ X) * x", {"X": "n n", "x": "n"}),
    ("softmax(X, axis=1) @ y", {"X": "n m", "y": "m"}),
    ("logsumexp(X, axis=0)", {"X": "n m"}),
    ("log_softmax(x)", {"x": "n"}),
    ("inv(X + 9*eye(n)) @ x", {"X": "n n", "x": "n"}),
    ("logdet(X @ X.T + eye(n))", {"X": "n n"}),
    ("relu(x) + abs(x) + sign(x) + heaviside(x)", {"x": "n"}),
    ("arctan(x) + sqrt(2)*x**3 + 1/(1 + x**2)", {"x": "n"}),
    ('einsum("ij,jk,k->i", X, Y, y)', {"X": "n m", "Y": "m o", "y": "o"}),
    ('einsum("bij,bjk->bik", S, T)', {"S": "b n m", "T": "b m o"}),
    ("vec(outer(x, y))", {"x": "n", "y": "m"}),
    ("einsum('i,k,ij->ijk', x, y, eye(n))", {"x": "n", "y": "m"}),
    ("max(X, axis=1) + sum(X, axis=1) + mean(X, axis=1)", {"X": "n m"}),
    ("pi*x + n", {"x": "n"}),
    ('einsum("iij->ij", S)', {"S": "n n m"}),
    ('einsum("iii->i", S)', {"S": "n n n"}),
    ('einsum("bij,bkj->bik", S, S)', {"S": "b n m"}),
    ('einsum("bijk,bljk->bil", T, T)', {"T": "b n m o"}),
    ('einsum("bijk,bljk->bil", T, V)', {"T": "b n m o", "V": "b o m o"}),
    ('einsum("bij,bj->bi", S, X)', {"S": "b n m", "X": "b m"}),
    ('einsum("ijk,ij->k", S, X)', {"S": "b n m", "X": "b n"}),
    ('einsum("i,ij,kl,k->ijkl", x, eye(n), eye(m), y)', {"x": "n", "y": "m"}),
]


@pytest.mark.skipif(not hasattr(np, "isdtype"), reason="NumPy follows the array API from 2.0 on")
@pytest.mark.parametrize(("text", "shapes"), TEXTS)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_portable_code_has_the_values_of_numpys(portable: Callable[..., Any], backend: str, text: str, shapes: dict[str, str]) -> None:
    rng = np.random.default_rng(len(text))
    given = {name: rng.normal(size=[SIZES[d] for d in shape.split()]) for name, shape in shapes.items()}
    expr = sd.parse(text, shapes=shapes)
    made = portable(backend, expr, sorted(free_symbols(expr), key=lambda s: s.name))
    assert ("xp.Tensor" in made.source) == (backend == "torch" and "def _arrays" in made.source)
    if backend == "jax":
        np.testing.assert_allclose(made(**given), expr.numpy()(**given), rtol=1e-12, atol=1e-12)


def test_what_the_standard_does_not_have_is_refused() -> None:
    assert ported("np.linalg.inv(x) + np.arctan(x)", "f") == "xp.linalg.inv(x) + xp.atan(x)"
    for text in ("np.linalg.pinv(x)", "np.einsum(x)", "x.T"):
        with pytest.raises(NoRuleError, match="standard has no form of 'f'"):
            ported(text, "f")


# ---------------------------------------------------------------- symmetry, sizes, arrangement
@pytest.mark.parametrize("is_symmetric", [False, True])
def test_the_symmetry_of_what_stands_beside_a_delta(is_symmetric: bool) -> None:
    """δ_kl a_ij is symmetric in k and l, in i and j where a is, and in no pair of the one and the other."""
    program = Program()
    a = program.emit("input", (), "A", ("n", "n"))
    if is_symmetric:
        a = program.emit("product", (a, a), ((0, 1), (1, 0)), ("n", "n"))
    d = program.emit("delta", (a,), (False, (((0, 1, 2, 2), (0, 1)),)), ("n",) * 4)
    assert symmetric_in(program, d, 2, 3)
    assert symmetric_in(program, d, 0, 1) == is_symmetric
    assert not symmetric_in(program, d, 0, 2) and not symmetric_in(program, d, 3, 1)
    based = program.emit("delta", (d, a), (True, (((0, 1, 2, 2), (0, 1)),)), ("n",) * 4)
    assert symmetric_in(program, based, 0, 1) == is_symmetric
    other = program.emit("input", (), "T", ("n",) * 4)
    assert not symmetric_in(program, program.emit("delta", (other, a), (True, (((0, 1, 2, 2), (0, 1)),)), ("n",) * 4), 2, 3)


def test_sizes_are_solved_for_where_one_is_unknown() -> None:
    made = sd.parse("sum(x)*n", x="2*n+1").numpy()
    assert made(x=np.ones(7)) == 21
    for wrong in (6, 0):
        with pytest.raises(ShapeError, match=r"2\*n \+ 1 is . for no n"):
            made(x=np.ones(wrong))
    both = sd.parse("n*sum(x) + m*sum(y)", x="n", y="n+3*m").numpy()
    assert both(x=np.ones(2), y=np.ones(14)) == 2 * 2 + 4 * 14
    with pytest.raises(ShapeError, match=r"n \+ 3\*m is 13 for no m|3\*m \+ n is 13 for no m"):
        both(x=np.ones(2), y=np.ones(13))
    with pytest.raises(EvaluationError, match="'n'"):
        sd.parse("sum(x)*n", x="n*n").numpy()(x=np.ones(9))
    assert sd.parse("sum(x)*n", x="n*n").numpy()(x=np.ones(9), n=3) == 27


def test_transposes_are_taken_once() -> None:
    for text, shown in (("C @ (A.T*B.T)", "(B*A).T"), ("tanh(A.T + B.T)", "(B + A).T"), ("A.T*B.T*u", "u[:, None]*")):
        assert shown in sd.parse(text, A="n m", B="n m", C="m m", u="n").numpy().source(), text


def test_a_long_head_is_aligned() -> None:
    names = [f"argument{k}" for k in range(14)]
    lines = sd.parse(" + ".join(names), shapes=dict.fromkeys(names, "n")).numpy().source().splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("def "))
    assert lines[start + 1].index("argument") == lines[start].index("(") + 1


@pytest.mark.parametrize("text", [
    'einsum("ik,kjl->ijl", A, S) + einsum("ik,kjl->ijl", A, T)',
    'einsum("ijl,l->ij", einsum("ik,kjl->ijl", A, S) + einsum("ik,kjl->ijl", A, T), y)',
    'einsum("ijl,lj->i", einsum("i,kjl->ijl", x, S) + einsum("i,kjl->ijl", x, T), B)',
])  # fmt: skip
def test_a_factor_that_is_summed_is_not_taken_out(text: str) -> None:
    shapes, rng = {"A": "n m", "B": "b o", "S": "m o b", "T": "m o b", "x": "n", "y": "b"}, np.random.default_rng(3)
    given = {name: rng.normal(size=[SIZES[d] for d in shape.split()]) for name, shape in shapes.items() if name in text}
    expected = eval(text, {**given, "einsum": np.einsum})
    expr = sd.parse(text, shapes={k: shapes[k] for k in given})
    np.testing.assert_allclose(generate(expr, sorted(free_symbols(expr), key=lambda s: s.name), name="f")(**given), expected, rtol=1e-12)


def test_what_isnt_needed_may_be_left_out() -> None:
    three, four = symbol("x", (3,)), symbol("y", (4,))
    assert "def f(x=None, y=None):" in generate(identity((3,)), [three, four], name="f").source
    assert "def f(x, y=None):" in generate(apply("exp", three), [three, four], name="f").source
    assert "def f(y, x):" in generate(apply("exp", three), [four, three], name="f").source
