"""What single nodes of SymPy's trees mean, given the values of their parts: matrices, of order 2, and scalars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.functions.elementary.integers import RoundFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.hadamard import HadamardPower
from sympy.matrices.expressions.special import GenericIdentity, GenericZeroMatrix

from symderiv import ops
from symderiv.build import apply, number, view, zero
from symderiv.dims import Dim, parse_dim
from symderiv.errors import NoRuleError, ShapeError, SymderivError, TooLargeError, UnknownNameError, clip
from symderiv.frontend.build_text import CONSTANTS, expand
from symderiv.frontend.cases import where
from symderiv.frontend.lexer import MOST_DIGITS
from symderiv.frontend.notation import call_function, known_functions, raise_to
from symderiv.functions import canonical_name
from symderiv.ir import Expr, number_of
from symderiv.ops import shape_text

_HIGHEST_POWER = 64
_NAMES = {"Abs": "abs", "Heaviside": "heaviside", "Max": "maximum", "Min": "minimum"}


def read_dim(value: Any) -> Dim:
    return parse_dim(str(value))


def squeezed(x: Expr) -> Expr:
    """An n×1 matrix as a vector, a 1×1 one as a scalar; anything else as it is."""
    if len(x.shape) != 2 or x.shape[1] != 1:
        return x
    return view(x, (0, 1), () if x.shape[0] == 1 else (0,))


def as_matrix(x: Expr) -> Expr:
    """A scalar as a 1×1 matrix, a vector as an n×1 one."""
    if len(x.shape) == 2:
        return x
    if len(x.shape) > 2:
        raise ShapeError(f"a tensor of shape {shape_text(x.shape)} is no matrix", shapes=(x.shape,))
    labels = tuple(range(len(x.shape)))
    return view(x, labels, (*labels, *("one", "other")[: 2 - len(labels)]), {"one": 1, "other": 1})


# ---------------------------------------------------------------- matrices
def _add(node: Any, parts: list[Expr]) -> Expr:
    for part in parts:
        if part.shape != parts[0].shape:
            raise ShapeError(
                f"the shapes {shape_text(parts[0].shape)} and {shape_text(part.shape)} don't fit in '+'",
                shapes=(parts[0].shape, part.shape),
                hint="SymPy doesn't broadcast: write b*OneMatrix(1, n)",
            )
    return ops.add_all(*parts)


def _product(node: Any, parts: list[Expr]) -> Expr:
    value = number(1)
    for part in parts:
        value = matrix_product(value, part)
    return value


def matrix_product(x: Expr, y: Expr) -> Expr:
    """SymPy's ``*``: the matrix product; a scalar, or a 1×1 matrix that doesn't fit, multiplies each entry."""
    if not x.shape or not y.shape:
        return ops.multiply(x, y)
    if x.shape[1] != y.shape[0]:
        if x.shape == (1, 1) or y.shape == (1, 1):
            return ops.multiply(squeezed(x) if x.shape == (1, 1) else x, squeezed(y) if y.shape == (1, 1) else y)
        raise ShapeError(
            f"the shapes {shape_text(x.shape)} and {shape_text(y.shape)} don't fit in '*'",
            hint=f"the inner sizes are {x.shape[1]} and {y.shape[0]}; hadamard_product multiplies entries",
            shapes=(x.shape, y.shape),
        )
    return ops.matmul(x, y)


def _hadamard(node: Any, parts: list[Expr]) -> Expr:
    value = parts[0]
    for part in parts[1:]:
        if part.shape != value.shape:
            raise ShapeError(
                f"the shapes {shape_text(value.shape)} and {shape_text(part.shape)} don't fit in an elementwise"
                " product",
                shapes=(value.shape, part.shape),
            )
        value = ops.multiply(value, part)
    return value


def _matrix_power(node: Any, parts: list[Expr]) -> Expr:
    base, exponent = parts[0], node.exp
    if base.shape == (1, 1) and exponent.is_Rational:
        return as_matrix(raise_to(squeezed(base), number(Fraction(int(exponent.p), int(exponent.q)))))
    ops.expect_square(base, "a matrix power")
    if not exponent.is_Integer:
        raise NoRuleError(f"a matrix to the power {clip(str(exponent))}", hint="only whole powers have a rule")
    if abs(exponent) > _HIGHEST_POWER:
        raise TooLargeError(f"a matrix power of {exponent}", hint=f"powers up to {_HIGHEST_POWER} are written out")
    if exponent == 0:
        return ops.identity(base.shape[:1])
    factor = ops.inverse(base) if exponent < 0 else base
    value = factor
    for _ in range(abs(int(exponent)) - 1):
        value = ops.matmul(value, factor)
    return value


def _hadamard_power(node: Any, parts: list[Expr]) -> Expr:
    return raise_to(parts[0], parts[1])


def _diagonal_matrix(node: Any, parts: list[Expr]) -> Expr:
    x = parts[0]
    if 1 not in x.shape:
        return _keep_diagonal(node, parts)
    return ops.diag(view(x, (0, 1), (0 if x.shape[0] != 1 else 1,)))


def _keep_diagonal(node: Any, parts: list[Expr]) -> Expr:
    ops.expect_square(parts[0], "DiagonalMatrix")
    return view(parts[0], (0, 0), (0, 0))


def _diagonal_of(node: Any, parts: list[Expr]) -> Expr:
    return as_matrix(ops.diag(parts[0]))


def _call(name: str) -> Callable[[Any, list[Expr]], Expr]:
    return lambda node, parts: call_function(name, parts, {}, expand)


def _dot(node: Any, parts: list[Expr]) -> Expr:
    x, y = (view(p, (0, 1), (0 if p.shape[0] != 1 else 1,)) for p in parts)
    return ops.dot(x, y)


def _kron(node: Any, parts: list[Expr]) -> Expr:
    value = parts[0]
    for part in parts[1:]:
        value = call_function("kron", (value, part), {}, expand)
    return value


MATRIX: dict[type, Callable[[Any, list[Expr]], Expr]] = {
    GenericIdentity: lambda node, parts: number(1),
    GenericZeroMatrix: lambda node, parts: number(0),
    sympy.Identity: lambda node, parts: ops.identity((read_dim(node.shape[0]),)),
    sympy.OneMatrix: lambda node, parts: ops.ones(tuple(map(read_dim, node.shape))),
    sympy.ZeroMatrix: lambda node, parts: zero(tuple(map(read_dim, node.shape))),
    sympy.MatAdd: _add,
    sympy.MatMul: _product,
    sympy.Inverse: lambda node, parts: ops.inverse(parts[0]),
    sympy.MatPow: _matrix_power,
    sympy.Transpose: lambda node, parts: ops.transpose(parts[0]),
    sympy.Adjoint: lambda node, parts: ops.transpose(parts[0]),
    sympy.HadamardProduct: _hadamard,
    HadamardPower: _hadamard_power,
    sympy.KroneckerProduct: _kron,
    sympy.Trace: lambda node, parts: ops.trace(parts[0]),
    sympy.Determinant: lambda node, parts: ops.determinant(parts[0]),
    DiagMatrix: _diagonal_matrix,
    DiagonalMatrix: _keep_diagonal,
    DiagonalOf: _diagonal_of,
    DotProduct: _dot,
}


# ---------------------------------------------------------------- scalars
def scalar_value(node: Any, parts: list[Expr]) -> Expr:
    """A number, a sum, product or power, or a function; entry by entry where a Lambda is applied to a matrix."""
    if node.is_Number:
        return number(_fraction(node))
    if node is sympy.pi or node is sympy.E:
        return CONSTANTS["pi" if node is sympy.pi else "e"]
    parts = [squeezed(p) if p.shape == (1, 1) else p for p in parts]
    if node.is_Add:
        return ops.add_all(*parts)
    if node.is_Mul:
        value = parts[0]
        for part in parts[1:]:
            value = ops.multiply(value, part)
        return value
    if node.is_Pow:
        return raise_to(parts[0], parts[1])
    if isinstance(node, sympy.Piecewise):
        return _by_cases(node, dict(zip(parts_of_cases(node), parts, strict=True)))
    if isinstance(node, sympy.Function | sympy.Max | sympy.Min) and not isinstance(node, RoundFunction):
        return _function(node, parts)
    raise NoRuleError(
        f"{type(node).__name__} has no counterpart here",
        hint="give it by matrix symbols, sums, products, functions of the table, or as text",
    )


def _fraction(node: Any) -> Fraction:
    if node.is_Rational:
        return Fraction(int(node.p), int(node.q))
    if node.is_Float:
        if node != 0 and abs(sympy.log(abs(node), 10).evalf(5)) > MOST_DIGITS:
            raise TooLargeError(f"a number of more than {MOST_DIGITS} digits")
        return Fraction(str(node))
    raise SymderivError(f"{node} is not a number that can be computed with")


def _function(node: Any, parts: list[Expr]) -> Expr:
    name = node.func.__name__
    if any(getattr(a, "is_Matrix", False) and p.shape for a, p in zip(node.args, parts, strict=True)):
        raise NoRuleError(
            f"{name} of a matrix, which SymPy means as a power series (the matrix exponential is one)",
            hint=f"entry by entry it is M.applyfunc({name}), or {name.lower()}(M) of this package",
        )
    if isinstance(node, AppliedUndef) and canonical_name(name) not in known_functions():
        if len(parts) != 1:
            raise NoRuleError(f"'{name}' of {len(parts)} arguments", hint="a generic function has one argument")
        return apply(name, parts[0], generic=True)
    name = _NAMES.get(name, name)
    if name in ("maximum", "minimum"):
        value = parts[0]
        for part in parts[1:]:
            order = (part, value) if number_of(value) is not None else (value, part)
            value = _maximum(*order) if name == "maximum" else call_function(name, order, {}, expand)
        return value
    try:
        return call_function(name, parts[:1] if name == "heaviside" else parts, {}, expand)
    except UnknownNameError:
        raise NoRuleError(
            f"SymPy's {name} has no row in the table of functions", hint="write it by functions of the table"
        ) from None


_COMPARED = {sympy.Gt: ">", sympy.Lt: "<", sympy.Ge: ">=", sympy.Le: "<="}


def parts_of_cases(node: Any) -> tuple[Any, ...]:
    """What a Piecewise takes its values from: each case's value, and both sides of each comparison."""
    sides = [side for _, condition in node.args for one in condition.atoms(Relational) for side in one.args]
    return tuple(dict.fromkeys([*(value for value, _ in node.args), *sides]))


