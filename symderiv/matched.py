"""The public `matching` and `matching_loss`: they take texts, modules, SymPy or expressions, and read what is declared.

(The file isn't called `matching`: importing a submodule would hide the function of that name.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from unicodedata import normalize

from symderiv.bounds import limited
from symderiv.build import substitute, symbol
from symderiv.errors import ShapeError, SymderivError, UnknownNameError
from symderiv.frontend.environment import Environment
from symderiv.frontend.inputs import to_expr
from symderiv.ir import Expr, Symbol, free_symbols
from symderiv.modules import LossModule
from symderiv.ops import shape_text
from symderiv.pairing import Matching, match
from symderiv.potential import MatchingLoss, find_matching_loss

Assume = str | Iterable[str] | None


@limited
def matching(
    module: Any,
    loss: Any,
    /,
    *,
    input: str | None = None,
    output: str = "p",
    target: str = "y",
    assume: Assume = None,
    shapes: Mapping[str, Any] | None = None,
    **declared: Any,
) -> Matching:
    """Whether d(L∘M)/du = A·M(u) + b with A and b free of u: the loss is written in the module's output (or its input).

    >>> found = matching("softmax(u)", "-y @ log(p)", input="u", output="p", target="y", u="o", y="o",
    ...                  assume=["sum(y) == 1"])
    >>> found.matches, found.A.text(), found.b.text(), found.needs
    (True, 'I', '−y', ('sum(y) == 1',))
    >>> matching("sigmoid(u)", "mse(p, y)", input="u", u="o", y="o").verdict
    'does not match'
    """
    given = {**(shapes or {}), **declared}
    value, environment, _ = to_expr(module, given)
    u = _input(value, environment, input)
    if isinstance(loss, LossModule):
        target, loss = loss.arguments[0], _text(loss, output)
    if len({u.name, output, target}) < 3:
        raise SymderivError(f"input '{u.name}', output '{output}' and target '{target}' are to have names of their own",
                            hint="say input=, output= and target=")
    stated = {**_shapes(environment), **given}
    stated.setdefault(output, value.shape)
    stated.setdefault(target, value.shape)
    told, spoken, facts = to_expr(loss, stated, assume, [u.name])
    p = _symbol(spoken, output, value.shape, "output")
    value = substitute(value, {s: spoken.symbols.get(s.name, s) for s in environment.symbols.values()})
    u = spoken.symbols.get(u.name, u)
    return match(value, told, u, p, _symbol(spoken, target, value.shape, "target"), facts)


@limited
def matching_loss(
    module: Any,
    /,
    *,
    input: str | None = None,
    target: str = "y",
    assume: Assume = None,
    shapes: Mapping[str, Any] | None = None,
    **declared: Any,
) -> MatchingLoss:
    """The loss whose gradient in the module's input is module − target; NoMatchingLossError says why there is none.

    >>> found = matching_loss("tanh(u)", input="u", target="y", u="o", y="o")
    >>> found.loss.text(), found.convex, found.status
    ('1ᵀ logcosh(u) − uᵀ y', 'convex', 'proved')
    """
    given = {**(shapes or {}), **declared}
    inner = {k: v for k, v in given.items() if k != target}
    value, environment, _ = to_expr(module, inner)
    u = _input(value, environment, input)
    stated = {**_shapes(environment), **given}
    stated.setdefault(target, value.shape)
    _, spoken, facts = to_expr(target, stated, assume, [u.name])
    value = substitute(value, {s: spoken.symbols.get(s.name, s) for s in environment.symbols.values()})
    return find_matching_loss(value, spoken.symbols.get(u.name, u), spoken.symbols[target], facts)


def _input(value: Expr, environment: Environment, wanted: str | None) -> Symbol:
    known = {s.name: s for s in free_symbols(value) if s.kind == "variable"}
    known.update({n: s for n, s in environment.symbols.items() if n in known})
    if wanted is None:
        if len(known) == 1:
            return next(iter(known.values()))
        raise SymderivError(
            "the module's input isn't declared", hint=f"say input='…': one of {', '.join(known) or 'its symbols'}"
        )
    name = normalize("NFKC", wanted) if isinstance(wanted, str) else str(wanted)   # as the texts are read
    if name not in known:
        raise UnknownNameError.among(name, known, "input", "the module doesn't mention it")
    return known[name]


def _shapes(environment: Environment) -> dict[str, Any]:
    return {n: s.shape for n, s in environment.symbols.items()}


def _symbol(environment: Environment, name: str, shape: tuple[Any, ...], what: str) -> Symbol:
    found = environment.symbols.get(name) or symbol(name, shape)
    if found.shape != shape and what == "output":
        raise ShapeError(
            f"the {what} '{name}' has shape {shape_text(found.shape)}, the module gives {shape_text(shape)}",
            shapes=(found.shape, shape),
        )
    return found


def _text(loss: LossModule, output: str) -> str:
    """The loss as a text in the output's name."""
    given = [f"{k}={v}" for k, v in loss.params.items()]
    if loss.reduction:
        given.append(f'reduction="{loss.reduction}"')
    return f"{loss.row.name}({', '.join([output, *loss.arguments, *given])})"


__all__ = ["matching", "matching_loss"]
