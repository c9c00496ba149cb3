"""The text of single operations: which NumPy expression computes a product, a sum, a contraction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

LETTERS = "ijklmnpqrstuvwxyzabcdefghoABCDEFGHIJKLMNOPQRSTUVWXYZ"

Labels = tuple[int, ...]


@dataclass(frozen=True)
class Code:
    """A Python expression; ``level`` is its outermost operator: atom, pow, neg, mul, mat or add."""

    text: str
    level: str = "atom"
    rank: int = 0
    below: Code | None = None
    """the denominator, of an expression that is 1/denominator"""
    minus: Code | None = None
    """the same with the other sign, where that is as short"""

    def atom(self) -> str:
        """The text, in brackets unless it is a name, a call or a subscript."""
        return self.text if self.level == "atom" else f"({self.text})"

    def left(self) -> str:
        """The text as the left operand of a product."""
        return self.text if self.level in ("atom", "pow", "mul", "neg") else f"({self.text})"

    def right(self) -> str:
        """The text as the right operand of a product."""
        return self.text if self.level in ("atom", "pow") else f"({self.text})"

    def negative(self) -> Code:
        if self.minus is not None:
            return self.minus
        return Code(f"-{self.text}" if self.level in ("atom", "pow", "mul") else f"-({self.text})", "neg")


def literal(value: Fraction) -> str:
    """A number as Python text.

    >>> literal(Fraction(3)), literal(Fraction(1, 4)), literal(Fraction(-1, 3))
    ('3', '0.25', '-1/3')
    """
    if abs(value.numerator) > 2**53 or value.denominator > 2**53:
        return _float(value)
    if value.denominator == 1:
        return str(value.numerator)
    if value.denominator & (value.denominator - 1) == 0 or 10**6 % value.denominator == 0:
        return _float(value)
    return f"{value.numerator}/{value.denominator}"


def _float(value: Fraction) -> str:
    try:
        return repr(float(value))
    except OverflowError:
        return "np.inf" if value > 0 else "-np.inf"


def letters(labels: Sequence[int]) -> str:
    return "".join(LETTERS[x] for x in labels)


# ---------------------------------------------------------------- views
def transposed(code: Code, order: Sequence[int]) -> Code:
    """The axes in another order."""
    order = tuple(order)
    if order == tuple(range(len(order))):
        return code
    if order == tuple(range(len(order)))[::-1]:
        return Code(f"{code.atom()}.T", rank=code.rank)
    return Code(f"{code.atom()}.transpose({', '.join(map(str, order))})", rank=code.rank)


def placed(code: Code, places: Labels, rank: int) -> Code:
    """A view whose axes stand at the given places of a result of this rank, as broadcasting aligns them."""
    order = sorted(range(len(places)), key=lambda k: places[k])
    code = transposed(code, order)
    there = sorted(places)
    if not there:
        return code
    index = [":" if p in there else "None" for p in range(there[0], rank)]
    if "None" not in index:
        return code
    if index[-1] == ":" and len(index) > 3:
        tail = len(index) - 1 - index[::-1].index("None")
        index = [*index[: tail + 1], "..."] if tail + 1 < len(index) - 1 else index
    return Code(f"{code.atom()}[{', '.join(index)}]", rank=rank - there[0])


# ---------------------------------------------------------------- products and sums
def product(left: Code, right: Code) -> Code:
    """left * right, with a reciprocal as a division."""
    minus = None
    if left.minus is not None or right.minus is not None:
        whole = (left.minus, right) if left.minus is not None else (left, right.minus)
        minus = _product(whole[0] or left, whole[1] or right)
    return replace(_product(left, right), minus=minus)


def _product(left: Code, right: Code) -> Code:
    if right.below is not None and left.below is None:
        return Code(f"{left.left()}/{right.below.atom()}", "mul")
    if left.below is not None and right.below is None:
        return Code(f"{right.left()}/{left.below.atom()}", "mul")
    if right.text.endswith("None]") and not left.text.endswith("None]"):
        left, right = right, left  # a scale stands before what it scales
    return Code(f"{left.left()}*{right.right()}", "mul")


def scaled(coefficient: Fraction, code: Code) -> Code:
    """coefficient * code, for a coefficient other than 1."""
    if coefficient == 1:
        return code
    if coefficient == -1:
        return code.negative()
    if code.below is not None:
        text = literal(coefficient)
        return Code(f"{text}/{code.below.atom()}", "mul" if coefficient > 0 else "neg")
    if abs(coefficient.numerator) == 1 and "/" in literal(coefficient):
        part = Code(f"{code.left()}/{coefficient.denominator}", "mul")
        return part if coefficient > 0 else part.negative()
    text = literal(coefficient)
    if "/" in text:
        text = f"({text})"
    if code.level == "mul" and "/" not in code.text:
        return Code(f"{text}*{code.text}", "mul" if coefficient > 0 else "neg")
    return Code(f"{text}*{code.right()}", "mul" if coefficient > 0 else "neg")


def linear(coefficients: Sequence[Fraction], parts: Sequence[Code], constant: Fraction) -> Code:
    """A linear combination; positive terms stand first."""
    code = _linear(coefficients, parts, constant)
    if code.level == "add" and min((*coefficients, constant)) < 0:
        return replace(code, minus=_linear([-c for c in coefficients], parts, -constant))
    return code


def _linear(coefficients: Sequence[Fraction], parts: Sequence[Code], constant: Fraction) -> Code:
    rows = [(c, scaled(abs(c), p)) for c, p in zip(coefficients, parts, strict=True)]
    if constant:
        rows.insert(0, (constant, Code(literal(abs(constant)), "pow")))
    rows.sort(key=lambda row: (row[0] < 0, row[1].text.isidentifier()))
    first, code = rows[0]
    if len(rows) == 1:
        return code if first > 0 else code.negative()
    text = (code.text if code.level != "add" else f"({code.text})") if first > 0 else code.negative().text
    for c, part in rows[1:]:
        text += (" + " if c > 0 else " - ") + (f"({part.text})" if part.level in ("add", "neg") else part.text)
    return Code(text, "add")


# ---------------------------------------------------------------- contractions
def times(left: Code, right: Code, dot: bool) -> Code:
    """The product of matrices or vectors; ``dot`` writes the method, which costs half of the operator's call."""
    if dot:
        return Code(f"{left.atom()}.dot({right.text})")
    return Code(f"{left.atom()} @ {right.atom()}", "mat")


