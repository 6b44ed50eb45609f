"""Kill a process that is not a child of this one, but no later process with the same id."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

_PARENT = 1  # the field after the name in /proc/PID/stat, from 0 (proc(5))


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


def _parent_of(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        # The name may have parentheses in it, but the fields after it have none.
        _, _, facts = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")
        return int(facts.split()[_PARENT])
    return None
