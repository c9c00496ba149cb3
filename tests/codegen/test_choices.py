"""Two forms of a product with a sum, of which the generated code takes the one that multiplies less at its sizes."""

from __future__ import annotations

import ast
import itertools
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import add, apply, contract, symbol
from symderiv.codegen import generate, memory
from symderiv.codegen.program import Program, places
from symderiv.errors import TooLargeError
from symderiv.ir import Expr, Symbol

FACTORED, SHAPES = "sum((T - U @ V.T)**2)", {"T": "n n", "U": "n k", "V": "n k"}


def body(source: str) -> str:
    function = ast.parse(source).body[-1]
    assert isinstance(function, ast.FunctionDef)
    return "\n".join(source.splitlines()[function.body[1].lineno - 1 :])


def matmul(*factors: Expr) -> Expr:
    letters = "abcdefgh"[: len(factors) + 1]
    return contract(factors, [letters[k : k + 2] for k in range(len(factors))], letters[0] + letters[-1])


def difference(x: Expr, y: Expr) -> Expr:
    return add([(1, x), (-1, y)], x.shape)


def branches(text: str) -> tuple[str, str, str]:
    """The test, and the lines of each form."""
    lines = text.splitlines()
    start = next(k for k, line in enumerate(lines) if line.strip().startswith("if n"))
    middle = lines.index("    else:")
    end = next(k for k in range(middle + 1, len(lines)) if not lines[k].startswith("        "))
    return lines[start].strip(), "\n".join(lines[start + 1 : middle]), "\n".join(lines[middle + 1 : end])


def test_the_gradient_of_a_factorisation_has_both_forms() -> None:
    """−2 (T − U Vᵀ) V: with fewer columns than half of the rows, no n×n array is made but the argument."""
    made = sd.gradient(FACTORED, "U", shapes=SHAPES).numpy()
    test, apart, built = branches(body(made.source()))
    assert test == "if n > 2*k:  # multiplied out: 2*k*k*n + k*n*n multiplications, not 2*k*n*n"
    assert "n×n" not in apart and apart.count(" @ ") == 3 and "V.T @ V" in apart, apart
    assert "U @ V.T" in built and built.count(" @ ") == 2, built
    rng = np.random.default_rng(0)
    for n, k in ((50, 5), (11, 5), (10, 5), (3, 2), (2, 7), (1, 1), (0, 3), (4, 0)):
        T, U, V = rng.standard_normal((n, n)), rng.standard_normal((n, k)), rng.standard_normal((n, k))
        kept = [x.copy() for x in (T, U, V)]
        expected = -2 * np.einsum("ij,jk->ik", T - np.einsum("il,jl->ij", U, V), V)
        result = made(T=T, U=U, V=V)
        assert np.allclose(result, expected, rtol=1e-12, atol=1e-12)
        assert all(np.array_equal(x, y) for x, y in zip((T, U, V), kept, strict=True))
        assert not any(np.shares_memory(result, x) for x in (T, U, V))


def test_both_forms_are_rounded_alike() -> None:
    """Even where nearly everything cancels, an error is of the size of ε (|T| + |U| |Vᵀ|) |V|, in either form."""
    made = sd.gradient(FACTORED, "U", shapes=SHAPES).numpy()
    rng = np.random.default_rng(1)
    for n, k in ((60, 4), (7, 4)):
        U, V = rng.standard_normal((n, k)), rng.standard_normal((n, k))
        T = U @ V.T + 1e-9 * rng.standard_normal((n, n))
        exact = -2 * (T.astype(np.longdouble) - U.astype(np.longdouble) @ V.T) @ V.astype(np.longdouble)
        allowed = 2 * (np.abs(T) + np.abs(U) @ np.abs(V.T)) @ np.abs(V) * np.finfo(float).eps
        assert (np.abs(made(T=T, U=U, V=V) - exact) <= 4 * allowed).all()


