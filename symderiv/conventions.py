"""Conventions of curvature matrices as data, and what turns a matrix of one into that of another.

Libraries agree on J_uᵀ h J_u and differ in what they take the loss to be: with ½ or without, the sum or the mean over
samples and over outputs, to be minimised or maximised; and in how a weight matrix is laid out as a vector. A row says
it; the factor follows from the losses that two rows stand for, derived and proved by the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from symderiv import derive
from symderiv.arguments import whole
from symderiv.bounds import limited
from symderiv.build import contract, power, scale, size
from symderiv.errors import ShapeError, SymderivError, UnknownNameError
from symderiv.frontend.inputs import to_expr
from symderiv.ir import Expr
from symderiv.verdicts import Verdict, prove_exprs

Reduction = Literal["sum", "mean"]


@dataclass(frozen=True)
class Convention:
    """How a library's matrix relates to ``each`` sample's and output's term.

    ``half`` says whether a squared error has its ½; ``samples`` and ``outputs`` how terms are put together (the classes of
    a cross-entropy are always summed); ``sign`` is −1 for a log-likelihood that is maximised; ``split`` is where the loss
    begins; ``layout`` how a weight matrix W, o×n, becomes a vector.
    """

    name: str
    matrix: str
    half: bool
    samples: Reduction
    outputs: Reduction
    layout: Literal["row", "column"]
    source: str
    note: str = ""
    sign: Literal[1, -1] = 1
    split: str = "logits"


# fmt: off
_ROWS = (
    Convention("textbook", "Gauss–Newton", True, "sum", "sum", "column", "Schraudolph 2002; Martens 2020, section 8",
               "½‖u − y‖², summed over samples; vec stacks columns"),
    Convention("log_likelihood", "Hessian of the log-likelihood", True, "sum", "sum", "column", "Bishop 2006, (4.108)",
               "to be maximised: the matrix is negative semi-definite", sign=-1),
    Convention("torch", "Gauss–Newton of torch.nn losses", False, "mean", "mean", "row",
               "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
               "reduction='mean': over all entries, of MSELoss m·o, of CrossEntropyLoss m"),
    Convention("backpack", "GGN", False, "mean", "mean", "row",
               "https://github.com/f-dangel/backpack, backpack/core/derivatives/mseloss.py and crossentropyloss.py",
               "the GGN of the torch loss as it is, its reduction included; DiagGGNExact is its diagonal, KFLR its factors, "
               "KFAC samples the Hessian in the output"),
    Convention("curvlinops", "GGN; FisherMC samples it", False, "mean", "mean", "row",
               "https://github.com/f-dangel/curvlinops, curvlinops/ggn.py and fisher.py",
               "c Σ_n J_nᵀ h_n J_n; for reduction='mean' c is 1/m, of losses other than CrossEntropyLoss 1/(m·o)"),
    Convention("nngeometry", "FIM", True, "mean", "sum", "row",
               "https://github.com/tfjgeorge/nngeometry, nngeometry/metrics.py and backend/torch_hooks",
               "(1/m) Σ_n; 'regression' is a normal distribution with the identity as covariance: a squared error with ½"),
    Convention("kfac_jax", "Fisher or GGN", False, "mean", "sum", "column",
               "https://github.com/google-deepmind/kfac-jax, kfac_jax/_src/loss_functions.py",
               "register_squared_error_loss means weight · Σ(t − p)²/m, without ½ and summed over outputs; kernels are n×o, "
               "whose rows laid out one after the other are vec W"),
)
# fmt: on

#: Conventions by name.
CONVENTIONS: dict[str, Convention] = {row.name: row for row in _ROWS}

_TERMS = {
    "squared_error": "(u - y)**2",
    "cross_entropy": "-y*log_softmax(u, axis=-1)",
    "binary_cross_entropy": "softplus(u) - y*u",
    "poisson_nll": "exp(u) - y*u",
}
"""The term of one sample and one output."""


@dataclass(frozen=True)
class Conversion:
    """G of ``target`` is ``factor`` · G of ``source``, in which m and o are the numbers of samples and outputs.

    ``verdict`` is the proof of it, for the two losses; ``transposes`` says whether the layout of weights changes.
    """

    source: Convention
    target: Convention
    loss: str
    factor: Expr
    verdict: Verdict
    transposes: bool

    def apply(self, matrix: Any, *, samples: int, outputs: int, weight: tuple[int, int] | None = None) -> Any:
        """A matrix of numbers of the one convention as one of the other; ``weight`` is W's shape (o, n), for its layout."""
        value = float(self.factor_at(samples, outputs))
        rows = len(matrix)
        if not self.transposes:
            return [[value * x for x in row] for row in matrix] if isinstance(matrix, list) else value * matrix
        if weight is None:
            raise SymderivError("the layout of the weights changes", hint="give the shape of W with weight=(o, n)")
        if not isinstance(weight, tuple | list) or len(weight) != 2:
            raise SymderivError(f"weight={weight!r} isn't the shape of a matrix", hint="give the shape of W with weight=(o, n)")
        o, n = (whole("weight", size, 1, "the size of an axis") for size in weight)
        if o * n != rows:
            raise ShapeError(f"a weight matrix {o}×{n} has {o * n} entries; the matrix has {rows} rows", hint="give W's shape",
                             shapes=((o, n), (rows,)))
        to_column = self.target.layout == "column"
        order = [i * n + j for j in range(n) for i in range(o)] if to_column else [j * o + i for i in range(o) for j in range(n)]
        if isinstance(matrix, list):
            return [[value * matrix[a][b] for b in order] for a in order]
        return value * matrix[order][:, order]

    def factor_at(self, samples: int, outputs: int) -> Fraction:
        """The factor for these numbers of samples and outputs."""
        m, o = (whole(k, v, 1, "how many there are") for k, v in (("samples", samples), ("outputs", outputs)))
        return _value(self.source, self.target, self.loss, m, o)

    def __repr__(self) -> str:
        change = f", W from {self.source.layout}s to {self.target.layout}s" if self.transposes else ""
        return f"G[{self.target.name}] = {self.factor.text()} G[{self.source.name}] for {self.loss} ({self.verdict.status}){change}"


