"""Processes and threads: facts, waits, and a way to kill all descendants of this process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_PR_SET_CHILD_SUBREAPER = 36
_END_SECONDS = 10.0


def adopt_orphans() -> None:
    """Make orphaned descendants children of this process (Linux only), so that none is lost."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int) -> list[psutil.Process]:
    """The living descendants of a process."""
    try:
        found = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in found if is_alive(process)]


def is_alive(process: psutil.Process) -> bool:
    """Whether the process has not ended; a zombie has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def name_of(process: psutil.Process) -> str:
    """The name that the process gives itself, at most 15 characters; empty if it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process.pid}/comm").read_text().strip()
    return ""


def kill_descendants(home: Path | None = None) -> None:
    """Kill the descendants of this process, and reap them.

    Args:
        home: kill only processes with this DAGSTER_HOME.

    Raises:
        RuntimeError: a process is still alive after ten seconds.
    """
    alive: list[psutil.Process] = []
    for _ in range(3):  # a process may have forked before it was killed
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


def eventually(probe: Callable[[], bool], within: float, every: float = 0.2) -> bool:
    """Poll a condition that sends no event; returns whether it holds within `within` seconds."""
    end = time.monotonic() + within
    while not probe():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads for calls; an error or Ctrl-C kills the servers, which ends the calls under way."""
    with ThreadPoolExecutor(count) as pool:
        try:
            yield pool
        except BaseException:
            kill_descendants()  # otherwise the executor would wait for the calls
            raise
