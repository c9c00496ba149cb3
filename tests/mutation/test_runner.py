"""The runner of mutants: what it breaks is told by one name each, planted where it says, and listed again from a report."""

from __future__ import annotations

import ast
from pathlib import Path
from types import CodeType

import pytest

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.forked import changed, plant
from tests.mutation.run import GROUPS, Mutant, Mutator, broken, drawn_of, listed, mutants, source_of, sources, try_all

SOURCE = """
def outer(a, b):
    \"\"\"1 < 2\"\"\"
    inner = [x for x in a if x < b]
    return len(inner) + 0
"""


@pytest.mark.parametrize("group", GROUPS)
def test_every_mutant_has_a_name_of_its_own(group: str) -> None:
    keys = [mutant.key for mutant in mutants(group)]
    assert len(keys) == len(set(keys)) > 50
    assert {source_of(mutant.module) for mutant in mutants(group)} <= set(sources(group))


def test_what_is_called_equivalent_is_still_a_mutant() -> None:
    every = {mutant.key for group in GROUPS for mutant in mutants(group)}
    assert not EQUIVALENT.keys() - every, "gone: take them off the list"
    assert all(len(reason) > 15 for reason in EQUIVALENT.values())


def test_one_of_every_function() -> None:
    every = list(mutants("checker"))
    functions = {(mutant.module, mutant.what.partition(": ")[0]) for mutant in every}
    drawn = drawn_of(every, 3, each=True, start=5)
    assert len(drawn) == len(functions) == len({(m.module, m.what.partition(": ")[0]) for m in drawn})
    assert drawn != drawn_of(every, 3, each=True, start=6)
    assert len(drawn_of(every, 3, each=False, start=5)) == 3
    assert drawn_of(every, 0, each=False, start=5) == sorted(every, key=lambda m: (m.module, m.number))


def test_the_places_of_a_source() -> None:
    walked = Mutator(rows=False)
    walked.visit(ast.parse(SOURCE))
    assert [what for _, what in walked.found] == [
        "outer: Lt → LtE: x < b", "outer: 0 → 1 in len(inner) + 0", "outer: Add → Sub: len(inner) + 0"]  # fmt: skip


def test_a_mutant_takes_the_place_of_the_code_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text(SOURCE, encoding="utf-8")
    space: dict[str, object] = {}
    exec(compile(SOURCE, str(path), "exec"), space)
    outer = space["outer"]
    assert callable(outer) and outer([1, 2, 3], 2) == 1

    def code(number: int) -> CodeType:
        made = compile(broken(path, number, False), str(path), "exec")
        assert isinstance(made, CodeType)
        return made

    pairs = list(changed(code(-1), code(0)))
    assert [old.co_name for old, _ in pairs][-2:] == ["outer", "<module>"]  # a comprehension before, up to Python 3.11
    assert list(changed(code(-1), code(-1))) == []
    halves = [compile(f"HALF = ({n}, 2)\ndef f(): return HALF\ndef g(): return 2", "m", "exec") for n in (1, 2)]
    assert [old.co_name for old, _ in changed(halves[0], halves[1])] == ["<module>"]  # functions stay beside each other
    assert plant(pairs[:-1])
    assert outer([1, 2, 3], 2) == 2
    assert not plant(pairs[:-1])


def test_a_report_is_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = [Mutant("m", 0, 7, "f: 1 → 2 in a (line of b)"), Mutant("m", 1, 9, "f: Lt → LtE: a < b")]
    lines = try_all("rules", two, 5, lambda mutant: "survived" if mutant.number == 0 else "killed")
    assert lines[0].startswith("rules: 2 of 5 mutants, 1 killed, 1 survived, ")
    report = tmp_path / "report.txt"
    report.write_text("\n".join(lines), encoding="utf-8")
    assert listed(report) == {"m:f: 1 → 2 in a (line of b)"}
    assert capsys.readouterr().out.splitlines() == [lines[1], lines[0]]
