"""Expressions in index form: Σ_k W_ik δ_kj. Letters and the order of factors are inherited from line to line."""
from __future__ import annotations

from collections.abc import Generator, Sequence
from fractions import Fraction
from typing import Any

from symderiv.build import value_shape
from symderiv.families import EXPECTATION
from symderiv.ir import SIGNED, Add, Box, Call, Contract, Der, Expr, Map, Name, Symbol, is_zero, number_of, postorder
from symderiv.lift import lift, lift_any
from symderiv.render.apart import beside
from symderiv.render.derivatives import derivative_name, located
from symderiv.render.indexing import (
    Factor,
    Layout,
    Row,
    compacted,
    flippable,
    in_reading_order,
    lay_out,
    summed_groups,
    term_key,
)
from symderiv.render.joined import Opened, in_brackets, is_join, name_rest, opened, single, spread
from symderiv.render.letters import POOL, SCALAR_POOL, Letters, free_letters, inherited, next_letter, taken_names
from symderiv.render.notation import DEFAULT, Notation
from symderiv.render.pieces import ATOM, BIG, PRODUCT, RAISED, SUM, Piece, applied_level
from symderiv.render.signs import is_difference, reads_well, signed
from symderiv.render.style import PlainStyle, Style
from symderiv.render.tree import Leaf, Norm, Opaque, Power, Tree, is_differential
from symderiv.render.writer import Writer
from symderiv.structures import Structure

Task = Generator[Any, Any, Piece]


def index_latex(expr: Expr, out_letters: Sequence[str], letters: Letters | None = None,
                notation: Notation = DEFAULT) -> tuple[str, Letters]:
    r"""LaTeX of the entry of an expression at the given letters, and the letters that it used.

    >>> from symderiv.build import symbol
    >>> from symderiv.ops import matmul
    >>> A, B = symbol("A", ("m", "n")), symbol("B", ("n", "q"))
    >>> print(index_latex(matmul(A, B), "ij")[0])
    \sum_k A_{ik}\,B_{kj}
    """
    with beside(expr):
        return written(expr, out_letters, letters, Style(notation))


def index_text(expr: Expr, out_letters: Sequence[str], letters: Letters | None = None) -> tuple[str, Letters]:
    """The same as plain text."""
    with beside(expr):
        return written(expr, out_letters, letters, PlainStyle(DEFAULT))


def written(expr: Expr, out_letters: Sequence[str], letters: Letters | None, style: Style) -> tuple[str, Letters]:
    """The entry in a style."""
    expr, out = signed(expr, {}), tuple(out_letters)[:len(expr.shape)]
    writer = IndexWriter(expr, out, style, letters)
    piece = writer.run(writer.entry(expr, out, frozenset(single(out_letters))))
    return piece.text, writer.letters


def entries_of(style: Style) -> Any:
    """How a matrix formula prints the entries of what has no matrix form."""
    def entries(tree: Opaque) -> tuple[str, str]:
        out = free_letters(len(tree.node.shape), taken_names(tree.node))
        return written(tree.node, out, None, style)[0], "".join(out)
    return entries


