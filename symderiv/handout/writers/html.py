"""HTML: one self-contained file per page, formulas in MathML, no script and no network."""

from __future__ import annotations

import html as escaping
import re
from functools import cache
from importlib import resources

from symderiv.handout.formula import width
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
    plain,
    spans,
)
from symderiv.handout.linear import linear
from symderiv.handout.mathml import broken, mathml
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

EXTENSION = ".html"

_WIDE_LEFT_SIDE = 9.0
_GLUED = re.compile(r"[.,;:!?)\]’”]+(?=\s|$)")
_OPENERS = re.compile(r"(?:(?<=\s)|^)[(\[“‘]$")
Anchors = dict[str, str]


def write(page: Page) -> str:
    """The page as a whole HTML document."""
    anchors = page.anchors()
    convention = ""
    if page.convention:
        convention = f'<div class="convention">{_prose(_with_bold("Convention.", page.convention.text))}</div>\n'
    sections = "\n".join(_section(section, anchors) for section in page.sections)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(page.title)}</title><style>\n{_css()}</style></head>\n<body><main>\n"
        f"<h1>{_line(page.title)}</h1>\n{convention}{sections}\n</main></body></html>\n"
    )


def _section(section: Section, anchors: Anchors) -> str:
    number = f'<span class="num">{section.number}</span> ' if section.number is not None else ""
    blocks = "\n".join(_block(block, anchors) for block in section.blocks)
    return f'<section id="{_text(section.target)}"><h2>{number}{_line(section.title)}</h2>\n{blocks}\n</section>'


def _block(block: Block, anchors: Anchors) -> str:
    match block:
        case Prose(text):
            return _prose(text)
        case Heading(text):
            return _heading(text)
        case Steps():
            return _steps(block, anchors)
        case Symbols():
            return _symbols(block)
        case Table():
            return _heading(block.heading) + _table(block)
        case Result():
            inside = "".join(f"<span>{broken(part)}</span>" for part in block.parts)
            return f'<div class="result">{inside}</div>'
        case Assumptions(text):
            return f'<div class="assume">{_prose(_with_bold("Assumptions.", text))}</div>'
        case Check(text, ok, word):
            mark, kind = ("✓", "check") if ok else ("✗", "check bad")
            return f'<div class="{kind}">{_prose(_with_bold(f"{mark} {word}.", text))}</div>'
        case Example():
            inside = "".join(f"<span>{broken(part)}</span>" for part in block.parts)
            return _heading(block.heading) + f'<div class="example">{inside}</div>'
        case Code():
            return _code(block)
        case Proof():
            return _heading(block.heading) + f'<ul class="proof">{_proof(block.tree, anchors)}</ul>'
        case Card():
            return _heading(block.heading) + _card(block)


def _steps(block: Steps, anchors: Anchors) -> str:
    lines = "\n".join(_step(line, anchors) for line in block.lines)
    steps = f'<div class="steps">{lines}</div>'
    if block.folded:
        return f"<details><summary>{_line(block.heading)}</summary>{steps}</details>"
    return _heading(block.heading) + steps


def _step(line: Line, anchors: Anchors) -> str:
    left = mathml(line.lhs, True) if line.lhs else ""
    kind = "lhs long" if line.lhs and width(line.lhs) > _WIDE_LEFT_SIDE else "lhs"
    number = f'<span class="no">{line.number}</span> ' if line.number is not None else ""
    law = f'<span class="law">{broken(line.law, display=False)}</span>' if line.law else ""
    rule = number + _reason(line.why, anchors) + law
    shape = mathml(line.shape) if line.shape else ""
    why = f'<div class="why"><span class="rule">{rule}</span><span class="shape">{shape}</span></div>'
    right = f'<div class="rhs">{broken(line.rhs, line.relation)}</div>'
    return f'<div class="{kind}">{left}</div><div class="step">{right}{why if rule or shape else ""}</div>'


def _reason(text: str, anchors: Anchors) -> str:
    """The prose of a reason; each of its names that stands on the card becomes a link."""

    def linked(name: str) -> str:
        target = anchors.get(name.strip())
        return f'<a href="#{_text(target)}">{_text(name)}</a>' if target else _text(name)

    return "".join(
        ", ".join(map(linked, span.text.split(", "))) if isinstance(span, Text) else _spans((span,))
        for span in spans(text)
    )


