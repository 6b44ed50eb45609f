"""Wake a loop at the end of a child."""

from __future__ import annotations

import contextlib

from codeserver.system import pidfds
from codeserver.worker.process.originals import os, select, signal

_LOOK_MILLISECONDS = 1000
_READ_SIZE = 4096


class Ends:
    """Makes `poll` return when a child has ended, even if user code has changed signal handling.

    Each child is watched by a pidfd (Linux). SIGCHLD reports children without one: those that the
    kernel has handed to this process, and all children on systems without pidfds.

    Args:
        poll: the poll object of the loop.

    Attributes:
        patience: timeout for the poll, in milliseconds; None if every end wakes it.
    """

    def __init__(self, poll: select.poll) -> None:
        self._poll = poll
        self._pidfds: dict[int, int] = {}
        self._wakeup, self._wakeup_writer = os.pipe()
        for end in (self._wakeup, self._wakeup_writer):
            os.set_blocking(end, False)
        poll.register(self._wakeup, select.POLLIN)
        self.patience: int | None = None if pidfds.EXIST else _LOOK_MILLISECONDS

    def hear_signals(self) -> None:
        """Let SIGCHLD wake the loop from now on."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup_writer, warn_on_full_buffer=False)

    def watch(self, pid: int) -> None:
        """Wake the loop when this child, which is not yet reaped, has ended."""
        if pid in self._pidfds:
            return
        try:
            self._pidfds[pid] = pidfds.opened(pid)
        except OSError:  # none is left, a sandbox forbids the call, or the system has none
            self.patience = _LOOK_MILLISECONDS
            return
        self._poll.register(self._pidfds[pid], select.POLLIN)

    def forget(self, pid: int) -> None:
        """Stop watching a child that was reaped."""
        if (pidfd := self._pidfds.pop(pid, None)) is not None:
            self._poll.unregister(pidfd)
            os.close(pidfd)

    def rest(self) -> None:
        """Empty the wake-up pipe."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakeup, _READ_SIZE)

    def close(self) -> None:
        """Close the descriptors, in a forked child that has inherited them."""
        for fd in (self._wakeup, self._wakeup_writer, *self._pidfds.values()):
            os.close(fd)
        self._pidfds.clear()
