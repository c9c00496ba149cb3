"""``symderiv derive``: a derivative, in the form asked for, with the line of its check."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from symderiv import api
from symderiv.cli.frame import (
    DONE,
    FAILED,
    complain,
    put,
    read_shapes,
    read_text,
    with_draws,
    with_limit,
    with_symbols,
    work,
)
from symderiv.derive import Derivation
from symderiv.errors import SymderivError
from symderiv.frontend.parser import parse_program
from symderiv.frontend.syntax import Binary, Ref, postorder
from symderiv.render.apart import beside
from symderiv.saved import to_json
from symderiv.splits import GaussNewton
from symderiv.sympy_program import sympy_program

Found = Derivation | GaussNewton
KINDS = ("gradient", "jacobian", "hessian", "derivative")
PROSE = ("text", "markdown")
"""formats for reading: the check is a line of theirs; of the others it goes to standard error"""


@click.command(short_help="Differentiate an expression, and show the steps.")
@click.argument("text")
@click.option("--wrt", multiple=True, required=True, metavar="NAME", help="The variable; again for several.")
@with_symbols
@click.option("--kind", type=click.Choice(KINDS), help="By default gradient for a scalar, jacobian for anything else.")
@click.option("--order", type=click.IntRange(1, 8), help="With derivative: how often.")
@click.option("--at", metavar="NAME", help="The Gauss–Newton split of the Hessian at this intermediate value (or expression).")
@click.option("--vec", is_flag=True, help="Of a jacobian: all axes of the variable as one, column-major.")
@click.option("--structured", is_flag=True, help="Of a gradient: within the symmetric matrices.")
@click.option("--format", "form", type=click.Choice(("text", "latex", "markdown", "html", "json", "numpy", "sympy")),
              default="text", show_default=True)
@click.option("--notation", type=click.Choice(("matrix", "index", "differential")),
              help="By default matrix; of html all three.")
@click.option("--detail", type=click.Choice(("brief", "normal", "full")), default="normal", show_default=True)
@click.option("--verify/--no-verify", default=True, show_default=True, help="Check result and steps on random numbers.")
@with_draws
@with_limit
@click.option("--out", metavar="FILE", help="Write to a file.")
def derive(text: str, wrt: tuple[str, ...], shapes: tuple[str, ...], assume: tuple[str, ...], form: str, verify: bool,
           trials: int, seed: int, seconds: float, out: str | None, notation: str | None, detail: str, **how: Any) -> int:
    """Differentiate TEXT, in NumPy notation ("-" reads standard input), and show the steps.

    \b
    symderiv derive "tanh(W @ h)" --wrt h --shape W="o n" --shape h=n
    """
    _check_usage(**how)
    source, declared = read_text(text), read_shapes(shapes)
    with work("deriving", seconds, source):
        found = _found(source, wrt, declared, assume, **how)
        with beside(*(expr for _, part in _parts(found) for expr in (part.subject, *part.wrt))):
            body = FORMATS[form](found, notation, detail)
    note, refuted = _checked(found, trials, seed, seconds) if verify else ("", False)
    notes = [*stretched(source, declared), *([note] if note else [])]
    if form in PROSE:
        assumed = _assumptions(found)
        lines = [*([f"assuming: {', '.join(assumed)}"] if assumed else []), *notes]
        if form == "text" and lines:                            # in Markdown each line is a paragraph
            lines = ["\n".join(lines)]
        body = "\n\n".join([body.rstrip("\n"), *lines])
    put(body, out)
    if note and (form not in PROSE or out is not None):
        complain(note)
    return FAILED if refuted else DONE


def stretched(source: str, shapes: Mapping[str, str]) -> list[str]:
    """A line for each A * x of a matrix and a vector where A @ x is possible too: it may have been meant.

    >>> stretched("A * x", {"A": "m n", "x": "n"})
    ['note: A * x multiplies entry by entry, each row of A by x; the matrix product is A @ x']
    """
    sizes = {name: shape.split() for name, shape in shapes.items()}
    try:
        found = [node for node in postorder(parse_program(source)) if isinstance(node, Binary) and node.operator == "*"]
    except SymderivError:                                       # a function
        return []
    pairs = [(node.left.name, node.right.name) for node in found if isinstance(node.left, Ref) and isinstance(node.right, Ref)]
    return [
        f"note: {a} * {x} multiplies entry by entry, each row of {a} by {x}; the matrix product is {a} @ {x}"
        for a, x in dict.fromkeys(pairs)
        if len(sizes.get(a, ())) == 2 and sizes[a][1:] == sizes.get(x)
    ]


def _checked(found: Found, trials: int, seed: int, seconds: float) -> tuple[str, bool]:
    """The line of a check, and whether it found the derivation wrong."""
    try:
        with work("checking", seconds):
            report = found.verify(trials=trials, seed=seed)
    except SymderivError as error:                              # too large to evaluate: the derivation stands as it is
        return f"check: not checked: {error.message}", False
    except MemoryError:
        return "check: not checked: the memory isn't enough for its arrays", False
    return f"check: {report.summary()}", report.verdict == "refuted"


def _check_usage(kind: str | None, order: int | None, at: str | None, vec: bool, structured: bool) -> None:
    if order is not None and kind not in (None, "derivative"):
        raise click.UsageError(f"--order has no meaning with --kind {kind}; take --kind derivative.")
    if at is not None and (kind not in (None, "hessian") or order is not None or vec or structured):
        raise click.UsageError("--at splits the Hessian: leave --kind, --order, --vec and --structured out.")
    if (vec and kind not in (None, "jacobian")) or (structured and kind not in (None, "gradient")):
        raise click.UsageError("--vec is for a jacobian, --structured for a gradient.")


def _found(source: str, wrt: tuple[str, ...], shapes: Mapping[str, str], assume: tuple[str, ...], kind: str | None,
           order: int | None, at: str | None, vec: bool, structured: bool) -> Found:
    by: Any = wrt[0] if len(wrt) == 1 else list(wrt)
    if at is not None:
        return api.gauss_newton(source, by, at=at, assume=assume, shapes=shapes)
    if kind is None and order is not None:
        kind = "derivative"
    if kind is None:
        scalar = not api.parse(source, assume=assume, shapes=shapes).shape
        kind = "jacobian" if vec else "gradient" if scalar or structured else "jacobian"
    if kind == "gradient":
        return api.gradient(source, by, assume=assume, structured=structured, shapes=shapes)
    if kind == "jacobian":
        return api.jacobian(source, by, assume=assume, vec=vec, shapes=shapes)
    if kind == "hessian":
        return api.hessian(source, by, assume=assume, shapes=shapes)
    return api.derivative(source, by, order=order or 1, assume=assume, shapes=shapes)


def _assumptions(found: Found) -> tuple[str, ...]:
    parts = found.parts if isinstance(found, GaussNewton) else (found,)
    return tuple(dict.fromkeys(text for part in parts for text in part.assumptions))


# ---------------------------------------------------------------- formats
def _html(found: Found, notation: str | None, detail: str) -> str:
    if isinstance(found, GaussNewton):
        raise SymderivError("a Gauss–Newton split has no page of its own", hint="take --format markdown, or make a handout")
    return found.html(notation, detail)


def _parts(found: Found) -> list[tuple[str, Derivation]]:
    return [("G", found.G), ("R", found.R), ("H", found.H)] if isinstance(found, GaussNewton) else [("", found)]


def _numpy(found: Found, notation: str | None, detail: str) -> str:
    return "\n\n".join(part.numpy().source().rstrip("\n") + "\n" for _, part in _parts(found))


def _sympy(found: Found, notation: str | None, detail: str) -> str:
    return sympy_program([(label or part.kind, part.to_sympy()) for label, part in _parts(found)])


FORMATS: Mapping[str, Callable[[Found, str | None, str], str]] = {
    "text": lambda found, notation, detail: found.text(notation or "matrix", detail),
    "latex": lambda found, notation, detail: found.latex(notation or "matrix", detail),
    "markdown": lambda found, notation, detail: found.markdown(notation or "matrix", detail),
    "html": _html,
    "json": lambda found, notation, detail: to_json(found),
    "numpy": _numpy,
    "sympy": _sympy,
}
