"""SymPy matrix expressions as expressions: SymPy's semantics, but shapes are checked.

While it is read, every SymPy matrix is an expression of order 2, rows and columns of size 1 included; at the end an
n×1 matrix is a vector and a 1×1 one a scalar.

>>> n, o = sympy.symbols("n o", integer=True, positive=True)
>>> W, v = sympy.MatrixSymbol("W", o, n), sympy.MatrixSymbol("v", n, 1)
>>> from_sympy((W * v).applyfunc(sympy.tanh))
<tanh(W v)>
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sympy
from sympy.core.symbol import Str
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.special import GenericIdentity, GenericZeroMatrix

from symderiv import ops
from symderiv.build import number, size, symbol, view
from symderiv.dims import Dim, dim_atoms
from symderiv.errors import NoRuleError, ShapeError, SymderivError, clip, with_source
from symderiv.frontend.build_text import expand
from symderiv.frontend.environment import Environment, environment_of
from symderiv.frontend.notation import call_function
from symderiv.frontend.sympy_nodes import MATRIX, as_matrix, parts_of_cases, read_dim, scalar_value, squeezed
from symderiv.frontend.sympy_sums import read_sum
from symderiv.frontend.values import Value
from symderiv.functions import SCALAR, TENSOR
from symderiv.ir import Expr
from symderiv.ops import shape_text


# ---------------------------------------------------------------- our own functions among SymPy's expressions
class ModuleExpr(sympy.MatrixExpr):
    """A named function of SymPy matrices, e.g. tanh(W*v): a matrix expression again, of the shape of its value."""

    def __new__(cls, name: Any, params: Any, *arguments: Any) -> ModuleExpr:
        node = super().__new__(cls, Str(str(name)), sympy.Tuple(*params), *map(sympy.sympify, arguments))
        node._shape = _sympy_shape(from_sympy(node, squeeze=False).shape, arguments)
        return node

    @property
    def name(self) -> str:
        return self.args[0].name

    @property
    def params(self) -> dict[str, Any]:
        return {pair[0].name: pair[1] for pair in self.args[1]}

    @property
    def arguments(self) -> tuple[Any, ...]:
        return tuple(self.args[2:])

    @property
    def shape(self) -> tuple[Any, Any]:
        return self._shape

    def _entry(self, i: Any, j: Any, **_: Any) -> Any:
        return MatrixElement(self, i, j)

    def _sympystr(self, printer: Any) -> str:
        params = [f"{name}={value}" for name, value in self.params.items()]
        return f"{self.name}({', '.join([*map(printer._print, self.arguments), *params])})"

    def _latex(self, printer: Any) -> str:
        row = SCALAR.get(self.name) or TENSOR.get(self.name)
        arguments = [printer._print(a) for a in self.arguments]
        return row.tex(*arguments) if row else rf"\operatorname{{{self.name}}}({', '.join(arguments)})"


def _sympy_shape(shape: Sequence[Dim], arguments: Iterable[Any]) -> tuple[Any, Any]:
    """A shape in SymPy's dimensions, the arguments' own symbols where they occur."""
    known = {s.name: s for a in arguments for s in getattr(a, "free_symbols", ()) if isinstance(s, sympy.Symbol)}
    return tuple(sympy_dim(d, known) for d in shape)


def sympy_dim(dim: Dim, known: Mapping[str, Any] | None = None) -> Any:
    """A dimension as SymPy has it: names are positive whole symbols.

    >>> sympy_dim("m*q + 1"), sympy_dim(3)
    (m*q + 1, 3)
    """
    if isinstance(dim, int):
        return sympy.Integer(dim)
    symbols = {a: sympy.Symbol(a, integer=True, positive=True) for a in dim_atoms(dim)}
    return sympy.sympify(dim, locals={**symbols, **(known or {})})


# ---------------------------------------------------------------- reading
def from_sympy(root: Any, squeeze: bool = True, symmetric: Iterable[str] = ()) -> Expr:
    """The expression that a SymPy matrix expression, or a scalar one, is; the symbols named are made symmetric."""
    value = _Reader(root, symmetric).read(root)
    return squeezed(value) if squeeze else value if value.shape else view(value, (), ("i", "j"), {"i": 1, "j": 1})


def read_sympy(root: Any, symmetric: Iterable[str] = ()) -> tuple[Expr, Environment]:
    """The expression, and the environment of its symbols."""
    value = from_sympy(root, symmetric=symmetric)
    known = {s.name: s for s in _Reader(root, symmetric).symbols.values()}
    found = environment_of(value)
    dims = frozenset(a for s in known.values() for d in s.shape for a in dim_atoms(d))
    return value, Environment({**known, **found.symbols}, found.modules, found.functions, {}, found.dims | dims)


class _Reader:
    """One reading: the symbols met, the dimensions among them, and what is done so far."""

    def __init__(self, root: Any, symmetric: Iterable[str] = ()) -> None:
        wanted = set(symmetric)
        self.dims: set[str] = set()
        self.symbols: dict[Any, Any] = {}
        shapes: dict[str, Any] = {}
        for node in sorted(root.atoms(sympy.MatrixSymbol), key=lambda s: (s.name, str(s.shape))):
            shape = tuple(read_dim(d) for d in node.shape)
            if shapes.setdefault(node.name, shape) != shape:
                raise ShapeError(
                    f"two matrices are called '{node.name}', of the shapes {shape_text(shapes[node.name])} and"
                    f" {shape_text(shape)}",
                    shapes=(shapes[node.name], shape),
                )
            self.dims.update(a for d in shape for a in dim_atoms(d))
            own = shape if shape[1] != 1 else shape[:1] if shape[0] != 1 else ()
            self.symbols[node] = symbol(node.name, own, props=("symmetric",) if node.name in wanted else ())
        for node in root.atoms(sympy.Identity, sympy.OneMatrix, sympy.ZeroMatrix):
            if not isinstance(node, GenericIdentity | GenericZeroMatrix):
                self.dims.update(a for d in node.shape for a in dim_atoms(read_dim(d)))
        _check_names(root, self.dims)
        self.scope: dict[Any, Expr] = {}

    def read(self, root: Any) -> Expr:
        """The value of a SymPy tree, iteratively."""
        if isinstance(root, sympy.MatrixBase):
            root = root.as_immutable()
        done: dict[Any, Expr] = dict(self.scope)
        stack: list[tuple[Any, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if node in done:
                continue
            parts = _parts(node)
            if parts and not ready:
                stack.append((node, True))
                stack.extend((p, False) for p in parts)
                continue
            try:
                done[node] = self.value(node, [done[p] for p in parts])
            except SymderivError as error:
                raise with_source(error, str(node)) from None
        return done[root]

    def value(self, node: Any, parts: list[Expr]) -> Expr:
        """The value of one node, given those of its parts."""
        if isinstance(node, sympy.MatrixSymbol):
            return as_matrix(self.symbols[node])
        for kind, convert in MATRIX.items():
            if isinstance(node, kind):
                return convert(node, parts)
        if isinstance(node, ElementwiseApplyFunction):
            return self.lambda_of(node.function, parts)
        if isinstance(node, ModuleExpr):
            return _module(node, parts)
        if isinstance(node, sympy.Symbol):
            return size(node.name) if node.name in self.dims else symbol(node.name)
        if isinstance(node, MatrixElement):
            return _element(node, parts[0])
        if isinstance(node, sympy.Sum):
            return read_sum(node, self.read, scalar_value)
        return scalar_value(node, parts)

    def lambda_of(self, function: Any, parts: Sequence[Expr]) -> Expr:
        """f of a matrix, entry by entry."""
        inner = _Reader(function, ())
        inner.dims = self.dims
        inner.symbols = {**self.symbols, **inner.symbols}
        inner.scope = dict(zip(function.variables, parts, strict=True))
        value = inner.read(function.expr)
        return ops.broadcast(value, parts[0].shape)


_READABLE = re.compile(r"\\?[^\W\d_]\S*")


def _check_names(root: Any, dims: Collection[str]) -> None:
    """Refuses a name that can't be read back, and two symbols of one: SymPy tells them apart by what is assumed of them."""
    seen: dict[str, Any] = {}
    for s in sorted((s for s in root.free_symbols if hasattr(s, "name")), key=str):
        if not _READABLE.fullmatch(s.name):
            raise SymderivError(f"'{clip(s.name)}' is no name", hint="it begins with a letter, and has no blanks")
        other = seen.setdefault(s.name, s)
        if other != s and not (s.name in dims and isinstance(s, sympy.Symbol) and isinstance(other, sympy.Symbol)):
            raise SymderivError(f"two different symbols are called '{clip(s.name)}'", hint="give one of them another name")


