"""Symbolic dimensions: an ``int``, or the canonical text of a polynomial in named sizes.

Equal dimensions are equal values: ``"m*q"`` and ``"2*n"`` have their names in order, ``"n*n"`` repeats a power,
``"n - k + 1"`` has its positive terms first, then the negative ones, then the number.

>>> parse_dim("q*m"), parse_dim("1 + n - k"), parse_dim("3"), parse_dims("m*q n - k + 1 2")
('m*q', 'n - k + 1', 3, ('m*q', 'n - k + 1', 2))
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import prod

from symderiv.errors import EvaluationError, ParseError, ShapeError, TooLargeError, clip

Dim = int | str
Monomial = tuple[str, ...]
Polynomial = dict[Monomial, int]

_TOKEN = re.compile(r"\s*(?:(?P<number>[0-9]+)|(?P<name>[^\W\d]\w*)|(?P<operator>\*\*|[-+*(),]))")
_LONGEST_TEXT = 1000
_MOST_TERMS = 200
_HIGHEST_POWER = 16
_DEEPEST_NESTING = 20


@lru_cache(maxsize=4096)
def parse_dim(text: str) -> Dim:
    """The dimension that ``text`` denotes; raises ParseError, or ShapeError for one that is below 1.

    >>> parse_dim("2*n + n"), parse_dim("(m + 1)*n"), parse_dim("n**2")
    ('3*n', 'm*n + n', 'n*n')
    """
    found = parse_dims(text)
    if len(found) != 1:
        raise ParseError(f"expected one dimension, found {len(found)}", text, (0, len(text)))
    return found[0]


@lru_cache(maxsize=4096)
def parse_dims(text: str, start: int = 0, stop: int | None = None) -> tuple[Dim, ...]:
    """The dimensions in ``text[start:stop]``, separated by spaces or commas; raises ParseError and ShapeError.

    >>> parse_dims("o n"), parse_dims("(3, n)"), parse_dims("")
    (('o', 'n'), (3, 'n'), ())
    """
    return _Reader(text, start, len(text) if stop is None else stop).dims()


def dim_product(*dims: Dim) -> Dim:
    """The product of dimensions; 1 of none.

    >>> dim_product("q", "m"), dim_product(2, "n", 3), dim_product("n + 1", "m")
    ('m*q', '6*n', 'm*n + m')
    """
    return _product(dims)


@lru_cache(maxsize=4096)
def _product(dims: tuple[Dim, ...]) -> Dim:
    result: Polynomial = {(): 1}
    for dim in dims:
        result = _multiply(result, _polynomial(dim))
    return _canonical(result)


@lru_cache(maxsize=4096)
def dim_sum(first: Dim, second: Dim, coefficient: int = 1) -> Dim:
    """``first + coefficient * second``, which may be any integer where no name is left.

    >>> dim_sum(dim_sum("n", "k", -1), 1), dim_sum("n", "n"), dim_sum("n", "n", -1)
    ('n - k + 1', '2*n', 0)
    """
    return _canonical(_add(_polynomial(first), _polynomial(second), coefficient))


def dim_value(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The number that ``dim`` is for the given sizes; EvaluationError for a missing size, ShapeError for one below 1.

    >>> dim_value("n - k + 1", {"n": 5, "k": 3})
    3
    """
    if isinstance(dim, int):
        return dim
    missing = [atom for atom in dim_atoms(dim) if atom not in sizes]
    if missing:
        raise EvaluationError(f"the size of dimension '{missing[0]}' is not known", hint="give it as a keyword")
    value = sum(factor * prod(sizes[atom] for atom in monomial) for monomial, factor in _polynomial(dim).items())
    if value < 1:
        chosen = ", ".join(f"{atom} = {sizes[atom]}" for atom in dim_atoms(dim))
        raise ShapeError(f"dimension {dim} is {value} for {chosen}; a dimension is at least 1")
    return value


@lru_cache(maxsize=4096)
def dim_atoms(dim: Dim) -> tuple[str, ...]:
    """The names in a dimension, sorted.

    >>> dim_atoms("n - k + 1"), dim_atoms(3)
    (('k', 'n'), ())
    """
    return tuple(sorted({atom for monomial in _polynomial(dim) for atom in monomial}))


@lru_cache(maxsize=4096)
def dim_terms(dim: Dim) -> tuple[tuple[int, Monomial], ...]:
    """The terms of a dimension in canonical order, each a coefficient and its names.

    >>> dim_terms("2*m*q - k + 1"), dim_terms(3)
    (((2, ('m', 'q')), (-1, ('k',)), (1, ())), ((3, ()),))
    """
    return tuple((factor, monomial) for monomial, factor in _ordered(_polynomial(dim)))


