"""The computation graph of a program as a drawing: a row for each depth, from the inputs down, each value with its shape.

Rows come from the longest path; a value that is used further down is led there through places of its own, so that no
arrow crosses a box. The order in a row follows the neighbours' (barycentres), as in layered drawings since Sugiyama,
Tagawa and Toda 1981.

>>> import symderiv as sd
>>> made = layered(nodes_of(sd.parse("z = W @ x; tanh(z)", W="h n", x="n")))
>>> [sorted(node.latex for node in row if node.latex) for row in made]
[['W', 'x'], ['z=W x'], ['\\\\tanh(z)']]
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from symderiv.errors import SymderivError, TooLargeError
from symderiv.handout.drawing import Box, Drawing, Item, Label, Path
from symderiv.handout.formula import width
from symderiv.ir import Call, Expr, Map, Name, Symbol, free_symbols, postorder
from symderiv.present import expr_latex, function_letter
from symderiv.render.matrix import shape_latex
from symderiv.render.symbols import name_latex

MOST = 40
"""more values aren't drawn"""
ROW, GAP, HIGH, PAD = 3.6, 1.1, 2.3, 0.9
WIDEST = 13.0
_SWEEPS = 6


@dataclass(eq=False)
class Node:
    """A value (or, without ``latex``, a place that an arrow is led through)."""

    latex: str
    shape: str
    kind: str
    inputs: list[Node] = field(default_factory=list)
    row: int = 0
    x: float = 0.0

    @property
    def wide(self) -> float:
        if not self.latex:
            return 0.4
        return max(width(self.latex), 0.8 * width(self.shape)) + (0.0 if self.kind in ("input", "parameter") else 2 * PAD)


def graph(expr: Expr, inputs: Sequence[str] = ()) -> Drawing:
    """The graph of an expression; ``inputs`` names the symbols that are data, the others are parameters.

    Raises SymderivError for what has no values to draw, TooLargeError for too many.
    """
    rows = layered(nodes_of(expr, inputs))
    _place(rows)
    return _drawn(rows)


# ---------------------------------------------------------------- nodes
def nodes_of(expr: Expr, inputs: Sequence[str] = ()) -> list[Node]:
    """The symbols, named values and functions of an expression, each after what it is made of."""
    found: dict[Expr, Node] = {}
    for symbol in (s for s in free_symbols(expr) if s.kind == "variable"):
        kind = "input" if symbol.name in inputs else "parameter"
        found[symbol] = Node(name_latex(symbol.name), shape_latex(symbol.shape), kind)
    for value in postorder(expr):
        if value is expr or _is_value(value):
            if isinstance(value, Symbol):
                continue
            body = value.body if isinstance(value, Name) else value
            if isinstance(value, Name) and body in found and _is_value(body):
                continue
            made = Node(_text(value, value is expr), shape_latex(value.shape), "loss" if value is expr and not value.shape else "value")
            made.inputs = [found[v] for v in _used(body, found)]
            found[value] = made
            if isinstance(value, Name):
                found.setdefault(value.body, made)
    if len(found) > MOST:
        raise TooLargeError(f"the graph has {len(found)} values, more than {MOST} aren't drawn", hint="draw a part of the program")
    nodes = list(dict.fromkeys(found.values()))
    if len(nodes) < 2:
        raise SymderivError("there is nothing to draw: the expression is one symbol", hint="give a program, such as z = W @ x; tanh(z)")
    return nodes


def _is_value(node: Expr) -> bool:
    """What gets a box of its own: a named value, or a function at something that is no named value's whole."""
    return isinstance(node, Name) and node.role == "user"


def _used(body: Expr, known: dict[Expr, Node]) -> list[Expr]:
    found: dict[Expr, None] = {}
    stack = [body]
    while stack:
        node = stack.pop()
        if node in known and node is not body:
            found[node] = None
        else:
            stack.extend(reversed(node.kids))
    return list(found)


def _text(value: Expr, last: bool) -> str:
    """``z=…`` where that is short, else the name; of the last line its formula, or what it would be called."""
    body = value.body if isinstance(value, Name) else value
    formula = expr_latex(body) if len(body.shape) <= 2 else ""
    if isinstance(value, Name):
        own = name_latex(value.name)
        return f"{own}={formula}" if formula and width(formula) <= WIDEST else own
    if formula and width(formula) <= WIDEST:
        return f"{name_latex(function_letter(value))}={formula}" if last and not value.shape else formula
    if isinstance(body, Map | Call):
        return f"{name_latex(body.fn)}(\\cdot)"
    return name_latex(function_letter(value)) if last else formula


