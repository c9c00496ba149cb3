"""The ways to write a tensor of order 3 or more: entries, slices, blocks, δ ⊗ core, and vec with Kronecker products."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symderiv.build import add, contract, scale
from symderiv.ir import Add, Call, Contract, Expr, Shape, scaled
from symderiv.kronecker import Part, components, grouped
from symderiv.lift import lift_any, lift_slice, lift_sums
from symderiv.render.apart import beside
from symderiv.render.index import index_latex
from symderiv.render.letters import next_letter, taken_names
from symderiv.render.matrix import tree_latex
from symderiv.render.notation import DEFAULT, Notation
from symderiv.render.style import Style
from symderiv.render.tree import Leaf

LETTERS = "ijklmq"
SIGNS = "CXKMSGQPUVABDTYZ"
"""for parts of a tensor, in this order: the first that no name has"""


@dataclass(frozen=True)
class Form:
    """One way to write a tensor; ``lhs`` is empty where the right side stands for itself, as vec's matrix does."""

    view: str
    lhs: str
    rhs: str
    shape: Shape
    note: str = ""

    @property
    def latex(self) -> str:
        return f"{self.lhs}={self.rhs}" if self.lhs else self.rhs


def forms(expr: Expr, name: str = "H", split: int | None = None, notation: Notation = DEFAULT) -> list[Form]:
    """Every way that applies, in the order entry, slice, block, core, vec.

    ``name`` is the tensor's LaTeX; ``split`` says how many axes are rows of the vec view (None: no such view).

    >>> from symderiv.build import identity, symbol
    >>> from symderiv.ops import outer
    >>> J = outer(identity(("o",)), symbol("h", ("n",)))
    >>> for form in forms(J, "J", 1): print(form.view, form.latex)
    entry J_{ijk}=\\delta_{ij}\\,h_k
    slice J_{i,:,:}=e_i\\,h^\\top
    core J_{ijk}=\\delta_{ij}\\,C_k,\\quad C=h
    vec h^\\top \\otimes I_o
    """
    with beside(expr):
        return _forms(expr, name, split, notation)


def _forms(expr: Expr, name: str, split: int | None, notation: Notation) -> list[Form]:
    order = len(expr.shape)
    letters = _letters(expr)
    name = f"({name})" if "_" in name and not name.startswith("(") else name
    result = [_entry(expr, name, letters, notation)]
    for view, fixed in _views(order):
        index = tuple(letters[k] if k in fixed else None for k in range(order))
        tree = lift_slice(expr, index)
        if tree is not None:
            shape = tuple(d for d, x in zip(expr.shape, index, strict=True) if x is None)
            at = ",".join(x or ":" for x in index)
            result.append(Form(view, f"{name}_{{{at}}}", tree_latex(tree, notation), shape))
    core = core_form(expr, name, letters, notation)
    if core is not None:
        result.append(core)
    vec = None if split is None else grouped(expr, range(split)[::-1], range(split, order)[::-1], lift_sums)
    if vec is not None:
        result.append(Form("vec", "", tree_latex(vec, notation), (), "vec stacks columns"))
    return result


def _entry(expr: Expr, name: str, letters: tuple[str, ...], notation: Notation) -> Form:
    """The entry; an axis that was made from several has their letters in brackets: J_{(ik)jl}."""
    c, node = scaled(expr)
    if not (isinstance(node, Call) and node.fn == "reshape" and not node.ders):
        return Form("entry", f"{name}_{{{''.join(letters)}}}", index_latex(expr, letters, None, notation)[0], ())
    inner = scale(c, node.args[0])
    letters, at, lhs = _letters(inner), 0, ""
    for width in node.params:
        group = "".join(letters[at:at + width])
        lhs, at = lhs + (f"({group})" if width > 1 else group), at + width
    return Form("entry", f"{name}_{{{lhs}}}", index_latex(inner, letters, None, notation)[0], (),
                "of joined axes, the last letter runs fastest")


def _letters(expr: Expr) -> tuple[str, ...]:
    """Letters for the axes, past the names of the formula."""
    avoid = taken_names(expr)
    chosen: list[str] = []
    for k in range(len(expr.shape)):
        wanted = LETTERS[k] if k < 4 else ""
        chosen.append(wanted if wanted and wanted not in avoid else next_letter([*chosen, *LETTERS[:4]], avoid))
    return tuple(chosen)


def _views(order: int) -> list[tuple[str, tuple[int, ...]]]:
    """Which axes to fix: leading ones for a slice; of four axes, the second and the fourth for a block."""
    if order <= 2:
        return []
    slices: list[tuple[str, tuple[int, ...]]] = [("slice", tuple(range(order - 2)))]
    return [*slices, ("block", (1, 3))] if order == 4 else slices


