"""The workloads: a formula for symderiv, arrays, hand-written forms, and the same derivative in JAX and PyTorch.

Add a workload: one `Workload` in `WORKLOADS`, its hand-written form in `experts`, its function in `peers`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import symderiv as sd
from benchmarks import experts, peers

Sizes = Mapping[str, int]
Arrays = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """``derive()`` gives a function of the arrays by keyword; ``shapes`` are those of the arrays, in the peers' order.

    ``goal`` says what is aimed at beside the peers: "ahead", "level", or "" where no goal was set before measuring.
    """

    key: str
    title: str
    derive: Callable[[], Callable[..., Any]]
    shapes: Mapping[str, str]
    sizes: tuple[Sizes, ...]
    experts: Mapping[str, Callable[..., Any]]
    peer: peers.Peer | None = None
    onehot: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    definite: tuple[str, ...] = ()
    goal: str = ""

    def arrays(self, sizes: Sizes, seed: int = 0) -> Arrays:
        """Random arrays, weights scaled as layers are."""
        rng = np.random.default_rng(seed)
        result: Arrays = {}
        for name, text in self.shapes.items():
            shape = tuple(sizes[d] for d in text.split())
            value = rng.standard_normal(shape)
            if name in self.onehot:
                value = np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
            elif name in self.signs:
                value = np.sign(value)
            elif name in self.definite:
                value = value @ value.T / len(value) + np.eye(len(value))
            elif name.lower().startswith("w"):
                value /= math.sqrt(shape[-1])
            result[name] = value
        return result


def each(names: str, *numbers: int, **others: int) -> tuple[Sizes, ...]:
    """The same number for all these sizes, once for every number.

    >>> each("n o", 3, 100, m=32)
    ({'m': 32, 'n': 3, 'o': 3}, {'m': 32, 'n': 100, 'o': 100})
    """
    return tuple({**others, **dict.fromkeys(names.split(), n)} for n in numbers)


RELU_LAYERS = 10
RELU = "\n".join(
    ["z1 = relu(W1 @ x)"]
    + [f"z{k} = relu(W{k} @ z{k - 1})" for k in range(2, RELU_LAYERS)]
    + [f"-y @ log_softmax(W{RELU_LAYERS} @ z{RELU_LAYERS - 1})"]
)
SAMPLE = "-y @ log_softmax(W3 @ tanh(W2 @ tanh(W1 @ x)))"
BATCH = "u = tanh(tanh(X @ W1.T) @ W2.T) @ W3.T\n-sum(log_softmax(u, axis=1) * Y)"
MEAN = "Z = tanh(X @ W1.T + b1)\nu = Z @ W2.T + b2\n-sum(log_softmax(u, axis=1) * Y) / m"
TANH = "tanh(W3 @ tanh(W2 @ tanh(W1 @ x + b1) + b2) + b3)"
FACTORED = "sum((T - U @ V.T)**2)"
NORM = "g * (x - mean(x)) / sqrt(var(x) + 0.00001) + b"
ROWS = "sum(Y, axis=1) == 1"

LAYER = {"W": "o n", "h": "n", "b": "o"}
CHAIN = {"W1": "p n", "b1": "p", "W2": "q p", "b2": "q", "W3": "o q", "b3": "o", "x": "n"}
TWO = {"X": "m d", "Y": "m o", "W1": "h d", "b1": "h", "W2": "o h", "b2": "o"}
REGRESSION = {"X": "m n", "y": "m", "w": "n"}
FACTORS = {"T": "n n", "U": "n k", "V": "n k"}
ONE = {"x": "n", "y": "o", "W1": "p n", "W2": "q p", "W3": "o q"}
MANY = {"X": "m n", "Y": "m o", "W1": "p n", "W2": "q p", "W3": "o q"}
DEEP = {"x": "n", "y": "n", **{f"W{k}": "n n" for k in range(1, RELU_LAYERS + 1)}}
DIRECTIONS = {**MANY, "V1": "p n", "V2": "q p", "V3": "o q"}
TENSOR = {"W1": "h n", "b1": "h", "W2": "o h", "b2": "o", "x": "n"}
NORMED = {"x": "n", "g": "n", "b": "n"}
HEADS = {"Q": "m d", "K": "n d", "V": "n e"}
NORMAL = {"S": "n n", "r": "n"}
CLASSES = {"X": "m n", "Y": "m o", "W": "o n"}


def _core() -> Callable[..., Any]:
    function = sd.hessian(FACTORED, "U", shapes=FACTORS).numpy(compress=True)
    return lambda T, U, V: function(T=T, U=U, V=V).core


def _step() -> Callable[..., Any]:
    gradient = sd.gradient(FACTORED, "U", shapes=FACTORS)
    both = sd.hessian(FACTORED, "U", shapes=FACTORS).numpy(compress=True, also=gradient)

    def step(T: Any, U: Any, V: Any) -> Any:
        H, g = both(T=T, U=U, V=V)
        return U - H.solve(g)

    return step


WORKLOADS: tuple[Workload, ...] = (
    Workload("1", "Jacobian of softmax(W h + b)",
             lambda: sd.jacobian("softmax(W @ h + b)", "h", shapes=LAYER).numpy(),
             LAYER, each("o n", 3, 10, 30, 100, 300, 1000), experts.softmax_jacobian,
             peers.jacobians(peers.softmax_layer, 1), goal="ahead"),
    Workload("2", "Jacobian of a 3-layer tanh network",
             lambda: sd.jacobian(TANH, "x", shapes=CHAIN).numpy(),
             CHAIN, each("n p q o", 3, 200, 1000), experts.mlp_jacobian,
             peers.jacobians(peers.tanh_network, 6), goal="level"),
    Workload("3", "gradients of a 2-layer network, mean cross-entropy",
             lambda: sd.gradient(MEAN, ["W1", "b1", "W2", "b2"], assume=ROWS, shapes=TWO).numpy(),
             TWO, (*each("m d h o", 3), {"m": 256, "d": 784, "h": 128, "o": 10}), experts.mlp_gradient,
             peers.gradients(peers.mean_cross_entropy, (2, 3, 4, 5)), onehot=("Y",), goal="level"),
    Workload("4", "Hessian of logistic regression",
             lambda: sd.hessian("sum(softplus(-y * (X @ w)))", "w", assume="y**2 == 1", shapes=REGRESSION).numpy(),
             REGRESSION, tuple({"m": 2 * n, "n": n} for n in (3, 10, 30, 100, 300, 1000)), experts.logistic_hessian,
             peers.hessians(peers.logistic, 2), signs=("y",), goal="ahead"),
    Workload("5a", "Hessian of ‖T − U Vᵀ‖² by U, dense",
             lambda: sd.hessian(FACTORED, "U", shapes=FACTORS).numpy(),
             FACTORS, ({"n": 3, "k": 2}, *({"n": n, "k": 5} for n in (10, 50, 100, 200))), experts.factored_hessian,
             peers.hessians(peers.factored, 1), goal="ahead"),
    Workload("5b", "the same, its core alone (`compress=True`)", _core,
             FACTORS, ({"n": 3, "k": 2}, *({"n": n, "k": 5} for n in (50, 200))), experts.factored_core,
             peers.rows(peers.factored_row), goal="ahead"),
    Workload("5c", "a Newton step on it, through its core", _step,
             FACTORS, tuple({"n": n, "k": 5} for n in (50, 200)), experts.factored_step),
    Workload("6", "Hessian of a 3-layer network by W1, one sample",
             lambda: sd.hessian(SAMPLE, "W1", assume="sum(y) == 1", shapes=ONE).numpy(),
             ONE, each("n p q o", 3, 10, 20, 30), experts.network_hessian,
             peers.hessians(peers.network_sample, 2), onehot=("y",)),
    Workload("6m", "the same, 32 samples",
             lambda: sd.hessian(BATCH, "W1", assume=ROWS, shapes=MANY).numpy(),
             MANY, each("n p q o", 3, 10, 30, m=32), experts.network_hessian_batch,
             peers.hessians(peers.network_batch, 2), onehot=("Y",), goal="ahead"),
    Workload("6r", "Hessian of a 10-layer ReLU network by W1, one sample",
             lambda: sd.hessian(RELU, "W1", assume="sum(y) == 1", shapes=DEEP).numpy(),
             DEEP, each("n", 3, 10, 30), experts.relu_hessian,
             peers.hessians(peers.relu_network, 2), onehot=("y",)),
    Workload("7a", "Gauss–Newton matrix of a 3-layer network, last layer",
             lambda: sd.gauss_newton(BATCH, "W3", at="u", assume=ROWS, shapes=MANY).G.numpy(),
             MANY, (*each("m n p q o", 3), {"m": 256, "n": 128, "p": 128, "q": 128, "o": 10}),
             experts.gauss_newton_last, peers.gauss_newton_last, onehot=("Y",), goal="ahead"),
    Workload("7b", "the same, all layers (nine blocks)",
             lambda: sd.gauss_newton(BATCH, ["W1", "W2", "W3"], at="u", assume=ROWS, shapes=MANY).G.numpy(),
             MANY, (*each("m n p q o", 3), {"m": 32, "n": 20, "p": 20, "q": 20, "o": 10}),
             experts.gauss_newton_all, peers.gauss_newton_all, onehot=("Y",), goal="ahead"),
    Workload("7c", "Gauss–Newton product, all layers",
             lambda: sd.gauss_newton(BATCH, ["W1", "W2", "W3"], at="u", times=["V1", "V2", "V3"], assume=ROWS,
                                     shapes=DIRECTIONS).G.numpy(),
             DIRECTIONS, (*each("m n p q o", 3), {"m": 256, "n": 784, "p": 128, "q": 128, "o": 10}),
             experts.gauss_newton_product, peers.gauss_newton_product, onehot=("Y",), goal="ahead"),
    Workload("8", "Hessian tensor of a 2-layer tanh network",
             lambda: sd.hessian("tanh(W2 @ tanh(W1 @ x + b1) + b2)", "x", shapes=TENSOR).numpy(),
             TENSOR, (*each("n h o", 3, 50), {"n": 100, "h": 100, "o": 50}), experts.tensor_hessian,
             peers.tensors(peers.tensor_network, 4), goal="level"),
    Workload("9", "Hessian of Poisson regression",
             lambda: sd.hessian("sum(exp(X @ w)) - y @ (X @ w)", "w", shapes=REGRESSION).numpy(),
             REGRESSION, tuple({"m": 2 * n, "n": n} for n in (3, 100, 500)), experts.poisson_hessian,
             peers.hessians(peers.poisson, 2)),
    Workload("10", "Jacobian of a layer norm",
             lambda: sd.jacobian(NORM, "x", shapes=NORMED).numpy(),
             NORMED, each("n", 3, 100, 1000), experts.layer_norm_jacobian, peers.jacobians(peers.layer_norm, 0)),
    Workload("11", "Jacobian of an attention head by its queries",
             lambda: sd.jacobian("softmax(Q @ K.T, axis=1) @ V", "Q", shapes=HEADS).numpy(),
             HEADS, (*each("m n d e", 3), {"m": 64, "n": 64, "d": 32, "e": 32}), experts.attention_jacobian,
             peers.jacobians(peers.attention, 0)),
    Workload("12", "gradient of a Gaussian log-likelihood by Σ",
             lambda: sd.gradient("(r @ inv(S) @ r + logdet(S)) / 2", "S", assume="pd(S)", shapes=NORMAL).numpy(),
             NORMAL, each("n", 3, 100, 300), experts.gaussian_gradient, peers.gradients(peers.gaussian, 0),
             definite=("S",)),
    Workload("13", "Hessian–vector product of multinomial regression",
             lambda: sd.hessian("-sum(log_softmax(X @ W.T, axis=1) * Y)", "W", times="D", assume=ROWS,
                                shapes=CLASSES).numpy(),
             {**CLASSES, "D": "o n"}, ({"m": 5, "n": 3, "o": 3}, {"m": 1000, "n": 100, "o": 10}),
             experts.multinomial_product, peers.products(peers.multinomial, 2), onehot=("Y",)),
)
BY_KEY = {w.key: w for w in WORKLOADS}


def size_text(sizes: Sizes) -> str:
    """The sizes as one short text.

    >>> size_text({"n": 100, "o": 100}), size_text({"m": 200, "n": 100})
    ('n = o = 100', 'm = 200, n = 100')
    """
    names: dict[int, list[str]] = {}
    for name, n in sizes.items():
        names.setdefault(n, []).append(name)
    return ", ".join(" = ".join([*group, str(n)]) for n, group in names.items())


__all__ = ["BATCH", "BY_KEY", "ROWS", "WORKLOADS", "Workload", "each", "size_text"]
