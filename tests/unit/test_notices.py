"""When it is worth looking: the kernel says so, or a second has passed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.watching import notices as notices_module
from codeserver.supervisor.watching.notices import Notices
from codeserver.supervisor.watching.places import Places
from tests.unit.waiting import soon, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="how the kernel tells differs")

NEVER = 3_600.0


@dataclass(frozen=True)
class Heard(Places):
    """Places that remember of what the kernel has told."""

    paths: list[str] = field(default_factory=list)

    def may_matter(self, path: str) -> bool:
        self.paths.append(path)
        return super().may_matter(path)


def places(*folders: Path, names: tuple[str, ...] = ("repo.py",)) -> Heard:
    return Heard({str(each): {*names} for each in folders}, frozenset(), frozenset())


@dataclass(frozen=True)
class Setup:
    notices: Notices
    news: asyncio.Event
    tasks: Tasks

    async def watch(self, where: Places) -> None:
        """Watch these, and let what is told of that be over."""
        await soon(self.notices.watch(where))
        self.news.clear()

    async def is_told(self) -> None:
        await soon(self.news.wait())
        self.news.clear()


@contextlib.asynccontextmanager
async def setup(poll: float | None = None) -> AsyncIterator[Setup]:
    tasks, news = Tasks(), asyncio.Event()
    try:
        yield Setup(Notices(news, poll, tasks), news, tasks)
    finally:
        await soon(tasks.close())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "repo.py").write_text("value")
    return tmp_path.resolve()


def replace(path: Path) -> None:
    path.with_name("new~").write_text("other")
    path.with_name("new~").replace(path)


@pytest.mark.parametrize(
    "deed",
    [
        lambda path: path.write_text("other"),
        replace,
        lambda path: path.unlink(),
        lambda path: path.chmod(0o600),
        os.utime,
        lambda path: path.rename(path.with_name("old.py")),
    ],
)
async def test_what_happens_to_a_file_that_matters_is_told(
    folder: Path, deed: Callable[[Path], None]
) -> None:
    async with setup() as s:
        await s.watch(places(folder))
        deed(folder / "repo.py")
        await s.is_told()


async def test_one_notice_follows_the_other(folder: Path) -> None:
    async with setup() as s:
        await s.watch(places(folder))
        for number in range(3):
            (folder / "repo.py").write_text(f"{number}")
            await s.is_told()


async def test_what_happens_to_other_files_is_not_told(folder: Path) -> None:
    async with setup() as s:
        where = places(folder)
        await s.watch(where)
        (folder / "data.csv").write_text("other")
        await until(lambda: f"{folder}/data.csv" in where.paths)
        await asyncio.sleep(0)
        assert not s.news.is_set()
        (folder / "repo.py").write_text("other")
        await s.is_told()


async def test_other_places_are_watched_from_now_on(folder: Path) -> None:
    """And looked at: what has happened there before was not told."""
    (folder / "sub").mkdir()
    async with setup() as s:
        await s.watch(places(folder))
        where = places(folder / "sub")
        await soon(s.notices.watch(where))
        assert s.news.is_set()
        s.news.clear()
        (folder / "repo.py").write_text("other")
        (folder / "sub/repo.py").write_text("other")
        await s.is_told()
        assert {os.path.dirname(path) for path in where.paths} == {f"{folder}/sub"}


async def test_the_same_places_are_not_a_reason_to_look(folder: Path) -> None:
    async with setup() as s:
        await s.watch(places(folder))
        await soon(s.notices.watch(places(folder)))
        assert not s.news.is_set()


async def test_other_names_in_the_same_places(folder: Path) -> None:
    async with setup() as s:
        await s.watch(places(folder))
        await soon(s.notices.watch(places(folder, names=("other.py",))))
        assert not s.news.is_set()
        (folder / "other.py").write_text("other")
        await s.is_told()


async def test_a_directory_that_was_missing_is_watched_when_it_is_there(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It has gone between the look and the order to watch it, and is found there by the next."""
    async with setup() as s:
        where = places(folder, folder / "missing")
        await s.watch(where)
        (folder / "missing").mkdir()
        await s.watch(where)
        (folder / "missing/repo.py").write_text("other")
        await s.is_told()
    assert caplog.text == ""


