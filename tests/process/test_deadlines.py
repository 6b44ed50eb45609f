"""Ticks that hang or die cost one process, for as long as their caller waits."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_representation.external_data import SensorExecutionErrorSnap
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._serdes import serialize_value

from tests.differential import calls
from tests.process.serving import (
    LIMIT,
    USER_CODE,
    Server,
    in_background,
    pid_in,
    sensor_args,
    serve,
    skip_message,
    tick,
    wait_until_gone,
)

QUICKLY = 2  # seconds; what the webserver and the daemon give GetServerId


@pytest.fixture
def note(work: Path) -> Iterator[Path]:
    """The file to which a tick writes its process id; that process is gone after the test."""
    path = work / "tick"
    yield path
    if path.exists():
        with contextlib.suppress(psutil.NoSuchProcess):
            wait_until_gone([psutil.Process(pid_in(path))])


@pytest.mark.parametrize("sensor", ["cleans_up", "ignores_sigterm"])
def test_a_tick_that_passes_its_deadline_is_ended(example: Server, note: Path, sensor: str) -> None:
    answer = in_background(lambda: tick(example, sensor, note, deadline=2))
    evaluator = psutil.Process(pid_in(note))
    assert example.client.get_server_id(timeout=QUICKLY)

    error = answer.exception(LIMIT)

    assert _status(error) is grpc.StatusCode.DEADLINE_EXCEEDED
    _check_ended(example, evaluator, note, sensor)


@pytest.mark.parametrize("sensor", ["cleans_up", "swallows_everything", "starts_a_child"])
def test_a_tick_whose_caller_goes_away_is_ended(example: Server, note: Path, sensor: str) -> None:
    request = pb.ExternalSensorExecutionRequest(
        serialized_external_sensor_execution_args=serialize_value(
            sensor_args(example, sensor, note, LIMIT)
        )
    )
    call = example.stub.SyncExternalSensorExecution.future(request, timeout=LIMIT)
    evaluator = psutil.Process(pid_in(note))

    call.cancel()

    _check_ended(example, evaluator, note, sensor)


def _check_ended(server: Server, evaluator: psutil.Process, note: Path, sensor: str) -> None:
    # The one worker that the server may have is free again, whatever becomes of the old one.
    assert skip_message(server).startswith("pid ")
    wait_until_gone([evaluator])
    assert note.with_suffix(".clean").exists() == (sensor == "cleans_up")


def test_a_tick_that_finds_no_worker_passes_its_deadline(example: Server, note: Path) -> None:
    hanging = in_background(lambda: tick(example, "hangs", note, deadline=2))
    pid_in(note)

    with pytest.raises(DagsterUserCodeUnreachableError) as raised:
        tick(example, "quick", deadline=1)

    assert _status(raised.value) is grpc.StatusCode.DEADLINE_EXCEEDED
    assert hanging.exception(LIMIT)
    assert skip_message(example).startswith("pid ")


@pytest.mark.parametrize(
    ("sensor", "reason"),
    [
        ("exits", "exited with code 7"),
        ("segfaults", "was killed by signal 11 (SIGSEGV)"),
        ("kills_itself", "was killed by signal 9 (SIGKILL)"),
        ("sys_exits", "SystemExit: 3"),
    ],
)
def test_a_tick_that_ends_its_process_is_an_error(
    example: Server, sensor: str, reason: str
) -> None:
    answer = tick(example, sensor)

    assert isinstance(answer, SensorExecutionErrorSnap)
    assert reason in answer.error.message
    assert skip_message(example).startswith("pid ")


def test_an_idle_evaluator_that_is_killed_is_replaced(example: Server) -> None:
    first = skip_message(example)
    assert [skip_message(example) for _ in range(3)] == [first] * 3
    evaluator = psutil.Process(int(first.removeprefix("pid ")))

    evaluator.kill()

    wait_until_gone([evaluator])
    assert skip_message(example) != first


TIMEOUTS = [
    # The timeout in the request, the deadline of the call, and whether the tick has its time:
    # the example gives two seconds to callers who do not say, and the tick takes three.
    (None, None, False),
    (None, 30, True),
    (30, None, True),
    (1, 30, False),
    (30, 1, False),
    (0, 30, False),
    (-1, 30, False),
    (-(10**400), None, False),
    (10**400, 30, True),
    (10**12, None, True),
    (10**12, 10**9, True),
    (None, 0, False),
    (None, -1, False),
]


@pytest.fixture(scope="module")
def impatient(home: Path) -> Iterator[Server]:
    options = ["-f", "repo.py", "--default-timeout", "2"]
    with serve(home, home / "impatient.sock", *options, cwd=USER_CODE) as server:
        assert skip_message(server)
        yield server


@pytest.mark.parametrize(("field", "deadline", "has_time"), TIMEOUTS, ids=range(len(TIMEOUTS)))
def test_whose_deadline_counts(
    impatient: Server, field: int | None, deadline: float | None, has_time: bool
) -> None:
    """The smaller of the two that the caller may give, else the operator's."""
    args = json.loads(serialize_value(sensor_args(impatient, "takes_three_seconds", "", LIMIT)))
    request = pb.ExternalSensorExecutionRequest(
        serialized_external_sensor_execution_args=json.dumps({**args, "timeout": field})
    )
    call = impatient.stub.SyncExternalSensorExecution.future(request, timeout=deadline)

    error = call.exception(LIMIT)

    assert (error is None) == has_time, error
    if error is not None:
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert skip_message(impatient).startswith("pid ")


def test_cancel_of_a_run_that_is_not_there(impatient: Server) -> None:
    assert not calls.cancel("no-such-run").make(impatient).success
    assert not calls.can_cancel("no-such-run").make(impatient).can_cancel


def _status(error: BaseException | None) -> grpc.StatusCode:
    assert isinstance(error, DagsterUserCodeUnreachableError)
    assert isinstance(error.__cause__, grpc.RpcError)
    return error.__cause__.code()