@pytest.mark.parametrize("long", range(4))
def test_sums_inside_sums_are_right_at_all_sizes(long: int) -> None:
    """((A B − C) D − E) F with each size large in turn, and all of them small."""
    A, B, C = symbol("A", ("p", "q")), symbol("B", ("q", "r")), symbol("C", ("p", "r"))
    D, E, F = symbol("D", ("r", "q")), symbol("E", ("p", "q")), symbol("F", ("q", "s"))
    value = matmul(difference(matmul(difference(matmul(A, B), C), D), E), F)
    made = generate(value, [A, B, C, D, E, F])
    assert " if " in f" {body(made.source)}".replace("\n", " "), made.source
    rng = np.random.default_rng(long)
    sizes = {x: 40 if k == long else 3 for k, x in enumerate("pqrs")}
    a, b, c, d, e, f = (rng.standard_normal((sizes[x], sizes[y])) for x, y in ("pq", "qr", "pr", "rq", "pq", "qs"))
    for function in (made, made.raw):
        assert np.allclose(function(A=a, B=b, C=c, D=d, E=e, F=f), ((a @ b - c) @ d - e) @ f, rtol=1e-11, atol=1e-11)


def test_what_the_other_form_needs_is_computed_in_its_branch() -> None:
    """What is outside serves both forms or something else; so nothing is computed in vain."""
    program = Program()
    x = program.emit("input", (), "x", ("n", "n"))
    shared = program.emit("map", (x,), ("exp", ()), ("n", "n"))
    one, other = (program.emit("map", (shared,), (f, ()), ("n", "n")) for f in ("sin", "cos"))
    inner = program.emit("choice", (one, other), ("n", 1, 1, 1), ("n", "n"))
    alone = program.emit("map", (x,), ("tanh", ()), ("n", "n"))
    outer = program.emit("choice", (inner, alone), ("n", 2, 1, 1), ("n", "n"))
    found = places(program, program.reachable([outer]), [outer])
    assert found == {x: (), shared: ((outer, 0),), inner: ((outer, 0),), alone: ((outer, 1),), outer: (),
                     one: ((outer, 0), (inner, 0)), other: ((outer, 0), (inner, 1))}
    assert places(program, program.reachable([outer, one]), [outer, one])[one] == ()


def test_a_form_that_is_always_less_needs_no_test() -> None:
    """(A Bᵀ − C) y by vectors, whatever the sizes; and neither form uses what the other computes."""
    A, B, C, y, Y = (symbol(x, s) for x, s in zip("ABCyY", (("m", "k"), ("n", "k"), ("m", "n"), ("n",), ("n", "q")), strict=True))
    inner = difference(contract((A, B), ("mk", "nk"), "mn"), C)
    text = body(generate(contract((inner, y), ("mn", "n"), "m"), [A, B, C, y]).source)
    assert text.splitlines()[-1].strip() == "return A @ (B.T @ y) - C @ y", text
    test, apart, built = branches(body(generate(matmul(inner, Y), [A, B, C, Y]).source).replace("if m*n", "if n*m"))
    assert "m*q + n*q" in test and "m×n" not in apart and "A @ B.T" in built


def test_a_sum_that_is_used_elsewhere_is_built() -> None:
    U, V, T = symbol("U", ("n", "k")), symbol("V", ("n", "k")), symbol("T", ("n", "n"))
    rest = difference(T, contract((U, V), ("ik", "jk"), "ij"))
    text = body(generate([rest, contract((rest, V), ("ij", "jk"), "ik")], [T, U, V]).source)
    assert "if n >" not in text


def test_a_product_entry_by_entry_is_not_multiplied_out() -> None:
    text = body(sd.gradient("sum(M*(T - U @ V.T)**2)", "U", shapes={**SHAPES, "M": "n n"}).numpy().source())
    assert "if n >" not in text


def test_an_array_too_large_is_refused_only_in_the_form_that_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """(U Vᵀ − A Bᵀ) V of long, thin matrices never holds n×n."""
    names = "UVAB"
    U, V, A, B = (symbol(x, ("n", "k")) for x in names)
    value = contract((difference(contract((U, V), ("il", "jl"), "ij"), contract((A, B), ("il", "jl"), "ij")), V), ("ij", "jk"), "ik")
    made = generate(value, [U, V, A, B])
    rng = np.random.default_rng(2)
    thin, wide = ({x: rng.standard_normal(shape) for x in names} for shape in ((100, 2), (100, 99)))
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 8 * 99 * 99 + 1)
    expected = (thin["U"] @ thin["V"].T - thin["A"] @ thin["B"].T) @ thin["V"]
    assert np.allclose(made(**thin), expected)
    with pytest.raises(TooLargeError):
        made(**wide)


