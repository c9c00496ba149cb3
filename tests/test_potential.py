"""Matching losses that are constructed: their gradients are the modules, less the target; or there is a reason."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symderiv as sd
import symderiv.matched
from symderiv.build import symbol
from symderiv.errors import NoMatchingLossError, NoRuleError
from symderiv.facts import Facts
from symderiv.frontend.build_text import build_text
from symderiv.frontend.environment import declare
from symderiv.integrals import antiderivative
from symderiv.ir import free_symbols, is_zero
from symderiv.points import OutsideDomainError, draws, evaluate, indices, mp, sizes_of
from symderiv.rational import heaviside, relu
from symderiv.record import replay

matching: Any = symderiv.matched.matching
matching_loss: Any = symderiv.matched.matching_loss

#: module, what is declared and assumed, the loss as it is told.
FOUND = [
    ("u", {"u": "o"}, "(1/2) uᵀ u − uᵀ y"),
    ("sigmoid(u)", {"u": "o"}, "1ᵀ softplus(u) − uᵀ y"),
    ("sigmoid(u)", {"u": ""}, "softplus(u) − u y"),
    ("tanh(u)", {"u": "o"}, "1ᵀ logcosh(u) − uᵀ y"),
    ("exp(u)", {"u": "o"}, "1ᵀ exp(u) − uᵀ y"),
    ("softmax(u)", {"u": "o"}, "logsumexp(u) − uᵀ y"),
    ("softmax(u/2)", {"u": "o"}, "2 logsumexp((1/2) u) − uᵀ y"),
    ("softmax(u, axis=1)", {"u": "m o"}, None),
    ("-1/u", {"u": "o", "assume": "u < 0"}, "−1ᵀ log(−u) − uᵀ y"),
    ("-1/u", {"u": "o"}, None),
    ("(-2*u)**(-1/2)", {"u": "o", "assume": "u < 0"}, None),
    ("r*exp(u)/(1 - exp(u))", {"u": "o", "r": "", "assume": "u < 0"}, "−r (1ᵀ log(1 − exp(u))) − uᵀ y"),
    ("arctan(u)", {"u": "o"}, None),
    ("erf(u)", {"u": "o"}, None),
    ("normal_cdf(u)", {"u": "o"}, None),
    ("gelu(u)", {"u": "o"}, None),
    ("sin(u)", {"u": "o"}, None),
    ("u**3", {"u": "o"}, "(1/4) 1ᵀ u^⊙4 − uᵀ y"),
    ("relu(u)", {"u": "o"}, None),
    ("leaky_relu(u)", {"u": "o"}, None),
    ("hardtanh(u)", {"u": "o"}, None),
    ("tanhshrink(u)", {"u": "o"}, None),
    ("2*softmax(u) + u", {"u": "o"}, None),
    ("u/norm(u)", {"u": "o"}, "‖u‖ − uᵀ y"),
    ("(u - mean(u))/std(u)", {"u": "o"}, None),
    ("A @ u", {"u": "o", "A": "o o", "assume": "symmetric(A)"}, "(1/2) uᵀ A u − uᵀ y"),
    ("A @ u + b", {"u": "o", "A": "o o", "b": "o", "assume": "symmetric(A)"}, None),
]


@pytest.mark.parametrize(("module", "given", "told"), FOUND, ids=lambda v: v if isinstance(v, str) else "")
def test_the_gradient_is_the_module_less_the_target(module: str, given: dict[str, str], told: str | None) -> None:
    found = matching_loss(module, input="u", **given)
    assert found.status == "proved"
    assert replay(found.proof) is found.proof.after
    assert replay(found.difference) is found.difference.after
    assert is_zero(found.difference.after) == (found.status == "proved")
    if told is not None:
        assert found.loss.text() == told
    _expect_gradient(found)


def _expect_gradient(found: Any) -> None:
    u, y, sizes, random = found.input, found.target, sizes_of(found.module, 3), Random(5)
    others = {s: draws(s.shape, s, Facts(), sizes, random) for s in symbols(found.loss) if s is not u}
    step, tried = mp.mpf(10) ** -12, 0
    for at in draws(u.shape, u, Facts(), sizes, random):
        point = {s: next(stream) for s, stream in others.items()}
        try:
            wanted = evaluate(found.module, {**point, u: at}, sizes)
            for i in indices(u.shape, sizes):
                up, down = (evaluate(found.loss, {**point, u: {**at, i: at[i] + k * step}}, sizes)[()] for k in (1, -1))
                assert abs((up - down) / (2 * step) - (wanted[i] - point[y][i])) < 1e-12 * (1 + abs(wanted[i]))
        except OutsideDomainError:
            continue
        tried += 1
        if tried == 3:
            return


def symbols(root: Any) -> list[Any]:
    return [s for s in free_symbols(root) if s.kind == "variable"]


@pytest.mark.parametrize("module", ["sigmoid(u)", "softmax(u)", "u", "-1/u", "arctan(u)"])
def test_what_is_constructed_matches(module: str) -> None:
    made = matching_loss(module, input="u", u="o")
    assert matching(module, made.loss, input="u", u="o").matches


def test_convexity() -> None:
    verdicts = {m: matching_loss(m, u="o").convex for m in ("tanh(u)", "softmax(u)", "relu(u)", "sin(u)", "gelu(u)")}
    assert verdicts == {
        "tanh(u)": "convex", "softmax(u)": "convex", "relu(u)": "convex", "sin(u)": "neither", "gelu(u)": "neither"
    }  # fmt: skip


# ---------------------------------------------------------------- where there is none
@pytest.mark.parametrize("module", ["u*sum(u)", "A @ u", "softmax(A @ u)", "exp(u)*sum(u)"])
def test_an_asymmetric_jacobian_is_the_reason(module: str) -> None:
    with pytest.raises(NoMatchingLossError, match=r"isn't symmetric, entry \(1, 2\) is .* and entry \(2, 1\) is"):
        matching_loss(module, input="u", u="o", **({"A": "o o"} if "A" in module else {}))


def test_a_gradient_has_the_inputs_shape() -> None:
    with pytest.raises(NoMatchingLossError, match="the module takes n to o"):
        matching_loss("W @ u", input="u", u="n", W="o n")


def test_an_abstract_module_may_be_no_gradient() -> None:
    with pytest.raises(NoMatchingLossError, match="nothing says"):
        matching_loss("N(u)", input="u", u="n", N="n -> n")


@pytest.mark.parametrize("module", ["mish(u)", "gelu_tanh(u)", "W.T @ mish(W @ u)"])
def test_no_closed_form_in_the_table(module: str) -> None:
    with pytest.raises(NoRuleError, match="no closed form in the table"):
        matching_loss(module, input="u", u="n", **({"W": "o n"} if "W" in module else {}))


# ---------------------------------------------------------------- more laws of integration
MORE = [
    ("softplus(u)", {}, "1ᵀ fermi_dirac(u) − uᵀ y", "convex"),
    ("log_sigmoid(u)", {}, "1ᵀ fermi_dirac(−u) − uᵀ y", "convex"),
    ("silu(u)", {}, "uᵀ softplus(u) − 1ᵀ fermi_dirac(u) − uᵀ y", "neither"),
    ("u*sigmoid(3*u + 1)", {}, "(1/3) uᵀ softplus(1 + 3 u) − (1/9) 1ᵀ fermi_dirac(1 + 3 u) − uᵀ y", "neither"),
    ("a*tanh(u)", {"a": "o"}, "aᵀ logcosh(u) − uᵀ y", "neither"),
    ("tanh(a*u)", {"a": "o"}, "(1 ⊘ a)ᵀ logcosh(a ⊙ u) − uᵀ y", "neither"),
    ("W.T @ tanh(W @ u + b)", {"W": "m o", "b": "m"}, "1ᵀ logcosh(W u + b) − uᵀ y", "convex"),
    ("W.T @ softmax(W @ u)", {"W": "m o"}, "logsumexp(W u) − uᵀ y", "convex"),
    ("softmax((v @ v)*u)", {"v": "k"}, "logsumexp((vᵀ v) u)/(vᵀ v) − uᵀ y", "convex"),
    ("softmax(u) + u", {}, "(1/2) uᵀ u + logsumexp(u) − uᵀ y", "convex"),
    ("c*softmax(u)", {"c": ""}, "c logsumexp(u) − uᵀ y", "neither"),
    ("layer_norm(u)", {}, None, "convex"),
    ("tanh(norm(u))*u/norm(u)", {}, "logcosh(‖u‖) − uᵀ y", "unknown"),
    ("u/sqrt(1 + u @ u)", {}, "sqrt(1 + uᵀ u) − uᵀ y", None),
    ("elu(u)", {}, "1ᵀ (exp(−relu(−u)) + relu(u)) + (1/2) ‖relu(u)‖² − 1ᵀ u − uᵀ y", "convex"),
    ("hardswish(u)", {}, None, "neither"),
    ("softsign(u)", {}, None, "convex"),
    ("hardshrink(u)", {}, None, "convex"),
    ("abs(u)", {}, "(1/2) uᵀ abs(u) − uᵀ y", "neither"),
    ("sign(u)", {}, "1ᵀ abs(u) − uᵀ y", "convex"),
    ("u - 2*heaviside(u)", {}, "(1/2) uᵀ u − 2 1ᵀ relu(u) − uᵀ y", "neither"),
    ("where(abs(u) <= 1, u, sign(u))", {}, "(1/2) ‖relu(1 + u)‖² − (1/2) ‖relu(u − 1)‖² − 1ᵀ u − uᵀ y", None),
    ("clip(u, -1, 2)", {}, None, "convex"),
]


@pytest.mark.parametrize(("module", "given", "told", "convex"), MORE, ids=lambda v: v if isinstance(v, str) else "")
def test_more_modules_have_one(module: str, given: dict[str, str], told: str | None, convex: str | None) -> None:
    made = matching_loss(module, input="u", target="y", u="o", **given)
    assert made.status in ("proved", "checked")
    assert told is None or made.loss.text() == told
    assert convex is None or made.convex == convex
    _is_an_integral(made)


def _is_an_integral(made: Any) -> None:
    """Φ(b) − Φ(a) is the integral of ⟨M, b − a⟩ along the line from a to b, by NumPy: a jump in Φ is seen."""
    rng = np.random.default_rng(5)
    names = [s for s in free_symbols(made.potential, made.module) if s.kind == "variable"]
    sizes = {"o": 3, "m": 4, "k": 2}
    given = {s.name: rng.normal(size=[sizes[d] for d in s.shape]) for s in names}
    a, b = rng.uniform(-5, 5, size=(2, 3))
    ts = (np.arange(4000) + 0.5) / 4000
    potential, module = made.potential.numpy(), made.module.numpy()
    inside = {s.name for s in free_symbols(made.potential)}
    at = [potential(**{k: v for k, v in {**given, "u": x}.items() if k in inside}) for x in (a, b)]
    along = np.mean([module(**{**given, "u": a + t * (b - a)}) @ (b - a) for t in ts])
    assert abs((at[1] - at[0]) - along) < 2e-3 * (1 + abs(along)), (at, along)


def test_a_potential_that_jumps_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its gradient is right at every point but the jumps: so the gradient alone proves nothing."""
    from symderiv.antigradient import Search

    wrong = build_text("sum(where(abs(u) <= 1, u**2/2, abs(u)))", declare({"u": "o"}))[0]
    monkeypatch.setattr(Search, "potential", lambda self, module: wrong)
    with pytest.raises(NoRuleError, match="jumps where pieces of the module meet"):
        matching_loss("where(abs(u) <= 1, u, sign(u))", input="u", u="o")
    right = build_text("sum(where(abs(u) <= 1, u**2/2, abs(u) - 1/2))", declare({"u": "o"}))[0]
    monkeypatch.setattr(Search, "potential", lambda self, module: right)
    assert matching_loss("where(abs(u) <= 1, u, sign(u))", input="u", u="o").status == "proved"


