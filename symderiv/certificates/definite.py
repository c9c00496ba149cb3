"""Rules for ⪰ 0: each takes a node apart and returns a proof, or None where it doesn't apply.

A claim is about an expression as a form on its axes ``left`` and ``right``, at every index of its other axes; without
left and right axes it is about entries. ``sign`` is +1 for ⪰ 0 and −1 for ⪯ 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from symderiv.build import add, contract, ones, power, scale, value_shape, view
from symderiv.certificates.mirror import Middle, Mirror, mirrors
from symderiv.certificates.proof import Axes, ProofNode
from symderiv.engine import Engine
from symderiv.errors import SymderivError
from symderiv.facts import Facts
from symderiv.intervals import Intervals, is_negative, is_nonpositive
from symderiv.ir import (
    Add,
    Box,
    Call,
    Contract,
    Expr,
    Map,
    Name,
    base_and_exponent,
    is_zero,
    number_of,
    postorder,
    scaled,
)
from symderiv.record import fires

Key = tuple[Expr, Axes, Axes, int]
DEPTH_LIMIT = 40


class Definite:
    """Searches proofs under one set of facts; what couldn't be shown is in ``failed``, deepest last."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.engine = Engine(facts)
        self.signs = Intervals(facts)
        self.failed: list[Expr] = []
        self._memo: dict[Key, ProofNode | None] = {}
        self._depth = 0

    def prove(self, node: Expr, left: Axes = (), right: Axes = (), sign: int = 1) -> ProofNode | None:
        """A proof that node ⪰ 0 (sign 1) or ⪯ 0 (sign −1), strict where that is seen, or None."""
        key = (node, left, right, sign)
        if key not in self._memo:
            self._memo[key] = None  # a claim isn't its own reason
            if self._depth < DEPTH_LIMIT:
                self._depth += 1
                self._memo[key] = self._search(node, left, right, sign)
                self._depth -= 1
            if self._memo[key] is None:
                self.failed.append(node)
        return self._memo[key]

    def _search(self, node: Expr, left: Axes, right: Axes, sign: int) -> ProofNode | None:
        if is_zero(node):
            return self.made(node, left, right, sign, False, "zero")
        if not left:
            found = self._range(node, sign)
            if found is not None:
                return found
        if isinstance(node, Name | Box):
            inner = self.prove(node.body, left, right, sign)
            return inner and self.made(node, left, right, sign, inner.strict, "name", (inner,))
        told = self._told(node, left, right, sign)
        if told is not None:
            return told
        if isinstance(node, Add):
            return self._sum(node, left, right, sign)
        if isinstance(node, Contract):
            return self._mirrored(node, left, right, sign)
        if isinstance(node, Map):
            return self._map(node, left, right, sign)
        if isinstance(node, Call):
            return self._call(node, left, right, sign)
        return None

    def made(
        self,
        node: Expr,
        left: Axes,
        right: Axes,
        sign: int,
        strict: bool,
        rule: str,
        children: tuple[ProofNode, ...] = (),
        facts: tuple[str, ...] = (),
        **detail: object,
    ) -> ProofNode:
        relation = (
            (("≻" if strict else "⪰") if sign > 0 else ("≺" if strict else "⪯"))
            if left
            else ((">" if strict else "≥") if sign > 0 else ("<" if strict else "≤"))
        )
        return ProofNode(node, "matrix" if left else "entries", relation, rule, left, right, children, facts, detail)

    # ------------------------------------------------------------ leaves
    def _range(self, node: Expr, sign: int) -> ProofNode | None:
        signs = self.signs
        signs.used.clear()
        where = signs.of(node)
        holds = where.nonnegative if sign > 0 else is_nonpositive(where)
        strict = where.positive if sign > 0 else is_negative(where)
        used = tuple(dict.fromkeys(f.text for f in signs.used))
        return self.made(node, (), (), sign, strict, "range", (), used, interval=where) if holds else None

    def _told(self, node: Expr, left: Axes, right: Axes, sign: int) -> ProofNode | None:
        fact = self.facts.find(node, "pd", "psd") if len(node.shape) == 2 else None
        if fact is None or not left or sign < 0 or isinstance(node, Add):
            return None
        pd = self.facts.find(node, "pd")
        fact = pd or fact
        return self.made(node, left, right, sign, pd is not None, "fact", (), (fact.text,))

    # ------------------------------------------------------------ sums
    def _sum(self, node: Add, left: Axes, right: Axes, sign: int) -> ProofNode | None:
        if len(node.terms) == 1:
            c, t = node.terms[0]
            inner = self.prove(t, left, right, sign if c > 0 else -sign)
            return inner and self.made(node, left, right, sign, inner.strict, "scaling", (inner,), coefficients=(c,))
        proofs: dict[int, ProofNode] = {}
        for k, (c, t) in enumerate(node.terms):
            found = self.prove(t, left, right, sign if c > 0 else -sign)
            if found is not None:
                proofs[k] = found
        rest = [k for k in range(len(node.terms)) if k not in proofs]
        parts: list[tuple[Fraction, ProofNode]] = []
        for k in rest:
            paired = self._paired(node, k, list(proofs), left, right, sign)
            if paired is None:
                return None
            partner, proof = paired
            del proofs[partner]
            parts.append((Fraction(1), proof))
        if len(parts) == 1 and not proofs:
            return parts[0][1]
        parts = [(node.terms[k][0], p) for k, p in proofs.items()] + parts
        strict = any(p.strict for _, p in parts)
        return self.made(
            node, left, right, sign, strict, "sum", tuple(p for _, p in parts), coefficients=tuple(c for c, _ in parts)
        )

    def _paired(
        self, node: Add, k: int, others: list[int], left: Axes, right: Axes, sign: int
    ) -> tuple[int, ProofNode] | None:
        """A term that fails alone, with a diagonal one that outweighs it."""
        for j in others:
            whole = add([node.terms[j], node.terms[k]], node.shape)
            found = self._diagonal_minus_outer(whole, node.terms[j], node.terms[k], left, right, sign)
            if found is not None:
                return j, found
        return None

    def _diagonal_minus_outer(
        self,
        whole: Expr,
        first: tuple[Fraction, Expr],
        second: tuple[Fraction, Expr],
        left: Axes,
        right: Axes,
        sign: int,
    ) -> ProofNode | None:
        """diag(d) − v vᵀ w ⪰ 0 where d ≥ 0 and w Σ v²/d ≤ 1: Cauchy and Schwarz."""
        (c1, t1), (c2, t2) = (first[0] * sign, first[1]), (second[0] * sign, second[1])
        if len(left) != 1 or not isinstance(t1, Contract) or not isinstance(t2, Contract) or c2 >= 0:
            return None
        (a,), (b,) = left, right
        x, i, j = t1.out[a], t2.out[a], t2.out[b]
        if t1.out[b] != x or t1.out.count(x) != 2 or i == j or t2.out.count(i) != 1 or t2.out.count(j) != 1:
            return None
        batch = tuple(p for p in range(len(whole.shape)) if p not in (a, b))
        places = (*batch, a)
        shape = tuple(whole.shape[p] for p in places)
        d = scale(c1, contract(t1.factors, t1.labels, tuple(t1.out[p] for p in places), dict(enumerate(t1.dims))))
        split = _halves(t2, i, j, tuple(t2.out[p] for p in batch))
        if split is None:
            return None
        v, w = split
        d_proof = self.prove(d)
        if d_proof is None or v.shape != shape:
            return None
        axes = tuple(range(len(shape)))
        ratio = contract((power(v, 2), power(d, -1), scale(-c2, w)), (axes, axes, axes[:-1]), axes[:-1])
        quotient = contract((power(v, 2), power(d, -1)), (axes, axes), axes)
        if not d_proof.strict and not _polynomial(quotient):
            return None  # v²/d isn't defined where d = 0
        bound = self._at_most_one(ratio)
        if bound is None:
            return None
        strict, used = bound
        return self.made(
            whole,
            left,
            right,
            sign,
            strict and d_proof.strict,
            "diagonal minus rank one",
            (d_proof,),
            used,
            d=d,
            v=v,
            w=scale(-c2, w),
            ratio=ratio,
        )

    def _at_most_one(self, ratio: Expr) -> tuple[bool, tuple[str, ...]] | None:
        """(whether less, facts used) where the ratio is at most 1."""
        try:
            proof = self.engine.begin(ratio)
        except SymderivError:
            return None
        used = [f.text for step, _ in fires(proof) for f in step.facts]
        c, rest = _as_constant(proof.after)
        if rest:
            return (c < 1, tuple(dict.fromkeys(used))) if c <= 1 else None
        signs = self.signs
        signs.used.clear()
        where = signs.of(proof.after)
        if where.hi is not None and where.hi <= 1:
            return where.hi < 1 or where.hi_open, tuple(dict.fromkeys([*used, *(f.text for f in signs.used)]))
        for top, bottom in _fractions(proof.after):             # a/b ≤ 1 where b > 0 and b − a ≥ 0
            signs.used.clear()
            gap = signs.of(add([(1, bottom), (-1, top)], bottom.shape))
            if signs.of(bottom).positive and gap.nonnegative:
                return gap.positive, tuple(dict.fromkeys([*used, *(f.text for f in signs.used)]))
        return None

    # ------------------------------------------------------------ products
    def _mirrored(self, node: Contract, left: Axes, right: Axes, sign: int) -> ProofNode | None:
        for mirror in mirrors(node, left, right):
            found = self._with_mirror(node, mirror, left, right, sign)
            if found is not None:
                return found
        return None

    def _with_mirror(self, node: Contract, mirror: Mirror, left: Axes, right: Axes, sign: int) -> ProofNode | None:
        if (
            not left
            and not mirror.swapped
            and len(node.factors) == 1
            and not any(m.left for m in mirror.middle)
            and all(x in node.out for x in range(len(node.dims)))
        ):
            inner = self.prove(node.factors[0], (), (), sign)  # only a view of its factor
            return inner and self.made(
                node, left, right, sign, inner.strict and len(set(node.out)) == len(node.out), "name", (inner,)
            )
        total = 1
        children = []
        for middle in mirror.middle:
            found = self._middle(node, middle)
            if found is None:
                return None
            total *= found.sign
            children.append(found)
        if total != sign:
            return None
        moving = {node.out[p] for p in left if not mirror.fixed(node.out[p])}
        carried = {node.labels[m.factor][a] for m in mirror.middle for a in (*m.left, *m.right)}
        strict = not mirror.swapped and all(c.strict for c in children) and moving <= carried
        batch = {node.out[p] for p in range(len(node.out)) if p not in (*left, *right)}
        own = [node.out[p] for p in left] or list(node.out)
        if len(set(own)) < len(own) or (left and batch & set(own)):
            strict = False  # δ leaves zeros on the form's own diagonal
        return self.made(
            node, left, right, sign, strict, _rule_name(node, mirror, left), tuple(children), mirror=mirror
        )

    def _middle(self, node: Contract, middle: Middle) -> ProofNode | None:
        factor = node.factors[middle.factor]
        for sign in (1, -1):
            found = self.prove(factor, middle.left, middle.right, sign)
            if found is not None:
                return found
        return None

    # ------------------------------------------------------------ functions
    def _map(self, node: Map, left: Axes, right: Axes, sign: int) -> ProofNode | None:
        if not left:
            if node.fn == "pow" and node.params[0].denominator == 1 and node.params[0] % 2:
                base = self.prove(node.arg, (), (), sign)
                return base and self.made(node, left, right, sign, base.strict or node.params[0] < 0, "power", (base,))
            return None
        if sign < 0 or (
            node.fn != "exp" and not (node.fn == "pow" and node.params[0].denominator == 1 and node.params[0] > 0)
        ):
            return None
        inner = self.prove(node.arg, left, right, 1)
        return inner and self.made(
            node, left, right, sign, False, "Schur series" if node.fn == "exp" else "Schur product", (inner,)
        )

    def _call(self, node: Call, left: Axes, right: Axes, sign: int) -> ProofNode | None:
        if node.fn == "inv" and not node.ders and left:
            inner = self.prove(node.args[0], left, right, sign)
            return self.made(node, left, right, sign, True, "inverse", (inner,)) if inner and inner.strict else None
        if node.abstract and len(node.ders) == 2 and node.ders[0] == node.ders[1] and not value_shape(node):
            half = len(node.args[node.ders[0]].shape)
            fact = self.facts.find(node.fn, "convex" if sign > 0 else "concave")
            if fact is not None and left == tuple(range(half)) and right == tuple(range(half, 2 * half)):
                rule = "Hessian of a convex function" if sign > 0 else "Hessian of a concave function"
                return self.made(node, left, right, sign, False, rule, (), (fact.text,))
        return None


