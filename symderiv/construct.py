"""The constructors: each brings its node to canonical form, and does structure only; folding and facts are rules.

Flattening, δ by union–find, equal factors as powers, like terms, coefficients and shared axes outwards. All idempotent.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any

from symderiv import patterns
from symderiv.dims import Dim, dim_terms
from symderiv.errors import ShapeError
from symderiv.flatten import Flattening, Label, canonical_rows, sorted_labels, turnable, turns, under_test
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, Symbol, base_and_exponent, is_zero, scaled
from symderiv.nodes import ONE, add_node, contract_node, map_node, number, ones, primitive, symbol, zero
from symderiv.patterns import Atom, common_structure, components, cuts, is_one_sum, may_merge, rational_power


def size(dim: Dim) -> Expr:
    """A dimension used as a number: Σ_i 1."""
    if isinstance(dim, int):
        return number(dim)
    terms = [(Fraction(c), contract(tuple(symbol(a, (), "dim") for a in atoms), ((),) * len(atoms), ()))
             for c, atoms in dim_terms(dim)]
    return add(terms, ())


# ---------------------------------------------------------------- contraction
def contract(factors: Sequence[Expr], labels: Sequence[Sequence[Label]], out: Sequence[Label],
             dims: Mapping[Any, Dim] | None = None) -> Expr:
    """Σ over labels not in ``out`` of Π factors, in canonical form (an Add where a coefficient other than 1 remains).

    ``dims`` gives the sizes of labels that no factor carries.
    """
    return _Contraction(factors, labels, out, dims or {}).build()


def view(node: Expr, labels: Sequence[Label], out: Sequence[Label], dims: Mapping[Any, Dim] | None = None) -> Expr:
    """One factor, relabelled: transposed, summed, put on a diagonal or broadcast."""
    return contract((node,), (labels,), out, dims)


def permute(node: Expr, order: Sequence[int]) -> Expr:
    """Axes in the given order, as numpy.transpose."""
    return view(node, tuple(range(len(order))), tuple(order))


class _Contraction(Flattening):
    """One run of the constructor, over factors that have been flattened."""

    def build(self) -> Expr:
        shape = tuple(self.dim[self.find(x)] for x in self.out)
        if self.vanishes:
            return zero(shape)
        self.out = tuple(self.find(x) for x in self.out)
        self.settle()
        while not self.vanishes and (self.merge_powers() or self.count_bare_labels() or self.merge_groups()):
            pass
        if self.vanishes:
            return zero(shape)
        return scale(self.coefficient, self.canonical())

    def replace(self, factors: list[Atom]) -> None:
        """Take new factors, flattened where a power has opened."""
        self.atoms = []
        self.flatten(factors)
        self.out = tuple(self.find(x) for x in self.out)
        self.settle()

    def settle(self) -> None:
        """Labels that δ identified become one; f(X)_ii is f(X_ii); a sum stands in its canonical orientation."""
        settled: list[Atom] = []
        for f, ls in self.atoms:
            ls = tuple(self.find(x) for x in ls)
            if len(ls) > 1:
                base, q = base_and_exponent(f)
                if isinstance(base, Map) and len(set(ls)) < len(ls):
                    kept = tuple(dict.fromkeys(ls))
                    f, ls = power(remap(base, view(base.arg, ls, kept)), q), kept
                f, order = oriented(f)
                ls = _sorted_axes(f, tuple(ls[k] for k in order))
            settled.append((f, ls))
        self.atoms = settled

    def merge_powers(self) -> bool:
        """a·a = a², a·a⁻¹ = 1: equal bases at equal labels; True if a power opened so that merging must go on."""
        if len(self.atoms) < 2:
            return False
        parts = [(*base_and_exponent(f), ls) for f, ls in self.atoms]
        rows = [((base, _sorted_axes(base, ls)), q) for base, q, ls in parts]
        if len({row for row, _ in rows}) == len(rows):
            return False
        exponents: dict[Atom, Fraction] = {}
        for row, q in rows:
            exponents[row] = exponents.get(row, 0) + q
        self.replace([(power(base, q), ls) for (base, ls), q in exponents.items() if q])
        return True

    def count_bare_labels(self) -> bool:
        """A summed label that no factor carries is its size."""
        used = {x for _, ls in self.atoms for x in ls} | set(self.out)
        bare = [x for x in range(len(self.parent)) if self.find(x) == x and x not in used and self.dim[x] != 0]
        if not bare:
            return False
        factors = [*self.atoms, *((size(self.dim[x]), ()) for x in bare)]
        for x in bare:
            self.dim[x] = 0
        self.replace(factors)
        return True

    def merge_groups(self) -> bool:
        """Merge equal sub-contractions that hang on the same labels, (Wx)_i (Wx)_i = ((Wx)²)_i, so that powers cancel."""
        bases = [base_and_exponent(f)[0] for f, _ in self.atoms]
        if len(set(bases)) == len(bases) and not any(isinstance(b, Contract) for b in bases):
            return False
        return any(self.merge_across(cut) for cut in cuts(self.atoms, self.out))

    def merge_across(self, cut: set[int]) -> bool:
        groups = components(self.atoms, cut)
        if len(groups) == 1 or not may_merge(groups, cut):
            return False
        rows: dict[Atom, tuple[Fraction, list[Atom]]] = {}
        merged = False
        for group in groups:
            boundary = tuple(sorted({x for _, ls in group for x in ls} & cut))
            inner = any(x not in cut for _, ls in group for x in ls)
            if inner:
                c, node = scaled(contract([f for f, _ in group], [ls for _, ls in group], boundary))
                if c != 1:
                    return False
                q, key = Fraction(1), (node, boundary)
            else:
                (f, ls), = group
                node, q = base_and_exponent(f)
                key = (node, ls)
                if isinstance(node, Contract):
                    order = tuple(sorted(set(ls)))
                    key = (view(node, ls, order), order)
            merged = merged or key in rows
            rows[key] = (rows[key][0] + q, []) if key in rows else (q, group)
        if not merged:
            return False
        factors: list[Atom] = []
        for (node, ls), (q, group) in rows.items():
            turned, ls = _turned(node, ls)
            factors.extend(group or ([(power(turned, q), ls)] if q else []))
        kept = {x for _, ls in factors for x in ls} | cut
        for x in {x for _, ls in self.atoms for x in ls} - kept:
            self.dim[x] = 0                                     # summed inside the merged group: no bare label
        self.replace(factors)
        return True

    def canonical(self) -> Expr:
        rows, new_out, dims, outer = self.numbered()
        if len(rows) == 1 and turnable(rows[0][0]) and new_out == tuple(range(outer)) == tuple(range(len(dims))) \
                and len(rows[0][1]) == outer and set(rows[0][1]) == set(new_out) and rows[0][1] != new_out:
            f, ls = rows[0]
            return _turn(f, tuple(ls.index(x) for x in new_out))
        if len(rows) == 1 and rows[0][1] == new_out == tuple(range(outer)) == tuple(range(len(dims))):
            return rows[0][0]
        if len(dims) - outer + len(rows) > 1 or (rows and axis_classes(rows[0][0]) != tuple(range(len(rows[0][1])))):
            rows, dims = canonical_rows(rows, [axis_classes(f) for f, _ in rows], new_out, dims, outer)
            if len(rows) == 1 and rows[0][1] == new_out == tuple(range(outer)) == tuple(range(len(dims))):
                return rows[0][0]
        return contract_node(tuple(f for f, _ in rows), tuple(ls for _, ls in rows), new_out, tuple(dims))


def _turned(node: Expr, labels: tuple[int, ...]) -> tuple[Expr, tuple[int, ...]]:
    """The node with its axes in an order that doesn't depend on the labels: the one of least digest."""
    if len(labels) < 2 or len(labels) > 4 or not isinstance(node, Contract):
        return node, labels
    orders = permutations(range(len(labels)))
    return min(((permute(node, o), tuple(labels[k] for k in o)) for o in orders), key=lambda pair: pair[0].digest)


