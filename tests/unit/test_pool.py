"""The pool of evaluators: bounded, reused, and rid of whatever does not answer in time.

Most tests have evaluators that are tasks at the other end of a real socket; the last ones have real
processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from codeserver import errors
from codeserver.errors import CallerError, InvalidRequest, RequestTimeout, WorkerCrashed
from codeserver.supervisor import pool as pool_module
from codeserver.supervisor.channel import Channel
from codeserver.supervisor.forker import Child
from codeserver.supervisor.pool import Pool, Reply
from codeserver.supervisor.tasks import Tasks
from codeserver.wire import Frame
from tests.unit.forking import forking_process
from tests.unit.waiting import DEADLINE, soon, until


class Evaluator:
    """A scripted evaluator: the name of the RPC says what it does."""

    def __init__(self, parent: Forker) -> None:
        ours, theirs = socket.socketpair()
        self.child = Child("evaluator", Channel(ours))
        self.child.has_started(0, parent)  # type: ignore[arg-type]
        self.signals: list[signal.Signals] = []
        self.requests: list[Frame] = []
        self.deaf = False
        self._gates = parent.gates
        self._log = parent.served
        self._channel = Channel(theirs)
        self._task = asyncio.create_task(self._serve())

    @property
    def alive(self) -> bool:
        return not self.child.exited.done()

    async def signal(self, number: signal.Signals) -> None:
        self.signals.append(number)
        if number == signal.SIGKILL or not self.deaf:
            await self.end(-number)

    async def end(self, code: int) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        self._channel.close()
        self.child.has_ended(code)

    async def _serve(self) -> None:
        while (request := await self._channel.receive()) is not None:
            self.requests.append(request)
            self._log.append(request.body)
            await self._do(request.header["rpc"], request)
        self._channel.close()
        self.child.has_ended(0)

    async def _do(self, deed: str, request: Frame) -> None:
        header: dict[str, Any] = {"kind": "reply", "is_error": deed == "fail"}
        if deed == "wait":
            await self._gates.setdefault(request.body, asyncio.Event()).wait()
        elif deed in ("hang", "hang deaf"):
            self.deaf = deed == "hang deaf"
            await asyncio.Event().wait()
        elif deed == "die":
            self._channel.close()
            self.child.has_ended(request.header["extra"]["code"])
            raise asyncio.CancelledError
        elif deed == "close":
            self._channel.close()
            await asyncio.Event().wait()
        elif deed == "rubbish":
            await asyncio.get_running_loop().sock_sendall(self._channel._sock, b"rubbish" * 10)
            await asyncio.Event().wait()
        elif deed == "answer":
            header = request.header["extra"]["header"]
        await self._channel.send(Frame(header, request.body.upper()))


class Forker:
    """Forks evaluators."""

    def __init__(self) -> None:
        self.evaluators: list[Evaluator] = []
        self.gates: dict[bytes, asyncio.Event] = {}
        self.served: list[bytes] = []
        self.failure: Exception | None = None
        self.may_fork = asyncio.Event()
        self.may_fork.set()

    async def fork(self, role: str) -> Child:
        assert role == "evaluator"
        await self.may_fork.wait()
        if self.failure is not None:
            raise self.failure
        self.evaluators.append(Evaluator(self))
        self.evaluators[-1].child.pid = len(self.evaluators)
        return self.evaluators[-1].child

    async def signal(self, pid: int, number: signal.Signals) -> None:
        evaluator = self.evaluators[pid - 1]
        if evaluator.alive:
            await evaluator.signal(number)

    def open(self, *bodies: bytes) -> None:
        for body in bodies:
            self.gates.setdefault(body, asyncio.Event()).set()


class Used:
    """A pool, and what it needs."""

    def __init__(self, slots: int) -> None:
        self.forker = Forker()
        self.tasks = Tasks()
        self.slots = asyncio.Semaphore(slots)
        self.pool = Pool(self.forker, self.slots, self.tasks)  # type: ignore[arg-type]

    async def ask(
        self,
        deed: str = "echo",
        body: bytes = b"x",
        extra: Mapping[str, Any] | None = None,
        timeout: float = DEADLINE,
    ) -> Reply:
        return await soon(self.pool.evaluate(deed, body, extra or {}, timeout))

    def start(self, deed: str, body: bytes = b"x", **options: Any) -> asyncio.Task[Reply]:
        return asyncio.create_task(self.ask(deed, body, **options))

    async def started(self, *bodies: bytes) -> None:
        """Wait until evaluators have these requests."""
        await until(lambda: set(bodies) <= set(self.forker.served))

    @property
    def load(self) -> tuple[int, int]:
        return self.pool.busy, self.pool.queued


@contextlib.asynccontextmanager
async def pool(slots: int = 2) -> AsyncIterator[Used]:
    """At the end every slot must be free, and every evaluator must have ended."""
    used = Used(slots)
    yield used
    assert used.load == (0, 0)
    for _ in range(slots):
        await soon(used.slots.acquire())
    used.pool.close()
    await soon(used.tasks.settle())
    assert [each.child.pid for each in used.forker.evaluators if each.alive] == []


async def test_a_request_and_its_reply() -> None:
    async with pool() as used:
        reply = await used.ask("echo", b"abc", {"job_name": "é", "n": None})
        assert reply == Reply(b"ABC", False)
        assert used.forker.evaluators[0].requests == [
            Frame({"kind": "request", "rpc": "echo", "extra": {"job_name": "é", "n": None}}, b"abc")
        ]


async def test_a_reply_that_is_an_error() -> None:
    async with pool() as used:
        assert await used.ask("fail", b"abc") == Reply(b"ABC", True)


async def test_evaluators_are_forked_on_demand_and_reused() -> None:
    async with pool() as used:
        assert used.forker.evaluators == []
        for _ in range(3):
            await used.ask()
        assert len(used.forker.evaluators) == 1
        asking = [used.start("wait", body) for body in (b"a", b"b")]
        await used.started(b"a", b"b")
        assert len(used.forker.evaluators) == 2
        used.forker.open(b"a", b"b")
        assert [(await each).body for each in asking] == [b"A", b"B"]
        for _ in range(3):
            await used.ask()
        assert len(used.forker.evaluators) == 2


async def test_the_slots_bound_how_many_evaluate() -> None:
    async with pool(slots=2) as used:
        bodies = [b"a", b"b", b"c", b"d"]
        asking = [used.start("wait", body) for body in bodies]
        await used.started(b"a", b"b")
        assert used.load == (2, 2)
        assert len(used.forker.evaluators) == 2
        used.forker.open(*bodies)
        await soon(asyncio.gather(*asking))
        assert len(used.forker.evaluators) == 2


async def test_two_pools_share_the_slots() -> None:
    """During a reload the old and the new generation are one location."""
    async with pool(slots=1) as used:
        other = Pool(used.forker, used.slots, used.tasks)  # type: ignore[arg-type]
        first = used.start("wait", b"a")
        await used.started(b"a")
        second = asyncio.create_task(other.evaluate("echo", b"b", {}, DEADLINE))
        await until(lambda: other.queued == 1)
        assert used.forker.served == [b"a"]
        used.forker.open(b"a")
        await soon(asyncio.gather(first, second))
        assert used.forker.served == [b"a", b"b"]
        other.close()


async def test_first_come_first_served() -> None:
    async with pool(slots=1) as used:
        bodies = [b"a", b"b", b"c", b"d", b"e"]
        asking = [used.start("wait", body) for body in bodies]
        await used.started(b"a")
        asking[2].cancel()
        used.forker.open(*bodies)
        await soon(asyncio.gather(*asking, return_exceptions=True))
        assert used.forker.served == [b"a", b"b", b"d", b"e"]


@pytest.mark.parametrize("deed", ["hang", "close", "rubbish"])
async def test_a_request_that_takes_too_long(deed: str) -> None:
    async with pool(slots=1) as used:
        if deed == "hang":
            with pytest.raises(RequestTimeout, match=r"hang took longer than 0\.05 seconds"):
                await used.ask(deed, timeout=0.05)
        else:
            with pytest.raises(WorkerCrashed):
                await used.ask(deed)
        assert (await used.ask("echo", b"next")).body == b"NEXT", "the slot is free"
        await soon(used.tasks.settle())
        first, second = used.forker.evaluators
        assert not first.alive
        assert signal.SIGTERM in first.signals
        assert signal.SIGKILL not in first.signals
        assert len(second.requests) == 1


async def test_an_evaluator_that_ignores_sigterm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_KILL_GRACE", 0.02)
    async with pool(slots=1) as used:
        with pytest.raises(RequestTimeout):
            await used.ask("hang deaf", timeout=0.05)
        await soon(used.tasks.settle())
        assert used.forker.evaluators[0].signals == [signal.SIGTERM, signal.SIGKILL]


async def test_the_caller_does_not_wait_for_the_end_of_the_evaluator() -> None:
    """The pool's grace is far longer than what this test may take."""
    async with pool(slots=1) as used:
        with pytest.raises(RequestTimeout):
            await used.ask("hang deaf", timeout=0.05)
        assert (await used.ask()).body == b"X"
        [evaluator, _] = used.forker.evaluators
        assert evaluator.alive
        await evaluator.signal(signal.SIGKILL)


