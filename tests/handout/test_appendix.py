r"""The appendix of a paper: lemmas with labels in the order of use, their proofs, and the literature that they cite.

The oracle is LaTeX itself: numbers of lemmas are read from its .aux, what is cited from BibTeX's .bbl.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from symderiv.cli import main
from symderiv.errors import SymderivError
from symderiv.functions import SCALAR, TENSOR
from symderiv.handout import pdf as sheets
from symderiv.handout.lemma_tex import write
from symderiv.handout.lemmas import of_sheet, ordered, unused
from symderiv.handout.load import load_appendix
from symderiv.handout.references import bibtex, keys, references
from symderiv.handout.source import (
    Appendix,
    SourceError,
    appendix,
    derivation,
    gauss_newton,
    gradient,
    identity,
    jacobian,
    lemma,
)
from symderiv.losses import LOSSES
from symderiv.rules import RULES

needs_latex = pytest.mark.skipif(not (shutil.which("pdflatex") and shutil.which("bibtex")), reason="LaTeX isn't installed")

PAPER = '''
from symderiv.handout.source import appendix, gauss_newton, gradient, hessian, identity, jacobian, lemma

paper = appendix(
    lemma("curvature", hessian("logsumexp(u)", "u", u="o"), title="Curvature & 100% of it"),
    lemma("network", gradient("z = W @ x + b; a = gelu(z); s = V @ a; -y @ log_softmax(s)", ["W", "b", "V"], W="h n", x="n",
                              b="h", V="o h", y="o", assume="sum(y) == 1")),
    lemma("softmax", jacobian("softmax(u)", "u", u="o"), before="A *known* result.", after="Its rows sum to $0$."),
    lemma("split", gauss_newton("u = tanh(X @ w); sum((u - y)**2)/2", "w", at="u", X="m n", w="n", y="m")),
    lemma("det", identity("logdet(A @ B)", "logdet(A) + logdet(B)", A="n n", B="n n"), uses="split"),
    lemma("entries", jacobian("softmax(X @ A @ X.T) @ X", "A", X="m n", A="n n"), notation="index", detail="full"),
)
'''
MAIN = r"By Lemma~\ref{lem:network} and \cref{lem:curvature,lem:det}. % \ref{lem:entries}"


def source(folder: Path, text: str = PAPER) -> Path:
    path = folder / "paper.py"
    path.write_text(text, encoding="utf-8")
    return path


def made(folder: Path, **options: object) -> str:
    return write(load_appendix(source(folder)), **options).tex


def labels(tex: str) -> list[str]:
    return re.findall(r"\\begin\{lemma\}.*?\\label\{lem:([^}]*)\}", tex)


# ---------------------------------------------------------------- order
def test_lemmas_are_in_the_order_of_use_after_what_they_rest_on(tmp_path: Path) -> None:
    assert labels(made(tmp_path, text=MAIN)) == ["network", "softmax", "curvature", "split", "det", "entries"]
    assert labels(made(tmp_path)) == ["softmax", "curvature", "network", "split", "det", "entries"]


def test_a_lemma_whose_derivative_is_a_step_is_cited_without_being_told(tmp_path: Path) -> None:
    tex = made(tmp_path)
    proof = tex[tex.index(r"\label{lem:curvature}") :]
    assert r"This uses Lemma~\ref{lem:softmax}." in proof[: proof.index(r"\end{proof}")]
    assert tex.count(r"\ref{lem:softmax}") == 1
    assert r"\ref{lem:curvature}" not in tex


def test_what_the_paper_never_refers_to_is_told(tmp_path: Path) -> None:
    paper = load_appendix(source(tmp_path))
    assert unused(paper, MAIN) == ["softmax", "split", "entries"]
    assert [one.label for one in ordered(paper, r"\autoref{lem:det}\Cref{lem:split, lem:softmax}")][:3] == ["split", "det", "softmax"]


def test_lemmas_in_a_circle_are_refused() -> None:
    f = jacobian("tanh(x)", "x", x="n")
    with pytest.raises(SourceError, match="a → b → a"):
        ordered(appendix(lemma("a", f, uses="b"), lemma("b", f, uses="a")))


DEEP = '''
from symderiv.handout.source import appendix, hessian, lemma

NET = "z = W1 @ x; a = tanh(z); u = W2 @ a; -y @ log_softmax(u)"
paper = appendix(
    lemma("net", hessian(NET, "W1", W1="h n", x="n", W2="o h", y="o", assume="sum(y) == 1")),
    lemma("again", hessian(NET, "W1", W1="h n", x="n", W2="o h", y="o", assume="sum(y) == 1"), notation="differential"),
)
'''


@needs_latex
def test_lemmas_of_one_proof_are_equations_that_it_refers_to(tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text(DEEP, encoding="utf-8")
    tex = write(load_appendix(tmp_path / "deep.py"), standalone=True).tex
    set_ = re.findall(r"\\tag\{\\ref\{lem:(\w+)\}\.(\d+)\}\\label\{eq:(\w+):(\d+)\}", tex)
    cited = set(re.findall(r"\\eqref\{eq:(\w+:\d+)\}", tex))
    assert all(one == other and n == m for one, n, other, m in set_) and len(set_) > 4
    assert cited == {f"{one}:{n}" for one, n, _, _ in set_}
    assert "lemma 1" not in tex and "(lemma" not in tex
    (tmp_path / "deep.tex").write_text(tex, encoding="utf-8")
    for _ in range(2):
        subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "deep"], cwd=tmp_path, check=True, capture_output=True,
                       timeout=120)
    log = (tmp_path / "deep.log").read_text("utf-8", "replace")
    assert "Reference `" not in log and "multiply" not in log


# ---------------------------------------------------------------- LaTeX and BibTeX
def compiled(folder: Path, name: str) -> tuple[str, str]:
    """(the last log, BibTeX's)."""
    for command in ("pdflatex", "bibtex", "pdflatex", "pdflatex"):
        options = ["-interaction=nonstopmode", "-halt-on-error"] if command == "pdflatex" else []
        subprocess.run([command, *options, name], cwd=folder, check=True, capture_output=True, timeout=120)
    return (folder / f"{name}.log").read_text("utf-8", "replace"), (folder / f"{name}.blg").read_text("utf-8", "replace")


@needs_latex
def test_it_compiles_without_a_warning_and_every_reference_has_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source(tmp_path)
    (tmp_path / "main.tex").write_text(MAIN, encoding="utf-8")
    done = CliRunner().invoke(main, ["appendix", "paper.py", "--paper", "main.tex", "--out", "lemmas.tex", "--standalone"])
    assert done.exit_code == 0, done.output
    assert done.stdout.split() == ["lemmas.tex", "lemmas.bib"]
    assert "nothing refers to lem:entries" in done.stderr
    log, said = compiled(tmp_path, "lemmas")
    assert sheets.warnings(log) == ()
    assert "Warning" not in said
    assert "error" not in said
    aux = (tmp_path / "lemmas.aux").read_text("utf-8")
    numbers = re.findall(r"\\newlabel\{lem:(\w+)\}\{\{(\d+)\}", aux)
    assert numbers == [(label, str(n)) for n, label in enumerate(["network", "softmax", "curvature", "split", "det", "entries"], 1)]
    assert set(re.findall(r"\\bibitem\{(\w+)\}", (tmp_path / "lemmas.bbl").read_text("utf-8"))) == {
        "boltzmann1868", "boyd2004", "bridle1990", "dlmf", "griewank2008", "hendrycks2016", "magnus2019"}  # fmt: skip


@needs_latex
def test_the_fragment_compiles_inside_a_paper_of_two_narrow_columns(tmp_path: Path) -> None:
    found = write(load_appendix(source(tmp_path)), "paper.py", MAIN, "lemmas")
    (tmp_path / "lemmas.tex").write_text(found.tex, encoding="utf-8")
    (tmp_path / "lemmas.bib").write_text(found.bib, encoding="utf-8")
    for theorems in ("", "\\usepackage{amsthm}\n\\newtheorem{lemma}{Hilfssatz}\n"):
        (tmp_path / "main.tex").write_text(
            f"\\documentclass[twocolumn]{{article}}\n\\usepackage{{amsmath,amssymb}}\n{theorems}\\begin{{document}}\nBy Lemma~"
            "\\ref{lem:det}.\n\\appendix\n\\input{lemmas}\n\\bibliographystyle{plain}\\bibliography{lemmas}\n\\end{document}\n", "utf-8"
        )
        log, _ = compiled(tmp_path, "main")
        assert not [line for line in sheets.warnings(log) if "full" not in line]


def test_every_name_and_year_among_the_sources_is_in_the_literature() -> None:
    rows = [*RULES.values(), *SCALAR.values(), *TENSOR.values(), *LOSSES.values()]
    sources = {row.source for row in rows if re.search(r"[A-Z]\w+ (et al\. )?(1[89]|20)\d\d\b", row.source)}
    assert len(sources) > 20
    for text in sources:
        assert len(keys(text)) == len(re.findall(r"(?:1[89]|20)\d\d\b|DLMF", text)), text
    assert keys("Nobody 1999") == ()
    assert len({one.key for one in references()}) == len(references())


@needs_latex
def test_all_of_the_literature_is_read_by_bibtex_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "all.bib").write_text(bibtex(one.key for one in references()), encoding="utf-8")
    (tmp_path / "all.tex").write_text(
        "\\documentclass{article}\\sloppy\\begin{document}\\nocite{*}\\bibliographystyle{plain}\\bibliography{all}\\end{document}", "utf-8"
    )
    log, said = compiled(tmp_path, "all")
    assert "Warning" not in said
    assert not [line for line in sheets.warnings(log) if "Underfull" not in line]
    assert (tmp_path / "all.bbl").read_text("utf-8").count("\\bibitem") == len(references())


