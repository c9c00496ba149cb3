"""What a derivation claims: the holes that its proofs must start from, by its kind."""
from __future__ import annotations

from typing import Any

from symderiv.build import contract, der, substitute, unnamed
from symderiv.derive import Derivation
from symderiv.ir import Box, Der, Expr, Name

KINDS = ("gradient", "jacobian", "hessian", "derivative", "G", "R")
SPLIT_PARTS = ("jacobian", "slope", "outer", "G", "R", "H")


def goals(derivation: Derivation) -> Any:
    """The derivatives that are claimed, arranged as the result is; None for one whose start can't be told.

    >>> from symderiv.api import hessian
    >>> d = hessian("x**3", "x", x="")
    >>> goals(d) is d.proofs.before
    True
    """
    f, wrt = derivation.subject, derivation.wrt
    if derivation.kind in ("G", "R"):
        found = held_in(derivation.flat[0].before, wrt[0])
        return None if found is None else split_goals(*found, wrt[0])[derivation.kind]
    if derivation.kind == "gradient":
        each: list[Any] = [der(f, x) for x in wrt]
    elif derivation.kind == "jacobian":
        each = [der(f, x) if f.shape else _row(der(f, x)) for x in wrt]
    elif not derivation.several:
        each = [_repeated(f, x, derivation.order) for x in wrt]
    elif derivation.order == 1:
        each = [der(f, x) for x in wrt]
    else:
        each = [tuple(der(der(f, x), y) for y in wrt) for x in wrt]
    return tuple(each) if derivation.several else each[0] if len(each) == 1 else None


def _row(goal: Expr) -> Expr:
    labels = tuple(range(len(goal.shape)))
    return contract((goal,), (labels,), ("one", *labels), {"one": 1})


def _repeated(f: Expr, x: Expr, order: int) -> Expr:
    for _ in range(order):
        f = der(f, x)
    return f


def split_goals(loss: Expr, u: Expr, x: Expr) -> dict[str, Expr]:
    """What the parts of a split at u start from: G = Jᵀ h J and R = Σ_k (∂L/∂u_k) ∂²u_k/∂x∂x, with holes."""
    k, m = tuple(("k", p) for p in range(len(u.shape))), tuple(("m", p) for p in range(len(u.shape)))
    i, j = tuple(("i", p) for p in range(len(x.shape))), tuple(("j", p) for p in range(len(x.shape)))
    jac, slope = der(u, x), der(loss, u)
    return {"jacobian": jac, "slope": slope, "outer": der(slope, u),
            "G": contract((jac, der(slope, u), jac), (k + i, k + m, m + j), i + j),
            "R": contract((slope, der(jac, x)), (k, k + i + j), i + j)}


def held_in(goal: Expr, x: Expr) -> tuple[Expr, Name] | None:
    """(the loss, the intermediate value that a split is at) by the holes in its goal."""
    holes = [kid for kid in goal.kids if isinstance(kid, Der)]
    for hole in holes:
        slope = hole.body if isinstance(hole.body, Der) and hole.wrt is hole.body.wrt is not x else hole
        if isinstance(slope, Der) and isinstance(slope.wrt, Name) and slope.wrt is not x:
            return slope.body, slope.wrt
    return None


def opened(root: Expr) -> Expr:
    """The expression with every name and every bracket opened."""
    root = unnamed(root)
    while True:
        boxes: dict[Expr, Expr] = {n: n.body for n in _boxes(root)}
        if not boxes:
            return root
        root = unnamed(substitute(root, boxes))


def _boxes(root: Expr) -> list[Box]:
    found: list[Box] = []
    stack, seen = [root], set()
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            if isinstance(node, Box):
                found.append(node)
            else:
                stack.extend(node.kids)
    return found
