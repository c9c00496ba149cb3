"""Generalised linear models: L″ = μ′²/V + (μ − y) θ″, for any family and any link, and which link is canonical.

For y of an exponential family with cumulant b, natural parameter θ(η) and mean μ = b′(θ) the negative log-likelihood is
L = b(θ(η)) − y θ(η) (McCullagh & Nelder 1989, 2.2 and 2.5). The engine derives L′ and L″ of that for generic b and θ,
and for each row of `families` and `links`. The curvature is free of y exactly when θ″ = 0: when the link is canonical.
"""

from __future__ import annotations

from dataclasses import dataclass

from symderiv.bounds import limited
from symderiv.build import add, apply, contract, name, power, symbol
from symderiv.derive import Derivation
from symderiv.engine import Engine
from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.families import Family, family
from symderiv.frontend.build_text import expand
from symderiv.frontend.inputs import to_expr
from symderiv.ir import Expr, is_zero
from symderiv.links import LINKS, Link, link
from symderiv.rational import equal
from symderiv.record import Proof, chain
from symderiv.statements import Statements, filled, statement
from symderiv.verdicts import prove_exprs

_INSIDE = {"real": ("real", "positive", "unit"), "positive": ("positive", "unit"), "unit": ("unit",)}


@dataclass(frozen=True)
class GeneralizedLinearModel(Statements):
    """A family with a link; η is the linear predictor.

    ``mean_slope`` derives μ′, ``natural_slope`` θ′, ``natural_curvature`` θ″, ``gradient`` L′, ``hessian`` L″, all by η;
    ``identity`` derives μ′²/V + (μ − y) θ″; ``status`` says how it is known that this is L″. ``canonical`` is true where
    θ″ = 0 was proved, false where it was refuted, else None. ``fisher`` is E[L″] = μ′²/V, ``residual`` θ″, the factor of μ − y.
    """

    family: Family | None
    link: Link | None
    mean_slope: Derivation
    natural_slope: Derivation
    natural_curvature: Derivation
    gradient: Derivation
    hessian: Derivation
    identity: Derivation
    fisher: Expr
    mean: Expr
    status: str
    canonical: bool | None

    @property
    def residual(self) -> Expr:
        found: Expr = self.natural_curvature.result
        return found

    @property
    def parts(self) -> tuple[Derivation, ...]:
        return (self.mean_slope, self.natural_slope, self.natural_curvature, self.gradient, self.hessian, self.identity)

    def summary(self) -> str:
        kind = {True: "canonical: θ'' = 0", False: "not canonical: θ'' isn't 0", None: "canonical exactly when θ'' = 0"}[self.canonical]
        return f"L'' = μ'²/V + (μ − y) θ'' ({self.status}); {kind}"


@limited
def glm(family: str | None = None, link: str = "canonical") -> GeneralizedLinearModel:
    """The derivatives of a generalised linear model's negative log-likelihood by its linear predictor η.

    Without a family b and θ are generic functions, and the identity is the general one. ``link`` is a row of
    `symderiv.links.LINKS`, or "canonical".

    >>> model = glm("bernoulli", "logit")
    >>> model.canonical, model.status, model.fisher.text()
    (True, 'proved', 'sigmoid(η) (1 − sigmoid(η))')
    >>> glm("poisson", "sqrt").canonical
    False

    Raises UnknownNameError for a family or link that isn't in the tables, SymderivError for a link whose means aren't
    the family's.
    """
    return _generic() if family is None else _concrete(family, link)


@limited
def glm_table(families: tuple[str, ...] | None = None) -> list[GeneralizedLinearModel]:
    """Every family with every link that fits it, in the order of the tables."""
    from symderiv.families import FAMILIES

    names = families if families is not None else tuple(n for n, row in FAMILIES.items() if not row.by_row)
    return [glm(f, one) for f in names for one in ("canonical", *links_of(f))]


def links_of(name: str) -> tuple[str, ...]:
    """The links whose means are means of the family.

    >>> links_of("bernoulli")
    ('logit', 'probit', 'cloglog', 'loglog', 'cauchit')
    """
    row = family(name)
    wide = () if row.means == "unit" else ("unit",)
    return tuple(n for n, one in LINKS.items() if one.into in _INSIDE[row.means] and one.into not in wide)


ETA, Y = symbol("eta", ()), symbol("y", ())


