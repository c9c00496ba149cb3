"""A new project builds at once; watching builds what changes and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner

from symderiv.cli import main
from symderiv.errors import SymderivError
from symderiv.handout.build import main_build
from symderiv.handout.load import load
from symderiv.handout.newproject import FILES, new
from symderiv.handout.watch import watch

SHEET = 'from symderiv.handout.source import *\nsheet = handout("{0}", section("One", prose("Text."){1}))\n'
BROKEN = ', derivation(jacobian("tanh(x", "x", x="n"))'


# ---------------------------------------------------------------- symderiv new
def test_a_new_project_builds_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = CliRunner()
    made = run.invoke(main, ["new", "course"])
    assert made.exit_code == 0, made.output
    monkeypatch.chdir(tmp_path / "course")
    assert all(Path(name).is_file() for name in FILES)
    done = run.invoke(main, ["handout", "sheets", "--out", "pages", "--lecturer", "own", "--formats", "html,tex"])
    assert done.exit_code == 0, done.output
    student, lecturer = (Path(folder, "02-exercises.html").read_text("utf-8") for folder in ("pages", "own"))
    assert "Solution" in lecturer
    assert "Solution" not in student
    assert "01-layer" in Path("pages", "index.html").read_text("utf-8")


def test_the_command_in_its_makefile_is_one_that_exists(tmp_path: Path) -> None:
    new(tmp_path / "course")
    text = (tmp_path / "course" / "Makefile").read_text("utf-8")
    helped = CliRunner().invoke(main, ["handout", "--help"]).output
    for option in ("--out", "--lecturer", "--watch", "--formats", "--variants"):
        assert option in text
        assert option in helped


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", "utf-8")
    with pytest.raises(SymderivError, match="isn't empty"):
        new(tmp_path)
    with pytest.raises(SymderivError, match="is a file"):
        new(tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text("utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 1


# ---------------------------------------------------------------- --watch
def put(path: Path, title: str, more: str = "") -> None:
    """Write a sheet, so that its time differs."""
    path.write_text(SHEET.format(title, more), encoding="utf-8")
    later = time.time_ns() + len(title) * 10**9
    os.utime(path, ns=(later, later))


def test_what_changes_is_built_again_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources, out, said = tmp_path / "sources", tmp_path / "out", []
    sources.mkdir()
    put(sources / "a.py", "One")
    put(sources / "b.py", "Two")

    def saving() -> Iterator[None]:
        yield
        (out / "b.html").write_text("untouched", encoding="utf-8")
        put(sources / "a.py", "Three", BROKEN)
        yield
        assert f"{sources / 'a.py'}:2:" in capsys.readouterr().err
        yield                                                   # nothing happened
        put(sources / "a.py", "Fourth")
        put(sources / "c.py", "Newcomer")
        yield
        (sources / "c.py").unlink()
        yield

    watch([sources], out, ("html",), say=said.append, wakes=saving())
    assert said == [
        "2 of 2 handouts built; watching for changes (Ctrl-C ends it)",
        "failed: a (1 of 2 are good)",
        "built a, built c (3 of 3 are good)",
        "gone: c.py (2 of 2 are good)",
    ]
    assert "Fourth" in (out / "a.html").read_text("utf-8")
    assert (out / "b.html").read_text("utf-8") == "untouched"
    assert "Newcomer" not in (out / "index.html").read_text("utf-8")


def saved(path: Path, text: str) -> None:
    """Write a file so that its time differs from any before."""
    path.write_text(text, encoding="utf-8")
    now = next(CLOCK)
    os.utime(path, ns=(now, now))


CLOCK = count(time.time_ns() + 10**9, 10**9)  # a second between any two files
PLAIN = 'from symderiv.handout.source import *\nsheet = handout("{}", section("One", prose("$p^\\\\top$")))\n'
HELPED = 'from _words import WORD\nfrom symderiv.handout.source import *\nsheet = handout(WORD, section("One", prose("Text.")))\n'


def test_the_notation_and_what_is_imported_build_again_what_needs_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two folders: one has a notation; in the other one sheet of two imports a helper, which imports another."""
    one, two, out, said = tmp_path / "one", tmp_path / "two", tmp_path / "out", []
    one.mkdir()
    two.mkdir()
    saved(one / "a.py", PLAIN.format("A"))
    saved(two / "b.py", PLAIN.format("B"))
    saved(two / "c.py", HELPED)
    saved(two / "_words.py", "from _deeper import WORD\n")
    saved(two / "_deeper.py", 'WORD = "First"\n')

    def page(name: str) -> str:
        return (out / f"{name}.html").read_text("utf-8")

    def saving() -> Iterator[None]:
        yield
        assert "<h1>First</h1>" in page("c") and ">p<" in page("a")
        saved(two / "_deeper.py", 'WORD = "Second"\n')
        yield
        assert "<h1>Second</h1>" in page("c")
        saved(one / "notation.toml", "[names]\np = 'q'\n")
        yield
        assert ">q<" in page("a") and ">p<" not in page("a") and ">p<" in page("b")
        saved(one / "notation.toml", "[names]\np = 'r'\n")
        yield
        assert ">r<" in page("a")
        saved(one / "notation.toml", "[nmaes]\n")
        yield
        assert "notation.toml:1" in (told := capsys.readouterr().err) and "names" in told
        (one / "notation.toml").unlink()
        yield
        assert ">p<" in page("a")
        saved(two / "_deeper.py", "WORD = (\n")
        yield
        assert f"{two / '_deeper.py'}:1" in capsys.readouterr().err
        saved(two / "_other.py", "")                            # nobody imports it
        yield
        saved(two / "_deeper.py", 'WORD = "Third"\n')
        yield

    watch([one, two], out, ("html",), say=said.append, wakes=saving())
    assert said == [
        "3 of 3 handouts built; watching for changes (Ctrl-C ends it)",
        "built c (3 of 3 are good)",
        "built a (3 of 3 are good)",
        "built a (3 of 3 are good)",
        "failed: a (2 of 3 are good)",
        "built a (3 of 3 are good)",
        "failed: c (2 of 3 are good)",
        "built c (3 of 3 are good)",
    ]
    assert "<h1>Third</h1>" in page("c")
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_helper_of_one_folder_is_not_taken_for_that_of_another(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        saved(tmp_path / name / "_words.py", f'WORD = "{name}"\n')
        saved(tmp_path / name / "a.py", HELPED)
        assert load(tmp_path / name / "a.py").title == name
    assert "_words" not in sys.modules and str(tmp_path / "two") not in sys.path


def test_the_command_watches_until_it_is_interrupted(tmp_path: Path) -> None:
    put(tmp_path / "a.py", "One")
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a job in the background ignores it
    script = f"{listening}; from symderiv.cli import main; main()"
    command = [sys.executable, "-c", script, "handout", str(tmp_path / "a.py"), "--out", str(tmp_path / "out"),
               "--formats", "html", "--watch"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline().startswith("1 of 1 handouts built")
            put(tmp_path / "a.py", "Second")
            assert running.stdout.readline() == "built a (1 of 1 are good)\n"
            assert "Second" in (tmp_path / "out" / "a.html").read_text("utf-8")
            (tmp_path / "notation.toml").write_text("[names]\np = 'q'\n", encoding="utf-8")
            assert running.stdout.readline() == "built a (1 of 1 are good)\n"
            running.send_signal(2)
            assert running.wait(60) == 0
        finally:
            running.kill()


def test_there_is_nothing_to_watch_where_there_is_no_source(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["handout", str(tmp_path / "none"), "--watch"], standalone_mode=False)
    assert isinstance(done.exception, SymderivError)


def test_a_macro_in_a_title_is_known_in_the_index_and_a_fragment_goes_on_counting(tmp_path: Path) -> None:
    (tmp_path / "notation.toml").write_text("[macros]\nRR = '\\mathbb{R}'\n", "utf-8")
    title = r'handout("Maps of $\\RR^n$", section("One", prose("a")), section("Two", prose("b")), summary="in $\\RR$")'
    (tmp_path / "a.py").write_text(f"from symderiv.handout.source import *\nsheet = {title}\n", "utf-8")
    assert main_build([tmp_path / "a.py"], tmp_path / "out", ("html", "tex")) == 0
    index, fragment = ((tmp_path / "out" / name).read_text("utf-8") for name in ("index.html", "a.body.tex"))
    assert index.count("ℝ") == 2
    assert fragment.count(r"\section{") == 2 and "setcounter" not in fragment
