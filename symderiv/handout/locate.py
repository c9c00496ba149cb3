"""Where in a source's file the text stands that an error is about, to the line and column.

A source holds formulas as strings; a call's own place is the line where it begins, which may be far from them.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from symderiv.errors import SymderivError, nearest
from symderiv.handout.calls import Place


def located(error: SymderivError, place: Place) -> Place:
    """The place of the guilty text of an error; ``place`` itself where the text isn't found in the file."""
    if error.text is None or error.span is None:
        return place
    try:
        source = Path(place.file).read_text(encoding="utf-8")
        strings = [(n, n.value) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    except (OSError, SyntaxError, ValueError):
        return place
    text, (at, _) = error.text, error.span
    holding = [(n, value) for n, value in strings if text in value]
    if not holding:
        return place
    found, value = min(holding, key=lambda one: (one[1] != text, abs(one[0].lineno - place.line)))
    start = text.rfind("\n", 0, at) + 1
    line = re.split(r"[\r\n]", text[start:], maxsplit=1)[0]
    rows = source.splitlines()[found.lineno - 1 : found.end_lineno]
    skipped = 0 if len(rows) == 1 else value[: value.find(text) + start].count("\n")
    for shown, before in _spellings(line, at - start):
        for number, row in enumerate(rows[skipped:], found.lineno + skipped):
            if shown and shown in row:
                return replace(place, line=number, column=row.index(shown) + len(before) + 1)
    return replace(place, line=min(found.lineno + skipped, found.end_lineno or found.lineno))


def told(error: SymderivError, place: Place) -> tuple[Place, str]:
    """The place of an error, and its message: the line and column are then those of the file."""
    found = located(error, place)
    inside = f" (line {error.line}, column {error.column})"
    return found, str(error).replace(inside, "", 1) if found.column else str(error)


def said(error: Exception, known: Mapping[str, Any]) -> str:
    """What a source's error says; of a call that doesn't fit its function, what is wrong with it, and how it is called.

    >>> def f(x, *, size=1): ...
    >>> said(TypeError("f() got an unexpected keyword argument 'siez'"), {"f": f})
    "f has no 'siez='\\ndid you mean 'size'?"
    >>> said(TypeError("f() missing 1 required positional argument: 'x'"), {"f": f})
    "f needs 'x'\\nit is called as f(x, …)"
    """
    found = re.match(r"(?:\S+\.)?(\w+)\(\) (got an unexpected keyword argument|missing|takes) (.*)", str(error))
    function = known.get(found[1]) if found else None
    if found is None or not callable(function):
        return f"{type(error).__name__}: {error}"
    name, what, rest = found.groups()
    if what == "takes":
        return f"{name} takes {rest}\n{_called(name, function)}"
    quoted = re.findall(r"'(\w+)'", rest)
    if what == "missing":
        sign = "=" if "keyword-only" in rest else ""
        missing = " and ".join(f"'{one}{sign}'" for one in quoted)
        return f"{name} needs {missing}" + ("" if sign else f"\n{_called(name, function)}")
    names = [p.name for p in inspect.signature(function).parameters.values() if p.kind in _BY_NAME]
    others = f"it has {', '.join(names)}" if names else "it has no keywords"
    close = nearest(quoted[0], names)
    return f"{name} has no '{quoted[0]}='\n" + (f"did you mean '{close}'?" if close else others)


_BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _called(name: str, function: Any) -> str:
    """How a function is called: what it needs, and whether it takes more."""
    every = list(inspect.signature(function).parameters.values())
    needed = [p.name for p in every if p.default is p.empty and p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
    return f"it is called as {name}({', '.join([*needed, *(['…'] if len(needed) < len(every) else [])])})"


def marked(message: str, text: str, column: int) -> str:
    """A message with the line that it is about, and a caret below.

    >>> print(marked("invalid syntax", "  x = = 2", 7))
    invalid syntax
        x = = 2
            ^
    """
    before = len(text) - len(text.lstrip())
    return f"{message}\n    {text.strip()}\n    {' ' * max(column - 1 - before, 0)}^"


def _spellings(line: str, column: int) -> list[tuple[str, str]]:
    """(the line, what stands before the column in it), as it may be written in a string."""
    plain, doubled = (line, line[:column]), (line.replace("\\", "\\\\"), line[:column].replace("\\", "\\\\"))
    return [plain, doubled]


__all__ = ["located", "marked", "told"]
