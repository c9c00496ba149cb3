"""The check of claims about functions: one function per rule, which takes the rule's step again.

As for forms, the claim is judged from its expression and from the exact claims of its children. How an elementwise
function bends is seen on a grid over the values that its argument can take, not looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from symderiv.build import add, apply, ones, scale
from symderiv.certificates import atoms_checked
from symderiv.certificates.forms_checked import ALONG, along_symmetric
from symderiv.certificates.judged import DIRECTED, Judge, fits, on_grid, parted, turned
from symderiv.certificates.parts import under_logarithm
from symderiv.certificates.proof import ProofNode
from symderiv.functions import TENSOR
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, depends, is_zero


def _plain(rule: Callable[[ProofNode, Judge], bool]) -> Callable[[ProofNode, Judge], bool]:
    """A rule that shows neither strict nor strong convexity."""

    def judged(node: ProofNode, judge: Judge) -> bool:
        return not node.strict and node.detail.get("modulus") is None and rule(node, judge)

    return judged


def _affine(node: ProofNode, judge: Judge) -> bool:
    return not node.children and node.relation == "affine" and (node.expr in judge.wrt or not judge.moves(node.expr))


def _name(node: ProofNode, judge: Judge) -> bool:
    """A name, brackets, another arrangement of the same entries."""
    e = node.expr
    named = isinstance(e, Name | Box) or (isinstance(e, Call) and e.fn == "reshape")
    return named and [c.expr for c in node.children] == list(e.kids) and fits(node.children[0].relation, node.relation)


def _simplified(node: ProofNode, judge: Judge) -> bool:
    if len(node.children) != 1:
        return False
    (child,) = node.children
    strict = child.strict or not node.strict
    strong = node.detail.get("modulus") in (None, child.detail.get("modulus"))
    return strict and strong and fits(child.relation, node.relation) and judge.same(node.expr, child.expr)


def _sum(node: ProofNode, judge: Judge) -> bool:
    """Each term is a child's, with the sense that its coefficient leaves; or the children add up to the whole."""
    e = node.expr
    if isinstance(e, Add) and [t for _, t in e.terms] == [c.expr for c in node.children]:
        return all(fits(turned(c.relation, a), node.relation) for (a, _), c in zip(e.terms, node.children, strict=True))
    if not node.children or any(c.expr.shape != e.shape for c in node.children):
        return False
    whole = add([(Fraction(1), c.expr) for c in node.children], e.shape)
    return all(fits(c.relation, node.relation) for c in node.children) and judge.same(e, whole)


def _weights(node: ProofNode, judge: Judge) -> bool:
    """The child times factors free of the variables, which have one sign unless it is affine."""
    e = node.expr
    if not isinstance(e, Contract) or len(node.children) != 1:
        return False
    (child,) = node.children
    moving, weights = parted(e, judge)
    if moving != [child.expr]:
        return False
    if child.relation == "affine":
        return True
    sign = judge.sign_of(weights)
    return sign is not None and node.relation == turned(child.relation, sign)


# ---------------------------------------------------------------- functions of functions
def _outer(node: ProofNode, judge: Judge) -> bool:
    """A function of a child: how it bends and rises is tried on a grid over the interval of its argument."""
    e = node.expr
    if len(node.children) != 1 or [c.expr for c in node.children] != list(e.kids):
        return False
    inner, monotone = node.children[0].relation, node.rule == "monotone composition"
    if isinstance(e, Call):
        if e.ders or (inner != "affine" and not monotone):
            return False
        if e.abstract:
            return inner == "affine" and not e.shape and _told(node, e.fn, judge)
        if e.fn in ("logsumexp", "max"):
            return node.relation == "convex" and fits(inner, "convex")
        row = TENSOR.get(e.fn)
        return inner == "affine" and row is not None and row.convexity == node.relation
    if not isinstance(e, Map):
        return False
    if e.generic:
        return inner == "affine" and not e.order and _told(node, e.fn, judge)
    bends, rises = on_grid(e, judge)
    if node.relation not in bends or not (inner == "affine" or monotone or "affine" in bends):
        return False
    return inner == "affine" or (node.relation != "affine" and ("increasing" if inner == node.relation else "decreasing") in rises)


