"""The text that is read, made the text that is run: the same operations, in the spelling that costs least to begin.

With small arrays a call costs what its operations cost to begin. A number beside an array is an array made beforehand,
NumPy's functions are names and not looked up, ``out`` is given by position, sums and maxima are the functions' own
``reduce``. An outer product of vectors is BLAS's, which takes half of the time at all sizes. What is computed, and its
rounding, is the same, but for the sign of a zero in such a product. New names begin with _, as no name of the text's does.

>>> tree, used = quick("s = np.subtract(1, x, out=x)\\ny = 2*x + x.sum(axis=0)", {"x": 2})
>>> print(ast.unparse(tree))
s = _np_subtract(_1, x, x)
y = _2 * x + _np_add.reduce(x, axis=0)
>>> print(ast.unparse(quick("u[:, None]*(1 - v)", {"u": 1, "v": 1})[0]))
_outer(u, _1 - v)
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, TypeGuard

try:
    import numpy as np
except ModuleNotFoundError:  # code is generated without NumPy too: in a browser
    np = None  # type: ignore[assignment]  # asked for before it is used

REDUCTIONS = {"sum": "add", "max": "maximum", "min": "minimum"}


def quick(text: str, ranks: Mapping[str, int]) -> tuple[ast.Module, dict[str, Any]]:
    """The program, and the names that it uses now; ``ranks`` are those of names of arrays, as far as they are known."""
    writer = _Quick(ranks)
    tree = writer.visit(ast.parse(text))
    return ast.fix_missing_locations(tree), writer.used


def outer(x: Any, y: Any) -> Any:
    """The outer product of vectors; BLAS passes over zeros where one has a single entry, and so over nan beside them."""
    return x[:, None].dot(y[None]) if len(x) > 1 and len(y) > 1 else x[:, None] * y


def number(node: ast.expr) -> float | None:
    """The value of a number that is written out, such as −1/3."""
    if isinstance(node, ast.Constant):
        value = node.value
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        above, below = number(node.left), number(node.right)
        return above / below if above is not None and below else None
    return None


def _is_column(node: ast.expr) -> TypeGuard[ast.Subscript]:
    """Whether this is x[:, None]."""
    return isinstance(node, ast.Subscript) and ast.unparse(node.slice) in ("(:, None)", ":, None")


class _Quick(ast.NodeTransformer):
    def __init__(self, ranks: Mapping[str, int]) -> None:
        self.ranks = ranks
        self.used: dict[str, Any] = {}
        self.constants: dict[str, str] = {}

    # ------------------------------------------------------------ what is an array
    def is_array(self, node: ast.expr) -> bool:
        """Whether this is surely an array of one or more axes."""
        if isinstance(node, ast.Name):
            return self.ranks.get(node.id, 0) > 0
        if isinstance(node, ast.BinOp):
            return not isinstance(node.op, ast.MatMult) and (self.is_array(node.left) or self.is_array(node.right))
        if isinstance(node, ast.UnaryOp):
            return self.is_array(node.operand)
        if isinstance(node, ast.Attribute):
            return node.attr == "T" and self.is_array(node.value)
        if isinstance(node, ast.Subscript):
            index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return self.is_array(node.value) and any(isinstance(k, ast.Slice) or getattr(k, "value", 0) is None for k in index)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            if called and isinstance(self.used.get(called), np.ufunc):
                return any(self.is_array(a) for a in node.args)
            return (self.rank(node) or 0) > 0
        return False

    def rank(self, node: ast.expr) -> int | None:
        """How many axes this has; None where that isn't seen."""
        if isinstance(node, ast.Name):
            return 0 if node.id in self.constants.values() else self.ranks.get(node.id)
        if number(node) is not None:
            return 0
        if isinstance(node, ast.UnaryOp):
            return self.rank(node.operand)
        if isinstance(node, ast.Attribute) and node.attr == "T":
            return self.rank(node.value)
        if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.MatMult):
            return self.largest(node.left, node.right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and isinstance(self.used.get(node.func.id), np.ufunc):
            return self.largest(*node.args)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "dot" and len(node.args) == 1:
            left, right = self.rank(node.func.value), self.rank(node.args[0])
            return left + right - 2 if left and right else None
        return None

    def largest(self, *nodes: ast.expr) -> int | None:
        ranks = [self.rank(node) for node in nodes]
        return None if None in ranks else max(r for r in ranks if r is not None)

    # ------------------------------------------------------------ what is written in its place
    def beside(self, node: ast.expr, other: ast.expr) -> ast.expr:
        """A number beside an array, as an array."""
        value = number(node)
        if value is None or not self.is_array(other):
            return node
        name = self.constants.setdefault(repr(value), f"_{len(self.constants) + 1}")
        self.used[name] = np.array(value)
        return ast.Name(name, ast.Load())

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mult) and _is_column(node.left) and self.rank(node.left.value) == self.rank(node.right) == 1:
            self.used["_outer"] = outer
            return ast.Call(ast.Name("_outer", ast.Load()), [node.left.value, node.right], [])
        if not isinstance(node.op, ast.Pow | ast.MatMult):
            node.left, node.right = self.beside(node.left, node.right), self.beside(node.right, node.left)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        if isinstance(node.target, ast.Name):
            node.value = self.beside(node.value, node.target)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "np":
            return self.function(node.attr)
        return node

    def function(self, text: str) -> ast.Name:
        self.used[f"_np_{text}"] = getattr(np, text)
        return ast.Name(f"_np_{text}", ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        names = [k.arg for k in node.keywords]
        if isinstance(node.func, ast.Name) and isinstance(self.used.get(node.func.id), np.ufunc):
            if len(node.args) == 2:
                node.args = [self.beside(node.args[0], node.args[1]), self.beside(node.args[1], node.args[0])]
            if names == ["out"]:
                node.args, node.keywords = [*node.args, node.keywords[0].value], []
        elif isinstance(node.func, ast.Attribute) and node.func.attr in REDUCTIONS and "axis" in names and not node.args:
            law = self.function(REDUCTIONS[node.func.attr])
            return ast.Call(ast.Attribute(law, "reduce", ast.Load()), [node.func.value], node.keywords)
        return node


__all__ = ["number", "quick"]
