"""NumPy's functions that repeat, turn round and chain arrays: broadcast axes that are joined, and parts put together."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import reduce

from symderiv import ops
from symderiv.build import size, view
from symderiv.dims import Dim, dim_product, dim_sum
from symderiv.errors import ParseError, ShapeError
from symderiv.frontend.arrangements import (
    along,
    concatenate,
    convolve,
    expand_dims,
    flat,
    flip,
    joined,
    one_axis,
    reshape,
)
from symderiv.frontend.indexing import index, negative, structure
from symderiv.frontend.values import Value, as_axis, as_dim, as_expr, as_offset
from symderiv.ir import Expr
from symderiv.structures import Structure


def _spread(x: Expr, before: dict[int, Dim], after: dict[int, Dim]) -> Expr:
    """Each axis k with a broadcast axis of size before[k] or after[k], joined with it."""
    out: list[Hashable] = []
    groups = []
    for k in range(len(x.shape)):
        out += [("before", k)] * (k in before) + [k] + [("after", k)] * (k in after)
        groups.append(1 + (k in before) + (k in after))
    sizes = {("before", k): d for k, d in before.items()} | {("after", k): d for k, d in after.items()}
    return joined(view(x, range(len(x.shape)), out, sizes), groups)


def tile(x: Expr, reps: Value = ()) -> Expr:
    """numpy.tile: the whole array, again and again along each axis."""
    counts: list[Dim] = [as_dim(v) for v in (reps if isinstance(reps, tuple) else (reps,))]
    order = max(len(counts), len(x.shape))
    extra = order - len(x.shape)
    x = view(x, range(extra, order), range(order), dict.fromkeys(range(extra), 1))
    first = order - len(counts)
    return _spread(x, {first + k: d for k, d in enumerate(counts) if d != 1}, {})


def repeat(x: Expr, repeats: Value, axis: Value = None) -> Expr:
    """numpy.repeat with one number: each entry that many times."""
    x, at = (flat(x), 0) if axis is None else (x, one_axis(x, axis, "repeat"))
    count = as_dim(repeats)
    return x if count == 1 else _spread(x, {}, {at: count})


def roll(x: Expr, shift: Value, axis: Value = None) -> Expr:
    """numpy.roll: the last ``shift`` entries go to the front; along several axes one after the other."""
    if isinstance(axis, tuple):
        return reduce(lambda y, at: roll(y, shift, at), axis, x)
    by = as_offset(shift, "the shift of roll")
    if axis is None and len(x.shape) != 1:
        return reshape(roll(flat(x), shift), tuple(size(d) for d in x.shape))
    at = one_axis(x, axis, "roll") if axis is not None else 0
    length = x.shape[at]
    if isinstance(by, int) and isinstance(length, int):
        by %= length
    if by == 0:
        return x
    if not isinstance(length, int) and by not in (1, -1):  # slices see to it that the axis is long enough
        cut, whole = dim_product(-1, by), [slice(None)] * at
        return concatenate((index(x, [*whole, slice(cut, None)]), index(x, [*whole, slice(None, cut)])), at)
    back = dim_product(-1, length) if negative(by) else length

    def shifted(n: Dim) -> Expr:
        """1 where j = i − by, and where that has come in again at the other end."""
        return ops.add_all(*(structure(Structure("=", (-1, 1), c), (n, n)) for c in (by, dim_sum(by, back, -1))))

    return along(x, at, shifted)


def broadcast_to(x: Expr, shape: Value = ()) -> Expr:
    wanted = tuple(as_dim(v) for v in (shape if isinstance(shape, tuple) else (shape,)))
    if len(wanted) < len(x.shape) or ops.broadcast_shape([x.shape, wanted], "broadcast_to") != wanted:
        raise ShapeError(f"{ops.shape_text(x.shape)} can't be broadcast to {ops.shape_text(wanted)}", shapes=(x.shape, wanted))
    return ops.broadcast(x, wanted)


def correlate(x: Expr, y: Expr, mode: Value = "valid") -> Expr:
    """numpy.correlate: the convolution with y turned round; for mode "valid" or "full"."""
    return convolve(x, flip(y), mode)


def vecdot(x: Expr, y: Expr, axis: Value = -1) -> Expr:
    """numpy.vecdot: inner products along an axis."""
    return ops.sum_over(ops.multiply(x, y), as_axis(axis))


def multi_dot(arrays: Value) -> Expr:
    """numpy.linalg.multi_dot: the product of all."""
    parts = [as_expr(v, "a factor of multi_dot") for v in arrays] if isinstance(arrays, tuple) else []
    if len(parts) < 2:
        raise ParseError("multi_dot takes a list of at least two arrays", hint="as in multi_dot([A, B, x])")
    value = parts[0]
    for factor in parts[1:]:
        value = ops.matmul(value, factor)
    return value


def column_stack(arrays: Value) -> Expr:
    parts = [as_expr(v, "an array to be joined") for v in arrays] if isinstance(arrays, tuple) else []
    if not parts:
        raise ParseError("arrays to be joined stand in a list", hint="as in column_stack([x, y])")
    return concatenate(tuple(expand_dims(p, 1) if len(p.shape) == 1 else p for p in parts), 1)


FUNCTIONS: dict[str, Callable[..., Expr]] = {
    "tile": tile, "repeat": repeat, "roll": roll, "broadcast_to": broadcast_to, "correlate": correlate, "vecdot": vecdot,
}  # fmt: skip
OF_LISTS: dict[str, Callable[..., Expr]] = {"multi_dot": multi_dot, "column_stack": column_stack}
