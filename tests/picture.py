"""The picture of docs/architecture.md, made from the imports: ``python -m tests.picture docs`` writes architecture.svg there.

Parts of the package are put together by what they are about. An area stands above all that it imports; a line is drawn to
what it imports and doesn't reach by another one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter
from html import escape
from pathlib import Path

from tests.test_architecture import ENTRY, parts

Graph = Mapping[str, set[str]]
AREAS = {
    "errors, limits": "errors bounds",
    "sizes, order, services": "services dims canon arguments sympy_program structures",
    "expressions": "ir nodes patterns flatten construct rebuild build ops facts",
    "tables": "functions losses families links",
    "evaluator, verify": "smooth jets rounding evaluate evaluate_axes evaluate_functions evaluate_matrices "
    "evaluate_expectation draw verify",
    "front ends": "frontend frontend.inputs frontend.instances network_text",
    "modules": "modules sympy_functions torch_models",
    "signs, points": "rational points intervals held affinity",
    "rules": "rules",
    "engine": "record simplify engine expect",
    "derivations": "derive splits checking",
    "NumPy code": "codegen compiled",
    "matrix forms": "render.tree render.letters render.construct render lift slices kronecker network sympy_out",
    "telling": "tell present",
    "proofs of identities": "proving proving.numeric verdicts spot integrals",
    "certificates": "certificates block_certificates",
    "second order": "statements information layerwise linear_models composite potentials backpropagation pair_curvature conventions "
    "natural",
    "matching": "pairing antigradient potential matched",
    "public operators": "api __init__ consequences depth depth.code",
    "saved derivations": "saved",
    "handouts": "handout",
    "reference": "reference gallery",
    "testing": "testing pytest_plugin",
    "the page": "web notebook",
    "command line": "cli",
}
"""what the boxes are called, and which parts they hold"""
HEIGHT, GAP, LETTER, SPACE, WIDE = 26, 44, 7.2, 18, 900


def areas(imports: Graph) -> dict[str, set[str]]:
    """For each area the others that it imports; every part has to have one."""
    of = {part: area for area, held in AREAS.items() for part in held.split()}
    found: dict[str, set[str]] = {area: set() for area in AREAS}
    for part, others in imports.items():
        if part not in ENTRY:
            found[of[part]] |= {of[other] for other in others} - {of[part]}
    return found


def levels(graph: Graph) -> dict[str, int]:
    """How high each stands: above all that it imports. A cycle raises graphlib's CycleError."""
    found: dict[str, int] = {}
    for area in TopologicalSorter(graph).static_order():
        found[area] = 1 + max((found[other] for other in graph[area]), default=-1)
    return found


def direct(graph: Graph) -> dict[str, list[str]]:
    """What each imports and doesn't reach through something else that it imports."""

    @cache
    def reached(area: str) -> frozenset[str]:
        return frozenset(graph[area]).union(*(reached(other) for other in graph[area]))

    return {area: sorted(other for other in others if not any(other in reached(o) for o in others)) for area, others in graph.items()}


def picture(graph: Graph) -> str:
    """The graph as SVG, lowest at the bottom."""
    level, lines = levels(graph), direct(graph)
    height = (max(level.values()) + 1) * (HEIGHT + GAP)
    middle: dict[str, float] = {}
    boxes, drawn = [], []
    for number in range(max(level.values()) + 1):
        row = [area for area in graph if level[area] == number]
        row.sort(key=lambda area: sum(middle[o] for o in lines[area]) / max(len(lines[area]), 1))
        widths = [LETTER * len(area) + SPACE for area in row]
        free = (WIDE - sum(widths)) / (len(row) + 1)
        top, left = height - (number + 1) * (HEIGHT + GAP) + GAP / 2, free
        for area, width in zip(row, widths, strict=True):
            middle[area] = left + width / 2
            held = escape(AREAS.get(area, area))
            boxes.append(f'<g><title>{held}</title><rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{HEIGHT}" rx="4"/>'
                         f'<text x="{middle[area]:.0f}" y="{top + 17:.0f}">{escape(area)}</text></g>')  # fmt: skip
            for other in lines[area]:
                end = height - (level[other] + 1) * (HEIGHT + GAP) + GAP / 2
                drawn.append(f'<path d="M{middle[area]:.0f} {top + HEIGHT:.0f}L{middle[other]:.0f} {end:.0f}"/>')
            left += width + free
    style = ("rect{fill:#eef3fb;stroke:#456}path{stroke:#9ab;fill:none}"
             "text{font:13px sans-serif;text-anchor:middle;fill:#123}")  # fmt: skip
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {height}" role="img" aria-label="what imports what">',
        f'<style>{style}</style><rect width="{WIDE}" height="{height}" style="fill:#fff;stroke:none"/>', *drawn, *boxes, "</svg>", "",
    ])  # fmt: skip


def main(folder: Path) -> int:
    (folder / "architecture.svg").write_text(picture(areas(parts())), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
