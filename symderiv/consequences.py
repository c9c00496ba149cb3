"""What follows from a curvature, as public functions: they read what `api` reads, and give derivations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symderiv.api import Assume, names_of, variables
from symderiv.errors import SymderivError, UnknownNameError
from symderiv.families import family as family_of
from symderiv.frontend.build_text import build_text
from symderiv.frontend.environment import Environment
from symderiv.frontend.inputs import to_expr
from symderiv.information import Fisher, fisher_of
from symderiv.ir import Expr, Name, Symbol, postorder
from symderiv.layerwise import KFAC, kfac_of
from symderiv.linear_models import GeneralizedLinearModel, glm, glm_table
from symderiv.splits import find_split


def _one(wrt: Any, f: Expr, environment: Environment, what: str) -> Symbol:
    found, several = variables(wrt, f, environment)
    if several:
        raise SymderivError(f"{what} takes one variable", hint="ask for one variable at a time")
    return found[0]


def _target(name: str, f: Expr, environment: Environment) -> Symbol:
    known = {n.name: n for n in postorder(f) if isinstance(n, Symbol) and n.kind == "variable"}
    if name not in known:
        if name in environment.symbols:
            raise UnknownNameError(f"the loss doesn't mention the target '{name}'", hint="name the target with target=")
        raise UnknownNameError.among(str(name), known, "target", "name the target with target=")
    return known[name]


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
    given = None if mean is None else build_text(mean, environment.with_names(names))[0]
    return fisher_of(value, x, u, y, given, family_of(family), facts)


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


__all__ = ["GeneralizedLinearModel", "fisher", "glm", "glm_table", "kfac"]