# ---------------------------------------------------------------- rows
def layered(nodes: Sequence[Node]) -> list[list[Node]]:
    """The nodes in rows, inputs first; symbols stand one row above what uses them first."""
    for node in nodes:
        node.row = max((one.row + 1 for one in node.inputs), default=0)
    for node in nodes:
        if not node.inputs:
            node.row = min((user.row for user in nodes if node in user.inputs), default=1) - 1
    rows: list[list[Node]] = [[] for _ in range(max(node.row for node in nodes) + 1)]
    for node in nodes:
        rows[node.row].append(node)
    for node in nodes:
        node.inputs = [_led(one, node.row, rows) for one in node.inputs]
    for _ in range(_SWEEPS):
        _ordered(rows)
    return rows


def _led(start: Node, row: int, rows: list[list[Node]]) -> Node:
    """The end of a way from a node down to the row above ``row``."""
    at = start
    for between in range(start.row + 1, row):
        known = next((n for n in rows[between] if not n.latex and n.inputs == [at]), None)
        if known is None:
            known = Node("", "", "", [at], between)
            rows[between].append(known)
        at = known
    return at


def _ordered(rows: list[list[Node]]) -> None:
    """Each row by the mean place of its neighbours above (going down), then of those below (going up)."""
    for row, above in zip(rows[1:], rows, strict=False):
        place = {id(n): k - (len(above) - 1) / 2 for k, n in enumerate(above)}
        _sort(row, {id(n): [place[id(i)] for i in n.inputs if id(i) in place] for n in row})
    for k in range(len(rows) - 2, -1, -1):
        below = rows[k + 1]
        place = {id(n): j - (len(below) - 1) / 2 for j, n in enumerate(below)}
        _sort(rows[k], {id(n): [place[id(user)] for user in below if n in user.inputs] for n in rows[k]})


def _sort(row: list[Node], neighbours: dict[int, list[float]]) -> None:
    now = {id(n): k - (len(row) - 1) / 2 for k, n in enumerate(row)}
    row.sort(key=lambda n: sum(neighbours[id(n)]) / len(neighbours[id(n)]) if neighbours[id(n)] else now[id(n)])


def _place(rows: list[list[Node]]) -> None:
    """Give each node its x: near its neighbours, with room between."""
    for row in rows:
        at = 0.0
        for node in row:
            node.x = at + node.wide / 2
            at += node.wide + GAP
        for node in row:
            node.x -= (at - GAP) / 2
    for _ in range(_SWEEPS):
        for row in [*rows[1:], *rows[-2::-1]]:
            for node in row:
                users = [user for below in rows[node.row + 1 : node.row + 2] for user in below if node in user.inputs]
                near = [one.x for one in (*(i for i in node.inputs if i.inputs or not i.latex), *users)] or [i.x for i in node.inputs]
                node.x = sum(near) / len(near) if near else node.x
            _spread(row)
    left = min(node.x - node.wide / 2 for row in rows for node in row)
    for row in rows:
        for node in row:
            node.x -= left


def _spread(row: list[Node]) -> None:
    """Move what overlaps apart, and the row back to where its middle was."""
    before = sum(node.x for node in row) / len(row) if row else 0.0
    for one, other in itertools.pairwise(row):
        other.x = max(other.x, one.x + one.wide / 2 + GAP + other.wide / 2)
    shift = before - sum(node.x for node in row) / len(row) if row else 0.0
    for node in row:
        node.x += shift


# ---------------------------------------------------------------- the drawing
def _drawn(rows: list[list[Node]]) -> Drawing:
    items: list[Item] = []
    for row in rows:
        for node in row:
            for one in node.inputs if node.latex else ():
                items.append(Path(_way(one, node), arrow=True))
    for row in rows:
        for node in row:
            if node.latex:
                y = _y(node)
                if node.kind not in ("input", "parameter"):
                    items.append(Box(node.x, y, node.wide, HIGH, node.kind))
                items.append(Label(node.x, y - 0.45, node.latex))
                items.append(Label(node.x, y + 0.6, node.shape, kind="axis"))
    right = max(node.x + node.wide / 2 for row in rows for node in row)
    return Drawing(right + 0.4, ROW * (len(rows) - 1) + HIGH + 0.4, tuple(items))


def _y(node: Node) -> float:
    return ROW * node.row + HIGH / 2 + 0.2


def _way(start: Node, end: Node) -> tuple[tuple[float, float], ...]:
    """From a value through the places that lead to where it is used."""
    bends: list[tuple[float, float]] = []
    at = start
    while not at.latex:                                         # straight down past the boxes of a row
        bends += [(at.x, _y(at) + HIGH / 2), (at.x, _y(at) - HIGH / 2)]
        at = at.inputs[0]
    reach = max(-1.0, min(1.0, ((bends[0][0] if bends else at.x) - end.x) / 4)) * end.wide * 0.3
    return ((at.x, _y(at) + HIGH / 2), *reversed(bends), (end.x + reach, _y(end) - HIGH / 2))
