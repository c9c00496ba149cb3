"""NumPy's operations on expressions: shapes are checked and broadcast as NumPy does, symbolically.

Every operation is a contraction with other labels, a sum, or a function of the tables; nothing here knows a derivative.
"""
from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction

from symderiv.build import add, apply, call, contract, identity, number, ones, power, size, view
from symderiv.dims import Dim, dim_product
from symderiv.errors import ShapeError
from symderiv.ir import Add, Expr, Shape, number_of


def shape_text(shape: Shape) -> str:
    """A shape as it is shown in messages.

    >>> shape_text(("o", "n")), shape_text(())
    ('o×n', 'scalar')
    """
    return "×".join(str(d) for d in shape) if shape else "scalar"


def broadcast_shape(shapes: Sequence[Shape], what: str) -> Shape:
    """NumPy's broadcast shape; axes of size 1 stretch, symbolic sizes must be equal.

    >>> broadcast_shape([("m", "n"), ("n",), (1, "n")], "+")
    ('m', 'n')
    """
    order = max(len(s) for s in shapes)
    result: list[Dim] = []
    for place in range(order):
        dim: Dim = 1
        for s in shapes:
            k = place - order + len(s)
            if k < 0 or s[k] == 1:
                continue
            if dim != 1 and dim != s[k]:
                text = " and ".join(shape_text(s) for s in shapes)
                raise ShapeError(f"the shapes {text} don't fit in '{what}'", hint=f"{dim} and {s[k]} stand against each other",
                                 shapes=tuple(shapes))
            dim = s[k]
        result.append(dim)
    return tuple(result)


def broadcast(x: Expr, shape: Shape) -> Expr:
    """x stretched to ``shape``, as numpy.broadcast_to."""
    if x.shape == shape:
        return x
    offset = len(shape) - len(x.shape)
    dims: dict[object, Dim] = dict(enumerate(shape))
    labels: list[object] = []
    for k, dim in enumerate(x.shape):
        if dim == 1 and shape[k + offset] != 1:
            labels.append(("one", k))
            dims["one", k] = 1
        else:
            labels.append(k + offset)
    return contract((x,), (labels,), tuple(range(len(shape))), dims)


_noticed: ContextVar[list[Expr] | None] = ContextVar("noticed", default=None)


@contextmanager
def noticing() -> Iterator[list[Expr]]:
    """The sums that are made within, as they are written: canonical forms forget the sign of a difference that is squared.

    >>> with noticing() as sums:
    ...     squared = power(subtract(size("m"), size("n")), 2)
    >>> sums == [subtract(size("m"), size("n"))]
    True
    """
    sums: list[Expr] = []
    token = _noticed.set(sums)
    try:
        yield sums
    finally:
        _noticed.reset(token)


def add_all(*xs: Expr, coefficients: Sequence[Fraction | int] | None = None, what: str = "+") -> Expr:
    """The broadcast sum of all, with coefficients."""
    shape = broadcast_shape([x.shape for x in xs], what)
    value = add([(c, broadcast(x, shape)) for c, x in zip(coefficients or [1] * len(xs), xs, strict=True)], shape)
    if (sums := _noticed.get()) is not None:
        sums.extend(node for node in (value, *value.kids) if isinstance(node, Add))
    return value


def subtract(x: Expr, y: Expr) -> Expr:
    return add_all(x, y, coefficients=(1, -1), what="-")


def compare(operator: str, x: Expr, y: Expr) -> Expr:
    """1 where x operator y holds, else 0, as a product with a comparison of NumPy has it; one of < > <= >=."""
    if operator in ("<", ">="):
        x, y = y, x
    step = apply("heaviside", subtract(x, y))
    return step if operator in ("<", ">") else subtract(ones(step.shape), step)


def multiply(x: Expr, y: Expr, what: str = "*") -> Expr:
    """The elementwise product, broadcast."""
    shape = broadcast_shape([x.shape, y.shape], what)
    labels = tuple(range(len(shape)))
    factors = (broadcast(x, shape) if 1 in x.shape else x, broadcast(y, shape) if 1 in y.shape else y)
    return contract(factors, [labels[len(shape) - len(f.shape):] for f in factors], labels, dict(enumerate(shape)))


def divide(x: Expr, y: Expr) -> Expr:
    """x / y, elementwise; division by the number 0 is refused."""
    if number_of(y) == 0:
        raise ShapeError("division by zero")
    return multiply(x, power(y, -1), "/")


