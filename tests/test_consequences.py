"""Matching pairs, Hessian backpropagation, potentials, the natural gradient, Faà di Bruno: numbers, forms, bad input."""

from __future__ import annotations

from dataclasses import replace
from math import factorial

import numpy as np
import pytest

import symderiv as sd
from symderiv.ir import free_symbols

NET = "z = W1 @ x + b1; a = tanh(z); u = W2 @ a; -y @ log_softmax(u)"
SHAPES = {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "y": "o"}
PAIR = {"input": "u", "u": "o", "y": "o"}


# ---------------------------------------------------------------- matching pairs
@pytest.mark.parametrize(("module", "loss", "assume"), [
    ("softmax(u)", "-y @ log(p)", "sum(y) == 1"), ("softmax(u)", "-y @ log(p)", None), ("exp(u)", "sum(p - y*log(p))", None),
    ("sigmoid(u)", "-sum(y*log(p) + (1 - y)*log(1 - p))", None), ("u", "sum((p - y)**2)/2", None), ("u", "sum((p - y)**2)", None),
    ("tanh(u)", "sum(logcosh(u) - y*u)", None),
])
def test_the_curvature_of_a_pair(module, loss, assume):
    found = sd.matched_curvature(module, loss, network="N(w)", wrt="w", N="n -> o", w="n", assume=assume, **PAIR)
    assert (found.status, found.network_status) == ("proved", "proved")
    assert found.hessian.result is found.product.result and found.verify(3) and found.split.verify(2)


def test_a_pair_that_doesnt_match_is_refused():
    with pytest.raises(sd.SymderivError, match="doesn't match the module"):
        sd.matched_curvature("sigmoid(u)", "sum((p - y)**2)", **PAIR)
    with pytest.raises(sd.SymderivError, match="belong together"):
        sd.matched_curvature("softmax(u)", "-y @ log(p)", network="N(w)", **PAIR)


# ---------------------------------------------------------------- layer by layer
def test_the_steps_compose_to_the_hessian():
    found = sd.hessian_backpropagation(NET, **SHAPES, assume="sum(y) == 1")
    assert found.verify(2) and list(found.steps) == ["a", "z"]
    rng = np.random.default_rng(0)
    v = {"W1": rng.normal(size=(3, 2)), "x": rng.normal(size=2), "b1": rng.normal(size=3), "W2": rng.normal(size=(5, 3))}
    v["y"] = np.full(5, 0.2)
    delta_u = found.first[0].numpy()(**v)
    h_u = found.first[1].numpy()(**{k: v[k] for k in ("W1", "x", "b1", "W2")})
    h_a = found.steps["a"].numpy()(W2=v["W2"], H_u=h_u)
    delta_a = found.gradients["a"].numpy()(W2=v["W2"], delta_u=delta_u)
    h_z = found.steps["z"].numpy()(W1=v["W1"], x=v["x"], b1=v["b1"], H_a=h_a, delta_a=delta_a)
    got = found.weights["W1"].numpy()(x=v["x"], H_z=h_z)
    wanted = sd.hessian(NET, "W1", **SHAPES, assume="sum(y) == 1").numpy()(**v)
    assert np.allclose(got, wanted) and not np.allclose(wanted, 0)
    assert found.weights["W2"].result.text() == "H_u[i,k] a[j] a[l]"


def test_a_wrong_step_is_seen():
    found = sd.hessian_backpropagation(NET, **SHAPES, assume="sum(y) == 1").steps["z"]
    wrong = replace(found, proofs=replace(found.proofs, items=(), after=sd.parse("H_a", H_a="h h")))
    assert found.verify(2) and not wrong.verify(2)


def test_a_skip_is_gone_around():
    found = sd.hessian_backpropagation("z = W @ x; a = tanh(z); u = a + z; L(u)", W="h n", x="n", L="h -> ")
    assert list(found.steps) == ["z"] and found.verify(2)       # a is passed by z
    with pytest.raises(sd.SymderivError, match="no named value"):
        sd.hessian_backpropagation("sum(x**2)", x="n")


