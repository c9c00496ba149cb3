"""The seed's rows S1–S20: each is derived through the public interface, and compared in meaning and in form.

A row is a function that returns what it derived. Each is run again with every rule it rests on broken, and must fail.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import symderiv as sd
from symderiv import engine
from symderiv.errors import SymderivError
from symderiv.functions import SCALAR
from symderiv.rules import differentiation
from tests.oracles import (
    arrays,
    broken,
    off,
    one_hot,
    rules_of,
    value_of,
)
from tests.seed_rows import ABSTRACT, ROWS, WH, row, verified


# ---------------------------------------------------------------- where the seed is loose
@row
def loose_i_is_the_output_index():
    found = sd.jacobian("W @ h", "h", **WH)
    assert found.shape == ("o", "n") and r"\frac{\partial N_i}{\partial h_j}" in found.latex("index")
    assert found.result.latex("index") == "W_{ij}"
    return verified(found)


@row
def loose_definiteness_needs_the_loss_to_be_convex():
    shapes = {"W": "o n", "x": "n", "y": "o"}
    given = ["sum(y) == 1", "y >= 0"]
    maximised, minimised = (
        sd.gauss_newton(f"u = W @ x; {sign}y @ log_softmax(u)", "x", at="u", assume=given, shapes=shapes)
        for sign in ("", "-")
    )
    at = {**arrays(22, W="o n", x="n"), "y": one_hot(3)}
    assert np.all(np.linalg.eigvalsh(value_of(maximised.G.result, at)) < 1e-12)
    assert np.all(np.linalg.eigvalsh(value_of(minimised.G.result, at)) > -1e-12)
    return verified(maximised, minimised)


@row
def loose_the_square_on_the_differential():
    found = sd.hessian("L(N(w))", "w", L="o -> ", **ABSTRACT)
    assert r"\frac{\partial^2 C}{\partial w_j\,\partial w_k}" in found.latex().replace("^{2}", "^2")
    return verified(found)


@pytest.mark.parametrize(
    ("loss", "verdict"),
    [
        ("y @ log_softmax(u)", "nsd"),
        ("-y @ log_softmax(u)", "psd"),
        ("mse(u, y)", "psd"),
        ("sum(sigmoid(u))", "indefinite"),
    ],
)
def test_the_certificate_says_which_of_the_cases_holds(loss, verdict):
    found = sd.gauss_newton(
        f"u = W @ x; {loss}", "x", at="u", assume=["sum(y) == 1", "y >= 0"], W="o n", x="n", y="o"
    ).certificate
    assert found.verdict == verdict
    assert found.counterexample if verdict == "indefinite" else found.proof


def test_without_convexity_nothing_is_certified():
    found = sd.gauss_newton("u = N(w); L(u)", "w", at="u", L="o -> ", **ABSTRACT)
    assert found.certificate.verdict in ("unknown", "indefinite")
    convex = sd.gauss_newton("u = N(w); L(u)", "w", at="u", L="o -> ", assume="convex(L)", **ABSTRACT)
    assert convex.certificate.verdict == "psd"


# ---------------------------------------------------------------- the rows, and the rows with something broken
def test_all_rows_are_there():
    assert {name[:3] for name in ROWS if name[0] == "s"} == {f"s{k:02}" for k in range(1, 21)}


@pytest.mark.parametrize("name", ROWS)
def test_row(name):
    for made in ROWS[name]():
        assert made.replay()


NOTICED = (AssertionError, SymderivError, KeyError, RecursionError)


def _faults() -> list[tuple[str, str]]:
    found = []
    for name, function in ROWS.items():
        try:
            found += [(name, rule) for rule in rules_of(*function())]
        except Exception:  # the row's own test says why
            found.append((name, "differentiate_variable"))
    return found


@pytest.mark.parametrize(("name", "rule"), _faults())
def test_row_fails_where_a_rule_is_broken(name, rule):
    """Each rule that a row rests on, planted with a fault: the row's own test must notice."""
    with broken(rule, off), pytest.raises(NOTICED):
        ROWS[name]()


@pytest.mark.parametrize(("fn", "wrong", "name"), [
    ("tanh", "1 + tanh(x)**2", "s01_a_module_maps_inputs_and_parameters"), ("tanh", "1 - tanh(x)", "s09_activation"),
    ("sigmoid", "sigmoid(x) * (1 + sigmoid(x))", "s09_activation"), ("exp", "2 * exp(x)", "s18_softmax"),
    ("tanh", "1 - tanh(x)**2 / 2", "s15_hessian_of_a_composition"),
])  # fmt: skip
def test_row_fails_where_a_functions_derivative_is_wrong(fn, wrong, name, monkeypatch):
    engine._LEMMAS.clear()
    monkeypatch.setitem(SCALAR, fn, replace(SCALAR[fn], derivative=wrong))
    with pytest.raises(NOTICED):
        ROWS[name]()
    engine._LEMMAS.clear()


@pytest.mark.parametrize(
    "name", [name for name in ROWS if name not in ("s03_inner_product", "s04_frobenius_inner_product")]
)
def test_row_fails_where_the_local_jacobian_is_wrong(name, monkeypatch):
    """Every local Jacobian with a wrong sign: whatever a row rests on, it rests on these."""
    engine._LEMMAS.clear()
    real = differentiation.local
    monkeypatch.setattr(differentiation, "local", lambda node, k, lemma=None: off(real(node, k, lemma)))
    with pytest.raises(NOTICED):
        ROWS[name]()
    engine._LEMMAS.clear()
