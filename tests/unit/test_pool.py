"""The pool of evaluators: bounded, reused, and let go.

Most tests have evaluators that are tasks at the other end of a real socket; the last one has real
processes. What goes wrong is in `test_pool_faults`.
"""

from __future__ import annotations

import asyncio
import signal

import pytest

from codeserver.errors import (
    CallerError,
    Draining,
    InvalidRequest,
    NotFound,
    NotPermitted,
    Overloaded,
    WorkerCrashed,
)
from codeserver.messages import Ask
from codeserver.supervisor.evaluating import evaluators as evaluators_module
from codeserver.supervisor.evaluating.evaluators import Evaluators
from codeserver.supervisor.evaluating.pool import Pool, Reply
from codeserver.supervisor.evaluating.request import Deadline, Request
from codeserver.supervisor.processes import patience
from tests.unit.evaluators import pool
from tests.unit.waiting import DEADLINE, soon, until


async def test_a_request_and_its_reply() -> None:
    async with pool() as used:
        extra = {"job_name": "é", "n": None}
        assert await used.ask("echo", b"abc", extra=extra) == Reply(b"ABC", False)
        assert used.starter.evaluators[0].requests == [Ask(b"abc", "echo", extra)]


async def test_a_reply_that_is_an_error() -> None:
    async with pool() as used:
        assert await used.ask("fail", b"abc") == Reply(b"ABC", True)


async def test_evaluators_are_forked_on_demand_and_reused() -> None:
    async with pool() as used:
        assert used.starter.evaluators == []
        for _ in range(3):
            await used.ask()
        assert len(used.starter.evaluators) == 1
        asking = [used.start("wait", body) for body in (b"a", b"b")]
        await used.started(b"a", b"b")
        assert len(used.starter.evaluators) == 2
        used.starter.open(b"a", b"b")
        assert [(await each).body for each in asking] == [b"A", b"B"]
        for _ in range(3):
            await used.ask()
        assert len(used.starter.evaluators) == 2


async def test_the_slots_bound_how_many_evaluate() -> None:
    async with pool(slots=2) as used:
        bodies = [b"a", b"b", b"c", b"d"]
        asking = [used.start("wait", body) for body in bodies]
        await used.started(b"a", b"b")
        assert used.load == (2, 2)
        assert len(used.starter.evaluators) == 2
        used.starter.open(*bodies)
        await soon(asyncio.gather(*asking))
        assert len(used.starter.evaluators) == 2


async def test_two_pools_share_the_slots() -> None:
    """During a reload the old and the new generation are one location."""
    async with pool(slots=1) as used:
        other = Pool(Evaluators(used.starter, used.tasks), used.lanes, used.tasks)
        first = used.start("wait", b"a")
        await used.started(b"a")
        second = asyncio.create_task(
            other.evaluate(Request("echo", b"b", Deadline.after(DEADLINE), "b"))
        )
        await until(lambda: used.load == (1, 1))
        assert used.starter.served == [b"a"]
        used.starter.open(b"a")
        await soon(asyncio.gather(first, second))
        assert used.starter.served == [b"a", b"b"]
        other.evaluators.close()


async def test_first_come_first_served() -> None:
    async with pool(slots=1) as used:
        bodies = [b"a", b"b", b"c", b"d", b"e"]
        asking = [used.start("wait", body) for body in bodies]
        await used.started(b"a")
        asking[2].cancel()
        used.starter.open(*bodies)
        await soon(asyncio.gather(*asking, return_exceptions=True))
        assert used.starter.served == [b"a", b"b", b"d", b"e"]


async def test_what_calls_no_user_code_has_room_of_its_own() -> None:
    """User code may hang in all the slots there are for it."""
    async with pool(slots=1) as used:
        hanging = used.start("hang", b"a")
        await used.started(b"a")
        assert (await used.ask("echo", b"b", runs_user_code=False)).body == b"B"
        first = used.start("wait", b"c", runs_user_code=False)
        await used.started(b"c")
        second = used.start("wait", b"d", runs_user_code=False)
        await until(lambda: used.lanes.other.waiting == 1)
        assert used.load == (1, 0)
        used.starter.open(b"c", b"d")
        await soon(asyncio.gather(first, second))
        hanging.cancel()
        await asyncio.wait([hanging])


async def test_a_full_queue() -> None:
    async with pool(slots=1, queue=1) as used:
        first = used.start("wait", b"a")
        await used.started(b"a")
        second = used.start("echo", b"b")
        await until(lambda: used.load == (1, 1))
        with pytest.raises(Overloaded, match="The echo c cannot wait for an evaluator"):
            await used.ask("echo", b"c")
        used.starter.open(b"a")
        assert [(await each).body for each in (first, second)] == [b"A", b"B"]
        assert used.starter.served == [b"a", b"b"]


async def test_the_shares_of_subjects() -> None:
    async with pool(slots=4) as used:
        bodies = [b"a", b"b", b"c"]
        asking = [used.start("wait", body, subject="sensor greedy") for body in bodies]
        await used.started(b"a", b"b")
        await until(lambda: used.load == (2, 1))
        assert (await used.ask(subject="sensor other")).body == b"X"
        assert used.starter.served == [b"a", b"b", b"x"]
        used.starter.open(*bodies)
        await soon(asyncio.gather(*asking))


REFUSALS = [
    ("InvalidRequest", InvalidRequest),
    ("NotFound", NotFound),
    ("NotPermitted", NotPermitted),
    ("AnErrorOfALaterRelease", InvalidRequest),
    ("WorkerCrashed", InvalidRequest),  # another error, by which no request is refused
]


