"""Slides, notebooks and MyST: that their own tools take them, and what each has of its own."""

from __future__ import annotations

import base64
import re
import shutil
import zlib
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from handout_sample import PAGE
from test_writers import EVERYTHING

from symderiv.handout import formats
from symderiv.handout.blocks import pages
from symderiv.handout.build import build
from symderiv.handout.model import Exercise, Line, Page, Prose, Result, Section, Steps
from symderiv.handout.pdf import pdf
from symderiv.handout.source import exercise, find_error, graph, handout, hessian, jacobian, prose, section
from symderiv.handout.writers import myst, notebook, slides

needs_latex = pytest.mark.skipif(shutil.which("kpsewhich") is None, reason="LaTeX isn't installed")
SOFTMAX = jacobian("softmax(u)", "u", u="o")
SHEET = handout("Sheet", section("First", prose("Words."), graph("tanh(W @ x)", W="o n", x="n")), section("Second",
    prose("See [the first](#s1), [another sheet](hessian#s2)."),
    exercise("By hand", "Derive it.", points=3, hint="A hint.", solution=["It is so.", SOFTMAX]),
    exercise("A number", points=2, numbers={"u": [0, 1, 3]}, ask=SOFTMAX, name="J", tolerance=1e-4, solution="The rows sum to 0."),
    find_error(hessian("logsumexp(u)", "u", u="o"), seed=2),
))  # fmt: skip
STUDENT, TEACHER = pages(SHEET, "sheet")


# ---------------------------------------------------------------- slides
@needs_latex
@pytest.mark.parametrize("page", [PAGE, EVERYTHING, TEACHER], ids=["derivations", "everything", "exercises"])
def test_slides_compile_without_a_warning(page: Page, tmp_path: Path) -> None:
    report = pdf(slides.write(page), tmp_path / "slides.pdf")
    assert report.warnings == () and report.path is not None


@needs_latex
def test_each_step_appears_on_a_slide_of_its_own(tmp_path: Path) -> None:
    told = next(TEACHER.exercises())
    (steps,) = [block for block in told.solution if isinstance(block, Steps)]
    page = Page("T", "t", None, (Section("S", (steps,)),))
    report = pdf(slides.write(page), tmp_path / "slides.pdf")
    assert report.path is not None
    assert len(re.findall(rb"/Type\s*/Page\b", _unpacked(report.path))) == 1 + len(steps.lines) > 4


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    found = data
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        try:
            found += zlib.decompress(stream)
        except zlib.error:
            continue
    return found


def test_a_solution_begins_on_a_slide_of_its_own() -> None:
    frames = slides.write(TEACHER).split("\\begin{frame}")
    asked = [frame for frame in frames if "Exactly one of these lines" in frame]
    assert len(asked) == 1 and "is wrong" not in asked[0] and "Exercise 3" in asked[0]
    assert any("Solution of exercise 3" in frame and "is wrong" in frame for frame in frames)
    assert "Solution of" not in slides.write(STUDENT)


def test_long_steps_go_on_from_the_line_where_they_broke() -> None:
    lines = tuple(Line("" if n else "J", f"x_{{{n}}}", "a rule") for n in range(30))
    parts = list(slides._parted(Steps("Long", lines)))
    assert len(parts) > 1
    shown = [line.rhs for part in parts for line in part.lines]
    assert list(dict.fromkeys(shown)) == [line.rhs for line in lines]
    for before, after in pairwise(parts):
        assert after.lines[0].rhs == before.lines[-1].rhs and after.lines[0].lhs == "J"


# ---------------------------------------------------------------- notebooks
@pytest.mark.parametrize("page", [PAGE, EVERYTHING, STUDENT, TEACHER], ids=["derivations", "everything", "student", "teacher"])
def test_notebooks_are_valid_and_name_each_cell_once(page: Page) -> None:
    read = nbformat.reads(notebook.write(page), as_version=4)
    nbformat.validate(read, relax_add_props=False)
    ids = [cell.id for cell in read.cells]
    marks = [cell.metadata.nbgrader.grade_id for cell in read.cells if "nbgrader" in cell.metadata]
    assert len(set(ids)) == len(ids) and len(set(marks)) == len(marks)


def test_the_lecturers_notebook_is_what_nbgrader_makes_the_students_of() -> None:
    read = nbformat.reads(notebook.write(TEACHER), as_version=4)
    marked = {cell.metadata.nbgrader.grade_id: cell for cell in read.cells if "nbgrader" in cell.metadata}
    assert {name: (c.metadata.nbgrader.grade, c.metadata.nbgrader.locked, c.metadata.nbgrader.solution) for name, c in marked.items()} == {
        "sheet-ex1-prompt": (False, True, False), "sheet-ex1-answer": (True, False, True),
        "sheet-ex2-prompt": (False, True, False), "sheet-ex2-program": (False, False, True),
        "sheet-ex2-test": (True, True, False), "sheet-ex2-explained": (True, False, True),
        "sheet-ex3-prompt": (False, True, False), "sheet-ex3-answer": (True, False, True),
    }  # fmt: skip
    assert marked["sheet-ex1-answer"].metadata.nbgrader.points == 3
    assert sum(c.metadata.nbgrader.get("points", 0) for c in marked.values()) == 5
    assert "### BEGIN SOLUTION" in marked["sheet-ex2-program"].source
    assert "### BEGIN HIDDEN TESTS" in marked["sheet-ex2-test"].source


