"""The check of claims about forms and entries: one function per rule, which takes the rule's step again.

Each is given a claim and judges it from its expression and from the exact claims of its children: nothing that the
search noted down is believed, but for where to look (the coefficients of a sum, the mirror of a product, d, v and w of a
diagonal minus a rank one matrix), and that is tried out.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import permutations

from symderiv.build import add, contract, ones, permute, power, view
from symderiv.certificates.definite import Definite
from symderiv.certificates.judged import DIRECTED, Judge, holds, is_weaker, is_well_formed
from symderiv.certificates.mirror import Mirror
from symderiv.certificates.proof import Axes, ProofNode
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, is_zero

ALONG = ((0, 1, 2, 3), (0, 1, 3, 2), (1, 0, 2, 3), (1, 0, 3, 2))
"""exchanges of a form's axes that symmetric directions don't see"""


def _zero(node: ProofNode, judge: Judge) -> bool:
    return is_zero(node.expr) and not node.strict and not node.children


def _sum(node: ProofNode, judge: Judge) -> bool:
    """The children, times their coefficients, add up to the claim's expression, each with the claim's sign."""
    coefficients = node.detail.get("coefficients", ())
    if not node.children or len(coefficients) != len(node.children) or 0 in coefficients:
        return False
    if (len(node.children) == 1) != (node.rule == "scaling"):
        return False
    for c, child in zip(coefficients, node.children, strict=True):
        if (child.left, child.right) != (node.left, node.right) or child.sign * (1 if c > 0 else -1) != node.sign:
            return False
    if node.strict and not any(c.strict for c in node.children):
        return False
    terms = [(Fraction(c), k.expr) for c, k in zip(coefficients, node.children, strict=True)]
    return all(e.shape == node.expr.shape for _, e in terms) and add(terms, node.expr.shape) is node.expr


def _name(node: ProofNode, judge: Judge) -> bool:
    """A name for the child's expression; or its entries in another arrangement."""
    e = node.expr
    if len(node.children) != 1 or not is_weaker(node, node.children[0]):
        return False
    (child,) = node.children
    if isinstance(e, Name | Box):
        return e.body is child.expr
    if node.kind != "entries" or not isinstance(e, Contract) or e.factors != (child.expr,):
        return False
    summed = any(x not in e.out for x in range(len(e.dims)))
    return not summed and (not node.strict or len(set(e.out)) == len(e.out))  # a repeated axis leaves zeros beside it


def _fact(node: ProofNode, judge: Judge) -> bool:
    """The tree's own facts say so of this very matrix."""
    told = judge.facts.find(node.expr, "pd") or (None if node.strict else judge.facts.find(node.expr, "psd"))
    return told is not None and told.text in node.facts and len(node.expr.shape) == 2 and node.sign > 0 and not node.children


def _range(node: ProofNode, judge: Judge) -> bool:
    return node.kind == "entries" and not node.children and judge.is_signed(node.expr, node.sign, node.strict)


def _hessian(node: ProofNode, judge: Judge) -> bool:
    """The second derivative of a function that a fact calls convex, or concave."""
    e, kind = node.expr, "convex" if node.sign > 0 else "concave"
    if node.rule != f"Hessian of a {kind} function" or node.children or node.strict:
        return False
    if not isinstance(e, Call) or not e.abstract or len(e.ders) != 2 or e.ders[0] != e.ders[1]:
        return False
    half = len(e.args[e.ders[0]].shape)
    told = judge.facts.find(e.fn, kind)
    halves = (tuple(range(half)), tuple(range(half, 2 * half)))
    return told is not None and told.text in node.facts and len(e.shape) == 2 * half and (node.left, node.right) == halves


