"""The expectation over a target as an operator: what is known of it besides linearity are two moments.

E[e] is the function ``expectation`` of e, the target y, which is bound in it (a formal symbol), and y's mean; its
parameter is the family's name. Higher moments aren't needed: a Hessian of a negative log-likelihood of an exponential
family is affine in y, the product of two scores is of degree two.
"""

from __future__ import annotations

from symderiv.build import add, call, contract, identity, power, symbol
from symderiv.families import EXPECTATION, FAMILIES
from symderiv.frontend.build_text import expand
from symderiv.ir import Add, Call, Contract, Expr, Map, Symbol, depends
from symderiv.ops import broadcast
from symderiv.rules.base import Context, rule


def expectation(body: Expr, y: Symbol, mean: Expr, family: str) -> Expr:
    """E[body] over y of this mean."""
    return call(EXPECTATION, (body, y, mean), body.shape, (family,))


def is_expectation(node: Expr) -> bool:
    return isinstance(node, Call) and node.fn == EXPECTATION


def _y() -> Symbol:
    return symbol("y", (3,), "formal")


def _example(body: Expr, family: str = "poisson") -> tuple[Expr, Context]:
    return expectation(body, _y(), symbol("m", (3,)), family), Context()


def _linear() -> tuple[Expr, Context]:
    square = contract((symbol("A", (2, 3)), _y()), (("i", "j"), ("j",)), ("i",))
    return _example(add([(2, square), (1, symbol("c", (2,)))], (2,)))


@rule("linearity of the expectation", r"\mathbb{E}[Ay+b]=A\,\mathbb{E}[y]+b", [Call], example=_linear)
def linear_expectation(node: Call, context: Context) -> Expr | None:
    """Sums term by term; what is free of y comes out."""
    if node.fn != EXPECTATION:
        return None
    body, y, mean = node.args
    assert isinstance(y, Symbol)

    def expected(e: Expr) -> Expr:
        return expectation(e, y, mean, node.params[0])

    if not depends(body, y):
        return body
    if isinstance(body, Add):
        return add([(c, expected(t) if depends(t, y) else t) for c, t in body.terms], body.shape)
    if not isinstance(body, Contract):
        return None
    rows = list(zip(body.factors, body.labels, strict=True))
    inside = [(f, ls) for f, ls in rows if depends(f, y)]
    outside = [(f, ls) for f, ls in rows if not depends(f, y)]
    kept = tuple(dict.fromkeys(x for _, ls in inside for x in ls))
    if not outside and kept == body.out:
        return None
    dims = dict(enumerate(body.dims))
    inner = contract([f for f, _ in inside], [ls for _, ls in inside], kept, {x: dims[x] for x in kept})
    return contract([*(f for f, _ in outside), expected(inner)], [*(ls for _, ls in outside), kept], body.out, dims)


@rule("mean", r"\mathbb{E}[y]=\mu", [Call], example=lambda: _example(_y()))
def mean_of_target(node: Call, context: Context) -> Expr | None:
    if node.fn != EXPECTATION or node.args[0] is not node.args[1]:
        return None
    return node.args[2]


def covariance(mean: Expr, family: str) -> Expr:
    """Cov(y, y), of shape y.shape + y.shape: diag V(μ), or δ (diag μ − μ μᵀ) by rows."""
    row, order = FAMILIES[family], len(mean.shape)
    labels = tuple(range(order))
    if row.by_row:
        i, j = (*labels[:-1], "i"), (*labels[:-1], "j")
        unit = identity(mean.shape[-1:])
        return add([(1, contract((mean, unit), (i, ("i", "j")), i + j)), (-1, contract((mean, mean), (i, j), i + j))], mean.shape * 2)
    scope = {"m": mean, **{p: symbol(p, ()) for p in row.params}}
    return contract((broadcast(expand(row.variance, scope), mean.shape),), (labels,), labels + labels)


@rule("second moment", r"\mathbb{E}[y\,y^\top]=\mu\mu^\top+\operatorname{Cov}(y)", [Call],
      example=lambda: _example(contract((_y(), _y()), (("i",), ("j",)), ("i", "j"))))
def second_moment(node: Call, context: Context) -> Expr | None:
    """E of a product of two entries of y, each at labels of its own, or at common ones."""
    if node.fn != EXPECTATION:
        return None
    body, y, mean = node.args
    own = tuple(range(len(y.shape)))
    if isinstance(body, Map) and body is power(y, 2):
        first, second, out = own, own, own
    elif isinstance(body, Contract) and body.factors == (y, y):
        first, second = body.labels
        out = body.out
    else:
        return None
    a, b = tuple(("a", p) for p in own), tuple(("b", p) for p in own)
    moment = add([(1, contract((mean, mean), (a, b), a + b)), (1, covariance(mean, node.params[0]))], y.shape * 2)
    return contract((moment,), (first + second,), out)


__all__ = ["EXPECTATION", "covariance", "expectation", "is_expectation", "linear_expectation", "mean_of_target", "second_moment"]
