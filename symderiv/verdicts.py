"""Whether two expressions are equal: proved, checked or refuted, never blurred.

*Proved* means that both sides reach one normal form, by rewritings that are equalities wherever both sides are defined
and the listed assumptions hold. *Checked* means random points at several sizes, with the worst error. *Refuted* comes
with arrays.

>>> from symderiv.frontend.inputs import parse
>>> def claim(lhs, rhs, assume=None, **shapes):
...     return prove_exprs(parse(lhs, shapes)[0], parse(rhs, shapes)[0], parse(lhs, shapes, assume)[2])
>>> claim("tanh(x)", "2*sigmoid(2*x) - 1", x="n")
Verdict(proved: both sides have one normal form)
>>> claim("trace(A @ B)", "trace(B @ A)", A="m n", B="n m").status
'proved'
>>> claim("A @ B", "B @ A", A="n n", B="n n").status
'refuted'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from symderiv.build import add
from symderiv.engine import Engine
from symderiv.errors import EvaluationError, ShapeError, SymderivError, TooLargeError
from symderiv.facts import Facts
from symderiv.ir import Der, Expr, free_symbols, is_zero, postorder
from symderiv.ops import shape_text
from symderiv.proving.decide import decide
from symderiv.proving.forms import SYMMETRIC, Forms
from symderiv.proving.joins import floated, split
from symderiv.proving.prepare import DOMAIN, derived, symmetrised, with_domain
from symderiv.proving.terms import GiveUp
from symderiv.trace import Proof, fires

Status = Literal["proved", "checked", "refuted", "unknown"]
NONE = Facts()
BUDGET = 12000
TURNS = 3
"""how many terms of a sum are tried as the one that leads B·B⁻¹ = I"""


@dataclass(frozen=True)
class Counterexample:
    """Arrays by name, and the value of each side there."""

    values: Mapping[str, Any]
    left: Any
    right: Any

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __iter__(self) -> Any:
        return iter(self.values)

    def keys(self) -> Any:
        return self.values.keys()


@dataclass(frozen=True)
class Verdict:
    """What is known of lhs = rhs; true where it is proved or checked.

    ``normal_form`` is what both sides came to (proved), or what is left of their difference; ``steps`` tell how;
    ``assumptions`` are the facts that the proof uses; ``proof`` is the trace, where the engine's own rules were enough;
    ``worst`` is the largest relative error of a check.
    """

    status: Status
    reason: str
    lhs: Expr
    rhs: Expr
    counterexample: Counterexample | None = None
    worst: float | None = None
    trials: int = 0
    assumptions: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    normal_form: Expr | None = None
    proof: Proof | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return self.status in ("proved", "checked")

    def __repr__(self) -> str:
        return f"Verdict({self.status}: {self.reason})"


def prove_exprs(
    lhs: Expr, rhs: Expr, facts: Facts = NONE, trials: int = 20, seed: int = 0, budget: int = BUDGET
) -> Verdict:
    """Prove, check or refute lhs = rhs under facts; holes in either side are derived first."""
    if lhs.shape != rhs.shape:
        raise ShapeError(
            f"the sides have the shapes {shape_text(lhs.shape)} and {shape_text(rhs.shape)}",
            hint="an identity needs two sides of one shape",
            shapes=(lhs.shape, rhs.shape),
        )
    left, right = derived(lhs), derived(rhs)
    holes = () if (left, right) == (lhs, rhs) else ("derivatives taken",)
    proved = _by_form(lhs, rhs, left, right, facts, holes, budget) or _by_rules(lhs, rhs, left, right, facts, holes)
    return proved if proved.status == "proved" else _by_numbers(proved, left, right, facts, trials, seed)


def proves(lhs: Expr, rhs: Expr, facts: Facts = NONE, budget: int = BUDGET) -> Verdict | None:
    """The proof, or None: nothing is evaluated."""
    if lhs.shape != rhs.shape:
        return None
    left, right = derived(lhs), derived(rhs)
    found = _by_form(lhs, rhs, left, right, facts, (), budget) or _by_rules(lhs, rhs, left, right, facts, ())
    return found if found.status == "proved" else None


# ---------------------------------------------------------------- proofs
def _by_form(
    lhs: Expr, rhs: Expr, left: Expr, right: Expr, facts: Facts, holes: tuple[str, ...], budget: int
) -> Verdict | None:
    """Prove's own form: expanded and rational in exponentials."""
    (left, right), facts = symmetrised((floated(left), floated(right)), facts)
    (left, groups), (right, others) = split(left), split(right)
    if groups != others or left.shape != right.shape:
        return None
    known = with_domain(facts, left, right)
    for turn in range(TURNS):
        try:
            forms = Forms(known, budget, turn)
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
    steps = [*holes, "names opened, products distributed, functions written by exponentials"]
    steps += [f"multiplied by {e!r}, which isn't zero" for e in decision.multiplied]
    reason = "both sides have one normal form"
    return Verdict(
        "proved",
        reason,
        lhs,
        rhs,
        assumptions=tuple(t for t in used if t and t != DOMAIN),
        steps=tuple(steps),
        normal_form=decision.form,
    )


