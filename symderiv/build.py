"""The constructors: each brings its node to canonical form, and does structure only.

Folding definitions, facts and factoring are rules, recorded as steps; here is what needs no step because it is how the
one linear node is written: flattening, δ by union–find, equal factors merged as powers, like terms collected,
coefficients and common δ or broadcast axes moved outwards. All constructors are idempotent: ``remake(n, n.kids) is n``.
"""
from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import gcd, isqrt, lcm
from typing import Any

from symderiv.canon import canonical_order, canonical_ranks
from symderiv.dims import Dim, dim_terms
from symderiv.errors import ShapeError
from symderiv.ir import (
    Add, Box, Call, Contract, Der, Expr, Map, Name, Shape, Symbol, base_and_exponent, intern, is_zero, number_of, postorder,
    scaled,
)

Label = Hashable
_F1 = Fraction(1)


# ---------------------------------------------------------------- leaves
def symbol(name: str, shape: Sequence[Dim] = (), kind: str = "variable", props: Iterable[str] = ()) -> Symbol:
    flags = frozenset(props)
    return intern(Symbol, f"{name}|{kind}|{sorted(flags)}", (), tuple(shape), 1,
                  dict(name=name, kind=kind, props=flags))


def _contract_node(factors: tuple[Expr, ...], labels: tuple[tuple[int, ...], ...], out: tuple[int, ...],
                   dims: tuple[Dim, ...]) -> Contract:
    shape = tuple(dims[x] for x in out)
    used = {x for ls in labels for x in ls}
    structure = len(out) - sum(1 for x in set(out) if x in used) if len(out) > 1 else 0     # δ and broadcast axes count
    return intern(Contract, f"{labels}|{out}|{dims}", factors, shape, sum(f.weight for f in factors) + structure,
                  dict(factors=factors, labels=labels, out=out, dims=dims))


ONE: Contract = _contract_node((), (), (), ())


def number(value: Fraction | int) -> Expr:
    return add([(Fraction(value), ONE)], ())


def zero(shape: Sequence[Dim] = ()) -> Add:
    return intern(Add, "", (), tuple(shape), 0, dict(terms=()))


def ones(shape: Sequence[Dim]) -> Expr:
    """All entries one: output labels that no factor carries."""
    labels = tuple(range(len(shape)))
    return contract((), (), labels, dict(enumerate(shape)))


def identity(shape: Sequence[Dim]) -> Expr:
    """δ of shape + shape: repeated output labels."""
    labels = tuple(range(len(shape)))
    return contract((), (), labels + labels, dict(enumerate(shape)))


def size(dim: Dim) -> Expr:
    """A dimension used as a number: Σ_i 1."""
    if isinstance(dim, int):
        return number(dim)
    terms = [(Fraction(c), contract(tuple(symbol(a, (), "dim") for a in atoms), ((),) * len(atoms), ()))
             for c, atoms in dim_terms(dim)]
    return add(terms, ())


# ---------------------------------------------------------------- contraction
def contract(factors: Sequence[Expr], labels: Sequence[Sequence[Label]], out: Sequence[Label],
             dims: Mapping[Label, Dim] | None = None) -> Expr:
    """Σ over labels not in ``out`` of Π factors, in canonical form (an Add where a coefficient other than 1 remains).

    ``dims`` gives the sizes of labels that no factor carries.
    """
    return _Contraction(factors, labels, out, dims or {}).build()


def view(node: Expr, labels: Sequence[Label], out: Sequence[Label], dims: Mapping[Label, Dim] | None = None) -> Expr:
    """One factor, relabelled: transposed, summed, put on a diagonal or broadcast."""
    return contract((node,), (labels,), out, dims)


def permute(node: Expr, order: Sequence[int]) -> Expr:
    """Axes in the given order, as numpy.transpose."""
    return view(node, tuple(range(len(order))), tuple(order))


