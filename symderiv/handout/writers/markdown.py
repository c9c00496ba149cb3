"""Markdown as GitHub and notebooks show it: formulas between dollar signs, steps in ``aligned``."""

from __future__ import annotations

import re

from symderiv.handout.inline import (
    Bold,
    Bullets,
    Display,
    Inline,
    Italic,
    Link,
    Math,
    Span,
    Text,
    address,
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

EXTENSION = ".md"


def write(page: Page) -> str:
    """The page as one Markdown document."""
    convention = f"**Convention.** {_prose(page.convention.text)}\n\n" if page.convention else ""
    return f"# {_line(page.title)}\n\n{convention}" + "\n\n".join(map(_section, page.sections)) + "\n"


def _section(section: Section) -> str:
    number = f"{section.number}. " if section.number is not None else ""
    return "\n\n".join([f"## {number}{_line(section.title)}", *map(_block, section.blocks)])


def _block(block: Block) -> str:
    match block:
        case Prose(text):
            return _prose(text)
        case Heading(text):
            return f"### {_line(text)}"
        case Steps():
            lawful = any(line.law for line in block.lines)
            return _titled(block.heading, _ledger(block.lines) if lawful else aligned(block.lines))
        case Symbols():
            rows = tuple((f"${s}$", f"${shape}$" if shape else "", role) for s, shape, role in block.rows)
            return _table(Table(block.header, rows))
        case Table():
            return _titled(block.heading, _table(block))
        case Result():
            return f"$$\\boxed{{{_quad(block.parts)}}}$$"
        case Assumptions(text):
            return f"**Assumptions.** {_line(text)}"
        case Check(text, ok, word):
            return f"{'✓' if ok else '✗'} **{_text(word)}.** {_line(text)}"
        case Example():
            return _titled(block.heading, f"$${_quad(block.parts)}$$")
        case Code():
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", block.text)), default=0))
            return _titled(block.heading, f"{fence}{block.language}\n{block.text.rstrip()}\n{fence}")
        case Proof():
            return _titled(block.heading, "\n".join(_proof(block.tree, 0)))
        case Card():
            rows = tuple((f"*{r.name}*", f"${r.law}$" if r.law else "", r.note) for r in block.rows)
            return _titled(block.heading, _table(Table(("rule", "law", ""), rows)))


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


def _ledger(lines: tuple[Line, ...]) -> str:
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
    return _table(Table(("", "rule", "law", "result", "shape"), rows))


def _proof(node: ProofNode, depth: int) -> list[str]:
    why = f": {_line(node.why)}" if node.why else ""
    below = (line for child in node.children for line in _proof(child, depth + 1))
    return [f"{'  ' * depth}- ${_math(node.claim)}$" + why, *below]


def _table(block: Table) -> str:
    rows = (block.header, ("--",) * len(block.header), *block.rows)
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows)


def _cell(text: str) -> str:
    return "".join(
        f"${_math(span.latex)}$" if isinstance(span, Math) else _spans((span,)).replace("|", "\\|")
        for span in spans(text)
    )


def _quad(formulas: tuple[str, ...]) -> str:
    return " \\qquad ".join(map(_math, formulas))


def _titled(heading: str, text: str) -> str:
    return f"**{_line(heading)}**\n\n{text}" if heading else text


def _prose(text: str) -> str:
    found = []
    for part in parts(text):
        match part:
            case Bullets(items):
                found.append("\n".join(f"- {_spans(item)}" for item in items))
            case Display(latex):
                found.append(f"$${_math(latex)}$$")
            case _:
                found.append(re.sub(r"^([#+-]|\d+\.)(?=\s)", r"\\\1", _spans(part.spans)))
    return "\n\n".join(found)


def _line(text: str) -> str:
    return _spans(spans(text))


def _spans(line: tuple[Span, ...]) -> str:
    return "".join(map(_span, line))


def _span(span: Span) -> str:
    match span:
        case Text(text):
            return _text(text)
        case Inline(text):
            return f"`{text}`"
        case Math(latex):
            return f"${_math(latex)}$"
        case Bold(inner):
            return f"**{_spans(inner)}**"
        case Italic(inner):
            return f"*{_spans(inner)}*"
        case Link(inner, target):
            return f"[{_spans(inner)}]({address(target, EXTENSION)})"


def _math(latex: str) -> str:
    """A formula without the signs that Markdown or HTML would take for their own."""
    found = re.sub(r"\s*\n\s*", " ", latex)
    found = re.sub(r"(?<!\\)\|", r"\\vert ", found)
    found = found.replace(r"\{", r"\lbrace ").replace(r"\}", r"\rbrace ")
    found = re.sub(r"(?<!\\operatorname)\*", r"\\ast ", found)
    return found.replace("<", r"\lt ").replace(">", r"\gt ")


def _text(text: str) -> str:
    return re.sub(r"([\\`*_$\[\]<>])", r"\\\1", text)


def _escape_latex(text: str) -> str:
    return re.sub(r"([&%#_{}$])", r"\\\1", text)
