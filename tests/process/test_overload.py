"""More ticks than can be evaluated: they share, they wait, and then they are refused."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from dagster._core.remote_representation.external_data import SensorExecutionErrorSnap
from dagster._grpc.__generated__ import DagsterApiStub
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._serdes import serialize_value

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
)
from tests.support.eventually import eventually

Code = grpc.StatusCode
QUICKLY = 2  # seconds; what the webserver and the daemon give GetServerId


@pytest.fixture(scope="module")
def busy(home: Path) -> Iterator[Server]:
    options = ["-f", "repo.py", "--max-workers", "4", "--max-queue", "20", "--enable-metrics"]
    with serve(home, home / "overload.sock", *options, cwd=USER_CODE) as server:
        server.client.list_repositories()
        yield server


@pytest.fixture
def hanging(busy: Server, work: Path) -> Iterator[list[grpc.Future]]:
    """Ticks of one sensor that hang until the test ends: two run, as many as it may wait."""
    calls = [start_tick(busy, "hangs", work / f"hanging {number}") for number in range(12)]
    wait_for_two(work, "hanging")
    eventually(lambda: utilization(busy)["num_queued_requests"] == 10, what="the others to wait")
    yield calls
    for call in calls:
        call.cancel()
    eventually(lambda: utilization(busy)["num_running_requests"] == 0, what="free evaluators")


def wait_for_two(work: Path, name: str) -> None:
    """Wait until two ticks run, whichever of those that were started at once came first."""
    eventually(lambda: len(list(work.glob(f"{name} *"))) == 2, what=f"two ticks of {name}")


def start_tick(
    server: Server, sensor: str, cursor: object = "", *, timeout: float = LIMIT
) -> grpc.Future:
    return server.stub.SyncExternalSensorExecution.future(
        request_for(server, sensor, cursor), timeout=timeout
    )


def request_for(server: Server, sensor: str, cursor: object = "") -> object:
    args = serialize_value(sensor_args(server, sensor, cursor, LIMIT))
    return pb.ExternalSensorExecutionRequest(serialized_external_sensor_execution_args=args)


def metrics(server: Server) -> dict[str, dict[str, int]]:
    text = server.client.ping("x")["serialized_server_utilization_metrics"]
    found: dict[str, dict[str, int]] = json.loads(text)
    return found


def utilization(server: Server) -> dict[str, int]:
    return metrics(server)["request_utilization"]


def test_one_sensor_cannot_have_all_evaluators(busy: Server, hanging: list[grpc.Future]) -> None:
    assert utilization(busy)["num_running_requests"] == 2  # half of four
    for _ in range(5):
        assert skip_message(busy)
    assert not any(call.done() for call in hanging)


def test_one_sensor_cannot_have_the_whole_queue(busy: Server, hanging: list[grpc.Future]) -> None:
    refused = start_tick(busy, "hangs")

    error = refused.exception(timeout=QUICKLY)

    assert error.code() is Code.RESOURCE_EXHAUSTED
    for part in ("sensor hangs", "2 of 4 busy", "10 waiting, 10 of them", "--max-queue 20"):
        assert part in error.details()
    assert skip_message(busy)


def test_what_does_not_exist_is_said_while_everything_hangs(
    busy: Server, work: Path, hanging: list[grpc.Future]
) -> None:
    more = [start_tick(busy, "cleans_up", work / f"more {number}") for number in range(12)]
    wait_for_two(work, "more")
    eventually(lambda: utilization(busy)["num_queued_requests"] == 20, what="a full queue")
    assert start_tick(busy, "quick").exception(timeout=QUICKLY).code() is Code.RESOURCE_EXHAUSTED

    answer = tick(busy, "no_such_sensor", deadline=QUICKLY)

    assert isinstance(answer, SensorExecutionErrorSnap)
    assert "no_such_sensor" in answer.error.to_string()
    assert busy.client.get_server_id(timeout=QUICKLY)
    assert not busy.reload()
    for call in more:
        call.cancel()


def test_waiting_is_counted_and_logged(busy: Server, work: Path) -> None:
    before = metrics(busy)["queue_counts"]
    calls = [start_tick(busy, "hangs", work / f"{number}", timeout=2) for number in range(2)]
    pid_in(work / "1")
    waiting = in_background(lambda: tick(busy, "hangs", work / "late", deadline=LIMIT))
    for call in calls:
        assert call.exception(timeout=LIMIT).code() is Code.DEADLINE_EXCEEDED
    evaluator = pid_in(work / "late")

    after = metrics(busy)["queue_counts"]
    assert after["waited"] == before["waited"] + 1
    assert after["waited_seconds"] > before["waited_seconds"]
    assert "the sensor hangs waited" in busy.server.text
    assert f"process {evaluator}" not in busy.server.text
    next(p for p in busy.processes("evaluator") if p.pid == evaluator).kill()
    assert isinstance(waiting.result(LIMIT), SensorExecutionErrorSnap)


async def _ten_thousand(server: Server) -> Counter[str]:
    """Ticks that are all asked for at once, over a few connections."""
    channels = [grpc.aio.insecure_channel(f"unix:{server.server.socket}") for _ in range(4)]
    # A connection carries about a hundred requests at a time, unless it may carry more.
    stubs = [DagsterApiStub(channel) for channel in channels]
    request = request_for(server, "quick")

    async def ask(number: int) -> str:
        try:
            stub = stubs[number % len(stubs)]
            reply = await stub.SyncExternalSensorExecution(request, timeout=LIMIT)
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return "answered" if "pid " in reply.serialized_sensor_result else "wrong answer"

    outcomes = Counter(await asyncio.gather(*(ask(number) for number in range(10_000))))
    for channel in channels:
        await channel.close()
    return outcomes


async def test_ten_thousand_ticks_at_once(busy: Server) -> None:
    outcomes = await _ten_thousand(busy)

    assert set(outcomes) <= {"answered", "RESOURCE_EXHAUSTED"}
    assert outcomes["answered"] > 10
    assert sum(outcomes.values()) == 10_000
    assert skip_message(busy)
    assert metrics(busy)["queue_counts"]["refused"] >= outcomes["RESOURCE_EXHAUSTED"]
    # Once for all of them, not ten thousand times.
    assert busy.server.text.count("cannot wait for an evaluator") < 20


def test_code_that_keeps_crashing_is_left_alone_for_a_while(busy: Server) -> None:
    told = [tick(busy, "segfaults") for _ in range(5)]

    assert all(isinstance(answer, SensorExecutionErrorSnap) for answer in told)
    texts = [answer.error.message for answer in told]
    assert all("SIGSEGV" in text for text in texts)
    assert "crashed 3 times in a row" in texts[3]
    assert skip_message(busy)
