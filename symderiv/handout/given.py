r"""What stands before a derivation: what is sought, the table of symbols, the forward pass; and what it all rests on.

>>> import symderiv as sd
>>> sought(sd.jacobian("f(W @ h)", "h", W="o n", h="n", f="elementwise"))
'Find $\\partial N/\\partial h^\\top$ for $N=f(W h)$.'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from symderiv.derive import IDENTITY, Derivation
from symderiv.functions import SCALAR
from symderiv.handout.model import Line, Steps, Symbols
from symderiv.ir import Call, Expr, Map, Name, Symbol, free_symbols, postorder
from symderiv.present import chapters_of, expr_latex, function_letter
from symderiv.present.writer import own_latex
from symderiv.render.letters import output_letters
from symderiv.render.matrix import matrix_latex, shape_latex
from symderiv.render.notation import chosen
from symderiv.render.style import Style
from symderiv.render.symbols import name_latex

PROGRAM = 3
"""with as many named intermediate values the forward pass is shown line by line"""


def program(subject: Expr) -> list[Name]:
    """The intermediate values that the user named, in the order of the program."""
    return [n for n in postorder(subject) if isinstance(n, Name) and n.role == "user"]


def sought(derivation: Derivation, before: str = "") -> str:
    """"Find … for …", with what short programs name; ``before`` says where it was given already."""
    f, letter = derivation.subject, letter_of(derivation)
    goal = _goal(derivation, letter)
    if before:
        return f"Find {goal} for the ${letter}$ {before}."
    names = [n for n in program(f) if n is not f]
    if len(names) >= PROGRAM:
        return f"Find {goal} for the network below."
    lets = ", ".join(rf"${name_latex(n.name)}={expr_latex(n.body)}$" for n in names)
    return f"Find {goal} for ${letter}={_opened(f)}$." + (f" Let {lets}." if lets else "")


def letter_of(derivation: Derivation) -> str:
    """What the derivation's lines call its subject: the name that the telling gives it, if it does."""
    for chapter in chapters_of(derivation):
        named = chapter.goal
        if chapter.kind == "let" and isinstance(named, Name) and named.body is derivation.subject:
            return name_latex(named.name)
    return function_letter(derivation.subject)


def _opened(f: Expr) -> str:
    return expr_latex(f.body if isinstance(f, Name) else f)


def _goal(derivation: Derivation, letter: str) -> str:
    if derivation.kind.startswith(IDENTITY):
        return f"${own_latex(derivation.kind.removeprefix(IDENTITY))}$"
    names = [Style().name(x) for x in derivation.wrt]
    shape, order = derivation.subject.shape, derivation.order
    if derivation.kind == "gradient":
        every = r",\,".join(names)
        return rf"$\nabla {letter}$ by ${every}$" if derivation.several else rf"$\nabla_{{{names[0]}}}{letter}$"
    if derivation.kind == "hessian" and not shape and not derivation.several:
        return rf"$\nabla^2_{{{names[0]}}}{letter}$"
    power = f"^{order}" if order > 1 else ""
    if derivation.several:
        return ", ".join(rf"$\partial{power} {letter}/\partial {x}$" for x in names)
    x = derivation.wrt[0]
    if derivation.vec:
        return rf"$\partial {letter}/\partial\operatorname{{vec}}({names[0]})^\top$"
    if order == 1 and len(shape) + len(x.shape) <= 2:
        if chosen().turned and shape and x.shape:
            return rf"$\partial {letter}^\top/\partial {names[0]}$"
        turned = r"^\top" if x.shape else ""
        return rf"$\partial {letter}/\partial {names[0]}{turned}$"
    letters = iter(output_letters(len(shape) + order * len(x.shape), derivation.subject))
    top = letter + _at(next(letters) for _ in shape) if shape else letter
    below = r"\,".join(rf"\partial {_script(name_latex(x.name))}{_at(next(letters) for _ in x.shape)}" for _ in range(order))
    return rf"$\partial{power} {top}/{below}$"


def _at(letters: Iterable[str]) -> str:
    text = "".join(letters)
    return f"_{{{text}}}" if text else ""


def _script(text: str) -> str:
    return f"({text})" if "_" in text else text


