"""Sources as files: run as Python runs them, and what they bind is taken; what goes wrong is told at its file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from symderiv.errors import SymderivError
from symderiv.handout import source as language
from symderiv.handout.calls import Place, SourceError
from symderiv.handout.lemmas import Appendix, of_sheet
from symderiv.handout.locate import marked, said, told
from symderiv.handout.needed import beside
from symderiv.handout.source import Handout


def load(path: Path) -> Handout:
    """The sheet that a source binds; raises SourceError at its file and line."""
    found = _bound(path).get("sheet")
    if not isinstance(found, Handout):
        raise SourceError(Place(str(path), 1), "it binds no `sheet = handout(...)`")
    return found


def load_appendix(path: Path) -> Appendix:
    """The appendix that a source binds, or the derivations of its sheet as one; raises SourceError at its file and line."""
    space = _bound(path)
    found = next((value for value in space.values() if isinstance(value, Appendix)), None)
    if found is None and isinstance(space.get("sheet"), Handout):
        found = of_sheet(space["sheet"].items())
    if found is None or not found.lemmas:
        raise SourceError(Place(str(path), 1), "it binds no `paper = appendix(lemma(...), ...)`")
    return found


def _bound(path: Path) -> dict[str, Any]:
    """The names that a source binds."""
    place = Place(str(path), 1)
    space: dict[str, Any] = {"__name__": f"derivations.{path.stem}", "__file__": str(path)}
    try:
        with beside(path):
            exec(compile(path.read_bytes(), str(path), "exec"), space)      # as Python reads it: a mark or a line may say how
    except SyntaxError as error:                                # of the source, or of a file that it imports
        message = marked(error.msg, error.text, error.offset or 1) if error.text else error.msg
        raise SourceError(Place(error.filename or str(path), error.lineno or 1, error.offset or 0), message) from None
    except OSError as error:
        raise SourceError(place, f"it can't be read: {error.strerror}") from None
    except SymderivError as error:
        raise SourceError(*told(error, _raised_at(error, path))) from error
    except SystemExit as error:
        raise SourceError(_raised_at(error, path), "it ends the program, so no sheet comes of it") from error
    except Exception as error:
        raise SourceError(_raised_at(error, path), said(error, vars(language) | space)) from error
    return space


def _raised_at(error: BaseException, path: Path) -> Place:
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return Place(str(path), line)


__all__ = ["load", "load_appendix"]
