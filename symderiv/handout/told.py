r"""Derivations as blocks of a page: steps in each form, the ways to write a tensor, the result in its box.

>>> import symderiv as sd
>>> result(sd.jacobian("W @ h", "h", W="o n", h="n")).parts
('\\frac{\\partial N}{\\partial h^\\top}=W\\;\\in\\mathbb{R}^{o\\times n}',)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from symderiv.derive import Derivation
from symderiv.splits import GaussNewton
from symderiv.handout.given import space
from symderiv.handout.model import Heading, Line, Result, Steps, Table
from symderiv.ir import Expr, Name, postorder
from symderiv.present import Written, split_written, written
from symderiv.render.forms import forms
from symderiv.render.matrix import shape_latex

TITLES = {
    "brief": "In brief",
    "index": "Index form",
    "matrix": "Matrix form",
    "differential": "Differential form",
    "full": "In full: one line per rule, with its law",
}
_TOLD = {
    "brief": ("matrix", "brief"),
    "index": ("index", "normal"),
    "matrix": ("matrix", "normal"),
    "differential": ("differential", "normal"),
    "full": ("index", "full"),
}
Told = Derivation | GaussNewton


def lines_of(told: Told, form: str) -> list[Written]:
    """The lines of one form; of a split those of the whole Hessian, then those of G and R."""
    notation, detail = _TOLD[form]
    if isinstance(told, Derivation):
        return written(told, notation, detail)
    return [*written(told.H, notation, detail), *split_written(told, notation, detail)]


def steps(lines: Sequence[Written], form: str) -> Steps:
    """The lines as a block; those of the full form are numbered, folded and have their laws."""
    full = form == "full"
    rows = tuple(
        Line(w.lhs, w.rhs, w.why, w.law if full else "", w.shape, k if full else None) for k, w in enumerate(lines, 1)
    )
    return Steps(TITLES[form], rows, folded=full)


def same_lines(a: Sequence[Written], b: Sequence[Written]) -> bool:
    """Whether two forms are told in the same formulas, so that one of them says enough."""
    return [(w.lhs, w.rhs) for w in a] == [(w.lhs, w.rhs) for w in b]


# ---------------------------------------------------------------- results
def result(derivation: Derivation, sign: str = "") -> Result:
    """The last line of each part, and of the named values that it mentions."""
    chapters: dict[int, list[Written]] = {}
    for line in written(derivation, "matrix", "brief"):
        chapters.setdefault(line.chapter, []).append(line)
    told = list(chapters.values())
    ends = [c for c in told if _is_part(c, derivation)] if derivation.several else told[-1:]
    used = _names(c[-1].state for c in ends)
    named = [c for c in told if c not in ends and any(c[0].plain_lhs.startswith(n) and _defines(c, n) for n in used)]
    where = "" if len(ends) > 1 else _where(ends[0][-1].state)
    return Result((*(_equation(c) for c in named), *(_equation(c) + where for c in ends)))


def _is_part(chapter: Sequence[Written], derivation: Derivation) -> bool:
    return any(chapter[-1].state is p.after for p in derivation.flat) and "nabla" in chapter[0].lhs + chapter[-1].lhs or \
        "partial" in chapter[0].lhs


def _defines(chapter: Sequence[Written], name: str) -> bool:
    head = chapter[0].plain_lhs
    return head == name or head.startswith(f"{name}[")


def _names(states: Iterable[Expr]) -> list[str]:
    """The names that the engine gave, in what is printed: names aren't entered."""
    found: dict[str, None] = {}
    for state in states:
        stack = [state]
        while stack:
            n = stack.pop()
            if isinstance(n, Name):
                if n.role != "user":
                    found[n.name] = None
            else:
                stack.extend(n.kids)
    return list(found)


def _equation(chapter: Sequence[Written]) -> str:
    lhs = next(line.lhs for line in reversed(chapter) if line.lhs)
    return f"{lhs}={chapter[-1].rhs}"


def _where(state: Expr) -> str:
    return rf"\;\in{space(state.shape)}" if state.shape else ""


def ways(derivation: Derivation) -> list[Heading | Table]:
    """The table of ways to write a tensor of order 3 or more."""
    expr = derivation.result
    if isinstance(expr, tuple) or len(expr.shape) < 3:
        return []
    split = {"jacobian": len(derivation.subject.shape), "hessian": len(derivation.wrt[0].shape)}.get(derivation.kind)
    split = None if derivation.kind == "hessian" and derivation.subject.shape else split
    rows = [
        (form.view, f"${form.latex}$", f"${shape_latex(form.shape)}$" if form.shape else "", form.note)
        for form in forms(expr, {"jacobian": "J", "hessian": "H"}.get(derivation.kind, "T"), split)
    ]
    return [Heading("Ways to write it"), Table(("view", "formula", "shape", ""), tuple(rows), stack=True)]


def under_brace(text: str, below: str) -> str:
    return rf"\underbrace{{{text}}}_{{{below}}}"


__all__ = ["TITLES", "lines_of", "postorder", "result", "same_lines", "steps", "under_brace", "ways"]
