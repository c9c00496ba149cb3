"""From a source's items to the blocks of a page: here every call is made, and everything that comes out is checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import symderiv
from symderiv.api import prove
from symderiv.derive import IDENTITY, Derivation
from symderiv.handout import curved, exercises, figures, laws, locate, orders, pairs, tables
from symderiv.handout.card import Context
from symderiv.handout.checked import check
from symderiv.handout.definition_latex import definition_latex, source_of
from symderiv.handout.formula import width
from symderiv.handout.given import forward_pass, smoothness, sought, symbols
from symderiv.handout.model import (
    SOLVED,
    Assumptions,
    Block,
    Card,
    Check,
    Code,
    Example,
    Heading,
    Page,
    Prose,
    Section,
    without_solutions,
)
from symderiv.handout.source import (
    Asked,
    Blanks,
    Call,
    Certified,
    Depth,
    Derivatives,
    Derived,
    Fault,
    Functions,
    Graph,
    Handout,
    Identity,
    Item,
    Losses,
    Maps,
    Models,
    Pair,
    Pairs,
    Partitions,
    Place,
    Plot,
    SourceError,
    Splits,
    Words,
)
from symderiv.handout.splits import certificate, split_numbers, split_result, split_table
from symderiv.handout.told import (
    Formulas,
    chapters,
    formulas,
    left_sides,
    lines_of,
    result,
    split_steps,
    steps,
    turned,
    unsaid,
    ways,
)
from symderiv.handout.values import EQUALS, array_latex, arrays, exact, is_function, numbers_given, slices
from symderiv.handout.visitor import points_text
from symderiv.ir import free_symbols
from symderiv.present import fact_latex
from symderiv.render.apart import beside
from symderiv.render.symbols import name_latex
from symderiv.splits import GaussNewton

LONGEST_INLINE = 40.0
"""in em: a longer formula isn't put into a sentence"""
SHOWN_CODE = 40
"""generated code of at most as many lines is shown"""


def page(sheet: Handout, slug: str, solutions: bool = False, variant: int = 0) -> Page:
    """Run a source: the page with all its derivations, told and checked; raises SourceError for what fails."""
    return pages(sheet, slug, variant)[solutions]


def pages(sheet: Handout, slug: str, variant: int = 0) -> tuple[Page, Page]:
    """(the page for students, which holds no solution; the lecturer's), from one run of the source."""
    context = Context(variant)
    sections = []
    for number, part in enumerate(sheet.sections, 1):
        context.section = number
        blocks = [block for item in part.items for block in blocks_of(item, context)]
        sections.append(Section(part.title, tuple(blocks), number))
    whole = Page(sheet.title, slug, Prose(sheet.convention), tuple(sections))
    student = replace(without_solutions(whole), note=_note(whole, variant))
    teacher = replace(whole, note=f"{_note(whole, variant)} {SOLVED}" if any(whole.exercises()) else "")
    shown, full = context.card(), context.card(solutions=True)
    return _with_card(student, shown), _with_card(teacher, full if full == shown else replace(full, open_rows=shown.rows))


def _note(whole: Page, variant: int) -> str:
    """How many exercises and points a page has."""
    found = list(whole.exercises())
    if not found:
        return ""
    count = f"{len(found)} exercise{'' if len(found) == 1 else 's'}"
    points = sum(one.points for one in found)
    parts = [count, *([points_text(points)] if points else []), *([f"variant {variant + 1}"] if variant else [])]
    return " · ".join(parts) + "."


def _with_card(made: Page, card: Card) -> Page:
    return replace(made, sections=(*made.sections, Section("Rules used", (card,)))) if card.rows else made


def blocks_of(item: Item, context: Context) -> list[Block]:
    """The blocks of one item; what goes wrong is told at its place."""
    try:
        return list(_blocks(item, context))
    except SourceError:
        raise
    except symderiv.SymderivError as error:
        raise SourceError(*locate.told(error, _place(item))) from error
    except Exception as error:                                  # the engine's own: the other sheets are built all the same
        raise SourceError(_place(item), locate.said(error, vars(symderiv))) from error


def _place(item: Item) -> Place:
    return item.call.place if isinstance(item, Derived | Pair) else item.place


