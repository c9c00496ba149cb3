"""What the page can be asked, one row for each kind: which fields it needs, and what it is answered with.

To add a kind, add a row to `KINDS`; the form, the answers and the tests follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from symderiv import api
from symderiv.derive import Derivation
from symderiv.errors import SymderivError
from symderiv.frontend.parser import parse_program
from symderiv.frontend.syntax import names
from symderiv.handout.affine import affine, as_derivation, matching_verdict
from symderiv.handout.card import law_of
from symderiv.handout.given import forward_pass, smoothness, sought
from symderiv.handout.model import Assumptions, Block, Check, Code, Line, Proof, Prose, Result, Steps
from symderiv.handout.model import escape as plain
from symderiv.handout.told import numbered, result, ways
from symderiv.handout.trees import certificate, proof_tree, split_result
from symderiv.present import NOTATIONS, Written, expr_latex, fact_latex, split_written, written
from symderiv.render.apart import beside
from symderiv.render.symbols import name_latex
from symderiv.services import service
from symderiv.splits import GaussNewton
from symderiv.sympy_program import sympy_program
from symderiv.web.data import latex_lines
from symderiv.web.questions import FieldError, Question

Shapes = Mapping[str, str]
Copies = Mapping[str, Callable[[], str]]
HEADINGS = {"matrix": "Matrix form", "index": "Index form", "differential": "Differential form"}
FULL = "In full: one line per rule, with its law"
OUTPUTS, TARGETS = ("p", "N", "q", "mu", "a"), ("y", "Y", "t", "T")


@dataclass(frozen=True)
class Answer:
    """An answer before it is data: the blocks on top, the steps to unfold, what can be copied, what can be checked."""

    title: str
    top: tuple[Block, ...]
    steps: tuple[Block, ...] = ()
    copies: Copies = field(default_factory=dict)
    verify: Callable[[], Any] | None = None
    """gives a report, with ``verdict`` and ``summary()``"""


@dataclass(frozen=True)
class Kind:
    """A row: its name in links, its label in the form, the fields besides formula, shapes and assumptions it uses."""

    name: str
    label: str
    fields: tuple[str, ...]
    answer: Callable[[Question, Shapes], Answer]
    hint: str = ""


# ---------------------------------------------------------------- derivations
def _by(question: Question) -> Any:
    if not question.wrt:
        raise FieldError("wrt", "say which variable to differentiate by", hint="choose it under 'by'")
    return question.wrt[0] if len(question.wrt) == 1 else list(question.wrt)


def _given(question: Question, shapes: Shapes) -> dict[str, Any]:
    return {"shapes": shapes, "assume": question.assume.strip() or None}


def _one(question: Question) -> str:
    _by(question)
    if len(question.wrt) != 1:
        raise FieldError("wrt", "this takes one variable", hint="ask for one variable at a time")
    return question.wrt[0]


def _auto(question: Question, shapes: Shapes) -> Answer:
    scalar = not api.parse(question.text, **_given(question, shapes)).shape
    return (_gradient if scalar else _jacobian)(question, shapes)


def _gradient(question: Question, shapes: Shapes) -> Answer:
    return derived(api.gradient(question.text, _by(question), **_given(question, shapes)))


def _jacobian(question: Question, shapes: Shapes) -> Answer:
    return derived(api.jacobian(question.text, _by(question), **_given(question, shapes)))


def _vec(question: Question, shapes: Shapes) -> Answer:
    return derived(api.jacobian(question.text, _one(question), vec=True, **_given(question, shapes)))


def _hessian(question: Question, shapes: Shapes) -> Answer:
    return derived(api.hessian(question.text, _by(question), **_given(question, shapes)))


def _derivative(question: Question, shapes: Shapes) -> Answer:
    return derived(api.derivative(question.text, _by(question), order=question.order, **_given(question, shapes)))


def derived(found: Derivation) -> Answer:
    """A derivation: what is sought, the result, what it rests on; its steps in three notations and in full."""
    with beside(found.subject, *found.wrt):
        return _derived(found)


def _derived(found: Derivation) -> Answer:
    forward = forward_pass(found.subject)
    top: list[Block] = [Prose(sought(found)), result(found), *([forward] if forward else []), _assumed(found)]
    told = [Steps(HEADINGS[n], tuple(map(_line, written(found, n, "normal"))), folded=n != "matrix") for n in NOTATIONS]
    full = Steps(FULL, numbered(written(found, "index", "full")), folded=True)
    by = ", ".join(x.name for x in found.wrt)
    title = f"{found.kind.capitalize()} by {by}" if found.order < 3 else f"Derivative of order {found.order} by {by}"
    return Answer(title, tuple(top), (*told, full, *ways(found)), _copies(found), lambda: verified("derivation", found))


def verified(what: str, found: Any) -> Any:
    """The check with numbers; where NumPy isn't there, by differences in plain Python."""
    try:
        return service(f"{what}.verify")(found, trials=10)
    except ModuleNotFoundError:
        return service(f"{what}.spot_check")(found)


