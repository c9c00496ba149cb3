"""Growth with the size, on logarithmic axes: ours, the expert's, JAX, PyTorch, SymPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

from benchmarks.workloads import BY_KEY

SHOWN = ("1", "4", "5a", "6m")
STYLE = {"expert": ("expert", "#444444", "--", "o"), "ours": ("symderiv", "#0072B2", "-", "o"),
         "jax": ("JAX", "#D55E00", "-", "s"), "torch": ("PyTorch", "#CC79A7", "-", "^"), "sympy": ("SymPy", "#009E73", "-", "D")}


def draw(groups: list[Any], sympy: dict[str, Any], to: Path) -> None:
    """One panel for each of the workloads shown that was measured."""
    keys = [k for k in SHOWN if any(g.key == k for g in groups)] or [groups[0].key]
    pyplot.rcParams.update({"svg.hashsalt": "symderiv", "svg.fonttype": "none", "font.size": 10})
    across = min(2, len(keys))
    figure, panels = pyplot.subplots(-(-len(keys) // across), across, figsize=(4.6 * across, 3.4 * -(-len(keys) // across)),
                                     squeeze=False)
    for panel, key in zip(panels.flat, keys):
        for kind, (label, colour, line, marker) in STYLE.items():
            points = [(max(v for k, v in g.sizes.items() if k != "m"), t) for g in groups if g.key == key
                      if (t := g.of("ours") if kind == "ours" else (g.best(kind) or (0, None))[1]) is not None]
            if kind == "sympy" and key == "4":
                points = [(int(n), v["call"]) for n, v in sympy.items() if v]
            if points:
                panel.loglog(*zip(*points), label=label, color=colour, linestyle=line, marker=marker, markersize=4)
        panel.set(title=f"{key}  {BY_KEY[key].title}", xlabel="n", ylabel="seconds a call")
        panel.title.set_fontsize(9)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(to, metadata={"Date": None})
    pyplot.close(figure)