# ---------------------------------------------------------------- symbols
def symbols(subject: Expr, wrt: Sequence[Symbol], meaning: Mapping[str, str], order: Iterable[str] = ()) -> Symbols:
    """The table of symbols, generic functions and abstract modules, with their shapes and what they are.

    Variables come first, the others as ``order`` lists them. What an expectation is taken over has a row where it has a meaning.
    """
    rows: dict[str, tuple[str, str, str]] = {}
    for s in (n for n in free_symbols(subject) if n.kind == "variable" or (n.kind == "formal" and n.name in meaning)):
        role = "random" if s.kind == "formal" else "variable" if s in wrt else "constant"
        rows[s.name] = (Style().name(s), shape_latex(s.shape), _meant(meaning, s.name, role))
    for n in postorder(subject):
        if isinstance(n, Map) and n.generic:
            rows.setdefault(n.fn, (name_latex(n.fn), r"\mathbb{R}\to\mathbb{R}", _meant(meaning, n.fn, "elementwise, generic")))
        elif isinstance(n, Call) and n.abstract and not n.ders:
            domain = r"\times ".join(map(space, (a.shape for a in n.args)))
            kind = "abstract loss" if not n.shape else "abstract module"
            rows.setdefault(n.fn, (name_latex(n.fn), rf"{domain}\to{space(n.shape)}", _meant(meaning, n.fn, kind)))
    first = dict.fromkeys([*(x.name for x in wrt), *order, *rows])
    return Symbols(tuple(rows[name] for name in first if name in rows), ("symbol", "shape", "meaning"))


def _meant(meaning: Mapping[str, str], name: str, role: str) -> str:
    return f"{meaning[name]} ({role})" if name in meaning else role


def space(shape: Sequence[Any]) -> str:
    r"""The space of values of a shape.

    >>> space(("o", "n")), space(())
    ('\\mathbb{R}^{o\\times n}', '\\mathbb{R}')
    """
    return rf"\mathbb{{R}}^{{{shape_latex(tuple(shape))}}}" if shape else r"\mathbb{R}"


def forward_pass(subject: Expr) -> Steps | None:
    """The lines of a program, with the shapes of what they name; None for what is no program."""
    names = [n for n in program(subject) if n is not subject]
    if len(names) < PROGRAM:
        return None
    lines = [Line(name_latex(n.name), expr_latex(n.body), shape=shape_latex(n.shape)) for n in names]
    end = Line(function_letter(subject), _opened(subject), shape=shape_latex(subject.shape))
    return Steps("Forward pass", (*lines, end))


# ---------------------------------------------------------------- assumptions
def smoothness(subject: Expr, wrt: Sequence[Symbol], order: int) -> list[str]:
    """What has to be assumed of functions for the derivative to exist, in prose."""
    times = {1: "differentiable", 2: "twice continuously differentiable"}.get(order, f"{order} times continuously differentiable")
    generic, abstract, kinks = dict[str, Expr](), dict[str, None](), dict[str, None]()
    for n in postorder(subject):
        if isinstance(n, Map) and n.generic:
            generic.setdefault(n.fn, n.arg)
        elif isinstance(n, Call) and n.abstract:
            abstract[name_latex(n.fn)] = None
        elif isinstance(n, Map) and n.fn != "pow" and SCALAR[n.fn].kinks:
            row, entry = SCALAR[n.fn], _entry(n.arg)
            kinks[rf"${entry}\notin\{{{','.join(row.kinks)}\}}$" if len(row.kinks) > 1 else rf"${entry}\ne {row.kinks[0]}$"] = None
    found = [rf"${name_latex(f)}$ is {times} at every ${_entry(arg)}$" for f, arg in generic.items()]
    if abstract:
        found.append(" and ".join(f"${name}$" for name in abstract) + f" {'is' if len(abstract) == 1 else 'are'} {times}")
    return [*found, *kinks]


def _entry(node: Expr) -> str:
    if isinstance(node, Symbol | Name):
        text = name_latex(node.name)
    else:
        text = matrix_latex(node)
    return f"{_script(text) if isinstance(node, Symbol | Name) else f'({text})'}_i" if node.shape else text


__all__ = ["forward_pass", "letter_of", "program", "smoothness", "sought", "space", "symbols"]
