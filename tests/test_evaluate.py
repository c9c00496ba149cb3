"""Every node kind against plain NumPy, and every derivative against one taken in another way."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from symderiv.build import (
    add,
    apply,
    box,
    call,
    contract,
    der,
    identity,
    name,
    number,
    ones,
    power,
    scale,
    size,
    symbol,
)
from symderiv.errors import EvaluationError, ShapeError, TooLargeError, UnknownNameError
from symderiv.evaluate import evaluate, infer_sizes, numeric_derivative
from symderiv.evaluate_functions import SCALAR, TENSOR, TENSOR_OF_TWO, _from_sympy
from symderiv.functions import SCALAR as ROWS
from symderiv.functions import TENSOR as TENSOR_ROWS
from symderiv.ir import Expr
from symderiv.jets import Jet, parts_of
from symderiv.smooth import SmoothFunction, SmoothMap

STEP = 1e-30


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


A, B = symbol("A", ("o", "n")), symbol("B", ("n", "m"))
x, y = symbol("x", ("n",)), symbol("y", ("n",))
S, s = symbol("S", ("n", "n")), symbol("s")


def arrays(rng: np.random.Generator) -> dict[str, Any]:
    shapes = {"A": (2, 3), "B": (3, 5), "x": (3,), "y": (3,), "S": (3, 3), "s": ()}
    return {key: rng.normal(size=shape) for key, shape in shapes.items()}


def close(found: Any, wanted: Any, tolerance: float = 1e-12) -> None:
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


# ---------------------------------------------------------------- contractions and sums
CONTRACTIONS: list[tuple[str, Expr, Any]] = [
    ("product", contract((A, B), ("ij", "jk"), "ik"), lambda v: v["A"] @ v["B"]),
    ("transposed product", contract((A, B), ("ij", "jk"), "ki"), lambda v: (v["A"] @ v["B"]).T),
    ("inner", contract((x, y), ("i", "i"), ""), lambda v: v["x"] @ v["y"]),
    ("outer", contract((x, y), ("i", "j"), "ij"), lambda v: np.outer(v["x"], v["y"])),
    ("Hadamard", contract((x, y), ("i", "i"), "i"), lambda v: v["x"] * v["y"]),
    ("trace", contract((S,), ("ii",), ""), lambda v: np.trace(v["S"])),
    ("diagonal of", contract((S,), ("ii",), "i"), lambda v: np.diag(v["S"]).copy()),
    ("put on a diagonal", contract((x,), ("i",), "ii"), lambda v: np.diag(v["x"])),
    ("diagonal kept", contract((S,), ("ii",), "ii"), lambda v: np.diag(np.diag(v["S"]))),
    ("sum", contract((A,), ("ij",), "j"), lambda v: v["A"].sum(axis=0)),
    ("broadcast", contract((x,), ("i",), "ji", {"j": "m"}), lambda v: np.tile(v["x"], (5, 1))),
    ("identity", identity(("n",)), lambda v: np.eye(3)),
    ("ones", ones(("m", "n")), lambda v: np.ones((5, 3))),
    ("kron", contract((A, x), ("ij", "k"), "ikj"), lambda v: v["A"][:, None, :] * v["x"][None, :, None]),
    ("δ times a matrix", contract((A,), ("ij",), "ikjk", {"k": "m"}),
     lambda v: np.einsum("ij,kl->ikjl", v["A"], np.eye(5))),
    ("three on one index", contract((x, y, S), ("i", "i", "ij"), "j"), lambda v: (v["x"] * v["y"]) @ v["S"]),
    ("chain", contract((A, S, S, B), ("ij", "jk", "kl", "lm"), "im"), lambda v: v["A"] @ v["S"] @ v["S"] @ v["B"]),
    ("a size", contract((x,), ("i",), "i", {"k": "m"}), lambda v: 5 * v["x"]),
    ("linear combination", add([(2, x), (Fraction(-1, 3), y)], ("n",)), lambda v: 2 * v["x"] - v["y"] / 3),
    ("zero", add([], ("n", "m")), lambda v: np.zeros((3, 5))),
    ("number", number(Fraction(3, 4)), lambda v: np.array(0.75)),
    ("dimension", scale(2, size("n*m")), lambda v: np.array(30.0)),
    ("constants", add([(1, symbol("pi", (), "const")), (1, symbol("e", (), "const"))], ()),
     lambda v: np.array(np.pi + np.e)),
    ("name and box", box(name("z", contract((A, x), ("ij", "j"), "i"))), lambda v: v["A"] @ v["x"]),
    ("power", power(add([(1, x), (2, y)], ("n",)), -3), lambda v: (v["x"] + 2 * v["y"]) ** -3.0),
    ("leaky", apply("leaky_relu", x, [Fraction(1, 5)]), lambda v: np.where(v["x"] > 0, v["x"], v["x"] / 5)),
]  # fmt: skip


@pytest.mark.parametrize(("node", "formula"), [c[1:] for c in CONTRACTIONS], ids=[c[0] for c in CONTRACTIONS])
def test_node_against_numpy(node: Expr, formula: Any, rng: np.random.Generator) -> None:
    values = arrays(rng)
    close(evaluate(node, values, {"o": 2, "n": 3, "m": 5}), formula(values))
    complex_values = {key: v + 0.3j * rng.normal(size=v.shape) for key, v in values.items()}
    if "leaky" not in str(node):
        close(evaluate(node, complex_values, {"o": 2, "n": 3, "m": 5}), formula(complex_values))


def test_long_products_take_no_large_intermediates() -> None:
    chain = contract([symbol(f"M{k}", ("n", "n")) for k in range(30)], [(k, (k + 1) % 30) for k in range(30)], ())
    values = {f"M{k}": np.eye(7) * 1.1 for k in range(30)}
    close(evaluate(chain, values), 7 * 1.1**30, 1e-10)
    with pytest.raises(TooLargeError):
        evaluate(contract([x] * 8, list("abcdefgh"), "abcdefgh"), {"x": np.ones(10)})


def test_depth_is_not_bounded_by_the_stack(rng: np.random.Generator) -> None:
    node: Expr = x
    for _ in range(5000):
        node = apply("sin", node)
    assert np.all(np.isfinite(evaluate(node, {"x": rng.normal(size=3)})))


# ---------------------------------------------------------------- the tables
def points(row: str, rng: np.random.Generator) -> Any:
    inside = row in ("log", "logit", "atanh", "log1p", "tan")
    return rng.uniform(0.05, 0.95, size=9) if inside else 3 * rng.normal(size=9)


@pytest.mark.parametrize("row", sorted(ROWS))
def test_scalar_row(row: str, rng: np.random.Generator) -> None:
    """The function, the row's NumPy source and its SymPy body agree."""
    points_ = points(row, rng)
    scope: dict[str, Any] = {"np": np, "x": points_}
    exec(ROWS[row].numpy_helper, scope)
    close(evaluate(apply(row, x), {"x": points_}), eval(ROWS[row].numpy_source("x"), scope))
    close(SCALAR[row](points_), _from_sympy(row)(points_))


