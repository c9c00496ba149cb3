"""Bounds of one derivation: time and memory, in any thread, without signals.

Every node that is made or met counts as a tick (:func:`symderiv.ir.intern`), every node that is evaluated too; every
so many ticks the clock and the memory are looked at. What is inside then ends in TooLargeError, and what it had made is
let go; the next derivation begins afresh.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any, TypeVar, cast

from symderiv.errors import SymderivError, TooLargeError

EVERY = 64
"""ticks between two looks at the clock"""
LOOKS = 4
"""looks at the clock between two looks at the memory"""
HINT = "give more, name intermediate values, or ask for one part at a time"

watched = 0
"""how many limits are in force in all threads: nothing is counted while there are none"""
_count = Lock()
_limits: ContextVar[tuple[_Limit, ...]] = ContextVar("limits", default=())
F = TypeVar("F", bound=Callable[..., Any])


class _Over(BaseException):
    """Not an Exception: nothing that catches errors on the way may take it for one."""

    def __init__(self, limit: _Limit, what: str) -> None:
        super().__init__(what)
        self.limit = limit


class _Limit:
    __slots__ = ("base", "looks", "megabytes", "seconds", "ticks", "until")

    def __init__(self, seconds: float | None, megabytes: float | None) -> None:
        self.seconds, self.megabytes = seconds, megabytes
        self.until = None if seconds is None else time.monotonic() + seconds
        self.base = None if megabytes is None else resident()
        self.ticks = self.looks = 0

    def look(self) -> None:
        self.looks += 1
        if self.until is not None and time.monotonic() > self.until:
            raise _Over(self, f"not done within {self.seconds:g} seconds")
        if self.base is not None and self.megabytes is not None and self.looks % LOOKS == 0:
            now = resident()
            if now is not None and now - self.base > self.megabytes * 1e6:
                raise _Over(self, f"not done within {self.megabytes:g} MB of memory")


def tick() -> None:
    """Count a piece of work against the limits of this thread; called while :data:`watched` isn't 0."""
    for limit in _limits.get():
        limit.ticks += 1
        if limit.ticks % EVERY == 0:
            limit.look()


def resident() -> float | None:
    """The memory of this process that is in use, in bytes; None where the system doesn't tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return float(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, IndexError, AttributeError):
        pass
    try:
        import resource
    except ImportError:
        return None
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))


@contextmanager
def limits(seconds: float | None = None, megabytes: float | None = None) -> Iterator[None]:
    """Bound what is inside: TooLargeError after ``seconds``, or once the process has grown by ``megabytes``.

    It holds in any thread, for that thread; limits may be nested. None, the default, is no limit. Work outside this
    package (an integral that SymPy looks for, a product of arrays in NumPy) is waited for. Every operator takes the two
    as keywords: ``hessian(f, "x", …, seconds=10)``.

    Raises SymderivError for a bound that isn't a number above 0.

    >>> import symderiv as sd
    >>> with sd.limits(seconds=1e-9):
    ...     sd.derivative("softmax(A @ tanh(A @ x))", "x", order=3, A="n n", x="n")
    Traceback (most recent call last):
    symderiv.errors.TooLargeError: not done within 1e-09 seconds
    give more, name intermediate values, or ask for one part at a time
    """
    limit = _Limit(_positive("seconds", seconds), _positive("megabytes", megabytes))
    _watch(1)
    mark = _limits.set((*_limits.get(), limit))
    try:
        yield
    except _Over as over:
        if over.limit is not limit:
            raise
        raise TooLargeError(str(over), hint=HINT) from None
    finally:
        _limits.reset(mark)
        _watch(-1)


def _watch(change: int) -> None:
    global watched
    with _count:
        watched += change


def _positive(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise SymderivError(f"{name}={value!r}: a limit is a number above 0", hint="leave it out for no limit")
    return min(value, sys.float_info.max)                           # a whole number may be larger than any float


def in_force() -> bool:
    """Whether this thread's work is limited now: then nothing is put off until later."""
    return bool(_limits.get())


def limited(operator: F) -> F:
    """Give an operator the keywords ``seconds`` and ``megabytes``; a text under these names is a symbol's shape."""

    @functools.wraps(operator)
    def bounded(*given: Any, **named: Any) -> Any:
        bounds = {k: named.pop(k) for k in ("seconds", "megabytes") if k in named and not isinstance(named[k], str)}
        if not bounds:
            return operator(*given, **named)
        with limits(**bounds):
            return operator(*given, **named)

    return cast(F, bounded)


__all__ = ["in_force", "limited", "limits"]
