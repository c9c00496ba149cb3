"""Modules of torch.nn as lines of the notation, by the names of their classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symderiv.errors import NoRuleError
from symderiv.torch_models import losses
from symderiv.torch_models.functions import FUNCTIONS, _lead, named, reordered
from symderiv.torch_models.reading import Reading, Value, only

Read = Callable[..., Any]
LAYERS: dict[str, Read] = {}
"""What reads a layer: called with the reading, the module, its path, and what it is called with."""

#: Activations: the function that each calls, and the attributes that it passes on.
ACTIVATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ReLU": ("relu", ()), "ReLU6": ("relu6", ()), "Tanh": ("tanh", ()), "Sigmoid": ("sigmoid", ()), "SiLU": ("silu", ()),
    "Mish": ("mish", ()), "LogSigmoid": ("log_sigmoid", ()), "Softsign": ("softsign", ()), "SELU": ("selu", ()),
    "Tanhshrink": ("tanhshrink", ()), "Hardsigmoid": ("hardsigmoid", ()), "Hardswish": ("hardswish", ()),
    "GELU": ("gelu", ("approximate",)), "LeakyReLU": ("leaky_relu", ("negative_slope",)), "ELU": ("elu", ("alpha",)),
    "CELU": ("celu", ("alpha",)), "Softplus": ("softplus", ("beta", "threshold")), "Softshrink": ("softshrink", ("lambd",)),
    "Hardshrink": ("hardshrink", ("lambd",)), "Hardtanh": ("hardtanh", ("min_val", "max_val")),
    "Softmax": ("softmax", ("dim",)), "LogSoftmax": ("log_softmax", ("dim",)), "Softmin": ("softmin", ("dim",)),
    "Identity": ("identity", ()),
}  # fmt: skip


def function_named(name: str) -> Read | None:
    """What reads a function of torch by its name, or None."""
    return FUNCTIONS.get(name) or named(name.rstrip("_"))


def layer_named(name: str) -> Read | None:
    """What reads a module by the name of its class, or None."""
    if name in LAYERS:
        return LAYERS[name]
    for table in (ACTIVATIONS, losses.MODULES):
        if name in table:
            function, attributes = table[name]
            shared = ("reduction",) if table is losses.MODULES else ()
            read = function_named(function)
            assert read is not None
            return lambda r, module, path, *given: read(
                r, *given, **{a: getattr(module, a) for a in (*attributes, *shared)})  # fmt: skip
    return None


def layer(*names: str) -> Callable[[Read], Read]:
    def register(function: Read) -> Read:
        LAYERS.update(dict.fromkeys(names, function))
        return function

    return register


def array_of(tensor: Any) -> Any:
    """A tensor as a NumPy array in double precision."""
    return tensor.detach().cpu().double().numpy()


def parameter(r: Reading, module: Any, path: str, name: str) -> Value | None:
    tensor = getattr(module, name)
    whole = f"{path}.{name}" if path else name
    return None if tensor is None else r.symbol(whole, array_of(tensor), learnt=name in module._parameters)


@layer("Linear")
def linear(r: Reading, module: Any, path: str, input: Value) -> Value:
    read: Value = FUNCTIONS["linear"](r, input, parameter(r, module, path, "weight"), parameter(r, module, path, "bias"))
    return read


@layer("Bilinear")
def bilinear(r: Reading, module: Any, path: str, input1: Value, input2: Value) -> Value:
    weight, bias = parameter(r, module, path, "weight"), parameter(r, module, path, "bias")
    read: Value = FUNCTIONS["bilinear"](r, input1, input2, weight, bias)
    return read


@layer("Dropout", "Dropout1d", "AlphaDropout", "FeatureAlphaDropout")
def dropout(r: Reading, module: Any, path: str, input: Value) -> Value:
    read: Value = FUNCTIONS["dropout"](r, input, module.p, module.training)
    return read


@layer("LayerNorm")
def layer_norm(r: Reading, module: Any, path: str, input: Value) -> Value:
    weight, bias = parameter(r, module, path, "weight"), parameter(r, module, path, "bias")
    read: Value = FUNCTIONS["layer_norm"](r, input, module.normalized_shape, weight, bias, module.eps)
    return read


@layer("RMSNorm")
def rms_norm(r: Reading, module: Any, path: str, input: Value) -> Value:
    read: Value = FUNCTIONS["rms_norm"](r, input, module.normalized_shape, parameter(r, module, path, "weight"), module.eps)
    return read


@layer("BatchNorm1d")
def batch_norm(r: Reading, module: Any, path: str, input: Value) -> Value:
    """By the running mean and variance when evaluating, by those of the batch when training."""
    if len(input.shape) != 2:
        raise NoRuleError("batch normalisation is read for a matrix with a sample in each row", hint='declare x="B n"')
    if module.training or module.running_mean is None:
        text = f"({input.text} - mean({input.text}, axis=0))/sqrt(var({input.text}, axis=0) + {module.eps!r})"
        used = [input]
    else:
        mean, var = parameter(r, module, path, "running_mean"), parameter(r, module, path, "running_var")
        assert mean is not None and var is not None
        text = f"({input.text} - {mean.text})/sqrt({var.text} + {module.eps!r})"
        used = [input, mean, var]
    weight, bias = parameter(r, module, path, "weight"), parameter(r, module, path, "bias")
    if weight is not None and bias is not None:
        text, used = f"{weight.text} * {text} + {bias.text}", [*used, weight, bias]
    return r.line("s", text, *used)


@layer("MultiheadAttention")
def multihead_attention(r: Reading, module: Any, path: str, query: Value, key: Value, value: Value,
                        key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
                        average_attn_weights: bool = True, is_causal: bool = False) -> tuple[Value, Any]:  # fmt: skip
    """Heads by einsum. torch's in_proj_weight is read as three parts, each heads × size × width."""
    only({"mask": attn_mask, "padding": key_padding_mask, "causal": is_causal}, "attention", mask=None, padding=None,
         causal=False)  # fmt: skip
    if module.dropout and module.training:
        raise NoRuleError("dropout in training is random", hint="call model.eval() first")
    if module.bias_k is not None or module.add_zero_attn or not module._qkv_same_embed_dim:
        raise NoRuleError("attention with bias_k, zero attention, or other sizes of keys and values can't be read")
    batched = len(query.shape) == 3
    if batched and not module.batch_first:
        query, key, value = (reordered(r, x, [1, 0, 2]) for x in (query, key, value))
    heads, size, lead = module.num_heads, module.head_dim, "n" if batched else ""
    weights, prefix = array_of(module.in_proj_weight), f"{path}." if path else ""
    parts = []
    for part, (name, x) in enumerate(zip("qkv", (query, key, value), strict=True)):
        rows = slice(part * module.embed_dim, (part + 1) * module.embed_dim)
        w = r.symbol(f"{prefix}in_proj_weight", weights[rows].reshape(heads, size, -1), True, name)
        text, used = f'einsum("{lead}te,hde->{lead}htd", {x.text}, {w.text})', [x, w]
        if module.in_proj_bias is not None:
            bias = array_of(module.in_proj_bias)[rows].reshape(heads, size)
            used.append(r.symbol(f"{prefix}in_proj_bias", bias, True, name))
            text += f" + {used[-1].text}[:, None, :]"
        parts.append(r.line(name, text, *used))
    q, k, v = parts
    scores = r.line("s", f'einsum("{lead}htd,{lead}hsd->{lead}hts", {q.text}, {k.text})/sqrt({size})', q, k)
    attention = r.line("p", f"softmax({scores.text}, axis=-1)", scores)
    head = r.line("o", f'einsum("{lead}hts,{lead}hsd->{lead}htd", {attention.text}, {v.text})', attention, v)
    out = array_of(module.out_proj.weight).reshape(-1, heads, size)
    weight = r.symbol(f"{prefix}out_proj.weight", out, True)
    text, used = f'einsum("{lead}htd,ehd->{lead}te", {head.text}, {weight.text})', [head, weight]
    if module.out_proj.bias is not None:
        used.append(r.symbol(f"{prefix}out_proj.bias", array_of(module.out_proj.bias), True))
        text += f" + {used[-1].text}"
    result = r.line("u" if not r.writer.left else "z", text, *used)
    if batched and not module.batch_first:
        result = reordered(r, result, [1, 0, 2])
    shown = r.line("p", f"mean({attention.text}, axis={-3})", attention) if need_weights and average_attn_weights else None
    return result, shown