def _halves(t: Contract, i: int, j: int, batch: tuple[int, ...]) -> tuple[Expr, Expr] | None:
    """(v, w) where the term is w v_i v_j, w on the batch axes."""
    parts: dict[int, list[int]] = {i: [], j: [], -1: []}
    for k, ls in enumerate(t.labels):
        inner = [x for x in ls if x not in batch]
        if any(x not in (i, j) for x in inner) or (i in inner and j in inner):
            return None
        parts[i if i in inner else j if j in inner else -1].append(k)
    dims = dict(enumerate(t.dims))

    def part(ks: list[int], out: tuple[int, ...]) -> Expr:
        return contract([t.factors[k] for k in ks], [t.labels[k] for k in ks], out, {x: dims[x] for x in out})

    v, mirrored = part(parts[i], (*batch, i)), part(parts[j], (*batch, j))
    return (v, part(parts[-1], batch)) if v is mirrored else None


def _fractions(ratio: Expr) -> Iterator[tuple[Expr, Expr]]:
    """(a, b) with ratio = a/b, for each factor 1/b that stands on all its axes or on none."""
    c, node = scaled(ratio)
    if not isinstance(node, Contract):
        return
    for k, f in enumerate(node.factors):
        base, q = base_and_exponent(f)
        if q == -1 and node.labels[k] in ((), node.out):
            others = [n for n in range(len(node.factors)) if n != k]
            sizes = dict(enumerate(node.dims))
            yield (scale(c, contract([node.factors[n] for n in others], [node.labels[n] for n in others], node.out, sizes)),
                   contract((base,), (node.labels[k],), node.out, {x: sizes[x] for x in node.out}))


