"""The error tree: each error shows the user's own text with a caret under the guilty part."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symderiv import errors
from symderiv.errors import (
    AssumptionError,
    EvaluationError,
    NoMatchingLossError,
    NoRuleError,
    ParseError,
    ShapeError,
    SymderivError,
    TooLargeError,
    UnknownNameError,
    clip,
    nearest,
    with_source,
)

TREE = [ParseError, ShapeError, UnknownNameError, NoRuleError, AssumptionError, NoMatchingLossError, TooLargeError]


@pytest.mark.parametrize("kind", [*TREE, EvaluationError])
def test_one_tree(kind: type[SymderivError]) -> None:
    error = kind("it is wrong", "a + b", (4, 5), hint="do this")
    assert isinstance(error, SymderivError)
    assert str(error) == "it is wrong (line 1, column 5)\n    a + b\n        ^\ndo this"
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind and str(copy) == str(error)


def test_every_error_of_the_module_is_in_the_tree() -> None:
    kinds = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert all(issubclass(kind, SymderivError) for kind in kinds)


def test_source_is_attached_once() -> None:
    error = ShapeError("o is not n", shapes=(("o",), ("n",)))
    assert str(error) == "o is not n" and error.line is None and error.column is None
    assert with_source(error, "z = x\nW @ z", (6, 11)) is error
    assert (error.line, error.column) == (2, 1)
    assert str(with_source(error, "other", (0, 1))) == "o is not n (line 2, column 1)\n    W @ z\n    ^^^^^"
    assert error.shapes == (("o",), ("n",))


def test_text_without_a_span_is_shown_whole() -> None:
    assert str(with_source(NoRuleError("no rule for f"), "f(x)")) == "no rule for f\n    f(x)"


@pytest.mark.parametrize(
    ("text", "span", "shown"),
    [
        ("\ta + b", (5, 6), ["     a + b", "         ^"]),
        ("a\r\nbc\rd", (4, 5), ["    bc", "     ^"]),
        ("a\nb", (0, 3), ["    a", "    ^"]),
        ("a", (1, 2), ["    a", "     ^"]),
        ("変数 + y", (5, 6), ["    変数 + y", "           ^"]),
        ("", (0, 0), ["    ", "    ^"]),
    ],
)
def test_caret_stands_under_its_part(text: str, span: tuple[int, int], shown: list[str]) -> None:
    assert str(ParseError("wrong", text, span)).split("\n")[1:] == shown


def test_long_line_is_cut_around_the_caret() -> None:
    _, line, caret = str(ParseError("wrong", "a" * 500 + "b" + "c" * 500, (500, 501))).split("\n")
    assert len(line) < 110 and line[caret.index("^")] == "b"
    assert line.startswith("    …a") and line.endswith("c…")


@given(st.text(), st.integers(-3, 40), st.integers(-3, 40))
def test_any_span_of_any_text_can_be_shown(text: str, start: int, stop: int) -> None:
    shown = str(ParseError("wrong", text, (start, stop)))
    assert shown.count("^") >= 1 and len(shown.split("\n")) == 3


def test_nearest_name() -> None:
    known = ["softmax", "log_softmax", "tanh", "W"]
    assert nearest("sofmax", known) == "softmax"
    assert nearest("Tanh", known) == "tanh"
    assert nearest("w", known) == "W"
    assert nearest("zzz", known) is None
    assert nearest("x" * 100_000, known) is None
    error = UnknownNameError.among("q", known, kind="symbol", advice='declare its shape: q="n"')
    assert str(error) == "unknown symbol 'q'\ndeclare its shape: q=\"n\""


@given(st.text(), st.integers(2, 50))
def test_clipped_text_is_one_short_line(text: str, width: int) -> None:
    assert len(clip(text, width)) <= width and clip(text, width).isprintable()
