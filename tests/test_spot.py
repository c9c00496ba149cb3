"""The check without NumPy: it agrees with `verify`, and sees planted faults."""

from __future__ import annotations

from typing import Any

import pytest

import symderiv as sd
from symderiv.build import scale
from symderiv.spot import check_part, spot_check, spot_check_split
from symderiv.web.examples import EXAMPLES
from symderiv.web.questions import read

CASES: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("jacobian", "softmax(W @ h + b)", "h", {"W": "o n", "h": "n", "b": "o"}),
    ("jacobian", "f(W @ h)", "W", {"f": "elementwise", "W": "o n", "h": "n"}),
    ("jacobian", "N(x, y)", "y", {"N": "n, m -> o", "x": "n", "y": "m"}),
    ("hessian", "L(N(w))", "w", {"N": "n -> o", "L": "o -> ", "w": "n"}),
    ("gradient", "sum(relu(X @ w) * t)", "w", {"X": "m n", "w": "n", "t": "m"}),
    ("gradient", "logdet(X)", "X", {"X": "n n"}),
    ("gradient", "trace(inv(A) @ B)", "A", {"A": "n n", "B": "n n"}),
    ("gradient", "sum(log(x)) + mean(sqrt(x))", "x", {"x": "n"}),
    ("jacobian", "layer_norm(x)", "x", {"x": "n"}),
    ("jacobian", "gelu(x) * softplus(x)", "x", {"x": "n"}),
    ("hessian", "logsumexp(A @ x)", "x", {"A": "m n", "x": "n"}),
    ("gradient", "norm(x)**3", "x", {"x": "n"}),
]


@pytest.mark.parametrize(("kind", "text", "by", "shapes"), CASES, ids=[case[1] for case in CASES])
def test_what_is_derived_is_checked(kind: str, text: str, by: str, shapes: dict[str, Any]) -> None:
    found = getattr(sd, kind)(text, by, shapes=shapes)
    spot = spot_check(found)
    assert spot, spot.summary()
    assert spot.draws >= 2
    assert spot.worst < 1e-20
    (result,) = [proof.after for proof in found.flat]
    body = found.subject
    wrong = check_part(body, found.wrt * found.order, scale(2, result), found.facts)
    assert wrong.verdict == "refuted", wrong.summary()
    assert "against" in wrong.summary()


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.get("kind") not in ("prove", "matching", "curvature", "gauss_newton")],
                         ids=lambda e: e["title"])  # fmt: skip
def test_it_agrees_with_verify_on_the_examples(example: dict[str, Any]) -> None:
    from symderiv.web.answers import proposed

    question = read(example)
    shapes = {p.name: p.shape for p in proposed(question).values()}
    by = question.wrt[0] if len(question.wrt) == 1 else list(question.wrt)
    kind = {"auto": "jacobian", "vec": "jacobian"}.get(question.kind, question.kind)
    found = getattr(sd, kind)(question.text, by, shapes=shapes, assume=question.assume or None)
    assert (spot_check(found).verdict, found.verify(trials=3).verdict) == ("checked", "checked")


def test_a_split_is_checked() -> None:
    found = sd.gauss_newton("u = W @ x\nlogsumexp(u)", "W", at="u", shapes={"W": "o n", "x": "n"})
    assert spot_check_split(found)


def test_several_variables_and_facts() -> None:
    several = sd.gradient("sum((T - U @ V.T)**2)", ["U", "V"], shapes={"T": "m n", "U": "m r", "V": "n r"})
    assert spot_check(several)
    given = sd.gradient("-y @ log(softmax(u))", "u", shapes={"y": "n", "u": "n"}, assume="sum(y) == 1")
    assert spot_check(given)
    assert not check_part(given.subject, given.wrt, given.flat[0].after)  # p - y only where the entries of y add up to 1
    signs = sd.hessian("sum(log(1 + exp(-t * (X @ w))))", "w", shapes={"X": "m n", "w": "n", "t": "m"}, assume="t**2 == 1")
    assert spot_check(signs)


@pytest.mark.parametrize(("text", "fact"), [
    ("trace(A @ X @ X)", "symmetric(X)"), ("logdet(X)", "pd(X)"), ("sum(X * X)", "diagonal(X)"), ("trace(A @ X)", "orthogonal(X)"),
    ("trace(X @ A @ X)", "symmetric(A)"),
])  # fmt: skip
def test_properties_of_matrices(text: str, fact: str) -> None:
    found = sd.gradient(text, "X", shapes={"X": "n n", **({"A": "n n"} if "A" in text else {})}, assume=fact)
    assert spot_check(found), spot_check(found).summary()


def test_a_two_in_place_of_a_size_is_seen() -> None:
    x, doubled = sd.parse("n * x", x="n"), sd.parse("2 * x", x="n")
    assert check_part(x, (), doubled).verdict == "refuted"
    assert check_part(sd.parse("x + x", x="n"), (), doubled)


def test_what_is_too_large_is_unknown_not_checked() -> None:
    large = sd.jacobian("W @ h", "h", shapes={"W": "3000 3000", "h": "3000"})
    spot = spot_check(large)
    assert spot.verdict == "unknown"
    assert "too large" in spot.summary()
