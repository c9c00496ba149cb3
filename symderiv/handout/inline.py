"""Prose, read: paragraphs and lists of spans (text, bold, italic, code, formula, link).

>>> spans("the *slope* $f'$")
(Text(text='the '), Italic(spans=(Text(text='slope'),)), Text(text=' '), Math(latex="f'"))
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Inline:
    """Program text inside a line."""

    text: str


@dataclass(frozen=True)
class Math:
    latex: str


@dataclass(frozen=True)
class Bold:
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Italic:
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Link:
    spans: tuple[Span, ...]
    target: str


Span = Text | Inline | Math | Bold | Italic | Link


@dataclass(frozen=True)
class Paragraph:
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Bullets:
    items: tuple[tuple[Span, ...], ...]
    numbered: bool = False


@dataclass(frozen=True)
class Display:
    latex: str


Part = Paragraph | Bullets | Display

_SPAN = re.compile(
    r"""\\(?P<escaped>[\\*`$\[\]])
    | `(?P<code>[^`]+)`
    | \$(?P<math>(?:[^$\\]|\\.)+)\$
    | \*\*(?P<bold>(?:[^*$`\\]|\\.|`[^`]+`|\$(?:[^$\\]|\\.)+\$|\*(?!\*)[^*]+\*)+)\*\*
    | \*(?P<italic>(?![\s*])(?:[^*$`\\]|\\.|`[^`]+`|\$(?:[^$\\]|\\.)+\$)+)\*
    | \[(?P<label>(?:[^\[\]$\\]|\\.|\$(?:[^$\\]|\\.)+\$)+)\]\((?P<target>[^()\s]+)\)
    """,
    re.VERBOSE | re.DOTALL,
)
_LIST = re.compile(r"\n\s*(?:(?P<dash>- )|1[.)] )")
_SAFE_TARGET = re.compile(r"#|(?:https?:)?//|[A-Za-z0-9_./-]+(?:#|$)")


@lru_cache(maxsize=4096)
def spans(text: str) -> tuple[Span, ...]:
    """The spans of one line or paragraph; adjacent pieces of text are one."""
    found: list[Span] = []
    at = 0
    for match in _SPAN.finditer(text):
        _add_text(found, text[at : match.start()])
        at = match.end()
        kind = match.lastgroup
        if kind == "escaped":
            _add_text(found, match["escaped"])
        elif kind == "code":
            found.append(Inline(match["code"]))
        elif kind == "math":
            found.append(Math(match["math"].strip()))
        elif kind == "bold":
            found.append(Bold(spans(match["bold"])))
        elif kind == "italic":
            found.append(Italic(spans(match["italic"])))
        elif _SAFE_TARGET.match(match["target"]):
            found.append(Link(spans(match["label"]), match["target"]))
        else:
            _add_text(found, match.group())
    _add_text(found, text[at:])
    return tuple(found)


def _add_text(found: list[Span], text: str) -> None:
    text = re.sub(r"\s+", " ", text)
    if text and found and isinstance(found[-1], Text):
        found[-1] = Text(found[-1].text + text)
    elif text:
        found.append(Text(text))


@lru_cache(maxsize=1024)
def parts(text: str) -> tuple[Part, ...]:
    """The paragraphs, lists and displayed formulas of a prose text."""
    return tuple(part for block in re.split(r"\n\s*\n", text.strip()) if block for part in _block(block))


def _block(block: str) -> list[Part]:
    stripped = block.strip()
    if len(stripped) > 4 and stripped.startswith("$$") and stripped.endswith("$$"):
        return [Display(stripped[2:-2].strip())]
    found: list[Part] = []
    first = _LIST.search("\n" + stripped)
    marker = r"\n\s*- " if first is None or first["dash"] else r"\n\s*\d+[.)] "
    before, *items = re.split(marker, "\n" + stripped)
    if before.strip():
        found.append(Paragraph(spans(before.strip())))
    if items:
        found.append(Bullets(tuple(spans(item.strip()) for item in items), marker.endswith("] ")))
    return found


def address(target: str, extension: str) -> str:
    """Where a link leads, in a format whose sheets have that extension.

    >>> address("hessian#s2", ".html"), address("#s2", ".html"), address("notes/a.txt", ".html")
    ('hessian.html#s2', '#s2', 'notes/a.txt')
    """
    return re.sub(r"^([A-Za-z0-9_-]+)(?=#|$)", lambda m: m[1] + extension, target)


def plain(line: tuple[Span, ...]) -> str:
    """The text of spans without their markup; formulas stay LaTeX."""
    return "".join(
        span.text if isinstance(span, Text | Inline) else span.latex if isinstance(span, Math) else plain(span.spans)
        for span in line
    )