def contracted(
    a: Code, b: Code, la: Labels, lb: Labels, out: Labels, sizes: dict[int, str], dot: bool = False
) -> Code:
    """Two arrays, summed over the labels that ``out`` doesn't have; ``sizes`` gives the text of a label's size."""
    batch = [x for x in la if x in lb and x in out]
    summed = [x for x in la if x in lb and x not in out]
    free_a = [x for x in la if x not in lb]
    free_b = [x for x in lb if x not in la]
    if not free_a and not free_b:
        if not batch:
            if len(summed) == 1:
                return times(a, b, dot)
            return Code(f"np.vdot({a.text}, {transposed(b, [lb.index(x) for x in la]).text})")
        return Code(f'np.einsum("{letters(la)},{letters(lb)}->{letters(out)}", {a.text}, {b.text})')
    if batch:
        return _batched(a, b, la, lb, out, batch, summed, sizes)
    if len(summed) == 1 and len(free_a) < 2 and len(free_b) < 2:
        left = transposed(a, [la.index(x) for x in (*free_a, *summed)])
        right = transposed(b, [lb.index(x) for x in (*summed, *free_b)])
        if not free_a:
            right = transposed(b, [lb.index(x) for x in (*free_b, *summed)])
            return times(right, a, dot)  # a matrix times a vector, read as it is written
        return times(left, right, dot)
    if len(summed) == 1:
        found = _over_leading(a, b, la, lb, out, summed[0], sizes, dot)
        if found is not None:
            return found
    if {*la, *lb} <= sizes.keys():
        return _as_matrices(a, b, la, lb, out, summed, sizes, dot)
    axes_a, axes_b = [la.index(x) for x in summed], [lb.index(x) for x in summed]
    text = f"np.tensordot({a.text}, {b.text}, axes=({axes_a}, {axes_b}))"
    natural = [*free_a, *free_b]
    return transposed(Code(text), [natural.index(x) for x in out])


def _times(texts: Sequence[str]) -> str:
    """Sizes multiplied."""
    return "*".join(f"({s})" if " " in s and len(texts) > 1 else s for s in texts) or "1"


def _as_matrices(
    a: Code, b: Code, la: Labels, lb: Labels, out: Labels, summed: list[int], sizes: dict[int, str], dot: bool
) -> Code:
    """One matrix product: the axes that are summed are made one, so are those that aren't, as they lie where that can be."""
    free_a, free_b = [x for x in la if x not in summed], [x for x in lb if x not in summed]
    if [x for x in lb if x in summed] != summed and lb[: len(summed)] != tuple(summed):
        turned = [x for x in lb if x in summed]
        if tuple(turned) in (lb[: len(turned)], lb[len(free_b) :]):
            summed = turned  # the order of the operand that needs no copy
    left = _matrix(a, la, free_a, summed, sizes)
    right = _matrix(b, lb, summed, free_b, sizes)
    code = times(left, right, dot)
    natural = [*free_a, *free_b]
    if len(natural) == 2 and len(free_a) == 1:
        return transposed(code, [natural.index(x) for x in out])
    shaped = Code(f"{code.atom()}.reshape({', '.join(sizes[x] for x in natural)})")
    return transposed(shaped, [natural.index(x) for x in out])


