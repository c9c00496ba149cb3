"""Identities and tables on a page; what each row says is derived, proved or checked when the page is built."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

import symderiv
from symderiv.api import prove
from symderiv.derive import Derivation
from symderiv.frontend.inputs import to_expr
from symderiv.functions import SCALAR
from symderiv.functions.rows import ScalarFunction
from symderiv.handout.checked import SEED, TRIALS
from symderiv.handout.formula import width
from symderiv.handout.given import program, space
from symderiv.handout.model import Block, Check, Example, Line, Steps, Table
from symderiv.handout.source import Functions, Identity, Maps, Models, SourceError
from symderiv.handout.values import array_latex, arrays, error_latex, numbers_given
from symderiv.ir import Expr, free_symbols
from symderiv.present import expr_latex
from symderiv.render.apart import beside
from symderiv.render.index import index_latex
from symderiv.render.letters import output_letters
from symderiv.render.matrix import matrix_latex, shape_latex
from symderiv.render.notation import DEFAULT
from symderiv.render.symbols import name_latex
from symderiv.verify import same_value

MODEL_TRIALS = 6

__all__ = ["functions", "identity", "maps", "models"]


# ---------------------------------------------------------------- generalised linear models
def models(item: Models) -> list[Block]:
    """A row for each family and link: the mean, the Fisher term, θ″, and whether the link is canonical."""
    rows = []
    for family, link in item.rows:
        found = symderiv.glm(family, link)
        if found.status == "refuted" or not found.verify(MODEL_TRIALS):
            raise SourceError(item.place, f"{family} with {link}: {found.summary()}")
        shown = (f"${expr_latex(e)}$" for e in (found.mean, found.fisher, found.residual))
        title = f"{family.replace('_', ' ')}, {link.replace('_', ' ')}"
        rows.append((title, *shown, "canonical" if found.canonical else "", found.status))
    head = ("family, link", r"$\mu(\eta)$", r"$\mu'^2/V$", r"$\theta''$", "", "$L''$")
    return [Table(head, tuple(rows), stack=True), Check(f"{len(rows)} models, $L''$ derived in each · {MODEL_TRIALS} draws each")]


# ---------------------------------------------------------------- identities
def identity(item: Identity) -> list[Block]:
    """Both sides, what their texts name, what is known of their equality, and a small example."""
    verdict = prove(item.left, item.right, **item.options)
    if not verdict:
        raise SourceError(item.place, f"'{item.left}' and '{item.right}': {verdict.status}, {verdict.reason}")
    with beside(verdict.lhs, verdict.rhs):
        return _identity(item, verdict)


def _identity(item: Identity, verdict: Any) -> list[Block]:
    left, right = (side_latex(e, form) for e, form in zip((verdict.lhs, verdict.rhs), item.forms, strict=True))
    if left == right:
        raise SourceError(item.place, f"both sides are printed as {left}; name a part of one, as in \"C = A @ B; ...\"")
    names = dict.fromkeys([*program(verdict.lhs), *program(verdict.rhs)])
    lets = [Line(name_latex(n.name), side_latex(n.body, "matrix"), "let", shape=shape_latex(n.shape)) for n in names]
    blocks: list[Block] = [Steps("", (*lets, Line(left, right, item.why, shape=shape_latex(verdict.lhs.shape))))]
    if item.numbers:
        blocks.append(_example(item, verdict, left))
    return [*blocks, known(item, verdict)]


def side_latex(expr: Expr, form: str) -> str:
    r"""One side: "matrix", "index" (an array of its entries), or "trace" (inner products as traces)."""
    if form == "trace":
        return matrix_latex(expr, replace(DEFAULT, frobenius="trace"))
    if form == "index" or len(expr.shape) > 2:
        return entries_latex(expr, "Big")
    return expr_latex(expr)


def entries_latex(expr: Expr, size: str) -> str:
    r"""An array by its entries, in brackets of a size, at the letters that they have.

    >>> entries_latex(symderiv.parse("W_i @ V", W_i="m n", V="n p"), "big")
    '\\bigl[\\,\\sum_l(W_i)_{jl}\\,V_{lk}\\,\\bigr]_{jk}'
    """
    letters = output_letters(len(expr.shape), expr)
    text = index_latex(expr, letters)[0]
    return rf"\{size}l[\,{text}\,\{size}r]_{{{''.join(letters)}}}" if letters else text


def known(item: Identity, verdict: Any) -> Check:
    """How the equality is known, with the texts that were compared; what is proved is evaluated too."""
    facts = to_expr(item.left, {k: v for k, v in item.options.items() if k != "assume"}, item.options.get("assume"))[2]
    seen = same_value(verdict.lhs, verdict.rhs, facts, TRIALS, SEED)
    if not seen:
        raise SourceError(item.place, f"'{item.left}' and '{item.right}': {seen.summary()}")
    needed = f", given {', '.join(f'`{a}`' for a in verdict.assumptions)}" if verdict.assumptions else ""
    texts = f"`{item.left}` is `{item.right}`"
    how = f"both are one expression{needed}" if verdict.lhs is verdict.rhs else f"{verdict.reason}{needed}"
    if verdict.lhs is not verdict.rhs:
        how += f" · {seen.trials} draws · worst relative error ${error_latex(seen.worst)}$"
    return Check(f"{texts}: {how}", word=verdict.status.capitalize())


def _example(item: Identity, verdict: Any, left: str) -> Example:
    values = arrays(item.numbers)
    one, other = (e.numpy()(**{s.name: values[s.name] for s in free_symbols(e) if s.kind == "variable"})
                  for e in (verdict.lhs, verdict.rhs))  # fmt: skip
    if not np.allclose(one, other, rtol=1e-12, atol=1e-12):
        raise SourceError(item.place, "the two sides differ on the numbers given")
    return Example((*numbers_given(item.numbers), rf"\Longrightarrow\quad {left}={array_latex(one)}"), "With numbers")


# ---------------------------------------------------------------- maps
def maps(item: Maps) -> list[Block]:
    """Expressions as maps of one of their symbols: from its space to that of their values."""
    rows = []
    for title, text, of in item.rows:
        value, environment, _ = to_expr(text, _mentioned(item, text))
        x = environment.symbols[of]
        arrow = rf"${name_latex(of)}\in{space(x.shape)}\;\mapsto\;{space(value.shape)}$"
        rows.append((title, f"${expr_latex(value)}$" if len(expr_latex(value)) < 60 else f"`{text}`", arrow))
    return [Table(("module", "value", "as a map"), tuple(rows), stack=True)]


def _mentioned(item: Maps, text: str) -> dict[str, object]:
    words = set(re.findall(r"\w+", text))
    return {k: v for k, v in item.shapes.items() if k in words}


# ---------------------------------------------------------------- functions
WIDEST = 14.0
"""in em: a wider definition is shown as text, a wider derivative as the row's note"""


