"""One thread on one core, before anything is measured."""

from __future__ import annotations

import os

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
if any(os.environ.get(name) != "1" for name in THREADS):
    raise RuntimeError("the libraries read their number of threads when they are loaded: run make bench")
if hasattr(os, "sched_setaffinity"):  # XLA makes a thread for every core that it may use
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
