"""Curvature: certificates that a matrix is positive or negative semidefinite, and what they say of a function.

A certificate is a proof tree over the rules of `definite`, or a counterexample with its direction; where neither is
found the answer is "unknown", with the smallest part that stayed undecided. Nothing is guessed.

>>> from symderiv.frontend.inputs import parse
>>> H, _, facts = parse("X.T @ diag(sigmoid(X @ w)*(1 - sigmoid(X @ w))) @ X", {"X": "m n", "w": "n"})
>>> found = certify(H, facts)
>>> found.verdict, found.proof.rule
('psd', 'weighted sum of squares')
"""

from __future__ import annotations

from symderiv.certificates.certify import certificate, certify, curvature_of_hessian
from symderiv.certificates.check import check_proof
from symderiv.certificates.compose import kinked
from symderiv.certificates.function import curvature_of
from symderiv.certificates.proof import Certificate, Counterexample, Curvature, ProofNode

__all__ = [
    "Certificate",
    "Counterexample",
    "Curvature",
    "ProofNode",
    "certificate",
    "certify",
    "check_proof",
    "curvature_of",
    "curvature_of_hessian",
    "kinked",
]
