"""Matrix trees as SymPy matrix expressions: vectors are n×1 matrices, functions are applied entry by entry."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import singledispatch
from typing import Any

import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.hadamard import HadamardPower
from sympy.matrices.expressions.matexpr import MatrixElement

from symderiv.dims import Dim, dim_atoms
from symderiv.errors import NoRuleError
from symderiv.functions import SCALAR, TENSOR
from symderiv.ir import Call, Map, Symbol
from symderiv.render.tree import (
    Apply,
    Bracketed,
    Diag,
    DiagOf,
    Frobenius,
    Func,
    Hadamard,
    Identity,
    Inverse,
    Leaf,
    Norm,
    Ones,
    Power,
    Product,
    Scale,
    Sum,
    Trace,
    Transpose,
    Tree,
    fold,
)
from symderiv.structures import Structure

_HINT = "write it with latex() or text(), or evaluate it with numpy()"
Of = Callable[[Tree], Any]


def tree_to_sympy(tree: Tree) -> Any:
    """The SymPy expression of a tree without names; a scalar that is a product of matrices is a 1×1 matrix.

    >>> from symderiv.build import symbol
    >>> from symderiv.lift import lift
    >>> from symderiv.ops import dot, matmul
    >>> A, v = symbol("A", ("n", "n")), symbol("v", ("n",))
    >>> tree_to_sympy(lift(dot(v, matmul(A, v))))
    v.T*A*v
    """
    return _released(fold(tree, _convert))


def size(dim: Dim | None) -> Any:
    """A dimension as SymPy has it: names are positive whole symbols; an axis that isn't there has size 1."""
    if dim is None or isinstance(dim, int):
        return sympy.Integer(1 if dim is None else dim)
    return sympy.sympify(dim, locals={a: sympy.Symbol(a, integer=True, positive=True) for a in dim_atoms(dim)})


def _structure(where: Structure, rows: Any, columns: Any) -> Any:
    """Ones where the condition on row and column holds."""
    places = sympy.symbols("i j", integer=True)
    left = sympy.Add(*(size(c) * x for c, x in zip(where.coefficients, places, strict=False)), size(where.constant))
    holds = sympy.Eq(left, 0) if where.relation == "=" else left >= 0
    return sympy.FunctionMatrix(rows, columns, sympy.Lambda(places, sympy.Piecewise((1, holds), (0, True))))


def number(value: Fraction) -> Any:
    return sympy.Rational(value.numerator, value.denominator)


def as_scalar(value: Any) -> Any:
    """A 1×1 matrix as its entry."""
    return MatrixElement(value, 0, 0) if isinstance(value, sympy.MatrixExpr) else value


def _times(scalars: list[Any], body: Any) -> Any:
    factor = sympy.Mul(*scalars)
    return body if factor == 1 else sympy.MatMul(factor, body)


@singledispatch
def _convert(t: Tree, of: Of) -> Any:
    raise NoRuleError(f"SymPy has no matrix expression for this part ({type(t).__name__.lower()})", hint=_HINT)


@_convert.register
def _(t: Leaf, of: Of) -> Any:
    node = t.node
    if not isinstance(node, Symbol):
        raise NoRuleError("SymPy can't hold a name: open it first", hint=_HINT)
    if node.kind == "const":
        return {"pi": sympy.pi, "e": sympy.E}[node.name]
    if node.kind == "dim":
        return size(node.name)
    if t.order == 0:
        return sympy.Symbol(node.name)
    if node.kind == "structure":
        return _structure(Structure.read(node.name), size(t.shape[0]), size(t.shape[1]))
    return sympy.MatrixSymbol(node.name, size(t.shape[0]), size(t.shape[1]))


@_convert.register
def _(t: Ones, of: Of) -> Any:
    return sympy.OneMatrix(size(t.shape[0]), 1)


@_convert.register
def _(t: Identity, of: Of) -> Any:
    return sympy.Identity(size(t.shape[0]))


@_convert.register
def _(t: Transpose, of: Of) -> Any:
    return sympy.Transpose(of(t.arg))


@_convert.register
def _(t: Inverse, of: Of) -> Any:
    return sympy.Inverse(of(t.arg))


@_convert.register
def _(t: Product, of: Of) -> Any:
    return sympy.MatMul(*map(of, t.items))


@_convert.register
def _(t: Hadamard, of: Of) -> Any:
    return sympy.HadamardProduct(*map(of, t.items))


@_convert.register
def _(t: Power, of: Of) -> Any:
    base, exponent = of(t.base), number(t.exponent)
    if t.order:
        return HadamardPower(base, exponent)
    scalar = as_scalar(base)
    if isinstance(scalar, sympy.Pow) and exponent.is_integer:   # SymPy would ask a trace under a root whether it is positive
        return sympy.Pow(scalar.base, scalar.exp * exponent)
    x = sympy.Dummy("x")
    return _filled(x**exponent, x, scalar)


@_convert.register
def _(t: Norm, of: Of) -> Any:
    arg = of(t.arg)
    square = sympy.MatMul(sympy.Transpose(arg), arg)
    return sympy.sqrt(as_scalar(square) if t.arg.order == 1 else sympy.Trace(square))


@_convert.register
def _(t: Diag, of: Of) -> Any:
    value = of(t.arg)
    factor, rest = value.as_coeff_mmul() if isinstance(value, sympy.MatMul) else (1, value)
    return DiagMatrix(rest) if factor == 1 else factor * DiagMatrix(rest)