# ---------------------------------------------------------------- potentials
def test_bregman_divergences():
    for text, assume, nonnegative in (("x @ x/2", None, True), ("logsumexp(x)", None, True), ("-sum(log(x))", "x > 0", True),
                                      ("sum(sin(x))", None, False)):
        found = sd.bregman(text, "x", x="n", assume=assume)
        assert found.nonnegative is nonnegative and found.verify(3), text
        assert found.hessian.result is sd.hessian(text, "x", x="n", assume=assume).result
    squared = sd.bregman("x @ x/2", "x", x="n")
    assert sd.prove(squared.result, "sum((x - y)**2)/2", x="n", y="n").status == "proved"


def test_fenchel_young_losses():
    found = sd.fenchel_young("logsumexp(u)", "u", u="o", conjugate="sum(y*log(y))")
    assert (found.is_bregman.status, found.at_module.status, found.curvature.verdict) == ("proved", "proved", "convex")
    assert found.verify(3) and found.gradient.result.text() == "softmax(u) − y"
    wrong = sd.fenchel_young("logsumexp(u)", "u", u="o", conjugate="2*sum(y*log(y))")
    assert wrong.at_module.status == "refuted"


@pytest.mark.parametrize(("call", "message"), [
    (lambda: sd.bregman("x", "x", x="n"), "needs a scalar"), (lambda: sd.bregman("x @ y", "x", x="n", y="n"), "occurs in the potential"),
    (lambda: sd.bregman("sum(x)", "x", x="n", y="m"), "has shape"), (lambda: sd.bregman("sum(x)", "z", x="n"), "unknown variable"),
    (lambda: sd.fenchel_young("u @ y", "u", u="n", y="n"), "without the target"),
    (lambda: sd.fenchel_young("sum(u)", "u", u="n", y="m"), "target='y' has shape m"),
])
def test_bad_potentials(call, message):
    with pytest.raises(sd.SymderivError, match=message):
        call()


# ---------------------------------------------------------------- the natural gradient
def test_the_natural_gradient():
    text, shapes = "u = X @ w; sum(softplus(u) - y*u)", {"X": "m n", "w": "n", "y": "m"}
    found = sd.natural_gradient(text, "w", at="u", family="bernoulli", **shapes)
    assert found.invariance.status == "proved" and found.verify(3)
    rng = np.random.default_rng(0)
    X, w, y = rng.normal(size=(5, 2)), rng.normal(size=2), np.array([0.0, 1, 1, 0, 1])
    p = 1 / (1 + np.exp(-X @ w))
    wanted = np.linalg.solve(X.T @ np.diag(p * (1 - p)) @ X, X.T @ (p - y))
    assert np.allclose(found.direction.numpy()(X=X, w=w, y=y), wanted)
    with pytest.raises(sd.ShapeError, match="takes a vector"):
        sd.natural_gradient("u = W @ h; -y @ log_softmax(u)", "W", at="u", W="o n", h="n", y="o")


def test_the_step_of_kfac_solves_with_the_kronecker_product():
    layer = sd.kfac("u = A @ W.T; sum((u - y)**4)", "W", at="u", A="m n", W="o n", y="m o")
    gradient = sd.gradient("u = A @ W.T; sum((u - y)**4)", "W", A="m n", W="o n", y="m o")
    rng = np.random.default_rng(0)
    v = {"A": rng.normal(size=(7, 2)), "W": rng.normal(size=(3, 2)), "y": rng.normal(size=(7, 3))}
    step = layer.step(gradient.result).numpy()(**v)
    wanted = np.linalg.solve(layer.kron.numpy()(**v), gradient.numpy()(**v).ravel(order="F"))
    assert np.allclose(step.ravel(order="F"), wanted)


# ---------------------------------------------------------------- any order
BELL = [1, 1, 2, 5, 15, 52]


@pytest.mark.parametrize("vector", [False, True])
@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_the_chain_rule_of_any_order(order, vector):
    found = sd.faa_di_bruno(order, vector=vector)
    assert found.status == "proved" and len(found.partitions) == len(set(found.partitions)) == BELL[order]
    assert found.replay()[0] is found.result and (order > 3 or found.verify(2))
    assert len(found.result.shape) == order + vector


