"""Bad input at the command line, and what goes wrong inside: a message, an exit code, never a traceback."""
from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from click.testing import CliRunner

import symderiv as sd
from symderiv.cli import frame, main
from tests.command import LOSS, TANH, derive, run

# ---------------------------------------------------------------- bad input
BAD: dict[str, tuple[list[str], list[str]]] = {
    "unclosed bracket": (["tanh(W @ h", *TANH[1:]], ["'(' is never closed (line 1, column 5)", "    tanh(W @ h\n        ^"]),
    "unknown function": (["tahn(W @ h)", *TANH[1:]], ["unknown function 'tahn'", "    tahn(W @ h)\n    ^^^^", "did you mean 'tanh'?"]),
    "unknown name": (["tanh(V @ h)", *TANH[1:]], ["unknown name 'V'", "    tanh(V @ h)\n         ^"]),
    "wrong shapes": (["W @ W", *TANH[1:]], ["o×n and o×n don't fit in '@'", "    W @ W"]),
    "missing shape": (["tanh(W @ h)", "--wrt", "h", "--shape", "W=o n"], ["--shape h=n (for a scalar: --shape h=\"\")"]),
    "missing shape of a matrix": ([*TANH, "--assume", "symmetric(B)"], ['give its shape: --shape B="n n", or drop']),
    "wrong variable": ([TANH[0], "--wrt", "q", *TANH[3:]], ["unknown variable 'q'", "    tanh(W @ h)", "by one of W, h"]),
    "an intermediate value": ([LOSS[0], "--wrt", "u", *LOSS[3:]], ["'u' is an intermediate value", "    u = X @ w"]),
    "missing symbol": ([*TANH, "--assume", "sum(y) == 1"], ["the assumption is about 'y'", "    sum(y) == 1"]),
    "unknown assumption": ([*TANH, "--assume", "pretty(W)"], ["unknown property 'pretty'", "    pretty(W)"]),
    "bad shape": ([*TANH, "--shape", "b=n +"], ["in the shape of 'b'", "    n +"]),
    "gradient of a vector": ([*TANH, "--kind", "gradient"], ["gradient needs a scalar", "    tanh(W @ h)"]),
    "no split there": ([*LOSS, "--at", "uu"], ["unknown intermediate value 'uu'", "    u = X @ w", "did you mean 'u'?"]),
    "Python": (["__import__('os')", *TANH[1:]], ["'__import__' is a name of Python's own", "    __import__('os')"]),
    "attribute": (["W.__class__", *TANH[1:]], ["    W.__class__"]),
    "empty": (["", *TANH[1:]], ["there is nothing to read"]),
    "signs that aren't text": (["tanh(W @ h)\0\x1b[31m", *TANH[1:]], ["    tanh(W @ h)"]),
    "no such directory": ([*TANH, "--out", "/no/such/place"], ["'/no/such/place' can't be written"]),
    "no page": ([*LOSS, "--at", "u", "--format", "html"], ["a Gauss–Newton split has no page"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_code_2_and_the_users_text(case: str) -> None:
    arguments, expected = BAD[case]
    done = derive(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr
    assert all(part in done.stderr for part in expected), done.stderr
    assert "\x1b" not in done.stderr


USAGE = {
    "no command": ["nothing"],
    "no variable": ["derive", "x", "--shape", "x=n"],
    "no shape": ["derive", "x", "--wrt", "x", "--shape", "x"],
    "a shape twice": ["derive", "x", "--wrt", "x", "--shape", "x=n", "--shape", "x=m"],
    "unknown kind": ["derive", *TANH, "--kind", "integral"],
    "order of a gradient": ["derive", *TANH, "--kind", "gradient", "--order", "2"],
    "order 0": ["derive", *TANH, "--order", "0"],
    "vec of a gradient": ["derive", *TANH, "--kind", "gradient", "--vec"],
    "split of a gradient": ["derive", *LOSS, "--kind", "gradient", "--at", "u"],
    "unknown table": ["list", "integrals"],
    "one side": ["prove", "x"],
}


@pytest.mark.parametrize("case", USAGE)
def test_bad_usage_ends_with_code_2(case: str) -> None:
    done = run(*USAGE[case])
    assert done.exit_code == 2
    assert "Usage: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["(" * 200_000, "x" * 200_000, "x+" * 5_000 + "x", "-" * 90_000 + "x", "x.T" + ".T" * 5_000])
def test_long_text_ends_in_an_answer_or_an_error(text: str) -> None:
    done = derive("-", "--wrt", "x", "--shape", "x=n", "--no-verify", stdin=text)
    assert done.exit_code in (0, 2), done.stderr[:500]
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 2000
    if done.exit_code == 2:
        assert text[:10] in done.stderr


def test_more_input_than_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "LONGEST_INPUT", 100)
    done = derive("-", "--wrt", "x", "--shape", "x=n", stdin="x" * 2_000_000)
    assert done.exit_code == 2
    assert "standard input has more than" in done.stderr
    done = CliRunner().invoke(main, ["derive", "-", "--wrt", "x"], input=b"\xff\xfe")
    assert done.exit_code == 2
    assert "isn't text in UTF-8" in done.stderr


def test_prove_with_sides_that_dont_fit() -> None:
    done = run("prove", "A @ B", "A", "--shape", "A=n m", "--shape", "B=m p")
    assert done.exit_code == 2
    assert "n×p and n×m" in done.stderr
    assert "    A @ B = A" in done.stderr


@pytest.mark.parametrize("text", ["", "{", "3", "[" * 100_000])
def test_check_of_what_isnt_a_derivation(text: str) -> None:
    done = run("check", "-", stdin=text)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")


def test_check_of_a_missing_file() -> None:
    done = run("check", "/no/such/file")
    assert (done.exit_code, done.stderr) == (2, "Error: '/no/such/file' can't be read: No such file or directory\n")


def test_missing_and_misshapen_arrays() -> None:
    """Numbers come in where the function is called: its errors are of the tree."""
    function = sd.jacobian("tanh(W @ h)", "h", W="o n", h="n").numpy()
    with pytest.raises(sd.EvaluationError, match="W"):
        function(h=[1.0])
    with pytest.raises(sd.ShapeError):
        function(W=[[1.0, 2.0]], h=[1.0, 2.0, 3.0])


# ---------------------------------------------------------------- what goes wrong inside
def test_an_error_of_ours_is_told_without_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **options: Any) -> Any:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("symderiv.api.parse", broken)
    done = derive(*TANH)
    assert done.exit_code == 70
    assert done.stderr.startswith("internal error: ZeroDivisionError: of ours\n")
    assert "Please report it" in done.stderr
    assert "Traceback" not in done.stderr
    monkeypatch.setenv("SYMDERIV_DEBUG", "1")
    assert "Traceback" in derive(*TANH).stderr


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (MemoryError(), 2), (OSError(28, "No space left"), 2)])
def test_other_ends(error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **options: Any) -> Any:
        raise error

    monkeypatch.setattr("symderiv.api.parse", broken)
    done = derive(*TANH)
    assert done.exit_code == code
    assert "Traceback" not in done.stderr


@contextmanager
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def forever(*args: Any, **options: Any) -> Any:
        while True:
            with suppress(Exception):  # swallows any error, but not the end of the time
                pass

    monkeypatch.setattr("symderiv.api.parse", forever)
    yield


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer")
def test_the_time_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGALRM)
    with endless(monkeypatch):
        done = derive(*TANH, "--seconds", "0.2")
    assert done.exit_code == 2
    assert "not done within 0.2 seconds" in done.stderr
    assert "    tanh(W @ h)" in done.stderr
    assert "--seconds" in done.stderr
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