def test_many_random_products_agree_at_skewed_sizes() -> None:
    """Left and right factors, several terms, vectors: each at sizes on both sides of its test."""
    seen = 0
    for left, right, turned in itertools.product((False, True), (False, True), (False, True)):
        A, B, C = symbol("A", ("m", "k")), symbol("B", ("n", "k")), symbol("C", ("m", "n"))
        L, R = symbol("L", ("p", "m")), symbol("R", ("n", "q"))
        inner = difference(contract((A, B), ("mk", "nk"), "mn"), C)
        factors, labels = [inner], ["mn"]
        if left:
            factors, labels = [L, *factors], ["pm", *labels]
        if right:
            factors, labels = [*factors, R], [*labels, "nq"]
        ends = ("p" if left else "m") + ("q" if right else "n")
        made = generate(contract(factors, labels, ends[::-1] if turned else ends), [A, B, C, L, R])
        seen += "multiplied out" in made.source
        rng = np.random.default_rng(3)
        for long in "mnkpq":
            sizes = {x: 50 if x == long else 2 for x in "mnkpq"}
            given = {s.name: rng.standard_normal([sizes[str(d)] for d in s.shape]) for s in (A, B, C, L, R)}
            expected = given["A"] @ given["B"].T - given["C"]
            expected = given["L"] @ expected if left else expected
            expected = expected @ given["R"] if right else expected
            assert np.allclose(made(**given), expected.T if turned else expected, rtol=1e-11, atol=1e-11), (ends, long)
    assert seen >= 4


Made = tuple[Expr, Callable[[Mapping[str, Any]], Any]]


def formula(r: random.Random, rows: str, columns: str, depth: int, leaves: dict[str, Symbol]) -> Made:
    """A random formula of matrices, and NumPy's own evaluation of it."""
    kind = r.random()
    if depth == 0 or kind < 0.25:
        text = f"{rows}{columns}{r.randrange(3)}".upper()
        leaves[text] = symbol(text, (rows, columns))
        return leaves[text], lambda values: values[text]
    if kind < 0.65:
        middle = r.choice("abcd")
        (x, fx), (y, fy) = formula(r, rows, middle, depth - 1, leaves), formula(r, middle, columns, depth - 1, leaves)
        return contract((x, y), ("ij", "jk"), "ik"), lambda values: fx(values) @ fy(values)
    if kind < 0.95:
        terms = [(r.choice((1, -1, 2, -3)), *formula(r, rows, columns, depth - 1, leaves)) for _ in range(r.choice((2, 2, 3)))]
        return add([(c, t) for c, t, _ in terms], (rows, columns)), lambda values: sum(c * f(values) for c, _, f in terms)
    x, fx = formula(r, rows, columns, depth - 1, leaves)
    return apply("tanh", x), lambda values: np.tanh(fx(values))


@pytest.mark.parametrize("seed", range(40))
def test_random_formulas_of_matrices(seed: int) -> None:
    """What is run and what is read, at sizes on all sides of the tests; arguments stay as they were."""
    r = random.Random(seed)
    leaves: dict[str, Symbol] = {}
    roots = [formula(r, r.choice("abcd"), r.choice("abcd"), 4, leaves) for _ in range(r.choice((1, 1, 2)))]
    made = generate([e for e, _ in roots], list(leaves.values()))
    rng = np.random.default_rng(seed)
    for _ in range(4):
        sizes = {x: r.choice((1, 2, 3, 40)) for x in "abcd"}
        values = {k: rng.standard_normal([sizes[str(d)] for d in s.shape]) / 5 for k, s in leaves.items()}
        before = {k: x.copy() for k, x in values.items()}
        read = made.raw(*(values.get(a.name, sizes.get(a.name)) for a in made.arguments))
        for ours, shown, (_, evaluated) in zip(made(**values), read, roots, strict=True):
            expected = evaluated(values)
            close = {"rtol": 1e-9, "atol": 1e-9 * (1 + np.abs(expected).max())}
            assert np.allclose(ours, expected, **close) and np.allclose(shown, expected, **close)
        assert all(np.array_equal(values[k], before[k]) for k in values)
