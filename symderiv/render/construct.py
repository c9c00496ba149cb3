"""Constructors of matrix trees that keep them in the form in which a mathematician would write them."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from symderiv.dims import Dim
from symderiv.ir import Name
from symderiv.render.tree import (
    SCALAR,
    Apply,
    Bracketed,
    Diag,
    DiagOf,
    Frobenius,
    Func,
    Hadamard,
    Identity,
    Inverse,
    Kron,
    Leaf,
    Norm,
    Ones,
    Power,
    Product,
    Scale,
    Shape2,
    Slice,
    Sum,
    SumOver,
    Trace,
    Transpose,
    Tree,
    Unit,
    replace_kids,
)

ONE = Scale(SCALAR, Fraction(1), (), None)


def ones(dim: Dim) -> Tree:
    return Ones((dim, None))


def column(tree: Tree) -> bool:
    return tree.shape[0] is not None and tree.shape[1] is None


def transpose(t: Tree) -> Tree:
    """tᵀ, moved inwards where that leaves fewer transposes."""
    turned = (t.shape[1], t.shape[0])
    if t.shape == SCALAR or isinstance(t, Identity | Diag):
        return t
    if isinstance(t, Leaf | Apply | Slice) and t.symmetric:
        return t
    if isinstance(t, Transpose):
        return t.arg
    if isinstance(t, Product):
        return Product(turned, tuple(transpose(x) for x in reversed(t.items)))
    if isinstance(t, Scale):
        assert t.body is not None
        return Scale(turned, t.coefficient, t.scalars, transpose(t.body))
    if isinstance(t, SumOver) and t.body is not None:
        return SumOver(turned, t.letters, t.weights, transpose(t.body))
    if t.order == 2:
        if isinstance(t, Hadamard):
            return hadamard([transpose(x) for x in t.items])
        if isinstance(t, Power):
            return Power(turned, transpose(t.base), t.exponent)
        if isinstance(t, Kron):
            return Kron(turned, tuple(transpose(x) for x in t.items))
        if isinstance(t, Sum):
            mapped = total([transpose(x) for x in t.terms], turned)
            mapped = held(mapped) if t.held else mapped
            return t if mapped == t else mapped if mapped.turns <= t.turns else Transpose(turned, t)
        if isinstance(t, Func | Inverse) and t.arg.order == 2 and transpose(t.arg) == t.arg:
            return t
        if isinstance(t, Bracketed) and transpose(t.arg) == t.arg:
            return t
    return Transpose(turned, t)


def product(items: Iterable[Tree]) -> Tree:
    """The chain of matrix products; scalars stand before it."""
    chain: list[Tree] = []
    coefficient, scalars = Fraction(1), list[Tree]()
    for item in items:
        if isinstance(item, Scale) and item.body is not None:
            coefficient *= item.coefficient
            scalars.extend(item.scalars)
            item = item.body
        for x in item.items if isinstance(item, Product) else (item,):
            if isinstance(x, Diag) and chain and isinstance(chain[-1], Diag):
                chain[-1] = diagonal(hadamard([chain[-1].arg, x.arg]))
            elif isinstance(x, Identity) or (isinstance(x, Ones | Transpose) and is_single(x)):
                unit = x
            else:
                chain.append(x)
    if not chain:
        return scale(coefficient, scalars, unit)
    shape = (chain[0].shape[0], chain[-1].shape[1])
    return scale(coefficient, scalars, chain[0] if len(chain) == 1 else Product(shape, tuple(chain)))


def is_single(t: Tree) -> bool:
    """A column or row of one 1."""
    return isinstance(t.arg if isinstance(t, Transpose) else t, Ones) and 1 in t.shape


def hadamard(items: Sequence[Tree]) -> Tree:
    """The elementwise product of at least one tree, in readable order."""
    flat: list[Tree] = []
    coefficient, scalars = Fraction(1), list[Tree]()
    shape = items[0].shape
    for item in items:
        if isinstance(item, Scale) and item.body is not None:
            coefficient *= item.coefficient
            scalars.extend(item.scalars)
            item = item.body
        flat.extend(item.items if isinstance(item, Hadamard) else () if isinstance(item, Ones) else (item,))
    flat.sort(key=reading_order)
    if not flat:
        assert shape[0] is not None
        flat = [ones(shape[0])]
    return scale(coefficient, scalars, flat[0] if len(flat) == 1 else Hadamard(shape, tuple(flat)))


def reading_order(t: Tree) -> tuple[int, int, tuple[str, ...], bytes]:
    """Names first, then products, functions and sums; what moves stands last."""
    base = t.base if isinstance(t, Power) else t
    if t.moving:
        kind = 9
    elif isinstance(base, Leaf):
        kind = 0 if isinstance(base.node, Name) and base.node.role == "cotangent" else 1
    else:
        kind = 2 if isinstance(base, Product) else 6 if isinstance(base, Sum) else 4
    return kind, 0, t.words, t.key


def diagonal(v: Tree) -> Tree:
    """The matrix with v on its diagonal."""
    shape = (v.shape[0], v.shape[0])
    if isinstance(v, Ones):
        return Identity(shape)
    if isinstance(v, Unit):
        return product([v, transpose(v)])
    if isinstance(v, Scale):
        assert v.body is not None
        return scale(v.coefficient, v.scalars, diagonal(v.body))
    return Diag(shape, v)


def diagonal_of(m: Tree) -> Tree:
    """The diagonal of m; that of mᵀ is the same."""
    if isinstance(m, Diag):
        return m.arg
    if isinstance(m, Scale):
        assert m.body is not None
        return scale(m.coefficient, m.scalars, diagonal_of(m.body))
    return DiagOf((m.shape[0], None), fewer_turns(m))


def fewer_turns(m: Tree) -> Tree:
    """m or mᵀ, whichever has fewer transposes."""
    other = transpose(m)
    return other if other.turns < m.turns else m


def trace(m: Tree) -> Tree:
    if isinstance(m, Scale):
        assert m.body is not None
        return scale(m.coefficient, m.scalars, trace(m.body))
    return Trace(SCALAR, fewer_turns(m))


def inverse(m: Tree) -> Tree:
    if isinstance(m, Transpose):
        return transpose(inverse(m.arg))
    return m.arg if isinstance(m, Inverse) else Inverse(m.shape, m)


def power(base: Tree, exponent: Fraction) -> Tree:
    if isinstance(base, Power) and isinstance(base.base, Norm):
        exponent *= base.exponent
        base = base.base
    return base if exponent == 1 else Power(base.shape, reading(base) if exponent % 2 == 0 else base, exponent)


def squared_norm(m: Tree) -> Tree:
    if isinstance(m, Transpose):
        m = m.arg
    return Power(SCALAR, Norm(SCALAR, reading(m)), Fraction(2))


def reading(t: Tree) -> Tree:
    """A tree whose sign doesn't matter, as it reads best: ‖Xw − y‖, not ‖y − Xw‖."""
    if not isinstance(t, Sum) or t.held or _one_minus(t):
        return t
    other = total([scale(Fraction(-1), (), x) for x in t.terms], t.shape)
    return max((t, other), key=_leading)


