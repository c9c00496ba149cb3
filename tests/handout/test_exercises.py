"""Exercises: the students' files hold no solution, faults are refuted, blanks stay blank, numbers are drawn by a seed."""

from __future__ import annotations

import re
import shutil
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import symderiv as sd
from symderiv.errors import SymderivError, UnknownNameError
from symderiv.handout import formats
from symderiv.handout.blocks import page, pages
from symderiv.handout.build import build
from symderiv.handout.faults import mistakes, planted_fault
from symderiv.handout.model import BLANK, Card, Exercise, Line, Page, Prose, Section, Steps, without_solutions
from symderiv.handout.source import (
    SourceError,
    blanks,
    drawn,
    exercise,
    find_error,
    gradient,
    handout,
    hessian,
    jacobian,
    prose,
    section,
)
from symderiv.handout.writers import html, markdown, tex
from symderiv.verify import check_steps

SECRET = "XQZJW"
SOFTMAX = jacobian("softmax(u)", "u", u="o")
LAYERS = jacobian("W2 @ tanh(W1 @ x)", "x", W1="h n", W2="o h", x="n")
SOURCE = f'''
from symderiv.handout.source import *

softmax = jacobian("softmax(u)", "u", u="o")
sheet = handout("Sheet", section("Part",
    exercise("By hand", "Derive it.", points=3, hint="A hint.", solution=["{SECRET} first.", softmax]),
    exercise("With numbers", points=2, numbers={{"u": [0, 1, 3], "W": [[1, 2]]}}, ask=softmax, name="J",
             solution=prose("{SECRET} third.")),
    exercise("Blanks", blanks(jacobian("tanh(W @ h)", "h", W="o n", h="n"), lines=[4])),
    exercise("Drawn", numbers={{"u": drawn("3")}}, ask="exp(u)", solution="{SECRET}"),
    find_error(hessian("logsumexp(u)", "u", u="o"), seed=2),
), summary="A sheet.")
'''


def one(*items: object, variant: int = 0) -> tuple[Exercise, Exercise]:
    """(the students' copy, the lecturer's) of a sheet's only exercise."""
    student, teacher = pages(handout("A", section("B", *items)), "a", variant)
    (first,), (second,) = student.exercises(), teacher.exercises()
    return first, second


def test_no_solution_is_left_however_deep_its_exercise_stands() -> None:
    deep = Exercise("A", 1, (Exercise("B", 2, (), solution=(Prose(SECRET),)),), hints=((Exercise("C", 3, (), solution=(Prose(SECRET),)),),))
    whole = Page("T", "t", None, (Section("S", (deep,)),))
    assert repr(whole).count(SECRET) == 2 and SECRET not in repr(without_solutions(whole))


@pytest.mark.parametrize("where", ["prompt", "hint", "solution"])
@pytest.mark.parametrize("inner", [exercise("B", "", solution=SECRET), find_error(LAYERS, seed=1)])
def test_an_exercise_in_an_exercise_is_refused(where: str, inner: object) -> None:
    """It would have no number of its own, nor be counted; a wrong line to find may stand in a prompt."""
    parts = {"hint": {"hint": inner}, "solution": {"solution": inner}}.get(where, {})
    asked = exercise("A", "Text.", *([inner] if where == "prompt" else []), **parts)
    if where == "prompt" and not isinstance(inner, type(exercise("A"))):
        assert one(asked)[0].number == 1
    else:
        with pytest.raises(SourceError, match="can stand in it"):
            one(asked)


@pytest.mark.parametrize("points", [-1, float("nan"), float("inf")])
def test_points_are_a_number(points: float) -> None:
    with pytest.raises(SymderivError, match="points"):
        exercise("A", points=points)


def the_steps(blocks: tuple[object, ...]) -> tuple[Line, ...]:
    (steps,) = [block for block in blocks if isinstance(block, Steps)]
    return steps.lines


# ---------------------------------------------------------------- solutions
def texts(folder: Path) -> dict[str, bytes]:
    """The bytes of every file, with what is packed in it unpacked too."""
    found = {}
    for path in folder.iterdir():
        data = path.read_bytes()
        for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
            try:
                data += re.sub(rb"\)-?[\d.]+\(", b"", zlib.decompress(stream))     # letters that are moved together
            except zlib.error:
                continue
        found[path.name] = data
    return found


def test_no_file_for_students_holds_a_solution(tmp_path: Path) -> None:
    source = tmp_path / "01_sheet.py"
    source.write_text(SOURCE, encoding="utf-8")
    wanted = [*formats.names(), *(["pdf"] if shutil.which("pdflatex") else [])]
    (built,) = build([source], tmp_path / "out", wanted, lecturer=tmp_path / "lecturer")
    assert not built.error
    answers = np.asarray(sd.jacobian("softmax(u)", "u", u="o").numpy()(u=[0, 1, 3]))
    digits = f"{answers[2, 2]:.4f}".encode()
    students, teachers = texts(tmp_path / "out"), texts(tmp_path / "lecturer")
    assert students.keys() == teachers.keys()
    for name, data in students.items():
        assert SECRET.encode() not in data, name
        assert digits not in data, name
    for name in ("01-sheet" + formats.get(form).extension for form in formats.names()):
        assert teachers[name].count(SECRET.encode()) == 3 and digits in teachers[name], name
    assert b"<details class=\"solution\">" not in students["01-sheet.html"]
    assert b"<details class=\"solution\">" in teachers["01-sheet.html"]
    assert b"\\begin{solution}" not in students["01-sheet.tex"]
    if "pdf" in wanted:
        assert SECRET.encode() in teachers["01-sheet.pdf"]       # what is packed is seen: a control of the test itself


