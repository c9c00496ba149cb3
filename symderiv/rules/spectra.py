"""Local Jacobians of spectra and of functions of matrices, each stated once, as `differentiation.local` needs them.

The functions of symmetric matrices are differentiated in all entries, through the symmetric part: ∂λ/∂X = v vᵀ.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from symderiv.build import add, call, contract, power, scale
from symderiv.errors import NoRuleError
from symderiv.ir import Call, Contract, Expr
from symderiv.nodes import symbol
from symderiv.rules.base import Context, rule

HALF = Fraction(1, 2)


def _of(fn: str, x: Expr, order: int) -> Expr:
    """Another function of the same square matrix; its value has so many axes."""
    return call(fn, (x,), x.shape[:order])


def along(node: Call) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(a label for each axis of the argument, those that are left) of a function along the axes of its first parameter."""
    axes = node.params[0]
    labels = tuple(range(len(node.args[0].shape)))
    gone = labels if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    return labels, tuple(k for k in labels if k not in gone)


def _product(node: Call) -> Expr:
    """∂(Π_k x_k)/∂x_j = Π_k x_k / x_j, where no entry is zero."""
    labels, kept = along(node)
    return contract((node, power(node.args[0], -1)), (kept, labels), kept + labels)


def _eigenvalues(node: Call) -> Expr:
    """∂λ_k/∂X_ij = V_ik V_jk."""
    v = _of("eigenvectors", node.args[0], 2)
    return contract((v, v), ("ik", "jk"), "kij")


def _eigenvectors(node: Call) -> Expr:
    """∂V_ik = Σ_l V_il G_lk (Vᵀ ∂X V)_lk, of the symmetric part of ∂X."""
    gaps = _of("inverse_gaps", node.args[0], 2)
    terms = [(HALF, contract((node, gaps, node, node), ("il", "lk", x, y), "ikab")) for x, y in (("al", "bk"), ("bl", "ak"))]
    return add(terms, node.shape + node.args[0].shape)


def _inverse_gaps(node: Call) -> Expr:
    """∂G_lk = −G_lk² (∂λ_k − ∂λ_l)."""
    v = _of("eigenvectors", node.args[0], 2)
    terms = [(c, contract((power(node, 2), v, v), ("lk", x, y), "lkab")) for c, x, y in ((-1, "ak", "bk"), (1, "al", "bl"))]
    return add(terms, node.shape + node.args[0].shape)


def _eigmax(node: Call) -> Expr:
    """∂λ/∂X = v vᵀ."""
    v = _of("top_eigenvector", node.args[0], 1)
    return contract((v, v), ("i", "j"), "ij")


def _top_eigenvector(node: Call) -> Expr:
    """∂v = (λI − X)⁺ ∂X v, of the symmetric part of ∂X."""
    r = _of("top_resolvent", node.args[0], 2)
    return add([(HALF, contract((r, node), (x, y), "iab")) for x, y in (("ia", "b"), ("ib", "a"))],
               node.shape + node.args[0].shape)


def _top_resolvent(node: Call) -> Expr:
    """∂R = R ∂X R − ∂λ R² − R² ∂X v vᵀ − v vᵀ ∂X R², of the symmetric part of ∂X (Golub & Pereyra 1973)."""
    v = _of("top_eigenvector", node.args[0], 1)
    square = contract((node, node), ("ij", "jk"), "ik")
    terms: list[tuple[Fraction | int, Expr]] = [(-1, contract((square, v, v), ("ij", "a", "b"), "ijab"))]
    for a, b in (("a", "b"), ("b", "a")):
        terms += [
            (HALF, contract((node, node), ("i" + a, b + "j"), "ijab")),
            (-HALF, contract((square, v, v), ("i" + a, b, "j"), "ijab")),
            (-HALF, contract((square, v, v), ("j" + a, b, "i"), "ijab")),
        ]
    return add(terms, node.shape + node.args[0].shape)


def _spectral_norm(node: Call) -> Expr:
    """∂σ₁/∂X = u₁ v₁ᵀ."""
    x = node.args[0]
    u, v = call("left_singular", (x,), x.shape[:1]), call("right_singular", (x,), x.shape[1:])
    return contract((u, v), ("i", "j"), "ij")


def _traced(slope: str, sign: int) -> Callable[[Call], Expr]:
    """∂tr f(X)/∂X = f′(X)ᵀ."""
    return lambda node: contract((scale(sign, _of(slope, node.args[0], 2)),), ("ji",), "ij")


def _frechet(node: Call) -> Expr:
    raise NoRuleError(
        f"the derivative of '{node.fn}' by its matrix has no closed form (it is a Fréchet derivative)",
        hint=f"trace({node.fn}(X)) has one: the trace of a function of a matrix",
    )


def _general_eigenvalues(node: Call) -> Expr:
    raise NoRuleError(
        "single eigenvalues of a matrix that isn't symmetric may be complex, and have no derivative here",
        hint="write sum(eigvals(X)) or prod(eigvals(X)); for symmetric X eigvalsh(X), eigmax(X) or eigmin(X)",
    )


LOCAL: dict[str, Callable[[Call], Expr]] = {
    "prod": _product, "eigvals": _general_eigenvalues, "eigvalsh": _eigenvalues, "eigenvectors": _eigenvectors,
    "inverse_gaps": _inverse_gaps, "eigmax": _eigmax, "top_eigenvector": _top_eigenvector,
    "top_resolvent": _top_resolvent, "spectral_norm": _spectral_norm,
    "expm": _frechet, "sinm": _frechet, "cosm": _frechet,
    "trace_expm": _traced("expm", 1), "trace_sinm": _traced("cosm", 1), "trace_cosm": _traced("sinm", -1),
}  # fmt: skip
"""∂node/∂node's matrix, by the function's name."""

_SERIES = ("expm", "sinm", "cosm")


@rule("trace of a matrix function", r"\textstyle\sum_i f(X)_{ii}=\operatorname{tr}f(X)", [Contract],
      example=lambda: (contract((call("sinm", (symbol("X", (3, 3)),), (3, 3)),), ("ii",), ""), Context()))  # fmt: skip
def fold_trace(node: Contract, context: Context) -> Expr | None:
    """A trace has a closed derivative where the function itself has none; so it is one function."""
    for k, (f, labels) in enumerate(zip(node.factors, node.labels, strict=True)):
        alone = labels and labels[0] not in node.out and sum(ls.count(labels[0]) for ls in node.labels) == 2
        if isinstance(f, Call) and f.fn in _SERIES and not f.abstract and labels[0] == labels[-1] and alone:
            factors = [call(f"trace_{f.fn}", f.args, ()) if j == k else g for j, g in enumerate(node.factors)]
            places = [() if j == k else ls for j, ls in enumerate(node.labels)]
            return contract(factors, places, node.out, {x: d for x, d in enumerate(node.dims) if x != labels[0]})
    return None
