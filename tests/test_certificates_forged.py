"""Forged certificates: each step of real proofs is changed in one place, and the checker has to refuse the step by itself,
without the numbers that would catch a false claim later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

import symderiv as sd
from symderiv.build import add, scale, symbol
from symderiv.certificates.check import follows
from symderiv.certificates.mirror import Mirror
from symderiv.certificates.proof import ProofNode

Forged = Iterator[tuple[str, ProofNode]]
CLAIMS = {
    "logistic": ("sum(log(1 + exp(X @ w)))", "w", {"X": "m n", "w": "n"}, []),
    "log-sum-exp": ("logsumexp(X @ w)", "w", {"X": "m n", "w": "n"}, []),
    "quadratic form": ("(A @ x) @ P @ (A @ x)", "x", {"A": "m n", "x": "n", "P": "m m"}, ["psd(P)"]),
    "inverse": ("x @ inv(P) @ x + sum(exp(x))", "x", {"x": "n", "P": "n n"}, ["pd(P)"]),
    "log det": ("-logdet(X)", "X", {"X": "n n"}, ["pd(X)"]),
    "factors": ("sum((T - U @ V.T)**2)", "U", {"T": "m n", "U": "m k", "V": "n k"}, []),
}
TURNED = {"⪰": "⪯", "≻": "≺", "⪯": "⪰", "≺": "≻", "≥": "≤", ">": "<", "≤": "≥", "<": ">"}


def steps(claim: str) -> list[tuple[ProofNode, object]]:
    """The steps about matrices and entries that rest on others, with the facts of the proof."""
    text, wrt, shapes, assume = CLAIMS[claim]
    found = sd.curvature(text, wrt, assume=assume, **shapes)
    assert found.verdict == "convex"
    facts = sd.gradient(text, wrt, assume=assume, **shapes).facts
    return [(n, facts) for n in found.proof.walk() if n.kind != "function"]


def with_child(node: ProofNode, k: int, change: Callable[[ProofNode], ProofNode]) -> ProofNode:
    return replace(node, children=tuple(change(c) if j == k else c for j, c in enumerate(node.children)))


def forged(node: ProofNode) -> Forged:
    """The step with one place changed."""
    if node.children:
        yield "a child is missing", replace(node, children=node.children[1:])
        yield "the claim's sign is turned", replace(node, relation=TURNED[node.relation])
    if node.relation in "⪰≥" and node.rule in ("sum", "scaling", "square", "congruence", "weighted sum of squares"):
        yield "the claim is strict", replace(node, relation="≻")
    for k, child in enumerate(node.children):
        yield "a child's sign is turned", with_child(node, k, lambda c: replace(c, relation=TURNED[c.relation]))
        yield "a child is twice as much", with_child(node, k, lambda c: replace(c, expr=scale(2, c.expr)))
        other = symbol("Z", child.expr.shape)
        yield "a child speaks of something else", with_child(node, k, lambda c, z=other: replace(c, expr=z))
        if isinstance(node.detail.get("mirror"), Mirror) and child.left:
            yield "a child has its axes turned", with_child(node, k, lambda c: replace(c, left=c.right, right=c.left))
            yield "a child's left axes are another's", with_child(node, k, lambda c: replace(c, left=()))
            yield "a child's right axes are another's", with_child(node, k, lambda c: replace(c, right=()))
    yield from forged_mirrors(node)


def forged_mirrors(node: ProofNode) -> Forged:
    mirror = node.detail.get("mirror")
    if not isinstance(mirror, Mirror):
        return

    def made(**changes: object) -> ProofNode:
        return replace(node, detail={**node.detail, "mirror": replace(mirror, **changes)})

    still = tuple(range(len(mirror.image)))
    if mirror.image != still:
        yield "nothing is mirrored", made(image=still)
        first = next(x for x in still if mirror.image[x] != x)
        yield "no involution", made(image=tuple(first for _ in still))
    if mirror.swapped:
        yield "a half lacks a factor", made(swapped=mirror.swapped[1:])
        yield "all is in one half", made(swapped=tuple(k for k in range(len(node.expr.kids)) if k not in {m.factor for m in mirror.middle}))
    if mirror.middle:
        yield "the middle is left out", made(middle=())
        yield "the middle stands in a half too", made(swapped=(*mirror.swapped, mirror.middle[0].factor))
    yield "the claim is of something else", replace(node, expr=add([(1, node.expr), (1, symbol("Z", node.expr.shape))], node.expr.shape))


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_real_step_follows(claim):
    for node, facts in steps(claim):
        assert follows(node, facts), node.rule


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_forged_step_doesnt(claim):
    refused, passed = 0, []
    for node, facts in steps(claim):
        for what, fake in forged(node):
            if fake == node and fake.detail == node.detail:
                continue
            if follows(fake, facts):
                passed.append((node.rule, what))
            refused += 1
    assert refused > 3
    assert passed == []
