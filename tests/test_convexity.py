"""Curvature by composition: the atoms of disciplined convex programming, jointly in several variables, kinks allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.certificates import check_proof
from symderiv.certificates.function import curvature_of
from symderiv.certificates.functions_checked import FUNCTIONS as RULES
from symderiv.certificates.proof import LAWS, ProofNode
from symderiv.evaluate import evaluate
from symderiv.frontend.inputs import parse

S = {
    "x": "n", "y": "n", "c": "n", "t": "", "s": "", "l": "", "A": "m n", "b": "m", "z": "m", "w": "n", "X": "n n", "R": "m n",
    "P": "n n", "v": "m", "L": "m -> ",
}  # fmt: skip
PROVED: list[tuple[str, str | list[str], Any, str, str]] = [
    ("logsumexp(A @ x + b)", "x", None, "convex", "second derivative"),
    ("max(A @ x)", "x", None, "convex", "monotone composition"),
    ("max(x) - min(x)", "x", None, "convex", "sum of functions"),
    ("norm(A @ x - b)", "x", None, "convex", "norm"),
    ("norm(A @ x - b) + norm(x, 1)", "x", None, "convex", "norm"),
    ("norm(A @ (x - X @ y))", ["x", "y"], None, "convex", "norm"),
    ("norm(R)", "R", None, "convex", "norm"),
    ("norm(x)**3", "x", None, "convex", "second derivative"),
    ("norm(A @ x - b)**2 + l*norm(x, 1)", "x", "l >= 0", "convex", "sum of functions"),
    ("sum(x**2)/t", ["x", "t"], "t > 0", "convex", "product of powers"),
    ("sqrt(t*s)", ["t", "s"], ["t > 0", "s > 0"], "concave", "product of powers"),
    ("1/(t*s)", ["t", "s"], ["t > 0", "s > 0"], "convex", "product of powers"),
    ("sum(x*log(x/y))", ["x", "y"], ["x > 0", "y > 0"], "convex", "perspective"),
    ("t*log(s/t)", ["s", "t"], ["t > 0", "s > 0"], "concave", "perspective"),
    ("x @ inv(X) @ x", ["x", "X"], "pd(X)", "convex", "matrix fraction"),
    ("logdet(X)", "X", "pd(X)", "concave", "second derivative"),
    ("logdet(X) - norm(x, 1)", ["X", "x"], "pd(X)", "concave", "log det"),
    ("trace(P @ X) - logdet(X)", "X", ["pd(X)", "symmetric(P)"], "convex", "second derivative"),
    ("maximum(x @ x, 3*norm(x) - 1)", "x", None, "convex", "pointwise maximum"),
    ("minimum(t - x @ x, s - norm(x))", "x", None, "concave", "pointwise minimum"),
    ("sum(3*log(x)) - sum(relu(3*log(x) - sqrt(x)))", "x", "x > 0", "concave", "pointwise minimum"),
    ("sum(exp(x)) + sum(relu(x**2 - exp(x)))", "x", None, "convex", "pointwise maximum"),
    ("hinge(R @ w, z)", "w", None, "convex", "nonnegative weights"),
    ("huber(R @ w, z)", "w", None, "convex", "Huber function"),
    ("v @ relu(R @ w)", "w", "v >= 0", "convex", "convex function of an affine one"),
    ("log(sum(x))", "x", None, "concave", "second derivative"),
    ("-sum(log(b - A @ x))", "x", None, "convex", "second derivative"),
    ("exp(norm(x)**2)", "x", None, "convex", "second derivative"),
    ("exp(sum(abs(x)))", "x", None, "convex", "monotone composition"),
    ("L(A @ x)", "x", "convex(L)", "convex", "second derivative"),
    ("c @ x + t", ["x", "t"], None, "affine", "sum of functions"),
    ("sum(log(normal_cdf(A @ x)))", "x", None, "concave", "log-concave function"),
    ("-sum(w*log(1 - normal_cdf(X @ w)))", "X", ["w >= 0"], "convex", "log-concave function"),
    ("norm(x, 1) - sum(log(sigmoid(y)))", ["x", "y"], None, "convex", "log-concave function"),
    ("sum(sigmoid(x))", "x", "x < 0", "convex", "range"),
    ("-t*log(1 + s/t)", ["s", "t"], ["t > 0", "s > 0"], "convex", "perspective"),
    ("logdet(A @ diag(x) @ A.T)", "x", "x > 0", "concave", "log det"),
]  # fmt: skip
NEITHER: list[tuple[str, str | list[str], Any]] = [
    ("t*s", ["t", "s"], None),
    ("x @ X @ x", ["x", "X"], None),
    ("x @ P @ x/(x @ x)", "x", None),
    ("v @ relu(R @ w)", "w", None),
    ("max(x) - norm(x)", "x", None),
    ("logdet(X)", "X", None),
    ("exp(-x @ x)", "x", None),
    ("relu(s) - relu(t)", ["s", "t"], None),
    ("sum(exp(x)) - sum(relu(exp(x) - x**2))", "x", None),  # the smaller of two convex functions
    ("sum(relu(3*log(x) - sqrt(x))) + sum(sqrt(x))", "x", "x > 0"),  # the larger of two concave ones
    ("sqrt(x @ P @ x) + norm(y)", ["x", "y"], None),
    ("sqrt(x @ P @ x)", "x", None),
]


def _case(text: str, wrt: Any, assume: Any) -> tuple[Any, Any]:
    used = {k: v for k, v in S.items() if k in text}
    return sd.curvature(text, wrt, shapes=used, assume=assume), parse(text, used, assume)[2]


@pytest.mark.parametrize(("text", "wrt", "assume", "verdict", "rule"), PROVED, ids=lambda v: str(v)[:40])
def test_proved(text: str, wrt: Any, assume: Any, verdict: str, rule: str) -> None:
    found, facts = _case(text, wrt, assume)
    assert found.verdict == verdict
    assert rule in {n.rule for n in found.proof.walk()}
    assert check_proof(found.proof, facts)


@pytest.mark.parametrize(("text", "wrt", "assume", "verdict", "rule"), PROVED, ids=lambda v: str(v)[:40])
def test_the_checker_refuses_the_opposite(text: str, wrt: Any, assume: Any, verdict: str, rule: str) -> None:
    """Wherever the rule stands in the tree, the opposite claim there is seen."""
    found, facts = _case(text, wrt, assume)
    for node in [n for n in found.proof.walk() if n.rule == rule and n.kind == "function"]:
        wrong = {"convex": "concave", "concave": "convex", "affine": "convex"}[node.relation]
        if node.relation == "affine":
            continue
        assert not check_proof(replace(node, relation=wrong), facts)
        assert not check_proof(replace(node, relation="affine"), facts)


def test_every_rule_about_functions_is_reached() -> None:
    seen = {n.rule for text, wrt, assume, *_ in PROVED for n in _case(text, wrt, assume)[0].proof.walk()}
    assert set(RULES) - seen <= {"name", "simplification", "affine"}
    assert set(RULES) <= set(LAWS)


@pytest.mark.parametrize(("text", "wrt", "assume"), NEITHER, ids=lambda v: str(v)[:40])
def test_neither_shows_both_signs(text: str, wrt: Any, assume: Any) -> None:
    found, _ = _case(text, wrt, assume)
    assert found.verdict == "neither"
    assert found.counterexample.value < 0 < found.positive.value
    if isinstance(wrt, list):
        assert set(found.counterexample.direction) == set(wrt)


@pytest.mark.parametrize(
    ("text", "wrt", "assume", "undecided"),
    [
        ("norm(R @ R.T)", "R", None, "R Rᵀ"),
        ("norm(x, 1)*norm(x)", "x", None, "abs"),
    ],
)
def test_unknown_names_the_smallest_part(text: str, wrt: Any, assume: Any, undecided: str) -> None:
    found, _ = _case(text, wrt, assume)
    assert found.verdict == "unknown"
    assert not found
    assert undecided in repr(found.undecided)


def test_strictly_and_strongly() -> None:
    found, _ = _case("sum(softplus(R @ w)) + l*(w @ w)", "w", "l > 0")
    assert found.strict
    assert found.strong is not None
    assert found.proof.claim.endswith("is strongly convex")
    found, _ = _case("exp(sum(x**2))", "x", None)
    assert found.strict
    found, _ = _case("sum((R @ w - b)**2)", "w", None)
    assert not found.strict  # R may have a kernel


def test_a_forged_child_is_seen() -> None:
    found, facts = _case("max(x) - min(x)", "x", None)
    (first, *rest) = found.proof.children
    forged: ProofNode = replace(found.proof, children=(replace(first, relation="concave"), *rest))
    assert not check_proof(forged, facts)


@pytest.mark.parametrize("others", [["P"], ["z"], ["z", "P"]])
def test_a_function_is_not_strict_in_what_it_does_not_depend_on(others: list[str]) -> None:
    """xᵀ S x with S ≻ 0 is strongly convex in x, and flat along every other variable."""
    shapes = {"x": "n", "S": "n n", "P": "n n", "z": "n"}
    assert sd.curvature("x @ S @ x", "x", shapes=shapes, assume="pd(S)").strict
    found = sd.curvature("x @ S @ x", ["x", *others], shapes=shapes, assume="pd(S)")
    assert found.verdict == "convex" and not found.strict and found.strong is None
    assert found.proof is not None and "strongly" not in found.proof.claim
    facts = parse("x @ S @ x", shapes, "pd(S)")[2]
    assert check_proof(found.proof, facts)
    forged = replace(found.proof, detail={**found.proof.detail, "strict": True})
    assert not check_proof(forged, facts)


@pytest.mark.parametrize("text", ["x @ D @ x", "log(sum(x)) + x @ D @ x", "sqrt(sum(x)) + x @ D @ x"])
def test_a_counterexample_is_a_point_where_the_function_is_defined(text: str) -> None:
    """Also of a quadratic function, whose Hessian is the same everywhere: the point names every variable."""
    f, names, facts = parse(text, {"x": "n", "D": "n n"}, None)
    x = names.symbols["x"]
    found = curvature_of(f, x, facts)
    assert found.verdict == "neither"
    for shown in (found.counterexample, found.positive):
        assert shown is not None and set(shown.values) == {"x", "D"}
        point = {names.symbols[k]: v for k, v in shown.values.items()}
        step = 1e-4
        before, here, after = (
            float(evaluate(f, {**point, x: point[x] + t * shown.direction})) for t in (-step, 0.0, step)
        )
        assert np.isfinite(here)
        assert (after + before - 2 * here) / step**2 == pytest.approx(shown.value, rel=1e-3)
