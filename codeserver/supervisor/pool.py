"""The evaluators of one generation: forked on demand, reused, and killed at the deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codeserver import errors
from codeserver.errors import Draining, RequestTimeout, WorkerCrashed
from codeserver.supervisor.exits import explain_exit
from codeserver.supervisor.forker import Child, Forker
from codeserver.supervisor.tasks import Tasks
from codeserver.wire import Frame

_KILL_GRACE = 2.0
_IDLE_SECONDS = 60.0
_REQUESTS_PER_EVALUATOR = 1000


@dataclass(frozen=True)
class Reply:
    """What an evaluator answered.

    Attributes:
        body: the serialized reply.
        is_error: the body is a bare serialized error.
    """

    body: bytes
    is_error: bool


class Pool:
    """Evaluates requests in processes forked from one host.

    Args:
        forker: forks from the host.
        slots: bounds how many evaluate at a time, shared by all generations of a location.
        tasks: owns the ends of evaluators.
    """

    def __init__(self, forker: Forker, slots: asyncio.Semaphore, tasks: Tasks) -> None:
        self._forker = forker
        self._slots = slots
        self._tasks = tasks
        self._idle: list[Child] = []
        self._working: set[Child] = set()
        self._served: dict[Child, int] = {}
        self._timers: dict[Child, asyncio.TimerHandle] = {}
        self._requests = 0
        self._busy = 0
        self._waiting = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._closed = False
        self._ended = False

    @property
    def busy(self) -> int:
        """How many requests are being answered."""
        return self._busy

    @property
    def queued(self) -> int:
        """How many requests wait for a free evaluator."""
        return self._waiting

    async def evaluate(
        self, rpc: str, argument: bytes, extra: Mapping[str, Any], timeout: float
    ) -> Reply:
        """The answer of user code to one request.

        Args:
            rpc: name of the RPC.
            argument: its serialized argument.
            extra: its other fields, by name.
            timeout: seconds it may take, waiting for a free evaluator included.

        Raises:
            RequestTimeout: it took longer; the evaluator is killed.
            WorkerCrashed: the evaluator ended without answering.
            CallerError: the request cannot be answered.
        """
        deadline = time.monotonic() + timeout
        self.hold()
        try:
            return await self._evaluate(rpc, argument, extra, deadline, timeout)
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

    def close(self) -> None:
        """Let idle evaluators end; busy ones end with their request."""
        self._closed = True
        while self._idle:
            self._dismiss(self._idle.pop())

    def end(self) -> None:
        """End every evaluator, and refuse what is still to come."""
        self._ended = True
        self.close()
        for evaluator in self._working:
            self._tasks.start("end evaluator", evaluator.end(_KILL_GRACE))

    async def _evaluate(
        self, rpc: str, argument: bytes, extra: Mapping[str, Any], deadline: float, timeout: float
    ) -> Reply:
        self._waiting += 1
        try:
            await asyncio.wait_for(self._slots.acquire(), timeout)
        except asyncio.TimeoutError:
            raise RequestTimeout(
                f"{rpc} waited {timeout:g} seconds for a free evaluator; all are busy. Raise "
                "--max-workers, or look for user code that hangs."
            ) from None
        finally:
            self._waiting -= 1
        self._busy += 1
        try:
            request = Frame({"kind": "request", "rpc": rpc, "extra": dict(extra)}, argument)
            remaining = max(0.0, deadline - time.monotonic())
            try:
                reply = await asyncio.wait_for(self._ask(request), remaining)
            except asyncio.TimeoutError:
                raise RequestTimeout(
                    f"{rpc} took longer than {timeout:g} seconds, so its evaluator was ended."
                ) from None
        finally:
            self._busy -= 1
            self._slots.release()
        return _understand(reply)

    async def _ask(self, request: Frame) -> Frame:
        if self._ended:
            raise Draining("The server is shutting down.")
        evaluator = await self._take()
        self._working.add(evaluator)
        try:
            try:
                await evaluator.channel.send(request)
                reply = await evaluator.channel.expect()
            except BrokenPipeError:
                reply = None
            if reply is None:
                code = await evaluator.end(_KILL_GRACE)
                raise WorkerCrashed(
                    f"The process that evaluated {request.header['rpc']} {explain_exit(code)}."
                )
        except BaseException:
            # A timeout, a caller that went away, a crash: it never answers another request.
            self._forget(evaluator)
            self._tasks.start("end evaluator", evaluator.end(_KILL_GRACE))
            raise
        finally:
            self._working.discard(evaluator)
        self._give_back(evaluator)
        return reply

    async def _take(self) -> Child:
        while self._idle:
            evaluator = self._idle.pop()
            self._timers.pop(evaluator).cancel()
            if not evaluator.exited.done():
                return evaluator
            self._forget(evaluator)
            evaluator.channel.close()
        return await self._forker.fork("evaluator")

    def _give_back(self, evaluator: Child) -> None:
        served = self._served.get(evaluator, 0) + 1
        self._served[evaluator] = served
        if self._closed or served >= _REQUESTS_PER_EVALUATOR:
            self._dismiss(evaluator)
            return
        self._idle.append(evaluator)
        self._timers[evaluator] = asyncio.get_running_loop().call_later(
            _IDLE_SECONDS, self._dismiss_idle, evaluator
        )

    def _dismiss_idle(self, evaluator: Child) -> None:
        if evaluator in self._idle:
            self._idle.remove(evaluator)
            self._dismiss(evaluator)

    def _dismiss(self, evaluator: Child) -> None:
        """Let it end by itself: it sees the end of its input."""
        self._forget(evaluator)
        self._tasks.start("dismiss evaluator", evaluator.end(_KILL_GRACE))

    def _forget(self, evaluator: Child) -> None:
        self._served.pop(evaluator, None)
        timer = self._timers.pop(evaluator, None)
        if timer is not None:
            timer.cancel()


def _understand(frame: Frame) -> Reply:
    if frame.kind == "reply":
        return Reply(frame.body, bool(frame.header["is_error"]))
    message = str(frame.header.get("message"))
    if frame.kind == "refused":
        kind = getattr(errors, str(frame.header.get("error")), errors.InvalidRequest)
        raise kind(message)
    raise WorkerCrashed(message)
