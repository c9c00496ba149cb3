"""prove: identities that must be proved, near misses that must never be, and what refutes or checks the rest."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from typing import Any

import pytest

from symderiv.build import add, der, ones, permute, scale, substitute
from symderiv.errors import ShapeError
from symderiv.frontend.inputs import parse
from symderiv.ir import Add, Call, Contract, Expr, Symbol, postorder
from symderiv.proving.forms import Forms
from symderiv.proving.show import proves
from symderiv.proving.terms import GiveUp, to_expr
from symderiv.verdicts import Verdict, prove_exprs
from symderiv.verify import same_value

Claim = tuple[str, str, dict[str, str], Any]


def claim(lhs: str, rhs: str, assume: Any = None, **shapes: str) -> Verdict:
    left, _, facts = parse(lhs, shapes, assume)
    return prove_exprs(left, parse(rhs, shapes, assume)[0], facts)


def sides(row: Claim) -> tuple[Expr, Expr, Any]:
    lhs, rhs, shapes, assume = row
    left, _, facts = parse(lhs, shapes, assume)
    return left, parse(rhs, shapes, assume)[0], facts


V = {"x": "n", "y": "n", "a": "n", "b": "n", "u": "n", "c": ""}
M = {"A": "n n", "B": "n n", "Q": "n n", "D": "n n", "S": "n n", "x": "n", "u": "n", "v": "n"}
R = {"A": "m n", "B": "p q", "C": "n r", "D": "q s", "X": "q n", "u": "m", "v": "n", "w": "n", "Z": "m n", "y": "m"}


def sizes_for(row: Claim) -> dict[str, int] | None:
    """Zᵀ Z has an inverse only where Z has more rows than columns."""
    return {"m": 5, "n": 3} if "Z.T @ Z)" in row[0] else None


ELEMENTWISE: list[Claim] = [
    (lhs, rhs, V, assume)
    for lhs, rhs, assume in [
        ("tanh(x)", "2*sigmoid(2*x) - 1", None),
        ("tanh(x/2)", "2*sigmoid(x) - 1", None),
        ("sigmoid(-x)", "1 - sigmoid(x)", None),
        ("exp(-x)/(1 + exp(-x))**2", "sigmoid(x)*(1 - sigmoid(x))", None),
        ("1/(2 + exp(x) + exp(-x))", "sigmoid(x)*(1 - sigmoid(x))", None),
        ("(1 - tanh(x/2)**2)/4", "sigmoid(x)*sigmoid(-x)", None),
        ("softplus(x)", "x + softplus(-x)", None),
        ("log_sigmoid(x)", "-softplus(-x)", None),
        ("log(1 + tanh(x))", "log(2) + x - log(2*cosh(x))", None),
        ("logcosh(x)", "softplus(2*x) - x - log(2)", None),
        ("atanh(tanh(x))", "x", None),
        ("asinh(sinh(x))", "x", None),
        ("cosh(x)**2 - sinh(x)**2", "1 + 0*x", None),
        ("tanh(x + y)", "(tanh(x) + tanh(y))/(1 + tanh(x)*tanh(y))", None),
        ("sum(a*tanh(x + y))", "sum(a*(tanh(x) + tanh(y))/(1 + tanh(x)*tanh(y)))", None),
        ("mish(x)", "x*((1 + exp(x))**2 - 1)/((1 + exp(x))**2 + 1)", None),
        ("gelu(x) - gelu(-x)", "x", None),
        ("elu(x)", "relu(x) + exp(-relu(-x)) - 1", None),
        ("relu(x) - relu(-x)", "x", None),
        ("relu(x) + relu(-x)", "abs(x)", None),
        ("abs(x)**2", "x**2", None),
        ("sqrt(x**2)", "abs(x)", None),
        ("sqrt(x**2)", "x", "x > 0"),
        ("sqrt(x*y)", "sqrt(x)*sqrt(y)", "x > 0, y > 0"),
        ("sqrt(x)**2", "x", None),
        ("log(x*y)", "log(x) + log(y)", "x > 0, y > 0"),
        ("log(x**2)", "2*log(x)", "x > 0"),
        ("exp(log(x))", "x", "x > 0"),
        ("exp(a + b)**2/exp(2*a)", "exp(2*b)", None),
        ("exp(1)**2", "e**2", None),
        ("sin(x)**2 + cos(x)**2", "1 + 0*x", None),
        ("sin(2*x)", "2*sin(x)*cos(x)", None),
        ("cos(x + y)", "cos(x)*cos(y) - sin(x)*sin(y)", None),
        ("1 + tan(x)**2", "1/cos(x)**2", None),
        ("sigmoid(a)*(1 - sigmoid(a))", "sigmoid(a*b)*(1 - sigmoid(a*b))", "b**2 == 1"),
        ("sum(x*sigmoid(y)*sigmoid(-y))", "sum(x*(sigmoid(y) - sigmoid(y)**2))", None),
        ("(a + b)*(a - b)", "a**2 - b**2", None),
        ("(a + b)**12", "(b + a)**12", None),
        ("var(x)", "mean(x**2) - mean(x)**2", None),
        ("layer_norm(x + c)", "layer_norm(x)", None),
        ("normalize(3*x)", "normalize(x)", None),
        ("x/norm(x)/norm(x)", "x/sum(x**2)", None),
    ]
]
SOFTMAX: list[Claim] = [
    (lhs, rhs, V | {"U": "m n", "t": "m"}, assume)
    for lhs, rhs, assume in [
        ("softmax(u + c)", "softmax(u)", None),
        ("sum(softmax(u))", "1", None),
        ("(diag(softmax(u)) - outer(softmax(u), softmax(u))) @ ones(n)", "0*u", None),
        ("logsumexp(u + c)", "logsumexp(u) + c", None),
        ("log_softmax(u)", "log(softmax(u))", None),
        ("log_softmax(u)", "u - logsumexp(u)", None),
        ("log_softmax(u)", "log(exp(u)/sum(exp(u)))", None),
        ("softmax(u) @ softmax(u)", "sum(exp(2*u))/sum(exp(u))**2", None),
        ("-sum(log(softmax(u))*y)", "logsumexp(u) - y @ u", "sum(y) == 1"),
        ("-sum(log(softmax(u))*y)", "logsumexp(u) - y @ u", "onehot(y)"),
        ("softmax(U, axis=1) @ ones(n)", "ones(m)", None),
        ("softmax(U + t[:, None], axis=1)", "softmax(U, axis=1)", None),
        ("outer(y, y)", "diag(y)", "onehot(y)"),
    ]
]
MATRICES: list[Claim] = [
    (lhs, rhs, M, assume)
    for lhs, rhs, assume in [
        ("trace(A @ B)", "trace(B @ A)", None),
        ("trace(A @ B @ S)", "trace(S.T @ B.T @ A.T)", None),
        ("(A + B) @ (A - B)", "A @ A - A @ B + B @ A - B @ B", None),
        ("x @ A @ x", "x @ ((A + A.T)/2) @ x", None),
        ("sum((Q @ x)**2)", "sum(x**2)", "orthogonal(Q)"),
        ("norm(Q @ x)", "norm(x)", "orthogonal(Q)"),
        ("inv(Q)", "Q.T", "orthogonal(Q)"),
        ("logdet(Q)", "0", "orthogonal(Q)"),
        ("inv(D) @ D", "eye(n)", "diagonal(D)"),
        ("trace(D @ A)", "sum(diag(D)*diag(A))", "diagonal(D)"),
        ("A", "A.T", "symmetric(A)"),
        ("log(det(S))", "logdet(S)", "pd(S)"),
        ("logdet(A @ B)", "logdet(A) + logdet(B)", None),
        ("log(det(A @ B))", "log(det(A)) + log(det(B))", "det(A) > 0, det(B) > 0"),
        ("det(A @ B)", "det(A)*det(B)", None),
        ("det(inv(A))", "1/det(A)", None),
        ("det(A.T)", "det(A)", None),
        ("inv(A @ B)", "inv(B) @ inv(A)", None),
        ("inv(A.T)", "inv(A).T", None),
        ("inv(2*A)", "inv(A)/2", None),
        ("trace(inv(A) @ A)", "n", None),
        ("inv(A) - inv(B)", "inv(A) @ (B - A) @ inv(B)", None),
        ("inv(A + B)", "inv(A) - inv(A) @ inv(inv(A) + inv(B)) @ inv(A)", None),
        ("inv(A + B)", "inv(A) @ inv(inv(A) + inv(B)) @ inv(B)", None),
        ("inv(A + outer(u, v))", "inv(A) - inv(A) @ outer(u, v) @ inv(A)/(1 + v @ inv(A) @ u)", None),
    ]
]
SHAPED: list[Claim] = [
    (
        "inv(A + U @ C @ V)",
        "inv(A) - inv(A) @ U @ inv(inv(C) + V @ inv(A) @ U) @ V @ inv(A)",
        {"A": "n n", "U": "n k", "C": "k k", "V": "k n"},
        None,
    ),
    (
        "inv(A + U @ V)",
        "inv(A) - inv(A) @ U @ inv(eye(k) + V @ inv(A) @ U) @ V @ inv(A)",
        {"A": "n n", "U": "n k", "V": "k n"},
        None,
    ),
    ("inv(eye(n) + U @ V) @ U", "U @ inv(eye(k) + V @ U)", {"U": "n k", "V": "k n"}, None),
    ("inv(Z.T @ Z) @ Z.T @ Z", "eye(n)", R, None),
    ("trace(Z @ inv(Z.T @ Z) @ Z.T)", "n", R, None),
    ("sum((Z @ w - y)**2)", "w @ Z.T @ Z @ w - 2*y @ Z @ w + y @ y", R, None),
    ("det(2*A)", "8*det(A)", {"A": "3 3"}, None),
    ("kron(A, B) @ kron(C, D)", "kron(A @ C, B @ D)", R, None),
    ("kron(A, B).T", "kron(A.T, B.T)", R, None),
    ("kron(A, B) @ vec(X)", "vec(B @ X @ A.T)", R, None),
    ("vec(outer(u, v))", "kron(v, u)", R, None),
    ("trace(A.T @ Z)", "vec(A) @ vec(Z)", R, None),
    ("inv(kron(A, B))", "kron(inv(A), inv(B))", {"A": "m m", "B": "p p"}, None),
    ("trace(kron(A, B))", "trace(A)*trace(B)", {"A": "m m", "B": "p p"}, None),
    ("logdet(kron(A, B))", "p*logdet(A) + m*logdet(B)", {"A": "m m", "B": "p p"}, None),
    ("N(2*x + x) + f(x*x)", "f(x**2) + N(3*x)", {"N": "n -> n", "f": "elementwise", "x": "n"}, None),
]
K = {"A": "n n", "B": "m m", "C": "n n", "X": "n m", "U": "n k", "V": "k n", "W": "k k", "d": "n", "e": "n", "u": "n", "v": "n",
     "x": "n", "b": "n", "a": "", "c": ""}  # fmt: skip
SCALED: list[Claim] = [
    (lhs, rhs, {name: shape for name, shape in K.items() if f"{name}" in re.findall(r"\w+", f"{lhs} {rhs} {assume}")}, assume)
    for lhs, rhs, assume in [
        ("det(c*A)", "c**n*det(A)", None),
        ("det(A/2)", "det(A)/2**n", None),
        ("det(a*eye(n) + outer(u, v))", "a**(n - 1)*(a + v @ u)", "a > 0"),
        ("det(diag(d) + outer(u, v))", "prod(d)*(1 + sum(u*v/d))", None),
        ("det(diag(d) @ A @ diag(e))", "prod(d*e)*det(A)", None),
        ("det(diag(x) + eye(n))", "prod(1 + x)", None),
        ("logdet(diag(d) @ A)", "sum(log(abs(d))) + logdet(A)", None),
        ("logdet(a*eye(n) + X @ X.T)", "(n - m)*log(a) + logdet(a*eye(m) + X.T @ X)", "a > 0"),
        ("det(kron(A, B))", "det(A)**m*det(B)**n", "det(A) > 0, det(B) > 0"),
        ("prod(u*v)", "prod(u)*prod(v)", None),
        ("prod(2/u)", "2**n/prod(u)", None),
        ("norm(c*x)", "abs(c)*norm(x)", None),
        ("c*x/norm(c*x)", "x/norm(x)", "c > 0"),
        ("relu(c*x)", "c*relu(x)", "c > 0"),
        ("solve(A + outer(u, v), b)", "solve(A, b) - solve(A, u)*(v @ solve(A, b))/(1 + v @ solve(A, u))", None),
        ("solve(A + U @ V, b)", "solve(A, b) - solve(A, U @ solve(eye(k) + V @ solve(A, U), V @ solve(A, b)))", None),
        ("inv(A + U @ inv(W) @ V)", "inv(A) - inv(A) @ U @ inv(W + V @ inv(A) @ U) @ V @ inv(A)", None),
        ("inv(A - outer(u, u))", "inv(A) + outer(inv(A) @ u, inv(A) @ u)/(1 - u @ inv(A) @ u)", "symmetric(A)"),
        ("inv(diag(d) + outer(u, v))", "diag(1/d) - outer(u/d, v/d)/(1 + v @ (u/d))", None),
        ("inv(inv(A) + inv(C))", "A @ inv(A + C) @ C", None),
        ("det(A)*det(B - X.T @ inv(A) @ X)", "det(B)*det(A - X @ inv(B) @ X.T)", None),
    ]
]
PROVED = ELEMENTWISE + SOFTMAX + MATRICES + SHAPED + SCALED


@pytest.mark.parametrize("row", PROVED, ids=lambda row: f"{row[0]} == {row[1]}")
def test_proved(row: Claim) -> None:
    left, right, facts = sides(row)
    verdict = prove_exprs(left, right, facts)
    assert verdict.status == "proved", verdict
    assert verdict
    assert same_value(left, right, facts, trials=4, sizes=sizes_for(row)).verdict == "checked"


CONDITIONAL: list[Claim] = [
    (lhs, rhs, {**M, "y": "n", "c": ""}, assume)
    for lhs, rhs, assume in [
        ("log(x**2)", "2*log(x)", "x > 0"),
        ("log(x*y)", "log(x) + log(y)", "x > 0, y > 0"),
        ("sqrt(x*y)", "sqrt(x)*sqrt(y)", "x > 0, y > 0"),
        ("exp(log(x))", "x", "x > 0"),
        ("log(det(A @ B))", "log(det(A)) + log(det(B))", "pd(A), pd(B)"),
        ("sum(log(x/y))", "sum(log(x)) - sum(log(y))", "x > 0, y > 0"),
    ]
]
"""Equal where both sides have a value, which isn't everywhere where one of them has."""


