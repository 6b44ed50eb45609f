"""The progress of a soak, which ends after some operations or seconds, or when stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Progress:
    """Hands out operations until none are left.

    Args:
        operations: number of operations; None for as many as fit into the time.
        seconds: duration of the soak; None for no limit.

    Attributes:
        stop: set when no more operations must begin.
        abort: set when even the operations under way must end.
        began: the start of the soak, on the monotonic clock.
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
        """The number of operations handed out."""
        return self._taken

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    @property
    def fraction(self) -> float:
        """The completed fraction, from 0 to 1."""
        if self._operations:
            return self._taken / self._operations
        assert self._seconds
        return min(1.0, self.elapsed / self._seconds)

    def take(self) -> bool:
        """Take one operation; returns whether there was one."""
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
        """Hand out no more operations."""
        with self._changed:
            self.stop.set()
            self._changed.notify_all()

    def reaches(self, count: int) -> bool:
        """Wait until `count` operations were handed out; returns False if the soak ends first."""
        with self._changed:
            self._changed.wait_for(lambda: self.stop.is_set() or self._taken >= count)
            return not self.stop.is_set()


def eventually(probe: Callable[[], bool], within: float, every: float = 0.2) -> bool:
    """Poll a condition that sends no event; returns whether it holds within `within` seconds."""
    end = time.monotonic() + within
    never = threading.Event()
    while not probe():
        if time.monotonic() > end:
            return False
        never.wait(every)
    return True
