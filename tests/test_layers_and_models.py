"""K-FAC's factors and generalised linear models: against NumPy, against each other; planted faults; bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import symderiv as sd
from symderiv.families import FAMILIES
from symderiv.ir import free_symbols
from symderiv.links import LINKS

NET = "z = W1 @ x + b1; a = tanh(z); u = W2 @ a; -y @ log_softmax(u)"
SHAPES = {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "y": "o"}


def numbers(expr: sd.Expr, values: dict[str, np.ndarray]) -> np.ndarray:
    needed = {n.name for n in free_symbols(expr) if n.kind == "variable"}
    return expr.numpy()(**{k: v for k, v in values.items() if k in needed})


@pytest.mark.parametrize("w", ["W1", "W2"])
def test_the_block_of_a_layer_is_a_kronecker_product(w):
    found = sd.kfac(NET, w, at="u", **SHAPES, assume="sum(y) == 1")
    assert found.exact and found.status == "proved" and found.verify(3)
    whole = sd.gauss_newton(NET, w, at="u", **SHAPES, assume="sum(y) == 1").G.result
    assert sd.prove(found.block.result, whole).status == "proved"
    rng = np.random.default_rng(1)
    sizes = {"o": 5, "h": 3, "n": 2}
    values = {k: rng.normal(size=tuple(sizes[d] for d in s.split())) for k, s in SHAPES.items()}
    g = numbers(found.block.result, values)
    o, n = g.shape[:2]
    in_columns = g.transpose(1, 0, 3, 2).reshape(o * n, o * n)
    assert np.allclose(numbers(found.kron, values), in_columns)


def test_of_an_abstract_rest():
    found = sd.kfac("L(N(W @ a))", "W", at="N(W @ a)", W="h n", a="n", N="h -> o", L="o -> ")
    assert (found.A.text(), found.S.text()) == ("a aᵀ", "J_Nᵀ h_L J_N")
    assert "an identity (proved)" in found.summary() and found.verify(2)


BATCH = {"X": "m n", "W1": "h n", "W2": "o h", "y": "m o"}


def test_of_a_batch_the_block_is_a_sum_and_kfac_an_approximation():
    found = sd.kfac("z = X @ W1.T; A = tanh(z); u = A @ W2.T; -sum(y*log_softmax(u, axis=-1))", "W1", at="u", **BATCH,
                    assume="sum(y, axis=1) == 1")
    assert not found.exact and found.status == "proved" and found.verify(2)
    rng = np.random.default_rng(2)
    values = {"X": rng.normal(size=(4, 2)), "W1": rng.normal(size=(3, 2)), "W2": rng.normal(size=(5, 3))}
    a, s = (numbers(part, values) for part in (found.A, found.S))
    g = found.block.numpy()(**values)
    assert np.allclose(np.einsum("njl,nik->ijkl", a, s), g)
    centred = np.einsum("njl,nik->ijkl", a - a.mean(0), s - s.mean(0))
    approximation = found.approximation.numpy()(**values)
    assert np.allclose(g - approximation, centred) and not np.allclose(g, approximation)
    assert found.remainder is not None and found.remainder.result.shape == ("h", "n", "h", "n")


def test_where_all_s_are_equal_kfac_is_exact():
    found = sd.kfac("u = A @ W.T; sum((u - y)**2)", "W", at="u", A="m n", W="o n", y="m o")
    assert found.exact and "the same here" in found.summary()


def test_samples_that_are_mixed_have_no_factors():
    with pytest.raises(sd.NoRuleError, match="samples are mixed"):
        sd.kfac("s = A @ W.T; u = s - mean(s, axis=0); sum(exp(u))", "W", at="u", A="m n", W="o n")


@pytest.mark.parametrize(("text", "options", "message"), [
    ("u = W @ a; sum(u**2)", {"at": "v"}, "v"),
    ("u = W @ W.T; sum(u**2)", {"at": "u", "W": "o o"}, "isn't W a"),
    ("u = exp(W) @ a; sum(u**2)", {"at": "u"}, "exactly one product"),
    ("u = W @ a; u", {"at": "u"}, "needs a scalar"),
    ("v = W @ a; u = a @ a; u*sum(v)", {"at": "u"}, "doesn't depend on 'W'"),
    ("v = W @ a; u = sin(v); sum(u*v)", {"at": "u"}, "past 'u'"),
])
def test_bad_layers(text, options, message):
    with pytest.raises(sd.SymderivError, match=message) as found:
        sd.kfac(text, "W", **{"W": "o n", "a": "n", **options})
    assert found.value.hint


# ---------------------------------------------------------------- generalised linear models
def test_the_general_identity():
    model = sd.glm()
    assert model.status == "proved" and model.identity.result is model.hessian.result and model.verify(4)
    assert model.gradient.result.text() == "θ'(η) (b'(θ(η)) − y)"


@pytest.mark.parametrize("model", sd.glm_table(), ids=lambda m: f"{m.family.name}-{m.link.name if m.link else 'canonical'}")
def test_a_row_of_the_table(model):
    """L'' by numbers, what is canonical by the literature; E[L''] is free of y."""
    assert model.status in ("proved", "checked") and model.verify(3)
    pairs = {"gaussian": "identity", "bernoulli": "logit", "binomial": "logit", "poisson": "log", "gamma": "inverse",
             "inverse_gaussian": "inverse_squared"}
    assert model.canonical == (model.link is None or pairs.get(model.family.name) == model.link.name)
    assert "y" not in model.fisher.text() and model.replay()[4] is model.hessian.result


def test_every_row_is_used():
    models = sd.glm_table()
    assert {m.link.name for m in models if m.link} == set(LINKS)
    assert {m.family.name for m in models} == {n for n, row in FAMILIES.items() if not row.by_row}


def test_a_wrong_curvature_is_seen():
    model = sd.glm("poisson", "sqrt")
    planted = replace(model.identity, proofs=replace(model.identity.proofs, items=(), after=model.fisher))
    assert model.identity.verify(3) and not planted.verify(3)


@pytest.mark.parametrize(("arguments", "message"), [
    (("poison",), "did you mean 'poisson'"), (("poisson", "logg"), "did you mean 'log"), (("poisson", "probit"), "unit means"),
    (("bernoulli", "log"), "positive means"), (("categorical",), "is a vector"),
])
def test_bad_models(arguments, message):
    with pytest.raises(sd.SymderivError, match=message):
        sd.glm(*arguments)


def test_a_batch_of_one_leaves_nothing_out():
    found = sd.kfac("u = A @ W.T; sum((u - y)**4)", "W", at="u", A="1 n", W="o n", y="1 o")
    assert found.exact and found.verify(2)
    at = {"A": np.array([[1.0, -2.0]]), "W": np.arange(6.0).reshape(3, 2) / 5, "y": np.ones((1, 3))}
    assert np.allclose(found.approximation.numpy()(**at), found.block.numpy()(**at))
    assert not sd.kfac("u = A @ W.T; sum((u - y)**4)", "W", at="u", A="2 n", W="o n", y="2 o").exact
