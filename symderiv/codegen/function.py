"""Generated functions: the source text, the function that runs it, and what it returns of a structured derivative."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symderiv.codegen.kernels import letters
from symderiv.codegen.signature import Argument
from symderiv.dims import Dim, dim_terms
from symderiv.errors import EvaluationError, ShapeError, TooLargeError, nearest

Array = np.ndarray[Any, np.dtype[np.float64]]


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 8 * 2**30


#: A generated function refuses to make a single array of more bytes than this.
MEMORY_LIMIT = int(0.75 * _physical_memory())


@dataclass(frozen=True)
class Compressed:
    """A derivative δ ⊗ core, unexpanded: ``core`` holds the entries, ``deltas`` the pairs of output axes that are tied.

    ``axes`` are the output axes that the core's axes stand at; an axis in neither is one along which nothing changes.

    >>> block = Compressed(np.ones((2, 2)), ((0, 2),), (1, 3), (3, 2, 3, 2))
    >>> block.dense().shape, float(block.dense()[0, 0, 1, 0]), block.core.size
    ((3, 2, 3, 2), 0.0, 4)
    """

    core: Array
    deltas: tuple[tuple[int, int], ...]
    axes: tuple[int, ...]
    shape: tuple[int, ...]

    def dense(self) -> Array:
        """The full array."""
        check_size(8 * int(np.prod([float(n) for n in self.shape])), self.shape)
        first = list(range(len(self.shape)))
        for a, b in self.deltas:
            first[b] = first[a]
        kept = list(dict.fromkeys(first))
        result = np.zeros(self.shape)
        index = tuple(slice(None) if axis in self.axes else None for axis in kept)
        order = sorted(range(len(self.axes)), key=lambda k: self.axes[k])
        view: Any = result
        if self.deltas:
            text = f"{letters(first)}->{letters(kept)}"
            view = np.einsum(text, result)
        view[...] = self.core.transpose(order)[index]
        return result


def check_size(size: int, shape: object = None) -> None:
    """Raise TooLargeError for an array of so many bytes if it would not fit in memory."""
    if size > MEMORY_LIMIT:
        of = f" of shape {shape}" if shape is not None else ""
        raise TooLargeError(
            f"an array{of} of {size / 2**30:,.1f} GiB would not fit in memory",
            hint='ask for compress=True, which keeps δ as it is, or times="v", which never builds the array',
        )


@dataclass(frozen=True)
class Generated:
    """Generated code: ``source`` can be pasted into any project, it needs only NumPy; ``function`` runs it.

    Calling this object calls ``function``: arrays by keyword or in the order of ``arguments``. Lists, integers and
    float32 arrays are made float64; no array is changed. ``raw`` is the function of the source as it stands.
    """

    source: str
    function: Callable[..., Any]
    raw: Callable[..., Any]
    arguments: tuple[Argument, ...] = field(repr=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


def wrap(
    raw: Callable[..., Any],
    arguments: Sequence[Argument],
    name: str,
    finish: Callable[[Any], Any] | None,
    document: str,
) -> Callable[..., Any]:
    """The function for users: keywords are their own names, errors are symderiv's."""
    renamed = {a.name: a.variable for a in arguments if a.name != a.variable}
    optional = [k for k, a in enumerate(arguments) if not a.needed]
    last = next((k for k in range(len(arguments) - 1, -1, -1) if arguments[k].needed), -1)
    gaps = [arguments[k] for k in optional if k < last]

    def function(*args: Any, **kwargs: Any) -> Any:
        for value in (*args, *kwargs.values()):
            if type(value) is not np.ndarray or value.dtype.char != "d":
                _check_kind(value, args, kwargs, arguments)
        given = kwargs
        try:
            if renamed or gaps:
                given = _translated(kwargs, len(args), arguments, renamed, gaps)
            result = raw(*args, **given)
        except MemoryError as error:
            raise TooLargeError(
                f"the arrays would not fit in memory: {error}", hint='ask for compress=True, or for times="v"'
            ) from error
        except (ValueError, TypeError, IndexError):
            explain(arguments, args, kwargs, name)
            raise
        return result if finish is None else finish(result)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = document
    return function


def _translated(
    kwargs: Mapping[str, Any],
    positional: int,
    arguments: Sequence[Argument],
    renamed: Mapping[str, str],
    gaps: Sequence[Argument],
) -> dict[str, Any]:
    for variable in renamed.values():
        if variable in kwargs and variable not in {a.name for a in arguments}:
            raise TypeError(variable)
    given = {renamed.get(key, key): value for key, value in kwargs.items()}
    for a in gaps:
        if arguments.index(a) >= positional:
            given.setdefault(a.variable, None)
    return given


def _check_kind(value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], arguments: Sequence[Argument]) -> None:
    if callable(value) or value is None or isinstance(value, float | int):
        return
    kind = np.asarray(value).dtype.kind if not _ragged(value) else "O"
    if kind not in "biuf":
        name = next((k for k, v in kwargs.items() if v is value), None)
        name = name or next((a.name for a, v in zip(arguments, args, strict=False) if v is value), "?")
        what = {"c": "complex numbers", "U": "text", "S": "text"}.get(kind, "no rectangular array of real numbers")
        raise EvaluationError(f"'{name}' holds {what}", hint="give an array of real numbers")


def _ragged(value: Any) -> bool:
    try:
        np.asarray(value)
    except ValueError:
        return True
    return False


def explain(arguments: Sequence[Argument], args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> None:
    """Raise what is wrong with the arguments; return if nothing is."""
    known = {a.name: a for a in arguments}
    if len(args) > len(arguments):
        raise EvaluationError(
            f"{name} takes {len(arguments)} arguments, {len(args)} were given",
            hint="in this order: " + ", ".join(known),
        )
    given = {a.name: v for a, v in zip(arguments, args, strict=False)}
    for key, value in kwargs.items():
        if key not in known:
            close = nearest(key, known)
            hint = f"did you mean '{close}'?" if close else "the arguments are " + ", ".join(known)
            raise EvaluationError(f"unknown argument '{key}'", hint=hint)
        if key in given:
            raise EvaluationError(f"'{key}' is given twice", hint="by position and by keyword")
        given[key] = value
    missing = [a for a in arguments if a.needed and (a.name not in given or given[a.name] is None)]
    if missing:
        a = missing[0]
        what = f" ({a.says})" if a.shape is None else f" ({a.shape_text()})"
        others = ", ".join(f"'{m.name}'" for m in missing[1:])
        raise EvaluationError(
            f"the argument '{a.name}'{what} is missing", hint=f"{others} too" if others else "give it as a keyword"
        )
    shapes: dict[str, tuple[int, ...]] = {}
    for a in arguments:
        if a.shape is None:
            if not a.says.startswith("a size") and not callable(given[a.name]):
                raise EvaluationError(f"'{a.name}' has to be a function", hint=a.says)
        elif given.get(a.name) is not None:
            shapes[a.name] = np.shape(given[a.name])
    _explain_shapes(known, shapes)


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
    for dim, (n, name) in sizes.items():
        if not dim.isidentifier():
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
