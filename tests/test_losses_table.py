"""Every claim of the loss rows, against NumPy forms written here: nothing here runs the engine."""

from __future__ import annotations

import ast
import dataclasses
from typing import Any

import numpy as np
import pytest

from symderiv.functions import MODULES, SCALAR, TENSOR
from symderiv.losses import LOSS_ALIASES, LOSS_MODULES, LOSSES, Loss, canonical_loss_name, loss_names

ROWS = pytest.mark.parametrize("row", LOSSES.values(), ids=list(LOSSES))
MATCHING = pytest.mark.parametrize("row", [row for row in LOSSES.values() if row.matching], ids=lambda row: row.name)


def sigmoid(u: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-u))


def softmax(u: np.ndarray) -> np.ndarray:
    return np.exp(u) / np.sum(np.exp(u), axis=-1, keepdims=True)


def log_softmax(u: np.ndarray, axis: int) -> np.ndarray:
    assert axis == -1
    return u - np.log(np.sum(np.exp(u), axis=-1, keepdims=True))


#: What the definitions may call: written here on purpose, not taken from the table.
NAMES: dict[str, Any] = {
    "sum": np.sum,
    "mean": np.mean,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "relu": lambda v: v * (np.real(v) > 0),
    "abs": lambda v: v * np.sign(np.real(v)),
    "logcosh": lambda v: np.log(np.cosh(v)),
    "softplus": lambda v: np.log(1 + np.exp(v)),
    "log_softmax": log_softmax,
}

#: The modules that the matching claims are about.
LINKS: dict[str, Any] = {
    "Linear": lambda u: u,
    "Sigmoid": sigmoid,
    "Tanh": np.tanh,
    "Exp": np.exp,
    "Softmax": softmax,
}


def evaluate(text: str, **values: Any) -> Any:
    return eval(text, {"__builtins__": {}}, {**NAMES, **values})


def stable(row: Loss, reduction: Any = None, **values: Any) -> Any:
    """The loss by the row's NumPy source."""
    scope: dict[str, Any] = {"np": np, **values}
    exec(row.numpy_helper, scope)
    return eval(row.numpy_source(*row.arguments, reduction=reduction), scope)


def sample(row: Loss, rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Any]:
    """Random arguments that satisfy the row's needs; each need is then checked."""
    u = rng.normal(size=shape) * 1.5
    inputs = {"probabilities": softmax(u), "natural": -np.exp(u)}
    if row.name == "binary_cross_entropy":
        inputs["probabilities"] = sigmoid(u)
    if row.name == "bipolar_nll":
        inputs["natural"] = u
    targets: Any = rng.normal(size=shape)
    if "target**2 == 1" in row.needs or "target >= -1" in row.needs:
        targets = rng.choice([-1.0, 1.0], size=shape)
    elif "sum(target, axis=-1) == 1" in row.needs:
        targets = softmax(rng.normal(size=shape))
    elif "target <= 1" in row.needs:
        targets = rng.uniform(0, 1, size=shape)
    elif "target >= 0" in row.needs:
        targets = rng.exponential(size=shape)
    values = {"input": inputs.get(row.input_kind, u), "target": targets}
    if "variance" in row.arguments:
        values["variance"] = rng.exponential(size=shape) + 0.1
    values |= {name: float(default) for name, default in row.params}
    for need in row.needs:
        left, right = need.split(" == ") if "==" in need else (need, "0")
        truth = evaluate(left, **values)
        assert np.all(truth) if "==" not in need else truth == pytest.approx(float(right) * np.ones_like(truth))
    return values


def logistic(t: np.ndarray, u: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, -t * u)


