"""Prints a matrix tree with as few brackets as its precedences need, in LaTeX or plain text."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import singledispatchmethod

from symderiv.build import value_shape
from symderiv.errors import TooLargeError
from symderiv.render.construct import coefficient_of, product, transpose
from symderiv.render.derivatives import derivative_name, indexed_piece, is_row, located, slice_piece
from symderiv.render.pieces import ATOM, BIG, HADAMARD, PRODUCT, RAISED, SUM, Of, Piece, applied_level
from symderiv.render.style import Style
from symderiv.render.tree import (
    Apply,
    Bracketed,
    Commutation,
    Diag,
    DiagOf,
    Differential,
    Entry,
    Frobenius,
    Func,
    Hadamard,
    Hole,
    Identity,
    Inverse,
    Kron,
    Leaf,
    Norm,
    Ones,
    Opaque,
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
    Vec,
    fold,
    postorder,
    replace_kids,
)

LONGEST = 200_000


class Writer:
    """Prints one tree; ``entries`` prints an expression in index form, for what has no matrix form."""

    def __init__(self, style: Style, entries: Callable[[Opaque], tuple[str, str]]) -> None:
        self.style = style
        self.entries = entries

    def write(self, tree: Tree) -> str:
        return self.whole(tree).text

    def whole(self, tree: Tree) -> Piece:
        """The text of a tree and how tightly it holds together."""
        self.shown = located((t.node for t in postorder(tree) if isinstance(t, Apply | Slice)), self.style.notation.arguments)
        return fold(tree, self._checked)

    def _checked(self, tree: Tree, of: Of) -> Piece:
        piece = self.piece(tree, of)
        if len(piece.text) > LONGEST:
            raise TooLargeError(f"a formula of more than {LONGEST} characters", hint="give its parts names")
        return piece

    def wrap(self, piece: Piece, level: int) -> str:
        return piece.text if piece.level >= level else self.style.brackets(piece.text)

    # ------------------------------------------------------------ one method per kind of tree
    @singledispatchmethod
    def piece(self, t: Tree, of: Of) -> Piece:
        raise AssertionError(t)

    @piece.register
    def _(self, t: Leaf, of: Of) -> Piece:
        return Piece(self.style.name(t.node), RAISED if self.style.superscripted(t.node) else ATOM)  # type: ignore[arg-type]  # a leaf's node has a name

    @piece.register
    def _(self, t: Ones, of: Of) -> Piece:
        return Piece(self._sized(self.style.ones, t.shape), ATOM)

    @piece.register
    def _(self, t: Identity, of: Of) -> Piece:
        return Piece(self._sized(self.style.identity, t.shape), ATOM)

    def _sized(self, sign: str, shape: Shape2) -> str:
        return self.style.sized(sign, self.style.size(shape[0])) if self.style.shows_size(sign) else sign

    def _ones(self, t: Tree) -> str:
        """Ones of a tree's shape, as a numerator."""
        rows, columns = ("" if d is None else self._sized(self.style.ones, (d, d)) for d in t.shape)
        return rows + ((" " if rows else "") + self.style.transposed(columns) if columns else "")

    @piece.register
    def _(self, t: Unit, of: Of) -> Piece:
        return Piece(self.style.sized("e", t.letter), ATOM)

    @piece.register
    def _(self, t: Transpose, of: Of) -> Piece:
        s, arg = self.style, t.arg
        if isinstance(arg, Inverse):
            return Piece(s.inverted(self.wrap(of(arg.arg), ATOM), True), RAISED)
        if isinstance(arg, Hole) and arg.shape[1] is None:
            return self._hole(arg, of, True)
        if isinstance(arg, Hole) and s.notation.turned and len(arg.wrts) == 1:
            return Piece(s.derivative(s.transposed(self.wrap(of(arg.body), ATOM)), [self.wrap(of(arg.wrts[0]), ATOM)]), ATOM)
        if isinstance(arg, Hole):
            return Piece(s.transposed(f"({of(arg).text})" if self.plain else rf"\left({of(arg).text}\right)"), RAISED)
        if is_row(arg):                                         # A_{i,:} is a row itself
            return Piece(of(arg).text.removesuffix(s.transposed("")), ATOM)
        if isinstance(arg, Apply) and arg.node.ders and arg.shape[1] is None and not value_shape(arg.node):
            return self._derivative(arg, of, row=True)
        return Piece(s.transposed(self.wrap(of(arg), ATOM)), RAISED)

    @piece.register
    def _(self, t: Inverse, of: Of) -> Piece:
        return Piece(self.style.inverted(self.wrap(of(t.arg), ATOM), False), RAISED)

    @piece.register
    def _(self, t: Product, of: Of) -> Piece:
        if self.style.notation.pairing and t.shape == (None, None) and sum(x.moving for x in t.items) == 1:
            return self._paired(t)
        text, before = "", None
        k = 0
        while k < len(t.items):
            item, run = t.items[k], 1
            while k + run < len(t.items) and t.items[k + run] == item:
                run += 1
            piece = of(item)
            last = k + run == len(t.items)
            part = piece.text if last and piece.level == BIG else self.wrap(piece, PRODUCT)
            if run > 1:
                base = item.arg if isinstance(item, Transpose | Inverse) else item
                inner = self.wrap(of(base), ATOM)
                if isinstance(item, Inverse):
                    part = self.style.raised(inner, f"-{run}")
                elif isinstance(item, Transpose):
                    part = self.style.raised(self.style.brackets(piece.text), str(run))
                else:
                    part = self.style.raised(inner, str(run))
            text += part if before is None else self._gap(before, item, text, part) + part
            before, k = item, k + run
        return Piece(text, PRODUCT)

    def _paired(self, t: Product) -> Piece:
        """uᵀ dX v as ⟨u vᵀ, dX⟩."""
        k = next(k for k, x in enumerate(t.items) if x.moving)
        whole = t.items[k]
        moved = whole.arg if isinstance(whole, Transpose) else whole
        left, right = t.items[:k], t.items[k + 1:]
        other = transpose(product([*right, *left]))            # L dX R is ⟨(R L)ᵀ, dX⟩
        if moved is not whole:
            other = transpose(other)
        return Piece(self.style.inner(fold(other, self.piece).text, fold(moved, self.piece).text), ATOM)

    @property
    def plain(self) -> bool:
        return self.style.thin == " "

    def _gap(self, left: Tree, right: Tree, before: str, after: str) -> str:
        bare = right.arg if isinstance(right, Transpose) else right
        if self.plain:
            return " "
        if after.startswith(r"\operatorname") and not before.endswith(")"):
            return ""
        names = isinstance(left, Leaf) and left.order == 2 and isinstance(bare, Leaf) and not bare.moving
        if names or before.endswith(r"\top"):
            apart = isinstance(left, Transpose) and isinstance(left.arg, Apply)
            return r"\," if apart else "" if after.startswith("(") else " "
        return r"\,"

    @piece.register
    def _(self, t: Hadamard, of: Of) -> Piece:
        s = self.style
        over = [x for x in t.items if not (isinstance(x, Power) and x.exponent < 0)]
        under = [replace_kids(x, exponent=-x.exponent) for x in t.items if isinstance(x, Power) and x.exponent < 0]
        top = [self._factor(x, of) for x in over] or [Piece(self._ones(t), RAISED)]
        if not under:
            return self._elementwise(top)
        above, below = self._elementwise(top), self._elementwise([self._factor(x, of) for x in under])
        return Piece(f"{self.wrap(above, RAISED)} {s.quotient} {self.wrap(below, RAISED)}", HADAMARD)

    def _elementwise(self, parts: Sequence[Piece]) -> Piece:
        return parts[0] if len(parts) == 1 else Piece(f" {self.style.hadamard} ".join(x.text for x in parts), HADAMARD)

    def _factor(self, x: Tree, of: Of) -> Piece:
        """A factor of an elementwise product; small powers are written out."""
        piece = self._power(x.base, x.exponent, of) if isinstance(x, Power) else of(x)
        written_out = isinstance(x, Power) and piece.level == HADAMARD and x.exponent in (2, 3)
        return piece if written_out else Piece(self.wrap(piece, RAISED), RAISED)

    @piece.register
    def _(self, t: Power, of: Of) -> Piece:
        return self._power(t.base, t.exponent, of)

    def _power(self, base: Tree, q: Fraction, of: Of) -> Piece:
        s = self.style
        if q == 1:
            return of(base)
        if base.order == 0:
            if q < 0:
                return Piece(s.fraction("1", self._under(base, -q, of)), PRODUCT if self.plain else ATOM)
            if isinstance(base, Norm) and q == 2 and isinstance(base.arg, Leaf) and base.arg.order == 1:
                name = of(base.arg)
                return Piece(s.transposed(self.wrap(name, ATOM)) + " "
                             + name.text, PRODUCT)
            if q == Fraction(1, 2):
                return Piece(s.root(of(base).text), ATOM)
            return Piece(s.raised(self.wrap(of(base), ATOM), str(q)), RAISED)
        if q == Fraction(1, 2):
            return Piece(s.root(of(base).text), ATOM)
        if q < 0:
            power = self._power(base, -q, of)
            return Piece(f"{self._ones(base)} {s.quotient} {self.wrap(power, RAISED)}", HADAMARD)
        text = self.wrap(of(base), ATOM)
        if q in (2, 3) and isinstance(base, Leaf):
            return Piece(f" {s.hadamard} ".join([text] * int(q)), HADAMARD)
        return Piece(s.raised(text, str(q), hadamard=True), RAISED)

    def _under(self, base: Tree, q: Fraction, of: Of) -> str:
        """base**q in a denominator."""
        piece = self._power(base, q, of)
        return self.wrap(piece, RAISED) if self.style.fraction_brackets() else piece.text

    @piece.register
    def _(self, t: Norm, of: Of) -> Piece:
        return Piece(self.style.norm(of(t.arg).text, t.arg.order == 2), ATOM)

    @piece.register
    def _(self, t: Diag, of: Of) -> Piece:
        if isinstance(t.arg, DiagOf):
            inner = self.wrap(of(t.arg.arg), RAISED)
            return Piece(f"{inner} {self.style.hadamard} {self._sized(self.style.identity, t.shape)}", HADAMARD)
        return Piece(self.style.applied(self.style.diag_, of(t.arg).text), ATOM)

    @piece.register
    def _(self, t: DiagOf, of: Of) -> Piece:
        return Piece(self.style.applied(self.style.diag_, of(t.arg).text), ATOM)

    @piece.register
    def _(self, t: Trace, of: Of) -> Piece:
        return Piece(self.style.applied(self.style.trace_, of(t.arg).text), ATOM)

    @piece.register
    def _(self, t: Frobenius, of: Of) -> Piece:
        if self.style.notation.frobenius == "trace":
            both = Product((t.left.shape[1], t.left.shape[1]), (transpose(t.left), t.right))
            return Piece(self.style.applied(self.style.trace_, fold(both, self.piece).text), ATOM)
        return Piece(self.style.inner(of(t.left).text, of(t.right).text), ATOM)

    @piece.register
    def _(self, t: Func, of: Of) -> Piece:
        text = self.style.function(t.node, of(t.arg).text)
        return Piece(text, applied_level(text))

    @piece.register
    def _(self, t: Apply, of: Of) -> Piece:
        if t.node.ders:
            return self._derivative(t, of)
        text = self.style.value(t.node, [of(a).text for a in t.args])
        return Piece(text, applied_level(text))

    def _derivative(self, t: Apply, of: Of, row: bool = False) -> Piece:
        text = derivative_name(t.node, self.style, row)
        if not t.node.abstract or t.node.fn in self.shown:
            text += f"({', '.join(of(a).text for a in t.args)})"
        return Piece(text, ATOM)

    @piece.register
    def _(self, t: Slice, of: Of) -> Piece:
        return slice_piece(t, self.style)

    @piece.register
    def _(self, t: Entry, of: Of) -> Piece:
        text = self.wrap(of(t.arg), ATOM)
        bare = text.startswith("(") or isinstance(t.arg, Leaf | Func | Apply)
        return indexed_piece(t, text if bare else self.style.brackets(text), self.style)

    @piece.register
    def _(self, t: Opaque, of: Of) -> Piece:
        text, letters = self.entries(t)
        return Piece(self.style.entries(text, letters) if letters else text, ATOM if letters else SUM)

    @piece.register
    def _(self, t: Hole, of: Of) -> Piece:
        return self._hole(t, of, False)

    def _hole(self, t: Hole, of: Of, row: bool) -> Piece:
        body = self.wrap(of(t.body), ATOM if not isinstance(t.body, Func) else RAISED)
        wrts = [self.wrap(of(w), ATOM) for w in t.wrts]
        if t.wrts[-1].order == 1 and (t.shape[1] is not None or row):
            wrts[-1] = self.style.transposed(wrts[-1])
        return Piece(self.style.derivative(body, wrts), ATOM)

    @piece.register
    def _(self, t: Differential, of: Of) -> Piece:
        piece = of(t.arg)
        bare = piece.level == ATOM and isinstance(t.arg, Leaf | Apply)
        return Piece(self.style.differential(piece.text if bare else self.style.brackets(piece.text)), ATOM)

    @piece.register
    def _(self, t: Bracketed, of: Of) -> Piece:
        piece = of(t.arg)
        return piece if t.note == "silent" or piece.level == ATOM else Piece(self.style.brackets(piece.text), ATOM)

    @piece.register
    def _(self, t: Kron, of: Of) -> Piece:
        items = [self.style.sized(self.style.identity, self.style.size(x.shape[0])) if isinstance(x, Identity)
                 else self.wrap(of(x), RAISED) for x in t.items]
        return Piece(f" {self.style.kron} ".join(items), HADAMARD)

    @piece.register
    def _(self, t: Vec, of: Of) -> Piece:
        return Piece(self.style.applied(self.style.vec_, of(t.arg).text), ATOM)

    @piece.register
    def _(self, t: Commutation, of: Of) -> Piece:
        return Piece(self.style.sized("K", f"{self.style.size(t.rows)},{self.style.size(t.columns)}"), ATOM)

    @piece.register
    def _(self, t: Scale, of: Of) -> Piece:
        s, c = self.style, abs(t.coefficient)
        sign = s.minus if t.coefficient < 0 else ""
        under = [x for x in t.scalars if isinstance(x, Power) and x.exponent < 0]
        open_ = [x for x in t.scalars if isinstance(x, Hole)] if under else []
        over = [x for x in t.scalars if not (isinstance(x, Power) and x.exponent < 0) and x not in open_]
        plain_ones = self.plain and isinstance(t.body, Ones) and not t.scalars and not s.notation.sizes
        body = None if t.body is None or plain_ones else of(t.body)          # x − 2 in text, for x − 2·1
        if under:
            digits, bottom, names = s.number_parts(c)
            numbers = digits + names
            top = numbers + [self._scalar(x, of, len(numbers) + len(over) > 1 or s.fraction_brackets(), True) for x in over]
            many = len(under) + len(bottom) > 1
            for x in under:
                assert isinstance(x, Power)
                power = self._power(x.base, -x.exponent, of)
                bottom.append(self.wrap(power, RAISED if many or s.fraction_brackets() else SUM))
            denominator = s.thin.join(bottom)
            if len(bottom) > 1 and s.fraction_brackets():
                denominator = f"({denominator})"
            ratio = s.fraction(s.thin.join(top) or "1", denominator)
            head = [f"({ratio})" if s.fraction_brackets() and (body is not None or open_) else ratio]
            head += [self._scalar(x, of, True) for x in open_]
        else:
            single = len(over) == 1 and body is None
            factors = [self._scalar(x, of, not single) for x in over]
            number = s.number(c)
            if s.fraction_brackets() and "/" in number and (factors or body):
                number = f"({number})"
            head = ([] if c == 1 and (factors or body is not None) else [number]) + factors
        if body is not None:
            loose = body.level < PRODUCT and isinstance(t.body, Hadamard | Power | SumOver | Kron)
            head.append(self.wrap(body, BIG if loose else PRODUCT))
        text = head[0]
        for part in head[1:]:
            operator = part.startswith(r"\operatorname") and not text.endswith(")")
            text += ("" if operator or part.startswith(r"\sum") else s.thin) + part
        level = PRODUCT
        if body is not None and body.level == BIG:
            level = BIG
        elif body is not None and body.level < PRODUCT and not text.endswith(")"):
            level = HADAMARD
        elif text.isdigit():
            level = ATOM
        return Piece(sign + text, SUM if sign else level)

    def _scalar(self, x: Tree, of: Of, many: bool, closed: bool = False) -> str:
        return self.wrap(of(x), RAISED if many else SUM if closed else SUM + 1)

    @piece.register
    def _(self, t: Sum, of: Of) -> Piece:
        s = self.style
        if not t.terms:
            return Piece(s.zero if t.order == 0 else s.zeros, ATOM)
        text = ""
        gap = " " if self.plain else ""
        for term in t.terms:
            negative = coefficient_of(term) < 0
            piece = of(term)
            body = piece.text[len(s.minus):] if negative else self.wrap(piece, BIG)
            sign = s.minus if negative else s.plus if text else ""
            text += (gap if text else "") + sign + (gap if text else "") + body
        return Piece(text, SUM)

    @piece.register
    def _(self, t: SumOver, of: Of) -> Piece:
        s = self.style
        parts = [self.wrap(of(x), RAISED if len(t.weights) > 1 or t.body is not None else PRODUCT) for x in t.weights]
        if t.body is not None:
            parts.append(self.wrap(of(t.body), BIG))
        text = s.thin.join(parts)
        return Piece(s.sum_sign(t.letters) + (" " if text[:1].isalnum() and not self.plain else "") + text, BIG)
