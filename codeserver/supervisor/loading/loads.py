"""Which load is under way, and which comes next."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from codeserver.errors import Draining
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.processes.tasks import Tasks

_log = logging.getLogger("codeserver")

_STUCK_SECONDS = 60.0
_STUCK_FACTOR = 3.0

Load = asyncio.Task["LoadFailure | None"]


class Loads:
    """Loads one at a time; nobody gets code that is older than his request.

    Args:
        load: loads the code once, and returns why that failed, if it did. When it is cancelled,
            nothing has happened.
        tasks: owns what goes on in the background.
    """

    def __init__(self, load: Callable[[], Awaitable[LoadFailure | None]], tasks: Tasks) -> None:
        self._load = load
        self._tasks = tasks
        self._current: Load | None = None
        self._next: Load | None = None
        self._attempt: Load | None = None
        self._attempts = 0
        self._attempt_began = 0.0
        self._last_seconds = 0.0
        self._stuck = 0
        self._is_stale = False
        self._is_over = False

    @property
    def is_under_way(self) -> bool:
        """Whether a load is under way or about to begin."""
        return self._next is not None or (self._current is not None and not self._current.done())

    async def request(self) -> LoadFailure | None:
        """Load the code as it is now, or as it will be a little later.

        Requests that come while a load is under way share one further load. A load that is under
        way for much longer than the last one took is not waited for, but begun anew: what hangs
        in there may have been repaired.

        Returns:
            Why it could not be loaded; None when it is served.

        Raises:
            Draining: the server was shut down before.
        """
        if not self.restart_if_stuck() and self._next is None:
            self._next = self._tasks.start("load", self._run(self._current))
        task = self._next or self._current
        assert task is not None
        return await self._outcome(task)

    def ensure(self) -> Awaitable[LoadFailure | None]:
        """Like `request`, but a load that is under way will do: any code is better than none.

        It has begun, or is about to, when this returns; what is returned is to be awaited.
        """
        if not self.is_under_way:
            self.restart()
        else:
            self.restart_if_stuck()
        task = self._next if self._current is None or self._current.done() else self._current
        assert task is not None
        return self._outcome(task)

    def restart(self) -> None:
        """Load the code because it has changed; what a load under way has read is out of date.

        Whoever waits for that load gets the outcome of the new one.
        """
        if self._is_attempting:
            assert self._attempt is not None
            self._is_stale = True
            self._attempt.cancel()
        elif self._next is None:
            self._next = self._tasks.start("load", self._run(self._current))

    def cancel(self) -> None:
        """Give up whatever is under way, for good."""
        self._is_over = True
        for load in (self._next, self._current):
            if load is not None:
                load.cancel()

    @property
    def _is_attempting(self) -> bool:
        return self._attempt is not None and not self._attempt.done()

    @property
    def _patience(self) -> float:
        # It grows, because one that is begun anew again and again would never end.
        return float(max(_STUCK_SECONDS, self._last_seconds * _STUCK_FACTOR) * 2**self._stuck)

    def restart_if_stuck(self) -> bool:
        """Begin a load anew that is under way for much longer than one should take."""
        if not self._is_attempting or time.monotonic() - self._attempt_began <= self._patience:
            return False
        _log.warning("a load has not ended within %.0f s and is begun anew", self._patience)
        self._stuck += 1
        self.restart()
        return True

    async def _outcome(self, task: Load) -> LoadFailure | None:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise Draining("The server was shut down before the code was loaded.") from None
            raise

    async def _run(self, previous: Load | None) -> LoadFailure | None:
        attempts = self._attempts
        if previous is not None:
            await asyncio.wait([previous])
        self._current, self._next = self._next, None
        if previous is not None and self._attempts > attempts:
            return previous.result()  # it was begun anew after this one was asked for
        while True:
            self._attempts += 1
            self._attempt_began = time.monotonic()
            self._attempt = asyncio.ensure_future(self._load())
            self._is_stale = False
            try:
                failure = await self._attempt
            except asyncio.CancelledError:
                if self._is_over or not self._is_stale:
                    raise
                continue
            # Also what was cancelled may have ended before it was, and is out of date all the same.
            if not self._is_stale:
                self._stuck = 0
                self._last_seconds = time.monotonic() - self._attempt_began
                return failure
