"""What is checked of a derivation before it is printed: it replays, it agrees with numbers, and so does every line.

A line is compared with the one before it by the evaluator, derivatives that aren't taken yet included. Lines in
differential form are the same states, so it is those that are compared.

>>> import symderiv as sd
>>> found = check(sd.jacobian("f(W @ h)", "h", W="o n", h="n", f="elementwise"), trials=2)
>>> found.ok, found.lines
(True, 5)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from symderiv.derive import Derivation
from symderiv.errors import SymderivError
from symderiv.handout.values import error_latex
from symderiv.ir import Expr
from symderiv.present import chapters_of, split_chapters
from symderiv.rules.base import RULES
from symderiv.splits import GaussNewton
from symderiv.tell import Chapter, Line
from symderiv.verify import Report, check_steps

TRIALS, LINE_TRIALS, SEED = 20, 3, 0
Told = Derivation | GaussNewton
Claim = tuple[str, Expr, Expr]


@dataclass(frozen=True)
class Checked:
    """What a check found: the report on the result, how many steps were replayed and how many lines compared."""

    report: Report
    printed: Report | None
    steps: int
    lines: int
    replayed: bool

    @property
    def ok(self) -> bool:
        return self.replayed and bool(self.report) and (self.printed is None or bool(self.printed))

    @property
    def trouble(self) -> str:
        """What went wrong, empty where nothing did."""
        if not self.replayed:
            return "the steps don't replay to the result"
        bad = next((r for r in (self.report, self.printed) if r is not None and not r), None)
        return "" if bad is None else bad.summary()

    def text(self, drawn: str = "") -> str:
        """The line that a page shows."""
        found = self.report
        sizes = ",\\ ".join(f"{atom}={size}" for atom, size in found.sizes.items())
        worst = max(found.worst, 0.0 if self.printed is None else self.printed.worst)
        limit = f"10^{{{round(_log10(found.limit))}}}"
        parts = [
            f"{found.trials} draws", f"seed {found.seed}", *([f"sizes ${sizes}$"] if sizes else []), *([drawn] if drawn else []),
            f"worst relative error ${error_latex(worst)}$ (limit ${limit}$, {found.method})",
            f"{counted(self.steps, 'step')} replayed", f"{counted(self.lines, 'line')} compared",
        ]  # fmt: skip
        return " · ".join(parts)


def _log10(value: float) -> float:
    return float(f"{value:e}".split("e")[1])


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def check(told: Told, trials: int = TRIALS, seed: int = SEED) -> Checked:
    """Replay a derivation, check its result and steps at random points, and compare the lines that are printed of it."""
    claims = line_claims(told)
    printed = check_steps(claims, told.facts, LINE_TRIALS, seed) if claims else None
    return Checked(told.verify(trials=trials, seed=seed), printed, _steps(told), len(claims), replays(told))


def replays(told: Told) -> bool:
    """Whether the steps, run again, give the very result."""
    parts = told.parts if isinstance(told, GaussNewton) else (told,)
    try:
        return all(_same(part.replay(), part.result) for part in parts)
    except SymderivError:
        return False


def _same(a: object, b: object) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return a is b


def _steps(told: Told) -> int:
    if isinstance(told, GaussNewton):
        return len({id(step.fire) for part in told.parts for step in part.steps})
    return len(told.steps)


def line_claims(told: Told, details: Sequence[str] = ("brief", "normal", "full")) -> list[Claim]:
    """(label, line before, line) for every two lines that a page shows as equal, in every detail, each once."""
    found: dict[tuple[Expr, Expr], Claim] = {}
    for detail in details:
        for chapter in _chapters(told, detail):
            states = [chapter.goal, *(line.state for line in chapter.lines)]
            for k, (before, after) in enumerate(pairwise(states)):
                if before is not after and not _changes_space(chapter.lines[k]):
                    found.setdefault((before, after), (f"{chapter.kind}, line {k + 1} ({detail})", before, after))
    return list(found.values())


def _changes_space(line: Line) -> bool:
    """Whether a line goes on to the derivative within a structure, which is another value; ``verify`` compares the result."""
    return any(why.rule in RULES and RULES[why.rule].family == "structure" for why in line.why)


def _chapters(told: Told, detail: str) -> list[Chapter]:
    if isinstance(told, Derivation):
        return chapters_of(told, detail)
    return [*chapters_of(told.H, detail), *split_chapters(told, detail)]


def planted(claims: Sequence[Claim], k: int, change: Callable[[Expr], Expr]) -> list[Claim]:
    """The claims with one line changed, for tests: a check that passes them checks nothing."""
    label, before, after = claims[k]
    return [*claims[:k], (label, before, change(after)), *claims[k + 1 :]]
