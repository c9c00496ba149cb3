"""Sums for print: differences with the sign that the user gave them, and no large whole numbers inside.

The canonical form of (X w − y)² forgets which difference it was, and that of x + 0.044715 x³ is 200000 x + 8943 x³ over
200000. For print each such sum is put into a Box of its own, as it is to be read; the constructors then carry the signs
and numbers that are left over to where they belong.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from symderiv.build import add, apply, box, contract, der, name, primitive, remake, scale, symbol, transform
from symderiv.construct import oriented
from symderiv.functions import SCALAR
from symderiv.ir import SIGNED, Add, Box, Call, Contract, Der, Expr, Map, Name, postorder, scaled
from symderiv.lift import told_nodes
from symderiv.render.indexing import flippable, is_one, words
from symderiv.render.style import PlainStyle

PLAIN = PlainStyle()
Signs = Mapping[Expr, int]
"""for each difference, as `_key` has it, the sign with which it is printed"""


def signs_of(written: Iterable[Expr], subject: Expr) -> dict[Expr, int]:
    """The signs of differences: as they were written; else, under even powers, that which reads best.

    >>> from symderiv.build import symbol
    >>> from symderiv.ops import subtract
    >>> a, b = symbol("a", ("n",)), symbol("b", ("n",))
    >>> signs_of([subtract(a, b)], a) == {k: -s for k, s in signs_of([subtract(b, a)], a).items()}
    True
    """
    found: dict[Expr, int] = {}
    for node in written:
        if isinstance(node, Add) and is_difference(node):
            key, sign = _key(node)
            found.setdefault(key, sign)
    for node in postorder(subject):
        if isinstance(node, Map) and node.fn == "pow" and node.params[0] % 2 == 0 and isinstance(node.arg, Add) \
                and is_difference(node.arg):
            key, sign = _key(node.arg)
            found.setdefault(key, sign if reads_well(node.arg) else -sign)
    return found


def is_difference(node: Add) -> bool:
    return any(c < 0 for c, _ in node.terms) and any(c > 0 for c, _ in node.terms)


def reads_well(node: Add) -> bool:
    """Whether the term that should stand first is positive: no number or mean, long before short; but 1 in 1 − f(x)."""
    one = [c for c, t in node.terms if is_one(t)]
    if one and all(isinstance(t, Map) for _, t in node.terms if not is_one(t)):
        return one[0] > 0
    top = max(node.terms, key=lambda term: (not is_one(term[1]) and not is_spread(term[1]), term[1].weight, words(term[1])))
    return top[0] > 0


def is_spread(t: Expr) -> bool:
    """Whether a term is constant along an axis, as a mean is."""
    return isinstance(t, Contract) and not set(t.out) <= {x for ls in t.labels for x in ls}


def _key(node: Add) -> tuple[Expr, int]:
    """The difference up to its sign, its size and a transpose, and its sign; a name counts by itself, whatever it stands for."""
    sign = 1
    turned = oriented(transform(node, _named))[0]
    if isinstance(turned, Add) and turned.terms:  # what names stand for may cancel
        c, turned = primitive(turned)
        sign = 1 if c > 0 else -1
    return turned, sign


def _named(node: Expr) -> Expr | None:
    """What a name is compared by: what it stands for may have been made simpler meanwhile; the engine's names are opened."""
    if not isinstance(node, Name) or node.role == "differential":
        return None
    return transform(node.body, _named) if node.role == "auto" else symbol(node.name, node.shape)


def signed(root: Expr, signs: Signs) -> Expr:
    """The expression as it is printed: each difference with its sign, in a Box that isn't drawn; factors without large numbers."""
    told = told_nodes(root)
    large = any(isinstance(node, Add) and _largest(node) >= LARGE for node in told)
    wanted: dict[Expr, int] = {}
    for node in told:
        if isinstance(node, Add) and is_difference(node):
            key, sign = _key(node)
            if key in signs:
                wanted[node] = sign * signs[key]
    sums = [node for node in told if isinstance(node, Add)]
    if not wanted and not large and not any(_hole(c, t) is not None for node in sums for c, t in node.terms):
        return root
    done: dict[Expr, Expr] = {}
    for node in told:
        done[node] = _rebuilt(node, done)
        if node in wanted:
            held = scale(wanted[node], done[node])
            done[node] = scale(wanted[node], box(held, SIGNED))
    return done[root]