@pytest.mark.parametrize("row", sorted(ROWS))
def test_derivatives_of_a_scalar_row(row: str, rng: np.random.Generator) -> None:
    """Each order of the exact arithmetic is the complex step of the order before, and SymPy's derivative."""
    points_ = points(row, rng)
    one = np.ones_like(points_)
    for order in range(4):
        units = {1 << k: one for k in range(order)}
        bits = (1 << order) - 1
        below = SCALAR[row](Jet({0: points_ + STEP * 1j, **units}))
        step = np.imag(parts_of(below).get(bits, 0 * one)) / STEP
        jet = Jet({0: points_, **units, 1 << order: one})
        for f in (SCALAR[row], _from_sympy(row)):
            close(parts_of(f(jet)).get(bits << 1 | 1, 0 * one), step, 1e-11)


@pytest.mark.parametrize("row", sorted({*TENSOR_ROWS} - {"eigvals"}))
def test_tensor_row(row: str, rng: np.random.Generator) -> None:
    table = TENSOR_ROWS[row]
    v = rng.uniform(0.1, 1.0, size=(4, 4))
    scope: dict[str, Any] = {"np": np, "x": v, "y": rng.normal(size=(4, 4))}
    exec(table.numpy_helper, scope)
    wanted = eval(table.numpy_source(*table.arguments), scope)
    found = TENSOR[row](v, 2) if len(table.arguments) == 1 else TENSOR_OF_TWO[row](v, scope["y"], 2)
    close(found, wanted)
    if "axis" in dict(table.params):
        close(TENSOR[row](v, 2, 0), eval(table.numpy_source("x", axis="0"), scope))


