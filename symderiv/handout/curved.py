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
from symderiv.handout.values import EQUALS, array_latex, exact
from symderiv.ir import Expr, free_symbols
from symderiv.present import expr_latex, fact_latex
from symderiv.render.apart import named
from symderiv.render.symbols import name_latex

DIGITS, VISIBLE = 4, 1e-6


def certified(item: Certified) -> list[Block]:
    """What the curvature is, and why."""
    found, call = item.call.run(), item.call
    if found.verdict != item.verdict:
        raise SourceError(call.place, f"the function is {found.verdict}: {found.reason}")
    text, wrt = call.arguments
    f, _, facts = to_expr(text, call.shapes, call.options.get("assume"))
    strictly = "strictly " if found.strict else ""
    given = ", ".join(f"${fact_latex(fact)}$" for fact in facts)
    letter = _free("fgF", f)
    said = f"${letter}={expr_latex(f)}$ is {strictly}{found.verdict} in ${name_latex(wrt)}$" + (f", given {given}." if given else ".")
    if found.verdict == "neither":
        shown = _both_ways(found, wrt, call.place, (letter, _free("vhd", f)))
        return [Prose(said.replace("neither", "neither convex nor concave")), *shown, Code("The call", call.code())]
    if found.verdict == "unknown":
        piece = f" What isn't decided: ${expr_latex(found.undecided)}$." if found.undecided is not None else ""
        return [Prose(f"Whether ${letter}={expr_latex(f)}$ is convex in ${name_latex(wrt)}$ isn't known: {found.reason}.{piece}"),
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


def _free(wanted: str, f: Expr) -> str:
    """The first of these letters that is no name in a function."""
    taken = {name for name, _ in named(f)}
    return next((letter for letter in wanted if letter not in taken), wanted[0])


def _both_ways(found: Any, wrt: str, place: Any, letters: tuple[str, str]) -> list[Block]:
    """Points and directions of negative and of positive curvature; the numbers shown are those that were evaluated."""
    blocks: list[Block] = []
    for heading, example, sign in (("It bends downwards", found.counterexample, -1), ("It bends upwards", found.positive, 1)):
        if example is not None:
            blocks.append(Example(_evaluated(found, wrt, example, sign, place, letters), heading))
    rounded = any(r"\approx" in part for block in blocks if isinstance(block, Example) for part in block.parts[:-1])
    where = "at numbers that are shown with fewer digits" if rounded else "at the numbers shown"
    return [*blocks, Check(f"both were evaluated {where}", word="Refuted")]


def _evaluated(found: Any, wrt: str, example: Any, sign: int, place: Any, letters: tuple[str, str]) -> tuple[str, ...]:
    """The point, the direction and the value, with as few digits as show it; letters for the function and the direction."""
    f, d = letters
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
    at = [f"{name_latex(k)}{EQUALS[exact(x)]}{array_latex(x)}" for k, x in values.items()]
    way = [] if scalar else [f"{d}{'_{' + name_latex(k) + '}' if several else ''}{EQUALS[exact(x)]}{array_latex(x)}" for k, x in v.items()]
    text = f"{told:.{DIGITS - 1}g}"
    value = EQUALS[float(text) == told] + text
    if scalar:
        return (*at, rf"\partial^2{f}/\partial {name_latex(wrt)}^2{value}")
    x = "x" if several else name_latex(wrt)
    form = f"{f}({x}+{d})+{f}({x}-{d})-2{f}({x})" if found.hessian is None else rf"{d}^\top\nabla^2{f}\,{d}"
    return (*at, *way, f"{form}{value}")


def _rounded(arrays: Mapping[str, Any], digits: int) -> dict[str, Any]:
    return {k: np.round(np.asarray(x, dtype=float), digits) + 0.0 for k, x in arrays.items()}
