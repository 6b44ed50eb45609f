"""`kill -9` of each kind of process: what goes with it, what stays, and what comes back.

The front is killed in test_output, where its runs print on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus
from dagster._core.remote_representation.external_data import SensorExecutionErrorSnap

from tests.differential import calls
from tests.differential.running import current_runs
from tests.process.conftest import Start
from tests.process.running import failures, final_status, launch, launch_patient, reasons
from tests.process.serving import (
    LIMIT,
    USER_CODE,
    Server,
    in_background,
    pid_in,
    serve,
    skip_message,
    tick,
    wait_until_gone,
)
from tests.support.eventually import eventually
from tests.support.portable import FORKED

REPO = ("-f", str(USER_CODE / "repo.py"))


def kill(server: Server, role: str) -> None:
    """Kill the one process with this role, and wait until all that must go with it are gone."""
    victim = server.only(role)
    goes_along = {*victim.children(recursive=True)} - {*server.processes("run")}
    victim.kill()
    wait_until_gone([victim, *goes_along])


def wait_until_ticks_work(server: Server) -> None:
    eventually(lambda: skip_message(server), what="a tick that works")


@pytest.mark.parametrize("role", ["host", "forkserver"])
def test_runs_go_on_without_the_process_that_started_them(
    start: Start, work: Path, role: str
) -> None:
    server = start(*REPO, "--shutdown-grace", "0")
    killed = launch(server, "endless")
    process = server.only("run")
    cancelled, interrupted = launch(server, "endless"), launch(server, "endless")
    finishes = launch_patient(server, work / "release")
    processes = server.processes("run")

    kill(server, role)

    wait_until_ticks_work(server)
    assert len(current_runs(server)) == len(processes) == 4
    (work / "release").touch()
    assert final_status(finishes) is DagsterRunStatus.SUCCESS
    assert not failures(finishes) + reasons(finishes)

    process.kill()
    assert final_status(killed) is DagsterRunStatus.FAILURE
    eventually(lambda: len(current_runs(server)) == 2)
    assert len(failures(killed)) == len(reasons(killed)) == 1

    assert calls.can_cancel(cancelled.run_id).make(server).can_cancel
    server.instance.report_run_canceling(cancelled.run)  # as the run launcher does
    assert calls.cancel(cancelled.run_id).make(server).success
    assert final_status(cancelled) is DagsterRunStatus.CANCELED

    server.front.terminate()
    assert server.front.wait(LIMIT) == 0
    wait_until_gone(processes)
    assert interrupted.run.status is DagsterRunStatus.FAILURE


@pytest.fixture(scope="module")
def recovering(home: Path) -> Iterator[Server]:
    with serve(home, home / "kills.sock", *REPO, cwd=home) as server:
        yield server


@pytest.fixture
def server(recovering: Server) -> Server:
    """A server that recovers from what these tests do to it."""
    wait_until_ticks_work(recovering)
    return recovering


@FORKED
def test_a_killed_worker_is_replaced_and_what_a_tick_has_started_ends(
    server: Server, work: Path
) -> None:
    before = server.id, server.client.list_repositories()

    for role in ("host", "forkserver"):
        note = work / role
        answer = in_background(lambda note=note: tick(server, "starts_a_child", note))  # type: ignore[misc]
        child = psutil.Process(pid_in(note))

        kill(server, role)

        wait_until_gone([child])
        assert isinstance(answer.result(LIMIT), SensorExecutionErrorSnap)
        # What is cached is answered at every moment.
        assert (server.id, server.client.list_repositories()) == before
        assert server.client.health_check_query() == "SERVING"
        wait_until_ticks_work(server)
        assert (server.id, server.client.list_repositories()) == before
        eventually(lambda: len(server.processes("host")) == 1)


@FORKED
def test_a_run_that_is_killed_and_one_that_is_cancelled_when_its_host_dies(
    server: Server,
) -> None:
    killed = launch(server, "endless")

    server.only("run").kill()

    assert final_status(killed) is DagsterRunStatus.FAILURE
    eventually(lambda: not current_runs(server), what="the server to know of the end")
    assert len(failures(killed)) == 1
    (told,) = reasons(killed)
    assert "signal 9 (SIGKILL)" in told

    launched = launch(server, "endless")
    host = server.only("host")
    host.suspend()  # what it is told from now on, it does not live to obey

    server.instance.report_run_canceling(launched.run)  # as the run launcher does
    assert calls.cancel(launched.run_id).make(server).success
    host.kill()

    assert final_status(launched) is DagsterRunStatus.CANCELED
