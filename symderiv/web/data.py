r"""Blocks of a page as data for the front end: formulas with their LaTeX, and with MathML where that can be made here.

>>> formula("x_i", mathml=False)
{'latex': 'x_i', 'pieces': ['x_i']}
>>> [part["type"] for part in prose("is $x$ *here*")]
['text', 'math', 'text', 'italic']
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from symderiv.handout.formula import pieces
from symderiv.handout.inline import Bold, Inline, Italic, Link, Math, Span, Text, spans
from symderiv.handout.model import (
    Assumptions,
    Block,
    Check,
    Code,
    Heading,
    Line,
    Proof,
    ProofNode,
    Prose,
    Result,
    Steps,
    Symbols,
    Table,
)

Data = dict[str, Any]
LONGEST_FORMULA = 20_000


@cache
def converter() -> Any:
    """The maker of MathML, or None where math-core can't be had: then the front end makes it."""
    try:
        from symderiv.handout.mathml import broken, mathml
    except ImportError:
        return None
    return lambda latex, relation, inline: mathml(latex) if inline else broken(latex, relation)


def formula(latex: str, relation: str = "", mathml: bool = True, inline: bool = False) -> Data:
    """A formula after its relation sign: its LaTeX, that in pieces between which a line may break, its MathML.

    ``inline``: within a sentence, where it stays whole.
    """
    if len(latex) > LONGEST_FORMULA:
        return {"latex": latex, "long": len(latex)}
    found: Data = {"latex": latex, "pieces": [latex] if inline else [piece for piece, _ in pieces(latex)]}
    if inline:
        found["inline"] = True
    if relation:
        found["relation"] = relation
    if mathml and converter() is not None:
        found["mathml"] = converter()(latex, relation, inline)
    return found


def prose(text: str) -> list[Data]:
    """A line of prose as spans."""
    return [_span(span) for span in spans(text)]


def _span(span: Span) -> Data:
    match span:
        case Text(text):
            return {"type": "text", "text": text}
        case Inline(text):
            return {"type": "code", "text": text}
        case Math(latex):
            return {"type": "math", "formula": formula(latex, inline=True)}
        case Bold(inner):
            return {"type": "bold", "spans": [_span(s) for s in inner]}
        case Italic(inner):
            return {"type": "italic", "spans": [_span(s) for s in inner]}
        case Link(inner, _):
            return {"type": "text", "text": "".join(s.text for s in inner if isinstance(s, Text))}
    raise AssertionError(span)


def blocks(given: Iterable[Block]) -> list[Data]:
    """Blocks as data, each with its type."""
    return [_block(block) for block in given]


def _block(block: Block) -> Data:
    match block:
        case Prose(text) | Assumptions(text):
            return {"type": type(block).__name__.lower(), "spans": prose(text)}
        case Heading(text):
            return {"type": "heading", "spans": prose(text)}
        case Steps(heading, lines, folded):
            return {"type": "steps", "heading": heading, "folded": folded, "lines": list(map(_line, lines))}
        case Symbols(rows, header):
            cells = [[_math(symbol), _math(shape), prose(role)] for symbol, shape, role in rows]
            return {"type": "table", "header": list(header), "rows": cells}
        case Table(header, rows, _, heading):
            return {"type": "table", "heading": heading, "header": list(header), "rows": [list(map(prose, r)) for r in rows]}
        case Result(parts):
            return {"type": "result", "formulas": [formula(part) for part in parts]}
        case Check(text, ok, word):
            return {"type": "check", "spans": prose(text), "ok": ok, "word": word}
        case Code(heading, text, language, folded):
            return {"type": "code", "heading": heading, "text": text, "language": language, "folded": folded}
        case Proof(tree, heading):
            return {"type": "proof", "heading": heading, "tree": _tree(tree)}
    raise AssertionError(block)


def _math(latex: str) -> list[Data]:
    return [{"type": "math", "formula": formula(latex)}]


def _line(line: Line) -> Data:
    found: Data = {"lhs": formula(line.lhs) if line.lhs else None, "rhs": formula(line.rhs, line.relation)}
    found["why"] = prose(line.why)
    for name, latex in (("law", line.law), ("shape", line.shape)):
        if latex:
            found[name] = formula(latex)
    if line.number is not None:
        found["number"] = line.number
    return found


def _tree(node: ProofNode) -> Data:
    return {"claim": formula(node.claim), "why": prose(node.why), "children": [_tree(child) for child in node.children]}


def latex_lines(formulas: Sequence[str]) -> str:
    r"""Formulas below each other, to be pasted into a paper."""
    return "\n".join(f"\\[ {one} \\]" for one in formulas)


__all__ = ["blocks", "formula", "latex_lines", "prose"]
