"""When code that nothing needs may be unloaded, and how it is had again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from codeserver.errors import RequestTimeout
from codeserver.supervisor.loading.loads import Loads

T = TypeVar("T")

_log = logging.getLogger("codeserver")

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


class Quiet:
    """Since when nothing is under way. Pure: `now` is an argument, seconds on a monotonic clock.

    Args:
        limit: seconds without anything under way that are long enough.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._under_way = 0
        self._since = math.inf

    def begin(self) -> None:
        """Something begins that needs the code."""
        self._under_way += 1

    def end(self, now: float) -> None:
        """It has ended."""
        self._under_way -= 1
        self._since = now

    def left(self, now: float) -> float | None:
        """Seconds until it has been quiet for long enough; None while something is under way."""
        if self._under_way:
            return None
        return max(0.0, self._since + self._limit - now)


class Idle:
    """Counts what needs the code, and tells when nothing has for long enough.

    Args:
        limit: seconds that are long enough, 0 for never.
        tell: called then. It is called again after the next thing that needs the code.
    """

    def __init__(self, limit: float, tell: Callable[[], None]) -> None:
        self._limit = limit
        self._tell = tell
        self._quiet = Quiet(limit)
        self._timer: asyncio.TimerHandle | None = None

    def __str__(self) -> str:
        """How long is long enough, such as `10 min`."""
        for seconds, unit in _UNITS:
            if self._limit and not self._limit % seconds:
                return f"{self._limit / seconds:g} {unit}"
        return f"{self._limit:g} s"

    @contextlib.contextmanager
    def kept_off(self) -> Iterator[None]:
        """The code is needed as long as this lasts."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    async def kept_off_by(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something for which the code is needed."""
        with self.kept_off():
            return await work()

    def begin(self) -> None:
        """Something needs the code, until `end`."""
        self._quiet.begin()

    def end(self) -> None:
        """Undo one `begin`."""
        self._quiet.end(asyncio.get_running_loop().time())
        # One timer for however many requests: a late one finds out how much is left.
        if self._limit and self._timer is None:
            self._look()

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        left = self._quiet.left(loop.time())
        if left is None:
            return  # what is under way will end
        if left > 0:
            self._timer = loop.call_later(left, self._look)
        else:
            self._tell()


async def wake(loads: Loads, subject: str, patience: float) -> None:
    """Have code that was unloaded loaded again; all that come meanwhile share that load.

    Args:
        loads: loads the code.
        subject: what needs it.
        patience: seconds that it may take.

    Raises:
        RequestTimeout: it takes longer.
        Draining: the server is shutting down.
    """
    if not loads.is_under_way:
        _log.info("the %s needs the code, which is loaded again", subject)
    try:
        await asyncio.wait_for(loads.ensure(), patience)
    except asyncio.TimeoutError:
        raise RequestTimeout(
            f"The {subject} needs code that was unloaded, and loading that again took too long."
        ) from None
