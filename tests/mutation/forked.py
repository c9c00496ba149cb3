"""Many mutants in one run of the tests: collected once, and for each mutant run in a fork, but for those that don't reach it.

The first run tells which test enters which function. A mutant then takes the place of the code of the functions that are
there already, and only the tests that enter its innermost function are run, the quickest first. What is broken outside
functions can't be tried like this, and is tried in a process of its own. What the processes remember is forgotten before
each test and each mutant; a mutant that still survives by what was remembered is found out by ``run.py --again``, which
starts anew for each.
"""

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

Place = tuple[str, str, int]


def place_of(code: CodeType) -> Place:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def changed(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Pairs of code objects that differ, the innermost first."""
    if old == new:
        return
    before, after = ([c for c in code.co_consts if isinstance(c, CodeType)] for code in (old, new))  # constants may move
    for one, two in zip(before, after, strict=True):
        yield from changed(one, two)
    yield old, new


def forget() -> None:
    """Clears every cache of the package."""
    from symderiv import engine

    engine._LEMMAS.clear()
    for cache in _caches():
        cache.cache_clear()


@functools.cache
def _caches() -> list[Any]:
    kind = type(_caches)
    return [o for o in gc.get_objects() if isinstance(o, kind) and str(o.__module__).startswith("symderiv") and o is not _caches]


def plant(pairs: Sequence[tuple[CodeType, CodeType]]) -> bool:
    """Gives the functions that have one of the old codes the new one; whether there was one."""
    found = False
    for function in gc.get_objects():
        if isinstance(function, FunctionType):
            for old, new in pairs:
                if function.__code__ == old:
                    function.__code__ = new
                    found = True
    return found


class Tried:
    """A plugin whose loop runs the tests once, and then again for each mutant, in a fork."""

    def __init__(self, files: Sequence[Path], ask: Callable[[Tried], None], seconds: float) -> None:
        self.files, self.ask, self.seconds = {str(f) for f in files}, ask, seconds
        self.enters: dict[Place, list[tuple[float, pytest.Item]]] = {}
        self.failed: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for item in session.items:
            entered: set[CodeType] = set()

            def profile(frame: FrameType, event: str, _: object, entered: set[CodeType] = entered) -> None:
                if event == "call":
                    entered.add(frame.f_code)

            forget()
            started = time.monotonic()
            sys.setprofile(profile)
            try:
                passed = self.passes(item)
            finally:
                sys.setprofile(None)
            if not passed:
                self.failed.append(item.nodeid)
            for code in entered:
                if code.co_filename in self.files:
                    self.enters.setdefault(place_of(code), []).append((time.monotonic() - started, item))
        if not self.failed:
            self.ask(self)
        return True

    @staticmethod
    def passes(item: pytest.Item) -> bool:
        return not any(report.failed for report in runtestprotocol(item, nextitem=None, log=False))

    def end_of(self, old: CodeType, new: CodeType) -> str | None:
        """killed, hangs or survived; None for what can't be tried like this."""
        pairs = list(changed(old, new))
        reached = next((place_of(one) for one, _ in pairs), None)
        if reached is None or len(pairs) < 2:
            return None
        tests = sorted(self.enters.get(reached, []), key=lambda pair: pair[0])
        child = os.fork()
        if not child:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(int(self.seconds))
            end = 3
            try:
                forget()
                if plant(pairs[:-1]):
                    end = int(not all(self.passes(item) for _, item in tests))
            finally:
                os._exit(end)
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            return "hangs"
        return {0: "survived", 1: "killed"}.get(os.WEXITSTATUS(status))
