r"""An appendix as LaTeX: statements and proofs in amsmath alone, for any document, and the BibTeX of what they cite.

A proof is a chain of equations; above each sign stands a letter, and below the chain what the letters mean: the rule,
with its source, as papers have it.

>>> aligned([Row("a", "=", "b+c", "x")], {"x": "(a)"})
'\\begin{align*}\n  a &\\overset{\\text{(a)}}{=} b+c\n\\end{align*}'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from symderiv.api import prove
from symderiv.derive import Derivation
from symderiv.functions import SCALAR, TENSOR
from symderiv.handout.card import titles
from symderiv.handout.checked import Checked, check, counted
from symderiv.handout.formula import pieces, width
from symderiv.handout.given import PROGRAM, letter_of, program, smoothness, symbols
from symderiv.handout.lemmas import PREFIX, Appendix, Lemma, Told, ordered, resting, run
from symderiv.handout.references import bibtex, keys
from symderiv.handout.source import Identity, SourceError
from symderiv.handout.tables import side_latex
from symderiv.handout.told import result
from symderiv.handout.trees import split_result
from symderiv.handout.writers.tex import TexWriter, math_in_ascii
from symderiv.ir import Call, Expr, Map, Name, postorder
from symderiv.present import expr_latex, fact_latex, split_written, written
from symderiv.render.apart import beside
from symderiv.render.symbols import name_latex
from symderiv.splits import GaussNewton
from symderiv.verdicts import Verdict

WIDEST = 30.0
"""in em: a line of a display that is wider is broken"""
HEAD = r"""%% Lemmas: \input{%s} where they are to stand; needs \usepackage{amsmath,amssymb} (and amsthm, where it is used, before).
%% Made from %s; a change belongs there.
\ifcsname mathbb\endcsname\else\errmessage{these lemmas need \string\usepackage{amsmath,amssymb} in the preamble}\fi
\ifcsname lemma\endcsname\else\newtheorem{lemma}{Lemma}\fi
\ifcsname proof\endcsname\else\newenvironment{proof}{\par\noindent\textit{Proof.} }{\hfill$\square$\par}\fi
"""
DOCUMENT = r"""\documentclass[11pt,a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp,lmodern,microtype}
\usepackage[margin=2.7cm]{geometry}
\usepackage{amsmath,amssymb,amsthm}
\emergencystretch=3em
\allowdisplaybreaks
\begin{document}
%s%s\end{document}
"""


@dataclass(frozen=True)
class Row:
    """A line of a display, with the reason that stands above its sign, and the label by which others refer to it."""

    lhs: str
    relation: str
    rhs: str
    why: str = ""
    label: str = ""


@dataclass(frozen=True)
class Text:
    """An appendix as text: its LaTeX, its BibTeX (empty where nothing is cited), the labels in order."""

    tex: str
    bib: str
    labels: tuple[str, ...]


class Writer(TexWriter):
    """Prose with formulas in which no macro of the sheets stands."""

    def math(self, latex: str) -> str:
        return f"${math_in_ascii(latex)}$"


WRITER = Writer()


def write(paper: Appendix, source: str = "paper.py", text: str = "", name: str = "appendix", standalone: bool = False) -> Text:
    """The lemmas of a paper in their order of use in ``text``, the paper's LaTeX; ``name`` is that of the files.

    Raises SourceError for a lemma that can't be derived, or isn't confirmed when it is checked.
    """
    derived = {one.label: run(one) for one in paper.lemmas}
    rests = resting(derived, paper)
    order = ordered(paper, text, rests)
    cited: dict[str, None] = {}
    parts = [_lemma(one, derived[one.label], rests[one.label], cited) for one in order]
    body = HEAD % (name, " ".join(Path(source).name.split())) + "\n" + "\n\n".join(parts) + "\n"
    if standalone:
        references = f"\\bibliographystyle{{plain}}\n\\bibliography{{{name}}}\n" if cited else ""
        body = DOCUMENT % (body, references)
    return Text(body, bibtex(cited) if cited else "", tuple(one.label for one in order))


# ---------------------------------------------------------------- one lemma
def _lemma(one: Lemma, told: Told | None, rests: Sequence[str], cited: dict[str, None]) -> str:
    if isinstance(one.item, Identity):
        statement, proof = _identity(one.item)
    else:
        assert told is not None
        statement, proof = _derived(one, told, cited)
    title = f"[{{{WRITER.line(one.title)}}}]" if one.title else ""
    parts = [
        f"\\begin{{lemma}}{title}\\label{{{PREFIX}{one.label}}}",
        *([WRITER.prose(one.before).strip()] if one.before else []),
        statement,
        *([WRITER.prose(one.after).strip()] if one.after else []),
        "\\end{lemma}\n\\begin{proof}",
        *([_sentence(rests)] if rests else []),
        proof,
        "\\end{proof}",
    ]
    return "\n".join(parts)


def _sentence(labels: Sequence[str]) -> str:
    """Which lemmas are used."""
    shown = [f"\\ref{{{PREFIX}{label}}}" for label in labels]
    return "This uses " + (f"Lemma~{shown[0]}." if len(shown) == 1 else f"Lemmas~{', '.join(shown[:-1])} and~{shown[-1]}.")


def _identity(item: Identity) -> tuple[str, str]:
    """(what is claimed, how it is known); raises SourceError for what isn't proved."""
    verdict = prove(item.left, item.right, **item.options)
    if verdict.status != "proved":
        raise SourceError(item.place, f"'{item.left}' and '{item.right}': {verdict.status}, and a lemma has to be proved")
    with beside(verdict.lhs, verdict.rhs):
        return _claimed(item, verdict)


