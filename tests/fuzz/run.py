"""The fuzzer: random programs, derived and checked every way, until a number or a time is reached.

    python -m tests.fuzz.run --programs 2000 --seed 0 --minutes 10 [--report FILE] [--depth 3] [--order 2]

A failure is shrunk, and told as a call to be pasted; the others go on. Exit code 1 where there was one, and where 20,000
programs or more left a rule out. Where JAX is installed, it differentiates the same texts.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from symderiv.rules import RULES
from tests.fuzz.asks import Ask, asks, check_ask
from tests.fuzz.checks import SLOW, Counted, Tally, check
from tests.fuzz.grammar import Program, programs
from tests.fuzz.jax_oracle import oracle

CHUNK = 100
#: In a run of so many programs each rule has to fire.
LONG = 20_000


class Stop(Exception):
    """The time is over."""


def run(count: int, start: int, minutes: float, depth: int, order: int, say: Callable[[str], None] = print) -> tuple[Tally, list[str]]:
    """Fuzz with ``count`` programs; the tally, and the failures as text."""
    tally, jax = Tally(), oracle()

    def judge(program: Program | Ask) -> None:
        if isinstance(program, Ask):
            check_ask(program, tally)
        else:
            check(program, tally, jax)

    mixed = st.integers(0, 4).flatmap(lambda k: programs(depth=depth, order=order) if k else asks())
    return tally, fuzzed(mixed, judge, count, start, minutes, say)


class Told(Protocol):
    """What is drawn: it can say which call it is."""

    def call(self) -> str: ...


def fuzzed(
    drawn: st.SearchStrategy[Any], judge: Callable[[Any], None], count: int, start: int, minutes: float, say: Callable[[str], None] = print
) -> list[str]:
    """Judge ``count`` of what a strategy draws, chunk by chunk; the failures as text, one for each chunk at most."""
    failures: list[str] = []
    until = time.monotonic() + 60 * minutes
    for chunk in range((count + CHUNK - 1) // CHUNK):
        if time.monotonic() > until:
            break
        failure = _chunk(drawn, judge, min(CHUNK, count - chunk * CHUNK), start * 1_000_003 + chunk, until)
        if failure:
            failures.append(failure)
            say(failure)
    return failures


def _chunk(drawn: st.SearchStrategy[Any], judge: Callable[[Any], None], count: int, number: int, until: float) -> str | None:
    last: list[Told] = []
    quiet = settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck),
                     phases=(Phase.generate, Phase.shrink), print_blob=False, report_multiple_bugs=False)  # fmt: skip

    @seed(number)
    @quiet
    @given(drawn)
    def one(program: Any) -> None:
        if time.monotonic() > until:
            raise Stop
        last[:] = [program]
        started = time.process_time()
        judge(program)
        if time.process_time() - started > SLOW:
            raise AssertionError(f"took {time.process_time() - started:.0f} s")

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # random programs overflow; values are compared where they are finite
            one()
    except Stop:
        return None
    except Exception as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "symderiv/" in frame.filename]
        where = "" if isinstance(error, AssertionError) else "".join(traceback.format_list(frames[-4:]))
        return f"--- seed {number}: {type(error).__name__}: {str(error)[:400]}\n{last[0].call()}\n{where}"
    return None


def silent_rules(tally: Tally) -> list[str]:
    """The rules that no program made fire."""
    return sorted(set(RULES) - set(tally.rules))


def report(tally: Tally, failures: list[str], seconds: float, cpu: float) -> str:
    """What was tried, as Markdown."""
    silent = silent_rules(tally)
    lines = [
        f"{tally.programs} programs in {seconds:.0f} s ({cpu:.0f} s of CPU time), {len(failures)} failures.",
        "",
        row("questions", tally.asked),
        row("orders", tally.orders), row("verdicts of verify", tally.verdicts), row("other checks", tally.checks),
        row("kinds of nodes", tally.nodes), row("refused", tally.refused), "",
        f"Rules that fired ({len(tally.rules)} of {len(RULES)}):", row("times", tally.rules),
        "Rules that didn't: " + (", ".join(silent) or "none"), "",
        "Slowest:", *slowest(tally),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def slowest(tally: Counted) -> list[str]:
    return [f"- {seconds:.1f} s: `{call}`" for call, seconds in tally.slowest.items()]


def row(title: str, counted: Counter[Any]) -> str:
    return f"- {title}: " + (", ".join(f"{k} {v}" for k, v in counted.most_common()) or "none")


def options(about: str, depth: int) -> argparse.ArgumentParser:
    """What the command line of either fuzzer takes."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--programs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--depth", type=int, default=depth)
    parser.add_argument("--report", type=Path)
    return parser


def told(text: str, failures: list[str], to: Path | None) -> None:
    """Print a report, and write it with the failures where that is asked for."""
    print(text)
    if to:
        to.write_text(text + "\n".join(["", *failures]), encoding="utf-8")


def main() -> int:
    parser = options(__doc__ or "", 3)
    parser.add_argument("--order", type=int, default=2)
    asked = parser.parse_args()
    started, cpu = time.monotonic(), time.process_time()
    tally, failures = run(asked.programs, asked.seed, asked.minutes, asked.depth, asked.order)
    told(report(tally, failures, time.monotonic() - started, time.process_time() - cpu), failures, asked.report)
    return 1 if failures or (tally.programs >= LONG and silent_rules(tally)) else 0


if __name__ == "__main__":
    sys.exit(main())
