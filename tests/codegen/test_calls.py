"""Calling generated functions: arguments, errors, kinds of arrays, large results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symderiv import ops
from symderiv.build import apply, call, contract, identity, name, ones, size, symbol, view
from symderiv.codegen import Compressed, generate, memory
from symderiv.errors import EvaluationError, ShapeError, SymderivError, TooLargeError

W, h, b = symbol("W", ("o", "n")), symbol("h", ("n",)), symbol("b", ("o",))
LAYER = apply("tanh", ops.add_all(ops.matmul(W, h), b))
ARRAYS: dict[str, Any] = {
    "W": np.arange(6.0).reshape(2, 3) / 7,
    "h": np.array([0.1, 0.2, 0.3]),
    "b": np.array([1.0, -1.0]),
}
VALUE = np.tanh(ARRAYS["W"] @ ARRAYS["h"] + ARRAYS["b"])


def test_by_keyword_and_by_position() -> None:
    f = generate(LAYER, [W, h, b])
    assert np.allclose(f(**ARRAYS), VALUE)
    assert np.allclose(f(*ARRAYS.values()), VALUE)
    assert np.allclose(f(ARRAYS["W"], b=ARRAYS["b"], h=ARRAYS["h"]), VALUE)
    assert np.allclose(f.function(**ARRAYS), VALUE)
    assert isinstance(generate([LAYER], [W, h, b])(**ARRAYS), tuple)
    assert "W: (o, n)" in (f.function.__doc__ or "")


def test_kinds_of_arrays() -> None:
    f = generate(LAYER, [W, h, b])
    assert np.allclose(f(**{k: v.tolist() for k, v in ARRAYS.items()}), VALUE)
    single = f(**{k: v.astype(np.float32) for k, v in ARRAYS.items()})
    assert single.dtype == np.float64
    assert np.allclose(single, VALUE, atol=1e-6)
    whole = f(W=np.ones((2, 3), dtype=np.int8), h=np.array([True, False, True]), b=[0, 1])
    assert np.allclose(whole, np.tanh([2, 3]))
    assert np.allclose(
        f(W=np.asfortranarray(ARRAYS["W"]), h=np.repeat(ARRAYS["h"], 2)[::2], b=ARRAYS["b"][::-1][::-1]), VALUE
    )
    assert np.isnan(f(**{**ARRAYS, "h": [np.nan, 0, 0]})).all()
    assert f(W=np.zeros((0, 3)), h=ARRAYS["h"], b=[]).shape == (0,)
    assert np.array_equal(f(W=np.zeros((2, 0)), h=[], b=ARRAYS["b"]), np.tanh(ARRAYS["b"]))
    assert f(W=[[1]], h=[1], b=[1]).shape == (1,)


def test_results_are_arrays_of_their_own() -> None:
    x, A = symbol("x", ("n",)), symbol("A", ("n", "n"))
    data = np.arange(9.0).reshape(3, 3)
    for expr in [A, view(A, "ij", "ji"), view(A, "ii", "i"), view(A, "ij", "i"), name("z", A)]:
        result = generate(expr, [A])(A=data)
        assert not np.shares_memory(result, data)
        result[...] = 7
    assert np.array_equal(data, np.arange(9.0).reshape(3, 3))
    one, two = generate([x, x], [x])(x=[1, 2])
    assert not np.shares_memory(one, two)
    scalar = generate(ops.dot(x, x), [x])(x=[1, 2])
    assert isinstance(scalar, np.ndarray)
    assert scalar.shape == ()
    assert scalar == 5
    written = generate(ops.add_all(A, ops.diag(x)), [A, x])(A=data, x=[1, 1, 1])
    assert np.array_equal(written, data + np.eye(3))
    assert np.array_equal(data, np.arange(9.0).reshape(3, 3))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"h": None}, EvaluationError, "'h' (n) is missing"),
        ({"hh": 1}, EvaluationError, "unknown argument 'hh'"),
        ({"h": [1, 2, 3, 4]}, ShapeError, "n is 3 in W and 4 in h"),
        ({"h": [[1, 2, 3]]}, ShapeError, "'h' has shape (1, 3); it was declared as n"),
        ({"W": 3}, ShapeError, "'W' has shape (); it was declared as o×n"),
        ({"b": np.ones(1)}, ShapeError, "o is 2 in W and 1 in b"),
        ({"h": np.array([1j, 2, 3])}, EvaluationError, "'h' holds complex numbers"),
        ({"h": ["a", "b", "c"]}, EvaluationError, "'h' holds text"),
        ({"W": [[1, 2], [1]]}, EvaluationError, "'W' holds no rectangular array"),
    ],
)
def test_wrong_arguments(change: dict[str, Any], error: type[SymderivError], words: str) -> None:
    with pytest.raises(error) as caught:
        generate(LAYER, [W, h, b])(**{**ARRAYS, **change})
    assert words in str(caught.value)


def test_nearest_and_missing_are_named() -> None:
    f = generate(LAYER, [W, h, b])
    with pytest.raises(EvaluationError, match="did you mean 'W'"):
        f(w=ARRAYS["W"], h=ARRAYS["h"], b=ARRAYS["b"])
    with pytest.raises(EvaluationError, match="missing"):
        f()
    with pytest.raises(EvaluationError, match="takes 3 arguments, 4 were given"):
        f(1, 2, 3, 4)
    with pytest.raises(EvaluationError, match="given twice"):
        f(ARRAYS["W"], W=ARRAYS["W"])


def test_the_pasted_source_checks_shapes_too() -> None:
    with pytest.raises(ValueError, match="expected W: o×n, h: n, b: o; got"):
        generate(LAYER, [W, h, b]).raw(**{**ARRAYS, "h": [1, 2]})


def test_arguments_that_are_not_needed() -> None:
    jacobian = generate(W, [h, W, b])
    assert np.array_equal(jacobian(W=ARRAYS["W"]), ARRAYS["W"])
    assert np.array_equal(jacobian(**ARRAYS), ARRAYS["W"])
    with pytest.raises(ShapeError, match="n is"):
        jacobian(**{**ARRAYS, "h": [1, 2]})
    assert np.array_equal(generate(identity(("o",)), [h, b])(b=[5, 6]), np.eye(2))
    assert np.array_equal(generate(ones(("r",)), [])(r=3), np.ones(3))
    with pytest.raises(EvaluationError, match="'r' .*missing"):
        generate(ones(("r",)), [])()


def test_sizes() -> None:
    x, y = symbol("x", ("n",)), symbol("y", ("n - k + 1", 3))
    f = generate(contract((x, symbol("k", (), "dim")), ("i", ""), "i"), [x, y])
    assert np.array_equal(f(x=[1, 1, 1], k=2), [2, 2, 2])
    g = generate(ops.divide(ops.sum_over(x), size("n")), [x])
    assert g(x=[1, 2, 6]) == 3
    product = symbol("v", ("m*n",))
    f = generate(ops.multiply(ops.sum_over(product), x), [product, x, symbol("t", ("m",))])
    assert np.array_equal(f(v=np.ones(6), x=[1, 2, 3], t=[0, 0]), [6, 12, 18])
    with pytest.raises(ShapeError, match=r"m\*n is 6, not 5"):
        f(v=np.ones(5), x=[1, 2, 3], t=[0, 0])


@pytest.mark.parametrize(
    "text",
    [
        "lambda",
        "np",
        "__import__",
        "x y",
        "print",
        "os.system('x')",
        'a"""b',
        "a\\",
        "def",
        "δ",
        "function",
        "t1",
        "result",
        "n",
        "",
        "1",
        "_check_size",
        "#",
        "a\nb",
        "None",
        "match",
        "ﬁ",
    ],
)
def test_hostile_names(text: str) -> None:
    x = symbol(text, ("n",))
    other = symbol("x_y", ("n",))
    expr = name(text + "'", apply("tanh", ops.add_all(x, other)))
    expr = ops.multiply(expr, ops.add_all(expr, x))
    f = generate(expr, [x, other], name=text, doc=text)
    t = np.tanh(np.array([1.5, 2.5]))
    assert np.allclose(f(**{text: [1, 2], "x_y": [0.5, 0.5]}), t * (t + [1, 2]))
    assert np.allclose(f([1, 2], [0.5, 0.5]), t * (t + [1, 2]))


