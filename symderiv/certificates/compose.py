"""Composition: the curvature of a function read off its parts, kinks allowed.

Each entry of each node is constant, affine, convex or concave in the variables, jointly: sums and weights keep it, a
convex function of an affine one is convex, and a convex increasing function of a convex one is (Boyd & Vandenberghe
2004, 3.2). What has a shape of its own (norms, quotients, largest values) is in `atoms`; a part that no rule takes, but
that is smooth and depends on one variable, may be shown by its Hessian.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from symderiv.certificates.proof import ProofNode
from symderiv.facts import Facts
from symderiv.functions import SCALAR, TENSOR
from symderiv.intervals import Intervals, is_nonpositive
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, depends, postorder

Shape = Literal["affine", "convex", "concave"]
FLIPPED: dict[str, str] = {"affine": "affine", "convex": "concave", "concave": "convex"}
INCREASING = ("logsumexp", "max")
"""convex functions of arrays that increase in every entry"""
ByHessian = Callable[[Expr], ProofNode | None]


class Composition:
    """Proofs of the curvature of nodes in some variables under one set of facts."""

    def __init__(self, wrt: Expr | Sequence[Expr], facts: Facts, by_hessian: ByHessian | None = None) -> None:
        self.wrt = (wrt,) if isinstance(wrt, Expr) else tuple(wrt)
        self.facts = facts
        self.signs = Intervals(facts)
        self.by_hessian = by_hessian
        self.memo: dict[Expr, ProofNode | None] = {}

    def prove(self, root: Expr) -> ProofNode | None:
        """A proof that every entry of the root is affine, convex or concave in the variables, or None."""
        kept = dict(self.signs.used)
        for node in postorder(root):
            if node not in self.memo:
                self.signs.used.clear()
                found = self._node(node)
                if found is None and self.by_hessian is not None and not node.shape:
                    found = self.by_hessian(node)
                self.memo[node] = found
        self.signs.used.clear()
        self.signs.used.update(kept)  # what a rule has looked up isn't lost by what it proves meanwhile
        return self.memo[root]

    def moves(self, node: Expr) -> bool:
        """Whether the node depends on a variable."""
        return any(depends(node, x) for x in self.wrt)

    def used(self) -> tuple[str, ...]:
        """The facts that signs have used since they were last cleared."""
        return tuple(dict.fromkeys(f.text for f in self.signs.used))

    def made(
        self,
        node: Expr,
        shape: str,
        rule: str,
        children: Sequence[ProofNode] = (),
        facts: tuple[str, ...] = (),
        **detail: object,
    ) -> ProofNode:
        about = {"wrt": self.wrt, **detail}
        return ProofNode(node, "function", shape, rule, children=tuple(children), facts=facts, detail=about)

    def _node(self, node: Expr) -> ProofNode | None:
        from symderiv.certificates import atoms

        if node in self.wrt or not self.moves(node):
            return self.made(node, "affine", "affine")
        kids = [self.memo[k] for k in node.kids]
        if isinstance(node, Name | Box):
            return kids[0] and self.made(node, kids[0].relation, "name", (kids[0],))
        if isinstance(node, Add):
            return self._sum(node, kids) or _first(rule(self, node) for rule in atoms.OF_SUMS)
        if isinstance(node, Contract):
            return self._contract(node, kids) or atoms.product(self, node)
        if isinstance(node, Map):
            return (kids[0] and self._map(node, kids[0])) or _first(rule(self, node) for rule in atoms.OF_MAPS)
        return self._call(node, kids) if isinstance(node, Call) else None

    def _call(self, node: Call, kids: list[ProofNode | None]) -> ProofNode | None:
        from symderiv.certificates import atoms

        inner = kids[0] if len(kids) == 1 else None
        if inner is None or node.ders:
            return None
        if node.fn == "reshape":
            return self.made(node, inner.relation, "name", (inner,))
        if node.abstract:
            fact = self.facts.find(node.fn, "convex", "concave") if not node.shape else None
            if fact is None or inner.relation != "affine":
                return None
            return self.made(node, fact.kind, "convex function of an affine one", (inner,), (fact.text,))
        if node.fn in INCREASING and inner.relation in ("affine", "convex"):
            return self.made(node, "convex", "monotone composition", (inner,))
        if inner.relation != "affine":
            return None
        row = TENSOR.get(node.fn)
        if row is not None and row.convexity is not None and len(row.arguments) == 1:
            return self.made(node, row.convexity, "convex function of an affine one", (inner,))
        return atoms.of_definite_matrix(self, node, inner)

    def _sum(self, node: Add, kids: list[ProofNode | None]) -> ProofNode | None:
        shapes = set()
        for (c, _), kid in zip(node.terms, kids, strict=True):
            if kid is None:
                return None
            shapes.add(kid.relation if c > 0 else FLIPPED[kid.relation])
        shapes.discard("affine")
        if len(shapes) > 1:
            return None
        return self.made(node, shapes.pop() if shapes else "affine", "sum of functions", [k for k in kids if k])

    def _contract(self, node: Contract, kids: list[ProofNode | None]) -> ProofNode | None:
        moving = [k for k, f in enumerate(node.factors) if self.moves(f)]
        if len(moving) != 1:
            return None
        (k,) = moving
        inner = kids[k]
        if inner is None:
            return None
        if inner.relation == "affine":
            return self.made(node, "affine", "nonnegative weights", (inner,))
        sign = self.sign_of([f for j, f in enumerate(node.factors) if j != k])
        if sign is None:
            return None
        shape = inner.relation if sign > 0 else FLIPPED[inner.relation]
        return self.made(node, shape, "nonnegative weights", (inner,), self.used())

    def sign_of(self, weights: Sequence[Expr]) -> int | None:
        """+1 or −1 where all entries of the product have one sign (in the wide sense), else None."""
        self.signs.used.clear()
        sign = 1
        for f in weights:
            where = self.signs.of(f)
            if not where.nonnegative and not is_nonpositive(where):
                return None
            sign *= 1 if where.nonnegative else -1
        return sign

    def _map(self, node: Map, inner: ProofNode) -> ProofNode | None:
        if node.generic:
            fact = self.facts.find(node.fn, "convex", "concave") if not node.order else None
            if fact is None or inner.relation != "affine":
                return None
            return self.made(node, fact.kind, "convex function of an affine one", (inner,), (fact.text,))
        self.signs.used.clear()
        convexity, monotone = self.facts_of(node)
        if convexity is None:
            return None
        if inner.relation == "affine" or convexity == "affine":
            shape = convexity if inner.relation == "affine" else _turned(inner.relation, monotone)
            if shape is None:
                return None
            return self.made(node, shape, "convex function of an affine one", (inner,), self.used())
        keeps = {
            ("convex", "increasing"): "convex",
            ("convex", "decreasing"): "concave",
            ("concave", "increasing"): "concave",
            ("concave", "decreasing"): "convex",
        }
        if monotone is not None and keeps[convexity, monotone] == inner.relation:
            return self.made(node, convexity, "monotone composition", (inner,), self.used())
        return None

    def facts_of(self, node: Map) -> tuple[str | None, str | None]:
        """(convexity, direction) of the function on the values that its argument takes."""
        where = self.signs.of(node.arg)
        if node.fn == "pow":
            q = node.params[0]
            if q.denominator == 1 and q > 0 and q % 2 == 0:
                return "convex", "increasing" if where.nonnegative else "decreasing" if is_nonpositive(where) else None
            if q > 0 and (where.nonnegative or q.denominator != 1):
                return ("convex" if q >= 1 else "concave"), "increasing"
            if q > 0 and is_nonpositive(where):
                return "concave", "increasing"
            if q < 0 and (where.positive or q.denominator != 1):
                return "convex", "decreasing"
            return None, None
        if node.fn in ("abs", "relu") and where.nonnegative:
            return "affine", "increasing"
        if node.fn == "abs" and is_nonpositive(where):
            return "affine", "decreasing"
        row = SCALAR.get(node.fn)
        if row is None or not row.facts_hold(**dict(zip((p for p, _ in row.params), node.params, strict=True))):
            return None, None
        return row.convexity, row.monotone


def _first(found: Iterable[ProofNode | None]) -> ProofNode | None:
    return next((proof for proof in found if proof is not None), None)


def _turned(shape: str, monotone: str | None) -> str | None:
    """An affine function of a convex one."""
    return None if monotone is None else shape if monotone == "increasing" else FLIPPED[shape]


def kinked(root: Expr, wrt: Expr) -> list[Expr]:
    """Nodes below the root that depend on the variable and have kinks: there a Hessian tells nothing.

    >>> from symderiv.build import apply, symbol
    >>> x = symbol("x", ("n",))
    >>> kinked(apply("relu", x), x), kinked(apply("exp", x), x)
    ([<relu(x)>], [])
    """
    found = []
    for n in postorder(root):
        jumps = isinstance(n, Map) and not n.generic and n.fn in SCALAR and bool(SCALAR[n.fn].kinks)
        rough = isinstance(n, Call) and not n.abstract and n.fn in TENSOR and _has_kinks(n)
        if (jumps or rough) and depends(n, wrt):
            found.append(n)
    return found


def _has_kinks(node: Call) -> bool:
    """A function of arrays that is rough other than where it isn't defined."""
    return bool(TENSOR[node.fn].rough) and node.fn not in ("inv", "logdet", "solve")


__all__ = ["FLIPPED", "INCREASING", "Composition", "kinked"]
