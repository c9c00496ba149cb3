"""Conventions as data: each conversion proved, and compared with the matrices that PyTorch's definitions give in NumPy."""

from __future__ import annotations

import doctest
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import symderiv as sd
from symderiv.conventions import _TERMS, CONVENTIONS, Convention, _curvature, convert, loss_of
from symderiv.verify import same_value

SAMPLES, OUTPUTS, INPUTS = 4, 3, 2


@pytest.mark.parametrize("loss", _TERMS)
def test_every_conversion_is_proved_and_undone(loss):
    for a, b in product(CONVENTIONS, CONVENTIONS):
        there, back = convert(a, b, loss), convert(b, a, loss)
        assert there.verdict.status == "proved", there
        assert there.factor_at(SAMPLES, OUTPUTS) * back.factor_at(SAMPLES, OUTPUTS) == 1
        assert there.transposes == back.transposes


def test_a_wrong_factor_is_seen():
    one, other = (_curvature(CONVENTIONS[n], "squared_error") for n in ("textbook", "torch"))
    assert not same_value(one, other, (), 2)


def test_the_losses_are_the_libraries():
    """Squared error: torch's mean over all entries, kfac-jax's Σ/m, nngeometry's unit variance."""
    rng = np.random.default_rng(0)
    u, y = rng.normal(size=(SAMPLES, OUTPUTS)), rng.normal(size=(SAMPLES, OUTPUTS))
    wanted = {"torch": np.mean((u - y) ** 2), "kfac_jax": np.sum((u - y) ** 2) / SAMPLES, "nngeometry": np.sum((u - y) ** 2) / SAMPLES / 2,
              "textbook": np.sum((u - y) ** 2) / 2, "backpack": np.mean((u - y) ** 2), "curvlinops": np.mean((u - y) ** 2)}
    for name, value in wanted.items():
        made = sd.parse(loss_of(CONVENTIONS[name], "squared_error"), u="m o", y="m o").numpy()(u=u, y=y)
        assert np.isclose(made, value), name


@pytest.mark.parametrize(("a", "b"), [("backpack", "textbook"), ("kfac_jax", "nngeometry"), ("curvlinops", "kfac_jax")])
def test_matrices_of_a_layer_are_converted(a, b):
    """G of W in u = A Wᵀ, built from each convention's loss and laid out as it says."""
    rng = np.random.default_rng(1)
    A, W, y = rng.normal(size=(SAMPLES, INPUTS)), rng.normal(size=(OUTPUTS, INPUTS)), rng.normal(size=(SAMPLES, OUTPUTS))

    def matrix(c: Convention) -> np.ndarray:
        split = sd.gauss_newton(f"u = A @ W.T; {loss_of(c, 'squared_error')}", "W", at="u", A="m n", W="o n", y="m o")
        g = split.G.numpy()(A=A, W=W, y=y)
        return (g if c.layout == "row" else g.transpose(1, 0, 3, 2)).reshape(OUTPUTS * INPUTS, OUTPUTS * INPUTS)

    found = convert(a, b).apply(matrix(CONVENTIONS[a]), samples=SAMPLES, outputs=OUTPUTS, weight=(OUTPUTS, INPUTS))
    assert np.allclose(found, matrix(CONVENTIONS[b]))
    assert not np.allclose(matrix(CONVENTIONS[a]), matrix(CONVENTIONS[b]))


def test_bad_input():
    with pytest.raises(sd.UnknownNameError, match="did you mean 'backpack'"):
        convert("backpac", "torch")
    with pytest.raises(sd.UnknownNameError, match="did you mean 'cross_entropy'"):
        convert("backpack", "torch", "cross_entrop")
    with pytest.raises(sd.SymderivError, match="layout of the weights"):
        convert("backpack", "textbook").apply(np.eye(6), samples=1, outputs=3)
    with pytest.raises(sd.ShapeError, match="has 4 entries; the matrix has 6 rows"):
        convert("backpack", "textbook").apply(np.eye(6), samples=1, outputs=3, weight=(2, 2))


def test_the_page_says_what_is_so():
    page = Path(__file__).parent.parent / "docs" / "conventions.md"
    done = doctest.testfile(str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.attempted > 3 and not done.failed


@pytest.mark.parametrize(("own", "key"), [("kfac-jax", "kfac_jax"), ("BackPACK", "backpack"), (" nngeometry ", "nngeometry")])
def test_libraries_go_by_their_own_names_too(own, key):
    assert convert(own, "textbook").source is CONVENTIONS[key] is convert("textbook", own).target
