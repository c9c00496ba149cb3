"""The measurement, run by pytest-benchmark with the process's CPU time as its clock: see ``make bench``.

The implementations of a workload take turns, several times over, so that what disturbs the machine disturbs all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.implementations import caller, error, give_back, names
from benchmarks.workloads import WORKLOADS, Workload, size_text

QUICK = bool(os.environ.get("BENCH_QUICK"))
ONLY = os.environ.get("BENCH_ONLY", "").replace(" or ", " ").split()
PASSES = int(os.environ.get("BENCH_PASSES", "3"))
SECONDS = 0.03 if QUICK else 0.1
"""for one implementation in one pass"""
SAMPLE = 1e-3
"""seconds that one sample takes at least, by calling several times"""


def cases() -> Iterator[Any]:
    for workload in WORKLOADS:
        if ONLY and workload.key not in ONLY:
            continue
        for k, sizes in enumerate(workload.sizes):
            for turn in range(PASSES):
                for name in names(workload):
                    yield pytest.param(workload, sizes, name, turn, id=f"{workload.key}-{k}-{turn}-{name}")


@pytest.mark.parametrize(("workload", "sizes", "implementation", "turn"), list(cases()))
def test_speed(benchmark: Any, workload: Workload, sizes: dict[str, int], implementation: str, turn: int) -> None:
    arrays = workload.arrays(sizes)
    call = caller(workload, implementation, arrays)
    if turn == 0:
        reference = caller(workload, f"expert: {next(iter(workload.experts))}", arrays)()
        assert error(call(), reference) < 1e-8
        del reference
    start = time.process_time()
    call()
    once = max(time.process_time() - start, 1e-6)
    if once > (0.3 if QUICK else 1) and turn:
        pytest.skip("measured once")
    several = max(1, int(SAMPLE / once))
    rounds = max(3, min(30, int(SECONDS / (once * several))))
    benchmark.group = f"{workload.key}: {size_text(sizes)}"
    fresh = []
    for _ in range(0 if once > 1 else min(rounds, 9)):
        give_back()
        start = time.process_time()
        call()
        fresh.append(time.process_time() - start)
    benchmark.extra_info.update(workload=workload.key, sizes=sizes, implementation=implementation, fresh=fresh)
    benchmark.pedantic(call, rounds=1 if once > 1 else rounds, iterations=several, warmup_rounds=0 if once > 1 else 2)