def source(found: Derivation) -> str:
    """The NumPy program of a derivation."""
    return str(found.numpy().source())


def _line(told: Written) -> Line:
    """A line whose law can be unfolded."""
    return Line(told.lhs, told.rhs, told.why, law_of(told), told.shape)


def _assumed(found: Derivation) -> Assumptions:
    used = {f.text: fact_latex(f) for f in found.facts if f.text in found.assumptions}
    rest = [*(f"${latex}$" for latex in used.values()), *smoothness(found.subject, found.wrt, found.order)]
    return Assumptions(("; ".join(rest) or "none") + ".")


def _copies(found: Derivation) -> Copies:
    return {
        "latex": _apart(found, lambda: latex_lines(result(found).parts)),
        "steps": _apart(found, lambda: f"\\[\n{found.latex()}\n\\]"),
        "markdown": _apart(found, found.markdown),
        "numpy": lambda: source(found),
        "sympy": lambda: sympy_program([(found.kind, found.to_sympy())]),
        "text": _apart(found, found.text),
    }


def _apart(found: Derivation, write: Callable[[], str]) -> Callable[[], str]:
    """What writes with the names of the derivation told apart, as its page does."""

    def written_apart() -> str:
        with beside(found.subject, *found.wrt):
            return write()

    return written_apart


# ---------------------------------------------------------------- splits, curvature
def _gauss_newton(question: Question, shapes: Shapes) -> Answer:
    if not question.at:
        raise FieldError("at", "say at which intermediate value the Hessian is split", hint="name it in a program: u = W @ x")
    found = api.gauss_newton(question.text, _one(question), at=question.at, **_given(question, shapes))
    with beside(found.H.subject, *found.H.wrt):
        return _split(found)


def _split(found: GaussNewton) -> Answer:
    top = (Prose(sought(found.H)), split_result(found), *certificate(found), _assumed(found.H))
    told = [Steps(HEADINGS[n], tuple(map(_line, split_written(found, n))), folded=n != "matrix") for n in NOTATIONS]
    full = Steps(f"The whole Hessian. {FULL}", numbered(written(found.H, "index", "full")), folded=True)
    return Answer("Gauss–Newton split", top, (*told, full), _split_copies(found), lambda: verified("split", found))


def _split_copies(found: GaussNewton) -> Copies:
    parts = (("G", found.G), ("R", found.R), ("H", found.H))
    return {
        "latex": _apart(found.H, lambda: latex_lines(split_result(found).parts)),
        "steps": _apart(found.H, lambda: f"\\[\n{found.latex()}\n\\]"),
        "markdown": _apart(found.H, found.markdown),
        "numpy": lambda: "\n\n".join(source(part) for _, part in parts),
        "sympy": lambda: sympy_program([(name, part.to_sympy()) for name, part in parts]),
        "text": _apart(found.H, found.text),
    }


def _curvature(question: Question, shapes: Shapes) -> Answer:
    name = _one(question)
    found = api.curvature(question.text, name, **_given(question, shapes))
    decided = found.verdict != "unknown"
    word = found.verdict.capitalize()
    shown = f"${name_latex(name)}$"
    says = f"in {shown}" + (", strictly" if found.strict else "") if decided else plain(found.reason or "nothing could be shown")
    top: list[Block] = [Check(says, ok=decided, word=word)]
    if found.hessian is not None and found.verdict != "affine":
        top.append(Result((rf"\nabla^2_{{{name_latex(name)}}}f={expr_latex(found.hessian)}",)))
    if found.proof is not None:
        top.append(Proof(proof_tree(found.proof), "Proof"))
    top += [Code(title, shown) for title, shown in _examples(found)]
    top.append(Assumptions((", ".join(f"`{text}`" for text in found.assumptions) or "none") + "."))
    hessian = api.hessian(question.text, name, **_given(question, shapes))
    rest = derived(hessian)
    return Answer(f"Curvature in {name}", tuple(top), rest.steps, rest.copies, rest.verify)


def _examples(found: Any) -> list[tuple[str, str]]:
    """The points at which a form is negative, and positive."""
    shown = []
    for sign, example in (("negative", found.counterexample), ("positive", found.positive)):
        if example is not None:
            values = {**{str(k): v for k, v in example.values.items()}, "direction v": example.direction}
            shown.append((f"Where vᵀHv is {sign}", _arrays(values) + f"\nvᵀHv = {example.value:.6g}"))
    return shown


def _arrays(values: Mapping[str, Any]) -> str:
    lines = []
    for name, value in values.items():
        smooth = callable(value) and not hasattr(value, "shape")
        first, *rest = ("a smooth function drawn at random" if smooth else _shown(value)).split("\n")
        lines += [f"{name} = {first}", *(" " * (len(name) + 3) + line for line in rest)]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    """An array; nested lists, where NumPy isn't there, with as many digits as it would print."""
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, list) else f"{value:.8g}" if isinstance(value, float) else str(value)


