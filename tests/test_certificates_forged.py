"""Forged certificates: each step of real proofs is changed in one place, and the checker has to refuse the step by itself,
without the numbers that would catch a false claim later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

from symderiv.build import add, apply, call, contract, ones, power, scale, substitute, symbol
from symderiv.certificates import check_proof
from symderiv.certificates.check import follows, judge_of
from symderiv.certificates.forms_checked import FORMS
from symderiv.certificates.functions_checked import FUNCTIONS
from symderiv.certificates.judged import Judge
from symderiv.certificates.mirror import Middle, Mirror
from symderiv.certificates.proof import LAWS, ProofNode
from symderiv.facts import Fact, Facts
from symderiv.ir import free_symbols
from tests.test_convexity import PROVED, _case
from tests.test_curvature import CERTIFIED, certificate_of, curvature_of_text
from tests.test_curvature import FUNCTIONS as DECIDED

Forged = Iterator[tuple[str, ProofNode]]
FLIPPED = {
    "⪰": "⪯", "≻": "≺", "⪯": "⪰", "≺": "≻", "≥": "≤", ">": "<", "≤": "≥", "<": ">", "convex": "concave", "concave": "convex",
}  # fmt: skip
STRICTER = {"⪰": "≻", "⪯": "≺", "≥": ">", "≤": "<"}
WEAKER = {v: k for k, v in STRICTER.items()}
TRUE_ANYWAY = {
    # the changed claim is still one that the law allows
    ("affine", "another expression"),  # what is free of the variables stays so
    ("affine", "a factor"),
    ("affine", "inside"),
    ("range", "inside"),
    ("simplification", "inside"),  # of what cancels
    ("nonnegative weights", "inside"),  # of the weights of an affine function
    ("second derivative", "inside"),  # of what doesn't depend on the variable
    ("Hessian of a convex function", "inside"),  # at another point
    ("square", "inside"),
    ("outer square", "inside"),
    ("congruence", "inside"),
    ("weighted sum of squares", "inside"),
    ("quadratic form", "inside"),
    ("sum of functions", "a factor"),  # of affine ones
    ("sum of functions", "a child's factor"),
    ("norm", "a child twice"),
    ("convex function of an affine one", "rule monotone composition"),  # an affine function is convex
    ("monotone composition", "rule convex function of an affine one"),
}
ZERO = {"0*Q", "diag(y) - outer(y, y)"}
"""forms that are zero under some facts: ⪯ 0 as well"""


MORE = [
    ("(x @ Q @ x)**3*eye(n)", "psd(Q)", False),  # power, quadratic form
    ("((x @ Q @ x)**3*(y @ S @ y)**3 + 1)*Q", ["psd(Q)", "psd(S)"], False),  # product
    ("diag((x @ Q @ x)**3 + v**2)", "psd(Q)", False),  # name
    ("2*Q - sum(softmax(u))*Q", "psd(Q)", False),  # simplification
    ("einsum('il,jk->ijkl', Q, Q)", "pd(Q)", True),  # symmetric directions
]


@cache
def trees() -> dict[str, tuple[ProofNode, Facts]]:
    """Every proof of the tables of cases."""
    found: dict[str, tuple[ProofNode, Facts]] = {}
    for text, assume, symmetric in [*((text, assume, False) for text, assume, *_ in CERTIFIED), *MORE]:
        certificate = certificate_of(text, assume, symmetric)
        found[f"{text}; {assume}"] = certificate.proof, certificate.facts
    for text, variable, assume, verdict, shapes in DECIDED:
        if verdict != "neither":
            curvature, facts = curvature_of_text(text, variable, assume, **shapes)
            found[f"{text}; {assume}; {variable}"] = curvature.proof, facts
    for text, wrt, assume, *_ in PROVED:
        curvature, facts = _case(text, wrt, assume)
        found[f"{text}; {assume}; {wrt}"] = curvature.proof, facts
    return found


NAMES = [
    *(f"{text}; {assume}" for text, assume, *_ in [*CERTIFIED, *MORE]),
    *(f"{text}; {assume}; {variable}" for text, variable, assume, verdict, _ in DECIDED if verdict != "neither"),
    *(f"{text}; {assume}; {wrt}" for text, wrt, assume, *_ in PROVED),
]


def with_child(node: ProofNode, k: int, change: Callable[[ProofNode], ProofNode]) -> ProofNode:
    return replace(node, children=tuple(change(c) if j == k else c for j, c in enumerate(node.children)))


def forged(node: ProofNode) -> Forged:
    """The step with one place changed."""
    if node.relation in FLIPPED:
        yield "the sign turned", replace(node, relation=FLIPPED[node.relation])
    if node.relation in STRICTER:
        yield "strict", replace(node, relation=STRICTER[node.relation])
    if node.kind == "function":
        yield "strong", replace(node, detail={**node.detail, "strict": True, "modulus": symbol("Z", (7, 7))})
        if not node.strict:
            yield "strict", replace(node, detail={**node.detail, "strict": True})
        if node.relation != "affine":
            yield "called affine", replace(node, relation="affine")
    for rule in LAWS:
        if rule != node.rule:
            yield f"rule {rule}", replace(node, rule=rule)
    yield "no such rule", replace(node, rule="obvious")
    yield "a factor", replace(node, expr=scale(-1, node.expr))
    yield "another expression", replace(node, expr=apply("sin", node.expr))
    for s in free_symbols(node.expr):
        if s.kind not in ("dim", "const", "structure"):
            yield "inside", replace(node, expr=substitute(node.expr, {s: apply("sin", s)}))
    if node.left:
        yield "no axes", replace(node, left=(), right=())
        yield "axes twice", replace(node, right=node.left)
    yield from _about_children(node)
    yield from _about_mirrors(node)
    for name in ("coefficients", "d", "v", "w"):
        if name in node.detail:
            yield f"without {name}", replace(node, detail={k: v for k, v in node.detail.items() if k != name})


def _about_children(node: ProofNode) -> Forged:
    if not node.children:
        return
    yield "a child missing", replace(node, children=node.children[1:])
    yield "a child twice", replace(node, children=(*node.children, node.children[0]))
    yield "no children", replace(node, children=())
    for k, child in enumerate(node.children):
        if child.relation in FLIPPED:
            yield "a child's sign turned", with_child(node, k, lambda c: replace(c, relation=FLIPPED[c.relation]))
        if child.relation in WEAKER and node.strict and node.rule not in ("sum", "power"):
            yield "a child less strict", with_child(node, k, lambda c: replace(c, relation=WEAKER[c.relation]))
        yield "a child's factor", with_child(node, k, lambda c: replace(c, expr=scale(3, c.expr)))
        other = symbol("Z", child.expr.shape)
        yield "a child about something else", with_child(node, k, lambda c, z=other: replace(c, expr=z))
        kind = "entries" if child.kind == "function" else "function"
        yield "a child of another kind", with_child(node, k, lambda c, kind=kind: replace(c, kind=kind, relation="≥"))
        if child.left:
            yield "a child's left axes", with_child(node, k, lambda c: replace(c, left=()))
            yield "a child's right axes", with_child(node, k, lambda c: replace(c, right=()))
        if child.kind == "function" and node.kind == "function":
            other = symbol("Z", (7,))
            yield "a child by another variable", with_child(node, k, lambda c, z=other: replace(c, detail={**c.detail, "wrt": (z,)}))


def _about_mirrors(node: ProofNode) -> Forged:
    mirror = node.detail.get("mirror")
    if not isinstance(mirror, Mirror):
        return

    def made(**changes: object) -> ProofNode:
        return replace(node, detail={**node.detail, "mirror": replace(mirror, **changes)})

    still = tuple(range(len(mirror.image)))
    if mirror.image != still:
        yield "nothing mirrored", made(image=still)
        first = next(x for x in still if mirror.image[x] != x)
        yield "no involution", made(image=tuple(first for _ in still))
    if mirror.swapped:
        yield "a half lacks a factor", made(swapped=mirror.swapped[1:])
        middle = {m.factor for m in mirror.middle}
        yield "all in one half", made(swapped=tuple(k for k in range(len(node.expr.kids)) if k not in middle))
    if mirror.middle:
        yield "the middle left out", made(middle=())
        yield "the middle in a half too", made(swapped=(*mirror.swapped, mirror.middle[0].factor))
        yield "the middle twice", replace(made(middle=(*mirror.middle, mirror.middle[0])), children=(*node.children, node.children[0]))


@pytest.mark.parametrize("name", NAMES)
def test_real_steps_follow_and_forged_ones_dont(name: str) -> None:
    tree, facts = trees()[name]
    judge, passed, refused = judge_of(tree, facts), [], 0
    for node in tree.walk():
        assert follows(node, judge), node.claim
        for what, fake in forged(node):
            if (node.rule, what) in TRUE_ANYWAY or name.split(";")[0] in ZERO:
                continue
            if _is_noticed(fake, tree, node, judge):
                refused += 1
            else:
                passed.append((node.rule, what, fake.claim))
    assert passed == []
    assert refused or name.split(";")[0] in ZERO


def _is_noticed(fake: ProofNode, tree: ProofNode, node: ProofNode, judge: Judge) -> bool:
    """Refused, or one of the changed children is: a child's own claim is judged where it stands."""
    changed = [c for c, was in zip(fake.children, node.children, strict=False) if c is not was]
    return not follows(fake, judge) or any(not follows(c, judge) for c in changed)


