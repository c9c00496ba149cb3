"""Jupyter notebooks (nbformat 4.5) with nbgrader's marks.

The lecturer's notebook is a source of nbgrader's: solutions stand between its marks, tests of numeric answers between
the marks of hidden tests, and ``nbgrader generate_assignment`` makes the students' of it. The students' page has no
solutions, so its notebook holds neither: it is what one hands out without nbgrader.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from symderiv.handout.model import SOLVED, Card, Exercise, Figure, Page, Section, Task
from symderiv.handout.svg import STYLE, svg
from symderiv.handout.writers.markdown import MarkdownWriter

EXTENSION = ".ipynb"
LABEL = "notebook"

ANSWER = "*Your answer here.*"
STUB = "# Your code here.\nraise NotImplementedError"
Cell = dict[str, Any]


def write(page: Page) -> str:
    """The page as a notebook: a cell for what stands between exercises, cells to answer in for each of these."""
    return json.dumps(_Notebook(page).notebook(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


class _Notebook:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.cells: list[Cell] = []

    def notebook(self) -> dict[str, Any]:
        page, writer = self.page, _CellWriter(self.page)
        unsolved = replace(page, note=page.note.removesuffix(SOLVED))        # nbgrader keeps this cell when it takes the solutions out
        self.text("\n\n".join([f"# {writer.line(page.title)}", *writer.opening(unsolved)]), writer)
        for section in page.sections:
            self.section(section)
        language = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        return {"cells": self.cells, "metadata": {"kernelspec": kernel, "language_info": language}, "nbformat": 4, "nbformat_minor": 5}

    def section(self, section: Section) -> None:
        """A cell for all that stands before, between and after the exercises of a section."""
        writer = _CellWriter(self.page)
        number = f"{section.number}. " if section.number is not None else ""
        waiting = [f"## {number}{writer.line(section.title)}"]
        for block in section.blocks:
            if isinstance(block, Exercise):
                self.text("\n\n".join(waiting), writer)
                waiting, writer = [], _CellWriter(self.page)
                self.exercise(block)
            elif not (isinstance(block, Card) and block.open_rows == ()):
                waiting.append(writer.block(block))
        if len(waiting) > 1 or any(isinstance(block, Exercise) for block in section.blocks):
            self.text("\n\n".join(filter(None, waiting)), writer)

    def exercise(self, block: Exercise) -> None:
        """The prompt, which is locked; then a cell for the answer, or one for a program and one that tests it."""
        writer = _CellWriter(self.page)
        asked = [writer.exercise_title(block), writer.blocks(block.prompt)]
        asked += writer.hints(block)
        self.text("\n\n".join(filter(None, asked)), writer, self._mark(block, "prompt", locked=True))
        if block.task is not None:
            self.program(block, block.task)
            if block.solution:
                self._solution(block, {})
        else:
            self._solution(block, self._mark(block, "answer", grade=True, solution=True, points=block.points))

    def _solution(self, block: Exercise, mark: dict[str, Any]) -> None:
        writer = _CellWriter(self.page)
        solution = f"**Solution**\n\n{writer.blocks(block.solution)}" if block.solution else ANSWER
        if block.solution and not mark:
            solution = f"### BEGIN SOLUTION\n\n{solution}\n\n### END SOLUTION"
            mark = self._mark(block, "explained", solution=True, grade=True, points=0)
        self.text(solution, writer, mark)

    def program(self, block: Exercise, task: Task) -> None:
        solved = bool(task.expected)
        body = f"### BEGIN SOLUTION\n{task.program}\n### END SOLUTION" if solved else STUB
        self.code(f"import numpy as np\n\n{task.given}\n\n{body}", self._mark(block, "program", solution=True))
        shape = f"{task.shape[0]}," if len(task.shape) == 1 else ", ".join(map(str, task.shape))
        test = f"assert np.shape({task.name}) == ({shape})"
        if solved:
            right = f"np.reshape({list(task.expected)}, ({shape}))"
            test += (
                "\n### BEGIN HIDDEN TESTS\n"
                f"np.testing.assert_allclose({task.name}, {right}, rtol=0, atol={task.tolerance!r})\n### END HIDDEN TESTS"
            )
        self.code(test, self._mark(block, "test", grade=True, locked=True, points=block.points))

    def _mark(self, block: Exercise, part: str, *, grade: bool = False, locked: bool = False, solution: bool = False,
              points: float | None = None) -> dict[str, Any]:  # fmt: skip
        """nbgrader's metadata, schema 3."""
        mark: dict[str, Any] = {"grade": grade, "grade_id": f"{self.page.slug}-{block.target}-{part}", "locked": locked,
                                "schema_version": 3, "solution": solution, "task": False}  # fmt: skip
        if grade:
            mark["points"] = points or 0
        return {"nbgrader": mark}

    # ------------------------------------------------------------ cells
    def text(self, text: str, writer: _CellWriter, metadata: dict[str, Any] | None = None) -> None:
        if text.strip():
            cell = {"cell_type": "markdown", "id": self._id(), "metadata": metadata or {}, "source": _lines(text)}
            self.cells.append(cell | ({"attachments": writer.attachments} if writer.attachments else {}))

    def code(self, text: str, metadata: dict[str, Any]) -> None:
        self.cells.append({"cell_type": "code", "execution_count": None, "id": self._id(), "metadata": metadata, "outputs": [],
                           "source": _lines(text)})  # fmt: skip

    def _id(self) -> str:
        return f"cell-{len(self.cells) + 1}"


class _CellWriter(MarkdownWriter):
    """Markdown of one cell, with its drawings attached; links lead to notebooks."""

    def __init__(self, page: Page) -> None:
        super().__init__(page.slug, EXTENSION)
        self.attachments: dict[str, dict[str, str]] = {}

    def card(self, block: Card) -> str:
        return super().card(block if block.open_rows is None else Card(block.open_rows, block.heading))

    def drawing(self, block: Figure) -> str:
        name = f"figure-{len(self.attachments) + 1}.svg"
        drawn = svg(block.drawing, block.alt, STYLE)
        self.attachments[name] = {"image/svg+xml": base64.b64encode(drawn.encode()).decode()}
        return f"attachment:{name}"


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