def _polynomial(node: Expr) -> bool:
    """No negative power among the factors, so that it is defined everywhere."""
    return all(base_and_exponent(n)[1] >= 0 for n in postorder(node) if isinstance(n, Map))


def _as_constant(node: Expr) -> tuple[Fraction, bool]:
    """(c, True) where every entry is the number c."""
    value = number_of(node)
    if value is not None:
        return value, True
    flat = view(ones(node.shape), tuple(range(len(node.shape))), tuple(range(len(node.shape))))
    if isinstance(node, Add) and len(node.terms) == 1 and node.terms[0][1] is flat:
        return node.terms[0][0], True
    return (Fraction(1), True) if node is flat else (Fraction(0), False)


def _rule_name(node: Contract, mirror: Mirror, left: Axes) -> str:
    matrices = [m for m in mirror.middle if m.left]
    if not left:
        return "quadratic form" if mirror.swapped or matrices else "product"
    if mirror.swapped:
        weights = [m for m in mirror.middle if not m.left]
        if matrices:
            return "congruence"
        one_side = all(set(node.labels[k]) <= {node.out[p] for p in left} for k in mirror.swapped)
        return "outer square" if one_side and not weights else "weighted sum of squares" if weights else "square"
    if len(matrices) > 1:
        pairs = [{node.labels[m.factor][a] for a in m.left} for m in matrices]
        return "Schur product" if any(a & b for k, a in enumerate(pairs) for b in pairs[:k]) else "Kronecker product"
    if matrices:
        return "weighting" if len(mirror.middle) > 1 else "Kronecker product"
    return "diagonal"


__all__ = ["Definite"]
