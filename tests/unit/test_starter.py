"""Evaluators and runs that are forked with the code, or that load it on their own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from codeserver.errors import WorkerCrashed
from codeserver.facts import LoadOrder, Surroundings
from codeserver.messages import (
    Ask,
    Exited,
    Forked,
    Load,
    Loaded,
    LoadedAgain,
    LoadError,
    Prepare,
    Reimport,
    Signal,
)
from codeserver.supervisor.loading.starter import Fork, Import, Spawn
from codeserver.supervisor.processes import patience
from codeserver.supervisor.uses import Importing
from tests.unit.scripted import NOBODY, Script, TheirEnd, is_waiting, script
from tests.unit.waiting import soon

ORDER = LoadOrder({"python_file": "repo.py"}, "python", ["dagster"])
HINT = "The code was loaded before, but not again in a process of its own"


@pytest.mark.parametrize("role", ["evaluator", "run"])
async def test_fork(role: str) -> None:
    async with script() as host:
        starter = Fork(host.forker)
        starting = asyncio.create_task(starter.start(role))
        theirs = await host.confirm(role, NOBODY)
        child = await soon(starting)
        assert (child.role, child.pid, starter.is_slow) == (role, NOBODY, False)
        assert host.forker.children == {child}
        theirs.close()
        child.close()


def spawn(forkserver: Script) -> Spawn:
    return Spawn(lambda: forkserver.forker, ORDER, None, Importing())


@pytest.mark.parametrize("role", ["evaluator", "run"])
async def test_spawn_waits_until_the_code_is_loaded(role: str) -> None:
    async with script() as forkserver:
        starter = spawn(forkserver)
        assert starter.is_slow
        starting = asyncio.create_task(starter.start(role))
        assert await forkserver.order() == (Prepare(), [])  # once, and before the fork
        theirs = await forkserver.confirm(role, NOBODY)
        await starter.prepare()
        await forkserver.no_order()
        assert await theirs.hear() == Load(ORDER)
        assert await is_waiting(starting)
        theirs.send(LoadedAgain())
        child = await soon(starting)
        assert (child.role, child.pid) == (role, NOBODY)
        await soon(child.channel.send(Ask(b"x", "echo")))
        assert theirs.receive() == Ask(b"x", "echo")
        theirs.close()
        child.close()


def fails(process: Script, theirs: TheirEnd) -> None:
    theirs.send(LoadError(b"the serialized error", "ImportError: no module é\n", ""))
    process.report(Exited(NOBODY, 1))


def dies(process: Script, theirs: TheirEnd) -> None:
    theirs.close()
    process.report(Exited(NOBODY, -signal.SIGSEGV))


def is_lost(process: Script, theirs: TheirEnd) -> None:
    """With its parent."""
    process.channel.close()
    theirs.close()


def talks(process: Script, theirs: TheirEnd) -> None:
    os.write(theirs.channel.fileno(), b"print() of user code that found the socket")
    process.report(Exited(NOBODY, 0))


FAILURES: dict[str, tuple[Callable[[Script, TheirEnd], None], str]] = {
    "fails": (fails, f"{HINT} (--isolation fork shares it): ImportError: no module é\n"),
    "dies": (dies, f"{HINT}: that process was killed by signal 11 (SIGSEGV)."),
    "is lost": (is_lost, f"{HINT}: that process ended, and nobody saw how."),
    "talks": (talks, f"{HINT}: that process exited with code 0."),
}


@pytest.mark.parametrize(("happens", "message"), FAILURES.values(), ids=FAILURES)
async def test_spawn_that_comes_to_nothing(
    happens: Callable[[Script, TheirEnd], None], message: str
) -> None:
    async with script() as forkserver:
        starting = asyncio.create_task(spawn(forkserver).start("evaluator"))
        theirs = await forkserver.confirm("evaluator", NOBODY)
        await theirs.hear()
        happens(forkserver, theirs)
        with pytest.raises(WorkerCrashed) as error:
            await soon(starting)
        assert str(error.value) == message
        assert forkserver.forker.children == frozenset()
        if happens not in (dies, is_lost):
            assert theirs.receive() is None
            theirs.close()


async def test_spawn_that_dies_before_it_is_told_what_to_load() -> None:
    async with script() as forkserver:
        starting = asyncio.create_task(spawn(forkserver).start("evaluator"))
        order, theirs = await forkserver.fork_order(Prepare)
        theirs.close()
        forkserver.report(Forked(order.number, NOBODY))
        forkserver.report(Exited(NOBODY, 3))
        with pytest.raises(WorkerCrashed, match=r"that process exited with code 3\.$"):
            await soon(starting)


async def test_what_has_failed_and_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "END_GRACE", 0.01)
    async with script() as forkserver:
        starting = asyncio.create_task(spawn(forkserver).start("evaluator"))
        theirs = await forkserver.confirm("evaluator", NOBODY)
        theirs.send(LoadError(b"", "ImportError", ""))
        for number in (signal.SIGTERM, signal.SIGKILL):
            assert (await forkserver.order())[0] == Signal(NOBODY, number)
        assert await is_waiting(starting)
        forkserver.report(Exited(NOBODY, -9))
        with pytest.raises(WorkerCrashed, match="ImportError"):
            await soon(starting)
        theirs.close()


async def test_a_spawn_whose_caller_goes_away() -> None:
    """The process sees the end of its input."""
    async with script() as forkserver:
        starting = asyncio.create_task(spawn(forkserver).start("run"))
        theirs = await forkserver.confirm("run", NOBODY)
        assert await theirs.hear() == Load(ORDER)
        starting.cancel()
        await asyncio.wait([starting])
        assert theirs.receive() is None
        [child] = forkserver.forker.children
        theirs.close()
        child.close()


async def test_a_spawn_without_a_forkserver() -> None:
    async with script() as forkserver:
        await forkserver.die()
        with pytest.raises(WorkerCrashed, match=r"^The process that starts evaluators has ended"):
            await soon(spawn(forkserver).start("evaluator"))


LOADED = Loaded(
    surroundings=Surroundings({"HOME": "/srv", "GONE": None}, "/srv", ["/srv/lib"]),
    repositories={"__repository__": "its pointer"},
)


async def test_a_run_that_imports_the_code_is_told_where_it_is() -> None:
    """And is there at once: the code is imported as part of the run."""
    async with script() as template:
        starter = Import(lambda: template.forker, LOADED)
        starting = asyncio.create_task(starter.start("run"))
        assert await template.order() == (Prepare(), [])
        theirs = await template.confirm("run", NOBODY)
        child = await soon(starting)
        assert theirs.receive() == Reimport(LOADED.surroundings, LOADED.repositories)
        theirs.close()
        child.close()


async def test_a_run_that_dies_before_it_is_told_where_it_is() -> None:
    async with script() as template:
        starting = asyncio.create_task(Import(lambda: template.forker, LOADED).start("run"))
        order, theirs = await template.fork_order(Prepare)
        theirs.close()
        template.report(Forked(order.number, NOBODY))
        with pytest.raises(WorkerCrashed, match=r"^The process of a run ended before"):
            await soon(starting)
