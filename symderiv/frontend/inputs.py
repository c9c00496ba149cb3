"""One way in: a text, an expression, a SymPy expression, a module or a Python function, with shapes and assumptions.

>>> value, environment, facts = parse("z = W @ x; sum(softmax(z) * y)", {"W": "o n", "x": "n", "y": "o"}, "sum(y) == 1")
>>> value.shape, list(environment.names), facts.texts()
((), ['z'], ('sum(y) == 1',))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import sympy

from symderiv.build import substitute, symbol
from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.frontend.assume import parse_assumptions
from symderiv.frontend.assumptions import build_facts, symmetric_names
from symderiv.frontend.build_text import build_text
from symderiv.frontend.environment import Environment, declare, environment_of
from symderiv.frontend.from_function import from_function
from symderiv.frontend.from_sympy import read_sympy
from symderiv.ir import Expr
from symderiv.network_text import Module
from symderiv.ops import noticing

Input = Any
"""str | Expr | sympy.Basic | Module | Callable[..., Any]"""

Assume = str | Iterable[str] | None


def to_expr(
    f: Input, shapes: Mapping[str, Any] | None = None, assume: Assume = None, variables: Iterable[str] = ()
) -> tuple[Expr, Environment, Facts]:
    """What the user gave as an expression, the environment in which texts about it are read, and the facts.

    The symbols named in ``variables`` are to be differentiated by: a symmetry of theirs is stated as a fact only, since a
    derivative is taken in all entries, before the symmetry is used.
    """
    shapes = dict(shapes or {})
    parsed = parse_assumptions(assume)
    symmetric = [n for n in symmetric_names(parsed) if n not in set(variables)]
    if isinstance(f, Module):
        f, shapes = f.program(), {**f.shapes(), **shapes}
    with noticing() as sums:
        if isinstance(f, str):
            environment = declare(shapes, symmetric)
            value, names = build_text(f, environment)
            environment = environment.with_names(names)
        elif isinstance(f, Expr):
            value = _made_symmetric(f, symmetric)
            environment = environment_of(value).with_declarations(shapes, symmetric)
        elif isinstance(f, sympy.Basic | sympy.MatrixBase):
            value, found = read_sympy(f, symmetric)
            environment = found.with_declarations(shapes, symmetric)
        elif callable(f):
            value, environment = from_function(f, shapes, symmetric)
        else:
            raise SymderivError(
                f"a value of type {type(f).__name__} can't be derived",
                hint="give a text, a module, an expression, a SymPy matrix expression or a Python function",
            )
    return value, environment, replace(build_facts(parsed, environment), sums=tuple(dict.fromkeys(sums)))


def parse(text: str, shapes: Mapping[str, Any] | None = None, assume: Assume = None) -> tuple[Expr, Environment, Facts]:
    """The expression that a text is, where ``shapes`` are its symbols' shapes."""
    if not isinstance(text, str):
        raise SymderivError(f"a text is read here, not a value of type {type(text).__name__}")
    return to_expr(text, shapes, assume)


def _made_symmetric(root: Expr, names: Iterable[str]) -> Expr:
    found = environment_of(root).symbols
    return substitute(root, {found[n]: symbol(n, found[n].shape, props=("symmetric",)) for n in names if n in found})