# ---------------------------------------------------------------- δ ⊗ core
def split_deltas(expr: Expr) -> tuple[Expr, tuple[tuple[int, ...], ...]] | None:
    """(core, for each axis of the core the axes of the tensor that it stands on); None without a repeated axis."""
    c, node = scaled(expr)
    if not isinstance(node, Contract) or len(set(node.out)) == len(node.out):
        return None
    used = {x for ls in node.labels for x in ls}
    kept = tuple(x for x in dict.fromkeys(node.out) if x in used)
    core = scale(c, contract(node.factors, node.labels, kept))
    return core, tuple(tuple(p for p, y in enumerate(node.out) if y == x) for x in dict.fromkeys(node.out))


def core_form(expr: Expr, name: str, letters: tuple[str, ...], notation: Notation = DEFAULT) -> Form | None:
    """H_ijk = δ_ij C_k with C in matrix form; for order 4 also C_ik X_jl."""
    lhs = f"{name}_{{{''.join(letters)}}}"
    taken = taken_names(expr) | {name}
    signs = [x for x in SIGNS if x not in taken]
    if len(signs) < 2:
        return None
    found = split_deltas(expr)
    if found is not None:
        core, classes = found
        style = Style(notation)
        deltas = "".join(style.delta(letters[ps[0]], letters[p]) + r"\," for ps in classes for p in ps[1:])
        _, node = scaled(expr)
        assert isinstance(node, Contract)
        used = {x for ls in node.labels for x in ls}
        at = "".join(letters[ps[0]] for ps, x in zip(classes, dict.fromkeys(node.out), strict=True) if x in used)
        if not at:
            number = tree_latex(lift_any(core), notation)
            return Form("core", lhs, deltas.removesuffix(r"\,") if number == "1" else deltas + number, expr.shape)
        tree, sign = lift_sums(core) if len(at) <= 2 else None, signs[0]
        if tree is None:
            text = index_latex(core, tuple(at), None, notation)[0]
            return Form("core", lhs, rf"{deltas}{sign}_{_group(at)},\quad {sign}_{_group(at)}={text}", expr.shape)
        return Form("core", lhs, rf"{deltas}{sign}_{_group(at)},\quad {sign}={tree_latex(tree, notation)}", expr.shape)
    parts = _pairs(expr)
    if parts is None:
        return None
    (first, axes), (second, others) = parts
    a, b = lift_sums(first), lift_sums(second)
    if a is None or b is None:
        return None
    if isinstance(a, Leaf) and isinstance(b, Leaf):
        return None                                             # the entry says it
    texts, defined = [], []
    for tree, places in ((a, axes), (b, others)):
        at = _group("".join(letters[p] for p in places))
        own = tree_latex(tree, notation)
        sign = own if isinstance(tree, Leaf) else signs.pop(0)
        texts.append((f"({sign})" if "_" in sign else sign) + f"_{at}")
        if not isinstance(tree, Leaf):
            defined.append(rf",\quad {sign}={own}")
    return Form("core", lhs, r"\,".join(texts) + "".join(defined), expr.shape)


def _group(text: str) -> str:
    return text if len(text) == 1 else f"{{{text}}}"


Pair = tuple[Expr, tuple[int, int]]


def _pairs(expr: Expr) -> tuple[Pair, Pair] | None:
    """A tensor of order 4 as a product of two matrices, C_ik X_jl."""
    if len(expr.shape) != 4:
        return None
    for axes in ((1, 3), (0, 2), (1, 2)):
        found = _common_factor(expr, axes)
        if found is not None:
            return found
    return None


def _common_factor(expr: Expr, axes: tuple[int, int]) -> tuple[Pair, Pair] | None:
    """Split all terms into the same factor on these axes and the rest."""
    left, right = (p for p in range(4) if p not in axes)
    shared: Expr | None = None
    rest: list[tuple[Fraction, Expr]] = []
    for c, t in expr.terms if isinstance(expr, Add) else (scaled(expr),):
        parts = components(t)
        own = [(e, p) for e, p in parts if p and set(p) <= set(axes)]
        other = [(e, p) for e, p in parts if not set(p) & set(axes)]
        if len(own) + len(other) != len(parts) or not own or not any(p for _, p in other):
            return None
        mine = _joined(own, axes, t.shape)
        if shared is not None and mine is not shared:
            return None
        shared = mine
        rest.append((c, _joined(other, (left, right), t.shape)))
    if shared is None:
        return None
    return (add(rest, (expr.shape[left], expr.shape[right])), (left, right)), (shared, axes)


def _joined(parts: list[Part], axes: tuple[int, int], shape: Shape) -> Expr:
    return contract([e for e, _ in parts], [p for _, p in parts], axes, {p: shape[p] for p in axes})
