"""What is printed: every line equals the line before it as a number, holes included, and reads well formed."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

import symderiv as sd
from symderiv.derive import Derivation
from symderiv.ir import Der, Expr, Name, postorder
from symderiv.present import chapters_of, split_written, written
from symderiv.verify import same_value
from tests.oracles import off
from tests.test_trace import LOGISTIC, NET, NET_SHAPES

NOTATIONS = ("matrix", "index", "differential")
DETAILS = ("brief", "normal", "full")
WH = {"W": "o n", "h": "n"}
TOLD: dict[str, Callable[[], Derivation]] = {
    "layer": lambda: sd.jacobian("f(W @ h)", "h", f="elementwise", **WH),
    "weights": lambda: sd.jacobian("W @ h + b", "W", b="o", **WH),
    "tanh": lambda: sd.jacobian("tanh(W @ h)", "h", **WH),
    "softmax": lambda: sd.jacobian("exp(u) / sum(exp(u))", "u", u="o"),
    "softmax layer": lambda: sd.jacobian("softmax(W @ h)", "h", **WH),
    "likelihood": lambda: sd.gradient("N = softmax(u); Y @ log(N)", "u", u="o", Y="o", assume="sum(Y) == 1"),
    "composition": lambda: sd.hessian("L(N(w))", "w", N="n -> o", L="o -> ", w="n"),
    "vector composition": lambda: sd.hessian("L(N(w))", "w", N="n -> o", L="o -> q", w="n"),
    "network": lambda: sd.gradient(NET, ["W1", "b1", "W2", "b2"], assume="sum(y) == 1", shapes=NET_SHAPES),
    "network by x": lambda: sd.gradient(NET, "x", assume="sum(y) == 1", shapes=NET_SHAPES),
    "network Hessian": lambda: sd.hessian(NET, "W1", assume="sum(y) == 1", shapes=NET_SHAPES),
    "logistic": lambda: sd.hessian(LOGISTIC, "w", X="m n", w="n", t="m", assume="t**2 == 1"),
    "least squares": lambda: sd.gradient("sum((X @ w - y)**2) / m", "w", X="m n", w="n", y="m"),
    "quotient": lambda: sd.gradient("x @ A @ x / (x @ x)", "x", A="n n", x="n"),
    "row": lambda: sd.jacobian("norm(x)", "x", x="n"),
    "density": lambda: sd.gradient("exp(-1/2*(x - mu) @ inv(S) @ (x - mu))/sqrt((2*pi)**d*det(S))", "S", S="d d", x="d", mu="d",
                                   assume="pd(S)"),
    "inverse": lambda: sd.gradient("trace(inv(S) @ A)", "S", S="n n", A="n n"),
    "batch": lambda: sd.gradient(
        "-sum(Y * log_softmax(X @ W, axis=1))", "W", X="m n", W="n o", Y="m o", assume="sum(Y, axis=1) == 1"
    ),
    "layer norm": lambda: sd.jacobian("layer_norm(x)", "x", x="n"),
}


@cache
def told(key: str) -> Derivation:
    return TOLD[key]()


@cache
def lines_of(key: str, notation: str, detail: str) -> list[Any]:
    return written(told(key), notation, detail)


_compared: dict[tuple[Expr, Expr], Any] = {}


def equal(a: Expr, b: Expr, facts: Any) -> Any:
    """Whether two states have one value; each pair is compared once."""
    if a is b:
        return True
    if (a, b) not in _compared:
        _compared[a, b] = same_value(a, b, facts, 2)
    return _compared[a, b]


def differential(state: Expr) -> bool:
    return any(isinstance(n, Name) and n.role == "differential" for n in postorder(state))


def chapters(lines: list[Any]) -> list[list[Any]]:
    found: dict[int, list[Any]] = {}
    for line in lines:
        found.setdefault(line.chapter, []).append(line)
    return list(found.values())


def check_lines(lines: list[Any], facts: Any) -> int:
    """Each state equals the one before it; how many pairs were compared."""
    compared = 0
    for chapter in chapters(lines):
        for first, second in pairwise(chapter):
            if not differential(first.state) and not differential(second.state):
                assert first.state.shape == second.state.shape, (first.rhs, second.rhs)
                report = equal(first.state, second.state, facts)
                assert report, f"{first.rhs}\n= {second.rhs}\n{report.summary()}"
                compared += 1
    return compared


EVERY = pytest.mark.parametrize("key", TOLD)
IN_ALL = [pytest.mark.parametrize("notation", NOTATIONS), pytest.mark.parametrize("detail", DETAILS), EVERY]


def in_all(test: Callable[..., None]) -> Callable[..., None]:
    for mark in IN_ALL:
        test = mark(test)
    return test


@in_all
def test_every_printed_line_equals_the_one_before_it(key, notation, detail):
    check_lines(lines_of(key, notation, detail), told(key).facts)


@EVERY
@pytest.mark.parametrize("detail", DETAILS)
def test_every_state_of_the_story_equals_its_goal(key, detail):
    """The chapters that all three notations are texts of: from the goal on, so a wrong first line is seen too."""
    found = chapters_of(told(key), detail)
    assert found
    for chapter in found:
        for state in (line.state for line in chapter.lines):
            report = equal(chapter.goal, state, told(key).facts)
            assert report, f"{chapter.kind}: {report.summary()}"


@EVERY
def test_the_last_lines_are_the_results(key):
    facts, ends = told(key).facts, [chapter.last for chapter in chapters_of(told(key))]
    for proof in told(key).flat:
        result = proof.after
        assert any(
            end.shape in (result.shape, result.shape[1:]) and (end.shape != result.shape or equal(end, result, facts))
            for end in ends
        )


@in_all
def test_lines_are_well_formed(key, notation, detail):
    lines = lines_of(key, notation, detail)
    assert lines
    for chapter in chapters(lines):
        assert chapter[0].lhs and chapter[0].plain_lhs
        assert all(line.rhs and line.plain_rhs for line in chapter)
        for first, second in pairwise(chapter):
            assert second.lhs or first.rhs != second.rhs, "a line said twice"
            assert second.why or second.lhs, f"a line without a reason: {second.rhs}"
    for line in lines:
        for latex in (line.lhs, line.rhs, line.law):
            assert_balanced(latex)
        assert line.why.count("$") % 2 == 0
        assert "None" not in line.rhs and "<" not in line.rhs and r"\cdots" not in line.rhs
    assert lines[0].shape or lines[0].state.shape == () or lines[0].plain_lhs


@in_all
def test_whole_texts_are_balanced(key, notation, detail):
    latex = told(key).latex(notation, detail)
    assert_balanced(latex)
    assert latex.startswith(r"\begin{aligned}") and latex.endswith(r"\end{aligned}")
    for row in latex.removeprefix("\\begin{aligned}\n").removesuffix("\n\\end{aligned}").split(" \\\\\n"):
        assert "&=" in row
        assert row.count("&") in (3, 5)
    text = told(key).text(notation, detail)
    assert "\\" not in text and "{" not in text and all("=" in row for row in text.splitlines())


def assert_balanced(latex: str) -> None:
    """Braces, round brackets, and environments close what they open."""
    depth = 0
    for sign in re.sub(r"\\[{}]", "", latex):
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0, latex
    assert depth == 0, latex
    assert latex.count(r"\begin{") == latex.count(r"\end{")
    assert len(re.findall(r"\\left(?![a-z])", latex)) == len(re.findall(r"\\right(?![a-z])", latex))
    assert len(re.findall(r"\\[bB]igg?l", latex)) == len(re.findall(r"\\[bB]igg?r", latex))
    assert latex.count("(") == latex.count(")"), latex
    assert latex.count(r"\langle") == latex.count(r"\rangle")
    assert "^{}" not in latex and "_{}" not in latex
    assert_single_scripts(latex)


def assert_single_scripts(latex: str) -> None:
    """No a^b^c and no a_b_c, which TeX refuses."""
    tokens = re.findall(r"\\[A-Za-z]+|\\.|\s+|.", latex)
    stack: list[set[str]] = [set()]
    k = 0
    while k < len(tokens):
        token = tokens[k]
        if token in "^_":
            assert token not in stack[-1], f"double script: {latex}"
            stack[-1].add(token)
            if tokens[k + 1] != "{":
                k += 1
        elif token == "{":
            if k and tokens[k - 1] not in "^_":
                stack[-1].clear()
            stack.append(set())
        elif token == "}":
            stack.pop()
        elif token.strip():
            stack[-1].clear()
        k += 1


# ---------------------------------------------------------------- a Gauss–Newton split
@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize(("text", "wrt", "shapes"), [
    ("u = N(w); L(u)", "w", {"N": "n -> o", "L": "o -> ", "w": "n"}), (NET, "x", NET_SHAPES),
    ("u = W @ x; p = softmax(u); y @ log(p)", "x", {"W": "o n", "x": "n", "y": "o"}),
])  # fmt: skip
def test_a_split_is_told_line_by_line(text, wrt, shapes, notation, detail):
    split = sd.gauss_newton(text, wrt, at="u", shapes=shapes)
    lines = split_written(split, notation, detail)
    check_lines(lines, split.facts)
    assert {line.plain_lhs[:1] for line in lines} >= {"G", "R"}
    assert_balanced(split.latex(notation, detail))


# ---------------------------------------------------------------- the control, and the details
def test_a_wrong_line_would_be_seen():
    lines = written(told("softmax"), "matrix", "full")
    wrong = [line if k != len(lines) // 2 else _with_state(line, off(line.state)) for k, line in enumerate(lines)]
    check_lines(lines, told("softmax").facts)
    with pytest.raises(AssertionError):
        check_lines(wrong, told("softmax").facts)


def _with_state(line: Any, state: Expr) -> Any:
    from dataclasses import replace

    return replace(line, state=state)


@EVERY
def test_more_detail_is_not_shorter(key):
    brief, normal, full = (len(lines_of(key, "index", detail)) for detail in DETAILS)
    assert brief <= normal <= full


@EVERY
def test_holes_are_shown_before_they_are_filled(key):
    """In full, the first line of a derivative's chapter is its hole or what the first rule makes of it; the last has none."""
    for chapter in chapters_of(told(key), "full"):
        assert not any(isinstance(n, Der) for n in _shown(chapter.last)) or chapter.kind == "cotangent"


