"""`kill -9` of each kind of process of one of several locations, and of those that they share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus

from codeserver.system import IS_LINUX
from tests.differential.running import current_runs
from tests.process.running import failures, final_status, launch, launch_patient, reasons
from tests.process.serving import (
    LIMIT,
    USER_CODE,
    Server,
    in_background,
    name_of,
    pid_in,
    skip_message,
    tick,
    wait_until_gone,
)
from tests.process.several import Several, asked_without_pause, serve_several
from tests.support.eventually import eventually
from tests.support.portable import FORKED, needs_linux

pytestmark = FORKED

NO_TEMPLATE = needs_linux("no template elsewhere")
REPO = USER_CODE / "repo.py"
NAMES = ("east", "west")


@pytest.fixture(scope="module")
def several(home: Path) -> Iterator[Several]:
    folder = home / "killed"
    folder.mkdir()
    # It has a template, because it is watched and imports a package that Dagster does not.
    (folder / "east.py").write_text(f"import psutil\n{REPO.read_text()}")
    entries = {"east": {"python_file": "east.py", "watch": True}, "west": {"python_file": REPO}}
    with serve_several(home, folder, entries) as server:
        server.ready(*NAMES)
        yield server


@pytest.mark.parametrize(
    "role", ["eval", "host", pytest.param("template", marks=NO_TEMPLATE), "forkserver"]
)
def test_a_process_of_one_location(several: Several, work: Path, role: str) -> None:
    east, west = several.location("east"), several.location("west")
    note = work / "note"
    untouched = several.told("west"), several.only("west", "host")
    if IS_LINUX:
        eventually(lambda: several.processes("east", "template"), what="a template")
    goes_on, ends = launch(east, "endless"), launch_patient(east, work / "release")
    of_west = launch_patient(west, work / "release")
    waiting = in_background(lambda: tick(east, "hangs", note)) if role == "eval" else None
    victim = (
        psutil.Process(pid_in(note))
        if waiting
        else several.forkserver("east")
        if role == "forkserver"
        else several.only("east", role)
    )
    goes_along = {*victim.children(recursive=True)} - {*several.whole.processes("run")}

    with asked_without_pause(east, west):
        victim.kill()
        assert skip_message(west)
        wait_until_gone([victim, *goes_along])
        eventually(lambda: skip_message(east), what="a tick that works")
        assert len(current_runs(east)) == 2
        (work / "release").touch()
        for run in (ends, of_west):
            assert final_status(run) is DagsterRunStatus.SUCCESS
            assert not failures(run) + reasons(run)

    if waiting:
        waiting.result(LIMIT)
    kill_run(several, east, goes_on.run_id)
    assert final_status(goes_on) is DagsterRunStatus.FAILURE
    eventually(lambda: not current_runs(east), what="the end of the run")
    assert len(failures(goes_on)) == len(reasons(goes_on)) == 1
    told, host = untouched
    assert several.told("west").loads == told.loads == 1
    assert several.only("west", "host") == host
    eventually(lambda: not zombies(several))


def kill_run(several: Several, server: Server, run_id: str) -> None:
    """Kill the process of the only run that a location has."""
    eventually(lambda: current_runs(server) == [run_id], what="one run")
    several.whole.only("run").kill()


def zombies(several: Several) -> list[psutil.Process]:
    children = psutil.Process(several.whole.front.pid).children(recursive=True)
    return [each for each in children if each.is_running() and not name_of(each)]


def test_the_process_that_forkservers_are_forked_from(several: Several, work: Path) -> None:
    servers = [several.location(name) for name in NAMES]
    runs = [launch_patient(server, work / "release") for server in servers]
    killed = launch(servers[0], "endless")
    base, loads = several.base, {name: several.told(name).loads for name in NAMES}
    ids = [server.id for server in servers]
    goes_along = {*base.children(recursive=True)} - {*several.whole.processes("run")}

    with asked_without_pause(*servers, several.location("east")):
        base.kill()
        wait_until_gone([base, *goes_along])
        for server in servers:
            eventually(lambda server=server: skip_message(server), what="a tick that works")  # type: ignore[misc]
        (work / "release").touch()
        for run in runs:
            assert final_status(run) is DagsterRunStatus.SUCCESS
            assert not failures(run) + reasons(run)
    assert [server.id for server in servers] == ids
    for name in NAMES:
        assert several.told(name).loads > loads[name]

    kill_run(several, servers[0], killed.run_id)
    assert final_status(killed) is DagsterRunStatus.FAILURE
    eventually(lambda: not current_runs(servers[0]), what="the end of the run")
    assert len(failures(killed)) == len(reasons(killed)) == 1
    eventually(lambda: not zombies(several))


def test_processes_that_fork_were_stopped(several: Several) -> None:
    """They go on when they are needed."""
    east, west = (several.location(name) for name in NAMES)
    forkserver = several.forkserver("west")

    with asked_without_pause(east, west):
        for stopped in (several.base, several.forkserver("east")):
            stopped.suspend()
        forkserver.kill()
        wait_until_gone([forkserver])
        for server in (east, west):
            assert not server.reload()
            eventually(lambda server=server: skip_message(server), what="a tick that works")  # type: ignore[misc]
    assert several.base.status() != psutil.STATUS_STOPPED


def test_the_front(home: Path, work: Path) -> None:
    entries = {name: {"python_file": REPO} for name in NAMES}
    with serve_several(home, work, entries) as several:
        several.ready(*NAMES)
        runs = [launch_patient(several.location(name), work / "release") for name in NAMES]
        processes = {*several.whole.processes("")} - {*several.whole.processes("run")}

        several.whole.front.kill()

        several.whole.front.wait(LIMIT)
        wait_until_gone(processes)
        (work / "release").touch()
        for run in runs:
            assert final_status(run) is DagsterRunStatus.SUCCESS
            assert not failures(run) + reasons(run)
