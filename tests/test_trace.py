"""The trace: replay gives the very node, each step is checked alone, and what has been tampered with is found."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import permutations

import pytest

import symderiv as sd
from symderiv import ops, sympy_functions
from symderiv.build import add, contract, der, scale, symbol
from symderiv.derive import Derivation
from symderiv.errors import SymderivError
from symderiv.facts import Fact
from symderiv.ir import Der, Expr
from symderiv.record import Cong, Fire, Item, Proof, check_fire, fires, proofs, replay
from symderiv.rules import RULES, Context

NET = """
    z = W1 @ x + b1
    a = tanh(z)
    u = W2 @ a + b2
    -y @ log_softmax(u)
"""
NET_SHAPES = {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "b2": "o", "y": "o"}
LOGISTIC = "sum(log(1 + exp(-t * (X @ w))))"

MADE: dict[str, Callable[[], Derivation]] = {
    "layer": lambda: sd.jacobian("f(W @ h)", "h", W="o n", h="n", f="elementwise"),
    "weights": lambda: sd.jacobian("W @ h + b", "W", W="o n", h="n", b="o"),
    "softmax": lambda: sd.jacobian("exp(u)/sum(exp(u))", "u", u="o"),
    "likelihood": lambda: sd.gradient("Y @ log(softmax(u))", "u", u="o", Y="o", assume="sum(Y) == 1"),
    "one-hot": lambda: sd.gradient("Y @ log(softmax(u))", "u", u="o", Y="o", assume="onehot(Y)"),
    "composition": lambda: sd.hessian("L(N(w))", "w", N="n -> o", L="o -> ", w="n"),
    "vector composition": lambda: sd.hessian("L(N(w))", "w", N="n -> o", L="o -> q", w="n"),
    "third order": lambda: sd.derivative("L(N(w))", "w", order=3, N="n -> o", L="o -> ", w="n"),
    "network": lambda: sd.gradient(NET, ["W1", "b1", "W2", "b2"], assume="sum(y) == 1", shapes=NET_SHAPES),
    "network Hessian": lambda: sd.hessian(NET, "W1", assume="sum(y) == 1", shapes=NET_SHAPES),
    "logistic": lambda: sd.hessian(LOGISTIC, "w", X="m n", w="n", t="m", assume="t**2 == 1"),
    "row": lambda: sd.jacobian("norm(x)", "x", x="n"),
    "inverse": lambda: sd.gradient("trace(inv(S) @ A)", "S", S="n n", A="n n"),
    "symmetric": lambda: sd.gradient("logdet(S)", "S", S="n n", assume="symmetric(S)"),
    "structured": lambda: sd.gradient("trace(A @ S)", "S", S="n n", A="n n", assume="symmetric(S)", structured=True),
    "batch": lambda: sd.gradient(
        "-sum(Y * log_softmax(X @ W, axis=1))", "W", X="m n", W="n o", Y="m o", assume="sum(Y, axis=1) == 1"
    ),
    "layer norm": lambda: sd.jacobian("layer_norm(x)", "x", x="n"),
}


@cache
def made(key: str) -> Derivation:
    return MADE[key]()


ALL = pytest.mark.parametrize("key", MADE)


def steps(key: str) -> list[tuple[Fire, Context]]:
    return [pair for proof in made(key).flat for pair in fires(proof)]


@ALL
def test_replay_returns_the_very_result(key):
    found, result = made(key).replay(), made(key).result
    if isinstance(result, tuple):
        assert len(found) == len(result) and all(a is b for a, b in zip(found, result))
    else:
        assert found is result


@ALL
def test_each_step_is_checked_alone(key):
    assert made(key).steps
    assert all(made(key).check(step) for step in made(key).steps)


@ALL
def test_deriving_again_gives_the_same_steps(key):
    again = MADE[key]()
    assert again.result == made(key).result
    assert [(s.rule, s.before, s.after) for s in again.steps] == [(s.rule, s.before, s.after) for s in made(key).steps]


@ALL
def test_the_steps_join(key):
    """Every proof starts and ends where its items do, and a lemma's goal is a hole."""
    for root in made(key).flat:
        for proof in proofs(root):
            current = proof.before
            for item in proof.items:
                assert item.before is current
                current = item.after
            assert current is proof.after
    assert all(isinstance(lemma.before, Der) for lemma in made(key).lemmas)