def matmul(x: Expr, y: Expr) -> Expr:
    """x @ y as numpy.matmul: vectors on either side, leading axes broadcast."""
    if not x.shape or not y.shape:
        raise ShapeError(f"'@' needs vectors or matrices; these are {shape_text(x.shape)} and {shape_text(y.shape)}",
                         hint="write * for a product with a scalar", shapes=(x.shape, y.shape))
    left, right = x.shape[-1], y.shape[-2] if len(y.shape) > 1 else y.shape[0]
    if left != right:
        raise ShapeError(f"the shapes {shape_text(x.shape)} and {shape_text(y.shape)} don't fit in '@'",
                         hint=f"the inner sizes are {left} and {right}", shapes=(x.shape, y.shape))
    if len(x.shape) <= 2 and len(y.shape) <= 2:
        lx = ("i", "k")[-len(x.shape):]
        ly = ("k", "j")[:len(y.shape)]
        return contract((x, y), (lx, ly), lx[:-1] + ly[1:])
    lead_x, lead_y = x.shape[:-2], y.shape[:-2]
    lead = broadcast_shape([lead_x, lead_y], "@")
    x = broadcast(x, lead[len(lead) - len(lead_x):] + x.shape[-2:] if len(x.shape) > 1 else x.shape)
    y = broadcast(y, lead[len(lead) - len(lead_y):] + y.shape[-2:] if len(y.shape) > 1 else y.shape)
    batch = tuple(f"b{k}" for k in range(len(lead)))
    label_x = batch[len(batch) - len(lead_x):] + ("i", "k") if len(x.shape) > 1 else ("k",)
    label_y = batch[len(batch) - len(lead_y):] + ("k", "j") if len(y.shape) > 1 else ("k",)
    out = batch + (("i",) if len(x.shape) > 1 else ()) + (("j",) if len(y.shape) > 1 else ())
    return contract((x, y), (label_x, label_y), out)


def transpose(x: Expr) -> Expr:
    """.T: all axes reversed (a vector stays a vector, as in NumPy)."""
    labels = tuple(range(len(x.shape)))
    return view(x, labels, labels[::-1])


def axes_of(x: Expr, axis: int | Sequence[int] | None) -> tuple[int, ...]:
    """Axes as non-negative numbers; None stands for all."""
    if axis is None:
        return tuple(range(len(x.shape)))
    given = (axis,) if isinstance(axis, int) else tuple(axis)
    result = []
    for a in given:
        if not -len(x.shape) <= a < len(x.shape):
            raise ShapeError(f"axis {a} is out of bounds for shape {shape_text(x.shape)}", hint=f"it has {len(x.shape)} axes",
                             shapes=(x.shape,))
        result.append(a % len(x.shape))
    if len(set(result)) < len(result):
        raise ShapeError(f"an axis is repeated in axis={tuple(given)}", hint="name each axis once", shapes=(x.shape,))
    return tuple(result)


