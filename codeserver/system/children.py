"""Ends of children: seen before they are reaped where the system can show them.

A child that was not yet reaped keeps its id, so its group can be killed without a risk. Where the
end cannot be seen before (macOS has no `os.waitid` before Python 3.13), the group is killed right
after: an id is not used again while a group with it has members.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from codeserver.system import IS_LINUX

SHOWS_ENDS: bool = IS_LINUX and hasattr(os, "waitid")
"""Whether an ended child can be seen and left to whom it belongs."""

ADOPTS_ORPHANS: bool = SHOWS_ENDS
"""Whether a process may become the parent of descendants whose parent dies (Linux), and reaps them
without taking the ends of its other children."""

ENDS_ORPHANS: bool = IS_LINUX
"""Whether the kernel ends a process with its parent, if it has asked for that."""

if hasattr(os, "waitid"):
    _waitid, _ANY, _ONE = os.waitid, os.P_ALL, os.P_PID
    _SEE = os.WEXITED | os.WNOWAIT
_waitpid, _NO_WAIT, _code_of = os.waitpid, os.WNOHANG, os.waitstatus_to_exitcode


def ended() -> int | None:
    """The id of a child that has ended and is not yet reaped; None if the system shows none."""
    if not SHOWS_ENDS:
        return None
    try:
        found = _waitid(_ANY, 0, _SEE | _NO_WAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


def reap_ended(at_end: Callable[[int], None]) -> tuple[int, int] | None:
    """Reap a child that has ended; return its id and exit code, or None if none has.

    Args:
        at_end: called with its id, which no other process has yet.
    """
    if SHOWS_ENDS:
        if (pid := ended()) is None:
            return None
        at_end(pid)
        return pid, _code_of(_waitpid(pid, 0)[1])
    try:
        pid, status = _waitpid(-1, _NO_WAIT)
    except ChildProcessError:
        return None
    if not pid:
        return None
    at_end(pid)
    return pid, _code_of(status)


def reap(pid: int, at_end: Callable[[int], None]) -> None:
    """Wait for the end of a child, and reap it; see `reap_ended`."""
    if SHOWS_ENDS:
        _waitid(_ONE, pid, _SEE)
        at_end(pid)
        _waitpid(pid, 0)
    else:
        _waitpid(pid, 0)
        at_end(pid)


def is_ours(pid: int) -> bool:
    """Whether a process is a child of this one, which the kernel may have handed over."""
    if not SHOWS_ENDS:
        return False
    try:
        _waitid(_ONE, pid, _SEE | _NO_WAIT)
    except ChildProcessError:
        return False
    return True
