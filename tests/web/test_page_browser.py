"""The page as a person uses it, in headless Chromium: type, see, copy, break; by keyboard; on a phone; hostile input."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Iterator

import pytest

from tests.web.page_process import Server, serving

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync"
).split()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium isn't installed")
sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(params=[1280, 400])
def page(request: pytest.FixtureRequest, server: Server, browser: sync_api.Browser) -> Iterator[sync_api.Page]:
    """A page that is ready; whatever it says on the console, or asks of another host, fails the test."""
    context = browser.new_context(viewport={"width": request.param, "height": 800},
                                  permissions=["clipboard-read", "clipboard-write"])  # fmt: skip
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    opened.on("request", lambda asked: asked.url.startswith(server.address) or said.append(asked.url))
    opened.goto(server.address)
    opened.wait_for_selector("html[data-ready]")
    yield opened
    assert said == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= request.param
    context.close()


def derive(page: sync_api.Page, text: str, by: str) -> None:
    page.get_by_label("Formula").fill(text)
    page.wait_for_function("names => names.every(n => [...document.querySelectorAll('#variables input')].some(i => i.value === n))",
                           arg=[by])  # fmt: skip
    for box in page.locator("#variables input").all():
        box.set_checked(box.get_attribute("value") == by)
    page.get_by_role("button", name="Derive").click()


def test_type_see_and_copy(page: sync_api.Page) -> None:
    derive(page, "sum((X @ w - y)**2)", "w")
    page.get_by_role("heading", name="Gradient by w").wait_for()
    assert page.locator(".result math").count() >= 1
    page.locator(".check", has_text="Checked").wait_for()
    for name, wanted in (("LaTeX", r"2\,X^\top(X w-y)"), ("NumPy", "def gradient("), ("SymPy", "from sympy import *"),
                         ("Markdown", "$$")):  # fmt: skip
        button = page.get_by_role("button", name=f"Copy {name}", exact=True)
        page.wait_for_function("b => !b.disabled", arg=button.element_handle())
        button.click()
        page.wait_for_function("b => b.textContent === 'Copied'", arg=button.element_handle())
        assert wanted in page.evaluate("navigator.clipboard.readText()")


TORN = """() => [...document.querySelectorAll("#answer math")].map(m => m.textContent).filter(text =>
  ["()", "[]"].some(([a, b]) => text.split(a).length !== text.split(b).length))"""
WIDER = """() => [...document.querySelectorAll("#answer :is(.rhs, .result > span)")].filter(box => box.scrollWidth > box.clientWidth + 1)
  .map(box => getComputedStyle(box).overflowX)"""
CUT = """() => [...document.querySelectorAll("#answer math")].filter(m => m.getBoundingClientRect().right > innerWidth &&
  !m.closest(".rhs, .result > span, .law, .inline, .lhs.long, .wide, li > span"))"""


def test_a_long_formula_is_whole_within_brackets_and_scrolls_in_its_box(page: sync_api.Page) -> None:
    page.get_by_label("Formula").fill("u = W2 @ tanh(W1 @ x)\n-y @ log_softmax(u)")
    page.get_by_label("Find").select_option("hessian")
    derive(page, page.get_by_label("Formula").input_value(), "x")
    page.get_by_role("heading", name="Hessian by x").wait_for()
    page.locator(".check", has_text="Checked").wait_for()
    page.evaluate("document.querySelectorAll('#answer details').forEach(d => d.open = true)")
    assert page.evaluate(TORN) == []
    boxes = page.evaluate(WIDER)
    assert boxes and set(boxes) == {"auto"}
    assert page.evaluate(CUT) == []


def test_the_steps_unfold(page: sync_api.Page) -> None:
    derive(page, "logsumexp(A @ x)", "x")
    steps = page.locator("#answer details")
    steps.first.wait_for()
    page.locator(".check", has_text="Checked").wait_for()  # the last thing to be written below the steps
    folded = page.locator("#answer details:not([open])")
    count = folded.count()
    assert count
    folded.first.locator("summary").click()
    sync_api.expect(page.locator("#answer details:not([open])")).to_have_count(count - 1)


def test_a_link_gives_the_same_answer(page: sync_api.Page) -> None:
    derive(page, "tanh(W @ h + b)", "h")
    page.get_by_role("heading", name="Jacobian by h").wait_for()
    shown = page.locator("#answer .result").inner_text()
    address = page.url
    assert "#" in address
    page.goto("about:blank")
    page.goto(address)
    page.get_by_role("heading", name="Jacobian by h").wait_for()
    assert page.locator("#answer .result").inner_text() == shown


def test_a_broken_formula_shows_where(page: sync_api.Page) -> None:
    page.get_by_label("Formula").fill("softmax(W @ h + b")
    alert = page.get_by_role("alert")
    page.wait_for_function("() => document.querySelector('[role=alert]').textContent.includes('never closed')")
    assert "^" in alert.inner_text()
    derive(page, "softmax(W @ h + b)", "h")
    page.get_by_role("heading", name="Jacobian by h").wait_for()
    assert alert.inner_text() == ""


def test_a_typo_in_a_function_leaves_the_shapes_alone(page: sync_api.Page) -> None:
    page.get_by_label("Formula").fill("tanh(W @ h)")
    page.wait_for_function("() => document.querySelector('#shape-W')?.value === 'o n'")
    page.get_by_label("Formula").fill("tahn(W @ h + d)")
    page.wait_for_function("() => document.querySelector('[role=alert]').textContent.includes(\"did you mean 'tanh'\")")
    assert page.locator("#shape-W").input_value() == "o n" and page.locator("#shape-h").input_value() == "n"
    assert page.locator("#how-W").inner_text() == "? usual for this name; change it if wrong"
    assert page.locator("#how-d").inner_text() == "… proposed once the formula can be read"
    page.get_by_label("Formula").fill("tanh(W @ h + d)")
    page.wait_for_function("() => document.querySelector('#how-d').textContent.includes('usual')")


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "x + '</script><script>alert(1)</script>'", "__import__('os')",
                                  r"\input{/etc/passwd}", "x" * 200_000])  # fmt: skip
def test_hostile_input_is_a_message(page: sync_api.Page, text: str) -> None:
    page.get_by_label("Formula").fill(text)
    page.wait_for_function("() => document.querySelector('[role=alert]').textContent.length > 0")
    assert page.locator("#problem img, #answer img, #problem script").count() == 0
    derive(page, "x @ x", "x")
    page.get_by_role("heading", name="Gradient by x").wait_for()


def test_by_keyboard_alone(page: sync_api.Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "text":
            break
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.press("Control+A")
    page.keyboard.type("x @ A @ x")
    page.wait_for_selector("#variables input[value=A]")
    page.keyboard.press("Control+Enter")
    page.locator("#answer .result").wait_for()


def test_every_field_has_a_name_and_every_kind_an_answer(page: sync_api.Page) -> None:
    unnamed = page.evaluate("""[...document.querySelectorAll("input:not([type=hidden]), textarea, select, button")]
        .filter(e => !(e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim() || e.getAttribute("aria-labelledby")))
        .map(e => e.outerHTML)""")
    assert unnamed == []
    headings = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert headings[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(headings))


def test_an_example_is_a_click_away(page: sync_api.Page) -> None:
    links = page.locator("#examples a")
    assert links.count() > 10
    links.filter(has_text=re.compile("Softmax cross-entropy")).click()
    page.locator("#answer .result").wait_for()
    page.locator(".check", has_text="Checked").wait_for()
