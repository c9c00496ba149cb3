"""A matching as blocks of a page: ∇_u L in the module's output, and the verdict; no numbers are needed for these."""

from __future__ import annotations

import re
from typing import Any

from symderiv.derive import Derivation
from symderiv.handout.model import Assumptions, Block, Prose
from symderiv.handout.told import under_brace
from symderiv.ir import is_zero
from symderiv.present import fact_latex
from symderiv.render.matrix import matrix_latex
from symderiv.render.symbols import name_latex, script


def as_derivation(found: Any) -> Derivation:
    """A matching's proof as the derivation of ∇_u L that it is."""
    return Derivation("gradient", found.proof.before.body, (found.input,), found.proof, found.proof.context.facts)


def affine(found: Any) -> str:
    """∇_u L = A N + b + remainder, each part named under it."""
    gradient = rf"\nabla_{{{name_latex(found.input.name)}}}L"
    if found.A is None:
        return f"{gradient}={matrix_latex(found.gradient)}"
    output = name_latex(found.output.name)
    linear = under_brace(f"{_factor(found.A)}{output}", rf"A\,{output}")
    rest = "" if is_zero(found.b) else _summand(found.b, "b")
    left = "" if is_zero(found.remainder) else _summand(found.remainder, r"\text{remainder}")
    return f"{gradient}={linear}{rest}{left}"


def _factor(expr: Any) -> str:
    text = matrix_latex(expr)
    return {"I": r"I\,", "-I": r"-I\,"}.get(text, (f"({text})" if re.search(r"(?<!^)[+-]", text) else text) + r"\,")


def _summand(expr: Any, below: str) -> str:
    text = matrix_latex(expr)
    return "+" + under_brace(f"({text})" if text.startswith("-") else text, below)


def matching_verdict(found: Any) -> list[Block]:
    """Whether the loss matches, what that needs, and what the gradient is without it."""
    facts, u = {f.text: f for f in found.proof.context.facts}, name_latex(found.input.name)
    needs = ", ".join(f"${fact_latex(facts[text])}$" for text in found.needs)
    blocks: list[Block] = [Assumptions((needs or "none") + ".")]
    if needs and found.without_needs is not None:
        blocks = [Assumptions(f"{needs}. Without it: ${affine(found.without_needs)}$.")]
    if found.matches:
        return [*blocks, Prose(f"**The loss matches the module**: $A$ and $b$ don't depend on ${u}$.")]
    return [*blocks, Prose(f"**The loss doesn't match the module**: {in_words(found.reason, u)}. "
                           f"If it matched, this slope would not depend on ${u}$.")]  # fmt: skip


def in_words(reason: str, u: str = "u") -> str:
    r"""A counterexample's sentence, its formulas between dollar signs; ``u`` is the module's input.

    >>> print(in_words("at Y_i = 1 the slope dg_i/dN_i is 1/4 for u_i = 0 and -3/16 for u_i = -log 3"))
    at $Y_i=1$ the slope $\partial(\nabla_uL)_i/\partial N_i$ is $\tfrac{1}{4}$ for $u_i=0$ and $-\tfrac{3}{16}$ for $u_i=-\log3$
    """
    shown = re.sub(r"(?<=\s)(-?)(\d+)/(\d+)", r"$\1\\tfrac{\2}{\3}$", reason)
    shown = re.sub(r"\bdg_i/d(\w)_i", lambda m: rf"$\partial(\nabla{script(u)}L)_i/\partial {m[1]}_i$", shown)
    return re.sub(r"\b(\w_i) = (-?)(log )?(\d+)", lambda m: f"${m[1]}={m[2]}{chr(92) + 'log' if m[3] else ''}{m[4]}$", shown)
