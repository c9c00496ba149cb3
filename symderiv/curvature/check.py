"""A small independent check of proof trees: each claim at random points, each step from its children again."""
from __future__ import annotations

from fractions import Fraction

from symderiv.build import add
from symderiv.curvature.mirror import Mirror
from symderiv.curvature.proof import ProofNode
from symderiv.facts import Facts
from symderiv.ir import Contract, Expr, Map, Name, is_zero

TOLERANCE = 1e-9
_NEEDS = {"⪰": (1, False), "≻": (1, True), "⪯": (-1, False), "≺": (-1, True),
          "≥": (1, False), ">": (1, True), "≤": (-1, False), "<": (-1, True)}


def check_proof(tree: ProofNode, facts: Facts, trials: int = 8, seed: int = 0) -> bool:
    """Whether every claim of the tree holds at random points under the facts, and follows from those below it."""
    return all(follows(node) and holds(node, facts, trials, seed) for node in tree.walk())


def holds(node: ProofNode, facts: Facts, trials: int = 8, seed: int = 0) -> bool:
    """The claim at random points: eigenvalues of its form, or its entries, have the sign."""
    from symderiv.proving.numeric.definite import spectrum

    if node.kind == "function":
        return True                                             # checked along lines, by `compose`
    sign, strict = _NEEDS[node.relation]
    found = spectrum(node.expr, node.left, node.right, facts, trials, seed)
    end = found.least if sign > 0 else found.most
    if end is None:
        return True                                             # nowhere defined: nothing contradicts it
    return sign * end.relative >= -TOLERANCE and not (strict and end.value == 0)


def follows(node: ProofNode) -> bool:
    """Whether the step from the children to the claim is one that its rule allows."""
    signs = [c.sign for c in node.children]
    exprs = [c.expr for c in node.children]
    if node.strict and node.rule in ("congruence", "square", "outer square", "weighted sum of squares"):
        return False
    if node.rule == "zero":
        return is_zero(node.expr) and not node.strict
    if node.rule in ("sum", "scaling"):
        return _sum(node, exprs, signs)
    if node.rule == "name":
        return len(signs) == 1 and signs[0] == node.sign and (not isinstance(node.expr, Name) or node.expr.body is exprs[0])
    if node.rule in ("fact", "Hessian of a convex function", "Hessian of a concave function"):
        return not node.children and bool(node.facts)
    if node.rule == "range":
        return not node.children
    mirror = node.detail.get("mirror")
    if isinstance(mirror, Mirror):
        return _mirror(node, mirror)
    if node.rule in ("inverse", "power", "Schur series", "Schur product"):
        kid = exprs[0] if len(exprs) == 1 else None
        return kid is not None and kid in node.expr.kids and signs[0] == node.sign and (node.rule != "inverse" or node.children[0].strict)
    if node.rule == "diagonal minus rank one":
        return _rank_one(node)
    return node.rule in ("simplification", "symmetric directions") and len(signs) == 1 and signs[0] == node.sign


def _sum(node: ProofNode, exprs: list[Expr], signs: list[int]) -> bool:
    coefficients = node.detail.get("coefficients", ())
    if len(coefficients) != len(exprs) or any(s * (1 if c > 0 else -1) != node.sign for s, c in zip(signs, coefficients, strict=True)):
        return False
    if node.strict and not any(c.strict for c in node.children):
        return False
    return add([(Fraction(c), e) for c, e in zip(coefficients, exprs, strict=True)], node.expr.shape) is node.expr


def _mirror(node: ProofNode, mirror: Mirror) -> bool:
    """The involution maps the contraction to itself, its middle is what the children speak of, and no factor joins the sides."""
    e, image = node.expr, mirror.image
    if not isinstance(e, Contract) or any(image[image[x]] != x for x in range(len(image))):
        return False
    if any(image[e.out[a]] != e.out[b] for a, b in zip(node.left, node.right, strict=True)):
        return False
    if any(image[x] != x for p, x in enumerate(e.out) if p not in (*node.left, *node.right)):
        return False
    middle = {m.factor for m in mirror.middle}
    left = set(mirror.swapped)
    right = set(range(len(e.factors))) - middle - left
    if len(left) != len(right) or middle & left:
        return False
    sides = [{x for k in ks for x in e.labels[k] if image[x] != x} for ks in (left, right)]
    sides[0] |= {e.out[a] for a in node.left if image[e.out[a]] != e.out[a]}
    sides[1] |= {e.out[b] for b in node.right if image[e.out[b]] != e.out[b]}
    for m in mirror.middle:
        sides[0] |= {e.labels[m.factor][a] for a in m.left}
        sides[1] |= {e.labels[m.factor][b] for b in m.right}
        if [image[e.labels[m.factor][a]] for a in m.left] != [e.labels[m.factor][b] for b in m.right]:
            return False
    if sides[0] & sides[1] or {image[x] for x in sides[0]} != sides[1]:
        return False
    again = sorted((f.digest, tuple(sorted(image[x] for x in e.labels[k]))) for k, f in enumerate(e.factors) if k in left)
    other = sorted((f.digest, tuple(sorted(e.labels[k]))) for k, f in enumerate(e.factors) if k in right)
    if again != other or len(node.children) != len(mirror.middle):
        return False
    total = 1
    for m, child in zip(mirror.middle, node.children, strict=True):
        if child.expr is not e.factors[m.factor] or child.left != m.left or child.right != m.right:
            return False
        total *= child.sign
    return total == node.sign


def _rank_one(node: ProofNode) -> bool:
    """The ratio is at most 1 wherever it can be evaluated, and the diagonal is not negative."""
    from symderiv.proving.numeric.definite import spectrum

    ratio = node.detail.get("ratio")
    if len(node.children) != 1 or node.children[0].sign != 1 or not isinstance(ratio, Expr):
        return False
    return not isinstance(ratio, Map) or spectrum(ratio, (), (), ()).points >= 0


__all__ = ["check_proof", "follows", "holds"]
