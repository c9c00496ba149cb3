"""Whether a loss matches a module, decided for many pairs, against a least-squares fit of the gradient in NumPy.

`python -m tests.test_matching_sweep` decides every pair and counts; the tests take a sample of them.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from inspect import signature
from itertools import islice
from random import Random
from typing import Any

import numpy as np
import pytest

import symderiv.matched
from tests.pairs_swept import GAINS, LOSSES, MATRIX, MODULES, PAIRS, SIZE, Loss, Module

SAMPLE = 60
POINTS, TARGETS = 24, 3
matching: Any = symderiv.matched.matching


def asked(module: Module, loss: Loss) -> Any:
    """What `matching` says, with the facts that the tables state."""
    shapes = {"u": "o", "y": "o", **{name: "o o" if name == "A" else "o" for name in module.more}}
    facts = [*loss.assume, *(["y > 0"] if loss.target == "count" else [])]
    if module.input != "real":
        facts.append("u > 0" if module.input == "positive" else "u < 0")
    return matching(module.text, loss.text, input="u", assume=facts, **shapes)


def fits(module: Module, loss: Loss, seed: int = 0) -> bool:
    """Whether an affine function of the output fits the gradient at all points, for several targets."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(POINTS, SIZE)) * 1.5
    if module.input != "real":
        inputs = (abs(inputs) + 0.05) * (1 if module.input == "positive" else -1)
    columns = np.array([[*module.values(np, u), 1.0] for u in inputs])
    return all(_fitted(columns, np.array([_gradient(module, loss, u, y) for u in inputs])) for y in _targets(loss.target, rng))


def _fitted(columns: Any, gradients: Any) -> bool:
    known = np.isfinite(gradients).all(axis=1)
    found = np.linalg.lstsq(columns[known], gradients[known], rcond=1e-10)[0]
    gap = np.abs(columns[known] @ found - gradients[known]).max()
    return bool(gap < 1e-9 * (1e-3 + np.abs(gradients[known]).max()))


def _targets(kind: str, rng: Any) -> list[Any]:
    draw = {
        "real": lambda: rng.normal(size=SIZE) * 1.5,
        "onehot": lambda: np.eye(SIZE)[rng.integers(SIZE)],
        "simplex": lambda: rng.dirichlet(np.ones(SIZE)),
        "unit": lambda: rng.uniform(0.05, 0.95, size=SIZE),
        "count": lambda: rng.uniform(0.3, 3, size=SIZE),
        "signs": lambda: rng.choice([-1.0, 1.0], size=SIZE),
    }[kind]
    return [draw() for _ in range(TARGETS)]


def _gradient(module: Module, loss: Loss, u: Any, y: Any) -> list[float]:
    """By complex steps, which lose no digits."""
    steps = u + 1e-30j * np.eye(SIZE)
    return [float(np.imag(loss.value(np, module.values(np, at), y, at)) / 1e-30) for at in steps]


def relation_holds(found: Any, module: Module, loss: Loss) -> bool:
    """Whether A and b, as arrays, give the gradient: A·M(u) + b."""
    rng = np.random.default_rng(1)
    given = {"A": np.array(MATRIX), "a": np.array(GAINS)}
    y = _targets(loss.target, rng)[0]
    slope, constant = (_numbers(e, {**given, "y": y}) for e in (found.A, found.b))
    for _ in range(3):
        u = (abs(rng.normal(size=SIZE)) + 0.05) * (-1 if module.input == "negative" else 1)
        gradient = np.array(_gradient(module, loss, u, y))
        if np.abs(slope @ module.values(np, u) + constant - gradient).max() > 1e-9 * (1 + np.abs(gradient).max()):
            return False
    return True


def _numbers(expr: Any, given: dict[str, Any]) -> Any:
    function = expr.numpy()
    return function(**{name: {**given, "o": SIZE}[name] for name in signature(function).parameters})


def sample(count: int, seed: int) -> list[Any]:
    """Pairs at random, half of them such as match."""
    random = Random(seed)
    shuffled = random.sample(PAIRS, len(PAIRS))
    matched = list(islice((pair for pair in shuffled if fits(*pair)), count // 2))
    return matched + [pair for pair in shuffled if pair not in matched][: count - len(matched)]


@pytest.mark.parametrize(("module", "loss"), sample(SAMPLE, 7), ids=lambda v: v.text)
def test_the_decision_is_the_fits(module: Module, loss: Loss) -> None:
    found = asked(module, loss)
    assert found.verdict == ("matches" if fits(module, loss) else "does not match")
    if found.status == "proved":
        assert relation_holds(found, module, loss)


def test_the_oracle_sees_a_loss_that_is_a_little_other() -> None:
    """A planted fault: a term of a thousandth that isn't affine in the output."""
    module, loss = MODULES[0], LOSSES[0]
    assert fits(module, loss)
    other = replace(loss, value=lambda m, p, y, u: loss.value(m, p, y, u) + 1e-3 * m.sum(p**3))
    assert not fits(module, other)
    found = asked(module, loss)
    assert relation_holds(found, module, loss) and not relation_holds(found, module, LOSSES[1])


def main() -> None:
    begun, counts, wrong = time.process_time(), Counter[tuple[str, str]](), []
    for module, loss in PAIRS:
        found = asked(module, loss)
        counts[found.verdict, found.status] += 1
        if found.matches != fits(module, loss) or (found.status == "proved" and not relation_holds(found, module, loss)):
            wrong.append((module.text, loss.text, found.verdict, found.status))
    print(*(f"{n} {verdict} ({status})" for (verdict, status), n in counts.items()), sep="\n")
    print(f"{len(PAIRS)} pairs, {len(wrong)} wrong, {time.process_time() - begun:.0f} s of a processor", *wrong, sep="\n")


if __name__ == "__main__":
    main()
