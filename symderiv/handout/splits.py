"""Gauss–Newton splits on a page: the result with G and R named under it, and the certificate as a tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symderiv.handout.checked import check
from symderiv.handout.model import Block, Check, Table
from symderiv.handout.source import SourceError, Splits
from symderiv.handout.trees import SIGNS, certificate, split_result
from symderiv.handout.values import slices
from symderiv.ir import Expr
from symderiv.present import expr_latex, fact_latex
from symderiv.splits import GaussNewton

_VERDICTS = {**dict.fromkeys(("indefinite", "unknown", "zero"), "not certified"), **dict.fromkeys(("psd", "nsd"), "certified")}
TABLE_TRIALS, LONGEST = 5, 120
NOISE = 1e-12


def split_numbers(split: GaussNewton, values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """G as a matrix, and the smallest eigenvalues of G and of the whole Hessian."""
    found = []
    for letter, part in (("G", split.G), ("H", split.H)):
        array = part.numpy()(**values)
        matrix = slices("", array)[0][1] if array.ndim == 4 else array
        found.append((letter, matrix, float(np.linalg.eigvalsh(matrix).min())))
    small = [(rf"\lambda_{{\min}}({letter})", np.asarray(value if abs(value) > NOISE else 0.0)) for letter, _, value in found]
    return [found[0][:2], *small]


def split_table(item: Splits) -> list[Block]:
    """One row for each loss: the sign of G, what that rests on, and why; where it has none, values of both signs."""
    rows, trials = [], 0
    for title, call, expected in item.rows:
        split = call.run()
        found = split.certificate
        if found.verdict != expected:
            raise SourceError(call.place, f"{title}: the verdict on G is {found.verdict}, not {expected}")
        confirmed = check(split, TABLE_TRIALS)
        if not confirmed.ok:
            raise SourceError(call.place, f"{title}: {confirmed.trouble}")
        trials += confirmed.report.trials
        given = ", ".join(f"${fact_latex(f)}$" for f in split.facts if f.text in found.assumptions) or "none"
        sign = f"$G{SIGNS[found.verdict]}$" if found.verdict in SIGNS else "of both signs" if found.verdict == "indefinite" else "open"
        rows.append((title, f"${_formula_of(split.G.result)}$", given, _VERDICTS[found.verdict], sign, _why(found)))
    head = ("loss", "$G$", "assumed", "verdict", "sign", "because")
    return [Table(head, tuple(rows), stack=True), Check(f"{len(rows)} split{'s' * (len(rows) > 1)}, $H=G+R$ in each · {trials} draws")]


def _formula_of(expr: Expr) -> str:
    return expr_latex(expr) if len(expr_latex(expr)) < LONGEST else r"J_N^\top\,h_L\,J_N"


def _why(found: Any) -> str:
    if found.proof is not None:
        return ", ".join(dict.fromkeys(node.rule for node in found.proof.walk()))
    values = [f"${v:.2f}$" for one in (found.counterexample, found.positive) if one is not None for v in [one.value]]
    return f"$v^\\top G\\,v$ is {' at one point, and '.join(values)} at another" if len(values) > 1 else found.reason


__all__ = ["certificate", "split_numbers", "split_result", "split_table"]
