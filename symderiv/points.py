"""Values of expressions at single points, slowly and to 40 digits: what refutes needs a point, and no arrays.

Sizes are small, tensors are dictionaries from index to number, functions are the tables' SymPy bodies. Used to decide
where a symbolic test fails; the proper check of results is `verify`'s, with its own evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from fractions import Fraction
from functools import lru_cache
from itertools import product
from random import Random
from typing import Any

import sympy as sp
from mpmath import MPContext

from symderiv.build import transform
from symderiv.dims import dim_atoms, dim_value
from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.frontend.rows import definition_of, has_definition
from symderiv.functions import SCALAR
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, Shape, Symbol, postorder
from symderiv.structures import Structure

mp = MPContext()
"""a context of our own: its precision is nobody else's business"""
mp.dps = 40

Value = dict[tuple[int, ...], Any]
"""a tensor: a number by index"""
Point = Mapping[Any, Any]
"""a tensor by symbol; where they are to be evaluated, a function by the name of a generic one or of an abstract module"""
Sizes = Mapping[str, int]


class OutsideDomainError(SymderivError):
    """The expression has no real value at this point."""


class NotEvaluableError(SymderivError):
    """The expression holds something without a value: an abstract module, a generic function."""


def indices(shape: Shape, sizes: Sizes) -> list[tuple[int, ...]]:
    """All indices of a tensor, in order."""
    return list(product(*(range(dim_value(d, sizes)) for d in shape)))


def sizes_of(root: Expr, size: int) -> dict[str, int]:
    """A size for each named dimension, from ``size`` on, all different."""
    atoms = sorted({a for n in postorder(root) for d in n.shape for a in dim_atoms(d)})
    return {a: size + k for k, a in enumerate(atoms)}


def evaluate(root: Expr, point: Point, sizes: Sizes) -> Value:
    """The value at a point; raises OutsideDomainError where a real one doesn't exist.

    >>> from symderiv.build import apply, symbol
    >>> u = symbol("u", (1,))
    >>> mp.nstr(evaluate(apply("sigmoid", u), {u: {(0,): 0}}, {})[0,], 3)
    '0.5'
    """
    return every_value(root, point, sizes)[0]


def every_value(root: Expr, point: Point, sizes: Sizes) -> tuple[Value, dict[Expr, Value]]:
    """(the value at a point, the values of all nodes on the way)."""
    opened = unfolded(root)
    done: dict[Expr, Value] = {}
    for node in postorder(opened):
        done[node] = _value(node, done, point, sizes)
    return done[opened], done


@lru_cache(maxsize=256)
def unfolded(root: Expr) -> Expr:
    """Names opened, tensor functions replaced by their definitions."""

    def replace(node: Expr) -> Expr | None:
        if isinstance(node, Name | Box):
            return unfolded(node.kids[0])
        if isinstance(node, Call) and has_definition(node) and node.fn != "logdet":
            return unfolded(definition_of(node))
        return None

    return transform(root, replace)


def _value(node: Expr, done: Mapping[Expr, Value], point: Point, sizes: Sizes) -> Value:
    places = indices(node.shape, sizes)
    if isinstance(node, Symbol):
        if node in point:
            return point[node]
        if node.kind == "dim":
            return {(): mp.mpf(dim_value(node.name, sizes))}
        if node.kind == "structure":
            return {at: mp.mpf(Structure.read(node.name).holds(at, sizes)) for at in places}
        if node.kind == "const":
            return {(): mp.pi if node.name == "pi" else mp.e}
        raise NotEvaluableError(f"no value was given for '{node.name}'")
    if isinstance(node, Add):
        return {at: mp.fsum(_number(c) * done[t][at] for c, t in node.terms) for at in places}
    if isinstance(node, Contract):
        return _contracted(node, done, places, sizes)
    if isinstance(node, Map):
        given = point.get(node.fn) if node.generic else None
        f = _function(node) if given is None else (lambda x: given(x, node.order))
        return {at: _real(f, done[node.arg][at]) for at in places}
    if isinstance(node, Call) and node.fn in ("inv", "det", "logdet") and not node.ders:
        return _of_matrix(node, done[node.args[0]], dim_value(node.args[0].shape[0], sizes))
    if isinstance(node, Call) and node.fn in _OF_AXES and not node.ders:
        return _along_axes(node, done[node.args[0]])
    if isinstance(node, Call) and node.abstract and node.fn in point:
        own = len(node.shape) - sum(len(node.args[d].shape) for d in node.ders)
        value: Value = point[node.fn]([done[a] for a in node.args], node.ders, own, places)
        return value
    raise NotEvaluableError(f"{node!r} has no value at a point")


