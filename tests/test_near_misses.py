"""Near misses of true identities: nothing false is proved, nor said to be checked. A part of what the fuzzer runs."""

from __future__ import annotations

import random
import re

import pytest

from symderiv.proving import functions
from symderiv.proving.terms import Poly
from tests.fuzz.near_misses import ask, near_misses, run
from tests.test_prove import PROVED, V

NUMBER = 1000


def test_none_is_proved_wrongly() -> None:
    found = run(PROVED, NUMBER, seed=3)
    assert found.wrong == []
    assert sum(found.counts.values()) >= NUMBER
    assert found.counts["refuted"] > 0.7*NUMBER
    assert found.counts["unknown"] + found.counts["checked"] < 0.03*NUMBER


@pytest.mark.parametrize(
    "kind",
    [
        r"^A @ inv\(C\) @ u$",                                  # a dropped transpose
        r"^-\(A\.T @ inv\(C\) @ u\)$",                         # a sign
        r"1e-06",
        r"^inv\(C\) @ A\.T @ u$",                              # swapped factors
        r"^A\.T @ C @ u$",                                      # a lost inverse
        r"^A\.T @ inv\(C\) @ A$",
    ],
)
def test_what_is_made(kind: str) -> None:
    assert any(re.search(kind, text) for text in near_misses("A.T @ inv(C) @ u", random.Random(0)))


def test_a_tiny_number_is_told() -> None:
    """1e-6 beside what is true is refuted, wherever it stands."""
    for lhs, rhs, shapes, assume in PROVED:
        status, values = ask((lhs, rhs, shapes, assume), f"({rhs}) + 1e-6")
        assert status in ("refuted", "refused"), (lhs, rhs, status, values)


def test_planted_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a false law near misses are proved, and the values say so."""
    monkeypatch.setitem(functions.FORMS, "erf", lambda forms, p: Poly(p.shape, {}))
    found = run([("erf(x)", "erf(x)", V, None)], 5)
    assert any("proved, values refuted" in line for line in found.wrong)
