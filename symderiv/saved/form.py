"""Reading a document strictly: each piece knows where it stands, so that an error can say it."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symderiv.errors import SymderivError, clip

LONGEST_NAME = 200
LONGEST_NUMBER = 10_000
LONGEST_TEXT = 1_000_000
_SHOWN = 60
_FRACTION = re.compile(r"-?[0-9]+(/[0-9]+)?")


class SavedError(SymderivError):
    """A saved derivation that can't be read: not in the format, of another version, or changed since it was written."""


def compact(value: Any) -> str:
    """JSON on one line, keys in order; one text for one value.

    >>> compact({"b": 1, "a": [True, None]})
    '{"a":[true,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


@contextmanager
def guarded(where: str, what: str) -> Iterator[None]:
    """What goes wrong inside is the document's fault, and told as such."""
    try:
        yield
    except SavedError:
        raise
    except SymderivError as error:
        raise SavedError(f"{where}: {what}: {error.message}", hint=error.hint) from None
    except (LookupError, TypeError, ValueError, AttributeError, AssertionError, ArithmeticError, RecursionError) as error:
        raise SavedError(f"{where}: {what}", hint=f"({type(error).__name__})") from None


@dataclass(frozen=True)
class Piece:
    """A value of the document and its place.

    >>> Piece({"a": 3}, "the top").fields("a")["a"].integer(0, 9)
    3
    """

    value: Any
    where: str

    def wrong(self, expected: str) -> SavedError:
        try:
            found = clip(compact(self.value), _SHOWN)
        except (RecursionError, ValueError):
            found = type(self.value).__name__
        return SavedError(f"{self.where}: expected {expected}, found {found}")

    def fields(self, *names: str) -> dict[str, Piece]:
        """The values of an object that has exactly these fields."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        missing = [name for name in names if name not in self.value]
        if missing:
            raise SavedError(f"{self.where}: the field '{missing[0]}' is missing")
        unknown = sorted(self.value.keys() - set(names))
        if unknown:
            raise SavedError(f"{self.where}: the field '{clip(unknown[0])}' isn't known")
        return {name: Piece(self.value[name], f"{self.where}.{name}") for name in names}

    def kind(self, field: str) -> str:
        """The text in one field of an object, whatever the others are."""
        if not isinstance(self.value, dict) or not isinstance(self.value.get(field), str):
            raise self.wrong(f"an object with a text as its '{field}'")
        return str(self.value[field])

    def items(self, most: int) -> list[Piece]:
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        if len(self.value) > most:
            raise SavedError(f"{self.where}: {len(self.value)} entries, more than {most}")
        return [Piece(item, f"{self.where}[{k}]") for k, item in enumerate(self.value)]

    def integer(self, least: int, most: int) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not least <= self.value <= most:
            raise self.wrong(f"a whole number from {least} to {most}" if least <= most else "nothing: there is none")
        return self.value

    def text(self, longest: int = LONGEST_TEXT) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        if len(self.value) > longest:
            raise SavedError(f"{self.where}: a text of {len(self.value)} characters, more than {longest}")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def fraction(self) -> Fraction:
        text = self.text(LONGEST_NUMBER)
        if not _FRACTION.fullmatch(text):  # 1e999999999 would be worked out
            raise self.wrong("a fraction")
        with guarded(self.where, "expected a fraction"):
            found = Fraction(text)
        if str(found) != text:
            raise self.wrong("a fraction in lowest terms")
        return found

    def nothing(self) -> bool:
        return self.value is None


def parse_document(text: str, longest: int) -> Any:
    """The JSON value of a text; SavedError for what isn't JSON, has a key twice, or is too long."""
    if not isinstance(text, str):
        raise SavedError(f"a text is read here, not a value of type {type(text).__name__}")
    if len(text) > longest:
        raise SavedError(f"{len(text)} characters, more than {longest}")
    try:
        return json.loads(text, object_pairs_hook=_no_key_twice, parse_constant=_no_constant, parse_float=_no_float)
    except json.JSONDecodeError as error:
        place = min(error.pos, len(text))
        raise SavedError(f"not JSON: {error.msg}", text, (place, place + 1)) from None
    except RecursionError:
        raise SavedError("not a saved derivation: nested too deeply", text, (0, 1)) from None
    except ValueError as error:
        raise SavedError(f"not a saved derivation: {error}") from None


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise SavedError("not a saved derivation: a field stands twice in one object")
    return found


def _no_constant(text: str) -> Any:
    raise SavedError(f"not a saved derivation: {text} isn't a number of it")


def _no_float(text: str) -> Any:
    raise SavedError(f"not a saved derivation: numbers are whole, or fractions as text; found {clip(text)}")
