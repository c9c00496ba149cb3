"""The lift: trees and their plain text have the value of the expression, sizes all different."""
from __future__ import annotations

import random

import numpy as np
import pytest

from symderiv.ir import Expr, Symbol, postorder
from symderiv.lift import lift
from symderiv.render.notation import Notation
from symderiv.render.symbols import name_text
from symderiv.render.text import plain, tree_text
from tests.render.arrays import evaluate, read_text, tree_value
from tests.render.random_expressions import random_expression


def compare(e: Expr, value: np.ndarray) -> None:
    expected = evaluate(e)
    shape = (*expected.shape, 1, 1)[:2]
    assert np.allclose(value, expected.reshape(shape), rtol=1e-9), (e, plain(e))


@pytest.mark.parametrize("seed", range(400))
def test_random_trees_have_the_value_of_the_expression(seed: int) -> None:
    e = random_expression(random.Random(seed))
    tree = lift(e)
    if tree is not None:
        compare(e, tree_value(tree))


def symbols_of(e: Expr) -> dict[str, np.ndarray]:
    """The arrays by their names in text."""
    found = {}
    for s in postorder(e):
        if isinstance(s, Symbol):
            value = evaluate(s)
            found[name_text(s.name)] = value.reshape((*value.shape, 1, 1)[:2])
    return found


@pytest.mark.parametrize("seed", range(400))
def test_random_texts_read_back_to_the_value_of_the_expression(seed: int) -> None:
    e = random_expression(random.Random(1000 + seed))
    tree = lift(e)
    if tree is not None:
        compare(e, read_text(tree_text(tree, Notation(sizes=True)), symbols_of(e)))


def test_most_random_expressions_have_a_matrix_form() -> None:
    found = [lift(random_expression(random.Random(seed))) is not None for seed in range(400)]
    assert sum(found) > 380
