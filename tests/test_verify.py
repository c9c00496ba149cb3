"""Draws honour the facts, right claims are checked, planted faults refuted, and nothing is claimed without a point."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import (
    ONE,
    add,
    apply,
    call,
    contract,
    der,
    identity,
    name,
    number,
    ones,
    power,
    scale,
    size,
    symbol,
    view,
)
from symderiv.draw import broken_fact, draw, draw_sizes
from symderiv.errors import EvaluationError, ShapeError
from symderiv.facts import Fact, facts
from symderiv.frontend.inputs import parse
from symderiv.ir import Expr
from symderiv.verify import Claim, Derivative, Report, check, check_derivative, check_steps, same_value

W, x, b = symbol("W", ("o", "n")), symbol("x", ("n",)), symbol("b", ("o",))
u, y, Y = symbol("u", ("o",)), symbol("y", ("o",)), symbol("Y", ("m", "o"))
A, Q = symbol("A", ("n", "n")), symbol("Q", ("n", "n"))
one = ones(("o",))


def minus(a: Expr, b: Expr) -> Expr:
    return add([(1, a), (-1, b)], a.shape)


def dot(a: Expr, b: Expr) -> Expr:
    return contract((a, b), ("i", "i"), "")


def softmax(z: Expr) -> Expr:
    return call("softmax", (z,), z.shape, (len(z.shape) - 1,))


def lse(z: Expr) -> Expr:
    return call("logsumexp", (z,), (), (0,))


# ---------------------------------------------------------------- draws
def test_sizes_are_different_and_vary() -> None:
    nodes = [symbol("T", ("a", "b", "c", "d", 3))]
    seen = set()
    for turn in range(6):
        sizes = draw_sizes(nodes, turn)
        assert len({*sizes.values(), 3}) == 5
        seen.add(tuple(sizes.values()))
    assert len(seen) > 3
    assert draw_sizes(nodes, 0, {"b": 20})["b"] == 20
    sizes = draw_sizes([symbol("c", ("n - k - m",))], 1)
    assert sizes["n"] > sizes["k"] + sizes["m"]


FACTS: list[tuple[list[Fact], Expr]] = [
    ([Fact("onehot", y, "onehot(y)")], y),
    ([Fact("onehot", Y, "onehot(Y)")], Y),
    ([Fact("sum", y, "sum(y) == 1", ONE, (0,))], y),
    ([Fact("sum", Y, "sum(Y, axis=1) == 1", ones(("m",)), (1,)), Fact("positive", Y, "Y > 0")], Y),
    ([Fact("sum", y, "sum(y) == -2", number(-2), (0,)), Fact("negative", y, "y < 0")], y),
    ([Fact("equal", power(y, 2), "y**2 == 1", one)], y),
    ([Fact("equal", power(y, 2), "y**2 == y", y)], y),
    ([Fact("equal", y, "y == 2 u", scale(2, u))], add([(1, u), (1, y)], ("o",))),
    ([Fact("equal", dot(y, y), "y @ y == 1", ONE)], y),
    ([Fact("sum", power(Y, 2), "sum(Y**2, axis=1) == 3", scale(3, ones(("m",))), (1,))], Y),
    ([Fact("negative", minus(y, one), "y < 1"), Fact("positive", y, "y > 0")], y),
    ([Fact("positive", minus(y, one), "y > 1")], y),
    *(([Fact(kind, A, f"{kind}(A)")], A) for kind in ("symmetric", "diagonal", "orthogonal", "psd", "pd")),
    ([Fact("symmetric", A, "symmetric(A)"), Fact("orthogonal", A, "orthogonal(A)")], A),
    ([Fact("diagonal", A, "diagonal(A)"), Fact("pd", A, "pd(A)")], A),
    *(([Fact(kind, y, kind)], y) for kind in ("positive", "negative", "nonnegative", "nonpositive")),
]


@pytest.mark.parametrize(("given", "node"), FACTS, ids=[" and ".join(f.text for f in fs) for fs, _ in FACTS])
def test_draws_honour_facts(given: list[Fact], node: Expr) -> None:
    every = facts(given)
    report = check([Claim("", node, node)], every, trials=6)
    assert report and report.trials == 6
    fulfilled = 0
    for seed in range(8):
        sizes = draw_sizes([node], seed)
        for style in ("real", "positive", "unit", "negative", "large"):
            values = draw([node], every, np.random.default_rng(seed), sizes, style)
            fulfilled += broken_fact(every, values, sizes) is None
    assert fulfilled >= 8


def test_broken_facts_are_seen() -> None:
    wrong = {"y": np.array([0.5, 0.6]), "A": np.array([[1.0, 2.0], [3.0, -4.0]])}
    for given, node in FACTS:
        if node in (y, A) and not any(f.kind in ("positive", "nonnegative") for f in given):
            assert broken_fact(given, wrong, {"o": 2, "n": 2}), given


def test_draws_are_seeded() -> None:
    first, second, other = (draw([W], [], np.random.default_rng(k), {"o": 2, "n": 3})["W"] for k in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)


# ---------------------------------------------------------------- right claims
def mlp() -> Expr:
    z = name("z", add([(1, contract((W, x), ("ij", "j"), "i")), (1, b)], ("o",)))
    return apply("tanh", z)


def test_softmax_and_cross_entropy() -> None:
    p = softmax(u)
    jacobian = add([(1, view(p, "i", "ii")), (-1, contract((p, p), ("i", "j"), "ij"))], ("o", "o"))
    report = check_derivative(p, u, 1, jacobian)
    assert report and report.worst < 1e-13 and report.trials == 20 and report.method == "complex step"
    loss = minus(lse(u), dot(y, u))
    assert check_derivative(loss, u, 1, minus(p, y))
    assert check_derivative(loss, u, 2, jacobian).worst < 1e-12
    sum_to_one = facts([Fact("sum", y, "sum(y) == 1", ONE, (0,))])
    log_p = minus(u, contract((lse(u),), ("",), "i", {"i": "o"}))
    loss = scale(-1, dot(y, log_p))
    assert check_derivative(loss, u, 1, minus(p, y), sum_to_one)
    assert check_derivative(loss, u, 1, minus(p, y)).verdict == "refuted"


def test_layer_up_to_third_order() -> None:
    t = mlp()
    slope = minus(one, power(t, 2))
    assert check_derivative(t, x, 1, contract((slope, W), ("i", "ij"), "ij"))
    second = contract((t, slope, W, W), ("i", "i", "ij", "ik"), "ijk")
    assert check_derivative(t, x, 2, scale(-2, second), trials=5)
    factor = contract((add([(6, power(t, 2)), (-2, one)], ("o",)), slope), ("i", "i"), "i")
    third = contract((factor, W, W, W), ("i", "ij", "ik", "il"), "ijkl")
    report = check_derivative(t, x, 3, third, trials=4)
    assert report and report.worst < 1e-11
    no_delta = contract((scale(-2, t), slope, W), ("i", "i", "ij"), "ijk", {"k": "o"})
    assert check_derivative(t, (x, b), 2, no_delta).verdict == "refuted"
    delta = contract((scale(-2, t), slope, W), ("i", "i", "ij"), "iji")
    assert check_derivative(t, (x, b), 2, delta)


def test_abstract_chain_rule() -> None:
    """S15: the Hessian of L∘N, with every part abstract."""
    w = symbol("w", ("n",))
    N = call("N", (w,), ("o",), abstract=True)
    L = call("L", (N,), (), abstract=True)
    J = call("N", (w,), ("o",), abstract=True, ders=(0,))
    H = call("N", (w,), ("o",), abstract=True, ders=(0, 0))
    j = call("L", (N,), (), abstract=True, ders=(0,))
    h = call("L", (N,), (), abstract=True, ders=(0, 0))
    gauss_newton = contract((J, h, J), ("ki", "kl", "lj"), "ij")
    whole = add([(1, gauss_newton), (1, contract((j, H), ("k", "kij"), "ij"))], ("n", "n"))
    assert check_derivative(L, w, 1, contract((j, J), ("k", "ki"), "i"))
    assert check_derivative(L, w, 2, whole)
    assert check_derivative(L, w, 2, gauss_newton).verdict == "refuted"
    assert same_value(der(der(L, w), w), whole)


def test_curvature_of_abstract_functions_is_honoured() -> None:
    w, v = symbol("w", ("n",)), symbol("v", ("n",))
    h = call("L", (w,), (), abstract=True, ders=(0, 0))
    curvature = contract((v, h, v), ("i", "ij", "j"), "")
    for kind, sign in (("convex", 1), ("concave", -1)):
        claim = same_value(apply("sign", curvature), number(sign), facts([Fact(kind, "L", f"{kind}(L)")]))
        assert claim and claim.trials == 20


def test_generic_function() -> None:
    z = contract((W, x), ("ij", "j"), "i")
    f, f1 = (apply("f", z, order=k, generic=True) for k in (0, 1))
    assert check_derivative(f, x, 1, contract((f1, W), ("i", "ij"), "ij"))
    assert check_derivative(f, x, 1, contract((f, W), ("i", "ij"), "ij")).verdict == "refuted"


def test_matrix_functions_and_domains() -> None:
    inverse = call("inv", (A,), A.shape)
    assert check_derivative(call("logdet", (A,), ()), A, 1, view(inverse, "ij", "ji"))
    both = contract((inverse, inverse), ("ik", "lj"), "ijkl")
    assert check_derivative(inverse, A, 1, scale(-1, both))
    gram = contract((A, A), ("ki", "kj"), "ij")
    orthogonal = facts([Fact("orthogonal", A, "orthogonal(A)")])
    assert same_value(gram, identity(("n",)), orthogonal)
    assert same_value(gram, identity(("n",))).verdict == "refuted"
    log_x = apply("log", x)
    assert check_derivative(log_x, x, 1, view(power(x, -1), "i", "ii"))
    assert same_value(apply("log", contract((x, x), ("i", "i"), "i")), scale(2, log_x))
    assert check_derivative(apply("logit", y), y, 1, view(power(minus(y, power(y, 2)), -1), "i", "ii"))
    inner = minus(power(x, 2), ones(("n",)))
    slope = contract((x, power(inner, Fraction(-1, 2))), ("i", "i"), "ii")
    assert check_derivative(power(inner, Fraction(1, 2)), x, 1, slope)


def test_rows_and_arrangements() -> None:
    f = dot(x, x)
    row = contract((scale(2, x),), ("j",), "ij", {"i": 1})
    assert check_derivative(f, x, 1, row)
    vec = call("reshape", (contract((x,), ("j",), "iij", {"i": "o"}),), ("o", "n*o"), (1, 2))
    product = contract((W, x), ("ij", "j"), "i")
    by_columns = call("reshape", (contract((x,), ("k",), "iki", {"i": "o"}),), ("o", "n*o"), (1, 2))
    assert check_derivative(product, W, 1, by_columns, arrange=lambda a: a.transpose(0, 2, 1).reshape(len(a), -1))
    assert not check_derivative(product, W, 1, vec, arrange=lambda a: a.transpose(0, 2, 1).reshape(len(a), -1))
    with pytest.raises(ShapeError, match="the sides have the shapes"):
        check_derivative(product, W, 1, vec)


# ---------------------------------------------------------------- planted faults
def faults() -> Iterable[tuple[str, Expr, Expr]]:
    right = contract((W, W), ("ki", "kj"), "ij")
    yield "sign", scale(-1, right), right
    yield "factor 1 + 1e-6", scale(Fraction(1_000_001, 1_000_000), right), right
    yield "factor 1 + 1e-8", scale(Fraction(100_000_001, 100_000_000), right), right
    yield "a small term", add([(1, right), (Fraction(1, 10**7), identity(("n",)))], ("n", "n")), right
    yield "lost transpose", A, view(A, "ij", "ji")
    yield "lost transpose in a product", contract((A, Q), ("ij", "jk"), "ik"), contract((A, Q), ("ij", "kj"), "ik")
    yield (
        "square for one",
        contract((x, size("n"), size("n")), ("i", "", ""), "i"),
        contract((x, size("n")), ("i", ""), "i"),
    )
    yield "n² is 2n at 2", power(size("n"), 2), scale(2, size("n"))
    yield "n for o", contract((x, size("o")), ("i", ""), "i"), contract((x, size("n")), ("i", ""), "i")
    yield "diagonal for sum", view(A, "ii", "i"), view(A, "ij", "i")
    tiny = apply("exp", scale(-20, apply("softplus", x)))
    yield "a tiny entry", tiny, scale(2, tiny)
    yield "abs", apply("abs", x), x
    yield "wrong on one side of a kink", apply("leaky_relu", x), apply("relu", x)


@pytest.mark.parametrize(("fault", "wrong", "right"), list(faults()), ids=[f[0] for f in faults()])
def test_planted_faults_are_refuted(fault: str, wrong: Expr, right: Expr) -> None:
    report = same_value(wrong, right)
    assert report.verdict == "refuted" and report.counterexample is not None and report.worst > report.limit
    assert report.summary().startswith("refuted: ")
    at = report.counterexample.index
    assert report.counterexample.left[at] != report.counterexample.right[at]
    assert same_value(right, right) and same_value(wrong, wrong)


def test_faults_in_derivatives() -> None:
    p = softmax(u)
    product = contract((p, p), ("i", "j"), "ij")
    diagonal = view(p, "i", "ii")
    for wrong in (
        add([(1, diagonal), (1, product)], ("o", "o")),
        diagonal,
        add([(1, diagonal), (-1, scale(Fraction(1_000_001, 1_000_000), product))], ("o", "o")),
    ):
        assert check_derivative(p, u, 1, wrong).verdict == "refuted"
    z = contract((A, x), ("ij", "j"), "i")
    f = dot(x, apply("sin", z))
    first = add([(1, apply("sin", z)), (1, contract((A, x, apply("cos", z)), ("ij", "i", "i"), "j"))], ("n",))
    assert check_derivative(f, x, 1, first)
    lost = add([(1, apply("sin", z)), (1, contract((A, x, apply("cos", z)), ("ji", "i", "i"), "j"))], ("n",))
    assert check_derivative(f, x, 1, lost).verdict == "refuted"


# ---------------------------------------------------------------- what can't be told
def test_nothing_is_claimed_without_a_point() -> None:
    never = apply("log", scale(-1, power(x, 2)))
    report = same_value(never, never)
    assert report.verdict == "unknown" and not report and report.trials == 0
    assert report.reason is not None and "infinite or not a number" in report.summary()
    report = same_value(x, x, trials=0)
    assert report.verdict == "unknown" and "no draws" in str(report.reason)
    impossible = facts([Fact("equal", dot(x, x), "x @ x == -1", number(-1))])
    assert "x @ x == -1 holds" in same_value(x, x, impossible).summary()
    at_kink = facts([Fact("equal", x, "x == 0", add([], ("n",)))])
    assert same_value(apply("relu", x), scale(2, apply("relu", x)), at_kink)
    assert check_derivative(apply("relu", x), x, 1, identity(("n",)), at_kink).verdict == "unknown"
    with pytest.raises(EvaluationError, match="order 2 by 1"):
        check_derivative(dot(x, x), (x,), 2, identity(("n",)))


def test_rounding_is_no_fault() -> None:
    """A difference that a change in the last digit explains tells nothing, neither way."""
    noisy = scale(10**12, minus(power(apply("exp", x), 2), apply("exp", scale(2, x))))
    assert same_value(noisy, add([], ("n",)), sizes={"n": 90}).verdict == "unknown"


def test_steps() -> None:
    log_square = apply("log", contract((x, x), ("i", "i"), "i"))
    good = [
        ("first", dot(x, x), contract((power(x, 2),), ("i",), "")),
        ("second", log_square, scale(2, apply("log", x))),
    ]
    report = check_steps(good, trials=8)
    assert report and [label for label, _ in report.steps] == ["first", "second"]
    assert max(worst for _, worst in report.steps) == report.worst < 1e-14
    bad = [*good, ("third", x, scale(-1, x))]
    report = check_steps(bad)
    assert report.verdict == "refuted" and report.counterexample is not None and report.counterexample.label == "third"
    never = apply("log", scale(-1, power(x, 2)))
    assert "'third' was never evaluated" in str(check_steps([*good, ("third", never, never)]).reason)
    report = check_derivative(dot(x, x), x, 1, scale(2, x), steps=good)
    assert report and len(report.steps) == 3


def test_formal_arguments_are_kept_apart_from_variables() -> None:
    formal = symbol("u", ("n",), "formal")
    steps = [("variable", apply("exp", u), apply("exp", u)), ("formal", softmax(formal), softmax(formal))]
    assert check_steps(steps)


def test_report() -> None:
    claim = Claim("", Derivative(dot(x, x), (x,)), scale(2, x))
    report = check([claim], trials=1, sizes={"n": 4}, method="complex step")
    assert report.summary().startswith("1 draw · seed 0 · sizes n=4 · worst relative error ")
    assert report.summary().endswith("(limit 1e-9, complex step)")
    assert same_value(x, x, seed=3).seed == 3 and isinstance(report, Report) and report.ok
    assert "sizes n=2 and 2 more" in same_value(x, x).summary()


LOST_DIGITS = "z1 = exp(log(2 + exp(A)))*A\nsum(log(1 - sigmoid(z1)))"


@pytest.mark.parametrize("seed", range(3))
def test_digits_lost_on_the_way_refute_nothing(seed: int) -> None:
    """1 − σ(z) has few digits left at a large z, whatever the last digits of the arrays are: such points tell nothing."""
    derived = sd.gradient(LOST_DIGITS, "A", shapes={"A": "n n"})
    assert derived.verify(seed=seed).verdict == "checked"


def test_a_wrong_factor_is_seen_where_digits_are_lost() -> None:
    f, names, given = parse(LOST_DIGITS, {"A": "n n"}, None)
    A = names.symbols["A"]
    right = sd.gradient(LOST_DIGITS, "A", shapes={"A": "n n"}).result
    assert check_derivative(f, A, 1, right, given).verdict == "checked"
    assert check_derivative(f, A, 1, scale(Fraction(1000001, 1000000), right), given).verdict == "refuted"


def test_sizes_are_tried_until_every_axis_has_an_entry() -> None:
    """Of an axis of size n − 9 the first few sizes leave nothing."""
    for dim, least in (("n - 5", 6), ("n - 9", 10)):
        x = symbol("x", (dim,))
        report = check_derivative(contract((x, x), ("i", "i"), ""), x, 1, scale(2, x), trials=3)
        assert report.verdict == "checked" and report.sizes["n"] >= least
