"""Index letters: which are free, and which a summed index had in the line before."""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from symderiv.dims import dim_atoms
from symderiv.ir import SIGNED, Add, Box, Call, Contract, Der, Expr, Map, Name, Symbol, postorder

POOL = "iklmqrstuvjabcdefghnopwxyz"
SCALAR_POOL = "ijklmqrstuvabcdefghnopwxyz"
"""of a formula without output indices"""
OUTPUT_POOL = "ijklmnpqrs"
"""of outputs, in this order"""
_SUBSCRIPT = re.compile(r"_([a-z])(?:[+-]\d)?$")
Place = tuple[bytes, tuple[str, ...]]
"""a node's digest and the letters at its axes"""


@dataclass
class Letters:
    """What a line has used, in order of appearance: the next line inherits its letters and its order from it."""

    places: list[Place] = field(default_factory=list)
    first: dict[bytes, int] = field(default_factory=dict)
    open: bool = False
    """whether derivatives not yet taken, or brackets, were in it: what replaces them stands where they stood, last"""

    def record(self, node: Expr, letters: tuple[str, ...]) -> None:
        self.open = self.open or isinstance(node, Der) or (isinstance(node, Box) and node.note != SIGNED)
        self.first.setdefault(node.digest, len(self.places))
        self.places.append((node.digest, letters))

    def rank(self, node: Expr) -> float | None:
        """Where the node stood; for a product, where its factors stood on average; None for a new one."""
        if node.digest in self.first:
            return float(self.first[node.digest])
        known = [self.first[k.digest] for k in node.kids if k.digest in self.first]
        return sum(known) / len(known) if known and isinstance(node, Contract) else None


def taken_names(expr: Expr) -> set[str]:
    """Single letters that the formula uses for something else: symbols, functions and sizes."""
    names: set[str] = set()
    for node in postorder(expr):
        if isinstance(node, Symbol | Name):
            names.add(node.name)
        elif isinstance(node, Map | Call):
            names.add(node.fn)
        for dim in node.shape:
            names.update(dim_atoms(dim))
        if isinstance(node, Contract):
            for dim in node.dims:
                names.update(dim_atoms(dim))
    return {n for n in names if len(n) == 1} | {"d", "e"} | subscripts(names)


def subscripts(names: Iterable[str]) -> set[str]:
    """Single letters that names end with, as the l of W_l: they say which symbol it is.

    >>> sorted(subscripts(["W_l", "a_k-1", "delta_out", "x"]))
    ['k', 'l']
    """
    return {found.group(1) for found in map(_SUBSCRIPT.search, names) if found}


def output_letters(count: int, *exprs: Expr, pool: str = OUTPUT_POOL) -> tuple[str, ...]:
    """Letters for output indices: the first of the pool that are no name, and that none ends with, then whatever is left."""
    names = {n.name for e in exprs for n in postorder(e) if isinstance(n, Symbol | Name)}
    avoid = subscripts(names) | {name for name in names if len(name) == 1}
    return free_letters(count, avoid, [c for c in pool if c not in avoid][:count])


def free_letters(count: int, avoid: Iterable[str], first: Iterable[str] = ()) -> tuple[str, ...]:
    """So many letters, the first of them given, the others free."""
    letters, shunned = list(first), set(avoid)
    while len(letters) < count:
        letters.append(next_letter(letters, shunned))
    return tuple(letters)


def next_letter(used: Iterable[str], avoid: Iterable[str], pool: str = POOL) -> str:
    """The first free letter; a name's letter only where no other is left.

    >>> next_letter("ij", "kl")
    'm'
    """
    gone, shunned = set(used), set(avoid)
    for letter in pool:
        if letter not in gone and letter not in shunned:
            return letter
    for letter in pool:
        if letter not in gone:
            return letter
    k = 1
    while f"i_{{{k}}}" in gone:
        k += 1
    return f"i_{{{k}}}"


def incidences(node: Expr, labels: Sequence[int | None]) -> list[tuple[bytes, tuple[int | None, ...]]]:
    """The nodes at or below a factor that carry its labels entry by entry, each with its labels."""
    found: list[tuple[bytes, tuple[int | None, ...]]] = []
    stack: list[tuple[Expr, tuple[int | None, ...]]] = [(node, tuple(labels))]
    while stack and len(found) < 100:
        n, ls = stack.pop()
        if not ls:
            continue
        found.append((n.digest, ls))
        if isinstance(n, Map | Box) or (isinstance(n, Name) and n.role == "differential"):
            stack.append((n.kids[0], ls))
        elif isinstance(n, Add):
            stack.extend((t, ls) for _, t in n.terms)
        elif isinstance(n, Der):
            k = len(n.body.shape)
            stack.extend([(n.wrt, ls[k:]), (n.body, ls[:k])])
        elif isinstance(n, Contract):
            at = dict(zip(n.out, ls, strict=True))
            stack.extend((f, tuple(at.get(x) for x in fl)) for f, fl in zip(n.factors, n.labels, strict=True))
    return found


MOST_PLACES = 12
"""places of one factor in the line before that are looked at: a line with more isn't followed by eye"""


def inherited(rows: Sequence[tuple[Expr, tuple[int, ...]]], known: dict[int, str], previous: Letters,
              used: set[str]) -> dict[int, str]:
    """Letters for summed labels from the line before, matched by factor and axis; ``known`` letters must agree."""
    places: dict[bytes, dict[tuple[str, ...], None]] = {}
    for digest, letters in previous.places:
        if len(given := places.setdefault(digest, {})) < MOST_PLACES:
            given[letters] = None
    at = list(dict.fromkeys((d, ls) for f, labels in rows for d, ls in incidences(f, labels) if d in places))
    chosen: dict[int, str] = {}
    while True:
        best: tuple[int, int, int, str] | None = None
        for position, (d, ls) in enumerate(at):
            for letters in places[d]:
                agree = 0
                for x, letter in zip(ls, letters, strict=False):
                    have = None if x is None else known.get(x, chosen.get(x))
                    agree += 0 if have is None else 2 if have == letter else -100
                if agree < 0:
                    continue
                for x, letter in zip(ls, letters, strict=False):
                    if x is not None and x not in known and x not in chosen and letter not in used \
                            and letter not in chosen.values():
                        candidate = (-agree, position, x, letter)
                        best = candidate if best is None else min(best, candidate)
        if best is None:
            return chosen
        chosen[best[2]] = best[3]
