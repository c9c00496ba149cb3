"""Forward lemmas, told level by level: each hole is replaced by the next state of the lemma that fills it."""
from __future__ import annotations

from collections.abc import Sequence

from symderiv.build import box, substitute
from symderiv.ir import Add, Contract, Der, Expr, Map, Name, is_zero
from symderiv.record import Fire, Proof, proofs
from symderiv.rules.differentiation import differentiate_variable, let
from symderiv.tell.lines import (
    CONTRACT_DELTA,
    Chapter,
    Line,
    Why,
    algebra_lines,
    as_proof,
    boxed,
    citing,
    drop_repeats,
    leaves,
    merged,
    why_of,
)

INLINE_LIMIT = 9
"""with more lemmas than this below, those of named nodes are told as chapters of their own"""


class Forward:
    """The states of forward lemmas; ``apart`` are lemmas told in chapters of their own, used here as results."""

    def __init__(self, apart: frozenset[Expr] = frozenset(), full: bool = False) -> None:
        self.apart = apart
        self.full = full
        self.memo: dict[int, list[Line]] = {}

    def lines(self, proof: Proof) -> list[Line]:
        """From the hole to the result, unit tensors opened last."""
        lines = self.levels(proof, top=True)
        if boxed(lines[-1].state):
            lines = [*lines, Line(proof.after, (CONTRACT_DELTA,))]
        if lines[-1].state is not proof.after:
            lines.append(Line(proof.after, (Why("collect"),)))
        return lines

    def levels(self, proof: Proof, top: bool = False) -> list[Line]:
        if not top and id(proof) in self.memo:
            return self.memo[id(proof)]
        lines = self._levels(proof, top)
        if not top:
            self.memo[id(proof)] = lines
        return lines

    def _levels(self, proof: Proof, top: bool) -> list[Line]:
        goal = proof.before
        assert isinstance(goal, Der)
        if goal in self.apart and not top:
            return [Line(goal), Line(proof.after, (citing(goal),))]
        first = proof.items[0]
        if isinstance(first, Proof):                            # a proof inside a proof: look in
            lines = list(self._levels(first, top))
            for item in proof.items[1:]:
                if boxed(lines[-1].state):
                    lines.append(Line(item.before, (CONTRACT_DELTA,)))
                lines.extend(algebra_lines(as_proof(item, proof), self.full))
            return lines
        assert isinstance(first, Fire)
        if first.rule == differentiate_variable.name:
            return [Line(goal), Line(box(first.after, "silent"), (why_of(first),))]
        fill = {p.before: p for item in proof.items[1:2] if isinstance(item, Proof) for p in leaves(item)}
        rest = list(proof.items[1:])
        if isinstance(first.after, Der):
            sub = self.levels(fill[first.after], top) if first.after in fill else [Line(first.after)]
            quiet = first.law.family == "name" or isinstance(goal.body, Add)
            shown = [] if quiet and not self.full else [Line(first.after, (why_of(first),))]
            lines = [Line(goal), *shown, *sub[1:]]
            rest = rest[1:]
        else:
            lines = [Line(goal), *self._opened(first, fill)]
            if fill:
                filled = rest[0].after
                if boxed(lines[-1].state) and len(rest) > 1:
                    lines.append(Line(filled, (CONTRACT_DELTA,)))
                elif lines[-1].state is not filled and not boxed(lines[-1].state):
                    lines.append(Line(filled, (Why("collect"),)))
                rest = rest[1:]
        for item in rest:
            if isinstance(item, Fire) and item.rule == let.name:
                lines.append(Line(item.after, (why_of(item),)))
                continue
            if boxed(lines[-1].state):
                lines.append(Line(item.before, (CONTRACT_DELTA,)))
            lines.extend(algebra_lines(as_proof(item, proof), self.full))
        return lines

    def _opened(self, first: Fire, fill: dict[Expr, Proof]) -> list[Line]:
        """The state after the first rule, then holes replaced level by level."""
        assert isinstance(first.before, Der)
        body, x = first.before.body, first.before.wrt
        holes = [h for h in fill if isinstance(h, Der)]
        told = {h: self.levels(fill[h]) for h in holes}
        reason = why_of(first)
        start = dict.fromkeys(holes, 0)
        for h in holes:
            assert isinstance(h, Der)
            if h.body is x and isinstance(body, Map | Add):
                start[h] = 1
            elif isinstance(body, Contract) and isinstance(h.body, Map) and h.body.fn == "pow" and h.body.params[0] == -1 \
                    and len(holes) > 1:
                start[h] = 1
                reason = Why("quotient rule", "", first.rule, r"\partial(a/s)=\partial a/s-a\,\partial s/s^2")
        extra: list[Why] = [reason]
        if (isinstance(body, Add) or is_plain_sum(body, holes)) and not self.full:      # a sum is told with what stands in it
            extra = [reason] if len(holes) > 1 else []
            for h in holes:
                extra.extend(w for w in told[h][1].why if start[h] == 0)
                start[h] = 1
        lines: list[Line] = []
        depth = max((len(told[h]) - 1 - start[h] for h in holes), default=0)
        for level in range(depth + 1):
            now: dict[Expr, Expr] = {h: told[h][min(start[h] + level, len(told[h]) - 1)].state for h in holes}
            state = substitute(first.after, now)
            if level == 0:
                lines.append(Line(state, merged(extra)))
            else:
                whys = merged(*(told[h][start[h] + level].why for h in holes if start[h] + level < len(told[h])))
                lines.append(Line(state, whys))
        return lines


def is_plain_sum(body: Expr, holes: Sequence[Expr]) -> bool:
    """Whether a body is c Σ_i f_i and no more: that ∂ goes into the sum is no line of its own."""
    if not isinstance(body, Contract) or len(holes) != 1:
        return False
    (hole,) = holes
    assert isinstance(hole, Der)
    return isinstance(hole.body, Map | Add) and all(f is hole.body or not f.shape for f in body.factors)


def forward_chapters(proof: Proof, kind: str, subject: Expr, full: bool = False, by: tuple[Expr, ...] = ()) -> list[Chapter]:
    """A Jacobian (or the derivative of a gradient) as one chapter, or with those of named nodes told first."""
    goal = proof.before
    assert isinstance(goal, Der)
    below = [(p, p.before) for p in proofs(proof) if isinstance(p.before, Der) and p.before.wrt is goal.wrt and not is_zero(p.after)]
    named = [(p, hole) for p, hole in below if isinstance(hole.body, Name) and hole.body is not goal.wrt and p is not proof]
    apart = frozenset(hole for _, hole in named) if len(below) > INLINE_LIMIT else frozenset()
    teller = Forward(apart, full)
    chapters = [Chapter("jacobian", hole, hole.body, (goal.wrt,), tuple(teller_lines(teller, p)), None, (goal.wrt,))
                for p, hole in named if hole in apart]
    return [*chapters, Chapter(kind, goal, subject, (goal.wrt,), tuple(teller_lines(teller, proof)), None, by or (goal.wrt,))]


def teller_lines(teller: Forward, proof: Proof) -> list[Line]:
    return drop_repeats(teller.lines(proof))
