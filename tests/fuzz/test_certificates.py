"""A short run of the fuzzer of curvature, and faults that it has to find: in a rule, in a row, in a sign, in strictness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest

import symderiv as sd
from symderiv.certificates.compose import Composition
from symderiv.certificates.definite import Definite
from symderiv.certificates.proof import Counterexample
from tests.fuzz.certificates import jax_hessian, judge, report
from tests.fuzz.checks import Counted, WrongError
from tests.fuzz.curved import FACTS, SYMBOLS, VARIABLES, Asked, functions
from tests.fuzz.run import fuzzed

SHAPES = {"x": "n", "A": "m n", "b": "m", "v": "m", "t": "", "X": "n n", "c": "n"}


def asked(text: str, *wrt: str, assume: tuple[str, ...] = ()) -> Asked:
    return Asked(text, {n: s for n, s in SHAPES.items() if n in text}, assume, wrt)


def test_a_short_run_finds_nothing() -> None:
    tally = Counted()
    assert fuzzed(functions(2), lambda one: judge(one, tally), 150, 7, 30, say=lambda text: None) == []
    assert tally.programs >= 100
    assert {"convex", "concave", "affine", "neither"} <= {v.partition(",")[0] for v in tally.verdicts}
    assert tally.checks["chords"] > 1000 and tally.checks["counterexamples"] > 10
    assert "0 failures" in report(tally, [], 1.0, 1.0)


def test_the_grammar_knows_its_symbols() -> None:
    assert set(FACTS) <= set(SYMBOLS) and set(VARIABLES) <= set(SYMBOLS)


@contextmanager
def everything_proved(verdict: str, **more: Any) -> Iterator[None]:
    """Every verdict is this one, with whatever proof there was."""
    real = sd.curvature

    def told(*given: Any, **options: Any) -> Any:
        return replace(real(*given, **options), verdict=verdict, **more)

    with mock.patch.object(sd, "curvature", told):
        yield


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("sum(tanh(A @ x))", "convex"),
        ("sum(tanh(A @ x))", "concave"),
        ("norm(A @ x - b)", "affine"),
        ("norm(A @ x - b)", "concave"),
        ("v @ abs(A @ x)", "convex"),
        ("minimum(norm(x), c @ x)", "convex"),
        ("log(1 + (x @ x)**2)", "convex"),
        ("sum(x**3)", "concave"),
    ],
)
def test_a_false_verdict_is_seen_by_chords(text: str, wrong: str) -> None:
    with everything_proved(wrong, proof=None, strict=False), pytest.raises(WrongError, match=f"called {wrong}"):
        judge(asked(text, "x"), Counted())


def test_a_false_verdict_is_seen_by_eigenvalues() -> None:
    pytest.importorskip("jax")
    with (
        mock.patch("tests.fuzz.certificates._chords", return_value=iter(())),
        everything_proved("convex", proof=None, strict=False),
        pytest.raises(WrongError, match="an eigenvalue"),
    ):
        judge(asked("sum(tanh(A @ x))", "x"), Counted(), jax_hessian())
    with everything_proved("convex", proof=None, strict=True), pytest.raises(WrongError, match="flat along a direction"):
        judge(asked("c @ x + (c @ x)**2", "x"), Counted(), jax_hessian())


def test_a_counterexample_that_shows_nothing_is_seen() -> None:
    flat = Counterexample({"x": np.array([1.0, 2.0]), "c": np.array([0.5, 1.0])}, np.array([1.0, 0.0]), -1.0)
    with everything_proved("neither", proof=None, counterexample=flat, positive=flat), pytest.raises(WrongError, match="no bend"):
        judge(asked("c @ x", "x"), Counted())


@pytest.mark.parametrize(
    ("where", "name", "fault", "text"),
    [
        (Composition, "sign_of", lambda self, weights: 1, "v @ abs(A @ x)"),
        (Composition, "facts_of", lambda self, node: ("convex", "increasing"), "sum(abs(x)) + sum(tanh(A @ x))"),
        (Definite, "_told", lambda self, node, left, right, sign: self.made(node, left, right, sign, True, "fact", (), ()), "x @ X @ x"),
    ],
)
def test_a_broken_rule_is_found(where: type, name: str, fault: Callable[..., Any], text: str) -> None:
    """By the checker, which takes the step again."""
    judge(asked(text, "x"), Counted())
    with mock.patch.object(where, name, fault), pytest.raises(WrongError, match="the checker refuses"):
        judge(asked(text, "x"), Counted())


FOUND = [
    # "where it is defined" was taken for P being positive semidefinite: a false certificate
    Asked("norm(x) + sqrt(x @ P @ x)", {"x": "n", "P": "n n"}, (), ("x",)),
    Asked("norm(x) - (-sqrt(x @ P @ x))", {"x": "n", "P": "n n"}, ("pd(P)",), ("x",)),
    # a kink at the number 0 left no point to check the second derivative at
    Asked("minimum((c @ x), (c @ x)) + norm(x)", {"x": "n", "c": "n"}, (), ("x",)),
    # bends of rounding alone were shown as those of the function
    Asked("minimum(exp(norm(x)), sum(logcosh(exp(X @ x))))", {"x": "n", "X": "n n"}, (), ("x",)),
    # a form of the size 5e-324 was said to take both signs
    Asked("sum(log(normal_cdf(A @ x)))", {"A": "m n", "x": "n"}, (), ("x",)),
    # as did the one for eigenvalues that don't converge, of numbers near the largest
    Asked("exp((c @ X @ c)) * g", {"X": "n n", "c": "n", "g": ""}, ("pd(X)",), ("X",)),
    # a symmetric variable beside another one had its symmetric directions refused
    Asked("(b @ (A @ y)) - maximum(norm(y), trace(inv(X)))", {"y": "n", "X": "n n", "A": "m n", "b": "m"}, ("pd(X)",), ("y", "X")),
    # NumPy's error for a singular matrix came through
    Asked("-logdet(A.T @ diag(p) @ A)", {"A": "m n", "p": "m"}, ("p > 0",), ("p",)),
]


@pytest.mark.parametrize("one", FOUND, ids=lambda one: one.text)
def test_what_was_found_stays_mended(one: Asked) -> None:
    judge(one, Counted())
