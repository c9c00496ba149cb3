"""Modules and losses as composable objects, in torch.nn's order and words: thin builders of program text.

>>> mlp = Linear("n", "h", name="1") >> Tanh() >> Linear("h", "o", name="2") >> Softmax() >> LogLikelihood(target="y")
>>> print(mlp.program())
z = W1 @ x + b1
a = tanh(z)
u = W2 @ a + b2
p = softmax(u)
log_likelihood(p, y)
>>> mlp.shapes()["W1"], mlp.shapes()["y"], mlp.parameters["b1"].shape
('h n', 'o', (h, 1))

How the lines are called: the last linear layer gives u, the ones before it z; an activation gives a, what turns u into
probabilities p, a normalisation s, a residual sum r, any other module v. A letter is numbered where it is needed more
than once (z1, a1, z2, a2, …). Parameters take the layer's name (W1, b1), or are numbered in order where there are
several layers without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import isfinite
from typing import Any, ClassVar, get_args

from symderiv.dims import Dim
from symderiv.errors import ParseError, ShapeError, SymderivError
from symderiv.frontend.shapes import ModuleDecl, parse_declaration, parse_shape
from symderiv.functions import MODULES, ScalarFunction, TensorFunction
from symderiv.losses import LOSS_MODULES, Loss, Reduction
from symderiv.network_text import Module, Sequential, Writer
from symderiv.ops import shape_text

Size = Any
"""str | int | sympy.Expr"""
_PROBABILITIES = frozenset({"softmax", "softmin", "sigmoid", "hardsigmoid", "normal_cdf"})


def _size(value: Any) -> Dim:
    shape = parse_shape(value)
    if len(shape) != 1:
        raise ShapeError(f"a layer's size is one dimension, not {shape_text(shape)}", hint='as in Linear("n", "h")')
    return shape[0]


def _number_text(value: Any) -> str:
    """A parameter's value as it stands in a program."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, float) and isfinite(value):
        value = Fraction(repr(float(value)))
    if not isinstance(value, int | Fraction):
        raise SymderivError(f"a module's parameter must be a number, not {value!r}")
    return str(value)


class Input(Module):
    """Names the input, and gives its size; with ``batch`` it is a matrix with one sample in each row."""

    def __init__(self, size: Size | None = None, name: str = "x", batch: Size | None = None) -> None:
        self.size_in = None if size is None else _size(size)
        self.name = name
        self.batch = None if batch is None else _size(batch)

    def describe(self) -> dict[str, Any]:
        return {"": self.size_in, "name": self.name, "batch": self.batch}

    def begin(self, writer: Writer) -> None:
        writer.input, writer.batch = self.name, self.batch

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        if writer.before is not None:
            raise SymderivError(f"{self!r} can't follow {writer.before!r}", hint="the input comes first")
        return value, size


class Linear(Module):
    """W x + b, with parameters named after the layer: Linear("n", "h", name="1") has W1 (h×n) and b1 (h)."""

    counted = "linear"

    def __init__(self, inputs: Size, outputs: Size, name: str | None = None, bias: bool = True) -> None:
        self.size_in, self.size_out = _size(inputs), _size(outputs)
        self.name, self.bias = name, bias

    def describe(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"": f"{str(self.size_in)!r}, {str(self.size_out)!r}"}
        return shown | ({"name": self.name} if self.name else {}) | ({} if self.bias else {"bias": False})

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        writer.left -= 1
        name = (
            self.name
            if self.name is not None
            else str(writer.counts["linear"] - writer.left)
            if writer.counts["linear"] > 1
            else ""
        )
        weight = writer.declare(f"W{name}", (self.size_out, size), learnt=True)
        text = f"{weight} @ {value}" if writer.batch is None else f"{value} @ {weight}.T"
        if self.bias:
            text += f" + {writer.declare(f'b{name}', (self.size_out,), learnt=True)}"
        return writer.line("z" if writer.left else "u", text), self.size_out


class Row(Module):
    """A function of the table; the classes Tanh, ReLU, Softmax, … are made from it."""

    row: ClassVar[ScalarFunction | TensorFunction]

    def __init__(self, **params: Any) -> None:
        known = {name: default for name, default in self.row.params if name != "keepdims"}
        for name in params:
            if name not in known:
                raise ParseError(
                    f"{type(self).__name__} has no parameter '{name}'",
                    hint=f"it has {', '.join(known)}" if known else "it has none",
                )
        self.params = {name: value for name, value in params.items() if value != known[name]}

    def describe(self) -> dict[str, Any]:
        return self.params

    def call(self, value: str) -> str:
        return f"{self.row.name}({', '.join([value, *(f'{k}={_number_text(v)}' for k, v in self.params.items())])})"

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        probabilities = self.row.name in _PROBABILITIES and not writer.left
        return writer.line("p" if probabilities else "a", self.call(value)), size


class Norm(Row):
    """A normalisation, with a learnt gain g (and shift c) where a size is given, as torch has it."""

    counted = "norm"
    shift: ClassVar[bool] = False

    def __init__(self, size: Size | None = None, name: str | None = None, **params: Any) -> None:
        super().__init__(**params)
        self.size_in = None if size is None else _size(size)
        self.name = name

    def describe(self) -> dict[str, Any]:
        size = {"": repr(self.size_in)} if self.size_in is not None else {}
        return size | ({"name": self.name} if self.name else {}) | self.params

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        text = self.call(value)
        if self.size_in is not None:
            number = 1 + sum(n.startswith("g") for n in writer.learnt)
            name = self.name if self.name is not None else str(number) if writer.counts["norm"] > 1 else ""
            text = f"{writer.declare(f'g{name}', (size,), learnt=True)} * {text}"
            if self.shift:
                text += f" + {writer.declare(f'c{name}', (size,), learnt=True)}"
        return writer.line("s", text), size


