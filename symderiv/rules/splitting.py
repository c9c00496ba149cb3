"""Splitting an expression into an affine part in a module's output and the rest, and the rules that expose it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import factorial
from typing import NamedTuple

from symderiv.build import (
    add,
    apply,
    box,
    contract,
    name,
    ones,
    permute,
    power,
    remake,
    scale,
    size,
    substitute,
    symbol,
)
from symderiv.facts import Fact, facts
from symderiv.ir import Add, Box, Contract, Der, Expr, Map, Name, Symbol, base_and_exponent, depends, scaled
from symderiv.rational import Scalars, equal
from symderiv.rules.base import Context, Used, rule
from symderiv.rules.differentiation import local

TERM_LIMIT = 60


def _u() -> Symbol:
    return symbol("u", (3,))


def _p() -> Name:
    return name("p", apply("sigmoid", _u()))


def _y() -> Symbol:
    return symbol("y", (3,))


def _times(*factors: Expr) -> Expr:
    labels = tuple(range(len(factors[0].shape)))
    return contract(factors, [labels] * len(factors), labels)


# ---------------------------------------------------------------- the affine part
class Split(NamedTuple):
    """node = linear + constant + remainder, with linear = slope · p; slope and constant are free of p and of u."""

    slope: Expr
    linear: Expr
    constant: Expr
    remainder: Expr


def split_terms(node: Expr, output: Expr, u: Expr) -> Split:
    """Sort the terms of a sum by how the output occurs in them: once as a factor, not at all, or otherwise.

    >>> u, p, y = _u(), _p(), _y()
    >>> split_terms(add([(1, p), (-1, _times(y, p)), (1, y), (3, power(p, 2))], (3,)), p, u)[1:]
    (<p − p ⊙ y>, <y>, <3 p ⊙ p>)
    """

    def free(e: Expr) -> bool:
        return not depends(e, output) and not depends(e, u)

    linear: list[tuple[Fraction, Expr]] = []
    constant: list[tuple[Fraction, Expr]] = []
    rest: list[tuple[Fraction, Expr]] = []
    slopes: list[tuple[Fraction, Expr]] = []
    shape = node.shape + output.shape
    for c, t in node.terms if isinstance(node, Add) else ((Fraction(1), node),):
        places = [k for k, f in enumerate(t.kids) if f is output] if isinstance(t, Contract) else []
        if free(t):
            constant.append((c, t))
        elif t is output:
            linear.append((c, t))
            slopes.append((c, contract((), (), (*range(len(t.shape)), *range(len(t.shape))), dict(enumerate(t.shape)))))
        elif len(places) == 1 and all(free(f) for k, f in enumerate(t.kids) if k != places[0]):
            linear.append((c, t))
            slopes.append((c, local(t, places[0])))
        else:
            rest.append((c, t))
    return Split(add(slopes, shape), *(add(part, node.shape) for part in (linear, constant, rest)))


def _not_matching() -> tuple[Expr, Context]:
    p, y = _p(), _y()
    node = add(
        [(-1, _times(y, p)), (1, _times(add([(1, ones((3,))), (1, y)], (3,)), power(p, 2))), (-1, power(p, 3))], (3,)
    )
    return node, Context(names={p.body: p})


def _outputs(node: Expr, context: Context) -> Iterator[tuple[Name, Symbol]]:
    for named in context.names.values():
        yield from ((named, s) for s in (named.body.kids or (named.body,)) if isinstance(s, Symbol))


@rule(
    "affine in module",
    r"\nabla_u L=A\,M(u)+b+\text{remainder},\ A,\,b\text{ free of }u",
    [Expr],
    example=_not_matching,
    choices=_outputs,
)
def affine_in_module(node: Expr, context: Context, choice: tuple[Name, Symbol]) -> Expr | None:
    """Brackets around the affine part and around the remainder; choice is (module's output, input)."""
    if isinstance(node, Box):
        return None
    split = split_terms(node, *choice)
    affine = add([(1, split.linear), (1, split.constant)], node.shape)
    if split.remainder is add((), node.shape):
        return box(node, "silent")
    if affine is add((), node.shape):
        return box(node, "remainder")
    return add([(1, box(affine, "A M(u) + b")), (1, box(split.remainder, "remainder"))], node.shape)


# ---------------------------------------------------------------- in terms of the output
def _gamma() -> tuple[Expr, Context]:
    u = _u()
    p = name("p", scale(-1, power(u, -1)))
    return power(u, -2), Context(names={p.body: p})


@rule(
    "fold name",
    r"p=c\,v^{r}\ \Rightarrow\ v^{nr}=(p/c)^{n}",
    [Map, Add, Symbol],
    example=_gamma,
    choices=lambda node, context: context.names.values(),
)
def fold_power(node: Expr, context: Context, choice: Name) -> Expr | None:
    """A whole power of a named power is written in the name: 1/u² is p² where p = −1/u."""
    if context.names.get(choice.body) is not choice:
        return None
    c, inner = scaled(choice.body)
    base, r = base_and_exponent(inner)
    if r == 1:
        return None
    if node is base:
        other, q = node, Fraction(1)
    else:
        other, q = base_and_exponent(node)
    n = q / r
    if other is not base or n.denominator != 1 or n == 0:
        return None
    return power(scale(1 / c, choice), n)


# ---------------------------------------------------------------- multiplying out
@rule(
    "distribute",
    r"(a+b)^n=\textstyle\sum_k\binom{n}{k}a^k\,b^{n-k}",
    [Map],
    example=lambda: (power(add([(1, _u()), (2, _y())], (3,)), 3), Context()),
)
def expand_power(node: Map, context: Context) -> Expr | None:
    """A small whole power of a sum, term by term."""
    if (
        node.fn != "pow"
        or node.params[0].denominator != 1
        or not 2 <= node.params[0] <= 4
        or not isinstance(node.arg, Add)
    ):
        return None
    n, terms = int(node.params[0]), node.arg.terms
    if len(terms) ** n > TERM_LIMIT:
        return None
    result = []
    for counts in product(range(n + 1), repeat=len(terms)):
        if sum(counts) == n:
            c = Fraction(factorial(n))
            for k, (d, _) in zip(counts, terms, strict=True):
                c = c * d**k / factorial(k)
            result.append((c, _times(*(power(t, k) for k, (_, t) in zip(counts, terms, strict=True) if k))))
    return add(result, node.shape)


def _collected() -> tuple[Expr, Context]:
    p, y = _p(), _y()
    return add([(1, power(p, 2)), (1, _times(y, power(p, 2))), (-1, power(p, 3))], (3,)), Context(names={p.body: p})


@rule("collect", r"a\,p^n+b\,p^n=(a+b)\,p^n", [Add], example=_collected,
      choices=lambda node, context: context.names.values())
def collect_powers(node: Add, context: Context, choice: Expr) -> Expr | None:
    """Terms with one power of ``choice``, elementwise, are put together."""
    labels = tuple(range(len(node.shape)))
    groups: dict[Fraction, list[tuple[Fraction, Expr]]] = {}
    kept: list[tuple[Fraction, Expr]] = []
    for c, t in node.terms:
        base, q = base_and_exponent(t)
        if base is choice:
            groups.setdefault(q, []).append((c, ones(node.shape)))
            continue
        at = _place(t, choice, labels)
        if at is None:
            kept.append((c, t))
            continue
        assert isinstance(t, Contract)
        rest = [k for k in range(len(t.factors)) if k != at]
        coefficient = contract(
            [t.factors[k] for k in rest], [t.labels[k] for k in rest], t.out, dict(enumerate(t.dims))
        )
        groups.setdefault(base_and_exponent(t.factors[at])[1], []).append((c, coefficient))
    if all(len(rows) == 1 for rows in groups.values()):
        return None
    for q, rows in groups.items():
        factors = (add(rows, node.shape), power(choice, q))
        kept.append((Fraction(1), contract(factors, (labels, labels), labels)))
    return add(kept, node.shape)


def _place(t: Expr, base: Expr, labels: tuple[int, ...]) -> int | None:
    """The factor that is a power of ``base`` at exactly the output's labels, if no other factor holds it."""
    if not isinstance(t, Contract) or t.out != labels:
        return None
    holding = [k for k, f in enumerate(t.factors) if depends(f, base)]
    if len(holding) == 1 and base_and_exponent(t.factors[holding[0]])[0] is base and t.labels[holding[0]] == labels:
        return holding[0]
    return None


# ---------------------------------------------------------------- an outer square
def outer_squares(slope: Expr) -> Iterator[Expr]:
    """∇L ∇Lᵀ; then, for a gradient with rows, δ times that of each row, as a sum over samples has it, and a mean, times m."""
    def joined(rows: int, *count: Expr) -> Expr:
        k, m = (tuple((letter, p) for p in range(len(slope.shape))) for letter in "km")
        m = k[:rows] + m[rows:]
        return contract((*count, slope, slope), (*((),) * len(count), k, m), k + m)
    yield joined(0)
    if len(slope.shape) == 2:
        yield from (joined(1), joined(1, size(slope.shape[0])))


@rule("outer square", r"\nabla_u^2L=\nabla_uL\,\nabla_uL^\top", [Contract], family="lemma")
def outer_square(node: Contract, context: Context, choice: object, cited: tuple) -> Expr | None:
    """A Hessian among the factors, written as the outer square of the gradient, or row by row; cited: what both come to, the
    same."""
    hessian, square = cited
    slope = hessian.before.body if isinstance(hessian.before, Der) else None
    if not isinstance(slope, Der) or slope.wrt is not hessian.before.wrt or hessian.after is not square.after:
        return None
    if not any(square.before is s for s in outer_squares(slope)) or hessian.before not in node.factors:
        return None
    return remake(node, [square.before if f is hessian.before else f for f in node.factors])


@rule("empirical Fisher term", r"J^\top\nabla_uL\,\nabla_uL^\top J=\nabla_wL\,\nabla_wL^\top", [Contract, Map], family="lemma")
def square_of_gradient(node: Expr, context: Context, choice: object, cited: tuple) -> Expr | None:
    """A product of two gradients, or the sum of one for each row, with what is cited put in: each as the chain rule gives it."""
    def products(left: Expr, right: Expr) -> Iterator[Expr]:
        a, b = (tuple((letter, p) for p in range(len(e.shape))) for letter, e in (("a", left), ("b", right)))
        yield contract((left, right), (a, b), a + b)
        if a and left.shape[:1] == right.shape[:1]:
            b = a[:1] + b[1:]
            yield contract((left, right), (a, b), a[1:] + b[1:])
            yield contract((size(left.shape[0]), left, right), ((), a, b), a[1:] + b[1:])
    left, right = cited
    both = zip(products(left.before, right.before), products(left.after, right.after), strict=True)
    return next((after for before, after in both if node is before), None)


# ---------------------------------------------------------------- below the diagonal
def exchanged(node: Expr, first: int) -> Expr:
    """The array with its first axes, so many of them, put behind the others."""
    return permute(node, (*range(first, len(node.shape)), *range(first)))


@rule("symmetric blocks", r"J_v^\top HJ_w=(J_w^\top HJ_v)^\top\text{ where }H=H^\top", [Contract], family="lemma")
def mirrored_block(node: Contract, context: Context, choice: object, cited: tuple) -> Expr | None:
    """A block below the diagonal, as the one above it with its axes exchanged; cited: that block, and the second derivative
    between its factors, whose value is seen to be symmetric."""
    block, hessian = cited
    half = len(hessian.before.shape) // 2
    if not isinstance(hessian.before, Der) or hessian.before.shape != hessian.before.shape[half:] * 2 \
            or exchanged(hessian.after, half) is not hessian.after or hessian.before not in node.factors:
        return None
    turned = remake(node, [exchanged(f, half) if f is hessian.before else f for f in node.factors])
    found = (k for k in range(1, len(node.shape)) if exchanged(block.before, k) is turned)
    return next((exchanged(block.after, k) for k in found), None)


# ---------------------------------------------------------------- two values
def _signs() -> tuple[Expr, Context]:
    y = _y()
    return apply("sigmoid", _times(y, _u())), Context(facts((Fact("equal", power(y, 2), "y**2 == 1", ones((3,))),)))


@rule(
    "assumption",
    r"f(y)=\tfrac12(f(1)+f(-1))+\tfrac{y}{2}(f(1)-f(-1))\text{ for }y^2=1",
    [Expr],
    example=_signs,
    choices=lambda node, context: context.facts.of("equal"),
)
def two_values(node: Expr, context: Context, choice: Fact) -> Used | None:
    """An elementwise function of y with yᵢ² = 1 is affine in y."""
    square = choice.subject
    if choice not in context.facts.facts or not isinstance(square, Map) or square.fn != "pow" or square.params[0] != 2:
        return None
    y = square.arg
    if not isinstance(y, Symbol) or y.shape != node.shape or choice.value is not ones(y.shape) or not depends(node, y):
        return None
    scalars = Scalars(node.shape, y)
    if scalars.entry(node) is None or any(at != scalars.letters for e, at in scalars.atoms if e is y):
        return None
    plus, minus = (substitute(node, {y: scale(sign, ones(y.shape))}) for sign in (1, -1))
    half = Fraction(1, 2)
    terms = [(half, plus), (half, minus), (half, _times(y, plus)), (-half, _times(y, minus))]
    return Used(add(terms, node.shape), (choice,))


# ---------------------------------------------------------------- fractions
@rule("one fraction", r"a=b\text{ as fractions in }e^{v}", [Expr], choices=lambda node, context: ())
def same_fraction(node: Expr, context: Context, choice: Expr) -> Expr | None:
    """Replace an elementwise expression by another, if both cancel to one fraction in eᵛ, roots and logarithms."""
    return choice if equal(node, choice) else None


__all__ = ["Split", "affine_in_module", "collect_powers", "expand_power", "fold_power", "mirrored_block", "outer_square",
           "outer_squares", "same_fraction", "split_terms", "square_of_gradient"]