class _Contraction:
    """One run of the constructor: labels as ints, with a union–find for those that δ identifies."""

    def __init__(self, factors: Sequence[Expr], labels: Sequence[Sequence[Label]], out: Sequence[Label],
                 dims: Mapping[Label, Dim]) -> None:
        self.parent: list[int] = []
        self.dim: list[Dim] = []
        self.coefficient = _F1
        self.vanishes = False
        ids: dict[Label, int] = {}
        self.atoms: list[tuple[Expr, tuple[int, ...]]] = []
        work: list[tuple[Expr, tuple[int, ...]]] = []
        for factor, ls in zip(factors, labels, strict=True):
            if len(ls) != len(factor.shape):
                raise ShapeError(f"{len(ls)} labels for a factor of shape {factor.shape}")
            row = []
            for label, dim in zip(ls, factor.shape, strict=True):
                if label not in ids:
                    ids[label] = self.fresh(dim)
                elif self.dim[ids[label]] != dim:
                    raise ShapeError(f"the sizes {self.dim[ids[label]]} and {dim} of one index differ")
                row.append(ids[label])
            work.append((factor, tuple(row)))
        for label, dim in dims.items():
            if label not in ids:
                ids[label] = self.fresh(dim)
        self.out = tuple(ids[x] for x in out)
        self.flatten(work)

    def fresh(self, dim: Dim) -> int:
        self.parent.append(len(self.parent))
        self.dim.append(dim)
        return len(self.parent) - 1

    def find(self, x: int) -> int:
        while self.parent[x] != x:
            self.parent[x] = self.parent[self.parent[x]]
            x = self.parent[x]
        return x

    def flatten(self, work: list[tuple[Expr, tuple[int, ...]]]) -> None:
        """Open nested contractions; take coefficients and the content of sums out."""
        work.reverse()
        while work:
            f, ls = work.pop()
            if isinstance(f, Contract):
                outer: dict[int, int] = {}
                for position, inner in enumerate(f.out):
                    if inner in outer:
                        a, b = self.find(outer[inner]), self.find(ls[position])
                        if a != b:
                            if self.dim[a] != self.dim[b]:
                                raise ShapeError(f"the sizes {self.dim[a]} and {self.dim[b]} of one index differ")
                            self.parent[max(a, b)] = min(a, b)
                    else:
                        outer[inner] = ls[position]
                for inner, dim in enumerate(f.dims):
                    if inner not in outer:
                        outer[inner] = self.fresh(dim)
                for g, gl in zip(f.factors, f.labels, strict=True):
                    work.append((g, tuple(outer[x] for x in gl)))
            elif isinstance(f, Add):
                if not f.terms:
                    self.vanishes = True
                    return
                if len(f.terms) == 1:
                    self.coefficient *= f.terms[0][0]
                    work.append((f.terms[0][1], ls))
                else:
                    content, rest = primitive(f)
                    self.coefficient *= content
                    self.atoms.append((rest, ls))
            else:
                self.atoms.append((f, ls))

    def build(self) -> Expr:
        shape = tuple(self.dim[self.find(x)] for x in self.out)
        if self.vanishes:
            return zero(shape)
        self.out = tuple(self.find(x) for x in self.out)
        self.atoms = [(f, _sorted_axes(f, tuple(self.find(x) for x in ls))) for f, ls in self.atoms]
        again = True
        while again:
            again = self.merge_powers() or self.count_bare_labels() or self.merge_groups()
            if self.vanishes:
                return zero(shape)
        return scale(self.coefficient, self.canonical())

    def replace(self, factors: list[tuple[Expr, tuple[int, ...]]]) -> None:
        """Take new factors, flattened where a power has opened."""
        self.atoms = []
        self.flatten(factors)
        self.out = tuple(self.find(x) for x in self.out)
        self.atoms = [(f, _sorted_axes(f, tuple(self.find(x) for x in ls))) for f, ls in self.atoms]

    def merge_powers(self) -> bool:
        """a·a = a², a·a⁻¹ = 1: equal bases at equal labels; True if a power opened so that merging must go on."""
        if len(self.atoms) < 2:
            return False
        exponents: dict[tuple[Expr, tuple[int, ...]], Fraction] = {}
        for f, ls in self.atoms:
            base, q = base_and_exponent(f)
            key = (base, _sorted_axes(base, ls))
            exponents[key] = exponents.get(key, Fraction(0)) + q
        if len(exponents) == len(self.atoms):
            return False
        self.replace([(power(base, q), ls) for (base, ls), q in exponents.items() if q])
        return True

    def count_bare_labels(self) -> bool:
        """A summed label that no factor carries is its size."""
        used = {x for _, ls in self.atoms for x in ls} | set(self.out)
        bare = [x for x in range(len(self.parent)) if self.find(x) == x and x not in used and self.dim[x] != 0]
        if not bare:
            return False
        factors = list(self.atoms)
        for x in bare:
            factors.append((size(self.dim[x]), ()))
            self.dim[x] = 0
        self.replace(factors)
        return True

    def merge_groups(self) -> bool:
        """Merge equal sub-contractions that hang on the same labels, (Wx)_i (Wx)_i = ((Wx)²)_i, so that powers cancel."""
        bases = [base_and_exponent(f)[0] for f, _ in self.atoms]
        if len(set(bases)) == len(bases) and not any(isinstance(b, Contract) for b in bases):
            return False
        summed = sorted({x for _, ls in self.atoms for x in ls} - set(self.out))
        cuts: list[tuple[int, ...]] = [()]
        if len(summed) <= 8:
            cuts += [(x,) for x in summed] + list(combinations(summed, 2))
        return any(self.merge_across(set(self.out) | set(cut)) for cut in cuts)

    def merge_across(self, cut: set[int]) -> bool:
        groups = _components(self.atoms, cut)
        if len(groups) == 1:
            return False
        rows: dict[tuple[Expr, tuple[int, ...]], tuple[Fraction, list[tuple[Expr, tuple[int, ...]]]]] = {}
        merged = False
        for group in groups:
            boundary = tuple(sorted({x for _, ls in group for x in ls} & cut))
            inner = any(x not in cut for _, ls in group for x in ls)
            if inner:
                c, node = scaled(contract([f for f, _ in group], [ls for _, ls in group], boundary))
                if c != 1:
                    return False
                q, key = _F1, (node, boundary)
            else:
                (f, ls), = group
                node, q = base_and_exponent(f)
                key = (node, ls)
                if isinstance(node, Contract):
                    order = tuple(sorted(set(ls)))
                    key = (view(node, ls, order), order)
            if key in rows:
                merged = True
                rows[key] = (rows[key][0] + q, [])
            else:
                rows[key] = (q, group)
        if not merged:
            return False
        factors: list[tuple[Expr, tuple[int, ...]]] = []
        for (node, ls), (q, group) in rows.items():
            factors.extend(group or ([(power(node, q), ls)] if q else []))
        kept = {x for _, ls in factors for x in ls} | cut
        for x in {x for _, ls in self.atoms for x in ls} - kept:
            self.dim[x] = 0                                     # summed inside the merged group: no bare label
        self.replace(factors)
        return True

    def canonical(self) -> Expr:
        out, atoms = self.out, self.atoms
        index: dict[int, int] = {}
        for x in out:
            index.setdefault(x, len(index))
        outer = len(index)
        for _, ls in atoms:
            for x in ls:
                index.setdefault(x, len(index))
        dims: list[Dim] = [0] * len(index)
        for x, k in index.items():
            dims[k] = self.dim[x]
        new_out = tuple(index[x] for x in out)
        rows = [(f, tuple(index[x] for x in ls)) for f, ls in atoms]
        if len(rows) == 1 and isinstance(rows[0][0], Add) and new_out == tuple(range(outer)) == tuple(range(len(index))) \
                and len(rows[0][1]) == outer and set(rows[0][1]) == set(new_out) and rows[0][1] != new_out:
            f, ls = rows[0]                                     # a transposed sum is a sum of transposes
            return add([(c, view(t, ls, new_out)) for c, t in f.terms], tuple(dims[x] for x in new_out))
        if len(rows) == 1 and rows[0][1] == new_out == tuple(range(outer)) == tuple(range(len(index))):
            return rows[0][0]
        if len(index) - outer + len(rows) > 1 or (rows and axis_classes(rows[0][0]) != tuple(range(len(rows[0][1])))):
            places: list[list[int]] = [[] for _ in dims]
            for position, x in enumerate(new_out):
                places[x].append(position)
            graph = [(f.digest, axis_classes(f), ls) for f, ls in rows]
            ranks = canonical_ranks(graph, [(str(d), tuple(p)) for d, p in zip(dims, places, strict=True)])
            inner = sorted(range(outer, len(dims)), key=lambda x: ranks[x])
            final = list(range(outer)) + [0] * len(inner)
            for k, x in enumerate(inner):
                final[x] = outer + k
            dims = dims[:outer] + [dims[x] for x in inner]
            order = canonical_order(graph, final)
            rows = [(rows[k][0], ls) for k, ls in order]
            if len(rows) == 1 and rows[0][1] == new_out == tuple(range(outer)) == tuple(range(len(dims))):
                return rows[0][0]
        return _contract_node(tuple(f for f, _ in rows), tuple(ls for _, ls in rows), new_out, tuple(dims))


