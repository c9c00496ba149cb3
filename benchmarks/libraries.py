"""JAX and PyTorch behind the same few names, so that each workload's function is written once for both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Library:
    """``np`` holds the functions, ``array`` makes an array, ``wait`` ends an asynchronous call, ``jit`` compiles."""

    name: str
    np: SimpleNamespace
    array: Callable[[Any], Any]
    wait: Callable[[Any], Any]
    jit: Callable[[Function], Function]
    jacrev: Callable[..., Function]
    jacfwd: Callable[..., Function]
    hessian: Callable[..., Function]
    grad: Callable[..., Function]
    vmap: Callable[..., Function]
    jvp: Callable[..., Any]
    vjp: Callable[..., Any]


def jax_library() -> Library:
    import jax

    jax.config.update("jax_enable_x64", True)
    n, j = jax.nn, jax.numpy
    names = SimpleNamespace(
        softmax=n.softmax,
        log_softmax=n.log_softmax,
        logsumexp=lambda u, axis: n.logsumexp(u, axis),
        tanh=j.tanh,
        relu=n.relu,
        exp=j.exp,
        softplus=n.softplus,
        einsum=j.einsum,
        mean=lambda u, axis: j.mean(u, axis, keepdims=True),
        var=lambda u, axis: j.var(u, axis, keepdims=True),
        logdet=lambda S: j.linalg.slogdet(S)[1],
        solve=j.linalg.solve,
    )
    return Library("JAX", names, j.asarray, jax.block_until_ready, jax.jit, jax.jacrev, jax.jacfwd, jax.hessian, jax.grad,
                   jax.vmap, jax.jvp, jax.vjp)


def torch_library() -> Library:
    import torch

    torch.set_num_threads(1)
    f, t = torch.func, torch.nn.functional
    names = SimpleNamespace(
        softmax=torch.softmax,
        log_softmax=torch.log_softmax,
        logsumexp=torch.logsumexp,
        tanh=torch.tanh,
        relu=torch.relu,
        exp=torch.exp,
        softplus=lambda u: t.softplus(u, threshold=1e9),  # the default threshold makes the second derivative 0 far out
        einsum=torch.einsum,
        mean=lambda u, axis: u.mean(axis, keepdim=True),
        var=lambda u, axis: u.var(axis, keepdim=True, correction=0),
        logdet=torch.logdet,
        solve=torch.linalg.solve,
    )
    return Library("PyTorch", names, lambda a: torch.from_numpy(a.copy()), lambda r: r, lambda g: g, f.jacrev, f.jacfwd,
                   f.hessian, f.grad, f.vmap, f.jvp, f.vjp)


LIBRARIES: Mapping[str, Callable[[], Library]] = {"jax": jax_library, "torch": torch_library}