def held(t: Tree) -> Tree:
    """The same tree; a sum, and one with a number before it, keeps its sign."""
    if isinstance(t, Scale) and t.body is not None and not t.scalars:
        return replace_kids(t, body=held(t.body))
    return replace_kids(t, held=True) if isinstance(t, Sum) else t


def _one_minus(t: Sum) -> bool:
    """Whether a sum is 1 − f(x), or 1 − x²: there the number stands first."""
    bare = [x.body if isinstance(x, Scale) and x.body is not None and not x.scalars else x for x in t.terms]
    others = [x for x in bare if not is_unit(x)]
    return len(others) < len(bare) and all(isinstance(x, Func | Apply | Power) for x in others)


def _leading(t: Tree) -> tuple[bool, int, tuple[str, ...]]:
    """How well a sum's first term stands first: no number or mean, long before short."""
    first = t.terms[0] if isinstance(t, Sum) else t
    spread = isinstance(first, Scale) and isinstance(first.body, Ones | Identity)
    return not (is_unit(first) or spread), first.size, first.words


def frobenius(left: Tree, right: Tree) -> Tree:
    a, b = sorted((left, right), key=reading_order)
    other = transpose(a), transpose(b)
    return Frobenius(SCALAR, *(other if other[0].turns + other[1].turns < a.turns + b.turns else (a, b)))


