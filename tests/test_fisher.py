"""The Fisher information: the expectation as an operator, F against G, families against their cumulants; bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import symderiv as sd
from symderiv import information
from symderiv.build import ONE
from symderiv.evaluate_expectation import VARIANCES, outcomes
from symderiv.families import FAMILIES
from symderiv.information import Fisher

LAYER = {"W": "o n", "h": "n", "y": "o"}
SAMPLES = {"X": "m n", "w": "n", "y": "m"}


def fisher(text: str, wrt: str, **options: object) -> Fisher:
    return sd.fisher(text, wrt, **options)


def test_the_fisher_of_a_softmax_layer_is_gauss_newton():
    found = fisher("u = W @ h; -y @ log_softmax(u)", "W", at="u", **LAYER)
    assert found.is_gauss_newton and found.verify(3)
    assert found.replay()[2] is found.result
    told = found.text()
    for line in ("E[diag(y)] − p pᵀ", "linearity of the expectation", "assumption y onehot", "G = F (proved)"):
        assert line in told
    assert found.score.result.text() == "0"


def test_by_sampling():
    """F, from all outcomes and their probabilities, in NumPy."""
    found = fisher("z = W1 @ x; a = tanh(z); u = W2 @ a; -y @ log_softmax(u)", "W1", at="u", W1="h n", x="n", W2="o h", y="o")
    rng = np.random.default_rng(3)
    W1, x, W2 = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(5, 3))
    a = np.tanh(W1 @ x)
    p = np.exp(W2 @ a) / np.exp(W2 @ a).sum()
    wanted = np.zeros((3, 2, 3, 2))
    for k in range(5):
        g = np.outer((W2.T @ (p - np.eye(5)[k])) * (1 - a * a), x)
        wanted += p[k] * np.multiply.outer(g, g)
    assert np.allclose(found.information.numpy()(W1=W1, x=x, W2=W2), wanted)


@pytest.mark.parametrize(("text", "family", "mean", "ratio"), [
    ("u = X @ w; sum(softplus(u) - y*u)", "bernoulli", None, "1"),
    ("u = X @ w; mean(softplus(u) - y*u)", "bernoulli", None, "m"),
    ("u = X @ w; p = sigmoid(u); -sum(y*log(p) + (1 - y)*log(1 - p))", "bernoulli", None, "1"),
    ("u = X @ w; sum(exp(u) - y*u)", "poisson", None, "1"),
    ("u = X @ w; mean(exp(u) - y*u)", "poisson", "exp(u)", "m"),
    ("u = X @ w; sum((u - y)**2)/2", "gaussian", None, "1"),
    ("u = X @ w; sum((u - y)**2)", "gaussian", None, "1/2"),
    ("u = X @ w; mean((u - y)**2)", "gaussian", None, "(1/2) m"),
    ("u = X @ w; 3*sum(softplus(u) - y*u)", "bernoulli", None, "1/3"),
    ("u = X @ w; sum((u - y)**2)/4", "gaussian", None, "2"),
    ("u = X @ w; 0.3*sum((u - y)**2)", "gaussian", None, "5/3"),
    ("u = X @ w; sum((u - y)**2)/(2*m*n)", "gaussian", None, "m n"),
])
def test_the_ratio_of_g_to_f(text, family, mean, ratio):
    found = fisher(text, "w", at="u", family=family, mean=mean, **SAMPLES)
    assert found.ratio is not None and found.ratio.text() == ratio and found.status == "proved"
    assert found.is_gauss_newton == (ratio == "1") and found.verify(3)


def test_a_loss_with_a_factor_is_no_refutation(monkeypatch):
    weighted = fisher("u = X @ w; c*sum((u - y)**2)", "w", at="u", family="gaussian", c="", **SAMPLES)
    assert weighted.summary() == "G = 1/(2 c) F (proved)"
    many = fisher("u = W @ h; -7*y @ log_softmax(u)", "W", at="u", **LAYER)
    assert many.summary() == "G = 1/7 F (proved)"
    each = fisher("u = X @ w; s @ (u - y)**2", "w", at="u", family="gaussian", s="m", **SAMPLES)
    assert each.summary() == "F isn't a multiple of G (refuted)"
    monkeypatch.setattr(information, "_front", lambda _: ONE)    # the fault: only 1, 1/2 and the sizes are tried
    fourth = fisher("u = X @ w; sum((u - y)**2)/4", "w", at="u", family="gaussian", **SAMPLES)
    assert fourth.ratio is None
    assert fourth.summary() == "whether G is a multiple of F is unknown"


def test_a_batch_of_classes():
    shapes = {"H": "m n", "W": "o n", "y": "m o"}
    assert fisher("u = H @ W.T; -sum(y*log_softmax(u, axis=-1))", "W", at="u", **shapes).is_gauss_newton
    mean = fisher("u = H @ W.T; -sum(y*log_softmax(u, axis=-1))/m", "W", at="u", **shapes)
    assert mean.summary() == "G = m F (proved)" and mean.information.verify(2)


def test_where_the_curvature_depends_on_the_target_f_is_not_g():
    gamma = fisher("u = X @ w; sum(u + y/exp(u))", "w", at="u", family="gamma", mean="exp(u)", **SAMPLES)
    assert gamma.ratio is None and gamma.result.text() == "Xᵀ X" and "depends on y" in gamma.summary() and gamma.verify(3)
    squared = fisher("u = X @ w; sum((sigmoid(u) - y)**2)", "w", at="u", family="bernoulli", **SAMPLES)
    assert not squared.is_gauss_newton and squared.verify(2)


def test_a_wrong_expectation_is_seen():
    found = fisher("u = W @ h; -y @ log_softmax(u)", "W", at="u", **LAYER)
    (proof,) = found.covariance.flat
    wrong = sd.parse("diag(u)", u="o")
    planted = replace(proof, items=(), after=wrong)
    assert found.covariance.verify(2) and not replace(found.covariance, proofs=planted).verify(2)


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"categorical"}))
def test_a_row_follows_from_its_cumulant(name):
    row = FAMILIES[name]
    shapes = {"t": "", **dict.fromkeys(row.params, "")}
    mean = sd.gradient(row.cumulant, "t", **shapes, assume=row.needs or None).result
    assert sd.prove(mean, row.mean, **shapes, assume=row.needs or None).status == "proved"
    second = sd.hessian(row.cumulant, "t", **shapes, assume=row.needs or None).result
    variance = f"m = {row.mean}; {row.variance}"
    assert sd.prove(second, variance, **shapes, assume=row.needs or None).status == "proved"
    back = f"t = {row.canonical}; {row.mean}"
    assert sd.prove(back, "m", m="", **dict.fromkeys(row.params, ""), assume=row.mean_needs or None)
    given = dict.fromkeys(row.params, 4.0)
    m = np.array([0.3, 0.7])
    wanted = np.ones(2) if name == "gaussian" else sd.parse(row.variance, m="n", **dict.fromkeys(row.params, "")).numpy()(m=m, **given)
    assert np.allclose(VARIANCES[name](m, given), wanted)


@pytest.mark.parametrize("name", FAMILIES)
def test_outcomes_have_the_moments(name):
    mean = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    given = {"k": 3.0, "r": 2.0}
    rows = list(outcomes(name, mean, given))
    assert np.isclose(sum(w for w, _ in rows), 1)
    assert np.allclose(sum(w * y for w, y in rows), mean)
    second = sum(w * np.multiply.outer(y, y) for w, y in rows) - np.multiply.outer(mean, mean)
    if name != "categorical":
        assert np.allclose(second.reshape(6, 6), np.diag(VARIANCES[name](mean, given).ravel()))


# ---------------------------------------------------------------- bad input
@pytest.mark.parametrize(("text", "options", "message"), [
    ("u = X @ w; sum((u - y)**2)", {"family": "gausian"}, "did you mean 'gaussian'"),
    ("u = X @ w; sum((u - y)**2)", {"family": "gaussian", "target": "t"}, "unknown target 't'"),
    ("u = X @ w; sum((u - y)**4)", {"family": "gaussian"}, "no rule takes the expectation"),
    ("u = X @ w; sum(exp(u) - y*u)", {"family": "bernoulli"}, "isn't a negative log-likelihood"),
    ("u = X @ w; sum(u**2)", {"family": "gaussian"}, "doesn't mention the target 'y'"),
    ("u = X @ w - y; sum(u**2)/2", {"family": "gaussian"}, "reaches the intermediate"),
    ("u = X @ w; sum((u - y)**2)", {"family": "gaussian", "mean": "w"}, "the mean has shape"),
])
def test_bad_input(text, options, message):
    with pytest.raises(sd.SymderivError, match=message) as found:
        fisher(text, "w", at="u", **options, **SAMPLES)
    assert found.value.hint


def test_after_softmax_the_score_is_not_zero_on_average():
    with pytest.raises(sd.SymderivError, match="split at the logits"):
        fisher("u = W @ h; p = softmax(u); -y @ log(p)", "W", at="p", mean="p", **LAYER)


def test_the_page_says_what_is_so():
    import doctest
    from pathlib import Path

    page = Path(__file__).parent.parent / "docs" / "consequences.md"
    done = doctest.testfile(str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.attempted > 3 and not done.failed
