"""One function of several derivations: each result is what its own function gives, and what they share is computed once."""

from __future__ import annotations

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen import Compressed
from symderiv.errors import SymderivError

FACTORED, SHAPES = "sum((T - U @ V.T)**2)", {"T": "n n", "U": "n k", "V": "n k"}


def arrays(n: int = 7, k: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"T": rng.standard_normal((n, n)), "U": rng.standard_normal((n, k)), "V": rng.standard_normal((n, k))}


def test_a_newton_step_from_one_function() -> None:
    """T − UVᵀ is quadratic in U: after the step the gradient vanishes; VᵀV is computed once for both."""
    hessian, gradient = (f(FACTORED, "U", shapes=SHAPES) for f in (sd.hessian, sd.gradient))
    made = hessian.numpy(compress=True, also=gradient)
    assert made.source().count("V.T @ V") == 1
    for n, k in ((7, 2), (3, 5)):
        given = arrays(n, k)
        H, g = made(**given)
        assert isinstance(H, Compressed) and np.allclose(g, gradient.numpy()(**given))
        assert np.allclose(H.dense(), hessian.numpy()(**given))
        if n > k:
            assert np.allclose(gradient.numpy()(**{**given, "U": given["U"] - H.solve(g)}), 0, atol=1e-10)


def test_results_keep_their_form() -> None:
    """Several variables give a tuple in the tuple; several derivations stand in their order."""
    both = sd.gradient(FACTORED, ["U", "V"], shapes=SHAPES)
    one, hessian = sd.gradient(FACTORED, "T", shapes=SHAPES), sd.hessian(FACTORED, "V", shapes=SHAPES)
    given = arrays()
    (gu, gv), gt, H = both.numpy(also=[one, hessian])(**given)
    for found, expected in zip((gu, gv, gt, H), (*both.numpy()(**given), one.numpy()(**given), hessian.numpy()(**given)), strict=True):
        assert np.allclose(found, expected) and not np.shares_memory(found, given["T"])
    assert "Gradient by U, V" in both.numpy(also=one).source() and "Gradient by T" in both.numpy(also=one).source()


def test_an_array_of_four_axes_beside_a_hessian_is_not_taken_for_symmetric() -> None:
    jacobian = sd.jacobian("tanh(X @ W.T)", "W", shapes={"X": "n n", "W": "n n"})
    hessian = sd.hessian("sum(tanh(X @ W.T)**2)", "W", shapes={"X": "n n", "W": "n n"})
    rng = np.random.default_rng(1)
    X, W = rng.standard_normal((2, 3, 3))
    H, J = hessian.numpy(also=jacobian)(X=X, W=W)
    assert np.allclose(H, hessian.numpy()(X=X, W=W)) and np.allclose(J, jacobian.numpy()(X=X, W=W))


def test_a_matrix_by_vec_stands_alone() -> None:
    vec = sd.jacobian("T @ U", "U", shapes=SHAPES, vec=True)
    with pytest.raises(SymderivError, match="vec"):
        vec.numpy(also=sd.gradient(FACTORED, "U", shapes=SHAPES))