def test_generic_functions_and_modules() -> None:
    x = symbol("x", ("n",))
    f = generate(ops.multiply(apply("f", x, (), 1, True), apply("f", x, (), 0, True)), [x])
    assert [a.name for a in f.arguments] == ["x", "f", "df"]
    assert np.allclose(f(x=[1, 2], f=np.sin, df=np.cos), np.sin([1, 2]) * np.cos([1, 2]))
    with pytest.raises(EvaluationError, match="'df' .*missing"):
        f(x=[1, 2], f=np.sin)
    with pytest.raises(EvaluationError, match="has to be a function"):
        f(x=[1, 2], f=1, df=np.cos)
    jacobian = call("N", (x,), ("o",), abstract=True, ders=(0,))
    hessian = call("N", (x,), ("o",), abstract=True, ders=(0, 0))
    g = generate([jacobian, hessian], [x])
    assert [a.name for a in g.arguments] == ["x", "J_N", "H_N"]
    J, H = g(x=[1, 2], J_N=lambda v: np.outer([1, 2, 3], v), H_N=lambda v: np.ones((3, 2, 2)))
    assert J.shape == (3, 2)
    assert H.shape == (3, 2, 2)
    loss = call("L", (x, x), (), abstract=True, ders=(0, 1))
    assert [a.name for a in generate(loss, [x]).arguments] == ["x", "H_L_01"]


