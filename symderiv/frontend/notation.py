"""The functions that the notation itself has (sum, trace, kron, …), and calls by name, rows of the tables among them.

``call_function`` gives a name and values that are already built their meaning. The text front end, traced Python
functions and SymPy all call it, so that a function means the same wherever it was written.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from symderiv import ops
from symderiv.build import apply, call, contract, power, scale, view, zero
from symderiv.errors import NoRuleError, ParseError, ShapeError, SymderivError, UnknownNameError
from symderiv.frontend.arrangements import FUNCTIONS as ARRANGEMENTS
from symderiv.frontend.arrangements import OF_LISTS as JOINS
from symderiv.frontend.arrangements import VARIADIC, joined
from symderiv.frontend.cases import FUNCTIONS as CASES
from symderiv.frontend.repeated import FUNCTIONS as REPEATS
from symderiv.frontend.repeated import OF_LISTS as CHAINS
from symderiv.frontend.values import (
    Signature,
    Value,
    as_axis,
    as_dim,
    as_expr,
    as_flag,
    as_number,
    constant_of,
    is_axis,
)
from symderiv.functions import POWERS, SCALAR, TENSOR, TensorFunction, canonical_name, function_names
from symderiv.ir import Call, Expr, Symbol, number_of
from symderiv.losses import LOSSES, Loss, canonical_loss_name, loss_names

Expand = Callable[[str, Mapping[str, Value]], Expr]
"""Builds a text in which the given names stand for the given values."""


# ---------------------------------------------------------------- the notation's own functions
def _sum(x: Expr, axis: Value = None, keepdims: Value = False) -> Expr:
    if isinstance(x, Call) and x.fn in _SPECTRUM and axis is None and keepdims is False:
        return call("eigenvalue_sum", x.args, ())
    return ops.sum_over(x, as_axis(axis), as_flag(keepdims, "keepdims="))


def _norm(x: Expr, ord: Value = None, axis: Value = None, keepdims: Value = False) -> Expr:
    """numpy.linalg.norm: the Euclidean norm, Frobenius' of a matrix; with ord=2 of a matrix the spectral norm."""
    kind = ord if ord is None or isinstance(ord, str) else as_number(ord, "ord=")
    axes = ops.axes_of(x, as_axis(axis))
    matrix = len(axes) == 2
    if len(axes) != 1 + (kind == "fro") and kind is not None and not matrix:
        raise ShapeError(f"the norm with ord={kind} is of {'a matrix' if kind == 'fro' else 'a vector or a matrix'}", shapes=(x.shape,))
    if kind in (None, "fro") or (kind == 2 and not matrix):
        squares = ops.sum_over(power(x, 2), as_axis(axis), as_flag(keepdims, "keepdims="))
        return power(squares, Fraction(1, 2))
    if kind == 2 and len(x.shape) == 2 and keepdims is False:
        return _of_matrix(TENSOR["spectral_norm"], x)
    if kind == 1 and not matrix:
        return ops.sum_over(apply("abs", x), as_axis(axis), as_flag(keepdims, "keepdims="))
    if isinstance(kind, Fraction) and kind >= 1 and not matrix:  # (Σ |x|^p)^(1/p)
        powers = raise_to(x if kind % 2 == 0 else apply("abs", x), ops.number(kind))
        return raise_to(ops.sum_over(powers, as_axis(axis), as_flag(keepdims, "keepdims=")), ops.number(1 / kind))
    raise NoRuleError(f"the norm with ord={kind}",
                      hint="there are norm(x), norm(x, p) of a vector for a number p ≥ 1, norm(X, 2), norm(X, 'fro')")


def _matrix_power(x: Expr, n: Expr) -> Expr:
    """numpy.linalg.matrix_power, for a whole number n."""
    ops.expect_square(x, "matrix_power")
    k = as_number(n, "the exponent of matrix_power")
    if k.denominator != 1 or abs(k) > LARGEST_POWER:
        raise NoRuleError(f"the matrix power {k}", hint=f"a whole number up to {LARGEST_POWER} can be taken")
    factor = ops.inverse(x) if k < 0 else x
    labels = [(j, j + 1) for j in range(abs(int(k)))]
    return contract([factor] * len(labels), labels, (0, len(labels)), None) if labels else ops.identity(x.shape[:1])


