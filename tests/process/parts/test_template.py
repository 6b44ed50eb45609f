"""A process that has imported what the code needs of installed packages, and nothing else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from codeserver.facts import InstalledPackages
from codeserver.messages import Import, Imported, Unfit
from codeserver.supervisor.loading.templates import Templates
from codeserver.supervisor.processes.child import Child
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.tasks import Tasks
from tests.process.parts.forking import forking_process, value
from tests.support.portable import needs_linux
from tests.unit.waiting import soon, until

INSTALLED = {
    "lib/__init__.py": "import os\npid = os.getpid()\nfrom . import part",
    "lib/part.py": "",
    "reads.py": "import os\nseen = os.environ.get('WANTED'), os.environ.get('GONE')",
    "sets.py": "import os\nos.environ['LEFT'] = 'by an import'",
    "fails.py": "import lib\n1 / 0",
    "exits.py": "raise SystemExit('no')",
    "interrupted.py": "raise KeyboardInterrupt",
    "dies.py": "import os\nos._exit(7)",
    "starts.py": (
        "import threading\n"
        "threading.Thread(target=threading.Event().wait, name='ticker', daemon=True).start()"
    ),
    "starts_inside/__init__.py": "",
    "starts_inside/part.py": "import starts",
    "goes_on.py": "import threading\nthreading.Thread(target=threading.Event().wait).start()",
    "tidy.py": "import threading\nt = threading.Thread(target=int)\nt.start()\nt.join()",
    "handles.py": "import signal\nsignal.signal(signal.SIGTERM, print)",
    "times.py": "import signal\nsignal.setitimer(signal.ITIMER_REAL, 3600)",
    "connects.py": "import socket\npair = socket.socketpair()",
    "database.py": (
        "import sqlite3\nc = sqlite3.connect('here.db')\nc.execute('create table a (b)')"
    ),
    "opens.py": "file = open(__file__)",
    "brings.py": "import users",
    "brings_and_fails.py": "import users\n1 / 0",
    "prints.py": "print('from the template', flush=True)",
}


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Where installed packages are, and where the user's modules are."""
    installed, users = tmp_path / "site-packages", tmp_path / "users"
    for name, text in INSTALLED.items():
        (installed / name).parent.mkdir(parents=True, exist_ok=True)
        (installed / name).write_text(text)
    users.mkdir()
    (users / "users.py").write_text("import lib")
    monkeypatch.chdir(tmp_path)
    return installed, users


@contextlib.asynccontextmanager
async def template(
    paths: tuple[Path, Path], *modules: str, environment: Any = None
) -> AsyncIterator[tuple[Child, Imported | Unfit | None]]:
    """One that is told to import these modules, and its report of that."""
    async with forking_process(*paths) as forkserver:
        child = await soon(forkserver.fork("template"))
        await soon(child.channel.send(Import(modules, environment or {})))
        try:
            yield child, await soon(child.channel.expect(Imported, Unfit))
        finally:
            child.channel.close()
            await soon(child.ended())


@contextlib.asynccontextmanager
async def forked_from(child: Child) -> AsyncIterator[Child]:
    """What is forked from a template."""
    outputs, tasks = Outputs(), Tasks()
    forker = Forker(child.channel, outputs)
    following = tasks.start("follow", forker.follow())
    try:
        forked = await soon(forker.fork("evaluator"))
        yield forked
        forked.channel.close()
        await soon(forked.ended())
    finally:
        await forker.exit()
        await soon(following)
        outputs.close()


async def test_what_is_forked_has_the_modules(paths: tuple[Path, Path]) -> None:
    async with template(paths, "lib", "lib.part") as (child, said):
        assert said == Imported()
        async with forked_from(child) as forked:
            assert await value(forked, "sys.modules['lib'].pid") == child.pid
            assert await value(forked, "'lib.part' in sys.modules")
            assert await value(forked, "os.getpid()") == forked.pid


@pytest.mark.parametrize("module", ["missing", "lib.missing", "fails", "exits", "interrupted"])
async def test_what_cannot_be_imported_is_left_to_the_users_code(
    paths: tuple[Path, Path], module: str
) -> None:
    async with template(paths, module, "tidy") as (child, said):
        assert said == Imported()
        async with forked_from(child) as forked:
            assert await value(forked, "'tidy' in sys.modules")
            assert not await value(forked, f"{module!r} in sys.modules")


