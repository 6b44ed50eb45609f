"""Counts of the work that needs the code: of one generation, and of any, until it is unloaded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


class Uses:
    """Counts the users of a resource."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Count one more user during the `with` statement."""
        self._count += 1
        self._none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def ended(self) -> None:
        """Wait until there are no users."""
        await self._none.wait()


class Idle:
    """Counts the work that needs the code, and calls back after a time without any.

    Args:
        limit: the idle time before the call, in seconds; 0 for no call.
        tell: the callback. It is called once for each idle period.
    """

    def __init__(self, limit: float, tell: Callable[[], None]) -> None:
        self._limit = limit
        self._tell = tell
        self._under_way = 0
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __str__(self) -> str:
        """The limit in words, such as `10 min`."""
        for seconds, unit in _UNITS:
            if self._limit and not self._limit % seconds:
                return f"{self._limit / seconds:g} {unit}"
        return f"{self._limit:g} s"

    @contextlib.contextmanager
    def kept_off(self) -> Iterator[None]:
        """Count the body of the `with` statement as work that needs the code."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    async def kept_off_by(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do work that needs the code, and return its result."""
        with self.kept_off():
            return await work()

    def begin(self) -> None:
        """Count work that needs the code, until `end`."""
        self._under_way += 1

    def end(self) -> None:
        """Undo one `begin`."""
        self._under_way -= 1
        self._since = asyncio.get_running_loop().time()
        # One timer for all requests: when it fires, it sets itself for the time that is left.
        if self._limit and self._timer is None:
            self._look()

    def _look(self) -> None:
        self._timer = None
        if self._under_way:
            return  # the end of that work calls this again
        loop = asyncio.get_running_loop()
        left = self._since + self._limit - loop.time()
        if left > 0:
            self._timer = loop.call_later(left, self._look)
        else:
            self._tell()
