"""Where formulas may be broken, what they look like in one line, and how prose is read."""

from __future__ import annotations

import re

import pytest
from handout_sample import PAGE
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from symderiv.handout.formula import parse, pieces, width
from symderiv.handout.inline import Bold, Bullets, Display, Inline, Link, Math, Paragraph, Text, parts, plain, spans
from symderiv.handout.linear import linear
from symderiv.handout.mathml import broken, mathml
from symderiv.handout.model import Steps, escape

FORMULAS = [
    formula
    for section in PAGE.sections
    for block in section.blocks
    if isinstance(block, Steps)
    for line in block.lines
    for formula in (line.lhs, line.rhs, line.law)
    if formula
]
TOKENS = [*"ab12+-=(),^_{}&\\ ", "\\frac", "\\left", "\\right", "\\sum", "\\begin", "\\text", "\\,", "\\quad"]
LATEX = st.lists(st.sampled_from(TOKENS), max_size=25).map("".join)


@pytest.mark.parametrize(
    ("latex", "found"),
    [
        ("a+b-c", ["a", "+b", "-c"]),
        ("-a=-b", ["-a", "=-b"]),
        ("f(a+b)", ["f(a+b)"]),
        (r"\frac{a+b}{c}+d", [r"\frac{a+b}{c}", "+d"]),
        (r"a\odot b", ["a", r"\odot b"]),
        (r"x^{a+b}", [r"x^{a+b}"]),
        (r"\left(a+b\right)+c", [r"\left(a+b\right)", "+c"]),
        (r"\begin{bmatrix}1+2&3\end{bmatrix}-x", [r"\begin{bmatrix}1+2&3\end{bmatrix}", "-x"]),
        (r"a=b,\quad c=d", ["a", r"=b,\quad", "c", "=d"]),
        (r"\langle a+b,c\rangle+d", [r"\langle a+b,c\rangle", "+d"]),
        (r"a,\ b", [r"a,\ ", "b"]),
    ],
)
def test_formulas_break_before_operators_outside_brackets(latex: str, found: list[str]) -> None:
    assert [piece for piece, _ in pieces(latex)] == found


def test_only_wide_pieces_break_inside_brackets_and_between_factors() -> None:
    wide = r"\operatorname{diag}(" + "+".join(rf"W_{i}\,a_{i}" for i in range(20)) + ")"
    assert len(pieces(wide)) == 1 and len(pieces(wide, 15.0)) == 20
    assert len(pieces(r"a\,b\,c", 15.0)) == 1 and len(pieces(r"a\,b\,c", 0.1)) == 3
    badness = [bad for _, bad in pieces(f"x+{wide}", 15.0)]
    assert badness[:2] == [0, 0] and min(badness[2:]) > 0


@pytest.mark.parametrize("latex", FORMULAS)
def test_the_pieces_joined_are_the_formula(latex: str) -> None:
    for limit in (0.0, 1.0, 15.0):
        joined = "".join(piece for piece, _ in pieces(latex, limit))
        assert joined.replace(" ", "") == latex.replace(" ", "")


@pytest.mark.parametrize("latex", FORMULAS)
def test_every_formula_of_the_sample_becomes_mathml_and_text(latex: str) -> None:
    assert mathml(latex).startswith("<math>") and mathml(latex, True).startswith('<math displaystyle="true">')
    assert broken(latex, "=").count("<math") == len(pieces(latex))
    assert "\\" not in linear(latex) and "{" not in linear(latex)


@given(LATEX)
def test_any_text_can_be_read(latex: str) -> None:
    parse(latex)
    assert width(latex) > -10
    assert "".join(p for p, _ in pieces(latex)).replace(" ", "").replace("\\", "") == latex.replace(" ", "").replace(
        "\\", ""
    )
    linear(latex)


def test_primes_stand_beside_their_letter() -> None:
    low = '<mo lspace="0" rspace="0">′</mo>'
    assert low in mathml("f'(x)") and "<msup>" not in mathml("f'(x)") + mathml("f''(x)") + mathml("f'''(x)")
    assert mathml(r"(x^2)'") == mathml(r"(x^2)^{\prime}") and mathml("(x^2)'").count("<msup>") == 1


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\tfrac12\lVert N-Y\rVert^2", "(1/2) ‖N - Y‖²"),
        (r"\mathbf{1} \mathbf{1}^\top \oslash A", "1 1ᵀ ⊘ A"),
        (r"\|x\|^2", "‖x‖²"),
        (r"\frac{1}{s}\,e^{u}", "(1/s) e^u"),
        (r"\frac{a+b}{2s}", "(a + b)/(2s)"),
        (r"\frac{\partial^2 C}{\partial w_i\,\partial w_j}", "∂²C/(∂w_i ∂w_j)"),
        (r"e^{u_i}", "e^(u_i)"),
        (r"H_{i,:,:}", "H_i,:,:"),
        (r"G\not\succeq 0", "G ⪰̸ 0"),
        (r"\underbrace{a+b}_{G}+c", "[a + b]_G + c"),
        (r"x^{-1}\odot\hat{y}", "x⁻¹ ⊙ ŷ"),
        (r"\begin{cases}1&x>0\\0&\text{else}\end{cases}", "{1, x > 0; 0, else}"),
        (r"\left(a\right)^\top b", "(a)ᵀ b"),
    ],
)
def test_a_formula_in_one_line(latex: str, text: str) -> None:
    assert linear(latex).replace("ŷ", "y\u0302") == text.replace("ŷ", "y\u0302")


