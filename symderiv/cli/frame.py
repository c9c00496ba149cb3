"""What every command shares: exit codes, errors without traceback, the time limit, progress, where output goes.

Exit codes: 0 done; 1 an identity failed, or couldn't be decided; 2 bad usage or bad input; 70 an error of symderiv's own;
130 interrupted (Ctrl-C); 141 the reader of the output went away.
"""
from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from symderiv.bounds import limits
from symderiv.errors import SymderivError, TooLargeError, clip, with_source

DONE, FAILED, BAD_INPUT, INTERNAL, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 70, 130, 141
SECONDS = 60.0
MEGABYTES = 2000.0
MEMORY = "symderiv.megabytes"
"""where a command's memory limit is kept in its context"""
LONGEST_INPUT = 1_000_000
"""characters read from standard input or a file as an expression's text"""
DEBUG = "SYMDERIV_DEBUG"


class _PipeClosed(Exception):
    """The reader of standard output went away."""


class _TimeUp(BaseException):
    """Not an Exception: nothing that catches errors on the way may take it for one."""


class Frame(click.Group):
    """A group of commands that ends every error in a message and an exit code, never in a traceback."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, complete_var: str | None = None,
             standalone_mode: bool = True, **extra: Any) -> Any:
        def run() -> Any:
            return super(Frame, self).main(args, prog_name, complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        sys.exit(_code(run))

    def invoke(self, ctx: click.Context) -> Any:
        _never_fail_to_encode()
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            raise _PipeClosed from None
        return result


def _code(run: Callable[[], Any]) -> int:
    """The exit code of a command; what went wrong is told."""
    try:
        result = run()
    except click.ClickException as error:
        error.show()
        return BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return INTERRUPTED
    except _PipeClosed:
        _write_no_more()
        return PIPE_CLOSED
    except SymderivError as error:
        complain(f"Error: {error}")
        return BAD_INPUT
    except MemoryError:
        complain("Error: the memory isn't enough for this\nname intermediate values, or ask for one part at a time")
        return BAD_INPUT
    except OSError as error:  # a full disk, a closed stream, a directory that may not be written
        _write_no_more()
        place = f"'{clip(str(error.filename), 100)}': " if error.filename else "input or output: "
        complain(f"Error: {place}{error.strerror or error}")
        return BAD_INPUT
    except Exception as error:
        complain(internal(error))
        return INTERNAL
    return result if isinstance(result, int) else DONE


def _write_no_more() -> None:
    """Send what is left in the buffer nowhere: Python would fail on it once more at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(message: str) -> None:
    """Say something on standard error; a closed one is no reason to fail."""
    with suppress(OSError, ValueError):
        click.echo(message, err=True)


def internal(error: Exception) -> str:
    """What the user is told of an error of ours, with the traceback where SYMDERIV_DEBUG is set."""
    if os.environ.get(DEBUG):
        return "".join(traceback.format_exception(error))
    return (f"internal error: {type(error).__name__}: {clip(str(error), 200)}\n"
            "This is a fault of symderiv, not of your input. Please report it with the command that you ran and what "
            f"{DEBUG}=1 in the environment makes it print.")


def _never_fail_to_encode() -> None:
    """A terminal that can't show a sign is shown its code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


# ---------------------------------------------------------------- time
@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """TooLargeError where what is inside takes longer; 0 is no limit.

    It needs the system's interval timer and the main thread, and holds where both are there (not on Windows).

    >>> with time_limit(0.01):
    ...     while True: pass
    Traceback (most recent call last):
    symderiv.errors.TooLargeError: not done within 0.01 seconds
    give more with --seconds (0 for no limit), name intermediate values, or ask for one part at a time
    """
    if not seconds or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum: int, frame: Any) -> None:
        raise _TimeUp

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)          # again, should it strike where errors are swallowed
    try:
        yield
    except _TimeUp:
        raise TooLargeError(f"not done within {seconds:g} seconds", hint="give more with --seconds (0 for no limit), "
                            "name intermediate values, or ask for one part at a time") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def progress(what: str) -> Iterator[None]:
    """A sign of life on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    with Console(stderr=True).status(f"{what} …"):
        yield


@contextmanager
def work(what: str, seconds: float, text: str | None = None) -> Iterator[None]:
    """Progress, time and memory limit; an error that shows no text of its own shows ``text``."""
    try:
        with progress(what), time_limit(seconds), limits(megabytes=_megabytes()):
            yield
    except SymderivError as error:
        error.hint = _as_options(error.hint)
        raise (with_source(error, text) if text is not None else error) from None