@_convert.register
def _(t: DiagOf, of: Of) -> Any:
    return DiagonalOf(of(t.arg))


@_convert.register
def _(t: Trace, of: Of) -> Any:
    return sympy.Trace(of(t.arg))


@_convert.register
def _(t: Frobenius, of: Of) -> Any:
    return sympy.Trace(sympy.MatMul(sympy.Transpose(of(t.left)), of(t.right)))


@_convert.register
def _(t: Bracketed, of: Of) -> Any:
    return of(t.arg)


@_convert.register
def _(t: Scale, of: Of) -> Any:
    scalars = [number(t.coefficient), *(as_scalar(of(s)) for s in t.scalars)]
    return sympy.Mul(*scalars) if t.body is None else _times(scalars, of(t.body))


@_convert.register
def _(t: Sum, of: Of) -> Any:
    if t.order == 0:
        return sympy.Add(*(as_scalar(of(x)) for x in t.terms))
    return sympy.MatAdd(*map(of, t.terms)) if t.terms else sympy.ZeroMatrix(*map(size, t.shape))


@_convert.register
def _(t: Func, of: Of) -> Any:
    arg = of(t.arg)
    return scalar_body(t.node, as_scalar(arg)) if t.order == 0 else elementwise(t.node, arg)


def elementwise(node: Map, arg: Any) -> Any:
    """A function of each entry."""
    x = sympy.Dummy("x")
    return ElementwiseApplyFunction(sympy.Lambda(x, scalar_body(node, x)), arg)


def scalar_body(node: Map, x: Any) -> Any:
    """A function of the table, or a generic one, of a SymPy scalar."""
    row = SCALAR.get(node.fn)
    if node.generic or row is None:
        body = sympy.Function(node.fn)(x)
        return body.diff(x, node.order) if node.order else body
    formal = {"x": sympy.Symbol("x"), **{name: sympy.Symbol(name) for name, _ in row.params}}
    body = sympy.sympify(row.sympy, locals=formal)
    values = dict(zip((name for name, _ in row.params), node.params, strict=False))
    body = body.subs({formal[name]: number(value) for name, value in values.items()})
    if node.order:
        body = body.diff(formal["x"], node.order)
    return _filled(body, formal["x"], x)


class _Held(sympy.Dummy):
    """A real number that stands for an argument with functions or traces in it, until all is built.

    SymPy would ask such an argument for periods and imaginary parts, and be minutes at it.
    """

    __slots__ = ("value",)


def _filled(body: Any, x: Any, value: Any) -> Any:
    """A body with a value for x."""
    by_cases = body.has(sympy.Piecewise) or value.has(sympy.Piecewise)  # SymPy has to put their conditions together itself
    if value.has(sympy.Function, sympy.Trace, sympy.Determinant) and not by_cases:
        held = _Held(real=True)
        held.value = value
        return body.subs(x, held)
    try:
        return body.subs(x, value)
    except ValueError:                                          # its |·| reorders a difference of matrices as if they were numbers
        with sympy.evaluate(False):
            return body.xreplace({x: value})


def _released(value: Any) -> Any:
    """With what is held in its place."""
    while held := value.atoms(_Held):
        with sympy.evaluate(value.has(sympy.Piecewise)):
            value = value.xreplace({one: one.value for one in held})
    return value


@_convert.register
def _(t: Apply, of: Of) -> Any:
    node = t.node
    if node.abstract or node.ders or node.fn not in TENSOR:
        raise NoRuleError(f"SymPy has no matrix expression for the function '{node.fn}'", hint=_HINT)
    arg = of(t.args[0])
    if node.fn == "det":
        return sympy.Determinant(arg)
    if node.fn == "logdet":
        x = sympy.Dummy("x")
        return _filled(sympy.log(sympy.Abs(x)), x, sympy.Determinant(arg))
    if node.fn in ("softmax", "logsumexp"):
        return _softmax(node, t, arg)
    raise NoRuleError(f"SymPy has no matrix expression for the function '{node.fn}'", hint=_HINT)


def _softmax(node: Call, t: Apply, arg: Any) -> Any:
    """softmax and logsumexp by their definitions."""
    x = sympy.Dummy("x")
    powers = ElementwiseApplyFunction(sympy.Lambda(x, sympy.exp(x)), arg)
    rows, columns = arg.shape
    axes = node.params[0] if node.params else None
    order = t.args[0].order
    whole = tuple(range(order)) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    ones = [sympy.OneMatrix(1, rows), sympy.OneMatrix(columns, 1)]
    if len(whole) == order:
        total = as_scalar(sympy.MatMul(ones[0], powers) if order == 1 else sympy.MatMul(ones[0], powers, ones[1]))
        return sympy.log(total) if node.fn == "logsumexp" else sympy.MatMul(1 / total, powers)
    axis = whole[0] % order
    sums = sympy.MatMul(powers, ones[1]) if axis == 1 else sympy.MatMul(ones[0], powers)
    if node.fn == "logsumexp":
        logs = ElementwiseApplyFunction(sympy.Lambda(x, sympy.log(x)), sums)
        return logs if len(t.node.shape) == 2 or axis == 1 else sympy.Transpose(logs)
    inverse = HadamardPower(sums, -1)
    chain = [inverse, sympy.Transpose(ones[1])] if axis == 1 else [sympy.Transpose(ones[0]), inverse]
    spread = sympy.MatMul(*chain)
    return sympy.HadamardProduct(powers, spread)
