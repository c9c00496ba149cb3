"""Generated functions against the slow evaluation."""

from __future__ import annotations

import pkgutil
import random
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from codegen_evaluator import evaluate
from codegen_random import SIZES, Maker, arrays, inputs

from symderiv.build import apply, contract, symbol
from symderiv.codegen import generate
from symderiv.errors import SymderivError
from symderiv.ir import Expr, free_symbols


def mismatch(exprs: list[Expr], seed: int) -> Expr | None:
    """The first expression whose generated value isn't the evaluated one."""
    given = arrays(seed)
    before = {k: v.copy() for k, v in given.items()}
    results = generate(exprs, inputs())(**given)
    assert all(np.array_equal(before[k], given[k]) for k in given), "an input was changed"
    for expr, result in zip(exprs, results, strict=True):
        wanted = evaluate(expr, given, SIZES)
        assert isinstance(result, np.ndarray)
        assert result.dtype == np.float64
        assert not any(np.shares_memory(result, a) for a in given.values())
        if result.shape != wanted.shape or not np.allclose(
            result, wanted, rtol=1e-9, atol=1e-9 * (1 + np.abs(wanted).max())
        ):
            return expr
    return None


@pytest.mark.parametrize("seed", range(60))
def test_random_expressions(seed: int) -> None:
    made = Maker(seed).grow(12)
    for expr in made:
        assert mismatch([expr], seed) is None, expr
    assert mismatch(made, seed) is None


@pytest.mark.parametrize("seed", range(12))
def test_random_expressions_compressed(seed: int) -> None:
    given = arrays(seed)
    for expr in Maker(1000 + seed).grow(10):
        packed = generate(expr, inputs(), compress=True)(**given)
        wanted = evaluate(expr, given, SIZES)
        assert packed.shape == wanted.shape
        assert np.allclose(packed.dense(), wanted, rtol=1e-9, atol=1e-9 * (1 + np.abs(wanted).max()))


def pairs(seed: int) -> tuple[Expr, dict[str, Any]]:
    """A product of two arrays of order up to five, of all kinds of labels."""
    rng = random.Random(seed)
    sizes = dict(zip("abcdefg", rng.sample(range(2, 9), 7), strict=True))
    kinds = {x: rng.choice(["batch", "sum", "left", "right", "sum"]) for x in "abcdefg"[: rng.randint(3, 7)]}
    left = [x for x, kind in kinds.items() if kind != "right"][:5]
    right = [x for x, kind in kinds.items() if kind != "left"][:5]
    out = [x for x in kinds if kinds[x] != "sum" and x in left + right]
    for labels in (left, right, out):
        rng.shuffle(labels)
    a, b = symbol("A", left), symbol("B", right)
    values = np.random.default_rng(seed)
    return contract((a, b), (left, right), out[:5]), {
        "A": values.standard_normal([sizes[x] for x in left]),
        "B": values.standard_normal([sizes[x] for x in right]),
        **sizes,
    }


@pytest.mark.parametrize("seed", range(150))
def test_two_arrays(seed: int) -> None:
    expr, given = pairs(seed)
    wanted = evaluate(expr, given, given)
    made = generate(expr, free_symbols(expr))
    assert np.allclose(
        made(**{k: v for k, v in given.items() if k in "AB" and k in {a.name for a in made.arguments}}), wanted
    )


@pytest.mark.parametrize(
    "labels", ["sai,saj->ij", "asi,bsi,s->ab", "bsai,bsaj->bij", "bsai,bsaj,bs->bji", "ski,skj,sk->ij"]
)
def test_grams(labels: str) -> None:
    left, _, out = labels.partition("->")
    terms = left.split(",")
    sizes = dict(zip("abskij", (3, 3, 5, 4, 2, 2), strict=True))
    names = {"a": "a", "b": "a" if "asi,bsi" in labels else "b", "s": "s", "k": "k", "i": "i", "j": "i"}
    sizes["b"] = 3
    x, d = symbol("X", [names[c] for c in terms[0]]), apply("sigmoid", symbol("d", [names[c] for c in terms[-1]]))
    expr = contract((x, x, d)[: len(terms)], [tuple(t) for t in terms], tuple(out))
    rng = np.random.default_rng(0)
    given = {s.name: rng.standard_normal([sizes[str(n)] for n in s.shape]) for s in free_symbols(expr)}
    made = generate(expr, free_symbols(expr))
    assert re.search(
        r"(\w+)\.(T|swapaxes\(-1, -2\)|transpose\(0, 2, 1\)) @ \1\b|(\w+) @ \3\.(T|transpose\(0, 2, 1\))", made.source
    ), made.source
    assert np.allclose(made(**given), evaluate(expr, given, sizes))


FAULTS = {
    "axes stay in their order": lambda whole: lambda self, f, out: whole(self, f, f[1]),
    "a sum is over too little": lambda whole: lambda self, f, summed: whole(self, f, set(sorted(summed)[1:])),
    "a diagonal is forgotten": lambda whole: (
        lambda term, k, inner: whole(term, k, replace(inner, coefficient=inner.coefficient * 2))
    ),
}


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        ("axes stay in their order", "symderiv.codegen.contraction.Contractor.arranged"),
        ("a sum is over too little", "symderiv.codegen.contraction.Contractor.reduce"),
        ("a diagonal is forgotten", "symderiv.codegen.terms.splice"),
    ],
)
def test_a_planted_fault_is_seen(fault: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, _, attribute = place.rpartition(".")
    owner = pkgutil.resolve_name(module)
    monkeypatch.setattr(place, FAULTS[fault](getattr(owner, attribute)))

    def fails(seed: int) -> bool:
        try:
            return mismatch(Maker(seed).grow(12), seed) is not None
        except (ValueError, IndexError, AssertionError, SymderivError):
            return True

    assert any(fails(seed) for seed in range(20))


def test_a_planted_fault_in_signs_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the test m ≥ 0, the root of a negative weight would be taken."""
    monkeypatch.setattr("symderiv.codegen.lower.bounds", lambda nodes: dict.fromkeys(nodes, (0.0, 1.0)))
    x, d = symbol("B", ("m", "n")), symbol("v", ("m",))
    with np.errstate(invalid="ignore"):
        assert mismatch([contract((x, d, x), ("ki", "k", "kj"), "ij")], 0) is not None


@pytest.mark.parametrize("m", [0, 1, 2, 300])
@pytest.mark.parametrize("symmetric", [False, True])
def test_blocks(m: int, symmetric: bool) -> None:
    """The block by block products, also over several blocks, one sample and none."""
    rng = np.random.default_rng(m)
    M, X, A = rng.standard_normal((m, 7, 7)), rng.standard_normal((m, 20)), rng.standard_normal((5, m))
    M += M.transpose(0, 2, 1) if symmetric else 0
    nodes = [symbol("M", ("m", "p", "p")), symbol("X", ("m", "n")), symbol("A", ("o", "m"))]
    sandwich = contract((nodes[0], nodes[1], nodes[1]), ("sik", "sj", "sl"), "ijkl")
    got = generate(sandwich, nodes[:2], symmetric=symmetric)(M=M, X=X)
    assert np.allclose(got, np.einsum("sik,sj,sl->ijkl", M, X, X, optimize=True))
    assert ("_blocks(" in generate(sandwich, nodes[:2], symmetric=symmetric).source) is symmetric
    slices = contract((nodes[2], nodes[1], nodes[1]), ("is", "sj", "sl"), "ijl")
    assert np.allclose(generate(slices, nodes[1:])(X=X, A=A), np.einsum("is,sj,sl->ijl", A, X, X, optimize=True))
