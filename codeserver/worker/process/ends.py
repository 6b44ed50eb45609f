"""Wakes a loop when a child has ended."""

from __future__ import annotations

import contextlib

from codeserver.worker.process.originals import os, select, signal

_LOOK_MILLISECONDS = 1000
_READ_SIZE = 4096


class Ends:
    """Makes `poll` return when a child has ended, whatever user code has done to signals.

    A descriptor for each child tells that (Linux). SIGCHLD tells it of all others: those that this
    process was handed by the kernel, and every child where there are no such descriptors.

    Args:
        poll: what the loop waits for.
    """

    def __init__(self, poll: select.poll) -> None:
        self._poll = poll
        self._pidfds: dict[int, int] = {}
        self._wakeup, self._wakeup_writer = os.pipe()
        for end in (self._wakeup, self._wakeup_writer):
            os.set_blocking(end, False)
        poll.register(self._wakeup, select.POLLIN)
        self.patience: int | None = None if hasattr(os, "pidfd_open") else _LOOK_MILLISECONDS

    def hear_signals(self) -> None:
        """Be woken by SIGCHLD from now on."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup_writer, warn_on_full_buffer=False)

    def watch(self, pid: int) -> None:
        """Wake the loop when this child, which was not waited for yet, has ended."""
        if pid in self._pidfds or not hasattr(os, "pidfd_open"):
            return
        try:
            self._pidfds[pid] = os.pidfd_open(pid)
        except OSError:  # no descriptor is left, or a sandbox has no such call
            self.patience = _LOOK_MILLISECONDS
            return
        self._poll.register(self._pidfds[pid], select.POLLIN)

    def forget(self, pid: int) -> None:
        """Do not watch a child any more that was waited for."""
        if (pidfd := self._pidfds.pop(pid, None)) is not None:
            self._poll.unregister(pidfd)
            os.close(pidfd)

    def rest(self) -> None:
        """Take note of what has woken the loop."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakeup, _READ_SIZE)

    def close(self) -> None:
        """Close what a forked child has inherited of it."""
        for fd in (self._wakeup, self._wakeup_writer, *self._pidfds.values()):
            os.close(fd)
        self._pidfds.clear()
