"""The errors that users meet: one tree, and each error shows the user's own text.

An error is raised with a message where something is found to be wrong, perhaps deep in the core, which knows nothing
of the text. The front end, which does, adds the text and the span of the guilty part with ``with_source``.

>>> print(ParseError("'(' is never closed", "tanh(W @ x", (4, 5), hint="close it with ')'"))
'(' is never closed (line 1, column 5)
    tanh(W @ x
        ^
close it with ')'
"""

from __future__ import annotations

import difflib
import re
import traceback
import unicodedata
from collections.abc import Iterable
from typing import TypeVar

Span = tuple[int, int]

_LINE_END = re.compile(r"\r\n|\n|\r")
_WIDEST_LINE = 100


class SymderivError(Exception):
    """The root of the tree; catch it to catch every error that symderiv raises on purpose.

    ``message`` says what is wrong, ``text`` and ``span`` (start and end offsets) where, ``hint`` what to do.
    """

    def __init__(self, message: str, text: str | None = None, span: Span | None = None, *, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.text = text
        self.span = span
        self.hint = hint

    @property
    def line(self) -> int | None:
        """The line, counted from 1, or None where the error has no source."""
        return None if self.text is None or self.span is None else _locate(self.text, self.span[0])[0]

    @property
    def column(self) -> int | None:
        """The column, counted from 1 in characters, or None where the error has no source."""
        return None if self.text is None or self.span is None else _locate(self.text, self.span[0])[1]

    def __str__(self) -> str:
        parts = [self.message]
        if self.text is not None and self.span is not None:
            parts[0] += f" (line {self.line}, column {self.column})"
            parts.extend(_excerpt(self.text, self.span))
        elif self.text is not None:
            parts.append(f"    {clip(self.text, _WIDEST_LINE)}")
        if self.hint:
            parts.append(self.hint)
        return "\n".join(parts)

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the lines of its cells, and the message; where it was found inside tells the reader nothing."""
        frames = traceback.walk_tb(self.__traceback__)
        lines = [number for frame, number in frames if frame.f_globals.get("__name__") == "__main__"]
        return [*(f"line {number} of the cell" for number in lines[:1]), f"{type(self).__name__}: {self}"]


class ParseError(SymderivError):
    """The text isn't in the notation; it has a line, a column and a caret."""


class ShapeError(SymderivError):
    """Shapes don't fit, of expressions or of arrays; the message names both, ``shapes`` holds them."""

    def __init__(
        self,
        message: str,
        text: str | None = None,
        span: Span | None = None,
        *,
        hint: str | None = None,
        shapes: tuple[tuple[int | str, ...], ...] = (),
    ):
        super().__init__(message, text, span, hint=hint)
        self.shapes = shapes


class UnknownNameError(SymderivError):
    """A name that nobody declared.

    >>> print(UnknownNameError.among("sofmax", ["softmax", "tanh"], kind="function"))
    unknown function 'sofmax'
    did you mean 'softmax'?
    """

    @classmethod
    def among(cls, name: str, known: Iterable[str], kind: str = "name", advice: str | None = None) -> UnknownNameError:
        """The error for ``name``, which isn't among the ``known`` ones, with the nearest of them as its hint."""
        close = nearest(name, known)
        return cls(f"unknown {kind} '{clip(name)}'", hint=f"did you mean '{close}'?" if close else advice)


class NoRuleError(SymderivError):
    """No rule says how to differentiate or transform this; the message names the function, the hint what to do."""


class AssumptionError(SymderivError):
    """An assumption that isn't known, that contradicts another, or that is about a missing symbol."""


class NoMatchingLossError(SymderivError):
    """The module has no matching loss; the message says why."""


class TooLargeError(SymderivError):
    """The result would be too large; the message says how large, the hint what to do instead."""


class EvaluationError(SymderivError):
    """Arrays for an evaluation are missing, superfluous or of a wrong kind."""


AnyError = TypeVar("AnyError", bound=SymderivError)


def with_source(error: AnyError, text: str, span: Span | None = None) -> AnyError:
    """The same error, which from now on shows ``text``; a source that it already has is kept (the innermost wins).

    >>> print(with_source(ShapeError("o×n @ m: n is not m"), "tanh(W @ x)", (5, 10)))
    o×n @ m: n is not m (line 1, column 6)
        tanh(W @ x)
             ^^^^^
    """
    if error.text is None:
        error.text, error.span = text, span
    return error


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like ``name``, or None.

    >>> nearest("Softmax", ["log_softmax", "softmax"]), nearest("tahn", ["tan", "tanh"])
    ('softmax', 'tanh')
    """
    candidates = sorted(set(known))
    folded = name[:60].lower()
    for like in (str, sorted):                                  # the same but for capitals; the same letters, some exchanged
        for candidate in candidates:
            if like(candidate.lower()) == like(folded) and (like is str or len(folded) > 2):
                return candidate
    close = difflib.get_close_matches(folded, [candidate.lower() for candidate in candidates], n=1, cutoff=0.6)
    return next((candidate for candidate in candidates if close and candidate.lower() == close[0]), None)


def clip(text: str, width: int = 40) -> str:
    """``text`` on one line, of at most ``width`` characters.

    >>> clip("a very long text", 8)
    'a very …'
    """
    line = _printable(" ".join(text[: 2 * width + 2].split()))
    return line if len(line) <= width and len(text) <= 2 * width + 2 else line[: width - 1] + "…"


def _locate(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1."""
    line, start = 1, 0
    for ending in _LINE_END.finditer(text, 0, min(max(offset, 0), len(text))):
        line, start = line + 1, ending.end()
    return line, max(offset - start, 0) + 1


def _excerpt(text: str, span: Span) -> tuple[str, str]:
    """The line of the user's text where ``span`` starts, and the carets below it; a long line is cut on both sides."""
    column = _locate(text, span[0])[1] - 1
    start = span[0] - column
    ending = _LINE_END.search(text, start)
    line = _printable(text[start : ending.start() if ending else len(text)])
    stop = min(max(column + span[1] - span[0], column + 1), max(len(line), column + 1))
    if len(line) > _WIDEST_LINE:
        left = max(0, min(column - _WIDEST_LINE // 3, len(line) - _WIDEST_LINE))
        right = left + _WIDEST_LINE
        before, after = "…" if left else "", "…" if right < len(line) else ""
        line = before + line[left:right] + after
        column, stop = column - left + len(before), min(stop, right) - left + len(before)
    return f"    {line}", "    " + " " * _width(line[:column]) + "^" * max(_width(line[column:stop]), 1)


def _printable(text: str) -> str:
    """``text`` with control and formatting characters as spaces, so that a caret below it stands where it should."""
    return "".join(character if character.isprintable() else " " for character in text)


def _width(text: str) -> int:
    """The columns that a terminal gives to ``text``."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)
