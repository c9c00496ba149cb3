"""What is printed means what was derived: results and whole derivations, read back from LaTeX in all three notations."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

import symderiv as sd
from symderiv.draw import draw, draw_sizes
from symderiv.evaluate import evaluate
from symderiv.frontend.environment import declare
from symderiv.render import style
from tests.fuzz.grammar import Program, programs
from tests.latex.back import INDEX, MATRIX, at, lines_back, result_back
from tests.latex.reader import Node, Unread, read
from tests.latex.values import Indices, as_entries, as_matrix


def derived(program, order):
    """The derivation, and a point at which its result is finite; None where there is none."""
    found = sd.derivative(program.text, program.wrt, order=order, assume=program.assume, shapes=program.shapes)
    symbols = list(declare(program.shapes).symbols.values())
    sizes = draw_sizes([found.result, *symbols], 1)
    return found, at(found, draw(symbols, found.facts, np.random.default_rng(3), sizes, "positive"), sizes)


def check_result(program, seen):
    found, here = derived(program, program.order)
    for notation in (MATRIX, INDEX) if here else ():
        result_back(found, here, notation, seen)


def check_lines(program, seen):
    found, here = derived(program, 1)
    for notation in (MATRIX, "differential") if here else ():
        lines_back(found, program.wrt, here, notation, seen)


def through(check, count, start, order):
    seen = Counter()

    @seed(start)
    @settings(max_examples=count, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @given(programs(depth=3, order=order))
    def run(program):
        with np.errstate(all="ignore"):
            check(program, seen)

    run()
    return seen


def test_results_are_read_back():
    seen = through(check_result, 120, 11, 2)
    for notation in (MATRIX, INDEX):
        assert seen[notation] > 8 * seen[f"{notation}, not read"], seen


def test_lines_are_read_back():
    seen = through(check_lines, 60, 12, 1)
    assert seen["lines that hold"] > 100, seen
    assert seen["lines that hold"] > 2 * sum(n for what, n in seen.items() if what.startswith("not read")), seen


NETWORK = Program("z = A @ x\na = tanh(z)\nsum((M.T @ a - w) * (M.T @ a - w))", {"A": "m n", "x": "n", "M": "m k", "w": "k"}, (), "A", 1)
NESTED = Program("sum(softmax(A @ x) * (u - v)) * (c + t)", {"A": "m n", "x": "n", "u": "m", "v": "m", "c": "", "t": ""}, (), "x", 1)


def test_a_network_is_read_back():
    seen = Counter()
    check_result(NETWORK, seen)
    check_lines(NETWORK, seen)
    assert seen[MATRIX] == seen[INDEX] == 1
    assert seen["lines that hold"] >= 1, seen


@pytest.mark.parametrize("check", [check_result, check_lines])
def test_a_missing_bracket_is_found(check, monkeypatch):
    """The control: a writer that forgets the brackets of sums is noticed in results and in lines."""
    check(NESTED, Counter())
    monkeypatch.setattr(style.Style, "brackets", lambda self, text: text if "+" in text or "-" in text else f"({text})")
    with pytest.raises((AssertionError, ValueError)):
        check(NESTED, Counter())


@pytest.mark.parametrize(("latex", "tree"), [
    (r"A\,x+y", Node("sum", "", (Node("product", "", (Node("name", "A"), Node("name", "x"))), Node("name", "y")))),
    (r"\delta_{ij}", Node("delta", "ij")),
    (r"(W_1)_{ij}", Node("at", "ij", (Node("brackets", "", (Node("name", "W_1"),)),))),
    (r"X^{-\top}", Node("transpose", "", (Node("inverse", "", (Node("name", "X"),)),))),
])  # fmt: skip
def test_the_grammar(latex, tree):
    assert read(latex, frozenset({"W_1"})) == tree


@pytest.mark.parametrize("latex", ["", "A +", r"\sum", "(A", "A)", r"\frac{1}{2", r"\unheardof{x}", "x_", "A^{B}", r"\odot x"])
def test_what_is_not_in_the_grammar_is_not_read(latex):
    with pytest.raises(Unread):
        read(latex)


def test_values_by_hand():
    A, x = np.arange(6.0).reshape(3, 2), np.array([2.0, 5.0])
    known = {"A": A, "x": x, "n": 2}
    np.testing.assert_allclose(as_matrix(read(r"A\,x \odot A\,x"), known, (3,)), (A @ x) ** 2)
    np.testing.assert_allclose(as_matrix(read(r"x-\max(x)\,\mathbf{1}"), known, (2,)), x - 5)
    np.testing.assert_allclose(as_matrix(read(r"\mathbf{1}\,x^\top-A"), known, (3, 2)), x - A)
    np.testing.assert_allclose(as_entries(read(r"\sum_k A_{ik}\,x_k+n"), known, "i", (3,)), A @ x + 2)
    np.testing.assert_allclose(as_entries(read(r"\delta_{ij}\,x_j"), known, "ij", (2, 2)), np.diag(x))
    np.testing.assert_allclose(as_matrix(read(r"(2\,I)^{-2}\,x"), known, (2,)), x / 4)
    np.testing.assert_allclose(as_entries(read(r"x_i\,[j = 1]"), known, "ij", (2, 2)), np.outer(x, [0, 1]))
    with pytest.raises(Unread):
        as_matrix(read(r"x\,\mathbf{e}_{0}^\top"), known, (2, 2))
    with pytest.raises(AssertionError):
        as_matrix(read(r"x\,A"), known, (3, 2))
    assert Indices(known, read(r"\sum_k x_k")).value(read(r"\sum_k x_k")).a == 7.0


@pytest.mark.parametrize("text", ["logcosh(x)**2", "log_sigmoid(x)**2", "logcosh(x)**3 * x", "logdet(X)**2", "logdet(X)**2 * X",
                                  "sum(logcosh(x))**2", "1/log_sigmoid(x)**2"])  # fmt: skip
def test_a_function_of_several_signs_is_in_brackets_under_a_power(text):
    """\\log\\cosh(x)^2 is the logarithm of cosh(x)^2."""
    shapes = {name: shape for name, shape in {"x": "n", "X": "n n"}.items() if f"({name})" in text}
    expr = sd.parse(text, shapes=shapes)
    values = {"x": np.array([0.5, 1.25, 2.0]), "X": np.array([[1.0, 0.5, 0.0], [-0.5, 0.75, 0.25], [0.0, 0.5, 1.5]])}
    values = {name: values[name] for name in shapes}
    value = evaluate(expr, {s: values[s.name] for s in declare(shapes).symbols.values()}, {"n": 3})
    for notation in (MATRIX, INDEX):
        node = read(expr.latex(notation=notation))
        back = as_entries(node, {**values, "n": 3}, "ij"[: value.ndim], value.shape) if notation == INDEX and value.ndim \
            else as_matrix(node, values, value.shape)
        assert np.allclose(back, value, rtol=1e-12), expr.latex(notation=notation)
