"""One implementation in a process of its own: from nothing to the first answer, and the memory of a call.

    python -m benchmarks.child WORKLOAD ours|jax|torch|expert SIZE-NUMBER
"""

from __future__ import annotations

import gc
import importlib
import json
import pkgutil
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import conftest as _one_thread  # noqa: F401  (before NumPy)

OUTSIDE = ("__main__", "cli", "gallery", "handout", "notebook", "pytest_plugin", "reference", "testing", "torch_models", "web")
"""parts of the package that deriving and generating don't load, and that may need what isn't installed"""


def modules() -> list[str]:
    """Every module of the package that deriving and generating may load."""
    import symderiv

    names = []
    for part in pkgutil.iter_modules(symderiv.__path__, "symderiv."):
        if part.name.split(".")[1] not in OUTSIDE:
            names.append(part.name)
            if part.ispkg:
                inside = importlib.import_module(part.name).__path__
                names += [m.name for m in pkgutil.walk_packages(inside, f"{part.name}.") if not m.name.endswith(".__main__")]
    return names


def load(kind: str) -> None:
    """Everything that is imported, and the library's own start."""
    import numpy

    if kind == "ours":
        for name in modules():
            importlib.import_module(name)
        import opt_einsum  # noqa: F401  (loaded before the clock runs)
    elif kind in ("jax", "torch"):
        from benchmarks.implementations import library

        lib = library(kind)
        lib.wait(lib.array(numpy.zeros(1)) + 1)


def status(field: str) -> int:
    """A row of Linux's account of this process, in bytes."""
    line = next(r for r in Path("/proc/self/status").read_text().splitlines() if r.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def peak(call: Any) -> int | None:
    """The most memory that one call has beyond what the process had before it; None where the system doesn't say."""
    from benchmarks.implementations import give_back

    try:
        give_back()
        Path("/proc/self/clear_refs").write_text("5")
        before = status("VmRSS")
        result = call()
        most = status("VmHWM")
        del result
        return max(0, most - before)
    except (OSError, StopIteration):
        return None


def measure(key: str, kind: str, number: int) -> dict[str, Any]:
    start = time.process_time()
    load(kind)
    imported = time.process_time() - start
    gc.collect()  # what the imports left: else it is by chance in whose first answer Python looks through it
    from benchmarks.implementations import caller, peer_functions
    from benchmarks.workloads import BY_KEY

    workload = BY_KEY[key]
    name = kind
    if kind == "expert":
        name = f"expert: {next(iter(workload.experts))}"
    arrays = workload.arrays(workload.sizes[number])
    start = time.process_time()
    if kind in ("jax", "torch"):
        name = f"{kind}: {next(iter(peer_functions(key, kind)))}"
    call = caller(workload, name, arrays)
    call()
    first = time.process_time() - start
    largest = workload.arrays(workload.sizes[-1])
    call = caller(workload, name, largest)
    call()
    return {"import": imported, "first": first, "memory": peak(call)}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
