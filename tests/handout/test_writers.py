"""Every format, on three derivations, on every kind of block, and on what is hard to set."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser

import pytest
from handout_sample import PAGE

from symderiv.errors import UnknownNameError
from symderiv.handout import formats, model
from symderiv.handout.drawing import Box, Drawing, Label, Path
from symderiv.handout.mathml import FormulaError
from symderiv.handout.model import (
    Assumptions,
    Card,
    CardRow,
    Check,
    Code,
    Example,
    Exercise,
    Figure,
    Heading,
    Line,
    Page,
    Proof,
    ProofNode,
    Prose,
    Result,
    Section,
    Steps,
    Symbols,
    Table,
    Task,
)
from symderiv.handout.pdf import MISSING, SheetError, pdf, warnings
from symderiv.handout.writers import html, markdown, plain, tex

NASTY = "100% of_it {x} & # ~ ^ \\\\ | <b>&amp; \"q\" 'p' -- \\$5 ½ σ ≤ ✓ ☃ é"
LONG = "+".join(rf"\sum_k\frac{{\partial(J_L)_{{k{i}}}}}{{\partial w_j}}\,(J_N)_{{ki}}" for i in range(9))
DEEP = r"\operatorname{diag}\biggl(" + "+".join(rf"W_{i}^\top a_{i}" for i in range(20)) + r"\biggr)\,W"
FENCE = r"\left(" + LONG + r"\right)^\top"
UNBREAKABLE = r"\operatorname{" + "w" * 150 + "}"
WIDE = r"\begin{bmatrix}" + r"\\".join("&".join("-0.12345" for _ in range(14)) for _ in range(3)) + r"\end{bmatrix}"
DRAWING = Drawing(20, 8, (
    *(Box(4 * k + 2, 2, 3, 1.6, kind) for k, kind in enumerate(("input", "parameter", "value", "loss", ""))),
    Label(2, 2, "W_1"), Label(6, 2, r"\hat y", "start"), Label(10, 2, NASTY, "end", "first", words=True),
    *(Path(((2, 3), (9, 7), (15.5, 4)), kind, style, arrow) for kind, style, arrow in
      (("axis", "solid", True), ("first", "dashed", False), ("second", "dotted", False), ("third", "solid", False))),
))  # fmt: skip

EVERYTHING = Page(
    NASTY,
    "everything",
    Prose(f"{NASTY} `{'code_' * 20}`, a [sheet](hessian#s2), a [place](#s1), [no place](javascript:alert(1))."),
    (
        Section(
            f"{NASTY} $x_1$",
            (
                Heading(NASTY),
                Prose(f"A list:\n\n- one *two* **three $x$**\n- {NASTY}\n\n$${LONG}$$"),
                Symbols((("W", r"o\times n", NASTY), ("f", "", "no shape"))),
                Steps(
                    NASTY,
                    (
                        Line("J", LONG, "chain rule", "", "n"),
                        Line("", DEEP, f"a rule, {NASTY}, " * 2, LONG, r"h\times n\times h\times n"),
                        Line("", UNBREAKABLE, "", "", "n"),
                        Line("", FENCE, "a fence"),
                        Line(LONG, "x", "a long left side"),
                        Line("A", "0", "", relation=r"\succeq"),
                    ),
                ),
                Steps("Folded", (Line("a", "b", "a rule", "c=d", "n", 1), Line("", "c", number=2)), folded=True),
                Table(("name", "", "$x$"), tuple((f"row {i}", NASTY, rf"${DEEP}$") for i in range(40)), True, "Rows"),
                Table(("a", "b"), (("`a|b`", r"$|x|$"),)),
                Result((LONG, DEEP)),
                Result((UNBREAKABLE,)),
                Result(("a=b", "c=d")),
                Example((f"W={WIDE}", "h=1"), "Numbers"),
                Assumptions(NASTY),
                Check(NASTY),
                Check("at $x=1$", False, "Refuted"),
                Code("Code", 'def f(x):\n\treturn """`<&>\'\\n""" >>> x -- y  # ' + "long " * 40 + "σ☃", "python"),
                Code("Open", "x = 1", "python", folded=False),
                Proof(ProofNode(LONG, NASTY, (ProofNode("a", "b", (ProofNode("c"),)), ProofNode("d"))), "Why"),
                Card((CardRow("a rule / another", LONG, NASTY), CardRow("no law", ""))),
                Figure(DRAWING, NASTY, NASTY),
                Exercise(NASTY, 1, (Prose(NASTY), Figure(DRAWING)), 2.5, ((Prose(NASTY),), (Result((LONG,)),)),
                         (Steps("", (Line("a", "b", "a rule"),)), Code("", "x", folded=False), Example((f"W={WIDE}",)))),
                Exercise("Bare", 2, (), task=Task("J", (2, 3), "x = 1", 0.001)),
            ),
            7,
        ),
        Section("Bare", ()),
    ),
)
BLOCKS = set(model.Block.__args__)
needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex isn't installed")


class Structure(HTMLParser):
    """Checks that elements nest, and notes tags, addresses and the text of each kind of element."""

    VOID = frozenset({"meta", "wbr", "br"})

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, str] = {}
        self.feed(text)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for tag in self.open[-1:]:
            self.texts[tag] = self.texts.get(tag, "") + data


def test_the_page_of_everything_has_every_kind_of_block() -> None:
    assert {type(block) for section in EVERYTHING.sections for block in section.blocks} == BLOCKS


@pytest.mark.parametrize("name", formats.names())
@pytest.mark.parametrize("page", [PAGE, EVERYTHING], ids=["derivations", "everything"])
def test_every_format_writes_every_block_the_same_each_time(name: str, page: Page) -> None:
    written = formats.get(name).write(page)
    assert written == formats.get(name).write(page)
    assert "None" not in written and "Prose(" not in written


def test_an_unknown_format_gets_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'html'"):
        formats.get("htm")


@pytest.mark.parametrize("page", [PAGE, EVERYTHING], ids=["derivations", "everything"])
def test_html_is_well_formed_and_needs_nothing_else(page: Page) -> None:
    read = Structure(html.write(page))
    assert read.tags.count("math") > 30
    assert not {"script", "link", "img", "iframe", "object", "b>"} & set(read.tags)
    assert not [value for name, value in read.attributes if name == "src" or name.startswith("on")]
    ids = [value for name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    places = {value[1:] for name, value in read.attributes if name == "href" and value.startswith("#")}
    assert places - {"s1"} <= set(ids)


def test_html_links_a_reason_to_the_card() -> None:
    written = html.write(PAGE)
    assert '<a href="#r-elementwise-chain-rule">elementwise chain rule</a>' in written
    assert '<div id="r-elementwise-chain-rule">' in written
    assert '<a href="#r-unfold-name-fold-name">unfold name</a>' in written


def test_html_escapes_the_users_text_and_refuses_other_targets() -> None:
    written = html.write(EVERYTHING)
    assert "<b>&amp;amp; &quot;q&quot;" not in written and "&lt;b&gt;&amp;amp; &quot;q&quot;" in written
    assert 'href="javascript' not in written and 'href="hessian.html#s2"' in written


def test_a_formula_that_mathml_cannot_show_is_named() -> None:
    page = Page("t", "t", None, (Section("s", (Result((r"a+\nonsense{b}",)),)),))
    with pytest.raises(FormulaError, match="nonsense") as caught:
        html.write(page)
    assert r"\nonsense{b}" in str(caught.value) and "MathML" in str(caught.value)


@needs_latex
@pytest.mark.parametrize("page", [PAGE, EVERYTHING], ids=["derivations", "everything"])
def test_sheets_compile_without_a_warning(page: Page, tmp_path) -> None:
    report = pdf(tex.write(page), tmp_path / "made" / "sheet.pdf")
    assert report.warnings == () and report.advice == ""
    assert report.path is not None and report.path.read_bytes().startswith(b"%PDF")


@needs_latex
def test_a_fragment_can_be_input_and_the_same_sheet_gives_the_same_bytes(tmp_path) -> None:
    fragment = formats.get("fragment").write(PAGE)
    document = f"\\documentclass{{article}}\n{tex.preamble()}\\begin{{document}}\nA.\n{fragment}\\end{{document}}\n"
    assert pdf(document, tmp_path / "one.pdf").warnings == ()
    pdf(document, tmp_path / "two.pdf")
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


@needs_latex
def test_warnings_and_errors_of_latex_are_seen(tmp_path) -> None:
    document = "\\documentclass{{article}}\\begin{{document}}{}\\end{{document}}"
    assert "Overfull" in pdf(document.format("\\hbox to 1cm{A long text}"), tmp_path / "a.pdf").warnings[0]
    assert "Reference" in pdf(document.format("\\ref{nowhere}"), tmp_path / "a.pdf").warnings[0]
    with pytest.raises(SheetError, match="Undefined control sequence"):
        pdf(document.format("\\nonsense"), tmp_path / "a.pdf")


def test_without_pdflatex_one_line_says_what_to_install(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    report = pdf(tex.write(PAGE), tmp_path / "sheet.pdf")
    assert report.path is None and report.advice == MISSING
    assert "texlive-latex-recommended" in MISSING and "\n" not in MISSING and not (tmp_path / "sheet.pdf").exists()


def test_a_font_that_lacks_a_sign_is_a_warning() -> None:
    assert warnings("Missing character: There is no x in font cmr10!\nLaTeX Info: all well\n") != ()


def test_a_raised_minus_in_a_program_is_set() -> None:
    assert "U+" not in tex.write(Page("T", "t", None, (Section("S", (Code("", "t = 1/n  # n⁻¹"),)),)))


def test_a_list_of_rules_needs_little_room() -> None:
    card = Section("Rules used", (Card((CardRow("r", "a=b"),)),))
    assert "\\cardroom\\section*" in tex.write(Page("T", "t", None, (card,)))
    assert "\\room\\section*" in tex.write(Page("T", "t", None, (Section("S", (Prose("Text."), *card.blocks)),)))


def test_tex_escapes_text() -> None:
    written = tex.write(EVERYTHING, standalone=False)
    assert r"100\% of\_it \{x\} \& \# \textasciitilde{}" in written and r"\textquotedbl{}q" in written
    assert r"\ensuremath{\sigma}" in written and "☃" not in written and "½" in written


def test_markdown_is_what_github_shows() -> None:
    written = markdown.write(PAGE)
    assert "## 1. Jacobian of an activated linear layer\n" in written
    assert (
        r"$$\begin{aligned} \frac{\partial N}{\partial h^\top} &= \operatorname{diag}(f'(z))\,"
        r"\frac{\partial z}{\partial h^\top} && \quad \text{elementwise chain rule} && \quad o\times n \\"
        "\n"
        r"&= \operatorname{diag}(f'(Wh))\,W && \quad \text{linearity} \end{aligned}$$" in written
    )
    assert r"\text{elementwise chain rule, }\exp^{\prime}=\exp" in written
    assert "| 1 | Jacobian entry |" in written
    table = [row for row in markdown.write(EVERYTHING).splitlines() if row.startswith("| `a")]
    assert table == [r"| `a\|b` | $\vert x\vert $ |"]


def test_plain_text_is_aligned_and_read_in_one_line() -> None:
    lines = plain.write(PAGE).splitlines()
    at = lines.index("Index form:")
    assert lines[at + 1 : at + 4] == [
        "  J_ij = ∂f(z_i)/∂h_j                 Jacobian entry  [o × n]",
        "       = f'(z_i) ∂z_i/∂h_j            elementwise chain rule",
        "       = f'(z_i) Σ_k W_ik ∂h_k/∂h_j   linearity",
    ]
    assert "│ ∂f(Wh)/∂hᵀ = diag(f'(Wh)) W ∈ ℝ^(o×n) │" in lines
