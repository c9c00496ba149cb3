"""The language of the handouts' sources: a sheet as a value, written down without deriving anything.

A source is a Python file that binds ``sheet``. What stands in it is data; the builder runs the calls, checks what comes
out and lays it out, and the tests go through the same calls.

>>> sheet = handout(
...     "Linear layers",
...     section("By its input", derivation(jacobian("W @ h", "h", W="o n", h="n"), meaning={"W": "weights"})),
... )
>>> [call.code() for call in sheet.calls()]
['sd.jacobian("W @ h", "h", W="o n", h="n")']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import symderiv
from symderiv.handout.calls import (
    Call,
    Identity,
    Place,
    SourceError,
    bregman,
    curvature,
    derivative,
    faa_di_bruno,
    fenchel_young,
    fisher,
    gauss_newton,
    glm,
    gradient,
    here,
    hessian,
    hessian_backpropagation,
    identity,
    jacobian,
    kfac,
    matched_curvature,
    matching,
    matching_loss,
    natural_gradient,
)
from symderiv.handout.figures import Graph, Plot, graph, plot
from symderiv.handout.lemmas import Appendix, Lemma, appendix, lemma, of_sheet
from symderiv.handout.locate import marked, said, told
from symderiv.handout.needed import beside
from symderiv.handout.orders import Partitions, partitions
from symderiv.handout.tasks import (
    Asked,
    Blanks,
    Drawn,
    Fault,
    blanks,
    drawn,
    exercise,
    find_error,
)

CONVENTION = (
    r"Numerator layout: $i$ is the output, $j$ and $k$ the parameter; vectors are columns; $\nabla_xL$ has the shape of $x$; "
    r"$\operatorname{vec}$ stacks columns. $\odot$ is the elementwise product, $\langle A,B\rangle=\sum_{ij}A_{ij}B_{ij}$. "
    "At the right of a line: its rule, and its shape where that changes."
)
FORMS = ("brief", "index", "matrix", "differential", "full", "ways")


# ---------------------------------------------------------------- what a section is made of
@dataclass(frozen=True)
class Words:
    """Paragraphs, lists and formulas, in the small Markdown of pages; ``heading`` stands above."""

    text: str
    heading: str = ""
    place: Place = field(default_factory=lambda: Place("", 0))


@dataclass(frozen=True)
class Derived:
    """A derivation, told in several forms.

    ``numbers`` are entries by symbol (a generic function's is a text such as "lambda x: x**2"), ``show`` more to evaluate
    at them: texts by LaTeX. ``reading`` are items that stand before the numbers. ``definition`` is a Python function that
    computes what is differentiated.
    """

    call: Call
    meaning: Mapping[str, str]
    forms: tuple[str, ...]
    reading: tuple[Item, ...]
    numbers: Mapping[str, Any]
    show: Mapping[str, str]
    definition: Callable[..., Any] | None
    covers: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Splits:
    """A table of Gauss–Newton splits: which sign G has, what that rests on, and why."""

    rows: tuple[tuple[str, Call, str], ...]
    covers: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Pairs:
    """A table of modules and losses: whether they match."""

    rows: tuple[tuple[str, Call, bool], ...]
    covers: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Pair:
    """One module with one loss: the gradient by the module's input, and what it is in the module's output."""

    call: Call
    meaning: Mapping[str, str]
    covers: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Losses:
    """A table of modules with the losses that are constructed to match them."""

    rows: tuple[tuple[str, Call, str], ...]
    covers: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Certified:
    """A function with its curvature: the proof as a tree, or the directions that show that it is neither."""

    call: Call
    verdict: str
    covers: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Maps:
    """A table of expressions as maps: what goes in, what comes out."""

    rows: tuple[tuple[str, str, str], ...]
    shapes: Mapping[str, Any]
    covers: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Functions:
    """A table of elementwise functions f, each with the derivative of ``text``, in which f stands for it."""

    text: str
    wrt: str
    shapes: Mapping[str, Any]
    names: tuple[str, ...]
    covers: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Models:
    """A table of generalised linear models: (family, link) in each row."""

    rows: tuple[tuple[str, str], ...]
    covers: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Derivatives:
    """A table of derivatives, each with the form that books print: equality is proved, and the derivation stands below."""

    rows: tuple[tuple[Any, ...], ...]
    covers: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Depth:
    """A network of equal layers, its depth a symbol: the recursions of these kinds."""

    call: Call
    kinds: tuple[str, ...]
    place: Place


Item = (
    Models | Words | Derived | Identity | Splits | Pairs | Pair | Maps | Functions | Asked | Blanks | Fault | Call | Graph | Plot
    | Derivatives | Depth | Losses | Certified | Partitions
)  # fmt: skip


def prose(text: str, /, heading: str = "") -> Words:
    return Words(text, heading, here())


def derivation(
    call: Call,
    /,
    *,
    meaning: Mapping[str, str] | None = None,
    forms: str = " ".join(FORMS),
    reading: Sequence[Item] = (),
    numbers: Mapping[str, Any] | None = None,
    show: Mapping[str, str] | None = None,
    definition: Callable[..., Any] | None = None,
    covers: str = "",
) -> Derived:
    """A derivation with what belongs to it; ``forms`` says how it is told, in words of `FORMS`."""
    unknown = set(forms.split()) - set(FORMS)
    if unknown:
        raise symderiv.UnknownNameError.among(min(unknown), FORMS, "form", f"forms: {', '.join(FORMS)}")
    return Derived(call, meaning or {}, tuple(forms.split()), tuple(reading), numbers or {}, show or {}, definition,
                   tuple(covers.split()), here())  # fmt: skip


def splits(*rows: tuple[str, Call, str], covers: str = "") -> Splits:
    """Rows are (what the loss is, the call, the verdict that is expected)."""
    return Splits(rows, tuple(covers.split()), here())


def pairs(*rows: tuple[str, Call, bool], covers: str = "") -> Pairs:
    """Rows are (what the pair is called, the call, whether it is expected to match)."""
    return Pairs(rows, tuple(covers.split()), here())


def pair(call: Call, /, *, meaning: Mapping[str, str] | None = None, covers: str = "") -> Pair:
    return Pair(call, meaning or {}, tuple(covers.split()), here())


def losses(*rows: tuple[str, Call, str], covers: str = "") -> Losses:
    """Rows are (what the module is called, the call, the curvature of the loss that is expected: "convex", "neither", …)."""
    return Losses(rows, tuple(covers.split()), here())


def certified(call: Call, verdict: str, /, *, covers: str = "") -> Certified:
    """The curvature of a function, with the verdict that is expected."""
    return Certified(call, verdict, tuple(covers.split()), here())


def maps(*rows: tuple[str, str, str], covers: str = "", **shapes: Any) -> Maps:
    """Rows are (what it is called, the text, the symbol that it is seen as a map of)."""
    return Maps(rows, shapes, tuple(covers.split()), here())


def functions(text: str, wrt: str, /, names: Sequence[str], *, covers: str = "", **shapes: Any) -> Functions:
    return Functions(text, wrt, shapes, tuple(names), tuple(covers.split()), here())


def models(*rows: tuple[str, str], covers: str = "") -> Models:
    """Rows are (family, link), of the tables of `symderiv.families` and `symderiv.links`."""
    return Models(rows, tuple(covers.split()), here())


def derivatives(*rows: tuple[Any, ...], covers: str = "") -> Derivatives:
    """Rows are (the call, the result as a text that it must be proved equal to), and perhaps {"t": "0"}: where it is taken."""
    return Derivatives(rows, tuple(covers.split()), here())


def depth(layer: Any, /, state: str, *, kinds: str = "gradient jacobian hessian", **options: Any) -> Depth:
    """The recursions of a network of equal layers: `symderiv.deep` with these arguments."""
    return Depth(Call("deep", (layer, state), options, here()), tuple(kinds.split()), here())


# ---------------------------------------------------------------- sheets
@dataclass(frozen=True)
class SourceSection:
    title: str
    items: tuple[Item, ...]
    place: Place


@dataclass(frozen=True)
class Handout:
    """A sheet's source; ``summary`` is its line in the list of all sheets."""

    title: str
    summary: str
    convention: str
    sections: tuple[SourceSection, ...]
    place: Place

    def items(self) -> Iterator[Item]:
        """Every item, those inside others too."""
        for part in self.sections:
            yield from _within(part.items)

    def calls(self) -> Iterator[Call]:
        """Every call of an operator on the sheet."""
        for item in self.items():
            if isinstance(item, Derived | Pair | Blanks | Fault):
                yield item.call
            elif isinstance(item, Call):
                yield item
            elif isinstance(item, Asked) and isinstance(item.ask, Call):
                yield item.ask
            elif isinstance(item, Derivatives):
                yield from (row[0] for row in item.rows)
            elif isinstance(item, Splits | Pairs):
                yield from (row[1] for row in item.rows)


    def drawn(self) -> bool:
        """Whether anything on the sheet is drawn by a seed, so that its variants differ."""
        return any(
            isinstance(item, Fault) or (isinstance(item, Blanks) and not item.lines)
            or (isinstance(item, Asked) and any(isinstance(value, Drawn) for value in item.numbers.values()))
            for item in self.items()
        )  # fmt: skip


def _within(items: Iterable[Any]) -> Iterator[Item]:
    for item in items:
        if isinstance(item, str):
            continue
        yield item
        if isinstance(item, Derived):
            yield from _within(item.reading)
        elif isinstance(item, Asked):
            yield from _within((*item.prompt, *item.hints, *item.solution))


def section(title: str, /, *items: Item) -> SourceSection:
    return SourceSection(title, items, here())


def handout(title: str, /, *sections: SourceSection, summary: str = "", convention: str = CONVENTION) -> Handout:
    return Handout(title, summary, convention, sections, here())


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
            exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    except SyntaxError as error:                                # of the source, or of a file that it imports
        message = marked(error.msg, error.text, error.offset or 1) if error.text else error.msg
        raise SourceError(Place(error.filename or str(path), error.lineno or 1, error.offset or 0), message) from None
    except OSError as error:
        raise SourceError(place, f"it can't be read: {error.strerror}") from None
    except symderiv.SymderivError as error:
        raise SourceError(*told(error, _raised_at(error, path))) from error
    except Exception as error:
        raise SourceError(_raised_at(error, path), said(error, globals() | space)) from error
    return space


def _raised_at(error: BaseException, path: Path) -> Place:
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return Place(str(path), line)


__all__ = [
    "CONVENTION", "FORMS", "Appendix", "Asked", "Blanks", "Call", "Certified", "Depth", "Derivatives",
    "Derived", "Drawn", "Fault", "Functions", "Graph", "Handout", "Identity", "Item", "Lemma", "Losses", "Maps",
    "Models", "Pair", "Pairs", "Partitions", "Place", "Plot", "SourceError", "SourceSection", "Splits", "Words",
    "appendix", "blanks", "bregman", "certified", "curvature", "depth", "derivation", "derivative",
    "derivatives", "drawn", "exercise", "faa_di_bruno", "fenchel_young", "find_error", "fisher", "functions",
    "gauss_newton", "glm", "gradient", "graph", "handout", "hessian", "hessian_backpropagation", "identity",
    "jacobian", "kfac", "lemma", "load", "load_appendix", "losses", "maps", "matched_curvature", "matching",
    "matching_loss", "models", "natural_gradient", "pair", "pairs", "partitions", "plot", "prose", "section",
    "splits",
]  # fmt: skip
