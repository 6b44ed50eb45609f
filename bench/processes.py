"""Facts about processes, and the end of all that this process has started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_PR_SET_CHILD_SUBREAPER = 36
_END_SECONDS = 10.0


@dataclass(frozen=True)
class Usage:
    """What a number of processes take, together.

    Attributes:
        processes: how many there are.
        threads: how many threads they have.
        rss: resident bytes; what several share is counted for each of them.
        pss: resident bytes; what several share is divided among them.
    """

    processes: int
    threads: int
    rss: int
    pss: int


def adopt_orphans() -> None:
    """Make orphaned descendants children of this process (Linux), so that none is lost."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int) -> list[psutil.Process]:
    """All that the process has started, directly or not, and that has not ended."""
    try:
        found = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in found if is_alive(process)]


def is_alive(process: psutil.Process) -> bool:
    """Whether it has not ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def name_of(process: psutil.Process) -> str:
    """What the process calls itself; at most 15 characters."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process.pid}/comm").read_text().strip()
    return ""


def usage(processes: Iterable[psutil.Process]) -> Usage:
    """What these take; those that end meanwhile are left out."""
    count = threads = rss = pss = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            memory = process.memory_full_info()
            threads += process.num_threads()
            count += 1
            rss += memory.rss
            pss += memory.pss
    return Usage(count, threads, rss, pss)


def thread_exists(pid: int, thread: int) -> bool:
    """Whether a process still has the thread."""
    return Path(f"/proc/{pid}/task/{thread}").exists()


def kill_descendants(home: Path | None = None) -> None:
    """Kill what this process has started, directly or not, and reap it.

    Args:
        home: only those that have this DAGSTER_HOME.

    Raises:
        RuntimeError: something is still there after ten seconds.
    """
    alive: list[psutil.Process] = []
    for _ in range(3):  # something may have been forked while the others were killed
        found = descendants(os.getpid())
        if home is not None:
            found = [process for process in found if _home(process) == str(home)]
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        _, alive = psutil.wait_procs(found, timeout=_END_SECONDS)
        if not found:
            return
    if alive:
        raise RuntimeError(f"could not kill {alive}")


def _home(process: psutil.Process) -> str | None:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        home: str | None = process.environ().get("DAGSTER_HOME")
        return home
    return None
