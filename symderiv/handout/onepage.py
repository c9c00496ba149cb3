r"""A page of tables as one sheet of A4 in LaTeX: columns of rows, as large as fits.

The other writers take any page; this one takes tables, a line about each, and the line of a check.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from symderiv.handout.inline import Math, spans
from symderiv.handout.model import Check, Page, Prose, Table
from symderiv.handout.writers.tex import TexWriter, bookmark, breakable, preamble

COLUMNS: Mapping[int, tuple[int, tuple[float, ...]]] = {
    2: (3, (0.48, 0.52)),
    3: (2, (0.17, 0.44, 0.39)),
    4: (2, (0.22, 0.35, 0.3, 0.13)),
}
LAWS = 2, (0.27, 0.73)
"""for rows of so many cells: in how many columns they stand, and the part of its column that each cell takes;
the same for names with laws"""


def write(page: Page) -> str:
    """The document; the prose of a section stands beside its title."""
    writer = TexWriter()
    parts = []
    for section in page.sections:
        tables = "".join(_rows(writer, block) for block in section.blocks if isinstance(block, Table))
        said = " ".join(writer.line(block.text) for block in section.blocks if isinstance(block, Prose))
        if tables:
            parts.append(f"\\cardgroup{{{writer.line(section.title)}}}{{{said}}}\n{tables}")
    checked = [block for section in page.sections for block in section.blocks if isinstance(block, Check)]
    parts += [f"\\cardcheck{{{writer.check(block)}}}\n" for block in checked]
    title = f"\\cardtitle{{{writer.line(page.title)}}}\n"
    look = resources.files("symderiv.handout").joinpath("onepage.tex").read_text(encoding="utf-8")
    return (
        "\\documentclass[10pt,a4paper]{article}\n\\usepackage[margin=1cm]{geometry}\n\\usepackage{multicol}\n"
        f"{preamble()}{look}\\hypersetup{{pdftitle={{{bookmark(page.title)}}}}}\n"
        f"\\begin{{document}}\n\\cardpage{{%\n{title}{''.join(parts)}}}\n\\end{{document}}\n"
    )


def _rows(writer: TexWriter, table: Table) -> str:
    columns, parts = COLUMNS[len(table.header)] if any(table.header) else LAWS
    lines = "".join(
        "\\cardline{" + "".join(_cell(writer, part, cell) for part, cell in zip(parts, row, strict=True)) + "}\n"
        for row in table.rows
    )
    return f"\\begin{{cardcolumns}}{{{columns}}}\n{lines}\\end{{cardcolumns}}\n"


def _cell(writer: TexWriter, part: float, cell: str) -> str:
    """A formula, broken or scaled where it doesn't fit; several, broken between them; or words."""
    formulas = [span.latex for span in spans(cell) if isinstance(span, Math)]
    if not formulas:
        return f"\\cardname{{{part}}}{{{writer.line(cell)}}}"
    if len(formulas) == 1:
        return f"\\cardcell{{{part}}}{{{breakable(formulas[0])}}}"
    return f"\\cardlaws{{{part}}}{{" + "\\cardnext ".join(f"\\cardlaw{{{breakable(latex)}}}" for latex in formulas) + "}"
