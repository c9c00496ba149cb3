"""From expressions to matrix formulas: the matrix tree of a node, and the SymPy matrix expression of one.

`lift` gives None exactly where no matrix form exists: a contraction that isn't series–parallel, or a part of order 3 or
more. `lift_any` never fails: it writes Σ_k c_k M_k over slices where one axis is in the way, else entries in brackets.
"""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from symderiv.build import axis_classes, unnamed, view
from symderiv.errors import NoRuleError
from symderiv.ir import SIGNED, Add, Box, Call, Contract, Der, Expr, Map, Name, Symbol, number_of, postorder
from symderiv.kronecker import grouped
from symderiv.render.construct import held, inverse, power, scale, total
from symderiv.render.tree import (
    SCALAR,
    Apply,
    Bracketed,
    Differential,
    Func,
    Hole,
    Identity,
    Leaf,
    Opaque,
    Scale,
    Shape2,
    Sum,
    Tree,
    is_differential,
)
from symderiv.slices import Index, contract_tree, slice_tree, sum_of_slices

__all__ = ["lift", "lift_any", "lift_slice", "lift_sums", "shape_of", "to_sympy"]

Trees = dict[Expr, Tree | None]
Fallback = Callable[[Expr, Trees], Tree | None]


def lift(expr: Expr) -> Tree | None:
    """The matrix tree of an expression of order ≤ 2: a scalar, a column or a matrix; None where there is none.

    >>> from symderiv.build import contract, symbol
    >>> A, v = symbol("A", ("m", "n")), symbol("v", ("n",))
    >>> lift(contract((A, v), ("ij", "j"), "i")).shape
    ('m', None)
    >>> lift(symbol("H", ("o", "n", "n"))) is None
    True
    """
    return lift_with(expr, lambda node, done: None)


def lift_sums(expr: Expr) -> Tree | None:
    """As `lift`, with Σ_k c_k M_k where an axis of a tensor of order 3 is summed; None where that isn't enough."""
    return lift_with(expr, _summed)


def lift_any(expr: Expr) -> Tree:
    """As `lift_sums`, with entries in brackets for what has no such form: it always succeeds."""
    tree = lift_with(expr, lambda node, done: _summed(node, done) or opaque(node, done))
    assert tree is not None
    return tree


def lift_slice(expr: Expr, index: Index) -> Tree | None:
    """The tree of an expression with axes fixed at letters: H_{i,:,:} for the index ("i", None, None)."""
    return slice_tree(expr, index, lift_sums)


def _summed(node: Expr, done: Trees) -> Tree | None:
    return sum_of_slices(node, done.__getitem__) if isinstance(node, Contract) else None


def opaque(node: Expr, done: Trees) -> Tree:
    """The node by its entries."""
    return Opaque(shape_of(node), node)


def lift_with(expr: Expr, fallback: Fallback) -> Tree | None:
    """The tree, where ``fallback(node, trees of its kids)`` is asked for nodes that have none."""
    done: Trees = {}
    for node in told_nodes(expr):
        tree = _one(node, done)
        done[node] = fallback(node, done) if tree is None else tree
    return done[expr]


def told_nodes(expr: Expr) -> list[Expr]:
    """Every node that is printed, kids before parents: what stands under a name isn't, but for a differential's."""
    order: dict[Expr, None] = {}
    stack: list[tuple[Expr, bool]] = [(expr, False)]
    while stack:
        node, ready = stack.pop()
        if node in order:
            continue
        if ready or (isinstance(node, Name) and node.role != "differential"):
            order[node] = None
        else:
            stack.append((node, True))
            stack.extend((kid, False) for kid in reversed(node.kids) if kid not in order)
    return list(order)


def shape_of(node: Expr) -> Shape2:
    """The shape with two axes: a vector is a column."""
    padded = (*node.shape, None, None)
    return padded[0], padded[1]


def symmetric(node: Expr) -> bool:
    """Whether a matrix is known to equal its transpose."""
    return len(node.shape) == 2 and axis_classes(node) == (0, 0)


