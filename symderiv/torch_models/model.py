"""The way in: torch.fx draws the graph of a model's operations, each of which becomes a line of a program."""

from __future__ import annotations

import inspect
import linecache
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symderiv.dims import Dim
from symderiv.errors import NoRuleError, SymderivError, clip, with_source
from symderiv.frontend.shapes import parse_shape
from symderiv.network_text import Module, Writer
from symderiv.torch_models.layers import array_of, function_named, layer_named
from symderiv.torch_models.reading import Reading, Value, symbol_name


class TorchModel(Module):
    """A PyTorch model as a module: `program`, `shapes` and `parameters` as every module has them.

    `values` holds its arrays by symbol, for the generated functions; `names` says which symbol (or which symbols, of an
    array that is read in parts) each of torch's parameters is.
    """

    def __init__(self, model: Any, shapes: Mapping[str, Any], loss: Any = None, target: str = "y") -> None:
        import torch

        if layer_named(type(model).__name__) is not None:
            model = torch.nn.Sequential(model)
        self.model, self.given, self.loss, self.target = model, dict(shapes), loss, target
        self.graph = _graph(model)
        self.inputs = [self._argument(n) for n in self.graph.nodes if n.op == "placeholder"]
        for name in self.given:
            if name not in (*self.inputs, target):
                known = ", ".join(self.inputs)
                raise SymderivError(f"the model has no input '{name}'", hint=f"it has {known}")
        self.size_in = _first_size(model)
        writer = Writer()
        writer.left = self.count()["linear"]
        given = {name: self._shape(name) for name in self.inputs if not self._has_default(name)}
        for name, shape in given.items():
            writer.declare(name, shape)
        writer.input = self.inputs[0] if self.inputs else "x"
        self.reading = self._read(writer, {name: Value(name, shape) for name, shape in given.items()})
        self._output = self.reading.output
        writer.value = self._output.text
        self.__dict__["_written"] = writer

    @property
    def values(self) -> dict[str, Any]:
        """The model's arrays by symbol, in double precision: parameters, buffers, structure tensors."""
        return dict(self.reading.arrays)

    @property
    def names(self) -> dict[str, str | tuple[str, ...]]:
        """The symbol of each of torch's parameters and buffers that the model uses, by torch's name."""
        return dict(self.reading.names)

    def __repr__(self) -> str:
        return f"from_torch({type(self.model).__name__})"

    def count(self) -> dict[str, int]:
        linear = [n for n in self.graph.nodes if _class(self.model, n) == "Linear" or _name(n) == "linear"]
        return {"linear": len(linear)}

    def emit(self, writer: Writer, value: str, size: Dim) -> tuple[str, Dim | None]:
        if len(self.inputs) != 1:
            raise SymderivError(f"{self!r} has {len(self.inputs)} inputs, and can't stand in a row of modules")
        shape = (size,) if writer.batch is None else (writer.batch, size)
        output = self._read(writer, {self.inputs[0]: Value(value, shape)}).output
        if output.shape and len(output.shape) != len(shape):
            raise SymderivError(f"{self!r} gives an array of order {len(output.shape)}; a row of modules takes vectors")
        return output.text, output.shape[-1] if output.shape else None

    def _shape(self, name: str) -> tuple[Dim, ...]:
        if name in self.given:
            return parse_shape(self.given[name])
        if self.size_in is None or name != self.inputs[0] or self._required() > 1:
            raise SymderivError(f"the shape of the input '{name}' isn't known", hint=f'give it: from_torch(model, {name}="n")')
        return (self.size_in,)

    def _argument(self, node: Any) -> str:
        """The name of a placeholder; torch's own containers call their input "input", and so it is x."""
        own = type(self.model).__module__.startswith("torch.nn.")
        return "x" if own and node.target == "input" else symbol_name(str(node.target))

    def _has_default(self, name: str) -> bool:
        nodes = [n for n in self.graph.nodes if n.op == "placeholder" and self._argument(n) == name]
        return name not in self.given and any(n.args for n in nodes)

    def _required(self) -> int:
        return sum(not self._has_default(name) for name in self.inputs)

    # ------------------------------------------------------------------------------------------------ the graph
    def _read(self, writer: Writer, given: Mapping[str, Value]) -> Any:
        r = _Run(writer)
        r.known.update({name: Value(name, tuple(d)) for name, d in writer.declared.items() if not isinstance(d, str)})
        done: dict[Any, Any] = {}
        for node in self.graph.nodes:
            try:
                done[node] = self._node(r, node, given, lambda x: done[x])
            except SymderivError as error:
                raise _with_line(error, node) from None
            except (TypeError, KeyError, ValueError, IndexError, AttributeError) as error:
                what = _class(self.model, node) or _name(node)
                raise _with_line(NoRuleError(f"this use of '{what}' can't be read: {clip(str(error))}"), node) from error
        output = done[next(n for n in self.graph.nodes if n.op == "output")]
        output = output[0] if isinstance(output, tuple) and len(output) == 1 else output
        if not isinstance(output, Value):
            raise NoRuleError("the model gives no single array", hint="wrap it in a module that returns one")
        if self.loss is not None:
            output = self._loss(r, writer, output)
        r.output = output
        return r

    def _loss(self, r: Reading, writer: Writer, output: Value) -> Value:
        read = layer_named(type(self.loss).__name__)
        if read is None:
            raise NoRuleError(f"the loss '{type(self.loss).__name__}' can't be read")
        writer.declare(self.target, output.shape)
        found: Value = read(r, self.loss, "", output, Value(self.target, output.shape))
        return found

    def _node(self, r: Reading, node: Any, given: Mapping[str, Value], value: Any) -> Any:
        if node.op == "placeholder":
            name = self._argument(node)
            return given[name] if name in given else node.args[0]
        args, kwargs = _plain(node.args, value), _plain(node.kwargs, value)
        if node.op == "output":
            return args[0]
        if node.op == "get_attr":
            return self._attribute(r, str(node.target))
        if node.op == "call_module":
            module = self.model.get_submodule(node.target)
            read = layer_named(type(module).__name__)
            _check_place(node, getattr(module, "inplace", False))
            if read is None:
                hint = "torch.nn's linear layers, activations, normalisations, attention, cells and losses can be read"
                raise NoRuleError(f"a module {type(module).__name__} (called {node.target}) can't be read", hint=hint)
            return read(r, module, str(node.target), *args, **kwargs)
        name = _name(node)
        if name == "getattr":
            x, attribute = args
            if attribute in ("shape", "ndim"):
                return tuple(x.shape) if attribute == "shape" else len(x.shape)
            name, args = attribute, (x,)
        if node.op == "call_method" and name == "size":
            return tuple(args[0].shape) if len(args) == 1 else args[0].shape[args[1]]
        if not any(isinstance(a, Value) for a in _flat((*args, *kwargs.values()))) and callable(node.target):
            return node.target(*args, **kwargs)                      # of sizes and numbers alone
        read = function_named(name)
        if read is None:
            raise NoRuleError(f"torch's '{name}' can't be read")
        bound = inspect.signature(read).bind_partial(r, *args, **kwargs).arguments
        _check_place(node, bool(bound.get("inplace")) or (name.endswith("_") and not name.endswith("__")) or name in _IN_PLACE)
        return read(r, *args, **kwargs)

    def _attribute(self, r: Reading, path: str) -> Any:
        holder: Any = self.model
        for part in path.split("."):
            holder = getattr(holder, part)
        if not hasattr(holder, "detach"):
            return holder
        learnt = any(path == name for name, _ in self.model.named_parameters())
        return r.symbol(path, array_of(holder), learnt)


