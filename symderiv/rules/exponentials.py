"""Functions made from eˣ, in whatever spelling: shifts that cancel, σ written by tanh and the other way, softplus.

Each law goes one way, towards the shorter of two equal forms. Which of 1 − σ(x) and σ(−x) is shorter depends on whether
σ(x) stands elsewhere in the formula: that choice is the engine's, at the end of a derivation.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symderiv.build import add, apply, call, contract, ones, scale, symbol, view
from symderiv.ir import Add, Call, Contract, Expr, Map, scaled
from symderiv.nodes import primitive
from symderiv.rules.base import Context, peel, rule
from symderiv.rules.definitions import axes, from_rows, is_map, negative, rows_of

Term = tuple[Fraction, Expr]


def _v(c: Fraction | int = 1) -> Expr:
    return scale(c, symbol("v", (2,)))


def _sum(*terms: tuple[Fraction | int, Expr]) -> Expr:
    return add(terms, terms[0][1].shape)


def _times(a: Expr, b: Expr) -> Expr:
    labels = tuple(range(len(a.shape)))
    return contract((a, b), (labels, labels), labels)


def _coefficient(v: Expr) -> Fraction:
    """The rational number that an argument has in front."""
    c, rest = scaled(v)
    return c * primitive(rest)[0] if isinstance(rest, Add) and len(rest.terms) > 1 else c


def _constant(node: Add) -> Fraction:
    """The coefficient of 1 in a sum."""
    return next((c for c, t in node.terms if t is ones(t.shape)), Fraction(0))


def _functions(node: Add, fn: str) -> list[tuple[Fraction, Map]]:
    return [(c, t) for c, t in node.terms if isinstance(t, Map) and is_map(t, fn)]


def _without(node: Add, gone: Sequence[Expr], put: Sequence[Term]) -> Expr:
    """The sum with some terms replaced by others."""
    return add([*((c, t) for c, t in node.terms if t not in gone), *put], node.shape)


# ---------------------------------------------------------------- shifts
def _constant_along(t: Expr, over: Sequence[int]) -> Expr | None:
    """The term without these axes, where it is constant along them."""
    if not isinstance(t, Contract):
        return None
    used = {x for ls in t.labels for x in ls}
    gone = {t.out[a] for a in over}
    if gone & used or any(t.out.count(x) > 1 for x in gone):
        return None
    kept = tuple(x for x in t.out if x not in gone)
    return contract(t.factors, t.labels, kept, {x: t.dims[x] for x in kept})


def _shifted(node: Call, fn: str) -> tuple[Expr, list[Term]] | None:
    """(the argument without terms that are constant along the function's axes, these terms); None if there are none."""
    arg = node.args[0]
    if node.fn != fn or node.ders or not isinstance(arg, Add):
        return None
    constant = [(c, t, _constant_along(t, axes(node))) for c, t in arg.terms]
    moved = [(c, core) for c, _, core in constant if core is not None]
    if not moved or len(moved) == len(arg.terms):
        return None
    return add([(c, t) for c, t, core in constant if core is None], arg.shape), moved


def _shift() -> Expr:
    return add([(1, symbol("u", (3,))), (-1, view(symbol("c", ()), (), (0,), {0: 3}))], (3,))


@rule("shift", r"\operatorname{softmax}(u+c\,\mathbf{1})=\operatorname{softmax}(u)", [Call],
      example=lambda: (call("softmax", (_shift(),), (3,), (0,)), Context()))  # fmt: skip
def softmax_shift(node: Call, context: Context) -> Expr | None:
    """What is constant along the axis of a softmax changes nothing."""
    found = _shifted(node, "softmax")
    return None if found is None else call("softmax", (found[0],), node.shape, node.params)


@rule("shift", r"\operatorname{logsumexp}(u+c\,\mathbf{1})=\operatorname{logsumexp}(u)+c", [Call],
      example=lambda: (call("logsumexp", (_shift(),), (), (0,)), Context()))  # fmt: skip
def logsumexp_shift(node: Call, context: Context) -> Expr | None:
    found = _shifted(node, "logsumexp")
    if found is None:
        return None
    return add([(1, call("logsumexp", (found[0],), node.shape, node.params)), *found[1]], node.shape)


# ---------------------------------------------------------------- σ and tanh
@rule("fold definition", r"1+\tanh\tfrac{x}{2}=2\,\sigma(x)", [Add],
      example=lambda: (_sum((1, ones((2,))), (1, apply("tanh", _v(Fraction(1, 2))))), Context()))  # fmt: skip
def sigmoid_of_tanh(node: Add, context: Context) -> Expr | None:
    """Only where the argument is halved: 1 + tanh x stays."""
    c = _constant(node)
    for d, t in _functions(node, "tanh"):
        if c and abs(c) == abs(d) and _coefficient(t.arg).denominator % 2 == 0:
            return _without(node, (ones(node.shape), t), [(2 * c, apply("sigmoid", scale(2 * d / c, t.arg)))])
    return None


@rule("fold definition", r"2\,\sigma(2x)-1=\tanh x", [Add],
      example=lambda: (_sum((2, apply("sigmoid", _v(2))), (-1, ones((2,)))), Context()))  # fmt: skip
def tanh_of_sigmoid(node: Add, context: Context) -> Expr | None:
    """Only where the argument is doubled: 2σ(x) − 1 stays."""
    c = _constant(node)
    for d, t in _functions(node, "sigmoid"):
        if c and d == -2 * c and _coefficient(t.arg).numerator % 2 == 0:
            return _without(node, (ones(node.shape), t), [(-c, apply("tanh", scale(Fraction(1, 2), t.arg)))])
    return None


@rule("fold definition", r"(1-e^{x})\,\sigma(-x)=1-2\,\sigma(x)", [Contract],
      example=lambda: (_times(_sum((1, ones((2,))), (-1, apply("exp", _v()))), apply("sigmoid", _v(-1))), Context()))  # fmt: skip
def exp_less_one(node: Contract, context: Context) -> Expr | None:
    """(1 − eˣ)/(1 + eˣ), whose denominator has been folded to σ(−x)."""
    rows = rows_of(node)
    for i, (base, q, ls) in enumerate(rows):
        below = peel(base)
        if q < 1 or not isinstance(below, Add) or len(below.terms) != 2:
            continue
        for c, e in _functions(below, "exp"):
            wanted = apply("sigmoid", scale(-1, e.arg))
            for j, (other, r, lj) in enumerate(rows):
                if peel(other) is wanted and lj == ls and r >= 1 and _constant(below) == -c:
                    made = _sum((2 * c, apply("sigmoid", e.arg)), (-c, ones(e.shape)))
                    rows[i], rows[j] = (base, q - 1, ls), (other, r - 1, lj)
                    return from_rows(node, [*rows, (made, Fraction(1), ls)])
    return None


# ---------------------------------------------------------------- softplus
@rule("fold definition", r"\max(x,0)+\operatorname{softplus}(-|x|)=\operatorname{softplus}(x)", [Add],
      example=lambda: (_sum((1, apply("relu", _v())), (1, apply("softplus", scale(-1, apply("abs", _v()))))), Context()))  # fmt: skip
def stable_softplus(node: Add, context: Context) -> Expr | None:
    """The form that is computed without overflow."""
    for c, r in _functions(node, "relu"):
        for v in (r.arg, scale(-1, r.arg)):
            t = apply("softplus", scale(-1, apply("abs", v)))
            if (c, t) in node.terms:
                return _without(node, (r, t), [(c, apply("softplus", r.arg))])
    return None


@rule("fold definition", r"x-\operatorname{softplus}(x)=-\operatorname{softplus}(-x)", [Add],
      example=lambda: (_sum((1, _v()), (-1, apply("softplus", _v()))), Context()))  # fmt: skip
def log_sigmoid_left(node: Add, context: Context) -> Expr | None:
    """In results; a loss keeps x − softplus(x), so that y x stands in it by itself."""
    for d, t in _functions(node, "softplus"):
        if negative(t.arg):
            continue
        argument = scale(-d, t.arg)
        wanted = {e: a for a, e in argument.terms} if isinstance(argument, Add) else {argument: Fraction(1)}
        have = {e: a for a, e in node.terms}
        if all(have.get(b) == a for b, a in wanted.items()):
            return _without(node, (t, *wanted), [(d, apply("softplus", scale(-1, t.arg)))])
    return None


# ---------------------------------------------------------------- 1 − σ(x) or σ(−x): the engine chooses
def complements(node: Expr) -> list[Map]:
    """The σ(x) of a sum that has c − c σ(x) in it."""
    if not isinstance(node, Add):
        return []
    c = _constant(node)
    return [t for d, t in _functions(node, "sigmoid") if c and d == -c]


@rule("complement of sigmoid", r"1-\sigma(x)=\sigma(-x)", [Add],
      choices=lambda node, context: complements(node),
      example=lambda: (_sum((1, ones((2,))), (-1, apply("sigmoid", _v()))), Context()))  # fmt: skip
def fold_complement(node: Add, context: Context, choice: Expr) -> Expr | None:
    """Where σ(x) itself doesn't stand in the formula."""
    if not isinstance(choice, Map) or choice not in complements(node):
        return None
    return _without(node, (ones(node.shape), choice), [(_constant(node), apply("sigmoid", scale(-1, choice.arg)))])


@rule("complement of sigmoid", r"\sigma(-x)=1-\sigma(x)", [Map],
      example=lambda: (apply("sigmoid", _v(-1)), Context()))  # fmt: skip
def unfold_complement(node: Map, context: Context) -> Expr | None:
    """Where σ(x) stands in the formula too."""
    if not is_map(node, "sigmoid") or not negative(node.arg):
        return None
    return _sum((1, ones(node.shape)), (-1, apply("sigmoid", scale(-1, node.arg))))
