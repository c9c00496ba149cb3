"""The form of the generated source: what is planned, and that it reads well."""

from __future__ import annotations

import ast
import re
import time
from fractions import Fraction

import numpy as np
import pytest

import symderiv as sd
from symderiv import ops
from symderiv.build import add, apply, call, contract, der, identity, name, number, scale, symbol
from symderiv.codegen import generate
from symderiv.errors import NoRuleError
from symderiv.ir import Expr, Symbol

W, h, b = symbol("W", ("o", "n")), symbol("h", ("n",)), symbol("b", ("o",))
X, w = symbol("X", ("m", "n")), symbol("w", ("n",))


def body(expr: Expr | list[Expr], inputs: list[Symbol]) -> str:
    """The source without helpers, docstring and checks."""
    source = generate(expr, inputs, name="f").source
    function = ast.parse(source).body[-1]
    assert isinstance(function, ast.FunctionDef)
    assert ast.get_docstring(function)
    lines = source.splitlines()[function.body[1].lineno - 1 :]
    assert max(map(len, lines)) <= 120
    return "\n".join(x for x in lines if "asarray" not in x)


def softmax_of(u: Expr) -> Expr:
    return name("p", call("softmax", (u,), u.shape, (-1,)))


def network() -> tuple[list[Expr], list[Symbol]]:
    """All gradients of a 2-layer network, as backpropagation names them."""
    W1, b1, W2, b2, x, y = inputs = [
        symbol("W1", ("h", "n")),
        symbol("b1", ("h",)),
        symbol("W2", ("o", "h")),
        symbol("b2", ("o",)),
        symbol("x", ("n",)),
        symbol("y", ("o",)),
    ]
    z = name("z", ops.add_all(ops.matmul(W1, x), b1))
    a = name("a", apply("tanh", z))
    p = softmax_of(name("u", ops.add_all(ops.matmul(W2, a), b2)))
    du = name("delta_u", ops.subtract(p, y), "cotangent")
    slope = ops.subtract(number(1), ops.multiply(a, a))
    dz = name("delta_z", ops.multiply(contract((W2, du), ("ij", "i"), "j"), slope), "cotangent")
    return [ops.outer(dz, x), dz, ops.outer(du, a), du], inputs


def test_a_gradient_reads_like_backpropagation() -> None:
    exprs, inputs = network()
    text = body(exprs, inputs)
    for line in [
        "z = W1 @ x + b1",
        "a = np.tanh(z)",
        "u = W2 @ a + b2",
        "p = _softmax(u, axis=-1)",
        "delta_u = p - y",
        "delta_z = (W2.T @ delta_u)*(1 - a*a)",
        "return delta_z[:, None]*x, delta_z, delta_u[:, None]*a, delta_u",
    ]:
        assert re.search(rf"^    {re.escape(line)}(  #|$)", text, re.M), text
    assert "# h: Σ_j W1_ij x_j + b1_i" in text


def test_a_symmetric_product_is_one_operand() -> None:
    s = name("s", apply("sigmoid", ops.matmul(X, w)))
    text = body(contract((X, s, ops.subtract(number(1), s), X), ("ki", "k", "k", "kj"), "ij"), [X, w])
    assert re.search(r"(\w+)\.T @ \1", text)
    assert "np.exp(-np.abs(X @ w))" in text  # σ(1 − σ) by one exponential
    assert text.count("np.sqrt") == 1
    d = symbol("d", ("m",))
    signed = body(contract((X, d, X), ("ki", "k", "kj"), "ij"), [X, d])
    assert "sqrt" not in signed  # d may be negative
    positive = symbol("d", ("m",), props=("nonnegative",))
    assert "np.sqrt(d)" in body(contract((X, positive, X), ("ki", "k", "kj"), "ij"), [X, positive])
    assert "V.T @ V" in body(contract((symbol("V", ("n", "k")),) * 2, ("ca", "cb"), "ab"), [symbol("V", ("n", "k"))])


