"""A derivation as HTML: a page of its own, or a fragment for a notebook, from the same blocks as the handouts.

A notebook that isn't trusted takes the style and the tags of formulas out of what it shows. A fragment's formulas read well
as the text that is left; and beside HTML stand Markdown and LaTeX for what shows no HTML.

>>> import symderiv as sd
>>> text = html(sd.jacobian("W @ h", "h", W="o n", h="n"), fragment=True)
>>> text.startswith('<div class="symderiv"><style>'), "<script" in text, "<math" in text
(True, False, True)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from symderiv.certificates import Certificate, Curvature
from symderiv.derive import IDENTITY, Derivation
from symderiv.errors import UnknownNameError
from symderiv.handout.formats import get
from symderiv.handout.given import forward_pass, smoothness, sought, symbols
from symderiv.handout.model import Assumptions, Block, Check, Page, Proof, Prose, Result, Section, Steps, escape
from symderiv.handout.readable import readable
from symderiv.handout.told import as_line, numbered, result
from symderiv.handout.trees import proof_tree
from symderiv.present import DETAILS, NOTATIONS, WHOLES, decisions, expr_latex, fact_latex, written

HEADINGS = {"matrix": "Matrix form", "index": "Index form", "differential": "Differential form"}
SNUG = ".symderiv{padding:.2rem .6rem .8rem}.symderiv>section>h2{margin-top:.8rem}.symderiv :is(tr,th,td){text-align:left!important}"
"""a cell has margins of its own, and a notebook puts what stands in tables to the right"""
_ROOTS = frozenset({":root", "html", "body", "main"})


def html(derivation: Derivation, notation: str | None = None, detail: str = "normal", fragment: bool = False) -> str:
    """A self-contained page of a derivation: what is sought, the symbols, the steps, the result, what it rests on.

    ``notation`` is one of "matrix", "index" and "differential"; without it all three are told. ``fragment`` gives a part
    of a page: its style touches nothing outside it, and all notations but the first are folded. Raises UnknownNameError
    for an unknown notation or detail.
    """
    for given, known, kind in ((notation or "matrix", NOTATIONS, "notation"), (detail, DETAILS, "detail")):
        if given not in known:
            raise UnknownNameError.among(given, known, kind, f"take one of {', '.join(known)}")
    blocks = tuple(_blocks(derivation, notation, detail, fragment))
    page = Page(_title(derivation), "derivation", None, (Section(_title(derivation), blocks),))
    whole = get("html").write(page)
    return readable(_fragment(whole)) if fragment else whole


def bundle(derivation: Derivation) -> dict[str, str]:
    """What a notebook may choose from, by media type."""
    return {
        "text/html": html(derivation, fragment=True),
        "text/markdown": derivation.markdown(),
        "text/latex": f"$$\n{derivation.latex(detail='brief')}\n$$",
        "text/plain": derivation.text(detail="brief"),
    }


def bundle_of_several(shown: Any, parts: Sequence[Derivation], summary: str = "") -> dict[str, str]:
    """The same of derivations that belong together: a section for each, with steps that unfold, and what they come to."""
    sections = [Section(_title(d), tuple(_blocks(d, None, "normal", True))) for d in parts]
    if summary:
        sections.append(Section("Summary", (Prose(escape(summary)),)))
    page = Page("", "derivation", None, tuple(sections))
    return {
        "text/html": readable(_fragment(get("html").write(page))),
        "text/markdown": f"{shown.markdown()}\n{summary}".rstrip() + "\n",
        "text/latex": shown._repr_latex_(),
        "text/plain": repr(shown),
    }


def _title(derivation: Derivation) -> str:
    if derivation.kind.startswith(IDENTITY):
        return derivation.source[:1].upper() + derivation.source[1:]
    names = ", ".join(x.name for x in derivation.wrt)
    what, times, by = derivation.kind.partition(" times ")
    what = WHOLES.get(what, what.capitalize())
    return f"{what[:1].upper()}{what[1:]}{times}{by} by {names}"


def _blocks(derivation: Derivation, notation: str | None, detail: str, fold: bool) -> list[Block]:
    """The blocks; with ``fold`` the steps in the first notation stand open, the others open on a click."""
    forward = forward_pass(derivation.subject)
    blocks: list[Block] = [Prose(sought(derivation)), symbols(derivation.subject, derivation.wrt, {}), *([forward] if forward else [])]
    said: list[tuple[tuple[str, str], ...]] = []
    for form in NOTATIONS if notation is None else (notation,):
        told = written(derivation, form, detail)
        lines = numbered(told) if detail == "full" else tuple(map(as_line, told))
        formulas = tuple((line.lhs, line.rhs) for line in lines)
        if lines and formulas not in said:
            blocks.append(Steps(HEADINGS[form], lines, folded=fold and bool(said)))
            said.append(formulas)
    used = {f.text: fact_latex(f) for f in derivation.facts if f.text in derivation.assumptions}
    rest = [*(f"${latex}$" for latex in used.values()), *smoothness(derivation.subject, derivation.wrt, derivation.order)]
    return [*blocks, result(derivation), Assumptions(("; ".join(rest) or "none") + ".")]


def decision_html(found: Any) -> str:
    """A verdict of curvature, or of a pair, as a part of a page: what was found, the proof as a tree, what it rests on."""
    said, _, rest = decisions.text(found).partition("\n")
    head = said[said.index("(") + 1:-1]
    ok = found.verdict not in ("unknown",) if hasattr(found, "verdict") else True
    blocks: list[Block] = [Check(escape(head), ok=ok, word=_words(type(found).__name__))]
    formula = decisions.latex(found).removeprefix(r"$\displaystyle ").removesuffix("$")
    if not isinstance(found, Curvature):
        blocks.append(Result((formula,)))
    elif found.hessian is not None:
        blocks.append(Result((rf"\nabla^2f={expr_latex(found.hessian)}",)))
    if isinstance(found, Curvature | Certificate) and found.proof is not None:
        blocks.append(Proof(proof_tree(found.proof), "Proof"))
    notes = [escape(line.strip()) for line in rest.splitlines()]
    page = Page("", "decision", None, (Section("", (*blocks, *map(Prose, notes))),))
    return readable(_fragment(get("html").write(page)))


def _words(name: str) -> str:
    """
    >>> _words("MatchingLoss")
    'Matching loss'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _fragment(page: str) -> str:
    style = page[page.index("<style>") + len("<style>") : page.index("</style>")]
    body = page[page.index("<section") : page.index("</main>")]
    return f'<div class="symderiv"><style>{scoped(style)}{SNUG}</style>\n{body}</div>'


