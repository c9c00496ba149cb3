"""The array program: what stands between expressions and source text.

A list of operations in the order of their computation, each over earlier ones. Equal operations are one entry, so
common subexpressions are computed once across all outputs. Operations know sizes by name only.

kind         arguments    spec
input        –            name
number       –            Fraction
constant     –            "pi" or "e"
size         –            name of a dimension
structure    –            the condition on the indices where the array is 1
map          x            (function, parameters), elementwise
generic      x            (function, order of the derivative)
call         x …          (function, parameters)
abstract     x …          (function, arguments differentiated by)
product      x y          (places of x's axes, places of y's axes): the elementwise product, broadcast
sum          x …          (coefficients, places of each one's axes, number): a linear combination, broadcast
contract     x y          (labels of x, labels of y, labels of the result)
reduce       x            axes that are summed
diagonal     x            (labels, labels of the result): repeated labels are read along the diagonal
transpose    x            order of the axes
reshape      x            –: to the sizes of the result
broadcast    x            places of x's axes
slabs        m x          Σ_s m_isk x_sj x_sl, as "mirrored" or "all"; Σ_s m_is x_sj x_sk, as "slices"
delta        x …          (has a base, (pattern, places) …): a base (or zeros), arrays added along its diagonals
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from symderiv.dims import Dim
from symderiv.ir import Expr

Places = tuple[int, ...]


@dataclass(frozen=True)
class Op:
    """One operation; ``args`` are positions in the program, ``dims`` the sizes of the result."""

    kind: str
    args: tuple[int, ...]
    spec: Any
    dims: tuple[Dim, ...]


@dataclass
class Program:
    """Operations in order; ``names`` are the names that users or the engine gave, ``nodes`` what an entry computes."""

    ops: list[Op] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    nodes: dict[int, Expr] = field(default_factory=dict)
    nonnegative: set[int] = field(default_factory=set)
    _known: dict[Op, int] = field(default_factory=dict)

    def emit(self, kind: str, args: Iterable[int], spec: Any, dims: Iterable[Dim]) -> int:
        """The position of this operation, appended if it is new."""
        op = Op(kind, tuple(args), spec, tuple(dims))
        if op not in self._known:
            self._known[op] = len(self.ops)
            self.ops.append(op)
        return self._known[op]

    def reachable(self, outputs: Iterable[int]) -> list[int]:
        """The positions that the outputs need, in order."""
        needed = set(outputs)
        for k in range(len(self.ops) - 1, -1, -1):
            if k in needed:
                needed.update(self.ops[k].args)
        return sorted(needed)