def test_softmax_jacobian_times_a_matrix_is_two_passes() -> None:
    p = softmax_of(ops.add_all(ops.matmul(W, h), b))
    jacobian = contract((ops.subtract(ops.diag(p), ops.outer(p, p)), W), ("ij", "jk"), "ik")
    text = body(jacobian, [W, h, b])
    assert re.search(r"result = W - W.T @ p  #.*\n    result \*= p\[:, None\]  #.*\n    return result", text), text


def test_large_arrays_are_computed_in_place() -> None:
    Z = name("Z", apply("tanh", ops.add_all(contract((X, W), ("ij", "kj"), "ik"), b)))
    text = body(Z, [X, W, b])
    assert re.search(r"Z = X @ W\.T.*\n    Z \+= b .*\n    np\.tanh\(Z, out=Z\)", text), text
    D = symbol("D", ("m", "o"))
    text = body([ops.multiply(D, Z), ops.add_all(D, Z)], [X, W, b, D])  # Z is used twice: not overwritten
    assert "D*Z" in text
    assert "Z *=" not in text
    assert "D *=" not in text
    assert "D +=" not in text


def test_blocks_of_a_hessian_are_made_one_by_one() -> None:
    M = symbol("M", ("m", "p", "p"))
    sandwich = contract((M, X, X), ("sik", "sj", "sl"), "ijkl")
    assert "_blocks_of(M.transpose(1, 0, 2), X, X)" in body(sandwich, [M, X])
    assert "_blocks(M.transpose(1, 0, 2), X)" in generate(sandwich, [M, X], symmetric=True).source
    P = symbol("P", ("m", "p"))
    seen = contract((P, P, X, X), ("si", "sk", "sj", "sl"), "ijkl")
    assert "einsum" not in body(seen, [P, X])
    slices = contract((P, X, X), ("si", "sj", "sl"), "ijl")
    assert "_slices(P.T, X)" in body(slices, [P, X])
    signed = contract((symbol("c", ("m",)), P, P, X, X), ("s", "si", "sk", "sj", "sl"), "ijkl")
    assert "_blocks(" in body(signed, [symbol("c", ("m",)), P, X])  # c P Pᵀ shows its symmetry


def test_outer_factors_stand_outside() -> None:
    A, x = symbol("A", ("o", "p")), symbol("x", ("n",))
    J = name("J", contract((W, b, x), ("oi", "o", "l"), "oil", {"l": "n"}), "auto")
    text = body(contract((A, J), ("oa", "oil"), "ail"), [A, W, b, x])
    assert text.endswith('return np.einsum("ij,k->ijk", (b[:, None]*A).T @ W, x)'), text  # a matrix product, no array of order 3 in it


def test_no_diagonal_or_identity_is_built() -> None:
    p = softmax_of(ops.add_all(ops.matmul(W, h), b))
    outer = ops.subtract(ops.diag(p), ops.outer(p, p))
    d = symbol("d", ("o",))
    cases = [
        outer,
        contract((W, outer, W), ("ai", "ab", "bj"), "ij"),
        contract((ops.diag(d), W), ("ij", "jk"), "ik"),
        contract((name("D", ops.diag(d)), W), ("ij", "jk"), "ik"),
        identity(("n",)),
        contract((W, h), ("ij", "k"), "iijk"),
        contract((outer, outer), ("ij", "jk"), "ik"),
    ]
    for expr in cases:
        text = body(expr, [W, h, b, d])
        assert not re.search(r"eye\(|np\.diag\(|identity\(|np\.kron", text), text
        assert "np.zeros" not in text or "return result" in text, text
    assert "t" not in re.findall(r"^    (\w+) = np\.zeros", body(cases[3], [W, h, b, d]), re.M)


def test_matrix_products_are_never_einsum() -> None:
    A, B = symbol("A", ("m", "n")), symbol("B", ("n", "k"))
    C, D = symbol("C", ("s", "m", "n")), symbol("D", ("s", "n", "k"))
    for expr in [
        contract((A, B), ("ij", "jk"), "ik"),
        contract((A, B), ("ij", "jk"), "ki"),
        contract((A, h), ("ij", "j"), "i"),
        contract((C, D), ("sij", "sjk"), "sik"),
        contract((C, D), ("sij", "sjk"), "iks"),
        contract((C, B), ("sij", "jk"), "ksi"),
        contract((C, A), ("sij", "ij"), "s"),
        contract((A, A), ("ij", "ij"), ""),
    ]:
        assert "einsum" not in body(expr, [A, B, C, D, h])


