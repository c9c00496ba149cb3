"""How long deriving takes, in a process of its own for each formula: python -m benchmarks.deriving NAME."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.workloads import BATCH, MANY, MEAN, ROWS, TWO

TWO_LAYERS = "sum(logsumexp(tanh(X @ W1.T) @ W2.T, axis=1)) - sum(Y * (tanh(X @ W1.T) @ W2.T))"
SHORT = {"X": "m n", "Y": "m o", "W1": "p n", "W2": "o p"}
BCE = "-sum(t * log(sigmoid(X @ w)) + (1 - t) * log(1 - sigmoid(X @ w)))"
LAYERS = 80


def _deep(sd: Any) -> Any:
    lines = [f"z{k} = tanh(W{k} @ {f'z{k - 1}' if k > 1 else 'x'})" for k in range(1, LAYERS + 1)]
    shapes = {f"W{k}": "n n" for k in range(1, LAYERS + 1)}
    return sd.gradient("\n".join([*lines, f"sum(z{LAYERS}**2)"]), "W1", shapes={**shapes, "x": "n"})


FORMULAS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "softmax": ("Jacobian of softmax(W h + b)", "57 ms",
                lambda sd: sd.jacobian("softmax(W @ h + b)", "h", shapes={"W": "o n", "h": "n", "b": "o"})),
    "cross-entropy": ("Hessian of cross-entropy after softmax, by the logits", "149 ms; p is left unnamed",
                      lambda sd: sd.hessian("-y @ log(softmax(u))", "u", assume="sum(y) == 1",
                                            shapes={"y": "o", "u": "o"})),
    "logistic": ("Hessian of logistic regression, spelled as binary cross-entropy", "1.4 s; 8 terms, y doesn't cancel",
                 lambda sd: sd.hessian(BCE, "w", shapes={"X": "m n", "t": "m", "w": "n"})),
    "gradient": ("gradient of a 2-layer network by W₁", "119 ms; 4 terms",
                 lambda sd: sd.gradient(MEAN, "W1", assume=ROWS, shapes=TWO)),
    "2-layer": ("Hessian of a 2-layer network by W₁", "14 s; 12 terms",
                lambda sd: sd.hessian(TWO_LAYERS, "W1", assume=ROWS, shapes=SHORT)),
    "3-layer": ("Hessian of a 3-layer network by W₁", "over 150 s; ended without an answer",
                lambda sd: sd.hessian(BATCH, "W1", assume=ROWS, shapes=MANY)),
    "80 layers": (f"gradient of an {LAYERS}-layer tanh network by W₁", "not measured", _deep),
}
BY_ENTRIES = tuple(name for name in FORMULAS if name != "80 layers")
COMPONENTWISE = (2, 4, 8)
"""sizes n of the logistic regression that SymPy derives entry by entry, with m = 2n samples"""


def ours(name: str) -> dict[str, float]:
    """Deriving alone."""
    import symderiv as sd
    from benchmarks.child import load

    load("ours")
    start = time.process_time()
    FORMULAS[name][2](sd)
    return {"derive": time.process_time() - start}


def by_entries(name: str) -> dict[str, float]:
    """SymPy's derivatives of the same formula with every entry a symbol and every size 2."""
    import numpy as np
    import sympy as sp

    def array(letter: str, *shape: int) -> Any:
        return np.array(sp.symbols(f"{letter}0:{int(np.prod(shape))}")).reshape(shape)

    def each(function: Any) -> Any:
        return np.vectorize(function, otypes=[object])

    def softmax(u: Any) -> Any:
        e = each(sp.exp)(u)
        return e / e.sum(axis=-1, keepdims=True)

    X, Y, W1, W2, W3 = (array(c, 2, 2) for c in "XYABC")
    b, c, h, t = (array(v, 2) for v in "bcht")
    tanh, log = each(sp.tanh), each(sp.log)
    logits = tanh(X @ W1.T) @ W2.T
    sigma = 1 / (1 + each(sp.exp)(-X @ h))
    cases: dict[str, Callable[[], tuple[Any, Any, int]]] = {
        "softmax": lambda: (softmax(W1 @ h + b), h, 1),
        "cross-entropy": lambda: ([-(t @ log(softmax(h)))], h, 2),
        "logistic": lambda: ([-(t * log(sigma) + (1 - t) * log(1 - sigma)).sum()], h, 2),
        "gradient": lambda: ([-(log(softmax(tanh(X @ W1.T + b) @ W2.T + c)) * Y).sum() / 2], W1, 1),
        "2-layer": lambda: ([(log(each(sp.exp)(logits).sum(axis=1)) - (Y * logits).sum(axis=1)).sum()], W1, 2),
        "3-layer": lambda: ([-(log(softmax(tanh(logits) @ W3.T)) * Y).sum()], W1, 2),
    }
    outputs, variables, order = cases[name]()
    start = time.process_time()
    found = list(outputs)
    for _ in range(order):
        found = [sp.diff(f, x) for f in found for x in variables.flat]
    return {"derive": time.process_time() - start, "operations": float(sum(map(sp.count_ops, found)))}


def sympy_logistic(n: int) -> dict[str, float]:
    """∂²/∂wᵢ∂wⱼ with every entry a symbol, then NumPy code by lambdify; and a call of it."""
    import numpy as np
    import sympy as sp

    m = 2 * n
    w, y, X = sp.symbols(f"w0:{n}"), sp.symbols(f"y0:{m}"), sp.symbols(f"x0:{m * n}")
    start = time.process_time()
    loss = sum(sp.log(1 + sp.exp(-y[i] * sum(X[i * n + j] * w[j] for j in range(n)))) for i in range(m))
    H = sp.hessian(loss, w)
    derived = time.process_time() - start
    start = time.process_time()
    call = sp.lambdify([*X, *y, *w], H, "numpy", cse=True)
    written = time.process_time() - start
    rng = np.random.default_rng(0)
    values = [*rng.standard_normal(m * n), *np.sign(rng.standard_normal(m)), *rng.standard_normal(n)]
    call(*values)
    times = []
    for _ in range(30):
        start = time.perf_counter()
        call(*values)
        times.append(time.perf_counter() - start)
    return {"derive": derived, "lambdify": written, "call": sorted(times)[15], "operations": float(sp.count_ops(H))}


if __name__ == "__main__":
    what, name = sys.argv[1:]
    print(json.dumps({"ours": ours, "entries": by_entries, "sympy": lambda n: sympy_logistic(int(n))}[what](name)))
