"""Exercises in a source: prompt, hints and solution from one place, numbers drawn by a seed, steps to fill in or to mend.

>>> from symderiv.handout.calls import jacobian
>>> layer = jacobian("tanh(W @ h)", "h", W="o n", h="n")
>>> task = exercise("A layer", "Derive it.", find_error(layer), points=2, hint="The chain rule.", solution=[layer])
>>> task.points, len(task.prompt)
(2, 2)
>>> drawn("2 3", seed=1).values(0, "W") == drawn("2 3", seed=1).values(0, "W")
True
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from symderiv.errors import SymderivError, UnknownNameError
from symderiv.handout.calls import Call, Place, here

NOTATIONS = ("matrix", "index", "differential")
DETAILS = ("brief", "normal", "full")
WHAT = ("formula", "rule")


@dataclass(frozen=True)
class Drawn:
    """Numbers to be drawn: low, low + step, ..., high; each variant of a sheet has its own."""

    shape: tuple[int, ...]
    low: float
    high: float
    step: float
    seed: int

    def values(self, variant: int, name: str) -> Any:
        """Nested lists of the shape; the same for the same seed, variant and name, in every process."""
        source = random.Random(f"{self.seed}/{variant}/{name}")
        count = round((self.high - self.low) / self.step)

        def one() -> float:
            value = self.low + self.step * source.randint(0, count)
            return int(value) if float(value).is_integer() else round(value, 9)

        def nested(shape: tuple[int, ...]) -> Any:
            return [nested(shape[1:]) for _ in range(shape[0])] if shape else one()

        found = nested(self.shape)
        while self.shape and count and math.prod(self.shape) > 1 and len(set(re.findall(r"[-\d.e]+", str(found)))) == 1:
            found = nested(self.shape)                          # equal entries are a poor example
        return found


@dataclass(frozen=True)
class Asked:
    """An exercise. ``numbers`` are given with the prompt; the value of ``ask`` at them is to be found, as ``name``."""

    title: str
    prompt: tuple[Any, ...]
    points: float
    hints: tuple[Any, ...]
    solution: tuple[Any, ...]
    numbers: Mapping[str, Any]
    ask: Call | str | None
    name: str
    tolerance: float
    covers: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Blanks:
    """A derivation with some of its lines' formulas or rules left blank; which, is drawn unless ``lines`` says it."""

    call: Call
    notation: str
    detail: str
    what: str
    count: int
    lines: tuple[int, ...]
    seed: int
    place: Place


@dataclass(frozen=True)
class Fault:
    """A derivation with one wrong line, which is refuted when the sheet is built."""

    call: Call
    notation: str
    detail: str
    seed: int
    place: Place


def drawn(shape: str = "", low: float = -3, high: float = 3, step: float = 1, seed: int = 0) -> Drawn:
    """Numbers of a shape ("2 3", "3", "" for one number) between ``low`` and ``high``, in steps."""
    sizes = shape.split()
    if not all(size.isdigit() and int(size) for size in sizes):
        raise SymderivError(f"drawn: the shape '{shape}' isn't made of sizes", hint='as in drawn("2 3")')
    if not (step > 0 and high > low):
        raise SymderivError("drawn: it needs low < high and step > 0", hint='as in drawn("3", low=-2, high=2, step=0.5)')
    return Drawn(tuple(map(int, sizes)), low, high, step, seed)


def exercise(
    title: str,
    /,
    *prompt: Any,
    points: float = 0,
    hint: Any = (),
    solution: Sequence[Any] | Any = (),
    numbers: Mapping[str, Any] | None = None,
    ask: Call | str | None = None,
    name: str = "answer",
    tolerance: float = 1e-3,
    covers: str = "",
) -> Asked:
    """An exercise; prompt, hint and solution are Markdown, derivations, or other items, one or a list.

    ``ask`` (a call or a text) is evaluated at ``numbers``; a solution is right within ``tolerance``.
    """
    if ask is not None and not numbers:
        raise SymderivError(f"exercise '{title}': what is asked for needs numbers", hint="numbers={...}, or drawn(...) in them")
    if not _bindable(name) or name in (numbers or {}):
        raise SymderivError(f"exercise '{title}': '{name}' can't be the name of an answer", hint="take a name such as J")
    for given in numbers or {}:
        if not _bindable(given):
            raise SymderivError(f"exercise '{title}': '{given}' can't be the name of a number", hint="take a name such as x")
    if not (math.isfinite(points) and points >= 0 and math.isfinite(tolerance) and tolerance > 0):
        raise SymderivError(f"exercise '{title}': points can't be negative, nor can a tolerance be zero")
    return Asked(title, prompt, points, _several(hint), _several(solution), numbers or {}, ask, name, tolerance,
                 tuple(covers.split()), here())  # fmt: skip


def _bindable(name: str) -> bool:
    """Whether a notebook can bind the name, and still use NumPy."""
    return name.isidentifier() and not iskeyword(name) and name != "np"


def _several(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, list | tuple) else (given,)


def blanks(
    call: Call, /, *, notation: str = "matrix", detail: str = "normal", what: str = "formula", count: int = 1,
    lines: Sequence[int] = (), seed: int = 0,
) -> Blanks:  # fmt: skip
    """Steps in which the formula (or the rule) of some lines is to be filled in."""
    _known(notation, detail)
    if what not in WHAT:
        raise UnknownNameError.among(what, WHAT, "blank", f"what is left blank: {', '.join(WHAT)}")
    if count < 1:
        raise SymderivError(f"blanks: {count} lines can't be left blank", hint="count=1 or more, or lines=[...]")
    return Blanks(call, notation, detail, what, count, tuple(lines), seed, here())


def find_error(call: Call, /, *, notation: str = "matrix", detail: str = "normal", seed: int = 0) -> Fault:
    """Steps of which one is wrong, in matrix or index form."""
    _known(notation, detail)
    if notation == "differential":
        raise SymderivError("find_error: a wrong line isn't told in differential form", hint='take notation="matrix" or "index"')
    return Fault(call, notation, detail, seed, here())


def _known(notation: str, detail: str) -> None:
    for given, known, kind in ((notation, NOTATIONS, "notation"), (detail, DETAILS, "detail")):
        if given not in known:
            raise UnknownNameError.among(given, known, kind, f"take one of {', '.join(known)}")
