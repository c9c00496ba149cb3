"""From expressions to prove's normal form: names opened, products distributed, functions rational in atoms exp(v).

Each rewriting is an equality wherever both sides of the claim are defined. That an argument is positive is known from
facts, from ranges, or because a side takes its logarithm or root.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from symderiv.build import apply, call, power, value_shape
from symderiv.dims import Dim
from symderiv.facts import Fact, Facts
from symderiv.frontend.rows import definition_of, has_definition
from symderiv.intervals import Intervals
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, Symbol, postorder
from symderiv.proving import determinants, functions, matrices
from symderiv.proving import factors as factoring
from symderiv.proving.terms import F1, Factor, GiveUp, Label, Open, Poly, Relation, Ring, Work, _put, to_expr
from symderiv.rules.base import peel

NONE = Facts()
WIDEST_POWER = 24
SYMMETRIC = ("symmetric", "diagonal", "psd", "pd")


class Forms:
    """Normal forms under one set of facts, within one budget."""

    def __init__(self, facts: Facts = NONE, budget: int = 5000, turn: int = 0) -> None:
        self.facts = facts
        self.turn = turn
        """which term of a sum B leads B·B⁻¹ = I"""
        self.signs = Intervals(facts)
        self.ring = Ring(budget, self._special)
        self.sums: dict[Expr, Poly] = {}
        """what an atom of several terms stands for"""
        self.roots: dict[Expr, tuple[Expr | None, int, Fraction]] = {}
        """root atom -> (base atom, degree, base where it is a number)"""
        self.exponents: dict[Expr, Poly] = {}
        self.logarithms: dict[Expr, Expr] = {}
        self.inverses: dict[Expr, Poly] = {}
        self.steps: set[Expr] = set()
        self.nonzero: set[Expr] = set()
        """atoms that a side divides by"""
        self.completed: set[tuple[Expr, Expr]] = set()
        self.unimodular: set[Expr] = set()
        self.diagonal = {f.subject for f in facts.of("diagonal") if isinstance(f.subject, Expr)}
        self.orthogonal = {f.subject: f for f in facts.of("orthogonal") if isinstance(f.subject, Expr)}
        self.memo: dict[Expr, Poly] = {}
        for fact in facts:
            self._assume(fact)
        self.memo.clear()

    # ------------------------------------------------------------ facts
    def _assume(self, fact: Fact) -> None:
        y = fact.subject
        if not isinstance(y, Expr):
            return
        order = len(y.shape)
        axes = tuple(range(order))
        if fact.kind == "equal" and fact.value is not None:
            self.vanishes(self.ring.sum([(F1, self.form(y)), (-F1, self.form(fact.value))], y.shape), fact.text)
        elif fact.kind == "sum" and fact.value is not None:
            rest = tuple(a for a in axes if a not in fact.axes)
            total = self.ring.contract([self.form(y)], [axes], rest)
            self.vanishes(self.ring.sum([(F1, total), (-F1, self.form(fact.value))], total.shape), fact.text)
        elif fact.kind == "onehot":
            left, right = (*axes[:-1], "i"), (*axes[:-1], "j")
            out = (*axes[:-1], "i", "j")
            sizes = dict(zip(out, (*y.shape, y.shape[-1]), strict=True))
            value = self.ring.poly([(F1, [(y, F1, left)], (*left, "i"), sizes)], tuple(sizes[x] for x in out))
            self.ring.relate(Relation(((y, F1, left), (y, F1, right)), out, value, fact.text))
        elif fact.kind == "orthogonal":
            n = y.shape[0]
            unit = self.ring.poly([(F1, [], ("i", "i"), {"i": n})], (n, n))
            for a, b in ((("k", "i"), ("k", "j")), (("i", "k"), ("j", "k"))):
                self.ring.relate(Relation(((y, F1, a), (y, F1, b)), ("i", "j"), unit, fact.text))

    def vanishes(self, p: Poly, text: str) -> None:
        """Use p = 0: its leading monomial is replaced by the others."""
        if not p.terms:
            return
        lead = p.lead()
        axes = tuple(range(len(p.shape)))
        if not lead.factors or not lead.plain or not set(axes) <= {x for _, _, ls in lead.factors for x in ls}:
            return
        c = p.terms[lead]
        rest = Poly(p.shape, {m: -d / c for m, d in p.terms.items() if m is not lead})
        self.ring.relate(Relation(tuple(lead.factors), axes, rest, text))

    def divisors(self, *sides: Expr) -> None:
        """Learn what has an inverse wherever the sides are defined, before anything is brought to its form."""
        for node in postorder(*sides):
            if isinstance(node, Call) and node.fn in ("inv", "logdet") and not node.ders:
                arg = self.form(node.args[0])
                one = arg.single()
                if node.fn == "inv" and arg.terms:
                    matrices.inverse(self, arg)
                elif one is not None and (chain := matrices.chain_of(one[0])) is not None:
                    for a, _, _ in chain[0]:
                        matrices.inverse_of_atom(self, a)
            elif isinstance(node, Map) and node.fn == "pow" and node.params[0] < 0:
                one = self.form(node.arg).single()
                for a, _, _ in one[0].factors if one else ():
                    self.nonzero.add(a)
                    if isinstance(a, Call) and a.fn == "det" and not a.ders:
                        matrices.inverse(self, self.form(a.args[0]))
        for atom in list(self.inverses):
            matrices.complete(self, atom)
        self.memo.clear()

    # ------------------------------------------------------------ expressions
    def form(self, root: Expr) -> Poly:
        """The normal form; raises GiveUp beyond the budget."""
        for node in postorder(root):
            if node not in self.memo:
                self.memo[node] = self._node(node)
        return self.memo[root]

    def _node(self, node: Expr) -> Poly:
        if isinstance(node, Name | Box):
            return self.memo[node.body]
        if isinstance(node, Symbol):
            return functions.euler(self) if node.kind == "const" and node.name == "e" else self.ring.atom(node)
        if isinstance(node, Add):
            return self.ring.sum([(c, self.memo[t]) for c, t in node.terms], node.shape)
        if isinstance(node, Contract):
            return self.ring.contract(
                [self.memo[f] for f in node.factors], node.labels, node.out, dict(enumerate(node.dims))
            )
        if isinstance(node, Map):
            arg = self.memo[node.arg]
            if node.fn == "pow":
                return self.power(arg, node.params[0])
            if node.generic or node.order:
                return self.leaf(apply(node.fn, to_expr(arg), node.params, node.order, node.generic))
            inner = peel(node.arg)
            if node.fn == "log" and isinstance(inner, Map) and inner.fn == "abs":
                return functions.logarithm(self, self.memo[inner.arg], of_size=True)
            if node.fn in functions.FORMS:
                return functions.FORMS[node.fn](self, arg)
            if has_definition(node):
                return self.form(definition_of(node))
            return self.leaf(apply(node.fn, to_expr(arg), node.params))
        if isinstance(node, Call):
            args = [self.memo[a] for a in node.args]
            if not node.ders and node.fn == "inv":
                return matrices.inverse(self, args[0])
            if not node.ders and node.fn == "det" and (found := determinants.of_kronecker(self, node.args[0])) is not None:
                return found
            if not node.ders and node.fn in determinants.FORMS:
                return determinants.FORMS[node.fn](self, args[0])
            if not node.ders and node.fn == "prod" and node.params == determinants.PRODUCT and len(args[0].shape) == 1:
                return determinants.product(self, args[0])
            if has_definition(node):
                return self.form(definition_of(node))
            made = call(node.fn, [to_expr(a) for a in args], value_shape(node), node.params, node.abstract, node.ders)
            return self.ring.atom(made)
        raise GiveUp(f"{node!r} has no normal form")

    def leaf(self, node: Expr) -> Poly:
        """A node that a constructor gave: an atom, seen through broadcast axes and coefficients."""
        if isinstance(node, Add):
            return self.ring.sum([(c, self.leaf(t)) for c, t in node.terms], node.shape)
        if isinstance(node, Contract):
            return self.ring.contract(
                [self.leaf(f) for f in node.factors], node.labels, node.out, dict(enumerate(node.dims))
            )
        return self.ring.atom(node)

    # ------------------------------------------------------------ powers
    def power(self, p: Poly, q: Fraction) -> Poly:
        """p^q, entry by entry."""
        if q == 0:
            return self.ring.constant(F1, p.shape)
        if q.denominator == 1 and q > 0:
            one = p.single()
            if one and set(range(len(one[0].dims))) == set(one[0].out):
                m, c = one
                rows: list[Open] = [(a, e * q, ls) for a, e, ls in m.factors]
                return self.ring.poly([(c ** int(q), rows, m.out, dict(enumerate(m.dims)))], p.shape)
            if q > WIDEST_POWER or len(p.terms) ** int(q) > 4 * max(self.ring.budget, 1):
                raise GiveUp(f"a sum to the power {q}")
            result = p
            for _ in range(int(q) - 1):
                result = self.ring.times(result, p)
            return result
        found = factoring.factorised(self, p)
        if found is None:
            return self.ring.atom(power(to_expr(p), q)) if p.terms else self._refuse()
        c, factors = found
        if q.denominator == 1:
            return self.product(c ** int(q), [(a, e * q, ls) for a, e, ls in factors], p)
        return self._root(c, factors, q, p)

    def _refuse(self) -> Poly:
        raise GiveUp("0 to a power that isn't positive")

    def product(self, c: Fraction, factors: Iterable[Factor], like: Poly) -> Poly:
        """c · Π atom^q, its labels the positions of the axes of ``like``."""
        labels: tuple[Label, ...] = tuple(range(len(like.shape)))
        return self.ring.poly([(c, list(factors), labels, dict(enumerate(like.shape)))], like.shape)

    def _root(self, c: Fraction, factors: list[Factor], q: Fraction, like: Poly) -> Poly:
        """(c Π a^e)^q for a q that isn't whole: factors known to be positive go out."""
        whole = c > 0 and q > 0 and all(self.signs.nonnegative(a) for a, _, _ in factors)
        known = [f for f in factors if whole or self.positive(f[0])]
        rest = [f for f in factors if not (whole or self.positive(f[0]))]
        result = [row for a, e, ls in known for row in self.atom_power(a, e * q, ls)]
        coefficient, roots = functions.number_power(self, abs(c), q)
        result.extend(roots)
        if len(rest) > 1 and c > 0 and all(self.signs.nonnegative(a) or e % 2 == 0 for a, e, _ in rest):
            parts = [self._root(F1, [f], q, like) for f in rest]        # each is at least zero
            return self.ring.times(self.product(coefficient, result, like), *parts)
        if len(rest) == 1 and c > 0:
            a, e, ls = rest[0]
            if e.denominator == 1 and e % 2 == 0 and q.denominator == 2:
                size = self.form(apply("abs", a)) if a not in self.sums else None
                if size is not None:
                    n = int(e * q)
                    if n < 0:
                        result.append((a, Fraction(n - n % 2), ls))
                        n = n % 2
                    return self.ring.times(self.product(coefficient, result, like), *([self._at(size, ls, like)] * n))
            elif e.denominator == 1 and e % 2:
                return self.product(coefficient, [*result, *self.atom_power(a, e * q, ls)], like)
        if rest or c < 0:
            base, axes = self.reduced(self.product(Fraction(1 if c > 0 else -1), rest, like))
            result.extend(self.atom_power(self.summed(base), q, axes))
        return self.product(coefficient, result, like)

    def reduced(self, p: Poly) -> tuple[Poly, tuple[int, ...]]:
        """(p on the axes that it depends on, these axes), for a sum without δ."""
        if not all(m.plain for m in p.terms):
            return p, tuple(range(len(p.shape)))
        axes = tuple(sorted({x for m in p.terms for _, _, ls in m.factors for x in ls} & set(range(len(p.shape)))))
        terms = {self.ring.mono(m.factors, axes, dict(enumerate(m.dims))): c for m, c in p.terms.items()}
        return Poly(tuple(p.shape[x] for x in axes), terms), axes

    def _at(self, p: Poly, labels: tuple[int, ...], like: Poly) -> Poly:
        """p with its axes at these positions, broadcast to the shape of ``like``."""
        return self.ring.contract([p], [labels], tuple(range(len(like.shape))), dict(enumerate(like.shape)))

    def atom_power(self, a: Expr, q: Fraction, labels: tuple[int, ...]) -> list[Factor]:
        """a^q as factors: whole powers, roots, and powers of exponentials."""
        if not q:
            return []
        if a in self.exponents or q.denominator == 1:
            return [(a, q, labels)]
        if a in self.roots:
            base, d, _ = self.roots[a]
            if base is not None:
                return self.atom_power(base, q / d, labels)
        root = power(a, Fraction(1, q.denominator))
        if not isinstance(root, Map):
            raise GiveUp("a root that isn't one node")
        self.roots.setdefault(root, (a, q.denominator, F1))
        return [(root, Fraction(q.numerator), labels)]

    def summed(self, p: Poly) -> Expr:
        return factoring.register(self, p)

    def positive(self, atom: Expr) -> bool:
        """Known to be positive wherever it is defined."""
        return atom in self.exponents or self.signs.positive(atom)

    # ------------------------------------------------------------ rewriting of single terms
    def _special(
        self, c: Fraction, factors: list[Open], out: tuple[Label, ...], dims: dict[Label, Dim]
    ) -> list[Work] | None:
        """Laws of single atoms: roots, sums to a positive power, diagonal matrices, H² = H, sin² = 1 − cos²."""
        for k, (a, q, ls) in enumerate(factors):
            rest = factors[:k] + factors[k + 1 :]
            if a in self.roots and q.denominator == 1:
                base, d, number = self.roots[a]
                whole, left = divmod(int(q), d)
                if whole:
                    new: list[Open] = [(a, Fraction(left), ls)] if left else []
                    if base is not None:
                        new.append((base, Fraction(whole), ls))
                    return [(c * number**whole, rest + new, out, dims)]
            if a in self.sums and q >= 1 and q.denominator == 1:
                left_over: list[Open] = [(a, q - 1, ls)] if q > 1 else []
                at: dict[Label, Label] = {("axis", p): x for p, x in enumerate(ls)}
                axes = tuple(at)
                return [(c * d, *made) for d, made in _put(self.sums[a], rest + left_over, at, axes, out, dims)]
            if a in self.diagonal and ls[0] != ls[1]:
                swap = {ls[1]: ls[0]}
                rows = [(b, r, tuple(swap.get(x, x) for x in lb)) for b, r, lb in factors]
                return [(c, rows, tuple(swap.get(x, x) for x in out), {x: d for x, d in dims.items() if x not in swap})]
            if isinstance(a, Map) and q >= 2 and not a.generic:
                if a.fn == "heaviside":
                    return [(c, [*rest, (a, F1, ls)], out, dims)]
                if a.fn == "sin":
                    less: list[Open] = [(a, q - 2, ls)] if q > 2 else []
                    cosine = apply("cos", a.arg)
                    return [(c, rest + less, out, dims), (-c, [*rest, *less, (cosine, Fraction(2), ls)], out, dims)]
        return None


__all__ = ["Forms"]
