"""The shape that all writers share: one method for each kind of block, of paragraph and of span.

A format is a subclass that says how each kind is written. What a format has no sign of its own for (a table of symbols,
an exercise) is made of what it has, so that a new kind of block works in every format before any knows it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from symderiv.handout.inline import (
    Bold,
    Bullets,
    Display,
    Inline,
    Italic,
    Link,
    Math,
    Part,
    Span,
    Text,
    parts,
    spans,
)
from symderiv.handout.model import (
    Assumptions,
    Block,
    Card,
    Check,
    Code,
    Example,
    Exercise,
    Figure,
    Heading,
    Page,
    Proof,
    Prose,
    Result,
    Section,
    Steps,
    Symbols,
    Table,
)


class Visitor(ABC):
    """Writes blocks as text. ``gap`` stands between blocks, ``part_gap`` between the paragraphs of one prose."""

    gap = "\n\n"
    part_gap = "\n\n"

    def opening(self, page: Page) -> list[str]:
        """What stands under a page's title: its note, and its convention."""
        texts = [page.note, convention(page.convention.text) if page.convention else ""]
        return [self.prose(text) for text in texts if text]

    # ------------------------------------------------------------ blocks
    def block(self, block: Block) -> str:
        """One block."""
        match block:
            case Prose(text):
                return self.prose(text)
            case Heading(text):
                return self.heading(text)
            case Steps():
                return self.steps(block)
            case Symbols():
                return self.symbols(block)
            case Table():
                return self.table(block)
            case Result():
                return self.result(block)
            case Assumptions(text):
                return self.assumptions(text)
            case Check():
                return self.check(block)
            case Example():
                return self.example(block)
            case Code():
                return self.code(block)
            case Proof():
                return self.proof(block)
            case Card():
                return self.card(block)
            case Figure():
                return self.figure(block)
            case Exercise():
                return self.exercise(block)

    def blocks(self, blocks: Iterable[Block]) -> str:
        """Blocks, one after the other."""
        return self.gap.join(filter(None, map(self.block, blocks)))

    @abstractmethod
    def section(self, section: Section) -> str: ...

    @abstractmethod
    def heading(self, text: str) -> str:
        """A heading inside a section; empty for an empty text."""

    @abstractmethod
    def steps(self, block: Steps) -> str: ...

    @abstractmethod
    def table(self, block: Table) -> str: ...

    @abstractmethod
    def result(self, block: Result) -> str: ...

    @abstractmethod
    def assumptions(self, text: str) -> str: ...

    @abstractmethod
    def check(self, block: Check) -> str: ...

    @abstractmethod
    def example(self, block: Example) -> str: ...

    @abstractmethod
    def code(self, block: Code) -> str: ...

    @abstractmethod
    def proof(self, block: Proof) -> str: ...

    @abstractmethod
    def card(self, block: Card) -> str: ...

    def symbols(self, block: Symbols) -> str:
        return self.table(symbol_table(block))

    def figure(self, block: Figure) -> str:
        """Where nothing can be drawn, what a figure shows is said."""
        return self.prose(f"*Figure.* {block.caption} ({block.alt})" if block.alt else f"*Figure.* {block.caption}")

    # ------------------------------------------------------------ exercises
    def exercise(self, block: Exercise) -> str:
        """An exercise; its solution is there only in a page that has it."""
        inside = [self.exercise_title(block), self.blocks(block.prompt)]
        inside += self.hints(block)
        if block.solution:
            inside.append(self.aside("Solution", "solution", block.solution))
        return self.exercise_frame(block, self.gap.join(filter(None, inside)))

    def hints(self, block: Exercise) -> list[str]:
        """The hints, with numbers where there are several."""
        several = len(block.hints) > 1
        return [self.aside(f"Hint {n}" if several else "Hint", "hint", hint) for n, hint in enumerate(block.hints, 1)]

    def exercise_title(self, block: Exercise) -> str:
        return self.heading(exercise_title(block))

    def exercise_frame(self, block: Exercise, inside: str) -> str:
        return inside

    def aside(self, title: str, kind: str, blocks: tuple[Block, ...]) -> str:
        """Blocks under a title of their own, hidden at first where a format can do that."""
        return self.gap.join([self.heading(title), self.blocks(blocks)])

    # ------------------------------------------------------------ prose
    def prose(self, text: str) -> str:
        return self.part_gap.join(map(self.part, parts(text)))

    def part(self, part: Part) -> str:
        match part:
            case Bullets(items, numbered):
                return self.bullets(items, numbered)
            case Display(latex):
                return self.display(latex)
            case _:
                return self.paragraph(part.spans)

    @abstractmethod
    def bullets(self, items: tuple[tuple[Span, ...], ...], numbered: bool) -> str: ...

    @abstractmethod
    def display(self, latex: str) -> str: ...

    def paragraph(self, line: tuple[Span, ...]) -> str:
        return self.spans(line)

    def line(self, text: str) -> str:
        """Prose of one line."""
        return self.spans(spans(text))

    def spans(self, line: tuple[Span, ...]) -> str:
        return "".join(map(self.span, line))

    def span(self, span: Span) -> str:
        match span:
            case Text(text):
                return self.text(text)
            case Inline(text):
                return self.program(text)
            case Math(latex):
                return self.math(latex)
            case Bold(inner):
                return self.bold(inner)
            case Italic(inner):
                return self.italic(inner)
            case Link(inner, target):
                return self.link(inner, target)

    @abstractmethod
    def text(self, text: str) -> str:
        """Plain text, escaped."""

    @abstractmethod
    def program(self, text: str) -> str:
        """Program text inside a line."""

    @abstractmethod
    def math(self, latex: str) -> str:
        """A formula inside a line."""

    def bold(self, inner: tuple[Span, ...]) -> str:
        return self.spans(inner)

    def italic(self, inner: tuple[Span, ...]) -> str:
        return self.spans(inner)

    def link(self, inner: tuple[Span, ...], target: str) -> str:
        return self.spans(inner)


def symbol_table(block: Symbols) -> Table:
    """The table that a table of symbols is."""
    return Table(block.header, tuple((f"${s}$", f"${shape}$" if shape else "", role) for s, shape, role in block.rows))


def exercise_title(block: Exercise) -> str:
    """The title as prose: number, title, points."""
    return f"Exercise {block.number}. {block.title}" + (f" ({points_text(block.points)})" if block.points else "")


def points_text(points: float) -> str:
    """How many points, in words.

    >>> points_text(1), points_text(2.5)
    ('1 point', '2.5 points')
    """
    return f"{points:g} point{'' if points == 1 else 's'}"


def convention(text: str) -> str:
    return f"**Convention.** {text.strip()}"


__all__ = ["Visitor", "convention", "exercise_title", "points_text", "symbol_table"]