class LossModule(Module):
    """A loss of the table: the network's output against a target, which has the output's shape."""

    row: ClassVar[Loss]

    def __init__(self, target: str = "y", reduction: str | None = None, **params: Any) -> None:
        known = {**self.row.defaults, **{name: name for name in self.row.arguments[2:]}}
        for name in params:
            if name not in known:
                raise ParseError(
                    f"{type(self).__name__} has no parameter '{name}'",
                    hint=f"it has {', '.join(['target', 'reduction', *known])}",
                )
        if reduction not in (None, *get_args(Reduction)):
            raise ParseError(f"{type(self).__name__} has no reduction {reduction!r}", hint=f"take one of {', '.join(get_args(Reduction))}")
        self.arguments = [target, *(params.pop(name, name) for name in self.row.arguments[2:])]
        self.params, self.reduction = params, reduction

    def describe(self) -> dict[str, Any]:
        return {"target": self.arguments[0]} | ({"reduction": self.reduction} if self.reduction else {}) | self.params

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        names = [writer.declare(name, (size,), rows=True) for name in self.arguments]
        params = [f"{k}={_number_text(v)}" for k, v in self.params.items()]
        reduction = [f'reduction="{self.reduction}"'] if self.reduction else []
        return f"{self.row.name}({', '.join([value, *names, *params, *reduction])})", None


class Residual(Module):
    """x + inner(x)."""

    def __init__(self, *inner: Module) -> None:
        self.inner = Sequential(*inner)
        self.size_in = self.inner.size_in
        _ = self._written                                       # sizes are checked when modules are joined

    def describe(self) -> dict[str, Any]:
        return {"": repr(self.inner)}

    def count(self) -> dict[str, int]:
        return self.inner.count()

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        text, after = self.inner.emit(writer, value, size)
        if after != size:
            raise ShapeError(
                f"{self!r} adds its input, of size {size}, to {after if after is not None else 'a scalar'}",
                hint="the modules inside must give the size that they take",
            )
        return writer.line("r", f"{value} + {text}"), size


class Identity(Module):
    """Gives its input back; `Dropout` when evaluating does so too."""

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        return value, size


class Dropout(Identity):
    """Nothing, as in evaluation: derivatives are taken of the network without its noise."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def describe(self) -> dict[str, Any]:
        return {"p": self.p}


class Elementwise(Module):
    """A generic activation f, applied to each entry."""

    def __init__(self, name: str = "f") -> None:
        self.name = name

    def describe(self) -> dict[str, Any]:
        return {"": repr(self.name)}

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        if writer.declared.get(self.name) != "elementwise":
            writer.declare(self.name, "elementwise")
        return writer.line("a", f"{self.name}({value})"), size


class Abstract(Module):
    """A module of which nothing is known but its sizes: Abstract("N", "n -> o"), or a loss, Abstract("L", "o -> ")."""

    def __init__(self, name: str, signature: str) -> None:
        declared = parse_declaration(signature)
        if (
            not isinstance(declared, ModuleDecl)
            or len(declared.inputs) != 1
            or len(declared.inputs[0]) != 1
            or len(declared.output) > 1
        ):
            raise ShapeError(
                f"'{signature}' is not the signature of a module in a row", hint='as in "n -> o" and "o -> "'
            )
        self.name, self.signature = name, signature
        self.size_in = declared.inputs[0][0]
        self.size_out = declared.output[0] if declared.output else None

    def describe(self) -> dict[str, Any]:
        return {"": f"{self.name!r}, {self.signature!r}"}

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        if writer.batch is not None:
            raise ShapeError(f"{self!r} takes one sample, not a batch")
        writer.declare(self.name, self.signature)
        text = f"{self.name}({value})"
        return (writer.line("v" if writer.left else "u", text) if self.size_out is not None else text), self.size_out


# ---------------------------------------------------------------- the classes of the tables
_NORMS: Mapping[str, bool] = {"LayerNorm": True, "RMSNorm": False}


def _class(name: str, row: ScalarFunction | TensorFunction) -> type[Module]:
    kind = Norm if name in _NORMS else Row
    return type(
        name,
        (kind,),
        {
            "row": row,
            "shift": _NORMS.get(name, False),
            "__module__": __name__,
            "__doc__": f"The module {row.name}: {row.definition or 'a primitive'}.",
        },
    )


def _loss_class(name: str, row: Loss) -> type[Module]:
    return type(name, (LossModule,), {"row": row, "__module__": __name__, "__doc__": f"{row.name}: {row.convention}."})


CLASSES: dict[str, type[Module]] = {
    "Abstract": Abstract, "Dropout": Dropout, "Elementwise": Elementwise, "Identity": Identity, "Input": Input,
    "Linear": Linear, "Residual": Residual, "Sequential": Sequential,
    **{name: _class(name, row) for name, row in MODULES.items()},
    **{name: _loss_class(name, row) for name, row in LOSS_MODULES.items()},
}  # fmt: skip
"""Every module by its class name, one for each activation, tensor module and loss of the tables."""

globals().update(CLASSES)


def __getattr__(name: str) -> type[Module]:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
