"""`kill -9` of each kind of process: what goes with it, what stays, and what comes back."""

from __future__ import annotations

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
    skip_message,
    tick,
    wait_until_gone,
)
from tests.support.eventually import eventually

REPO = ("-f", str(USER_CODE / "repo.py"))


def kill(server: Server, role: str) -> None:
    """Kill the one process with this role, and wait until all that must go with it are gone."""
    victim = server.only(role)
    goes_along = {*victim.children(recursive=True)} - {*server.processes("run")}
    victim.kill()
    wait_until_gone([victim, *goes_along])


def wait_until_ticks_work(server: Server) -> None:
    eventually(lambda: skip_message(server), what="a tick that works")


def test_when_the_front_is_killed_all_but_its_runs_end(start: Start, work: Path) -> None:
    server = start(*REPO)
    launched = launch_patient(server, work / "release")
    assert skip_message(server)
    process = server.only("run")
    others = [other for other in server.processes() if other != process]
    assert len(others) >= 3  # forkserver, host, evaluator

    server.front.kill()

    wait_until_gone(others)
    assert process.is_running()
    (work / "release").touch()
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    wait_until_gone([process])
    assert not failures(launched)


def test_a_killed_worker_is_replaced(start: Start) -> None:
    server = start(*REPO)
    assert skip_message(server)
    before = server.id, server.client.list_repositories()

    for role in ("host", "forkserver"):
        kill(server, role)

        # What is cached is answered at every moment.
        assert (server.id, server.client.list_repositories()) == before
        assert server.client.health_check_query() == "SERVING"
        wait_until_ticks_work(server)
        assert (server.id, server.client.list_repositories()) == before
        eventually(lambda: len(server.processes("host")) == 1)


def test_a_host_whose_code_is_broken_meanwhile_comes_back(start: Start, work: Path) -> None:
    code, good = work / "served.py", (USER_CODE / "repo.py").read_text()
    code.write_text(good)
    server = start("-f", "served.py")
    assert skip_message(server)
    code.write_text("raise RuntimeError('the database is away')")
    kill(server, "host")
    eventually(lambda: "the database is away" in server.server.text)

    code.write_text(good)

    wait_until_ticks_work(server)


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


@pytest.mark.parametrize("role", ["host", "forkserver"])
def test_what_a_tick_has_started_ends_with_it_when_its_parents_are_killed(
    start: Start, work: Path, role: str
) -> None:
    server = start(*REPO)
    answer = in_background(lambda: tick(server, "starts_a_child", work / "child"))
    child = psutil.Process(pid_in(work / "child"))

    server.only(role).kill()

    wait_until_gone([child])
    assert isinstance(answer.result(LIMIT), SensorExecutionErrorSnap)
    wait_until_ticks_work(server)


def test_a_run_is_cancelled_though_its_host_dies_at_that_moment(start: Start) -> None:
    server = start(*REPO)
    launched = launch(server, "endless")
    host = server.only("host")
    host.suspend()  # what it is told from now on, it does not live to obey

    server.instance.report_run_canceling(launched.run)  # as the run launcher does
    assert calls.cancel(launched.run_id).make(server).success
    host.kill()

    assert final_status(launched) is DagsterRunStatus.CANCELED


@pytest.mark.parametrize(
    ("killed_before", "reason"),
    [("", "signal 9 (SIGKILL)"), ("forkserver", "")],
)
def test_a_killed_run_is_marked_as_failed_once(
    start: Start, killed_before: str, reason: str
) -> None:
    server = start(*REPO)
    launched = launch(server, "endless")
    process = server.only("run")
    if killed_before:
        kill(server, killed_before)

    process.kill()

    assert final_status(launched) is DagsterRunStatus.FAILURE
    eventually(lambda: not current_runs(server), what="the server to know of the end")
    assert len(failures(launched)) == 1
    (told,) = reasons(launched)
    assert reason in told
