"""How a server ends when it is asked to, and what becomes of its processes and runs."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_representation.external_data import SensorExecutionErrorSnap

from tests.differential.running import current_runs
from tests.differential.running import start as start_run
from tests.process.conftest import Start
from tests.process.running import (
    failures,
    final_status,
    launch,
    launch_patient,
    launch_stubborn,
    reasons,
)
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
from tests.support.portable import FORKED

REPO = ("-f", str(USER_CODE / "repo.py"))
REFUSAL = "Tried to start a run on a server after telling it to shut down"


def lasting(server: Server) -> list[psutil.Process]:
    """Its processes that do not come and go as those for evaluations and descriptions do."""
    return [server.only(role) for role in ("forkserver", "host", "run")]


def wait_until_shutting_down(server: Server) -> None:
    eventually(lambda: start_run(server, "no-such-run", "short").reply.message == REFUSAL)


@FORKED
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_all_it_started(start: Start, number: signal.Signals) -> None:
    """Ctrl-C does not wait for clients to go elsewhere."""
    delay = ("--drain-delay", "600") if number is signal.SIGINT else ()
    server = start(*REPO, *delay)
    assert skip_message(server)
    processes = server.processes()
    assert len(processes) >= 3  # forkserver, host, evaluator

    server.front.send_signal(number)

    assert server.wait_for_exit() == 0
    wait_until_gone(processes)
    assert not server.server.socket.exists()
    assert "Traceback" not in server.server.text


def test_runs_at_sigterm(start: Start, work: Path) -> None:
    """One that ends in time is waited for; a second signal interrupts the others, or kills them."""
    server = start(*REPO, "--shutdown-grace", "600")
    patient, endless = launch_patient(server, work / "release"), launch(server, "endless")
    stubborn = launch_stubborn(server)
    processes = server.processes("run")
    assert len(processes) == 3

    server.front.terminate()
    wait_until_shutting_down(server)
    (work / "release").touch()
    assert final_status(patient) is DagsterRunStatus.SUCCESS
    assert not endless.run.is_finished
    assert not stubborn.run.is_finished

    server.front.terminate()

    assert server.wait_for_exit() == 0
    wait_until_gone(processes)
    assert endless.run.status is stubborn.run.status is DagsterRunStatus.FAILURE
    assert "interrupted" in failures(endless)[0]
    assert "signal 9 (SIGKILL)" in " ".join(reasons(stubborn))


def test_neither_a_run_nor_a_tick_that_hangs_is_waited_for_longer_than_the_grace(
    start: Start, work: Path
) -> None:
    server = start(*REPO, "--shutdown-grace", "1")
    launched = launch(server, "endless")
    answer = in_background(lambda: tick(server, "ignores_sigterm", work / "tick"))
    pid_in(work / "tick")
    processes = server.processes()

    began = time.monotonic()
    server.front.terminate()

    assert server.wait_for_exit() == 0
    assert time.monotonic() - began >= 1
    assert launched.run.status is DagsterRunStatus.FAILURE
    assert "interrupted" in failures(launched)[0]
    # Its process is ended, or its call: whatever comes first.
    ended = answer.exception(LIMIT) or answer.result(LIMIT)
    assert isinstance(ended, DagsterUserCodeUnreachableError | SensorExecutionErrorSnap)
    wait_until_gone(processes)


def test_sigterm_while_the_code_is_loaded(start: Start, work: Path) -> None:
    (work / "hangs.py").write_text(
        "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(600)\n"
    )
    server = start("-f", "hangs.py")
    eventually((work / "begun").exists)
    processes = server.processes()

    server.front.terminate()

    assert server.wait_for_exit() == 0
    wait_until_gone(processes)
    assert "Traceback" not in server.server.text


def test_a_server_that_is_told_to_shut_down_waits_for_its_runs(start: Start, work: Path) -> None:
    server = start(*REPO, "--shutdown-grace", "0")
    launched = launch_patient(server, work / "release")

    server.client.shutdown_server()

    refused = start_run(server, "no-such-run", "short").reply
    assert not refused.success
    assert refused.message == REFUSAL
    assert current_runs(server) == [launched.run_id]
    assert skip_message(server)
    (work / "release").touch()
    assert server.wait_for_exit() == 0
    assert launched.run.status is DagsterRunStatus.SUCCESS
    assert not server.server.socket.exists()


def test_sigterm_after_it_was_told_to_shut_down_leaves_runs_their_grace(
    start: Start, work: Path
) -> None:
    server = start(*REPO, "--shutdown-grace", "600")
    launched = launch_patient(server, work / "release")
    server.client.shutdown_server()
    wait_until_shutting_down(server)

    server.front.terminate()
    # Answered after the signal was handled.
    assert server.id
    (work / "release").touch()

    assert server.wait_for_exit() == 0
    assert launched.run.status is DagsterRunStatus.SUCCESS


def test_a_server_shuts_down_when_heartbeats_cease(start: Start) -> None:
    options = ("--heartbeat", "--heartbeat-timeout", "2")
    # A machine that stops this test for two seconds lets them cease too early.
    servers = (start(*REPO, *options) for _ in range(10))
    server = next(each for each in servers if outlives_its_timeout(each))

    assert server.wait_for_exit() == 0
    assert "no heartbeat for 2 seconds" in server.server.text


def outlives_its_timeout(server: Server) -> bool:
    """Send heartbeats for longer than it lives without them."""
    with contextlib.suppress(DagsterUserCodeUnreachableError):
        server.client.list_repositories()
        beats = threading.Event()
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            assert server.client.heartbeat("still here") == "still here"
            beats.wait(0.2)
    return server.front.poll() is None


def test_servers_do_not_disturb_each_other(start: Start, work: Path) -> None:
    one, other = start(*REPO, "--shutdown-grace", "0"), start(*REPO)
    ends, stays = launch(one, "endless"), launch_patient(other, work / "release")
    assert current_runs(one) == [ends.run_id]
    assert current_runs(other) == [stays.run_id]
    assert skip_message(other)
    before = lasting(other)

    one.front.terminate()

    assert one.wait_for_exit() == 0
    assert ends.run.status is DagsterRunStatus.FAILURE
    assert lasting(other) == before
    assert skip_message(other)
    (work / "release").touch()
    stays.wait_until_finished()
    assert stays.run.status is DagsterRunStatus.SUCCESS
