"""The function that users call: the generated body behind a head that costs little where all is as it should be.

Arguments that are float64 arrays given by name pass a test of their type alone. All else (lists, integers, float32,
missing and unknown arguments, names that aren't identifiers) goes to `Arguments`, which converts or explains.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

try:
    import numpy as np
except ModuleNotFoundError:  # code is generated without NumPy too: in a browser
    np = None  # type: ignore[assignment]  # asked for before it is used

from symderiv.codegen import memory
from symderiv.codegen.function import Arguments, too_large
from symderiv.codegen.quick import quick
from symderiv.codegen.signature import Argument, Signature, wrapped
from symderiv.errors import EvaluationError

_SHORT = 108


def callable_of(
    head: Signature, name: str, preamble: str, document: str, body: Sequence[str], space: dict[str, Any], ranks: Mapping[str, int]
) -> Callable[..., Any]:
    """The checked function; ``body`` are lines after the sizes are known, ``space`` holds what they refer to.

    ``ranks`` are how many axes the arrays have that the body names.
    """
    if np is None:
        return _without_numpy
    arguments = Arguments(head.arguments, name)
    renamed = any(a.name != a.variable for a in head.arguments)
    parameters = [f"{a.variable}=None" for a in head.arguments]
    values = ", ".join(a.variable for a in head.arguments) + ("," if len(head.arguments) == 1 else "")
    lines = ["def _function(" + ", ".join(["*_given", *([] if renamed else parameters), "**_unknown"]) + "):"]
    inner = []
    if renamed or not head.arguments:  # keywords are names that can't be parameters
        lines.append(f"    {values or '_'} = _arguments.taken({[None] * len(head.arguments)}, _given, _unknown)")
    else:
        lines.append(f"    if _given: {values} = _arguments.positional(({values}), _given)")
        inner.append(f"if {_as_they_should_be(head.arguments)}:")
        inner.append(f"    {values} = _arguments.taken(({values}), (), _unknown)")
    inner += [f"if type({v}) is float: {v} = _asarray({v})" for v in _scalars(head.arguments)]
    inner += head.unpack
    if head.checks:
        inner.append(f"if {' or '.join(head.quick_checks)}: raise _ShapeError")
    inner += body
    lines.append("    try:")
    lines += [f"        {line}" if line else "" for line in inner]
    lines += [
        "    except MemoryError as _error: raise _too_large(_error) from _error",
        "    except (ValueError, TypeError, IndexError):",
        f"        _arguments.explain(({values}))",
        "        raise",
    ]
    namespace: dict[str, Any] = {
        "_arguments": arguments,
        "_array": np.ndarray,
        "_asarray": np.asarray,
        "_float": np.dtype(float),
        "_memory": memory,
        "_check_size": memory.check_size,
        "_too_large": too_large,
        "_ShapeError": ValueError,
        **space,
    }
    arrays = {a.variable: len(a.shape) for a in head.arguments if a.shape is not None}
    program, used = quick(preamble + "\n\n" + "\n".join(lines) + "\n", {**arrays, **ranks})
    namespace.update(used)
    exec(compile(program, f"<generated {name}>", "exec"), namespace)
    function: Callable[..., Any] = namespace["_function"]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = document
    function.__signature__ = _signature(head.arguments)  # type: ignore[attr-defined]  # what inspect reads
    return function


def _without_numpy(*args: Any, **kwargs: Any) -> Any:
    raise EvaluationError("a generated function runs on NumPy, which isn't here", hint="its source runs where NumPy is")


def _scalars(arguments: Sequence[Argument]) -> list[str]:
    return [a.variable for a in arguments if a.shape == () and a.needed]


def _as_they_should_be(arguments: Sequence[Argument]) -> str:
    """The condition under which arguments have to be looked at."""
    tests = ["_unknown"]
    for a in arguments:
        v = a.variable
        if a.shape is None:
            tests.append(f"{v} is None")
        elif not a.shape and a.needed:
            tests.append(f"type({v}) is not float and (type({v}) is not _array or {v}.dtype is not _float)")
        elif a.needed:
            tests.append(f"type({v}) is not _array or {v}.dtype is not _float")
        else:
            tests.append(f"{v} is not None and type({v}) is not _array")
    rows = wrapped(tests, " or ", _SHORT)
    return "(" + "\n            or ".join(rows) + ")" if len(rows) > 1 else rows[0]


def _signature(arguments: Sequence[Argument]) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    rows = []
    optional = False
    for a in arguments:
        optional = optional or not a.needed
        rows.append(inspect.Parameter(a.variable, kind, default=None if optional else inspect.Parameter.empty))
    return inspect.Signature(rows)


__all__ = ["callable_of"]