def oriented(node: Expr) -> tuple[Expr, tuple[int, ...]]:
    """(turned, order): a sum, or a function, with its axes in an order that doesn't depend on where it stands.

    So a sum and its transpose are one factor: that with fewer transposed parts, of as many the one of least digest.
    """
    plain = tuple(range(len(node.shape)))
    if not turnable(node) or not 2 <= len(plain) <= 3:
        return node, plain
    if node._oriented is None:
        ways = [(_turn(node, o), o) for o in permutations(plain)]
        best, order = min(ways, key=lambda way: (turns(way[0]), way[0].digest, way[1]))
        node._oriented = (None, plain) if best is node else (best, order)
    turned, order = node._oriented
    return turned or node, order


def _turn(node: Expr, order: tuple[int, ...]) -> Expr:
    """Axes in the given order, inside: a transposed sum is a sum of transposes."""
    if isinstance(node, Map) and turnable(node):
        return remap(node, _turn(node.arg, order))
    if isinstance(node, Add):
        return add([(c, permute(t, order)) for c, t in node.terms], tuple(node.shape[k] for k in order))
    return permute(node, order)


def _sorted_axes(node: Expr, labels: tuple[int, ...]) -> tuple[int, ...]:
    """Labels of interchangeable axes in order, so that A_ij and A_ji of a symmetric A are one factor."""
    return labels if len(labels) < 2 else sorted_labels(labels, axis_classes(node))


