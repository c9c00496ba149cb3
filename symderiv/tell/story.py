"""Whole derivations as chapters; brief tellings; and the same states read as differentials."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symderiv.build import add, contract, permute
from symderiv.ir import Add, Box, Contract, Der, Expr
from symderiv.record import Cong, Fire, Proof
from symderiv.rules.differentiation import pull_back
from symderiv.tell.forward import forward_chapters
from symderiv.tell.lines import (
    Chapter,
    Line,
    Why,
    algebra_lines,
    as_proof,
    boxed,
    citing,
    differential,
    drop_repeats,
    holes,
    leaves,
    merged,
    walk,
)
from symderiv.tell.reverse import reverse_chapters


# ---------------------------------------------------------------- brief, and the differential reading
def brief(chapter: Chapter) -> Chapter:
    """The last state of each phase: differentiation, then algebra, folds and assumptions."""
    lines = list(chapter.lines)
    if any(w.rule == pull_back.name for line in lines for w in line.why):
        return chapter.told([Line(lines[-1].state, main_reasons(merged(*(line.why for line in lines))))])
    body = [line for line in lines if not isinstance(line.state, Der) or line is lines[-1]]
    if len(body) <= 2:
        return chapter.told(body)
    done = [k for k, line in enumerate(body) if not holes(line.state) and not boxed(line.state)]
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
            if all(ls.count(t) == 1 for t in tail) and (holes(f) or boxed(f)):
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
    if rest and isinstance(rest[0], Fire) and isinstance(proof.before, Der):
        rest = [proof]                                          # a lemma alone, as the parts of a split are
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
    extra = [line for item in rest for line in (algebra_lines(as_proof(item, proof), full))]
    if extra and chapters:
        end = chapters[-1]
        chapters[-1] = end.told(drop_repeats([*end.lines, *extra]))
    return chapters


def combined_chapter(proof: Proof, kind: str, subject: Expr, wrt: Expr, why: Why, full: bool = False,
                     by: tuple[Expr, ...] = ()) -> Chapter:
    """An expression of derivatives (such as Jᵀ h J): as it is defined, with its lemmas put in, then made simpler."""
    lines = [Line(proof.before, (why,))]
    for item in proof.items:
        inner = as_proof(item, proof)
        if any(True for _ in leaves(inner)) and holes(inner.before):
            for part in inner.items if isinstance(inner.items[0], Proof) else (inner,):
                if holes(part.before):
                    left = holes(part.after)
                    lines.append(Line(part.after, tuple(citing(goal) for goal in reversed(holes(part.before)) if goal not in left)))
                else:
                    lines.extend(algebra_lines(as_proof(part, proof), full))
        else:
            lines.extend(algebra_lines(inner, full))
    return Chapter(kind, proof.before, subject, (wrt,), tuple(drop_repeats(lines)), None, by)


def _is_lemma(proof: Proof) -> bool:
    """True if the proof opens its own hole."""
    first = proof.items[0] if proof.items else None
    return isinstance(first, Fire) or (isinstance(first, Proof) and _is_lemma(first))


def _proper(proof: Proof) -> bool:
    """True if a normalisation says more than a name."""
    return any(step.law.family != "name" for step, _ in walk(proof))
