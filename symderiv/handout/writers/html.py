"""HTML: one self-contained file per page, formulas in MathML, no script and no network."""

from __future__ import annotations

import html as escaping
import re
from functools import cache
from importlib import resources

from symderiv.handout.formula import width
from symderiv.handout.inline import Math, Span, Text, address, plain, spans
from symderiv.handout.linear import linear
from symderiv.handout.mathml import broken, mathml
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
    Symbols,
    Table,
)
from symderiv.handout.svg import svg
from symderiv.handout.visitor import Visitor, convention, points_text, symbol_table

EXTENSION = ".html"
LABEL = ""

_WIDE_LEFT_SIDE = 9.0
#: A formula within a sentence of more signs than these scrolls where it is wider than a phone.
LONG = 24
_GLUED = re.compile(r"[.,;:!?)\]’”]+(?=\s|$)")
_OPENERS = re.compile(r"(?:(?<=\s)|^)[(\[“‘]$")


def write(page: Page) -> str:
    """The page as a whole HTML document."""
    writer = HtmlWriter(page.anchors())
    note = f'<div class="note">{writer.prose(page.note)}</div>\n' if page.note else ""
    conventions = ""
    if page.convention:
        conventions = f'<div class="convention">{writer.prose(convention(page.convention.text))}</div>\n'
    sections = "\n".join(map(writer.section, page.sections))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(_plain(page.title))}</title><style>\n{_css()}</style></head>\n<body><main>\n"
        f"<h1>{writer.line(page.title)}</h1>\n{note}{conventions}{sections}\n</main></body></html>\n"
    )


