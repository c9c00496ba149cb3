"""Markdown as GitHub and notebooks show it: formulas between dollar signs, steps in ``aligned``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from symderiv.handout.inline import Bold, Inline, Italic, Link, Math, Span, Text, address, spans
from symderiv.handout.model import (
    Block,
    Card,
    Check,
    Code,
    Example,
    Figure,
    Line,
    Page,
    Proof,
    ProofNode,
    Result,
    Section,
    Steps,
    Table,
    walked,
)
from symderiv.handout.svg import STYLE as SVG_STYLE
from symderiv.handout.svg import svg
from symderiv.handout.visitor import Visitor

EXTENSION = ".md"
LABEL = "Markdown"


def write(page: Page) -> str:
    """The page as one Markdown document."""
    return document(page, MarkdownWriter(page.slug))


def files(page: Page) -> Mapping[str, str]:
    """The drawings that the page refers to."""
    return drawings(page)


def drawings(page: Page) -> dict[str, str]:
    """The drawings of a page as files, in the order in which it is written."""
    shown = [b for section in page.sections for b in walked(section.blocks) if isinstance(b, Figure)]
    return {f"{page.slug}-{n}.svg": svg(b.drawing, b.alt, SVG_STYLE) + "\n" for n, b in enumerate(shown, 1)}


def document(page: Page, writer: MarkdownWriter) -> str:
    """The page, written by one of the writers of Markdown."""
    return "\n\n".join([f"# {writer.line(page.title)}", *writer.opening(page), *map(writer.section, page.sections)]) + "\n"


class MarkdownWriter(Visitor):
    """Markdown as GitHub shows it."""

    def __init__(self, slug: str = "", extension: str = EXTENSION) -> None:
        self.slug, self.extension = slug, extension
        self.drawn = 0

    def drawing(self, block: Figure) -> str:
        """Where the next drawing is."""
        self.drawn += 1
        return f"{self.slug}-{self.drawn}.svg"

    def figure(self, block: Figure) -> str:
        caption = f"\n\n*{self.line(block.caption)}*" if block.caption else ""
        return f"![{_alt(block.alt)}]({self.drawing(block)}){caption}"

    def section(self, section: Section) -> str:
        number = f"{section.number}. " if section.number is not None else ""
        return "\n\n".join([f"## {number}{self.line(section.title)}", *map(self.block, section.blocks)])

    def heading(self, text: str) -> str:
        return f"### {self.line(text)}" if text else ""

    def steps(self, block: Steps) -> str:
        lawful = any(line.law for line in block.lines)
        return self._titled(block.heading, self._ledger(block.lines) if lawful else aligned(block.lines))

    def table(self, block: Table) -> str:
        rows = (block.header, ("--",) * len(block.header), *block.rows)
        return self._titled(
            block.heading, "\n".join("| " + " | ".join(self._cell(cell) for cell in row) + " |" for row in rows)
        )

    def result(self, block: Result) -> str:
        return f"$$\\boxed{{{_quad(block.parts)}}}$$"

    def assumptions(self, text: str) -> str:
        return f"**Assumptions.** {self.line(text)}"

    def check(self, block: Check) -> str:
        return f"{'✓' if block.ok else '✗'} **{_text(block.word)}.** {self.line(block.text)}"

    def example(self, block: Example) -> str:
        return self._titled(block.heading, f"$${_quad(block.parts)}$$")

    def code(self, block: Code) -> str:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", block.text)), default=0))
        return self._titled(block.heading, f"{fence}{block.language}\n{block.text.rstrip()}\n{fence}")

    def proof(self, block: Proof) -> str:
        return self._titled(block.heading, "\n".join(self._claims(block.tree, 0)))

    def card(self, block: Card) -> str:
        rows = tuple((f"*{r.name}*", f"${r.law}$" if r.law else "", r.note) for r in block.rows)
        return self._titled(block.heading, self.table(Table(("rule", "law", ""), rows)))

    def aside(self, title: str, kind: str, blocks: tuple[Block, ...]) -> str:
        return f"<details>\n<summary>{title}</summary>\n\n{self.blocks(blocks)}\n\n</details>"

    def _ledger(self, lines: tuple[Line, ...]) -> str:
        """Lines with their laws as a table, one row per rule."""
        rows = tuple(
            (
                str(line.number or ""),
                line.why,
                f"${line.law}$" if line.law else "",
                f"${line.lhs} {line.relation} {line.rhs}$",
                f"${line.shape}$" if line.shape else "",
            )
            for line in lines
        )
        return self.table(Table(("", "rule", "law", "result", "shape"), rows))

    def _claims(self, node: ProofNode, depth: int) -> list[str]:
        why = f": {self.line(node.why)}" if node.why else ""
        below = (line for child in node.children for line in self._claims(child, depth + 1))
        return [f"{'  ' * depth}- ${_math(node.claim)}$" + why, *below]

    def _cell(self, text: str) -> str:
        return "".join(
            f"${_math(span.latex)}$" if isinstance(span, Math) else self.span(span).replace("|", "\\|")
            for span in spans(text)
        )

    def _titled(self, heading: str, text: str) -> str:
        return f"**{self.line(heading)}**\n\n{text}" if heading else text

    # ------------------------------------------------------------ prose
    def bullets(self, items: tuple[tuple[Span, ...], ...], numbered: bool) -> str:
        return "\n".join(f"{f'{k}.' if numbered else '-'} {self.spans(item)}" for k, item in enumerate(items, 1))

    def display(self, latex: str) -> str:
        return f"$${_math(latex)}$$"

    def paragraph(self, line: tuple[Span, ...]) -> str:
        return re.sub(r"^([#+-]|\d+\.)(?=\s)", r"\\\1", self.spans(line))

    def text(self, text: str) -> str:
        return _text(text)

    def program(self, text: str) -> str:
        return f"`{text}`"

    def math(self, latex: str) -> str:
        return f"${_math(latex)}$"

    def bold(self, inner: tuple[Span, ...]) -> str:
        return f"**{self.spans(inner)}**"

    def italic(self, inner: tuple[Span, ...]) -> str:
        return f"*{self.spans(inner)}*"

    def link(self, inner: tuple[Span, ...], target: str) -> str:
        return f"[{self.spans(inner)}]({address(target, self.extension)})"


def _alt(text: str) -> str:
    return re.sub(r"[\[\]!\\\n<>]", " ", text)


def aligned(lines: tuple[Line, ...]) -> str:
    """Lines of a derivation as one displayed formula, each with its reason and its shape."""
    rows = []
    for line in lines:
        row = f"{_math(line.lhs)} &{_math(line.relation)} {_math(line.rhs)}".strip()
        number = f"{line.number}. " if line.number is not None else ""
        if line.why or line.shape or number:
            row += f" && \\quad {_reason(number, line.why)}"
        if line.shape:
            row += f" && \\quad {_math(line.shape)}"
        rows.append(row.strip())
    return "$$\\begin{aligned} " + " \\\\\n".join(rows) + " \\end{aligned}$$"


def _reason(number: str, why: str) -> str:
    """A reason inside a formula: its text in ``\\text``, its formulas as they are."""
    found = f"\\text{{{number}}}" if number else ""
    return found + "".join(_reason_span(span) for span in spans(why))


def _reason_span(span: Span) -> str:
    match span:
        case Math(latex):
            return _math(latex)
        case Text(text):
            return f"\\text{{{_escape_latex(text)}}}"
        case Inline(text):
            return f"\\texttt{{{_escape_latex(text)}}}"
        case Bold(inner) | Italic(inner) | Link(inner):
            return "".join(map(_reason_span, inner))


def _quad(formulas: tuple[str, ...]) -> str:
    return " \\qquad ".join(map(_math, formulas))


def _math(latex: str) -> str:
    """A formula without the signs that Markdown or HTML would take for their own."""
    found = re.sub(r"\s*\n\s*", " ", latex)
    found = re.sub(r"\\?\|", lambda bar: r"\vert " if bar[0] == "|" else r"\Vert ", found)
    found = found.replace(r"\{", r"\lbrace ").replace(r"\}", r"\rbrace ")
    found = re.sub(r"(?<!\\operatorname)\*", r"\\ast ", found)
    return found.replace("<", r"\lt ").replace(">", r"\gt ")


def _text(text: str) -> str:
    return re.sub(r"([\\`*_$\[\]<>])", r"\\\1", text)


_IN_TEXT = {"<": r"}\lt\text{", ">": r"}\gt\text{", "\\": r"}\backslash\text{", "^": r"}\wedge\text{", "~": r"}\sim\text{"}
"""signs that HTML or LaTeX would take for their own inside of ``\\text``"""


def _escape_latex(text: str) -> str:
    return "".join(_IN_TEXT.get(sign) or ("\\" + sign if sign in "&%#_{}$" else sign) for sign in text)
