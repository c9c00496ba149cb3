"""Functions of whole arrays. Names that the notation itself has (sum, trace, diag, outer, kron, vec, …) aren't here."""

from __future__ import annotations

from fractions import Fraction

from symderiv.functions.rows import TensorFunction, interval
from symderiv.functions.sources import LOG_SOFTMAX, LOGSUMEXP, SOFTMAX, THRESHOLDS

LAST = (("axis", -1),)
REDUCE = (("axis", None), ("keepdims", False))

# fmt: off
TENSOR_FUNCTIONS: tuple[TensorFunction, ...] = (
    TensorFunction(
        "softmax", "definition", "exp(x)/sum(exp(x), axis=axis, keepdims=True)", params=LAST,
        numpy="_softmax({x}, axis={axis})", numpy_helper=SOFTMAX, latex=r"\operatorname{softmax}",
        range=interval("(0, 1)"), facts=("p > 0", "sum(p, axis=axis) == 1"), module="Softmax",
        potential="sum(logsumexp(x, axis=axis))",
        source="Boltzmann 1868; Bridle 1990"),
    TensorFunction(
        "logsumexp", "definition", "log(sum(exp(x), axis=axis, keepdims=keepdims))", params=REDUCE,
        numpy="_logsumexp({x}, axis={axis}, keepdims={keepdims})", numpy_helper=LOGSUMEXP,
        latex=r"\operatorname{logsumexp}", convexity="convex", source="Boyd & Vandenberghe 2004, 3.1.5"),
    TensorFunction(
        "log_softmax", "macro", "x - logsumexp(x, axis=axis, keepdims=True)", params=LAST,
        numpy="_log_softmax({x}, axis={axis})", numpy_helper=LOG_SOFTMAX, latex=r"\log\operatorname{softmax}",
        range=interval("(-oo, 0)"), convexity="concave", module="LogSoftmax", source="torch.nn.LogSoftmax"),
    TensorFunction(
        "softmin", "macro", "softmax(-x, axis=axis)", params=LAST, numpy="_softmax(-{x}, axis={axis})",
        numpy_helper=SOFTMAX, latex=r"\operatorname{softmin}", range=interval("(0, 1)"),
        facts=("p > 0", "sum(p, axis=axis) == 1"), module="Softmin", source="torch.nn.Softmin"),
    TensorFunction(
        "sparsemax", "definition", "relu(x - sparsemax_threshold(x, axis=axis, keepdims=True))", params=LAST,
        numpy="np.maximum({x} - _sparsemax_threshold({x}, {axis}, True), 0.0)", numpy_helper=THRESHOLDS,
        latex=r"\operatorname{sparsemax}", range=interval("[0, 1]"), facts=("sum(p, axis=axis) == 1",),
        rough="where an entry of x is the threshold", pieces=True, module="Sparsemax",
        potential="sum(sparsemax(x, axis=axis)**2)/2 + sum(sparsemax_threshold(x, axis=axis))",
        source="Martins & Astudillo 2016: the point of the simplex that is nearest to x"),
    TensorFunction(
        "sparsemax_threshold", "primitive", None, params=REDUCE,
        numpy="_sparsemax_threshold({x}, {axis}, {keepdims})", numpy_helper=THRESHOLDS, latex=r"\tau({x})",
        convexity="convex", rough="where an entry of x is the threshold", pieces=True,
        derivative_note=r"\nabla\tau=s/\mathbf{1}^{\top}s,\ s=H(x-\tau\mathbf{1})",
        source="the τ with Σ max(x - τ, 0) = 1; Martins & Astudillo 2016, (3)"),
    TensorFunction(
        "entmax15", "definition", "relu(x/2 - entmax15_threshold(x, axis=axis, keepdims=True))**2", params=LAST,
        numpy="np.maximum({x}/2.0 - _entmax15_threshold({x}, {axis}, True), 0.0)**2", numpy_helper=THRESHOLDS,
        latex=r"\operatorname{entmax}_{1.5}", range=interval("[0, 1]"), facts=("sum(p, axis=axis) == 1",),
        rough="where half an entry of x is the threshold", pieces=True, module="Entmax15",
        potential="2*sum(relu(x/2 - entmax15_threshold(x, axis=axis, keepdims=True))**3)/3"
                  " + 2*sum(entmax15_threshold(x, axis=axis))",
        source="Peters, Niculae & Martins 2019: entmax with α = 1.5"),
    TensorFunction(
        "entmax15_threshold", "primitive", None, params=REDUCE,
        numpy="_entmax15_threshold({x}, {axis}, {keepdims})", numpy_helper=THRESHOLDS, latex=r"\tau_{1.5}({x})",
        rough="where half an entry of x is the threshold", pieces=True,
        derivative_note=r"\nabla\tau=r/(2\,\mathbf{1}^{\top}r),\ r=\max(x/2-\tau\mathbf{1},0)",
        source="the τ with Σ max(x/2 - τ, 0)² = 1; Peters, Niculae & Martins 2019, section 4"),
    TensorFunction(
        "mean", "macro", "sum(x, axis=axis, keepdims=keepdims)/size(x, axis)", params=REDUCE,
        numpy="np.mean({x}, axis={axis}, keepdims={keepdims})", latex=r"\operatorname{mean}", convexity="affine",
        source="numpy.mean"),
    TensorFunction(
        "var", "macro", "mean((x - mean(x, axis=axis, keepdims=True))**2, axis=axis, keepdims=keepdims)",
        params=REDUCE, numpy="np.var({x}, axis={axis}, keepdims={keepdims})", latex=r"\operatorname{var}",
        range=interval("[0, oo)"), convexity="convex", source="numpy.var: the mean of squares, not divided by n - 1"),
    TensorFunction(
        "std", "macro", "sqrt(var(x, axis=axis, keepdims=keepdims))", params=REDUCE,
        numpy="np.std({x}, axis={axis}, keepdims={keepdims})", latex=r"\operatorname{std}", range=interval("[0, oo)"),
        convexity="convex", rough="where all entries are equal", source="numpy.std"),
    TensorFunction(
        "norm", "macro", "sqrt(sum(x**2, axis=axis, keepdims=keepdims))", params=REDUCE,
        numpy="np.sqrt(np.sum({x}*{x}, axis={axis}, keepdims={keepdims}))", latex=r"\lVert {x}\rVert",
        range=interval("[0, oo)"), convexity="convex", rough="at zero",
        source="the Euclidean norm; of a matrix, Frobenius'"),
    TensorFunction(
        "normalize", "macro", "x/norm(x, axis=axis, keepdims=True)", params=LAST,
        numpy="{x}/np.sqrt(np.sum({x}*{x}, axis={axis}, keepdims=True))", latex=r"\operatorname{normalize}",
        range=interval("[-1, 1]"), facts=("sum(p**2, axis=axis) == 1",), rough="at zero",
        source="torch.nn.functional.normalize, without its eps"),
    TensorFunction(
        "layer_norm", "macro",
        "(x - mean(x, axis=axis, keepdims=True))/sqrt(var(x, axis=axis, keepdims=True) + eps)",
        params=(*LAST, ("eps", Fraction(1, 100000))),
        numpy="({x} - np.mean({x}, axis={axis}, keepdims=True))/np.sqrt(np.var({x}, axis={axis}, keepdims=True)"
              " + {eps})",
        latex=r"\operatorname{layernorm}", facts=("sum(p, axis=axis) == 0",), module="LayerNorm",
        source="Ba, Kiros & Hinton 2016, without gain and bias; eps as torch's"),
    TensorFunction(
        "rms_norm", "macro", "x/sqrt(mean(x**2, axis=axis, keepdims=True) + eps)",
        params=(*LAST, ("eps", Fraction(0))), numpy="{x}/np.sqrt(np.mean({x}*{x}, axis={axis}, keepdims=True) + {eps})",
        latex=r"\operatorname{rmsnorm}", rough="at zero, where eps is 0", module="RMSNorm",
        source="Zhang & Sennrich 2019, without gain"),
    TensorFunction(
        "maximum", "macro", "y + relu(x - y)", arguments=("x", "y"), numpy="np.maximum({x}, {y})",
        latex=r"\max", convexity="convex", rough="where x = y", source="numpy.maximum"),
    TensorFunction(
        "minimum", "macro", "y - relu(y - x)", arguments=("x", "y"), numpy="np.minimum({x}, {y})",
        latex=r"\min", convexity="concave", rough="where x = y", source="numpy.minimum"),
    TensorFunction(
        "entropy", "macro", "-sum(x*log(x), axis=axis, keepdims=keepdims)", params=REDUCE,
        numpy="-np.sum({x}*np.log({x}), axis={axis}, keepdims={keepdims})", latex=r"\operatorname{H}",
        convexity="concave", source="Shannon 1948, in nats; the entries are positive"),
    TensorFunction(
        "cosine_similarity", "macro", "sum(x*y)/(norm(x)*norm(y))", arguments=("x", "y"),
        numpy="np.sum({x}*{y})/np.sqrt(np.sum({x}*{x})*np.sum({y}*{y}))", latex=r"\cos\angle",
        range=interval("[-1, 1]"), rough="at zero", source="of two arrays of one shape, over all entries"),
    TensorFunction(
        "logdet", "definition", "log(abs(det(x)))", numpy="np.linalg.slogdet({x})[1]",
        latex=r"\log\lvert\det({x})\rvert", rough="where x is singular", source="Petersen & Pedersen 2012, (57)"),
    TensorFunction(
        "det", "primitive", None, numpy="np.linalg.det({x})", latex=r"\det", source="numpy.linalg.det"),
    TensorFunction(
        "inv", "primitive", None, numpy="np.linalg.inv({x})", latex=r"({x})^{-1}", rough="where x is singular",
        source="numpy.linalg.inv"),
    TensorFunction(
        "max", "primitive", None, params=REDUCE, numpy="np.max({x}, axis={axis}, keepdims={keepdims})", latex=r"\max",
        convexity="convex", rough="where two entries are largest", pieces=True, source="numpy.max"),
    TensorFunction(
        "min", "macro", "-max(-x, axis=axis, keepdims=keepdims)", params=REDUCE,
        numpy="np.min({x}, axis={axis}, keepdims={keepdims})", latex=r"\min", convexity="concave",
        rough="where two entries are smallest", source="numpy.min"),
    TensorFunction(
        "prod", "primitive", None, params=REDUCE, numpy="np.prod({x}, axis={axis}, keepdims={keepdims})", latex=r"\prod",
        rough="where an entry is zero", derivative_note=r"\text{no entry is zero}", source="numpy.prod"),
    TensorFunction(
        "is_max", "primitive", None, params=(("axis", None),),
        numpy="np.where({x} == np.max({x}, axis={axis}, keepdims=True), 1.0, 0.0)", latex=r"\operatorname{ismax}",
        range=interval("[0, 1]"), rough="where two entries are largest", pieces=True, source="the slope of numpy.max, away from ties"),
)
# fmt: on
