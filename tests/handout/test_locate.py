"""What goes wrong in a source is told at the line and column of its file, with a caret, and the other pages are built."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from symderiv.errors import ParseError, SymderivError
from symderiv.handout.build import main_build
from symderiv.handout.calls import Place
from symderiv.handout.locate import located, told

HEAD = "from symderiv.handout.source import *\n\nsheet = handout(\n    'Layers',\n    section(\n        'One',\n"
CASES = {
    "in_one_line": ('        derivation(jacobian("tanh(W @ x", "x", W="o n", x="n")),\n', "(W @ x", "'(' is never closed"),
    "in_a_program": (
        '        prose("tanh(z) is what follows"),\n        derivation(\n            jacobian(\n                """\n'
        '                z = W @ h\n                tanh(z @@ 2)\n                """,\n                "h",\n'
        '                W="o n",\n                h="n",\n            ),\n        ),\n',
        "@ 2)", "expected an expression"),
    "an_unknown_function": (
        '        prose("sigmod"),\n        derivation(jacobian("1 + sigmod(x)", "x", x="n")),\n',
        "sigmod(x)", "did you mean"),
    "inside_an_exercise": (
        '        exercise("A", "Derive it.",\n          solution=[gradient("sum(W @ x)", "x",\n             W="o m", x="n")]),\n',
        "W @ x", "o×m"),
    "in_an_identity": ('        identity("A @ B", "B @ (A", A="n n", B="n n"),\n', "(A\"", "never closed"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_caret_is_where_the_guilty_text_is(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body, guilty, message = CASES[name]
    source = HEAD + body + "    ),\n)\n"
    wrong = tmp_path / f"{name}.py"
    wrong.write_text(source, encoding="utf-8")
    (tmp_path / "right.py").write_text(HEAD + "        prose('Text.'),\n    ),\n)\n", encoding="utf-8")
    assert main_build([wrong, tmp_path / "right.py"], tmp_path / "out", ("html",)) == 1
    err = capsys.readouterr().err
    match = re.search(rf"{re.escape(str(wrong))}:(\d+):(\d+): (.*)\n((?:.*\n)+)", err)
    assert match, err
    line, column = int(match[1]), int(match[2])
    assert source.splitlines()[line - 1][column - 1 :].startswith(guilty)
    assert message in match[0]
    assert "(line " not in match[0]
    assert "^" in match[4]
    assert (tmp_path / "out" / "right.html").exists()
    assert not (tmp_path / "out" / f"{name}.html").exists()


def test_python_that_does_not_parse_has_its_caret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text("x = 1\n\n  \ny = = 3\n", encoding="utf-8")
    assert main_build([tmp_path / "a.py"], tmp_path / "out", ("html",)) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'a.py'}:4:5: invalid syntax\n    y = = 3\n        ^\n")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('derivation(jacobian("x", "x", x="n"), meanings={})', "derivation has no 'meanings='\ndid you mean 'meaning'?"),
        ('exercise("A", "B", zzz=3)', "exercise has no 'zzz='\nit has points, hint, solution,"),
        ('prose("A", zzz=3)', "prose has no 'zzz='\nit has heading"),
        ('section("A", titel="B")', "section has no 'titel='\nit has no keywords"),
        ('derivation(jacobian("x", x="n"))', "jacobian needs 'wrt'\nit is called as jacobian(f, wrt, …)"),
        ("derivation()", "derivation needs 'call'\nit is called as derivation(call, …)"),
        ('derivation(gauss_newton("x @ x", "x", x="n"))', "gauss_newton needs 'at='\n"),
    ],
)
def test_a_call_that_does_not_fit_is_told_with_what_would(
    call: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "a.py"
    source.write_text(HEAD + f"        {call},\n    ),\n)\n", encoding="utf-8")
    assert main_build([source], tmp_path / "out", ("html",)) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"error: {source}:7: {said}") and "TypeError" not in err


def test_a_wrong_argument_is_told_at_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = HEAD + '        derivation(jacobian("x", "x", x="n"),\n                   forms="brif"),\n    ),\n)\n'
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    assert main_build([tmp_path / "a.py"], tmp_path / "out", ("html",)) == 1
    err = capsys.readouterr().err
    assert f"{tmp_path / 'a.py'}:7: unknown form 'brif'\ndid you mean 'brief'?" in err


def test_what_is_not_in_the_file_keeps_the_place_of_the_call(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 'tanh' + '(W'\n", encoding="utf-8")
    place = Place(str(path), 7)
    assert located(ParseError("open", "tanh(W", (4, 5)), place) == place
    assert told(SymderivError("no text"), place) == (place, "no text")
    assert located(ParseError("open", "tanh(W", (4, 5)), Place(str(tmp_path / "none.py"), 3)).line == 3
