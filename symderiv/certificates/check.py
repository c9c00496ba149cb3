"""A check of proof trees, apart from what makes them: each claim at random points, each step taken again from its children.

A tree is confirmed where, for every claim, its rule has the children, the sign and the strictness that its law asks for,
and no number speaks against it; with no facts but those that the tree itself lists, and those of the function's domain.
"""

from __future__ import annotations

from symderiv.certificates.domain import domain_facts, structure_of
from symderiv.certificates.forms_checked import FORMS
from symderiv.certificates.functions_checked import FUNCTIONS
from symderiv.certificates.judged import TOLERANCE, Judge
from symderiv.certificates.proof import ProofNode
from symderiv.facts import Facts
from symderiv.proving.prepare import symmetrised

ALONG = "symmetric directions"
_ABOUT = {
    "matrix": ("⪰", "≻", "⪯", "≺"),
    "entries": ("≥", ">", "≤", "<"),
    "function": ("convex", "concave", "affine"),
}


def check_proof(tree: ProofNode, facts: Facts, trials: int = 8, seed: int = 0) -> bool:
    """Whether every claim of the tree holds at random points under the facts, and follows from those below it.

    Claims about a function are meant where it is defined. The facts are those that the tree was made under: facts that
    it doesn't list, other than what keeps its variables symmetric or diagonal, don't count.
    """
    judge = judge_of(tree, facts, trials, seed)
    return all(follows(node, judge) and holds(node, judge) for node in tree.walk())


def judge_of(tree: ProofNode, facts: Facts, trials: int = 8, seed: int = 0) -> Judge:
    """What the claims of a tree are judged by."""
    wrt = tuple(tree.detail["wrt"]) if tree.kind == "function" else ()
    _, marked = symmetrised((), facts)
    listed = Facts(tuple(f for f in marked if f.text in tree.assumptions)).held_fixed(wrt)
    if wrt:
        listed = domain_facts(tree.expr, listed)
    structure = structure_of(wrt[0], marked) if len(wrt) == 1 else ""
    return Judge(listed, wrt, structure, trials, seed)


def follows(node: ProofNode, judge: Judge) -> bool:
    """Whether the step from the children to the claim is one that its rule allows."""
    rule = (FUNCTIONS if node.kind == "function" else FORMS).get(node.rule)
    return rule is not None and _well_formed(node, judge) and rule(node, judge)


def _well_formed(node: ProofNode, judge: Judge) -> bool:
    """The claim is one that can be made of such an expression, and its children are claims that hold everywhere."""
    second = node.rule == "second derivative"
    if node.relation not in _ABOUT[node.kind] or any(c.rule == ALONG and not second for c in node.children):
        return False
    if any((c.kind == "function") != (node.kind == "function") for c in node.children) and not second:
        return False
    if node.kind == "function":
        return tuple(node.detail["wrt"]) == judge.wrt
    shape, axes = node.expr.shape, (*node.left, *node.right)
    return (
        bool(node.left) == (node.kind == "matrix")
        and len(set(axes)) == len(axes)
        and set(axes) <= set(range(len(shape)))
        and [shape[a] for a in node.left] == [shape[b] for b in node.right]
    )


def holds(node: ProofNode, judge: Judge) -> bool:
    """The claim at random points: eigenvalues of its form, its entries, or second differences along lines have the sign."""
    from symderiv.proving.numeric.definite import second_differences, spectrum

    if node.kind == "function":
        low, high = second_differences(node.expr, judge.wrt, judge.facts, judge.trials, judge.seed)
        return not (low and node.relation != "concave") and not (high and node.relation != "convex")
    along = node.rule == ALONG and (judge.structure or "symmetric")
    found = spectrum(node.expr, node.left, node.right, judge.facts, judge.trials, judge.seed, along)
    end = found.least if node.sign > 0 else found.most
    return end is None or node.sign * end.relative >= -TOLERANCE  # a strict sign may round to zero


__all__ = ["check_proof", "follows", "holds"]
