"""The evaluators of a generation: started on demand, kept ready, replaced and dismissed."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from codeserver.errors import CodeserverError, Draining, LoadsOnlyOnce, WorkerCrashed
from codeserver.letters import printable
from codeserver.supervisor.evaluating.request import Deadline
from codeserver.supervisor.loading.starter import Starter
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.child import Child
from codeserver.supervisor.processes.tasks import Tasks

Starting = asyncio.Task["Child | CodeserverError"]
"""Returns an evaluator or an error: an error that it raised would be logged as a defect."""

_log = logging.getLogger("codeserver")

_IDLE_SECONDS = 60.0


class Evaluators:
    """The evaluators in use, and a few idle ones for the next requests.

    If the start of an evaluator is slow, a request gets the first one that is ready, new or used.
    If there may be only one (`is_single`), all requests wait for it. It is never replaced, as stock
    never replaces its one process.

    Args:
        max_requests: the number of requests that one answers before it is replaced; 0 for no limit.
        is_single: whether there is only one at a time. It becomes true by itself if the code cannot
            be loaded twice.

    Attributes:
        has_ended: whether `end` was called.
    """

    def __init__(
        self, starter: Starter, tasks: Tasks, max_requests: int = 0, *, is_single: bool = False
    ) -> None:
        self.is_single = is_single
        self._starter = starter
        self._tasks = tasks
        self._max_requests = max_requests
        self._idle: list[Child] = []
        self._alive: set[Child] = set()
        self._leaving: set[asyncio.Task[int | None]] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._starting = 0
        self._served: dict[Child, int] = {}
        self._timers: dict[Child, asyncio.TimerHandle] = {}
        self._closed = False
        self.has_ended = False

    async def idle(self, deadline: Deadline) -> Child | None:
        """An idle evaluator, or None if the caller should start one.

        Raises:
            asyncio.TimeoutError: none was idle before the deadline.
            CodeserverError: none can be started.
        """
        is_first = True
        while True:
            if (evaluator := self._take_idle()) is not None:
                return evaluator
            if not self.is_single and not self._starter.is_slow:
                return None
            if not self._any if self.is_single else self._starting <= len(self._waiting):
                self._start_for_any()
            await self._change(deadline, in_front=not is_first)
            is_first = False

    def start(self) -> Starting:
        """Start an evaluator."""
        self._starting += 1
        return self._tasks.start("start evaluator", self._start())

    def warm(self) -> None:
        """Start an evaluator ahead of the next request, if a start is slow."""
        is_enough = self._idle or self._starting or (self.is_single and self._any)
        if self._starter.is_slow and not self._closed and not is_enough:
            self._start_for_any()

    async def keep(self, starting: Starting) -> None:
        """Keep an evaluator whose request has given up, for the next request."""
        await asyncio.wait([starting])
        if not starting.cancelled() and isinstance(started := starting.result(), Child):
            self._rest(started)

    def give_back(self, evaluator: Child, worn: str | None) -> None:
        """Take back an evaluator; `worn` is its own reason to be replaced, if any."""
        served = self._served.get(evaluator, 0) + 1
        self._served[evaluator] = served
        if worn is None and 0 < self._max_requests <= served:
            worn = f"it has answered {served} requests"
        if worn is None or self.is_single:
            self._rest(evaluator)
            return
        _log.debug("evaluator %d is replaced: %s", evaluator.pid, printable(worn))
        self._dismiss(evaluator)
        self.warm()

    def forget(self, evaluator: Child) -> None:
        """Forget an evaluator that is being ended and will not be given back."""
        self._served.pop(evaluator, None)
        timer = self._timers.pop(evaluator, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Dismiss idle evaluators now, and busy ones after their request."""
        self._closed = True
        while self._idle:
            self._dismiss(self._idle.pop())

    async def closed(self) -> None:
        """Wait until the dismissed evaluators have ended."""
        while self._leaving:
            await asyncio.wait(self._leaving)

    def end(self) -> list[Child]:
        """Start no more evaluators; return the idle ones, which the caller ends."""
        self.has_ended = self._closed = True
        while self._waiting:
            self._waiting.popleft().set_exception(_draining())
        idle, self._idle = self._idle, []
        return idle

    @property
    def _any(self) -> bool:
        """Whether an evaluator is alive or starting."""
        return bool(self._starting or self._alive)

    def _take_idle(self) -> Child | None:
        while self._idle:
            evaluator = self._idle.pop()
            if timer := self._timers.pop(evaluator, None):
                timer.cancel()
            if not evaluator.exited.done() and evaluator.channel.is_quiet:
                return evaluator
            self._dismiss(evaluator)  # it has died or sent something unasked
        return None

    def _start_for_any(self) -> None:
        """Start an evaluator that goes to the first request in the queue."""
        self._starting += 1
        self._tasks.start("start evaluator", self._start_one_for_any())

    async def _start_one_for_any(self) -> None:
        # Decide at once about a failure. A moment later, the request may have started another one,
        # which does not have the code either.
        started = await self._start()
        if isinstance(started, Child):
            self._rest(started)
            return
        if isinstance(started, LoadsOnlyOnce) and self._any:
            self._become_single(started)
        elif self._waiting:
            self._waiting.popleft().set_exception(started)
        else:
            _log.warning("%s", started)
        if self.is_single:
            self._wake()  # the next request may start an evaluator

    async def _start(self) -> Child | CodeserverError:
        try:
            if self.has_ended:
                return _draining()
            child = await self._starter.start("evaluator")
        except WorkerCrashed as error:
            return error
        finally:
            self._starting -= 1
        self._alive.add(child)
        child.exited.add_done_callback(lambda _: self._is_gone(child))
        return child

    def _become_single(self, error: LoadsOnlyOnce) -> None:
        if not self.is_single:
            self.is_single = True
            _log.warning(
                "another process cannot load the code, so the one that has it evaluates all "
                "requests, one after another, until the next load: %s",
                error.headline,
            )

    def _is_gone(self, child: Child) -> None:
        self._alive.discard(child)
        self._wake()

    async def _change(self, deadline: Deadline, *, in_front: bool) -> None:
        """Wait for a change: an evaluator has become idle, or has ended."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if in_front else self._waiting.append)(woken)
        try:
            await asyncio.wait([woken], timeout=deadline.left)
        except BaseException:
            if woken.done() and woken.exception() is None:
                self._wake()  # pass the wake-up on to another request
            raise
        finally:
            if not woken.done():
                self._waiting.remove(woken)
        if not woken.done():
            raise asyncio.TimeoutError
        woken.result()

    def _wake(self) -> None:
        """Wake the request at the front of the queue."""
        if self._waiting:
            self._waiting.popleft().set_result(None)

    def _rest(self, evaluator: Child) -> None:
        """Make an evaluator idle, until the next request or its timeout."""
        if self._closed:
            self._dismiss(evaluator)
            return
        self._idle.append(evaluator)
        loop = asyncio.get_running_loop()
        self._timers[evaluator] = loop.call_later(_IDLE_SECONDS, self._dismiss_idle, evaluator)
        self._wake()

    def _dismiss_idle(self, evaluator: Child) -> None:
        is_needed = self.is_single or (self._starter.is_slow and len(self._idle) == 1)
        if evaluator in self._idle and not is_needed:
            self._idle.remove(evaluator)
            self._dismiss(evaluator)

    def _dismiss(self, evaluator: Child) -> None:
        """Close its input, so that it exits by itself."""
        self.forget(evaluator)
        leaving = self._tasks.start(
            "dismiss evaluator", evaluator.leave(patience.LEAVE, patience.END_GRACE)
        )
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)


def _draining() -> Draining:
    return Draining("The server is shutting down.")
