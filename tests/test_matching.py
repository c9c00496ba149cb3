"""Matching pairs: the table of the classical ones, those that don't match, and the proofs behind the answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

import symderiv.matched
import symderiv.modules
from symderiv.build import ONE, add, contract, ones, scale, substitute, symbol
from symderiv.errors import ShapeError, SymderivError, UnknownNameError
from symderiv.facts import Fact, Facts, facts
from symderiv.frontend.build_text import build_text
from symderiv.frontend.environment import declare
from symderiv.ir import Box, Expr, Symbol, depends, is_zero
from symderiv.pairing import Matching, match
from symderiv.points import OutsideDomainError, Value, draws, evaluate, indices, mp, sizes_of
from symderiv.rational import equal
from symderiv.record import check_fire, fires, replay
from symderiv.rules.base import RULES, Context
from symderiv.rules.splitting import expand_power, fold_power, same_fraction

matching: Any = symderiv.matched.matching
modules: Any = symderiv.modules


def read(text: str, **shapes: str) -> Expr:
    return build_text(text, declare(shapes))[0]


def pair(module: str, loss: str, shape: str = "o", given: tuple[Fact, ...] = (), **more: str) -> Matching:
    u, p, y = (symbol(name, tuple(shape.split())) for name in ("u", "p", "Y"))
    out = more.pop("out", shape)
    if out != shape:
        p, y = (symbol(name, tuple(out.split())) for name in ("p", "Y"))
    return match(read(module, u=shape, **more), read(loss, u=shape, p=out, Y=out, **more), u, p, y, facts(given))


def target(shape: str = "o") -> Symbol:
    return symbol("Y", tuple(shape.split()))


SUM = Fact("sum", target(), "sum(Y) == 1", ONE, (0,))
ONEHOT = Fact("onehot", target(), "onehot(Y)")
NEGATIVE = Fact("negative", symbol("u", ("o",)), "u < 0")


@dataclass(frozen=True)
class Row:
    module: str
    loss: str
    slope: str = "1"
    constant: str = "-Y"
    shape: str = "o"


BERNOULLI = "-sum(Y*log(p) + (1 - Y)*log(1 - p))"
#: A is diag(slope) except where the text says I; each loss in terms of the output, and in terms of the input.
MATCHING = [
    Row("u", "sum((p - Y)**2)/2"),
    Row("u", "sum((u - Y)**2)/2"),
    Row("u", "sum((p - Y)**2)", "2", "-2*Y"),
    Row("u", "mean((p - Y)**2)", "2/size(Y)", "-2*Y/size(Y)"),
    Row("sigmoid(u)", BERNOULLI),
    Row("sigmoid(u)", "sum(softplus(u) - Y*u)"),
    Row("sigmoid(u)", "sum(log(1 + exp(u)) - Y*u)"),
    Row("1/(1 + exp(-u))", BERNOULLI),
    Row("sigmoid(u)", "-(Y*log(p) + (1 - Y)*log(1 - p))", shape=""),
    Row("tanh(u)", "-sum((1 + Y)/2*log((1 + p)/2) + (1 - Y)/2*log((1 - p)/2))"),
    Row("tanh(u)", "sum(log(2*cosh(u)) - Y*u)"),
    Row("tanh(u)", "sum(logcosh(u) - Y*u)"),
    Row("exp(u)", "sum(p - Y*log(p))"),
    Row("exp(u)", "sum(exp(u) - Y*u)"),
    Row("-1/u", "sum(log(p) + Y/p)"),
    Row("-1/u", "sum(-log(-u) - Y*u)"),
    Row("(-2*u)**(-1/2)", "sum(Y/(2*p**2) - 1/p)"),
    Row("(-2*u)**(-1/2)", "sum(-sqrt(-2*u) - Y*u)"),
    Row("3*exp(u)/(1 - exp(u))", "sum((Y + 3)*log(p + 3) - Y*log(p))"),
    Row("3*exp(u)/(1 - exp(u))", "sum(-3*log(1 - exp(u)) - Y*u)"),
    Row("2*sigmoid(u) - 1", "-sum((1 + Y)*log((1 + p)/2) + (1 - Y)*log((1 - p)/2))"),
    Row("softmax(u)", "Y @ log(p)", "-sum(Y)", "Y"),
    Row("softmax(u)", "-Y @ log(p)", "sum(Y)", "-Y"),
    Row("softmax(u)", "sum(Y*(log(Y) - log(p)))", "sum(Y)", "-Y"),
    Row("softmax(u)", "logsumexp(u) - Y @ u"),
    Row("softmax(u/2)", "-Y @ log(p)", "sum(Y)/2", "-Y/2"),
    Row("arctan(u)", "sum(u*arctan(u) - log(1 + u**2)/2 - Y*u)"),
]


@pytest.mark.parametrize("row", MATCHING, ids=lambda row: f"{row.module} | {row.loss}")
def test_matching(row: Row) -> None:
    found = pair(row.module, row.loss, row.shape)
    assert (found.verdict, found.status, found.needs) == ("matches", "proved", ())
    slope = read(row.slope, Y=row.shape)
    labels = tuple(range(len(found.input.shape)))
    spread = slope if slope.shape else contract((slope,), ((),), labels, dict(enumerate(found.input.shape)))
    assert found.A is contract((spread,), (labels,), labels + labels)
    assert found.b is read(row.constant, Y=row.shape)
    assert is_zero(found.remainder)


@pytest.mark.parametrize("row", MATCHING, ids=lambda row: f"{row.module} | {row.loss}")
def test_the_relation_holds_at_points(row: Row) -> None:
    """Central differences of the loss against A·M(u) + b: nothing of the engine's in between but A, b and texts."""
    found = pair(row.module, row.loss, row.shape)
    assert found.A is not None and found.b is not None
    shape = row.shape
    loss = read(row.loss, u=shape, p=shape, Y=shape)
    module = read(row.module, u=shape)
    p, u, y = symbol("p", found.input.shape), found.input, found.target
    random, sizes, tried = Random(1), sizes_of(module, 3), 0
    inputs = draws(u.shape, u, Facts(), sizes, random)
    targets = draws(y.shape, y, Facts((Fact("positive", y, ""),)), sizes, random)
    step = mp.mpf(10) ** -12

    def value(at: Value) -> Any:
        return evaluate(loss, {u: at, y: given, p: evaluate(module, {u: at}, sizes)}, sizes)[()]

    for at, given in zip(inputs, targets, strict=False):
        try:
            out = evaluate(module, {u: at}, sizes)
            slope, constant = (evaluate(e, {y: given}, sizes) for e in (found.A, found.b))
            for i in indices(u.shape, sizes):
                up, down = ({**at, i: at[i] + k * step} for k in (1, -1))
                numeric = (value(up) - value(down)) / (2 * step)
                stated = constant[i] + sum(slope[(*i, *j)] * out[j] for j in out)
                assert abs(numeric - stated) < 1e-15 * (1 + abs(stated))
        except OutsideDomainError:
            continue
        tried += 1
        if tried == 3:
            return
    pytest.fail("no point in the domain was drawn")