def test_order_is_planned() -> None:
    A, B = symbol("A", ("m", "n")), symbol("B", ("n", "k"))
    x = symbol("x", ("k",))
    assert "return A @ (B @ x)" in body(contract((A, B, x), ("ij", "jk", "k"), "i"), [A, B, x])
    assert "np.vdot" in body(contract((A, symbol("G", ("m", "n"))), ("ij", "ij"), ""), [A, symbol("G", ("m", "n"))])


def test_shared_parts_are_computed_once() -> None:
    exprs, inputs = network()
    assert body(exprs, inputs).count("np.tanh") == 1
    A, x = symbol("A", ("n", "n")), symbol("x", ("n",))
    text = body([contract((A, x), ("ij", "j"), "i"), contract((A, x, x), ("ij", "j", "i"), "")], [A, x])
    assert text.count("A @ x") == 1


def test_quotients_powers_and_numbers() -> None:
    x, y = symbol("x", ("n",)), symbol("y", ("n",))
    assert "return y/x" in body(ops.divide(y, x), [x, y])
    assert "return 2*x" in body(scale(2, x), [x])
    assert "return x/3" in body(scale(Fraction(1, 3), x), [x])
    assert "return -0.5*x" in body(scale(Fraction(-1, 2), x), [x])
    assert "return 1 - x*x" in body(ops.subtract(number(1), apply("pow", x, (2,))), [x])
    assert "np.sqrt(x)" in body(apply("pow", x, (Fraction(1, 2),)), [x])
    assert "x**3" in body(apply("pow", x, (3,)), [x])


def test_long_programs_are_linear() -> None:
    x = symbol("x", ("n",))
    a: Expr = x
    inputs = [x]
    for k in range(80):
        inputs.append(symbol(f"W{k}", ("n", "n")))
        a = name(f"a{k}", apply("tanh", ops.matmul(inputs[-1], a)))
    text = body(a, inputs)
    assert len(text.splitlines()) < 200
    deep: Expr = x
    for _ in range(3000):
        deep = apply("tanh", ops.add_all(deep, x))
    assert np.isfinite(generate(deep, [x])(x=[0.5])).all()


def test_source_stands_alone() -> None:
    exprs, inputs = network()
    source = generate(exprs, inputs, name="backward").source
    assert [x for x in source.splitlines() if "import" in x] == ["import numpy as np"]
    space: dict[str, object] = {}
    exec(source, space)  # a test of our own source
    rng = np.random.default_rng(0)
    sizes = {"h": 4, "n": 3, "o": 2}
    given = {s.name: rng.standard_normal([sizes[str(d)] for d in s.shape]) for s in inputs}
    for one, two in zip(space["backward"](**given), generate(exprs, inputs)(**given), strict=True):  # type: ignore[operator]
        assert np.array_equal(one, two)


def test_a_hole_is_refused() -> None:
    with pytest.raises(NoRuleError, match="not yet taken"):
        generate(der(apply("tanh", h), h), [h])


def test_a_long_chain_is_planned_quickly() -> None:
    matrices = [symbol(f"A{k}", ("n", "n")) for k in range(120)]
    x = symbol("x", ("n",))
    chain = contract((*matrices, x), [*((k, k + 1) for k in range(120)), (120,)], (0,))
    start = time.process_time()
    made = generate(chain, [*matrices, x])
    assert time.process_time() - start < 5
    given = {a.name: np.eye(3) * 1.01 for a in matrices}
    assert np.allclose(made(**given, x=[1, 2, 3]), 1.01**120 * np.array([1, 2, 3]))


