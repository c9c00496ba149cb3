"""docs/benchmarks.md from what was measured."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import plot, prose
from benchmarks.deriving import FORMULAS
from benchmarks.workloads import BY_KEY, size_text

LARGE, TINY = 1.1, 1.3
"""at most this many times the expert form's time: where a size is 100 or more, and where none is"""


@dataclass
class Group:
    """The seconds of every implementation at one size of one workload."""

    key: str
    sizes: dict[str, int]
    warm: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    fresh: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def of(self, implementation: str) -> float:
        return median(self.warm[implementation])

    def best(self, kind: str) -> tuple[str, float] | None:
        """The fastest variant of expert, jax or torch, and its time."""
        found = [(name, self.of(name)) for name in self.warm if name.startswith(kind + ":")]
        return min(found, key=lambda pair: pair[1]) if found else None

    @property
    def ratio(self) -> float:
        """Ours to the expert's."""
        best = self.best("expert")
        assert best
        return self.of("ours") / best[1]

    @property
    def ratio_fresh(self) -> float | None:
        best = min((median(v) for k, v in self.fresh.items() if k.startswith("expert:") and v), default=None)
        return median(self.fresh["ours"]) / best if best and self.fresh["ours"] else None

    @property
    def limit(self) -> float:
        return LARGE if max(self.sizes.values()) >= 100 else TINY

    def losses(self) -> list[str]:
        """What is missed here, in words."""
        missed = []
        if self.ratio > self.limit:
            missed.append(f"{self.ratio:.2f} × the expert form")
        allowed = {"ahead": 1.0, "level": LARGE}.get(BY_KEY[self.key].goal, 1.0)
        for kind, name in (("jax", "JAX"), ("torch", "PyTorch")):
            best = self.best(kind)
            if best and self.of("ours") > allowed * best[1]:
                missed.append(f"{self.of('ours') / best[1]:.2f} × {name}")
        return missed


def read(file: Path) -> list[Group]:
    """The groups in the order in which they were measured."""
    groups: dict[str, Group] = {}
    for row in json.loads(file.read_text())["benchmarks"]:
        info = row["extra_info"]
        group = groups.setdefault(row["group"], Group(info["workload"], info["sizes"]))
        group.warm[info["implementation"]] += row["stats"].get("data") or [row["stats"]["median"]]
        group.fresh[info["implementation"]] += info["fresh"]
    return list(groups.values())


def seconds(t: float | None) -> str:
    """Three digits with a unit.

    >>> seconds(0.0000123), seconds(1.5), seconds(None)
    ('12.3 µs', '1.50 s', '–')
    """
    if t is None:
        return "–"
    scale, unit = next(((s, u) for s, u in ((1, "s"), (1e-3, "ms")) if t >= s), (1e-6, "µs"))
    return f"{t / scale:.3g} {unit}" if t / scale < 100 and unit != "s" else f"{t / scale:.{0 if unit != 's' else 2}f} {unit}"


def times(t: float | None, digits: int = 2) -> str:
    return "–" if t is None else f"{t:.{digits}f}" if t < 10 else f"{t:,.0f}"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(r) + " |" for r in (head, ["--"] * len(head), *rows)]


def speeds(groups: list[Group]) -> list[str]:
    rows, last = [], ""
    for g in groups:
        title = f"**{g.key}** {BY_KEY[g.key].title}" if g.key != last else ""
        last = g.key
        peers = [(b[1] / g.of("ours")) if (b := g.best(kind)) else None for kind in ("jax", "torch")]
        mark = " ✗" if g.losses() else ""
        rows.append([title, size_text(g.sizes), seconds(g.of("ours")), times(g.ratio), times(g.ratio_fresh),
                     *map(times, peers), mark.strip()])
    return table(["workload", "sizes", "ours", "÷ expert", "÷ expert, fresh", "JAX ÷ ours", "PyTorch ÷ ours", ""], rows)


def losses(groups: list[Group]) -> list[str]:
    rows = [f"- **{g.key}**, {size_text(g.sizes)}: {', '.join(lost)}. {reason(g, lost)}" for g in groups if (lost := g.losses())]
    return rows or ["None in this run."]


def reason(group: Group, lost: list[str]) -> str:
    """Why this was lost."""
    if group.limit == TINY and not any("expert" in x for x in lost):
        return prose.TINY
    return prose.REASONS.get(group.key, prose.NEAR)