def scoped(css: str, scope: str = ".symderiv") -> str:
    """The rules of a stylesheet, for what stands inside ``scope`` alone; those about printed pages are left out.

    >>> scoped("body,h1{margin:0}@media(max-width:9rem){p{x:y}}@media print{@page{size:A4}}")
    '.symderiv,.symderiv h1{margin:0}@media(max-width:9rem){.symderiv p{x:y}}'
    """
    found, at = [], 0
    while at < len(css):
        opened = css.find("{", at)
        if opened < 0:
            break
        end = _closing(css, opened)
        head, body = css[at:opened].strip(), css[opened + 1 : end]
        if head.startswith("@media"):
            found += [] if "print" in head else [f"{head}{{{scoped(body, scope)}}}"]
        elif not head.startswith("@"):
            selectors = dict.fromkeys(_inside(one.strip(), scope) for one in re.split(r",(?![^(]*\))", head))
            found.append(f"{','.join(selectors)}{{{body}}}")
        at = end + 1
    return "".join(found)


def _closing(css: str, opened: int) -> int:
    depth = 0
    for at in range(opened, len(css)):
        depth += {"{": 1, "}": -1}.get(css[at], 0)
        if not depth:
            return at
    return len(css)


def _inside(selector: str, scope: str) -> str:
    first, _, rest = selector.partition(">")
    if first in _ROOTS:
        return f"{scope}>{rest}" if rest else scope
    return f"{scope} {selector}"
