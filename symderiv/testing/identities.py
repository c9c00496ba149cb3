"""An identity in a test: it fails where it is refuted or can't be decided, and shows the counterexample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symderiv.api import Assume, prove
from symderiv.errors import SymderivError
from symderiv.testing.messages import array_text, first_difference, indented
from symderiv.verdicts import Verdict

REQUIRE = ("checked", "proved")


def assert_identity(
    lhs: Any,
    rhs: Any,
    /,
    *,
    shapes: Mapping[str, Any] | None = None,
    assume: Assume = None,
    require: str = "checked",
    trials: int = 20,
    seed: int = 0,
    **declared: Any,
) -> Verdict:
    """The verdict on lhs = rhs, proved or checked; AssertionError where the sides differ, or where nothing was decided.

    The sides are texts, expressions, SymPy matrices or Python functions, with ``shapes`` as for `prove`;
    ``require="proved"`` isn't content with numbers. Bad input raises the error of the tree that it is.

    >>> assert_identity("A @ B", "B @ A", shapes={"A": "n n", "B": "n n"})
    Traceback (most recent call last):
    AssertionError: not an identity: A @ B = B @ A
      the sides differ at a point of small integers, ...: first at [0, 0], where left is ... and right is ...
      A = ...
    """
    __tracebackhide__ = True
    if require not in REQUIRE:
        raise SymderivError(f"require={require!r} isn't known", hint=f"take one of {', '.join(REQUIRE)}")
    verdict: Verdict = prove(lhs, rhs, assume=assume, trials=trials, seed=seed, shapes=shapes, **declared)
    claim = f"{_side(lhs, verdict.lhs)} = {_side(rhs, verdict.rhs)}"
    if verdict.status == "refuted":
        raise AssertionError(f"not an identity: {claim}\n{indented(_difference(verdict))}")
    if verdict.status == "unknown":
        raise AssertionError(f"not decided: {claim}\n{indented(verdict.reason)}")
    if require == "proved" and verdict.status != "proved":
        raise AssertionError(f"not proved: {claim}\n{indented(verdict.reason)}")
    return verdict


def _side(given: Any, expr: Any) -> str:
    return given.strip() if isinstance(given, str) else str(expr.text())


def _difference(verdict: Verdict) -> str:
    found = verdict.counterexample
    if found is None:
        return verdict.reason
    where = first_difference(found.left, found.right)
    reason = verdict.reason.partition(" by ")[0]
    lines = [reason + (f": {where[0]}left is {where[1]} and right is {where[2]}" if where else "")]
    lines += [f"{name} = {array_text(value)}" for name, value in found.values.items() if not callable(value)]
    return "\n".join([*lines, f"left  = {array_text(found.left)}", f"right = {array_text(found.right)}"])


__all__ = ["assert_identity"]
