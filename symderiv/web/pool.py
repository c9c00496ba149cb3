"""Processes that answer questions, so many at a time, each ended where it takes too long; then a new one stands ready."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

LONGEST_LINE = 32 * 2**20
START_SECONDS = 60.0
MOST_WAITING = 32


def refused(message: str, hint: str, kind: str = "TooLargeError") -> str:
    """An error as an answer."""
    return json.dumps({"ok": False, "error": {"kind": kind, "message": message, "hint": hint}}, ensure_ascii=False)


class Worker:
    """One process, which is started when it is first needed, and again after it was ended."""

    def __init__(self, seconds: float, megabytes: int, command: Sequence[str] = ("-m", "symderiv.web.worker")):
        self.seconds, self.megabytes, self.command = seconds, megabytes, tuple(command)
        self.process: Process | None = None

    async def start(self) -> Process:
        """The process, ready to answer."""
        if self.process is None or self.process.returncode is not None:
            # -P: no module of the directory that the server was started in is taken for one of Python's
            arguments = ("-P", *self.command, str(self.seconds), str(self.megabytes))
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdin=PIPE, stdout=PIPE, limit=LONGEST_LINE
            )
            assert self.process.stdout is not None
            ready = await asyncio.wait_for(self.process.stdout.readline(), START_SECONDS)
            if ready.strip() != b"ready":
                await self.end()
                raise OSError("a worker process didn't start")
        return self.process

    async def ask(self, text: str) -> str:
        """The answer; a process that takes too long, or dies, is ended, and the answer says so."""
        process = await self.start()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(text.encode("utf-8", "replace").replace(b"\n", b" ") + b"\n")
            await process.stdin.drain()
            line = await asyncio.wait_for(process.stdout.readline(), self.seconds)
        except TimeoutError:
            await self.end()
            hint = "give intermediate values names (z = …), ask for one variable at a time, or use the Python package"
            return refused(f"not done within {self.seconds:g} seconds", hint)
        except (OSError, ValueError):
            line = b""
        except asyncio.CancelledError:
            await self.end()
            raise
        if not line.endswith(b"\n"):
            await self.end()
            return refused("the calculation broke off: it needed too much memory", "ask for one part at a time")
        return line.decode("utf-8")

    async def end(self) -> None:
        """End the process, whatever it is doing."""
        process, self.process = self.process, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class Pool:
    """So many workers; questions beyond them wait their turn, up to a number."""

    def __init__(self, count: int, seconds: float, megabytes: int):
        self.workers = [Worker(seconds, megabytes) for _ in range(count)]
        self.free: asyncio.Queue[Worker] = asyncio.Queue()
        self.waiting = 0
        self.starting: list[asyncio.Task[object]] = []

    async def open(self) -> None:
        """Start the processes, without waiting for them."""
        for worker in self.workers:
            self.starting.append(asyncio.create_task(self._ready(worker)))

    async def _ready(self, worker: Worker) -> None:
        with suppress(OSError, TimeoutError):
            await worker.start()
        self.free.put_nowait(worker)

    async def ask(self, text: str) -> str:
        """The answer of the next free worker."""
        if self.waiting >= MOST_WAITING:
            return refused("too many questions at once", "try again in a moment", "BusyError")
        self.waiting += 1
        try:
            worker = await self.free.get()
        finally:
            self.waiting -= 1
        try:
            return await worker.ask(text)
        except (OSError, TimeoutError):
            return refused("no process could be started for this", "try again in a moment", "BusyError")
        finally:
            if worker.process is None:  # was ended: a new one is started before it is handed out
                self.starting = [task for task in self.starting if not task.done()]
                self.starting.append(asyncio.create_task(self._ready(worker)))
            else:
                self.free.put_nowait(worker)

    async def close(self) -> None:
        """End all processes."""
        for task in self.starting:
            task.cancel()
        for worker in self.workers:
            await worker.end()


__all__ = ["Pool", "Worker", "refused"]
