"""``symderiv handout`` and ``symderiv new``: from sources to pages, and a project to begin with."""
from __future__ import annotations

import shlex
from contextlib import suppress

import click


@click.command(short_help="Build handouts from their sources.")
@click.argument("sources", nargs=-1, required=True)
@click.option("--out", metavar="DIR", default="build/handouts", show_default=True, help="Where the pages go.")
@click.option("--lecturer", metavar="DIR", help="Build them with the solutions of exercises too, into a directory of their own.")
@click.option("--formats", default="html,tex,markdown,pdf", show_default=True, metavar="LIST", help="Which, with commas between.")
@click.option("--variants", type=click.IntRange(1, 999), default=1, show_default=True, metavar="N",
              help="Of sheets with drawn numbers.")
@click.option("--watch", is_flag=True, help="Then build again whatever changes, until Ctrl-C.")
def handout(sources: tuple[str, ...], out: str, lecturer: str | None, formats: str, variants: int, watch: bool) -> int:
    """Build the handouts in SOURCES (files or directories) into DIR: the students' copy, without solutions."""
    wanted = [form.strip() for form in formats.split(",") if form.strip()]
    if watch:
        from symderiv.handout.watch import watch as until_interrupted
        with suppress(KeyboardInterrupt):
            until_interrupted(sources, out, wanted, lecturer, variants, click.echo)
        return 0
    from symderiv.handout.build import main_build
    return main_build(sources, out, wanted, lecturer, variants)


@click.command(short_help="Begin a project of handouts.")
@click.argument("folder", metavar="DIR")
def new(folder: str) -> None:
    """Make DIR, a project of handouts that can be built at once: a handout, an exercise sheet, a Makefile.

    \b
    symderiv new course
    """
    from symderiv.handout.newproject import new as write
    for path in write(folder):
        click.echo(str(path))
    there = shlex.quote(click.format_filename(folder))
    click.echo(f"now: cd {there} && symderiv handout sheets --out pages --lecturer pages-with-solutions", err=True)
