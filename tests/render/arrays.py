"""Numbers for expressions, matrix trees and printed text: three small interpreters, to compare what they say."""
from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from symderiv.ir import Add, Box, Contract, Expr, Map, Name, Symbol, postorder
from symderiv.render import tree as T

SIZES = {"l": 2, "m": 3, "n": 4, "o": 5, "p": 6, "q": 7}
Array = np.ndarray[Any, Any]
_FUNCTIONS: dict[str, Callable[[Array], Array]] = {"exp": np.exp, "tanh": np.tanh, "f": np.sin, "cos": np.cos}


def value_of_symbol(node: Symbol) -> Array:
    """Numbers that depend on the name alone; positive, so that every power exists."""
    shape = tuple(SIZES[str(d)] if isinstance(d, str) else d for d in node.shape)
    seed = sum(ord(c) * 31**k for k, c in enumerate(node.name)) % 2**32
    value = np.random.default_rng(seed).uniform(0.5, 1.5, shape)
    return (value + value.T) / 2 if "symmetric" in node.props else value


def evaluate(expr: Expr) -> Array:
    """An expression by einsum, straight from its labels."""
    done: dict[Expr, Array] = {}
    for n in postorder(expr):
        if isinstance(n, Symbol):
            done[n] = value_of_symbol(n)
        elif isinstance(n, Name | Box):
            done[n] = done[n.kids[0]]
        elif isinstance(n, Add):
            shape = tuple(SIZES[str(d)] for d in n.shape)
            done[n] = sum((float(c) * done[t] for c, t in n.terms), np.zeros(shape))
        elif isinstance(n, Map):
            done[n] = done[n.arg] ** float(n.params[0]) if n.fn == "pow" else _FUNCTIONS[n.fn](done[n.arg])
        else:
            assert isinstance(n, Contract)
            done[n] = einsum(n, [done[f] for f in n.factors])
    return done[expr]


def einsum(n: Contract, values: list[Array]) -> Array:
    """A contraction: ones for axes that no factor carries, δ for repeated output labels."""
    outer = tuple(dict.fromkeys(n.out))
    operands: list[Any] = []
    for value, labels in zip(values, n.labels, strict=True):
        operands += [value, list(labels)]
    for x, d in enumerate(n.dims):
        operands += [np.ones(SIZES[str(d)] if isinstance(d, str) else d), [x]]
    small = np.einsum(*operands, list(outer)) if operands else np.array(1.0)
    full = np.zeros(tuple(small.shape[outer.index(x)] for x in n.out))
    for place in np.ndindex(*small.shape):
        full[tuple(place[outer.index(x)] for x in n.out)] = small[place]
    return full


def tree_value(root: T.Tree) -> Array:
    """A matrix tree with 2-D arrays: a scalar is 1×1, a column n×1."""
    return T.fold(root, _tree)


def _tree(t: T.Tree, of: Callable[[T.Tree], Array]) -> Array:
    sizes = tuple(1 if d is None else SIZES[d] if isinstance(d, str) else d for d in t.shape)
    result = _value(t, of, sizes)
    assert result.shape == sizes, (t, result.shape)
    return result


def _value(t: T.Tree, of: Callable[[T.Tree], Array], sizes: tuple[int, ...]) -> Array:
    match t:
        case T.Leaf():
            return evaluate(t.node).reshape(sizes)
        case T.Ones():
            return np.ones(sizes)
        case T.Identity():
            return np.eye(sizes[0])
        case T.Transpose():
            return of(t.arg).T
        case T.Product():
            value = of(t.items[0])
            for item in t.items[1:]:
                value = value @ of(item)
            return value
        case T.Hadamard():
            return np.asarray(math.prod(of(x) for x in t.items))
        case T.Power():
            return of(t.base) ** float(t.exponent)
        case T.Norm():
            return np.sqrt(np.sum(of(t.arg) ** 2)).reshape(1, 1)
        case T.Diag():
            return np.diag(of(t.arg)[:, 0])
        case T.DiagOf():
            return np.diag(of(t.arg)).reshape(-1, 1)
        case T.Trace():
            return np.trace(of(t.arg)).reshape(1, 1)
        case T.Frobenius():
            return np.sum(of(t.left) * of(t.right)).reshape(1, 1)
        case T.Func():
            return _FUNCTIONS[t.node.fn](of(t.arg))
        case T.Bracketed():
            return of(t.arg)
        case T.Scale():
            scalars = float(t.coefficient) * math.prod(float(of(s)[0, 0]) for s in t.scalars)
            return scalars * (np.ones((1, 1)) if t.body is None else of(t.body))
        case T.Sum():
            return sum((of(x) for x in t.terms), np.zeros(sizes))
    raise AssertionError(t)


# ---------------------------------------------------------------- reading printed text
_TOKEN = re.compile(r"\s*(?:(Σ_[a-z]+|\[[a-z,:]+\]|δ\[)|([1I]_[a-z])|(\d+)|((?:exp|tanh|cos|diag|tr|sqrt|f)\()"
                    r"|([A-Za-z][₀-₉]*)|(.))")


def read_text(text: str, symbols: dict[str, Array]) -> Array:
    """The value of plain text as a reader takes it: ᵀ and powers, then products, then ⊙ ⊘, then + and −."""
    reader = _Reader(text, symbols)
    value = reader.sum()
    assert reader.peek() == "", text
    return value


