"""The tutorial notebook runs from top to bottom, and shows what its stored outputs say."""

from __future__ import annotations

import ast
import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

import symderiv as sd

NOTEBOOK = Path(__file__).parent.parent / "docs" / "tutorial.ipynb"
SHOWN = {"text/latex": "_repr_latex_"}
"""no HTML is stored: JupyterLab and GitHub take MathML and styles out of pages that aren't trusted, and x² would be read as x2"""


def run(source: str, space: dict[str, Any]) -> tuple[str, Any]:
    """(what a cell prints, the value of its last expression)."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(tree, "cell", "exec"), space)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), space) if isinstance(last, ast.Expr) else None
    return out.getvalue(), value


def compared(notebook: dict[str, Any]) -> int:
    """Run the cells in order; how many outputs were as they are stored."""
    space: dict[str, Any] = {}
    same = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        printed, value = run("".join(cell["source"]), space)
        stored = "".join("".join(o["text"]) for o in cell["outputs"] if o["output_type"] == "stream")
        assert printed == stored, cell["id"]
        results = [o["data"] for o in cell["outputs"] if o["output_type"] == "execute_result"]
        assert bool(results) == (value is not None), cell["id"]
        for data in results:
            assert "".join(data["text/plain"]) == (value.text() if isinstance(value, sd.Expr) else repr(value)), cell["id"]
            for kind, method in SHOWN.items():
                assert ("".join(data[kind]) if kind in data else None) == (getattr(value, method)() if hasattr(value, method) else None)
        same += bool(stored) + len(results)
    return same


def test_the_tutorial_shows_what_it_stores() -> None:
    assert compared(json.loads(NOTEBOOK.read_text("utf-8"))) > 8


def test_a_stale_output_is_found() -> None:
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    cell = next(c for c in notebook["cells"] if any(o["output_type"] == "stream" for o in c.get("outputs", ())))
    next(o for o in cell["outputs"] if o["output_type"] == "stream")["text"] = ["True, perhaps\n"]
    with pytest.raises(AssertionError, match=cell["id"]):
        compared(notebook)


def test_what_is_stored_is_shown_rightly_where_it_is_not_trusted() -> None:
    text = NOTEBOOK.read_text("utf-8")
    for unwanted in ("text/html", "<script", "/home/", "/root"):
        assert unwanted not in text


def test_in_a_notebook_steps_fold_without_a_script() -> None:
    shown = sd.jacobian("tanh(W @ h)", "h", W="o n", h="n")._repr_html_()
    assert shown.count("<details") == 2
    assert "<script" not in shown
