"""Reads what the user declares of a name: its shape, an abstract module's signature, or ``"elementwise"``."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import lru_cache

from symderiv.dims import Dim, parse_dim, parse_dims
from symderiv.errors import ParseError, ShapeError

Shape = tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class ShapeDecl:
    """An array of this shape; ``()`` is a scalar."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class ModuleDecl:
    """An abstract function from arrays of the input shapes to one of the output shape."""

    inputs: tuple[Shape, ...]
    output: Shape


@dataclass(frozen=True, slots=True)
class ElementwiseDecl:
    """A generic scalar function, applied to each entry."""


Declaration = ShapeDecl | ModuleDecl | ElementwiseDecl


def parse_shape(value: object) -> Shape:
    """The shape that a text, an int, a SymPy dimension, or a tuple of these denotes; raises ParseError and ShapeError.

    >>> parse_shape("m*q n"), parse_shape("3, n"), parse_shape(""), parse_shape(("o", 2)), parse_shape(3)
    (('m*q', 'n'), (3, 'n'), (), ('o', 2), (3,))
    """
    if isinstance(value, str):
        return parse_dims(value)
    if isinstance(value, (tuple, list)):
        return tuple(_dimension(part) for part in value)
    return (_dimension(value),)


def parse_declaration(value: object) -> Declaration:
    """What ``value`` declares; raises ParseError and ShapeError.

    >>> parse_declaration("o n")
    ShapeDecl(shape=('o', 'n'))
    >>> parse_declaration("h n, m -> o")
    ModuleDecl(inputs=(('h', 'n'), ('m',)), output=('o',))
    >>> parse_declaration("o ->"), parse_declaration("elementwise")
    (ModuleDecl(inputs=(('o',),), output=()), ElementwiseDecl())
    """
    if isinstance(value, (ShapeDecl, ModuleDecl, ElementwiseDecl)):
        return value
    if isinstance(value, str) and value.strip() == "elementwise":
        return ElementwiseDecl()
    if isinstance(value, str) and "->" in value:
        return _signature(value)
    return ShapeDecl(parse_shape(value))


@lru_cache(maxsize=1024)
def _signature(text: str) -> ModuleDecl:
    """``inputs -> output``: inputs are separated by commas, the axes of one by spaces; ``()`` is a scalar."""
    arrow = text.index("->")
    if "->" in text[arrow + 2 :]:
        second = text.index("->", arrow + 2)
        raise ParseError("a signature has one arrow", text, (second, second + 2), hint='as in "n, m -> o"')
    if "," in text[arrow:]:
        comma = text.index(",", arrow)
        hint = "write the axes with spaces between them; a module with two outputs is two modules"
        raise ParseError("a module has one output", text, (comma, comma + 1), hint=hint)
    inputs = []
    start = 0
    for part in text[:arrow].split(","):
        stop = start + len(part)
        if not part.strip() and "," in text[:arrow]:
            raise ParseError("expected the shape of an input", text, (start, stop), hint="a scalar among them is ()")
        inputs.append(parse_dims(text, start, stop))
        start = stop + 1
    return ModuleDecl(tuple(inputs), parse_dims(text, arrow + 2, len(text)))


def _dimension(value: object) -> Dim:
    """One dimension, given as an int, a text, or an expression of SymPy."""
    if isinstance(value, str):
        return parse_dim(value)
    if hasattr(value, "free_symbols") and not hasattr(value, "shape"):
        return parse_dim(str(value))
    try:
        if isinstance(value, bool):
            raise TypeError
        size = operator.index(value)  # type: ignore[arg-type]  # what is no integer raises TypeError
    except TypeError:
        hint = 'write a shape as text ("o n"), or as a tuple of names and integers (("o", 3))'
        raise ShapeError(f"a value of type {type(value).__name__} is not a shape", hint=hint) from None
    if size < 1:
        raise ShapeError(f"a dimension is at least 1, not {size}")
    return size
