"""Telling: a derivation's proof as chapters of whole-formula states. Views only: each state is made of recorded ones.

A forward lemma is told level by level: its first rule, then each hole inside replaced by the next state of the lemma that
fills it, until all are filled; then a line per run of one family of algebra. Unit tensors stay in brackets until the end,
so that "contract delta" is the opening of a bracket. A reverse sweep is told lemma by lemma: each named cotangent is a
chapter. ``detail`` "full" gives a line to each step that changes the text, "brief" keeps the last state of each phase.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from symderiv.build import add, box, contract, der, name, permute, remake, transform
from symderiv.ir import Add, Box, Contract, Der, Expr, Map, Name, is_zero
from symderiv.functions import SCALAR
from symderiv.rules.differentiation import differentiate_variable, let, pull_back
from symderiv.trace import Cong, Fire, Proof, proofs

INLINE_LIMIT = 9
"""with more lemmas than this below, those of named nodes are told as chapters of their own"""


@dataclass(frozen=True)
class Why:
    """The reason beside a line: the rule's title, a note in LaTeX (a function's derivative, an operation), its law, the facts."""

    title: str
    note: str = ""
    rule: str = ""
    law: str = ""
    facts: tuple[str, ...] = ()
    through: Expr | None = None


@dataclass(frozen=True)
class Line:
    """A whole formula and why it equals the line before it."""

    state: Expr
    why: tuple[Why, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """Lines that all equal ``goal``; the left side is the derivative of ``subject`` by ``by``, as ``kind`` has it written."""

    kind: str
    goal: Expr
    subject: Expr
    wrt: tuple[Expr, ...]
    lines: tuple[Line, ...]
    named: Name | None = None
    by: tuple[Expr, ...] = ()

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
    return Why(law.title, note, law.name, law.law, tuple(dict.fromkeys(f.text for f in step.facts)), through)


def merged(*groups: Sequence[Why]) -> tuple[Why, ...]:
    """Reasons of one line: each idea once, in order."""
    found: dict[tuple[str, str], Why] = {}
    for group in groups:
        for why in group:
            key = (why.title, why.note or ",".join(why.facts))
            found.setdefault(key, why)
    return tuple(found.values())


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


# ---------------------------------------------------------------- forward, level by level
class Forward:
    """The states of forward lemmas; ``apart`` are lemmas told in chapters of their own, used here as results."""

    def __init__(self, apart: frozenset[Expr] = frozenset(), full: bool = False) -> None:
        self.apart = apart
        self.full = full
        self.memo: dict[int, list[Line]] = {}

    def lines(self, proof: Proof) -> list[Line]:
        """From the hole to the result, unit tensors opened last."""
        lines = self.levels(proof, top=True)
        if _boxed(lines[-1].state):
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
            return [Line(goal), Line(proof.after, (Why("lemma", rule="lemma"),))]
        first = proof.items[0]
        if isinstance(first, Proof):                            # a proof inside a proof: look in
            lines = list(self._levels(first, top))
            for item in proof.items[1:]:
                if _boxed(lines[-1].state):
                    lines.append(Line(item.before, (CONTRACT_DELTA,)))
                lines.extend(algebra_lines(_as_proof(item, proof), self.full))
            return lines
        assert isinstance(first, Fire)
        if first.rule == differentiate_variable.name:
            return [Line(goal), Line(box(first.after, "silent"), (why_of(first),))]
        fill = {p.before: p for item in proof.items[1:2] if isinstance(item, Proof) for p in _leaves(item)}
        rest = [item for item in proof.items[1:]]
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
                if _boxed(lines[-1].state) and len(rest) > 1:
                    lines.append(Line(filled, (CONTRACT_DELTA,)))
                elif lines[-1].state is not filled and not _boxed(lines[-1].state):
                    lines.append(Line(filled, (Why("collect"),)))
                rest = rest[1:]
        for item in rest:
            if isinstance(item, Fire) and item.rule == let.name:
                lines.append(Line(item.after, (why_of(item),)))
                continue
            if _boxed(lines[-1].state):
                lines.append(Line(item.before, (CONTRACT_DELTA,)))
            lines.extend(algebra_lines(_as_proof(item, proof), self.full))
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
        if isinstance(body, Add) and not self.full:             # a sum is told with what stands in it
            extra = [reason] if len(holes) > 1 else []
            for h in holes:
                extra.extend(w for w in told[h][1].why if start[h] == 0)
                start[h] = 1
        lines: list[Line] = []
        depth = max((len(told[h]) - 1 - start[h] for h in holes), default=0)
        for level in range(depth + 1):
            now = {h: told[h][min(start[h] + level, len(told[h]) - 1)].state for h in holes}
            state = transform(first.after, lambda n: now.get(n) if isinstance(n, Der) else None)
            if level == 0:
                lines.append(Line(state, merged(extra)))
            else:
                whys = merged(*(told[h][start[h] + level].why for h in holes if start[h] + level < len(told[h])))
                lines.append(Line(state, whys))
        return lines


CONTRACT_DELTA = Why("contract delta", "", "contract_delta", r"\textstyle\sum_k a_k\,\delta_{kj}=a_j")


def _as_proof(item: Fire | Cong | Proof, proof: Proof) -> Proof:
    return item if isinstance(item, Proof) else Proof(item.before, item.after, (item,), proof.context)


def _leaves(fill: Proof) -> Iterator[Proof]:
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


def _boxed(state: Expr) -> bool:
    stack = [state]
    while stack:
        n = stack.pop()
        if isinstance(n, Box):
            return True
        if not isinstance(n, Name | Der):
            stack.extend(n.kids)
    return False


def forward_chapters(proof: Proof, kind: str, subject: Expr, full: bool = False, by: tuple[Expr, ...] = ()) -> list[Chapter]:
    """A Jacobian (or the derivative of a gradient) as one chapter, or with those of named nodes told first."""
    goal = proof.before
    assert isinstance(goal, Der)
    below = [p for p in proofs(proof) if isinstance(p.before, Der) and p.before.wrt is goal.wrt and not is_zero(p.after)]
    named = [p for p in below if isinstance(p.before.body, Name) and p is not proof]  # type: ignore[attr-defined]
    unit = [p for p in named if p.before.body is goal.wrt]  # type: ignore[attr-defined]
    apart = frozenset(p.before for p in named if p not in unit) if len(below) > INLINE_LIMIT else frozenset()
    teller = Forward(apart, full)
    chapters = [Chapter("jacobian", p.before, p.before.body, (goal.wrt,), tuple(teller_lines(teller, p)), None, (goal.wrt,))  # type: ignore[attr-defined]
                for p in named if p.before in apart]
    return [*chapters, Chapter(kind, goal, subject, (goal.wrt,), tuple(teller_lines(teller, proof)), None, by or (goal.wrt,))]


def teller_lines(teller: Forward, proof: Proof) -> list[Line]:
    return drop_repeats(teller.lines(proof))


def drop_repeats(lines: Sequence[Line]) -> list[Line]:
    """Lines whose state is that of the line before are dropped; their reasons are kept where the state was new."""
    kept: list[Line] = []
    for line in lines:
        if kept and kept[-1].state is line.state:
            continue
        kept.append(line)
    return kept


# ---------------------------------------------------------------- reverse, lemma by lemma
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
    if rest and isinstance(rest[0], Proof) and any(True for _ in _leaves(rest[0])):
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
        lines.extend(algebra_lines(_as_proof(item, proof), full))
    return lines


def _operations(proof: Proof, first: Fire, lemmas: dict[Expr, Proof]) -> Iterator[Expr]:
    """The operations that lie between the told cotangents and this one."""
    seen: set[int] = set()
    stack = [first]
    while stack:
        step = stack.pop()
        for goal in _holes(step.after):
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


def _holes(state: Expr) -> list[Der]:
    found: dict[Der, None] = {}
    stack = [state]
    while stack:
        n = stack.pop()
        if isinstance(n, Der):
            found[n] = None
        elif not isinstance(n, Name):
            stack.extend(n.kids)
    return list(found)


# ---------------------------------------------------------------- brief, and the differential reading
def brief(chapter: Chapter) -> Chapter:
    """The last state of each phase: differentiation, then algebra, folds and assumptions."""
    lines = list(chapter.lines)
    body = [line for line in lines if not isinstance(line.state, Der) or line is lines[-1]]
    if len(body) <= 2:
        return chapter.told(body)
    done = [k for k, line in enumerate(body) if not _holes(line.state) and not _boxed(line.state)]
    keep = sorted({done[0] if done else len(body) - 1, len(body) - 1})
    kept = [body[0]] if 0 not in keep and len(body) > 3 else []
    kept += [Line(body[k].state, main_reasons(merged(*(b.why for b in body[(keep[n - 1] + 1 if n else len(kept)):k + 1]))))
             for n, k in enumerate(keep)]
    return chapter.told(kept)


MINOR = frozenset(("sum rule", "linearity", "differentiate variable", "contract delta", "fold name", "unfold name", "collect",
                   "name", "entry"))


def main_reasons(whys: Sequence[Why]) -> tuple[Why, ...]:
    """The ideas of a line, without the steps that every line has, unless there is nothing else."""
    main = tuple(w for w in whys if w.title not in MINOR)
    return main or tuple(whys)[:3]


def differential_state(state: Expr, x: Expr) -> Expr:
    """state · dx: a hole ∂c/∂x becomes dc, a unit tensor in brackets dx; the last axes of the state are those of x."""
    order = len(x.shape)
    if isinstance(state, Der) and state.wrt is x:
        return differential(state.body)
    if isinstance(state, Box):
        return differential(x)
    if isinstance(state, Add):
        from_terms = [(c, differential_state(t, x)) for c, t in state.terms]

        return add(from_terms, state.shape[:len(state.shape) - order])
    if isinstance(state, Contract) and order:
        tail = state.out[len(state.out) - order:]
        carriers = [k for k, ls in enumerate(state.labels) if set(tail) & set(ls)]
        if len(carriers) == 1 and len(set(tail)) == order and not set(tail) & set(state.out[:-order]):
            k = carriers[0]
            f, ls = state.factors[k], state.labels[k]
            if all(ls.count(t) == 1 for t in tail) and (_holes(f) or _boxed(f)):
                front = [a for a, y in enumerate(ls) if y not in tail]
                turned = permute(f, [*front, *(ls.index(t) for t in tail)])
                inner = differential_state(turned, x)
                kept = state.out[:-order]
                return contract([inner if j == k else g for j, g in enumerate(state.factors)],
                                [tuple(ls[a] for a in front) if j == k else row for j, row in enumerate(state.labels)],
                                kept, {y: state.dims[y] for y in kept})
    rest = tuple(range(len(state.shape) - order))
    tail_labels = tuple(range(len(state.shape) - order, len(state.shape)))
    return contract((state, differential(x)), (rest + tail_labels, tail_labels), rest)


def differential_chapter(chapter: Chapter) -> Chapter:
    """The same states, each multiplied by dx; of a reverse lemma, the inner product of the cotangent with dc."""
    (x,) = chapter.wrt
    if chapter.kind == "cotangent" or any(w.rule == pull_back.name for line in chapter.lines for w in line.why):
        return replace(chapter, kind="inner")                   # printed as ⟨δ, dc⟩
    lines = [Line(differential_state(line.state, x), line.why) for line in chapter.lines]
    return replace(chapter, kind="differential", goal=differential_state(chapter.goal, x), lines=tuple(drop_repeats(lines)))


def derivative_of(goal: Expr) -> tuple[Expr, ...]:
    """The variables that a hole differentiates by, first one first."""
    if isinstance(goal, Contract) and len(goal.kids) == 1:      # a row
        goal = goal.kids[0]
    by: list[Expr] = []
    while isinstance(goal, Der):
        by.insert(0, goal.wrt)
        goal = goal.body
    return tuple(by)


def story(proof: Proof, kind: str, subject: Expr, full: bool = False) -> list[Chapter]:
    """The chapters of a derivation: the loss made simpler, what came before, the derivative, the engine's names opened."""
    chapters: list[Chapter] = []
    rest = list(proof.items)
    if isinstance(proof.before, Contract) and len(rest) == 1 and isinstance(rest[0], Cong):
        return story(next(p for p in rest[0].kids if p is not None), kind, subject, full)      # a row is told as the gradient
    while rest and isinstance(rest[0], Proof) and rest[0].before is proof.before and not _is_lemma(rest[0]):
        rest = [*rest[0].items, *rest[1:]]
    if rest and isinstance(rest[0], Cong):
        (inner,) = rest[0].kids
        assert inner is not None
        if isinstance(inner.before, Der):
            order = len(derivative_of(inner.before))
            first = ("jacobian" if subject.shape else "gradient") if order == 1 else "hessian" if order == 2 else "derivative"
            chapters = story(inner, first, subject, full)
        elif _proper(inner):
            lines = [Line(inner.before), *algebra_lines(inner, full)]
            chapters = [Chapter("loss", inner.before, subject, (), tuple(drop_repeats(lines)))]
        rest = rest[1:]
    if not rest:
        return chapters
    lemma = rest[0]
    if isinstance(lemma, Proof) and _is_lemma(lemma) and isinstance(lemma.before, Der):
        opened = lemma.items[0] if lemma.items else None
        if isinstance(opened, Fire) and opened.rule == pull_back.name:
            chapters += reverse_chapters([lemma], lemma.before.body, full, subject)
        else:
            chapters += forward_chapters(lemma, kind, subject, full, derivative_of(proof.before))
        rest = rest[1:]
    extra = [line for item in rest for line in (algebra_lines(_as_proof(item, proof), full))]
    if extra and chapters:
        end = chapters[-1]
        chapters[-1] = end.told(drop_repeats([*end.lines, *extra]))
    return chapters