@limited
def convert(source: str, target: str, /, loss: str = "squared_error") -> Conversion:
    """What turns a curvature matrix of one convention into that of another, for a loss.

    >>> convert("backpack", "textbook", "cross_entropy")
    G[textbook] = m G[backpack] for cross_entropy (proved), W from rows to columns
    >>> convert("kfac_jax", "nngeometry").factor.text()
    '1/2'

    The libraries may be called by their own names too, as ``"kfac-jax"`` or ``"BackPACK"``.
    Raises UnknownNameError for a convention or a loss that isn't in the tables.
    """
    source, target = (str(name).strip().lower().replace("-", "_") for name in (source, target))
    for name in (source, target):
        if name not in CONVENTIONS:
            raise UnknownNameError.among(name, CONVENTIONS, "convention", f"take one of {', '.join(CONVENTIONS)}")
    if loss not in _TERMS:
        raise UnknownNameError.among(str(loss), _TERMS, "loss of a convention", f"take one of {', '.join(_TERMS)}")
    one, other = CONVENTIONS[source], CONVENTIONS[target]
    factor = _factor(one, other, loss)
    first, second = (_curvature(c, loss) for c in (one, other))
    axes = tuple(range(len(first.shape)))
    verdict = prove_exprs(contract((factor, first), ((), axes), axes), second, trials=6)
    return Conversion(one, other, loss, factor, verdict, one.layout != other.layout)


def loss_of(convention: Convention, loss: str) -> str:
    """The loss that a convention takes of outputs u and targets y, m×o.

    >>> loss_of(CONVENTIONS["nngeometry"], "squared_error")
    'sum((u - y)**2)/(2*m)'
    """
    divisors = ["2"] if convention.half and loss == "squared_error" else []
    divisors += ["m"] if convention.samples == "mean" else []
    divisors += ["o"] if convention.outputs == "mean" and loss != "cross_entropy" else []
    below = divisors[0] if len(divisors) == 1 else f"({'*'.join(divisors)})"
    return f"{'-' if convention.sign < 0 else ''}sum({_TERMS[loss]})" + (f"/{below}" if divisors else "")


def _curvature(convention: Convention, loss: str) -> Expr:
    """The Hessian in u of the convention's loss, derived."""
    value, environment, facts = to_expr(loss_of(convention, loss), {"u": "m o", "y": "m o"}, "sum(y, axis=1) == 1"
                                        if loss == "cross_entropy" else None)
    found: Expr = derive.derivative(value, [environment.symbols["u"]], facts, 2, "hessian").result
    return found


def _divisor(c: Convention, loss: str) -> tuple[Fraction, int, int]:
    """(number, power of m, power of o) that the sum of the terms is divided by."""
    return (Fraction(2 if c.half and loss == "squared_error" else 1) * c.sign, int(c.samples == "mean"),
            int(c.outputs == "mean" and loss != "cross_entropy"))


def _factor(one: Convention, other: Convention, loss: str) -> Expr:
    (a, am, ao), (b, bm, bo) = _divisor(one, loss), _divisor(other, loss)
    return scale(a / b, contract((power(size("m"), am - bm), power(size("o"), ao - bo)), ((), ()), ()))


def _value(one: Convention, other: Convention, loss: str, m: int, o: int) -> Fraction:
    (a, am, ao), (b, bm, bo) = _divisor(one, loss), _divisor(other, loss)
    return a / b * Fraction(m) ** (am - bm) * Fraction(o) ** (ao - bo)


__all__ = ["CONVENTIONS", "Convention", "Conversion", "convert", "loss_of"]
