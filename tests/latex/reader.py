"""A reader of the LaTeX that derivations are printed in: to a tree, by the rules of the trade and nothing of the engine's.

Products bind tighter than ⊙, ⊘ and ⊗, these tighter than + and −; Σ reaches to the end of its product; an exponent or an
index belongs to what stands right before it. What isn't in the grammar raises ``Unread``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SKIPPED = re.compile(r"\\(?:[,;:!> ]|quad|qquad|displaystyle|(?:bigg?|Bigg?)[lr]?(?![A-Za-z])|left(?![A-Za-z])|right(?![A-Za-z]))|[\s~&]")
TOKEN = re.compile(r"\\[A-Za-z]+|\\[^A-Za-z]|\d+(?:\.\d+)?|[A-Za-z]|[-+^_{}()\[\],/'|=<>]")
GREEK = set("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega "
            "varphi varepsilon Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell".split())  # fmt: skip
FUNCTIONS = set("exp log sin cos tan tanh sinh cosh det max min arctan".split())
JOINS = (r"\odot", r"\oslash", r"\otimes", r"\cdot", r"\times")
ENDS = {*JOINS, *"+-)]},=", r"\rVert", r"\rvert", r"\rangle"}
WRAPPED = {"operatorname", "mathrm", "mathbf", "boldsymbol", "mathcal", "text"}


class Unread(Exception):
    """LaTeX that the grammar hasn't."""


@dataclass(frozen=True)
class Node:
    """kind, text, parts: ("sum", "", (a, b)), ("name", "W_1", ()), ("at", "ij", (base,)), …"""

    kind: str
    text: str = ""
    parts: tuple[Node, ...] = ()