def axis_classes(node: Expr) -> tuple[int, ...]:
    """A class for each axis; exchanging two axes of one class leaves the value as it is (declared, or seen by construction)."""
    if node._classes is None:
        with under_test(node) as first:
            if not first:                                       # while testing, count no symmetry
                return tuple(range(len(node.shape)))
            node._classes = _axis_classes(node)
    return node._classes


def _axis_classes(node: Expr) -> tuple[int, ...]:
    order = len(node.shape)
    plain = tuple(range(order))
    if order < 2 or len(set(node.shape)) == order:
        return plain
    if isinstance(node, Symbol):
        return (0, 0) if "symmetric" in node.props and order == 2 else plain
    if isinstance(node, Name | Map | Box):
        return axis_classes(node.kids[0])
    if isinstance(node, Call):
        if node.fn == "inv" and not node.ders:
            return axis_classes(node.args[0])
        return patterns.derivative_classes(node)
    if isinstance(node, Contract | Add):
        classes = list(plain)
        for a, b in combinations(range(order), 2):
            if node.shape[a] == node.shape[b] and classes[a] != classes[b] \
                    and permute(node, [b if k == a else a if k == b else k for k in plain]) is node:
                classes = [classes[a] if c == classes[b] else c for c in classes]
        return tuple(classes)
    return plain


# ---------------------------------------------------------------- sums
def scale(coefficient: Fraction | int, node: Expr) -> Expr:
    return node if coefficient == 1 else add([(Fraction(coefficient), node)], node.shape)


def add(terms: Iterable[tuple[Fraction | int, Expr]], shape: Sequence[Dim]) -> Expr:
    """Σ coefficient · node: like terms collected, δ and broadcast axes that all terms share moved out."""
    shape = tuple(shape)
    collected: dict[Expr, Fraction] = {}
    work = [(Fraction(c), t) for c, t in terms]
    work.reverse()
    while work:
        c, t = work.pop()
        if t.shape != shape:
            raise ShapeError(f"terms of a sum have the shapes {shape} and {t.shape}")
        if isinstance(t, Add):
            work.extend((c * d, u) for d, u in reversed(t.terms))
        else:
            collected[t] = collected.get(t, Fraction(0)) + c
    rows = [(c, t) for t, c in collected.items() if c]
    if not rows:
        return zero(shape)
    if len(rows) == 1:
        c, t = rows[0]
        return t if c == 1 else add_node(((c, t),), shape)
    opened = [(c, t, _open_view(t)) for c, t in rows]
    if any(inner is not None for _, _, inner in opened):
        flat: list[tuple[Fraction, Expr]] = []
        for c, t, inner in opened:
            flat.extend([(c, t)] if inner is None else [(c * d, u) for d, u in inner])
        return add(flat, shape)
    common = common_structure([t for _, t in rows], len(shape)) if shape else None
    if common is not None:
        out, inner_axes = common
        dims = {out[p]: shape[p] for p in range(len(shape))}
        reduced = [(c, _restrict(t, out, inner_axes)) for c, t in rows]
        return view(add(reduced, tuple(dims[x] for x in inner_axes)), inner_axes, out, dims)
    rows.sort(key=lambda row: row[1].digest)
    return add_node(tuple(rows), shape)


def _open_view(t: Expr) -> list[tuple[Fraction, Expr]] | None:
    """The terms of a sum that is only put on a diagonal, broadcast or transposed; None for anything else."""
    if isinstance(t, Contract) and len(t.factors) == 1 and isinstance(t.factors[0], Add) and len(t.dims) == len(set(t.out)):
        dims = dict(enumerate(t.dims))
        return [(c, view(u, t.labels[0], t.out, dims)) for c, u in t.factors[0].terms]
    return None


def _restrict(t: Expr, out: tuple[int, ...], kept: tuple[int, ...]) -> Expr:
    """The term without the common structure: out labels of the kept classes only."""
    assert isinstance(t, Contract)
    inner_out = tuple(t.out[out.index(x)] for x in kept)
    return contract(t.factors, t.labels, inner_out, {x: t.dims[x] for x in inner_out})


# ---------------------------------------------------------------- functions
def apply(fn: str, arg: Expr, params: Sequence[Fraction | int] = (), order: int = 0, generic: bool = False) -> Expr:
    """fn(arg) entry by entry; broadcast axes move outside; ``pow`` follows the laws of exponents that hold on its domain."""
    values = tuple(Fraction(p) for p in params)
    if fn == "pow":
        return power(arg, values[0])
    stripped = _strip_axes(arg)
    if stripped is not None:
        inner, labels, out, dims = stripped
        return view(apply(fn, inner, values, order, generic), labels, out, dims)
    return map_node(fn, arg, values, order, generic)


