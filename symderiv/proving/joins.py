"""vec and kron in identities: joined axes float outwards, everywhere in an expression.

>>> from symderiv.frontend.inputs import parse
>>> f, _, _ = parse("kron(A, B) @ kron(C, D)", {"A": "m n", "B": "p q", "C": "n r", "D": "q s"})
>>> inner, groups = split(floated(f))
>>> inner.shape, groups, len(inner.factors)
(('m', 'p', 'r', 's'), (2, 2), 4)
"""

from __future__ import annotations

from symderiv.ir import Box, Call, Expr, Name, Symbol, postorder
from symderiv.rules.joins import joined, outward, split


def floated(root: Expr) -> Expr:
    """The same expression with joins outermost, where they can be; names opened."""
    nodes = list(postorder(root))
    if not any(isinstance(n, Call) and n.fn == "reshape" for n in nodes):
        return root
    done: dict[Expr, Expr] = {}
    for n in nodes:
        kids = [done[k] for k in n.kids]
        done[n] = n if isinstance(n, Symbol) else kids[0] if isinstance(n, Name | Box) else outward(n, kids)
    return done[root]


__all__ = ["floated", "joined", "split"]