def test_gradients_of_eighty_layers_are_generated_quickly() -> None:
    x, y = symbol("x", ("n",)), symbol("y", ("n",))
    weights = [symbol(f"W{k}", ("n", "n")) for k in range(80)]
    states: list[Expr] = [x]
    for k, weight in enumerate(weights):
        states.append(name(f"a{k}", apply("tanh", ops.matmul(weight, states[-1]))))
    back: Expr = ops.subtract(states[-1], y)
    gradients = []
    for k in range(79, -1, -1):
        slope = ops.subtract(number(1), ops.multiply(states[k + 1], states[k + 1]))
        delta = name(f"delta_{k}", ops.multiply(back, slope), "cotangent")
        gradients.append(ops.outer(delta, states[k]))
        back = contract((weights[k], delta), ("ij", "i"), "j")
    start = time.process_time()
    text = body(gradients, [x, y, *weights])
    assert time.process_time() - start < 5
    assert text.count("np.tanh") == 80
    assert "delta_3 = (W4.T @ delta_4)*(1 - a3*a3)" in text


def test_what_is_a_transpose_of_what_is_known_is_computed_once() -> None:
    V = symbol("V", ("k", "n"))
    one, other = (apply("tanh", contract((V, X), ("kn", "mn"), out)) for out in ("km", "mk"))
    text = body([contract((one, other), ("km", "mk"), "km"), other], [V, X])
    assert text.count("np.tanh") == text.count("@") == 1


def test_trailing_axes_are_one_axis_of_a_product() -> None:
    """No copy into another order of axes before the product, and none after it."""
    K = symbol("K", ("p", "m", "p", "n"))
    text = body(contract((X, K), ("mj", "imkl"), "ijkl"), [X, K])
    assert "(X.T @ K.reshape(p, m, p*n)).reshape(p, n, p, n)" in text
    text = body(contract((K, X), ("imkl", "jl"), "imkj"), [X, K])
    assert "(K.reshape(p*m*p, n) @ X.T).reshape(p, m, p, m)" in text  # one product, not p m of them


def test_a_large_product_is_planned_through_its_name() -> None:
    """A factor that all terms of a named array have joins the product in which the name is used."""
    M, P = symbol("M", ("m", "p", "p")), symbol("P", ("m", "p"))
    core = add([(2, M), (-1, contract((P, P), ("mi", "mk"), "mik"))], ("m", "p", "p"))
    J = name("J", add([(c, contract((t, X), ("mik", "ml"), "mikl")) for c, t in core.terms], ("m", "p", "p", "n")))  # type: ignore[attr-defined]
    text = body(contract((J, X), ("mikl", "mj"), "ijkl"), [M, P, X])
    assert "_blocks_of(" in text or "_blocks(" in text
    assert "J" not in text
    rng = np.random.default_rng(0)
    m, p, x = rng.standard_normal((5, 3, 3)), rng.standard_normal((5, 3)), rng.standard_normal((5, 4))
    inner = 2 * m - p[:, :, None] * p[:, None, :]
    made = generate(contract((J, X), ("mikl", "mj"), "ijkl"), [M, P, X])(M=m, P=p, X=x)
    assert np.allclose(made, np.einsum("mik,ml,mj->ijkl", inner, x, x))


def test_of_two_views_one_is_a_copy() -> None:
    A = contract((W, X), ("on", "mn"), "om")
    source = generate([A, contract((W, X), ("on", "mn"), "mo")], [W, X], name="f").source
    assert source.count(".copy()") == 1
    result, turned = generate([A, contract((W, X), ("on", "mn"), "mo")], [W, X], name="f").function(
        W=np.ones((2, 3)), X=np.ones((5, 3)))
    turned[:] = 7.0
    assert (result == 3).all()


def test_a_softmax_of_attention_is_no_matrix_for_each_row() -> None:
    Q, K, V = symbol("Q", ("m", "d")), symbol("K", ("n", "d")), symbol("V", ("n", "e"))
    p = softmax_of(contract((Q, K), ("md", "nd"), "mn"))
    slope = add([(1, contract((p,), ("ij",), "ijj")), (-1, contract((p, p), ("ij", "ik"), "ijk"))], ("m", "n", "n"))
    text = body(contract((V, slope, K), ("je", "ijk", "kd"), "ieid"), [Q, K, V])
    assert "m×n×n" not in text


