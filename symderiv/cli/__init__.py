"""The command line: ``symderiv derive | prove | check | list | card | handout | new | appendix | serve``.

Results go to standard output, or to the file of ``--out``; messages go to standard error, progress only where that is a
terminal. The exit codes are in `frame`.
"""
from __future__ import annotations

from typing import Any

import click

from symderiv import __version__, api
from symderiv.cli.appendix import appendix
from symderiv.cli.card import card
from symderiv.cli.derive import derive
from symderiv.cli.frame import (
    DONE,
    FAILED,
    Frame,
    put,
    read_shapes,
    read_text,
    with_draws,
    with_limit,
    with_symbols,
    work,
)
from symderiv.cli.handout import handout, new
from symderiv.cli.page import serve
from symderiv.cli.tables import list_table
from symderiv.errors import clip
from symderiv.saved import LONGEST, from_json


@click.group(cls=Frame, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="symderiv")
def main() -> None:
    """Derivatives of network modules and losses: derived by rules, shown step by step, proved or checked.

    \b
    Exit codes: 0 done; 1 an identity failed or couldn't be decided; 2 bad usage or input;
    70 an internal error; 130 interrupted; 141 the reader of the output went away.
    """


@click.command(short_help="Prove, check or refute that two expressions are equal.")
@click.argument("lhs")
@click.argument("rhs")
@with_symbols
@with_draws
@with_limit
def prove(lhs: str, rhs: str, shapes: tuple[str, ...], assume: tuple[str, ...], trials: int, seed: int, seconds: float) -> int:
    """Prove, check or refute LHS = RHS. Exit code 0 where it is proved or checked, 1 where it isn't.

    \b
    symderiv prove "softmax(u + c)" "softmax(u)" --shape u=o --shape c=""
    """
    declared = read_shapes(shapes)
    with work("proving", seconds, f"{lhs} = {rhs}"):
        verdict = api.prove(lhs, rhs, assume=assume, trials=trials, seed=seed, shapes=declared)
    put("\n".join(_verdict(verdict)), None)
    return DONE if verdict.status in ("proved", "checked") else FAILED


def _verdict(verdict: Any) -> list[str]:
    lines = [f"{verdict.status}: {verdict.reason}"]
    if verdict.assumptions:
        lines.append(f"assuming: {', '.join(verdict.assumptions)}")
    example = verdict.counterexample
    if example is not None:
        lines.append("counterexample:")
        shown = [*((str(getattr(name, "name", name)), example[name]) for name in example),
                 ("left side", example.left), ("right side", example.right)]
        for name, value in shown:
            plain = isinstance(value, int | float) or hasattr(value, "shape")
            first, *rest = (str(value) if plain else "a smooth function drawn at random").split("\n")
            indent = " " * (len(name) + 5)
            lines += [f"  {name} = {first}", *(indent + row for row in rest)]
    return lines


@click.command(short_help="Check a saved derivation again.")
@click.argument("file")
@with_limit
def check(file: str, seconds: float) -> int:
    """Check a derivation saved as JSON: run each step's rule again, without deriving ("-" reads standard input)."""
    text = read_text(file, LONGEST, is_file=True)
    with work("checking", seconds):
        saved = from_json(text)
        report = saved.check()
    lines = []
    for label, part in saved.parts.items():
        by = ", ".join(x.name for x in part.wrt)
        lines.append(f"{label or part.kind}: {part.subject.text()}, by {by}: {_shown(saved.results[label])}")
    lines += [f"note: {note}" for note in report.notes]
    lines += [report.summary()] if report else [f"doesn't hold: {clip(failure, 1000)}" for failure in report.failures]
    put("\n".join(lines), None)
    return DONE if report else FAILED


def _shown(result: Any) -> str:
    if isinstance(result, tuple):
        return f"({', '.join(map(_shown, result))})"
    return str(result.text())


for command in (derive, prove, check, list_table, card, handout, new, appendix, serve):
    main.add_command(command)

__all__ = ["main"]