def test_batched_rows() -> None:
    found = pair("softmax(u, axis=1)", "-sum(Y*log(p))/size(Y, 0)", "m o")
    assert found.matches and found.status == "proved"
    given = Fact("sum", target("m o"), "sum(Y, axis=1) == 1", ones(("m",)), (1,))
    told = pair("softmax(u, axis=1)", "-sum(Y*log(p))", "m o", (given,))
    assert told.A is contract((), (), (0, 1, 0, 1), {0: "m", 1: "o"})
    assert told.b is scale(-1, target("m o")) and told.needs == ("sum(Y, axis=1) == 1",)


def test_a_linear_layer_in_the_module() -> None:
    found = pair("W @ u", "sum((p - Y)**2)/2", "n", out="o", W="o n")
    assert found.A is read("W.T", W="o n") and found.b is read("-W.T @ Y", W="o n", Y="o")


# ---------------------------------------------------------------- facts
@pytest.mark.parametrize("given", [SUM, ONEHOT], ids=lambda fact: fact.text)
def test_the_seed_pair_needs_its_assumption(given: Fact) -> None:
    """S19: ∂(L∘N)/∂u = Y − N, with the assumption; Y − (1ᵀY) N without it."""
    found = pair("softmax(u)", "Y @ log(p)", "o", (given,))
    identity = contract((), (), (0, 0), {0: "o"})
    assert found.gradient is add([(1, target()), (-1, found.output)], ("o",))
    assert found.A is scale(-1, identity) and found.b is target()
    assert found.needs == (given.text,)
    general = found.without_needs
    assert general is not None and general.matches and general.needs == () and general.without_needs is None
    assert general.A is contract((scale(-1, contract((target(),), ((0,),), ())),), ((),), (1, 1), {1: "o"})
    assert any(step.facts for step, _ in fires(found.proof))
    assert not any(step.facts for step, _ in fires(general.proof))


