"""The literature that rules, functions and losses are from, as BibTeX: ``references.bib`` is the table.

A row of another table names its source in a text, as in "Hendrycks & Gimpel 2016, the tanh approximation"; an entry of
the literature says in its field ``cited`` how it is named there. To add a source, add an entry.

>>> keys("Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017 (swish)")
('elfwing2018', 'ramachandran2017')
>>> keys("numpy.linalg.inv")
()
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

_CITED = re.compile(r"^  cited = \{(.*)\},\n", re.MULTILINE)


@dataclass(frozen=True)
class Reference:
    """An entry: its key, how sources name it, its text without that."""

    key: str
    cited: str
    text: str


@cache
def references() -> tuple[Reference, ...]:
    """Every entry, in the order of the keys."""
    whole = resources.files("symderiv.handout").joinpath("references.bib").read_text(encoding="utf-8")
    found = []
    for text in whole.strip().split("\n\n"):
        key, cited = re.match(r"@\w+\{(\w+),", text), _CITED.search(text)
        assert key and cited, text
        found.append(Reference(key[1], cited[1], _CITED.sub("", text)))
    return tuple(found)


def keys(source: str) -> tuple[str, ...]:
    """The keys of what a source names, in its order."""
    places = [(at.start(), one.key) for one in references() if (at := re.search(rf"(?<!\w){re.escape(one.cited)}(?!\w)", source))]
    return tuple(key for _, key in sorted(places))


def bibtex(wanted: Iterable[str]) -> str:
    """The entries of these keys, in the order of the keys."""
    chosen = set(wanted)
    return "\n\n".join(one.text for one in references() if one.key in chosen) + "\n"


__all__ = ["Reference", "bibtex", "keys", "references"]
