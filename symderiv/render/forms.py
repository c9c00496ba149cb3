"""The ways to write a tensor of order 3 or more: entries, slices, blocks, δ ⊗ core, and vec with Kronecker products."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symderiv.build import add, contract, scale
from symderiv.dims import dim_product
from symderiv.ir import Add, Contract, Expr, Shape, scaled
from symderiv.lift import lift_any, lift_slice, lift_sums
from symderiv.render.construct import product, total, transpose
from symderiv.render.construct import scale as scale_tree
from symderiv.render.index import index_latex
from symderiv.render.letters import next_letter, taken_names
from symderiv.render.matrix import tree_latex
from symderiv.render.notation import DEFAULT, Notation
from symderiv.render.tree import Commutation, Kron, Leaf, Product, Scale, Shape2, Tree

LETTERS = "ijklmq"


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

    ``name`` is the tensor's LaTeX; ``split`` says how many axes belong to the rows of the vec view (None: no such view).

    >>> from symderiv.build import identity, symbol
    >>> from symderiv.ops import outer
    >>> J = outer(identity(("o",)), symbol("h", ("n",)))
    >>> for form in forms(J, "J", 1): print(form.view, form.latex)
    entry J_{ijk}=\\delta_{ij}\\,h_k
    slice J_{i,:,:}=e_i\\,h^\\top
    core J_{ijk}=\\delta_{ij}\\,C_k,\\quad C=h
    vec h^\\top \\otimes I_o
    """
    order = len(expr.shape)
    letters = _letters(expr)
    name = f"({name})" if "_" in name and not name.startswith("(") else name
    result = [Form("entry", f"{name}_{{{''.join(letters)}}}", index_latex(expr, letters, None, notation)[0], ())]
    for view, fixed in _views(order):
        index = tuple(letters[k] if k in fixed else None for k in range(order))
        tree = lift_slice(expr, index)
        if tree is not None:
            shape = tuple(d for d, x in zip(expr.shape, index, strict=True) if x is None)
            result.append(Form(view, f"{name}_{{{','.join(x or ':' for x in index)}}}", tree_latex(tree, notation), shape))
    core = core_form(expr, name, letters, notation)
    if core is not None:
        result.append(core)
    vec = None if split is None else vec_tree(expr, split)
    if vec is not None:
        result.append(Form("vec", "", tree_latex(vec, notation), (), "vec stacks columns"))
    return result


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
    found = split_deltas(expr)
    if found is not None:
        core, classes = found
        deltas = "".join(rf"\delta_{{{letters[ps[0]]}{letters[p]}}}\," for ps in classes for p in ps[1:])
        _, node = scaled(expr)
        assert isinstance(node, Contract)
        used = {x for ls in node.labels for x in ls}
        at = "".join(letters[ps[0]] for ps, x in zip(classes, dict.fromkeys(node.out), strict=True) if x in used)
        if not at:
            return Form("core", lhs, deltas + tree_latex(lift_any(core), notation), expr.shape)
        tree = lift_sums(core) if len(at) <= 2 else None
        if tree is None:
            text = index_latex(core, tuple(at), None, notation)[0]
            return Form("core", lhs, rf"{deltas}C_{_group(at)},\quad C_{_group(at)}={text}", expr.shape)
        return Form("core", lhs, rf"{deltas}C_{_group(at)},\quad C={tree_latex(tree, notation)}", expr.shape)
    parts = _pairs(expr)
    if parts is None:
        return None
    (first, axes), (second, others) = parts
    a, b = lift_sums(first), lift_sums(second)
    if a is None or b is None:
        return None
    if isinstance(a, Leaf) and isinstance(b, Leaf):
        return None                                             # the entry says it
    avoid = taken_names(expr)
    signs = [x for x in "CXKMSG" if x not in avoid]
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


def _pairs(expr: Expr) -> tuple[tuple[Expr, tuple[int, int]], tuple[Expr, tuple[int, int]]] | None:
    """A tensor of order 4 as a product of two matrices, C_ik X_jl."""
    if len(expr.shape) != 4:
        return None
    common = _common_factor(expr, (1, 3)) or _common_factor(expr, (0, 2))
    return common


def _common_factor(expr: Expr, axes: tuple[int, int]) -> tuple[tuple[Expr, tuple[int, int]], tuple[Expr, tuple[int, int]]] | None:
    """Split all terms into the same factor on these axes and the rest."""
    terms = expr.terms if isinstance(expr, Add) else None
    if terms is None:
        c, node = scaled(expr)
        terms = ((c, node),)
    shared: Expr | None = None
    rest: list[tuple[object, Expr]] = []
    for c, t in terms:
        parts = components(t)
        own = [(e, p) for e, p in parts if p and set(p) <= set(axes)]
        other = [(e, p) for e, p in parts if not set(p) & set(axes)]
        if len(own) + len(other) != len(parts) or not own or not any(p for _, p in other):
            return None
        mine = _joined(own, axes, t.shape)
        if shared is not None and mine is not shared:
            return None
        shared = mine
        others = tuple(p for p in range(4) if p not in axes)
        rest.append((c, _joined(other, others, t.shape)))
    others = tuple(p for p in range(4) if p not in axes)
    assert shared is not None
    total_rest = add([(c, e) for c, e in rest], tuple(expr.shape[p] for p in others))  # type: ignore[misc]
    return (total_rest, (others[0], others[1])), (shared, axes)


