"""Whether two expressions are equal: proved, checked or refuted, never blurred.

*Proved* means that both sides reach one normal form, by rewritings that are equalities wherever both sides are defined
and the listed assumptions hold. *Checked* means random points at several sizes, with the worst error. *Refuted* comes
with arrays. A claim between rational expressions whose sides differ modulo a prime is refuted before a proof is tried.

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
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from symderiv.arguments import as_float, whole
from symderiv.build import alike
from symderiv.errors import EvaluationError, ShapeError, TooLargeError
from symderiv.facts import Facts
from symderiv.ir import Der, Expr, postorder
from symderiv.ops import shape_text
from symderiv.points import nested
from symderiv.proving.domain import defined_somewhere, one_sided
from symderiv.proving.fingerprint import Mark, fingerprint, integers
from symderiv.proving.precise import DIGITS, Difference, differ
from symderiv.proving.prepare import derived
from symderiv.proving.show import BUDGET, shown
from symderiv.record import Proof

Status = Literal["proved", "checked", "refuted", "unknown"]
NONE = Facts()
VISIBLE = 1e-9
"""a smaller difference is told, since arrays that are printed don't show it"""


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
    trials = whole("trials", trials, 1, "the number of draws")
    seed = whole("seed", seed, 0, "the seed")
    if lhs.shape != rhs.shape:
        raise ShapeError(
            f"the sides have the shapes {shape_text(lhs.shape)} and {shape_text(rhs.shape)}",
            hint="an identity needs two sides of one shape",
            shapes=(lhs.shape, rhs.shape),
        )
    lhs, rhs = alike(lhs, rhs)
    left, right = alike(derived(lhs), derived(rhs))
    mark = fingerprint(left, right, facts, seed)
    if mark == "different":
        exactly = _refuted_exactly(lhs, rhs, left, right, facts, seed)
        if exactly is not None:
            return exactly
        open_verdict = Verdict("unknown", "the sides differ modulo a prime", lhs, rhs)
        return _by_numbers(open_verdict, left, right, facts, trials, seed)
    found = shown(left, right, facts, budget)
    if found.zero and not defined_somewhere(left, right, facts, seed):
        reason = "one normal form, but no point was found at which both sides are defined"
        return Verdict("unknown", reason, lhs, rhs, normal_form=found.form)
    apart = one_sided(left, right, facts, seed) if found.zero else ""
    if apart:
        reason = f"one normal form, so equal wherever both sides are defined; but {apart}: assume what both need"
        by_numbers = _by_numbers(Verdict("unknown", reason, lhs, rhs, normal_form=found.form), left, right, facts, trials, seed)
        return replace(by_numbers, reason=reason) if by_numbers else by_numbers
    if found.zero:
        taken = () if (left, right) == (lhs, rhs) else ("derivatives taken",)
        steps = (*taken, *found.steps)
        return Verdict(
            "proved", found.reason, lhs, rhs, None, None, 0, found.assumptions, steps, found.form, found.proof
        )
    open_verdict = Verdict("unknown", found.reason, lhs, rhs, normal_form=found.form)
    return _by_numbers(open_verdict, left, right, facts, trials, seed, mark)


# ---------------------------------------------------------------- numbers
def _by_numbers(
    open_verdict: Verdict, left: Expr, right: Expr, facts: Facts, trials: int, seed: int, mark: Mark | None = None
) -> Verdict:
    lhs, rhs, form = open_verdict.lhs, open_verdict.rhs, open_verdict.normal_form
    try:
        from symderiv.proving.numeric.identities import compare, small
    except ModuleNotFoundError:
        return _by_exact_numbers(open_verdict, left, right, facts, seed)
    try:
        report = compare(lhs, rhs, facts, trials, seed)
    except (EvaluationError, TooLargeError) as error:
        return Verdict("unknown", f"not proved, and not evaluated: {error.message}", lhs, rhs, normal_form=form)
    if report.verdict == "unknown":
        return Verdict("unknown", f"not proved, and not evaluated: {report.reason}", lhs, rhs, normal_form=form)
    holes = any(isinstance(n, Der) for n in postorder(lhs, rhs))
    at_kink = None if holes or report.verdict != "checked" else small(lhs, rhs, facts, seed, at_kinks=True)
    hidden = None if holes or at_kink or report.verdict != "checked" else differ(lhs, rhs, facts, seed)
    if hidden is not None:
        return _refuted_precisely(open_verdict, hidden, facts)
    if report.verdict == "checked" and at_kink is None:
        reason = f"not proved; equal at {report.trials} random points, worst relative error {report.worst:.1e}"
        reason += ", and exactly so modulo a prime" if mark == "equal" else ""
        if open_verdict.reason.startswith("the sides differ"):
            return replace(open_verdict, reason=f"{open_verdict.reason}, but at no point that was drawn")
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


def _by_exact_numbers(open_verdict: Verdict, left: Expr, right: Expr, facts: Facts, seed: int) -> Verdict:
    """Refuted at single points where NumPy isn't there; else it stays open."""
    hidden = differ(left, right, facts, seed)
    if hidden is not None:
        return replace(_refuted_precisely(open_verdict, hidden, facts), reason=f"the sides differ (evaluated with {DIGITS[1]} digits)")
    return replace(open_verdict, reason=f"{open_verdict.reason}; nothing refutes it, and NumPy isn't there to check it with")


def _array(value: Mapping[tuple[int, ...], Any]) -> Any:
    """An array, or nested lists where NumPy isn't there."""
    try:
        from symderiv.proving.numeric.identities import as_array
    except ModuleNotFoundError:
        return nested(value)
    return as_array(value)


def _refuted_exactly(lhs: Expr, rhs: Expr, left: Expr, right: Expr, facts: Facts, seed: int) -> Verdict | None:
    """Refuted at small integers, both sides evaluated in fractions; None where no such point is found."""
    found = integers(left, right, facts, seed)
    if found is None:
        return None
    values = {name: _array(value) for name, value in found.values.items()}
    shown = Counterexample(values, _array(found.left), _array(found.right))
    worst = max(as_float(abs(v - found.right[at])) for at, v in found.left.items())
    reason = "the sides differ at a point of small integers, evaluated in fractions"
    if worst < VISIBLE:
        reason += f": by {worst:.1e}"
    return Verdict("refuted", reason, lhs, rhs, shown, worst, 1, facts.texts())


def _refuted_precisely(open_verdict: Verdict, found: Difference, facts: Facts) -> Verdict:
    """Refuted where floating point agrees: the arrays are rounded, the difference is told."""
    reason = f"the sides differ by {float(found.relative):.1e} of their size (evaluated with {DIGITS[1]} digits)"
    if found.relative > 1e-9:
        reason = "the sides differ far from where the random points lie"
    values = {name: _array(value) for name, value in found.values.items()}
    shown = Counterexample(values, _array(found.left), _array(found.right))
    lhs, rhs, form = open_verdict.lhs, open_verdict.rhs, open_verdict.normal_form
    return Verdict("refuted", reason, lhs, rhs, shown, float(found.relative), 1, facts.texts(), normal_form=form)


__all__ = ["Counterexample", "Verdict", "prove_exprs"]
