r"""Derivations as blocks of a page: steps in each form, the ways to write a tensor, the result in its box.

>>> import symderiv as sd
>>> result(sd.jacobian("W @ h", "h", W="o n", h="n")).parts
('\\frac{\\partial N}{\\partial h^\\top}=W\\;\\in\\mathbb{R}^{o\\times n}',)
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from symderiv.derive import Derivation
from symderiv.handout.card import law_of
from symderiv.handout.formula import width
from symderiv.handout.given import PROGRAM, letter_of, program, space
from symderiv.handout.model import Heading, Line, Result, Steps, Table
from symderiv.ir import Expr, Name, Shape
from symderiv.present import Written, as_written, chapters_of, expr_latex, split_written, written
from symderiv.present.writer import is_turned
from symderiv.render.apart import named
from symderiv.render.forms import forms
from symderiv.render.matrix import shape_latex
from symderiv.render.notation import chosen
from symderiv.render.symbols import name_latex
from symderiv.splits import GaussNewton
from symderiv.tell import Chapter

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
WIDEST = 26.0
"""in em: with a wider formula a table doesn't fit beside the other columns"""
Told = Derivation | GaussNewton


def lines_of(told: Told, form: str) -> list[Written]:
    """The lines of one form; of a split those of the whole Hessian."""
    notation, detail = _TOLD[form]
    return written(told if isinstance(told, Derivation) else told.H, notation, detail)


def steps(lines: Sequence[Written], form: str) -> Steps:
    """The lines as a block; those of the full form are numbered, folded and have their laws."""
    return Steps(TITLES[form], numbered(lines) if form == "full" else tuple(map(as_line, lines)), folded=form == "full")


def as_line(written: Written) -> Line:
    return Line(written.lhs, written.rhs, written.why, "", written.shape)


def numbered(lines: Sequence[Written]) -> tuple[Line, ...]:
    """The lines with their laws; those that a rule gives are numbered."""
    found, number = [], 0
    for line in lines:
        number += bool(line.why)
        found.append(Line(line.lhs, line.rhs, line.why, law_of(line), line.shape, number if line.why else None))
    return tuple(found)


def split_steps(split: GaussNewton) -> tuple[Steps, list[Written]]:
    """(the parts of a split, each from its definition; their lines)."""
    lines = split_written(split, "matrix", "normal")
    return Steps("Gauss–Newton split", tuple(map(as_line, lines))), lines


Formulas = tuple[tuple[str, str], ...]


def unsaid(lines: Sequence[Written], said: Container[Formulas]) -> list[Written]:
    """The chapters that haven't been told in the same formulas: what has no matrix form is told by its entries."""
    return [line for chapter in chapters(lines) if formulas(chapter) not in said for line in chapter]


def chapters(lines: Sequence[Written]) -> list[list[Written]]:
    """The lines of each chapter."""
    found: dict[int, list[Written]] = {}
    for line in lines:
        found.setdefault(line.chapter, []).append(line)
    return list(found.values())


def formulas(chapter: Sequence[Written]) -> Formulas:
    """What is printed of a chapter."""
    return tuple((line.lhs, line.rhs) for line in chapter)


# ---------------------------------------------------------------- results
def result(derivation: Derivation) -> Result:
    """The last line of each part, after those of the named values that it mentions; of a tensor also its matrix."""
    row = derivation.kind == "jacobian" and not derivation.subject.shape and not derivation.several
    if row and len(derivation.wrt[0].shape) < 2:
        return Result((_row(derivation),))
    told, ends = _ends(derivation)
    ways_in = [*_matrix(derivation), *_short_names(derivation)] if len(ends) == 1 and not derivation.vec else []
    named = [_equation(lines) for k, (_, lines) in enumerate(told) if k in _mentioned(told, ends)]
    equations = [_equation(told[k][1]) for k in ends]
    if derivation.vec:
        equations[-1] += rf"\;\in{space(derivation.shape)}"
    elif len(ends) == 1:
        end = told[ends[0]][1][-1].state
        equations[-1] += _where(end.shape[::-1] if turned(derivation) else end.shape)
    return Result((*named, *equations, *ways_in))


def _row(derivation: Derivation) -> str:
    """The Jacobian of a scalar: a row."""
    below = rf"\partial {name_latex(derivation.wrt[0].name)}" + (r"^\top" if derivation.wrt[0].shape else "")
    where = rf"\;\in{space(derivation.result.shape)}"
    return rf"\frac{{\partial {letter_of(derivation)}}}{{{below}}}={expr_latex(as_written(derivation, derivation.result))}{where}"


