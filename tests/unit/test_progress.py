"""What people are told of a load that takes long."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from typing import Any

import pytest

from codeserver.errors import StillLoading
from codeserver.front.dagster_api import _patience
from codeserver.supervisor.loading.progress import Progress, in_words
from codeserver.supervisor.processes.tasks import Tasks
from tests.unit.virtual_time import in_virtual_time
from tests.unit.waiting import soon

LIBRARY = os.path.dirname(os.__file__)
OURS = "/somewhere/site-packages/codeserver/worker/location.py"
PANDAS = "/somewhere/site-packages/pandas"
END = ("<string>", "<module>")


def stack(*calls: tuple[str, str]) -> str:
    """As Python writes it: each call is a file and a function; the lines are numbered."""
    lines = [
        f'  File "{file}", line {number} in {function}'
        for number, (file, function) in enumerate(calls, 1)
    ]
    return "\n".join(["", "Current thread 0x1 (most recent call first):", *lines, ""])


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ([("/srv/repo.py", "<module>"), (OURS, "load")], "importing repo.py line 1"),
        ([("/srv/a/b.py", "<module>"), ("/srv/repo.py", "<module>")], "importing a/b.py line 1"),
        ([("/elsewhere/repo.py", "<module>")], "importing /elsewhere/repo.py line 1"),
        (
            [(f"{PANDAS}/core/frame.py", "<module>"), ("/srv/repo.py", "<module>")],
            "importing pandas.core.frame (repo.py line 2)",
        ),
        ([(f"{PANDAS}/__init__.py", "<module>"), (OURS, "load")], "importing pandas"),
        (
            [(f"{LIBRARY}/socket.py", "connect"), ("/srv/repo.py", "<module>")],
            "importing repo.py line 2",
        ),
        (
            [("/srv/lib.py", "connect"), ("/srv/repo.py", "<module>")],
            "importing repo.py line 2, in lib.py line 1",
        ),
        (
            [("<frozen importlib>", "<module>"), (f"{LIBRARY}/json/decoder.py", "<module>")],
            "importing json.decoder",
        ),
        (
            [("/opt/py/lib/python3.15/json/decoder.py", "<module>"), (OURS, "load")],
            "importing json.decoder",
        ),
        ([("/srv/repo.py", "cacheable"), (OURS, "load")], "running repo.py line 1"),
        ([(f"{PANDAS}/../dagster/job.py", "resolve"), (OURS, "load")], "resolving definitions"),
        ([(r"/srv/gr\xf6\xdfe.py", "<module>")], "importing größe.py line 1"),
    ],
)
def test_a_stack_in_words(calls: Sequence[tuple[str, str]], words: str) -> None:
    assert in_words(stack(*calls, END), "/srv") == words


@pytest.mark.parametrize(
    ("wait", "deadline", "patience"),
    [(10, None, 10), (10, 60, 10), (60, 60, 58), (0, 60, 58), (0, 2, 1.8), (0, None, None)],
)
def test_an_answer_is_there_before_the_callers_deadline(
    wait: float, deadline: float | None, patience: float | None
) -> None:
    assert _patience(wait, deadline) == patience


@in_virtual_time
async def test_the_log_says_rarely_what_takes_so_long(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "codeserver")
    tasks, progress = Tasks(), Progress("repo.py", "/srv")

    with progress.of_load(tasks):
        await asyncio.sleep(101)

    said = [record.getMessage().rpartition(", ") for record in caplog.records]
    assert [seconds for _, _, seconds in said] == ["3 s", "10 s", "20 s", "40 s", "70 s", "100 s"]
    assert {words for words, _, _ in said} == {"still importing Dagster"}
    await tasks.close()


@in_virtual_time
async def test_who_is_patient_enough_gets_what_is_loaded() -> None:
    progress, loaded = Progress("repo.py", "/srv"), asyncio.Event()
    tasks = Tasks()
    with progress.of_load(tasks):
        with pytest.raises(StillLoading, match=r"^still importing Dagster, 2 s$"):
            await progress.wait_for(loaded, 2)
        asyncio.get_running_loop().call_later(1, loaded.set)
        await progress.wait_for(loaded, 2)
        await progress.wait_for(loaded, 0)
    await tasks.close()


class Loading:
    """A process that loads code, as far as the front asks it where it is."""

    def __init__(self) -> None:
        self.fd = -1
        self.times = 0
        self.says = stack(("/srv/repo.py", "<module>"), END)

    async def show_stack(self) -> None:
        self.times += 1
        os.write(self.fd, self.says.encode())


async def test_a_process_is_asked_once_it_says_that_it_may_be() -> None:
    child: Any = Loading()
    progress = Progress("repo.py", "/srv")
    with progress.of_host(child) as (child.fd,):
        assert "still loading repo.py, " in await soon(progress.words())
        assert child.times == 0, "it does not know the signal yet"
        os.write(child.fd, b"\n")
        words = await soon(asyncio.gather(*(progress.words() for _ in range(50))))
        assert child.times <= 1
    assert "still describing the definitions, " in await soon(progress.words())
    assert len(words) == 50


async def test_a_process_that_does_not_answer_is_not_waited_for() -> None:
    child: Any = Loading()
    progress = Progress("repo.py", "/srv")
    child.says = "cut off"
    with progress.of_host(child) as (child.fd,):
        os.write(child.fd, b"\n")
        assert "still loading repo.py, " in await soon(progress.words())
        assert child.times == 1
