"""What the front makes of a rehearsal; the tests play the host and the rehearsal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from codeserver.facts import LoadOrder, Surroundings
from codeserver.messages import (
    Exited,
    NotRehearsed,
    Rehearse,
    Rehearsed,
    Signal,
    Values,
)
from codeserver.supervisor.loading import rehearsal
from codeserver.supervisor.loading.rehearsal import rehearse
from codeserver.supervisor.loading.run_modes import Verdict
from codeserver.supervisor.processes.tasks import Tasks
from tests.unit.scripted import Script, TheirEnd, script
from tests.unit.waiting import soon

ORDER = LoadOrder({"python_file": "repo.py"}, "python", ["dagster"])
SURROUNDINGS = Surroundings({"HOME": "/srv"}, "/srv", ["/srv/lib"])
VALUES, REHEARSAL = 11, 12

Plays = Callable[[Script, TheirEnd], None]


def finds(*findings: str) -> Plays:
    return lambda _, theirs: theirs.send(Rehearsed(findings, {"/srv/flag": "nothing"}))


def fails(_: Script, theirs: TheirEnd) -> None:
    theirs.send(NotRehearsed("FileNotFoundError: 'input.csv'"))


def is_killed(process: Script, theirs: TheirEnd) -> None:
    process.report(Exited(REHEARSAL, -9))
    theirs.channel.close()


async def rehearsed(process: Script, tasks: Tasks, seconds: float = 1.0) -> Verdict:
    return await rehearse(
        process.forker, process.forker, ORDER, SURROUNDINGS, tasks, seconds=seconds
    )


PLAYS: dict[str, tuple[Plays, bool | None, str]] = {
    "nothing is found": (finds(), True, ""),
    "findings": (finds("repo.py line 3: NOW reads the clock"), False, "NOW reads the clock"),
    "it cannot be imported again": (fails, False, "a second time: FileNotFoundError"),
    "it dies": (is_killed, None, "is not known: the process that imported it again was killed"),
}


@pytest.mark.parametrize(("plays", "is_repeatable", "words"), PLAYS.values(), ids=PLAYS)
async def test_verdict(plays: Plays, is_repeatable: bool | None, words: str) -> None:
    async with played() as (process, ends, tasks):
        rehearsing = asyncio.create_task(rehearsed(process, tasks))
        ends.append(host := await process.confirm("values", VALUES))
        host.send(values := Values(b'{"repo": {"NOW": "digest"}}'))
        ends.append(theirs := await process.confirm("rehearsal", REHEARSAL, Signal))
        assert await theirs.hear() == Rehearse(values.body, ORDER, SURROUNDINGS)
        plays(process, theirs)
        verdict = await soon(rehearsing)
        assert verdict.is_repeatable is is_repeatable
        assert words in "; ".join(verdict.reasons)
        assert bool(verdict.reasons) is not bool(is_repeatable)


async def test_one_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "_SHORTEST", 0.0)
    async with played() as (process, ends, tasks):
        rehearsing = asyncio.create_task(rehearsed(process, tasks, 0.0))
        ends.append(await process.confirm("values", VALUES))
        verdict = await soon(rehearsing)
        assert verdict.is_repeatable is None
        assert "took longer than 0 s" in verdict.reasons[0]


async def test_a_host_that_has_ended() -> None:
    async with played() as (process, _, tasks):
        await process.die()
        verdict = await soon(rehearsed(process, tasks))
        assert verdict.is_repeatable is None


@contextlib.asynccontextmanager
async def played() -> AsyncIterator[tuple[Script, list[TheirEnd], Tasks]]:
    """A process that forks, the ends of what it forks, and the tasks that end those."""
    tasks = Tasks()
    ends: list[TheirEnd] = []
    async with script() as process:
        yield process, ends, tasks
        await process.die()
    await soon(tasks.settle())
    for theirs in ends:
        theirs.close()