VALUES = {"a": 1.7, "b": 0.6, "c": 2.3}
scalars = st.recursive(
    st.sampled_from([*((name, value) for name, value in VALUES.items()), ("2", 2.0), ("10", 10.0)]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: (rf"\frac{{{p[0][0]}}}{{{p[1][0]}}}", p[0][1] / p[1][1])),
        st.tuples(inner, inner).map(lambda p: (rf"({p[0][0]}+{p[1][0]})", p[0][1] + p[1][1])),
        st.tuples(inner, inner).map(lambda p: (rf"({p[0][0]}-{p[1][0]})", p[0][1] - p[1][1])).filter(lambda p: abs(p[1]) > 1e-3),
        st.tuples(inner, inner).map(lambda p: (rf"{p[0][0]}\,{p[1][0]}", p[0][1] * p[1][1])),
        st.tuples(inner, st.sampled_from([2, 3, -1])).map(lambda p: (rf"({p[0][0]})^{{{p[1]}}}", p[0][1] ** p[1])),
        inner.filter(lambda p: p[1] > 0).map(lambda p: (rf"\sqrt{{{p[0]}}}", p[1] ** 0.5)),
        inner.filter(lambda p: p[1] > 0).map(lambda p: (rf"\sqrt{{{p[0]}}}^{{3}}", p[1] ** 1.5)),
    ),
    max_leaves=8,
)


def as_number(text: str) -> float:
    """A line of text as one reads it: powers first, then products and fractions from left to right."""
    raised = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True))
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: "**(" + "".join(raised[x] for x in m[0]) + ")", text)
    text = re.sub(r"√(\w+)((?:\*\*\([^)]*\))?)", r"sqrt(\1\2)", text).replace("√(", "sqrt(")
    text = re.sub(r"\s*([-+/])\s*", r"\1", text)
    text = re.sub(r"(?<=[\w)])\s+(?=[\w(])", "*", text)
    text = re.sub(r"(?<=[0-9])(?=[a-c(])|(?<=\))(?=[\w(])|(?<=\b[a-c])(?=[a-c(])", "*", text)
    return float(eval(text, {"sqrt": lambda x: x**0.5, **VALUES}))


@seed(1)
@settings(deadline=None, max_examples=400, database=None)
@given(scalars)
def test_a_formula_in_one_line_has_its_value(made: tuple[str, float]) -> None:
    latex, value = made
    assert as_number(linear(latex)) == pytest.approx(value, rel=1e-9), (latex, linear(latex))


def test_prose_is_read() -> None:
    assert parts("One\ntwo $x$.\n\n- a\n- b `c`\n\n$$y$$") == (
        Paragraph((Text("One two "), Math("x"), Text("."))),
        Bullets(((Text("a"),), (Text("b "), Inline("c")))),
        Display("y"),
    )
    assert parts("Show:\n1. a\n2) b") == (Paragraph((Text("Show:"),)), Bullets(((Text("a"),), (Text("b"),)), numbered=True))
    assert parts("It was in\n1868. Then") == (Paragraph((Text("It was in 1868. Then"),)),)
    assert spans("**bold $x$** [s](hessian#s1)") == (
        Bold((Text("bold "), Math("x"))),
        Text(" "),
        Link((Text("s"),), "hessian#s1"),
    )
    assert spans("2 * 3 * 4 costs $5") == (Text("2 * 3 * 4 costs $5"),)


@given(st.text(max_size=40))
def test_escaped_text_is_text(text: str) -> None:
    assert all(isinstance(span, Text) for span in spans(escape(text)))
    assert plain(spans(escape(text))).split() == text.split()


# ---------------------------------------------------------------- pages
LONG = (
    r"-W_1^\top\operatorname{diag}(\mathbf{1}-a \odot a)\,((\mathbf{1}^\top y)\,W_2^\top(p\,p^\top-\operatorname{diag}(p))\,"
    r"W_2\operatorname{diag}(\mathbf{1}-a \odot a)\,W_1+2\operatorname{diag}(a \odot (W_2^\top((\mathbf{1}^\top y)\,p-y)))\,W_1)"
)


def torn(made: str) -> list[str]:
    """The parts of a formula on a page between which a line may end in which a bracket isn't closed, or wasn't opened."""
    signs = [re.sub(r"<[^>]*>", "", part) for part in made.split("<wbr>")]
    return [part for part in signs if any(part.count(a) != part.count(b) for a, b in ("()", "[]", "{}", "⟨⟩"))]


@pytest.mark.parametrize("latex", [LONG, f"x+{LONG}", rf"\frac{{1}}{{2}}\,\biggl({LONG}\biggr)^2-{LONG}", *FORMULAS])
def test_no_line_of_a_page_ends_inside_brackets(latex: str) -> None:
    assert torn(broken(latex, "=")) == []


def test_a_formula_of_many_terms_is_broken_between_them() -> None:
    assert broken(f"x+{LONG}={LONG}").count("<wbr>") == 2        # before + and =; the sign after each belongs to it
    assert torn("<math>(a</math><wbr><math>-b)</math>")          # a planted fault
