"""A network's gradient and Hessian, as the oracles of this folder compute them: the frame of the other tests here."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import symderiv as sd

PROGRAM = """
    a = tanh(W1 @ x + b1)
    u = W2 @ a
    -y @ log_softmax(u)
"""
SHAPES = {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "y": "o"}
SIZES = {"n": 2, "h": 3, "o": 5}
WORST = 1e-12


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """An array for each symbol of the program, sizes all different."""
    random = np.random.default_rng(seed)
    return {name: random.normal(size=[SIZES[d] for d in shape.split()]) for name, shape in SHAPES.items()}


def jax_loss(W1, x, b1, W2, y):
    return -y @ jax.nn.log_softmax(W2 @ jnp.tanh(W1 @ x + b1))


def torch_loss(W1, x, b1, W2, y):
    return -y @ torch.log_softmax(W2 @ torch.tanh(W1 @ x + b1), dim=-1)


@pytest.mark.parametrize("wrt", ["W1", "b1", "x", "W2"])
def test_gradient_and_hessian_equal_both_oracles(wrt: str) -> None:
    given = arrays()
    gradient = sd.gradient(PROGRAM, wrt, shapes=SHAPES).numpy()(**given)
    hessian = sd.hessian(PROGRAM, wrt, shapes=SHAPES).numpy()(**given)
    names = list(given)
    place = names.index(wrt)
    values = [jnp.asarray(v) for v in given.values()]
    tensors = [torch.as_tensor(v) for v in given.values()]
    for first, second in (
        (jax.grad(jax_loss, place)(*values), jax.hessian(jax_loss, place)(*values)),
        (torch.func.grad(torch_loss, place)(*tensors), torch.func.hessian(torch_loss, place)(*tensors)),
    ):
        assert np.abs(gradient - np.asarray(first)).max() < WORST
        assert np.abs(hessian - np.asarray(second)).max() < WORST


def test_a_planted_fault_is_seen() -> None:
    given = arrays()
    wrong = sd.gradient(PROGRAM.replace("-y", "-1.000001*y"), "W1", shapes=SHAPES).numpy()(**given)
    right = jax.grad(jax_loss)(*(jnp.asarray(v) for v in given.values()))
    assert np.abs(wrong - np.asarray(right)).max() > WORST
