"""Which template hosts are forked from, when one is made, and when it ends.

The tests play the forking process and the templates; `test_template` has real ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from codeserver.facts import InstalledPackages
from codeserver.messages import Exit, Exited, Fork, Forked, ForkFailed, Import, Imported, Unfit
from codeserver.supervisor.loading import templates as templates_module
from codeserver.supervisor.loading.templates import Templates, local_names
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.tasks import Tasks
from tests.unit.scripted import Script, TheirEnd, script
from tests.unit.waiting import soon, until

Environment = Mapping[str, str | None]


def installed(*modules: str, folders: tuple[Path, ...] = ()) -> InstalledPackages:
    return InstalledPackages([*modules], [*map(str, folders)])


class Setup:
    """Templates of a forking process that a test plays.

    Attributes:
        ends: of the templates.
        outdated: how often the last load was found to be so.
        told: the order of each template.
    """

    def __init__(self, process: Script) -> None:
        self.process = process
        self.tasks = Tasks()
        self.outdated = 0
        self.templates = Templates(process.outputs, self.tasks, self._outdated)
        self.ends: list[TheirEnd] = []
        self.told: list[Import] = []

    def _outdated(self) -> None:
        self.outdated += 1

    def prepare(self, found: InstalledPackages, environment: Environment | None = None) -> None:
        self.templates.prepare(self.process.forker, found, environment or {})

    async def begins(self) -> tuple[TheirEnd, Import]:
        """The template that is made, and its order."""
        theirs = await self.process.confirm("template", len(self.told) + 10)
        self.ends.append(theirs)
        order = await theirs.hear()
        assert isinstance(order, Import)
        self.told.append(order)
        return theirs, order

    async def makes(self) -> tuple[TheirEnd, Forker]:
        """The template that is made, when it can be used."""
        theirs, _ = await self.begins()
        return theirs, await self.is_ready(theirs)

    async def is_ready(self, theirs: TheirEnd) -> Forker:
        """Have this one be ready; returns it when hosts are forked from it."""
        before = self.usable()
        theirs.send(Imported())
        await until(lambda: self.usable() not in (None, before))
        forker = self.usable()
        assert forker is not None
        return forker

    def refuses(self, theirs: TheirEnd, module: str) -> None:
        """Have the one that is being made say that this module is not fit, and end."""
        theirs.send(Unfit(module, "a thread is running"))
        self.process.report(Exited(len(self.told) + 9, 0))

    async def makes_nothing(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        await self.process.no_order()

    def usable(self, *local: str) -> Forker | None:
        return self.templates.use(local)


@contextlib.asynccontextmanager
async def setup() -> AsyncIterator[Setup]:
    async with script() as process:
        made = Setup(process)
        try:
            yield made
        finally:
            await process.die()
            for theirs in made.ends:
                theirs.close()
            await soon(made.tasks.close())


LIB = installed("lib", "lib.part", "other")


async def test_one_is_made_of_what_a_load_has_imported() -> None:
    async with setup() as s:
        assert s.usable() is None
        s.prepare(LIB, {"HOME": "/srv", "GONE": None})
        theirs, told = await s.begins()
        assert told == Import(LIB.modules, {"HOME": "/srv", "GONE": None})
        assert s.usable() is None, "until it has imported them"
        await s.is_ready(theirs)
        assert s.outdated == 0


@pytest.mark.parametrize("ready", [True, False])
async def test_it_is_made_once(ready: bool) -> None:
    async with setup() as s:
        s.prepare(LIB, {"A": "1"})
        await (s.makes() if ready else s.begins())
        for found in (LIB, installed("other", "lib.part", "lib")):
            s.prepare(found, {"A": "1"})
        await s.makes_nothing()


async def test_nothing_is_made_of_nothing() -> None:
    async with setup() as s:
        for _ in range(2):
            s.prepare(installed())
            await s.makes_nothing()
        assert s.usable() is None


@pytest.mark.parametrize(
    ("local", "is_usable"),
    [([], True), (["repo", "library"], True), (["lib"], False), (["a", "other"], False)],
)
async def test_it_is_not_used_when_a_package_is_meant_that_is_not_installed(
    local: list[str], is_usable: bool
) -> None:
    async with setup() as s:
        s.prepare(LIB)
        await s.makes()
        assert (s.usable(*local) is not None) is is_usable
        assert s.usable() is not None


async def test_one_of_other_modules_replaces_it() -> None:
    async with setup() as s:
        s.prepare(LIB)
        first, forker = await s.makes()
        s.prepare(installed("lib"))
        theirs, told = await s.begins()
        assert told.modules == ["lib"]
        assert s.usable() is forker, "until the next one is ready"
        await s.is_ready(theirs)
        assert await first.hear() == Exit()
        assert s.outdated == 0, "what was loaded is the same"


async def test_only_the_newest_one_is_made() -> None:
    async with setup() as s:
        s.prepare(LIB)
        first, _ = await s.begins()
        s.prepare(installed("lib"))
        theirs, told = await s.begins()
        assert told.modules == ["lib"]
        await s.is_ready(theirs)
        assert await first.hear() is None, "the other one ends"


async def test_it_is_replaced_when_a_package_was_installed_meanwhile(tmp_path: Path) -> None:
    async with setup() as s:
        found = installed("lib", folders=(tmp_path, tmp_path / "missing-packages"))
        s.prepare(found)
        first, _ = await s.makes()
        (tmp_path / "new").mkdir()
        os.utime(tmp_path, (1, 1))
        assert s.usable() is None
        assert await first.hear() == Exit()
        s.prepare(found)
        await s.makes()


async def test_one_that_has_died_is_made_again() -> None:
    async with setup() as s:
        s.prepare(LIB)
        await s.makes()
        s.process.report(Exited(10, -9))
        await until(lambda: s.usable() is None)
        s.prepare(LIB)
        await s.makes()


async def test_a_package_that_is_not_fit_is_left_out_from_then_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "codeserver")
    async with setup() as s:
        s.prepare(LIB)
        theirs, _ = await s.begins()
        s.refuses(theirs, "lib.part")
        again, told = await s.begins()
        assert told.modules == ["other"]
        assert await theirs.hear() is None, "the other one ends"
        await s.is_ready(again)
        assert caplog.messages == ["lib is not imported ahead of reloads: a thread is running"]
        s.prepare(LIB)
        await s.makes_nothing()
        s.prepare(installed("lib.part", "third"))
        assert (await s.begins())[1].modules == ["third"]


async def test_packages_that_are_not_fit_are_left_out_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But not for ever."""
    monkeypatch.setattr(templates_module, "_MOST_TRIES", 3)
    names = ["a", "b", "c", "d"]
    async with setup() as s:
        s.prepare(installed(*names))
        for number, name in enumerate(names[:3]):
            theirs, told = await s.begins()
            assert told.modules == names[number:]
            s.refuses(theirs, name)
        await soon(s.tasks.settle())
        for _ in range(2):
            assert s.usable() is None
            s.prepare(installed(*names))
            await s.makes_nothing()


