r"""Markdown of the gallery's entries: a heading, a list of facts, formulas, code that folds.

>>> print(display([("f(x)", "x^2"), ("f'(x)", r"2\,x")]))
$$
\begin{aligned} f(x) &= x^2 \\ f'(x) &= 2\,x \end{aligned}
$$
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One row's part of a page, and its plot where it has one."""

    name: str
    text: str
    plot: str = ""


@dataclass(frozen=True)
class GalleryPage:
    """A page: its file, its title, a sentence about it, its entries."""

    file: str
    title: str
    about: str
    entries: tuple[Entry, ...]

    @property
    def text(self) -> str:
        """The page as Markdown."""
        return "\n\n".join([f"# {self.title}", self.about, *(entry.text for entry in self.entries)]) + "\n"

    @property
    def plots(self) -> dict[str, str]:
        """The plots by the names of their files."""
        return {plot_file(entry.name): entry.plot for entry in self.entries if entry.plot}


def plot_file(name: str) -> str:
    """The file of a row's plot, beside the page."""
    return f"{name}.svg"


def display(equations: Iterable[tuple[str, str]]) -> str:
    """Equations, one under the other."""
    lines = r" \\ ".join(f"{left} &= {right}" for left, right in equations)
    return f"$$\n\\begin{{aligned}} {lines} \\end{{aligned}}\n$$"


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """What is known, as a list; what isn't has no line.

    >>> facts([("Domain", "all of ℝ"), ("Values", "")])
    '- **Domain**: all of ℝ'
    """
    return "\n".join(f"- **{about}**: {text}" for about, text in rows if text)


def folded(title: str, source: str) -> str:
    """Code that a click opens."""
    lines = [f'??? example "{title}"', "", "    ```python", *(f"    {line}".rstrip() for line in source.splitlines()), "    ```"]
    return "\n".join(lines)


def entry_text(name: str, parts: Sequence[str]) -> str:
    """An entry with its heading, which links can lead to."""
    return "\n\n".join([f"## `{name}` {{ #{name} }}", *filter(None, parts)])
