"""What a server prints: read all the time, but for a pause."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

_READ_SIZE = 1 << 16
_REMEMBERED = 1 << 18


class Output:
    """Reads a pipe in a thread of its own.

    Args:
        pipe: the end to read from, which this owns.
        hear: gets each piece that is read, if given.

    Attributes:
        size: bytes that were read so far.
    """

    def __init__(self, pipe: IO[bytes], hear: Callable[[bytes], None] | None = None) -> None:
        self.size = 0
        self._pipe = pipe
        self._hear = hear
        self._last = b""
        self._reading = threading.Event()
        self._reading.set()
        self._thread = threading.Thread(target=self._run, name="output")
        self._thread.start()

    def _run(self) -> None:
        while data := self._pipe.read1(_READ_SIZE):  # type: ignore[attr-defined]
            self.size += len(data)
            self._last = (self._last + data)[-_REMEMBERED:]
            if self._hear is not None:
                self._hear(data)
            self._reading.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the pipe alone meanwhile, but for one read that may be under way."""
        self._reading.clear()
        try:
            yield
        finally:
            self._reading.set()

    @property
    def text(self) -> str:
        """The end of it."""
        return self._last.decode(errors="replace")

    def close(self) -> None:
        """Wait for the end; all who could write to the pipe have ended."""
        self._thread.join()
        self._pipe.close()
