"""Reads assumptions, as syntax only: a property of a name, or a relation between two expressions.

>>> for fact in parse_assumptions(["onehot(y), symmetric(A)", "sum(Y, axis=1) == 1"]):
...     print(fact)
onehot(y)
symmetric(A)
sum(Y, axis=1) == 1
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from symderiv.errors import AssumptionError, Span, clip, nearest
from symderiv.frontend.parser import parse_facts
from symderiv.frontend.syntax import Call, Compare, Node, Ref

PROPERTIES = {
    "onehot": "one entry of each row is 1, the others are 0",
    "symmetric": "equal to its transpose",
    "psd": "symmetric, with no negative eigenvalue",
    "pd": "symmetric, with positive eigenvalues only",
    "diagonal": "zero off the diagonal",
    "orthogonal": "its transpose is its inverse",
    "convex": "a convex function",
    "concave": "a concave function",
}


@dataclass(frozen=True, slots=True)
class PropertyFact:
    """``kind(name)``; ``span`` is its place in ``source``, the text that the user gave, and ``text`` what stands there."""

    kind: str
    name: str
    text: str
    span: Span
    source: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class RelationFact:
    """``left operator right`` with operator one of ``== < > <= >=``; spans of ``left`` and ``right`` are in ``source``."""

    operator: str
    left: Node
    right: Node
    text: str
    span: Span
    source: str

    def __str__(self) -> str:
        return self.text


Fact = PropertyFact | RelationFact


def parse_assumptions(assume: str | Iterable[str] | None) -> tuple[Fact, ...]:
    """The facts that ``assume=`` states, in their order; a text may state several, with commas or newlines between.

    Raises ParseError for a text that can't be read, AssumptionError for one that states no known fact.

    >>> [(fact.operator, fact.left, fact.right) for fact in parse_assumptions("0 < x < 1")]
    [('<', <Number 0>, <Ref x>), ('<', <Ref x>, <Number 1>)]
    """
    facts: list[Fact] = []
    if assume is None:
        return ()
    for source in assume if isinstance(assume, Iterable) and not isinstance(assume, str) else (assume,):
        if isinstance(source, (PropertyFact, RelationFact)):
            facts.append(source)
        elif isinstance(source, str):
            facts.extend(_fact(node, source) for node in parse_facts(source))
        else:
            hint = 'write it as text: assume="onehot(y)", or a list of texts'
            raise AssumptionError(f"a value of type {type(source).__name__} is not an assumption", hint=hint)
    return tuple(facts)


def _fact(node: Node, source: str) -> Fact:
    """The fact that one node states."""
    text = " ".join(source[slice(*node.span)].split())
    if isinstance(node, Compare):
        return RelationFact(node.operator, node.left, node.right, text, node.span, source)
    if not isinstance(node, Call):
        hint = 'state a relation ("sum(y) == 1", "x > 0") or a property ("onehot(y)")'
        raise AssumptionError(f"'{clip(text)}' states no fact", source, node.span, hint=hint)
    if node.function not in PROPERTIES:
        close = nearest(node.function, PROPERTIES)
        hint = f"did you mean '{close}'? " if close else ""
        hint += f"known are {', '.join(PROPERTIES)}, and relations such as sum(y) == 1 and x > 0"
        raise AssumptionError(f"unknown property '{clip(node.function)}'", source, node.function_span, hint=hint)
    if len(node.arguments) != 1 or node.keywords or not isinstance(node.arguments[0], Ref):
        hint = f"as in {node.function}(A); an expression gets a name by a line of the program, A = …"
        raise AssumptionError(f"'{node.function}' takes one name", source, node.span, hint=hint)
    return PropertyFact(node.function, node.arguments[0].name, text, node.span, source)
