"""The built site: every link leads to a page and a place that are there, and nothing is loaded from outside.

``python .ci/check_docs.py build/site``
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
APART = {"canonical", "prev", "next", "alternate"}


class Read(HTMLParser):
    """The places of a page, its links, and what it loads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.places: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.places |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        for wanted, key in LOADED:
            if tag == wanted and key in given and not (tag == "link" and given.get("rel") in APART):
                self.loaded.append(given[key])


def faults(site: Path) -> list[str]:
    """What is wrong, a line each."""
    pages = {}
    for path in sorted(site.rglob("*.html")):
        pages[path] = Read()
        pages[path].feed(path.read_text(encoding="utf-8"))
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme == "data" or (parts.scheme and link in page.links and link not in page.loaded):
                continue
            if parts.scheme or parts.netloc:
                found.append(f"{name}: loads {link}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if name.name == "404.html":
                continue  # served at any address, so its links begin at the root
            if not target.exists():
                found.append(f"{name}: {link} isn't there")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places | {"__skip"}:
                found.append(f"{name}: {link}: no such place")
    return found if pages else [f"no pages in {site}"]


if __name__ == "__main__":
    wrong = faults(Path(sys.argv[1]).resolve())
    print("\n".join(wrong) if wrong else "every link leads somewhere; nothing is loaded from outside")
    sys.exit(bool(wrong))
