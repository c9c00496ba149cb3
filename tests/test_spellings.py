"""One normal form: every spelling of a function ends in the same printed derivative, and the printed one is right."""

from __future__ import annotations

import pytest

import symderiv as sd
from symderiv.build import unnamed
from symderiv.rules.base import Context
from symderiv.simplify import Normaliser
from tests.cases_spellings import SPELLINGS, Spelled

PAIRS = [(row, text) for row in SPELLINGS for text in row.texts]


def derived(row: Spelled, text: str) -> sd.Derivation:
    """The derivation of one spelling."""
    operator, wrt = row.call.split()
    return getattr(sd, operator)(text, wrt, shapes=row.declared, assume=list(row.assume))


def opened(row: Spelled, text: str) -> str:
    """What is printed, the program's names opened."""
    facts = derived(row, text).facts
    result = derived(row, text).result
    return Normaliser(Context(facts)).normal(unnamed(result)).text() if unnamed(result) is not result else result.text()


@pytest.mark.parametrize(("row", "text"), PAIRS, ids=[f"{row.name}, {row.call}: {text}" for row, text in PAIRS])
def test_every_spelling_prints_the_same(row: Spelled, text: str) -> None:
    assert opened(row, text) == row.printed


@pytest.mark.parametrize("row", SPELLINGS, ids=lambda row: f"{row.name}, {row.call}")
def test_the_printed_result_is_right(row: Spelled) -> None:
    """By the verifier, which differentiates numerically and shares no code with the rules."""
    for text in (row.texts[0], row.texts[-1]):
        report = derived(row, text).verify(trials=2)
        assert report, report.summary()


def test_another_function_prints_something_else() -> None:
    """The control: a spelling that isn't of the row's function is seen."""
    row = next(row for row in SPELLINGS if row.name == "logistic loss")
    for wrong in ("sum(softplus(X @ w)) - 2*y @ (X @ w)", "sum(softplus(-(X @ w))) - y @ (X @ w)"):
        assert opened(row, wrong) != row.printed