def dim_substitute(dim: Dim, replacements: Mapping[str, Dim]) -> Dim:
    """``dim`` with other dimensions put in for some of its names, all at once.

    >>> dim_substitute("m*q", {"m": "q + 1", "q": 3})
    '3*q + 3'
    """
    if isinstance(dim, int) or not any(atom in replacements for atom in dim_atoms(dim)):
        return dim
    result: Polynomial = {}
    for monomial, factor in _polynomial(dim).items():
        result = _add(result, _polynomial(dim_product(*(replacements.get(atom, atom) for atom in monomial))), factor)
    return _canonical(result)


@lru_cache(maxsize=4096)
def dim_latex(dim: Dim) -> str:
    """LaTeX for a dimension.

    >>> print(dim_latex("m*q"), dim_latex("n_in - k + 1"), dim_latex("2*n*n"), dim_latex("heads"), sep=", ")
    m q, n_{\\mathrm{in}} - k + 1, 2 n^{2}, \\mathrm{heads}
    """

    def monomial_latex(monomial: Monomial, factor: int) -> str:
        powers = [(_atom_latex(atom), monomial.count(atom)) for atom in dict.fromkeys(monomial)]
        factors = [base if power == 1 else f"{base}^{{{power}}}" for base, power in powers]
        return " ".join(factors if factor == 1 and factors else [str(factor), *factors])

    return _joined(_polynomial(dim), monomial_latex)


def _atom_latex(name: str) -> str:
    base, _, index = name.strip("_").partition("_")
    if not index and (split := re.fullmatch(r"([^\W\d])(\d+)", base)):
        base, index = split.groups()
    return f"{_upright(base)}_{{{_upright(index)}}}" if index else _upright(base or name)


def _upright(part: str) -> str:
    """A word is set upright; a letter or a number is not."""
    return part if len(part) == 1 or part.isdigit() else f"\\mathrm{{{part.replace('_', chr(92) + '_')}}}"


@lru_cache(maxsize=4096)
def _polynomial(dim: Dim) -> Polynomial:
    """The terms of a dimension; the result is shared, never changed."""
    if isinstance(dim, str):
        return _Reader(dim, 0, len(dim)).whole()
    return {(): dim} if dim else {}


def _add(first: Polynomial, second: Polynomial, coefficient: int = 1) -> Polynomial:
    total = dict(first)
    for monomial, factor in second.items():
        total[monomial] = total.get(monomial, 0) + coefficient * factor
    return {monomial: factor for monomial, factor in total.items() if factor}


def _multiply(first: Polynomial, second: Polynomial) -> Polynomial:
    if len(first) * len(second) > _MOST_TERMS:
        raise TooLargeError(
            f"a dimension of {len(first) * len(second)} terms", hint="give its parts names of their own"
        )
    total: Polynomial = {}
    for left, left_factor in first.items():
        total = _add(total, {tuple(sorted(left + right)): factor for right, factor in second.items()}, left_factor)
    return total


def _canonical(polynomial: Polynomial) -> Dim:
    if not any(polynomial):
        return polynomial.get((), 0)

    def monomial_text(monomial: Monomial, factor: int) -> str:
        return "*".join(monomial if factor == 1 and monomial else (str(factor), *monomial))

    return _joined(polynomial, monomial_text)


def _ordered(polynomial: Polynomial) -> list[tuple[Monomial, int]]:
    """The terms in canonical order: positive, negative, the number; higher degrees first, then by name."""
    return sorted(polynomial.items(), key=lambda term: (not term[0], term[1] < 0, -len(term[0]), term[0]))


def _joined(polynomial: Polynomial, write: Callable[[Monomial, int], str]) -> str:
    """The text of a polynomial, its terms as ``write`` gives them."""
    ordered = _ordered(polynomial)
    pieces = [("- " if factor < 0 else "+ ") + write(monomial, abs(factor)) for monomial, factor in ordered]
    text = " ".join(pieces) or "0"
    return text[2:] if text.startswith("+ ") else text.replace("- ", "-", 1) if text.startswith("- ") else text


