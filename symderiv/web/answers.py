"""Questions answered as plain data: what the server's workers and the browser's worker call, and nothing else.

>>> found = answer({"do": "derive", "text": "W @ h", "wrt": "h"})
>>> found["ok"], found["title"], found["top"][1]["formulas"][0]["latex"]
(True, 'Jacobian by h', '\\\\frac{\\\\partial N}{\\\\partial h^\\\\top}=W\\\\;\\\\in\\\\mathbb{R}^{o\\\\times n}')
>>> answer({"do": "derive", "text": "W @"})["error"]["excerpt"]
'W @\\n   ^'
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from symderiv import api
from symderiv.errors import SymderivError, TooLargeError, UnknownNameError, clip
from symderiv.frontend.inference import Proposal, infer_shapes
from symderiv.frontend.parser import parse_program
from symderiv.frontend.syntax import Ref, postorder
from symderiv.frontend.unknowns import values_of
from symderiv.handout.model import Check, escape
from symderiv.web.data import Data, blocks, prose
from symderiv.web.examples import EXAMPLES
from symderiv.web.kinds import KINDS, Answer, kind_of, loss_names
from symderiv.web.questions import FieldError, Question, read

LARGEST_ANSWER = 4_000_000
LATER = ("numpy", "sympy")
"""what is copied as a program is written when the result is seen already"""
USUAL = ("x", "w", "h", "u", "z", "W", "W1", "X", "v", "S", "A")
"""the variables that one is likely to differentiate by, most likely first"""


def answer_text(text: str) -> str:
    """The answer, as JSON, to a question as JSON; never raises for what can be asked."""
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        return _json(_failed(SymderivError("this isn't a question"), None))
    return _json(answer(request))


def _json(found: Data) -> str:
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    if len(text) > LARGEST_ANSWER:
        error = TooLargeError("the answer is too long for a page", hint="give parts of the formula names, or ask for one part")
        return json.dumps(_failed(error, None))
    return text


def answer(request: object) -> Data:
    """The answer to a question; an error is an answer with ``ok`` false, the message, and where in which field it is."""
    question = None
    try:
        if not isinstance(request, Mapping) or not isinstance(request.get("do"), str) or request["do"] not in DONE:
            raise SymderivError("this isn't a question that the page asks")
        if request["do"] == "begin":
            return begin()
        question = read(request)
        return {"ok": True, **DONE[request["do"]](question)}
    except SymderivError as error:
        return _failed(error, question)
    except MemoryError:
        return _failed(TooLargeError("the memory isn't enough for this", hint="ask for one part at a time"), question)
    except RecursionError:
        return _failed(TooLargeError("this is nested too deeply", hint="give the inner parts names: z = …"), question)
    except ModuleNotFoundError as error:
        return _failed(lacking(error), question)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        found = SymderivError(
            f"internal error: {type(error).__name__} in {where.name}",
            hint="this is a fault of symderiv, not of your input; please report it with the link to this page",
        )
        return _failed(found, question)


def lacking(error: ModuleNotFoundError) -> SymderivError:
    """What a library that isn't here stands in the way of."""
    found = {"numpy": "NumPy", "opt_einsum": "opt_einsum"}.get(error.name or "", error.name)
    return SymderivError(f"this needs {found}, which isn't here", hint="ask symderiv on a machine of yours: symderiv serve")


# ---------------------------------------------------------------- what is done
def begin() -> Data:
    """What the form needs to know: the kinds and the examples."""
    kinds = [{"name": k.name, "label": k.label, "fields": k.fields, "hint": k.hint} for k in KINDS.values()]
    return {"ok": True, "kinds": kinds, "examples": EXAMPLES}


def shapes(question: Question) -> Data:
    """The symbols with the shapes that are given or proposed, the intermediate values, the variable to take."""
    found = proposed(question)
    symbols = [{"name": p.name, "shape": p.shape, "how": p.how} for p in found.values()]
    arrays = [p.name for p in found.values() if p.shape != "elementwise" and "->" not in p.shape]
    return {"symbols": symbols, "variables": arrays, "names": assigned(question), "wrt": usual(arrays)}


def derive(question: Question) -> Data:
    """The derivation, without its check."""
    question, found = _completed(question)
    made = _answer(question, tuple(found.items()))
    given = [{"name": p.name, "shape": p.shape, "how": p.how} for p in found.values()]
    return {
        "title": made.title,
        "wrt": list(question.wrt),
        "top": blocks(made.top),
        "steps": blocks(made.steps),
        "copies": {name: _written(write) if name not in LATER else None for name, write in made.copies.items()},
        "symbols": given,
        "check": made.verify is not None,
    }


def check(question: Question) -> Data:
    """The numeric check of the derivation."""
    question, found = _completed(question)
    made = _answer(question, tuple(found.items()))
    if made.verify is None:
        return {"block": None}
    try:
        report = made.verify()
        words = {"checked": "Checked", "refuted": "Refuted"}
        block = Check(escape(report.summary()), report.verdict == "checked", words.get(report.verdict, "Not checked"))
    except TooLargeError as error:
        block = Check(escape(error.message), False, "Not checked")
    except ModuleNotFoundError as error:
        block = Check(escape(lacking(error).message), False, "Not checked")
    return {"block": blocks([block])[0]}


