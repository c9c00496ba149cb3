"""The rule card: every row of it by numbers, read back from what is printed; one page of A4; the command."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symderiv.draw import draw, draw_sizes
from symderiv.evaluate import evaluate
from symderiv.functions import REALS, SCALAR
from symderiv.gallery import rule_card
from symderiv.gallery.rule_card import Entry, Group
from symderiv.handout import onepage
from symderiv.handout.pdf import pdf, warnings
from symderiv.ir import free_symbols
from symderiv.losses import LOSSES
from symderiv.rules import RULES
from tests.card_laws import LAWS, slope
from tests.command import run
from tests.latex.lines import plain
from tests.latex.reader import Unread, read
from tests.latex.values import as_matrix

LETTERS = {"slope": "s", "scale": "lambda", "lambd": "lambda"}
"""parameters as the card prints them"""
LEAST_POINTS = 6.0
"""the size of its letters on paper"""


@cache
def groups() -> tuple[Group, ...]:
    return rule_card.groups()


def derived() -> list[Entry]:
    return [entry for group in groups() for entry in group.entries if entry.derivation is not None]


def laws() -> list[str]:
    return [law for group in groups() for entry in group.entries if entry.derivation is None for law in entry.formulas]


def check_law(law: str, sides: Any) -> None:
    for k in range(5):
        left, right = sides(np.random.default_rng(k))
        assert np.shape(left) == np.shape(right), law
        assert np.allclose(left, right, rtol=1e-4, atol=1e-4), law


# ---------------------------------------------------------------- meaning
@pytest.mark.parametrize("law", laws())
def test_a_law_holds_in_numbers(law: str) -> None:
    """A law that is new or changed has to be said in NumPy in ``card_laws`` too."""
    check_law(law, LAWS[law])


def test_a_wrong_law_is_seen() -> None:
    with pytest.raises(AssertionError):
        check_law("cosh", lambda r: (slope(np.cosh, x := r.normal()), -np.sinh(x)))


def test_no_law_is_left_in_the_test_that_the_card_has_not() -> None:
    assert set(LAWS) == set(laws())


def check_derivative(entry: Entry, latex: str) -> bool:
    """What is printed, read back, against central differences of the function; False where the reader can't read it."""
    found = entry.derivation
    assert found is not None
    symbols = sorted({*free_symbols(found.subject), *free_symbols(found.result)}, key=lambda s: s.name)
    symbols = [s for s in symbols if s.kind == "variable"]
    sizes = draw_sizes([found.result, *symbols], 1)
    values = draw(symbols, found.facts, np.random.default_rng(5), sizes, "real")
    by = found.wrt[0].name
    if entry.name in ("entropy", "binary_cross_entropy") or (entry.name in SCALAR and SCALAR[entry.name].domain != REALS):
        values[by] = 0.2 + 0.6 / (1 + np.exp(-values[by]))

    def value(x: Any) -> Any:
        return evaluate(found.subject, {**values, by: x}, sizes)

    numeric = slope(value, values[by]).reshape(np.shape(evaluate(found.result, values, sizes)))
    assert np.allclose(evaluate(found.result, values, sizes), numeric, rtol=1e-4, atol=1e-5), entry.name
    known = {LETTERS.get(name, plain(name)): v for name, v in {**sizes, **values}.items()}
    try:
        back = as_matrix(read(latex), known, numeric.shape)
    except Unread:
        return False
    assert np.allclose(back, numeric, rtol=1e-4, atol=1e-5), f"{entry.name}: {latex}"
    return True


@pytest.mark.parametrize("entry", derived(), ids=lambda entry: entry.name)
def test_a_derivative_is_what_differences_give(entry: Entry) -> None:
    check_derivative(entry, entry.formulas[1])


def test_nearly_all_derivatives_are_read_back_from_what_is_printed() -> None:
    unread = [entry.name for entry in derived() if not check_derivative(entry, entry.formulas[1])]
    assert len(unread) <= 12, unread


def test_a_wrong_derivative_is_seen() -> None:
    """Planted: a sign in what is printed."""
    for name in ("tanh", "cross_entropy", "logsumexp"):
        entry = next(e for e in derived() if e.name == name)
        with pytest.raises(AssertionError):
            check_derivative(entry, f"-({entry.formulas[1]})")


def test_the_check_finds_a_wrong_derivation() -> None:
    """Planted: sinh's derivation says that it is of cosh."""
    by_name = {entry.name: entry for entry in derived()}
    sinh, cosh = by_name["sinh"].derivation, by_name["cosh"].derivation
    assert sinh is not None and cosh is not None
    wrong = replace(by_name["sinh"], derivation=replace(sinh, subject=cosh.subject))
    good = rule_card.check(groups())
    assert good.ok and good.text.startswith(f"{len(derived())} derivatives")
    bad = rule_card.check([Group("", (wrong,))])
    assert not bad.ok and "sinh" in bad.text


