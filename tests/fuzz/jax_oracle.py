"""The derivative of a program by JAX, where it is installed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

from tests.fuzz.checks import run
from tests.fuzz.grammar import Program
from tests.fuzz.namespace import space


def oracle() -> Callable[[Program, Mapping[str, Any], Mapping[str, int]], Any] | None:
    """(program, arrays, sizes) -> the derivative that is asked for; None where JAX isn't installed."""
    if find_spec("jax") is None:
        return None
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import erf, erfc

    jax.config.update("jax_enable_x64", True)
    names = space(jnp, erf, erfc)

    def derivative(program: Program, values: Mapping[str, Any], sizes: Mapping[str, int]) -> Any:
        if any(f"{name}(" in program.text for name in ("sinm", "expm")):
            return None

        def f(x: Any) -> Any:
            return jnp.asarray(run(program.text, {**{k: jnp.asarray(v) for k, v in values.items()}, program.wrt: x}, sizes, names))

        for _ in range(program.order):
            f = jax.jacfwd(f)
        return np.asarray(f(jnp.asarray(values[program.wrt])))

    return derivative
