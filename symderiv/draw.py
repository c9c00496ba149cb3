"""Random points: sizes for the dimensions, arrays for the symbols and functions for the names, as the facts demand.

Sizes are all different, so that a lost transpose doesn't fit. An array is drawn real first; where the expression isn't
defined there, positive, between 0 and 1, negative, and large ones are tried.

>>> from symderiv.build import symbol
>>> y = symbol("y", ("o",))
>>> draw([y], [], np.random.default_rng(0), {"o": 3}, "positive")["y"].min() > 0
np.True_
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from symderiv.dims import Dim, dim_atoms, dim_value
from symderiv.errors import EvaluationError, ShapeError, TooLargeError
from symderiv.evaluate import evaluate, nodes_of
from symderiv.evaluate_functions import KINKS
from symderiv.ir import Call, Contract, Expr, Map, Symbol, is_zero
from symderiv.jets import Array
from symderiv.smooth import Curvature, SmoothFunction, SmoothMap
from symderiv.structures import Structure

if TYPE_CHECKING:
    from symderiv.facts import Fact

Style = Literal["real", "positive", "unit", "negative", "large"]

#: The ranges of the styles; a real entry is normal.
STYLES: dict[Style, tuple[float, float]] = {
    "real": (-1.0, 1.0),
    "positive": (0.2, 2.0),
    "unit": (0.05, 0.95),
    "negative": (-2.0, -0.2),
    "large": (1.1, 3.0),
}
SIZES = (2, 3, 5, 7, 4, 6, 8, 9, 10, *range(11, 200))
#: How often sizes are tried, and after how many attempts one more of them.
ATTEMPTS, MORE_AFTER = 400, 40
MATRIX_KINDS = frozenset({"symmetric", "diagonal", "orthogonal", "psd", "pd"})
TOLERANCE = 1e-9
NEAREST_KINK = 1e-4
#: How often facts are imposed one after the other, where one undoes another.
IMPOSED = 4
#: The largest array that is drawn: 10⁷ numbers are 80 MB.
MOST_ENTRIES = 10_000_000


# ---------------------------------------------------------------- sizes
def draw_sizes(
    nodes: Iterable[Expr], turn: int = 0, given: Mapping[str, int] | None = None, turned: bool = False
) -> dict[str, int]:
    """A size for every dimension below the nodes, all different; other turns give other ones, ``turned`` the reverse.

    >>> from symderiv.build import symbol
    >>> W = symbol("W", ("o", "n"))
    >>> draw_sizes([W]), draw_sizes([W], 1), draw_sizes([symbol("x", ("n - k + 1",))])
    ({'n': 2, 'o': 3}, {'n': 3, 'o': 5}, {'k': 2, 'n': 3})
    """
    dims = list(dict.fromkeys(dim for node in nodes_of(*nodes) for dim in _dims(node)))
    fixed = dict(given or {})
    atoms = sorted({a for dim in dims for a in dim_atoms(dim)} - set(fixed))
    taken = {d for d in dims if isinstance(d, int)} | set(fixed.values())
    every = [size for size in SIZES if size not in taken]
    rng = np.random.default_rng([turn])
    for attempt in range(ATTEMPTS):
        free = every[: len(atoms) + 2 + attempt // MORE_AFTER]  # of n - 5 the first few are too small
        order = [free[(turn + k) % len(free)] for k in range(len(atoms))] if attempt == 0 else rng.permutation(free)
        order = list(order)[: len(atoms)][:: -1 if turned else 1]
        sizes = {**fixed, **{atom: int(size) for atom, size in zip(atoms, order, strict=False)}}
        if all(_possible(dim, sizes) for dim in dims):
            return sizes
    raise EvaluationError("no sizes were found for which every dimension is at least 1", hint="give sizes")


def _dims(node: Expr) -> tuple[Dim, ...]:
    if isinstance(node, Symbol) and node.kind == "dim":
        return (node.name,)
    if isinstance(node, Symbol) and node.kind == "structure":
        return (*node.shape, *Structure.read(node.name).least(node.shape))
    return (*node.shape, *node.dims) if isinstance(node, Contract) else node.shape


def _possible(dim: Dim, sizes: Mapping[str, int]) -> bool:
    try:
        return dim_value(dim, sizes) >= 1
    except ShapeError:
        return False


# ---------------------------------------------------------------- values
def draw(
    nodes: Iterable[Expr],
    facts: Iterable[Fact],
    rng: np.random.Generator,
    sizes: Mapping[str, int],
    style: Style | None = "real",
) -> dict[Any, Any]:
    """Values for all symbols and functions below the nodes: by name, but for formal arguments (by symbol).

    A style of None takes one for each symbol at random. Facts about symbols are built in; whether those about
    expressions hold has to be seen (see `broken_fact`).
    """
    every = nodes_of(*nodes)
    facts = relevant(facts, [n for n in every if isinstance(n, Symbol)])
    every = nodes_of(*every, *(e for fact in facts for e in fact.expressions))
    values: dict[Any, Any] = {}
    for node in every:
        if isinstance(node, Map) and node.generic and node.fn not in values:
            values[node.fn] = SmoothFunction(rng, curvature_of(node.fn, facts))
        if isinstance(node, Call) and node.abstract and node.fn not in values:
            own = node.shape[: len(node.shape) - sum(len(node.args[d].shape) for d in node.ders)]
            shapes = [_numbers(argument.shape, sizes) for argument in node.args]
            values[node.fn] = SmoothMap(shapes, _numbers(own, sizes), rng, curvature_of(node.fn, facts))
    symbols = [n for n in every if isinstance(n, Symbol) and n.kind in ("variable", "formal")]
    _expect_moderate(symbols, sizes)
    kinds: dict[Any, set[str]] = {}  # of all symbols of one name: a derivative's steps may hold X with and without a property
    for x in symbols:
        kinds.setdefault(key_of(x), set()).update(x.props)
    for fact in facts:
        if isinstance(fact.subject, Symbol) and key_of(fact.subject) in kinds:
            kinds[key_of(fact.subject)].add(fact.kind)
    for x in symbols:
        if key_of(x) not in values:
            chosen = style or rng.choice(list(STYLES))
            values[key_of(x)] = _array(_numbers(x.shape, sizes), kinds[key_of(x)], chosen, rng)
    for _ in range(IMPOSED):
        for fact in facts:
            _impose(fact, values, sizes, rng)
        if broken_fact(facts, values, sizes) is None:
            break
    return values


def _expect_moderate(symbols: Iterable[Symbol], sizes: Mapping[str, int]) -> None:
    """Refuses to draw arrays that would fill the memory, as declared sizes may ask for."""
    for x in symbols:
        count = math.prod(_numbers(x.shape, sizes))
        if count > MOST_ENTRIES:
            raise TooLargeError(
                f"'{x.name}' has {count:.3g} entries: too many to draw at random",
                hint="declare the size by a name, x='n', and it is tried at small ones",
            )


def key_of(x: Symbol) -> Any:
    return x.name if x.kind == "variable" else x


def relevant(facts: Iterable[Fact], symbols: Sequence[Symbol]) -> list[Fact]:
    """The facts about these symbols, or about symbols that such facts tie to them, or about a function.

    Of a == b and b == c both speak of a: what they say together is a == c.
    """
    inside = {key_of(x) for x in symbols}
    given = {fact: _spoken_of(fact) for fact in facts}
    while grown := {key for keys in given.values() if keys & inside for key in keys} - inside:
        inside |= grown
    return [fact for fact, keys in given.items() if keys <= inside]


def _spoken_of(fact: Fact) -> set[Any]:
    about = fact.expressions
    return {key_of(x) for x in nodes_of(*about) if isinstance(x, Symbol) and x.kind in ("variable", "formal")}


def curvature_of(name: str, facts: Iterable[Fact]) -> Curvature | None:
    for fact in facts:
        if fact.subject == name and fact.kind in ("convex", "concave"):
            return "convex" if fact.kind == "convex" else "concave"
    return None


def _numbers(shape: Sequence[Dim], sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(dim_value(d, sizes) for d in shape)


def _array(shape: tuple[int, ...], kinds: set[str], style: Style, rng: np.random.Generator) -> Array:
    """An array of these kinds, in the style where they leave a choice."""
    if "onehot" in kinds:
        return np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]
    if kinds & {"positive", "nonnegative"} and style in ("real", "negative"):
        style = "positive"
    if kinds & {"negative", "nonpositive"}:
        style = "negative"
    x = rng.normal(size=shape) if style == "real" else rng.uniform(*STYLES[style], size=shape)
    return _matrix(x, kinds, rng) if kinds & MATRIX_KINDS and len(shape) >= 2 else x


def _matrix(x: Array, kinds: set[str], rng: np.random.Generator) -> Array:
    """The last two axes made symmetric, diagonal, orthogonal, or positive definite (psd too: with an inverse)."""
    n, transposed = x.shape[-1], np.swapaxes(x, -1, -2)
    definite = kinds & {"psd", "pd"}
    if "orthogonal" in kinds:
        signs = np.where(rng.normal(size=n) > 0, 1.0, -1.0)
        if definite or "diagonal" in kinds:
            return np.broadcast_to(np.diag(abs(signs) if definite else signs), x.shape).copy()
        q = np.linalg.qr(rng.normal(size=x.shape))[0]
        return np.asarray(q * signs @ np.swapaxes(q, -1, -2) if "symmetric" in kinds else q)
    if "diagonal" in kinds:
        return np.asarray((abs(x) + 0.1 if definite else x) * np.eye(n))
    if definite:
        return np.asarray(x @ transposed / n + 0.3 * np.eye(n))
    return np.asarray((x + transposed) / 2)


# ---------------------------------------------------------------- facts that tie entries together
def _impose(fact: Fact, values: dict[Any, Any], sizes: Mapping[str, int], rng: np.random.Generator) -> None:
    """Change the values so that a sum or an equation holds, where this is known how."""
    subject = fact.subject
    if not isinstance(subject, Expr) or fact.value is None or broken_fact([fact], values, sizes) is None:
        return
    target = evaluate(fact.value, values, sizes)
    if fact.kind == "sum" and isinstance(subject, Symbol):
        x = values[key_of(subject)]
        total = np.sum(x, axis=fact.axes, keepdims=True)
        target = target.reshape(total.shape)
        count = math.prod(x.shape[a] for a in fact.axes)
        if np.all(x > 0) or rng.random() < 0.5:
            values[key_of(subject)] = abs(x) * target / np.sum(abs(x), axis=fact.axes, keepdims=True)
        else:
            values[key_of(subject)] = x + (target - total) / count
    elif fact.kind == "equal" and isinstance(subject, Symbol):
        values[key_of(subject)] = target.copy()
    elif fact.kind == "equal" and isinstance(subject, Map) and subject.fn == "pow" and subject.params[0] == 2:
        if isinstance(subject.arg, Symbol):
            x = values[key_of(subject.arg)]
            sign = np.where(rng.normal(size=x.shape) > 0, 1.0, -1.0)
            if fact.value is subject.arg:
                values[key_of(subject.arg)] = 0.5 + 0.5 * sign
            elif np.all(target >= 0):
                values[key_of(subject.arg)] = sign * np.sqrt(target)
    else:
        _scale(fact, subject, target, values, sizes)


def _scale(fact: Fact, subject: Expr, target: Array, values: dict[Any, Any], sizes: Mapping[str, int]) -> None:
    """Scale the one symbol of a homogeneous subject, as in Σx² = 1, as a whole or along the fact's axes."""
    symbols = [n for n in nodes_of(subject) if isinstance(n, Symbol) and n.kind in ("variable", "formal")]
    if len(symbols) != 1:
        return
    key = key_of(symbols[0])
    x = values[key]

    def total(scaled: Array) -> Array:
        found = evaluate(subject, {**values, key: scaled}, sizes)
        return np.sum(found, axis=fact.axes, keepdims=found.shape == x.shape) if fact.kind == "sum" else found

    once, twice = total(x), total(2 * x)
    with np.errstate(all="ignore"):
        degree = np.log2(twice / once)
        factor = (target.reshape(once.shape) / once) ** (1 / degree)
    if np.all(np.isfinite(factor)) and factor.ndim in (0, x.ndim):
        values[key] = x * factor


