"""The end of a process in words, and whether the kernel has killed it because memory ran out.

The exit code of such a kill is that of any SIGKILL. The difference is in a counter of the control
group (`oom_kill` in memory.events of version 2, in memory.oom_control of version 1), or in that of
the whole machine (/proc/vmstat); see https://docs.kernel.org/admin-guide/cgroup-v2.html.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_LATELY = 2.0
"""Seconds. The ends of a group that was killed together are reported one by one."""


class OomKills:
    """Watches the counter of such kills.

    Args:
        files: the files that may have the counter, best first; None for those of this process.
    """

    def __init__(self, files: list[Path] | None = None) -> None:
        candidates = list(_counters()) if files is None else files
        self._file = next((file for file in candidates if _read(file) is not None), None)
        self._count = self._now()
        self._risen_at: float | None = None

    def happened_lately(self) -> bool:
        """Whether the counter has risen since the last call, or within the last two seconds."""
        count, now = self._now(), time.monotonic()
        if count > self._count:
            self._count, self._risen_at = count, now
        return self._risen_at is not None and now - self._risen_at < _LATELY

    def _now(self) -> int:
        return (_read(self._file) or 0) if self._file else 0


def _counters() -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                yield _ROOT / "memory" / path.lstrip("/") / "memory.oom_control"
            elif not controllers:
                yield _ROOT / path.lstrip("/") / "memory.events"
    # In a container, the path may be that of the outer system.
    yield _ROOT / "memory.events"
    yield _ROOT / "memory" / "memory.oom_control"
    yield Path("/proc/vmstat")


def _read(file: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text("utf-8").splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return None


_oom_kills = OomKills()


def explain_exit(code: int | None) -> str:
    """The end of a process as a predicate, such as `was killed by signal 11 (SIGSEGV)`.

    Args:
        code: the exit code; negative for a signal, None if it is not known.
    """
    if code is None:
        return "ended, and nobody saw how"
    if code >= 0:
        return f"exited with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"was killed by signal {-code}"
    reason = ": out of memory" if ran_out_of_memory(code) else ""
    return f"was killed by signal {-code} ({name}){reason}"


def note_out_of_memory() -> None:
    """Update the count of kills by the kernel, so that old ones are not taken for new ones."""
    _oom_kills.happened_lately()


def ran_out_of_memory(code: int | None) -> bool:
    """Whether the kernel has just killed the process because memory ran out."""
    return code == -signal.SIGKILL and _oom_kills.happened_lately()
