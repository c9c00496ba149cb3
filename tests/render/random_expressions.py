"""Random contractions, sums and functions of them, over axes of all different sizes."""
from __future__ import annotations

import random
from fractions import Fraction

from symderiv.build import add, apply, contract, power, symbol
from symderiv.ir import Expr

DIMS = ("l", "m", "n", "o", "p", "q")


def random_leaf(rng: random.Random, shape: tuple[str, ...]) -> Expr:
    """A symbol of a shape; now and then a function or a power of one, or a sum."""
    letters = "abcde" if len(shape) < 2 else "ABCDE"
    base: Expr = symbol(rng.choice(letters) + "".join(str(DIMS.index(d)) for d in shape), shape)
    roll = rng.random()
    if roll < 0.1:
        return apply(rng.choice(["exp", "tanh", "f"]), base, generic=False)
    if roll < 0.2:
        return power(base, rng.choice([-1, 2, 3, Fraction(1, 2), -2]))
    if roll < 0.3:
        other = symbol(letters[0] + "9" + "".join(str(DIMS.index(d)) for d in shape), shape)
        return add([(1, base), (rng.choice([-1, 2, -2, 1]), other)], shape)
    return base


def random_contraction(rng: random.Random, most_orders: int = 2, factors: int = 4,
                       out: tuple[str, ...] | None = None) -> Expr:
    """A product of scalars, vectors and matrices with random labels; ``out`` asks for a shape."""
    sizes = list(out or ()) + [rng.choice(DIMS) for _ in range(rng.randint(1, 3))]
    labels = list(range(len(sizes)))
    rows, nodes = [], []
    for _ in range(rng.randint(1, factors)):
        order = rng.choice([0, 1, 1, 2, 2, 2, *([3] if most_orders > 2 else [])])
        ls = tuple(rng.choice(labels) for _ in range(order))
        nodes.append(random_leaf(rng, tuple(sizes[x] for x in ls)))
        rows.append(ls)
    if out is None:
        count = rng.choice([0, 1, 2, 2])
        chosen = tuple(rng.choice(labels) for _ in range(count))
    else:
        chosen = tuple(range(len(out)))
    return contract(nodes, rows, chosen, {x: sizes[x] for x in labels})


def random_expression(rng: random.Random) -> Expr:
    """A sum of contractions, or a function of one inside another product."""
    e = random_contraction(rng)
    roll = rng.random()
    if roll < 0.3:
        others = [random_contraction(rng, out=e.shape) for _ in range(rng.randint(1, 2))]
        e = add([(1, e), *((rng.choice([-1, 1, 2, Fraction(-1, 2)]), t) for t in others)], e.shape)
    if rng.random() < 0.3 and e.shape:
        inner = apply("tanh", e)
        v = random_leaf(rng, (str(e.shape[-1]),))
        labels = tuple(range(len(e.shape)))
        e = contract((inner, v), (labels, labels[-1:]), labels if rng.random() < 0.5 else labels[:-1])
    return e
