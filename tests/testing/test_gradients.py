"""Hand-written derivatives, right ones and wrong ones, of functions that can and can't be traced."""

from __future__ import annotations

import numpy as np
import pytest

import symderiv as sd
from symderiv.errors import EvaluationError, ShapeError, SymderivError, UnknownNameError
from symderiv.testing import assert_gradient, assert_hessian, assert_identity, assert_jacobian
from symderiv.testing.differences import derivative
from symderiv.testing.messages import guess

NETWORK = {"W1": "h n", "b1": "h", "W2": "o h", "x": "n", "y": "o"}
LOGISTIC = {"w": "n", "X": "m n", "t": "m"}


def network(W1, b1, W2, x, y):
    a = np.tanh(W1 @ x + b1)
    return 0.5 * np.sum((W2 @ a - y) ** 2)


def network_gradient(W1, b1, W2, x, y):
    a = np.tanh(W1 @ x + b1)
    r = W2 @ a - y
    d = (W2.T @ r) * (1 - a**2)
    return {"W1": np.outer(d, x), "b1": d, "W2": np.outer(r, a)}


def logistic(w, X, t):
    return np.sum(np.log(1 + np.exp(-t * (X @ w))))


def logistic_gradient(w, X, t):
    return -X.T @ (t / (1 + np.exp(t * (X @ w))))


def argmax_loss(w, X):
    """Can't be traced: it decides on values."""
    scores = X @ w
    return sum(s**2 for s in scores if s > 0)


def fails(check, *args, **options):
    with pytest.raises(AssertionError) as caught:
        check(*args, **options)
    return str(caught.value)


# ---------------------------------------------------------------- right ones
def test_a_right_gradient_is_compared_with_what_is_derived():
    report = assert_gradient(logistic, logistic_gradient, LOGISTIC)
    assert (report.reference, report.wrt, report.points) == ("derived", ("w",), 20)
    assert report.worst["w"] < 1e-10
    assert "Xᵀ" in report.derivation.result[0].text()


def test_a_dictionary_names_its_variables_and_a_tuple_follows_the_arguments():
    report = assert_gradient(network, network_gradient, NETWORK)
    assert report.wrt == ("W1", "b1", "W2")
    first_two = assert_gradient(network, lambda W1, b1, W2, x, y: tuple(network_gradient(W1, b1, W2, x, y).values())[:2], NETWORK)
    assert first_two.wrt == ("W1", "b1")
    one = assert_gradient(network, lambda W1, b1, W2, x, y: network_gradient(W1, b1, W2, x, y)["W2"], NETWORK, wrt="W2")
    assert one.wrt == ("W2",)


def test_arguments_are_given_by_name_or_by_position():
    assert assert_gradient(logistic, lambda a, b, c: logistic_gradient(a, b, c), LOGISTIC)
    assert assert_gradient(logistic, lambda t, X, w: logistic_gradient(w, X, t), LOGISTIC, wrt="w")
    assert assert_gradient(logistic, lambda **named: logistic_gradient(**named), LOGISTIC)


def test_texts_modules_and_expressions_are_functions_too():
    text = "sum(log(1 + exp(-t * (X @ w))))"
    assert assert_gradient(text, logistic_gradient, LOGISTIC)
    assert assert_gradient(sd.parse(text, shapes=LOGISTIC), logistic_gradient, LOGISTIC)


def test_a_function_that_cannot_be_traced_is_compared_with_differences():
    report = assert_gradient(argmax_loss, lambda w, X: 2 * X.T @ np.maximum(X @ w, 0), {"w": "n", "X": "m n"})
    assert report.reference == "differences"
    assert "can't be traced" in report.reason
    assert "it is 0.5 times" in fails(
        assert_gradient, argmax_loss, lambda w, X: X.T @ np.maximum(X @ w, 0), {"w": "n", "X": "m n"}
    )


def test_a_function_that_behaves_otherwise_than_it_is_traced_is_compared_with_differences():
    def twofold(x):
        return np.sum(x**2) if type(x).__name__ == "Tracer" else np.sum(x**3)

    report = assert_gradient(twofold, lambda x: 3 * x**2, {"x": "n"})
    assert report.reference == "differences"
    assert "differs from the function" in report.reason


