"""The planned form of the generated source where derivatives of networks have many terms and many axes."""

from __future__ import annotations

import ast
import importlib

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import add, apply, contract, symbol
from symderiv.codegen import generate
from symderiv.codegen.order import contraction_order

X, W = symbol("X", ("m", "n")), symbol("W", ("o", "n"))
NET = "u = tanh(tanh(X @ W1.T) @ W2.T) @ W3.T\n-sum(log_softmax(u, axis=1) * Y)"
SHAPES = {"X": "m n", "Y": "m o", "W1": "p n", "W2": "q p", "W3": "o q", "V1": "p n", "V2": "q p", "V3": "o q"}
ROWS = "sum(Y, axis=1) == 1"
WEIGHTS = ["W1", "W2", "W3"]


def body(source: str) -> str:
    function = ast.parse(source).body[-1]
    assert isinstance(function, ast.FunctionDef)
    return "\n".join(source.splitlines()[function.body[1].lineno - 1 :])


def test_what_terms_share_is_applied_once_to_their_sum() -> None:
    """A Gauss–Newton product goes forward once and back once, however many layers there are."""
    split = sd.gauss_newton(NET, WEIGHTS, at="u", times=["V1", "V2", "V3"], assume=ROWS, shapes=SHAPES)
    text = body(split.G.numpy().source())
    forward = ["X @ W1.T", "@ W2.T", "@ W3.T", "X @ V1.T", "@ V2.T", "@ V3.T"]
    assert [text.count(x) for x in forward] == [1, 2, 2, 1, 1, 1], text
    assert text.count(" @ ") == 13, text
    assert text.count("einsum") == 1


def test_blocks_below_the_diagonal_are_those_above_it() -> None:
    split = sd.gauss_newton(NET, WEIGHTS, at="u", assume=ROWS, shapes=SHAPES)
    made = split.G.numpy()
    text = body(made.source())
    assert text.count('.copy("K")') == 3
    assert text.count("_blocks(") == 3  # each on the diagonal is its own mirror image
    assert "tensordot" not in text
    rng = np.random.default_rng(1)
    sizes = {"m": 4, "n": 3, "p": 5, "q": 2, "o": 6}
    given = {k: rng.standard_normal([sizes[d] for d in SHAPES[k].split()]) for k in ("X", "Y", *WEIGHTS)}
    G = made(**given)
    for a in range(3):
        for b in range(3):
            assert np.allclose(G[a][b], G[b][a].transpose(2, 3, 0, 1), rtol=1e-12, atol=1e-13)
            assert a == b or not np.shares_memory(G[a][b], G[b][a])


def test_a_minus_leaves_the_root_of_a_weight() -> None:
    """− Σ p a a is subtracted, so √p can go into both halves; put into p it would hide that p ≥ 0."""
    text = body(sd.hessian(NET, "W1", assume=ROWS, shapes=SHAPES).numpy().source())
    assert text.count("np.sqrt(") == 1
    assert text.count("tensordot") == text.count("swapaxes") == 0


def test_samples_stand_first_in_large_arrays() -> None:
    a, b = symbol("a", ("m", "p")), symbol("b", ("m", "q"))
    V, Y = symbol("V", ("q", "p")), symbol("Y", ("m", "r"))
    core = apply("tanh", contract((V, a, b), ("qp", "mp", "mq"), "qpm"))
    text = body(generate(contract((core, Y), ("qpm", "mr"), "qpr"), [a, b, V, Y]).source)
    assert "m×q×p" in text or "m×p×q" in text
    assert "q×p×m" not in text


