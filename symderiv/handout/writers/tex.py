"""LaTeX: a sheet that plain pdflatex compiles without a warning, or its body alone."""

from __future__ import annotations

import math
import re
import unicodedata
from functools import cache
from importlib import resources

from symderiv.handout.formula import pieces, width
from symderiv.handout.inline import Bold, Inline, Italic, Link, Math, Span, plain, spans
from symderiv.handout.model import (
    Block,
    Card,
    Check,
    Code,
    Example,
    Exercise,
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
from symderiv.handout.picture import picture
from symderiv.handout.unicode import COMMAND
from symderiv.handout.visitor import Visitor, points_text

EXTENSION = ".tex"
LABEL = "LaTeX"

_TEXT_WIDTH = 41.0
_LONG_INLINE = 11.0
_LONG_CODE = 24
_CODE_COLUMNS = 88
_LINES_IN_A_TABLE = 30
_ESCAPED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    **{sign: "\\" + sign for sign in "#$%&_{}"},
}
_CODE_ESCAPED = _ESCAPED | {"'": r"\textquotesingle{}", "`": r"\textasciigrave{}", " ": r"\ "}
_CODE_ESCAPED |= {sign: sign + "{}" for sign in "-<>,?!"}
_IN_T1 = set("¡¢£¥§©«»®°¿–—‘’‚“”„†‡•‰‹›€™²³¹ªº¼½¾±µ×÷¬") | {chr(code) for code in range(0xC0, 0x180)}


def write(page: Page, standalone: bool = True) -> str:
    """The page as a document, or, for ``\\input``, its body, which needs ``preamble()`` in the document's head."""
    body = _body(page)
    if not standalone:
        return body
    return (
        "\\documentclass[11pt,a4paper]{article}\n\\usepackage[margin=2.5cm]{geometry}\n"
        f"{drawing_package(page)}{preamble()}\\hypersetup{{pdftitle={{{bookmark(page.title)}}}}}\n"
        f"\\begin{{document}}\n{body}\\end{{document}}\n"
    )


def _body(page: Page) -> str:
    writer = TexWriter()
    opening = "".join(f"{part}\n" for part in writer.opening(page))
    sections = "\n".join(map(writer.section, page.sections))
    return f"\\handouttitle{{{writer.line(page.title)}}}\n{opening}{sections}\n"


@cache
def preamble() -> str:
    """The packages and macros that a sheet needs."""
    return resources.files("symderiv.handout").joinpath("preamble.tex").read_text(encoding="utf-8")


def drawing_package(page: Page) -> str:
    """TikZ for a page with drawings, where it is installed; the preamble draws without it too."""
    drawn = any(isinstance(block, Figure) for section in page.sections for block in walked(section.blocks))
    return "\\IfFileExists{tikz.sty}{\\usepackage{tikz}}{}\n" if drawn else ""


