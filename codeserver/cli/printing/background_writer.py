"""A stream that never blocks who writes to it."""

from __future__ import annotations

import io
import os
import select
import threading
from collections.abc import Callable

from codeserver.letters import clean

_MOST_UNWRITTEN = 16 * 1024 * 1024
_PAUSE = 0.1
_MOST_PAUSES = 20
"""In which a reader that has stopped may go on. They are counted, because two seconds are over at
once in a process that was itself stopped for as long."""


class BackgroundWriter(io.TextIOBase):
    """Writes to a file descriptor from a thread of its own.

    Whoever reads the log may stop reading it (a paused terminal, a stuck log driver), and the
    event loop must go on all the same. Then up to 16 MiB are kept, and what is more is dropped and
    counted.

    Args:
        fd: the descriptor, which stays open.

    Attributes:
        describe_loss: makes the line that says that a number of lines was dropped.
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd
        self._pending: list[str] = []
        self._size = 0
        self._dropped = 0
        self.describe_loss: Callable[[int], str] = "({} lines were lost)\n".format
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Have this written soon."""
        with self._changed:
            if self._size > _MOST_UNWRITTEN:
                self._dropped += 1
            else:
                self._pending.append(text)
                self._size += len(text)
                self._changed.notify()
        return len(text)

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """Whether people read it directly."""
        return os.isatty(self._fd)

    def close(self) -> None:
        """Write out what is left, for as long as a reader that has not stopped needs."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        for _ in range(_MOST_PAUSES):
            self._thread.join(_PAUSE)
            if not self._thread.is_alive():
                break
        super().close()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closing)
                if not self._pending:
                    return
                text, self._pending, self._size = "".join(self._pending), [], 0
                dropped, self._dropped = self._dropped, 0
            if dropped:
                text += self.describe_loss(dropped)
            try:
                self._write_out(memoryview(clean(text).encode()))
            except OSError:
                return  # there is no log any more, and nobody to tell

    def _write_out(self, data: memoryview) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._fd, select.POLLOUT)
                poll.poll()
