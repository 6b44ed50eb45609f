"""Kill or resume a process that is not a child of this one, but no later one with the same id."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

_STATE, _PARENT = 0, 1  # the fields after the name in /proc/PID/stat, from 0 (proc(5))
_STOPPED = "T"


def kill_group(pid: int, parent: int) -> int | None:
    """Kill a process with its group, which as a rule only its parent may do (Linux).

    Args:
        pid: its process id; the parent has not reported its end.
        parent: the process id of the parent; 0 if it is not known. A process with this parent and
            this id is the right one, because an id is not reused before the parent has waited.

    Returns:
        The exit code, which is -SIGKILL; None if it has ended before or is another process.
    """
    if not parent or not hasattr(os, "pidfd_open"):
        return None
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return None
    try:
        if _parent_of(pid) != parent:
            return None
        ended = select.poll()
        ended.register(pidfd, select.POLLIN)
        lives = not ended.poll(0)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)
        return -signal.SIGKILL if lives else None
    finally:
        os.close(pidfd)


def resume(pid: int) -> None:
    """Have a process go on that a signal has stopped (Linux); do nothing to any other.

    Args:
        pid: the process id; 0 if it is not known.
    """
    facts = _facts_of(pid) if pid else None
    if facts is not None and facts[_STATE] == _STOPPED:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGCONT)


def _parent_of(pid: int) -> int | None:
    facts = _facts_of(pid)
    return None if facts is None else int(facts[_PARENT])


def _facts_of(pid: int) -> list[str] | None:
    with contextlib.suppress(OSError):
        # The name may have parentheses in it, but the fields after it have none.
        _, _, facts = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")
        return facts.split()
    return None
