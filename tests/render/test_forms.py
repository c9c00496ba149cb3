"""Tensors of order 3 and 4: slices, blocks, cores and vec's matrices, each compared with the tensor itself."""
from __future__ import annotations

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import add, apply, call, contract, identity, scale, symbol
from symderiv.dims import dim_product
from symderiv.handout.mathml import mathml
from symderiv.ir import Call, Expr
from symderiv.kronecker import grouped
from symderiv.lift import lift
from symderiv.ops import add_all, inverse, outer
from symderiv.render import tree as T
from symderiv.render.forms import forms, split_deltas
from tests.render.arrays import SIZES, evaluate, tree_value

A, B, X, V = (symbol(k, tuple(d)) for k, d in zip("ABXV", ("qn", "mp", "nm", "no"), strict=True))
C, x, h, r = symbol("C", ("o", "o")), symbol("x", ("n",)), symbol("h", ("m",)), symbol("r", ("o",))


def kron_value(root: T.Tree) -> np.ndarray:
    """Trees with ⊗, vec and K_{p,q} besides what arrays.py knows."""

    def value(t: T.Tree, of):
        if isinstance(t, T.Kron):
            result = np.ones((1, 1))
            for item in t.items:
                result = np.kron(result, of(item))
            return result
        if isinstance(t, T.Vec):
            return of(t.arg).reshape(-1, 1, order="F")
        if isinstance(t, T.Commutation):
            return commutation(SIZES[str(t.rows)], SIZES[str(t.columns)])
        if isinstance(t, T.Product):
            result = of(t.items[0])
            for item in t.items[1:]:
                result = result @ of(item)
            return result
        if isinstance(t, T.Scale):
            return float(t.coefficient) * np.prod([of(s)[0, 0] for s in t.scalars]) * of(t.body)
        if isinstance(t, T.Sum):
            return sum(of(k) for k in t.terms)
        if isinstance(t, T.Transpose):
            return of(t.arg).T
        return tree_value(t)

    return T.fold(root, value)


def commutation(p: int, q: int) -> np.ndarray:
    """K with K vec(X) = vec(Xᵀ)."""
    k = np.zeros((p * q, p * q))
    for i in range(p):
        for j in range(q):
            k[i * q + j, j * p + i] = 1
    return k


TENSORS = [
    (contract((A, B), ("ik", "lj"), "ijkl"), 2, "B^\\top \\otimes A"),
    (contract((C, x, x), ("ik", "j", "l"), "ijkl"), 2, "(x\\,x^\\top) \\otimes C"),
    (contract((r, x, x), ("i", "j", "l"), "ijil"), 2, "(x\\,x^\\top) \\otimes \\operatorname{diag}(r)"),
    (outer(identity(("o",)), x), 1, "x^\\top \\otimes I_o"),
    (scale(2, contract((V, V), ("rj", "rl"), "ijil", {"i": "m"})), 2, "2\\,(V^\\top V) \\otimes I_m"),
    (add([(1, contract((X,), ("ki",), "ijkj", {"j": "m"})), (1, contract((X,), ("kj",), "ijki", {"i": "m"}))],
         ("m", "m", "n", "m")), 2, "(X^\\top \\otimes I_m)\\,K_{n,m}+I_m \\otimes X^\\top"),
    (contract((x, A), ("i", "jk"), "ijk"), 2, "A \\otimes x"),
    (contract((A, h), ("ij", "k"), "ijk"), 1, "h^\\top \\otimes A"),
    (contract((A, h), ("ik", "j"), "ijk"), 1, "A \\otimes h^\\top"),
    (outer(A, B), 2, "\\operatorname{vec}(A)\\,\\operatorname{vec}(B)^\\top"),
]


@pytest.mark.parametrize(("tensor", "split", "latex"), TENSORS, ids=[latex for _, _, latex in TENSORS])
def test_vec_is_the_matrix_of_stacked_columns(tensor: Expr, split: int, latex: str) -> None:
    order = len(tensor.shape)
    tree = grouped(tensor, range(split)[::-1], range(split, order)[::-1], lift)
    assert tree is not None
    value = evaluate(tensor)
    rows = int(np.prod(value.shape[:split]))
    turned = value.transpose(*range(split)[::-1], *range(split, order)[::-1]).reshape(rows, -1)
    assert np.allclose(kron_value(tree), turned)
    assert [f.rhs for f in forms(tensor, "J", split) if f.view == "vec"] == [latex]


