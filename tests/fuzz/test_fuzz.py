"""A short run of the fuzzer, and faults that it has to find: in a rule, in the generated code, in the text's reading."""

from __future__ import annotations

import numpy as np
import pytest

import symderiv as sd
from symderiv import evaluate as evaluation
from symderiv.rules import RULES
from tests.fuzz import checks
from tests.fuzz.asks import Ask, check_ask
from tests.fuzz.checks import Tally, WrongError, check
from tests.fuzz.grammar import FACTS, KINKED, SMOOTH, SYMBOLS, Program
from tests.fuzz.namespace import numpy_space
from tests.fuzz.run import report, run, silent_rules
from tests.oracles import FAULTS, broken, off


def test_a_short_run_finds_nothing():
    tally, failures = run(120, start=20, minutes=30, depth=3, order=2, say=lambda text: None)
    assert failures == []
    assert tally.programs >= 100
    assert tally.verdicts["checked"] > 0.8 * tally.programs
    assert {verdict for verdict in tally.verdicts if "matching" not in verdict} <= {"checked", "unknown"}
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
    assert silent_rules(Tally()) == sorted(RULES)


# ---------------------------------------------------------------- what it found
FOUND = [
    # a difference of names that cancels once they are opened had no term to take its sign from
    Program("((log(exp((A.T)) * exp((A.T))) @ u) @ (x / (1 + (sigmoid((c)) * ((c) - softplus((c))))**2)))",
            {"x": "n", "u": "m", "c": "", "A": "m n"}, (), "A", 2),
    Program("logsumexp(T)", {"T": "n m k"}, (), "T", 1),                 # a total sum without a matrix form was compacted for ever
]


ASKED = [
    # the parts of a split by themselves were written as nothing at all
    Ask("gauss_newton", ("u = v + A @ x; sum((u - v)**2)/2", "x"), {"at": "u", "shapes": {"x": "n", "v": "m", "A": "m n"}}),
    # identities of random targets failed in the differential notation
    Ask("fisher", ("u = v + A @ x; -target @ log_softmax(u)", "x"),
        {"at": "u", "family": "categorical", "target": "target", "shapes": {"x": "n", "v": "m", "A": "m n", "target": "m"}}),
]  # fmt: skip


@pytest.mark.parametrize("ask", ASKED, ids=lambda ask: ask.function)
def test_what_was_asked_stays_mended_in_every_notation(ask):
    check_ask(ask, Tally())
    for part in ask().parts:
        for notation in ("matrix", "index", "differential"):
            assert part.text(notation=notation).strip()
            assert "&=" in part.latex(notation=notation)


@pytest.mark.parametrize("function", ["gauss_newton", "matching"])
def test_a_wrong_answer_to_a_question_is_found(function):
    ask = ASKED[0] if function == "gauss_newton" else Ask("matching", ("tanh(u)", "sum((p - y)**2)/2"), {
        "input": "u", "output": "p", "target": "y", "assume": [], "u": "o", "y": "o"})  # fmt: skip
    check_ask(ask, Tally())
    with broken("differentiate_variable", off), pytest.raises((WrongError, AssertionError)):
        check_ask(ask, Tally())


@pytest.mark.parametrize("program", FOUND, ids=lambda program: program.text)
def test_what_was_found_stays_mended(program):
    check(program, Tally())


def test_indices_beyond_the_alphabet():
    found = sd.derivative("einsum('ab,ab->" + "ab" * 20 + "', X, X)", "X", X="m n")
    assert len(found.shape) == 42
    assert r"i_{1}" in found.latex(notation="index")
    assert found.text(notation="index").strip()
