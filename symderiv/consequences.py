"""What follows from a curvature, as public functions: they read what `api` reads, and give derivations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unicodedata import normalize

from symderiv.api import Assume, array_named, names_of, variables
from symderiv.backpropagation import Backpropagation, backpropagation_of
from symderiv.bounds import limited
from symderiv.composite import FaaDiBruno, faa_di_bruno
from symderiv.errors import SymderivError, UnknownNameError
from symderiv.families import family as family_of
from symderiv.frontend.build_text import build_text
from symderiv.frontend.environment import Environment
from symderiv.frontend.inputs import to_expr
from symderiv.information import Fisher, fisher_of
from symderiv.ir import Expr, Name, Symbol, postorder
from symderiv.layerwise import KFAC, kfac_of
from symderiv.linear_models import GeneralizedLinearModel, glm, glm_table
from symderiv.matched import matching
from symderiv.natural import NaturalGradient, natural_gradient_of
from symderiv.pair_curvature import MatchedCurvature, curvature_of_pair
from symderiv.potentials import Bregman, FenchelYoung, bregman_of, fenchel_young_of
from symderiv.splits import find_split


def _one(wrt: Any, f: Expr, environment: Environment, what: str) -> Symbol:
    found, several = variables(wrt, f, environment)
    if several:
        raise SymderivError(f"{what} takes one variable", hint="ask for one variable at a time")
    return found[0]


def _target(name: Any, f: Expr, environment: Environment) -> Symbol:
    known = {n.name: n for n in postorder(f) if isinstance(n, Symbol) and n.kind == "variable"}
    name = normalize("NFKC", name) if isinstance(name, str) else str(name)      # as the texts are read
    if name not in known:
        if name in environment.symbols:
            raise UnknownNameError(f"the loss doesn't mention the target '{name}'", hint="name the target with target=")
        raise UnknownNameError.among(name, known, "target", "name the target with target=")
    return known[name]


@limited
def fisher(f: Any, wrt: Any, /, *, at: str, family: str = "categorical", target: str = "y", mean: str | None = None,
           assume: Assume = None, shapes: Mapping[str, Any] | None = None, **declared: Any) -> Fisher:
    """The Fisher information E[∇f ∇fᵀ] of a negative log-likelihood f, y drawn from the model, and how it stands to G.

    ``at`` names the intermediate that the target's distribution is computed from, ``family`` one of
    `symderiv.families.FAMILIES`, ``mean`` the target's mean where it isn't that of the natural parameter ``at``. The
    expectation is an operator: linearity, E[y] = μ and the second moment are steps. ``.ratio`` is c in G = c F.

    >>> found = fisher("u = W @ h; -y @ log_softmax(u)", "W", at="u", W="o n", h="n", y="o")
    >>> found.covariance.result.text(), found.summary()
    ('diag(softmax(u)) − softmax(u) softmax(u)ᵀ', 'G = F (proved)')

    Raises SymderivError where E[∂f/∂u] isn't zero: then f is no negative log-likelihood of that family and mean.
    Source: Martens 2020, sections 5 and 9.
    """
    value, environment, facts = to_expr(f, {**(shapes or {}), **declared}, assume, names_of(wrt))
    x = _one(wrt, value, environment, "fisher")
    u, y = find_split(value, at, environment), _target(target, value, environment)
    names = {n.name: n for n in postorder(value) if isinstance(n, Name) and n.role == "user"}
    if mean is not None and not isinstance(mean, str):
        raise SymderivError(f"mean={mean!r} isn't a text", hint="write the target's mean in terms of the program, as mean='p'")
    given = None if mean is None else build_text(mean, environment.with_names(names))[0]
    return fisher_of(value, x, u, y, given, family_of(family), facts)


@limited
def kfac(f: Any, wrt: Any, /, *, at: str, assume: Assume = None, shapes: Mapping[str, Any] | None = None, **declared: Any) -> KFAC:
    """The Gauss–Newton block of a linear layer's weights, (a aᵀ) ⊗ (J_sᵀ h J_s), and K-FAC's approximation of it.

    The layer is s = W @ a, or s = A @ W.T with a sample in each row. For one sample the product is the block itself; for
    a batch the block is Σ_n A_n ⊗ S_n, and K-FAC takes the mean of the A_n ⊗ the sum of the S_n (``factors``).

    >>> layer = kfac("z = W1 @ x; a = tanh(z); L(W2 @ a)", "W1", at="W2 @ a", W1="h n", x="n", W2="o h", L="o -> ")
    >>> layer.A.text(), layer.S.text(), layer.exact
    ('x xᵀ', 'diag(1 − a ⊙ a) W₂ᵀ h_L W₂ diag(1 − a ⊙ a)', True)
    >>> batch = kfac("u = A @ W.T; sum((u - y)**4)", "W", at="u", A="m n", W="o n", y="m o")
    >>> batch.factors[0].text(), batch.exact
    ('(1/m) Aᵀ A', False)

    Raises NoRuleError where W isn't used in one product, or where samples are mixed above the layer.
    Source: Martens & Grosse 2015, section 3.
    """
    value, environment, facts = to_expr(f, {**(shapes or {}), **declared}, assume, names_of(wrt))
    return kfac_of(value, _one(wrt, value, environment, "kfac"), find_split(value, at, environment), facts)


@limited
def natural_gradient(f: Any, wrt: Any, /, *, at: str, family: str = "categorical", target: str = "y", mean: str | None = None,
                     damping: str | None = None, assume: Assume = None, shapes: Mapping[str, Any] | None = None,
                     **declared: Any) -> NaturalGradient:
    """F⁻¹ ∇f by a vector of parameters, F the Fisher information (see `fisher`); ``damping="lam"`` adds λI to F.

    >>> step = natural_gradient("u = X @ w; sum(softplus(u) - y*u)", "w", at="u", family="bernoulli", X="m n", w="n", y="m")
    >>> step.result.text(), step.fisher.result.text()
    ('F⁻¹ Xᵀ (sigmoid(u) − y)', 'Xᵀ diag(sigmoid(u) ⊙ (1 − sigmoid(u))) X')

    Raises ShapeError for parameters that aren't a vector. Source: Amari 1998.
    """
    given = {**(shapes or {}), **declared}
    found = fisher(f, wrt, at=at, family=family, target=target, mean=mean, assume=assume, shapes=given)
    value, environment, _ = to_expr(f, given, assume, names_of(wrt))
    return natural_gradient_of(value, _one(wrt, value, environment, "natural_gradient"), found,
                               None if damping is None else array_named("damping", damping, (), environment))


@limited
def matched_curvature(module: Any, loss: Any, /, *, network: str | None = None, wrt: str | None = None, input: str | None = None,
                      output: str = "p", target: str = "y", assume: Assume = None, shapes: Mapping[str, Any] | None = None,
                      **declared: Any) -> MatchedCurvature:
    """H_{L∘M} = A J_M of a pair that matches; with ``network`` and ``wrt`` also G = J_Nᵀ A J_{M∘N}.

    >>> found = matched_curvature("softmax(u)", "-y @ log(p)", input="u", u="o", y="o", assume="sum(y) == 1",
    ...                           network="N(w)", wrt="w", N="n -> o", w="n")
    >>> found.product.result.text(), found.summary()
    ('diag(p) − p pᵀ', 'H = A J_M (proved); G = J_Nᵀ A J_(M∘N) (proved)')

    Raises SymderivError for a pair that doesn't match.
    """
    given = {**(shapes or {}), **declared}
    if (network is None) != (wrt is None):
        raise SymderivError("network= and wrt= belong together", hint="as in network='N(w)', wrt='w'")
    extra: dict[str, Any] = {}
    if network is not None:
        before, spoken, _ = to_expr(network, {k: v for k, v in given.items() if k not in (input, target, output)}, None, [str(wrt)])
        x = _one(wrt, before, spoken, "matched_curvature")
        extra = {n: given[n] for n in given if n in network or n == wrt}
    rest = {k: v for k, v in given.items() if k not in extra or k in (input, target, output)}
    pair = matching(module, loss, input=input, output=output, target=target, assume=assume, shapes=rest)
    about = to_expr(str(target), rest, assume)[2]
    return curvature_of_pair(pair, before if network is not None else None, x if network is not None else None, about)


@limited
def hessian_backpropagation(f: Any, /, *, assume: Assume = None, shapes: Mapping[str, Any] | None = None,
                            **declared: Any) -> Backpropagation:
    """The Hessian of a loss in each named value from that in the next one, layer by layer, and of weights.

    >>> found = hessian_backpropagation("z = W @ x; a = f(z); L(a)", W="h n", x="n", f="elementwise", L="h -> ")
    >>> found.steps["z"].result.text(), found.weights["W"].result.text()
    ("diag(f'(z)) H_a diag(f'(z)) + diag(δ_a ⊙ f''(z))", 'H_z[i,k] x[j] x[l]')

    Raises SymderivError where no named value lies on all ways to the loss. Source: Dangel, Harmeling & Hennig 2020.
    """
    given = {**(shapes or {}), **declared}
    value, _, facts = to_expr(f, given, assume, given)          # derivatives by every matrix of weights
    return backpropagation_of(value, facts)


@limited
def bregman(potential: Any, wrt: Any, /, *, other: str = "y", assume: Assume = None, shapes: Mapping[str, Any] | None = None,
            **declared: Any) -> Bregman:
    """The Bregman divergence D(x, y) = φ(x) − φ(y) − ⟨∇φ(y), x − y⟩ of a potential φ written in ``wrt``.

    Its Hessian in x is φ's; ``nonnegative`` rests on a certificate that φ is convex.

    >>> found = bregman("sum(x*log(x) - x)", "x", x="n", assume="x > 0")
    >>> found.result.text(), found.nonnegative
    ('xᵀ log(x) + 1ᵀ y − xᵀ log(y) − 1ᵀ x', True)
    """
    given = {**(shapes or {}), **declared}
    value, environment, facts = to_expr(potential, given, assume, names_of([wrt, other]))
    x = _one(wrt, value, environment, "bregman")
    return bregman_of(value, x, array_named("other", other, x.shape, environment, f"{x.name} has"), facts)


@limited
def fenchel_young(potential: Any, wrt: Any, /, *, target: str = "y", conjugate: str | None = None, assume: Assume = None,
                  shapes: Mapping[str, Any] | None = None, **declared: Any) -> FenchelYoung:
    """The Fenchel–Young loss Ω*(u) + Ω(y) − ⟨u, y⟩ of a potential Ω* written in ``wrt``; ``conjugate`` is Ω(y), if known.

    Its gradient is M(u) − y with M = ∇Ω*, its Hessian J_M; at targets M(v) it is the Bregman divergence of Ω*.

    >>> found = fenchel_young("logsumexp(u)", "u", u="o", conjugate="sum(y*log(y))")
    >>> found.module.text(), found.hessian.result.text(), found.is_bregman.status, found.at_module.status
    ('softmax(u)', 'diag(softmax(u)) − softmax(u) softmax(u)ᵀ', 'proved', 'proved')
    """
    given = {**(shapes or {}), **declared}
    value, environment, facts = to_expr(potential, given, assume, names_of([wrt, target]))
    u = _one(wrt, value, environment, "fenchel_young")
    y = array_named("target", target, u.shape, environment, f"{u.name} has")
    dual = None if conjugate is None else to_expr(conjugate, {**given, target: y.shape})[0]
    return fenchel_young_of(value, u, y, dual, facts)


__all__ = [
    "FaaDiBruno",
    "GeneralizedLinearModel",
    "bregman",
    "faa_di_bruno",
    "fenchel_young",
    "fisher",
    "glm",
    "glm_table",
    "hessian_backpropagation",
    "kfac",
    "matched_curvature",
    "natural_gradient",
]
