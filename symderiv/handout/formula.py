r"""The structure of a LaTeX formula, for the writers: where it may be broken, how wide it is.

This is typography, not mathematics: a formula is read as far as a typesetter has to, into nodes that know their span
in the text. What isn't known is kept as it is.

>>> [node.text for node in parse(r"\frac{a}{b}+x_i")]
['\\frac', '+', 'x', '_']
>>> [piece for piece, _ in pieces(r"a\,b+f(x-1)-\frac{1+c}{2}")]
['a\\,b', '+f(x-1)', '-\\frac{1+c}{2}']
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise


@dataclass(frozen=True)
class Node:
    """A command with its arguments, a group, a script, an environment (``rows``), or one character or number."""

    text: str
    start: int
    end: int
    args: tuple[tuple[Node, ...], ...] = ()
    rows: tuple[tuple[tuple[Node, ...], ...], ...] = ()
    raw: str = ""


ARGUMENTS = {
    **dict.fromkeys(("frac", "tfrac", "dfrac", "binom", "overset", "underset", "stackrel"), 2),
    **dict.fromkeys(("sqrt", "underbrace", "overbrace", "overline", "underline", "bar", "hat", "widehat", "tilde"), 1),
    **dict.fromkeys(("widetilde", "vec", "dot", "ddot", "boxed", "mathrm", "mathbf", "mathit", "mathsf", "mathtt"), 1),
    **dict.fromkeys(("mathbb", "mathcal", "boldsymbol", "phantom", "substack", "mathring", "check", "breve"), 1),
}
TEXT = {"text", "texttt", "textbf", "textit", "textrm", "mathrm", "mathtt", "operatorname", "operatorname*", "mbox"}
RELATIONS = set("=<>:") | {
    "\\" + name
    for name in (
        "le ge leq geq ne neq lt gt in notin ni subset subseteq sim simeq approx equiv propto to mapsto rightarrow "
        "leftarrow leftrightarrow Rightarrow Leftarrow Leftrightarrow Longrightarrow implies iff longrightarrow "
        "longmapsto succ succeq prec preceq nsucceq npreceq mid coloneqq ll gg perp"
    ).split()
}
SUMS = {"+", "-", "\\pm", "\\mp"}
PRODUCTS = {"\\" + n for n in "odot oslash otimes oplus ominus times cdot circ div ast star bullet wedge".split()}
SPACES = {"\\,": 0.167, "\\:": 0.222, "\\;": 0.278, "\\!": -0.167, "\\ ": 0.333, "~": 0.333}
WIDE = {"\\quad": 1.0, "\\qquad": 2.0}
SPACES |= WIDE
OPENING = {"(", "[", "\\{", "\\langle", "\\lbrace", "\\lvert", "\\lVert", "\\lfloor", "\\lceil", "\\lbrack"}
CLOSING = {")", "]", "\\}", "\\rangle", "\\rbrace", "\\rvert", "\\rVert", "\\rfloor", "\\rceil", "\\rbrack"}
BIG = {"\\sum", "\\prod", "\\int", "\\max", "\\min", "\\lim", "\\sup", "\\inf", "\\bigoplus", "\\bigotimes"}
_WIDEST_FENCE = 18.0
_BADNESS = (200, 300, 500, 10000)
_SIZE = re.compile(r"\\(?:big|Big|bigg|Bigg)[lrm]?$")
_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.", re.DOTALL)


class _Reader:
    def __init__(self, latex: str):
        self.latex = latex
        self.tokens = [(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(latex)]
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def skip_space(self) -> None:
        while self.peek().isspace():
            self.at += 1

    def nodes(self, stop: tuple[str, ...] = ()) -> tuple[Node, ...]:
        found: list[Node] = []
        while self.at < len(self.tokens) and self.peek() not in stop:
            if self.peek().isspace():
                self.at += 1
            else:
                found.append(self.node())
        return tuple(found)

    def node(self) -> Node:
        token, start, end = self.tokens[self.at]
        self.at += 1
        if token == "{":
            return Node("{", start, *self.close(self.nodes(("}",))))
        if token in ("^", "_"):
            argument = self.argument()
            return Node(token, start, self.end(), (argument,))
        if token == "\\left":
            return self.fence(start)
        if token == "\\begin":
            return self.environment(start)
        name = token[1:] if token.startswith("\\") else ""
        if _SIZE.match(token) and self.at < len(self.tokens):
            delimiter = self.tokens[self.at]
            self.at += 1
            return Node(delimiter[0], start, delimiter[2])
        if name in TEXT:
            raw = self.raw()
            return Node(token, start, self.end(), raw=raw)
        if name in ARGUMENTS:
            if name == "sqrt" and self.peek() == "[":
                while self.at < len(self.tokens) and self.peek() != "]":
                    self.at += 1
                self.at += 1
            arguments = tuple(self.argument() for _ in range(ARGUMENTS[name]))
            return Node(token, start, self.end(), arguments)
        return Node(token, start, end)

    def end(self) -> int:
        return self.tokens[min(self.at, len(self.tokens)) - 1][2]

    def close(self, inside: tuple[Node, ...]) -> tuple[int, tuple[tuple[Node, ...], ...]]:
        self.at += 1
        return self.end(), (inside,)

    def argument(self) -> tuple[Node, ...]:
        self.skip_space()
        if self.at >= len(self.tokens):
            return ()
        if self.peek() == "{":
            return self.node().args[0]
        token, start, end = self.tokens[self.at]
        if token[0].isdigit() and len(token) > 1:
            self.tokens[self.at : self.at + 1] = [(token[0], start, start + 1), (token[1:], start + 1, end)]
        return (self.node(),)

    def raw(self) -> str:
        self.skip_space()
        if self.peek() != "{":
            return self.argument()[0].text if self.at < len(self.tokens) else ""
        start, depth = self.tokens[self.at][2], 0
        while self.at < len(self.tokens):
            token, at, _ = self.tokens[self.at]
            depth += (token == "{") - (token == "}")
            self.at += 1
            if depth == 0:
                return self.latex[start:at]
        return self.latex[start:]

    def fence(self, start: int) -> Node:
        opening = self.peek()
        self.at += 1
        inside = self.nodes(("\\right",))
        self.at += 1
        closing = self.peek()
        self.at += 1
        return Node("\\left", start, self.end(), (inside,), raw=opening + "\n" + closing)

    def environment(self, start: int) -> Node:
        name = self.raw()
        if name in ("array", "tabular", "alignedat"):
            self.raw()
        rows: list[tuple[tuple[Node, ...], ...]] = []
        cells: list[tuple[Node, ...]] = []
        while self.at < len(self.tokens):
            cells.append(self.nodes(("&", "\\\\", "\\end")))
            separator = self.peek()
            self.at += 1
            if separator != "&":
                rows.append(tuple(cells))
                cells = []
            if separator == "\\end" or not separator:
                break
        self.raw()
        return Node("\\begin", start, self.end(), rows=tuple(row for row in rows if any(row)), raw=name)


@lru_cache(maxsize=8192)
def parse(latex: str) -> tuple[Node, ...]:
    """The nodes of a formula. Never fails: a brace too many becomes a character."""
    return _Reader(latex).nodes()


def pieces(latex: str, limit: float = 0.0) -> tuple[tuple[str, int], ...]:
    """The pieces between which a formula may be broken, each with the badness (0 best) of a break before it.

    Breaks stand before relations, sums and products outside all brackets, after a wide space or a comma with a space,
    and, in a piece wider than ``limit`` (in em; 0 for never), also inside brackets and between factors. The pieces
    joined are the formula; only wide brackets that grow with what is in them become large ones that can be broken.
    """
    latex = _opened(latex) if limit else latex
    possible = _breaks(parse(latex))
    breaks = [b for b in possible if b[1] < _BADNESS[0]]
    for worst in _BADNESS[1:] if limit else ():
        edges = [0, *(at for at, _ in breaks), len(latex)]
        wide = [(a, b) for a, b in pairwise(edges) if width(latex[a:b]) > limit]
        breaks = [b for b in possible if b in breaks or (b[1] < worst and any(x < b[0] < y for x, y in wide))]
    edges = [0, *(at for at, _ in breaks), len(latex)]
    badness = [0, *(bad for _, bad in breaks)]
    texts = [latex[a:b] for a, b in pairwise(edges)]
    return tuple((_trimmed(text), bad) for text, bad in zip(texts, badness, strict=True))


def _opened(latex: str) -> str:
    fences = [node for node in parse(latex) if node.text == "\\left" and _one(node) > _WIDEST_FENCE]
    for node in reversed(fences):
        if "." not in node.raw and node.args[0]:
            inside = latex[node.args[0][0].start : node.args[0][-1].end]
            opening, closing = node.raw.split("\n")
            latex = f"{latex[: node.start]}\\biggl{opening} {inside}\\biggr{closing}{latex[node.end :]}"
    return latex


def _trimmed(latex: str) -> str:
    return re.sub(r"(?<!\\)\s+$", "", latex).lstrip()


def _breaks(nodes: tuple[Node, ...]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    depth = 0
    earlier = before = ""
    for node in nodes:
        depth -= node.text in CLOSING
        depth = max(depth, 0)
        deep = 200 * min(depth, 3)
        binary = before and before not in OPENING | RELATIONS | SUMS | PRODUCTS | SPACES.keys() | {",", ";"}
        if (
            node.text not in SPACES
            and before in SPACES
            and (before in WIDE or (earlier in (",", ";") and before != "\\,"))
        ):
            found.append((node.start, deep))
        elif binary and node.text in RELATIONS | SUMS:
            found.append((node.start, deep + (60 if node.text in RELATIONS else 0)))
        elif binary and node.text in PRODUCTS:
            found.append((node.start, deep + 120))
        elif node.text == "\\," and before not in BIG | {"_", "^"} | OPENING and before:
            found.append((node.start, deep + 320))
        depth += node.text in OPENING
        earlier, before = before, node.text
    return found


_NARROW = {**dict.fromkeys("ijltI,.;:!|'", 0.32), **dict.fromkeys("()[]", 0.39), **dict.fromkeys("mwMW", 0.9)}


def width(latex: str) -> float:
    r"""About how wide a displayed formula is, in em.

    >>> width(r"\frac{\partial f(z_i)}{\partial h_j}") < width(r"\partial f(z_i)\,\partial h_j")
    True
    """
    return _width(parse(latex))


def _width(nodes: tuple[Node, ...]) -> float:
    total = 0.0
    for index, node in enumerate(nodes):
        if node.text in ("^", "_"):
            script = 0.7 * _width(node.args[0]) + 0.05
            if index and nodes[index - 1].text in ("^", "_"):
                script = max(0.0, script - 0.7 * _width(nodes[index - 1].args[0]))
            elif index and nodes[index - 1].text in BIG:
                script = max(0.0, script - 1.4)
            total += script
        else:
            total += _one(node)
    return total


def _one(node: Node) -> float:
    text, name = node.text, node.text.lstrip("\\")
    if name in TEXT:
        return 0.5 * len(node.raw) + (0.17 if "operator" in name else 0.0)
    if name in ("frac", "dfrac", "binom", "overset", "underset", "stackrel"):
        return max(map(_width, node.args), default=0.0) + 0.3
    if name == "tfrac":
        return 0.7 * max(map(_width, node.args), default=0.0) + 0.3
    if text == "\\begin":
        columns = max((len(row) for row in node.rows), default=0)
        widest = [max((_width(row[c]) for row in node.rows if c < len(row)), default=0.0) for c in range(columns)]
        return sum(widest) + columns
    if node.args:
        return sum(map(_width, node.args)) + (1.0 if text == "\\left" else 0.4 if name == "sqrt" else 0.0)
    if text in SPACES:
        return SPACES[text]
    if text in RELATIONS:
        return 1.33 if "ight" not in text and "eft" not in text else 1.7
    if text in SUMS | PRODUCTS:
        return 1.22
    if text in BIG:
        return 1.6
    if text.startswith("\\"):
        return 0.4 if text in OPENING | CLOSING else 0.62 if len(name) <= 8 and name.isalpha() else 0.5
    return 0.5 * len(text) if text[0].isdigit() else _NARROW.get(text, 0.72 if text.isupper() else 0.55)
