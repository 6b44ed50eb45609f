"""The order to shut down, and its time limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from weakref import WeakSet

from codeserver.supervisor.processes.tasks import Tasks


class Shutdown:
    """A shutdown by a signal or by a client.

    After a signal, runs and requests have a limited time. After a client's request, runs have no
    limit, as with stock.

    Args:
        delay: the time in seconds in which the server still answers everything but new runs, so
            that clients learn from the health checks to go elsewhere.
        grace: the time in seconds that runs and requests may take after the delay.

    Attributes:
        asked: set when the server has to stop.
    """

    def __init__(self, delay: float, grace: float) -> None:
        self.asked = asyncio.Event()
        self._hurry = asyncio.Event()
        self._delay = delay
        self._grace = grace
        self._has_limit = True
        self._is_signalled = False
        self._parts: WeakSet[Shutdown] = WeakSet()

    def part(self) -> Shutdown:
        """A shutdown of a part of the server, which signals for the whole concern, too."""
        part = Shutdown(0.0, self._grace)
        if self._is_signalled:
            part.by_signal()
        self._parts.add(part)
        return part

    def by_signal(self, *, at_once: bool = False) -> None:
        """Stop within the grace; the second time, stop now.

        Args:
            at_once: skip the delay, because a person at a terminal has asked.
        """
        if at_once:
            self._delay = 0.0
        if self._is_signalled:
            self._hurry.set()
        elif self.asked.is_set():
            # A client has asked before, so there was no limit. The grace begins now.
            asyncio.get_running_loop().call_later(self._grace, self._hurry.set)
        self._is_signalled = True
        self.asked.set()
        for part in list(self._parts):
            part.by_signal()

    def by_client(self) -> None:
        """Stop when every run has ended."""
        if not self._is_signalled:
            self._has_limit = False
        self.asked.set()

    async def allow(self, tasks: Tasks, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Do the work after the delay, and cancel it when the grace is over."""
        hurrying = tasks.start("hurry", self._hurry.wait())
        await asyncio.wait([hurrying], timeout=self._delay)
        ends = [tasks.start("finish", work()), hurrying]
        limit = self._grace if self._has_limit else None
        await asyncio.wait(ends, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        await asyncio.wait(ends)
