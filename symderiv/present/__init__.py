"""Derivations as lines of text in three notations: what is written left of the sign, right of it, and beside.

``written`` gives neutral lines (LaTeX and prose); `latex`, `markdown` and `text` print them, handouts lay them out.
"""
from __future__ import annotations

import re
from collections.abc import Sequence

from symderiv.derive import IDENTITY, Derivation, is_whole
from symderiv.errors import SymderivError
from symderiv.ir import Expr, Name
from symderiv.present.lets import with_lets
from symderiv.present.naming import fact_latex, function_letter
from symderiv.present.untex import untex
from symderiv.present.writer import DETAILS, NOTATIONS, Writer, Written
from symderiv.render.forms import forms
from symderiv.render.index import index_latex, index_text
from symderiv.render.letters import output_letters
from symderiv.render.matrix import matrix_latex
from symderiv.render.notation import DEFAULT, Notation
from symderiv.render.signs import signed, signs_of
from symderiv.render.symbols import name_latex, shape_latex
from symderiv.render.text import plain
from symderiv.splits import GaussNewton
from symderiv.tell import Chapter, Line, Why, brief, combined_chapter, numbered, story

WHOLES = {"G": "Gauss–Newton term", "R": "remainder"}


def chapters_of(derivation: Derivation, detail: str = "normal") -> list[Chapter]:
    """The chapters of all parts, each once."""
    found: dict[tuple[str, Expr], Chapter] = {}
    if is_whole(derivation.kind):
        return with_lets(numbered(_split_chapters(derivation, detail)))
    for proof in derivation.flat:
        for chapter in story(proof, derivation.kind, derivation.subject, detail == "full"):
            found.setdefault((chapter.kind, chapter.goal), chapter)
    chapters = list(found.values())
    if detail == "brief" and derivation.order > 1:              # the lemmas of named values are left out
        chapters = [c for c in chapters if c.kind != "jacobian" or not isinstance(c.subject, Name)]
    return with_lets(numbered([brief(c) for c in chapters] if detail == "brief" else chapters))


def written(derivation: Derivation, notation: str = "matrix", detail: str = "normal",
            signs: Notation = DEFAULT) -> list[Written]:
    """Every line of a derivation in one notation; raises SymderivError for a notation or detail that isn't known."""
    if notation not in NOTATIONS:
        raise SymderivError(f"notation='{notation}' isn't known", hint=f"take one of {', '.join(NOTATIONS)}")
    if detail not in DETAILS:
        raise SymderivError(f"detail='{detail}' isn't known", hint=f"take one of {', '.join(DETAILS)}")
    lines: list[Written] = []
    for k, chapter in enumerate(chapters_of(derivation, detail)):
        lines.extend(Writer(chapter, notation, derivation.facts, signs, k).lines())
    return [*lines, *_row_line(derivation, signs), *_vec_line(derivation, signs)]


def _row_line(derivation: Derivation, signs: Notation) -> list[Written]:
    """A scalar's Jacobian is the gradient as a row."""
    result = derivation.result
    if derivation.kind != "jacobian" or derivation.several or derivation.subject.shape or len(result.shape) != 2:
        return []
    (x,), letter = derivation.wrt, function_letter(derivation.subject)
    lhs = rf"\frac{{\partial {name_latex(letter)}}}{{\partial {name_latex(x.name)}^{signs.transpose}}}"
    shown = as_written(derivation, result)
    return [Written(lhs, matrix_latex(shown, signs), "gradient of row", r"\nabla L=J_L^\top", shape_latex(result.shape), result,
                    f"∂{letter}/∂{x.name}ᵀ", plain(shown), -1)]


def as_written(derivation: Derivation, expr: Expr) -> Expr:
    """A result of a derivation for print: differences have the signs that its lines give them."""
    return signed(expr, signs_of(derivation.facts.sums, derivation.subject))


def _vec_line(derivation: Derivation, signs: Notation) -> list[Written]:
    """∂f/∂vec(X)ᵀ with Kronecker products, where it was asked for and has such a form."""
    if not derivation.vec:
        return []
    result, (x,) = derivation.result, derivation.wrt
    found = [f for f in forms(as_written(derivation, result), "J", len(result.shape) - len(x.shape), signs) if f.view == "vec"]
    letter = name_latex(function_letter(derivation.subject))
    lhs = rf"\frac{{\partial {letter}}}{{\partial\operatorname{{vec}}({name_latex(x.name)})^{signs.transpose}}}"
    law = r"\operatorname{vec}(AXB)=(B^\top\otimes A)\operatorname{vec}(X)"
    bare = f"∂{function_letter(derivation.subject)}/∂vec({x.name})ᵀ"
    return [Written(lhs, f.rhs, "vec of product", law, shape_latex(derivation.shape), result, bare, untex(f.rhs)) for f in found]


