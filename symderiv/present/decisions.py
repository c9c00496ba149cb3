"""Verdicts in a few lines: what was found and by which rule, on what it rests, and what isn't decided.

>>> import symderiv as sd
>>> sd.curvature("sum(x**2)/t", ["x", "t"], x="n", t="", assume="t > 0")
Curvature(convex: product of powers)
  assuming t > 0
>>> sd.matching_loss("tanh(u)", u="o")
MatchingLoss(1ᵀ logcosh(u) − uᵀ y: convex in u, gradient tanh(u) − y proved)
>>> sd.matching("softmax(u)", "-y @ log(p)", input="u", u="o", y="o", assume="sum(y) == 1")
Matching(matches, proved: ∇_u L = A p + b with A = I, b = −y)
  assuming sum(y) == 1
"""
from __future__ import annotations

from typing import Any

from symderiv.errors import clip
from symderiv.ir import Expr
from symderiv.present.untex import untex
from symderiv.render.matrix import matrix_latex
from symderiv.render.symbols import name_latex, name_text
from symderiv.render.text import plain

LONGEST = 60
"""characters of a formula in a line"""
FORMS = {"psd": r"\succeq 0", "nsd": r"\preceq 0", "indefinite": r"\text{ takes both signs}", "unknown": r"\text{ has an unknown sign}"}
STRICT = {"psd": r"\succ 0", "nsd": r"\prec 0"}
CURVED = {"neither": "neither convex nor concave", "unknown": "of unknown curvature"}


def words(found: Any) -> str:
    """What a curvature is, as it is said.

    >>> import symderiv as sd
    >>> words(sd.curvature("exp(x)", "x", x="")), words(sd.curvature("x**3", "x", x=""))
    ('strictly convex', 'neither convex nor concave')
    """
    how = "strongly " if found.strong is not None else "strictly " if found.strict else ""
    return CURVED.get(found.verdict, how + found.verdict)


def text(found: Any) -> str:
    """A verdict for a prompt: a line, and one each for what else is to be known."""
    return "\n  ".join(_LINES[type(found).__name__](found))


def latex(found: Any) -> str:
    """A verdict as a formula."""
    return rf"$\displaystyle {_LATEX[type(found).__name__](found)}$"


def _short(expr: Expr) -> str:
    return clip(plain(expr) if len(expr.shape) <= 2 else expr.text(), LONGEST)


# ---------------------------------------------------------------- lines
def _proved(kind: str, verdict: str, found: Any) -> list[str]:
    """Of a curvature or a certificate."""
    why = found.proof.rule if found.proof is not None else found.reason
    lines = [f"{kind}({verdict}{f': {why}' if why else ''})"]
    if getattr(found, "strong", None) is not None:
        lines.append(f"its Hessian {'exceeds' if found.verdict == 'convex' else 'stays below'} {_short(found.strong)}")
    if found.assumptions:
        lines.append(f"assuming {', '.join(found.assumptions)}")
    for field in ("counterexample", "positive"):
        example = getattr(found, field)
        if example is not None:
            lines.append(f"curved by {example.value:.3g} at the {', '.join(map(str, example.values))} of .{field}")
    if found.undecided is not None:
        lines.append(f"undecided: {_short(found.undecided)}")
    return lines


def _certificate(found: Any) -> list[str]:
    relation = untex((STRICT if found.strict else FORMS).get(found.verdict, "")).strip()
    return _proved("Certificate", f"{_short(found.expr)} {relation}", found)


def _matching(found: Any) -> list[str]:
    p, u = name_text(found.output.name), name_text(found.input.name)
    form = "" if found.A is None or found.b is None else f"∇_{u} L = A {p} + b with A = {_short(found.A)}, b = {_short(found.b)}"
    why = form if found.matches and form else found.reason
    lines = [f"Matching({found.verdict}, {found.status}{': ' if why else ''}{why})"]
    if form and not found.matches:
        lines.append(f"{form}, and a remainder {_short(found.remainder)}")
    return [*lines, *([f"assuming {', '.join(found.needs)}"] if found.needs else [])]


def _matching_loss(found: Any) -> list[str]:
    curved = f"{CURVED.get(found.convex, found.convex)} in {name_text(found.input.name)}"
    gradient = f"gradient {_short(found.module)} − {name_text(found.target.name)} {found.status}"
    return [f"MatchingLoss({_short(found.loss)}: {curved}, {gradient})"]


_LINES = {"Curvature": lambda found: _proved("Curvature", words(found), found), "Certificate": _certificate, "Matching": _matching,
          "MatchingLoss": _matching_loss}


# ---------------------------------------------------------------- formulas
def _curvature_latex(found: Any) -> str:
    if found.proof is not None and found.proof.kind == "function":
        return rf"{matrix_latex(found.proof.expr)}\text{{ is {words(found)}}}"
    return rf"f\text{{ is {words(found)}}}"


def _certificate_latex(found: Any) -> str:
    sign = (STRICT if found.strict else FORMS)[found.verdict]
    return (matrix_latex(found.expr) if len(found.expr.shape) <= 2 else found.expr.latex()) + sign


def _matching_latex(found: Any) -> str:
    left = rf"\nabla_{{{name_latex(found.input.name)}}} L"
    if found.A is None or found.b is None:
        return rf"{left}\text{{: {found.verdict}}}"
    parts = rf"{left}=A\,{name_latex(found.output.name)}+b" + ("" if found.matches else "+r")
    shown = {"A": found.A, "b": found.b, **({} if found.matches else {"r": found.remainder})}
    return parts + "".join(rf",\quad {k}={v.latex()}" for k, v in shown.items())


def _matching_loss_latex(found: Any) -> str:
    gradient = rf"\nabla_{{{name_latex(found.input.name)}}} L={found.module.latex()}-{name_latex(found.target.name)}"
    return rf"L={found.loss.latex()},\quad {gradient}"


_LATEX = {"Curvature": _curvature_latex, "Certificate": _certificate_latex, "Matching": _matching_latex,
          "MatchingLoss": _matching_loss_latex}


__all__ = ["latex", "text", "words"]