@pytest.mark.parametrize("row", CONDITIONAL, ids=lambda row: row[0])
def test_what_holds_only_where_both_sides_are_defined_is_proved_under_that_assumption_alone(row: Claim) -> None:
    left, right, facts = sides(row)
    assert prove_exprs(left, right, facts).status == "proved"
    open_verdict = prove_exprs(left, right)
    assert open_verdict.status == "checked"
    assert "equal wherever both sides are defined" in open_verdict.reason
    assert "assume what both need" in open_verdict.reason


def test_the_side_that_ends_is_told() -> None:
    assert claim("log(c**2)", "2*log(c)", c="").reason == (
        "one normal form, so equal wherever both sides are defined; but at c = −2.56 the right side has no value: assume what both need"
    )


@pytest.mark.parametrize(
    ("lhs", "rhs", "assume", "used"),
    [
        ("sqrt(x**2)", "x", ["x > 0", "y > 0"], ("x > 0",)),
        ("sum(y)*sum(x)", "sum(x)", ["sum(y) == 1", "x > 0"], ("sum(y) == 1",)),
    ],
)
def test_assumptions_used(lhs: str, rhs: str, assume: list[str], used: tuple[str, ...]) -> None:
    assert claim(lhs, rhs, assume, x="n", y="n").assumptions == used