class _Reader:
    """Reads dimensions: sums and products of names and numbers, with brackets."""

    def __init__(self, text: str, start: int, stop: int):
        if stop - start > _LONGEST_TEXT:
            raise ParseError(f"a shape of more than {_LONGEST_TEXT} characters", text, (start, stop))
        self.text, self.stop, self.depth = text, stop, 0
        self.tokens: list[tuple[str, str, int]] = []
        while text[start:stop].strip():
            match = _TOKEN.match(text, start, stop)
            if match is None or (match["number"] and text[match.end() : match.end() + 1].isidentifier()):
                start += len(text[start:stop]) - len(text[start:stop].lstrip())
                reason = "write * in a product" if match else "it has no meaning in a shape"
                raise self.error(f"unexpected {text[start]!r}: {reason}", start, start + 1)
            kind = str(match.lastgroup)
            self.tokens.append((kind, match[kind], match.start(kind)))
            start = match.end()
        self.tokens.append(("end", "", stop))
        self.position = 0

    def error(self, message: str, start: int, stop: int) -> ParseError:
        hint = 'a dimension is a name or a number, or sums and products of them: "m*q n", "3 n", "n - k + 1"'
        return ParseError(message, self.text, (start, stop), hint=hint)

    def whole(self) -> Polynomial:
        """The one polynomial that the text is."""
        result = self.sum()
        self.expect("")
        return result

    def dims(self) -> tuple[Dim, ...]:
        """All dimensions of a shape; brackets around all of it, as Python writes a tuple, are looked through."""
        bracketed = self.encloses_all()
        self.position = int(bracketed)
        found: list[Dim] = []
        while self.tokens[self.position][0] != "end" and not (bracketed and self.position == len(self.tokens) - 2):
            start = self.tokens[self.position][2]
            dim = _canonical(self.sum())
            if isinstance(dim, int) and dim < 1:
                raise ShapeError(f"a dimension is at least 1, not {dim}", self.text, (start, self.end()))
            found.append(dim)
            if self.tokens[self.position][1] == ",":
                self.position += 1
                if self.tokens[self.position][0] == "end":
                    raise self.error("expected a dimension after ','", self.end() - 1, self.end())
        return tuple(found)

    def encloses_all(self) -> bool:
        """Whether the text is one pair of brackets, with everything inside."""
        depth = 0
        for index, (_, token, _) in enumerate(self.tokens[:-1]):
            depth += (token == "(") - (token == ")")
            if depth == 0:
                return token == ")" and index == len(self.tokens) - 2
        return False

    def end(self) -> int:
        """Where the token before this one ends."""
        _, token, start = self.tokens[max(self.position - 1, 0)]
        return start + len(token)

    def accept(self, *expected: str) -> str | None:
        token = self.tokens[self.position][1]
        if token not in expected:
            return None
        self.position += 1
        return token

    def expect(self, expected: str) -> None:
        _, token, start = self.tokens[self.position]
        if token != expected:
            wanted = f"'{expected}'" if expected else "the end"
            raise self.error(f"expected {wanted}, found {token!r}" if token else f"expected {wanted}", start, start + 1)
        self.position += bool(expected)

    def sum(self) -> Polynomial:
        negative = self.accept("-") is not None
        result = _add({}, self.product(), -1 if negative else 1)
        while sign := self.accept("+", "-"):
            result = _add(result, self.product(), 1 if sign == "+" else -1)
        return result

    def product(self) -> Polynomial:
        result = self.power()
        while self.accept("*"):
            result = _multiply(result, self.power())
        return result

    def power(self) -> Polynomial:
        base = self.atom()
        if not self.accept("**"):
            return base
        kind, token, start = self.tokens[self.position]
        if kind != "number" or len(token) > 2 or int(token) > _HIGHEST_POWER:
            raise self.error(f"expected a power of at most {_HIGHEST_POWER}", start, start + max(len(token), 1))
        self.position += 1
        result: Polynomial = {(): 1}
        for _ in range(int(token)):
            result = _multiply(result, base)
        return result

    def atom(self) -> Polynomial:
        kind, token, start = self.tokens[self.position]
        self.position += 1
        if kind == "name" and token.isidentifier() and not keyword.iskeyword(token):
            return {(token,): 1}
        if kind == "name":
            reason = "a Python keyword" if keyword.iskeyword(token) else "not a name"
            raise self.error(
                f"'{clip(token)}' is {reason}; call the dimension something else", start, start + len(token)
            )
        if kind == "number" and len(token) <= 15:
            return {(): int(token)} if int(token) else {}
        if token != "(" or self.depth >= _DEEPEST_NESTING:
            found = f"found '{clip(token)}'" if token else "found the end"
            raise self.error(f"expected a dimension, {found}", start, start + max(len(token), 1))
        self.depth += 1
        result = self.sum()
        self.expect(")")
        self.depth -= 1
        return result
