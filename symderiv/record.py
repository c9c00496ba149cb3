"""The record: the steps are the computation.

``Fire`` is one rule at one node's root. ``Cong`` rewrites children and rebuilds the node by its constructor. ``Proof``
is a sequence of these; a shared proof is referenced, not copied, so a derivation is a DAG of lemmas. Nothing stores a
path or a whole formula: those are views, made when a derivation is told. ``replay`` runs every rule and constructor
again and trusts no stored result; ``check`` does so for one step.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from symderiv.build import remake
from symderiv.errors import SymderivError
from symderiv.facts import Fact
from symderiv.ir import Expr
from symderiv.rules.base import RULES, Context, Rule


@dataclass(frozen=True, eq=False)
class Fire:
    """One rule at a node's root; ``cited`` are proofs of the lemmas that it uses, ``facts`` the assumptions."""

    rule: str
    before: Expr
    after: Expr
    choice: Any = None
    cited: tuple[Proof, ...] = ()
    facts: tuple[Fact, ...] = ()

    @property
    def law(self) -> Rule:
        return RULES[self.rule]


@dataclass(frozen=True, eq=False)
class Cong:
    """Children rewritten (None where a child stays), the node rebuilt by its constructor."""

    before: Expr
    after: Expr
    kids: tuple[Proof | None, ...]


@dataclass(frozen=True, eq=False)
class Proof:
    """before = after, by the items in order; ``context`` holds the facts under which the items hold."""

    before: Expr
    after: Expr
    items: tuple[Item, ...]
    context: Context

    def __post_init__(self) -> None:
        if self.items and (self.items[0].before is not self.before or self.items[-1].after is not self.after):
            raise SymderivError("a proof's items don't join its ends")


Item = Fire | Cong | Proof


def chain(before: Expr, items: list[Item], context: Context) -> Proof:
    """A proof of the items in a row; items that change nothing are dropped."""
    kept: list[Item] = []
    for item in items:
        if isinstance(item, Proof) and item.before is item.after and not item.items:
            continue
        kept.append(item)
    return Proof(before, kept[-1].after if kept else before, tuple(kept), context)


def subproofs(item: Item) -> tuple[Proof, ...]:
    """The proofs that an item is made from."""
    if isinstance(item, Fire):
        return item.cited
    if isinstance(item, Cong):
        return tuple(kid for kid in item.kids if kid is not None)
    return (item,)


def proofs(root: Proof) -> Iterator[Proof]:
    """Every proof below the root once, those used before those that use them."""
    seen: set[int] = set()
    stack: list[tuple[Proof, bool]] = [(root, False)]
    while stack:
        proof, ready = stack.pop()
        if ready:
            yield proof
        elif id(proof) not in seen:
            seen.add(id(proof))
            stack.append((proof, True))
            for item in reversed(proof.items):
                stack.extend((sub, False) for sub in subproofs(item))


def fires(root: Proof) -> Iterator[tuple[Fire, Context]]:
    """Every step below the root once, with the context that it holds in."""
    for proof in proofs(root):
        for item in proof.items:
            if isinstance(item, Fire):
                yield item, proof.context


def check_fire(step: Fire, context: Context) -> bool:
    """Run the step's rule again, from its own node, choice, citations and facts alone."""
    law = RULES.get(step.rule)
    if law is None:
        return False
    try:
        return _follows(law, step, context)
    except (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError, SymderivError):
        return False                                            # a forged choice or citation, of another form


def _follows(law: Rule, step: Fire, context: Context) -> bool:
    if law.family == "lemma":
        result = law.apply(step.before, context, step.choice, step.cited) if isinstance(step.before, law.kinds) else None
    else:
        fired = law.fire(step.before, context, step.choice)
        if fired is None or set(fired.facts) != set(step.facts) or not set(step.facts) <= set(context.facts):
            return False
        result = fired.after
    return result is step.after


def replay(root: Proof) -> Expr:
    """Fold the recorded steps again, trusting no stored result; raises SymderivError at the first that doesn't follow."""
    done: dict[int, Expr] = {}
    for proof in proofs(root):
        current = proof.before
        for item in proof.items:
            if item.before is not current:
                raise SymderivError(f"a step starts from {item.before!r}, but the one before it ends at {current!r}")
            if isinstance(item, Fire):
                if not check_fire(item, proof.context) or (item.law.family == "structure" and proof is not root):
                    raise SymderivError(f"the rule '{item.law.title}' doesn't take {item.before!r} to {item.after!r}")
                current = item.after
            elif isinstance(item, Cong):
                kids = []
                for kid, sub in zip(item.before.kids, item.kids, strict=True):
                    if sub is not None and sub.before is not kid:
                        raise SymderivError(f"a lemma about {sub.before!r} is used for {kid!r}")
                    kids.append(kid if sub is None else done[id(sub)])
                current = remake(item.before, kids)
                if current is not item.after:
                    raise SymderivError(f"rebuilt, {item.before!r} is {current!r}, not {item.after!r}")
            else:
                current = done[id(item)]
        if current is not proof.after:
            raise SymderivError(f"a proof's steps end at {current!r}, not at {proof.after!r}")
        done[id(proof)] = current
    return done[id(root)]
