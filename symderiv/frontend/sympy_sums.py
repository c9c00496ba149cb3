"""SymPy's indexed sums, which it makes of ``(x.T*A*x)[0, 0]``, read back as contractions.

While it is read, a term is an expression with one axis for each summation index that occurs in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy
from sympy.matrices.expressions.matexpr import MatrixElement

from symderiv.build import contract, identity, view
from symderiv.dims import Dim, parse_dim
from symderiv.errors import NoRuleError, ShapeError
from symderiv.ir import Expr

Indexed = tuple[Expr, tuple[Any, ...]]


def read_sum(node: Any, read: Callable[[Any], Expr], function: Callable[[Any, list[Expr]], Expr]) -> Expr:
    """The scalar that an indexed sum is; ``read`` reads what holds no index, ``function`` applies a scalar function."""
    return _Sums(read, function).indexed(node, {})[0]


class _Sums:
    def __init__(self, read: Callable[[Any], Expr], function: Callable[[Any, list[Expr]], Expr]) -> None:
        self.read, self.function = read, function

    def indexed(self, node: Any, sizes: Mapping[Any, Dim]) -> Indexed:
        """The value of a term, and the indices of its axes."""
        if isinstance(node, sympy.Sum):
            return self.sum(node, sizes)
        if not node.free_symbols & sizes.keys():
            x = self.read(node)
            return (view(x, tuple(range(len(x.shape))), ()) if x.shape == (1, 1) else x), ()
        if isinstance(node, MatrixElement):
            return self.entry(node, sizes)
        if isinstance(node, sympy.KroneckerDelta):
            return self.delta(node, sizes)
        if node.is_Symbol or not (node.is_Add or node.is_Mul or node.is_Pow or isinstance(node, sympy.Function)):
            raise NoRuleError(
                f"{node} within an indexed sum has no counterpart here", hint="write the sum as a matrix product"
            )
        parts = [self.indexed(argument, sizes) for argument in node.args]
        out = tuple(dict.fromkeys(label for _, labels in parts for label in labels))
        dims: dict[Any, Dim] = {label: sizes[label] for label in out}
        if node.is_Mul:
            return contract([x for x, _ in parts], [labels for _, labels in parts], out, dims), out
        return self.function(node, [view(x, labels, out, dims) if labels else x for x, labels in parts]), out

    def sum(self, node: Any, sizes: Mapping[Any, Dim]) -> Indexed:
        inner = dict(sizes)
        for index, first, last in node.limits:
            if first != 0:
                raise NoRuleError(
                    f"a sum over {index} that doesn't start at 0", hint="let it run from 0 to n - 1, as SymPy does"
                )
            if index in inner:
                raise NoRuleError(f"two sums over {index}, one inside of the other", hint="give each sum an index of its own")
            if last.free_symbols & {*sizes, *(own for own, *_ in node.limits)}:
                raise NoRuleError(f"a sum over {index} that ends at another index", hint="write it by tril or cumsum, as text")
            inner[index] = parse_dim(str(last + 1))
        x, labels = self.indexed(node.function, inner)
        out = tuple(label for label in labels if label in sizes)
        summed = {label: size for label, size in inner.items() if label not in sizes}
        return contract([x], [labels], out, summed), out

    def entry(self, node: Any, sizes: Mapping[Any, Dim]) -> Indexed:
        parent = self.read(node.parent)
        labels: list[Any] = []
        for place, index in enumerate((node.i, node.j)):
            if index not in sizes and (index != 0 or parent.shape[place] != 1):
                raise NoRuleError(
                    "entries of a matrix are not taken by index", hint="write the product with unit vectors, e.T*W*d"
                )
            if index in sizes and sizes[index] != parent.shape[place]:
                raise ShapeError(
                    f"the index {index} runs to {sizes[index]}, and {node.parent} has {parent.shape[place]}",
                    shapes=(parent.shape, (sizes[index],)),
                )
            labels.append(index if index in sizes else ("one", place))
        out = tuple(dict.fromkeys(label for label in labels if label in sizes))
        return view(parent, labels, out), out

    def delta(self, node: Any, sizes: Mapping[Any, Dim]) -> Indexed:
        if not set(node.args[:2]) <= sizes.keys():
            raise NoRuleError(f"{node} with a fixed index has no counterpart here")
        return identity((sizes[node.args[0]],)), tuple(node.args[:2])