def _blocks(item: Item, context: Context) -> Iterable[Block]:
    match item:
        case Words(text, heading, _):
            return [*([Heading(heading)] if heading else []), Prose(text)]
        case Derived():
            return derived(item, context)
        case Identity():
            return tables.identity(item)
        case Maps():
            return tables.maps(item)
        case Functions():
            return tables.functions(item)
        case Models():
            return tables.models(item)
        case Derivatives():
            return laws.derivatives(item, context)
        case Depth():
            return laws.depth(item, context)
        case Partitions():
            return orders.blocks(item, context)
        case Splits():
            return split_table(item)
        case Pairs():
            return pairs.pairs(item)
        case Pair():
            return pairs.pair(item, context)
        case Losses():
            return pairs.losses(item)
        case Certified():
            return curved.certified(item)
        case Asked():
            return [exercises.exercise(item, context, blocks_of)]
        case Blanks() | Fault():
            return [exercises.alone(item, context)]
        case Graph():
            return [figures.graph_figure(item)]
        case Plot():
            return [figures.plot_figure(item)]
        case Call():
            return exercises.solution_of(item, context)


# ---------------------------------------------------------------- one derivation
def derived(item: Derived, context: Context) -> list[Block]:
    """A derivation as golden handouts tell it: sought, given, steps in each form, numbers, result, checks, the call."""
    told = item.call.run()
    whole = told.H if isinstance(told, GaussNewton) else told
    with beside(whole.subject, *whole.wrt):
        return _derived(item, told, whole, context)


def _derived(item: Derived, told: Derivation | GaussNewton, whole: Derivation, context: Context) -> list[Block]:
    found = check(told)
    if not found.ok:
        raise SourceError(item.call.place, f"the derivation isn't confirmed: {found.trouble}")
    section = context.shown.get(whole.subject)
    before = "" if section is None else "above" if section == context.section else f"of section {section}"
    blocks: list[Block] = [Prose(_sought(told, before))]
    if not before:
        forward = forward_pass(whole.subject)
        blocks += [symbols(whole.subject, whole.wrt, item.meaning, item.call.options), *([forward] if forward else [])]
        context.shown[whole.subject] = context.section
    if item.definition is not None:
        blocks += definition(item, whole)
    blocks += _forms(item, told, context)
    for inner in item.reading:
        blocks += blocks_of(inner, context)
    if item.numbers:
        blocks.append(numbers(item, told))
    blocks.append(split_result(told) if isinstance(told, GaussNewton) else result(told))
    blocks.append(Assumptions(assumptions(item, told)))
    blocks.append(Check(found.text(_drawn(item, whole))))
    if isinstance(told, GaussNewton):
        blocks += certificate(told)
    return [*blocks, Code("The call", item.call.code()), *_generated(whole)]


def _sought(told: Derivation | GaussNewton, before: str) -> str:
    """What is sought; of what was given in an earlier section, only that."""
    if isinstance(told, Derivation):
        return sought(told, before)
    return sought(told.H, before).removesuffix(".") + f", as $G+R$ split at ${name_latex(told.at.name)}$."


def _forms(item: Derived, told: Derivation | GaussNewton, context: Context) -> list[Block]:
    """The steps in each form that is asked for; what a form before has told in the same formulas isn't told again."""
    blocks: list[Block] = []
    subject = told.H.subject if isinstance(told, GaussNewton) else told.subject
    earlier = context.told.setdefault(subject, set())           # in the sections before
    said: dict[str, set[Formulas]] = {}
    for form in (form for form in item.forms if form != "ways"):
        lines = lines_of(told, form)
        said[form] = set(map(formulas, chapters(lines)))
        new = lines if form == "full" else unsaid(lines, earlier)
        if form in ("matrix", "differential"):
            new = unsaid(new, said.get("index", set()))
        if form == "matrix" and not unsaid(new, said.get("brief", set())):
            new = []
        context.name(new)
        blocks += [steps(new, form)] if new else []
    earlier.update(*said.values())
    for part in told.parts if isinstance(told, GaussNewton) else (told,):
        context.fire(part.steps)
    if isinstance(told, GaussNewton):
        split, lines = split_steps(told)
        context.name(lines)
        return [*blocks, split]
    return [*blocks, *(ways(told) if "ways" in item.forms else [])]


def _generated(derivation: Derivation) -> list[Block]:
    if derivation.kind.startswith(IDENTITY):                    # what is shown there are the steps
        return []
    source = derivation.numpy().source()
    return [Code("The same in NumPy, generated", source)] if source.count("\n") <= SHOWN_CODE else []


