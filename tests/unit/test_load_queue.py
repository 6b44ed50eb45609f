"""Which load is under way, and which comes next: nobody gets code older than his request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from codeserver.errors import Draining
from codeserver.supervisor.loading import load_queue
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.loading.load_queue import LoadQueue
from codeserver.supervisor.processes.tasks import Tasks
from tests.unit.waiting import soon, until

Outcome = LoadFailure | None


def failure(name: str) -> LoadFailure:
    return LoadFailure(b"", name, name)


class Code:
    """Loads that end when a test says so.

    Attributes:
        began: how many loads have begun.
        cancelled: numbers of those that were cancelled.
        is_deaf: whether loads go on when they are cancelled, as if that had come too late.
    """

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.loads = LoadQueue(self._load, self.tasks)
        self.began = 0
        self.cancelled: list[int] = []
        self.is_deaf = False
        self._ends: dict[int, asyncio.Future[Outcome]] = {}

    async def _load(self) -> Outcome:
        self.began += 1
        number = self.began
        self._ends[number] = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.shield(self._ends[number])
        except asyncio.CancelledError:
            self.cancelled.append(number)
            if self.is_deaf:
                return await self._ends[number]
            raise

    async def has_begun(self, number: int) -> None:
        """Wait until the load with this number has begun, and nothing else happens."""
        await until(lambda: self.began == number)
        await turns()
        assert self.began == number

    def end(self, number: int, outcome: Outcome | Exception = None) -> None:
        if isinstance(outcome, Exception):
            self._ends[number].set_exception(outcome)
        else:
            self._ends[number].set_result(outcome)

    async def request(self) -> asyncio.Task[Outcome]:
        """Request a load; returns when that has got as far as it can."""
        requesting = asyncio.create_task(self.loads.request())
        await turns()
        return requesting


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def code() -> AsyncIterator[Code]:
    made = Code()
    try:
        yield made
    finally:
        made.is_deaf = False
        for end in made._ends.values():
            end.cancel()
        await made.tasks.close()


@pytest.mark.parametrize("outcome", [None, failure("a")])
async def test_a_request_gets_the_outcome_of_its_load(outcome: Outcome) -> None:
    async with code() as c:
        assert not c.loads.is_under_way
        request = await c.request()
        assert (c.began, c.loads.is_under_way, request.done()) == (1, True, False)
        c.end(1, outcome)
        assert await soon(request) is outcome
        assert not c.loads.is_under_way


async def test_requests_during_a_load_share_one_further_load() -> None:
    async with code() as c:
        first = await c.request()
        others = [await c.request() for _ in range(3)]
        await c.has_begun(1)
        c.end(1, failure("old"))
        await c.has_begun(2)
        late = await c.request()
        assert (await soon(first)) == failure("old")
        assert not any(each.done() for each in others)
        c.end(2)
        assert await soon(asyncio.gather(*others)) == [None] * 3
        await c.has_begun(3)
        c.end(3, failure("new"))
        assert await soon(late) == failure("new")


async def test_a_caller_that_gives_up_takes_nobody_along() -> None:
    async with code() as c:
        first, second = await c.request(), await c.request()
        for each in (first, second):
            each.cancel()
        await asyncio.wait([first, second])
        third = await c.request()
        c.end(1)
        await c.has_begun(2)
        c.end(2)
        assert await soon(third) is None
        assert c.cancelled == []


async def test_a_change_begins_a_load() -> None:
    async with code() as c:
        c.loads.restart()
        assert c.loads.is_under_way
        await c.has_begun(1)
        c.end(1)
        await until(lambda: not c.loads.is_under_way)


async def test_a_change_during_a_load_begins_it_anew() -> None:
    async with code() as c:
        request = await c.request()
        for number in (1, 2):
            c.loads.restart()
            await c.has_begun(number + 1)
            assert not request.done()
        c.end(3, failure("newest"))
        assert await soon(request) == failure("newest")
        assert c.cancelled == [1, 2]


async def test_changes_at_once_begin_it_anew_once() -> None:
    async with code() as c:
        request = await c.request()
        c.loads.restart()
        c.loads.restart()
        await c.has_begun(2)
        c.end(2)
        assert await soon(request) is None
        assert c.cancelled == [1]


async def test_a_load_that_is_begun_anew_is_also_the_one_that_was_asked_for_meanwhile() -> None:
    async with code() as c:
        first, second = await c.request(), await c.request()
        c.loads.restart()
        await c.has_begun(2)
        c.end(2, failure("new"))
        assert await soon(asyncio.gather(first, second)) == [failure("new")] * 2
        await turns()
        assert (c.began, c.loads.is_under_way) == (2, False)


async def test_a_request_after_that_has_a_load_of_its_own() -> None:
    async with code() as c:
        first = await c.request()
        c.loads.restart()
        await c.has_begun(2)
        second = await c.request()
        c.end(2, failure("before"))
        await c.has_begun(3)
        c.end(3)
        assert await soon(asyncio.gather(first, second)) == [failure("before"), None]


async def test_a_load_that_ends_all_the_same_when_it_is_begun_anew_is_not_the_last() -> None:
    """It may be too late to cancel it: it has read the code of before."""
    async with code() as c:
        request = await c.request()
        c.is_deaf = True
        c.loads.restart()
        await until(lambda: c.cancelled)
        c.end(1, failure("of before"))
        await c.has_begun(2)
        c.end(2)
        assert await soon(request) is None


async def test_the_end_of_all_loads() -> None:
    async with code() as c:
        requests = [await c.request() for _ in range(3)]
        c.loads.cancel()
        for each in requests:
            with pytest.raises(Draining, match="shut down before the code was loaded"):
                await soon(each)
        await turns()
        assert (c.began, c.cancelled) == (1, [1])


async def test_the_end_of_all_loads_when_there_is_none() -> None:
    async with code() as c:
        c.loads.cancel()
        request = await c.request()
        c.end(1)
        assert await soon(request) is None
        c.loads.cancel()


async def test_the_end_of_all_loads_after_a_change_at_the_same_moment() -> None:
    async with code() as c:
        request = await c.request()
        c.loads.restart()
        c.loads.cancel()
        await turns()
        assert (c.began, c.loads.is_under_way) == (1, False)
        with pytest.raises(Draining):
            await soon(request)


async def test_a_load_that_is_stuck_is_begun_anew_by_the_next_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(load_queue, "_STUCK_SECONDS", 0.0)
    async with code() as c:
        first = await c.request()
        second = await c.request()
        await c.has_begun(2)
        assert c.cancelled == [1]
        assert "a load has not ended within 0 s and is begun anew" in caplog.text
        c.end(2, failure("new"))
        assert await soon(asyncio.gather(first, second)) == [failure("new")] * 2
        assert c.began == 2


async def test_what_is_stuck_again_may_take_longer_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Code that takes long to load is loaded at last, however often it changes."""
    seconds = 0.0
    monkeypatch.setattr(load_queue, "time", SimpleNamespace(monotonic=lambda: seconds))
    async with code() as c:
        request = await c.request()
        for number, patience in enumerate((60, 120, 240), 1):
            await c.has_begun(number)
            seconds += patience
            assert not c.loads.restart_if_stuck()
            seconds += 1
            assert c.loads.restart_if_stuck()
        await c.has_begun(4)
        c.end(4)
        assert await soon(request) is None


