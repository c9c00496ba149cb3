"""Facts: what the user assumes of symbols and functions, looked up by the rules that need them.

kind                      subject       means
onehot                    y             along its last axis y is 0 but for one 1
sum                       y, axes       Σ over the axes of y is value
equal                     node          node may be replaced by value (t² = 1)
symmetric diagonal orthogonal psd pd    A     of a square matrix (diagonal, psd and pd imply symmetric)
positive negative nonnegative nonpositive     x     of every entry
convex concave            "L"           of a function, by name
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from symderiv.build import ONE, ones, power
from symderiv.ir import Expr, depends, free_symbols

PROPERTIES = ("onehot", "symmetric", "diagonal", "orthogonal", "psd", "pd", "convex", "concave")
EQUATIONS = frozenset(("onehot", "sum", "equal", "orthogonal"))


@dataclass(frozen=True)
class Fact:
    """One assumption; ``text`` is how the user wrote it, and how steps cite it."""

    kind: str
    subject: Expr | str
    text: str
    value: Expr | None = None
    axes: tuple[int, ...] = ()

    @property
    def expressions(self) -> list[Expr]:
        """What it speaks of, and the value that it gives it."""
        return [e for e in (self.subject, self.value) if isinstance(e, Expr)]


@dataclass(frozen=True)
class Facts:
    """A set of facts, in the order given.

    ``sums`` are no facts: sums as the user wrote them beside these, for the sign with which they are printed.
    """

    facts: tuple[Fact, ...] = ()
    sums: tuple[Expr, ...] = field(default=(), compare=False, repr=False)

    def __iter__(self) -> Iterator[Fact]:
        return iter(self.facts)

    def __bool__(self) -> bool:
        return bool(self.facts)

    def find(self, subject: Expr | str, *kinds: str) -> Fact | None:
        """The first fact of one of these kinds about the subject, or None."""
        return next((f for f in self.facts if f.kind in kinds and f.subject == subject), None)

    def of(self, *kinds: str) -> list[Fact]:
        return [f for f in self.facts if f.kind in kinds]

    @property
    def expressions(self) -> list[Expr]:
        """What the facts speak of, and the values that they give it."""
        return [e for f in self.facts for e in f.expressions]

    def held_fixed(self, variables: Iterable[Expr]) -> Facts:
        """The facts that hold around every point, and so under a derivative by the variables.

        An equation about a variable itself (Σx = 1, x² = 1, one-hot, orthogonal) holds on a set without interior: it may
        be used once the derivative has been taken, not before.
        """
        wanted = list(variables)
        return Facts(tuple(f for f in self.facts if f.kind not in EQUATIONS or not isinstance(f.subject, Expr)
                           or not any(depends(f.subject, x) for x in wanted)))

    def about(self, symbols: Iterable[Expr]) -> Facts:
        """The facts about these symbols or about functions, and those that such facts tie to them: a == b and b == c speak of a."""
        inside = set(symbols)
        spoken = {f: set(free_symbols(*f.expressions)) for f in self.facts}
        while grown := {s for found in spoken.values() if found & inside for s in found} - inside:
            inside |= grown
        return Facts(tuple(f for f, found in spoken.items() if found <= inside), self.sums)

    def texts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(f.text for f in self.facts))


def facts(given: Iterable[Fact]) -> Facts:
    """Collect facts, with what they imply at once: onehot(y) gives Σy = 1, y² = y and y ≥ 0."""
    result: list[Fact] = []
    for fact in given:
        result.append(fact)
        if fact.kind == "onehot" and isinstance(fact.subject, Expr):
            y = fact.subject
            last = len(y.shape) - 1
            result.append(Fact("sum", y, fact.text, ones(y.shape[:-1]) if y.shape[:-1] else ONE, (last,)))
            result.append(Fact("equal", power(y, 2), fact.text, y))
            result.append(Fact("nonnegative", y, fact.text))
    return Facts(tuple(dict.fromkeys(result)))

