"""NumPy's functions that rearrange arrays: contractions with structure tensors, joined axes, and other orders of axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from symderiv import ops
from symderiv.build import call, contract, view
from symderiv.dims import Dim, dim_product, dim_sum, dim_terms
from symderiv.errors import NoRuleError, ParseError, ShapeError
from symderiv.frontend.indexing import index, structure, unit
from symderiv.frontend.values import Value, as_axis, as_dim, as_expr, as_offset
from symderiv.ir import Call, Expr, Shape
from symderiv.structures import Structure

MOST_DIFFERENCES = 24


def joined(x: Expr, groups: Sequence[int]) -> Expr:
    """x with consecutive axes joined, the last of a group running fastest: numpy.reshape to fewer axes.

    ``groups`` says how many axes each new one is made of. It is a Call "reshape" with the groups as its parameters,
    or a mere view where no two axes larger than 1 meet.
    """
    assert sum(groups) == len(x.shape)
    labels, out, shape, kept, position = list(range(len(x.shape))), [], [], [], 0
    for width in groups:
        axes = range(position, position + width)
        wide = [k for k in axes if x.shape[k] != 1] or list(axes)[:1]
        out.extend(wide)
        kept.append(len(wide))
        shape.append(dim_product(*(x.shape[k] for k in axes)))
        position += width
    x = view(x, labels, out)
    return x if all(width == 1 for width in kept) else call("reshape", (x,), shape, tuple(kept))


def flat(x: Expr) -> Expr:
    """All entries in one vector, the last axis running fastest."""
    return joined(x, (len(x.shape),)) if len(x.shape) > 1 else x if x.shape else view(x, (), ("a",), {"a": 1})


def reshape(x: Expr, *sizes: Value) -> Expr:
    """numpy.reshape: axes are joined, and an axis is split by the structure tensor [i = stride·j + … + k]."""
    if isinstance(x, Call) and x.fn == "reshape" and not x.ders:
        x = x.args[0]
    given = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple) else sizes
    wanted = [as_offset(size, "a size") for size in given]
    total = dim_product(*x.shape)
    if wanted.count(-1) == 1:
        wanted[wanted.index(-1)] = _quotient(total, dim_product(*(d for d in wanted if d != -1)), x, wanted)
    shape = tuple(wanted)
    if dim_product(*shape) != total or any(isinstance(d, int) and d < 1 for d in shape):
        raise ShapeError(f"{ops.shape_text(x.shape)} can't be reshaped to {ops.shape_text(shape)}", shapes=(x.shape, shape))
    joins, splits, i, j = [], [], 0, 0
    while i < len(x.shape) or j < len(shape):
        a, b = i, j
        while True:  # the shortest stretch of axes on both sides with the same number of entries
            left, right = dim_product(*x.shape[a:i]), dim_product(*shape[b:j])
            if i > a and j > b and left == right:
                break
            if i == len(x.shape) and j == len(shape):
                break
            i, j = _longer(i, j, left, right, len(x.shape), len(shape))
        joins.append(i - a)
        splits.append(shape[b:j])
    return _regrouped(x, joins, splits)


def _longer(i: int, j: int, left: Dim, right: Dim, most_i: int, most_j: int) -> tuple[int, int]:
    """One axis more on the side that has fewer entries; on both where that isn't known."""
    more = dim_sum(left, right, -1)
    fewer_left = more != 0 and all(c < 0 for c, _ in dim_terms(more))
    fewer_right = more != 0 and all(c > 0 for c, _ in dim_terms(more))
    grow_i, grow_j = (not fewer_right) and i < most_i, (not fewer_left) and j < most_j
    if not grow_i and not grow_j:
        grow_i, grow_j = i < most_i, j < most_j
    return i + grow_i, j + grow_j


