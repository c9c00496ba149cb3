"""What a Gauss–Newton split and a certificate say, as blocks of a page: no numbers are needed for these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from symderiv.facts import Fact
from symderiv.handout.given import letter_of
from symderiv.handout.model import Block, Check, Proof, ProofNode, Prose, Result
from symderiv.handout.told import chapters, under_brace
from symderiv.ir import is_zero
from symderiv.present import expr_latex, fact_latex, split_written
from symderiv.render.forms import forms
from symderiv.render.symbols import name_latex
from symderiv.splits import GaussNewton

SIGNS = {"psd": r"\succeq 0", "nsd": r"\preceq 0"}
RELATIONS = {"⪰": r"\succeq 0", "≻": r"\succ 0", "⪯": r"\preceq 0", "≺": r"\prec 0", "≥": r"\ge 0", ">": ">0", "≤": r"\le 0", "<": "<0"}
OBVIOUS = ("affine", "name")
"""rules whose law says nothing that the claim doesn't"""
WORDS = {"psd": "positive semi-definite", "nsd": "negative semi-definite"}


def split_result(split: GaussNewton) -> Result:
    """H = G + R in the box, as the split tells its parts."""
    ends = [chapter[-1].rhs for chapter in chapters(split_written(split, "matrix", "brief"))]
    g, r = ends[-2:]
    rest = "" if is_zero(split.R.result) else "+" + under_brace(r, "R")
    letter, x = letter_of(split.H), name_latex(split.H.wrt[0].name)
    return Result((rf"\nabla^2_{{{x}}}{letter}={under_brace(g, 'G')}{rest}",))


def certificate(split: GaussNewton) -> list[Block]:
    """What is known of the sign of G, and why."""
    found = split.certificate
    if found.verdict not in SIGNS:
        return [Check(f"the sign of $G$: {found.verdict}", ok=False, word="Not certified")]
    return [Prose(f"$G$ is {WORDS[found.verdict]}."), Proof(proof_tree(found.proof, split.facts), "Certificate")]


def proof_tree(node: Any, facts: Iterable[Fact] = ()) -> ProofNode:
    """A certificate as a page shows it: what is claimed, the rule with its law, the facts."""
    return _tree(node, {f.text: f for f in reversed(list(facts))})


def _tree(node: Any, known: Mapping[str, Fact]) -> ProofNode:
    given = ", ".join(f"${fact_latex(known[text])}$" if text in known else f"`{text}`" for text in node.facts)
    law = "" if node.rule in OBVIOUS else f": ${node.law}$"
    why = "assumed" if node.rule == "fact" else f"{node.rule}{law}" + (f", by {given}" if given else "")
    return ProofNode(_claim(node), why, tuple(_tree(child, known) for child in node.children))


def _claim(node: Any) -> str:
    if node.kind == "function":
        how = "strongly " if node.detail.get("modulus") is not None else "strictly " if node.strict else ""
        return rf"{expr_latex(node.expr)}\text{{ is {how}{node.relation}}}"
    return f"{_formula(node)}{RELATIONS[node.relation]}"


def _formula(node: Any) -> str:
    """A form as a matrix; one on more axes as its Kronecker product where it has one, else by its entries."""
    expr = node.expr
    if len(expr.shape) > 2 and node.left == tuple(range(len(node.left))):
        matrix = next((f for f in forms(expr, "G", len(node.left)) if f.view == "vec"), None)
        if matrix is not None:
            return str(matrix.rhs)
    return expr_latex(expr)


__all__ = ["SIGNS", "certificate", "proof_tree", "split_result"]