def _by_cases(node: Any, values: Mapping[Any, Expr]) -> Expr:
    *cases, (last, always) = node.args
    if always != sympy.true:
        raise NoRuleError("a Piecewise without a last case (value, True)", hint="say what it is elsewhere")
    value = values[last]
    one_by_one = [(v, one) for v, c in cases for one in (c.args if isinstance(c, sympy.Or) else (c,))]
    for chosen, condition in reversed(one_by_one):
        if value is number(0) and condition in (sympy.Gt(chosen, 0), sympy.Ge(chosen, 0)):
            value = apply("relu", values[chosen])
        else:
            value = where(_condition(condition, values), values[chosen], value)
    return value


def _condition(condition: Any, values: Mapping[Any, Expr]) -> Expr:
    """A comparison, or several that hold together."""
    both = condition.args if isinstance(condition, sympy.And) else (condition,)
    if any(type(one) not in _COMPARED for one in both):
        raise NoRuleError(
            f"a Piecewise by the condition {condition}",
            hint="conditions are read that compare by <, >, <= or >=, several of them by And or Or",
        )
    return reduce(ops.multiply, [ops.compare(_COMPARED[type(one)], values[one.lhs], values[one.rhs]) for one in both])


def _maximum(x: Expr, y: Expr) -> Expr:
    return apply("relu", x) if number_of(y) == 0 else call_function("maximum", (x, y), {}, expand)
