"""What a telling is made of: reasons, lines and chapters; and algebra, told a line for each run of one family."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from symderiv.build import name, remake
from symderiv.functions import SCALAR, TENSOR
from symderiv.ir import Box, Call, Der, Expr, Map, Name
from symderiv.record import Cong, Fire, Proof, fires


@dataclass(frozen=True)
class Why:
    """The reason beside a line: the rule's title, a note in LaTeX (a function's derivative, an operation), its law, the facts.

    ``cited`` is a lemma that is used: its goal, or its number once those that are told have one.
    """

    title: str
    note: str = ""
    rule: str = ""
    law: str = ""
    facts: tuple[str, ...] = ()
    through: Expr | None = None
    cited: Expr | int | None = None


@dataclass(frozen=True)
class Line:
    """A whole formula and why it equals the line before it."""

    state: Expr
    why: tuple[Why, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """Lines that all equal ``goal``; the left side is the derivative of ``subject`` by ``by``, as ``kind`` has it written.

    ``lemma`` is the number by which other chapters cite it; 0 where none does.
    """

    kind: str
    goal: Expr
    subject: Expr
    wrt: tuple[Expr, ...]
    lines: tuple[Line, ...]
    named: Name | None = None
    by: tuple[Expr, ...] = ()
    lemma: int = 0

    def told(self, lines: Sequence[Line]) -> Chapter:
        """The same chapter with other lines."""
        return replace(self, lines=tuple(lines))

    @property
    def last(self) -> Expr:
        return self.lines[-1].state


def differential(c: Expr) -> Expr:
    """dc: the change of c, written as a name of c with a role of its own."""
    return name("d", c, "differential")


def why_of(step: Fire, through: Expr | None = None) -> Why:
    """The reason that a step gives."""
    law, note = step.law, ""
    body = step.before.body if isinstance(step.before, Der) else None
    if isinstance(body, Map) and not body.generic and body.fn in SCALAR and law.title == "elementwise chain rule":
        note = SCALAR[body.fn].derivative_note
    elif isinstance(body, Call) and not body.abstract and body.fn in TENSOR and law.title == "chain rule":
        note = TENSOR[body.fn].derivative_note
    facts = step.facts if law.name != "outer_square" else (f for p in step.cited for fire, _ in fires(p) for f in fire.facts)
    return Why(law.title, note, law.name, law.law, tuple(dict.fromkeys(f.text for f in facts)), through)


def merged(*groups: Sequence[Why]) -> tuple[Why, ...]:
    """Reasons of one line: each idea once, in order."""
    found: dict[tuple[str, str, Expr | int | None], Why] = {}
    for group in groups:
        for why in group:
            key = (why.title, why.note or ",".join(why.facts), why.cited)
            found.setdefault(key, why)
    return tuple(found.values())


def citing(goal: Expr) -> Why:
    """The reason that a lemma is."""
    return Why("lemma", rule="lemma", cited=goal)


def numbered(chapters: Sequence[Chapter]) -> list[Chapter]:
    """The chapters with numbers where others cite them; a reason that cites one has its number."""
    cited = {w.cited for c in chapters for line in c.lines for w in line.why if isinstance(w.cited, Expr)}
    lemmas = [c.goal for c in chapters if c.goal in cited and c.kind != "let"]
    number = {goal: k for k, goal in enumerate(dict.fromkeys(lemmas), 1)}

    def put(why: Why) -> Why:
        return replace(why, cited=number.get(why.cited, why.cited)) if isinstance(why.cited, Expr) else why
    return [replace(c, lemma=number.get(c.goal, 0), lines=tuple(Line(line.state, tuple(map(put, line.why))) for line in c.lines))
            for c in chapters]


# ---------------------------------------------------------------- algebra, line by line
def walk(proof: Proof) -> Iterator[tuple[Fire, Expr]]:
    """Each step of a proof without holes, with the whole expression after it."""
    for item in proof.items:
        if isinstance(item, Fire):
            yield item, item.after
        elif isinstance(item, Proof):
            yield from walk(item)
        else:
            current = list(item.before.kids)
            for sub in dict.fromkeys(p for p in item.kids if p is not None):
                places = [k for k, p in enumerate(item.kids) if p is sub]
                for step, state in walk(sub):
                    for k in places:
                        current[k] = state
                    yield step, remake(item.before, current)


def algebra_lines(proof: Proof, full: bool = False) -> list[Line]:
    """A line for each run of one family; steps about names join their neighbours."""
    lines: list[Line] = []
    family = ""
    for step, state in walk(proof):
        why = (why_of(step),)
        own = step.law.family
        joins = bool(lines) and (own == family or own == "name" or family == "name") and not full
        if joins:
            reasons = lines[-1].why if own == "name" and family != "name" else \
                (merged(lines[-1].why, why) if family != "name" else why)
            lines[-1] = Line(state, reasons)
            family = family if own == "name" else own
        else:
            lines.append(Line(state, why))
            family = own
    if lines and lines[-1].state is not proof.after:
        lines[-1] = Line(proof.after, lines[-1].why)
    return lines


def drop_repeats(lines: Sequence[Line]) -> list[Line]:
    """Lines whose state is that of the line before are dropped; their reasons are kept where the state was new."""
    kept: list[Line] = []
    for line in lines:
        if kept and kept[-1].state is line.state:
            continue
        kept.append(line)
    return kept


# ---------------------------------------------------------------- proofs and holes
CONTRACT_DELTA = Why("contract delta", "", "contract_delta", r"\textstyle\sum_k a_k\,\delta_{kj}=a_j")


def as_proof(item: Fire | Cong | Proof, proof: Proof) -> Proof:
    return item if isinstance(item, Proof) else Proof(item.before, item.after, (item,), proof.context)


def leaves(fill: Proof) -> Iterator[Proof]:
    """The lemmas that a filling proof puts into the holes."""
    stack: list[Proof] = [fill]
    while stack:
        proof = stack.pop()
        if isinstance(proof.before, Der):
            yield proof
            continue
        for item in proof.items:
            if isinstance(item, Cong):
                stack.extend(p for p in dict.fromkeys(item.kids) if p is not None)
            elif isinstance(item, Proof):
                stack.append(item)


def boxed(state: Expr) -> bool:
    stack = [state]
    while stack:
        n = stack.pop()
        if isinstance(n, Box):
            return True
        if not isinstance(n, Name | Der):
            stack.extend(n.kids)
    return False


def holes(state: Expr) -> list[Der]:
    found: dict[Der, None] = {}
    stack = [state]
    while stack:
        n = stack.pop()
        if isinstance(n, Der):
            found[n] = None
        elif not isinstance(n, Name):
            stack.extend(n.kids)
    return list(found)
