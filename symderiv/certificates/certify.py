"""Certificates: whether a form is semidefinite, by the rules of `definite`, else by random points that refute it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Literal

from symderiv.build import add, permute, zero
from symderiv.certificates.definite import Definite
from symderiv.certificates.parts import distributed
from symderiv.certificates.proof import Axes, Certificate, Counterexample, Curvature, ProofNode
from symderiv.engine import Engine
from symderiv.errors import ShapeError, SymderivError
from symderiv.facts import Facts
from symderiv.ir import Add, Expr, is_zero
from symderiv.ops import shape_text
from symderiv.proving.extremes import CLEAR, Extreme
from symderiv.proving.prepare import derived, symmetrised
from symderiv.proving.show import proves
from symderiv.record import Proof, fires

NONE = Facts()
_OF_FORM: dict[str, Literal["convex", "concave", "affine", "neither", "unknown"]] = {
    "psd": "convex",
    "nsd": "concave",
    "indefinite": "neither",
    "unknown": "unknown",
}

SIGNS: tuple[tuple[int, Literal["psd", "nsd"]], ...] = ((1, "psd"), (-1, "nsd"))


def certify(
    matrix: Expr,
    facts: Facts = NONE,
    trials: int = 24,
    seed: int = 0,
    symmetric: bool | str = False,
    about: Sequence[Expr] = (),
) -> Certificate:
    """Whether a form is positive or negative semidefinite: a matrix, or a tensor whose axes pair up in halves.

    With ``symmetric`` only symmetric directions are asked about (for a Hessian by a symmetric matrix), with "diagonal"
    only diagonal ones. ``about`` is what else must have a value where the form is looked at: the function whose Hessian it
    is, and its variable.
    """
    half = len(matrix.shape) // 2
    if matrix.shape[:half] != matrix.shape[half:]:
        raise ShapeError(
            f"a form needs two equal halves of axes; this has the shape {shape_text(matrix.shape)}",
            hint="give a square matrix, or a Hessian of shape wrt.shape + wrt.shape",
            shapes=(matrix.shape,),
        )
    (node,), facts = symmetrised((derived(matrix),), facts)
    left, right = tuple(range(half)), tuple(range(half, 2 * half))
    search = Definite(facts)
    for form, proof_of in _forms(node, facts, symmetric, search):
        if is_zero(form):
            return Certificate("psd", matrix, proof=proof_of(search.prove(form, left, right)), zero=True, facts=facts)
        for sign, verdict in SIGNS:
            found = search.prove(form, left, right, sign)
            if found is not None:
                return Certificate(verdict, matrix, found.strict, proof_of(found), facts=facts)
    return _by_points(matrix, node, left, right, facts, trials, seed, symmetric, search, about)


certificate = certify


def _forms(
    node: Expr, facts: Facts, symmetric: bool | str, search: Definite
) -> Iterator[tuple[Expr, Callable[[ProofNode | None], ProofNode | None]]]:
    """The expression, and equal ones that may show more; each with what makes of a proof about it one about the first."""

    def as_is(found: ProofNode | None) -> ProofNode | None:
        return found

    yield node, as_is
    seen = {node}
    proofs: tuple[Proof, ...] = ()
    try:
        engine = Engine(facts)
        begun = engine.begin(node)
        opened = engine.unname(begun.after, ("auto", "cotangent", "jacobian", "user"))
        proofs = (begun, opened)
    except SymderivError:
        pass
    used: tuple[str, ...] = ()
    for k, proof in enumerate(proofs):
        if proof.after in seen:
            continue
        seen.add(proof.after)
        used = tuple(dict.fromkeys(f.text for p in proofs[: k + 1] for step, _ in fires(p) for f in step.facts))
        yield proof.after, _wrapping(node, "simplification", used)
    for form in list(seen):
        wide = distributed(form)
        if wide not in seen:
            seen.add(wide)
            yield wide, _wrapping(node, "simplification", used)
    if symmetric and len(node.shape) == 4:
        for form in sorted(seen, key=lambda e: (e.weight, e.digest)):
            turned = _turned(form, search)
            if turned not in seen:
                yield turned, _wrapping(node, "symmetric directions", ())


def _turned(form: Expr, search: Definite) -> Expr:
    """Terms with the axes of a direction exchanged where that shows more: V and Vᵀ are the same."""
    terms = form.terms if isinstance(form, Add) else ((Fraction(1), form),)
    chosen = []
    for c, t in terms:
        variants = [permute(t, order) for order in ((0, 1, 2, 3), (0, 1, 3, 2), (1, 0, 2, 3), (1, 0, 3, 2))]
        best = next((v for v in variants for s in (1, -1) if search.prove(v, (0, 1), (2, 3), s)), t)
        chosen.append((c, best))
    return add(chosen, form.shape)


def _wrapping(node: Expr, rule: str, used: tuple[str, ...]) -> Callable[[ProofNode | None], ProofNode | None]:
    def wrapped(found: ProofNode | None) -> ProofNode | None:
        if found is None:
            return None
        return ProofNode(node, found.kind, found.relation, rule, found.left, found.right, (found,), used)

    return wrapped


def _by_points(
    matrix: Expr,
    node: Expr,
    left: Axes,
    right: Axes,
    facts: Facts,
    trials: int,
    seed: int,
    symmetric: bool | str,
    search: Definite,
    about: Sequence[Expr],
) -> Certificate:
    try:
        from symderiv.proving.numeric.definite import spectrum
    except ModuleNotFoundError:
        from symderiv.proving.extremes import spectrum

    def shown(e: Extreme | None) -> Counterexample | None:
        if e is None:
            return None
        return Counterexample({str(getattr(k, "name", k)): v for k, v in e.values.items()}, e.direction, e.value)

    undecided = search.failed[0] if search.failed else None
    try:
        found = spectrum(node, left, right, facts, trials, seed, symmetric, about)
    except SymderivError as error:
        return Certificate(
            "unknown",
            matrix,
            reason=f"no rule applies, and nothing was evaluated: {error.message}",
            undecided=undecided,
            facts=facts,
        )
    low = found.least if found.least and found.least.relative < -CLEAR else None
    high = found.most if found.most and found.most.relative > CLEAR else None
    if low and high:
        return Certificate(
            "indefinite",
            matrix,
            counterexample=shown(low),
            positive=shown(high),
            reason="the form takes both signs",
            facts=facts,
        )
    if found.points:
        seen = (
            "not positive semidefinite" if low else "not negative semidefinite" if high else "zero at every point tried"
        )
        reason = f"no rule applies; {seen} ({found.points} points)"
    else:
        reason = "no rule applies, and no point could be evaluated"
    return Certificate(
        "unknown",
        matrix,
        counterexample=shown(low),
        positive=shown(high),
        reason=reason,
        undecided=undecided,
        facts=facts,
    )


def curvature_of_hessian(
    hessian: Expr,
    facts: Facts = NONE,
    trials: int = 24,
    seed: int = 0,
    symmetric: bool | str = False,
    about: Sequence[Expr] = (),
) -> Curvature:
    """What a Hessian says of a twice differentiable function on convex sets where it is defined.

    It says nothing of a function with kinks: there, see `curvature_of`.

    >>> curvature_of_hessian(zero(("n", "n"))).verdict
    'affine'
    """
    found = certify(hessian, facts, trials, seed, symmetric, about)
    if found.verdict == "unknown" and proves(hessian, zero(hessian.shape), facts):
        return Curvature("affine", hessian=hessian, reason="the Hessian is zero by prove's form")
    return Curvature(
        "affine" if found.zero else _OF_FORM[found.verdict],
        found.strict,
        found.proof,
        found.counterexample,
        found.positive,
        found.reason,
        hessian,
        found.undecided,
    )


__all__ = ["certificate", "certify", "curvature_of_hessian"]
