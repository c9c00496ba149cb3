"""Expectations taken: the proof that E[e] is an expression in the mean, by linearity and two moments."""

from __future__ import annotations

from symderiv.build import call
from symderiv.engine import Engine
from symderiv.errors import NoRuleError
from symderiv.ir import Add, Call, Expr, Name, depends, postorder
from symderiv.record import Cong, Fire, Item, Proof, chain
from symderiv.rules.algebra import distribute, sums_in
from symderiv.rules.assumptions import apply_onehot
from symderiv.rules.base import Rule
from symderiv.rules.differentiation import unfold_name
from symderiv.rules.expectation import is_expectation, linear_expectation, mean_of_target, second_moment

LAWS: tuple[Rule, ...] = (linear_expectation, mean_of_target, second_moment)


def expected(engine: Engine, root: Expr) -> Proof:
    """Every expectation in root taken, and what comes of it made simpler; NoRuleError where a higher moment is needed."""
    taken = engine.fill(root, {n: _taken(engine, n) for n in expectations(root)})
    return chain(root, [taken, engine.simplify(taken.after)], engine.context)


def pulled(engine: Engine, root: Expr) -> Proof:
    """Linearity alone: sums term by term, what is free of the target out, until nothing else is left inside."""
    def one(node: Call) -> Proof:
        used = linear_expectation.fire(node, engine.context)
        if used is None:
            return Proof(node, node, (), engine.context)
        return chain(node, [Fire(linear_expectation.name, node, used.after), pulled(engine, used.after)], engine.context)
    return engine.fill(root, {n: p for n in expectations(root) for p in [one(n)] if p.items})


def expectations(root: Expr) -> list[Call]:
    """The expectations in an expression, each once."""
    return [n for n in postorder(root) if isinstance(n, Call) and is_expectation(n)]


def _taken(engine: Engine, node: Call) -> Proof:
    """One expectation: sums are multiplied out as far as they hold y, then the rules fire until none is left."""
    items: list[Item] = []
    current: Expr = node
    inner = _opened(engine, node)
    if inner is not None:
        items.append(inner)
        current = inner.after
    assert isinstance(current, Call)
    fired = next((Fire(law.name, current, used.after, None, (), used.facts) for law in LAWS
                  for used in [law.fire(current, engine.context)] if used is not None), None)
    if fired is None:
        raise NoRuleError(f"no rule takes the expectation of {current.args[0].text()}",
                          hint="a score is affine in the target, and a product of two is of degree two; this isn't")
    items.append(fired)
    below: dict[Expr, Proof] = {n: _taken(engine, n) for n in expectations(fired.after)}
    items.append(engine.fill(fired.after, below))
    return chain(node, items, engine.context)


def _sums(node: Expr, y: Expr) -> tuple[tuple[int, int], ...]:
    """One sum that holds y in each term."""
    found = []
    for i, t in enumerate(node.kids if isinstance(node, Add) else (node,)):
        places = [j for j in sums_in(t) if depends(t.kids[j], y)]
        found += [(i, places[0])] if places else []
    return tuple(found)


def _opened(engine: Engine, node: Call) -> Cong | None:
    """The body with its names of y opened, its sums of y multiplied out, and one-hot products taken together."""
    body, y, mean = node.args
    items: list[Item] = []
    current = body
    seen = {body}
    while True:
        named: dict[Expr, Proof] = {n: Proof(n, n.body, (Fire(unfold_name.name, n, n.body),), engine.context)
                 for n in postorder(current) if isinstance(n, Name) and depends(n, y)}
        opened = engine.fill(current, named) if named else None
        if opened is not None and opened.after is not current:
            items.append(opened)
            current = opened.after
            continue
        choice = _sums(current, y)
        used = distribute.fire(current, engine.context, choice) if choice else None
        if used is not None and used.after not in seen:         # a sum on a diagonal is one again: linearity takes it
            seen.add(used.after)
            items.append(Fire(distribute.name, current, used.after, choice))
            current = used.after
            continue
        once = apply_onehot.fire(current, engine.context)
        if once is None or once.after is current:
            break
        items.append(Fire(apply_onehot.name, current, once.after, None, (), once.facts))
        current = once.after
    if not items:
        return None
    proof = chain(body, items, engine.context)
    return Cong(node, call(node.fn, (current, y, mean), current.shape, node.params), (proof, None, None))


__all__ = ["expectations", "expected", "pulled"]