class _Run(Reading):
    """A reading, and the value that it ends in."""

    output: Value


def from_torch(model: Any, loss: Any = None, target: str = "y", **shapes: Any) -> TorchModel:
    """A PyTorch model as a module, whose parameters keep their names (``fc1.weight`` is the symbol fc1_weight).

    ``shapes`` are the shapes of the arguments of the model's ``forward``, as text; a single vector of the size that the
    first layer takes needs none. ``loss`` is a torch loss, whose target is called ``target`` and has the output's shape
    (classes as probabilities, or one-hot). A model that drops out has to be in evaluation: ``model.eval()``.

    Raises NoRuleError, with the model's own line, for what can't be read; nothing of the model is run on numbers.

    ``from_torch(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh())).program()`` is::

        u = m0_weight @ x + m0_bias
        a = tanh(u)

    Source: the graph is torch.fx's (Reed et al. 2022).
    """
    try:
        import torch
    except ImportError:
        raise SymderivError("from_torch needs PyTorch", hint="pip install 'symderiv[torch]'") from None
    if not isinstance(model, torch.nn.Module):
        raise SymderivError(f"from_torch reads a torch.nn.Module, not a {type(model).__name__}")
    return TorchModel(model, shapes, loss, target)


# ---------------------------------------------------------------- torch.fx
def _graph(model: Any) -> Any:
    """The graph of a model's operations."""
    import torch

    tracer = torch.fx.Tracer()
    tracer.record_stack_traces = True
    try:
        return tracer.trace(model)
    except SymderivError:
        raise
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if not _internal(f.filename)]
        own = [f for f in frames if f.name == "forward"] or frames
        reason = f"the model can't be traced: {clip(str(error).splitlines()[0] if str(error) else type(error).__name__)}"
        raised = NoRuleError(reason, hint="decisions and loops that depend on the entries of arrays can't be read")
        line = own[-1].line if own else ""
        raise with_source(raised, line) if line else raised from None


