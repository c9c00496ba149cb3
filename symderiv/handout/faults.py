"""Derivations with one wrong line, for "find the error": the wrong line is refuted, every other step is checked.

A fault is what people do wrong: a sign, a lost factor or term, a lost coefficient, a wrong power, a derivative too few or
too many. It is made at one node that first stands in that line, and the lines after it follow from it, where they do so
correctly; else the derivation ends there.

>>> import symderiv as sd
>>> found = planted_fault(sd.jacobian("softmax(u)", "u", u="o"), "matrix", "normal", seed=1)
>>> found.verdict.status, 1 < found.number <= len(found.lines), found.lines[found.number - 1].rhs != found.right
('refuted', True, True)
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise

import numpy as np

from symderiv.build import ONE, add, apply, contract, power, transform
from symderiv.derive import Derivation
from symderiv.errors import SymderivError
from symderiv.ir import Add, Box, Contract, Der, Expr, Map, Name, is_zero, postorder
from symderiv.present import Written, chapters_of
from symderiv.present.writer import Writer
from symderiv.render.notation import DEFAULT
from symderiv.tell import Chapter, Line
from symderiv.verdicts import Verdict, prove_exprs
from symderiv.verify import check_steps

TRIES, TRIALS = 60, 5
FEWEST, CHOICE, HANDY = 3, 8, 100


@dataclass(frozen=True)
class Planted:
    """The lines with the fault; the number of the wrong one (from 1), what it should say, and what refutes it."""

    lines: tuple[Written, ...]
    number: int
    right: str
    verdict: Verdict
    true_lines: tuple[Written, ...]


def planted_fault(derivation: Derivation, notation: str, detail: str, seed: int) -> Planted:
    """A derivation's longest chapter with one wrong line; the same for the same seed.

    Of two lines it would be clear which one is wrong: steps so short are told in full.
    Raises SymderivError where no fault can be made that is refuted.
    """
    chapter, before = _longest(derivation, detail)
    if chapter is not None and len(chapter.lines) + len(before) < FEWEST:
        chapter, before = _longest(derivation, "full")
    if chapter is not None and len(chapter.lines) > 1:
        tries = [(k, old, new) for k in range(1, len(chapter.lines)) for old, new in _faults_at(chapter, k)]
        random.Random(f"fault/{seed}").shuffle(tries)
        made = (
            found
            for wanted in (True, False)                         # at first those whose consequences can be told
            for k, old, new in tries[:TRIES]
            if (found := _tried(derivation, before, chapter, notation, k, old, new, wanted)) is not None
        )
        few = list(islice(made, CHOICE))
        if few:                                                 # the first of the best
            return max(few, key=lambda found: (len(found.lines) >= FEWEST, _handy(found)))
    raise SymderivError("no wrong line can be made of these steps", hint='take detail="normal" or "full", or a longer derivation')


def _handy(planted: Planted) -> bool:
    """Whether the numbers that refute the line are such as people compute with."""
    shown = planted.verdict.counterexample
    return shown is None or all(np.abs(np.asarray(value, dtype=complex)).max(initial=0) < HANDY for value in (shown.left, shown.right))


def _longest(derivation: Derivation, detail: str) -> tuple[Chapter | None, Sequence[Chapter]]:
    """The longest chapter, and those before it: they say what its names are, and what it differentiates."""
    told = chapters_of(derivation, detail)
    chapter = max((c for c in told if c.kind not in ("let", "loss")), key=lambda c: len(c.lines), default=None)
    return chapter, [] if chapter is None else told[: told.index(chapter)]


def _tried(
    derivation: Derivation, earlier: Sequence[Chapter], chapter: Chapter, notation: str, k: int, old: Expr, new: Expr, whole: bool
) -> Planted | None:
    before = chapter.lines[k - 1].state
    states = [transform(line.state, {old: new}.get) for line in chapter.lines[k:]]
    wrong = states[0]
    if wrong is chapter.lines[k].state or is_zero(wrong) or wrong.shape != before.shape:
        return None
    facts = derivation.facts
    if whole:
        steps = [(str(n), a, b) for n, (a, b) in enumerate(pairwise(states)) if a is not b]
        if steps and not check_steps(steps, facts, TRIALS):
            return None
    elif k + 1 == len(chapter.lines):
        return None
    else:
        states = states[:1]
    if check_steps([("wrong", before, wrong)], facts, TRIALS).verdict != "refuted":
        return None
    tail = tuple(Line(state, line.why) for state, line in zip(states, chapter.lines[k:], strict=False))
    lines = _printed(chapter.told((*chapter.lines[:k], *tail)), notation, derivation)
    truth = _printed(chapter, notation, derivation)
    found = _located(lines, truth, before, wrong, prove_exprs(before, wrong, facts))
    return None if found is None else _after(found, [line for told in earlier for line in _printed(told, notation, derivation)])


def _printed(chapter: Chapter, notation: str, derivation: Derivation) -> list[Written]:
    return Writer(chapter, notation, derivation.facts, DEFAULT, 0).lines()


def _located(
    lines: Sequence[Written], truth: Sequence[Written], before: Expr, wrong: Expr, verdict: Verdict
) -> Planted | None:
    """The fault, if exactly the line of the wrong state is printed otherwise than it should be."""
    number = next((n for n, line in enumerate(lines, 1) if line.state is wrong), 0)
    if number < 2 or verdict.status != "refuted" or number > len(truth) or lines[number - 2].state is not before:
        return None
    if lines[number - 1].rhs == truth[number - 1].rhs or [x.rhs for x in lines[: number - 1]] != [x.rhs for x in truth[: number - 1]]:
        return None
    shown = lines[:-1] if lines[-1].rhs == truth[-1].rhs else lines    # a true last line would tell
    return Planted(tuple(shown), number, truth[number - 1].rhs, verdict, tuple(truth)) if number <= len(shown) else None


def _after(found: Planted, told: Sequence[Written]) -> Planted:
    """The same after the lines of the chapters before it."""
    return replace(found, lines=(*told, *found.lines), number=found.number + len(told), true_lines=(*told, *found.true_lines))


def _faults_at(chapter: Chapter, k: int) -> Iterator[tuple[Expr, Expr]]:
    """(a node that line k is the first to have, what someone may write instead)."""
    known = set(postorder(*(line.state for line in chapter.lines[:k]), chapter.goal))
    for node in _printed_nodes(chapter.lines[k].state):
        if node not in known:
            yield from ((node, new) for new in mistakes(node) if new is not node and new.shape == node.shape)


def _printed_nodes(state: Expr) -> list[Expr]:
    """The nodes that a formula shows: names and derivatives not yet taken aren't entered."""
    found: dict[Expr, None] = {}
    stack = [state]
    while stack:
        node = stack.pop()
        found[node] = None
        if not isinstance(node, Name | Der):
            stack.extend(node.kids)
    return list(found)