def _shown(state: Expr) -> list[Expr]:
    found, stack = [], [state]
    while stack:
        n = stack.pop()
        found.append(n)
        if not isinstance(n, Name):
            stack.extend(n.kids)
    return found


def test_an_assumption_is_a_reason():
    lines = written(told("likelihood"), "matrix", "normal")
    assert any("assumption" in line.why and r"\mathbf{1}^\top Y=1" in line.why for line in lines)
    assert "assumption" in told("likelihood").text() and "assumption" in told("likelihood").latex(detail="brief")


def test_the_golden_lines_of_softmax_come_out():
    flat = told("softmax layer").latex()
    assert r"(\operatorname{diag}(p)-p\,p^\top)\,W" in flat
    full = [line.rhs for line in written(told("softmax"), "index", "full")]
    assert full[-1] in (
        r"\operatorname{diag}(p)-p\,p^\top",
        r"\operatorname{diag}(\operatorname{softmax}(u))-\operatorname{softmax}(u)\,\operatorname{softmax}(u)^\top",
    )


def test_the_golden_lines_of_a_layer_come_out():
    index = [line.rhs for line in written(told("layer"), "index")]
    assert index[-2:] == [r"f'((W h)_i)\,W_{ij}", r"\operatorname{diag}(f'(W h))\,W"]
    matrix = [line.rhs for line in written(told("layer"), "matrix")]
    assert matrix[-1] == r"\operatorname{diag}(f'(W h))\,W"
    steps = [line.why.split(",")[0] for line in written(told("layer"), "matrix")]
    assert steps == ["elementwise chain rule", "linearity", "differentiate variable"]