def test_large_results_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    U = symbol("U", ("n", "k"))
    hessian = contract((U, U), ("ca", "cb"), "iajb".replace("j", "i"), {"i": "n"})
    f = generate(hessian, [U])
    with pytest.raises(TooLargeError, match=r"GiB.*") as caught:
        f(U=np.zeros((300_000, 4)))
    assert "compress=True" in str(caught.value)
    assert "times=" in str(caught.value)
    packed = generate(hessian, [U], compress=True)(U=np.ones((300_000, 4)))
    assert packed.core.shape == (4, 4)
    assert packed.deltas == ((0, 2),)
    with pytest.raises(TooLargeError):
        packed.dense()
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 100)
    with pytest.raises(TooLargeError):
        f(U=np.zeros((3, 4)))


def test_compressed_results() -> None:
    U = symbol("U", ("n", "k"))
    block = generate(contract((U, U), ("ca", "cb"), "iaib", {"i": "n"}), [U], compress=True)
    data = np.arange(6.0).reshape(3, 2)
    packed = block(U=data)
    assert isinstance(packed, Compressed)
    assert np.array_equal(packed.core, data.T @ data)
    assert np.array_equal(packed.dense(), np.einsum("ij,ab->iajb", np.eye(3), data.T @ data))
    assert "np.zeros" not in block.source
    mixed = generate([ops.add_all(ops.diag(h), ops.outer(h, h)), ops.diag(h)], [h], compress=True)(h=[1, 2, 3])
    assert [p.deltas for p in mixed] == [(), ((0, 1),)]
    assert np.array_equal(mixed[1].dense(), np.diag([1.0, 2, 3]))
    assert np.array_equal(mixed[0].dense(), np.diag([1.0, 2, 3]) + np.outer([1, 2, 3], [1, 2, 3]))


def test_stable_far_out() -> None:
    u = symbol("u", ("n",))
    far = np.array([-800.0, 0.0, 800.0])
    with np.errstate(all="raise", under="ignore"):
        for expr in [
            call("softmax", (u,), ("n",), (-1,)),
            call("logsumexp", (u,), (), (0,)),
            apply("sigmoid", u),
            apply("softplus", u),
            apply("log_sigmoid", u),
            apply("gelu", u),
        ]:
            assert np.isfinite(generate(expr, [u])(u=far)).all()
