"""A slow evaluation of expressions for tests: np.einsum over each node, nothing shared with the code generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symderiv.dims import dim_value
from symderiv.ir import Add, Box, Call, Contract, Expr, Map, Name, Symbol, postorder

_MAPS: dict[str, Callable[[Any], Any]] = {
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "silu": lambda x: x / (1 + np.exp(-x)),
}


def evaluate(
    root: Expr,
    arrays: Mapping[str, Any],
    sizes: Mapping[str, int],
    functions: Mapping[Any, Callable[..., Any]] | None = None,
) -> Any:
    """The value of an expression; ``functions`` are generic ones by (name, order), abstract ones by (name, ders)."""
    done: dict[Expr, Any] = {}
    for node in postorder(root):
        shape = tuple(dim_value(d, sizes) for d in node.shape)
        value = np.asarray(_one(node, done, arrays, sizes, functions or {}), dtype=float)
        assert value.shape == shape, (node, value.shape, shape)
        done[node] = value
    return done[root]


def _one(
    node: Expr, done: Mapping[Expr, Any], arrays: Mapping[str, Any], sizes: Mapping[str, int], functions: Any
) -> Any:
    if isinstance(node, Symbol):
        if node.kind == "dim":
            return sizes[node.name]
        if node.kind == "const":
            return {"pi": np.pi, "e": np.e}[node.name]
        return arrays[node.name]
    if isinstance(node, Name | Box):
        return done[node.kids[0]]
    if isinstance(node, Map):
        x = done[node.arg]
        if node.generic:
            return functions[node.fn, node.order](x)
        return x ** float(node.params[0]) if node.fn == "pow" else _MAPS[node.fn](x)
    if isinstance(node, Call):
        xs = [done[a] for a in node.args]
        if node.abstract:
            return functions[node.fn, node.ders](*xs)
        if node.fn == "softmax":
            e = np.exp(xs[0])
            return e / e.sum(axis=node.params[0], keepdims=True)
        if node.fn == "logsumexp":
            return np.log(np.exp(xs[0]).sum(axis=node.params[0]))
        return {"inv": np.linalg.inv, "det": np.linalg.det, "logdet": lambda x: np.log(abs(np.linalg.det(x)))}[node.fn](
            *xs
        )
    if isinstance(node, Add):
        total = np.zeros(tuple(dim_value(d, sizes) for d in node.shape))
        for c, t in node.terms:
            total = total + float(c) * done[t]
        return total
    assert isinstance(node, Contract)
    operands: list[Any] = []
    for f, ls in zip(node.factors, node.labels, strict=True):
        operands += [done[f], list(ls)]
    out = list(node.out)
    fresh = len(node.dims)
    for k, x in enumerate(node.out):  # δ by dense identities, broadcast axes by ones
        if x in node.out[:k]:
            operands += [np.eye(dim_value(node.dims[x], sizes)), [x, fresh]]
            out[k] = fresh
            fresh += 1
    for x, dim in enumerate(node.dims):
        operands += [np.ones(dim_value(dim, sizes)), [x]]
    return np.einsum(*operands, out) if operands else 1.0
