"""The chain rule of any order: Faà di Bruno's formula, derived.

The derivative of order k of L(N(w)) is a sum over the partitions of the k directions: each block B of a partition is a
derivative of N of order |B|, and the partition a derivative of L of order |π| (Faà di Bruno 1855; in several variables
Constantine & Savits 1996). The engine derives it by the product and the chain rule alone; that what comes out is the sum
over partitions is then seen by building the latter: both are one node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from symderiv.arguments import whole
from symderiv.bounds import limited
from symderiv.build import add, call, contract, symbol
from symderiv.derive import Derivation, derivative
from symderiv.errors import TooLargeError
from symderiv.facts import Facts
from symderiv.ir import Expr
from symderiv.statements import Statements

Partition = tuple[tuple[int, ...], ...]
HIGHEST = 6


@dataclass(frozen=True)
class FaaDiBruno(Statements):
    """``derivation`` is the engine's; ``partitions`` those of the directions 1 … k; ``terms`` the term of each.

    ``status`` is "proved" where the derivation's result and the sum of the terms are one expression.
    """

    order: int
    derivation: Derivation
    partitions: tuple[Partition, ...]
    terms: tuple[Expr, ...]
    total: Expr
    status: str

    @property
    def result(self) -> Expr:
        found: Expr = self.derivation.result
        return found

    @property
    def parts(self) -> tuple[Derivation, ...]:
        return (self.derivation,)

    def counts(self) -> list[tuple[tuple[int, ...], int]]:
        """(sizes of the blocks, how many partitions have them), largest block first.

        >>> faa_di_bruno(3).counts()
        [((3,), 1), ((2, 1), 3), ((1, 1, 1), 1)]
        """
        found = Counter(tuple(sorted(map(len, p), reverse=True)) for p in self.partitions)
        return sorted(found.items(), key=lambda row: (len(row[0]), [-size for size in row[0]]))

    def differential(self) -> str:
        """The formula along one direction, as plain text.

        >>> faa_di_bruno(4).differential()
        'd⁴C = L′[d⁴N] + 4 L″[d³N, dN] + 3 L″[d²N, d²N] + 6 L‴[d²N, dN, dN] + L⁗[dN, dN, dN, dN]'
        """
        rows = []
        for sizes, count in self.counts():
            inside = ", ".join("dN" if s == 1 else f"d{_raised(s)}N" for s in sizes)
            rows.append(f"{count if count > 1 else ''} L{_primes(len(sizes))}[{inside}]".strip())
        return f"d{_raised(self.order)}C = " + " + ".join(rows)

    def differential_latex(self) -> str:
        """The same as LaTeX."""
        rows = []
        for sizes, count in self.counts():
            inside = r",\,".join(rf"\mathrm{{d}}{'' if s == 1 else f'^{{{s}}}'}N" for s in sizes)
            rows.append(rf"{count if count > 1 else ''}L^{{({len(sizes)})}}[{inside}]")
        return rf"\mathrm{{d}}^{{{self.order}}}C = " + " + ".join(rows)

    def partitions_text(self) -> str:
        """One line for each partition: its blocks and its term.

        >>> print(faa_di_bruno(2).partitions_text())
        {12}    Σ_k J_L[k] H_N[k,i,j]
        {1|2}   Σ_kl J_N[k,i] h_L[k,l] J_N[l,j]
        """
        from symderiv.render.index import index_text

        letters = tuple("ijlmpqrst"[:len(self.total.shape)]) if self.order > 2 else tuple("ijk"[:len(self.total.shape)])
        rows = []
        for partition, term in zip(self.partitions, self.terms, strict=True):
            blocks = "{" + "|".join("".join(map(str, b)) for b in partition) + "}"
            rows.append(f"{blocks:<{3 + 2 * self.order}} {index_text(term, letters, None)[0]}")
        return "\n".join(rows)

    def summary(self) -> str:
        return f"{self.differential()}: {len(self.partitions)} partitions, {self.status}"


@limited
def faa_di_bruno(order: int, *, vector: bool = False) -> FaaDiBruno:
    """The derivative of order k of L(N(w)), for abstract L and N, and the partitions that its terms belong to.

    With ``vector`` L has several outputs, and the result one more axis, the first. Orders go up to 6 (203 partitions).

    >>> found = faa_di_bruno(3)
    >>> found.status, found.result.shape
    ('proved', ('n', 'n', 'n'))
    >>> found.differential()
    'd³C = L′[d³N] + 3 L″[d²N, dN] + L‴[dN, dN, dN]'
    """
    order = whole("order", order, 1, "the order of the chain rule")
    if order > HIGHEST:
        raise TooLargeError(f"the chain rule of order {order} has a term for each partition", hint=f"take an order up to {HIGHEST}")
    w = symbol("w", ("n",))
    inner = call("N", (w,), ("o",), (), True)
    out = ("q",) if vector else ()
    f = call("L", (inner,), out, (), True)
    derivation = derivative(f, [w], Facts(), order)
    partitions = tuple(sorted(_partitions(order), key=lambda p: (len(p), [-len(b) for b in p], p)))
    terms = tuple(_term(p, inner, w, out, order) for p in partitions)
    total = add([(1, t) for t in terms], derivation.result.shape)
    from symderiv.engine import Engine
    from symderiv.verify import same_value

    simple = Engine().simplify(total).after
    same = derivation.result is total or derivation.result is simple
    status = "proved" if same else "checked" if same_value(derivation.result, total, (), 4) else "refuted"
    return FaaDiBruno(order, derivation, partitions, terms, total, status)


def _partitions(order: int) -> Iterator[Partition]:
    """By induction: the last direction joins a block, or is one of its own (the product and the chain rule)."""
    if order == 0:
        yield ()
        return
    for smaller in _partitions(order - 1):
        for k in range(len(smaller)):
            yield (*smaller[:k], (*smaller[k], order), *smaller[k + 1:])
        yield (*smaller, (order,))


def _term(partition: Partition, inner: Expr, w: Expr, out: tuple[str, ...], order: int) -> Expr:
    first = tuple(f"q{p}" for p in range(len(out)))
    blocks = [f"b{k}" for k in range(len(partition))]
    outer = call("L", (inner,), out, (), True, (0,) * len(partition))
    factors, labels = [outer], [(*first, *blocks)]
    for name, block in zip(blocks, partition, strict=True):
        factors.append(call("N", (w,), ("o",), (), True, (0,) * len(block)))
        labels.append((name, *(f"d{i}" for i in block)))
    return contract(factors, labels, (*first, *(f"d{i}" for i in range(1, order + 1))))


def _raised(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _primes(order: int) -> str:
    return ("′", "″", "‴", "⁗")[order - 1] if order <= 4 else f"⁽{_raised(order)}⁾"


__all__ = ["FaaDiBruno", "faa_di_bruno"]
