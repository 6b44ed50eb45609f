"""What people read about each load."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from codeserver.messages import Loaded
from codeserver.serving import Outcome
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.loading.load_log import LoadLog
from codeserver.supervisor.loading.run_modes import RunModes, Used, Verdict, Wishes
from codeserver.supervisor.loading.snapshot import Definitions, RepositorySnapshot, Snapshot, phases
from tests.unit.waiting import soon

A: Definitions = {"asset": {"a": "1"}}
AB: Definitions = {"asset": {"a": "1", "b": "1"}}

FIRST = (
    "load #1: serving repo.py on 0.0.0.0:4000 after 1.50 s "
    "(start 0.25, import 1.00, snapshot 0.25): 2 jobs"
)


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "codeserver")


def made() -> LoadLog:
    log = LoadLog("repo.py")
    log.served_on = "0.0.0.0:4000"
    return log


def known(definitions: Definitions | None) -> asyncio.Future[Definitions | None]:
    future: asyncio.Future[Definitions | None] = asyncio.get_running_loop().create_future()
    future.set_result(definitions)
    return future


def host(
    definitions: asyncio.Future[Definitions | None] | None,
    isolation: str = "fork",
    reasons: tuple[str, ...] = (),
    wishes: Mapping[str, str] | None = None,
    lost_threads: tuple[str, ...] = (),
) -> Any:
    repository = RepositorySnapshot(b"", {}, {}, {"jobs": 2})
    seconds = {"import": 1.0, "snapshot": 0.25}
    snapshot = Snapshot(b"", {"": repository}, "digest", seconds, definitions)
    starter: Any = object()
    modes = RunModes(Wishes("auto", wishes or {}), starter, starter, (), Used.nothing())
    loaded = Loaded(isolation=isolation, reasons=reasons, lost_threads=lost_threads)
    return SimpleNamespace(snapshot=snapshot, report=loaded, run_modes=modes)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


async def test_the_first_load_says_what_is_served_and_where(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await soon(made().loaded(1, host(known(A)), 1.5))
    assert lines(caplog) == [FIRST]


@pytest.mark.parametrize(
    ("seconds", "total", "shown"),
    [
        ({"import": 0.771, "snapshot": 0.06}, 3.07, "start 2.24, import 0.77, snapshot 0.06"),
        ({"import": 0.104, "snapshot": 0.104}, 0.214, "start 0.01, import 0.10, snapshot 0.10"),
        ({"import": 0.106, "snapshot": 0.106}, 0.212, "import 0.11, snapshot 0.11"),
        ({}, 1.0, "start 1.00"),
    ],
)
def test_phases_add_up(seconds: dict[str, float], total: float, shown: str) -> None:
    assert phases(seconds, total, "start") == shown


@pytest.mark.parametrize(
    ("definitions", "words", "changes"),
    [
        (AB, "+1 asset b", ["+1 asset b"]),
        ({"job": {"c": "1"}}, "+1 job c  -1 asset a", ["+1 job c", "-1 asset a"]),
        (A, "no visible change", []),
    ],
)
async def test_a_reload_says_what_is_different(
    caplog: pytest.LogCaptureFixture, definitions: Definitions, words: str, changes: list[str]
) -> None:
    log = made()
    await soon(log.loaded(1, host(known(A)), 1.5))
    await soon(log.loaded(2, host(known(definitions)), 0.5))
    assert lines(caplog)[1:] == [f"reload #2  0.50 s  (import 1.00, snapshot 0.25)  {words}"]
    assert vars(caplog.records[1])["changes"] == changes, "for those who read JSON"


@pytest.mark.parametrize(("definitions", "words"), [(A, "repaired"), (AB, "repaired  +1 asset b")])
async def test_a_reload_after_one_that_failed_is_a_repair(
    caplog: pytest.LogCaptureFixture, definitions: Definitions, words: str
) -> None:
    log = made()
    await soon(log.loaded(1, host(known(A)), 1.5))
    log.failed(2, LoadFailure(b"", "broken", "digest"), Outcome.KEPT)
    for number in (3, 4):
        await soon(log.loaded(number, host(known(definitions)), 0.5))
    ends = [line.partition(")  ")[2] for line in lines(caplog)[2:]]
    assert ends == [words, "no visible change"]


@pytest.mark.parametrize("definitions", [lambda: None, lambda: known(None)])
async def test_a_load_whose_definitions_are_not_known_says_what_is_served(
    caplog: pytest.LogCaptureFixture, definitions: Any
) -> None:
    log = made()
    for number, each in enumerate((known(A), definitions(), known(A), known(A)), 1):
        await soon(log.loaded(number, host(each), 1.5))
    words = [line.split()[:2] for line in lines(caplog)]
    assert words == [["load", "#1:"], ["load", "#2:"], ["load", "#3:"], ["reload", "#4"]]


async def test_loads_are_told_in_their_order(caplog: pytest.LogCaptureFixture) -> None:
    log, loop = made(), asyncio.get_running_loop()
    definitions = [loop.create_future() for _ in range(3)]
    telling = [
        asyncio.create_task(log.loaded(number, host(future), 1.5))
        for number, future in enumerate(definitions, 1)
    ]
    await asyncio.sleep(0)
    for future, found in reversed([*zip(definitions, (A, AB, A), strict=True)]):
        assert lines(caplog) == []
        future.set_result(found)
    await soon(asyncio.gather(*telling))
    assert lines(caplog)[0] == FIRST
    assert [line.split("  ")[0] for line in lines(caplog)[1:]] == ["reload #2", "reload #3"]
    assert [line.split("  ")[3] for line in lines(caplog)[1:]] == ["+1 asset b", "-1 asset b"]


async def test_reasons_are_told_when_they_are_new(caplog: pytest.LogCaptureFixture) -> None:
    log = made()
    one, two = ("a thread is running",), ("a thread is running", "a socket is open")
    for number, (isolation, reasons) in enumerate(
        [
            ("fork", ("--isolation fork",)),
            ("spawn", one),
            ("spawn", one),
            ("spawn", two),
            ("fork", ()),
            ("spawn", two),
            ("spawn", ()),
        ],
        1,
    ):
        await soon(log.loaded(number, host(known(A), isolation, reasons), 1.5))
    told = "evaluators and runs are not forked but load the code themselves: "
    assert [(lines(caplog)[i - 1].split()[1], line) for i, line in enumerate(lines(caplog))
            if line.startswith(told)] == [
        ("#2", f"{told}a thread is running"),
        ("#4", f"{told}a thread is running; a socket is open"),
        ("#6", f"{told}a thread is running; a socket is open"),
    ]  # fmt: skip


async def test_reasons_of_fresh_runs_are_told_when_they_are_new(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = made()
    clock, both = ["a.py line 1: NOW reads the clock"], ["a.py line 1: NOW reads the clock", "more"]
    verdicts = [clock, clock, both, [], both]
    for reasons in verdicts:
        loaded = host(known(A))
        loaded.run_modes.verdict = Verdict(not reasons, reasons)
        log.rehearsed(loaded)
    assert lines(caplog) == [
        f"runs import the code themselves: {'; '.join(reasons)}" for reasons in (clock, both, both)
    ]


async def test_a_tag_that_no_job_can_have_is_told(caplog: pytest.LogCaptureFixture) -> None:
    wishes = {"shop/odd": "Warm", "shop/fine": "fresh"}
    await soon(made().loaded(1, host(known(A), wishes=wishes), 1.5))
    assert lines(caplog)[1:] == [
        'the tag codeserver/runs of the job odd is "Warm"; it can be warm, fresh or auto'
    ]


OUTCOMES = {
    Outcome.KEPT: "the code loaded before is served on",
    Outcome.LOST: "and the process with the code loaded before is lost; it is tried again",
    Outcome.EXITS: "the server exits",
    Outcome.SHOWN: "the error is served",
}


@pytest.mark.parametrize(("outcome", "words"), OUTCOMES.items())
@pytest.mark.parametrize(("brief", "shown"), [("short", "short"), ("", "everything")])
async def test_a_failure_says_what_is_wrong_and_what_is_served(
    caplog: pytest.LogCaptureFixture, outcome: Outcome, words: str, brief: str, shown: str
) -> None:
    log = made()
    failure = LoadFailure(b"", "everything", "digest", brief)
    log.failed(1, failure, outcome)
    await soon(log.loaded(2, host(known(A)), 1.5))
    log.failed(3, failure, outcome)
    assert [lines(caplog)[0], lines(caplog)[2]] == [
        f"load #1 of repo.py failed, {words}\n{shown}",
        f"reload #3 of repo.py failed, {words}\n{shown}",
    ]
    assert [record.levelno for record in caplog.records] == [40, 20, 40]


async def test_threads_that_forks_do_not_have_are_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = made()
    for number in (1, 2):
        await soon(log.loaded(number, host(known(A), lost_threads=("exporter",)), 1.5))
    assert sum("forks do not have them: exporter" in line for line in lines(caplog)) == 1
