"""``symderiv appendix``: the lemmas of a paper, in LaTeX with labels, and the BibTeX of what they cite."""
from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Write lemmas for the appendix of a paper.")
@click.argument("source", type=click.Path(exists=True, dir_okay=False))
@click.option("--out", metavar="FILE", help="The LaTeX file to write  [default: SOURCE-appendix.tex here]; the BibTeX stands beside it.")
@click.option("--paper", "papers", multiple=True, type=click.Path(exists=True, dir_okay=False), metavar="FILE",
              help="The paper's LaTeX: lemmas are numbered in the order in which it refers to them; may be given several times.")
@click.option("--standalone", is_flag=True, help="A document of its own, rather than one to \\\\input.")
def appendix(source: str, out: str | None, papers: tuple[str, ...], standalone: bool) -> None:
    """Derive the lemmas of SOURCE and write them as one .tex file, with a .bib file of their sources.

    \b
    symderiv appendix paper.py --paper main.tex --out lemmas.tex
    """
    from symderiv.handout.lemma_tex import write
    from symderiv.handout.lemmas import unused
    from symderiv.handout.load import load_appendix
    wanted = Path(out if out is not None else f"{Path(source).stem}-appendix.tex")
    if not wanted.name:
        raise click.UsageError(f"--out {out} is no file.")
    target = wanted.with_suffix(".tex")
    if any(target.resolve() == Path(given).resolve() for given in (source, *papers)):
        raise click.UsageError(f"--out {target} would overwrite what the lemmas are made from; name another file.")
    text = "\n".join(Path(name).read_text(encoding="utf-8", errors="replace") for name in papers)
    found = load_appendix(Path(source))
    made = write(found, source, text, target.stem, standalone)
    target.write_text(made.tex, encoding="utf-8")
    click.echo(str(target))
    if made.bib:
        target.with_suffix(".bib").write_text(made.bib, encoding="utf-8")
        click.echo(str(target.with_suffix(".bib")))
    for label in unused(found, text) if papers else ():
        click.echo(f"note: nothing refers to lem:{label}", err=True)
