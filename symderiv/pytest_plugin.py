"""Fixtures for pytest: check_identity, check_gradient, check_jacobian and check_hessian.

Installed with symderiv, and found by pytest itself. It is loaded in every test run of an environment, so it imports
nothing heavy: the engine, SymPy and NumPy come with the first check that is made.

    def test_gradient(check_gradient):
        check_gradient(loss, gradient_of_loss, at={"w": "n", "X": "m n", "y": "m"})

    def test_identity(check_identity):
        check_identity("trace(A @ B)", "trace(B @ A)", shapes={"A": "m n", "B": "n m"})

Options, on the command line or in the configuration: ``--symderiv-trials`` (``symderiv_trials``), how many random points
each check takes, and ``--symderiv-seed`` (``symderiv_seed``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

_OPTIONS = {"trials": ("20", "how many random points a check takes"), "seed": ("0", "where the random points start")}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("symderiv", "derivatives and identities")
    for name, (default, what) in _OPTIONS.items():
        group.addoption(f"--symderiv-{name}", type=int, default=None, metavar="N", help=f"{what} (default: {default})")
        parser.addini(f"symderiv_{name}", what, default=default)


def _options(config: pytest.Config) -> dict[str, int]:
    found = {}
    for name in _OPTIONS:
        given = config.getoption(f"--symderiv-{name}")
        text = config.getini(f"symderiv_{name}") if given is None else given
        try:
            found[name] = int(text)
        except ValueError:
            raise pytest.UsageError(f"symderiv_{name} = {text!r}: it takes a whole number") from None
    return found


def _fixture(name: str, what: str) -> Any:
    """The fixture that gives ``assert_{name}`` with the run's options; a failure, and bad input, points at the test's own line."""

    def made(request: pytest.FixtureRequest) -> Callable[..., Any]:
        options = _options(request.config)

        def check(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            from symderiv import testing
            from symderiv.errors import SymderivError

            try:
                return getattr(testing, f"assert_{name}")(*args, **{**options, **kwargs})
            except SymderivError as error:              # bad input: where it was read tells the reader nothing
                raise error.with_traceback(None) from None

        return check

    made.__doc__ = what
    return pytest.fixture(name=f"check_{name}")(made)


check_identity = _fixture("identity", "check_identity(lhs, rhs, shapes=…, assume=…): fails unless proved or checked.")
check_gradient = _fixture("gradient", "check_gradient(f, grad, at=shapes): fails unless grad is the gradient of f.")
check_jacobian = _fixture("jacobian", "check_jacobian(f, jac, at=shapes): fails unless jac is the Jacobian of f.")
check_hessian = _fixture("hessian", "check_hessian(f, hess, at=shapes): fails unless hess is the Hessian of f.")
