"""Code that nothing needs is unloaded, and the next request that does need it wakes it."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import grpc
import psutil
import pytest
from dagster import DagsterRunStatus
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_representation.external_data import SensorExecutionErrorSnap
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._serdes import serialize_value

import codeserver
from codeserver.api import v1
from codeserver.client import Client
from tests.differential import running
from tests.differential.calls import origin
from tests.differential.plain import value
from tests.process.conftest import Start
from tests.process.editing import BROKEN, CODE, WATCHED, edition, logs, replace
from tests.process.running import final_status, launch_patient
from tests.process.serving import (
    LIMIT,
    Server,
    in_background,
    pid_in,
    sensor_args,
    serve,
    skip_message,
    tick,
    wait_until_gone,
)
from tests.support.eventually import eventually

IDLE = ("-f", "served.py", "--idle-unload", "0.2s")
UNLOADED = "idle for 0.2 s: the code is unloaded until a request needs it"


@pytest.fixture
def file(work: Path) -> Path:
    found = work / "served.py"
    found.write_text(CODE)
    return found


@pytest.fixture
def typed(file: Path, start: Start) -> Iterator[tuple[Server, Client]]:
    """A server of that file, and a client of its typed API."""
    server = start(*IDLE)
    with codeserver.connect(f"unix:{server.server.socket}") as client:
        yield server, client


def users(server: Server) -> list[psutil.Process]:
    """The processes that have the user's code."""
    return [p for role in ("host", "evaluator", "run") for p in server.processes(role)]


def is_unloaded(server: Server, times: int = 1) -> None:
    """Wait until the code was unloaded so many times or more, and no process has it.

    How often depends on the machine: whenever it stops a test for long enough, it is once more.
    """
    logs(server, UNLOADED, times=times)
    eventually(lambda: not users(server), what="the end of the processes with the code")


def host_of(server: Server) -> psutil.Process:
    """The process that has the code now; that of the code before may still be ending."""
    return eventually(lambda: server.only("host"), what="one host")


def test_answers_go_on_when_the_code_is_unloaded(typed: tuple[Server, Client]) -> None:
    server, client = typed
    assert skip_message(server, "says") == "first"
    generation = client.location().generation
    before = (
        server.client.list_repositories(),
        server.id,
        server.client.external_repository(origin(), defer_snapshots=True),
        server.client.external_job(origin(), "patient"),
    )
    is_unloaded(server)
    forkserver = server.only("forkserver")

    assert before == (
        server.client.list_repositories(),
        server.id,
        server.client.external_repository(origin(), defer_snapshots=True),
        server.client.external_job(origin(), "patient"),
    )
    assert server.client.health_check_query() == "SERVING"
    location = client.location()
    assert (location.state, location.generation) == (v1.Location.STATE_READY, generation)
    assert location.HasField("unloaded_at")
    assert not users(server)

    assert skip_message(server, "says") == "first"
    assert server.id == before[1]
    assert server.only("forkserver") == forkserver
    logs(server, "the sensor says needs the code, which is loaded again")
    logs(server, "no visible change")
    assert "loading again" not in server.server.text


def test_watchers_are_told(typed: tuple[Server, Client]) -> None:
    server, client = typed
    responses = client.watch()
    assert next(each for each in responses if each.location.HasField("unloaded_at"))
    waking = in_background(lambda: skip_message(server, "says"))
    awake = next(each for each in responses if not each.location.HasField("unloaded_at"))
    assert (awake.location.generation, list(awake.changes)) == (2, [])
    assert waking.result() == "first"
    assert next(each for each in responses if each.location.HasField("unloaded_at"))
    responses.close()


def test_ticks_at_once_load_the_code_once(file: Path, start: Start) -> None:
    server = start(*IDLE, "--max-workers", "16")
    is_unloaded(server)
    go = loads_when_there_is(file, "go")
    request = pb.ExternalSensorExecutionRequest(
        serialized_external_sensor_execution_args=serialize_value(
            sensor_args(server, "says", "", LIMIT)
        )
    )
    ticks = [
        server.stub.SyncExternalSensorExecution.future(request, timeout=LIMIT) for _ in range(8)
    ]
    server.stub.GetServerId(pb.Empty(), timeout=LIMIT)  # on the same connection, so they came first
    go.touch()
    replies = [value(each.result().serialized_sensor_result) for each in ticks]
    assert [each.skip_message for each in replies] == ["first"] * 8
    is_unloaded(server, times=2)
    assert server.server.text.count("which is loaded again") == 1
    assert "reload #3" not in server.server.text