def _mirrored(node: ProofNode, judge: Judge) -> bool:
    """An involution of the labels takes the product to itself; its middle is what the children speak of, the sides don't meet."""
    e, mirror = node.expr, node.detail.get("mirror")
    if not isinstance(e, Contract) or not isinstance(mirror, Mirror) or sorted(mirror.image) != list(range(len(e.dims))):
        return False
    image, middle, left = mirror.image, {m.factor for m in mirror.middle}, set(mirror.swapped)
    right = set(range(len(e.factors))) - middle - left
    if any(image[image[x]] != x or e.dims[image[x]] != e.dims[x] for x in image) or len(middle) != len(mirror.middle) or middle & left:
        return False
    if any(image[e.out[a]] != e.out[b] for a, b in zip(node.left, node.right, strict=True)):
        return False
    if any(image[x] != x for p, x in enumerate(e.out) if p not in (*node.left, *node.right)):
        return False
    sides = [{x for k in ks for x in e.labels[k] if image[x] != x} for ks in (left, right)]
    for side, axes in zip(sides, (node.left, node.right), strict=True):
        side |= {e.out[a] for a in axes if image[e.out[a]] != e.out[a]}
    sign = 1
    for m, child in zip(mirror.middle, node.children, strict=False):
        labels = e.labels[m.factor]
        moving = [a for a, x in enumerate(labels) if image[x] != x]
        if sorted((*m.left, *m.right)) != moving or [image[labels[a]] for a in m.left] != [labels[b] for b in m.right]:
            return False
        if child.expr is not e.factors[m.factor] or (child.left, child.right) != (m.left, m.right):
            return False
        sides[0] |= {labels[a] for a in m.left}
        sides[1] |= {labels[b] for b in m.right}
        sign *= child.sign
    if sides[0] & sides[1] or {image[x] for x in sides[0]} != sides[1]:
        return False
    if len(node.children) != len(mirror.middle) or sign != node.sign or (node.strict and not _strictly(node, e, mirror)):
        return False
    kept = all(_reflects(e, image, k, k) for k in middle)
    return kept and _paired(e, image, sorted(left), right) and node.rule == _called(node, e, mirror)


def _reflects(e: Contract, image: tuple[int, ...], k: int, j: int) -> bool:
    """Whether the k-th factor with the labels' images is the j-th one, up to symmetries of the factor itself."""
    if e.factors[k] is not e.factors[j] or sorted(image[x] for x in e.labels[k]) != sorted(e.labels[j]):
        return False
    here, there, factor = [image[x] for x in e.labels[k]], e.labels[j], e.factors[k]
    for order in permutations(range(len(here))):
        if all(here[o] == there[p] for p, o in enumerate(order)) and _is_symmetric(factor, order):
            return True
    return False


def _is_symmetric(factor: Expr, order: tuple[int, ...]) -> bool:
    if order == tuple(range(len(order))) or permute(factor, order) is factor:
        return True
    half = len(order) // 2  # a second derivative by one argument: Schwarz
    if not isinstance(factor, Call) or not factor.abstract or len(factor.ders) != 2 or factor.ders[0] != factor.ders[1]:
        return False
    return len(factor.args[factor.ders[0]].shape) == half and order == (*range(half, 2 * half), *range(half))


def _paired(e: Contract, image: tuple[int, ...], left: list[int], right: set[int]) -> bool:
    """Whether each factor of the left half has one of the right half as its image."""
    if not left:
        return not right
    return any(_reflects(e, image, left[0], j) and _paired(e, image, left[1:], right - {j}) for j in sorted(right))


def _strictly(node: ProofNode, e: Contract, mirror: Mirror) -> bool:
    """No half can vanish: only strict factors in the middle, which reach every axis of the form, and no zeros beside a diagonal."""
    if mirror.swapped or not all(c.strict for c in node.children):
        return False
    own = [e.out[p] for p in node.left] or list(e.out)
    others = {x for p, x in enumerate(e.out) if p not in (*node.left, *node.right)} if node.left else set()
    reached = {e.labels[m.factor][a] for m in mirror.middle for a in (*m.left, *m.right)}
    moving = {x for x in own if mirror.image[x] != x}
    return len(set(own)) == len(own) and not others & set(own) and moving <= reached


