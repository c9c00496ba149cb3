"""A small independent check of proof trees: each claim at random points, each step from its children again."""

from __future__ import annotations

from fractions import Fraction

from symderiv.build import add, contract, ones, permute, power, view
from symderiv.certificates.domain import domain_facts
from symderiv.certificates.functions_checked import function_follows
from symderiv.certificates.mirror import Mirror
from symderiv.certificates.proof import ProofNode
from symderiv.facts import Facts
from symderiv.ir import Contract, Expr, Name, is_zero
from symderiv.proving.show import proves

TOLERANCE = 1e-9
_NEEDS = {"⪰": 1, "≻": 1, "⪯": -1, "≺": -1, "≥": 1, ">": 1, "≤": -1, "<": -1}


def check_proof(tree: ProofNode, facts: Facts, trials: int = 8, seed: int = 0) -> bool:
    """Whether every claim of the tree holds at random points under the facts, and follows from those below it.

    Claims about a function are meant where it is defined.
    """
    if tree.kind == "function":
        facts = domain_facts(tree.expr, facts)
    return all(follows(node, facts) and holds(node, facts, trials, seed) for node in tree.walk())


def holds(node: ProofNode, facts: Facts, trials: int = 8, seed: int = 0) -> bool:
    """The claim at random points: eigenvalues of its form, or its entries, have the sign."""
    from symderiv.proving.numeric.definite import spectrum

    if node.kind == "function":
        return _bends(node, facts, trials, seed)
    sign = _NEEDS[node.relation]
    found = spectrum(node.expr, node.left, node.right, facts, trials, seed, node.rule == "symmetric directions")
    end = found.least if sign > 0 else found.most
    if end is None:
        return True  # nowhere defined: nothing contradicts it
    return sign * end.relative >= -TOLERANCE  # a strict sign may round to zero


def _bends(node: ProofNode, facts: Facts, trials: int, seed: int) -> bool:
    """Second differences along random lines have the sign."""
    from symderiv.proving.numeric.definite import second_differences

    low, high = second_differences(node.expr, node.detail["wrt"], facts, trials, seed)
    return not (low and node.relation in ("convex", "affine")) and not (high and node.relation in ("concave", "affine"))


def follows(node: ProofNode, facts: Facts) -> bool:
    """Whether the step from the children to the claim is one that its rule allows."""
    if node.kind == "function":
        return function_follows(node, facts)
    signs = [c.sign for c in node.children]
    exprs = [c.expr for c in node.children]
    if node.strict and node.rule in ("congruence", "square", "outer square", "weighted sum of squares"):
        return False
    if node.rule == "zero":
        return is_zero(node.expr) and not node.strict
    if node.rule in ("sum", "scaling"):
        return _sum(node, exprs, signs)
    if node.rule == "name":
        return (
            len(signs) == 1
            and signs[0] == node.sign
            and (not isinstance(node.expr, Name) or node.expr.body is exprs[0])
        )
    if node.rule in ("fact", "Hessian of a convex function", "Hessian of a concave function"):
        return not node.children and bool(node.facts)
    if node.rule == "range":
        return not node.children
    mirror = node.detail.get("mirror")
    if isinstance(mirror, Mirror):
        return _mirror(node, mirror)
    if node.rule in ("inverse", "power", "Schur series", "Schur product"):
        kid = exprs[0] if len(exprs) == 1 else None
        return (
            kid is not None
            and kid in node.expr.kids
            and signs[0] == node.sign
            and (node.rule != "inverse" or node.children[0].strict)
        )
    if node.rule == "diagonal minus rank one":
        return _rank_one(node, facts)
    if node.rule not in ("simplification", "symmetric directions") or signs != [node.sign]:
        return False
    if node.rule == "simplification":
        return _same(node.expr, exprs[0], facts)
    return _same(_along_symmetric(node.expr), _along_symmetric(exprs[0]), facts)


def _same(a: Expr, b: Expr, facts: Facts) -> bool:
    from symderiv.verify import same_value

    return a.shape == b.shape and (a is b or same_value(a, b, facts, 8).verdict != "refuted")


def _along_symmetric(form: Expr) -> Expr:
    """What a form of order 4 is to symmetric directions: its mean over exchanges of their axes."""
    orders = ((0, 1, 2, 3), (0, 1, 3, 2), (1, 0, 2, 3), (1, 0, 3, 2))
    return add([(Fraction(1, 4), permute(form, order)) for order in orders], form.shape)


def _sum(node: ProofNode, exprs: list[Expr], signs: list[int]) -> bool:
    coefficients = node.detail.get("coefficients", ())
    if len(coefficients) != len(exprs) or any(
        s * (1 if c > 0 else -1) != node.sign for s, c in zip(signs, coefficients, strict=True)
    ):
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
    again = sorted(
        (f.digest, tuple(sorted(image[x] for x in e.labels[k]))) for k, f in enumerate(e.factors) if k in left
    )
    other = sorted((f.digest, tuple(sorted(e.labels[k]))) for k, f in enumerate(e.factors) if k in right)
    if again != other or len(node.children) != len(mirror.middle):
        return False
    total = 1
    for m, child in zip(mirror.middle, node.children, strict=True):
        if child.expr is not e.factors[m.factor] or child.left != m.left or child.right != m.right:
            return False
        total *= child.sign
    return total == node.sign


def _rank_one(node: ProofNode, facts: Facts) -> bool:
    """The claim's matrix is ±(diag(d) − w v vᵀ), d is not negative, and w Σ v²/d is at most 1."""
    from symderiv.proving.numeric.definite import spectrum

    d, v, w = (node.detail.get(k) for k in "dvw")
    if not (isinstance(d, Expr) and isinstance(v, Expr) and isinstance(w, Expr)) or len(node.children) != 1:
        return False
    if node.children[0].expr is not d or node.children[0].sign != 1:
        return False
    order = len(node.expr.shape)
    (a,), (b,) = node.left, node.right
    batch = tuple(p for p in range(order) if p not in (a, b))
    left, right, both = (*batch, a), (*batch, b), tuple(a if p == b else p for p in range(order))
    diagonal = view(d, left, both)
    outer = contract((v, v, w), (left, right, batch), tuple(range(order)))
    claimed = add([(node.sign, diagonal), (-node.sign, outer)], node.expr.shape)
    if claimed is not node.expr and not proves(claimed, node.expr, facts):
        return False
    axes = tuple(range(len(d.shape)))
    ratio = contract((power(v, 2), power(d, -1), w), (axes, axes, axes[:-1]), axes[:-1])
    rest = add([(1, ones(ratio.shape)), (-1, ratio)], ratio.shape)
    found = spectrum(rest, (), (), facts, 8)
    return found.least is None or found.least.value >= -TOLERANCE


__all__ = ["check_proof", "follows", "holds"]