class TexWriter(Visitor):
    """LaTeX in the macros of the preamble."""

    gap = "\n"
    part_gap = "\n"

    def section(self, section: Section) -> str:
        title = self.line(section.title)
        if title != bookmark(section.title):
            title = f"\\texorpdfstring{{{title}}}{{{bookmark(section.title)}}}"
        if section.number is None:
            room = "cardroom" if all(isinstance(block, Card) for block in section.blocks) else "room"
            head = f"\\{room}\\section*{{{title}}}"
        else:
            head = f"\\room\\section{{{title}}}"
        return "\n".join([head, *map(self.block, section.blocks)])

    def heading(self, text: str) -> str:
        return f"\\form{{{self.line(text)}}}\n" if text else ""

    # ------------------------------------------------------------ blocks
    def steps(self, block: Steps) -> str:
        lines = "".join(map(self.step, block.lines))
        return self.heading(block.heading) + "\\begin{steps}\n" + lines + "\\end{steps}"

    def step(self, line: Line) -> str:
        number = f"{line.number}. " if line.number is not None else ""
        law = f"[{{{breakable(line.law)}}}]" if line.law else ""
        right = line.relation + " " + breakable(line.rhs, 8)
        return f"\\step{law}{{{math_in_ascii(line.lhs)}}}{{{right}}}{{{number}{self.line(line.why)}}}{{{math_in_ascii(line.shape)}}}\n"

    def table(self, block: Table) -> str:
        """A table, in several parts if it is long: a tabular can't be broken."""
        columns, rooms = _columns(block)
        narrow = "\\small" if any(rooms) else ""
        head = " & ".join(map(self.line, block.header)) + "\\\\\\midrule\n" if any(block.header) else ""
        chunks: list[str] = []
        full = _LINES_IN_A_TABLE
        for row in block.rows:
            lines = max((math.ceil(_cell_width(c) / room) for c, room in zip(row, rooms, strict=True) if room), default=1)
            full += max(lines, 1)
            if full > _LINES_IN_A_TABLE:
                chunks.append("")
                full = lines
            chunks[-1] += " & ".join(map(self.line, row)) + "\\\\\n"
        return self.heading(block.heading) + "\n".join(
            f"\\sheettable{{{narrow}\\begin{{tabular}}{{{columns}}}\\toprule\n{head}{body}\\bottomrule\\end{{tabular}}}}"
            for body in chunks
        )

    def result(self, block: Result) -> str:
        return "\\result{%\n" + _pieces(block.parts) + "}"

    def assumptions(self, text: str) -> str:
        return f"\\assumptions{{{self.line(text)}}}"

    def check(self, block: Check) -> str:
        return f"\\{'checked' if block.ok else 'failed'}{{{_text(block.word)}}}{{{self.line(block.text)}}}"

    def example(self, block: Example) -> str:
        return self.heading(block.heading) + "\\numbers{%\n" + _pieces(block.parts) + "}"

    def code(self, block: Code) -> str:
        program = "\n".join(f"\\codeline{{{_code_text(line)}}}" for line in _wrapped(block.text))
        return self.heading(block.heading) + f"\\begin{{listing}}%\n{program}\n\\end{{listing}}"

    def proof(self, block: Proof) -> str:
        return self.heading(block.heading) + "\n".join(self._claims(block.tree, 0))

    def _claims(self, node: ProofNode, depth: int) -> list[str]:
        here = f"\\claim{{{depth}}}{{{breakable(node.claim)}}}{{{self.line(node.why)}}}"
        return [here, *(line for child in node.children for line in self._claims(child, depth + 1))]

    def card(self, block: Card) -> str:
        rows = "".join(
            f"\\cardrow{{{self.line(r.name)}}}{{{breakable(r.law, 0)}}}{{{self.line(r.note)}}}\n" for r in block.rows
        )
        return self.heading(block.heading) + f"\\begin{{card}}\n{rows}\\end{{card}}"

    def figure(self, block: Figure) -> str:
        caption = self.line(block.caption)
        return f"\\begin{{sheetfigure}}{{{caption}}}\n{picture(block.drawing, math_in_ascii, _text)}\\end{{sheetfigure}}"

    def exercise_title(self, block: Exercise) -> str:
        points = points_text(block.points) if block.points else ""
        return f"\\exercise{{{block.number}}}{{{self.line(block.title)}}}{{{points}}}"

    def aside(self, title: str, kind: str, blocks: tuple[Block, ...]) -> str:
        return f"\\begin{{{kind}}}{{{title}}}\n{self.blocks(blocks)}\n\\end{{{kind}}}"

    # ------------------------------------------------------------ prose
    def bullets(self, items: tuple[tuple[Span, ...], ...], numbered: bool) -> str:
        lines = "".join(f"\\item {self.spans(item)}\n" for item in items)
        kind = "enumerate" if numbered else "itemize"
        return f"\\begin{{{kind}}}\\raggedright\n{lines}\\end{{{kind}}}\n"

    def display(self, latex: str) -> str:
        return f"\\formula{{{breakable(latex, 8)}}}\n"

    def paragraph(self, line: tuple[Span, ...]) -> str:
        text = self.spans(line)
        return f"{{\\raggedright {text}\\par}}\n" if _stiff(line) else f"{text}\n"

    def text(self, text: str) -> str:
        return _text(text)

    def program(self, text: str) -> str:
        return f"\\texttt{{{re.sub(r'([(,.=_/])', _allow_break, _code_text(text, False))}}}"

    def math(self, latex: str) -> str:
        return f"${breakable(latex) if width(latex) > _LONG_INLINE else math_in_ascii(latex)}$"

    def bold(self, inner: tuple[Span, ...]) -> str:
        return f"\\textbf{{{self.spans(inner)}}}"

    def italic(self, inner: tuple[Span, ...]) -> str:
        return f"\\emph{{{self.spans(inner)}}}"

    def link(self, inner: tuple[Span, ...], target: str) -> str:
        shown = self.spans(inner)
        if re.match(r"https?://", target):
            return f"\\href{{{_address(target)}}}{{{shown}}}"
        return shown


def _address(target: str) -> str:
    r"""An address as \\href takes it: what TeX has no plain sign for is written by its number."""
    return "".join(f"\\%{ord(sign):02X}" if sign in "\\^{}" else f"\\{sign}" if sign in "%#&_" else sign for sign in target)