class Reader:
    def __init__(self, latex: str, names: frozenset[str]) -> None:
        self.latex, self.names = latex, names
        self.tokens: list[str] = []
        place = 0
        while place < len(latex):
            if found := SKIPPED.match(latex, place):
                place = found.end()
            elif found := TOKEN.match(latex, place):
                self.tokens.append(found[0])
                place = found.end()
            else:
                raise Unread(latex[place : place + 20])
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise Unread(f"{token or 'the end'} where {wanted or 'more'} was expected in {self.latex}")
        self.at += 1
        return token

    def accept(self, token: str) -> bool:
        if self.peek() == token:
            self.at += 1
            return True
        return False

    # ------------------------------------------------------------ from loose to tight
    def whole(self) -> Node:
        found = self.sum()
        if self.peek():
            raise Unread(f"{self.peek()} after the formula {self.latex}")
        return found

    def sum(self) -> Node:
        found = Node("neg", "", (self.joined(),)) if self.accept("-") else self.joined()
        while self.peek() in ("+", "-"):
            sign = self.take()
            term = self.joined()
            found = Node("sum", "", (found, term if sign == "+" else Node("neg", "", (term,))))
        return found

    def joined(self) -> Node:
        found = self.product()
        while self.peek() in JOINS:
            sign = self.take()[1:]
            found = Node(sign, "", (found, self.product()))
        return found

    def product(self) -> Node:
        factors = []
        while True:
            token = self.peek()
            if token == r"\sum":
                factors.append(self.summation())
                break
            if not token or token in ENDS:
                break
            factors.append(self.marked())
        if not factors:
            raise Unread(f"nothing where a factor was expected: {' '.join(self.tokens[self.at : self.at + 5])} in {self.latex}")
        found = factors[0]
        for factor in factors[1:]:
            found = Node("product", "", (found, factor))
        return found

    def summation(self) -> Node:
        self.take(r"\sum")
        self.take("_")
        letters = self.group() if self.peek() == "{" else [self.take()]
        return Node("total", "".join(x for x in letters if x != ","), (self.product(),))

    def group(self) -> list[str]:
        """The tokens between braces."""
        self.take("{")
        found, depth = [], 1
        while depth:
            token = self.take()
            depth += (token == "{") - (token == "}")
            found.append(token)
        return found[:-1]

    def braced(self) -> Node:
        self.take("{")
        found = self.sum()
        self.take("}")
        return found

    # ------------------------------------------------------------ a factor with its marks
    def marked(self) -> Node:
        found = self.atom()
        while self.peek() in ("^", "_"):
            if self.take() == "_":
                letters = self.group() if self.peek() == "{" else [self.take()]
                found = Node("at", "".join(x for x in letters if x != ","), (found,))
                continue
            marks = self.group() if self.peek() == "{" else [self.take()]
            found = self.raised(found, marks)
        return found

    def raised(self, base: Node, marks: list[str]) -> Node:
        if marks == [r"\top"]:
            return Node("transpose", "", (base,))
        if marks == ["-", r"\top"]:
            return Node("transpose", "", (Node("inverse", "", (base,)),))
        kind = "power"
        if marks[:1] == [r"\odot"]:
            kind, marks = "entrywise", marks[1:]
        if re.fullmatch(r"-?\d+(\.\d+)?(/\d+)?", "".join(marks)):
            return Node(kind, "".join(marks), (base,))
        if base == Node("name", "e"):
            inner = Reader("", self.names)
            inner.tokens = marks
            return Node("apply", "exp", (inner.whole(),))
        raise Unread(f"the exponent {' '.join(marks)}")

    def atom(self) -> Node:
        token = self.take()
        if token == "(":
            found = self.sum()
            self.take(")")
            return Node("brackets", "", (found,))
        if token[0].isdigit():
            return Node("number", token)
        if token in (r"\frac", r"\tfrac"):
            return Node("quotient", "", (self.braced(), self.braced()))
        if token == r"\sqrt":
            return Node("apply", "sqrt", (self.braced(),))
        if token in (r"\lVert", r"\lvert"):
            found = self.sum()
            self.take(token.replace(r"\l", r"\r"))
            frobenius = self.peek() == "_" and self.peek(1) in ("F", "2")
            self.at += 2 * frobenius
            return Node("apply", "norm" if token == r"\lVert" else "abs", (found,))
        if token[0] == "\\":
            return self.command(token[1:])
        if token.isalpha():
            return self.function_or(self.named(token))
        if token == "[" and self.peek().isalpha() and self.peek(1) == "=" and self.peek(2).isdigit():
            letter, _, place = self.take(), self.take(), self.take()
            self.take("]")
            return Node("iverson", f"{letter}={place}")
        raise Unread(f"{token} in {self.latex}")

    def command(self, word: str) -> Node:
        if word in WRAPPED:
            text = "".join(self.group())
            if word == "mathbf" and text in ("1", "0"):
                return Node("ones" if text == "1" else "zeros")
            if word == "mathbf" and text == "e":
                self.take("_")
                return Node("unit", "".join(self.group() if self.peek() == "{" else [self.take()]))
            if word == "mathrm" and text == "d":
                return Node("name", "d" + self.marked_name())
            if word == "operatorname":
                return self.applied(text)
            return self.function_or(self.named(text))
        if word in FUNCTIONS:
            return self.applied(word)
        if word == "delta" and self.peek() == "_" and not self.named_next("delta"):
            self.take("_")
            letters = "".join(x for x in (self.group() if self.peek() == "{" else [self.take()]) if x != ",")
            return Node("delta", letters)
        if word in GREEK:
            return self.function_or(self.named(word))
        raise Unread(f"\\{word}")

    def marked_name(self) -> str:
        token = self.take()
        return self.named(token.removeprefix("\\"))

    def named_next(self, word: str) -> bool:
        mark = self.at
        found = self.named(word) != word
        self.at = mark
        return found

    def named(self, word: str) -> str:
        """The name that begins with this word: W_1 where that is one."""
        if self.peek() == "_":
            mark = self.at
            self.take()
            script = "".join(self.group() if self.peek() == "{" else [self.take()])
            if f"{word}_{script}" in self.names:
                return f"{word}_{script}"
            self.at = mark
        return word

    def function_or(self, name: str) -> Node:
        """A name; at a bracket that stands right at one of these, the function of that name."""
        if name in ("sigma", "H", "Phi", "varphi") and name not in self.names and self.peek() == "(":
            return self.applied(name)
        return Node("name", name)

    def applied(self, name: str) -> Node:
        axis = ""
        if self.peek() == "_":
            self.take()
            axis = "".join(self.group() if self.peek() == "{" else [self.take()])
            if not axis.startswith(r"\mathrm{axis}"):
                raise Unread(f"{name} with {axis}")
            axis = axis.removeprefix(r"\mathrm{axis}")
        if self.peek()[:1] == "\\":                              # without brackets it reaches over the marks of its argument
            return Node("apply", f"{name}:{axis}" if axis else name, (self.marked(),))
        if self.peek() != "(":
            raise Unread(f"{name} without an argument")
        self.take("(")
        arguments = [self.sum()]
        while self.accept(","):
            arguments.append(self.sum())
        self.take(")")
        return Node("apply", f"{name}:{axis}" if axis else name, tuple(arguments))


def read(latex: str, names: frozenset[str] = frozenset()) -> Node:
    """The tree of a formula; ``names`` are those that have a script, as W_1."""
    return Reader(latex, names).whole()