#: Each loss before its reduction, as its source states it: input p or u, target t.
SOURCES: dict[str, Any] = {
    "mse": lambda u, t: np.square(u - t),
    "half_squared_error": lambda u, t: np.square(u - t) / 2,
    "l1": lambda u, t: np.maximum(u - t, t - u),
    "huber": lambda u, t: np.where(abs(u - t) < 1, (u - t) ** 2 / 2, abs(u - t) - 1 / 2),
    "smooth_l1": lambda u, t: np.where(abs(u - t) < 1, (u - t) ** 2 / 2, abs(u - t) - 1 / 2),
    "log_cosh": lambda u, t: np.logaddexp(u - t, t - u) - np.log(2),
    "quantile": lambda u, t: abs(u - t) / 2,
    "cross_entropy": lambda u, t: -np.sum(t * np.log(softmax(u)), -1),
    "nll": lambda u, t: -np.einsum("...i,...i", t, u),
    "log_likelihood": lambda p, t: np.log(np.prod(p**t, -1)),
    "kl_divergence": lambda p, t: np.sum(t * np.log(t / p), -1),
    "binary_cross_entropy": lambda p, t: -np.log(p**t * (1 - p) ** (1 - t)),
    "bce_with_logits": lambda u, t: -t * np.log(sigmoid(u)) - (1 - t) * np.log(1 - sigmoid(u)),
    "bipolar_nll": lambda u, t: -np.log(np.exp(t * u) / (np.exp(u) + np.exp(-u))),
    "soft_margin": lambda u, t: logistic(t, u),
    "hinge": lambda u, t: np.where(t * u < 1, 1 - t * u, 0),
    "squared_hinge": lambda u, t: np.where(t * u < 1, 1 - t * u, 0) ** 2,
    "exponential": lambda u, t: np.exp(-t) ** u,
    "poisson_nll": lambda u, t: np.exp(u) - t * u,
    "gaussian_nll": lambda u, t, variance: 0.5 * (np.log(variance) + (u - t) ** 2 / variance),
    "gamma_nll": lambda u, t: np.log(-1 / u) - t * u,
    "gamma_log_nll": lambda u, t: u + t / np.exp(u),
    "inverse_gaussian_nll": lambda u, t: -np.sqrt(2 * abs(u)) - t * u,
    "negative_binomial_nll": lambda u, t: -np.log1p(-np.exp(u)) - t * u,
}


def check_values(row: Loss) -> None:
    rng = np.random.default_rng(3)
    for shape in ((5,), (2, 3), (7, 4)):
        values = sample(row, rng, shape)
        each = evaluate(row.each, **values)
        want = SOURCES[row.name](*(values[name] for name in row.arguments))
        assert np.shape(each) == (shape if row.over == "element" else shape[:-1])
        assert each == pytest.approx(want, rel=1e-12, abs=1e-12)
        assert stable(row, "none", **values) == pytest.approx(want, rel=1e-12, abs=1e-12)
        for reduction, reduce in (("mean", np.mean), ("sum", np.sum)):
            text = row.text(reduction, batch=len(shape) == 2)
            assert evaluate(text, **values) == pytest.approx(reduce(want), rel=1e-12)
            assert stable(row, reduction, **values) == pytest.approx(reduce(want), rel=1e-12)
        text = row.batched if len(shape) == 2 else row.definition
        assert evaluate(text, **values) == pytest.approx(stable(row, **values), rel=1e-12)


def total(row: Loss, values: dict[str, Any], u: np.ndarray, link: Any = None) -> Any:
    return np.sum(evaluate(row.each, **values | {"input": link(u) if link else u}))


def gradient(row: Loss, values: dict[str, Any], u: np.ndarray, link: Any = None) -> np.ndarray:
    """∂(Σ each)/∂u by a complex step: the names above let it through, off the kinks."""
    result = np.empty(u.shape)
    for index in np.ndindex(u.shape):
        step = np.zeros(u.shape, complex)
        step[index] = 1e-30j
        result[index] = np.imag(total(row, values, u + step, link)) / 1e-30
    return result


def check_matching(row: Loss) -> None:
    """The gradient at two points differs by A (M(u₁) − M(u₂)), one scalar A for all points and targets."""
    rng = np.random.default_rng(11)
    link = LINKS[row.matching or ""]
    ratios = []
    for _ in range(6):
        values = sample(row, rng, (4,))
        u, v = rng.normal(size=(2, 4))
        slopes = [gradient(row, values, point, link if row.after_module else None) for point in (u, v)]
        ratios.append((slopes[0] - slopes[1]) / (link(u) - link(v)))
    assert np.ptp(ratios) < 1e-10 * np.max(np.abs(ratios))
    assert row.sign * np.mean(ratios) > 0


@ROWS
def test_definition_and_numpy_agree_with_the_source(row):
    check_values(row)


@MATCHING
def test_matching_claims(row):
    assert row.matching == "Linear" or row.matching in MODULES
    check_matching(row)


def test_no_matching_claim_is_missing_among_losses_at_the_output():
    for row in LOSSES.values():
        if row.matching is None and row.input_kind in ("output", "logits", "log_rate"):
            for module in LINKS:
                with pytest.raises(AssertionError):
                    check_matching(dataclasses.replace(row, matching=module, input_kind="logits"))