def _size(x: Expr, axis: Value = None) -> Expr:
    return ops.count(x, as_axis(axis))


def _len(x: Expr) -> Expr:
    return ops.count(x, 0)


def _outer(x: Expr, y: Expr) -> Expr:
    for v in (x, y):
        if len(v.shape) != 1:
            raise ShapeError(
                f"outer needs two vectors; these are {ops.shape_text(x.shape)} and {ops.shape_text(y.shape)}",
                hint="write kron(A, B), or all products by einsum",
                shapes=(x.shape, y.shape),
            )
    return ops.outer(x, y)


def _inner(x: Expr, y: Expr) -> Expr:
    if not x.shape or not y.shape:
        return ops.multiply(x, y)
    return (
        ops.matmul(x, y if len(y.shape) == 1 else view(y, ("j", "k"), ("k", "j"))) if len(y.shape) <= 2 else _order(y)
    )


def _order(x: Expr) -> Expr:
    raise ShapeError(f"this is of order {len(x.shape)}", hint="write einsum for products of tensors", shapes=(x.shape,))


def _dot(x: Expr, y: Expr) -> Expr:
    if not x.shape or not y.shape:
        return ops.multiply(x, y)
    if len(x.shape) > 2 or len(y.shape) > 2:
        return _order(x if len(x.shape) > 2 else y)
    return ops.matmul(x, y)


def raise_to(x: Expr, y: Expr) -> Expr:
    """x ** y: a power where y is a number, else exp(y log x), for x > 0.

    >>> raise_to(ops.size("n"), ops.number(2)), raise_to(ops.size("n"), ops.ones((2,)))
    (<n²>, <n 1>)
    """
    base, q = number_of(x), constant_of(y)
    if q is not None:
        x = ops.broadcast(x, ops.broadcast_shape([x.shape, y.shape], "**"))
        if base == 0 and q < 0:
            raise SymderivError("division by zero")
        if base is not None and base < 0 and q.denominator != 1:
            raise SymderivError("a fractional power of a negative number")
        return power(x, q)
    if isinstance(x, Symbol) and x.kind == "const" and x.name == "e":
        return apply("exp", y)
    if base is not None and base <= 0:
        raise SymderivError(f"{base} to a power that isn't a number", hint="the base must be positive")
    return apply("exp", ops.multiply(y, apply("log", x), "**"))


def _kron(x: Expr, y: Expr) -> Expr:
    order = max(len(x.shape), len(y.shape))
    x, y = (ops.broadcast(v, (1,) * (order - len(v.shape)) + v.shape) for v in (x, y))
    a, b = tuple(("x", k) for k in range(order)), tuple(("y", k) for k in range(order))
    pairs = tuple(label for pair in zip(a, b, strict=True) for label in pair)
    return joined(contract((x, y), (a, b), pairs), (2,) * order)


def _vec(x: Expr) -> Expr:
    ops.expect_order(x, (1, 2), "vec")
    return x if len(x.shape) == 1 else joined(ops.transpose(x), (2,))


def _eye(n: Expr) -> Expr:
    return ops.identity((as_dim(n),))


def _ones_like(x: Expr) -> Expr:
    return ops.ones(x.shape)


def _zeros_like(x: Expr) -> Expr:
    return zero(x.shape)


def _clip(x: Expr, a_min: Value = None, a_max: Value = None) -> Expr:
    """low + relu(x − low) − relu(x − high) for numbers low ≤ high, else the smaller of high and max(x, low); None sets no bound."""
    low, high = (None if v is None else as_expr(v, "a bound of clip") for v in (a_min, a_max))
    ends = [None if v is None else constant_of(v) for v in (low, high)]
    if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
        raise ParseError("clip takes the lower bound first")
    if low is None:
        return x if high is None else ops.subtract(x, apply("relu", ops.subtract(x, high)))
    raised = ops.add_all(low, apply("relu", ops.subtract(x, low)))
    if high is None or None in ends:                        # what is larger isn't known
        return raised if high is None else ops.subtract(raised, apply("relu", ops.subtract(raised, high)))
    return ops.subtract(raised, apply("relu", ops.subtract(x, high)))


def _negative(x: Expr) -> Expr:
    return scale(-1, x)


def _add(x: Expr, y: Expr) -> Expr:
    return ops.add_all(x, y)


