"""Every rule: it fires where it says, keeps the value, needs its facts; and each check is seen to fail on a planted fault."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from symderiv.build import ONE, add, apply, call, contract, der, identity, name, ones, permute, power, scale, substitute, symbol, view
from symderiv.engine import Engine
from symderiv.facts import Fact, facts
from symderiv.ir import Der, Expr
from symderiv.rules import RULES, Context, Rule
from symderiv.rules.base import Used
from symderiv.verify import check_derivative, same_value
from tests.oracles import FAULTS, broken, transposed

TRIALS = 4
LEMMAS = ("chain_rule_with_lemma", "pull_back")
"""rules that also take proofs of lemmas"""


@dataclass(frozen=True)
class Case:
    """A node at which a rule fires; ``about`` says what is special."""

    rule: str
    about: str
    node: Expr
    context: Context = Context()
    choice: Any = None
    cited: tuple[Any, ...] = ()

    @property
    def law(self) -> Rule:
        return RULES[self.rule]

    def fire(self, context: Context | None = None) -> Used | None:
        context = self.context if context is None else context
        if self.law.family == "lemma":
            result = self.law.apply(self.node, context, self.choice, self.cited)
            return None if result is None else Used(result, ())
        return self.law.fire(self.node, context, self.choice)

    def __str__(self) -> str:
        return f"{self.rule}-{self.about}"


def given(*found: Fact, **names: Expr) -> Context:
    return Context(facts(found), {e: name(text, e) for text, e in names.items()})


def times(*factors: Expr) -> Expr:
    labels = tuple(range(len(factors[0].shape)))
    return contract(factors, [labels] * len(factors), labels)


def one_minus(e: Expr) -> Expr:
    return add([(1, ones(e.shape)), (-1, e)], e.shape)


u, v, y = symbol("u", ("o",)), symbol("v", ("n",)), symbol("y", ("o",))
U, Y, T = symbol("U", ("m", "o")), symbol("Y", ("m", "o")), symbol("t", ("m",))
B3, X3 = symbol("B", ("s", "m", "o")), symbol("X3", ("m", "n", "n"))
X, Q, A = symbol("X", ("n", "n")), symbol("Q", ("n", "n")), symbol("A", ("o", "n"))
c, x = symbol("c", ()), symbol("x", ("n",))


def softmax(e: Expr, axis: int = -1) -> Expr:
    return call("softmax", (e,), e.shape, (axis % len(e.shape),))


def lse(e: Expr, axis: int = -1) -> Expr:
    axis %= len(e.shape)
    return call("logsumexp", (e,), tuple(d for k, d in enumerate(e.shape) if k != axis), (axis,))


def summed_exp(e: Expr, axis: int) -> Expr:
    axes = tuple(range(len(e.shape)))
    return view(apply("exp", e), axes, tuple(k for k in axes if k != axis))


def over_sum(e: Expr, axis: int) -> Expr:
    axes = tuple(range(len(e.shape)))
    kept = tuple(k for k in axes if k != axis)
    return contract((apply("exp", e), power(summed_exp(e, axis), -1)), (axes, kept), axes)


def minus_lse(e: Expr, axis: int) -> Expr:
    axes = tuple(range(len(e.shape)))
    wide = view(lse(e, axis), tuple(k for k in axes if k != axis), axes, dict(enumerate(e.shape)))
    return add([(1, e), (-1, wide)], e.shape)


signs_y = Fact("equal", power(Y, 2), "Y**2 == 1", ones(Y.shape))
signs_t = Fact("equal", power(T, 2), "t**2 == 1", ones(T.shape))
row_sums = Fact("sum", Y, "sum(Y, axis=1) == 1", ones(("m",)), (1,))
one_plus = {w: add([(1, ones(w.shape)), (1, apply("exp", w))], w.shape) for w in (U, X3)}
sigma = {w: apply("sigmoid", w) for w in (v, U, X3)}
labelled = times(T, symbol("r", ("m",)))
over_powers = add([(1, contract((x, power(c, -1)), ("i", ""), "i")), (-2, contract((v, power(c, -2)), ("i", ""), "i"))], ("n",))
projected = contract((add([(2, identity(("n",))), (1, contract((v, v), "ij", "ij"))], ("n", "n")), x), ("ij", "j"), "i")
lemma_node = softmax(contract((A, apply("tanh", x)), ("ij", "j"), "i"))


def _lemma(*nodes: Expr) -> tuple[Any, ...]:
    return tuple(Engine().definition_lemma(n) for n in nodes)  # type: ignore[arg-type]


def _pull_back() -> list[Case]:
    """A scalar in which z is used three times, once inside a function with a definition."""
    z = contract((A, x), ("ij", "j"), "i")
    p = softmax(z)
    loss = add([(1, contract((y, p), ("i", "i"), "")), (-2, contract((z, z), ("i", "i"), ""))], ())
    through = add([(1, contract((apply("exp", u),), ("i",), "")), (3, contract((y, u), ("i", "i"), ""))], ())
    batch = contract((Y, apply("log", softmax(U))), ("ij", "ij"), "")
    return [Case("pull_back", "several uses", der(loss, z), cited=_lemma(p)),
            Case("pull_back", "symbol", der(through, u)),
            Case("pull_back", "batched", der(batch, U), cited=_lemma(softmax(U)))]


def _more() -> list[Case]:
    """What the examples leave out: batched nodes, other axes, names around, and rules without an example."""
    named = apply("exp", U)
    inv = call("inv", (X,), ("n", "n"))
    p = name("p", softmax(u))
    return [
        *(Case("fold_softmax", f"axis {k}", over_sum(B3, k)) for k in range(3)),
        Case("fold_softmax", "squared", times(over_sum(U, 1), over_sum(U, 1))),
        Case("fold_softmax", "beside others", times(over_sum(U, 1), Y)),
        *(Case("fold_logsumexp", f"axis {k}", apply("log", summed_exp(B3, k))) for k in range(3)),
        *(Case("log_of_softmax", f"axis {k}", apply("log", softmax(B3, k))) for k in range(3)),
        Case("log_of_softmax", "named", apply("log", p)),
        *(Case("fold_exp_logsumexp", f"axis {k}", apply("exp", minus_lse(B3, k))) for k in range(3)),
        *(Case("softmax_sums_to_one", f"axis {k}", view(softmax(B3, k), (0, 1, 2), tuple(a for a in range(3) if a != k)))
          for k in range(3)),
        Case("softmax_sums_to_one", "all axes", view(softmax(B3, 1), (0, 1, 2), ())),
        Case("softmax_sums_to_one", "beside others", contract((softmax(U), T), ("ij", "i"), "i")),
        Case("softmax_sums_to_one", "named", contract((p, c), ("i", ""), "")),
        Case("apply_sum", "rows", view(Y, "ij", "i"), given(row_sums)),
        Case("apply_sum", "all", view(Y, "ij", ""), given(row_sums)),
        Case("apply_sum", "beside others", contract((Y, T), ("ij", "i"), ""), given(row_sums)),
        Case("apply_onehot", "rows", contract((Y, Y), ("bi", "bj"), "bij"), given(Fact("onehot", Y, "onehot(Y)"))),
        Case("apply_onehot", "in a product", contract((y, y, A), ("i", "j", "jk"), "ik"), given(Fact("onehot", y, "onehot(y)"))),
        Case("apply_equality", "cube", power(Y, 3), given(signs_y)),
        Case("apply_equality", "fourth power", power(Y, 4), given(signs_y)),
        Case("apply_equality", "one-hot", power(Y, 2), given(Fact("onehot", Y, "onehot(Y)"))),
        Case("apply_orthogonal", "rows", contract((Q, Q), ("ik", "jk"), "ij"), given(Fact("orthogonal", Q, "orthogonal(Q)"))),
        Case("apply_orthogonal", "inside", contract((A, Q, Q, x), ("oi", "ki", "kj", "j"), "o"),
             given(Fact("orthogonal", Q, "orthogonal(Q)"))),
        Case("apply_orthogonal", "trace", contract((Q, Q, x, v), ("ki", "kj", "i", "j"), ""),
             given(Fact("orthogonal", Q, "orthogonal(Q)"))),
        Case("cancel_inverse", "right", contract((X, inv), ("ik", "kj"), "ij")),
        Case("cancel_inverse", "inside", contract((A, inv, X, x), ("oi", "ik", "kj", "j"), "o")),
        Case("apply_symmetry", "psd", contract((X, A), ("ji", "oj"), "oi"), given(Fact("psd", X, "psd(X)"))),
        Case("inverse_pair", "batched", apply("exp", apply("log", U))),
        Case("inverse_pair", "named", apply("log", name("e", named))),
        Case("unfold_shorthand", "expm1", apply("expm1", U)),
        Case("unfold_shorthand", "log_sigmoid", apply("log_sigmoid", X3)),
        Case("fold_softplus", "batched", apply("log", one_plus[X3])),
        Case("fold_sigmoid", "batched", power(one_plus[X3], -1)),
        Case("fold_sigmoid", "cubed", power(one_plus[U], -3)),
        Case("fold_exp_sigmoid", "batched", times(apply("exp", X3), apply("sigmoid", scale(-1, X3)), X3)),
        Case("log_of_sigmoid", "negative", apply("log", apply("sigmoid", scale(-1, U)))),
        Case("log_of_complement", "batched", apply("log", one_minus(sigma[X3]))),
        Case("sigmoid_complement", "batched", one_minus(apply("sigmoid", scale(-1, U)))),
        Case("sigmoid_slope", "batched", times(sigma[X3], apply("sigmoid", scale(-1, X3)))),
        Case("sigmoid_slope_sign", "signs", times(apply("sigmoid", labelled), one_minus(apply("sigmoid", labelled))), given(signs_t)),
        Case("sigmoid_slope_sign", "matrix", times(apply("sigmoid", times(Y, U)), one_minus(apply("sigmoid", times(Y, U)))),
             given(signs_y)),
        Case("odd_even", "even", apply("cos", scale(-2, U))),
        Case("odd_even", "difference", apply("tanh", add([(-1, v), (-1, x)], ("n",)))),
        Case("known_value", "log 1", apply("log", ONE)),
        Case("fold_name", "sum", minus_lse(U, 1), given(d=minus_lse(U, 1))),
        Case("factor_common", "batched", add([(1, contract((Y, A), ("bo", "on"), "bn")), (-2, contract((U, A), ("bo", "on"), "bn"))],
                                             ("m", "n"))),
        Case("factor_common", "powers", over_powers),
        Case("distribute", "matrices", projected, choice=next(iter(RULES["distribute"].choices(projected, Context())))),
        Case("differentiate_variable", "matrix", der(U, U)),
        Case("differentiate_constant", "matrix", der(apply("exp", U), Y)),
        Case("sum_rule", "matrix", der(add([(2, U), (-1, apply("tanh", U))], U.shape), U)),
        Case("product_rule", "three factors", der(contract((X, X, X), ("ij", "jk", "kl"), "il"), X)),
        Case("product_rule", "diagonal", der(contract((apply("exp", x), x), ("i", "i"), "ii"), x)),
        Case("linearity", "broadcast", der(view(apply("exp", x), "i", "ji", {"j": "m"}), x)),
        Case("linearity", "trace", der(contract((X, X3), ("ij", "mji"), "m"), X)),
        Case("elementwise_chain_rule", "power", der(power(add([(1, U), (2, Y)], U.shape), 3), U)),
        Case("elementwise_chain_rule", "generic", der(apply("f", U, generic=True), U)),
        Case("elementwise_chain_rule", "second", der(apply("f", x, order=1, generic=True), x)),
        *(Case("chain_rule", fn, der(call(fn, (X,), shape), X)) for fn, shape in (("inv", ("n", "n")), ("det", ()), ("logdet", ()))),
        Case("chain_rule", "two arguments", der(call("N", (apply("tanh", x), A), ("q",), abstract=True), x)),
        Case("chain_rule", "second", der(call("N", (apply("tanh", x), x), ("q",), abstract=True, ders=(1,)), x)),
        Case("chain_rule_with_lemma", "softmax", der(lemma_node, x), cited=_lemma(lemma_node)),
        Case("chain_rule_with_lemma", "batched", der(lse(apply("tanh", U)), U), cited=_lemma(lse(apply("tanh", U)))),
        Case("differentiate_definition", "batched", der(softmax(U), U)),
        *_pull_back(),
        Case("let", "vector", contract((A, x), ("ij", "j"), "i"), choice=("z", "auto")),
        Case("expand_power", "square", power(add([(1, U), (-2, Y)], U.shape), 2)),
        Case("same_fraction", "sigmoid", apply("sigmoid", v), choice=power(add([(1, ones(v.shape)), (1, apply("exp", scale(-1, v)))],
                                                                               v.shape), -1)),
    ]


@cache
def cases() -> tuple[Case, ...]:
    """The rules' own examples, in all the ways they may fire there, and those of this file."""
    found = []
    for law in RULES.values():
        if law.example is not None and law.family != "lemma":
            node, context = law.example()
            choices = list(law.choices(node, context)) if law.choices else [None]
            found += [Case(law.name, f"example {k}", node, context, choice) for k, choice in enumerate(choices)]
    return (*found, *_more())


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
        del planted["transposed"]                               # symmetric
    if used.after is scale(2, used.after):                      # a zero
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


@pytest.mark.parametrize("case", [c for c in cases() if c.law.choices is None and c.law.family not in ("lemma", "structure")], ids=str)
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
    ("fold_exp_logsumexp", apply("exp", add([(2, U), *minus_lse(U, 1).terms], U.shape))),  # type: ignore[attr-defined]
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
    if used is not None:                                        # if it fires after all, it must be right
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
    assert set(RULES) - {case.rule for case in cases()} == {"structured_derivative"}


def test_only_rules_that_need_more_than_a_node_have_no_example():
    without = {law.name for law in RULES.values() if law.example is None}
    assert without <= {*LEMMAS, "let", "same_fraction", "structured_derivative"}


def test_names_titles_and_laws_are_given():
    for law in RULES.values():
        assert law.name.isidentifier() and law.title and law.law and law.kinds
        assert law.law.count("{") == law.law.count("}")
