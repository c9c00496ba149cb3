"""Nodes at which rules fire: their own examples, batched ones, named ones, and rules that have no example."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from symderiv.build import (
    ONE,
    add,
    apply,
    call,
    contract,
    der,
    identity,
    name,
    ones,
    power,
    scale,
    size,
    symbol,
    view,
)
from symderiv.engine import Engine
from symderiv.facts import Fact, facts
from symderiv.ir import Expr
from symderiv.record import Proof, chain
from symderiv.rules import RULES, Context, Rule
from symderiv.rules.base import Used

TRIALS = 4
LEMMAS = ("chain_rule_with_lemma", "pull_back", "outer_square", "square_of_gradient", "mirrored_block")
"""rules that also take proofs of lemmas"""
SPECTRA = (
    ("eigvalsh", ("n",)), ("eigenvectors", ("n", "n")), ("inverse_gaps", ("n", "n")), ("eigmax", ()), ("top_eigenvector", ("n",)),
    ("top_resolvent", ("n", "n")), ("spectral_norm", ()), ("trace_expm", ()), ("trace_sinm", ()), ("trace_cosm", ()),
)  # fmt: skip
"""functions of the symmetric part of a matrix, and traces of functions of one, with the shapes of their values"""


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
over_powers = add(
    [(1, contract((x, power(c, -1)), ("i", ""), "i")), (-2, contract((v, power(c, -2)), ("i", ""), "i"))], ("n",)
)
projected = contract((add([(2, identity(("n",))), (1, contract((v, v), "ij", "ij"))], ("n", "n")), x), ("ij", "j"), "i")
lemma_node = softmax(contract((A, apply("tanh", x)), ("ij", "j"), "i"))


def _lemma(*nodes: Expr) -> tuple[Any, ...]:
    return tuple(Engine().definition_lemma(n) for n in nodes)


def _pull_back() -> list[Case]:
    """A scalar in which z is used three times, once inside a function with a definition."""
    z = contract((A, x), ("ij", "j"), "i")
    p = softmax(z)
    loss = add([(1, contract((y, p), ("i", "i"), "")), (-2, contract((z, z), ("i", "i"), ""))], ())
    through = add([(1, contract((apply("exp", u),), ("i",), "")), (3, contract((y, u), ("i", "i"), ""))], ())
    batch = contract((Y, apply("log", softmax(U))), ("ij", "ij"), "")
    joined, weights = call("reshape", (U,), ("m*o",), (2,)), symbol("k", ("m*o",))
    return [
        Case("pull_back", "several uses", der(loss, z), cited=_lemma(p)),
        Case("pull_back", "symbol", der(through, u)),
        Case("pull_back", "batched", der(batch, U), cited=_lemma(softmax(U))),
        Case("pull_back", "reshaped", der(contract((power(joined, 2), weights), ("i", "i"), ""), U)),
    ]


def _outer_squares() -> list[Case]:
    """−log yᵀu, whose Hessian is the outer square of its gradient; and a product of two gradients."""
    loss = scale(-1, apply("log", contract((y, u), ("i", "i"), "")))
    engine = Engine()
    slope = der(loss, u)
    first = engine.jacobian(loss, u)
    hessian = engine.second(first, u, engine.jacobian(first.after, u))
    filled = engine.fill(contract((slope, slope), ("i", "j"), "ij"), {slope: first})
    square = chain(filled.before, [filled, engine.simplify(filled.after)], engine.context)
    pulled = engine.fill(contract((A, slope), ("ij", "i"), "j"), {slope: first})
    return [
        Case("outer_square", "log of a sum", contract((A, hessian.before), ("ij", "ik"), "jk"), cited=(hessian, square)),
        Case("square_of_gradient", "two", contract((pulled.before, slope), ("i", "j"), "ij"), cited=(pulled, first)),
        _below_the_diagonal(engine, hessian),
        *_squares_of_rows("rows", ()),
        *_squares_of_rows("mean of rows", (size("m"),)),
    ]


def _below_the_diagonal(engine: Engine, hessian: Proof) -> Case:
    """Bᵀ H A by the value of Aᵀ H B, for the Hessian of −log yᵀu."""
    B = symbol("B", (A.shape[0], 4))
    above = engine.fill(contract((A, hessian.before, B), ("ij", "ik", "kl"), "jl"), {hessian.before: hessian})
    node = contract((B, hessian.before, A), ("ij", "ik", "kl"), "jl")
    return Case("mirrored_block", "Hessian", node, cited=(above, hessian))


def _squares_of_rows(label: str, count: tuple[Expr, ...]) -> list[Case]:
    """−Σ_n log Σ_k U_nk (by the number of rows), whose Hessian is δ times the outer square of each row of the gradient."""
    divided = tuple(power(n, -1) for n in count)
    inner = contract((U, Y), ("ij", "ij"), "i")
    loss = scale(-1, contract((*divided, apply("log", inner)), (*("",) * len(count), "i"), ""))
    engine = Engine()
    slope = der(loss, U)
    first = engine.jacobian(loss, U)
    hessian = engine.second(first, U, engine.jacobian(first.after, U))
    filled = engine.fill(contract((*count, slope, slope), (*("",) * len(count), "ij", "ik"), "ijik"), {slope: first})
    square = chain(filled.before, [filled, engine.simplify(filled.after)], engine.context)
    J = symbol("J", (*U.shape, 2))
    pulled = engine.fill(contract((J, slope), ("ijp", "ij"), "ip"), {slope: first})
    node = contract((*count, pulled.before, slope), (*("",) * len(count), "ip", "ij"), "pj")
    return [
        Case("outer_square", label, contract((J, hessian.before), ("ijp", "ijkl"), "pkl"), cited=(hessian, square)),
        Case("square_of_gradient", label, node, cited=(pulled, first)),
    ]


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
        *(
            Case(
                "softmax_sums_to_one",
                f"axis {k}",
                view(softmax(B3, k), (0, 1, 2), tuple(a for a in range(3) if a != k)),
            )
            for k in range(3)
        ),
        Case("softmax_sums_to_one", "all axes", view(softmax(B3, 1), (0, 1, 2), ())),
        Case("softmax_sums_to_one", "beside others", contract((softmax(U), T), ("ij", "i"), "i")),
        Case("softmax_sums_to_one", "named", contract((p, c), ("i", ""), "")),
        Case("apply_sum", "rows", view(Y, "ij", "i"), given(row_sums)),
        Case("apply_sum", "all", view(Y, "ij", ""), given(row_sums)),
        Case("apply_sum", "beside others", contract((Y, T), ("ij", "i"), ""), given(row_sums)),
        Case("apply_onehot", "rows", contract((Y, Y), ("bi", "bj"), "bij"), given(Fact("onehot", Y, "onehot(Y)"))),
        Case(
            "apply_onehot",
            "in a product",
            contract((y, y, A), ("i", "j", "jk"), "ik"),
            given(Fact("onehot", y, "onehot(y)")),
        ),
        Case("apply_equality", "cube", power(Y, 3), given(signs_y)),
        Case("apply_equality", "fourth power", power(Y, 4), given(signs_y)),
        Case("apply_equality", "one-hot", power(Y, 2), given(Fact("onehot", Y, "onehot(Y)"))),
        Case(
            "apply_orthogonal",
            "rows",
            contract((Q, Q), ("ik", "jk"), "ij"),
            given(Fact("orthogonal", Q, "orthogonal(Q)")),
        ),
        Case(
            "apply_orthogonal",
            "inside",
            contract((A, Q, Q, x), ("oi", "ki", "kj", "j"), "o"),
            given(Fact("orthogonal", Q, "orthogonal(Q)")),
        ),
        Case(
            "apply_orthogonal",
            "trace",
            contract((Q, Q, x, v), ("ki", "kj", "i", "j"), ""),
            given(Fact("orthogonal", Q, "orthogonal(Q)")),
        ),
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
        Case(
            "sigmoid_slope_sign",
            "signs",
            times(apply("sigmoid", labelled), one_minus(apply("sigmoid", labelled))),
            given(signs_t),
        ),
        Case(
            "sigmoid_slope_sign",
            "matrix",
            times(apply("sigmoid", times(Y, U)), one_minus(apply("sigmoid", times(Y, U)))),
            given(signs_y),
        ),
        Case("odd_even", "even", apply("cos", scale(-2, U))),
        Case("odd_even", "difference", apply("tanh", add([(-1, v), (-1, x)], ("n",)))),
        Case("known_value", "log 1", apply("log", ONE)),
        Case("fold_name", "sum", minus_lse(U, 1), given(d=minus_lse(U, 1))),
        Case(
            "factor_common",
            "batched",
            add([(1, contract((Y, A), ("bo", "on"), "bn")), (-2, contract((U, A), ("bo", "on"), "bn"))], ("m", "n")),
        ),
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
        *(
            Case("chain_rule", fn, der(call(fn, (X,), shape), X))
            for fn, shape in (("inv", ("n", "n")), ("det", ()), ("logdet", ()), *SPECTRA)
        ),
        *(
            Case("chain_rule", f"max over {axes}", der(call("max", (U,), shape, (axes,)), U))
            for axes, shape in ((None, ()), (0, ("o",)), (1, ("m",)))
        ),
        Case("chain_rule", "two arguments", der(call("N", (apply("tanh", x), A), ("q",), abstract=True), x)),
        Case("chain_rule", "second", der(call("N", (apply("tanh", x), x), ("q",), abstract=True, ders=(1,)), x)),
        Case("chain_rule_with_lemma", "softmax", der(lemma_node, x), cited=_lemma(lemma_node)),
        Case("chain_rule_with_lemma", "batched", der(lse(apply("tanh", U)), U), cited=_lemma(lse(apply("tanh", U)))),
        Case("differentiate_definition", "batched", der(softmax(U), U)),
        *_pull_back(),
        *_outer_squares(),
        Case("let", "vector", contract((A, x), ("ij", "j"), "i"), choice=("z", "auto")),
        Case("expand_power", "square", power(add([(1, U), (-2, Y)], U.shape), 2)),
        Case(
            "same_fraction",
            "sigmoid",
            apply("sigmoid", v),
            choice=power(add([(1, ones(v.shape)), (1, apply("exp", scale(-1, v)))], v.shape), -1),
        ),
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
