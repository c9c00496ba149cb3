"""Signs for a module's derivatives, J_N, H_N, j_L, h_L, and for parts of tensors, H_{i,:,:}."""
from __future__ import annotations

from collections.abc import Iterable

from symderiv.build import value_shape
from symderiv.ir import Call, Name, Symbol
from symderiv.render.pieces import ATOM, RAISED, Piece
from symderiv.render.style import Style
from symderiv.render.tree import Entry, Slice, Tree
from symderiv.structures import Structure


def located(nodes: Iterable[object], mode: str) -> set[str]:
    """The abstract functions whose derivatives have to say where they are taken; ``mode`` is `Notation.arguments`."""
    places: dict[str, set[tuple[bytes, ...]]] = {}
    for node in nodes:
        if isinstance(node, Call) and node.abstract and node.ders:
            places.setdefault(node.fn, set()).add(tuple(a.digest for a in node.args))
    return {fn for fn, found in places.items() if mode == "always" or (mode == "auto" and len(found) > 1)}


_SIGNS = {(1, 0): "j", (2, 0): "h", (1, 1): "J", (2, 1): "H"}
"""by (how often it is differentiated, whether its value has axes)"""


def derivative_name(node: Call, style: Style, row: bool = False) -> str:
    """The sign of a derivative.

    J_N and H_N; of a scalar function of a vector the column j_L, the row J_L and the matrix h_L; f' of a function of a
    scalar; ∂_1 N where there are several arguments.
    """
    fn, times, values = style.head(node), len(node.ders), len(value_shape(node))
    plain = style.thin == " "
    if len(node.args) > 1:
        at = ",".join(str(d + 1) for d in node.ders)
        power = "" if times == 1 else style.raised("", str(times))
        return f"∂{power}_{at} {fn}" if plain else rf"\partial{power}_{{{at}}}{fn}"
    inputs = len(node.args[0].shape)
    if inputs == 0:
        return fn + ("'" * times if times <= 3 else f"^{{({times})}}")
    if times > 2:
        return f"D^{times} {fn}" if plain else f"(D^{times}{fn})"
    sign = _SIGNS[times, min(values, 1)]
    if row or inputs > 1:
        sign = sign.upper()
    text = f"{sign}_{fn}" if plain or len(fn) == 1 else f"{sign}_{{{fn}}}"
    if text in style.taken:                                     # a user's own J_N
        return f"{sign}_({fn})" if plain else f"{sign}_{{({fn})}}"
    return text


def is_row(t: Tree) -> bool:
    """Whether a column is written A_{i,:}ᵀ."""
    return isinstance(t, Slice | Entry) and len(t.index) == 2 and t.index[0] is not None and t.index[1] is None


def indexed_piece(t: Slice | Entry, base: str, style: Style) -> Piece:
    """A sign with the part's index; a row of a matrix stands for the column that it is the transpose of."""
    separator = "," if None in t.index else ""
    text = style.indexed(base, separator.join(x if x is not None else ":" for x in t.index))
    return Piece(style.transposed(text), RAISED) if is_row(t) else Piece(text, ATOM)


def slice_piece(t: Slice, style: Style) -> Piece:
    """H_{i,:,:}, (J_L)_k, h_{N_k}."""
    node, plain = t.node, style.thin == " "
    if isinstance(node, Call):
        first, *others = t.index
        second = len(node.ders) == 2 and len(value_shape(node)) == 1
        if second and first is not None and others == [None, None] and not plain:
            return Piece(f"h_{{{style.indexed(style.word(node.fn), first)}}}", ATOM)
        base = derivative_name(node, style, row=len(node.shape) == 1)
    elif isinstance(node, Symbol) and node.kind == "structure":
        return Piece(style.structure(Structure.read(node.name), t.index), ATOM)
    else:
        assert isinstance(node, Symbol | Name)
        base = style.name(node)
    scripted = ("_" in base or "^" in base) and not plain and not base.startswith("(")
    return indexed_piece(t, f"({base})" if scripted else base, style)
