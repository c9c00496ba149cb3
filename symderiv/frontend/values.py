"""What the functions of the notation are called with: values, and signatures that sort them.

A value is an expression, or what only an argument can be: None, True, False, a text in quotes, a tuple of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symderiv.build import ones
from symderiv.dims import Dim, dim_sum, parse_dim
from symderiv.errors import ParseError
from symderiv.ir import Add, Box, Contract, Expr, Map, Name, Symbol, is_zero, number_of, scaled

Value = Any
"""Expr | None | bool | str | tuple[Value, …], and plain numbers where a row's default is one"""


TORCH_NAMES = {"dim": "axis", "keepdim": "keepdims"}
"""torch's names of arguments that NumPy calls otherwise."""


@dataclass(frozen=True)
class Signature:
    """How a function is called: its arguments by name, and its parameters with their defaults."""

    name: str
    arguments: tuple[str, ...]
    params: tuple[tuple[str, Value], ...] = ()
    by_keyword: bool = False  #: parameters can't be given by position

    def bind(self, given: Sequence[Value], keywords: Mapping[str, Value]) -> dict[str, Value]:
        """The values by name; raises ParseError for a wrong number, or an unknown or missing name."""
        names = (*self.arguments, *(() if self.by_keyword else (name for name, _ in self.params)))
        known = (*self.arguments, *(name for name, _ in self.params))
        if len(given) > len(names):
            raise self.error(f"{len(given)} were given")
        values = dict(zip(names, given, strict=False))
        for given_name, value in keywords.items():
            name = given_name if given_name in known else TORCH_NAMES.get(given_name, given_name)
            if name not in known:
                raise self.error(f"it has no '{name}='")
            if name in values:
                raise self.error(f"'{name}' is given twice")
            values[name] = value
        missing = [name for name in self.arguments if name not in values]
        if missing:
            raise self.error(f"'{missing[0]}' is missing" if given or keywords else "none was given")
        return {**dict(self.params), **values}

    def error(self, problem: str) -> ParseError:
        count = len(self.arguments)
        wanted = f"{count} argument{'s' if count > 1 else ''} ({', '.join(self.arguments)})" if count else "no argument"
        params = ", ".join(f"{name}=" for name, _ in self.params)
        return ParseError(f"{self.name} takes {wanted}{' and ' + params if params else ''}; {problem}")


# ---------------------------------------------------------------- values
def as_expr(value: Value, what: str = "an operand") -> Expr:
    """The value, if it is an expression."""
    if isinstance(value, Expr):
        return value
    shown = {True: "True", False: "False", None: "None"}.get(value) if value in (True, False, None) else None
    kind = shown or ("a text in quotes" if isinstance(value, str) else "a tuple or list")
    raise ParseError(f"{kind} can't be {what}", hint="an array's entries can't be written out; give it as a symbol")


def as_number(value: Value, what: str) -> Fraction:
    """The value, if it is a plain number."""
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return Fraction(value)
    number = constant_of(value) if isinstance(value, Expr) and not value.shape else None
    if number is None:
        raise ParseError(f"{what} must be a number")
    return number


def constant_of(x: Expr) -> Fraction | None:
    """The number that every entry is, also under a name: of 2, p = 2, 2*ones(n)."""
    while isinstance(x, Name | Box):
        x = x.body
    c, rest = (Fraction(0), ones(x.shape)) if is_zero(x) else scaled(x)
    return c if rest is ones(x.shape) else None


def as_axis(value: Value) -> int | tuple[int, ...] | None:
    """An axis argument: None, a whole number, or a tuple of these."""
    if value is None:
        return None
    if isinstance(value, tuple):
        return tuple(_whole(item) for item in value)
    return _whole(value)


def is_axis(value: Value) -> bool:
    """Whether a value could be an axis: a number, or a tuple of these."""
    items = value if isinstance(value, tuple) else (value,)
    return all(isinstance(item, Expr) and number_of(item) is not None for item in items)


def _whole(value: Value) -> int:
    number = as_number(value, "axis=")
    if number.denominator != 1:
        raise ParseError(f"axis= must be a whole number, not {number}")
    return int(number)


def as_flag(value: Value, what: str) -> bool:
    """A parameter that is True or False."""
    if isinstance(value, bool):
        return value
    raise ParseError(f"{what} must be True or False")


def as_dim(value: Value) -> Dim:
    """The dimension that a number, a dimension's name or a product of these is: the inverse of `build.size`."""
    if isinstance(value, Expr) and not value.shape:
        text = _dim_text(value)
        if text is not None:
            dim = parse_dim(text)
            if isinstance(dim, str) or dim > 0:
                return dim
    raise ParseError("a size must be a positive whole number, the name of a dimension, or a product of these")


def as_offset(value: Value, what: str) -> Dim:
    """The whole number of any sign, or polynomial in sizes, that an index is."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Expr) and number_of(value) is not None and as_number(value, what).denominator == 1:
        return int(as_number(value, what))
    text = _dim_text(value) if isinstance(value, Expr) and not value.shape else None
    if text is None:
        raise ParseError(f"{what} must be a whole number, or made of sizes")
    return dim_sum(0, text)


def _dim_text(node: Expr) -> str | None:
    if isinstance(node, Symbol):
        return node.name if node.kind == "dim" else None
    if isinstance(node, Map):
        inner = _dim_text(node.arg)
        q = node.params[0] if node.fn == "pow" else Fraction(1, 2)
        return f"({inner})**{q}" if inner and q.denominator == 1 and q > 0 else None
    if isinstance(node, Contract):
        factors = [_dim_text(f) for f in node.factors]
        return "*".join(["1", *(f"({f})" for f in factors)]) if None not in factors and not node.dims else None
    if isinstance(node, Add):
        terms = [(c, _dim_text(t)) for c, t in node.terms]
        if any(t is None or c.denominator != 1 for c, t in terms):
            return None
        return " ".join(f"{'-' if c < 0 else '+'} {abs(c)}*({t})" for c, t in terms).removeprefix("+ ") or None
    return None