def test_a_page_without_solutions_keeps_everything_else() -> None:
    student, teacher = pages(handout("A", section("B", exercise("C", "D", points=2, hint="E", solution="F"), prose("G"))), "a")
    assert without_solutions(teacher).sections == student.sections
    assert student.note == "1 exercise · 2 points."
    assert "With solutions" in teacher.note


def test_rules_of_a_solution_stand_on_the_lecturers_card_only() -> None:
    student, teacher = pages(handout("A", section("B", exercise("C", "D", solution=SOFTMAX))), "a")
    assert not list(student.cards())
    assert "fold definition" in {row.name for row in teacher.cards()}
    assert any(isinstance(block, Card) for block in teacher.sections[-1].blocks)


def test_a_sheet_without_exercises_is_the_same_for_both() -> None:
    student, teacher = pages(handout("A", section("B", prose("C"))), "a")
    assert student == teacher and not student.note


# ---------------------------------------------------------------- blanks
@pytest.mark.parametrize("notation", ["matrix", "index", "differential"])
@pytest.mark.parametrize("name", formats.names())
def test_a_blank_formula_is_nowhere_on_the_students_page(notation: str, name: str) -> None:
    item = exercise("A", blanks(SOFTMAX, notation=notation, count=2))
    student, teacher = pages(handout("A", section("B", item)), "a")
    shown = the_steps(next(student.exercises()).prompt)
    whole = the_steps(next(teacher.exercises()).solution)
    hidden = [line.rhs for line, told in zip(whole, shown, strict=True) if told.rhs == BLANK]
    assert len(hidden) == 2
    write = formats.get(name).write
    for formula in hidden:
        line = write(without_solutions(handout_of(formula)))
        assert formula not in write(student)
        assert line  # it can be written: its absence means something


def handout_of(formula: str):
    return page(handout("A", section("B", prose(f"${formula}$"))), "a")


def test_a_blank_rule_is_left_out() -> None:
    student, teacher = one(exercise("A", blanks(LAYERS, what="rule", lines=[3])))
    assert the_steps(student.prompt)[2].why == "…………"
    assert "elementwise chain rule" in the_steps(teacher.solution)[2].why


def test_blanks_are_drawn_by_their_seed_and_variant() -> None:
    def where(seed: int, variant: int) -> list[int]:
        item = exercise("A", blanks(SOFTMAX, notation="index", count=2, seed=seed))
        student, _ = one(item, variant=variant)
        return [n for n, line in enumerate(the_steps(student.prompt)) if line.rhs == BLANK]

    assert where(1, 0) == where(1, 0)
    assert len({tuple(where(seed, variant)) for seed in range(3) for variant in range(3)}) > 2


# ---------------------------------------------------------------- find the error
CASES = [SOFTMAX, LAYERS, hessian("L(N(w))", "w", w="n", N="n -> o", L="o -> "),
         jacobian("x / norm(x)", "x", x="n"), jacobian("f(W @ h)", "h", W="o n", h="n", f="elementwise")]  # fmt: skip


@pytest.mark.parametrize("notation", ["matrix", "index"])
@pytest.mark.parametrize("number", range(len(CASES)))
@pytest.mark.parametrize("seed", range(3))
def test_exactly_one_line_is_wrong_and_it_is_refuted(number: int, notation: str, seed: int) -> None:
    derivation = CASES[number].run()
    found = planted_fault(derivation, notation, "normal", seed)
    assert found.verdict.status == "refuted" and found.verdict.counterexample is not None
    assert found.lines[found.number - 1].rhs != found.right == found.true_lines[found.number - 1].rhs
    wrong = []
    for n, (before, after) in enumerate(pairwise(found.lines), 2):
        if before.chapter == after.chapter and before.state is not after.state and not after.lhs:
            report = check_steps([("step", before.state, after.state)], derivation.facts, 5)
            wrong += [n] if report.verdict == "refuted" else []
    assert wrong in ([found.number], []) and (wrong or found.lines[found.number - 1].lhs or found.lines[found.number - 2].lhs)


def test_the_wrong_line_stands_after_all_that_it_rests_on() -> None:
    net = gradient("z = W @ x; a = tanh(z); u = V @ a; sum((u - y)**2)", "W", W="h n", x="n", V="o h", y="o").run()
    for seed in range(4):
        found = planted_fault(net, "matrix", "normal", seed)
        names = {name for line in found.lines for name in re.findall(r"\\delta_\{?\w\}?", line.lhs)}
        used = {name for line in found.lines for name in re.findall(r"\\delta_\{?\w\}?", line.rhs)}
        assert used and used <= names
        assert len(found.lines) >= 3 < len(found.true_lines)


