"""How far a soak has come: so many operations, or so many seconds, or until somebody stops it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Progress:
    """Hands out operations to do until there are none left.

    Args:
        operations: how many there are; None for as many as fit into the time.
        seconds: how long there are any; None for as long as it takes.

    Attributes:
        stop: set when no more is to be done.
        abort: set when what was begun is not worth finishing either.
        began: when, in seconds on a monotonic clock.
    """

    def __init__(self, operations: int | None, seconds: float | None) -> None:
        assert operations or seconds
        self._operations = operations
        self._seconds = seconds
        self._taken = 0
        self._changed = threading.Condition(threading.RLock())
        self.stop = threading.Event()
        self.abort = threading.Event()
        self.began = time.monotonic()

    @property
    def taken(self) -> int:
        """How many operations were handed out."""
        return self._taken

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    @property
    def fraction(self) -> float:
        """How much is done, of 1."""
        if self._operations:
            return self._taken / self._operations
        assert self._seconds
        return min(1.0, self.elapsed / self._seconds)

    def take(self) -> bool:
        """Take one operation; whether there was one."""
        with self._changed:
            if self._seconds is not None and self.elapsed >= self._seconds:
                self.end()
            if self._operations is not None and self._taken >= self._operations:
                self.end()
            if self.stop.is_set():
                return False
            self._taken += 1
            self._changed.notify_all()
            return True

    def end(self) -> None:
        """Hand out no more."""
        with self._changed:
            self.stop.set()
            self._changed.notify_all()

    def reaches(self, count: int) -> bool:
        """Wait until so many were handed out; whether that is so before the end."""
        with self._changed:
            self._changed.wait_for(lambda: self.stop.is_set() or self._taken >= count)
            return not self.stop.is_set()


def eventually(probe: Callable[[], bool], within: float, every: float = 0.2) -> bool:
    """Wait until something that sends no event is so; whether it is within so many seconds."""
    end = time.monotonic() + within
    never = threading.Event()
    while not probe():
        if time.monotonic() > end:
            return False
        never.wait(every)
    return True
