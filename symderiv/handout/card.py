"""The reference card: the rules that a sheet's lines name, each with its law."""

from __future__ import annotations

import re
from collections.abc import Iterable

from symderiv.derive import Step
from symderiv.handout.model import Card, CardRow
from symderiv.ir import Expr
from symderiv.present import Written
from symderiv.rules.base import RULES

READING = {
    "Jacobian entry": r"J_{ij}=\partial N_i/\partial x_j",
    "gradient entry": r"(\nabla L)_j=\partial L/\partial x_j",
    "Hessian entry": r"H_{ijk}=\partial J_{ij}/\partial x_k=H_{ikj}",
    "entry": r"T_{i\ldots k}=\partial T_{i\ldots}/\partial x_k",
    "quotient rule": r"\partial(a/s)=\partial a/s-a\,\partial s/s^2",
    "contract delta": r"\textstyle\sum_k a_k\,\delta_{kj}=a_j",
    "collect": r"a\,b\,a=a^2\,b,\quad a+a=2\,a",
    "lemma": r"\partial v/\partial x\to\text{its result}",
    "read as matrix": r"[\,\textstyle\sum_k A_{ik}B_{kj}\,]=AB,\quad[\,d_i\,\delta_{ij}\,]=\operatorname{diag}(d),"
    r"\quad[\,a_ib_j\,]=a\,b^\top",
    "identify Jacobian": r"\mathrm{d}N=A\,\mathrm{d}x\Rightarrow J=A",
    "identify gradient": r"\mathrm{d}L=\langle G,\mathrm{d}X\rangle\Rightarrow\nabla_XL=G",
    "identify Hessian": r"\mathrm{d}(\nabla L)=h\,\mathrm{d}x\Rightarrow\nabla^2_xL=h",
    "Gauss–Newton term": r"G=J_u^\top\,h_L\,J_u",
    "remainder": r"R=\textstyle\sum_k(\partial L/\partial u_k)\,\partial^2u_k/\partial w\,\partial w",
}
"""what the telling says beside a line without a rule of its own having fired there"""


class Context:
    """What a sheet has used and shown so far: the laws of each rule's title; in which section a subject was
    given, and what was told of it."""

    def __init__(self, variant: int = 0) -> None:
        self.variant = variant
        self.section = self.exercises = 0
        self.shown: dict[Expr, int] = {}
        self.told: dict[Expr, set[tuple[tuple[str, str], ...]]] = {}
        self.fired: dict[str, dict[str, None]] = {}
        self.named: dict[str, str] = {}
        self.private_fired: dict[str, dict[str, None]] = {}
        self.private_named: dict[str, str] = {}

    def child(self) -> Context:
        """A context for what the page of the students won't have: nothing that it shows or names is known outside."""
        inner = Context(self.variant)
        inner.section = self.section
        return inner

    def solved(self, inner: Context) -> None:
        """Keep what a solution named, for the lecturer's card."""
        for title, law in inner.named.items():
            self.private_named.setdefault(title, law)
        for title, laws in inner.fired.items():
            self.private_fired.setdefault(title, {}).update(laws)

    def fire(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.fired.setdefault(step.rule, {})[step.law] = None

    def name(self, lines: Iterable[Written]) -> None:
        """Note which titles stand beside lines."""
        for line in lines:
            for title in titles(line.why):
                self.named.setdefault(title, line.law)

    def card(self, solutions: bool = False) -> Card:
        """The titles that stand beside lines, those of differentiation first, in the order of the registry."""
        if solutions:
            whole = Context()
            whole.named = {**self.private_named, **self.named}
            whole.fired = {title: {**self.fired.get(title, {}), **self.private_fired.get(title, {})}
                           for title in {**self.fired, **self.private_fired}}
            return whole.card()
        order = {title: k for k, title in enumerate([*READING, *(r.title for r in RULES.values())])}
        rows = []
        for title in sorted(self.named, key=lambda t: order.get(t, len(order))):
            laws = READING.get(title) or r",\quad ".join(self.fired.get(title, {})) or self.named[title]
            if laws:
                rows.append(CardRow(title, laws))
        return Card(tuple(rows))


def law_of(line: Written) -> str:
    """The law of the first rule beside a line."""
    return line.law or next((READING[title] for title in titles(line.why) if title in READING), "")


def titles(why: str) -> list[str]:
    """The rules' names in a reason, without what stands in formulas.

    >>> titles(r"pull back through $W_1 x$, elementwise chain rule, $\\exp^{\\prime}=\\exp$, assumption $\\mathbf{1}^\\top y=1$")
    ['pull back', 'elementwise chain rule', 'assumption']
    """
    words = re.sub(r"\$[^$]*\$| \(lemma \d+\)$|(?<=lemma) \d+", "", why)
    return [t for part in words.split(",") if (t := part.replace(" through", "").strip())]