@pytest.mark.parametrize(("notation", "detail"), [("prose", "normal"), ("matrix", "all")])
def test_an_unknown_notation_or_detail_is_an_error_of_the_tree(notation, detail):
    with pytest.raises(sd.SymderivError):
        told("layer").latex(notation, detail)


def test_reasons_in_plain_text_have_signs_and_greek_letters():
    found = sd.gradient("exp(-1/2*(x - mu) @ inv(Sigma) @ (x - mu))", "Sigma", Sigma="d d", x="d", mu="d", assume="pd(Sigma)")
    assert found.text().endswith("assumption Σ ≻ 0")
    assert "succ" in found.latex()
    through = sd.gradient("z = A @ x; p = exp(z); y @ p", ["A", "x"], A="m n", x="n", y="m").text()
    assert "e^·" in through
    assert "cdot" not in through


# ---------------------------------------------------------------- lemmas
NUMBERED = re.compile(r"lemma (\d+)(?!\))")
LABEL = re.compile(r"\(lemma (\d+)\)$")


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize("key", list(TOLD))
def test_a_lemma_that_is_used_is_one_that_was_told_before(key, notation, detail) -> None:
    told_before: list[int] = []
    for line in lines_of(key, notation, detail):
        used = [int(n) for n in NUMBERED.findall(LABEL.sub("", line.why))]
        assert set(used) <= set(told_before), line.why
        if found := LABEL.search(line.why):
            assert int(found[1]) == line.lemma == len(told_before) + 1
            told_before.append(line.lemma)
        else:
            assert not line.lemma
        assert "lemma" not in LABEL.sub("", line.why).replace("lemma $", "").replace("lemma ", "") or used


def test_a_lemma_says_the_derivative_that_is_put_in() -> None:
    """What stands beside "lemma 2" is the derivative that the line marked (lemma 2) gives."""
    d = told("network Hessian")
    chapters_ = chapters_of(d, "normal")
    by_number = {c.lemma: c.goal for c in chapters_ if c.lemma}
    assert len(by_number) >= 4 and len({c.goal for c in chapters_ if c.lemma}) == len(by_number)
    for c in chapters_:
        for before, line in pairwise(c.lines):
            for why in line.why:
                if why.cited is not None:
                    assert isinstance(why.cited, int)
                    goal = by_number[why.cited]
                    assert goal in postorder(before.state) or goal is before.state
                    assert goal not in postorder(line.state)


