"""The plugin in a repository of somebody else: a folder with tests and nothing more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = '''
import numpy as np

def loss(w, X, y):
    return 0.5 * np.sum((X @ w - y) ** 2)

def test_right(check_gradient):
    check_gradient(loss, lambda w, X, y: X.T @ (X @ w - y), at={"w": "n", "X": "m n", "y": "m"})

def test_wrong(check_gradient):
    check_gradient(loss, lambda w, X, y: X.T @ (X @ w + y), at={"w": "n", "X": "m n", "y": "m"})

def test_identity(check_identity):
    assert check_identity("trace(A @ B)", "trace(B @ A)", shapes={"A": "m n", "B": "n m"}).status == "proved"

def test_no_identity(check_identity):
    check_identity("A @ B", "B @ A", shapes={"A": "n n", "B": "n n"})

def test_options(check_jacobian, check_hessian):
    report = check_jacobian(lambda A, x: A @ x, lambda A, x: A, at={"A": "m n", "x": "n"}, wrt="x")
    assert report.points == 7
    assert check_hessian(lambda x: np.sum(x**4), lambda x: np.diag(12 * x**2), at={"x": "n"}, trials=3).points == 3
'''
LIGHT = """
import sys

def pytest_collection_finish(session):
    print("heavy:", sorted({"sympy", "numpy", "latexify", "mpmath"} & sys.modules.keys()))
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    plugin = ["-p", "no:cacheprovider"]  # the checks' own plugin is found by its entry point
    return subprocess.run([sys.executable, "-m", "pytest", *plugin, *arguments], cwd=folder, capture_output=True, text=True,
                          check=False, env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""})  # fmt: skip


def test_fixtures_options_and_messages(tmp_path):
    (tmp_path / "test_mine.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nsymderiv_trials = 7\n")
    done = run(tmp_path)
    assert "2 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    assert "the gradient by w is wrong: first at [0]" in done.stdout
    assert "∇_w f = Xᵀ (X w − y)" in done.stdout
    assert "not an identity: A @ B = B @ A" in done.stdout
    assert "symderiv/testing/gradients.py" not in done.stdout  # the failure is the test's own line
    seeded = run(tmp_path, "--symderiv-seed", "5", "--symderiv-trials", "2", "-k", "options")
    assert "report.points == 7" in seeded.stdout


def test_bad_input_is_shown_at_the_tests_own_line(tmp_path):
    (tmp_path / "test_mine.py").write_text('def test_typo(check_identity):\n    check_identity("trace(A @ B", "1", shapes={"A": "n n"})\n')
    done = run(tmp_path)
    assert "1 failed" in done.stdout and "'(' is never closed (line 1, column 6)" in done.stdout
    assert "symderiv/" not in done.stdout.split("FAILURES")[1], done.stdout


def test_collecting_loads_nothing_heavy(tmp_path):
    (tmp_path / "test_mine.py").write_text("def test_nothing(check_identity):\n    pass\n")
    (tmp_path / "conftest.py").write_text(LIGHT)
    done = run(tmp_path)
    assert "heavy: []" in done.stdout, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_a_broken_option_is_a_usage_error(tmp_path):
    (tmp_path / "test_mine.py").write_text("def test_nothing(check_identity):\n    pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nsymderiv_trials = many\n")
    assert "it takes a whole number" in run(tmp_path).stdout