def broken_fact(facts: Iterable[Fact], values: Mapping[Any, Any], sizes: Mapping[str, int]) -> Fact | None:
    """The first fact that doesn't hold for the values; facts about functions aren't looked at."""
    for fact in facts:
        if isinstance(fact.subject, Expr):
            try:
                x = evaluate(fact.subject, values, sizes)
                total = np.sum(x, axis=fact.axes) if fact.kind == "sum" else x
                value = total if fact.value is None else evaluate(fact.value, values, sizes)
            except np.linalg.LinAlgError:
                return fact
            if not np.all(np.isfinite(x)) or not _holds(fact.kind, total, value):
                return fact
    return None


def _holds(kind: str, x: Array, value: Array) -> bool:
    if kind in ("sum", "equal"):
        return bool(np.all(abs(x - value) <= TOLERANCE * (1 + abs(x))))
    if kind in ("positive", "nonnegative"):
        return bool(np.all(x > 0 if kind == "positive" else x >= 0))
    if kind in ("negative", "nonpositive"):
        return bool(np.all(x < 0 if kind == "negative" else x <= 0))
    if kind == "onehot":
        return bool(np.all((x == 0) | (x == 1)) and np.all(x.sum(axis=-1) == 1))
    if kind == "orthogonal":
        return bool(np.allclose(x @ np.swapaxes(x, -1, -2), np.eye(x.shape[-1])))
    if kind == "diagonal":
        return bool(np.all(x * (1 - np.eye(x.shape[-1])) == 0))
    symmetric = bool(np.allclose(x, np.swapaxes(x, -1, -2)))
    return symmetric and (kind == "symmetric" or bool(np.all(np.linalg.eigvalsh(x) > -TOLERANCE)))