def _as_options(hint: str | None) -> str | None:
    """A hint that speaks of Python's keywords, for the shell.

    >>> _as_options("give its shape: h='n' (a scalar has the shape '')")
    'give its shape: --shape h=n (for a scalar: --shape h="")'
    """
    found = re.match(r"give its shape: (\w+)='([^']*)'", hint or "")
    if hint is None or found is None:
        return hint
    name, shape = found.groups()
    asked = f"{name}={shape}" if shape.isidentifier() else f'{name}="{shape}"'
    scalar = f' (for a scalar: --shape {name}="")' if "(a scalar" in hint else hint[found.end():]
    return f"give its shape: --shape {asked}{scalar}"


def _megabytes() -> float | None:
    context = click.get_current_context(silent=True)
    return context.meta.get(MEMORY) or None if context is not None else None


# ---------------------------------------------------------------- input and output
def read_text(given: str, longest: int = LONGEST_INPUT, is_file: bool = False) -> str:
    """What is given, or standard input for "-", or with ``is_file`` what is in the file."""
    if given != "-" and not is_file:
        return given
    try:
        if given == "-":
            data = sys.stdin.buffer.read(4 * longest + 1)
        else:
            with open(given, "rb") as file:
                data = file.read(4 * longest + 1)
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise SymderivError(f"{_called(given)} isn't text in UTF-8") from None
    except OSError as error:
        raise SymderivError(f"{_called(given)} can't be read: {error.strerror or error}") from None
    if len(text) > longest:
        raise TooLargeError(f"{_called(given)} has more than {longest} characters", hint="give a part of it")
    return text


def _called(given: str) -> str:
    return "standard input" if given == "-" else f"'{clip(given, 100)}'"


def put(text: str, out: str | None) -> None:
    """Write to standard output, or to a file, whole or not at all."""
    text = text if text.endswith("\n") else text + "\n"
    if out is None or out == "-":
        click.echo(text, nl=False)
        return
    target = Path(out)
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=target.parent, delete=False) as file:
            written = Path(file.name)
            file.write(text)
        written.chmod(0o666 & ~_umask())
        written.replace(target)
    except OSError as error:
        raise SymderivError(f"{_called(out)} can't be written: {error.strerror or error}") from None


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def read_shapes(given: Iterable[str]) -> dict[str, str]:
    """The shapes of ``--shape W="o n"``; a usage error for what isn't NAME=SHAPE.

    >>> read_shapes(["W=o n", "N=n -> o", "c="])
    {'W': 'o n', 'N': 'n -> o', 'c': ''}
    """
    shapes: dict[str, str] = {}
    for item in given:
        name, sign, shape = item.partition("=")
        name = name.strip()
        if not sign or not name.isidentifier():
            raise click.BadParameter(f"'{clip(item)}' isn't NAME=SHAPE, as in W=\"o n\" (for a scalar: c=\"\")",
                                     param_hint="'--shape'")
        if name in shapes:
            raise click.BadParameter(f"'{name}' is given twice", param_hint="'--shape'")
        shapes[name] = shape.strip()
    return shapes


# ---------------------------------------------------------------- options that several commands have
Command = Callable[..., Any]


def with_symbols(command: Command) -> Command:
    """--shape and --assume."""
    shape = click.option("--shape", "shapes", multiple=True, metavar="NAME=SHAPE",
                         help="A symbol's shape: W=\"o n\", c=\"\" for a scalar, N=\"n -> o\" for an abstract module, "
                              "f=elementwise for a generic function.")
    assume = click.option("--assume", multiple=True, metavar="FACT", help='Such as "sum(y) == 1", "onehot(y)", "symmetric(A)".')
    return shape(assume(command))


def with_limit(command: Command) -> Command:
    """--seconds and --megabytes."""

    def keep(context: click.Context, option: click.Parameter, value: float) -> None:
        context.meta[MEMORY] = value

    seconds = click.option("--seconds", type=click.FloatRange(min=0), default=SECONDS, show_default=True,
                           help="Give up after so many; 0 for no limit.")
    megabytes = click.option("--megabytes", type=click.FloatRange(min=0), default=MEGABYTES, show_default=True, expose_value=False,
                             callback=keep, help="Give up once the memory has grown by so many; 0 for no limit.")
    return seconds(megabytes(command))


def with_draws(command: Command) -> Command:
    """--trials and --seed."""
    trials = click.option("--trials", type=click.IntRange(1, 10000), default=20, show_default=True, help="Random draws of a check.")
    seed = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random draws.")
    return trials(seed(command))