# ---------------------------------------------------------------- what isn't right
def test_what_is_not_proved_is_no_lemma() -> None:
    for right in ("A", "2*A"):
        with pytest.raises(SourceError, match="a lemma has to be proved"):
            write(appendix(lemma("x", identity("A @ inv(A) @ A * 1.0000001", right, A="n n"))))


def test_errors_point_at_the_line_of_the_source(tmp_path: Path) -> None:
    broken = PAPER.replace('"softmax(u)", "u", u="o")', '"softmax(u", "u", u="o")')
    line = next(n for n, text in enumerate(broken.splitlines(), 1) if "softmax(u\"" in text)
    path = source(tmp_path, broken)
    done = CliRunner().invoke(main, ["appendix", str(path)], standalone_mode=False)
    assert isinstance(done.exception, SourceError)
    assert str(done.exception).startswith(f"{path}:{line}:")
    with pytest.raises(SourceError, match="binds no"):
        load_appendix(source(tmp_path, "x = 1\n"))


@pytest.mark.parametrize(
    ("label", "options"), [("a b", {}), ("x}\\input{y", {}), ("", {}), ("a", {"uses": "b"}), ("a", {"detail": "much"})]
)
def test_labels_and_options_that_cannot_be_are_refused(label: str, options: dict[str, str]) -> None:
    with pytest.raises(SymderivError):
        appendix(lemma(label, jacobian("tanh(x)", "x", x="n"), **options))
    with pytest.raises(SymderivError, match="two lemmas"):
        appendix(*(lemma("a", jacobian("tanh(x)", "x", x="n")) for _ in range(2)))


