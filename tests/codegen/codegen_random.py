"""Seeded random expressions over a pool of arrays whose sizes all differ."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import numpy as np

from symderiv.build import add, apply, call, contract, name, symbol
from symderiv.dims import Dim
from symderiv.ir import Expr, Symbol

SIZES = {"m": 5, "n": 3, "o": 4, "k": 2, "s": 1}
SHAPES: dict[str, tuple[Dim, ...]] = {
    "W": ("o", "n"),
    "V": ("n", "o"),
    "A": ("n", "n"),
    "B": ("m", "n"),
    "C": ("m", "o", "n"),
    "D": ("k", "m", "n"),
    "h": ("n",),
    "u": ("o",),
    "v": ("m",),
    "c": (),
    "S": ("s", "n"),
    "t": ("k", 1),
    "Q": ("m", "o", "o"),
}


def inputs() -> list[Symbol]:
    return [symbol(x, shape) for x, shape in SHAPES.items()]


def arrays(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {x: rng.standard_normal([SIZES.get(str(d), d) for d in shape]) for x, shape in SHAPES.items()}


class Maker:
    """Grows a pool of expressions of order up to four."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pool: list[Expr] = list(inputs())
        self.names = 0

    def grow(self, steps: int) -> list[Expr]:
        made = []
        while len(made) < steps:
            node = self.random.choice(
                [self.contraction, self.contraction, self.contraction, self.sum, self.map, self.name, self.call]
            )()
            if node is not None and len(node.shape) <= 4 and node.weight < 40:
                self.pool.append(node)
                made.append(node)
        return made

    def contraction(self) -> Expr:
        factors = self.random.choices(self.pool, k=self.random.choice([1, 2, 2, 3, 3, 4]))
        labels: list[tuple[Any, ...]] = []
        for f in factors:
            labels.append(tuple((d, self.random.choice("abc" if d in ("n", "o") else "ab")) for d in f.shape))
        used = sorted({x for ls in labels for x in ls}, key=str)
        out = [x for x in used if self.random.random() < 0.55][:3]
        self.random.shuffle(out)
        dims: dict[Any, Dim] = {}
        if out and self.random.random() < 0.25:
            out.append(self.random.choice(out))  # δ
        if self.random.random() < 0.15:
            out.insert(self.random.randrange(len(out) + 1), ("k", "new"))
            dims["k", "new"] = "k"  # broadcast
        if self.random.random() < 0.1:
            dims["o", "bare"] = "o"  # a size
        return contract(factors, labels, out, dims)

    def sum(self) -> Expr | None:
        first = self.random.choice(self.pool)
        others = [x for x in self.pool if x.shape == first.shape]
        terms = [
            (Fraction(self.random.choice([1, 1, -1, 2, -3]), self.random.choice([1, 1, 2, 3])), x)
            for x in [first, *self.random.choices(others, k=self.random.randrange(3))]
        ]
        if self.random.random() < 0.5 and len(first.shape) == 2 and first.shape[0] == first.shape[1]:
            d = symbol("h" if first.shape[0] == "n" else "u", (first.shape[0],))
            if first.shape[0] in ("n", "o"):
                terms.append((Fraction(1), contract((d,), ("i",), "ii")))
        if self.random.random() < 0.3:
            terms.append(
                (
                    Fraction(self.random.choice([1, -2])),
                    contract((), (), range(len(first.shape)), dict(enumerate(first.shape))),
                )
            )
        return add(terms, first.shape)

    def map(self) -> Expr:
        x = self.random.choice(self.pool)
        fn = self.random.choice(["tanh", "sigmoid", "sin", "softplus", "relu", "silu", "pow", "inverse"])
        if fn == "pow":
            return apply("pow", apply("tanh", x), (self.random.choice([2, 3]),))
        if fn == "inverse":
            return apply(
                "pow",
                add(
                    [(1, apply("sigmoid", x)), (1, contract((), (), range(len(x.shape)), dict(enumerate(x.shape))))],
                    x.shape,
                ),
                (self.random.choice([-1, -2, Fraction(1, 2), Fraction(-1, 2)]),),
            )
        return apply(fn, apply("tanh", x) if fn in ("softplus", "silu") else x)

    def name(self) -> Expr:
        self.names += 1
        return name(f"z{self.names}", self.random.choice(self.pool))

    def call(self) -> Expr | None:
        x = apply("tanh", self.random.choice(self.pool))
        if not x.shape:
            return None
        axis = self.random.randrange(len(x.shape))
        if self.random.random() < 0.5:
            return call("softmax", (x,), x.shape, (axis,))
        return call("logsumexp", (x,), x.shape[:axis] + x.shape[axis + 1 :], (axis,))
