"""The command line as tests run it: in this process, or in one of its own."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from symderiv.cli import main

ROOT = Path(__file__).parent.parent
TANH = ["tanh(W @ h)", "--wrt", "h", "--shape", "W=o n", "--shape", "h=n"]
LOSS = ["u = X @ w; sum((u - y)**2)", "--wrt", "w", "--shape", "X=m n", "--shape", "w=n", "--shape", "y=m"]


def run(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, args, input=stdin)


def derive(*args: str, stdin: str | None = None) -> Result:
    return run("derive", *args, stdin=stdin)


def process(*args: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "symderiv", *args], cwd=ROOT, input=stdin, capture_output=True, text=True, check=False,
        encoding="utf-8", env={**os.environ, **env}, timeout=120,
    )  # fmt: skip
