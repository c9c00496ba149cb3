"""Laws of certificates one by one: a step put together by hand is taken where the law holds, and refused beside its borders."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

import symderiv as sd
from symderiv.build import ONE, add, apply, contract, power, scale, symbol, view
from symderiv.certificates.check import follows, judge_of
from symderiv.certificates.definite import Definite
from symderiv.certificates.mirror import Middle, Mirror
from symderiv.certificates.proof import ProofNode
from symderiv.facts import Facts
from symderiv.frontend.inputs import parse
from symderiv.ir import Expr

SHAPES = {"x": "n", "y": "n", "c": "n", "t": "", "s": "", "A": "m n", "X": "n n", "P": "n n", "L": "m -> ", "d": "k n", "v": "k n"}
N = "n"
x, y = symbol("x", (N,)), symbol("y", (N,))
A, B = symbol("A", ("m", N)), symbol("B", ("m", N))


def parsed(text: str, assume: list[str]) -> tuple[Expr, Facts]:
    """An expression with its facts."""
    found = parse(text, {k: v for k, v in SHAPES.items() if k in text or any(k in fact for fact in assume)}, assume)
    return found[0], found[2]


def step(rule: str, relation: str, text: str, children: str, assume: list[str], wrt: str) -> tuple[ProofNode, Facts]:
    """A claim about a function, from claims such as "x affine, softplus(s) convex"."""
    variables = tuple(symbol(v, tuple(SHAPES[v].split())) for v in wrt.split())
    detail: dict[str, Any] = {"wrt": variables}
    below = [part.strip().rpartition(" ") for part in children.split(", ")]
    kids = tuple(ProofNode(parsed(e, assume)[0], "function", how, "affine", detail=detail) for e, _, how in below)
    expr, facts = parsed(text, assume)
    return ProofNode(expr, "function", relation, rule, children=kids, facts=tuple(facts.texts()), detail=detail), facts


NORM, POWERS, PERSPECTIVE, HUBER = "norm", "product of powers", "perspective", "Huber function"
OUTER, COMPOSED = "convex function of an affine one", "monotone composition"
POSITIVE = ["t > 0", "s > 0"]
ROWS: list[tuple[str, str, str, str, list[str], str, bool]] = [
    # √(xᵀPx + 1) needs P ⪰ 0
    (NORM, "convex", "sqrt(x @ P @ x + 1)", "x affine", ["psd(P)"], "x", True),
    (NORM, "convex", "sqrt(x @ P @ x + 1)", "x affine", [], "x", False),
    (NORM, "convex", "sqrt(x @ P @ x + 1)", "x convex", ["psd(P)"], "x", False),
    (NORM, "convex", "sqrt(x @ P @ x - 1)", "x affine", ["psd(P)"], "x", False),
    # √Σ g² where |g| is convex: g convex and ≥ 0, or concave and ≤ 0
    (NORM, "convex", "sqrt(sum(softplus(x)**2))", "softplus(x) convex", [], "x", True),
    (NORM, "convex", "sqrt(sum(softplus(x)**2))", "softplus(x) concave", [], "x", False),
    (NORM, "convex", "sqrt(sum(log_sigmoid(x)**2))", "log_sigmoid(x) concave", [], "x", True),
    (NORM, "convex", "sqrt(sum(log1p(x)**2))", "log1p(x) concave", ["x > 0"], "x", False),
    # Π x^a: concave up to a sum of exponents of one, convex from one on with one of them positive
    (POWERS, "concave", "sqrt(t*s)", "t affine, s affine", POSITIVE, "t s", True),
    (POWERS, "concave", "t*sqrt(s)", "t affine, s affine", POSITIVE, "t s", False),
    (POWERS, "concave", "t**(2/3)*sqrt(s)", "t affine, s affine", POSITIVE, "t s", False),
    (POWERS, "convex", "t**2/s", "t affine, s affine", POSITIVE, "t s", True),
    (POWERS, "convex", "t**(3/2)/s", "t affine, s affine", POSITIVE, "t s", False),
    (POWERS, "concave", "sqrt(softplus(s)*t)", "t affine, softplus(s) convex", POSITIVE, "t s", False),
    (POWERS, "concave", "sqrt(softplus(s)*t)", "softplus(s) convex, t affine", POSITIVE, "t s", False),
    (POWERS, "convex", "1/(t*softplus(s))", "t affine, softplus(s) convex", POSITIVE, "t s", False),
    (POWERS, "convex", "1/(t*softplus(s))", "softplus(s) convex, t affine", POSITIVE, "t s", False),
    (POWERS, "convex", "1/(t*s)", "t affine, s affine", ["t >= 0", "s > 0"], "t s", False),
    # t log t − t log s, as two terms, within a sum, weighted; nothing else than t stands before the logarithm
    (PERSPECTIVE, "convex", "sum(x*log(x)) - sum(x*log(y))", "x affine, y affine", ["x > 0", "y > 0"], "x y", True),
    (PERSPECTIVE, "concave", "sum(x*log(x)) - sum(x*log(y))", "x affine, y affine", ["x > 0", "y > 0"], "x y", False),
    (PERSPECTIVE, "concave", "2*sum(x*log(y)) - 2*sum(x*log(x))", "x affine, y affine", ["x > 0", "y > 0"], "x y", True),
    (PERSPECTIVE, "convex", "2*sum(x*log(y)) - 2*sum(x*log(x))", "x affine, y affine", ["x > 0", "y > 0"], "x y", False),
    (PERSPECTIVE, "convex", "sum(x*(log(x) - log(y)))", "x affine, y affine", ["x > 0", "y > 0"], "x y", True),
    (PERSPECTIVE, "convex", "c @ (x*(log(x) - log(y)))", "x affine, y affine", ["x > 0", "y > 0", "c >= 0"], "x y", True),
    (PERSPECTIVE, "convex", "c @ (x*(log(x) - log(y)))", "x affine, y affine", ["x > 0", "y > 0"], "x y", False),
    (PERSPECTIVE, "convex", "sum(x*log(x)) - c @ log(y)", "x affine, y affine", ["x > 0", "y > 0", "c >= 0"], "x y", False),
    (PERSPECTIVE, "convex", "sum(x*log(x)) - 2*sum(x*log(y))", "x affine, y affine", ["x > 0", "y > 0"], "x y", False),
    (PERSPECTIVE, "convex", "sum(x*log(x)) + sum(x*log(y))", "x affine, y affine", ["x > 0", "y > 0"], "x y", False),
    # g² − max(|g| − δ, 0)² with δ ≥ 0 that doesn't move
    (HUBER, "convex", "t**2 - relu(abs(t) - 1)**2", "t affine", [], "t", True),
    (HUBER, "concave", "t**2 - relu(abs(t) - 1)**2", "t affine", [], "t", False),
    (HUBER, "convex", "3*sum(x**2) - 3*sum(relu(abs(x) - 1)**2)", "x affine", [], "x", True),
    (HUBER, "convex", "2*t**2 - relu(abs(t) - 1)**2", "t affine", [], "t", False),
    (HUBER, "convex", "t**2 - relu(abs(t) + 1)**2", "t affine", [], "t", False),
    (HUBER, "convex", "t**2 - relu(abs(t) - s**2)**2", "t affine", [], "t s", False),
    (HUBER, "convex", "t**2 - relu(abs(t) - s**2)**2", "t affine", [], "t", True),
    # functions of arrays, of a module, and of entries
    (OUTER, "convex", "logsumexp(x)", "x affine", [], "x", True),
    (OUTER, "convex", "logsumexp(x**2)", "x**2 convex", [], "x", False),
    (COMPOSED, "convex", "logsumexp(x**2)", "x**2 convex", [], "x", True),
    (COMPOSED, "convex", "logsumexp(x**2)", "x**2 concave", [], "x", False),
    (OUTER, "convex", "L(A @ x)", "A @ x affine", ["convex(L)"], "x", True),
    (OUTER, "concave", "L(A @ x)", "A @ x affine", ["convex(L)"], "x", False),
    (OUTER, "convex", "L(A @ x)", "A @ x affine", [], "x", False),
    (COMPOSED, "convex", "L(A @ x)", "A @ x convex", ["convex(L)"], "x", False),
    (COMPOSED, "convex", "exp(t**2)", "t**2 convex", [], "t", True),
    (COMPOSED, "convex", "exp(-t**2)", "-t**2 concave", [], "t", False),
    (COMPOSED, "convex", "-log(t)", "t concave", ["t > 0"], "t", False),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "relation", "text", "children", "assume", "wrt", "right"), ROWS)
def test_a_step_about_a_function(
    rule: str, relation: str, text: str, children: str, assume: list[str], wrt: str, right: bool
) -> None:
    """A right step is taken with its children in the order of the expression, a wrong one in none."""
    node, facts = step(rule, relation, text, children, assume, wrt)
    judge = judge_of(node, facts)
    orders = [ProofNode(**{**vars(node), "children": order}) for order in permutations(node.children)]
    assert any(follows(n, judge) for n in orders) == right


def test_a_fact_that_the_step_does_not_name_is_no_reason() -> None:
    node, facts = step(OUTER, "convex", "L(A @ x)", "A @ x affine", ["convex(L)"], "x")
    assert follows(node, judge_of(node, facts))
    silent = ProofNode(**{**vars(node), "facts": ()})
    assert not follows(silent, judge_of(node, facts))


# ---------------------------------------------------------------- entries and forms
def entries(expr: Expr, relation: str, rule: str, *children: ProofNode) -> ProofNode:
    return ProofNode(expr, "entries", relation, rule, children=children)


def is_taken(node: ProofNode) -> bool:
    return follows(node, judge_of(node, Facts()))


def test_entries_in_another_arrangement() -> None:
    """diag(v) has zeros beside its diagonal: ≥ 0 where v is, but not > 0; a transpose and a broadcast keep the sign."""
    diagonal, column, turned = view(x, "i", "ii"), view(x, "i", "ij", {"j": "m"}), view(A, "ij", "ji")
    for relation, strict in ((">", True), ("≥", False)):
        assert is_taken(entries(diagonal, relation, "name", entries(x, relation, "range"))) == (not strict)
        assert is_taken(entries(column, relation, "name", entries(x, relation, "range")))
        assert is_taken(entries(turned, relation, "name", entries(A, relation, "range")))
    assert not is_taken(entries(turned, "≥", "name", entries(B, "≥", "range")))
    assert not is_taken(entries(view(x, "i", ""), "≥", "name", entries(x, "≥", "range")))


def square(one: Expr, two: Expr) -> ProofNode:
    """Σ_k one_ki two_kj as a form in i and j, one factor as the image of the other."""
    e = contract((one, two), ("ki", "kj"), "ij")
    image = list(range(len(e.dims)))
    image[e.out[0]], image[e.out[1]] = e.out[1], e.out[0]
    first = next(k for k, ls in enumerate(e.labels) if e.out[0] in ls)
    return ProofNode(e, "matrix", "⪰", "square", (0,), (1,), detail={"mirror": Mirror(tuple(image), (), (first,))})


def test_a_square_has_one_factor_twice() -> None:
    assert is_taken(square(A, A))
    assert not is_taken(square(A, B))


@pytest.mark.parametrize(
    ("text", "rule", "other"),
    [("x @ P @ x", "quadratic form", "product"), ("sum(P*X)", "quadratic form", "product"), ("t*s", "product", "quadratic form")],
)
def test_a_scalar_that_has_matrices_is_a_quadratic_form(text: str, rule: str, other: str) -> None:
    assume = ["psd(P)", "psd(X)", *POSITIVE]
    e, facts = parsed(text, assume)
    proof = Definite(facts).prove(e, (), ())
    assert proof is not None
    if proof.rule == "range":
        kids = tuple(ProofNode(f, "entries", ">", "range") for f in e.kids)
        proof = ProofNode(e, "entries", ">", rule, children=kids, detail={"mirror": Mirror((), (Middle(0, (), ()), Middle(1, (), ())), ())})
    assert proof.rule == rule
    node = ProofNode(**{**vars(proof), "facts": tuple(assume)})
    assert follows(node, judge_of(node, facts))
    assert not follows(ProofNode(**{**vars(node), "rule": other}), judge_of(node, facts))


def test_the_rank_one_of_each_row() -> None:
    """diag(p) − p pᵀ of each row of a batch, p a softmax: ⪰ 0 by Σ p²/p = Σ p = 1."""
    u = symbol("U", ("k", N))
    e, facts = parse("p = softmax(U); einsum('ki,ij->kij', p, eye(n)) - einsum('ki,kj->kij', p, p)", {"U": "k n"}, [])[::2]
    assert e.shape == (*u.shape, N)
    proof = Definite(facts).prove(e, (1,), (2,))
    assert proof is not None
    nodes = list(proof.walk())
    assert "diagonal minus rank one" in {n.rule for n in nodes}
    judge = judge_of(proof, facts)
    assert all(follows(n, judge) for n in nodes)
    for node in nodes:
        if node.rule == "diagonal minus rank one":
            twice = {**node.detail, "v": add([(2, node.detail["v"])], node.detail["v"].shape)}
            assert not follows(ProofNode(**{**vars(node), "detail": twice}), judge)
            assert not follows(ProofNode(**{**vars(node), "relation": "≻"}), judge)


def test_an_odd_power_keeps_the_sign() -> None:
    for q, right in ((3, True), (2, False), (-1, True)):
        node = entries(power(x, q), "≤", "power", entries(x, "≤", "range"))
        assert is_taken(node) == right
    assert is_taken(entries(power(x, -1), ">", "power", entries(x, "≥", "range")))  # where it is defined
    assert not is_taken(entries(power(x, 3), ">", "power", entries(x, "≥", "range")))
    assert not is_taken(entries(apply("exp", x), "≥", "power", entries(x, "≥", "range")))


def test_the_square_root_of_the_diagonal_may_vanish_with_it() -> None:
    """diag(c) − √c √cᵀ/n ⪰ 0 for c ≥ 0: v²/d is 1 even where d is 0."""
    e, facts = parsed("diag(c) - outer(sqrt(c), sqrt(c))/n", ["c >= 0"])
    d, v, w = (parsed(text, ["c >= 0"])[0] for text in ("c", "sqrt(c)", "1/n"))
    child = ProofNode(d, "entries", "≥", "range")
    rank_one = {"children": (child,), "facts": ("c >= 0",), "detail": {"d": d, "v": v, "w": w}}
    node = ProofNode(e, "matrix", "⪰", "diagonal minus rank one", (0,), (1,), **rank_one)
    assert follows(node, judge_of(node, facts))
    wide = ProofNode(**{**vars(node), "expr": parsed("diag(c) - outer(sqrt(c), sqrt(c))", ["c >= 0"])[0]})
    assert not follows(ProofNode(**{**vars(wide), "detail": {"d": d, "v": v, "w": ONE}}), judge_of(node, facts))


def test_a_modulus_lies_below_the_second_derivative() -> None:
    """xᵀx has the Hessian 2I: it is strongly convex with 2I and I, and not with 3I, 0 or −I."""
    found = sd.curvature("x @ x", "x", x="n")
    assert found.proof is not None and found.proof.detail["modulus"] is not None
    identity = parse("eye(n)", {"x": "n"}, [])[0]
    judge = judge_of(found.proof, Facts())
    for times, right in ((2, True), (1, True), (3, False), (0, False), (-1, False)):
        modulus = scale(times, identity)
        node = ProofNode(**{**vars(found.proof), "detail": {**found.proof.detail, "modulus": modulus}})
        assert follows(node, judge) == right, times