def _components(atoms: list[tuple[Expr, tuple[int, ...]]], cut: set[int]) -> list[list[tuple[Expr, tuple[int, ...]]]]:
    """Factors grouped by the labels they share, labels in ``cut`` not counting."""
    owner: dict[int, int] = {}
    root = list(range(len(atoms)))

    def find(k: int) -> int:
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k
    for k, (_, ls) in enumerate(atoms):
        for x in ls:
            if x not in cut:
                root[find(k)] = find(owner.setdefault(x, k))
    groups: dict[int, list[tuple[Expr, tuple[int, ...]]]] = {}
    for k, atom in enumerate(atoms):
        groups.setdefault(find(k), []).append(atom)
    return list(groups.values())


def _sorted_axes(node: Expr, labels: tuple[int, ...]) -> tuple[int, ...]:
    """Labels of interchangeable axes in order, so that A_ij and A_ji of a symmetric A are one factor."""
    if len(labels) < 2:
        return labels
    classes = axis_classes(node)
    if len(set(classes)) == len(classes):
        return labels
    result = list(labels)
    for c in set(classes):
        places = [k for k, other in enumerate(classes) if other == c]
        for k, x in zip(places, sorted(labels[k] for k in places), strict=True):
            result[k] = x
    return tuple(result)


def axis_classes(node: Expr) -> tuple[int, ...]:
    """A class for each axis; exchanging two axes of one class leaves the value as it is (declared, or seen by construction)."""
    if node._classes is None:
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
        classes = list(range(order))
        position = order - sum(len(node.args[d].shape) for d in node.ders)
        first: dict[int, int] = {}
        for d in node.ders:
            if len(node.args[d].shape) == 1:
                classes[position] = first.setdefault(d, position)
            position += len(node.args[d].shape)
        return tuple(classes)
    if isinstance(node, Contract | Add):
        node._classes = plain                                   # while testing, count no symmetry
        classes = list(plain)
        for a, b in combinations(range(order), 2):
            if node.shape[a] == node.shape[b] and classes[a] != classes[b]:
                swapped = list(plain)
                swapped[a], swapped[b] = b, a
                if permute(node, swapped) is node:
                    classes = [classes[a] if c == classes[b] else c for c in classes]
        return tuple(classes)
    return plain


