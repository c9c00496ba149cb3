"""The chain rule of higher order on a page: a term for each partition, proved equal to what the engine derives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symderiv.composite import FaaDiBruno
from symderiv.handout.calls import Call, Place, SourceError, here
from symderiv.handout.checked import SEED, check, counted
from symderiv.handout.model import Block, Check, Code, Line, Prose, Steps, Table
from symderiv.handout.values import error_latex
from symderiv.render.index import index_latex

TRIALS = 5
LETTERS = "ijlmpqrst"


@dataclass(frozen=True)
class Partitions:
    """The chain rule of some order: `symderiv.faa_di_bruno`, with the term of each partition."""

    call: Call
    place: Place


def partitions(order: int, /) -> Partitions:
    """The chain rule of this order, a term for each partition of the directions."""
    return Partitions(Call("faa_di_bruno", (order,), {}, here()), here())


def blocks(item: Partitions, context: Any) -> list[Block]:
    """The formula along one direction, a row for each partition with its term, and what was proved and checked."""
    found: FaaDiBruno = item.call.run()
    if found.status != "proved":
        raise SourceError(item.call.place, f"the sum over partitions is {found.status} only")
    seen = check(found.derivation, trials=TRIALS)
    if not seen.ok:
        raise SourceError(item.call.place, f"the derivation isn't confirmed: {seen.trouble}")
    left, right = found.differential_latex().split(" = ", 1)
    letters = tuple(LETTERS[: found.order])
    rows = tuple(
        (f"${blocks_latex(p)}$", f"${index_latex(term, letters)[0]}$")
        for p, term in zip(found.partitions, found.terms, strict=True)
    )
    entry = rf"\partial^{{{found.order}}}C/" + "".join(rf"\partial w_{x}" for x in letters)
    return [
        Steps("", (Line(left, right),)),
        Prose(f"Entry ${entry}$ is the sum of these {len(rows)} terms, one for each partition of the directions:"),
        Table(("partition", "term"), rows, stack=True),
        Check(f"the engine's derivative, by the product and the chain rule alone, and the sum over all {len(rows)} partitions "
              f"are one expression", word="Proved"),
        Check(f"{TRIALS} draws · seed {SEED} · worst relative error ${error_latex(seen.report.worst)}$ · "
              f"{counted(seen.steps, 'step')} replayed · {counted(seen.lines, 'line')} compared"),
        Code("The call", item.call.code()),
    ]  # fmt: skip


def blocks_latex(partition: tuple[tuple[int, ...], ...]) -> str:
    r"""A partition of the directions, by their letters.

    >>> blocks_latex(((1, 3), (2,)))
    '\\{i\\,l \\mid j\\}'
    """
    shown = [r"\,".join(LETTERS[k - 1] for k in block) for block in partition]
    return r"\{" + r" \mid ".join(shown) + r"\}"


__all__ = ["Partitions", "blocks", "blocks_latex", "partitions"]