class IndexWriter:
    """One formula; ``letters`` collects what it used, ``previous`` is the line before."""

    def __init__(self, root: Expr, out: tuple[str, ...], style: Style, previous: Letters | None) -> None:
        self.out, self.pool = out, POOL if out else SCALAR_POOL
        self.style, self.previous, self.letters = style, previous, Letters()
        self.avoid = taken_names(root)
        self.plain = isinstance(style, PlainStyle)
        self.shown = located(postorder(root), style.notation.arguments)
        self.joins = any(map(is_join, postorder(root)))

    @staticmethod
    def run(task: Task) -> Piece:
        """Run a task and those that it waits for, without the interpreter's stack."""
        stack: list[Task] = [task]
        value: Any = None
        while stack:
            try:
                request = stack[-1].send(value)
                stack.append(request)
                value = None
            except StopIteration as done:
                stack.pop()
                value = done.value
        return value

    def wrap(self, piece: Piece, level: int) -> str:
        return piece.text if piece.level >= level else self.style.brackets(piece.text)

    def matrix(self, node: Expr, tree: Tree | None = None) -> str:
        return self.matrix_piece(lift_any(node) if tree is None else tree).text

    def matrix_piece(self, tree: Tree) -> Piece:
        return Writer(self.style, entries_of(self.style)).whole(tree)

    def at(self, base: str, letters: tuple[str, ...], bracket: bool) -> str:
        """base_{ij}."""
        if not letters:
            return base
        text = ("," if self.plain or any(len(x) > 1 for x in letters) else "").join(letters)
        return self.style.indexed(f"({base})" if bracket and not self.plain else base, text)

    # ------------------------------------------------------------ nodes
    def entry(self, node: Expr, letters: tuple[str, ...], used: frozenset[str], compact: bool = False) -> Task:
        """The entry of a node; ``used`` are the letters of the formula around it."""
        self.letters.record(node, letters)
        if isinstance(node, Name | Der) and is_differential(node):
            return self.differential(node, letters, used)
        if isinstance(node, Symbol | Name):
            return self.leaf(node, letters)
        if isinstance(node, Map):
            return self.map(node, letters, used)
        if is_join(node) and (wide := spread(node, letters)) is not None:
            return self.entry(node.kids[0], wide, used, compact)
        if isinstance(node, Call):
            return self.expected(node, letters, used) if node.fn == EXPECTATION else self.call(node, letters)
        if isinstance(node, Add):
            return self.add(node, letters, used, compact)
        if isinstance(node, Der):
            return self.hole(node, letters, used)
        if isinstance(node, Box):
            return self.entry(node.body, letters, used, compact) if node.note == SIGNED else self.box(node, letters, used)
        assert isinstance(node, Contract)
        if compact and self._compacts(node):
            groups = summed_groups(list(zip(node.factors, node.labels, strict=True)), node.out)
            if len(groups) != 1 or len(groups[0]) != len(node.factors):
                return self.contract(node, letters, used, frozenset(), Fraction(1), compacted(node, groups))
            tree = lift(node)
            if tree is not None:
                return self.compact(tree, letters)
        return self.contract(node, letters, used, frozenset())

    def leaf(self, node: Symbol | Name, letters: tuple[str, ...]) -> Task:
        if isinstance(node, Symbol) and node.kind == "structure" and letters:
            return Piece(self.style.entry_of_structure(Structure.read(node.name), letters), ATOM)
        base = self.style.name(node)
        scripted = self.style.subscripted(node.name) and not (isinstance(node, Symbol) and node.kind == "dim")
        raised = self.style.superscripted(node) and not letters
        return Piece(self.at(base, letters, scripted), RAISED if raised else ATOM)
        yield

    def compact(self, tree: Tree, letters: tuple[str, ...]) -> Task:
        piece = self.matrix_piece(tree)
        return Piece(self.at(f"({piece.text})", letters, False), ATOM) if letters else piece
        yield

    def differential(self, node: Name | Der, letters: tuple[str, ...], used: frozenset[str]) -> Task:
        body = yield self.entry(node.body, letters, used)
        bare = isinstance(node.body, Symbol | Name)
        return Piece(self.style.differential(body.text if bare else self.style.brackets(body.text)), ATOM)

    def map(self, node: Map, letters: tuple[str, ...], used: frozenset[str]) -> Task:
        if node.fn == "pow":
            base, q = yield self.base(node, letters, used)
            return self.power(base, q)
        arg = yield self.entry(node.arg, letters, used, True)
        text = self.style.function(node, arg.text)
        return Piece(text, applied_level(text))

    def base(self, node: Map, letters: tuple[str, ...], used: frozenset[str]) -> Generator[Any, Any, Any]:
        """(text, exponent) of a power; √Σx² is a norm, and in an even power a difference has its longer part first."""
        q, arg = node.params[0], node.arg
        if not letters:
            tree = lift(node)
            if isinstance(tree, Norm):
                return Piece(self.matrix(node, tree), ATOM), Fraction(1)
            if isinstance(tree, Power) and isinstance(tree.base, Norm):
                if abs(tree.exponent) == 2 and isinstance(tree.base.arg, Leaf):           # xᵀx
                    return Piece(self.matrix(arg), PRODUCT), tree.exponent / 2
                return Piece(self.matrix(node, tree.base), ATOM), tree.exponent
        if isinstance(arg, Add) and q.denominator == 1 and q % 2 == 0 and is_difference(arg) and not reads_well(arg):
            self.letters.record(arg, letters)
            return (yield self.add(arg, letters, used, True, -1)), q
        return (yield self.entry(arg, letters, used, True)), q

    def power(self, base: Piece, q: Fraction) -> Piece:
        if q == 1:
            return base
        if q < 0:
            below = self.power(base, -q)
            text = self.wrap(below, RAISED) if self.style.fraction_brackets() else below.text
            return Piece(self.style.fraction("1", text), PRODUCT if self.style.fraction_brackets() else ATOM)
        if q == Fraction(1, 2):
            return Piece(self.style.root(base.text), ATOM)
        return Piece(self.style.raised(self.wrap(base, ATOM), str(q)), RAISED)

    def call(self, node: Call, letters: tuple[str, ...]) -> Task:
        if node.ders:
            base = derivative_name(node, self.style, row=not value_shape(node) and len(node.ders) == 1)
            scripted = "_" in base or base.startswith("(")
            text = self.at(base, letters, scripted and not base.startswith("("))
            if not node.abstract or node.fn in self.shown:
                text += f"({', '.join(self.matrix(a) for a in node.args)})"
            return Piece(text, ATOM)
        args = [self.matrix(a) for a in node.args]
        if node.fn == "inv" or (node.abstract and letters):
            text = self.at(self.matrix(node), letters, True) if node.fn == "inv" else \
                self.at(self.style.head(node), letters, self.style.subscripted(node.fn)) + f"({', '.join(args)})"
        else:
            text = self.at(self.style.value(node, args), letters, False)
        return Piece(text, ATOM if letters else applied_level(text))
        yield

    def expected(self, node: Call, letters: tuple[str, ...], used: frozenset[str]) -> Task:
        body = yield self.entry(node.args[0], letters, used)
        return Piece(self.style.value(node, [body.text]), ATOM)

    def hole(self, node: Der, letters: tuple[str, ...], used: frozenset[str]) -> Task:
        wrts: list[str] = []
        body: Expr = node
        while isinstance(body, Der):
            k = len(body.body.shape)
            wrt = yield self.entry(body.wrt, letters[k:], used)
            wrts.insert(0, self.wrap(wrt, ATOM))
            body, letters = body.body, letters[:k]
        piece = yield self.entry(body, letters, used)
        if piece.level >= RAISED and r"\frac" not in piece.text:
            return Piece(self.style.derivative(piece.text, wrts), ATOM)
        return Piece(self.style.operator_derivative(self.style.brackets(piece.text), wrts), RAISED)

    def box(self, node: Box, letters: tuple[str, ...], used: frozenset[str]) -> Task:
        if len(letters) == 2 and isinstance(node.body, Contract) and not node.body.factors and len(node.body.dims) == 1:
            letters = tuple(sorted(letters, key=lambda x: x in self.out))         # δ_kj: the summed letter first
        body = yield self.entry(node.body, letters, used)
        if node.note == "silent" and isinstance(node.body, Contract) and not node.body.factors:
            return Piece(body.text, ATOM)                       # δ_ij δ_kl needs no brackets in a product
        return body if node.note == "silent" or body.level == ATOM else Piece(self.style.brackets(body.text), ATOM)

    # ------------------------------------------------------------ sums
    def add(self, node: Add, letters: tuple[str, ...], used: frozenset[str], compact: bool, sign: int = 1) -> Task:
        if is_zero(node):
            return Piece("0", ATOM)
        value = number_of(node)
        if value is not None:
            text = self.style.number(abs(value))
            return Piece(self.style.minus + text, SUM) if value < 0 else Piece(text, ATOM)
        rows: list[tuple[Fraction, Expr, frozenset[int]]] = []
        for c, t in node.terms:
            c, turned = c * sign, frozenset[int]()
            if c < 0 and isinstance(t, Contract):
                k = next((k for k, f in enumerate(t.factors) if flippable(f)), None)
                if k is not None:
                    c, turned = -c, frozenset({k})
            rows.append((c, t, turned))
        rows.sort(key=lambda row: term_key(row[0], row[1], self.previous))
        text, gap = "", " " if self.plain else ""
        level = SUM
        for c, t, turned in rows:
            if isinstance(t, Contract) and (turned or not (compact and self._compacts(t))):
                self.letters.record(t, letters)
                piece = yield self.contract(t, letters, used, turned, abs(c))
            elif isinstance(t, Map) and t.fn == "pow" and t.params[0] < 0 and abs(c) != 1:      # 2/π
                base, q = yield self.base(t, letters, used)
                piece = Piece(self.join(self.factors_text([Factor(t, base, self.power(base, -q), q)], abs(c))), PRODUCT)
            else:
                piece = yield self.entry(t, letters, used, compact)
                if abs(c) != 1:
                    one = piece.text == "1"
                    piece = Piece(self.style.number(abs(c)) if one else
                                  self.style.number(abs(c)) + self.style.thin + self.wrap(piece, BIG), PRODUCT)
            minus = self.style.minus if c < 0 else self.style.plus if text else ""
            text += (gap if text else "") + minus + (gap if text else "") + self.wrap(piece, BIG)
            level = SUM if len(rows) > 1 or c < 0 else piece.level
        return Piece(text, level)

    @staticmethod
    def _compacts(t: Contract) -> bool:
        """Whether a product has sums that its matrix form would hide: f((W h)_i) for f(Σ_k W_ik h_k)."""
        return len(set(t.out)) < len(t.dims) and len(set(t.out)) == len(t.out) and not any(
            isinstance(k, Der) or (isinstance(k, Box) and k.note != SIGNED) for k in postorder(t))

    # ------------------------------------------------------------ products
    def contract(self, node: Contract, letters: tuple[str, ...], used: frozenset[str], turned: frozenset[int],
                 coefficient: Fraction = Fraction(1), parts: Sequence[Row] | None = None) -> Task:
        """A product; ``parts`` are its factors where some were joined to be shown as one matrix formula."""
        name: dict[int, str] = {}
        deltas: list[tuple[str, str, int]] = []
        rows, out, letters, joined = opened(node, letters) if parts is None else Opened(list(parts), node.out, letters, {})
        for x, letter in zip(out, letters, strict=True):
            if x in name:
                deltas.append((name[x], letter, x))
            else:
                name[x] = letter
        layout = lay_out(rows, out, self.previous)
        taken = set(used) | set(single(letters))
        if self.previous is not None:
            name.update(inherited([rows[k] for k in layout.order if k not in joined], dict(name), self.previous, taken))
        name_rest([rows[k] for k in layout.order], [p for p, k in enumerate(layout.order) if k in joined], name,
                  lambda more: next_letter(taken | more, self.avoid, self.pool), self.joins)
        inner = frozenset(taken | set(single(name.values())))
        factors: dict[int, Factor] = {}
        seen = list(dict.fromkeys(out))
        for k in layout.order:
            f, ls = rows[k][0], rows[k][1] if k in joined else in_reading_order(*rows[k], seen)
            seen.extend(x for x in ls if x not in seen)
            at = in_brackets([name[x] for x in ls], joined.get(k))
            if k in turned:
                assert isinstance(f, Add)
                self.letters.record(f, at)
                piece = yield self.add(f, at, inner, False, -1)
                factors[k] = Factor(f, piece, None, Fraction(1))
            elif isinstance(f, Map) and f.fn == "pow" and f.params[0] < 0:
                self.letters.record(f, at)
                base, q = yield self.base(f, at, inner)
                factors[k] = Factor(f, base, self.power(base, -q), q)
            else:
                piece = yield self.entry(f, at, inner, parts is not None)
                factors[k] = Factor(f, piece, None, Fraction(1))
        return self.assemble(layout, factors, name, deltas, coefficient)

    def assemble(self, layout: Layout, factors: dict[int, Factor], name: dict[int, str],
                 deltas: list[tuple[str, str, int]], coefficient: Fraction) -> Piece:
        """Scalars, sums that are scalars, entries, Σ with output indices, holes, deltas."""
        s = self.style
        free = [factors[k] for k in layout.free]
        apart = [k for k in layout.late if factors[k].piece.text != "1"]                      # dx/dx of a number is 1
        carriers = any(f.order for f in free) or any(not g.scalar for g in layout.sums) or apart
        before = [carriers and x not in layout.carried for _, _, x in deltas]
        signs = [s.delta(*sorted((i, j), key=lambda x: x in self.out)) for i, j, _ in deltas]      # δ_kj: k is summed
        ahead = [sign for sign, first in zip(signs, before, strict=True) if first]
        behind = [sign for sign, first in zip(signs, before, strict=True) if not first]
        late = [self.wrap(factors[k].piece, RAISED) for k in apart]
        texts = []
        for g in layout.sums:
            inside = self.factors_text([factors[k] for k in g.members], Fraction(1))
            texts.append(self.sum_text([name[x] for x in g.labels], inside))
        scalar_sums = [text for text, g in zip(texts, layout.sums, strict=True) if g.scalar]
        sums = [text for text, g in zip(texts, layout.sums, strict=True) if not g.scalar]
        scalars = [f for f in free if not f.order] if scalar_sums else []
        free = [f for f in free if not any(f is g for g in scalars)]
        after = bool(free or ahead or late or sums or behind)
        keep = scalar_sums if not after and len(scalar_sums) == 1 else [s.brackets(x) for x in scalar_sums]
        more = bool(ahead or late or sums or behind)
        if len(free) == 1 and free[0].below is None and coefficient == 1 and not (more or keep or scalars):
            return free[0].piece
        first = self.factors_text(scalars if keep else free, coefficient, bool(keep) or more)
        then = self.factors_text(free, Fraction(1), True) if keep else []
        number = [] if coefficient == 1 else first[:1]
        parts = [*number, *ahead, *first[len(number):], *keep, *then, *sums, *late, *behind]
        if not parts:
            return Piece("1", ATOM)
        text = self.join(parts)
        big = bool(sums) or bool(scalar_sums and not after)
        single = len(parts) == 1 and not big
        return Piece(text, BIG if big else ATOM if single and (ahead or behind or text.isdigit()) else PRODUCT)

    def sum_text(self, letters: list[str], parts: list[str]) -> str:
        sign = self.style.sum_sign(sorted(single(letters)))
        body = self.join(parts)
        return sign + (" " if body[:1].isalnum() and not self.plain else "") + body

    def join(self, parts: Sequence[str]) -> str:
        text = ""
        for part in parts:
            text += ("" if not text or part.startswith(r"\sum") else self.style.thin) + part
        return text

    def factors_text(self, factors: Sequence[Factor], coefficient: Fraction, more: bool = False) -> list[str]:
        """The texts of a product: a number, one fraction for all powers −k, the other factors."""
        s = self.style
        under = [f for f in factors if f.below is not None]
        others = [f for f in factors if f.below is None]
        number = [] if coefficient == 1 else [s.number(coefficient)]
        if not under:
            if number or len(others) > 1 or more:
                texts = [self.wrap(f.piece, PRODUCT if f.hole else RAISED) for f in others]
            else:
                texts = [self.wrap(f.piece, BIG) for f in others]
            return number + texts
        most = 1 if len(others) > 1 else 2
        top = [f for f in others if f.order <= most and f.piece.level >= RAISED and not f.hole
               and r"\frac" not in f.piece.text]
        rest = [f for f in others if not any(f is g for g in top)]
        number, low, names = s.number_parts(coefficient)
        over = number + names + [f.piece.text for f in top]
        many = len(under) + len(low) > 1 or s.fraction_brackets()
        low += [self.wrap(f.below, RAISED if many else SUM) for f in under if f.below is not None]
        denominator = self.join(low)
        if len(low) > 1 and s.fraction_brackets():
            denominator = f"({denominator})"
        head = s.fraction(self.join(over) or "1", denominator)
        if s.fraction_brackets() and (rest or more):
            head = f"({head})"
        return [head, *(self.wrap(f.piece, RAISED) for f in rest)]


