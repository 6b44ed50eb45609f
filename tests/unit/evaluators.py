"""A pool of evaluators that are tasks at the other end of real sockets and pipes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any
from unittest import mock

from codeserver.messages import Answer, Ask, Crashed, Refused
from codeserver.processes import NATIVE_STACK_SIGNAL, STACK_SIGNAL
from codeserver.supervisor.evaluating import pool as pool_module
from codeserver.supervisor.evaluating import request as request_module
from codeserver.supervisor.evaluating.admission import Slots
from codeserver.supervisor.evaluating.evaluators import Evaluators
from codeserver.supervisor.evaluating.pool import Lanes, Pool, Reply
from codeserver.supervisor.evaluating.request import Deadline, Request
from codeserver.supervisor.processes.channel import Channel
from codeserver.supervisor.processes.child import Child
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.wire import Message
from tests.unit.waiting import DEADLINE, soon, until

TOO_LONG = 30.0
"""Seconds that `Used.ask_too_long` gives a request, and has pass at once; it never takes them."""


class Evaluator:
    """A scripted evaluator: the name of the RPC says what it does."""

    def __init__(self, starter: Starter) -> None:
        ours, theirs = socket.socketpair()
        (stdout, self._stdout), (stderr, self.stderr) = os.pipe(), os.pipe()
        output = starter.outputs.open("evaluator", stdout, stderr)
        self.child = Child("evaluator", Channel(ours), output)
        self.child.has_started(len(starter.evaluators) + 1, starter)  # type: ignore[arg-type]
        self.signals: list[int] = []
        self.requests: list[Ask] = []
        self.ignores: set[int] = set()
        self.stays = False
        self._unreported: int | None = None
        self._gates = starter.gates
        self._log = starter.served
        self._channel = Channel(theirs)
        self._task = asyncio.create_task(self._serve())

    @property
    def alive(self) -> bool:
        return not self.child.exited.done()

    async def signal(self, number: int) -> None:
        self.signals.append(number)
        if number == STACK_SIGNAL:
            os.write(self.stderr, b"it was here\n")
            number = signal.SIGTERM
        if number not in {*self.ignores, NATIVE_STACK_SIGNAL}:
            await self.end(-number if self._unreported is None else self._unreported)

    async def end(self, code: int) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        self._has_ended(code)

    async def _serve(self) -> None:
        while (request := await self._channel.expect(Ask)) is not None:
            self.requests.append(request)
            self._log.append(request.body)
            await self._do(request.rpc, request)
        if self.stays:
            await asyncio.Event().wait()
        self._has_ended(0)

    async def _do(self, deed: str, request: Ask) -> None:
        extra = request.extra
        reply: Message = Answer(request.body.upper(), deed == "fail", worn=extra.get("worn"))
        if deed == "wait":
            await self._gates.setdefault(request.body, asyncio.Event()).wait()
        elif deed in ("hang", "hang deaf", "hang undead"):
            if deed != "hang":
                self.ignores.add(signal.SIGTERM)
            if deed == "hang undead":
                self.ignores.add(signal.SIGKILL)
            await asyncio.Event().wait()
        elif deed in ("die", "die later"):
            if deed == "die later":
                await self._gates.setdefault(request.body, asyncio.Event()).wait()
            os.write(self.stderr, extra.get("words", "").encode())
            self._has_ended(extra["code"])
            raise asyncio.CancelledError
        elif deed == "die unreported":  # until somebody asks for its end
            self._unreported = extra["code"]
            self._channel.close()
            await asyncio.Event().wait()
        elif deed == "close":
            self._channel.close()
            await asyncio.Event().wait()
        elif deed == "rubbish":
            await asyncio.get_running_loop().sock_sendall(self._channel._sock, b"rubbish" * 10)
            await asyncio.Event().wait()
        elif deed == "refuse":
            reply = Refused(**extra)
        elif deed == "raise":
            reply = Crashed(b"the error", **extra)
        await self._channel.send(reply)

    def _has_ended(self, code: int) -> None:
        self._channel.close()
        if self.alive:
            for fd in (self._stdout, self.stderr):
                os.close(fd)
            self.child.has_ended(code)


class Starter:
    """Starts evaluators, and signals them."""

    is_slow = False

    def __init__(self) -> None:
        self.evaluators: list[Evaluator] = []
        self.gates: dict[bytes, asyncio.Event] = {}
        self.served: list[bytes] = []
        self.failure: Exception | None = None
        self.started = 0
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.outputs = Outputs()

    async def start(self, role: str) -> Child:
        assert role == "evaluator"
        self.started += 1
        await self.may_start.wait()
        if self.failure is not None:
            raise self.failure
        self.evaluators.append(Evaluator(self))
        return self.evaluators[-1].child

    async def signal(self, pid: int, number: int) -> None:
        evaluator = self.evaluators[pid - 1]
        if evaluator.alive:
            await evaluator.signal(number)

    def open(self, *bodies: bytes) -> None:
        for body in bodies:
            self.gates.setdefault(body, asyncio.Event()).set()

    @property
    def alive(self) -> list[bool]:
        return [each.alive for each in self.evaluators]


class LeapingClock(contextlib.ExitStack):
    """What the event loop and pools take for the time, which a test can have pass at once.

    So a deadline passes when a test says so, and not before the machine has got that far.
    """

    def let_pass(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time
        loop.time = lambda: before() + seconds  # type: ignore[method-assign]
        now = SimpleNamespace(monotonic=loop.time)
        for module in (pool_module, request_module):
            self.enter_context(mock.patch.object(module, "time", now))


class Used:
    """A pool, and what it needs.

    Each request is about a subject of its own, unless a test says otherwise.
    """

    def __init__(self, slots: int, queue: int, max_requests: int, is_single: bool) -> None:
        self.starter = Starter()
        self.tasks = Tasks()
        self.lanes = Lanes(Slots(slots, queue), Slots(1, queue))
        evaluators = Evaluators(self.starter, self.tasks, max_requests, is_single=is_single)
        self.pool = Pool(evaluators, self.lanes, self.tasks)
        self.clock = LeapingClock()

    async def ask(
        self,
        deed: str = "echo",
        body: bytes = b"x",
        *,
        extra: Mapping[str, Any] | None = None,
        timeout: float = DEADLINE,
        subject: str | None = None,
        runs_user_code: bool = True,
    ) -> Reply:
        subject = subject or f"{deed} {body.decode()}"
        request = Request(deed, body, Deadline.after(timeout), subject, extra or {}, runs_user_code)
        return await soon(self.pool.evaluate(request))

    def start(self, deed: str, body: bytes = b"x", **options: Any) -> asyncio.Task[Reply]:
        return asyncio.create_task(self.ask(deed, body, **options))

    async def ask_too_long(self, deed: str, **options: Any) -> Reply:
        """Ask, and let the time for that pass when an evaluator has got the request."""
        before = len(self.starter.served)
        asking = self.start(deed, timeout=TOO_LONG, **options)
        await until(lambda: len(self.starter.served) > before)
        self.clock.let_pass(TOO_LONG)
        return await soon(asking)

    async def started(self, *bodies: bytes) -> None:
        """Wait until evaluators have these requests."""
        await until(lambda: set(bodies) <= set(self.starter.served))

    @property
    def load(self) -> tuple[int, int]:
        return self.lanes.user_code.running, self.lanes.user_code.waiting


@contextlib.asynccontextmanager
async def pool(
    slots: int = 2, queue: int = 10, max_requests: int = 0, *, is_single: bool = False
) -> AsyncIterator[Used]:
    """At the end every slot must be free, and every evaluator must have ended."""
    used = Used(slots, queue, max_requests, is_single)
    with used.clock:
        yield used
        used.pool.evaluators.close()
        await soon(used.tasks.settle())
    assert used.load == (0, 0)
    assert (used.lanes.other.running, used.lanes.other.waiting) == (0, 0)
    assert [each.child.pid for each in used.starter.evaluators if each.alive] == []
    used.starter.outputs.close()
