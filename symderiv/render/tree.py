"""The matrix tree: what a formula in matrix form is made of, between the expression and its text.

Every tree has a shape of two axes; None stands for an axis that isn't there: (None, None) is a scalar, (n, None) a
column, (None, n) a row, (m, n) a matrix. Trees are frozen; equal content is equal (`key`), whatever the depth.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeVar

from symderiv.dims import Dim
from symderiv.ir import Call, Der, Expr, Map, Name, Symbol

Shape2 = tuple[Dim | None, Dim | None]
SCALAR: Shape2 = (None, None)


@lru_cache(maxsize=64)
def _contents(kind: type[Tree]) -> tuple[str, ...]:
    """The names of what a tree of this kind is built from."""
    return tuple(f.name for f in fields(kind) if f.init)


@dataclass(frozen=True, eq=False)
class Tree:
    """The root of all; never built itself."""

    shape: Shape2
    key: bytes = field(init=False, repr=False)
    words: tuple[str, ...] = field(init=False, repr=False)
    """names in order of appearance, for sorting"""
    size: int = field(init=False, repr=False)
    """number of nodes, transposes not counted"""
    turns: int = field(init=False, repr=False)
    """number of transposed matrices"""
    moving: bool = field(init=False, repr=False)
    """whether a differential or a derivative not yet taken is inside: such factors stand last"""

    def __post_init__(self) -> None:
        h = blake2b(type(self).__name__.encode(), digest_size=16)
        words: list[str] = []
        for content in _contents(type(self)):  # type: ignore[arg-type]  # of the class, not of its instances
            value = getattr(self, content)
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Tree):
                    h.update(item.key)
                    words.extend(item.words)
                elif isinstance(item, Expr):
                    h.update(item.digest)
                    words.append(_word(item))
                else:
                    h.update(repr(item).encode())
            h.update(b"|")
        kids = self.kids
        turned = isinstance(self, Transpose)
        moves = isinstance(self, Differential | Hole) or (isinstance(self, Leaf) and is_differential(self.node))
        computed = {
            "key": h.digest(), "words": tuple(words[:8]), "size": (not turned) + sum(k.size for k in kids),
            "turns": (turned and kids[0].order == 2) + sum(k.turns for k in kids),
            "moving": moves or any(k.moving for k in kids),
        }
        for name, value in computed.items():
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self.key == other.key

    def __hash__(self) -> int:
        return int.from_bytes(self.key[:8], "big")

    @property
    def kids(self) -> tuple[Tree, ...]:
        """The trees that this one is made of."""
        result: list[Tree] = []
        for content in _contents(type(self)):  # type: ignore[arg-type]  # of the class, not of its instances
            value = getattr(self, content)
            result.extend(x for x in (value if isinstance(value, tuple) else (value,)) if isinstance(x, Tree))
        return tuple(result)

    @property
    def order(self) -> int:
        return (self.shape[0] is not None) + (self.shape[1] is not None)


def is_differential(node: Expr) -> bool:
    """Whether a node is written dx: a symbol or name of that kind, or a derivative by a curve's formal parameter d."""
    if isinstance(node, Der):
        along = node.wrt
        return isinstance(along, Symbol) and along.kind == "formal" and along.name == "d" and not along.shape
    if isinstance(node, Name):
        return node.role == "differential"
    return isinstance(node, Symbol) and node.kind == "differential"


def _word(node: Expr) -> str:
    return str(getattr(node, "name", getattr(node, "fn", "~")))


@dataclass(frozen=True, eq=False)
class Leaf(Tree):
    """A symbol, a name, or a derivative of a module by itself (J_N): one sign."""

    node: Expr
    symmetric: bool = False


@dataclass(frozen=True, eq=False)
class Slice(Tree):
    """A tensor with some axes fixed at letters: (H_N)_{k,:,:}; ``index`` has a letter or None for each axis."""

    node: Expr
    index: tuple[str | None, ...]
    symmetric: bool = False


@dataclass(frozen=True, eq=False)
class Entry(Tree):
    """A part of a formula: (A B)_{k,:} as a column, (A v)_k."""

    arg: Tree
    index: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class Opaque(Tree):
    """An expression that has no matrix form, written by its entries: [ … ]_{ij}."""

    node: Expr


@dataclass(frozen=True, eq=False)
class Unit(Tree):
    """The unit vector e_i for a letter i."""

    letter: str