# ---------------------------------------------------------------- tampering
def rebuilt(root: Proof, change: Callable[[Item], Item | None]) -> Iterator[Proof]:
    """The proof with one item changed, for each item that ``change`` changes; ends are joined again as they were stored."""
    for target in list(proofs(root)):
        for at, item in enumerate(target.items):
            new = change(item)
            if new is not None:
                yield _with(root, target, at, new)


def _with(root: Proof, target: Proof, at: int, new: Item) -> Proof:
    done: dict[int, Proof] = {}
    for proof in proofs(root):
        items = [_moved(item, done) for item in proof.items]
        if proof is target:
            items[at] = new
        made_again = object.__new__(Proof)  # past the constructor's own check of the ends
        for key, value in (
            ("before", proof.before),
            ("after", proof.after),
            ("items", tuple(items)),
            ("context", proof.context),
        ):
            object.__setattr__(made_again, key, value)
        done[id(proof)] = made_again
    return done[id(root)]


def _moved(item: Item, done: dict[int, Proof]) -> Item:
    if isinstance(item, Proof):
        return done[id(item)]
    if isinstance(item, Cong):
        return replace(item, kids=tuple(None if kid is None else done[id(kid)] for kid in item.kids))
    return replace(item, cited=tuple(done[id(c)] for c in item.cited))


def wrong_after(item: Item) -> Item | None:
    if isinstance(item, Fire) and item.after is not scale(2, item.after):
        return replace(item, after=scale(2, item.after))
    return None


def wrong_cong(item: Item) -> Item | None:
    if isinstance(item, Cong) and item.after is not scale(2, item.after):
        return replace(item, after=scale(2, item.after))
    return None


def wrong_rule(item: Item) -> Item | None:
    return (
        replace(item, rule="differentiate_constant")
        if isinstance(item, Fire) and item.rule != "differentiate_constant"
        else None
    )


SOME = pytest.mark.parametrize("key", ["layer", "softmax", "likelihood", "composition", "logistic", "one-hot"])


@SOME
@pytest.mark.parametrize("change", [wrong_after, wrong_cong, wrong_rule], ids=lambda f: f.__name__)
def test_a_tampered_item_is_found_by_replay(key, change):
    """Replay never says "the result" of a proof of which one item was changed: it raises."""
    tried = 0
    for root in made(key).flat:
        for forged in rebuilt(root, change):
            tried += 1
            with pytest.raises(SymderivError):
                replay(forged)
    assert tried or change is wrong_cong


@SOME
def test_a_step_with_another_result_rule_or_place_fails_alone(key):
    elsewhere = symbol("elsewhere", ("r",))
    for step, context in steps(key):
        for forged in (wrong_after(step), wrong_rule(step), replace(step, before=der(elsewhere, elsewhere))):
            assert forged is None or not check_fire(forged, context)


@pytest.mark.parametrize("key", ["likelihood", "one-hot", "logistic", "symmetric", "batch"])
def test_a_step_without_its_fact_is_found(key):
    used = [(step, context) for step, context in steps(key) if step.facts]
    assert used
    for step, context in used:
        assert check_fire(step, context)
        assert not check_fire(replace(step, facts=()), context), "the step hides its assumption"
        assert not check_fire(step, Context(names=context.names)), "the assumption wasn't made"
        other = Fact("equal", symbol("other", ()), "other == 1", symbol("one", ()))
        assert not check_fire(replace(step, facts=(*step.facts, other)), context), "the step names one that isn't"


def test_another_choice_is_found():
    chosen = [pair for key in MADE for pair in steps(key) if pair[0].rule == "distribute"]
    assert chosen
    for step, context in chosen:
        for wrong in (((0, 99),), ((99, 0),), None, "all"):
            assert not check_fire(replace(step, choice=wrong), context)
    a, b, c = (symbol(letter, ("n",)) for letter in "abc")
    first, second = add([(1, a), (1, b)], ("n",)), add([(1, a), (1, c)], ("n",))
    node, law = contract((first, second), ("i", "i"), "i"), RULES["distribute"]
    for mine, other in permutations(law.choices(node, Context()), 2):
        used = law.fire(node, Context(), mine)
        assert used is not None
        assert check_fire(Fire(law.name, node, used.after, mine), Context())
        assert not check_fire(Fire(law.name, node, used.after, other), Context())


def test_a_let_under_another_name_is_found():
    lets = [(step, context) for step, context in steps("network") if step.rule == "let"]
    assert lets
    for step, context in lets:
        assert not check_fire(replace(step, choice=("other", step.choice[1])), context)