def test_a_fact_that_is_not_used_is_not_needed() -> None:
    found = pair("-1/u", "sum(log(p) + Y/p)", "o", (NEGATIVE,))
    assert found.matches and found.needs == () and found.without_needs is None


# ---------------------------------------------------------------- what doesn't match
NOT_MATCHING = [
    ("normal_cdf(u)", BERNOULLI),
    ("1 - exp(-exp(u))", BERNOULLI),
    ("exp(u)", "sum(log(p) + Y/p)"),
    ("softplus(u)", "sum(p - Y*log(p))"),
    ("sigmoid(u)", "sum((p - Y)**2)/2"),
    ("softmax(u)", "sum((p - Y)**2)/2"),
    ("tanh(u)", "sum((p - Y)**2)/2"),
    ("relu(u)", "sum((p - Y)**2)/2"),
    ("exp(u)", "sum((p - Y)**4)"),
    ("u/sqrt(u @ u)", "sum((p - Y)**2)/2"),
]


@pytest.mark.parametrize(("module", "loss"), NOT_MATCHING)
def test_not_matching(module: str, loss: str) -> None:
    found = pair(module, loss)
    assert (found.verdict, found.status, found.matches) == ("does not match", "refuted", False)
    assert found.A is not None and found.b is not None
    for part in (found.A, found.b):
        assert not depends(part, found.input) and not depends(part, found.output)
    assert depends(found.remainder, found.input) and found.reason
    shown = found.counterexample
    assert shown is not None and shown.text == found.reason
    if shown.slopes:
        assert abs(shown.slopes[0] - shown.slopes[1]) > 1e-8
    else:
        assert abs(sum(shown.weights)) < 1e-9


def test_sigmoid_with_squared_error_as_a_book_has_it() -> None:
    found = pair("sigmoid(u)", "sum((p - Y)**2)/2")
    assert found.A is read("-diag(Y)", Y="o") and is_zero(found.b or ONE)
    remainder = substitute(read("(1 + Y)*p**2 - p**3", Y="o", p="o"), {symbol("p", ("o",)): found.output})
    assert found.remainder is remainder
    assert found.counterexample is not None
    assert found.counterexample.slopes == (0.25, -0.1875)
    assert found.reason == "at Y_i = 1 the slope dg_i/dp_i is 1/4 for u_i = 0 and -3/16 for u_i = -log 3"


@pytest.mark.parametrize(("module", "loss"), NOT_MATCHING)
def test_the_parts_add_up_to_the_gradient(module: str, loss: str) -> None:
    found = pair(module, loss)
    assert found.A is not None and found.b is not None
    o = symbol("p", ("o",)).shape[0]
    affine = contract((found.A, found.output), (("i", "j"), ("j",)), ("i",))
    whole = add([(1, affine), (1, found.b), (1, found.remainder), (-1, found.gradient)], ("o",))
    sizes, random = {str(o): 3}, Random(2)
    for _ in range(3):
        at: dict[Expr, Value] = {
            s: next(draws(s.shape, s, Facts(), sizes, random)) for s in (found.input, found.target)
        }
        try:
            left = evaluate(whole, at, sizes)
        except OutsideDomainError:
            continue
        assert max(abs(v) for v in left.values()) < 1e-25


# ---------------------------------------------------------------- undecided
def test_what_no_rule_knows_is_only_checked() -> None:
    found = pair("sin(u)", "sum(-2*cos(u/2)**2 - Y*u)")
    assert found.verdict == "matches" and found.status == "checked"
    assert found.A is None and found.b is None and "fits every point" in found.reason


def test_an_abstract_module_is_undecided() -> None:
    u, p, y = symbol("u", ("n",)), symbol("p", ("o",)), symbol("y", ("o",))
    module = read("N(u)", N="n -> o", u="n")
    found = match(module, read("sum((p - y)**2)/2", p="o", y="o"), u, p, y)
    assert found.verdict == "unknown" and not found and found.reason.startswith("undecided is")