def copy(question: Question) -> Data:
    """One of the texts to copy that `derive` left out, since they may take long."""
    question, found = _completed(question)
    copies = _answer(question, tuple(found.items())).copies
    if question.form not in copies:
        raise SymderivError("there is nothing of this kind to copy")
    return _written(copies[question.form])


def _written(write: Callable[[], str]) -> Data:
    """A text to copy, or why there is none."""
    try:
        return {"text": write()}
    except SymderivError as error:
        return {"error": {"message": error.message}}
    except ModuleNotFoundError as error:
        return {"error": {"message": lacking(error).message}}


DONE: dict[str, Callable[..., Data]] = {
    "begin": begin, "shapes": shapes, "derive": derive, "check": check, "copy": copy,
}  # fmt: skip


# ---------------------------------------------------------------- shapes and variables
def proposed(question: Question) -> dict[str, Proposal]:
    """Every symbol's declaration: as given, or as proposed."""
    given = {name: shape for name, shape in question.shapes.items() if name in _spoken_of(question)}
    wrt = question.wrt[0] if len(question.wrt) == 1 else ""
    if question.kind == "prove" and question.other.strip():
        return infer_shapes(question.text, question.other, given, equal=True)
    found = infer_shapes(question.text, given, wrt=wrt)
    if question.kind != "matching" or not question.other.strip():
        return found
    module = {p.name: p.shape for p in found.values()}
    output, target = loss_names(question, module)
    shape = " ".join(map(str, api.parse(question.text, shapes=module).shape))
    tied = {target: question.shapes.get(target, shape), output: shape}
    loss = infer_shapes(question.other, {**module, **tied})
    told = {name: p for name, p in loss.items() if name not in found and name != output}
    if target in told and target not in question.shapes:
        told[target] = Proposal(target, shape, "follows")
    return {**found, **told}


def _spoken_of(question: Question) -> set[str]:
    """The names in the texts: shapes of others, left over in the form, don't count."""
    found: set[str] = set()
    for text in filter(str.strip, (question.text, question.other)):
        program = parse_program(text)
        found.update(values_of([program]))
        found.update(node.function for node in postorder(program) if hasattr(node, "function"))
    return found


def assigned(question: Question) -> list[str]:
    """The intermediate values that a split can be made at."""
    program = parse_program(question.text)
    value = program.value.name if isinstance(program.value, Ref) else ""
    return [line.name for line in program.assignments if line.name != value]


def usual(names: list[str]) -> str:
    """The variable that is differentiated by where none was chosen."""
    return next((name for name in USUAL if name in names), names[0] if names else "")


def _completed(question: Question) -> tuple[Question, dict[str, Proposal]]:
    found = proposed(question)
    if not question.wrt and "wrt" in kind_of(question).fields:
        arrays = [p.name for p in found.values() if p.shape != "elementwise" and "->" not in p.shape]
        question = Question(**{**question.__dict__, "wrt": (usual(arrays),)})
    return question, found


_KEPT: dict[tuple[Any, ...], Answer] = {}
MOST_KEPT = 4


def _answer(question: Question, found: tuple[tuple[str, Proposal], ...]) -> Answer:
    """The answer, from memory where the same was asked just before (the check follows the derivation)."""
    key = (question.key(), found)
    if key not in _KEPT:
        made = kind_of(question).answer(question, {name: p.shape for name, p in found})
        while len(_KEPT) >= MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)))
        _KEPT[key] = made
    return _KEPT[key]


# ---------------------------------------------------------------- errors
def _failed(error: SymderivError, question: Question | None) -> Data:
    """An error as data: the message, the user's own line with a caret, the hint, the field."""
    found: Data = {"kind": type(error).__name__, "message": error.message, "hint": error.hint or ""}
    if isinstance(error, FieldError):
        found["field"] = error.field
    if error.text is not None and question is not None:
        found["field"] = _field_of(error.text, question)
    if error.text is not None and error.span is not None:
        lines = str(error).splitlines()
        at = next((k for k, line in enumerate(lines) if set(line.strip()) == {"^"}), None)
        if at is not None:
            found["excerpt"] = "\n".join(line[4:] for line in lines[at - 1 : at + 1])
        found |= {"line": error.line, "column": error.column, "span": list(error.span)}
    elif error.text is not None:
        found["excerpt"] = clip(error.text, 100)
    if isinstance(error, FieldError) or question is None:
        return {"ok": False, "error": found}
    return {"ok": False, "error": found, "symbols": _needed(question, "later" if isinstance(error, UnknownNameError) else "needed")}


def _field_of(text: str, question: Question) -> str:
    fields = {"text": question.text, "other": question.other, "assume": question.assume, "at": question.at}
    for name, value in fields.items():
        if value and text == value:
            return name
    for name, shape in question.shapes.items():
        if text in (shape, name):
            return f"shape-{name}"
    return next((name for name, value in fields.items() if value and text.strip() and text.strip() in value), "text")


def _needed(question: Question, how: str) -> list[Data]:
    """The symbols whose shapes couldn't be found: they are asked for, or come later, once an unknown name is mended."""
    try:
        return [
            {"name": name, "shape": question.shapes.get(name, ""), "how": "given" if name in question.shapes else how}
            for name in values_of([parse_program(question.text)])
        ]
    except SymderivError:
        return []


__all__ = ["answer", "answer_text", "prose"]
