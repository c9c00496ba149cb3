"""What a rule is: a named function ``Expr -> Expr | None`` with its law beside it.

A rule knows nothing of traversal, recording or rendering. None means that it does not apply. One that depends on
assumptions returns ``Used``; one that could fire in several ways lists its ``choices`` (the law), the engine picks one
(the strategy), and the step stores which. Engine, replay and checker call the same function.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from symderiv.errors import SymderivError
from symderiv.facts import Fact, Facts
from symderiv.ir import Expr, Name


class Used(NamedTuple):
    """A rule's result with the facts that it rests on."""

    after: Expr
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Context:
    """What a rule may look up: the facts assumed, and the names the user gave (body -> name)."""

    facts: Facts = Facts()
    names: Mapping[Expr, Name] = field(default_factory=dict)


Apply = Callable[..., "Expr | Used | None"]


@dataclass(frozen=True)
class Rule:
    """``title`` is the phrase shown to readers, ``law`` its LaTeX, ``family`` groups rules that are told in one line.

    ``kinds`` are the node classes it can fire at; ``example`` gives a node where it does (its soundness is tested there);
    ``choices`` lists the ways in which it may fire, where there are several.
    """

    name: str
    title: str
    law: str
    family: str
    kinds: tuple[type[Expr], ...]
    apply: Apply
    example: Callable[[], tuple[Expr, Context]] | None
    choices: Callable[[Expr, Context], Iterable[Any]] | None
    source: str

    def fire(self, node: Expr, context: Context, choice: Any = None) -> Used | None:
        """The rule at this node's root, or None; also for a choice that isn't one of the rule's."""
        if not isinstance(node, self.kinds):
            return None
        result = self.apply(node, context) if self.choices is None else self.apply(node, context, choice)
        if result is None or isinstance(result, Used):
            return result
        return Used(result, ())

    def cite(self, node: Expr, context: Context, cited: Sequence[Any]) -> Expr:
        """The result of a rule of the lemma family, which reads the cited proofs; it must apply."""
        result = self.apply(node, context, None, cited)
        assert result is not None and not isinstance(result, Used)
        return result


RULES: dict[str, Rule] = {}
"""Every rule by name, in order of definition."""


def rule(title: str, law: str, kinds: Sequence[type[Expr]], *, family: str = "", source: str = "",
         example: Callable[[], tuple[Expr, Context]] | None = None,
         choices: Callable[[Expr, Context], Iterable[Any]] | None = None) -> Callable[[Apply], Rule]:
    """Register a rule under its function's name; a name that is taken is refused."""
    def register(function: Apply) -> Rule:
        made = Rule(function.__name__, title, law, family or title, tuple(kinds), function, example, choices, source)
        if made.name in RULES:
            raise SymderivError(f"a rule named {made.name} exists already")
        RULES[made.name] = made
        return made
    return register


def peel(node: Expr) -> Expr:
    """What stands under the names."""
    while isinstance(node, Name):
        node = node.body
    return node