def test_jacobians_and_hessians():
    def f(W, h):
        return np.tanh(W @ h)

    shapes = {"W": "o n", "h": "n"}
    assert assert_jacobian(f, lambda W, h: (1 - f(W, h)[:, None] ** 2) * W, shapes, wrt="h")
    by_weights = assert_jacobian(f, lambda W, h: np.einsum("i,ij,k->ijk", 1 - f(W, h) ** 2, np.eye(len(W)), h), shapes)
    assert by_weights.wrt == ("W",)
    row = assert_jacobian(lambda x: x @ x, lambda x: 2 * x[None], {"x": "n"})
    assert row.worst["x"] < 1e-10

    def curved(w, X, t):
        p = 1 / (1 + np.exp(-X @ w))
        return X.T @ np.diag(p * (1 - p)) @ X

    assert assert_hessian(logistic, curved, LOGISTIC, assume="t**2 == 1").reference == "derived"
    assert "first at [0, 0]" in fails(assert_hessian, logistic, curved, LOGISTIC)  # without the assumption


def test_given_arrays_stay_as_they_are():
    labels = np.array([0, 2, 1])

    def loss(W, X, y):
        z = X @ W
        return float(np.sum(np.log(np.exp(z).sum(axis=1))) - z[np.arange(len(y)), y.astype(int)].sum())

    def own(W, X, y):
        p = np.exp(X @ W)
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(y)), y.astype(int)] -= 1
        return X.T @ p

    report = assert_gradient(loss, own, {"W": (2, 3), "X": (3, 2), "y": labels})
    assert (report.reference, report.points) == ("differences", 20)
    alone = assert_gradient(lambda x: x @ x, lambda x: 2 * x, {"x": [1.0, 2.0]})
    assert alone.points == 1


def test_a_hand_written_function_may_spoil_its_arguments():
    def spoil(w, X, t):
        found = logistic_gradient(w, X, t)
        w += 1
        X *= 0
        return found

    assert assert_gradient(logistic, spoil, LOGISTIC)


# ---------------------------------------------------------------- wrong ones
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda w, X, t: -logistic_gradient(w, X, t), "the sign is wrong"),
        (lambda w, X, t: logistic_gradient(w, X, t) / 2, "it is 0.5 times the right one"),
        (lambda w, X, t: logistic_gradient(w, X, t)[:, None], "an axis of size 1 too many"),
        (lambda w, X, t: logistic_gradient(w, X, t) + 1e-6, "first at [0]"),
        (lambda w, X, t: np.full_like(w, np.nan), "yours is nan"),
        (lambda w, X, t: None, "does it end in return?"),
        (lambda w, X, t: {"v": w}, "by v"),
    ],
)
def test_a_wrong_gradient_is_told_with_what_it_looks_like(wrong, said):
    if said == "by v":
        with pytest.raises(UnknownNameError, match="v"):
            assert_gradient(logistic, wrong, LOGISTIC)
        return
    message = fails(assert_gradient, logistic, wrong, LOGISTIC)
    assert said in message


def test_the_message_has_the_counterexample_the_derived_answer_and_the_first_wrong_index():
    def wrong(W1, b1, W2, x, y):
        found = network_gradient(W1, b1, W2, x, y)
        found["W2"][1, 0] += 0.5
        return found

    message = fails(assert_gradient, network, wrong, NETWORK)
    assert message.startswith("the gradient by W2 is wrong: first at [1, 0], where yours is ")
    assert "∇_W2 f = " in message
    assert "aᵀ" in message
    assert all(f"    {name} = " in message for name in NETWORK)
    assert "  yours = " in message
    assert "  right = " in message


def test_a_transpose_is_seen():
    message = fails(assert_gradient, lambda A, x, y: x @ A @ y, lambda A, x, y: np.outer(y, x), {"A": "m n", "x": "m", "y": "n"})
    assert "it is the transpose" in message
    assert "(3, 2)" in message or "(2, 3)" in message