class HtmlWriter(Visitor):
    """HTML; ``anchors`` say where a rule's name leads to."""

    gap = "\n"
    part_gap = "\n"

    def __init__(self, anchors: dict[str, str]) -> None:
        self.anchors = anchors

    def section(self, section: Section) -> str:
        number = f'<span class="num">{section.number}</span> ' if section.number is not None else ""
        blocks = "\n".join(map(self.block, section.blocks))
        return f'<section id="{_text(section.target)}"><h2>{number}{self.line(section.title)}</h2>\n{blocks}\n</section>'

    def heading(self, text: str) -> str:
        return f"<h3>{self.line(text)}</h3>" if text else ""

    # ------------------------------------------------------------ blocks
    def steps(self, block: Steps) -> str:
        lines = "\n".join(map(self._step, block.lines))
        steps = f'<div class="steps">{lines}</div>'
        if block.folded:
            return f"<details><summary>{self.line(block.heading)}</summary>{steps}</details>"
        return self.heading(block.heading) + steps

    def _step(self, line: Line) -> str:
        left = mathml(line.lhs, True) if line.lhs else ""
        kind = "lhs long" if line.lhs and width(line.lhs) > _WIDE_LEFT_SIDE else "lhs"
        number = f'<span class="no">{line.number}</span> ' if line.number is not None else ""
        law = f' <span class="law">{broken(line.law, display=False)}</span>' if line.law else ""
        rule = number + self._reason(line.why) + law
        shape = mathml(line.shape) if line.shape else ""
        why = f'<div class="why"><span class="rule">{rule}</span> <span class="shape">{shape}</span></div>'
        right = f'<div class="rhs">{broken(line.rhs, line.relation)}</div>'
        return f'<div class="{kind}">{left}</div><div class="step">{right}{why if rule or shape else ""}</div>'

    def _reason(self, text: str) -> str:
        """The prose of a reason; each of its names that stands on the card becomes a link."""

        def linked(name: str) -> str:
            target = self.anchors.get(name.strip())
            return f'<a href="#{_text(target)}">{_text(name)}</a>' if target else _text(name)

        return "".join(
            ", ".join(map(linked, span.text.split(", "))) if isinstance(span, Text) else self.spans((span,))
            for span in spans(text)
        )

    def symbols(self, block: Symbols) -> str:
        return self._table(symbol_table(block), "symbols")

    def table(self, block: Table) -> str:
        return self.heading(block.heading) + self._table(block)

    def _table(self, block: Table, kind: str = "") -> str:
        kind = " ".join(filter(None, (kind, "stack" if block.stack else "")))
        head = "".join(f'<th scope="col">{self.line(title)}</th>' for title in block.header)
        rows = "".join(
            "<tr>"
            + "".join(
                f'<td data-h="{_text(_plain(title))}">{self.line(cell)}</td>'
                for title, cell in zip(block.header, row, strict=True)
            )
            + "</tr>"
            for row in block.rows
        )
        attribute = f' class="{kind}"' if kind else ""
        head = f"<thead><tr>{head}</tr></thead>" if any(block.header) else ""
        return f'<div class="wide"><table{attribute}>{head}<tbody>{rows}</tbody></table></div>'

    def result(self, block: Result) -> str:
        inside = " ".join(f"<span>{broken(part)}</span>" for part in block.parts)
        return f'<div class="result">{inside}</div>'

    def assumptions(self, text: str) -> str:
        return f'<div class="assume">{self.prose(_with_bold("Assumptions.", text))}</div>'

    def check(self, block: Check) -> str:
        mark, kind = ("✓", "check") if block.ok else ("✗", "check bad")
        return f'<div class="{kind}">{self.prose(_with_bold(f"{mark} {block.word}.", block.text))}</div>'

    def example(self, block: Example) -> str:
        inside = "".join(f"<span>{broken(part)}</span>" for part in block.parts)
        return self.heading(block.heading) + f'<div class="example">{inside}</div>'

    def code(self, block: Code) -> str:
        inside = f'<pre><code class="language-{_text(block.language)}">{_text(block.text)}</code></pre>'
        if block.folded:
            return f'<details class="code"><summary>{self.line(block.heading)}</summary>{inside}</details>'
        return self.heading(block.heading) + f'<div class="code">{inside}</div>'

    def proof(self, block: Proof) -> str:
        return self.heading(block.heading) + f'<ul class="proof">{self._claim(block.tree)}</ul>'

    def _claim(self, node: ProofNode) -> str:
        why = f' <span class="why-inline">{self._reason(node.why)}</span>' if node.why else ""
        below = "".join(map(self._claim, node.children))
        return f"<li><span>{broken(node.claim, display=False)}</span>{why}{f'<ul>{below}</ul>' if below else ''}</li>"

    def card(self, block: Card) -> str:
        rows = "".join(
            f'<div id="{_text(row.target)}"><dt>{self.line(row.name)}</dt><dd>'
            + (broken(row.law, display=False) if row.law else "")
            + (f" <small>{self.line(row.note)}</small>" if row.note else "")
            + "</dd></div>\n"
            for row in block.rows
        )
        return self.heading(block.heading) + f'<dl class="card">\n{rows}</dl>'

    def figure(self, block: Figure) -> str:
        caption = f"<figcaption>{self.line(block.caption)}</figcaption>" if block.caption else ""
        return f"<figure>{svg(block.drawing, block.alt)}{caption}</figure>"

    def exercise_title(self, block: Exercise) -> str:
        points = f' <span class="points">{points_text(block.points)}</span>' if block.points else ""
        return f'<h3 class="title"><span class="num">Exercise {block.number}</span> {self.line(block.title)}{points}</h3>'

    def exercise_frame(self, block: Exercise, inside: str) -> str:
        return f'<div class="exercise" id="{_text(block.target)}">\n{inside}\n</div>'

    def aside(self, title: str, kind: str, blocks: tuple[Block, ...]) -> str:
        return f'<details class="{kind}"><summary>{title}</summary>\n{self.blocks(blocks)}\n</details>'

    # ------------------------------------------------------------ prose
    def bullets(self, items: tuple[tuple[Span, ...], ...], numbered: bool) -> str:
        tag = "ol" if numbered else "ul"
        return f"<{tag}>" + "".join(f"<li>{self.spans(item)}</li>" for item in items) + f"</{tag}>"

    def display(self, latex: str) -> str:
        return f'<div class="display">{broken(latex)}</div>'

    def paragraph(self, line: tuple[Span, ...]) -> str:
        return f"<p>{self.spans(line)}</p>"

    def text(self, text: str) -> str:
        return _text(text)

    def program(self, text: str) -> str:
        return f"<code>{_text(text)}</code>"

    def math(self, latex: str) -> str:
        return mathml(latex)

    def bold(self, inner: tuple[Span, ...]) -> str:
        return f"<b>{self.spans(inner)}</b>"

    def italic(self, inner: tuple[Span, ...]) -> str:
        return f"<i>{self.spans(inner)}</i>"

    def link(self, inner: tuple[Span, ...], target: str) -> str:
        return f'<a class="link" href="{_text(address(target, EXTENSION))}">{self.spans(inner)}</a>'

    def spans(self, line: tuple[Span, ...]) -> str:
        """Spans; a formula keeps the punctuation that touches it in its own line."""
        found: list[str] = []
        skip = 0
        for index, span in enumerate(line):
            if isinstance(span, Text):
                found.append(self.text(span.text[skip:]))
            elif isinstance(span, Math):
                after = line[index + 1] if index + 1 < len(line) else None
                glued = _GLUED.match(after.text) if isinstance(after, Text) else None
                skip = glued.end() if glued else 0
                opener = _OPENERS.search(found[-1]) if found and isinstance(line[index - 1], Text) else None
                if opener:
                    found[-1] = found[-1][: opener.start()]
                edge = (opener.group() if opener else "", glued.group() if glued else "")
                shown = edge[0] + self.math(span.latex) + edge[1]
                marks = [*(["nb"] if any(edge) else []), *(["long"] if len(linear(span.latex)) > LONG else [])]
                found.append(f'<span class="{" ".join(marks)}">{shown}</span>' if marks else shown)
                continue
            else:
                found.append(self.span(span))
            skip = 0
        return "".join(found)


def _with_bold(word: str, text: str) -> str:
    return f"**{word}** {text.strip()}"


def _plain(text: str) -> str:
    return "".join(linear(s.latex) if isinstance(s, Math) else plain((s,)) for s in spans(text))


def _text(text: str) -> str:
    return escaping.escape(text, quote=True)


@cache
def _css() -> str:
    return resources.files("symderiv.handout").joinpath("page.css").read_text(encoding="utf-8")