def _log_concave(node: ProofNode, judge: Judge) -> bool:
    """log f(g) or log(1 − f(g)), g affine: the whole is tried on a grid."""
    found = under_logarithm(node.expr)
    if found is None or len(node.children) != 1 or node.relation != "concave":
        return False
    (f, complement), (child,) = found, node.children

    def logarithm(e: Expr) -> Expr:
        return apply("log", add([(Fraction(1), ones(e.shape)), (Fraction(-1), e)], e.shape) if complement else e)

    return child.expr is f.arg and child.relation == "affine" and "concave" in on_grid(f, judge, logarithm)[0]


def _told(node: ProofNode, name: str, judge: Judge) -> bool:
    told = judge.facts.find(name, node.relation)
    return told is not None and told.text in node.facts


def _second_derivative(node: ProofNode, judge: Judge) -> bool:
    """The child speaks of the second derivative, which is taken again by numbers, along the directions that count."""
    from symderiv.verify import check_derivative

    moving = [x for x in judge.wrt if depends(node.expr, x)] or list(judge.wrt)
    if len(moving) != 1 or len(node.children) != 1:
        return False
    ((x,), (child,)), order = (moving, node.children), len(moving[0].shape)
    if (child.left, child.right) != (tuple(range(order)), tuple(range(order, 2 * order))) or child.kind == "function":
        return False
    if is_zero(child.expr) != (node.relation == "affine") or (child.sign > 0) == (node.relation == "concave"):
        return False
    alone = judge.wrt == (x,)  # flat along the others: not strict
    if (node.strict and not (alone and child.strict)) or not _strong(node, child, alone, judge):
        return False
    symmetric = bool(judge.structures[judge.wrt.index(x)])
    if not symmetric and any(n.rule == DIRECTED for n in child.walk()):
        return False

    def laid(array: Any) -> Any:
        return sum(array.transpose(o) for o in ALONG) / len(ALONG) if symmetric else array

    second = along_symmetric(child.expr) if symmetric else child.expr
    return check_derivative(node.expr, x, 2, second, judge.facts, 4, arrange=laid).verdict not in ("refuted", "unknown")


def _strong(node: ProofNode, child: ProofNode, alone: bool, judge: Judge) -> bool:
    """The modulus is definite and constant, and what the form has beyond it keeps the sign."""
    from symderiv.proving.numeric.definite import spectrum

    modulus = node.detail.get("modulus")
    if modulus is None:
        return True
    if not alone or not node.strict or judge.moves(modulus) or modulus.shape != child.expr.shape:
        return False
    beyond = scale(child.sign, add([(Fraction(1), child.expr), (Fraction(-1), modulus)], modulus.shape))
    for e, strictly in ((scale(child.sign, modulus), True), (beyond, False)):
        found = spectrum(e, child.left, child.right, judge.facts, judge.trials, judge.seed)
        if found.least is None or found.least.relative < (1e-12 if strictly else -1e-9):
            return False
    return True


FUNCTIONS: dict[str, Callable[[ProofNode, Judge], bool]] = {
    "simplification": _simplified,
    "second derivative": _second_derivative,
    "affine": _plain(_affine),
    "name": _plain(_name),
    "sum of functions": _plain(_sum),
    "nonnegative weights": _plain(_weights),
    "convex function of an affine one": _plain(_outer),
    "monotone composition": _plain(_outer),
    "log-concave function": _plain(_log_concave),
    "norm": _plain(atoms_checked.norm),
    "product of powers": _plain(atoms_checked.powers),
    "perspective": _plain(atoms_checked.perspective),
    "matrix fraction": _plain(atoms_checked.matrix_fraction),
    "log det": _plain(atoms_checked.log_det),
    "pointwise maximum": _plain(atoms_checked.largest),
    "pointwise minimum": _plain(atoms_checked.largest),
    "Huber function": _plain(atoms_checked.huber),
}
__all__ = ["FUNCTIONS"]