@pytest.mark.parametrize(("name", "kind"), REFUSALS)
async def test_a_request_that_is_refused(name: str, kind: type[CallerError]) -> None:
    details = [{"type": "field", "name": "é"}]
    extra = {"error": name, "message": "what is wrong", "details": details}
    async with pool() as used:
        with pytest.raises(kind, match=r"^what is wrong$") as error:
            await used.ask("refuse", extra=extra)
        assert type(error.value) is kind
        assert error.value.details == details
        await used.ask()
        assert len(used.starter.evaluators) == 1, "the evaluator is as good as before"


async def test_user_code_that_exits() -> None:
    async with pool() as used:
        with pytest.raises(WorkerCrashed, match=r"^User code raised SystemExit\(1\)\.$"):
            await used.ask("raise", extra={"message": "User code raised SystemExit(1)."})
        await used.ask()
        assert len(used.starter.evaluators) == 1


async def test_an_evaluator_that_died_idle_is_not_used() -> None:
    async with pool() as used:
        await used.ask()
        dead = used.starter.evaluators[0]
        await dead.end(-9)
        assert (await used.ask()).body == b"X"
        assert len(used.starter.evaluators) == 2
        closed = dead.child.channel._sock.fileno() == -1
        dead.child.channel.close()
        assert closed, "its socket is not left to the garbage collector"


async def test_an_evaluator_is_replaced_after_many_requests() -> None:
    async with pool(max_requests=3) as used:
        for _ in range(7):
            await used.ask()
        await soon(used.tasks.settle())
        assert [len(each.requests) for each in used.starter.evaluators] == [3, 3, 1]
        assert used.starter.alive == [False, False, True]


async def test_a_worn_evaluator_is_replaced() -> None:
    async with pool() as used:
        for worn in ("it has changed its environment", None, "it has grown"):
            assert (await used.ask("echo", b"abc", extra={"worn": worn})).body == b"ABC"
        await soon(used.tasks.settle())
        assert [len(each.requests) for each in used.starter.evaluators] == [1, 2]
        assert used.starter.alive == [False, False]
        assert [each.signals for each in used.starter.evaluators] == [[], []], "they may finish"


async def test_idle_evaluators_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluators_module, "_IDLE_SECONDS", 0.02)
    async with pool() as used:
        asking = [used.start("wait", body) for body in (b"a", b"b")]
        await used.started(b"a", b"b")
        used.starter.open(b"a", b"b")
        await soon(asyncio.gather(*asking))
        await until(lambda: not any(each.alive for each in used.starter.evaluators))
        assert (await used.ask()).body == b"X"
        assert len(used.starter.evaluators) == 3


async def test_an_evaluator_that_is_used_again_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither while it is used, nor for as long after that as before."""
    monkeypatch.setattr(evaluators_module, "_IDLE_SECONDS", 30.0)
    async with pool() as used:
        for _ in range(3):
            await used.ask()
            used.clock.let_pass(20)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        asking = used.start("wait", b"a")
        await used.started(b"a")
        used.clock.let_pass(40)
        await used.ask("echo", b"b")  # by another, and the event loop has many a turn for it
        used.starter.open(b"a")
        assert (await asking).body == b"A"
        assert [len(each.requests) for each in used.starter.evaluators] == [4, 1]


async def test_close_ends_the_idle_at_once_and_the_busy_after_their_request() -> None:
    async with pool() as used:
        asking = [used.start("wait", body) for body in (b"a", b"b")]
        await used.started(b"a", b"b")
        used.starter.open(b"a")
        await asking[0]
        used.pool.evaluators.close()
        await soon(used.tasks.settle())
        assert used.starter.alive == [False, True]
        used.starter.open(b"b")
        assert (await asking[1]).body == b"B"
        await soon(used.tasks.settle())
        assert used.starter.alive == [False, False]


async def test_closed_waits_for_those_that_leave() -> None:
    async with pool() as used:
        await soon(used.pool.evaluators.closed())
        asking = used.start("wait", b"a")
        await used.started(b"a")
        await used.ask()
        leaving = used.starter.evaluators[1]
        used.pool.evaluators.close()
        assert leaving.alive
        await soon(used.pool.evaluators.closed())
        assert not leaving.alive
        used.starter.open(b"a")
        await asking
        await soon(used.pool.evaluators.closed())
        assert used.starter.alive == [False, False]


@pytest.mark.usefixtures("short_grace")
async def test_those_that_do_not_leave_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LEAVE", 0.02)
    async with pool() as used:
        await used.ask()
        [evaluator] = used.starter.evaluators
        evaluator.stays = True
        used.pool.evaluators.close()
        await soon(used.pool.evaluators.closed())
        assert evaluator.signals == [signal.SIGTERM]


async def test_end_ends_the_idle_and_the_busy() -> None:
    async with pool(slots=1) as used:
        hanging, waiting = used.start("hang", b"a"), used.start("echo", b"b")
        await used.started(b"a")
        await used.ask(runs_user_code=False)
        used.pool.end()
        with pytest.raises(WorkerCrashed, match=r"^The server is shutting down"):
            await hanging
        with pytest.raises(Draining, match=r"^The server is shutting down\.$"):
            await waiting
        with pytest.raises(Draining):
            await used.ask()
        await soon(used.tasks.settle())
        assert [each.signals for each in used.starter.evaluators] == [[signal.SIGTERM]] * 2


async def test_an_evaluator_that_is_started_during_the_end_is_ended() -> None:
    async with pool() as used:
        used.starter.may_start.clear()
        asking = used.start("echo")
        await until(lambda: used.starter.started)
        used.pool.end()
        used.starter.may_start.set()
        with pytest.raises(Draining):
            await asking
        await soon(used.tasks.settle())
        [evaluator] = used.starter.evaluators
        assert (evaluator.alive, evaluator.requests) == (False, [])
