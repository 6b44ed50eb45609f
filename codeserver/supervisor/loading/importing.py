"""The processes that import the user's code now, and the files that a load has imported so far."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from codeserver.marks import Mark


class Importing:
    """Counts the processes that import the code: hosts, and those that `starter.Spawn` starts.

    A file that changes during an import may have been written by the code itself.

    Attributes:
        uses: the sources that the host of the current load has imported so far, each with its mark
            from before the import.
        seconds: the duration of the last import, or of the last group of concurrent imports.
        on_end: called when the last import has ended.
    """

    def __init__(self) -> None:
        self.uses: dict[str, Mark | None] = {}
        self.seconds = 0.0
        self.on_end: Callable[[], None] = lambda: None
        self._processes = 0
        self._began = 0.0

    @property
    def is_under_way(self) -> bool:
        """Whether a process imports the code."""
        return self._processes > 0

    @property
    def lasted(self) -> float:
        """The time since the first of the current imports began, in seconds; 0 if there is none."""
        return time.monotonic() - self._began if self._processes else 0.0

    @contextlib.contextmanager
    def host(self) -> Iterator[None]:
        """Like `one`, for a host; clears `uses` before and after."""
        self.uses = {}
        try:
            with self.one():
                yield
        finally:
            self.uses = {}

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Count one more process during the `with` statement."""
        if not self._processes:
            self._began = time.monotonic()
        self._processes += 1
        try:
            yield
        finally:
            self._processes -= 1
            if not self._processes:
                self.seconds = time.monotonic() - self._began
                self.on_end()
