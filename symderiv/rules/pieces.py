"""Products of functions that are made of pieces: H(x), max(x, 0), sign(x) and |x| of one argument, and the argument.

Each is a power of |x| on either side of 0, times 1, 0 or −1, and 0 or continuous at 0 itself; so is any product of them.
The laws hold everywhere, at x = 0 too, since H(0) = sign(0) = 0 in this project.
"""
from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from symderiv.build import apply, contract, number, power, scale, symbol, zero
from symderiv.frontend.rows import definition_of, has_definition
from symderiv.functions import TENSOR
from symderiv.ir import Call, Contract, Expr, Map, base_and_exponent
from symderiv.rules.base import Context, peel, rule
from symderiv.rules.definitions import from_rows, is_map, rows_of


class Piece(NamedTuple):
    """right·|x|ⁿ where x > 0, left·|x|ⁿ where x < 0; at 0 its limit where n > 0, and 0 where n = 0."""

    right: int
    left: int
    degree: int


PIECES = {"heaviside": Piece(1, 0, 0), "relu": Piece(1, 0, 1), "sign": Piece(1, -1, 0), "abs": Piece(1, 1, 1)}


def _piece(base: Expr, of: Expr) -> Piece | None:
    """The factor as pieces of the argument ``of``, or None."""
    inner = peel(base)
    opposite = scale(-1, of)
    if inner is of or inner is opposite:
        return Piece(1, -1, 1) if inner is of else Piece(-1, 1, 1)
    if not isinstance(inner, Map) or inner.fn not in PIECES or not is_map(inner, inner.fn):
        return None
    found = PIECES[inner.fn]
    if inner.arg is of:
        return found
    return Piece(found.left, found.right, found.degree) if inner.arg is opposite else None


def _product(rows: list[tuple[Piece, int]]) -> Piece:
    right, left, degree = 1, 1, 0
    for piece, q in rows:
        right, left, degree = right * piece.right**q, left * piece.left**q, degree + piece.degree * q
    return Piece(right, left, degree)


def _made(piece: Piece, v: Expr) -> list[tuple[Expr, int]] | None:
    """(base, exponent) of the shortest product with these pieces; None for 0, and for |x|⁰, which is 0 at 0."""
    right, left, n = piece
    if not right and not left:
        return None
    if not right or not left:
        side = v if right else scale(-1, v)
        factors = [(apply("relu", side), n) if n else (apply("heaviside", side), 1)]
    elif n == 0:
        factors = [(apply("sign", v), 1 if right != left else 2)]
    elif right == left * (-1)**n:
        factors = [(v, n)]
    else:
        factors = [(apply("abs", v), n)] if n % 2 else [(v, 1), (apply("abs", v), n - 1)]
    return factors if (right or left) > 0 else [*factors, (number(-1), 1)]


def _step_times_itself() -> tuple[Expr, Context]:
    v = symbol("v", (2,))
    return contract((apply("heaviside", v), apply("relu", v)), ("i", "i"), "i"), Context()


def _vanishes_left_of(node: Expr, arg: Expr) -> bool:
    """Whether a function of whole arrays is max(arg, 0) by its definition: sparsemax(u) = max(u − τ(u) 1, 0)."""
    if not isinstance(node, Call) or node.abstract or node.ders or not has_definition(node) or not TENSOR[node.fn].pieces:
        return False
    body = base_and_exponent(peel(definition_of(node)))[0]
    return isinstance(body, Map) and is_map(body, "relu") and body.arg is arg


@rule("pieces", r"H(x)\max(x,0)=\max(x,0),\ \lvert x\rvert\operatorname{sign}x=x,\ldots", [Contract, Map], example=_step_times_itself)
def fold_pieces(node: Expr, context: Context) -> Expr | None:
    """Of factors that are pieces of one argument, the shortest product."""
    rows = rows_of(node) if isinstance(node, Contract) else [(*base_and_exponent(node), tuple(range(len(node.shape))))]
    for k, (base, q, ls) in enumerate(rows):
        inner = peel(base)
        if isinstance(node, Contract) and q >= 1 and isinstance(inner, Map) and is_map(inner, "heaviside") \
                and any(at == ls and r >= 1 and _vanishes_left_of(peel(b), inner.arg) for b, r, at in rows):
            return from_rows(node, rows[:k] + rows[k + 1:])
        if q < 1 or q.denominator != 1 or not isinstance(inner, Map) or inner.fn not in PIECES or not is_map(inner, inner.fn):
            continue
        found = [(k, piece, int(r)) for k, (b, r, at) in enumerate(rows)
                 if at == ls and r >= 1 and r.denominator == 1 and (piece := _piece(b, inner.arg)) is not None]
        if len(found) == 1 and found[0][2] == 1:
            continue
        piece = _product([(p, r) for _, p, r in found])
        made = _made(piece, inner.arg)
        if made is None:
            return zero(node.shape)
        known = {peel(rows[k][0]): rows[k][0] for k, _, _ in found}
        new = [(known.get(b, b), Fraction(r), () if not b.shape else ls) for b, r in made]
        if {(b, r) for b, r, _ in new} == {rows[k][:2] for k, _, _ in found}:
            continue
        gone = {k for k, _, _ in found}
        kept = [row for k, row in enumerate(rows) if k not in gone]
        if isinstance(node, Contract):
            return from_rows(node, [*kept, *new])
        (b, r, _), = new
        return power(b, r)
    return None


__all__ = ["fold_pieces"]
