"""Descriptors that stand for processes, whose ids may be used again (pidfd_open(2))."""

from __future__ import annotations

import errno
import os
import signal

EXIST: bool = hasattr(os, "pidfd_open")
"""Whether the system has them, though a sandbox may forbid them."""

if hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal"):
    _open, _send = os.pidfd_open, signal.pidfd_send_signal


def opened(pid: int) -> int:
    """One for a process, which the caller closes.

    Raises:
        ProcessLookupError: there is no such process.
        OSError: the system has none, or none is left.
    """
    if not EXIST:
        raise OSError(errno.ENOSYS, "the system has no pidfds")
    pidfd: int = _open(pid)
    return pidfd


def send(pidfd: int, number: int) -> None:
    """Send a signal.

    Raises:
        ProcessLookupError: the process has ended.
    """
    _send(pidfd, number)
