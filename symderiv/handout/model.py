"""A page before it is HTML, LaTeX, Markdown or plain text: frozen data that compares and hashes by value.

A *formula* is LaTeX text without dollar signs. A *prose* text is a small subset of Markdown: paragraphs, lists of lines
that start with ``- ``, ``**bold**``, ``*italic*``, ```code```, ``$formula$``, ``[text](target)`` and, as a paragraph
of its own, ``$$formula$$``. A link's target is another sheet's slug (``hessian`` or ``hessian#s2``; each writer adds
its own ending), a place on the same sheet (``#s2``) or an address. ``escape`` makes any text safe to put into prose.

>>> Line("J", r"W", why="linearity").relation
'='
>>> escape("a*b costs $5")
'a\\\\*b costs \\\\$5'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from symderiv.handout.drawing import Drawing


def escape(text: str) -> str:
    """``text`` with a backslash before each character that prose would read as markup."""
    return re.sub(r"([\\*`$\[\]])", r"\\\1", text)


@dataclass(frozen=True)
class Prose:
    """Paragraphs and lists."""

    text: str


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Line:
    """One line of a derivation: ``lhs relation rhs``, with its reason, law and shape at the right.

    An empty ``lhs`` continues the line above. ``why`` is prose: names of rules, separated by commas; a name that stands
    on the page's card is linked to it. ``law`` and ``shape`` are formulas, ``number`` the step's number.
    """

    lhs: str
    rhs: str
    why: str = ""
    law: str = ""
    shape: str = ""
    number: int | None = None
    relation: str = "="


SOLVED = "**With solutions.**"
"""the end of the note of a lecturer's page"""
BLANK = r"\boxed{\qquad ?\qquad}"
"""a formula to be filled in"""


@dataclass(frozen=True)
class Steps:
    """Lines aligned at their relation, under a heading that may be empty; a folded block opens on a click."""

    heading: str
    lines: tuple[Line, ...]
    folded: bool = False


@dataclass(frozen=True)
class Symbols:
    """The table of the symbols: a formula, its shape, and its role in prose."""

    rows: tuple[tuple[str, str, str], ...]
    header: tuple[str, str, str] = ("symbol", "shape", "role")


@dataclass(frozen=True)
class Table:
    """A table with cells in prose; a ``stack`` table shows each row as a block of lines on a phone."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    stack: bool = False
    heading: str = ""


@dataclass(frozen=True)
class Result:
    """The result, in a box; its parts stand beside each other where there is room."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Assumptions:
    """What the result rests on, in prose."""

    text: str


@dataclass(frozen=True)
class Check:
    """What was found, in prose, and the word for it: Checked, Proved, Refuted, ..."""

    text: str
    ok: bool = True
    word: str = "Checked"


@dataclass(frozen=True)
class Example:
    """Formulas with numbers, side by side where there is room."""

    parts: tuple[str, ...]
    heading: str = ""


@dataclass(frozen=True)
class Code:
    """A program text; a folded one opens on a click."""

    heading: str
    text: str
    language: str = "python"
    folded: bool = True


@dataclass(frozen=True)
class ProofNode:
    """A claim (a formula), why it holds (prose), and the claims that it rests on."""

    claim: str
    why: str = ""
    children: tuple[ProofNode, ...] = ()


@dataclass(frozen=True)
class Proof:
    """A proof as a tree: each claim with the claims that it rests on below it."""

    tree: ProofNode
    heading: str = ""


@dataclass(frozen=True)
class CardRow:
    """A rule on the reference card: its name (``a / b`` are two names), its law (a formula), a note in prose.

    ``anchor`` is the place to link to; the name's slug unless given.
    """

    name: str
    law: str
    note: str = ""
    anchor: str = ""

    @property
    def target(self) -> str:
        return self.anchor or "r-" + slug(self.name)


@dataclass(frozen=True)
class Card:
    """The reference card of the rules used; ``open_rows`` are those that stand on the students' page, if not all do."""

    rows: tuple[CardRow, ...]
    heading: str = ""
    open_rows: tuple[CardRow, ...] | None = None


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption (prose) and what it shows, in words for those who can't see it."""

    drawing: Drawing
    caption: str = ""
    alt: str = ""


@dataclass(frozen=True)
class Task:
    """What a program is to compute: the name to bind, its shape, the lines that bind what is given.

    ``expected`` are the entries in order, within ``tolerance``; ``program`` is a solution. Both are empty in a page for
    students.
    """

    name: str
    shape: tuple[int, ...]
    given: str
    tolerance: float
    expected: tuple[float, ...] = ()
    program: str = ""


@dataclass(frozen=True)
class Exercise:
    """An exercise: prompt, hints, solution. A page for students has it without ``solution``: see `without_solutions`."""

    title: str
    number: int
    prompt: tuple[Block, ...]
    points: float = 0
    hints: tuple[tuple[Block, ...], ...] = ()
    solution: tuple[Block, ...] = ()
    task: Task | None = None

    @property
    def target(self) -> str:
        return f"ex{self.number}"


Block = (
    Prose | Heading | Steps | Symbols | Table | Result | Assumptions | Check | Example | Code | Proof | Card | Figure | Exercise
)


@dataclass(frozen=True)
class Section:
    """A numbered or unnumbered section."""

    title: str
    blocks: tuple[Block, ...]
    number: int | None = None
    anchor: str = ""

    @property
    def target(self) -> str:
        return self.anchor or ("s-" + slug(self.title) if self.number is None else f"s{self.number}")


@dataclass(frozen=True)
class Page:
    """A sheet: its title, the name of its file, the paragraph on conventions, its sections."""

    title: str
    slug: str
    convention: Prose | None
    sections: tuple[Section, ...]
    note: str = ""
    """a line under the title, in prose"""

    def exercises(self) -> Iterator[Exercise]:
        """The exercises, in order."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Exercise):
                    yield block

    def cards(self) -> Iterator[CardRow]:
        """The rows of all cards on the page."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Card):
                    yield from block.rows

    def anchors(self) -> dict[str, str]:
        """Where each rule's name leads to on this page."""
        return {name.strip(): row.target for row in self.cards() for name in row.name.split(" / ")}


def walked(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks, and those inside exercises, in the order in which they are written."""
    for block in blocks:
        yield block
        if isinstance(block, Exercise):
            yield from walked((*block.prompt, *(b for hint in block.hints for b in hint), *block.solution))


def without_solutions(page: Page) -> Page:
    """The page for students: what solves an exercise isn't in it, so that no writer can put it anywhere."""
    return replace(page, sections=tuple(replace(s, blocks=tuple(map(_unsolved, s.blocks))) for s in page.sections))


def _unsolved(block: Block) -> Block:
    if not isinstance(block, Exercise):
        return block
    task = replace(block.task, expected=(), program="") if block.task else None
    prompt, hints = tuple(map(_unsolved, block.prompt)), tuple(tuple(map(_unsolved, hint)) for hint in block.hints)
    return replace(block, prompt=prompt, hints=hints, solution=(), task=task)


def slug(text: str) -> str:
    """A text as part of an address.

    >>> slug("unfold name / fold name")
    'unfold-name-fold-name'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
