"""The engine: both sweeps agree with each other and with numbers, lemmas are shared, and every rule fires somewhere."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import add, apply, contract, name, scale, symbol
from symderiv.derive import UNFOLD_TO_WEIGHT
from symderiv.engine import Engine
from symderiv.errors import ShapeError, SymderivError
from symderiv.ir import Expr, Name, as_printed, free_symbols, postorder, weight_shown
from tests.firings import EVERYWHERE, NET, SHAPES
from tests.oracles import FAULTS, SIZES, arrays, broken, close, complex_jacobian, off, rules_of, softmax, value_of


def network(depth: int) -> tuple[str, dict[str, str]]:
    lines = [f"a{k + 1} = tanh(W{k} @ a{k})" if k else "a1 = tanh(W0 @ x)" for k in range(depth)]
    return "; ".join([*lines, f"sum(a{depth})"]), {"x": "n", **{f"W{k}": "n n" for k in range(depth)}}


# ---------------------------------------------------------------- forward and reverse
SCALARS: list[tuple[str, str, dict[str, str]]] = [
    ("sum(tanh(A @ x))", "x", {"A": "o n", "x": "n"}),
    ("y @ log(softmax(A @ x))", "x", {"A": "o n", "x": "n", "y": "o"}),
    ("x @ B @ x / (x @ x)", "x", {"B": "n n", "x": "n"}),
    ("sum((X @ w - t)**2) / m", "w", {"X": "m n", "w": "n", "t": "m"}),
    ("logsumexp(A @ tanh(x)) * sum(x)", "x", {"A": "o n", "x": "n"}),
    ("trace(inv(B) @ B @ B)", "B", {"B": "n n"}),
    ("norm(A @ x)", "x", {"A": "o n", "x": "n"}),
]


@pytest.mark.parametrize(("text", "wrt", "shapes"), SCALARS)
def test_forward_and_reverse_agree(text, wrt, shapes):
    f = sd.parse(text, shapes=shapes)
    x = next(s for s in postorder(f) if getattr(s, "name", None) == wrt)
    forward, reverse = Engine(), Engine()
    first = forward.jacobian(forward.begin(f).after, x)
    (second,) = reverse.gradients(reverse.begin(f).after, [x])
    at = arrays(1, **shapes)
    close(value_of(first.after, at), value_of(second.after, at))
    close(value_of(first.after, at), complex_jacobian(lambda v: _complex(f, {**at, wrt: v}), at[wrt]), 1e-7)


def _complex(f: Expr, at: dict[str, Any]) -> Any:
    from symderiv.evaluate import evaluate

    return evaluate(f, at, SIZES)


def test_all_gradients_of_a_network_against_numpy():
    at = {**arrays(2, **SHAPES), "y": np.array([0.2, 0.5, 0.3])}
    wanted = ["W1", "b1", "W2", "b2", "x"]
    found = sd.gradient(NET, wanted, assume="sum(y) == 1", shapes=SHAPES)

    def loss(**other: Any) -> Any:
        v = {**at, **other}
        u = v["W2"] @ np.tanh(v["W1"] @ v["x"] + v["b1"]) + v["b2"]
        return -v["y"] @ np.log(softmax(u))

    for key, result, shape in zip(wanted, found.result, found.shape):
        assert shape == tuple(SHAPES[key].split())
        close(value_of(result, at), complex_jacobian(lambda v, key=key: loss(**{key: v}), at[key]))


def test_a_gradient_is_told_with_named_cotangents():
    found = sd.gradient(NET, ["W1", "W2"], assume="sum(y) == 1", shapes=SHAPES)
    names = {n.name for r in found.result for n in postorder(r) if isinstance(n, Name) and n.role == "cotangent"}
    assert "delta_z" in names and all(n.startswith("delta_") for n in names)
    text = found.latex()
    for wanted in (
        r"\delta_u",
        r"\delta_z",
        r"\operatorname{softmax}(u)-y",
        r"\delta_z\,x^\top",
        r"W_2^\top\,\delta_u",
    ):
        assert wanted.replace(r"\,", " ") in text.replace(r"\,", " ")


def test_the_hessian_of_a_two_layer_network_has_two_terms():
    found = sd.hessian(NET, "W1", assume="sum(y) == 1", shapes=SHAPES)
    assert found.shape == ("h", "n", "h", "n")
    sums = [n for n in postorder(found.result) if type(n).__name__ == "Add" and len(n.shape) == 2]
    assert max(len(s.kids) for s in sums) <= 3
    at = {**arrays(3, **SHAPES), "y": np.array([0.2, 0.5, 0.3])}
    numbers = value_of(found.result, at)
    close(numbers, numbers.transpose(2, 3, 0, 1))
    assert found.verify(trials=2)


@pytest.mark.parametrize("text", [
    "-y @ log_softmax(W2 @ tanh(W1 @ x + b1) + b2)",
    "-sum(y * log(softmax(W2 @ tanh(W1 @ x + b1) + b2)))",
    "sum(y) * logsumexp(W2 @ tanh(W1 @ x + b1) + b2) - y @ (W2 @ tanh(W1 @ x + b1) + b2)",
])  # fmt: skip
def test_that_hessian_is_opened_to_its_two_terms_where_the_program_names_nothing(text):
    found = sd.hessian(text, "W1", assume="sum(y) == 1", shapes=SHAPES)
    named = sd.hessian(NET, "W1", assume="sum(y) == 1", shapes=SHAPES)
    assert not [n for n in postorder(found.result) if isinstance(n, Name)]
    assert weight_shown(found.result) <= UNFOLD_TO_WEIGHT < found.result.weight
    at = {**arrays(3, **SHAPES), "y": np.array([0.2, 0.5, 0.3])}
    close(value_of(found.result, at), value_of(named.result, at))


def test_what_recurs_is_weighed_once():
    x, y = symbol("x", (3,)), symbol("y", (3,))
    a = apply("tanh", add([(1, x), (1, y)], (3,)))
    assert (a.weight, weight_shown(a)) == (4, 4)
    both = add([(1, a), (1, apply("exp", a))], (3,))
    assert (both.weight, weight_shown(both)) == (10, 7)
    assert weight_shown(name("a", a)) == 1


@pytest.mark.parametrize(
    "spelling",
    [
        "-y @ log(softmax(u))",
        "-y @ log_softmax(u)",
        "-y @ u + sum(y) * logsumexp(u)",
        "-y @ log(exp(u) / sum(exp(u)))",
        "cross_entropy(u, y)",
    ],
)
def test_cross_entropy_is_one_object_in_every_spelling(spelling):
    general, known = (sd.gradient(spelling, "u", u="o", y="o", assume=fact) for fact in ([], "sum(y) == 1"))
    assert general.result is sd.gradient("-y @ log_softmax(u)", "u", u="o", y="o").result
    assert known.result is sd.parse("softmax(u) - y", u="o", y="o")
    curved = sd.hessian(spelling, "u", u="o", y="o", assume="sum(y) == 1")
    assert curved.result is sd.parse("diag(softmax(u)) - outer(softmax(u), softmax(u))", u="o")


@pytest.mark.parametrize(
    ("spelling", "fact"),
    [
        ("sum(log(1 + exp(-t * (X @ w))))", "t**2 == 1"),
        ("sum(softplus(-t * (X @ w)))", "t**2 == 1"),
        ("-sum(y * log(sigmoid(X @ w)) + (1 - y) * log(1 - sigmoid(X @ w)))", None),
    ],
)
def test_logistic_hessian_is_one_object_in_every_spelling(spelling, fact):
    shapes = {"X": "m n", "w": "n", "t": "m", "y": "m"}
    found = sd.hessian(spelling, "w", shapes=shapes, assume=fact)
    assert found.result is sd.parse(
        "p = sigmoid(X @ w); X.T @ diag(sigmoid(X @ w) * (1 - sigmoid(X @ w))) @ X", shapes=shapes
    )
    assert found.verify(trials=3)


# ---------------------------------------------------------------- sharing and cost
def test_gradients_grow_linearly_with_depth():
    steps = []
    for depth in (5, 10, 20):
        text, shapes = network(depth)
        found = sd.gradient(text, [f"W{k}" for k in range(depth)], shapes=shapes)
        steps.append(len(found.steps))
    assert steps[2] - steps[1] <= 2.2 * (steps[1] - steps[0])
    assert steps[2] < 60 * 20


def test_eighty_layers_take_seconds_not_minutes():
    text, shapes = network(80)
    start = time.perf_counter()
    sd.gradient(text, [f"W{k}" for k in range(80)], shapes=shapes)
    assert time.perf_counter() - start < 10


def test_a_lemma_is_proved_once():
    found = sd.jacobian("A @ softmax(u) + softmax(u)", "u", A="o o", u="o")
    goals = [
        lemma.before for lemma in found.lemmas if lemma is not found.proofs and lemma.before is not found.proofs.before
    ]
    assert len(goals) == len(set(goals)) > 5
    at = arrays(4, A="o o", u="o")
    close(value_of(found.result, at), complex_jacobian(lambda u: at["A"] @ softmax(u) + softmax(u), at["u"]))


def test_a_constant_and_the_variable_itself():
    assert sd.gradient("sum(c)", "x", c="n", x="o").result.text() == "0"
    assert sd.jacobian("c", "x", c="n", x="o").shape == ("n", "o")
    assert sd.jacobian("x", "x", x="n").result.text() == "I"
    assert sd.jacobian("X", "X", X="m n").result.latex() == r"\delta_{ik}\,\delta_{jl}"
    assert sd.hessian("c @ x", "x", c="n", x="n").result.text() == "0"


def test_a_name_that_the_user_gave_survives():
    found = sd.jacobian("p = softmax(u); p", "u", u="o")
    assert found.result.text() == "diag(p) − p pᵀ"
    clash = sd.gradient("delta_u = tanh(x); u = W @ delta_u; sum(u**2)", ["x", "W"], x="n", W="o n")
    assert clash.verify(trials=2)


def test_what_has_no_derivative_says_so():
    for wrong in (
        lambda: sd.gradient("A @ x", "x", A="o n", x="n"),
        lambda: sd.hessian("x", "x", x="n", order=0),
        lambda: sd.derivative("x", "x", order=0, x=""),
    ):
        with pytest.raises((SymderivError, TypeError)):
            wrong()
    with pytest.raises(ShapeError):
        sd.gradient("x", "x", x="n")


# ---------------------------------------------------------------- verify sees what is wrong
def test_a_wrong_step_or_part_refutes_the_whole_derivation():
    """However a report is joined from parts, one wrong part makes it false."""
    for rule in ("linearity", "elementwise_chain_rule", "pull_back"):
        for wrt in ("x", ["x", "A"], ["A", "x"]):
            with broken(rule, off):
                found = sd.gradient("z = A @ x; sum(tanh(z))", wrt, A="o n", x="n")
            if rule in rules_of(found):
                assert not found.verify(trials=2), (rule, wrt)
    with broken("differentiate_constant", off):
        split = sd.gauss_newton("u = A @ x; sum(u**4)", "x", at="u", A="o n", x="n")
        assert split.parts
    if "differentiate_constant" in rules_of(split):
        assert not split.verify(trials=2)


def test_a_right_derivation_is_confirmed():
    assert sd.gradient("z = A @ x; sum(tanh(z))", ["x", "A"], A="o n", x="n").verify(trials=2)
    assert sd.gauss_newton("u = A @ x; sum(u**4)", "x", at="u", A="o n", x="n").verify(trials=2)


# ---------------------------------------------------------------- every rule, in a derivation
@pytest.mark.parametrize("call", EVERYWHERE, ids=lambda call: call.code())
def test_what_every_rule_fires_in_is_right(call):
    assert call.operator == "matching" or call.run().verify(trials=2)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_verifier_sees_a_broken_chain_rule(fault):
    with broken("elementwise_chain_rule", fault):
        found = sd.jacobian("tanh(A @ x) * x", "x", A="n n", x="n")
        assert not found.verify(trials=3)


# ---------------------------------------------------------------- by hand, without the front ends
def test_a_hand_made_expression_with_shared_and_named_parts():
    A, x = symbol("A", ("n", "n")), symbol("x", ("n",))
    z = name("z", contract((A, x), ("ij", "j"), "i"))
    f = add([(Fraction(1, 2), contract((z, z), ("i", "i"), "")), (-3, contract((z, x), ("i", "i"), ""))], ())
    at = arrays(5, A="n n", x="n")
    (proof,) = Engine().gradients(f, [x])
    expected = complex_jacobian(lambda v: 0.5 * (at["A"] @ v) @ (at["A"] @ v) - 3 * (at["A"] @ v) @ v, at["x"])
    close(value_of(proof.after, at), expected)
    assert scale(2, proof.after).shape == ("n",)


# ---------------------------------------------------------------- names
@pytest.mark.parametrize("own", ["delta_z", "δ_z", "delta_z_"])
def test_no_name_of_the_engine_is_printed_as_one_of_the_user(own: str) -> None:
    """δ_z of the sweep beside a δ_z that was given would be two things in one line."""
    net = f"z = W @ x; a = tanh(z); b = tanh(V @ a); {own} @ b"
    found = sd.gradient(net, ["W", "V"], shapes={"W": "h n", "x": "n", "V": "h h", own: "h"})
    lines = [line.split(" = ")[0].strip() for line in found.text().splitlines()]
    assert "δ_z" not in lines and "g_z" in lines
    given = {s.name for s in free_symbols(found.subject)}
    named = {n.name for proof in found.flat for n in postorder(proof.after, *(p.after for p in found.lemmas)) if isinstance(n, Name)}
    assert not {as_printed(text) for text in named} & {as_printed(text) for text in given}
    assert found.replay() == found.result
    assert found.verify(trials=3)


def test_without_a_clash_a_cotangent_is_a_delta() -> None:
    found = sd.gradient("z = W @ x; a = tanh(z); sum(a**3)", ["W", "x"], W="h n", x="n")
    assert [line.split(" = ")[0].strip() for line in found.text().splitlines()][:1] == ["δ_a"]


@pytest.mark.parametrize(("text", "shapes"), [
    ("sum(x_1*x1*x1)", {"x_1": "n", "x1": "n"}),                # both are x with the subscript 1
    ("sum(F*F_*F)", {"F": "n", "F_": "n"}),
    ("sum(δ*delta)", {"δ": "n", "delta": "n"}),
    ("m*mean(x**2)", {"x": "m", "m": ""}),                      # 2 m/m x isn't 2 x
    ("u_1 = x*x; u1 = x + 1; u_1 @ u1", {"x": "n"}),
])
def test_names_that_are_printed_as_one_are_refused(text: str, shapes: dict[str, str]) -> None:
    with pytest.raises(SymderivError, match="printed as one|is an array, and a number|is a size, and declared"):
        sd.gradient(text, next(iter(shapes)), shapes=shapes)


def test_an_array_may_be_called_as_a_size_that_is_no_number_of_the_formula() -> None:
    assert sd.gradient("sum(n*x)", "x", x="n", n="n").result.text() == "n"