async def test_a_load_is_stuck_when_it_takes_much_longer_than_the_last_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_queue, "_STUCK_SECONDS", 0.0)
    async with code() as c:
        first = await c.request()
        c.end(1)
        await soon(first)
        waiting = [await c.request()]
        for factor, anew in ((1e9, []), (0.0, [2])):  # of the time that the first one took
            monkeypatch.setattr(load_queue, "_STUCK_FACTOR", factor)
            waiting.append(await c.request())
            assert c.cancelled == anew
        c.end(3)
        assert await soon(asyncio.gather(*waiting)) == [None] * 3


async def test_a_load_that_is_not_stuck_is_waited_for() -> None:
    async with code() as c:
        requests = [await c.request() for _ in range(5)]
        assert (c.began, c.cancelled) == (1, [])
        c.end(1)
        await c.has_begun(2)
        c.end(2)
        assert await soon(asyncio.gather(*requests)) == [None] * 5


async def test_a_defect_is_told_to_those_who_wait_and_the_next_load_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with code() as c:
        first, second = await c.request(), await c.request()
        c.end(1, ZeroDivisionError("a defect"))
        with pytest.raises(ZeroDivisionError):
            await soon(first)
        await c.has_begun(2)
        c.end(2)
        assert await soon(second) is None
        assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
            "background task load failed"
        ]


async def ensure(c: Code) -> asyncio.Task[Outcome]:
    """Ask for any code; returns when that has got as far as it can."""
    ensuring = asyncio.ensure_future(c.loads.ensure())
    await turns()
    return ensuring


async def test_who_needs_any_code_shares_the_load_that_is_under_way() -> None:
    async with code() as c:
        first = await ensure(c)
        second = await ensure(c)
        c.end(1, failure("a"))
        assert await soon(asyncio.gather(first, second)) == [failure("a")] * 2
        await turns()
        assert (c.began, c.loads.is_under_way) == (1, False)
        third = await ensure(c)
        assert c.began == 2
        c.end(2)
        assert await soon(third) is None


async def test_who_needs_any_code_does_not_wait_for_the_load_after_that() -> None:
    async with code() as c:
        first, newer = await c.request(), await c.request()
        either = await ensure(c)
        c.end(1)
        assert await soon(asyncio.gather(first, either)) == [None, None]
        await c.has_begun(2)
        assert not newer.done()
        c.end(2)
        await soon(newer)


async def test_who_needs_any_code_has_a_load_that_is_stuck_begun_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_queue, "_STUCK_SECONDS", 0.0)
    async with code() as c:
        first, second = await ensure(c), await ensure(c)
        await c.has_begun(2)
        c.end(2)
        assert await soon(asyncio.gather(first, second)) == [None, None]
