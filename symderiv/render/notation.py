"""How formulas are written: the choices that are a matter of taste, in one frozen value."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any

from symderiv.errors import UnknownNameError

LAYOUTS = ("numerator", "denominator")


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
    pairing: bool = False
    """a scalar with one differential in it as an inner product: ⟨δ xᵀ, dW⟩ for δᵀ dW x"""
    joint_sums: bool = True
    r"""\sum_{k,l} for \sum_k\sum_l"""
    layout: str = "numerator"
    """"numerator" writes a Jacobian as ∂N/∂xᵀ, a row for each output; "denominator" its transpose ∂Nᵀ/∂x"""

    @property
    def turned(self) -> bool:
        """Whether Jacobians are written transposed."""
        return self.layout == "denominator"


DEFAULT = Notation()
_active: ContextVar[Notation] = ContextVar("notation", default=DEFAULT)


def chosen(given: Notation = DEFAULT) -> Notation:
    """The notation that was given; where none was, the one in use."""
    return _active.get() if given is DEFAULT else given


@contextmanager
def notation(**choices: Any) -> Iterator[None]:
    """Formulas are written so within: the keywords are the fields of `Notation`.

    Raises UnknownNameError for a keyword or a layout that isn't known.

    >>> import symderiv as sd
    >>> J = sd.jacobian("W @ tanh(x)", "x", W="o n", x="n")
    >>> with sd.notation(layout="denominator"):
    ...     print(J.text(detail="brief"))
    ∂Nᵀ/∂x = diag(1 − tanh(x)^⊙2) Wᵀ  elementwise chain rule, tanh′=1−tanh²
    """
    known = [f.name for f in fields(Notation)]
    for name in choices:
        if name not in known:
            raise UnknownNameError.among(name, known, "choice", f"choices: {', '.join(known)}")
    if choices.get("layout", LAYOUTS[0]) not in LAYOUTS:
        raise UnknownNameError.among(str(choices["layout"]), LAYOUTS, "layout", f"layouts: {', '.join(LAYOUTS)}")
    with using(Notation(**choices)):
        yield


@contextmanager
def using(chosen_one: Notation) -> Iterator[None]:
    """Formulas are written in that notation within.

    >>> with using(Notation(layout="denominator")):
    ...     chosen().turned
    True
    >>> chosen().turned
    False
    """
    token = _active.set(chosen_one)
    try:
        yield
    finally:
        _active.reset(token)