def _quotient(total: Dim, known: Dim, x: Expr, wanted: Sequence[Dim]) -> Dim:
    """The size that -1 stands for."""
    tops, below = dim_terms(total), dim_terms(known)
    if len(tops) == 1 and len(below) == 1 and tops[0][0] % below[0][0] == 0:
        names, divided = Counter(tops[0][1]), Counter(below[0][1])
        if divided <= names:
            return dim_product(tops[0][0] // below[0][0], *(names - divided).elements())
    raise ShapeError(f"{ops.shape_text(x.shape)} can't be reshaped to {ops.shape_text(tuple(wanted))}",
                     hint="give all sizes", shapes=(x.shape,))  # fmt: skip


def _regrouped(x: Expr, joins: Sequence[int], splits: Sequence[Shape]) -> Expr:
    """Stretches of axes to stretches of as many entries: by a structure tensor where the new one has several axes."""
    if all(len(group) == 1 for group in splits):
        return joined(x, joins)
    factors, position = [x], 0
    labels: list[tuple[object, ...]] = [tuple(("x", k) for k in range(len(x.shape)))]
    out: list[object] = []
    whole: list[int] = []
    for k, (width, group) in enumerate(zip(joins, splits, strict=True)):
        old = [("x", m) for m in range(position, position + width)]
        wide = [label for label in old if x.shape[label[1]] != 1]
        position += width
        if len(group) == 1:  # joined below, when all others are split
            out += wide or [("new", k, 0)]
            whole.append(max(len(wide), 1))
            continue
        whole += [1] * len(group)
        if len(wide) == 1 and sum(d != 1 for d in group) == 1:
            out += [wide[0] if d != 1 else ("new", k, m) for m, d in enumerate(group)]
            continue
        own = [("part", k, m) for m in range(len(group))]
        factors.append(_same_place(group, [x.shape[label[1]] for label in old]))
        labels.append((*own, *old))
        out += own
    return joined(contract(factors, labels, out, {label: 1 for label in out if isinstance(label, tuple) and label[0] == "new"}), whole)


def _same_place(new: Sequence[Dim], old: Sequence[Dim]) -> Expr:
    """1 where the indices of two groups of axes count to the same entry, the last index running fastest."""
    strides = [dim_product(*group[m + 1 :], sign) for group, sign in ((new, -1), (old, 1)) for m in range(len(group))]
    return structure(Structure("=", tuple(strides)), (*new, *old))


def ravel(x: Expr) -> Expr:
    return flat(x)


def one_axis(x: Expr, axis: Value, what: str) -> int:
    """The axis that a function takes where NumPy takes one alone."""
    at = as_axis(axis)
    if not isinstance(at, int):
        raise ParseError(f"{what} takes one axis", hint="call it once for each axis")
    return ops.axes_of(x, at)[0]


# ---------------------------------------------------------------- orders of axes
def transpose(x: Expr, *axes: Value) -> Expr:
    given = axes[0] if len(axes) == 1 and (isinstance(axes[0], tuple) or axes[0] is None) else axes
    if not given:
        return ops.transpose(x)
    order = ops.axes_of(x, as_axis(tuple(given)))
    if len(order) != len(x.shape):
        raise ShapeError(f"transpose names {len(order)} axes of {ops.shape_text(x.shape)}", shapes=(x.shape,))
    return view(x, tuple(range(len(x.shape))), order)


def swapaxes(x: Expr, axis1: Value, axis2: Value) -> Expr:
    a, b = (one_axis(x, v, "swapaxes") for v in (axis1, axis2))
    order = list(range(len(x.shape)))
    order[a], order[b] = b, a
    return view(x, tuple(range(len(x.shape))), order)


def moveaxis(x: Expr, source: Value, destination: Value) -> Expr:
    a, b = (one_axis(x, v, "moveaxis") for v in (source, destination))
    order = [k for k in range(len(x.shape)) if k != a]
    order.insert(b, a)
    return view(x, tuple(range(len(x.shape))), order)


def expand_dims(x: Expr, axis: Value) -> Expr:
    at = as_axis(axis)
    if not isinstance(at, int) or not -len(x.shape) - 1 <= at <= len(x.shape):
        raise ShapeError(f"axis={at} is out of bounds for a new axis of {ops.shape_text(x.shape)}", shapes=(x.shape,))
    return index(x, [*[slice(None)] * (at % (len(x.shape) + 1)), None])


def squeeze(x: Expr, axis: Value = None) -> Expr:
    axes = [k for k, d in enumerate(x.shape) if d == 1] if axis is None else ops.axes_of(x, as_axis(axis))
    if any(x.shape[k] != 1 for k in axes):
        raise ShapeError(f"squeeze of an axis that isn't of size 1, of {ops.shape_text(x.shape)}", shapes=(x.shape,))
    labels = tuple(range(len(x.shape)))
    return view(x, labels, [k for k in labels if k not in axes])


def tensordot(x: Expr, y: Expr, axes: Value = 2) -> Expr:
    pair = axes if isinstance(axes, tuple) and len(axes) == 2 else None
    if pair is None:
        count = as_axis(axes)
        if not isinstance(count, int) or not 0 <= count <= min(len(x.shape), len(y.shape)):
            raise ShapeError("tensordot takes a number of axes, or two lists of them", shapes=(x.shape, y.shape))
        left, right = tuple(range(len(x.shape) - count, len(x.shape))), tuple(range(count))
    else:
        left, right = (ops.axes_of(v, as_axis(a)) for v, a in zip((x, y), pair, strict=True))
    a: list[object] = [("x", k) for k in range(len(x.shape))]
    b: list[object] = [("y", k) for k in range(len(y.shape))]
    if len(left) != len(right) or any(x.shape[i] != y.shape[j] for i, j in zip(left, right, strict=False)):
        raise ShapeError(f"tensordot: axes of {ops.shape_text(x.shape)} and {ops.shape_text(y.shape)} don't fit",
                         shapes=(x.shape, y.shape))  # fmt: skip
    for i, j in zip(left, right, strict=True):
        b[j] = a[i]
    out = [v for i, v in enumerate(a) if i not in left] + [v for j, v in enumerate(b) if j not in right]
    return contract((x, y), (a, b), out)


# ---------------------------------------------------------------- arrays put together
def _parts(arrays: Value) -> list[Expr]:
    if not isinstance(arrays, tuple) or not arrays:
        raise ParseError("arrays to be joined stand in a list", hint="as in concatenate([x, y])")
    return [as_expr(v, "an array to be joined") for v in arrays]


def concatenate(arrays: Value, axis: Value = 0) -> Expr:
    """Σ_k P_k x_k, where P_k puts the k-th array in its place; with axis=None all entries in a row."""
    parts = _parts(arrays)
    if axis is None:
        return concatenate(tuple(flat(p) for p in parts))
    order = len(parts[0].shape)
    if not order or any(len(p.shape) != order for p in parts):
        raise ShapeError("joined arrays have the same number of axes, at least one", shapes=tuple(p.shape for p in parts))
    at = one_axis(parts[0], axis, "concatenate")
    rest = {p.shape[:at] + p.shape[at + 1 :] for p in parts}
    if len(rest) > 1:
        shown = " and ".join(ops.shape_text(p.shape) for p in parts)
        raise ShapeError(f"{shown} can't be joined along axis {at}", shapes=tuple(p.shape for p in parts))
    total: Dim = 0
    for p in parts:
        total = dim_sum(total, p.shape[at])
    placed: list[Expr] = []
    before: Dim = 0
    for p in parts:
        place = structure(Structure("=", (1, -1), dim_product(-1, before) if before != 0 else 0), (total, p.shape[at]))
        labels: list[object] = list(range(order))
        out: list[object] = list(labels)
        out[at] = "joined"
        placed.append(contract((p, place), (labels, ("joined", at)), out))
        before = dim_sum(before, p.shape[at])
    return ops.add_all(*placed)


def stack(arrays: Value, axis: Value = 0) -> Expr:
    parts = _parts(arrays)
    if any(p.shape != parts[0].shape for p in parts):
        raise ShapeError("stacked arrays have one shape", shapes=tuple(p.shape for p in parts))
    return concatenate(tuple(expand_dims(p, axis) for p in parts), axis)


def vstack(arrays: Value) -> Expr:
    return concatenate(tuple(expand_dims(p, 0) if len(p.shape) == 1 else p for p in _parts(arrays)), 0)


def hstack(arrays: Value) -> Expr:
    parts = _parts(arrays)
    return concatenate(arrays, 0 if len(parts[0].shape) == 1 else 1)


# ---------------------------------------------------------------- sums so far, triangles, diagonals
def along(x: Expr, axis: Value, where: Callable[[Dim], Expr]) -> Expr:
    """A matrix times x along an axis; None takes all entries in a row."""
    if axis is None:
        return along(flat(x), 0, where)
    at = one_axis(x, axis, "a sum so far")
    labels: list[object] = list(range(len(x.shape)))
    out = list(labels)
    out[at] = "new"
    return contract((where(x.shape[at]), x), (("new", at), labels), out)


def cumsum(x: Expr, axis: Value = None) -> Expr:
    return along(x, axis, lambda n: structure(Structure(">=", (1, -1)), (n, n)))


def diff(x: Expr, n: Value = 1, axis: Value = -1) -> Expr:
    """numpy.diff: differences of neighbours, n times."""
    times, at = as_offset(n, "n="), one_axis(x, axis, "diff")
    if not isinstance(times, int) or not 0 <= times <= MOST_DIFFERENCES:
        raise ParseError(f"n= of diff is a whole number up to {MOST_DIFFERENCES}")
    whole = [slice(None)] * at
    for _ in range(times):
        x = ops.subtract(index(x, [*whole, slice(1, None)]), index(x, [*whole, slice(None, -1)]))
    return x


def flip(x: Expr, axis: Value = None) -> Expr:
    axes = ops.axes_of(x, as_axis(axis))
    return index(x, [slice(None, None, -1) if k in axes else slice(None) for k in range(len(x.shape))])


def _triangle(x: Expr, k: Value, sign: int, what: str) -> Expr:
    ops.expect_order(x, (2,), what)
    offset = as_offset(k, f"the diagonal of {what}")
    bound = offset if sign > 0 else dim_product(-1, offset) if offset != 0 else 0
    return ops.multiply(x, structure(Structure(">=", (sign, -sign), bound), x.shape))


def tril(x: Expr, k: Value = 0) -> Expr:
    return _triangle(x, k, 1, "tril")


def triu(x: Expr, k: Value = 0) -> Expr:
    return _triangle(x, k, -1, "triu")


def toeplitz(c: Expr, r: Value = None) -> Expr:
    """scipy.linalg.toeplitz: T_ij = c_{i−j} on and below the diagonal, r_{j−i} above it; r is c where it isn't given."""
    first = c if r is None else as_expr(r, "the first row")
    for v in (c, first):
        ops.expect_order(v, (1,), "toeplitz")
    m, n = c.shape[0], first.shape[0]
    below = contract((structure(Structure("=", (1, -1, -1)), (m, n, m)), c), ("ijk", "k"), "ij")
    if n == 1:
        return below
    above = structure(Structure("=", (-1, 1, -1), -1), (m, n, dim_sum(n, -1)))
    rest = index(first, [slice(1, None)])
    return ops.add_all(below, contract((above, rest), ("ijk", "k"), "ij"))


def diagonal(x: Expr) -> Expr:
    """numpy.diagonal, of a matrix."""
    ops.expect_order(x, (2,), "diagonal")
    return ops.diag(x)


def diagflat(x: Expr) -> Expr:
    """numpy.diagflat: all entries on the diagonal of a matrix."""
    return ops.diag(flat(x))


# ---------------------------------------------------------------- convolution
def convolve(x: Expr, y: Expr, mode: Value = "full") -> Expr:
    """numpy.convolve: Σ_j x_j y_{i−j}, for mode "full" or "valid"."""
    for v in (x, y):
        ops.expect_order(v, (1,), "convolve")
    n, k = x.shape[0], y.shape[0]
    if mode not in ("full", "valid"):
        raise NoRuleError(f"convolve with mode={mode}", hint='there are "full" and "valid"')
    length, start = (dim_sum(dim_sum(n, k), -1), 0) if mode == "full" else (dim_sum(dim_sum(n, k, -1), 1), dim_sum(k, -1))
    if isinstance(length, int) and length < 1:
        raise ShapeError(f"a kernel of {k} over {n} entries leaves nothing", shapes=(x.shape, y.shape))
    where = structure(Structure("=", (1, -1, -1), start), (length, n, k))
    return contract((where, x, y), ("ijk", "j", "k"), "i")


def conv1d(x: Expr, w: Expr, stride: Value = 1, padding: Value = 0, dilation: Value = 1) -> Expr:
    """torch's conv1d: z_ot = Σ_ck w_ock x_{c, stride·t + dilation·k − padding}; x may have a batch axis in front."""
    ops.expect_order(x, (2, 3), "conv1d")
    ops.expect_order(w, (3,), "the kernel of conv1d")
    s, p, d = (as_offset(v, name) for v, name in ((stride, "stride="), (padding, "padding="), (dilation, "dilation=")))
    if not (isinstance(s, int) and isinstance(p, int) and isinstance(d, int) and s >= 1 and p >= 0 and d >= 1):
        raise ParseError("stride, padding and dilation are whole numbers, padding from 0, the others from 1")
    if x.shape[-2] != w.shape[1]:
        raise ShapeError(f"conv1d: {x.shape[-2]} channels of the input, {w.shape[1]} of the kernel", shapes=(x.shape, w.shape))
    span = dim_sum(dim_sum(x.shape[-1], 2 * p), dim_product(d, dim_sum(w.shape[2], -1)) if w.shape[2] != 1 else 0, -1)
    if s == 1:
        steps = dim_sum(span, 0)
    elif isinstance(span, int):
        steps = (span - 1) // s + 1
    else:
        raise NoRuleError("a stride over a length that isn't a number", hint="give the lengths as numbers, as in x='c 8'")
    if isinstance(steps, int) and steps < 1:
        raise ShapeError("the kernel is longer than the input", shapes=(x.shape, w.shape))
    where = structure(Structure("=", (s, d, -1), -p if p else 0), (steps, w.shape[2], x.shape[-1]))
    lead = ("b",) if len(x.shape) == 3 else ()
    return contract((x, w, where), ((*lead, "c", "l"), "ock", "tkl"), (*lead, "o", "t"))


VARIADIC: dict[str, Callable[..., Expr]] = {"reshape": reshape, "transpose": transpose}
"""Called with an array and any number of sizes or axes."""

OF_LISTS: dict[str, Callable[..., Expr]] = {"concatenate": concatenate, "stack": stack, "vstack": vstack, "hstack": hstack}
"""Called with a list of arrays."""

FUNCTIONS: dict[str, Callable[..., Expr]] = {
    "ravel": ravel, "flatten": ravel, "swapaxes": swapaxes, "moveaxis": moveaxis, "expand_dims": expand_dims,
    "squeeze": squeeze, "tensordot": tensordot, "cumsum": cumsum, "diff": diff, "flip": flip, "tril": tril, "triu": triu,
    "toeplitz": toeplitz, "diagonal": diagonal, "diagflat": diagflat, "convolve": convolve, "conv1d": conv1d,
}  # fmt: skip
__all__ = ["FUNCTIONS", "OF_LISTS", "VARIADIC", "as_dim", "flat", "joined", "reshape", "unit"]