async def test_waiting_for_a_slot_takes_too_long() -> None:
    async with pool(slots=1) as used:
        asking = used.start("wait", b"a")
        await used.started(b"a")
        with pytest.raises(RequestTimeout, match=r"tick waited 0\.05 seconds.*--max-workers"):
            await used.ask("tick", timeout=0.05)
        assert used.load == (1, 0)
        used.forker.open(b"a")
        assert (await asking).body == b"A", "the other request is not disturbed"
        assert len(used.forker.evaluators) == 1


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


async def test_waiting_counts_to_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(pool_module, "time", clock)
    async with pool(slots=1) as used:
        first = used.start("wait", b"a")
        await used.started(b"a")
        second = used.start("hang", timeout=DEADLINE)
        await until(lambda: used.load == (1, 1))
        clock.now += DEADLINE
        used.forker.open(b"a")
        await first
        with pytest.raises(RequestTimeout, match="hang took longer than 10 seconds"):
            await asyncio.wait_for(second, DEADLINE / 2)


async def test_a_timeout_during_the_fork() -> None:
    async with pool(slots=1) as used:
        used.forker.may_fork.clear()
        with pytest.raises(RequestTimeout):
            await used.ask(timeout=0.05)
        used.forker.may_fork.set()
        assert (await used.ask()).body == b"X"


