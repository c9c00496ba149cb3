"""Every rule fires in a derivation, and has tests; docs/rules.md says in which, and says it as it is now."""

from __future__ import annotations

import importlib
from functools import cache

import pytest

from symderiv import reference
from symderiv.rules import RULES
from tests import firings


@cache
def found() -> dict[str, dict[str, list[str]]]:
    return firings.fired()


def test_every_rule_fires_somewhere_and_has_its_tests() -> None:
    """A rule that never fires is never tried by what users do: the tables have to reach all of them."""
    assert firings.lacking(found()) == []
    assert list(found()) == list(RULES)


def test_what_the_page_says_is_what_happens() -> None:
    assert reference.fired_in(firings.ROOT / "docs") == found(), "run: python -m tests.firings docs"


@pytest.mark.parametrize("test", sorted({t.partition("[")[0] for rule in RULES for t in firings.tests_of(rule)}))
def test_a_test_that_is_named_is_there(test: str) -> None:
    file, name = test.split("::")
    assert callable(getattr(importlib.import_module(f"tests.{file.removesuffix('.py')}"), name))


def test_a_rule_without_a_case_is_seen() -> None:
    """Planted faults: a rule that fires nowhere, one without tests, and one whose test of a fault is missing."""
    good = {"derivations": ["row"], "handouts": [], "tests": ["meaning", "fault"]}
    broken = {"nowhere": {**good, "derivations": []}, "untested": {**good, "tests": []}, "half": {**good, "tests": ["meaning"]}}
    assert firings.lacking({"good": good, "told": {**good, "derivations": [], "handouts": ["02"]}, **broken}) == list(broken)
    assert firings.tests_of("no_such_rule") == []


def test_the_columns_are_shown() -> None:
    page = reference.rules_page(found())
    rows = {rule: next(line for line in page.splitlines() if f"<br>`{rule}` |" in line) for rule in RULES}
    for rule, seen in found().items():
        assert all(reference.code(name) in rows[rule] for name in seen["derivations"]), rule
    assert "handouts 04, 05" in rows["let"]
    assert "`fold_softmax-axis 1`<br>and 3 more" in rows["fold_softmax"]
    assert "| fires in |" not in reference.rules_page({})
