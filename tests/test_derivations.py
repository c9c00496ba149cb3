"""The handouts' sources are tested identities: every derivation in them replays, agrees with numbers, and so does every line.

What a check is worth is shown by a planted fault: one line of each derivation is changed, and that must be found.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from symderiv.api import prove
from symderiv.build import add, ones, scale
from symderiv.handout.checked import LINE_TRIALS, check, line_claims, planted, replays
from symderiv.handout.load import load
from symderiv.handout.pairs import as_derivation
from symderiv.handout.source import Call, Derived, Functions, Handout, Identity, Maps, Pair, Pairs, Splits
from symderiv.ir import Expr, is_zero
from symderiv.verify import check_steps

SOURCES = sorted((Path(__file__).parent.parent / "derivations").glob("*.py"))
SHEETS: dict[str, Handout] = {path.stem: load(path) for path in SOURCES}
CALLS = [pytest.param(call, id=f"{name}:{call.place.line}") for name, sheet in SHEETS.items() for call in sheet.calls()]
IDENTITIES = [
    pytest.param(item, id=f"{name}:{item.place.line}")
    for name, sheet in SHEETS.items()
    for item in sheet.items()
    if isinstance(item, Identity)
]
# The course note's systems, numbered in its order: each is derived on some sheet.
SYSTEMS = {
    "S1": "a module as a map of its input, and of its parameters",
    "S2": "matrix product and contraction",
    "S3": "inner product",
    "S4": "Frobenius inner product, and as a trace",
    "S5": "outer product",
    "S6": "the Jacobian J = ∂N/∂wᵀ",
    "S7": "the gradient of a loss as a column, its Jacobian as a row",
    "S8": "a linear layer by its input, weights and bias",
    "S9": "an activation, generic and by name; row i of W scaled by f'",
    "S10": "the Hessian of a vector function, a tensor",
    "S11": "the Hessian of a scalar function, a matrix",
    "S12": "composition, with softmax in the network or in the loss",
    "S13": "chain rule, vector-valued: J_C = J_L J_N",
    "S14": "chain rule, scalar: j_C = J_Nᵀ j_L",
    "S15": "the Hessian of a composition, scalar",
    "S16": "the Hessian of a composition, vector-valued",
    "S17": "the Gauss–Newton matrix and its definiteness",
    "S18": "the Jacobian of softmax",
    "S19": "the log-likelihood matches softmax",
    "S20": "the squared error matches a linear output",
}


def test_every_system_is_derived_on_some_sheet() -> None:
    covering = (Derived, Identity, Splits, Pairs, Pair, Maps, Functions)
    items = [item for sheet in SHEETS.values() for item in sheet.items() if isinstance(item, covering)]
    assert set(SYSTEMS) <= {system for item in items for system in item.covers}


def told(call: Call):
    """What a call derives: a matching is the derivation of its gradient."""
    found = call.run()
    return as_derivation(found) if call.operator == "matching" else found


@pytest.mark.parametrize("call", CALLS)
def test_derivation_replays_and_every_line_has_the_value_of_the_one_before(call: Call) -> None:
    found = check(told(call), trials=3)
    assert found.ok, found.trouble
    assert found.steps
    assert found.lines


@pytest.mark.parametrize("call", CALLS)
def test_a_planted_fault_is_found(call: Call) -> None:
    derivation = told(call)
    claims = line_claims(derivation)
    places = [k for k, (_, _, after) in enumerate(claims) if not is_zero(after)]
    nothing = is_zero(derivation.result) if isinstance(getattr(derivation, "result", None), Expr) else False
    for k in {places[len(places) // 2], places[-1]}:
        wrong = planted(claims, k, one_more if nothing else slightly_larger)
        assert check_steps(wrong, derivation.facts, LINE_TRIALS).verdict == "refuted", claims[k][0]


def one_more(state: Expr) -> Expr:
    """Of a zero, which stays one when it is scaled."""
    return add([(1, state), (1, ones(state.shape))], state.shape)


def slightly_larger(state: Expr) -> Expr:
    return scale(Fraction(1001, 1000), state)


def test_replay_finds_a_step_that_was_changed() -> None:
    derivation = told(CALLS[0].values[0])
    assert replays(derivation)
    proof = derivation.flat[0]
    object.__setattr__(proof, "items", proof.items[:-1])
    assert not replays(derivation)


@pytest.mark.parametrize("item", IDENTITIES)
def test_identity_is_proved(item: Identity) -> None:
    assert prove(item.left, item.right, **item.options).status == "proved"


@pytest.mark.parametrize("item", IDENTITIES)
def test_one_more_on_one_side_of_an_identity_is_refuted(item: Identity) -> None:
    *names, value = item.right.rsplit(";", 1)
    wrong = "; ".join([*names, f"1 + ({value})"])
    assert prove(item.left, wrong, **item.options).status == "refuted"


def test_verdicts_and_matches_are_as_stated() -> None:
    for sheet in SHEETS.values():
        for item in sheet.items():
            if isinstance(item, Pairs):
                assert [call.run().matches for _, call, _ in item.rows] == [expected for *_, expected in item.rows]
            if isinstance(item, Splits):
                assert [call.run().certificate.verdict for _, call, _ in item.rows] == [expected for *_, expected in item.rows]


def test_sigmoid_with_squared_error_is_refused_with_what_remains() -> None:
    pairs = [item.call for sheet in SHEETS.values() for item in sheet.items() if isinstance(item, Pair)]
    (refused,) = [found for found in (call.run() for call in pairs) if not found.matches]
    assert refused.output.body.text() == "sigmoid(u)"
    assert "Y" in refused.remainder.text()
    assert refused.counterexample is not None
