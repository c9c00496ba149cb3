"""Gauss–Newton splits on a page: the result with G and R named under it, and the certificate as a tree."""

from __future__ import annotations

from typing import Any

from symderiv.handout.checked import check
from symderiv.handout.model import Block, Check, Proof, ProofNode, Prose, Result, Table
from symderiv.handout.source import SourceError, Splits
from symderiv.handout.told import under_brace
from symderiv.ir import is_zero
from symderiv.present import split_written
from symderiv.splits import GaussNewton

SIGNS = {"psd": r"\succeq 0", "nsd": r"\preceq 0"}
WORDS = {"psd": "positive semi-definite", "nsd": "negative semi-definite"}


def split_blocks(split: GaussNewton) -> list[Block]:
    """H = G + R in the box, as the split tells its parts."""
    ends: dict[int, str] = {}
    for line in split_written(split, "matrix", "brief"):
        ends[line.chapter] = line.rhs
    g, r = list(ends.values())[-2:]
    rest = "" if is_zero(split.R.result) else "+" + under_brace(r, "R")
    return [Result((rf"H={under_brace(g, 'G')}{rest}",))]


def certificate(split: GaussNewton) -> list[Block]:
    """What is known of the sign of G, and why."""
    found = split.certificate
    if found.verdict not in SIGNS:
        return [Check(f"$G$: {found.verdict}", ok=False, word="Not certified")]
    tree = proof_tree(found.proof)
    return [Prose(f"$G$ is {WORDS[found.verdict]}:"), Proof(tree, "Certificate")]


def proof_tree(node: Any) -> ProofNode:
    return ProofNode(str(node))


def split_table(item: Splits) -> list[Block]:
    """One row for each loss: the verdict on G, what it rests on, and a counterexample where there is one."""
    rows = []
    for title, call, expected in item.rows:
        split = call.run()
        found = split.certificate
        if found.verdict != expected:
            raise SourceError(call.place, f"{title}: the verdict on G is {found.verdict}, not {expected}")
        confirmed = check(split, trials=5)
        if not confirmed.ok:
            raise SourceError(call.place, f"{title}: {confirmed.trouble}")
        rows.append((title, f"`{found.verdict}`", f"$G{SIGNS[found.verdict]}$" if found.verdict in SIGNS else "not certified"))
    return [Table(("loss", "verdict on $G$", ""), tuple(rows), stack=True)]
