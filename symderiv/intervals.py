"""Signs and intervals of entries: an interval that holds every entry of an expression, from ranges and facts.

>>> from symderiv.build import apply, ones, symbol
>>> from symderiv.ops import subtract
>>> p = apply("sigmoid", symbol("u", ("n",)))
>>> Intervals(Facts()).of(subtract(ones(("n",)), p)) == interval("(0, 1)")
True
"""

from __future__ import annotations

from fractions import Fraction
from math import inf

from symderiv.build import scale
from symderiv.facts import Fact, Facts
from symderiv.functions import SCALAR, Interval, interval
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, Symbol, number_of, postorder, scaled

REALS, HALF = Interval(), Fraction(1, 2)
POSITIVE, NONNEGATIVE = interval("(0, oo)"), interval("[0, oo)")
NEGATIVE, NONPOSITIVE = interval("(-oo, 0)"), interval("(-oo, 0]")
UNIT, SIGNS, HALF_OPEN = interval("[0, 1]"), interval("[-1, 1]"), interval("(0, 1]")
_OF_FACT = {
    "positive": POSITIVE,
    "nonnegative": NONNEGATIVE,
    "negative": NEGATIVE,
    "nonpositive": NONPOSITIVE,
    "onehot": UNIT,
}
_CONSTANTS = {"pi": interval("(3, 4)"), "e": interval("(2, 3)")}
_INCREASING_FROM_ZERO = {
    "sinh",
    "asinh",
    "atanh",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "silu",
    "gelu",
    "mish",
    "hardtanh",
    "softsign",
    "tanh",
    "atan",
    "erf",
    "expm1",
    "log1p",
    "sign",
    "hardswish",
}
"""functions f with f(x) > 0 for x > 0 and f(0) = 0"""
_HALF_AT_ZERO = {"sigmoid", "normal_cdf"}
"""increasing functions that are 1/2 at 0"""
End = tuple[Fraction | float, bool]
"""(value, reached)"""
MOST_BITS = 1024
"""an end of an interval that has more bits than this is rounded outwards"""


def is_negative(x: Interval) -> bool:
    return x.hi is not None and (x.hi < 0 or (x.hi == 0 and x.hi_open))


def is_nonpositive(x: Interval) -> bool:
    return x.hi is not None and x.hi <= 0


def excludes_zero(x: Interval) -> bool:
    return x.positive or is_negative(x)


def point(value: Fraction) -> Interval:
    return Interval(value, value, False, False)


def _ends(x: Interval) -> tuple[End, End]:
    lo: End = (-inf, False) if x.lo is None else (x.lo, not x.lo_open)
    return lo, ((inf, False) if x.hi is None else (x.hi, not x.hi_open))


def _interval(lo: End, hi: End) -> Interval:
    (below, closed), (above, shut) = _outwards(lo, -1), _outwards(hi, 1)
    return Interval(None if below == -inf else Fraction(below), None if above == inf else Fraction(above), not closed, not shut)


