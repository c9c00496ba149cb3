"""What the site has beyond docs/: the gallery, the reference and the handouts, made when it is built; formulas as MathML."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

import symderiv as sd
from symderiv.gallery.book import files as gallery
from symderiv.handout.mathml import mathml

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
HANDOUTS = Path(os.environ.get("HANDOUTS", ROOT / "build" / "handouts"))
WORKER = ROOT / "build" / "docs-packages" / "node_modules" / "iframe-worker" / "shim" / "index.js"
FORMULA = re.compile(r'<(?P<tag>span|div) class="arithmatex">(?P<text>.*?)</(?P=tag)>', re.DOTALL)
OUTSIDE = re.compile(r"\[([^\]]*)\]\(\.\./(?!trust|gallery)[^)]*\)")
CLASSES = ("Derivation", "Expr", "GaussNewton", "Step")
TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
REFERENCE = """# What Python offers

`import symderiv as sd` offers these names, and a module for each activation and loss of the [gallery](../gallery/activations.md)
(`sd.Linear`, `sd.Tanh`, `sd.CrossEntropy`, …). Every example on this page is run by the tests.
"""
SHEETS = """# Handouts

Each of these pages was made from a source in `derivations/` by `symderiv handout`. Each line was proved or checked when
the page was built. They stand alone: one file, no script, nothing loaded.
"""


def on_files(files: Files, config: Any) -> Files:
    """Adds what is made by the engine."""
    made: dict[str, str | bytes] = {f"gallery/{name}": text for name, text in gallery().items()}
    made["reference/api.md"] = REFERENCE + "".join(map(_directive, _operators()))
    made["assets/site.css"] = (HERE / "site.css").read_text(encoding="utf-8")
    made["assets/iframe-worker.js"] = WORKER.read_text(encoding="utf-8")
    sheets = sorted(HANDOUTS.glob("*.html"))
    if not sheets:
        raise SystemExit("there are no handouts to show: make handouts")
    made |= {f"handouts/{sheet.name}": sheet.read_bytes() for sheet in sheets}
    made["handouts/index.md"] = SHEETS + "\n" + "\n".join(f"- [{_title(sheet)}]({sheet.name})" for sheet in sheets) + "\n"
    for name, content in made.items():
        files.append(File.generated(config, name, content=content, inclusion=InclusionLevel.INCLUDED))
    return files


def _operators() -> list[str]:
    """The public names: functions first, then classes, then errors."""
    return sorted(sd.__all__, key=lambda name: (name.endswith("Error"), name[0].isupper(), name))


def _directive(name: str) -> str:
    members = "    options: {members: true}\n" if name in CLASSES else ""
    return f"\n::: symderiv.{sd._HOME[name]}.{name}\n{members}"


def _title(sheet: Path) -> str:
    found = TITLE.search(sheet.read_text(encoding="utf-8"))
    return html.unescape(found[1]).strip() if found else sheet.stem


def on_page_markdown(text: str, **_: Any) -> str:
    """A link to a file of the repository that isn't of the site becomes its text."""
    return OUTSIDE.sub(r"\1", text)


def on_page_content(html_text: str, **_: Any) -> str:
    """Sets the formulas."""
    return FORMULA.sub(_formula, html_text)


def _formula(found: re.Match[str]) -> str:
    display = found["tag"] == "div"
    made = mathml(html.unescape(found["text"]).strip()[2:-2].strip(), display)
    return f'<div class="formula">{made}</div>' if display else made
