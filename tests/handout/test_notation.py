"""The notation of a project: the two layouts print each other's transposes; signs, names and commands in every format."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import symderiv as sd
from symderiv.cli import main
from symderiv.handout.calls import SourceError
from symderiv.handout.respell import Spelling, spelling_of
from symderiv.present import written
from symderiv.render.notation import Notation, using
from tests.latex.lines import read_lines

DENOMINATOR = Notation(layout="denominator")
JACOBIANS = (
    ("W @ x", {"W": "k n", "x": "n"}),
    ("V @ tanh(W @ x + b)", {"V": "k m", "W": "m n", "b": "m", "x": "n"}),
    ("A @ softmax(W @ x) + d", {"A": "k m", "W": "m n", "d": "k", "x": "n"}),
    ("(u @ x) * (W @ x)", {"u": "n", "W": "k n", "x": "n"}),
)
SIZES = {"k": 5, "m": 3, "n": 2}
HEAD = r"\frac{\partial"


def drawn(shapes: dict[str, str]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {name: rng.normal(size=[SIZES[d] for d in shape.split()]) for name, shape in shapes.items()}


@pytest.mark.parametrize("notation", ["matrix", "differential"])
@pytest.mark.parametrize(("text", "shapes"), JACOBIANS)
def test_the_two_layouts_print_transposes_of_each_other(text: str, shapes: dict[str, str], notation: str) -> None:
    """Every line of both is read back from its LaTeX and evaluated; sizes differ, so that a transpose can't be missed."""
    found, values = sd.jacobian(text, "x", shapes=shapes), drawn(shapes)
    value = np.asarray(found.numpy()(**values))
    direction = np.array([0.3, -1.2])
    forward = {r"\mathrm{d}N": value @ direction, r"\mathrm{d}f": value @ direction}
    known = values | {"dx": direction}
    seen: Counter[str] = Counter()
    read_lines(found.latex(notation=notation), known, {HEAD: value, **forward}, seen)
    one = seen["lines that hold"]
    with using(DENOMINATOR):
        latex = found.latex(notation=notation)
    read_lines(latex, known, {HEAD: value.T, **forward}, seen)
    assert one
    assert seen["lines that hold"] == 2 * one
    with pytest.raises(AssertionError, match="instead of|is meant"):  # the control
        read_lines(latex, known, {HEAD: value, **forward}, seen)


@pytest.mark.parametrize(("text", "shapes"), JACOBIANS)
def test_shapes_are_told_turned(text: str, shapes: dict[str, str]) -> None:
    found = sd.jacobian(text, "x", shapes=shapes)
    first = next(line for line in written(found) if line.lhs.startswith(HEAD))
    turned = next(line for line in written(found, signs=DENOMINATOR) if line.lhs.startswith(HEAD))
    assert (first.shape, turned.shape) == (r"k\times n", r"n\times k")
    assert (first.lhs, turned.lhs) == (r"\frac{\partial N}{\partial x^\top}", r"\frac{\partial N^\top}{\partial x}")


def test_gradients_and_index_form_are_of_no_layout() -> None:
    gradient = sd.gradient("sum(tanh(W @ x))", "x", W="o n", x="n")
    last = gradient.latex().splitlines()[-2].partition("&&")[0]
    with using(DENOMINATOR):
        assert gradient.latex().splitlines()[-2].startswith(last)
        entries = sd.jacobian("W @ x", "x", W="o n", x="n").latex(notation="index").splitlines()
    assert entries[1:-2] == sd.jacobian("W @ x", "x", W="o n", x="n").latex(notation="index").splitlines()[1:-2]


def test_bold_vectors_have_plain_entries() -> None:
    found = sd.jacobian("W @ tanh(x)", "x", W="o n", x="n")
    with using(Notation(bold_vectors=True)):
        matrix, index = found.latex(), found.latex(notation="index").splitlines()[1]
    assert r"\tanh(\boldsymbol{x})" in matrix
    assert r"\partial \boldsymbol{N}" in matrix or r"\partial\boldsymbol{N}" in matrix
    assert "boldsymbol" not in index
    assert "boldsymbol" not in found.latex()


# ---------------------------------------------------------------- signs, names, commands
def test_a_name_is_printed_only_where_it_is_one() -> None:
    spelling = Spelling(names={"p": r"\hat{y}", "W_1": "U"})
    printed = spelling.formula(r"\operatorname{softplus}(p)+p_{1}+\pi+W_1+W_{12}")
    assert printed == r"\operatorname{softplus}({\hat{y}})+p_{1}+\pi+{U}+W_{12}"