def _outwards(end: End, way: int) -> End:
    """The end, or where it has too many digits a shorter one further out: an interval may be wider than it need be.

    >>> _outwards((Fraction(1, 3**5000), True), -1), _outwards((Fraction(3**5000), True), 1)
    ((Fraction(0, 1), False), (inf, False))
    """
    value, reached = end
    if not isinstance(value, Fraction) or value.numerator.bit_length() + value.denominator.bit_length() <= MOST_BITS:
        return value, reached
    if abs(value) > 2**MOST_BITS:
        return (way * inf if value * way > 0 else -way * Fraction(2**MOST_BITS)), False
    rounded = way * -Fraction(-way * value * 2**MOST_BITS // 1, 2**MOST_BITS)
    return rounded, reached and rounded == value


def _raised(end: End, n: int, way: int) -> End:
    """The n-th power of an end that is at least 0; where it would have too many digits one that lies further out."""
    value, reached = end
    if not isinstance(value, Fraction) or n * (value.numerator.bit_length() + value.denominator.bit_length()) <= 4 * MOST_BITS:
        return value**n, reached
    if way < 0:                                                 # vⁿ ≥ v where v ≥ 1, vⁿ > 0 where v > 0
        return (value, False) if value >= 1 else (Fraction(0), False)
    return (value, reached) if value <= 1 else (inf, False)


def meet(a: Interval, b: Interval) -> Interval:
    """Both at once; the first of them where they exclude each other (facts that contradict say nothing)."""
    (al, ah), (bl, bh) = _ends(a), _ends(b)
    lo = max(al, bl, key=lambda e: (e[0], not e[1]))
    hi = min(ah, bh, key=lambda e: (e[0], e[1]))
    if lo[0] > hi[0] or (lo[0] == hi[0] and not (lo[1] and hi[1])):
        return a
    return _interval(lo, hi)


def join(a: Interval, b: Interval) -> Interval:
    """The smallest interval around both."""
    (al, ah), (bl, bh) = _ends(a), _ends(b)
    return _interval(min(al, bl, key=lambda e: (e[0], not e[1])), max(ah, bh, key=lambda e: (e[0], e[1])))


def plus(a: Interval, b: Interval) -> Interval:
    """
    >>> plus(interval("(0, 1]"), interval("[2, oo)")) == interval("(2, oo)")
    True
    """
    (al, ah), (bl, bh) = _ends(a), _ends(b)
    return _interval(_sum(al, bl), _sum(ah, bh))


def _sum(x: End, y: End) -> End:
    """An infinite end stays: a fraction may be too large to be added to a float."""
    endless = [e[0] for e in (x, y) if abs(e[0]) == inf]
    return (endless[0], False) if endless else (x[0] + y[0], x[1] and y[1])


def times(a: Interval, b: Interval) -> Interval:
    """
    >>> times(interval("(-1, 2]"), interval("[0, 3)")) == interval("(-3, 6)")
    True
    >>> times(NONNEGATIVE, POSITIVE) == NONNEGATIVE
    True
    """
    corners = [_corner(x, y) for x in _ends(a) for y in _ends(b)]
    return _interval(min(corners, key=lambda e: (e[0], not e[1])), max(corners, key=lambda e: (e[0], e[1])))


def _corner(x: End, y: End) -> End:
    if x[0] == 0 or y[0] == 0:
        return Fraction(0), (x[0] == 0 and x[1]) or (y[0] == 0 and y[1])
    if abs(x[0]) == inf or abs(y[0]) == inf:
        return (inf if (x[0] > 0) == (y[0] > 0) else -inf), False
    return x[0] * y[0], x[1] and y[1]


class Intervals:
    """Intervals under one set of facts; ``used`` lists the facts that have been looked up with success."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.used: dict[Fact, None] = {}
        self._memo: dict[Expr, tuple[Interval, tuple[Fact, ...]]] = {}
        self._by_subject: dict[Expr, list[Fact]] = {}
        self._upper: dict[Expr, tuple[Fraction, tuple[Fact, ...]]] = {}
        for fact in facts:
            if isinstance(fact.subject, Expr):
                self._by_subject.setdefault(fact.subject, []).append(fact)
        for fact in facts.of("sum"):
            self._of_sum(fact)

    def of(self, root: Expr) -> Interval:
        """An interval that holds every entry wherever the expression is defined and the facts hold."""
        for node in postorder(root):
            if node not in self._memo:
                self._memo[node] = self._with_facts(node)
        found, facts = self._memo[root]
        self.used.update(dict.fromkeys(facts))
        return found

    def positive(self, root: Expr) -> bool:
        return self.of(root).positive

    def nonnegative(self, root: Expr) -> bool:
        return self.of(root).nonnegative

    def _of_sum(self, fact: Fact) -> None:
        """Entries ≥ 0 whose sum is at most 1 are at most 1."""
        total = None if fact.value is None else _constant(fact.value)
        sign = self.facts.find(fact.subject, "nonnegative", "positive")
        if isinstance(fact.subject, Expr) and sign is not None and total is not None and total >= 0:
            self._upper[fact.subject] = (total, (fact, sign))

    def _with_facts(self, node: Expr) -> tuple[Interval, tuple[Fact, ...]]:
        found = self._node(node)
        used: dict[Fact, None] = {f: None for k in node.kids for f in self._memo[k][1]}
        for c, other in _scalings(node):
            for fact in self._by_subject.get(other, ()):
                told = _OF_FACT.get(fact.kind)
                if told is None and fact.kind == "equal" and fact.value is not None:
                    value = _constant(fact.value)
                    told = None if value is None else point(value)
                if told is not None:
                    found = meet(found, times(point(c), told))
                    used[fact] = None
            if other in self._upper:
                total, why = self._upper[other]
                found = meet(found, times(point(c), Interval(None, total, True, False)))
                used.update(dict.fromkeys(why))
        if isinstance(node, Map) and node.generic and node.order == 2:
            for fact in self.facts.of("convex", "concave"):  # f'' of a convex f
                if fact.subject == node.fn:
                    found = NONNEGATIVE if fact.kind == "convex" else NONPOSITIVE
                    used[fact] = None
        if isinstance(node, Symbol):
            for fact in self.facts.of("equal"):  # t² = 1
                square = fact.subject
                if (
                    isinstance(square, Map)
                    and square.fn == "pow"
                    and square.params[0] == 2
                    and square.arg is node
                    and fact.value is not None
                    and _constant(fact.value) == 1
                ):
                    found = meet(found, SIGNS)
                    used[fact] = None
        return found, tuple(used)

    def _node(self, node: Expr) -> Interval:
        if isinstance(node, Symbol):
            if node.kind == "dim":
                return interval("[1, oo)")
            if node.kind == "structure":
                return interval("[0, 1]")
            return _CONSTANTS.get(node.name, REALS) if node.kind == "const" else REALS
        if isinstance(node, Name | Box):
            return self._memo[node.body][0]
        if isinstance(node, Add):
            total = point(Fraction(0))
            for c, t in node.terms:
                total = plus(total, times(point(c), self._memo[t][0]))
            return total
        if isinstance(node, Contract):
            return self._contract(node)
        if isinstance(node, Map):
            return self._map(node)
        if isinstance(node, Call) and not node.ders and not node.abstract:
            return self._call(node)
        return REALS

    def _contract(self, node: Contract) -> Interval:
        product = point(Fraction(1))
        for f in node.factors:
            product = times(product, self._memo[f][0])
        for x in range(len(node.dims)):
            if x not in node.out:
                product = times(product, _count(node.dims[x]))
        if len(set(node.out)) < len(node.out):
            product = join(product, point(Fraction(0)))
        return product

    def _map(self, node: Map) -> Interval:
        arg = self._memo[node.arg][0]
        if node.fn == "pow":
            return _power(arg, node.params[0])
        row = SCALAR.get(node.fn)
        if (
            row is None
            or node.generic
            or node.order
            or not row.facts_hold(**dict(zip((p for p, _ in row.params), node.params, strict=True)))
        ):
            return REALS
        result = row.range
        if node.fn == "exp":
            if arg.nonnegative:
                result = interval("[1, oo)")
            elif is_nonpositive(arg):
                result = HALF_OPEN
        if node.fn == "log":
            if arg.lo is not None and arg.lo >= 1:
                result = NONNEGATIVE
            elif arg.hi is not None and arg.hi <= 1:
                result = NONPOSITIVE
        if node.fn in _INCREASING_FROM_ZERO:
            if arg.nonnegative:
                result = meet(result, NONNEGATIVE)
            elif row.parity == "odd" and is_nonpositive(arg):
                result = meet(result, NONPOSITIVE)
            if arg.positive:
                result = meet(result, POSITIVE)
        if node.fn in _HALF_AT_ZERO and (arg.nonnegative or is_nonpositive(arg)):
            above, below = Interval(HALF, None, arg.positive), Interval(None, HALF, True, is_negative(arg))
            result = meet(result, above if arg.nonnegative else below)
        if node.fn == "abs" and excludes_zero(arg):
            result = POSITIVE
        return result

    def _call(self, node: Call) -> Interval:
        if node.fn == "softmax":
            return HALF_OPEN
        if node.fn in ("reshape", "max"):
            return self._memo[node.args[0]][0]
        if node.fn == "det" and self.facts.find(node.args[0], "pd") is not None:
            return POSITIVE
        return REALS


def _scalings(node: Expr) -> list[tuple[Fraction, Expr]]:
    """(c, other) with node = c · other: itself, and what it is a multiple of."""
    found = [(Fraction(1), node)]
    c, rest = scaled(node)
    if c != 1:
        found.append((c, rest))
    negated = scale(-1, node)
    found.append((Fraction(-1), negated))
    return found


def _constant(node: Expr) -> Fraction | None:
    """The number that every entry is."""
    c, rest = scaled(node)
    if isinstance(rest, Contract) and not rest.factors and len(set(rest.out)) == len(rest.out) == len(rest.dims):
        return c
    return number_of(node)


def _count(dim: int | str) -> Interval:
    return point(Fraction(dim)) if isinstance(dim, int) else interval("[1, oo)")


def _power(arg: Interval, q: Fraction) -> Interval:
    """
    >>> _power(interval("(-1, 1)"), Fraction(2)) == interval("[0, 1)")
    True
    """
    if q.denominator != 1:
        base = meet(arg, POSITIVE if q < 0 else NONNEGATIVE)
        if q.denominator == 2 and q == Fraction(1, 2):
            return _ordered(base, UNIT, NONNEGATIVE, POSITIVE)
        return POSITIVE if q < 0 or base.positive else NONNEGATIVE
    if q < 0:
        return _reciprocal(_power(arg, -q))
    result = arg
    if q % 2:
        for _ in range(min(int(q) - 1, 6)):
            result = times(result, arg)
        signs = ((arg.positive, POSITIVE), (arg.nonnegative, NONNEGATIVE), (is_negative(arg), NEGATIVE), (is_nonpositive(arg), NONPOSITIVE))
        signed = next((sign for holds, sign in signs if holds), REALS)
        return meet(result, signed) if q <= 7 else signed
    (lo, lo_in), (hi, hi_in) = _ends(arg)
    ends: list[End] = [(lo if lo >= 0 else -lo, lo_in), (hi if hi >= 0 else -hi, hi_in)]
    size = max(ends, key=lambda e: (e[0], e[1]))
    least: End = (Fraction(0), not excludes_zero(arg))
    if lo > 0 or hi < 0:
        least = min(ends, key=lambda e: (e[0], not e[1]))
    n = int(q)
    return _interval(_raised(least, n, -1), _raised(size, n, 1))


def _ordered(base: Interval, unit: Interval, wide: Interval, strict: Interval) -> Interval:
    result = strict if base.positive else wide
    return meet(result, unit) if base.hi is not None and base.hi <= 1 else result


def _reciprocal(x: Interval) -> Interval:
    """1/x, for x ≠ 0."""
    (lo, lo_in), (hi, hi_in) = _ends(x)
    if lo == hi or (lo < 0 < hi):
        return REALS

    def inverted(value: Fraction | float, closed: bool, at_zero: float) -> End:
        if value == 0:
            return at_zero, False
        return (1 / value, closed) if isinstance(value, Fraction) else (Fraction(), False)

    return _interval(inverted(hi, hi_in, -inf), inverted(lo, lo_in, inf))


__all__ = ["NONNEGATIVE", "POSITIVE", "REALS", "Intervals", "excludes_zero", "is_negative", "is_nonpositive", "join", "meet", "plus",
           "point", "times"]