@pytest.mark.parametrize("fn", sorted({*TENSOR} - {"reshape", "is_max", "eigvals"}))
def test_derivatives_of_a_tensor_function(fn: str, rng: np.random.Generator) -> None:
    v, d1, d2 = rng.uniform(0.1, 1.0, size=(3, 3, 3))
    first = TENSOR[fn](v + STEP * 1j * d1, 2)
    close(np.imag(first) / STEP, parts_of(TENSOR[fn](Jet({0: v, 1: d1}), 2))[1], 1e-10)
    second = parts_of(TENSOR[fn](Jet({0: v + STEP * 1j * d2, 1: d1}), 2)).get(1, 0 * np.real(first))
    exact = parts_of(TENSOR[fn](Jet({0: v, 1: d1, 2: d2}), 2)).get(3, 0 * np.real(first))
    close(np.imag(second) / STEP, exact, 1e-9)


def test_functions_of_arrays(rng: np.random.Generator) -> None:
    v = arrays(rng)
    p = np.exp(v["A"]) / np.exp(v["A"]).sum(axis=0)
    close(evaluate(call("softmax", (A,), A.shape, (0,)), v), p)
    close(evaluate(call("logsumexp", (A,), ("o",), (1,)), v), np.log(np.exp(v["A"]).sum(axis=1)))
    close(evaluate(call("max", (A,), (), ((0, 1),)), v), v["A"].max())
    close(evaluate(call("inv", (S,), S.shape), v), np.linalg.inv(v["S"]))
    close(evaluate(call("logdet", (S,), ()), v), np.log(abs(np.linalg.det(v["S"]))))
    close(evaluate(call("solve", (S, x), ("n",)), v), np.linalg.solve(v["S"], v["x"]))
    close(evaluate(call("reshape", (A,), ("n*o",), (2,)), v), v["A"].reshape(-1))
    kron = np.kron(v["A"], v["S"])
    blocks = contract((A, S), ("ij", "kl"), "ikjl")
    close(evaluate(call("reshape", (blocks,), ("n*o", "n*n"), (2, 2)), v), kron)
    jacobian = evaluate(call("softmax", (x,), ("n",), (0,), ders=(0,)), v)
    q = np.exp(v["x"]) / np.exp(v["x"]).sum()
    close(jacobian, np.diag(q) - np.outer(q, q))
    with pytest.raises(UnknownNameError, match="softmux"):
        evaluate(call("softmux", (x,), ("n",)), v)
    with pytest.raises(UnknownNameError, match="tnh"):
        evaluate(apply("tnh", x), v)


def test_domain_is_that_of_the_reals() -> None:
    for fn, bad in (("log", -2.0), ("atanh", 2.0), ("log1p", -3.0)):
        node = apply(fn, s)
        for array in (np.array(bad), np.array(bad + 0j)):
            assert np.isnan(evaluate(node, {"s": array}))
        assert np.isnan(evaluate(der(node, s), {"s": np.array(bad)}))
        assert np.isnan(numeric_derivative(node, (s,), {"s": np.array(bad)}))
    close(numeric_derivative(power(s, 3), (s,), {"s": np.array(-2.0)}), 12.0)
    assert np.isnan(numeric_derivative(power(s, Fraction(1, 2)), (s,), {"s": np.array(-2.0)}))


# ---------------------------------------------------------------- derivatives
def linear_layer() -> Expr:
    return contract((A, x), ("ij", "j"), "i")