def _number(c: Fraction) -> Any:
    return mp.mpf(c.numerator) / c.denominator


def _contracted(node: Contract, done: Mapping[Expr, Value], places: Sequence[tuple[int, ...]], sizes: Sizes) -> Value:
    extent = [dim_value(d, sizes) for d in node.dims]
    result: Value = {at: mp.mpf(0) for at in places}
    for at in product(*(range(n) for n in extent)):
        term = mp.mpf(1)
        for f, ls in zip(node.factors, node.labels, strict=True):
            term *= done[f][tuple(at[x] for x in ls)]
        result[tuple(at[x] for x in node.out)] += term
    return result


def _of_matrix(node: Call, x: Value, n: int) -> Value:
    matrix = mp.matrix([[x[i, j] for j in range(n)] for i in range(n)])
    if node.fn != "det" and _singular(matrix, n):
        raise OutsideDomainError("a matrix without an inverse")
    if node.fn == "inv":
        inverse = matrix**-1
        return {(i, j): inverse[i, j] for i in range(n) for j in range(n)}
    value = mp.det(matrix)
    return {(): value if node.fn == "det" else mp.log(abs(value))}


def _along_axes(node: Call, x: Value) -> Value:
    """A function along the axes of its first parameter: a number of each slice, or a slice of each."""
    axes, order = node.params[0], len(node.args[0].shape)
    reduced = set(range(order)) if axes is None else {axes} if isinstance(axes, int) else set(axes)
    slices: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for at in x:
        slices.setdefault(tuple(p for k, p in enumerate(at) if k not in reduced), []).append(at)
    found = {kept: _OF_AXES[node.fn]([x[at] for at in places]) for kept, places in slices.items()}
    if len(node.shape) < order:
        return found
    return {at: mp.mpf(x[at] == found[kept]) for kept, places in slices.items() for at in places}


def _threshold(values: Sequence[Any], degree: int) -> Any:
    """τ with Σ max(v − τ, 0)^degree = 1, the largest that the greatest values alone give."""
    chosen = sorted((mp.mpf(v) / degree for v in values), reverse=True)
    for k in range(len(chosen), 0, -1):
        m = mp.fsum(chosen[:k]) / k
        spread = mp.fsum((v - m) ** 2 for v in chosen[:k])
        if degree == 2 and spread > 1:
            continue
        found = m - mp.mpf(1) / k if degree == 1 else m - mp.sqrt((1 - spread) / k)
        if chosen[k - 1] > found:
            return found
    raise OutsideDomainError("two entries are equal to a threshold")


_OF_AXES: dict[str, Any] = {"max": max, "is_max": max, "sparsemax_threshold": lambda v: _threshold(v, 1),
                            "entmax15_threshold": lambda v: _threshold(v, 2)}


def _singular(matrix: Any, n: int) -> bool:
    """Whether the determinant is nothing beside Hadamard's bound for it, the product of the rows' lengths."""
    bound = mp.mpf(1)
    for i in range(n):
        bound *= mp.sqrt(mp.fsum(matrix[i, j] ** 2 for j in range(n)))
    return bool(abs(mp.det(matrix)) <= bound * mp.mpf(10) ** (5 - mp.dps))


def _function(node: Map) -> Any:
    if node.fn == "pow":
        q = node.params[0]
        return (lambda x: x ** int(q)) if q.denominator == 1 else (lambda x: mp.mpf(x) ** _number(q))
    if node.generic or node.fn not in SCALAR:
        raise NotEvaluableError(f"the function '{node.fn}' is generic")
    return compiled(node.fn, node.params)


def body(fn: str, params: Sequence[Fraction], x: sp.Expr) -> sp.Expr:
    """The SymPy body of a row at x.

    >>> body("sigmoid", (), sp.Symbol("t"))
    1/(1 + exp(-t))
    """
    row = SCALAR[fn]
    given = {name: sp.Rational(v.numerator, v.denominator) for (name, _), v in zip(row.params, params, strict=True)}
    return sp.sympify(row.sympy, locals={"x": x, **given})


@lru_cache(maxsize=256)
def compiled(fn: str, params: tuple[Fraction, ...]) -> Any:
    """The row's function, to the precision of `mp`."""
    x = sp.Symbol("x", real=True)
    return sp.lambdify([x], body(fn, params, x), [{"Heaviside": lambda v, at=0: mp.mpf(v > 0)}, _names()])


def _names() -> dict[str, Any]:
    names = {n: getattr(mp, n) for n in dir(mp) if not n.startswith("_")}
    return {**names, "Abs": abs, "sign": mp.sign}