# ---------------------------------------------------------------- a Gauss–Newton split
def split_chapters(parts: GaussNewton, detail: str = "normal") -> list[Chapter]:
    """G and R, each from its definition to its result."""
    at = rf"\text{{split at }}{name_latex(parts.at.name)}"
    if parts.reduction:
        at += rf"\text{{, {parts.reduction} over the }}{shape_latex(parts.at.shape[:1])}\text{{ rows}}"
    return with_lets(numbered([chapter for d in (parts.G, parts.R) for chapter in _split_chapters(d, detail, at)]))


def _split_chapters(d: Derivation, detail: str, note: str = "") -> list[Chapter]:
    """A chapter for each block."""
    what = d.kind.partition(" times ")[0]
    title = WHOLES.get(what, what.replace("hessian", "Hessian")) + d.kind.removeprefix(what)
    if d.kind.startswith(IDENTITY):
        title, note = d.source, ""
    chapters, pairs = [], [d.wrt if len(d.wrt) > 1 else ()]
    if d.several:
        pairs = [(x,) for x in d.wrt] if " times " in d.kind else [(x, y) for x in d.wrt for y in d.wrt]
    for proof, by in zip(d.flat, pairs, strict=True):
        told = combined_chapter(proof, d.kind, d.subject, d.wrt[0], Why(title, note), detail == "full", by)
        chapters.append(told.told((told.lines[0], told.lines[-1])[:len(told.lines)]) if detail == "brief" else told)
    return chapters


def split_written(parts: GaussNewton, notation: str = "matrix", detail: str = "normal", signs: Notation = DEFAULT) -> list[Written]:
    """The lines of a split."""
    lines: list[Written] = []
    for k, chapter in enumerate(split_chapters(parts, detail)):
        lines.extend(Writer(chapter, notation, parts.facts, signs, k).lines())
    return lines


def split_latex(parts: GaussNewton, notation: str = "matrix", detail: str = "normal") -> str:
    return _aligned(split_written(parts, notation, detail))


def split_text(parts: GaussNewton, notation: str = "matrix", detail: str = "normal") -> str:
    return _plain_rows(split_written(parts, notation, detail))


# ---------------------------------------------------------------- whole derivations
def latex(derivation: Derivation, notation: str = "matrix", detail: str = "normal", signs: Notation = DEFAULT) -> str:
    """The steps as one ``aligned`` block: formula, reason, shape."""
    return _aligned(written(derivation, notation, detail, signs))


def _aligned(lines: Sequence[Written]) -> str:
    rows = []
    for line in lines:
        why = _text_with_math(line.why)
        shape = rf" && \quad {line.shape}" if line.shape else ""
        rows.append(rf"{line.lhs} &= {line.rhs} && \quad {why}{shape}")
    body = " \\\\\n".join(rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _text_with_math(prose: str) -> str:
    r"""Prose with $…$ as LaTeX in mathematics: \text{…} around the words."""
    parts = re.split(r"\$([^$]*)\$", prose)
    out = []
    for k, part in enumerate(parts):
        if part:
            out.append(part if k % 2 else rf"\text{{{part}}}")
    return "".join(out)


def markdown(derivation: Derivation, notation: str = "matrix", detail: str = "normal") -> str:
    """The steps for GitHub and notebooks: ``aligned`` inside ``$$``."""
    return f"$$\n{latex(derivation, notation, detail)}\n$$\n"


def text(derivation: Derivation, notation: str = "matrix", detail: str = "normal") -> str:
    """The steps as plain text, reasons at the right."""
    return _plain_rows(written(derivation, notation, detail))


def _plain_rows(lines: Sequence[Written]) -> str:
    rows = []
    width = max((len(line.plain_lhs) for line in lines), default=0)
    wide = min(max((len(line.plain_rhs) for line in lines), default=0), 60)
    for line in lines:
        why = re.sub(r"\$([^$]*)\$", lambda m: untex(m.group(1)), line.why)
        rows.append(f"{line.plain_lhs:>{width}} = {line.plain_rhs:<{wide}}  {why}".rstrip())
    return "\n".join(rows)


def expr_latex(expr: Expr, notation: str = "matrix") -> str:
    """LaTeX of an expression; index letters i, j, k, …"""
    if notation not in NOTATIONS:
        raise SymderivError(f"notation='{notation}' isn't known", hint=f"take one of {', '.join(NOTATIONS)}")
    if notation == "index" or len(expr.shape) > 2:
        return index_latex(expr, output_letters(len(expr.shape), expr))[0]
    return matrix_latex(expr)


def expr_text(expr: Expr) -> str:
    """Plain text of an expression."""
    if len(expr.shape) > 2:
        return index_text(expr, output_letters(len(expr.shape), expr))[0]
    return plain(expr)


__all__ = ["Line", "Written", "as_written", "chapters_of", "expr_latex", "expr_text", "fact_latex", "function_letter", "latex", "markdown",
           "text", "written"]