def test_what_nbgrader_leaves_for_students_holds_no_solution() -> None:
    read = nbformat.reads(notebook.write(TEACHER), as_version=4)
    left = "\n".join(re.sub(r"### BEGIN (\w+).*?### END \1", "", cell.source, flags=re.DOTALL)
                     for cell in read.cells if not (cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "markdown"))
    student = "\n".join(cell.source for cell in nbformat.reads(notebook.write(STUDENT), as_version=4).cells)
    assert "With solutions" not in left and "fold definition" in notebook.write(TEACHER)
    for text in ("It is so", "is wrong", "The rows sum", "0.1318"):
        assert text not in left and text in notebook.write(TEACHER)
    assert set(re.findall(r"^\| \*(.*?)\* \|", left, re.MULTILINE)) == set(re.findall(r"^\| \*(.*?)\* \|", student, re.MULTILINE))


def test_the_lecturers_program_passes_its_own_test_and_a_wrong_one_fails() -> None:
    read = nbformat.reads(notebook.write(TEACHER), as_version=4)
    program, check = [cell.source for cell in read.cells if cell.cell_type == "code"]
    space: dict[str, object] = {}
    exec(program, space)
    exec(check, space)
    space["J"] = space["J"] + 2e-4
    with pytest.raises(AssertionError):
        exec(check, space)


def test_the_students_notebook_asks_and_does_not_answer() -> None:
    written = notebook.write(STUDENT)
    assert "SOLUTION" not in written and "HIDDEN" not in written and "allclose" not in written
    assert written.count("raise NotImplementedError") == 1 and written.count("*Your answer here.*") == 2


def test_drawings_are_attached_to_their_cell() -> None:
    read = nbformat.reads(notebook.write(STUDENT), as_version=4)
    (cell,) = [cell for cell in read.cells if "attachments" in cell]
    (name, data), = cell.attachments.items()
    assert f"(attachment:{name})" in cell.source
    assert base64.b64decode(data["image/svg+xml"]).startswith(b"<svg")


# ---------------------------------------------------------------- MyST
def test_myst_has_directives_and_labels() -> None:
    student, teacher = myst.write(STUDENT), myst.write(TEACHER)
    assert "::::{exercise} By hand (3 points)\n:label: sheet-ex1\n" in student
    assert "::::{solution} sheet-ex1\n:class: dropdown\n" in teacher and "{solution}" not in student
    assert ":::{dropdown} Hint\nA hint.\n:::" in student
    assert "[the first](#sheet-s1)" in student and "(sheet-s1)=\n" in student and "[another sheet](#hessian-s2)" in student
    assert ":::{figure} sheet-1.svg\n" in student and list(myst.files(STUDENT)) == ["sheet-1.svg"]


def test_fences_of_myst_close() -> None:
    for page in (TEACHER, EVERYTHING):
        depth: list[str] = []
        for line in myst.write(page).splitlines():
            found = re.match(r"(:{3,})(\{|$)", line)
            if found and found[2]:
                depth.append(found[1])
            elif found:
                assert depth.pop() == found[1]
        assert not depth


# ---------------------------------------------------------------- all together
def test_a_build_in_every_format_writes_the_drawings_too(tmp_path: Path) -> None:
    source = tmp_path / "01_sheet.py"
    source.write_text("from symderiv.handout.source import *\n"
                      'sheet = handout("A", section("B", graph("tanh(W @ x)", W="o n", x="n")))\n', encoding="utf-8")  # fmt: skip
    (built,) = build([source], tmp_path / "out", [*formats.names()])
    assert not built.error
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "01-sheet.md", "01-sheet.myst.md", "01-sheet-1.svg", "01-sheet.ipynb", "01-sheet.slides.tex", "01-sheet.txt"}  # fmt: skip
    assert "](01-sheet-1.svg)" in (tmp_path / "out" / "01-sheet.md").read_text(encoding="utf-8")


def test_prose_of_a_solution_in_a_notebook_stays_in_its_cell() -> None:
    page = Page("T", "t", None, (Section("S", (Exercise("A", 1, (), solution=(Prose("Hidden"), Result(("a",)))), Prose("After")), 1),))
    cells = nbformat.reads(notebook.write(page), as_version=4).cells
    (found,) = [cell for cell in cells if "Hidden" in cell.source]
    assert found.metadata.nbgrader.solution and "After" not in found.source
