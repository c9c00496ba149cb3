"""docs/benchmarks.md from what was measured."""

from __future__ import annotations

import json
from collections import defaultdict
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
    rows = [f"- **{g.key}**, {size_text(g.sizes)}: {', '.join(lost)}. {prose.REASONS.get(g.key, 'Not explained yet.')}"
            for g in groups if (lost := g.losses())]
    return rows or ["None in this run."]


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
    return table(["workload", "ours", "JAX", "PyTorch", "ours ÷ JAX", "memory at", "ours, MB", "expert", "JAX", "PyTorch"], rows)


def deriving(found: dict[str, Any]) -> list[str]:
    rows = [[FORMULAS[k][0], seconds(v and v["derive"]), FORMULAS[k][1]] for k, v in found["ours"].items()]
    lines = table(["formula", "symderiv", "tensorgrad 0.3.0"], rows)
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
    said = prose.QUICK if setting["quick"] else prose.FEWER.format(setting["passes"]) if setting["passes"] < 5 else ""
    plot.draw(groups, found["sympy"], to / "benchmarks.svg")
    page = [
        prose.HEAD, *(f"- {row}" for row in machine), *([said] if said else []), "", prose.SPEED, "",
        *speeds(groups), "", prose.PLOT, "", "## What is lost, and why", "", *losses(groups), "", prose.EXPERTS, "",
        prose.FIRST, "", *first_answers(children), "", prose.DERIVING, "", *deriving(found),
    ]
    (to / "benchmarks.md").write_text("\n".join(page) + "\n", encoding="utf-8")
