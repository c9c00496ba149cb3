"""Fingerprints modulo a prime and counterexamples in fractions: what rounding can't see, and what facts they keep."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import symbol
from symderiv.facts import Facts
from symderiv.frontend.inputs import parse
from symderiv.proving import fields
from symderiv.proving.fields import Exact, G, NotExactError, P, Q
from symderiv.proving.fingerprint import fingerprint, integers

S = {"A": "n n", "B": "n n", "U": "n k", "V": "k n", "u": "n", "v": "n", "x": "n", "y": "n", "c": "", "X": "q n", "Z": "m n"}


def mark(lhs: str, rhs: str, assume: Any = None, seed: int = 0) -> str | None:
    left, _, facts = parse(lhs, S, assume)
    return fingerprint(left, parse(rhs, S, assume)[0], facts, seed)


TRUE = [
    ("inv(A + U @ V)", "inv(A) - inv(A) @ U @ inv(eye(k) + V @ inv(A) @ U) @ V @ inv(A)", None),
    ("det(A + outer(u, v))", "det(A)*(1 + v @ inv(A) @ u)", None),
    ("det(eye(n) + U @ V)", "det(eye(k) + V @ U)", None),
    ("vec(Z @ X.T)", "kron(X, eye(m)) @ vec(Z)", None),
    ("softmax(u + c)", "softmax(u)", None),
    ("tanh(x + y)", "(tanh(x) + tanh(y))/(1 + tanh(x)*tanh(y))", None),
    ("exp(x + 1)", "e*exp(x)", None),
    ("exp(x/3)**3", "exp(x)", None),
    ("sum(softmax(u)*(y - softmax(u) @ y))", "0", None),
    ("A @ A.T", "eye(n)", "orthogonal(A)"),
    ("A", "A.T", "symmetric(A)"),
    ("A*B", "diag(diag(A)*diag(B))", "diagonal(A)"),
    ("outer(y, y)", "diag(y)", "onehot(y)"),
    ("sum(y)*x", "x", "sum(y) == 1"),
    ("y**4", "y**2", "y**2 == 1"),
]
FALSE = [
    ("inv(A + U @ V)", "inv(A) - inv(A) @ U @ inv(eye(k) - V @ inv(A) @ U) @ V @ inv(A)", None),
    ("x", "x + 1/1000000000000000000", None),
    ("A @ B", "B @ A", None),
    ("A", "A.T", "orthogonal(A)"),
    ("A @ A", "eye(n)", "orthogonal(A)"),
    ("softmax(2*u)", "softmax(u)", None),
    ("exp(x*y)", "exp(x)*exp(y)", None),
    ("vec(Z @ X.T)", "kron(eye(m), X) @ vec(Z)", None),
    ("outer(y, y)", "2*diag(y)", "onehot(y)"),
    ("sum(y)*x", "2*x", "sum(y) == 1"),
    ("det(A)", "det(A)**2", "orthogonal(A)"),
]


@pytest.mark.parametrize(("lhs", "rhs", "assume"), TRUE)
def test_what_is_true_is_equal_modulo_a_prime(lhs: str, rhs: str, assume: Any) -> None:
    assert [mark(lhs, rhs, assume, seed) for seed in range(3)] == ["equal"] * 3


@pytest.mark.parametrize(("lhs", "rhs", "assume"), FALSE)
def test_what_is_false_differs_modulo_a_prime(lhs: str, rhs: str, assume: Any) -> None:
    assert [mark(lhs, rhs, assume, seed) for seed in range(3)] == ["different"] * 3
    assert sd.prove(lhs, rhs, assume=assume, shapes=S).status == "refuted"


@pytest.mark.parametrize("text", ["log(x)", "sqrt(x)", "relu(x)", "sin(x)", "exp(exp(x))", "pi*x + logdet(A)"])
def test_what_has_no_value_modulo_a_prime(text: str) -> None:
    assert mark(text, text) is None


def test_the_two_primes() -> None:
    assert all(pow(a, n - 1, n) == 1 for n in (P, Q) for a in (2, 3, 5, 7, 11, 13))
    assert (Q - 1) % P == 0
    assert pow(G, P, Q) == 1
    assert G != 1


def test_generic_functions_and_modules_take_any_value_once() -> None:
    given = {"f": "elementwise", "N": "n -> o", "w": "n", "x": "n"}
    left, right = (parse(t, given)[0] for t in ("f(x + x)*f(w)", "f(w)*f(2*x)"))
    assert fingerprint(left, right, Facts()) == "equal"
    assert fingerprint(left, parse("f(w)*f(x)", given)[0], Facts()) == "different"
    assert fingerprint(parse("N(w + x)", given)[0], parse("N(x + w)", given)[0], Facts()) == "equal"
    assert fingerprint(parse("N(w)", given)[0], parse("N(x)", given)[0], Facts()) == "different"


def test_a_value_in_fractions() -> None:
    a = symbol("A", (2, 2))
    point = {a: {(0, 0): 1, (0, 1): 2, (1, 0): 3, (1, 1): 4}}
    found = Exact(point, {}, prime=False).value(parse("inv(A)", {"A": "2 2"})[0])
    assert found == {(0, 0): -2, (0, 1): 1, (1, 0): Fraction(3, 2), (1, 1): Fraction(-1, 2)}


def test_against_floating_point() -> None:
    """The same nodes, evaluated in fractions and by NumPy."""
    text = "trace(inv(A + outer(u, v)) @ B)*u - det(B - A)*v"
    node = parse(text, S)[0]
    found = integers(node, parse("0*u", S)[0], Facts())
    assert found is not None
    arrays = {k: np.array([float(v[at]) for at in sorted(v)]) for k, v in found.values.items()}
    n = len(arrays["u"])
    values = node.numpy()(**{k: v.reshape((n, n)) if k in "AB" else v for k, v in arrays.items()})
    assert np.allclose(values, [float(found.left[at]) for at in sorted(found.left)])


def test_a_fine_difference_is_told_with_integers() -> None:
    verdict = sd.prove("x", "x + 1e-15", x="n")
    assert verdict.status == "refuted"
    assert "1.0e-15" in verdict.reason
    assert (verdict.counterexample["x"] == np.round(verdict.counterexample["x"])).all()


@pytest.mark.parametrize("assume", ["onehot(y)", "sum(y) == 1", "y**2 == 1", "y > 0", "y <= 0", "symmetric(A)", "orthogonal(A)"])
def test_integer_counterexamples_keep_the_facts(assume: str) -> None:
    left, _, facts = parse("A @ y", S, assume)
    found = integers(left, parse("2*(A @ y)", S, assume)[0], facts)
    assert found is not None
    y = [v for _, v in sorted(found.values["y"].items())]
    matrix = found.values["A"]
    n = len(y)
    square = [[sum(matrix[i, k] * matrix[j, k] for k in range(n)) for j in range(n)] for i in range(n)]
    holds = {
        "onehot(y)": sorted(y) == [0] * (n - 1) + [1],
        "sum(y) == 1": sum(y) == 1,
        "y**2 == 1": all(v * v == 1 for v in y),
        "y > 0": min(y) > 0,
        "y <= 0": max(y) <= 0,
        "symmetric(A)": all(matrix[i, j] == matrix[j, i] for i, j in matrix),
        "orthogonal(A)": square == [[int(i == j) for j in range(n)] for i in range(n)],
    }
    assert holds[assume]


def test_facts_that_no_point_keeps_give_no_fingerprint() -> None:
    assert mark("y**3", "y", "y == y*y") is None
    assert sd.prove("y**3", "y", assume="y == y*y", y="n").status == "proved"


def test_planted_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With exp(v) = 1 for all v, false claims about exponentials would pass."""
    monkeypatch.setattr(fields, "G", 1)
    assert mark("exp(x*y)", "exp(x)*exp(y)") == "equal"


def test_large_arrays_have_no_fingerprint() -> None:
    big = {"x": "5000000", "W": "5000000 5000000"}
    assert fingerprint(parse("W @ x", big)[0], parse("x", big)[0], Facts()) is None
    with pytest.raises(NotExactError):
        Exact({}, {}, prime=True).value(symbol("x", (2,)))
