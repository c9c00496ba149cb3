"""Reverse sweeps, told lemma by lemma: each named cotangent and each gradient is a chapter."""
from __future__ import annotations

from collections.abc import Iterator, Sequence

from symderiv.ir import Add, Contract, Der, Expr, Name
from symderiv.record import Fire, Proof, proofs
from symderiv.rules.differentiation import let, pull_back
from symderiv.tell.lines import Chapter, Line, Why, algebra_lines, as_proof, drop_repeats, holes, leaves, why_of


def reverse_chapters(gradients: Sequence[Proof], loss: Expr, full: bool = False, subject: Expr | None = None) -> list[Chapter]:
    """A chapter for each named cotangent and each gradient, in the order of the sweep."""
    wanted = {p.before for p in gradients}
    lemmas: dict[Expr, Proof] = {}
    for root in gradients:
        for p in proofs(root):
            if isinstance(p.before, Der) and p.before.body is loss:
                lemmas[p.before] = p
    chapters = []
    for goal, proof in lemmas.items():
        assert isinstance(goal, Der)
        ended = proof.items[-1] if proof.items else None
        named = ended.after if isinstance(ended, Fire) and ended.rule == let.name else None
        told = named is not None or goal in wanted or (isinstance(goal.wrt, Name) and goal.wrt.role == "user")
        if not told or goal.wrt is loss:
            continue
        first = proof.items[0]
        if not isinstance(first, Fire) or first.rule != pull_back.name:
            lines = [Line(proof.after, (why_of(first),) if isinstance(first, Fire) else ())]
        else:
            lines = _pulled_back(proof, first, lemmas, full)
        kind = "gradient" if goal in wanted else "cotangent"
        chapters.append(Chapter(kind, goal, loss if subject is None else subject, (goal.wrt,), tuple(drop_repeats(lines)),
                                named if isinstance(named, Name) else None, (goal.wrt,)))
    return chapters


def _pulled_back(proof: Proof, first: Fire, lemmas: dict[Expr, Proof], full: bool) -> list[Line]:
    rest = list(proof.items[1:])
    state = first.after
    if rest and isinstance(rest[0], Proof) and any(True for _ in leaves(rest[0])):
        state = rest[0].after
        rest = rest[1:]
    found = tuple(dict.fromkeys(_operations(proof, first, lemmas)))
    through = tuple(v for v in found if not isinstance(v, Add) and not (isinstance(v, Contract) and len(v.factors) < 2))
    if not through and found:
        through = found[:1]
    if len(through) > 2:
        through = ()
    base = why_of(first)
    lines = [Line(state, tuple(Why(base.title, "", base.rule, base.law, (), v) for v in through) or (base,))]
    for item in rest:
        if isinstance(item, Fire) and item.rule == let.name:
            continue
        lines.extend(algebra_lines(as_proof(item, proof), full))
    return lines


def _operations(proof: Proof, first: Fire, lemmas: dict[Expr, Proof]) -> Iterator[Expr]:
    """The operations that lie between the told cotangents and this one."""
    seen: set[int] = set()
    stack = [first]
    while stack:
        step = stack.pop()
        for goal in holes(step.after):
            v = goal.wrt
            known = lemmas.get(goal)
            if not isinstance(v, Name):
                yield v
            if known is not None and id(known) not in seen and not isinstance(v, Name):
                seen.add(id(known))
                inner = known.items[0] if known.items else None
                ended = known.items[-1] if known.items else None
                if isinstance(inner, Fire) and inner.rule == pull_back.name and not (
                        isinstance(ended, Fire) and ended.rule == let.name):
                    stack.append(inner)
