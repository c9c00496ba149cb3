"""Entries and parts of arrays by index, as contractions with structure tensors (see `structures`): x[0] is e₀ᵀx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symderiv import ops
from symderiv.build import contract, symbol
from symderiv.dims import Dim, dim_product, dim_sum, dim_terms
from symderiv.errors import NoRuleError, ParseError, ShapeError
from symderiv.frontend.values import Value, as_offset
from symderiv.ir import Expr, Shape
from symderiv.structures import Structure

LARGEST_STEP = 10**6


def structure(where: Structure, shape: Shape) -> Expr:
    """The array of this shape which is 1 where the condition holds; δ where that says that two indices are equal.

    >>> structure(Structure("=", (1, -1)), ("n", "n")), structure(Structure("=", (-1, 1), -1), ("n - 1", "n"))
    (<I>, <1[j = i + 1]>)
    """
    if where.relation == "=" and where.coefficients in ((1, -1), (-1, 1)) and where.constant == 0 and shape[0] == shape[1]:
        return ops.identity(shape[:1])
    if where.relation == "=" and len(shape) == 1 and shape[0] == 1 and where.constant == 0:
        return ops.ones(shape)
    return symbol(where.name, shape, "structure")


def unit(position: Dim, size: Dim) -> Expr:
    """The unit vector with its 1 at that position, counted from 0."""
    return structure(Structure("=", (1,), dim_product(-1, position) if position != 0 else 0), (size,))


def negative(dim: Dim) -> bool:
    """Whether it is below zero for every size; NoRuleError for one like 1 − n, which counts from the end for most."""
    terms = dim_terms(dim)
    if any(c < 0 and names for c, names in terms) and all(c < 0 or not names for c, names in terms) and any(c > 0 for c, _ in terms):
        raise NoRuleError(f"an index {dim}, which is below zero for some sizes only",
                          hint="count it from the front, or from the end as in x[-2]")
    return dim != 0 and all(c < 0 for c, _ in terms)


def index(base: Expr, items: Sequence[Value]) -> Expr:
    """``x[0]``, ``x[1:]``, ``x[:, None]``, ``x[..., -1]`` as NumPy reads them; indices are whole numbers or sizes."""
    items = _without_ellipsis(base, items)
    taken = sum(item is not None for item in items)
    if taken > len(base.shape):
        raise ShapeError(f"{taken} indices for an array of shape {ops.shape_text(base.shape)}", shapes=(base.shape,))
    factors: list[Expr] = [base]
    labels: list[tuple[object, ...]] = [()]
    own: list[int] = []
    out: list[object] = []
    sizes: dict[object, Dim] = {}
    for k, item in enumerate([*items, *[slice(None)] * (len(base.shape) - taken)]):
        if item is None:
            out.append(("new", k))
            sizes["new", k] = 1
            continue
        axis, size = len(own), base.shape[len(own)]
        own.append(axis)
        if isinstance(item, slice):
            part = _part(item, size)
            out.append(axis if part is None else ("part", axis))
            if part is not None:
                factors.append(structure(Structure("=", (-part[2], 1), dim_product(-1, part[0]) if part[0] != 0 else 0),
                                         (part[1], size)))  # fmt: skip
                labels.append((("part", axis), axis))
        else:
            factors.append(unit(_position(item, size, base), size))
            labels.append((axis,))
    labels[0] = tuple(own)
    return contract(factors, labels, out, sizes)


def _without_ellipsis(base: Expr, items: Sequence[Value]) -> list[Value]:
    """Whole slices in place of ``...``."""
    places = [k for k, item in enumerate(items) if item is Ellipsis]
    if not places:
        return list(items)
    if len(places) > 1:
        raise ParseError("'...' stands once in an index")
    left = len(base.shape) - sum(item is not None and item is not Ellipsis for item in items)
    return [*items[: places[0]], *[slice(None)] * max(left, 0), *items[places[0] + 1 :]]


def _offset(value: Any, what: str) -> Dim:
    if isinstance(value, Expr) and value.shape:
        raise NoRuleError(
            "an array can't be an index here", hint="an index is a whole number, a size, a slice or None"
        )
    return as_offset(value, what)


def _position(item: Value, size: Dim, base: Expr) -> Dim:
    """The entry that an index takes, counted from 0."""
    at = _offset(item, "an index")
    found = dim_sum(size, at) if negative(at) else at
    beyond = dim_sum(found, size, -1)
    if negative(found) or (isinstance(beyond, int) and beyond >= 0):
        raise ShapeError(f"index {at} is out of bounds for an axis of size {size}", shapes=(base.shape,))
    return found


def _part(item: slice, size: Dim) -> tuple[Dim, Dim, int] | None:
    """(start, count, step) of a slice; None for the whole axis."""
    step = 1 if item.step is None else _offset(item.step, "a step")
    if not isinstance(step, int) or step == 0 or abs(step) > LARGEST_STEP:
        raise ParseError("the step of a slice is a whole number other than 0")
    bounds = [None if b is None else _offset(b, "a bound of a slice") for b in (item.start, item.stop)]
    if isinstance(size, int) and all(b is None or isinstance(b, int) for b in bounds):
        numbers = range(*slice(bounds[0], bounds[1], step).indices(size))
        if not len(numbers):
            raise ShapeError(f"the slice takes nothing of an axis of size {size}", hint="there are no empty arrays")
        return None if numbers == range(size) else (numbers[0], len(numbers), step)
    if abs(step) != 1:
        raise NoRuleError("a step over an axis whose size isn't a number", hint="give the axis a size, as in x='6'")
    start, stop = (None if b is None else dim_sum(size, b) if negative(b) else b for b in bounds)
    if step == 1:
        first, count = start or 0, dim_sum(size if stop is None else stop, start or 0, -1)
    else:
        first = dim_sum(size, -1) if start is None else start
        count = dim_sum(first, -1 if stop is None else stop, -1)
    if negative(count) or count == 0:
        raise ShapeError(f"the slice takes nothing of an axis of size {size}", hint="there are no empty arrays")
    beyond = dim_sum(dim_sum(first, count) if step == 1 else first, size, -1)
    if isinstance(beyond, int) and beyond > (0 if step == 1 else -1):
        raise ShapeError(f"the slice goes beyond an axis of size {size}")
    return None if step == 1 and first == 0 and count == size else (first, count, step)
