"""Symbolic depth: networks of L equal layers, L a symbol, derived by one generic layer and an induction over it.

``layer`` reads a layer and gives it indices, ``recursion`` derives its step and makes equations of it, ``induction``
checks base and step, ``unrolled`` is the same network at a depth that is a number, ``numeric`` compares and evaluates
there, ``telling`` prints.
"""

from symderiv.depth.network import Deep, deep
from symderiv.depth.recursion import Recursion

__all__ = ["Deep", "Recursion", "deep"]