@pytest.mark.parametrize(
    ("f", "wrt", "result", "assume", "shapes"),
    [
        ("softmax(u)", "u", "diag(softmax(u)) - outer(softmax(u), softmax(u))", None, V),
        ("logsumexp(u)", "u u", "diag(softmax(u)) - outer(softmax(u), softmax(u))", None, V),
        ("sigmoid(x)", "x", "diag(exp(-x)/(1 + exp(-x))**2)", None, V),
        ("x/norm(x)", "x", "eye(n)/norm(x) - outer(x, x)/norm(x)**3", None, V),
        ("sum((Z @ w - y)**2)", "w", "2*Z.T @ (Z @ w - y)", None, R),
        ("logdet(A)", "A", "inv(A).T", None, M),
        ("trace(inv(A) @ B)", "A", "-(inv(A) @ B @ inv(A)).T", None, M),
        (
            "-y @ log(softmax(W2 @ tanh(W1 @ x + b)))",
            "W1",
            "outer((W2.T @ (softmax(W2 @ tanh(W1 @ x + b)) - y))*(1 - tanh(W1 @ x + b)**2), x)",
            "sum(y) == 1",
            {"W1": "h n", "x": "n", "b": "h", "W2": "o h", "y": "o"},
        ),
    ],
)
def test_derivatives_proved(f: str, wrt: str, result: str, assume: Any, shapes: dict[str, str]) -> None:
    hole, environment, facts = parse(f, shapes, assume)
    for name in wrt.split():
        variable = environment.lookup(name)
        assert variable is not None
        hole = der(hole, variable)
    assert prove_exprs(hole, parse(result, shapes)[0], facts).status == "proved"