@pytest.mark.parametrize("timeout", [0.0, -5.0])
async def test_a_deadline_that_has_passed(timeout: float) -> None:
    """As gRPC's may have been before the request is read."""
    async with pool() as used:
        with pytest.raises(RequestTimeout):
            await used.ask(timeout=timeout)


async def test_a_caller_that_goes_away() -> None:
    async with pool(slots=1) as used:
        asking = used.start("hang", b"a")
        await used.started(b"a")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert used.load == (0, 0)
        assert (await used.ask("echo", b"next")).body == b"NEXT"
        await soon(used.tasks.settle())
        assert used.forker.evaluators[0].signals == [signal.SIGTERM]
        assert len(used.forker.evaluators) == 2


async def test_a_caller_that_goes_away_while_it_waits() -> None:
    async with pool(slots=1) as used:
        first, second = used.start("wait", b"a"), used.start("wait", b"b")
        await used.started(b"a")
        assert used.load == (1, 1)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert used.load == (1, 0)
        used.forker.open(b"a")
        assert (await first).body == b"A"
        assert used.forker.served == [b"a"]


@pytest.mark.parametrize(
    ("code", "how"),
    [(3, "exited with code 3"), (-11, r"was killed by signal 11 \(SIGSEGV\)"), (None, "ended")],
)
async def test_a_crash(code: int | None, how: str) -> None:
    async with pool(slots=1) as used:
        with pytest.raises(WorkerCrashed, match=f"^The process that evaluated die {how}"):
            await used.ask("die", extra={"code": code})
        assert (await used.ask("echo", b"next")).body == b"NEXT"
        assert len(used.forker.evaluators) == 2


async def test_a_fork_that_fails() -> None:
    async with pool(slots=1) as used:
        used.forker.failure = WorkerCrashed("No process for a evaluator")
        for _ in range(2):
            with pytest.raises(WorkerCrashed, match="No process"):
                await used.ask()
        used.forker.failure = None
        assert (await used.ask()).body == b"X"


REFUSALS = [
    ("InvalidRequest", InvalidRequest),
    ("NotFound", errors.NotFound),
    ("NotPermitted", errors.NotPermitted),
    ("CallerError", CallerError),
    ("AnErrorOfALaterRelease", InvalidRequest),
    ("", InvalidRequest),
    (None, InvalidRequest),
]


@pytest.mark.parametrize(("name", "kind"), REFUSALS)
async def test_a_request_that_is_refused(name: str | None, kind: type[Exception]) -> None:
    header = {"kind": "refused", "error": name, "message": "what is wrong"}
    async with pool() as used:
        with pytest.raises(kind, match=r"^what is wrong$") as error:
            await used.ask("answer", extra={"header": header})
        assert type(error.value) is kind
        await used.ask()
        assert len(used.forker.evaluators) == 1, "the evaluator is as good as before"


async def test_user_code_that_exits() -> None:
    header = {"kind": "crashed", "message": "User code raised SystemExit(1)."}
    async with pool() as used:
        with pytest.raises(WorkerCrashed, match=r"^User code raised SystemExit\(1\)\.$"):
            await used.ask("answer", extra={"header": header})
        await used.ask()
        assert len(used.forker.evaluators) == 1


async def test_an_evaluator_that_died_idle_is_not_used() -> None:
    async with pool() as used:
        await used.ask()
        dead = used.forker.evaluators[0]
        await dead.end(-9)
        assert (await used.ask()).body == b"X"
        assert len(used.forker.evaluators) == 2
        closed = dead.child.channel._sock.fileno() == -1
        dead.child.channel.close()
        assert closed, "its socket is not left to the garbage collector"


