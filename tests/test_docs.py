"""The walks of docs/extending.md, followed to the letter on a copy of the package; the tables are up to date."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from symderiv import reference
from symderiv.functions import SCALAR, TENSOR
from symderiv.losses import LOSSES
from symderiv.rules import RULES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SECTION = re.compile(r"^## (?P<title>.*)\n(?P<text>(?:(?!## ).*\n)*)", re.MULTILINE)
BLOCK = re.compile(r"^```(?P<language>diff|python)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^--- .*\n\+\+\+ (?P<path>\S+)\n(?P<lines>(?:(?!--- ).*\n)*)", re.MULTILINE)
RUN = """
import doctest, sys
report = []
test = doctest.DocTestParser().get_doctest(sys.stdin.read(), {}, "walk", "extending.md", 0)
options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
result = doctest.DocTestRunner(optionflags=options).run(test, out=report.append)
import symderiv
print(symderiv.__file__)
sys.exit("".join(report) if result.failed or not result.attempted else 0)
"""


@dataclass(frozen=True)
class Walk:
    """A section of the walks: what it changes, and what it shows then."""

    title: str
    changes: tuple[tuple[str, str], ...]
    shown: str


def walks() -> dict[str, Walk]:
    """The walks of docs/extending.md by their titles."""
    found = {}
    for section in SECTION.finditer((DOCS / "extending.md").read_text(encoding="utf-8")):
        blocks = [(block["language"], block["text"]) for block in BLOCK.finditer(section["text"])]
        changes = [(f["path"], f["lines"]) for kind, text in blocks if kind == "diff" for f in FILE.finditer(text)]
        if changes:
            shown = "".join(text for kind, text in blocks if kind == "python")
            found[section["title"]] = Walk(section["title"], tuple(changes), shown)
    return found


def changed(text: str, lines: str) -> str:
    """A text after a change, which is given as the lines of a diff without line numbers.

    >>> changed("a = 1\\nb = 2\\n", " a = 1\\n-b = 2\\n+b = 3\\n")
    'a = 1\\nb = 3\\n'
    """
    rows = lines.splitlines(keepends=True)
    before = "".join(row[1:] for row in rows if not row.startswith("+"))
    after = "".join(row[1:] for row in rows if not row.startswith("-"))
    start = text.find(before)
    assert start >= 0, f"docs/extending.md changes lines that aren't there:\n{before}"
    end = start + len(before.rstrip("\n")) if before else 0
    assert before.rstrip("\n") not in text[end:] or not before, f"these lines stand there twice:\n{before}"
    return text[:start] + after + text[start + len(before) :]


def copy(folder: Path, walk: Walk) -> Path:
    """A copy of the package after a walk's changes; the folder that it is in."""
    shutil.copytree(ROOT / "symderiv", folder / "symderiv", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "docs").mkdir()
    for path, lines in walk.changes:
        file = folder / path
        file.write_text(changed(file.read_text(encoding="utf-8") if file.exists() else "", lines), encoding="utf-8")
    return folder


def run(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, input=given, capture_output=True, text=True, timeout=240, check=False,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"},
    )  # fmt: skip


def pytest_of(folder: Path, name: str, tests: str) -> subprocess.CompletedProcess[str]:
    """The tests of a table for one row, but for those that need a second statement of it, written by hand."""
    by_hand = "agree_with_the_source or planted_faults"
    return run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", f"{name} and not ({by_hand})", tests)


# ---------------------------------------------------------------- the walks
@pytest.mark.parametrize("walk", walks().values(), ids=lambda walk: walk.title)
def test_a_walk_leads_where_it_says(walk: Walk, tmp_path: Path) -> None:
    done = run(copy(tmp_path, walk), "-c", RUN, given=walk.shown)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "symderiv" / "__init__.py")


