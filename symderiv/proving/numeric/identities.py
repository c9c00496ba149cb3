"""Counterexamples that can be read: small sizes, small integers where they do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symderiv.arguments import as_float
from symderiv.dims import dim_atoms
from symderiv.draw import broken_fact, draw, kink_distance, relevant
from symderiv.errors import SymderivError
from symderiv.evaluate import evaluate, nodes_of
from symderiv.evaluate_functions import KINKS
from symderiv.facts import Fact
from symderiv.ir import Contract, Expr, Map, Symbol
from symderiv.rounding import all_finite
from symderiv.verify import Report, same_value

ATTEMPTS = 60
CLEAR = 1e-6


@dataclass(frozen=True)
class Found:
    """Arrays by name, and the values of both sides, which differ."""

    values: Mapping[Any, Any]
    left: Any
    right: Any


def compare(lhs: Expr, rhs: Expr, facts: Iterable[Fact], trials: int, seed: int) -> Report:
    """Both sides at random points: sizes all different, and each size once 1."""
    facts = list(facts)
    report = same_value(lhs, rhs, facts, trials, seed)
    if report.verdict != "checked":
        return report
    for atom in _atoms(lhs, rhs)[:4]:
        try:
            other = same_value(lhs, rhs, facts, 2, seed, sizes={atom: 1})
        except SymderivError:
            continue  # a size of 1 that another dimension excludes
        if other.verdict == "refuted":
            return other
    return report


def small(lhs: Expr, rhs: Expr, facts: Iterable[Fact], seed: int, at_kinks: bool = False) -> Found | None:
    """A point of small integers or short decimals where the sides differ; ``at_kinks`` looks where functions jump."""
    nodes = nodes_of(lhs, rhs)
    facts = relevant(facts, [n for n in nodes if isinstance(n, Symbol)])
    atoms = _atoms(lhs, rhs)
    if at_kinks and not any(isinstance(n, Map) and n.fn in KINKS for n in nodes):
        return None
    rng = np.random.default_rng([seed, 77])
    for attempt in range(ATTEMPTS):
        sizes = {a: 1 + (attempt + k) % 3 if attempt % 2 else 2 + k % 2 for k, a in enumerate(atoms)}
        try:
            drawn = draw(nodes, facts, rng, sizes, ("real", "positive", "large")[attempt % 3])
            digits = 0 if attempt < 2 * ATTEMPTS // 3 else 1
            values = {
                k: v if callable(v) else np.round(1.6 * v if digits == 0 else v, digits) + 0.0 for k, v in drawn.items()
            }
            if broken_fact(facts, values, sizes) is not None or (
                not at_kinks and kink_distance(nodes, values, sizes) < CLEAR
            ):
                continue
            memo: dict[Expr, Any] = {}
            left, right = evaluate(lhs, values, sizes, memo), evaluate(rhs, values, sizes, memo)
        except (np.linalg.LinAlgError, SymderivError):
            continue
        if (
            all_finite(left, right, *memo.values())
            and np.max(abs(left - right)) > CLEAR * max(1.0, float(np.max(abs(left))), float(np.max(abs(right))))
        ):
            return Found(values, left, right)
    return None


def as_array(value: Mapping[tuple[int, ...], Any]) -> Any:
    """The array of a tensor that is given entry by entry; what no float holds is infinite.

    >>> as_array({(0,): 1, (1,): -(10**400)})
    array([  1., -inf])
    """
    shape = tuple(1 + max(at[k] for at in value) for k in range(len(next(iter(value)))))
    result = np.zeros(shape)
    for at, v in value.items():
        result[at] = as_float(v)
    return result


def _atoms(*roots: Expr) -> list[str]:
    nodes = nodes_of(*roots)
    dims = [d for n in nodes for d in (*n.shape, *(n.dims if isinstance(n, Contract) else ()))]
    return sorted({a for d in dims for a in dim_atoms(d)})


__all__ = ["Found", "as_array", "compare", "small"]
