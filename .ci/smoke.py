"""Builds the source package and the wheel, installs the wheel in an empty environment, and uses it as a new user would.

    python .ci/smoke.py [--python python3.13] [--lowest] [--tests FILE ...]

The environment has nothing but the wheel and what it asks for: at the versions of constraints.txt, or, with ``--lowest``,
at the lower bounds that pyproject.toml states. ``--tests`` runs test files of this tree there too (pytest is added).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOWER = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[\w,]+\])?>=([\d.]+)$")
PLUGIN = '''
import numpy as np


def test_identity(check_identity):
    check_identity("trace(A @ B)", "trace(B @ A)", shapes={"A": "m n", "B": "n m"})


def test_gradient(check_gradient):
    check_gradient(lambda w, X: np.sum((X @ w) ** 2), lambda w, X: 2 * X.T @ (X @ w), at={"w": "n", "X": "m n"})


def test_wrong(check_gradient):
    check_gradient(lambda w, X: np.sum((X @ w) ** 2), lambda w, X: X.T @ (X @ w), at={"w": "n", "X": "m n"})
'''


def run(*command: object, cwd: Path, ends: int = 0) -> str:
    """A command's output, both streams; an error where it ends otherwise."""
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=clean, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)  # fmt: skip
    if done.returncode != ends:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}, not {ends}:\n{done.stdout}")
    return done.stdout


def install(python: Path, constraints: Path, *what: object, cwd: Path) -> None:
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", constraints, *what, cwd=cwd)


def must(what: bool, why: str) -> None:
    if not what:
        sys.exit(why)


def build(folder: Path) -> Path:
    """The source package, and the wheel made from it alone; the wheel's path."""
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    [wheel], [source] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    tracked = {p for p in run("git", "ls-files", "symderiv", cwd=ROOT).splitlines() if p}
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    must(inside == tracked, f"the wheel isn't the package: {sorted(inside ^ tracked)}")
    licences = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("LICENSE")]
    must(bool(licences), "the wheel has no licence")
    with tarfile.open(source) as names:
        packed = {name.partition("/")[2] for name in names.getnames()}
    must({"pyproject.toml", "README.md", "LICENSE", *tracked} <= packed, "the source package lacks files")
    return wheel


def lowest(folder: Path) -> Path:
    """A constraints file with the lower bound of everything that the core asks for."""
    bounds = [LOWER.match(text.replace(" ", "")) for text in PROJECT["dependencies"]]
    path = folder / "lowest.txt"
    path.write_text("".join(f"{found[1]}=={found[2]}\n" for found in bounds if found), encoding="utf-8")
    must(all(bounds), "a dependency without a lower bound")
    return path


def use(python: Path, folder: Path) -> None:
    """What a new user does first, in an empty folder."""
    symderiv = python.parent / "symderiv"
    must(PROJECT["version"] in run(symderiv, "--version", cwd=folder), "another version")
    shapes = ("--shape", "X=m n", "--shape", "w=n", "--shape", "y=m")
    shown = run(symderiv, "derive", "sum((X @ w - y)**2)/2", "--wrt", "w", *shapes, cwd=folder)
    must("Xᵀ (X w − y)" in shown and "check: 20 draws" in shown, shown)
    run(symderiv, "prove", "tanh(x)", "2*sigmoid(x) - 1", "--shape", "x=n", cwd=folder, ends=1)
    saved = ("--kind", "hessian", "--shape", "u=o", "--format", "json", "--out", "saved.json")
    run(symderiv, "derive", "logsumexp(u)", "--wrt", "u", *saved, cwd=folder)
    must(json.loads((folder / "saved.json").read_text(encoding="utf-8"))["digest"] != "", "a saved derivation without a digest")
    run(symderiv, "check", "saved.json", cwd=folder)
    run(symderiv, "new", "course", cwd=folder)
    run(symderiv, "handout", "sheets", "--out", "pages", cwd=folder / "course")
    must(any((folder / "course/pages").glob("*.html")), "no pages")
    program = "import symderiv as sd; print(sd.gradient('x @ A @ x', 'x', A='n n', x='n').numpy()(A=[[1., 2.], [0., 1.]], x=[1., 1.]))"
    must("[4. 4.]" in run(python, "-c", program, cwd=folder), "another gradient")
    served = run(symderiv, "serve", cwd=folder, ends=2)
    must("pip install" in served and "symderiv[page]" in served, served)


def test(python: Path, folder: Path, constraints: Path, files: list[str]) -> None:
    """The plugin in an empty repository; then test files of this tree."""
    install(python, constraints, "pytest", "hypothesis", cwd=folder)
    (folder / "test_mine.py").write_text(PLUGIN, encoding="utf-8")
    seen = run(python, "-m", "pytest", "-q", "test_mine.py", cwd=folder, ends=1)
    must("2 passed" in seen and "1 failed" in seen and "times the right one" in seen, seen)
    if files:
        run(python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files, cwd=ROOT)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the empty environment")
    parser.add_argument("--lowest", action="store_true", help="at the lower bounds")
    parser.add_argument("--tests", nargs="*", default=[])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder)
        run(asked.python, "-m", "venv", folder / "empty", cwd=folder)
        python, constraints = folder / "empty/bin/python", lowest(folder) if asked.lowest else ROOT / "constraints.txt"
        install(python, constraints, wheel, cwd=folder)
        (folder / "work").mkdir()
        use(python, folder / "work")
        test(python, folder / "work", constraints, asked.tests)
        versions = "lower bounds" if asked.lowest else "constraints.txt"
        tested = f"; tests pass: {' '.join(asked.tests)}" if asked.tests else ""
        print(f"{wheel.name} on {run(python, '--version', cwd=folder).strip()}, {versions}: works{tested}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
