"""Generated functions: the source text, the function that runs it, and what is said of wrong arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

try:
    import numpy as np
except ModuleNotFoundError:  # code is generated without NumPy too: in a browser
    np = None  # type: ignore[assignment]  # asked for before it is used

from symderiv.codegen.signature import Argument, solved
from symderiv.dims import Dim, dim_terms
from symderiv.errors import EvaluationError, ShapeError, TooLargeError, nearest


@dataclass(frozen=True)
class Generated:
    """Generated code: ``source`` can be pasted into any project, it needs only NumPy; ``function`` runs it.

    Calling this object calls ``function``: arrays by keyword or in the order of ``arguments``. Lists, integers and
    float32 arrays are made float64; no array is changed. ``raw`` is the function of the source as it stands.
    """

    name: str
    source: str
    function: Callable[..., Any]
    arguments: tuple[Argument, ...] = field(repr=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @cached_property
    def raw(self) -> Callable[..., Any]:
        """The function of the source as it stands; every name in it is an identifier that `Names` gave."""
        namespace: dict[str, Any] = {}
        exec(compile(self.source, f"<source of {self.name}>", "exec"), namespace)
        function: Callable[..., Any] = namespace[self.name]
        return function


class Arguments:
    """What a generated function does with arguments that aren't float64 arrays given by their names: the slow way.

    ``taken`` gives arrays in the order of the function's parameters, ``explain`` raises what is wrong with them.
    """

    def __init__(self, arguments: Sequence[Argument], name: str) -> None:
        self.arguments = tuple(arguments)
        self.name = name
        self.places = {a.name: k for k, a in enumerate(self.arguments)}

    def positional(self, values: Sequence[Any], given: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments, those by position put at their places."""
        if len(given) > len(self.arguments):
            count = len(self.arguments)
            hint = "in this order: " + ", ".join(self.places)
            raise EvaluationError(f"{self.name} takes {count} arguments, {len(given)} were given", hint=hint)
        for a, value in zip(self.arguments, values[: len(given)]):
            if value is not None:
                raise EvaluationError(f"'{a.name}' is given twice", hint="by position and by keyword")
        return (*given, *values[len(given) :])

    def taken(self, values: Sequence[Any], given: Sequence[Any], unknown: Mapping[str, Any]) -> tuple[Any, ...]:
        """The arguments as float64 arrays; lists, integers, float32 and subclasses are converted, none is changed."""
        result = self.named(self.positional(values, given), unknown)
        for k, a in enumerate(self.arguments):
            if a.shape is not None and result[k] is not None:
                _check_kind(result[k], a.name)
                result[k] = np.asarray(result[k], dtype=float)
        return tuple(result)

    def placed(self, given: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        """The arguments in order, as they are."""
        return self.named(self.positional([None] * len(self.arguments), given), named)

    def named(self, values: Sequence[Any], unknown: Mapping[str, Any]) -> list[Any]:
        """Those given by name put at their places, and none that is needed missing."""
        result = list(values)
        for key, value in unknown.items():
            k = self.places.get(key)
            if k is None:
                close = nearest(key, self.places)
                hint = f"did you mean '{close}'?" if close else "the arguments are " + ", ".join(self.places)
                raise EvaluationError(f"unknown argument '{key}'", hint=hint)
            if result[k] is not None:
                raise EvaluationError(f"'{key}' is given twice", hint="by position and by keyword")
            result[k] = value
        self.expect_all(result)
        return result

    def expect_all(self, values: Sequence[Any]) -> None:
        missing = [a for a, value in zip(self.arguments, values, strict=True) if a.needed and value is None]
        if missing:
            a = missing[0]
            what = f" ({a.says})" if a.shape is None else f" ({a.shape_text()})"
            others = ", ".join(f"'{m.name}'" for m in missing[1:])
            raise EvaluationError(
                f"the argument '{a.name}'{what} is missing", hint=f"{others} too" if others else "give it as a keyword"
            )
        for a, value in zip(self.arguments, values, strict=True):
            if a.shape is None and not a.says.startswith("a size") and not callable(value):
                raise EvaluationError(f"'{a.name}' has to be a function", hint=a.says)
    def explain(self, values: Sequence[Any]) -> None:
        """Raise what is wrong with the arguments; return if nothing is."""
        self.expect_all(values)
        shapes = {}
        for a, value in zip(self.arguments, values, strict=True):
            if a.shape is not None and value is not None:
                shapes[a.name] = tuple(np.shape(value))
        _explain_shapes({a.name: a for a in self.arguments}, shapes)


def too_large(error: MemoryError) -> TooLargeError:
    """What is raised where memory runs out all the same."""
    return TooLargeError(f"the arrays would not fit in memory: {error}", hint='ask for compress=True, or for times="v"')


def _check_kind(value: Any, name: str) -> None:
    kind = np.asarray(value).dtype.kind if not _ragged(value) else "O"
    if kind not in "biuf":
        what = {"c": "complex numbers", "U": "text", "S": "text"}.get(kind, "no rectangular array of real numbers")
        raise EvaluationError(f"'{name}' holds {what}", hint="give an array of real numbers")


def _ragged(value: Any) -> bool:
    try:
        np.asarray(value)
    except ValueError:
        return True
    return False


def _explain_shapes(known: Mapping[str, Argument], shapes: Mapping[str, tuple[int, ...]]) -> None:
    sizes: dict[str, tuple[int, str]] = {}
    for name, got in shapes.items():
        declared = known[name].shape or ()
        text = f"'{name}' has shape {got}; it was declared as {known[name].shape_text()}"
        if len(got) != len(declared):
            raise ShapeError(
                text, hint=f"{len(declared)} axes are expected, there are {len(got)}", shapes=(declared, got)
            )
        for dim, n in zip(declared, got, strict=True):
            if isinstance(dim, int):
                if dim != n:
                    raise ShapeError(text, hint=f"{n} stands where {dim} is expected", shapes=(declared, got))
            elif sizes.setdefault(dim, (n, name))[0] != n:
                other, where = sizes[dim]
                raise ShapeError(
                    f"{dim} is {other} in {where} and {n} in {name}",
                    hint=f"{where} has shape {shapes[where]}, {name} has shape {got}",
                    shapes=(shapes[where], got),
                )
    for dim, (n, name) in list(sizes.items()):
        if not dim.isidentifier():
            found = solved(dim, set(sizes))
            if found is not None:
                atom, factor, rest = found
                left = n - (_value(rest, sizes) or 0)
                if left % factor or left < 0:
                    raise ShapeError(f"'{name}' has shape {shapes[name]}; {dim} is {n} for no {atom}", shapes=(shapes[name],))
                sizes[atom] = (left // factor, name)
            value = _value(dim, sizes)
            if value is not None and value != n:
                raise ShapeError(
                    f"'{name}' has shape {shapes[name]}; {dim} is {value}, not {n}", shapes=(shapes[name],)
                )


def _value(dim: Dim, sizes: Mapping[str, tuple[int, str]]) -> int | None:
    total = 0
    for factor, atoms in dim_terms(dim):
        for atom in atoms:
            if atom not in sizes:
                return None
            factor *= sizes[atom][0]
        total += factor
    return total
