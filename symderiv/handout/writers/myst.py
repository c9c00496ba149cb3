"""MyST Markdown for Jupyter Book, mystmd and Sphinx: exercises, solutions and hints as directives, labels to refer to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from symderiv.handout.inline import Span
from symderiv.handout.model import Block, Exercise, Figure, Page, Section
from symderiv.handout.visitor import points_text
from symderiv.handout.writers.markdown import MarkdownWriter, document, drawings

EXTENSION = ".myst.md"
LABEL = "MyST"


def write(page: Page) -> str:
    """The page as MyST Markdown; sections have the labels ``slug-s1``, exercises ``slug-ex1``."""
    return f"({page.slug})=\n{document(page, MystWriter(page.slug, EXTENSION))}"


def files(page: Page) -> Mapping[str, str]:
    """The drawings that the page refers to."""
    return drawings(page)


class MystWriter(MarkdownWriter):
    """MyST: colon fences for what Markdown has no sign for."""

    def section(self, section: Section) -> str:
        return f"({self.slug}-{section.target})=\n{super().section(section)}"

    def exercise(self, block: Exercise) -> str:
        label = f"{self.slug}-{block.target}"
        points = f" ({points_text(block.points)})" if block.points else ""
        inside = [self.blocks(block.prompt), *self.hints(block)]
        shown = self.gap.join(filter(None, inside))
        found = [f"::::{{exercise}} {_title(self.line(block.title))}{points}\n:label: {label}\n\n{shown}\n::::"]
        if block.solution:
            found.append(f"::::{{solution}} {label}\n:class: dropdown\n\n{self.blocks(block.solution)}\n::::")
        return "\n\n".join(found)

    def aside(self, title: str, kind: str, blocks: tuple[Block, ...]) -> str:
        return f":::{{dropdown}} {title}\n{self.blocks(blocks)}\n:::"

    def figure(self, block: Figure) -> str:
        caption = f"\n\n{self.line(block.caption)}" if block.caption else ""
        return f":::{{figure}} {self.drawing(block)}\n:alt: {_title(block.alt)}{caption}\n:::"

    def link(self, inner: tuple[Span, ...], target: str) -> str:
        sheet, _, place = target.partition("#")
        if re.fullmatch(r"[A-Za-z0-9_-]*", sheet):
            label = "-".join(filter(None, (sheet or self.slug, place)))
            return f"[{self.spans(inner)}](#{label})"
        return super().link(inner, target)


def _title(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
