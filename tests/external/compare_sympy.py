"""Our printed result of each everyday case beside what SymPy's own ``diff`` gives, and whether that is right.

    python -m tests.external.compare_sympy docs/sympy-comparison.md

SymPy's answer is evaluated by NumPy with all sizes different, and compared with ours in SymPy's layout, the variable's
axes first. Its answers are those of the installed version.
"""

from __future__ import annotations

import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sympy

from symderiv.evaluate import evaluate
from tests.cases_table import EVERYDAY, Case
from tests.external.sympy_numbers import Axis, Numbers, Scope
from tests.test_cases import derive, in_sympy, result_of

SIZES = {"n": 2, "o": 3, "m": 4, "h": 5, "p": 6, "q": 7, "r": 8, "d": 9, "v": 10}
PATIENCE = 20
"""seconds that SymPy has for one case"""

SOFT = "el(exp, {0})*(ones(1, {1})*el(exp, {0}))**-1"
LOG_SOFT = "u - log((ones(1, o)*el(exp, u))[0, 0])*ones(o, 1)"
ROWS = "HadamardProduct(el(exp, {0}), HadamardPower(el(exp, {0})*ones({1}, {1}), -1))"
SIGMOID = "el(Lambda(s, 1/(1 + exp(-s))), W*x)"
LOSS = "ones(1, m)*el(Lambda(s, log(1 + exp(s))), X*w) - y.T*X*w"
CENTRED = "(x - ones(n, n)*x/n)"
ATTENTION = ROWS.format("Q*K.T/sqrt(d)", "n") + "*V"
BATCH = "-Trace(Y.T*el(log, " + ROWS.format("X*W", "o") + "))"
PURE: dict[str, tuple[str, ...]] = {name: (text,) for name, text in {
    "f(Wx) by x": "el(f, W*x)", "f(Wx) by W": "el(f, W*x)", "f(Wx), Hessian": "el(f, W*x)",
    "sigmoid(Wx) by x": SIGMOID, "sigmoid(Wx) by W": SIGMOID,
    "relu(Wx) by x": "el(Lambda(s, Max(0, s)), W*x)", "relu(Wx) by W": "el(Lambda(s, Max(0, s)), W*x)",
    "softmax": SOFT.format("u", "o"), "log-softmax": LOG_SOFT,
    "logsumexp, gradient": "log((ones(1, o)*el(exp, u))[0, 0])",
    "logsumexp, Hessian": "log((ones(1, o)*el(exp, u))[0, 0])",
    "cross-entropy, gradient": "-y.T*el(log, " + SOFT.format("u", "o") + ")",
    "cross-entropy, Hessian": "-y.T*el(log, " + SOFT.format("u", "o") + ")",
    "cross-entropy of a distribution, gradient": "-y.T*u + log((ones(1, o)*el(exp, u))[0, 0])*ones(1, 1)",
    "logistic loss of 0 and 1, gradient": LOSS, "logistic loss, Hessian, in three spellings": LOSS,
    "quadratic form of softmax": f"({SOFT.format('x', 'n')}).T*A*{SOFT.format('x', 'n')}",
    "attention by Q": ATTENTION, "attention by K": ATTENTION, "attention by V": ATTENTION,
    "layer norm": f"{CENTRED}*({CENTRED}.T*{CENTRED}/n + Rational(1, 100000)*ones(1, 1))**Rational(-1, 2)",
    "cross-entropy of a batch, gradient": BATCH, "cross-entropy of a batch, Hessian": BATCH,
}.items()}  # fmt: skip
"""spellings in SymPy's own functions, for the cases that the table writes by ours"""
VERDICTS = ("right as a matrix", "right as an array", "left undone", "raises", "no answer", "WRONG")
"""from the best to the worst"""


class SlowError(Exception):
    """SymPy took too long."""


@dataclass
class Named(Scope):
    """A scope in which sizes of one name are one size, as the symbols have them."""

    known: dict[str, Axis] = field(default_factory=dict)

    def axis(self, size: Any) -> Axis:
        return self.known.setdefault(str(size), Axis(fixed=size == 1))


@dataclass
class Compared:
    """A case's two results. ``verdict`` is "right", "right, an array", or says what is wrong."""

    row: Case
    ours: str
    theirs: str
    verdict: str


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise SlowError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# ---------------------------------------------------------------- one case
def printed(row: Case) -> str:
    """Our result of a case's first spelling, as the page prints it."""
    return result_of(derive(row, row.texts[0])).text()


def compare(row: Case) -> Compared:
    """The best that SymPy makes of any spelling; a wrong answer to another spelling is told too."""
    ours = printed(row)
    spelled = [] if row.operator == "gauss_newton" else [*dict.fromkeys([*PURE.get(row.name, ()), *row.sympy])]
    answers = [_answer(row, text) for text in spelled if "sd." not in text]
    if not answers:
        return Compared(row, ours, "—", "can't be written")
    theirs, verdict = min(answers, key=lambda answer: _rank(answer[1]))
    wrong = sum(v.startswith("WRONG") for _, v in answers)
    if wrong and not verdict.startswith("WRONG"):
        verdict += ", but WRONG in another spelling"
    return Compared(row, ours, theirs, verdict)


def _rank(verdict: str) -> int:
    return next((k for k, v in enumerate(VERDICTS) if verdict.startswith(v)), len(VERDICTS))


