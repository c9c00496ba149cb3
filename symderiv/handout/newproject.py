"""A new project of handouts: two sheets, and how to build them. Its files are in the folder ``template``."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from symderiv.errors import SymderivError

FILES = ("sheets/01_layer.py", "sheets/02_exercises.py", "sheets/notation.toml", "README.md", "Makefile", ".gitignore")


def new(folder: str | Path) -> list[Path]:
    """Write a project into a folder that isn't there or is empty; raises SymderivError for any other."""
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise SymderivError(f"'{folder}' is a file", hint="give a directory that isn't there yet")
    if target.is_dir() and any(target.iterdir()):
        raise SymderivError(f"'{folder}' isn't empty", hint="give a directory that isn't there yet: nothing is overwritten")
    shapes = files("symderiv.handout") / "template"
    made = []
    for name in FILES:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((shapes / (name.lstrip(".") + ".txt")).read_text(encoding="utf-8"), encoding="utf-8")
        made.append(path)
    return made
