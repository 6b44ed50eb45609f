"""The current load and the next one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from codeserver.errors import Draining, RequestTimeout
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.processes.tasks import Tasks

_log = logging.getLogger("codeserver")

_STUCK_SECONDS = 60.0
_STUCK_FACTOR = 3.0

LoadTask = asyncio.Task["LoadFailure | None"]
"""A load that is under way or about to begin; returns the failure, if any."""


class LoadQueue:
    """Runs one load at a time; a request never gets code that is older than the request.

    Args:
        load: loads the code once, and returns the failure, if any. It has no effect if it is
            cancelled.
    """

    def __init__(self, load: Callable[[], Awaitable[LoadFailure | None]], tasks: Tasks) -> None:
        self._load = load
        self._tasks = tasks
        self._current: LoadTask | None = None
        self._next: LoadTask | None = None
        self._attempt: LoadTask | None = None
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
        """Load the code that is on disk now, or newer code.

        Requests that come during a load share one further load. A load that takes much longer than
        the last one is restarted, because the code that hangs in it may have been repaired.

        Returns:
            The failure; None if the code is served.

        Raises:
            Draining: the server was shut down before the end of the load.
        """
        if not self.restart_if_stuck() and self._next is None:
            self._next = self._tasks.start("load", self._run(self._current))
        task = self._next or self._current
        assert task is not None
        return await self._outcome(task)

    def ensure(self) -> Awaitable[LoadFailure | None]:
        """Like `request`, but join a load that is under way.

        The load has begun, or is about to begin, when this returns an awaitable of its outcome.
        """
        if not self.is_under_way:
            self.restart()
        else:
            self.restart_if_stuck()
        task = self._next if self._current is None or self._current.done() else self._current
        assert task is not None
        return self._outcome(task)

    async def wake(self, subject: str, patience: float) -> None:
        """Load unloaded code again; concurrent callers share one load.

        Raises:
            RequestTimeout: the load takes longer than `patience` seconds.
            Draining: the server is shutting down.
        """
        if not self.is_under_way:
            _log.info("the %s needs the code, which is loaded again", subject)
        try:
            await asyncio.wait_for(self.ensure(), patience)
        except asyncio.TimeoutError:
            raise RequestTimeout(
                f"The {subject} needs code that was unloaded, and loading that again took too long."
            ) from None

    def restart(self) -> None:
        """Load the code because it has changed; restart a load that is under way.

        Requests that wait for that load get the outcome of the new one.
        """
        if self._is_attempting:
            assert self._attempt is not None
            self._is_stale = True
            self._attempt.cancel()
        elif self._next is None:
            self._next = self._tasks.start("load", self._run(self._current))

    def cancel(self) -> None:
        """Cancel the current load and the next one, for good."""
        self._is_over = True
        for load in (self._next, self._current):
            if load is not None:
                load.cancel()

    @property
    def _is_attempting(self) -> bool:
        return self._attempt is not None and not self._attempt.done()

    @property
    def _patience(self) -> float:
        # It doubles, because a load that is restarted again and again would never end.
        return float(max(_STUCK_SECONDS, self._last_seconds * _STUCK_FACTOR) * 2**self._stuck)

    def restart_if_stuck(self) -> bool:
        """Restart a load that takes much longer than it should; return whether there was one."""
        if not self._is_attempting or time.monotonic() - self._attempt_began <= self._patience:
            return False
        _log.warning("a load has not ended within %.0f s and is begun anew", self._patience)
        self._stuck += 1
        self.restart()
        return True

    async def _outcome(self, task: LoadTask) -> LoadFailure | None:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise Draining("The server was shut down before the code was loaded.") from None
            raise

    async def _run(self, previous: LoadTask | None) -> LoadFailure | None:
        attempts = self._attempts
        if previous is not None:
            await asyncio.wait([previous])
        self._current, self._next = self._next, None
        if previous is not None and self._attempts > attempts:
            return previous.result()  # that load was restarted after this one was requested
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
            # A load may end just before it is cancelled, and is out of date all the same.
            if not self._is_stale:
                self._stuck = 0
                self._last_seconds = time.monotonic() - self._attempt_began
                return failure
