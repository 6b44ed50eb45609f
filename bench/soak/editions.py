"""The editions of the served file: each reload loads another, and some cannot be loaded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.soak import definitions
from bench.subjects import save

_SOURCE = Path(definitions.__file__)
_LINE = "\nEDITION = 0\n"

BREAKAGES = {
    "raises": ("raise RuntimeError('this edition is broken')", "this edition is broken"),
    "is no Python": ("def :", "SyntaxError"),
    "imports what is not there": ("import no_such_module", "no_such_module"),
    "exits": ("os._exit(3)", "exited with code 3"),
    "asks to exit": ("sys.exit('this edition exits')", "this edition exits"),
    "segfaults": ("ctypes.string_at(0)", "SIGSEGV"),
    "defines a job twice": ("other = dg.Definitions(jobs=[quick])", "(?i)definitions"),
}
"""The code that breaks an edition, with a pattern of the error."""


class Wholeness:
    """A lock: many threads may rely on a whole file on disk, or one thread may break it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._relying = self._breaking = 0

    @contextmanager
    def relied_on(self) -> Iterator[None]:
        """Keep the file whole during the block."""
        with self._changed:
            self._changed.wait_for(lambda: not self._breaking)
            self._relying += 1
        try:
            yield
        finally:
            with self._changed:
                self._relying -= 1
                self._changed.notify_all()

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Let the caller break the file during the block; only one thread may do this."""
        with self._changed:
            self._breaking += 1  # threads that come from now on wait
            self._changed.wait_for(lambda: not self._relying)
        try:
            yield
        finally:
            with self._changed:
                self._breaking -= 1
                self._changed.notify_all()


class Editions:
    """Writes the file that is served.

    Args:
        path: path of the file.

    Attributes:
        whole: the lock for the wholeness of the file.
        oldest: the oldest edition that a reply may come from now.
        newest: the last whole edition on disk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._source = _SOURCE.read_text("utf-8")
        assert self._source.count(_LINE) == 1
        self.whole = Wholeness()
        self.oldest = 0
        self.newest = 0
        self.write()

    def write(self) -> int:
        """Write another whole edition; returns its number."""
        number = self.newest + 1
        # Before the write, because a load may read the file at once.
        self.newest = number
        text = self._source.replace(_LINE, f"\nEDITION = {number}\n")
        save(self._path, text)
        return number

    def write_broken(self, breakage: str) -> str:
        """Write an edition that cannot be loaded; returns a pattern of the expected error."""
        addition, pattern = BREAKAGES[breakage]
        save(self._path, f"{self._source}\n{addition}\n")
        return pattern