def _matrix(code: Code, labels: Labels, rows: list[int], columns: list[int], sizes: dict[int, str]) -> Code:
    """An array as a matrix with these axes as its rows and those as its columns."""
    high, wide = _times([sizes[x] for x in rows]), _times([sizes[x] for x in columns])
    plain = len(rows) == len(columns) == 1
    if labels == (*columns, *rows):
        return transposed(code if plain else Code(f"{code.atom()}.reshape({wide}, {high})"), (1, 0))
    code = transposed(code, [labels.index(x) for x in (*rows, *columns)])
    return code if plain else Code(f"{code.atom()}.reshape({high}, {wide})")


def leading(la: Labels, lb: Labels, x: int) -> Labels | None:
    """The labels of a matrix times an array of order 3 or more, summed over x as np.matmul does; None where it can't.

    What stands behind x in the array is made one axis for the product, so that nothing has to change places. An array
    that begins with x is np.tensordot's.
    """
    if len(la) == 2:
        la, lb = lb, la
    if len(lb) != 2 or len(la) < 3 or x not in la or (la[0] == x and len(la) > 2 and x not in la[-2:]):
        return None
    (free,) = (y for y in lb if y != x)
    return (*la[: la.index(x)], free, *la[la.index(x) + 1 :])


def _over_leading(
    a: Code, b: Code, la: Labels, lb: Labels, out: Labels, x: int, sizes: dict[int, str], dot: bool
) -> Code | None:
    """np.matmul over the leading axes of one operand."""
    result = leading(la, lb, x)
    if result is None:
        return None
    if len(la) == 2:
        a, b, la, lb = b, a, lb, la
    if la.index(x) < len(la) - 2 and not {*la, *lb} <= sizes.keys():
        return None
    place = la.index(x)
    if place == len(la) - 1:
        right = transposed(b, [lb.index(x), 1 - lb.index(x)])
        if {*la, *lb} <= sizes.keys():  # one product of all rows
            rows = Code(f"{a.atom()}.reshape({_times([sizes[y] for y in la[:-1]])}, {sizes[x]})")
            code = Code(f"{times(rows, right, dot).atom()}.reshape({', '.join(sizes[y] for y in result)})")
        else:
            code = times(a, right, False)
    else:
        left = transposed(b, [1 - lb.index(x), lb.index(x)])
        if place == len(la) - 2:
            code = Code(f"{left.atom()} @ {a.atom()}", "mat")
        else:
            joined = _times([sizes[y] for y in la[place + 1 :]])
            wide = f"{a.atom()}.reshape({', '.join(sizes[y] for y in la[: place + 1])}, {joined})"
            code = Code(f"({left.atom()} @ {wide}).reshape({', '.join(sizes[y] for y in result)})")
    return transposed(code, [result.index(y) for y in out])


def _batched(
    a: Code, b: Code, la: Labels, lb: Labels, out: Labels, batch: list[int], summed: list[int], sizes: dict[int, str]
) -> Code:
    """np.matmul over the leading axes; further free axes join them, further summed axes are made one."""
    free_a = [x for x in out if x in la and x not in lb]
    free_b = [x for x in out if x in lb and x not in la]
    row, column = free_a[-1:], free_b[-1:]
    lead = [x for x in out if x in batch or x in free_a[:-1] or x in free_b[:-1]]
    left = _operand(a, la, lead, row, summed, sizes, last=True)
    right = _operand(b, lb, lead, column, summed, sizes, last=False)
    result = [*lead, *row, *column]
    code = Code(f"{left.atom()} @ {right.atom()}", "mat")
    if not column:
        code = Code(f"({code.text})[..., 0]")
    elif not row:
        code = Code(f"({code.text})[..., 0, :]")
    return transposed(code, [result.index(x) for x in out])


def _operand(
    code: Code, labels: Labels, lead: list[int], free: list[int], summed: list[int], sizes: dict[int, str], last: bool
) -> Code:
    """Axes as np.matmul wants them: leading ones, then (free, summed), or (summed, free) for the right operand."""
    present = [x for x in lead if x in labels]
    if len(summed) == 1:
        tail = [*free, *summed] if last else [*summed, *free]
        code = transposed(code, [labels.index(x) for x in (*present, *tail)])
    else:
        flat = transposed(code, [labels.index(x) for x in (*present, *free, *summed)])
        joined = _times([sizes[x] for x in summed])
        code = Code(f"{flat.atom()}.reshape({', '.join([*(sizes[x] for x in (*present, *free)), joined])})")
        if free and not last:
            code = Code(f"{code.text}.swapaxes(-1, -2)")
    index = [":" if x in labels else "None" for x in lead]
    if free:
        index += [":", ":"]
    else:
        index += ["None", ":"] if last else [":", "None"]
    while index and index[0] == "None" and free:
        index.pop(0)
    if "None" not in index:
        return code
    return Code(f"{code.atom()}[{', '.join(index)}]")
