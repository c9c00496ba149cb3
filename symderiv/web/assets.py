"""The front end's files, and the one page that holds them together.

>>> sorted(names())[:3]
['app.js', 'draw.js', 'engine-browser.js']
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

FILES = (
    "app.js", "draw.js", "engine-browser.js", "engine-server.js", "engine-worker.js", "form.js", "icon.svg", "link.js",
    "math.js", "page.css", "web.css",
)  # fmt: skip
TYPES = {
    "js": "text/javascript", "mjs": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "html": "text/html",
    "json": "application/json", "wasm": "application/wasm", "zip": "application/zip", "woff2": "font/woff2",
}  # fmt: skip


def names() -> frozenset[str]:
    """The names of the files beside the page."""
    return frozenset(FILES)


@cache
def asset(name: str) -> bytes:
    """A file's bytes; the handouts' style is the page's too."""
    where = files("symderiv.handout") / name if name == "page.css" else files("symderiv.web") / "front" / name
    return where.read_bytes()


def page(engine: str, head: str = "") -> str:
    """The page for an engine, "server" or "browser"; ``head`` is put into its head."""
    text = (files("symderiv.web") / "front" / "index.html").read_text(encoding="utf-8")
    return text.replace("<!--head-->", head).replace('data-engine=""', f'data-engine="{engine}"')


__all__ = ["TYPES", "asset", "names", "page"]
