"""Matching losses that are constructed: their gradients are the modules, less the target; or there is a reason."""

from __future__ import annotations

from random import Random
from typing import Any

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
from symderiv.rational import heaviside
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
    assert found.status == ("checked" if "std" in module else "proved")
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
    with pytest.raises(NoMatchingLossError, match=r"isn't symmetric, entry \(1; 2\) is .* and entry \(2; 1\) is"):
        matching_loss(module, input="u", u="o", **({"A": "o o"} if "A" in module else {}))


def test_a_gradient_has_the_inputs_shape() -> None:
    with pytest.raises(NoMatchingLossError, match="the module takes n to o"):
        matching_loss("W @ u", input="u", u="n", W="o n")


def test_an_abstract_module_may_be_no_gradient() -> None:
    with pytest.raises(NoMatchingLossError, match="nothing says"):
        matching_loss("N(u)", input="u", u="n", N="n -> n")


@pytest.mark.parametrize("module", ["softplus(u)", "silu(u)", "mish(u)", "elu(u)", "W.T @ tanh(W @ u)"])
def test_no_closed_form_in_the_table(module: str) -> None:
    with pytest.raises(NoRuleError, match="no closed form in the table"):
        matching_loss(module, input="u", u="n", **({"W": "o n"} if "W" in module else {}))


# ---------------------------------------------------------------- integrals
def test_steps_are_integrated_continuously() -> None:
    x = sp.Symbol("x", real=True)
    found = antiderivative(heaviside(x - 1) * x, x)
    assert sp.expand(found - heaviside(x - 1) * (x**2 - 1) / 2) == 0
    assert antiderivative(sp.exp(heaviside(x) * x), x) is None
    assert antiderivative(heaviside(x**2 - 1), x) is None


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
