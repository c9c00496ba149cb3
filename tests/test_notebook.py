"""Derivations in a notebook: all forms at once; HTML that is readable where tags and styles are taken out."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

import symderiv as sd
from symderiv.handout.mathml import mathml
from symderiv.handout.readable import HIDDEN, bare, readable

KEPT = set("a b br code dd details div dl dt em h1 h2 h3 h4 i li ol p pre section small span strong sub summary sup table tbody td th "
           "thead tr u ul wbr".split())  # fmt: skip
"""of the tags that JupyterLab keeps in a notebook that isn't trusted: those that occur here; MathML isn't among them"""
LINES = {"div", "p", "h1", "h2", "h3", "li", "tr", "summary", "section", "details"}
WITH_CONTENT = {"style", "script", "textarea", "option", "noscript"}
"""tags that go with all that is in them"""


class Sanitizer(HTMLParser):
    """What is left of a page: the text, a line for each block."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.skipped = "", 0
        self.dropped: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.skipped += tag in WITH_CONTENT
        self.text += "\n" if tag in LINES else " " if tag in ("td", "th") else ""
        self.dropped |= {tag} - KEPT

    def handle_endtag(self, tag: str) -> None:
        self.skipped -= tag in WITH_CONTENT
        self.text += "\n" if tag in LINES else ""

    def handle_data(self, data: str) -> None:
        self.text += "" if self.skipped else data


def sanitized(page: str) -> list[str]:
    reader = Sanitizer()
    reader.feed(page)
    assert {"style", "math"} <= reader.dropped                  # or nothing was tried
    return [" ".join(line.replace("\u2061", "").split()) for line in reader.text.splitlines() if line.strip()]


def joined(lines: list[str]) -> list[str]:
    """A left side with what follows it."""
    return [f"{a} {b}" for a, b in pairwise(lines) if b.startswith("=")]


@pytest.mark.parametrize(("made", "wanted"), [
    (lambda: sd.jacobian("tanh(W @ h)", "h", W="o n", h="n"),
     ["a = tanh(Wh)", "∂a/(∂h^⊤) = diag(𝟏 − a ⊙ a) (∂(Wh))/(∂h^⊤)", "(∂a_i)/(∂h_j) = (1 − a_i^2) ∂/(∂h_j)(∑_k W_(ik) h_k)"]),
    (lambda: sd.gradient("sum((X @ w - y)**2) / m", "w", X="m n", w="n", y="m"), ["∇_w L = 2/m X^⊤(Xw − y)"]),
    (lambda: sd.jacobian("x / norm(x)", "x", x="n"), ["∂N/(∂x^⊤) = 1/(‖x‖) I − 1/(‖x‖^3) x x^⊤"]),
    (lambda: sd.hessian("sqrt(x + 1)", "x", x=""), ["∇_x^2L = −1/(4 (1 + x)^(3/2))"]),
])  # fmt: skip
def test_where_tags_are_taken_out_formulas_are_text(made: Callable[[], Any], wanted: list[str]) -> None:
    lines = sanitized(made()._repr_html_())
    for line in wanted:
        assert line in [*joined(lines), *lines], "\n".join(joined(lines))


def test_without_the_signs_a_fraction_would_be_lost() -> None:
    """The planted fault: what MathML alone leaves."""
    plain = mathml(r"\frac{a+b}{c}")
    assert bare(plain) == "a+bc"
    assert bare(readable(plain)) == "(a + b)/c"


@pytest.mark.parametrize(("latex", "text"), [
    (r"\frac{\partial^2 L}{\partial x\,\partial y}", "(∂^2L)/(∂x ∂y)"), (r"x_i^2", "x_i^2"), (r"x_{ij}^{k+1}", "x_(ij)^(k + 1)"),
    (r"\binom{n}{k}", "(n over k)"), (r"\sqrt[3]{x}", "root(x, 3)"), (r"f'(x)", "f′(x)"), (r"a<b", "a < b"), (r"a\&b", "a&b"),
    (r"\begin{bmatrix}1&2\\3&-4\end{bmatrix}", "[1, 2; 3, −4]"), (r"\sum_{k=1}^{n} a_k", "∑_(k = 1)^n a_k"), (r"\hat{y}-y", "yˆ − y"),
    (r"-x", "−x"), (r"\operatorname{diag}(p)\,W_1", "diag(p) W_1"), (r"\mathbb{E}[y]=\mu", "𝔼[y] = μ"),
])  # fmt: skip
def test_the_text_of_a_formula(latex: str, text: str) -> None:
    assert bare(readable(mathml(latex))).replace("\u2061", "") == text