def _called(node: ProofNode, e: Contract, mirror: Mirror) -> str:
    """The name of the law, by what stands in the middle: matrices, weights, or nothing."""
    matrices = [{e.labels[m.factor][a] for a in m.left} for m in mirror.middle if m.left]
    weights = len(mirror.middle) - len(matrices)
    if not node.left:
        return "quadratic form" if mirror.swapped or matrices else "product"
    if mirror.swapped and matrices:
        return "congruence"
    if mirror.swapped:
        outer = all(set(e.labels[k]) <= {e.out[p] for p in node.left} for k in mirror.swapped)
        return "weighted sum of squares" if weights else "outer square" if outer else "square"
    if len(matrices) > 1:
        shared = any(a & b for k, a in enumerate(matrices) for b in matrices[:k])
        return "Schur product" if shared else "Kronecker product"
    return "diagonal" if not matrices else "weighting" if weights else "Kronecker product"


def _entrywise(node: ProofNode, judge: Judge) -> bool:
    """exp P, or P to a natural power, entry by entry: a series of Schur products with coefficients ≥ 0."""
    e = node.expr
    if node.rule == "Schur product" and isinstance(e, Contract):
        return _mirrored(node, judge)
    if not isinstance(e, Map) or e.generic or e.order or node.strict or node.sign < 0 or node.kind != "matrix":
        return False
    natural = e.fn == "pow" and e.params[0].denominator == 1 and e.params[0] > 0
    if not (e.fn == "exp" if node.rule == "Schur series" else natural):
        return False
    return len(node.children) == 1 and node.children[0].expr is e.arg and is_weaker(node, node.children[0])


def _power(node: ProofNode, judge: Judge) -> bool:
    """An odd power keeps the sign of an entry."""
    e = node.expr
    if not isinstance(e, Map) or e.fn != "pow" or node.kind != "entries" or len(node.children) != 1:
        return False
    (q,), (child,) = e.params, node.children
    strict = child.strict or q < 0  # where it is defined
    return q.denominator == 1 and q % 2 == 1 and child.expr is e.arg and child.sign == node.sign and (strict or not node.strict)


def _inverse(node: ProofNode, judge: Judge) -> bool:
    e = node.expr
    if not isinstance(e, Call) or e.fn != "inv" or e.ders or len(node.children) != 1:
        return False
    (child,) = node.children
    return child.expr is e.args[0] and child.strict and is_weaker(node, child)


def _rank_one(node: ProofNode, judge: Judge) -> bool:
    """The claim's matrix is ±(diag(d) − w v vᵀ), d is not negative, and w Σ v²/d is at most 1."""
    from symderiv.proving.show import proves

    d, v, w = (node.detail.get(k) for k in "dvw")
    if not (isinstance(d, Expr) and isinstance(v, Expr) and isinstance(w, Expr)) or len(node.children) != 1:
        return False
    (child,) = node.children
    if child.expr is not d or child.kind != "entries" or child.sign != 1 or len(node.left) != 1 or v.shape != d.shape:
        return False
    order = len(node.expr.shape)
    (a,), (b,) = node.left, node.right
    batch = tuple(p for p in range(order) if p not in (a, b))
    left, right, both = (*batch, a), (*batch, b), tuple(a if p == b else p for p in range(order))
    outer = contract((v, v, w), (left, right, batch), tuple(range(order)))
    claimed = add([(node.sign, view(d, left, both)), (-node.sign, outer)], node.expr.shape)
    if claimed is not node.expr and not proves(claimed, node.expr, judge.facts):
        return False
    axes = tuple(range(len(d.shape)))
    quotient = contract((power(v, 2), power(d, -1)), (axes, axes), axes)
    if not child.strict and any(isinstance(n, Map) and n.fn == "pow" and n.params[0] < 0 for n in _factors(quotient)):
        return False  # v²/d isn't defined where d = 0
    ratio = contract((power(v, 2), power(d, -1), w), (axes, axes, axes[:-1]), axes[:-1])
    return _at_most_one(ratio, node.strict, judge) and (child.strict or not node.strict)


