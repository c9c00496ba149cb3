"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np


def _field(file: str, name: str) -> str:
    try:
        rows = Path(file).read_text().splitlines()
    except OSError:
        return ""
    return next((r.partition(":")[2].strip() for r in rows if r.startswith(name)), "")


def _rate(make: object, work: float) -> float:
    """10⁹ operations a second, the best of a few."""
    assert callable(make)
    times = []
    for _ in range(5):
        start = time.process_time()
        make()
        times.append(time.process_time() - start)
    return work / min(times) / 1e9


def describe() -> list[str]:
    """Rows of text: processor, memory, versions, and how fast products and writing are here."""
    config: Any = np.show_config
    blas = config(mode="dicts")["Build Dependencies"]["blas"]
    memory = _field("/proc/meminfo", "MemTotal").split()
    cpu = _field("/proc/cpuinfo", "model name") or platform.processor()
    cache = _field("/proc/cpuinfo", "cache size")
    A, B = np.ones((1000, 1000)), np.ones((2000, 1000))
    wide = np.empty(8_000_000)
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "jax", "torch", "sympy"))
    return [
        f"processor: {cpu}, {os.cpu_count()} cores of which one is used, cache {cache or 'unknown'}",
        f"memory: {int(memory[0]) / 1e6:.0f} GB" if memory else "memory: unknown",
        f"system: {platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}",
        f"libraries: {versions}; NumPy's BLAS is {blas['name']} {blas['version']}",
        f"products: {_rate(lambda: A @ A, 2e9):.0f} GFLOP/s general, "
        f"{_rate(lambda: B.T @ B, 2e9):.0f} GFLOP/s symmetric (m n² operations); "
        f"writing 64 MB that is there: {_rate(lambda: wide.fill(1.0), wide.nbytes):.0f} GB/s",
    ]
