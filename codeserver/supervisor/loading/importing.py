"""Which processes import the user's code at this moment, and what a load has used of it so far."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from codeserver.marks import Mark


class Importing:
    """Processes that import the code: hosts, and what loads the code itself (`starter.Spawn`).

    What changes while there are any may have been written by the code itself, or by what that has
    started.

    Attributes:
        uses: sources that the host of a load under way has imported so far, each with its mark
            from before that.
        seconds: how long the last one has taken, or the last ones if there were several at a time.
        on_end: called when there is none any more.
    """

    def __init__(self) -> None:
        self.uses: dict[str, Mark | None] = {}
        self.seconds = 0.0
        self.on_end: Callable[[], None] = lambda: None
        self._processes = 0
        self._began = 0.0

    @property
    def is_under_way(self) -> bool:
        """Whether there is such a process."""
        return self._processes > 0

    @property
    def lasted(self) -> float:
        """Seconds for which there has been any; 0 when there is none."""
        return time.monotonic() - self._began if self._processes else 0.0

    @contextlib.contextmanager
    def host(self) -> Iterator[None]:
        """Like `one`, for the host of a load."""
        self.uses = {}
        try:
            with self.one():
                yield
        finally:
            self.uses = {}

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """While this lasts, there is one more."""
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
