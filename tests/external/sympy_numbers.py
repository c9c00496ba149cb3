"""What SymPy's matrix and array expressions are in numbers, by NumPy alone, at sizes that may all be different.

SymPy's tests use one size for everything. A `Scope` gives each axis of each symbol a size of its own, and makes equal
what an expression forces to be equal: then a lost transpose is seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.hadamard import HadamardPower
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import array_expressions as arrays

Array = Any
SUMS = (sympy.Add, sympy.MatAdd, arrays.ArrayAdd, sympy.HadamardProduct)
PRODUCTS = (sympy.Mul, sympy.MatMul)
SUMMED = arrays.ArrayContraction | arrays.ArrayDiagonal
FILLED = sympy.OneMatrix | sympy.ZeroMatrix | arrays.OneArray | arrays.ZeroArray
AXES = arrays.PermuteDims | arrays.Reshape | SUMMED
APPLIED = ElementwiseApplyFunction | arrays.ArrayElementwiseApplyFunc
POWERS = (sympy.Pow, sympy.MatPow, sympy.Inverse)


class Axis:
    """The size of an axis, known only by what it is equal to; an axis of size 1 is ``fixed``."""

    def __init__(self, fixed: bool = False) -> None:
        self.parent: Axis = self
        self.fixed = fixed

    @property
    def root(self) -> Axis:
        return self if self.parent is self else self.parent.root

    def join(self, other: Axis) -> None:
        a, b = self.root, other.root
        if a is not b:
            a.fixed, b.parent = a.fixed or b.fixed, a


class UnreadError(Exception):
    """A kind of SymPy node that has no meaning here."""


@dataclass
class Tree:
    """One occurrence of a SymPy node, with its axes."""

    node: Any
    kids: list[Tree]
    shape: tuple[Axis, ...] = ()


@dataclass
class Scope:
    """The symbols and indices of one claim, each with its axes."""

    symbols: dict[str, tuple[Axis, ...]] = field(default_factory=dict)
    indices: dict[Any, Axis] = field(default_factory=dict)
    leaves: list[Tree] = field(default_factory=list)

    def axis(self, size: Any) -> Axis:
        return Axis(fixed=size == 1)

    def index(self, symbol: Any) -> Axis:
        return self.indices.setdefault(symbol, Axis())

    # ------------------------------------------------------------ axes
    def tree(self, node: Any) -> Tree:
        """The occurrences of a node, with the axes that belong together joined."""
        parts = _parts(node)
        made = Tree(node, [self.tree(part) for part in parts])
        made.shape = self._shape(made)
        self.leaves.append(made)
        return made

    def _shape(self, t: Tree) -> tuple[Axis, ...]:
        node, shapes = t.node, [kid.shape for kid in t.kids]
        if isinstance(node, sympy.MatrixSymbol):
            return self.symbols.setdefault(node.name, tuple(map(self.axis, node.shape)))
        if isinstance(node, sympy.Identity):
            return (one := self.axis(node.shape[0]), one)
        if isinstance(node, FILLED | arrays.Reshape):
            return tuple(map(self.axis, node.shape))
        if isinstance(node, sympy.Transpose):
            return shapes[0][::-1]
        if isinstance(node, PRODUCTS):
            return self._product([s for s in shapes if s])
        if isinstance(node, SUMS):
            return self._equal([s for s in shapes if s])
        if isinstance(node, arrays.ArrayTensorProduct):
            return sum(shapes, ())
        if isinstance(node, arrays.PermuteDims):
            return tuple(shapes[0][k] for k in node.permutation.array_form)
        if isinstance(node, SUMMED):
            return self._summed(node, shapes[0])
        if isinstance(node, DiagMatrix):
            wide = next((a for a in shapes[0] if not a.root.fixed), shapes[0][0])
            return (wide, wide)
        if isinstance(node, sympy.KroneckerProduct):
            return self._kronecker(shapes)
        if isinstance(node, APPLIED | HadamardPower):
            return shapes[0]
        if isinstance(node, sympy.Trace | sympy.Determinant):
            shapes[0][0].join(shapes[0][1])
            return ()
        if isinstance(node, POWERS):
            if shapes[0]:
                shapes[0][0].join(shapes[0][1])
            return shapes[0]
        if isinstance(node, MatrixElement):
            for axis, index in zip(shapes[0], (node.i, node.j), strict=True):
                if index != 0:
                    self.index(index).join(axis)
        if isinstance(node, sympy.KroneckerDelta):
            self.index(node.args[0]).join(self.index(node.args[1]))
        if hasattr(node, "shape"):
            raise UnreadError(type(node).__name__)
        return ()

    def _equal(self, shapes: Sequence[tuple[Axis, ...]]) -> tuple[Axis, ...]:
        for shape in shapes[1:]:
            for a, b in zip(shapes[0], shape, strict=True):
                a.join(b)
        return shapes[0] if shapes else ()

    def _product(self, shapes: Sequence[tuple[Axis, ...]]) -> tuple[Axis, ...]:
        """A chain of matrices; those of 1×1 are scalars in it."""
        wide = [s for s in shapes if not all(a.root.fixed for a in s)]
        for left, right in pairwise(wide):
            left[1].join(right[0])
        return (wide[0][0], wide[-1][1]) if wide else shapes[0] if shapes else ()

    def _summed(self, node: Any, shape: tuple[Axis, ...]) -> tuple[Axis, ...]:
        """The axes that stay; those of a diagonal come last."""
        for group in _groups(node):
            self._equal([(shape[k],) for k in group])
        together = {k for group in _groups(node) for k in group}
        kept = [axis for k, axis in enumerate(shape) if k not in together]
        return (*kept, *(shape[g[0]] for g in _groups(node))) if isinstance(node, arrays.ArrayDiagonal) else tuple(kept)

    def _kronecker(self, shapes: Sequence[tuple[Axis, ...]]) -> tuple[Axis, ...]:
        wide = [s for s in shapes if not all(a.root.fixed for a in s)]
        if len(wide) != 1:
            raise UnreadError("a Kronecker product of two wide factors")
        return wide[0]

    # ------------------------------------------------------------ sizes
    def sizes(self, different: bool) -> dict[Axis, int]:
        """A size for each axis: one for all, or all different where nothing makes them equal."""
        axes = [a for t in self.leaves for a in t.shape] + list(self.indices.values())
        roots = [r for r in dict.fromkeys(a.root for a in axes) if not r.fixed]
        return {root: 2 + place if different else 3 for place, root in enumerate(roots)}


def _parts(node: Any) -> tuple[Any, ...]:
    if isinstance(node, sympy.MatrixSymbol | sympy.Identity | FILLED | sympy.Symbol):
        return ()
    if isinstance(node, sympy.MatPow | sympy.Inverse | MatrixElement | sympy.Sum | AXES):
        return (node.args[0],)
    if isinstance(node, APPLIED):
        return (node.expr,)
    return () if isinstance(node, sympy.KroneckerDelta | sympy.Number) else tuple(node.args)


def count(axis: Axis, sizes: Mapping[Axis, int]) -> int:
    return 1 if axis.root.fixed else sizes[axis.root]


# ---------------------------------------------------------------- numbers
@dataclass
class Numbers:
    """The value of a tree: arrays and numbers by name, a size for each axis, and the indices that are running."""

    scope: Scope
    sizes: Mapping[Axis, int]
    values: Mapping[str, Any]

    def value(self, t: Tree, at: Mapping[Any, int] = {}) -> Array:
        """A NumPy array of the tree's shape."""
        node = t.node
        if isinstance(node, sympy.Sum):
            free = [index for index, *_ in node.limits]
            runs = np.ndindex(*(count(self.scope.indices[index], self.sizes) for index in free))
            return sum(self.value(t.kids[0], {**at, **dict(zip(free, run, strict=True))}) for run in runs)
        if isinstance(node, MatrixElement):
            place = tuple(int(at.get(index, index)) for index in (node.i, node.j))
            return self.value(t.kids[0], at)[place]
        if isinstance(node, sympy.KroneckerDelta):
            return float(at[node.args[0]] == at[node.args[1]])
        if isinstance(node, sympy.MatrixSymbol):
            return self.values[node.name]
        if isinstance(node, sympy.Symbol):
            return float(at.get(node, self.values.get(node.name)))
        if isinstance(node, sympy.Number):
            return float(node)
        shape = tuple(count(a, self.sizes) for a in t.shape)
        if isinstance(node, sympy.Identity):
            return np.eye(shape[0])
        if isinstance(node, FILLED):
            return np.full(shape, float(isinstance(node, sympy.OneMatrix | arrays.OneArray)))
        if isinstance(node, arrays.Reshape):
            return self.value(t.kids[0], at).reshape(shape)
        return self._operation(t, [self.value(kid, at) for kid in t.kids])

    def _operation(self, t: Tree, kids: list[Array]) -> Array:
        node = t.node
        if isinstance(node, sympy.Transpose):
            return kids[0].T
        if isinstance(node, PRODUCTS):
            return _product(kids)
        if isinstance(node, sympy.HadamardProduct):
            return np.prod(np.stack(kids), axis=0)
        if isinstance(node, SUMS):
            return sum(kids)
        if isinstance(node, arrays.ArrayTensorProduct):
            value = np.ones(())
            for kid in kids:
                value = np.multiply.outer(value, kid)
            return value
        if isinstance(node, arrays.PermuteDims):
            return kids[0].transpose(node.permutation.array_form)
        if isinstance(node, SUMMED):
            return _summed(kids[0], _groups(node), keep=isinstance(node, arrays.ArrayDiagonal))
        if isinstance(node, DiagMatrix):
            return np.diag(kids[0].ravel())
        if isinstance(node, sympy.KroneckerProduct):
            return np.kron(*kids)
        if isinstance(node, APPLIED):
            return sympy.lambdify(node.function.variables, node.function.expr, "numpy")(kids[0]) + 0 * kids[0]
        if isinstance(node, HadamardPower):
            return kids[0] ** kids[1]
        if isinstance(node, sympy.Trace):
            return np.trace(kids[0])
        if isinstance(node, sympy.Determinant):
            return np.linalg.det(kids[0])
        if isinstance(node, POWERS):
            return _power(kids[0], node.args[1] if len(node.args) > 1 else -1, kids[1:])
        return float(node.func(*map(sympy.Float, kids)))


