"""The array program as text over the array API standard: for JAX, PyTorch and Dask arrays.

One line for each operation, no array written into: these libraries plan their own memory. See
https://data-apis.org/array-api; array-api-compat provides it for PyTorch and Dask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from symderiv.codegen.kernels import literal
from symderiv.codegen.program import Op
from symderiv.codegen.writer import Writer
from symderiv.dims import Dim
from symderiv.errors import NoRuleError, clip
from symderiv.functions import SCALAR, TENSOR

WIDTH = 110

ARRAYS = '''\
def _arrays(*given):
    """Arrays of one floating type: the widest that is given, or the library's own if there are only integers."""
    arrays = [{kept}xp.asarray(a) for a in given]
    if any(xp.isdtype(a.dtype, "complex floating") for a in arrays):
        raise TypeError("an argument holds complex numbers")
    types = [a.dtype for a in arrays if xp.isdtype(a.dtype, "real floating")]
    kind = xp.result_type(*types) if types else xp.asarray(0.0).dtype
    return [xp.astype(a, kind) for a in arrays]
'''

_SOFTMAX = '''\
def _softmax(x, axis=-1):
    """exp(x)/sum(exp(x)) along an axis; the largest exponent is 0."""
    p = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return p/xp.sum(p, axis=axis, keepdims=True)
