"""Facts about this process's descendants, for leak checks."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time

import psutil

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Make orphaned descendants children of this process instead of init's (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def leftover_children(*, grace: float) -> set[str]:
    """Live descendants of this process, described, after waiting at most `grace` seconds.

    Adopted zombies are reaped: an orphan that has exited is nobody's leak.
    """
    deadline = time.monotonic() + grace
    while True:
        living = _descendants()
        remaining = deadline - time.monotonic()
        if not living or remaining <= 0:
            return {_describe(process) for process in living}
        psutil.wait_procs(living, timeout=min(remaining, 0.1))


def _descendants() -> list[psutil.Process]:
    return [process for process in psutil.Process().children(recursive=True) if _alive(process)]


def _alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        if process.status() != psutil.STATUS_ZOMBIE:
            # Helpers of the multiprocessing module live as long as this process does.
            return "multiprocessing.resource_tracker" not in " ".join(process.cmdline())
        if process.ppid() == os.getpid():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
    return False


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:200]}"
    except psutil.NoSuchProcess:
        return f"{process.pid} (gone)"