async def test_it_is_not_tried_again_when_importing_has_ended_the_process(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "codeserver")
    async with setup() as s:
        s.prepare(LIB)
        theirs, _ = await s.begins()
        s.ends.remove(theirs)
        theirs.close()
        s.process.report(Exited(10, -9))
        await until(lambda: caplog.messages)
        assert caplog.messages[0].endswith("a process that did it has ended")
        s.prepare(LIB)
        await s.makes_nothing()
        s.prepare(installed("lib"))
        await s.makes()


async def test_it_is_tried_again_when_there_was_no_process() -> None:
    async with setup() as s:
        for _ in range(2):
            s.prepare(LIB)
            order, theirs = await s.process.fork_order()
            theirs.close()
            s.process.report(ForkFailed(order.number, "no memory"))
            await soon(s.tasks.settle())
            assert s.usable() is None
        s.prepare(LIB)
        await s.makes()


async def test_it_ends_after_the_hosts_that_were_forked_from_it() -> None:
    """They would end with it."""
    async with setup() as s:
        s.prepare(LIB)
        first, forker = await s.makes()
        forking = asyncio.create_task(forker.fork("host"))
        host = await forked(first)
        child = await soon(forking)
        s.prepare(installed("lib"))
        await s.makes()
        assert await is_silent(first)
        first.send(Exited(child.pid, 0))
        assert await first.hear() == Exit()
        child.channel.close()
        host.close()


async def test_it_does_not_end_while_a_host_is_forked_from_it() -> None:
    async with setup() as s:
        s.prepare(LIB)
        first, forker = await s.makes()
        forking = asyncio.create_task(forker.fork("host"))
        await asyncio.sleep(0)
        s.prepare(installed("lib"))
        await s.makes()
        host = await forked(first)
        child = await soon(forking)
        try:
            assert await is_silent(first)
        finally:
            child.channel.close()
            host.close()


async def forked(parent: TheirEnd) -> TheirEnd:
    """Fork what this parent is told to; returns its end."""
    received = await asyncio.to_thread(parent.channel.receive_with_fds)
    assert received is not None
    order, fds = received
    assert isinstance(order, Fork)
    parent.send(Forked(order.number, 4711))
    return TheirEnd.of(fds)


async def is_silent(theirs: TheirEnd) -> bool:
    """Whether it is told nothing, also when everybody has had his turn."""
    for _ in range(10):
        await asyncio.sleep(0)
    os.set_blocking(theirs.channel.fileno(), False)
    try:
        os.read(theirs.channel.fileno(), 1)
    except BlockingIOError:
        return True
    finally:
        os.set_blocking(theirs.channel.fileno(), True)
    return False


async def test_variables_that_are_different_in_every_load_do_not_count() -> None:
    async with setup() as s:
        for number in range(3):
            s.prepare(LIB, {"HOME": "/srv", "NOW": f"{number}"})
            await s.makes()
        assert [each.environment.get("NOW") for each in s.told] == ["0", "1", None]
        for number in range(3, 6):
            s.prepare(LIB, {"HOME": "/srv", "NOW": f"{number}"})
            await s.makes_nothing()
        s.prepare(LIB, {"HOME": "/home", "NOW": "6"})
        assert (await s.begins())[1].environment == {"HOME": "/home"}


@pytest.mark.parametrize(("was_used", "expected"), [(True, 1), (False, 0)])
async def test_what_was_loaded_with_other_variables_is_loaded_again(
    was_used: bool, expected: int
) -> None:
    """Packages that have read them were imported with those of before."""
    async with setup() as s:
        s.prepare(LIB, {"LEVEL": "1"})
        await s.makes()
        s.templates.use([] if was_used else ["lib"])
        s.prepare(LIB, {"LEVEL": "2"})
        theirs, _ = await s.begins()
        assert s.outdated == 0, "until there is a better one"
        await s.is_ready(theirs)
        assert s.outdated == expected
        s.prepare(LIB, {"LEVEL": "2"})
        await s.makes_nothing()


def test_names_of_modules_in_directories(tmp_path: Path) -> None:
    for name in ("a.py", "data.csv"):
        (tmp_path / name).touch()
    (tmp_path / "package").mkdir()
    found = local_names([str(tmp_path), str(tmp_path / "missing"), str(tmp_path / "a.py")])
    assert {"a", "package"} <= {*found}
    assert "a.py" not in found
