"""Recursions in print: base, step, and the equations that follow by induction."""

from __future__ import annotations

from collections.abc import Iterator

from symderiv.depth.layer import Layer
from symderiv.depth.recursion import Equation, Recursion
from symderiv.ir import Add, Call, Expr, Name, postorder
from symderiv.present import expr_latex, expr_text
from symderiv.present import latex as derivation_latex
from symderiv.present import text as derivation_text
from symderiv.render.letters import output_letters
from symderiv.render.symbols import name_latex, name_text

Row = tuple[str, str, str, str]
"""(left and right in LaTeX, left and right in plain text)"""


def describe(layer: Layer) -> str:
    """A network in one line of plain text.

    >>> from symderiv.depth.network import deep
    >>> describe(deep("tanh(W @ a)", "a", W="h h", a="h").layer)
    'a_l = tanh(W_l a_(l−1)) for l = 1, …, L; E = E(a_L)'
    """
    rows = [f"{left} = {right}" for _, _, left, right in forward_rows(layer)]
    return f"{', '.join(rows)} for {layer.index} = 1, …, {layer.depth}; {loss_row(layer)[2]} = {loss_row(layer)[3]}"


def row(left: str, right: Expr) -> Row:
    return name_latex(left), expr_latex(right), name_text(left), expr_text(right)


def forward_rows(layer: Layer) -> list[Row]:
    """The layer's lines: each name, and the next state."""
    made = layer.step(layer.state_at(layer.at(-1)), layer.at())
    return [row(n.name, n.body) for n in postorder(made) if isinstance(n, Name)]


def loss_row(layer: Layer) -> Row:
    return row(layer.letter, layer.loss_at(layer.state_at(layer.depth)))


def base_row(r: Recursion) -> Row:
    """What holds at the end from which the recursion starts."""
    left = r.equations[0].left
    if r.kind == "jacobian":
        return row(left.removesuffix(r.layer.at()) + "0", r.base.result)
    return row(left.removesuffix(r.layer.at(-1)) + r.layer.depth, r.base.result)


def rows(r: Recursion) -> list[Row]:
    """The equations, what the derivation named on the way before them."""
    roles = ("cotangent", "auto")
    named = dict.fromkeys(n for e in r.equations for n in postorder(e.right) if isinstance(n, Name) and n.role in roles)
    found = [row(n.name, n.body) for n in named]
    found += [_equation_row(r, e) for e in r.equations]
    if r.cut is not None:
        found.append(row(r.cut.left, r.cut.right))
    return found


def _equation_row(r: Recursion, e: Equation) -> Row:
    letter = r.layer.letter
    if e is r.equations[0]:
        return row(e.left, e.right)
    latex, text = expr_latex(e.right), expr_text(e.right)
    if e.summed:
        latex = rf"\sum_{{{r.layer.index}=1}}^{{{name_latex(r.layer.depth)}}} {_bracketed(e.right, latex)}"
        text = f"Σ_{r.layer.index} {_bracketed(e.right, text)}"
    sign, plain = (r"\nabla^{2}", "∇²") if r.kind == "hessian" else (r"\nabla", "∇")
    return (
        f"{sign}_{{{name_latex(e.by.name)}}} {name_latex(letter)}" + _indices(e.right, r"\,"),
        latex,
        f"{plain}_{name_text(e.by.name)} {letter}" + _indices(e.right),
        text,
    )


def _indices(value: Expr, space: str = "") -> str:
    """The indices of what is printed by its entries."""
    letters = output_letters(len(value.shape), value)
    return f"{space}[{','.join(letters)}]" if len(letters) > 2 else ""


def _bracketed(value: Expr, text: str) -> str:
    return f"({text})" if isinstance(value, Add) and len(value.terms) > 1 else text


def product_row(r: Recursion) -> Row | None:
    """The Jacobian of the whole network as a product, for vectors."""
    if r.kind != "jacobian" or len(r.layer.state.shape) != 1:
        return None
    a, depth = r.layer.state.name, name_latex(r.layer.depth)
    left = rf"\frac{{\partial {name_latex(f'{a}_{r.layer.depth}')}}}{{\partial {name_latex(f'{a}_0')}^\top}}"
    return (
        left,
        rf"J_{{{depth}}}\,J_{{{depth}-1}}\cdots J_1",
        f"∂{a}_{r.layer.depth}/∂{a}_0ᵀ",
        f"J_{r.layer.depth} J_({r.layer.depth}−1) ⋯ J_1",
    )


def factor_row(r: Recursion) -> Row | None:
    if r.factor is None or len(r.layer.state.shape) != 1:
        return None
    return row(f"J_{r.layer.at()}", r.factor.result)


def conclusions(r: Recursion) -> list[Row]:
    """Everything that the induction gives, base first."""
    found = [base_row(r), *rows(r)]
    return [*found, *(x for x in (factor_row(r), product_row(r)) if x is not None), *loss_names(r)]


def loss_names(r: Recursion) -> list[Row]:
    """What the loss names, where the base speaks of it."""
    return [row(n.name, n.body) for n in postorder(r.base.result) if isinstance(n, Name) and n.role == "user"]


def hypothesis(r: Recursion) -> Iterator[Row]:
    """What stands for what in the step."""
    for node, s in r.hypotheses.items():
        if isinstance(node, Call) and node.ders:
            yield name_latex(s.name), expr_latex(node), name_text(s.name), expr_text(node)


# ---------------------------------------------------------------- whole
def text(r: Recursion, detail: str = "normal") -> str:
    """Plain text; "brief" is the equations alone."""
    last = [f"{left} = {right}" for _, _, left, right in conclusions(r)]
    if detail == "brief":
        return "\n".join(last)
    given = ", ".join(f"{left} = {right}" for _, _, left, right in hypothesis(r))
    return "\n".join([
        describe(r.layer),
        f"Base: {last[0]}",
        f"Step, with {given}:" if given else "Step:",
        *(f"  {line}" for line in derivation_text(r.step, detail=detail).splitlines()),
        "By induction:",
        *(f"  {line}" for line in last),
    ])  # fmt: skip


def aligned(found: list[Row]) -> str:
    """Rows as one block of LaTeX."""
    body = " \\\\\n".join(f"{left} &= {right}" for left, right, _, _ in found)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def latex(r: Recursion, detail: str = "normal") -> str:
    """The equations as one ``aligned`` block, after that of the step's derivation unless it is asked for in brief."""
    if detail == "brief":
        return aligned(conclusions(r))
    return f"{derivation_latex(r.step, detail=detail)}\n\n{aligned(conclusions(r))}"


def markdown(r: Recursion, detail: str = "normal") -> str:
    """Markdown for notebooks."""
    i, depth = r.layer.index, name_latex(r.layer.depth)
    forward = aligned([*forward_rows(r.layer), loss_row(r.layer)])
    blocks = [f"Layers ${i}=1,\\dots,{depth}$:", f"$$\n{forward}\n$$"]
    if detail != "brief":
        blocks += ["The step, of one generic layer:", f"$$\n{derivation_latex(r.step, detail=detail)}\n$$", "By induction:"]
    return "\n\n".join([*blocks, f"$$\n{aligned(conclusions(r))}\n$$", ""])


__all__ = ["aligned", "base_row", "conclusions", "describe", "forward_rows", "latex", "loss_row", "markdown", "rows", "text"]
