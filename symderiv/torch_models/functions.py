"""Functions and methods of torch as lines of the notation, by torch's names."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_lowercase
from typing import Any

from symderiv.errors import NoRuleError
from symderiv.functions import POWERS, SCALAR, canonical_name
from symderiv.torch_models.reading import Reading, Value, axis_text, only, text_of

Read = Callable[..., Any]
FUNCTIONS: dict[str, Read] = {}
"""What reads a function: called with the reading and the function's own arguments."""


def reads(*names: str) -> Callable[[Read], Read]:
    def register(function: Read) -> Read:
        FUNCTIONS.update(dict.fromkeys(names, function))
        return function

    return register


def _values(*given: Any) -> tuple[Value, ...]:
    return tuple(v for v in given if isinstance(v, Value))


def _binary(sign: str, letter: str) -> Read:
    def read(r: Reading, input: Any, other: Any) -> Value:
        return r.line(letter, f"{text_of(input)} {sign} {text_of(other)}", *_values(input, other))

    return read


for _names, _sign, _letter in (
    ("add iadd", "+", "r"), ("sub isub subtract", "-", "r"), ("mul imul multiply", "*", "v"),
    ("div truediv itruediv true_divide divide", "/", "v"), ("matmul mm bmm mv", "@", "v"), ("pow", "**", "v"),
):  # fmt: skip
    reads(*_names.split())(_binary(_sign, _letter))


@reads("neg", "negative")
def negative(r: Reading, input: Value) -> Value:
    return r.line("v", f"-{input.text}", input)


@reads("dot", "inner", "vdot")
def dot(r: Reading, input: Value, other: Value) -> Value:
    if len(input.shape) > 1 or len(other.shape) > 1:
        raise NoRuleError("the inner product of arrays that aren't vectors", hint="write einsum")
    return r.line("v", f"{input.text} @ {other.text}", input, other)


@reads("outer", "ger")
def outer(r: Reading, input: Value, vec2: Value) -> Value:
    return r.line("v", f"outer({input.text}, {vec2.text})", input, vec2)


@reads("linear")
def linear(r: Reading, input: Value, weight: Value, bias: Value | None = None) -> Value:
    r.writer.left -= 1
    text = f"{weight.text} @ {input.text}" if len(input.shape) == 1 else f"{input.text} @ {weight.text}.T"
    text += f" + {bias.text}" if bias is not None else ""
    return r.line("z" if r.writer.left else "u", text, input, weight, *_values(bias))


@reads("bilinear")
def bilinear(r: Reading, input1: Value, input2: Value, weight: Value, bias: Value | None = None) -> Value:
    text = f'einsum("{_lead(input1)}i,kij,{_lead(input1)}j->{_lead(input1)}k", {input1.text}, {weight.text}, {input2.text})'
    return r.line("z", text + (f" + {bias.text}" if bias is not None else ""), input1, input2, weight, *_values(bias))


def _lead(x: Value, own: int = 1) -> str:
    """Letters for the axes before a value's last ones."""
    return ascii_lowercase[13 : 13 + len(x.shape) - own]


def elementwise(r: Reading, name: str, input: Value, params: str = "", letter: str = "a") -> Value:
    return r.line(letter, f"{name}({input.text}{params})", input)


def named(name: str) -> Read | None:
    """The reader of an elementwise function that the table knows by torch's own name."""
    row = canonical_name(name)
    if row in POWERS or (row in SCALAR and not SCALAR[row].params):
        return lambda r, input, inplace=False, out=None: elementwise(r, row, input)
    return None


@reads("gelu")
def gelu(r: Reading, input: Value, approximate: str = "none") -> Value:
    return elementwise(r, "gelu" if approximate == "none" else "gelu_tanh", input)


@reads("leaky_relu", "leaky_relu_")
def leaky_relu(r: Reading, input: Value, negative_slope: float = 0.01, inplace: bool = False) -> Value:
    return elementwise(r, "leaky_relu", input, f", slope={negative_slope!r}")


@reads("elu")
def elu(r: Reading, input: Value, alpha: float = 1.0, inplace: bool = False) -> Value:
    return elementwise(r, "elu", input, f", alpha={alpha!r}")


@reads("celu")
def celu(r: Reading, input: Value, alpha: float = 1.0, inplace: bool = False) -> Value:
    return elementwise(r, "celu", input, f", alpha={alpha!r}")


