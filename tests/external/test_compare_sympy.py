"""The page that sets our results beside SymPy's has every case, and its script tells right from wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases_table import EVERYDAY
from tests.external.compare_sympy import cell, compare, printed

PAGE = Path(__file__).parents[2] / "docs" / "sympy-comparison.md"


def test_the_page_has_every_case_and_the_results_of_today() -> None:
    rows = PAGE.read_text(encoding="utf-8").split("| case |")[1].splitlines()[2:]
    found = [tuple(row.removeprefix("| ").split(" | ")[:2]) for row in rows]
    assert found == [(row.name, cell(printed(row))) for row in EVERYDAY], \
        "run: python -m tests.external.compare_sympy docs/sympy-comparison.md"


@pytest.mark.parametrize(("name", "verdict"), [
    ("least squares, gradient", "right as a matrix"),
    ("S⁻¹ by S", "right as an array"),
    ("matrix factorisation, Hessian UV", "right as an array"),
    ("a network by its input", "right as a matrix, in the other layout"),
    ("logsumexp, gradient", "WRONG"),
    ("det, gradient", "left undone"),
    ("a network by its first weights", "raises"),
    ("vec X", "can't be written"),
])  # fmt: skip
def test_the_verdicts(name: str, verdict: str) -> None:
    assert compare(next(row for row in EVERYDAY if row.name == name)).verdict == verdict
