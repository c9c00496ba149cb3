"""What stands on a page means what it is: signs of equality, letters, names and code, where two readings are near."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from symderiv.errors import SymderivError
from symderiv.handout.affine import affine, matching_verdict
from symderiv.handout.blocks import pages
from symderiv.handout.model import Check, Example, Line, Page, Prose, Section, Steps, Table
from symderiv.handout.source import (
    SourceError,
    certified,
    curvature,
    derivation,
    derivatives,
    exercise,
    gradient,
    handout,
    identity,
    jacobian,
    maps,
    matching,
    section,
)
from symderiv.handout.values import array_latex, exact
from symderiv.handout.writers import markdown, plain, tex


def blocks(*items: Any) -> list[Any]:
    return [block for part in pages(handout("A", section("B", *items)), "a")[1].sections for block in part.blocks]


def one_of(kind: type, found: list[Any]) -> Any:
    return next(block for block in found if isinstance(block, kind))


# ---------------------------------------------------------------- numbers
def test_a_function_is_given_at_the_argument_that_its_text_has() -> None:
    numbers = {"f": "lambda u: u**2 + u", "x": [1, 2]}
    told = derivation(gradient("sum(f(x))", "x", x="n", f="elementwise"), forms="brief", numbers=numbers)
    assert one_of(Example, blocks(told)).parts[0] == "f(u)=u^2+u"
    asked = one_of(Example, next(pages(handout("A", section("B", exercise("C", "", numbers=numbers))), "a")[0].exercises()).prompt)
    assert asked.parts[0] == "f(u)=u^2+u"


@pytest.mark.parametrize("values", [[1, 2], [0.5, 0.25], [1 / 7, 1 / 997], [[1 / 991, 1 / 983], [0, 1]], [2**0.5], 0.125, 1e-3 / 7])
def test_a_sign_of_equality_stands_where_the_digits_shown_are_all_of_them(values: Any) -> None:
    shown = array_latex(values)
    front = re.match(r"\\frac\{1\}\{(\d+)\}\\begin", shown)
    numbers = re.findall(r"-?\d+(?:\.\d+)?", shown[front.end() if front else 0 :].replace("bmatrix", ""))
    over = re.fullmatch(r"\\frac\{(\d+)\}\{(\d+)\}", shown)
    read = [float(over[1]) / float(over[2])] if over else [float(n) / (float(front[1]) if front else 1.0) for n in numbers]
    assert exact(values) == np.allclose(read, np.ravel(values), rtol=1e-13, atol=0)


# ---------------------------------------------------------------- letters and code
def test_the_letters_of_a_bracket_are_those_of_its_entries() -> None:
    """W_i takes the letter i away: [ … ]_ij around entries at j and k would be another array."""
    (line,) = one_of(Steps, blocks(identity("W_i @ V", "(V.T @ W_i.T).T", forms=("index", "matrix"), W_i="m n", V="n p"))).lines
    assert line.lhs == r"\Bigl[\,\sum_l(W_i)_{jl}\,V_{lk}\,\Bigr]_{jk}"
    found = blocks(derivatives((jacobian("W_i @ V", "V", W_i="m n", V="n p"), "einsum('ja,kb->jkab', W_i, eye(p))")))
    result = one_of(Table, found).rows[0][3]
    assert result == r"$\bigl[\,\delta_{km}\,(W_i)_{jl}\,\bigr]_{jklm}$"


def test_code_in_a_table_is_the_code() -> None:
    text = "softmax(Q @ K.T / sqrt(d)) @ V + 2 * V - tanh(V) * sigmoid(V) * 3"
    (row,) = one_of(Table, blocks(maps(("m", text, "Q"), Q="n d", K="n d", V="n k"))).rows
    assert row[1] == f"`{text}`"




@pytest.mark.parametrize(("module", "loss"), [("W @ theta", "sum((p - y)**2)/2"), ("sigmoid(theta)", "sum((p - y)**2)/2")])
def test_what_is_said_of_a_pair_is_said_of_its_own_input(module: str, loss: str) -> None:
    shapes = {"theta": "n", "W": "o n", "y": "o"} if "W" in module else {"theta": "n", "y": "n"}
    found = matching(module, loss, input="theta", output="p", target="y", **shapes).run()
    said = " ".join(block.text for block in matching_verdict(found))
    assert r"\theta" in said and "u" not in re.findall(r"[A-Za-z]+", " ".join(re.findall(r"\$[^$]*\$", said)))
    assert not re.search(r"\}\\underbrace", affine(found)), "two parts of a sum have a sign between them"


@pytest.mark.parametrize("name", ["np", "lambda", "x", "a b", ""])
def test_a_notebook_can_bind_its_answer(name: str) -> None:
    with pytest.raises(SymderivError, match="name of an answer"):
        exercise("E", "", numbers={"x": [1, 2]}, ask="x * x", name=name)


@pytest.mark.parametrize("name", ["np", "lambda", "a b"])
def test_a_notebook_can_bind_its_numbers(name: str) -> None:
    with pytest.raises(SymderivError, match="name of a number"):
        exercise("E", "", numbers={"x": [1, 2], name: 3}, ask="x * x")


def test_a_norm_is_no_absolute_value() -> None:
    r"""In a table of Markdown \| would be an escaped bar."""
    page = Page("A", "a", None, (Section("B", (Prose(r"$\|x\|+|y|$"), Table(("c",), ((r"$\|x\|+|y|$",),)))),))
    assert plain.write(page).count("‖x‖ + |y|") == 2
    assert markdown.write(page).count(r"$\Vert x\Vert +\vert y\vert $") == 2



@pytest.mark.parametrize("value", [float("inf"), float("nan"), "oo"])
def test_numbers_on_a_page_are_finite(value: Any) -> None:
    with pytest.raises(SymderivError, match="finite"):
        blocks(derivation(jacobian("tanh(h)", "h", h="n"), forms="brief", numbers={"h": [value, 1]}))


def test_words_beside_a_line_are_words() -> None:
    """In Markdown a reason stands in a formula: no tag, no command comes of it."""
    hostile = r"<script>alert(1)</script> \\input{x} 50% & #1 a_b ^ ~"
    line = Line("a", "b", hostile)
    shown = markdown.write(Page("A", "a", None, (Section("B", (Steps("", (line,)),)),)))
    assert "<" not in shown and ">" not in shown and r"\input" not in shown
    assert re.search(r"\\text\{alert\(1\)\}", shown)


def test_an_address_stays_one_in_latex() -> None:
    page = Page("A", "a", None, (Section("B", (Prose(r"[x](https://a.b/~me/c_d%20e?x=1&y=#z^{}\\f)"),)),))
    assert r"\href{https://a.b/~me/c\_d\%20e?x=1\&y=\#z\%5E\%7B\%7D\%5C" in tex.write(page)


@pytest.mark.parametrize(
    ("text", "wrt", "direction", "rounded"),
    [("sum(x**3)", "x", "v", False), ("sum(v**3)", "v", "h", False), ("-max(w)*max(-w)", "w", "v", True)],
)
def test_where_a_function_bends_is_told_in_its_own_letters(text: str, wrt: str, direction: str, rounded: bool) -> None:
    """The direction is no variable, the variable is the function's, and a rounded number isn't equal to what was evaluated."""
    found = blocks(certified(curvature(text, wrt, shapes={wrt: "n"}), "neither"))
    for example in (block for block in found if isinstance(block, Example)):
        point, way, value = example.parts
        assert point.startswith(wrt) and way.startswith(direction)
        assert (r"\approx" in way) == rounded and (f"f({wrt}+{direction})" in value) == rounded
    assert ("fewer digits" in one_of(Check, found).text) == rounded


def test_shapes_may_be_given_at_once() -> None:
    shapes, numbers = {"A": "n n", "x": "n"}, {"A": [[1, 0], [0, 2]], "x": [0, 0]}
    told = derivation(jacobian("tanh(A @ x)", "x", shapes=shapes), forms="brief", numbers=numbers, show={"y": "A @ x"})
    assert r"y=\begin{bmatrix}0\\0\end{bmatrix}" in one_of(Example, blocks(told)).parts[-2]
    called = gradient("x @ A @ x + t*x[0]", "x", shapes={**shapes, "t": ""})
    (row,) = one_of(Table, blocks(derivatives((called, "A @ x + A.T @ x", {"t": "0"})))).rows
    assert row[3] == r"$A x+A^\top x$"


def test_a_solution_calls_its_function_not_a_number() -> None:
    with pytest.raises(SourceError, match="another name"):
        blocks(exercise("E", numbers={"gradient": [1, 2]}, ask=gradient("sum(gradient**3)", "gradient", gradient="n"), name="g"))
    (asked,) = blocks(exercise("E", numbers={"x": [1, 2]}, ask=gradient("sum(x**3)", "x", x="n"), name="gradient"))[:1]
    space: dict[str, Any] = {"np": np}
    exec(f"{asked.task.given}\n{asked.task.program}", space)
    assert np.allclose(space["gradient"], asked.task.expected)