def _factors(e: Expr) -> tuple[Expr, ...]:
    if isinstance(e, Add):
        return tuple(f for _, t in e.terms for f in _factors(t))
    return e.factors if isinstance(e, Contract) else (e,)


def _at_most_one(ratio: Expr, strict: bool, judge: Judge) -> bool:
    """1 minus the simplified ratio has its sign by intervals; the ratio itself has it at points."""
    one, simple = ones(ratio.shape), _simple(ratio, judge)
    shown = _minus(one, simple)
    settled = (is_zero(shown) and not strict) or judge.is_signed(shown, 1, strict) or _over_more(simple, strict, judge)
    return settled and judge.ends(_minus(one, ratio))[0] >= 0


def _simple(e: Expr, judge: Judge) -> Expr:
    from symderiv.engine import Engine

    return Engine(judge.facts).begin(e).after


def _minus(b: Expr, a: Expr) -> Expr:
    return add([(Fraction(1), b), (Fraction(-1), a)], b.shape)


def _over_more(ratio: Expr, strict: bool, judge: Judge) -> bool:
    """The ratio is a/b with b > 0 and b − a of its sign by intervals."""
    for f in _factors(ratio):
        if isinstance(f, Map) and f.fn == "pow" and f.params[0] == -1 and f.shape in ((), ratio.shape):
            own = tuple(range(len(ratio.shape)))
            b = contract((f.arg,), (own[: len(f.shape)],), own, dict(enumerate(ratio.shape)))
            gap = _minus(b, _simple(contract((ratio, b), (own, own), own), judge))
            if judge.is_signed(b, 1, True) and judge.is_signed(gap, 1, strict):
                return True
    return False


def _simplified(node: ProofNode, judge: Judge) -> bool:
    """The same values, by numbers."""
    return len(node.children) == 1 and is_weaker(node, node.children[0]) and judge.same(node.expr, node.children[0].expr)


def _turned(node: ProofNode, judge: Judge) -> bool:
    """The same values along symmetric directions."""
    if len(node.children) != 1 or (node.left, node.right) != ((0, 1), (2, 3)) or len(set(node.expr.shape)) != 1:
        return False
    (child,) = node.children
    if len(node.expr.shape) != 4 or child.expr.shape != node.expr.shape:
        return False
    return is_weaker(node, child) and judge.same(along_symmetric(node.expr), along_symmetric(child.expr))


def along_symmetric(form: Expr) -> Expr:
    """What a form of order 4 is to symmetric directions: its mean over exchanges of their axes."""
    return add([(Fraction(1, 4), permute(form, order)) for order in ALONG], form.shape)


FORMS: dict[str, Callable[[ProofNode, Judge], bool]] = {
    "zero": _zero,
    "sum": _sum,
    "scaling": _sum,
    "name": _name,
    "fact": _fact,
    "range": _range,
    "Hessian of a convex function": _hessian,
    "Hessian of a concave function": _hessian,
    **dict.fromkeys(
        ("outer square", "square", "congruence", "weighted sum of squares", "quadratic form", "product", "weighting",
         "diagonal", "Kronecker product"),
        _mirrored,
    ),
    "Schur product": _entrywise,
    "Schur series": _entrywise,
    "power": _power,
    "inverse": _inverse,
    "diagonal minus rank one": _rank_one,
    "simplification": _simplified,
    DIRECTED: _turned,
}  # fmt: skip


def is_proved(e: Expr, left: Axes, right: Axes, judge: Judge) -> bool:
    """Whether a form on these axes is ⪰ 0 (without axes: entries ≥ 0) by a proof whose steps are taken again as well."""
    found = Definite(judge.facts).prove(e, left, right)
    if found is None:
        return False
    return all(n.rule in FORMS and is_well_formed(n, judge) and FORMS[n.rule](n, judge) and holds(n, judge) for n in found.walk())


__all__ = ["ALONG", "FORMS", "along_symmetric", "is_proved"]
