"""What the report says in words."""

HEAD = """\
<!-- Written by `make bench`; change benchmarks/prose.py instead. -->
# Benchmarks

`make bench` writes this page: it derives each formula, writes its NumPy function, and calls it beside hand-written
NumPy, JAX (`jit`, 64 bits) and PyTorch (`torch.func`) in one run, in an environment of its own (`.venv-bench`). Every
answer is compared with the hand-written one before it is timed. All use one thread; times are the median CPU time of
the process over three passes, in which the implementations take turns. The whole takes ten minutes on a quiet machine,
and up to half an hour where other programs keep all cores busy; `make bench QUICK=1` takes four, and
`make bench ONLY='4 or 6m'` measures some workloads alone and leaves this page as it is.

Measured on:
"""

QUICK = """
*This is the quick setting, with few repetitions: take single figures with care.*"""

BUSY = """
*Other programs ran at the same time (load average {}): to measure the calls took {} minutes. CPU time doesn't count those
programs, but caches and memory are shared: single figures can be off by a tenth, at the largest sizes more.*"""

SPEED = """\
## Speed of a call

*÷ expert* is our time divided by that of the fastest hand-written form ([experts.py](../benchmarks/experts.py)); the
goal is 1.1 where a size is 100 or more, and 1.3 at the sizes below, where a call's own cost rules. *Fresh*: the C
library's free memory is given back before each call, as in a process that has just started, so that large results meet
pages that the system has yet to clear. *JAX ÷ ours* and *PyTorch ÷ ours* take the fastest of the variants that a user
would try; more than 1 means that symderiv is ahead. ✗ marks what misses a goal; below it says why."""

PLOT = "![Time of a call against the size, on logarithmic axes](benchmarks.svg)"

EXPERTS = """\
The hand-written forms were improved too while this was built: the dense factorisation Hessian writes its blocks
through a view, the Hessian of a network writes its last outer product by `einsum`, the batched ones mirror half of
their blocks, the Hessian tensor goes slice by slice. Both forms are kept, and the faster of the run counts. Where
*÷ expert* is clearly under 1, the generator found a better plan still.

At tiny sizes a call costs what its operations cost to begin. The functions that `d.numpy()` gives call `A.dot(B)` where
their source shows `A @ B`: the same product for matrices and vectors, begun in half of the time. So do numbers beside
arrays as arrays made beforehand, and NumPy's functions as names that need not be looked up. That makes up for the checks of
the arguments, which the hand-written forms don't have, and often more. OpenBLAS chooses its own kernels: a variable such as
`OPENBLAS_CORETYPE=Haswell`, set for other machines, would halve NumPy's products and leave JAX's as they are, so `make
bench` removes it."""

TWO_RUNS = """\
**Two runs.** The calls were measured twice, one run after the other (`make bench`, then `make bench AGAIN=1`); the tables
show the second. By so much do the figures of the two differ:"""

FIRST = """\
## From nothing to the first answer, and memory

CPU time in a fresh process, imports apart: symderiv derives, writes the function and calls it; JAX traces, compiles and
calls; PyTorch calls. The goal is half of JAX's time. *Memory* is the most that one further call has beyond what the
process had before it, its result included, at the largest size of the workload."""

DERIVING = """\
## Deriving

CPU time in a fresh process, imports apart. tensorgrad's figures are from November 2026, on a machine with 2 cores like
this one. SymPy differentiates with every matrix entry a symbol; at n = 16 it took 22 s to derive the same Hessian and
8.7 s for `lambdify`, with 1.2 million operations."""

TINY = """\
A compiled function costs one call, about 8 µs here whatever it holds; NumPy begins each operation anew, at 0.3 to 1 µs."""
"""of what JAX is ahead in where no size is 100 or more"""

REASONS: dict[str, str] = {
    "2": "XLA's own products are a tenth to a fifth faster than OpenBLAS's on this processor.",
    "3": "XLA's own products are a tenth to a fifth faster than OpenBLAS's on this processor.",
    "5c": "Half of the time is np.linalg.solve, in both; the rest are checks of the arguments.",
    "7c": "XLA's own products are a tenth to a fifth faster than OpenBLAS's on this processor, and it fuses what is between.",
    "8": "XLA fuses the outer products with the sum; NumPy passes over the tensor once more.",
    "10": "XLA makes the matrix in one pass; NumPy needs three, over 8 MB.",
    "12": "Nearly all of it is LAPACK's inverse, in both.",
    "13": "XLA fuses the elementwise passes between the products.",
}
"""for workloads that miss a goal elsewhere: why"""

FIRST_REASONS: dict[str, str] = {
    "7b": "six blocks are derived, each to its own normal form; those below the diagonal are one step each.",
}
"""why the first answer takes more than half of JAX's time"""

NEAR = "No reason was found in the source; it is within what two runs differ by."
