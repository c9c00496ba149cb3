"""The same input gives the same bytes under every hash seed, and whatever the order of operands and terms."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import symderiv as sd

SCRIPT = """
import symderiv as sd
NET = "z = W1 @ x + b1; a = tanh(z); u = W2 @ a + b2; -y @ log_softmax(u)"
S = {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "b2": "o", "y": "o"}
made = [
    sd.jacobian("softmax(W @ h + b)", "h", W="o n", h="n", b="o"),
    sd.jacobian("W @ h", "W", vec=True, W="o n", h="n"),
    sd.gradient(NET, ["W1", "b1", "W2", "b2"], assume="sum(y) == 1", shapes=S),
    sd.hessian(NET, "W1", assume="sum(y) == 1", shapes=S),
    sd.hessian("L(N(w))", "w", N="n -> o", L="o -> q", w="n"),
    sd.derivative("L(N(w))", "w", order=3, N="n -> o", L="o -> ", w="n"),
    sd.hessian("sum(log(1 + exp(-t * (X @ w))))", "w", X="m n", w="n", t="m", assume=["t**2 == 1"]),
    sd.gradient("sum((T - U @ V.T)**2)", ["U", "V"], T="m n", U="m r", V="n r"),
    sd.jacobian("softmax(Q @ K.T / sqrt(d), axis=1) @ V", "Q", Q="m d", K="n d", V="n r"),
    sd.jacobian("layer_norm(x)", "x", x="n"),
    sd.gradient("trace(inv(A) @ B) + logdet(A)", "A", A="n n", B="n n"),
]
for d in made:
    for notation, detail in ("matrix", "normal"), ("index", "full"), ("differential", "brief"):
        print(d.latex(notation, detail))
    print(d.text(), d.assumptions, [s.rule for s in d.steps])
    print(d.numpy().source())