def left_sides(derivation: Derivation) -> list[str]:
    """What stands left of each part: of a larger tensor a letter, or its derivative by vec(x) where it has a matrix."""
    told, ends = _ends(derivation)
    if derivation.several or len(derivation.result.shape) <= 2:
        return [next(line.lhs for line in reversed(told[k][1]) if line.lhs) for k in ends]
    if len(derivation.result.shape) == 4 and _rows(derivation) == 2:
        return [_by_vec(derivation)]
    return [tensor_letter(derivation)]


def tensor_letter(derivation: Derivation) -> str:
    """What a tensor is called where its derivative's sign would be long: J, H or T, or a letter that no name has.

    >>> import symderiv as sd
    >>> tensor_letter(sd.jacobian("J @ h", "J", J="o n", h="n"))
    'T'
    """
    wanted = {"jacobian": "J", "hessian": "H"}.get(derivation.kind, "") + "TQDM"
    taken = {name for name, _ in named(derivation.subject)}
    return next((letter for letter in wanted if letter not in taken), wanted[0])


Tellings = list[tuple[Chapter, list[Written]]]


def _ends(derivation: Derivation) -> tuple[Tellings, list[int]]:
    """(the chapters with their lines, the numbers of those that end at a part of the result)."""
    lines = {group[0].chapter: group for group in chapters(written(derivation, "matrix", "brief"))}
    told = [(c, lines[k]) for k, c in enumerate(chapters_of(derivation, "brief")) if k in lines]
    parts = [k for k, (c, _) in enumerate(told) if c.kind == "gradient"] if derivation.several else []
    return told, parts or [len(told) - 1]


def _mentioned(told: Tellings, ends: Sequence[int]) -> set[int]:
    """The numbers of the chapters that say what the names are that stand in the results, and in what these say."""
    at = {named: k for k, (c, _) in enumerate(told) if isinstance(named := c.named or (c.goal if c.kind == "let" else None), Name)}
    found: set[int] = set()
    todo = list(ends)
    while todo:
        for name in names_in(told[todo.pop()][1][-1].state):
            k = at.get(name)
            if k is not None and k not in found and k not in ends:
                found.add(k)
                todo.append(k)
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


def turned(derivation: Derivation) -> bool:
    """Whether the result is written transposed: a Jacobian in denominator layout."""
    if derivation.several or derivation.vec:
        return False
    told, ends = _ends(derivation)
    return is_turned(told[ends[0]][0], chosen())


def _where(shape: Shape) -> str:
    return rf"\;\in{space(shape)}" if shape else ""


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
    return [f"{_by_vec(derivation)}={form.rhs}"]


def _by_vec(derivation: Derivation) -> str:
    """∂f/∂vec(x)ᵀ, or the Hessian by vec(x)."""
    letter, x = letter_of(derivation), name_latex(derivation.wrt[0].name)
    below = rf"\partial\operatorname{{vec}}({x})"
    if derivation.kind == "jacobian":
        return rf"\frac{{\partial {letter}}}{{{below}^\top}}"
    return rf"\frac{{\partial^2 {letter}}}{{{below}\,{below}^\top}}"


def _rows(derivation: Derivation) -> int | None:
    """How many axes are the rows of the matrix that a tensor is read as; None where it is read as none."""
    if derivation.kind == "jacobian":
        return len(derivation.subject.shape)
    return len(derivation.wrt[0].shape) if derivation.kind == "hessian" and not derivation.subject.shape else None


def ways(derivation: Derivation) -> list[Heading | Table | Steps]:
    """The ways to write a tensor of order 3 or more: a table, or lines that can be broken where they are long."""
    expr = derivation.result
    if isinstance(expr, tuple) or len(expr.shape) < 3:
        return []
    found = forms(expr, tensor_letter(derivation), _rows(derivation))
    if any(width(form.latex) > WIDEST for form in found):
        lines = tuple(
            Line(form.lhs or _by_vec(derivation), form.rhs, ", ".join(filter(None, (form.view, form.note))),
                 shape=shape_latex(form.shape) if form.shape else "")
            for form in found
        )  # fmt: skip
        return [Steps("Ways to write it", lines)]
    rows = [
        (form.view, f"${form.latex}$", f"${shape_latex(form.shape)}$" if form.shape else "", form.note) for form in found
    ]
    return [Heading("Ways to write it"), Table(("view", "formula", "shape", ""), tuple(rows), stack=True)]


def under_brace(text: str, below: str) -> str:
    return rf"\underbrace{{{text}}}_{{{below}}}"


__all__ = ["TITLES", "as_line", "lines_of", "names_in", "numbered", "result", "split_steps", "steps", "turned", "under_brace", "unsaid",
           "ways"]