@layer("TransformerEncoderLayer")
def encoder_layer(r: Reading, module: Any, path: str, src: Value, src_mask: Any = None, src_key_padding_mask: Any = None,
                  is_causal: bool = False) -> Value:  # fmt: skip
    only({"mask": src_mask, "padding": src_key_padding_mask}, "attention", mask=None, padding=None)
    below = f"{path}." if path else ""

    def attend(x: Value) -> Value:
        found, _ = multihead_attention(r, module.self_attn, f"{below}self_attn", x, x, x, need_weights=False)
        return dropout(r, module.dropout1, "", found)

    def feed(x: Value) -> Value:
        inner = linear(r, module.linear1, f"{below}linear1", x)
        activation = function_named(module.activation.__name__) if callable(module.activation) else None
        if activation is None:
            raise NoRuleError("the activation of this layer can't be read")
        inner = dropout(r, module.dropout, "", activation(r, inner))
        return dropout(r, module.dropout2, "", linear(r, module.linear2, f"{below}linear2", inner))

    def normalise(k: int, x: Value) -> Value:
        return layer_norm(r, getattr(module, f"norm{k}"), f"{below}norm{k}", x)

    add = FUNCTIONS["add"]
    if module.norm_first:
        middle = add(r, src, attend(normalise(1, src)))
        result: Value = add(r, middle, feed(normalise(2, middle)))
        return result
    middle = normalise(1, add(r, src, attend(src)))
    return normalise(2, add(r, middle, feed(middle)))


