"""Derivatives as functions of JAX, PyTorch and Dask arrays, against the NumPy function and the peers' own derivatives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dask
import dask.array as da
import dask.callbacks
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster

import symderiv as sd
from symderiv.errors import EvaluationError, NoRuleError, ShapeError, SymderivError

ROWS = "sum(Y, axis=1) == 1"
NETWORK = "u = tanh(tanh(X @ W1.T) @ W2.T) @ W3.T\n-sum(log_softmax(u, axis=1) * Y)"
LAYERS = {"X": "m n", "Y": "m o", "W1": "p n", "W2": "q p", "W3": "o q"}
REGRESSION = {"X": "m n", "y": "m", "w": "n"}
FACTORS = {"T": "m n", "U": "m k", "V": "n k"}
SIZES = {"m": 7, "n": 2, "o": 5, "p": 3, "q": 4, "k": 6}
TENSOR = {"W1": "p n", "b1": "p", "W2": "q p", "b2": "q", "x": "n"}
CASES: dict[str, tuple[Any, dict[str, str]]] = {
    "softmax layer": (lambda s: sd.jacobian("softmax(W @ h + b)", "h", shapes=s), {"W": "o n", "h": "n", "b": "o"}),
    "logistic": (lambda s: sd.hessian("sum(softplus(-y * (X @ w)))", "w", shapes=s), REGRESSION),
    "poisson": (lambda s: sd.hessian("sum(exp(X @ w)) - y @ (X @ w)", "w", shapes=s), REGRESSION),
    "factored, δ": (lambda s: sd.hessian("sum((T - U @ V.T)**2)", "U", shapes=s), FACTORS),
    "network": (lambda s: sd.hessian(NETWORK, "W1", assume=ROWS, shapes=s), LAYERS),
    "several": (lambda s: sd.gradient(NETWORK, ["W1", "W3"], assume=ROWS, shapes=s), LAYERS),
    "blocks": (lambda s: sd.gauss_newton(NETWORK, ["W2", "W3"], at="u", assume=ROWS, shapes=s).G, LAYERS),
    "tensor": (lambda s: sd.hessian("tanh(W2 @ tanh(W1 @ x + b1) + b2)", "x", shapes=s), TENSOR),
    "vec": (lambda s: sd.jacobian("W @ X", "W", shapes=s, vec=True), {"W": "o n", "X": "n m"}),
    "layer norm": (lambda s: sd.jacobian("g * (x - mean(x)) / sqrt(var(x) + 0.00001)", "x", shapes=s), {"x": "n", "g": "n"}),
    "attention": (lambda s: sd.jacobian("softmax(Q @ K.T, axis=1) @ V", "Q", shapes=s), {"Q": "m p", "K": "n p", "V": "n q"}),
    "determinant": (lambda s: sd.gradient("logdet(S) + r @ inv(S) @ r", "S", assume="pd(S)", shapes=s), {"S": "n n", "r": "n"}),
    "gelu": (lambda s: sd.gradient("sum(gelu(A @ x) * relu(b))", "x", shapes=s), {"A": "o n", "x": "n", "b": "o"}),
    "zero": (lambda s: sd.hessian("w @ y", "w", shapes=s), {"w": "n", "y": "n"}),
    "constant": (lambda s: sd.gradient("sum(x)", "x", shapes=s), {"x": "n"}),
    "trace": (lambda s: sd.gradient("trace(A @ X) * sum(diag(X))", "X", shapes=s), {"A": "n n", "X": "n n"}),
}


def arrays(shapes: dict[str, str]) -> dict[str, Any]:
    random = np.random.default_rng(0)
    given: dict[str, Any] = {}
    for name, text in shapes.items():
        value = random.normal(size=[SIZES[d] for d in text.split()])
        given[name] = value @ value.T + np.eye(len(value)) if name == "S" else value
    if "Y" in given:
        given["Y"] = np.eye(SIZES["o"])[random.integers(0, SIZES["o"], SIZES["m"])]
    return given


def flat(value: Any) -> list[Any]:
    return [a for part in value for a in flat(part)] if isinstance(value, tuple) else [value]


INTO = {"jax": jnp.asarray, "torch": torch.as_tensor, "dask": lambda a: da.from_array(a, chunks=2)}
KIND = {"jax": jax.Array, "torch": torch.Tensor, "dask": da.Array}


@pytest.mark.parametrize("backend", INTO)
@pytest.mark.parametrize("case", CASES)
def test_each_library_gives_numpys_answer_in_its_own_arrays(case: str, backend: str) -> None:
    derive, shapes = CASES[case]
    derivation, given = derive(shapes), arrays(shapes)
    if backend == "dask" and case == "determinant":
        pytest.skip("Dask inverts no chunked matrix")
    expected = flat(derivation.numpy()(**given))
    found = flat(derivation.numpy(backend=backend)(**{k: INTO[backend](v) for k, v in given.items()}))
    assert len(found) == len(expected)
    for one, two in zip(found, expected, strict=True):
        assert isinstance(one, KIND[backend])
        assert one.shape == two.shape
        assert np.abs(np.asarray(one) - two).max() < 1e-10 * max(1.0, np.abs(two).max())


def test_the_source_needs_the_library_alone_and_can_be_pasted() -> None:
    f = sd.hessian("sum(softplus(-y * (X @ w)))", "w", shapes=REGRESSION).numpy(backend="torch")
    assert "numpy" not in f.source()
    space: dict[str, Any] = {}
    exec(f.source(), space)
    given = {k: torch.as_tensor(v) for k, v in arrays(REGRESSION).items()}
    assert torch.equal(space["hessian"](**given), f(**given))


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_matrix_by_vec_is_in_the_source_too(backend: str) -> None:
    shapes = {"W": "o n", "X": "n m"}
    f = sd.jacobian("W @ X", "W", shapes=shapes, vec=True).numpy(backend=backend)
    space: dict[str, Any] = {}
    exec(f.source(), space)
    given = {k: INTO[backend](v) for k, v in arrays(shapes).items()}
    assert np.array_equal(np.asarray(space["jacobian_by_vec"](**given)), np.asarray(f(**given)))


def test_jax_compiles_and_differentiates_it() -> None:
    derivation = sd.gradient("sum(softplus(-y * (X @ w)))", "w", shapes=REGRESSION)
    f, given = derivation.numpy(backend="jax"), {k: jnp.asarray(v) for k, v in arrays(REGRESSION).items()}
    assert np.allclose(jax.jit(f)(**given), f(**given))
    hessian = sd.hessian("sum(softplus(-y * (X @ w)))", "w", shapes=REGRESSION).numpy()(**arrays(REGRESSION))
    assert np.allclose(jax.jacfwd(lambda w: f(**{**given, "w": w}))(given["w"]), hessian)


def test_torch_differentiates_it() -> None:
    f = sd.gradient("sum(softplus(-y * (X @ w)))", "w", shapes=REGRESSION).numpy(backend="torch")
    given = {k: torch.as_tensor(v) for k, v in arrays(REGRESSION).items()}
    hessian = sd.hessian("sum(softplus(-y * (X @ w)))", "w", shapes=REGRESSION).numpy()(**arrays(REGRESSION))
    found = torch.func.jacrev(lambda w: f(**{**given, "w": w}))(given["w"])
    assert np.allclose(found.numpy(), hessian)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_types_stay_and_integers_become_floating(backend: str) -> None:
    f = sd.gradient("sum((X @ w - y)**2)", "w", shapes=REGRESSION).numpy(backend=backend)
    given = {k: INTO[backend](np.asarray(v, dtype=np.float32)) for k, v in arrays(REGRESSION).items()}
    assert "float32" in str(f(**given).dtype)
    mixed = {**given, "X": INTO[backend](np.ones((SIZES["m"], SIZES["n"]), dtype=int))}
    assert "float32" in str(f(**mixed).dtype)
    assert "float" in str(f(X=[[1, 2], [3, 4], [5, 6]], y=[1, 2, 3], w=[1, 1]).dtype)


@pytest.mark.parametrize("backend", INTO)
def test_wrong_arguments_are_explained(backend: str) -> None:
    f = sd.gradient("sum((X @ w - y)**2)", "w", shapes=REGRESSION).numpy(backend=backend)
    given = {k: INTO[backend](v) for k, v in arrays(REGRESSION).items()}
    with pytest.raises(ShapeError, match="n is 7 in w and 2 in X"):
        f(**{**given, "w": given["y"]})
    with pytest.raises(EvaluationError, match="'y'"):
        f(X=given["X"], w=given["w"])
    with pytest.raises(EvaluationError, match="complex"):
        f(**{**given, "w": INTO[backend](np.array([1j, 2]))})


def test_what_is_not_there_is_said() -> None:
    derivation = sd.gradient("trace(expm(A))", "A", shapes={"A": "n n"})
    with pytest.raises(NoRuleError, match="array API"):
        derivation.numpy(backend="jax")
    with pytest.raises(SymderivError, match="no backend 'cupy'"):
        derivation.numpy(backend="cupy")
    with pytest.raises(SymderivError, match="compress"):
        derivation.numpy(backend="jax", compress=True)


# ---------------------------------------------------------------- a cluster, data chunked along the samples
@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with dask.config.set({"temporary-directory": str(tmp_path_factory.mktemp("dask"))}), \
            LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster, \
            Client(cluster) as connected:
        yield connected


def chunked(given: dict[str, Any], samples: int, by: tuple[str, ...]) -> dict[str, Any]:
    return {k: da.from_array(v, chunks=(samples, *v.shape[1:])) if k in by else v for k, v in given.items()}


@pytest.mark.parametrize("text", ["sum(softplus(-y * (X @ w)))", "sum(exp(X @ w)) - y @ (X @ w)"])
def test_hessians_over_samples_on_a_cluster(client: Client, text: str) -> None:
    random = np.random.default_rng(1)
    m, n = 20_000, 8
    given = {"X": random.normal(size=(m, n)), "y": np.sign(random.normal(size=m)), "w": random.normal(size=n) / 3}
    derivation = sd.hessian(text, "w", shapes=REGRESSION)
    lazy = derivation.numpy(backend="dask")(**chunked(given, 1_000, ("X", "y")))
    assert isinstance(lazy, da.Array)
    assert lazy.shape == (n, n)
    found = client.compute(lazy).result()
    expected = derivation.numpy()(**given)
    assert np.abs(found - expected).max() < 1e-12 * np.abs(expected).max()


def test_a_gauss_newton_product_on_a_cluster(client: Client) -> None:
    random = np.random.default_rng(2)
    m, n, o, p, q = 6_000, 4, 5, 3, 2
    given = {"X": random.normal(size=(m, n)), "Y": np.eye(o)[random.integers(0, o, m)], "W1": random.normal(size=(p, n)),
             "W2": random.normal(size=(q, p)), "W3": random.normal(size=(o, q)), "V": random.normal(size=(p, n))}
    part = sd.gauss_newton(NETWORK, "W1", at="u", times="V", assume=ROWS, shapes=LAYERS).G
    lazy = part.numpy(backend="dask")(**chunked(given, 500, ("X", "Y")))
    found = client.compute(lazy).result()
    expected = part.numpy()(**given)
    assert np.abs(found - expected).max() < 1e-12 * np.abs(expected).max()


def test_samples_are_never_gathered(client: Client) -> None:
    """Data of 4 GB that nobody holds: the answer comes of blocks of 8 MB, and no block of any step is larger."""
    m, n, block = 50_000_000, 10, 100_000
    X = da.random.default_rng(0).normal(size=(m, n), chunks=(block, n))
    f = sd.hessian("sum(softplus(-y * (X @ w)))", "w", assume="y**2 == 1", shapes=REGRESSION).numpy(backend="dask")
    assert f(X=X, y=da.ones(m, chunks=block), w=np.zeros(n)).shape == (n, n)
    sizes: list[int] = []
    rows = X[: 4 * block]
    seen = rows.map_blocks(lambda b: b)
    lazy = f(X=seen, y=da.ones(4 * block, chunks=block), w=np.zeros(n))
    with dask.config.set(scheduler="synchronous"), dask.callbacks.Callback(
            posttask=lambda key, result, *_: sizes.append(getattr(result, "size", 0))):
        part = lazy.compute()
    assert sizes and max(sizes) <= block * n
    whole = client.compute(rows.T @ rows / 4).result()
    assert np.allclose(part, whole)
