"""Gives a syntax tree its meaning: NumPy semantics through `ops`, names as nodes, errors with the user's own text.

>>> from symderiv.frontend.environment import declare
>>> build_text("z = W @ x; tanh(z)", declare({"W": "h n", "x": "n"}))[0]
<tanh(z)>
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from symderiv import ops
from symderiv.build import apply, number, scale, size, symbol
from symderiv.build import name as named
from symderiv.errors import ParseError, ShapeError, SymderivError, UnknownNameError, with_source
from symderiv.frontend.environment import Environment
from symderiv.frontend.expressions import NUMBERS
from symderiv.frontend.indexing import index
from symderiv.frontend.notation import call_function, raise_to
from symderiv.frontend.parser import parse_program
from symderiv.frontend.syntax import (
    Binary,
    Call,
    Compare,
    Constant,
    Function,
    Index,
    Keyword,
    ListExpr,
    Node,
    Number,
    Program,
    Ref,
    Slice,
    String,
    Transpose,
    TupleExpr,
    Unary,
    children,
    postorder,
)
from symderiv.frontend.values import Value, as_expr, as_offset
from symderiv.ir import Expr, Name

CONSTANTS = {prefix + name: symbol(name, (), "const") for prefix in ("", "np.") for name in sorted(NUMBERS)}
_NOTHING = Environment()

_program = lru_cache(maxsize=4096)(parse_program)
"""Programs are parsed once: the tables' texts are built again and again."""


def build_text(text: str, environment: Environment = _NOTHING) -> tuple[Expr, dict[str, Name]]:
    """The value of a program, and the names that it assigns; raises an error that shows the text."""
    return build(_program(text), environment)


def build(program: Program, environment: Environment = _NOTHING) -> tuple[Expr, dict[str, Name]]:
    """The value of a program, and the names that it assigns."""
    builder = _Builder(environment, {**environment.names}, program.text)
    assigned: dict[str, Name] = {}
    for line in program.assignments:
        if environment.declares(line.name):
            message = f"'{line.name}' is declared as {environment.describe(line.name)}, and assigned here too"
            raise ParseError(message, program.text, line.name_span, hint="take another name for one of them")
        value = builder.expression(line.value)
        if not value.shape and line.name in environment.dims:
            message = f"'{line.name}' is a size here, and assigned too"
            raise ParseError(message, program.text, line.name_span, hint="take another name for one of them")
        assigned[line.name] = builder.scope[line.name] = named(line.name, value)
    return builder.expression(program.value), assigned


def build_expression(node: Node, text: str, environment: Environment) -> Expr:
    """The meaning of one expression of a text, such as a side of an assumption."""
    return _Builder(environment, environment.names, text).expression(node)


def expand(text: str, scope: Mapping[str, Value]) -> Expr:
    """A text of the tables, in which only the names of ``scope`` are known; its errors carry no text of their own.

    >>> expand("tanh(x)**q", {"x": symbol("u", ("n",)), "q": 2})
    <tanh(u)^⊙2>
    """
    values: dict[str, Value] = {}
    for formal, value in scope.items():
        plain = isinstance(value, int | Fraction) and not isinstance(value, bool)
        values[formal] = number(value) if plain else _numbers(value) if isinstance(value, tuple) else value
    return _Builder(_NOTHING, values, None).expression(_program(text).value)


def _numbers(values: Sequence[int | Expr]) -> tuple[Expr, ...]:
    return tuple(number(v) if isinstance(v, int) else v for v in values)


