r"""Slides: a beamer document in which the steps of a derivation appear one by one.

It needs ``texlive-pictures`` beside ``texlive-latex-recommended`` (beamer draws with pgf).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symderiv.handout.formula import width
from symderiv.handout.model import (
    Assumptions,
    Block,
    Card,
    Check,
    Code,
    Exercise,
    Heading,
    Line,
    Page,
    Prose,
    Section,
    Steps,
    Table,
)
from symderiv.handout.writers.tex import TexWriter, bookmark, preamble

EXTENSION = ".slides.tex"

ROOM = 17.0
"""how much fits on a slide, in lines of text"""
_HEAD = r"""\documentclass[aspectratio=169,11pt]{beamer}
\usefonttheme[onlymath]{serif}
\setbeamertemplate{navigation symbols}{}
\setbeamertemplate{footline}[frame number]
\setbeamercolor{frametitle}{fg=accent}
\setbeamercolor{title}{fg=accent}
"""
_REVEAL = r"""\makeatletter
\def\sd@reveal#1{\onslide<#1->}
\setlength\whywidth{4.4cm}\setlength\shapewidth{3.4em}
\renewcommand\need[1]{\par}
\makeatother
"""


def write(page: Page) -> str:
    """The page as a beamer document: one frame or more for each section, solutions on frames of their own."""
    writer = SlideWriter()
    title = writer.line(page.title)
    frames = "\n".join(frame for section in page.sections for frame in _frames(section, writer))
    return (
        f"{_HEAD}{preamble()}{_REVEAL}\\hypersetup{{pdftitle={{{bookmark(page.title)}}}}}\n\\title{{{title}}}\n\\date{{}}\n"
        f"\\begin{{document}}\n\\begin{{frame}}\n\\titlepage\n\\end{{frame}}\n{frames}\n\\end{{document}}\n"
    )


class SlideWriter(TexWriter):
    """LaTeX in which each line of steps says when it appears."""

    def heading(self, text: str) -> str:
        return f"\\textcolor{{accent}}{{\\textbf{{{self.line(text)}}}}}\\par\n" if text else ""

    def steps(self, block: Steps) -> str:
        lines = "".join(f"\\reveal{{{n}}}{self.step(line)}" for n, line in enumerate(block.lines, 1))
        return self.heading(block.heading) + "\\begin{steps}\n" + lines + "\\reveal{1}\\end{steps}"


def _frames(section: Section, writer: SlideWriter) -> Iterator[str]:
    title = writer.line(section.title)
    for blocks in _slides(section.blocks):
        yield f"\\begin{{frame}}[t]{{{title}}}\n{writer.blocks(blocks)}\n\\end{{frame}}"


def _slides(blocks: tuple[Block, ...]) -> Iterator[list[Block]]:
    """Blocks that fit on a slide together; what is for reading only (code, cards, whole proofs) is left out."""
    slide: list[Block] = []
    room = ROOM
    for block in _shown(blocks):
        high = height(block)
        if slide and high > room:
            yield slide
            slide, room = [], ROOM
        slide.append(block)
        room -= high
    if slide:
        yield slide


def _shown(blocks: tuple[Block, ...]) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, Steps) and not block.folded:
            yield from _parted(block)
        elif isinstance(block, Exercise):
            yield Exercise(block.title, block.number, (), block.points)
            yield from _shown(block.prompt)
            if block.solution:
                yield Heading("Solution")
                yield from _shown(block.solution)
        elif not isinstance(block, Steps | Code | Card | Check | Assumptions):
            yield block


def _parted(block: Steps) -> Iterator[Steps]:
    """Steps in parts that fit on a slide; a part begins with the line that the one before ended with."""
    part: list[Line] = []
    left = block.lines[0].lhs if block.lines else ""
    for line in block.lines:
        if part and sum(map(_line_height, part)) + _line_height(line) > ROOM - 3:
            yield replace(block, lines=tuple(part))
            last = part[-1]
            part = [replace(last, lhs=last.lhs or left, why="", shape="", law="")] if not line.lhs else []
        left = line.lhs or left
        part.append(line)
    if part:
        yield replace(block, lines=tuple(part))


def _line_height(line: Line) -> float:
    tall = 2.2 if "\\frac" in line.rhs + line.lhs or "\\sum" in line.rhs else 1.5
    return tall * (1 + int(width(line.rhs) > 24))


def height(block: Block) -> float:
    """About how many lines of text a block takes."""
    match block:
        case Steps():
            return 1.5 + sum(map(_line_height, block.lines))
        case Prose(text):
            return 1.0 + len(text) / 75
        case Table():
            return 2.0 + 1.2 * len(block.rows)
        case Heading():
            return 1.5
    return 4.0
