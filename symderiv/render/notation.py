"""How formulas are written: the choices that are a matter of taste, in one frozen value."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notation:
    r"""The signs of the matrix and index form.

    >>> Notation().transpose, Notation(hadamard=r"\circ").hadamard
    ('\\top', '\\circ')
    """

    transpose: str = r"\top"
    hadamard: str = r"\odot"
    quotient: str = r"\oslash"
    kron: str = r"\otimes"
    ones: str = r"\mathbf{1}"
    zeros: str = r"\mathbf{0}"
    identity: str = "I"
    sizes: bool = False
    """put the size under 1 and I: I_o"""
    bold_vectors: bool = False
    """vectors in bold letters"""
    frobenius: str = "inner"
    """"inner" writes ⟨A, B⟩, "trace" writes tr(Aᵀ B)"""
    arguments: str = "auto"
    """whether J_N says where it is taken, J_N(w): "auto" (if N is taken at several places), "always", "never"."""
    hadamard_as_diag: bool = False
    """d ⊙ (W v) as diag(d) W v"""
    pairing: bool = False
    """a scalar with one differential in it as an inner product: ⟨δ xᵀ, dW⟩ for δᵀ dW x"""
    joint_sums: bool = True
    r"""\sum_{k,l} for \sum_k\sum_l"""


DEFAULT = Notation()
