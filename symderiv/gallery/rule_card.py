r"""The rule card: what the tables know, on one page for the desk. Every derivative on it is derived here, and checked.

A card is made of entries; an entry is a formula with its derivative and, for what was derived, the derivation. A new row
of a table is on the card at once.

>>> found = {entry.name: entry for group in groups() for entry in group.entries}
>>> found["tanh"].formulas[1], found["cross_entropy"].formulas[1]
('1-\\tanh(x)^2', '\\operatorname{softmax}(u)-y')
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import symderiv as sd
from symderiv.derive import Derivation
from symderiv.functions import SCALAR, TENSOR, ScalarFunction, TensorFunction
from symderiv.gallery import arrays
from symderiv.gallery.losses import LETTERS, told
from symderiv.handout.card import READING
from symderiv.handout.formula import width
from symderiv.handout.model import Check, Page, Prose, Section, Table
from symderiv.handout.tables import lettered
from symderiv.handout.values import error_latex
from symderiv.losses import LOSSES, Loss
from symderiv.rules import RULES

TITLE = "Rule card"
TRIALS, SEED = 4, 0
WIDEST = 23.0
"""in em: a row with a wider formula has no room on a card; docs/functions.md has them all"""
SHORT = 8.0
"""in em: an array's definition that is wider isn't shown"""
HELPERS = ("sparsemax_threshold", "entmax15_threshold", "is_max", "eigenvalue_sum", "eigenvalue_product")
"""functions of arrays that stand on no card: others are defined by them, or are said by sum, trace and det"""
READ = ("quotient rule", "identify Jacobian", "identify gradient", "identify Hessian", "Gauss–Newton term", "remainder")
"""what is read off a line, beside the rules that fire"""
BOOKKEEPING = (
    "name", "fold name", "entry", "value", "collect", "distribute", "factor out", "common denominator", "one fraction",
    "sum term by term", "inverse functions", "unfold definition", "trace of a matrix function", "affine in module",
    "apply_equality", "apply_sum", "apply_symmetry", "outer_square",
)  # fmt: skip
"""rules, by name, title or family, that carry no knowledge for a reader, or whose law holds where they fire only"""
_CHANGE = re.compile(r"\\partial|\\nabla|\\mathrm\{d\}|\\delta_x")


@dataclass(frozen=True)
class Entry:
    """A row of the card: its name, and its laws, or a formula with its derivative, what it matches, and the derivation."""

    name: str
    formulas: tuple[str, ...]
    note: str = ""
    derivation: Derivation | None = None


@dataclass(frozen=True)
class Group:
    """A part of the card. ``header`` names the columns of entries that are derivatives; laws have none."""

    title: str
    entries: tuple[Entry, ...]
    header: tuple[str, ...] = ()
    about: str = ""


def groups() -> tuple[Group, ...]:
    """The parts of the card, in order."""
    laws = [rule for rule in RULES.values() if not {rule.name, rule.title, rule.family} & set(BOOKKEEPING)]
    changing = [(rule.title, rule.law) for rule in laws if _CHANGE.search(rule.law)]
    changing += [(title, READING[title]) for title in READ]
    still = [(rule.title, rule.law) for rule in laws if not _CHANGE.search(rule.law)]
    whole = [row.name.replace("_", " ") for row in LOSSES.values() if of_a_vector(row)]
    return (
        Group("Rules of differentiation", _laws(changing)),
        Group("Identities", _laws(still)),
        Group("Elementwise functions", tuple(filter(None, map(_scalar, SCALAR.values()))), ("", "$f(x)$", "$f'(x)$"),
              r"$H$ is the step with $H(0)=0$; a derivative at a kink is the one that PyTorch takes."),
        Group("Functions of arrays", tuple(filter(None, map(_array, TENSOR.values()))), ("function", "derivative"),
              r"$x$ a vector, $X$ a matrix; $\partial/\partial x^\top$ of a vector, $\nabla_X$ of a number."),
        Group("Losses", tuple(map(_loss, LOSSES.values())), ("", r"$\ell(u,y)$", r"$\partial\ell/\partial u$", "matches"),
              f"$u$: what the network gives, $y$: the target. {', '.join(whole)}: of a vector; others: the mean (or sum) of $\\ell$ over "
              "entries. Where a module *matches*, the gradient by its input is affine in its output."),
    )  # fmt: skip


def _laws(rows: Iterable[tuple[str, str]]) -> tuple[Entry, ...]:
    """A row for each title, with its laws, each once."""
    found: dict[str, dict[str, None]] = {}
    for title, law in rows:
        found.setdefault(title, {})[law] = None
    return tuple(Entry(title, tuple(laws)) for title, laws in found.items())


def _scalar(row: ScalarFunction) -> Entry | None:
    given = {name: "" for name, _ in row.params}
    text = f"{row.name}({', '.join(['x', *(f'{name}={name}' for name in given)])})"
    derived = sd.derivative(text, "x", x="", shapes=given)
    slope, left = lettered(derived.result.latex(), row), row.tex("x")
    body = lettered(sd.parse(row.definition, x="", shapes=given).latex(), row) if row.definition else ""
    if width(slope) > WIDEST:
        return None
    return Entry(row.name, (f"{left}={body}" if body and body != left else left, slope), derivation=derived)


def _array(row: TensorFunction) -> Entry | None:
    if row.name in HELPERS:
        return None
    try:
        derived = arrays.derivation(row)
    except sd.NoRuleError:
        return None
    shown = derived.result.latex()
    if len(derived.result.shape) > 2 or width(shown) > WIDEST:
        return None
    left = row.tex(*arrays.shapes_of(row))
    body = derived.subject.latex()
    return Entry(row.name, (f"{left}={body}" if body != left and width(body) < SHORT else left, shown), derivation=derived)


def of_a_vector(row: Loss) -> bool:
    """Whether a loss takes the entries of a sample together; others are a mean or a sum over entries."""
    return "axis" in row.text()


def _loss(row: Loss) -> Entry:
    whole = of_a_vector(row)
    text, needs = told(row, row.text()), [told(row, fact) for fact in row.needs]
    if not whole:
        found = re.fullmatch(r"(?:mean|sum)\((.*)\)", text)
        text = found[1] if found else text
    shapes = {**{LETTERS[name]: "o" if whole else "" for name in row.arguments}, **{name: "" for name, _ in row.params}}
    derived = sd.gradient(text, "u", shapes=shapes, assume=needs)
    name = row.name + (" (sum)" if row.reduction == "sum" and not whole else "")
    return Entry(name, (sd.parse(text, shapes=shapes).latex(), derived.result.latex()), row.matching or "", derived)


# ---------------------------------------------------------------- checks
def check(found: Sequence[Group]) -> Check:
    """Every derivation with its steps compared with numeric derivatives; the line that says so."""
    derived = [entry for group in found for entry in group.entries if entry.derivation is not None]
    worst, refuted = 0.0, []
    for entry in derived:
        assert entry.derivation is not None
        report = entry.derivation.verify(trials=TRIALS, seed=SEED)
        worst = max(worst, report.worst)
        refuted += [entry.name] if not report else []
    if refuted:
        return Check(f"{', '.join(refuted)} of {len(derived)} derivatives: they aren't what numbers give", False, "Not so")
    return Check(f"{len(derived)} derivatives, derived by these rules and compared with complex steps at {TRIALS} draws each · "
                 f"seed {SEED} · worst relative error ${error_latex(worst)}$")  # fmt: skip


# ---------------------------------------------------------------- the page
def page(found: Sequence[Group], checked: Check | None) -> Page:
    """The card as a page, for every writer."""
    sections = [Section(group.title, (*([Prose(group.about)] if group.about else []), _table(group))) for group in found]
    last = (Section("Check", (checked,)),) if checked is not None else ()
    return Page(TITLE, "card", None, (*sections, *last))


def _table(group: Group) -> Table:
    """Laws stand beside each other in one cell, each a formula of its own, so that lines break between them."""
    named = [(entry.name.replace("_", " "), [f"${latex}$" for latex in entry.formulas], entry.note) for entry in group.entries]
    if not group.header:
        return Table(("", ""), tuple((name, ", ".join(laws)) for name, laws, _ in named), stack=True)
    if len(group.header) == 2:
        return Table(group.header, tuple(tuple(formulas) for _, formulas, _ in named), stack=True)
    rows = ((name, *formulas, note) for name, formulas, note in named)
    return Table(group.header, tuple(row[: len(group.header)] for row in rows), stack=True)