def sum_over(x: Expr, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Expr:
    """numpy.sum."""
    axes = axes_of(x, axis)
    labels = tuple(range(len(x.shape)))
    kept: dict[object, Dim] = {("kept", a): 1 for a in axes}
    out = [("kept", k) if k in axes else k for k in labels if k not in axes or keepdims]
    return contract((x,), (labels,), out, kept if keepdims else None)


def count(x: Expr, axis: int | Sequence[int] | None = None) -> Expr:
    """The number of entries along the axes."""
    return size(dim_product(*(x.shape[a] for a in axes_of(x, axis))))


def expect_order(x: Expr, orders: Sequence[int], what: str) -> None:
    if len(x.shape) not in orders:
        names = {0: "a scalar", 1: "a vector", 2: "a matrix"}
        wanted = " or ".join(names.get(k, f"a tensor of order {k}") for k in orders)
        raise ShapeError(f"{what} needs {wanted}; this has shape {shape_text(x.shape)}", shapes=(x.shape,))


def expect_square(x: Expr, what: str) -> None:
    expect_order(x, (2,), what)
    if x.shape[0] != x.shape[1]:
        raise ShapeError(f"{what} needs a square matrix; this is {shape_text(x.shape)}", shapes=(x.shape,))


def trace(x: Expr) -> Expr:
    expect_square(x, "trace")
    return view(x, (0, 0), ())


def outer(x: Expr, y: Expr) -> Expr:
    """All products of an entry of x and one of y: shape x.shape + y.shape."""
    a, b = tuple(("x", k) for k in range(len(x.shape))), tuple(("y", k) for k in range(len(y.shape)))
    return contract((x, y), (a, b), a + b)


def dot(x: Expr, y: Expr) -> Expr:
    """The inner product of two tensors of one shape (Frobenius for matrices)."""
    if x.shape != y.shape:
        raise ShapeError(f"dot needs equal shapes; these are {shape_text(x.shape)} and {shape_text(y.shape)}",
                         shapes=(x.shape, y.shape))
    labels = tuple(range(len(x.shape)))
    return contract((x, y), (labels, labels), ())


def diag(x: Expr) -> Expr:
    """numpy.diag: a vector on the diagonal of a matrix, or the diagonal of a square matrix."""
    expect_order(x, (1, 2), "diag")
    if len(x.shape) == 1:
        return view(x, (0,), (0, 0))
    expect_square(x, "diag")
    return view(x, (0, 0), (0,))


def einsum(spec: str, *xs: Expr) -> Expr:
    """numpy.einsum with letters and ``...``; the output may be left out (then letters used once, in order)."""
    spec = spec.replace(" ", "")
    left, arrow, right = spec.partition("->")
    terms = left.split(",")
    if len(terms) != len(xs):
        raise ShapeError(f"einsum '{spec}' names {len(terms)} operands, {len(xs)} were given")
    if not all(c.isalpha() for term in [*terms, right] for c in term.replace("...", "", 1)):
        raise ShapeError(f"einsum '{spec}': only letters, commas, '...' and '->' are understood")
    most = 0
    for term, x in zip(terms, xs, strict=True):
        letters = len(term.replace("...", "", 1))
        if letters > len(x.shape) or ("..." not in term and letters != len(x.shape)):
            raise ShapeError(f"einsum '{spec}': '{term}' has {letters} letters for shape {shape_text(x.shape)}", shapes=(x.shape,))
        most = max(most, len(x.shape) - letters)
    if not arrow:
        used = "".join(terms).replace("...", "")
        right = ("..." if "..." in left else "") + "".join(sorted(c for c in set(used) if used.count(c) == 1))
    if most and "..." not in right:
        raise ShapeError(f"einsum '{spec}': the output must have '...' too")
    labels = [_einsum_labels(term, len(x.shape) - len(term.replace("...", "", 1))) for term, x in zip(terms, xs, strict=True)]
    out = _einsum_labels(right, most)
    sizes: dict[Hashable, Dim] = {}
    for own, x in zip(labels, xs, strict=True):
        for c, d in zip(own, x.shape, strict=True):
            if sizes.setdefault(c, d) != d:
                shown = c if isinstance(c, str) else "of '...'"
                raise ShapeError(f"einsum '{spec}': index {shown} has the sizes {sizes[c]} and {d}", shapes=tuple(y.shape for y in xs))
    if any(c not in sizes for c in out):
        raise ShapeError(f"einsum '{spec}': an output index is in no operand")
    return contract(xs, labels, out)


def _einsum_labels(term: str, count: int) -> tuple[Hashable, ...]:
    """A label per axis; those of ``...`` are counted from the last."""
    before, dots, after = term.partition("...")
    return (*before, *((("...", k) for k in range(count, 0, -1)) if dots else ()), *after)


def inverse(x: Expr) -> Expr:
    expect_square(x, "inv")
    if x.shape[0] == 1:
        return power(x, -1)
    return call("inv", (x,), x.shape)


def determinant(x: Expr) -> Expr:
    expect_square(x, "det")
    return call("det", (x,), ())


def log_determinant(x: Expr) -> Expr:
    """log |det x|."""
    expect_square(x, "logdet")
    return call("logdet", (x,), ())


def solve(a: Expr, b: Expr) -> Expr:
    """a⁻¹ b."""
    return matmul(inverse(a), b)


def function(fn: str, x: Expr, params: Sequence[Fraction | int] = ()) -> Expr:
    """A scalar function of the table, entry by entry."""
    return apply(fn, x, params)


__all__ = [
    "add_all", "axes_of", "broadcast", "broadcast_shape", "count", "determinant", "diag", "divide", "dot", "einsum",
    "function", "identity", "inverse", "log_determinant", "matmul", "multiply", "number", "ones",
    "outer", "shape_text", "solve", "subtract", "sum_over", "trace", "transpose",
]
