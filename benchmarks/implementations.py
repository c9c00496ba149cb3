"""Every implementation of a workload as a call without arguments: ours, the hand-written forms, the peers."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from benchmarks.libraries import LIBRARIES, Library
from benchmarks.workloads import BY_KEY, Arrays, Workload

Call = Callable[[], Any]


@cache
def library(name: str) -> Library:
    return LIBRARIES[name]()


@cache
def ours(key: str) -> Callable[..., Any]:
    return BY_KEY[key].derive()


@cache
def peer_functions(key: str, name: str) -> dict[str, Callable[..., Any]]:
    workload = BY_KEY[key]
    return workload.peer(library(name)) if workload.peer else {}


def names(workload: Workload, with_peers: bool = True) -> list[str]:
    """"ours", "expert: …", "jax: …" and "torch: …"."""
    rows = ["ours", *(f"expert: {variant}" for variant in workload.experts)]
    if with_peers:
        rows += [f"{name}: {variant}" for name in LIBRARIES for variant in peer_functions(workload.key, name)]
    return rows


def caller(workload: Workload, implementation: str, arrays: Arrays) -> Call:
    """The implementation on these arrays, converted before and waited for."""
    kind, _, variant = implementation.partition(": ")
    if kind == "ours":
        function = ours(workload.key)
        return lambda: function(**arrays)
    if kind == "expert":
        expert = workload.experts[variant]
        return lambda: expert(**arrays)
    lib = library(kind)
    function = peer_functions(workload.key, kind)[variant]
    given = [lib.array(a) for a in arrays.values()]
    return lambda: lib.wait(function(*given))


def as_arrays(result: Any) -> list[Any]:
    """The arrays of a result, blocks of blocks in order."""
    if isinstance(result, tuple | list):
        return [a for part in result for a in as_arrays(part)]
    return [np.asarray(result.detach() if hasattr(result, "detach") else result)]


def error(one: Any, two: Any) -> float:
    """The largest difference, relative to the largest entry; raises ValueError where the forms differ."""
    pairs = list(zip(as_arrays(one), as_arrays(two), strict=True))
    if any(a.shape != b.shape or a.dtype != b.dtype for a, b in pairs):
        raise ValueError(f"shapes or types differ: {[(a.shape, a.dtype, b.shape, b.dtype) for a, b in pairs]}")
    return max(float(np.abs(a - b).max() / max(float(np.abs(b).max()), 1e-300)) for a, b in pairs)


def give_back() -> None:
    """The C library's free memory goes back to the system, so that the next call meets a fresh allocator."""
    with contextlib.suppress(AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
