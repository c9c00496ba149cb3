"""Recursions against numbers: at depths that are numbers, with the independent evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symderiv.arguments import whole
from symderiv.depth.recursion import Recursion
from symderiv.depth.unrolled import parts
from symderiv.errors import SymderivError
from symderiv.verify import Claim, Derivative, Report, check

LARGEST_ORDER = 4


@dataclass(frozen=True)
class DepthReport:
    """A report for each depth; true where all agree."""

    reports: tuple[tuple[int, Report], ...]

    def __bool__(self) -> bool:
        return all(bool(r) for _, r in self.reports)

    @property
    def ok(self) -> bool:
        return bool(self)

    @property
    def worst(self) -> float:
        """The largest relative error at any depth."""
        return max(r.worst for _, r in self.reports)

    @property
    def verdict(self) -> str:
        """The worst verdict: "refuted", else "unknown", else "checked"."""
        found = {r.verdict for _, r in self.reports}
        return next(v for v in ("refuted", "unknown", "checked") if v in found)

    def summary(self) -> str:
        """A line for each depth."""
        return "\n".join(f"depth {depth}: {r.summary()}" for depth, r in self.reports)

    def __repr__(self) -> str:
        return self.summary()


def verify(recursion: Recursion, depths: Sequence[int] = (2, 3, 5), trials: int = 3, seed: int = 0) -> DepthReport:
    """Carry the recursion out at each depth, and compare with numeric derivatives of the whole network.

    Sizes are all different. The numeric derivative is taken by a complex step of the unrolled network.
    """
    trials = whole("trials", trials, 1, "the number of draws")
    seed = whole("seed", seed, 0, "the seed")
    wanted = [whole("depths", d, 1, "a number of layers") for d in depths]
    if not wanted:
        raise SymderivError("verify was given no depths", hint="as in verify(depths=(2, 3, 5))")
    found = []
    for depth in wanted:
        claims = [Claim(p.label, Derivative(p.subject, p.by), p.value) for p in parts(recursion, depth)]
        method = "complex step" if recursion.kind != "hessian" else "complex step of a power series"
        found.append((depth, check(claims, recursion.facts, trials, seed, method=method, main=len(claims))))
    return DepthReport(tuple(found))


__all__ = ["DepthReport", "verify"]
