"""Measure everything and write docs/benchmarks.md with its plot: python -m benchmarks [--quick | --passes 3] [--only "6m"].

With ``--only`` the report stays in build/bench; ``--report`` writes it again from what was measured last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "bench"
PASSES = 3
LIMIT = 300
"""seconds for one process of its own"""
FAILED: list[str] = []
"""processes that gave nothing"""


def run(module: str, *arguments: str, may_fail: bool = False) -> dict[str, Any] | None:
    """What a module prints as JSON, in a process of its own; None if it fails or takes too long."""
    try:
        done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, timeout=LIMIT, text=True,
                              stdout=subprocess.PIPE, check=True)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as problem:
        print(f"{module} {' '.join(arguments)}: {problem}", file=sys.stderr)
        if not may_fail:
            FAILED.append(module)
        return None
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


IMPORTS = {
    "import numpy": "import numpy",
    "import sympy": "import sympy",
    "import symderiv": "import symderiv",
    "import symderiv and a first derivation": "import symderiv; symderiv.gradient('sum(x**2)', 'x', shapes={'x': 'n'})",
    "import symderiv, a first derivation and its function":
        "import symderiv; symderiv.gradient('sum(x**2)', 'x', shapes={'x': 'n'}).numpy()([1.0])",
}


def imported(statement: str) -> dict[str, Any]:
    """The CPU time of a statement in a fresh interpreter."""
    code = f"import time; s = time.process_time(); {statement}; print(time.process_time() - s)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True)
    return {"import": float(done.stdout)}


def middle(results: list[dict[str, Any] | None]) -> dict[str, Any] | None:
    """Each figure's median."""
    good = [r for r in results if r is not None]
    if not good:
        return None
    return {k: None if any(r[k] is None for r in good) else sorted(r[k] for r in good)[len(good) // 2] for k in good[0]}


def children(keys: list[str], times: int) -> dict[str, Any]:
    from benchmarks.workloads import BY_KEY

    result = {}
    for key in keys:
        kinds = ["ours", "expert", *(("jax", "torch") if BY_KEY[key].peer else ())]
        number = str(min(1, len(BY_KEY[key].sizes) - 1))
        result[key] = {k: middle([run("benchmarks.child", key, k, number) for _ in range(times if k == "ours" else 1)])
                       for k in kinds}
    return result


def deriving(times: int) -> dict[str, Any]:
    from benchmarks.deriving import BY_ENTRIES, COMPONENTWISE, FORMULAS

    return {
        "ours": {name: middle([run("benchmarks.deriving", "ours", name) for _ in range(times)]) for name in FORMULAS},
        "entries": {name: run("benchmarks.deriving", "entries", name, may_fail=True) for name in BY_ENTRIES},
        "sympy": {str(n): run("benchmarks.deriving", "sympy", str(n), may_fail=True) for n in COMPONENTWISE},
        "import": {name: middle([imported(code) for _ in range(max(3, times))]) for name, code in IMPORTS.items()},
    }


def keep_previous() -> None:
    """The run before this one is kept: the report says how far the figures of the two differ."""
    before = OUT / "previous"
    before.mkdir(exist_ok=True)
    for name in ("speed.json", "setting.json"):
        (before / name).unlink(missing_ok=True)
        if (OUT / name).exists():
            (OUT / name).rename(before / name)


def measure_processes(only: list[str], times: int) -> None:
    """What is measured in processes of their own."""
    from benchmarks.workloads import BY_KEY

    keys = [k for k in BY_KEY if not only or k in only]
    (OUT / "children.json").write_text(json.dumps(children(keys, times)))
    (OUT / "deriving.json").write_text(json.dumps(deriving(times)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--passes", type=int, default=0, help=f"how often the implementations take turns: {PASSES}, or 2 with --quick")
    parser.add_argument("--only", default="", help="keys of workloads: '4 or 6m'")
    parser.add_argument("--again", action="store_true", help="only the calls once more, to compare with the run before")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the report again")
    options = parser.parse_args()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    os.environ["BENCH_ONLY"] = options.only
    os.environ["BENCH_QUICK"] = "1" if options.quick else ""
    passes = options.passes or (2 if options.quick else PASSES)
    os.environ["BENCH_PASSES"] = str(passes)
    OUT.mkdir(parents=True, exist_ok=True)
    from benchmarks import conftest as _one_thread  # noqa: F401  (before NumPy)
    from benchmarks import report
    from benchmarks.machine import describe

    if not options.report:
        keep_previous()
        start = time.monotonic(), os.getloadavg()[0]
        (OUT / "machine.json").write_text(json.dumps(describe()))
        code = subprocess.run([sys.executable, "-m", "pytest", "-c", "benchmarks/pytest.ini", "benchmarks/test_speed.py",
                               "-q", f"--benchmark-json={OUT / 'speed.json'}"], cwd=ROOT, check=False).returncode
        if code:
            return code
        setting = {"quick": options.quick, "passes": passes, "minutes": (time.monotonic() - start[0]) / 60,
                   "load": max(start[1], os.getloadavg()[0] - 1)}
        (OUT / "setting.json").write_text(json.dumps(setting))
        if not options.again:
            measure_processes(options.only.split(), 1 if passes < PASSES else 3)
    report.write(OUT, OUT if options.only else ROOT / "docs")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