def test_a_product_over_several_axes_is_one_of_matrices() -> None:
    A, B = symbol("A", ("m", "p", "q")), symbol("B", ("m", "r"))
    text = body(generate(contract((A, B), ("mpq", "mr"), "pqr"), [A, B]).source)
    assert "A.reshape(m, p*q).T @ B" in text
    C = symbol("C", ("p", "q", "s"))
    both = contract((A, C), ("mpq", "pqs"), "ms")
    assert "A.reshape(m, p*q) @ C.reshape(p*q, s)" in body(generate(both, [A, C]).source)
    rng = np.random.default_rng(0)
    for shape in ((5, 2, 3), (0, 2, 3), (5, 0, 3), (1, 1, 1)):
        m, p, q = shape
        a, b, c = rng.standard_normal(shape), rng.standard_normal((m, 4)), rng.standard_normal((p, q, 6))
        assert np.allclose(generate(both, [A, C])(A=a, C=c), np.einsum("mpq,pqs->ms", a, c))
        assert np.allclose(generate(contract((A, B), ("mpq", "mr"), "rqp"), [A, B])(A=a, B=b), np.einsum("mpq,mr->rqp", a, b))


def test_the_operator_is_read_and_the_method_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    calling = importlib.import_module("symderiv.codegen.calling")
    monkeypatch.setattr(calling, "compile", lambda tree, *rest: compiled.append(ast.unparse(tree)) or compile(tree, *rest), raising=False)
    made = generate(apply("tanh", contract((X, W), ("mn", "on"), "mo")), [X, W])
    assert "X @ W.T" in made.source and ".dot(" not in made.source
    assert "X.dot(W.T)" in compiled[0] and " @ " not in compiled[0]
    given = {"X": np.arange(6.0).reshape(2, 3), "W": np.ones((4, 3)) / 9}
    assert np.array_equal(made(**given), made.raw(**given))


def test_many_factors_are_planned_without_a_large_array() -> None:
    """h W₃ first, not the outer product of two other factors, though that takes less time by itself."""
    m, p, q, o, r, n = (1 << k for k in range(6))
    factors = (p | q, o | q, m | o | r, r | q, m | p, m | q, m | q, m | n, m | p)
    pairs, _ = contraction_order(factors, p | n | q, (64,) * 6)
    labels = dict(enumerate(factors))
    for number, (a, b) in enumerate(pairs, len(factors)):
        left = labels.pop(a) | labels.pop(b)
        outside = (p | n | q) | sum({1 << k for x in labels.values() for k in range(6) if x >> k & 1})
        labels[number] = left & outside
        assert bin(labels[number]).count("1") <= 3


def test_terms_are_one_where_they_share_factors_at_a_summed_label() -> None:
    A, B, C = symbol("A", ("m", "k")), symbol("B", ("m", "k")), symbol("C", ("k", "n"))
    value = add([(2, contract((A, C), ("mk", "kn"), "mn")), (-2, contract((B, C), ("mk", "kn"), "mn"))], ("m", "n"))
    text = body(generate(value, [A, B, C]).source)
    assert text.count(" @ ") == 1, text
    rng = np.random.default_rng(2)
    a, b, c = rng.standard_normal((5, 3)), rng.standard_normal((5, 3)), rng.standard_normal((3, 4))
    assert np.allclose(generate(value, [A, B, C])(A=a, B=b, C=c), 2 * (a - b) @ c)


def test_a_square_is_no_part_of_a_merged_sum() -> None:
    """AᵀPA − AᵀppᵀA is a product of √P A with itself less an outer product: half the work of Aᵀ (PA − p (Aᵀp)ᵀ)."""
    shapes = {"A": "m n", "x": "n", "b": "m"}
    text = body(sd.hessian("logsumexp(A @ x + b)", "x", shapes=shapes).numpy().source())
    assert "np.sqrt(" in text and text.count(" @ ") == 3, text


def test_a_step_of_a_matrix_is_computed_by_vectorised_functions() -> None:
    Z, z = symbol("Z", ("m", "n")), symbol("z", ("n",))
    made = generate([apply("heaviside", Z), apply("heaviside", z)], [Z, z])
    assert made.source.count("np.heaviside") == 1
    values = np.array([[-2.0, -0.0, 0.0, 3.0, np.nan, np.inf]])
    assert np.array_equal(made(Z=values, z=values[0])[0][0], np.heaviside(values[0], 0.0), equal_nan=True)