def _one(node: Expr, done: Trees) -> Tree | None:
    if len(node.shape) > 2:
        return None
    if isinstance(node, Name | Der) and is_differential(node):
        body = done[node.body]
        return None if body is None else Differential(body.shape, body)
    if isinstance(node, Symbol | Name):
        return Leaf(shape_of(node), node, symmetric(node))
    if isinstance(node, Contract):
        return _contract(node, done)
    if isinstance(node, Add):
        return _add(node, done)
    if isinstance(node, Map):
        arg = done[node.arg]
        if arg is None:
            return None
        return power(arg, node.params[0]) if node.fn == "pow" else Func(arg.shape, node, arg)
    if isinstance(node, Call):
        return _call(node, done)
    if isinstance(node, Der):
        return _hole(node, done)
    assert isinstance(node, Box)
    body = done[node.body]
    if body is None or isinstance(body, Identity):              # a δ in brackets is a factor I, which nobody writes
        return body
    return held(body) if node.note == SIGNED else Bracketed(body.shape, body, node.note)


def _contract(node: Contract, done: Trees) -> Tree | None:
    return contract_tree(node, {}, node.out, done.__getitem__)


def _add(node: Add, done: Trees) -> Tree | None:
    value = number_of(node)
    if value is not None:
        return Sum(SCALAR, ()) if value == 0 else Scale(SCALAR, value, (), None)
    shape = shape_of(node)
    common = common_coefficient(node)
    terms: list[Tree] = []
    for c, t in node.terms:
        tree = done[t]
        if tree is None:
            return None
        terms.append(scale(c / common, (), tree))
    return scale(common, (), total(terms, shape)) if terms else Sum(shape, ())


def common_coefficient(node: Add) -> Fraction:
    """What is written in front of a sum whose coefficients are equal up to their signs: ½ (x − 1)."""
    sizes = {abs(c) for c, _ in node.terms}
    common = sizes.pop() if len(sizes) == 1 and len(node.terms) > 1 else Fraction(1)
    return -common if common != 1 and all(c < 0 for c, _ in node.terms) else common


def _call(node: Call, done: Trees) -> Tree | None:
    if node.fn == "reshape" and not node.ders:
        return _reshape(node)
    args = [done[a] for a in node.args]
    trees = [a for a in args if a is not None]
    if len(trees) < len(args):
        return None
    if node.fn == "inv" and not node.ders:
        return inverse(trees[0])
    return Apply(shape_of(node), node, tuple(trees), symmetric(node))


def _reshape(node: Call) -> Tree | None:
    """kron and vec: consecutive axes joined."""
    axes = iter(range(len(node.args[0].shape)))
    groups = [tuple(next(axes) for _ in range(width)) for width in node.params]
    rows, columns = (*groups, ())[:2]
    return grouped(node.args[0], rows, columns, lift)


def _hole(node: Der, done: Trees) -> Tree | None:
    wrt, body = lift(node.wrt), done[node.body]
    if wrt is None or body is None:
        return None
    if isinstance(body, Hole) and body.body.order == 0:
        return Hole(shape_of(node), body.body, (*body.wrts, wrt))
    return Hole(shape_of(node), body, (wrt,))


def without_ones(expr: Expr) -> Expr:
    """An expression of order 3 or more without its axes of size 1; others as they are.

    >>> from symderiv.build import symbol
    >>> without_ones(symbol("H", (1, "m", "n"))).shape
    ('m', 'n')
    """
    if len(expr.shape) < 3:
        return expr
    return view(expr, tuple(range(len(expr.shape))), [k for k, d in enumerate(expr.shape) if d != 1])


def to_sympy(expr: Expr) -> Any:
    """A SymPy matrix expression of the same value, names opened; NoRuleError for what SymPy can't hold.

    Of a higher order, axes of size 1 are left out, as SymPy does: the derivative of the row xᵀ by x is I.
    """
    from symderiv.sympy_out import tree_to_sympy  # SymPy is loaded when it is asked for
    tree = None if any(is_differential(n) for n in postorder(expr)) else lift(without_ones(unnamed(expr)))
    if tree is None:
        raise NoRuleError(f"this expression of order {len(expr.shape)} has no matrix form that SymPy can hold",
                          hint="write it with latex() or text(), or evaluate it with numpy()")
    return tree_to_sympy(tree)
