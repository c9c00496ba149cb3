"""Entries, slices and arrangements of arrays: NumPy's own answer for the same text, and the derivative by differences."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import symderiv as sd
from symderiv.evaluate import evaluate, numeric_derivative
from symderiv.frontend.environment import declare
from tests.oracles import FAULTS, broken

SHAPES = {"x": "5", "y": "5", "W": "3 5", "T": "2 3 5", "A": "3 3"}
TEXTS = [
    "x[0]", "x[-1]", "x[4]", "x[1:]", "x[:-2]", "x[1:4]", "x[::2]", "x[::-1]", "x[3:0:-1]", "x[None, 1:]", "x[..., None]",
    "W[1]", "W[:, 2]", "W[1, 2]", "W[-1, 1:3]", "W[:2].T", "W[None]", "T[1]", "T[..., 0]", "T[:, 1:, ::2]", "T[0, :, -1]",
    "x.reshape(5, 1)", "W.reshape(5, 3)", "W.reshape(15)", "T.reshape(6, 5)", "W.ravel()", "T.transpose(2, 0, 1)",
    "np.concatenate([x, y])", "np.concatenate([W, W[:1]], axis=0)", "np.stack([x, y])", "np.stack([x, y], axis=1)",
    "np.sum(W, axis=0, keepdims=True) * W", "W - W.mean(axis=1, keepdims=True)", "W + x", "W * x[None, :]", "W[None, :, :] * T",
    "W[:, None] * x",
    "np.linalg.norm(W, axis=1)", "np.clip(x, 0, 1)", "np.maximum(x, y)", "np.minimum(x, 0)", "W.sum(axis=(0, 1))", "T.sum(axis=-1)",
    "np.trace(A) * x", "np.outer(x, y)[1]", "np.diag(A)", "np.diag(x)[1:, 1:]", "np.dot(W, x)", "np.kron(A, A)[0]", "x.dot(y)",
    "np.einsum('ij,j->i', W, x)", "np.einsum('...j,j->...', T, x)", "np.einsum('...ij,jk', T, T[0].T)",
    "np.einsum('b...,b->...', T, x[:2])",
    "np.roll(x, 1)", "np.roll(x, -7)", "np.roll(W, 2, axis=1)", "np.roll(W, 4)", "np.tile(x, 2)", "np.tile(x, (3, 1))", "np.tile(W, 2)",
    "np.tile(W, (2, 1))", "np.repeat(x, 2)", "np.repeat(W, 3, axis=0)", "np.repeat(W, 2)", "np.broadcast_to(x, (3, 5))",
    "np.correlate(x, y[:2])", "np.vecdot(W, W)", "np.linalg.multi_dot([x, W.T, A])", "np.column_stack([x, y, W.T])", "np.cbrt(x)",
    "W.var(axis=1, ddof=1)", "np.std(x, ddof=1)", "np.linalg.norm(x, 3)", "np.linalg.norm(W, 4, axis=1)", "np.linalg.norm(x, 1.5)",
    "np.cumsum(x)", "np.swapaxes(T, 0, 2)", "W.var(axis=0)", "W.std(axis=1, keepdims=True)",
]  # fmt: skip


def values(seed: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=tuple(map(int, shape.split()))) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("text", TEXTS)
def test_the_text_means_what_numpy_means(text):
    given = values()
    expected = eval(text, {"np": np, **given})  # the texts above
    np.testing.assert_allclose(evaluate(sd.parse(text, shapes=SHAPES), given, {}), expected, atol=1e-12)


@pytest.mark.parametrize("text", TEXTS)
def test_its_derivatives_are_right(text):
    names = [name for name in SHAPES if name in text.replace("np.", "").replace("axis", "")]
    for name in names:
        found = sd.derivative(f"sin({text})", name, shapes=SHAPES)
        report = found.verify(trials=3)
        assert report.verdict in ("checked", "unknown"), report.summary()
        assert report.verdict == "checked"
        made = found.numpy()
        given = values()
        wanted = {k: v for k, v in given.items() if k in inspect.signature(made).parameters}
        symbol = declare(SHAPES).symbols[name]
        right = numeric_derivative(sd.parse(f"sin({text})", shapes=SHAPES), [symbol], given, {})
        np.testing.assert_allclose(made(**wanted), right, atol=1e-6)
        assert sd.derivative(f"sum(sin({text}))", name, order=2, shapes=SHAPES).verify(trials=2).verdict != "refuted"


def test_symbolic_sizes():
    found = sd.gradient("sum((x[1:] - x[:-1])**2)", "x", x="n")
    assert found.verify().verdict == "checked"
    assert sd.parse("x[1:]", x="n").shape == sd.parse("x[:-1]", x="n").shape
    assert sd.jacobian("W[:, 0]", "W", W="m n").verify().verdict == "checked"


@pytest.mark.parametrize(("text", "words"), [
    ("x[5]", ["out of bounds"]), ("W[0, 0, 0]", ["3 indices"]), ("x[y]", []), ("x[0.5]", []), ("x[::0]", []),
    ("W.reshape(4, 4)", ["reshape"]),
    ("np.concatenate([x, W])", []), ("x['a']", []), ("x[]", []), ("x[1", []), ("x[1:2:3:4]", []), ("T.transpose(0, 0, 1)", []),
    ("x[10**30]", []), ("np.concatenate([])", []),
])  # fmt: skip
def test_what_cannot_be_meant_is_told_with_the_text(text, words):
    with pytest.raises(sd.SymderivError) as caught:
        sd.parse(text, shapes=SHAPES)
    assert "^" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("name", ["part_entry", "count_entry"])
def test_a_broken_rule_of_entries_is_found(name, fault):
    with broken(name, fault):
        text = "diag(x)[0] @ w + sum(x[1:] * x[0] * w[1:])" if name == "part_entry" else "sum(outer(x[1:2] * 0 + x[0], w))"
        found = sd.gradient(text, "x", x="n", w="n")
        rules = [step.rule for step in found.steps]
        assert name not in rules or found.verify(trials=3).verdict == "refuted"
