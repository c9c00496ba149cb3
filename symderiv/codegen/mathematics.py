"""One short line of mathematics for a node, in index notation: the comments of generated code."""

from __future__ import annotations

from fractions import Fraction

from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, Symbol

LONGEST = 60
DEEPEST = 4
LETTERS = "ijklmnpqrstuvw"


def mathematics(node: Expr) -> str:
    """The node's formula, or nothing where it is long.

    >>> from symderiv.build import contract, symbol
    >>> W, h = symbol("W", ("o", "n")), symbol("h", ("n",))
    >>> mathematics(contract((W, h), ("ij", "j"), "i"))
    'Σ_j W_ij h_j'
    """
    inner = node
    while isinstance(inner, Name | Box):
        inner = inner.kids[0]
    if isinstance(inner, Symbol) or len(inner.shape) > 6:
        return ""
    writer = _Writer(len(inner.shape))
    text = writer.write(inner, tuple(range(len(inner.shape))), 0, False)
    return text if text is not None and len(text) <= LONGEST else ""


class _Writer:
    """Gives out letters for summed labels."""

    def __init__(self, used: int) -> None:
        self.used = used

    def subscript(self, name: str, labels: tuple[int, ...]) -> str:
        return name + ("_" + "".join(LETTERS[x] for x in labels) if labels else "")

    def write(self, node: Expr, labels: tuple[int, ...], depth: int, factor: bool) -> str | None:
        if depth > DEEPEST or self.used > len(LETTERS):
            return None
        if isinstance(node, Symbol | Name):
            return self.subscript(node.name, labels)
        if isinstance(node, Box):
            return self.write(node.body, labels, depth + 1, factor)
        if isinstance(node, Map):
            x = self.write(node.arg, labels, depth + 1, False)
            if x is None:
                return None
            if node.fn != "pow":
                return f"{node.fn}{chr(39) * node.order}({x})"
            powers = {Fraction(1, 2): "√", Fraction(2): "²", Fraction(3): "³", Fraction(-1): "⁻¹", Fraction(-2): "⁻²"}
            sign = powers.get(node.params[0], f"^({node.params[0]})")
            x = x if isinstance(node.arg, Symbol | Name | Map) and " " not in x else f"({x})"
            return f"{sign}{x}" if sign == "√" else f"{x}{sign}"
        if isinstance(node, Call):
            args = [self.whole(a, depth + 1) for a in node.args]
            if any(a is None for a in args):
                return None
            ders = "".join(f"_{d}" for d in node.ders)
            return self.subscript(f"{node.fn}{ders}({', '.join(a for a in args if a)})", labels)
        if isinstance(node, Add):
            return self.sum(node, labels, depth, factor)
        assert isinstance(node, Contract), node
        return self.product(node, labels, depth, factor)

    def whole(self, node: Expr, depth: int) -> str | None:
        """A whole array, as the argument of a tensor function."""
        if isinstance(node, Symbol | Name):
            return node.name
        if depth > 1:
            return None
        return "…" if node.shape else self.write(node, (), depth, False)

    def sum(self, node: Add, labels: tuple[int, ...], depth: int, factor: bool) -> str | None:
        text = ""
        for c, t in sorted(node.terms, key=lambda row: (row[0] < 0, isinstance(row[1], Symbol | Name))):
            part = self.write(t, labels, depth + 1, False)
            if part is None:
                return None
            if part == "1":
                part = str(abs(c))
            elif abs(c) != 1:
                part = f"{abs(c)} {part}"
            text += (" − " if c < 0 else " + ") + part if text else ("−" if c < 0 else "") + part
        return f"({text})" if factor and len(node.terms) > 1 else text or "0"

    def product(self, node: Contract, labels: tuple[int, ...], depth: int, factor: bool) -> str | None:
        names: dict[int, int] = {}
        deltas = ""
        for x, letter in zip(node.out, labels, strict=True):
            if x in names and names[x] != letter:
                deltas += f" δ_{LETTERS[names[x]]}{LETTERS[letter]}"
            names.setdefault(x, letter)
        summed = ""
        for x in range(len(node.dims)):
            if x not in names:
                if self.used >= len(LETTERS):
                    return None
                names[x] = self.used
                summed += LETTERS[self.used]
                self.used += 1
        rows = sorted(
            zip(node.factors, node.labels, strict=True),
            key=lambda row: (not any(x not in node.out for x in row[1]), -len(row[1])),
        )
        parts = [self.write(f, tuple(names[x] for x in ls), depth + 1, True) for f, ls in rows]
        if any(p is None for p in parts):
            return None
        text = " ".join(p for p in parts if p is not None) + deltas
        text = (f"Σ_{summed} " if summed else "") + text.strip()
        return f"({text})" if factor and summed else text or "1"