def _joined(parts: list[tuple[Expr, tuple[int, ...]]], axes: tuple[int, ...], shape: Shape) -> Expr:
    return contract([e for e, _ in parts], [p for _, p in parts], axes, {p: shape[p] for p in axes})


def components(t: Expr) -> list[tuple[Expr, tuple[int, ...]]]:
    """The connected parts of a product, each with the axes of the whole that its own axes are."""
    if not isinstance(t, Contract):
        return [(t, tuple(range(len(t.shape))))]
    root = list(range(len(t.dims)))

    def find(x: int) -> int:
        while root[x] != x:
            x = root[x]
        return x
    for ls in t.labels:
        for x in ls[1:]:
            root[find(x)] = find(ls[0])
    parts: dict[int, list[int]] = {}
    for k, ls in enumerate(t.labels):
        parts.setdefault(find(ls[0]) if ls else -1 - k, []).append(k)
    for x in t.out:
        parts.setdefault(find(x), [])
    result: list[tuple[Expr, tuple[int, ...]]] = []
    for label, members in parts.items():
        axes = tuple(p for p, x in enumerate(t.out) if label >= 0 and find(x) == label)
        out = tuple(t.out[p] for p in axes)
        result.append((contract([t.factors[k] for k in members], [t.labels[k] for k in members], out,
                                {x: t.dims[x] for x in out}), axes))
    return result


# ---------------------------------------------------------------- vec and kron
def vec_tree(expr: Expr, split: int) -> Tree | None:
    """The matrix of a tensor whose first ``split`` axes are the rows and the others the columns, columns stacked."""
    order = len(expr.shape)
    if not 1 <= split < order or split > 2 or order - split > 2:
        return None
    terms = expr.terms if isinstance(expr, Add) else (scaled(expr),)
    trees: list[Tree] = []
    for c, t in terms:
        tree = _vec_term(t, split)
        if tree is None:
            return None
        trees.append(scale_tree(c, (), tree))
    return total(trees, trees[0].shape) if trees else None


def _vec_term(t: Expr, split: int) -> Tree | None:
    """One product as a Kronecker product: slots (major, minor) of rows and columns, each in one component."""
    order = len(t.shape)
    rows, columns = tuple(range(split)), tuple(range(split, order))
    parts = components(t)
    scalars = [lift_sums(e) for e, p in parts if not p]
    parts = [(e, p) for e, p in parts if p]
    if any(s is None for s in scalars) or len(parts) > 3:
        return None
    row_of = {a: k for k, (_, p) in enumerate(parts) for a in p}
    row_order, column_order = [row_of[a] for a in reversed(rows)], [row_of[a] for a in reversed(columns)]
    crossed = False
    slots: list[list[int]] = []
    if len(rows) == len(columns) == 2 and row_order[0] == column_order[1] != column_order[0] == row_order[1]:
        crossed = True
        column_order.reverse()
    for part in dict.fromkeys(_merge(row_order, column_order)):
        slots.append([part])
    sequence = [s[0] for s in slots]
    if [x for x in sequence if x in row_order] != list(dict.fromkeys(row_order)) \
            or [x for x in sequence if x in column_order] != list(dict.fromkeys(column_order)):
        return None
    items: list[Tree] = []
    for k in sequence:
        e, axes = parts[k]
        mine_r, mine_c = [a for a in axes if a in rows], [a for a in axes if a in columns]
        if len(mine_r) > 1 or len(mine_c) > 1:
            return None
        tree = lift_sums(e if axes == (*mine_r, *mine_c) else contract((e,), (axes,), (*mine_r, *mine_c)))
        if tree is None:
            return None
        tree = tree if mine_r else transpose(tree)
        if items and tree.order == items[-1].order == 1 and tree.shape[0] != items[-1].shape[0] and not (
                tree.shape[0] and items[-1].shape[0]):              # u ⊗ vᵀ = vᵀ ⊗ u = u vᵀ
            items[-1] = product([tree, items[-1]] if mine_r else [items[-1], tree])
        else:
            items.append(tree)
    body: Tree = Kron(_kron_shape(items), tuple(items)) if len(items) > 1 else items[0]
    if crossed:
        p, q = (t.shape[a] for a in columns)
        size = dim_product(p, q)
        body = Product((body.shape[0], size), (body, Commutation((size, size), p, q)))
    return _scaled_kron([s for s in scalars if s is not None], body)


def _scaled_kron(scalars: list[Tree], body: Tree) -> Tree:
    return Scale(body.shape, Fraction(1), tuple(scalars), body) if scalars else body


def _kron_shape(items: list[Tree]) -> Shape2:
    rows, columns = ([d for t in items if (d := t.shape[axis]) is not None] for axis in (0, 1))
    return dim_product(*rows) if rows else None, dim_product(*columns) if columns else None


def _merge(rows: list[int], columns: list[int]) -> list[int]:
    """The parts in an order that both sides keep, if there is one."""
    result: list[int] = []
    r, c = list(dict.fromkeys(rows)), list(dict.fromkeys(columns))
    while r or c:
        if r and (r[0] not in c or (c and c[0] == r[0])):
            x = r.pop(0)
            c = [y for y in c if y != x]
        elif c:
            x = c.pop(0)
            r = [y for y in r if y != x]
        else:
            break
        result.append(x)
    return result