_FUNCTIONS: dict[str, Callable[..., Expr]] = {
    "sum": _sum, "size": _size, "len": _len, "trace": ops.trace, "diag": ops.diag, "outer": _outer, "inner": _inner,
    "dot": _dot, "vdot": ops.dot, "matmul": ops.matmul, "kron": _kron, "vec": _vec, "clip": _clip,
    "solve": ops.solve, "power": raise_to, "eye": _eye, "add": _add, "subtract": ops.subtract, "multiply": ops.multiply,
    "divide": ops.divide, "negative": _negative, "norm": _norm, "matrix_power": _matrix_power,
    "ones_like": _ones_like, "zeros_like": _zeros_like, **ARRANGEMENTS, **CASES, **REPEATS,
}  # fmt: skip
OF_LISTS = {**JOINS, **CHAINS}
LARGEST_POWER = 24
_SHORT = {"logaddexp": "y + softplus(x - y)", "hypot": "sqrt(x**2 + y**2)", "log2": "log(x)/log(2)",
          "log10": "log(x)/log(10)", "exp2": "exp(x*log(2))", "cbrt": "sign(x)*abs(x)**(1/3)"}  # fmt: skip
"""Functions of x, or of x and y, that are a text."""
_OTHER_NAMES = {"true_divide": "divide", "pow": "power", "identity": "eye", "float_power": "power", "row_stack": "vstack",
                "concat": "concatenate", "cumulative_sum": "cumsum", "permute_dims": "transpose"}  # fmt: skip
_ABSENT = {"argmax": "it has no derivative; max(x) has one",
           "I": "write eye(n)", "Id": "write eye(n)",
           "argmin": "it has no derivative; min(x) has one", "sort": "it has no derivative as a formula; max(x) has one",
           "median": "write mean(x)", "pinv": "write inv(X.T @ X) @ X.T, for X of full column rank",
           "svd": "there are norm(X, 2), left_singular(X), right_singular(X)", "round": "its slope is 0 or none",
           "sqrtm": "there are expm(X), sinm(X), cosm(X)", "logm": "there is logdet(X), its trace; and expm(X)",
           "cholesky": "write the product that you have: L @ L.T", "qr": "write the product that you have: Q @ R",
           "eig": "there are eigvalsh(X), eigmax(X), sum(eigvals(X))", "eigh": "there are eigvalsh(X), eigenvectors(X)",
           "lambda_max": "write eigmax(X)", "lambda_min": "write eigmin(X)",
           "σ": 'write sigmoid(x), or declare it: σ="elementwise"',
           "array": "entries can't be written out; give it as a symbol",
           "arange": "entries can't be written out; give it as a symbol"}  # fmt: skip


def _signature(name: str, function: Callable[..., Expr]) -> Signature:
    rows = inspect.signature(function).parameters.values()
    arguments = tuple(p.name for p in rows if p.default is p.empty)
    return Signature(name, arguments, tuple((p.name, p.default) for p in rows if p.default is not p.empty))


_SIGNATURES = {name: _signature(name, function) for name, function in _FUNCTIONS.items()}


def known_functions() -> tuple[str, ...]:
    """Every name that `call_function` knows, sorted."""
    return tuple(sorted({"einsum", "ones", "zeros", *_FUNCTIONS, *VARIADIC, *OF_LISTS, *_SHORT, *_OTHER_NAMES, *function_names(),
                         *loss_names()}))