def test_derivative_nodes(rng: np.random.Generator) -> None:
    v = arrays(rng)
    t = np.tanh(v["A"] @ v["x"])
    out = apply("tanh", linear_layer())
    jacobian = (1 - t**2)[:, None] * v["A"]
    close(evaluate(der(out, x), v), jacobian)
    close(numeric_derivative(out, (x,), v), jacobian)
    hessian = np.einsum("i,ij,ik->ijk", -2 * t * (1 - t**2), v["A"], v["A"])
    close(evaluate(der(der(out, x), x), v), hessian)
    close(numeric_derivative(out, (x, x), v), hessian)
    close(evaluate(der(linear_layer(), A), v), np.einsum("ij,k->ijk", np.eye(2), v["x"]))
    third = np.einsum("i,ij,ik,il->ijkl", (6 * t**2 - 2) * (1 - t**2), *[v["A"]] * 3)
    close(evaluate(der(der(der(out, x), x), x), v), third)
    close(numeric_derivative(out, (x, x, x), v), third)
    mixed = numeric_derivative(out, (x, A), v)
    close(evaluate(der(der(out, x), A), v), mixed)
    close(mixed, np.moveaxis(numeric_derivative(out, (A, x), v), 3, 1))
    close(evaluate(der(out, y), v), np.zeros((2, 3)))


def test_derivative_within_an_expression(rng: np.random.Generator) -> None:
    """A gradient step inside, differentiated outside: batches of directions at both levels."""
    v = arrays(rng)
    f = contract((apply("sin", x), y), ("i", "i"), "")
    step = add([(1, x), (-1, der(f, x))], ("n",))
    loss = contract((step, step), ("i", "i"), "")
    r = v["x"] - np.cos(v["x"]) * v["y"]
    close(evaluate(loss, v), r @ r)
    slope = 2 * r * (1 + np.sin(v["x"]) * v["y"])
    close(evaluate(der(loss, x), v), slope)
    close(numeric_derivative(loss, (x,), v), slope)


def test_derivative_by_an_inner_node(rng: np.random.Generator) -> None:
    v = arrays(rng)
    z = name("z", linear_layer())
    out = add([(1, apply("exp", z)), (1, contract((z, ones(("n",))), ("i", "j"), "i"))], ("o",))
    close(evaluate(der(out, z), v), np.diag(np.exp(v["A"] @ v["x"]) + 3))
    total = evaluate(der(der(out, z), x), v)
    close(total, np.einsum("ik,i,ij->ikj", np.eye(2), np.exp(v["A"] @ v["x"]), v["A"]))
    with pytest.raises(EvaluationError, match="mixed"):
        evaluate(der(der(out, x), z), v)


def test_hole_takes_a_given_value(rng: np.random.Generator) -> None:
    v = arrays(rng)
    hole = der(name("c", apply("tanh", x)), x)
    state = contract((A, hole), ("ij", "jk"), "ik")
    given = rng.normal(size=(3, 3))
    close(evaluate(state, v, memo={hole: given}), v["A"] @ given)


def test_kinks_are_one_sided(rng: np.random.Generator) -> None:
    v = {"x": np.array([1.5, -2.0, 0.25])}
    close(numeric_derivative(apply("relu", x), (x,), v), np.diag([1.0, 0, 1]))
    close(evaluate(der(apply("abs", x), x), v), np.diag([1.0, -1, 1]))
    largest = call("max", (x,), (), (0,))
    close(numeric_derivative(largest, (x,), v), [1.0, 0, 0])
    close(evaluate(der(largest, x), v), [1.0, 0, 0])


# ---------------------------------------------------------------- generic functions and modules
def central(f: Any, at: Any, step: float = 1e-3) -> Any:
    """f' by differences of order 6: the only place where a step matters."""
    weights = ((1, 45), (2, -9), (3, 1))
    return sum(w * (f(at + k * step) - f(at - k * step)) for k, w in weights) / (60 * step)


def test_generic_function(rng: np.random.Generator) -> None:
    f = SmoothFunction(rng)
    v = {**arrays(rng), "f": f}
    for order in range(4):
        close(f(v["x"], order + 1), central(lambda t, k=order: f(t, k), v["x"]), 1e-9)
    node = apply("f", x, generic=True)
    close(evaluate(node, v), f(v["x"]))
    close(evaluate(apply("f", x, order=2, generic=True), v), f(v["x"], 2))
    close(numeric_derivative(node, (x,), v), np.diag(f(v["x"], 1)))
    close(evaluate(der(der(apply("f", s, order=1, generic=True), s), s), v), f(v["s"], 3))
    with pytest.raises(EvaluationError, match="no function was given for 'f'"):
        evaluate(node, arrays(rng))