# ---------------------------------------------------------------- integrals
def test_steps_are_integrated_continuously() -> None:
    x = sp.Symbol("x", real=True)
    found = antiderivative(heaviside(x - 1) * x, x)
    assert found == relu(x - 1) ** 2 / 2 + relu(x - 1)
    c = sp.Symbol("c", real=True)
    assert sp.expand(antiderivative(heaviside(x - c) * x, x) - heaviside(x - c) * (x**2 - c**2) / 2) == 0
    assert antiderivative(heaviside(sp.exp(x) - 1), x) is None
    assert antiderivative(heaviside(x**2 - 1), x) == x + relu(x - 1) - relu(x + 1)


def test_the_symbols_are_the_users() -> None:
    made = matching_loss("tanh(u)", input="u", target="t", u="o")
    assert made.target is symbol("t", ("o",))
    assert made.loss is build_text("sum(logcosh(u)) - t @ u", declare({"u": "o", "t": "o"}))[0]


@pytest.mark.parametrize(("module", "shapes", "facts", "shown", "convex"), [
    ("softmax(u/t)", {"u": "o", "t": ""}, ["t > 0"], "t logsumexp((1/t) u) − uᵀ y", "convex"),
    ("softmax(c*u)", {"u": "o", "c": ""}, [], "logsumexp(c u)/c − uᵀ y", "neither"),
    ("tanh(a*u + b)", {"u": "o", "a": "", "b": "o"}, [], "(1ᵀ logcosh(a u + b))/a − uᵀ y", "neither"),
])  # fmt: skip
def test_a_symbol_scales_the_input(module, shapes, facts, shown, convex):
    found = sd.matching_loss(module, input="u", assume=facts, **shapes)
    assert (found.loss.text(), found.status, found.convex) == (shown, "proved", convex)


