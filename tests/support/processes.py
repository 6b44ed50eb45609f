"""Facts about this process's descendants, for leak checks."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Iterator, Set
from pathlib import Path

import psutil

from tests.support.eventually import PATIENCE

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Make orphaned descendants children of this process instead of init's (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@contextlib.contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Fail when the body leaves a process behind that was not there before."""
    before = leftover_children(grace=0)
    yield
    left = leftover_children(grace=PATIENCE, but=before)
    assert not left, f"processes left behind: {sorted(left)}"


def leftover_children(*, grace: float, but: Set[str] = frozenset()) -> set[str]:
    """Live descendants of this process, described, after waiting at most `grace` seconds.

    Adopted zombies are reaped: an orphan that has exited is nobody's leak.

    Args:
        grace: how long those that are about to end may take.
        but: descriptions of those that may stay.
    """
    deadline = time.monotonic() + grace
    while True:
        left = {_describe(process): process for process in _descendants()}
        for known in but:
            left.pop(known, None)
        remaining = deadline - time.monotonic()
        if not left or remaining <= 0:
            return set(left)
        psutil.wait_procs(list(left.values()), timeout=min(remaining, 0.1))


def open_files(pid: int) -> list[str]:
    """What the descriptors of a process are for, as Linux names it; nothing for one that ended."""
    files = []
    with contextlib.suppress(FileNotFoundError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                files.append(os.readlink(descriptor))
    return files


def _descendants() -> list[psutil.Process]:
    found = []
    for pid in _pids_below(os.getpid()):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    return [process for process in found if _alive(process)]


def _pids_below(pid: int) -> Iterator[int]:
    """Every descendant; Linux knows children, and elsewhere all processes are looked through."""
    if sys.platform != "linux":
        yield from (process.pid for process in psutil.Process(pid).children(recursive=True))
        return
    # A thread or process may end meanwhile.
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            children = ""
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{pid}/task/{thread}/children").read_text("ascii")
            for child in map(int, children.split()):
                yield child
                yield from _pids_below(child)


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
