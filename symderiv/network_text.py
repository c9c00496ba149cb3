"""What modules are made of: the `Module`, which writes lines, the `Writer`, which names them, and the chain of both."""

from __future__ import annotations

from functools import cached_property
from itertools import chain, count
from typing import Any, ClassVar

import sympy

from symderiv.dims import Dim
from symderiv.errors import ParseError, ShapeError, SymderivError
from symderiv.frontend.from_sympy import sympy_dim


class Module:
    """A part of a network, or a loss: what it computes is its `program`, whose input is "x" unless it is named."""

    size_in: Dim | None = None  #: the size it takes, None where it takes any
    counted: ClassVar[str] = ""  #: what it counts as, where its parameters are numbered

    def __rshift__(self, other: Module) -> Module:
        if not isinstance(other, Module):
            raise SymderivError(
                f"a module can't be followed by a {type(other).__name__}", hint="as in Linear('n', 'h') >> Tanh()"
            )
        return Sequential(self, other)

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        """Write the lines for an input of that size; gives the output's text and its size, None for a scalar."""
        raise NotImplementedError

    def begin(self, writer: Writer) -> None:
        """What the first module of a network says of its input."""

    def count(self) -> dict[str, int]:
        """How many modules of each kind that counts are in it."""
        return {self.counted: 1} if self.counted else {}

    def describe(self) -> dict[str, Any]:
        """The arguments that make it what it is."""
        return {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' if k else str(v) for k, v in self.describe().items())})"

    @cached_property
    def _written(self) -> Writer:
        writer = Writer()
        writer.write(self)
        return writer

    def program(self) -> str:
        """The text in NumPy notation, a line for each module."""
        return self._written.text()

    def shapes(self) -> dict[str, str]:
        """The shape of each symbol in the program, as text."""
        return {name: d if isinstance(d, str) else " ".join(map(str, d)) for name, d in self._written.declared.items()}

    @property
    def parameters(self) -> dict[str, Any]:
        """What is learnt, by name, in order: an n×1 matrix symbol for a vector."""
        return {name: self._written.matrix(name) for name in self._written.learnt}

    @property
    def input(self) -> Any:
        """The input as a matrix symbol."""
        return self._written.matrix(self._written.input)


class Writer:
    """A program being written: its lines with places ``{k}`` for the k-th one's name, and the symbols declared."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.declared: dict[str, tuple[Dim, ...] | str] = {}
        self.learnt: list[str] = []
        self.batch: Dim | None = None
        self.input = "x"
        self.value = ""
        self.before: Module | None = None
        self.left = 0
        self.counts: dict[str, int] = {}

    def write(self, root: Module) -> None:
        parts = root.parts if isinstance(root, Sequential) else (root,)
        self.counts = root.count()
        self.left = self.counts.get("linear", 0)
        size = next((p.size_in for p in parts if p.size_in is not None), "n")
        parts[0].begin(self)
        self.declare(self.input, (size,), rows=True)
        self.value = self.chain(parts, self.input, size)[0]

    def chain(self, parts: tuple[Module, ...], value: str, size: Dim | None) -> tuple[str, Dim | None]:
        """The modules one after the other; raises ShapeError where sizes don't fit."""
        for part in parts:
            if size is None:
                raise ShapeError(
                    f"{self.before!r} gives a scalar, and {part!r} can't follow it", hint="a loss comes last"
                )
            if part.size_in not in (None, size):
                first = f"{self.before!r} gives" if self.before else "the input has"
                raise ShapeError(
                    f"{first} {size}, and {part!r} takes {part.size_in}",
                    shapes=((size,), (part.size_in or "",)),
                    hint="the sizes of modules in a row must be equal",
                )
            value, size = part.emit(self, value, size)
            self.before = part
        return value, size

    def declare(self, name: str, shape: tuple[Dim, ...] | str, rows: bool = False, learnt: bool = False) -> str:
        """Declare a symbol; with ``rows`` it has one row for each sample of a batch."""
        if not name.isidentifier():
            raise ParseError(f"'{name}' is not a name")
        if name in self.declared:
            raise ParseError(
                f"two parts of the network are called '{name}'",
                hint="give each layer, input and target a name of its own",
            )
        self.declared[name] = (
            (self.batch, *shape) if rows and self.batch is not None and not isinstance(shape, str) else shape
        )
        if learnt:
            self.learnt.append(name)
        return name

    def line(self, letter: str, text: str) -> str:
        """Add a line; gives the place of its name."""
        self.lines.append((letter, text))
        return f"{{{len(self.lines) - 1}}}"

    def text(self) -> str:
        letters = [letter for letter, _ in self.lines]
        names: list[str] = []
        for letter in letters:
            free = (f"{letter}{number}" for number in count(1))
            wanted = chain((letter,), free) if letters.count(letter) == 1 else free
            names.append(next(name for name in wanted if name not in self.declared and name not in names))
        rows = [f"{name} = {text.format(*names)}" for name, (_, text) in zip(names, self.lines, strict=True)]
        value = self.value.format(*names)
        return "\n".join(rows if names and value == names[-1] else [*rows, value])

    def matrix(self, name: str) -> Any:
        """SymPy's symbol of an array: a matrix symbol, for a scalar a plain one, of order 3 or more an array symbol."""
        shape = self.declared[name]
        assert not isinstance(shape, str)
        if not shape:
            return sympy.Symbol(name)
        if len(shape) > 2:
            from sympy.tensor.array.expressions import ArraySymbol

            return ArraySymbol(name, tuple(map(sympy_dim, shape)))
        rows, columns = (*shape, 1)[:2]
        return sympy.MatrixSymbol(name, sympy_dim(rows), sympy_dim(columns))


class Sequential(Module):
    """Modules one after the other, as `>>` makes it."""

    def __init__(self, *modules: Module) -> None:
        if not modules:
            raise SymderivError("Sequential needs at least one module")
        self.parts: tuple[Module, ...] = tuple(
            p for m in modules for p in (m.parts if isinstance(m, Sequential) else (m,))
        )
        self.size_in = next((p.size_in for p in self.parts if p.size_in is not None), None)
        _ = self._written                                       # sizes are checked when modules are joined

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        return writer.chain(self.parts, value, size)

    def count(self) -> dict[str, int]:
        counts = [part.count() for part in self.parts]
        return {kind: sum(c.get(kind, 0) for c in counts) for kind in sorted({k for c in counts for k in c})}

    def __repr__(self) -> str:
        return " >> ".join(map(repr, self.parts))
