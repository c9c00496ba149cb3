"""Checks built handouts: every sheet compiles without a warning, every page reads well on a phone and on a desktop."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from symderiv.handout.pdf import pdf
from symderiv.handout.writers.tex import preamble

WIDTHS = (400, 1280)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --window-size=1400,900 --virtual-time-budget=20000"
).split()
PROBE = """
<script>addEventListener("load", () => {
  document.querySelectorAll("details").forEach(d => d.open = true);
  const page = document.documentElement, formula = document.querySelector("math");
  parent.postMessage({
    key: name, scroll: page.scrollWidth, client: page.clientWidth, text: document.body.innerText.length,
    formulas: document.querySelectorAll("math").length,
    drawn: formula ? formula.getBoundingClientRect().width * formula.getBoundingClientRect().height : 0,
  }, "*");
});</script>
"""
COLLECT = """
<!doctype html><meta charset="utf-8"><pre id="seen">[]</pre>
<script>const seen = [];
addEventListener("message", e => {
  seen.push(e.data); document.getElementById("seen").textContent = JSON.stringify(seen);
});</script>
"""


def main(folder: Path) -> int:
    """Prints what is wrong with the handouts in a folder; 1 if something is."""
    pages, sheets = sorted(folder.rglob("*.html")), sorted(folder.rglob("*.tex"))
    wrong = [] if pages and sheets else [f"no handouts in {folder}"]
    with ThreadPoolExecutor(2) as pool:
        wrong += [line for lines in pool.map(check_sheet, sheets) for line in lines]
    wrong += check_pages(pages) if pages else []
    print(
        "\n".join(wrong) or f"{len(sheets)} sheets compiled without a warning, {len(pages)} pages read at {WIDTHS} px"
    )
    return 1 if wrong else 0


def check_sheet(path: Path) -> list[str]:
    """The warnings of a sheet, or of a fragment put into a document."""
    text = path.read_text(encoding="utf-8")
    if path.name == "preamble.tex":
        return []
    if "\\documentclass" not in text:
        text = f"\\documentclass[11pt]{{article}}\n{preamble()}\\begin{{document}}\n{text}\\end{{document}}\n"
    with tempfile.TemporaryDirectory() as work:
        report = pdf(text, Path(work) / "sheet.pdf")
    return [f"{path}: {line}" for line in (*report.warnings, *filter(None, [report.advice]))]


def check_pages(pages: list[Path]) -> list[str]:
    """What is wrong with pages, each opened at every width, all in one run of the browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return ["no Chromium found; on Debian: apt-get install chromium"]
    wrong = [f"{path}: {problem}" for path in pages for problem in foreign(path.read_text(encoding="utf-8"))]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        frames = []
        for number, path in enumerate(pages):
            (work / f"{number}.html").write_text(path.read_text(encoding="utf-8") + PROBE, encoding="utf-8")
            frames += [
                f'<iframe name="{number}@{width}" src="{number}.html" style="width:{width}px;height:900px"></iframe>'
                for width in WIDTHS
            ]
        start = work / "start.html"
        start.write_text(COLLECT + "\n".join(frames), encoding="utf-8")
        command = [browser, *FLAGS, f"--user-data-dir={work / 'profile'}", "--dump-dom", start.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    seen = {one["key"]: one for one in json.loads(html.unescape(found[1]) if found else "[]")}
    for number, path in enumerate(pages):
        for width in WIDTHS:
            wrong += [f"{path} at {width} px: {problem}" for problem in judge(path, seen.get(f"{number}@{width}"))]
    return wrong


def judge(path: Path, seen: dict[str, float] | None) -> list[str]:
    """What is wrong with a page that was opened."""
    if seen is None:
        return ["the browser never finished loading it"]
    bare = path.stem == "index"
    problems = {
        f"wider than the window ({seen['scroll']} px)": seen["scroll"] > seen["client"],
        "nearly empty": seen["text"] < (20 if bare else 200),
        "no formula": not seen["formulas"] and not bare,
        "its formulas aren't drawn": bool(seen["formulas"]) and not seen["drawn"],
    }
    return [problem for problem, holds in problems.items() if holds]


def foreign(text: str) -> list[str]:
    """What a page would fetch or run."""
    return [
        f"not self-contained: {tag}" for tag in re.findall(r"<(?:script|link|img|iframe|object|embed)\b[^>]*>", text)
    ]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
