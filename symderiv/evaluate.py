"""Evaluates expressions on arrays: slow, simple, and sharing nothing with the code that derives or generates.

Every node is evaluated by its meaning, kids before parents. A derivative not yet taken is taken here on numbers:
its variable gets a nilpotent part (see `jets`), which is exact to rounding at any order. `numeric_derivative` takes the
last derivative by a complex step instead, Im f(x + ih)/h with h = 1e-30: no derivative of any function enters there.

>>> from symderiv.build import contract, symbol
>>> W, h = symbol("W", ("o", "n")), symbol("h", ("n",))
>>> values = {"W": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), "h": np.array([1.0, 0.0, -1.0])}
>>> product = contract((W, h), ("ij", "j"), "i")
>>> evaluate(product, values)
array([-2., -2.])
>>> numeric_derivative(product, (h,), values)
array([[1., 2., 3.],
       [4., 5., 6.]])
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, MutableMapping, Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from symderiv import bounds
from symderiv.arguments import as_float
from symderiv.dims import Dim, dim_atoms, dim_value
from symderiv.errors import EvaluationError, ShapeError, TooLargeError
from symderiv.evaluate_expectation import outcomes
from symderiv.evaluate_functions import scalar_function, tensor_function
from symderiv.ir import Add, Box, Call, Contract, Der, Expr, Map, Name, Symbol, debug, depends
from symderiv.jets import Array, Jet, Value, bilinear, lift, linear, linear_sum, parts_of, power
from symderiv.rounding import DIGITS, SMALLEST
from symderiv.structures import Structure

Memo = MutableMapping[Expr, Value]
Labels = tuple[int, ...]
Values = Mapping[Any, Any]
"""Arrays and functions by name, or by symbol where a name has two meanings."""

STEP = 1e-30
LARGEST_ARRAY = 50_000_000
MOST_AXES = 52
CONSTANTS = {"pi": math.pi, "e": math.e}


def evaluate(
    expr: Expr,
    values: Values,
    sizes: Mapping[str, int] | None = None,
    memo: MutableMapping[Expr, Array] | None = None,
    shaken: np.random.Generator | None = None,
) -> Array:
    """The value of an expression, of its shape; ``values`` are arrays by symbol, functions by name.

    Sizes that are not given are read off the arrays. ``memo`` holds the values of nodes: one that is put in stands for
    its node (a hole, say), and those found are added. A derivative follows its variable through all that depends on it.
    With ``shaken`` the value of every function on the way is changed in its last digits: what rounding does.
    """
    memo = {} if memo is None else memo
    found = infer_sizes(nodes_of(expr, known=memo), values, sizes)
    with np.errstate(all="ignore"):
        return np.asarray(_Evaluation(values, found, shaken=shaken).value(expr, memo, 0))  # type: ignore[arg-type]  # jets aren't put in


def numeric_derivative(
    body: Expr,
    wrt: Sequence[Expr],
    values: Values,
    sizes: Mapping[str, int] | None = None,
    shaken: np.random.Generator | None = None,
) -> Array:
    """∂ᵏbody by the k nodes of ``wrt``, in order: shape body.shape + their shapes, for real arrays.

    The last derivative is taken by a complex step, those before it by nilpotent parts.
    """
    if not wrt:
        return evaluate(body, values, sizes, shaken=shaken)
    for name, value in values.items():
        if np.iscomplexobj(value):
            raise EvaluationError(f"a derivative needs real arrays; that of '{name}' is complex")
    run = _Evaluation(values, infer_sizes(nodes_of(body, *wrt), values, sizes), 1, shaken)
    *first, last = wrt
    shape = run.shape(last)
    if math.prod(shape) ** 2 > LARGEST_ARRAY:
        raise TooLargeError(f"a derivative in {math.prod(shape)} directions", hint="give smaller arrays")
    directions = np.eye(math.prod(shape)).reshape(-1, *shape)
    with np.errstate(all="ignore"):
        run.open.append(last)
        start: Memo = {last: linear(lambda a: a + 1j * STEP * directions, run.value(last, {}, 0))}
        found = np.asarray(run.derivative(body, first, start, 0))
        out = (*run.shape(body), *(size for x in first for size in run.shape(x)))
        found = np.broadcast_to(found, (len(directions), *out))
        slopes = np.where(np.isnan(found), np.nan, found.imag / STEP)
    return np.moveaxis(slopes, 0, -1).reshape((*out, *shape))


# ---------------------------------------------------------------- sizes
def nodes_of(*roots: Expr, known: Container[Expr] = ()) -> list[Expr]:
    """Every node below the roots once, the variables of derivatives among them, but for known ones; kids first."""
    found: dict[Expr, None] = {}
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if ready:
            found[node] = None
        elif node not in found and node not in known:
            stack.append((node, True))
            below = (*node.kids, node.wrt) if isinstance(node, Der) else node.kids
            stack.extend((kid, False) for kid in reversed(below) if kid not in found)
    return list(found)


def shape_text(shape: Sequence[Dim]) -> str:
    return "×".join(str(d) for d in shape) or "a scalar"


def infer_sizes(nodes: Iterable[Expr], values: Values, sizes: Mapping[str, int] | None = None) -> dict[str, int]:
    """The size of every dimension, from the arrays of the variables among the nodes; checks all shapes on the way.

    Raises EvaluationError where an array is missing or isn't numeric, ShapeError where one doesn't fit.

    >>> from symderiv.build import symbol
    >>> infer_sizes([symbol("x", ("n*n",)), symbol("y", ("n + k",))], {"x": np.ones(9), "y": np.ones(7)})
    {'n': 3, 'k': 4}
    """
    known = {name: int(size) for name, size in (sizes or {}).items()}
    variables = [n for n in nodes if isinstance(n, Symbol) and n.kind in ("variable", "formal")]
    variables.sort(key=lambda x: x.name)
    open_axes: list[tuple[Symbol, Dim, int]] = []
    for x in variables:
        shape = np.shape(_array(x, values, variables))
        if len(shape) != len(x.shape):
            raise _misfit(x, shape)
        open_axes.extend(zip((x,) * len(shape), x.shape, shape, strict=True))
    while open_axes:
        rest = [axis for axis in open_axes if not _settled(*axis, known, values)]
        if len(rest) == len(open_axes):
            break
        open_axes = rest
    return known


def _settled(x: Symbol, dim: Dim, size: int, known: dict[str, int], values: Values) -> bool:
    """Whether an axis has at most one unknown name; then that is found, and the axis checked."""
    unknown = [atom for atom in dim_atoms(dim) if atom not in known]
    if len(unknown) > 1:
        return False
    if unknown:
        for guess in range(1, size + sum(known.values()) + 2):
            if _dim_or_zero(dim, {**known, unknown[0]: guess}) == size:
                known[unknown[0]] = guess
                return True
    if unknown or _dim_or_zero(dim, known) != size:
        raise _misfit(x, np.shape(_array(x, values)), known)
    return True


def _dim_or_zero(dim: Dim, sizes: Mapping[str, int]) -> int:
    try:
        return dim_value(dim, sizes)
    except ShapeError:
        return 0


def _misfit(x: Symbol, got: tuple[int, ...], known: Mapping[str, int] | None = None) -> ShapeError:
    atoms = sorted({atom for dim in x.shape for atom in dim_atoms(dim)} & set(known or {}))
    where = f" with {', '.join(f'{a} = {(known or {})[a]}' for a in atoms)}" if atoms else ""
    message = f"the array for '{x.name}' must be {shape_text(x.shape)}{where}; this is {shape_text(got)}"
    return ShapeError(message, shapes=(x.shape, got))


def _array(x: Symbol, values: Values, needed: Sequence[Symbol] = ()) -> Array:
    given = values[x] if x in values else values.get(x.name)
    if given is None:
        wanted = ", ".join(sorted({f"{s.name} ({shape_text(s.shape)})" for s in needed or (x,)}))
        raise EvaluationError(f"no array was given for '{x.name}'", hint=f"needed are {wanted}")
    array = np.asarray(given)
    if array.dtype.kind not in "biufc":
        raise EvaluationError(f"the value of '{x.name}' is not an array of numbers (its type is {array.dtype})")
    return array if array.dtype.kind in "fc" else array.astype(float)


# ---------------------------------------------------------------- nodes
class _Evaluation:
    """One evaluation; ``lead`` axes stand before the axes of values already, as many again as derivatives are open."""

    def __init__(
        self, values: Values, sizes: Mapping[str, int], lead: int = 0, shaken: np.random.Generator | None = None
    ) -> None:
        self.values, self.sizes, self.lead, self.shaken = values, sizes, lead, shaken
        self.open: list[Expr] = []
        self.occurrences: dict[tuple[Expr, Expr], bool] = {}

    def shape(self, node: Expr) -> tuple[int, ...]:
        return tuple(dim_value(d, self.sizes) for d in node.shape)

    def value(self, root: Expr, memo: Memo, level: int) -> Value:
        """The value of root; ``level`` derivatives are open around it."""
        stack = [root]
        while stack:
            node = stack[-1]
            needed = () if node in memo else (node.wrt,) if isinstance(node, Der) else node.kids
            missing = [kid for kid in needed if kid not in memo]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            if node not in memo:
                memo[node] = self.node(node, memo, level)
                if self.shaken is not None and isinstance(node, Map | Call):
                    by = float(self.shaken.uniform(-1, 1))
                    memo[node] = memo[node] * (1 + DIGITS * by) + SMALLEST * by
        return memo[root]

    def node(self, node: Expr, memo: Memo, level: int) -> Value:
        """The value of one node, whose kids' values are in the memo."""
        if bounds.watched:
            bounds.tick()
        if math.prod(shape := self.shape(node)) > LARGEST_ARRAY or len(shape) > MOST_AXES:
            raise TooLargeError(f"a value of shape {shape_text(shape)}", hint="give smaller arrays")
        if isinstance(node, Symbol):
            return self.symbol(node)
        if isinstance(node, Contract):
            return self.contraction(node, [memo[kid] for kid in node.factors])
        if isinstance(node, Add):
            terms = [memo[term] * as_float(coefficient) for coefficient, term in node.terms]
            return linear_sum((np.zeros(shape), *terms))
        if isinstance(node, Map):
            return self.map(node, memo[node.arg])
        if isinstance(node, Call):
            if node.fn == "expectation" and not node.abstract:
                return self.expectation(node, memo, level)
            return self.call(node, [memo[kid] for kid in node.args], level)
        if isinstance(node, Der):
            return self.derivative(node.body, (node.wrt,), memo, level)
        assert isinstance(node, Name | Box)
        return memo[node.body]

    def symbol(self, node: Symbol) -> Value:
        if node.kind == "const":
            return np.asarray(CONSTANTS[node.name])
        if node.kind == "dim":
            return np.asarray(float(dim_value(node.name, self.sizes)))
        if node.kind == "structure":
            where = Structure.read(node.name)
            found = np.zeros(self.shape(node))
            for at in np.ndindex(found.shape):
                found[at] = where.holds(at, self.sizes)
            return found
        return _array(node, self.values)

    def contraction(self, node: Contract, factors: Sequence[Value]) -> Value:
        """Σ over the labels that are not in out, pair by pair; unit matrices and ones are factors like others."""
        sizes = dict(enumerate(dim_value(d, self.sizes) for d in node.dims))
        items: list[tuple[Value, Labels]] = list(zip(factors, node.labels, strict=True))
        out: list[int] = []
        for label in node.out:
            if label in out:
                copy = len(sizes)
                sizes[copy] = sizes[label]
                items.append((np.eye(sizes[label]), (label, copy)))
                out.append(copy)
            else:
                out.append(label)
        carried = {label for _, labels in items for label in labels}
        items.extend((np.ones(size), (label,)) for label, size in sizes.items() if label not in carried)
        items = items or [(np.ones(()), ())]
        while len(items) > 1:
            pairs = [(i, j) for i in range(len(items)) for j in range(i)]
            i, j = min(pairs, key=lambda pair: _cost(items, pair, tuple(out), sizes))
            kept = _kept(items, (i, j), tuple(out))
            if _volume(kept, sizes) > LARGEST_ARRAY or len(kept) > MOST_AXES:
                raise TooLargeError(f"a product with {_volume(kept, sizes)} entries", hint="give smaller arrays")
            merged = (_product(items[i], items[j], kept), kept)
            items = [item for k, item in enumerate(items) if k not in (i, j)] + [merged]
        return _product(items[0], (np.ones(()), ()), tuple(out))

    def map(self, node: Map, x: Value) -> Value:
        if node.fn == "pow":
            return power(x, float(node.params[0]))
        if node.generic:
            f = self.function(node.fn, "a generic function is an object called with (x, order), as SmoothFunction is")
            return lift(lambda k, a: np.asarray(f(a, node.order + k)), x)
        if node.order:
            raise EvaluationError(f"the derivative of '{node.fn}' is not marked as that of a generic function")
        return scalar_function(node.fn)(x, *map(float, node.params))

    def call(self, node: Call, args: Sequence[Value], level: int) -> Value:
        if node.abstract:
            module = self.function(node.fn, "a module is an object with derivative(args, ders), as SmoothMap is")
            value: Value = module.derivative(args, node.ders)
            got = np.shape(parts_of(value)[0])
            if got[len(got) - len(node.shape) :] != self.shape(node):
                wanted = shape_text(self.shape(node))
                raise ShapeError(f"'{node.fn}' gave an array of shape {shape_text(got)}, not {wanted}")
            return value
        seeded = list(args)
        for k, d in enumerate(node.ders):
            seeded[d] = linear_sum((seeded[d], self.unit(self.shape(node.args[d]), level + k)))
        f = tensor_function(node.fn, len(args))
        value = f(*seeded, len(node.args[-1].shape), *node.params)
        own = self.shape(node)[: len(node.shape) - sum(len(node.args[d].shape) for d in node.ders)]
        return self.taken(value, own, [self.shape(node.args[d]) for d in node.ders], level)

    def expectation(self, node: Call, memo: Memo, level: int) -> Value:
        """E[body] over the target, which takes its outcomes in turn."""
        body, y, mean = node.args
        free: dict[Expr, Value] = {n: v for n, v in memo.items() if not self.depends(n, y)}
        weighted = [self.value(body, {**free, y: outcome}, level) * weight
                    for weight, outcome in outcomes(str(node.params[0]), memo[mean], self.values)]
        return linear_sum(tuple(weighted))

    def function(self, name: str, hint: str) -> Any:
        if not callable(self.values.get(name)):
            raise EvaluationError(f"no function was given for '{name}'", hint=hint)
        return self.values[name]

    # ------------------------------------------------------------ derivatives
    def derivative(self, body: Expr, wrt: Sequence[Expr], memo: Memo, level: int) -> Value:
        """∂ᵏbody by the nodes of wrt; values that don't depend on them are taken over from the memo."""
        values = {x: self.value(x, memo, level) for x in wrt}
        for x in values:
            others = [y for y in (*values, *self.open) if y is not x and self.depends(y, x) and self.depends(body, y)]
            if others:
                mixed = f"{debug(x)} and by {debug(others[0])}, which depends on it"
                raise EvaluationError(f"derivatives by {mixed}, are mixed")
        directions = math.prod(size for x in (*wrt, *self.open) for size in self.shape(x))
        largest = max(math.prod(self.shape(n)) for n in nodes_of(body))
        if directions * largest > LARGEST_ARRAY:
            raise TooLargeError(f"a derivative in {directions} directions", hint="give smaller arrays")
        fresh: dict[Expr, Value] = {n: v for n, v in memo.items() if not any(self.depends(n, x) for x in values)}
        fresh.update(values)
        for k, x in enumerate(wrt):
            fresh[x] = linear_sum((fresh[x], self.unit(self.shape(x), level + k)))
        self.open.extend(wrt)
        value = self.value(body, fresh, level + len(wrt))
        del self.open[len(self.open) - len(wrt) :]
        return self.taken(value, self.shape(body), [self.shape(x) for x in wrt], level)

    def depends(self, node: Expr, x: Expr) -> bool:
        return depends(node, x, self.occurrences)

    def unit(self, shape: tuple[int, ...], level: int) -> Value:
        """The nilpotent part at this level: one direction per entry, along a new axis before all others."""
        count = math.prod(shape)
        return Jet({1 << level: np.eye(count).reshape(count, *(1,) * (self.lead + level), *shape)})

    def taken(self, value: Value, shape: tuple[int, ...], by: Sequence[tuple[int, ...]], level: int) -> Value:
        """The part at the units of levels ``level``, …; their directions, its first axes, become its last."""
        count = len(by)
        bits = sum(1 << (level + k) for k in range(count))
        full = (*shape, *(size for s in by for size in s))

        def arranged(a: Array) -> Array:
            lead = a.shape[count : a.ndim - len(shape)]
            return np.moveaxis(a, range(count), range(-1, -count - 1, -1)).reshape((*lead, *full))

        parts = {units ^ bits: arranged(a) for units, a in parts_of(value).items() if units & bits == bits}
        return linear_sum((np.zeros(full), Jet(parts)))


