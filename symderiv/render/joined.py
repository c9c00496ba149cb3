"""Joined axes in index form: x_(im) for the entry of x at the place that i and m have together.

kron and vec join axes. Where a joined axis is summed with another factor, or stands at letters that are joined already, all
factors have the letters of what was joined, and the δ that the join is made of vanish: Σ_mq x_(im) B_mq x_(jq).
"""
from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

from symderiv.ir import Add, Box, Call, Contract, Expr, Map, postorder

Row = tuple[Expr, tuple[int, ...]]


class Letter(str):
    """The letters of a joined axis, in brackets."""

    parts: tuple[str, ...]


def joined(parts: Sequence[str]) -> Letter:
    """The letter of an axis that was made from several.

    >>> joined("im"), joined("im").parts
    ('(im)', ('i', 'm'))
    """
    letter = Letter(f"({''.join(parts)})")
    letter.parts = tuple(parts)
    return letter


def single(letters: Iterable[str]) -> list[str]:
    """The letters, and of joined axes those that they were made from, each once.

    >>> single(["k", joined("im"), "m"])
    ['k', 'i', 'm']
    """
    return list(dict.fromkeys(part for x in letters for part in (x.parts if isinstance(x, Letter) else (x,))))


class Opened(NamedTuple):
    """A product for print: factors and output with the labels that they show; of some factors how many each axis has."""

    rows: list[Row]
    out: tuple[int, ...]
    letters: tuple[str, ...]
    widths: dict[int, tuple[int, ...]]


def is_join(node: Expr) -> bool:
    return isinstance(node, Call) and node.fn == "reshape" and not node.ders


def spread(node: Expr, letters: Sequence[str]) -> tuple[str, ...] | None:
    """The letters of what a join is made of, where each of its joined axes has just as many; None where one hasn't."""
    found: list[str] = []
    for letter, width in zip(letters, node.params, strict=True):  # type: ignore[attr-defined]  # it is a join
        parts = (letter,) if width == 1 else letter.parts if isinstance(letter, Letter) else ()
        if len(parts) != width:
            return None
        found.extend(parts)
    return tuple(found)


def opened(node: Contract, letters: tuple[str, ...]) -> Opened:
    """The factors of a product, joins opened where all that they join is summed, or has joined letters in the output."""
    if not any(map(is_join, node.factors)):
        return Opened(list(zip(node.factors, node.labels, strict=True)), node.out, letters, {})
    return _Opening(node, letters).build()


