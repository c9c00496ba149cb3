"""Statements made of derivatives: a goal with holes, the lemmas that fill them, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symderiv.derive import IDENTITY, Derivation, chosen
from symderiv.engine import Engine
from symderiv.facts import Facts
from symderiv.ir import Expr
from symderiv.record import Proof, chain
from symderiv.services import service


def statement(label: str, title: str, subject: Expr, wrt: Sequence[Expr], proof: Proof, facts: Facts = Facts()) -> Derivation:
    """A derivation that is told from its goal on, under a label of its own."""
    return Derivation(IDENTITY + label, subject, tuple(wrt), proof, facts, 2, source=title)  # type: ignore[arg-type]  # a name is read as a variable is


def filled(engine: Engine, goal: Expr, lemmas: Mapping[Expr, Proof]) -> Proof:
    """The goal with what the lemmas prove put in for its holes, made simpler."""
    put_in = engine.fill(goal, dict(lemmas))
    return chain(goal, [put_in, engine.simplify(put_in.after)], engine.context)


@dataclass(frozen=True)
class Statements:
    """Derivations that belong together, in order; `replay`, `verify` and the texts are of all of them."""

    @property
    def parts(self) -> tuple[Derivation, ...]:
        raise NotImplementedError

    def summary(self) -> str:
        """What they come to, in one line."""
        return ""

    def replay(self) -> tuple[Any, ...]:
        """Run every step of every part again."""
        return tuple(part.replay() for part in self.parts)

    def verify(self, trials: int = 6, seed: int = 0) -> bool:
        """Check every part, and every step, on independent numbers."""
        return all(bool(part.verify(trials, seed)) for part in self.parts)

    def latex(self, notation: str = "matrix", detail: str = "normal") -> str:
        return "\n\n".join(part.latex(notation, detail) for part in self.parts)

    def markdown(self, notation: str = "matrix", detail: str = "normal") -> str:
        return "\n".join(part.markdown(notation, detail) for part in self.parts)

    def text(self, notation: str = "matrix", detail: str = "normal") -> str:
        """The derivations one after the other, and what they come to."""
        return "\n\n".join(filter(None, [*(part.text(notation, detail) for part in self.parts), self.summary()]))

    def _repr_latex_(self) -> str:
        return "\n".join(part._repr_latex_() for part in self.parts)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        made: dict[str, str] = service("derivations.bundle")(self, self.parts, self.summary())
        return chosen(made, include, exclude)

    def __repr__(self) -> str:
        return self.text(detail="brief")


__all__ = ["Statements", "filled", "statement"]