def _real(f: Any, x: Any) -> Any:
    try:
        value = f(x)
    except (ZeroDivisionError, ValueError, OverflowError) as error:
        raise OutsideDomainError(str(error)) from None
    value = mp.mpmathify(value)
    if isinstance(value, mp.mpc):
        if value.imag != 0:
            raise OutsideDomainError("the value isn't real")
        value = value.real
    if not mp.isfinite(value):
        raise OutsideDomainError("the value isn't finite")
    return value


# ---------------------------------------------------------------- drawing
def draws(shape: Shape, subject: Expr, facts: Facts, sizes: Sizes, random: Random) -> Iterator[Value]:
    """Endless random values of a symbol that keep the facts about it: of its entries, or of sums."""
    kinds = {f.kind for f in facts if f.subject == subject}
    onehot = "onehot" in kinds
    sums = [f for f in facts.of("sum") if f.subject == subject]
    signs = any(
        isinstance(f.subject, Map) and f.subject.fn == "pow" and f.subject.params[0] == 2 and f.subject.arg is subject
        for f in facts.of("equal")
    )
    square = kinds & {"symmetric", "psd", "pd", "diagonal", "orthogonal"} | (
        subject.props if isinstance(subject, Symbol) else set()
    )
    while True:
        value: Value = {at: mp.mpf(random.randint(-300, 300)) / 101 for at in indices(shape, sizes)}
        if onehot:
            value = _onehot(value, dim_value(shape[-1], sizes), random)
        elif sums:
            value = _with_sum(value, sums[0].axes)
        elif signs:
            value = {at: mp.mpf(random.choice((-1, 1))) for at in value}
        if kinds & {"positive", "nonnegative"} and not onehot:
            value = {at: abs(v) + mp.mpf(1) / 997 for at, v in value.items()}
        if kinds & {"negative", "nonpositive"}:
            value = {at: -abs(v) - mp.mpf(1) / 997 for at, v in value.items()}
        yield _matrix(value, square) if square else value


def _matrix(value: Value, kinds: Set[str]) -> Value:
    """A square matrix of one of these kinds, made from any."""
    n = 1 + max(at[0] for at in value)
    if "orthogonal" in kinds:  # a reflection
        total = mp.fsum(value[0, k] ** 2 for k in range(n)) or 1
        return {(i, j): mp.mpf(i == j) - 2 * value[0, i] * value[0, j] / total for i, j in value}
    if "diagonal" in kinds:
        return {(i, j): v if i == j else mp.mpf(0) for (i, j), v in value.items()}
    heavy = 4 * n if kinds & {"psd", "pd"} else 0
    return {(i, j): value[min(i, j), max(i, j)] + (heavy if i == j else 0) for i, j in value}


def _onehot(value: Value, n: int, random: Random) -> Value:
    hot: dict[tuple[int, ...], int] = {}
    return {at: mp.mpf(hot.setdefault(at[:-1], random.randrange(n)) == at[-1]) for at in value}


def _with_sum(value: Value, axes: Sequence[int]) -> Value:
    """Positive entries whose sums over the axes are one."""

    def rest(at: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(x for k, x in enumerate(at) if k not in axes)

    positive = {at: abs(v) + mp.mpf(1) / 7 for at, v in value.items()}
    totals: dict[tuple[int, ...], Any] = {}
    for at, v in positive.items():
        totals[rest(at)] = totals.get(rest(at), 0) + v
    return {at: v / totals[rest(at)] for at, v in positive.items()}


def nested(value: Mapping[tuple[int, ...], Any]) -> Any:
    """A tensor as nested lists of floats; a number as itself.

    >>> nested({(0, 0): 1, (0, 1): 2}), nested({(): 3})
    ([[1.0, 2.0]], 3.0)
    """
    if () in value:
        return float(value[()])
    rows: dict[int, dict[tuple[int, ...], Any]] = {}
    for at, v in value.items():
        rows.setdefault(at[0], {})[at[1:]] = v
    return [nested(rows[k]) for k in sorted(rows)]


def text_of(value: Any) -> str:
    """A number as a fraction where it is one with a small denominator, else to six digits.

    >>> text_of(mp.mpf(-3) / 16), text_of(mp.pi)
    ('-3/16', '3.14159')
    """
    guess = Fraction(int(mp.nint(value * 5040 * 64)), 5040 * 64)
    if abs(_number(guess) - value) < mp.mpf(10) ** -20 and guess.denominator <= 1000:
        return str(guess)
    return str(mp.nstr(value, 6))


__all__ = ["NotEvaluableError", "OutsideDomainError", "Value", "draws", "evaluate", "mp", "nested", "sizes_of", "text_of"]
