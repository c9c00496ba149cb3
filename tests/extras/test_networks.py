"""The networks of papers, written as programs: gradients by every symbol, and Hessians, as PyTorch and JAX compute them.

The same function is given to both oracles: ``f(np, nn, …)`` with each library's own names.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import symderiv as sd

WORST = 1e-10
SIZES = {"b": 2, "n": 3, "h": 4, "o": 5, "t": 6, "d": 7, "e": 2}

JAX = SimpleNamespace(
    tanh=jnp.tanh, sqrt=jnp.sqrt, einsum=jnp.einsum, sigmoid=jax.nn.sigmoid, silu=jax.nn.silu, maximum=jnp.maximum,
    softmax=lambda x: jax.nn.softmax(x, axis=-1), mean=lambda x, axis: jnp.mean(x, axis=axis, keepdims=True),
    var=lambda x, axis: jnp.var(x, axis=axis, keepdims=True), sum=jnp.sum,
    conv=lambda x, w, s, p: jax.lax.conv_general_dilated(x[None], w, (s,), [(p, p)], dimension_numbers=("NCW", "OIW", "NCW"))[0],
)  # fmt: skip
TORCH = SimpleNamespace(
    tanh=torch.tanh, sqrt=torch.sqrt, einsum=torch.einsum, sigmoid=torch.sigmoid, silu=torch.nn.functional.silu,
    maximum=lambda x, y: torch.clamp(x, min=y),
    softmax=lambda x: torch.softmax(x, dim=-1), mean=lambda x, axis: torch.mean(x, dim=axis, keepdim=True),
    var=lambda x, axis: torch.var(x, dim=axis, keepdim=True, correction=0), sum=torch.sum,
    conv=lambda x, w, s, p: torch.nn.functional.conv1d(x, w, stride=s, padding=p),
)  # fmt: skip


def gru(m: Any, Wr: Any, Ur: Any, Wz: Any, Uz: Any, Wn: Any, Un: Any, x: Any, q: Any, v: Any) -> Any:
    r, z = m.sigmoid(Wr @ x + Ur @ q), m.sigmoid(Wz @ x + Uz @ q)
    return v @ ((1 - z) * m.tanh(Wn @ x + r * (Un @ q)) + z * q)


def lstm(m: Any, Wi: Any, Wf: Any, Wg: Any, Wo: Any, Ui: Any, Uf: Any, x: Any, q: Any, c: Any, v: Any) -> Any:
    i, f, o = m.sigmoid(Wi @ x + Ui @ q), m.sigmoid(Wf @ x + Uf @ q), m.sigmoid(Wo @ x)
    return v @ (o * m.tanh(f * c + i * m.tanh(Wg @ x)))


def rnn(m: Any, W: Any, U: Any, x1: Any, x2: Any, x3: Any, q: Any, v: Any) -> Any:
    for x in (x1, x2, x3):
        q = m.tanh(W @ x + U @ q)
    return v @ q


def heads(m: Any, X: Any, Wq: Any, Wk: Any, Wv: Any, Wo: Any, C: Any) -> Any:
    q, k, v = (m.einsum("tn,end->etd", X, W) for W in (Wq, Wk, Wv))
    weights = m.softmax(m.einsum("etd,esd->ets", q, k) / 7**0.5)
    return m.sum(C * m.einsum("ets,esd,edn->tn", weights, v, Wo))


def normed(axis: int) -> Callable[..., Any]:
    def f(m: Any, X: Any, g: Any, b: Any, C: Any) -> Any:
        return m.sum(C * (g * (X - m.mean(X, axis)) / m.sqrt(m.var(X, axis) + 1e-5) + b))
    return f


NORM = "sum(C * (g * (X - mean(X, axis={0}, keepdims=True)) / sqrt(var(X, axis={0}, keepdims=True) + 1e-5) + b))"
NETWORKS: dict[str, tuple[str, dict[str, str], Callable[..., Any], tuple[str, ...]]] = {
    "residual": ("v @ (x + W2 @ tanh(W1 @ x + c))", {"W1": "h n", "c": "h", "W2": "n h", "x": "n", "v": "n"},
                 lambda m, W1, c, W2, x, v: v @ (x + W2 @ m.tanh(W1 @ x + c)), ("x", "W1")),
    "gated linear unit": ("v @ ((W @ x + c) * sigmoid(V @ x))", {"W": "h n", "V": "h n", "c": "h", "x": "n", "v": "h"},
                          lambda m, W, V, c, x, v: v @ ((W @ x + c) * m.sigmoid(V @ x)), ("x", "V")),
    "swiglu": ("v @ (W2 @ (silu(W @ x) * (V @ x)))", {"W": "h n", "V": "h n", "W2": "o h", "x": "n", "v": "o"},
               lambda m, W, V, W2, x, v: v @ (W2 @ (m.silu(W @ x) * (V @ x))), ("x", "W")),
    "gru": ("""
        r = sigmoid(Wr @ x + Ur @ q)
        z = sigmoid(Wz @ x + Uz @ q)
        s = tanh(Wn @ x + r * (Un @ q))
        v @ ((1 - z) * s + z * q)""",
            {"Wr": "h n", "Ur": "h h", "Wz": "h n", "Uz": "h h", "Wn": "h n", "Un": "h h", "x": "n", "q": "h", "v": "h"},
            gru, ("q", "Ur", "Un")),
    "lstm": ("""
        i = sigmoid(Wi @ x + Ui @ q)
        f = sigmoid(Wf @ x + Uf @ q)
        s = sigmoid(Wo @ x)
        k = f * c + i * tanh(Wg @ x)
        v @ (s * tanh(k))""",
             {"Wi": "h n", "Wf": "h n", "Wg": "h n", "Wo": "h n", "Ui": "h h", "Uf": "h h", "x": "n", "q": "h", "c": "h", "v": "h"},
             lstm, ("c", "q", "Wi")),
    "recurrent, three steps": ("""
        h1 = tanh(W @ x1 + U @ q)
        h2 = tanh(W @ x2 + U @ h1)
        h3 = tanh(W @ x3 + U @ h2)
        v @ h3""", {"W": "h n", "U": "h h", "x1": "n", "x2": "n", "x3": "n", "q": "h", "v": "h"}, rnn, ("q", "U")),
    "batch norm": (NORM.format(0), {"X": "t n", "g": "n", "b": "n", "C": "t n"}, normed(0), ("g", "X")),
    "layer norm": (NORM.format(1), {"X": "t n", "g": "n", "b": "n", "C": "t n"}, normed(1), ("g", "X")),
    "rms norm": ("sum(C * g * X / sqrt(mean(X**2, axis=-1, keepdims=True) + 1e-5))", {"X": "t n", "g": "n", "C": "t n"},
                 lambda m, X, g, C: m.sum(C * g * X / m.sqrt(m.mean(X**2, -1) + 1e-5)), ("X",)),
    "attention": ("sum(C * (softmax(Q @ K.T / sqrt(d)) @ V))", {"Q": "t d", "K": "h d", "V": "h o", "C": "t o"},
                  lambda m, Q, K, V, C: m.sum(C * (m.softmax(Q @ K.T / 7**0.5) @ V)), ("Q", "K")),
    "several heads": ("""
        Q = einsum("tn,end->etd", X, Wq)
        K = einsum("tn,end->etd", X, Wk)
        V = einsum("tn,end->etd", X, Wv)
        A = softmax(einsum("etd,esd->ets", Q, K) / sqrt(d), axis=-1)
        sum(C * einsum("ets,esd,edn->tn", A, V, Wo))""",
                      {"X": "t n", "Wq": "e n d", "Wk": "e n d", "Wv": "e n d", "Wo": "e d n", "C": "t n"}, heads, ("Wq", "X")),
    "convolution": ("sum(C * tanh(conv1d(X, W, stride=2, padding=1)))", {"X": "2 7", "W": "5 2 3", "C": "5 4"},
                    lambda m, X, W, C: m.sum(C * m.tanh(m.conv(X, W, 2, 1))), ("X", "W")),
    "mixture of experts": ('v @ einsum("e,eon,n->o", softmax(G @ x), W, x)', {"G": "e n", "W": "e o n", "x": "n", "v": "o"},
                           lambda m, G, W, x, v: v @ m.einsum("e,eon,n->o", m.softmax(G @ x), W, x), ("x", "G")),
    "a batch": ("sum(C * maximum(X @ W + c, 0)) / t", {"X": "t n", "W": "n o", "c": "o", "C": "t o"},
                lambda m, X, W, c, C: m.sum(C * m.maximum(X @ W + c, 0.0)) / 6, ("W",)),
}  # fmt: skip


def size(word: str) -> int:
    return int(word) if word.isdigit() else SIZES[word]


def arrays(shapes: dict[str, str]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {name: random.normal(size=[size(d) for d in shape.split()]) for name, shape in shapes.items()}


def ours(derivation: Any, given: dict[str, np.ndarray]) -> np.ndarray:
    """Of a linear function the derivative doesn't depend on all symbols, but it may be called with all."""
    return np.asarray(derivation.numpy()(**given))