@dataclass(frozen=True, eq=False)
class Ones(Tree):
    """A column of ones."""


@dataclass(frozen=True, eq=False)
class Identity(Tree):
    """The unit matrix."""


@dataclass(frozen=True, eq=False)
class Transpose(Tree):
    arg: Tree


@dataclass(frozen=True, eq=False)
class Inverse(Tree):
    arg: Tree


@dataclass(frozen=True, eq=False)
class Product(Tree):
    """A chain of matrix products."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class Hadamard(Tree):
    """An elementwise product; items that are powers −k are its denominator."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class Power(Tree):
    """base**exponent, entry by entry."""

    base: Tree
    exponent: Fraction


@dataclass(frozen=True, eq=False)
class Norm(Tree):
    """The Euclidean norm of a vector, the Frobenius norm of a matrix."""

    arg: Tree


@dataclass(frozen=True, eq=False)
class Diag(Tree):
    """A vector on the diagonal."""

    arg: Tree


@dataclass(frozen=True, eq=False)
class DiagOf(Tree):
    """The diagonal of a matrix, as a vector."""

    arg: Tree


@dataclass(frozen=True, eq=False)
class Trace(Tree):
    arg: Tree


@dataclass(frozen=True, eq=False)
class Frobenius(Tree):
    """⟨left, right⟩ = Σ_ij left_ij right_ij."""

    left: Tree
    right: Tree


@dataclass(frozen=True, eq=False)
class Func(Tree):
    """A scalar function, entry by entry; ``node`` says which."""

    node: Map
    arg: Tree


@dataclass(frozen=True, eq=False)
class Apply(Tree):
    """A tensor function of its arguments; ``node`` says which, and by what it was differentiated."""

    node: Call
    args: tuple[Tree, ...]
    symmetric: bool = False


@dataclass(frozen=True, eq=False)
class Hole(Tree):
    """A derivative not yet taken, ∂body/∂wrtᵀ (``order`` times)."""

    body: Tree
    wrts: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class Differential(Tree):
    """d of the argument."""

    arg: Tree


@dataclass(frozen=True, eq=False)
class Bracketed(Tree):
    arg: Tree
    note: str


@dataclass(frozen=True, eq=False)
class Scale(Tree):
    """coefficient · Π scalars · body; without a body it is a scalar itself."""

    coefficient: Fraction
    scalars: tuple[Tree, ...]
    body: Tree | None


@dataclass(frozen=True, eq=False)
class Sum(Tree):
    """The sum of the terms; none is zero. ``held`` keeps its sign: it takes no minus sign from around it."""

    terms: tuple[Tree, ...]
    held: bool = False


@dataclass(frozen=True, eq=False)
class SumOver(Tree):
    """Σ over letters of weight · body, the weight a product of entries (scalars with letters)."""

    letters: tuple[str, ...]
    weights: tuple[Tree, ...]
    body: Tree | None


@dataclass(frozen=True, eq=False)
class Kron(Tree):
    """The Kronecker product."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class Vec(Tree):
    """The columns of a matrix under each other."""

    arg: Tree


@dataclass(frozen=True, eq=False)
class Commutation(Tree):
    """K_{p,q}: takes vec(X) to vec(Xᵀ), for X of shape p×q."""

    rows: Dim
    columns: Dim


def postorder(root: Tree) -> Iterator[Tree]:
    """Every tree below the root once, kids before parents."""
    seen: set[bytes] = set()
    stack: list[tuple[Tree, bool]] = [(root, False)]
    while stack:
        tree, ready = stack.pop()
        if ready:
            yield tree
        elif tree.key not in seen:
            seen.add(tree.key)
            stack.append((tree, True))
            stack.extend((kid, False) for kid in reversed(tree.kids))


T = TypeVar("T")


def fold(root: Tree, combine: Callable[[Tree, Callable[[Tree], T]], T]) -> T:
    """A value from the leaves up: ``combine(tree, of)`` may ask ``of(kid)`` for each kid's value."""
    done: dict[bytes, T] = {}
    for tree in postorder(root):
        if tree.key not in done:
            done[tree.key] = combine(tree, lambda kid: done[kid.key])
    return done[root.key]


def replace_kids(tree: Tree, **changes: Any) -> Tree:
    """The same tree with other fields."""
    values = {f.name: getattr(tree, f.name) for f in fields(tree) if f.init}
    return type(tree)(**(values | changes))