def _groups(node: Any) -> list[tuple[int, ...]]:
    """The axes that a contraction or a diagonal takes together."""
    return [tuple(map(int, group)) for group in node.args[1:]]


def _summed(array: Array, groups: Sequence[tuple[int, ...]], keep: bool) -> Array:
    labels = list(range(array.ndim))
    for group in groups:
        for k in group:
            labels[k] = group[0]
    together = {k for group in groups for k in group}
    out = [k for k in range(array.ndim) if k not in together]
    return np.einsum(array, labels, [*out, *(group[0] for group in groups)] if keep else out)


def _product(kids: Sequence[Array]) -> Array:
    """Numbers and 1×1 matrices multiply the product of the other matrices."""
    wide = [k for k in kids if np.ndim(k) == 2 and np.size(k) > 1]
    factor = np.prod([np.ravel(k)[0] for k in kids if np.size(k) == 1])
    if wide:
        return factor * (wide[0] if len(wide) == 1 else np.linalg.multi_dot(wide))
    return factor * np.ones((1, 1)) if any(np.ndim(k) == 2 for k in kids) else factor


def _power(base: Array, exponent: Any, given: Sequence[Array]) -> Array:
    if np.size(base) == 1:
        return base ** (given[0] if given else float(exponent))
    return np.linalg.matrix_power(base, int(exponent))


