r"""The body of the LaTeX sheet, for ``\input`` into another document (with ``preamble.tex`` in its head)."""

from __future__ import annotations

from symderiv.handout.model import Page
from symderiv.handout.writers import tex

EXTENSION = ".body.tex"
LABEL = "to include"


def write(page: Page) -> str:
    """The page's body as LaTeX."""
    return tex.write(page, standalone=False)
