"""Compressed derivatives: products and solutions equal those of the dense array."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen import Compressed
from symderiv.errors import EvaluationError, ShapeError, TooLargeError

RNG = np.random.default_rng(3)
CASES: list[tuple[Any, ...]] = [
    ((2, 2), ((0, 2),), (1, 3), (3, 2, 3, 2)),
    ((3, 2, 2), ((0, 2),), (0, 1, 3), (3, 2, 3, 2)),
    ((2, 3, 2), ((0, 2),), (1, 0, 3), (3, 2, 3, 2)),
    ((5,), ((0, 1),), (0,), (5, 5)),
    ((), ((0, 1),), (), (5, 5)),
    ((3, 2), ((0, 2), (1, 3)), (0, 1), (3, 2, 3, 2)),
    ((2,), ((0, 2), (1, 3)), (1,), (3, 2, 3, 2)),
    ((3, 2, 3, 2), (), (0, 1, 2, 3), (3, 2, 3, 2)),
    ((3, 3, 2), ((1, 3),), (0, 2, 1), (3, 2, 3, 2)),
    ((1, 1), ((0, 2),), (1, 3), (4, 1, 4, 1)),
]


@pytest.mark.parametrize(("core", "deltas", "axes", "shape"), CASES)
def test_products_and_solutions(core: Any, deltas: Any, axes: Any, shape: Any) -> None:
    held = Compressed(np.asarray(RNG.standard_normal(core)), deltas, axes, shape)
    dense = held.dense()
    n = len(shape) // 2
    v = RNG.standard_normal(shape[n:])
    product = np.tensordot(dense, v, n)
    assert np.allclose(held @ v, product)
    rows, columns = int(np.prod(shape[:n])), int(np.prod(shape[n:]))
    assert np.allclose(held.solve(product), np.linalg.solve(dense.reshape(rows, columns), product.ravel()).reshape(shape[n:]))
    assert np.allclose(held.solve(product), v)


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 2, 3), (3, 2, 2), (3, 3)])
def test_products_of_jacobians(shape: tuple[int, ...]) -> None:
    for a, b in itertools.combinations(range(len(shape)), 2):
        if shape[a] != shape[b]:
            continue
        axes = tuple(k for k in range(len(shape)) if k != b)
        held = Compressed(RNG.standard_normal([shape[k] for k in axes]), ((a, b),), axes, shape)
        for n in range(len(shape) + 1):
            v = RNG.standard_normal(shape[n:])
            assert np.allclose(held @ v, np.tensordot(held.dense(), v, v.ndim)), (a, b, n)


def test_a_newton_step_costs_its_core() -> None:
    T, U, V = RNG.standard_normal((7, 5)), RNG.standard_normal((7, 2)), RNG.standard_normal((5, 2))
    shapes = {"T": "n m", "U": "n k", "V": "m k"}
    loss = "sum((T - U @ V.T)**2)"
    H = sd.hessian(loss, "U", **shapes).numpy(compress=True)(T=T, U=U, V=V)
    g = sd.gradient(loss, "U", **shapes).numpy()(T=T, U=U, V=V)
    assert H.core.shape == (2, 2)
    assert H.deltas == ((0, 2),)
    best = np.linalg.lstsq(V, T.T, rcond=None)[0].T  # a quadratic: one Newton step is the least-squares solution
    assert np.allclose(U - H.solve(g), best)
    assert np.allclose(H @ U, np.tensordot(H.dense(), U, 2))


def test_what_is_wrong_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Compressed(np.eye(2), ((0, 2),), (1, 3), (3, 2, 3, 2))
    for call in (held.__matmul__, held.solve):
        with pytest.raises(ShapeError, match=r"\(2, 3\)"):
            call(np.ones((2, 3)))
        with pytest.raises(EvaluationError, match="real numbers"):
            call(np.ones((3, 2)) * 1j)
    with pytest.raises(np.linalg.LinAlgError):
        Compressed(np.zeros((2, 2)), ((0, 2),), (1, 3), (3, 2, 3, 2)).solve(np.ones((3, 2)))
    with pytest.raises(np.linalg.LinAlgError):
        Compressed(np.array([1.0, 0.0]), ((0, 1),), (0,), (2, 2)).solve(np.ones(2))
    with pytest.raises(np.linalg.LinAlgError):
        Compressed(np.ones((2, 4)), ((0, 1),), (0, 2), (2, 2, 4)).solve(np.ones((2, 2)))
    with pytest.raises(ShapeError, match="rows"):
        Compressed(np.ones((2, 3)), (), (0, 1), (2, 3)).solve(np.ones(2))
    from symderiv.codegen import memory

    monkeypatch.setattr(memory, "MEMORY_LIMIT", 100)
    with pytest.raises(TooLargeError, match="compress=True"):
        held.dense()
    assert held.solve(np.ones((3, 2))).shape == (3, 2)
    assert held.nbytes == 32
    assert "core (2, 2), δ of axes 0 and 2" in repr(held)