# ---------------------------------------------------------------- calls
def call_function(name: str, given: Sequence[Value], keywords: Mapping[str, Value], expand: Expand,
                  others: Sequence[str] = ()) -> Expr:  # fmt: skip
    """The function of that name at these values; ``others`` are further names to suggest for an unknown one."""
    if (
        canonical_loss_name(name) in LOSSES and len(given) + len(keywords) > 1
    ):  # log_cosh(u, y) is one, log_cosh(u) isn't
        return _loss(LOSSES[canonical_loss_name(name)], given, keywords, expand)
    name = _OTHER_NAMES.get(name, canonical_name(name))
    if name == "einsum":
        return _einsum(given, keywords)
    if name in ("ones", "zeros"):
        return _filled(name, given, keywords)
    if name in VARIADIC:
        return _variadic(name, given, keywords)
    if name in OF_LISTS:
        bound = Signature(name, ("arrays",), (("axis", 0),) if name in ("concatenate", "stack") else ()).bind(given, keywords)
        return OF_LISTS[name](**bound)
    if name in _SHORT:
        names = ("x", "y") if "y" in _SHORT[name].replace("exp", "") else ("x",)
        return expand(_SHORT[name], Signature(name, names).bind(given, keywords))
    if name in _FUNCTIONS:
        bound = _SIGNATURES[name].bind(given, keywords)
        values = [as_expr(bound[a], f"the argument of {name}") for a in _SIGNATURES[name].arguments]
        return _FUNCTIONS[name](*values, **{p: bound[p] for p, _ in _SIGNATURES[name].params})
    if name in POWERS:
        bound = Signature(name, ("x",)).bind(given, keywords)
        x = as_expr(bound["x"], f"the argument of {name}")
        return raise_to(x, ops.number(POWERS[name]))
    if name in SCALAR:
        return _elementwise(name, given, keywords, expand)
    if name in TENSOR:
        return _tensor(TENSOR[name], given, keywords, expand)
    if canonical_loss_name(name) in LOSSES:
        return _loss(LOSSES[canonical_loss_name(name)], given, keywords, expand)
    if name in _ABSENT:
        raise NoRuleError(f"there is no '{name}' in the notation", hint=_ABSENT[name])
    raise UnknownNameError.among(
        name,
        (*others, *known_functions()),
        "function",
        advice=f'declare it: {name[:40]}="elementwise", or {name[:40]}="n -> o"',
    )


def _variadic(name: str, given: Sequence[Value], keywords: Mapping[str, Value]) -> Expr:
    """reshape(x, 2, 3), reshape(x, (2, 3)), transpose(x, 1, 0), transpose(x, axes=(1, 0))."""
    unknown = [k for k in keywords if k not in ("shape", "newshape", "axes")]
    if not given or unknown or (keywords and len(given) > 1):
        raise ParseError(f"{name} is written {name}(x, (2, 0, 1))" + (f"; it has no '{unknown[0]}='" if unknown else ""))
    return VARIADIC[name](as_expr(given[0], f"the argument of {name}"), *given[1:], *keywords.values())


def _einsum(given: Sequence[Value], keywords: Mapping[str, Value]) -> Expr:
    if not given or not isinstance(given[0], str) or keywords:
        raise ParseError('einsum is written einsum("ij,jk->ik", A, B)')
    return ops.einsum(given[0], *(as_expr(v, "an operand of einsum") for v in given[1:]))


def _filled(name: str, given: Sequence[Value], keywords: Mapping[str, Value]) -> Expr:
    sizes = given[0] if len(given) == 1 and isinstance(given[0], tuple) else tuple(given)
    if keywords or not given:
        raise ParseError(f"{name} takes sizes: {name}(n), {name}((m, n))")
    shape = tuple(as_dim(v) for v in sizes)
    return ops.ones(shape) if name == "ones" else zero(shape)


def _elementwise(name: str, given: Sequence[Value], keywords: Mapping[str, Value], expand: Expand) -> Expr:
    row = SCALAR[name]
    bound = Signature(name, ("x",), row.params).bind(given, keywords)
    x = as_expr(bound["x"], f"the argument of {name}")
    given_params = [(p, bound[p]) for p, _ in row.params]
    params = [v if isinstance(v, Fraction) else number_of(as_expr(v, f"{p}=")) for p, v in given_params]
    if None in params and row.definition is not None:  # a parameter that is a symbol: the definition holds for it too
        return expand(row.definition, {**dict(row.params), **bound})
    return apply(name, x, [p for p in params if p is not None])


