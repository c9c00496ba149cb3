r"""MathML that reads well as plain text: what is left of it where a page's tags are taken out, as in a notebook that isn't trusted.

Signs are put in that a browser doesn't show: a fraction's bar as /, indices with _, exponents with ^, brackets around what
belongs together. They go by an attribute of their own, which needs no stylesheet.

>>> from symderiv.handout.mathml import mathml
>>> bare(readable(mathml(r"\frac{\partial a}{\partial h^\top}=W_{ij}\,\sqrt{x+1}")))
'∂a/(∂h^⊤) = W_(ij) √(x + 1)'
>>> bare(readable(mathml(r"\begin{bmatrix}1&2\\3&4\end{bmatrix}\odot\sum_k a_k")))
'[1, 2; 3, 4] ⊙ ∑_k a_k'
"""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET

HIDDEN = {"style": "display:none"}
_MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)
_NAMED = re.compile(r"&(?!(?:lt|gt|amp|quot);)\w+;")
_TAG = re.compile(r"<[^>]*>")
_SPACED = set("=+−-⊙⊘⊗∈≈<>≤≥≠⇒⟹→⟶↦⪰≻⪯≺×∝∼≔")
_FIRST = "=≈∈⪰≻≥"
"""relations that begin a line"""
_WORDS = {"mi", "mn", "mtext"}
_LEAST_SPACE = 0.1
"""in em: a narrower one, or one that draws together, is no space between words"""


def readable(page: str) -> str:
    """The page with every formula made so; what is drawn doesn't change."""
    return _MATH.sub(lambda found: _made(found[0]), page)


def bare(page: str) -> str:
    """The text that is left when all tags are gone."""
    return re.sub(r" +", " ", html.unescape(_TAG.sub("", page))).strip()


def _made(math: str) -> str:
    root = ET.fromstring(_NAMED.sub(lambda name: html.unescape(name[0]), math))
    _visit(root)
    return ET.tostring(root, encoding="unicode", short_empty_elements=False)


def _sign(text: str) -> ET.Element:
    made = ET.Element("mtext", HIDDEN)
    made.text = text
    return made


def _visit(node: ET.Element) -> None:
    """Put signs into what stands below, then around the parts of this node."""
    for child in node:
        _visit(child)
    parts = list(node)
    match node.tag:
        case "mfrac" if len(parts) == 2 and node.get("linethickness") not in ("0", "0px"):
            _replace(node, 0, "", parts[0], "/")
            _replace(node, 1, "", parts[1], "")
        case "mfrac" if len(parts) == 2:
            node[0] = _row(parts[0], _sign(" over "))
        case "msup" | "mover" if len(parts) == 2 and node.get("accent") != "true":
            _replace(node, 1, "" if _text(parts[1]) in "′″‴" else "^", parts[1], "")
        case "msub" | "munder" if len(parts) == 2:
            _replace(node, 1, "_", parts[1], "")
        case "msubsup" | "munderover" if len(parts) == 3:
            _replace(node, 1, "_", parts[1], "")
            _replace(node, 2, "^", parts[2], "")
        case "msqrt":
            node[:] = [_sign("√("), *parts, _sign(")")]
        case "mroot" if len(parts) == 2:
            node[0] = _row(_sign("root("), parts[0], _sign(", "))
            node[1] = _row(parts[1], _sign(")"))
        case "mtable":
            for row in parts:
                for cell in list(row)[:-1]:
                    cell.append(_sign(", "))
                if row is not parts[-1] and len(row):
                    row[-1].append(_sign("; "))
    if node.tag in ("math", "mrow", "mstyle", "mpadded", "mtd", "msqrt"):
        node[:] = _spaced(list(node))


def _replace(node: ET.Element, place: int, before: str, part: ET.Element, after: str) -> None:
    """Signs around a part, and brackets where it is more than a word."""
    text = _text(part)
    whole = len(text) <= 1 or (text.isalnum() and _words(part) == 1) or re.fullmatch(r"∂\w", text)
    start, end = (before, after) if whole else (f"{before}(", f"){after}")
    node[place] = _row(*([_sign(start)] if start else []), part, *([_sign(end)] if end else []))


def _row(*parts: ET.Element) -> ET.Element:
    made = ET.Element("mrow")
    made.extend(parts)
    return made


def _spaced(parts: list[ET.Element]) -> list[ET.Element]:
    """Spaces around signs between terms, where a space is drawn, and between words that would run together."""
    found: list[ET.Element] = []
    before = ""
    for part in parts:
        text = _text(part)
        wide = part.tag == "mspace" and _em(part.get("width", "0")) > _LEAST_SPACE
        infix = part.tag == "mo" and text in _SPACED and (before not in ("", *_SPACED, *"([⟨") or text in _FIRST)
        run = bool(re.search(r"\w$", before) and re.match(r"\w", text)) and (len(text) > 1 or bool(re.search(r"\w\w$", before)))
        if wide or (infix and before) or run or (before[-1:] in (",", ";") and text) or _apart(before, text):
            found.append(_sign(" "))
        found.append(part)
        if infix:
            found.append(_sign(" "))
        before = text or before or (" " if part.tag == "mrow" else "")        # {} stands for a term on the line before
    return found


def _apart(before: str, text: str) -> bool:
    """Whether a sum begins or has begun."""
    return bool(before.strip() and text) and before[-1] not in "([⟨" and (before[0] in "∑∏" or text[0] in "∑∏")


def _em(width: str) -> float:
    found = re.match(r"-?[\d.]+", width)
    return float(found[0]) if found else 0.0


def _text(node: ET.Element) -> str:
    return "".join(node.itertext())


def _words(node: ET.Element) -> int:
    return sum(one.tag in _WORDS for one in node.iter())


__all__ = ["bare", "readable"]