def test_the_third_and_fourth_derivative_of_concrete_modules():
    for order in (3, 4):
        concrete = sd.faa_di_bruno(order).derivation.specialize(N="lambda w: tanh(A @ w)", L="lambda u: sum(exp(u))", A="o n")
        direct = sd.derivative("sum(exp(tanh(A @ w)))", "w", order=order, A="o n", w="n")
        assert sd.prove(concrete.result, direct.result) and concrete.verify(2)


def test_counts_are_multinomial():
    """The number of partitions with given sizes of blocks is k!/Π (size! · multiplicity!)."""
    for sizes, count in sd.faa_di_bruno(5).counts():
        wanted = factorial(5)
        for s in sizes:
            wanted //= factorial(s)
        for s in set(sizes):
            wanted //= factorial(sizes.count(s))
        assert count == wanted


def test_orders_that_arent():
    with pytest.raises(sd.TooLargeError):
        sd.faa_di_bruno(9)
    with pytest.raises(sd.SymderivError):
        sd.faa_di_bruno(0)


def test_a_part_of_an_answer_is_called_as_one_would_type_it():
    from symderiv.handout.calls import hessian_backpropagation

    call = hessian_backpropagation("z = W @ x; a = tanh(z); L(a)", W="h n", x="n", L="h -> ", part='steps["z"]')
    assert call.code().endswith('.steps["z"]') and call.run().kind == "identity H_z"


# ---------------------------------------------------------------- names that a caller gives
LOGISTIC = "u = X @ w; sum(softplus(u) - y*u)"
LOGISTIC_SHAPES = {"X": "m n", "w": "n", "y": "m"}


def test_a_damping_is_called_as_nothing_else():
    found = sd.natural_gradient(LOGISTIC, "w", at="u", family="bernoulli", shapes=LOGISTIC_SHAPES, damping="F")
    assert found.result.text() == "(F I + Fisher)⁻¹ Xᵀ (sigmoid(u) − y)"
    for name, why in (("X", "has shape m×n"), ("u", "is an intermediate value"), ("n", "is the size of an axis"), ("2", "isn't a name")):
        with pytest.raises(sd.SymderivError, match=why):
            sd.natural_gradient(LOGISTIC, "w", at="u", family="bernoulli", shapes=LOGISTIC_SHAPES, damping=name)


@pytest.mark.parametrize("name", ["2 x", "", None, 3])
def test_a_second_point_has_a_name(name):
    with pytest.raises(sd.SymderivError, match="isn't a name"):
        sd.bregman("x**2", "x", x="", other=name)
    with pytest.raises(sd.SymderivError, match="isn't a name"):
        sd.fenchel_young("logsumexp(u)", "u", u="o", target=name)


def test_the_second_point_of_a_fenchel_young_loss_is_new():
    """The potential's own v is a number: the point of the divergence has another name."""
    found = sd.fenchel_young("v*logsumexp(u)", "u", u="o", v="", assume="v > 0")
    names = [s.name for s in free_symbols(found.bregman.result)]
    assert len(set(names)) == len(names) and found.is_bregman.status == "proved"


def test_a_link_is_said_to_be_not_canonical_only_where_that_is_refuted(monkeypatch):
    from symderiv import linear_models

    for status, said in (("proved", True), ("refuted", False), ("checked", None), ("unknown", None)):
        monkeypatch.setattr(linear_models, "prove_exprs", lambda *a, status=status, **k: replace(sd.prove("x", "x", x=""), status=status))
        assert sd.glm("poisson", "sqrt").canonical is said
    monkeypatch.undo()
    assert all(model.canonical is not None for model in sd.glm_table())


@pytest.mark.parametrize("wrong", [["poisson"], 3, None])
def test_rows_are_asked_for_by_name(wrong):
    with pytest.raises(sd.UnknownNameError):
        sd.glm("poisson", wrong)


