"""``symderiv card``: what the tables know, on one page."""
from __future__ import annotations

from pathlib import Path

import click

from symderiv.cli.frame import DONE, FAILED, put, with_limit, work
from symderiv.errors import SymderivError
from symderiv.handout.model import Page

ENDINGS = {".txt": "text", ".md": "markdown", ".tex": "latex", ".html": "html", ".pdf": "pdf"}
WRITERS = {"text": "plain", "markdown": "markdown", "html": "html"}
"""forms that a writer of handouts makes; the others need a sheet of their own"""


@click.command(short_help="A card of all rules, functions and losses, on one page.")
@click.option("--format", "form", type=click.Choice(tuple(ENDINGS.values())),
              help="By default what the ending of --out says, or text; pdf needs --out.")
@click.option("--notation", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A project's notation.toml, to write the card as its handouts are written.")
@click.option("--verify/--no-verify", default=True, show_default=True, help="Check every derivative on random numbers.")
@with_limit
@click.option("--out", metavar="FILE", help="Write to a file.")
def card(form: str | None, notation: Path | None, verify: bool, seconds: float, out: str | None) -> int:
    """Write the card: rules, identities, and every elementwise function, function of arrays and loss with its derivative.

    \b
    symderiv card --out card.pdf
    """
    form = form or (ENDINGS.get(Path(out).suffix, "text") if out else "text")
    if form == "pdf" and out is None:
        raise click.UsageError("a PDF isn't for the terminal; say where it goes, as in --out card.pdf")
    with work("deriving", seconds):
        page, ok = _made(notation, verify)
        if form == "pdf":
            from symderiv.handout.pdf import pdf
            assert out is not None
            report = pdf(_text("latex", page), out)
            if report.path is None:
                raise SymderivError(report.advice, hint="without it: --format latex, html or markdown")
        else:
            put(_text(form, page), out)
    return DONE if ok else FAILED


def _made(notation: Path | None, verify: bool) -> tuple[Page, bool]:
    """The card, and whether every check holds."""
    from symderiv.gallery import rule_card
    from symderiv.handout.respell import Spelling, respelled, spelling_in
    from symderiv.render.notation import using
    spelling = Spelling() if notation is None else spelling_in(notation)
    with using(spelling.notation):
        groups = rule_card.groups()
        checked = rule_card.check(groups) if verify else None
        page = respelled(rule_card.page(groups, checked), spelling)
    return page, checked is None or checked.ok


def _text(form: str, page: Page) -> str:
    if form == "latex":
        from symderiv.handout.onepage import write
        return write(page)
    from symderiv.handout.formats import get
    return get(WRITERS[form]).write(page)