def mistakes(node: Expr) -> Iterator[Expr]:
    """What someone may write for a node."""
    if isinstance(node, Add):
        terms = list(node.terms)
        for n, (c, term) in enumerate(terms):
            rest = terms[:n] + terms[n + 1 :]
            if rest:
                yield add([*terms[:n], (-c, term), *terms[n + 1 :]], node.shape)
                yield add(rest, node.shape)
            if abs(c) != 1:
                yield add([*terms[:n], (c / abs(c), term), *terms[n + 1 :]], node.shape)
            else:
                yield add([*terms[:n], (-c, term), *terms[n + 1 :]], node.shape)
    elif isinstance(node, Map) and node.fn == "pow":
        exponent = Fraction(node.params[0])
        yield power(node.arg, exponent - 1 if exponent > 1 or exponent == -1 else exponent + 1)
    elif isinstance(node, Map) and node.generic and node.order:
        yield apply(node.fn, node.arg, node.params, node.order - 1, True)
    elif isinstance(node, Contract):
        for n in range(len(node.factors)):
            lost = _without_factor(node, n)
            if lost is not None:
                yield lost


def _without_factor(node: Contract, n: int) -> Expr | None:
    """The product without one factor, if the others carry all its labels: its shape stays."""
    factor = node.factors[n]
    others = {x for m, labels in enumerate(node.labels) for x in labels if m != n}
    if len(node.factors) < 2 or factor is ONE or isinstance(factor, Box | Der) or not set(node.labels[n]) <= others:
        return None
    factors = [f for m, f in enumerate(node.factors) if m != n]
    labels = [ls for m, ls in enumerate(node.labels) if m != n]
    return contract(factors, labels, node.out, dict(enumerate(node.dims)))


__all__ = ["Planted", "mistakes", "planted_fault"]
