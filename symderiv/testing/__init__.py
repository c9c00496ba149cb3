"""Checks for tests: an identity, or a gradient that somebody wrote by hand, with a message that says what is wrong.

They raise AssertionError, so that any test runner will do; with pytest they are fixtures (see `pytest_plugin`).

>>> import numpy as np
>>> def loss(w, X, y):
...     return np.sum((X @ w - y) ** 2)
>>> assert_gradient(loss, lambda w, X, y: 2 * X.T @ (X @ w - y), at={"w": "n", "X": "m n", "y": "m"})
GradientReport(right by w at 20 points, worst relative error ...; reference: derived)
>>> assert_identity("tanh(x)", "2*sigmoid(2*x) - 1", x="n").status
'proved'
"""

from symderiv.testing.gradients import GradientReport, assert_gradient, assert_hessian, assert_jacobian
from symderiv.testing.identities import assert_identity

__all__ = ["GradientReport", "assert_gradient", "assert_hessian", "assert_identity", "assert_jacobian"]