def test_the_tables_reach_every_rule() -> None:
    reached = {n.rule for tree, _ in trees().values() for n in tree.walk()}
    assert {*FORMS, *FUNCTIONS} == set(LAWS)
    assert set(LAWS) - reached == {"Hessian of a concave function"}


@pytest.mark.parametrize("name", [n for n in NAMES if "; None" not in n])
def test_no_fact_counts_that_the_tree_does_not_list(name: str) -> None:
    """A tree that hides its assumptions is refused, where it has any."""
    tree, facts = trees()[name]

    def bare(node: ProofNode) -> ProofNode:
        return replace(node, facts=(), children=tuple(map(bare, node.children)))

    if set(tree.assumptions) & set(facts.texts()) and "log(x))" not in name:  # there the domain says as much
        assert check_proof(tree, facts)
        assert not check_proof(bare(tree), facts)
    else:
        assert check_proof(bare(tree), facts)


# ---------------------------------------------------------------- planted by hand
N = "n"
a, x, y = symbol("A", (N, N)), symbol("x", (N,)), symbol("y", (N,))
P = symbol("P", (N, N), props={"symmetric"})
HALF = Fraction(1, 2)


def _function(expr: Any, relation: str, rule: str, *children: ProofNode, facts: tuple[str, ...] = (), **detail: Any) -> ProofNode:
    return ProofNode(expr, "function", relation, rule, children=children, facts=facts, detail={"wrt": (x,), **detail})