def _parts(node: Any) -> tuple[Any, ...]:
    """What has to be read before a node."""
    if isinstance(node, ElementwiseApplyFunction):
        return (node.expr,)
    if isinstance(node, ModuleExpr):
        return node.arguments
    if isinstance(node, MatrixElement):
        return (node.parent,)
    if isinstance(node, sympy.MatPow):
        return (node.base,)
    if isinstance(
        node, sympy.MatrixSymbol | sympy.Identity | sympy.OneMatrix | sympy.ZeroMatrix | sympy.Symbol | sympy.Number
    ):
        return ()
    if isinstance(node, sympy.MatrixBase):
        raise NoRuleError("matrices of given entries aren't read", hint="give it as a MatrixSymbol")
    if isinstance(node, sympy.Piecewise):
        return parts_of_cases(node)
    if isinstance(node, sympy.Lambda | sympy.Sum | sympy.Derivative):
        return ()
    if not isinstance(node, sympy.Basic):
        raise SymderivError(f"a value of type {type(node).__name__} is no SymPy expression")
    return tuple(node.args)


def _element(node: Any, parent: Expr) -> Expr:
    if parent.shape == (1, 1) and node.i == 0 and node.j == 0:
        return squeezed(parent)
    raise NoRuleError(
        "entries of a matrix are not taken by index",
        hint="write the product with unit vectors, e.T*W*d; only [0, 0] of a 1×1 matrix is read",
    )


def _module(node: ModuleExpr, parts: list[Expr]) -> Expr:
    params: dict[str, Value] = {}
    for name, value in node.params.items():
        if value in (sympy.true, sympy.false):
            params[name] = value == sympy.true
        elif isinstance(value, sympy.Tuple):
            params[name] = tuple(number(int(v)) for v in value)
        else:
            params[name] = value.name if isinstance(value, Str) else scalar_value(value, [])
    return as_matrix(call_function(node.name, [squeezed(p) for p in parts], params, expand))


__all__ = ["ModuleExpr", "from_sympy", "read_sympy", "sympy_dim"]
