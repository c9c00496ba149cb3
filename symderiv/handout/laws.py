"""Tables of derivatives on a page: a row for each, proved against the form that books print, its derivation below.

Networks of symbolic depth stand here too: base, step, what follows by induction, and what was checked of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symderiv.api import parse, prove
from symderiv.build import substitute
from symderiv.depth import telling
from symderiv.derive import Derivation
from symderiv.handout.calls import SourceError
from symderiv.handout.checked import SEED, check
from symderiv.handout.formula import width
from symderiv.handout.given import letter_of, program
from symderiv.handout.model import Block, Check, Code, Heading, Line, Prose, Steps, Table
from symderiv.handout.source import Depth, Derivatives
from symderiv.handout.tables import entries_latex
from symderiv.handout.told import as_line, names_in, numbered
from symderiv.handout.values import error_latex
from symderiv.ir import Expr, Name
from symderiv.present import expr_latex, fact_latex, written
from symderiv.render.apart import beside
from symderiv.render.symbols import name_latex

TRIALS = 5
DEPTHS = (2, 3, 5)
NARROW = 17.0
"""in em: a table whose formulas are no wider stays a table on a phone"""
_KINDS = {"gradient": "Backpropagation", "jacobian": "The Jacobian of the whole network", "hessian": "The layerwise Hessian"}


# ---------------------------------------------------------------- a table of derivatives
def derivatives(item: Derivatives, context: Any) -> list[Block]:
    """The table of what comes out, then each row's derivation, folded."""
    rows, below, worst, compared = [], [], 0.0, 0
    for number, (call, expected, *where) in enumerate(item.rows, 1):
        told = call.run()
        found = check(told, trials=TRIALS)
        if not found.ok:
            raise SourceError(call.place, f"the derivation isn't confirmed: {found.trouble}")
        shapes, point = call.shapes, dict(*where)
        result = at_point(told.result, point, shapes)
        verdict = prove(result, expected, assume=call.options.get("assume"), shapes=shapes)
        if verdict.status != "proved":
            raise SourceError(call.place, f"the result isn't '{expected}': {verdict.status}, {verdict.reason}")
        worst, compared = max(worst, found.report.worst), compared + found.lines
        context.fire(told.steps)
        with beside(told.subject, *told.wrt):
            lines = _lines(told)
            context.name(lines)
            subject, by = subject_latex(told.subject), operator_latex(told)
            shown = parse(expected, shapes=shapes) if point else result
            derived, ends = f"${result_latex(shown)}${_where(told)}", (result_latex(result), result_latex(shown))
            given, named = ", ".join(filter(None, (_given(told), _put(point)))), name_latex(told.wrt[0].name)
        rows.append((f"{number}", f"${subject}$", f"${by}$", derived, given))
        last = [Line("", ends[0], f"at {_put(point)}"), Line("", ends[1], "proved equal")] if point else []
        title = f"{number}: ${letter_of(told)}={subject}$, by ${named}$"
        below.append(Steps(title, (*numbered(lines), *last), folded=True))
    which = f"each of the {len(rows)} results" if len(rows) > 1 else "the result"
    how = (f"{which} has one normal form with the form that books print · {TRIALS} draws each · "
           f"seed {SEED} · worst relative error ${error_latex(worst)}$ · {compared} lines compared")  # fmt: skip
    head = ("", "function", "by", "derivative", "given")
    columns = 5 if any(row[-1] for row in rows) else 4
    narrow = columns == 4 and max(width(row[1]) + width(row[3]) for row in rows) < NARROW
    table = Table(head[:columns], tuple(row[:columns] for row in rows), stack=not narrow)
    return [table, Check(how, word="Proved"), Heading("Their derivations"), *below]


def at_point(result: Expr, point: Mapping[str, str], shapes: Mapping[str, Any]) -> Expr:
    """The result with values in place of symbols.

    >>> import symderiv
    >>> symderiv.present.expr_text(at_point(symderiv.parse("a*t + b", a="", b="", t=""), {"t": "0"}, {"t": ""}))
    'b'
    """
    return substitute(result, {parse(k, shapes=shapes): parse(v, shapes=shapes) for k, v in point.items()})


def _put(point: Mapping[str, str]) -> str:
    return ", ".join(f"${name_latex(k)}={v}$" for k, v in point.items())


def subject_latex(subject: Expr) -> str:
    """What is differentiated; a name for the whole is opened."""
    return expr_latex(subject.body if isinstance(subject, Name) else subject)


