"""Identifiers for generated code: safe, readable, never twice the same."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable

RESERVED = frozenset({"np", *keyword.kwlist, *keyword.softkwlist, *dir(builtins)})


def identifier(text: str) -> str:
    """A Python identifier like the text.

    >>> [identifier(x) for x in ("W1", "x y", "z'", "2u", "δ_z", "__import__")]
    ['W1', 'x_y', 'z_prime', 'v2u', 'δ_z', 'v_import__']
    """
    name = unicodedata.normalize("NFKC", text[:200].replace("'", "_prime"))
    name = re.sub(r"\W+", "_", name)[:40]
    if name.startswith("_"):
        name = "v" + re.sub("^_+", "_", name)
    if not name or not name.isidentifier():
        name = "v" + name if ("v" + name).isidentifier() else "v"
    return name


class Names:
    """The names taken so far."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = {*RESERVED, *taken}

    def fresh(self, text: str) -> str:
        """The identifier for a text, with ``_`` or a number behind it where it is taken."""
        base = identifier(text)
        name = base
        count = 1
        while name in self.taken:
            count += 1
            name = f"{base}_" if count == 2 and base in RESERVED else f"{base}_{count}"
        self.taken.add(name)
        return name
