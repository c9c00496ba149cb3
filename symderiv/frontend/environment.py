"""What a text may speak of: declared arrays, abstract modules, generic functions, dimensions, and names given so far.

>>> environment = declare({"W": "o n", "N": "n -> o", "f": "elementwise"})
>>> environment.symbols["W"].shape, sorted(environment.dims), environment.describe("N")
(('o', 'n'), ['n', 'o'], 'a module n → o')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from unicodedata import normalize

from symderiv.build import apply, call, symbol
from symderiv.dims import dim_atoms
from symderiv.errors import ParseError, ShapeError, SymderivError, with_source
from symderiv.frontend.notation import known_functions
from symderiv.frontend.shapes import Declaration, ElementwiseDecl, ModuleDecl, ShapeDecl, parse_declaration
from symderiv.frontend.values import Signature, Value, as_expr
from symderiv.ir import Call, Expr, Map, Name, Shape, Symbol, free_symbols, postorder
from symderiv.ops import shape_text

_OF_THE_NOTATION = frozenset(known_functions())


@dataclass(frozen=True)
class Environment:
    """Declared things by name; ``names`` are the names that a program or a Python function has given to its values."""

    symbols: Mapping[str, Symbol] = field(default_factory=dict)
    modules: Mapping[str, ModuleDecl] = field(default_factory=dict)
    functions: frozenset[str] = frozenset()
    names: Mapping[str, Name] = field(default_factory=dict)
    extra_dims: frozenset[str] = frozenset()

    @property
    def dims(self) -> frozenset[str]:
        """The names of dimensions, those of every declared shape."""
        shapes: list[Shape] = [s.shape for s in self.symbols.values()]
        for module in self.modules.values():
            shapes.extend((*module.inputs, module.output))
        return frozenset(atom for shape in shapes for dim in shape for atom in dim_atoms(dim)) | self.extra_dims

    def declares(self, name: str) -> bool:
        return name in self.symbols or name in self.modules or name in self.functions

    def describe(self, name: str) -> str:
        """What a declared name is, in words."""
        if name in self.symbols:
            shape = self.symbols[name].shape
            return f"an array of shape {shape_text(shape)}" if shape else "a scalar"
        if name in self.modules:
            module = self.modules[name]
            return f"a module {', '.join(map(shape_text, module.inputs))} → {shape_text(module.output)}"
        return "an elementwise function"

    def apply(self, name: str, given: Sequence[Value], keywords: Mapping[str, Value]) -> Expr:
        """An abstract module or a generic function at its arguments, whose number and shapes are checked."""
        if keywords:
            raise ParseError(f"'{name}' takes no keywords", hint="its arguments are given in order")
        if name in self.functions:
            x = Signature(name, ("x",)).bind(given, {})["x"]
            return apply(name, as_expr(x, f"the argument of {name}"), generic=True)
        module = self.modules[name]
        wanted = ", ".join(map(shape_text, module.inputs))
        if len(given) != len(module.inputs):
            count = len(module.inputs)
            raise ParseError(
                f"'{name}' takes {count} argument{'s' if count > 1 else ''} ({wanted}); {len(given)} were given"
            )
        arguments = [as_expr(v, f"the argument of {name}") for v in given]
        for k, (argument, shape) in enumerate(zip(arguments, module.inputs, strict=True)):
            if argument.shape != shape:
                which = f"argument {k + 1} of '{name}'" if len(given) > 1 else f"the argument of '{name}'"
                raise ShapeError(
                    f"{which} must have the shape {shape_text(shape)}; this is {shape_text(argument.shape)}",
                    shapes=(shape, argument.shape),
                )
        return call(name, arguments, module.output, abstract=True)

    def lookup(self, name: str) -> Expr | None:
        """The symbol or the named value that ``name`` is, or None."""
        return self.symbols.get(name) or self.names.get(name)

    def nearby(self) -> tuple[str, ...]:
        """All names that a text may use for values."""
        return (*self.symbols, *self.names)

    def with_names(self, names: Mapping[str, Name]) -> Environment:
        return replace(self, names={**self.names, **names})

    def with_declarations(self, shapes: Mapping[str, Any], symmetric: Iterable[str] = ()) -> Environment:
        """This environment and the newly declared names; one declared differently before is refused."""
        new = declare(shapes, symmetric)
        for name in (*new.symbols, *new.modules, *new.functions):
            if self.declares(name) and self.describe(name) != new.describe(name):
                raise ShapeError(
                    f"'{name}' is {self.describe(name)}, and is declared as {new.describe(name)}",
                    shapes=tuple(e.symbols[name].shape for e in (self, new) if name in e.symbols),
                )
        return replace(
            self,
            symbols={**new.symbols, **self.symbols},
            modules={**self.modules, **new.modules},
            functions=self.functions | new.functions,
        )


def declare(shapes: Mapping[str, Any], symmetric: Iterable[str] = ()) -> Environment:
    """The environment of these declarations: ``W="o n"``, ``N="n -> o"``, ``f="elementwise"``.

    ``symmetric`` names the symbols that are symmetric by assumption.
    """
    symbols: dict[str, Symbol] = {}
    modules: dict[str, ModuleDecl] = {}
    functions: set[str] = set()
    known = set(symmetric)
    spelled: dict[str, str] = {}
    for given, value in shapes.items():
        name = normalize("NFKC", given) if isinstance(given, str) else given  # as the texts are read
        if spelled.setdefault(name, given) != given:
            message = f"'{spelled[name]}' and '{given}' are one name, '{name}'"
            raise ParseError(message, hint="Python reads letters of other styles as plain ones")
        declaration = _declaration(name, value)
        if isinstance(declaration, ShapeDecl):
            symbols[name] = symbol(name, declaration.shape, props=("symmetric",) if name in known else ())
        elif name in _OF_THE_NOTATION:
            raise ParseError(
                f"'{name}' is a function of the table, and can't be declared as another", hint="take another name"
            )
        elif isinstance(declaration, ModuleDecl):
            modules[name] = declaration
        else:
            functions.add(name)
    made = Environment(symbols, modules, frozenset(functions))
    both = [name for name, s in symbols.items() if not s.shape and name in made.dims]  # n/n could be anything
    if both:
        raise ParseError(f"'{both[0]}' is a size, and declared as {made.describe(both[0])} too",
                         hint="take another name for one of them; a size needs no declaration")  # fmt: skip
    return made


def _declaration(name: str, value: Any) -> Declaration:
    if not isinstance(name, str) or not name.isidentifier():
        raise ParseError(f"{name!r} is not a name", hint="declare shapes by name: W='o n'")
    try:
        return parse_declaration(value)
    except SymderivError as error:
        error.message = f"in the shape of '{name}': {error.message}"
        raise with_source(error, str(value)) from None


def environment_of(root: Expr) -> Environment:
    """The environment that an expression speaks of: its symbols, modules, generic functions and names."""
    symbols = {s.name: s for s in free_symbols(root) if s.kind in ("variable", "formal")}
    modules: dict[str, ModuleDecl] = {}
    functions: set[str] = set()
    names: dict[str, Name] = {}
    dims: set[str] = set()
    for node in postorder(root):
        dims.update(atom for dim in node.shape for atom in dim_atoms(dim))
        if isinstance(node, Call) and node.abstract:
            extra = sum(len(node.args[d].shape) for d in node.ders)
            modules[node.fn] = ModuleDecl(tuple(a.shape for a in node.args), node.shape[: len(node.shape) - extra])
        elif isinstance(node, Map) and node.generic:
            functions.add(node.fn)
        elif isinstance(node, Name):
            names[node.name] = node
    return Environment(symbols, modules, frozenset(functions), names, frozenset(dims))


__all__ = ["ElementwiseDecl", "Environment", "declare", "environment_of"]
