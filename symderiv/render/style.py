"""The two alphabets in which one writer prints a matrix tree: LaTeX and plain text."""
from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symderiv.dims import Dim, dim_latex
from symderiv.families import EXPECTATION
from symderiv.functions import SCALAR as SCALAR_ROWS
from symderiv.functions import TENSOR as TENSOR_ROWS
from symderiv.functions.constants import decimal, named
from symderiv.ir import Call, Map, Name, Symbol
from symderiv.render.notation import DEFAULT, Notation, chosen
from symderiv.render.symbols import has_script, name_latex, name_text, script
from symderiv.structures import Structure

_SUPERSCRIPTS = str.maketrans("0123456789-+/", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᐟ")


class Style:
    """LaTeX; `PlainStyle` below overrides every sign."""

    thin, space, minus, plus = r"\,", " ", "-", "+"
    trace_, diag_, tr_left, vec_ = r"\operatorname{tr}", r"\operatorname{diag}", "", r"\operatorname{vec}"

    def __init__(self, notation: Notation = DEFAULT) -> None:
        self.notation = notation = chosen(notation)
        self.hadamard, self.quotient, self.kron = notation.hadamard, notation.quotient, notation.kron
        self.ones, self.zeros, self.identity, self.zero = notation.ones, notation.zeros, notation.identity, "0"

    # ------------------------------------------------------------ names
    def name(self, node: Symbol | Name) -> str:
        if isinstance(node, Symbol) and node.kind == "differential":
            return rf"\mathrm{{d}}{name_latex(node.name)}"
        if isinstance(node, Symbol) and node.kind == "const" and node.name == "e":
            return r"\mathrm{e}"
        if isinstance(node, Symbol) and node.kind == "structure":
            return self.structure(Structure.read(node.name))
        text = name_latex(node.name)
        return rf"\boldsymbol{{{text}}}" if self.notation.bold_vectors and len(node.shape) == 1 else text

    def structure(self, where: Structure, index: Sequence[str | None] = ()) -> str:
        """A constant array of ones and zeros: a unit vector, or ones where a condition on i, j, … holds.

        ``index`` has the letters of axes that are fixed; the others are the row's and the column's, in alphabetical order.
        """
        unit = where.unit()
        return self.unit_vector(unit) if unit is not None and not any(index) else self.ones_where(self.condition(where, index))

    def unit_vector(self, at: Dim) -> str:
        return rf"\mathbf{{e}}_{{{dim_latex(at)}}}"

    def ones_where(self, condition: str) -> str:
        return rf"\mathbf{{1}}_{{{condition}}}"

    def condition(self, where: Structure, index: Sequence[str | None] = ()) -> str:
        return where.condition(where.letters(index), "=", r"\ge", "-", dim_latex)

    def entry_of_structure(self, where: Structure, letters: Sequence[str]) -> str:
        """Iverson's bracket."""
        return rf"[{self.condition(where, letters)}]"

    def word(self, text: str) -> str:
        return name_latex(text)

    def superscripted(self, node: Symbol | Name) -> bool:
        return "^" in name_latex(node.name)

    def subscripted(self, text: str) -> bool:
        return has_script(text)

    def indexed(self, base: str, index: str) -> str:
        return self.entry(base) + script(index)

    @staticmethod
    def entry(base: str) -> str:
        """The letter of an entry: that of a bold vector isn't bold."""
        return base.removeprefix(r"\boldsymbol{").removesuffix("}") if base.startswith(r"\boldsymbol{") else base

    # ------------------------------------------------------------ marks
    def transposed(self, text: str) -> str:
        return f"{text}^{self.notation.transpose}"

    def inverted(self, text: str, turned: bool) -> str:
        return f"{text}^{{-{self.notation.transpose}}}" if turned else f"{text}^{{-1}}"

    def raised(self, text: str, exponent: str, hadamard: bool = False) -> str:
        return f"{text}^{{{self.hadamard} {exponent}}}" if hadamard else text + script(exponent, "^")

    def brackets(self, text: str, pair: str = "()") -> str:
        left, right = pair[0], pair[1]
        if r"\sum" in text:
            return rf"\biggl{left}{text}\biggr{right}"
        return rf"\Bigl{left}{text}\Bigr{right}" if r"\frac" in text else f"{left}{text}{right}"

    def applied(self, head: str, text: str) -> str:
        """A function at its argument."""
        return head + self.brackets(text)

    def entries(self, text: str, letters: str) -> str:
        return rf"\bigl[\,{text}\,\bigr]" + (script(letters) if letters else "")

    def fraction(self, numerator: str, denominator: str) -> str:
        simple = numerator.isdigit() and denominator.isdigit()
        return rf"\tfrac{{{numerator}}}{{{denominator}}}" if simple else rf"\frac{{{numerator}}}{{{denominator}}}"

    def fraction_brackets(self) -> bool:
        """Whether the parts of a fraction need brackets where they are products or sums."""
        return False

    def root(self, text: str) -> str:
        return rf"\sqrt{{{text}}}"

    def norm(self, text: str, matrix: bool) -> str:
        return rf"\lVert {text}\rVert" + ("_F" if matrix else "")

    def inner(self, left: str, right: str) -> str:
        return rf"\langle {left},{right}\rangle"

    def differential(self, text: str) -> str:
        return rf"\mathrm{{d}}{text}"

    def derivative(self, body: str, wrts: Sequence[str]) -> str:
        power = f"^{len(wrts)}" if len(wrts) > 1 else ""
        space = "" if body.startswith(("\\", "(")) else " "
        return rf"\frac{{\partial{power}{space}{body}}}{{" + r"\,".join(
            r"\partial" + ("" if w.startswith(("\\", "(")) else " ") + w for w in wrts) + "}"

    def operator_derivative(self, body: str, wrts: Sequence[str]) -> str:
        r"""\frac{\partial}{\partial x}(body)."""
        return self.derivative("", wrts).replace(r"\partial }{", r"\partial}{") + body

    def sum_sign(self, letters: Sequence[str]) -> str:
        if self.notation.joint_sums or len(letters) == 1:
            return r"\sum" + script(",".join(letters))
        return "".join(r"\sum" + script(x) for x in letters)

    def delta(self, i: str, j: str) -> str:
        return rf"\delta_{{{i}{j}}}"

    def sized(self, sign: str, size: str) -> str:
        return sign + script(size)

    def size(self, dim: Dim | None) -> str:
        return dim_latex(dim) if dim is not None else ""

    # ------------------------------------------------------------ functions
    def function(self, node: Map, arg: str) -> str:
        """A scalar function at an argument's text."""
        row = SCALAR_ROWS.get(node.fn)
        if row is None or node.generic:
            return self._primed(name_latex(node.fn), node.order) + self.brackets(arg)
        values = {name: self.number(value) for (name, default), value in zip(row.params, node.params, strict=False)
                  if value != default}
        if not node.order:
            return row.tex(arg, **values) if "{x}" in row.latex or values else self.applied(row.latex, arg)
        head = row.latex if "{x}" not in row.latex else rf"\operatorname{{{row.name}}}"
        return self.applied(self._primed(head, node.order), arg)

    @staticmethod
    def _primed(head: str, order: int) -> str:
        return head + ("'" * order if order <= 3 else f"^{{({order})}}")

    def number(self, value: Fraction) -> str:
        """A number that isn't negative."""
        over, under, names = self.number_parts(value)
        number = [self.fraction("".join(over) or "1", *under)] if under else over
        return self.thin.join(number + names) or "1"

    def number_parts(self, value: Fraction) -> tuple[list[str], list[str], list[str]]:
        """(over the bar, under it, constants by name) of a number that isn't negative; a 1 is left out.

        Long numbers of the tables have names, others are decimals where that is shorter than a fraction.
        """
        found = named(value)
        value, names = found if found is not None else (value, ())
        texts = [self.raised(self.word(name), str(q)) if q != 1 else self.word(name) for name, q in names]
        digits = len(str(value.denominator)) - 1
        if digits >= 4 and value == Fraction(1, 10**digits):
            return [self.raised("10", str(-digits))], [], texts
        short = decimal(value) if value.denominator >= 1000 else None
        if short is not None and len(short) <= len(str(value)):
            return [short], [], texts
        over, under = ([] if k == 1 else [str(k)] for k in (value.numerator, value.denominator))
        return over, under, texts

    def value(self, node: Call, args: Sequence[str]) -> str:
        """A tensor function at the texts of its arguments."""
        if node.fn == EXPECTATION and not node.abstract:
            return r"\mathbb{E}" + self.brackets(args[0], "[]")
        row = TENSOR_ROWS.get(node.fn)
        if row is not None and not node.abstract and len(args) == len(row.arguments) and _is_template(row.latex):
            return row.tex(*args)
        return self.applied(self.head(node), ", ".join(args))

    def head(self, node: Call) -> str:
        """The name of a tensor function, with the axis where it isn't the last one or all."""
        row = TENSOR_ROWS.get(node.fn)
        if row is None or node.abstract:
            return name_latex(node.fn)
        text = row.latex if not _is_template(row.latex) else rf"\operatorname{{{row.name}}}"
        axis = special_axis(node)
        return text if axis is None else rf"{text}_{{\mathrm{{axis}}\,{axis}}}"


def _is_template(latex: str) -> bool:
    """Whether a row's LaTeX has places for arguments."""
    return "{" in latex.replace(r"\operatorname{", "")


def special_axis(node: Call) -> str | None:
    """The axis to be shown: one that isn't the last, of a normalised function; not all axes, of a reduction."""
    row = TENSOR_ROWS.get(node.fn)
    if row is None or not row.params or row.params[0][0] != "axis" or not node.params:
        return None
    axis, order = node.params[0], len(node.args[0].shape)
    axes = tuple(range(order)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    usual = tuple(range(order)) if row.params[0][1] is None else (order - 1,)
    shown = tuple(a % order for a in axes if isinstance(a, int)) if order else ()
    return None if shown == usual else ",".join(map(str, shown))


class PlainStyle(Style):
    """Readable text in Unicode."""

    thin, space, minus, plus = " ", " ", "−", "+"
    trace_, diag_, vec_ = "tr", "diag", "vec"

    def __init__(self, notation: Notation = DEFAULT) -> None:
        super().__init__(notation)
        self.hadamard, self.quotient, self.kron, self.ones, self.zeros, self.identity = "⊙", "⊘", "⊗", "1", "0", "I"

    def name(self, node: Symbol | Name) -> str:
        if isinstance(node, Symbol) and node.kind == "structure":
            return self.structure(Structure.read(node.name))
        return ("d" if isinstance(node, Symbol) and node.kind == "differential" else "") + name_text(node.name)

    def unit_vector(self, at: Dim) -> str:
        text = str(at).replace("-", "−")
        return f"e_{text}" if text.isalnum() else f"e_({text})"

    def ones_where(self, condition: str) -> str:
        return f"1[{condition}]"

    def condition(self, where: Structure, index: Sequence[str | None] = ()) -> str:
        return where.condition(where.letters(index), "=", "≥", "−", lambda d: str(d).replace("-", "−"))

    def word(self, text: str) -> str:
        return name_text(text)

    def superscripted(self, node: Symbol | Name) -> bool:
        return False

    def subscripted(self, text: str) -> bool:
        return not text.isalpha() or len(text) > 1

    def indexed(self, base: str, index: str) -> str:
        return f"{base}[{index}]"

    def transposed(self, text: str) -> str:
        return text + "ᵀ"

    def inverted(self, text: str, turned: bool) -> str:
        return text + ("⁻ᵀ" if turned else "⁻¹")

    def raised(self, text: str, exponent: str, hadamard: bool = False) -> str:
        if hadamard:
            return f"{text}^⊙{exponent}"
        return text + exponent.translate(_SUPERSCRIPTS) if exponent.lstrip("-").isdigit() else f"{text}^({exponent})"

    def brackets(self, text: str, pair: str = "()") -> str:
        return f"{pair[0]}{text}{pair[1]}"

    def entries(self, text: str, letters: str) -> str:
        return f"[{text}]" + (f"_{letters}" if letters else "")

    def fraction(self, numerator: str, denominator: str) -> str:
        return f"{numerator}/{denominator}"

    def fraction_brackets(self) -> bool:
        return True

    def root(self, text: str) -> str:
        return f"sqrt({text})"

    def norm(self, text: str, matrix: bool) -> str:
        return f"‖{text}‖" + ("_F" if matrix else "")

    def inner(self, left: str, right: str) -> str:
        return f"⟨{left}, {right}⟩"

    def differential(self, text: str) -> str:
        return f"d{text}"

    def derivative(self, body: str, wrts: Sequence[str]) -> str:
        power = {1: "", 2: "²", 3: "³"}.get(len(wrts), f"^{len(wrts)}")
        return f"∂{power}{body}/" + " ".join(f"∂{w}" for w in wrts)

    def operator_derivative(self, body: str, wrts: Sequence[str]) -> str:
        return self.derivative("", wrts) + " " + body

    def sum_sign(self, letters: Sequence[str]) -> str:
        return "Σ_" + "".join(letters) + " "

    def delta(self, i: str, j: str) -> str:
        return f"δ[{i},{j}]"

    def sized(self, sign: str, size: str) -> str:
        return f"{sign}_{size}"

    def size(self, dim: Dim | None) -> str:
        return str(dim)

    def function(self, node: Map, arg: str) -> str:
        row = SCALAR_ROWS.get(node.fn)
        usual = row is not None and not node.generic and tuple(value for _, value in row.params) == tuple(node.params)
        params = "" if usual else "".join(f", {self.number(p)}" for p in node.params)
        return f"{node.fn if not node.generic else name_text(node.fn)}{chr(39) * node.order}({arg}{params})"

    def head(self, node: Call) -> str:
        axis = special_axis(node)
        return name_text(node.fn) if node.abstract else node.fn + ("" if axis is None else f"[axis {axis}]")

    def value(self, node: Call, args: Sequence[str]) -> str:
        if node.fn == EXPECTATION and not node.abstract:
            return f"E[{args[0]}]"
        return f"{self.head(node)}({', '.join(args)})"
