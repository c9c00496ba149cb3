"""What is printed means what was derived: results and whole derivations, read back from LaTeX in all three notations."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

import symderiv as sd
from symderiv.draw import draw, draw_sizes
from symderiv.errors import EvaluationError
from symderiv.evaluate import evaluate
from symderiv.frontend.environment import declare
from symderiv.functions.constants import constants, decimal
from symderiv.ir import Name, postorder
from symderiv.render import style
from symderiv.render.letters import output_letters
from symderiv.render.symbols import name_latex
from tests.fuzz.grammar import Program, programs
from tests.latex.lines import WrongLineError, plain, read_lines, rows
from tests.latex.reader import Node, Unread, read
from tests.latex.values import Indices, as_entries, as_matrix

MATRIX, INDEX = "matrix", "index"


def point(program, found):
    """Arrays, sizes, and the result's value there; None where it isn't finite."""
    symbols = list(declare(program.shapes).symbols.values())
    sizes = draw_sizes([found.result, *symbols], 1)
    values = draw(symbols, found.facts, np.random.default_rng(3), sizes, "positive")
    try:
        value = evaluate(found.result, values, sizes)
    except (EvaluationError, np.linalg.LinAlgError):
        return None
    return (values, sizes, value) if np.all(np.isfinite(value)) else None


def as_read(values):
    """The same by the names as they are printed: delta_z1 is read as delta_z_1."""
    return {plain(name_latex(name)): value for name, value in values.items()}


def spelled(latex):
    """Constants of the tables with all their digits, for a reader that doesn't know their names."""
    for name, value in constants().items():
        latex = latex.replace(name_latex(name), str(decimal(value)))
    return latex


def check_result(program, seen):
    """The result's LaTeX, read back, has the result's value."""
    found = sd.derivative(program.text, program.wrt, order=program.order, assume=program.assume, shapes=program.shapes)
    at = point(program, found)
    if at is None:
        return
    values, sizes, value = at
    named = {n.name: evaluate(n, values, sizes) for n in postorder(found.result) if isinstance(n, Name)}
    known = as_read({**sizes, **values, **named})
    letters = "".join(output_letters(len(found.shape), found.result))
    for notation in (MATRIX, INDEX):
        latex = spelled(found.result.latex(notation=notation))
        try:
            node = read(latex, frozenset(n for n in known if "_" in n))
            entries = notation == INDEX or len(found.shape) > 2 or any(kind(node, k) for k in ("at", "delta", "total"))
            with np.errstate(all="ignore"):
                back = as_entries(node, known, letters, value.shape) if entries else as_matrix(node, known, value.shape)
        except Unread as sign:
            seen[f"{notation}, not read"] += 1
            seen[f"not read: {str(sign)[:40]}"] += 1
            continue
        assert np.allclose(back, value, rtol=1e-8, atol=1e-8), f"{program.call()}\n{latex}"
        seen[notation] += 1


def kind(node, wanted):
    return node.kind == wanted or any(kind(part, wanted) for part in node.parts)


def check_lines(program, seen):
    """Each line of the derivation, in matrix and in differential notation, has the value of the line before."""
    found = sd.derivative(program.text, program.wrt, assume=program.assume, shapes=program.shapes)
    at = point(program, found)
    if at is None:
        return
    values, sizes, value = at
    x = np.asarray(values[program.wrt])
    direction = np.random.default_rng(4).normal(size=x.shape)
    forward = np.tensordot(value, direction, x.ndim)
    named = {n.name: evaluate(n, values, sizes) for n in postorder(found.subject) if isinstance(n, Name)}
    for notation in (MATRIX, "differential"):
        latex = spelled(found.latex(notation=notation))
        last = rows(latex)[-1][0]                               # the lemmas' own left sides come before
        ends = {last: value} if last.startswith((r"\nabla", r"\frac{\partial")) else {}
        ends |= {r"\mathrm{d}L": forward, r"\mathrm{d}f": forward}
        try:
            read_lines(latex, as_read({**sizes, **values, **named}) | {f"d{program.wrt}": direction}, ends, seen)
        except WrongLineError as wrong:
            raise AssertionError(f"{program.call()}\n{wrong}") from None


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
    np.testing.assert_allclose(as_matrix(read(r"\mathbf{1}\,x^\top-A"), known, (3, 2)), x - A)
    np.testing.assert_allclose(as_entries(read(r"\sum_k A_{ik}\,x_k+n"), known, "i", (3,)), A @ x + 2)
    np.testing.assert_allclose(as_entries(read(r"\delta_{ij}\,x_j"), known, "ij", (2, 2)), np.diag(x))
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
