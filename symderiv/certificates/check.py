"""A check of proof trees, apart from what makes them: each claim at random points, each step taken again from its children.

A tree is confirmed where, for every claim, its rule has the children, the sign and the strictness that its law asks for,
and no number speaks against it; with no facts but those that the tree itself lists, and those of the function's domain.
"""

from __future__ import annotations

from symderiv.certificates.domain import domain_facts, structure_of
from symderiv.certificates.forms_checked import FORMS
from symderiv.certificates.functions_checked import FUNCTIONS
from symderiv.certificates.judged import Judge, holds, is_well_formed
from symderiv.certificates.proof import ProofNode
from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.proving.prepare import symmetrised


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
    return Judge(listed, wrt, tuple(structure_of(x, marked) for x in wrt), trials, seed)


def follows(node: ProofNode, judge: Judge) -> bool:
    """Whether the step from the children to the claim is one that its rule allows."""
    rule = (FUNCTIONS if node.kind == "function" else FORMS).get(node.rule)
    try:
        return rule is not None and is_well_formed(node, judge) and rule(node, judge)
    except SymderivError:
        return False  # what the step speaks of can't be built, or can't be looked at


__all__ = ["check_proof", "follows", "holds"]
