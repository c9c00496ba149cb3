"""Entries of the losses, in u (what the network gives) and y (what it ought to give)."""

from __future__ import annotations

import re

import symderiv as sd
from symderiv.gallery.markdown import Entry, display, entry_text, facts, folded
from symderiv.losses import Loss
from symderiv.reference import params_text

LETTERS = {"input": "u", "target": "y", "variance": "s"}


def told(row: Loss, text: str) -> str:
    """A text of the row in the letters of the gallery.

    >>> from symderiv.losses import LOSSES
    >>> told(LOSSES["mse"], LOSSES["mse"].text())
    'mean((u - y)**2)'
    """
    return re.sub(r"\b(input|target|variance)\b", lambda word: LETTERS[word[0]], text)


def shapes_of(row: Loss) -> dict[str, str]:
    """One sample of o entries; parameters are numbers."""
    return {**{LETTERS[name]: "o" for name in row.arguments}, **{name: "" for name, _ in row.params}}


def derivatives(row: Loss) -> tuple[sd.Derivation, sd.Derivation]:
    """The gradient and the Hessian in u, under the facts that the row needs."""
    text, needs = told(row, row.text()), [told(row, fact) for fact in row.needs]
    shapes = shapes_of(row)
    return sd.gradient(text, "u", shapes=shapes, assume=needs), sd.hessian(text, "u", shapes=shapes, assume=needs)


def loss_entry(row: Loss) -> Entry:
    """The entry of a loss."""
    gradient, hessian = derivatives(row)
    text, needs = told(row, row.text()), [told(row, fact) for fact in row.needs]
    curved = sd.curvature(text, "u", shapes=shapes_of(row), assume=needs)
    verdicts = {d.verify(trials=3, seed=0).verdict for d in (gradient, hessian)}
    if curved.verdict in ("convex", "concave", "affine"):
        strict = "strictly " if curved.strict else ""
        under = f" under {', '.join(f'`{fact}`' for fact in curved.assumptions)}" if curved.assumptions else ""
        certificate = f"{strict}{curved.verdict} in u (proved{under})"
    else:
        certificate = curved.verdict
    after = f"after `sd.{row.matching}()` its gradient by that module's input is affine in the module's output"
    inside = f"its gradient is affine in the output of `{row.matching}` at u, which the loss holds already"
    about = [
        ("In code", f"`{row.name}(u, y)`, as a module `sd.{row.module}(target=\"y\")`"),
        ("Parameters", f"`{params_text(row.params)}`" if row.params else ""),
        ("Convention", row.convention),
        ("Needs", ", ".join(f"`{fact}`" for fact in needs)),
        ("Curvature", certificate),
        ("No derivative where", ", ".join(f"`{told(row, k)}` is 0" for k in row.kinks)),
        ("A higher derivative is missing where", ", ".join(f"`{told(row, k)}` is 0" for k in row.bends)),
        ("Matches", (after if row.after_module else inside) if row.matching else "no module of the table, as far as the row says"),
        ("Used", ", ".join(f"`{fact}`" for fact in dict.fromkeys((*gradient.assumptions, *hessian.assumptions)))),
        ("Derivatives", f"derived by the rules, and {' and '.join(sorted(verdicts))} by complex steps"),
        ("Source", row.source),
    ]
    equations = [
        ("L", sd.parse(text, shapes=shapes_of(row)).latex()),
        (r"\nabla_u L", gradient.result.latex()),
        (r"\nabla_u^2 L", hessian.result.latex()),
    ]
    parts = [display(equations), facts(about), folded("NumPy: the gradient", gradient.numpy().source())]
    return Entry(row.name, entry_text(row.name, parts))
