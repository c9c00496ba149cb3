"""Does a loss match a module? d(L∘M)/du = A·M(u) + b, with A and b free of u: decided, and derived.

The engine derives the gradient by u with the module's output kept as a name p. What is left is sorted by how p occurs
in it. Where that leaves nothing over, the pair matches, and the trace proves it; elementwise pairs are also tried as
fractions in eᵛ. Where something is left over, two points u show that no A and b exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symderiv.affinity import Counterexample, Pair, refute
from symderiv.build import add, contract, der, name, remake, substitute, symbol, zero
from symderiv.decision import Decision
from symderiv.engine import Engine
from symderiv.errors import ShapeError, UnknownNameError
from symderiv.facts import Fact, Facts
from symderiv.ir import Add, Expr, Map, Name, Symbol, depends, is_zero, postorder
from symderiv.ops import shape_text
from symderiv.points import NotEvaluableError, OutsideDomainError
from symderiv.rational import Fractions, Scalars
from symderiv.record import Cong, Fire, Item, Proof, chain, fires
from symderiv.rules.algebra import distribute, sums_in
from symderiv.rules.base import Context, Rule, peel
from symderiv.rules.definitions import fold_name
from symderiv.rules.splitting import (
    TERM_LIMIT,
    Split,
    affine_in_module,
    collect_powers,
    expand_power,
    fold_power,
    same_fraction,
    split_terms,
    two_values,
)

NONE = Facts()


@dataclass(frozen=True, repr=False)
class Matching(Decision):
    """The decision on d(L∘M)/du = A·M(u) + b + remainder, where A and b are free of u.

    ``status`` is "proved" (by the trace), "checked" (an affine relation fits all points tried, but no form of it was
    found: A and b are None), "refuted" (by ``counterexample``) or "unknown". Not matching, A, b and remainder are one
    way to write the gradient, sorted by how the module's output occurs in it.
    """

    matches: bool
    status: str
    A: Expr | None
    b: Expr | None
    remainder: Expr
    gradient: Expr
    output: Name
    input: Symbol
    target: Symbol
    needs: tuple[str, ...]
    without_needs: Matching | None
    proof: Proof
    counterexample: Counterexample | None
    reason: str

    @property
    def verdict(self) -> str:
        """In words: "matches", "does not match" or "unknown"."""
        return "matches" if self.matches else "unknown" if self.status == "unknown" else "does not match"

    def __bool__(self) -> bool:
        return self.matches


def match(module: Expr, loss: Expr, input: Symbol, output: Symbol, target: Symbol, facts: Facts = NONE) -> Matching:
    """Decide whether the loss, written in the module's output (or in its input), matches the module.

    >>> from symderiv.build import apply, call, contract, symbol
    >>> u, p, y = symbol("u", ("o",)), symbol("p", ("o",)), symbol("y", ("o",))
    >>> likelihood = contract((y, apply("log", p)), (("i",), ("i",)), ())
    >>> found = match(call("softmax", (u,), ("o",), (0,)), likelihood, u, p, y)
    >>> found.verdict, found.status, found.A, found.b, found.remainder
    ('matches', 'proved', <−(1ᵀ y) I>, <y>, <0>)
    """
    _check(module, loss, input, output)
    return _Case(module, loss, input, output, target, facts).decide()


def _check(module: Expr, loss: Expr, input: Symbol, output: Symbol) -> None:
    if loss.shape:
        raise ShapeError(
            f"a loss is a scalar; this has shape {shape_text(loss.shape)}",
            hint="sum it, or take its mean",
            shapes=(loss.shape,),
        )
    if output.shape != module.shape:
        raise ShapeError(
            f"the output '{output.name}' has shape {shape_text(output.shape)}, the module gives"
            f" {shape_text(module.shape)}",
            shapes=(output.shape, module.shape),
        )
    if not depends(module, input):
        raise UnknownNameError(
            f"the module doesn't mention its input '{input.name}'", hint="name the input with input="
        )
    if not depends(loss, output) and not depends(loss, input):
        raise UnknownNameError(
            f"the loss doesn't mention the module's output '{output.name}'",
            hint="write it in terms of the output, and name that with output=",
        )


class _Case:
    """One pair under one set of facts."""

    def __init__(self, module: Expr, loss: Expr, u: Symbol, output: Symbol, target: Symbol, given: Facts) -> None:
        self.arguments = (module, loss, u, output, target)
        self.u, self.target, self.given = u, target, given
        self.p = name(output.name, peel(Engine(given).simplify(module).after))
        facts = Facts(tuple(_about(f, output, self.p.body) for f in given))
        self.engine = Engine(facts)
        self.engine.begin(self.p)
        self.loss = substitute(loss, {output: self.p})
        self.items: list[Item] = []
        self.current: Expr = der(self.loss, u)
        self.start = self.current

    # ------------------------------------------------------------ the decision
    def decide(self) -> Matching:
        self._derive()
        gradient = self.current
        counterexample, reason, status = None, "", "proved"
        if not is_zero(self._split().remainder):
            self._expand()
        if not is_zero(self._split().remainder):
            status, reason, counterexample = self._tested(2)
            if status == "checked":
                gradient = self._by_cases(gradient)
            if status != "refuted" and self._as_fractions(gradient):
                status, reason = "proved", ""
            elif status == "checked":
                status, reason, counterexample = self._tested(12)
        if status in ("refuted", "unknown"):
            if is_zero(self._split().linear) and is_zero(self._split().constant):
                self._return_to(gradient)
            self._collect()
        split, known = self._split(), status != "checked"
        if known:
            self._fire(affine_in_module, (self.p, self.u))
        proof = chain(self.start, self.items, self.context)
        needs = tuple(dict.fromkeys(f.text for fire, _ in fires(proof) for f in fire.facts))
        return Matching(
            status in ("proved", "checked"),
            status,
            split.slope if known else None,
            split.constant if known else None,
            split.remainder if known else zero(gradient.shape),
            gradient,
            self.p,
            self.u,
            self.target,
            needs,
            self._without(needs),
            proof,
            counterexample,
            reason,
        )

    def _tested(self, settings: int) -> tuple[str, str, Counterexample | None]:
        """(status, reason, counterexample) by numbers."""
        pair = Pair(self.current, self.p, self.u, self.target, ("g", self.p.name), self.engine.facts)
        try:
            found = refute(pair, settings)
        except (NotEvaluableError, OutsideDomainError) as error:
            return "unknown", f"undecided is {self._split().remainder!r}: {error.message}", None
        if found is not None:
            return "refuted", found.text, found
        return "checked", "an affine relation fits every point tried, but no form of it was found", None

    def _without(self, needs: tuple[str, ...]) -> Matching | None:
        if not needs:
            return None
        return _Case(*self.arguments, Facts(tuple(f for f in self.given if f.text not in needs))).decide()

    def _split(self) -> Split:
        return split_terms(self.current, self.p, self.u)

    @property
    def context(self) -> Context:
        """The engine's, in which a bare input has the output's name too (an identity module)."""
        return Context(self.engine.facts, {**self.engine.context.names, self.p.body: self.p})

    # ------------------------------------------------------------ steps
    def _take(self, item: Item) -> None:
        self.items.append(item)
        self.current = item.after

    def _fire(self, law: Rule, choice: Any = None) -> None:
        step = self._step(law, self.current, choice)
        if step is not None:
            self._take(step)

    def _step(self, law: Rule, node: Expr, choice: Any = None) -> Fire | None:
        used = law.fire(node, self.context, choice)
        return None if used is None or used.after is node else Fire(law.name, node, used.after, choice, (), used.facts)

    def _derive(self) -> None:
        """∂L/∂u, written in the output."""
        begun = self.engine.begin(self.loss)
        if begun.after is not self.loss:
            self._take(Cong(self.start, der(begun.after, self.u), (begun,)))
        self._take(self.engine.gradients(begun.after, [self.u])[0])
        self._take(self.engine.unname(self.current))
        self._rewrite(lambda n: self._step(fold_power, n, self.p) if isinstance(n, Map | Add | Symbol) else None)
        if self.p.body is self.u:
            self._rewrite(lambda n: self._step(fold_name, n) if n is self.u else None)

    def _rewrite(self, step: Callable[[Expr], Fire | None]) -> None:
        """Take a step at every node where there is one, names not entered, and simplify what comes of it."""
        proof = _everywhere(self.current, step, self.context)
        if proof is not None:
            self._take(proof)
            self._take(self.engine.simplify(self.current))

    def _expand(self) -> None:
        """Multiply out the sums that hold the output or the input, within a budget."""
        start, begun = self.current, len(self.items)
        for _ in range(20):
            if isinstance(self.current, Add) and len(self.current.terms) > TERM_LIMIT:
                self.current = start
                del self.items[begun:]
                return
            proof = _everywhere(self.current, self._power_step, self.context)
            if proof is not None:
                self._take(proof)
            if not self._distribute() and proof is None:
                return
            self._settle()

    def _varies(self, node: Expr) -> bool:
        return depends(node, self.p) or depends(node, self.u)

    def _power_step(self, node: Expr) -> Fire | None:
        return self._step(expand_power, node) if isinstance(node, Map) and self._varies(node) else None

    def _distribute(self) -> bool:
        """Multiply out one sum in each term; False if there is none."""
        current = self.current
        if isinstance(current, Add) and len(current.terms) == 1:
            choice = self._sums(current.kids[0])
            step = self._step(distribute, current.kids[0], choice) if choice else None
            if step is not None:
                proof = Proof(step.before, step.after, (step,), self.context)
                self._take(Cong(current, remake(current, (step.after,)), (proof,)))
            return step is not None
        choice = self._sums(current)
        if choice:
            self._fire(distribute, choice)
        return bool(choice)

    def _sums(self, node: Expr) -> tuple[tuple[int, int], ...]:
        """One sum to multiply out in each term."""
        found = []
        for i, t in enumerate(node.kids if isinstance(node, Add) else (node,)):
            places = [j for j in sums_in(t) if self._varies(t.kids[j])]
            if places:
                found.append((i, places[0]))
        return tuple(found)

    def _settle(self) -> None:
        """Normalise each term apart, so that facts and foldings apply and nothing is factored again."""
        if not isinstance(self.current, Add):
            return
        kids = tuple(p if p.after is not p.before else None for p in map(self.engine.simplify, self.current.kids))
        if any(kids):
            after = remake(
                self.current, [k if p is None else p.after for k, p in zip(self.current.kids, kids, strict=True)]
            )
            self._take(Cong(self.current, after, kids))

    def _collect(self) -> None:
        if isinstance(self.current, Add):
            split = self._split()
            kept = add([(1, split.linear), (1, split.constant)], self.current.shape)
            step = self._step(collect_powers, self.current, self.p)
            if step is not None and not is_zero(split.remainder):
                after = split_terms(step.after, self.p, self.u)
                if add([(1, after.linear), (1, after.constant)], self.current.shape).weight <= kept.weight:
                    self._take(step)

    def _by_cases(self, gradient: Expr) -> Expr:
        """A target known to be ±1 enters by its two values."""
        for fact in self.engine.facts.of("equal"):
            step = self._step(two_values, gradient, fact)
            if step is not None:
                self._return_to(gradient)
                self._take(step)
                self._take(self.engine.simplify(self.current))
                return self.current
        return gradient

    def _return_to(self, state: Expr) -> None:
        """Drop the steps taken since."""
        while self.current is not state:
            self.items.pop()
            self.current = self.items[-1].after

    def _as_fractions(self, gradient: Expr) -> bool:
        """Elementwise pairs: A = (dg/du)/(dp/du) if that cancels to something free of u."""
        found = _affine_entries(gradient, self.p, self.u)
        if found is None:
            return False
        slope, constant = found
        labels = tuple(range(len(gradient.shape)))
        wanted = add([(1, contract((slope, self.p), (labels, labels), labels)), (1, constant)], gradient.shape)
        step = self._step(same_fraction, gradient, wanted)
        if step is None or not is_zero(split_terms(wanted, self.p, self.u).remainder):
            return False
        self._return_to(gradient)
        self._take(step)
        return True


def _about(fact: Fact, output: Symbol, body: Expr) -> Fact:
    """A fact about the output is one about what the module gives."""

    def swap(e: Any) -> Any:
        return substitute(e, {output: body}) if isinstance(e, Expr) else e

    return Fact(fact.kind, swap(fact.subject), fact.text, swap(fact.value), fact.axes)


def _everywhere(root: Expr, step: Callable[[Expr], Fire | None], context: Context) -> Proof | None:
    """The proof that takes a step at every node that has one, uppermost first, names not entered; None if none has."""
    done: dict[Expr, Proof | None] = {}
    stack = [(root, False)]
    while stack:
        n, ready = stack.pop()
        if n in done:
            continue
        if not ready:
            fire = step(n)
            if fire is not None:
                done[n] = Proof(n, fire.after, (fire,), context)
            elif isinstance(n, Name) or not n.kids:
                done[n] = None
            else:
                stack.append((n, True))
                stack.extend((k, False) for k in n.kids)
            continue
        kids = tuple(done[k] for k in n.kids)
        if any(p is not None for p in kids):
            after = remake(n, [k if p is None else p.after for k, p in zip(n.kids, kids, strict=True)])
            done[n] = Proof(n, after, (Cong(n, after, kids),), context)
        else:
            done[n] = None
    return done[root]


def _outside_names(root: Expr, u: Expr) -> bool:
    """Whether u occurs other than under a name."""
    return depends(substitute(root, {n: symbol("_", n.shape) for n in postorder(root) if isinstance(n, Name)}), u)


def _affine_entries(gradient: Expr, p: Expr, u: Expr) -> tuple[Expr, Expr] | None:
    """(a, b) with gradient = a ⊙ p + b for an elementwise pair, by cancelling fractions in eᵛ, or None."""
    if not gradient.shape == p.shape == u.shape:
        return None
    variable = u if _outside_names(gradient, u) else p
    scalars = Scalars(gradient.shape, variable, names=variable is p)
    g, m = scalars.entry(gradient), scalars.entry(p)
    entries = [s for (node, letters), s in scalars.atoms.items() if node is variable]
    if g is None or m is None or len(entries) != 1 or (variable, scalars.letters) not in scalars.atoms:
        return None
    (x,) = entries
    fractions = Fractions()
    slope = fractions.cancelled(sp.diff(g, x) / sp.diff(m, x))
    if slope is None or fractions.meant(slope).has(x):
        return None
    slope = fractions.meant(slope)
    constant = fractions.cancelled(g - slope * m)
    if constant is None or fractions.meant(constant).has(x):
        return None
    a, b = scalars.expression(slope), scalars.expression(fractions.meant(constant))
    return None if a is None or b is None else (a, b)


__all__ = ["Counterexample", "Matching", "match"]