def test_it_is_unloaded_again_and_again(file: Path, start: Start) -> None:
    server = start(*IDLE)
    for times in range(1, 4):
        is_unloaded(server, times)
        assert skip_message(server, "says") == "first"
    assert server.client.health_check_query() == "SERVING"


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_run_wakes_it_and_keeps_it(file: Path, start: Start, isolation: str, work: Path) -> None:
    server = start(*IDLE, "--isolation", isolation)
    first = launch_patient(server, work / "first")
    host = host_of(server)
    (work / "first").touch()
    assert final_status(first) is DagsterRunStatus.SUCCESS
    is_unloaded(server)
    wait_until_gone([host])

    run = server.instance.get_run_by_id(first.run_id)
    assert run
    again = run._replace(run_id=str(uuid.uuid4()), status=DagsterRunStatus.STARTING)
    server.instance.add_run(again)
    launched = running.start(server, again.run_id, "patient")
    assert launched.reply.success, launched.reply  # type: ignore[attr-defined]
    logs(server, f"the run {again.run_id} needs the code")
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    is_unloaded(server)


def test_a_run_that_goes_on_keeps_it(file: Path, start: Start, work: Path) -> None:
    server = start(*IDLE)
    launched = launch_patient(server, work / "release")
    host = host_of(server)
    answers_without_the_code(server)
    assert host_of(server) == host
    (work / "release").touch()
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    is_unloaded(server)


def answers_without_the_code(server: Server) -> None:
    """What needs no code, for longer than the limit."""
    for _ in range(500):
        assert server.id


def loads_when_there_is(file: Path, name: str) -> Path:
    """Have the code wait, when it is loaded, until there is a file of this name beside it."""
    go = file.with_name(name)
    waits = f"import time\nfrom pathlib import Path\nwhile not Path({str(go)!r}).exists():"
    replace(file, f"{waits}\n    time.sleep(0.01)\n{CODE}")
    return go


def slow_tick(server: Server, work: Path) -> Future[object]:
    """A tick that is under way, until there is a file `tick.go`."""
    ticking = in_background(lambda: tick(server, "waits", work / "tick"))
    pid_in(work / "tick")
    return ticking


def test_a_tick_that_takes_long_keeps_it(file: Path, start: Start, work: Path) -> None:
    server = start(*IDLE)
    ticking = slow_tick(server, work)
    host = host_of(server)
    answers_without_the_code(server)
    assert skip_message(server, "says") == "first"
    assert host_of(server) == host
    (work / "tick.go").touch()
    assert ticking.result().skip_message == "first"  # type: ignore[attr-defined]
    is_unloaded(server)


def test_an_edit_meanwhile_is_what_wakes_up(typed: tuple[Server, Client], file: Path) -> None:
    server, client = typed
    is_unloaded(server)
    before = server.id
    replace(file, edition("second"))
    assert server.id == before
    assert skip_message(server, "says") == "second"
    assert server.id != before
    logs(server, "~1 job patient")
    assert client.location().generation == 2


def test_an_edit_meanwhile_is_loaded_when_files_are_watched(file: Path, start: Start) -> None:
    server = start(*WATCHED, "--idle-unload", "0.2s")
    logs(server, "watching 1 file")
    is_unloaded(server)
    template = server.only("template")
    before = server.id
    replace(file, edition("second"))
    eventually(lambda: server.id != before, what="the edit to be served")
    is_unloaded(server, times=2)
    assert server.only("template") == template
    assert skip_message(server, "says") == "second"


def test_a_mistake_meanwhile_is_told_to_who_needs_the_code(
    typed: tuple[Server, Client], file: Path
) -> None:
    server, client = typed
    is_unloaded(server)
    listed = server.client.list_repositories()
    replace(file, BROKEN)

    answer = tick(server, "says")

    assert isinstance(answer, SensorExecutionErrorSnap)
    assert "the user made a mistake" in answer.error.message
    assert client.location().state == v1.Location.STATE_LOST
    assert server.client.health_check_query() == "NOT_SERVING"
    assert server.client.list_repositories() == listed
    # Later ones are told, too, and it is tried again, with pauses.
    assert "the user made a mistake" in tick(server, "says").error.message  # type: ignore[attr-defined]
    logs(server, "was ended on purpose; loading again in 1.0 s")
    assert "loading again in 0.0 s" not in server.server.text

    replace(file, edition("second"))
    eventually(lambda: server.client.health_check_query() == "SERVING")
    assert skip_message(server, "says") == "second"
    is_unloaded(server, times=2)