# ---------------------------------------------------------------- parameters and assumptions
@pytest.mark.parametrize(("module", "curved"), [
    ("leaky_relu(u, slope=-2)", "neither"),
    ("leaky_relu(u, slope=3)", "convex"),
    ("elu(u, alpha=-1)", "neither"),
    ("elu(u, alpha=2)", "convex"),
    ("selu(u, alpha=-1)", "neither"),
    ("hardtanh(u)", "convex"),
])  # fmt: skip
def test_a_row_increases_for_the_parameters_that_it_says_only(module: str, curved: str) -> None:
    found = matching_loss(module, u="")
    assert found.convex == curved
    value = [float(evaluate(found.module, {found.input: {(): mp.mpf(k) / 4}}, {})[()]) for k in range(-12, 13)]
    steps = [b - a for a, b in pairwise(value)]
    assert (min(steps) < 0) == (curved == "neither") and max(steps) > 0


def test_what_an_assumption_excludes_is_no_evidence_against_a_matching_loss() -> None:
    symmetric = matching_loss("(A + B) @ u", A="n n", B="n n", u="n", input="u", assume="B == A.T")
    assert symmetric.status == "checked"
    with pytest.raises(NoMatchingLossError, match="no gradient"):
        matching_loss("(A + B) @ u", A="n n", B="n n", u="n", input="u")
    assert matching_loss("abs(u - 1)", u="n", assume="u > 1").convex != "neither"
    assert matching_loss("abs(u - 1)", u="n").convex == "neither"


@pytest.mark.parametrize(("module", "curved"), [
    ("2*atanh(u)", ("convex",)), ("log(1 + u)", ("convex",)), ("3*logit(u)", ("convex",)), ("log(u - 1)", ("convex",)),
    ("log(3 - u)", ("concave",)), ("-log(3 - u)", ("convex",)), ("log(2*u)", ("convex", "unknown")), ("log(u) + log(2 - u)", ("neither",)),
    ("u**3 - u", ("neither",)), ("u + sin(2*u)", ("neither",)), ("log1p(u) + u", ("convex",)),
])  # fmt: skip
@pytest.mark.parametrize("shape", ["", "o"])
def test_a_loss_is_curved_as_it_is_where_its_module_is_defined(module: str, shape: str, curved: tuple[str, ...]) -> None:
    """The slope 1/(1 + u) of log(1 + u) is negative for u < −1, where there is no log(1 + u)."""
    assert matching_loss(module, u=shape).convex in curved
