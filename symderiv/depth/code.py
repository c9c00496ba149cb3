"""Recursions as NumPy functions: one pass forward through the layers, one back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symderiv.arguments import whole as whole_number
from symderiv.build import substitute, symbol
from symderiv.codegen import Generated, generate
from symderiv.codegen.names import Names
from symderiv.depth.layer import indexed_symbol
from symderiv.depth.recursion import Recursion, end_slope, slope
from symderiv.errors import EvaluationError, ShapeError
from symderiv.ir import Expr, Name, Symbol, free_symbols

PARTS = ("layer", "end", "back")


@dataclass(frozen=True)
class Pass:
    """The parts of a recursion as generated functions, and the loop over layers that calls them."""

    parts: dict[str, Generated]
    loop: str

    def source(self) -> str:
        """All of it as source text that needs only NumPy."""
        blocks: dict[str, None] = {}
        for made in self.parts.values():
            blocks.update(dict.fromkeys(b.strip("\n") for b in made.source.split("\n\n\n")))
        blocks.pop("import numpy as np", None)
        return "\n\n\n".join(["import numpy as np", *blocks, self.loop]) + "\n"


def deep_numpy(recursion: Recursion) -> Any:
    """The recursion as a function of the first state, the layers' arrays stacked along a first axis, and the rest.

    It returns the equations' values in their order, first that by the first state; those of each layer's own arrays are
    stacked. Raises EvaluationError for missing or unknown arguments, ShapeError for wrong shapes.
    """
    return Writer(recursion).function()


class Writer:
    """Writes the parts and the loop; ``plain`` gives the symbols of a layer their names without an index."""

    def __init__(self, recursion: Recursion) -> None:
        self.recursion, self.layer = recursion, recursion.layer
        layer = self.layer
        self.names = Names({*PARTS, "range", "reversed"})
        loss = [] if recursion.kind == "jacobian" else free_symbols(layer.loss)
        rest = [s for s in loss if s.kind == "variable" and s is not layer.state and s not in layer.shared]
        self.rest = list(dict.fromkeys(rest))
        self.given = {s: self.names.fresh(s.name) for s in (layer.state, *layer.own, *layer.shared, *self.rest)}
        self.after = symbol(self.names.fresh(f"{layer.state.name}_next"), layer.state.shape)
        self.held = self._held()
        self.parts = self._parts()

    # ------------------------------------------------------------ parts
    def _held(self) -> dict[Symbol, Symbol]:
        """What the loop carries from layer to layer: the hypotheses that the equations speak of, and the state's."""
        r, layer, found = self.recursion, self.layer, {}
        used = free_symbols(*(e.right for e in r.equations))
        for k, s in enumerate(r.hypotheses.values()):
            if s is not layer.state_at(layer.at(-1)) and (k == 0 or s in used):
                plain = s.name.removesuffix(f"_{layer.at()}").removesuffix(f"_{layer.at(-1)}")
                found[s] = symbol(self.names.fresh(plain), s.shape, s.kind, s.props)
        return found

    def own(self, root: Expr) -> Expr:
        """An equation of layer l, the index left out, what is a whole state read from the pass forward."""
        layer = self.layer
        leaves: dict[Expr, Expr] = {indexed_symbol(s, layer.at()): s for s in layer.own}
        leaves[layer.state_at(layer.at(-1))] = layer.state
        stored = layer.step(layer.state_at(layer.at(-1)), layer.at())
        for old, new in self.held.items():
            leaves[old] = new
        return substitute(substitute(root, {stored: self.after}), leaves)

    def _parts(self) -> dict[str, Generated]:
        r, layer = self.recursion, self.layer
        a, kept = layer.state, [*layer.own, *layer.shared]
        body = layer.body.body if isinstance(layer.body, Name) else layer.body
        found = {"layer": generate(body, [a, *kept], name="layer", doc=f"The next {a.name}.")}
        values = [self.own(e.right) for e in r.equations]
        if r.kind == "hessian":
            values.append(self.own(slope(r)))
        found["back"] = generate(values, [*self.held.values(), a, self.after, *kept], name="back", doc=self._says())
        if r.kind != "jacobian":
            ends = [end_slope(r)] if r.kind == "gradient" else [r.base.result, end_slope(r)]
            ends = [substitute(e, {layer.state_at(layer.depth): a}) for e in ends]
            seen = [s for s in [*layer.shared, *self.rest] if any(s in free_symbols(e) for e in ends)]
            found["end"] = generate(ends, [a, *seen], name="end", doc="Where the recursion begins.")
        return {key: found[key] for key in PARTS if key in found}

    def _says(self) -> str:
        return "One step of the recursion, with the state before and after the layer."

    # ------------------------------------------------------------ the loop
    def call(self, part: str, values: dict[str, str]) -> str:
        """The text of a call; what isn't in ``values`` is an argument of the whole function."""
        made = self.parts[part]
        texts = [values[a.name] if a.name in values else self.free(a.name) for a in made.arguments]
        return f"{part}({', '.join(texts)})"

    def free(self, key: str) -> str:
        """The whole function's argument of a name: an array, a function or a size."""
        return self.extra.setdefault(key, key if key not in self.names.taken else self.names.fresh(key))

    def function(self) -> Callable[..., Any]:
        """The function, with its source."""
        layer, g = self.layer, self.given
        self.extra = {s.name: g[s] for s in (*layer.shared, *self.rest)}
        lines = self.lines()
        arrays = {g[s]: s.shape for s in (layer.state, *layer.shared, *self.rest)}
        stacked = {g[s]: s.shape for s in layer.own}
        functions = [v for k, v in self.extra.items() if v not in arrays]
        counted: list[str] = [] if layer.own else [self.depth]
        order = [g[layer.state], *(g[s] for s in layer.own), *counted, *(x for x in arrays if x != g[layer.state]), *functions]
        head = f"def {self.recursion.kind}({', '.join(order)}):"
        doc = self.document(arrays, stacked, functions)
        text = "\n".join([head, *(f"    {x}" if x else "" for x in (*doc, *lines))])
        whole = Pass(self.parts, text)
        space: dict[str, Any] = {"np": np, **{k: made.function for k, made in self.parts.items()}}
        exec(compile(text, f"<loop of {self.recursion.kind}>", "exec"), space)
        inner = space[self.recursion.kind]
        return wrapped(inner, order, (set(arrays), set(stacked), set(counted)), whole, "\n".join(doc))

    @property
    def depth(self) -> str:
        return self._depth

    def lines(self) -> list[str]:
        """The loop's statements."""
        r, layer, g = self.recursion, self.layer, self.given
        self._depth = self.names.fresh(layer.depth)
        k, states = self.names.fresh(layer.index), self.names.fresh("states")
        own = {s.name: f"{g[s]}[{k}]" for s in layer.own}
        a = layer.state.name
        found = [f"{self.depth} = len({g[layer.own[0]]})"] if layer.own else []
        found += [f"{states} = [{g[layer.state]}]", f"for {k} in range({self.depth}):"]
        found.append(f"    {states}.append({self.call('layer', {**own, a: f'{states}[{k}]'})})")
        held = {s.name: s.name for s in self.held.values()}
        around = {**own, **held, a: f"{states}[{k}]", self.after.name: f"{states}[{k} + 1]"}
        if r.kind == "jacobian":
            (p,) = held
            size = f"{g[layer.state]}.size"
            found.append(f"{p} = np.eye({size}).reshape({g[layer.state]}.shape*2)")
            found += [f"for {k} in range({self.depth}):", f"    ({p},) = {self.call('back', around)}"]
            return [*found, f"return {p}"]
        return [*found, *self.backwards(k, states, around)]

    def backwards(self, k: str, states: str, around: dict[str, str]) -> list[str]:
        """From the last layer to the first."""
        r, layer = self.recursion, self.layer
        held = [s.name for s in self.held.values()]
        running = [held[0]] if r.kind == "gradient" else [held[1], held[0]]
        found = [f"{', '.join(running)}{',' if len(running) == 1 else ''} = {self.call('end', {layer.state.name: f'{states}[-1]'})}"]
        targets, returned = [running[0]], [running[0]]
        inner: list[str] = []
        for e in r.equations[1:]:
            plain = e.by.name if e.summed else e.by.name.removesuffix(f"_{layer.at()}")
            own = self.names.fresh(f"{'d' if r.kind == 'gradient' else 'H_'}{plain}")
            if e.summed:
                term = self.names.fresh(f"{own}_term")
                found.append(f"{own} = np.zeros({self.given[e.by]}.shape)")
                inner.append(f"    {own} = {own} + {term}")
                targets.append(term)
                returned.append(own)
            else:
                found.append(f"{own} = [None]*{self.depth}")
                targets.append(f"{own}[{k}]")
                returned.append(f"np.array({own})")
        targets += running[1:]
        found.append(f"for {k} in reversed(range({self.depth})):")
        found.append(f"    {', '.join(targets)}{',' if len(targets) == 1 else ''} = {self.call('back', around)}")
        return [*found, *inner, f"return {', '.join(returned)}{',' if len(returned) == 1 else ''}"]

    def document(self, arrays: Iterable[str], stacked: Iterable[str], functions: Sequence[str]) -> list[str]:
        layer, g = self.layer, self.given
        shape = {g[s]: s.shape for s in (layer.state, *layer.own, *layer.shared, *self.rest)}
        found = [f'"""{self.recursion.kind.capitalize()} of a network of {layer.depth} layers.', ""]
        found.append(f"{g[layer.state]}: {_shape(shape[g[layer.state]])}, the first state")
        found += [f"{x}: {_shape((layer.depth, *shape[x]))}, one for each layer" for x in stacked]
        found += [] if layer.own else [f"{self.depth}: the number of layers"]
        found += [f"{x}: {_shape(shape[x])}" for x in arrays if x != g[layer.state]]
        told = {a.name: a.says for made in self.parts.values() for a in made.arguments}
        found += [f"{x}: {told.get(x, 'a function')}" for x in functions]
        if self.recursion.kind == "jacobian":
            found.append(f"returns: {_shape(self.recursion.equations[0].right.shape)}")
        else:
            by = ", ".join(s.name for s in (layer.state, *layer.own, *(layer.shared if self.recursion.kind == "gradient" else ())))
            found.append(f"returns: the derivatives by {by}")
        return [*found, '"""']


