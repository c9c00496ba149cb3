"""Builds handouts: every source becomes a page in each format, and an index lists them all.

Sheets are built side by side, each in a process of its own; what goes wrong in one is told at its file and line, and the
others are built all the same. The same sources give the same bytes.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from symderiv.errors import SymderivError, UnknownNameError
from symderiv.handout.blocks import pages
from symderiv.handout.formats import get, names
from symderiv.handout.load import load
from symderiv.handout.locate import told
from symderiv.handout.model import Page, Section, Table
from symderiv.handout.pdf import pdf
from symderiv.handout.respell import respelled, spelling_of
from symderiv.handout.source import Place, SourceError
from symderiv.handout.writers.tex import preamble
from symderiv.render.notation import using

FORMATS = ("html", "tex", "markdown", "pdf")
_ALSO: dict[str, tuple[str, ...]] = {"tex": ("tex", "fragment"), "pdf": ()}
_OURS = ("index", "preamble")
"""names of the files that `frame` writes"""
_WORKERS = 2


@dataclass(frozen=True)
class Built:
    """What came of a source: its title and summary, the files written, what went wrong, and what to know."""

    source: str
    slug: str
    title: str = ""
    summary: str = ""
    files: tuple[str, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()


def main_build(
    paths: Sequence[str | Path], out: str | Path, formats: Sequence[str] = FORMATS, lecturer: str | Path | None = None, variants: int = 1
) -> int:
    """Build for the command line: errors and notes go to stderr, what was written to stdout; 1 if a sheet failed."""
    found = build(paths, out, formats, sys.stderr, lecturer, variants)
    complain(found)
    done = [sheet for sheet in found if not sheet.error]
    print(f"{len(done)} of {len(found)} handouts in {out}" + (f", with solutions in {lecturer}" if lecturer else ""))
    return 0 if len(done) == len(found) else 1


def complain(sheets: Sequence[Built]) -> None:
    """Say on stderr what went wrong with sheets, and what to know, each once."""
    for note in dict.fromkeys(note for sheet in sheets for note in sheet.notes):
        print(note, file=sys.stderr)
    for error in dict.fromkeys(sheet.error for sheet in sheets if sheet.error):
        print(f"error: {error}", file=sys.stderr)


def build(
    paths: Sequence[str | Path],
    out: str | Path,
    formats: Sequence[str] = FORMATS,
    progress: TextIO | None = None,
    lecturer: str | Path | None = None,
    variants: int = 1,
) -> list[Built]:
    """Build all sources (files, or all in directories) into ``out``, with an index; what came of each, in their order.

    ``out`` holds no solution of an exercise; ``lecturer`` is a directory for the same pages with solutions. A sheet with
    numbers to be drawn is built in so many ``variants``. ``progress`` is shown a bar if it is a terminal. Raises
    SymderivError where there is no source, or no such format.
    """
    sources, order = find_sources(paths), ordered(out, formats, lecturer, variants)
    found: dict[Path, Built] = {}
    with _bar(progress, len(sources)) as advance:
        for source, built in each(sources, order):
            found[source] = built
            advance(built.title or built.slug)
    sheets = [found[source] for source in sources]
    frame(sheets, order)
    return sheets


def ordered(out: str | Path, formats: Sequence[str], lecturer: str | Path | None = None, variants: int = 1) -> Order:
    """An order whose directories are there; raises SymderivError for one that can't be carried out."""
    folder, second = Path(out), None if lecturer is None else Path(lecturer)
    if second is not None and second.resolve().is_relative_to(folder.resolve()):
        raise SymderivError("the lecturer's pages can't be where the students' are", hint="give them a directory outside of it")
    for name in formats:
        if name not in (*names(), *_ALSO):
            raise UnknownNameError.among(name, (*names(), *_ALSO), "format", f"formats: {', '.join((*names(), 'pdf'))}")
    order = Order(folder, tuple(formats), second, variants)
    for place in order.folders:
        place.mkdir(parents=True, exist_ok=True)
    return order


def frame(sheets: Sequence[Built], order: Order) -> None:
    """Write what belongs to all sheets together: the preamble of the fragments, the index."""
    for place in order.folders:
        if "tex" in order.formats:
            (place / "preamble.tex").write_text(preamble(), encoding="utf-8")
        if "html" in order.formats:
            (place / "index.html").write_text(get("html").write(index(sheets)), encoding="utf-8")