# ---------------------------------------------------------------- proofs
@pytest.mark.parametrize("row", MATCHING, ids=lambda row: f"{row.module} | {row.loss}")
def test_the_proof_replays(row: Row) -> None:
    found = pair(row.module, row.loss, row.shape)
    assert replay(found.proof) is found.proof.after
    steps = list(fires(found.proof))
    assert all(check_fire(step, context) for step, context in steps)
    assert [step.rule for step, _ in steps].count("affine_in_module") == 1


@pytest.mark.parametrize(("module", "loss"), NOT_MATCHING)
def test_the_split_replays(module: str, loss: str) -> None:
    found = pair(module, loss)
    assert replay(found.proof) is found.proof.after
    notes = {n.note for n in (found.proof.after, *found.proof.after.kids) if isinstance(n, Box)}
    assert "remainder" in notes


def test_a_planted_fault_is_seen() -> None:
    found = pair("sigmoid(u)", "sum((p - Y)**2)/2")
    ((step, context),) = [(s, c) for s, c in fires(found.proof) if s.rule == "affine_in_module"]
    assert check_fire(step, context)
    assert not check_fire(replace(step, after=found.gradient), context)
    found = pair("tanh(u)", MATCHING[9].loss)
    ((step, context),) = [(s, c) for s, c in fires(found.proof) if s.rule == "same_fraction"]
    assert not check_fire(replace(step, choice=scale(2, step.choice)), context)


def test_fractions_tell_apart_what_differs() -> None:
    node = read("tanh(u)", u="o")
    assert same_fraction.fire(node, Context(), read("2*sigmoid(2*u) - 1", u="o")) is not None
    assert same_fraction.fire(node, Context(), read("2*sigmoid(u) - 1", u="o")) is None
    assert equal(read("relu(u)*heaviside(u)", u="o"), read("relu(u)", u="o"))
    assert not equal(read("exp(u)", u="o"), read("exp(v)", v="o"))
    assert not equal(read("W @ u", W="o o", u="o"), read("W.T @ u", W="o o", u="o"))
    assert equal(read("(sqrt(u) + 1)**2 - 2*sqrt(u)", u="o"), read("u + 1", u="o"))


def test_rules_that_do_not_apply_give_none() -> None:
    assert expand_power.fire(read("tanh(u)", u="o"), Context()) is None
    found = pair("-1/u", "sum(log(p) + Y/p)")
    assert fold_power.fire(read("u**2", u="o"), Context(), found.output) is None
    assert {"affine_in_module", "collect_powers", "fold_power", "same_fraction", "expand_power"} <= set(RULES)


# ---------------------------------------------------------------- the public operator
def test_the_operator_reads_texts_and_assumptions() -> None:
    given = {"input": "u", "output": "N", "target": "Y", "u": "o", "Y": "o"}
    found = matching("softmax(u)", "Y @ log(N)", assume="sum(Y) == 1", **given)
    assert (found.A.text(), found.b.text(), found.needs) == ("−I", "Y", ("sum(Y) == 1",))
    assert found.without_needs.A.text() == "−(1ᵀ Y) I"
    assert replay(found.proof) is found.proof.after


@pytest.mark.parametrize(
    ("module", "loss", "shape", "assume"),
    [
        (modules.Softmax(), modules.LogLikelihood(), "o", "onehot(y)"),
        (modules.Sigmoid(), modules.BinaryCrossEntropy(reduction="sum"), "o", None),
        ("softmax(x)", "cross_entropy(x, y)", "m o", "sum(y, axis=1) == 1"),
        ("sigmoid(x)", "soft_margin(x, y)", "o", "y**2 == 1"),
        ("-1/x", "gamma_nll(x, y)", "o", "x < 0"),
        ("1/sqrt(-2*x)", "inverse_gaussian_nll(x, y)", "o", "x < 0"),
        ("exp(x)", "poisson_nll(x, y)", "o", None),
        ("tanh(x)", "bipolar_nll(x, y)", "o", None),
    ],
    ids=str,
)
def test_rows_of_the_table_of_losses(module: Any, loss: Any, shape: str, assume: str | None) -> None:
    found = matching(module, loss, input="x", assume=assume, x=shape)
    assert (found.verdict, found.status) == ("matches", "proved")
    assert replay(found.proof) is found.proof.after