@pytest.mark.parametrize("curvature", ["convex", "concave"])
def test_convex_functions(curvature: Any, rng: np.random.Generator) -> None:
    sign = 1 if curvature == "convex" else -1
    f = SmoothFunction(rng, curvature)
    assert np.all(sign * f(rng.normal(size=50) * 3, 2) > 0)
    module = SmoothMap([(4,)], (), rng, curvature)
    assert np.all(sign * np.linalg.eigvalsh(np.asarray(module.derivative([rng.normal(size=4)], (0, 0)))) > 0)


def test_abstract_module(rng: np.random.Generator) -> None:
    module = SmoothMap([(2, 3), (3,)], (5,), rng)
    v = {**arrays(rng), "N": module}
    N = call("N", (A, x), ("p",), abstract=True)
    sizes = {"p": 5}
    close(evaluate(N, v, sizes), module(v["A"], v["x"]))
    for ders in ((), (0,), (1,), (0, 1)):
        node = call("N", (A, x), ("p",), abstract=True, ders=ders)
        value = evaluate(node, v, sizes)
        by_differences = np.stack(
            [
                central(lambda t, k=k, d=ders: module.derivative([v["A"], v["x"] + t * np.eye(3)[k]], d), 0.0)
                for k in range(3)
            ],
            axis=-1,
        )
        close(numeric_derivative(node, (x,), v, sizes), by_differences, 1e-8)
        close(evaluate(der(node, x), v, sizes), by_differences, 1e-8)
        close(evaluate(call("N", (A, x), ("p",), abstract=True, ders=(*ders, 1)), v, sizes), by_differences, 1e-8)
        assert value.shape == (5, *(d for k in ders for d in ((2, 3), (3,))[k]))
    inner = call("N", (A, apply("tanh", x)), ("p",), abstract=True)
    close(evaluate(der(der(inner, x), x), v, sizes), numeric_derivative(inner, (x, x), v, sizes), 1e-11)


# ---------------------------------------------------------------- sizes and errors
def test_sizes_are_inferred() -> None:
    nodes = [symbol("a", ("m*q",)), symbol("b", ("q", 2)), symbol("c", ("n - k + 1",)), symbol("d", ("k",))]
    found = infer_sizes(nodes, {"a": np.ones(6), "b": np.ones((3, 2)), "c": np.ones(4), "d": np.ones(2)})
    assert found == {"q": 3, "m": 2, "k": 2, "n": 5}


def test_errors_name_what_is_wrong() -> None:
    node = linear_layer()
    with pytest.raises(EvaluationError, match=r"no array was given for 'A'(.|\n)*A \(o×n\), x \(n\)"):
        evaluate(node, {})
    with pytest.raises(ShapeError, match=r"'x' must be n with n = 3; this is 4"):
        evaluate(node, {"A": np.ones((2, 3)), "x": np.ones(4)})
    with pytest.raises(ShapeError, match=r"'x' must be n; this is 3×1"):
        evaluate(node, {"A": np.ones((2, 3)), "x": np.ones((3, 1))})
    with pytest.raises(EvaluationError, match="not an array of numbers"):
        evaluate(node, {"A": np.ones((2, 3)), "x": ["a", "b", "c"]})
    with pytest.raises(EvaluationError, match="the size of dimension 'm' is not known"):
        evaluate(ones(("m",)), {})
    with pytest.raises(EvaluationError, match="needs real arrays"):
        numeric_derivative(node, (x,), {"A": np.ones((2, 3)), "x": np.ones(3) * 1j})
    with pytest.raises(TooLargeError, match="directions"):
        numeric_derivative(node, (A, A, A), {"A": np.ones((30, 30)), "x": np.ones(30)})
    assert evaluate(node, {"A": [[1, 2]], "x": [3, 4]}).dtype == float


def test_a_coefficient_that_no_double_holds_is_infinite() -> None:
    x = symbol("x", ("n",))
    for sign in (1, -1):
        assert np.all(evaluate(scale(sign * Fraction(10)**400, x), {"x": np.ones(2)}) == sign * np.inf)
    assert np.all(evaluate(scale(Fraction(1, 10**400), x), {"x": np.ones(2)}) == 0)