def _symbols(block: Symbols) -> str:
    rows = tuple((f"${s}$", f"${shape}$" if shape else "", role) for s, shape, role in block.rows)
    return _table(Table(block.header, rows), "symbols")


def _table(block: Table, kind: str = "") -> str:
    kind = " ".join(filter(None, (kind, "stack" if block.stack else "")))
    head = "".join(f'<th scope="col">{_line(title)}</th>' for title in block.header)
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td data-h="{_text(_plain(title))}">{_line(cell)}</td>'
            for title, cell in zip(block.header, row, strict=True)
        )
        + "</tr>"
        for row in block.rows
    )
    attribute = f' class="{kind}"' if kind else ""
    head = f"<thead><tr>{head}</tr></thead>" if any(block.header) else ""
    return f'<div class="wide"><table{attribute}>{head}<tbody>{rows}</tbody></table></div>'


def _code(block: Code) -> str:
    inside = f'<pre><code class="language-{_text(block.language)}">{_text(block.text)}</code></pre>'
    if block.folded:
        return f'<details class="code"><summary>{_line(block.heading)}</summary>{inside}</details>'
    return _heading(block.heading) + f'<div class="code">{inside}</div>'


def _proof(node: ProofNode, anchors: Anchors) -> str:
    why = f' <span class="why-inline">{_reason(node.why, anchors)}</span>' if node.why else ""
    below = "".join(_proof(child, anchors) for child in node.children)
    return f"<li><span>{broken(node.claim, display=False)}</span>{why}{f'<ul>{below}</ul>' if below else ''}</li>"


def _card(block: Card) -> str:
    rows = "".join(
        f'<div id="{_text(row.target)}"><dt>{_line(row.name)}</dt><dd>'
        + (broken(row.law, display=False) if row.law else "")
        + (f" <small>{_line(row.note)}</small>" if row.note else "")
        + "</dd></div>\n"
        for row in block.rows
    )
    return f'<dl class="card">\n{rows}</dl>'


def _heading(text: str) -> str:
    return f"<h3>{_line(text)}</h3>" if text else ""


def _with_bold(word: str, text: str) -> str:
    return f"**{word}** {text.strip()}"


def _prose(text: str) -> str:
    found = []
    for part in parts(text):
        match part:
            case Bullets(items):
                found.append("<ul>" + "".join(f"<li>{_spans(item)}</li>" for item in items) + "</ul>")
            case Display(latex):
                found.append(f'<div class="display">{broken(latex)}</div>')
            case _:
                found.append(f"<p>{_spans(part.spans)}</p>")
    return "\n".join(found)


def _line(text: str) -> str:
    return _spans(spans(text))


def _spans(line: tuple[Span, ...]) -> str:
    """Spans; a formula keeps the punctuation that touches it in its own line."""
    found: list[str] = []
    skip = 0
    for index, span in enumerate(line):
        match span:
            case Text(text):
                found.append(_text(text[skip:]))
            case Inline(text):
                found.append(f"<code>{_text(text)}</code>")
            case Math(latex):
                after = line[index + 1] if index + 1 < len(line) else None
                glued = _GLUED.match(after.text) if isinstance(after, Text) else None
                skip = glued.end() if glued else 0
                opener = _OPENERS.search(found[-1]) if found and isinstance(line[index - 1], Text) else None
                if opener:
                    found[-1] = found[-1][: opener.start()]
                edge = (opener.group() if opener else "", glued.group() if glued else "")
                shown = edge[0] + mathml(latex) + edge[1]
                found.append(f'<span class="nb">{shown}</span>' if any(edge) else shown)
                continue
            case Bold(inner):
                found.append(f"<b>{_spans(inner)}</b>")
            case Italic(inner):
                found.append(f"<i>{_spans(inner)}</i>")
            case Link(inner, target):
                found.append(f'<a class="link" href="{_text(address(target, EXTENSION))}">{_spans(inner)}</a>')
        skip = 0
    return "".join(found)


def _plain(text: str) -> str:
    return "".join(linear(s.latex) if isinstance(s, Math) else plain((s,)) for s in spans(text))


def _text(text: str) -> str:
    return escaping.escape(text, quote=True)


@cache
def _css() -> str:
    return resources.files("symderiv.handout").joinpath("page.css").read_text(encoding="utf-8")
