"""Steps of a worker process right after its fork and right before its end."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator
from pathlib import Path

from codeserver import processes
from codeserver.processes import NATIVE_STACK_SIGNAL, STACK_SIGNAL
from codeserver.system import files
from codeserver.worker.process.originals import os, signal

_HANDLED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_NEEDED = (*_HANDLED, STACK_SIGNAL, NATIVE_STACK_SIGNAL)

_OOM_SCORE = Path("/proc/self/oom_score_adj")
_HIGHEST_SCORE = 1000  # proc(5)
_MORE_SCORE = {"host": 100, "run": 200, "step": 250, "evaluator": 300}


def _read_score() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(_OOM_SCORE.read_text("ascii"))
    return None


_base_score = _read_score()
"""The score of the forkserver, which is that of the front; read before the first fork."""


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies (Linux).

    Args:
        parent: process id of the parent, read before the fork. If it is gone, this process exits.
    """
    processes.be_killed_after_parent()
    if os.getppid() != parent:
        os._exit(0)


def reset_signals() -> None:
    """Restore the default actions of signals that the parent handles."""
    signal.set_wakeup_fd(-1)
    for number in _HANDLED:
        signal.signal(number, signal.SIG_DFL)
    unblock_signals()


def unblock_signals() -> None:
    """Unblock the signals that the server needs to end and watch processes.

    Other signals stay blocked if user code has blocked them at its import, as in a run of stock.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NEEDED)


def reset_stack_signals() -> None:
    """Restore the default actions of the stack signals, which a host ignores after the load.

    Only in forks: the front may send such a signal to a host too late.
    """
    for number in (STACK_SIGNAL, NATIVE_STACK_SIGNAL):
        signal.signal(number, signal.SIG_DFL)


def reseed() -> None:
    """Seed numpy's random generator anew (Python's `random` does so by itself after a fork)."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        numpy.random.seed()


def open_descriptors() -> set[int]:
    """The open file descriptors of this process; empty if the system does not list them."""
    found = set()
    with contextlib.suppress(OSError):
        for number in files.open_numbers():
            # One descriptor belonged to the listing itself, and is closed by now.
            with contextlib.suppress(OSError):
                os.fstat(number)
                found.add(number)
    return found


def threads() -> set[int]:
    """The kernel's ids of the threads of this process; empty without /proc."""
    with contextlib.suppress(OSError):
        return set(map(int, os.listdir("/proc/self/task")))
    return set()


def open_standard_streams() -> None:
    """Reopen standard streams that user code has closed.

    Otherwise the next file that is opened would get the number of a stream, and output with it.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def prefer_as_victim(role: str) -> None:
    """Make the kernel end this process before the front when memory runs out (Linux).

    Evaluators go first, because a tick can be repeated; then steps, which their run may repeat;
    then runs, which lose their work; then hosts, which take their evaluators along.
    """
    if _base_score is not None:
        with contextlib.suppress(OSError):
            score = _base_score + _MORE_SCORE.get(role, 0)
            _OOM_SCORE.write_text(str(min(_HIGHEST_SCORE, score)), "ascii")


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Disable garbage collection within the block, which makes a load about a tenth faster.

    Settings that user code changes within the block are kept.
    """
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        yield
    finally:
        if gc.get_threshold()[0] == 0:
            gc.set_threshold(*before)


def flush_c_streams() -> None:
    """Write out buffered output of native code, which `os._exit` would lose."""
    ctypes.CDLL(None).fflush(None)


def flush() -> None:
    """Write out buffered output of Python code, which `os._exit` would lose."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
