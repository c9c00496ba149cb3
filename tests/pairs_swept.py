"""Modules and losses as texts, and as functions of an array library: every pair of these is a question for `matching`.

The functions are written anew, so that an oracle for the pair needs nothing of the package's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Array = Any
SIZE = 3
MATRIX = ((0.5, -1.0, 0.25), (0.75, 0.5, -0.5), (-0.25, 1.0, 1.5))
GAINS = (0.5, -1.25, 2.0)


def _sigmoid(m: Any, u: Array) -> Array:
    return 1 / (1 + m.exp(-u))


def _softmax(m: Any, u: Array) -> Array:
    e = m.exp(u)
    return e / m.sum(e)


def _cut(m: Any, at: Array, x: Array) -> Array:
    """x where `at` is positive, else 0; for complex arrays too."""
    return m.where(m.real(at) > 0, x, 0 * x)


@dataclass(frozen=True)
class Module:
    text: str
    values: Callable[[Any, Array], Array]
    kind: str = "real"
    """where its values are: real, unit (0 to 1), positive, simplex or signed (-1 to 1)"""
    input: str = "real"
    more: tuple[str, ...] = ()
    """the symbols besides u: A a matrix, a a vector"""


@dataclass(frozen=True)
class Loss:
    text: str
    value: Callable[[Any, Array, Array, Array], Array]
    """of (library, p, y, u)"""
    kinds: tuple[str, ...] = ("real", "unit", "positive", "simplex", "signed")
    target: str = "real"
    """real, onehot, simplex, unit, count (positive) or signs"""
    assume: tuple[str, ...] = ()


MODULES = (
    Module("u", lambda m, u: u),
    Module("2*u - 1", lambda m, u: 2 * u - 1),
    Module("u**3", lambda m, u: u**3),
    Module("a*u", lambda m, u: m.asarray(GAINS) * u, more=("a",)),
    Module("A @ u", lambda m, u: m.asarray(MATRIX) @ u, more=("A",)),
    Module("relu(u)", lambda m, u: _cut(m, u, u)),
    Module("leaky_relu(u)", lambda m, u: _cut(m, u, 0.99 * u) + 0.01 * u),
    Module("u - mean(u)", lambda m, u: u - m.mean(u)),
    Module("silu(u)", lambda m, u: u * _sigmoid(m, u)),
    Module("tanh(u) + u", lambda m, u: m.tanh(u) + u),
    Module("sinh(u)", lambda m, u: (m.exp(u) - m.exp(-u)) / 2),
    Module("u/sqrt(1 + u @ u)", lambda m, u: u / m.sqrt(1 + u @ u), "signed"),
    Module("tanh(u)", lambda m, u: m.tanh(u), "signed"),
    Module("2*sigmoid(u) - 1", lambda m, u: 2 * _sigmoid(m, u) - 1, "signed"),
    Module("sigmoid(u)", _sigmoid, "unit"),
    Module("sigmoid(2*u)", lambda m, u: _sigmoid(m, 2 * u), "unit"),
    Module("(1 + tanh(u/2))/2", lambda m, u: (1 + m.tanh(u / 2)) / 2, "unit"),
    Module("exp(-softplus(-u))", _sigmoid, "unit"),
    Module("1 - exp(-exp(u))", lambda m, u: 1 - m.exp(-m.exp(u)), "unit"),
    Module("sigmoid(a*u)", lambda m, u: _sigmoid(m, m.asarray(GAINS) * u), "unit", more=("a",)),
    Module("exp(u)", lambda m, u: m.exp(u), "positive"),
    Module("softplus(u)", lambda m, u: m.log(1 + m.exp(u)), "positive"),
    Module("-1/u", lambda m, u: -1 / u, "positive", "negative"),
    Module("1/u", lambda m, u: 1 / u, "positive", "positive"),
    Module("(-2*u)**(-1/2)", lambda m, u: (-2 * u) ** (-0.5), "positive", "negative"),
    Module("u**2", lambda m, u: u**2, "positive", "positive"),
    Module("sqrt(u)", lambda m, u: u**0.5, "positive", "positive"),
    Module("exp(u)/(1 - exp(u))", lambda m, u: m.exp(u) / (1 - m.exp(u)), "positive", "negative"),
    Module("softmax(u)", _softmax, "simplex"),
    Module("softmax(2*u)", lambda m, u: _softmax(m, 2 * u), "simplex"),
    Module("exp(log_softmax(u))", _softmax, "simplex"),
    Module("softmax(u - max(u))", _softmax, "simplex"),
    Module("softmax(A @ u)", lambda m, u: _softmax(m, m.asarray(MATRIX) @ u), "simplex", more=("A",)),
    Module("softmax(u**2)", lambda m, u: _softmax(m, u**2), "simplex"),
    Module("exp(u)/(1 + sum(exp(u)))", lambda m, u: m.exp(u) / (1 + m.sum(m.exp(u))), "unit"),
)

_UNIT, _POSITIVE, _SIMPLEX = ("unit", "simplex"), ("unit", "positive", "simplex"), ("simplex",)
_ONE = ("sum(y) == 1",)


def _gap(m: Any, p: Array, y: Array) -> Array:
    return _cut(m, p - y, 2 * (p - y)) - (p - y)


LOSSES = (
    Loss("sum((p - y)**2)/2", lambda m, p, y, u: m.sum((p - y) ** 2) / 2),
    Loss("mean((p - y)**2)", lambda m, p, y, u: m.mean((p - y) ** 2)),
    Loss("sum((p - y)**2)*(y @ y)", lambda m, p, y, u: m.sum((p - y) ** 2) * (y @ y)),
    Loss("sum(y*(p - y)**2)", lambda m, p, y, u: m.sum(y * (p - y) ** 2)),
    Loss("sum((p - y)**4)", lambda m, p, y, u: m.sum((p - y) ** 4)),
    Loss("norm(p - y)", lambda m, p, y, u: m.sqrt(m.sum((p - y) ** 2))),
    Loss("mse(p, y)", lambda m, p, y, u: m.mean((p - y) ** 2)),
    Loss("huber(p, y, delta=2, reduction=\"sum\")",
         lambda m, p, y, u: m.sum((p - y) ** 2 - _cut(m, _gap(m, p, y) - 2, (_gap(m, p, y) - 2) ** 2)) / 2),
    Loss("log_cosh(p, y)", lambda m, p, y, u: m.mean(m.log((m.exp(p - y) + m.exp(y - p)) / 2))),
    Loss("-y @ p", lambda m, p, y, u: -y @ p),
    Loss("sum(p**2)/2 - y @ u", lambda m, p, y, u: m.sum(p**2) / 2 - y @ u),
    Loss("u @ p - y @ u", lambda m, p, y, u: u @ p - y @ u),
    Loss("sum(relu(1 - y*p))", lambda m, p, y, u: m.sum(_cut(m, 1 - y * p, 1 - y * p)), target="signs", assume=("y**2 == 1",)),
    Loss("sum(softplus(-y*u))", lambda m, p, y, u: m.sum(m.log(1 + m.exp(-y * u))), target="signs", assume=("y**2 == 1",)),
    Loss("sum(log(1 + exp(-y*p)))", lambda m, p, y, u: m.sum(m.log(1 + m.exp(-y * p))), target="signs", assume=("y**2 == 1",)),
    Loss("-sum((1 + y)*log((1 + p)/2) + (1 - y)*log((1 - p)/2))/2",
         lambda m, p, y, u: -m.sum((1 + y) * m.log((1 + p) / 2) + (1 - y) * m.log((1 - p) / 2)) / 2,
         ("signed",), "signs"),
    Loss("-sum(log((1 + y*p)/2))", lambda m, p, y, u: -m.sum(m.log((1 + y * p) / 2)), ("signed",), "signs", ("y**2 == 1",)),
    Loss("-sum(y*log(p) + (1 - y)*log(1 - p))", lambda m, p, y, u: -m.sum(y * m.log(p) + (1 - y) * m.log(1 - p)), _UNIT, "unit"),
    Loss("-mean(2*y*log(p) + (1 - y)*log(1 - p))",
         lambda m, p, y, u: -m.mean(2 * y * m.log(p) + (1 - y) * m.log(1 - p)), _UNIT, "unit"),
    Loss("-sum((1 - p)**2*y*log(p))", lambda m, p, y, u: -m.sum((1 - p) ** 2 * y * m.log(p)), _UNIT, "onehot"),
    Loss("-sum(y*log(p) + (1 - y)*log(p))", lambda m, p, y, u: -m.sum(m.log(p)), _POSITIVE, "unit"),
    Loss("sum(p - y*log(p))", lambda m, p, y, u: m.sum(p - y * m.log(p)), _POSITIVE, "count"),
    Loss("sum(log(p) + y/p)", lambda m, p, y, u: m.sum(m.log(p) + y / p), _POSITIVE, "count"),
    Loss("sum(y/p - log(y/p) - 1)", lambda m, p, y, u: m.sum(y / p - m.log(y / p) - 1), _POSITIVE, "count"),
    Loss("sum(y/(2*p**2) - 1/p)", lambda m, p, y, u: m.sum(y / (2 * p**2) - 1 / p), _POSITIVE, "count"),
    Loss("sum((y + 1)*log(1 + p) - y*log(p))", lambda m, p, y, u: m.sum((y + 1) * m.log(1 + p) - y * m.log(p)), _POSITIVE, "count"),
    Loss("sum((log(p) - log(y))**2)/2", lambda m, p, y, u: m.sum((m.log(p) - m.log(y)) ** 2) / 2, _POSITIVE, "count"),
    Loss("sum((sqrt(p) - sqrt(y))**2)", lambda m, p, y, u: m.sum((m.sqrt(p) - m.sqrt(y)) ** 2), _POSITIVE, "count"),
    Loss("-y @ log(p)", lambda m, p, y, u: -y @ m.log(p), _POSITIVE, "simplex", _ONE),
    Loss("-y @ log(p) ", lambda m, p, y, u: -y @ m.log(p), _POSITIVE, "count"),
    Loss("-y @ log(p)  ", lambda m, p, y, u: -y @ m.log(p), _SIMPLEX, "onehot", ("onehot(y)",)),
    Loss("-log(y @ p)", lambda m, p, y, u: -m.log(y @ p), _SIMPLEX, "onehot", ("onehot(y)",)),
    Loss("-sum((9*y/10 + 1/30)*log(p))", lambda m, p, y, u: -m.sum((0.9 * y + 1 / 30) * m.log(p)), _SIMPLEX, "onehot", _ONE),
    Loss("sum(y*(log(y) - log(p)))", lambda m, p, y, u: m.sum(y * (m.log(y) - m.log(p))), _SIMPLEX, "simplex", _ONE),
    Loss("sum(p*(log(p) - log(y)))", lambda m, p, y, u: m.sum(p * (m.log(p) - m.log(y))), _SIMPLEX, "simplex", _ONE),
    Loss("-(1 - y @ p)**2*log(y @ p)", lambda m, p, y, u: -((1 - y @ p) ** 2) * m.log(y @ p), _SIMPLEX, "onehot", ("onehot(y)",)),
    Loss("1 - y @ p", lambda m, p, y, u: 1 - y @ p, _SIMPLEX, "onehot", ("onehot(y)",)),
    Loss("logsumexp(u) - y @ u", lambda m, p, y, u: m.log(m.sum(m.exp(u))) - y @ u),
    Loss("sum(softplus(u) - y*u)", lambda m, p, y, u: m.sum(m.log(1 + m.exp(u)) - y * u)),
    Loss("sum(exp(u) - y*u)", lambda m, p, y, u: m.sum(m.exp(u) - y * u)),
    Loss("sum(logcosh(u) - y*u)", lambda m, p, y, u: m.sum(m.log((m.exp(u) + m.exp(-u)) / 2) - y * u)),
    Loss("-y @ log(p) + p @ p", lambda m, p, y, u: -y @ m.log(p) + p @ p, _POSITIVE, "count"),
)  # fmt: skip

PAIRS = tuple((module, loss) for module in MODULES for loss in LOSSES if module.kind in loss.kinds)