def find_sources(paths: Iterable[str | Path]) -> list[Path]:
    """The sources among files and directories, each once, those of a directory in the order of their names.

    Raises SymderivError where there is none, or where two would write the same files.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            found |= dict.fromkeys(sorted(p for p in path.glob("*.py") if not p.name.startswith("_")))
        elif path.is_file():
            found[path] = None
        else:
            raise SymderivError(f"there is no source '{path}'", hint="give a source file, or a directory of them")
    if not found:
        raise SymderivError(f"there is no source in {', '.join(map(str, paths))}", hint="a source is a Python file that binds `sheet`")
    _tell_apart(found)
    return list(found)


def slug_of(source: Path) -> str:
    """What the pages of a source are called: the signs of its name that links and every format can hold.

    >>> slug_of(Path("sheets/01_a_layer.py")), slug_of(Path("Über $x$ (neu).py"))
    ('01-a-layer', 'Uber-x-neu')
    """
    plain = unicodedata.normalize("NFKD", source.stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")


def _tell_apart(sources: Iterable[Path]) -> None:
    """Refuse two sources that would write the same files, and one that would write those of all sheets together."""
    known: dict[str, Path] = {}
    for source in sources:
        slug = slug_of(source)
        if not slug:
            raise SymderivError(f"'{source}' has no letter or digit of ASCII to call its pages by", hint="give it another name")
        if slug in _OURS:
            raise SymderivError(f"'{source}' would write the files of all sheets together ({slug})", hint="give it another name")
        other = known.setdefault(slug, source)
        if other is not source:
            raise SymderivError(f"'{other}' and '{source}' would write the same files ({slug})", hint="give one another name")


@dataclass(frozen=True)
class Order:
    """What is to be built of each source, and where."""

    folder: Path
    formats: tuple[str, ...]
    lecturer: Path | None = None
    variants: int = 1

    @property
    def folders(self) -> tuple[Path, ...]:
        return (self.folder,) if self.lecturer is None else (self.folder, self.lecturer)


def build_sheet(source: Path, order: Order) -> Built:
    """Build one source in every format, for students and for the lecturer, in every variant that differs."""
    slug = slug_of(source)
    files: dict[str, None] = {}
    notes: list[str] = []
    try:
        sheet, spelling = load(source), spelling_of(source)
        for variant in range(order.variants if sheet.drawn() else 1):
            with using(spelling.notation):
                both = pages(sheet, slug + (f"-v{variant + 1}" if variant else ""), variant)
            student, teacher = (respelled(page, spelling) for page in both)
            for folder, made in zip(order.folders, (student, teacher), strict=False):
                same = order.folder if folder is order.lecturer and made == student else None
                written, found = _written(made, folder, order.formats, same)
                files |= dict.fromkeys(written)
                notes += found
    except SourceError as error:
        return Built(str(source), slug, error=str(error))
    except SymderivError as error:                              # of a writer, which knows of no source
        return Built(str(source), slug, error=str(SourceError(*told(error, Place(str(source), 1)))))
    except OSError:
        raise
    except Exception as error:                                  # of ours: the other sheets are built all the same
        return Built(str(source), slug, error=str(SourceError(Place(str(source), 1), f"{type(error).__name__}: {error}")))
    return Built(str(source), slug, spelling.prose(sheet.title), spelling.prose(sheet.summary), tuple(files), notes=tuple(notes))


def _written(made: Page, folder: Path, formats: tuple[str, ...], same: Path | None) -> tuple[list[str], list[str]]:
    """(the files, the notes) of a page; where it is the same as that of another directory, the files are copied."""
    files, notes = [], []
    for name in (text for wanted in formats for text in _ALSO.get(wanted, (wanted,))):
        form = get(name)
        path = folder / (made.slug + form.extension)
        path.write_text(form.write(made), encoding="utf-8")
        files.append(path.name)
        for beside, text in form.files(made).items():
            (folder / beside).write_text(text, encoding="utf-8")
    if "pdf" in formats:
        for name in ("tex", *(name for name in ("slides",) if name in formats)):
            found, said = _compiled(made, name, folder, same)
            files += found
            notes += said
    return files, notes


def _compiled(made: Page, name: str, folder: Path, same: Path | None) -> tuple[list[str], list[str]]:
    form = get(name)
    path = folder / (made.slug + form.extension.removesuffix(".tex") + ".pdf")
    if same is not None:
        if (same / path.name).exists():
            shutil.copyfile(same / path.name, path)
        return [], []
    report = pdf(form.write(made), path)
    notes = [report.advice] if report.advice else []
    return [path.name] if report.path else [], notes + [f"{path.name}: {warning}" for warning in report.warnings]


def each(sources: Sequence[Path], order: Order) -> Iterator[tuple[Path, Built]]:
    """Every source with what came of it, as they get done."""
    workers = min(_WORKERS, len(sources), os.cpu_count() or 1)
    if workers < 2:
        yield from ((source, build_sheet(source, order)) for source in sources)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(build_sheet, source, order): source for source in sources}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def index(sheets: Sequence[Built]) -> Page:
    """The list of all sheets that were built."""
    kinds = {".pdf": "PDF", ".slides.pdf": "slides", **{form.extension: form.label for form in map(get, names()) if form.label}}
    rows = []
    for sheet in sheets:
        if not sheet.error:
            links = [f"[{word}]({sheet.slug}{ending})" for ending, word in kinds.items() if sheet.slug + ending in sheet.files]
            rows.append((f"[{sheet.title}]({sheet.slug})", sheet.summary, ", ".join(links)))
    table = Table(("sheet", "what it derives", "also as"), tuple(rows), stack=True)
    return Page("Handouts", _OURS[0], None, (Section("All sheets", (table,)),))


@contextmanager
def _bar(stream: TextIO | None, total: int) -> Iterator[Callable[[str], None]]:
    """Calls of what is given advance a bar, if the stream is a terminal."""
    if stream is None or not stream.isatty():
        yield lambda title: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("handouts"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda title: bar.update(task, advance=1, description=title)
