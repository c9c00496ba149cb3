"""Shapes and dimensions: canonical, so that equal dimensions are equal values."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symderiv.dims import (
    Dim,
    dim_atoms,
    dim_latex,
    dim_product,
    dim_substitute,
    dim_sum,
    dim_terms,
    dim_value,
    parse_dim,
    parse_dims,
)
from symderiv.errors import EvaluationError, ParseError, ShapeError, SymderivError, TooLargeError
from symderiv.frontend.shapes import ElementwiseDecl, ModuleDecl, ShapeDecl, parse_declaration, parse_shape

dim_texts = st.recursive(
    st.sampled_from(["n", "m", "k_1", "1", "2", "3"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" + ".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]})*({pair[1]})"),
        inner.map(lambda text: f"({text})**2"),
    ),
    max_leaves=4,
)


@settings(deadline=None)
@given(dim_texts)
def test_dimension_is_canonical_and_has_its_value(text: str) -> None:
    sizes = {"n": 5, "m": 3, "k_1": 7}
    dim = parse_dim(text)
    assert parse_dim(str(dim)) == dim
    assert dim_value(dim, sizes) == sp.sympify(text).subs(sizes)
    rebuilt: Dim = 0
    for factor, atoms in dim_terms(dim):
        rebuilt = dim_sum(rebuilt, dim_product(*atoms), factor)
    assert rebuilt == dim


@settings(deadline=None)
@given(dim_texts, dim_texts)
def test_sum_and_product_commute(first: str, second: str) -> None:
    left, right = parse_dim(first), parse_dim(second)
    assert dim_product(left, right) == dim_product(right, left)
    assert dim_sum(left, right) == dim_sum(right, left)
    assert dim_sum(dim_sum(left, right), right, -1) == left


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=30), st.text(alphabet="nm23+-*(), ->", max_size=30)))
def test_any_text_ends_in_a_declaration_or_an_error(text: str) -> None:
    try:
        parse_declaration(text)
    except SymderivError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("", ()), ("  ", ()), ("()", ()), ("n", ("n",)), ("o n", ("o", "n")), ("o,n", ("o", "n")), ("(o, n)", ("o", "n")),
        ("(3,)", (3,)), ("3 n", (3, "n")), ("m*q n", ("m*q", "n")), ("q*m", ("m*q",)), ("n*2", ("2*n",)),
        ("2*3", (6,)), ("n - k + 1 m", ("n - k + 1", "m")), ("1 + n", ("n + 1",)), ("n**2", ("n*n",)),
        ("(m + 1)*n", ("m*n + n",)), ("1 - k + n", ("n - k + 1",)),
    ],
)  # fmt: skip
def test_shape_of_text(text: str, shape: tuple[Dim, ...]) -> None:
    assert parse_dims(text) == parse_shape(text) == shape


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (3, (3,)), (("o", 3), ("o", 3)), (["n"], ("n",)), ((), ()), (sp.Symbol("n"), ("n",)), (sp.Integer(3), (3,)),
        (sp.MatrixSymbol("A", sp.Symbol("o"), 2 * sp.Symbol("n")).shape, ("o", "2*n")),
        ((sp.Symbol("n") * (sp.Symbol("m") + 1),), ("m*n + n",)),
    ],
)  # fmt: skip
def test_shape_of_value(value: object, shape: tuple[Dim, ...]) -> None:
    assert parse_shape(value) == shape
    assert parse_declaration(value) == ShapeDecl(shape)


def test_declarations() -> None:
    assert parse_declaration("n -> o") == ModuleDecl((("n",),), ("o",))
    assert parse_declaration("n, m -> o") == ModuleDecl((("n",), ("m",)), ("o",))
    assert parse_declaration("h n, m -> o p") == ModuleDecl((("h", "n"), ("m",)), ("o", "p"))
    assert parse_declaration("o -> ") == ModuleDecl((("o",),), ())
    assert parse_declaration("(), n -> o") == ModuleDecl(((), ("n",)), ("o",))
    assert parse_declaration(" -> o") == ModuleDecl(((),), ("o",))
    assert parse_declaration("elementwise") == ElementwiseDecl()
    assert parse_declaration(ElementwiseDecl()) == ElementwiseDecl()


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("2n", 1, "write \\*"), ("n^2", 2, "no meaning"), ("o×n", 2, "no meaning"), ("n,,m", 3, "found ','"),
        ("n -", 4, "found the end"), ("(n", 3, "expected '\\)'"), ("for", 1, "Python keyword"), ("n, -> o", 3, "an input"),
        ("n -> o, p", 7, "one output"), ("n -> o -> p", 8, "one arrow"), ("n -> o^", 7, "no meaning"),
        ("n" * 5000, 1, "1000 characters"), ("(" * 500, 21, "expected a dimension"), ("n**99", 4, "a power of at most"),
    ],
)  # fmt: skip
def test_refused_text_has_its_place(text: str, column: int, said: str) -> None:
    with pytest.raises(ParseError, match=said) as caught:
        parse_declaration(text)
    assert caught.value.column == column, str(caught.value)


@pytest.mark.parametrize("value", ["0", "n - n", "2 - 3", 0, -1, (3, 0), 1.5, None, True, {"n"}, sp.eye(2)])
def test_no_shape(value: object) -> None:
    with pytest.raises(ShapeError):
        parse_declaration(value)


def test_values() -> None:
    assert dim_value("n - k + 1", {"n": 5, "k": 3}) == 3
    assert dim_atoms("2*m*q - k") == ("k", "m", "q")
    assert dim_substitute("n*n + k", {"n": "k", "k": 2}) == "k*k + 2"
    with pytest.raises(EvaluationError, match="'k'"):
        dim_value("n - k", {"n": 5})
    with pytest.raises(ShapeError, match="n = 2"):
        dim_value("n - 2", {"n": 2})
    with pytest.raises(TooLargeError):
        parse_dim("(a + b + c + d + e + f + g + h + i)**16")


@pytest.mark.parametrize(
    ("dim", "latex"),
    [("n", "n"), (3, "3"), ("2*m*q", "2 m q"), ("n*n", "n^{2}"), ("n1 - k + 1", "n_{1} - k + 1"),
     ("n_in", r"n_{\mathrm{in}}"), ("heads*d_k", r"d_{k} \mathrm{heads}"), ("-k + 1", "-k + 1")],
)  # fmt: skip
def test_latex(dim: Dim, latex: str) -> None:
    assert dim_latex(dim) == latex
