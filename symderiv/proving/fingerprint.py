"""Claims between rational expressions decided at a point without rounding: a fingerprint, and counterexamples of integers.

A fingerprint is the value modulo a prime at one random point (see `fields`). Where the fingerprints of the two sides
differ the claim is false, whatever rounding would say; where they agree nothing is proved, but only a chance of about
degree/2⁶¹ speaks against it. Schwartz 1980; for exponentials Gonnet 1984, "Determining equivalence of expressions in
random polynomial time".
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod
from random import Random
from typing import Any, Literal

from symderiv.dims import dim_atoms, dim_value
from symderiv.errors import SymderivError
from symderiv.facts import Fact, Facts
from symderiv.held import broken_signs, summed
from symderiv.ir import Expr, Map, Symbol, free_symbols, postorder
from symderiv.points import Sizes, Value, indices
from symderiv.proving.fields import Exact, NotExactError, P, Q, SingularError

Mark = Literal["equal", "different"]
LARGEST_CLAIM = 600
LARGEST_ARRAY = 3000
TRIES = 4
SMALL_TRIES = 60
MATRICES = ("symmetric", "psd", "pd", "diagonal", "orthogonal")
SIGNS = ("positive", "nonnegative", "negative", "nonpositive")


@dataclass(frozen=True)
class Integers:
    """A point of small integers at which the sides differ, and both values there: fractions."""

    values: dict[str, Value]
    left: Value
    right: Value


def fingerprint(lhs: Expr, rhs: Expr, facts: Facts, seed: int = 0) -> Mark | None:
    """Whether the sides agree modulo a prime at random points; None where they have no value there.

    >>> from symderiv.build import add, ones, symbol
    >>> x = symbol("x", ("n",))
    >>> fingerprint(x, add([(1, x), (Fraction(1, 10**12), ones(("n",)))], ("n",)), Facts())
    'different'
    """
    found: Mark | None = None
    if sum(1 for _ in postorder(lhs, rhs)) > LARGEST_CLAIM:
        return None
    for turn in range(2):
        random = Random(f"{seed} {turn}")
        for _ in range(TRIES):
            try:
                sizes = _sizes(lhs, rhs, facts, 2 + turn, turn)
                point = _point(lhs, rhs, facts, sizes, random, prime=True)
                run = Exact(point, sizes, prime=True)
                if run.value(lhs) != run.value(rhs):
                    return "different"
            except SingularError:
                continue
            except SymderivError:
                return None
            found = "equal"
            break
    return found


def integers(lhs: Expr, rhs: Expr, facts: Facts, seed: int = 0) -> Integers | None:
    """A point of small integers at which the sides, rational expressions, differ: both are evaluated in fractions."""
    if sum(1 for _ in postorder(lhs, rhs)) > LARGEST_CLAIM:
        return None
    random = Random(f"{seed} small")
    for attempt in range(SMALL_TRIES):
        try:
            sizes = _sizes(lhs, rhs, facts, 2 if attempt < SMALL_TRIES // 2 else 1 + attempt % 3, attempt)
            point = _point(lhs, rhs, facts, sizes, random, prime=False)
            run = Exact(point, sizes, prime=False)
            left, right = run.value(lhs), run.value(rhs)
        except SingularError:
            continue
        except SymderivError:
            return None
        if left != right:
            return Integers({s.name: v for s, v in point.items() if isinstance(s, Symbol)}, left, right)
    return None


# ---------------------------------------------------------------- points
def _sizes(lhs: Expr, rhs: Expr, facts: Facts, least: int, turn: int) -> Sizes:
    """A size for each named dimension: all different, in one order or in the other."""
    nodes = list(postorder(lhs, rhs, *facts.expressions))
    atoms = sorted({a for n in nodes for d in n.shape for a in dim_atoms(d)})
    sizes = {a: least + k for k, a in enumerate(reversed(atoms) if turn % 2 else atoms)}
    if any(prod(dim_value(d, sizes) for d in n.shape) > LARGEST_ARRAY for n in nodes):
        raise NotExactError("arrays of too many entries")
    return sizes


def _point(lhs: Expr, rhs: Expr, facts: Facts, sizes: Sizes, random: Random, prime: bool) -> dict[Expr, Value]:
    """Residues, or small integers, for every symbol, which keep the facts; NotExactError for facts that it can't keep."""
    kinds = ("variable", "formal")
    symbols = [s for s in dict.fromkeys(free_symbols(lhs, rhs, *facts.expressions)) if isinstance(s, Symbol)]
    point: dict[Expr, Value] = {}
    for s in symbols:
        if s.kind in kinds:
            low, high = (1, P - 1) if prime else (-3, 3)
            point[s] = {at: random.randint(low, high) for at in indices(s.shape, sizes)}
        elif s.kind == "const" and s.name == "pi" and prime:
            point[s] = {(): random.randint(1, P - 1)}
    for s in symbols:
        known = {f.kind for f in facts if f.subject == s} | set(s.props)
        square = [k for k in MATRICES if k in known]
        if square:
            point[s] = _matrix(point[s], square, random, prime)
    for fact in facts:
        _keep(fact, point, sizes, random, prime)
    if not all(_kept(fact, point, sizes, prime) for fact in facts):
        raise NotExactError("facts that no point was found to keep")
    return point