def test_a_run_is_told_of_a_mistake_meanwhile(file: Path, start: Start, work: Path) -> None:
    server = start(*IDLE)
    (work / "release").touch()
    launched = launch_patient(server, work / "release")
    final_status(launched)
    is_unloaded(server)
    replace(file, BROKEN)
    reply = running.start(server, launched.run_id, "patient").reply
    assert not reply.success  # type: ignore[attr-defined]
    assert "the user made a mistake" in reply.serializable_error_info.message  # type: ignore[attr-defined]


def test_a_mistake_meanwhile_is_shown_when_errors_are(file: Path, start: Start) -> None:
    server = start(*IDLE, "--on-reload-error", "surface")
    is_unloaded(server)
    replace(file, BROKEN)
    assert "the user made a mistake" in tick(server, "says").error.message  # type: ignore[attr-defined]
    assert server.client.health_check_query() == "SERVING"
    assert "the user made a mistake" in value(server.client.list_repositories()).to_string()
    replace(file, CODE)
    assert not server.reload()
    is_unloaded(server, times=2)
    assert skip_message(server, "says") == "first"


def test_code_that_is_kept_because_newer_code_does_not_load_is_not_unloaded(
    file: Path, start: Start
) -> None:
    """It could not be had again."""
    server = start(*IDLE)
    is_unloaded(server)
    ticking = slow_tick(server, file.parent)
    replace(file, BROKEN)
    assert "the user made a mistake" in server.reload()
    host = host_of(server)
    (file.parent / "tick.go").touch()
    ticking.result()
    answers_without_the_code(server)
    assert host_of(server) == host
    assert skip_message(server, "says") == "first"
    replace(file, edition("second"))
    assert not server.reload()
    is_unloaded(server)


def test_a_reload_loads_it(file: Path, start: Start) -> None:
    server = start(*IDLE)
    is_unloaded(server)
    replace(file, edition("second"))
    before = server.id
    assert not server.reload()
    assert server.id != before
    assert "which is loaded again" not in server.server.text
    assert skip_message(server, "says") == "second"


def test_the_server_stops_at_once_when_the_code_is_unloaded(file: Path, start: Start) -> None:
    server = start(*IDLE, "--shutdown-grace", "600")
    is_unloaded(server)
    server.front.send_signal(signal.SIGTERM)
    assert server.wait_for_exit() == 0


def test_the_server_stops_while_the_code_wakes_up(file: Path, start: Start, work: Path) -> None:
    """Who waits for the code is told so."""
    server = start(*IDLE)
    is_unloaded(server)
    hanging = f"from pathlib import Path\nimport time\nPath({str(work / 'at')!r}).touch()\n"
    replace(file, hanging + "while True: time.sleep(0.01)\n")
    ticking = in_background(lambda: tick(server, "says"))
    eventually((work / "at").exists)
    server.front.send_signal(signal.SIGTERM)
    error = ticking.exception()
    assert "shut down before the code was loaded" in str(error.__cause__ or error)
    assert server.wait_for_exit() == 0


def test_a_request_waits_no_longer_than_it_may(file: Path, start: Start, work: Path) -> None:
    server = start(*IDLE)
    is_unloaded(server)
    go = loads_when_there_is(file, "go")
    with pytest.raises(DagsterUserCodeUnreachableError) as raised:
        tick(server, "says", deadline=1)
    cause = raised.value.__cause__
    assert isinstance(cause, grpc.RpcError)
    assert cause.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    go.touch()
    assert skip_message(server, "says") == "first"


def test_a_forkserver_that_dies_meanwhile_is_replaced(file: Path, start: Start) -> None:
    server = start(*IDLE)
    is_unloaded(server)
    victim = server.only("forkserver")
    victim.kill()
    wait_until_gone([victim])
    assert skip_message(server, "says") == "first"
    assert "the host of generation" not in server.server.text


def test_without_the_option_it_stays(home: Path, work: Path, file: Path) -> None:
    with serve(home, work / "s.sock", "-f", "served.py", cwd=work) as server:
        assert skip_message(server, "says") == "first"
        host = host_of(server)
        answers_without_the_code(server)
        assert host_of(server) == host
