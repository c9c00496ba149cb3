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
    Figure,
    Heading,
    Line,
    Page,
    Prose,
    Section,
    Steps,
    Table,
)
from symderiv.handout.visitor import exercise_title
from symderiv.handout.writers.tex import TexWriter, bookmark, preamble

EXTENSION = ".slides.tex"
LABEL = "slides in LaTeX"

ROOM = 17.0
"""how much fits on a slide, in lines of text"""
_HEAD = r"""\documentclass[aspectratio=169,11pt,notheorems,usepdftitle=false]{beamer}
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
\newsavebox\sd@slide
\NewDocumentEnvironment{fitted}{+b}{% what is too high for a slide is scaled down
  \setbox\sd@slide=\vbox{\hsize=\linewidth\parskip=3pt plus 1pt\relax #1\par}%
  \setbox\sd@box=\vbox{\hsize=\linewidth\usebeamerfont{frametitle}\noindent\strut\insertframetitle\strut\par}%
  \sd@room=\dimexpr\textheight-\ht\sd@box-\dp\sd@box-1.2\baselineskip\relax
  \ifdim\dimexpr\ht\sd@slide+\dp\sd@slide\relax>\sd@room
    \noindent\hfil\resizebox{!}{\sd@room}{\box\sd@slide}%
  \else\unvbox\sd@slide\fi}{}
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
    for title, blocks in _parts(section):
        for shown in _slides(blocks):
            yield f"\\begin{{frame}}[t]{{{writer.line(title)}}}\n\\begin{{fitted}}\n{writer.blocks(shown)}\n\\end{{fitted}}\n\\end{{frame}}"


def _parts(section: Section) -> Iterator[tuple[str, list[Block]]]:
    """What begins on a new slide, with its title: an exercise, its solution, what stands between exercises."""
    between: list[Block] = []
    for block in section.blocks:
        if not isinstance(block, Exercise):
            between.append(block)
            continue
        yield section.title, between
        between = []
        yield exercise_title(block), list(block.prompt)
        if block.solution:
            yield f"Solution of exercise {block.number}", list(block.solution)
    yield section.title, between


def _slides(blocks: list[Block]) -> Iterator[list[Block]]:
    """Blocks that fit on a slide together; what is for reading only (code, cards, whole proofs) is left out."""
    slide: list[Block] = []
    room = ROOM
    for block in _shown(blocks):
        high = height(block)
        if slide and high > room and not isinstance(slide[-1], Heading):
            yield slide
            slide, room = [], ROOM
        slide.append(block)
        room -= high
    if slide:
        yield slide


def _shown(blocks: list[Block]) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, Steps) and not block.folded:
            yield from _parted(block)
        elif not isinstance(block, Steps | Code | Card | Assumptions) and not (isinstance(block, Check) and block.ok):
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
        case Figure(drawing):
            return max(5.0, min(ROOM - 1, drawing.height * 0.8)) + (1.5 if block.caption else 0)
    return 4.0