def _drawn(item: Derived, derivation: Derivation) -> str:
    abstract = [n for n, shape in item.call.shapes.items() if isinstance(shape, str) and ("->" in shape or shape.strip() == "elementwise")]
    return ", ".join(f"${name_latex(n)}$" for n in abstract) + " drawn as random smooth maps" if abstract else ""


# ---------------------------------------------------------------- its parts
def definition(item: Derived, derivation: Derivation) -> list[Block]:
    """The Python function that computes what is differentiated, beside its formula; raises SourceError if it doesn't."""
    assert item.definition is not None
    shapes = item.call.shapes
    verdict = prove(item.definition, derivation.subject, shapes=shapes)
    if verdict.status not in ("proved", "checked"):
        raise SourceError(item.place, f"the definition isn't what is differentiated: {verdict.status}")
    source = source_of(item.definition)
    formula = definition_latex(source, scalar=all(not str(s).strip() for s in shapes.values()))
    shown: list[Block] = [] if formula is None else [Prose(f"$${formula}$$")]
    return [Heading("In Python"), *shown, Code("", source, folded=False)]


def assumptions(item: Derived, told: Derivation | GaussNewton) -> str:
    """What is assumed; where an assumption was used, also what comes out without it."""
    derivation = told.H if isinstance(told, GaussNewton) else told
    facts = _each(derivation.facts)
    used, certifying = set(derivation.assumptions), set(told.certificate.assumptions if isinstance(told, GaussNewton) else ())
    texts = [f"${fact_latex(f)}$" for f in facts if f.text in used]
    text = "; ".join([*texts, *smoothness(derivation.subject, derivation.wrt, derivation.order)]) or "none"
    signs = [f"${fact_latex(f)}$" for f in facts if f.text in certifying - used]
    text += f"; for the sign of $G$: {', '.join(signs)}." if signs else "."
    idle = [f"${fact_latex(f)}$" for f in facts if f.text not in used | certifying]
    text += f" Given, and not needed: {', '.join(idle)}." if idle else ""
    if texts and isinstance(told, Derivation) and item.call.options.get("assume"):
        changed = _changed(item.call.run(assume=None), derivation)
        if sum(map(width, changed)) < LONGEST_INLINE:
            text += f" Without {'it' if len(texts) == 1 else 'them'}: {', '.join(f'${part}$' for part in changed)}."
    return text


def _each(facts: Iterable[Any]) -> list[Any]:
    """One fact for each text: what a text implies isn't repeated."""
    found: dict[str, Any] = {}
    for fact in facts:
        if fact.text:
            found.setdefault(fact.text, fact)
    return list(found.values())


def _changed(general: Derivation, derivation: Derivation) -> list[str]:
    """The parts of the general result that aren't those of the special one."""
    kept = set(result(derivation).parts)
    return [part for part in result(general).parts if part not in kept] or list(result(general).parts)


def numbers(item: Derived, told: Derivation | GaussNewton) -> Example:
    """A small example: what is put in, what else is asked for, and the derivative, by the generated function."""
    given = numbers_given(item.numbers)
    functions = {k: v for k, v in item.numbers.items() if is_function(v)}
    values = arrays(item.numbers)
    shown = [(latex, _evaluated(text, item, values, functions)) for latex, text in item.show.items()]
    if isinstance(told, GaussNewton):
        shown += split_numbers(told, values)
    else:
        found = (told.specialize(**functions) if functions else told).numpy()(**values)
        parts = found if isinstance(found, tuple) else (found,)
        parts = tuple(part.T for part in parts) if turned(told) else parts
        shown += [piece for name, part in zip(left_sides(told), parts, strict=True) for piece in slices(name, part)]
    texts = [f"{latex}{EQUALS[exact(value)]}{array_latex(value)}" for latex, value in shown]
    return Example((*given, r"\Longrightarrow\quad " + texts[0], *texts[1:]), "With numbers")


def _evaluated(text: str, item: Derived, values: Mapping[str, Any], functions: Mapping[str, str]) -> Any:
    shapes = {k: v for k, v in item.call.shapes.items() if k in item.numbers and k not in functions}
    expr = symderiv.parse(text, shapes=shapes)
    used = {s.name for s in free_symbols(expr)}
    return expr.numpy()(**{k: v for k, v in values.items() if k in used})


__all__ = ["blocks_of", "derived", "page", "pages"]