@needs_latex
def test_hostile_titles_and_names_stay_text(tmp_path: Path) -> None:
    hostile = r"}\input{/etc/passwd}\write18{id} % & $ # _ ^ ~ <b>"
    paper = appendix(
        lemma("a", jacobian("tanh(W_input @ write18)", "write18", W_input="o n", write18="n"), title=hostile, before=hostile, after=hostile)
    )
    found = write(paper, source=hostile.replace("/", "") + "\n\\input{x}", standalone=True)
    shown = [line for line in found.tex.splitlines() if not line.startswith("%")]
    assert not [line for line in shown if r"\input" in line or r"\write18" in line]
    (tmp_path / "appendix.tex").write_text(found.tex, encoding="utf-8")
    (tmp_path / "appendix.bib").write_text(found.bib, encoding="utf-8")
    compiled(tmp_path, "appendix")


def test_a_sheet_is_an_appendix_too(tmp_path: Path) -> None:
    text = (
        "from symderiv.handout.source import *\nsheet = handout('T', section('One', derivation(jacobian('W @ h', 'h', W='o n', h='n')),"
        "derivation(jacobian('W @ h', 'h', W='o n', h='n')), derivation(gradient('sum(x * x)', 'x', x='n'))))\n"
    )
    paper = load_appendix(source(tmp_path, text))
    assert isinstance(paper, Appendix)
    assert [one.label for one in paper.lemmas] == ["jacobian-w-h", "jacobian-w-h-2", "gradient-sum-x-x"]
    assert write(paper).tex == write(paper).tex


def test_the_split_names_its_two_parts() -> None:
    tex = write(appendix(lemma("s", gauss_newton("u = tanh(X @ w); sum((u - y)**2)/2", "w", at="u", X="m n", w="n", y="m")))).tex
    assert r"}_{G}" in tex
    assert r"}_{R}" in tex


def test_a_label_is_the_same_in_every_process() -> None:
    def square(x: object) -> object:
        return x * x

    (one,) = of_sheet([derivation(gradient(square, "x", x=""))]).lemmas
    assert one.label == "gradient-square"


@pytest.mark.parametrize("out", ["main.tex", "./main.bib", "paper.tex", "."])
def test_the_paper_is_not_written_over(out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("main.tex", MAIN), ("paper.tex", MAIN), ("paper.py", "x = 1\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, ["appendix", "paper.py", "--paper", "main.tex", "--paper", "paper.tex", "--out", out])
    assert done.exit_code == 2 and "--out" in done.output
    assert (tmp_path / "main.tex").read_text(encoding="utf-8") == MAIN
