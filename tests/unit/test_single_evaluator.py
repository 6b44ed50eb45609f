"""One evaluator at a time: where that is asked for, and where the code cannot be loaded twice."""

from __future__ import annotations

import asyncio
import logging

import pytest

from codeserver.errors import LoadsOnlyOnce, RequestTimeout, WorkerCrashed
from codeserver.supervisor.evaluating import evaluators as evaluators_module
from tests.unit.evaluators import TOO_LONG, Starter, Used, pool
from tests.unit.waiting import soon, until

ONLY_ONCE = LoadsOnlyOnce(
    "The code was loaded before", "OSError: Address already in use", b"the error"
)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each evaluator loads the code itself."""
    monkeypatch.setattr(Starter, "is_slow", True)


def requests(used: Used) -> list[int]:
    return [len(each.requests) for each in used.starter.evaluators]


async def test_requests_wait_for_the_only_one() -> None:
    async with pool(is_single=True) as used:
        asking = [used.start("wait", b"a"), used.start("echo", b"b")]
        other = used.start("echo", b"c", runs_user_code=False)
        await used.started(b"a")
        assert not any(each.done() for each in (*asking, other))
        used.starter.open(b"a")
        assert [(await each).body for each in (*asking, other)] == [b"A", b"B", b"C"]
        assert requests(used) == [3]


async def test_it_is_kept_whatever_it_has_become(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the one process of stock is: worn, idle for long, and after however many requests."""
    monkeypatch.setattr(evaluators_module, "_IDLE_SECONDS", 0.0)
    async with pool(max_requests=1, is_single=True) as used:
        for _ in range(3):
            await used.ask(extra={"worn": "it has grown"})
            await asyncio.sleep(0)
        assert requests(used) == [3]
        assert used.starter.alive == [True]


async def test_one_that_hangs_is_replaced_when_it_is_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with pool(is_single=True) as used:
        asking = used.start("hang", timeout=TOO_LONG)
        await used.started(b"x")
        waiting = used.start("echo", b"next")
        used.clock.let_pass(TOO_LONG)
        with pytest.raises(RequestTimeout, match="so its evaluator was ended"):
            await soon(asking)
        assert (await waiting).body == b"NEXT"
        assert requests(used) == [1, 1]
        assert used.starter.alive == [False, True]
    assert "what the code remembered in it is lost" in caplog.text


async def test_one_whose_time_is_over_while_it_waits_ends_nothing() -> None:
    async with pool(slots=3, is_single=True) as used:
        asking = used.start("wait", b"a", timeout=2 * TOO_LONG)
        await used.started(b"a")
        waiting = used.start("echo", b"b", timeout=TOO_LONG)
        given_up = used.start("echo", b"c")
        await until(lambda: used.load == (3, 0))
        given_up.cancel()
        used.clock.let_pass(TOO_LONG)
        with pytest.raises(RequestTimeout, match="was busy"):
            await soon(waiting)
        used.starter.open(b"a")
        assert (await asking).body == b"A"
        assert (await used.ask()).body == b"X"
        assert requests(used) == [2]


async def test_one_whose_caller_goes_away(caplog: pytest.LogCaptureFixture) -> None:
    async with pool(is_single=True) as used:
        asking = used.start("wait", b"a")
        await used.started(b"a")
        asking.cancel()
        assert (await used.ask()).body == b"X"
        assert requests(used) == [1, 1]
    assert "is not waited for any more" in caplog.text


@pytest.mark.usefixtures("slow")
async def test_code_that_loads_only_once(caplog: pytest.LogCaptureFixture) -> None:
    async with pool(slots=3) as used:
        asking = [used.start("wait", b"a")]
        await used.started(b"a")
        used.starter.failure = ONLY_ONCE
        asking += [used.start("echo", body) for body in (b"b", b"c")]
        await until(lambda: used.starter.started == 3)
        used.starter.open(b"a")
        assert [(await each).body for each in asking] == [b"A", b"B", b"C"]
        asking = [used.start("echo", body) for body in (b"d", b"e")]
        await soon(asyncio.gather(*asking))
        assert requests(used) == [5]
        assert used.starter.started == 3
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith("until the next load: OSError: Address already in use")


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("turns", range(6))
async def test_code_that_does_not_load_again_when_nothing_has_it(turns: int) -> None:
    async with pool() as used:
        await used.ask()
        with pytest.raises(WorkerCrashed):
            await used.ask("die", extra={"code": 1})
        await soon(used.tasks.settle())
        used.starter.failure = ONLY_ONCE
        for evaluator in used.starter.evaluators:
            if evaluator.alive:
                await evaluator.end(0)
        for _ in range(turns):  # of the event loop, which learns of the end in several
            await asyncio.sleep(0)
        with pytest.raises(LoadsOnlyOnce):
            await used.ask()
