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
choice       x y          (more, less, multiplications of x and of y): x where more > less, else the equal y
delta        x …          (has a base, (pattern, places) …): a base (or zeros), arrays added along its diagonals
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from symderiv.dims import Dim
from symderiv.ir import Expr

Places = tuple[int, ...]
Place = tuple[tuple[int, int], ...]
"""where an entry is computed: (choice, which of its forms) from the outside in; () of what is always computed"""


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
    probing: bool = False
    """emit raises LookupError for what isn't there yet"""
    conditional: set[int] = field(default_factory=set)
    """what only the first form of a choice needs: nothing to build on elsewhere"""
    _known: dict[Op, int] = field(default_factory=dict)
    _products: dict[Any, tuple[int, Places]] = field(default_factory=dict)

    def emit(self, kind: str, args: Iterable[int], spec: Any, dims: Iterable[Dim]) -> int:
        """The position of this operation, appended if it is new; a transpose of a transpose is what it was."""
        op = Op(kind, tuple(args), spec, tuple(dims))
        if kind == "transpose":
            (x,) = op.args
            if self.ops[x].kind == "transpose":
                inner = self.ops[x]
                op = Op(kind, inner.args, tuple(inner.spec[k] for k in spec), op.dims)
            if op.spec == tuple(range(len(op.spec))):
                return op.args[0]
        elif kind in ("product", "sum", "contract"):
            op = self.straight(op)
            if kind != "contract" and self.turned(op):
                return self.emit("transpose", (self.emit(kind, op.args, self.turned_spec(op), op.dims[::-1]),), (1, 0), op.dims)
            if kind == "contract":
                found = self.elsewhere(op)
                if found is not None:
                    return self.emit("transpose", (found[0],), found[1], op.dims)
        if self.probing and (op not in self._known or self._known[op] in self.conditional):
            raise LookupError
        if op not in self._known:
            self._known[op] = len(self.ops)
            self.ops.append(op)
        return self._known[op]

    def elsewhere(self, op: Op) -> tuple[int, Places] | None:
        """(position, order of its axes) of the same product with its operands or the axes of its result in another order."""
        rows = sorted(zip(op.args, op.spec[:2], strict=True), key=lambda row: row[0])
        names = {x: k for k, x in enumerate(dict.fromkeys(x for _, ls in rows for x in ls))}
        out = tuple(names[x] for x in op.spec[2])
        key = (*((a, tuple(names[x] for x in ls)) for a, ls in rows), tuple(sorted(out)))
        if self.probing and (key not in self._products or self._products[key][0] in self.conditional):
            return None
        position, known = self._products.setdefault(key, (len(self.ops), out))
        return None if known == out else (position, tuple(known.index(x) for x in out))

    def straight(self, op: Op) -> Op:
        """The operation on matrices themselves in place of their transposes."""
        places = list(op.spec[1] if op.kind == "sum" else op.spec[:2])
        args = list(op.args)
        for k, a in enumerate(args):
            if self.ops[a].kind == "transpose" and len(places[k]) == 2:
                args[k], places[k] = self.ops[a].args[0], places[k][::-1]
        spec = (op.spec[0], tuple(places), op.spec[2]) if op.kind == "sum" else (*places, *op.spec[2:])
        return Op(op.kind, tuple(args), spec, op.dims)

    def turned(self, op: Op) -> bool:
        """Whether every matrix in an elementwise operation is taken as its transpose."""
        places = op.spec[1] if op.kind == "sum" else op.spec
        matrices = [p for p in places if len(p) == 2]
        return len(op.dims) == 2 and bool(matrices) and all(p == (1, 0) for p in matrices)

    def turned_spec(self, op: Op) -> Any:
        places = tuple(tuple(1 - x for x in p) for p in (op.spec[1] if op.kind == "sum" else op.spec))
        return (op.spec[0], places, op.spec[2]) if op.kind == "sum" else places

    def reachable(self, outputs: Iterable[int]) -> list[int]:
        """The positions that the outputs need, in order."""
        needed = set(outputs)
        for k in range(len(self.ops) - 1, -1, -1):
            if k in needed:
                needed.update(self.ops[k].args)
        return sorted(needed)


def places(program: Program, order: Iterable[int], outputs: Iterable[int]) -> dict[int, Place]:
    """Where each entry is computed: in the innermost form of a choice that all its uses lie in."""
    used: dict[int, list[Place]] = {k: [()] for k in outputs}
    found: dict[int, Place] = {}
    for k in sorted(order, reverse=True):
        first, *others = used[k]
        common = next((n for n, x in enumerate(first) if any(u[n : n + 1] != (x,) for u in others)), len(first))
        found[k] = first[:common]
        for branch, a in enumerate(program.ops[k].args):
            inside = ((k, branch),) if program.ops[k].kind == "choice" else ()
            used.setdefault(a, []).append((*found[k], *inside))
    return found
