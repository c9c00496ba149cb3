"""A process that answers questions, one a line: what it does can be ended from outside at any moment.

Run as ``python -m symderiv.web.worker SECONDS MEGABYTES``. It says "ready" first. A question that takes longer than the
seconds ends the process, should the server that waits for it be gone; an answer that needs more memory is an error.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import BinaryIO

GRACE = 5.0
"""seconds that the server has to end a process itself"""


def main() -> None:
    """Answer until standard input ends."""
    seconds, megabytes = float(sys.argv[1]), int(sys.argv[2])
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing that is printed on the way is taken for an answer
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, which then ends this process
    _limit_memory(megabytes)
    from symderiv.web.answers import answer_text

    warm_up(answer_text)
    _say(answers, b"ready")
    for line in sys.stdin.buffer:
        _alarm(seconds + GRACE)
        text = answer_text(line.decode("utf-8", "replace"))
        _alarm(0)
        _say(answers, text.encode("utf-8", "replace"))


def warm_up(answer_text: object) -> None:
    """Load what the first question would wait for."""
    assert callable(answer_text)
    for do in ("derive", "check"):
        answer_text(f'{{"do": "{do}", "text": "-y @ log(softmax(W @ x + b))", "wrt": "W"}}')


def _say(answers: BinaryIO, line: bytes) -> None:
    answers.write(line.replace(b"\n", b" ") + b"\n")
    answers.flush()


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory(megabytes: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    limit = megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