async def test_a_directory_that_vanishes(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub/repo.py").touch()
    async with setup() as s:
        await s.watch(places(folder, folder / "sub", names=("repo.py", "sub")))
        shutil.rmtree(folder / "sub")
        await s.is_told()
        await s.watch(places(folder, names=("repo.py", "sub")))
        (folder / "sub").mkdir()
        await s.is_told()
        await s.watch(places(folder, folder / "sub"))
        (folder / "sub/repo.py").touch()
        await s.is_told()


async def test_a_directory_that_was_replaced_is_watched(folder: Path) -> None:
    """At once, as by a deployment: whoever looks after that finds the same places."""
    for name in ("app", "next"):
        (folder / name).mkdir()
        (folder / name / "repo.py").touch()
    async with setup() as s:
        where = places(folder, folder / "app", names=("app", "repo.py"))
        await s.watch(where)
        (folder / "app").rename(folder / "before")
        (folder / "next").rename(folder / "app")
        await s.is_told()
        await s.watch(where)
        where.paths.clear()
        (folder / "app/repo.py").write_text("other")
        await s.is_told()


async def test_without_the_kernel_there_are_notices_by_the_clock(folder: Path) -> None:
    async with setup(poll=0.001) as s:
        for _ in range(3):
            await s.is_told()
        where = places(folder)
        await soon(s.notices.watch(where))
        (folder / "repo.py").write_text("other")
        await s.is_told()
        assert where.paths == []


@pytest.mark.parametrize(("value", "polls"), [("1", True), ("true", True), ("", False)])
async def test_the_variable_of_the_library_that_watches(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str, polls: bool
) -> None:
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", value)
    monkeypatch.setattr(notices_module, "_POLL_SECONDS", 0.001 if polls else NEVER)
    async with setup() as s:
        where = places(folder)
        await s.watch(where)
        (folder / "repo.py").write_text("other")
        await s.is_told()
        assert bool(where.paths) is not polls


@pytest.mark.parametrize("value", ["false", "disable", "disabled"])
async def test_the_variable_of_the_library_can_say_no(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """See https://watchfiles.helpmanual.io/api/watch/#force-polling."""
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", value)
    monkeypatch.setattr(notices_module, "_POLL_SECONDS", 0.001)
    async with setup() as s:
        where = places(folder)
        await s.watch(where)
        (folder / "repo.py").write_text("other")
        await s.is_told()
        assert where.paths


async def test_file_systems_that_may_not_tell_are_looked_at_every_second(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notices_module, "on_remote_file_systems", list)
    monkeypatch.setattr(notices_module, "_POLL_SECONDS", 0.001)
    async with setup() as s:
        await s.watch(places(folder))
        for _ in range(3):
            await s.is_told()
        (folder / "sub").mkdir()
        await s.watch(places(folder / "sub"))
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder} is on a file system that may not tell of changes; looking for changes every "
        "0.001 s"
    ], "it is said once"


@contextlib.contextmanager
def no_more_descriptors() -> Iterator[None]:
    """The kernel refuses to watch.

    As when the user has no more instances of inotify, with the same error, but for this process
    alone: those instances are shared with whatever else this user runs.
    """
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_when_the_kernel_refuses_files_are_looked_at_every_second(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notices_module, "_POLL_SECONDS", 0.001)
    async with setup() as s:
        with no_more_descriptors():
            await s.watch(places(folder))
        for _ in range(3):
            await s.is_told()
        await s.watch(places(folder, folder.parent))
        await s.is_told()
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("the system does not tell of changes to files (")
    assert "Too many open files" in line
    assert line.endswith("; looking for changes every 0.001 s")


@pytest.mark.parametrize("turns", range(6))
async def test_an_end_at_any_moment_leaves_nothing_behind(folder: Path, turns: int) -> None:
    async with setup() as s:
        watching = s.tasks.start("watch", s.notices.watch(places(folder)))
        for _ in range(turns):
            await asyncio.sleep(0)
    assert watching.done()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:  # or its thread would not end
        task.cancel()
    assert not left
