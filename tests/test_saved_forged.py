"""Saved derivations that were changed, or forged from valid steps: each is seen, and told as an error of the tree."""
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import symderiv as sd
from symderiv.build import add, der, name, number, symbol
from symderiv.derive import Derivation
from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.record import Cong, Fire, Proof
from symderiv.rules import RULES, Context
from symderiv.saved import SavedError, from_json, to_json
from tests.saved_cases import NETWORK, SHAPES, document, signed, text_of, told


# ---------------------------------------------------------------- changes are seen
def test_any_change_without_a_new_digest_is_seen() -> None:
    text = text_of("softmax").replace('"sum_rule"', '"linearity"')
    assert text != text_of("softmax")
    assert "changed after it was written" in told(text)


def _steps(changed: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for proof in changed["proofs"] for item in proof["items"] if item["step"] == "rule"]


def _inside(changed: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for proof in changed["proofs"] for item in proof["items"] if item["step"] == "inside"]


@pytest.mark.parametrize("case", ["softmax", "network", "split", "matrices"])
def test_no_step_can_be_changed(case: str) -> None:
    """Each step in turn gets another end, another rule and another context; each is seen."""
    count = len(_steps(document(case)))
    for k in range(0, count, max(count // 8, 1)):
        for field, change in (
            ("after", lambda step: step["before"]),
            ("before", lambda step: step["after"]),
            ("rule", lambda step: "no_such_rule"),
            ("title", lambda step: "trust me"),
            ("law", lambda step: "1=2"),
            ("choice", lambda step: [0, 1, 2]),
        ):
            changed = document(case)
            step = _steps(changed)[k]
            step[field] = change(step)
            assert told(signed(changed)), (k, field)


def test_a_rule_under_another_rules_name_is_seen() -> None:
    rules = {(s["rule"], s["title"], s["law"]) for s in _steps(document("softmax"))}
    for k in range(len(_steps(document("softmax")))):
        for rule, title, law in sorted(rules):
            changed = document("softmax")
            step = _steps(changed)[k]
            if step["rule"] != rule:
                step.update(rule=rule, title=title, law=law)
                assert told(signed(changed)), (k, rule)


def test_no_replacement_inside_a_node_can_be_changed() -> None:
    count = len(_inside(document("network")))
    assert count > 5
    for k in range(count):
        changed = document("network")
        step = _inside(changed)[k]
        step["kids"] = [None for _ in step["kids"]]
        assert told(signed(changed)), k


def test_another_result_is_seen() -> None:
    changed = document("softmax")
    changed["derivations"][0]["results"] = changed["derivations"][0]["wrt"][0]
    assert "shown" in told(signed(changed))
    changed["derivations"][0]["shown"]["results"] = "h"
    assert "the result isn't what its steps end at" in told(signed(changed))
    with pytest.raises(SavedError, match="don't give the result"):
        from_json(signed(changed)).replay()


def test_another_formula_for_people_is_seen() -> None:
    changed = document("softmax")
    changed["derivations"][0]["shown"]["results"] = "0"
    assert "expected the formulas of the nodes" in told(signed(changed))


def test_another_claim_is_seen() -> None:
    changed = document("softmax")
    entry = changed["derivations"][0]
    (b,) = [k for k, node in enumerate(changed["nodes"]) if node.get("name") == "b"]
    entry["wrt"], entry["shown"]["wrt"] = [b], ["b"]
    assert "the steps don't start from the jacobian" in told(signed(changed))
    changed = document("network Hessian")
    changed["derivations"][0]["order"] = 1
    assert "the steps don't start from the hessian" in told(signed(changed))


def test_another_text_is_seen() -> None:
    changed = document("softmax")
    changed["derivations"][0]["text"] = "softmax(W @ h - b)"
    assert "the text says softmax(" in told(signed(changed))
    changed["derivations"][0]["text"] = "softmax(W @ h - b"
    assert "the text can't be read" in told(signed(changed))


def test_a_text_whose_names_cancel_is_told_as_not_compared() -> None:
    report = from_json(to_json(sd.gradient("sum(x**2) + 0*q", "x", x="n", q=""))).check()
    assert report
    assert "isn't compared" in report.notes[0]


def test_another_fact_under_the_same_words_is_seen() -> None:
    changed = document("network")
    (fact,) = changed["facts"]
    fact["text"] = "sum(x) == 1"
    assert "doesn't state the fact" in told(signed(changed))
    fact["text"] = "all is well"
    assert "can't be read" in told(signed(changed))


def test_a_fact_that_isnt_told_is_seen() -> None:
    changed = document("network")
    hidden = [step for step in _steps(changed) if step["facts"]]
    assert hidden
    hidden[0]["facts"] = []
    assert "uses other facts than it says" in told(signed(changed))


def test_symmetry_that_isnt_assumed_is_seen() -> None:
    changed = document("vec")
    (node,) = [node for node in changed["nodes"] if node.get("name") == "A"]
    node.update(shape=["p", "p"], props=["symmetric"])
    assert told(signed(changed))
    trace = to_json(Derivation("gradient", A := symbol("A", ("n", "n"), props=["symmetric"]), (A,), _nothing(A), Facts()))
    assert "taken as symmetric" in told(trace)


def _nothing(node: Any) -> Proof:
    return Proof(node, node, (), Context())


# ---------------------------------------------------------------- forged derivations, of valid steps and nodes
def _forged(kind: str, subject: Any, x: Any, proof: Proof) -> str:
    return told(to_json(Derivation(kind, subject, (x,), proof, Facts())))


def test_a_proof_of_something_else_is_seen() -> None:
    x = symbol("x")
    good = sd.gradient("x**2", "x", x="")
    assert _forged("gradient", good.subject, x, good.proofs) == ""
    assert "don't start from" in _forged("gradient", add([(3, good.subject)], ()), x, good.proofs)


def test_a_lemma_whose_end_is_wrong_is_seen() -> None:
    """The last item's end isn't what its parts make: what cites the lemma would take the wrong end over."""
    good = sd.gradient("exp(x)", "x", x="")
    goal, context = der(good.subject, symbol("x")), Context()
    wrong = Cong(goal, number(7), (None,))
    assert "the parts don't make 7" in _forged("gradient", good.subject, symbol("x"), Proof(goal, number(7), (wrong,), context))


def test_a_name_may_not_be_opened_under_a_derivative_by_it() -> None:
    """∂u/∂u with u opened inside would be the derivative of a constant."""
    x = symbol("x")
    u = name("u", add([(2, x)], ()))
    goal = der(add([(3, u)], ()), u)
    opened = Proof(u, u.body, (Fire("unfold_name", u, u.body),), Context())
    inner = Cong(goal.body, add([(6, x)], ()), (opened,))
    proof = Proof(goal.body, inner.after, (inner,), Context())
    step = Cong(goal, der(inner.after, u), (proof,))
    zero = Fire("differentiate_constant", step.after, number(0))
    forged = Derivation("gradient", goal.body, (u,), Proof(goal, number(0), (step, zero), Context()), Facts())
    assert "isn't kept whole" in told(to_json(forged))


def test_a_fact_about_the_variable_may_not_be_used_under_its_derivative() -> None:
    """With x² = 1 put in before it is differentiated, ∂x²/∂x would be 0."""
    good = sd.jacobian("x**2", "x", x="n", assume="x**2 == 1")
    (fact, *_) = good.facts
    x, context = symbol("x", ("n",)), Context(good.facts)
    used = Fire("apply_equality", fact.subject, fact.value, None, (), (fact,))
    goal = der(good.subject, x)
    inner = Cong(goal, der(fact.value, x), (Proof(fact.subject, fact.value, (used,), context),))
    zero = add([], goal.shape)
    proof = Proof(goal, zero, (inner, Fire("differentiate_constant", inner.after, zero)), context)
    forged = Derivation("jacobian", good.subject, (x,), proof, good.facts)
    assert "is about the variable" in told(to_json(forged))


def test_the_structured_step_may_not_stand_in_a_lemma() -> None:
    """It isn't an equality of values: it may only end a gradient by a symmetric matrix."""
    good = sd.gradient("trace(A @ X)", "X", A="n n", X="n n")
    before = good.result
    after = RULES["structured_derivative"].apply(before, Context())
    step = Fire("structured_derivative", before, after)
    proof = Proof(good.proofs.before, after, (good.proofs, step), Context())
    assert "may only end a gradient" in _forged("gradient", good.subject, symbol("X", ("n", "n")), proof)


def test_a_structured_step_needs_its_own_structure() -> None:
    """The step for symmetric matrices doesn't end a gradient by a diagonal one, nor the other way round."""
    for fact, other in (("diagonal(X)", "structured_derivative"), ("symmetric(X)", "diagonal_derivative")):
        good = sd.gradient("trace(A @ X)", "X", A="n n", X="n n", assume=fact)
        before = good.result
        after = RULES[other].apply(before, Context())
        proof = Proof(good.proofs.before, after, (good.proofs, Fire(other, before, after)), Context())
        forged = Derivation("gradient", good.subject, good.wrt, proof, good.facts)
        assert "may only end a gradient" in told(to_json(forged))


def test_a_split_of_another_loss_is_seen() -> None:
    changed = document("split")
    other = json.loads(to_json(sd.gauss_newton(NETWORK.replace("-y", "y"), "W1", at="u", assume="sum(y) == 1", **SHAPES)))
    assert told(signed(other)) == ""
    split, wrong = from_json(signed(changed)).split, from_json(signed(other)).split
    assert split is not None
    assert wrong is not None
    made = {**split.each(lambda part: part), "H": lambda: wrong.H}
    mixed = type(split)(made, split.at, split.wrt, split.jacobian, split.outer, split.slope, split.facts)
    assert "isn't the one that H is the Hessian of" in told(to_json(mixed))


# ---------------------------------------------------------------- documents that aren't any
def _without(field: str) -> Callable[[dict[str, Any]], Any]:
    return lambda d: d.pop(field)


BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another format": (lambda d: d.update(format="letters"), "this isn't a saved derivation"),
    "a later version": (lambda d: d.update(version=99), "version 99 of the format isn't known"),
    "a version that is true": (lambda d: d.update(version=True), "version true"),
    "no proofs": (_without("proofs"), "the field 'proofs' is missing"),
    "a field too many": (lambda d: d.update(extra=1), "the field 'extra' isn't known"),
    "no derivation": (lambda d: d["derivations"].clear(), "expected one derivation"),
    "an unknown kind": (lambda d: d["derivations"][0].update(kind="integral"), "expected one of gradient"),
    "a node that cites itself": (
        lambda d: next(n for n in d["nodes"] if "kids" in n).update(kids=[len(d["nodes"]) - 1]), "expected a whole number"),
    "a proof that cites itself": (
        lambda d: _inside(d)[0].update(kids=[len(d["proofs"]) - 1] * len(_inside(d)[0]["kids"])), "expected a whole number"),
    "a negative number": (lambda d: d["derivations"][0].update(subject=-1), "expected a whole number"),
    "a text for a number": (lambda d: d["derivations"][0].update(subject="3"), "expected a whole number"),
    "an unknown node": (lambda d: d["nodes"][0].update(node="Lambda"), "expected a node"),
    "an unknown function": (
        lambda d: next(n for n in d["nodes"] if n["node"] == "Map" and n["fn"] == "exp").update(fn="expo"), "a function of the table"),
    "a wrong shape": (
        lambda d: next(n for n in d["nodes"] if n["node"] == "Call").update(shape=["q"]), "a function of the table at arguments"),
    "sizes that don't fit": (lambda d: next(n for n in d["nodes"] if n.get("name") == "b").update(shape=["m"]), "nodes["),
    "a coefficient of zero": (
        lambda d: next(n for n in d["nodes"] if n["node"] == "Add").update(coefficients=["0", "1"]), "as its constructor makes it"),
    "a coefficient that takes for ever": (
        lambda d: next(n for n in d["nodes"] if n["node"] == "Add").update(coefficients=["1e999999999", "1"]), "expected a fraction"),
    "a label out of range": (
        lambda d: next(n for n in d["nodes"] if n["node"] == "Contract").update(out=[77]), "expected a whole number"),
    "a node twice": (lambda d: d["nodes"].insert(1, d["nodes"][0]), "expected a new node"),
    "a symbol of two shapes": (
        lambda d: d["nodes"].append({"node": "Symbol", "name": "W", "shape": ["o"], "kind": "variable", "props": []}),
        "'W' with the shapes that it has before"),
    "a name with a line end": (lambda d: next(n for n in d["nodes"] if n.get("name") == "b").update(name="b\n"), "expected a name"),
    "by nothing": (lambda d: d["derivations"][0].update(wrt=[]), "expected variables"),
    "results arranged otherwise": (
        lambda d: d["derivations"][0].update(results=[d["derivations"][0]["results"]]), "a result for each proof"),
    "a name of something else": (
        lambda d: d["contexts"][0]["names"].append([0, 0]), "a node and a name of it"),
    "steps in another order": (lambda d: next(p for p in d["proofs"] if len(p["items"]) > 1)["items"].reverse(), "proofs["),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_document_that_isnt_one_is_refused(case: str) -> None:
    change, message = BAD[case]
    changed = document("softmax")
    change(changed)
    with pytest.raises(SavedError) as caught:
        from_json(signed(changed))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '"text"', "[" * 100_000, '{"a": NaN}', '{"a": 1.5}', '{"a": 1, "a": 2}', "9" * 5000, "\0"],
    ids=lambda text: text[:12] or "empty",
)
def test_what_isnt_a_document_is_refused(text: str) -> None:
    with pytest.raises(SavedError):
        from_json(text)


def test_what_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symderiv.saved.LONGEST", 100)
    with pytest.raises(SavedError, match="more than 100"):
        from_json(text_of("softmax"))


def test_every_value_of_a_document_may_be_anything() -> None:
    """Each value in turn is replaced by others of a wrong kind: the answer is always an error of the tree, or a failure."""
    junk = [None, True, -1, 10**30, "x", [], {}, [[]], {"node": 0}, [None] * 3]

    def places(value: Any) -> list[tuple[Any, Any]]:
        keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        return [place for key in keys for place in ((value, key), *places(value[key]))]

    count = len(places(document("generic")))
    for k in range(count):
        changed = document("generic")
        where, key = places(changed)[k]
        old = where[key]
        where[key] = next(value for value in (junk[k % len(junk) :] + junk) if value != old)
        try:
            failures = from_json(signed(changed)).check().failures
        except SymderivError:
            continue
        assert failures or key in ("symderiv", "digest"), (key, old, where[key])