def _claimed(item: Identity, verdict: Verdict) -> tuple[str, str]:
    left, right = (side_latex(e, form) for e, form in zip((verdict.lhs, verdict.rhs), item.forms, strict=True))
    given = _let([row[:2] for row in symbols(verdict.lhs, (), {}).rows] + [row[:2] for row in symbols(verdict.rhs, (), {}).rows])
    assumed = f" with {', '.join(WRITER.line(f'`{a}`') for a in verdict.assumptions)}" if verdict.assumptions else ""
    why = item.why or verdict.reason
    return f"{given}{assumed}.\nThen\n{aligned([Row(left, '=', right)], {}, '.')}", f"{WRITER.line(why[:1].upper() + why[1:])}."


def _derived(one: Lemma, told: Told, cited: dict[str, None]) -> tuple[str, str]:
    """(what is claimed, its proof)."""
    found = check(told)
    if not found.ok:
        raise SourceError(one.place, f"the lemma '{one.label}' isn't confirmed: {found.trouble}")
    whole = told.H if isinstance(told, GaussNewton) else told
    with beside(whole.subject, *whole.wrt):
        return _told(one, told, whole, found, cited)


def _told(one: Lemma, told: Told, whole: Derivation, found: Checked, cited: dict[str, None]) -> tuple[str, str]:
    lines = split_written(told, one.notation, one.detail) if isinstance(told, GaussNewton) else written(told, one.notation, one.detail)
    boxed = split_result(told) if isinstance(told, GaussNewton) else result(told)
    parts = [part for part in boxed.parts if part != _named(whole)] or list(boxed.parts)
    claim = aligned([_equation(part) for part in parts], {}, ".")
    sources = _sources(told)
    rows = [Row(line.lhs, "=", line.rhs, _LABELLED.sub("", line.why), f"{one.label}:{line.lemma}" if line.lemma else "")
            for line in lines]
    marks = _marks(rows)
    chain = aligned(rows, marks, ".")
    reasons = "; ".join(_CITING.sub(rf"\\eqref{{eq:{one.label}:\1}}", _reason(mark, why, sources, cited)) for why, mark in marks.items())
    below = f"\nThe steps are {reasons}." if reasons else ""
    return f"{_given(whole, one)}\n{claim}", f"{_comment(found)}\n{chain}{below}{_functions(whole.subject, cited)}"


def _comment(found: Checked) -> str:
    steps, lines = counted(found.steps, "step"), counted(found.lines, "line")
    return f"% {steps} replayed, {lines} compared with numbers, the result at {found.report.trials} points"


def _given(whole: Derivation, one: Lemma) -> str:
    """What the symbols are, what is assumed, and what is differentiated."""
    subject = whole.subject
    used = set(whole.assumptions)
    facts = [f"${fact_latex(f)}$" for f in {f.text: f for f in whole.facts if f.text in used}.values()]
    known = [*facts, *smoothness(subject, whole.wrt, whole.order)]
    assumed = f", where {WRITER.line(', '.join(known))}" if known else ""
    names = [n for n in program(subject) if n is not subject]
    value = f"${math_in_ascii(_named(whole))}$"
    rows = [Row(name_latex(n.name), "=", expr_latex(n.body)) for n in names]
    let = _let([row[:2] for row in symbols(subject, whole.wrt, {}, one.item.options).rows])
    if len(names) >= PROGRAM:
        return f"{let}{assumed}. Let\n{aligned(rows, {}, ',')}\nand {value}. Then"
    where = " with " + ", ".join(f"${row.lhs}={math_in_ascii(row.rhs)}$" for row in rows) if rows else ""
    return f"{let}{assumed}. For {value}{where},"


def _named(whole: Derivation) -> str:
    """What is differentiated, with its letter."""
    subject = whole.subject
    return f"{letter_of(whole)}={expr_latex(subject.body if isinstance(subject, Name) else subject)}"