# ---------------------------------------------------------------- kinks
def kink_distance(nodes: Iterable[Expr], values: Mapping[Any, Any], sizes: Mapping[str, int]) -> float:
    """How near any function below the nodes stands to a point where it, or a derivative of it, jumps; of 0 it is a number.

    >>> from symderiv.build import apply, symbol
    >>> x = symbol("x", (2,))
    >>> float(kink_distance([apply("relu", x)], {"x": np.array([3.0, -0.5])}, {}))
    0.5
    """
    nearest = math.inf
    memo: dict[Expr, Array] = {}
    for node in nodes_of(*nodes):
        if isinstance(node, Map) and not node.generic and node.fn in KINKS and not is_zero(node.arg):
            x = evaluate(node.arg, values, sizes, memo)
            for kink in KINKS[node.fn](*map(float, node.params)):
                nearest = min(nearest, float(np.min(abs(x - kink))))
        elif isinstance(node, Call) and not node.abstract and node.fn in ("max", "maximum", "minimum"):
            nearest = min(nearest, _gap(node, [evaluate(a, values, sizes, memo) for a in node.args]))
    return nearest


def _gap(node: Call, args: Sequence[Array]) -> float:
    if not all(np.all(np.isfinite(a)) for a in args):
        return 0.0                                              # no gap is known between what is infinite
    if len(args) == 2:
        return float(np.min(abs(args[0] - args[1])))
    order = np.sort(args[0].reshape(-1))
    return float(np.min(np.diff(order))) if order.size > 1 else math.inf
