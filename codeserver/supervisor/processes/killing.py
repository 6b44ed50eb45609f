"""Kill a process that is not this one's child, and no other process that has its id by now."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

_PARENT = 1  # what a stat says behind the name, from 0 (proc(5))


def kill_group(pid: int, parent: int) -> int | None:
    """Kill a process with its group, which only its parent may do as a rule (Linux).

    Args:
        pid: its process id, whose end the parent has not reported.
        parent: process id of the parent; 0 when it is not known. A process that has this parent
            and this id is the one that is meant, as its id is not used again before that has
            waited for it.

    Returns:
        As what exit code it ends: -SIGKILL, or None when it has ended before or is another one.
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
        # The name may have anything in it, but what follows it has no parenthesis.
        _, _, facts = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")
        return int(facts.split()[_PARENT])
    return None
