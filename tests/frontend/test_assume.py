"""Assumptions as syntax: properties of names and relations between expressions."""

from __future__ import annotations

import pytest

from symderiv.errors import AssumptionError, ParseError
from symderiv.frontend.assume import PROPERTIES, PropertyFact, RelationFact, parse_assumptions
from symderiv.frontend.syntax import outline


@pytest.mark.parametrize("kind", PROPERTIES)
def test_property(kind: str) -> None:
    (fact,) = parse_assumptions(f" {kind}( A ) ")
    assert isinstance(fact, PropertyFact)
    assert (fact.kind, fact.name) == (kind, "A")
    assert fact.text == str(fact) == f"{kind}( A )"


@pytest.mark.parametrize(
    ("text", "operator", "left", "right"),
    [
        ("sum(y) == 1", "==", "(call sum y)", "1"),
        ("y.sum() == 1", "==", "(call sum y)", "1"),
        ("np.sum(Y, axis=1) == 1", "==", "(call sum Y (axis: 1))", "1"),
        ("y**2 == 1", "==", "(** y 2)", "1"),
        ("x > 0", ">", "x", "0"),
        ("u < 0", "<", "u", "0"),
        ("x >= -1", ">=", "x", "(- 1)"),
        ("Q.T @ Q == eye(n)", "==", "(@ (T Q) Q)", "(call eye n)"),
    ],
)
def test_relation(text: str, operator: str, left: str, right: str) -> None:
    (fact,) = parse_assumptions(text)
    assert isinstance(fact, RelationFact)
    assert (fact.operator, outline(fact.left), outline(fact.right)) == (operator, left, right)
    assert fact.source[slice(*fact.span)] == fact.text == text


def test_several_facts() -> None:
    facts = parse_assumptions(["onehot(y), sum(Y, axis=1) == 1; x > 0\npsd(A)", "pd(B)"])
    assert [str(fact) for fact in facts] == ["onehot(y)", "sum(Y, axis=1) == 1", "x > 0", "psd(A)", "pd(B)"]
    assert [str(fact) for fact in parse_assumptions("0 < p < 1")] == ["0 < p", "p < 1"]
    assert parse_assumptions(None) == parse_assumptions("") == parse_assumptions([]) == ()
    assert parse_assumptions(facts) == facts


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("one_hot(y)", 1, "did you mean 'onehot'"),
        ("x > 0, symetric(A)", 8, "did you mean 'symmetric'"),
        ("frobnicate(A)", 1, "known are onehot, symmetric"),
        ("y", 1, "states no fact"),
        ("x + 1", 1, "states no fact"),
        ("psd(A @ B)", 1, "takes one name"),
        ("psd(A, B)", 1, "takes one name"),
        ("psd(A, axis=1)", 1, "takes one name"),
        ("psd()", 1, "takes one name"),
    ],
)
def test_no_fact(text: str, column: int, said: str) -> None:
    with pytest.raises(AssumptionError, match=said) as caught:
        parse_assumptions(text)
    assert caught.value.column == column


@pytest.mark.parametrize(("text", "column"), [("sum(y) = 1", 8), ("x != 0", 3), ("x >", 4), ("a b", 3), (", x > 0", 1)])
def test_no_syntax(text: str, column: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse_assumptions(text)
    assert caught.value.column == column


@pytest.mark.parametrize("value", [3, [3], [None], [["x > 0"]]])
def test_no_text(value: object) -> None:
    with pytest.raises(AssumptionError):
        parse_assumptions(value)