@pytest.mark.parametrize(
    ("title", "page", "name", "tests"),
    [
        ("An activation", "functions.md", "squareplus", "tests/test_functions_table.py"),
        ("A loss", "losses.md", "pseudo_huber", "tests/test_losses_table.py"),
        ("A rule", "rules.md", "sine_and_cosine", ""),
    ],
)
def test_what_was_added_has_its_line_and_its_tests(
    title: str, page: str, name: str, tests: str, tmp_path: Path
) -> None:
    copy(tmp_path, walks()[title])
    done = run(tmp_path, "-m", "symderiv.reference", "docs")
    assert done.returncode == 0, done.stderr
    assert f"`{name}`" in (tmp_path / "docs" / page).read_text(encoding="utf-8")
    if tests:
        done = pytest_of(tmp_path, name, tests)
        assert done.returncode == 0, done.stdout + done.stderr
        assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= 3, done.stdout


@pytest.mark.parametrize(
    ("title", "old", "new"),
    [
        ("An activation", 'derivative="squareplus(x)/', 'derivative="x*squareplus(x)/'),
        ("A loss", '"sqrt(1 + (', '"sqrt(2 + ('),
        ("A rule", "[*rest, (c, ones", "[*rest, (2*c, ones"),
        ("An output format", "page.title, ", ""),
    ],
)
def test_a_wrong_row_is_seen(title: str, old: str, new: str, tmp_path: Path) -> None:
    """Planted faults: a wrong derivative, another loss, an untrue rule, a title left out."""
    walk = walks()[title]
    wrong = tuple((path, lines.replace(old, new)) for path, lines in walk.changes)
    assert wrong != walk.changes
    copy(tmp_path, Walk(title, wrong, walk.shown))
    done = run(tmp_path, "-c", RUN, given=walk.shown)
    assert done.returncode != 0


def test_every_walk_is_there() -> None:
    assert set(walks()) == {"An activation", "A loss", "A rule", "An output format"}


def test_a_change_needs_its_place() -> None:
    with pytest.raises(AssertionError, match="aren't there"):
        changed("a\n", " b\n+c\n")
    with pytest.raises(AssertionError, match="twice"):
        changed("a\na\n", " a\n+c\n")


# ---------------------------------------------------------------- the pages
@pytest.mark.parametrize("name", reference.PAGES)
def test_tables_are_up_to_date(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == reference.PAGES[name](DOCS), "run: python -m symderiv.reference docs/"


def test_every_row_has_its_line() -> None:
    pages = {name: made(DOCS) for name, made in reference.PAGES.items()}
    assert not [n for n in (*SCALAR, *TENSOR) if f"| `{n}` |" not in pages["functions.md"]]
    assert not [n for n in LOSSES if f"| `{n}` |" not in pages["losses.md"]]
    assert not [n for n in RULES if f"<br>`{n}` |" not in pages["rules.md"]]


@pytest.mark.parametrize("name", reference.PAGES)
def test_tables_are_tables(name: str) -> None:
    """Each row has the cells of its header, and no cell holds a bar that would end it."""
    tables = re.findall(r"(?:^\|.*\n)+", reference.PAGES[name](DOCS), re.MULTILINE)
    assert tables
    for text in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines()}) == 1, text


@pytest.mark.parametrize("name", RULES)
def test_an_example_is_one(name: str) -> None:
    rule = RULES[name]
    assert (reference.example_of(rule) is None) == (rule.example is None)


def test_the_reference_is_written_once(tmp_path: Path) -> None:
    assert len(reference.write(tmp_path)) == len(reference.PAGES)
    assert reference.write(tmp_path) == []
    assert reference.main([]) == 2
    assert reference.main([str(tmp_path / "missing")]) == 2


def links() -> list[tuple[Path, str]]:
    files = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
    return [(f, target) for f in files for target in re.findall(r"\]\(([^)#\s]+)\)", f.read_text(encoding="utf-8"))]


def test_links_lead_somewhere() -> None:
    broken = [f"{f.name}: {t}" for f, t in links() if "://" not in t and not (f.parent / t).exists()]
    assert links()
    assert not broken


def test_the_file_map_names_what_is_there() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8").partition("## Where things are")[2]
    named = re.findall(r"`([a-z_]+)`", "".join(line.partition(" | ")[0] for line in text.splitlines(keepends=True)))
    package = ROOT / "symderiv"
    missing = [n for n in named if not (package / n).is_dir() and not (package / f"{n}.py").exists()]
    assert len(named) > 30
    assert not missing


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200
