"""What is printed, read back: a result's LaTeX and each line of a derivation's have the value that was derived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symderiv.errors import EvaluationError
from symderiv.evaluate import evaluate
from symderiv.functions.constants import constants, decimal
from symderiv.ir import Name, postorder
from symderiv.render.letters import output_letters
from symderiv.render.symbols import name_latex
from tests.latex.lines import WrongLineError, plain, read_lines, rows
from tests.latex.reader import Node, Unread, read
from tests.latex.values import INDEXED, as_entries, as_matrix

MATRIX, INDEX = "matrix", "index"


class WrongResultError(AssertionError):
    """A printed result whose value isn't the result's."""


@dataclass(frozen=True)
class At:
    """Arrays by name, sizes, and the value there of a derivation's result."""

    values: Mapping[str, Any]
    sizes: Mapping[str, int]
    result: Any

    def named(self, root: Any) -> dict[str, Any]:
        """Everything that has a name in a formula, by the name that is printed: delta_z1 is read as delta_z_1."""
        names = {n.name: evaluate(n, self.values, self.sizes) for n in postorder(root) if isinstance(n, Name)}
        return {plain(name_latex(name)): value for name, value in {**self.sizes, **self.values, **names}.items()}


def at(found: Any, values: Mapping[str, Any], sizes: Mapping[str, int]) -> At | None:
    """The result's value; None where it isn't finite."""
    try:
        with np.errstate(all="ignore"):
            value = evaluate(found.result, values, sizes)
    except (EvaluationError, np.linalg.LinAlgError):
        return None
    return At(values, sizes, value) if np.all(np.isfinite(value)) else None


def spelled(latex: str) -> str:
    """Constants of the tables with all their digits, for a reader that doesn't know their names."""
    for name, value in constants().items():
        latex = latex.replace(name_latex(name), str(decimal(value)))
    return latex


def result_back(found: Any, here: At, notation: str, seen: Counter[str]) -> None:
    """The result's LaTeX has the result's value; WrongResultError where it hasn't."""
    known = here.named(found.result)
    latex = spelled(found.result.latex(notation=notation))
    try:
        node = read(latex, frozenset(n for n in known if "_" in n))
        entries = notation == INDEX or len(found.shape) > 2 or any(kind(node, k) for k in INDEXED)
        with np.errstate(all="ignore"):
            if entries:
                letters = "".join(output_letters(len(found.shape), found.result))
                back = as_entries(node, known, letters, here.result.shape)
            else:
                back = as_matrix(node, known, here.result.shape)
    except Unread as sign:
        seen[f"{notation}, not read"] += 1
        seen[f"not read: {str(sign)[:40]}"] += 1
        return
    if not np.allclose(back, here.result, rtol=1e-8, atol=1e-8):
        raise WrongResultError(f"{latex}\n{back}\ninstead of\n{here.result}")
    seen[notation] += 1


def kind(node: Node, wanted: str) -> bool:
    return node.kind == wanted or any(kind(part, wanted) for part in node.parts)


def lines_back(found: Any, variable: str, here: At, notation: str, seen: Counter[str]) -> None:
    """Each line of a first derivative, in matrix or differential notation, has the value of the line before."""
    x = np.asarray(here.values[variable])
    direction = np.random.default_rng(4).normal(size=x.shape)
    forward = np.tensordot(here.result, direction, x.ndim)
    latex = spelled(found.latex(notation=notation))
    last = rows(latex)[-1][0]                                   # the lemmas' own left sides come before
    ends = {last: here.result} if last.startswith((r"\nabla", r"\frac{\partial")) else {}
    ends |= {r"\mathrm{d}L": forward, r"\mathrm{d}f": forward}
    read_lines(latex, here.named(found.subject) | {f"d{variable}": direction}, ends, seen)


__all__ = ["INDEX", "MATRIX", "At", "WrongLineError", "WrongResultError", "at", "lines_back", "result_back"]