def test_a_name_of_several_letters_is_one_too(tmp_path: Path) -> None:
    (tmp_path / "notation.toml").write_text("\ufeff[names]\r\nloss = '\\ell'\r\nW_out = 'V'\r\n", "utf-8")
    spelling = spelling_of(tmp_path / "one.py")
    printed = spelling.formula(r"\mathrm{loss}+W_{\mathrm{out}}\,x+\text{loss}+\mathtt{W\_out}")
    assert printed == r"{\ell}+{V}\,x+\text{loss}+\mathtt{W\_out}"


def test_commands_take_arguments() -> None:
    spelling = Spelling(macros={"norm": r"\lVert #1\rVert", "RR": r"\mathbb{R}"})
    assert spelling.formula(r"\norm{x\in\RR}+\normal") == r"{\lVert x\in{\mathbb{R}}\rVert}+\normal"
    assert spelling.prose(r"\RR costs 3\$, $\RR$ and $$\norm x$$") == r"\RR costs 3\$, ${\mathbb{R}}$ and $${\lVert x\rVert}$$"


SHEET = r'''
from symderiv.handout.source import *
sheet = handout("Notes", section("One", prose("In $\\RR$, for $p$."), derivation(jacobian(
    "p = softmax(W @ x); A @ p", "x", W="m n", A="k m", x="n"), numbers={"W": [[1, 0], [0, 1], [0, 0]], "A": [[1, 2, 3]], "x": [0, 0]})))
'''
TOML = r"""
layout = "denominator"
bold_vectors = true
[signs]
transpose = '\TT'
hadamard = '\circ'
[names]
A = '\hat{Y}'
[macros]
TT = '\mathsf{T}'
RR = '\mathbb{R}'
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "one.py").write_text(SHEET, "utf-8")
    (folder / "notation.toml").write_text(TOML, "utf-8")
    formats = "html,tex,markdown,notebook,slides"
    done = CliRunner().invoke(main, ["handout", str(folder), "--out", str(folder / "out"), "--formats", formats])
    assert done.exit_code == 0, done.output
    return folder / "out"


@pytest.mark.parametrize("ending", ["html", "tex", "md", "ipynb", "slides.tex", "body.tex"])
def test_every_format_is_in_the_notation(project: Path, ending: str) -> None:
    page = (project / f"one.{ending}").read_text("utf-8")
    sign = "𝖳" if ending == "html" else "mathsf{T}"
    assert sign in page
    for wrong in ("⊙", "⊤") if ending == "html" else (r"\odot", r"\top", r"\RR", r"\TT"):
        assert not re.search(re.escape(wrong) + "(?![a-z])", page.split("<body>")[-1].split(r"\begin{document}")[-1])


def test_numbers_are_turned_with_the_formula(project: Path) -> None:
    """J is 1×2, so its transpose is a column; W, A and x are as given."""
    page = (project / "one.md").read_text("utf-8")
    example = next(line for line in page.splitlines() if r"\Longrightarrow" in line)
    assert example.rstrip("$").endswith(r"=\frac{1}{3}\begin{bmatrix}-1\\0\end{bmatrix}")


@pytest.mark.parametrize(("text", "said"), [
    ("layout = 'denominatr'", "denominator"), ("colour = 1", "bold_vectors"), ("[signs]\ntranspos = 'T'", "transpose"),
    ("[names]\np = '\\hat{y'", "brace"), ("[names]\np = 3", "quotes"), ("[names]\np = '}\\input{'", "brace"),
    ("[names]\np = '\\}{'", "brace"), ("signs = 3", "quotes"),
    ("layout = [", "TOML"), ("bold_vectors = 'yes'", "true or false"),
])  # fmt: skip
def test_a_wrong_notation_is_told_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "notation.toml").write_text(text, "utf-8")
    with pytest.raises(SourceError, match="notation.toml") as found:
        spelling_of(tmp_path / "one.py")
    assert said in str(found.value)


def test_notation_in_python() -> None:
    found = sd.jacobian("tanh(x) * x", "x", x="n")
    with sd.notation(hadamard=r"\circ", transpose="T"):
        assert r"\circ" in found.latex()
        assert "x^T" in found.latex()
    assert r"\odot" in found.latex()
    with pytest.raises(sd.UnknownNameError, match="hadamard"), sd.notation(hadamar="x"):
        pass
    with pytest.raises(sd.UnknownNameError, match="denominator"), sd.notation(layout="denom"):
        pass
