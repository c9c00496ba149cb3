"""Exercises as blocks of a page: prompt, given numbers, hints, and the solution that only a lecturer's page keeps."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

import symderiv
from symderiv.derive import Derivation
from symderiv.handout.calls import Call, SourceError
from symderiv.handout.card import Context
from symderiv.handout.checked import check
from symderiv.handout.faults import planted_fault
from symderiv.handout.model import BLANK, Block, Check, Code, Example, Exercise, Line, Prose, Steps, Task
from symderiv.handout.tasks import Asked, Blanks, Drawn, Fault
from symderiv.handout.told import as_line, result
from symderiv.handout.values import (
    EQUALS,
    array_latex,
    array_of,
    arrays,
    error_latex,
    exact,
    is_function,
    numbers_given,
)
from symderiv.ir import free_symbols
from symderiv.present import Written, written
from symderiv.render.apart import beside
from symderiv.render.symbols import name_latex

Make = Callable[[Any, Context], list[Block]]
EMPTY_RULE = "…………"
TRIALS = 5


def exercise(item: Asked, context: Context, make: Make) -> Exercise:
    """An exercise with its solution; ``make`` gives the blocks of the items inside."""
    context.exercises += 1
    inner = context.child()                                     # what a solution uses stands on the lecturer's card only
    prompt: list[Block] = []
    solution: list[Block] = []
    for part in item.prompt:
        if isinstance(part, Blanks | Fault):
            shown, solved = worked(part, context, inner)
            prompt += shown
            solution += solved
        else:
            prompt += _made(part, context, make)
    task = None
    if item.numbers:
        values = drawn_values(item, context.variant)
        prompt.append(Example(numbers_given(values), "Given"))
        if item.ask is not None:
            task, asked, answer = _asked(item, values)
            prompt.append(asked)
            solution.insert(0, answer)
    hints = tuple(tuple(_made(part, context, make)) for part in item.hints)
    solution += [block for part in item.solution for block in _made(part, inner, make)]
    context.solved(inner)
    if any(isinstance(block, Exercise) for block in (*prompt, *solution, *(block for hint in hints for block in hint))):
        raise SourceError(item.place, f"exercise '{item.title}': no exercise, blank or wrong line of its own can stand in it")
    return Exercise(item.title, context.exercises, tuple(prompt), item.points, hints, tuple(solution), task)


def alone(item: Blanks | Fault, context: Context) -> Exercise:
    """Steps to fill in or to mend that stand by themselves: an exercise of their own."""
    title = "Fill in the blanks" if isinstance(item, Blanks) else "Find the wrong line"
    asked = Asked(title, (item,), 0, (), (), {}, None, "answer", 1e-3, (), item.place)
    return exercise(asked, context, lambda part, inner: [])


def _made(part: Any, context: Context, make: Make) -> list[Block]:
    return [Prose(part)] if isinstance(part, str) else make(part, context)


# ---------------------------------------------------------------- steps to fill in or to mend
def worked(item: Blanks | Fault, context: Context, inner: Context) -> tuple[list[Block], list[Block]]:
    """(what is asked, its solution)."""
    told = _confirmed(item.call, "steps are left blank, or made wrong, in derivations only")
    seed = item.seed + 1000 * context.variant
    with beside(told.subject, *told.wrt):
        return _blank(item, told, context, inner, seed) if isinstance(item, Blanks) else _fault(item, told, context, inner, seed)


def _confirmed(call: Call, otherwise: str) -> Derivation:
    """The derivation of a call, checked as all that is printed; raises SourceError for what is none."""
    told = call.run()
    if not isinstance(told, Derivation):
        raise SourceError(call.place, otherwise)
    found = check(told, TRIALS)
    if not found.ok:
        raise SourceError(call.place, f"the derivation isn't confirmed: {found.trouble}")
    return told


def _blank(item: Blanks, told: Derivation, context: Context, inner: Context, seed: int) -> tuple[list[Block], list[Block]]:
    lines = written(told, item.notation, item.detail)
    chosen = _chosen(item, lines, seed)
    kept = [line for n, line in enumerate(lines) if n not in chosen or item.what == "formula"]
    context.name(kept)
    context.fire(told.steps)
    inner.name(lines)
    inner.fire(told.steps)
    shown = tuple(_blanked(line, item.what) if n in chosen else line for n, line in enumerate(_counted(lines)))
    word = "formulas" if item.what == "formula" else "rules"
    asked = Prose(f"Fill in the {word} that are left blank." if len(chosen) > 1 else f"Fill in the {word[:-1]} that is left blank.")
    where = ", ".join(f"({n + 1})" for n in sorted(chosen))
    return [asked, Steps("", shown)], [Steps(f"Blank was {where}", _counted(lines))]


def _counted(lines: Iterable[Written]) -> tuple[Line, ...]:
    return tuple(replace(as_line(line), number=n) for n, line in enumerate(lines, 1))


def _blanked(line: Line, what: str) -> Line:
    return replace(line, rhs=BLANK) if what == "formula" else replace(line, why=EMPTY_RULE)


def _chosen(item: Blanks, lines: list[Written], seed: int) -> set[int]:
    """Which lines are left blank: those asked for, or drawn among those that can be found from the line before."""
    if item.lines:
        wrong = [n for n in item.lines if not 1 <= n <= len(lines)]
        if wrong:
            raise SourceError(item.place, f"there is no line {wrong[0]} to leave blank: there are {len(lines)}")
        return {n - 1 for n in item.lines}
    shown = [line.rhs for line in lines]
    free = [n for n, line in enumerate(lines) if line.why and (item.what == "rule" or shown.count(line.rhs) == 1)]
    free = [n for n in free if n] or free
    if len(free) < item.count:
        raise SourceError(item.place, f"{item.count} lines can't be left blank: only {len(free)} can be found from the line before")
    return set(random.Random(f"blank/{seed}").sample(free, item.count))


def _fault(item: Fault, told: Derivation, context: Context, inner: Context, seed: int) -> tuple[list[Block], list[Block]]:
    found = planted_fault(told, item.notation, item.detail, seed)
    context.name(found.lines)
    inner.name(found.true_lines)
    for one in (context, inner):
        one.fire(told.steps)
    asked = Prose("Exactly one of these lines doesn't follow from the one before. Which one, and what should it say?")
    lines = found.true_lines
    return [asked, Steps("", _counted(found.lines))], [
        Prose(f"Line {found.number} is wrong. It should say ${found.right}$."),
        Check(f"line {found.number} isn't line {found.number - 1}: {_counterexample(found.verdict)}", False, "Refuted"),
        Steps("Without the error", _counted(lines)),
    ]


def _counterexample(verdict: Any) -> str:
    example = verdict.counterexample
    given = []
    for name in example:
        value, text = example[name], name_latex(str(getattr(name, "name", name)))
        plain = isinstance(value, int | float) or hasattr(value, "shape")
        given.append(f"${text}={array_latex(value)}$" if plain else f"${text}$ a smooth function")
    sides = [array_latex(np.asarray(side)) for side in (example.left, example.right)]
    if np.ndim(example.left) > 2:
        return f"at {', '.join(given)} they differ"
    return f"at {', '.join(given)} the one is ${sides[0]}$, the other ${sides[1]}$"


# ---------------------------------------------------------------- numbers
def drawn_values(item: Asked, variant: int) -> dict[str, Any]:
    """The numbers of an exercise, drawn for a variant where they are to be drawn."""
    return {name: value.values(variant, f"{item.title}/{name}") if isinstance(value, Drawn) else value
            for name, value in item.numbers.items()}  # fmt: skip


def _asked(item: Asked, values: dict[str, Any]) -> tuple[Task, Prose, Block]:
    """(the task, its sentence, the answer)."""
    if any(map(is_function, values.values())):
        raise SourceError(item.place, "what is asked for can't have functions among its numbers")
    found, code, call = _evaluated(item, values)
    if found.ndim > 2 or not np.isfinite(found).all():
        raise SourceError(item.place, "what is asked for isn't a number, a vector or a matrix of finite numbers at these numbers")
    entries = tuple(float(f"{v:.12g}") for v in np.ravel(found))
    lines = [f"{name} = {_literal(value)}" for name, value in values.items()]
    task = Task(item.name, found.shape, "\n".join(lines), item.tolerance, entries, f"{code}\n\n{item.name} = {call}")
    letter = name_latex(item.name)
    within = "" if not found.ndim else "each entry "
    limit = f"{item.tolerance:g}" if item.tolerance >= 1e-3 else error_latex(item.tolerance).replace("1.0\\cdot", "")
    asked = Prose(f"Give ${letter}$, {within}to within ${limit}$.")
    return task, asked, Example((f"{letter}{EQUALS[exact(found)]}{array_latex(found)}",), "Answer")


def _evaluated(item: Asked, values: dict[str, Any]) -> tuple[Any, str, str]:
    """(the value of what is asked, a function that computes it, its call)."""
    given = arrays(values)
    if isinstance(item.ask, Call):
        told = _confirmed(item.ask, "what is asked for has to be one derivative, or a text")
        if told.several:
            raise SourceError(item.place, "what is asked for has to be one derivative, or a text")
        function = told.numpy()
        known = {s.name for s in free_symbols(told.subject) if s.kind == "variable"}
    else:
        shapes = {name: " ".join(map(str, np.shape(array_of(value)))) for name, value in values.items()}
        expr = symderiv.parse(str(item.ask), shapes=shapes)
        function, known = expr.numpy(), {s.name for s in free_symbols(expr) if s.kind == "variable"}
    missing = sorted(known - given.keys())
    if missing:
        raise SourceError(item.place, f"'{missing[0]}' has no number: give all of {', '.join(sorted(known))} in numbers=")
    used = {name: value for name, value in given.items() if name in known}
    with np.errstate(all="ignore"):                             # what isn't finite is refused by the caller
        value = np.asarray(function(**used), dtype=float)
    code = function.source().rstrip()
    defined = re.findall(r"^def (\w+)\(", code, re.MULTILINE)[-1]
    if defined in used:
        raise SourceError(item.place, f"'{defined}' is what the solution's function is called: give the number another name")
    return value, code, f"{defined}({', '.join(f'{name}={name}' for name in used)})"


def _literal(value: Any) -> str:
    found = array_of(value)
    return f"np.array({found.tolist()})" if found.ndim else repr(float(found))


def solution_of(call: Call, context: Context) -> list[Block]:
    """A call that stands for itself: its steps and its result, with the call."""
    told = _confirmed(call, "write derivation(...), or another item, around this call")
    with beside(told.subject, *told.wrt):
        lines, box = written(told, "matrix", "normal"), result(told)
    context.name(lines)
    context.fire(told.steps)
    return [Steps("", tuple(map(as_line, lines))), box, Code("The call", call.code())]


__all__ = ["alone", "drawn_values", "exercise", "solution_of", "worked"]