def _internal(path: str) -> bool:
    """Whether a file is torch's own, or this one: no line of the model stands there."""
    import torch

    return path.startswith(str(Path(torch.__file__).parent)) or path == __file__


def _class(model: Any, node: Any) -> str:
    return type(model.get_submodule(node.target)).__name__ if node.op == "call_module" else ""


def _name(node: Any) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))


_IN_PLACE = frozenset({"iadd", "isub", "imul", "itruediv"})


def _check_place(node: Any, inplace: bool) -> None:
    """Refuses an operation in place on what is used again: torch's later uses see the new entries, a graph's the old ones."""
    users = getattr(node.args[0] if node.args else next(iter(node.kwargs.values()), None), "users", ())
    later = node.next
    while inplace and later.op not in ("root", "output") and later not in users:
        later = later.next
    if inplace and later in users:
        raise NoRuleError("an array that is changed in place is used elsewhere too", hint="set inplace=False")


def _flat(x: Any) -> list[Any]:
    return [y for part in x for y in _flat(part)] if isinstance(x, tuple | list) else [x]


def _plain(x: Any, value: Any) -> Any:
    """Arguments with the nodes among them replaced by what they are."""
    if isinstance(x, tuple | list):
        return tuple(_plain(part, value) for part in x)
    if isinstance(x, dict):
        return {name: _plain(part, value) for name, part in x.items()}
    if isinstance(x, slice):
        return slice(*(_plain(part, value) for part in (x.start, x.stop, x.step)))
    return value(x) if hasattr(x, "op") and hasattr(x, "target") else x


def _with_line(error: SymderivError, node: Any) -> SymderivError:
    """The error with the line of the model at which the node was made, instead of a line that was made of it."""
    error.text, error.span = None, None
    places = [row for row in (node.stack_trace or "").splitlines() if row.strip().startswith("File ")]
    for row in reversed(places):
        _, path, line, *_ = row.strip().replace('"', "").replace(",", "").split(" ", 2) + [""]
        number = line.split()[1] if line.startswith("line ") else ""
        text = linecache.getline(path, int(number)).strip() if number.isdigit() else ""
        if text and not _internal(path):
            return with_source(error, text)
    return error


def _first_size(model: Any) -> int | None:
    """The size of the vectors that the first layer with a size takes."""
    for module in model.modules():
        size = getattr(module, "in_features", None) or getattr(module, "normalized_shape", (None,))[-1]
        if isinstance(size, int):
            return size
    return None


__all__ = ["TorchModel", "from_torch", "symbol_name"]
