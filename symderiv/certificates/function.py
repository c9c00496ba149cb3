"""The curvature of a function in one variable: by its Hessian where it is smooth, by composition also where it isn't."""

from __future__ import annotations

from symderiv.certificates.certify import curvature_of_hessian
from symderiv.certificates.compose import Composition, kinked
from symderiv.certificates.proof import Counterexample, Curvature
from symderiv.engine import Engine
from symderiv.errors import NoRuleError, ShapeError, SymderivError
from symderiv.facts import Facts
from symderiv.intervals import Intervals, excludes_zero
from symderiv.ir import Call, Expr, Map, Symbol, depends, postorder
from symderiv.ops import shape_text
from symderiv.proving.forms import SYMMETRIC
from symderiv.proving.prepare import symmetrised
from symderiv.trace import fires

NONE = Facts()
_TIES = ("equal", "sum", "onehot")


def curvature_of(f: Expr, wrt: Symbol, facts: Facts = NONE, trials: int = 24, seed: int = 0) -> Curvature:
    """Whether a scalar is convex, concave, affine or neither in a variable, on convex sets where it is defined.

    By a variable known to be symmetric, only symmetric directions count: log det is concave there.

    >>> from symderiv.frontend.inputs import parse
    >>> f, names, facts = parse("sum(abs(A @ x - b)) + x @ x", {"A": "m n", "x": "n", "b": "m"})
    >>> curvature_of(f, names.symbols["x"], facts).verdict
    'convex'
    """
    if f.shape:
        raise ShapeError(f"curvature is asked of a scalar; this has the shape {shape_text(f.shape)}", shapes=(f.shape,))
    (f, marked), facts = symmetrised((f, wrt), facts)
    assert isinstance(marked, Symbol)
    wrt = marked
    facts = Facts(
        tuple(x for x in facts if not (x.kind in _TIES and isinstance(x.subject, Expr) and depends(x.subject, wrt)))
    )
    symmetric = len(wrt.shape) == 2 and ("symmetric" in wrt.props or facts.find(wrt, *SYMMETRIC) is not None)
    domain = _domain(f, wrt, facts)
    composed = Composition(wrt, facts).prove(f)
    if composed is not None and composed.relation == "affine":
        return Curvature("affine", proof=composed, given=domain)
    kinks = kinked(f, wrt)
    if kinks:
        if composed is not None:
            return Curvature(composed.relation, proof=composed, given=domain)  # type: ignore[arg-type]
        return _along_lines(f, wrt, facts, trials, seed, kinks[0])
    try:
        hessian, used = _hessian(f, wrt, facts)
    except NoRuleError as error:
        if composed is None:
            return Curvature("unknown", reason=error.message)
        return Curvature(composed.relation, proof=composed, given=domain)  # type: ignore[arg-type]
    found = curvature_of_hessian(hessian, facts, trials, seed, symmetric)
    if found.verdict == "unknown" and composed is not None:
        return Curvature(composed.relation, proof=composed, hessian=hessian, given=domain)  # type: ignore[arg-type]
    return Curvature(
        found.verdict,
        found.strict,
        found.proof,
        found.counterexample,
        found.positive,
        found.reason,
        hessian,
        found.undecided,
        (*used, *domain) if found.proof else (),
    )


def _hessian(f: Expr, wrt: Symbol, facts: Facts) -> tuple[Expr, tuple[str, ...]]:
    """(the Hessian, the facts used in deriving it)."""
    engine = Engine(facts)
    begun = engine.begin(f)
    if depends(begun.after, wrt):
        first = engine.gradients(begun.after, [wrt])[0]
    else:
        first = engine.jacobian(begun.after, wrt)
    second = engine.jacobian(first.after, wrt)
    shown = engine.unname(second.after)
    used = [fact.text for proof in (begun, first, second, shown) for step, _ in fires(proof) for fact in step.facts]
    return shown.after, tuple(dict.fromkeys(used))


def _domain(f: Expr, wrt: Symbol, facts: Facts) -> tuple[str, ...]:
    """A note where the function isn't defined everywhere: then convex sets within its domain are meant."""
    signs = Intervals(facts)
    for n in postorder(f):
        if not depends(n, wrt):
            continue
        pole = isinstance(n, Map) and n.fn == "pow" and n.params[0] < 0 and not excludes_zero(signs.of(n.arg))
        singular = isinstance(n, Call) and n.fn in ("inv", "logdet") and facts.find(n.args[0], "pd") is None
        if pole or singular or (isinstance(n, Map) and n.fn == "tan"):
            return ("on convex sets where it is defined",)
    return ()


def _along_lines(f: Expr, wrt: Symbol, facts: Facts, trials: int, seed: int, kink: Expr) -> Curvature:
    """Second differences at random points: they refute, and prove nothing."""
    from symderiv.proving.numeric.definite import second_differences

    try:
        low, high = second_differences(f, wrt, facts, 4 * trials, seed)
    except SymderivError as error:
        return Curvature(
            "unknown", reason=f"no rule applies, and nothing was evaluated: {error.message}", undecided=kink
        )

    def shown(e: tuple[dict[object, object], object, float] | None) -> Counterexample | None:
        return (
            None if e is None else Counterexample({str(getattr(k, "name", k)): v for k, v in e[0].items()}, e[1], e[2])
        )

    if low and high:
        return Curvature(
            "neither",
            counterexample=shown(low),
            positive=shown(high),
            reason="f(x + v) + f(x − v) − 2 f(x) takes both signs",
        )
    seen = "not convex" if low else "not concave" if high else "flat at every point tried"
    return Curvature(
        "unknown",
        counterexample=shown(low),
        positive=shown(high),
        undecided=kink,
        reason=f"it has kinks, and no rule of composition applies; {seen}",
    )


__all__ = ["curvature_of"]
