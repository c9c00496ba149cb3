"""The syntax tree of the notation: plain frozen data, which says how a text is built and not what it means.

Every node has a ``span``, the offsets of its text in the source, brackets included. Nodes are equal only where they are
the same object: ``outline`` is what to compare. A flat chain such as ``a + b + c + …`` is a deep tree on its left side,
so whoever walks a tree goes by ``postorder``, which doesn't recurse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symderiv.errors import Span, clip


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Node:
    """What all nodes have: their place in the source."""

    span: Span

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {clip(outline(self), 60)}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Number(Node):
    """A non-negative decimal number as it was written, e.g. ``"2"``, ``".5"``, ``"1e-3"``."""

    text: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ref(Node):
    """A name that stands for a value: a symbol, an assigned name, a dimension, a constant such as ``pi``."""

    name: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Constant(Node):
    """``True``, ``False`` or ``None``, met only as an argument (``keepdims=True``) and in an index (``x[:, None]``)."""

    value: bool | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class String(Node):
    """A text in quotes, met only as an argument (``einsum("ij,jk->ik", A, B)``); ``value`` is without the quotes."""

    value: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Unary(Node):
    """``-x`` or ``+x``."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Binary(Node):
    """``left operator right`` with operator one of ``+ - * / @ **``; ``operator_span`` is the sign's place."""

    operator: str
    left: Node
    right: Node
    operator_span: Span


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Compare(Node):
    """``left operator right`` with operator one of ``== < > <= >=``: a fact at the top of an assumption, else 1 or 0."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Transpose(Node):
    """``x.T`` or ``x.transpose()``."""

    operand: Node


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Keyword(Node):
    """``name=value`` among the arguments of a call."""

    name: str
    value: Node
    name_span: Span


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Call(Node):
    """``function(arguments, keywords)``; ``x.sum(axis=1)`` and ``np.sum(x, axis=1)`` are ``sum(x, axis=1)``."""

    function: str
    arguments: tuple[Node, ...]
    keywords: tuple[Keyword, ...]
    function_span: Span


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Slice(Node):
    """``start:stop:step`` in an index, each None where it is left out."""

    start: Node | None
    stop: Node | None
    step: Node | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Index(Node):
    """``base[items]``; an item is a Slice, an expression, or the Constant None for a new axis."""

    base: Node
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ListExpr(Node):
    """``[a, b]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TupleExpr(Node):
    """``(a, b)``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Assignment(Node):
    """One line ``name = value``."""

    name: str
    value: Node
    name_span: Span


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Program(Node):
    """Assignments, in their order, and the value; ``text`` is the source that all spans refer to."""

    assignments: tuple[Assignment, ...]
    value: Node
    text: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Function(Node):
    """``lambda parameters: body``, as a concrete module is written where an abstract one is replaced."""

    parameters: tuple[str, ...]
    body: Program


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node, from left to right."""
    match node:
        case Binary() | Compare():
            return (node.left, node.right)
        case Unary() | Transpose():
            return (node.operand,)
        case Call():
            return node.arguments + node.keywords
        case Keyword() | Assignment():
            return (node.value,)
        case Index():
            return (node.base, *node.items)
        case ListExpr() | TupleExpr():
            return node.items
        case Slice():
            return tuple(part for part in (node.start, node.stop, node.step) if part is not None)
        case Program():
            return (*node.assignments, node.value)
        case Function():
            return (node.body,)
    return ()


def postorder(root: Node) -> Iterator[Node]:
    """All nodes below ``root`` and itself, each after its parts, from left to right; without recursion."""
    pending: list[tuple[Node, bool]] = [(root, False)]
    while pending:
        node, done = pending.pop()
        parts = () if done else children(node)
        if parts:
            pending.append((node, True))
            pending.extend((part, False) for part in reversed(parts))
        else:
            yield node


def names(root: Node) -> frozenset[str]:
    """The names that stand for values in a tree; the names of functions are not among them."""
    return frozenset(node.name for node in postorder(root) if isinstance(node, Ref))


def outline(root: Node) -> str:
    """A tree as text with all its structure, for tests and for looking at; equal trees have equal outlines.

    >>> from symderiv.frontend.parser import parse_program
    >>> outline(parse_program("z = W @ x.T + b; -sum(z, axis=1) ** 2"))
    '(program (= z (+ (@ W (T x)) b)) (- (** (call sum z (axis: 1)) 2)))'
    """
    done: list[str] = []
    for node in postorder(root):
        count = len(children(node))
        parts = done[len(done) - count :] if count else []
        del done[len(done) - count :]
        done.append(_outline(node, parts))
    return done[0]


def _outline(node: Node, parts: list[str]) -> str:
    """A node as text, given its parts as text."""
    match node:
        case Number():
            return node.text
        case Ref():
            return node.name
        case Constant() | String():
            return repr(node.value)
        case Unary() | Binary() | Compare():
            head = node.operator
        case Transpose():
            head = "T"
        case Call():
            head = f"call {node.function}"
        case Keyword():
            head = f"{node.name}:"
        case Assignment():
            head = f"= {node.name}"
        case Slice():
            left = iter(parts)
            parts = ["_" if part is None else next(left) for part in (node.start, node.stop, node.step)]
            head = "slice"
        case Function():
            head = f"lambda {' '.join(node.parameters)}:"
        case _:
            head = type(node).__name__.removesuffix("Expr").lower()
    return f"({' '.join([head, *parts])})"
