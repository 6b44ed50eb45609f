"""Ticks that hang or die cost one process, for as long as their caller waits."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
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
    pid_in,
    sensor_args,
    serve,
    skip_message,
    tick,
    wait_until_gone,
)

TRIES = 10  # when a machine is too busy to begin with a tick in two seconds


@pytest.fixture
def note(work: Path) -> Iterator[Path]:
    """The file to which a tick writes its process id; that process is gone after the test."""
    path = work / "tick"
    yield path
    wait_until_gone(processes_of(path))


def processes_of(note: Path) -> list[psutil.Process]:
    """The process that has written this, if it is still there."""
    with contextlib.suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return [psutil.Process(int(note.read_text()))]
    return []


def start_tick(server: Server, sensor: str, note: Path) -> grpc.Future:
    """A tick that has begun."""
    request = pb.ExternalSensorExecutionRequest(
        serialized_external_sensor_execution_args=serialize_value(
            sensor_args(server, sensor, note, LIMIT)
        )
    )
    call = server.stub.SyncExternalSensorExecution.future(request, timeout=LIMIT)
    pid_in(note)
    return call


def let_time_pass(server: Server, sensor: str, note: Path) -> None:
    """Have a tick, which has begun, pass its deadline."""
    for _ in range(TRIES):
        with pytest.raises(DagsterUserCodeUnreachableError) as raised:
            tick(server, sensor, note, deadline=2)
        assert _status(raised.value) is grpc.StatusCode.DEADLINE_EXCEEDED
        if note.exists():
            return
    raise AssertionError("no tick has begun in time")


def go_away(server: Server, sensor: str, note: Path) -> None:
    """Have the caller of a tick, which has begun, go away."""
    call = start_tick(server, sensor, note)
    assert server.client.get_server_id(timeout=LIMIT)
    call.cancel()


@pytest.mark.parametrize(
    ("give_up", "sensor"),
    [
        (let_time_pass, "ignores_sigterm"),
        (go_away, "swallows_everything"),
        (go_away, "starts_a_child"),
    ],
)
def test_a_tick_that_nobody_waits_for_is_ended(
    example: Server, note: Path, sensor: str, give_up: Callable[[Server, str, Path], None]
) -> None:
    give_up(example, sensor, note)

    _check_ended(example, note)


@pytest.mark.parametrize("give_up", [let_time_pass, go_away])
def test_a_tick_that_nobody_waits_for_may_clean_up(
    example: Server, note: Path, give_up: Callable[[Server, str, Path], None]
) -> None:
    """It has two seconds for that. A machine that stops it for as long gets another try."""
    for _ in range(TRIES):
        note.unlink(missing_ok=True)
        give_up(example, "cleans_up", note)
        _check_ended(example, note)
        if note.with_suffix(".clean").exists():
            return
    raise AssertionError("it has never cleaned up")


def _check_ended(server: Server, note: Path) -> None:
    # The one worker that the server may have is free again, whatever becomes of the old one.
    assert skip_message(server).startswith("pid ")
    wait_until_gone(processes_of(note))


def test_a_tick_that_finds_no_worker_passes_its_deadline(example: Server, note: Path) -> None:
    hanging = start_tick(example, "hangs", note)

    with pytest.raises(DagsterUserCodeUnreachableError) as raised:
        tick(example, "quick", deadline=1)

    assert _status(raised.value) is grpc.StatusCode.DEADLINE_EXCEEDED
    hanging.cancel()
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
    # the example gives one second to callers who do not say. A tick that has its time takes two,
    # and another hangs.
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
    options = ["-f", "repo.py", "--default-timeout", "1"]
    with serve(home, home / "impatient.sock", *options, cwd=USER_CODE) as server:
        assert skip_message(server)
        yield server


@pytest.mark.parametrize(("field", "deadline", "has_time"), TIMEOUTS, ids=range(len(TIMEOUTS)))
def test_whose_deadline_counts(
    impatient: Server, field: int | None, deadline: float | None, has_time: bool
) -> None:
    """The smaller of the two that the caller may give, else the operator's."""
    sensor = "takes_two_seconds" if has_time else "hangs"
    args = json.loads(serialize_value(sensor_args(impatient, sensor, "", LIMIT)))
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