# ---------------------------------------------------------------- symmetric variables
@pytest.mark.parametrize("make", [
    lambda: sd.bregman("-logdet(X)", "X", X="n n", assume="pd(X)"),
    lambda: sd.fenchel_young("-logdet(-U)", "U", U="n n", assume="symmetric(U)"),
    lambda: sd.hessian_backpropagation("Z = inv(W); sum(Z**3)", W="n n", assume="symmetric(W)"),
    lambda: sd.kfac("u = W @ h; sum(u**4)", "W", at="u", W="n n", h="n", assume="symmetric(W)"),
], ids=["bregman", "fenchel_young", "hessian_backpropagation", "kfac"])
def test_a_derivative_is_taken_in_all_entries_before_symmetry_is_used(make):
    """X⁻¹ for X⁻ᵀ, put in before the second derivative, exchanges its indices."""
    found = make()
    assert [str(part.verify(4).counterexample) for part in found.parts if part.verify(4).verdict == "refuted"] == []
    assert found.verify(4)


def test_a_pair_of_symmetric_matrices():
    """∇ tr(Y P) is Yᵀ, whatever is assumed of U; Y itself isn't symmetric."""
    found = sd.matching("U", "trace(P@P)/2 - trace(Y@P)", output="P", target="Y", input="U", U="n n", Y="n n", assume="symmetric(U)")
    assert found.matches and found.b.text() == "−Yᵀ"
    assert sd.matching_loss("U @ U", U="n n", assume="symmetric(U)").status in ("proved", "checked")


def test_an_expression_that_was_read_symmetric_has_no_derivative_in_all_entries():
    read = sd.parse("trace(A @ X)", X="n n", A="n n", assume="symmetric(X)")
    with pytest.raises(sd.SymderivError, match="'X' is symmetric in this expression"):
        sd.gradient(read, "X")
    for name in ("X", "𝐗"):                                     # read as X, as Python reads it
        assert sd.gradient(f"trace(A @ {name})", name, shapes={name: "n n", "A": "n n"}, assume=f"symmetric({name})").result.text() == "Aᵀ"


def test_one_array_is_symmetric_on_both_sides_of_an_identity():
    """A result has X as symmetric, a text that it is compared with doesn't say so: it is one X all the same."""
    result = sd.gradient("trace(A @ X @ X)", "X", X="n n", A="n n", assume="symmetric(X)").result
    assert sd.prove(result, "A.T@X + X@A.T", X="n n", A="n n").status == "proved"
    assert sd.prove("A@X + X@A.T", result, X="n n", A="n n").status == "refuted"
    recursion = sd.deep("W@W@a + tanh(a)", "a", W="h h", a="h", shared="W", loss="sum(a**2)", assume="symmetric(W)").gradient
    assert recursion.check() and recursion.verify()


@pytest.mark.parametrize("call", [
    lambda: sd.convert("torch", "textbook").apply(np.eye(2), samples=0, outputs=3, weight=(1, 2)),
    lambda: sd.convert("torch", "textbook").apply(np.eye(2), samples="a", outputs=3, weight=(1, 2)),
    lambda: sd.convert("torch", "textbook").apply(np.eye(2), samples=1, outputs=3, weight=3),
    lambda: sd.convert("textbook", "torch").factor_at(0, 1),
    lambda: sd.fisher(LOGISTIC, "w", at="u", family="bernoulli", target=["y"], shapes=LOGISTIC_SHAPES),
    lambda: sd.fisher(LOGISTIC, "w", at="u", family="bernoulli", mean=3, shapes=LOGISTIC_SHAPES),
    lambda: sd.matching("softmax(u)", "-y @ log(p)", **{**PAIR, "input": ["u"]}),
    lambda: sd.deep("tanh(W @ a)", "a", W="h h", a="h", shared=3),
    lambda: sd.gradient("trace(A @ X)", "X", X="n n", A="n n", structured=True, assume=["symmetric(X)", "orthogonal(X)"]),
])
def test_what_cant_be_meant_ends_in_an_error_of_the_tree(call):
    with pytest.raises(sd.SymderivError):
        call()