# ---------------------------------------------------------------- pairs and identities
def loss_names(question: Question, module: Shapes) -> tuple[str, str]:
    """(the name of the module's output, that of the target) in the loss."""
    free = [n for n in sorted(names(parse_program(question.other))) if n not in module]
    output = next((n for n in OUTPUTS if n in free), None)
    rest = [n for n in free if n != output]
    target = next((n for n in TARGETS if n in rest), rest[0] if rest else "y")
    if output is None:
        raise FieldError("other", "the loss doesn't mention the module's output p", hint="write it in p and the target y: -y @ log(p)")
    return output, target


def _matching(question: Question, shapes: Shapes) -> Answer:
    u = question.wrt[0] if question.wrt else next((n for n in ("u", "z", "x") if n in shapes), None)
    output, target = loss_names(question, dict.fromkeys(names(parse_program(question.text)), ""))
    found = api_matching(question, shapes, u, output, target)
    steps = as_derivation(found)
    rest = derived(steps)
    words = {"proved": "Matches", "checked": "Matches, checked only", "refuted": "Doesn't match"}
    word = words.get(found.status if not found.matches or found.status != "refuted" else "proved", "Unknown")
    verdict = Check("the loss matches the module" if found.matches else "see why below", ok=found.matches, word=word)
    with beside(steps.subject, *steps.wrt):
        top = (Prose(sought(steps)), Result((affine(found),)), verdict, *matching_verdict(found))
    return Answer("Matching loss", top, rest.steps, rest.copies, rest.verify)


def api_matching(question: Question, shapes: Shapes, u: str | None, output: str, target: str) -> Any:
    return service("matching")(
        question.text, question.other, input=u, output=output, target=target, **_given(question, shapes)
    )


def _prove(question: Question, shapes: Shapes) -> Answer:
    if not question.other.strip():
        raise FieldError("other", "there is no right side yet", hint="write what the formula should be equal to")
    found = api.prove(question.text, question.other, **_given(question, shapes))
    with beside(found.lhs, found.rhs):
        return _proved(found)


def _proved(found: Any) -> Answer:
    sides = (Result((f"{expr_latex(found.lhs)}{_SIGNS[found.status]}{expr_latex(found.rhs)}",)),)
    top: list[Block] = [*sides, Check(plain(found.reason), ok=bool(found), word=found.status.capitalize())]
    if found.steps:
        top.append(Prose("By: " + ", ".join(map(plain, found.steps)) + "."))
    if found.status == "proved" and found.normal_form is not None:
        top.append(Result((rf"\text{{both are }}\;{expr_latex(found.normal_form)}",)))
    if found.counterexample is not None:
        example = found.counterexample
        values = {**{name: example[name] for name in example}, "left side": example.left, "right side": example.right}
        top.append(Code("Counterexample", _arrays(values), folded=False))
    top.append(Assumptions((", ".join(f"`{text}`" for text in found.assumptions) or "none") + "."))
    return Answer("Identity", tuple(top), (), {"latex": lambda: latex_lines(sides[0].parts)})


_SIGNS = {"proved": "=", "checked": "=", "refuted": r"\ne ", "unknown": r"\overset{?}{=}"}

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("auto", "first derivative", ("wrt",), _auto, "the gradient of a scalar, the Jacobian of anything else"),
        Kind("gradient", "gradient", ("wrt",), _gradient, "of a scalar, in the variable's shape"),
        Kind("jacobian", "Jacobian", ("wrt",), _jacobian, "axes of the output first, then those of the variable"),
        Kind("vec", "Jacobian by vec(X)", ("wrt",), _vec, "a matrix: the variable's columns are stacked"),
        Kind("hessian", "Hessian", ("wrt",), _hessian, "of a vector the tensor with the output's axis first"),
        Kind("derivative", "derivative of order k", ("wrt", "order"), _derivative),
        Kind("gauss_newton", "Gauss–Newton split", ("wrt", "at"), _gauss_newton, "H = G + R at an intermediate value"),
        Kind("curvature", "convex or concave?", ("wrt",), _curvature, "with a proof, or a counterexample"),
        Kind("matching", "does a loss match?", ("wrt", "other"), _matching, "a module of u; a loss of its output p and a target y"),
        Kind("prove", "are two formulas equal?", ("other",), _prove, "proved, checked, refuted or unknown"),
    )
}


def kind_of(question: Question) -> Kind:
    """The row of a question's kind."""
    if question.kind not in KINDS:
        raise SymderivError("this kind of question isn't known", hint=f"take one of {', '.join(KINDS)}")
    return KINDS[question.kind]


__all__ = ["KINDS", "Answer", "Kind", "kind_of", "loss_names"]
