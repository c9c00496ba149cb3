"""The page without a server: Python 3.14 in headless Chromium, the network cut; no NumPy, latexify or math-core there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from symderiv.errors import SymderivError
from symderiv.web.examples import EXAMPLES
from symderiv.web.static import LIBRARIES, archive, build
from tests.command import ROOT
from tests.web.static_site import MODULES, serving_files
from tests.web.test_page_browser import ARGUMENTS, CHROMIUM, derive

sync_api = pytest.importorskip("playwright.sync_api")
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"numpy", "scipy", "latexify", "math_core", "opt_einsum", "click", "rich"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
"""
WAIT = 60_000


# ---------------------------------------------------------------- without the libraries
def test_every_example_is_derived_where_numpy_and_the_writers_of_formulas_are_not(tmp_path: Path) -> None:
    program = BLOCKED + (
        "import json\n"
        "from symderiv.web.answers import answer\n"
        "from symderiv.web.examples import EXAMPLES\n"
        "for e in EXAMPLES:\n"
        "    made = answer({'do': 'derive', **e})\n"
        "    numpy = answer({'do': 'copy', 'form': 'numpy', **e}) if 'numpy' in made.get('copies', {}) else None\n"
        "    check = answer({'do': 'check', **e})['block']\n"
        "    print(json.dumps([made, numpy, check]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(EXAMPLES)
    for example, (made, numpy, check) in zip(EXAMPLES, found, strict=True):
        assert made["ok"], (example, made)
        assert any(block["type"] == "result" for block in made["top"])
        assert "mathml" not in json.dumps(made)  # the page makes it, from the LaTeX
        assert (check or {}).get("word") == (None if example.get("kind") == "prove" else "Checked"), (example, check)
        assert numpy is None or "import numpy as np" in numpy["text"]


REFUTED: list[tuple[dict[str, str], str]] = [
    ({"kind": "prove", "text": "softmax(2*u)", "other": "softmax(u)"}, "Refuted"),
    ({"kind": "curvature", "text": "sum(sin(x))", "wrt": "x"}, "Neither"),
    ({"kind": "curvature", "text": "x @ A @ x", "wrt": "x"}, "Neither"),
    ({"kind": "curvature", "text": "trace(X @ B @ X)", "wrt": "X", "assume": "symmetric(X)"}, "Neither"),
    ({"kind": "curvature", "text": "norm(x, 1)*sum(x)", "wrt": "x", "shapes": {"x": "n"}}, "Unknown"),
    ({"kind": "gauss_newton", "text": "u = W @ x\nsum((tanh(u) - y)**2)/2", "wrt": "W", "at": "u"}, "Not certified"),
]


def test_what_is_refuted_is_told_where_numpy_is_not() -> None:
    program = BLOCKED + (
        "import json\n"
        "from symderiv.web.answers import answer\n"
        f"for asked in {[asked for asked, _ in REFUTED]!r}:\n"
        "    print(json.dumps(answer({'do': 'derive', **asked})))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for (asked, word), line in zip(REFUTED, done.stdout.splitlines(), strict=True):
        made = json.loads(line)
        assert made["ok"] and any(block.get("word") == word for block in made["top"]), (asked, made)
        codes = [block["text"] for block in made["top"] if block["type"] == "code"]
        assert len(codes) == {"Refuted": 1, "Neither": 2}.get(word, len(codes))
        if word == "Neither":
            signs = [float(text.rpartition("=")[2]) for text in codes]
            assert signs[0] < 0 < signs[1]


def test_the_archive_is_whole_and_the_same_each_time(tmp_path: Path) -> None:
    archive(tmp_path / "one.zip")
    archive(tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with ZipFile(tmp_path / "one.zip") as made:
        made.extractall(tmp_path / "site")
    program = BLOCKED + (
        f"sys.path[:] = [{str(tmp_path / 'site')!r}, *(p for p in sys.path if 'site-packages' not in p and p)]\n"
        "from symderiv.web.answers import answer\n"
        "print(answer({'do': 'derive', 'text': 'softmax(W @ h)', 'wrt': 'h'})['ok'], sys.modules['sympy'].__file__)\n"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"True {tmp_path}"), done.stderr
    assert {name.partition("/")[0] for name in ZipFile(tmp_path / "one.zip").namelist()} == set(LIBRARIES)


def test_a_folder_without_the_packages_is_told(tmp_path: Path) -> None:
    with pytest.raises(SymderivError, match="pyodide"):
        build(tmp_path / "out", tmp_path)


# ---------------------------------------------------------------- in the browser
@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if CHROMIUM is None or not (MODULES / "pyodide").is_dir():
        pytest.skip("needs Chromium, and the npm packages that `make page` fetches")
    folder = tmp_path_factory.mktemp("site")
    build(folder, MODULES)
    with serving_files(folder) as found:
        yield found


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[sync_api.Page]:
    """The page on a phone; a request to another host is cut off and fails the test, as does what the console says."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        context = browser.new_context(viewport={"width": 400, "height": 800}, permissions=["clipboard-read", "clipboard-write"])
        said: list[str] = []

        def local(route: Any) -> None:
            if route.request.url.startswith(address):
                route.continue_()
            else:
                said.append(route.request.url)
                route.abort()

        context.route("**/*", local)
        opened = context.new_page()
        opened.set_default_timeout(WAIT)
        opened.on("console", lambda message: said.append(f"{message.text} {message.location}"))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        opened.goto(address)
        opened.wait_for_selector("html[data-ready]")
        yield opened
        assert [text for text in said if "icon.svg" not in text] == []  # asked for again where the network is off
        context.close()
        browser.close()


def test_python_in_the_browser_derives_and_shows(page: sync_api.Page) -> None:
    derive(page, "softmax(W @ h + b)", "h")
    page.get_by_role("heading", name="Jacobian by h").wait_for()
    assert page.locator(".result math").count() >= 1
    assert page.locator("#answer code", has_text="\\").count() == 0  # no formula is left as LaTeX
    assert page.locator("#answer details").count() >= 3
    page.locator(".check", has_text="Checked").wait_for()  # by differences in plain Python
    assert "digits" in page.locator(".check").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_what_is_copied_is_the_same_as_from_the_server(page: sync_api.Page) -> None:
    derive(page, "sum((X @ w - y)**2)", "w")
    page.get_by_role("heading", name="Gradient by w").wait_for()
    for name, wanted in (("LaTeX", r"2\,X^\top(X w-y)"), ("NumPy", "def gradient("), ("SymPy", "from sympy import *"),
                         ("Markdown", "$$")):  # fmt: skip
        button = page.get_by_role("button", name=f"Copy {name}", exact=True)
        page.wait_for_function("b => !b.disabled", arg=button.element_handle())
        button.click()
        page.wait_for_function("b => b.textContent === 'Copied'", arg=button.element_handle())
        assert wanted in page.evaluate("navigator.clipboard.readText()")


def test_a_broken_and_a_hostile_formula_are_messages(page: sync_api.Page) -> None:
    alert = page.get_by_role("alert")
    for text in ("softmax(W @ h + b", "<img src=x onerror=alert(1)>", "__import__('os')", "x" * 200_000):
        page.get_by_label("Formula").fill(text)
        page.wait_for_function("() => document.querySelector('[role=alert]').textContent.length > 0")
        assert page.locator("#problem img, #answer img, #problem script").count() == 0
        derive(page, "x @ x", "x")
        page.get_by_role("heading", name="Gradient by x").wait_for()
        page.wait_for_function("() => document.querySelector('[role=alert]').textContent === ''")
    assert alert.inner_text() == ""


def test_with_the_network_off_it_goes_on(page: sync_api.Page) -> None:
    page.context.set_offline(True)
    try:
        derive(page, "logsumexp(A @ x)", "x")
        page.get_by_role("heading", name="Gradient by x").wait_for()
    finally:
        page.context.set_offline(False)


def test_an_example_is_a_click_away(page: sync_api.Page) -> None:
    page.locator("#examples a").filter(has_text=re.compile("Log-determinant")).click()
    page.get_by_role("heading", name="Gradient by X").wait_for()
    assert "#" in page.url
