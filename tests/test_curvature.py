"""Certificates: every rule and template, what refutes them, and that no certificate is ever contradicted by an eigenvalue."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from symderiv.build import add, contract, number, power, scale, symbol
from symderiv.certificates import (
    Certificate,
    Curvature,
    ProofNode,
    certify,
    check_proof,
    curvature_of,
    curvature_of_hessian,
)
from symderiv.certificates.definite import Definite
from symderiv.certificates.proof import LAWS
from symderiv.errors import ShapeError
from symderiv.facts import Facts
from symderiv.frontend.inputs import parse
from symderiv.functions import interval
from symderiv.intervals import Intervals
from symderiv.ir import Expr, Symbol
from symderiv.proving.numeric.definite import spectrum


def certificate_of(text: str, assume: Any = None, symmetric: bool = False) -> Certificate:
    matrix, _, facts = parse(text, M, assume)
    return certify(matrix, facts, symmetric=symmetric)


def curvature_of_text(text: str, variable: str, assume: Any = None, **shapes: str) -> tuple[Curvature, Facts]:
    f, environment, facts = parse(text, shapes, assume)
    wrt = environment.symbols[variable]
    assert isinstance(wrt, Symbol)
    return curvature_of(f, wrt, facts), facts


M = {
    "A": "m n",
    "P": "m m",
    "Q": "n n",
    "S": "n n",
    "u": "n",
    "v": "n",
    "x": "n",
    "y": "n",
    "z": "n",
    "W": "o n",
    "t": "o",
    "X": "m n",
    "w": "n",
    "c": "",
}
J = "(diag(softmax(u)) - outer(softmax(u), softmax(u)))"
CERTIFIED = [
    ("eye(n)", None, "psd", True, "diagonal"),
    ("diag(v)", "v > 0", "psd", True, "diagonal"),
    ("diag(v)", "v >= 0", "psd", False, "diagonal"),
    ("diag(v)", "v < 0", "nsd", True, "diagonal"),
    ("diag(1 - tanh(z)**2)", None, "psd", True, "diagonal"),
    ("outer(v, v)", None, "psd", False, "outer square"),
    ("A.T @ A", None, "psd", False, "square"),
    ("-A.T @ A", None, "nsd", False, "scaling"),
    ("A.T @ P @ A", "psd(P)", "psd", False, "congruence"),
    ("A.T @ inv(P) @ A + 2*Q", ["pd(P)", "psd(Q)"], "psd", False, "sum"),
    ("A.T @ A + Q", "pd(Q)", "psd", True, "sum"),
    ("inv(Q)", "pd(Q)", "psd", True, "inverse"),
    ("Q*S", ["pd(Q)", "pd(S)"], "psd", True, "Schur product"),
    ("Q*exp(S)", ["psd(Q)", "psd(S)"], "psd", False, "Schur product"),
    ("einsum('ik,jl->ijkl', P, Q)", ["pd(P)", "pd(Q)"], "psd", True, "Kronecker product"),
    ("einsum('i,j,k,l->ijkl', x, v, x, v)", None, "psd", False, "outer square"),
    ("(x @ Q @ x)*S", ["psd(Q)", "psd(S)"], "psd", False, "congruence"),
    ("c**2*S", "psd(S)", "psd", False, "weighting"),
    ("X.T @ diag(sigmoid(X @ w)*(1 - sigmoid(X @ w))) @ X", None, "psd", False, "weighted sum of squares"),
    (J, None, "psd", False, "diagonal minus rank one"),
    (f"-{J}", None, "nsd", False, "diagonal minus rank one"),
    ("diag(y) - outer(y, y)/sum(y)", "y >= 0", "psd", False, "diagonal minus rank one"),
    ("diag(y) - outer(y, y)", "onehot(y)", "psd", False, "diagonal minus rank one"),
    ("diag(y) - outer(y, y)", ["y > 0", "sum(y) == 1"], "psd", False, "diagonal minus rank one"),
    ("2*diag(y) - outer(y, y)", ["y > 0", "sum(y) == 1"], "psd", True, "diagonal minus rank one"),
    ("sum(y)*" + J, "y >= 0", "psd", False, "weighting"),
    ("W @ " + J + " @ W.T", None, "psd", False, "congruence"),
    ("eye(n) - ones((n, n))/n", None, "psd", False, "diagonal minus rank one"),
    ("eye(n)/norm(x) - outer(x, x)/norm(x)**3", None, "psd", False, "diagonal minus rank one"),
    ("0*Q", None, "psd", False, "zero"),
    ("diag(y) - outer(y, y)/(c + sum(y))", ["y > 0", "c > 0"], "psd", True, "diagonal minus rank one"),
    ("diag(y) - outer(y, y)/(c + sum(y))", ["y >= 0", "c > 0"], "psd", False, "diagonal minus rank one"),
]


@pytest.mark.parametrize(("text", "assume", "verdict", "strict", "rule"), CERTIFIED, ids=lambda v: str(v)[:60])
def test_certified(text: str, assume: Any, verdict: str, strict: bool, rule: str) -> None:
    found = certificate_of(text, assume)
    assert (found.verdict, found.strict) == (verdict, strict)
    assert found.proof is not None
    assert rule in {n.rule for n in found.proof.walk()}
    assert check_proof(found.proof, found.facts)
    given = [assume] if isinstance(assume, str) else assume or []
    assert set(found.assumptions) <= set(given)
    assert found.proof.text()
    assert all(n.law for n in found.proof.walk())


@pytest.mark.parametrize(
    ("text", "assume"),
    [
        ("diag(v)", None),
        ("Q - S", ["psd(Q)", "psd(S)"]),
        ("outer(u, v) + outer(v, u)", None),
        ("A.T @ P @ A", None),
        ("diag(y) - outer(y, y)", "y >= 0"),
        ("sum(y)*" + J, None),
        ("einsum('il,jk->ijkl', Q, Q)", "pd(Q)"),
        ("Q @ S + S @ Q", ["pd(Q)", "pd(S)"]),
        ("eye(n) - outer(x, x)", None),
        ("diag(sin(z))", None),
        ("diag(y) - outer(y, y)/(c + sum(y)/2)", ["y > 0", "c > 0"]),  # s ≥ 1ᵀy is needed
    ],
)
def test_indefinite(text: str, assume: Any) -> None:
    found = certificate_of(text, assume)
    assert found.verdict == "indefinite"
    assert found.proof is None
    assert found.counterexample is not None
    assert found.positive is not None
    assert found.counterexample.value < 0 < found.positive.value
    assert found.counterexample.direction is not None


def test_unknown_says_what_was_seen() -> None:
    found = certificate_of("Q @ Q", "symmetric(Q)")
    assert found.verdict in ("psd", "unknown")  # Q Q = Qᵀ Q
    found = certificate_of("diag(y) - outer(y, y)/2", ["y > 0", "y < 1"])
    assert found.verdict in ("unknown", "indefinite")
    assert found.undecided is not None or found.counterexample is not None


def test_symmetric_directions() -> None:
    assert certificate_of("einsum('il,jk->ijkl', Q, Q)", "pd(Q)", symmetric=True).verdict == "psd"
    assert certificate_of("einsum('il,jk->ijkl', Q, Q)", "pd(Q)").verdict == "indefinite"


def test_shapes() -> None:
    with pytest.raises(ShapeError):
        certificate_of("A")


# ---------------------------------------------------------------- functions
FUNCTIONS = [
    ("logsumexp(u)", "u", None, "convex", M),
    ("log(1 + sum(exp(S @ x + v)))", "x", None, "convex", M),  # a class of reference
    ("sum(log(1 + sum(exp(X @ U), axis=1)))", "U", None, "convex", M | {"U": "n k"}),
    ("-t @ log_softmax(W @ x)", "W", "sum(t) == 1", "convex", M),
    ("-t @ log_softmax(W @ x)", "W", None, "neither", M),
    ("t @ log_softmax(W @ x)", "x", "t >= 0", "concave", M),
    ("sum(log(1 + exp(-y*(S @ w))))", "w", "y**2 == 1", "convex", M),
    ("sum((X @ w - t)**2) + c*sum(w**2)", "w", "c > 0", "convex", M | {"t": "m"}),
    ("sum((A @ V.T - X)**2)", "A", None, "convex", {"A": "m k", "V": "n k", "X": "m n"}),
    ("sum((U @ V.T - T)**2)", "U", None, "convex", {"U": "m k", "V": "n k", "T": "m n"}),
    ("norm(S @ x - v)", "x", None, "convex", M),
    ("sum(abs(x)) + sum(relu(1 - v*x))", "x", None, "convex", M),
    ("-max(S @ x)", "x", None, "concave", M),
    ("v @ x + 3", "x", None, "affine", M),
    ("relu(c)", "c", None, "convex", M),
    ("sum(relu(x) - abs(x) + x**3)", "x", None, "neither", M),
    ("x @ Q @ x", "x", "psd(Q)", "convex", M),
    ("x @ Q @ x", "x", None, "neither", M),
    ("logdet(Q)", "Q", "pd(Q)", "concave", M),
    ("logdet(Q)", "Q", None, "neither", M),
    ("trace(inv(Q))", "Q", "pd(Q)", "convex", M),
    ("-sum(x*log(x))", "x", "x > 0", "concave", M),
    ("sum(x**4 - x**2)", "x", None, "neither", M),
    ("sum((sigmoid(u) - y)**2)", "u", None, "neither", M),
    ("L(S @ x + v)", "x", "convex(L)", "convex", M | {"L": "n -> "}),
    ("sum(f(S @ x))", "x", "concave(f)", "concave", M | {"f": "elementwise"}),
    ("sum(f(S @ x))", "x", None, "neither", M | {"f": "elementwise"}),
]


@pytest.mark.parametrize(("text", "variable", "assume", "verdict", "shapes"), FUNCTIONS, ids=lambda v: str(v)[:50])
def test_functions(text: str, variable: str, assume: Any, verdict: str, shapes: dict[str, str]) -> None:
    found, facts = curvature_of_text(text, variable, assume, **shapes)
    assert found.verdict == verdict
    if verdict == "neither":
        assert found.counterexample is not None
        assert found.positive is not None
    else:
        assert found.proof is not None
        assert check_proof(found.proof, facts)


def test_facts_used_are_listed() -> None:
    assert curvature_of_text("sum(f(S @ x))", "x", ["convex(f)", "v > 0"], **M, f="elementwise")[0].assumptions == (
        "convex(f)",
    )
    assert "sum(t) == 1" in curvature_of_text("-t @ log_softmax(W @ x)", "W", "sum(t) == 1", **M)[0].assumptions


def test_a_pole_is_mentioned() -> None:
    found, _ = curvature_of_text("sum(1/x**2)", "x", **M)
    assert found.verdict == "convex"
    assert found.assumptions == ("on convex sets where it is defined",)


@pytest.mark.parametrize("text", ["relu(c)", "abs(c)", "hardtanh(c)", "c*heaviside(c)", "relu(c) - abs(c)"])
def test_a_kink_is_never_affine(text: str) -> None:
    """The Hessian of relu is zero wherever it exists, which says nothing."""
    assert curvature_of_text(text, "c", **M)[0].verdict != "affine"


def test_hessian_alone() -> None:
    x = symbol("x", ("n",))
    assert curvature_of_hessian(contract((power(x, 2),), (("i",),), ("i", "i"))).verdict == "convex"
    zero_by_prove = add(
        [(1, contract((x,), (("i",),), ("i", "i"))), (-1, contract((x,), (("i",),), ("i", "i")))], ("n", "n")
    )
    assert curvature_of_hessian(zero_by_prove).verdict == "affine"


# ---------------------------------------------------------------- soundness
def _vector(rng: random.Random, depth: int) -> str:
    if depth == 0:
        return rng.choice(["x", "y", "v", "softmax(x)", "S @ x", "Q @ v"])
    a = _vector(rng, depth - 1)
    return rng.choice(
        [
            f"tanh({a})",
            f"sigmoid({a})",
            f"exp({a})",
            f"({a})**2",
            f"(1 - sigmoid({a}))",
            f"({a})*({_vector(rng, 0)})",
            f"(1 - tanh({a})**2)",
            f"abs({a})",
            f"sqrt(exp({a}))",
            f"softplus({a})",
            f"-({a})",
            f"({a})**3",
            f"cos({a})",
        ]
    )


def _matrix(rng: random.Random, depth: int) -> str:
    if depth == 0:
        d = _vector(rng, rng.randrange(3))
        return rng.choice(
            [
                f"diag({d})",
                f"outer({d}, {d})",
                "Q",
                "S",
                "inv(S)",
                f"diag({d}) - outer({d}, {d})",
                "A.T @ A",
                "Q*S",
                f"sum({d})*diag({d}) - outer({d}, {d})",
                "eye(n)",
                f"diag({d}) - outer({d}, {d})/sum({d})",
                "exp(Q)",
                "Q @ S",
                "Q.T @ Q",
                "outer(x, y)",
            ]
        )
    a, b = _matrix(rng, depth - 1), _matrix(rng, rng.randrange(depth))
    return rng.choice(
        [
            f"(({a}) + ({b}))",
            f"(({a}) - ({b}))",
            f"(({a})*({b}))",
            f"(Q @ ({a}) @ Q.T)",
            f"(S @ ({a}) @ S)",
            f"-({a})",
            f"(x @ ({a}) @ x)*({b})",
            f"diag(diag({a}))",
            f"sum({_vector(rng, 1)})*({a})",
        ]
    )


@pytest.mark.parametrize("seed", range(12))
def test_no_certificate_is_contradicted(seed: int) -> None:
    """Random forms under facts: what is certified has the sign at every random point; proofs check."""
    rng = random.Random(seed)
    certified = 0
    for _ in range(40):
        text = _matrix(rng, rng.randrange(3))
        assume = rng.choice(
            [["psd(Q)", "pd(S)"], ["pd(S)", "x > 0"], ["pd(S)", "y >= 0", "sum(y) == 1"], ["pd(S)", "onehot(y)"]]
        )
        if "psd(Q)" not in assume and "exp(Q)" in text:
            continue
        matrix, _, facts = parse(text, M, assume)
        try:
            search = Definite(facts)
            for sign in (1, -1):
                proof = search.prove(matrix, (0,), (1,), sign)
                if proof is not None:
                    certified += 1
                    found = spectrum(matrix, (0,), (1,), facts, 6, seed)
                    end = found.least if sign > 0 else found.most
                    assert end is None or sign * end.relative >= -1e-9, (text, assume, proof.text())
                    if proof.strict and end is not None and abs(end.relative) > 1e-6:
                        assert sign * end.value > 0
        except RecursionError:
            pytest.fail(text)
    assert certified > 5


@pytest.mark.parametrize("seed", range(8))
def test_intervals_hold_every_entry(seed: int) -> None:
    rng = random.Random(100 + seed)
    for _ in range(40):
        text = _vector(rng, rng.randrange(4))
        assume = rng.choice(
            [["x > 0"], ["y >= 0", "sum(y) == 1"], ["onehot(y)"], ["x < 0"], ["v**2 == 1"], ["1 - x >= 0", "x >= 0"]]
        )
        node, _, facts = parse(text, M, assume)
        where = Intervals(facts).of(node)
        found = spectrum(node, (), (), facts, 5, seed)
        if found.least is not None and found.most is not None:
            slack = 1e-9 * (1 + abs(found.most.value) + abs(found.least.value))
            assert where.lo is None or found.least.value >= where.lo - slack, (text, assume, where)
            assert where.hi is None or found.most.value <= where.hi + slack, (text, assume, where)


@pytest.mark.parametrize(
    ("text", "assume", "expected"),
    [
        ("x/sum(x)", "x > 0", "(0, oo)"),
        ("1/(1 + exp(x))", None, "(0, 1)"),
        ("1 - tanh(x)**2", None, "(0, 1]"),
        ("y", ["y >= 0", "sum(y) == 1"], "[0, 1]"),
        ("x**3", "x < 0", "(-oo, 0)"),
        ("2 - v", "v**2 == 1", "[1, 3]"),
    ],
)
def test_intervals(text: str, assume: Any, expected: str) -> None:
    node, _, facts = parse(text, M, assume)
    assert Intervals(facts).of(node) == interval(expected)


# ---------------------------------------------------------------- planted faults
def _replace_leaf(tree: ProofNode, change: Any) -> ProofNode:
    if not tree.children:
        return change(tree)
    return replace(tree, children=(_replace_leaf(tree.children[0], change), *tree.children[1:]))


@pytest.mark.parametrize(
    "change",
    [
        lambda n: replace(n, relation="<"),
        lambda n: replace(n, expr=scale(-1, n.expr)),
        lambda n: replace(n, rule="sum"),
        lambda n: replace(n, rule="fact", facts=()),
    ],
)
def test_checker_sees_planted_faults(change: Any) -> None:
    found = certificate_of("X.T @ diag(sigmoid(X @ w)*(1 - sigmoid(X @ w))) @ X")
    assert found.proof is not None
    assert check_proof(found.proof, found.facts)
    assert not check_proof(_replace_leaf(found.proof, change), found.facts)


def test_checker_sees_a_false_root() -> None:
    found = certificate_of(J)
    assert found.proof is not None
    assert not check_proof(replace(found.proof, relation="⪯"), found.facts)
    assert not check_proof(replace(found.proof, expr=scale(2, found.proof.expr)), found.facts)
    false = ProofNode(parse("Q", M)[0], "matrix", "⪰", "range", (0,), (1,))
    assert not check_proof(false, Facts())


def test_a_false_rule_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With "every entry is ≥ 0" planted, diag(v) is certified, and the check says no."""
    monkeypatch.setattr(Intervals, "of", lambda self, node: interval("[0, oo)"))
    found = certificate_of("diag(v)")
    assert found.verdict == "psd"
    assert found.proof is not None
    assert not check_proof(found.proof, found.facts)


def test_laws_are_latex() -> None:
    assert all(law and "\n" not in law for law in LAWS.values())
    assert isinstance(number(1), Expr)
