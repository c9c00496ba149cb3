"""The curvature of a function in its variables: by its Hessian where it is smooth, by composition also where it isn't."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from symderiv.build import scale
from symderiv.certificates.certify import certify, curvature_of_hessian
from symderiv.certificates.compose import Composition, kinked
from symderiv.certificates.domain import domain_facts, domain_note, structure_of
from symderiv.certificates.proof import Counterexample, Curvature, ProofNode
from symderiv.engine import Engine
from symderiv.errors import NoRuleError, ShapeError, SymderivError
from symderiv.facts import Facts
from symderiv.ir import Expr, Symbol, depends
from symderiv.ops import shape_text
from symderiv.proving.prepare import symmetrised
from symderiv.record import fires

NONE = Facts()


def curvature_of(
    f: Expr, wrt: Symbol | Sequence[Symbol], facts: Facts = NONE, trials: int = 24, seed: int = 0
) -> Curvature:
    """Whether a scalar is convex, concave, affine or neither in a variable, on convex sets where it is defined.

    Of several variables it is asked jointly. By a variable known to be symmetric, only symmetric directions count: log
    det is concave there.

    >>> from symderiv.frontend.inputs import parse
    >>> f, names, facts = parse("sum(abs(A @ x - b)) + x @ x", {"A": "m n", "x": "n", "b": "m"})
    >>> curvature_of(f, names.symbols["x"], facts).verdict
    'convex'
    """
    if f.shape:
        raise ShapeError(f"curvature is asked of a scalar; this has the shape {shape_text(f.shape)}", shapes=(f.shape,))
    given = [wrt] if isinstance(wrt, Symbol) else list(wrt)
    (f, *marked), facts = symmetrised((f, *given), facts)
    variables = tuple(x for x in marked if isinstance(x, Symbol))
    fixed = facts.held_fixed(variables)
    found = _Case(f, variables, fixed, trials, seed).decide()
    if found.proof is None and (ties := [fact.text for fact in facts if fact not in fixed]):
        return _Case(f, variables, facts, trials, seed).within(found, list(dict.fromkeys(ties)))
    return found


class _Case:
    """One function, its variables and the facts about them."""

    def __init__(self, f: Expr, variables: tuple[Symbol, ...], facts: Facts, trials: int, seed: int) -> None:
        self.f, self.variables, self.trials, self.seed = f, variables, trials, seed
        self.note = domain_note(f, variables, facts)
        self.facts = domain_facts(f, facts)

    def decide(self) -> Curvature:
        composed = Composition(self.variables, self.facts).prove(self.f)
        if composed is not None and composed.relation == "affine":
            return self._shown(composed)
        hessian = None
        if len(self.variables) == 1 and not kinked(self.f, self.variables[0]):
            found = self._by_hessian()
            if found.proof is not None or (composed is None and (found or found.hessian is None)):
                return found
            hessian = found
        if composed is not None:
            return self._shown(composed, hessian)
        search = Composition(self.variables, self.facts, self._leaf)
        for node in (self.f, self._simplified()):
            proof = search.prove(node)
            if proof is not None:
                return self._shown(self._of_simplified(proof), hessian)
        return hessian or self._along_lines(_smallest(search, self.f))

    def _shown(self, proof: ProofNode, found: Curvature | None = None) -> Curvature:
        return Curvature(
            proof.relation,  # type: ignore[arg-type]  # a function's claim: one of the three
            proof.strict,
            proof,
            hessian=found.hessian if found is not None else None,
            given=self.note,
            strong=proof.detail.get("modulus"),
        )

    def _simplified(self) -> Expr:
        try:
            return Engine(self.facts, list(self.variables)).begin(self.f).after
        except SymderivError:
            return self.f

    def _of_simplified(self, proof: ProofNode) -> ProofNode:
        if proof.expr is self.f:
            return proof
        detail = {**proof.detail, "wrt": self.variables}
        return ProofNode(self.f, "function", proof.relation, "simplification", children=(proof,), detail=detail)

    # ------------------------------------------------------------ by the Hessian
    def _by_hessian(self) -> Curvature:
        (x,) = self.variables
        try:
            hessian, used = _hessian(self.f, x, self.facts)
        except NoRuleError as error:
            return Curvature("unknown", reason=error.message, undecided=self.f)
        along = structure_of(x, self.facts)
        found = curvature_of_hessian(hessian, self.facts, self.trials, self.seed, along, (self.f, x))
        proof = found.proof and self._second_derivative(self.f, x, found.verdict, found.proof, used)
        return Curvature(
            found.verdict,
            found.strict,
            proof,
            found.counterexample,
            found.positive,
            found.reason,
            hessian,
            found.undecided,
            (*used, *self.note) if proof else (),
            proof.detail.get("modulus") if proof else None,
        )

    def _second_derivative(self, f: Expr, x: Symbol, shape: str, proof: ProofNode, used: tuple[str, ...]) -> ProofNode:
        """By the one variable that f depends on; where there are others, f is flat along these, so never strict."""
        alone = self.variables == (x,)
        modulus = _modulus(proof, x) if alone else None
        detail = {"wrt": self.variables, "strict": alone and proof.strict, "modulus": modulus}
        return ProofNode(f, "function", shape, "second derivative", children=(proof,), facts=used, detail=detail)

    def _leaf(self, node: Expr) -> ProofNode | None:
        """A smooth scalar part that depends on one variable, by its own Hessian."""
        about = [x for x in self.variables if depends(node, x)]
        if len(about) != 1:
            return None
        (x,) = about
        if kinked(node, x):
            return None
        try:
            hessian, used = _hessian(node, x, self.facts)
            found = certify(hessian, self.facts, 0, self.seed, structure_of(x, self.facts))
        except SymderivError:
            return None
        shape = {"psd": "convex", "nsd": "concave"}.get(found.verdict)
        if shape is None or found.proof is None or found.zero:
            return None
        return self._second_derivative(node, x, shape, found.proof, used)

    # ------------------------------------------------------------ by points
    def within(self, found: Curvature, ties: Sequence[str]) -> Curvature:
        """What was found without a proof, asked again of lines on which the equations about the variables hold."""
        if found.verdict == "affine":
            return found
        return self._along_lines(found.undecided or self.f, f"nothing is proved on the set where {' and '.join(ties)}")

    def _along_lines(self, undecided: Expr, why: str = "no rule of composition applies") -> Curvature:
        """Second differences at random points: they refute, and prove nothing."""
        try:
            from symderiv.proving.numeric.definite import bends, second_differences
        except ModuleNotFoundError:
            return Curvature("unknown", reason=f"{why}; no line was tried, for NumPy isn't there", undecided=undecided)
        try:
            low, high = second_differences(self.f, self.variables, self.facts, 4 * self.trials, self.seed)
        except SymderivError as error:
            reason = f"{why}, and nothing was evaluated: {error.message}"
            return Curvature("unknown", reason=reason, undecided=undecided)
        shown = partial(_example, self.variables)
        if low and high:
            reason = "f(x + v) + f(x − v) − 2 f(x) takes both signs"
            return Curvature("neither", counterexample=shown(low), positive=shown(high), reason=reason)
        flat = not low and not high and any(True for _ in bends(self.f, self.variables, self.facts, 4 * self.trials, self.seed))
        seen = "not convex" if low else "not concave" if high else "flat at every point tried" if flat else "no line was tried"
        return Curvature(
            "unknown",
            counterexample=shown(low),
            positive=shown(high),
            undecided=undecided,
            reason=f"{why}; {seen}",
        )


def _example(
    variables: tuple[Symbol, ...], bend: tuple[dict[object, object], list[object], float] | None
) -> Counterexample | None:
    if bend is None:
        return None
    values, directions, value = bend
    named = {str(getattr(k, "name", k)): v for k, v in values.items()}
    direction = directions[0] if len(variables) == 1 else dict(zip([x.name for x in variables], directions, strict=True))
    return Counterexample(named, direction, value)


def _smallest(search: Composition, root: Expr) -> Expr:
    """The first part whose own parts are all known, but which no rule takes."""
    for node, proof in search.memo.items():
        if proof is None and search.moves(node) and all(search.memo.get(k) is not None for k in node.kids):
            return node
    return root


def _modulus(proof: ProofNode, x: Symbol) -> Expr | None:
    """A positive definite matrix free of the variable that the form exceeds, with the form's sign."""
    if not proof.left:
        return None
    if proof.strict and not depends(proof.expr, x):
        return proof.expr
    if proof.rule == "sum":
        for c, child in zip(proof.detail["coefficients"], proof.children, strict=True):
            found = _modulus(child, x)
            if found is not None:
                return scale(c, found)
        return None
    if proof.rule == "scaling":
        found = _modulus(proof.children[0], x)
        return None if found is None else scale(proof.detail["coefficients"][0], found)
    if proof.rule in ("name", "simplification") and len(proof.children) == 1:
        return _modulus(proof.children[0], x)
    return None


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


__all__ = ["curvature_of"]