# ---------------------------------------------------------------- sums
def scale(coefficient: Fraction | int, node: Expr) -> Expr:
    if coefficient == 1:
        return node
    return add([(Fraction(coefficient), node)], node.shape)


def primitive(node: Add) -> tuple[Fraction, Add]:
    """(content, rest): rest has coprime integer coefficients, most of them positive; of as many, the lightest term's is."""
    numerators = gcd(*(c.numerator for c, _ in node.terms))
    content = Fraction(numerators, lcm(*(c.denominator for c, _ in node.terms)))
    balance = sum(1 if c > 0 else -1 for c, _ in node.terms)
    if balance < 0 or balance == 0 and min(node.terms, key=lambda term: (term[1].weight, term[1].digest))[0] < 0:
        content = -content
    if content == 1:
        return content, node
    return content, _add_node(tuple((c / content, t) for c, t in node.terms), node.shape)


def _add_node(terms: tuple[tuple[Fraction, Expr], ...], shape: Shape) -> Add:
    weight = sum(t.weight for _, t in terms) + len(terms) - 1 if terms else 0
    return intern(Add, " ".join(str(c) for c, _ in terms), tuple(t for _, t in terms), shape, weight, dict(terms=terms))


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
        return t if c == 1 else _add_node(((c, t),), shape)
    opened = [(c, t, _open_view(t)) for c, t in rows]
    if any(inner is not None for _, _, inner in opened):
        flat: list[tuple[Fraction, Expr]] = []
        for c, t, inner in opened:
            flat.extend([(c, t)] if inner is None else [(c * d, u) for d, u in inner])
        return add(flat, shape)
    common = _common_structure([t for _, t in rows], len(shape)) if shape else None
    if common is not None:
        out, inner_axes = common
        dims = {out[p]: shape[p] for p in range(len(shape))}
        reduced = [(c, _restrict(t, out, inner_axes)) for c, t in rows]
        return view(add(reduced, tuple(dims[x] for x in inner_axes)), inner_axes, out, dims)
    rows.sort(key=lambda row: row[1].digest)
    return _add_node(tuple(rows), shape)


def _open_view(t: Expr) -> list[tuple[Fraction, Expr]] | None:
    """The terms of a sum that is only put on a diagonal, broadcast or transposed; None for anything else."""
    if isinstance(t, Contract) and len(t.factors) == 1 and isinstance(t.factors[0], Add) and len(t.dims) == len(set(t.out)):
        dims = dict(enumerate(t.dims))
        return [(c, view(u, t.labels[0], t.out, dims)) for c, u in t.factors[0].terms]
    return None


