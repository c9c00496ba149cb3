"""Every rule: it fires where it says, keeps the value, needs its facts; and each check is seen to fail on a planted fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import symderiv as sd
from symderiv.build import (
    add,
    apply,
    call,
    contract,
    name,
    ones,
    permute,
    power,
    scale,
    substitute,
    symbol,
    view,
)
from symderiv.facts import Fact
from symderiv.ir import Der, Expr
from symderiv.rules import RULES, Context
from symderiv.verify import check_derivative, same_value
from tests.oracles import FAULTS, broken, transposed
from tests.rule_cases import (
    LEMMAS,
    A,
    Case,
    Q,
    U,
    X,
    Y,
    _lemma,
    cases,
    given,
    lse,
    minus_lse,
    one_minus,
    one_plus,
    over_sum,
    row_sums,
    sigma,
    signs_y,
    softmax,
    summed_exp,
    times,
    u,
    v,
    x,
    y,
)

TRIALS = 4


def check_case(case: Case) -> None:
    """The rule fires, changes the node, and before and after have one value wherever the facts hold."""
    used = case.fire()
    assert used is not None, f"{case} doesn't fire"
    assert used.after.shape == case.node.shape
    assert used.after is not case.node
    report = same_value(case.node, used.after, case.context.facts, TRIALS)
    assert report, report.summary()
    if isinstance(case.node, Der):
        report = check_derivative(case.node.body, case.node.wrt, 1, used.after, case.context.facts, TRIALS)
        assert report, report.summary()


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_rule_keeps_the_value(case):
    assert isinstance(case.node, case.law.kinds)
    check_case(case)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_rule_that_is_broken_is_seen(case):
    """The control: the same check fails when the result is a little off, has the wrong sign, or is transposed."""
    used = case.fire()
    assert used is not None
    planted: dict[str, Callable[[Expr], Expr]] = dict(FAULTS)
    if same_value(used.after, transposed(used.after), case.context.facts, 1):
        del planted["transposed"]  # symmetric
    if used.after is scale(2, used.after):  # a zero
        planted = {"one more": lambda after: add([(1, after), (1, ones(after.shape))], after.shape)}
    for fault in planted.values():
        with broken(case.law, fault), pytest.raises(AssertionError):
            check_case(case)
    check_case(case)


@pytest.mark.parametrize("case", [case for case in cases() if case.context.facts], ids=str)
def test_without_its_fact_a_rule_doesnt_fire(case):
    assert case.fire(Context(names=case.context.names)) is None
    other = Fact("sum", symbol("elsewhere", ("n",)), "sum(elsewhere) == 1", ones(()), (0,))
    assert case.fire(given(other)) is None


@pytest.mark.parametrize("case", [case for case in cases() if case.context.facts], ids=str)
def test_a_rule_names_the_facts_it_used(case):
    used = case.fire()
    assert used is not None and used.facts
    assert set(used.facts) <= set(case.context.facts)


@pytest.mark.parametrize("case", [k for k in cases() if k.context.facts and k.rule != "apply_symmetry"], ids=str)
def test_the_fact_is_needed(case):
    """The control of the two tests above: without the fact, before and after differ."""
    used = case.fire()
    assert used is not None
    assert same_value(case.node, used.after, (), 8).verdict == "refuted"


@pytest.mark.parametrize(
    "case", [c for c in cases() if c.law.choices is None and c.law.family not in ("lemma", "structure")], ids=str
)
def test_a_rule_comes_to_rest(case):
    """Fired again at the root of its own result it stops soon."""
    node = case.node
    for _ in range(6):
        used = case.law.fire(node, case.context) if isinstance(node, case.law.kinds) else None
        if used is None or used.after is node:
            return
        node = used.after
    raise AssertionError(f"{case.rule} goes on and on")


# ---------------------------------------------------------------- where a rule must not fire
@pytest.mark.parametrize(("rule", "node"), [
    ("fold_softmax", contract((apply("exp", U), power(summed_exp(U, 1), -1)), ("ij", "k"), "ijk")),        # another row's sum
    ("fold_softmax", contract((apply("exp", Y), power(summed_exp(U, 1), -1)), ("ij", "i"), "ij")),
    ("fold_logsumexp", apply("log", view(apply("exp", U), "ij", ""))),                                     # two axes at once
    ("softmax_sums_to_one", view(softmax(U), "ij", "j")),                                                  # the other axis
    ("softmax_sums_to_one", contract((softmax(U), Y), ("ij", "ij"), "i")),
    ("log_of_softmax", apply("log", times(softmax(U), Y))),
    ("fold_exp_logsumexp", apply("exp", add([(2, U), *minus_lse(U, 1).terms], U.shape))),
    ("fold_softplus", apply("log", add([(2, ones(("n",))), (1, apply("exp", v))], ("n",)))),
    ("fold_sigmoid", power(one_plus[U], 2)),
    ("sigmoid_complement", one_minus(sigma[v])),                                                           # p(1 − p) stays
    ("cancel_inverse", contract((call("inv", (X,), ("n", "n")), X), ("ik", "jk"), "ij")),                  # X⁻¹Xᵀ
    ("cancel_inverse", contract((call("inv", (X,), ("n", "n")), X), ("ij", "ij"), "ij")),                  # X⁻¹ ⊙ X
    ("inverse_pair", apply("log", apply("tanh", v))),
    ("odd_even", apply("exp", scale(-1, v))),
    ("factor_common", add([(1, contract((v, x), "ij", "ij")), (1, contract((v, x), "ij", "ji"))], ("n", "n"))),
])  # fmt: skip
def test_a_rule_declines_what_only_looks_like_it(rule, node):
    used = RULES[rule].fire(node, Context())
    if used is not None:  # if it fires after all, it must be right
        assert same_value(node, used.after, (), TRIALS)
    assert used is None


@pytest.mark.parametrize(("fact", "rule", "node"), [
    (row_sums, "apply_sum", view(Y, "ij", "j")),
    (row_sums, "apply_sum", contract((Y, Y), ("ij", "ij"), "i")),
    (Fact("onehot", Y, "onehot(Y)"), "apply_onehot", contract((Y, Y), ("ai", "bj"), "aibj")),              # two samples
    (Fact("orthogonal", Q, "orthogonal(Q)"), "apply_orthogonal", contract((Q, Q), ("ik", "kj"), "ij")),    # Q Q
    (signs_y, "apply_equality", U),
    (Fact("equal", power(Y, 2), "Y**2 == 2", scale(2, ones(Y.shape))), "sigmoid_slope_sign",
     times(apply("sigmoid", times(Y, U)), one_minus(apply("sigmoid", times(Y, U))))),
])  # fmt: skip
def test_a_fact_says_no_more_than_it_says(fact, rule, node):
    assert RULES[rule].fire(node, given(fact)) is None


# ---------------------------------------------------------------- the two that aren't plain equalities
def test_a_structured_derivative_is_the_gradient_by_the_entries_below_the_diagonal():
    """tr(AX) at a symmetric X: A + Aᵀ − A⊙I by the entries on and below the diagonal."""
    law = RULES["structured_derivative"]
    used = law.fire(X, Context())
    assert used is not None
    diagonal = view(view(X, "ii", "i"), "i", "ii")
    assert used.after is add([(1, X), (1, permute(X, (1, 0))), (-1, diagonal)], X.shape)
    assert law.fire(A, Context()) is None
    assert law.fire(v, Context()) is None


@pytest.mark.parametrize("fault", [FAULTS["off"], FAULTS["negated"]], ids=["off", "negated"])
@pytest.mark.parametrize(("rule", "fact"), [("structured_derivative", "symmetric"), ("diagonal_derivative", "diagonal")])
def test_a_broken_structured_derivative_is_seen(rule, fact, fault):
    def derived():
        return sd.gradient("trace(A @ X @ X)", "X", A="n n", X="n n", assume=f"{fact}(X)", structured=True)

    assert derived().verify(trials=TRIALS)
    with broken(rule, fault):
        assert not derived().verify(trials=TRIALS)


def test_a_power_that_isnt_a_names_is_left_alone():
    p = name("p", scale(-1, power(u, -1)))
    law = RULES["fold_power"]
    assert law.fire(power(u, -2), Context(names={p.body: p}), p) is not None
    assert law.fire(power(y, -2), Context(names={p.body: p}), p) is None
    assert law.fire(power(u, -2), Context(), p) is None


def test_different_fractions_are_told_apart():
    assert RULES["same_fraction"].fire(apply("sigmoid", v), Context(), apply("tanh", v)) is None


def test_a_lemma_about_something_else_is_refused():
    case = next(k for k in cases() if k.rule == "chain_rule_with_lemma")
    wrong = _lemma(lse(contract((A, apply("tanh", x)), ("ij", "j"), "i")))
    assert case.law.apply(case.node, Context(), None, wrong) is None


def test_a_rule_survives_other_names():
    """What a rule does doesn't depend on how symbols are called."""
    again = {U: symbol("Z9", U.shape), Y: symbol("K", Y.shape)}
    node = times(over_sum(U, 1), Y)
    there = RULES["fold_softmax"].fire(substitute(node, again), Context())
    here = RULES["fold_softmax"].fire(node, Context())
    assert here is not None and there is not None
    assert substitute(here.after, again) is there.after


# ---------------------------------------------------------------- all of them
def test_every_rule_has_a_case():
    """A new rule needs an example (or a case here): else nothing would tell that it is wrong."""
    assert set(RULES) - {case.rule for case in cases()} == {"diagonal_derivative", "structured_derivative"}  # tests/test_attacked.py


def test_only_rules_that_need_more_than_a_node_have_no_example():
    without = {law.name for law in RULES.values() if law.example is None}
    assert without <= {*LEMMAS, "let", "same_fraction", "diagonal_derivative", "structured_derivative"}


def test_names_titles_and_laws_are_given():
    for law in RULES.values():
        assert law.name.isidentifier() and law.title and law.law and law.kinds
        assert law.law.count("{") == law.law.count("}")
