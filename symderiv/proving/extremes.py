"""The smallest and largest eigenvalue of a form that were met; at single points in plain Python, where NumPy isn't there.

>>> from symderiv.build import apply, symbol
>>> from symderiv.ops import diag
>>> x = symbol("x", ("n",))
>>> found = spectrum(diag(apply("sin", x)), (0,), (1,), Facts())
>>> found.least.value < 0 < found.most.value, found.points
(True, 12)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from symderiv.facts import Fact, Facts
from symderiv.held import broken_at
from symderiv.ir import Expr
from symderiv.points import OutsideDomainError, Value, evaluate, indices, mp, nested
from symderiv.proving.domain import points_of

CLEAR = 1e-7
"""a smaller part of the matrix is no sign"""
TRIALS = 12


@dataclass(frozen=True)
class Extreme:
    """The smallest or largest eigenvalue found, relative to the matrix, with its vector and the point."""

    value: float
    relative: float
    direction: Any
    values: Mapping[Any, Any]
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Range:
    """What eigenvalues, or entries, were found; None where no point could be evaluated."""

    least: Extreme | None
    most: Extreme | None
    points: int


def spectrum(
    node: Expr,
    left: Sequence[int],
    right: Sequence[int],
    facts: Iterable[Fact],
    trials: int = TRIALS,
    seed: int = 0,
    symmetric: bool | str = False,
    about: Sequence[Expr] = (),
) -> Range:
    """As that of `numeric.definite`, at fewer points; ``left`` and ``right`` are all axes of the form."""
    known = Facts(tuple(facts))
    least: Extreme | None = None
    most: Extreme | None = None
    count = 0
    for point, sizes in points_of(node, about[0] if about else node, known, Random(seed)):
        if count >= min(trials, TRIALS):
            break
        try:
            if broken_at(known, point, sizes):
                continue
            form, *_ = (evaluate(e, point, sizes) for e in (node, *about))
        except (OutsideDomainError, ZeroDivisionError):
            continue
        count += 1
        places = indices(tuple(node.shape[a] for a in left), sizes)
        low, high = _ends(form, places, _basis(places, symmetric))
        values = {k: nested(v) for k, v in point.items()}
        for value, relative, direction in (low, high):
            found = Extreme(value, relative, nested(direction), values, sizes)
            least = found if least is None or relative < least.relative else least
            most = found if most is None or relative > most.relative else most
    return Range(least, most, count)


def _basis(places: Sequence[tuple[int, ...]], symmetric: bool | str) -> list[Value]:
    """An orthonormal basis of the directions: all, the symmetric ones, or the diagonal ones."""
    if not symmetric:
        return [{at: mp.mpf(1)} for at in places]
    kept = [at for at in places if at[0] == at[1] or (symmetric != "diagonal" and at[0] < at[1])]
    return [{at: mp.mpf(1)} if at[0] == at[1] else dict.fromkeys((at, at[::-1]), mp.sqrt(0.5)) for at in kept]


def _ends(form: Value, places: Sequence[tuple[int, ...]], basis: Sequence[Value]) -> list[tuple[float, float, Value]]:
    """(value, relative value, direction) of the smallest eigenvalue and of the largest."""
    matrix = mp.matrix(len(basis))
    for i, v in enumerate(basis):
        for j, w in enumerate(basis):
            matrix[i, j] = sum(a * b * (form[at + to] + form[to + at]) / 2 for at, a in v.items() for to, b in w.items())
    found, vectors = mp.eigsy(matrix)
    scale = max(map(abs, found)) or mp.mpf(1)
    ends = []
    for k in (0, len(basis) - 1):
        direction: Value = dict.fromkeys(places, mp.mpf(0))
        for i, v in enumerate(basis):
            for at, a in v.items():
                direction[at] += vectors[i, k] * a
        ends.append((float(found[k]), float(found[k] / scale), direction))
    return ends


__all__ = ["CLEAR", "Extreme", "Range", "spectrum"]
