"""Arrays for the arguments of somebody's function: random ones of the shapes given, or those that were given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symderiv.api import Assume
from symderiv.draw import STYLES, Style, draw, draw_sizes
from symderiv.errors import SymderivError
from symderiv.frontend.assume import parse_assumptions
from symderiv.frontend.assumptions import build_facts
from symderiv.frontend.environment import declare

Array = np.ndarray[Any, Any]

_STYLES: tuple[Style, ...] = ("real", "real", *STYLES)


class Points:
    """Random points: sizes all different, values that honour the facts; arrays that are given stay as they are.

    >>> points = Points({"W": "o n", "y": [1.0, 0.0]}, None, 0)
    >>> points.shapes, points.fixed, points.draw(0)["W"].shape
    ({'W': 'o n', 'y': (2,)}, False, (5, 3))
    """

    def __init__(self, at: Mapping[str, Any], assume: Assume, seed: int) -> None:
        if not isinstance(at, Mapping) or not at:
            raise SymderivError("at= gives each argument its shape or an array", hint='as at={"W": "o n", "x": "n"}')
        self.given = {n: np.asarray(v) for n, v in at.items() if not isinstance(v, str) and not _is_shape(v)}
        self.shapes = {n: self.given[n].shape if n in self.given else v for n, v in at.items()}
        for name, value in self.given.items():
            if value.dtype.kind not in "bifu":
                raise SymderivError(f"at={{'{name}': ...}} is no array of real numbers",
                                    hint="give a shape as text, or an array")  # fmt: skip
        self.assume, self.seed = assume, seed
        environment = declare(self.shapes)
        self.facts = build_facts(parse_assumptions(assume), environment)
        self.symbols = list(environment.symbols.values())
        self.fixed = len(self.given) == len(self.shapes)

    def draw(self, turn: int) -> dict[str, Array]:
        """The arrays of a turn, by name."""
        rng = np.random.default_rng([self.seed, turn])
        sizes = draw_sizes(self.symbols, turn)
        drawn = draw(self.symbols, self.facts, rng, sizes, _STYLES[turn % len(_STYLES)])
        return {s.name: np.array(self.given.get(s.name, drawn.get(s.name))) for s in self.symbols}


def _is_shape(value: Any) -> bool:
    """A tuple of sizes; a list is an array."""
    return isinstance(value, tuple) and all(isinstance(d, int | str) for d in value)


__all__ = ["Points"]
