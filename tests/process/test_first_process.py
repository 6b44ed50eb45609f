"""As process 1 of a container: signals, orphans, and nothing left behind."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus

from tests.process.running import final_status, launch, launch_patient
from tests.process.serving import (
    LIMIT,
    USER_CODE,
    Server,
    name_of,
    serve,
    skip_message,
    wait_until_gone,
)
from tests.support.eventually import eventually
from tests.support.namespaces import FIRST_PROCESS, can_be_first
from tests.support.portable import needs_linux

pytestmark = pytest.mark.skipif(not can_be_first(), reason="needs the right to make a container")


@pytest.fixture
def container(home: Path, work: Path) -> Iterator[Server]:
    """A server that is the first process of a namespace of processes."""
    command = [*FIRST_PROCESS, sys.executable, "-m", "codeserver", "grpc"]
    with serve(home, work / "s.sock", "-f", "repo.py", cwd=USER_CODE, command=command) as server:
        yield server
        # `unshare` takes no notice of signals while its child lives.
        if server.front.poll() is None:
            for process in psutil.Process(server.front.pid).children():
                process.terminate()
            server.front.wait(LIMIT)


def first(server: Server) -> psutil.Process:
    """The server as it is seen from outside."""
    (process,) = psutil.Process(server.front.pid).children()
    return process


def children(server: Server) -> list[psutil.Process]:
    return first(server).children(recursive=True)


def processes_of_runs(server: Server) -> list[psutil.Process]:
    return [process for process in children(server) if name_of(process) == "codeserver run"]


def zombies(server: Server) -> list[psutil.Process]:
    found = []
    for process in children(server):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@needs_linux("only Linux has process 1 of a container")
def test_orphans_are_reaped_and_nothing_is_left_when_it_is_killed(container: Server) -> None:
    """Also those that nobody but process 1 adopts, because the forkserver has died."""
    launched = launch(container, "endless")
    (forkserver,) = [p for p in children(container) if name_of(p) == "codeserver fork"]
    run = processes_of_runs(container)[0]

    forkserver.kill()
    eventually(lambda: run.ppid() == first(container).pid, what="the run to be adopted")
    run.kill()

    assert final_status(launched) is DagsterRunStatus.FAILURE
    eventually(lambda: not run.is_running(), what="the run to be reaped")
    eventually(lambda: skip_message(container), what="a tick that works")
    eventually(lambda: not zombies(container), what="no zombies")

    processes = children(container)
    first(container).kill()

    assert len(processes) >= 3  # forkserver, host, evaluator
    wait_until_gone(processes)
    container.front.wait(LIMIT)


def test_no_zombies_after_many_runs_and_it_ends_at_a_signal(container: Server, work: Path) -> None:
    runs = [launch_patient(container, work / "release") for _ in range(3)]
    (work / "release").touch()
    runs += [launch_patient(container, work / "release") for _ in range(4)]
    assert {final_status(run) for run in runs} == {DagsterRunStatus.SUCCESS}

    # A run is finished a moment before its process is.
    eventually(lambda: not processes_of_runs(container), what="the runs to exit")
    eventually(lambda: not zombies(container), what="no zombies")

    assert skip_message(container)
    first(container).send_signal(signal.SIGTERM)

    assert container.wait_for_exit() == 0
