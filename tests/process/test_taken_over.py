"""User code that takes signals and functions for itself, and processes that are stopped."""

from __future__ import annotations

import signal

import pytest
from dagster import DagsterRunStatus

from tests.differential import running
from tests.process.conftest import Start
from tests.process.running import final_status, launch_stubborn, reasons
from tests.process.serving import USER_CODE, skip_message, tick, wait_until_gone
from tests.process.test_shutdown import REPO
from tests.support.portable import FORKED


@pytest.mark.parametrize(
    ("deed", "blocked"),
    [("block_signals", "SIGUSR1"), ("replace_functions", "none")],
)
@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_what_user_code_takes_for_itself_is_not_the_servers(
    start: Start, deed: str, blocked: str, isolation: str
) -> None:
    path = USER_CODE / "takes_over.py"
    server = start("-f", str(path), "--isolation", isolation, env={"DEED": deed})
    assert skip_message(server) == blocked, "what the server does not need stays as it was"
    launched = running.launch(server, "short")
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    assert not server.reload()
    server.processes()

    server.front.terminate()

    assert server.wait_for_exit() == 0
    wait_until_gone(server.seen)


@FORKED
def test_stopped_processes_end_with_the_server(start: Start) -> None:
    server = start(*REPO)
    assert tick(server, "quick")
    for role in ("fork", "host", "eval"):
        server.only(role).send_signal(signal.SIGSTOP)

    server.front.terminate()

    assert server.wait_for_exit() == 0
    wait_until_gone(server.seen)


def test_a_run_whose_host_is_stopped_ends_with_the_server(start: Start) -> None:
    server = start(*REPO, "--shutdown-grace", "0")
    launched = launch_stubborn(server)
    server.only("host").send_signal(signal.SIGSTOP)

    server.front.terminate()

    assert server.wait_for_exit() == 0
    wait_until_gone(server.seen)
    assert launched.run.status is DagsterRunStatus.FAILURE
    assert "signal 9" in reasons(launched)[0]
