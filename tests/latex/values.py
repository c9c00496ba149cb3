"""The value of a formula that was read from LaTeX: as matrices, or entry by entry with an axis for each letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from tests.fuzz.namespace import numpy_space
from tests.latex.reader import Node, Unread

SPACE = {**numpy_space(), "sigma": numpy_space()["sigmoid"], "H": numpy_space()["heaviside"], "Phi": numpy_space()["normal_cdf"],
         "normalcdf": numpy_space()["normal_cdf"],
         "varphi": numpy_space()["normal_pdf"], "arctan": np.arctan, "arsinh": np.arcsinh, "artanh": np.arctanh,
         "sqrt": np.sqrt, "abs": np.abs, "exp": np.exp, "log": np.log,
         "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh, "sign": np.sign}  # fmt: skip
WHOLE = {"softmax", "log_softmax", "logsumexp", "layer_norm", "normalize"}
#: What makes a formula one of entries.
INDEXED = ("at", "delta", "total", "iverson")
NUMBERS = {"pi": np.pi, "e": np.e}


@dataclass(frozen=True)
class Matrix:
    """A matrix; along an axis that is open it has one entry, which stands for as many as are needed."""

    a: np.ndarray
    open: tuple[bool, bool] = (False, False)
    identity: bool = False

    @property
    def scalar(self) -> bool:
        return self.a.shape == (1, 1) and self.open == (False, False) and not self.identity


def matrix(value: Any) -> Matrix:
    a = np.asarray(value, dtype=float)
    if a.ndim > 2:
        raise Unread("a tensor as a matrix")
    return Matrix(a.reshape(-1, 1) if a.ndim < 2 else a)


class Matrices:
    """Matrix notation: vectors are columns."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def value(self, node: Node) -> Matrix:
        found: Matrix = getattr(self, node.kind, self.unknown)(node, *node.parts)
        return found

    def unknown(self, node: Node, *parts: Node) -> Matrix:
        raise Unread(f"{node.kind} in matrix notation")

    def brackets(self, node: Node, a: Node) -> Matrix:
        return self.value(a)

    def number(self, node: Node) -> Matrix:
        return matrix(float(node.text))

    def name(self, node: Node) -> Matrix:
        if node.text in self.values:
            return matrix(self.values[node.text])
        if node.text == "I":
            return Matrix(np.ones((1, 1)), (True, True), identity=True)
        if node.text in NUMBERS:
            return matrix(NUMBERS[node.text])
        raise Unread(f"the name {node.text}")

    def ones(self, node: Node) -> Matrix:
        return Matrix(np.ones((1, 1)), (True, False))

    def zeros(self, node: Node) -> Matrix:
        return Matrix(np.zeros((1, 1)), (True, True))

    def neg(self, node: Node, a: Node) -> Matrix:
        m = self.value(a)
        return Matrix(-m.a, m.open, m.identity)

    def together(self, a: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
        """Both, of one shape: what is open takes the other's size."""
        size = next((m.a.shape[0] for m in (a, b) if not m.identity and not m.open[0]), 0) or next(
            (m.a.shape[1] for m in (a, b) if not m.identity and not m.open[1]), 0)  # fmt: skip
        a, b = (Matrix(m.a[0, 0] * np.eye(size)) if m.identity and size else m for m in (a, b))
        if a.identity or b.identity:
            raise Unread("an identity of unknown size")
        for axis in (0, 1):
            if not a.open[axis] and not b.open[axis] and a.a.shape[axis] != b.a.shape[axis]:
                raise AssertionError(f"the shapes {a.a.shape} and {b.a.shape} stand side by side")
        return a, b

    def both(self, a: Matrix, b: Matrix, made: np.ndarray) -> Matrix:
        return Matrix(made, (a.open[0] and b.open[0], a.open[1] and b.open[1]))

    def sum(self, node: Node, left: Node, right: Node) -> Matrix:
        a, b = self.together(self.value(left), self.value(right))
        return self.both(a, b, a.a + b.a)

    def odot(self, node: Node, left: Node, right: Node) -> Matrix:
        a, b = self.together(self.value(left), self.value(right))
        return self.both(a, b, a.a * b.a)

    def oslash(self, node: Node, left: Node, right: Node) -> Matrix:
        a, b = self.together(self.value(left), self.value(right))
        return self.both(a, b, a.a / b.a)

    def otimes(self, node: Node, left: Node, right: Node) -> Matrix:
        a, b = self.value(left), self.value(right)
        if a.identity or b.identity or any(a.open) or any(b.open):
            raise Unread("a Kronecker product of unknown size")
        return Matrix(np.kron(a.a, b.a))

    def product(self, node: Node, left: Node, right: Node) -> Matrix:
        return self.times(self.value(left), self.value(right))

    cdot = times_ = product

    def times(self, a: Matrix, b: Matrix) -> Matrix:
        if a.scalar or b.scalar:
            s, m = (a, b) if a.scalar else (b, a)
            return Matrix(s.a[0, 0] * m.a, m.open, m.identity)
        if a.identity or b.identity:
            s, m = (a, b) if a.identity else (b, a)
            return Matrix(s.a[0, 0] * m.a, m.open, m.identity)
        inner = {a.a.shape[1] for _ in "a" if not a.open[1]} | {b.a.shape[0] for _ in "b" if not b.open[0]}
        if not inner:
            raise Unread("a sum of unknown size")
        if len(inner) > 1:
            raise AssertionError(f"the product of {a.a.shape} and {b.a.shape}")
        size = inner.pop()
        left = np.broadcast_to(a.a, (a.a.shape[0], size))
        right = np.broadcast_to(b.a, (size, b.a.shape[1]))
        return Matrix(left @ right, (a.open[0], b.open[1]))

    def quotient(self, node: Node, above: Node, below: Node) -> Matrix:
        a, b = self.value(above), self.value(below)
        if not b.scalar:
            raise AssertionError(f"divided by an array of shape {b.a.shape}")
        return Matrix(a.a / b.a[0, 0], a.open, a.identity)

    def transpose(self, node: Node, a: Node) -> Matrix:
        m = self.value(a)
        return Matrix(m.a.T, m.open[::-1], m.identity)

    def inverse(self, node: Node, a: Node) -> Matrix:
        m = self.value(a)
        if m.identity:
            return Matrix(1 / m.a, m.open, True)
        if m.a.shape[0] != m.a.shape[1]:
            raise AssertionError(f"the inverse of an array of shape {m.a.shape}")
        return Matrix(np.linalg.inv(m.a))

    def power(self, node: Node, a: Node) -> Matrix:
        m, q = self.value(a), Fraction(node.text)
        if m.scalar or m.identity:
            return Matrix(m.a ** float(q), m.open, m.identity)
        if q.denominator != 1 or any(m.open) or m.a.shape[0] != m.a.shape[1]:
            raise AssertionError(f"the power {node.text} of an array of shape {m.a.shape}")
        return Matrix(np.linalg.matrix_power(m.a, int(q)))

    def entrywise(self, node: Node, a: Node) -> Matrix:
        m = self.value(a)
        return Matrix(m.a ** float(Fraction(node.text)), m.open)

    def apply(self, node: Node, *parts: Node) -> Matrix:
        name, _, axis = node.text.partition(":")
        m = self.value(parts[0])
        if len(parts) > 1 or m.identity:
            raise Unread(f"{name} of several")
        if name == "diag":
            if m.a.shape[1] != 1 or any(m.open):
                raise Unread("diag of a matrix")
            return Matrix(np.diag(m.a[:, 0]))
        if name in ("norm", "tr", "det") and any(m.open):
            raise Unread(f"{name} of unknown size")
        if name == "norm":
            return matrix(np.sqrt(np.sum(m.a**2)))
        if name in ("tr", "det"):
            return matrix(np.trace(m.a) if name == "tr" else np.linalg.det(m.a))
        function = SPACE.get(name)
        if function is None:
            raise Unread(name)
        if name in WHOLE or axis:
            if any(m.open):
                raise Unread(f"{name} of unknown size")
            given = m.a[:, 0] if m.a.shape[1] == 1 else m.a
            return matrix(function(given, axis=int(axis)) if axis else function(given))
        made = np.asarray(function(m.a))
        return Matrix(made, m.open) if made.ndim else matrix(made)


# ---------------------------------------------------------------- entries
@dataclass(frozen=True)
class Entries:
    """An axis for each letter."""

    a: np.ndarray
    letters: str


class Indices:
    """Index notation: each letter runs over its axis."""

    def __init__(self, values: Mapping[str, Any], root: Node, sizes: Mapping[str, int] | None = None) -> None:
        self.matrices = Matrices(values)
        self.values = values
        self.sizes: dict[str, int] = dict(sizes or {})
        self.learn(root)

    def learn(self, node: Node) -> None:
        """Sizes of letters, from the arrays that carry them; a δ hands them on."""
        for _ in range(3):
            self.walk(node)

    def walk(self, node: Node) -> None:
        if node.kind == "at":
            for letter, size in zip(node.text, self.base(node.parts[0]).shape, strict=True):
                self.sizes[letter] = size
            return
        if node.kind == "delta":
            known = [self.sizes[x] for x in node.text if x in self.sizes]
            self.sizes.update({x: known[0] for x in node.text if known})
        for part in node.parts:
            self.walk(part)

    def base(self, node: Node) -> np.ndarray:
        """What has an index: an array by name, or matrix notation."""
        if node.kind == "name" and node.text in self.values:
            return np.asarray(self.values[node.text], dtype=float)
        m = self.matrices.value(node)
        if any(m.open) or m.identity:
            raise Unread("entries of an array of unknown size")
        return m.a[:, 0] if m.a.shape[1] == 1 else m.a

    def value(self, node: Node) -> Entries:
        if not _indexed(node):
            m = self.matrices.value(node)
            if not m.scalar:
                raise AssertionError(f"an array of shape {m.a.shape} among entries")
            return Entries(m.a[0, 0], "")
        found: Entries = getattr(self, node.kind, self.unknown)(node, *node.parts)
        return found

    def unknown(self, node: Node, *parts: Node) -> Entries:
        raise Unread(f"{node.kind} in index notation")

    def brackets(self, node: Node, a: Node) -> Entries:
        return self.value(a)

    def at(self, node: Node, a: Node) -> Entries:
        array, letters = self.base(a), node.text
        if array.ndim != len(letters):
            raise AssertionError(f"{len(letters)} indices at an array of shape {array.shape}")
        distinct = "".join(dict.fromkeys(letters))
        return Entries(np.einsum(f"{letters}->{distinct}", array), distinct)

    def delta(self, node: Node) -> Entries:
        if any(x not in self.sizes for x in node.text):
            raise Unread("a δ of unknown size")
        return Entries(np.eye(self.sizes[node.text[0]]), node.text)

    def iverson(self, node: Node) -> Entries:
        letter, _, place = node.text.partition("=")
        if letter not in self.sizes:
            raise Unread(f"[{node.text}] of unknown size")
        return Entries((np.arange(self.sizes[letter]) == int(place)).astype(float), letter)

    def neg(self, node: Node, a: Node) -> Entries:
        found = self.value(a)
        return Entries(-found.a, found.letters)

    def aligned(self, left: Node, right: Node) -> tuple[np.ndarray, np.ndarray, str]:
        a, b = self.value(left), self.value(right)
        letters = "".join(sorted(set(a.letters + b.letters)))
        return spread(a, letters), spread(b, letters), letters

    def sum(self, node: Node, left: Node, right: Node) -> Entries:
        a, b, letters = self.aligned(left, right)
        return Entries(a + b, letters)

    def product(self, node: Node, left: Node, right: Node) -> Entries:
        a, b, letters = self.aligned(left, right)
        return Entries(a * b, letters)

    cdot = product

    def quotient(self, node: Node, left: Node, right: Node) -> Entries:
        a, b, letters = self.aligned(left, right)
        return Entries(a / b, letters)

    def total(self, node: Node, body: Node) -> Entries:
        outside, self.sizes = self.sizes, {x: n for x, n in self.sizes.items() if x not in node.text}
        self.learn(body)                                        # a letter may run over another axis in another sum
        found = self.value(body)
        a = spread(found, "".join(sorted(set(found.letters) | set(node.text))))
        letters = sorted(set(found.letters) | set(node.text))
        shape = [self.sizes[x] if x in self.sizes else _raise(x) for x in letters]
        axes = tuple(k for k, x in enumerate(letters) if x in node.text)
        self.sizes = outside
        return Entries(np.broadcast_to(a, shape).sum(axis=axes), "".join(x for x in letters if x not in node.text))

    def power(self, node: Node, a: Node) -> Entries:
        found = self.value(a)
        return Entries(found.a ** float(Fraction(node.text)), found.letters)

    def apply(self, node: Node, *parts: Node) -> Entries:
        function = SPACE.get(node.text)
        if function is None or node.text in WHOLE or len(parts) > 1:
            raise Unread(f"{node.text} of entries")
        found = self.value(parts[0])
        return Entries(np.asarray(function(found.a)), found.letters)


def _raise(letter: str) -> int:
    raise Unread(f"the size of {letter}")


def _indexed(node: Node) -> bool:
    return node.kind in INDEXED or any(map(_indexed, node.parts))


def spread(found: Entries, letters: str) -> np.ndarray:
    """The axes in the order of the letters, with one entry along those that it hasn't."""
    order = sorted(range(len(found.letters)), key=lambda k: letters.index(found.letters[k]))
    a = np.transpose(found.a, order)
    return a.reshape([a.shape[sorted(found.letters, key=letters.index).index(x)] if x in found.letters else 1 for x in letters])


def as_matrix(node: Node, values: Mapping[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    """The value of matrix notation, of the shape that is meant."""
    m = Matrices(values).value(node)
    if len(shape) > 2:
        raise Unread("a tensor")
    wanted = shape if len(shape) == 2 else (*shape, 1) if shape else (1, 1)
    if m.identity:
        return m.a[0, 0] * np.eye(*wanted)
    for axis in (0, 1):
        if not m.open[axis] and m.a.shape[axis] != wanted[axis]:
            raise AssertionError(f"shape {m.a.shape} where {wanted} is meant")
    return np.broadcast_to(m.a, wanted).reshape(shape)


def as_entries(node: Node, values: Mapping[str, Any], letters: str, shape: tuple[int, ...]) -> np.ndarray:
    """The value of index notation, with an axis for each of the letters."""
    run = Indices(values, node, dict(zip(letters, shape, strict=True)))
    found = run.value(node)
    if set(found.letters) - set(letters):
        raise AssertionError(f"the letters {found.letters} where {letters} are meant")
    return np.broadcast_to(spread(found, letters), shape) if letters else found.a