@needs_linux("the audit needs Linux")
@pytest.mark.parametrize(
    ("modules", "module", "reason"),
    [
        (["lib", "starts", "tidy"], "starts", "a Python thread is running: ticker"),
        (["starts_inside", "starts_inside.part"], "starts_inside.part", "a Python thread is"),
        (["connects"], "connects", "a socket is open"),
        (["lib", "handles", "tidy"], "handles", "SIGTERM has a handler of builtins"),
        (["times"], "times", "a timer is running"),
        (["database"], "database", "an SQLite database is open: "),
        (["lib", "brings"], "brings", "imports users, which is not installed"),
        (["brings_and_fails"], "brings_and_fails", "imports users, which is not installed"),
        (["users"], "users", "imports users, which is not installed"),
    ],
)
async def test_one_that_is_not_fit_to_be_forked_says_why_and_ends(
    paths: tuple[Path, Path], modules: list[str], module: str, reason: str
) -> None:
    async with template(paths, *modules) as (child, said):
        assert isinstance(said, Unfit)
        assert said.module == module
        assert said.reason.startswith(reason)
        assert await soon(child.ended()) == 0


@pytest.mark.parametrize("module", ["tidy", "opens", "prints", "sets"])
async def test_one_that_has_left_nothing_of_note_is_fit(
    paths: tuple[Path, Path], module: str
) -> None:
    async with template(paths, module) as (_, said):
        assert said == Imported()


async def test_modules_are_imported_in_the_surroundings_that_they_are_used_in(
    paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is forked has what imports have set, and else what it would have without that."""
    monkeypatch.setenv("GONE", "here")
    environment = {"WANTED": "wanted", "GONE": None}
    async with template(paths, "reads", "sets", environment=environment) as (child, said):
        assert said == Imported()
        async with forked_from(child) as forked:
            assert await value(forked, "sys.modules['reads'].seen") == ["wanted", None]
            names = "[os.environ.get(name) for name in ('WANTED', 'GONE', 'LEFT')]"
            assert await value(forked, names) == [None, "here", "by an import"]


async def test_one_that_dies_says_nothing(paths: tuple[Path, Path]) -> None:
    async with template(paths, "dies") as (child, said):
        assert said is None
        assert await soon(child.ended()) == 7


async def test_one_that_is_not_told_anything_ends(paths: tuple[Path, Path]) -> None:
    async with forking_process(*paths) as forkserver:
        child = await soon(forkserver.fork("template"))
        child.channel.close()
        assert await soon(child.ended()) == 0


async def test_what_a_load_has_imported_of_installed_packages(paths: tuple[Path, Path]) -> None:
    """In the order in which that has ended; not what was there before, or is the user's."""
    async with forking_process(*paths) as forkserver:
        child = await soon(forkserver.fork("evaluator"))
        before = await value(child, "vars(template.installed())")
        assert before["modules"] == []
        await value(child, "[__import__(n) and 0 for n in ('tidy', 'users', 'wave', 'lib.part')]")
        found = await value(child, "vars(template.installed())")
        own = ["tidy", "lib.part", "lib", "wave"]
        assert [name for name in found["modules"] if name in own] == own
        assert "users" not in found["modules"]
        assert str(paths[0]) in found["folders"]
        assert str(paths[1]) not in found["folders"]
        child.channel.close()
        await soon(child.ended())


@contextlib.asynccontextmanager
async def templates_of(paths: tuple[Path, Path]) -> AsyncIterator[tuple[Forker, Templates]]:
    async with forking_process(*paths) as forkserver:
        tasks, outputs = Tasks(), Outputs()
        try:
            yield forkserver, Templates(outputs, tasks, lambda: None)
        finally:
            await soon(tasks.close())
            await until(lambda: not forkserver.children)
            outputs.close()


@needs_linux("the audit needs Linux")
async def test_one_that_hosts_are_forked_from(paths: tuple[Path, Path]) -> None:
    """Until a package is installed, and then it ends after them."""
    async with templates_of(paths) as (forkserver, templates):
        templates.prepare(forkserver, InstalledPackages(["lib"], [str(paths[0])]), {})
        await until(lambda: templates.usable([]))
        [template] = forkserver.children
        forker = templates.usable([])
        assert forker is not None
        child = await soon(forker.fork("evaluator"))
        assert await value(child, "sys.modules['lib'].pid") == template.pid
        (paths[0] / "new.py").touch()
        os.utime(paths[0], (1, 1))  # its time may be the same still, where clocks are coarse
        assert templates.usable([]) is None
        assert await value(child, "os.getppid()") == template.pid
        child.channel.close()
        await soon(child.ended())
        await soon(template.ended())


@needs_linux("the audit needs Linux")
async def test_one_that_is_not_fit_ends_whatever_its_thread_does(
    paths: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python would wait for the thread."""
    async with templates_of(paths) as (forkserver, templates):
        forked, fork = [], forkserver.fork

        async def noting(role: str) -> Child:
            forked.append(await fork(role))
            return forked[-1]

        monkeypatch.setattr(forkserver, "fork", noting)
        templates.prepare(forkserver, InstalledPackages(["goes_on"]), {})
        await until(lambda: forked)
        [template] = forked
        try:
            await soon(template.ended())
        finally:
            await soon(template.end(0.1))
