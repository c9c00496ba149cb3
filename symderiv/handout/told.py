r"""Derivations as blocks of a page: steps in each form, the ways to write a tensor, the result in its box.

>>> import symderiv as sd
>>> result(sd.jacobian("W @ h", "h", W="o n", h="n")).parts
('\\frac{\\partial N}{\\partial h^\\top}=W\\;\\in\\mathbb{R}^{o\\times n}',)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symderiv.derive import Derivation
from symderiv.handout.given import PROGRAM, program, space
from symderiv.handout.model import Heading, Line, Result, Steps, Table
from symderiv.ir import Expr, Name
from symderiv.present import Written, expr_latex, function_letter, split_written, written
from symderiv.render.forms import forms
from symderiv.render.matrix import shape_latex
from symderiv.render.symbols import name_latex
from symderiv.splits import GaussNewton

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
def result(derivation: Derivation) -> Result:
    """The last line of each part, after those of the named values that it mentions; of a tensor also its matrix."""
    chapters, ends = _chapters(derivation)
    known = {c[0].plain_lhs.split("[")[0]: c for c in chapters if c not in ends}
    named = _mentioned([c[-1].state for c in ends or chapters[-1:]], known)
    equations = [_equation(c) for c in chapters if c in named] + [_equation(c) for c in ends]
    if len(ends) == 1:
        equations[-1] += _where(ends[0][-1].state)
    return Result((*equations, *_matrix(derivation), *(_short_names(derivation) if len(ends) == 1 else ())))


def _chapters(derivation: Derivation) -> tuple[list[list[Written]], list[list[Written]]]:
    """(all chapters, those that end at a part of the result)."""
    told: dict[int, list[Written]] = {}
    for line in written(derivation, "matrix", "brief"):
        told.setdefault(line.chapter, []).append(line)
    chapters = list(told.values())
    wanted = [p.after for p in derivation.flat]
    return chapters, [c for c in chapters if c[-1].state in wanted and "nabla" in c[0].lhs] if derivation.several else chapters[-1:]


def left_sides(derivation: Derivation) -> list[str]:
    """What stands left of each part, as matrix or tensor."""
    _, ends = _chapters(derivation)
    if not derivation.several and len(derivation.result.shape) > 2:
        return ["H" if derivation.kind == "hessian" else "J" if derivation.kind == "jacobian" else "T"]
    return [next(line.lhs for line in reversed(c) if line.lhs) for c in ends]


def _mentioned(states: Sequence[Expr], known: Mapping[str, list[Written]]) -> list[list[Written]]:
    """The chapters of the names that are printed in the states, and of those printed in these."""
    found: list[list[Written]] = []
    todo = list(states)
    while todo:
        for name in names_in(todo.pop()):
            chapter = known.get(name.name)
            if chapter is not None and chapter not in found and name.role != "user":
                found.append(chapter)
                todo.append(chapter[-1].state)
    return found


def names_in(state: Expr) -> list[Name]:
    """The names that are printed in a formula: names aren't entered."""
    found: dict[Name, None] = {}
    stack = [state]
    while stack:
        n = stack.pop()
        if isinstance(n, Name):
            found[n] = None
        else:
            stack.extend(n.kids)
    return list(found)


def _equation(chapter: Sequence[Written]) -> str:
    lhs = next(line.lhs for line in reversed(chapter) if line.lhs)
    return f"{lhs}={chapter[-1].rhs}"


def _where(state: Expr) -> str:
    return rf"\;\in{space(state.shape)}" if state.shape else ""


def _short_names(derivation: Derivation) -> list[str]:
    """What a short program names in the result."""
    names = program(derivation.subject)
    if len(names) >= PROGRAM or isinstance(derivation.result, tuple):
        return []
    return [f"{name_latex(n.name)}={expr_latex(n.body)}" for n in names_in(derivation.result) if n in names]


def _matrix(derivation: Derivation) -> list[str]:
    """A tensor by a matrix variable as a matrix, the columns of the variable stacked."""
    rows = _rows(derivation)
    if isinstance(derivation.result, tuple) or len(derivation.result.shape) < 3 or rows is None:
        return []
    form = next((f for f in forms(derivation.result, "J", rows) if f.view == "vec"), None)
    if form is None:
        return []
    letter, x = function_letter(derivation.subject), name_latex(derivation.wrt[0].name)
    below = rf"\partial\operatorname{{vec}}({x})"
    if derivation.kind == "jacobian":
        return [rf"\frac{{\partial {letter}}}{{{below}^\top}}={form.rhs}"]
    return [rf"\frac{{\partial^2 {letter}}}{{{below}\,{below}^\top}}={form.rhs}"]


def _rows(derivation: Derivation) -> int | None:
    """How many axes are the rows of the matrix that a tensor is read as; None where it is read as none."""
    if derivation.kind == "jacobian":
        return len(derivation.subject.shape)
    return len(derivation.wrt[0].shape) if derivation.kind == "hessian" and not derivation.subject.shape else None


def ways(derivation: Derivation) -> list[Heading | Table]:
    """The table of ways to write a tensor of order 3 or more."""
    expr = derivation.result
    if isinstance(expr, tuple) or len(expr.shape) < 3:
        return []
    letter = {"jacobian": "J", "hessian": "H"}.get(derivation.kind, "T")
    rows = [
        (form.view, f"${form.latex}$", f"${shape_latex(form.shape)}$" if form.shape else "", form.note)
        for form in forms(expr, letter, _rows(derivation))
    ]
    return [Heading("Ways to write it"), Table(("view", "formula", "shape", ""), tuple(rows), stack=True)]


def under_brace(text: str, below: str) -> str:
    return rf"\underbrace{{{text}}}_{{{below}}}"


__all__ = ["TITLES", "lines_of", "names_in", "result", "same_lines", "steps", "under_brace", "ways"]