def views(tensor: Expr, name: str, split: int | None = None) -> dict[str, str]:
    found = forms(tensor, name, split)
    assert all(mathml(f.latex) for f in found)
    return {f.view: f.latex for f in found}


def test_the_jacobian_of_a_linear_layer_by_its_weights() -> None:
    assert views(outer(identity(("o",)), symbol("h", ("n",))), "J", 1) == {
        "entry": r"J_{ijk}=\delta_{ij}\,h_k", "slice": r"J_{i,:,:}=e_i\,h^\top",
        "core": r"J_{ijk}=\delta_{ij}\,C_k,\quad C=h", "vec": r"h^\top \otimes I_o"}


def test_the_hessian_of_a_network_by_its_weights() -> None:
    assert views(contract((C, x, x), ("ik", "j", "l"), "ijkl"), "H", 2) == {
        "entry": r"H_{ijkl}=C_{ik}\,x_j\,x_l", "slice": r"H_{i,j,:,:}=x_j\,C_{i,:}^\top x^\top",
        "block": r"H_{:,j,:,l}=x_j\,x_l\,C", "core": r"H_{ijkl}=C_{ik}\,X_{jl},\quad X=x\,x^\top",
        "vec": r"(x\,x^\top) \otimes C"}


def test_slices_of_the_chain_rule_of_second_order() -> None:
    w = symbol("w", ("n",))
    module = call("N", (w,), ("o",), abstract=True)
    first, second = ([call(k, (arg,), shape, abstract=True, ders=(0,) * times) for k, arg, shape in
                      (("N", w, ("o",)), ("L", module, ("s",)))] for times in (1, 2))
    (jn, jl), (hn, hl) = first, second
    total = add_all(contract((hl, jn, jn), ("ilm", "lj", "mk"), "ijk"), contract((jl, hn), ("il", "ljk"), "ijk"))
    assert views(total, "H_C") == {
        "entry": r"(H_C)_{ijk}=\sum_{l,m}(H_L)_{ilm}\,(J_N)_{lj}\,(J_N)_{mk}+\sum_l(J_L)_{il}\,(H_N)_{ljk}",
        "slice": r"(H_C)_{i,:,:}=J_N^\top\,h_{L_i}\,J_N+\sum_k(J_L)_{ik}\,h_{N_k}"}


def test_the_hessian_of_an_activated_layer() -> None:
    W = symbol("W", ("o", "n"))
    slope = apply("f", symbol("z", ("o",)), order=2, generic=True)
    assert views(contract((slope, W, W), ("i", "ij", "ik"), "ijk"), "H") == {
        "entry": r"H_{ijk}=f''(z_i)\,W_{ij}\,W_{ik}", "slice": r"H_{i,:,:}=f''(z_i)\,W_{i,:}^\top W_{i,:}"}


def test_the_inverse() -> None:
    S = symbol("S", ("n", "n"))
    e = scale(-1, contract((inverse(S), inverse(S)), ("ik", "lj"), "ijkl"))
    assert views(e, "J", 2)["vec"] == r"-S^{-\top} \otimes S^{-1}"
    assert views(e, "J", 2)["block"] == r"J_{:,j,:,l}=-(S^{-1})_{lj}\,S^{-1}"


def test_deltas_are_read_off_the_labels() -> None:
    found = split_deltas(contract((r, x, x), ("i", "j", "l"), "ijil"))
    assert found is not None
    core, classes = found
    assert core.shape == ("o", "n", "n")
    assert classes == ((0, 2), (1,), (3,))
    assert split_deltas(A) is None


def test_joined_axes_keep_their_letters() -> None:
    e = contract((A, B), ("ik", "lj"), "ijkl")
    joined = call("reshape", (e,), (dim_product("q", "p"), "n", "m"), (2, 1, 1))
    assert isinstance(joined, Call)
    assert views(joined, "J", 1)["entry"] == r"J_{(ij)kl}=A_{ik}\,B_{lj}"


@pytest.mark.parametrize(("text", "shapes", "shown"), [
    ("logsumexp(T * T)", {"T": "n m k"}, "logsumexp([T[i,l,q]²]_ilq)"),
    ("logsumexp(einsum('ij,k->ijk', A, x))", {"A": "n m", "x": "k"}, "logsumexp([A[i,l] x[q]]_ilq)"),
])  # fmt: skip
def test_an_argument_without_a_matrix_form_is_written_by_its_entries(text, shapes, shown):
    parsed = sd.parse(text, **shapes)
    assert parsed.text() == shown
    assert "cdots" not in parsed.latex()