def test_a_lemma_that_is_not_told_is_named_by_its_derivative() -> None:
    split = sd.gauss_newton(NET, "W1", at="u", assume="sum(y) == 1", shapes=NET_SHAPES)
    text = split.text()
    assert "lemma ∂²L/∂u ∂u, lemma ∂u/∂W₁" in text and "lemma ∂²u/∂W₁ ∂W₁, lemma ∂L/∂u" in text
    assert r"\text{lemma }\partial^2L/\partial u\,\partial u" in split.latex()


def test_a_lemma_with_a_wrong_number_is_noticed(monkeypatch) -> None:
    from symderiv import present
    real = present.numbered
    monkeypatch.setattr(present, "numbered", lambda chapters: real(list(chapters))[::-1])
    lines = written(told("network Hessian"))
    seen: set[int] = set()
    wrong = 0
    for line in lines:
        wrong += not {int(n) for n in NUMBERED.findall(LABEL.sub("", line.why))} <= seen
        seen |= {line.lemma}
    assert wrong


# ---------------------------------------------------------------- reading aloud
def test_a_mean_taken_away_and_what_is_divided_by_have_names() -> None:
    text = sd.jacobian("layer_norm(x)", "x", x="n").text()
    assert "c = x − ((1ᵀ x)/n) 1\n" in text and "s = 10⁻⁵ + (cᵀ c)/n\n" in text
    assert "= (1/sqrt(s)) (I − (1/n) 1 1ᵀ) − (1/(n s^(3/2))) c cᵀ " in text.splitlines()[-1]
    for own in ("z", "h", "q", "b"):                            # whatever the canonical order is
        renamed = sd.jacobian(f"layer_norm({own})", own, shapes={own: "n"}).text()
        assert renamed.splitlines()[0].strip() == f"c = {own} − ((1ᵀ {own})/n) 1" and "(−c" not in renamed and "−c)" not in renamed
    batch = sd.gradient("sum((X - mean(X, axis=0, keepdims=True))/sqrt(var(X, axis=0, keepdims=True) + 1/7)*G)", "X", X="m n", G="m n")
    assert "c = X − (1/m) 1 1ᵀ X\n" in batch.text() and "s = 1/7 + " in batch.text()
    assert " c = " not in sd.gradient("mse(X @ w, y)", "w", X="m n", w="n", y="m").text()


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_minus_sign_goes_into_a_difference_under_a_derivative(notation) -> None:
    d = sd.hessian("sum(softplus(X @ w) - y * (X @ w))", "w", X="m n", w="n", y="m")
    lines = [line.plain_rhs for line in written(d, notation)]
    assert any(re.search(r"[∂d]\(?.*p(\[i\])? − y", line) for line in lines), lines
    assert not any(re.search(r"y(\[i\])? − p", line) for line in lines), lines


def test_notes_read_well_as_text() -> None:
    assert "pull back through μ ⊙ μ" in sd.gradient("sum(mu**2) + sum(s)", ["mu", "s"], mu="n", s="n").text()
    assert "|·|′=sign" in sd.gradient("sum(abs(x))", "x", x="n").text()
    assert "assumption t ⊙ t=1" in sd.hessian(LOGISTIC, "w", X="m n", w="n", t="m", assume="t**2 == 1").text()


@pytest.mark.parametrize(("text", "shapes", "latex"), [
    ("(u - y)/s", {"u": "", "y": "", "s": ""}, r"\frac{u-y}{s}"),
    ("(a + b)*c/d", dict.fromkeys("abcd", ""), r"\frac{c\,(a+b)}{d}"),
    ("2*(a + b)/d", dict.fromkeys("abd", ""), r"\frac{2\,(a+b)}{d}"),
    ("c/(a + b)", dict.fromkeys("abc", ""), r"\frac{c}{a+b}"),
])  # fmt: skip
def test_a_numerator_that_stands_alone_has_no_brackets(text: str, shapes: dict[str, str], latex: str) -> None:
    assert sd.parse(text, shapes=shapes).latex() == latex


def test_at_the_prompt_an_expression_is_the_formula_that_it_is() -> None:
    found = sd.jacobian("tanh(W @ h)", "h", W="o n", h="n").result
    assert repr(found) == f"<{found.text()}>" == "<diag(1 − tanh(W h)^⊙2) W>"
    large = sd.parse(" + ".join(f"exp({n}*x)" for n in range(1, 400)), x="n")
    assert len(repr(large)) < 6000 and "exp" in repr(large)
