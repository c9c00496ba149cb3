"""Every claim of the rows for whole arrays: nothing here runs the engine."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from symderiv.functions import TENSOR

SPECTRA = ("right_singular", "spectral_norm", "top_eigenvector", "eigmax")


def whole(text: str, **values: Any) -> Any:
    """A body of a tensor row, unfolded by the definitions alone."""
    scope: dict[str, Any] = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt, "abs": np.abs, "sum": np.sum, "max": np.max}
    scope |= {name: (lambda v, row=TENSOR[name]: stable(row, v)) for name in SPECTRA}
    scope |= {"trace": np.trace}
    scope |= {name: (lambda v, row=TENSOR[name], **kw: stable(row, v, **kw)) for name in ("sparsemax_threshold", "entmax15_threshold")}
    scope |= {"relu": lambda v: np.maximum(v, 0), "det": np.linalg.det, "size": np.size}
    for row in TENSOR.values():
        if row.definition is not None:
            scope[row.name] = lambda *args, row=row, **kw: whole(
                row.definition, **dict(row.params) | dict(zip(row.arguments, args, strict=True)) | kw
            )
    values = {name: float(v) if isinstance(v, Fraction) else v for name, v in values.items()}
    return eval(text, {"__builtins__": {}}, {**scope, **values})


def stable(row: Any, *args: Any, **params: Any) -> Any:
    scope: dict[str, Any] = {"np": np, **dict(zip(("a", "b"), args, strict=False))}
    exec(row.numpy_helper, scope)
    return eval(row.numpy_source(*("a", "b")[: len(args)], **{k: repr(v) for k, v in params.items()}), scope)


def tensor_cases(row: Any) -> list[tuple[list[Any], dict[str, Any]]]:
    rng = np.random.default_rng(5)
    if row.name in ("logdet", "det", "inv") or row.signature:
        return [([rng.normal(size=(n, n))], {}) for n in (2, 3, 5)]
    axes = [0, 1, -1] if "axis" in dict(row.params) else []
    arrays = [[rng.uniform(0.1, 0.9, (2, 3)) for _ in row.arguments], [rng.uniform(0.1, 3, 5) for _ in row.arguments]]
    return [(args, {}) for args in arrays] + [(arrays[0], {"axis": axis}) for axis in axes]


@pytest.mark.parametrize("row", [r for r in TENSOR.values() if r.name != "eigvals"], ids=lambda row: row.name)
def test_tensor_rows(row):
    assert (row.definition is None) == (row.kind == "primitive")
    for args, params in tensor_cases(row):
        got = np.asarray(stable(row, *args, **params))
        for value in got.flat:
            assert Fraction(float(value)) in row.range
        if row.definition is None:
            continue
        values = dict(row.params) | dict(zip(row.arguments, args, strict=True)) | params
        assert got == pytest.approx(whole(row.definition, **values), rel=1e-13, abs=1e-15)
        with pytest.raises(AssertionError):
            assert got == pytest.approx(whole(row.definition + " + 1/1000", **values), rel=1e-13, abs=1e-15)
        for fact in row.facts:
            left, relation, right = fact.rpartition("==") if "==" in fact else fact.rpartition(">")
            value = eval(left, {"sum": np.sum, "p": got, "axis": values["axis"]})
            assert np.all(value > float(right)) if relation == ">" else value == pytest.approx(float(right), abs=1e-12)


@pytest.mark.parametrize("row", [r for r in TENSOR.values() if r.convexity and not r.signature], ids=lambda row: row.name)
def test_tensor_convexity(row):
    rng = np.random.default_rng(7)
    for _ in range(50):
        a, b, *rest = (rng.uniform(0.1, 3, 4) for _ in range(1 + len(row.arguments)))
        gap = stable(row, (a + b) / 2, *rest) - (stable(row, a, *rest) + stable(row, b, *rest)) / 2
        assert row.convexity == "concave" or np.max(gap) < 1e-12
        assert row.convexity == "convex" or np.min(gap) > -1e-12


def test_tensor_rows_are_stable_and_complex_safe():
    x = np.array([[-800.0, 0.0, 800.0], [800.0, 800.0, -800.0]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert stable(TENSOR["softmax"], x) == pytest.approx(np.array([[0, 0, 1], [0.5, 0.5, 0]]))
        assert stable(TENSOR["logsumexp"], x, axis=1) == pytest.approx(np.array([800, 800 + np.log(2)]))
        assert stable(TENSOR["logsumexp"], x, axis=0, keepdims=True).shape == (1, 3)
        assert stable(TENSOR["log_softmax"], x)[0] == pytest.approx(np.array([-1600, -800, 0]))
    u = np.array([0.3, -0.2, 1.1])
    p = stable(TENSOR["softmax"], u)
    for j in range(3):
        step = stable(TENSOR["softmax"], u + 1e-30j * np.eye(3)[j]).imag / 1e-30
        assert step == pytest.approx(p * (np.eye(3)[j] - p[j]))
        assert stable(TENSOR["logsumexp"], u + 1e-30j * np.eye(3)[j]).imag / 1e-30 == pytest.approx(p[j])