def scale(coefficient: Fraction, scalars: Sequence[Tree], body: Tree | None) -> Tree:
    """coefficient · Π scalars · body; a negative coefficient goes into a difference: −Xᵀ(y − p) is Xᵀ(p − y)."""
    if body is not None and body.shape == SCALAR:
        scalars, body = (*scalars, body), None
    if isinstance(body, Scale):
        coefficient, scalars, body = coefficient * body.coefficient, (*scalars, *body.scalars), body.body
    flat: list[Tree] = []
    for s in scalars:
        if isinstance(s, Scale):
            coefficient *= s.coefficient
            flat.extend(s.scalars)
        else:
            flat.append(s)
    moving = [s for s in flat if s.moving]
    if len(moving) == 1 and body is not None and column(body) and not body.moving:
        body = product([body, moving[0]])                       # p pᵀ du, not (pᵀ du) p
        flat.remove(moving[0])
    if coefficient < 0:
        turned = None if body is None or (isinstance(body, Sum) and not flat) else flipped(body)
        if turned is not None:
            coefficient, body = -coefficient, turned
        else:
            for k, s in enumerate(flat):
                if body is None and len(flat) == 1 and isinstance(s, Sum):
                    break
                if (turned := flipped(s)) is not None:
                    coefficient, flat[k] = -coefficient, turned
                    break
    flat.sort(key=reading_order)
    if coefficient == 1 and not (flat and body is not None) and len(flat) + (body is not None) == 1:
        return body if body is not None else flat[0]
    return Scale(SCALAR if body is None else body.shape, coefficient, tuple(flat), body)


def flipped(t: Tree) -> Tree | None:
    """−t, where a difference inside t takes the sign; None where there is none that reads better turned round."""
    if isinstance(t, Sum):
        if t.held:
            return None
        signs = [coefficient_of(x) < 0 for x in t.terms]
        units = [coefficient_of(x) < 0 for x in t.terms if is_unit(x)]
        if any(signs) and all(units):
            return total([scale(Fraction(-1), (), x) for x in t.terms], t.shape)
        return None
    if isinstance(t, Product | Hadamard):
        bare = [x.arg if isinstance(x, Transpose) else x for x in t.items]
        for k, item in enumerate(t.items):
            turned = None if bare.count(bare[k]) > 1 else flipped(item)     # −(x − m)(x − m)ᵀ stays
            if turned is not None:
                return replace_kids(t, items=(*t.items[:k], turned, *t.items[k + 1:]))
    if isinstance(t, Diag | Transpose):
        turned = flipped(t.arg)
        return None if turned is None else replace_kids(t, arg=turned)
    return None


def coefficient_of(t: Tree) -> Fraction:
    return t.coefficient if isinstance(t, Scale) else Fraction(1)


def is_unit(t: Tree) -> bool:
    """A number, 1 or I, scaled."""
    if isinstance(t, Scale):
        return not t.scalars and (t.body is None or is_unit(t.body))
    if isinstance(t, Product):
        return all(is_unit(x) or is_unit(transpose(x)) for x in t.items)
    return isinstance(t, Ones | Identity)


def total(terms: Iterable[Tree], shape: Shape2) -> Tree:
    """The sum in readable order: positive terms first, numbers before the rest, long before short, f(x) before f(−x)."""
    flat: list[Tree] = []
    for t in terms:
        flat.extend(t.terms if isinstance(t, Sum) else (t,))
    flat.sort(key=_term_order)
    return flat[0] if len(flat) == 1 else Sum(shape, tuple(flat))


def _term_order(t: Tree) -> tuple[bool, bool, bool, int, int, tuple[str, ...], bool, bytes]:
    body = t.body if isinstance(t, Scale) and t.body is not None and not t.scalars else t
    sums = isinstance(body, SumOver)
    mirrored, size = False, body.size
    if isinstance(body, Func) and coefficient_of(body.arg) < 0:
        mirrored, size = True, size - body.arg.size + scale(Fraction(-1), (), body.arg).size
    return coefficient_of(t) < 0, not is_unit(t), sums, -size, body.turns, body.words, mirrored, body.key


def unit(dim: Dim, letter: str) -> Tree:
    return Unit((dim, None), letter)
