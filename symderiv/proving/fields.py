"""Expressions evaluated without rounding: in fractions, or modulo a prime.

A claim between rational expressions that fails modulo a prime at one point is false; one that holds at random points is
true but for a chance of about degree/2⁶¹. Exponentials take part by a homomorphism, exp(v) = gᵛ: the exponent v is
evaluated modulo P and the power modulo Q, where g has the order P in GF(Q), so that exp(a + b) = exp(a) exp(b) holds
there as it does for numbers. Generic functions and abstract modules take a pseudo-random value at each argument.
What has no exact value (logarithms, roots, steps) raises NotExactError.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

from symderiv.dims import dim_value
from symderiv.errors import SymderivError
from symderiv.frontend.rows import definition_of, has_definition
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, Symbol
from symderiv.points import Point, Sizes, Value, indices
from symderiv.structures import Structure

P = 2305843009213693951
"""2⁶¹ − 1, a prime: the field of exponents"""
Q = 52 * P + 1
"""a prime: the field of values"""
G = pow(3, 52, Q)
"""of order P in GF(Q)"""
LARGEST_SUM = 200_000


class NotExactError(SymderivError):
    """The expression has no value in a field of fractions or modulo a prime."""


class SingularError(SymderivError):
    """A division by zero, or a matrix without an inverse, at this point."""


class Exact:
    """One point; ``prime`` tells whether values are residues or fractions."""

    def __init__(self, point: Point, sizes: Sizes, prime: bool) -> None:
        self.point, self.sizes, self.prime = point, sizes, prime
        self.memo: dict[tuple[Expr, bool], Value] = {}

    def value(self, root: Expr, above: bool = True) -> Value:
        """The value of each entry; ``above`` exponentials or in an exponent."""
        stack = [root]
        while stack:
            node = stack[-1]
            if (node, above) in self.memo:
                stack.pop()
                continue
            waiting = [k for k in self._needs(node) if (k, above) not in self.memo]
            if waiting:
                stack.extend(waiting)
            else:
                self.memo[node, above] = self._node(node, above)
                stack.pop()
        return self.memo[root, above]

    # ------------------------------------------------------------ the field
    def _modulus(self, above: bool) -> int:
        return Q if above else P

    def _reduced(self, x: Any, above: bool) -> Any:
        if not self.prime:
            return Fraction(x)
        if isinstance(x, Fraction):
            return x.numerator * self._inverse(x.denominator, above) % self._modulus(above)
        return x % self._modulus(above)

    def _inverse(self, x: Any, above: bool) -> Any:
        if not self.prime:
            if x == 0:
                raise SingularError("a division by zero")
            return 1 / Fraction(x)
        if x % self._modulus(above) == 0:
            raise SingularError("a division by zero")
        return pow(x, -1, self._modulus(above))

    # ------------------------------------------------------------ nodes
    def _needs(self, node: Expr) -> Sequence[Expr]:
        if isinstance(node, Map) and node.fn == "exp":
            return ()
        if isinstance(node, Map | Call) and _defined(node):
            return (definition_of(node),)
        return node.kids

    def _node(self, node: Expr, above: bool) -> Value:
        if isinstance(node, Symbol):
            return self._symbol(node, above)
        if isinstance(node, Name | Box):
            return self.memo[node.kids[0], above]
        if isinstance(node, Add):
            return self._sum(node, above)
        if isinstance(node, Contract):
            return self._contracted(node, above)
        if isinstance(node, Map | Call) and _defined(node):
            return self.memo[definition_of(node), above]
        if isinstance(node, Map):
            return self._map(node, above)
        if isinstance(node, Call):
            return self._call(node, above)
        raise NotExactError(f"{node!r} has no exact value")

    def _symbol(self, node: Symbol, above: bool) -> Value:
        if node in self.point:
            return {at: self._reduced(v, above) for at, v in self.point[node].items()}
        if node.kind == "dim":
            return {(): self._reduced(dim_value(node.name, self.sizes), above)}
        if node.kind == "structure":
            where = Structure.read(node.name)
            return {at: self._reduced(int(where.holds(at, self.sizes)), above) for at in indices(node.shape, self.sizes)}
        if node.kind == "const" and node.name == "e" and self.prime and above:
            return {(): G}
        raise NotExactError(f"'{node.name}' has no exact value")

    def _sum(self, node: Add, above: bool) -> Value:
        rows = [(self._reduced(c, above), self.memo[t, above]) for c, t in node.terms]
        return {at: self._reduced(sum(c * v[at] for c, v in rows), above) for at in indices(node.shape, self.sizes)}

    def _map(self, node: Map, above: bool) -> Value:
        if node.fn == "exp":
            if not self.prime or not above:
                raise NotExactError("an exponential in an exponent, or of a fraction")
            return {at: pow(G, v, Q) for at, v in self.value(node.arg, False).items()}
        arg = self.memo[node.arg, above]
        if node.fn == "pow" and node.params[0].denominator == 1:
            return {at: self._power(v, int(node.params[0]), above) for at, v in arg.items()}
        if node.generic and self.prime:
            return {at: _drawn(above, node.fn, node.order, v) for at, v in arg.items()}
        raise NotExactError(f"{node.fn} has no exact value")

    def _power(self, x: Any, q: int, above: bool) -> Any:
        base = x if q >= 0 else self._inverse(x, above)
        return pow(base, abs(q), self._modulus(above)) if self.prime else base ** abs(q)

    def _call(self, node: Call, above: bool) -> Value:
        if node.fn in ("inv", "det") and not node.ders:
            return self._matrix(node, self.memo[node.args[0], above], above)
        if node.fn == "reshape" and not node.ders:
            return self._reshaped(node, self.memo[node.args[0], above])
        if node.abstract and self.prime:
            return self._abstract(node, above)
        raise NotExactError(f"{node.fn} has no exact value")

    def _abstract(self, node: Call, above: bool) -> Value:
        """A value for each entry of a module's derivative, the same whatever the order in which it was differentiated."""
        given = tuple(tuple(self.memo[a, above].values()) for a in node.args)
        plain = len(node.shape) - sum(len(node.args[d].shape) for d in node.ders)
        found: Value = {}
        for at in indices(node.shape, self.sizes):
            rest, taken = at[plain:], []
            for d in node.ders:
                k = len(node.args[d].shape)
                taken.append((d, rest[:k]))
                rest = rest[k:]
            found[at] = _drawn(above, node.fn, given, at[:plain], tuple(sorted(taken)))
        return found

    def _reshaped(self, node: Call, x: Value) -> Value:
        """Consecutive axes joined, the last of them slowest: as vec stacks columns."""
        shape = [dim_value(d, self.sizes) for d in node.args[0].shape]
        found: Value = {}
        for at, v in x.items():
            place, start = [], 0
            for g in node.params:
                flat = 0
                for k in range(start, start + g):
                    flat = flat * shape[k] + at[k]
                place.append(flat)
                start += g
            found[tuple(place)] = v
        return found

    # ------------------------------------------------------------ sums of products
    def _contracted(self, node: Contract, above: bool) -> Value:
        """Factor by factor; a label is summed as soon as nothing that follows carries it."""
        extent = {x: dim_value(d, self.sizes) for x, d in enumerate(node.dims)}
        labels: tuple[int, ...] = ()
        held: Value = {(): self._reduced(1, above)}
        for k, (f, ls) in enumerate(zip(node.factors, node.labels, strict=True)):
            later = {x for row in node.labels[k + 1 :] for x in row} | set(node.out)
            merged = tuple(dict.fromkeys((*labels, *ls)))
            kept = tuple(x for x in merged if x in later)
            new = tuple(x for x in merged if x not in labels)
            if len(held) * _volume(new, extent) > LARGEST_SUM:
                raise NotExactError("a sum of too many terms")
            value = self.memo[f, above]
            total: Value = {}
            for at, v in held.items():
                where = dict(zip(labels, at, strict=True))
                for beside in product(*(range(extent[x]) for x in new)):
                    where.update(zip(new, beside, strict=True))
                    place = tuple(where[x] for x in kept)
                    total[place] = total.get(place, 0) + v * value[tuple(where[x] for x in ls)]
            held, labels = {at: self._reduced(v, above) for at, v in total.items()}, kept
        zero = self._reduced(0, above)
        bare = [x for x in extent if x not in node.out and not any(x in ls for ls in node.labels)]
        times = _volume(bare, extent)
        result = dict.fromkeys(indices(node.shape, self.sizes), zero)
        for beside in product(*(range(extent[x]) for x in dict.fromkeys(node.out))):
            where = dict(zip(dict.fromkeys(node.out), beside, strict=True))
            found = held[tuple(where[x] for x in labels)] if held else zero
            result[tuple(where[x] for x in node.out)] = self._reduced(found * times, above)
        return result

    # ------------------------------------------------------------ inverses and determinants
    def _matrix(self, node: Call, x: Value, above: bool) -> Value:
        """By elimination, with whatever pivot isn't zero."""
        n = dim_value(node.args[0].shape[0], self.sizes)
        one, zero = self._reduced(1, above), self._reduced(0, above)
        rows = [[x[i, j] for j in range(n)] + [one if i == j else zero for j in range(n)] for i in range(n)]
        determinant = one
        for k in range(n):
            pivot = next((r for r in range(k, n) if rows[r][k] != zero), None)
            if pivot is None:
                if node.fn == "inv":
                    raise SingularError("a matrix without an inverse")
                return {(): zero}
            if pivot != k:
                rows[k], rows[pivot] = rows[pivot], rows[k]
                determinant = self._reduced(-determinant, above)
            determinant = self._reduced(determinant * rows[k][k], above)
            by = self._inverse(rows[k][k], above)
            rows[k] = [self._reduced(v * by, above) for v in rows[k]]
            for r in range(n):
                if r != k and rows[r][k] != zero:
                    c = rows[r][k]
                    rows[r] = [self._reduced(v - c * w, above) for v, w in zip(rows[r], rows[k], strict=True)]
        if node.fn == "det":
            return {(): determinant}
        return {(i, j): rows[i][n + j] for i in range(n) for j in range(n)}


def _defined(node: Map | Call) -> bool:
    if isinstance(node, Map):
        return node.fn not in ("exp", "pow") and not node.generic and not node.order and has_definition(node)
    return not node.abstract and has_definition(node)


def _volume(labels: Sequence[int], extent: Mapping[int, int]) -> int:
    total = 1
    for x in labels:
        total *= extent[x]
    return total


def _drawn(above: bool, *what: Hashable) -> int:
    """A residue that is the same for the same thing, in every process."""
    return Random(repr(what)).randrange(1, Q if above else P)


__all__ = ["Exact", "NotExactError", "P", "Q", "SingularError"]