def functions(item: Functions) -> list[Block]:
    """A row for each function f: its definition, f', where it has a kink; and the text's Jacobian with f in it, checked."""
    rows, worst, trials = [], 0.0, TRIALS
    for name in item.names:
        row = SCALAR[name]
        given = {k: v for k, v in item.shapes.items() if k != "f"}
        whole = symderiv.jacobian(re.sub(r"\bf\(", f"{name}(", item.text), item.wrt, **given)
        slope = symderiv.derivative(f"{name}(x)", "x", x="")
        for derivation in (whole, slope):
            report = derivation.verify(trials=TRIALS, seed=SEED)
            if not (report and derivation.replay() is derivation.result):
                raise SourceError(item.place, f"{name}: {report.summary()}")
            worst, trials = max(worst, report.worst), min(trials, report.trials)
        rows.append((f"${row.tex('x')}$", _definition(row), f"${_slope(row, slope, item)}${_kinks(row)}"))
    text = (f"{len(rows)} derivatives and {len(rows)} Jacobians derived · {trials} draws each · seed {SEED} · "
            f"worst relative error ${error_latex(worst)}$")  # fmt: skip
    head = ("$f(x)$", "definition", "$f'(x)$")
    return [Table(head, tuple(rows), stack=True), Check(text)]


def _text_latex(text: str, row: ScalarFunction) -> str:
    expr = symderiv.parse(text, shapes=_scalars(row))
    return lettered(matrix_latex(expr), row)


def _scalars(row: ScalarFunction) -> dict[str, str]:
    return {"x": "", **{name: "" for name, _ in row.params}}


def lettered(latex: str, row: ScalarFunction) -> str:
    """Parameters with long names by their letters."""
    for name, _ in row.params:
        latex = latex.replace(name_latex(name), _LETTERS.get(name, name_latex(name)))
    return latex


_LETTERS = {"slope": "s", "scale": r"\lambda", "lambd": r"\lambda"}


def _definition(row: ScalarFunction) -> str:
    """The definition as a formula, where there is one that isn't long."""
    if row.definition is None:
        return "elementary"
    latex = _text_latex(row.definition, row)
    return f"${latex}$" if width(latex) <= 1.1 * WIDEST else f"`{row.definition}`"


def _slope(row: ScalarFunction, derived: Derivation, item: Functions) -> str:
    """f' as it was derived; with parameters as letters in the row's form, which is compared with what was derived."""
    latex = matrix_latex(derived.result)
    if not row.params and width(latex) <= WIDEST:
        return latex
    stated = symderiv.parse(row.derivative, shapes=_scalars(row))
    points = np.linspace(-4.0, 4.0, 37) + 0.01
    values = {name: float(value) for name, value in row.params}
    known = {s.name for s in free_symbols(stated)}
    row_says, engine_says = stated.numpy(), derived.numpy()
    for x in points:
        given = {k: v for k, v in {"x": x, **values}.items() if k in known}
        if abs(float(row_says(**given)) - float(engine_says(x=x))) > 1e-12:
            raise SourceError(item.place, f"{row.name}: the row's derivative isn't the one derived, at {x}")
    latex = lettered(matrix_latex(stated), row)
    return latex if width(latex) <= 1.3 * WIDEST else row.derivative_note


def _kinks(row: ScalarFunction) -> str:
    """Where there is no derivative, if anywhere."""
    points = ",\\ ".join(_text_latex(kink, row) for kink in row.kinks)
    return f" for $x\\ne {points}$" if points else ""
