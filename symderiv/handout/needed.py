"""What a source takes from the files beside it: the notation, and Python files of its folder that it imports.

Helpers whose names begin with an underscore are no sources themselves: ``from _shapes import NET`` in a sheet reads
``_shapes.py`` beside it.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from symderiv.handout.respell import FILE


def needed(source: Path) -> list[Path]:
    """The files that a source is built from, itself first: those that are there."""
    found: dict[Path, None] = {}
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = None
            waiting += _imported(path, source.parent)
    notation = source.parent / FILE
    return [*found, *([notation] if notation.is_file() else [])]


def _imported(path: Path, folder: Path) -> list[Path]:
    """The files of the folder that a Python file imports; none where it can't be read."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    files: list[Path] = []
    for name in dict.fromkeys(_names(tree)):
        base = folder.joinpath(*name.split("."))
        files += [file for file in (base.with_name(base.name + ".py"), base / "__init__.py") if file.is_file()]
    return files


def _names(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that may be a module, with those above it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            wanted = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in wanted:
            parts = name.split(".")
            yield from (".".join(parts[:k]) for k in range(1, len(parts) + 1))


@contextmanager
def beside(source: Path) -> Iterator[None]:
    """Inside, files of the source's folder can be imported, after all else that has their names; nothing of them stays."""
    folder, wrote, known = str(source.parent.resolve()), sys.dont_write_bytecode, set(sys.modules)
    sys.path.append(folder)
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = wrote
        sys.path.remove(folder)
        for name in set(sys.modules) - known:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
                del sys.modules[name]


__all__ = ["beside", "needed"]
