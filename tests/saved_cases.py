"""Derivations to save, and their documents as the tests change them."""
from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import symderiv as sd
from symderiv.saved import SavedError, from_json, to_json
from symderiv.saved import _digest as digest_of  # forged documents have a digest that fits

NETWORK = "z = W1 @ x + b1\na = tanh(z)\nu = W2 @ a + b2\n-y @ log_softmax(u)"
SHAPES = {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "b2": "o", "y": "o"}

CASES: dict[str, Callable[[], Any]] = {
    "softmax": lambda: sd.jacobian("softmax(W @ h + b)", "h", W="o n", h="n", b="o"),
    "network": lambda: sd.gradient(NETWORK, ["W1", "b1", "W2", "b2"], assume="sum(y) == 1", **SHAPES),
    "network Hessian": lambda: sd.hessian(NETWORK, "W1", assume="onehot(y)", **SHAPES),
    "blocks": lambda: sd.hessian(NETWORK, ["W1", "b2"], assume="onehot(y)", **SHAPES),
    "modules": lambda: sd.gradient(
        sd.Linear("n", "h", name="1") >> sd.Tanh() >> sd.Linear("h", "o", name="2") >> sd.CrossEntropy(target="y"), "W1"
    ),
    "split": lambda: sd.gauss_newton(NETWORK, "W1", at="u", assume="sum(y) == 1", **SHAPES),
    "split at a subexpression": lambda: sd.gauss_newton(
        "sum(softmax(W @ tanh(w)) * y)", "w", at="W @ tanh(w)", W="o n", w="n", y="o"
    ),
    "abstract split": lambda: sd.gauss_newton("u = N(w); L(u)", "w", at="u", N="w -> n", L="n -> ", w="w"),
    "G alone": lambda: sd.gauss_newton(NETWORK, "W1", at="u", assume="sum(y) == 1", **SHAPES).G,
    "R alone": lambda: sd.gauss_newton(NETWORK, "W1", at="a", assume="sum(y) == 1", **SHAPES).R,
    "slope alone": lambda: sd.gauss_newton(NETWORK, "W1", at="u", **SHAPES).slope,
    "matrices": lambda: sd.gradient("logdet(A) + trace(inv(A) @ B)", "A", A="n n", B="n n", assume="pd(A)"),
    "structured": lambda: sd.gradient(
        "logdet(A) + trace(inv(A) @ B)", "A", A="n n", B="n n", assume="pd(A)", structured=True
    ),
    "composition": lambda: sd.hessian("L(N(w))", "w", N="w -> n", L="n -> ", w="w"),
    "third order": lambda: sd.derivative("N(w)", "w", order=3, N="w -> n", w="w"),
    "generic": lambda: sd.jacobian("f(W @ h)", "W", W="o n", h="n", f="elementwise"),
    "vec": lambda: sd.jacobian("A @ X @ B", "X", A="m p", X="p q", B="q r", vec=True),
    "row": lambda: sd.jacobian("y @ log(softmax(u))", "u", u="o", y="o", assume="sum(y) == 1"),
    "joined axes": lambda: sd.jacobian("vec(X @ X)", "X", X="n n"),
    "layer norm": lambda: sd.hessian("y @ layer_norm(x)", "x", x="n", y="n"),
    "dimension as a number": lambda: sd.gradient("sum((X @ w - y)**2) / m", "w", X="m n", y="m", w="n"),
    "fact about the variable": lambda: sd.gradient("sum(x)**2", "x", assume="sum(x) == 1", x="m"),
    "max": lambda: sd.jacobian("max(X, axis=1) + pi*sum(X)", "X", X="m n"),
}


@cache
def derived(case: str) -> Any:
    return CASES[case]()


@cache
def text_of(case: str) -> str:
    return to_json(derived(case))


def document(case: str) -> dict[str, Any]:
    return copy.deepcopy(json.loads(text_of(case)))


def signed(changed: dict[str, Any]) -> str:
    """The document with a digest that fits: what only the deeper checks can see."""
    return json.dumps({**changed, "digest": digest_of(changed)})


def told(text: str) -> str:
    """What reading and checking a document says; empty where all holds."""
    try:
        return "; ".join(from_json(text).check().failures)
    except SavedError as error:
        return str(error)
