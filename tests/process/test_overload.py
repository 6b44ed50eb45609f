"""More ticks than can be evaluated: they share, they wait, and then they are refused."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from dagster._core.remote_representation.external_data import SensorExecutionErrorSnap
from dagster._grpc.__generated__ import DagsterApiStub
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._serdes import serialize_value

from codeserver.config import Config
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
FOR_GOOD = 10 * LIMIT  # seconds that what hangs may go on, which is as long as a test needs it


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
    wait_for_queue(busy, 10)
    yield calls
    ended = [call for call in calls if call.done()]
    for call in calls:
        call.cancel()
    wait_until_idle(busy)
    assert not ended, "nothing was tested while these hung"


def wait_for_two(work: Path, name: str) -> None:
    """Wait until two ticks run, whichever of those that were started at once came first."""
    eventually(lambda: len(list(work.glob(f"{name} *"))) == 2, what=f"two ticks of {name}")


def wait_for_queue(server: Server, length: int) -> None:
    eventually(
        lambda: utilization(server)["num_queued_requests"] == length, what=f"{length} to wait"
    )


def wait_until_idle(server: Server) -> None:
    def is_idle() -> bool:
        now = utilization(server)
        return now["num_running_requests"] == now["num_queued_requests"] == 0

    eventually(is_idle, what="free evaluators")


def start_tick(server: Server, sensor: str, cursor: object = "") -> grpc.Future:
    return server.stub.SyncExternalSensorExecution.future(
        request_for(server, sensor, cursor), timeout=FOR_GOOD
    )


def request_for(server: Server, sensor: str, cursor: object = "") -> object:
    args = serialize_value(sensor_args(server, sensor, cursor, FOR_GOOD))
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


def test_one_sensor_cannot_have_the_whole_queue(busy: Server, hanging: list[grpc.Future]) -> None:
    refused = start_tick(busy, "hangs")

    error = refused.exception(timeout=LIMIT)

    assert error.code() is Code.RESOURCE_EXHAUSTED
    for part in ("sensor hangs", "2 of 4 busy", "10 waiting, 10 of them", "--max-queue 20"):
        assert part in error.details()
    assert skip_message(busy)


def test_what_does_not_exist_is_said_while_everything_hangs(
    busy: Server, work: Path, hanging: list[grpc.Future]
) -> None:
    more = [start_tick(busy, "cleans_up", work / f"more {number}") for number in range(12)]
    wait_for_two(work, "more")
    wait_for_queue(busy, 20)
    assert start_tick(busy, "quick").exception(timeout=LIMIT).code() is Code.RESOURCE_EXHAUSTED

    answer = tick(busy, "no_such_sensor")

    assert isinstance(answer, SensorExecutionErrorSnap)
    assert "no_such_sensor" in answer.error.to_string()
    assert busy.id
    assert not busy.reload()
    assert not any(call.done() for call in more)
    for call in more:
        call.cancel()


def test_waiting_is_counted(busy: Server, work: Path) -> None:
    before = metrics(busy)["queue_counts"]
    calls = [start_tick(busy, "hangs", work / f"first {number}") for number in range(2)]
    wait_for_two(work, "first")
    waiting = in_background(lambda: tick(busy, "hangs", work / "late", deadline=FOR_GOOD))
    wait_for_queue(busy, 1)

    for call in calls:
        call.cancel()

    evaluator = pid_in(work / "late")
    after = metrics(busy)["queue_counts"]
    assert after["waited"] == before["waited"] + 1
    assert after["waited_seconds"] > before["waited_seconds"]
    assert f"process {evaluator}" not in busy.server.text
    next(p for p in busy.processes("evaluator") if p.pid == evaluator).kill()
    assert isinstance(waiting.result(LIMIT), SensorExecutionErrorSnap)


async def _ten_thousand(server: Server) -> Counter[str]:
    """Ticks that are all asked for at once, over as many connections as they need."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    address = f"unix:{server.server.socket}"
    channels = [
        grpc.aio.insecure_channel(address, options)
        for _ in range(10_000 // Config().max_connection_calls)
    ]
    stubs = [DagsterApiStub(channel) for channel in channels]
    request = request_for(server, "quick")

    async def ask(number: int) -> str:
        try:
            stub = stubs[number % len(stubs)]
            reply = await stub.SyncExternalSensorExecution(request, timeout=FOR_GOOD)
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
    def told() -> str:
        answer = tick(busy, "segfaults")
        assert isinstance(answer, SensorExecutionErrorSnap)
        return answer.error.message

    for _ in range(3):
        text = told()
        assert "SIGSEGV" in text
        assert "in a row" not in text

    def refused() -> str:
        return text if "in a row" in (text := told()) else ""

    # The first pause is short, and may be over before the tick comes; each is twice as long.
    text = eventually(refused, what="a pause")
    assert re.search(r"has crashed [3-9] times in a row and is not tried", text)
    assert "SIGSEGV" in text
    assert skip_message(busy)