def _by_rules(lhs: Expr, rhs: Expr, left: Expr, right: Expr, facts: Facts, holes: tuple[str, ...]) -> Verdict:
    """The engine's normal form of the difference, with its steps."""
    open_verdict = Verdict("unknown", "no normal form was found that shows it", lhs, rhs)
    try:
        proof = Engine(facts).begin(add([(1, left), (-1, right)], left.shape))
    except SymderivError:
        return open_verdict
    if not is_zero(proof.after):
        return Verdict("unknown", open_verdict.reason, lhs, rhs, normal_form=proof.after)
    recorded = list(fires(proof))
    used = dict.fromkeys(f.text for step, _ in recorded for f in step.facts)
    steps = (*holes, *dict.fromkeys(step.law.title for step, _ in recorded))
    return Verdict(
        "proved",
        "the difference simplifies to zero",
        lhs,
        rhs,
        assumptions=tuple(used),
        steps=steps,
        normal_form=proof.after,
        proof=proof,
    )


# ---------------------------------------------------------------- numbers
def _by_numbers(open_verdict: Verdict, left: Expr, right: Expr, facts: Facts, trials: int, seed: int) -> Verdict:
    from symderiv.proving.numeric.identities import compare, small

    lhs, rhs, form = open_verdict.lhs, open_verdict.rhs, open_verdict.normal_form
    try:
        report = compare(lhs, rhs, facts, trials, seed)
    except (EvaluationError, TooLargeError) as error:
        return Verdict("unknown", f"not proved, and not evaluated: {error.message}", lhs, rhs, normal_form=form)
    if report.verdict == "unknown":
        return Verdict("unknown", f"not proved, and not evaluated: {report.reason}", lhs, rhs, normal_form=form)
    holes = any(isinstance(n, Der) for n in postorder(lhs, rhs))
    at_kink = None if holes or report.verdict != "checked" else small(lhs, rhs, facts, seed, at_kinks=True)
    if report.verdict == "checked" and at_kink is None:
        reason = f"not proved; equal at {report.trials} random points, worst relative error {report.worst:.1e}"
        return Verdict(
            "checked",
            reason,
            lhs,
            rhs,
            worst=report.worst,
            trials=report.trials,
            assumptions=facts.texts(),
            normal_form=form,
        )
    found = at_kink or small(lhs, rhs, facts, seed) or report.counterexample
    assert found is not None
    shown = Counterexample({str(getattr(k, "name", k)): v for k, v in found.values.items()}, found.left, found.right)
    where = "at a point of small numbers" if found is not report.counterexample else f"by {report.counterexample}"
    reason = f"the sides differ {where}"
    return Verdict("refuted", reason, lhs, rhs, shown, report.worst, report.trials, facts.texts(), normal_form=form)


__all__ = ["Counterexample", "Verdict", "prove_exprs", "proves"]