# ---------------------------------------------------------------- one step of a recurrent network
def _gates(r: Reading, module: Any, path: str, input: Value, hidden: Value, gates: str) -> list[tuple[str, list[Value]]]:
    """For each gate the text W x + b, and the text U h + c, of its part of torch's stacked arrays."""
    prefix, size = f"{path}." if path else "", module.hidden_size
    rows = []
    for k, gate in enumerate(gates):
        for kind, x in (("ih", input), ("hh", hidden)):
            part = slice(k * size, (k + 1) * size)
            w = r.symbol(f"{prefix}weight_{kind}", array_of(getattr(module, f"weight_{kind}"))[part], True, gate)
            text, used = f"{w.text} @ {x.text}" if len(x.shape) == 1 else f"{x.text} @ {w.text}.T", [w, x]
            if module.bias:
                used.append(r.symbol(f"{prefix}bias_{kind}", array_of(getattr(module, f"bias_{kind}"))[part], True, gate))
                text += f" + {used[-1].text}"
            rows.append((text, used))
    return rows


@layer("RNNCell")
def rnn_cell(r: Reading, module: Any, path: str, input: Value, hx: Value) -> Value:
    (a, used), (b, more) = _gates(r, module, path, input, hx, "n")
    return r.line("h", f"{module.nonlinearity}({a} + {b})", *used, *more)


@layer("GRUCell")
def gru_cell(r: Reading, module: Any, path: str, input: Value, hx: Value) -> Value:
    rows = _gates(r, module, path, input, hx, "rzn")
    reset, update = (
        r.line(name, f"sigmoid({rows[k][0]} + {rows[k + 1][0]})", *rows[k][1], *rows[k + 1][1]) for name, k in (("g", 0), ("z", 2))
    )
    new = r.line("a", f"tanh({rows[4][0]} + {reset.text} * ({rows[5][0]}))", reset, *rows[4][1], *rows[5][1])
    return r.line("h", f"(1 - {update.text}) * {new.text} + {update.text} * {hx.text}", update, new, hx)


@layer("LSTMCell")
def lstm_cell(r: Reading, module: Any, path: str, input: Value, hx: tuple[Value, Value]) -> tuple[Value, Value]:
    hidden, cell = hx
    rows = _gates(r, module, path, input, hidden, "ifgo")
    i, f, g, o = (
        r.line(name, f"{fn}({rows[2 * k][0]} + {rows[2 * k + 1][0]})", *rows[2 * k][1], *rows[2 * k + 1][1])
        for k, (name, fn) in enumerate((("i", "sigmoid"), ("f", "sigmoid"), ("g", "tanh"), ("o", "sigmoid")))
    )
    after = r.line("c", f"{f.text} * {cell.text} + {i.text} * {g.text}", f, cell, i, g)
    return r.line("h", f"{o.text} * tanh({after.text})", o, after), after


@layer("Conv1d")
def conv1d(r: Reading, module: Any, path: str, input: Value) -> Value:
    """A contraction with the structure tensor S_tkl = 1 where l = stride·t + dilation·k − padding, else 0."""
    import numpy as np

    only({"padding": module.padding if isinstance(module.padding, str) else None, "groups": module.groups,
          "padding_mode": module.padding_mode}, "convolution", padding=None, groups=1, padding_mode="zeros")  # fmt: skip
    (stride,), (padding,), (dilation,), (width,) = module.stride, module.padding, module.dilation, module.kernel_size
    length = input.shape[-1]
    if not isinstance(length, int):
        raise NoRuleError("a convolution over a length that isn't a number", hint='declare x="channels 8"')
    steps = (length + 2 * padding - dilation * (width - 1) - 1) // stride + 1
    t, k, at = np.ogrid[:steps, :width, :length]
    structure = (at == stride * t + dilation * k - padding).astype(float)
    s = r.symbol(f"{path}.structure" if path else "structure", structure, learnt=False)
    weight, bias = parameter(r, module, path, "weight"), parameter(r, module, path, "bias")
    assert weight is not None
    lead = _lead(input, 2)
    text = f'einsum("{lead}cl,ock,tkl->{lead}ot", {input.text}, {weight.text}, {s.text})'
    text += f" + {bias.text}[:, None]" if bias is not None else ""
    return r.line("z", text, input, weight, s, *([bias] if bias is not None else []))
