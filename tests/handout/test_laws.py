"""Tables of derivatives and networks of symbolic depth on a page: what is printed is proved, and a wrong form is refused."""

from __future__ import annotations

import pytest

from symderiv.handout.card import Context
from symderiv.handout.laws import depth, derivatives, operator_latex
from symderiv.handout.model import Check, Steps, Table
from symderiv.handout.source import SourceError, gradient, hessian, jacobian
from symderiv.handout.source import depth as depth_item
from symderiv.handout.source import derivatives as rows

GIVEN = {"x": "n", "A": "n n"}


def test_each_row_has_its_result_its_derivation_and_what_it_rests_on() -> None:
    item = rows(
        (gradient("x @ A @ x", "x", **GIVEN), "A @ x + A.T @ x"),
        (hessian("x @ A @ x", "x", **GIVEN, assume="symmetric(A)"), "2*A"),
    )
    table, check, _, first, second = derivatives(item, Context())
    assert isinstance(table, Table) and isinstance(check, Check) and isinstance(first, Steps) and isinstance(second, Steps)
    assert [row[3] for row in table.rows] == [r"$(A+A^\top)\,x$", r"$2\,A$"]
    assert [row[-1] for row in table.rows] == ["", r"$A=A^\top$"]
    assert check.word == "Proved" and first.folded
    assert first.lines[-1].rhs == r"(A+A^\top)\,x"


@pytest.mark.parametrize("wrong", ["(A - A.T) @ x", "2*A @ x", "A @ x + A.T @ x + 1e-6"])
def test_a_row_with_another_form_is_refused_at_its_line(wrong: str) -> None:
    with pytest.raises(SourceError, match=r"test_laws\.py:\d+: the result isn't"):
        derivatives(rows((gradient("x @ A @ x", "x", **GIVEN), wrong)), Context())


def test_a_derivative_at_a_point_has_the_form_that_is_proved_equal() -> None:
    item = rows((gradient("det(eye(n) + t*A)", "t", A="n n", t=""), "trace(A)", {"t": "0"}))
    table, *_, told = derivatives(item, Context())
    assert isinstance(table, Table) and isinstance(told, Steps)
    assert table.rows[0][3:] == (r"$\operatorname{tr}(A)$", "$t=0$")
    assert [line.why for line in told.lines[-2:]] == ["at $t=0$", "proved equal"]
    with pytest.raises(SourceError, match="the result isn't"):
        derivatives(rows((gradient("det(eye(n) + t*A)", "t", A="n n", t=""), "trace(A)", {"t": "1"})), Context())


def test_columns_are_those_that_say_something() -> None:
    table = derivatives(rows((gradient("x @ x", "x", x="n"), "2*x")), Context())[0]
    assert isinstance(table, Table)
    assert table.header == ("", "function", "by", "derivative")


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (gradient("x @ x", "x", x="n"), r"\nabla_{x}"),
        (gradient("x**2", "x", x=""), r"\partial/\partial x"),
        (hessian("x @ x", "x", x="n"), r"\nabla^2_{x}"),
        (jacobian("inv(X)", "X", X="n n"), r"\partial/\partial X"),
    ],
)
def test_what_was_taken(call, shown: str) -> None:
    assert operator_latex(call.run()) == shown


def test_a_derivative_within_the_symmetric_matrices_is_told_and_proved() -> None:
    item = rows((gradient("trace(A @ X)", "X", A="n n", X="n n", assume="symmetric(X)", structured=True), "A + A.T - A*eye(n)"))
    assert derivatives(item, Context())


def test_a_network_of_symbolic_depth_says_what_was_checked() -> None:
    blocks = depth(depth_item("tanh(W @ a)", "a", kinds="gradient", W="h h", a="h"), Context())
    words = [block.word for block in blocks if isinstance(block, Check)]
    assert words == ["Proved by induction", "Checked"]
    assert "at depth 1 and 2" in next(b.text for b in blocks if isinstance(b, Check))
    lines = [line for block in blocks if isinstance(block, Steps) for line in block.lines]
    assert any(line.lhs == r"\nabla_{W_l} E" for line in lines)
