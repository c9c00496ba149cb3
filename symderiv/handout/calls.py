"""Calls of the public operators as data, with their place in a source: written down, not made.

>>> call = jacobian("W @ h", "h", W="o n", h="n")
>>> call.code()
'sd.jacobian("W @ h", "h", W="o n", h="n")'
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import symderiv

_LINE = 84
_NO_SHAPES = ("assume", "shapes", "at", "order", "vec", "structured")
"""options of the operators; every other one declares a shape"""


@dataclass(frozen=True)
class Place:
    """Where something stands in a source."""

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f":{self.column}" if self.column else "")


def here() -> Place:
    """The place in a source from which the function that asks was called."""
    frame = sys._getframe(2)
    return Place(frame.f_code.co_filename, frame.f_lineno)


@dataclass(frozen=True)
class Call:
    """A call of a public operator, to be made when the sheet is built."""

    operator: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    place: Place
    part: str = ""
    """what is taken of the answer: names of attributes and keys, as in steps["z"]"""

    @property
    def shapes(self) -> dict[str, Any]:
        """What the call declares, by keywords and by ``shapes=``.

        >>> gradient("x @ y", "x", x="n", shapes={"y": "n"}, assume="x > 0").shapes
        {'y': 'n', 'x': 'n'}
        """
        return {**(self.options.get("shapes") or {}), **{k: v for k, v in self.options.items() if k not in _NO_SHAPES}}

    def run(self, **changed: Any) -> Any:
        """Make the call, with some options changed (None leaves one out)."""
        options = {k: v for k, v in {**self.options, **changed}.items() if v is not None or k not in changed}
        found = getattr(symderiv, self.operator)(*self.arguments, **options)
        for attribute, key in re.findall(r"""([^.\[\]"]+)|\["([^"]+)"\]""", self.part):
            found = getattr(found, attribute) if attribute else found[key]
        return found

    def code(self) -> str:
        """The call as one would type it."""
        before, arguments = "", [_literal(a) for a in self.arguments]
        if arguments and "\n" in str(self.arguments[0]):
            body = "\n".join("    " + line.strip() for line in str(self.arguments[0]).strip().splitlines())
            before, arguments[0] = f'net = """\n{body}\n"""\n', "net"
        parts = [*arguments, *(f"{k}={_literal(v)}" for k, v in self.options.items())]
        return before + _wrapped(f"sd.{self.operator}(", parts) + (f".{self.part}" if self.part else "")


@dataclass(frozen=True)
class Identity:
    """An equation, proved or checked; each side is written in matrix or index form, or as the LaTeX given for it."""

    left: str
    right: str
    forms: tuple[str, str]
    options: Mapping[str, Any]
    why: str
    numbers: Mapping[str, Any]
    covers: tuple[str, ...]
    place: Place


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return getattr(value, "__name__", None) or repr(value)


def _wrapped(head: str, parts: Sequence[str]) -> str:
    lines, line = [], head
    for k, part in enumerate(parts):
        text = part + (")" if k == len(parts) - 1 else ",")
        if len(line) + len(text) > _LINE and line.strip() and line != head:
            lines.append(line.rstrip())
            line = "    "
        line += text + " "
    return "\n".join([*lines, line.rstrip()])


def gradient(f: Any, wrt: Any, /, **options: Any) -> Call:
    return Call("gradient", (f, wrt), options, here())


def jacobian(f: Any, wrt: Any, /, **options: Any) -> Call:
    return Call("jacobian", (f, wrt), options, here())


def hessian(f: Any, wrt: Any, /, **options: Any) -> Call:
    return Call("hessian", (f, wrt), options, here())


def derivative(f: Any, wrt: Any, /, **options: Any) -> Call:
    return Call("derivative", (f, wrt), options, here())


def gauss_newton(f: Any, wrt: Any, /, **options: Any) -> Call:
    return Call("gauss_newton", (f, wrt), options, here())


def matching(module: Any, loss: Any, /, **options: Any) -> Call:
    return Call("matching", (module, loss), options, here())


def matching_loss(module: Any, /, **options: Any) -> Call:
    return Call("matching_loss", (module,), options, here())


def curvature(f: Any, wrt: Any, /, **options: Any) -> Call:
    return Call("curvature", (f, wrt), options, here())


# What follows of a curvature is several derivations: ``part`` says which is shown.
def fisher(f: Any, wrt: Any, /, *, part: str, **options: Any) -> Call:
    return Call("fisher", (f, wrt), options, here(), part)


def kfac(f: Any, wrt: Any, /, *, part: str, **options: Any) -> Call:
    return Call("kfac", (f, wrt), options, here(), part)


def glm(*names: str, part: str) -> Call:
    return Call("glm", names, {}, here(), part)


def natural_gradient(f: Any, wrt: Any, /, *, part: str, **options: Any) -> Call:
    return Call("natural_gradient", (f, wrt), options, here(), part)


def matched_curvature(module: Any, loss: Any, /, *, part: str, **options: Any) -> Call:
    return Call("matched_curvature", (module, loss), options, here(), part)


def hessian_backpropagation(f: Any, /, *, part: str, **options: Any) -> Call:
    return Call("hessian_backpropagation", (f,), options, here(), part)


def bregman(potential: Any, wrt: Any, /, *, part: str, **options: Any) -> Call:
    return Call("bregman", (potential, wrt), options, here(), part)


def fenchel_young(potential: Any, wrt: Any, /, *, part: str, **options: Any) -> Call:
    return Call("fenchel_young", (potential, wrt), options, here(), part)


def faa_di_bruno(order: int, /, *, part: str = "derivation", **options: Any) -> Call:
    return Call("faa_di_bruno", (order,), options, here(), part)


def identity(
    left: str,
    right: str,
    /,
    *,
    forms: tuple[str, str] = ("matrix", "matrix"),
    why: str = "",
    numbers: Mapping[str, Any] | None = None,
    covers: str = "",
    **options: Any,
) -> Identity:
    return Identity(left, right, forms, options, why, numbers or {}, tuple(covers.split()), here())


class SourceError(symderiv.SymderivError):
    """Something in a source went wrong; the message starts with its file and line."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