def first_answers(children: dict[str, Any]) -> list[str]:
    def figure(row: dict[str, Any], kind: str, name: str) -> float | None:
        return (row.get(kind) or {}).get(name)

    rows = []
    for key, row in children.items():
        ours, jax = figure(row, "ours", "first"), figure(row, "jax", "first")
        part = "–" if not ours or not jax else f"{ours / jax:.2f}{' ✗' if ours > jax / 2 else ''}"
        memory = [figure(row, kind, "memory") for kind in ("ours", "expert", "jax", "torch")]
        rows.append([f"**{key}** {BY_KEY[key].title}", *(seconds(figure(row, k, "first")) for k in ("ours", "jax", "torch")),
                     part, size_text(BY_KEY[key].sizes[-1]), *(f"{m / 1e6:.1f}" if m is not None else "–" for m in memory)])
    head = ["workload", "ours", "JAX", "PyTorch", "ours ÷ JAX", "memory at", "ours, MB", "expert", "JAX", "PyTorch"]
    late = [f"- **{row[0].split('**')[1]}**: {prose.FIRST_REASONS.get(row[0].split('**')[1], 'Not explained yet.')}"
            for row in rows if row[4].endswith("✗")]
    return [*table(head, rows), *(["", "Over half of JAX's time:", "", *late] if late else [])]


def two_runs(groups: list[Group], before: list[Group]) -> list[str]:
    """How far the figures of this run and of the one before it differ."""
    old = {(g.key, size_text(g.sizes)): g for g in before}
    pairs = [(g, o) for g in groups if (o := old.get((g.key, size_text(g.sizes))))]
    if len(pairs) < len(groups):
        return []

    def spread(figure: Callable[[Group], float]) -> tuple[float, float, Group]:
        rows = sorted(((max(figure(g), figure(o)) / min(figure(g), figure(o)) - 1, g) for g, o in pairs), key=lambda row: row[0])
        return rows[len(rows) // 2][0], rows[-1][0], rows[-1][1]

    lines = ["", prose.TWO_RUNS, ""]
    for name, figure in (("time of a call", lambda g: g.of("ours")), ("÷ expert", lambda g: g.ratio)):
        middle, most, where = spread(figure)
        at = f"**{where.key}**, {size_text(where.sizes)}"
        lines.append(f"- {name}: {100 * middle:.0f} % in the median, {100 * most:.0f} % at most ({at})")
    missed = [f"**{g.key}**, {size_text(g.sizes)} ({g.ratio:.2f}, {o.ratio:.2f})" for g, o in pairs
              if max(g.ratio / g.limit, o.ratio / o.limit) > 1]
    both = [g for g, o in pairs if min(g.ratio / g.limit, o.ratio / o.limit) > 1]
    said = f"over the expert form's limit in one of the runs: {'; '.join(missed) or 'nothing'}"
    return [*lines, f"- {said}; in both: {len(both)}"]


def deriving(found: dict[str, Any]) -> list[str]:
    entries = found.get("entries", {})
    rows = [[FORMULAS[k][0], seconds(v and v["derive"]), FORMULAS[k][1],
             f"{seconds(e['derive'])}; {e['operations']:,.0f} operations" if (e := entries.get(k)) else "–"]
            for k, v in found["ours"].items()]
    lines = table(["formula", "symderiv", "tensorgrad 0.3.0", "SymPy, entry by entry, every size 2"], rows)
    lines += ["", *table(["SymPy, entry by entry: logistic Hessian", "derive", "lambdify", "a call", "operations"],
                         [[f"n = {n}, m = {2 * int(n)}", *(seconds(v[k]) for k in ("derive", "lambdify", "call")),
                           f"{v['operations']:,.0f}"] for n, v in found["sympy"].items() if v])]
    imports = table(["in a fresh interpreter", "CPU time"], [[f"{k}", seconds(v["import"])] for k, v in found["import"].items() if v])
    return [*lines, "", *imports]


def write(measured: Path, to: Path) -> None:
    """The page and its plot, from the files that a run left in ``measured``."""
    groups = read(measured / "speed.json")
    found = json.loads((measured / "deriving.json").read_text())
    children = json.loads((measured / "children.json").read_text())
    machine = json.loads((measured / "machine.json").read_text())
    setting = json.loads((measured / "setting.json").read_text())
    said = prose.QUICK if setting["quick"] else ""
    if setting.get("load", 0) > 1:
        said += prose.BUSY.format(f"{setting['load']:.0f}", f"{setting['minutes']:.0f}")
    previous = measured / "previous"
    again = (previous / "setting.json").exists() and json.loads((previous / "setting.json").read_text())
    alike = again and all(again[k] == setting[k] for k in ("quick", "passes"))
    plot.draw(groups, found["sympy"], to / "benchmarks.svg")
    page = [
        prose.HEAD, *(f"- {row}" for row in machine), *([said] if said else []), "", prose.SPEED, "",
        *speeds(groups), "", prose.PLOT, "", "## What is lost, and why", "", *losses(groups), "", prose.EXPERTS,
        *(two_runs(groups, read(previous / "speed.json")) if alike else []), "",
        prose.FIRST, "", *first_answers(children), "", prose.DERIVING, "", *deriving(found),
    ]
    (to / "benchmarks.md").write_text("\n".join(page) + "\n", encoding="utf-8")
