"""One normal form whatever the order: of the operands as they are written, and of the rules as they are tried.

    python -m tests.test_confluence 30      # so many orders, counted
"""

from __future__ import annotations

import ast
import random
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

import symderiv as sd
from symderiv import simplify
from symderiv.rules import algebra
from tests.cases_cookbook import COOKBOOK
from tests.cases_spellings import SPELLINGS
from tests.cases_table import EVERYDAY
from tests.test_cases import derive, result_of

ORDERS = 3


def derivations() -> Iterator[tuple[str, Any]]:
    """(text, what derives a text in its place) for the first spelling of each case, and every spelling of the losses."""
    for row in (*EVERYDAY, *COOKBOOK):
        yield row.texts[0], lambda text, row=row: result_of(derive(row, text)).text()
    for loss in SPELLINGS:
        operator, wrt = loss.call.split()
        for spelled in loss.texts:
            yield spelled, lambda text, loss=loss, operator=operator, wrt=wrt: getattr(sd, operator)(
                text, wrt, shapes=loss.declared, assume=list(loss.assume)).result.text()  # fmt: skip


@cache
def printed() -> tuple[str, ...]:
    return tuple(of(text) for text, of in derivations())


def differing(found: tuple[str, ...]) -> list[tuple[str, str]]:
    return [pair for pair in zip(printed(), found, strict=True) if pair[0] != pair[1]]


# ---------------------------------------------------------------- the order of rules
def shuffled_rules(seed: int) -> dict[Any, tuple[Any, ...]]:
    rng = random.Random(seed)
    return {kind: tuple(rng.sample(table, len(table))) for kind, table in simplify.TABLES.items()}


@pytest.mark.parametrize("seed", range(ORDERS))
def test_the_order_in_which_rules_are_tried_leaves_no_mark(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    printed()
    monkeypatch.setattr(simplify, "TABLES", shuffled_rules(seed))
    assert differing(tuple(of(text) for text, of in derivations())) == []


def test_a_rule_that_is_missing_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    printed()
    monkeypatch.setattr(simplify, "TABLES", {
        kind: tuple(rule for rule in table if rule is not algebra.factor_common) for kind, table in simplify.TABLES.items()})
    assert len(differing(tuple(of(text) for text, of in derivations()))) > 30


# ---------------------------------------------------------------- the order of operands
class Shuffled(ast.NodeTransformer):
    """The operands of each sum and of each product, entry by entry, in another order."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        if isinstance(node.op, ast.Add | ast.Sub):
            terms = list(_terms(node, 1))
            self.rng.shuffle(terms)
            made: ast.expr | None = None
            for sign, term in terms:
                part = self.visit(term)
                if made is None:
                    made = part if sign > 0 else ast.UnaryOp(ast.USub(), part)
                else:
                    made = ast.BinOp(made, ast.Add() if sign > 0 else ast.Sub(), part)
            assert made is not None
            return made
        if isinstance(node.op, ast.Mult):
            factors = list(_factors(node))
            self.rng.shuffle(factors)
            product: ast.expr = self.visit(factors[0])
            for factor in factors[1:]:
                product = ast.BinOp(product, ast.Mult(), self.visit(factor))
            return product
        return self.generic_visit(node)


def _terms(node: ast.expr, sign: int) -> Iterator[tuple[int, ast.expr]]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield from _terms(node.left, sign)
        yield from _terms(node.right, sign if isinstance(node.op, ast.Add) else -sign)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield from _terms(node.operand, -sign)
    else:
        yield sign, node


def _factors(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from _factors(node.left)
        yield from _factors(node.right)
    else:
        yield node


def shuffled(text: str, seed: int) -> str:
    tree = Shuffled(seed).visit(ast.parse(text.strip()))
    return "; ".join(ast.unparse(line) for line in tree.body)


def test_operands_are_shuffled() -> None:
    """The control: most texts do change."""
    assert shuffled("a - b*c", 0) in ("a - b * c", "a - c * b", "-b * c + a", "-c * b + a", "-(b * c) + a", "-(c * b) + a")
    texts = [text for text, _ in derivations()]
    changed = [text for text in texts if any(shuffled(text, seed) != ast.unparse(ast.parse(text)).replace("\n", "; ")
                                             for seed in range(ORDERS))]
    assert len(changed) > len(texts) / 2


@pytest.mark.parametrize("seed", range(ORDERS))
def test_the_order_in_which_operands_are_written_leaves_no_mark(seed: int) -> None:
    assert differing(tuple(of(shuffled(text, seed)) for text, of in derivations())) == []


def main(orders: int) -> None:
    """Count what differs over many orders."""
    first, tables = len(printed()), simplify.TABLES
    for what in ("rules", "operands"):
        found: list[tuple[str, str]] = []
        for seed in range(orders):
            if what == "rules":
                simplify.TABLES = shuffled_rules(seed)
            found += differing(tuple(of(text if what == "rules" else shuffled(text, seed)) for text, of in derivations()))
            simplify.TABLES = tables
        print(f"{what}: {orders} orders, {orders * first} derivations, {len(found)} differ")
        for one, other in dict.fromkeys(found):
            print("   ", one, "\n    ", other)


if __name__ == "__main__":
    main(int(sys.argv[1]))
