"""Counts of work under way: with one generation, with the code at all, and imports of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from codeserver.marks import Mark

T = TypeVar("T")

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


class _Count:
    """Counts what is under way, and acts when the first begins and when the last has ended."""

    def __init__(self) -> None:
        self._count = 0

    @property
    def is_under_way(self) -> bool:
        """Whether anything is under way."""
        return self._count > 0

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count one more during the `with` statement."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def begin(self) -> None:
        """Count one more, until `end`."""
        self._count += 1
        if self._count == 1:
            self._first_begins()

    def end(self) -> None:
        """Undo one `begin`."""
        self._count -= 1
        if not self._count:
            self._last_has_ended()

    def _first_begins(self) -> None: ...

    def _last_has_ended(self) -> None: ...


class Uses(_Count):
    """Counts the users of a generation."""

    def __init__(self) -> None:
        super().__init__()
        self._none = asyncio.Event()
        self._none.set()

    async def ended(self) -> None:
        """Wait until there are no users."""
        await self._none.wait()

    def _first_begins(self) -> None:
        self._none.clear()

    def _last_has_ended(self) -> None:
        self._none.set()


class Importing(_Count):
    """Counts the processes that import the code: hosts, and those that `starter.Spawn` starts.

    A file that changes during an import may have been written by the code itself.

    Attributes:
        uses: the sources that the host of the current load has imported so far, each with its mark
            from before the import.
        seconds: the duration of the last import, or of the last group of concurrent imports.
        on_end: called when the last import has ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.uses: dict[str, Mark | None] = {}
        self.seconds = 0.0
        self.on_end: Callable[[], None] = lambda: None
        self._began = 0.0

    @property
    def lasted(self) -> float:
        """The time since the first of the current imports began, in seconds; 0 if there is none."""
        return time.monotonic() - self._began if self.is_under_way else 0.0

    @contextlib.contextmanager
    def host(self) -> Iterator[None]:
        """Like `counted`, for a host; clears `uses` before and after."""
        self.uses = {}
        try:
            with self.counted():
                yield
        finally:
            self.uses = {}

    def _first_begins(self) -> None:
        self._began = time.monotonic()

    def _last_has_ended(self) -> None:
        self.seconds = time.monotonic() - self._began
        self.on_end()


class Idle(_Count):
    """Counts the work that needs the code, and calls back after a time without any.

    Args:
        limit: the idle time before the call, in seconds; 0 for no call.
        tell: the callback. It is called once for each idle period.
    """

    def __init__(self, limit: float, tell: Callable[[], None]) -> None:
        super().__init__()
        self._limit = limit
        self._tell = tell
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __str__(self) -> str:
        """The limit in words, such as `10 min`."""
        for seconds, unit in _UNITS:
            if self._limit and not self._limit % seconds:
                return f"{self._limit / seconds:g} {unit}"
        return f"{self._limit:g} s"

    async def kept_off_by(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do work that needs the code, and return its result."""
        with self.counted():
            return await work()

    def _last_has_ended(self) -> None:
        self._since = asyncio.get_running_loop().time()
        # One timer for all requests: when it fires, it sets itself for the time that is left.
        if self._limit and self._timer is None:
            self._look()

    def _look(self) -> None:
        self._timer = None
        if self.is_under_way:
            return  # the end of that work calls this again
        loop = asyncio.get_running_loop()
        left = self._since + self._limit - loop.time()
        if left > 0:
            self._timer = loop.call_later(left, self._look)
        else:
            self._tell()
