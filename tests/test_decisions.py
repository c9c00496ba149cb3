"""Verdicts at a prompt: a few short lines with what is known and why; in a notebook the proof as a tree."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import symderiv as sd
from symderiv.present import decisions

LOGISTIC = "sum(log(1 + exp(-t * (X @ w))))"
SHAPES = {"X": "m n", "w": "n", "t": "m"}
ASKED = {
    "convex": lambda: sd.curvature("sum(x**2)/t", ["x", "t"], x="n", t="", assume="t > 0"),
    "strictly": lambda: sd.curvature("sum(log(1 + exp(x)))", "x", x="n"),
    "strongly": lambda: sd.curvature(f"{LOGISTIC} + w @ w", "w", shapes=SHAPES),
    "neither": lambda: sd.curvature("sum(sin(x))", "x", x="n"),
    "psd": lambda: sd.gauss_newton("u = X @ w; sum((u - y)**2)", "w", at="u", X="m n", w="n", y="m").certificate,
    "matches": lambda: sd.matching("softmax(u)", "-y @ log(p)", input="u", u="o", y="o", assume="sum(y) == 1"),
    "does not match": lambda: sd.matching("sigmoid(u)", "mse(p, y)", input="u", u="o", y="o"),
    "loss": lambda: sd.matching_loss("tanh(u)", u="o"),
}
SAID = {
    "convex": ["Curvature(convex: product of powers)", "assuming t > 0"],
    "strictly": ["Curvature(strictly convex: second derivative)"],
    "strongly": ["Curvature(strongly convex: second derivative)", "its Hessian exceeds 2 I"],
    "neither": ["Curvature(neither convex nor concave: the form takes both signs)", "curved by -0.841 at the x of .counterexample",
                "curved by 0.978 at the x of .positive"],
    "psd": ["Certificate(2 Xᵀ X ⪰ 0: scaling)"],
    "matches": ["Matching(matches, proved: ∇_u L = A p + b with A = I, b = −y)", "assuming sum(y) == 1"],
    "loss": ["MatchingLoss(1ᵀ logcosh(u) − uᵀ y: convex in u, gradient tanh(u) − y proved)"],
}


@pytest.mark.parametrize("key", list(ASKED))
def test_a_verdict_is_a_few_short_lines(key) -> None:
    text = repr(ASKED[key]())
    lines = [line.strip() for line in text.splitlines()]
    assert len(lines) <= 4 and max(map(len, lines)) < 200, text
    assert not re.search(r"Proof|Fire|<|detail=|None", text), text
    assert key not in SAID or lines == SAID[key]


@pytest.mark.parametrize("key", list(ASKED))
def test_a_notebook_shows_the_proof_and_a_formula(key) -> None:
    found = ASKED[key]()
    page, latex = found._repr_html_(), found._repr_latex_()
    assert page.startswith('<div class="symderiv"><style>') and page.endswith("</div>") and "<script" not in page
    assert latex.startswith(r"$\displaystyle ") and latex.endswith("$")
    proof = getattr(found, "proof", None)
    if proof is not None and hasattr(proof, "rule"):
        assert all(node.rule in page for node in proof.walk() if node.rule not in ("affine", "fact"))
        assert repr(proof) == proof.text()


def test_what_is_open_is_said() -> None:
    found = ASKED["convex"]()
    opened = replace(found, verdict="unknown", proof=None, reason="no rule applies", undecided=found.proof.expr)
    assert repr(opened) == "Curvature(of unknown curvature: no rule applies)\n  undecided: (xᵀ x)/t"
    assert "of unknown curvature" in opened._repr_html_() and "unknown" in opened._repr_latex_()


def test_a_strictness_that_is_not_proved_is_not_said() -> None:
    """The words follow the fields: with a planted fault in one the line changes."""
    found = ASKED["strictly"]()
    assert decisions.words(found) == "strictly convex"
    assert decisions.words(replace(found, strict=False)) == "convex"
    assert decisions.words(replace(found, verdict="concave")) == "strictly concave"
    certificate = ASKED["psd"]()
    assert "≻" in repr(replace(certificate, strict=True)) and "⪯" in repr(replace(certificate, verdict="nsd"))