# ---------------------------------------------------------------- never anything false
@pytest.mark.parametrize(
    ("lhs", "rhs", "assume"),
    [
        ("sqrt(x**2)", "x", None),
        ("A @ B", "B @ A", None),
        ("A", "A.T", None),
        ("tanh(x)", "2*sigmoid(2*x) - 1 + 1/1000000", None),
        ("sigmoid(x)", "1 - sigmoid(x)", None),
        ("x @ A @ x", "x @ A @ u", None),
        ("-sum(log(softmax(u))*x)", "logsumexp(u) - x @ u", None),
        ("inv(A + outer(u, v))", "inv(A) - inv(A) @ outer(v, u) @ inv(A)/(1 + v @ inv(A) @ u)", None),
        ("inv(A @ B)", "inv(A) @ inv(B)", None),
        ("det(2*A)", "8*det(A)", None),
        ("outer(x, x)", "diag(x)", None),
        ("sum((Q @ x)**2)", "sum(x**2)", None),
        ("trace(A @ B @ S)", "trace(B @ A @ S)", None),
        ("heaviside(x) + heaviside(-x)", "1 + 0*x", None),
        ("softmax(2*u)", "softmax(u)", None),
        ("kron(A, B)", "kron(B, A)", None),
        ("atan(tan(x))", "x", None),
        ("atan(x) + atan(1/x)", "pi/2 + 0*x", None),
        ("abs(x)", "x", None),
        ("abs(x)**3", "x**3", None),
        ("relu(x)**2", "relu(x**2)", None),
        ("sign(x)**2", "1 + 0*x", None),
        ("where(x > 0, 1, 0) + where(x < 0, 1, 0)", "1 + 0*x", None),
        ("maximum(x, u)", "(x + u - abs(x - u))/2", None),
        ("softmax(-x)", "1 - softmax(x)", None),
        ("max(-x)", "-max(x)", None),
        ("norm(x + u)", "norm(x) + norm(u)", None),
        ("det(-A)", "det(A)", None),
        ("det(-A)", "-det(A)", None),
        ("det(A + B)", "det(A) + det(B)", None),
        ("det(kron(A, B))", "det(A)*det(B)", None),
        ("trace(A @ B @ A @ B)", "trace(A @ A @ B @ B)", None),
        ("trace(expm(A + B))", "trace(expm(A) @ expm(B))", None),
        ("norm(A, 2)", "eigmax(A)", None),
    ],
)
def test_refuted(lhs: str, rhs: str, assume: Any) -> None:
    verdict = claim(lhs, rhs, assume, **M)
    assert verdict.status == "refuted"
    assert not verdict
    assert verdict.counterexample is not None
    assert abs(verdict.counterexample.left - verdict.counterexample.right).max() > 1e-9


