"""Names and signs that would look alike are told apart.

Two names can look the same in print (W1 and W_1, lam and lambda), and a name can look like a sign of ours: a matrix I like
the unit matrix, sigma like the sigmoid, a matrix delta like \u03b4_ij. What is printed together has to be known for that: a
formula's own names always are, and `beside` adds those of what stands around it, such as the whole derivation.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from symderiv.ir import Call, Expr, Map, Name, Symbol, as_printed, postorder
from symderiv.render.symbols import BESIDE, Named


@contextmanager
def beside(*around: Expr) -> Iterator[None]:
    r"""Within, names are printed so that those of these expressions can be told apart, and no sign of ours is one of them.

    >>> from symderiv.build import symbol
    >>> from symderiv.render.symbols import name_latex
    >>> with beside(symbol("W1", ("n",)), symbol("W_1", ("n",))):
    ...     name_latex("W1"), name_latex("W_1")
    ('\\mathtt{W1}', '\\mathtt{W\\_1}')
    >>> name_latex("W_1")
    'W_1'
    """
    token = BESIDE.set(BESIDE.get() | {one for expr in around for one in named(expr)})
    try:
        yield
    finally:
        BESIDE.reset(token)


def named(expr: Expr) -> Named:
    """What a user named in an expression: symbols, values, functions; not a value called as its function, θ = θ(η)."""
    found: set[tuple[str, int]] = set()
    nodes = list(postorder(expr))
    shared = {x for n in nodes if isinstance(n, Name) and _function(n.body) and as_printed(n.name) == as_printed(_function(n.body))
              for x in (n.name, _function(n.body))}  # fmt: skip
    for node in nodes:
        if getattr(node, "name", getattr(node, "fn", "")) in shared:
            continue
        if isinstance(node, Name) or (isinstance(node, Symbol) and node.kind == "variable"):
            found.add((node.name, len(node.shape)))
        elif function := _function(node):
            found.add((function, 0))
    return frozenset(found)


def _function(node: Expr) -> str:
    """The function of one's own that a value is taken from, or nothing."""
    own = (isinstance(node, Map) and node.generic) or (isinstance(node, Call) and node.abstract)
    return node.fn if isinstance(node, Map | Call) and own else ""


__all__ = ["beside", "named"]