def combined_chapter(proof: Proof, kind: str, subject: Expr, wrt: Expr, why: Why, full: bool = False) -> Chapter:
    """An expression of derivatives (such as Jᵀ h J): as it is defined, with its lemmas put in, then made simpler."""
    lines = [Line(proof.before, (why,))]
    for item in proof.items:
        inner = _as_proof(item, proof)
        if any(True for _ in _leaves(inner)) and _holes(inner.before):
            for part in inner.items if isinstance(inner.items[0], Proof) else (inner,):
                if _holes(part.before):
                    lines.append(Line(part.after, (Why("lemma", rule="lemma"),)))
                else:
                    lines.extend(algebra_lines(_as_proof(part, proof), full))
        else:
            lines.extend(algebra_lines(inner, full))
    return Chapter(kind, proof.before, subject, (wrt,), tuple(drop_repeats(lines)))


def _is_lemma(proof: Proof) -> bool:
    """True if the proof opens its own hole."""
    first = proof.items[0] if proof.items else None
    return isinstance(first, Fire) or (isinstance(first, Proof) and _is_lemma(first))


def _proper(proof: Proof) -> bool:
    """True if a normalisation says more than a name."""
    return any(step.law.family != "name" for step, _ in walk(proof))


__all__ = ["Chapter", "Line", "Why", "brief", "combined_chapter", "differential_chapter", "forward_chapters", "reverse_chapters", "story"]
