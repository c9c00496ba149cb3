"""Examples from the handouts, as the form's fields; a test derives each of them."""

from __future__ import annotations

from typing import Any

NETWORK = "z = W1 @ x + b1\na = tanh(z)\nu = W2 @ a + b2\np = softmax(u)\n-y @ log(p)"

EXAMPLES: tuple[dict[str, Any], ...] = (
    {"group": "Jacobian", "title": "Linear layer, by its input", "text": "W @ h", "wrt": "h"},
    {"group": "Jacobian", "title": "Linear layer, by its weights", "text": "W @ h", "wrt": "W", "kind": "vec"},
    {"group": "Jacobian", "title": "Activated layer, any f", "text": "f(W @ h)", "wrt": "h"},
    {"group": "Jacobian", "title": "Softmax", "text": "softmax(u)", "wrt": "u", "shapes": {"u": "o"}},
    {"group": "Jacobian", "title": "Attention, by the queries", "text": "softmax(Q @ K.T / sqrt(d)) @ V", "wrt": "Q"},
    {"group": "Gradient", "title": "Least squares", "text": "sum((X @ w - y)**2)", "wrt": "w"},
    {"group": "Gradient", "title": "Softmax cross-entropy", "text": "-y @ log(softmax(u))", "wrt": "u", "assume": "sum(y) == 1"},
    {"group": "Gradient", "title": "Log-determinant", "text": "logdet(X)", "wrt": "X", "shapes": {"X": "n n"}},
    {"group": "Gradient", "title": "Two-layer network", "text": NETWORK, "wrt": "W1, b1, W2, b2", "assume": "sum(y) == 1"},
    {"group": "Hessian", "title": "Logistic loss", "text": "sum(log(1 + exp(-t * (X @ w))))", "wrt": "w", "kind": "hessian",
     "assume": "t**2 == 1"},
    {"group": "Hessian", "title": "Quadratic form", "text": "x @ A @ x", "wrt": "x", "kind": "hessian"},
    {"group": "Hessian", "title": "A composition", "text": "L(N(w))", "wrt": "w", "kind": "hessian"},
    {"group": "Gauss–Newton", "title": "Convex loss of a network", "text": "L(N(w))", "wrt": "w", "kind": "gauss_newton",
     "at": "N(w)", "assume": "convex(L)"},
    {"group": "Gauss–Newton", "title": "Two layers, cross-entropy", "text": NETWORK, "wrt": "W1", "kind": "gauss_newton",
     "at": "u", "assume": "sum(y) == 1"},
    {"group": "Losses", "title": "Is the logistic loss convex?", "text": "sum(log(1 + exp(-t * (X @ w))))", "wrt": "w",
     "kind": "curvature"},
    {"group": "Losses", "title": "Log-likelihood matches softmax", "text": "softmax(u)", "wrt": "u", "kind": "matching",
     "other": "y @ log(p)", "assume": "sum(y) == 1"},
    {"group": "Losses", "title": "Squared error doesn't match sigmoid", "text": "sigmoid(u)", "wrt": "u", "kind": "matching",
     "other": "sum((p - y)**2)/2"},
    {"group": "Identities", "title": "Softmax forgets a shift", "text": "softmax(u + c)", "kind": "prove", "other": "softmax(u)"},
    {"group": "Identities", "title": "A product doesn't commute", "text": "A @ B", "kind": "prove", "other": "B @ A",
     "shapes": {"A": "n n", "B": "n n"}},
)  # fmt: skip

__all__ = ["EXAMPLES"]
