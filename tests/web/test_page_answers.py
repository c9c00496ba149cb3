"""The page's answers as data: every example and kind is answered and checked; whatever is asked ends in an answer."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from symderiv.web import answers
from symderiv.web.answers import answer, answer_text
from symderiv.web.examples import EXAMPLES
from symderiv.web.kinds import KINDS

SOFTMAX = {"text": "softmax(W @ h + b)", "wrt": "h", "shapes": {"W": "o n", "h": "n", "b": "o"}}


def texts(data: Any) -> str:
    """All text in an answer."""
    return json.dumps(data, ensure_ascii=False)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e["title"])
def test_every_example_is_answered_and_checked(example: dict[str, Any]) -> None:
    made = answer({"do": "derive", **example})
    assert made["ok"], made
    assert any(block["type"] == "result" for block in made["top"])
    if not made["check"]:
        assert example["kind"] == "prove"
        return
    assert [block["heading"].split()[0] for block in made["steps"][:3]] == ["Matrix", "Index", "Differential"]
    checked = answer({"do": "check", **example})["block"]
    assert (checked["ok"], checked["word"]) == (True, "Checked"), checked


def test_the_examples_show_every_kind() -> None:
    shown = {example.get("kind", "auto") for example in EXAMPLES}
    assert set(KINDS) - shown == {"gradient", "jacobian", "derivative"}  # what "auto" is, and what is asked below


def test_kinds_that_no_example_shows() -> None:
    loss = {"text": "sum((X @ w - y)**2)", "wrt": "w"}
    assert answer({"do": "derive", "kind": "gradient", **loss})["title"] == "Gradient by w"
    assert answer({"do": "derive", "kind": "jacobian", **SOFTMAX})["title"] == "Jacobian by h"
    third = answer({"do": "derive", "kind": "derivative", "order": "3", "text": "sum(tanh(x))", "wrt": "x"})
    assert third["title"] == "Derivative of order 3 by x"


def test_begin_tells_the_form_what_it_needs() -> None:
    found = answer({"do": "begin"})
    assert [kind["name"] for kind in found["kinds"]] == list(KINDS)
    assert all(set(kind["fields"]) <= {"wrt", "order", "at", "other"} for kind in found["kinds"])


# ---------------------------------------------------------------- shapes
def test_shapes_are_proposed_and_asked_for() -> None:
    found = answer({"do": "shapes", "text": "y - X @ w"})
    shapes = {row["name"]: row["shape"] for row in found["symbols"]}
    assert shapes["y"] == shapes["X"].split()[0]
    assert shapes["w"] == shapes["X"].split()[1]
    given = answer({"do": "shapes", "text": "y - X @ w", "shapes": {"w": "q"}})
    assert {row["name"]: row["how"] for row in given["symbols"]}["w"] == "given"
    assert next(row["shape"] for row in given["symbols"] if row["name"] == "X").split()[1] == "q"


def test_a_shape_that_does_not_fit_is_told_with_the_users_text() -> None:
    found = answer({"do": "derive", "text": "W @ h", "wrt": "h", "shapes": {"W": "3 n", "h": "5"}})
    error = found["error"]
    assert error["kind"] == "ShapeError"
    assert "W @ h" in texts(error)
    assert {row["name"] for row in found["symbols"]} == {"W", "h"}  # so that they can be mended


def test_left_over_shapes_do_not_count() -> None:
    assert answer({"do": "derive", **SOFTMAX, "shapes": {**SOFTMAX["shapes"], "old": "]["}})["ok"]


# ---------------------------------------------------------------- copies
def copied(form: str, **question: Any) -> str:
    found = answer({"do": "copy", "form": form, **question})
    assert "text" in found, found
    return str(found["text"])


def test_the_copied_programs_give_the_derivative() -> None:
    numpy_space: dict[str, Any] = {}
    exec(copied("numpy", **SOFTMAX), numpy_space)
    sympy_space: dict[str, Any] = {}
    exec(copied("sympy", **SOFTMAX), sympy_space)
    rng = np.random.default_rng(5)
    W, h, b = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=3)

    def softmax(u: np.ndarray) -> np.ndarray:
        return np.exp(u) / np.exp(u).sum()

    columns = [(softmax(W @ (h + d) + b) - softmax(W @ (h - d) + b)) / 2e-6 for d in 1e-6 * np.eye(2)]
    np.testing.assert_allclose(numpy_space["jacobian"](W=W, h=h, b=b), np.stack(columns, 1), atol=1e-9)
    assert sympy_space["jacobian"].shape == (sympy_space["Symbol"]("o", integer=True, positive=True), *sympy_space[
        "jacobian"].shape[1:])


def test_the_program_for_a_jacobian_by_vec_gives_the_matrix() -> None:
    space: dict[str, Any] = {}
    exec(copied("numpy", text="A @ X", wrt="X", kind="vec", shapes={"A": "m n", "X": "n p"}), space)
    A, X = np.arange(6.0).reshape(3, 2), np.ones((2, 5))
    np.testing.assert_array_equal(space["jacobian_by_vec"](A=A, X=X), np.kron(np.eye(5), A))


def test_a_form_that_does_not_exist_is_told() -> None:
    question = {"text": "W @ h", "wrt": "W", "shapes": {"W": "o n", "h": "n"}}
    assert "SymPy" in answer({"do": "copy", "form": "sympy", **question})["error"]["message"]
    assert not answer({"do": "copy", "form": "exe", **question})["ok"]


def test_latex_to_copy_is_the_result() -> None:
    made = answer({"do": "derive", **SOFTMAX})
    assert r"\operatorname{diag}(p)-p\,p^\top" in made["copies"]["latex"]["text"].replace(" ", "")
    assert made["copies"]["numpy"] is None  # written when it is asked for


# ---------------------------------------------------------------- bad input
def test_an_error_has_the_field_the_line_and_a_caret() -> None:
    error = answer({"do": "derive", "text": "u = W @ h\ntanh(u", "wrt": "h"})["error"]
    assert (error["field"], error["line"], error["column"]) == ("text", 2, 5)
    assert error["excerpt"] == "tanh(u\n    ^"
    assert error["span"][0] == len("u = W @ h\ntanh")
    other = answer({"do": "derive", "kind": "prove", "text": "A @ B", "other": "B @@ A"})["error"]
    assert other["field"] == "other"
    fact = answer({"do": "derive", "text": "x @ x", "wrt": "x", "assume": "shiny(x)"})["error"]
    assert fact["field"] == "assume"


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "W @ h", "kind": "gauss_newton", "wrt": "h"}, "at"),
        ({"text": "softmax(u)", "kind": "matching", "wrt": "u", "other": "sum(y)"}, "other"),
        ({"text": "x", "kind": "derivative", "order": "9", "wrt": "x"}, "order"),
        ({"text": "W @ h", "wrt": ", ".join(f"x{k}" for k in range(60))}, "wrt"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(question: dict[str, Any], field: str) -> None:
    found = answer({"do": "derive", **question})
    assert (found["ok"], found["error"]["field"]) == (False, field)


HOSTILE = [
    "(" * 3000 + "x" + ")" * 3000, "x**9999999999", "2**99999999999 * x", "9" * 9000 + "*x", "-x*" * 1500 + "x",
    "x\x00y", "__import__('os').system('id')", "().__class__.__base__", "<script>alert(1)</script>", "\u202ex\ud800",
    "tanh(" * 900 + "x" + ")" * 900, "a = a\na", "x" * 9999, "lambda: 0", "{'a': 1}", "x; import os", r"\input{/etc/passwd}",
    "f(g(h(k(x))))", "einsum('ab,ab->" + "ab" * 40 + "', x, x)", "\n" * 5000, "x if y else z", "'" * 999,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("do", ["shapes", "derive"])
def test_hostile_formulas_end_in_a_message(text: str, do: str) -> None:
    found = json.loads(answer_text(json.dumps({"do": do, "text": text, "wrt": "x"})))
    assert found["ok"] or found["error"]["message"]
    assert "internal error" not in texts(found)
    assert "Traceback" not in texts(found)


@pytest.mark.parametrize(
    "question",
    [
        None, [], 7, "derive", {}, {"do": "die"}, {"do": ["derive"]}, {"do": "derive"}, {"do": "derive", "text": 7},
        {"do": "derive", "text": "x", "shapes": [1]}, {"do": "derive", "text": "x", "shapes": {"x": 3}},
        {"do": "derive", "text": "x", "shapes": {"<b>": "n"}}, {"do": "derive", "text": "x", "order": [1]},
        {"do": "derive", "text": "x", "wrt": {"x": 1}}, {"do": "derive", "text": "x", "kind": "__class__"},
        {"do": "derive", "text": "x", "shapes": {f"x{k}": "n" for k in range(999)}},
        {"do": "derive", "text": "x", "assume": "y" * 5000}, {"do": "derive", "text": "x", "wrt": "__doc__"},
    ],
)  # fmt: skip
def test_what_is_no_question_ends_in_a_message(question: Any) -> None:
    found = json.loads(answer_text(json.dumps(question)))
    assert found["ok"] is False
    assert "internal error" not in found["error"]["message"]


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "nul", "{}" * 9])
def test_what_is_no_json_ends_in_a_message(text: str) -> None:
    assert json.loads(answer_text(text))["ok"] is False


def test_a_fault_of_ours_is_a_message_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(question: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setitem(answers.DONE, "derive", broken)
    found = answer({"do": "derive", "text": "x"})
    assert found["error"]["message"].startswith("internal error: ZeroDivisionError")
    assert "secret" not in texts(found)


# ---------------------------------------------------------------- names
@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ({"text": "sum((W_out @ lambda_)**2)", "wrt": "lambda_", "kind": "curvature"}, r"\nabla^2_{\lambda}f=2\,W_{\mathrm{out}}^\top"),
        ({"text": "sum(x_out**2)", "wrt": "x_out", "kind": "curvature"}, r"\nabla^2_{x_{\mathrm{out}}}f"),
        ({"text": "I @ x + x", "wrt": "x", "kind": "jacobian", "shapes": {"x": "n", "I": "n n"}}, r"=I_n+I"),
        ({"text": "W1 @ x", "other": "W_1 @ x", "kind": "prove"}, r"\mathtt{W1} x\ne \mathtt{W\_1} x"),
        ({"text": "u = I @ x + x; sum(u**3)", "wrt": "x", "kind": "gauss_newton", "at": "u"}, r"I_n"),
    ],
)
def test_names_are_printed_as_names_and_told_apart(question: dict[str, Any], shown: str) -> None:
    made = answer({"do": "derive", **question})
    assert made["ok"], made
    formulas = [one["latex"] for block in made["top"] if block["type"] == "result" for one in block["formulas"]]
    assert any(shown in latex for latex in formulas), formulas
    if question["kind"] != "curvature":                         # there, what is copied is the Hessian's derivation
        assert shown in made["copies"]["latex"]["text"]
