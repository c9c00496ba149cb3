"""What functions, symbols and facts are called in print."""
from __future__ import annotations

from symderiv.facts import Fact
from symderiv.ir import Der, Expr, Name, Symbol, free_name, names_in
from symderiv.render.matrix import matrix_latex
from symderiv.render.symbols import name_latex


def function_letter(f: Expr) -> str:
    """What a function is called: its own name where it has one, N for a vector, L for a scalar."""
    if isinstance(f, Name):
        return f.name
    taken = names_in(f)
    return free_name(taken, *(("L", "C", "E", "L_0") if not f.shape else ("N", "C", "F", "N_0")))


def goal_latex(goal: Expr) -> str:
    """A derivative in a line of prose: ∂²u/∂x ∂x."""
    below: list[str] = []
    while isinstance(goal, Der):
        below.insert(0, rf"\partial {name_latex(symbol_text(goal.wrt))}")
        goal = goal.body
    power = f"^{len(below)}" if len(below) > 1 else " "
    return rf"\partial{power}{name_latex(function_letter(goal))}/" + r"\,".join(below)


def fact_latex(fact: Fact) -> str:
    """A fact as a formula."""
    subject = fact.subject
    if isinstance(subject, str):
        return rf"{name_latex(subject)}\text{{ {fact.kind}}}"
    text = matrix_latex(subject) if len(subject.shape) <= 2 else name_latex(symbol_text(subject))
    if fact.kind == "sum" and fact.value is not None:
        right = matrix_latex(fact.value)
        if len(subject.shape) == 1:
            return rf"\mathbf{{1}}^\top {text}={right}"
        return rf"{text}\,\mathbf{{1}}={right}" if fact.axes == (1,) else rf"\textstyle\sum {text}={right}"
    if fact.kind == "equal" and fact.value is not None:
        return rf"{text}={matrix_latex(fact.value)}"
    signs = {"positive": ">0", "negative": "<0", "nonnegative": r"\ge 0", "nonpositive": r"\le 0", "psd": r"\succeq 0",
             "pd": r"\succ 0", "symmetric": rf"={text}^\top"}
    if fact.kind in signs:
        return text + signs[fact.kind]
    return rf"{text}\text{{ {fact.kind}}}"


def symbol_text(node: Expr) -> str:
    return node.name if isinstance(node, Symbol | Name) else "v"
