"""Structured derivatives, kept as they are: δ ⊗ core, with products and solutions that never build the whole."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

try:
    import numpy as np
except ModuleNotFoundError:  # code is generated without NumPy too: in a browser
    np = None  # type: ignore[assignment]  # asked for before it is used

from symderiv.codegen.kernels import letters
from symderiv.codegen.memory import check_size
from symderiv.errors import EvaluationError, ShapeError

_FLOAT = None if np is None else np.dtype(float)

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[np.float64]]


class Compressed:
    """A derivative δ ⊗ core, unexpanded: ``core`` holds the entries, ``deltas`` the pairs of output axes that are tied.

    ``axes`` are the output axes that the core's axes stand at; an axis in neither is one along which nothing changes.
    ``shape`` is that of the dense array. ``H @ v`` contracts the last axes with v, ``H.solve(b)`` is the x with H @ x = b,
    ``H.dense()`` the full array: a Newton step costs what its core costs.

    >>> H = Compressed(np.array([[2.0, 0.0], [1.0, 4.0]]), ((0, 2),), (1, 3), (3, 2, 3, 2))
    >>> H.dense().shape, float(H.dense()[0, 0, 1, 0]), H.core.size
    ((3, 2, 3, 2), 0.0, 4)
    >>> H @ [[1, 1], [0, 1], [2, 0]]
    array([[2., 5.],
           [0., 4.],
           [4., 2.]])
    >>> H.solve(H @ [[1, 1], [0, 1], [2, 0]])
    array([[1., 1.],
           [0., 1.],
           [2., 0.]])
    """

    __slots__ = ("axes", "core", "deltas", "shape")

    def __init__(
        self, core: Array, deltas: tuple[tuple[int, int], ...], axes: tuple[int, ...], shape: tuple[int, ...]
    ) -> None:
        self.core = core
        self.deltas = deltas
        self.axes = axes
        self.shape = shape

    @property
    def ndim(self) -> int:
        """The number of axes of the dense array."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes that are held: those of the core."""
        return self.core.nbytes

    def labels(self) -> list[int]:
        """A label for each axis: the first axis that it is tied to, or itself."""
        first = list(range(len(self.shape)))
        for a, b in self.deltas:
            first[b] = first[a]
        return first

    def dense(self) -> Array:
        """The full array. Raises TooLargeError where it would not fit in memory."""
        check_size(8 * prod(self.shape), self.shape)
        return self._written(self.core, self.axes, self.labels(), self.shape)

    def _written(self, core: Array, axes: tuple[int, ...], first: list[int], shape: tuple[int, ...]) -> Array:
        kept = list(dict.fromkeys(first))
        result = np.zeros(shape)
        index = tuple(slice(None) if axis in axes else None for axis in kept)
        order = sorted(range(len(axes)), key=lambda k: axes[k])
        view: Any = result
        if len(kept) < len(first):
            view = np.einsum(f"{letters(first)}->{letters(kept)}", result)
        view[...] = core.transpose(order)[index]
        return result

    def __matmul__(self, v: Any) -> Array:
        """The product with an array v that has the shape of the last axes, as ``np.tensordot(H.dense(), v, v.ndim)``.

        Raises ShapeError where v's shape isn't that of the last axes, EvaluationError where it holds no real numbers.
        """
        v = _real(v, "the right operand of @")
        n = self.ndim - v.ndim
        if n < 0 or v.shape != self.shape[n:]:
            raise ShapeError(
                f"a derivative of shape {self.shape} can't be multiplied by an array of shape {v.shape}",
                hint="its last axes are multiplied; they have the shape of the variable",
                shapes=(self.shape, v.shape),
            )
        first = self.labels()
        own = [first[a] for a in self.axes]
        rows = list(dict.fromkeys(first[:n]))
        free = [x for x in rows if x in own or x in first[n:]]
        value = np.einsum(f"{letters(own)},{letters(first[n:])}->{letters(free)}", self.core, v, optimize=True)
        return self._written(value, tuple(free), first[:n], self.shape[:n])

    def solve(self, b: Any) -> Array:
        """The x with ``H @ x = b``; x has the shape of the last axes, b that of the first ones.

        Raises ShapeError where b's shape isn't that of the first axes or H isn't square, numpy.linalg.LinAlgError where H
        is singular.
        """
        b = _real(b, "the right-hand side")
        plan = _plan(self.deltas, self.axes, self.shape, b.ndim)
        if b.shape != plan.rows:
            raise ShapeError(
                f"a derivative of shape {self.shape} has no solution for an array of shape {b.shape}",
                hint="the right-hand side has the shape of the first axes",
                shapes=(self.shape, b.shape),
            )
        if plan.height != plan.width:
            raise ShapeError(f"a derivative of {plan.height} rows and {plan.width} columns can't be solved", shapes=(self.shape,))
        if plan.singular:
            raise np.linalg.LinAlgError("Singular matrix: its blocks along δ aren't square")
        core = self.core if plan.view is None else np.einsum(plan.view, self.core)
        if plan.whole is not None:
            core = np.broadcast_to(core[plan.whole], plan.filled)
        right = b.transpose(plan.order)
        if not plan.plain:
            core, right = core.reshape(plan.square), right.reshape(plan.given)
        x = np.linalg.solve(core, right) if core.shape[-1] > 1 else _divided(right, core)
        return (x if plan.plain else x.reshape(plan.found)).transpose(plan.back)

    def __repr__(self) -> str:
        ties = ", ".join(f"δ of axes {a} and {b}" for a, b in self.deltas) or "no δ"
        return f"<derivative of shape {self.shape}: core {self.core.shape}, {ties}>"


