"""What a text leaves undeclared, and what each of it may be, from the most usual on.

>>> from symderiv.frontend.environment import declare
>>> from symderiv.frontend.parser import parse_program
>>> [one.name for one in unknowns([parse_program("f(W @ x) + b")], declare({"b": "o"}), ())]
['W', 'x', 'f']
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from symderiv.errors import ParseError, SymderivError, UnknownNameError, clip, nearest, with_source
from symderiv.frontend.build_text import CONSTANTS
from symderiv.frontend.environment import Environment
from symderiv.frontend.notation import known_functions
from symderiv.frontend.syntax import Binary, Call, Program, Ref, postorder

SCALARS = frozenset("lam lambda_ lamda alpha eps epsilon tau eta rho nu c s lr".split())
SIZES = frozenset("n m d k o p q".split())
"""names that, where they only divide, may be the number of entries that an axis has"""
MAKERS = frozenset(("eye", "ones", "zeros", "identity"))
LONGEST_LETTER = 2
"""an unknown function of a longer name that is like a known one is taken for a slip"""
Option = tuple[int, ...] | Literal["elementwise"]


@dataclass(frozen=True)
class Unknown:
    """Something undeclared: a symbol or a function; ``options`` from best to worst.

    An option is "elementwise", or the numbers of axes: of a symbol one, of a module those of its arguments and value.
    """

    name: str
    options: tuple[Option, ...]


def values_of(programs: Sequence[Program]) -> list[str]:
    """The names that stand for values and aren't assigned, in order of first use."""
    found: dict[str, None] = {}
    for program in programs:
        assigned = {line.name for line in program.assignments}
        found.update({n.name: None for n in postorder(program) if isinstance(n, Ref) and n.name not in assigned})
    return list(found)


def called_in(programs: Sequence[Program]) -> dict[str, int]:
    """The functions that are called, each with the number of its arguments."""
    return {n.function: len(n.arguments) for p in programs for n in postorder(p) if isinstance(n, Call)}


def only_divides(name: str, programs: Sequence[Program]) -> bool:
    """Whether a name only divides: ``x / n``, ``x / sqrt(d)``."""
    uses = divisors = 0
    for node in (node for program in programs for node in postorder(program)):
        uses += isinstance(node, Ref) and node.name == name
        if isinstance(node, Binary) and node.operator == "/":
            below = node.right
            if isinstance(below, Call) and below.function == "sqrt" and len(below.arguments) == 1:
                below = below.arguments[0]
            divisors += isinstance(below, Ref) and below.name == name
    return uses == divisors


def made_sizes(programs: Sequence[Program], given: Collection[str]) -> frozenset[str]:
    """The names that say how large an array is: ``eye(n)``."""
    return frozenset(
        part.name
        for program in programs
        for node in postorder(program)
        if isinstance(node, Call) and node.function in MAKERS
        for part in postorder(node)
        if isinstance(part, Ref) and part.name not in given
    )


def unknowns(programs: Sequence[Program], known: Environment, sizes: Collection[str]) -> list[Unknown]:
    """The undeclared symbols and functions; raises UnknownNameError for a function that is a known one, misspelt."""
    functions = {*known_functions(), *known.modules, *known.functions}
    called = {name: count for name, count in called_in(programs).items() if name not in functions}
    for name in values_of(programs):
        if name in called:
            raise ParseError(f"'{name}' is used as a value and as a function", hint="a product is written * or @")
    symbols = [
        name
        for name in values_of(programs)
        if name not in known.symbols and name not in {*known.dims, *sizes, *CONSTANTS} and not known.declares(name)
    ]
    for name in called:
        close = nearest(name, functions) if len(name) > LONGEST_LETTER else None
        if close is not None:
            raise _slip(name, close, programs)
    return [
        *(Unknown(name, _axes(name)) for name in symbols),
        *(Unknown(name, _function(name, count)) for name, count in called.items()),
    ]


def _slip(name: str, close: str, programs: Sequence[Program]) -> SymderivError:
    """The error for a function whose name is nearly that of a known one."""
    error = UnknownNameError(f"unknown function '{clip(name)}'", hint=f"did you mean '{close}'?")
    for program in programs:
        for node in postorder(program):
            if isinstance(node, Call) and node.function == name:
                return with_source(error, program.text, node.function_span)
    return error


def _axes(name: str) -> tuple[tuple[int, ...], ...]:
    """The numbers of axes that a symbol may have, from the most usual on.

    >>> _axes("W1"), _axes("x"), _axes("lam")
    (((2,), (1,), (0,), (3,)), ((1,), (0,), (2,)), ((0,), (1,)))
    """
    stem = name.rstrip("0123456789_")
    if name in SCALARS or stem in SCALARS or name in SIZES:
        return ((0,), (1,))
    return ((2,), (1,), (0,), (3,)) if stem[:1].isupper() else ((1,), (0,), (2,))


def _function(name: str, count: int) -> tuple[Option, ...]:
    """What an unknown function may be: f and phi of each entry, N of a vector to a vector, L of a vector to a number."""
    scalar_first = name[:1] in "Lℓ" or name in ("loss", "cost")
    values = (0, 1) if scalar_first else (1, 0)
    modules = tuple((*(axes,) * count, value) for axes in (1, 0, 2) for value in values)
    return modules if name[:1].isupper() or scalar_first or count != 1 else ("elementwise", *modules)
