"""The normaliser: bottom-up, each node once; rules fire at its root until none does, and each firing is recorded.

The strategy for `distribute` lives here: a sum is multiplied out only if what comes of it, normalised, weighs less.
"""
from __future__ import annotations

from symderiv.build import remake
from symderiv.errors import TooLargeError
from symderiv.ir import Add, Box, Call, Contract, Der, Expr, Map, Name, base_and_exponent
from symderiv.record import Cong, Fire, Item, Proof
from symderiv.rules import algebra, assumptions, definitions, entries, exponentials, joins, pieces, spectra
from symderiv.rules.algebra import distribute, distributions, free_along, sums_in
from symderiv.rules.base import Context, Rule, peel

MAP_RULES: tuple[Rule, ...] = (
    definitions.fold_name, assumptions.apply_equality, definitions.unfold_shorthand, definitions.inverse_pair,
    definitions.known_value, definitions.odd_even, entries.log_of_entry, definitions.log_of_softmax, definitions.fold_logsumexp,
    definitions.fold_softplus, definitions.fold_logdet, definitions.log_of_sigmoid, definitions.log_of_complement, definitions.fold_sigmoid,
    definitions.fold_exp_logsumexp, pieces.fold_pieces, joins.move_join_outwards,
)
CONTRACT_RULES: tuple[Rule, ...] = (
    definitions.fold_name, assumptions.apply_equality, definitions.fold_softmax, definitions.fold_tanh, definitions.fold_exp_sigmoid,
    definitions.sigmoid_slope, definitions.sigmoid_slope_sign, assumptions.softmax_sums_to_one, assumptions.apply_sum,
    assumptions.apply_onehot, assumptions.apply_orthogonal, assumptions.cancel_inverse, spectra.fold_trace,
    entries.part_entry, entries.count_entry, joins.move_join_outwards, exponentials.exp_less_one, assumptions.sum_of_named,
    pieces.fold_pieces,
    algebra.sum_constants,
)
ADD_RULES: tuple[Rule, ...] = (
    definitions.fold_name, definitions.sigmoid_complement, joins.move_join_outwards,
    exponentials.sigmoid_of_tanh, exponentials.tanh_of_sigmoid, exponentials.stable_softplus, exponentials.log_sigmoid_left,
    algebra.common_denominator, algebra.factor_common, algebra.collect_scalars, algebra.factor_vector,
)
CALL_RULES: tuple[Rule, ...] = (
    definitions.fold_name, assumptions.apply_equality, exponentials.softmax_shift, exponentials.logsumexp_shift,
    joins.move_join_outwards,
)
RESULTS_ONLY = frozenset((
    exponentials.log_sigmoid_left, algebra.common_denominator, algebra.sum_constants, algebra.factor_common,
    algebra.collect_scalars, algebra.factor_vector,
))
"""rules that bring a result to its form, but would hide from a reader what a loss is made of"""
TABLES = {Map: MAP_RULES, Contract: CONTRACT_RULES, Add: ADD_RULES, Call: CALL_RULES}
STEP_LIMIT = 400


class Normaliser:
    """Normal forms under one context; proofs are kept per node, None where a node is normal already."""

    def __init__(self, context: Context, trials: bool = True, factor: bool = True) -> None:
        self.context = context
        self.trials = trials
        self.factor = factor
        self.memo: dict[Expr, Proof | None] = {}
        self.light = Normaliser(context, trials=False, factor=factor) if trials else self
        self._tables = {kind: table if factor else tuple(law for law in table if law not in RESULTS_ONLY)
                        for kind, table in TABLES.items()}

    def normalise(self, root: Expr) -> Proof:
        """The proof that root equals its normal form."""
        self._below(root)
        return self.memo[root] or Proof(root, root, (), self.context)

    def normal(self, root: Expr) -> Expr:
        return self.normalise(root).after

    def _below(self, *roots: Expr) -> None:
        """Fill the memo for the roots and what is below them, kids first; what is known isn't visited again."""
        stack = [(root, False) for root in reversed(roots)]
        while stack:
            node, ready = stack.pop()
            if node in self.memo:
                continue
            if ready or isinstance(node, Der | Box):
                self._node(node)
            else:
                stack.append((node, True))
                stack.extend((kid, False) for kid in reversed(node.kids))

    def _node(self, node: Expr) -> None:
        """Fill the memo for a node whose kids have been done."""
        if node in self.memo:
            return
        items: list[Item] = []
        current = self._kids(node, items)
        for _ in range(STEP_LIMIT):
            step = self._fire(current)
            if step is None:
                break
            items.extend(step)
            current = step[-1].after
            if isinstance(current, Name):
                break
            self._below(*current.kids)
            if current in self.memo:
                rest = self.memo[current]
                if rest is not None:
                    items.append(rest)
                    current = rest.after
                break
            current = self._kids(current, items)
        else:
            raise TooLargeError(f"an expression didn't settle within {STEP_LIMIT} rewriting steps")
        self.memo[node] = Proof(node, current, tuple(items), self.context) if items else None

    def _kids(self, node: Expr, items: list[Item]) -> Expr:
        """Children replaced by their normal forms, the node rebuilt; repeated while rebuilding makes new children."""
        if isinstance(node, Der | Box):
            return node                                         # a hole is its own lemma's business, brackets keep
        for _ in range(STEP_LIMIT):
            kids = tuple(self._proof_of_kid(node, kid) for kid in node.kids)
            if all(p is None for p in kids):
                return node
            new = remake(node, [kid if p is None else p.after for kid, p in zip(node.kids, kids, strict=True)])
            items.append(Cong(node, new, kids))
            self._below(*new.kids)
            node = new
        return node

    def _proof_of_kid(self, node: Expr, kid: Expr) -> Proof | None:
        proof = self.memo[kid]
        if proof is not None and isinstance(node, Name) and proof.after is not kid and isinstance(proof.after, Name) \
                and self.context.names.get(proof.after.body) is proof.after and proof.after.name == node.name:
            return None                                         # a name's own body isn't folded into the name
        return proof

    def _fire(self, node: Expr) -> list[Item] | None:
        for law in self._tables.get(type(node), ()):
            used = law.fire(node, self.context)
            if used is not None and used.after is not node:
                return [Fire(law.name, node, used.after, None, (), used.facts)]
        return self._distribute(node) if self.trials else None

    def _distribute(self, node: Expr) -> list[Item] | None:
        """Multiply out one sum, if what comes of it weighs less."""
        if not _worth_trying(node, self.context):
            return None
        best: list[Item] | None = None
        weight = node.weight
        must = isinstance(node, Contract) and any(_too_wide(node, j) for j in sums_in(node))
        for choice in distributions(node, self.context):
            if must and not (isinstance(node, Contract) and _too_wide(node, choice[0][1])):
                continue
            used = distribute.fire(node, self.context, choice)
            if used is None or used.after is node:
                continue
            proof = self.light.normalise(used.after)
            if (must and best is None) or proof.after.weight < weight:
                weight = proof.after.weight
                best = [Fire(distribute.name, node, used.after, choice, (), ()), proof]
        return best


