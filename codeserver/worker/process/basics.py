"""What a process does to itself right after it was forked, and right before it ends."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator
from pathlib import Path

from codeserver import processes
from codeserver.processes import NATIVE_STACK_SIGNAL, STACK_SIGNAL
from codeserver.worker.process.originals import os, signal

_HANDLED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_NEEDED = (*_HANDLED, *filter(None, (STACK_SIGNAL, NATIVE_STACK_SIGNAL)))

_OOM_SCORE = Path("/proc/self/oom_score_adj")
_HIGHEST_SCORE = 1000  # proc(5)
_MORE_SCORE = {"host": 100, "run": 200, "evaluator": 300}


def _read_score() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(_OOM_SCORE.read_text("ascii"))
    return None


_base_score = _read_score()
"""That of the forkserver, which is the one of the front; read before anything is forked."""


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies (Linux).

    Args:
        parent: process id of the parent before the fork; if it is already gone, this exits.
    """
    processes.be_killed_after_parent()
    if os.getppid() != parent:
        os._exit(0)


def reset_signals() -> None:
    """Give back the default meaning of the signals that the parent handled."""
    signal.set_wakeup_fd(-1)
    for number in _HANDLED:
        signal.signal(number, signal.SIG_DFL)
    unblock_signals()


def unblock_signals() -> None:
    """Let those arrive by which the server ends processes and learns about them.

    Others stay blocked if user code has blocked them when it was loaded, as in a run of stock.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NEEDED)


def reset_stack_signals() -> None:
    """Give back the default meaning of the signals that a host ignores once it has loaded the code.

    In its forks only: the front may have asked a host too late where it is.
    """
    for number in filter(None, (STACK_SIGNAL, NATIVE_STACK_SIGNAL)):
        signal.signal(number, signal.SIG_DFL)


def reseed() -> None:
    """Give this process random numbers of its own (Python's `random` does so by itself)."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        numpy.random.seed()


def open_descriptors() -> set[int]:
    """The file descriptors that this process has; none where the kernel does not tell."""
    found = set()
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            # One of them was that of the listing itself, and is closed again.
            with contextlib.suppress(OSError):
                os.fstat(int(name))
                found.add(int(name))
    return found


def threads() -> set[int]:
    """What the kernel calls the threads of this process; none where it does not tell."""
    with contextlib.suppress(OSError):
        return set(map(int, os.listdir("/proc/self/task")))
    return set()


def open_standard_streams() -> None:
    """Open those of the three that user code has closed.

    What is opened next would get their numbers, and be taken for them by everyone who prints.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def prefer_as_victim(role: str) -> None:
    """Have the kernel, when memory runs out, end a process of this role before the front (Linux).

    A tick can be repeated, a run costs what it has done, and a host takes its evaluators along.
    """
    if _base_score is not None:
        with contextlib.suppress(OSError):
            score = _base_score + _MORE_SCORE.get(role, 0)
            _OOM_SCORE.write_text(str(min(_HIGHEST_SCORE, score)), "ascii")


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Look for no garbage meanwhile: making many objects that stay would be a tenth slower.

    What user code wishes of the collector stays as it is.
    """
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        yield
    finally:
        if gc.get_threshold()[0] == 0:
            gc.set_threshold(*before)


def flush_c_streams() -> None:
    """Write out what native code printed; `os._exit` would lose that, too."""
    ctypes.CDLL(None).fflush(None)


def flush() -> None:
    """Write out what user code printed; `os._exit` would lose it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