# ---------------------------------------------------------------- contraction
def _kept(items: Sequence[tuple[Value, Labels]], pair: tuple[int, int], out: Labels) -> Labels:
    """The labels of a pair that are needed after it."""
    later = {label for k, (_, labels) in enumerate(items) if k not in pair for label in labels} | set(out)
    return tuple(dict.fromkeys(x for k in pair for x in items[k][1] if x in later))


def _volume(labels: Labels, sizes: Mapping[int, int]) -> int:
    return math.prod(sizes[x] for x in labels)


def _cost(items: Sequence[tuple[Value, Labels]], pair: tuple[int, int], out: Labels, sizes: Mapping[int, int]) -> int:
    """How much larger the pair's product is than the pair."""
    i, j = pair
    return _volume(_kept(items, pair, out), sizes) - _volume(items[i][1], sizes) - _volume(items[j][1], sizes)


def _product(left: tuple[Value, Labels], right: tuple[Value, Labels], out: Labels) -> Value:
    """Σ over the labels that are not in out of the product of two factors; axes before their own are broadcast."""
    used = list(dict.fromkeys((*left[1], *right[1])))
    if len(used) > MOST_AXES:
        raise TooLargeError(f"a product with {len(used)} indices", hint=f"at most {MOST_AXES} are evaluated")
    a, b, c = ("..." + "".join(ascii_letters[used.index(x)] for x in labels) for labels in (left[1], right[1], out))
    return bilinear(lambda x, y: np.asarray(np.einsum(f"{a},{b}->{c}", x, y)), left[0], right[0])
