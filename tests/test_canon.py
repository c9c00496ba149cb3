"""Canonical labels against brute force: equal exactly where one contraction is the other with its labels called otherwise."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from symderiv.build import contract, permute, symbol
from symderiv.canon import canonical_order, canonical_ranks
from symderiv.ir import Contract

Graph = list[tuple[bytes, tuple[int, ...], tuple[int, ...]]]


def certificate(factors: Graph, seeds: list[object]) -> object:
    """What the constructor stores: the factors in canonical order and labels, and the seeds by rank."""
    ranks = canonical_ranks(factors, seeds)
    assert sorted(ranks) == list(range(len(seeds)))
    rows = [(factors[k][0], labels) for k, labels in canonical_order(factors, ranks)]
    return rows, [seeds[ranks.index(r)] for r in range(len(seeds))]


def brute_force(factors: Graph, seeds: list[object]) -> object:
    """The least form over all renamings of labels, with interchangeable axes sorted: slow and plainly right."""
    best = None
    for renaming in permutations(range(len(seeds))):
        moved = [None] * len(seeds)
        for x, r in enumerate(renaming):
            moved[r] = seeds[x]
        rows = []
        for digest, classes, labels in factors:
            row = [renaming[x] for x in labels]
            for c in set(classes):
                places = [k for k, other in enumerate(classes) if other == c]
                for k, r in zip(places, sorted(row[k] for k in places)):
                    row[k] = r
            rows.append((digest, tuple(row)))
        form = (moved, sorted(rows))
        best = form if best is None or form < best else best
    return best


def random_graph(rng: np.random.Generator) -> tuple[Graph, list[object]]:
    labels = int(rng.integers(1, 6))
    factors: Graph = []
    for _ in range(rng.integers(1, 5)):
        kind = int(rng.integers(4))
        order, classes = ((1, (0,)), (2, (0, 1)), (2, (0, 0)), (3, (0, 1, 1)))[kind]
        factors.append((f"{'vAST'[kind]}".encode(), classes, tuple(int(x) for x in rng.integers(0, labels, order))))
    used = {x for _, _, ls in factors for x in ls}
    seeds: list[object] = [("n", ()) if rng.integers(4) else ("n", (x,)) for x in range(labels)]
    return factors, [s if x in used else ("n", (x, x)) for x, s in enumerate(seeds)]


def renamed(rng: np.random.Generator, factors: Graph, seeds: list[object]) -> tuple[Graph, list[object]]:
    """The same contraction: labels called otherwise, factors in another order, interchangeable axes exchanged."""
    names = [int(x) for x in rng.permutation(len(seeds))]
    moved: list[object] = [None] * len(seeds)
    for x, r in enumerate(names):
        moved[r] = seeds[x]
    again = []
    for k in rng.permutation(len(factors)):
        digest, classes, labels = factors[k]
        row = [names[x] for x in labels]
        if len(set(classes)) < len(classes) and rng.integers(2):
            first, last = (k for k, c in enumerate(classes) if classes.count(c) > 1)
            row[first], row[last] = row[last], row[first]
        again.append((digest, classes, tuple(row)))
    return again, moved


@pytest.mark.parametrize("seed", range(150))
def test_a_renamed_contraction_has_the_same_labels(seed):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng)
    assert certificate(*renamed(rng, *graph)) == certificate(*graph)


def test_two_contractions_agree_exactly_where_brute_force_says_so():
    rng = np.random.default_rng(1)
    drawn = [random_graph(rng) for _ in range(400)]
    small = [g for g in drawn if len(g[1]) <= 4]
    by_canon: dict[str, set[str]] = {}
    by_force: dict[str, set[str]] = {}
    for graph in small:
        canonical, force = repr(certificate(*graph)), repr(brute_force(*graph))
        by_canon.setdefault(canonical, set()).add(force)
        by_force.setdefault(force, set()).add(canonical)
    assert all(len(found) == 1 for found in by_canon.values()), "wrongly joined"
    assert all(len(found) == 1 for found in by_force.values()), "wrongly split"
    assert 50 < len(by_force) < len(small)


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_a_cycle_of_one_matrix_has_one_form(n):
    """tr(Aⁿ): every rotation of the labels is an automorphism; the reflected cycle is tr((Aᵀ)ⁿ)."""
    A = symbol("A", ("n", "n"))
    pairs = [(k, (k + 1) % n) for k in range(n)]
    whole = contract((A,) * n, pairs, ())
    for shift in range(n):
        assert contract((A,) * n, pairs[shift:] + pairs[:shift], ()) is whole
    assert contract((A,) * n, [(b, a) for a, b in pairs], ()) is whole
    mixed = contract((A,) * n, [pairs[0], *[(b, a) for a, b in pairs[1:]]], ())
    assert mixed is not whole


def test_a_cycle_of_a_symmetric_matrix_doesnt_split():
    S = symbol("S", ("n", "n"), props=("symmetric",))
    forms = set()
    for flips in product((False, True), repeat=4):
        pairs = [((k, (k + 1) % 4), ((k + 1) % 4, k))[flip] for k, flip in enumerate(flips)]
        forms.add(contract((S,) * 4, pairs, ()))
    assert len(forms) == 1


def test_two_triangles_are_not_a_hexagon():
    A = symbol("A", ("n", "n"))
    hexagon = contract((A,) * 6, [(k, (k + 1) % 6) for k in range(6)], ())
    triangles = contract((A,) * 6, [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)], ())
    assert hexagon is not triangles


def test_a_star_of_equal_arms_is_found_quickly():
    c, v = symbol("C", ("n",) * 6), symbol("v", ("n",))
    arms = contract((c, *(v,) * 6), [tuple(range(6)), *((k,) for k in range(6))], ())
    assert isinstance(arms, Contract)
    assert contract((*(v,) * 6, c), [*((k,) for k in range(6)), tuple(range(6))], ()) is arms


@pytest.mark.parametrize("seed", range(40))
def test_the_node_doesnt_depend_on_labels_or_order(seed):
    """Through the constructor: letters and the order of factors leave the node as it is, and out's order transposes it."""
    rng = np.random.default_rng(seed)
    leaves = [
        symbol("v", ("n",)),
        symbol("A", ("n", "n")),
        symbol("S", ("n", "n"), props=("symmetric",)),
        symbol("T", ("n",) * 3),
    ]
    factors = [leaves[k] for k in rng.integers(0, 4, rng.integers(2, 6))]
    labels = [tuple(int(x) for x in rng.integers(0, 4, len(f.shape))) for f in factors]
    used = sorted({x for ls in labels for x in ls})
    out = tuple(used[:2])
    node = contract(factors, labels, out)
    for _ in range(4):
        order = rng.permutation(len(factors))
        letters = [f"L{x}" for x in rng.permutation(9)]
        assert (
            contract(
                [factors[k] for k in order], [[letters[x] for x in labels[k]] for k in order], [letters[x] for x in out]
            )
            is node
        )
    if len(out) == 2:
        assert contract(factors, labels, out[::-1]) is permute(node, (1, 0))


def test_the_digest_is_of_content_only():
    """Nodes that are dropped and made again have the same digest, so order never depends on addresses."""
    digests = set()
    for _ in range(2):
        A = symbol("A_gone", ("n", "n"))
        digests.add(contract((A, A), ("ij", "kj"), "ik").digest)
        del A
    assert len(digests) == 1
