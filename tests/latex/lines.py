"""A whole derivation, read line by line from its LaTeX: names are what their lines say, and each line keeps the value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.latex.reader import Unread, read
from tests.latex.values import as_entries, as_matrix

NAME = re.compile(r"\\?[A-Za-z]+(?:_(?:\{\w+\}|\w))?")
HOLE = re.compile(r"\\partial|\\mathrm\{d\}\(|\\nabla")


class WrongLineError(AssertionError):
    """A line whose value isn't the one before."""


def rows(latex: str) -> list[tuple[str, str]]:
    """(left, right) of each line; the left of one that goes on is that of the line before."""
    body = latex.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}")
    found, left = [], ""
    for line in body.split("\\\\\n"):
        first, _, right = line.partition("&&")[0].partition("&=")
        left = first.strip() or left
        found.append((left, right.strip()))
    return found


def read_lines(latex: str, values: Mapping[str, Any], ends: Mapping[str, np.ndarray], seen: Counter[str]) -> None:
    """Read all lines of matrix or differential notation; what begins with a key of ``ends`` has that value."""
    known = dict(values)
    first: dict[str, np.ndarray] = {}
    for left, right in rows(latex):
        if HOLE.search(right):
            seen["with a derivative still in it"] += 1
            continue
        names = frozenset(plain(k) for k in known if "_" in plain(k))
        end = next((value for key, value in ends.items() if left.startswith(key)), None)
        is_name = bool(NAME.fullmatch(left))
        if end is None and not is_name:
            seen["left sides that aren't read"] += 1
            continue
        try:
            with np.errstate(all="ignore"):
                node = read(right, names)
                shape = end.shape if end is not None else np.shape(first[left]) if left in first else None
                value = as_matrix(node, known, shape) if shape is not None else natural(node, known)
        except Unread as sign:
            seen[f"not read: {str(sign)[:30]}"] += 1
            continue
        target = end if end is not None else first.setdefault(left, value)
        if not np.allclose(value, target, rtol=1e-7, atol=1e-7, equal_nan=True):
            raise WrongLineError(f"{left} = {right}\n{value}\ninstead of\n{target}")
        seen["lines that hold" if end is not None or left in known else "names"] += 1
        if is_name and end is None:
            known[plain(left)] = value


def natural(node: Any, values: Mapping[str, Any]) -> np.ndarray:
    """A value of the shape that it has by itself: a column is a vector."""
    from tests.latex.values import Matrices

    m = Matrices(values).value(node)
    if any(m.open) or m.identity:
        raise Unread("a name of unknown size")
    return m.a[0, 0] if m.scalar else m.a[:, 0] if m.a.shape[1] == 1 else m.a


def plain(left: str) -> str:
    """W_{10} as W_10, \\delta_1 as delta_1: as the reader calls them."""
    return left.lstrip("\\").replace("{", "").replace("}", "")


__all__ = ["WrongLineError", "as_entries", "read_lines", "rows"]
