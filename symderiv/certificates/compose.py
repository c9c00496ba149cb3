"""Composition: the curvature of a function read off its parts, kinks allowed.

Each entry of each node is constant, affine, convex or concave in the variable: sums and weights keep it, a convex
function of an affine one is convex, and a convex increasing function of a convex one is (Boyd & Vandenberghe 2004, 3.2).
"""

from __future__ import annotations

from typing import Literal

from symderiv.certificates.proof import ProofNode
from symderiv.facts import Facts
from symderiv.functions import SCALAR
from symderiv.intervals import Intervals, is_nonpositive
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, base_and_exponent, depends, postorder

Shape = Literal["affine", "convex", "concave"]
_FLIPPED: dict[str, str] = {"affine": "affine", "convex": "concave", "concave": "convex"}


class Composition:
    """Proofs of the curvature of nodes in one variable under one set of facts."""

    def __init__(self, wrt: Expr, facts: Facts) -> None:
        self.wrt = wrt
        self.facts = facts
        self.signs = Intervals(facts)
        self.memo: dict[Expr, ProofNode | None] = {}

    def prove(self, root: Expr) -> ProofNode | None:
        """A proof that every entry of the root is affine, convex or concave in the variable, or None."""
        for node in postorder(root):
            if node not in self.memo:
                self.memo[node] = self._node(node)
        return self.memo[root]

    def made(
        self, node: Expr, shape: str, rule: str, children: tuple[ProofNode, ...] = (), facts: tuple[str, ...] = ()
    ) -> ProofNode:
        return ProofNode(node, "function", shape, rule, children=children, facts=facts, detail={"wrt": self.wrt})

    def _node(self, node: Expr) -> ProofNode | None:
        if node is self.wrt or not depends(node, self.wrt):
            return self.made(node, "affine", "affine")
        kids = [self.memo[k] for k in node.kids]
        if isinstance(node, Name | Box):
            return kids[0] and self.made(node, kids[0].relation, "name", (kids[0],))
        if isinstance(node, Add):
            return self._sum(node, kids)
        if isinstance(node, Contract):
            return self._contract(node, kids)
        if isinstance(node, Map) and kids[0] is not None:
            return self._map(node, kids[0])
        if isinstance(node, Call) and node.fn in ("logsumexp", "max") and not node.ders:
            inner = kids[0]
            if inner is not None and inner.relation in ("affine", "convex"):
                return self.made(node, "convex", "monotone composition", (inner,))
        if isinstance(node, Call) and node.fn == "reshape":
            return kids[0] and self.made(node, kids[0].relation, "name", (kids[0],))
        if isinstance(node, Call) and node.abstract and not node.ders and not node.shape and len(node.args) == 1:
            fact = self.facts.find(node.fn, "convex", "concave")
            if fact is not None and kids[0] is not None and kids[0].relation == "affine":
                return self.made(node, fact.kind, "convex function of an affine one", (kids[0],), (fact.text,))
        return None

    def _sum(self, node: Add, kids: list[ProofNode | None]) -> ProofNode | None:
        shapes = set()
        for (c, _), kid in zip(node.terms, kids, strict=True):
            if kid is None:
                return None
            shapes.add(kid.relation if c > 0 else _FLIPPED[kid.relation])
        shapes.discard("affine")
        if len(shapes) > 1:
            return None
        return self.made(node, shapes.pop() if shapes else "affine", "sum of functions", tuple(k for k in kids if k))

    def _contract(self, node: Contract, kids: list[ProofNode | None]) -> ProofNode | None:
        moving = [k for k, f in enumerate(node.factors) if depends(f, self.wrt)]
        if len(moving) != 1:
            return None
        (k,) = moving
        inner = kids[k]
        if inner is None:
            return None
        if inner.relation == "affine":
            return self.made(node, "affine", "nonnegative weights", (inner,))
        self.signs.used.clear()
        sign = 1
        for j, f in enumerate(node.factors):
            if j != k:
                where = self.signs.of(f)
                if not where.nonnegative and not is_nonpositive(where):
                    return None
                sign *= 1 if where.nonnegative else -1
        used = tuple(dict.fromkeys(f.text for f in self.signs.used))
        return self.made(
            node, inner.relation if sign > 0 else _FLIPPED[inner.relation], "nonnegative weights", (inner,), used
        )

    def _map(self, node: Map, inner: ProofNode) -> ProofNode | None:
        if node.generic:
            fact = self.facts.find(node.fn, "convex", "concave") if not node.order else None
            if fact is None or inner.relation != "affine":
                return None
            return self.made(node, fact.kind, "convex function of an affine one", (inner,), (fact.text,))
        self.signs.used.clear()
        convexity, monotone = self._facts_of(node)
        used = tuple(dict.fromkeys(f.text for f in self.signs.used))
        if convexity is None:
            return self._norm(node)
        if inner.relation == "affine" or convexity == "affine":
            shape = convexity if inner.relation == "affine" else _turned(inner.relation, monotone)
            if shape is None:
                return None
            return self.made(node, shape, "convex function of an affine one", (inner,), used)
        keeps = {
            ("convex", "increasing"): "convex",
            ("convex", "decreasing"): "concave",
            ("concave", "increasing"): "concave",
            ("concave", "decreasing"): "convex",
        }
        if monotone is not None and keeps[convexity, monotone] == inner.relation:
            return self.made(node, convexity, "monotone composition", (inner,), used)
        return self._norm(node)

    def _facts_of(self, node: Map) -> tuple[str | None, str | None]:
        """(convexity, direction) of the function on the values that its argument takes."""
        where = self.signs.of(node.arg)
        if node.fn == "pow":
            q = node.params[0]
            if q.denominator == 1 and q > 0 and q % 2 == 0:
                return "convex", "increasing" if where.nonnegative else "decreasing" if is_nonpositive(where) else None
            if q > 0 and (where.nonnegative or q.denominator != 1):
                return ("convex" if q >= 1 else "concave"), "increasing"
            if q < 0 and (where.positive or q.denominator != 1):
                return "convex", "decreasing"
            return None, None
        row = SCALAR.get(node.fn)
        if row is None or not row.facts_hold(**dict(zip((p for p, _ in row.params), node.params, strict=True))):
            return None, None
        if row.name == "abs" and where.nonnegative:
            return "convex", "increasing"
        return row.convexity, row.monotone

    def _norm(self, node: Map) -> ProofNode | None:
        """√Σ w (Ax + b)² with constant weights w ≥ 0."""
        if node.fn != "pow" or node.params[0].numerator != 1 or node.params[0].denominator != 2:
            return None
        arg = node.arg
        while isinstance(arg, Name):
            arg = arg.body
        if not isinstance(arg, Contract):
            return None
        children = []
        for f in arg.factors:
            base, q = base_and_exponent(f)
            if depends(f, self.wrt):
                inner = self.prove(base)
                if q != 2 or inner is None or inner.relation != "affine":
                    return None
                children.append(inner)
            elif not self.signs.of(f).nonnegative:
                return None
        return self.made(node, "convex", "norm", tuple(children)) if len(children) == 1 else None


def _turned(shape: str, monotone: str | None) -> str | None:
    """An affine function of a convex one."""
    return None if monotone is None else shape if monotone == "increasing" else _FLIPPED[shape]


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
        largest = isinstance(n, Call) and not n.abstract and n.fn in ("max", "is_max")
        if (jumps or largest) and depends(n, wrt):
            found.append(n)
    return found


__all__ = ["Composition", "kinked"]