def operator_latex(told: Derivation) -> str:
    r"""The derivative that was taken, without what it was taken of.

    >>> import symderiv
    >>> operator_latex(symderiv.jacobian("W @ h", "h", W="o n", h="n"))
    '\\partial/\\partial h^\\top'
    """
    x = told.wrt[0]
    by = name_latex(x.name)
    if told.kind == "gradient":
        return rf"\nabla_{{{by}}}" if x.shape else rf"\partial/\partial {by}"
    if told.kind == "hessian" and x.shape and not told.subject.shape:
        return rf"\nabla^2_{{{by}}}"
    power = f"^{told.order}" if told.order > 1 else ""
    turned = r"^\top" if len(x.shape) == 1 and len(told.subject.shape) == 1 and told.order == 1 else power
    return rf"\partial{power}/\partial {by}{turned}"


def result_latex(expr: Expr) -> str:
    """The result as a matrix, or by its entries where it has more than two axes."""
    return expr_latex(expr) if len(expr.shape) <= 2 else entries_latex(expr, "big")


def _where(told: Derivation) -> str:
    """What the names are that stand in the result."""
    named = dict.fromkeys([*names_in(told.result), *program(told.subject)])
    shown = [n for n in named if n is not told.subject]
    return "".join(f", ${name_latex(n.name)}={expr_latex(n.body)}$" for n in shown)


def _given(told: Derivation) -> str:
    used = {f.text: fact_latex(f) for f in told.facts if f.text in told.assumptions}
    return ", ".join(f"${latex}$" for latex in used.values())


def _lines(told: Derivation) -> list[Any]:
    return written(told, "matrix" if len(told.result.shape) <= 2 else "index", "normal")


# ---------------------------------------------------------------- networks of symbolic depth
def depth(item: Depth, context: Any) -> list[Block]:
    """The layer, and for each kind: base, the step of one generic layer, what follows, and what was checked."""
    network = item.call.run()
    forward = [*telling.forward_rows(network.layer), telling.loss_row(network.layer)]
    layers = rf"For $\;{network.layer.index}=1,\dots,{name_latex(network.layer.depth)}$:"
    blocks: list[Block] = [Prose(layers), Steps("", tuple(Line(left, right) for left, right, *_ in forward))]
    for kind in item.kinds:
        blocks += _recursion(getattr(network, kind), item, context)
    return [*blocks, Code("The call", item.call.code())]


def _recursion(found: Any, item: Depth, context: Any) -> list[Block]:
    checked, report = found.check(), found.verify(depths=DEPTHS)
    if not checked or not report:
        raise SourceError(item.place, f"{found.kind}: {checked.text()}\n{report.summary()}")
    context.fire(found.step.steps)
    lines = written(found.step, "matrix", "normal")
    context.name(lines)
    given = [f"${left}={right}$" for left, right, *_ in telling.hypothesis(found)]
    step = f"The step, of one generic layer{', with ' + ', '.join(given) if given else ''}"
    names = ", ".join(map(str, DEPTHS))
    return [
        Heading(_KINDS[found.kind]),
        Steps("", tuple(Line(left, right, "base" if k == 0 else "by induction" if k == 1 else "")
                        for k, (left, right, *_) in enumerate(telling.conclusions(found)))),
        Steps(step, tuple(map(as_line, lines)), folded=True),
        Check(_found(checked.items), word="Proved by induction"),
        Check(f"carried out at depth {names} and compared with numeric derivatives of the whole network · "
              f"worst relative error ${error_latex(report.worst)}$"),
        *([Code("The same in NumPy, generated", found.numpy().source())] if found.kind == "gradient" else []),
    ]  # fmt: skip


def _found(items: Any) -> str:
    """What was looked at, the parts of whole networks in one."""
    whole = [i for i in items if i.what.startswith("at depth")]
    depths = " and ".join(dict.fromkeys(i.what.split(",")[0].removeprefix("at depth ") for i in whole))
    first = "; ".join(f"{i.what} ({i.how})" for i in items if i not in whole)
    if not whole:
        return first
    proved = sum(i.how == "proved" for i in whole)
    together = f"base and step together at depth {depths} equal the derivatives of the network written out"
    return f"{first}; {together} ({proved} of {len(whole)} proved)"


__all__ = ["depth", "derivatives", "operator_latex", "result_latex", "subject_latex"]