class _Builder:
    """One text in one environment; ``scope`` are the names that stand for values, which comes before all others."""

    def __init__(self, environment: Environment, scope: Mapping[str, Value], text: str | None) -> None:
        self.environment = environment
        self.scope = dict(scope)
        self.text = text

    def expression(self, root: Node) -> Expr:
        """The value of a tree; iterative, so that its depth isn't bounded by the interpreter's stack."""
        done: list[Value] = []
        for node in postorder(root):
            count = len(children(node))
            parts = done[len(done) - count :] if count else []
            del done[len(done) - count :]
            try:
                done.append(self.value(node, parts))
            except SymderivError as error:
                if self.text is not None:
                    with_source(error, self.text, node.span)
                raise
        try:
            return as_expr(done[0], "the value")
        except SymderivError as error:
            raise with_source(error, self.text, root.span) if self.text is not None else error from None

    def value(self, node: Node, parts: Sequence[Value]) -> Value:
        """The value of a node, given those of its parts."""
        match node:
            case Ref():
                return self.name(node.name)
            case Number():
                return number(Fraction(node.text))
            case Binary():
                return self.binary(node, as_expr(parts[0]), as_expr(parts[1]))
            case Unary():
                return scale(-1 if node.operator == "-" else 1, as_expr(parts[0]))
            case Call():
                count = len(node.arguments)
                keywords = {k.name: v for k, v in zip(node.keywords, parts[count:], strict=True)}
                return self.call(node, parts[:count], keywords)
            case Keyword():
                return parts[0]
            case Transpose():
                return ops.transpose(as_expr(parts[0]))
            case Constant() | String():
                return node.value
            case TupleExpr() | ListExpr():
                return tuple(parts)
            case Slice():
                given = iter(parts)
                return slice(*(None if part is None else next(given) for part in (node.start, node.stop, node.step)))
            case Index():
                if isinstance(parts[0], tuple):
                    return member(parts[0], parts[1:])
                return index(as_expr(parts[0]), parts[1:])
            case Compare():
                return operate(node.operator, as_expr(parts[0]), as_expr(parts[1]))
            case Function():
                raise ParseError("a lambda stands only where a module is replaced")
        raise AssertionError(node)

    # ------------------------------------------------------------------------------------------------ names
    def name(self, text: str) -> Value:
        if text in self.scope:
            return self.scope[text]
        environment = self.environment
        if text in environment.symbols:
            return environment.symbols[text]
        if text in environment.dims:
            return size(text)
        if text in CONSTANTS:
            plain = text.removeprefix("np.")
            if plain in self.scope or environment.declares(plain) or plain in environment.dims:
                raise ParseError(f"'{plain}' has another meaning here, and {text} would be printed as it",
                                 hint=f"take another name for what '{plain}' is")  # fmt: skip
            return CONSTANTS[text]
        if environment.declares(text):
            raise ParseError(f"'{text}' is {environment.describe(text)}", hint=f"apply it to something: {text}(…)")
        known = [*self.scope, *environment.symbols, *environment.dims, *CONSTANTS]
        raise UnknownNameError.among(text, known, advice=f"give its shape: {text[:40]}='n' (a scalar has the shape '')")

    def call(self, node: Call, given: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        if node.function in self.environment.modules or node.function in self.environment.functions:
            return self.environment.apply(node.function, given, keywords)
        if node.function in TUPLES and not keywords and len(given) == 1:
            return TUPLES[node.function](as_expr(given[0], f"the argument of {node.function}"))
        value = self.scope.get(node.function, self.environment.symbols.get(node.function))
        others = (*self.environment.modules, *self.environment.functions)
        try:
            return call_function(node.function, given, keywords, expand, others)
        except UnknownNameError as error:
            if value is not None:
                raise ParseError(
                    f"'{node.function}' is a value, and no function", hint="a product is written * or @"
                ) from None
            if self.text is not None:
                with_source(error, self.text, node.function_span)
            raise

    # ------------------------------------------------------------------------------------------------ operators
    def binary(self, node: Binary, left: Expr, right: Expr) -> Expr:
        try:
            return operate(node.operator, left, right)
        except ShapeError as error:
            advice = self.advice(node, left, right)
            if advice and self.text is not None:
                error.hint = f"{error.hint}; {advice}" if error.hint else advice
            raise

    def advice(self, node: Binary, left: Expr, right: Expr) -> str | None:
        """What may have been meant by a product whose shapes don't fit."""
        if not left.shape or not right.shape or self.text is None or max(len(left.shape), len(right.shape)) > 2:
            return None
        a, b = (self.text[slice(*side.span)] if isinstance(side, Ref) else None for side in (node.left, node.right))
        if node.operator == "*" and left.shape[-1] == right.shape[0]:
            return "did you mean '@', the matrix product?"
        if node.operator == "@" and left.shape == right.shape:
            return "did you mean '*', the elementwise product?"
        if node.operator == "@" and a and b and left.shape[0] == right.shape[0] and len(left.shape) == 2:
            return f"did you mean {a}.T @ {b}?"
        if node.operator == "@" and a and b and left.shape[-1] == right.shape[-1] and len(right.shape) == 2:
            return f"did you mean {a} @ {b}.T?"
        if node.operator == "@" and a and b and left.shape[-1] == right.shape[0] and len(left.shape) == 1:
            return f"did you mean {b} @ {a}?"
        return None


def operate(operator: str, left: Expr, right: Expr) -> Expr:
    """left operator right, as NumPy has it."""
    if operator == "+":
        return ops.add_all(left, right)
    if operator == "-":
        return ops.subtract(left, right)
    if operator == "*":
        return ops.multiply(left, right)
    if operator == "/":
        return ops.divide(left, right)
    if operator == "@":
        return ops.matmul(left, right)
    if operator in ("<", ">", "<=", ">="):
        return ops.compare(operator, left, right)
    assert operator == "**"
    return raise_to(left, right)


def _shape(x: Expr) -> tuple[Expr, ...]:
    return tuple(size(d) for d in x.shape)


def _sign_and_logdet(x: Expr) -> tuple[Expr, ...]:
    return apply("sign", ops.determinant(x)), ops.log_determinant(x)


TUPLES = {"shape": _shape, "slogdet": _sign_and_logdet}
"""What has several values, of which an index takes one: x.shape[0], slogdet(X)[1]."""


def member(values: Sequence[Value], items: Sequence[Value]) -> Value:
    """An entry of a tuple, such as x.shape[0]."""
    at = as_offset(items[0], "an index") if len(items) == 1 and isinstance(items[0], Expr) else None
    if not isinstance(at, int) or not -len(values) <= at < len(values):
        raise ParseError(f"an index into {len(values)} values is a number below {len(values)}")
    return values[at]
