"""Both ways to show that two sides are equal: prove's own form, else the engine's rules on the difference."""

from __future__ import annotations

from dataclasses import dataclass, field

from symderiv.build import add
from symderiv.engine import Engine
from symderiv.errors import SymderivError, TooLargeError
from symderiv.facts import Facts
from symderiv.ir import Expr, free_symbols, is_zero
from symderiv.proving.decide import decide
from symderiv.proving.forms import SYMMETRIC, Forms
from symderiv.proving.joins import floated, split
from symderiv.proving.prepare import DOMAIN, derived, symmetrised, with_domain
from symderiv.proving.terms import GiveUp
from symderiv.record import Proof, fires

NONE = Facts()
BUDGET = 5000
TURNS = 3
"""how many terms of a sum are tried as the one that leads B·B⁻¹ = I"""


@dataclass(frozen=True)
class Shown:
    """``zero`` is true only if the sides are equal; ``form`` is what both came to, or what is left between them."""

    zero: bool
    reason: str
    form: Expr | None = None
    assumptions: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    proof: Proof | None = field(default=None, repr=False)


def shown(lhs: Expr, rhs: Expr, facts: Facts = NONE, budget: int = BUDGET) -> Shown:
    """Whether the sides are shown to be equal; nothing is evaluated, and holes must have been derived."""
    return _by_form(lhs, rhs, facts, budget) or _by_rules(lhs, rhs, facts)


def proves(lhs: Expr, rhs: Expr, facts: Facts = NONE, budget: int = BUDGET) -> bool:
    """Whether the sides, of one shape, are shown to be equal.

    >>> from symderiv.build import apply, symbol
    >>> x = symbol("x", ("n",))
    >>> proves(apply("log", apply("exp", x)), x), proves(apply("exp", x), x)
    (True, False)
    """
    return lhs.shape == rhs.shape and shown(derived(lhs), derived(rhs), facts, budget).zero


def _by_form(lhs: Expr, rhs: Expr, facts: Facts, budget: int) -> Shown | None:
    """Prove's own form: expanded and rational in exponentials."""
    (left, right), facts = symmetrised((floated(lhs), floated(rhs)), facts)
    (left, groups), (right, others) = split(left), split(right)
    if groups != others or left.shape != right.shape:
        return None
    known = with_domain(facts, left, right)
    for turn in range(TURNS):
        try:
            forms = Forms(known, budget // (turn + 1), turn)
            decision = decide(forms, left, right)
        except (GiveUp, TooLargeError, RecursionError):
            return None
        if decision.zero:
            break
        if not any(len(base.terms) > 1 for base in forms.inverses.values()):
            return None
    else:
        return None
    symbols = set(free_symbols(left, right))
    kinds = [f.text for f in facts.of(*SYMMETRIC) if f.subject in symbols]
    used = dict.fromkeys([*forms.ring.used, *(f.text for f in forms.signs.used), *kinds])
    steps = ["names opened, products distributed, functions written by exponentials"]
    steps += [f"multiplied by {e!r}, which isn't zero" for e in decision.multiplied]
    given = tuple(t for t in used if t and t != DOMAIN)
    return Shown(True, "both sides have one normal form", decision.form, given, tuple(steps))


def _by_rules(lhs: Expr, rhs: Expr, facts: Facts) -> Shown:
    """The engine's normal form of the difference, with its steps."""
    failed = "no normal form was found that shows it"
    try:
        proof = Engine(facts).begin(add([(1, lhs), (-1, rhs)], lhs.shape))
    except SymderivError:
        return Shown(False, failed)
    if not is_zero(proof.after):
        return Shown(False, failed, proof.after)
    recorded = list(fires(proof))
    used = tuple(dict.fromkeys(f.text for step, _ in recorded for f in step.facts))
    steps = tuple(dict.fromkeys(step.law.title for step, _ in recorded))
    return Shown(True, "the difference simplifies to zero", proof.after, used, steps, proof)


__all__ = ["BUDGET", "Shown", "proves", "shown"]