def _answer(row: Case, text: str) -> tuple[str, str]:
    """(SymPy's answer to one spelling, what it is worth)."""
    try:
        with at_most(PATIENCE):
            answer = _differentiated(row, in_sympy(text, row))
    except SlowError as error:
        return "—", str(error)
    except Exception as error:  # whatever SymPy raises is its answer
        return f"{type(error).__name__}: {str(error)[:80]}", "raises"
    return re.sub(r"\s+", " ", str(answer)), _verdict(row, answer)


def _differentiated(row: Case, given: Any) -> Any:
    symbols = {s.name: s for s in given.atoms(sympy.MatrixSymbol)}
    for name in _variables(row):
        given = given.diff(symbols[name])
    return given


def _variables(row: Case) -> list[str]:
    """The variables in the order in which they are differentiated by."""
    names = row.wrt.split()
    return names * 2 if row.operator == "hessian" and len(names) == 1 else names


def _in_sympys_layout(row: Case, ours: Any) -> Any:
    """The axes of the last variable first, those of the output last."""
    groups, end = [], ours.ndim
    for name in reversed(_variables(row)):
        start = end - len(row.declared[name].split())
        groups.append(range(start, end))
        end = start
    return np.transpose(ours, [*(axis for group in groups for axis in group), *range(end)])


def _verdict(row: Case, answer: Any) -> str:
    if answer.has(sympy.tensor.array.array_derivatives.ArrayDerivative, sympy.Derivative) and not answer.has(sympy.Subs):
        concrete = _concrete(answer)
        if concrete.has(sympy.tensor.array.array_derivatives.ArrayDerivative, sympy.Derivative):
            return "left undone"
        answer = concrete
    rng = np.random.default_rng(0)
    values = {name: rng.uniform(0.3, 1.2, [SIZES[d] for d in shape.split()])
              for name, shape in row.declared.items() if shape != "elementwise"}  # fmt: skip
    if row.name.startswith("logistic loss, Hessian"):
        values["t"] = np.sign(values["t"] - 0.7)
    generic = {name: "lambda s: sin(s)" for name, shape in row.declared.items() if shape == "elementwise"}
    made = derive(row, row.texts[0])
    ours = evaluate(result_of(made.specialize(**generic) if generic else made), values, SIZES)
    scope = Named()
    try:
        tree = scope.tree(_concrete(answer))
        sizes = {axis.root: int(sympy.sympify(name).subs(SIZES)) for name, axis in scope.known.items()}
        sympys = {name: v.reshape([*v.shape, 1]) if v.ndim == 1 else v for name, v in values.items()}
        theirs = np.squeeze(Numbers(scope, sizes, {**SIZES, **sympys}).value(tree))
    except (ValueError, IndexError) as error:
        return f"WRONG: its shapes don't fit ({str(error)[:60]})"
    first = _in_sympys_layout(row, ours)
    kind = "right as a matrix" if isinstance(answer, sympy.MatrixExpr) else "right as an array"
    if first.shape == theirs.shape and np.allclose(first, theirs, rtol=1e-8):
        return kind
    if ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=1e-8):
        return f"{kind}, in the other layout"
    return "WRONG" if theirs.shape == first.shape else f"WRONG: its shape is {theirs.shape} instead of {first.shape}"


def _concrete(answer: Any) -> Any:
    """sin for a generic f, and derivatives of scalar functions taken."""
    if not answer.has(sympy.Function("f")):
        return answer
    return answer.replace(sympy.Function("f"), sympy.sin).replace(
        lambda node: isinstance(node, sympy.Subs | sympy.Derivative), lambda node: node.doit())  # fmt: skip


# ---------------------------------------------------------------- the page
def page() -> str:
    done = [compare(row) for row in EVERYDAY]
    count = Counter(_kind(c.verdict) for c in done)
    wrong = sum("WRONG" in c.verdict for c in done)
    lines = [
        "# The everyday cases, ours and SymPy's",
        "",
        "Each result of ours is replayed, verified and compared with a formula written by hand (`tests/test_cases.py`).",
        f"SymPy's is the best that `diff` of SymPy {sympy.__version__} gives for any spelling of the same expression in SymPy's",
        "own functions, evaluated by NumPy with all sizes different; its layout, the variable's axes first, is converted.",
        "Written by `python -m tests.external.compare_sympy docs/sympy-comparison.md`.",
        "",
        f"Of {len(done)} cases, SymPy has {count['right as a matrix']} right in matrix form, and is silently wrong in {wrong}, in at least",
        "one spelling.",
        "",
        "| SymPy's answer | cases |",
        "|---|--:|",
        *(f"| {verdict} | {n} |" for verdict, n in sorted(count.items(), key=lambda item: (_rank(item[0]), item[0]))),
        "",
        "| case | our result | SymPy's | SymPy's is |",
        "|---|---|---|---|",
        *(f"| {c.row.name} | {cell(c.ours)} | {cell(c.theirs, code=True)} | {cell(c.verdict)} |" for c in done),
    ]
    return "\n".join(lines) + "\n"


def _kind(verdict: str) -> str:
    return next((v for v in VERDICTS if verdict.startswith(v)), verdict)


def cell(text: str, code: bool = False) -> str:
    """A text as a cell of the page's table."""
    text = (text if len(text) < 170 else text[:160].rstrip() + " …").replace("|", "\\|").replace("\n", " ")
    return f"`{text}`" if code and text != "—" else text


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    else:
        print(page())
