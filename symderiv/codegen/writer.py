"""What the writers of NumPy's and of the standard's text have in common: what they write, and the names they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from symderiv.codegen.names import Names
from symderiv.codegen.program import Program
from symderiv.dims import Dim
from symderiv.ir import Expr


@dataclass
class Writer:
    """Writes the lines; ``variables`` are the names of inputs, sizes and functions by kind and name.

    ``lines`` and ``helpers``, definitions that the lines call, are what was written.
    """

    program: Program
    outputs: Sequence[int]
    names: Names
    variables: dict[tuple[str, str], str]
    size_text: Callable[[Dim], str]
    comment: Callable[[Expr], str]
    lines: list[str] = field(default_factory=list, init=False)
    helpers: list[str] = field(default_factory=list, init=False)
    temporaries: int = field(default=0, init=False)

    def fresh(self, k: int) -> str:
        """A new name for an entry: the one that it was given, "result", or t with a number."""
        given = self.program.names.get(k) or ("result" if k in self.outputs else None)
        self.temporaries += given is None
        return self.names.fresh(given or f"t{self.temporaries}")

    def help(self, source: str) -> None:
        if source and source not in self.helpers:
            self.helpers.append(source)
