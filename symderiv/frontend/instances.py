"""Concrete functions for abstract ones: ``N="lambda w: tanh(A @ w)"``, read by the safe parser, never evaluated."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symderiv.build import apply
from symderiv.errors import ParseError, SymderivError
from symderiv.frontend.build_text import build
from symderiv.frontend.environment import Environment
from symderiv.frontend.parser import parse_function
from symderiv.functions import SCALAR, canonical_name
from symderiv.ir import Expr, Symbol

Instance = Callable[[Sequence[Expr]], Expr]


def functions_of(given: Mapping[str, Any], environment: Environment) -> dict[str, Instance]:
    """For each name a function of expressions; a value is a ``lambda`` text, or the name of a scalar function."""
    return {name: _function(name, value, environment) for name, value in given.items()}


def _function(name: str, value: Any, environment: Environment) -> Instance:
    if not isinstance(value, str):
        raise SymderivError(f"{name}={value!r} isn't a text", hint=f'write {name}="lambda w: tanh(A @ w)"')
    if canonical_name(value.strip()) in SCALAR:
        row = SCALAR[canonical_name(value.strip())]
        return lambda args: apply(row.name, args[0], [p for _, p in row.params])
    function = parse_function(value)

    def instance(args: Sequence[Expr]) -> Expr:
        if len(args) != len(function.parameters):
            raise ParseError(f"'{name}' takes {len(args)} arguments; this has {len(function.parameters)}", value, (0, len(value)))
        arguments = dict(zip(_parameter_names(function), args, strict=True))
        return build(function.body, _with_values(environment, arguments))[0]
    return instance


def _parameter_names(function: Any) -> list[str]:
    return [p if isinstance(p, str) else p.name for p in function.parameters]


def _with_values(environment: Environment, values: Mapping[str, Expr]) -> Environment:
    """An environment in which the parameters stand for the arguments."""
    names: dict[str, Any] = {**environment.names, **values}
    symbols = {k: s for k, s in environment.symbols.items() if k not in values}
    return Environment(symbols, environment.modules, environment.functions, names, environment.extra_dims)


__all__ = ["Symbol", "functions_of"]