def _affine(expr: Any) -> ProofNode:
    return _function(expr, "affine", "affine")


def _matrix(expr: Any, rule: str, *children: ProofNode, relation: str = "⪰", facts: tuple[str, ...] = (), **detail: Any) -> ProofNode:
    return ProofNode(expr, "matrix", relation, rule, (0,), (1,), children, facts, detail)


def _square_of(one: tuple[str, str], two: tuple[str, str]) -> ProofNode:
    """Two factors A as if one were the other's mirror image."""
    product = contract((a, a), (one, two), ("i", "j"))
    image, out = list(range(3)), product.out
    image[out[0]], image[out[1]] = out[1], out[0]
    return _matrix(product, "square", mirror=Mirror(tuple(image), (), (0,)))


def _total(e: Any) -> Any:
    return contract((e,), ((0,),), ())


def _far(beyond: int) -> ProofNode:
    inner = add([(1, power(x, 2)), (beyond, ones((N,)))], (N,))
    return _function(apply("exp", inner), "concave", "monotone composition", _function(inner, "convex", "affine"))


def _planted() -> dict[str, ProofNode]:
    exp = apply("exp", x)
    total = contract((power(x, 2),), ((0,),), ())
    cross = contract((x, y), ((0,), (0,)), ())
    fact, semi = _matrix(P, "fact", relation="≻", facts=("pd(P)",)), _matrix(P, "fact", facts=("pd(P)",))
    convex = _function(total, "convex", "second derivative")
    diagonal = contract((y,), ((0,),), (0, 0))
    return {
        "A A isn't a square": _square_of(("i", "k"), ("k", "j")),
        "A Aᵀ mirrored, but called strict": replace(_square_of(("i", "k"), ("j", "k")), relation="≻"),
        "a range out of nothing": ProofNode(y, "entries", "≥", "range"),
        "a range of a form": _matrix(a, "range"),
        "a fact that nobody gave": _matrix(a, "fact", relation="≻", facts=("pd(A)",)),
        "the inverse of a semidefinite matrix": _matrix(call("inv", (P,), (N, N)), "inverse", semi, relation="≻"),
        "a logarithm as a Schur series": _matrix(apply("log", P), "Schur series", fact),
        "an even power keeps no sign": ProofNode(power(y, 2), "entries", "≤", "power", children=(ProofNode(y, "entries", "≤", "range"),)),
        "a diagonal with its weight unknown": _matrix(
            diagonal, "diagonal", mirror=Mirror(tuple(range(1)), (Middle(0, (), ()),), ())
        ),
        "the root of a product as a norm": _function(power(cross, HALF), "convex", "norm", _affine(x)),
        "the norm of a convex function of any sign": _function(
            power(total, HALF), "convex", "norm", replace(convex, expr=x)
        ),
        "x² as affine": _function(power(x, 2), "affine", "convex function of an affine one", _affine(x)),
        "sin as convex": _function(apply("sin", x), "convex", "convex function of an affine one", _affine(x)),
        "x³ as convex": _function(power(x, 3), "convex", "convex function of an affine one", _affine(x)),
        "a weight of no sign": _function(
            contract((power(x, 2), y), ((0,), (0,)), ()), "convex", "nonnegative weights", replace(convex, expr=power(x, 2))
        ),
        "−exp as a name for exp": _function(scale(-1, apply("exp", x)), "convex", "name", replace(convex, expr=apply("exp", x))),
        "the variable isn't constant": _function(power(x, 2), "affine", "affine"),
        "log det without a definite matrix": _function(
            call("logdet", (a,), ()), "concave", "log det", _function(a, "affine", "affine")
        ),
        "the greatest entry of a concave function": _function(
            call("max", (x,), ()), "convex", "monotone composition", _function(x, "concave", "affine")
        ),
        "the smaller of two convex functions as concave": _function(
            add([(1, _total(exp)), (-1, _total(apply("relu", add([(1, exp), (-1, power(x, 2))], (N,)))))], ()), "concave",
            "pointwise minimum", *(_function(scale(-1, e), "concave", "affine") for e in (exp, power(x, 2)))
        ),
        "a decreasing affine function of a concave one as affine": _function(
            apply("abs", scale(-1, power(x, 2))), "affine", "monotone composition",
            _function(scale(-1, power(x, 2)), "concave", "affine")
        ),
        "exp as concave, far out": _far(30),
        "exp as concave, where it is infinite": _far(800),
        "roots of the entries of a semidefinite matrix": _function(
            power(contract((x, P, x), ("i", "ij", "j"), "ij"), HALF), "convex", "norm", _affine(x), facts=("pd(P)",)
        ),
        "roots of x ⊙ P x, entry by entry": _function(
            power(contract((x, P, x), ("i", "ij", "j"), "i"), HALF), "convex", "norm", _affine(x)
        ),
        "an array function that isn't convex": _function(
            call("softmax", (x,), (N,)), "convex", "convex function of an affine one", _affine(x)
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", _planted())
def test_planted_by_hand(name: str) -> None:
    fake = _planted()[name]
    facts = Facts((Fact("pd", P, "pd(P)"),))
    assert not follows(fake, judge_of(fake, facts))


def test_the_same_steps_done_right_follow() -> None:
    """The plants fail for what is wrong with them, not for how they are put."""
    facts = Facts((Fact("pd", P, "pd(P)"),))
    fact = _matrix(P, "fact", relation="≻", facts=("pd(P)",))
    for right in (
        _square_of(("i", "k"), ("j", "k")),
        fact,
        _matrix(call("inv", (P,), (N, N)), "inverse", fact, relation="≻"),
        _matrix(apply("exp", P), "Schur series", replace(fact, relation="⪰")),
        _function(apply("exp", x), "convex", "convex function of an affine one", _affine(x)),
        _function(call("max", (x,), ()), "convex", "monotone composition", _affine(x)),
        _function(power(contract((power(x, 2),), ((0,),), ()), HALF), "convex", "norm", _affine(x)),
    ):
        assert follows(right, judge_of(replace(right, facts=("pd(P)",)), facts)), right.claim