def test_kinks_are_stepped_over_and_a_point_without_values_says_so():
    assert assert_gradient(lambda x: np.sum(np.abs(x)), lambda x: np.sign(x), {"x": "n"})
    assert assert_gradient(lambda x: np.sum(np.log(x)), lambda x: 1 / x, {"x": "n"}, assume="x > 0").points == 20
    with np.errstate(all="ignore"), pytest.raises(EvaluationError, match="no point was found"):
        assert_gradient(lambda x: np.sum(np.log(-np.exp(x))), lambda x: x, {"x": "n"})


# ---------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: assert_gradient(logistic, logistic_gradient, {"w": "n", "X": "m n"}), UnknownNameError, "'t' has no shape"),
        (lambda: assert_gradient(logistic, logistic_gradient, {}), SymderivError, "at= gives each argument"),
        (lambda: assert_gradient(logistic, 3, LOGISTIC), SymderivError, "a value of type int"),
        (lambda: assert_gradient(logistic, logistic_gradient, LOGISTIC, wrt="v"), UnknownNameError, "v"),
        (lambda: assert_gradient(lambda x: x, lambda x: x, {"x": "n"}), ShapeError, "check its Jacobian"),
        (lambda: assert_gradient(logistic, logistic_gradient, LOGISTIC, trials=0), SymderivError, "trials=0"),
        (lambda: assert_gradient("sum(x", lambda x: x, {"x": "n"}), SymderivError, "never closed"),
        (lambda: assert_gradient(logistic, logistic_gradient, {**LOGISTIC, "t": ["a"]}), SymderivError, "real numbers"),
        (lambda: assert_hessian(network, network_gradient, NETWORK, wrt=["W1", "b1"]), SymderivError, "one variable"),
        (lambda: assert_identity("x", "x", x="n", require="sure"), SymderivError, "require='sure'"),
    ],
)
def test_bad_input(call, error, said):
    with pytest.raises(error) as caught:
        call()
    assert said in str(caught.value)


# ---------------------------------------------------------------- its parts
def test_differences_are_exact_to_nine_digits_and_know_their_error():
    x = np.array([0.3, 1.7, -2.0])
    found, error = derivative(lambda v: np.array([np.sin(v).sum(), np.exp(v[1])]), x)
    assert np.allclose(found, [np.cos(x), [0, np.exp(1.7), 0]], rtol=1e-9, atol=1e-9)
    assert error < 1e-8
    assert derivative(lambda v: np.array(np.abs(v).sum()), np.array([1e-3]))[1] > 1e-6  # a kink is near


def test_a_guess_is_made_only_where_it_fits():
    x = np.arange(6.0).reshape(2, 3) + 1
    assert guess(x.T, x) == "it is the transpose"
    assert guess(x + 0.01, x) is None
    assert guess(np.zeros((2, 3)), x) is None
    assert guess(np.ones((3, 3)), x) is None


def test_identities():
    assert assert_identity("softmax(u + c)", "softmax(u)", u="o", c="", require="proved").status == "proved"
    message = fails(assert_identity, "inv(A @ B)", "inv(A) @ inv(B)", shapes={"A": "n n", "B": "n n"})
    assert "not an identity: inv(A @ B) = inv(A) @ inv(B)" in message
    assert "first at [" in message
    assert "A = [" in message
    assert "right = " in message


def test_names_in_the_right_answer_are_explained() -> None:
    def loss(W, x, y):
        p = 1 / (1 + np.exp(-(W @ x)))
        return np.sum((p - y) ** 2) / 2

    def wrong(W, x, y):
        p = 1 / (1 + np.exp(-(W @ x)))
        return np.outer((p - y) * p, x)

    message = fails(assert_gradient, loss, wrong, {"W": "o n", "x": "n", "y": "o"})
    assert "derived: ∇_W f = (δ_p ⊙ p ⊙ (1 − p)) xᵀ\n           with p = sigmoid(W x), δ_p = p − y\n" in message


def test_of_a_number_no_place_is_told() -> None:
    message = fails(assert_gradient, lambda x: x**2, lambda x: 3 * x, {"x": ""})
    assert message.startswith("the gradient by x is wrong: yours is ") and "[]" not in message
