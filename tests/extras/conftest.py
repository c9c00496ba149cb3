"""The tests of the extras, against PyTorch and JAX as oracles: run by ``make test-extras``, in double precision."""

from __future__ import annotations

import jax
import pytest
import torch

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deprecations inside the oracles aren't ours to mend; all other warnings stay errors."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"))
