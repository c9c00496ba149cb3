"""Every code block of the README and of docs/ runs, in order, and prints what it says.

``python`` blocks of one file share their names; those with ``>>>`` are checked as doctests. In ``console`` blocks each
``$ symderiv ...`` line runs, and what follows it is its output. A block after ``<!-- not run: why -->`` is left out.
"""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
FILES = [path for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))] if path.exists()]
BLOCK = re.compile(
    r"^(?P<skip><!-- not run: [^\n]*-->\n+)?"
    r"(?P<indent> *)```(?P<language>python|console)\n(?P<text>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)
COMMAND = re.compile(r"^\$ (symderiv (?:[^\n]*\\\n)*[^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", re.MULTILINE)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A code block, and the line that it starts at."""

    language: str
    text: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a Markdown text that have to run.

    >>> [block.text for block in blocks("```python\\nx = 1\\n```\\n<!-- not run: slow -->\\n```python\\ny\\n```\\n")]
    ['x = 1\\n']
    """
    for found in BLOCK.finditer(text):
        if not found["skip"]:
            code = re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
            yield Block(found["language"], code, text.count("\n", 0, found.start("text")) + 1)


def run_python(block: Block, path: Path, names: dict[str, Any]) -> None:
    """Runs a block; one with prompts has to print what it says."""
    if ">>>" not in block.text:
        exec(compile("\n" * (block.line - 1) + block.text, str(path), "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(block.text, names, path.name, str(path), block.line - 1)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append, clear_globs=False)
    names |= test.globs
    assert not report, "".join(report)


def run_console(block: Block, path: Path, folder: Path) -> None:
    """Runs a block's commands; each has to end well and print what follows it."""
    for command, wanted in COMMAND.findall(block.text):
        words = shlex.split(command.replace("\\\n", " "))[1:]
        start = [sys.executable, "-c", "from symderiv.cli import main; main(prog_name='symderiv')"]
        done = subprocess.run([*start, *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0 or "error" in wanted, f"{path.name}:{block.line}: {command}\n{done.stderr}"
        got = done.stdout + done.stderr
        assert not wanted.strip() or doctest.OutputChecker().check_output(wanted, got, OPTIONS), f"{command}\n{got}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(path.read_text(encoding="utf-8")):
        if block.language == "python":
            run_python(block, path, names)
        else:
            run_console(block, path, tmp_path)


def test_there_is_a_readme_whose_code_runs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [block for block in blocks(text) if block.language == "python"]
    assert {"make handouts", "make test"} <= set(re.findall("make [a-z]+", text))


def test_a_wrong_output_is_seen(tmp_path: Path) -> None:
    """Planted faults."""
    with pytest.raises(AssertionError, match="Expected"):
        run_python(Block("python", ">>> 1 + 1\n3\n", 1), tmp_path, {})
    with pytest.raises(ZeroDivisionError):
        run_python(Block("python", "1 / 0\n", 1), tmp_path, {})
