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
"""What is appended to an edition that cannot be loaded, and what its error says."""


class Wholeness:
    """Many may rely on the file on disk being whole at a time, or one may break it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._relying = self._breaking = 0

    @contextmanager
    def relied_on(self) -> Iterator[None]:
        """Nobody breaks it meanwhile."""
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
        """Nobody relies on it meanwhile; one thread does this."""
        with self._changed:
            self._breaking += 1  # who comes from now on waits
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
        path: where.

    Attributes:
        whole: who relies on the file, and who breaks it.
        oldest: the edition that every answer from now on is of, or a newer one.
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
        """Write another whole edition; its number."""
        number = self.newest + 1
        # Before the file: a load may be about to read it.
        self.newest = number
        text = self._source.replace(_LINE, f"\nEDITION = {number}\n")
        save(self._path, text)
        return number

    def write_broken(self, breakage: str) -> str:
        """Write one that cannot be loaded; a pattern of the error that it must give."""
        addition, pattern = BREAKAGES[breakage]
        save(self._path, f"{self._source}\n{addition}\n")
        return pattern
