"""sparsemax and 1.5-entmax: values, Jacobians and matching losses, each against a formula of the papers or a search."""
import numpy as np
import pytest

import symderiv as sd
from symderiv.evaluate import evaluate

POINTS = [np.array([0.3, -0.2, 2.0, 1.7, 0.9]), np.array([5.0, 0.0, -1.0]), np.array([0.1, 0.2, 0.3, 0.25]), np.array([7.0])]


def nearest_by_bisection(u, degree):
    """max(u/degree − τ, 0)^degree with entries that sum to one."""
    z = u / degree
    low, high = z.max() - 1, z.max()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.sum(np.maximum(z - middle, 0) ** degree) > 1 else (low, middle)
    return np.maximum(z - low, 0) ** degree


@pytest.mark.parametrize(("name", "degree"), [("sparsemax", 1), ("entmax15", 2)])
@pytest.mark.parametrize("u", POINTS, ids=lambda u: str(len(u)))
def test_the_value_is_on_the_simplex(name, degree, u):
    p = nearest_by_bisection(u, degree)
    made = sd.parse(f"{name}(u)", u="n")
    np.testing.assert_allclose(evaluate(made, {"u": u}), p, atol=1e-14)
    np.testing.assert_allclose(made.numpy()(u=u), p, atol=1e-14)


def test_sparsemax_is_the_projection_onto_the_simplex():
    rng = np.random.default_rng(0)
    p = nearest_by_bisection(POINTS[0], 1)
    for q in rng.dirichlet(np.ones(5), size=200):
        assert np.sum((p - POINTS[0]) ** 2) <= np.sum((q - POINTS[0]) ** 2)


@pytest.mark.parametrize("u", POINTS, ids=lambda u: str(len(u)))
def test_jacobians_are_those_of_the_papers(u):
    s = (nearest_by_bisection(u, 1) > 0).astype(float)
    found = sd.jacobian("sparsemax(u)", "u", u="n")
    np.testing.assert_allclose(found.numpy()(u=u), np.diag(s) - np.outer(s, s) / s.sum(), atol=1e-13)
    r = np.sqrt(nearest_by_bisection(u, 2))
    found = sd.jacobian("entmax15(u)", "u", u="n")
    np.testing.assert_allclose(found.numpy()(u=u), np.diag(r) - np.outer(r, r) / r.sum(), atol=1e-13)


@pytest.mark.parametrize("text", [
    "sparsemax(U, axis=0)", "entmax15(U, axis=1)", "sparsemax(W @ x)", "sum(entmax15(W @ x)**2)", "sparsemax_threshold(W @ x)",
    "entmax15_threshold(U, axis=0)", "sum(y * sparsemax(U, axis=0))",
])  # fmt: skip
def test_derivatives_along_an_axis_and_of_networks(text):
    shapes = {"U": "m n", "W": "m n", "x": "n", "y": "m n"}
    found = sd.derivative(text, "U" if "U" in text else "x", shapes=shapes)
    report = found.verify(trials=8)
    assert report.verdict == "checked", report.summary()
    assert found.replay() is found.result


def test_second_derivatives():
    assert sd.hessian("sum(sparsemax(u) * y)", "u", u="n", y="n").result.text() == "0"
    assert sd.hessian("sum(entmax15(u)**2)", "u", u="n").verify(trials=8).verdict == "checked"


def test_entries_sum_to_one():
    assert sd.prove("sum(sparsemax(u))", "1", u="n").status == "proved"
    assert sd.prove("sum(entmax15(U, axis=0), axis=0)", "ones(n)", U="m n").status == "proved"
    assert sd.prove("sum(sparsemax(U, axis=0), axis=1)", "ones(m)", U="m n").status == "refuted"


@pytest.mark.parametrize("u", POINTS, ids=lambda u: str(len(u)))
def test_matching_losses_are_the_fenchel_young_losses(u):
    """Martins & Astudillo 2016, (23); Blondel, Martins & Niculae 2020, table 1: Ω* = ⟨p, u⟩ − Ω(p)."""
    made = sd.matching_loss("sparsemax(u)", target="y", u="n")
    assert (made.status, made.convex) == ("proved", "convex")
    p = nearest_by_bisection(u, 1)
    tau = (u[p > 0].sum() - 1) / np.sum(p > 0)
    np.testing.assert_allclose(made.potential.numpy()(u=u), np.sum(u[p > 0] ** 2 - tau**2) / 2, rtol=1e-13)
    made = sd.matching_loss("entmax15(u)", target="y", u="n")
    p = nearest_by_bisection(u, 2)
    np.testing.assert_allclose(made.potential.numpy()(u=u), p @ u - 4 / 3 * np.sum(p**1.5), rtol=1e-13)
    assert made.convex == "convex"


def test_as_modules_and_at_matching():
    net = sd.Linear("n", "o") >> sd.Sparsemax()
    assert "sparsemax(" in net.program()
    assert sd.jacobian(net, "W").verify(trials=4)
    assert sd.jacobian(sd.Linear("n", "o") >> sd.Entmax15(), "x").verify(trials=4)
    assert not sd.matching("sparsemax(u)", "mse(p, y)", input="u", output="p", target="y", u="o", y="o").matches