def _common_structure(terms: Sequence[Expr], order: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """(out labels, labels that remain) of the δ and broadcast axes that all terms share; None if there are none."""
    patterns = []
    for t in terms:
        if not isinstance(t, Contract):
            return None
        used = {x for ls in t.labels for x in ls}
        patterns.append((t.out, used))
    ids: dict[tuple[int, ...], int] = {}
    out = tuple(ids.setdefault(tuple(pattern[p] for pattern, _ in patterns), len(ids)) for p in range(order))
    kept = []
    for x in range(len(ids)):
        positions = [p for p in range(order) if out[p] == x]
        if any(pattern[positions[0]] in used or _delta_leaves(pattern, positions) for pattern, used in patterns):
            kept.append(x)
    if len(kept) == order:
        return None
    return out, tuple(kept)


def _delta_leaves(pattern: tuple[int, ...], positions: list[int]) -> bool:
    """True if this term's δ ties the axis to further ones, outside the common class."""
    return any(pattern[p] == pattern[positions[0]] for p in range(len(pattern)) if p not in positions)


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
    stripped = _strip_broadcast(arg)
    if stripped is not None:
        inner, labels, out, dims = stripped
        return view(apply(fn, inner, values, order, generic), labels, out, dims)
    return intern(Map, f"{fn}|{values}|{order}|{generic}", (arg,), arg.shape, arg.weight + 1,
                  dict(fn=fn, params=values, order=order, generic=generic))


def _strip_broadcast(arg: Expr) -> tuple[Expr, tuple[int, ...], tuple[int, ...], dict[Label, Dim]] | None:
    """(core, its labels, out, dims) of an argument with axes that no factor carries; None where there are none."""
    c, node = scaled(arg)
    if not isinstance(node, Contract):
        return None
    used = {x for ls in node.labels for x in ls}
    first = tuple(dict.fromkeys(node.out))
    kept = tuple(x for x in first if x in used or node.out.count(x) > 1)
    if len(kept) == len(first):
        return None
    out = tuple(x for x in node.out)
    inner_out = tuple(x for x in node.out if x in kept)
    inner = scale(c, contract(node.factors, node.labels, inner_out, {x: node.dims[x] for x in inner_out}))
    if len(inner_out) != len(kept):                             # δ stays inside: give its axes labels of their own
        places = [p for p, x in enumerate(node.out) if x in kept]
        labels = tuple(places)
        out = tuple(range(len(node.out)))
        return inner, labels, out, {p: node.shape[p] for p in range(len(node.out))}
    return inner, inner_out, out, {x: node.dims[x] for x in first}


def _root(c: Fraction, q: Fraction) -> Fraction | None:
    """c**q where it is rational."""
    if q.denominator == 1:
        if c == 0 and q < 0 or abs(q) > 512:
            return None
        return c ** int(q)
    if c < 0 or q.denominator != 2 or abs(q) > 512:
        return None
    n, d = isqrt(c.numerator), isqrt(c.denominator)
    if n * n != c.numerator or d * d != c.denominator or c == 0 and q < 0:
        return None
    return Fraction(n, d) ** int(q.numerator)


def power(arg: Expr, q: Fraction | int) -> Expr:
    """arg**q entry by entry, q rational.

    Laws used: (ab)ⁿ = aⁿbⁿ for whole n; (aᵐ)ⁿ = aᵐⁿ for whole n or odd whole m; √(c a) = √c √a for square numbers c ≥ 0.
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
    root = _root(c, q)
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
    stripped = _strip_broadcast(node)
    if stripped is not None:
        inner, labels, out, dims = stripped
        return view(power(inner, q), labels, out, dims)
    if isinstance(node, Contract) and (q > 0 or len(set(node.out)) == len(node.out)):
        opened = _power_of_product(node, q, whole)
        if opened is not None:
            return opened
    return intern(Map, f"pow|{(q,)}|0|False", (node,), node.shape, node.weight + 1,
                  dict(fn="pow", params=(q,), order=0, generic=False))


def _power_of_product(node: Contract, q: Fraction, whole: bool) -> Expr | None:
    """(a_i b_i)ⁿ = a_iⁿ b_iⁿ, group by group; δ keeps outside where q > 0."""
    atoms = list(zip(node.factors, node.labels, strict=True))
    groups = _components(atoms, set(node.out))
    repeated = len(set(node.out)) != len(node.out)
    if len(groups) == 1 and len(groups[0]) >= 1 and any(x not in node.out for _, ls in groups[0] for x in ls) and not repeated:
        boundary = tuple(dict.fromkeys(node.out))
        used = {x for _, ls in groups[0] for x in ls}
        if all(x in used for x in boundary):
            return None                                         # one sum: stays whole
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
        if len(group) == 1 and set(group[0][1]) <= set(node.out) and len(groups) == 1 and not repeated \
                and group[0][1] != boundary:
            factors.append(power(group[0][0], q))               # a transposed or diagonal view
            labels.append(group[0][1])
            continue
        if len(group) == 1 and set(group[0][1]) <= set(node.out):
            factors.append(power(group[0][0], q))
            labels.append(group[0][1])
        else:
            factors.append(power(contract([f for f, _ in group], [ls for _, ls in group], boundary), q))
            labels.append(boundary)
    return contract(factors, labels, node.out, {x: node.dims[x] for x in node.out})


def call(fn: str, args: Sequence[Expr], shape: Sequence[Dim], params: Sequence[Any] = (), abstract: bool = False,
         ders: Sequence[int] = ()) -> Call:
    """fn(args); ``shape`` is that of the value itself; the axes of the arguments in ``ders`` follow it."""
    ders = tuple(sorted(ders))
    full = tuple(shape) + tuple(d for k in ders for d in args[k].shape)
    return intern(Call, f"{fn}|{tuple(params)}|{abstract}|{ders}|{tuple(shape)}", tuple(args), full,
                  sum(a.weight for a in args) + 1, dict(fn=fn, params=tuple(params), abstract=abstract, ders=ders))


def value_shape(node: Call) -> Shape:
    """The shape of the function's value, without the axes of its derivatives."""
    extra = sum(len(node.args[d].shape) for d in node.ders)
    return node.shape[:len(node.shape) - extra]


def name(text: str, body: Expr, role: str = "user") -> Name:
    return intern(Name, f"{text}|{role}", (body,), body.shape, 1, dict(name=text, role=role))


def der(body: Expr, wrt: Expr) -> Der:
    return intern(Der, wrt.digest.hex(), (body,), body.shape + wrt.shape, body.weight + 1, dict(wrt=wrt))


def box(body: Expr, note: str = "") -> Box:
    return intern(Box, note, (body,), body.shape, body.weight, dict(note=note))


# ---------------------------------------------------------------- rebuilding
def remake(node: Expr, kids: Sequence[Expr]) -> Expr:
    """The same node over other kids, through its constructor."""
    if all(a is b for a, b in zip(node.kids, kids, strict=True)):
        return node
    if isinstance(node, Contract):
        return contract(kids, node.labels, node.out, dict(enumerate(node.dims)))
    if isinstance(node, Add):
        return add([(c, k) for (c, _), k in zip(node.terms, kids, strict=True)], node.shape)
    if isinstance(node, Map):
        return apply(node.fn, kids[0], node.params, node.order, node.generic)
    if isinstance(node, Call):
        return call(node.fn, kids, value_shape(node), node.params, node.abstract, node.ders)
    if isinstance(node, Name):
        return name(node.name, kids[0], node.role)
    if isinstance(node, Der):
        return der(kids[0], node.wrt)
    if isinstance(node, Box):
        return box(kids[0], node.note)
    raise AssertionError(node)


def substitute(root: Expr, mapping: Mapping[Expr, Expr]) -> Expr:
    """Replace nodes by others of the same shape, and rebuild what stands above them."""
    return transform(root, lambda node: mapping.get(node))


def transform(root: Expr, replace: Callable[[Expr], Expr | None]) -> Expr:
    """Replace each node for which ``replace`` gives one (nothing below it is visited), and rebuild what stands above."""
    done: dict[Expr, Expr] = {}
    stack: list[tuple[Expr, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node in done:
            continue
        if ready:
            done[node] = remake(node, [done[k] for k in node.kids])
            continue
        new = replace(node)
        if new is not None:
            done[node] = new
        else:
            stack.append((node, True))
            stack.extend((k, False) for k in node.kids)
    return done[root]


def unnamed(root: Expr) -> Expr:
    """The expression with every name opened."""
    done: dict[Expr, Expr] = {}
    for node in postorder(root):
        done[node] = done[node.kids[0]] if isinstance(node, Name) else remake(node, [done[k] for k in node.kids])
    return done[root]