class _Opening:
    def __init__(self, node: Contract, letters: tuple[str, ...]) -> None:
        self.node, self.letters = node, letters
        self.fresh = count(len(node.dims))
        self.same: dict[int, int] = {}
        self.parts: dict[int, tuple[int, ...]] = {}
        self.sizes: dict[int, object] = dict(enumerate(node.dims))
        self.wide = {x: len(y.parts) for x, y in zip(node.out, letters, strict=True) if isinstance(y, Letter)}

    def find(self, x: int) -> int:
        while x in self.same:
            x = self.same[x]
        return x

    def unite(self, x: int, y: int) -> None:
        x, y = self.find(x), self.find(y)
        if x != y:                                              # the output's label stays
            x, y = (y, x) if x in self.node.out else (x, y)
            self.same[x] = y

    def build(self) -> Opened:
        rows: list[Row] = []
        for f, ls in zip(self.node.factors, self.node.labels, strict=True):
            inner = self.inner(f, ls) if isinstance(f, Call) and is_join(f) else None
            rows.extend([(f, ls)] if inner is None else self.flat(f.kids[0], inner))
        widths = {k: tuple(len(self.parts.get(x, (x,))) for x in ls) for k, (_, ls) in enumerate(rows)
                  if any(x in self.parts for x in ls)}
        out, letters = list[int](), list[str]()
        for x, letter in zip(self.node.out, self.letters, strict=True):
            out.extend(self.parts.get(x, (x,)))
            letters.extend(letter.parts if x in self.parts and isinstance(letter, Letter) else (letter,))
        told = [(f, tuple(self.find(y) for x in ls for y in self.parts.get(x, (x,)))) for f, ls in rows]
        return Opened(told, tuple(map(self.find, out)), tuple(letters), widths)

    def inner(self, f: Call, labels: Sequence[int]) -> list[int] | None:
        """The labels of what a join is made of; None where it stays."""
        at, found = 0, list[tuple[int, tuple[int, ...]]]()
        for x, width in zip(labels, f.params, strict=True):
            dims = f.args[0].shape[at: at + width]
            at += width
            if width == 1:
                found.append((x, (x,)))
                continue
            known = self.parts.get(x)
            if (x in self.node.out and self.wide.get(x) != width) or (known and [self.sizes[y] for y in known] != list(dims)):
                return None
            made = tuple(next(self.fresh) for _ in range(width))
            self.sizes.update(zip(made, dims, strict=True))
            found.append((x, made))
        for x, made in found:
            for own, other in zip(made, self.parts.setdefault(x, made) if len(made) > 1 else made, strict=True):
                self.unite(own, other)
        return [y for _, made in found for y in made]

    def flat(self, f: Expr, labels: Sequence[int]) -> Iterator[Row]:
        """What a join is made of, a product as its factors."""
        if not isinstance(f, Contract):
            yield f, tuple(labels)
            return
        at = {x: next(self.fresh) for x in range(len(f.dims))}
        for x, y in zip(f.out, labels, strict=True):
            self.unite(at[x], y)
        yield from ((g, tuple(at[x] for x in gl)) for g, gl in zip(f.factors, f.labels, strict=True))


def joined_axes(node: Expr) -> dict[int, int]:
    """The axes that are joins of several, with their number.

    >>> from symderiv.api import parse
    >>> joined_axes(parse("kron(A, B) @ x", A="p p", B="q q", x="p*q"))
    {0: 2}
    """
    if not any(map(is_join, postorder(node))):
        return {}
    return _joined_axes(node)


def _joined_axes(node: Expr) -> dict[int, int]:
    if is_join(node):
        return {k: width for k, width in enumerate(node.params) if width > 1}  # type: ignore[attr-defined]  # it is a Call
    if isinstance(node, Add | Map | Box):
        found: dict[int, int] = {}
        for kid in node.kids:
            found |= _joined_axes(kid)
        return found
    if not isinstance(node, Contract):
        return {}
    wide = {x: width for f, ls in zip(node.factors, node.labels, strict=True) for k, width in _joined_axes(f).items() for x in (ls[k],)}
    return {k: wide[x] for k, x in enumerate(node.out) if x in wide}


def name_rest(rows: Sequence[Row], opened_: Container[int], name: dict[int, str], free: Callable[[set[str]], str], joins: bool) -> None:
    """Letters for the labels of rows that have none yet, several for a joined axis; ``joins`` says that there may be some."""
    wide: dict[int, int] = {}
    for k, (f, ls) in enumerate(rows):
        if joins and k not in opened_:
            wide |= {ls[axis]: width for axis, width in joined_axes(f).items()}
    for x in (x for _, ls in rows for x in ls):
        if x not in name:
            letters = list[str]()
            for _ in range(wide.get(x, 1)):
                letters.append(free({*single(name.values()), *letters}))
            name[x] = joined(letters) if x in wide else letters[0]


def in_brackets(letters: Sequence[str], widths: Sequence[int] | None) -> tuple[str, ...]:
    """The letters of a factor, those of a joined axis in brackets.

    >>> in_brackets("imj", (2, 1))
    ('(im)', 'j')
    """
    found, at = list[str](), 0
    for width in widths or [1] * len(letters):
        group = letters[at: at + width]
        found.append(group[0] if width == 1 else joined(group))
        at += width
    return tuple(found)
