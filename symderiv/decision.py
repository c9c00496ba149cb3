"""What a question is answered with that isn't a formula: shown in a line or a few at a prompt, and as a page in a notebook."""
from __future__ import annotations

from symderiv.services import service


class Decision:
    """The base of verdicts that carry a proof: the proof is at hand, but not shown at a prompt."""

    def __repr__(self) -> str:
        return str(service("decision.text")(self))

    def _repr_html_(self) -> str:
        return str(service("decision.html")(self))

    def _repr_latex_(self) -> str:
        return str(service("decision.latex")(self))
