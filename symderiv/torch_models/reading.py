"""Values and lines while a model is read: each of its operations becomes a line of a program in the notation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symderiv.dims import Dim
from symderiv.errors import NoRuleError
from symderiv.frontend.build_text import build_text
from symderiv.frontend.environment import declare
from symderiv.network_text import Writer

_PLACE = re.compile(r"\{(\d+)\}")


@dataclass(frozen=True)
class Value:
    """What a node of the graph is: a text of the program, and its shape."""

    text: str
    shape: tuple[Dim, ...]


@dataclass
class Reading:
    """A program being read: the writer of its lines, the arrays of the model, and which symbol each of them is."""

    writer: Writer
    arrays: dict[str, Any] = field(default_factory=dict)  #: NumPy arrays by symbol
    names: dict[str, str | tuple[str, ...]] = field(default_factory=dict)  #: symbols by torch's parameter names
    known: dict[str, Value] = field(default_factory=dict)

    def symbol(self, path: str, array: Any, learnt: bool, part: str = "") -> Value:
        """A parameter or buffer of the model, or a part of one; declared when it is first met."""
        name = symbol_name(path) + (f"_{part}" if part else "")
        if name not in self.known:
            self.writer.declare(name, tuple(array.shape), learnt=learnt)
            self.arrays[name] = array
            self.known[name] = Value(name, tuple(array.shape))
            if part:
                before = self.names.get(path, ())
                self.names[path] = (*(before if isinstance(before, tuple) else ()), name)
            else:
                self.names[path] = name
        return self.known[name]

    def line(self, letter: str, text: str, *values: Value) -> Value:
        """A line of the program; ``values`` are all that its text speaks of, whose shapes give the line's."""
        known = {_stand_in(v.text): _declared(v.shape) for v in values}
        made, _ = build_text(_PLACE.sub(lambda m: f"line_{m[1]}_", text), declare(known))
        return Value(self.writer.line(letter, text), made.shape)


def _stand_in(text: str) -> str:
    return _PLACE.sub(lambda m: f"line_{m[1]}_", text)


def _declared(shape: Sequence[Dim]) -> str:
    return " ".join(str(d) for d in shape)


def symbol_name(path: str) -> str:
    """A name for torch's ``0.weight``: one that the notation can read.

    >>> symbol_name("fc1.weight"), symbol_name("0.bias"), symbol_name("layers.2.weight")
    ('fc1_weight', 'm0_bias', 'layers_2_weight')
    """
    name = re.sub(r"\W", "_", path)
    return name if name.isidentifier() and not name.startswith("_") else f"m{name.lstrip('_')}"


def number(value: Any) -> str:
    """A number as the notation writes it.

    >>> number(2), number(1e-5), number(-0.5)
    ('2', '1e-05', '(-0.5)')
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value in (float("inf"), -float("inf")):
        raise NoRuleError(f"{value!r} is no number of the notation")
    return f"({value!r})" if value < 0 else repr(value)


def text_of(value: Any) -> str:
    """A value or a number as text."""
    return value.text if isinstance(value, Value) else number(value)


def axis_text(dim: Any) -> str:
    """torch's dim= as the notation's axis=."""
    if dim is None or isinstance(dim, int) or (isinstance(dim, tuple | list) and all(isinstance(d, int) for d in dim)):
        return repr(tuple(dim) if isinstance(dim, list) else dim)
    raise NoRuleError(f"dim={dim!r} is no axis")


def only(given: Mapping[str, Any], what: str, **expected: Any) -> None:
    """Refuses a setting that would change the result, and isn't read: each must be the one expected, or absent."""
    for name, value in expected.items():
        found = given.get(name, value)
        if found is not value and found != value:
            raise NoRuleError(f"{what} with {name}={found!r} can't be read", hint=f"only {name}={value!r} is")