def remap(node: Map, arg: Expr) -> Expr:
    return apply(node.fn, arg, node.params, node.order, node.generic)


def _strip_axes(arg: Expr) -> tuple[Expr, tuple[int, ...], tuple[int, ...], dict[Label, Dim]] | None:
    """(core, its labels, out, dims) of an argument that is transposed, or has axes that no factor carries; else None."""
    c, node = scaled(arg)
    if not isinstance(node, Contract):
        return None
    if len(node.factors) == 1 and set(node.out) == set(node.labels[0]) and len(set(node.out)) == len(node.out) == len(node.labels[0]):
        return scale(c, node.factors[0]), node.labels[0], node.out, {}
    used = {x for ls in node.labels for x in ls}
    first = tuple(dict.fromkeys(node.out))
    kept = tuple(x for x in first if x in used or node.out.count(x) > 1)
    if len(kept) == len(first):
        return None
    out = node.out
    inner_out = tuple(x for x in node.out if x in kept)
    inner = scale(c, contract(node.factors, node.labels, inner_out, {x: node.dims[x] for x in inner_out}))
    if len(inner_out) != len(kept):                             # δ stays inside: give its axes labels of their own
        places = [p for p, x in enumerate(node.out) if x in kept]
        labels = tuple(places)
        out = tuple(range(len(node.out)))
        return inner, labels, out, {p: node.shape[p] for p in range(len(node.out))}
    return inner, inner_out, out, {x: node.dims[x] for x in first}


def power(arg: Expr, q: Fraction | int) -> Expr:
    """arg**q entry by entry, q rational.

    Laws: (ab)ⁿ = aⁿbⁿ for whole n; (aᵐ)ⁿ = aᵐⁿ for whole n or odd whole m; √(c a) = √c √a for square numbers c ≥ 0.
    """
    q = Fraction(q)
    if q == 1:
        return arg
    if q == 0:
        return ones(arg.shape)
    if is_zero(arg) and q > 0:
        return zero(arg.shape)
    whole = q.denominator == 1
    c, node = scaled(arg)
    if isinstance(node, Add) and len(node.terms) > 1:
        c, node = primitive(node)
        if not whole:
            c, node = abs(c), scale(1 if c > 0 else -1, node)
    root = rational_power(c, q)
    if c != 1:
        if root is not None and (whole or c > 0):
            return scale(root, power(node, q))
        node = scale(c, node)
    elif isinstance(node, Contract) and not node.factors and not node.out:
        return ONE
    if isinstance(node, Map) and node.fn == "pow":
        m = node.params[0]
        if whole or (m.denominator == 1 and m.numerator % 2):
            return power(node.arg, m * q)
    stripped = _strip_axes(node)
    if stripped is not None:
        inner, labels, out, dims = stripped
        return view(power(inner, q), labels, out, dims)
    if isinstance(node, Contract) and (q > 0 or len(set(node.out)) == len(node.out)):
        opened = _power_of_product(node, q, whole)
        if opened is not None:
            return opened
    return map_node("pow", node, (q,))


def _power_of_product(node: Contract, q: Fraction, whole: bool) -> Expr | None:
    """(a_i b_i)ⁿ = a_iⁿ b_iⁿ, group by group; δ keeps outside where q > 0."""
    atoms = list(zip(node.factors, node.labels, strict=True))
    groups = components(atoms, set(node.out))
    repeated = len(set(node.out)) != len(node.out)
    if not repeated and is_one_sum(groups, node.out):
        return None                                             # stays whole
    if not whole and len(groups) > 1:
        if not repeated:
            return None
        inner_out = tuple(dict.fromkeys(node.out))
        inner = contract(node.factors, node.labels, inner_out, dict(enumerate(node.dims)))
        return view(power(inner, q), inner_out, node.out, dict(enumerate(node.dims)))
    factors: list[Expr] = []
    labels: list[tuple[int, ...]] = []
    for group in groups:
        boundary = tuple(x for x in dict.fromkeys(node.out) if any(x in ls for _, ls in group))
        if len(group) == 1 and set(group[0][1]) <= set(node.out):
            factors.append(power(group[0][0], q))
            labels.append(group[0][1])
        else:
            factors.append(power(contract([f for f, _ in group], [ls for _, ls in group], boundary), q))
            labels.append(boundary)
    return contract(factors, labels, node.out, {x: node.dims[x] for x in node.out})