def _tensor(row: TensorFunction, given: Sequence[Value], keywords: Mapping[str, Value], expand: Expand) -> Expr:
    if "ddof" in keywords and row.name in ("var", "std"):
        return _corrected(row, given, keywords, expand)
    bound = Signature(row.name, row.arguments, row.params).bind(given, keywords)
    arguments = {name: as_expr(bound[name], f"the argument of {row.name}") for name in row.arguments}
    if row.name in ("max", "min") and bound["axis"] is not None and not (is_axis(bound["axis"]) and arguments["x"].shape):
        raise ParseError(f"{row.name}(x, axis) is an entry of one array", hint=f"of two values take {row.name}imum(x, y)")
    if row.kind == "macro" and row.definition is not None:
        return expand(row.definition, bound)
    x = arguments[row.arguments[0]]
    if row.name in _SQUARE:
        return _SQUARE[row.name](x)
    if row.signature:
        return _of_matrix(row, x)
    if isinstance(x, Call) and x.fn in _SPECTRUM and row.name in _SPECTRUM[x.fn] and bound["axis"] is None:
        return call(_SPECTRUM[x.fn][row.name], x.args, ())
    axes = tuple(sorted(ops.axes_of(x, as_axis(bound["axis"]))))
    if not axes:
        if "keepdims" not in bound:
            raise ParseError(f"{row.name} along no axis")
        return x
    params = [axes[0] if len(axes) == 1 else axes]
    if "keepdims" not in bound:
        return call(row.name, (x,), x.shape, params)
    labels = tuple(k for k in range(len(x.shape)) if k not in axes)
    value: Expr = call(row.name, (x,), tuple(x.shape[k] for k in labels), params)
    if as_flag(bound["keepdims"], "keepdims="):
        value = view(value, labels, tuple(range(len(x.shape))), dict.fromkeys(axes, 1))
    return value


def _corrected(row: TensorFunction, given: Sequence[Value], keywords: Mapping[str, Value], expand: Expand) -> Expr:
    """numpy.var and numpy.std with ddof=: divided by N − ddof."""
    rest = {k: v for k, v in keywords.items() if k != "ddof"}
    bound = Signature(row.name, row.arguments, row.params).bind(given, rest)
    count = ops.count(as_expr(bound["x"], f"the argument of {row.name}"), as_axis(bound["axis"]))
    ddof = as_expr(keywords["ddof"], "ddof=")
    ops.expect_order(ddof, (0,), "ddof=")
    variance = expand("var(x, axis=axis, keepdims=keepdims)", bound)
    value = ops.multiply(variance, ops.divide(count, ops.subtract(count, ddof)))
    return value if row.name == "var" else power(value, Fraction(1, 2))


_SQUARE: dict[str, Callable[[Expr], Expr]] = {
    "det": ops.determinant, "inv": ops.inverse, "logdet": ops.log_determinant,
}  # fmt: skip


def _of_matrix(row: TensorFunction, x: Expr) -> Expr:
    """A function of a matrix, whose shape its row tells."""
    before, after = (part.split() for part in row.signature.split("->"))
    (ops.expect_square(x, row.name) if before[0] == before[1] else ops.expect_order(x, (2,), row.name))
    dims = dict(zip(before, x.shape, strict=True))
    return call(row.name, (x,), tuple(dims[d] for d in after))


_SPECTRUM: dict[str, dict[str, str]] = {
    "eigvals": {"sum": "eigenvalue_sum", "prod": "eigenvalue_product"},
    "eigvalsh": {"sum": "eigenvalue_sum", "prod": "eigenvalue_product", "max": "eigmax"},
}
"""What a sum, product or maximum of all eigenvalues is."""


def tensor_params(node: Call) -> dict[str, Value]:
    """The parameters of a tensor function's node by name, as its definition's text uses them."""
    row = TENSOR[node.fn]
    names = [name for name, _ in row.params if name != "keepdims"]
    return {"keepdims": False, **dict(zip(names, node.params, strict=True))}


def _loss(row: Loss, given: Sequence[Value], keywords: Mapping[str, Value], expand: Expand) -> Expr:
    bound = Signature(row.name, row.arguments, (*row.params, ("reduction", row.reduction))).bind(given, keywords)
    arguments = {name: as_expr(bound[name], f"the argument of {row.name}") for name in row.arguments}
    reduction = bound.pop("reduction")
    if reduction not in ("mean", "sum", "none"):
        raise ParseError('reduction= is "mean", "sum" or "none"')
    shapes = [v.shape for v in arguments.values() if v.shape]
    if any(shape != shapes[0] for shape in shapes):
        both = " and ".join(ops.shape_text(v.shape) for v in arguments.values())
        raise ShapeError(
            f"{row.name} needs arguments of one shape; these are {both}",
            shapes=tuple(shapes),
            hint="a target of classes is given as probabilities or one-hot, in the input's shape",
        )
    batch = len(arguments[row.arguments[0]].shape) > 1
    return expand(row.text(reduction, batch), bound)
