"""What stands often in a telling gets a name there: p = softmax(W h + b), s = 1ᵀeᵘ."""
from __future__ import annotations

from dataclasses import replace

from symderiv.build import der, name, number, scale, transform
from symderiv.functions.constants import constants, long, named
from symderiv.ir import Add, Call, Contract, Der, Expr, Map, Name, Symbol, free_name, names_in, postorder
from symderiv.render.indexing import is_one
from symderiv.render.signs import is_difference, is_spread, reads_well, signed
from symderiv.tell import Chapter, Line

_LETS = {"softmax": "p", "sigmoid": "p", "tanh": "a", "logsumexp": "s"}


CENTRED = 5
"""from this weight on a difference from a mean gets a name: one from a mean that has a name is short"""
LONG_DIVISOR = 7
"""from this weight on a sum that is divided by twice gets a name"""


def with_lets(chapters: list[Chapter]) -> list[Chapter]:
    """What stands twice or more in a result, a function of something longer, gets a name for the telling."""
    if not chapters:
        return chapters
    counted: dict[Expr, int] = {}
    for chapter in chapters:
        if chapter.kind != "loss":
            for node, times in [*_functions_in(chapter.last).items(), *_centred_in(chapter.last).items()]:
                counted[node] = max(counted.get(node, 0), times)
            for line in chapter.lines:
                for node, times in _divisors_in(line.state).items():
                    counted[node] = max(counted.get(node, 0), times)
    taken = names_in(*(e for c in chapters for e in (c.subject, *(line.state for line in c.lines))))
    lets: dict[Expr, Expr] = {}
    turned: dict[Expr, bool] = {}
    for node, times in sorted(counted.items(), key=lambda pair: pair[0].weight if isinstance(pair[0], Add) else 0):
        if times > 1:
            centred = isinstance(node, Add) and is_centred(node)
            first = _LETS.get(getattr(node, "fn", ""), "c" if centred else "s" if isinstance(node, Contract | Add) else "v")
            text = free_name(taken, first, *"pqrsv")
            taken.add(text)
            turned[node] = isinstance(node, Add) and centred and not reads_well(node)
            lets[node] = name(text, scale(-1, node) if turned[node] else node, "auto")
    if not lets:
        return [*constants_in(chapters), *chapters]

    def let_for(node: Expr) -> Expr | None:
        if isinstance(node, Der) and not isinstance(node.wrt, Symbol):  # what it is taken by stands in its body, and must stay findable
            return der(renamed(node.body), renamed(node.wrt))
        if isinstance(node, Der) and turned.get(node.body):
            return scale(-1, der(lets[node.body], node.wrt))
        return scale(-1, lets[node]) if turned.get(node) else lets.get(node)

    def within(node: Expr) -> Expr:
        return transform(node, lambda n: None if n is node else let_for(n)) if isinstance(node, Add) else node

    def renamed(state: Expr) -> Expr:
        return transform(state, let_for)
    told = constants_in(chapters)
    for node, n in lets.items():
        told.append(Chapter("let", n, n, (), (Line(scale(-1 if turned[node] else 1, within(node))),)))
    for c in chapters:
        lines = tuple(Line(renamed(line.state), line.why) for line in c.lines)
        subject = c.subject if turned.get(c.subject) else lets.get(c.subject, c.subject)
        told.append(replace(c, subject=subject, goal=renamed(c.goal), lines=lines))
    return told


def constants_in(chapters: list[Chapter]) -> list[Chapter]:
    """What the long constants are that lines have by name: λ = 1.0507…"""
    states = [line.state for c in chapters if c.kind != "loss" for line in c.lines]
    if not any(long(c) for node in postorder(*states) if isinstance(node, Add) for c, _ in node.terms):
        return []
    found: dict[str, None] = {}
    for node in postorder(*(signed(state, {}) for state in states)):
        if isinstance(node, Add):
            found.update((text, None) for c, _ in node.terms for text, _ in (named(abs(c)) or (c, ()))[1])
    wanted = {text: number(value) for text, value in constants().items() if text in found}
    return [Chapter("let", n, n, (), (Line(n.body),)) for n in (name(text, value, "auto") for text, value in wanted.items())]


def _divisors_in(state: Expr) -> dict[Expr, int]:
    """How often each sum is divided by in a formula."""
    counted: dict[Expr, int] = {}
    stack = [state]
    while stack:
        n = stack.pop()
        by = n.arg if isinstance(n, Map) and n.fn == "pow" and n.params[0] < 0 else None
        total = isinstance(by, Contract) and not by.shape and len(by.dims) > 0 and not is_norm(by)
        if by is not None and (total or (isinstance(by, Add) and by.weight >= LONG_DIVISOR)):
            counted[by] = counted.get(by, 0) + 1
        elif not isinstance(n, Name):
            stack.extend(n.kids)
    return counted


def _centred_in(state: Expr) -> dict[Expr, int]:
    """How often each difference from a mean stands in a formula."""
    counted: dict[Expr, int] = {}
    stack = [state]
    while stack and len(counted) < 200:
        n = stack.pop()
        if isinstance(n, Add) and is_centred(n):
            counted[n] = counted.get(n, 0) + 1
        elif not isinstance(n, Name):
            stack.extend(n.kids)
    return counted


def is_centred(node: Add) -> bool:
    """Whether a sum is an array minus its mean, or any that is constant along an axis but not everywhere."""
    constant = [is_spread(t) and not is_one(t) for _, t in node.terms]
    return any(constant) and not all(constant) and is_difference(node) and node.weight >= CENTRED


def is_norm(node: Contract) -> bool:
    """True for Σ x², which has a sign of its own."""
    return len(node.factors) == 1 and isinstance(node.factors[0], Map) and node.factors[0].fn == "pow"


def _functions_in(state: Expr) -> dict[Expr, int]:
    """How often each function of a compound argument stands in a formula; names aren't entered."""
    counted: dict[Expr, int] = {}
    stack = [state]
    while stack and len(counted) < 200:
        n = stack.pop()
        if isinstance(n, Map | Call) and not (isinstance(n, Map) and (n.fn == "pow" or n.kids[0].weight < 2)) \
                and not getattr(n, "abstract", False) and getattr(n, "fn", "") not in ("inv", "det", "logdet", "reshape"):
            counted[n] = counted.get(n, 0) + 1
        elif not isinstance(n, Name):
            repeat = n.params[0] if isinstance(n, Map) and n.fn == "pow" and n.params[0] == 2 else 1
            stack.extend(list(n.kids) * int(repeat))
    return counted
