"""The evaluators of one generation: started on demand, reused, and killed at the deadline."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from codeserver import errors
from codeserver.errors import CodeserverError, Draining, RequestTimeout, WorkerCrashed
from codeserver.supervisor.crashes import Crashes
from codeserver.supervisor.exits import explain_exit
from codeserver.supervisor.forker import Child
from codeserver.supervisor.names import printable
from codeserver.supervisor.request import Request
from codeserver.supervisor.slots import ENDING, Slots
from codeserver.supervisor.starter import Starter
from codeserver.supervisor.tasks import Tasks
from codeserver.wire import Frame

T = TypeVar("T")
Starting = asyncio.Task["Child | CodeserverError"]

_log = logging.getLogger("codeserver")

_KILL_GRACE = 2.0
_KILL_PATIENCE = 1.0
"""Seconds that a killed process may take to be gone, before its slot is given to another."""
_SAME_MOMENT = 0.1
_EXIT_PATIENCE = 0.5
"""Seconds between the end of what an evaluator says and the report that it has ended."""
_AT_SIGTERM = (0, -signal.SIGTERM)
"""How an evaluator exits at SIGTERM, whether it has come to handle that or not."""
_LEAVE_PATIENCE = 5.0
"""Seconds that an evaluator which is not needed any more may take to finish its threads."""
_IDLE_SECONDS = 60.0


@dataclass(frozen=True)
class Reply:
    """What an evaluator answered.

    Attributes:
        body: the serialized reply.
        is_error: the body is a bare serialized error.
        generation: number of the load whose code has answered.
    """

    body: bytes
    is_error: bool
    generation: int = 0


@dataclass(frozen=True)
class Lanes:
    """Who may evaluate at the same time, shared by all generations of a location.

    Attributes:
        user_code: for requests that call the user's functions.
        other: for those that do not. They cannot hang, so there is always room for them.
    """

    user_code: Slots
    other: Slots


class Pool:
    """Evaluates requests in processes that have the code of one generation.

    Args:
        starter: starts evaluators.
        lanes: bound how many evaluate at a time.
        tasks: owns the starts and ends of evaluators.
        max_requests: how many requests one evaluator answers before it is replaced; 0 for no
            limit.

    Attributes:
        imported: called with the sources that user code has imported when it was evaluated, each
            with its mark, if files are watched.
    """

    def __init__(self, starter: Starter, lanes: Lanes, tasks: Tasks, max_requests: int = 0) -> None:
        self.imported: Callable[[Mapping[str, Any]], None] = lambda _: None
        self._starter = starter
        self._lanes = lanes
        self._tasks = tasks
        self._max_requests = max_requests
        self._crashes = Crashes()
        self._idle: list[Child] = []
        self._working: set[Child] = set()
        self._leaving: set[asyncio.Task[int | None]] = set()
        self._starting = 0
        self._served: dict[Child, int] = {}
        self._timers: dict[Child, asyncio.TimerHandle] = {}
        self._requests = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._closed = False
        self._ended = False

    async def evaluate(self, request: Request) -> Reply:
        """The answer of user code to one request.

        Raises:
            RequestTimeout: it took longer than it may; the evaluator is killed.
            WorkerCrashed: the evaluator ended without answering.
            Overloaded: too many requests wait already.
            CallerError: the request cannot be answered.
        """
        deadline = time.monotonic() + request.timeout
        self._refuse_what_keeps_crashing(request)
        self.hold()
        try:
            slots = self._lanes.user_code if request.runs_user_code else self._lanes.other
            await slots.take(request.subject, request.timeout)
            try:
                # Again: it may have crashed for others while this one waited.
                self._refuse_what_keeps_crashing(request)
                if time.monotonic() >= deadline:
                    raise RequestTimeout(
                        f"The {request.subject} had no time left when an evaluator was free: it "
                        f"had {max(0.0, request.timeout):.3g} seconds."
                    )
            except BaseException:
                slots.give_back(request.subject)
                raise
            return await self._evaluate(request, slots, deadline)
        finally:
            self.release()

    def hold(self) -> None:
        """Count something as a request that `drain` waits for, until `release`."""
        self._requests += 1
        self._quiet.clear()

    def release(self) -> None:
        """Undo one `hold`."""
        self._requests -= 1
        if self._requests == 0:
            self._quiet.set()

    async def drain(self) -> None:
        """Wait until no request is being evaluated."""
        await self._quiet.wait()

    def warm(self) -> None:
        """Have an evaluator ready before the first request comes, where starting one is slow."""
        if self._starter.is_slow and not self._closed and not self._idle and not self._starting:
            self._tasks.start("start spare evaluator", self._start_spare())

    def close(self) -> None:
        """Let idle evaluators end; busy ones end with their request."""
        self._closed = True
        while self._idle:
            self._dismiss(self._idle.pop())

    async def closed(self) -> None:
        """Wait until those that were let go have ended."""
        while self._leaving:
            await asyncio.wait(self._leaving)

    def end(self) -> None:
        """End every evaluator, and refuse what is still to come."""
        self._ended = self._closed = True
        for evaluator in (*self._idle, *self._working):
            self._forget(evaluator)
            self._tasks.start("end evaluator", evaluator.end(_KILL_GRACE))
        self._idle.clear()

    def _refuse_what_keeps_crashing(self, request: Request) -> None:
        if request.runs_user_code:
            objection = self._crashes.objection(request.subject, time.monotonic())
            if objection is not None:
                raise WorkerCrashed(objection)

    async def _evaluate(self, request: Request, slots: Slots, deadline: float) -> Reply:
        evaluator = self._take_idle()
        starting: Starting | None = None
        try:
            if evaluator is None:
                starting = self._tasks.start("start evaluator", self._start())
                evaluator = await _by(deadline, _started(starting))
            reply = await self._ask(evaluator, request, deadline)
        except BaseException as error:
            # A timeout, a caller that went away, a crash: it never answers another request, and
            # its slot is free when it is gone.
            # At the same moment gRPC cancels the call, and either may come first.
            gave_up = isinstance(error, (asyncio.TimeoutError, asyncio.CancelledError))
            is_late = gave_up and time.monotonic() > deadline - _SAME_MOMENT
            slots.counts.ended += gave_up
            slots.counts.crashed += isinstance(error, WorkerCrashed)
            slots.count_as_ending(request.subject)
            if evaluator is not None:
                ending = self._end(evaluator, is_late)
                self._tasks.start("end evaluator", self._free_after(ending, slots))
            elif starting is not None:
                self._tasks.start("keep evaluator", self._free_after(self._keep(starting), slots))
            if is_late:
                _log_late(request, evaluator)
            if isinstance(error, asyncio.TimeoutError):
                raise _too_late(request, evaluator) from None
            raise
        slots.give_back(request.subject)
        self._crashes.clear(request.subject)
        if late := reply.header.get("late"):
            self.imported(late)
        self._give_back(evaluator, reply.header.get("worn"))
        return _understand(reply)

    def _take_idle(self) -> Child | None:
        while self._idle:
            evaluator = self._idle.pop()
            if timer := self._timers.pop(evaluator, None):
                timer.cancel()
            if not evaluator.exited.done() and evaluator.channel.is_quiet:
                return evaluator
            self._dismiss(evaluator)  # it has died idle, or is about to
        return None

    async def _start(self) -> Child | CodeserverError:
        """A new evaluator, or why there is none; a task that fails would be taken for a defect."""
        if self._ended:
            return Draining("The server is shutting down.")
        self._starting += 1
        try:
            return await self._starter.start("evaluator")
        except WorkerCrashed as error:
            return error
        finally:
            self._starting -= 1

    async def _start_spare(self) -> None:
        started = await self._start()
        if isinstance(started, Child):
            self._rest(started)
        else:
            _log.warning("%s", started)

    async def _keep(self, starting: Starting) -> None:
        """Who waited for it has given up; the next request may have it."""
        await asyncio.wait([starting])
        if not starting.cancelled() and isinstance(started := starting.result(), Child):
            self._rest(started)

    async def _ask(self, evaluator: Child, request: Request, deadline: float) -> Frame:
        if self._ended:
            raise Draining("The server is shutting down.")
        self._working.add(evaluator)
        evaluator.output.begin(request.subject)
        header = {"kind": "request", "rpc": request.rpc, "extra": dict(request.extra)}
        try:
            left = max(0.0, deadline - time.monotonic())
            await evaluator.channel.send(Frame(header, cast(bytes, request.argument)), timeout=left)
            reply = await evaluator.channel.expect(max(0.0, deadline - time.monotonic()))
        except BrokenPipeError:
            reply = None
        finally:
            self._working.discard(evaluator)
        if reply is None:
            raise await _by(deadline, self._crashed(evaluator, request))
        return reply

    async def _crashed(self, evaluator: Child, request: Request) -> WorkerCrashed:
        how = await _how_it_ended(evaluator)
        if self._ended:
            return WorkerCrashed("The server is shutting down, and ended the process.")
        reason = f"The process that evaluated the {request.subject} {how}."
        if words := evaluator.output.last_words():
            reason += f" The last lines on its standard error:\n{words}"
        if request.runs_user_code:
            self._crashes.add(request.subject, reason, time.monotonic())
        _log.warning("the evaluator of the %s (process %d) %s", request.subject, evaluator.pid, how)
        return WorkerCrashed(reason)

    async def _end(self, evaluator: Child, is_late: bool) -> None:
        self._forget(evaluator)
        ending = self._tasks.start("await end of evaluator", self._signal(evaluator, is_late))
        await asyncio.wait([ending], timeout=_KILL_GRACE + _KILL_PATIENCE)

    async def _signal(self, evaluator: Child, is_late: bool) -> None:
        if is_late:
            await evaluator.show_stack()
        await evaluator.end(_KILL_GRACE)

    async def _free_after(self, end: Coroutine[Any, Any, None], slots: Slots) -> None:
        await end
        slots.give_back(ENDING)
        self.warm()

    def _give_back(self, evaluator: Child, worn: str | None) -> None:
        served = self._served.get(evaluator, 0) + 1
        self._served[evaluator] = served
        if worn is None and 0 < self._max_requests <= served:
            worn = f"it has answered {served} requests"
        if worn is not None:
            _log.debug("evaluator %d is replaced: %s", evaluator.pid, printable(worn))
            self._dismiss(evaluator)
            self.warm()
        else:
            self._rest(evaluator)

    def _rest(self, evaluator: Child) -> None:
        """Let it wait for the next request."""
        if self._closed:
            self._dismiss(evaluator)
            return
        self._idle.append(evaluator)
        loop = asyncio.get_running_loop()
        self._timers[evaluator] = loop.call_later(_IDLE_SECONDS, self._dismiss_idle, evaluator)

    def _dismiss_idle(self, evaluator: Child) -> None:
        is_spare = self._starter.is_slow and len(self._idle) == 1
        if evaluator in self._idle and not is_spare:
            self._idle.remove(evaluator)
            self._dismiss(evaluator)

    def _dismiss(self, evaluator: Child) -> None:
        """Let it end by itself: it sees the end of its input."""
        self._forget(evaluator)
        leaving = self._tasks.start(
            "dismiss evaluator", evaluator.leave(_LEAVE_PATIENCE, _KILL_GRACE)
        )
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _forget(self, evaluator: Child) -> None:
        self._served.pop(evaluator, None)
        timer = self._timers.pop(evaluator, None)
        if timer is not None:
            timer.cancel()


async def _started(starting: Starting) -> Child:
    started = await asyncio.shield(starting)
    if isinstance(started, Child):
        return started
    raise started


async def _how_it_ended(evaluator: Child) -> str:
    """In words, for one that says nothing any more.

    It may live on without its connection, and is ended then. Or the report of its end is late.
    """
    done, _ = await asyncio.wait([evaluator.exited], timeout=_EXIT_PATIENCE)
    if done:
        return explain_exit(evaluator.exited.result())
    began = time.monotonic()
    code = await evaluator.end(_KILL_GRACE)
    may_be_killed = time.monotonic() - began >= _KILL_GRACE
    if code in _AT_SIGTERM or (may_be_killed and code == -signal.SIGKILL):
        return "has closed its connection to the server, and was ended"
    return explain_exit(code)


async def _by(deadline: float, work: Awaitable[T]) -> T:
    return await asyncio.wait_for(work, max(0.0, deadline - time.monotonic()))


def _log_late(request: Request, evaluator: Child | None) -> None:
    if evaluator is not None:
        _log.warning(
            "the %s took longer than %.3g seconds; its evaluator (process %d) is ended",
            *(request.subject, request.timeout, evaluator.pid),
        )


def _too_late(request: Request, evaluator: Child | None) -> RequestTimeout:
    seconds = f"{request.timeout:.3g} seconds"
    if evaluator is None:
        return RequestTimeout(f"No process for the {request.subject} was ready within {seconds}.")
    return RequestTimeout(
        f"The {request.subject} took longer than {seconds}, so its evaluator was ended."
    )


def _understand(frame: Frame) -> Reply:
    if frame.kind == "reply":
        return Reply(frame.body, bool(frame.header["is_error"]))
    message = str(frame.header.get("message"))
    if frame.kind == "refused":
        kind = getattr(errors, str(frame.header.get("error")), errors.InvalidRequest)
        raise kind(message, frame.header.get("details", ()))
    raise WorkerCrashed(message, frame.body)