@pytest.mark.parametrize("key", ["likelihood", "network", "batch"])
def test_a_swapped_citation_is_found(key):
    citing = [(step, context) for step, context in steps(key) if step.cited]
    assert citing
    stranger = next(p for p in proofs(made("softmax").flat[0]) if p.items)
    for step, context in citing:
        forged = tuple(
            replace(c, before=stranger.before, after=stranger.after, items=stranger.items) for c in step.cited
        )
        assert not check_fire(replace(step, cited=forged), context)
        assert not check_fire(replace(step, cited=()), context) or step.rule == "pull_back"


def test_a_wrong_lemma_is_found():
    """A cited lemma whose stored result is wrong: replay trusts no stored result."""
    (root,) = made("likelihood").flat
    cited = {id(c): c for step, _ in fires(root) for c in step.cited}
    assert cited
    for lemma in cited.values():
        forged = object.__new__(Proof)
        for key, value in (
            ("before", lemma.before),
            ("after", scale(2, lemma.after)),
            ("items", lemma.items),
            ("context", lemma.context),
        ):
            object.__setattr__(forged, key, value)
        with pytest.raises(SymderivError):
            replay(forged)


def test_a_proof_whose_items_dont_join_is_refused():
    proof = next(p for p in proofs(made("layer").flat[0]) if p.items)
    with pytest.raises(SymderivError):
        Proof(proof.before, scale(2, proof.after), proof.items, proof.context)


# ---------------------------------------------------------------- facts, assumptions
def assumed(key: str) -> set[str]:
    return {text for step in made(key).steps for text in step.assumptions}


def test_a_step_lists_just_the_facts_it_used():
    for key in ("likelihood", "one-hot", "logistic", "batch"):
        for step in made(key).steps:
            assert bool(step.assumptions) == (
                RULES[step.fire.rule].title == "assumption" or step.fire.rule == "sigmoid_slope_sign"
            )


def test_facts_that_are_not_used_are_not_listed():
    found = sd.gradient("Y @ log(softmax(u))", "u", u="o", Y="o", v="n", assume=["sum(v) == 1", "sum(Y) == 1", "u > 0"])
    assert found.assumptions == ("sum(Y) == 1",)
    assert sd.jacobian("softmax(u)", "u", u="o", Y="o", assume="sum(Y) == 1").assumptions == ()


def test_a_symmetry_that_is_used_is_listed():
    assert sd.gradient("x @ A @ x", "x", x="n", A="n n", assume="symmetric(A)").assumptions == ("symmetric(A)",)
    assert made("symmetric").assumptions == ("symmetric(S)",)


@pytest.mark.parametrize("fact", ["sum(x) == 1", "x**2 == 1", "onehot(x)"])
def test_a_fact_about_the_variable_holds_only_after_the_derivative(fact):
    """On the set where the fact holds, the ambient derivative isn't that of the simplified function."""
    f = {"sum(x) == 1": "sum(x)**2", "x**2 == 1": "sum(x**2)", "onehot(x)": "sum(x)**3"}[fact]
    found = sd.gradient(f, "x", x="n", assume=fact)
    assert found.verify(trials=4)
    assert sd.hessian(f, "x", x="n", assume=fact).verify(trials=4)


def test_a_trace_is_made_of_what_the_result_rests_on():
    """Rejected trials aren't kept; lemmas are shared, not copied."""
    for key in ("network", "network Hessian"):
        found = [p for root in made(key).flat for p in proofs(root)]
        goals = [p.before for p in {id(p): p for p in found}.values() if isinstance(p.before, Der)]
        assert len(goals) <= 1.6 * len(set(goals))


def test_depth_is_not_bounded_by_the_stack():
    text = "a0 = x\n" + "".join(f"a{k + 1} = tanh(W{k} @ a{k})\n" for k in range(80)) + "sum(a80)"
    found = sd.gradient(text, ["W0"], x="n", shapes={f"W{k}": "n n" for k in range(80)})
    assert found.replay()[0] is found.result[0]
    assert all(found.check(step) for step in found.steps[:50])


def test_a_step_speaks():
    step = next(s for s in made("likelihood").steps if s.assumptions)
    assert step.rule == "assumption" and step.law and step.assumptions == ("sum(Y) == 1",)
    assert isinstance(step.before, Expr) and isinstance(step.after, Expr)


def test_no_module_takes_the_place_of_a_public_function():
    """An import of a module named like a function would put the module in the function's place."""
    modules = {module.name for module in pkgutil.iter_modules(sd.__path__)}
    assert modules & {*sd.__all__, *ops.__all__} == set()
    assert "engine" in modules
    assert sd.trace is sympy_functions.trace
