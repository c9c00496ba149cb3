"""The check of claims about functions: each rule of composition, judged from the children and from numbers alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from symderiv.build import add, permute
from symderiv.certificates.proof import ProofNode
from symderiv.facts import Facts
from symderiv.ir import Add, Call, Contract, Expr, Map, depends

TURNED = {"affine": "affine", "convex": "concave", "concave": "convex"}
SLACK = 1e-9
ALONG = dict.fromkeys(("symmetric", "diagonal"), ((0, 1, 2, 3), (0, 1, 3, 2), (1, 0, 2, 3), (1, 0, 3, 2)))
"""exchanges of a form's axes that symmetric directions don't see"""


def function_follows(node: ProofNode, facts: Facts) -> bool:
    """Whether the claim about a function is one that its rule allows to be made of its children."""
    rule = RULES.get(node.rule)
    if rule is None or any(c.kind != "function" for c in node.children if node.rule != "second derivative"):
        return False
    return rule(node, facts)


def _moves(e: Expr, node: ProofNode) -> bool:
    return any(depends(e, x) for x in node.detail["wrt"])


def _affine(node: ProofNode, facts: Facts) -> bool:
    return not node.children and node.relation == "affine" and (node.expr in node.detail["wrt"] or not _moves(node.expr, node))


def _same(node: ProofNode, facts: Facts) -> bool:
    """A name, brackets, another arrangement of the same entries."""
    return len(node.children) == 1 and node.children[0].expr in node.expr.kids and node.relation == node.children[0].relation


def _simplified(node: ProofNode, facts: Facts) -> bool:
    from symderiv.verify import same_value

    if len(node.children) != 1 or node.relation != node.children[0].relation:
        return False
    return same_value(node.expr, node.children[0].expr, facts, 8).verdict != "refuted"


def _sum(node: ProofNode, facts: Facts) -> bool:
    """Each term is a child's, with the sense that its coefficient leaves; or the children add up to the whole."""
    from symderiv.verify import same_value

    e = node.expr
    if isinstance(e, Add) and [t for _, t in e.terms] == [c.expr for c in node.children]:
        senses = [c.relation if a > 0 else TURNED[c.relation] for (a, _), c in zip(e.terms, node.children, strict=True)]
        return set(senses) - {"affine"} <= {node.relation}
    senses = [c.relation for c in node.children]
    whole = add([(Fraction(1), c.expr) for c in node.children], e.shape)
    return set(senses) - {"affine"} <= {node.relation} and same_value(e, whole, facts, 8).verdict != "refuted"


def _weights(node: ProofNode, facts: Facts) -> bool:
    e = node.expr
    if not isinstance(e, Contract) or len(node.children) != 1 or node.children[0].expr not in e.factors:
        return False
    (child,) = node.children
    rest = list(e.factors)
    rest.remove(child.expr)
    if any(_moves(f, node) for f in rest):
        return False
    if child.relation == "affine":
        return node.relation == "affine"
    sign = 1 if node.relation == child.relation else -1
    ends = [_ends(f, facts) for f in rest]
    if any(low < 0 < high for low, high in ends):
        return False
    for low, _ in ends:
        sign *= -1 if low < 0 else 1
    return sign > 0 or any(low == high == 0 for low, high in ends)


def _ends(e: Expr, facts: Facts) -> tuple[float, float]:
    """The least and the largest entry seen, rounding taken as zero."""
    from symderiv.proving.numeric.definite import spectrum

    found = spectrum(e, (), (), facts, 8)
    low = found.least.value if found.least else 0.0
    high = found.most.value if found.most else 0.0
    return (0.0 if abs(low) < SLACK else low), (0.0 if abs(high) < SLACK else high)