# ---------------------------------------------------------------- the same expression, of other sizes
def rebuilt(t: Tree, scope: Scope, names: Mapping[Axis, Any]) -> Any:
    """The SymPy expression with the size of each axis by its own symbol."""
    def size(axis: Axis) -> Any:
        return sympy.Integer(1) if axis.root.fixed else names[axis.root]

    node, kids = t.node, [rebuilt(kid, scope, names) for kid in t.kids]
    if isinstance(node, sympy.MatrixSymbol):
        return sympy.MatrixSymbol(node.name, *map(size, t.shape))
    if isinstance(node, sympy.Identity):
        return sympy.Identity(size(t.shape[0]))
    if isinstance(node, sympy.OneMatrix | sympy.ZeroMatrix):
        return node.func(*map(size, t.shape))
    if isinstance(node, ElementwiseApplyFunction):
        return ElementwiseApplyFunction(node.function, kids[0])
    if isinstance(node, MatrixElement):
        return MatrixElement(kids[0], node.i, node.j)
    if isinstance(node, sympy.Sum):
        return sympy.Sum(kids[0], *((index, 0, size(scope.indices[index]) - 1) for index, *_ in node.limits))
    if isinstance(node, sympy.MatPow | sympy.Inverse):
        return node.func(kids[0], *node.args[1:])
    return node.func(*kids) if kids else node