@reads("selu")
def selu(r: Reading, input: Value, inplace: bool = False) -> Value:
    return elementwise(r, "selu", input)


@reads("softshrink")
def softshrink(r: Reading, input: Value, lambd: float = 0.5) -> Value:
    return elementwise(r, "softshrink", input, f", lambd={lambd!r}")


@reads("hardshrink")
def hardshrink(r: Reading, input: Value, lambd: float = 0.5) -> Value:
    return elementwise(r, "hardshrink", input, f", lambd={lambd!r}")


@reads("softplus")
def softplus(r: Reading, input: Value, beta: float = 1, threshold: float = 20) -> Value:
    """torch's is linear beyond the threshold, which from 20 on is a matter of rounding."""
    if threshold < 20:
        raise NoRuleError(f"softplus with threshold={threshold!r} can't be read")
    if beta == 1:
        return elementwise(r, "softplus", input)
    return r.line("a", f"softplus({beta!r}*{input.text})/{beta!r}", input)


@reads("hardtanh")
def hardtanh(r: Reading, input: Value, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Value:
    return _clipped(r, input, min_val, max_val)


@reads("clamp", "clip")
def clamp(r: Reading, input: Value, min: Any = None, max: Any = None) -> Value:
    return _clipped(r, input, min, max)


def _clipped(r: Reading, input: Value, low: Any, high: Any) -> Value:
    text = input.text if low is None else f"maximum({input.text}, {text_of(low)})"
    text = text if high is None else f"minimum({text}, {text_of(high)})"
    return r.line("a", text, input, *_values(low, high))


@reads("maximum")
def maximum(r: Reading, input: Any, other: Any) -> Value:
    return r.line("v", f"maximum({text_of(input)}, {text_of(other)})", *_values(input, other))


@reads("minimum")
def minimum(r: Reading, input: Any, other: Any) -> Value:
    return r.line("v", f"minimum({text_of(input)}, {text_of(other)})", *_values(input, other))


@reads("dropout", "feature_dropout", "alpha_dropout", "dropout1d")
def dropout(r: Reading, input: Value, p: float = 0.5, training: bool = True, inplace: bool = False) -> Value:
    if training and p:
        raise NoRuleError("dropout in training is random", hint="call model.eval() first")
    return input


@reads("identity", "contiguous", "clone", "double")
def identity(r: Reading, input: Value, *_: Any, **__: Any) -> Value:
    return input


# ---------------------------------------------------------------- reductions
def _reduction(name: str) -> Read:
    def read(r: Reading, input: Value, dim: Any = None, keepdim: bool = False) -> Value:
        return r.line("v", f"{name}({input.text}, axis={axis_text(dim)}, keepdims={bool(keepdim)})", input)

    return read


for _name in ("sum", "mean", "logsumexp", "amax", "amin"):
    reads(_name)(_reduction({"amax": "max", "amin": "min"}.get(_name, _name)))


@reads("var")
def variance(r: Reading, input: Value, dim: Any = None, unbiased: bool = True, keepdim: bool = False,
             correction: int | None = None) -> Value:  # fmt: skip
    """torch divides by n − 1 unless it is told otherwise."""
    axis, shift = axis_text(dim), int(unbiased) if correction is None else correction
    factor = f" * (size({input.text}, {axis})/(size({input.text}, {axis}) - {shift}))" if shift else ""
    return r.line("v", f"var({input.text}, axis={axis}, keepdims={bool(keepdim)}){factor}", input)


@reads("std")
def deviation(r: Reading, *args: Any, **kwargs: Any) -> Value:
    found = variance(r, *args, **kwargs)
    return r.line("v", f"sqrt({found.text})", found)


@reads("norm", "vector_norm")
def norm(r: Reading, input: Value, p: Any = 2, dim: Any = None, keepdim: bool = False, ord: Any = None) -> Value:
    if (p if ord is None else ord) not in (2, "fro"):
        raise NoRuleError("norms other than the Euclidean one can't be read")
    return r.line("v", f"norm({input.text}, axis={axis_text(dim)}, keepdims={bool(keepdim)})", input)


def _along(name: str, letter: str) -> Read:
    def read(r: Reading, input: Value, dim: Any = None, _stacklevel: int = 3, dtype: Any = None) -> Value:
        if dim is None:
            raise NoRuleError(f"{name} without dim=", hint="say along which axis")
        return r.line(letter, f"{name}({input.text}, axis={axis_text(dim)})", input)

    return read


for _name in ("softmax", "log_softmax", "softmin"):
    reads(_name)(_along(_name, "p"))


@reads("layer_norm")
def layer_norm(r: Reading, input: Value, normalized_shape: Any, weight: Value | None = None, bias: Value | None = None,
               eps: float = 1e-5) -> Value:  # fmt: skip
    return _normalised(r, "layer_norm", input, normalized_shape, weight, bias, eps)


@reads("rms_norm")
def rms_norm(r: Reading, input: Value, normalized_shape: Any, weight: Value | None = None, eps: float | None = None) -> Value:
    return _normalised(r, "rms_norm", input, normalized_shape, weight, None, 2.220446049250313e-16 if eps is None else eps)


def _normalised(r: Reading, name: str, input: Value, shape: Any, weight: Value | None, bias: Value | None,
                eps: float) -> Value:  # fmt: skip
    axes = tuple(range(-len(tuple(shape)), 0))
    text = f"{name}({input.text}, axis={axes[0] if len(axes) == 1 else axes}, eps={eps!r})"
    text = f"{weight.text} * {text}" if weight is not None else text
    return r.line("s", text + (f" + {bias.text}" if bias is not None else ""), input, *_values(weight, bias))


# ---------------------------------------------------------------- axes
def reordered(r: Reading, input: Value, order: list[int]) -> Value:
    letters = ascii_lowercase[8 : 8 + len(order)]
    if len(order) < 2 or order == list(range(len(order))):
        return input
    if order == [1, 0]:
        return r.line("v", f"{input.text}.T", input)
    return r.line("v", f'einsum("{letters}->{"".join(letters[k] for k in order)}", {input.text})', input)


@reads("transpose", "swapaxes")
def transpose(r: Reading, input: Value, dim0: int, dim1: int) -> Value:
    order = list(range(len(input.shape)))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return reordered(r, input, order)


@reads("t", "adjoint", "T", "mT")
def t(r: Reading, input: Value) -> Value:
    return transpose(r, input, -2, -1) if len(input.shape) > 1 else input


@reads("permute")
def permute(r: Reading, input: Value, *dims: Any) -> Value:
    order = list(dims[0]) if dims and isinstance(dims[0], tuple | list) else list(dims)
    return reordered(r, input, [d % len(input.shape) for d in order])


@reads("unsqueeze")
def unsqueeze(r: Reading, input: Value, dim: int) -> Value:
    items = [":"] * len(input.shape)
    items.insert(dim % (len(input.shape) + 1), "None")
    return r.line("v", f"{input.text}[{', '.join(items)}]", input)


@reads("getitem")
def getitem(r: Reading, input: Any, index: Any) -> Any:
    if isinstance(input, tuple) and isinstance(index, int):
        return input[index]
    items = index if isinstance(index, tuple) else (index,)
    if isinstance(input, Value) and all(i is None or i == slice(None) for i in items):
        return r.line("v", f"{input.text}[{', '.join('None' if i is None else ':' for i in items)}]", input)
    raise NoRuleError("entries and parts of an array can't be read", hint="write the model by whole arrays")


@reads("einsum")
def einsum(r: Reading, equation: str, *operands: Any) -> Value:
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], tuple | list) else operands
    return r.line("v", f'einsum("{equation}", {", ".join(v.text for v in given)})', *given)


@reads("scaled_dot_product_attention")
def attention(r: Reading, query: Value, key: Value, value: Value, attn_mask: Any = None, dropout_p: float = 0.0,
              is_causal: bool = False, scale: float | None = None) -> Value:  # fmt: skip
    only({"mask": attn_mask, "dropout": dropout_p, "causal": is_causal}, "attention", mask=None, dropout=0.0, causal=False)
    moved = transpose(r, key, -2, -1)
    factor = f"/sqrt({query.shape[-1]})" if scale is None else f"*{scale!r}"
    scores = r.line("s", f"({query.text} @ {moved.text}){factor}", query, moved)
    weights = r.line("p", f"softmax({scores.text}, axis=-1)", scores)
    return r.line("v", f"{weights.text} @ {value.text}", weights, value)
