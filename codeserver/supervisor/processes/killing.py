"""Kill or resume a process that is not a child of this one, but no later one with the same id."""

from __future__ import annotations

import contextlib
import os
import select
import signal

from codeserver.processes import state_and_parent
from codeserver.system import pidfds

_STOPPED = "T"


def kill_group(pid: int, parent: int) -> int | None:
    """Kill a process with its group, which as a rule only its parent may do.

    Args:
        pid: its process id; the parent has not reported its end.
        parent: the process id of the parent; 0 if it is not known. A process with this parent and
            this id is the right one, because an id is not reused before the parent has waited.

    Returns:
        The exit code, which is -SIGKILL; None if it has ended before or is another process.
    """
    if not parent:
        return None
    try:
        pidfd = pidfds.opened(pid)
    except ProcessLookupError:
        return None
    except OSError:  # the system, or a sandbox, has none
        return _kill_now(pid, parent)
    try:
        if state_and_parent(pid)[1] != parent:
            return None
        ended = select.poll()
        ended.register(pidfd, select.POLLIN)
        lives = not ended.poll(0)
        with contextlib.suppress(ProcessLookupError):
            pidfds.send(pidfd, signal.SIGKILL)
        kill_led_by(pid)
        return -signal.SIGKILL if lives else None
    finally:
        os.close(pidfd)


def resume(pid: int) -> None:
    """Have a process go on that a signal has stopped; do nothing to any other.

    Args:
        pid: the process id; 0 if it is not known.
    """
    if pid and state_and_parent(pid)[0] == _STOPPED:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGCONT)


def _kill_now(pid: int, parent: int) -> int | None:
    """Kill it by its id, right after a look whether it is the right process."""
    state, its_parent = state_and_parent(pid)
    if its_parent != parent:
        return None
    # The group first: on macOS, a process that has ended no longer tells its group.
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
    return None if state == "Z" else -signal.SIGKILL


def kill_led_by(pid: int) -> None:
    """Kill the group that a process leads, if it leads one; the process still has its id."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
