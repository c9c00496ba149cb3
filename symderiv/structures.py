"""Structure tensors: constant arrays of ones and zeros, given by one affine condition on their indices.

``[c₁i₁ + … + c_r i_r + c = 0]`` is 1 where the condition holds and 0 elsewhere (Iverson's bracket; Knuth 1992, "Two
notes on notation"). With it entries, parts, sums so far, Toeplitz matrices and convolutions are contractions:
x[3] = Σ_i [i = 3] x_i, x[1:]_i = Σ_j [j = i + 1] x_j. Indices count from 0, as NumPy's do. Coefficients and the
constant are whole numbers, or polynomials in the sizes of axes.

A structure stands in expressions as a symbol of kind "structure", whose name is its condition.

>>> Structure("=", (-1, 1), -1).name, Structure.read("= -1,1;-1").condition(("i", "j"))
('= -1,1;-1', 'j = i + 1')
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from symderiv.dims import Dim, dim_atoms, dim_product, dim_sum, dim_terms
from symderiv.errors import EvaluationError, ParseError

RELATIONS = ("=", ">=")
LETTERS = "ijklmnpqrstuvwxyzabcdefgh"


@dataclass(frozen=True)
class Structure:
    """``relation`` is "=" or ">=": Σ coefficient · index + constant, against zero."""

    relation: str
    coefficients: tuple[Dim, ...]
    constant: Dim = 0

    @property
    def name(self) -> str:
        return f"{self.relation} {','.join(map(str, self.coefficients))};{self.constant}"

    @staticmethod
    @lru_cache(maxsize=4096)
    def read(name: str) -> Structure:
        """The structure of that name; raises ParseError."""
        relation, _, rest = name.partition(" ")
        left, _, right = rest.partition(";")
        found = Structure(relation, tuple(affine(part) for part in left.split(",")), affine(right))
        if relation not in RELATIONS or found.name != name:
            raise ParseError(f"'{name}' is no condition on indices")
        return found

    def holds(self, at: Sequence[int], sizes: Mapping[str, int]) -> bool:
        """The entry there."""
        total = sum(value_of(c, sizes) * i for c, i in zip(self.coefficients, at, strict=True))
        total += value_of(self.constant, sizes)
        return total == 0 if self.relation == "=" else total >= 0

    # ------------------------------------------------------------ as text
    def unit(self) -> Dim | None:
        """Where a vector has its one entry that isn't zero."""
        if self.relation != "=" or len(self.coefficients) != 1 or self.coefficients[0] not in (1, -1):
            return None
        return dim_product(-int(self.coefficients[0]), self.constant) if self.constant != 0 else 0

    def least(self, shape: Sequence[Dim]) -> tuple[Dim, ...]:
        """What has to be at least 1 so that a unit vector's entry is within the vector."""
        at = self.unit()
        return () if at is None else (dim_sum(at, 1), dim_sum(shape[0], at, -1))

    def letters(self, index: Sequence[str | None] = ()) -> tuple[str, ...]:
        """A letter for each axis: the given one, or a free one that no size is called."""
        sizes = {a for c in (*self.coefficients, self.constant) for a in dim_atoms(c)}
        given = list(index) or [None] * len(self.coefficients)
        free = (x for x in LETTERS if x not in sizes and x not in given)
        return tuple(x or next(free) for x in given)

    def condition(self, letters: Sequence[str], equal: str = "=", least: str = "≥", minus: str = "-",
                  size: Callable[[Dim], str] = str) -> str:  # fmt: skip
        """The condition, solved for an index where one stands alone."""
        terms = list(zip(self.coefficients, letters, strict=True))
        alone = [k for k, (c, _) in enumerate(terms) if c in (1, -1)]
        if self.relation == "=" and alone:
            sign, own = terms.pop(alone[-1])
            rest = [(dim_product(-int(sign), c), x) for c, x in terms]
            return f"{own} {equal} {_sum(rest, dim_product(-int(sign), self.constant), minus, size)}"
        left = [(c, x) for c, x in terms if not _negative(c)]
        right = [(dim_product(-1, c), x) for c, x in terms if _negative(c)]
        sign = equal if self.relation == "=" else least
        return f"{_sum(left, 0, minus, size)} {sign} {_sum(right, dim_product(-1, self.constant), minus, size)}"


def affine(text: str) -> Dim:
    """A number of any sign, or a polynomial in sizes, as text."""
    return dim_sum(0, text) if not text.lstrip("-").isdigit() else int(text)


def value_of(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The number, of any sign; raises EvaluationError for a size that isn't known."""
    try:
        return sum(c * prod(sizes[a] for a in atoms) for c, atoms in dim_terms(dim))
    except KeyError as missing:
        raise EvaluationError(f"the size of dimension {missing} is not known", hint="give it as a keyword") from None


def _negative(dim: Dim) -> bool:
    return all(c < 0 for c, _ in dim_terms(dim))


def _sum(terms: Sequence[tuple[Dim, str]], constant: Dim, minus: str, size: Callable[[Dim], str]) -> str:
    text = ""
    for c, x in sorted(terms, key=lambda t: _negative(t[0])):
        factor = dim_product(-1, c) if _negative(c) else c
        shown = x if factor == 1 else f"{_bracketed(factor, size)} {x}"
        text += (f" {minus} " if text else minus) + shown if _negative(c) else (" + " if text else "") + shown
    parts = [dim_product(c, *atoms) for c, atoms in dim_terms(constant)] if constant != 0 else []
    for part in sorted(parts, key=_negative):
        below = _negative(part)
        shown = size(dim_product(-1, part) if below else part)
        text += (f" {minus} " if text else minus) + shown if below else (" + " if text else "") + shown
    return text or size(0)


def _bracketed(dim: Dim, size: Callable[[Dim], str]) -> str:
    return f"({size(dim)})" if len(dim_terms(dim)) > 1 else size(dim)