'''
_LOGSUMEXP = '''\
def _logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))) along an axis; the largest exponent is 0."""
    top = xp.max(x, axis=axis, keepdims=True)
    total = xp.sum(xp.exp(x - top), axis=axis, keepdims=keepdims)
    return xp.log(total) + (top if keepdims else xp.max(x, axis=axis))
'''
_LOG_SOFTMAX = '''\
def _log_softmax(x, axis=-1):
    """log(softmax(x)) along an axis; the largest exponent is 0."""
    shifted = x - xp.max(x, axis=axis, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))
'''
_POLYVAL = '''\
def _polyval(coefficients, x):
    """The polynomial at x, the highest power first."""
    total = x*0.0
    for c in coefficients:
        total = total*x + c
    return total
'''
_HELPERS = {"softmax": _SOFTMAX, "softmin": _SOFTMAX, "logsumexp": _LOGSUMEXP, "log_softmax": _LOG_SOFTMAX}
_RENAMED = {"arctan": "atan", "arcsinh": "asinh", "arctanh": "atanh"}
_SIMPLE = frozenset(
    "exp log expm1 log1p sin cos tan atan sinh cosh tanh asinh atanh abs sign sqrt minimum maximum where clip trunc "
    "sum mean var std max min prod".split()
)
"""the standard's functions that the tables' texts may use"""
_LINEAR = frozenset({"slogdet", "det", "inv", "eigvalsh"})


def ported(text: str, what: str) -> str:
    """A NumPy expression of the tables in the standard's names; NoRuleError for what the standard hasn't.

    >>> ported("np.sqrt(0.5)*np.arctan(x)", "f")
    'math.sqrt(0.5)*xp.atan(x)'
    """
    text = re.sub(r"np\.(sqrt|log)\(([\d./]+|2\.0/np\.pi|2\.0\*np\.pi)\)", r"math.\1(\2)", text)
    text = text.replace("np.pi", "math.pi").replace("np.polyval(", "_polyval(")
    text = re.sub(r"np\.heaviside\((.*), 0\.0\)$", r"xp.where((\1) > 0, 1.0, 0.0)", text)

    def named(match: re.Match[str]) -> str:
        name = match.group(1)
        name = _RENAMED.get(name, name)
        if name in _SIMPLE or (name.startswith("linalg.") and name[7:] in _LINEAR):
            return f"xp.{name}("
        raise NoRuleError(f"the array API standard has no form of '{what}'", hint="leave the backend out: NumPy has it")

    text = re.sub(r"np\.((?:linalg\.)?\w+)\(", named, text)
    if "np." in text or ".T" in text:
        raise NoRuleError(f"the array API standard has no form of '{what}'", hint="leave the backend out: NumPy has it")
    return text


@dataclass
class PortableEmitter(Writer):
    """Writes the standard's text; ``kept`` says which arrays need no conversion."""

    kept: str = ""

    def __post_init__(self) -> None:
        self.helpers.append(ARRAYS.replace("{kept}", self.kept))
        self.code: dict[int, str] = {}
        self.made = self.names.fresh("kind")
        """the name of the keywords with which arrays are made"""

    def run(self) -> list[str]:
        """The lines of the body and the names that are returned."""
        for k in self.program.reachable(self.outputs):
            op = self.program.ops[k]
            text = getattr(self, f"_{op.kind}")(op, *(self.code[a] for a in op.args))
            self.code[k] = text if op.kind in ("input", "number", "constant", "size") else self.assign(k, op, text)
        return [self.result(k) for k in self.outputs]

    def result(self, k: int) -> str:
        op = self.program.ops[k]
        return f"xp.asarray({self.code[k]}, **{self.made})" if op.kind in ("number", "constant", "size") else self.code[k]

    def assign(self, k: int, op: Op, text: str) -> str:
        name = self.fresh(k)
        node = self.program.nodes.get(k)
        shape = clip("×".join(str(d) for d in op.dims) or "scalar")
        comment = self.comment(node) if node is not None else ""
        said = f"  # {shape}" + (f": {clip(comment, 60)}" if comment else "")
        line = f"{name} = {text}"
        self.lines.append(line + said if len(line + said) <= WIDTH else line)
        return name

    # ------------------------------------------------------------ leaves and functions
    def _input(self, op: Op) -> str:
        return self.variables["input", op.spec]

    def _size(self, op: Op) -> str:
        return self.variables["size", op.spec]

    def _constant(self, op: Op) -> str:
        return "math.pi" if op.spec in ("pi", "π") else "math.e"

    def _number(self, op: Op) -> str:
        return number(op.spec)

    def _map(self, op: Op, x: str) -> str:
        fn, params = op.spec
        if fn == "pow":
            q = params[0]
            return f"xp.sqrt({x})" if q == Fraction(1, 2) else f"1/{x}" if q == -1 else f"{x}**{number(q)}"
        row = SCALAR.get(fn)
        if row is None:
            raise NoRuleError(f"no source is known for '{fn}'", hint="add it to its row in the table of functions")
        helper = ported(row.numpy_helper, fn)
        if "_polyval(" in helper:
            self.help(_POLYVAL)
        self.help(helper)
        values = {name: number(v) for (name, _), v in zip(row.params, params, strict=False)}
        return ported(row.numpy_source(x, **values), fn)

    def _call(self, op: Op, *xs: str) -> str:
        fn, params = op.spec
        row = TENSOR.get(fn)
        if row is None or (row.numpy_helper and fn not in _HELPERS):
            raise NoRuleError(f"the array API standard has no form of '{fn}'", hint="leave the backend out: NumPy has it")
        self.help(_HELPERS.get(fn, ""))
        values = {}
        for (name, _), value in zip(row.params, params, strict=False):
            values[name] = number(value) if isinstance(value, Fraction) else repr(value)
        return ported(row.numpy_source(*xs, **values), fn)

    def _generic(self, op: Op, x: str) -> str:
        fn, order = op.spec
        return f"{self.variables['generic', f'{fn}|{order}']}({x})"

    def _abstract(self, op: Op, *xs: str) -> str:
        fn, ders = op.spec
        name = self.variables["abstract", f"{fn}|{','.join(map(str, ders))}"]
        return f"{name}({', '.join(xs)})"

    # ------------------------------------------------------------ axes
    def at(self, x: str, places: tuple[int, ...], rank: int) -> str:
        """A view whose axes stand at these places of a result of this rank."""
        x = turned(x, sorted(range(len(places)), key=lambda k: places[k]))
        there = sorted(places)
        if not there:
            return x
        index = [":" if p in there else "None" for p in range(there[0], rank)]
        return f"{x}[{', '.join(index)}]" if "None" in index else x

    def _transpose(self, op: Op, x: str) -> str:
        return turned(x, op.spec)

    def _reshape(self, op: Op, x: str) -> str:
        return f"xp.reshape({x}, {self.shape(op.dims)})"

    def _broadcast(self, op: Op, x: str) -> str:
        if self.program.ops[op.args[0]].kind in ("number", "constant", "size"):
            return f"xp.full({self.shape(op.dims)}, {x}, **{self.made})"
        return f"xp.broadcast_to({self.at(x, op.spec, len(op.dims))}, {self.shape(op.dims)})"

    def shape(self, dims: Sequence[Dim]) -> str:
        return f"({', '.join(self.size_text(d) for d in dims)}{',' if len(dims) == 1 else ''})"

    def _reduce(self, op: Op, x: str) -> str:
        axes = op.spec[0] if len(op.spec) == 1 else tuple(op.spec)
        return f"xp.sum({x}, axis={axes})"

    def eye(self, size: str) -> str:
        return f"xp.eye({size}, **{self.made})"

    def _trace(self, op: Op, x: str) -> str:
        return f"xp.sum({x}*{self.eye(f'{x}.shape[0]')})"

    def _diagonal(self, op: Op, x: str) -> str:
        labels, out = list(op.spec[0]), op.spec[1]
        while len(set(labels)) < len(labels):
            b = next(k for k, y in enumerate(labels) if y in labels[:k])
            a = labels.index(labels[b])
            mask = self.at(self.eye(f"{x}.shape[{b}]"), (a, b), len(labels))
            mask = mask if len(labels) == 2 else f"{mask}"
            x = self.step(f"xp.sum({x}*{mask}, axis={b})")
            del labels[b]
        return turned(x, [labels.index(y) for y in out])

    def step(self, text: str) -> str:
        """A line of its own."""
        self.temporaries += 1
        name = self.names.fresh(f"t{self.temporaries}")
        self.lines.append(f"{name} = {text}")
        return name

    # ------------------------------------------------------------ sums, products, δ
    def _product(self, op: Op, x: str, y: str) -> str:
        rank = len(op.dims)
        return f"{self.at(x, op.spec[0], rank)}*{self.at(y, op.spec[1], rank)}"

    def _sum(self, op: Op, *xs: str) -> str:
        coefficients, places, constant = op.spec
        text = ""
        for c, x, p in zip(coefficients, xs, places, strict=True):
            part = self.at(x, p, len(op.dims))
            part = part if abs(c) == 1 else f"{number(abs(c))}*{part}"
            text += (" - " if c < 0 else " + ") + part
        if constant:
            text += (" - " if constant < 0 else " + ") + number(abs(constant))
        return text[3:] if text.startswith(" + ") else f"-{text[3:]}"

    def _delta(self, op: Op, *xs: str) -> str:
        has_base, specs = op.spec
        rank = len(op.dims)
        parts = [xs[0]] if has_base else []
        for (pattern, axes), value in zip(specs, xs[has_base:], strict=True):
            text, covered = self.at(value, axes, rank), set(axes)
            for axis, first in enumerate(pattern):
                if axis != first:
                    text += "*" + self.at(self.eye(self.size_text(op.dims[axis])), (first, axis), rank)
                    covered |= {first, axis}
            parts.append(text if len(covered) == rank else f"xp.broadcast_to({text}, {self.shape(op.dims)})")
        return " + ".join(parts) if parts else f"xp.zeros({self.shape(op.dims)}, **{self.made})"

    # ------------------------------------------------------------ contractions
    def _contract(self, op: Op, a: str, b: str) -> str:
        la, lb, out = op.spec
        summed = [x for x in la if x in lb and x not in out]
        batch = [x for x in la if x in lb and x in out]
        free_a = [x for x in la if x not in lb]
        free_b = [x for x in lb if x not in la]
        if not batch:
            if len(summed) == 1 and len(la) <= 2 and len(lb) <= 2:
                left = turned(a, [la.index(x) for x in (*free_a, *summed)])
                right = turned(b, [lb.index(x) for x in (*summed, *free_b)])
                natural = (*free_a, *free_b)
                return turned(f"{left} @ {right}", [natural.index(x) for x in out])
            places_summed = ([la.index(x) for x in summed], [lb.index(x) for x in summed])
            natural = (*free_a, *free_b)
            return turned(f"xp.tensordot({a}, {b}, axes={places_summed})", [natural.index(x) for x in out])
        if free_a and free_b and len(summed) == 1:
            return self.batched(a, b, la, lb, out, summed[0])
        labels = (*out, *summed)  # at least one operand is as large as the product
        places = tuple(tuple(labels.index(x) for x in ls) for ls in (la, lb))
        rank = len(labels)
        axes = tuple(range(len(out), rank))
        product = f"{self.at(a, places[0], rank)}*{self.at(b, places[1], rank)}"
        return f"xp.sum({product}, axis={axes[0] if len(axes) == 1 else axes})"

    def batched(self, a: str, b: str, la: Sequence[int], lb: Sequence[int], out: Sequence[int], s: int) -> str:
        """xp.matmul over the leading axes, in which further free axes join those of the batch."""
        free_a = [x for x in out if x in la and x not in lb]
        free_b = [x for x in out if x in lb and x not in la]
        lead = [x for x in out if x not in (free_a[-1], free_b[-1])]
        operands = []
        for name, ls, tail in ((a, la, (free_a[-1], s)), (b, lb, (s, free_b[-1]))):
            labels = [*lead, *tail]
            operands.append(self.at(name, tuple(labels.index(x) for x in ls), len(labels)))
        natural = [*lead, free_a[-1], free_b[-1]]
        return turned(f"{operands[0]} @ {operands[1]}", [natural.index(x) for x in out])

    def _slabs(self, op: Op, m: str, x: str) -> str:
        if op.spec == "slices":
            return f"(xp.permute_dims({x}, (1, 0))[None, :, :]*{m}[:, None, :]) @ {x}"
        wide = self.step(f"{m}[:, :, :, None]*{x}[None, :, None, :]")
        return f"xp.permute_dims(xp.tensordot({x}, {wide}, axes=([0], [1])), (1, 0, 2, 3))"


def number(value: Fraction) -> str:
    """A number as an operand."""
    text = literal(value).replace("np.inf", "math.inf")
    return text if text.replace(".", "").isalnum() else f"({text})"


def turned(text: str, order: Sequence[int]) -> str:
    """The axes in another order."""
    order = tuple(order)
    return text if order == tuple(range(len(order))) else f"xp.permute_dims({text}, {order})"
