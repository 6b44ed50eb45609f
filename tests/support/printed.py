"""What a process has printed, with all that was there at the moment of asking."""

from __future__ import annotations

import os
import select
import threading
from typing import IO


class Printed:
    """Reads a pipe in a thread of its own, so that it never fills.

    Whoever asks for the text first reads what the pipe holds, so a line that was printed before a
    reply was sent is there once the reply is. What codeserver logs is written a little later.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._read = bytearray()
        self._ended = False
        self._lock = threading.Lock()
        os.set_blocking(pipe.fileno(), False)
        self._thread = threading.Thread(target=self._run, name="reader of what is printed")
        self._thread.start()

    def _run(self) -> None:
        while not self._ended:
            select.select([self._pipe], [], [])
            self._drain()

    def _drain(self) -> None:
        with self._lock:
            while not self._ended:
                try:
                    chunk = os.read(self._pipe.fileno(), 1 << 16)
                except BlockingIOError:
                    return
                self._read += chunk
                self._ended = not chunk

    @property
    def text(self) -> str:
        """Everything so far; whole lines, until the pipe is closed."""
        self._drain()
        end = len(self._read) if self._ended else self._read.rfind(b"\n") + 1
        return self._read[:end].decode(errors="replace")

    def close(self, timeout: float) -> None:
        """Wait until every process has closed the pipe, and close it."""
        self._thread.join(timeout)
        with self._lock:
            self._ended = True
            self._pipe.close()
