"""The command line: what it prints, where to, and how it ends."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import symderiv as sd
from symderiv.functions import SCALAR
from symderiv.losses import LOSSES
from symderiv.rules import RULES
from tests.command import LOSS, ROOT, TANH, derive, process, run


# ---------------------------------------------------------------- derive
def test_a_derivation_as_text_ends_in_the_line_of_its_check() -> None:
    done = derive(*TANH)
    assert done.exit_code == 0
    assert done.stderr == ""
    steps = sd.jacobian("tanh(W @ h)", "h", W="o n", h="n").text()
    assert done.stdout.startswith(steps + "\n\ncheck: 20 draws · seed 0 · sizes n=2, o=3")


def test_a_stretched_vector_is_told_and_nothing_else() -> None:
    shapes = ("--wrt", "x", "--shape", "A=m n", "--shape", "x=n", "--shape", "y=n", "--no-verify")
    note = "note: A * x multiplies entry by entry, each row of A by x; the matrix product is A @ x\n"
    assert derive("A * x", *shapes).stdout.endswith("\n\n" + note)
    assert derive("z = A * x; sum(z) + sum(A * x)", *shapes).stdout.count("note:") == 1
    for text in ("A @ x", "x * y", "2 * x", "lambda x: x * y"):
        assert "note:" not in derive(text, *shapes).output
    assert "note:" not in derive("A * x", *shapes, "--format", "latex").output


def test_a_scalar_gives_its_gradient() -> None:
    assert "2 Xᵀ (u − y)" in derive(*LOSS, "--no-verify").stdout


@pytest.mark.parametrize(
    ("options", "made"),
    [
        (["--kind", "hessian"], lambda: sd.hessian("sum(x**3)", "x", x="n")),
        (["--kind", "jacobian"], lambda: sd.jacobian("sum(x**3)", "x", x="n")),
        (["--kind", "derivative", "--order", "3"], lambda: sd.derivative("sum(x**3)", "x", order=3, x="n")),
        (["--order", "1"], lambda: sd.derivative("sum(x**3)", "x", order=1, x="n")),
    ],
)
def test_kinds(options: list[str], made: Callable[[], Any]) -> None:
    done = derive("sum(x**3)", "--wrt", "x", "--shape", "x=n", "--no-verify", *options)
    assert (done.exit_code, done.stdout) == (0, made().text() + "\n")


def test_several_variables_vec_and_structure() -> None:
    several = derive("y @ (W @ x)", *"--wrt W --wrt x --shape y=o --shape x=n --no-verify".split(), "--shape", "W=o n")
    assert several.stdout == sd.gradient("y @ (W @ x)", ["W", "x"], y="o", W="o n", x="n").text() + "\n"
    vec = derive("A @ X", "--wrt", "X", "--shape", "A=m n", "--shape", "X=n p", "--vec", "--format", "json")
    assert json.loads(vec.stdout)["derivations"][0]["vec"] is True
    structured = derive("logdet(A)", "--wrt", "A", "--shape", "A=n n", "--assume", "pd(A)", "--structured")
    assert structured.exit_code == 0
    assert "assuming: pd(A)" in structured.stdout


@pytest.mark.parametrize("notation", ["matrix", "index", "differential"])
@pytest.mark.parametrize("form", ["text", "latex", "markdown"])
def test_notations_and_formats(form: str, notation: str) -> None:
    done = derive(*TANH, "--format", form, "--notation", notation, "--detail", "full", "--no-verify")
    derivation = sd.jacobian("tanh(W @ h)", "h", W="o n", h="n")
    assert done.stdout.rstrip("\n") == getattr(derivation, form)(notation, "full").rstrip("\n")


@pytest.mark.parametrize("form", ["latex", "json", "numpy", "sympy"])
def test_the_check_of_machine_formats_goes_to_standard_error(form: str) -> None:
    done = derive(*TANH, "--format", form)
    assert done.exit_code == 0
    assert "check" not in done.stdout
    assert done.stderr.startswith("check: 20 draws")


def test_numpy_source_runs() -> None:
    source = derive(*TANH, "--format", "numpy").stdout
    made: dict[str, Any] = {}
    exec(source, made)
    assert made["jacobian"](W=[[1.0, 2.0], [0.0, 1.0], [3.0, 0.0]], h=[0.0, 0.0]).tolist() == [[1, 2], [0, 1], [3, 0]]


def test_sympy_source_runs_and_is_the_same_in_every_process() -> None:
    source = derive(*TANH, "--format", "sympy").stdout
    assert process("derive", *TANH, "--format", "sympy").stdout == source
    made: dict[str, Any] = {}
    exec(source, made)
    assert str(made["jacobian"].shape) == "(o, n)"
    assert "OneMatrix" in source


def test_json_is_what_the_method_gives() -> None:
    assert derive(*TANH, "--format", "json").stdout == sd.jacobian("tanh(W @ h)", "h", W="o n", h="n").to_json()


def test_a_split() -> None:
    done = derive(*LOSS, "--at", "u")
    assert done.exit_code == 0
    assert "G = " in done.stdout
    assert "2 Xᵀ X" in done.stdout
    assert "R" in done.stdout
    saved = json.loads(derive(*LOSS, "--at", "u", "--format", "json").stdout)
    assert [entry["part"] for entry in saved["derivations"]] == ["jacobian", "slope", "outer", "G", "R", "H"]
    numpy = derive(*LOSS, "--at", "u", "--format", "numpy").stdout
    assert next(line for line in numpy.splitlines() if line.startswith("def ")).startswith("def G(")


def test_standard_input_and_a_file(tmp_path: Path) -> None:
    program = "z = W @ x\nsum(tanh(z))\n"
    options = ["--wrt", "W", "--shape", "W=o n", "--shape", "x=n"]
    out = tmp_path / "found.txt"
    done = derive("-", *options, "--out", str(out), stdin=program)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("check: ")
    assert out.read_text(encoding="utf-8") == derive("-", *options, stdin=program).stdout
    assert list(tmp_path.iterdir()) == [out]


def test_a_refuted_check_ends_with_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """A derivation made wrong on purpose: the check sees it."""
    wrong = sd.gradient("sum(x**3)", "x", x="n")
    monkeypatch.setattr("symderiv.api.gradient", lambda *args, **options: wrong)
    done = derive("sum(x**2)", "--wrt", "x", "--shape", "x=n")
    assert done.exit_code == 0  # it is right for what it is of
    object.__setattr__(wrong, "subject", sd.parse("sum(x**2)", x="n"))
    done = derive("sum(x**2)", "--wrt", "x", "--shape", "x=n")
    assert done.exit_code == 1
    assert "check: refuted" in done.stdout


def test_what_is_too_large_to_check_is_told_as_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*args: Any, **options: Any) -> Any:
        raise sd.TooLargeError("an array of 10 GB")

    monkeypatch.setattr(sd.Derivation, "verify", too_large)
    done = derive(*TANH)
    assert done.exit_code == 0
    assert "check: not checked: an array of 10 GB" in done.stdout


# ---------------------------------------------------------------- prove, check, list
def test_prove() -> None:
    done = run("prove", "softmax(u + c)", "softmax(u)", "--shape", "u=o", "--shape", "c=")
    assert (done.exit_code, done.stdout.split(":")[0]) == (0, "proved")
    assumed = run("prove", "sum(y)*p", "p", "--shape", "y=o", "--shape", "p=o", "--assume", "sum(y) == 1")
    assert assumed.exit_code == 0
    assert "assuming: sum(y) == 1" in assumed.stdout


def test_prove_refutes_with_a_counterexample() -> None:
    done = run("prove", "A @ B", "B @ A", "--shape", "A=n n", "--shape", "B=n n")
    assert done.exit_code == 1
    assert done.stdout.startswith("refuted: ")
    assert "  A = [[" in done.stdout
    assert "  left side = [[" in done.stdout


def test_a_counterexample_for_modules_is_the_same_every_time() -> None:
    arguments = ["prove", "N(x)", "N(y)", *"--shape x=n --shape y=n --shape".split(), "N=n -> o"]
    done = run(*arguments)
    assert done.exit_code == 1
    assert "  N = a smooth function drawn at random\n" in done.stdout
    assert process(*arguments).stdout == done.stdout


def test_check_of_a_saved_derivation(tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    assert derive(*LOSS, "--format", "json", "--out", str(saved)).exit_code == 0
    done = run("check", str(saved))
    assert done.exit_code == 0
    found = sd.gradient(LOSS[0], "w", X="m n", w="n", y="m")
    assert done.stdout.startswith(f"gradient: {found.subject.text()}, by w: {found.result.text()}\n")
    assert "steps by" in done.stdout
    assert run("check", "-", stdin=saved.read_text(encoding="utf-8")).stdout == done.stdout


def test_check_of_a_changed_derivation(tmp_path: Path) -> None:
    from symderiv.saved import _digest

    text = derive(*LOSS, "--format", "json").stdout
    changed = json.loads(text)
    changed["derivations"][0]["text"] = "u = X @ w; sum((u + y)**2)"
    done = run("check", "-", stdin=json.dumps(changed))
    assert done.exit_code == 2
    assert "changed after it was written" in done.stderr
    done = run("check", "-", stdin=json.dumps({**changed, "digest": _digest(changed)}))
    assert done.exit_code == 1
    assert "doesn't hold: the text says" in done.stdout


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("functions", {*SCALAR, "softmax"}),
        ("activations", {row.name for row in SCALAR.values() if row.module}),
        ("losses", set(LOSSES)),
        ("rules", set(RULES)),
        ("modules", {"Linear", "Softmax", "CrossEntropy", "Tanh"}),
    ],
)
def test_lists(what: str, names: set[str]) -> None:
    rows = json.loads(run("list", what, "--format", "json").stdout)
    assert names <= {row["name"] for row in rows}
    lines = run("list", what).stdout.splitlines()
    assert len(lines) == len(rows) + 1
    assert all(any(name in line for line in lines) for name in names)


def test_handout_passes_its_arguments_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("symderiv.handout.build.main_build", lambda *given: seen.append(given) or 1)
    assert run("handout", "a", "b", "--out", "pages", "--formats", "html, tex").exit_code == 1
    assert seen == [(("a", "b"), "pages", ["html", "tex"], None, 1)]


# ---------------------------------------------------------------- in a process of its own
def test_exit_codes_of_processes() -> None:
    assert process("derive", *TANH, "--no-verify").returncode == 0
    assert process("prove", "x", "2*x", "--shape", "x=n").returncode == 1
    bad = process("derive", "tanh(W @ h", *TANH[1:])
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "Traceback" not in bad.stderr
    assert process("derive").returncode == 2


def test_output_is_the_same_under_every_hash_seed() -> None:
    outputs = {process("derive", *TANH, PYTHONHASHSEED=seed, COLUMNS=seed + "0").stdout for seed in ("1", "2", "13")}
    assert len(outputs) == 1
    assert process("list", "losses", COLUMNS="30").stdout == run("list", "losses").stdout


def test_a_terminal_that_cant_show_a_sign() -> None:
    done = process("derive", *TANH, "--no-verify", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 0
    assert "diag(1" in done.stdout


def test_help_and_version_are_light() -> None:
    program = (
        "import sys\nfrom symderiv.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    code = end.code\n"
        "print(code, sorted({'numpy', 'latexify', 'math_core', 'matplotlib', 'rich'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
    assert "symderiv" in run("--version").stdout
    assert run("--version").exit_code == 0


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_ends_with_code_130() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "symderiv", "derive", "-", *TANH[1:]], cwd=ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONFAULTHANDLER": ""},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    ) as running:  # fmt: skip
        assert running.stdin is not None
        try:
            running.wait(timeout=4)  # it waits for its input
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted" in stderr
    assert "Traceback" not in stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes")
def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "symderiv", "list", "rules"], cwd=ROOT, stdout=write, stderr=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, "")