def _speaks_of(node: Contract, context: Context) -> bool:
    """True if a fact's subject is a factor here, or one in a term of a factor."""
    subjects = {base_and_exponent(f.subject)[0] for f in context.facts.of("onehot", "equal", "orthogonal", "sum")
                if isinstance(f.subject, Expr)}
    below = [f for g in node.factors for f in ([g] if not isinstance(g, Add) else
                                               [h for t in g.kids for h in (t.kids if isinstance(t, Contract) else (t,))])]
    return any(peel(base_and_exponent(f)[0]) in subjects for f in below)


def _too_wide(node: Contract, j: int) -> bool:
    """A sum of order 3 or more inside a matrix: multiplied out, so that its terms can be matrices."""
    return len(node.factors[j].shape) > max(2, len(node.shape))


def _has_structure(inner: Expr) -> bool:
    """A sum of matrices with a term that is only broadcast, such as I − 1 pᵀ."""
    if len(inner.shape) < 2:
        return False
    for t in inner.kids:
        if isinstance(t, Contract):
            used = {x for ls in t.labels for x in ls}
            if any(x not in used for x in t.out):
                return True
    return False


def _constant_beside_a_sum(node: Contract, j: int, sums: list[int]) -> bool:
    """True where a term of the sum is constant along an axis that is contracted with another sum."""
    inner = node.factors[j]
    for a, x in enumerate(node.labels[j]):
        if x not in node.out and any(x in node.labels[k] for k in sums if k != j) and any(free_along(t, a) for t in inner.kids):
            return True
    return False


def _worth_trying(node: Expr, context: Context) -> bool:
    """A cheap test that multiplying out could make something cancel."""
    if isinstance(node, Add):
        return any(sums_in(t) for _, t in node.terms)
    if not isinstance(node, Contract):
        return False
    sums = sums_in(node)
    if not sums:
        return False
    if context.facts and _speaks_of(node, context):
        return True
    if any(_too_wide(node, j) or _has_structure(node.factors[j]) for j in sums):
        return True
    for j in sums:
        inner = node.factors[j]
        bases = {base_and_exponent(f)[0] for k, f in enumerate(node.factors) if k != j}
        negative = {base_and_exponent(f)[0] for k, f in enumerate(node.factors) if k != j and base_and_exponent(f)[1] < 0}
        touched = {x for k, ls in enumerate(node.labels) if k != j for x in ls} | set(node.out)
        if any(x not in touched for x in node.labels[j]):
            return True                                         # an axis of the sum is summed alone
        if _constant_beside_a_sum(node, j, sums):
            return True                                         # its constant may be in the kernel of another: (p pᵀ − diag p) 1
        for t in inner.kids:
            below = t.kids if isinstance(t, Contract) else (t,)
            for f in below:
                base, q = base_and_exponent(f)
                if base in negative or (q < 0 and base in bases):
                    return True
                bare = peel(base)
                if isinstance(bare, Call) and bare.fn == "inv" and any(b is bare.kids[0] for b in bases):
                    return True
                if any(isinstance(b, Call) and b.fn == "inv" and b.kids[0] is base for b in bases):
                    return True
    return False