def test_what_is_put_in_is_hidden_and_nothing_else_is_changed() -> None:
    shown = sd.jacobian("layer_norm(x)", "x", x="n")._repr_html_()
    sign = re.compile(rf'<mtext style="{HIDDEN["style"]}">[^<]*</mtext>')
    assert len(sign.findall(shown)) > 100
    latex = r"\frac{a_i^2}{\sqrt{x+1}}+\sum_k\begin{bmatrix}1&2\end{bmatrix}"
    assert bare(sign.sub("", readable(mathml(latex)))) == bare(mathml(latex))


def test_a_notebook_may_choose() -> None:
    found = sd.jacobian("tanh(W @ h)", "h", W="o n", h="n")
    made = found._repr_mimebundle_()
    assert list(made) == ["text/html", "text/markdown", "text/latex", "text/plain"]
    assert made["text/latex"] == found._repr_latex_() and made["text/latex"].startswith("$$\n")
    assert made["text/markdown"] == found.markdown() and made["text/plain"] == repr(found)
    assert "<math" not in "".join(text for kind, text in made.items() if kind != "text/html")
    assert list(found._repr_mimebundle_(include={"text/latex"})) == ["text/latex"]
    assert "text/html" not in found._repr_mimebundle_(exclude={"text/html"})


def test_a_split_is_shown_as_formulas() -> None:
    split = sd.gauss_newton("u = X @ w; sum((u - y)**2)", "w", at="u", X="m n", w="n", y="m")
    assert split._repr_latex_() == f"$$\n{split.latex(detail='brief')}\n$$"


PAIR = {"input": "u", "output": "p", "target": "y", "u": "o", "y": "o"}
LAYER = {"W": "o n", "x": "n", "y": "o"}


@pytest.mark.parametrize(("made", "headings"), [
    (lambda: sd.gauss_newton("u = X @ w + b; sum((u - y)**2)", ["w", "b"], at="u", X="m n", w="n", y="m", b=""),
     ["Gauss–Newton term by w, b", "Remainder by w, b"]),
    (lambda: sd.gauss_newton("u = X @ w; sum(u**4)", "w", at="u", times="v", X="m n", w="n"),
     ["Gauss–Newton term times v by w", "Remainder times v by w"]),
    (lambda: sd.faa_di_bruno(3), ["Derivative by w", "Summary"]),
    (lambda: sd.kfac("u = W @ x; sum((u - y)**2)", "W", at="u", **LAYER), ["Gauss–Newton block", "Summary"]),
    (lambda: sd.fisher("u = W @ x; sum((u - y)**2)/2", "W", at="u", family="gaussian", **LAYER),
     ["Score", "Covariance of the score", "Fisher information", "Expected Hessian", "Summary"]),
    (lambda: sd.matched_curvature("softmax(u)", "-y @ log(p)", assume="sum(y) == 1", **PAIR),
     ["Hessian of the pair", "Slope times Jacobian", "Summary"]),
])  # fmt: skip
def test_what_has_several_derivations_shows_each_with_its_steps(made: Callable[[], Any], headings: list[str]) -> None:
    shown = made()
    forms = shown._repr_mimebundle_()
    assert list(forms) == ["text/html", "text/markdown", "text/latex", "text/plain"]
    assert re.findall("<h2[^>]*>(.*?)</h2>", forms["text/html"]) == headings
    assert "<script" not in forms["text/html"] and forms["text/html"].count("<style>") == 1
    for told in (forms["text/html"], forms["text/markdown"]):
        assert headings[-1] != "Summary" or shown.summary().partition(":")[0].split()[0] in told
    assert forms["text/latex"] == shown._repr_latex_() and forms["text/latex"].startswith("$$\n")
    assert list(shown._repr_mimebundle_(include={"text/latex"})) == ["text/latex"]


def test_an_error_is_shown_by_its_line_in_the_cell_and_its_message() -> None:
    cell = compile("import symderiv as sd\nsd.gradient('x @@ y', 'x', x='n', y='n')", "cell", "exec")
    with pytest.raises(sd.ParseError) as caught:
        exec(cell, {"__name__": "__main__"})
    assert caught.value._render_traceback_() == ["line 2 of the cell", f"ParseError: {caught.value}"]