def _let(rows: Iterable[tuple[str, ...]]) -> str:
    shown = [f"${math_in_ascii(_in_space(name, shape))}$" for name, shape in dict.fromkeys(rows)]
    return "Let " + (shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}")


def _in_space(name: str, shape: str) -> str:
    if r"\to" in shape:
        return f"{name}:{shape}"
    return rf"{name}\in\mathbb{{R}}" + ("" if shape == "1" else rf"^{{{shape}}}")


# ---------------------------------------------------------------- displays
def _equation(latex: str) -> Row:
    """A formula at its first sign of equality outside all groups."""
    depth = 0
    for at, sign in enumerate(latex):
        depth += (sign == "{") - (sign == "}")
        if sign == "=" and not depth:
            return Row(latex[:at], "=", latex[at + 1 :])
    return Row("", "", latex)


def aligned(rows: Sequence[Row], marks: Mapping[str, str], end: str = "") -> str:
    """Lines aligned at their signs; long ones are broken; above a sign stands the mark of its reason."""
    lines = []
    for row in rows:
        sign = f"\\overset{{\\text{{{marks[row.why]}}}}}{{{row.relation}}}" if row.why in marks else row.relation
        first, *more = _broken(row.rhs, max(WIDEST - width(row.lhs), WIDEST / 2))
        lines.append(f"{math_in_ascii(row.lhs)} &{sign} {math_in_ascii(first)}")
        lines += [f"&\\qquad {{}}{math_in_ascii(rest)}" for rest in more]
        if row.label:
            lemma, _, number = row.label.rpartition(":")
            lines[-1] += f" \\tag{{\\ref{{{PREFIX}{lemma}}}.{number}}}\\label{{eq:{row.label}}}"
    return "\\begin{align*}\n  " + " \\\\\n  ".join(lines) + f"{end}\n\\end{{align*}}"


def _broken(latex: str, room: float) -> list[str]:
    """The lines of a long formula."""
    if width(latex) <= room:
        return [latex]
    lines = [""]
    for piece, _ in pieces(latex, room / 2):
        if lines[-1] and width(lines[-1] + piece) > room:
            lines.append("")
        lines[-1] += piece
    return lines


# ---------------------------------------------------------------- reasons and sources
_LABELLED = re.compile(r" ?\(lemma \d+\)$")
_CITING = re.compile(r"lemma (\d+)")
"""a lemma that a derivation numbers is an equation of its proof here"""


def _marks(lines: Sequence[Row]) -> dict[str, str]:
    """A letter for each reason, in the order in which they are given."""
    found = dict.fromkeys(line.why for line in lines if line.why)
    return {why: f"({_letter(n)})" for n, why in enumerate(found)}


def _letter(n: int) -> str:
    """a, b, …, z, aa, ab, …"""
    more, last = divmod(n, 26)
    return (_letter(more - 1) if more else "") + chr(ord("a") + last)


def _sources(told: Told) -> dict[str, tuple[str, ...]]:
    """The keys of the literature by the title of a rule."""
    parts = told.parts if isinstance(told, GaussNewton) else (told,)
    found: dict[str, dict[str, None]] = {}
    for part in parts:
        for step in part.steps:
            found.setdefault(step.rule, {}).update(dict.fromkeys(keys(step.fire.law.source)))
    return {title: tuple(cited) for title, cited in found.items() if cited}


def _reason(mark: str, why: str, sources: Mapping[str, tuple[str, ...]], cited: dict[str, None]) -> str:
    wanted = dict.fromkeys(key for title in titles(why) for key in sources.get(title, ()))
    return f"{mark}~{WRITER.line(why)}{_cite(wanted, cited)}"


def _cite(wanted: Iterable[str], cited: dict[str, None]) -> str:
    chosen = list(dict.fromkeys(wanted))
    cited.update(dict.fromkeys(chosen))
    return f"~\\cite{{{','.join(chosen)}}}" if chosen else ""


def _functions(subject: Expr, cited: dict[str, None]) -> str:
    """Where the functions are defined."""
    found: dict[str, tuple[str, ...]] = {}
    for node in postorder(subject):
        row = SCALAR.get(node.fn) if isinstance(node, Map) and not node.generic else TENSOR.get(node.fn) if isinstance(node, Call) else None
        if row is not None and keys(row.source):
            found.setdefault(row.name, keys(row.source))
    parts = [f"{WRITER.text(name.replace('_', ' '))}{_cite(sources, cited)}" for name, sources in found.items()]
    return f"\nDefinitions: {', '.join(parts)}." if parts else ""


__all__ = ["Row", "Text", "aligned", "write"]
