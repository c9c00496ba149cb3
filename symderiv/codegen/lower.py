"""From expressions to the array program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from symderiv.build import apply, permute, power, scale
from symderiv.codegen.bounds import bounds
from symderiv.codegen.choices import multiplied_out
from symderiv.codegen.contraction import Contractor
from symderiv.codegen.program import Program
from symderiv.codegen.sharing import merged, unsummed
from symderiv.codegen.terms import Opened, Term
from symderiv.dims import Dim
from symderiv.errors import NoRuleError, SymderivError
from symderiv.ir import Add, Box, Call, Contract, Der, Expr, Map, Name, Symbol, debug, postorder

Factor = tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Layout:
    """How an output stands to the array that is computed for it.

    ``pattern[axis]`` is the first axis that δ ties it to, or itself; ``axes`` are the output's axes that the array has.
    """

    dims: tuple[Dim, ...]
    pattern: tuple[int, ...]
    axes: tuple[int, ...]

    @property
    def deltas(self) -> tuple[tuple[int, int], ...]:
        return tuple((first, axis) for axis, first in enumerate(self.pattern) if first != axis)


class Lowering:
    """One run: a memo from nodes to positions in the program, kept across all outputs.

    With ``choices`` the program may hold two forms of a product, of which the code chooses one by its arguments' sizes.
    """

    def __init__(
        self, roots: Sequence[Expr], sizes: Mapping[str, int], symmetric: bool = False, inputs: Sequence[Symbol] = (),
        choices: bool = True,
    ) -> None:  # fmt: skip
        self.symmetric_roots = {r for r in roots if len(r.shape) == 4 and (symmetric or permute(r, (2, 3, 0, 1)) is r)}
        nodes = list(postorder(*roots))
        for node in nodes:
            if isinstance(node, Der):
                raise NoRuleError(f"the derivative {debug(node)} is not yet taken", hint="derive first, then generate")
            if isinstance(node, Call) and node.ders and not node.abstract:
                raise NoRuleError(f"the derivative of '{node.fn}' is not yet taken", hint="derive first, then generate")
        self.program = Program()
        self.bounds = bounds(nodes)
        self.uses = Counter(kid for node in nodes for kid in node.kids)
        self.uses.update(roots)
        self.contractor = Contractor(self.program, sizes)
        self.opened = Opened(self.uses, self.contractor)
        self.opened.see(nodes)
        self.memo: dict[Expr, int] = {}
        self.turns: dict[Expr, Expr | None] = {}
        self.choices = choices
        self.multiplied = False
        """the terms at hand were multiplied out on purpose"""
        self.order, self.roots = list(roots), set(roots)
        self.leading = self.contractor.leading = _leading([*nodes, *inputs])

    def value(self, root: Expr) -> int:
        """The position of the node's dense value."""
        stack, waiting = [root], set[Expr]()
        while stack:
            node = stack[-1]
            if node in self.memo:
                stack.pop()
                continue
            missing = [n for n in self.needs(node) if n not in self.memo]
            if missing and node in waiting:  # what it waited for waits for it: else it would be there now
                raise SymderivError(f"no order to compute {debug(node)} in", hint="this is a fault of symderiv's; please report it")
            if missing:
                waiting.add(node)
                stack.extend(reversed(missing))
                continue
            stack.pop()
            self.contractor.whole_is_symmetric = node in self.symmetric_roots
            self.contractor.any_order = node not in self.roots
            position = self.build(node)
            self.memo[node] = position
            self.program.nodes.setdefault(position, node)
            if self.bounds.get(node, (-1.0, 1.0))[0] >= 0:
                self.program.nonnegative.add(position)
        return self.memo[root]

    def values(self) -> list[int]:
        """The positions of the roots; one that is another with its halves exchanged is a view of that."""
        done: dict[Expr, int] = {}
        for root in self.order:
            order, found = len(root.shape), None
            if order in (2, 4) and root not in done:
                exchanged = (*range(order // 2, order), *range(order // 2))
                found = done.get(permute(root, exchanged)) if len(self.roots) > 1 else None
            if found is not None:
                done[root] = self.program.emit("transpose", (found,), exchanged, root.shape)
            elif root not in done:
                done[root] = self.value(root)
        return [done[root] for root in self.order]

    def terms(self, node: Expr) -> list[Term] | None:
        if isinstance(node, Add | Contract) and node not in self.opened.own:
            self.opened.see(postorder(node))
        return self.opened.own.get(node)

    def needs(self, node: Expr) -> list[Expr]:
        if self.against(node):
            turned = self.turned(node)
            if turned is not None:
                return [turned]
        terms = self.terms(node)
        if terms is None:
            return list(node.kids)
        return list(dict.fromkeys(f for t in terms for f, _ in t.factors))

    def build(self, node: Expr) -> int:
        emit = self.program.emit
        if isinstance(node, Symbol):
            if node.kind == "dim":
                return emit("size", (), node.name, ())
            if node.kind == "const":
                return emit("constant", (), node.name, ())
            if node.kind == "structure":
                return emit("structure", (), node.name, node.shape)
            return emit("input", (), node.name, node.shape)
        turned = self.turned(node)
        if turned is not None and turned in self.memo:
            return self.contractor.arranged((self.memo[turned], (1, 0)), (0, 1))
        terms = self.terms(node)
        if terms is not None:
            position = self.dense(terms, node.shape)
        elif isinstance(node, Name | Box):
            position = self.memo[node.kids[0]]
        elif isinstance(node, Map):
            kind, spec = ("generic", (node.fn, node.order)) if node.generic else ("map", (node.fn, node.params))
            position = emit(kind, (self.memo[node.arg],), spec, node.shape)
        else:
            assert isinstance(node, Call), node
            args = [self.memo[a] for a in node.args]
            if node.abstract:
                position = emit("abstract", args, (node.fn, node.ders), node.shape)
            elif node.fn == "reshape":
                position = emit("reshape", args, None, node.shape)
            else:
                position = emit("call", args, (node.fn, node.params), node.shape)
        if isinstance(node, Name) and self.program.ops[position].kind not in ("input", "number", "size", "constant"):
            self.program.names.setdefault(position, node.name)
        return position

    def against(self, node: Expr) -> bool:
        """Whether a matrix has the axis of samples last: arrays that lie alike are combined faster than transposes are."""
        if len(node.shape) != 2 or node in self.roots:
            return False
        first, last = node.shape
        return last in self.leading and first not in self.leading

    def turned(self, node: Expr) -> Expr | None:
        """The transpose of a matrix that is computed entry by entry from products, such as tanh(X Wᵀ) for tanh(W Xᵀ)."""
        if len(node.shape) != 2 or not isinstance(node, Map | Contract | Add):
            return None
        if node not in self.turns:
            chain = []
            inner: Expr = node
            while isinstance(inner, Map) and not inner.generic:
                chain.append(inner)
                inner = inner.arg
            found = permute(inner, (1, 0))
            for step in reversed(chain):
                found = apply(step.fn, found, step.params) if step.fn != "pow" else power(found, step.params[0])
            again = found is node or node in found.kids  # (tanh z)ᵀ is no other way to compute tanh z
            self.turns[node] = None if again else found
        return self.turns[node]

    # ------------------------------------------------------------ sums of products
    def dense(self, terms: Sequence[Term], shape: tuple[Dim, ...]) -> int:
        """The full array."""
        groups = self.grouped(terms, shape)
        plain = tuple(range(len(shape)))
        if len(groups) > 1:
            self.contractor.whole_is_symmetric = False
        base: int | None = None
        if plain in groups or not groups:
            base, axes = self.total(groups.pop(plain, []), shape)
            if axes != plain:
                base = self.program.emit("broadcast", (base,), axes, shape)
        if not groups:
            assert base is not None
            return base
        args = [] if base is None else [base]
        specs = []
        for pattern, members in groups.items():
            position, axes = self.total(members, shape)
            specs.append((pattern, axes))
            args.append(position)
        return self.program.emit("delta", args, (base is not None, tuple(specs)), shape)

    def compressed(self, root: Expr) -> tuple[int, Layout]:
        """The core of a node and its layout; where δ isn't common to all terms, the full array."""
        plain = tuple(range(len(root.shape)))
        inner = root
        while isinstance(inner, Name | Box):
            inner = inner.kids[0]
        terms = self.terms(inner)
        if terms:
            groups = self.grouped(terms, root.shape)
            if len(groups) == 1:
                for factor in self.needs(inner):
                    self.value(factor)
                ((pattern, members),) = groups.items()
                position, axes = self.total(members, root.shape)
                return position, Layout(root.shape, pattern, axes)
        return self.value(root), Layout(root.shape, plain, plain)

    def grouped(self, terms: Sequence[Term], shape: tuple[Dim, ...]) -> dict[tuple[int, ...], list[Term]]:
        """Terms by their δ, their labels renamed: output labels are the first axis they stand at, others follow."""
        groups: dict[tuple[int, ...], list[Term]] = {}
        for t in terms:
            names: dict[int, int] = {}
            for axis, x in enumerate(t.out):
                names.setdefault(x, axis)
            dims = list(shape)
            for _, ls in t.factors:
                for x in ls:
                    if x not in names:
                        names[x] = len(dims)
                        dims.append(t.dims[x])
            pattern = tuple(names[x] for x in t.out)
            factors = tuple((f, tuple(names[x] for x in ls)) for f, ls in t.factors)
            groups.setdefault(pattern, []).append(Term(t.coefficient, factors, pattern, tuple(dims)))
        return groups

    def total(self, terms: Sequence[Term], shape: tuple[Dim, ...]) -> tuple[int, tuple[int, ...]]:
        """(position, axes it has) of a sum of products that share their δ."""
        for whole, labels in unsummed(terms):
            if whole in self.memo:  # computed entry by entry before
                return self.contractor.reduce((self.memo[whole], labels), {-1})
        terms = self.merged(terms, len(shape))
        if len(terms) == 1:
            terms = [self.turned_sign(terms[0])]
        common = self.common(terms)
        if common:
            self.contractor.whole_is_symmetric = False
            rest, axes = self.total([t.without(common) for t in terms], shape)
            factors = [(self.memo[f], ls) for f, ls in common]
            kept = tuple(sorted({*axes, *(x for _, ls in factors for x in ls)}))
            dims = dict(enumerate(shape))
            return self.contractor.contract([*factors, (rest, axes)], kept, dims), kept
        if len(terms) > 1:
            self.contractor.whole_is_symmetric = False
        constant = Fraction(0)
        parts: list[tuple[Fraction, Factor]] = []
        for t in terms:
            if not t.factors:
                constant += t.coefficient
                continue
            kept = tuple(x for x in dict.fromkeys(t.out) if x in t.carried)
            factors = [(self.memo[f], ls) for f, ls in t.factors]
            if len(kept) > 2 and not (t.coefficient == 1 or (t.coefficient == -1 and len(terms) > 1)):
                t = self.scaled_inside(t, factors, keep_sign=len(terms) > 1)
            position = self.contractor.contract(factors, kept, dict(enumerate(t.dims)))
            if len(kept) < 3 and self.choices and not self.multiplied:
                position = self.chosen(t, position, kept)
            parts.append((t.coefficient, (position, kept)))
        if not parts:
            return self.program.emit("number", (), constant, ()), ()
        if len(parts) == 1 and parts[0][0] == 1 and not constant:
            return parts[0][1]
        axes = tuple(sorted({x for _, (_, ls) in parts for x in ls}))
        place = {x: k for k, x in enumerate(axes)}
        spec = (tuple(c for c, _ in parts), tuple(tuple(place[x] for x in ls) for _, (_, ls) in parts), constant)
        return self.program.emit("sum", [p for _, (p, _) in parts], spec, [shape[x] for x in axes]), axes

    def chosen(self, t: Term, built: int, kept: tuple[int, ...]) -> int:
        """A product, or what chooses between it and its terms multiplied out, where that depends on sizes."""
        for place, (factor, _) in enumerate(t.factors):
            inner = self.sum_inside(factor)
            choice = multiplied_out(t, place, inner, self.contractor) if inner else None
            if choice is None:
                continue
            self.evaluated(*dict.fromkeys(f for term in choice.terms for f, _ in term.factors))
            before = self.contractor.whole_is_symmetric, self.contractor.any_order, self.contractor.sizes
            known, conditional = len(self.program.ops), self.program.conditional
            self.program.conditional = set(range(known))  # what the other form has computed isn't there in this one
            self.multiplied, self.contractor.sizes = True, {**self.contractor.sizes, **choice.sizes}
            position, axes = self.total(choice.terms, t.dims)
            self.multiplied = False
            self.program.conditional = conditional | set(range(known, len(self.program.ops) if choice.less else 0))
            self.contractor.whole_is_symmetric, self.contractor.any_order, self.contractor.sizes = before
            if axes == kept and not choice.less:
                return position
            if axes == kept:
                spec = choice.more, choice.less, *choice.work
                return self.program.emit("choice", (position, built), spec, [t.dims[x] for x in kept])
        return built

    def sum_inside(self, factor: Expr) -> list[Term]:
        """The terms of a factor that is a sum, and that nothing else uses."""
        while isinstance(factor, Name | Box) and self.uses.get(factor, 1) == 1:
            factor = factor.kids[0]
        alone = isinstance(factor, Add) and self.uses.get(factor, 1) == 1 and factor not in self.roots
        return self.terms(factor) or [] if alone else []

    def merged(self, terms: Sequence[Term], order: int) -> Sequence[Term]:
        """The terms, those made one that share what is applied to them; sums that are factors now are computed."""
        squares = [t for t in terms if self.is_square(t)]
        if self.multiplied or len(terms) - len(squares) < 2 or not order:
            return terms
        terms, rests = merged([t for t in terms if t not in squares], order, self.contractor)
        terms += squares
        for rest in rests:
            if any(rest is f for t in terms for f, _ in t.factors):
                nodes = list(postorder(rest))
                self.opened.see(nodes)
                self.bounds.update(bounds(nodes))
                self.evaluated(rest)
        return terms

    def turned_sign(self, t: Term) -> Term:
        """−a (b − c) as a (c − b), which is an operation less."""
        for k, (f, ls) in enumerate(t.factors if t.coefficient == -1 and len(t.factors) > 1 else ()):
            signs = {c > 0 for c, _ in f.terms} if isinstance(f, Add) and self.uses.get(f, 1) == 1 and f not in self.roots else ()
            if len(signs) == 2:
                turned = scale(-1, f)
                self.bounds.update(bounds(postorder(turned)))
                self.evaluated(turned)
                return Term(Fraction(1), (*t.factors[:k], (turned, ls), *t.factors[k + 1 :]), t.out, t.dims)
        return t

    def evaluated(self, *nodes: Expr) -> None:
        """Compute values between the parts of another."""
        before = self.contractor.whole_is_symmetric, self.contractor.any_order
        for node in nodes:
            self.value(node)
        self.contractor.whole_is_symmetric, self.contractor.any_order = before

    def is_square(self, t: Term) -> bool:
        """Whether this is Tᵀ diag(m) T with m ≥ 0, for which half of the work is enough."""
        for i, j in combinations(t.out, 2):
            found = self.contractor.mirrored(t.factors, i, j) if t.dims[i] == t.dims[j] else None
            if found is not None:
                left, middle, _ = found
                shared = {i, j, *(x for k in left for x in t.factors[k][1])}
                if set(t.out) <= shared and all(self.bounds.get(t.factors[k][0], (-1.0, 1.0))[0] >= 0 for k in middle):
                    return True
        return False

    def scaled_inside(self, t: Term, factors: list[Factor], keep_sign: bool = False) -> Term:
        """Put the coefficient of a large product into its smallest factor, of those that stand there once.

        With ``keep_sign`` a minus stays outside, where the product is subtracted: so a factor that is ≥ 0 remains it.
        """
        counts = Counter(position for position, _ in factors)
        single = [k for k, (position, ls) in enumerate(factors) if counts[position] == 1 and ls]
        if not single:
            return t
        k = min(single, key=lambda k: len(factors[k][1]))
        position, ls = factors[k]
        dims = self.program.ops[position].dims
        sign = Fraction(-1 if keep_sign and t.coefficient < 0 else 1)
        spec = ((t.coefficient * sign,), (tuple(range(len(dims))),), Fraction(0))
        scaled = self.program.emit("sum", (position,), spec, dims)
        if t.coefficient * sign > 0:
            self.contractor.keep_sign(scaled, position)
        factors[k] = scaled, ls
        return Term(sign, t.factors, t.out, t.dims)

    def common(self, terms: Sequence[Term]) -> list[tuple[Expr, tuple[int, ...]]]:
        """Factors that all terms have at the same output axes: taken out of the sum.

        Not of a sum of order 3 or more whose terms are products of matrices: a factor is multiplied into one of these.
        """
        if len(terms) < 2 or (len(terms[0].out) > 2 and any(t.carried - set(t.out) for t in terms)):
            return []
        shared = Counter(terms[0].factors)
        for t in terms[1:]:
            shared &= Counter(t.factors)
        order = len(terms[0].out)
        return [f for f in shared.elements() if all(x < order for x in f[1]) and len(set(f[1])) == len(f[1])]


def _leading(nodes: Sequence[Expr]) -> set[Dim]:
    """The sizes that arguments have as the first of several axes and never as another: those of samples."""
    shapes = [n.shape for n in nodes if isinstance(n, Symbol) and n.kind == "variable" and len(n.shape) > 1]
    return {s[0] for s in shapes} - {d for s in shapes for d in s[1:]}
