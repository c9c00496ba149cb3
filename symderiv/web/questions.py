"""What the page asks: plain data from outside, which is hostile until it has been read here.

>>> question = read({"text": "W @ h", "wrt": "h", "shapes": {"W": "o n"}})
>>> question.text, question.wrt, question.kind, question.shapes
('W @ h', ('h',), 'auto', {'W': 'o n'})
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from symderiv.errors import SymderivError, TooLargeError, clip

LONGEST_TEXT = 10_000
LONGEST_FIELD = 1_000
MOST_SHAPES = 200
MOST_NAMES = 50
HIGHEST_ORDER = 4


class FieldError(SymderivError):
    """A field of the form that can't be used; ``field`` is its name."""

    def __init__(self, field: str, message: str, *, hint: str | None = None):
        super().__init__(message, hint=hint)
        self.field = field


@dataclass(frozen=True)
class Question:
    """One question: the form's fields, each of a size that can be worked on."""

    text: str
    kind: str = "auto"
    wrt: tuple[str, ...] = ()
    shapes: Mapping[str, str] = field(default_factory=dict)
    assume: str = ""
    order: int = 2
    at: str = ""
    other: str = ""
    form: str = ""

    def key(self) -> tuple[Any, ...]:
        """What makes two questions the same."""
        return (self.text, self.kind, self.wrt, tuple(self.shapes.items()), self.assume, self.order, self.at, self.other)


def read(data: object) -> Question:
    """The question that data from outside asks; raises FieldError, or TooLargeError, for what can't be one."""
    if not isinstance(data, Mapping):
        raise SymderivError("a question is an object with fields")
    text = _text(data, "text", LONGEST_TEXT)
    if not text.strip():
        raise FieldError("text", "there is no formula yet", hint="write one, such as softmax(W @ h + b)")
    names = tuple(dict.fromkeys(n for n in re.split(r"[\s,]+", _text(data, "wrt", LONGEST_FIELD)) if n))
    if len(names) > MOST_NAMES:
        raise FieldError("wrt", f"at most {MOST_NAMES} variables at once", hint="ask for some of them")
    return Question(
        text,
        _text(data, "kind", 40) or "auto",
        names,
        _shapes(data.get("shapes") or {}),
        _text(data, "assume", LONGEST_FIELD),
        _order(data.get("order")),
        _text(data, "at", LONGEST_FIELD).strip(),
        _text(data, "other", LONGEST_TEXT),
        _text(data, "form", 40),
    )


def _text(data: Mapping[str, Any], name: str, longest: int) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FieldError(name, "this field is a text")
    if len(value) > longest:
        hint = "derive a part of it, or use the Python package"
        raise TooLargeError(f"this text has {len(value):,} characters; the page takes {longest:,}", hint=hint)
    return value.replace("\r\n", "\n")


def _shapes(given: object) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise FieldError("shapes", "shapes are given by name")
    if len(given) > MOST_SHAPES:
        raise TooLargeError(f"{len(given)} shapes; the page takes {MOST_SHAPES}")
    found: dict[str, str] = {}
    for name, shape in given.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise FieldError("shapes", f"'{clip(str(name))}' is no name of a symbol")
        if not isinstance(shape, str) or len(shape) > LONGEST_FIELD:
            raise FieldError(f"shape-{name}", f"the shape of '{clip(name)}' isn't a short text", hint='write "o n"')
        found[name] = "" if shape.strip() in ("()", "scalar") else shape.strip()
    return found


def _order(value: object) -> int:
    if value is None or value == "":
        return 2
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 5:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= HIGHEST_ORDER:
        raise FieldError("order", f"the order is a whole number from 1 to {HIGHEST_ORDER}")
    return value


__all__ = ["FieldError", "Question", "read"]