class _Reader:
    def __init__(self, text: str, symbols: dict[str, Array]) -> None:
        self.tokens = [m.group(0).strip() for m in _TOKEN.finditer(text)]
        self.symbols, self.at, self.text, self.in_norm = symbols, 0, text, False

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        assert not wanted or token == wanted, (self.text, token, wanted)
        self.at += 1
        return token

    def sum(self) -> Array:
        negative = self.peek() == "−" and bool(self.take())
        value = -self.elementwise() if negative else self.elementwise()
        while self.peek() in ("+", "−"):
            sign = self.take()
            other = self.elementwise()
            if self.number(value):
                value = value * np.ones(other.shape)
            assert value.shape == other.shape or self.number(other), self.text
            value = value + other if sign == "+" else value - other
        return value

    @staticmethod
    def number(x: Array) -> bool:
        return x.shape == (1, 1)

    def elementwise(self) -> Array:
        value = self.product()
        while self.peek() in ("⊙", "⊘"):
            sign = self.take()
            other = self.product()
            assert value.shape == other.shape or 1 in value.shape, self.text
            value = value * other if sign == "⊙" else value / other
        return value

    def product(self) -> Array:
        items = [self.raised()]
        while self.peek() and self.peek() not in "+−⊙⊘)⟩," and not (self.in_norm and self.peek() == "‖"):
            if self.peek() == "/":
                self.take()
                top, below = items.pop(), self.raised()
                while items and self.number(items[-1]):
                    top = items.pop() * top
                assert self.number(top) and self.number(below), self.text
                items.append(top / below)
            else:
                items.append(self.raised())
        return self.chain(items)

    def chain(self, items: list[Array]) -> Array:
        """Scalars first, then the matrix chain; 1 is a column or row of ones wherever it stands in the chain."""
        value = items[0]
        for item in items[1:]:
            value = value * item if self.number(value) or self.number(item) else value @ item
        return value

    def raised(self) -> Array:
        value = self.atom()
        while self.peek() and self.peek() in "ᵀ²³⁴⁵⁶⁻^":
            mark = self.take()
            if mark == "ᵀ":
                value = value.T
            elif mark == "⁻":
                self.take("¹")
                value = np.linalg.inv(value)
            elif mark == "^":
                hadamard = self.peek() == "⊙" and bool(self.take())
                bracket = self.peek() == "(" and bool(self.take())
                q = Fraction(self.take())
                if self.peek() == "/":
                    self.take()
                    q /= int(self.take())
                if bracket:
                    self.take(")")
                assert hadamard or self.number(value), self.text
                value = value ** float(q)
            else:
                power = "²³⁴⁵⁶".index(mark) + 2
                value = np.linalg.matrix_power(value, power) if not self.number(value) else value**power
        return value

    def atom(self) -> Array:
        token = self.take()
        if token == "(":
            before, self.in_norm = self.in_norm, False
            value = self.sum()
            self.take(")")
            self.in_norm = before
            return value
        if token == "‖":
            self.in_norm = True
            value = np.sqrt(np.sum(self.sum() ** 2)).reshape(1, 1)
            self.take("‖")
            self.in_norm = False
            if self.peek() == "_":
                self.take()
                self.take("F")
            return value
        if token == "⟨":
            left = self.sum()
            self.take(",")
            value = np.sum(left * self.sum()).reshape(1, 1)
            self.take("⟩")
            return value
        if token.endswith("("):
            return self.function(token[:-1])
        if token[1:2] == "_":
            size = SIZES[token[2:]]
            return np.ones((size, 1)) if token[0] == "1" else np.eye(size)
        if token.isdigit():
            return np.full((1, 1), float(token))
        return self.symbols[token]

    def function(self, name: str) -> Array:
        value = self.sum()
        self.take(")")
        if name == "diag":
            return np.diag(value[:, 0]) if value.shape[1] == 1 else np.diag(value).reshape(-1, 1)
        if name == "tr":
            return np.trace(value).reshape(1, 1)
        return np.sqrt(value) if name == "sqrt" else _FUNCTIONS[name](value)


def read_entry(text: str, symbols: dict[str, Array], place: dict[str, int], sizes: dict[str, int]) -> float:
    """The value of index text at given values of its letters; ``sizes`` are the ranges of all letters."""
    reader = _IndexReader(text, symbols)
    reader.place, reader.sizes = dict(place), sizes
    value = reader.sum()
    assert reader.peek() == "", text
    return float(value[0, 0])


class _IndexReader(_Reader):
    """As the matrix reader, with entries A[i,j] and sums Σ_k, which reach to the end of their product."""

    place: dict[str, int]
    sizes: dict[str, int]

    def product(self) -> Array:
        if not self.peek().startswith("Σ_"):
            return super().product()
        letters = self.take()[2:]
        start, total = self.at, np.zeros((1, 1))
        before = dict(self.place)
        for values in np.ndindex(*(self.range(x) for x in letters)):
            self.at = start
            self.place = {**before, **dict(zip(letters, values, strict=True))}
            total = total + self.product()
        self.place = before
        return total

    def range(self, letter: str) -> int:
        """From the first array that carries the letter, after the sum's sign."""
        for before, token in zip(self.tokens[self.at:], self.tokens[self.at + 1:], strict=False):
            letters = token[1:-1].split(",")
            if token.startswith("[") and letter in letters and before in self.symbols:
                return int(self.symbols[before].shape[letters.index(letter)])
        return self.sizes[letter]

    def raised(self) -> Array:
        return self.product() if self.peek().startswith("Σ_") else super().raised()

    def atom(self) -> Array:
        if self.peek() == "δ[":
            self.take()
            i = self.take()
            self.take(",")
            j = self.take()
            self.take("]")
            return np.full((1, 1), float(self.place[i] == self.place[j]))
        value = super().atom()
        if self.peek().startswith("["):
            index = [self.place[x] for x in self.take()[1:-1].split(",")]
            return value[tuple([*index, 0][:2])].reshape(1, 1)
        return value