split = sd.gauss_newton(NET, "x", at="u", shapes=S)
print(split.text(), split.latex("index", "full"))
"""


def test_the_same_bytes_under_every_hash_seed():
    root = Path(__file__).parent.parent
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
        )
        for seed in ("0", "1", "2")
    ]
    told = []
    for process in running:
        out, error = process.communicate(timeout=120)
        assert process.returncode == 0, error.decode()[-2000:]
        told.append(out)
    assert len(told[0]) > 10_000
    assert told[0] == told[1] == told[2]


# ---------------------------------------------------------------- confluence
SUMS: list[tuple[list[str], str, dict[str, str]]] = [
    (["sum(A @ x)", "x @ B @ x", "3 * sum(tanh(x))", "c @ x"], "x", {"A": "o n", "B": "n n", "c": "n", "x": "n"}),
    (["logsumexp(x)", "-(c @ x)", "sum(x**2) / 2"], "x", {"c": "n", "x": "n"}),
    (["y * log(sigmoid(x))", "(1 - y) * log(1 - sigmoid(x))", "x * c"], "x", {"x": "", "y": "", "c": ""}),
    (["trace(X @ B)", "trace(X.T @ C)", "sum(X * X)", "logdet(X)"], "X", {"X": "n n", "B": "n n", "C": "n n"}),
    (["sum(softmax(x) * c)", "norm(x)", "sum(exp(x))"], "x", {"x": "n", "c": "n"}),
    (["sum(x * c) * sum(x)", "sum(c)", "sum(x)**2"], "x", {"x": "n", "c": "n"}),
    (["a @ X @ b", "sum(tanh(X @ b))", "trace(X.T @ X)"], "X", {"X": "m n", "a": "m", "b": "n"}),
]
PRODUCTS: list[tuple[list[str], str, dict[str, str]]] = [
    (["x", "tanh(A @ x)", "c", "exp(x)"], "x", {"A": "n n", "c": "n", "x": "n"}),
    (["softmax(x)", "c", "x", "1 / (1 + exp(-x))"], "x", {"c": "n", "x": "n"}),
    (["sigmoid(x)", "sigmoid(-x)", "x**2", "d"], "x", {"d": "n", "x": "n"}),
    (["(x - c)", "(x + c)", "exp(-x)"], "x", {"c": "n", "x": "n"}),
    (["sum(x)", "x", "(c @ x)"], "x", {"c": "n", "x": "n"}),
    (["X", "tanh(X)", "Y", "sum(X * Y)"], "X", {"X": "m n", "Y": "m n"}),
]
SPELLINGS: list[tuple[list[str], str, dict[str, str]]] = [
    (["x @ A @ x", "sum(x * (A @ x))", "trace(outer(A @ x, x))", "dot(A.T @ x, x)"], "x", {"A": "n n", "x": "n"}),
    (
        ["sum((X @ w - y)**2)", "sum((y - X @ w)**2)", "dot(X @ w - y, X @ w - y)", "norm(X @ w - y)**2"],
        "w",
        {"X": "m n", "w": "n", "y": "m"},
    ),
    (
        ["trace(A @ X @ B)", "trace(X @ B @ A)", "sum(A.T * (X @ B))", "trace(B.T @ X.T @ A.T)"],
        "X",
        {"A": "n m", "X": "m o", "B": "o n"},
    ),
    (
        [
            "sum(softplus(x))",
            "sum(log(1 + exp(x)))",
            "sum(log(exp(x) + 1))",
            "-sum(log(sigmoid(-x)))",
            "-sum(log(1 - sigmoid(x)))",
        ],
        "x",
        {"x": "n"},
    ),
    (
        [
            "-y @ log_softmax(u)",
            "-sum(y * log(softmax(u)))",
            "sum(y) * logsumexp(u) - u @ y",
            "-(y @ (u - log(sum(exp(u)))))",
        ],
        "u",
        {"u": "o", "y": "o"},
    ),
    (["sum(x * x)", "x @ x", "norm(x)**2", "trace(outer(x, x))", "sum(x**2)"], "x", {"x": "n"}),
    (["sum(tanh(x)**2)", "sum(tanh(x) * tanh(x))", "tanh(x) @ tanh(x)", "tanh(-x) @ tanh(-x)"], "x", {"x": "n"}),
]


def printed(text: str, wrt: str, shapes: dict[str, str]) -> str:
    f = sd.parse(text, shapes=shapes)
    found = sd.jacobian(text, wrt, shapes=shapes) if f.shape else sd.gradient(text, wrt, shapes=shapes)
    return "\n".join([found.result.text(), found.result.latex(), found.latex("index"), found.numpy().source()])


def result(text: str, wrt: str, shapes: dict[str, str]) -> str:
    return str(sd.gradient(text, wrt, shapes=shapes).result.latex())


@pytest.mark.parametrize(
    ("parts", "wrt", "shapes", "sign"), [(*c, " + ") for c in SUMS] + [(*c, " * ") for c in PRODUCTS]
)
def test_the_order_of_terms_and_factors_leaves_no_mark(parts, wrt, shapes, sign):
    rng = random.Random(0)
    first = printed(sign.join(parts), wrt, shapes)
    for _ in range(4):
        rng.shuffle(parts := list(parts))
        declared = list(shapes.items())
        rng.shuffle(declared)
        assert printed(sign.join(parts), wrt, dict(declared)) == first


@pytest.mark.parametrize(("spellings", "wrt", "shapes"), SPELLINGS, ids=[c[0][0] for c in SPELLINGS])
def test_every_spelling_ends_in_one_result(spellings, wrt, shapes):
    found = {text: result(text, wrt, shapes) for text in spellings}
    assert len(set(found.values())) == 1, found


def test_deriving_other_things_first_leaves_no_mark():
    """Memos of a process don't show: the printed text is the same before and after other derivations."""

    def once() -> str:
        return sd.jacobian("softmax(W @ h)", "h", W="o n", h="n").latex("index", "full")

    first = once()
    for text in ("softmax(h)", "log_softmax(W @ h)", "tanh(W @ h) * softmax(W @ h)"):
        sd.jacobian(text, "h", W="o n", h="n")
    assert once() == first
