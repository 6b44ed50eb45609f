"""Draining: clients have time to go elsewhere, and what was begun comes to its end."""

from __future__ import annotations

import time
from pathlib import Path

import grpc
import pytest
from dagster import DagsterRunStatus
from dagster._core.errors import DagsterUserCodeUnreachableError
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.differential.running import start as start_run
from tests.process.conftest import Start
from tests.process.running import failures, launch
from tests.process.serving import (
    LIMIT,
    USER_CODE,
    Server,
    in_background,
    pid_in,
    skip_message,
    tick,
)
from tests.process.test_lifecycle import REFUSAL
from tests.support.eventually import eventually

REPO = ("-f", str(USER_CODE / "repo.py"))
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def health(server: Server) -> int:
    stub = health_pb2_grpc.HealthStub(server.channel)
    return int(stub.Check(health_pb2.HealthCheckRequest(), timeout=LIMIT).status)


def test_everything_but_runs_is_answered_for_the_delay(start: Start) -> None:
    server = start(*REPO, "--drain-delay", "600")
    assert skip_message(server)
    watch = health_pb2_grpc.HealthStub(server.channel).Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING

    server.front.terminate()

    assert next(watch).status == NOT_SERVING
    assert health(server) == NOT_SERVING
    assert start_run(server, "no-such-run", "short").reply.message == REFUSAL
    assert server.id
    assert skip_message(server)
    assert "repo" in server.client.list_repositories()
    # A second signal ends the delay.
    server.front.terminate()
    assert server.wait_for_exit() == 0


def test_the_server_ends_after_the_delay(start: Start) -> None:
    server = start(*REPO, "--drain-delay", "1")
    assert server.id

    began = time.monotonic()
    server.front.terminate()

    assert server.wait_for_exit() == 0
    assert time.monotonic() - began >= 1


def test_a_tick_that_was_begun_is_finished(start: Start, work: Path) -> None:
    server = start("-f", str(USER_CODE / "edition.py"), "--shutdown-grace", "600")
    note = work / "note"
    answer = in_background(lambda: tick(server, "waits", note))
    pid_in(note)

    server.front.terminate()
    refused = eventually(lambda: _refusal(server), what="no new ticks")
    note.with_suffix(".go").touch()

    assert refused is grpc.StatusCode.UNAVAILABLE
    assert answer.result(LIMIT).skip_message == "first"  # type: ignore[attr-defined]
    assert server.wait_for_exit() == 0


def _refusal(server: Server) -> grpc.StatusCode | None:
    try:
        tick(server, "says")
    except DagsterUserCodeUnreachableError as error:
        return getattr(error.__cause__, "code", lambda: None)()
    return None


@pytest.mark.parametrize("by", ["SIGTERM", "ShutdownServer"])
def test_runs_are_interrupted_at_once_if_wanted(start: Start, by: str) -> None:
    server = start(*REPO, "--shutdown-runs", "interrupt", "--shutdown-grace", "600")
    launched = launch(server, "endless")

    if by == "SIGTERM":
        server.front.terminate()
    else:
        server.client.shutdown_server()

    assert server.wait_for_exit() == 0
    assert launched.run.status is DagsterRunStatus.FAILURE
    assert "interrupted" in failures(launched)[0]