def _rebuilt(node: Expr, done: Mapping[Expr, Expr]) -> Expr:
    """A node over its new kids; the sign of one goes out, or it stays as it was where that can't be."""
    if isinstance(node, Name) and node.role != "differential":
        return node
    if isinstance(node, Add):
        return add([_into_hole(c, done[t]) for c, t in node.terms], node.shape)
    kids = [done[k] for k in node.kids]
    if isinstance(node, Contract) or (isinstance(node, Map) and node.fn == "pow"):
        kids = [_with_small_numbers(k) for k in kids]
    if not any(_turned(k) for k in kids) or isinstance(node, Contract):
        return remake(node, kids)
    minus = Fraction(-1)
    if isinstance(node, Der):
        return scale(minus, der(scale(minus, kids[0]), node.wrt))
    if isinstance(node, Name):
        return scale(minus, name(node.name, scale(minus, kids[0]), node.role))
    if isinstance(node, Map) and node.fn == "pow" and node.params[0].denominator == 1:
        return remake(node, kids)
    parity = SCALAR[node.fn].parity if isinstance(node, Map) and not node.generic and node.fn in SCALAR else None
    if isinstance(node, Map) and parity is not None and not node.order:
        return scale(1 if parity == "even" else -1, apply(node.fn, scale(minus, kids[0]), node.params))
    assert isinstance(node, Map | Call | Box)
    return remake(node, [old if _turned(new) else new for old, new in zip(node.kids, kids, strict=True)])


def _hole(c: Fraction, t: Expr) -> int | None:
    """Which factor is the derivative, not yet taken, or the differential of a difference that can take its term's minus sign."""
    holes = t.factors if isinstance(t, Contract) else (t,)
    found = (k for k, f in enumerate(holes) if (isinstance(f, Der) or (isinstance(f, Name) and f.role == "differential"))
             and isinstance(f.body, Add) and flippable(f.body) and not any(is_one(part) for _, part in f.body.terms))
    return next(found, None) if c < 0 else None


def _into_hole(c: Fraction, t: Expr) -> tuple[Fraction, Expr]:
    """−Xᵀ ∂(y − p) as Xᵀ ∂(p − y): the minus sign goes into the difference, as where no ∂ is before it."""
    k = _hole(c, t)
    if k is None:
        return c, t
    hole = t.factors[k] if isinstance(t, Contract) else t
    assert isinstance(hole, Der | Name)
    turned = remake(hole, [box(scale(-1, hole.body), SIGNED)])
    if not isinstance(t, Contract):
        return -c, turned
    return -c, contract([*t.factors[:k], turned, *t.factors[k + 1:]], t.labels, t.out, dict(enumerate(t.dims)))


def _turned(kid: Expr) -> bool:
    """Whether a difference had to be turned, and its minus sign is still there."""
    c, rest = scaled(kid)
    return c < 0 and isinstance(rest, Box) and rest.note == SIGNED


# ---------------------------------------------------------------- large numbers
LARGE = 1000


def _largest(node: Add) -> int:
    return max((max(abs(c.numerator), c.denominator) for c, _ in node.terms), default=0)


def _with_small_numbers(kid: Expr) -> Expr:
    """A sum that is a factor, over one of its numbers where the others are shorter then."""
    c, node = scaled(kid)
    inner = node.body if isinstance(node, Box) and node.note == SIGNED else node
    if not isinstance(inner, Add) or len(inner.terms) < 2 or _largest(inner) < LARGE:
        return kid
    numbers = list(dict.fromkeys([Fraction(1), *(abs(k) for k, _ in inner.terms)]))
    by = min(numbers, key=lambda q: (sum(_length(k / q) for k, _ in inner.terms), q))
    return kid if by == 1 else scale(c * by, box(scale(1 / by, inner), SIGNED))


def _length(value: Fraction) -> int:
    """How long a number is in print."""
    over, under, names = PLAIN.number_parts(abs(value))
    return len("".join(over + under)) + len(names)
