"""Derivations against numbers: the result with a numeric derivative of what was differentiated, each step with itself."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symderiv.arguments import whole
from symderiv.build import add
from symderiv.derive import Derivation, Step, is_whole
from symderiv.ir import Expr
from symderiv.jets import Array
from symderiv.splits import GaussNewton
from symderiv.verify import Claim, Report, check, check_derivative, check_steps

STEP_TRIALS = 6


def verify(derivation: Derivation, trials: int = 20, seed: int = 0) -> Report:
    """Check the result at ``trials`` random draws and every step at a few; true where all agree.

    Sizes are all different, values honour the facts. The report has the worst error and that of each step.
    """
    trials, seed = draws_asked(trials, seed)
    if is_whole(derivation.kind):
        claims = [Claim("result", proof.before, proof.after) for proof in derivation.flat]
        return joined([check(claims, derivation.facts, trials, seed), steps_report(derivation.steps, derivation, seed)])
    reports = []
    for result, wrts in _targets(derivation):
        arrange = next((_WITHIN[s.rule] for s in derivation.steps if s.rule in _WITHIN), None)
        reports.append(check_derivative(derivation.subject, wrts, len(wrts), result, derivation.facts, trials, seed,
                                        arrange=arrange))
    return joined([*reports, steps_report(derivation.steps, derivation, seed)], len(reports))


def draws_asked(trials: int, seed: int) -> tuple[int, int]:
    """The number of draws and the seed, as whole numbers."""
    return whole("trials", trials, 1, "the number of draws"), whole("seed", seed, 0, "the seed")


def _structured(gradient: Array) -> Array:
    """The ambient gradient by the entries of a symmetric matrix on and below the diagonal."""
    return gradient + gradient.T - np.diag(np.diag(gradient))


def _diagonal(gradient: Array) -> Array:
    """The ambient gradient by the entries of a diagonal matrix."""
    return np.diag(np.diag(gradient))


#: How the numeric derivative is laid out where a derivation ends within a structure, by its rule.
_WITHIN = {"structured derivative": _structured, "diagonal derivative": _diagonal}


def _targets(derivation: Derivation) -> list[tuple[Expr, tuple[Expr, ...]]]:
    """(result, the variables it was differentiated by) of each part."""
    flat = [p.after for p in derivation.flat]
    if not derivation.several:
        return [(flat[0], derivation.wrt * derivation.order if len(derivation.wrt) == 1 else derivation.wrt)]
    if derivation.order == 1:
        return [(r, (x,)) for r, x in zip(flat, derivation.wrt, strict=True)]
    pairs = [(x, y) for x in derivation.wrt for y in derivation.wrt]
    return list(zip(flat, pairs, strict=True))


def steps_report(steps: Sequence[Step], derivation: Derivation, seed: int) -> Report | None:
    """Each step's two sides, at a few draws; steps that aren't equalities of values are left out."""
    claims = [(f"{k}. {s.rule}", s.before, s.after) for k, s in enumerate(steps, 1) if s.fire.law.family != "structure"]
    return check_steps(claims, derivation.facts, STEP_TRIALS, seed) if claims else None


def joined(reports: Sequence[Report | None], main: int = 1) -> Report:
    """One report of several: refuted if any is, else unknown if any is, else checked."""
    found = [r for r in reports if r is not None]
    severity = {"refuted": 0, "unknown": 1, "checked": 2}
    telling = min(found, key=lambda r: severity[r.verdict])     # the first of the worst verdict
    return replace(telling, worst=max(r.worst for r in found), trials=min(r.trials for r in found[:main]),
                   steps=tuple(step for r in found for step in r.steps))


def verify_split(parts: GaussNewton, trials: int = 20, seed: int = 0) -> Report:
    """Check H, G and R, each step, and that G + R is H."""
    trials, seed = draws_asked(trials, seed)
    grid = list(zip(parts.H.flat, parts.G.flat, parts.R.flat, strict=True))
    from_definition = [claim for h, g, r in grid for claim in (
        Claim("G", g.before, g.after), Claim("R", r.before, r.after),
        Claim("H = G + R", h.after, add([(1, g.after), (1, r.after)], h.after.shape)))]
    return joined([verify(parts.H, trials, seed), check(from_definition, parts.facts, trials, seed, main=0),
                   *(steps_report(d.steps, d, seed) for d in (parts.G, parts.R))])


__all__ = ["verify", "verify_split"]
