"""Modules and losses on a page: does ∇_u L = A·N + b hold with A and b free of u?"""

from __future__ import annotations

from symderiv.handout.affine import affine, as_derivation, matching_verdict
from symderiv.handout.card import Context
from symderiv.handout.checked import check
from symderiv.handout.given import sought, symbols
from symderiv.handout.model import Block, Check, Code, Prose, Result, Table
from symderiv.handout.source import Pair, Pairs, SourceError
from symderiv.handout.told import lines_of, steps
from symderiv.present import fact_latex
from symderiv.render.matrix import matrix_latex


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
