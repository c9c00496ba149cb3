"""The benchmarks' processes, as far as they need nothing but the package: each gives its figures as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **ONE_THREAD, **variables}
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, env=environment, text=True, capture_output=True, check=False)


@pytest.mark.parametrize("kind", ["ours", "expert"])
def test_a_process_measures_from_nothing_to_the_first_answer(kind: str) -> None:
    done = run("benchmarks.child", "5b", kind, "0")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout).keys() == {"import", "first", "memory"}


@pytest.mark.parametrize("what", [("ours", "softmax"), ("entries", "softmax"), ("sympy", "2")])
def test_a_process_measures_a_derivation(what: tuple[str, str]) -> None:
    done = run("benchmarks.deriving", *what)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["derive"] > 0


def test_nothing_is_measured_with_several_threads_or_with_another_machines_kernels() -> None:
    assert "make bench" in run("benchmarks.child", "5b", "expert", "0", OMP_NUM_THREADS="2").stderr
    check = "import os, benchmarks.conftest; print('OPENBLAS_CORETYPE' in os.environ)"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, text=True, capture_output=True, check=True,
                          env={**os.environ, **ONE_THREAD, "OPENBLAS_CORETYPE": "Haswell"})
    assert done.stdout.strip() == "False"
