"""One thread on one core, and each library's own choice of kernels, before anything is measured."""

from __future__ import annotations

import os

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
if any(os.environ.get(name) != "1" for name in THREADS):
    raise RuntimeError("the libraries read their number of threads when they are loaded: run make bench")
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # a setting for other machines would halve NumPy's products alone
    os.environ.pop(name, None)
if hasattr(os, "sched_setaffinity"):  # XLA makes a thread for every core that it may use
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
