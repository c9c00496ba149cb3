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
from typing import Any

import symderiv
from symderiv.errors import SymderivError, clip
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
from symderiv.handout.lemmas import Appendix, Lemma, appendix, lemma
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
    return Words(_words(text, "prose"), _words(heading, "a heading"), here())


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
    """A part of a sheet; raises SymderivError for what is no item."""
    for item in items:
        if not isinstance(item, Item):
            hint = 'as in prose("...")' if isinstance(item, str) else "take prose(...), derivation(...), or another item"
            raise SymderivError(f"section '{title}': {_shown(item)} can't stand in a section", hint=hint)
    return SourceSection(_words(title, "a section's title"), items, here())


def _shown(given: object) -> str:
    return clip(repr(given), 40)


def _words(given: object, what: str) -> str:
    """A text; raises SymderivError for anything else, and for one that no file can hold."""
    if not isinstance(given, str):
        raise SymderivError(f"{what} is a text, not {_shown(given)}")
    if any("\ud800" <= sign <= "\udfff" for sign in given):
        raise SymderivError(f"{what} has half a sign of UTF-16 in it, which no file in UTF-8 can hold")
    return given


def handout(title: str, /, *sections: SourceSection, summary: str = "", convention: str = CONVENTION) -> Handout:
    """A sheet; raises SymderivError for what can't be one."""
    for part in sections:
        if not isinstance(part, SourceSection):
            raise SymderivError(f"a sheet is made of sections, not of {_shown(part)}", hint='as in section("...", prose("..."))')
    texts = (title, "a sheet's title"), (summary, "a sheet's summary"), (convention, "a sheet's convention")
    title, summary, convention = (_words(text, what) for text, what in texts)
    return Handout(title, summary, convention, sections, here())


__all__ = [
    "CONVENTION", "FORMS", "Appendix", "Asked", "Blanks", "Call", "Certified", "Depth", "Derivatives",
    "Derived", "Drawn", "Fault", "Functions", "Graph", "Handout", "Identity", "Item", "Lemma", "Losses", "Maps",
    "Models", "Pair", "Pairs", "Partitions", "Place", "Plot", "SourceError", "SourceSection", "Splits", "Words",
    "appendix", "blanks", "bregman", "certified", "curvature", "depth", "derivation", "derivative",
    "derivatives", "drawn", "exercise", "faa_di_bruno", "fenchel_young", "find_error", "fisher", "functions",
    "gauss_newton", "glm", "gradient", "graph", "handout", "hessian", "hessian_backpropagation", "identity",
    "jacobian", "kfac", "lemma", "losses", "maps", "matched_curvature", "matching",
    "matching_loss", "models", "natural_gradient", "pair", "pairs", "partitions", "plot", "prose", "section",
    "splits",
]  # fmt: skip