async def test_an_evaluator_is_replaced_after_many_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_module, "_REQUESTS_PER_EVALUATOR", 3)
    async with pool() as used:
        for _ in range(7):
            await used.ask()
        await soon(used.tasks.settle())
        assert [len(each.requests) for each in used.forker.evaluators] == [3, 3, 1]
        assert [each.alive for each in used.forker.evaluators] == [False, False, True]


async def test_idle_evaluators_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_IDLE_SECONDS", 0.02)
    async with pool() as used:
        asking = [used.start("wait", body) for body in (b"a", b"b")]
        await used.started(b"a", b"b")
        used.forker.open(b"a", b"b")
        await soon(asyncio.gather(*asking))
        await until(lambda: not any(each.alive for each in used.forker.evaluators))
        assert (await used.ask()).body == b"X"
        assert len(used.forker.evaluators) == 3


async def test_an_evaluator_that_is_used_again_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_IDLE_SECONDS", 0.02)
    async with pool() as used:
        await used.ask()
        asking = used.start("wait", b"a")
        await used.started(b"a")
        await asyncio.sleep(0.05)
        assert used.forker.evaluators[0].alive
        used.forker.open(b"a")
        assert (await asking).body == b"A"


async def test_close_ends_the_idle_at_once_and_the_busy_after_their_request() -> None:
    async with pool() as used:
        asking = [used.start("wait", body) for body in (b"a", b"b")]
        await used.started(b"a", b"b")
        used.forker.open(b"a")
        await asking[0]
        used.pool.close()
        await soon(used.tasks.settle())
        assert [each.alive for each in used.forker.evaluators] == [False, True]
        used.forker.open(b"b")
        assert (await asking[1]).body == b"B"
        await soon(used.tasks.settle())
        assert [each.alive for each in used.forker.evaluators] == [False, False]


async def test_drain_waits_for_all_requests() -> None:
    async with pool(slots=1) as used:
        await soon(used.pool.drain())
        asking = [used.start("wait", body) for body in (b"a", b"b")]
        await used.started(b"a")
        draining = asyncio.create_task(used.pool.drain())
        used.forker.open(b"a")
        await asking[0]
        await used.started(b"b")
        assert not draining.done(), "a request that waited for a slot counts, too"
        used.forker.open(b"b")
        await asking[1]
        await soon(draining)
        await soon(used.pool.drain())


async def test_drain_waits_for_what_is_held() -> None:
    """As for a run that is being started, which is no request of an evaluator."""
    async with pool() as used:
        used.pool.hold()
        used.pool.hold()
        assert used.load == (0, 0)
        draining = asyncio.create_task(used.pool.drain())
        await used.ask()
        used.pool.release()
        await asyncio.sleep(0)
        assert not draining.done()
        used.pool.release()
        await soon(draining)


@pytest.mark.parametrize("deed", ["hang", "die"])
async def test_drain_after_requests_that_failed(deed: str) -> None:
    async with pool() as used:
        with pytest.raises((RequestTimeout, WorkerCrashed)):
            await used.ask(deed, extra={"code": 1}, timeout=0.05)
        await soon(used.pool.drain())


async def test_real_evaluators() -> None:
    async with forking_process() as forker:
        tasks = Tasks()
        used = Pool(forker, asyncio.Semaphore(2), tasks)
        replies = [await soon(used.evaluate("echo", b"body", {}, DEADLINE)) for _ in range(3)]
        assert replies == [Reply(b"body", False)] * 3
        assert len(forker.children) == 1
        with pytest.raises(
            WorkerCrashed, match=r"evaluated kill was killed by signal 11 \(SIGSEGV"
        ):
            await soon(used.evaluate("kill", b"", {"signal": 11}, DEADLINE))
        with pytest.raises(WorkerCrashed, match="evaluated exit exited with code 3"):
            await soon(used.evaluate("exit", b"", {"code": 3}, DEADLINE))
        assert (await soon(used.evaluate("echo", b"after", {}, DEADLINE))).body == b"after"
        used.close()
        await soon(tasks.settle())
        assert forker.children == frozenset()


async def test_real_evaluators_that_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """One ends at SIGTERM, the other at SIGKILL with its offspring; there is room at once."""
    monkeypatch.setattr(pool_module, "_KILL_GRACE", 0.1)
    async with forking_process() as forker:
        tasks = Tasks()
        used = Pool(forker, asyncio.Semaphore(1), tasks)
        for deed in ("hang", "deaf"):
            with pytest.raises(RequestTimeout):
                await soon(used.evaluate(deed, b"", {}, 0.2))
            assert (await soon(used.evaluate("echo", b"after", {}, DEADLINE))).body == b"after"
        used.close()
        await soon(tasks.settle())
        assert forker.children == frozenset()
