"""Joined axes in index form: no reshape(… δ …), and letters in brackets that mean just the entries that they stand for."""
from __future__ import annotations

import math

import numpy as np
import pytest

import symderiv as sd
from symderiv.draw import draw, draw_sizes
from symderiv.evaluate import evaluate
from symderiv.ir import Contract, free_symbols, postorder
from symderiv.present import written
from symderiv.render import joined as joins
from symderiv.render.joined import Letter, is_join, opened

SHAPES = {"A": "p r", "B": "q s", "C": "p*q r*s", "D": "r p", "E": "s q", "x": "p*q", "y": "r*s", "X": "p q", "z": "p*q"}
FIRST = [
    ("x @ kron(A, B) @ y", "A", "∂L/∂A[i,j] = Σ_kl x[(ik)] B[k,l] y[(jl)]  pull back"),
    ("x @ kron(A, B) @ y", "B", "∂L/∂B[i,j] = Σ_kl x[(ki)] A[k,l] y[(lj)]  pull back"),
    ("sum(kron(A, B)*C)", "A", "∂L/∂A[i,j] = Σ_kl C[(ik),(jl)] B[k,l]  pull back"),
    ("x @ reshape(X, (p*q,))", "X", "∂L/∂X[i,j] = x[(ij)]  pull back through vec(Xᵀ), pull back through xᵀvec(Xᵀ)"),
    ("sum((kron(A, B) - C)**2)", "A", "∂L/∂A[i,j] = 2 Σ_kl (A[i,j] B[k,l] − C[(ik),(jl)]) B[k,l]  pull back"),
]
OTHERS = [
    ("kron(A, B) @ y", "A"), ("kron(A, B)", "B"), ("tanh(kron(A, B) @ y)", "y"), ("sum(tanh(kron(A, B) @ y))", "A"),
    ("sum((kron(A, B) @ y - z)**2)", "B"), ("kron(A @ D, B @ E) @ z", "A"), ("trace(C @ kron(D, E))", "D"),
]


@pytest.mark.parametrize(("text", "by", "line"), FIRST)
def test_the_gradient_by_a_factor_has_letters_in_brackets(text, by, line) -> None:
    assert sd.gradient(text, by, shapes=SHAPES).text() == line


@pytest.mark.parametrize(("text", "by"), [(t, b) for t, b, _ in FIRST] + OTHERS)
@pytest.mark.parametrize("notation", ["matrix", "index", "differential"])
def test_no_line_has_a_join_by_its_entries(text, by, notation) -> None:
    for line in written(sd.derivative(text, by, shapes=SHAPES), notation, "full"):
        assert "reshape" not in line.plain_rhs + line.rhs, line.plain_rhs


def test_letters_of_a_joined_axis_are_used_for_nothing_else() -> None:
    text = sd.jacobian("tanh(kron(A, B) @ y)", "y", shapes=SHAPES).text(notation="index")
    assert "∂a/∂y[(ik),(jl)] = (1 − a[(ik)]²) ∂/∂y[(jl)] (Σ_mt A[i,m] y[(mt)] B[k,t])" in text


# ---------------------------------------------------------------- meaning
def value(node: Contract, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(the product as it is opened, with its output joined again; the product by the evaluator)."""
    sizes = draw_sizes([node], seed)
    values = draw(list(free_symbols(node)), (), np.random.default_rng(seed), sizes)
    letters = tuple("abcdefgh"[: len(node.shape)])
    rows, out, _, widths = opened(node, letters)
    whole = evaluate(node, values, sizes)
    dims: dict[int, int] = dict(zip(out, whole.shape, strict=True))
    for k, (f, ls) in enumerate(rows):                          # sizes of labels whose axes aren't joined
        if k not in widths:
            dims.update(zip(ls, evaluate(f, values, sizes).shape, strict=True))
    operands: list[object] = []
    for k, (f, ls) in enumerate(rows):
        array = evaluate(f, values, sizes)
        if k in widths:
            at, shape = 0, []
            for axis, width in enumerate(widths[k]):
                known = [dims.get(x) for x in ls[at: at + width]]
                if width > 1 and None in known and known.count(None) == 1:
                    known[known.index(None)] = array.shape[axis] // math.prod(d for d in known if d)
                shape += known if width > 1 else [array.shape[axis]]
                at += width
            array = array.reshape(shape)
        operands += [array, list(ls)]
    outer = list(dict.fromkeys(out))
    small = np.einsum(*operands, outer)
    full = np.zeros(tuple(small.shape[outer.index(x)] for x in out))
    for place in np.ndindex(*small.shape):
        full[tuple(place[outer.index(x)] for x in out)] = small[place]
    return full.reshape(whole.shape), whole


def products() -> list[Contract]:
    found = {}
    for text, by in [(t, b) for t, b, _ in FIRST] + OTHERS:
        for step in sd.derivative(text, by, shapes=SHAPES).steps:
            for node in postorder(step.before, step.after):
                if isinstance(node, Contract) and any(map(is_join, node.factors)) and all(hasattr(n, "weight") for n in node.factors):
                    found[node] = None
    return [n for n in found if all(type(m).__name__ != "Der" for m in postorder(n))]


def compared() -> tuple[int, int]:
    """(how many opened products agree, how many don't)."""
    right = wrong = 0
    for node in products():
        if not opened(node, tuple("abcdefgh"[: len(node.shape)])).widths:
            continue
        one, other = value(node)
        same = np.allclose(one, other)
        right, wrong = right + same, wrong + (not same)
    return right, wrong


def test_an_opened_product_has_the_value_of_the_product() -> None:
    right, wrong = compared()
    assert right >= 4 and not wrong


def test_letters_in_the_wrong_order_are_noticed(monkeypatch) -> None:
    real = joins._Opening.inner
    monkeypatch.setattr(joins._Opening, "inner", lambda self, f, ls: (found := real(self, f, ls)) and found[::-1])
    try:
        _, wrong = compared()
    except ValueError:                                          # sizes that don't fit are noticed too
        return
    assert wrong


def test_a_letter_knows_its_parts() -> None:
    letter = joins.joined("im")
    assert isinstance(letter, Letter) and letter == "(im)" and joins.single([letter, "k"]) == ["i", "m", "k"]
