"""The chain rule of higher order on a page: a row for each partition, and no page where a check speaks against it."""

from __future__ import annotations

from dataclasses import replace
from math import factorial

import pytest

import symderiv as sd
from symderiv import composite
from symderiv.handout import orders
from symderiv.handout.card import Context
from symderiv.handout.model import Check, Table
from symderiv.handout.source import SourceError, partitions

BELL = {2: 2, 3: 5, 4: 15}


@pytest.mark.parametrize("order", BELL)
def test_a_row_for_each_partition(order: int) -> None:
    blocks = orders.blocks(partitions(order), Context())
    (table,) = [b for b in blocks if isinstance(b, Table)]
    assert len(table.rows) == BELL[order] == len(set(table.rows))
    assert [b.word for b in blocks if isinstance(b, Check)] == ["Proved", "Checked"]


@pytest.mark.parametrize("order", BELL)
def test_counts_are_those_of_the_multinomial(order: int) -> None:
    """k!/Π (s!)^m m! partitions have m blocks of each size s; for numbers these are the coefficients."""
    found = sd.faa_di_bruno(order)
    for sizes, count in found.counts():
        expected = factorial(order)
        for s in set(sizes):
            expected //= factorial(s) ** sizes.count(s) * factorial(sizes.count(s))
        assert count == expected


def test_a_term_left_out_builds_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = composite.faa_di_bruno(3)
    monkeypatch.setattr(sd, "faa_di_bruno", lambda order: replace(whole, terms=whole.terms[:-1], status="refuted"))
    with pytest.raises(SourceError, match="refuted"):
        orders.blocks(partitions(3), Context())