# ---------------------------------------------------------------- form
def test_every_row_of_the_tables_is_there() -> None:
    """But for derivatives that are wider than a column: of one scalar function."""
    names = {group.title: {entry.name.removesuffix(" (sum)") for entry in group.entries} for group in groups()}
    assert set(SCALAR) - names["Elementwise functions"] == {"gelu_tanh"}
    assert names["Losses"] == set(LOSSES)
    left_out = {rule.title for rule in RULES.values()} - names["Rules of differentiation"] - names["Identities"]
    assert left_out <= set(rule_card.BOOKKEEPING) | {"outer square", "unfold name"}
    assert {"softmax", "logsumexp", "logdet", "det", "norm"} <= names["Functions of arrays"]


@pytest.mark.skipif(shutil.which("pdflatex") is None or shutil.which("pdfinfo") is None, reason="pdflatex or pdfinfo isn't installed")
def test_the_pdf_is_one_page_of_a4_and_can_be_read(tmp_path: Path) -> None:
    out = tmp_path / "card.pdf"
    done = run("card", "--out", str(out))
    assert done.exit_code == 0, done.output
    about = subprocess.run(["pdfinfo", out], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^Pages:\s+1$", about, re.MULTILINE)
    assert re.search(r"^Page size:\s+595\.\d+ x 841\.\d+ pts \(A4\)$", about, re.MULTILINE)
    (tmp_path / "card.tex").write_text(run("card", "--format", "latex").stdout, encoding="utf-8")
    for _ in range(2):
        subprocess.run(["pdflatex", "-interaction=nonstopmode", "card.tex"], cwd=tmp_path, capture_output=True, check=True)
    log = (tmp_path / "card.log").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"^card: ([\d.]+)pt of ([\d.]+)pt", log, re.MULTILINE)
    assert found is not None
    wide, text = map(float, found.groups())
    assert 8 * text / wide >= LEAST_POINTS
    assert warnings(log) == ()


@pytest.mark.skipif(shutil.which("pdflatex") is None or shutil.which("pdfinfo") is None, reason="pdflatex or pdfinfo isn't installed")
def test_a_card_with_twice_as_many_rows_is_one_page_too(tmp_path: Path) -> None:
    twice = [replace(group, entries=group.entries * 2) for group in groups()]
    report = pdf(onepage.write(rule_card.page(twice, None)), tmp_path / "card.pdf")
    assert report.path is not None
    about = subprocess.run(["pdfinfo", report.path], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^Pages:\s+1$", about, re.MULTILINE)


@pytest.mark.parametrize(("form", "signs"), [
    ("text", ("tanh(x)", "1 - tanh(x)²", "✓ Checked. 9")),
    ("markdown", ("| cross entropy | ", r"$\operatorname{softmax}(u)-y$ | Softmax |", "## Losses")),
    ("latex", (r"\cardpage", r"\operatorname{softmax}(u)\brk<0>-y", r"\checked{Checked}")),
    ("html", ("<!doctype html>", "<math", "cross entropy", "✓ Checked.")),
])  # fmt: skip
def test_the_card_in_each_form(form: str, signs: tuple[str, ...]) -> None:
    done = run("card", "--format", form)
    assert done.exit_code == 0 and done.stderr == ""
    for sign in signs:
        assert sign in done.stdout


def test_the_ending_of_a_file_says_its_form(tmp_path: Path) -> None:
    for ending, form in ((".md", "markdown"), (".html", "html"), (".tex", "latex"), (".txt", "text"), ("", "text")):
        out = tmp_path / f"card{ending}"
        assert run("card", "--no-verify", "--out", str(out)).exit_code == 0
        assert out.read_text(encoding="utf-8") == run("card", "--no-verify", "--format", form).stdout


def test_without_a_check_the_card_says_nothing_of_one() -> None:
    assert "Checked" not in run("card", "--no-verify").stdout


def test_a_pdf_needs_a_file() -> None:
    done = run("card", "--format", "pdf")
    assert done.exit_code == 2 and "--out card.pdf" in done.stderr


def test_without_pdflatex_the_card_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run("card", "--no-verify", "--out", str(tmp_path / "card.pdf"))
    assert done.exit_code == 2 and "apt-get install" in done.stderr and "--format latex" in done.stderr
    assert not (tmp_path / "card.pdf").exists()


def test_the_card_in_the_notation_of_a_project(tmp_path: Path) -> None:
    notation = tmp_path / "notation.toml"
    notation.write_text("[signs]\ntranspose = 'T'\n[names]\nu = 'z'\n", encoding="utf-8")
    shown = run("card", "--no-verify", "--format", "markdown", "--notation", str(notation)).stdout
    assert r"$\operatorname{softmax}({z})-y$" in shown and r"\top" not in shown
    notation.write_text("[sings]\n", encoding="utf-8")
    wrong = run("card", "--no-verify", "--notation", str(notation))
    assert wrong.exit_code == 2 and "notation.toml" in wrong.stderr and "signs" in wrong.stderr