def _generic() -> GeneralizedLinearModel:
    theta = apply("theta", ETA, generic=True)
    cumulant = apply("b", theta, generic=True)
    mean, variance = apply("b", theta, order=1, generic=True), apply("b", theta, order=2, generic=True)
    return _model(None, None, cumulant, theta, mean, variance, Facts())


def _concrete(name_: str, link_name: str) -> GeneralizedLinearModel:
    row = family(name_)
    if row.by_row:
        raise SymderivError(f"a {row.name} target is a vector; glm takes a scalar one", hint="see sd.fisher and sd.matching for softmax")
    scope = {p: symbol(p, ()) for p in row.params}
    if link_name == "canonical":
        chosen, needs, mean = None, [n.replace("t", "eta") for n in row.needs], expand(row.mean, {"t": ETA, **scope})
        theta: Expr = ETA
    else:
        chosen = link(link_name)
        if chosen.name not in links_of(row.name):
            raise SymderivError(f"the link '{chosen.name}' gives {chosen.into} means; those of the family '{row.name}' are {row.means}",
                                hint=f"take one of canonical, {', '.join(links_of(row.name))}")
        needs = [*(n.replace("x", "eta") for n in chosen.needs), *(n for n in row.needs if not n.startswith("t"))]
        mean = expand(chosen.mean, {"x": ETA})
        mean = contract((scope[row.total], mean), ((), ()), ()) if row.total else mean
        theta = expand(row.canonical, {"m": mean, **scope})
    shapes = {"eta": "", "y": "", **dict.fromkeys(row.params, "")}
    facts = to_expr("eta", shapes, needs or None)[2]
    theta = Engine(facts).simplify(theta).after
    theta = ETA if theta is not ETA and equal(theta, ETA) else theta
    return _model(row, chosen, expand(row.cumulant, {"t": theta, **scope}), theta, mean,
                  expand(row.variance, {"m": mean, **scope}), facts)


def _model(row: Family | None, chosen: Link | None, cumulant: Expr, theta: Expr, mean: Expr, variance: Expr,
           facts: Facts) -> GeneralizedLinearModel:
    engine = Engine(facts, (ETA,))
    loss = add([(1, cumulant), (-1, contract((Y, theta), ((), ()), ()))], ())
    mu, th, v, named = name("mu", mean), name("theta" if row else "theta_", theta), name("V", variance), name("L", loss)
    slope_mu, slope_th = engine.jacobian(mu, ETA), engine.jacobian(th, ETA)
    second_th = engine.second(slope_th, ETA, engine.jacobian(slope_th.after, ETA))
    first = engine.jacobian(named, ETA)
    second = engine.second(first, ETA, engine.jacobian(first.after, ETA))
    residual = add([(1, mu), (-1, Y)], ())
    goal = add([(1, contract((power(slope_mu.before, 2), power(v, -1)), ((), ()), ())),
                (1, contract((residual, second_th.before), ((), ()), ()))], ())
    opened = {n: engine.unname(n, ("user",)) for n in (mu, v)}
    lemmas = {slope_mu.before: slope_mu, second_th.before: second_th}
    put_in = filled(engine, goal, lemmas)
    rest = engine.fill(put_in.after, {n: p for n, p in opened.items() if p.items})
    proof = chain(goal, [put_in, rest, engine.simplify(rest.after)], engine.context)
    status = "proved" if proof.after is second.after else prove_exprs(second.after, proof.after, facts, trials=8).status
    canonical = None if row is None else True if is_zero(second_th.after) else _is_zero(second_th.after, facts)
    fisher = engine.simplify(contract((power(slope_mu.after, 2), power(variance, -1)), ((), ()), ())).after
    def stated(label: str, title: str, p: Proof) -> Derivation:
        return statement(label, title, loss, (ETA,), p, facts)
    return GeneralizedLinearModel(row, chosen, stated("μ'", "mean by η", slope_mu), stated("θ'", "natural parameter by η", slope_th),
                                  stated("θ''", "and again", second_th), stated("L'", "gradient", first),
                                  stated("L''", "curvature", second), stated("L''", "Fisher term and residual term", proof),
                                  fisher, mean, str(status), canonical)


def _is_zero(node: Expr, facts: Facts) -> bool | None:
    """None where it is neither proved nor refuted."""
    return {"proved": True, "refuted": False}.get(prove_exprs(node, add((), ()), facts, trials=8).status)


__all__ = ["GeneralizedLinearModel", "glm", "glm_table", "links_of"]
