"""The wish that the server stops, and the time that is left until it must."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from codeserver.supervisor.processes.tasks import Tasks


class Shutdown:
    """A signal gives runs and requests a grace; a client lets runs take their time, as with stock.

    Args:
        delay: seconds for which everything but new runs is answered in any case, so that clients
            learn from the health checks to go elsewhere.
        grace: seconds that runs and requests may take after that.

    Attributes:
        asked: set when the server is to stop.
    """

    def __init__(self, delay: float, grace: float) -> None:
        self.asked = asyncio.Event()
        self._hurry = asyncio.Event()
        self._delay = delay
        self._grace = grace
        self._has_limit = True
        self._is_signalled = False

    def by_signal(self, *, at_once: bool = False) -> None:
        """Stop within the grace; the second time, now.

        Args:
            at_once: clients need no time to learn of it, as when a person at a terminal asks.
        """
        if at_once:
            self._delay = 0.0
        if self._is_signalled:
            self._hurry.set()
        elif self.asked.is_set():
            # It waits for its runs, as a client wished; from now on, no longer than the grace.
            asyncio.get_running_loop().call_later(self._grace, self._hurry.set)
        self._is_signalled = True
        self.asked.set()

    def by_client(self) -> None:
        """Stop when every run has ended."""
        if not self._is_signalled:
            self._has_limit = False
        self.asked.set()

    async def allow(self, tasks: Tasks, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Do this work after the delay, and cancel it when the time is over."""
        hurrying = tasks.start("hurry", self._hurry.wait())
        await asyncio.wait([hurrying], timeout=self._delay)
        ends = [tasks.start("finish", work()), hurrying]
        limit = self._grace if self._has_limit else None
        await asyncio.wait(ends, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        await asyncio.wait(ends)
