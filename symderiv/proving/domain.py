"""Whether two sides are defined anywhere together: an identity that speaks of no point proves nothing.

The normal form takes each law where it holds (log(ab) = log a + log b where all three are defined), so that equal forms say
"equal wherever both sides are defined". This looks for one such point, without NumPy.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any

from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.functions import REALS, SCALAR
from symderiv.held import broken_at, imposed
from symderiv.ir import Call, Expr, Map, Symbol, free_symbols, postorder
from symderiv.points import NotEvaluableError, OutsideDomainError, Sizes, Value, draws, evaluate, mp, sizes_of

POINTS_PER_STYLE = 4
_PARTIAL_CALLS = frozenset(("inv", "logdet", "solve"))


def partial(root: Expr) -> bool:
    """True for a function below that isn't defined everywhere."""
    for n in postorder(root):
        if isinstance(n, Map) and not n.generic:
            if n.fn == "pow" and (n.params[0] < 0 or n.params[0].denominator != 1):
                return True
            if n.fn in SCALAR and (SCALAR[n.fn].domain != REALS or SCALAR[n.fn].excluded):
                return True
        if isinstance(n, Call) and n.fn in _PARTIAL_CALLS:
            return True
    return False


def defined_somewhere(lhs: Expr, rhs: Expr, facts: Facts, seed: int = 0) -> bool:
    """True if a point was found at which both sides have a value, or if what they hold has no values at points at all.

    >>> from symderiv.build import apply, scale, symbol
    >>> x = symbol("x", ("n",))
    >>> defined_somewhere(apply("log", x), apply("log", x), Facts())
    True
    >>> defined_somewhere(apply("log", x), apply("log", scale(-1, x)), Facts())
    False
    """
    if not (partial(lhs) or partial(rhs)):
        return True
    broken = 0
    for point, sizes in points_of(lhs, rhs, facts, Random(seed)):
        try:
            if broken_at(facts, point, sizes):
                broken += 1
                continue
            if _real(evaluate(lhs, point, sizes)) and _real(evaluate(rhs, point, sizes)):
                return True
        except (OutsideDomainError, ZeroDivisionError):
            continue
        except (NotEvaluableError, SymderivError):
            return True                                         # nothing can be said at points: the form decides alone
    return broken == _POINTS                                    # no point keeps the facts: they weren't met by drawing


def one_sided(lhs: Expr, rhs: Expr, facts: Facts, seed: int = 0) -> str:
    """A point at which one side only has a value, in words; "" where none was met.

    Points are drawn, so that it lies inside of where the sides part: 0/0 at a single point isn't met. Only logarithms and
    roots are asked for; an inverse is written where it exists, and cⁿ for a size n has a value at every c.

    >>> from symderiv.build import apply, power, scale, symbol
    >>> x = symbol("x", ())
    >>> one_sided(apply("log", power(x, 2)), scale(2, apply("log", x)), Facts())
    'at x = −2.56 the right side has no value'
    >>> one_sided(apply("exp", x), x, Facts())
    ''
    """
    if not _half_line(lhs, rhs):
        return ""
    for point, sizes in points_of(lhs, rhs, facts, Random(seed)):
        try:
            if broken_at(facts, point, sizes):
                continue
            left, right = _defined(lhs, point, sizes), _defined(rhs, point, sizes)
        except (NotEvaluableError, SymderivError):
            return ""
        if left != right:
            return f"{_told(point)}the {'right' if left else 'left'} side has no value"
    return ""


def _half_line(*roots: Expr) -> bool:
    """True for a function below that ends somewhere, outside of what may be singular and of powers by a size."""
    nodes = list(postorder(*roots))
    if any((isinstance(n, Call) and n.fn in ("inv", "solve")) or (isinstance(n, Symbol) and n.kind == "dim") for n in nodes):
        return False
    return any(isinstance(n, Map) and not n.generic and (
        (n.fn == "pow" and n.params[0].denominator != 1) or (n.fn in SCALAR and SCALAR[n.fn].domain != REALS)) for n in nodes)


def _defined(side: Expr, point: dict[Expr, Value], sizes: Sizes) -> bool:
    try:
        return _real(evaluate(side, point, sizes))
    except (OutsideDomainError, ZeroDivisionError):
        return False


def _told(point: dict[Expr, Value]) -> str:
    """The point, where it is a number or two."""
    if not 1 <= len(point) <= 2 or any(s.shape for s in point):
        return "at points that were drawn "
    return "at " + ", ".join(f"{s.name} = {float(v[()]):.3g}".replace("-", "−") for s, v in point.items()) + " "  # type: ignore[attr-defined]  # points are of symbols


def _real(value: Value) -> bool:
    return all(mp.isfinite(v) and abs(v) < mp.mpf(10) ** 25 for v in value.values())      # larger: an inverse of nothing


def points_of(lhs: Expr, rhs: Expr, facts: Facts, random: Random, styles: Sequence[Any] | None = None, smallest: int = 2
              ) -> Iterator[tuple[dict[Expr, Value], Sizes]]:
    """Points of all symbols, of the facts too, at sizes 2, 3, … (or from another one on) and turned round; near, positive, small, far."""
    every = dict.fromkeys(free_symbols(lhs, rhs, *facts.expressions))
    symbols = [s for s in every if isinstance(s, Symbol) and s.kind in ("variable", "formal")]
    up = {**sizes_of(lhs, smallest), **sizes_of(rhs, smallest)}
    turned = dict(zip(up, reversed(list(up.values())), strict=True))
    for sizes in (up, turned):
        streams = {s: draws(s.shape, s, facts, sizes, random) for s in symbols}
        for style in _STYLES if styles is None else styles:
            for _ in range(POINTS_PER_STYLE):
                point = {s: {at: style(v) if _free(s, facts) else v for at, v in value.items()}
                         for s, value in ((s, next(islice(streams[s], 1))) for s in symbols)}
                yield imposed(facts, point, sizes), sizes


_STYLES: tuple[Any, ...] = (lambda v: v, lambda v: abs(v) + 1, lambda v: (abs(v) + 1) / 8, lambda v: -abs(v) - 1, lambda v: abs(v) + 20)
_POINTS = 2 * len(_STYLES) * POINTS_PER_STYLE


def _free(s: Symbol, facts: Facts) -> bool:
    """True for a symbol that no fact speaks of, whose values may be moved."""
    return not s.props and all(not (isinstance(f.subject, Expr) and s in set(postorder(f.subject))) for f in facts)
