"""Values of expressions and texts, written for these tests alone: einsum over the nodes, Python's eval for texts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symderiv.dims import dim_value
from symderiv.ir import Add, Call, Contract, Expr, Map, Name, Symbol, postorder

SIZES = {"m": 2, "n": 3, "o": 5, "h": 4, "p": 6, "q": 7}
erf = np.vectorize(math.erf)


def array(shape: str, seed: int = 0) -> Any:
    """Random entries between 0.2 and 1.7, for a shape such as "o n"."""
    sizes = tuple(SIZES.get(d) or int(d) for d in shape.split())
    return np.random.default_rng([seed, *sizes]).uniform(0.2, 1.7, sizes)


def arrays(shapes: dict[str, str]) -> dict[str, Any]:
    return {name: array(s, k) for k, (name, s) in enumerate(shapes.items()) if "->" not in s and s != "elementwise"}


def softmax(x: Any, axis: int | None = -1) -> Any:
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def layer_norm(x: Any, axis: int = -1, eps: float = 1e-5) -> Any:
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + eps)


def cross_entropy(u: Any, y: Any) -> Any:
    each = -np.sum(y * np.log(softmax(u)), axis=-1)
    return np.mean(each)


SCALARS: dict[str, Any] = {
    "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "abs": np.abs, "erf": erf,
    "sigmoid": lambda v: 1 / (1 + np.exp(-v)), "relu": lambda v: np.maximum(v, 0), "heaviside": lambda v: 1.0 * (v > 0),
    "softplus": lambda v: np.log(1 + np.exp(v)), "silu": lambda v: v / (1 + np.exp(-v)),
    "gelu": lambda v: v * (1 + erf(v / 2**0.5)) / 2, "f": lambda v: v**3 + v,
    "leaky_relu": lambda v, slope=0.01: np.where(v > 0, v, slope * v),
}  # fmt: skip
MODULES: dict[str, Any] = {
    "N": lambda x: np.concatenate([x, x[:1] * x[1:2], np.sin(x[:1])]),  # n -> o, of 3 and 5
    "L": lambda u: np.sum(u**3) / 2,
    "B": lambda a, b: np.outer(a, b) @ b,
}
TEXTS: dict[str, Any] = {
    **SCALARS, **MODULES, "softmax": softmax, "logsumexp": logsumexp, "layer_norm": layer_norm, "pi": np.pi, "e": np.e,
    "log_softmax": lambda x, axis=-1: np.log(softmax(x, axis)), "sum": np.sum, "mean": np.mean, "var": np.var,
    "sqrt": np.sqrt, "square": np.square, "reciprocal": np.reciprocal, "power": np.power, "trace": np.trace,
    "std": np.std, "norm": lambda x, axis=None, keepdims=False: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)),
    "det": np.linalg.det, "inv": np.linalg.inv, "solve": np.linalg.solve, "diag": np.diag, "outer": np.outer,
    "logdet": lambda x: np.linalg.slogdet(x)[1], "kron": np.kron, "vec": lambda x: x.reshape(-1, order="F"),
    "dot": np.dot, "inner": np.inner, "einsum": np.einsum, "max": np.max, "maximum": np.maximum, "minimum": np.minimum,
    "size": np.size, "len": len, "ones": np.ones, "zeros": np.zeros, "eye": np.eye, "transpose": np.transpose,
    "mse": lambda a, b: np.mean((a - b) ** 2), "cross_entropy": cross_entropy, "abs": np.abs,
    "huber": lambda a, b, delta=1.0: np.mean(
        np.where(abs(a - b) <= delta, (a - b) ** 2 / 2, delta * (abs(a - b) - delta / 2))),
}  # fmt: skip


def text_value(text: str, values: dict[str, Any]) -> Any:
    """What Python and NumPy make of a text; sizes are known by name."""
    scope = {**TEXTS, **SIZES, **values, "__builtins__": {"__import__": __import__}}
    *lines, last = [line.strip() for line in text.replace(";", "\n").strip().splitlines()]
    for line in lines:
        name, _, value = line.partition("=")
        scope[name.strip()] = eval(value.strip(), scope)
    name, equals, value = last.partition(" = ")
    return eval(value.strip() if equals else last, scope)


def expr_value(root: Expr, values: dict[str, Any]) -> Any:
    """The value of an expression, node by node."""
    done: dict[Expr, Any] = {}
    for node in postorder(root):
        kids = [done[k] for k in node.kids]
        done[node] = np.asarray(_node(node, kids, values))
        assert done[node].shape == tuple(dim_value(d, SIZES) for d in node.shape), node
    return done[root]


def _node(node: Expr, kids: list[Any], values: dict[str, Any]) -> Any:
    if isinstance(node, Symbol):
        known = {"variable": values, "dim": SIZES, "const": {"pi": np.pi, "e": np.e}}
        return known[node.kind][node.name]
    if isinstance(node, Name):
        return kids[0]
    if isinstance(node, Add):
        return sum((float(c) * v for (c, _), v in zip(node.terms, kids, strict=True)), np.zeros(_shape(node)))
    if isinstance(node, Contract):
        return _contraction(node, kids)
    if isinstance(node, Map):
        q = [float(p) for p in node.params]
        return kids[0] ** q[0] if node.fn == "pow" else SCALARS[node.fn](kids[0], *q)
    assert isinstance(node, Call)
    if node.abstract:
        return MODULES[node.fn](*kids)
    if node.fn == "reshape":
        return kids[0].reshape(_shape(node))
    return TEXTS[node.fn](*kids, **({"axis": node.params[0]} if node.params else {}))


def _shape(node: Expr) -> tuple[int, ...]:
    return tuple(dim_value(d, SIZES) for d in node.shape)


def _contraction(node: Contract, kids: list[Any]) -> Any:
    sizes = [dim_value(d, SIZES) for d in node.dims]
    out = tuple(dict.fromkeys(node.out))
    operands: list[Any] = [v for kid, labels in zip(kids, node.labels, strict=True) for v in (kid, list(labels))]
    for x in out:
        operands += [np.ones(sizes[x]), [x]]
    core = np.einsum(*operands, list(out)) if operands else np.array(1.0)
    full = np.zeros([sizes[x] for x in node.out])
    for place in np.ndindex(*core.shape):
        full[tuple(place[out.index(x)] for x in node.out)] = core[place]
    return full
