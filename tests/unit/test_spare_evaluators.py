"""Evaluators whose start is slow: one is ready before it is needed."""

from __future__ import annotations

import asyncio
import logging

import pytest

from codeserver.errors import RequestTimeout, WorkerCrashed
from codeserver.supervisor.evaluating import evaluators as evaluators_module
from tests.unit.evaluators import Starter, Used, pool
from tests.unit.waiting import soon, until


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each evaluator loads the code itself."""
    monkeypatch.setattr(Starter, "is_slow", True)


async def warmed(used: Used) -> None:
    used.pool.evaluators.warm()
    await soon(used.tasks.settle())


@pytest.mark.usefixtures("slow")
async def test_one_is_ready_before_the_first_request() -> None:
    async with pool() as used:
        await warmed(used)
        await warmed(used)
        assert used.starter.started == 1
        await used.ask()
        assert used.starter.started == 1


async def test_where_starting_is_fast_none_is() -> None:
    async with pool() as used:
        await warmed(used)
        assert used.starter.started == 0


@pytest.mark.usefixtures("slow")
async def test_only_one_is_made_ready() -> None:
    async with pool() as used:
        used.starter.may_start.clear()
        used.pool.evaluators.warm()
        await until(lambda: used.starter.started)
        used.pool.evaluators.warm()
        used.starter.may_start.set()
        await soon(used.tasks.settle())
        assert used.starter.started == 1


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("how", ["worn", "killed"])
async def test_one_that_is_ended_is_replaced(how: str) -> None:
    async with pool() as used:
        if how == "worn":
            await used.ask(extra={"worn": "it has grown"})
        else:
            with pytest.raises(RequestTimeout):
                await used.ask_too_long("hang")
        await soon(used.tasks.settle())
        assert used.starter.alive == [False, True]
        assert used.starter.evaluators[1].requests == []


@pytest.mark.usefixtures("slow")
async def test_the_last_idle_one_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluators_module, "_IDLE_SECONDS", 0.02)
    async with pool() as used:
        asking = [used.start("wait", body) for body in (b"a", b"b")]
        await used.started(b"a", b"b")
        used.starter.open(b"a", b"b")
        await soon(asyncio.gather(*asking))
        await until(lambda: sum(used.starter.alive) == 1)
        await used.ask()
        assert used.starter.started == 2


@pytest.mark.usefixtures("slow")
async def test_one_that_cannot_be_started(caplog: pytest.LogCaptureFixture) -> None:
    async with pool() as used:
        used.starter.failure = WorkerCrashed("The code was loaded before, but not again")
        await warmed(used)
        [record] = caplog.records
        assert (record.name, record.levelno) == ("codeserver", logging.WARNING)
        assert record.getMessage() == "The code was loaded before, but not again"
        used.starter.failure = None
        assert (await used.ask()).body == b"X"


@pytest.mark.usefixtures("slow")
async def test_one_that_is_ready_after_the_pool_is_closed_is_let_go() -> None:
    async with pool() as used:
        used.starter.may_start.clear()
        used.pool.evaluators.warm()
        await until(lambda: used.starter.started)
        used.pool.evaluators.close()
        used.pool.evaluators.warm()
        used.starter.may_start.set()
        await soon(used.tasks.settle())
        assert used.starter.alive == [False]


@pytest.mark.usefixtures("slow")
async def test_a_request_waits_for_the_one_that_is_being_made_ready() -> None:
    async with pool() as used:
        used.starter.may_start.clear()
        used.pool.evaluators.warm()
        await until(lambda: used.starter.started)
        asking = used.start("echo")
        await until(lambda: used.load == (1, 0))
        used.starter.may_start.set()
        assert (await asking).body == b"X"
        assert used.starter.started == 1


@pytest.mark.usefixtures("slow")
async def test_a_request_gets_the_one_that_is_ready_first() -> None:
    """Starting one may take minutes, and one that is busy be free in a moment."""
    async with pool() as used:
        asking = used.start("wait", b"a")
        await used.started(b"a")
        used.starter.may_start.clear()
        other = used.start("echo", b"b")
        await until(lambda: used.starter.started == 2)
        used.starter.open(b"a")
        assert [(await each).body for each in (asking, other)] == [b"A", b"B"]
        used.starter.may_start.set()
        await soon(used.tasks.settle())
        assert [len(each.requests) for each in used.starter.evaluators] == [2, 0]


@pytest.mark.usefixtures("slow")
async def test_a_request_whose_evaluator_cannot_be_started_gets_the_reason() -> None:
    async with pool() as used:
        used.starter.failure = WorkerCrashed("No process for an evaluator")
        asking = [used.start("echo", body) for body in (b"a", b"b")]
        for each in asking:
            with pytest.raises(WorkerCrashed, match="No process for an evaluator"):
                await each
        assert used.starter.started == 2