def _outer(node: ProofNode, facts: Facts) -> bool:
    """A function of a child: its own curvature and direction are tried on a grid between the argument's values."""
    from symderiv.proving.numeric.definite import shape_on_grid

    e = node.expr
    if len(node.children) != 1 or node.children[0].expr not in e.kids:
        return False
    inner = node.children[0].relation
    if (isinstance(e, Call) and e.abstract) or (isinstance(e, Map) and e.generic):
        return inner == "affine" and facts.find(e.fn, node.relation) is not None
    if isinstance(e, Call):
        if e.fn in ("logsumexp", "max"):
            return node.relation == "convex" and inner in ("affine", "convex")
        return inner == "affine"  # what the table says of it is tried along lines
    assert isinstance(e, Map)
    bends, rises = shape_on_grid(e, *_ends(e.arg, facts))
    if inner == "affine":
        return node.relation in bends
    if node.relation not in bends:
        return False
    return ("increasing" in rises) if inner == node.relation else ("decreasing" in rises)


def _second_derivative(node: ProofNode, facts: Facts) -> bool:
    """The child speaks of the second derivative, which is taken again by numbers, along the directions that count."""
    from symderiv.certificates.function import structure_of
    from symderiv.verify import check_derivative

    wrt = list(node.detail["wrt"])
    moving = [x for x in wrt if depends(node.expr, x)] or wrt
    if len(moving) != 1 or (node.strict and moving != wrt):
        return False  # flat along the others: not strict
    (x,) = moving
    if len(node.children) != 1 or (x.shape and node.children[0].kind != "matrix"):
        return False
    (child,) = node.children
    if (child.sign > 0) != (node.relation == "convex") or (node.detail.get("strict") and not child.strict):
        return False
    along = ALONG.get(structure_of(x, facts))
    second = child.expr if along is None else add([(Fraction(1, len(along)), permute(child.expr, o)) for o in along], child.expr.shape)

    def laid(array: Any) -> Any:
        return array if along is None else sum(array.transpose(o) for o in along) / len(along)

    return check_derivative(node.expr, x, 2, second, facts, 4, arrange=laid).verdict != "refuted"


def _norm(node: ProofNode, facts: Facts) -> bool:
    return node.relation == "convex" and bool(node.children) and all(_sized(c, facts) for c in node.children)


def _sized(child: ProofNode, facts: Facts) -> bool:
    low, high = _ends(child.expr, facts)
    return child.relation == "affine" or (low >= 0 if child.relation == "convex" else high <= 0)


def _powers(node: ProofNode, facts: Facts) -> bool:
    """The exponents' condition, and which children may be convex."""
    exponents: Sequence[Fraction] = node.detail.get("exponents", ())
    if len(exponents) != len(node.children):
        return False
    above = [a for a in exponents if a > 0]
    concave = len(above) == len(exponents) and sum(above) <= 1
    convex = not above or (len(above) == 1 and sum(exponents) >= 1)
    for a, child in zip(exponents, node.children, strict=True):
        wanted = "convex" if a > 0 and not concave else "concave"
        if child.relation not in ("affine", wanted):
            return False
        if _ends(child.expr, facts)[0] < 0 and not (wanted == "convex" and a % 2 == 0):
            return False
    return concave or convex


def _affine_parts(node: ProofNode, facts: Facts) -> bool:
    return len(node.children) == 2 and all(c.relation == "affine" for c in node.children)


def _largest(node: ProofNode, facts: Facts) -> bool:
    wanted = "convex" if node.rule == "pointwise maximum" else "concave"
    return node.relation == wanted and all(c.relation in (wanted, "affine") for c in node.children)


def _huber(node: ProofNode, facts: Facts) -> bool:
    first, *rest = node.children
    return node.relation == "convex" and first.relation == "affine" and all(c.relation != "concave" for c in rest)


def _log_det(node: ProofNode, facts: Facts) -> bool:
    e = node.expr
    return isinstance(e, Call) and e.fn == "logdet" and node.relation == "concave" and node.children[0].relation == "affine"


RULES: dict[str, Callable[[ProofNode, Facts], bool]] = {
    "affine": _affine,
    "name": _same,
    "simplification": _simplified,
    "sum of functions": _sum,
    "nonnegative weights": _weights,
    "convex function of an affine one": _outer,
    "monotone composition": _outer,
    "second derivative": _second_derivative,
    "norm": _norm,
    "product of powers": _powers,
    "perspective": _affine_parts,
    "matrix fraction": _affine_parts,
    "log det": _log_det,
    "pointwise maximum": _largest,
    "pointwise minimum": _largest,
    "Huber function": _huber,
}
__all__ = ["function_follows"]
