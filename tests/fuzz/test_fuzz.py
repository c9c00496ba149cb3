"""A short run of the fuzzer, and faults that it has to find: in a rule, in the generated code, in the text's reading."""

from __future__ import annotations

import numpy as np
import pytest

import symderiv as sd
from symderiv import evaluate as evaluation
from symderiv.rules import RULES
from tests.fuzz import checks
from tests.fuzz.checks import Tally, WrongError, check
from tests.fuzz.grammar import FACTS, KINKED, SMOOTH, SYMBOLS, Program
from tests.fuzz.namespace import numpy_space
from tests.fuzz.run import ELSEWHERE, report, run
from tests.oracles import FAULTS, broken


def test_a_short_run_finds_nothing():
    tally, failures = run(120, start=20, minutes=30, depth=3, order=2, say=lambda text: None)
    assert failures == []
    assert tally.programs >= 100
    assert tally.verdicts["checked"] > 0.85 * tally.programs
    assert set(tally.verdicts) <= {"checked", "unknown"}
    assert {"text, by NumPy", "generated code", "SymPy's matrices", "index notation"} <= set(tally.checks)
    assert "0 failures" in report(tally, failures, 1.0, 1.0)


@pytest.mark.parametrize("rule", ["elementwise_chain_rule", "linearity", "product_rule", "fold_softmax"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_broken_rule_is_found(rule, fault):
    program = Program("sum(exp(A @ (x * x)) / sum(exp(A @ (x * x))) * v)", {"A": "m n", "x": "n", "v": "m"}, (), "x", 2)
    check(program, Tally())
    with broken(rule, fault), pytest.raises((WrongError, AssertionError)):
        check(program, Tally())


def test_broken_code_and_a_broken_reading_are_found(monkeypatch):
    program = Program("tanh(A @ x)", {"A": "m n", "x": "n"}, (), "x", 1)
    real = numpy_space()["tanh"]
    monkeypatch.setattr("tests.fuzz.namespace.numpy_space", lambda: {**numpy_space(), "tanh": lambda x: real(x) + 1e-6})
    with pytest.raises(WrongError, match="text, by NumPy"):
        check(program, Tally())
    monkeypatch.undo()
    monkeypatch.setattr(checks, "evaluate", lambda *given: evaluation.evaluate(*given) * np.float64(1 + 1e-6))
    with pytest.raises(WrongError):
        check(program, Tally())


def test_a_program_is_told_as_a_call_that_can_be_pasted():
    program = Program("z1 = x * s\nsum(z1)", {"x": "n", "s": "n"}, ("s**2 == 1",), "x", 2)
    assert program.call() == "sd.derivative('z1 = x * s\\nsum(z1)', 'x', order=2, assume=['s**2 == 1'], x='n', s='n')"


def test_the_grammar_knows_its_symbols_and_functions():
    assert set(FACTS) <= set(SYMBOLS)
    assert set(SMOOTH + KINKED) <= set(numpy_space())
    assert set(ELSEWHERE) <= set(RULES)


# ---------------------------------------------------------------- what it found
FOUND = [
    Program("logsumexp(T)", {"T": "n m k"}, (), "T", 1),                 # a total sum without a matrix form was compacted for ever
]


@pytest.mark.parametrize("program", FOUND, ids=lambda program: program.text)
def test_what_was_found_stays_mended(program):
    check(program, Tally())


def test_indices_beyond_the_alphabet():
    found = sd.derivative("einsum('ab,ab->" + "ab" * 20 + "', X, X)", "X", X="m n")
    assert len(found.shape) == 42
    assert r"i_{1}" in found.latex(notation="index")
    assert found.text(notation="index").strip()
