"""The Fisher information of a network's output distribution, and that it is the Gauss–Newton matrix.

F = E[∇L ∇Lᵀ] with y drawn from the model's own distribution (Amari 1998; Martens 2020, sections 5 and 9). For the
negative log-likelihood of an exponential family in its natural parameter, or in any u in which the score's expectation
is zero and h doesn't depend on y, F = J_uᵀ E[j jᵀ] J_u = G, and E[H] = G, since E[R] = 0. Each is derived: the
expectation is an operator with linearity and two moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symderiv.build import ONE, add, axes, contract, der, name, power, scale, size, substitute, symbol, zero
from symderiv.derive import IDENTITY, Derivation
from symderiv.dims import dim_product
from symderiv.engine import Engine
from symderiv.errors import ShapeError, SymderivError, UnknownNameError
from symderiv.expect import expectations, expected, pulled
from symderiv.facts import Fact, Facts, facts
from symderiv.families import Family
from symderiv.frontend.build_text import expand
from symderiv.ir import Add, Contract, Expr, Name, Symbol, depends, free_name, is_zero, names_in
from symderiv.ops import shape_text
from symderiv.record import Cong, Fire, Proof, chain
from symderiv.rules.differentiation import differentiate_named
from symderiv.rules.expectation import expectation
from symderiv.rules.splitting import same_fraction
from symderiv.splits import GaussNewton, split
from symderiv.statements import Statements
from symderiv.verify import same_value


@dataclass(frozen=True)
class Fisher(Statements):
    """What follows of y ~ p: derivations, each from an expectation to its value.

    ``score`` is E[∂L/∂u] = 0, ``covariance`` E[j jᵀ] for j = ∂L/∂u, ``information`` F = E[∇L ∇Lᵀ], ``expected_hessian``
    E[H]; ``split`` is the Gauss–Newton split at the same u. ``ratio`` is the c with G = c F, free of the variable, where there is one: 1,
    or the number of samples where the loss is their mean; ``status`` says how that is known.
    """

    information: Derivation
    expected_hessian: Derivation
    score: Derivation
    covariance: Derivation
    split: GaussNewton
    family: Family
    target: Symbol
    mean: Expr
    ratio: Expr | None
    status: str

    @property
    def result(self) -> Any:
        """F."""
        return self.information.result

    @property
    def is_gauss_newton(self) -> bool:
        """Whether F was proved to be G itself."""
        return self.status == "proved" and self.ratio is not None and self.ratio is ONE

    @property
    def parts(self) -> tuple[Derivation, ...]:
        return (self.score, self.covariance, self.information, self.expected_hessian)

    def verify(self, trials: int = 6, seed: int = 0) -> bool:
        """Check each part, and the Gauss–Newton split, on independent numbers: y takes its outcomes in turn."""
        return all(bool(part.verify(trials, seed)) for part in self.parts) and bool(self.split.verify(trials, seed))

    def latex(self, notation: str = "matrix", detail: str = "normal") -> str:
        return "\\\\[1ex]\n".join(part.latex(notation, detail) for part in self.parts)

    def summary(self) -> str:
        """One line: how F stands to G, and how that is known."""
        if self.ratio is None and self.status == "unknown":
            return "whether G is a multiple of F is unknown"
        if self.ratio is None:
            return f"F isn't a multiple of G ({self.status})"
        c = self.ratio.text()
        return f"G = {'' if c == '1' else c + ' '}F ({self.status})"


def fisher_of(f: Expr, wrt: Symbol, u: Expr, y: Symbol, mean: Expr | None, family: Family, given: Facts) -> Fisher:
    """F, E[H] and E[∂L/∂u] of a negative log-likelihood f, where y ~ family(mean)."""
    bound = symbol(y.name, y.shape, "formal")
    swap: dict[Expr, Expr] = {y: bound}
    about = facts([*(Fact(g.kind, *_swapped(g, swap)) for g in given), *_certain(family, bound)])
    if depends(u, y):
        raise SymderivError(f"the target '{y.name}' reaches the intermediate value", hint="split where only the loss depends on it")
    if not depends(f, y):
        raise UnknownNameError(f"the loss doesn't mention the target '{y.name}'", hint="name it with target=")
    parts = split(substitute(f, swap), wrt, substitute(u, swap), about)
    held = parts.at
    mean = expand(family.mean, {"t": held, **{p: symbol(p, ()) for p in family.params}}) if mean is None else \
        substitute(mean, {u: held, (u.body if isinstance(u, Name) else u): held})
    if mean.shape != y.shape:
        raise ShapeError(f"the mean has shape {shape_text(mean.shape)}, the target '{y.name}' {shape_text(y.shape)}",
                         hint="give the mean of the target with mean=", shapes=(mean.shape, y.shape))
    subject = substitute(f, swap)
    case = _Case(parts, subject, substitute(subject, {substitute(u, swap): held}), bound, mean, family, about)
    score = case.derivation("E[j]", "score", case.score())
    if not is_zero(score.result):
        raise SymderivError(
            f"the loss isn't a negative log-likelihood of this family with this mean: E[∂L/∂{held.name}] = {score.result.text()}, "
            "not 0", hint="give the mean with mean=, or another family, or split elsewhere: after softmax the score isn't zero "
            "on average (split at the logits)")
    covariance = case.derivation("E[j jᵀ]", "covariance of the score", case.covariance())
    information = case.derivation("F", "Fisher information", case.information(wrt))
    hessian = case.derivation("E[H]", "expected Hessian", case.hessian(wrt))
    ratio, status = case.ratio(information.result)
    return Fisher(information, hessian, score, covariance, parts, family, y, mean, ratio, status)


def _swapped(fact: Fact, swap: dict[Expr, Expr]) -> tuple[Any, ...]:
    def inside(e: Any) -> Any:
        return substitute(e, swap) if isinstance(e, Expr) else e
    return inside(fact.subject), fact.text, inside(fact.value), fact.axes


def _certain(family: Family, y: Symbol) -> list[Fact]:
    return [Fact("onehot", y, f"onehot({y.name})")] if "onehot(y)" in family.facts else []


class _Case:
    """One loss, split at u, with its target drawn from a family."""

    def __init__(self, parts: GaussNewton, subject: Expr, whole: Expr, y: Symbol, mean: Expr, family: Family, about: Facts) -> None:
        self.parts, self.subject, self.y, self.family, self.facts = parts, subject, y, family, about
        self.engine = Engine(about)
        self.engine.begin(whole)
        self.engine.begin(parts.slope.subject)
        self.mean = self.engine.simplify(mean).after
        self.k = tuple(("k", p) for p in range(len(parts.at.shape)))
        self.m = tuple(("m", p) for p in range(len(parts.at.shape)))
        (slope,), (outer,) = parts.slope.flat, parts.outer.flat
        loss = name(free_name(names_in(parts.slope.subject, functions=False), "L", "loss"), parts.slope.subject)
        hole = der(loss, parts.at)
        opened = Fire(differentiate_named.name, hole, slope.before)
        self.slope = chain(hole, [opened, slope], self.engine.context)
        self.outer = chain(der(hole, parts.at), [Cong(der(hole, parts.at), outer.before, (self._only(opened),)), outer],
                           self.engine.context)

    def _only(self, step: Fire) -> Proof:
        return Proof(step.before, step.after, (step,), self.engine.context)

    def derivation(self, label: str, title: str, proof: Proof) -> Derivation:
        wrt = self.parts.wrt
        return Derivation(IDENTITY + label, self.subject, wrt if isinstance(wrt, tuple) else (wrt,), proof, self.facts, 2,
                          source=title)

    def taken(self, body: Expr, lemmas: dict[Expr, Proof]) -> Proof:
        """E[body]: linearity, then the moments as lemmas, then the other lemmas put in."""
        goal = expectation(body, self.y, self.mean, self.family.name)
        first = pulled(self.engine, goal)
        moments: dict[Expr, Proof] = {n: self.moment(n, lemmas) for n in expectations(first.after)}
        rest = self.engine.fill(first.after, {**lemmas, **moments})
        return chain(goal, [first, rest, self.engine.simplify(rest.after)], self.engine.context)

    def moment(self, node: Expr, lemmas: dict[Expr, Proof]) -> Proof:
        filled = self.engine.fill(node, dict(lemmas))
        found = expected(self.engine, filled.after)
        nothing, end = zero(node.shape), found.after
        if not is_zero(end) and same_fraction.fire(end, self.engine.context, nothing) is not None:
            found = chain(filled.after, [found, Fire(same_fraction.name, end, nothing, nothing)], self.engine.context)
        return chain(node, [filled, found], self.engine.context)

    def score(self) -> Proof:
        return self.moment(expectation(self.slope.before, self.y, self.mean, self.family.name), {self.slope.before: self.slope})

    def covariance(self) -> Proof:
        """E[j jᵀ]."""
        slope = self.slope.before
        body = contract((slope, slope), (self.k, self.m), self.k + self.m)
        return self.moment(expectation(body, self.y, self.mean, self.family.name), {slope: self.slope})

    def information(self, x: Symbol) -> Proof:
        """E[J_uᵀ j jᵀ J_u]."""
        (jac,) = self.parts.jacobian.flat
        i, j = axes("i", x), axes("j", x)
        slope, inner = self.slope.before, jac.before
        body = contract((inner, slope, slope, inner), (self.k + i, self.k, self.m, self.m + j), i + j)
        return self.taken(body, {slope: self.slope, inner: jac})

    def hessian(self, x: Symbol) -> Proof:
        """E[G + R], with G = J_uᵀ h J_u and R = Σ_k j_k ∂²u_k."""
        (jac,) = self.parts.jacobian.flat
        i, j = axes("i", x), axes("j", x)
        second = self.engine.second(jac, x, self.engine.jacobian(jac.after, x))
        first = contract((jac.before, self.outer.before, jac.before), (self.k + i, self.k + self.m, self.m + j), i + j)
        rest = contract((self.slope.before, second.before), (self.k, self.k + i + j), i + j)
        lemmas = {jac.before: jac, self.slope.before: self.slope, self.outer.before: self.outer, second.before: second}
        return self.taken(add([(1, first), (1, rest)], first.shape), lemmas)

    def ratio(self, information: Expr) -> tuple[Expr | None, str]:
        """(c with G = c F, how that is known)."""
        wanted, held = self.parts.G.result, self.parts.at.shape
        sizes = [ONE, *([size(held[0])] if len(held) > 1 else []), *([size(dim_product(*held))] if held else [])]
        read = self.engine.simplify(contract((_front(wanted), power(_front(information), -1)), ((), ()), ())).after
        fixed = [read] if not any(depends(read, x) for x in (self.y, self.parts.at, *self.parts.G.wrt)) else []
        candidates = [scale(c, n) for c in (Fraction(1), Fraction(1, 2)) for n in sizes] + fixed
        axes = tuple(range(len(wanted.shape)))
        products = [(c, contract((c, information), ((), axes), axes)) for c in dict.fromkeys(candidates)]
        for c, product in products:
            if self.engine.simplify(product).after is wanted:
                return c, "proved"
        if depends(wanted, self.y) and not depends(information, self.y):
            return None, f"G depends on {self.y.name}"
        for c, product in products:
            if same_value(product, wanted, self.facts, 4):
                return c, "checked"
        f, g = (contract((information, e), (axes, axes), ()) for e in (information, wanted))
        one, other = (contract((c, e), ((), axes), axes) for c, e in ((f, wanted), (g, information)))
        return None, "refuted" if same_value(one, other, self.facts, 4).verdict == "refuted" else "unknown"


def _front(e: Expr) -> Expr:
    """The number and the scalars in front of an expression, or of the first term of a sum."""
    c, first = e.terms[0] if isinstance(e, Add) else (Fraction(1), e)
    if isinstance(first, Add):
        return scale(c, _front(first))
    scalars = [f for f in first.factors if not f.shape] if isinstance(first, Contract) else []
    return scale(c, contract(scalars, [()] * len(scalars), ()) if scalars else ONE)


__all__ = ["Fisher", "fisher_of"]