def test_large_blocks_are_made_in_parts() -> None:
    """Blocks that don't fit into a cache at once have the same entries."""
    M, s = symbol("M", ("m", "p", "p")), contract((symbol("M", ("m", "p", "p")), X, X), ("sik", "sj", "sl"), "ijkl")
    rng = np.random.default_rng(3)
    for m, p, n in ((300, 11, 120), (300, 3, 120), (7, 40, 9), (2, 1, 1), (0, 3, 2)):
        half, x = rng.standard_normal((m, p, p)), rng.standard_normal((m, n))
        whole = half + half.transpose(0, 2, 1)
        expected = np.einsum("sik,sj,sl->ijkl", whole, x, x, optimize=True)
        for symmetric in (False, True):
            assert np.allclose(generate(s, [M, X], symmetric=symmetric)(M=whole, X=x), expected, rtol=1e-9, atol=1e-9)


def test_an_outer_factor_waits_for_the_sum_of_the_rest() -> None:
    """∂(softmax(Q Kᵀ) V)/∂K: V − (P V) is made before Q comes in, and no matrix for each row."""
    shapes = {"Q": "m d", "K": "n d", "V": "n e"}
    derivation = sd.jacobian("softmax(Q @ K.T, axis=1) @ V", "K", shapes=shapes)
    text = body(derivation.numpy().source())
    assert "m×n×n" not in text and text.count(" @ ") == 2, text
    rng = np.random.default_rng(4)
    Q, K, V = rng.standard_normal((3, 2)), rng.standard_normal((4, 2)), rng.standard_normal((4, 5))
    p = np.exp(Q @ K.T)
    p /= p.sum(axis=1, keepdims=True)
    slope = np.einsum("mn,nk->mnk", p, np.eye(4)) - p[:, :, None] * p[:, None, :]
    assert np.allclose(derivation.numpy()(Q=Q, K=K, V=V), np.einsum("mkn,ke,md->mend", slope, V, Q))


def test_a_bias_sums_what_the_weights_multiply() -> None:
    """∂L/∂b₁ is the column sums of the array that Xᵀ is multiplied by for ∂L/∂W₁: no second pass with a product."""
    net = "Z = tanh(X @ W1.T + b1)\nu = Z @ W2.T + b2\n-sum(log_softmax(u, axis=1) * Y) / m"
    shapes = {"X": "m d", "Y": "m o", "W1": "h d", "b1": "h", "W2": "o h", "b2": "o"}
    derivation = sd.gradient(net, ["W1", "b1", "W2", "b2"], assume=ROWS, shapes=shapes)
    text = body(derivation.numpy().source())
    assert "einsum" not in text and text.count(".sum(axis=0)") == 2 and "np.negative" not in text, text
    assert derivation.verify(trials=2)


def test_a_product_that_is_there_is_summed() -> None:
    A, B = symbol("A", ("m", "k")), symbol("B", ("m", "k"))
    both = [contract((A, B), ("mk", "mk"), "mk"), contract((A, B), ("mk", "mk"), "k")]
    made = generate(both, [A, B])
    assert "einsum" not in made.source and ".sum(axis=0)" in made.source
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    assert np.allclose(made(A=a, B=b)[1], np.einsum("mk,mk->k", a, b))
    assert "einsum" in generate(both[1:], [A, B]).source  # no product only to sum it


def test_a_minus_in_front_of_a_difference_is_no_operation() -> None:
    A, B, C = (symbol(x, ("m", "n")) for x in "ABC")
    value = add([(-1, contract((add([(1, A), (-1, B)], ("m", "n")), apply("exp", C)), ("mn", "mn"), "mn"))], ("m", "n"))
    made = generate(value, [A, B, C])
    text = body(made.source)
    assert "np.negative" not in text and "B - A" in text, text
    a, b, c = np.random.default_rng(6).standard_normal((3, 2, 4))
    assert np.allclose(made(A=a, B=b, C=c), (b - a) * np.exp(c))