def test_arrays_of_samples_lie_alike() -> None:
    """Samples stand first in every matrix: nothing is combined with a transpose of what lies otherwise."""
    V, Y = symbol("V", ("k", "o")), symbol("Y", ("m", "k"))
    one = apply("tanh", contract((W, X), ("on", "mn"), "om"))
    two = apply("tanh", contract((V, one), ("ko", "om"), "km"))
    text = body(contract((two, Y), ("km", "mk"), "k"), [W, X, V, Y])
    assert "X @ W.T" in text and "@ V.T" in text
    assert ".T.T" not in text and ".T*" not in text and "ij,ji" not in text


def test_a_map_of_what_cannot_be_turned_is_computed_as_it_stands() -> None:
    """The transpose of tanh(z), z a name, is (tanh z)ᵀ, which would be taken from tanh(z) itself, and so on for ever."""
    text = "z = einsum('cl,ock,tkl->ot', x, w, s) + b[:, None]\na = tanh(z)\na * 2"
    shapes = {"x": "2 7", "w": "3 2 3", "s": "4 3 7", "b": "3"}
    rng = np.random.default_rng(3)
    given = {name: rng.standard_normal([int(d) for d in shape.split()]) for name, shape in shapes.items()}
    x, w, s, b = given.values()
    expected = 2 * np.tanh(np.einsum("cl,ock,tkl->ot", x, w, s) + b[:, None])
    assert np.allclose(sd.parse(text, shapes=shapes).numpy()(**given), expected, rtol=1e-13)


def test_a_result_keeps_the_order_that_was_asked_for() -> None:
    given = {"W": np.arange(6.0).reshape(2, 3) / 7, "X": np.arange(15.0).reshape(5, 3) / 11}
    made = generate(apply("tanh", contract((W, X), ("on", "mn"), "om")), [W, X])(**given)
    assert made.flags.c_contiguous
    assert np.allclose(made, np.tanh(given["W"] @ given["X"].T))


def test_a_product_that_is_known_is_used_inside_a_longer_one() -> None:
    """(diag p − p pᵀ) V of every row of X D takes X D once."""
    D = symbol("D", ("o", "n"))
    p = softmax_of(contract((X, W), ("mn", "on"), "mo"))
    value = add([(1, contract((p, X, D), ("mo", "mn", "on"), "mo")),
                 (-1, contract((p, p, X, D), ("mo", "mk", "mn", "kn"), "mo"))], ("m", "o"))  # fmt: skip
    text = body(value, [X, W, D])
    assert text.count("@ D.T") == text.count("X @ W.T") == 1 and text.count("@") == 2, text
    arrays = {"X": np.random.default_rng(0).standard_normal((5, 3)), "W": np.ones((2, 3)), "D": np.arange(6.0).reshape(2, 3)}
    arrays["W"][1] = -0.5
    e = np.exp(arrays["X"] @ arrays["W"].T)
    q, t = e / e.sum(axis=1, keepdims=True), arrays["X"] @ arrays["D"].T
    assert np.allclose(generate(value, [X, W, D])(**arrays), q * t - q * (q * t).sum(axis=1, keepdims=True))


def test_a_long_sum_is_written_term_by_term() -> None:
    terms = [symbol(f"a_rather_long_name_{k}", ("m", "n")) for k in range(8)]
    value = add([(1 if k % 2 else -3, t) for k, t in enumerate(terms)], ("m", "n"))
    text = body([value, ops.multiply(value, value)], terms)
    assert max(map(len, text.splitlines())) <= 120
    arrays = {t.name: np.full((2, 3), float(k)) for k, t in enumerate(terms)}
    made, _ = generate([value, ops.multiply(value, value)], terms)(**arrays)
    assert np.allclose(made, sum(k if k % 2 else -3 * k for k in range(8)))
    assert all((arrays[f"a_rather_long_name_{k}"] == k).all() for k in range(8))  # the caller's arrays are as they were
