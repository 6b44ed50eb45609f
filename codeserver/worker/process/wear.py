"""The wear of an evaluator: state that a request has left behind.

An evaluator answers many requests, and one must not affect the next: by a changed directory or
variable, or by a file that it has not closed.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from pathlib import Path
from typing import Any

from codeserver.system import children, files
from codeserver.system.memory import resident_size
from codeserver.worker.process import limits
from codeserver.worker.process.originals import os, signal

_MORE_FILES = 64
_MORE_CHILDREN = 64

# Every reply waits for this check, so it covers only signals that user code is known to change.
_SIGNALS = (
    *(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE),
    *(signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2),
)

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


class Wear:
    """The state of this process at its start, to compare with.

    Args:
        max_growth: memory by which the process may grow, in bytes; 0 for no limit.
    """

    def __init__(self, max_growth: int) -> None:
        self._max_growth = max_growth
        self._state = _state()
        self._threads = set(threading.enumerate())
        self._files = _open_files()
        self._next_file = _next_file()
        self._memory = resident_size()

    def reason(self) -> str | None:
        """The reason not to use this process again; None if there is none."""
        state = _state()
        for what, value in self._state.items():
            if state[what] != value:
                return f"it has changed its {what}"
        if left := self._left():
            return f"it has left {left}"
        if limits.is_half_taken():
            return "it keeps half of the memory that --worker-memory-limit leaves to it"
        growth = resident_size() - self._memory
        if 0 < self._max_growth < growth:
            return f"it has grown by {growth / 2**20:.0f} MiB"
        return None

    def _left(self) -> str | None:
        # The lowest free number shows whether counting the files is worth the time.
        may_be_many = _next_file() > self._next_file + _MORE_FILES
        if may_be_many and (more := _open_files() - self._files) > _MORE_FILES:
            return f"{more} files open"
        if (count := _children_if_one_has_ended()) > _MORE_CHILDREN:
            return f"{count} child processes"
        if left := set(threading.enumerate()) - self._threads:
            return f"threads running: {', '.join(thread.name for thread in left)}"
        return None


def _next_file() -> int:
    """The number of the next file: the lowest that is free."""
    try:
        number = os.dup(0)
    except OSError:
        return sys.maxsize
    os.close(number)
    return number


def _open_files() -> int:
    with contextlib.suppress(OSError):
        return len(files.open_numbers())
    return 0


def _children_if_one_has_ended() -> int:
    """The number of children; 0 unless one of them is a zombie.

    Zombies are not reaped here: user code may still want their exit codes.
    """
    try:
        if children.ended() is None:
            return 0
        tasks = Path("/proc/self/task").iterdir()
        return sum(len((task / "children").read_text("ascii").split()) for task in tasks)
    except OSError:  # /proc does not list them (proc(5))
        return 0


def _state() -> dict[str, Any]:
    folder = None
    with contextlib.suppress(OSError):
        folder = os.getcwd()
    mask = os.umask(0o077)
    os.umask(mask)
    return {
        "working directory": folder,
        "file mode mask": mask,
        # Undecoded: decoding every variable would take longer than all the rest.
        "environment": dict(getattr(os.environ, "_data", os.environ)),
        "signal handlers": [signal.getsignal(number) for number in _SIGNALS],
        "blocked signals": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "timers": [signal.getitimer(number)[0] > 0 for number in _TIMERS],
    }