@ROWS
def test_planted_faults_are_seen(row):
    faults = {"each": row.each + " + 1e-6", "numpy": row.numpy + " + 1e-6"}
    for field, text in faults.items():
        with pytest.raises(AssertionError):
            check_values(dataclasses.replace(row, **{field: text}))
    if row.matching:
        with pytest.raises(AssertionError):
            check_matching(dataclasses.replace(row, each=row.each + " + sum(input**3)/1000"))


@ROWS
def test_range_and_convexity(row):
    rng = np.random.default_rng(17)
    gaps = []
    for _ in range(200):
        values, other = sample(row, rng, (3,)), sample(row, rng, (3,))["input"]
        each = np.atleast_1d(evaluate(row.each, **values))
        assert row.range.lo is None or np.all(each > float(row.range.lo) - 1e-12)
        assert row.range.hi is None or np.all(each < float(row.range.hi) + 1e-12)
        ends = [total(row, values, point) for point in (values["input"], other)]
        gaps.append(total(row, values, (values["input"] + other) / 2) - sum(ends) / 2)
    assert (max(gaps) < 1e-10) == (row.convexity == "convex")
    assert (min(gaps) > -1e-10) == (row.convexity == "concave" or row.name == "nll")  # nll is affine
    assert row.convex_in_input == (row.sign == 1)


@ROWS
def test_kinks_are_exactly_where_a_derivative_is_missing(row):
    """Across a grid of entries the one-sided slopes differ at kinks alone, the second differences at rough points."""
    if row.over == "sample":
        assert not row.kinks + row.bends
        return
    h = 1e-4
    for at in (k / 4 for k in range(-16, 17)):
        values: dict[str, Any] = {"target": 1.0, "variance": 2.0, **{name: float(v) for name, v in row.params}}
        inside = {"probabilities": 0 < at < 1, "natural": at < 0 or row.name == "bipolar_nll"}
        if not inside.get(row.input_kind, True):
            continue
        f = [evaluate(row.each, **values, input=at + k * h) for k in range(-2, 3)]
        kink = abs((f[2] - f[1]) - (f[3] - f[2])) > 0.1 * h
        bend = abs((f[2] - 2 * f[1] + f[0]) - (f[4] - 2 * f[3] + f[2])) > 0.1 * h**2
        named = [any(evaluate(text, **values, input=at) == 0 for text in texts) for texts in (row.kinks, row.bends)]
        assert (kink, kink or bend) == (named[0], named[0] or named[1])


@ROWS
def test_stable_far_out(row):
    """No nan and no warning at ±800, but for logarithms of probabilities and overflow that is real."""
    if row.input_kind == "probabilities" or row.name in ("exponential", "poisson_nll", "gamma_log_nll"):
        return
    signs = (-1,) if "input < 0" in row.needs else (-1, 1)
    for sign in signs:
        values: dict[str, Any] = {"input": sign * np.array([800.0, 700.0, 40.0]), "target": np.array([1.0, 0.0, 0.0])}
        values |= {"variance": np.ones(3), **{name: float(v) for name, v in row.params}}
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            value = stable(row, **values)
        assert np.isfinite(value)
        if row.name not in ("cross_entropy", "bce_with_logits", "soft_margin", "log_cosh", "bipolar_nll"):
            assert value == pytest.approx(evaluate(row.definition, **values), rel=1e-12)
    if row.name == "cross_entropy":
        assert stable(row, input=np.array([0.0, 800.0]), target=np.array([1.0, 0.0])) == 800
    if row.name == "bce_with_logits":
        assert stable(row, input=np.array([-800.0, 800.0]), target=np.array([1.0, 1.0])) == 400


def test_bodies_call_only_the_tables_rows():
    known = SCALAR.keys() | TENSOR.keys() | {"sum", "sqrt"}
    for row in LOSSES.values():
        tree = ast.parse(row.each)
        assert {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)} <= known
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert names - known == {*row.arguments, *row.defaults}


def test_names():
    assert LOSSES.keys() == SOURCES.keys()
    assert len(LOSS_MODULES) == len(LOSSES) >= 8
    assert not MODULES.keys() & LOSS_MODULES.keys()
    assert set(LOSS_ALIASES.values()) <= LOSSES.keys()
    assert not LOSS_ALIASES.keys() & LOSSES.keys()
    assert len(loss_names()) == len(LOSSES) + len(LOSS_ALIASES)
    assert [canonical_loss_name(n) for n in ("MSE", "bce", "mse", "nope")] == [
        "mse",
        "binary_cross_entropy",
        "mse",
        "nope",
    ]
