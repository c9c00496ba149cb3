"""The page as files that any web server can serve: Python itself, symderiv and SymPy run in the reader's browser.

What Python needs comes as one archive, `site.zip`; Pyodide and Temml are taken from their npm packages. The same input
gives the same bytes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from symderiv.errors import SymderivError
from symderiv.web.assets import FILES, asset, page

PACKAGES = {"pyodide": "314.0.7", "temml": "0.13.5"}
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
LIBRARIES = ("symderiv", "sympy", "mpmath")
LEFT_OUT = frozenset({"tests", "__pycache__", "benchmarks", "cli", "torch_models", "front", "writers"})
"""folders that no derivation needs"""
KEPT = frozenset({".py", ".typed", ".css", ".tex"})
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "style-src-attr 'unsafe-inline'; connect-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'"
)
HEAD = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<script src="temml.min.js"></script>'


def build(folder: Path, modules: Path | None = None) -> int:
    """Write the page's files into a folder and give their number of bytes.

    ``modules`` is a ``node_modules`` folder with pyodide and temml; without one npm is asked for them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _packages(modules) as found:
        sources = {name: found / "pyodide" / name.partition("/")[2] for name in (f"pyodide/{file}" for file in PYODIDE)}
        sources["temml.min.js"] = found / "temml" / "dist" / "temml.min.js"
        missing = [str(path) for path in sources.values() if not path.is_file()]
        if missing:
            raise SymderivError(f"{missing[0]} isn't there", hint=f"npm install {wanted()}")
        (folder / "pyodide").mkdir(exist_ok=True)
        for name, path in sources.items():
            shutil.copyfile(path, folder / name)
    for name in FILES:
        if name != "engine-server.js":
            (folder / name).write_bytes(asset(name))
    (folder / "index.html").write_text(page("browser", HEAD), encoding="utf-8")
    archive(folder / "site.zip")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def wanted() -> str:
    """The npm packages with their versions, as npm takes them."""
    return " ".join(f"{name}@{version}" for name, version in PACKAGES.items())


@contextmanager
def _packages(modules: Path | None) -> Iterator[Path]:
    """A folder with the npm packages."""
    if modules is not None:
        yield modules
        return
    npm = shutil.which("npm")
    if npm is None:
        hint = f"install Node.js, or give --modules DIR with {wanted()}"
        raise SymderivError("npm isn't there, which brings Python for the browser", hint=hint)
    with tempfile.TemporaryDirectory() as made:
        options = ("--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", made)
        done = subprocess.run([npm, "install", *options, *wanted().split()], capture_output=True, text=True, check=False, cwd=made)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["npm failed"])[-1]
            raise SymderivError(f"npm can't fetch {wanted()}: {last}", hint="is there a network?")
        yield Path(made) / "node_modules"


# ---------------------------------------------------------------- the archive
def archive(path: Path) -> None:
    """symderiv, SymPy and mpmath, without their tests, as one zip archive with the same bytes each time."""
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=9) as made:
        for library in LIBRARIES:
            root = _root(library)
            for file in sorted(root.rglob("*")):
                inside = file.relative_to(root)
                if file.suffix in KEPT and not LEFT_OUT & set(inside.parts[:-1]):
                    info = ZipInfo(f"{library}/{inside.as_posix()}", (2020, 1, 1, 0, 0, 0))
                    info.compress_type, info.external_attr = ZIP_DEFLATED, 0o644 << 16
                    made.writestr(info, file.read_bytes())


def _root(library: str) -> Path:
    found = find_spec(library)
    if found is None or not found.submodule_search_locations:
        raise SymderivError(f"{library} isn't installed for {sys.executable}", hint=f"pip install {library}")
    return Path(next(iter(found.submodule_search_locations)))


__all__ = ["PACKAGES", "archive", "build", "wanted"]
