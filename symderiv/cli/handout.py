"""``symderiv handout``: from sources to pages."""
from __future__ import annotations

import click


@click.command(short_help="Build handouts from their sources.")
@click.argument("sources", nargs=-1, required=True)
@click.option("--out", metavar="DIR", default="build/handouts", show_default=True, help="Where the pages go.")
@click.option("--lecturer", metavar="DIR", help="Build them with the solutions of exercises too, into a directory of their own.")
@click.option("--formats", default="html,tex,markdown,pdf", show_default=True, metavar="LIST", help="Which, with commas between.")
@click.option("--variants", type=click.IntRange(1, 999), default=1, show_default=True, metavar="N",
              help="Of sheets with drawn numbers.")
def handout(sources: tuple[str, ...], out: str, lecturer: str | None, formats: str, variants: int) -> int:
    """Build the handouts in SOURCES (files or directories) into DIR: the students' copy, without solutions."""
    wanted = [form.strip() for form in formats.split(",") if form.strip()]
    from symderiv.handout.build import main_build
    return main_build(sources, out, wanted, lecturer, variants)
