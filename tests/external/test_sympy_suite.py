"""SymPy's own suite of matrix derivatives, as an acceptance test: every value it states is ours as well.

    python -m tests.external.test_sympy_suite docs/sympy-suite.md

writes the page with the counts and with our result beside each assertion.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import sympy

import symderiv as sd
from tests.external.sympy_suite import UNEVALUATED, UNTAKEN, Claim, Outcome, claims, outcome, suite

VERSION = "1.14.0"
COUNTS = {"assertions": 107, "stated": 105, "taken": 105, "equal": 105, "at different sizes": 52,
          "matrices": 87, "in matrix form": 87}  # fmt: skip
LEFT_OUT = {"X.diff(A) == ArrayDerivative(X, A)": UNEVALUATED, "isinstance(deriv, ZeroMatrix)": UNTAKEN}
PAGE = Path(__file__).parents[2] / "docs" / "sympy-suite.md"
installed = pytest.mark.skipif(sympy.__version__ != VERSION, reason=f"the numbers are those of SymPy {VERSION}")


@cache
def outcomes() -> tuple[Outcome, ...]:
    return tuple(outcome(claim) for claim in claims() if not claim.reason)


def counts() -> dict[str, int]:
    """What the walk found."""
    every, done = claims(), outcomes()
    equal = [o for o in done if not o.wrong]
    matrices = [o for o in equal if isinstance(o.claim.stated, sympy.MatrixExpr)]
    return {
        "assertions": len(every),
        "stated": len(every) - sum(bool(c.reason) for c in every),
        "taken": len(done),
        "equal": len(equal),
        "at different sizes": sum(o.sizes > 1 for o in equal),
        "matrices": len(matrices),
        "in matrix form": sum(o.matrix for o in matrices),
    }


def page() -> str:
    """The page of docs/."""
    found = counts()
    rows = [("assertions in its test functions", "assertions"), ("that state a derivative's value", "stated"),
            ("taken through our front end", "taken"), ("where our derivative has that value", "equal"),
            ("of these, tried at more than one size as well", "at different sizes"),
            ("of these, stated as a matrix expression, not as an array", "matrices"),
            ("of these, ours in matrix form as well", "in matrix form")]  # fmt: skip
    lines = [
        "# SymPy's own suite",
        "",
        f"`sympy/matrices/expressions/tests/test_derivatives.py` of SymPy {VERSION}, walked by its syntax tree. Each",
        "value is compared by numbers twice: at one size for all, as SymPy has it, and with the sizes of all symbols",
        "different wherever the expression and the value allow it. SymPy puts the variable's axes first; that is",
        "converted. Written by `python -m tests.external.test_sympy_suite docs/sympy-suite.md`.",
        "",
        "| what | count |",
        "|---|--:|",
        *(f"| {text} | {found[name]} |" for text, name in rows),
        "",
        "Left out:",
        "",
        *(f"- `{c.text}` (line {c.line}): {c.reason}" for c in claims() if c.reason),
        "",
        "| line | what is differentiated | by | sizes | our result |",
        "|--:|---|---|--:|---|",
    ]
    for o in outcomes():
        expr = _cell(str(o.claim.expr))
        lines.append(f"| {o.claim.line} | `{expr}` | {o.claim.by} | {o.sizes} | {_cell(o.wrong or o.shown)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    text = text if len(text) < 160 else text[:150].rstrip() + " …"
    return text.replace("|", "\\|").replace("\n", " ")


# ---------------------------------------------------------------- tests
LINES = [c.line for c in claims() if not c.reason]


@pytest.mark.parametrize("at", range(len(LINES)), ids=lambda at: f"line {LINES[at]}")
def test_what_sympy_states(at: int) -> None:
    done = outcomes()[at]
    assert not done.wrong, f"line {done.claim.line}, {done.claim.text}: {done.wrong}"
    assert done.matrix, f"line {done.claim.line}: SymPy has a matrix form, ours is {done.shown}"


@installed
def test_the_counts() -> None:
    assert counts() == COUNTS
    assert {c.text: c.reason for c in claims() if c.reason} == LEFT_OUT


@installed
def test_the_page_has_these_counts() -> None:
    head = page().split("| line |")[0]
    written = PAGE.read_text(encoding="utf-8")
    assert written.startswith(head), "run: python -m tests.external.test_sympy_suite docs/sympy-suite.md"


def test_no_assertion_is_missed() -> None:
    tree = ast.parse(Path(suite.__file__).read_text(encoding="utf-8"))
    asserts = Counter(
        node.lineno
        for function in tree.body
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_")
        for node in ast.walk(function)
        if isinstance(node, ast.Assert)
    )
    assert asserts == Counter(c.line for c in claims())


@pytest.mark.parametrize(("expr", "form"), [("x.T", "I"), ("HadamardPower(x.T, 2)", "2*DiagMatrix(x)")])
def test_the_derivative_of_a_row_is_a_matrix_in_sympy(expr: str, form: str) -> None:
    claim = _claim(expr)
    assert str(sd.derivative(claim.expr, claim.by).to_sympy()) == form


def _claim(expr: str) -> Claim:
    return next(c for c in claims() if str(c.expr) == expr)


@pytest.mark.parametrize(("expr", "stated"), [
    ("a.T*X*b", "b*a.T"), ("x.T*B*x", "B*x + x"), ("Trace(X**2)", "2*X"), ("Trace(A*X*B)", "B.T*A.T"),
    ("A.T", "AdA"), ("x*x.T*x", "KroneckerProduct(I, x.T*x) + 2.001*x*x.T"),
])  # fmt: skip
def test_a_wrong_value_is_seen(expr: str, stated: str) -> None:
    """Planted faults: a lost transpose, a lost factor, a wrong number, exchanged axes."""
    names = {**vars(suite), "I": sympy.Identity(suite.k), "AdA": _claim("A + B").stated}
    assert outcome(replace(_claim(expr), stated=eval(stated, names))).wrong


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    print("\n".join(f"{name:20} {number:4}" for name, number in counts().items()))
