"""PDF sheets through pdflatex, where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from symderiv.errors import SymderivError

MISSING = "pdflatex wasn't found, so no PDF was made; on Debian: apt-get install texlive-latex-recommended lmodern"
_SECONDS = 120
_WARNING = re.compile(r"Warning:|pdfTeX warning|(?:Over|Under)full|Missing character")


class SheetError(SymderivError):
    """LaTeX refused a sheet; the message is LaTeX's own."""


@dataclass(frozen=True)
class Report:
    """What came of a sheet: the file (None without pdflatex), LaTeX's warnings, one line on what to install."""

    path: Path | None
    warnings: tuple[str, ...] = ()
    advice: str = ""


def pdf(tex: str, path: Path | str) -> Report:
    """Compile a LaTeX text to ``path``, in a directory of its own; the same text gives the same bytes."""
    program = shutil.which("pdflatex")
    if program is None:
        return Report(None, advice=MISSING)
    path = Path(path)
    with tempfile.TemporaryDirectory(prefix="symderiv-") as name:
        work = Path(name)
        (work / "sheet.tex").write_text(tex, encoding="utf-8")
        log = _compile(program, work)
        for _ in range(2):
            if "Rerun" not in log and "No file sheet.out" not in log and "No file sheet.aux" not in log:
                break
            log = _compile(program, work)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(work / "sheet.pdf", path)
    return Report(path, warnings(log))


def warnings(log: str) -> tuple[str, ...]:
    """The warnings in a log of LaTeX, each in one line.

    >>> warnings("Overfull \\\\hbox (3.1pt too wide)\\nLaTeX Font Info: nothing")
    ('Overfull \\\\hbox (3.1pt too wide)',)
    """
    return tuple(line.strip() for line in log.splitlines() if _WARNING.search(line))


def _compile(program: str, work: Path) -> str:
    command = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "sheet.tex"]
    steady = {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1", "max_print_line": "1000"}
    try:
        done = subprocess.run(
            command,
            cwd=work,
            env=os.environ | steady,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SheetError(f"pdflatex didn't end within {_SECONDS} s") from None
    logfile = work / "sheet.log"
    log = logfile.read_text(encoding="utf-8", errors="replace") if logfile.exists() else done.stdout.decode("latin-1")
    if done.returncode:
        found = re.search(r"^!.*(?:\n.*){0,3}", log, re.MULTILINE)
        raise SheetError("pdflatex refused the sheet: " + (found[0] if found else log[-300:]).strip())
    return log
