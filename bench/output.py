"""The output of a server, read continuously except during a pause."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

_READ_SIZE = 1 << 16
_REMEMBERED = 1 << 18


class Output:
    """Reads a pipe in its own thread.

    Args:
        pipe: the end to read from; this object closes it.
        hear: called with each piece of output, if given.

    Attributes:
        size: number of bytes read so far.
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
        """Do not read during the block, except for a read that is already under way."""
        self._reading.clear()
        try:
            yield
        finally:
            self._reading.set()

    @property
    def text(self) -> str:
        """The end of the output."""
        return self._last.decode(errors="replace")

    def close(self) -> None:
        """Wait for the end of the output; every process that writes to it must have ended."""
        self._thread.join()
        self._pipe.close()