def _kept(fact: Fact, point: dict[Expr, Value], sizes: Sizes, prime: bool) -> bool:
    """Whether an equation holds at the point, to the last digit, or a sign does."""
    if not isinstance(fact.subject, Expr) or fact.kind not in ("equal", "sum", *SIGNS):
        return True
    run = Exact(point, sizes, prime)
    x = run.value(fact.subject)
    if fact.kind in SIGNS:
        return prime or broken_signs(fact.kind, x.values()) is False
    left = summed(x, fact.axes) if fact.kind == "sum" else x
    right = run.value(fact.value) if fact.value is not None else left
    return all((v - right[at]) % Q == 0 if prime else v == right[at] for at, v in left.items())


def _matrix(x: Value, kinds: list[str], random: Random, prime: bool) -> Value:
    n = 1 + max(at[0] for at in x)
    if "orthogonal" in kinds:
        return _orthogonal(x, n, random, prime)
    if "diagonal" in kinds:
        return {(i, j): v if i == j else 0 for (i, j), v in x.items()}
    heavy = 8 * n if not prime and {"psd", "pd"} & set(kinds) else 0
    return {(i, j): x[min(i, j), max(i, j)] + (heavy if i == j else 0) for i, j in x}


def _orthogonal(x: Value, n: int, random: Random, prime: bool) -> Value:
    """Of integers a permutation with signs; else a product of reflections I − 2 vvᵀ/vᵀv, in fractions, not symmetric."""
    if not prime:
        order = random.sample(range(n), n)
        return {(i, j): random.choice((-1, 1)) if order[i] == j else 0 for i, j in x}
    found: Value = {(i, j): Fraction(i == j) for i, j in x}
    for _ in range(2 if n == 2 else 3):
        v = [random.randint(1, 40) for _ in range(n)]
        total = sum(a * a for a in v)
        along = [sum(found[i, k] * v[k] for k in range(n)) for i in range(n)]
        found = {(i, j): f - 2 * along[i] * v[j] / total for (i, j), f in found.items()}
    return found


def _keep(fact: Fact, point: dict[Expr, Value], sizes: Sizes, random: Random, prime: bool) -> None:
    """Change the point so that the fact holds; NotExactError where it isn't known how."""
    x = fact.subject
    if not isinstance(x, Expr) or fact.kind in MATRICES:
        return
    if fact.kind in SIGNS:
        if prime:
            return                                              # an open condition: an identity on it is one everywhere
        if not isinstance(x, Symbol):
            raise NotExactError("a sign of an expression")
        sign = 1 if fact.kind in ("positive", "nonnegative") else -1
        least = 1 if fact.kind in ("positive", "negative") else 0
        point[x] = {at: sign * (abs(v) or least) for at, v in point[x].items()}
    elif fact.kind == "onehot" and isinstance(x, Symbol):
        hot: dict[tuple[int, ...], int] = {}
        n = 1 + max(at[-1] for at in point[x])
        point[x] = {at: int(hot.setdefault(at[:-1], random.randrange(n)) == at[-1]) for at in point[x]}
    elif fact.kind == "sum" and isinstance(x, Symbol):
        _sum(fact, x, point, sizes, prime)
    elif fact.kind == "equal" and isinstance(x, Map) and x.fn == "pow" and x.params[0] == 2 and isinstance(x.arg, Symbol):
        target = Exact(point, sizes, prime).value(fact.value) if fact.value is not None else {}
        if fact.value is x.arg:
            return                                              # y² = y of a one-hot y, which holds already
        if any(v != 1 for v in target.values()):
            raise NotExactError("a square root")
        point[x.arg] = {at: random.choice((-1, 1)) for at in point[x.arg]}
    else:
        raise NotExactError(f"a fact that is kept nowhere: {fact.text}")


def _sum(fact: Fact, x: Symbol, point: dict[Expr, Value], sizes: Sizes, prime: bool) -> None:
    """Let the last entry along the axes make the sums what they have to be."""
    assert fact.value is not None
    target: Any = Exact(point, sizes, False).value(fact.value)
    values = dict(point[x])
    last = {a: max(at[a] for at in values) for a in fact.axes}
    totals: dict[tuple[int, ...], Any] = {}
    for at, v in values.items():
        if any(at[a] != k for a, k in last.items()):
            rest = tuple(k for a, k in enumerate(at) if a not in fact.axes)
            totals[rest] = totals.get(rest, 0) + v
    for at in values:
        if all(at[a] == k for a, k in last.items()):
            rest = tuple(k for a, k in enumerate(at) if a not in fact.axes)
            values[at] = target[rest] - totals.get(rest, 0)
    point[x] = values


__all__ = ["Integers", "Mark", "fingerprint", "integers"]