def test_signs_enter_by_their_two_values() -> None:
    found = matching("sigmoid(u)", "sum(softplus(-y*u))", u="o", assume="y**2 == 1")
    assert (found.A.text(), found.b.text(), found.needs) == ("I", "−(1/2) (1 + y)", ("y**2 == 1",))
    assert found.without_needs.verdict == "does not match"


def test_a_symmetric_matrix() -> None:
    told = {"input": "u", "u": "o", "A": "o o"}
    assert matching("A @ u", "u @ A @ u/2 - y @ u", assume="symmetric(A)", **told).status == "proved"
    general = matching("A @ u", "u @ A @ u/2 - y @ u", **told)  # A⁻¹ would be needed: no rule looks for one
    assert (general.matches, general.status) == (True, "checked")


def test_two_entries_are_too_few_to_decide() -> None:
    """Standardised, two entries are ±1; three show that the pair doesn't match."""
    assert matching("(u - mean(u))/std(u)", "mse(p, y)", u="o").verdict == "does not match"


def test_the_input_must_be_clear() -> None:
    with pytest.raises(SymderivError, match="input isn't declared"):
        matching("W @ u", "mse(p, y)", u="n", W="o n")
    with pytest.raises(UnknownNameError, match="unknown input 'v'"):
        matching("sigmoid(u)", "mse(p, y)", u="o", input="v")


# ---------------------------------------------------------------- bad input
def test_a_loss_is_a_scalar() -> None:
    with pytest.raises(ShapeError, match="scalar"):
        pair("sigmoid(u)", "(p - Y)**2")


def test_the_loss_mentions_the_output() -> None:
    with pytest.raises(UnknownNameError, match="doesn't mention the module's output 'p'"):
        pair("sigmoid(u)", "sum(Y)")


def test_the_module_mentions_its_input() -> None:
    with pytest.raises(UnknownNameError, match="input 'u'"):
        match(target(), read("sum((p - Y)**2)", p="o", Y="o"), symbol("u", ("o",)), symbol("p", ("o",)), target())


def test_the_output_has_the_modules_shape() -> None:
    u, p, y = symbol("u", ("o",)), symbol("p", ("m",)), symbol("Y", ("m",))
    with pytest.raises(ShapeError) as caught:
        match(read("sigmoid(u)", u="o"), read("sum((p - Y)**2)", p="m", Y="m"), u, p, y)
    assert caught.value.shapes == (("m",), ("o",))
    assert isinstance(caught.value, SymderivError)


def test_no_point_in_the_domain() -> None:
    found = pair("log(-1 - u**2)", "sum(p**2*Y)")
    assert found.verdict == "unknown" and "no point was found" in found.reason


# ---------------------------------------------------------------- what assumptions exclude
@pytest.mark.parametrize(("module", "loss", "assume", "verdict"), [
    ("abs(u - 1)", "(p - y)**2/2", "u > 1", "matches"),
    ("abs(u - 1)", "(p - y)**2/2", None, "does not match"),
    ("u", "(p - y)**2/2 + (a - 1)*p**4", "a == 1", "matches"),
    ("u", "(p - y)**2/2 + (a - b)*p**4", "a == b", "matches"),
    ("u", "(p - y)**2/2 + (a - b)*p**4", "a == 2*b", "does not match"),
    ("u", "(p - y)**2/2 + p**4", "u > 0", "does not match"),
    ("u", "(p - y)**2/2 + p**4", ["u > 0", "u < -1"], "unknown"),
])  # fmt: skip
def test_a_pair_is_refuted_only_where_its_assumptions_hold(module: str, loss: str, assume: Any, verdict: str) -> None:
    found = matching(module, loss, input="u", u="", y="", a="", b="", assume=assume)
    assert found.verdict == verdict
    if found.counterexample is not None and assume == "a == 2*b":
        given = found.counterexample.given
        assert given["a"] == pytest.approx(2 * given["b"]) and given["b"] != 0


def test_input_output_and_target_have_names_of_their_own() -> None:
    """In 'sum((u - y)**2)' with the output called u as the input is, u would be either."""
    for names in ({"output": "u"}, {"target": "u"}, {"target": "p"}):
        with pytest.raises(SymderivError, match="names of their own"):
            matching("sigmoid(u)", "sum((u - y)**2) + sum(p)", input="u", u="o", y="o", **names)