def test_of_short_steps_the_wrong_line_is_none_of_two_and_its_numbers_are_handy() -> None:
    poisson = gradient("sum(exp(X @ w)) - y @ (X @ w)", "w", X="m n", w="n", y="m").run()
    for seed in range(3):
        found = planted_fault(poisson, "matrix", "normal", seed)
        shown = found.verdict.counterexample
        assert len(found.lines) >= 3 and shown is not None
        assert max(np.abs(shown.left).max(), np.abs(shown.right).max()) < 100


def test_several_hints_have_numbers_and_one_has_none() -> None:
    _, one_hint = one(exercise("A", "B", hint="C"))
    _, two = one(exercise("A", "B", hint=["C", "D"]))
    for writer in (tex, markdown, html):
        page = [writer.write(Page("T", "t", None, (Section("S", (block,)),))) for block in (one_hint, two)]
        assert "Hint 1" not in page[0] and "Hint" in page[0]
        assert page[1].index("Hint 1") < page[1].index("Hint 2")


def test_mistakes_keep_shapes() -> None:
    for call in CASES:
        for step in call.run().steps:
            for new in mistakes(step.after):
                assert len(new.shape) == len(step.after.shape)


def test_the_solution_says_which_line_and_shows_the_counterexample() -> None:
    student, teacher = one(find_error(LAYERS, seed=1))
    assert not student.solution
    text = str(teacher.solution)
    assert re.search(r"Line \d is wrong", text) and "Refuted" in text and "bmatrix" in text


def test_where_no_wrong_line_can_be_made_it_is_said_at_its_line() -> None:
    with pytest.raises(SourceError, match=r"test_exercises.py:\d+: no wrong line"):
        one(find_error(jacobian("W @ h", "h", W="o n", h="n"), detail="brief"))


# ---------------------------------------------------------------- numbers
def test_numbers_are_drawn_by_seed_variant_and_name() -> None:
    one_of = drawn("2 3", low=-1, high=2, step=0.5, seed=3)
    assert one_of.values(0, "W") == one_of.values(0, "W")
    assert one_of.values(0, "W") != one_of.values(1, "W") != one_of.values(0, "V")
    values = np.array([one_of.values(v, "W") for v in range(200)])
    assert values.shape == (200, 2, 3) and values.min() == -1 and values.max() == 2
    assert set(np.unique(values * 2)) <= set(range(-2, 5))
    assert all(len(np.unique(one)) > 1 for one in values)
    assert drawn().values(0, "x") in range(-3, 4)


def test_the_answer_is_that_of_numpy() -> None:
    student, teacher = one(exercise("A", numbers={"u": [0, 1, 3]}, ask=SOFTMAX, name="J", tolerance=1e-4))
    assert student.task is not None and teacher.task is not None
    p = np.exp([0, 1, 3]) / np.exp([0, 1, 3]).sum()
    np.testing.assert_allclose(np.reshape(teacher.task.expected, (3, 3)), np.diag(p) - np.outer(p, p), rtol=1e-11)
    assert student.task.expected == () and student.task.program == "" and student.task.shape == (3, 3)
    assert Prose("Give $J$, each entry to within $10^{-4}$.") in student.prompt


def test_a_text_is_evaluated_too() -> None:
    _, teacher = one(exercise("A", numbers={"W": [[1, 2], [3, 4]], "h": [1, -1]}, ask="W @ h", name="z"))
    assert teacher.task is not None and teacher.task.expected == (-1, -1)


# ---------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: exercise("A", ask="x"), "needs numbers"),
        (lambda: exercise("A", name="a b"), "can't be the name"),
        (lambda: exercise("A", points=-1), "negative"),
        (lambda: drawn("2 x"), "isn't made of sizes"),
        (lambda: drawn("0"), "isn't made of sizes"),
        (lambda: drawn("2", low=1, high=1), "low < high"),
        (lambda: find_error(SOFTMAX, notation="differential"), "differential"),
        (lambda: one(exercise("A", blanks(SOFTMAX, lines=[99]))), "there is no line 99"),
        (lambda: one(exercise("A", blanks(SOFTMAX, count=99))), "can't be left blank"),
        (lambda: one(exercise("A", numbers={"v": [1]}, ask=SOFTMAX)), "'u' has no number"),
        (lambda: one(exercise("A", numbers={"u": [1000]}, ask="exp(u)")), "finite"),
    ],
)
def test_what_can_not_be_asked_is_an_error(make, message: str) -> None:
    with pytest.raises(SymderivError, match=message):
        make()


def test_unknown_words_get_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="formula"):
        blanks(SOFTMAX, what="formulas")
    with pytest.raises(UnknownNameError, match="index"):
        blanks(SOFTMAX, notation="indx")