def bookmark(title: str) -> str:
    """A title as a viewer's list of contents can show it."""
    return "".join(sign for sign in plain(spans(title)) if sign in _IN_T1 or re.match(r"[A-Za-z0-9 .,:()-]", sign))


def _pieces(formulas: tuple[str, ...]) -> str:
    return "".join(f"\\piece{{{breakable(part, 8)}}}%\n" for part in formulas)


def _columns(block: Table) -> tuple[str, list[float]]:
    """The columns' kinds, and how wide each is that is broken into lines (0: as wide as its widest cell).

    If not all fit, the widest columns share what room the others leave.
    """
    widths = [max(map(_cell_width, column)) + 1.0 for column in zip(block.header, *block.rows, strict=True)]
    left, over = _TEXT_WIDTH, set(range(len(widths)))
    while fitting := {c for c in over if widths[c] <= left / len(over)}:
        over -= fitting
        left -= sum(widths[c] for c in fitting)
        if not over:
            return "@{}" + "l" * len(widths) + "@{}", [0.0] * len(widths)
    share = left / len(over) - 1.0
    ragged = f">{{\\raggedright\\arraybackslash}}p{{{share / _TEXT_WIDTH:.3f}\\linewidth}}"
    kinds = "".join(ragged if c in over else "l" for c in range(len(widths)))
    return f"@{{}}{kinds}@{{}}", [share if c in over else 0.0 for c in range(len(widths))]


def _cell_width(cell: str) -> float:
    """About how wide a cell is, in em."""
    return sum(
        0.75 * width(span.latex) if isinstance(span, Math) else (0.53 if isinstance(span, Inline) else 0.47) * len(text)
        for span in spans(cell)
        for text in [plain((span,))]
    )


def _stiff(line: tuple[Span, ...]) -> bool:
    """Whether a paragraph has parts so long that it can't be justified well."""
    for span in line:
        if isinstance(span, Math) and width(span.latex) > _LONG_INLINE:
            return True
        if isinstance(span, Inline) and len(span.text) > _LONG_CODE:
            return True
        if isinstance(span, Bold | Italic | Link) and _stiff(span.spans):
            return True
    return False


def _allow_break(match: re.Match[str]) -> str:
    return match[1] + "\\allowbreak{}"


def breakable(latex: str, limit: float = 8.0) -> str:
    """A formula with the places where it may be broken."""
    found = pieces(latex, limit or 8.0)
    return "".join((f"\\brk<{bad}>" if index else "") + math_in_ascii(piece) for index, (piece, bad) in enumerate(found))


def math_in_ascii(latex: str) -> str:
    """A formula in ASCII; empty lines, which would end it, are gone."""
    found = "".join(sign if sign.isascii() else _sign(sign) for sign in latex)
    return re.sub(r"\s*\n\s*", " ", found)


def _sign(sign: str) -> str:
    if sign in COMMAND:
        return "{" + COMMAND[sign] + "}"
    return sign if sign in _IN_T1 else rf"\text{{[U+{ord(sign):04X}]}}"


def _text(text: str) -> str:
    return "".join(_ESCAPED.get(sign) or (sign if sign.isascii() else _letter(sign)) for sign in text)


def _code_text(text: str, spaces: bool = True) -> str:
    shown = "".join(_CODE_ESCAPED.get(sign) or (sign if sign.isascii() else _letter(sign)) for sign in text)
    return shown if spaces else shown.replace("\\ ", " ")


def _letter(sign: str) -> str:
    """A sign outside ASCII that pdflatex can set: from the fonts, as mathematics, or by its number."""
    if sign in _IN_T1:
        return sign
    if sign in "·":
        return r"\textperiodcentered{}"
    if sign in COMMAND:
        return f"\\ensuremath{{{COMMAND[sign]}}}"
    if sign in "\u00a0\u2007":
        return "~"
    simple = unicodedata.normalize("NFKC", sign)
    if simple != sign and simple.isascii():
        return _text(simple)
    return f"[U+{ord(sign):04X}]"


def _wrapped(text: str) -> list[str]:
    """Lines of a program, the long ones continued on a line that is indented deeper."""
    found: list[str] = []
    for line in text.expandtabs(4).splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        while len(line) > _CODE_COLUMNS:
            cut = line.rfind(" ", len(indent), _CODE_COLUMNS)
            cut = cut if cut > len(indent) else _CODE_COLUMNS
            found.append(line[:cut])
            line = indent + line[cut:].lstrip()
        found.append(line)
    return found