class _Plan(NamedTuple):
    """How H x = b is solved for b of the shape ``rows``, where H as a matrix has this ``height`` and ``width``: by blocks of
    the shape ``square``, each for several right-hand sides.

    ``view`` puts the core's axes in order (those of the blocks, down, across), ``whole`` and ``filled`` give it those that it
    lacks; ``order`` is that of b's axes and ``given`` what they are made then, ``found`` and ``back`` the same of x.
    ``plain`` says that each group has the one axis that np.linalg.solve takes, ``singular`` that there is no solution.
    """

    rows: tuple[int, ...]
    height: int
    width: int
    view: str | None
    whole: tuple[slice | None, ...] | None
    filled: tuple[int, ...]
    order: tuple[int, ...]
    square: tuple[int, ...]
    given: tuple[int, ...]
    found: tuple[int, ...]
    back: tuple[int, ...]
    plain: bool
    singular: bool


@lru_cache(maxsize=256)
def _plan(deltas: tuple[tuple[int, int], ...], axes: tuple[int, ...], shape: tuple[int, ...], n: int) -> _Plan:
    """The plan for right-hand sides of n axes."""
    first = list(range(len(shape)))
    for a, b in deltas:
        first[b] = first[a]
    rows, columns = first[:n], first[n:]
    own = [first[a] for a in axes]
    blocks = [x for x in rows if x in columns]
    down, across = (tuple(x for x in side if x not in blocks) for side in (rows, columns))
    lead, spread = tuple(x for x in blocks if x in own), tuple(x for x in blocks if x not in own)
    wanted, held = (*lead, *down, *across), (*lead, *across, *spread)
    inside = [x for x in wanted if x in own]

    def sizes(labels: Sequence[int]) -> tuple[int, ...]:
        return tuple(shape[x] for x in labels)

    high, wide, several = (prod(sizes(side)) for side in (down, across, spread))
    return _Plan(
        shape[:n] if n else (-1,), prod(shape[:n]), prod(shape[n:]),
        None if own == inside else f"{letters(own)}->{letters(inside)}",
        None if set(wanted) <= set(own) else tuple(slice(None) if x in own else None for x in wanted),
        sizes(wanted),
        tuple(rows.index(x) for x in (*lead, *down, *spread)),
        (*sizes(lead), high, wide),
        (*sizes(lead), high, several),
        sizes(held),
        tuple(held.index(y) for y in columns),
        len(down) == len(across) == len(spread) == 1,
        high != wide or len({*rows}) < n,
    )  # fmt: skip


def _divided(right: Array, square: Array) -> Array:
    if not square.all():
        raise np.linalg.LinAlgError("Singular matrix")
    return right / square


def _real(value: Any, what: str) -> Array:
    if type(value) is np.ndarray and value.dtype is _FLOAT:
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise EvaluationError(f"{what} holds no real numbers", hint="give an array of real numbers")
    return array.astype(float, copy=False)
