"""What both sides of a claim are before any form: holes derived, symmetric symbols marked, domains known."""

from __future__ import annotations

from collections.abc import Iterable

from symderiv.build import remake, substitute, symbol, unnamed
from symderiv.engine import Engine
from symderiv.facts import Fact, Facts
from symderiv.ir import Der, Expr, Map, Name, Symbol, postorder
from symderiv.proving.forms import SYMMETRIC

DOMAIN = "both sides are defined"


def derived(root: Expr) -> Expr:
    """The expression with every hole filled by the engine, without facts: those need not hold nearby.

    >>> from symderiv.build import apply, der
    >>> x = symbol("x", ("n",))
    >>> derived(der(apply("exp", x), x))
    <diag(exp(x))>
    """
    if not any(isinstance(n, Der) for n in postorder(root)):
        return root
    done: dict[Expr, Expr] = {}
    for n in postorder(root):
        kids = [done[k] for k in n.kids]
        if isinstance(n, Der):
            engine = Engine()
            body = kids[0] if not isinstance(n.wrt, Name) or n.wrt in set(postorder(kids[0])) else n.body
            done[n] = engine.unname(engine.jacobian(body, n.wrt).after).after
        else:
            done[n] = n if not n.kids else remake(n, kids)
    return done[root]


def symmetrised(exprs: Iterable[Expr], facts: Facts) -> tuple[list[Expr], Facts]:
    """Symbols that are symmetric by a fact, marked as such, in the expressions and in the facts."""
    marked: dict[Expr, Expr] = {}
    for fact in facts.of(*SYMMETRIC):
        s = fact.subject
        if isinstance(s, Symbol) and "symmetric" not in s.props and len(s.shape) == 2:
            marked[s] = symbol(s.name, s.shape, s.kind, {*s.props, "symmetric"})
    if not marked:
        return list(exprs), facts

    def put(e: Expr) -> Expr:
        return substitute(e, marked)

    new = tuple(
        Fact(
            f.kind,
            put(f.subject) if isinstance(f.subject, Expr) else f.subject,
            f.text,
            None if f.value is None else put(f.value),
            f.axes,
        )
        for f in facts
    )
    return [put(e) for e in exprs], Facts(new)


def with_domain(facts: Facts, *sides: Expr) -> Facts:
    """The facts, and that arguments of logarithms are positive, those of roots not negative."""
    found: dict[Fact, None] = {}
    for node in postorder(*(unnamed(s) for s in sides)):
        if isinstance(node, Map) and not node.generic:
            if node.fn == "log" or (node.fn == "pow" and node.params[0].denominator != 1 and node.params[0] < 0):
                found[Fact("positive", node.arg, DOMAIN)] = None
            elif node.fn == "pow" and node.params[0].denominator != 1:
                found[Fact("nonnegative", node.arg, DOMAIN)] = None
    return Facts((*facts, *found))


__all__ = ["DOMAIN", "derived", "symmetrised", "with_domain"]
