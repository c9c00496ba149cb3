"""Plain text: a page for a terminal, formulas in one line of Unicode each."""

from __future__ import annotations

import textwrap
import unicodedata

from symderiv.handout.inline import Span
from symderiv.handout.linear import linear
from symderiv.handout.model import (
    Card,
    Check,
    Code,
    Example,
    Line,
    Page,
    Proof,
    ProofNode,
    Result,
    Section,
    Steps,
    Table,
)
from symderiv.handout.visitor import Visitor

EXTENSION = ".txt"
LABEL = "text"

_COLUMNS = 100
_WIDEST_FORMULA = 58


def write(page: Page) -> str:
    """The page as text of at most about 100 columns."""
    writer = PlainWriter()
    title = writer.line(page.title)
    heading = f"{title}\n{'=' * columns(title)}"
    return "\n\n".join([heading, *writer.opening(page), *map(writer.section, page.sections)]) + "\n"


def columns(text: str) -> int:
    """How many columns of a terminal a text takes.

    >>> columns("x̂")
    1
    """
    return sum(not unicodedata.combining(c) for c in text)


class PlainWriter(Visitor):
    """Text for a terminal."""

    def section(self, section: Section) -> str:
        title = (f"{section.number}. " if section.number is not None else "") + self.line(section.title)
        return "\n\n".join([f"{title}\n{'-' * columns(title)}", *map(self.block, section.blocks)])

    def heading(self, text: str) -> str:
        return f"{self.line(text)}:" if text else ""

    def steps(self, block: Steps) -> str:
        return self._titled(block.heading, steps(block))

    def table(self, block: Table) -> str:
        head = [list(map(self.line, block.header)), []] if any(block.header) else []
        rows = [*head, *([self.line(cell) for cell in row] for row in block.rows)]
        widths = [max((columns(row[c]) for row in rows if row), default=0) for c in range(len(block.header))]
        lines = (
            "  ".join(_padded(cell, wide) for cell, wide in zip(row, widths, strict=True))
            if row
            else "  ".join("─" * wide for wide in widths)
            for row in rows
        )
        return self._titled(block.heading, "\n".join(f"  {line}".rstrip() for line in lines))

    def result(self, block: Result) -> str:
        lines = list(map(linear, block.parts))
        wide = max(map(columns, lines))
        boxed = [f"│ {line}{' ' * (wide - columns(line))} │" for line in lines]
        return "\n".join([f"┌{'─' * (wide + 2)}┐", *boxed, f"└{'─' * (wide + 2)}┘"])

    def assumptions(self, text: str) -> str:
        return _filled(f"Assumptions. {self.line(text)}")

    def check(self, block: Check) -> str:
        return _filled(f"{'✓' if block.ok else '✗'} {block.word}. {self.line(block.text)}")

    def example(self, block: Example) -> str:
        return self._titled(block.heading, "\n".join(f"  {linear(part)}" for part in block.parts))

    def code(self, block: Code) -> str:
        return self._titled(block.heading, textwrap.indent(block.text, "    "))

    def proof(self, block: Proof) -> str:
        return self._titled(block.heading, "\n".join(self._claims(block.tree, 0)))

    def card(self, block: Card) -> str:
        wide = max((columns(self.line(row.name)) for row in block.rows), default=0)
        rows = (
            f"{_padded(self.line(row.name), wide)}  {linear(row.law)}"
            + (f"  ({self.line(row.note)})" if row.note else "")
            for row in block.rows
        )
        return self._titled(block.heading, "\n".join(rows))

    def _claims(self, node: ProofNode, depth: int) -> list[str]:
        why = f"   {self.line(node.why)}" if node.why else ""
        start = "   " * (depth - 1) + ("└─ " if depth else "")
        below = (text for child in node.children for text in self._claims(child, depth + 1))
        return [f"  {start}{linear(node.claim)}{why}", *below]

    def _titled(self, heading: str, text: str) -> str:
        return f"{self.line(heading)}:\n{text}" if heading else text

    # ------------------------------------------------------------ prose
    def bullets(self, items: tuple[tuple[Span, ...], ...], numbered: bool) -> str:
        marks = [f"  {k}. " if numbered else "  - " for k in range(1, len(items) + 1)]
        return "\n".join(_filled(self.spans(item), mark, " " * len(mark)) for mark, item in zip(marks, items, strict=True))

    def display(self, latex: str) -> str:
        return f"  {linear(latex)}"

    def paragraph(self, line: tuple[Span, ...]) -> str:
        return _filled(self.spans(line))

    def text(self, text: str) -> str:
        return text

    def program(self, text: str) -> str:
        return text

    def math(self, latex: str) -> str:
        return linear(latex)


def steps(block: Steps) -> str:
    """The lines of a derivation, aligned at their relation, each with its reason and shape."""
    left = [linear(line.lhs) for line in block.lines]
    right = [f"{linear(line.relation)} {linear(line.rhs)}" for line in block.lines]
    indent = max(map(columns, left), default=0)
    fitting = [columns(text) for text in right if columns(text) <= _WIDEST_FORMULA]
    wide = max(fitting, default=0)
    found = []
    for line, lhs, rhs in zip(block.lines, left, right, strict=True):
        start = f"  {' ' * (indent - columns(lhs))}{lhs} "
        reason = _reason(line)
        if not reason:
            found.append(start + rhs)
        elif columns(rhs) <= wide:
            found.append(start + _padded(rhs, wide) + "   " + reason)
        else:
            found += [start + rhs, " " * (indent + 3 + wide) + "   " + reason]
    return "\n".join(found)


def _reason(line: Line) -> str:
    number = f"{line.number}. " if line.number is not None else ""
    law = f": {linear(line.law)}" if line.law else ""
    shape = f"  [{linear(line.shape)}]" if line.shape else ""
    return (number + PlainWriter().line(line.why) + law + shape).strip()


def _padded(text: str, wide: int) -> str:
    return text + " " * (wide - columns(text))


def _filled(text: str, start: str = "", rest: str = "") -> str:
    return textwrap.fill(
        text, _COLUMNS, initial_indent=start, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