def _shape(shape: Sequence[Any]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


# ---------------------------------------------------------------- arguments
def wrapped(
    inner: Callable[..., Any], order: Sequence[str], kinds: tuple[set[str], set[str], set[str]], whole: Pass, doc: str
) -> Callable[..., Any]:
    """The loop behind a check of its arguments: arrays, those that are stacked, and a number of layers."""
    arrays, stacked, counted = kinds

    def called(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(order):
            raise EvaluationError(f"{inner.__name__} takes {len(order)} arguments, {len(args)} were given",
                                  hint="in this order: " + ", ".join(order))  # fmt: skip
        twice = next((k for k in order[: len(args)] if k in kwargs), None)
        if twice:
            raise EvaluationError(f"'{twice}' is given twice", hint="by position and by keyword")
        given = {**dict(zip(order, args, strict=False)), **kwargs}
        unknown = next((k for k in given if k not in order), None)
        if unknown:
            raise EvaluationError(f"unknown argument '{unknown}'", hint="the arguments are " + ", ".join(order))
        missing = next((k for k in order if k not in given), None)
        if missing:
            raise EvaluationError(f"the argument '{missing}' is missing", hint="the arguments are " + ", ".join(order))
        for k in {*arrays, *stacked}:
            given[k] = _array(k, given[k])
        for k in counted:
            whole_number(k, given[k], 1, "the number of layers")
        lengths = {k: len(given[k]) if given[k].ndim else 0 for k in order if k in stacked}
        if len({*lengths.values()}) > 1 or 0 in lengths.values():
            said = ", ".join(f"{k}: {n}" for k, n in lengths.items())
            raise ShapeError(f"the arrays of the layers are of different numbers of layers, or of none ({said})",
                             hint="stack one for each layer along the first axis")  # fmt: skip
        return inner(**given)

    called.__name__ = called.__qualname__ = inner.__name__
    called.__doc__ = doc.strip('"')
    called.source = whole.source  # type: ignore[attr-defined]  # a function that carries its text
    return called


def _array(key: str, value: Any) -> Any:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise EvaluationError(f"'{key}' isn't an array of real numbers", hint="give a rectangular array") from None


__all__ = ["deep_numpy"]