def test_refuted_with_small_integers() -> None:
    verdict = claim("A @ B", "B @ A", A="n n", B="n n")
    assert verdict.counterexample is not None
    for name in verdict.counterexample:
        array = verdict.counterexample[name]
        assert (array == array.round()).all()
        assert abs(array).max() < 10


def test_log_of_a_determinant_times_something_of_unknown_sign() -> None:
    """det(A)·v > 0 says nothing of v alone."""
    assert claim("exp(log(det(A)*x))", "abs(det(A))*x", A="n n", x="n").status != "proved"
    assert claim("log(abs(det(A)*x))", "logdet(A) + log(abs(x))", A="n n", x="n").status == "proved"
    assert claim("log(det(A)*x)", "logdet(A) + log(abs(x))", A="n n", x="n").status == "checked"


def _mutants(root: Expr, rng: random.Random) -> list[Expr]:
    """Near misses: one node with a changed sign, a transposed axis, a dropped or added part."""
    nodes = [n for n in postorder(root) if not isinstance(n, Symbol)]
    found: list[Expr] = []
    for n in rng.sample(nodes, min(5, len(nodes))):
        tiny = add([(1, n), (Fraction(1, 10**6), ones(n.shape))], n.shape)
        changes = [scale(-1, n), scale(2, n), tiny]
        if len(n.shape) == 2 and n.shape[0] == n.shape[1]:
            changes.append(permute(n, (1, 0)))
        if isinstance(n, Add) and len(n.terms) > 1:
            changes.append(add(n.terms[1:], n.shape))
            changes.append(add([(-n.terms[0][0], n.terms[0][1]), *n.terms[1:]], n.shape))
        square = [f for f in n.kids if isinstance(n, Contract) and len(f.shape) == 2 and f.shape[0] == f.shape[1]]
        if square:
            changes.append(substitute(n, {square[0]: permute(square[0], (1, 0))}))
        found.extend(substitute(root, {n: c}) for c in changes)
    return [m for m in found if m is not root and m.shape == root.shape]


@pytest.mark.parametrize("row", PROVED, ids=lambda row: f"{row[0]} == {row[1]}")
def test_near_misses_are_never_proved_wrongly(row: Claim) -> None:
    """What is proved of a near miss must hold at random points too."""
    rng = random.Random(row[0] + row[1])
    left, right, facts = sides(row)
    for mutant in _mutants(right, rng):
        try:
            found = proves(left, mutant, facts)
        except ShapeError:
            continue
        if found:
            assert same_value(left, mutant, facts, trials=6, sizes=sizes_for(row)).verdict != "refuted", (left, mutant)


@pytest.mark.parametrize("row", PROVED, ids=lambda row: f"{row[0]} == {row[1]}")
def test_the_form_keeps_the_value(row: Claim) -> None:
    for side in sides(row)[:2]:
        if any(isinstance(n, Call) and n.fn == "reshape" for n in postorder(side)):
            continue
        try:
            form = to_expr(Forms().form(side))
        except GiveUp:
            continue
        report = same_value(side, form, (), trials=4, sizes=sizes_for(row))
        assert report.verdict != "refuted", (side, form, report)
