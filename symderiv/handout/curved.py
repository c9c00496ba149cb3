"""Curvature on a page: a certificate as a tree of claims, or the directions that show that there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from symderiv.certificates.check import check_proof
from symderiv.frontend.inputs import to_expr
from symderiv.handout.model import Block, Check, Code, Example, Proof, Prose
from symderiv.handout.source import Certified, SourceError
from symderiv.handout.trees import proof_tree
from symderiv.handout.values import array_latex
from symderiv.ir import free_symbols
from symderiv.present import expr_latex, fact_latex
from symderiv.render.symbols import name_latex

DIGITS, VISIBLE = 4, 1e-6


def certified(item: Certified) -> list[Block]:
    """What the curvature is, and why."""
    found, call = item.call.run(), item.call
    if found.verdict != item.verdict:
        raise SourceError(call.place, f"the function is {found.verdict}: {found.reason}")
    text, wrt = call.arguments
    shapes = {k: v for k, v in call.options.items() if k != "assume"}
    f, _, facts = to_expr(text, shapes, call.options.get("assume"))
    strictly = "strictly " if found.strict else ""
    given = ", ".join(f"${fact_latex(fact)}$" for fact in facts)
    said = f"$f={expr_latex(f)}$ is {strictly}{found.verdict} in ${name_latex(wrt)}$" + (f", given {given}." if given else ".")
    if found.verdict == "neither":
        shown = _both_ways(found, wrt, call.place)
        return [Prose(said.replace("neither", "neither convex nor concave")), *shown, Code("The call", call.code())]
    if found.verdict == "unknown":
        piece = f" What isn't decided: ${expr_latex(found.undecided)}$." if found.undecided is not None else ""
        return [Prose(f"Whether $f={expr_latex(f)}$ is convex in ${name_latex(wrt)}$ isn't known: {found.reason}.{piece}"),
                Code("The call", call.code())]
    if not check_proof(found.proof, facts):
        raise SourceError(call.place, "the proof isn't confirmed by the checker")
    count = sum(1 for _ in _claims(found.proof))
    claims = f"{count} claim{'s' if count > 1 else ''}, each checked again by itself"
    return [Prose(said), Proof(proof_tree(found.proof), "Why"), Check(claims, word="Proved"), Code("The call", call.code())]


def _claims(node: Any) -> Iterator[Any]:
    yield node
    for child in node.children:
        yield from _claims(child)


def _both_ways(found: Any, wrt: str, place: Any) -> list[Block]:
    """Points and directions of negative and of positive curvature; the numbers shown are those that were evaluated."""
    blocks: list[Block] = []
    for heading, example, sign in (("It bends downwards", found.counterexample, -1), ("It bends upwards", found.positive, 1)):
        if example is not None:
            blocks.append(Example(_evaluated(found, wrt, example, sign, place), heading))
    return [*blocks, Check("both were evaluated at the numbers shown", word="Refuted")]


def _evaluated(found: Any, wrt: str, example: Any, sign: int, place: Any) -> tuple[str, ...]:
    """The point, the direction and the value, with as few digits as show it."""
    several = isinstance(example.direction, Mapping)
    scalar = example.direction is None
    direction = dict(example.direction) if several else {wrt: 1.0 if scalar else example.direction}
    if found.hessian is None or several:
        told = example.value
        values, v = dict(example.values), direction
    else:
        needed = {s.name for s in free_symbols(found.hessian)}
        function = found.hessian.numpy()
        for digits in range(DIGITS):
            values, v = (_rounded(arrays, digits) for arrays in (example.values, direction))
            n = np.ndim(v[wrt])
            with np.errstate(all="ignore"):
                h = function(**{k: x for k, x in values.items() if k in needed})
                told = float(np.tensordot(np.tensordot(h, v[wrt], n), v[wrt], n))
            if told * sign > VISIBLE:
                break
        else:
            raise SourceError(place, "the point that was found shows the curvature only with more digits than a page has room for")
    at = [rf"{name_latex(k)}={array_latex(x)}" for k, x in values.items()]
    way = [] if scalar else [f"v{'_{' + name_latex(k) + '}' if several else ''}={array_latex(x)}" for k, x in v.items()]
    if scalar:
        return (*at, rf"\partial^2f/\partial {name_latex(wrt)}^2={told:.{DIGITS - 1}g}")
    form = "f(x+v)+f(x-v)-2f(x)" if found.hessian is None else r"v^\top\nabla^2f\,v"
    return (*at, *way, rf"{form}={told:.{DIGITS - 1}g}")


def _rounded(arrays: Mapping[str, Any], digits: int) -> dict[str, Any]:
    return {k: np.round(np.asarray(x, dtype=float), digits) + 0.0 for k, x in arrays.items()}
