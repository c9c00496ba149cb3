"""The engine: goals become lemmas, each proved once.

Forward: ∂c/∂x for each node c below f, kids first. Reverse: ∂L/∂c for each node c on the way to the variables, uses
first. Both apply the same local Jacobians, both end in normal forms, and every lemma is a proof whose steps are kept.
All passes are iterative over the expression's nodes.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from symderiv.build import der, remake, scale
from symderiv.errors import NoRuleError, SymderivError
from symderiv.facts import Facts
from symderiv.ir import (
    Box,
    Call,
    Contract,
    Der,
    Expr,
    Map,
    Name,
    Symbol,
    alike_in_print,
    as_printed,
    depends,
    free_in_print,
    names_in,
    postorder,
    weight_shown,
)
from symderiv.record import Cong, Fire, Item, Proof, chain
from symderiv.rules.base import Context, Rule, peel
from symderiv.rules.differentiation import (
    FORWARD,
    chain_rule_with_lemma,
    differentiate_definition,
    formal,
    formal_arguments,
    let,
    needs_lemma,
    pull_back,
    unfold_name,
    uses,
)
from symderiv.rules.exponentials import complements, fold_complement, unfold_complement
from symderiv.simplify import Normaliser

SETTLE_FROM_WEIGHT = 40
"""a Jacobian inside a derivation is normalised on its own from this weight on; lighter ones with what they are part of"""
NAME_FROM_WEIGHT = 14
"""a cotangent or Jacobian of more factors than this gets a name, so that nothing swells with depth"""


class Engine:
    """Proves derivatives under one set of facts; remembers every lemma."""

    def __init__(self, facts: Facts = Facts(), variables: Sequence[Expr] = ()) -> None:
        self.all_facts = facts
        self.facts = facts.held_fixed(variables)
        self.context = Context(self.facts)
        self.normaliser = Normaliser(self.context)
        self.lemmas: dict[Der, Proof] = {}
        self._depends: dict[tuple[Expr, Expr], bool] = {}
        self._fresh = count(1)
        self._shown: set[str] = set()

    # ------------------------------------------------------------ beginning
    def begin(self, f: Expr) -> Proof:
        """Normalise what is to be differentiated; its names are then known and are folded from here on."""
        proof = Normaliser(self.context, factor=False).normalise(f)     # a loss is folded, not factored
        nodes = list(postorder(f, proof.after))
        alike = alike_in_print(nodes)
        if alike is not None:
            raise SymderivError(f"'{alike[0]}' and '{alike[1]}' are printed as one" if alike[0] != alike[1] else
                                f"'{alike[0]}' is an array, and a number of the formula too", hint="give one of them another name")
        named = [n for n in nodes if isinstance(n, Name) and not isinstance(n.body, Symbol | Name)]
        names = {n.body: n for n in named} | {n.body.body: n for n in named if isinstance(n.body, Box)}
        self._shown |= {as_printed(text) for text in names_in(f, proof.after)}
        self.context = Context(self.facts, {**self.context.names, **names})
        self.normaliser = Normaliser(self.context)
        return proof

    def simplify(self, node: Expr) -> Proof:
        return self.normaliser.normalise(node)

    def finish(self, node: Expr) -> Proof:
        """Simplify a result with all facts, those about the variables too."""
        if self.all_facts == self.facts:
            return Proof(node, node, (), self.context)
        return Normaliser(Context(self.all_facts, self.context.names)).normalise(node)

    # ------------------------------------------------------------ forward
    def jacobian(self, f: Expr, x: Expr, named: bool = False) -> Proof:
        """∂f/∂x as a proof from the hole to its value; ``named`` gives the Jacobians of named nodes names where long."""
        goal = der(f, x)
        for node in postorder(f):
            if node is f or self.depends(node, x):
                self._forward_lemma(der(node, x), named, node is f)
        lemma = self.lemmas[goal]
        settled = self.simplify(lemma.after)
        if settled.items:
            lemma = self.lemmas[goal] = chain(goal, [*lemma.items, settled], self.context)
        return lemma

    def depends(self, node: Expr, x: Expr) -> bool:
        return depends(node, x, self._depends)

    def _forward_lemma(self, goal: Der, named: bool, root: bool) -> None:
        if goal in self.lemmas:
            return
        items: list[Item] = [self._open(goal, root)]
        if isinstance(items[0].after, Der) and items[0].after not in self.lemmas:
            self.jacobian(items[0].after.body, goal.wrt, named)  # a definition, unfolded
        items.append(self._fill(items[0].after))
        body = goal.body
        if isinstance(body, Name | Call) or items[-1].after.weight > SETTLE_FROM_WEIGHT:
            items.append(self.simplify(items[-1].after))
        after = items[-1].after
        if named and isinstance(body, Name) and after.weight > NAME_FROM_WEIGHT and not isinstance(after, Name):
            items.append(self._named(after, "jacobian", f"J_{body.name}", f"D_{body.name}"))
        self.lemmas[goal] = chain(goal, items, self.context)

    def _open(self, goal: Der, root: bool = False) -> Fire:
        """The first step at a hole; a function asked for by itself is unfolded, elsewhere its Jacobian is a lemma."""
        body = goal.body
        if needs_lemma(body) and body is not goal.wrt and self.depends(body, goal.wrt):
            assert isinstance(body, Call)
            if root and isinstance(body.args[0], Symbol):
                return self._fired(differentiate_definition, goal)
            cited = (self.definition_lemma(body),)
            after = chain_rule_with_lemma.cite(goal, self.context, cited)
            return Fire(chain_rule_with_lemma.name, goal, after, None, cited)
        for law in FORWARD:
            used = law.fire(goal, self.context)
            if used is not None:
                return Fire(law.name, goal, used.after, None, (), used.facts)
        raise NoRuleError(f"no rule differentiates {body!r}")

    def _fired(self, law: Rule, node: Expr, choice: object = None) -> Fire:
        used = law.fire(node, self.context, choice)
        assert used is not None
        return Fire(law.name, node, used.after, choice, (), used.facts)

    def definition_lemma(self, node: Call) -> Proof:
        """The Jacobian of a function with a definition, on formal arguments, in a context without facts or names."""
        goal = der(formal(node), formal_arguments(node)[0])
        if goal not in self.lemmas:
            self.lemmas[goal] = _definition_lemma(goal)
        return self.lemmas[goal]

    def _fill(self, node: Expr) -> Proof:
        """Replace each hole by what its lemma proved."""
        return self._rewrite(node, {n: self.lemmas[n] for n in _shallow(node) if isinstance(n, Der)})

    # ------------------------------------------------------------ reverse
    def gradients(self, loss: Expr, wrt: Sequence[Expr]) -> list[Proof]:
        """∂L/∂x for each x, in one sweep: the cotangent of each node on the way is proved once."""
        above = uses(loss)
        order = _on_the_way(loss, wrt)
        self._fill_lemma_root(loss)
        for node in reversed(order):
            if node is not loss and node in above:
                self._reverse_lemma(der(loss, node), node in wrt)
        for x in wrt:
            goal = der(loss, x)
            if goal not in self.lemmas:
                self.lemmas[goal] = chain(goal, [self._open(goal)], self.context)
        return [self.lemmas[der(loss, x)] for x in wrt]

    def _fill_lemma_root(self, loss: Expr) -> None:
        goal = der(loss, loss)
        if goal not in self.lemmas:
            self.lemmas[goal] = chain(goal, [self._open(goal)], self.context)

    def _reverse_lemma(self, goal: Der, last: bool) -> None:
        if goal in self.lemmas:
            return
        node = goal.wrt
        cited = tuple(dict.fromkeys(self.definition_lemma(v) for v, _ in uses(goal.body)[node]
                                    if needs_lemma(v) and isinstance(v, Call)))
        after = pull_back.cite(goal, self.context, cited)
        items: list[Item] = [Fire(pull_back.name, goal, after, None, cited)]
        items.append(self._fill(after))
        if last or isinstance(node, Name) or items[-1].after.weight > SETTLE_FROM_WEIGHT:
            items.append(self.simplify(items[-1].after))
            opened = self._looked_through(items[-1].after)
            if opened is not None:
                items.append(opened)
        value = items[-1].after
        if not last and not isinstance(value, Name):
            if isinstance(node, Name) and node.role == "user" and value.kids:
                items.append(self._named(value, "cotangent", f"delta_{node.name}", f"g_{node.name}"))
            elif value.weight > NAME_FROM_WEIGHT and isinstance(node, Map | Contract | Call):
                number = next(self._fresh)
                items.append(self._named(value, "auto", f"delta_{number}", f"g_{number}"))
        self.lemmas[goal] = chain(goal, items, self.context)

    def _looked_through(self, node: Expr) -> Proof | None:
        """Open cotangents' names one level, and keep what comes of it if it weighs less."""
        named = [n for n in dict.fromkeys(_shallow(node)) if isinstance(n, Name) and n.role != "user"]
        if not named:
            return None
        replaced: dict[Expr, Proof | None] = {}
        for n in named:
            replaced[n] = Proof(n, n.body, (self._fired(unfold_name, n),), self.context)
        unfold = self._rewrite(node, replaced)
        proof = self.simplify(unfold.after)
        if proof.after.weight < node.weight:
            return chain(node, [unfold, proof], self.context)
        return None

    def _rewrite(self, node: Expr, replaced: dict[Expr, Proof | None]) -> Proof:
        """Cong steps that put the given proofs in place, names not entered."""
        done = dict(replaced)
        stack: list[tuple[Expr, bool]] = [(node, False)]
        while stack:
            n, ready = stack.pop()
            if n in done:
                continue
            if isinstance(n, Name | Der) or not n.kids:
                done[n] = None
            elif not ready:
                stack.append((n, True))
                stack.extend((k, False) for k in n.kids)
            else:
                kids = tuple(done[k] for k in n.kids)
                if any(k is not None for k in kids):
                    after = remake(n, [k if p is None else p.after for k, p in zip(n.kids, kids, strict=True)])
                    done[n] = Proof(n, after, (Cong(n, after, kids),), self.context)
                else:
                    done[n] = None
        return done[node] or Proof(node, node, (), self.context)

    def _named(self, node: Expr, role: str, *wanted: str) -> Fire:
        """Give a value the first of these names that no other is printed as."""
        text = free_in_print(self._shown, *wanted)
        self._shown.add(as_printed(text))
        return self._fired(let, node, (text, role))

    # ------------------------------------------------------------ combining
    def fill(self, goal: Expr, lemmas: dict[Expr, Proof]) -> Proof:
        """Replace the holes of an expression by what the given lemmas prove of them."""
        return self._rewrite(goal, dict(lemmas))

    def second(self, first: Proof, x: Expr, then: Proof) -> Proof:
        """The proof of ∂(∂f/∂x)/∂x from one of ∂f/∂x and one of its result's derivative."""
        goal = der(first.before, x)
        items: list[Item] = [Cong(goal, der(first.after, x), (first,))] if first.before is not first.after else []
        return chain(goal, [*items, then], self.context)

    # ------------------------------------------------------------ ending
    def orient(self, node: Expr) -> Proof:
        """Choose between 1 − σ(x) and σ(−x): the first where σ(x) stands in the formula too, else the second."""
        below = _shallow(node)
        sums = {n: found[0] for n in below if (found := complements(n))}
        inside = {kid for n in below if n not in sums for kid in n.kids} | {node}
        inside |= {kid for n, s in sums.items() for kid in n.kids if kid is not s}
        replaced: dict[Expr, Proof | None] = {}
        for n in below:
            if n in sums and sums[n] not in inside and unfold_complement.fire(sums[n], self.context) is None:
                replaced[n] = self._one(n, self._fired(fold_complement, n, sums[n]))
            if isinstance(n, Map) and unfold_complement.fire(n, self.context) and remake(n, [scale(-1, n.arg)]) in below:
                replaced[n] = self._one(n, self._fired(unfold_complement, n))
        if not replaced:
            return Proof(node, node, (), self.context)
        turned = self._rewrite(node, replaced)
        return chain(node, [turned, self.simplify(turned.after)], self.context)

    def _one(self, node: Expr, step: Fire) -> Proof:
        return Proof(node, step.after, (step,), self.context)

    def unname(self, node: Expr, roles: Iterable[str] = ("auto", "cotangent", "jacobian"),
               heaviest: float = float("inf")) -> Proof:
        """Open the engine's own names in a result and simplify what meets; not further than to this weight."""
        wanted = tuple(roles)
        items: list[Item] = []
        current = node
        seen: set[Expr] = set()
        while True:
            named = [n for n in dict.fromkeys(_shallow(current)) if isinstance(n, Name) and n.role in wanted]
            if not named or current in seen or weight_shown(current) > heaviest:  # names that are folded again stay
                return chain(node, items, self.context)
            seen.add(current)
            replaced: dict[Expr, Proof | None] = {
                n: Proof(n, n.body, (self._fired(unfold_name, n),), self.context) for n in named}
            items.append(self._rewrite(current, replaced))
            current = items[-1].after
            if 2 * weight_shown(current) > 3 * heaviest:  # simplifying what was opened rarely saves a third
                return chain(node, items, self.context)
            items.append(self.simplify(current))
            current = items[-1].after


def _shallow(node: Expr) -> list[Expr]:
    """Nodes below, names not entered."""
    found: dict[Expr, None] = {}
    stack = [node]
    while stack:
        n = stack.pop()
        if n not in found:
            found[n] = None
            if not isinstance(n, Name | Der):
                stack.extend(reversed(n.kids))
    return list(found)


def _on_the_way(loss: Expr, wrt: Sequence[Expr]) -> list[Expr]:
    """The nodes that depend on one of the variables, kids first."""
    targets = set(wrt)
    found: dict[Expr, None] = {}
    for n in postorder(loss):
        if n in targets or any(k in found for k in n.kids):
            found[n] = None
    return list(found)


_LEMMAS: dict[Der, Proof] = {}


def _definition_lemma(goal: Der) -> Proof:
    """Proved once per process: it has no facts, and its arguments are formal."""
    if goal not in _LEMMAS:
        if len(_LEMMAS) > 500:
            _LEMMAS.clear()
        _LEMMAS[goal] = Engine().jacobian(goal.body, goal.wrt)
    return _LEMMAS[goal]


__all__ = ["Engine", "peel"]
