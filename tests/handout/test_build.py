"""Building: pages in every format, errors at their file and line, the same bytes again, and a definition as a formula."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from symderiv.errors import SymderivError, UnknownNameError
from symderiv.handout import build as building
from symderiv.handout import pdf as sheets
from symderiv.handout.blocks import page
from symderiv.handout.build import build, main_build
from symderiv.handout.checked import Checked
from symderiv.handout.definition_latex import definition_latex, refusal
from symderiv.handout.load import load
from symderiv.handout.model import Card, Check, Code, Example, Page, Result, Steps, Symbols, Table
from symderiv.handout.source import (
    SourceError,
    derivation,
    gauss_newton,
    handout,
    identity,
    jacobian,
    prose,
    section,
)
from symderiv.handout.values import array_latex, given_latex
from symderiv.notebook import html

GOOD = '''
from symderiv.handout.source import *

sheet = handout(
    "Linear layers",
    section("By the input", derivation(jacobian("W @ h", "h", W="o n", h="n"), meaning={"W": "weights"},
                                       numbers={"W": [[1, 2]], "h": [1, 1]})),
    summary="A layer.",
)
'''
WRONG_SHAPE = GOOD.replace('W="o n"', 'W="o m"')
TEXTS = ("html", "tex", "markdown")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "01_layer.py").write_text(GOOD, encoding="utf-8")
    return folder


def layer(**changed: object) -> Page:
    options = {"meaning": {"W": "weights"}, "numbers": {"f": "lambda x: x**2", "W": [[1, 2], [0, 1]], "h": [1, 0]}} | changed
    call = jacobian("f(W @ h)", "h", W="o n", h="n", f="elementwise")
    return page(handout("A", section("B", derivation(call, **options))), "a")


# ---------------------------------------------------------------- pages
def test_a_page_has_every_part() -> None:
    blocks = layer().sections[0].blocks
    kinds = [type(block) for block in blocks]
    for kind in (Symbols, Steps, Example, Result, Check, Code):
        assert kind in kinds
    headings = [block.heading for block in blocks if isinstance(block, Steps)]
    assert headings == ["In brief", "Index form", "Matrix form", "Differential form", "In full: one line per rule, with its law"]
    full = next(block for block in blocks if isinstance(block, Steps) and block.folded)
    assert [line.number for line in full.lines] == list(range(1, len(full.lines) + 1))
    assert all(line.law for line in full.lines[:-1])


def test_symbols_have_shape_and_meaning() -> None:
    (table,) = [block for block in layer().sections[0].blocks if isinstance(block, Symbols)]
    assert table.rows == (("h", "n", "variable"), ("W", r"o\times n", "weights (constant)"),
                          ("f", r"\mathbb{R}\to\mathbb{R}", "elementwise, generic"))  # fmt: skip


def test_numbers_are_those_of_numpy() -> None:
    (example,) = [block for block in layer().sections[0].blocks if isinstance(block, Example)]
    W, h = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([1.0, 0.0])
    assert example.parts[-1].endswith("=" + array_latex(np.diag(2 * (W @ h)) @ W))
    assert example.parts[0] == "f(x)=x^2"


def test_the_card_lists_the_rules_that_lines_name_and_no_others() -> None:
    made = layer()
    (card,) = [block for block in made.sections[-1].blocks if isinstance(block, Card)]
    names = [row.name for row in card.rows]
    assert {"Jacobian entry", "elementwise chain rule", "linearity", "contract delta"} <= set(names)
    assert "quotient rule" not in names
    assert len(names) == len(set(names))


def test_a_tensor_is_shown_in_every_way() -> None:
    made = page(handout("A", section("B", derivation(jacobian("W @ h", "W", W="o n", h="n")))), "a")
    (table,) = [block for block in made.sections[0].blocks if isinstance(block, Table)]
    assert [row[0] for row in table.rows] == ["entry", "slice", "core", "vec"]
    (box,) = [block for block in made.sections[0].blocks if isinstance(block, Result)]
    assert box.parts[-1].endswith(r"=h^\top \otimes I_o")


def test_a_derivation_that_is_not_confirmed_builds_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checked, "ok", property(lambda self: False))
    with pytest.raises(SourceError, match="isn't confirmed"):
        layer()


def test_a_definition_that_computes_something_else_is_refused() -> None:
    with pytest.raises(SourceError, match="isn't what is differentiated"):
        page(handout("A", section("B", derivation(jacobian("W @ h", "h", W="n n", h="n"), definition=transposed))), "a")


def transposed(W, h):
    return W.T @ h


def test_an_identity_that_is_wrong_is_refused() -> None:
    with pytest.raises(SourceError, match="refuted"):
        page(handout("A", section("B", identity("A @ B", "B @ A", A="n n", B="n n"))), "a")


def test_a_split_has_its_certificate() -> None:
    call = gauss_newton("u = X @ w; sum((u - y)**2)", "w", at="u", X="m n", w="n", y="m")
    text = str(page(handout("A", section("B", derivation(call, forms="brief"))), "a"))
    assert "positive semi-definite" in text
    assert "Certificate" in text


# ---------------------------------------------------------------- builds
def test_every_format_is_written(sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_build([sources], tmp_path / "out", TEXTS) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["01-layer.body.tex", "01-layer.html", "01-layer.md", "01-layer.tex", "index.html", "preamble.tex"]
    assert "1 of 1 handouts" in capsys.readouterr().out
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert 'href="01-layer.html"' in index
    assert "A layer." in index


def test_pages_hold_no_script_and_nothing_to_fetch(sources: Path, tmp_path: Path) -> None:
    build([sources], tmp_path / "out", ("html",))
    for path in (tmp_path / "out").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not any(tag in text for tag in ("<script", "<link", "<img", "<iframe", "url(", "http://", "@import"))


def test_the_same_source_gives_the_same_bytes(sources: Path, tmp_path: Path) -> None:
    script = "import sys; from symderiv.handout.build import main_build; sys.exit(main_build([sys.argv[1]], sys.argv[2], ['html', 'tex']))"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(building.__file__).parents[2])}
        subprocess.run([sys.executable, "-c", script, str(sources), str(tmp_path / seed)], env=environment, check=True,
                       capture_output=True)  # fmt: skip
    for path in (tmp_path / "1").iterdir():
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes()


def test_a_wrong_source_is_told_at_its_line_and_the_others_are_built(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = sources / "02_wrong.py"
    wrong.write_text(WRONG_SHAPE, encoding="utf-8")
    (sources / "03_syntax.py").write_text("x = 1\n\ny = = 3\n", encoding="utf-8")
    (sources / "04_crash.py").write_text("x = 1\ny = x / 0\n", encoding="utf-8")
    (sources / "05_nothing.py").write_text("x = 1\n", encoding="utf-8")
    assert main_build([sources], tmp_path / "out", ("html",)) == 1
    told = capsys.readouterr().err
    line = WRONG_SHAPE[: WRONG_SHAPE.index("derivation(jac")].count("\n") + 1
    assert f"{wrong}:{line}:50: " in told
    assert "(o, m)" in told or "o×m" in told
    assert f"{sources / '03_syntax.py'}:3:5: " in told
    assert f"{sources / '04_crash.py'}:2: ZeroDivisionError" in told
    assert "05_nothing.py:1: it binds no" in told
    assert "Traceback" not in told
    assert (tmp_path / "out" / "01-layer.html").exists()
    assert not (tmp_path / "out" / "02-wrong.html").exists()
    assert "02-wrong" not in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_without_pdflatex_one_line_says_what_to_install(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (sources / "02_again.py").write_text(GOOD, encoding="utf-8")
    monkeypatch.setattr(sheets.shutil, "which", lambda name: None)
    monkeypatch.setattr(building, "_WORKERS", 1)
    assert main_build([sources], tmp_path / "out", ("html", "pdf")) == 0
    assert capsys.readouterr().err.count("apt-get install") == 1
    assert (tmp_path / "out" / "02-again.html").exists()
    assert not list((tmp_path / "out").glob("*.pdf"))


def test_no_bar_without_a_terminal(sources: Path, tmp_path: Path) -> None:
    stream = StringIO()
    build([sources], tmp_path / "out", ("html",), stream)
    assert not stream.getvalue()


@pytest.mark.parametrize(("paths", "formats"), [(["nowhere"], ("html",)), ([], ("html",)), (["."], ("docx",))])
def test_what_can_not_be_built_is_an_error(paths: list[str], formats: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(SymderivError):
        build([tmp_path / p if p == "." else p for p in paths], tmp_path / "out", formats)


# ---------------------------------------------------------------- sources
HEAD = "from symderiv.handout.source import *\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys\nsys.exit(3)\n", ":3: it ends the program"),
        ("sheet = handout(None)\n", ":2: a sheet's title is a text"),
        ("sheet = handout('T', 'S')\n", ":2: a sheet is made of sections"),
        ("sheet = handout('T', section('S', 'text'))\n", "can't stand in a section"),
        ("sheet = handout('T', section('S', None))\n", "can't stand in a section"),
        ("sheet = handout('T', section(3))\n", "a section's title is a text"),
        ("sheet = handout('T', section('S', prose(3)))\n", "prose is a text"),
        ("sheet = handout('T', section('S', prose('\\ud800')))\n", "UTF-16"),
        ("sheet = handout('T', section('S', exercise('E', 3)))\n", "AttributeError"),
        (b"sheet = handout('\xe9')\n", "can't decode"),
        (b"a\0b", "null bytes"),
        ("sheet = handout('T', section('S', blanks(jacobian('tanh(x)', 'x', x='n'), count=0)))\n", ":2: blanks: 0 lines"),
    ],
)
def test_a_sheet_that_is_none_is_told_at_its_place(text: str | bytes, said: str, sources: Path, tmp_path: Path) -> None:
    (sources / "02_bad.py").write_bytes(HEAD.encode() + (text if isinstance(text, bytes) else text.encode()))
    (bad,) = build([sources / "02_bad.py"], tmp_path / "out", ("markdown",))
    assert said in bad.error and bad.error.startswith(str(sources / "02_bad.py"))


def test_a_writer_that_fails_leaves_the_other_sheets(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "pages", lambda *given: 1 / 0)
    (built,) = build([sources], tmp_path / "out", ("markdown",))
    assert "ZeroDivisionError" in built.error


@pytest.mark.parametrize("mark", ["\ufeff", "# -*- coding: latin-1 -*-\n"])
def test_a_source_is_read_as_python_reads_it(mark: str, tmp_path: Path) -> None:
    text = f"{mark}{HEAD}sheet = handout('Übung', section('S', prose('é')))\n".replace("\n", "\r\n")
    (tmp_path / "a.py").write_bytes(text.encode("latin-1" if "latin" in mark else "utf-8"))
    assert load(tmp_path / "a.py").title == "Übung"


@pytest.mark.parametrize(
    "names",
    [("a_b.py", "a-b.py"), ("one/a.py", "two/a.py"), ("index.py",), ("preamble.py",), ("a b.py", "a(b).py"), ("ü.py", "u.py")],
)
def test_no_sheet_is_written_over_another(names: tuple[str, ...], tmp_path: Path) -> None:
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(SymderivError, match="would write"):
        build(paths, tmp_path / "out", ("markdown",))
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("name", ["x y", "a&b", "$x$", "a<b>c", "a.b", "-x", "[z]", "`c`", "p%q", "Ü"])
def test_files_have_names_that_links_can_hold(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text(f"{HEAD}sheet = handout('T', section('S', plot('x**2', 'x')))\n", encoding="utf-8")
    (built,) = build([tmp_path / f"{name}.py"], tmp_path / "out", ("html", "markdown"))
    assert re.fullmatch("[A-Za-z0-9-]+", built.slug) and not built.error
    assert f'href="{built.slug}.html"' in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    (drawing,) = re.findall(r"\]\(([^)]*)\)", (tmp_path / "out" / f"{built.slug}.md").read_text(encoding="utf-8"))
    assert (tmp_path / "out" / drawing).is_file()


def test_a_name_without_letters_is_refused(tmp_path: Path) -> None:
    (tmp_path / "中.py").write_text(GOOD, encoding="utf-8")
    with pytest.raises(SymderivError, match="no letter"):
        build([tmp_path / "中.py"], tmp_path / "out", ("markdown",))


@pytest.mark.parametrize("inside", [".", "solutions", "x/../y/z"])
def test_solutions_are_never_inside_what_students_get(inside: str, sources: Path, tmp_path: Path) -> None:
    with pytest.raises(SymderivError, match="lecturer"):
        build([sources], tmp_path / "out", ("markdown",), lecturer=tmp_path / "out" / inside)


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="form"):
        derivation(jacobian("W @ h", "h", W="o n", h="n"), forms="brief indx")


def test_a_call_is_shown_as_it_is_typed() -> None:
    call = jacobian("\n  z = W @ x\n  tanh(z)\n", ["W", "x"], W="o n", x="n", assume="x > 0")
    assert call.code() == 'net = """\n    z = W @ x\n    tanh(z)\n"""\nsd.jacobian(net, ["W", "x"], W="o n", x="n", assume="x > 0")'
    assert Path(call.place.file).name == "test_build.py"


def test_a_source_is_data_and_nothing_is_derived_when_it_is_read(sources: Path) -> None:
    (sources / "06_late.py").write_text(WRONG_SHAPE, encoding="utf-8")
    assert load(sources / "06_late.py").title == "Linear layers"


def test_prose_alone_makes_a_page_without_a_card() -> None:
    assert len(page(handout("A", section("B", prose("Text."))), "a").sections) == 1


# ---------------------------------------------------------------- numbers
@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array([1.0, -2.0]), r"\begin{bmatrix}1\\-2\end{bmatrix}"),
        (np.array([[0.5, 0.25]]), r"\frac{1}{4}\begin{bmatrix}2&1\end{bmatrix}"),
        (np.array(-0.75), r"-\frac{3}{4}"),
        (np.array([np.pi, 1e-9]), r"\begin{bmatrix}3.1416\\0\end{bmatrix}"),
        (np.array(1e-13), "0"),
    ],
)
def test_entries_are_exact_where_they_can_be(array: np.ndarray, text: str) -> None:
    assert array_latex(array) == text


def test_given_entries_are_shown_as_given() -> None:
    assert given_latex([0, "log(2)", "1/3"]) == r"\begin{bmatrix}0\\\log 2\\\frac{1}{3}\end{bmatrix}"


# ---------------------------------------------------------------- definitions as formulas
@pytest.mark.parametrize(
    "body",
    ["W.T @ x", "x.sum()", "W @ x", "x * y", "x ** 2", "exp(x)", "f(x, axis=0)", "sum(x)", "x[0]", "x if x > 0 else 0", "[x]", "x // 2",
     "x / y", "lambda: x", "'text'", "True", "not x", "x.T"],
)  # fmt: skip
def test_what_latexify_prints_wrongly_is_refused_for_arrays(body: str) -> None:
    assert refusal(f"def f(W, x, y):\n    return {body}\n") is not None


@pytest.mark.parametrize(
    "body",
    ["x @ y", "x.sum()", "log(x)*y", "2*log(x)*y", "x*-y", "g(x)", "exp(x, y)", "np.linalg.norm(x)", "x % 2", "exp(*x)",
     "1e-5 * x", "x - 1e20"],
)  # fmt: skip
def test_what_reads_otherwise_is_refused_for_numbers_too(body: str) -> None:
    assert refusal(f"def f(x, y):\n    return {body}\n", scalar=True) is not None


@pytest.mark.parametrize(
    "source",
    ["def f(x=1):\n    return x", "def f(*x):\n    return x", "def f(x):\n    x += 1\n    return x",
     "def f(x):\n    x, y = 1, 2\n    return x", "def f(x):\n    x = x + 1\n    return x",
     "def f(x):\n    y = x + 1\n    y = y - 2\n    return y",
     "def f(x):\n    print(x)\n    return x", "def f(x):\n    pass", "x = 1", "def f(x):", "@g\ndef f(x):\n    return x",
     "def f(x):\n    if x:\n        return 1\n    return x"],
)  # fmt: skip
def test_only_plain_functions_are_printed(source: str) -> None:
    assert definition_latex(source, scalar=True) is None


@pytest.mark.parametrize(
    ("body", "latex"),
    [
        ("x / (1 + exp(-x))", r"\frac{x}{1 + \exp \left( -x \right)}"),
        ("log(1 + exp(x))", r"\log \left( 1 + \exp x \right)"),
        ("np.sqrt(1 + x**2)", r"\sqrt{ 1 + x^{2} }"),
        ("-(x - 1)**2", r"-\left( x - 1 \right)^{2}"),
    ],
)
def test_definitions_of_numbers_are_printed(body: str, latex: str) -> None:
    assert definition_latex(f'def f(x):\n    """Text."""\n    return {body}\n', scalar=True) == f"f(x) = {latex}"


# ---------------------------------------------------------------- notebooks
def test_a_fragment_styles_only_itself() -> None:
    import symderiv as sd

    text = html(sd.jacobian("tanh(W @ h)", "h", W="o n", h="n"), fragment=True)
    style = text[text.index("<style>") + 7 : text.index("</style>")]
    selectors = [one for rule in re.findall(r"([^{}]+)\{[^{}]*\}", style) for one in re.split(r",(?![^(]*\))", rule)]
    assert len(selectors) > 50
    assert all(selector.startswith(".symderiv") for selector in selectors)
    assert "<html" not in text
    assert "Differential form" in text
    whole = html(sd.jacobian("tanh(W @ h)", "h", W="o n", h="n"), "index", "full")
    assert "Differential form" not in whole
    with pytest.raises(UnknownNameError):
        html(sd.jacobian("W @ h", "h", W="o n", h="n"), "tensor")