def worst(derivative: str, name: str, wrt: str, program: str | None = None) -> float:
    """The largest difference from either oracle."""
    text, shapes, function, _ = NETWORKS[name]
    given = arrays(shapes)
    place = list(shapes).index(wrt)
    found = ours(getattr(sd, derivative)(program or text, wrt, shapes=shapes), given)
    by_jax = {"gradient": jax.grad, "hessian": jax.hessian}[derivative](lambda *a: function(JAX, *a), place)
    by_torch = {"gradient": torch.func.grad, "hessian": torch.func.hessian}[derivative](lambda *a: function(TORCH, *a), place)
    expected = np.asarray(by_jax(*map(jnp.asarray, given.values())))
    other = by_torch(*map(torch.as_tensor, given.values())).numpy()
    assert found.shape == expected.shape
    return float(max(np.abs(found - expected).max(), np.abs(found - other).max()))


@pytest.mark.parametrize(("name", "wrt"), [(name, wrt) for name, row in NETWORKS.items() for wrt in row[1]])
def test_gradients(name: str, wrt: str) -> None:
    assert worst("gradient", name, wrt) < WORST


@pytest.mark.parametrize(("name", "wrt"), [(name, wrt) for name, row in NETWORKS.items() for wrt in row[3]])
def test_hessians(name: str, wrt: str) -> None:
    assert worst("hessian", name, wrt) < WORST


@pytest.mark.parametrize(("name", "before", "after"), [
    ("gru", "(1 - z) * s", "(1 - z) * s * 1.000001"), ("several heads", "sqrt(d)", "sqrt(d + 1)"),
    ("batch norm", "axis=0, keepdims=True) + 1e-5", "axis=0, keepdims=True) + 2e-5"),
    ("convolution", "padding=1", "padding=1, dilation=1) * (1 + 1/1000000"),
])  # fmt: skip
def test_a_planted_fault_is_seen(name: str, before: str, after: str) -> None:
    text, shapes, _, _ = NETWORKS[name]
    assert before in text
    assert worst("gradient", name, next(iter(shapes)), text.replace(before, after)) > WORST
