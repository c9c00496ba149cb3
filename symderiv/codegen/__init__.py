"""Readable straight-line NumPy from expressions: planned once, when it is generated.

>>> from symderiv.build import symbol
>>> from symderiv import ops
>>> W, h = symbol("W", ("o", "n")), symbol("h", ("n",))
>>> print(generate(ops.function("tanh", ops.matmul(W, h)), [W, h], name="layer").source)
import numpy as np
<BLANKLINE>
<BLANKLINE>
def layer(W, h):
    \"\"\"Evaluate the expression.
<BLANKLINE>
    W: (o, n)
    h: (n,)
    returns: (o,)
    \"\"\"
    W = np.asarray(W, dtype=float)
    h = np.asarray(h, dtype=float)
    o, n = W.shape
    if h.shape != (n,):
        raise ValueError("expected W: o×n, h: n; "
                         f"got {W.shape}, {h.shape}")
    return np.tanh(W @ h)
<BLANKLINE>
"""

from __future__ import annotations

from symderiv.codegen.compressed import Compressed
from symderiv.codegen.function import Generated
from symderiv.codegen.generate import generate

__all__ = ["Compressed", "Generated", "generate"]
