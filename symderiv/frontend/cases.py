"""Functions by cases: numpy.where over a comparison, which is 1 where it holds and 0 elsewhere.

>>> from symderiv.build import symbol
>>> from symderiv import ops
>>> x = symbol("x", ("n",))
>>> where(ops.compare(">", x, ops.number(0)), x, ops.number(0))
<x ⊙ heaviside(x)>
"""

from __future__ import annotations

from collections.abc import Callable

from symderiv import ops
from symderiv.errors import ParseError
from symderiv.ir import Add, Contract, Expr, Map, Name, number_of


def where(condition: Expr, x: Expr, y: Expr) -> Expr:
    """condition · x + (1 − condition) · y; both must be finite, also where they aren't taken."""
    if not is_condition(condition):
        raise ParseError("where takes a comparison", hint="as in where(x > 0, x, 0); two that both hold are multiplied: (0 < x)*(x < 1)")
    rest = ops.subtract(ops.ones(condition.shape), condition)
    parts = [ops.multiply(c, v) for c, v in ((condition, x), (rest, y)) if number_of(v) != 0]
    return ops.add_all(*parts) if parts else ops.multiply(condition, x)


def is_condition(node: Expr) -> bool:
    """Whether an expression is made of comparisons alone, so that its entries are 0 or 1."""
    while isinstance(node, Name):
        node = node.body
    if isinstance(node, Map):
        return node.fn == "heaviside" and not node.generic and not node.order
    if isinstance(node, Add):  # 1 − c
        rest = ops.subtract(ops.ones(node.shape), node)
        return not isinstance(rest, Add) and is_condition(rest)
    return isinstance(node, Contract) and all(is_condition(f) for f in node.factors) \
        and all(set(ls) <= set(node.out) for ls in node.labels) and bool(node.factors)


FUNCTIONS: dict[str, Callable[..., Expr]] = {"where": where}
