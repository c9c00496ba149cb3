"""Modules and losses on a page: does ∇_u L = A·N + b hold with A and b free of u?"""

from __future__ import annotations

import re

from symderiv.api import parse
from symderiv.derive import derivative
from symderiv.errors import NoMatchingLossError
from symderiv.handout.affine import affine, as_derivation, matching_verdict
from symderiv.handout.calls import Call
from symderiv.handout.card import Context
from symderiv.handout.checked import check
from symderiv.handout.formula import width
from symderiv.handout.given import sought, symbols
from symderiv.handout.model import Block, Check, Code, Prose, Result, Table, escape
from symderiv.handout.source import Losses, Pair, Pairs, SourceError
from symderiv.handout.told import lines_of, steps
from symderiv.present import expr_latex, fact_latex
from symderiv.render.matrix import matrix_latex

WIDEST = 17.0
"""in em: a wider Hessian isn't put into the table"""


def pair(item: Pair, context: Context) -> list[Block]:
    """One pair: the gradient by the module's input in three notations, and what it is in the module's output."""
    found = item.call.run()
    derivation = as_derivation(found)
    confirmed = check(derivation)
    if not confirmed.ok:
        raise SourceError(item.call.place, f"the derivation isn't confirmed: {confirmed.trouble}")
    blocks: list[Block] = [Prose(sought(derivation)), symbols(derivation.subject, derivation.wrt, item.meaning)]
    for form in ("brief", "index", "matrix", "differential", "full"):
        lines = lines_of(derivation, form)
        context.name(lines)
        blocks.append(steps(lines, form))
    context.fire(derivation.steps)
    blocks += [Result((affine(found),)), *matching_verdict(found)]
    return [*blocks, Check(confirmed.text()), Code("The call", item.call.code())]


def pairs(item: Pairs) -> list[Block]:
    """The table of pairs: what each needs, A, b, the remainder, and whether it matches."""
    rows, replayed = [], 0
    for title, call, expected in item.rows:
        found = call.run()
        if found.matches is not expected:
            raise SourceError(call.place, f"{title}: it {found.verdict} ({found.reason})")
        derivation = as_derivation(found)
        confirmed = check(derivation)
        if not confirmed.ok:
            raise SourceError(call.place, f"{title}: {confirmed.trouble}")
        replayed += confirmed.steps
        facts = {f.text: f for f in found.proof.context.facts}
        needs = ", ".join(f"${fact_latex(facts[text])}$" for text in found.needs) or "none"
        cells = [f"${matrix_latex(e)}$" if e is not None else "" for e in (found.A, found.b, found.remainder)]
        rows.append((title, needs, *cells, "yes" if found.matches else "no"))
    head = ("pair", "needs", "$A$", "$b$", "remainder", "matches")
    return [Table(head, tuple(rows), stack=True), Check(f"{len(rows)} pairs · {replayed} steps replayed")]


def losses(item: Losses) -> list[Block]:
    """The table of modules: the loss that matches each, the Hessian in u, and whether it is convex."""
    rows, words = [], []
    for title, call, expected in item.rows:
        if expected == "none":
            module, reason = _refused(title, call)
            rows.append((f"{title}: ${module}$", f"none: {reason}", "", ""))
            continue
        found = call.run()
        if found.convex != expected:
            raise SourceError(call.place, f"{title}: the loss is {found.convex}")
        slope = derivative(found.module, [found.input], found.proof.context.facts, 1, "jacobian")
        confirmed = check(slope)
        if not confirmed.ok:
            raise SourceError(call.place, f"{title}: {confirmed.trouble}")
        hessian = expr_latex(slope.result)
        shown = f"${hessian}$" if width(hessian) < WIDEST else "$J_M$"
        rows.append((f"{title}: ${expr_latex(found.module)}$", f"${expr_latex(found.loss)}$", shown, found.convex))
        words.append(found.status)
    head = ("module $M(u)$", "$L(u,y)$", r"$\nabla^2_uL=J_M$", "")
    several = len(words) > 1
    count = f"{len(words)} loss{'es, each' if several else ','} differentiated again: $M-y$ proved in {words.count('proved')}"
    points = f", checked at points in {words.count('checked')}" if "checked" in words else ""
    return [Table(head, tuple(rows), stack=True), Check(count + points, word="Checked" if points else "Proved")]


def _reason(message: str) -> str:
    """The two entries that differ, with minus signs."""
    return re.sub(r"(?<!\w)-(?=\d)", "−", re.sub(r"^.* isn't symmetric, | at \w+ = .*$", "", message))


def _refused(title: str, call: Call) -> tuple[str, str]:
    """(the module, the reason that no loss matches it)."""
    try:
        call.run()
    except NoMatchingLossError as error:
        names = {k: v for k, v in call.options.items() if k not in ("input", "target", "assume")}
        return expr_latex(parse(call.arguments[0], shapes=names)), escape(_reason(error.message))
    raise SourceError(call.place, f"{title}: a loss matches it")
