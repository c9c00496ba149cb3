"""Plain text: a page for a terminal, formulas in one line of Unicode each."""

from __future__ import annotations

import textwrap
import unicodedata

from symderiv.handout.inline import Bullets, Display, Inline, Math, Span, Text, parts, spans
from symderiv.handout.linear import linear
from symderiv.handout.model import (
    Assumptions,
    Block,
    Card,
    Check,
    Code,
    Example,
    Heading,
    Line,
    Page,
    Proof,
    ProofNode,
    Prose,
    Result,
    Section,
    Steps,
    Symbols,
    Table,
)

EXTENSION = ".txt"

_COLUMNS = 100
_WIDEST_FORMULA = 58


def write(page: Page) -> str:
    """The page as text of at most about 100 columns."""
    title = _line(page.title)
    convention = f"{_prose('Convention. ' + page.convention.text)}\n\n" if page.convention else ""
    return f"{title}\n{'=' * columns(title)}\n\n{convention}" + "\n\n".join(map(_section, page.sections)) + "\n"


def columns(text: str) -> int:
    """How many columns of a terminal a text takes.

    >>> columns("x̂")
    1
    """
    return sum(not unicodedata.combining(c) for c in text)


def _section(section: Section) -> str:
    title = (f"{section.number}. " if section.number is not None else "") + _line(section.title)
    return "\n\n".join([f"{title}\n{'-' * columns(title)}", *map(_block, section.blocks)])


def _block(block: Block) -> str:
    match block:
        case Prose(text):
            return _prose(text)
        case Heading(text):
            return f"{_line(text)}:"
        case Steps():
            return _titled(block.heading, steps(block))
        case Symbols():
            rows = tuple((f"${s}$", f"${shape}$" if shape else "", role) for s, shape, role in block.rows)
            return _table(Table(block.header, rows))
        case Table():
            return _titled(block.heading, _table(block))
        case Result():
            lines = list(map(linear, block.parts))
            wide = max(map(columns, lines))
            boxed = [f"│ {line}{' ' * (wide - columns(line))} │" for line in lines]
            return "\n".join([f"┌{'─' * (wide + 2)}┐", *boxed, f"└{'─' * (wide + 2)}┘"])
        case Assumptions(text):
            return _filled(f"Assumptions. {_line(text)}")
        case Check(text, ok, word):
            return _filled(f"{'✓' if ok else '✗'} {word}. {_line(text)}")
        case Example():
            return _titled(block.heading, "\n".join(f"  {linear(part)}" for part in block.parts))
        case Code():
            return _titled(block.heading, textwrap.indent(block.text, "    "))
        case Proof():
            return _titled(block.heading, "\n".join(_proof(block.tree, 0)))
        case Card():
            wide = max((columns(_line(row.name)) for row in block.rows), default=0)
            card = (
                f"{_padded(_line(row.name), wide)}  {linear(row.law)}" + (f"  ({_line(row.note)})" if row.note else "")
                for row in block.rows
            )
            return _titled(block.heading, "\n".join(card))


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
    return (number + _line(line.why) + law + shape).strip()


def _proof(node: ProofNode, depth: int) -> list[str]:
    why = f"   {_line(node.why)}" if node.why else ""
    start = "   " * (depth - 1) + ("└─ " if depth else "")
    return [f"  {start}{linear(node.claim)}{why}", *(t for child in node.children for t in _proof(child, depth + 1))]


def _table(block: Table) -> str:
    head = [list(map(_line, block.header)), []] if any(block.header) else []
    rows = [*head, *([_line(cell) for cell in row] for row in block.rows)]
    widths = [max((columns(row[c]) for row in rows if row), default=0) for c in range(len(block.header))]
    lines = (
        "  ".join(_padded(cell, wide) for cell, wide in zip(row, widths, strict=True))
        if row
        else "  ".join("─" * wide for wide in widths)
        for row in rows
    )
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _titled(heading: str, text: str) -> str:
    return f"{_line(heading)}:\n{text}" if heading else text


def _padded(text: str, wide: int) -> str:
    return text + " " * (wide - columns(text))


def _filled(text: str, start: str = "", rest: str = "") -> str:
    return textwrap.fill(
        text, _COLUMNS, initial_indent=start, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _prose(text: str) -> str:
    found = []
    for part in parts(text):
        match part:
            case Bullets(items):
                found.append("\n".join(_filled(_spans(item), "  - ", "    ") for item in items))
            case Display(latex):
                found.append(f"  {linear(latex)}")
            case _:
                found.append(_filled(_spans(part.spans)))
    return "\n\n".join(found)


def _line(text: str) -> str:
    return _spans(spans(text))


def _spans(line: tuple[Span, ...]) -> str:
    return "".join(
        span.text
        if isinstance(span, Text | Inline)
        else linear(span.latex)
        if isinstance(span, Math)
        else _spans(span.spans)
        for span in line
    )
