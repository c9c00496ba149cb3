"""Spectra and functions of matrices. "Symmetric" functions take the symmetric part, which is X itself for symmetric X."""

from __future__ import annotations

from symderiv.functions.matrix_sources import EIGH, EXPM, INVERSE_GAPS, SINGULAR, TOP_RESOLVENT
from symderiv.functions.rows import TensorFunction, interval

SYMMETRIC_PART = "of the symmetric part (X + Xᵀ)/2, which is X where X is symmetric"
SIMPLE = "where the largest eigenvalue isn't simple"
SERIES = "the power series; Higham 2008, 1.2"

# fmt: off
MATRIX_FUNCTIONS: tuple[TensorFunction, ...] = (
    TensorFunction(
        "eigvals", "primitive", None, signature="n n -> n", numpy="np.linalg.eigvals({x})",
        latex=r"\lambda({x})", source="numpy.linalg.eigvals; read within sum and prod"),
    TensorFunction(
        "eigenvalue_sum", "definition", "trace(x)", signature="n n -> ", numpy="np.sum(np.linalg.eigvals({x})).real",
        latex=r"\textstyle\sum_k\lambda_k({x})", source="what sum(eigvals(X)) is; Petersen & Pedersen 2012, (14)"),
    TensorFunction(
        "eigenvalue_product", "definition", "det(x)", signature="n n -> ",
        numpy="np.prod(np.linalg.eigvals({x})).real", latex=r"\textstyle\prod_k\lambda_k({x})",
        source="what prod(eigvals(X)) is; Petersen & Pedersen 2012, (18)"),
    TensorFunction(
        "eigvalsh", "primitive", None, signature="n n -> n", numpy="np.linalg.eigvalsh(({x} + {x}.T)/2)",
        latex=r"\lambda({x})", rough="where two eigenvalues are equal",
        derivative_note=r"\nabla\lambda_k=v_kv_k^\top,\ X=X^\top,\ \lambda_k\text{ simple}",
        source="numpy.linalg.eigvalsh, ascending, " + SYMMETRIC_PART + "; Magnus 1985"),
    TensorFunction(
        "eigenvectors", "primitive", None, signature="n n -> n n", numpy="_eigh({x})[1]", numpy_helper=EIGH,
        latex=r"V({x})", rough="where two eigenvalues are equal",
        derivative_note=r"\lambda_k\text{ simple}",
        source="orthonormal columns, in eigvalsh's order, " + SYMMETRIC_PART + "; Magnus 1985"),
    TensorFunction(
        "inverse_gaps", "primitive", None, signature="n n -> n n", numpy="_inverse_gaps({x})",
        numpy_helper=INVERSE_GAPS, latex=r"G({x})", rough="where two eigenvalues are equal",
        source="G_lk = 1/(λ_k - λ_l), 0 for l = k, by the eigenvalues " + SYMMETRIC_PART),
    TensorFunction(
        "eigmax", "primitive", None, signature="n n -> ", numpy="np.linalg.eigvalsh(({x} + {x}.T)/2)[-1]",
        latex=r"\lambda_{\max}({x})", convexity="convex", rough=SIMPLE,
        derivative_note=r"\nabla\lambda=v\,v^\top,\ X=X^\top,\ \lambda\text{ simple}",
        source="the largest eigenvalue " + SYMMETRIC_PART + "; Magnus 1985"),
    TensorFunction(
        "eigmin", "macro", "-eigmax(-x)", signature="n n -> ", numpy="np.linalg.eigvalsh(({x} + {x}.T)/2)[0]",
        latex=r"\lambda_{\min}({x})", convexity="concave", rough="where the smallest eigenvalue isn't simple",
        source="the smallest eigenvalue " + SYMMETRIC_PART),
    TensorFunction(
        "top_eigenvector", "primitive", None, signature="n n -> n", numpy="_eigh({x})[1][:, -1]", numpy_helper=EIGH,
        latex=r"v_{\max}({x})", rough=SIMPLE,
        derivative_note=r"\lambda\text{ simple}",
        source="the unit eigenvector of eigmax, its largest entry positive; Magnus 1985"),
    TensorFunction(
        "top_resolvent", "primitive", None, signature="n n -> n n", numpy="_top_resolvent({x})",
        numpy_helper=TOP_RESOLVENT, latex=r"(\lambda_{\max}I-({x}))^{+}", rough=SIMPLE,
        source="the pseudo-inverse of λI - X for eigmax's λ; Golub & Pereyra 1973"),
    TensorFunction(
        "spectral_norm", "primitive", None, signature="m n -> ", numpy="np.linalg.norm({x}, 2)",
        latex=r"\lVert {x}\rVert_2", range=interval("[0, oo)"), convexity="convex",
        rough="where the largest singular value isn't simple",
        derivative_note=r"\nabla\sigma_1=u_1v_1^\top,\ \sigma_1\text{ simple}",
        source="norm(X, 2), the largest singular value; Watson 1992"),
    TensorFunction(
        "left_singular", "definition", "x @ right_singular(x)/spectral_norm(x)", signature="m n -> m",
        numpy="_left_singular({x})", numpy_helper=SINGULAR, latex=r"u_1({x})",
        rough="where the largest singular value isn't simple", source="X v₁/σ₁"),
    TensorFunction(
        "right_singular", "definition", "top_eigenvector(x.T @ x)", signature="m n -> n",
        numpy="_right_singular({x})", numpy_helper=SINGULAR, latex=r"v_1({x})",
        rough="where the largest singular value isn't simple", source="the top eigenvector of XᵀX"),
    TensorFunction(
        "expm", "primitive", None, signature="n n -> n n", numpy="_expm({x})", numpy_helper=EXPM,
        latex=r"\operatorname{expm}({x})", source=SERIES),
    TensorFunction(
        "sinm", "primitive", None, signature="n n -> n n", numpy="_expm(1j*({x})).imag", numpy_helper=EXPM,
        latex=r"\operatorname{sinm}({x})", source=SERIES),
    TensorFunction(
        "cosm", "primitive", None, signature="n n -> n n", numpy="_expm(1j*({x})).real", numpy_helper=EXPM,
        latex=r"\operatorname{cosm}({x})", source=SERIES),
    TensorFunction(
        "trace_expm", "primitive", None, signature="n n -> ", numpy="np.trace(_expm({x}))", numpy_helper=EXPM,
        latex=r"\operatorname{tr}\operatorname{expm}({x})",
        derivative_note=r"\nabla\operatorname{tr}f(X)=f^{\prime}(X)^\top",
        source="Petersen & Pedersen 2012, (98)"),
    TensorFunction(
        "trace_sinm", "primitive", None, signature="n n -> ", numpy="np.trace(_expm(1j*({x})).imag)",
        numpy_helper=EXPM, latex=r"\operatorname{tr}\operatorname{sinm}({x})",
        derivative_note=r"\nabla\operatorname{tr}f(X)=f^{\prime}(X)^\top",
        source="Petersen & Pedersen 2012, (98)"),
    TensorFunction(
        "trace_cosm", "primitive", None, signature="n n -> ", numpy="np.trace(_expm(1j*({x})).real)",
        numpy_helper=EXPM, latex=r"\operatorname{tr}\operatorname{cosm}({x})",
        derivative_note=r"\nabla\operatorname{tr}f(X)=f^{\prime}(X)^\top",
        source="Petersen & Pedersen 2012, (98)"),
)
# fmt: on
