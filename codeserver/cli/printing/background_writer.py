"""A stream whose writers never block."""

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
"""Pauses at the end in which a stopped reader may go on. They are counted instead of a deadline:
in a process that was itself stopped for two seconds, the deadline would be over at once."""


class BackgroundWriter(io.TextIOBase):
    """Writes to a file descriptor, which stays open, from a thread of its own.

    The reader of the log may stop reading (a paused terminal, a stuck log driver), and the event
    loop must go on. Up to 16 MiB of text are kept then, and further writes are dropped and
    counted. `describe_loss` makes the line that reports a number of dropped lines.
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
        """Queue the text to be written."""
        with self._changed:
            if self._size > _MOST_UNWRITTEN:
                self._dropped += 1
            else:
                self._pending.append(text)
                self._size += len(text)
                self._changed.notify()
        return len(text)

    def writable(self) -> bool:
        """True."""
        return True

    def isatty(self) -> bool:
        """Whether the descriptor is a terminal."""
        return os.isatty(self._fd)

    def close(self) -> None:
        """Write out the rest, for two seconds at most."""
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
                return  # The reader is gone, and there is no other place to report it.

    def _write_out(self, data: memoryview) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._fd, select.POLLOUT)
                poll.poll()
