"""The output formats by name. A new file in ``writers`` is a new format; nothing else has to be told.

>>> sorted(names())
['fragment', 'html', 'markdown', 'myst', 'notebook', 'plain', 'slides', 'tex']
>>> get("html").extension
'.html'
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from symderiv.errors import UnknownNameError
from symderiv.handout import writers
from symderiv.handout.model import Page


@dataclass(frozen=True)
class Format:
    """A format: its name, the ending of its files, how a list of sheets calls it (empty: as the sheet itself), what
    writes a page in it, and the files beside it."""

    name: str
    extension: str
    label: str
    write: Callable[[Page], str]
    files: Callable[[Page], Mapping[str, str]] = lambda page: {}


def names() -> tuple[str, ...]:
    """The names of all formats."""
    return tuple(module.name for module in pkgutil.iter_modules(writers.__path__))


def get(name: str) -> Format:
    """The format of that name; its writer is imported only now."""
    if name not in names():
        raise UnknownNameError.among(name, names(), kind="format", advice="formats: " + ", ".join(names()))
    module = importlib.import_module(f"{writers.__name__}.{name}")
    return Format(name, module.EXTENSION, getattr(module, "LABEL", name), module.write, getattr(module, "files", lambda page: {}))
