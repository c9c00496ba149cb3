"""Determinants and inverses in prove: lemmas in all their spellings, and near misses of them."""

from __future__ import annotations

from typing import Any

import pytest

import symderiv as sd
from symderiv.proving import determinants
from symderiv.proving.terms import F1, Poly

S = {
    **dict.fromkeys("ABDQE", "n n"),
    "U": "n k", "V": "k n", "C": "k k", "F": "k k", "W": "k m", "Y": "m n",
    "u": "n", "v": "n", "w": "n", "d": "n", "c": "", "r": "3", "s": "3", "t": "1",
}
PROVED = [
    ("det(A + outer(u, v))", "det(A)*(1 + v @ inv(A) @ u)", None),
    ("det(A - c*outer(u, u))", "det(A)*(1 - c*(u @ inv(A) @ u))", None),
    ("det(eye(n) + outer(u, v))", "1 + u @ v", None),
    ("det(eye(n) - 2*outer(u, u))", "1 - 2*(u @ u)", None),
    ("det(eye(n) + U @ V)", "det(eye(k) + V @ U)", None),
    ("det(eye(n) + U @ C @ V)", "det(eye(k) + V @ U @ C)", None),
    ("det(eye(n) + U @ W @ Y)", "det(eye(m) + Y @ U @ W)", None),
    ("det(eye(n) + U @ diag(V @ u) @ V)", "det(eye(k) + diag(V @ u) @ V @ U)", None),
    ("det(A + U @ V)", "det(A)*det(eye(k) + V @ inv(A) @ U)", None),
    ("det(A + U @ C @ V)", "det(A)*det(C)*det(inv(C) + V @ inv(A) @ U)", None),
    ("det(A)*det(C - V @ inv(A) @ U)", "det(C)*det(A - U @ inv(C) @ V)", None),
    ("det(A + B)", "det(B)*det(eye(n) + inv(B) @ A)", None),
    ("det(A)*det(eye(n) + inv(A) @ B)", "det(B)*det(eye(n) + A @ inv(B))", None),
    ("det(eye(n) + diag(d) @ A)", "det(eye(n) + A @ diag(d))", None),
    ("det(Q @ A @ Q.T)", "det(A)", "orthogonal(Q)"),
    ("det(Q)**2", "1", "orthogonal(Q)"),
    ("abs(det(Q))", "1", "orthogonal(Q)"),
    ("abs(det(A @ Q))", "abs(det(A))", "orthogonal(Q)"),
    ("logdet(A + outer(u, v))", "logdet(A) + log(abs(1 + v @ inv(A) @ u))", None),
    ("logdet(eye(n) + U @ V)", "logdet(eye(k) + V @ U)", None),
    ("logdet(A + U @ U.T)", "logdet(A) + logdet(eye(k) + U.T @ inv(A) @ U)", "pd(A)"),
    ("logdet(A) + logdet(C - V @ inv(A) @ U)", "logdet(C) + logdet(A - U @ inv(C) @ V)", None),
    ("logdet(c*A)", "n*log(abs(c)) + logdet(A)", None),
    ("logdet(A @ B.T @ inv(D))", "logdet(A) + logdet(B) - logdet(D)", None),
    ("inv(diag(d) + outer(u, v))", "diag(1/d) - outer(u/d, v/d)/(1 + sum(u*v/d))", None),
    ("inv(eye(n) + inv(A))", "A @ inv(A + eye(n))", None),
    ("A @ inv(A + B) @ B", "inv(inv(A) + inv(B))", None),
    ("inv(A + B) @ A", "eye(n) - inv(A + B) @ B", None),
    ("abs(u*v)", "abs(u)*abs(v)", None),
    ("det(outer(r, s))", "0", None),
]
MISSES = [
    ("det(A + outer(u, v))", "det(A)*(1 - v @ inv(A) @ u)", None),
    ("det(A + outer(u, v))", "det(A)*(1 + u @ inv(A) @ v)", None),
    ("det(A + outer(u, v))", "det(A) + v @ inv(A) @ u", None),
    ("det(eye(n) + outer(u, v))", "1 + u @ u", None),
    ("det(eye(n) + U @ V)", "det(eye(k) - V @ U)", None),
    ("det(eye(n) + U @ C @ V)", "det(eye(k) + U.T @ V.T @ C)", None),
    ("det(A)*det(C - V @ inv(A) @ U)", "det(C)*det(A + U @ inv(C) @ V)", None),
    ("det(A + B)", "det(A) + det(B)", None),
    ("det(Q)", "1", "orthogonal(Q)"),
    ("det(eye(n) + A @ B)", "det(eye(n) + A @ B.T)", None),
    ("logdet(A + outer(u, v))", "logdet(A) + log(abs(1 + v @ A @ u))", None),
    ("logdet(c*A)", "log(abs(c)) + logdet(A)", None),
    ("abs(u*v)", "u*abs(v)", None),
    ("det(outer(t, t))", "0", None),
    ("abs(u + v)", "abs(u) + abs(v)", None),
    ("inv(A + B) @ A", "eye(n) - inv(A + B) @ A", None),
]


@pytest.mark.parametrize(("lhs", "rhs", "assume"), PROVED)
def test_proved(lhs: str, rhs: str, assume: Any) -> None:
    assert sd.prove(lhs, rhs, assume=assume, shapes=S).status == "proved"


@pytest.mark.parametrize(("lhs", "rhs", "assume"), MISSES)
def test_near_misses_are_refuted(lhs: str, rhs: str, assume: Any) -> None:
    verdict = sd.prove(lhs, rhs, assume=assume, shapes=S)
    assert verdict.status == "refuted", verdict
    assert verdict.counterexample is not None


def test_a_matrix_that_need_not_be_invertible_is_not_taken_out() -> None:
    """Nothing says that A has an inverse: the lemma's other side must not be made."""
    verdict = sd.prove("det(A + outer(u, v))", "det(A)", shapes=S)
    assert verdict.status == "refuted"


def test_planted_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With det(I + uvᵀ) = 1 the wrong claim would be one normal form; the fingerprint still refutes it."""
    monkeypatch.setattr(determinants, "_scalar", lambda forms, p: Poly((), {forms.ring.mono((), (), {}): F1}))
    from symderiv.frontend.inputs import parse
    from symderiv.proving.show import proves

    left, right = (parse(t, S)[0] for t in ("det(eye(n) + outer(u, v))", "1"))
    assert proves(left, right)
    assert sd.prove(left, right).status == "refuted"
