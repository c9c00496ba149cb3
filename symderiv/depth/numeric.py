"""Recursions against numbers: at depths that are numbers, with the independent evaluator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from symderiv.arguments import whole
from symderiv.build import scale, substitute
from symderiv.depth.recursion import Recursion
from symderiv.depth.unrolled import Part, parts
from symderiv.errors import SymderivError
from symderiv.ir import Expr, Symbol, free_symbols
from symderiv.verify import Claim, Counterexample, Derivative, Report, check

SMALL = Fraction(1, 4)


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


def verify(recursion: Recursion, depths: Sequence[int] | int = (2, 3, 5), trials: int = 3, seed: int = 0) -> DepthReport:
    """Carry the recursion out at each depth, and compare with numeric derivatives of the whole network.

    Sizes are all different. The numeric derivative is taken by a complex step of the unrolled network. Arrays of which
    nothing is assumed are drawn small, so that states neither grow from layer to layer nor saturate.
    """
    trials = whole("trials", trials, 1, "the number of draws")
    seed = whole("seed", seed, 0, "the seed")
    given = depths if isinstance(depths, Iterable) else (depths,)
    wanted = [whole("depths", d, 1, "a number of layers") for d in given]
    if not wanted:
        raise SymderivError("verify was given no depths", hint="as in verify(depths=(2, 3, 5))")
    found = []
    for depth in wanted:
        made = parts(recursion, depth)
        small = _free(recursion, made)
        claims = [_claim(p, small) for p in made]
        method = "complex step" if recursion.kind != "hessian" else "complex step of a power series"
        report = check(claims, recursion.facts, trials, seed, method=method, main=len(claims))
        found.append((depth, replace(report, counterexample=_told(report.counterexample, small))))
    return DepthReport(tuple(found))


def _free(recursion: Recursion, made: Sequence[Part]) -> dict[Expr, Expr]:
    """The arrays that no fact speaks of, as small ones."""
    about = free_symbols(*recursion.facts.expressions)
    arrays = dict.fromkeys(s for p in made for s in free_symbols(p.subject) if s.kind == "variable" and not s.props)
    return {s: scale(SMALL, s) for s in arrays if s not in about}


def _claim(p: Part, small: Mapping[Expr, Expr]) -> Claim:
    """d/dx f(cx) = c f′(cx)."""
    factor = Fraction(1)
    for x in p.by:
        factor *= SMALL if x in small else 1
    return Claim(p.label, Derivative(substitute(p.subject, small), p.by), scale(factor, substitute(p.value, small)))


def _told(found: Counterexample | None, small: Mapping[Expr, Expr]) -> Counterexample | None:
    """The counterexample with the values that the network has."""
    if found is None:
        return None
    names = {s.name for s in small if isinstance(s, Symbol)}
    factor = float(SMALL)
    values = {k: v * factor if k in small or k in names else v for k, v in found.values.items()}
    return replace(found, values=values)


__all__ = ["DepthReport", "verify"]
