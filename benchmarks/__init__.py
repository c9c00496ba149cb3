"""symderiv beside hand-written NumPy, JAX, PyTorch and SymPy, in one run: ``make bench`` writes docs/benchmarks.md."""
